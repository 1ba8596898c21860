//! Identifiers as prefixed texts: `sel_42`. A prefix says of what kind an identifier is, so one of
//! a seller is never taken for one of a courier. A reference as a person types it is taken too.

use office::fields;
use reports::FieldType;
use serde_json::Value;

/// The prefix of each type of identifier.
const PREFIXES: [(&str, &str); 23] = [
    ("ApiKeyId", "key_"),
    ("BankId", "bank_"),
    ("BreakId", "brk_"),
    ("CategoryId", "cat_"),
    ("CourierId", "cou_"),
    ("DepositId", "dep_"),
    ("FirmId", "firm_"),
    ("HandOverId", "hov_"),
    ("NetworkId", "net_"),
    ("OfferId", "off_"),
    ("OpenItemId", "opi_"),
    ("OrderId", "ord_"),
    ("ParcelId", "par_"),
    ("PayoutId", "pay_"),
    ("PersonId", "per_"),
    ("PlanId", "plan_"),
    ("PromotionId", "pro_"),
    ("ReservationId", "res_"),
    ("SellerId", "sel_"),
    ("TariffId", "tar_"),
    ("TerminalId", "ter_"),
    ("VariantId", "var_"),
    ("WalletId", "wal_"),
];

/// The type of the identifiers in a field of an answer, where the name of the field is not the name
/// of its type.
const FIELDS: [(&str, &str); 7] = [
    ("break_id", "BreakId"),
    ("handover", "HandOverId"),
    ("open_item", "OpenItemId"),
    ("item", "OpenItemId"),
    ("owner", "PersonId"),
    ("supervisor", "PersonId"),
    ("key", "ApiKeyId"),
];

/// The prefix of a type's identifiers.
#[must_use]
pub fn of_type(id_type: &str) -> Option<&'static str> {
    PREFIXES.iter().find(|(name, _)| *name == id_type).map(|(_, prefix)| *prefix)
}

/// The type of the identifiers in a field, by its name.
#[must_use]
pub fn type_of_field(field: &str) -> Option<&'static str> {
    if field.ends_with("_by") {
        return Some("PersonId");
    }
    if let Some((_, id_type)) = FIELDS.iter().find(|(name, _)| *name == field) {
        return Some(id_type);
    }
    let mut types = PREFIXES.iter().map(|(id_type, _)| *id_type);
    types.find(|id_type| id_type.trim_end_matches("Id").eq_ignore_ascii_case(field))
}

fn is_id(text: &str) -> bool {
    let decimal = text.bytes().all(|byte| byte.is_ascii_digit());
    let parcel = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    !text.is_empty() && (decimal || parcel)
}

/// A text without the prefix of its type. `None` if it has the prefix of another type.
#[must_use]
pub fn without_prefix<'t>(id_type: &str, text: &'t str) -> Option<&'t str> {
    let Some((begin, rest)) = text.split_once('_') else { return Some(text) };
    // SELLER/ORDER, and the number of a payment behind a parcel.
    let id = rest.split('/').next().unwrap_or_default();
    let mut prefixes = PREFIXES.iter().map(|(_, prefix)| *prefix);
    let prefix = prefixes.find(|prefix| prefix.trim_end_matches('_') == begin);
    let of_parcels = ["ParcelId", "PaymentId", "AssignedParcel", "DispatchedParcel"];
    let is_parcel = of_parcels.contains(&id_type);
    let of_seller = is_parcel || parts_of_reference(id_type).is_some();
    let own = if is_parcel { Some("par_") } else { of_type(id_type) };
    match prefix {
        // A reference that only looks like it.
        None => Some(text),
        Some(_) if !is_id(id) => Some(text),
        Some(prefix)
            if Some(prefix) == own || (of_seller && prefix == "sel_" && rest.contains('/')) =>
        {
            Some(rest)
        }
        Some(_) => None,
    }
}

/// The type of a part of an object: of its field, or of the content of its variant.
fn part<'s>(of: FieldType<'s>, name: &str) -> Option<FieldType<'s>> {
    let variant = || of.variants().into_iter().find(|one| one.name == name);
    of.field(name).or_else(|| variant()?.content)
}

/// Takes the prefixes out of a field's value. An error is the pointer of an identifier of another
/// kind.
///
/// # Errors
/// An identifier has the prefix of another kind.
pub fn strip(of: FieldType<'_>, value: &mut Value, at: &str) -> Result<(), String> {
    match value {
        Value::String(text) => {
            let Some(name) = of.name() else { return Ok(()) };
            match without_prefix(name, text) {
                Some(rest) if rest.len() == text.len() => {}
                Some(rest) => *text = rest.to_owned(),
                None => return Err(at.to_owned()),
            }
            // `Firm=firm_7` is a variant with its content.
            if let Some((variant, content)) = text.split_once('=')
                && let Some(inner) = of.variants().into_iter().find(|one| one.name == variant)
                && let Some(inner) = inner.content.and_then(FieldType::name)
            {
                let rest = without_prefix(inner, content).ok_or_else(|| at.to_owned())?;
                *text = format!("{variant}={rest}");
            }
            Ok(())
        }
        Value::Array(items) => {
            let Some(item) = of.item() else { return Ok(()) };
            let mut each = items.iter_mut().enumerate();
            each.try_for_each(|(place, one)| strip(item, one, &format!("{at}/{place}")))
        }
        Value::Object(fields) => {
            fields.iter_mut().try_for_each(|(name, value)| match part(of, name) {
                Some(field) => strip(field, value, &format!("{at}/{name}")),
                None => Ok(()),
            })
        }
        _ => Ok(()),
    }
}

/// Why a value is not one of its field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeFault {
    /// The pointer to a value of another JSON type.
    OtherType(String),
    /// The pointer to an unknown field inside another field.
    Unknown(String),
}

/// Refuses a value of another JSON type than the declared one: a number in a text, one value in the
/// place of a list. The command's own unknown fields are the office's to name.
///
/// # Errors
/// A value has another type, or a value inside it an unknown field.
pub fn check_types(of: FieldType<'_>, value: &Value, at: &str) -> Result<(), TypeFault> {
    let is_text = is_time(of) || of.name().and_then(of_type).is_some();
    // Of a field of the command, not of a part of it: the office compares the currencies of these.
    let is_amount = matches!(of.name(), Some("Amount" | "SignedAmount"))
        && at.strip_prefix("#/").is_some_and(|name| !name.contains('/'));
    let declared = of.schema().get("type").and_then(Value::as_str);
    let fits = match (declared, value) {
        (_, Value::Null) => true,
        _ if is_text => value.is_string(),
        // With its currency.
        (_, Value::String(text)) if is_amount => fields::is_amount_text(text),
        (Some("integer"), _) => value.is_number(),
        (Some("boolean"), _) => value.is_boolean(),
        (Some("array"), _) => value.is_array(),
        (Some("string"), _) => value.is_string(),
        (None, Value::Number(_)) => is_optional_number(of),
        // A payment can be a text too, and a variant an object.
        _ => value.is_string() || value.is_object(),
    };
    if !fits {
        return Err(TypeFault::OtherType(at.to_owned()));
    }
    match value {
        Value::Array(items) => {
            let Some(item) = of.item() else { return Ok(()) };
            let mut each = items.iter().enumerate();
            each.try_for_each(|(place, one)| check_types(item, one, &format!("{at}/{place}")))
        }
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| match part(of, name) {
            Some(field) => check_types(field, value, &format!("{at}/{name}")),
            None if at == "#" => Ok(()),
            None => Err(TypeFault::Unknown(format!("{at}/{name}"))),
        }),
        _ => Ok(()),
    }
}

/// Whether a field is a number or null.
fn is_optional_number(of: FieldType<'_>) -> bool {
    let types = of.schema().get("type").and_then(Value::as_array);
    types.is_some_and(|types| types.iter().any(|one| one == "integer"))
}

/// Whether a field is a time: RFC 3339 here, and milliseconds in the journal.
#[must_use]
pub fn is_time(of: FieldType<'_>) -> bool {
    of.name() == Some("Timestamp")
}

/// The types of identifiers whose owners have references.
pub const WITH_REFERENCE: [&str; 7] =
    ["BankId", "CourierId", "FirmId", "NetworkId", "SellerId", "TariffId", "WalletId"];

/// Of identifiers that SELLER/REFERENCE or SELLER/REFERENCE/SKU can stand for: how many parts.
#[must_use]
pub fn parts_of_reference(id_type: &str) -> Option<usize> {
    match id_type {
        "OfferId" => Some(2),
        "VariantId" => Some(3),
        _ => None,
    }
}

/// Puts the prefixes before the identifiers of an answer, which are found by the names of their
/// fields.
pub fn add(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let prefix = type_of_field(name).and_then(of_type);
                match (prefix, &mut *value) {
                    (Some(prefix), Value::String(text)) if is_id(text) => {
                        text.insert_str(0, prefix);
                    }
                    _ => add(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(add),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_with_an_identifier_has_the_prefix_of_its_type() {
        let types = fields::declared();
        let mut found = 0;
        for command in types.commands() {
            for (field, of) in types.of(command).unwrap().fields() {
                let Some(id_type) = of.name().filter(|name| of_type(name).is_some()) else {
                    continue;
                };
                // The persons of the opening have names of their own.
                if let Some(by_name) = type_of_field(field) {
                    assert_eq!(by_name, id_type, "{command}.{field}");
                    found += 1;
                }
            }
        }
        assert!(found > 100, "{found}");
    }

    #[test]
    fn a_prefix_of_another_kind_is_refused_and_a_reference_is_not() {
        for (id_type, text, rest) in [
            ("SellerId", "sel_42", Some("42")),
            ("SellerId", "42", Some("42")),
            ("SellerId", "cou_42", None),
            ("SellerId", "sel_my-shop", Some("sel_my-shop")),
            ("SellerId", "my_shop", Some("my_shop")),
            (
                "ParcelId",
                "par_00000000000000000000000000000007",
                Some("00000000000000000000000000000007"),
            ),
            ("ParcelId", "sel_7/order-1", Some("7/order-1")),
            (
                "PaymentId",
                "par_00000000000000000000000000000007/1",
                Some("00000000000000000000000000000007/1"),
            ),
            ("BankId", "firm_1", None),
            ("FirmId", "firm_", Some("firm_")),
        ] {
            assert_eq!(without_prefix(id_type, text), rest, "{id_type} {text}");
        }
        let types = fields::declared();
        let assign = types.of("AssignParcels").unwrap();
        let refused = |value: Value| check_types(assign, &value, "#").unwrap_err();
        let other = |pointer: &str| TypeFault::OtherType(pointer.to_owned());
        assert_eq!(refused(json!({ "firm": 3 })), other("#/firm"));
        assert_eq!(refused(json!({ "parcels": "a" })), other("#/parcels"));
        let courier = types.of("RegisterCourier").unwrap();
        let amount = |value: Value| check_types(courier, &json!({ "cash_limit": value }), "#");
        assert_eq!(amount(json!(1250)).and(amount(json!("12.50CNY"))), Ok(()));
        assert_eq!(amount(json!("1250")), Err(other("#/cash_limit")));
        let unknown = TypeFault::Unknown("#/parcels/0/colour".to_owned());
        assert_eq!(refused(json!({ "parcels": [{ "colour": 1 }] })), unknown);
        let number = json!({ "parcels": [{ "number": "1" }] });
        assert_eq!(refused(number), other("#/parcels/0/number"));
        let parcel = "par_00000000000000000000000000000007";
        let mut value = json!({ "firm": "firm_3", "parcels": [{ "parcel": parcel, "number": 1 }] });
        strip(assign, &mut value, "#").unwrap();
        let plain = json!({ "firm": "3", "parcels": [{ "parcel": &parcel[4..], "number": 1 }] });
        assert_eq!(value, plain);
        let mut wrong = json!({ "parcels": [{ "parcel": parcel }, { "parcel": "sel_3" }] });
        assert_eq!(strip(assign, &mut wrong, "#"), Err("#/parcels/1/parcel".to_owned()));
        add(&mut value);
        assert_eq!(value["parcels"][0]["parcel"], parcel);
        assert_eq!(value["firm"], "firm_3");
    }
}
