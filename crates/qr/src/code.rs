//! The content of a code.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use crate::decimal::{Percent, QrAmount};
use crate::error::{QrError, QrRule, TagLocation};

/// Accounts of card schemes. The scheme defines the value.
pub(crate) const SCHEME_TAGS: RangeInclusive<u8> = 2..=25;
/// Accounts of wallets and other networks, with an identifier of their own.
pub(crate) const ACCOUNT_TAGS: RangeInclusive<u8> = 26..=51;
/// Reserved by EMVCo for future use.
pub(crate) const RESERVED_TAGS: RangeInclusive<u8> = 65..=79;
/// Templates that anyone can define.
pub(crate) const UNRESERVED_TAGS: RangeInclusive<u8> = 80..=99;
/// Fields of a template, without its identifier.
pub(crate) const FIELD_TAGS: RangeInclusive<u8> = 1..=99;
/// Fields of the additional data without a name here.
pub(crate) const ADDITIONAL_OTHER_TAGS: RangeInclusive<u8> = 10..=49;
/// Templates of payment systems in the additional data.
pub(crate) const ADDITIONAL_TEMPLATE_TAGS: RangeInclusive<u8> = 50..=99;
/// Fields of the language template without a name here.
pub(crate) const LANGUAGE_OTHER_TAGS: RangeInclusive<u8> = 3..=99;

/// A merchant-presented code.
///
/// Tags are written in ascending order, the checksum last; the order in a code that was read is not
/// kept. [`QrCode::write`] checks all values, and [`QrCode::parse`] returns only values that can be
/// written. `Debug` shows only the length of accounts, names and additional data.
#[derive(Clone, PartialEq, Eq)]
pub struct QrCode {
    /// Tag 01.
    pub initiation: Option<PointOfInitiation>,
    /// Tags 02 to 25, not interpreted: merchant accounts at card schemes.
    pub scheme_accounts: BTreeMap<u8, String>,
    /// Tags 26 to 51: merchant accounts at wallets and other networks.
    pub accounts: BTreeMap<u8, Template>,
    /// Tag 52: merchant category code (ISO 18245), up to 9999.
    pub merchant_category: u16,
    /// Tag 53: currency (ISO 4217 numeric), up to 999.
    pub currency: u16,
    /// Tag 54. Without it, the buyer enters the amount.
    pub amount: Option<QrAmount>,
    /// Tags 55 to 57: tip or convenience fee.
    pub tip: Option<Tip>,
    /// Tag 58: country (ISO 3166-1), two capital letters.
    pub country: String,
    /// Tag 59: the merchant's name, up to 25 ASCII characters; other scripts go into `language`.
    pub merchant_name: String,
    /// Tag 60: the merchant's city, up to 15 ASCII characters; other scripts go into `language`.
    pub merchant_city: String,
    /// Tag 61, up to 10 characters.
    pub postal_code: Option<String>,
    /// Tag 62.
    pub additional: Option<AdditionalData>,
    /// Tag 64.
    pub language: Option<LanguageTemplate>,
    /// Tags 65 to 79, not interpreted.
    pub reserved: BTreeMap<u8, String>,
    /// Tags 80 to 99.
    pub unreserved: BTreeMap<u8, Template>,
}

/// Tag 01: how often the code can be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PointOfInitiation {
    /// 11: shown for more than one payment.
    Static,
    /// 12: shown for one payment.
    Dynamic,
}

/// Tags 55 to 57: tip or convenience fee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tip {
    /// 01: the wallet asks the buyer.
    Prompt,
    /// 02: a fixed fee, in tag 56.
    Fixed(QrAmount),
    /// 03: a percentage of the amount, in tag 57.
    Percent(Percent),
}

/// Fields under a globally unique identifier.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    /// Field 00: an application identifier, a UUID without hyphens or a reverse domain name, up to
    /// 32 characters.
    pub guid: String,
    /// Fields 01 to 99, defined by the identifier's owner.
    pub fields: BTreeMap<u8, String>,
}

/// Tag 62. Each named field has up to 25 ASCII characters; for `***` the wallet asks the buyer.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AdditionalData {
    /// 01: bill number.
    pub bill_number: Option<String>,
    /// 02: mobile number.
    pub mobile_number: Option<String>,
    /// 03: store label.
    pub store_label: Option<String>,
    /// 04: loyalty number.
    pub loyalty_number: Option<String>,
    /// 05: reference label; Doorstep's order reference at the wallet.
    pub reference_label: Option<String>,
    /// 06: customer label.
    pub customer_label: Option<String>,
    /// 07: terminal label.
    pub terminal_label: Option<String>,
    /// 08: purpose of the payment.
    pub purpose: Option<String>,
    /// 09: data of the buyer that the wallet sends: `A` address, `M` mobile number, `E` e-mail.
    pub consumer_data_request: Option<String>,
    /// 10 to 49, not interpreted.
    pub other: BTreeMap<u8, String>,
    /// 50 to 99: templates of payment systems.
    pub templates: BTreeMap<u8, Template>,
}

/// Tag 64: name and city in the merchant's own script.
#[derive(Clone, PartialEq, Eq)]
pub struct LanguageTemplate {
    /// 00: the language (ISO 639), two letters.
    pub language: String,
    /// 01: the name, up to 25 characters.
    pub merchant_name: String,
    /// 02: the city, up to 15 characters.
    pub merchant_city: Option<String>,
    /// 03 to 99, not interpreted.
    pub other: BTreeMap<u8, String>,
}

impl AdditionalData {
    /// The named fields with their tags.
    pub(crate) fn named(&self) -> [(u8, &Option<String>); 9] {
        [
            (1, &self.bill_number),
            (2, &self.mobile_number),
            (3, &self.store_label),
            (4, &self.loyalty_number),
            (5, &self.reference_label),
            (6, &self.customer_label),
            (7, &self.terminal_label),
            (8, &self.purpose),
            (9, &self.consumer_data_request),
        ]
    }

    /// The named field with this tag.
    pub(crate) fn named_mut(&mut self, tag: u8) -> Option<&mut Option<String>> {
        Some(match tag {
            1 => &mut self.bill_number,
            2 => &mut self.mobile_number,
            3 => &mut self.store_label,
            4 => &mut self.loyalty_number,
            5 => &mut self.reference_label,
            6 => &mut self.customer_label,
            7 => &mut self.terminal_label,
            8 => &mut self.purpose,
            9 => &mut self.consumer_data_request,
            _ => return None,
        })
    }
}

impl QrCode {
    /// Checks that there is an account, which no check of a single tag covers.
    pub(crate) fn check_accounts(&self) -> Result<(), QrError> {
        if self.scheme_accounts.is_empty() && self.accounts.is_empty() {
            return Err(TagLocation::ROOT.violates(QrRule::MissingAccount));
        }
        Ok(())
    }
}

/// Shows only the length of a value.
struct Hidden<'a>(&'a str);

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} characters>", self.0.chars().count())
    }
}

fn hidden(fields: &BTreeMap<u8, String>) -> BTreeMap<u8, Hidden<'_>> {
    fields.iter().map(|(&tag, value)| (tag, Hidden(value))).collect()
}

impl fmt::Debug for QrCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code")
            .field("initiation", &self.initiation)
            .field("scheme_accounts", &hidden(&self.scheme_accounts))
            .field("accounts", &self.accounts)
            .field("category", &self.merchant_category)
            .field("currency", &self.currency)
            .field("amount", &self.amount)
            .field("tip", &self.tip)
            .field("country", &self.country)
            .field("name", &Hidden(&self.merchant_name))
            .field("city", &Hidden(&self.merchant_city))
            .field("postal_code", &self.postal_code.as_deref().map(Hidden))
            .field("additional", &self.additional)
            .field("language", &self.language)
            .field("future", &hidden(&self.reserved))
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

impl fmt::Debug for AdditionalData {
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

impl fmt::Debug for LanguageTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Language")
            .field("language", &self.language)
            .field("name", &Hidden(&self.merchant_name))
            .field("city", &self.merchant_city.as_deref().map(Hidden))
            .field("other", &hidden(&self.other))
            .finish()
    }
}
