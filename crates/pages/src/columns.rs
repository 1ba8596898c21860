//! Which columns a list shows, in which order, and what they are called.

use views::{ColumnKind, ViewColumn, ViewSpec};

use crate::PageWords;

/// Columns that only the page of one thing shows.
pub const DETAIL_ONLY: [&str; 22] = [
    "rail_kind",
    "until_batch",
    "shipment",
    "assignments",
    "tariff",
    "tariff_version",
    "terms",
    "terms_from",
    "class",
    "digest",
    "debit_balance",
    "credit_balance",
    "payout_account",
    "returned",
    "invoiced",
    "compensated",
    "place",
    "value_date",
    "recipient",
    "tried_at",
    "next_at",
    "ended_at",
];

/// What a row is called.
pub(crate) const NAMES: [&str; 3] = ["reference", "name", "sku"];
/// Columns that stand behind the name and the key, in this order.
const FIRST: [&str; 4] = ["state", "side", "kind", "method"];
/// Columns that stand last.
const LAST: [&str; 5] = ["currency", "date", "at", "from_batch", "batch"];

/// What a column is called in a view.
#[must_use]
pub fn label(words: PageWords, view: &ViewSpec, column: &str) -> &'static str {
    let own = words.entry("column_of", &format!("{}.{column}", view.name));
    own.or_else(|| words.entry("column", column)).unwrap_or_default()
}

/// The columns of a view's list, as places in a row.
pub fn list_columns(view: &'static ViewSpec, hidden: &[&str]) -> Vec<usize> {
    let is_key = |column: &ViewColumn| view.key.contains(&column.name);
    let mut places: Vec<usize> = (0..view.columns.len())
        .filter(|place| {
            let column = &view.columns[*place];
            let is_listed = is_key(column) || !DETAIL_ONLY.contains(&column.name);
            // The number of the party is in the address of its page; people know the reference.
            let has_name = view.search.is_some() && view.key.first() == Some(&column.name);
            let is_number = matches!(column.kind, ColumnKind::Id(_));
            is_listed && !hidden.contains(&column.name) && !(has_name && is_number)
        })
        .collect();
    places.sort_by_key(|place| {
        let name = view.columns[*place].name;
        let within = |names: &[&str]| names.iter().position(|one| *one == name);
        let ranks = [within(&NAMES), within(view.key), within(&FIRST)];
        match (within(&LAST), ranks.iter().position(Option::is_some)) {
            (Some(last), _) => (4, last),
            (None, Some(rank)) => (rank, ranks[rank].unwrap_or_default()),
            (None, None) => (3, *place),
        }
    });
    places
}

/// Whether its values stand at the right.
#[must_use]
pub fn is_numeric(column: &ViewColumn) -> bool {
    matches!(
        column.kind,
        ColumnKind::Amount { .. } | ColumnKind::MinorUnits | ColumnKind::Number | ColumnKind::Batch
    )
}
