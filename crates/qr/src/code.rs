//! What a code says.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use crate::decimal::{Decimal, Percent};
use crate::error::{Place, QrError, Rule};

/// Accounts of card schemes, whose value is the scheme's.
pub(crate) const SCHEME_TAGS: RangeInclusive<u8> = 2..=25;
/// Accounts of wallets and other networks, by their own identifier.
pub(crate) const ACCOUNT_TAGS: RangeInclusive<u8> = 26..=51;
/// Tags that EMVCo has not given a meaning yet.
pub(crate) const FUTURE_TAGS: RangeInclusive<u8> = 65..=79;
/// Templates of anybody.
pub(crate) const UNRESERVED_TAGS: RangeInclusive<u8> = 80..=99;
/// The fields of a template beside its identifier.
pub(crate) const FIELD_TAGS: RangeInclusive<u8> = 1..=99;
/// Fields of the additional data that have no name here.
pub(crate) const ADDITIONAL_OTHER_TAGS: RangeInclusive<u8> = 10..=49;
/// Templates of payment systems in the additional data.
pub(crate) const ADDITIONAL_TEMPLATE_TAGS: RangeInclusive<u8> = 50..=99;
/// Fields of the language template that have no name here.
pub(crate) const LANGUAGE_OTHER_TAGS: RangeInclusive<u8> = 3..=99;

/// A merchant-presented code.
///
/// The order of the tags is not kept: a code is written in ascending order, the checksum last.
/// What it holds is checked when it is written; [`Code::parse`] gives only what can be written.
/// `Debug` shows of accounts, names and additional data how long they are, not what they are.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    /// Tag 01: for many payments or for one.
    pub initiation: Option<Initiation>,
    /// Tags 02 to 25, not looked into: merchant accounts at card schemes.
    pub scheme_accounts: BTreeMap<u8, String>,
    /// Tags 26 to 51: merchant accounts at wallets and other networks.
    pub accounts: BTreeMap<u8, Template>,
    /// Tag 52: merchant category code (ISO 18245), up to 9999.
    pub category: u16,
    /// Tag 53: currency (ISO 4217 numeric), up to 999.
    pub currency: u16,
    /// Tag 54: the amount; without it the buyer is asked.
    pub amount: Option<Decimal>,
    /// Tags 55 to 57: tip or convenience fee.
    pub tip: Option<Tip>,
    /// Tag 58: country (ISO 3166-1), two capitals.
    pub country: String,
    /// Tag 59: the merchant's name, up to 25 characters of ASCII; other scripts in `language`.
    pub name: String,
    /// Tag 60: the merchant's city, up to 15 characters of ASCII; other scripts in `language`.
    pub city: String,
    /// Tag 61, up to 10 characters.
    pub postal_code: Option<String>,
    /// Tag 62.
    pub additional: Option<Additional>,
    /// Tag 64.
    pub language: Option<Language>,
    /// Tags 65 to 79, kept as they are.
    pub future: BTreeMap<u8, String>,
    /// Tags 80 to 99.
    pub unreserved: BTreeMap<u8, Template>,
}

/// Tag 01: how often the code is to be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Initiation {
    /// 11: shown for more than one payment.
    Static,
    /// 12: made for one payment.
    Dynamic,
}

/// Tags 55 to 57: what the buyer pays on top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tip {
    /// 01: the wallet asks the buyer.
    Prompt,
    /// 02: a fixed fee, in tag 56.
    Fixed(Decimal),
    /// 03: a part of the amount, in tag 57.
    Percent(Percent),
}

/// Fields under an identifier that is unique in the world.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    /// Field 00: an application identifier, a UUID without hyphens or a domain name reversed, up to
    /// 32 characters.
    pub guid: String,
    /// Fields 01 to 99, whose meaning is the owner's.
    pub fields: BTreeMap<u8, String>,
}

/// Tag 62. Each named field has up to 25 characters of ASCII; `***` has the wallet ask the buyer.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Additional {
    /// 01: bill number.
    pub bill: Option<String>,
    /// 02: mobile number.
    pub mobile: Option<String>,
    /// 03: store label.
    pub store: Option<String>,
    /// 04: loyalty number.
    pub loyalty: Option<String>,
    /// 05: reference label; Doorstep's one-time order id at the wallet.
    pub reference: Option<String>,
    /// 06: customer label.
    pub customer: Option<String>,
    /// 07: terminal label.
    pub terminal: Option<String>,
    /// 08: purpose of the payment.
    pub purpose: Option<String>,
    /// 09: what the wallet is to tell of the buyer: `A` address, `M` mobile number, `E` e-mail.
    pub request: Option<String>,
    /// 10 to 49, kept as they are.
    pub other: BTreeMap<u8, String>,
    /// 50 to 99: templates of payment systems.
    pub templates: BTreeMap<u8, Template>,
}

/// Tag 64: name and city in the merchant's own script.
#[derive(Clone, PartialEq, Eq)]
pub struct Language {
    /// 00: the language (ISO 639), two letters.
    pub language: String,
    /// 01: the name, up to 25 characters.
    pub name: String,
    /// 02: the city, up to 15 characters.
    pub city: Option<String>,
    /// 03 to 99, kept as they are.
    pub other: BTreeMap<u8, String>,
}

impl Additional {
    /// The fields with a name, by their tag.
    pub(crate) fn named(&self) -> [(u8, &Option<String>); 9] {
        [
            (1, &self.bill),
            (2, &self.mobile),
            (3, &self.store),
            (4, &self.loyalty),
            (5, &self.reference),
            (6, &self.customer),
            (7, &self.terminal),
            (8, &self.purpose),
            (9, &self.request),
        ]
    }

    /// The field with a name that has this tag.
    pub(crate) fn named_mut(&mut self, tag: u8) -> Option<&mut Option<String>> {
        Some(match tag {
            1 => &mut self.bill,
            2 => &mut self.mobile,
            3 => &mut self.store,
            4 => &mut self.loyalty,
            5 => &mut self.reference,
            6 => &mut self.customer,
            7 => &mut self.terminal,
            8 => &mut self.purpose,
            9 => &mut self.request,
            _ => return None,
        })
    }
}

impl Code {
    /// The rule that no tag can break by itself.
    pub(crate) fn check_accounts(&self) -> Result<(), QrError> {
        if self.scheme_accounts.is_empty() && self.accounts.is_empty() {
            return Err(Place::CODE.breaks(Rule::NoAccount));
        }
        Ok(())
    }
}

/// A value of which only the length is shown.
struct Hidden<'a>(&'a str);

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} characters>", self.0.chars().count())
    }
}

fn hidden(fields: &BTreeMap<u8, String>) -> BTreeMap<u8, Hidden<'_>> {
    fields.iter().map(|(&tag, value)| (tag, Hidden(value))).collect()
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code")
            .field("initiation", &self.initiation)
            .field("scheme_accounts", &hidden(&self.scheme_accounts))
            .field("accounts", &self.accounts)
            .field("category", &self.category)
            .field("currency", &self.currency)
            .field("amount", &self.amount)
            .field("tip", &self.tip)
            .field("country", &self.country)
            .field("name", &Hidden(&self.name))
            .field("city", &Hidden(&self.city))
            .field("postal_code", &self.postal_code.as_deref().map(Hidden))
            .field("additional", &self.additional)
            .field("language", &self.language)
            .field("future", &hidden(&self.future))
            .field("unreserved", &self.unreserved)
            .finish()
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("guid", &Hidden(&self.guid))
            .field("fields", &hidden(&self.fields))
            .finish()
    }
}

impl fmt::Debug for Additional {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.named().into_iter();
        let named = named.filter_map(|(tag, value)| Some((tag, Hidden(value.as_deref()?))));
        f.debug_struct("Additional")
            .field("named", &named.collect::<BTreeMap<_, _>>())
            .field("other", &hidden(&self.other))
            .field("templates", &self.templates)
            .finish()
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Language")
            .field("language", &self.language)
            .field("name", &Hidden(&self.name))
            .field("city", &self.city.as_deref().map(Hidden))
            .field("other", &hidden(&self.other))
            .finish()
    }
}
