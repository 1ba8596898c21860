//! What `doorstep import --json` prints.

use std::collections::BTreeMap;
use std::sync::Arc;

use files::orders::{BAD_LINES_KEPT_MAX, BadLine, FileLineCount, ImportReport, LeftOutOrders};
use files::profile::Profile;
use serde_json::{Value, json};
use vault::DeliveryCounts;

use super::Announced;
use crate::chinese;
use crate::words::Lang;

pub fn report(
    profile: &Profile,
    report: &ImportReport,
    rejects: Option<u64>,
    imported: bool,
    announced: &Announced,
) -> Value {
    let lines = report.lines;
    let by_rules: u64 = report.left_out_by_reason.values().map(|orders| orders.orders).sum();
    let lang = Lang::current();
    let bad_line = |line: &BadLine| {
        let [reason, left_out] = chinese::bad_line_texts(line, lang);
        json!({
            "file": &*line.location.file,
            "line": line.location.line,
            "column": line.column.as_deref(),
            "reason": reason,
            "left_out": left_out,
        })
    };
    let due = report.amount_due.iter().map(|(currency, due)| {
        // A total above 64 bits is no total of real orders.
        (currency.code().to_owned(), json!(u64::try_from(*due).unwrap_or(u64::MAX)))
    });
    let file = |file: &FileLineCount| json!({ "file": &*file.file, "lines": file.lines });
    json!({
        "files": report.files.iter().map(file).collect::<Vec<_>>(),
        "lines": {
            "taken": lines.taken,
            "repeated": lines.repeated,
            "left_out": lines.left_out,
            "bad": lines.bad,
        },
        "orders": {
            "all": report.orders,
            "taken": report.orders_taken,
            "left_out": report.orders_left_out_by_status + by_rules,
            "with_errors": report.orders_with_errors,
        },
        "parcels": report.parcels,
        "sellers": report.sellers,
        "amount_due": due.collect::<serde_json::Map<String, Value>>(),
        "statuses": counts(&report.orders_by_status),
        "left_out": {
            "by_status": counts(&report.left_out_by_status),
            "by_reason":
                report.left_out_by_reason.iter().map(|one| left_out(one, lang)).collect::<Vec<_>>(),
        },
        "errors": report.errors_total(),
        "bad_lines":
            report.bad_lines.iter().take(BAD_LINES_KEPT_MAX).map(bad_line).collect::<Vec<_>>(),
        "warning": profile.head().warning().map(|warning| chinese::profile_warning(warning, lang)),
        "rejects": rejects,
        "imported": imported,
        "announced": announced.new,
        "existed": announced.existed,
        "refused": &announced.refused,
        "buyers": announced.buyers.map(buyers),
    })
}

fn buyers(counts: DeliveryCounts) -> Value {
    let DeliveryCounts { sealed, unchanged, replaced, kept, erased } = counts;
    json!({
        "sealed": sealed,
        "unchanged": unchanged,
        "replaced": replaced,
        "kept": kept,
        "erased": erased,
    })
}

fn left_out((reason, left_out): (&Arc<str>, &LeftOutOrders), lang: Lang) -> Value {
    json!({
        "reason": chinese::left_out_reason(reason, lang),
        "orders": left_out.orders,
        "values": counts(&left_out.values),
    })
}

fn counts(counts: &BTreeMap<Arc<str>, u64>) -> Value {
    counts.iter().map(|(name, count)| (name.to_string(), json!(count))).collect()
}
