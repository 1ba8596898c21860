//! Computes figures at a position of the journal, and holds them against each other (M17).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use money::decimal::DecimalAmount;
use serde::{Deserialize, Serialize};
use tariff::BusinessDate;
use views::ViewValue;
use views::read::{AskedColumn, AskedSpan, AskedStatement, EmptyTables, ReadViewError, ViewReader};

use crate::figures::{Bilingual, Figure, FigureIdentity, FigureSet, digest_of};

/// Rows of one figure: its words and currencies.
pub const VALUES_MAX: usize = 1_000;
/// Rows of which a figure is made that are looked at together.
pub const PARTS_MAX: usize = 200_000;
/// Of one statement, on views in a file.
pub const STATEMENT_TIME: Duration = Duration::from_secs(60);
/// Differences that one message names.
const BROKEN_SHOWN_MAX: usize = 5;

/// Some days of the books, and up to where they are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FigureSpan {
    /// The last day.
    pub day: String,
    /// Its first batch, or that of the first of several days.
    pub from: u64,
    /// Its last batch.
    pub until: u64,
    /// What came until this batch is known.
    pub position: u64,
}

impl FigureSpan {
    fn asked(&self) -> AskedSpan {
        let FigureSpan { day, from, until, position } = self;
        AskedSpan { from: *from, until: *until, position: *position, day: day.clone() }
    }
}

/// A value of a figure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FigureValue {
    /// The word of the column by which the figure's values are apart.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub currency: Option<String>,
    /// A count, or minor units.
    pub value: i64,
}

/// A figure at a position. A value that is not there is zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FigureRun {
    pub figure: String,
    /// Of what the figure is: its statement and definition.
    pub definition: String,
    pub values: Vec<FigureValue>,
    /// Of the definition, the span and the values.
    pub digest: String,
}

impl FigureRun {
    /// By currency; of a count there is one, without.
    #[must_use]
    pub fn sums(&self) -> BTreeMap<Option<&str>, i128> {
        let mut sums = BTreeMap::new();
        for one in &self.values {
            *sums.entry(one.currency.as_deref()).or_insert(0) += i128::from(one.value);
        }
        sums
    }
}

/// A side of an identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityTerm {
    pub figure: String,
    pub adds: bool,
    pub value: i128,
}

/// An identity in one currency. Its difference is the whole less its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityRun {
    pub identity: String,
    pub name: Bilingual,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub currency: Option<String>,
    pub whole: String,
    pub value: i128,
    pub parts: Vec<IdentityTerm>,
    pub difference: i128,
}

/// What was in force, of a kind and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VersionInForce {
    /// `tariff` or `policy`.
    pub kind: String,
    pub name: String,
    pub version: i64,
}

/// All figures at a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiguresRun {
    pub span: FigureSpan,
    /// Time of the last command of the position, in milliseconds since 1970.
    pub at: i64,
    pub figures: Vec<FigureRun>,
    pub identities: Vec<IdentityRun>,
    pub versions: Vec<VersionInForce>,
}

/// Why there are no figures, or none that may be published.
#[derive(Debug, thiserror::Error)]
pub enum FigureRunError {
    #[error(transparent)]
    Views(#[from] views::ViewError),
    #[error(transparent)]
    Asked(#[from] views::read::ViewQueryError),
    #[error(
        "figure `{figure}` took longer than {} s; narrow its statement to the days' batches",
        STATEMENT_TIME.as_secs()
    )]
    TooLong { figure: String },
    #[error(
        "figure `{figure}` has a number that is not whole, or beyond 64 bits; count in whole minor \
         units"
    )]
    NotWhole { figure: String },
    #[error("figure `{figure}` has more than {most} rows; group them by fewer columns")]
    TooManyRows { figure: String, most: usize },
    #[error("`{0}` is no day; write it as 2026-11-29")]
    Day(String),
    #[error("the books have nothing of {day}; their last day is {last}")]
    NoDay { day: String, last: String },
    #[error("the first day, {since}, is after the last one, {day}; give them the other way round")]
    SinceAfter { since: String, day: String },
    #[error(
        "{day} is not over: the books have nothing of a later day yet; publish it when they have, \
         or show it with `doorstep pulse run`"
    )]
    NotOver { day: String },
    #[error("the views end at batch {written}, before batch {asked}; ask for an earlier one")]
    Beyond { written: u64, asked: u64 },
    #[error("batch {position} is before the end of {day}, batch {until}; ask for a later one")]
    BeforeDay { position: u64, day: String, until: u64 },
    /// M17.
    #[error("M17: nothing is published: {}", broken(.0))]
    Broken(Vec<IdentityRun>),
    #[error(
        "M17: nothing is published: figure `{figure}` of {day} was published as {published}, and \
         is {now} at the same position; make the views anew with `doorstep views rebuild`, and if \
         it stays so, correct the report"
    )]
    NotRecomputed { figure: String, day: String, published: String, now: String },
    #[error(
        "M17: nothing is published: figure `{figure}` of {day} changed from {old} to {new}, and \
         nothing in the journal says why; make the views anew with `doorstep views rebuild`, and \
         report this"
    )]
    WithoutCause { figure: String, day: String, old: String, new: String },
    #[error("there is no figure `{0}`; `doorstep pulse run` shows all")]
    NoFigure(String),
    #[error("figure `{0}` has no parts")]
    NoParts(String),
}

impl From<ReadViewError> for FigureRunError {
    fn from(error: ReadViewError) -> FigureRunError {
        match error {
            ReadViewError::Asked(error) => error.into(),
            ReadViewError::Views(error) => error.into(),
            ReadViewError::TooLong => FigureRunError::TooLong { figure: String::new() },
            ReadViewError::NotWhole => FigureRunError::NotWhole { figure: String::new() },
        }
    }
}

/// `identity fails by -1.00 CNY: whole 1.00 is not a 0.50 + b 1.50` of each.
fn broken(all: &[IdentityRun]) -> String {
    let one = |run: &IdentityRun| {
        let currency = run.currency.as_ref().and_then(|code| code.parse().ok());
        let shown = |value: i128| match currency {
            Some(currency) => DecimalAmount::of_balance(value, currency).to_string(),
            None => value.to_string(),
        };
        let mut parts = String::new();
        for (place, term) in run.parts.iter().enumerate() {
            parts.push_str(match (place, term.adds) {
                (0, true) => "",
                (_, true) => " + ",
                (_, false) => " - ",
            });
            parts.push_str(&format!("{} {}", term.figure, shown(term.value)));
        }
        let parts = if parts.is_empty() { "0".to_owned() } else { parts };
        let unit = run.currency.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
        format!(
            "{} fails by {}{unit}: {} {} is not {parts}",
            run.identity,
            shown(run.difference),
            run.whole,
            shown(run.value)
        )
    };
    let mut said: Vec<String> = all.iter().take(BROKEN_SHOWN_MAX).map(one).collect();
    if all.len() > BROKEN_SHOWN_MAX {
        said.push(format!("{} more", all.len() - BROKEN_SHOWN_MAX));
    }
    said.join("; ")
}

/// What is asked of every run beside its figures.
pub(crate) struct OwnStatements {
    time: AskedStatement,
    last_day: AskedStatement,
    tariffs: AskedStatement,
}

const TIME: &str = "SELECT coalesce(max(at), 0) AS value FROM commands WHERE batch = :position";
const LAST_DAY: &str = "SELECT max(date) AS day FROM commands WHERE batch = :position";
const TARIFFS: &str = "SELECT reference, version FROM tariffs WHERE batch <= :position \
     AND first_day <= :day AND (end_day IS NULL OR end_day > :day)";

impl OwnStatements {
    pub fn new() -> Result<OwnStatements, FigureRunError> {
        let mut tables = EmptyTables::new()?;
        let mut check = |text, columns: &[AskedColumn]| {
            let checked = tables.check(text, columns, |_, _| true);
            checked.expect("a statement of ours is valid, as each run of the tests says")
        };
        Ok(OwnStatements {
            time: check(TIME, &[AskedColumn::Number("value")]),
            last_day: check(LAST_DAY, &[AskedColumn::Text("day")]),
            tariffs: check(
                TARIFFS,
                &[AskedColumn::Text("reference"), AskedColumn::Number("version")],
            ),
        })
    }

    fn time(&self, reader: &mut ViewReader, span: &FigureSpan) -> Result<i64, FigureRunError> {
        let rows = ask(reader, &self.time, span, "time", 1)?;
        Ok(rows.first().and_then(|row| number(row, 0)).unwrap_or(0))
    }

    fn versions(
        &self,
        reader: &mut ViewReader,
        span: &FigureSpan,
    ) -> Result<Vec<VersionInForce>, FigureRunError> {
        let rows = ask(reader, &self.tariffs, span, "tariffs", VALUES_MAX)?;
        let versions = rows.iter().filter_map(|row| {
            let (name, version) = (text(row, 0)?, number(row, 1)?);
            Some(VersionInForce { kind: "tariff".to_owned(), name, version })
        });
        let mut versions: Vec<_> = versions.collect();
        versions.sort();
        Ok(versions)
    }
}

fn number(row: &[ViewValue], place: usize) -> Option<i64> {
    match row.get(place) {
        Some(ViewValue::Number(number)) => Some(*number),
        _ => None,
    }
}

fn text(row: &[ViewValue], place: usize) -> Option<String> {
    match row.get(place) {
        Some(ViewValue::Text(text)) => Some(text.to_string()),
        _ => None,
    }
}

fn ask(
    reader: &mut ViewReader,
    statement: &AskedStatement,
    span: &FigureSpan,
    figure: &str,
    most: usize,
) -> Result<Vec<Vec<ViewValue>>, FigureRunError> {
    let asked = reader.asked(statement, &span.asked(), most, STATEMENT_TIME);
    let (rows, has_more) = asked.map_err(|error| match error {
        ReadViewError::TooLong => FigureRunError::TooLong { figure: figure.to_owned() },
        ReadViewError::NotWhole => FigureRunError::NotWhole { figure: figure.to_owned() },
        error => error.into(),
    })?;
    match has_more {
        false => Ok(rows),
        true => Err(FigureRunError::TooManyRows { figure: figure.to_owned(), most }),
    }
}

/// The batches of days, as known at a position: by default the last one that is written.
///
/// # Errors
/// There is no such day or position, or the views cannot be read.
pub fn span_of(
    reader: &mut ViewReader,
    since: Option<&str>,
    day: Option<&str>,
    position: Option<u64>,
) -> Result<FigureSpan, FigureRunError> {
    let written = reader.position()?.written;
    if let Some(asked) = position.filter(|asked| *asked > written) {
        return Err(FigureRunError::Beyond { written, asked });
    }
    let known = position.unwrap_or(written);
    let own = OwnStatements::new()?;
    let at = FigureSpan { day: String::new(), from: known, until: known, position: known };
    let rows = ask(reader, &own.last_day, &at, "day", 1)?;
    let last = rows.first().and_then(|row| text(row, 0)).unwrap_or_default();
    let parsed = |text: &str| {
        let day: Result<BusinessDate, _> = text.parse();
        day.map_err(|_| FigureRunError::Day(text.chars().take(20).collect()))
    };
    let no_day = |day: &str| FigureRunError::NoDay { day: day.to_owned(), last: last.clone() };
    let day = day.unwrap_or(&last).to_owned();
    if last.is_empty() {
        return Err(no_day(&day));
    }
    let first = parsed(since.unwrap_or(&day))?.to_string();
    // One batch behind the last stands for none.
    let from = reader.first_batch(&first, written + 1)?;
    let next = parsed(&day)?.plus_days(1).to_string();
    let end = reader.first_batch(&next, written + 1)? - 1;
    // Of a day that is not over it is what there was at the position.
    let until = if end == written { known } else { end };
    if first > day {
        return Err(FigureRunError::SinceAfter { since: first, day });
    }
    if from > until {
        return Err(no_day(&day));
    }
    let position = position.unwrap_or(written);
    if position < until {
        return Err(FigureRunError::BeforeDay { position, day, until });
    }
    Ok(FigureSpan { day, from, until, position })
}

/// The last day that is over: that before the last one of the books. None if there is none.
///
/// # Errors
/// The views cannot be read.
pub fn last_day_over(reader: &mut ViewReader) -> Result<Option<String>, FigureRunError> {
    let written = reader.position()?.written;
    let own = OwnStatements::new()?;
    let at = |batch| FigureSpan { day: String::new(), from: batch, until: batch, position: batch };
    let day_of = |reader: &mut ViewReader, batch| {
        let rows = ask(reader, &own.last_day, &at(batch), "day", 1)?;
        Ok::<_, FigureRunError>(rows.first().and_then(|row| text(row, 0)))
    };
    let Some(last) = day_of(reader, written)? else { return Ok(None) };
    let first = reader.first_batch(&last, written + 1)?;
    if first <= 1 { Ok(None) } else { day_of(reader, first - 1) }
}

impl FigureSet {
    /// Computes a figure.
    ///
    /// # Errors
    /// It takes too long, has too many values, or the views cannot be read.
    pub fn run_one(
        &self,
        figure: &Figure,
        reader: &mut ViewReader,
        span: &FigureSpan,
    ) -> Result<FigureRun, FigureRunError> {
        let rows = ask(reader, &figure.statement, span, &figure.id, VALUES_MAX)?;
        let (by, money) = (figure.by.is_some(), figure.unit == crate::figures::FigureUnit::Money);
        let values = rows.iter().map(|row| FigureValue {
            by: by.then(|| text(row, 0).unwrap_or_default()),
            currency: money.then(|| text(row, usize::from(by)).unwrap_or_default()),
            value: number(row, row.len() - 1).unwrap_or(0),
        });
        let mut values: Vec<_> = values.filter(|one| one.value != 0).collect();
        values.sort();
        let FigureSpan { day, from, until, position } = span;
        let batches = [from, until, position].map(u64::to_string);
        let mut said = vec![figure.digest.as_str(), day];
        said.extend(batches.iter().map(String::as_str));
        let shown: Vec<[String; 3]> = values
            .iter()
            .map(|one| {
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                [text(&one.by), text(&one.currency), one.value.to_string()]
            })
            .collect();
        said.extend(shown.iter().flatten().map(String::as_str));
        let digest = digest_of(said);
        let definition = figure.digest.clone();
        Ok(FigureRun { figure: figure.id.clone(), definition, values, digest })
    }

    /// Computes all figures, and the identities. These may be broken: see [`check_identities`].
    ///
    /// # Errors
    /// As [`FigureSet::run_one`].
    pub fn run(
        &self,
        reader: &mut ViewReader,
        span: &FigureSpan,
    ) -> Result<FiguresRun, FigureRunError> {
        let own = OwnStatements::new()?;
        let mut figures = Vec::with_capacity(self.figures.len());
        for figure in &self.figures {
            figures.push(self.run_one(figure, reader, span)?);
        }
        Ok(FiguresRun {
            identities: self.identities_of_run(&figures),
            at: own.time(reader, span)?,
            versions: own.versions(reader, span)?,
            span: span.clone(),
            figures,
        })
    }

    fn identities_of_run(&self, figures: &[FigureRun]) -> Vec<IdentityRun> {
        let sums: BTreeMap<&str, _> =
            figures.iter().map(|run| (run.figure.as_str(), run.sums())).collect();
        self.identities.iter().flat_map(|one| identity_run(one, &sums)).collect()
    }

    /// The rows that a figure is made of: their keys with currency and value, in their order.
    ///
    /// # Errors
    /// It has none, or too many, or the views cannot be read.
    pub fn parts(
        &self,
        figure: &Figure,
        reader: &mut ViewReader,
        span: &FigureSpan,
        most: usize,
    ) -> Result<(Vec<FigurePart>, bool), FigureRunError> {
        let no_parts = || FigureRunError::NoParts(figure.id.clone());
        let parts = figure.parts.as_ref().ok_or_else(no_parts)?;
        let asked = reader.asked(&parts.statement, &span.asked(), most, STATEMENT_TIME);
        let (rows, has_more) = asked.map_err(|error| match error {
            ReadViewError::TooLong => FigureRunError::TooLong { figure: figure.id.clone() },
            ReadViewError::NotWhole => FigureRunError::NotWhole { figure: figure.id.clone() },
            error => error.into(),
        })?;
        let length = parts.view.key.len();
        let money = figure.unit == crate::figures::FigureUnit::Money;
        let parts = rows.into_iter().map(|row| FigurePart {
            currency: money.then(|| text(&row, length).unwrap_or_default()),
            value: number(&row, row.len() - 1).unwrap_or(0),
            key: row[..length].to_vec(),
        });
        let mut parts: Vec<_> = parts.filter(|part| part.value != 0).collect();
        parts.sort_by_key(|part| (part.key_text(), part.currency.clone()));
        Ok((parts, has_more))
    }
}

/// A row that a figure is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FigurePart {
    pub key: Vec<ViewValue>,
    pub currency: Option<String>,
    pub value: i64,
}

impl FigurePart {
    /// The key as an address has it, without prefixes.
    #[must_use]
    pub fn key_text(&self) -> String {
        let one = |value: &ViewValue| match value {
            ViewValue::Number(number) => number.cast_unsigned().to_string(),
            ViewValue::Text(text) => text.to_string(),
            ViewValue::Parcel(parcel) => parcel.to_string(),
            ViewValue::Empty | ViewValue::Day(_) => String::new(),
        };
        self.key.iter().map(one).collect::<Vec<_>>().join("~")
    }
}

/// An identity in each currency of its figures.
fn identity_run<'s>(
    one: &FigureIdentity,
    sums: &BTreeMap<&str, BTreeMap<Option<&'s str>, i128>>,
) -> Vec<IdentityRun> {
    let none = BTreeMap::new();
    let of = |figure: &str| sums.get(figure).unwrap_or(&none);
    let all = std::iter::once(one.whole.as_str()).chain(one.parts.iter().map(|it| it.1.as_str()));
    let currencies: BTreeSet<Option<&'s str>> = all.flat_map(|it| of(it).keys().copied()).collect();
    let value =
        |figure: &str, currency: Option<&'s str>| of(figure).get(&currency).copied().unwrap_or(0);
    let run = |currency: Option<&'s str>| {
        let whole = value(&one.whole, currency);
        let parts = one.parts.iter().map(|(adds, figure)| IdentityTerm {
            figure: figure.clone(),
            adds: *adds,
            value: value(figure, currency),
        });
        let parts: Vec<_> = parts.collect();
        let sum: i128 = parts.iter().map(|it| if it.adds { it.value } else { -it.value }).sum();
        IdentityRun {
            identity: one.id.clone(),
            name: one.name.clone(),
            currency: currency.map(str::to_owned),
            whole: one.whole.clone(),
            value: whole,
            parts,
            difference: whole - sum,
        }
    };
    currencies.into_iter().map(run).collect()
}

/// # Errors
/// Some do not hold: nothing is published (M17).
pub fn check_identities(identities: &[IdentityRun]) -> Result<(), FigureRunError> {
    let broken: Vec<_> = identities.iter().filter(|one| one.difference != 0).cloned().collect();
    if broken.is_empty() { Ok(()) } else { Err(FigureRunError::Broken(broken)) }
}
