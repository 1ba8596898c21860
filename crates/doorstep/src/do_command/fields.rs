//! The values of fields, from the text of a flag to JSON.

use std::collections::HashMap;

use books::chart::AccountKind;
use books::{
    BankId, Books, BusinessDate, CourierId, FirmId, NetworkId, SellerId, TariffId, WalletId,
};
use money::Currency;
use money::decimal::{self, DecimalStyle};
use reports::FieldType;
use serde_json::Value;

use crate::chinese;
use crate::network_admin::instant;
use crate::texts::{entry, filled, text};
use crate::words::Lang;

/// The ids of parties in the books, by the name of their id's type and the operator's reference.
#[derive(Debug, Default)]
pub(super) struct KnownParties(HashMap<(&'static str, String), u64>);

impl KnownParties {
    pub(super) fn of(books: &Books) -> KnownParties {
        let parties = books.accounts().filter_map(|account| {
            let id_type = match account.kind {
                AccountKind::Bank => "BankId",
                AccountKind::NetworkReceivable => "NetworkId",
                AccountKind::WalletReceivable => "WalletId",
                AccountKind::CourierCash => "CourierId",
                AccountKind::FirmCash => "FirmId",
                AccountKind::SellerHeld => "SellerId",
                _ => return None,
            };
            let reference = books.owner_reference(&account)?.to_owned();
            Some(((id_type, reference), account.owner))
        });
        KnownParties(parties.collect())
    }

    /// The id behind a reference: of a party in the books, or else the id that is derived from it.
    fn id(&self, id_type: &str, reference: &str) -> Option<u64> {
        let known = |id_type: &'static str| self.0.get(&(id_type, reference.to_owned())).copied();
        Some(match id_type {
            "BankId" => known("BankId").unwrap_or_else(|| BankId::derived(reference).0),
            "NetworkId" => known("NetworkId").unwrap_or_else(|| NetworkId::derived(reference).0),
            "WalletId" => known("WalletId").unwrap_or_else(|| WalletId::derived(reference).0),
            "CourierId" => known("CourierId").unwrap_or_else(|| CourierId::derived(reference).0),
            "FirmId" => known("FirmId").unwrap_or_else(|| FirmId::derived(reference).0),
            "SellerId" => known("SellerId").unwrap_or_else(|| SellerId::derived(reference).0),
            "TariffId" => TariffId::derived(reference).0,
            // A person's id is a courier's.
            "PersonId" => return known("CourierId"),
            _ => return None,
        })
    }
}

/// A field's value in JSON, or why the text is none.
pub(super) fn value(
    field: FieldType<'_>,
    given: &str,
    parties: &KnownParties,
) -> Result<Value, String> {
    let expected = || expected(field);
    let is_json = given.starts_with(['{', '[', '"']);
    match field.name() {
        Some("Amount") => return amount(given),
        Some("Currency") => {
            let currency: Currency = given.parse().map_err(|error| words(&error))?;
            return Ok(currency.code().into());
        }
        Some("BusinessDate") => {
            let date: BusinessDate = given.parse().map_err(|error| words(&error))?;
            return Ok(date.to_string().into());
        }
        Some("Timestamp") => {
            let number = given.parse::<u64>().ok();
            return number.map_or_else(|| instant(given), Ok).map(Value::from);
        }
        Some("ParcelId") => {
            let waybill = switch::waybill::read(given.as_bytes()).ok();
            return Ok(waybill.map_or_else(|| given.to_owned(), |id| id.to_string()).into());
        }
        Some(id_type) if id_type.ends_with("Id") && has_type(field, "string") => {
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
        return serde_json::from_str(given).map_err(|error| error.to_string());
    }
    if !variants.is_empty() {
        let (name, content) = given.split_once('=').map_or((given, None), |(a, b)| (a, Some(b)));
        let variant = variants.iter().find(|variant| variant.name == name).ok_or_else(expected)?;
        return match (variant.content, content) {
            (None, None) => Ok(name.into()),
            (Some(content_type), Some(content)) => {
                let content = value(content_type, content, parties)?;
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
        return items.map(|one| value(item, one, parties)).collect();
    }
    if has_type(field, "string") { Ok(given.into()) } else { Err(expected()) }
}

/// How a field is written.
pub(super) fn expected(field: FieldType<'_>) -> String {
    let lang = Lang::current();
    let name = field.name().unwrap_or_default();
    if let Some(words) = entry(lang, "do.type", name) {
        return words.to_owned();
    }
    if name.ends_with("Id") && has_type(field, "string") {
        let has_reference = KnownParties::default().id(name, "").is_some() || name == "PersonId";
        let key = if has_reference { "do.type.Id" } else { "do.type.number" };
        return text(lang, key).to_owned();
    }
    let variants = field.variants();
    if !variants.is_empty() {
        let names = variants.iter().map(|variant| match variant.content {
            None => variant.name.to_owned(),
            Some(content) => format!("{}={}", variant.name, short(content)),
        });
        let names = names.collect::<Vec<_>>().join(" | ");
        return filled(lang, "do.type.variant", &[("names", &names)]);
    }
    if has_type(field, "integer") {
        let (least, most) = range(field);
        return filled(lang, "value.out_of_range", &[("least", &least), ("most", &most)]);
    }
    if let Some(item) = field.item() {
        return filled(lang, "do.type.list", &[("item", &expected(item))]);
    }
    match (has_type(field, "boolean"), has_type(field, "string")) {
        (true, _) => text(lang, "do.type.boolean").to_owned(),
        (_, true) => text(lang, "do.type.text").to_owned(),
        _ => {
            let keys = field.fields().map(|(key, _)| key).collect::<Vec<_>>();
            let keys = keys.join(text(lang, "log.separator"));
            filled(lang, "do.type.object", &[("keys", &keys)])
        }
    }
}

/// The placeholder of a value.
pub(super) fn short(field: FieldType<'_>) -> String {
    let unnamed = || match (has_type(field, "integer"), field.item()) {
        (true, _) => "NUMBER".to_owned(),
        (_, Some(item)) => format!("{},…", short(item)),
        _ if has_type(field, "string") => "TEXT".to_owned(),
        _ => "VALUE".to_owned(),
    };
    field.name().map_or_else(unnamed, |name| name.to_owned())
}

fn words(error: &(dyn std::error::Error + 'static)) -> String {
    chinese::error(error, Lang::current())
}

/// Minor units, or an amount with its currency: `12.50CNY`.
fn amount(given: &str) -> Result<Value, String> {
    let expected = || text(Lang::current(), "do.type.Amount").to_owned();
    if let Ok(minor) = given.parse::<u64>() {
        return Ok(minor.into());
    }
    let digits = given.trim_end_matches(|c: char| c.is_ascii_uppercase());
    let currency: Currency = given[digits.len()..].parse().map_err(|_| expected())?;
    let style = DecimalStyle { point: '.', group: None };
    let amount = decimal::parse(digits.trim(), currency, style).map_err(|error| words(&error))?;
    Ok(amount.minor().into())
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

#[cfg(test)]
mod tests {
    use reports::FieldTypes;
    use serde_json::json;

    use super::*;

    fn of(command: &str, field: &str, given: &str) -> Result<Value, String> {
        let types = FieldTypes::declared();
        let field = types.of(command).unwrap().field(field).unwrap();
        let parties = KnownParties([(("CourierId", "c-1".to_owned()), 7)].into_iter().collect());
        value(field, given, &parties)
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
            ("BlockTerminal", "blocked", "true", json!(true)),
            ("PlanSettlement", "cycle", "Weekly", json!("Weekly")),
            ("ReleaseDue", "date", "2013-08-28", json!("2013-08-28")),
            ("SetHoldRule", "rule", "DaysAfterHeld=3", json!({ "DaysAfterHeld": 3 })),
            ("WithdrawNetwork", "from", "1970-01-01T00:00:01Z", json!(1000)),
        ] {
            assert_eq!(of(command, field, given), Ok(expected), "{command} {field} {given}");
        }
    }

    #[test]
    fn a_text_that_is_no_value_is_told_what_is_expected() {
        for (command, field, given, why) in [
            ("RegisterCourier", "cash_limit", "12.50", "12.50CNY"),
            ("RegisterCourier", "cash_limit", "12.505CNY", "has 3 decimals"),
            ("RegisterCourier", "cash_limit", "-1", "12.50CNY"),
            ("RegisterTerminal", "terminal", "seven", "an id"),
            ("BlockTerminal", "blocked", "yes", "true or false"),
            ("PlanSettlement", "cycle", "weekly", "Daily | Weekly | Monthly"),
            ("PlanSettlement", "currency", "yuan", "is not a currency code of ISO 4217"),
            ("ReleaseDue", "date", "28.8.2013", "is not a date"),
            ("ReleaseDue", "limit", "many", "write a whole number from "),
            ("SetHoldRule", "rule", "DaysAfterHeld", "DaysAfterHeld=NUMBER"),
        ] {
            let found = of(command, field, given).unwrap_err();
            assert!(found.contains(why), "{command} {field} {given}: {found}");
        }
    }
}
