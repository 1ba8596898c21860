//! `--lang zh`: no English is left in the output.

use super::support::{Bed, Ran};

/// Fails if the output has an English word that is not in `known`: file names, codes and names of
/// account owners. Words with digits are identifiers.
#[track_caller]
fn assert_chinese(ran: &Ran, output: &str, known: &[&str]) {
    let word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let words = output.split(|c| !word(c)).map(|word| word.trim_matches(['-', '.']));
    let english: Vec<&str> = words
        .filter(|word| word.len() > 2 && !word.contains(|c: char| c.is_ascii_digit()))
        .filter(|word| !known.contains(word) && !word.ends_with(".csv"))
        .collect();
    assert!(english.is_empty(), "English in the output: {english:?}{ran}");
    assert!(output.contains(|c: char| c > '\u{3000}'), "no Chinese in the output{ran}");
}

#[test]
fn every_report_on_the_books_is_chinese() {
    let bed = Bed::new();
    bed.faulty_day(100);
    for (line, known) in [
        ("balances", &["CNY"][..]),
        ("balances --all", &["CNY", "bank", "bank-cny", "wallet", "wallet-cny"]),
        ("verify", &["CNY"]),
        ("explain payout 1", &["CNY", "made-seller", "made"]),
        ("log", &["CNY", "UTC"]),
        ("payouts --format csv --out payouts.csv", &[]),
    ] {
        let ran = bed.run(&format!("{line} --data books --lang zh")).succeeds().says_nothing();
        let owners = ran.stdout().replace("made-seller", "").replace("courier", "");
        assert_chinese(&ran, &owners.replace("network", "").replace("firm", ""), known);
    }
}

#[test]
fn every_reason_of_an_import_is_chinese() {
    let bed = Bed::new();
    bed.orders(
        "orders.csv",
        &["A,S1,CNY,12.345", "B,S1,CNY,-3", "C,S1,YUAN,1.00", "D,S1,CNY,0.00", "E,S1,CNY"],
    );
    let line = "import --orders orders.csv --profile doorstep --data books --lang zh";
    let ran = bed.run(line).ends_with(1);
    let known = ["CNY", "ISO", "YUAN", "amount_due", "currency", "Doorstep"];
    assert_chinese(&ran, ran.stdout(), &known);
    assert_chinese(&ran, ran.stderr(), &known);
    ran.says("错误：orders.csv：没有包裹");
}

#[test]
fn errors_are_chinese_by_the_environment_too() {
    let bed = Bed::new();
    let mut verify = bed.doorstep("verify --data nowhere");
    let ran = Ran::of(verify.env("LC_ALL", "zh_CN.UTF-8")).ends_with(1);
    ran.says("错误：没有数据目录 nowhere；请检查路径，或先创建\n");
    let mut english = bed.doorstep("verify --data nowhere --lang en");
    Ran::of(english.env("LC_ALL", "zh_CN.UTF-8")).fails("error: there is no data directory");
}
