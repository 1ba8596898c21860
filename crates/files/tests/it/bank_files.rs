//! camt, MT940 and BAI2: small files of our own, and what is refused.

use std::io::Cursor;

use files::incoming::check::{FileFormat, ReadOptions, check};
use files::incoming::parts::{ReferenceKind, StatementHead};
use files::incoming::{DetailIndex, DetailJoin};
use money::{Currency, SignedAmount};

use crate::support::{read_statements, try_read};

fn bal(code: &str, amount: &str, date: &str) -> String {
    format!(
        "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"CNY\">{amount}</Amt>\
         <CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{date}</Dt></Dt></Bal>"
    )
}

fn entry(amount: &str, sign: &str, reference: &str, details: &str) -> String {
    format!(
        "<Ntry><Amt Ccy=\"CNY\">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\
         <BookgDt><Dt>2026-11-30</Dt></BookgDt>\
         <ValDt><DtTm>2026-12-01T00:00:00+08:00</DtTm></ValDt>\
         <AcctSvcrRef>{reference}</AcctSvcrRef><NtryDtls>{details}</NtryDtls></Ntry>\n"
    )
}

const BATCH: &str = "<Btch><PmtInfId>PLAN-7</PmtInfId><NbOfTxs>2</NbOfTxs></Btch>";

fn camt053(entries: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <b:Document xmlns:b=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\">\n\
         <b:BkToCstmrStmt><b:GrpHdr><b:MsgId>M</b:MsgId></b:GrpHdr>\n<Stmt><Id>S-1</Id>\
         <ElctrncSeqNb>41</ElctrncSeqNb><Acct><Id><IBAN>CN01 MAIN</IBAN></Id><Ccy>CNY</Ccy></Acct>\
         {}{}\n{entries}</Stmt>\n</b:BkToCstmrStmt></b:Document>",
        bal("OPBD", "1000.00", "2026-11-30"),
        bal("CLBD", "1150.00", "2026-11-30")
    )
}

fn good053() -> String {
    camt053(&(entry("200", "CRDT", "B-1", BATCH) + &entry("50.0", "DBIT", "B-2", "")))
}

fn camt054(amount: &str) -> String {
    let details = |amount: &str, id: &str| {
        format!(
            "<TxDtls><Refs><EndToEndId>{id}</EndToEndId></Refs><Amt Ccy=\"CNY\">{amount}</Amt>\
             <RltdPties><Dbtr><Pty><Nm>Zhang San</Nm></Pty></Dbtr></RltdPties>\
             <RmtInf><Ustrd>paid &amp; done &#x41;</Ustrd></RmtInf></TxDtls>"
        )
    };
    let details = details("120.00", "D-1") + &details("80.00", "NOTPROVIDED");
    format!(
        "<Document><BkToCstmrDbtCdtNtfctn><Ntfctn><Acct><Id><IBAN>CN01MAIN</IBAN></Id></Acct>{}\
         </Ntfctn></BkToCstmrDbtCdtNtfctn></Document>",
        entry(amount, "CRDT", "B-1", &details)
    )
}

#[test]
fn a_batch_of_a_camt_053_gets_its_details_from_the_camt_054() {
    let (heads, entries) = read_statements("camt", good053().as_bytes()).unwrap();
    let head = &heads[0];
    assert_eq!((head.number, head.moved, head.entries), (Some(41), 15_000, 2));
    assert_eq!(entries[0].line, 5);
    assert_eq!(entries[0].value_date.unwrap().to_string(), "2026-12-01", "the bank's own day");
    assert_eq!(entries[0].batch.as_ref().unwrap().transactions, Some(2));
    assert_eq!(entries[0].reference(ReferenceKind::PaymentInformation), Some("PLAN-7"));
    let mut index = DetailIndex::default();
    let (heads, notified) = read_statements("camt", camt054("200.00").as_bytes()).unwrap();
    assert_eq!((heads[0].opening, heads[0].moved), (None, 20_000));
    assert!(index.add(notified[0].clone()));
    let mut batch = entries[0].clone();
    assert_eq!(index.join(&mut batch), DetailJoin::Joined);
    let amounts: Vec<_> = batch.details.iter().map(|one| one.amount.unwrap().minor()).collect();
    assert_eq!(amounts, [12_000, 8_000]);
    assert_eq!(batch.details[0].references[0].text, "D-1");
    assert_eq!(batch.details[1].references, [], "NOTPROVIDED is no reference");
    let texts: Vec<_> = batch.details[0].texts.iter().map(|text| text.as_str()).collect();
    assert_eq!(texts, ["Zhang San", "paid & done A"]);
    assert!(!format!("{batch:?}").contains("Zhang"), "names are not shown");
    assert_eq!(index.join(&mut entries[1].clone()), DetailJoin::NotFound);
    assert_eq!(index.join(&mut batch), DetailJoin::HadDetails);
    let (_, other) = read_statements("camt", camt054("200.01").as_bytes()).unwrap();
    let mut index = DetailIndex::default();
    assert!(index.add(other[0].clone()));
    assert_eq!(index.join(&mut entries[0].clone()), DetailJoin::Differs);
}

#[test]
fn what_is_wrong_with_a_camt_file_is_said_with_line_and_element() {
    let good = good053();
    let begin = good.find("<b:Document").unwrap();
    let with_head = |head: &str| format!("{head}{}", &good[begin..]);
    let deep = "<a>".repeat(100);
    let laughs = "<!DOCTYPE a [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]>\n";
    for (text, words) in [
        (with_head(laughs), "line 1: it has a document type or entities"),
        (good.replace("<Id>S-1</Id>", "<Id>&secret;</Id>"), "line 4, Id: it has a document type"),
        (good.replace("M</b:MsgId>", &format!("{deep}</b:MsgId>")), "more than 40 deep"),
        (good.replace("S-1", &"x".repeat(10_000_000)), "line 4, Id: it is longer than 65536 bytes"),
        (good.replace("1150.00", "1150.01"), "line 4, Bal: it says 1150.01, but the lines have"),
        (good.replace("50.0<", "50,0<"), "line 6, Amt: it is not an amount in CNY"),
        (good.replace("50.0<", "50.001<"), "line 6, Amt: it is not an amount in CNY"),
        (good.replace("50.0<", "-50.0<"), "line 6, Amt: it is not an amount in CNY"),
        (
            good.replace("Ccy=\"CNY\">50.0", "Ccy=\"EUR\">50.0"),
            "line 6, Amt: it is in EUR, and the statement is in CNY",
        ),
        (good.replace("DBIT", "DEBIT"), "line 6, CdtDbtInd: it must be one of: CRDT, DBIT"),
        (
            good.replace("<Dt>2026-11-30</Dt></BookgDt>", "<Dt>2026-02-29</Dt></BookgDt>"),
            "line 5, \
         BookgDt: it is not a date",
        ),
        (
            good.replace("053.001.08", "053.001.13"),
            "version of the format is not read; ask for \
         version 02 to 08",
        ),
        (good.replace("BkToCstmrStmt", "BkToCstmrAcctRpt"), "line 3: it is an interim report"),
        (good.replace("BkToCstmrStmt", "CstmrCdtTrfInitn"), "it is not a bank statement"),
        (good.replace("UTF-8", "GBK"), "line 1: it is not text in the encoding"),
        (good[..good.len() - 40].to_owned(), "it is not well-formed XML"),
        (good.replace("</Stmt>", "</Stmd>"), "it is not well-formed XML"),
        (good.clone() + "<a/>", "it is not well-formed XML"),
        ("PK\u{3}\u{4}".to_owned(), "it is not well-formed XML"),
        (String::new(), "it is not well-formed XML"),
    ] {
        let why = read_statements("camt", text.as_bytes()).expect_err(words);
        assert!(why.contains(words), "{words}\n{why}");
        assert!(why.len() < 2_000, "no value is repeated");
    }
}

#[test]
fn a_file_must_be_of_the_account_the_currency_and_a_day_that_has_come() {
    let day = "2026-11-29".parse().unwrap();
    let right = ReadOptions {
        today: Some("2026-11-30".parse().unwrap()),
        account: Some("cn01main"),
        currency: Some(Currency::CNY),
        ..ReadOptions::default()
    };
    let read = |options: &ReadOptions<'_>| try_read("camt", "s.xml", good053().as_bytes(), options);
    read(&right).unwrap();
    for (options, words) in [
        (ReadOptions { today: Some(day), ..right }, "line 4, Bal: the file is of a day to come"),
        (ReadOptions { account: Some("other"), ..right }, "line 4, Acct: it is not the account"),
        (ReadOptions { currency: Some(Currency::BRL), ..right }, "it is in CNY, and the statement"),
    ] {
        let why = read(&options).expect_err(words);
        assert!(why.contains(words), "{why}");
    }
}

#[test]
fn the_second_pass_sees_a_file_that_was_changed() {
    let text = good053();
    let options = ReadOptions::default();
    let checked = check(Cursor::new(text.as_bytes()), "s.xml", FileFormat::Camt, &options).unwrap();
    let changed = text.replace("B-2", "B-3");
    let mut parts = 0;
    let why = checked.stream(Cursor::new(changed.as_bytes()), &options, &mut |_| parts += 1);
    assert_eq!(
        why.unwrap_err().to_string(),
        "s.xml has changed since it was checked; give it again"
    );
    assert_eq!(parts, 2);
}

const MT940: &str = "{1:F01X}{2:O940X}{4:\r\n:20:T-1\r\n:25:main\r\n:28C:7/1\r\n\
    :60F:C261129CNY1000,\r\n\
    :61:2611301130C250,NMSCD-17//B-1\r\n:86:/EREF/D-17-LONG/REMI/cash\r\nof a firm\r\n\
    :61:2601021231RC20,5NTRFNONREF//B-2\r\nsupplement\r\n:86:?00X?20EREF+E-1?21SVWZ+text?32NAME\r\n\
    :62F:C261130CNY1229,50\r\n:64:C261130CNY1229,50\r\n-}\r\n";

#[test]
fn an_mt940_has_entries_between_its_balances() {
    let (heads, entries) = read_statements("mt940", MT940.as_bytes()).unwrap();
    assert_eq!(
        (heads[0].number, heads[0].page, heads[0].last_page),
        (Some(7), Some(1), Some(true))
    );
    assert_eq!((heads[0].opening.unwrap().minor(), heads[0].moved), (100_000, 22_950));
    let refs = |place: usize| {
        let of = entries[place].references.iter().map(|one| (one.kind, one.text.as_str()));
        of.collect::<Vec<_>>()
    };
    use ReferenceKind as R;
    assert_eq!(refs(0), [(R::Customer, "D-17"), (R::Bank, "B-1"), (R::EndToEnd, "D-17-LONG")]);
    assert_eq!(refs(1), [(R::Bank, "B-2"), (R::EndToEnd, "E-1")]);
    assert!(entries[1].reversal, "a credit that is taken back");
    assert_eq!(entries[1].booked_on.unwrap().to_string(), "2025-12-31", "the turn of the year");
    for (from, to, words) in [
        ("C250,", "C250.00", "line 6, 61: it is not written as the format says"),
        ("C250,", "C1,250,", "line 6, 61: it is not written as the format says"),
        ("2611301130C250", "2602301130C250", "line 6, 61: it is not written as the format says"),
        ("1229,50\r\n:64", "1229,51\r\n:64", "line 12, 62F: it says 1229.51, but the lines have"),
        (":25:main\r\n", "", "25: it is missing; ask the bank for the whole statement"),
        ("-}\r\n", ":61:2611301130C250,NMSCX\r\n-}\r\n", "61: it stands behind the last line"),
        (":20:T-1", "no tag", "line 2, 20: it cannot stand here"),
        (
            "CNY1229,50\r\n:64",
            "EUR1229,50\r\n:64",
            "62F: it is in EUR, and the statement is in CNY",
        ),
    ] {
        let why = read_statements("mt940", MT940.replacen(from, to, 1).as_bytes()).expect_err(to);
        assert!(why.contains(words), "{words}\n{why}");
    }
    let (cut, _) = MT940.split_at(MT940.find(":62F").unwrap());
    let why = read_statements("mt940", cut.as_bytes()).unwrap_err();
    assert!(why.contains("62F: it is missing"), "{why}");
    let why = read_statements("mt940", b"").unwrap_err();
    assert!(why.contains("is empty"), "{why}");
}

const BAI2: &str = "01,BANK,US,261130,0800,1,80,,2/\n02,US,BANK,1,261130,2359,CNY,2/\n\
    03,main,CNY,010,100000,,,015,105000,,/\n88,100,7000,1,,400,2000,1/\n\
    16,301,7000,Z,B-1,D-17,cash, of a firm/\n16,495,2000,V,261201,,B-2,E-1,/\n88,and more/\n\
    49,223000,6/\n98,223000,1,8/\n99,223000,1,10/\n";

#[test]
fn a_bai2_file_has_totals_and_counts_at_each_level() {
    let (heads, entries) = read_statements("bai2", BAI2.as_bytes()).unwrap();
    assert_eq!((heads[0].account.as_deref(), heads[0].moved), (Some("main"), 5_000));
    let second = &entries[1];
    assert_eq!((second.amount.minor(), second.value_date.unwrap().day()), (-2_000, 1));
    assert_eq!(second.reference(ReferenceKind::Customer), Some("E-1"));
    assert_eq!(second.texts[0].as_str(), "and more");
    for (from, to, words) in [
        ("49,223000,6", "49,223001,6", "line 8, 49: it says 2230.01, but the lines have 2230.00"),
        ("98,223000,1,8", "98,223000,2,8", "line 9, 98: it says 2, but the lines have 1"),
        ("99,223000,1,10", "99,223000,1,11", "line 10, 99: it says 11, but the lines have 10"),
        ("015,105000", "015,105001", "line 3, 015: it says 1050.01, but the lines have 1050.00"),
        ("99,223000,1,10/\n", "", "99: it is missing"),
        ("02,US,BANK,1", "02,US,BANK,4", "line 2, 02: it is a test or takes entries back"),
        (",,2/\n02", ",,3/\n02", "line 1, 01: this version of the format is not read"),
        ("16,301,7000", "16,301,70.00", "line 5, 16: it is not written as the format says"),
        ("03,main", "x", "line 3: it cannot stand here"),
        ("88,100", "98,100", "line 4, 98: it cannot stand here"),
    ] {
        let why = read_statements("bai2", BAI2.replacen(from, to, 1).as_bytes()).expect_err(to);
        assert!(why.contains(words), "{words}\n{why}");
    }
}
