//! The code of one tender, as it is shown at the door.

use std::collections::BTreeMap;

use crate::code::{Additional, Code, Initiation, Template};
use crate::decimal::Decimal;
use crate::error::{Place, QrError, Rule};

/// The tag, identifier and field under which the waybill stands: it has more characters than a bill
/// number of tag 62 may have.
pub const WAYBILL_TAG: u8 = 80;
/// See [`WAYBILL_TAG`].
pub const WAYBILL_GUID: &str = "doorstep.waybill";
const WAYBILL_FIELD: u8 = 1;

/// The field of the account template that has the merchant at the wallet.
const MERCHANT_FIELD: u8 = 1;

/// A code for one tender of one parcel at one wallet.
///
/// ```
/// let shown = qr::Dynamic {
///     account_tag: 26,
///     account_guid: "org.example.wallet",
///     merchant: "M0000042",
///     category: 4215,
///     currency: 156,
///     minor_units: 2_372,
///     exponent: 2,
///     country: "CN",
///     name: "BEST TRANSPORT",
///     city: "BEIJING",
///     reference: "7K3Q9ZP2",
///     waybill: "DS0000000017",
///     terminal: "T0000001",
/// };
/// let text = shown.code()?.write()?;
/// let scanned = qr::Code::parse(&text)?;
/// assert_eq!(qr::Dynamic::of(&scanned, 26, 2)?, shown);
/// # Ok::<(), qr::QrError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Dynamic<'a> {
    /// The tag that the wallet's network has in its country, 26 to 51.
    pub account_tag: u8,
    /// The wallet's identifier, unique in the world: up to 32 characters.
    pub account_guid: &'a str,
    /// The merchant at the wallet.
    pub merchant: &'a str,
    /// Merchant category code (ISO 18245), for example 4215, couriers.
    pub category: u16,
    /// Currency (ISO 4217 numeric).
    pub currency: u16,
    /// The amount due, above nought.
    pub minor_units: u64,
    /// The decimals of the currency.
    pub exponent: u32,
    /// Country (ISO 3166-1), two capitals.
    pub country: &'a str,
    /// The merchant's name, up to 25 characters of ASCII. Set [`Code::language`] for other scripts.
    pub name: &'a str,
    /// The merchant's city, up to 15 characters of ASCII.
    pub city: &'a str,
    /// The tender's one-time order id at the wallet, up to 25 characters: its callback names it.
    pub reference: &'a str,
    /// The parcel's waybill, up to 79 characters, under a tag of our own ([`WAYBILL_TAG`]).
    pub waybill: &'a str,
    /// The terminal that shows the code, up to 25 characters.
    pub terminal: &'a str,
}

impl<'a> Dynamic<'a> {
    /// The code to show.
    ///
    /// # Errors
    /// [`Rule::Amount`] and [`Rule::Decimals`] of the amount. All else is checked by
    /// [`Code::write`].
    pub fn code(&self) -> Result<Code, QrError> {
        let amount = Decimal::from_minor_units(self.minor_units, self.exponent);
        let account = Template {
            guid: self.account_guid.to_owned(),
            fields: BTreeMap::from([(MERCHANT_FIELD, self.merchant.to_owned())]),
        };
        Ok(Code {
            initiation: Some(Initiation::Dynamic),
            scheme_accounts: BTreeMap::new(),
            accounts: BTreeMap::from([(self.account_tag, account)]),
            category: self.category,
            currency: self.currency,
            amount: Some(amount.map_err(|rule| Place::CODE.tag(54).breaks(rule))?),
            tip: None,
            country: self.country.to_owned(),
            name: self.name.to_owned(),
            city: self.city.to_owned(),
            postal_code: None,
            additional: Some(Additional {
                reference: Some(self.reference.to_owned()),
                terminal: Some(self.terminal.to_owned()),
                ..Additional::default()
            }),
            language: None,
            future: BTreeMap::new(),
            unreserved: BTreeMap::from([(
                WAYBILL_TAG,
                Template {
                    guid: WAYBILL_GUID.to_owned(),
                    fields: BTreeMap::from([(WAYBILL_FIELD, self.waybill.to_owned())]),
                },
            )]),
        })
    }

    /// What a wallet reads from a code that was scanned: the account under `account_tag`, and the
    /// amount in minor units of a currency with `exponent` decimals.
    ///
    /// # Errors
    /// [`Rule::NotDynamic`], [`Rule::Missing`] with the tag, [`Rule::Decimals`].
    pub fn of(code: &'a Code, account_tag: u8, exponent: u32) -> Result<Dynamic<'a>, QrError> {
        let root = Place::CODE;
        if code.initiation != Some(Initiation::Dynamic) {
            return Err(root.tag(1).breaks(Rule::NotDynamic));
        }
        let missing = |place: Place| place.breaks(Rule::Missing);
        let account_place = root.tag(account_tag);
        let account = code.accounts.get(&account_tag).ok_or_else(|| missing(account_place))?;
        let merchant = account.fields.get(&MERCHANT_FIELD);
        let merchant = merchant.ok_or_else(|| missing(account_place.tag(MERCHANT_FIELD)))?;
        let amount = code.amount.as_ref().ok_or_else(|| missing(root.tag(54)))?;
        let minor_units = amount.minor_units(exponent);
        let additional = code.additional.as_ref().ok_or_else(|| missing(root.tag(62)))?;
        let field = |tag, value: &'a Option<String>| {
            value.as_deref().ok_or_else(|| missing(root.tag(62).tag(tag)))
        };
        let waybill_place = root.tag(WAYBILL_TAG);
        let ours = code.unreserved.get(&WAYBILL_TAG);
        let ours = ours.filter(|template| template.guid == WAYBILL_GUID);
        let waybill = ours.and_then(|template| template.fields.get(&WAYBILL_FIELD));
        Ok(Dynamic {
            account_tag,
            account_guid: &account.guid,
            merchant,
            category: code.category,
            currency: code.currency,
            minor_units: minor_units.map_err(|rule| root.tag(54).breaks(rule))?,
            exponent,
            country: &code.country,
            name: &code.name,
            city: &code.city,
            reference: field(5, &additional.reference)?,
            waybill: waybill.ok_or_else(|| missing(waybill_place.tag(WAYBILL_FIELD)))?,
            terminal: field(7, &additional.terminal)?,
        })
    }
}

impl std::fmt::Debug for Dynamic<'_> {
    /// What [`Code`] shows of it, and the numbers.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dynamic")
            .field("account_tag", &self.account_tag)
            .field("category", &self.category)
            .field("currency", &self.currency)
            .field("minor_units", &self.minor_units)
            .field("exponent", &self.exponent)
            .field("country", &self.country)
            .finish_non_exhaustive()
    }
}
