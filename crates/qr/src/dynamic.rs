//! The code of a single payment, shown at the door.

use std::collections::BTreeMap;

use crate::code::{AdditionalData, PointOfInitiation, QrCode, Template};
use crate::decimal::QrAmount;
use crate::error::{QrError, QrRule, TagLocation};

/// The unreserved template with the waybill, which is too long for the bill number of tag 62.
pub const WAYBILL_TAG: u8 = 80;
/// Identifier of the waybill's template.
pub const WAYBILL_GUID: &str = "doorstep.waybill";
const WAYBILL_FIELD: u8 = 1;

/// Field of the account template with the merchant id at the wallet.
const MERCHANT_FIELD: u8 = 1;

/// A code for one payment for a parcel at a wallet.
///
/// ```
/// let shown = qr::DynamicQr {
///     account_tag: 26,
///     account_guid: "org.example.wallet",
///     merchant_id: "M0000042",
///     merchant_category: 4215,
///     currency: 156,
///     minor_units: 2_372,
///     exponent: 2,
///     country: "CN",
///     merchant_name: "BEST TRANSPORT",
///     merchant_city: "BEIJING",
///     reference: "7K3Q9ZP2",
///     waybill: "DS0000000017",
///     terminal: "T0000001",
/// };
/// let text = shown.code()?.write()?;
/// let scanned = qr::QrCode::parse(&text)?;
/// assert_eq!(qr::DynamicQr::of(&scanned, 26, 2)?, shown);
/// # Ok::<(), qr::QrError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DynamicQr<'a> {
    /// Tag of the wallet's account, 26 to 51.
    pub account_tag: u8,
    /// The wallet's globally unique identifier, up to 32 characters.
    pub account_guid: &'a str,
    /// Merchant id at the wallet.
    pub merchant_id: &'a str,
    /// Merchant category code (ISO 18245), for example 4215 for couriers.
    pub merchant_category: u16,
    /// ISO 4217 numeric.
    pub currency: u16,
    /// The amount, above zero.
    pub minor_units: u64,
    /// Decimals of the currency.
    pub exponent: u32,
    /// ISO 3166-1, two capital letters.
    pub country: &'a str,
    /// The merchant's name, up to 25 ASCII characters. Set [`QrCode::language`] for other scripts.
    pub merchant_name: &'a str,
    /// The merchant's city, up to 15 ASCII characters.
    pub merchant_city: &'a str,
    /// The order's reference at the wallet, up to 25 characters. The wallet's notification repeats
    /// it.
    pub reference: &'a str,
    /// Up to 79 characters, in the template of [`WAYBILL_TAG`].
    pub waybill: &'a str,
    /// Up to 25 characters.
    pub terminal: &'a str,
}

impl<'a> DynamicQr<'a> {
    /// Builds the code to show.
    ///
    /// # Errors
    /// [`QrRule::Amount`] and [`QrRule::Decimals`] for the amount. [`QrCode::write`] checks the
    /// rest.
    pub fn code(&self) -> Result<QrCode, QrError> {
        let amount = QrAmount::from_minor_units(self.minor_units, self.exponent);
        let account = Template {
            guid: self.account_guid.to_owned(),
            fields: BTreeMap::from([(MERCHANT_FIELD, self.merchant_id.to_owned())]),
        };
        Ok(QrCode {
            initiation: Some(PointOfInitiation::Dynamic),
            scheme_accounts: BTreeMap::new(),
            accounts: BTreeMap::from([(self.account_tag, account)]),
            merchant_category: self.merchant_category,
            currency: self.currency,
            amount: Some(amount.map_err(|rule| TagLocation::ROOT.tag(54).violates(rule))?),
            tip: None,
            country: self.country.to_owned(),
            merchant_name: self.merchant_name.to_owned(),
            merchant_city: self.merchant_city.to_owned(),
            postal_code: None,
            additional: Some(AdditionalData {
                reference_label: Some(self.reference.to_owned()),
                terminal_label: Some(self.terminal.to_owned()),
                ..AdditionalData::default()
            }),
            language: None,
            reserved: BTreeMap::new(),
            unreserved: BTreeMap::from([(
                WAYBILL_TAG,
                Template {
                    guid: WAYBILL_GUID.to_owned(),
                    fields: BTreeMap::from([(WAYBILL_FIELD, self.waybill.to_owned())]),
                },
            )]),
        })
    }

    /// Reads a scanned code: the account under `account_tag`, and the amount in minor units of a
    /// currency with `exponent` decimals.
    ///
    /// # Errors
    /// [`QrRule::NotDynamic`], [`QrRule::Missing`] with the tag, [`QrRule::Decimals`].
    pub fn of(code: &'a QrCode, account_tag: u8, exponent: u32) -> Result<DynamicQr<'a>, QrError> {
        let root = TagLocation::ROOT;
        if code.initiation != Some(PointOfInitiation::Dynamic) {
            return Err(root.tag(1).violates(QrRule::NotDynamic));
        }
        let missing = |location: TagLocation| location.violates(QrRule::Missing);
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
        Ok(DynamicQr {
            account_tag,
            account_guid: &account.guid,
            merchant_id: merchant,
            merchant_category: code.merchant_category,
            currency: code.currency,
            minor_units: minor_units.map_err(|rule| root.tag(54).violates(rule))?,
            exponent,
            country: &code.country,
            merchant_name: &code.merchant_name,
            merchant_city: &code.merchant_city,
            reference: field(5, &additional.reference_label)?,
            waybill: waybill.ok_or_else(|| missing(waybill_place.tag(WAYBILL_FIELD)))?,
            terminal: field(7, &additional.terminal_label)?,
        })
    }
}

impl std::fmt::Debug for DynamicQr<'_> {
    /// Shows only what does not identify buyer or merchant.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dynamic")
            .field("account_tag", &self.account_tag)
            .field("category", &self.merchant_category)
            .field("currency", &self.currency)
            .field("minor_units", &self.minor_units)
            .field("exponent", &self.exponent)
            .field("country", &self.country)
            .finish_non_exhaustive()
    }
}
