//! Clearing files and bank statements: what is read, and what refuses a file.

use files::incoming::bank_csv::{self, EntryReference};
use files::incoming::clearing::{self, ClearingLayout, StatedItemKind, StatedPayment};
use files::incoming::{FAULTS_KEPT_MAX, RefusedFile};
use sha2::{Digest, Sha256};

const ITEMS: [&str; 4] = [
    "I,ABCDEF000001,000001,2013-08-28T10:11:12Z,10000001,105331042151234,sale,100.00,0.45,99.55",
    "I,ABCDEF000003,000003,2013-08-28T10:15:40Z,10000001,105331042151234,refund,-20.00,0.00,-20.00",
    "I,ABCDEF000004,000004,2013-07-02T09:00:05Z,10000001,105331042151234,chargeback,-60.00,0.00,\
     -60.00",
    "I,ABCDEF000005,000005,2013-08-27T18:20:33Z,10000001,105331042151234,fee-correction,0.00,\
     -0.05,0.05",
];
const HEAD: &str = "H,1,unionpay,2013-08-28,CNY";
const TOTALS: &str = "T,4,20.00,0.40,19.60";

/// A file with the right digest.
fn file(head: &str, items: &[&str], totals: &str) -> String {
    let lines: String = [head].iter().chain(items).map(|line| format!("{line}\n")).collect();
    let digest: String = Sha256::digest(&lines).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{lines}{totals},{digest}\n")
}

fn good() -> String {
    file(HEAD, &ITEMS, TOTALS)
}

fn read(text: &str) -> Result<clearing::StatedClearing, RefusedFile> {
    clearing::read(text.as_bytes(), "c.csv", ClearingLayout::Requests)
}

fn why(text: &str) -> String {
    read(text).expect_err(text).to_string()
}

#[test]
fn a_clearing_file_is_read_to_its_last_item() {
    let read = read(&good()).unwrap();
    assert_eq!((read.name.as_str(), read.date.to_string().as_str()), ("unionpay", "2013-08-28"));
    let kinds: Vec<_> = read.items.iter().map(|item| item.kind).collect();
    use StatedItemKind as K;
    assert_eq!(kinds, [K::Sale, K::Refund, K::Chargeback, K::FeeCorrection]);
    let sale = &read.items[0];
    let payment = StatedPayment::Request { rrn: *b"ABCDEF000001", stan: 1, sent_s: 1_377_684_672 };
    assert_eq!((&sale.payment, sale.line), (&payment, 2));
    assert_eq!((sale.amount.minor(), sale.kept_back.minor()), (10_000, 45));
    assert_eq!(read.items[3].kept_back.minor(), -5);
}

#[test]
fn a_file_may_say_when_it_is_settled() {
    assert_eq!(read(&good()).unwrap().settled, None);
    let settled = |date: &str| file(&format!("{HEAD},{date}"), &ITEMS, TOTALS);
    let read = read(&settled("2013-08-29")).unwrap();
    assert_eq!(read.settled.unwrap().to_string(), "2013-08-29");
    assert!(why(&settled("29.8.")).contains("line 1, settled: it is not a date"));
    assert!(why(&settled("2013-08-29,x")).contains("line 1: it has 7 fields, and must have 5"));
}

#[test]
fn line_ends_and_a_byte_order_mark_of_the_way_change_nothing() {
    let digest = read(&good()).unwrap().digest;
    let windows = format!("\u{feff}{}", good().replace('\n', "\r\n"));
    assert_eq!(read(&windows).unwrap().digest, digest);
    assert_eq!(read(good().trim_end()).unwrap().digest, digest);
}

#[test]
fn a_wallet_s_file_names_its_orders() {
    let item = "I,00000042000007000013,10000001,105331042151234,sale,10.00,0.06,9.94";
    let text = file("H,1,red,2013-08-28,CNY", &[item], "T,1,10.00,0.06,9.94");
    let of = |layout| clearing::read(text.as_bytes(), "c.csv", layout);
    let read = of(ClearingLayout::Orders).unwrap();
    let order = StatedPayment::Order("00000042000007000013".to_owned());
    assert_eq!(read.items[0].payment, order);
    let refused = of(ClearingLayout::Requests).unwrap_err().to_string();
    assert!(refused.contains("line 2: it has 8 fields, and must have 10"), "{refused}");
}

#[test]
fn what_is_wrong_with_a_clearing_file_is_said_with_line_and_column() {
    let item = |from: &str, to: &str| file(HEAD, &[&ITEMS[0].replace(from, to)], "T,1,1,1,1");
    for (text, words) in [
        (good().replace("100.00,0.45,99.55", "100.01,0.45,99.56"), "line 6, sha256: the lines are"),
        (good().replace("100.00,0.45", "100.01,0.45"), "line 2, net: net is not amount minus"),
        (
            file(HEAD, &ITEMS, "T,5,20.00,0.40,19.60"),
            "line 6, items: it says 5, but the lines have 4",
        ),
        (
            file(HEAD, &ITEMS, "T,4,21.00,0.40,19.60"),
            "line 6, amount: it says 21.00, but the lines have 20.00",
        ),
        (file("H,2,unionpay,2013-08-28,CNY", &ITEMS, TOTALS), "line 1, version: it must be `1`"),
        (
            file("H,1,Union Pay,2013-08-28,CNY", &ITEMS, TOTALS),
            "line 1, name: it must have 1 to 32",
        ),
        (file("H,1,unionpay,28.8.2013,CNY", &ITEMS, TOTALS), "line 1, date: it is not a date"),
        (file("H,1,unionpay,2013-08-28,YEN", &ITEMS, TOTALS), "line 1, currency: it is not a"),
        (file("order,seller", &ITEMS, TOTALS), "line 1, type: it must be `H`"),
        (format!("{HEAD}\n{}\n", ITEMS[0]), "line 2: the file is not complete"),
        (good() + ITEMS[0] + "\n", "line 7: it stands behind the last line"),
        (item("I,", "X,"), "line 2, type: it must be one of: I, T"),
        (item("ABCDEF000001", "ABCDEF"), "line 2, rrn: it must have 12 letters or digits"),
        (item(",000001,", ",000000,"), "line 2, stan: it must have 6 digits, and not only zeros"),
        (item("10:11:12Z", "10:11:12"), "line 2, sent: it is not a time"),
        (item("10000001", "100000012"), "line 2, terminal: it must have 1 to 8 characters"),
        (item("sale", "salt"), "line 2, kind: it must be one of: sale, completion,"),
        (item("100.00", "1,00"), "line 2: it has 11 fields"),
        (item("100.00", "100.001"), "line 2, amount: it is not an amount in CNY"),
        (item("I,", "\"I\"x,"), "line 2"),
        (String::new(), "c.csv is empty"),
        ("PK\u{3}\u{4}".to_owned(), "an Excel workbook"),
    ] {
        let why = why(&text);
        assert!(why.contains(words), "{words}\n{why}\n{text}");
    }
    assert!(clearing::read(&b"H,1,\xff"[..], "c.csv", ClearingLayout::Requests).is_err());
}

#[test]
fn all_faults_are_said_at_once_and_no_value_is_shown() {
    let items = [
        "I,Zhang San,1,yesterday,10000001,105331042151234,gift,1e5,x,y",
        "I,6222020000000000,000001,2013-08-28T10:11:12Z,10000001,105331042151234,sale,a,b,c",
    ];
    let why = why(&file(HEAD, &items, "T,2,0.00,0.00,0.00"));
    let columns = ["rrn", "stan", "sent", "kind", "amount", "kept_back", "net"];
    for column in columns {
        assert!(why.contains(&format!("line 2, {column}: ")), "{column}: {why}");
    }
    assert!(why.contains("line 3, rrn: "), "{why}");
    for value in ["Zhang", "yesterday", "gift", "6222"] {
        assert!(!why.contains(value), "{why}");
    }
    let many = ["I,x"; FAULTS_KEPT_MAX + 10];
    let RefusedFile::Lines { faults, more, .. } =
        read(&file(HEAD, &many, "T,0,0,0,0")).unwrap_err()
    else {
        panic!("refused by its lines");
    };
    assert_eq!((faults.len(), more), (FAULTS_KEPT_MAX, 10));
}

const COLUMNS: &str = "account,date,type,amount,currency,bank_reference,our_reference,text";
const STATEMENT: [&str; 5] = [
    "main,2013-08-28,opening,1000.00,CNY,,,",
    "main,2013-08-28,entry,250.00,CNY,B-1,20130828170501,\"Cash, Li Wei\"",
    "main,2013-08-29,entry,-93.30,CNY,B-2,17,payout",
    "main,2013-08-29,entry,5.00,CNY,B-3,invoice 9,",
    "main,2013-08-29,closing,1161.70,CNY,,,",
];

fn statement(lines: &[&str]) -> String {
    [COLUMNS].iter().chain(lines).map(|line| format!("{line}\n")).collect()
}

fn read_statement(text: &str) -> Result<bank_csv::BankStatement, RefusedFile> {
    bank_csv::read(text.as_bytes(), "b.csv", None)
}

#[test]
fn a_bank_statement_is_read_with_its_balances() {
    let read = read_statement(&statement(&STATEMENT)).unwrap();
    assert_eq!((read.account.as_str(), read.opening.minor()), ("main", 100_000));
    assert_eq!(
        (read.closing.minor(), read.closed_on.to_string().as_str()),
        (116_170, "2013-08-29")
    );
    let entries: Vec<_> =
        read.entries.iter().map(|one| (one.line, one.amount.minor(), one.reference)).collect();
    let id = EntryReference::Id;
    let expected =
        [(3, 25_000, id(20_130_828_170_501)), (4, -9_330, id(17)), (5, 500, EntryReference::Text)];
    assert_eq!(entries, expected);
}

#[test]
fn columns_stand_in_any_order_and_the_text_does_not_count() {
    let one = read_statement(&statement(&STATEMENT)).unwrap();
    let other_text = statement(&STATEMENT).replace("Li Wei", "Bo Chen");
    assert_eq!(read_statement(&other_text).unwrap().digest, one.digest);
    let turned: String = statement(&STATEMENT)
        .replace("\"Cash, Li Wei\"", "cash")
        .lines()
        .map(|line| line.rsplit(',').collect::<Vec<_>>().join(",") + "\n")
        .collect();
    assert_eq!(read_statement(&turned).unwrap(), one);
    let gbk =
        encoding_rs::GBK.encode(&statement(&STATEMENT).replace("payout", "打款")).0.into_owned();
    assert_eq!(bank_csv::read(&gbk[..], "b.csv", Some("gbk")).unwrap(), one);
    assert!(bank_csv::read(&gbk[..], "b.csv", None).is_err());
    let unknown = bank_csv::read(&gbk[..], "b.csv", Some("klingon")).unwrap_err().to_string();
    assert!(unknown.starts_with("there is no encoding `klingon`"), "{unknown}");
}

#[test]
fn what_is_wrong_with_a_bank_statement_is_said_with_line_and_column() {
    let with = |from: &str, to: &str| statement(&STATEMENT).replacen(from, to, 1);
    for (text, words) in [
        (with("1161.70", "1161.71"), "line 6, amount: it says 1161.71, but the lines have 1161.70"),
        (with("bank_reference,", "reference,"), "line 1, bank_reference: there is no such column"),
        (with("text", "date"), "line 1, date: the column stands in the header twice"),
        (with("opening", "entry"), "line 2, type: it must be `opening`"),
        (statement(&STATEMENT[..4]), "line 5: the file is not complete"),
        (statement(&STATEMENT) + STATEMENT[1] + "\n", "line 7: it stands behind the last line"),
        (with("main,2013-08-29", "other,2013-08-29"), "line 4, account: it is not the same"),
        (with("-93.30,CNY", "-93.30,BRL"), "line 4, currency: it is not the same"),
        (with("2013-08-29", "2013-08-27"), "line 4, date: it is before the date"),
        (with("-93.30", "0.00"), "line 4, amount: it is zero"),
        (with("-93.30", "93,30"), "line 4: it has 9 fields, and must have 8"),
        (with("B-2", "B-1"), "line 4, bank_reference: it stands in another line, too"),
        (with("B-2", ""), "line 4, bank_reference: it must have 1 to 64 characters"),
        (with("\"Cash, Li Wei\"", "\"Cash\" Li"), "line 3: text follows a closing quotation mark"),
        (with("28,entry", "28,note"), "line 3, type: it must be one of: entry, closing"),
        (String::new(), "b.csv is empty"),
    ] {
        let why = read_statement(&text).expect_err(&text).to_string();
        assert!(why.contains(words), "{words}\n{why}\n{text}");
        assert!(!why.contains("Li"), "{why}");
    }
}

#[test]
fn any_bytes_end_in_a_file_or_a_refusal() {
    for length in 0..statement(&STATEMENT).len() {
        let cut = &statement(&STATEMENT)[..length];
        // Only the last line end may be missing.
        assert_eq!(read_statement(cut).is_ok(), length + 1 == statement(&STATEMENT).len());
        let cut = good();
        let cut = &cut[..length.min(cut.len() - 2)];
        assert!(read(cut).is_err(), "{cut}");
    }
}
