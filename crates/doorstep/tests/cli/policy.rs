//! Policy files.

use serde_json::json;

use super::support::{Bed, Ran};
use super::web::served;

const SHIPPED: &str = include_str!("../../../../policies/advertising-law.toml");
const EXAMPLE: &str = include_str!("../../../../policies/example-house.toml");

#[test]
fn a_policy_is_shown_by_baseline_with_the_empty_ones() {
    let bed = Bed::new();
    bed.write("shipped.toml", SHIPPED);
    let ran = bed.run("policy check shipped.toml").succeeds().says_nothing();
    let ran = ran.prints("the socialist system: empty, nothing is checked\n");
    let ran = ran.prints("  advertising-law-9-3: hold for a person; Advertising Law of the PRC, ");
    ran.prints("The policy is valid: every example does as it says.\n");
    let ran = bed.run("policy check shipped.toml --lang zh").succeeds().says_nothing();
    ran.prints("社会主义制度底线：空，不作任何检查\n")
        .prints("  advertising-law-9-3：交由人判断；");
    bed.write("example.toml", EXAMPLE);
    bed.run("policy check example.toml").succeeds().prints("This is an example.");
}

#[test]
fn a_policy_whose_example_fails_is_refused() {
    let bed = Bed::new();
    bed.write("bad.toml", SHIPPED.replace("\"国家标准\"", "\"国家级标准\""));
    bed.run("policy check bad.toml").fails(
        "error: bad.toml: rule `advertising-law-9-3`: the example `国家级标准` must not match and \
         does; correct the rule or the example\n",
    );
    bed.run("policy check bad.toml --lang zh")
        .fails("规则 `advertising-law-9-3`：例子 `国家级标准` 不应匹配而匹配了；请更正规则或例子");
}

#[test]
fn the_benchmark_of_policies_finds_every_hidden_word() {
    let figures = Bed::new()
        .run("bench policy --texts 200 --words 500 --patterns 20 --json")
        .succeeds()
        .json();
    assert_eq!((&figures["verified"], &figures["texts"]), (&true.into(), &200.into()));
    assert!(figures["matches"].as_u64().unwrap() >= 10, "{figures}");
}

#[test]
fn errors_of_files_say_what_to_do_in_both_languages() {
    let bed = Bed::new();
    bed.run("policy check none.toml")
        .fails("error: none.toml: there is no such file; check the name\n");
    bed.run("policy check none.toml --lang zh").fails("none.toml：没有该文件；请核对文件名");
    bed.write("bad.toml", SHIPPED.replace("author = ", "writer = "));
    bed.run("policy check bad.toml").fails("bad.toml: line 8: there is no key `writer`; keys");
    bed.run("policy check bad.toml --lang zh").fails("行 8：没有键 `writer`；此处可用的键：");
    bed.run("policy check . --lang zh").fails(".：是目录；请写出其中的文件");
}

/// A text with a word of the law is held, published by a person, refused, and put back by appeal.
#[test]
fn a_text_is_held_decided_appealed_and_matched_again() {
    let served = served();
    let bed = &served.bed;
    let give = |name: &str, key: &str, fields: serde_json::Value| {
        served.give(name, key, &fields).is(200).json()
    };
    let from = "2013-08-28T00:00:00+08:00";
    give(
        "publish-market-profile",
        "profile",
        json!({
            "kind": "Business", "currency": "CNY", "from": from, "identity_proof": false,
            "hold_days": 7, "parcel_amount_max": 100_000, "offers_max": 10, "promotions": true,
            "return_days": 7, "refusals_max": 3, "refusal_days": 90,
        }),
    );
    let tariffs = served.get("/v1/tariffs?limit=1").is(200).json();
    let tariff = &tariffs["items"][0]["tariff"];
    give(
        "register-seller",
        "seller",
        json!({
            "reference": "dresses", "kind": "Business", "currency": "CNY", "jurisdiction": "CN",
            "tariff": tariff, "class": 0, "cycle": "Daily", "minimum": 0,
        }),
    );
    give(
        "admit-seller",
        "admit",
        json!({
            "seller": "dresses", "currency": "CNY", "kind": "Business", "from": from,
            "identity_proved": false, "delivery_fee": 0,
        }),
    );
    bed.write("text.json", r#"{ "title": "连衣裙 国家级品质", "captions": ["正面"] }"#);
    let kept = bed.run("policy text text.json --data door/books --json").succeeds().json();
    let content = kept["content"].as_str().unwrap().to_owned();
    give(
        "draft-offer",
        "draft",
        json!({
            "seller": "dresses", "currency": "CNY", "category": "cat_1", "reference": "d1",
            "content": content, "variants": [{ "sku": "m", "price": 9_900, "weight_g": 300 }],
        }),
    );
    bed.write("law.toml", SHIPPED);
    let proposed = bed.run("policy activate law.toml --data door/books --json").succeeds().json();
    let number = &proposed["proposal"]["number"];
    bed.run(&format!("approve {number} --person bo --data door/books")).succeeds();
    let show = bed.run("policy show --data door/books").succeeds();
    show.prints("citations, version 1, in force from ").prints("morality: empty, nothing is");

    // Listing matches the text, and the offer is not shown.
    let listed = json!({ "offer": "dresses/d1", "state": "Listed" });
    let held = served.give("set-offer-state", "l-1", &listed).problem(409, "text-held");
    assert!(held["detail"].as_str().unwrap().contains("advertising-law-9-3"), "{held}");
    let show = bed.run("policy show --data door/books --json").succeeds().json();
    assert_eq!(show["held"][0]["content"], json!(content), "{show}");
    let preview = bed.run("policy preview law.toml --data door/books --json").succeeds().json();
    assert_eq!((&preview["texts"], &preview["business"]["stopped"]), (&json!(1), &json!(1)));

    let given =
        |fields: &str| bed.run(&format!("do {fields} --data door/books --json")).succeeds().json();
    let text = format!("--offer dresses/d1 --content {content}");
    given(&format!("DecideText {text} --judgement Publish"));
    served.give("set-offer-state", "l-2", &listed).is(200);
    let spans = r#"{"spans":[{"part":"Title","start":10,"end":19}]}"#;
    bed.write("spans.json", spans);
    let refused = format!("DecideText {text} --judgement Refuse --rule advertising-law-9-3");
    let mut command = bed.doorstep(&format!("do {refused} --data door/books --json"));
    let answer = Ran::of(command.args(["--fields", spans])).succeeds().json();
    assert_eq!(answer["answer"], "carried_out", "{answer}");
    let state = || served.settled().get("/v1/offers").is(200).json()["items"][0]["state"].clone();
    assert_eq!(state(), "paused");
    let again = served.give("set-offer-state", "l-3", &listed).problem(409, "text-refused");
    assert!(again["detail"].as_str().unwrap().contains("appeal"), "{again}");

    let appeal = "--offer dresses/d1 --decision 3";
    given(&format!("AppealText --seller dresses {appeal} --reason OtherMeaning"));
    let judged = format!("JudgeAppeal {appeal} --judgement Publish --data door/books");
    bed.run(&format!("do {judged}")).fails("");
    bed.run(&format!("do {judged} --person bo")).succeeds();
    assert_eq!(state(), "listed", "put back");

    let report = bed.run("policy report --data door/books --json").succeeds().json();
    assert_eq!(
        (&report["held"], &report["refused"], &report["passed"]),
        (&json!(1), &json!(1), &json!(2))
    );
    assert_eq!(report["appeals"]["reversed"], 1, "{report}");
    bed.run("policy report --data door/books --csv report").succeeds();
    assert!(bed.read("report/appeals.csv").contains("laws_and_regulations,1,advertising-law-9-3"));
    let fits = bed.run("policy statements --data door/books").ends_with(1);
    let fits = fits.says("holds in CN, which is no European territory");
    assert!(fits.says("has no `category`").stdout().is_empty());
    let verified = bed.run("verify --policy --data door/books --json").succeeds().json();
    assert_eq!(
        (&verified["policy"]["matched"], &verified["policy"]["erased"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(verified["wrong"], json!([]), "{verified}");
    bed.run("policy text text.json --erase --data door/books").succeeds().prints("erased");
    bed.run("verify --policy --data door/books").succeeds().prints("texts no longer there: 1");
}
