//! An adjusting entry of an earlier day, in every output.

use serde_json::Value;

use super::support::{Bed, text};

const ENTRY: &str = "do PostAdjustment --data books --number 1 --currency CNY --amount 5.00CNY \
                     --debit Own=OtherExpenses --credit Seller=S1 --reference voucher-7 \
                     --proposed-by 1 --approved-by 2";

#[test]
fn an_adjusting_entry_keeps_the_day_to_which_it_belongs() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A1,S1,CNY,10.00"]);
    bed.run("import --orders orders.csv --profile doorstep --data books").succeeds();
    bed.run(&format!("{ENTRY} --value-date 2020-02-29")).succeeds();
    let log = bed.run("log --data books --json").succeeds();
    let last: Value = serde_json::from_str(log.stdout().lines().last().unwrap()).unwrap();
    let date = text(&last, "/date").to_owned();
    assert_eq!(text(&last, "/value_date"), "2020-02-29");
    for (line, expected) in [
        ("log", "5.00 CNY debited to other expenses, credited to seller S1, value date 2020-02-29"),
        ("log --lang zh", "起息日 2020-02-29"),
    ] {
        let log = bed.run(&format!("{line} --data books")).succeeds();
        let words: Vec<_> = log.stdout().split_whitespace().collect();
        assert!(words.join(" ").contains(expected), "{expected}{log}");
    }
    bed.run("export --format hledger --data books")
        .succeeds()
        .prints(&format!("\n{date}=2020-02-29 ("))
        .prints("    expenses:other:CNY  5.00 CNY\n    liabilities:seller-payable:S1  -5.00 CNY\n");
    // The books began today, so no day of theirs can be closed.
    let close = "do ClosePeriod --data books --number 1 --proposed-by 1 --approved-by 2";
    bed.run(&format!("{close} --until {date}"))
        .fails(&format!("the date {date} is not possible here"));
    bed.verified("books");
}

#[test]
fn a_payout_explains_its_adjusting_entry_in_both_languages() {
    let bed = Bed::new();
    bed.orders("orders.csv", &["A1,S1,CNY,10.00"]);
    bed.run("import --orders orders.csv --profile doorstep --data books").succeeds();
    bed.run(&format!("{ENTRY} --value-date 2020-02-29")).succeeds();
    let income =
        ENTRY.replace("Own=OtherExpenses", "Bank=bank-cny").replace("Seller=S1", "Own=OtherIncome");
    let income = income.replace("--number 1", "--number 2").replace("voucher-7", "voucher-8");
    bed.run(&format!("{income} --value-date 2020-02-29")).succeeds();
    bed.run("settlement plan Daily --currency CNY --plan 1 --data books").succeeds();
    bed.run("settlement approve 1 --person 2 --data books").succeeds();
    bed.run("settlement execute 1 --data books").succeeds();
    bed.run("explain payout 1 --data books").succeeds().prints("voucher voucher-7 entry credited");
    let chinese = bed.run("explain payout 1 --data books --lang zh").succeeds();
    assert!(!chinese.stdout().contains("adjusting"), "{chinese}");
    chinese.prints("凭证 voucher-7");
}
