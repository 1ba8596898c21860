use super::*;
use crate::codes::ResponseCode;
use crate::ledger::{MaskedCard, OriginalTransaction, TransactionReference, TransactionRequest};

fn yuan(amount: u64) -> Amount {
    Amount::of(amount)
}

fn costs() -> NetworkFees {
    let cost = |ppm, cap| NetworkFee { rate: Rate::from_ppm(ppm).unwrap(), cap };
    NetworkFees {
        debit: cost(3_500, Some(yuan(1_300))),
        credit: cost(4_500, None),
        ranges: vec![
            CardRange { first_digits: 62, digit_count: 2, credit: false },
            CardRange { first_digits: 6_225, digit_count: 4, credit: true },
        ],
    }
}

fn sale(ledger: &mut NetworkLedger, stan: u32, bin: u32, amount: u64) -> TransactionRequest {
    let entry = TransactionRequest {
        reference: TransactionReference {
            stan,
            transmission_time: 828_101_112,
            terminal: *b"10000001",
        },
        rrn: Rrn::new(*b"ABCDEF000001").unwrap(),
        sent_ms: 1_377_684_672_000,
        merchant: *b"105331042151234",
        kind: NetworkTransactionKind::Sale,
        amount: yuan(amount),
        card: Some(MaskedCard { bin, last_four: 1_234 }),
        original: None,
        authorisation: None,
    };
    assert_eq!(ledger.authorise(&entry, None).code, ResponseCode::APPROVED);
    entry
}

fn refund(ledger: &mut NetworkLedger, of: &TransactionRequest, stan: u32, amount: u64) {
    let reference = TransactionReference { stan, ..of.reference };
    let original = Some(OriginalTransaction { message_class: 20, reference: of.reference });
    let (kind, amount, card) = (NetworkTransactionKind::Refund, yuan(amount), None);
    let refund = TransactionRequest { reference, kind, amount, card, original, ..*of };
    assert_eq!(ledger.authorise(&refund, None).code, ResponseCode::APPROVED);
}

fn file_of(ledger: &mut NetworkLedger) -> ClearingFile {
    ClearingFile {
        network: "unionpay".to_owned(),
        date: jiff::civil::date(2013, 8, 28),
        currency: Currency::CNY,
        lines: clear(ledger, &costs(), u64::MAX),
    }
}

#[test]
fn a_file_has_the_transactions_in_force_with_their_fees() {
    let mut ledger = NetworkLedger::new(0);
    let first = sale(&mut ledger, 1, 622_588, 10_000);
    sale(&mut ledger, 2, 621_700, 1_000_000);
    refund(&mut ledger, &first, 3, 2_000);
    let file = file_of(&mut ledger);
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
fn each_transaction_is_in_one_file_and_a_late_reversal_in_the_next() {
    let mut ledger = NetworkLedger::new(0);
    let entry = sale(&mut ledger, 1, 622_588, 10_000);
    assert_eq!(file_of(&mut ledger).lines.len(), 1);
    assert_eq!(file_of(&mut ledger).lines.len(), 0);
    let original = OriginalTransaction { message_class: 20, reference: entry.reference };
    assert_eq!(ledger.reverse(original), ResponseCode::APPROVED);
    let next = file_of(&mut ledger);
    let sums = |line: &ClearingLine| (line.kind, line.amount, line.deducted, line.net());
    assert_eq!(
        next.lines.iter().map(sums).collect::<Vec<_>>(),
        [(ClearingLineKind::Reversal, -10_000, -45, -9_955)]
    );
    assert_eq!(file_of(&mut ledger).lines.len(), 0);
}

#[test]
fn transactions_after_the_cutoff_are_in_the_next_file() {
    let mut ledger = NetworkLedger::new(0);
    let entry = sale(&mut ledger, 1, 621_700, 10_000);
    assert!(clear(&mut ledger, &costs(), entry.sent_ms).is_empty());
    assert_eq!(clear(&mut ledger, &costs(), entry.sent_ms + 1).len(), 1);
}

#[test]
fn a_changed_file_is_refused_with_its_line() {
    let mut ledger = NetworkLedger::new(0);
    sale(&mut ledger, 1, 621_700, 10_000);
    let text = file_of(&mut ledger).to_text().unwrap();
    let error = |from: &str, to: &str| {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        ClearingFile::parse(&changed).unwrap_err().to_string()
    };
    assert_eq!(error("H,1,", "H,2,"), "line 1: version `2` is unknown");
    assert_eq!(
        error("2013-08-28,", "2013-8-28,"),
        "line 1: date `2013-8-28` is invalid; write it as 2013-08-28"
    );
    assert_eq!(error("100.00,0.35", "100.00,0.34"), "line 2: net is not amount minus kept_back");
    assert_eq!(error(",sale,", ",gift,"), "line 2: kind: `gift` is unknown");
    assert_eq!(
        error("T10:11:12Z", "T10:61:12Z"),
        "line 2: sent: `2013-08-28T10:61:12Z` is not a valid time"
    );
    assert_eq!(
        error("T,1,", "T,2,"),
        "line 3: the trailer's totals differ from those of the lines"
    );
    assert_eq!(
        error("ABCDEF", "ABCDEG"),
        "line 3: the lines were changed: their SHA-256 differs from the trailer's"
    );
    let cut = &text[..text.len() - 1];
    assert_eq!(
        ClearingFile::parse(cut).unwrap_err().to_string(),
        "line 3: the file is cut short: its last line has no line feed"
    );
    assert!(ClearingFile::parse("").is_err());
    assert!(ClearingFile::parse("\n").is_err());
}

#[test]
fn a_file_replaces_its_predecessor_completely() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("clearing.csv");
    let mut ledger = NetworkLedger::new(0);
    file_of(&mut ledger).write(&path).unwrap();
    sale(&mut ledger, 1, 621_700, 10_000);
    let file = file_of(&mut ledger);
    file.write(&path).unwrap();
    assert_eq!(ClearingFile::parse(&fs::read_to_string(&path).unwrap()).unwrap(), file);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file is left");
    let bad = ClearingFile { network: "Union Pay".to_owned(), ..file };
    assert_eq!(
        bad.write(&path).unwrap_err().to_string(),
        "network name `Union Pay` is invalid: use 1 to 32 of a-z, 0-9 and `-`"
    );
}

#[test]
fn a_network_owes_what_its_files_have_not_paid() {
    let mut ledger = NetworkLedger::new(0);
    let (kept, reversed) =
        (sale(&mut ledger, 1, 621_000, 10_000), sale(&mut ledger, 2, 621_000, 500));
    assert_eq!(owed(&ledger), 10_500);
    assert_eq!(file_of(&mut ledger).lines.len(), 2);
    assert_eq!(owed(&ledger), 0);
    refund(&mut ledger, &kept, 3, 1_000);
    let original = OriginalTransaction { message_class: 20, reference: reversed.reference };
    assert_eq!(ledger.reverse(original), ResponseCode::APPROVED);
    assert!(adjust(&mut ledger, kept.reference, ClearingLineKind::Chargeback, (-2_000, 0)));
    assert!(adjust(&mut ledger, kept.reference, ClearingLineKind::FeeCorrection, (0, -7)));
    assert_eq!(owed(&ledger), -1_000 - 500 - 2_000);
    let file = file_of(&mut ledger);
    let amounts: Vec<(ClearingLineKind, i64, i64)> =
        file.lines.iter().map(|line| (line.kind, line.amount, line.net())).collect();
    let reversal = (ClearingLineKind::Reversal, -500, -498);
    assert_eq!(amounts[..2], [reversal, (ClearingLineKind::Refund, -1_000, -1_000)]);
    let (kind, correction) = (ClearingLineKind::Chargeback, ClearingLineKind::FeeCorrection);
    assert_eq!(amounts[2..], [(kind, -2_000, -2_000), (correction, 0, 7)]);
    assert_eq!(owed(&ledger), 0);
    let text = file.to_text().expect("the name is valid");
    assert_eq!(ClearingFile::parse(&text).expect("as written"), file);
    let unknown = TransactionReference { stan: 9, ..kept.reference };
    assert!(!adjust(&mut ledger, unknown, ClearingLineKind::Chargeback, (-1, 0)));
}
