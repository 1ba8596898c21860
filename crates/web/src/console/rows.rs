//! Rows for pages: as the API writes their values, and what their parties are called.

use std::collections::{BTreeMap, BTreeSet};

use access::Principal;
use engine::Timestamp;
use office::{Persons, SignedInGiver};
use pages::{PageRow, PartyNames, party_view, view_of};
use serde_json::Value;
use views::read::{
    FILTER_VALUES_MAX, FilterOperator, ListQuery, ReadViewError, RowsOf, ViewFilter, ViewPosition,
    ViewReader,
};
use views::{ColumnKind, IdentifierKind, ViewSpec, ViewValue};

pub(super) use crate::handlers::views::read;
use crate::handlers::views::{has_rows_of, owners_of, rows_of};
use crate::problem::Problem;
use crate::view_values::json;

/// Rows on a page of the console.
pub(super) const ROWS: u32 = 50;

pub(super) fn page_row(view: &'static ViewSpec, values: Vec<ViewValue>) -> PageRow {
    let raw = view.columns.iter().zip(&values).map(|(column, value)| match json(column, value) {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    });
    PageRow { raw: raw.collect(), values }
}

/// The offset of the books' local time at an instant.
pub(super) fn offset_at(giver: &SignedInGiver, ms: i64) -> Result<i16, Problem> {
    let at = Timestamp(ms.max(0).cast_unsigned());
    let look = move |engine: &engine::Engine| engine.books().utc_offset_minutes_at(at);
    Ok(giver.client.look_ahead(look).map_err(Problem::internal)?.unwrap_or(0))
}

/// Rows of a view with a value in a column.
pub(super) fn with(
    view: &'static ViewSpec,
    column: &str,
    operator: FilterOperator,
    at: Option<u64>,
) -> ListQuery {
    let filter = ViewFilter { column: column.to_owned(), operator };
    ListQuery { filters: vec![filter], at, ..ListQuery::of(view) }
}

/// What the parties in rows are called, as far as a principal may know it.
pub(super) fn names(
    reader: &mut ViewReader,
    principal: &Principal,
    rows: &[(&'static ViewSpec, &[PageRow])],
    at: Option<u64>,
) -> Result<PartyNames, ReadViewError> {
    let mut wanted: BTreeMap<&'static str, BTreeSet<i64>> = BTreeMap::new();
    for (view, rows) in rows {
        for (place, column) in view.columns.iter().enumerate() {
            let ColumnKind::Id(kind) = column.kind else { continue };
            for row in *rows {
                let ViewValue::Number(bits) = row.values[place] else { continue };
                let party = match kind {
                    // Another column says of what kind it is.
                    IdentifierKind::Any => party_view(view, row, column.name),
                    kind => view_of(kind),
                };
                wanted.entry(party.unwrap_or_default()).or_default().insert(bits);
            }
        }
    }
    // A courier acts as the person with the same bits.
    let persons = wanted.get("persons").cloned().unwrap_or_default();
    if !persons.is_empty() {
        wanted.entry("couriers").or_default().extend(&persons);
    }
    let mut names = PartyNames::new();
    for (party, bits) in wanted {
        let Some(view) = ViewSpec::find(party) else { continue };
        let name = match party {
            "accounts" => "name",
            "variants" => "sku",
            _ => "reference",
        };
        let (Some(name), Some(key)) = (view.place(name), view.key.first()) else { continue };
        let (Some(id), Some(scope)) = (view.place(key), named_rows(principal, view)) else {
            continue;
        };
        let bits: Vec<ViewValue> = bits.into_iter().map(ViewValue::Number).collect();
        for some in bits.chunks(FILTER_VALUES_MAX) {
            let ask = with(view, key, FilterOperator::OneOf(some.to_vec()), at);
            // A seller has a row for each currency, a tariff one for each version.
            let ask = ListQuery { scope: scope.clone(), limit: 500, ..ask };
            for row in reader.list(&ask)?.rows {
                if let (ViewValue::Number(id), ViewValue::Text(name)) = (&row[id], &row[name]) {
                    names.insert((party, *id), name.to_string());
                }
            }
        }
    }
    for person in persons {
        if let Some(name) = names.get(&("couriers", person)).cloned() {
            names.insert(("persons", person), name);
        }
    }
    Ok(names)
}

/// The rows whose names a principal may know: those that it may read, and its own party and that
/// party's couriers.
fn named_rows(principal: &Principal, view: &'static ViewSpec) -> Option<RowsOf> {
    let is_party = ["sellers", "firms", "couriers"].contains(&view.name);
    let scope = rows_of(principal, view).ok();
    match scope.or_else(|| is_party.then(|| RowsOf::Own(owners_of(&principal.grants))))? {
        RowsOf::Own(owners) if !has_rows_of(view, &owners) => None,
        scope => Some(scope),
    }
}

/// What persons are called, for who may see the persons. Their names are not in the books.
pub(super) fn person_names(giver: &SignedInGiver, principal: &Principal) -> PartyNames {
    let view = ViewSpec::find("persons");
    let sees_all = view.map(|view| rows_of(principal, view));
    if !matches!(sees_all, Some(Ok(RowsOf::Everyone))) {
        return PartyNames::new();
    }
    // Without the file everybody has an identifier only.
    let persons = Persons::read(&giver.data).unwrap_or_default();
    let named = persons.iter().filter_map(|(person, name, _)| {
        Some((("persons", person.0.cast_signed()), name?.to_owned()))
    });
    named.collect()
}

/// The position of a page, and the time of the last command until it.
pub(super) fn position_at(
    reader: &mut ViewReader,
    at: Option<u64>,
) -> Result<(ViewPosition, i64), ReadViewError> {
    let now = reader.position()?;
    let position = ViewPosition { batch: at.unwrap_or(now.batch), ..now };
    let time = time_of(reader, &position)?;
    Ok((position, time))
}

/// The time of the last command until a batch.
pub(super) fn time_of(
    reader: &mut ViewReader,
    position: &ViewPosition,
) -> Result<i64, ReadViewError> {
    if position.batch == position.written {
        return Ok(position.at);
    }
    let Some(view) = ViewSpec::find("commands") else { return Ok(position.at) };
    let batch = ViewValue::Number(position.batch.cast_signed());
    let ask = with(view, "batch", FilterOperator::Equal(batch), Some(position.batch));
    let page = reader.list(&ListQuery { limit: 1, ..ask })?;
    let at = view.place("at").and_then(|place| page.rows.first().map(|row| row[place].clone()));
    Ok(match at {
        Some(ViewValue::Number(at)) => at,
        _ => position.at,
    })
}
