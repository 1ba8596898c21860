//! The values of fields as a request of the API has them.

use reports::FieldType;
use serde_json::Value;

use super::{CURRENCY_LETTERS, KnownParties, ValueError, from_text, has_type, part, split_amount};

/// Whether a text is an amount with its currency, as far as its form goes.
#[must_use]
pub fn is_amount_text(text: &str) -> bool {
    let (number, currency) = split_amount(text);
    let first = number.strip_prefix('-').unwrap_or(number).bytes().next();
    currency.len() == CURRENCY_LETTERS && first.is_some_and(|first| first.is_ascii_digit())
}

/// Amounts inside a field are numbers in a request. Other texts stay.
fn inner_amounts(field: FieldType<'_>, given: &Value) -> Result<Value, ValueError> {
    match (given, field.item()) {
        (Value::String(text), _) if is_amount_text(text) => match field.name() {
            Some("Amount" | "SignedAmount") => from_text(field, text, &KnownParties::default()),
            _ => Ok(given.clone()),
        },
        (Value::Array(items), Some(item)) => {
            items.iter().map(|one| inner_amounts(item, one)).collect()
        }
        (Value::Object(parts), _) => {
            let read = parts.iter().map(|(name, one)| {
                let inner = part(field, name).map(|of| inner_amounts(of, one)).transpose()?;
                Ok((name.clone(), inner.unwrap_or_else(|| one.clone())))
            });
            read.collect::<Result<_, _>>().map(Value::Object)
        }
        _ => Ok(given.clone()),
    }
}

/// A field's value for a request of the API, from what a person types: a number, a truth value and
/// a list are JSON there. An amount stays a text: with its currency, which the books check. So do
/// references, which only they know.
///
/// # Errors
/// A text is no value of the field.
pub fn as_sent(field: FieldType<'_>, given: &Value) -> Result<Value, ValueError> {
    let Value::String(text) = given else { return Ok(given.clone()) };
    let typed = || from_text(field, text, &KnownParties::default());
    match field.name() {
        Some("Amount" | "SignedAmount") => {
            let number = typed()?;
            return Ok(if is_amount_text(text) { given.clone() } else { number });
        }
        Some("Timestamp") => return Ok(given.clone()),
        _ => {}
    }
    if text.starts_with(['{', '[', '"']) && !has_type(field, "string") {
        let given = serde_json::from_str(text);
        let given: Value = given.map_err(|error| ValueError::Json(error.to_string()))?;
        return inner_amounts(field, &given);
    }
    if has_type(field, "integer") || has_type(field, "boolean") {
        return typed();
    }
    let Some(item) = field.item() else { return Ok(given.clone()) };
    let items = text.split(',').filter(|item| !item.is_empty());
    items.map(|one| as_sent(item, &one.into())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fields::declared;

    #[test]
    fn what_is_sent_is_json_but_for_amounts_and_references() {
        let sent = |command: &str, field: &str, given: &str| {
            as_sent(declared().of(command).unwrap().field(field).unwrap(), &given.into())
        };
        for (command, field, given, expected) in [
            ("RegisterCourier", "cash_limit", "12.50CNY", json!("12.50CNY")),
            ("RegisterCourier", "cash_limit", "0", json!(0)),
            ("ClearLine", "amount", "-12.50CNY", json!("-12.50CNY")),
            ("RegisterTerminal", "courier", "c-1", json!("c-1")),
            ("BlockTerminal", "blocked", "true", json!(true)),
            ("ReleaseDue", "limit", "7", json!(7)),
            ("ReleaseDue", "date", "2013-08-28", json!("2013-08-28")),
            ("SetHoldRule", "rule", "DaysAfterHeld=3", json!("DaysAfterHeld=3")),
            ("WithdrawNetwork", "from", "1970-01-01T00:00:01Z", json!("1970-01-01T00:00:01Z")),
            ("Refund", "payment", "s-1/order-1/2", json!("s-1/order-1/2")),
            (
                "DraftOffer",
                "variants",
                r#"[{"sku":"a","price":"12.50CNY"}]"#,
                json!([{ "sku": "a", "price": 1250 }]),
            ),
            ("SetPrice", "variant", "s-1/tea/a", json!("s-1/tea/a")),
            ("DispatchParcels", "parcels", "w1,s-1/o-1", json!(["w1", "s-1/o-1"])),
            ("DispatchParcels", "parcels", r#"[{"parcel":"w1"}]"#, json!([{ "parcel": "w1" }])),
        ] {
            assert_eq!(sent(command, field, given), Ok(expected), "{command} {field} {given}");
        }
        for (field, given) in [("cash_limit", "1250"), ("cash_limit", "12.50XXQ")] {
            assert!(sent("RegisterCourier", field, given).is_err(), "{given}");
        }
        assert!(is_amount_text("1CNY") && is_amount_text("-0.5JPY"));
        assert!(!["1", "CNY", "1cny", "1 CNYX", "x1CNY", ""].iter().any(|one| is_amount_text(one)));
    }
}
