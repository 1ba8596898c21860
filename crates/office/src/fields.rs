//! The values of fields, from the text that a person types to the declared JSON form.

use std::collections::HashMap;
use std::fmt;

use books::{
    BankId, Books, BusinessDate, CourierId, FirmId, NetworkId, SellerId, TariffId, WalletId,
};
use money::decimal::{self, DecimalError, DecimalStyle};
use money::{Currency, CurrencyError, Rate, RateError};
use reports::{FieldType, FieldTypes, owner_id_type};
use serde_json::Value;
use tariff::BusinessDateError;

use crate::persons::{PERSONS_FILE, Persons};

/// The flag of a field. `--person` says who gives the command, so a field of that name is another.
#[must_use]
pub fn flag(field: &str) -> String {
    match field {
        "person" => "--person-id".to_owned(),
        _ => format!("--{}", field.replace('_', "-")),
    }
}

/// The field of a flag, without its dashes.
#[must_use]
pub fn field_of_flag(flag: &str) -> String {
    match flag {
        "person-id" => "person".to_owned(),
        _ => flag.replace('-', "_"),
    }
}

/// Why a text is not a field's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    #[error(transparent)]
    Amount(#[from] DecimalError),
    #[error(transparent)]
    Currency(#[from] CurrencyError),
    #[error(transparent)]
    Date(#[from] BusinessDateError),
    #[error(transparent)]
    Rate(#[from] RateError),
    #[error("{why}; write the time as 2013-08-28T18:00:00+08:00")]
    Time { given: String, why: String },
    #[error("the time is before 1970; write the time as 2013-08-28T18:00:00+08:00")]
    BeforeTime,
    #[error("{0}")]
    Json(String),
    #[error("{0}")]
    Expected(Expected),
}

/// What is to be written in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    Amount,
    Rate,
    Date,
    Currency,
    Time,
    Parcel,
    Payment,
    /// A person's id, or a name.
    Person,
    /// An id, or a reference or name from which it is found.
    IdOrReference,
    Id,
    /// One of these. A content stands behind `=`.
    OneOf(Vec<String>),
    Number {
        least: i128,
        most: i128,
    },
    List(Box<Expected>),
    Boolean,
    Text,
    /// A JSON object with these keys.
    Object(Vec<String>),
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Expected::Amount => {
                "write minor units, or an amount with its currency, such as 12.50CNY"
            }
            Expected::Rate => "write a percentage, such as 10.5%",
            Expected::Date => "write a date, such as 2013-08-28",
            Expected::Currency => "write a currency code, such as CNY",
            Expected::Time => {
                "write a time, such as 2013-08-28T18:00:00+08:00, or milliseconds since 1970"
            }
            Expected::Parcel => "write a parcel's id or its waybill",
            Expected::Payment => {
                "write a parcel's id or its waybill and the payment's number: WAYBILL/1"
            }
            Expected::Person => {
                return write!(f, "write a person's id, or a name in {PERSONS_FILE}");
            }
            Expected::IdOrReference => {
                "write an id, or the operator's reference where there is one"
            }
            Expected::Id => "write an id, a number",
            Expected::OneOf(names) => {
                return write!(f, "write one of: {}", names.join(" | "));
            }
            Expected::Number { least, most } => {
                return write!(f, "write a whole number from {least} to {most}");
            }
            Expected::List(item) => {
                return write!(f, "several, separated by commas; for each, {item}");
            }
            Expected::Boolean => "write true or false",
            Expected::Text => "write a text",
            Expected::Object(keys) => {
                return write!(f, "write a JSON object with {}", keys.join(", "));
            }
        };
        f.write_str(words)
    }
}

impl Expected {
    #[must_use]
    pub fn of(field: FieldType<'_>) -> Expected {
        let name = field.name().unwrap_or_default();
        match name {
            "Amount" => return Expected::Amount,
            "Rate" => return Expected::Rate,
            "BusinessDate" => return Expected::Date,
            "Currency" => return Expected::Currency,
            "Timestamp" => return Expected::Time,
            "ParcelId" => return Expected::Parcel,
            "PaymentId" => return Expected::Payment,
            "PersonId" => return Expected::Person,
            _ if is_id(field) => {
                let found = KnownParties::default().id(name, "").is_some();
                return if found { Expected::IdOrReference } else { Expected::Id };
            }
            _ => {}
        }
        let variants = field.variants();
        if !variants.is_empty() {
            let names = variants.iter().map(|variant| match variant.content {
                None => variant.name.to_owned(),
                Some(content) => format!("{}={}", variant.name, short(content)),
            });
            return Expected::OneOf(names.collect());
        }
        if has_type(field, "integer") {
            let (least, most) = range(field);
            return Expected::Number { least, most };
        }
        if let Some(item) = field.item() {
            return Expected::List(Box::new(Expected::of(item)));
        }
        match (has_type(field, "boolean"), has_type(field, "string")) {
            (true, _) => Expected::Boolean,
            (_, true) => Expected::Text,
            _ => Expected::Object(field.fields().map(|(key, _)| key.to_owned()).collect()),
        }
    }
}

/// The placeholder of a value.
#[must_use]
pub fn short(field: FieldType<'_>) -> String {
    let unnamed = || match (has_type(field, "integer"), field.item()) {
        (true, _) => "NUMBER".to_owned(),
        (_, Some(item)) => format!("{},…", short(item)),
        _ if has_type(field, "string") => "TEXT".to_owned(),
        _ => "VALUE".to_owned(),
    };
    field.name().map_or_else(unnamed, |name| name.to_owned())
}

/// The ids of parties in the books, by the name of their id's type and the operator's reference,
/// and of persons by their name in lower case.
#[derive(Debug, Default)]
pub struct KnownParties(HashMap<(&'static str, String), u64>);

impl KnownParties {
    #[must_use]
    pub fn of(books: &Books) -> KnownParties {
        let parties = books.accounts().filter_map(|account| {
            let id_type = owner_id_type(account.kind)?;
            let reference = books.owner_reference(&account)?.to_owned();
            Some(((id_type, reference), account.owner))
        });
        KnownParties(parties.collect())
    }

    pub(crate) fn add_names(&mut self, persons: &Persons) {
        let named = persons.iter().filter_map(|(person, name, _)| Some((person, name?)));
        let by_name = named.map(|(person, name)| (("PersonId", name.to_lowercase()), person.0));
        self.0.extend(by_name);
    }

    /// The id behind a reference: of a party in the books, or else the id that is derived from it.
    #[must_use]
    pub fn id(&self, id_type: &str, reference: &str) -> Option<u64> {
        let known = |id_type: &'static str| self.0.get(&(id_type, reference.to_owned())).copied();
        Some(match id_type {
            "BankId" => known("BankId").unwrap_or_else(|| BankId::derived(reference).0),
            "NetworkId" => known("NetworkId").unwrap_or_else(|| NetworkId::derived(reference).0),
            "WalletId" => known("WalletId").unwrap_or_else(|| WalletId::derived(reference).0),
            "CourierId" => known("CourierId").unwrap_or_else(|| CourierId::derived(reference).0),
            "FirmId" => known("FirmId").unwrap_or_else(|| FirmId::derived(reference).0),
            "SellerId" => known("SellerId").unwrap_or_else(|| SellerId::derived(reference).0),
            "TariffId" => TariffId::derived(reference).0,
            "PersonId" => {
                let name = reference.split_whitespace().collect::<Vec<_>>().join(" ");
                let named = self.0.get(&("PersonId", name.to_lowercase())).copied();
                // A courier is a person with the courier's id.
                return named.or_else(|| known("CourierId"));
            }
            _ => return None,
        })
    }
}

/// A field's value in the declared form, from JSON in which texts are as a person types them.
///
/// # Errors
/// A text is no value of the field.
pub fn value(
    field: FieldType<'_>,
    given: &Value,
    parties: &KnownParties,
) -> Result<Value, ValueError> {
    match (given, field.item()) {
        (Value::String(text), _) => from_text(field, text, parties),
        (Value::Array(items), Some(item)) => {
            items.iter().map(|one| value(item, one, parties)).collect()
        }
        _ => Ok(given.clone()),
    }
}

fn from_text(
    field: FieldType<'_>,
    given: &str,
    parties: &KnownParties,
) -> Result<Value, ValueError> {
    let expected = || ValueError::Expected(Expected::of(field));
    let is_json = given.starts_with(['{', '[', '"']);
    match field.name() {
        Some("Amount") => return amount(given),
        Some("Rate") => return Ok(given.parse::<Rate>()?.ppm().into()),
        Some("Currency") => return Ok(given.parse::<Currency>()?.code().into()),
        Some("BusinessDate") => return Ok(given.parse::<BusinessDate>()?.to_string().into()),
        Some("Timestamp") => {
            let number = given.parse::<u64>().ok();
            return number.map_or_else(|| instant(given), Ok).map(Value::from);
        }
        Some("ParcelId") => return Ok(parcel(given).into()),
        Some("PaymentId") if !is_json => {
            let (of, number) = given.split_once('/').ok_or_else(expected)?;
            let number: u8 = number.parse().map_err(|_| expected())?;
            return Ok(serde_json::json!({ "parcel": parcel(of), "number": number }));
        }
        Some(id_type) if is_id(field) => {
            if given.bytes().all(|byte| byte.is_ascii_digit()) {
                return Ok(given.into());
            }
            let id = parties.id(id_type, given);
            return id.map(|id| id.to_string().into()).ok_or_else(expected);
        }
        _ => {}
    }
    let variants = field.variants();
    if is_json && !has_type(field, "string") {
        return serde_json::from_str(given).map_err(|error| ValueError::Json(error.to_string()));
    }
    if !variants.is_empty() {
        let (name, content) = given.split_once('=').map_or((given, None), |(a, b)| (a, Some(b)));
        let variant = variants.iter().find(|variant| variant.name == name).ok_or_else(expected)?;
        return match (variant.content, content) {
            (None, None) => Ok(name.into()),
            (Some(content_type), Some(content)) => {
                let content = from_text(content_type, content, parties)?;
                Ok(Value::Object([(name.to_owned(), content)].into_iter().collect()))
            }
            _ => Err(expected()),
        };
    }
    if has_type(field, "integer") {
        let number: i128 = given.parse().map_err(|_| expected())?;
        let (least, most) = range(field);
        if !(least..=most).contains(&number) {
            return Err(expected());
        }
        let signed = i64::try_from(number).map(Value::from);
        return signed.or_else(|_| u64::try_from(number).map(Value::from)).map_err(|_| expected());
    }
    if has_type(field, "boolean") {
        return given.parse::<bool>().map(Value::from).map_err(|_| expected());
    }
    if let Some(item) = field.item() {
        let items = given.split(',').filter(|item| !item.is_empty());
        return items.map(|one| from_text(item, one, parties)).collect();
    }
    if is_numbered_parcel(field) {
        // The number follows from the parcel.
        let parcel = field.field("parcel").ok_or_else(expected)?;
        let parcel = from_text(parcel, given, parties)?;
        return Ok(Value::Object([("parcel".to_owned(), parcel)].into_iter().collect()));
    }
    if has_type(field, "string") { Ok(given.into()) } else { Err(expected()) }
}

fn parcel(given: &str) -> String {
    let waybill = switch::waybill::read(given.as_bytes()).ok();
    waybill.map_or_else(|| given.to_owned(), |id| id.to_string())
}

/// A parcel with the number of its assignment or attempt, which can be left out.
fn is_numbered_parcel(field: FieldType<'_>) -> bool {
    matches!(field.name(), Some("AssignedParcel" | "DispatchedParcel"))
}

/// Milliseconds since 1970.
///
/// # Errors
/// The text is not a time after 1970.
pub fn instant(text: &str) -> Result<u64, ValueError> {
    let at: jiff::Timestamp = text.parse().map_err(|error: jiff::Error| {
        let (given, why) = (text.to_owned(), error.to_string());
        ValueError::Time { given, why }
    })?;
    u64::try_from(at.as_millisecond()).map_err(|_| ValueError::BeforeTime)
}

/// Minor units, or an amount with its currency: `12.50CNY`.
fn amount(given: &str) -> Result<Value, ValueError> {
    if let Ok(minor) = given.parse::<u64>() {
        return Ok(minor.into());
    }
    let digits = given.trim_end_matches(|c: char| c.is_ascii_uppercase());
    let expected = |_| ValueError::Expected(Expected::Amount);
    let currency: Currency = given[digits.len()..].parse().map_err(expected)?;
    let style = DecimalStyle { point: '.', group: None };
    Ok(decimal::parse(digits.trim(), currency, style)?.minor().into())
}

/// An id that is written as a decimal number. A parcel's is not.
pub(crate) fn is_id(field: FieldType<'_>) -> bool {
    let named = field.name().is_some_and(|name| name.ends_with("Id") && name != "ParcelId");
    named && has_type(field, "string")
}

fn has_type(field: FieldType<'_>, name: &str) -> bool {
    match field.schema().get("type") {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(all)) => all.iter().any(|one| one == name),
        _ => false,
    }
}

fn range(field: FieldType<'_>) -> (i128, i128) {
    let bound =
        |key: &str| field.schema().get(key).and_then(|bound| bound.to_string().parse().ok());
    let most = match field.schema().get("format").and_then(Value::as_str) {
        Some("uint8") => u8::MAX.into(),
        Some("uint16") => u16::MAX.into(),
        Some("uint32") => u32::MAX.into(),
        _ => i128::from(u64::MAX),
    };
    (bound("minimum").unwrap_or(0), bound("maximum").unwrap_or(most))
}

/// The names of a command's fields that must be given.
pub(crate) fn required<'s>(command: FieldType<'s>) -> impl Iterator<Item = &'s str> {
    let required = command.schema().get("required").and_then(Value::as_array);
    required.into_iter().flatten().filter_map(Value::as_str)
}

/// The declared types of all commands, made once.
pub(crate) fn declared() -> &'static FieldTypes {
    static DECLARED: std::sync::OnceLock<FieldTypes> = std::sync::OnceLock::new();
    DECLARED.get_or_init(FieldTypes::declared)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(command: &str, field: &str, given: &str) -> Result<Value, ValueError> {
        let field = declared().of(command).unwrap().field(field).unwrap();
        let known = [("CourierId", "c-1"), ("PersonId", "li wei")];
        let known = known.map(|(of, reference)| ((of, reference.to_owned()), 7));
        value(field, &given.into(), &KnownParties(known.into_iter().collect()))
    }

    #[test]
    fn texts_become_the_declared_types() {
        for (command, field, given, expected) in [
            ("RegisterCourier", "cash_limit", "1250", json!(1250)),
            ("RegisterCourier", "cash_limit", "12.50CNY", json!(1250)),
            ("RegisterCourier", "cash_limit", "12JPY", json!(12)),
            ("RegisterCourier", "reference", "12", json!("12")),
            ("RegisterTerminal", "courier", "c-1", json!("7")),
            ("RegisterTerminal", "courier", "42", json!("42")),
            ("CancelHandOver", "cancelled_by", " Li  WEI", json!("7")),
            ("BlockTerminal", "blocked", "true", json!(true)),
            ("PlanSettlement", "cycle", "Weekly", json!("Weekly")),
            ("ReleaseDue", "date", "2013-08-28", json!("2013-08-28")),
            ("SetHoldRule", "rule", "DaysAfterHeld=3", json!({ "DaysAfterHeld": 3 })),
            ("WithdrawNetwork", "from", "1970-01-01T00:00:01Z", json!(1000)),
            ("Refund", "payment", "p/2", json!({ "parcel": "p", "number": 2 })),
            ("DispatchParcels", "parcels", "p,q", json!([{ "parcel": "p" }, { "parcel": "q" }])),
        ] {
            assert_eq!(of(command, field, given), Ok(expected), "{command} {field} {given}");
        }
    }

    #[test]
    fn json_is_the_declared_form_but_for_its_texts() {
        let field = |name| declared().of("AssignParcels").unwrap().field(name).unwrap();
        let parties = KnownParties::default();
        let expected = json!([{ "parcel": "p" }, { "parcel": "q" }]);
        assert_eq!(value(field("parcels"), &json!(["p", "q"]), &parties), Ok(expected));
        let firm = value(field("firm"), &json!("swift"), &parties);
        assert_eq!(firm, Ok(json!(FirmId::derived("swift").to_string())));
        let cash_limit = declared().of("RegisterCourier").unwrap().field("cash_limit").unwrap();
        assert_eq!(value(cash_limit, &json!(5), &parties), Ok(json!(5)));
    }

    #[test]
    fn a_text_that_is_no_value_is_told_what_is_expected() {
        for (command, field, given, why) in [
            ("RegisterCourier", "cash_limit", "12.50", "12.50CNY"),
            ("RegisterCourier", "cash_limit", "12.505CNY", "has 3 decimals"),
            ("RegisterCourier", "cash_limit", "-1", "12.50CNY"),
            ("RegisterTerminal", "terminal", "seven", "an id"),
            ("CancelHandOver", "cancelled_by", "nobody", "a person's id, or a name in "),
            ("BlockTerminal", "blocked", "yes", "true or false"),
            ("Refund", "payment", "p", "WAYBILL/1"),
            ("PlanSettlement", "cycle", "weekly", "Daily | Weekly | Monthly"),
            ("PlanSettlement", "currency", "yuan", "is not a currency code of ISO 4217"),
            ("ReleaseDue", "date", "28.8.2013", "is not a date"),
            ("ReleaseDue", "limit", "many", "write a whole number from "),
            ("SetHoldRule", "rule", "DaysAfterHeld", "DaysAfterHeld=NUMBER"),
            ("WithdrawNetwork", "from", "1969-12-31T23:59:59Z", "before 1970"),
            ("WithdrawNetwork", "from", "18:00", "write the time as"),
        ] {
            let found = of(command, field, given).unwrap_err().to_string();
            assert!(found.contains(why), "{command} {field} {given}: {found}");
        }
    }

    #[test]
    fn no_field_has_the_flag_of_who_gives_the_command() {
        for name in declared().commands() {
            for (field, _) in declared().of(name).unwrap().fields() {
                let flag = flag(field);
                assert_eq!(field_of_flag(flag.trim_start_matches('-')), field);
                for taken in ["--person", "--data", "--json", "--fields", "--lang", "--help"] {
                    assert_ne!(flag, taken, "{name}");
                }
            }
        }
    }
}
