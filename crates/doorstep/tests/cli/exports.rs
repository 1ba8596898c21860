//! `export`: other programs accept the books and compute the same balances.

use std::collections::{BTreeMap, BTreeSet};

use super::support::{Bed, Ran, minor, number, records, text, tool};

/// Nonzero balances in minor units, debits positive, by account and currency.
type Balances = BTreeMap<(String, String), i64>;

/// Orders and sellers with names that are hard for every format.
const ODD_ORDERS: [&str; 12] = [
    "[2013-99-99],a b,CNY,10.00",
    "date:2013-99-99,a b,CNY,20.00",
    "\"x, y\",a;b,CNY,30.00",
    "#1001,a-b-0000000000000001,CNY,40.00",
    "a  b,快递,CNY,50.00",
    "\"say \"\"hello\"\"\",\"one \"\"two\"\"\",CNY,60.00",
    "=1+1,=cmd,CNY,70.00",
    "back\\slash,tilde~,CNY,80.00",
    "订单-1,快递,CNY,90.00",
    "; comment,(paren),CNY,100.00",
    "* star,@home,CNY,110.00",
    "end:,colon:colon,CNY,120.00",
];

fn balances(bed: &Bed) -> Balances {
    let ran = bed.run("balances --data books --all --json").succeeds().says_nothing();
    let mut balances = Balances::new();
    for line in ran.stdout().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let key = (text(&line, "/account").to_owned(), text(&line, "/currency").to_owned());
        let before = balances.insert(key, number(&line, "/amount"));
        assert_eq!(before, None, "{line} is there twice");
    }
    assert!(balances.len() > 5, "{balances:#?}");
    balances
}

fn nonzero(mut balances: Balances) -> Balances {
    balances.retain(|_, amount| *amount != 0);
    balances
}

/// Exports `books` to a file and to standard output, and compares the two.
fn export(bed: &Bed, format: &str) -> String {
    bed.run(&format!("export --data books --format {format} --out books.{format}"))
        .succeeds()
        .says_nothing();
    let printed = bed.run(&format!("export --data books --format {format}")).succeeds();
    let written = bed.read(format!("books.{format}"));
    assert!(printed.stdout() == written, "the file and the output differ");
    written
}

fn assert_hledger_agrees(bed: &Bed) {
    export(bed, "hledger");
    let hledger = || tool(bed, "hledger");
    Ran::of(hledger().args("-f books.hledger check --strict".split(' '))).succeeds();
    let sums = Ran::of(hledger().args("-f books.hledger bal --flat -N -O csv".split(' ')));
    let sums = sums.succeeds();
    let mut found = Balances::new();
    for record in records(sums.stdout()) {
        for sum in record["balance"].split(", ") {
            let (amount, currency) = sum.split_once(' ').unwrap();
            found.insert((record["account"].clone(), currency.to_owned()), minor(amount));
        }
    }
    assert_eq!(found, balances(bed), "hledger's balances, and ours{sums}");
}

#[test]
fn hledger_accepts_the_books_and_agrees_on_every_balance() {
    let bed = Bed::new();
    bed.faulty_day(400);
    assert_hledger_agrees(&bed);
    let journal = bed.read("books.hledger");
    assert!(journal.contains("tariff:china-2013/1"), "the tariff version is named");
    assert!(journal.contains("order:made-7-000001,"), "the order is named");
}

#[test]
fn each_account_is_opened_once_in_beancount_before_its_use() {
    let bed = Bed::new();
    bed.faulty_day(400);
    assert_beancount_is_whole(&bed);
}

#[test]
fn the_csv_has_every_posting_and_the_same_sums() {
    let bed = Bed::new();
    bed.faulty_day(400);
    assert_csv_agrees(&bed);
    let first = export(&bed, "csv");
    let (header, _) = first.split_once('\n').unwrap();
    let columns =
        "command,at_ms,date,entry,debit,credit,amount,currency,parcel,order,tender,tariff";
    assert_eq!(header, columns);
}

#[test]
fn every_format_is_valid_for_hard_names_of_orders_and_sellers() {
    let bed = Bed::new();
    bed.orders("odd.csv", &ODD_ORDERS);
    // Sellers whose parcels come back owe the fee, so that they have a balance.
    let day = bed.run("day --orders odd.csv --profile doorstep --data books --refusals 60 --json");
    let day = day.succeeds().json();
    assert_eq!(number(&day, "/parcels"), 12, "{day:#}");
    assert_eq!(number(&day, "/counts/sellers"), 10, "{day:#}");
    assert!(number(&day, "/payable") < 0, "{day:#}");
    assert_hledger_agrees(&bed);
    assert_beancount_is_whole(&bed);
    assert_csv_agrees(&bed);
}

fn assert_csv_agrees(bed: &Bed) {
    let mut sums = Balances::new();
    let postings = records(&export(bed, "csv"));
    for posting in &postings {
        let amount = minor(&posting["amount"]);
        assert!(amount > 0, "{posting:?}");
        for (side, amount) in [("debit", amount), ("credit", -amount)] {
            let key = (posting[side].clone(), posting["currency"].clone());
            *sums.entry(key).or_default() += amount;
        }
    }
    assert_eq!(nonzero(sums), balances(bed));
    let verified = bed.verified("books");
    let legs = usize::try_from(number(&verified, "/legs")).unwrap();
    assert_eq!(postings.len(), legs, "a line for each posting");
}

fn assert_beancount_is_whole(bed: &Bed) {
    let export = export(bed, "beancount");
    let mut opened = BTreeSet::new();
    let mut sums = Balances::new();
    let mut last_date = "";
    for entry in export.split("\n\n").skip(1) {
        let mut sum = 0;
        for line in entry.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                [date, "open", account, _] => {
                    assert!(date >= last_date, "{line}");
                    assert!(opened.insert(account), "{account} is opened twice");
                    assert_account_is_beancounts(account);
                }
                [date, "*", ..] => {
                    assert!(date >= last_date, "{line}");
                    last_date = date;
                }
                [key, ..] if key.ends_with(':') => {
                    assert_eq!(line.matches('"').count(), 2, "{line}");
                    assert!(key.starts_with(|c: char| c.is_ascii_lowercase()), "{line}");
                }
                [account, amount, currency] => {
                    assert!(opened.contains(account), "{account} is not open yet");
                    let key = (account.to_owned(), currency.to_owned());
                    *sums.entry(key).or_default() += minor(amount);
                    sum += minor(amount);
                }
                _ => panic!("unexpected line in an entry: {line}"),
            }
        }
        assert_eq!(sum, 0, "does not balance:\n{entry}");
    }
    let only_amounts = |balances: Balances| {
        let mut amounts: Vec<i64> = balances.into_values().collect();
        amounts.sort_unstable();
        amounts
    };
    assert_eq!(only_amounts(nonzero(sums)), only_amounts(balances(bed)));
    let mut check = bed.command("bean-check");
    match check.arg("--version").output() {
        Ok(_) => drop(Ran::of(bed.command("bean-check").arg("books.beancount")).succeeds()),
        Err(_) => println!("SKIPPED: bean-check is not on the path, only the shape was tested"),
    }
}

/// A group, then parts that begin with a capital or a digit and have letters, digits and `-`.
fn assert_account_is_beancounts(account: &str) {
    let (group, rest) = account.split_once(':').unwrap();
    assert!(["Assets", "Liabilities", "Income", "Expenses"].contains(&group), "{account}");
    for part in rest.split(':') {
        let first = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
        let others = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(part.starts_with(first) && part.chars().all(others), "{account}");
    }
}
