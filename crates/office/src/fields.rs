//! The values of fields, from the text that a person types to the declared JSON form.

mod movement;
mod sent;

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use books::{
    BankId, Books, BusinessDate, CourierId, FirmId, NetworkId, ParcelId, REFERENCE_BYTES_MAX,
    RailId, SellerId, TariffId, WalletId,
};
use money::decimal::{self, DecimalError, DecimalStyle};
use money::{Currency, CurrencyError, Rate, RateError};
use reports::{BREAK_PREFIX, FieldType, FieldTypes};
use serde_json::Value;
use tariff::BusinessDateError;

use crate::persons::{PERSONS_FILE, Persons};

pub use movement::find_movement;
pub use sent::{as_sent, is_amount_text};

const CURRENCY_LETTERS: usize = 3;

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
    #[error("{0}; {expected}", expected = Expected::Amount)]
    Amount(#[from] DecimalError),
    /// A comma, or a second point.
    #[error("`{text}` has a `{found}`; write the amount without it, such as 1234.50CNY")]
    Separator { text: String, found: char },
    #[error("`{0}` is below zero, and an amount is not; write it without `-`")]
    BelowZero(String),
    #[error("{0}; {expected}", expected = Expected::Currency)]
    Currency(#[from] CurrencyError),
    #[error(transparent)]
    Date(#[from] BusinessDateError),
    #[error(transparent)]
    Rate(#[from] RateError),
    #[error("{why}; write the time as 2013-08-28T18:00:00+08:00")]
    Time { given: String, why: String },
    #[error("the time is before 1970; write the time as 2013-08-28T18:00:00+08:00")]
    BeforeTime,
    #[error("{0}; write JSON, as in --fields '{{\"amount\": 1250}}'")]
    Json(String),
    #[error("{0}")]
    Expected(Expected),
}

/// What is to be written in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    Amount,
    /// An amount that can be below zero.
    SignedAmount,
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
    /// What moved a bank account, by its name in lists.
    Movement,
    /// A JSON object with these keys.
    Object(Vec<String>),
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Expected::Amount => "write an amount with its currency, such as 12.50CNY, or 0",
            Expected::SignedAmount => {
                "write an amount with its currency, such as 12.50CNY or -12.50CNY"
            }
            Expected::Rate => "write a percentage, such as 10.5%",
            Expected::Date => "write a date, such as 2013-08-28",
            Expected::Currency => "write a currency code, such as CNY",
            Expected::Time => {
                "write a time, such as 2013-08-28T18:00:00+08:00, or milliseconds since 1970"
            }
            Expected::Parcel => "write a waybill, a parcel's id, or SELLER/ORDER",
            Expected::Payment => {
                "write the parcel, its whole waybill or SELLER/ORDER, and the payment's number: \
                 WAYBILL/1"
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
            Expected::Movement => {
                "write what moved the account as `doorstep recon breaks` names it, such as \
                 `deposit 7` or `clearing-file alpha/3`"
            }
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
            "SignedAmount" => return Expected::SignedAmount,
            "Rate" => return Expected::Rate,
            "BusinessDate" => return Expected::Date,
            "Currency" => return Expected::Currency,
            "Timestamp" => return Expected::Time,
            "ParcelId" => return Expected::Parcel,
            "PaymentId" => return Expected::Payment,
            "PersonId" => return Expected::Person,
            "BankMovement" => return Expected::Movement,
            _ if is_numbered_parcel(field) => return Expected::Parcel,
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
                Some(content) => format!("{}={}", variant.name, content_words(content)),
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

/// The field of an object that has one: its value is enough.
fn only_field<'s>(object: FieldType<'s>) -> Option<(&'s str, FieldType<'s>)> {
    let mut fields = object.fields();
    let first = fields.next()?;
    fields.next().is_none().then_some(first)
}

/// What stands behind the `=` of a choice.
fn content_words(content: FieldType<'_>) -> String {
    let content = only_field(content).map_or(content, |(_, only)| only);
    if content.name() == Some("BankMovement") {
        return "MOVEMENT".to_owned();
    }
    let variants = content.variants();
    let names = variants.iter().map(|variant| match variant.content {
        None => variant.name.to_owned(),
        Some(inner) => {
            format!("{}={}", variant.name, short(only_field(inner).map_or(inner, |it| it.1)))
        }
    });
    let names: Vec<String> = names.collect();
    let between = if names.iter().any(|name| name.contains('=')) { " / " } else { "/" };
    if names.is_empty() { short(content) } else { names.join(between) }
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

/// A party that a request names: the name of its id's type, and its reference.
pub type WantedParty = (String, String);

/// The parties that a field's value names.
pub(crate) fn wanted(field: FieldType<'_>, given: &Value, all: &mut BTreeSet<WantedParty>) {
    match (given, field.item()) {
        (Value::Array(items), Some(item)) => {
            items.iter().for_each(|one| wanted(item, one, all));
        }
        (Value::String(text), Some(item)) => {
            text.split(',').for_each(|one| wanted(item, &one.into(), all));
        }
        (Value::String(text), None) if is_id(field) => {
            let id_type = match field.name() {
                // A courier is a person with the courier's id.
                Some("PersonId") => "CourierId",
                name => name.unwrap_or_default(),
            };
            // An id is taken as it is.
            if text.bytes().any(|byte| !byte.is_ascii_digit()) {
                all.insert((id_type.to_owned(), text.clone()));
            }
        }
        (Value::String(text), None) if text.contains('/') && names_a_parcel(field) => {
            let seller = text.split('/').next().unwrap_or_default();
            all.insert(("SellerId".to_owned(), seller.to_owned()));
        }
        (Value::String(text), None) if field.name() == Some("BankMovement") => {
            all.extend(movement::parties_of(text));
        }
        (Value::String(text), None) => {
            let (name, content) = text.split_once('=').unwrap_or((text, ""));
            let variant = field.variants().into_iter().find(|variant| variant.name == name);
            if let Some(of) = variant.and_then(|variant| variant.content) {
                wanted(of, &content.into(), all);
            }
        }
        (Value::Object(parts), _) => {
            for (name, one) in parts {
                if let Some(of) = part(field, name) {
                    wanted(of, one, all);
                }
            }
        }
        _ => {}
    }
}

/// Whether a text of the field can be SELLER/ORDER.
fn names_a_parcel(field: FieldType<'_>) -> bool {
    matches!(field.name(), Some("ParcelId" | "PaymentId")) || is_numbered_parcel(field)
}

/// Finds a party: by the id that is derived from its reference, or among all of its type.
fn find(books: &Books, id_type: &str, reference: &str) -> Option<(&'static str, u64)> {
    let is = |found: Option<&str>| found == Some(reference);
    let rail = |kind: fn(RailId) -> Option<u64>| {
        let mut rails = books.rail_views().filter(|rail| rail.reference == reference);
        rails.find_map(|rail| kind(rail.id))
    };
    Some(match id_type {
        "SellerId" => {
            let derived = SellerId::derived(reference);
            let found = Some(derived).filter(|id| is(books.seller_reference(*id)));
            ("SellerId", found.or_else(|| books.seller_by_reference(reference))?.0)
        }
        "CourierId" => {
            let derived = CourierId::derived(reference);
            let found = Some(derived).filter(|id| is(books.courier_reference(*id)));
            ("CourierId", found.or_else(|| books.courier_by_reference(reference))?.0)
        }
        "FirmId" => ("FirmId", books.firms().find(|(_, of)| *of == reference)?.0.0),
        "BankId" => ("BankId", books.banks().find(|(_, of)| *of == reference)?.0.0),
        "NetworkId" => {
            let id = rail(|id| if let RailId::Network(one) = id { Some(one.0) } else { None });
            ("NetworkId", id?)
        }
        "WalletId" => {
            let id = rail(|id| if let RailId::Wallet(one) = id { Some(one.0) } else { None });
            ("WalletId", id?)
        }
        _ => return None,
    })
}

/// The ids of parties in the books, by the name of their id's type and the operator's reference,
/// and of persons by their name in lower case.
#[derive(Debug, Default)]
pub struct KnownParties(HashMap<(&'static str, String), u64>);

impl KnownParties {
    /// The ids behind these references, each with the name of its id's type, and of all bank
    /// accounts and tariffs. Most ids are derived from their reference; other parties are looked
    /// for.
    #[must_use]
    pub fn of(books: &Books, wanted: &BTreeSet<WantedParty>) -> KnownParties {
        let found = wanted.iter().filter_map(|(id_type, reference)| {
            let (id_type, id) = find(books, id_type, reference)?;
            Some(((id_type, reference.clone()), id))
        });
        let banks = books.banks().map(|(bank, name)| (("BankId", name.to_owned()), bank.0));
        let tariffs = books.tariffs().map(|(id, name, currency)| {
            let name = currency.map_or_else(|| name.to_owned(), |only| tariff_key(name, only));
            (("TariffId", name), id.0)
        });
        KnownParties(found.chain(banks).chain(tariffs).collect())
    }

    /// The id of a party that the books have.
    fn known(&self, id_type: &'static str, reference: &str) -> Option<u64> {
        self.0.get(&(id_type, reference.to_owned())).copied()
    }

    /// The published tariffs by name, with the currency of each that is for one only.
    pub(crate) fn tariffs(&self) -> Vec<&str> {
        let tariffs = self.0.keys().filter(|(id_type, _)| *id_type == "TariffId");
        let mut names: Vec<&str> = tariffs.map(|(_, name)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The name of a published tariff: as it was given, or with the currency of the command or the
    /// only one that it has.
    pub(crate) fn tariff(&self, given: &str, currency: Option<&str>) -> Option<&str> {
        let all = self.tariffs();
        let in_currency = currency.map(|currency| format!("{given} {currency}"));
        let is = |wanted: &str| all.iter().copied().find(|name| *name == wanted);
        let mut named =
            all.iter().filter(|name| name.rsplit_once(' ').is_some_and(|(name, _)| name == given));
        let only = || named.next().copied().filter(|_| named.next().is_none());
        is(given).or_else(|| in_currency.as_deref().and_then(is)).or_else(only)
    }

    pub(crate) fn add_names(&mut self, persons: &Persons) {
        let named = persons.iter().filter_map(|(person, name, _)| Some((person, name?)));
        let by_name = named.map(|(person, name)| (("PersonId", name.to_lowercase()), person.0));
        self.0.extend(by_name);
    }

    /// The books' bank account, if there is one only.
    pub(crate) fn only_bank(&self) -> Option<u64> {
        let mut banks = self.0.iter().filter(|((id_type, _), _)| *id_type == "BankId");
        match (banks.next(), banks.next()) {
            (Some((_, bank)), None) => Some(*bank),
            _ => None,
        }
    }

    /// The parcel's id behind an id, a waybill, or SELLER/ORDER: of the order's first shipment.
    pub(crate) fn parcel(&self, given: &str) -> Option<String> {
        if let Ok(id) = given.parse::<ParcelId>() {
            return Some(id.to_string());
        }
        if let Ok(id) = switch::waybill::read(given.as_bytes()) {
            return Some(id.to_string());
        }
        let (seller, order) = given.split_once('/')?;
        let seller = self.0.get(&("SellerId", seller.to_owned())).copied()?;
        if order.len() > REFERENCE_BYTES_MAX {
            return None;
        }
        Some(ParcelId::derived(SellerId(seller), order).to_string())
    }

    /// The id behind a reference: of a party in the books, or else the id that is derived from it.
    #[must_use]
    pub fn id(&self, id_type: &str, reference: &str) -> Option<u64> {
        let known = |id_type| self.known(id_type, reference);
        Some(match id_type {
            "BankId" => known("BankId").unwrap_or_else(|| BankId::derived(reference).0),
            "NetworkId" => known("NetworkId").unwrap_or_else(|| NetworkId::derived(reference).0),
            "WalletId" => known("WalletId").unwrap_or_else(|| WalletId::derived(reference).0),
            "CourierId" => known("CourierId").unwrap_or_else(|| CourierId::derived(reference).0),
            "FirmId" => known("FirmId").unwrap_or_else(|| FirmId::derived(reference).0),
            "SellerId" => known("SellerId").unwrap_or_else(|| SellerId::derived(reference).0),
            "TariffId" => known("TariffId").unwrap_or_else(|| TariffId::derived(reference).0),
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

/// How a tariff of one currency is named.
fn tariff_key(name: &str, currency: Currency) -> String {
    format!("{name} {currency}")
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
        (Value::Object(parts), _) => {
            let read = parts.iter().map(|(name, one)| {
                let read = part(field, name).map(|of| value(of, one, parties)).transpose()?;
                Ok((name.clone(), read.unwrap_or_else(|| one.clone())))
            });
            read.collect::<Result<_, _>>().map(Value::Object)
        }
        _ => Ok(given.clone()),
    }
}

/// The type of a part of an object: of its field, or of the content of its variant.
fn part<'s>(of: FieldType<'s>, name: &str) -> Option<FieldType<'s>> {
    let variant = || of.variants().into_iter().find(|one| one.name == name);
    of.field(name).or_else(|| variant()?.content)
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
        Some("SignedAmount") => return signed_amount(given),
        Some("Rate") => return Ok(given.parse::<Rate>()?.ppm().into()),
        Some("Currency") => return Ok(given.parse::<Currency>()?.code().into()),
        Some("BusinessDate") => return Ok(given.parse::<BusinessDate>()?.to_string().into()),
        Some("Timestamp") => {
            let number = given.parse::<u64>().ok();
            return number.map_or_else(|| instant(given), Ok).map(Value::from);
        }
        Some("ParcelId") => {
            return parties.parcel(given).map(Value::from).ok_or_else(expected);
        }
        Some("PaymentId") if !is_json => {
            let (of, number) = given.rsplit_once('/').ok_or_else(expected)?;
            let number: u8 = number.parse().map_err(|_| expected())?;
            let parcel = parties.parcel(of).ok_or_else(expected)?;
            return Ok(serde_json::json!({ "parcel": parcel, "number": number }));
        }
        Some("BankMovement") => match movement::value(given, parties) {
            Some(value) => return Ok(value),
            None if is_json => return Err(expected()),
            None => {}
        },
        Some(id_type) if is_id(field) => {
            let bare = given.strip_prefix(BREAK_PREFIX).filter(|_| id_type == "BreakId");
            let given = bare.unwrap_or(given);
            if given.bytes().all(|byte| byte.is_ascii_digit()) {
                return Ok(given.into());
            }
            if given.len() > REFERENCE_BYTES_MAX {
                return Err(expected());
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
                let content = match only_field(content_type) {
                    Some((key, only)) if !content.starts_with('{') => {
                        let only = from_text(only, content, parties)?;
                        Value::Object([(key.to_owned(), only)].into_iter().collect())
                    }
                    _ => from_text(content_type, content, parties)?,
                };
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

/// An amount with its currency: `12.50CNY`. A number alone could be minor or main units, but for 0.
fn amount(given: &str) -> Result<Value, ValueError> {
    if given == "0" {
        return Ok(0.into());
    }
    let (digits, currency) = split_amount(given);
    let currency: Currency = currency.parse().map_err(|error| match currency.len() {
        CURRENCY_LETTERS => ValueError::Currency(error),
        _ => ValueError::Expected(Expected::Amount),
    })?;
    let style = DecimalStyle { point: '.', group: None };
    let amount = decimal::parse(digits, currency, style).map_err(|error| match error {
        DecimalError::Separator { text, found, .. } => ValueError::Separator { text, found },
        DecimalError::Negative(text) => ValueError::BelowZero(text),
        error => error.into(),
    });
    Ok(amount?.minor().into())
}

fn split_amount(given: &str) -> (&str, &str) {
    let digits = given.trim_end_matches(|c: char| c.is_ascii_uppercase());
    (digits.trim_end(), &given[digits.len()..])
}

/// The currencies of amounts as a person types them: of a field, and of those inside it.
pub(crate) fn typed_currencies(
    field: FieldType<'_>,
    given: &Value,
    path: &str,
    found: &mut Vec<(String, Currency)>,
) {
    match (given, field.item()) {
        (Value::String(text), _) => in_text(field, text, path, found),
        (Value::Array(items), Some(item)) => {
            for (place, one) in items.iter().enumerate() {
                typed_currencies(item, one, &format!("{path}/{place}"), found);
            }
        }
        (Value::Object(parts), _) => {
            for (name, one) in parts {
                if let Some(of) = part(field, name) {
                    typed_currencies(of, one, &format!("{path}/{name}"), found);
                }
            }
        }
        _ => {}
    }
}

/// As [`from_text`] takes the text apart.
fn in_text(field: FieldType<'_>, text: &str, path: &str, found: &mut Vec<(String, Currency)>) {
    if matches!(field.name(), Some("Amount" | "SignedAmount")) {
        found.extend(split_amount(text).1.parse().ok().map(|one| (path.to_owned(), one)));
    } else if let Some((name, content)) = text.split_once('=')
        && let Some(of) = field.variants().into_iter().find(|one| one.name == name)
        && let Some(content_type) = of.content
    {
        match only_field(content_type) {
            Some((key, only)) => in_text(only, content, &format!("{path}/{name}/{key}"), found),
            None => in_text(content_type, content, &format!("{path}/{name}"), found),
        }
    } else if let Some(item) = field.item() {
        for (place, one) in text.split(',').enumerate() {
            in_text(item, one, &format!("{path}/{place}"), found);
        }
    }
}

/// As [`amount`]; with a minus sign it is below zero.
fn signed_amount(given: &str) -> Result<Value, ValueError> {
    let (sign, size) = given.strip_prefix('-').map_or((1, given), |size| (-1, size));
    let expected = || ValueError::Expected(Expected::SignedAmount);
    let minor = amount(size).map_err(|error| match error {
        ValueError::Expected(_) => expected(),
        error => error,
    })?;
    let minor = minor.as_u64().and_then(|minor| i64::try_from(minor).ok()).ok_or_else(expected)?;
    Ok((sign * minor).into())
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
pub fn required<'s>(command: FieldType<'s>) -> impl Iterator<Item = &'s str> {
    let required = command.schema().get("required").and_then(Value::as_array);
    required.into_iter().flatten().filter_map(Value::as_str)
}

/// The declared types of all commands, made once.
pub fn declared() -> &'static FieldTypes {
    static DECLARED: std::sync::OnceLock<FieldTypes> = std::sync::OnceLock::new();
    DECLARED.get_or_init(FieldTypes::declared)
}

#[cfg(test)]
mod tests;
