//! Files that are taken: sheets of firms, and what waits for a list that comes back.

use std::fs::File;
use std::io::Cursor;

use office::closing::ClosingError;
use office::take::{GivenFile, TakeError, TakeOutcome, TakeReport, TakeRequest, TakingStopped};
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
