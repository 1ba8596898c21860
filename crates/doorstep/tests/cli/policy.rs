//! Policy files.

use serde_json::json;

use super::market::{admit, open_to};
use super::support::{Bed, Ran, eventually};
use super::web::{ANN_WITH_BO, Served, in_hours, issue, secret, served, start};

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
    open_to(&served, "Business", 10, 3);
    admit(&served, "dresses", "Business", 0);
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
    // Places are of whole characters of the text.
    let refused = format!("DecideText {text} --judgement Refuse --rule advertising-law-9-3");
    for (start, end) in [(10, 9_999), (11, 19), (10, 10)] {
        let spans = format!(r#"{{"spans":[{{"part":"Title","start":{start},"end":{end}}}]}}"#);
        let mut command = bed.doorstep(&format!("do {refused} --data door/books"));
        Ran::of(command.args(["--fields", &spans])).fails(&format!("from byte {start} to {end}"));
    }
    let spans = r#"{"spans":[{"part":"Title","start":10,"end":19}]}"#;
    bed.write("spans.json", spans);
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

/// Pages and the API: by role, without sign-in where the settings say so, and a judge who does not
/// see the first judgement.
#[test]
fn the_policy_is_public_by_the_settings_and_decisions_are_seen_by_role() {
    let served = served();
    let bed = &served.bed;
    let give = |name: &str, key: &str, fields: serde_json::Value| {
        served.give(name, key, &fields).is(200).json()
    };
    let offers =
        [("d1", "连衣裙"), ("d2", "国 家 级 绿茶"), ("d3", "加微信优惠"), ("d4", "二手相机")];
    open_to(&served, "Business", 10, 3);
    for seller in ["dresses", "others"] {
        admit(&served, seller, "Business", 0);
    }
    let mut ids = Vec::new();
    for (reference, title) in offers {
        bed.write("text.json", json!({ "title": title }).to_string());
        let kept = bed.run("policy text text.json --data door/books --json").succeeds().json();
        let drafted = give(
            "draft-offer",
            reference,
            json!({
                "seller": "dresses", "currency": "CNY", "category": "cat_1",
                "reference": reference, "content": kept["content"],
                "variants": [{ "sku": "m", "price": 9_900, "weight_g": 300 }],
            }),
        );
        ids.push(drafted["events"][0]["offer"].as_str().unwrap().to_owned());
        // Before there is a policy everything is listed.
        let listed = json!({ "offer": format!("dresses/{reference}"), "state": "Listed" });
        give("set-offer-state", &format!("l-{reference}"), listed);
    }
    let nobody = ["Authorization: Bearer ds_test_no", "Accept: text/html"];
    // The law's rules hold since 2015, the example's until 2027: at the time of the trial.
    let both = SHIPPED.to_owned() + &EXAMPLE[EXAMPLE.find("[[rule]]").unwrap()..];
    bed.write("both.toml", both.replace("until = \"2027-01-01\"\n", ""));
    let proposed = bed.run("policy activate both.toml --data door/books --json").succeeds().json();
    let number = &proposed["proposal"]["number"];
    bed.run(&format!("approve {number} --person bo --data door/books")).succeeds();

    // What is listed is matched with the new version, by commands in the journal.
    let states = || {
        let all = served.settled().get("/v1/offers?order=reference").is(200).json();
        let items = all["items"].as_array().unwrap().clone();
        items.iter().map(|one| one["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    eventually("texts are matched again", || states() == ["listed", "paused", "paused", "listed"]);
    let decisions = served.get("/v1/text-decisions?order=offer&limit=10").is(200).json();
    assert_eq!(decisions["items"].as_array().unwrap().len(), 4, "{decisions}");

    // Signed in everybody reads the policy; without it nobody, as these settings say nothing.
    let shown = served.get("/v1/policy").is(200).json();
    let baselines = shown["in_force"]["baselines"].as_array().unwrap();
    assert_eq!(baselines.len(), 7, "{shown}");
    let of = |name: &str| {
        let mut all = baselines.iter().filter(|one| one["baseline"] == name);
        all.next().unwrap()["rules"].as_array().unwrap().len()
    };
    assert_eq!((of("laws_and_regulations"), of("socialist_system"), of("morality")), (1, 0, 0));
    served.send("GET", "/v1/policy", &nobody, b"").problem(401, "not-signed-in");
    served.send("GET", "/v1/policy/held", &nobody, b"").problem(401, "not-signed-in");
    let html = ["Accept: text/html"];
    let page = served.send("GET", "/policy?", &html, b"");
    assert!(page.is(200).body.contains("Empty: nothing is checked under this baseline."));
    let zh = served.send("GET", "/policy", &["Accept: text/html", "Accept-Language: zh"], b"");
    assert!(zh.is(200).body.contains("社会主义制度底线"));

    // The queue marks what was found, also what was hidden by blanks.
    let held = served.get("/v1/policy/held").is(200).json();
    assert_eq!(held["items"][0]["offer"], json!(ids[1]), "{held}");
    assert_eq!(held["items"][0]["text"]["title"], "国 家 级 绿茶");
    let queue = served.send("GET", "/policy/held", &html, b"").is(200).body;
    assert!(queue.contains(">国 家 级</mark>"), "{queue}");
    assert!(!queue.contains("/acts/decide-text"), "a key decides nothing: {queue}");

    // A seller sees own decisions without persons, and another's not at all.
    let until = in_hours(1);
    let key = |number: u32, seller: &str| {
        issue(bed, &format!("Seller={seller} --key {number} --until {until} {ANN_WITH_BO}"));
        format!("Authorization: Bearer {}", secret(bed, number))
    };
    let (own, other) = (key(31, "dresses"), key(32, "others"));
    let refused = format!("/v1/policy/offers/{}", ids[2]);
    let seen = served.send("GET", &refused, &[&own], b"").is(200).json();
    let reasons = &seen["items"][0]["judged"]["reasons"][0];
    assert_eq!(
        (&reasons["rule"], &reasons["source"]),
        (&json!("contact-outside"), &json!("house rule"))
    );
    assert!(seen["items"][0]["appeal_until"].is_string(), "{seen}");
    served.send("GET", &refused, &[&other], b"").problem(404, "no-such-record");
    served.send("GET", "/v1/policy/held", &[&own], b"").problem(403, "not-permitted");
    let listed = served.send("GET", "/v1/text-decisions", &[&other], b"").is(200).json();
    assert_eq!(listed["items"], json!([]));
    let rows = served.send("GET", "/v1/text-decisions", &[&own], b"").is(200).json();
    assert!(rows["items"][0].get("decided_by").is_none(), "{rows}");

    // The appeal hides the decision from who judges it, and from nobody else.
    let appeal = |by: &str, key: &str| {
        let fields = json!({ "seller": "dresses", "offer": ids[2], "decision": 1,
            "reason": "OtherMeaning" });
        let key = format!("Idempotency-Key: {key}");
        let headers = ["Content-Type: application/json", &key, by];
        let body = fields.to_string();
        served.send("POST", "/v1/commands/appeal-text", &headers, body.as_bytes())
    };
    appeal(&other, "a-0").problem(403, "not-permitted");
    appeal(&own, "a-1").is(200);
    let open = served.get("/v1/policy/appeals").is(200).json();
    let waits = &open["items"][0];
    assert_eq!((&waits["offer"], &waits["judged"]), (&json!(ids[2]), &json!(null)), "{open}");
    assert_eq!(waits["appeal"]["reason"], "OtherMeaning");
    assert!(!open.to_string().contains("contact-outside"), "{open}");
    let judge = served.get(&refused).is(200).json();
    assert_eq!(judge["items"][0]["judged"], json!(null), "{judge}");
    let seen = served.send("GET", &refused, &[&own], b"").is(200).json();
    assert_eq!(seen["items"][0]["judged"]["verdict"], "Refused");
    let judged = format!("JudgeAppeal --offer {} --decision 1 --judgement Publish", ids[2]);
    bed.run(&format!("do {} --data door/books", judged.replace("off_", ""))).succeeds();
    let judge = served.get(&refused).is(200).json();
    assert_eq!(judge["items"][1]["judged"]["verdict"], "Refused", "{judge}");
    assert_eq!(judge["items"][1]["end"], "Reversed");
    assert_eq!(states(), ["listed", "paused", "listed", "listed"]);

    let report = served.get("/v1/policy/report").is(200).json();
    assert_eq!((&report["appeals"]["reversed"], &report["labelled"]), (&json!(1), &json!(1)));
    let csv = served.get("/policy/report/5_own_initiative_illegal.csv").is(200);
    assert!(csv.body.starts_with("Applicability,Service,Reporting period,Category of illegal"));
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    served.get("/policy/report/persons.csv").problem(404, "no-such-record");
    served.get("/v1/policy/report?from=2026-13-01").problem(400, "bad-query");

    // With the setting everybody reads the policy and its report, and nothing else.
    served.engine.stop();
    let settings = bed.read("door/doorstep.toml");
    bed.write(
        "door/doorstep.toml",
        settings.replacen("[web]\n", "[web]\npublic_policy = true\n", 1),
    );
    let (engine, terminals, address) = start(bed);
    let bed = served.bed;
    let served = Served { bed, engine, address, terminals, key: served.key };
    served.wait_for_views();
    let get = |path: &str| served.send("GET", path, &["Accept: text/html", "Cookie: none=1"], b"");
    assert!(get("/policy").is(200).body.contains("contact-outside"));
    get("/policy/report").is(200);
    get("/v1/policy").is(200);
    get("/v1/policy/held").problem(401, "not-signed-in");
    assert_eq!(get("/policy/held").status, 303, "to the sign-in");
    served.engine.stop();
    served.bed.verified("door/books");
}
