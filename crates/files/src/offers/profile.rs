//! Profiles of offers: which columns of a shop's product export mean what.

use std::collections::BTreeMap;

use encoding_rs::Encoding;
use money::decimal::DecimalStyle;
use serde::Deserialize;

use crate::profile::check::{Checked, encoding, entries, fault, format, head, take_when, text};
use crate::profile::form::{ColumnForm, FormatForm, TakeWhenForm};
use crate::profile::{
    KnownProfiles, ProfileColumn, ProfileError, ProfileHead, TakeWhen, built_in_text,
    encoding_by_name, find_text, parse_form,
};

const KNOWN: [(&str, &str); 3] = [
    ("doorstep-offers", include_str!("../../../../profiles/doorstep-offers.toml")),
    ("shopify-products", include_str!("../../../../profiles/shopify-products.toml")),
    ("woocommerce-products", include_str!("../../../../profiles/woocommerce-products.toml")),
];

/// What a state of the export means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum OfferStateMeant {
    #[serde(rename = "listed")]
    Listed,
    #[serde(rename = "draft")]
    Draft,
    /// The offer is not taken.
    #[serde(rename = "leave out")]
    LeaveOut,
}

/// What a weight is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum WeightUnit {
    #[serde(rename = "g")]
    Gram,
    #[serde(rename = "kg")]
    Kilogram,
    #[serde(rename = "lb")]
    Pound,
    #[serde(rename = "oz")]
    Ounce,
}

impl WeightUnit {
    fn milligrams(self) -> u64 {
        match self {
            WeightUnit::Gram => 1_000,
            WeightUnit::Kilogram => 1_000_000,
            // 453.59237 g and 28.349523125 g.
            WeightUnit::Pound => 453_592,
            WeightUnit::Ounce => 28_350,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfferProfileForm {
    name: String,
    about: String,
    about_zh: Option<String>,
    warning: Option<String>,
    #[serde(default)]
    format: FormatForm,
    offer: OfferForm,
    variant: VariantForm,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfferForm {
    id: ColumnForm,
    /// The offer that a line is a variant of; `id:7` is the line with 7 in `own_id`.
    parent: Option<ColumnForm>,
    own_id: Option<ColumnForm>,
    seller: Option<ColumnForm>,
    currency: Option<ColumnForm>,
    category: Option<ColumnForm>,
    #[serde(default)]
    categories: BTreeMap<String, u64>,
    title: ColumnForm,
    #[serde(default)]
    description: Vec<ColumnForm>,
    #[serde(default)]
    html: bool,
    #[serde(default)]
    captions: Vec<ColumnForm>,
    state: Option<ColumnForm>,
    #[serde(default)]
    states: BTreeMap<String, OfferStateMeant>,
    #[serde(default)]
    take_when: Vec<TakeWhenForm>,
    /// Cells that a spreadsheet would compute begin with '.
    #[serde(default)]
    quoted_formulas: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VariantForm {
    sku: ColumnForm,
    #[serde(default)]
    sku_or: Vec<ColumnForm>,
    price: ColumnForm,
    #[serde(default)]
    weight: Vec<WeightForm>,
    stock: Option<ColumnForm>,
    none_when: Option<NoneForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WeightForm {
    column: String,
    unit: WeightUnit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoneForm {
    column: ColumnForm,
    is: Vec<String>,
}

/// The meaning of the columns of a product export.
#[derive(Clone, Debug)]
pub struct OfferProfile {
    head: ProfileHead,
    pub(super) encoding: &'static Encoding,
    pub(super) delimiter: u8,
    pub(super) decimals: DecimalStyle,
    pub(super) id: ProfileColumn,
    pub(super) parent: Option<ProfileColumn>,
    pub(super) own_id: Option<ProfileColumn>,
    pub(super) seller: Option<ProfileColumn>,
    pub(super) currency: Option<ProfileColumn>,
    pub(super) category: Option<ProfileColumn>,
    pub(super) categories: BTreeMap<String, u64>,
    pub(super) title: ProfileColumn,
    pub(super) description: Vec<ProfileColumn>,
    pub(super) html: bool,
    pub(super) captions: Vec<ProfileColumn>,
    pub(super) state: Option<ProfileColumn>,
    pub(super) states: BTreeMap<String, OfferStateMeant>,
    pub(super) take_when: Vec<TakeWhen>,
    pub(super) quoted_formulas: bool,
    pub(super) sku: ProfileColumn,
    pub(super) sku_or: Vec<ProfileColumn>,
    pub(super) price: ProfileColumn,
    /// Each with the milligrams of its unit. The first that is there is read.
    pub(super) weight: Vec<(String, u64)>,
    pub(super) stock: Option<ProfileColumn>,
    pub(super) none_when: Option<(ProfileColumn, Vec<String>)>,
}

impl OfferProfile {
    /// The names of the built-in profiles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|&(name, _)| name)
    }

    /// # Errors
    /// There is no such built-in profile.
    pub fn built_in(name: &str) -> Result<OfferProfile, ProfileError> {
        OfferProfile::parse(built_in_text(name, known())?)
    }

    /// A built-in profile by name, or a profile file by a path that ends in `.toml`.
    ///
    /// # Errors
    /// There is none, or it is not valid.
    pub fn find(name_or_path: &str) -> Result<OfferProfile, ProfileError> {
        OfferProfile::parse(&OfferProfile::text(name_or_path)?)
    }

    /// The TOML of a profile, as [`OfferProfile::find`] finds it.
    ///
    /// # Errors
    /// There is none.
    pub fn text(name_or_path: &str) -> Result<String, ProfileError> {
        find_text(name_or_path, known())
    }

    /// # Errors
    /// What is wrong with the TOML.
    pub fn parse(toml: &str) -> Result<OfferProfile, ProfileError> {
        checked(parse_form(toml)?).map_err(ProfileError::from)
    }

    /// Reads files in this encoding, unless they begin with a byte-order mark.
    ///
    /// # Errors
    /// There is no such encoding.
    pub fn with_encoding(mut self, name: &str) -> Result<OfferProfile, ProfileError> {
        let shown = || name.chars().filter(|c| !c.is_control()).take(40).collect();
        self.encoding = encoding_by_name(name).ok_or_else(|| ProfileError::Encoding(shown()))?;
        Ok(self)
    }

    #[must_use]
    pub fn head(&self) -> &ProfileHead {
        &self.head
    }
}

fn known() -> &'static KnownProfiles {
    &KNOWN
}

fn column(key: &str, form: &ColumnForm) -> Checked<ProfileColumn> {
    let table = &form.0;
    entries(key, table.any_of.len(), 1)?;
    for name in &table.any_of {
        text(key, name)?;
    }
    if table.empty_is_zero {
        return fault(key, "is not an amount", "leave `empty_is_zero` out");
    }
    let names = table.any_of.clone();
    Ok(ProfileColumn { names, optional: table.optional, empty_is_zero: false })
}

fn needed(key: &str, form: &ColumnForm) -> Checked<ProfileColumn> {
    match column(key, form)? {
        column if column.optional => {
            fault(key, "cannot be optional", "leave `optional` out: each file must have it")
        }
        column => Ok(column),
    }
}

fn optional(key: &str, form: Option<&ColumnForm>) -> Checked<Option<ProfileColumn>> {
    form.map(|form| column(key, form)).transpose()
}

fn columns(key: &str, forms: &[ColumnForm]) -> Checked<Vec<ProfileColumn>> {
    entries(key, forms.len(), 0)?;
    forms.iter().map(|form| column(key, form)).collect()
}

fn checked(form: OfferProfileForm) -> Checked<OfferProfile> {
    let head = head(&form.name, &form.about, form.about_zh.as_deref(), form.warning.as_deref())?;
    let (delimiter, decimals) = format(&form.format)?;
    if !form.format.times.is_empty() || form.format.utc_offset.is_some() {
        let mend = "leave format.times and format.utc_offset out";
        return fault("format.times", "is for orders: offers have no times", mend);
    }
    let OfferForm { state, states, .. } = &form.offer;
    if state.is_some() == states.is_empty() {
        let mend = "name the column in offer.state, and each of its values in offer.states";
        return fault("offer.states", "and offer.state belong together", mend);
    }
    entries("offer.states", states.len(), 0)?;
    let take_when = take_when("offer", form.offer.take_when, column)?;
    let weight = form.variant.weight.iter().map(|one| {
        text("variant.weight.column", &one.column)?;
        Ok((one.column.clone(), one.unit.milligrams()))
    });
    let weight = weight.collect::<Checked<Vec<_>>>()?;
    entries("variant.weight", weight.len(), 0)?;
    let none_when = form.variant.none_when.as_ref().map(|when| {
        entries("variant.none_when.is", when.is.len(), 1)?;
        Ok((column("variant.none_when.column", &when.column)?, when.is.clone()))
    });
    Ok(OfferProfile {
        encoding: encoding(form.format.encoding.as_deref())?,
        delimiter,
        decimals,
        id: needed("offer.id", &form.offer.id)?,
        parent: optional("offer.parent", form.offer.parent.as_ref())?,
        own_id: optional("offer.own_id", form.offer.own_id.as_ref())?,
        seller: optional("offer.seller", form.offer.seller.as_ref())?,
        currency: optional("offer.currency", form.offer.currency.as_ref())?,
        category: optional("offer.category", form.offer.category.as_ref())?,
        categories: form.offer.categories,
        title: needed("offer.title", &form.offer.title)?,
        description: columns("offer.description", &form.offer.description)?,
        html: form.offer.html,
        captions: columns("offer.captions", &form.offer.captions)?,
        state: optional("offer.state", form.offer.state.as_ref())?,
        states: form.offer.states,
        take_when,
        quoted_formulas: form.offer.quoted_formulas,
        sku: needed("variant.sku", &form.variant.sku)?,
        sku_or: columns("variant.sku_or", &form.variant.sku_or)?,
        price: needed("variant.price", &form.variant.price)?,
        weight,
        stock: optional("variant.stock", form.variant.stock.as_ref())?,
        none_when: none_when.transpose()?,
        head,
    })
}
