//! What a person asks a view for, in the words of a request, for those who read the views without a
//! server: the same parameters, values and refusals.

use std::collections::BTreeSet;

use office::fields::{KnownParties, WantedParty};
use serde_json::Value;
use views::read::{ListQuery, RowsOf};
use views::{ColumnKind, ViewColumn, ViewSpec, ViewValue};

use crate::handlers::views::{filters, named_parties, order_of, parameters};
use crate::problem::Problem;
use crate::query::QueryParameters;
use crate::view_values::{self, named_type, parse};

/// The path of a view.
#[must_use]
pub fn path(view: &ViewSpec) -> String {
    crate::handlers::views::path(view)
}

/// A value as JSON.
#[must_use]
pub fn json(column: &ViewColumn, value: &ViewValue) -> Value {
    view_values::json(column, value)
}

/// What a text is to a spreadsheet, whichever column it is of.
const TEXT: ViewColumn = ViewColumn {
    name: "",
    kind: ColumnKind::Text,
    doc: "",
    optional: true,
    filter: false,
    sort: false,
    of: None,
};

/// Adds a cell of CSV to a line, from a value as JSON.
pub fn add_cell(line: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(text) => {
            view_values::add_cell(line, &TEXT, &ViewValue::text(text.as_str()));
        }
        other => line.push_str(&other.to_string()),
    }
}

/// A list of a view, as the parameters of a request ask for it.
pub struct AskedList {
    view: &'static ViewSpec,
    query: QueryParameters,
}

impl AskedList {
    /// # Errors
    /// The view has no such parameter, or it is given twice.
    pub fn new(
        view: &'static ViewSpec,
        given: impl Iterator<Item = (String, String)>,
    ) -> Result<AskedList, Problem> {
        let known = parameters(view);
        // Pages are the reader's own.
        let own = |name: &&str| !["cursor", "limit", "min_position"].contains(name);
        let known: Vec<&str> = known.iter().map(String::as_str).filter(own).collect();
        Ok(AskedList { view, query: QueryParameters::of(given, &known)? })
    }

    /// The parties that it names by their references.
    #[must_use]
    pub fn wanted_parties(&self) -> BTreeSet<WantedParty> {
        named_parties(self.view, &self.query)
    }

    /// For who sees all rows.
    ///
    /// # Errors
    /// The column of a value has no such values.
    pub fn list_query(&self, known: &KnownParties, limit: u32) -> Result<ListQuery, Problem> {
        Ok(ListQuery {
            view: self.view,
            filters: filters(self.view, &self.query, known)?,
            scope: RowsOf::Everyone,
            order: order_of(&self.query),
            after: None,
            limit,
            at: self.query.number("at", 0, i64::MAX.cast_unsigned())?,
        })
    }
}

/// The key of a row, as a request names it in its path.
pub struct AskedKey<'t>(Vec<(&'static ViewColumn, &'t str)>);

impl<'t> AskedKey<'t> {
    /// `None` if the keys of the view have another number of parts.
    #[must_use]
    pub fn new(view: &'static ViewSpec, text: &'t str) -> Option<AskedKey<'t>> {
        // A reference can have any character, so it stands alone.
        let parts: Vec<&str> = match view.key.len() {
            1 => vec![text],
            _ => text.split('~').collect(),
        };
        let columns = view.key.iter().filter_map(|name| view.column(name));
        (parts.len() == view.key.len()).then(|| AskedKey(columns.zip(parts).collect()))
    }

    /// The parties that it names by their references.
    #[must_use]
    pub fn wanted_parties(&self) -> BTreeSet<WantedParty> {
        let named = self.0.iter().filter_map(|(column, text)| {
            Some((named_type(column, text)?.to_owned(), (*text).to_owned()))
        });
        named.collect()
    }

    /// `None` if a part is no value of its column.
    #[must_use]
    pub fn values(&self, known: &KnownParties) -> Option<Vec<ViewValue>> {
        self.0.iter().map(|(column, text)| parse(column, text, known)).collect()
    }
}
