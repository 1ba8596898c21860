//! Files that are taken: sheets of firms, and what waits for a list that comes back.

use std::fs::File;
use std::io::Cursor;

use office::closing::ClosingError;
use office::take::{
    FileCompany, GivenFile, TakeError, TakeOutcome, TakeReport, TakeRequest, TakingStopped,
};
use office::{FileSourceKind, OfficeError};

use super::*;

/// Books with the bank account `main` and the firm `swift`.
fn books_with_a_firm() -> Bed {
    let mut bed = Bed::open(true);
    bed.must(give("RegisterBank", json!({ "reference": "main", "currency": "CNY" })), ANNS);
    let firm = json!({
        "reference": "swift", "currency": "CNY", "guarantee": "0", "approved_by": BO.to_string(),
    });
    bed.must(give("RegisterFirm", firm), ANNS);
    bed
}

fn take(bed: &mut Bed, request: &TakeRequest, text: &str) -> Result<Vec<TakeReport>, OfficeError> {
    let path = bed.path().join("sheet.csv");
    fs::write(&path, text).unwrap();
    let file = GivenFile { name: "sheet.csv".to_owned(), file: File::open(path).unwrap() };
    let (_, office) = bed.running.as_mut().unwrap();
    office.take(request, &mut [file], &who(ANNS))
}

#[test]
fn a_sheet_is_taken_whole_and_once_and_its_lines_wait_for_a_person() {
    let mut bed = books_with_a_firm();
    let mut request = TakeRequest {
        format: Some("courier-cn".to_owned()),
        encoding: Some("utf-8".to_owned()),
        date: Some(jiff::civil::date(2013, 8, 28)),
        ..TakeRequest::default()
    };
    let sheet = "订单号,代收货款\nA-1,10.00\nA-2,20.00\n";
    let refused = take(&mut bed, &request, sheet).unwrap_err();
    assert!(matches!(refused, OfficeError::Take(TakeError::WhoseSheet)), "{refused}");
    request.source = Some((FileSourceKind::Firm, "swift".to_owned()));
    let [report] = &take(&mut bed, &request, sheet).unwrap()[..] else { panic!("one report") };
    let parts = report.parts.as_ref().unwrap();
    let sums = [parts.matched, parts.expected, parts.breaks].map(|one| (one.lines, one.amount));
    assert_eq!(sums, [(0, 0), (0, 0), (2, 3_000)]);
    let reasons: Vec<_> = report.listed.iter().map(|one| &*one.reason).collect();
    assert_eq!(reasons, ["unknown_reference", "unknown_reference"]);
    let again = take(&mut bed, &request, sheet).unwrap();
    assert_eq!(again[0].outcome, TakeOutcome::TakenBefore);

    let (_, office) = bed.running.as_mut().unwrap();
    let mut close = |list: &str| {
        let mut taking = office.taking(&who(ANNS)).unwrap();
        taking.close(&mut Cursor::new(list.to_owned()), false)
    };
    let wrong = close("id,resolution\nswift/1/1,Seen\nswift/1/2,WriteOff\nswift/1/9,Seen\n");
    let Err(ClosingError::Rows(faults)) = wrong else { panic!("{wrong:?}") };
    let places: Vec<_> = faults.iter().map(|one| (one.line, one.column)).collect();
    assert_eq!(places, [(3, "resolution"), (4, "id")], "nothing is carried out");
    let done = close("id,resolution\nswift/1/1,Seen\nswift/1/2,Seen\n").unwrap();
    assert_eq!((done.decided, done.repeated), (2, 0));
    let again = close("id,resolution\nswift/1/1,Seen\nswift/1/2,\n").unwrap();
    assert_eq!((again.rows, again.decided, again.repeated), (1, 0, 1));
}

#[test]
fn a_list_without_what_it_needs_is_refused() {
    let mut bed = books_with_a_firm();
    let (_, office) = bed.running.as_mut().unwrap();
    let mut taking = office.taking(&who(ANNS)).unwrap();
    let mut close = |list: &str| {
        let done = taking.close(&mut Cursor::new(list.to_owned()), true);
        done.unwrap_err().to_string()
    };
    assert!(close("id,what\n1,break\n").starts_with("line 1 has no column `resolution`"));
    assert!(close("id,resolution\n1,\n").starts_with("no row has a resolution"));
    let unknown = close("\u{feff}id,resolution\n1,WriteOff\nx,WriteOff\n1,WriteOff\n");
    for words in [
        "line 2, id: there is no such break",
        "line 3, id: `x` is no break and no entry",
        "line 4, id: line 2 has the same",
    ] {
        assert!(unknown.contains(words), "{unknown}");
    }
    let many: String = (0..=10_000).map(|id| format!("{id},WriteOff\n")).collect();
    assert!(close(&format!("id,resolution\n{many}")).starts_with("more than 10000 rows"));
    // A file that the books stop is another error.
    assert!(!matches!(taking.match_expected(), Err(TakingStopped::Node(_))));
}

/// A statement of one entry of 200.00, with what stands in it.
fn camt053(details: &str) -> String {
    let balance = |code: &str, amount: &str| {
        format!(
            "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"CNY\">{amount}</Amt>\
             <CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2013-08-28</Dt></Dt></Bal>"
        )
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt>\
         <GrpHdr><MsgId>M</MsgId></GrpHdr><Stmt><Id>S-1</Id>\
         <Acct><Id><IBAN>CN01MAIN</IBAN></Id><Ccy>CNY</Ccy></Acct>{}{}{}</Stmt>\
         </BkToCstmrStmt></Document>",
        balance("OPBD", "0.00"),
        balance("CLBD", "200.00"),
        entry("B-1", details)
    )
}

fn entry(reference: &str, details: &str) -> String {
    format!(
        "<Ntry><Amt Ccy=\"CNY\">200.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\
         <BookgDt><Dt>2013-08-28</Dt></BookgDt><ValDt><Dt>2013-08-28</Dt></ValDt>\
         <AcctSvcrRef>{reference}</AcctSvcrRef><NtryDtls>{details}</NtryDtls></Ntry>"
    )
}

/// The transactions of an entry, for its reference.
fn camt054(reference: &str) -> String {
    let details = ["120.00", "80.00"].map(|amount| {
        format!(
            "<TxDtls><Refs><EndToEndId>D-{amount}</EndToEndId></Refs>\
             <Amt Ccy=\"CNY\">{amount}</Amt></TxDtls>"
        )
    });
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\">\
         <BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>N</MsgId></GrpHdr><Ntfctn><Id>N-1</Id>\
         <Acct><Id><IBAN>CN01MAIN</IBAN></Id></Acct>{}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>",
        entry(reference, &details.concat())
    )
}

#[test]
fn a_file_says_whether_it_belongs_with_others() {
    let mut bed = books_with_a_firm();
    let batch = "<Btch><PmtInfId>P-7</PmtInfId><NbOfTxs>2</NbOfTxs></Btch>";
    let files = [
        ("open.xml", camt053(batch)),
        ("whole.xml", camt053("")),
        ("notification.xml", camt054("B-1")),
        ("other.xml", camt054("B-2")),
    ];
    for (name, text) in &files {
        fs::write(bed.path().join(name), text).unwrap();
    }
    let folder = bed.path().to_owned();
    let given = |name: &str| GivenFile {
        name: name.to_owned(),
        file: File::open(folder.join(name)).unwrap(),
    };
    let source = Some((FileSourceKind::Bank, "main".to_owned()));
    let request = TakeRequest { source, ..TakeRequest::default() };
    let (_, office) = bed.running.as_mut().unwrap();
    let mut taking = office.taking(&who(ANNS)).unwrap();
    for (name, company) in [
        ("open.xml", FileCompany::MayHaveDetails),
        ("whole.xml", FileCompany::Whole),
        ("notification.xml", FileCompany::Details),
    ] {
        let found = taking.company_of(&request, &mut given(name)).unwrap();
        assert_eq!(found, company, "{name}");
    }
    let refused = |taken: Result<Vec<TakeReport>, TakingStopped>| match taken {
        Err(TakingStopped::Refused(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let other = taking.take(&request, &mut [given("open.xml"), given("other.xml")]);
    assert!(refused(other).starts_with("no entry of the statement is in the notification"));
    let taken = taking.take(&request, &mut [given("notification.xml"), given("open.xml")]);
    assert_eq!(taken.unwrap()[0].lines, 1);
    // From now on statements of this bank wait for their details.
    let found = taking.company_of(&request, &mut given("whole.xml")).unwrap();
    assert_eq!(found, FileCompany::MayHaveDetails);
}
