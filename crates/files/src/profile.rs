//! Column profiles: TOML files that say what the columns of an order export mean.
//!
//! The format: `docs/files/profiles.md`. The built-in profiles are in the folder `profiles`.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use encoding_rs::Encoding;
use money::decimal::DecimalStyle;
use money::{Currency, CurrencyError};
use serde::de::DeserializeOwned;

use crate::nearest::nearest;
use crate::reference::{ReferenceError, reference};
use crate::sellers::SellerMap;

pub(crate) mod check;
pub mod draft;
pub(crate) mod form;

pub const PROFILE_BYTES_MAX: u64 = 64 << 10;

const KNOWN: [(&str, &str); 6] = [
    ("doorstep", include_str!("../../../profiles/doorstep.toml")),
    ("olist", include_str!("../../../profiles/olist.toml")),
    ("shopify", include_str!("../../../profiles/shopify.toml")),
    ("woocommerce", include_str!("../../../profiles/woocommerce.toml")),
    ("woocommerce-advanced", include_str!("../../../profiles/woocommerce-advanced.toml")),
    ("woocommerce-analytics", include_str!("../../../profiles/woocommerce-analytics.toml")),
];

/// What every profile says of itself.
#[derive(Clone, Debug)]
pub struct ProfileHead {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) about_zh: Option<String>,
    pub(crate) warning: Option<String>,
}

impl ProfileHead {
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it reads, in one line.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The same in Chinese; in English if the profile has no Chinese.
    #[must_use]
    pub fn about_in_chinese(&self) -> &str {
        self.about_zh.as_deref().unwrap_or(&self.about)
    }

    /// What everybody who reads a file with this profile must know.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }
}

/// The meaning of an order export's columns, and the rules which orders become parcels.
#[derive(Clone, Debug)]
pub struct Profile {
    pub(crate) head: ProfileHead,
    pub(crate) encoding: &'static Encoding,
    /// Forms of times, as of `strftime`; none for ISO 8601.
    pub(crate) times: Vec<String>,
    /// File name patterns of the orders file, or of the only file.
    pub(crate) orders_files: Vec<String>,
    /// File name patterns of the items file; empty if there is only one file.
    pub(crate) items_files: Vec<String>,
    pub(crate) layout: Layout,
    pub(crate) delimiter: u8,
    pub(crate) decimals: DecimalStyle,
    /// The zone of times written without one, in seconds east of UTC.
    pub(crate) zone_seconds: i32,
    pub(crate) currency: CurrencyRule,
    pub(crate) given_currency: Option<Currency>,
    pub(crate) seller: SellerRule,
    pub(crate) sellers: Option<SellerMap>,
    pub(crate) order: OrderRules,
    pub(crate) item: ItemRules,
    pub(crate) buyer: BuyerRules,
}

/// How orders and items are spread over files and lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// A file with one line per order, and a file with one line per item.
    TwoFiles,
    /// One line per item; the order's columns are filled on its first line only.
    FirstLine,
    /// One line per item; the order's columns are filled on every line.
    EveryLine,
}

/// A column. The first of `names` found in the header is used.
#[derive(Clone, Debug)]
pub(crate) struct ProfileColumn {
    pub names: Vec<String>,
    /// The file may lack it. For the currency: then the import must name one.
    pub optional: bool,
    pub empty_is_zero: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum CurrencyRule {
    Fixed(Currency),
    Column(ProfileColumn),
    /// The file names no currency; the import must.
    GivenAtImport,
}

#[derive(Clone, Debug)]
pub(crate) enum SellerRule {
    Fixed(Arc<str>),
    Column(ProfileColumn),
    /// The column has brands or shops, not sellers. The import names the seller, or maps each.
    Vendor(ProfileColumn),
    /// The file names no seller; the import must.
    GivenAtImport,
}

#[derive(Clone, Debug)]
pub(crate) struct OrderRules {
    pub id: ProfileColumn,
    pub status: Option<ProfileColumn>,
    /// Only orders with one of these statuses are taken.
    pub take: Vec<String>,
    pub take_when: Vec<TakeWhen>,
    pub ordered_at: Option<ProfileColumn>,
    /// The order's amount, split over its sellers in proportion to their items. Without it the
    /// items are added up.
    pub total: Option<ProfileColumn>,
    pub add: Vec<ProfileColumn>,
    pub less: Vec<ProfileColumn>,
}

/// An order is taken only if the column has one of the values.
#[derive(Clone, Debug)]
pub(crate) struct TakeWhen {
    pub column: ProfileColumn,
    pub is: Vec<String>,
    /// The reason under which other orders are counted.
    pub otherwise: Arc<str>,
}

#[derive(Clone, Debug)]
pub(crate) struct ItemRules {
    /// The order's id in the item line.
    pub order: ProfileColumn,
    /// Identifies an item within its order.
    pub id: Option<ProfileColumn>,
    pub quantity: Option<ProfileColumn>,
    pub add: Vec<ProfileColumn>,
    /// Multiplied by the quantity.
    pub add_each: Vec<ProfileColumn>,
    pub less: Vec<ProfileColumn>,
    /// Equal lines are two items. Without an id or this, they would be one, written twice.
    pub each_line: bool,
    /// Each line is a whole parcel: the seller column identifies the line within its order.
    pub one_line_parcels: bool,
}

/// The columns that name the buyer.
#[derive(Clone, Debug, Default)]
pub(crate) struct BuyerRules {
    /// Joined by spaces.
    pub name: Vec<ProfileColumn>,
    /// The first that is not empty.
    pub phone: Vec<ProfileColumn>,
    /// Joined by commas.
    pub address: Vec<ProfileColumn>,
}

/// A key with a bad value.
#[derive(Debug)]
pub(crate) struct ProfileFault {
    pub key: String,
    pub problem: String,
    pub remedy: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No built-in profile has this name.
    #[error(
        "there is no profile `{name}`{}; use {known}, or the path of a .toml file",
        nearest.map_or(String::new(), |nearest| format!(" (did you mean `{nearest}`?)"))
    )]
    Unknown {
        name: String,
        nearest: Option<&'static str>,
        /// All built-in names.
        known: String,
    },
    #[error("the profile {path} cannot be read: {source}", path = path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// Not TOML, an unknown key, or a missing key; with line and column.
    #[error("the profile is not valid: {0}see docs/files/profiles.md")]
    NotUnderstood(String),
    #[error("the profile's {key} {problem}; {remedy}")]
    Key {
        /// With its table: `order.status`.
        key: String,
        problem: String,
        remedy: String,
    },
    /// A seller was given for a profile that reads the sellers from the file.
    #[error("the profile `{0}` reads the seller from the file; do not give one")]
    SellerInFile(String),
    #[error("the seller is not a valid reference: {0}")]
    Seller(ReferenceError),
    #[error(
        "there is no encoding `{0}`; use a name such as utf-8, gbk, gb18030, big5, shift_jis, \
         windows-1252, utf-16le"
    )]
    Encoding(String),
    /// A currency was given for a profile with a currency of its own.
    #[error("the profile `{0}` has a currency of its own; do not give one")]
    CurrencyInProfile(String),
    #[error(transparent)]
    Currency(#[from] CurrencyError),
}

impl From<ProfileFault> for ProfileError {
    fn from(fault: ProfileFault) -> ProfileError {
        let ProfileFault { key, problem, remedy } = fault;
        ProfileError::Key { key, problem, remedy }
    }
}

/// Names of profiles and their TOML.
pub(crate) type KnownProfiles = [(&'static str, &'static str)];

pub(crate) fn built_in_text(
    name: &str,
    known: &'static KnownProfiles,
) -> Result<&'static str, ProfileError> {
    let names = || known.iter().map(|(name, _)| *name);
    let found = known.iter().find(|(known, _)| *known == name);
    let (_, toml) = found.ok_or_else(|| ProfileError::Unknown {
        name: name.chars().filter(|c| !c.is_control()).take(40).collect(),
        nearest: nearest(name, names()),
        known: names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    })?;
    Ok(toml)
}

/// The TOML of a built-in profile by name, or of a file by a path that ends in `.toml`.
pub(crate) fn find_text(
    name_or_path: &str,
    known: &'static KnownProfiles,
) -> Result<String, ProfileError> {
    let path = Path::new(name_or_path);
    if path.extension().is_none_or(|extension| extension != "toml") {
        return built_in_text(name_or_path, known).map(str::to_owned);
    }
    let unreadable = |source| ProfileError::Unreadable { path: path.to_owned(), source };
    let mut toml = String::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(PROFILE_BYTES_MAX + 1).read_to_string(&mut toml).map_err(unreadable)?;
    Ok(toml)
}

pub(crate) fn parse_form<F: DeserializeOwned>(toml: &str) -> Result<F, ProfileError> {
    if toml.len() as u64 > PROFILE_BYTES_MAX {
        let what = format!("it is longer than {PROFILE_BYTES_MAX} bytes; ");
        return Err(ProfileError::NotUnderstood(what));
    }
    toml::from_str(toml).map_err(|error| ProfileError::NotUnderstood(format!("{error}\n")))
}

/// The encoding with a name of the WHATWG Encoding Standard.
pub(crate) fn encoding_by_name(name: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(name.trim().as_bytes())
}

impl Profile {
    /// The names of the built-in profiles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|&(name, _)| name)
    }

    /// A built-in profile.
    pub fn built_in(name: &str) -> Result<Profile, ProfileError> {
        Profile::parse(built_in_text(name, &KNOWN)?)
    }

    /// A built-in profile by name, or a profile file by a path that ends in `.toml`.
    pub fn find(name_or_path: &str) -> Result<Profile, ProfileError> {
        Profile::parse(&Profile::text(name_or_path)?)
    }

    /// The TOML of a profile, as [`Profile::find`] finds it.
    pub fn text(name_or_path: &str) -> Result<String, ProfileError> {
        find_text(name_or_path, &KNOWN)
    }

    /// Parses a profile from TOML.
    pub fn parse(toml: &str) -> Result<Profile, ProfileError> {
        check::profile(parse_form(toml)?).map_err(ProfileError::from)
    }

    /// Assigns all parcels to one seller. Only for a profile that reads no sellers from the file.
    pub fn with_seller(mut self, seller: &str) -> Result<Profile, ProfileError> {
        if let SellerRule::Column(_) = self.seller {
            return Err(ProfileError::SellerInFile(self.head.name));
        }
        self.seller = SellerRule::Fixed(reference(seller).map_err(ProfileError::Seller)?.into());
        Ok(self)
    }

    /// Maps the vendors of the file to sellers. If the file names none, the map has the shops of
    /// the import.
    #[must_use]
    pub fn with_sellers(mut self, sellers: SellerMap) -> Profile {
        self.sellers = Some(sellers);
        self
    }

    /// The currency of a file that names none.
    pub fn with_currency(mut self, code: &str) -> Result<Profile, ProfileError> {
        match &self.currency {
            CurrencyRule::GivenAtImport => {}
            CurrencyRule::Column(column) if column.optional => {}
            _ => return Err(ProfileError::CurrencyInProfile(self.head.name)),
        }
        self.given_currency = Some(code.parse()?);
        Ok(self)
    }

    /// Does not read who the buyers are.
    #[must_use]
    pub fn without_buyers(mut self) -> Profile {
        self.buyer = BuyerRules::default();
        self
    }

    /// Reads files in this encoding, unless they begin with a byte-order mark.
    pub fn with_encoding(mut self, name: &str) -> Result<Profile, ProfileError> {
        let shown = || name.chars().filter(|c| !c.is_control()).take(40).collect();
        self.encoding = encoding_by_name(name).ok_or_else(|| ProfileError::Encoding(shown()))?;
        Ok(self)
    }

    /// [`Profile::with_seller`] or [`Profile::with_sellers`] must be called before an import.
    #[must_use]
    pub fn needs_seller(&self) -> bool {
        matches!(self.seller, SellerRule::GivenAtImport | SellerRule::Vendor(_))
            && self.sellers.is_none()
    }

    /// Whether a vendor or shop is mapped to this seller.
    #[must_use]
    pub fn maps_to(&self, seller: &str) -> bool {
        self.sellers.as_ref().is_some_and(|sellers| sellers.has_seller(seller))
    }

    #[must_use]
    pub fn head(&self) -> &ProfileHead {
        &self.head
    }
}
