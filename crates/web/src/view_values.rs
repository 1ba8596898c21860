//! Values of views as JSON, as cells of CSV, and as a sender writes them in a query.

use std::borrow::Cow;
use std::io::{self, Write as _};

use books::{ParcelId, REFERENCE_BYTES_MAX};
use jiff::Timestamp;
use jiff::civil::Date;
use office::fields::KnownParties;
use serde_json::Value;
use views::{ColumnKind, IdentifierKind, STILL, ViewColumn, ViewSpec, ViewValue};

use crate::limits::FILTER_CHARACTERS_MAX;
use crate::prefixes;
use crate::sent_fields::{PLAIN_TEXT, identifier_pattern, identifier_schema};
use crate::times::rfc3339;

/// The prefix of an account of the ledger.
const ACCOUNT: &str = "acc_";

/// The name of the type of an identifier.
#[must_use]
pub fn type_of(kind: IdentifierKind) -> Option<&'static str> {
    Some(match kind {
        IdentifierKind::Account | IdentifierKind::Any => return None,
        IdentifierKind::Bank => "BankId",
        IdentifierKind::Break => "BreakId",
        IdentifierKind::Category => "CategoryId",
        IdentifierKind::Courier => "CourierId",
        IdentifierKind::Deposit => "DepositId",
        IdentifierKind::Firm => "FirmId",
        IdentifierKind::HandOver => "HandOverId",
        IdentifierKind::Network => "NetworkId",
        IdentifierKind::Offer => "OfferId",
        IdentifierKind::OpenItem => "OpenItemId",
        IdentifierKind::Order => "OrderId",
        IdentifierKind::Payout => "PayoutId",
        IdentifierKind::Person => "PersonId",
        IdentifierKind::Plan => "PlanId",
        IdentifierKind::Promotion => "PromotionId",
        IdentifierKind::Seller => "SellerId",
        IdentifierKind::Tariff => "TariffId",
        IdentifierKind::Terminal => "TerminalId",
        IdentifierKind::Variant => "VariantId",
        IdentifierKind::Wallet => "WalletId",
    })
}

fn prefix(kind: IdentifierKind) -> &'static str {
    match kind {
        IdentifierKind::Account => ACCOUNT,
        kind => type_of(kind).and_then(prefixes::of_type).unwrap_or_default(),
    }
}

/// A value as it is answered.
enum Answered<'v> {
    Nothing,
    Flag(bool),
    Number(i64),
    Text(Cow<'v, str>),
}

fn answered<'v>(column: &ViewColumn, value: &'v ViewValue) -> Answered<'v> {
    match (column.kind, value) {
        (_, ViewValue::Empty) | (ColumnKind::Batch, ViewValue::Number(STILL)) => Answered::Nothing,
        (ColumnKind::Id(kind), ViewValue::Number(bits)) => {
            Answered::Text(format!("{}{}", prefix(kind), bits.cast_unsigned()).into())
        }
        (ColumnKind::Flag, ViewValue::Number(flag)) => Answered::Flag(*flag != 0),
        (ColumnKind::Time, ViewValue::Number(ms)) => {
            Answered::Text(rfc3339(ms.cast_unsigned()).into())
        }
        (_, ViewValue::Number(number)) => Answered::Number(*number),
        (_, ViewValue::Text(text)) => Answered::Text(text.as_ref().into()),
        (_, ViewValue::Parcel(parcel)) => Answered::Text(format!("par_{parcel}").into()),
        // Dates that are read are texts.
        (_, ViewValue::Day(_)) => Answered::Nothing,
    }
}

/// A value as JSON.
#[must_use]
pub fn json(column: &ViewColumn, value: &ViewValue) -> Value {
    match answered(column, value) {
        Answered::Nothing => Value::Null,
        Answered::Flag(flag) => flag.into(),
        Answered::Number(number) => number.into(),
        Answered::Text(text) => text.into(),
    }
}

/// Columns of a view with their places in a row.
pub struct ShownColumns(Vec<(usize, &'static ViewColumn)>);

impl ShownColumns {
    /// All but those that are hidden, in the order of their names, as JSON has them.
    #[must_use]
    pub fn of(view: &'static ViewSpec, hidden: &[&str]) -> ShownColumns {
        let columns = view.columns.iter().enumerate();
        let shown = columns.filter(|(_, column)| !hidden.contains(&column.name));
        let mut shown: Vec<_> = shown.collect();
        shown.sort_unstable_by_key(|(_, column)| column.name);
        ShownColumns(shown)
    }

    /// Writes a row as a JSON object.
    pub fn add_row(&self, to: &mut Vec<u8>, row: &[ViewValue]) {
        to.push(b'{');
        let fields = self.0.iter().filter_map(|(place, column)| Some((column, row.get(*place)?)));
        for (number, (column, value)) in fields.enumerate() {
            if number > 0 {
                to.push(b',');
            }
            // Names of columns are plain.
            to.push(b'"');
            to.extend_from_slice(column.name.as_bytes());
            to.extend_from_slice(b"\":");
            add_json(to, column, value);
        }
        to.push(b'}');
    }

    /// Writes rows as a JSON list.
    pub fn add_rows(&self, to: &mut Vec<u8>, rows: &[Vec<ViewValue>]) {
        to.push(b'[');
        for (number, row) in rows.iter().enumerate() {
            if number > 0 {
                to.push(b',');
            }
            self.add_row(to, row);
        }
        to.push(b']');
    }
}

/// Writes a value as JSON.
pub fn add_json(to: &mut Vec<u8>, column: &ViewColumn, value: &ViewValue) {
    // Writing into memory does not fail.
    let _ = match answered(column, value) {
        Answered::Nothing => to.write_all(b"null"),
        Answered::Flag(flag) => write!(to, "{flag}"),
        Answered::Number(number) => write!(to, "{number}"),
        Answered::Text(text) => serde_json::to_writer(to, text.as_ref()).map_err(io::Error::from),
    };
}

/// The JSON schema of a column's values.
#[must_use]
pub fn schema(column: &ViewColumn) -> Value {
    let mut schema = match column.kind {
        ColumnKind::Flag => serde_json::json!({ "type": "boolean" }),
        ColumnKind::Amount { .. }
        | ColumnKind::MinorUnits
        | ColumnKind::Number
        | ColumnKind::Batch => serde_json::json!({ "type": "integer" }),
        ColumnKind::Time => serde_json::json!({ "type": "string", "format": "date-time" }),
        ColumnKind::Date => serde_json::json!({ "type": "string", "format": "date" }),
        ColumnKind::Word(words) => serde_json::json!({ "type": "string", "enum": words }),
        ColumnKind::Id(_) | ColumnKind::Parcel | ColumnKind::Text | ColumnKind::Currency => {
            serde_json::json!({ "type": "string" })
        }
    };
    if column.optional || column.kind == ColumnKind::Batch {
        schema = serde_json::json!({ "anyOf": [schema, { "type": "null" }] });
    }
    schema["description"] = column.doc.into();
    schema
}

/// The JSON schema of a column's values in a query.
#[must_use]
pub fn parameter_schema(column: &ViewColumn) -> Value {
    use serde_json::json;
    match column.kind {
        ColumnKind::Id(kind) => match type_of(kind).and_then(identifier_schema) {
            Some(schema) => schema,
            None => {
                json!({ "type": "string", "pattern": identifier_pattern(prefix(kind)) })
            }
        },
        ColumnKind::Parcel => json!({ "type": "string", "pattern": "^par_[0-9a-f]{32}$" }),
        ColumnKind::Flag => json!({ "type": "boolean" }),
        ColumnKind::Amount { .. }
        | ColumnKind::MinorUnits
        | ColumnKind::Number
        | ColumnKind::Batch => {
            json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX })
        }
        ColumnKind::Time => json!({ "type": "string", "format": "date-time" }),
        ColumnKind::Date => json!({ "type": "string", "format": "date" }),
        ColumnKind::Currency => json!({ "type": "string", "pattern": "^[A-Z]{3}$" }),
        ColumnKind::Word(words) => json!({ "type": "string", "enum": words }),
        ColumnKind::Text => {
            json!({
                "type": "string", "maxLength": FILTER_CHARACTERS_MAX, "pattern": PLAIN_TEXT,
            })
        }
    }
}

/// A cell of CSV. A text that a spreadsheet would take for a formula is made harmless; a number is
/// none.
pub fn add_cell(line: &mut String, column: &ViewColumn, value: &ViewValue) {
    let text = match answered(column, value) {
        Answered::Nothing => return,
        Answered::Text(text) => text,
        Answered::Flag(flag) => return line.push_str(if flag { "true" } else { "false" }),
        Answered::Number(number) => return line.push_str(&number.to_string()),
    };
    add_text_cell(line, &text);
}

/// A text as a cell of CSV. What a spreadsheet would take for a formula is made harmless.
pub fn add_text_cell(line: &mut String, text: &str) {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let needs_quotes = text.contains([',', '"', '\n', '\r']) || is_formula;
    if !needs_quotes {
        line.push_str(text);
        return;
    }
    line.push('"');
    if is_formula {
        line.push('\'');
    }
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}

/// The party that a sender may name by its reference in a column, as a type of identifier.
#[must_use]
pub fn named_type(column: &ViewColumn, text: &str) -> Option<&'static str> {
    let ColumnKind::Id(kind) = column.kind else { return None };
    let id_type = type_of(kind)?;
    let rest = prefixes::without_prefix(id_type, text)?;
    let is_number = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    (!is_number).then_some(id_type)
}

/// Reads a value as a sender writes it. `None` if the column has no such values.
#[must_use]
pub fn parse(column: &ViewColumn, text: &str, known: &KnownParties) -> Option<ViewValue> {
    match column.kind {
        ColumnKind::Id(kind) => {
            let rest = match type_of(kind) {
                Some(id_type) => prefixes::without_prefix(id_type, text)?,
                None => text.strip_prefix(prefix(kind)).unwrap_or(text),
            };
            let id = match rest.parse::<u64>() {
                Ok(id) => id,
                Err(_) if !(1..=REFERENCE_BYTES_MAX).contains(&rest.len()) => return None,
                Err(_) => known.id(type_of(kind)?, rest)?,
            };
            Some(ViewValue::id(id))
        }
        ColumnKind::Parcel => {
            let parcel: ParcelId = text.strip_prefix("par_").unwrap_or(text).parse().ok()?;
            Some(ViewValue::Parcel(parcel))
        }
        ColumnKind::Amount { .. }
        | ColumnKind::MinorUnits
        | ColumnKind::Number
        | ColumnKind::Batch => text.parse().ok().map(ViewValue::Number),
        ColumnKind::Flag => match text {
            "true" => Some(ViewValue::Number(1)),
            "false" => Some(ViewValue::Number(0)),
            _ => None,
        },
        ColumnKind::Time => {
            let at: Timestamp = text.parse().ok()?;
            Some(ViewValue::Number(at.as_millisecond()))
        }
        ColumnKind::Date => {
            let date: Date = text.parse().ok()?;
            Some(ViewValue::text(date.to_string()))
        }
        ColumnKind::Word(words) => {
            words.iter().find(|word| **word == text).map(|word| ViewValue::from(*word))
        }
        ColumnKind::Currency => {
            let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
            is_code.then(|| ViewValue::text(text))
        }
        ColumnKind::Text => Some(ViewValue::text(text)),
    }
}

/// Whether a list can be narrowed to a range of the column.
#[must_use]
pub fn has_ranges(column: &ViewColumn) -> bool {
    matches!(
        column.kind,
        ColumnKind::Amount { .. }
            | ColumnKind::MinorUnits
            | ColumnKind::Number
            | ColumnKind::Batch
            | ColumnKind::Time
            | ColumnKind::Date
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(view: &str, name: &str) -> &'static ViewColumn {
        ViewSpec::find(view).unwrap().column(name).unwrap()
    }

    fn cell(column: &ViewColumn, value: &ViewValue) -> String {
        let mut line = String::new();
        add_cell(&mut line, column, value);
        line
    }

    #[test]
    fn a_value_is_read_as_it_is_written() {
        let known = KnownParties::default();
        for (view, name, text) in [
            ("parcels", "parcel", "par_0123456789abcdef0123456789abcdef"),
            ("parcels", "seller", "sel_18446744073709551615"),
            ("parcels", "state", "out"),
            ("commands", "at", "2013-08-27T16:00:00.000Z"),
            ("commands", "date", "2013-08-28"),
            ("postings", "debit", "acc_7"),
        ] {
            let column = column(view, name);
            let value = parse(column, text, &known).unwrap();
            let mut written = Vec::new();
            add_json(&mut written, column, &value);
            assert_eq!(written, format!("\"{text}\"").into_bytes(), "{name}");
        }
        let seller = column("parcels", "seller");
        assert_eq!(parse(seller, "cou_7", &known), None);
        let by_reference = parse(seller, "my-shop", &known).unwrap();
        assert_eq!(by_reference, ViewValue::id(books::SellerId::derived("my-shop").0));
        assert_eq!(parse(column("parcels", "state"), "lost or found", &known), None);
    }

    #[test]
    fn no_cell_is_a_formula() {
        let (text, due) = (column("orders", "reference"), column("parcels", "due"));
        for (value, expected) in [
            ("=1+1", "\"'=1+1\""),
            ("+49", "\"'+49\""),
            ("-1", "\"'-1\""),
            ("@x", "\"'@x\""),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("plain", "plain"),
        ] {
            assert_eq!(cell(text, &ViewValue::text(value)), expected);
        }
        assert_eq!(cell(due, &ViewValue::Number(-5)), "-5");
        assert_eq!(cell(due, &ViewValue::Empty), "");
    }
}
