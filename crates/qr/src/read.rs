//! From the text of a code to a [`Code`].

use std::collections::BTreeMap;

use crate::code::{Additional, Code, Initiation, Language, Template, Tip};
use crate::crc::crc16_ccitt_false;
use crate::decimal::{Decimal, Percent};
use crate::error::{Place, QrError, Rule};
use crate::objects::{Object, split};
use crate::{CODE_CHARACTERS_MAX, form};

/// The characters of a checksum, each of one byte.
const CHECKSUM_BYTES: usize = 4;

impl Code {
    /// Reads the text of a code as a wallet scanned it.
    ///
    /// Shape and checksum come first, what the tags say after that: of a damaged code the damage is
    /// named and not what came of it. The checksum may be in small letters.
    ///
    /// # Errors
    /// Which tag breaks which rule of EMV QRCPS MPM 1.1, and where it starts.
    pub fn parse(text: &str) -> Result<Code, QrError> {
        let objects = frame(text)?;
        let mut parts = Parts::default();
        for object in &objects {
            parts.take(object)?;
        }
        parts.code()
    }
}

/// The tags of a code whose shape and checksum are right.
fn frame(text: &str) -> Result<Vec<Object<'_>>, QrError> {
    let characters = text.chars().count();
    if characters > CODE_CHARACTERS_MAX {
        return Err(Place::CODE.breaks(Rule::CodeLength { characters }));
    }
    let objects = split(Place::CODE, 0, text)?;
    let (Some(first), Some(last)) = (objects.first(), objects.last()) else {
        return Err(Place::CODE.tag(0).breaks(Rule::Missing));
    };
    if first.tag != 0 {
        return Err(first.place.breaks(Rule::NotFirst));
    }
    if last.tag != 63 {
        return Err(match objects.iter().find(|object| object.tag == 63) {
            Some(early) => early.place.breaks(Rule::NotLast),
            None => Place::CODE.tag(63).breaks(Rule::Missing),
        });
    }
    form::check(last.place, last.value)?;
    let signed = &text.as_bytes()[..text.len() - CHECKSUM_BYTES];
    let expected = crc16_ccitt_false(signed);
    match u16::from_str_radix(last.value, 16) {
        Ok(found) if found == expected => Ok(objects),
        Ok(found) => Err(last.place.breaks(Rule::Checksum { expected, found })),
        Err(_) => Err(last.place.breaks(Rule::Value { allowed: "four hexadecimal digits" })),
    }
}

/// What was read so far.
#[derive(Default)]
struct Parts {
    initiation: Option<Initiation>,
    scheme_accounts: BTreeMap<u8, String>,
    accounts: BTreeMap<u8, Template>,
    category: Option<u16>,
    currency: Option<u16>,
    amount: Option<Decimal>,
    tip_indicator: Option<(Place, String)>,
    tip_fixed: Option<(Place, Decimal)>,
    tip_percent: Option<(Place, Percent)>,
    country: Option<String>,
    name: Option<String>,
    city: Option<String>,
    postal_code: Option<String>,
    additional: Option<Additional>,
    language: Option<Language>,
    future: BTreeMap<u8, String>,
    unreserved: BTreeMap<u8, Template>,
}

impl Parts {
    fn take(&mut self, object: &Object<'_>) -> Result<(), QrError> {
        let &Object { tag, place, value, .. } = object;
        form::check(place, value)?;
        let text = || value.to_owned();
        match tag {
            0 if value == "01" => {}
            0 => return Err(place.breaks(Rule::Value { allowed: "01" })),
            1 => self.initiation = Some(initiation(place, value)?),
            2..=25 => drop(self.scheme_accounts.insert(tag, text())),
            26..=51 => drop(self.accounts.insert(tag, template(object)?)),
            52 => self.category = Some(number(place, value)?),
            53 => self.currency = Some(number(place, value)?),
            54 => self.amount = Some(value.parse().map_err(|rule| place.breaks(rule))?),
            55 => self.tip_indicator = Some((place, text())),
            56 => {
                self.tip_fixed = Some((place, value.parse().map_err(|rule| place.breaks(rule))?));
            }
            57 => {
                self.tip_percent = Some((place, value.parse().map_err(|rule| place.breaks(rule))?));
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

    fn code(self) -> Result<Code, QrError> {
        let tip = tip(self.tip_indicator, self.tip_fixed, self.tip_percent)?;
        let code = Code {
            initiation: self.initiation,
            scheme_accounts: self.scheme_accounts,
            accounts: self.accounts,
            category: present(Place::CODE.tag(52), self.category)?,
            currency: present(Place::CODE.tag(53), self.currency)?,
            amount: self.amount,
            tip,
            country: present(Place::CODE.tag(58), self.country)?,
            name: present(Place::CODE.tag(59), self.name)?,
            city: present(Place::CODE.tag(60), self.city)?,
            postal_code: self.postal_code,
            additional: self.additional,
            language: self.language,
            future: self.future,
            unreserved: self.unreserved,
        };
        code.check_accounts()?;
        Ok(code)
    }
}

fn present<T>(place: Place, value: Option<T>) -> Result<T, QrError> {
    value.ok_or_else(|| place.breaks(Rule::Missing))
}

fn number(place: Place, value: &str) -> Result<u16, QrError> {
    value.parse().map_err(|_| place.breaks(Rule::Value { allowed: "digits" }))
}

fn initiation(place: Place, value: &str) -> Result<Initiation, QrError> {
    match value {
        "11" => Ok(Initiation::Static),
        "12" => Ok(Initiation::Dynamic),
        _ => Err(place.breaks(Rule::Value { allowed: "11 (static), 12 (dynamic)" })),
    }
}

fn tip(
    indicator: Option<(Place, String)>,
    fixed: Option<(Place, Decimal)>,
    percent: Option<(Place, Percent)>,
) -> Result<Option<Tip>, QrError> {
    let Some((place, indicator)) = indicator else {
        return match (fixed, percent) {
            (None, None) => Ok(None),
            (Some((place, _)), _) | (None, Some((place, _))) => Err(place.breaks(Rule::Tip)),
        };
    };
    match (indicator.as_str(), fixed, percent) {
        ("01", None, None) => Ok(Some(Tip::Prompt)),
        ("02", Some((_, fee)), None) => Ok(Some(Tip::Fixed(fee))),
        ("03", None, Some((_, percent))) => Ok(Some(Tip::Percent(percent))),
        ("01" | "02" | "03", _, _) => Err(place.breaks(Rule::Tip)),
        _ => Err(place.breaks(Rule::Value { allowed: "01 (ask), 02 (fixed), 03 (percentage)" })),
    }
}

/// The fields of a template, checked one by one.
fn fields<'a>(object: &Object<'a>) -> Result<Vec<Object<'a>>, QrError> {
    let fields = split(object.place, object.start, object.value)?;
    fields.iter().try_for_each(|field| form::check(field.place, field.value))?;
    Ok(fields)
}

fn template(object: &Object<'_>) -> Result<Template, QrError> {
    let mut rest: BTreeMap<u8, String> =
        fields(object)?.iter().map(|field| (field.tag, field.value.to_owned())).collect();
    let guid = present(object.place.tag(0), rest.remove(&0))?;
    Ok(Template { guid, fields: rest })
}

fn additional(object: &Object<'_>) -> Result<Additional, QrError> {
    let mut additional = Additional::default();
    for field in fields(object)? {
        if let Some(named) = additional.named_mut(field.tag) {
            *named = Some(field.value.to_owned());
            continue;
        }
        match field.tag {
            0 => return Err(field.place.breaks(Rule::NoSuchTag { first: 1, last: 99 })),
            10..=49 => drop(additional.other.insert(field.tag, field.value.to_owned())),
            _ => drop(additional.templates.insert(field.tag, template(&field)?)),
        }
    }
    Ok(additional)
}

fn language(object: &Object<'_>) -> Result<Language, QrError> {
    let mut rest: BTreeMap<u8, String> =
        fields(object)?.iter().map(|field| (field.tag, field.value.to_owned())).collect();
    let language = present(object.place.tag(0), rest.remove(&0))?;
    let name = present(object.place.tag(1), rest.remove(&1))?;
    let city = rest.remove(&2);
    Ok(Language { language, name, city, other: rest })
}
