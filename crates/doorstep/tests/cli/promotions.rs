//! Promotions are checked before they go live.

use serde_json::{Value, json};

use super::support::Bed;

fn promotion(id: u64, spend: u64, order: u64) -> Value {
    json!({
        "promotion": id.to_string(), "version": 1, "currency": "CNY",
        "rule": { "Threshold": [{ "spend": spend, "save": 5_000 }] },
        "from": 0, "until": 1_000,
        "scope": {
            "offers": [], "categories": [], "sellers": [], "seller_kind": null,
            "first_order": false,
        },
        "by_coupon": false, "uses_max": null, "budget": null, "per_buyer_max": null,
        "platform_share": 500_000, "order": order, "exclusive": false, "yields_to": [],
        "floor": 0, "broken_threshold": "ClawBack", "undone_use": "Release",
    })
}

#[test]
fn what_is_impossible_and_what_meets() {
    let bed = Bed::new();
    let good = json!([promotion(1, 30_000, 1), promotion(2, 60_000, 2)]);
    bed.write("good.json", good.to_string());
    let ran = bed.run("promotion check good.json").succeeds();
    ran.prints("promotions 1 and 2 can discount the same unit, 1 first")
        .prints("Each promotion is possible.");
    let bad = json!([promotion(1, 30_000, 1), promotion(2, 4_999, 1)]);
    bed.write("bad.json", bad.to_string());
    let ran = bed.run("promotion check bad.json").ends_with(1);
    ran.prints("impossible: number 2 in the file, promotion 2: the promotion would pay the buyer")
        .prints("promotions 1 and 2 meet at the same place in the order");
    let ran = bed.run("promotion check bad.json --lang zh").ends_with(1);
    ran.prints("不可行：文件中第 2 个，促销 2：促销减得比花得多");
    let shown = bed.run("promotion check bad.json --json").ends_with(1).json();
    assert_eq!(shown["impossible"][0]["place"], 2);
    assert_eq!(shown["overlaps"], json!([{ "first": "1", "second": "2", "kind": "SameOrder" }]));
    bed.write("share.json", good.to_string().replace("500000", "1000001"));
    let ran = bed.run("promotion check share.json");
    ran.fails("share.json, line 1, column ");
    bed.run("promotion check share.json").fails("the rate is above 1000000");
    bed.run("promotion check share.json --lang zh").fails("比例超过 1000000");
}

#[test]
fn what_a_check_of_the_list_alone_finds() {
    let bed = Bed::new();
    let with = |changes: &[(&str, Value)]| {
        let mut one = promotion(1, 30_000, 1);
        for (field, value) in changes {
            one[*field] = value.clone();
        }
        one
    };
    let check = |all: &Value, en: &str, zh: &str| {
        bed.write("list.json", all.to_string());
        bed.run("promotion check list.json").ends_with(1).prints(en);
        bed.run("promotion check list.json --lang zh").ends_with(1).prints(zh);
    };
    let first = with(&[]);
    check(
        &json!([first, first]),
        "number 2 in the file, promotion 1: the number must be",
        "第 2 个",
    );
    check(&json!([with(&[("version", 0.into())])]), "must be the next one, 1", "不可行");
    let yielding = with(&[("yields_to", json!(["9"]))]);
    check(&json!([yielding]), "there is no promotion 9", "没有促销 9");
    let floor = with(&[("floor", json!(999_999_999_999_u64))]);
    check(&json!([floor]), "a floor above its own price", "底价高于");
    let above = with(&[("budget", json!(4_000_000_000_000_000_000_u64))]);
    check(&json!([above]), "impossible", "不可行");
}

#[test]
fn a_fault_of_the_file_says_what_where_and_how_to_mend_it() {
    let bed = Bed::new();
    let whole = json!([promotion(1, 30_000, 1)]).to_string();
    for (text, en, zh) in [
        (whole.replace("\"order\":1,", ""), "the field `order` is missing: add it", "缺少字段"),
        (
            whole.replace("\"order\"", "\"rank\""),
            "there is no field `rank`: use one of",
            "没有字段",
        ),
        (
            whole.replace("\"order\":1", "\"order\":\"1\""),
            "where a whole number",
            "不小于 0 的整数",
        ),
        (whole.replace("ClawBack", "Maybe"), "`Maybe` is none of the choices", "不是可选项"),
        (whole.replace("\"CNY\"", "\"yuan\""), "is not a currency code", "请更正"),
        (whole.replace("\"promotion\":\"1\"", "\"promotion\":\"x\""), "an identifier is", "编号是"),
        (whole[..whole.len() - 2].to_owned(), "the file ends in the middle", "文件未写完"),
        (whole.replace("]", ",]"), "a comma has nothing behind it", "请去掉"),
        (format!("{whole} x"), "behind the end of the list", "请去掉"),
        ("[{promotion: 1}]".to_owned(), "has no quotes", "没有引号"),
        ("".to_owned(), "the file ends in the middle", "文件未写完"),
    ] {
        bed.write("list.json", &text);
        let ran = bed.run("promotion check list.json").fails(en);
        assert!(ran.stderr().contains("list.json, line "), "{ran}");
        let ran = bed.run("promotion check list.json --lang zh").fails(zh);
        assert!(ran.stderr().contains("list.json 第 1 行第 ") || text.is_empty(), "{ran}");
    }
}
