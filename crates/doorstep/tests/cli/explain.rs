//! `explain`: every payout, to the minor unit.

use std::collections::BTreeMap;

use serde_json::Value;

use super::support::{Bed, minor, number, records, text};

fn explain(bed: &Bed, data: &str, payout: &str) -> Value {
    bed.run(&format!("explain payout {payout} --data {data} --json")).succeeds().json()
}

/// The explanation agrees with the payout's line in the CSV.
#[track_caller]
fn assert_explains(explanation: &Value, line: &BTreeMap<String, String>) {
    assert_eq!(text(explanation, "/seller"), line["seller"]);
    assert_eq!(text(explanation, "/currency"), line["currency"]);
    for (column, key) in [
        ("gross", "gross"),
        ("fees", "fees"),
        ("net", "net"),
        ("given_back", "given_back"),
        ("returned", "returned"),
        ("compensated", "compensated"),
    ] {
        let amount = number(explanation, &format!("/{key}"));
        assert_eq!(amount, minor(&line[column]), "{column} of {explanation:#}");
    }
    assert_eq!(number(explanation, "/invoiced"), 0, "nothing is invoiced in a simulated day");
    let rows = explanation["lines"].as_array().unwrap();
    let mut sums = [0; 3];
    for row in rows {
        let fees: i64 =
            row["fees"].as_object().unwrap().values().map(|v| v.as_i64().unwrap()).sum();
        sums[0] += number(row, "/gross");
        sums[1] += fees;
        sums[2] += number(row, "/net");
        if !["payout returned", "compensated"].contains(&text(row, "/what")) {
            assert!(text(row, "/order").starts_with("made-"), "{row:#}");
            assert_eq!(text(row, "/parcel").len(), 32, "{row:#}");
            let net = number(row, "/gross") - fees - number(row, "/given_back");
            assert_eq!(net, number(row, "/net"), "{row:#}");
        }
        if fees > 0 {
            assert_eq!(text(row, "/tariff"), "china-2013/1", "{row:#}");
        }
    }
    let said = ["/gross", "/fees", "/net"].map(|key| number(explanation, key));
    assert_eq!(sums, said, "the lines and the payout of {explanation:#}");
    assert_eq!(explanation["recomputed"], Value::Bool(true));
}

#[test]
fn each_payout_explains_itself_to_the_minor_unit() {
    let bed = Bed::new();
    bed.faulty_day(100);
    let lines = records(&bed.read("books/payouts.csv"));
    assert!(lines.len() > 5, "{lines:#?}");
    for line in &lines {
        let explanation = explain(&bed, "books", &line["payout"]);
        assert_explains(&explanation, line);
        assert_eq!(text(&explanation, "/state"), "paid");
    }
    let ran = bed.run("explain payout 1 --data books").succeeds();
    let ran = ran.prints("Payout 1  paid  CNY\n").prints(&format!("Seller {}", lines[0]["seller"]));
    ran.prints("china-2013/1 general\n")
        .prints("Every fee was recomputed from the tariff file: equal.");
    let ran = bed.run("explain payout 1 --data books --lang zh").succeeds();
    ran.prints("打款 1  已打款  CNY").prints("每项费用均按费率文件重新计算：一致。");
}

#[test]
fn each_fee_is_shown_with_rate_base_and_account_and_computed_from_the_tariff_file() {
    let bed = Bed::new();
    let tariff = |cod: &str| {
        format!(
            "name = \"mine\"\ntitle = \"Mine\"\nsource = \"a test\"\ncurrency = \"CNY\"\n\
             [[version]]\nnumber = 1\nfrom = \"2013-01-01\"\n\
             cod.cash = {{ fixed = \"{cod}\", share = \"1%\" }}\n[[version.class]]\n\
             name = \"general\"\n\
             card = {{ issuer = \"1%\", network = \"0%\", acquirer = \"0%\" }}\n"
        )
    };
    bed.write("mine.toml", tariff("2.00"));
    bed.orders("orders.csv", &["A,S1,CNY,100.00", "B,S2,CNY,500.00"]);
    bed.run(
        "day --orders orders.csv --profile doorstep --tariff mine.toml --tender cash --refusals 0 \
         --faults 0 --data books",
    )
    .succeeds();
    let explain = "explain payout 1 --data books";
    let shown = "COD fee 1% × 100.00, at least 2.00 a parcel = 2.00 → income:cod-fees:CNY\n";
    let ran = bed.run(explain).succeeds().prints(shown);
    ran.prints("Every fee was recomputed by its published tariff version: equal.");
    let ran = bed.run(&format!("{explain} --tariff mine.toml")).succeeds().prints(shown);
    ran.prints("Every fee was recomputed from the tariff file: equal.");
    let explained = bed.run(&format!("{explain} --json --tariff mine.toml")).succeeds().json();
    let fee = &explained["lines"][0]["calculations"][0];
    assert_eq!((text(fee, "/fee"), text(fee, "/rate")), ("cod", "1%"), "{explained:#}");
    let sums = ["/base", "/at_least", "/earlier_borne", "/amount"].map(|key| number(fee, key));
    assert_eq!(sums, [10_000, 200, 0, 200]);
    assert_eq!(text(&explained, "/recomputed_from"), "file");
    // Another file of the name is not what was charged.
    bed.write("other.toml", tariff("2.50"));
    bed.run(&format!("{explain} --tariff other.toml"))
        .fails("error: M8: the fees of order A differ from the tariff\n");
    bed.run(&format!("{explain} --tariff china-2013"))
        .fails("error: the tariff file has no version mine/1 in the currency of the books\n");
}

#[test]
fn an_unknown_payout_is_refused() {
    let bed = Bed::new();
    bed.faulty_day(50);
    let last = records(&bed.read("books/payouts.csv")).len();
    for unknown in [0, last + 1] {
        let words = format!("these books have payouts 1 to {last}, see payouts.csv\n");
        bed.run(&format!("explain payout {unknown} --data books"))
            .fails(&format!("error: there is no payout {unknown}: {words}"));
    }
    bed.run("explain payout one --data books")
        .ends_with(2)
        .says("error: <PAYOUT> one: write a whole number");
}

#[test]
fn a_returned_payout_and_the_one_that_pays_it_again_are_explained() {
    let bed = Bed::new();
    let (data, _) = bed.day_with_a_returned_payout();
    let lines = records(&bed.read(format!("{data}/payouts.csv")));
    let second = lines.iter().find(|line| line["returned"] != "0.00").unwrap();
    let explanation = explain(&bed, &data, &second["payout"]);
    assert_explains(&explanation, second);
    let rows = explanation["lines"].as_array().unwrap();
    let row = rows.iter().find(|row| row["what"] == "payout returned").unwrap();
    assert_eq!(number(row, "/net"), minor(&second["returned"]));

    let first = text(row, "/order").strip_prefix("payout ").unwrap();
    let explanation = explain(&bed, &data, first);
    assert_eq!(text(&explanation, "/state"), "returned");
    assert_eq!(text(&explanation, "/seller"), second["seller"]);
    bed.run(&format!("explain payout {first} --data {data}"))
        .succeeds()
        .prints(&format!("Payout {first}  returned  CNY\n"));
}
