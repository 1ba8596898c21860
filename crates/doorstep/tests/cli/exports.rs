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
    Ran::of(hledger().args("-f books.hledger check payees".split(' '))).succeeds();
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

/// The head of an entry: date, position, payee and what happened.
fn heads(journal: &str) -> Vec<[&str; 4]> {
    let heads = journal.lines().filter_map(|line| {
        let (date, rest) = line.split_once(" (")?;
        let (position, rest) = rest.split_once(") ")?;
        let (payee, what) = rest.split_once(" | ")?;
        Some([date, position, payee, what])
    });
    heads.collect()
}

#[test]
fn an_entry_says_who_what_parcel_and_reference_on_its_local_day() {
    let bed = Bed::new();
    bed.faulty_day(400);
    let journal = export(&bed, "hledger");
    let heads = heads(&journal);
    let (mut cards, mut payouts) = (0, 0);
    for [date, position, payee, what] in &heads {
        assert!(["2013-11-11", "2013-11-12", "2013-11-13"].contains(date), "{date} {what}");
        let (batch, index) = position.split_once('.').unwrap();
        assert!(batch.parse::<u64>().is_ok() && index.parse::<u32>().is_ok(), "{position}");
        if let Some(rest) = what.strip_prefix("card payment: seller made-seller-") {
            assert!(payee.starts_with("network-"), "{payee} {what}");
            let rest = rest.split_once(", order made-7-").unwrap().1;
            let rest = rest.split_once(" card, reference ").unwrap().1;
            assert_eq!(rest.len(), 12, "an RRN in {what}");
            cards += 1;
        }
        if what.starts_with("payout: number ") {
            assert!(payee.starts_with("made-seller-"), "{payee} {what}");
            payouts += 1;
        }
    }
    let expected = records(&bed.read("books/payouts.csv")).len();
    assert_eq!(payouts, expected, "an entry for each payout");
    assert!(cards > 100, "{cards}");
    for words in [
        " | cash counted at the hub: firm firm-",
        " | cash taken at the door: seller made-seller-",
        " | deposit: bank bank-1, number ",
        " | the return fee of a refused parcel: order made-7-",
        "bank-1 | payout by the bank: seller made-seller-",
    ] {
        assert!(journal.contains(words), "{words}");
    }
}

#[test]
fn hledger_refuses_the_books_if_a_posting_is_changed() {
    let bed = Bed::new();
    bed.faulty_day(50);
    let journal = export(&bed, "hledger");
    let (_, rest) = journal.split_once("    assets:courier-cash:").unwrap();
    let account = format!("assets:courier-cash:{}", rest.split_once(' ').unwrap().0);
    // The same amount on both sides, so that the entry still balances.
    let extra = format!("\n2013-11-11 a cent\n    {account}  0.01 CNY\n    income:cod-fees:CNY\n");
    let end = journal.rfind("\n\n").unwrap();
    bed.write("changed.journal", format!("{}{extra}{}", &journal[..end + 1], &journal[end..]));
    let ran = Ran::of(tool(&bed, "hledger").args("-f changed.journal check".split(' ')));
    ran.ends_with(1).says("balance assertion").says(&account);
}

#[test]
fn the_examples_of_the_page_are_read() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/files/export.md");
    let page = std::fs::read_to_string(page).unwrap();
    let after = |words: &str| page.split_once(words).unwrap().1.split_once("```").unwrap().0;
    let bed = Bed::new();
    bed.faulty_day(50);
    let (example, written) = (after("```csv\n"), export(&bed, "csv"));
    assert_eq!(example.lines().next(), written.lines().next());
    assert_eq!(records(example).len(), 2);
    bed.write("example.journal", after("```hledger\n"));
    let ran = Ran::of(tool(&bed, "hledger").args("-f example.journal bal -N -O csv".split(' ')));
    let ran = ran.succeeds();
    ran.prints("\"liabilities:seller-held:S-17\",\"-37.31 CNY\"");
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
    let columns = "position,at_ms,date,entry,debit,credit,amount,currency,\
        parcel,order,payment,method,reference,tariff,value_date,voucher,evidence";
    assert_eq!(header, columns);
}

#[test]
fn every_format_is_valid_for_hard_names_of_orders_and_sellers() {
    let bed = Bed::new();
    bed.orders("odd.csv", &ODD_ORDERS);
    // Sellers whose parcels come back owe the fee, so that they have a balance.
    let line =
        "day --orders odd.csv --profile doorstep --data books --refusals 60 --faults 0 --json";
    let day = bed.run(line).succeeds().json();
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
    let moved = usize::try_from(number(&verified, "/postings")).unwrap();
    assert_eq!(postings.len(), moved, "a line for each posting");
}

fn assert_beancount_is_whole(bed: &Bed) {
    let export = export(bed, "beancount");
    let (mut opened, mut asserted) = (BTreeSet::new(), BTreeSet::new());
    let mut sums = Balances::new();
    let mut last_date = "";
    for entry in export.split("\n\n").skip(1) {
        let mut sum = 0;
        for line in entry.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                [date, "open", account] => {
                    assert!(date >= last_date, "{line}");
                    assert!(opened.insert(account), "{account} is opened twice");
                    assert_account_is_beancounts(account);
                }
                [date, "balance", account, amount, currency] => {
                    assert!(date > last_date, "the balances are those of the next day: {line}");
                    let key = (account.to_owned(), currency.to_owned());
                    let sum = sums.get(&key).copied().unwrap_or(0);
                    assert_eq!(minor(amount), sum, "{line}");
                    asserted.insert(account);
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
    assert_eq!(asserted, opened, "every balance is asserted");
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
