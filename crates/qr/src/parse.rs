//! Reads the text of a code.

use std::collections::BTreeMap;

use crate::code::{AdditionalData, LanguageTemplate, PointOfInitiation, QrCode, Template, Tip};
use crate::crc::crc16_ccitt_false;
use crate::data_objects::{DataObject, split};
use crate::decimal::{Percent, QrAmount};
use crate::error::{QrError, QrRule, TagLocation};
use crate::{CODE_CHARACTERS_MAX, value_format};

/// Length of the checksum: four ASCII characters.
const CHECKSUM_BYTES: usize = 4;

impl QrCode {
    /// Reads the text of a code as scanned.
    ///
    /// Checks the structure and the checksum before the values, so that the error for a damaged
    /// code names the damage. The checksum may be in lower case.
    ///
    /// # Errors
    /// The tag, its offset and the broken rule of EMV QRCPS MPM 1.1.
    pub fn parse(text: &str) -> Result<QrCode, QrError> {
        let objects = split_code(text)?;
        let mut parts = Parts::default();
        for object in &objects {
            parts.take(object)?;
        }
        parts.code()
    }
}

/// Splits a code into tags and checks its structure and checksum.
fn split_code(text: &str) -> Result<Vec<DataObject<'_>>, QrError> {
    let characters = text.chars().count();
    if characters > CODE_CHARACTERS_MAX {
        return Err(TagLocation::ROOT.violates(QrRule::CodeLength { characters }));
    }
    let objects = split(TagLocation::ROOT, 0, text)?;
    let (Some(first), Some(last)) = (objects.first(), objects.last()) else {
        return Err(TagLocation::ROOT.tag(0).violates(QrRule::Missing));
    };
    if first.tag != 0 {
        return Err(first.location.violates(QrRule::FormatIndicatorNotFirst));
    }
    if last.tag != 63 {
        return Err(match objects.iter().find(|object| object.tag == 63) {
            Some(early) => early.location.violates(QrRule::ChecksumNotLast),
            None => TagLocation::ROOT.tag(63).violates(QrRule::Missing),
        });
    }
    value_format::check(last.location, last.value)?;
    let signed = &text.as_bytes()[..text.len() - CHECKSUM_BYTES];
    let expected = crc16_ccitt_false(signed);
    match u16::from_str_radix(last.value, 16) {
        Ok(found) if found == expected => Ok(objects),
        Ok(found) => Err(last.location.violates(QrRule::Checksum { expected, found })),
        Err(_) => Err(last
            .location
            .violates(QrRule::ValueNotAllowed { allowed: "four hexadecimal digits" })),
    }
}

#[derive(Default)]
struct Parts {
    initiation: Option<PointOfInitiation>,
    scheme_accounts: BTreeMap<u8, String>,
    accounts: BTreeMap<u8, Template>,
    category: Option<u16>,
    currency: Option<u16>,
    amount: Option<QrAmount>,
    tip_indicator: Option<(TagLocation, String)>,
    tip_fixed: Option<(TagLocation, QrAmount)>,
    tip_percent: Option<(TagLocation, Percent)>,
    country: Option<String>,
    name: Option<String>,
    city: Option<String>,
    postal_code: Option<String>,
    additional: Option<AdditionalData>,
    language: Option<LanguageTemplate>,
    future: BTreeMap<u8, String>,
    unreserved: BTreeMap<u8, Template>,
}

impl Parts {
    fn take(&mut self, object: &DataObject<'_>) -> Result<(), QrError> {
        let &DataObject { tag, location, value, .. } = object;
        value_format::check(location, value)?;
        let text = || value.to_owned();
        match tag {
            0 if value == "01" => {}
            0 => return Err(location.violates(QrRule::ValueNotAllowed { allowed: "01" })),
            1 => self.initiation = Some(initiation(location, value)?),
            2..=25 => drop(self.scheme_accounts.insert(tag, text())),
            26..=51 => drop(self.accounts.insert(tag, template(object)?)),
            52 => self.category = Some(number(location, value)?),
            53 => self.currency = Some(number(location, value)?),
            54 => self.amount = Some(value.parse().map_err(|rule| location.violates(rule))?),
            55 => self.tip_indicator = Some((location, text())),
            56 => {
                self.tip_fixed =
                    Some((location, value.parse().map_err(|rule| location.violates(rule))?));
            }
            57 => {
                self.tip_percent =
                    Some((location, value.parse().map_err(|rule| location.violates(rule))?));
            }
            58 => self.country = Some(text()),
            59 => self.name = Some(text()),
            60 => self.city = Some(text()),
            61 => self.postal_code = Some(text()),
            62 => self.additional = Some(additional(object)?),
            63 => {}
            64 => self.language = Some(language(object)?),
            65..=79 => drop(self.future.insert(tag, text())),
            _ => drop(self.unreserved.insert(tag, template(object)?)),
        }
        Ok(())
    }

    fn code(self) -> Result<QrCode, QrError> {
        let tip = tip(self.tip_indicator, self.tip_fixed, self.tip_percent)?;
        let code = QrCode {
            initiation: self.initiation,
            scheme_accounts: self.scheme_accounts,
            accounts: self.accounts,
            merchant_category: present(TagLocation::ROOT.tag(52), self.category)?,
            currency: present(TagLocation::ROOT.tag(53), self.currency)?,
            amount: self.amount,
            tip,
            country: present(TagLocation::ROOT.tag(58), self.country)?,
            merchant_name: present(TagLocation::ROOT.tag(59), self.name)?,
            merchant_city: present(TagLocation::ROOT.tag(60), self.city)?,
            postal_code: self.postal_code,
            additional: self.additional,
            language: self.language,
            reserved: self.future,
            unreserved: self.unreserved,
        };
        code.check_accounts()?;
        Ok(code)
    }
}

fn present<T>(location: TagLocation, value: Option<T>) -> Result<T, QrError> {
    value.ok_or_else(|| location.violates(QrRule::Missing))
}

fn number(location: TagLocation, value: &str) -> Result<u16, QrError> {
    value.parse().map_err(|_| location.violates(QrRule::ValueNotAllowed { allowed: "digits" }))
}

fn initiation(location: TagLocation, value: &str) -> Result<PointOfInitiation, QrError> {
    match value {
        "11" => Ok(PointOfInitiation::Static),
        "12" => Ok(PointOfInitiation::Dynamic),
        _ => {
            Err(location.violates(QrRule::ValueNotAllowed { allowed: "11 (static), 12 (dynamic)" }))
        }
    }
}

fn tip(
    indicator: Option<(TagLocation, String)>,
    fixed: Option<(TagLocation, QrAmount)>,
    percent: Option<(TagLocation, Percent)>,
) -> Result<Option<Tip>, QrError> {
    let Some((location, indicator)) = indicator else {
        return match (fixed, percent) {
            (None, None) => Ok(None),
            (Some((location, _)), _) | (None, Some((location, _))) => {
                Err(location.violates(QrRule::Tip))
            }
        };
    };
    match (indicator.as_str(), fixed, percent) {
        ("01", None, None) => Ok(Some(Tip::Prompt)),
        ("02", Some((_, fee)), None) => Ok(Some(Tip::Fixed(fee))),
        ("03", None, Some((_, percent))) => Ok(Some(Tip::Percent(percent))),
        ("01" | "02" | "03", _, _) => Err(location.violates(QrRule::Tip)),
        _ => Err(location.violates(QrRule::ValueNotAllowed {
            allowed: "01 (ask), 02 (fixed), 03 (percentage)",
        })),
    }
}

/// Splits a template into its fields and checks each.
fn fields<'a>(object: &DataObject<'a>) -> Result<Vec<DataObject<'a>>, QrError> {
    let fields = split(object.location, object.value_offset, object.value)?;
    fields.iter().try_for_each(|field| value_format::check(field.location, field.value))?;
    Ok(fields)
}

fn template(object: &DataObject<'_>) -> Result<Template, QrError> {
    let mut rest: BTreeMap<u8, String> =
        fields(object)?.iter().map(|field| (field.tag, field.value.to_owned())).collect();
    let guid = present(object.location.tag(0), rest.remove(&0))?;
    Ok(Template { guid, fields: rest })
}

fn additional(object: &DataObject<'_>) -> Result<AdditionalData, QrError> {
    let mut additional = AdditionalData::default();
    for field in fields(object)? {
        if let Some(named) = additional.named_mut(field.tag) {
            *named = Some(field.value.to_owned());
            continue;
        }
        match field.tag {
            0 => return Err(field.location.violates(QrRule::TagNotAllowed { first: 1, last: 99 })),
            10..=49 => drop(additional.other.insert(field.tag, field.value.to_owned())),
            _ => drop(additional.templates.insert(field.tag, template(&field)?)),
        }
    }
    Ok(additional)
}

fn language(object: &DataObject<'_>) -> Result<LanguageTemplate, QrError> {
    let mut rest: BTreeMap<u8, String> =
        fields(object)?.iter().map(|field| (field.tag, field.value.to_owned())).collect();
    let language = present(object.location.tag(0), rest.remove(&0))?;
    let name = present(object.location.tag(1), rest.remove(&1))?;
    let city = rest.remove(&2);
    Ok(LanguageTemplate { language, merchant_name: name, merchant_city: city, other: rest })
}
