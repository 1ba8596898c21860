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
    bed.run("promotion check share.json").fails("error: share.json: the rate is above 1000000");
}
