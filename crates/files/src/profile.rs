//! Column profiles: what the columns of somebody's order export mean, as TOML.
//!
//! The format is described in `docs/files/profiles.md`; the profiles that come with Doorstep are
//! in the folder `profiles` and are part of the program.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use money::Currency;
use money::decimal::DecimalStyle;

use crate::nearest::nearest;
use crate::reference::{ReferenceError, reference};

mod form;
mod meaning;

/// The longest profile, in bytes.
pub const PROFILE_BYTES_MAX: u64 = 64 << 10;

const KNOWN: [(&str, &str); 4] = [
    ("doorstep", include_str!("../../../profiles/doorstep.toml")),
    ("olist", include_str!("../../../profiles/olist.toml")),
    ("shopify", include_str!("../../../profiles/shopify.toml")),
    ("woocommerce", include_str!("../../../profiles/woocommerce.toml")),
];

/// What the columns of an order export mean, and which orders become parcels.
#[derive(Clone, Debug)]
pub struct Profile {
    pub(crate) name: String,
    pub(crate) about: String,
    /// Patterns of file names: the file of the orders, or the only one.
    pub(crate) orders_files: Vec<String>,
    /// Patterns of file names: the file of the items; none where there is one file only.
    pub(crate) items_files: Vec<String>,
    pub(crate) layout: Layout,
    pub(crate) delimiter: u8,
    pub(crate) decimals: DecimalStyle,
    /// Of times that are written without a zone: seconds east of UTC.
    pub(crate) zone_seconds: i32,
    pub(crate) currency: CurrencyRule,
    pub(crate) seller: SellerRule,
    pub(crate) order: OrderRules,
    pub(crate) item: ItemRules,
}

/// How orders and items are laid out in lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One file with a line an order, one with a line an item.
    TwoFiles,
    /// A line an item; the order's columns are filled on the first line of an order only.
    FirstLine,
    /// A line an item; the order's columns are filled on every line.
    EveryLine,
}

/// A column, by the names it may have; the first that a header has is it.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub names: Vec<String>,
    /// The file may lack it; of the seller: whoever imports may name another.
    pub optional: bool,
    pub empty_is_zero: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum CurrencyRule {
    Fixed(Currency),
    Column(Column),
}

#[derive(Clone, Debug)]
pub(crate) enum SellerRule {
    Fixed(Arc<str>),
    Column(Column),
    /// The file names no seller: whoever imports it does.
    ToBeGiven,
}

#[derive(Clone, Debug)]
pub(crate) struct OrderRules {
    pub id: Column,
    pub status: Option<Column>,
    /// The statuses whose orders are taken.
    pub take: Vec<String>,
    pub take_when: Vec<TakeWhen>,
    pub ordered_at: Option<Column>,
    /// The order's amount, split over its sellers by what their items cost. Without it the items
    /// are added up.
    pub total: Option<Column>,
    pub add: Vec<Column>,
    pub less: Vec<Column>,
}

/// An order is taken only when the column has one of the values.
#[derive(Clone, Debug)]
pub(crate) struct TakeWhen {
    pub column: Column,
    pub is: Vec<String>,
    /// Under which words the others are counted.
    pub otherwise: Arc<str>,
}

#[derive(Clone, Debug)]
pub(crate) struct ItemRules {
    /// The order's id in the items file.
    pub order: Column,
    /// What tells the items of one order apart.
    pub id: Option<Column>,
    pub quantity: Option<Column>,
    pub add: Vec<Column>,
    /// Times the quantity.
    pub add_each: Vec<Column>,
    pub less: Vec<Column>,
    /// Whether a line is a whole parcel: the seller is what tells the lines of one order apart.
    pub one_line_parcels: bool,
}

/// What is wrong with a key of a profile.
#[derive(Debug)]
pub(crate) struct Fault {
    pub key: String,
    pub problem: String,
    pub mend: String,
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No profile of that name comes with Doorstep.
    #[error(
        "there is no profile `{name}`{}; there are {known}, or give the path of a .toml file",
        nearest.map_or(String::new(), |nearest| format!("; perhaps you meant `{nearest}`"))
    )]
    Unknown {
        /// The name as given.
        name: String,
        /// The name that was probably meant.
        nearest: Option<&'static str>,
        /// All names.
        known: String,
    },
    /// The file cannot be read.
    #[error("the profile {path} cannot be read: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No TOML, a key that no profile has, or one that is missing; with line and column.
    #[error("the profile is not understood: {0}see docs/files/profiles.md")]
    NotUnderstood(String),
    /// A key whose value makes no sense.
    #[error("the profile's {key} {problem}; {mend}")]
    Key {
        /// The key, with its table.
        key: String,
        /// What is wrong with its value.
        problem: String,
        /// What to write instead.
        mend: String,
    },
    /// A seller was given to a profile that finds the sellers in the file.
    #[error("the profile `{0}` reads the seller from the file; give no seller")]
    SellerInFile(String),
    /// A seller was given that is no reference.
    #[error("the seller is no reference: {0}")]
    Seller(ReferenceError),
}

impl Profile {
    /// The names of the profiles that come with Doorstep.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|&(name, _)| name)
    }

    /// A profile that comes with Doorstep.
    ///
    /// # Errors
    /// Where there is none of that name: the nearest name and all of them.
    pub fn named(name: &str) -> Result<Profile, ProfileError> {
        let known = KNOWN.iter().find(|(known, _)| *known == name);
        let (_, toml) = known.ok_or_else(|| ProfileError::Unknown {
            name: name.chars().filter(|c| !c.is_control()).take(40).collect(),
            nearest: nearest(name, Profile::names()),
            known: Profile::names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        })?;
        Profile::parse(toml)
    }

    /// A profile by its name, or by the path of a file that ends in `.toml`.
    ///
    /// # Errors
    /// As [`Profile::named`] and [`Profile::parse`], and where the file cannot be read.
    pub fn find(name_or_path: &str) -> Result<Profile, ProfileError> {
        let path = Path::new(name_or_path);
        if path.extension().is_none_or(|extension| extension != "toml") {
            return Profile::named(name_or_path);
        }
        let unreadable = |source| ProfileError::Unreadable { path: path.to_owned(), source };
        let mut toml = String::new();
        let file = fs::File::open(path).map_err(unreadable)?;
        file.take(PROFILE_BYTES_MAX + 1).read_to_string(&mut toml).map_err(unreadable)?;
        Profile::parse(&toml)
    }

    /// Reads a profile from TOML.
    ///
    /// # Errors
    /// Where it is longer than [`PROFILE_BYTES_MAX`], no TOML, has a key that no profile has, lacks
    /// one, or contradicts itself: the key and how to mend it.
    pub fn parse(toml: &str) -> Result<Profile, ProfileError> {
        if toml.len() as u64 > PROFILE_BYTES_MAX {
            let what = format!("it is longer than {PROFILE_BYTES_MAX} bytes; ");
            return Err(ProfileError::NotUnderstood(what));
        }
        let form = toml::from_str(toml)
            .map_err(|error| ProfileError::NotUnderstood(format!("{error}\n")))?;
        meaning::profile(form).map_err(|Fault { key, problem, mend }| ProfileError::Key {
            key,
            problem,
            mend,
        })
    }

    /// The same profile for the export of one seller: all its parcels are this seller's. For a
    /// profile without sellers, and for one that says that its seller is `optional`.
    ///
    /// # Errors
    /// Where the profile needs the seller that the file names, or the seller is no reference.
    pub fn with_seller(mut self, seller: &str) -> Result<Profile, ProfileError> {
        if let SellerRule::Column(Column { optional: false, .. }) = self.seller {
            return Err(ProfileError::SellerInFile(self.name));
        }
        self.seller = SellerRule::Fixed(reference(seller).map_err(ProfileError::Seller)?.into());
        Ok(self)
    }

    /// Whether [`Profile::with_seller`] must be called before an import.
    #[must_use]
    pub fn needs_seller(&self) -> bool {
        matches!(self.seller, SellerRule::ToBeGiven)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which export it reads, in one line.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }
}
