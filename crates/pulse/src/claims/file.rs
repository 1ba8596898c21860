//! Files of claims (TOML): read, and refused with line and reason.

use std::collections::BTreeSet;
use std::ops::Range;

use money::{Currency, CurrencyError};
use serde::Deserialize;
use toml::Spanned;

use super::figure::{FigureError, Scale, ShownDecimal, quoted};
use super::{Claim, ClaimedGrowth, ClaimedParts, ClaimedShare, ClaimedValue, ExchangeRate};

/// Limit on the size of a file of claims.
pub const FILE_BYTES_MAX: usize = 16 << 20;
/// Limit on the claims of one run.
pub const CLAIMS_MAX: usize = 1_000_000;
/// Limit on the entries of each list of a claim, and on the parts of a whole.
pub const ENTRIES_MAX: usize = 64;
/// Limit on a name or another text of a claim.
pub const TEXT_CHARS_MAX: usize = 2_000;
/// Limit on a share and on growth, in percent.
pub const PERCENT_MAX: u64 = 1_000_000;

/// An error in a file of claims.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ClaimFileError {
    /// Counted from 1.
    pub line: usize,
    pub what: ClaimFileProblem,
}

/// The problem of a file of claims, and how to fix it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimFileProblem {
    #[error("the file has more than {FILE_BYTES_MAX} bytes; split it, and give all files at once")]
    FileTooLong,
    #[error("there are more than {CLAIMS_MAX} claims; judge fewer at once")]
    TooManyClaims,
    /// Not TOML, or not the keys of a claim.
    #[error("{0}; docs/claims.md has the keys and their form")]
    Toml(String),
    /// A number in the place of a text.
    #[error(
        "`{0}` has no quotation marks; write a figure as \"437.13\", so that it keeps its digits"
    )]
    Unquoted(String),
    #[error("there is no claim; begin one with [[claim]]")]
    NoClaims,
    #[error("`{0}` is not a date; write it as 2013-08-12, 2013-08 or 2013")]
    NotADate(String),
    #[error("`{0}` is empty; write a text, or leave the key out if it may be left out")]
    EmptyText(&'static str),
    #[error("`{0}` has more than {TEXT_CHARS_MAX} characters; shorten it")]
    LongText(&'static str),
    #[error("`{0}` has control characters; write it without them")]
    ControlText(&'static str),
    #[error("two claims have the id `{0}`; rename one")]
    SameId(String),
    #[error("`{0}` has more than {ENTRIES_MAX} entries; split the claim")]
    TooManyEntries(&'static str),
    #[error(
        "`{name}` has two values{}; leave one out, or name the other one", in_currency(*.currency)
    )]
    SameValue { name: String, currency: Option<Currency> },
    #[error("the parts of `{0}` are missing; name at least one in `of`")]
    NoParts(String),
    #[error("`{0}` is a part of itself; name another whole or part")]
    PartOfItself(String),
    #[error("`{part}` is twice in the parts of `{whole}`; leave one out")]
    SamePart { whole: String, part: String },
    #[error("the share of `{part}` in `{whole}` stands twice; leave one out")]
    SameShare { part: String, whole: String },
    #[error("the growth of `{value}` over {over} stands twice; leave one out")]
    SameGrowth { value: String, over: String },
    #[error("`over` names the claim's own period, {0}; name an earlier one")]
    OverItself(String),
    #[error("the rate of {from} and {to} stands twice; leave one out")]
    SameRate { from: Currency, to: Currency },
    #[error("the rate is from {0} to itself; name two currencies")]
    RateToItself(Currency),
    #[error(transparent)]
    Currency(#[from] CurrencyError),
    #[error("`{key}`: {error}")]
    Figure { key: &'static str, error: FigureError },
}

fn in_currency(currency: Option<Currency>) -> String {
    currency.map_or_else(|| " without a currency".to_owned(), |currency| format!(" in {currency}"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    claim: Vec<RawClaim>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClaim {
    id: Spanned<String>,
    publisher: Option<Spanned<String>>,
    text: Option<Spanned<String>>,
    date: Option<Spanned<String>>,
    source: Option<Spanned<String>>,
    universe: Option<Spanned<String>>,
    period: Option<Spanned<String>>,
    #[serde(default)]
    values: Vec<Spanned<RawValue>>,
    #[serde(default)]
    parts: Vec<Spanned<RawParts>>,
    #[serde(default)]
    shares: Vec<Spanned<RawShare>>,
    #[serde(default)]
    growth: Vec<Spanned<RawGrowth>>,
    #[serde(default)]
    rates: Vec<Spanned<RawRate>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawValue {
    name: String,
    amount: String,
    #[serde(default)]
    scale: Scale,
    currency: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawParts {
    whole: String,
    of: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShare {
    part: String,
    whole: String,
    percent: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGrowth {
    value: String,
    percent: String,
    over: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRate {
    from: String,
    to: String,
    value: String,
}

/// Reads and checks a file of claims.
///
/// # Errors
/// The first problem found, with its line.
pub fn read(text: &str) -> Result<Vec<Claim>, ClaimFileError> {
    use ClaimFileProblem as P;
    if text.len() > FILE_BYTES_MAX {
        return Err(ClaimFileError { line: 1, what: P::FileTooLong });
    }
    let reader = Reader { text };
    let raw: RawFile = toml::from_str(text).map_err(|bad| {
        let at = bad.span().unwrap_or(0..0);
        let value = text.get(at.clone()).unwrap_or_default();
        let is_number = value.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        let what = match is_number && bad.message().contains("expected a string") {
            true => P::Unquoted(quoted(value)),
            false => P::Toml(bad.message().to_owned()),
        };
        reader.error(&at, what)
    })?;
    if raw.claim.is_empty() {
        return Err(ClaimFileError { line: 1, what: P::NoClaims });
    }
    let mut ids = BTreeSet::new();
    let mut claims = Vec::with_capacity(raw.claim.len());
    for raw in raw.claim {
        let at = raw.id.span();
        let claim = reader.claim(raw)?;
        if claims.len() == CLAIMS_MAX {
            return Err(reader.error(&at, P::TooManyClaims));
        }
        if !ids.insert(claim.id.clone()) {
            return Err(reader.error(&at, P::SameId(claim.id)));
        }
        claims.push(claim);
    }
    Ok(claims)
}

/// Checks the claims of several files together: each has an id of its own.
///
/// # Errors
/// Two claims have one id, or there are too many.
pub fn check_ids(claims: &[Claim]) -> Result<(), ClaimFileProblem> {
    if claims.len() > CLAIMS_MAX {
        return Err(ClaimFileProblem::TooManyClaims);
    }
    let mut ids = BTreeSet::new();
    match claims.iter().find(|claim| !ids.insert(&claim.id)) {
        Some(claim) => Err(ClaimFileProblem::SameId(claim.id.clone())),
        None => Ok(()),
    }
}

/// A year, a month or a day of the calendar.
fn is_date(text: &str) -> bool {
    let number = |text: &str, digits: usize| {
        let is_number = text.len() == digits && text.bytes().all(|it| it.is_ascii_digit());
        is_number.then(|| text.parse::<u16>().ok()).flatten()
    };
    let mut words = text.split('-');
    let Some(year) = words.next().and_then(|it| number(it, 4)) else { return false };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let Some(month) = words.next() else { return true };
    let days = match number(month, 2) {
        Some(2) => 28 + u16::from(is_leap),
        Some(4 | 6 | 9 | 11) => 30,
        Some(1..=12) => 31,
        _ => return false,
    };
    let Some(day) = words.next() else { return true };
    number(day, 2).is_some_and(|day| (1..=days).contains(&day)) && words.next().is_none()
}

struct Reader<'a> {
    text: &'a str,
}

type At = Range<usize>;

impl Reader<'_> {
    fn error(&self, at: &At, what: impl Into<ClaimFileProblem>) -> ClaimFileError {
        let before = self.text.as_bytes().get(..at.start).unwrap_or_default();
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        ClaimFileError { line, what: what.into() }
    }

    fn claim(&self, raw: RawClaim) -> Result<Claim, ClaimFileError> {
        let at = raw.id.span();
        let period = self.optional("period", raw.period)?;
        let claim = Claim {
            id: self.spanned("id", raw.id)?,
            publisher: self.optional("publisher", raw.publisher)?,
            text: self.optional("text", raw.text)?,
            date: self.date(raw.date)?,
            source: self.optional("source", raw.source)?,
            universe: self.optional("universe", raw.universe)?,
            values: self
                .each(&at, "values", raw.values, |at, raw, earlier| self.value(at, raw, earlier))?,
            parts: self.each(&at, "parts", raw.parts, |at, raw, _| self.parts(at, raw))?,
            shares: self
                .each(&at, "shares", raw.shares, |at, raw, earlier| self.share(at, raw, earlier))?,
            growth: self.each(&at, "growth", raw.growth, |at, raw, earlier| {
                self.growth(at, raw, earlier, period.as_deref())
            })?,
            rates: self
                .each(&at, "rates", raw.rates, |at, raw, earlier| self.rate(at, raw, earlier))?,
            period,
        };
        Ok(claim)
    }

    /// Reads a list, entry by entry, each with those before it.
    fn each<R, T>(
        &self,
        claim: &At,
        key: &'static str,
        raw: Vec<Spanned<R>>,
        read: impl Fn(&At, R, &[T]) -> Result<T, ClaimFileError>,
    ) -> Result<Vec<T>, ClaimFileError> {
        if raw.len() > ENTRIES_MAX {
            return Err(self.error(claim, ClaimFileProblem::TooManyEntries(key)));
        }
        let mut entries = Vec::with_capacity(raw.len());
        for raw in raw {
            let at = raw.span();
            let entry = read(&at, raw.into_inner(), &entries)?;
            entries.push(entry);
        }
        Ok(entries)
    }

    fn spanned(&self, key: &'static str, raw: Spanned<String>) -> Result<String, ClaimFileError> {
        self.text(&raw.span(), key, raw.into_inner())
    }

    fn optional(
        &self,
        key: &'static str,
        raw: Option<Spanned<String>>,
    ) -> Result<Option<String>, ClaimFileError> {
        raw.map(|raw| self.spanned(key, raw)).transpose()
    }

    /// A day, a month or a year of ISO 8601.
    fn date(&self, raw: Option<Spanned<String>>) -> Result<Option<String>, ClaimFileError> {
        let Some(raw) = raw else { return Ok(None) };
        let (at, text) = (raw.span(), self.spanned("date", raw)?);
        match is_date(&text) {
            true => Ok(Some(text)),
            false => Err(self.error(&at, ClaimFileProblem::NotADate(quoted(&text)))),
        }
    }

    fn text(&self, at: &At, key: &'static str, text: String) -> Result<String, ClaimFileError> {
        if text.trim().is_empty() {
            return Err(self.error(at, ClaimFileProblem::EmptyText(key)));
        }
        if text.chars().count() > TEXT_CHARS_MAX {
            return Err(self.error(at, ClaimFileProblem::LongText(key)));
        }
        // `text` can have lines; nothing reaches a terminal as a command.
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            return Err(self.error(at, ClaimFileProblem::ControlText(key)));
        }
        Ok(text)
    }

    fn figure(
        &self,
        at: &At,
        key: &'static str,
        text: &str,
    ) -> Result<ShownDecimal, ClaimFileError> {
        let figure: Result<ShownDecimal, FigureError> = text.parse();
        figure.map_err(|error| self.error(at, ClaimFileProblem::Figure { key, error }))
    }

    fn not_negative(
        &self,
        at: &At,
        key: &'static str,
        text: &str,
    ) -> Result<ShownDecimal, ClaimFileError> {
        let figure = self.figure(at, key, text)?;
        if figure.is_negative() {
            let error = FigureError::Negative(figure.to_string());
            return Err(self.error(at, ClaimFileProblem::Figure { key, error }));
        }
        Ok(figure)
    }

    fn percent(
        &self,
        at: &At,
        text: &str,
        least_is_minus: u64,
    ) -> Result<ShownDecimal, ClaimFileError> {
        let key = "percent";
        let figure = self.figure(at, key, text)?;
        let most = if figure.is_negative() { least_is_minus } else { PERCENT_MAX };
        if !figure.is_at_most(most) {
            let (least, most) = (-least_is_minus.cast_signed(), PERCENT_MAX.cast_signed());
            let error = FigureError::OutOfRange { shown: quoted(text), least, most };
            return Err(self.error(at, ClaimFileProblem::Figure { key, error }));
        }
        Ok(figure)
    }

    fn currency(&self, at: &At, code: &str) -> Result<Currency, ClaimFileError> {
        let currency: Result<Currency, CurrencyError> = code.parse();
        currency.map_err(|error| self.error(at, error))
    }

    fn value(
        &self,
        at: &At,
        raw: RawValue,
        earlier: &[ClaimedValue],
    ) -> Result<ClaimedValue, ClaimFileError> {
        let name = self.text(at, "name", raw.name)?;
        let currency = raw.currency.map(|code| self.currency(at, &code)).transpose()?;
        if earlier.iter().any(|value| value.name == name && value.currency == currency) {
            return Err(self.error(at, ClaimFileProblem::SameValue { name, currency }));
        }
        let amount = self.not_negative(at, "amount", &raw.amount)?;
        Ok(ClaimedValue { name, amount, scale: raw.scale, currency })
    }

    fn parts(&self, at: &At, raw: RawParts) -> Result<ClaimedParts, ClaimFileError> {
        use ClaimFileProblem as P;
        let whole = self.text(at, "whole", raw.whole)?;
        if raw.of.is_empty() {
            return Err(self.error(at, P::NoParts(whole)));
        }
        if raw.of.len() > ENTRIES_MAX {
            return Err(self.error(at, P::TooManyEntries("of")));
        }
        let mut of: Vec<String> = Vec::with_capacity(raw.of.len());
        for part in raw.of {
            let part = self.text(at, "of", part)?;
            if part == whole {
                return Err(self.error(at, P::PartOfItself(part)));
            }
            if of.contains(&part) {
                return Err(self.error(at, P::SamePart { whole, part }));
            }
            of.push(part);
        }
        Ok(ClaimedParts { whole, of })
    }

    fn share(
        &self,
        at: &At,
        raw: RawShare,
        earlier: &[ClaimedShare],
    ) -> Result<ClaimedShare, ClaimFileError> {
        use ClaimFileProblem as P;
        let part = self.text(at, "part", raw.part)?;
        let whole = self.text(at, "whole", raw.whole)?;
        if part == whole {
            return Err(self.error(at, P::PartOfItself(part)));
        }
        if earlier.iter().any(|share| share.part == part && share.whole == whole) {
            return Err(self.error(at, P::SameShare { part, whole }));
        }
        let percent = self.not_negative(at, "percent", &raw.percent)?;
        self.percent(at, &raw.percent, 0)?;
        Ok(ClaimedShare { part, whole, percent })
    }

    fn growth(
        &self,
        at: &At,
        raw: RawGrowth,
        earlier: &[ClaimedGrowth],
        period: Option<&str>,
    ) -> Result<ClaimedGrowth, ClaimFileError> {
        let value = self.text(at, "value", raw.value)?;
        let over = self.text(at, "over", raw.over)?;
        if earlier.iter().any(|growth| growth.value == value && growth.over == over) {
            return Err(self.error(at, ClaimFileProblem::SameGrowth { value, over }));
        }
        if period == Some(&over) {
            return Err(self.error(at, ClaimFileProblem::OverItself(over)));
        }
        // What is zero or more cannot fall by more than all of it.
        Ok(ClaimedGrowth { value, over, percent: self.percent(at, &raw.percent, 100)? })
    }

    fn rate(
        &self,
        at: &At,
        raw: RawRate,
        earlier: &[ExchangeRate],
    ) -> Result<ExchangeRate, ClaimFileError> {
        use ClaimFileProblem as P;
        let (from, to) = (self.currency(at, &raw.from)?, self.currency(at, &raw.to)?);
        if from == to {
            return Err(self.error(at, P::RateToItself(from)));
        }
        let pair = |rate: &ExchangeRate| [(from, to), (to, from)].contains(&(rate.from, rate.to));
        if earlier.iter().any(pair) {
            return Err(self.error(at, P::SameRate { from, to }));
        }
        let key = "value";
        let value = self.not_negative(at, key, &raw.value)?;
        if value.is_zero() {
            let error = FigureError::ZeroRate(value.to_string());
            return Err(self.error(at, P::Figure { key, error }));
        }
        Ok(ExchangeRate { from, to, value })
    }
}
