//! How the value of a field is written in JSON, with unit and range, for the reference page.

use office::fields::{Expected, short};
use reports::FieldType;

use crate::prefixes;
use crate::words::{BilingualText, words};

/// The form of a field's value.
#[must_use]
pub fn form(field: FieldType<'_>) -> BilingualText {
    let prefix = field.name().and_then(prefixes::of_type).unwrap_or_default();
    match Expected::of(field) {
        Expected::Amount => words!(
            "a whole number of minor units, not below 0, or a text such as 12.50CNY",
            "最小货币单位的整数，不小于 0，或如 12.50CNY 的文字"
        ),
        Expected::SignedAmount => words!(
            "a whole number of minor units, also below 0, or a text such as -12.50CNY",
            "最小货币单位的整数，可小于 0，或如 -12.50CNY 的文字"
        ),
        Expected::Rate => {
            words!("parts per million, 0 to 1000000", "百万分率，0 至 1000000")
        }
        Expected::Date => words!("a date, YYYY-MM-DD", "日期，YYYY-MM-DD"),
        Expected::Currency => words!("a currency code of ISO 4217", "ISO 4217 货币代码"),
        Expected::Time => words!("a time of RFC 3339", "RFC 3339 时间"),
        Expected::Parcel if field.fields().next().is_none() => words!(
            "par_ and 32 hexadecimal digits, or SELLER/ORDER",
            "par_ 加 32 位十六进制数字，或 SELLER/ORDER"
        ),
        Expected::Parcel | Expected::Payment => {
            let keys = keys(field);
            words!("an object with {keys}", "对象，含 {keys}")
        }
        Expected::Person | Expected::IdOrReference => {
            words!("{prefix} and a number, or your reference", "{prefix} 加数字，或您自己的编码")
        }
        Expected::Id => words!("{prefix} and a number", "{prefix} 加数字"),
        Expected::OneOf(_) | Expected::Movement => {
            let all: Vec<String> = field.variants().iter().map(variant).collect();
            let all = all.join(", ");
            words!("one of: {all}", "以下之一：{all}")
        }
        Expected::Number { least, most } => {
            words!("a whole number, {least} to {most}", "整数，{least} 至 {most}")
        }
        Expected::List(_) => {
            let item = field.item().map(form);
            let (en, zh) = item.map(|item| (item.en, item.zh)).unwrap_or_default();
            words!("a list; each: {en}", "列表；每项：{zh}")
        }
        Expected::Boolean => words!("true or false", "true 或 false"),
        Expected::Text => words!("a text", "文字"),
        Expected::Object(_) => {
            let keys = keys(field);
            words!("an object with {keys}", "对象，含 {keys}")
        }
    }
}

fn keys(field: FieldType<'_>) -> String {
    field.fields().map(|(name, _)| name.to_owned()).collect::<Vec<_>>().join(", ")
}

fn variant(one: &reports::FieldVariant<'_>) -> String {
    match one.content {
        None => one.name.to_owned(),
        Some(content) => format!("{{\"{}\": {}}}", one.name, short(content)),
    }
}
