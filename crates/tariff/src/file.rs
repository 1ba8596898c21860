//! Tariff files (TOML).
//!
//! A rate holds in every currency. A sum (a fixed fee, a cap, the return fee) is in a currency that
//! the file names, with that currency's decimals.
//!
//! ```
//! let file = tariff::file::parse(
//!     r#"
//!     name = "example"
//!     title = "An example"
//!     source = "nowhere"
//!     currency = ["CNY", "JPY"]
//!
//!     [[version]]
//!     number = 1
//!     from = "2013-02-25"
//!     return_fee = { CNY = "4.00", JPY = "80" }
//!     cod.cash = { fixed = { CNY = "2.00", JPY = "40" }, share = "1%" }
//!
//!     [[version.class]]
//!     name = "general"
//!     card = { issuer = "0.55%", network = "0.08%", acquirer = "0.15%" }
//!     wallet = { rate = "0.6%" }
//!     "#,
//! )?;
//! let tariff = file.in_currency(money::Currency::JPY).unwrap();
//! let version = tariff.in_force("2013-08-28".parse()?).unwrap();
//! assert_eq!(version.terms.return_fee.minor(), 80);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;
use std::ops::Range;

use money::decimal::{self, DecimalError, DecimalStyle};
use money::{Amount, Currency, CurrencyError, Rate, RateError};
use serde::Deserialize;

use crate::{
    BusinessDate, BusinessDateError, CappedRate, CardRates, FixedOrShare, LossOwner, PerMethod,
    SellerClass, Terms, TermsError,
};

/// Limit on the size of a tariff file.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// Limit on the versions in one file.
pub const VERSIONS_MAX: usize = 1_000;

/// Limit on the currencies in one file.
pub const CURRENCIES_MAX: usize = 32;

/// A tariff file: the same rates in each of its currencies, with the sums of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TariffFile {
    /// For example `china-2013`.
    pub name: String,
    /// A one-line description.
    pub title: String,
    /// Where the figures come from.
    pub source: String,
    /// One per currency that the file names, in its order. One for every currency if it names
    /// none. At least one.
    pub tariffs: Vec<Tariff>,
}

impl TariffFile {
    /// The tariff for parcels in a currency.
    #[must_use]
    pub fn in_currency(&self, currency: Currency) -> Option<&Tariff> {
        self.tariffs.iter().find(|tariff| tariff.currency.is_none_or(|only| only == currency))
    }
}

/// A tariff of a file, in one currency or in every currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tariff {
    /// The file's name, for example `china-2013`.
    pub name: String,
    /// The only currency the tariff applies to, and that of its sums. `None` means every currency:
    /// then it has rates only.
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
    /// Name and currency: tells the tariffs of a file apart.
    #[must_use]
    pub fn key(&self) -> String {
        match self.currency {
            Some(currency) => format!("{} {currency}", self.name),
            None => self.name.clone(),
        }
    }

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
    /// A number in the place of a text.
    #[error("`{0}` has no quotation marks: write a rate as \"0.55%\" and a sum as \"2.00\"")]
    Unquoted(String),
    #[error("`{0}` is negative: a fee, a cap or a return fee is zero or more")]
    NegativeSum(String),
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
        begin.minus_days(1)
    )]
    Gap { end: BusinessDate, begin: BusinessDate },
    #[error(
        "overlap: two versions hold from {begin} to {}; end it with until = \"{begin}\"",
        end.minus_days(1)
    )]
    Overlap { end: BusinessDate, begin: BusinessDate },
    #[error("`card` covers both card kinds: remove it or `{0}`")]
    CardTwice(&'static str),
    #[error("no rates for {0} cards: add `{0}` or `card`")]
    NoCardRates(&'static str),
    #[error("name 1 to {CURRENCIES_MAX} different currencies, or leave `currency` out")]
    CurrencyCount,
    #[error("a sum needs a currency: add `currency` to the tariff, or use rates only")]
    SumWithoutCurrency,
    #[error("the tariff has several currencies: write the sum in each, as {{ {0} = \"…\", … }}")]
    SumInOneCurrency(Currency),
    #[error("the sum is missing in {0}, a currency of the tariff")]
    NoSumIn(Currency),
    #[error("`{0}` is not in the tariff's `currency`: add it there, or remove this sum")]
    OtherCurrency(String),
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
    currency: Option<RawCurrencies>,
    version: Vec<RawVersion>,
}

/// `"CNY"`, or `["CNY", "BRL"]`.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawCurrencies {
    One(String),
    Several(Vec<String>),
}

/// `"2.00"`, or `{ CNY = "2.00", BRL = "2.00" }`.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawSum {
    Plain(String),
    PerCurrency(BTreeMap<String, String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVersion {
    number: u16,
    from: String,
    until: Option<String>,
    #[serde(default)]
    return_fee: Option<RawSum>,
    freight: Option<RawSum>,
    vat: Option<String>,
    #[serde(default)]
    offline_loss: RawLossOwner,
    #[serde(default)]
    cod: RawPerMethod,
    #[serde(default)]
    commission: RawPerMethod,
    class: Vec<RawClass>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawLossOwner {
    #[default]
    Seller,
    Firm,
    Doorstep,
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
    fixed: Option<RawSum>,
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
    cap: Option<RawSum>,
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
    cap: Option<RawSum>,
}

/// Reads and checks a tariff file.
///
/// # Errors
/// The first problem found.
pub fn parse(text: &str) -> Result<TariffFile, TariffFileError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(error("the file", TariffFileProblem::FileTooLong));
    }
    let raw: RawTariff = toml::from_str(text).map_err(|bad| {
        let line = bad.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        let wants_text =
            ["expected a string", "untagged enum"].iter().any(|part| bad.message().contains(part));
        let number = bad.span().and_then(|span| unquoted(text, span));
        let what = match number.filter(|number| wants_text || number.ends_with('%')) {
            Some(number) => TariffFileProblem::Unquoted(number),
            None => TariffFileProblem::Toml(bad.message().to_owned()),
        };
        error(format!("line {line}"), what)
    })?;
    if !(1..=VERSIONS_MAX).contains(&raw.version.len()) {
        return Err(error("version", TariffFileProblem::VersionCount));
    }
    let currencies = currencies(raw.currency.as_ref())?;
    let each = match &currencies[..] {
        [] => vec![None],
        named => named.iter().copied().map(Some).collect(),
    };
    let mut tariffs = Vec::with_capacity(each.len());
    for currency in each {
        let reader = Reader { currency, currencies: &currencies };
        let mut versions = Vec::with_capacity(raw.version.len());
        for (place, version) in raw.version.iter().enumerate() {
            versions.push(reader.version(place + 1, version)?);
        }
        check_dates(&versions)?;
        tariffs.push(Tariff { name: raw.name.clone(), currency, versions });
    }
    Ok(TariffFile { name: raw.name, title: raw.title, source: raw.source, tariffs })
}

/// The number at the place of an error, if it stands where a text belongs: `0.55`, or `0.55%`,
/// which is no TOML.
fn unquoted(text: &str, at: Range<usize>) -> Option<String> {
    const SHOWN_CHARS_MAX: usize = 20;
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | '%');
    let value = text.get(at.clone())?;
    let number = if value.len() > 1 && value.contains(|c: char| c.is_ascii_digit()) {
        value.trim()
    } else {
        // The error points at the percent sign, or behind the number.
        let start = text.get(..at.start)?.rfind(|c| !is_number(c)).map_or(0, |place| place + 1);
        text.get(start..)?.split(|c| !is_number(c)).next()?
    };
    let is_whole = number.contains(|c: char| c.is_ascii_digit()) && number.chars().all(is_number);
    is_whole.then(|| number.chars().take(SHOWN_CHARS_MAX).collect())
}

/// The currencies that the file names. None if it has rates only.
fn currencies(raw: Option<&RawCurrencies>) -> Result<Vec<Currency>, TariffFileError> {
    let codes = match raw {
        None => return Ok(Vec::new()),
        Some(RawCurrencies::One(code)) => std::slice::from_ref(code),
        Some(RawCurrencies::Several(codes)) => codes.as_slice(),
    };
    if !(1..=CURRENCIES_MAX).contains(&codes.len()) {
        return Err(error("currency", TariffFileProblem::CurrencyCount));
    }
    let mut found: Vec<Currency> = Vec::with_capacity(codes.len());
    for code in codes {
        let currency: Currency =
            code.parse().map_err(|bad: CurrencyError| error("currency", bad))?;
        if found.contains(&currency) {
            return Err(error("currency", TariffFileProblem::CurrencyCount));
        }
        found.push(currency);
    }
    Ok(found)
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

/// Reads the versions in one of the file's currencies.
struct Reader<'a> {
    currency: Option<Currency>,
    currencies: &'a [Currency],
}

impl Reader<'_> {
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
            return_fee: self.amount(&format!("{here}, return_fee"), raw.return_fee.as_ref())?,
            freight: self.amount(&format!("{here}, freight"), raw.freight.as_ref())?,
            vat: match &raw.vat {
                Some(text) => rate(&format!("{here}, vat"), text)?,
                None => Rate::ZERO,
            },
            offline_loss: match raw.offline_loss {
                RawLossOwner::Seller => LossOwner::Seller,
                RawLossOwner::Firm => LossOwner::Firm,
                RawLossOwner::Doorstep => LossOwner::Doorstep,
            },
        };
        terms.check(self.currency).map_err(|bad| error(here.clone(), bad))?;
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
            cap: self.cap(&format!("{here}, cap"), raw.cap.as_ref())?,
        })
    }

    fn share(&self, here: &str, raw: &RawShare) -> Result<CappedRate, TariffFileError> {
        match raw {
            RawShare::Plain(text) => Ok(CappedRate { rate: rate(here, text)?, cap: None }),
            RawShare::Capped(capped) => self.capped(here, capped),
        }
    }

    fn capped(&self, here: &str, raw: &RawCapped) -> Result<CappedRate, TariffFileError> {
        let cap = self.cap(here, raw.cap.as_ref())?;
        Ok(CappedRate { rate: rate(here, &raw.rate)?, cap })
    }

    fn cap(&self, here: &str, sum: Option<&RawSum>) -> Result<Option<Amount>, TariffFileError> {
        sum.map(|sum| self.amount(here, Some(sum))).transpose()
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
                    fixed: self.amount(&here, own.fixed.as_ref())?,
                    share: own.share.as_deref().map_or(Ok(Rate::ZERO), |text| rate(&here, text))?,
                })
            };
        Ok(PerMethod {
            card: one(&raw.card, "card")?,
            qr: one(&raw.qr, "qr")?,
            cash: one(&raw.cash, "cash")?,
        })
    }

    /// A sum in the reader's currency. Zero if there is none.
    fn amount(&self, here: &str, sum: Option<&RawSum>) -> Result<Amount, TariffFileError> {
        use TariffFileProblem as P;
        let Some(sum) = sum else { return Ok(Amount::ZERO) };
        let currency = self.currency.ok_or_else(|| error(here, P::SumWithoutCurrency))?;
        let text = match sum {
            RawSum::Plain(text) if self.currencies.len() == 1 => text,
            RawSum::Plain(_) => return Err(error(here, P::SumInOneCurrency(currency))),
            RawSum::PerCurrency(sums) => {
                let named = |code: &str| self.currencies.iter().any(|one| one.code() == code);
                if let Some(code) = sums.keys().find(|code| !named(code)) {
                    let code = code.chars().take(24).collect();
                    return Err(error(here, P::OtherCurrency(code)));
                }
                sums.get(currency.code()).ok_or_else(|| error(here, P::NoSumIn(currency)))?
            }
        };
        decimal::parse(text, currency, DecimalStyle::PLAIN).map_err(|bad| match bad {
            DecimalError::Negative(text) => error(here, P::NegativeSum(text)),
            bad => error(here, bad),
        })
    }
}

fn rate(here: &str, text: &str) -> Result<Rate, TariffFileError> {
    text.parse().map_err(|bad: RateError| error(here, bad))
}
