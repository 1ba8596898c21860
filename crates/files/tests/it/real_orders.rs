//! The real order sample, if it is present.

use std::collections::BTreeMap;

use files::orders::{ImportOptions, ImportReport, import};
use files::profile::Profile;
use money::Currency;

use crate::support::real;

fn by_status(report: &ImportReport) -> BTreeMap<&str, u64> {
    report.orders_by_status.iter().map(|(status, &count)| (&**status, count)).collect()
}

#[test]
fn the_olist_sample_becomes_its_parcels_to_the_cent() {
    let Some(path) = real("olist_sample_8k") else { return };
    let import =
        import(&Profile::built_in("olist").unwrap(), &path, &ImportOptions::default()).unwrap();
    let report = &import.report;
    assert_eq!(report.orders, 8_000);
    assert_eq!(report.orders_taken, 7_773);
    assert_eq!(report.orders_left_out_by_status, 227);
    assert_eq!(report.parcels, 7_854);
    assert_eq!(report.sellers, 1_473);
    assert_eq!(report.amount_due, BTreeMap::from([(Currency::BRL, 124_616_225)]));
    let statuses = [
        ("delivered", 7_773),
        ("shipped", 80),
        ("canceled", 60),
        ("unavailable", 47),
        ("invoiced", 25),
        ("processing", 15),
    ];
    assert_eq!(by_status(report), BTreeMap::from(statuses));
    assert_eq!(report.bad_lines, []);
    // Of orders.csv 7,773 lines, and the lines of their items.
    let lines = report.lines;
    assert_eq!((lines.repeated, lines.bad, lines.total()), (0, 0, 17_116));
    let lines: Vec<u64> = report.files.iter().map(|file| file.lines).collect();
    assert_eq!(lines, [8_000, 9_116]);
}
