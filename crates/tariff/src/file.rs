//! Tariff files (TOML).
//!
//! ```
//! let tariff = tariff::file::parse(
//!     r#"
//!     name = "example"
//!     title = "An example"
//!     source = "nowhere"
//!
//!     [[version]]
//!     number = 1
//!     from = "2013-02-25"
//!     return_fee = "4.00"
//!     cod.cash = { fixed = "2.00", share = "1%" }
//!
//!     [[version.class]]
//!     name = "general"
//!     card = { issuer = "0.55%", network = "0.08%", acquirer = "0.15%" }
//!     wallet = { rate = "0.6%" }
//!     "#,
//! )?;
//! let terms = tariff.in_force("2013-08-28".parse()?).unwrap();
//! assert_eq!(terms.number, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use money::decimal::{self, DecimalError, DecimalStyle};
use money::{Amount, Currency, CurrencyError, Rate, RateError};
use serde::Deserialize;

use crate::{
    BusinessDate, BusinessDateError, CappedRate, CardRates, FixedOrShare, PerMethod, SellerClass,
    Terms, TermsError,
};

/// Limit on the size of a tariff file.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// Limit on the versions in one file.
pub const VERSIONS_MAX: usize = 1_000;

/// A tariff as read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tariff {
    /// For example `china-2013`.
    pub name: String,
    /// A one-line description.
    pub title: String,
    /// Where the figures come from.
    pub source: String,
    /// The only currency the tariff applies to. `None` means every currency.
    pub currency: Option<Currency>,
    /// Each version begins on the day the one before ends.
    pub versions: Vec<TermsVersion>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermsVersion {
    /// Counted from 1.
    pub number: u16,
    /// First day in force.
    pub from: BusinessDate,
    /// First day no longer in force, if known.
    pub until: Option<BusinessDate>,
    pub terms: Terms,
}

impl Tariff {
    /// The version in force on `date`.
    #[must_use]
    pub fn in_force(&self, date: BusinessDate) -> Option<&TermsVersion> {
        self.versions
            .iter()
            .find(|version| version.from <= date && version.until.is_none_or(|until| date < until))
    }
}

/// An error in a tariff file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct TariffFileError {
    /// The place in the file, for example `version 2, class `general`, issuer`.
    pub place: String,
    pub what: TariffFileProblem,
}

/// The problem of a tariff file, and how to fix it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TariffFileProblem {
    #[error("a tariff file has at most {FILE_BYTES_MAX} bytes")]
    FileTooLong,
    /// Not TOML, or not the keys of a tariff.
    #[error("{0}")]
    Toml(String),
    #[error("a tariff has 1 to {VERSIONS_MAX} versions")]
    VersionCount,
    #[error("the version at position {0} must have number {0}")]
    VersionNumber(usize),
    #[error("it must end after the day it begins: correct `until`")]
    EndsBeforeBegin,
    #[error(
        "overlap: it has no `until`, but version {next} begins {begin}; end it with \
         until = \"{begin}\""
    )]
    NoEnd { next: u16, begin: BusinessDate },
    #[error(
        "gap: no version holds from {end} to {}; end it with until = \"{begin}\"",
        begin.previous_day()
    )]
    Gap { end: BusinessDate, begin: BusinessDate },
    #[error(
        "overlap: two versions hold from {begin} to {}; end it with until = \"{begin}\"",
        end.previous_day()
    )]
    Overlap { end: BusinessDate, begin: BusinessDate },
    #[error("`card` covers both card kinds: remove it or `{0}`")]
    CardTwice(&'static str),
    #[error("no rates for {0} cards: add `{0}` or `card`")]
    NoCardRates(&'static str),
    #[error(transparent)]
    Currency(#[from] CurrencyError),
    #[error(transparent)]
    Date(#[from] BusinessDateError),
    #[error(transparent)]
    Terms(#[from] TermsError),
    #[error(transparent)]
    Amount(#[from] DecimalError),
    #[error(transparent)]
    Rate(#[from] RateError),
}

fn error(place: impl Into<String>, what: impl Into<TariffFileProblem>) -> TariffFileError {
    TariffFileError { place: place.into(), what: what.into() }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTariff {
    name: String,
    title: String,
    source: String,
    currency: Option<String>,
    version: Vec<RawVersion>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVersion {
    number: u16,
    from: String,
    until: Option<String>,
    #[serde(default)]
    return_fee: Option<String>,
    #[serde(default)]
    cod: RawPerMethod,
    #[serde(default)]
    commission: RawPerMethod,
    class: Vec<RawClass>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPerMethod {
    card: Option<RawFixedOrShare>,
    qr: Option<RawFixedOrShare>,
    cash: Option<RawFixedOrShare>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFixedOrShare {
    fixed: Option<String>,
    share: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClass {
    name: String,
    card: Option<RawCard>,
    debit: Option<RawCard>,
    credit: Option<RawCard>,
    wallet: Option<RawCapped>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCard {
    issuer: RawShare,
    network: RawShare,
    acquirer: RawShare,
    cap: Option<String>,
}

/// `"0.55%"`, or `{ rate = "0.55%", cap = "13.00" }`.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawShare {
    Plain(String),
    Capped(RawCapped),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCapped {
    rate: String,
    cap: Option<String>,
}

/// Reads and checks a tariff file.
///
/// # Errors
/// The first problem found.
pub fn parse(text: &str) -> Result<Tariff, TariffFileError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(error("the file", TariffFileProblem::FileTooLong));
    }
    let raw: RawTariff = toml::from_str(text).map_err(|bad| {
        let line = bad.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        error(format!("line {line}"), TariffFileProblem::Toml(bad.message().to_owned()))
    })?;
    let currency = match &raw.currency {
        Some(code) => Some(code.parse::<Currency>().map_err(|bad| error("currency", bad))?),
        None => None,
    };
    if !(1..=VERSIONS_MAX).contains(&raw.version.len()) {
        return Err(error("version", TariffFileProblem::VersionCount));
    }
    // A tariff without a currency is written with two decimals.
    let reader = Reader { currency: currency.unwrap_or(Currency::CNY) };
    let mut versions = Vec::new();
    for (place, version) in raw.version.iter().enumerate() {
        versions.push(reader.version(place + 1, version)?);
    }
    check_dates(&versions)?;
    let (name, title, source) = (raw.name, raw.title, raw.source);
    Ok(Tariff { name, title, source, currency, versions })
}

/// Each version begins where the one before ends, so each day has exactly one version.
fn check_dates(versions: &[TermsVersion]) -> Result<(), TariffFileError> {
    for (place, version) in versions.iter().enumerate() {
        let here = format!("version {}", version.number);
        if usize::from(version.number) != place + 1 {
            return Err(error(here, TariffFileProblem::VersionNumber(place + 1)));
        }
        if version.until.is_some_and(|until| until <= version.from) {
            return Err(error(here, TariffFileProblem::EndsBeforeBegin));
        }
        let Some(next) = versions.get(place + 1) else { continue };
        let (end, begin) = (version.until, next.from);
        let Some(end) = end else {
            return Err(error(here, TariffFileProblem::NoEnd { next: next.number, begin }));
        };
        if end < begin {
            return Err(error(here, TariffFileProblem::Gap { end, begin }));
        }
        if end > begin {
            return Err(error(here, TariffFileProblem::Overlap { end, begin }));
        }
    }
    Ok(())
}

struct Reader {
    currency: Currency,
}

impl Reader {
    fn version(&self, number: usize, raw: &RawVersion) -> Result<TermsVersion, TariffFileError> {
        let here = format!("version {number}");
        let date = |text: &str, key: &str| -> Result<BusinessDate, TariffFileError> {
            text.parse().map_err(|bad: BusinessDateError| error(format!("{here}, {key}"), bad))
        };
        let until = raw.until.as_deref().map(|text| date(text, "until")).transpose()?;
        let terms = Terms {
            classes: raw
                .class
                .iter()
                .map(|class| self.class(&here, class))
                .collect::<Result<_, _>>()?,
            cod: self.per_method(&format!("{here}, cod"), &raw.cod)?,
            commission: self.per_method(&format!("{here}, commission"), &raw.commission)?,
            return_fee: self.amount(&format!("{here}, return_fee"), raw.return_fee.as_deref())?,
        };
        terms.check().map_err(|bad| error(here.clone(), bad))?;
        Ok(TermsVersion { number: raw.number, from: date(&raw.from, "from")?, until, terms })
    }

    fn class(&self, here: &str, raw: &RawClass) -> Result<SellerClass, TariffFileError> {
        let here = format!("{here}, class `{}`", raw.name);
        let card = |own: &Option<RawCard>,
                    kind: &'static str|
         -> Result<CardRates, TariffFileError> {
            match (own, &raw.card) {
                (Some(_), Some(_)) => Err(error(here.clone(), TariffFileProblem::CardTwice(kind))),
                (Some(rates), None) => self.card(&format!("{here}, {kind}"), rates),
                (None, Some(rates)) => self.card(&format!("{here}, card"), rates),
                (None, None) => Err(error(here.clone(), TariffFileProblem::NoCardRates(kind))),
            }
        };
        let wallet = match &raw.wallet {
            Some(capped) => self.capped(&format!("{here}, wallet"), capped)?,
            None => CappedRate::default(),
        };
        let (debit, credit) = (card(&raw.debit, "debit")?, card(&raw.credit, "credit")?);
        Ok(SellerClass { name: raw.name.clone(), debit, credit, wallet })
    }

    fn card(&self, here: &str, raw: &RawCard) -> Result<CardRates, TariffFileError> {
        Ok(CardRates {
            issuer: self.share(&format!("{here}, issuer"), &raw.issuer)?,
            network: self.share(&format!("{here}, network"), &raw.network)?,
            acquirer: self.share(&format!("{here}, acquirer"), &raw.acquirer)?,
            cap: self.cap(&format!("{here}, cap"), raw.cap.as_deref())?,
        })
    }

    fn share(&self, here: &str, raw: &RawShare) -> Result<CappedRate, TariffFileError> {
        match raw {
            RawShare::Plain(text) => Ok(CappedRate { rate: rate(here, text)?, cap: None }),
            RawShare::Capped(capped) => self.capped(here, capped),
        }
    }

    fn capped(&self, here: &str, raw: &RawCapped) -> Result<CappedRate, TariffFileError> {
        let cap = self.cap(here, raw.cap.as_deref())?;
        Ok(CappedRate { rate: rate(here, &raw.rate)?, cap })
    }

    fn cap(&self, here: &str, text: Option<&str>) -> Result<Option<Amount>, TariffFileError> {
        text.map(|text| self.amount(here, Some(text))).transpose()
    }

    fn per_method(
        &self,
        here: &str,
        raw: &RawPerMethod,
    ) -> Result<PerMethod<FixedOrShare>, TariffFileError> {
        let one =
            |own: &Option<RawFixedOrShare>, key: &str| -> Result<FixedOrShare, TariffFileError> {
                let Some(own) = own else { return Ok(FixedOrShare::default()) };
                let here = format!("{here}, {key}");
                Ok(FixedOrShare {
                    fixed: self.amount(&here, own.fixed.as_deref())?,
                    share: own.share.as_deref().map_or(Ok(Rate::ZERO), |text| rate(&here, text))?,
                })
            };
        Ok(PerMethod {
            card: one(&raw.card, "card")?,
            qr: one(&raw.qr, "qr")?,
            cash: one(&raw.cash, "cash")?,
        })
    }

    fn amount(&self, here: &str, text: Option<&str>) -> Result<Amount, TariffFileError> {
        let Some(text) = text else { return Ok(Amount::ZERO) };
        decimal::parse(text, self.currency, DecimalStyle::PLAIN).map_err(|bad| error(here, bad))
    }
}

fn rate(here: &str, text: &str) -> Result<Rate, TariffFileError> {
    text.parse().map_err(|bad: RateError| error(here, bad))
}
