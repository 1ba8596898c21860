use super::*;
use crate::book::{CardEnds, Entry, Original, Reference};

fn yuan(amount: u64) -> Amount {
    Amount::of(amount)
}

fn costs() -> Costs {
    let cost = |ppm, cap| Cost { rate: Rate::from_ppm(ppm).unwrap(), cap };
    Costs {
        debit: cost(3_500, Some(yuan(1_300))),
        credit: cost(4_500, None),
        ranges: vec![
            CardRange { first_digits: 62, count: 2, credit: false },
            CardRange { first_digits: 6_225, count: 4, credit: true },
        ],
    }
}

fn sale(book: &mut Book, stan: u32, bin: u32, amount: u64) -> Entry {
    let entry = Entry {
        reference: Reference { stan, sent: 828_101_112, terminal: *b"10000001" },
        rrn: *b"ABCDEF000001",
        sent_ms: 1_377_684_672_000,
        merchant: *b"105331042151234",
        kind: Kind::Sale,
        amount: yuan(amount),
        card: Some(CardEnds { bin, last_four: 1_234 }),
        original: None,
        authorisation: None,
    };
    assert_eq!(book.take(&entry, None).code, *b"00");
    entry
}

fn refund(book: &mut Book, of: &Entry, stan: u32, amount: u64) {
    let reference = Reference { stan, ..of.reference };
    let original = Some(Original { message_class: 20, reference: of.reference });
    let (kind, amount, card) = (Kind::Refund, yuan(amount), None);
    let refund = Entry { reference, kind, amount, card, original, ..*of };
    assert_eq!(book.take(&refund, None).code, *b"00");
}

fn file_of(book: &mut Book) -> ClearingFile {
    ClearingFile {
        network: "unionpay".to_owned(),
        date: jiff::civil::date(2013, 8, 28),
        currency: Currency::CNY,
        lines: clear(book, &costs(), u64::MAX),
    }
}

#[test]
fn a_file_has_what_stands_with_what_is_kept_back() {
    let mut book = Book::new(0);
    let first = sale(&mut book, 1, 622_588, 10_000);
    sale(&mut book, 2, 621_700, 1_000_000);
    refund(&mut book, &first, 3, 2_000);
    let file = file_of(&mut book);
    let text = file.to_text().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "H,1,unionpay,2013-08-28,CNY",
            "I,ABCDEF000001,000001,2013-08-28T10:11:12Z,10000001,105331042151234,sale,\
         100.00,0.45,99.55",
            "I,ABCDEF000001,000002,2013-08-28T10:11:12Z,10000001,105331042151234,sale,\
         10000.00,13.00,9987.00",
            "I,ABCDEF000001,000003,2013-08-28T10:11:12Z,10000001,105331042151234,refund,\
         -20.00,0.00,-20.00",
        ]
    );
    assert!(lines[4].starts_with("T,3,10080.00,13.45,10066.55,"));
    assert_eq!(ClearingFile::parse(&text).unwrap(), file);
}

#[test]
fn each_item_is_in_one_file_and_a_late_reversal_in_the_next() {
    let mut book = Book::new(0);
    let entry = sale(&mut book, 1, 622_588, 10_000);
    assert_eq!(file_of(&mut book).lines.len(), 1);
    assert_eq!(file_of(&mut book).lines.len(), 0);
    let original = Original { message_class: 20, reference: entry.reference };
    assert_eq!(book.reverse(original), *b"00");
    let next = file_of(&mut book);
    let sums = |line: &ClearingLine| (line.kind, line.amount, line.kept_back, line.net());
    assert_eq!(
        next.lines.iter().map(sums).collect::<Vec<_>>(),
        [(LineKind::Reversal, -10_000, -45, -9_955)]
    );
    assert_eq!(file_of(&mut book).lines.len(), 0);
}

#[test]
fn what_was_sent_after_the_cut_waits_for_the_next_file() {
    let mut book = Book::new(0);
    let entry = sale(&mut book, 1, 621_700, 10_000);
    assert!(clear(&mut book, &costs(), entry.sent_ms).is_empty());
    assert_eq!(clear(&mut book, &costs(), entry.sent_ms + 1).len(), 1);
}

#[test]
fn a_changed_file_is_found_with_its_line() {
    let mut book = Book::new(0);
    sale(&mut book, 1, 621_700, 10_000);
    let text = file_of(&mut book).to_text().unwrap();
    let error = |from: &str, to: &str| {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        ClearingFile::parse(&changed).unwrap_err().to_string()
    };
    assert_eq!(error("H,1,", "H,2,"), "line 1: version `2` is not known");
    assert_eq!(
        error("2013-08-28,", "2013-8-28,"),
        "line 1: `2013-8-28` is no date; write it as 2013-08-28"
    );
    assert_eq!(error("100.00,0.35", "100.00,0.34"), "line 2: net is not amount less kept_back");
    assert_eq!(error(",sale,", ",gift,"), "line 2: kind: `gift` is not known");
    assert_eq!(
        error("T10:11:12Z", "T10:61:12Z"),
        "line 2: sent: `2013-08-28T10:61:12Z` is no moment"
    );
    assert_eq!(error("T,1,", "T,2,"), "line 3: the lines do not come to what the trailer says");
    assert_eq!(
        error("ABCDEF", "ABCDEG"),
        "line 3: the lines before were changed: their SHA-256 is another"
    );
    let cut = &text[..text.len() - 1];
    assert_eq!(
        ClearingFile::parse(cut).unwrap_err().to_string(),
        "line 3: it is cut short: no line feed"
    );
    assert!(ClearingFile::parse("").is_err());
    assert!(ClearingFile::parse("\n").is_err());
}

#[test]
fn a_file_is_written_whole_over_the_one_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("clearing.csv");
    let mut book = Book::new(0);
    file_of(&mut book).write(&path).unwrap();
    sale(&mut book, 1, 621_700, 10_000);
    let file = file_of(&mut book);
    file.write(&path).unwrap();
    assert_eq!(ClearingFile::parse(&fs::read_to_string(&path).unwrap()).unwrap(), file);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file is left");
    let bad = ClearingFile { network: "Union Pay".to_owned(), ..file };
    assert_eq!(
        bad.write(&path).unwrap_err().to_string(),
        "`Union Pay` is no name of a network: 1 to 32 of a-z, 0-9 and `-`"
    );
}
