//! The report of a day: figures that hold, what changed in the figures of the days before, and
//! claims of others with a verdict.
//!
//! A report depends on its position, on the reports that were published before that position, and
//! on the claims. So it can be made again, byte for byte.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use views::read::{FilterOperator, ListQuery, ReadViewError, RowsOf, ViewFilter, ViewReader};
use views::{RowSpan, ViewSpec, ViewValue};

use crate::claims::{Claim, SentenceValue, Verdict, judge};
use crate::figures::{Figure, FigureSet, digest_of};
use crate::run::{
    FigurePart, FigureRun, FigureRunError, FigureSpan, FigureValue, FiguresRun, IdentityRun,
    PARTS_MAX, VersionInForce, check_identities, span_of,
};

/// Days whose figures are computed again with each report.
pub const REVISED_DAYS: usize = 7;
/// Days of the charts.
pub const TREND_DAYS: usize = 14;
/// Causes of one change that are named.
pub const CAUSES_MAX: usize = 5;

/// What was published: enough to compute it again.
#[derive(Clone, Debug)]
pub struct EarlierReport {
    pub number: u64,
    pub span: FigureSpan,
    pub figures: Vec<FigureRun>,
    /// What it said of the days before.
    pub revisions: Vec<Revision>,
}

/// Why a value changed: what happened to a thing that the figure is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionCause {
    pub view: String,
    /// The key of its row.
    pub key: String,
    /// By how much it changed the value.
    pub change: i64,
    pub batch: u64,
    /// The time of that batch, in milliseconds since 1970.
    pub at: i64,
    /// The commands, if the views say which of the batch they were.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub commands: Vec<String>,
}

/// A figure of an earlier day, old → new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    pub day: String,
    pub figure: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub currency: Option<String>,
    pub old: i64,
    pub new: i64,
    /// Where the old value was taken.
    pub old_position: u64,
    /// Whether the figure itself is defined in another way now.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub is_redefined: bool,
    pub causes: Vec<RevisionCause>,
    /// Causes that are not named, and what they changed.
    pub other_causes: u64,
    pub other_change: i64,
}

/// A sentence by its key in the texts, with its facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedSentence {
    pub key: String,
    pub facts: BTreeMap<String, String>,
}

/// A claim of somebody else with our verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedClaim {
    pub id: String,
    /// What it says, in its own words.
    pub text: Option<String>,
    pub publisher: Option<String>,
    pub date: Option<String>,
    pub source: Option<String>,
    pub universe: Option<String>,
    pub period: Option<String>,
    pub verdict: Verdict,
    pub reasons: Vec<ReportedSentence>,
    /// All single corrections that would make it hold.
    pub corrections: Vec<ReportedSentence>,
    /// SHA-256 of the claim and its figures.
    pub digest: String,
}

impl ReportedClaim {
    /// Claims with what the arithmetic says of them, in their order.
    #[must_use]
    pub fn of(claims: &[Claim]) -> Vec<ReportedClaim> {
        let sentence = |key: &str, facts: &[SentenceValue]| ReportedSentence {
            key: key.to_owned(),
            facts: facts.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect(),
        };
        let judged = judge(claims);
        let reported = claims.iter().zip(judged).map(|(claim, judgement)| ReportedClaim {
            id: claim.id.clone(),
            text: claim.text.clone(),
            publisher: claim.publisher.clone(),
            date: claim.date.clone(),
            source: claim.source.clone(),
            universe: claim.universe.clone(),
            period: claim.period.clone(),
            verdict: judgement.verdict,
            reasons: judgement.reasons.iter().map(|it| sentence(it.key, &it.facts)).collect(),
            corrections: judgement
                .corrections
                .iter()
                .map(|it| sentence(it.key, &it.facts))
                .collect(),
            digest: digest_of([format!("{claim:?}").as_str()]),
        });
        reported.collect()
    }
}

/// A day before, in the charts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrendDay {
    pub day: String,
    /// The headline figures, by name.
    pub figures: BTreeMap<String, Vec<FigureValue>>,
}

/// The report of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailyReport {
    pub span: FigureSpan,
    /// The time of the last command of its position, in milliseconds since 1970.
    pub at: i64,
    pub versions: Vec<VersionInForce>,
    /// The name of each file of figures, and its SHA-256.
    pub files: Vec<(String, String)>,
    pub figures: Vec<FigureRun>,
    pub identities: Vec<IdentityRun>,
    /// The newest last.
    pub trend: Vec<TrendDay>,
    pub revisions: Vec<Revision>,
    pub claims: Vec<ReportedClaim>,
}

impl DailyReport {
    /// SHA-256 of its JSON.
    ///
    /// # Panics
    /// Never: it has nothing that JSON lacks.
    #[must_use]
    pub fn digest(&self) -> String {
        let json = serde_json::to_string(self).expect("a report is JSON");
        digest_of([json.as_str()])
    }

    #[must_use]
    pub fn figure(&self, id: &str) -> Option<&FigureRun> {
        self.figures.iter().find(|run| run.figure == id)
    }
}

/// What a report is made with.
pub struct ReportParts<'r> {
    pub set: &'r FigureSet,
    pub span: FigureSpan,
    /// In their order. Those at or behind the position are left out.
    pub earlier: &'r [EarlierReport],
    pub claims: Vec<ReportedClaim>,
}

/// Computes the report. An identity that fails, a published figure that cannot be computed again at
/// its position, or a change without a cause ends it (M17).
///
/// # Errors
/// Why there is no report.
pub fn make(
    parts: ReportParts<'_>,
    reader: &mut ViewReader,
) -> Result<DailyReport, FigureRunError> {
    let ReportParts { set, span, earlier, claims } = parts;
    let run = set.run(reader, &span)?;
    check_identities(&run.identities)?;
    let earlier: Vec<&EarlierReport> = earlier
        .iter()
        .filter(|one| one.span.position < span.position && one.span.day < span.day)
        .collect();
    if let Some(last) = earlier.last() {
        check_recomputed(set, last, reader)?;
    }
    let mut revisions = Vec::new();
    for day in last_of_each_day(&earlier).into_iter().rev().take(REVISED_DAYS) {
        revise(set, day, &earlier, span.position, reader, &mut revisions)?;
    }
    let trend = trend(set, &earlier, &revisions, &run);
    let FiguresRun { span, at, figures, identities, versions } = run;
    let files = set.files.clone();
    Ok(DailyReport { span, at, versions, files, figures, identities, trend, revisions, claims })
}

/// The newest report of each day, by day.
fn last_of_each_day<'e>(earlier: &[&'e EarlierReport]) -> Vec<&'e EarlierReport> {
    let mut days: BTreeMap<&str, &EarlierReport> = BTreeMap::new();
    for one in earlier {
        days.insert(&one.span.day, one);
    }
    days.into_values().collect()
}

/// The same statement at the same position gives the same value, for ever.
fn check_recomputed(
    set: &FigureSet,
    last: &EarlierReport,
    reader: &mut ViewReader,
) -> Result<(), FigureRunError> {
    for published in &last.figures {
        let Some(figure) = set.figure(&published.figure) else { continue };
        if figure.digest != published.definition {
            continue;
        }
        let now = set.run_one(figure, reader, &last.span)?;
        if now.digest != published.digest {
            let (published, now) = difference_of(published, &now);
            let (figure, day) = (figure.id.clone(), last.span.day.clone());
            return Err(FigureRunError::NotRecomputed { figure, day, published, now });
        }
    }
    Ok(())
}

/// The first values that differ, in words.
fn difference_of(old: &FigureRun, new: &FigureRun) -> (String, String) {
    let (before, now) = (old.sums(), new.sums());
    let mut keys: Vec<_> = before.keys().chain(now.keys()).copied().collect();
    keys.sort_unstable();
    keys.dedup();
    let said = |sums: &BTreeMap<Option<&str>, i128>, key| {
        let value = sums.get(&key).copied().unwrap_or(0);
        key.map_or_else(|| value.to_string(), |currency: &str| format!("{value} {currency}"))
    };
    let differs = keys.iter().find(|key| before.get(*key) != now.get(*key));
    differs.map_or_else(
        || (format!("{:?}", old.values), format!("{:?}", new.values)),
        |key| (said(&before, *key), said(&now, *key)),
    )
}

/// The value of a figure of a day that was published last, by currency, with its position.
fn known<'e>(
    day: &'e EarlierReport,
    earlier: &[&'e EarlierReport],
    figure: &str,
    currency: Option<&str>,
) -> (i64, u64) {
    let run = day.figures.iter().find(|run| run.figure == figure);
    let first = run.and_then(|run| run.sums().get(&currency).copied()).unwrap_or(0);
    let mut known = (i64::try_from(first).unwrap_or(i64::MAX), day.span.position);
    for report in earlier.iter().filter(|one| one.number > day.number) {
        let later = report.revisions.iter().find(|one| {
            one.day == day.span.day && one.figure == figure && one.currency.as_deref() == currency
        });
        if let Some(later) = later {
            known = (later.new, report.span.position);
        }
    }
    known
}

fn revise(
    set: &FigureSet,
    day: &EarlierReport,
    earlier: &[&EarlierReport],
    position: u64,
    reader: &mut ViewReader,
    revisions: &mut Vec<Revision>,
) -> Result<(), FigureRunError> {
    for published in &day.figures {
        let Some(figure) =
            set.figure(&published.figure).filter(|one| one.can_change() && !one.is_check)
        else {
            continue;
        };
        let span = FigureSpan { position, ..day.span.clone() };
        let now = set.run_one(figure, reader, &span)?;
        let (before, sums) = (published.sums(), now.sums());
        let mut currencies: Vec<Option<&str>> = before.keys().chain(sums.keys()).copied().collect();
        currencies.sort_unstable();
        currencies.dedup();
        for currency in currencies {
            let new = sums.get(&currency).copied().unwrap_or(0);
            let new = i64::try_from(new).unwrap_or(i64::MAX);
            let (old, old_position) = known(day, earlier, &figure.id, currency);
            if old == new {
                continue;
            }
            let is_redefined = figure.digest != published.definition;
            let mut revision = Revision {
                day: day.span.day.clone(),
                figure: figure.id.clone(),
                currency: currency.map(str::to_owned),
                old,
                new,
                old_position,
                is_redefined,
                causes: Vec::new(),
                other_causes: 0,
                other_change: 0,
            };
            if figure.parts.is_some() {
                explain(set, figure, &span, &mut revision, reader)?;
            }
            let is_explained = is_redefined
                || figure.parts.is_none()
                || !revision.causes.is_empty() && revision.is_whole();
            if !is_explained {
                let unit = revision.currency.map(|it| format!(" {it}")).unwrap_or_default();
                return Err(FigureRunError::WithoutCause {
                    figure: figure.id.clone(),
                    day: day.span.day.clone(),
                    old: format!("{old}{unit}"),
                    new: format!("{new}{unit}"),
                });
            }
            revisions.push(revision);
        }
    }
    Ok(())
}

impl Revision {
    /// Whether its causes add up to its change.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let named: i64 = self.causes.iter().map(|cause| cause.change).sum();
        named + self.other_change == self.new - self.old
    }
}

/// The rows that differ between two positions, each with what happened to it.
fn explain(
    set: &FigureSet,
    figure: &Figure,
    span: &FigureSpan,
    revision: &mut Revision,
    reader: &mut ViewReader,
) -> Result<(), FigureRunError> {
    let Some(of) = &figure.parts else { return Ok(()) };
    let old_span = FigureSpan { position: revision.old_position, ..span.clone() };
    let (old, _) = set.parts(figure, reader, &old_span, PARTS_MAX)?;
    let (new, _) = set.parts(figure, reader, span, PARTS_MAX)?;
    let mut changed: BTreeMap<String, (Vec<ViewValue>, i64)> = BTreeMap::new();
    let mut add = |part: FigurePart, sign: i64| {
        if part.currency == revision.currency {
            let entry = changed.entry(part.key_text()).or_insert((part.key, 0));
            entry.1 += sign * part.value;
        }
    };
    old.into_iter().for_each(|part| add(part, -1));
    new.into_iter().for_each(|part| add(part, 1));
    let changed = changed.into_iter().filter(|(_, (_, change))| *change != 0);
    for (key_text, (key, change)) in changed {
        if revision.causes.len() >= CAUSES_MAX {
            revision.other_causes += 1;
            revision.other_change += change;
            continue;
        }
        let between = (revision.old_position, span.position);
        if let Some((batch, at, commands)) = what_happened(of.view, &key, between, reader)? {
            let view = of.view.name.to_owned();
            let cause = RevisionCause { view, key: key_text, change, batch, at, commands };
            revision.causes.push(cause);
        }
    }
    Ok(())
}

fn batch_of(view: &ViewSpec, row: &[ViewValue]) -> Option<u64> {
    let column = match view.span {
        RowSpan::Between => "from_batch",
        RowSpan::Since(column) => column,
    };
    match row.get(view.place(column)?) {
        Some(ViewValue::Number(batch)) => Some(batch.cast_unsigned()),
        _ => None,
    }
}

/// The last change of a thing behind a batch and not behind another: its batch, the time, and the
/// commands if postings or the batch itself say which they were.
fn what_happened(
    view: &'static ViewSpec,
    key: &[ViewValue],
    (after, until): (u64, u64),
    reader: &mut ViewReader,
) -> Result<Option<(u64, i64, Vec<String>)>, ReadViewError> {
    let rows = match view.span {
        RowSpan::Between => reader.history(view, key, &RowsOf::Everyone, Some(until))?.0,
        RowSpan::Since(_) => {
            reader.detail(view, key, &RowsOf::Everyone, Some(until))?.0.into_iter().collect()
        }
    };
    let batches = rows.iter().filter_map(|row| batch_of(view, row));
    let Some(batch) = batches.filter(|batch| *batch > after && *batch <= until).max() else {
        return Ok(None);
    };
    let in_batch = |column: &str, value: ViewValue| ViewFilter {
        column: column.to_owned(),
        operator: FilterOperator::Equal(value),
    };
    let mut places = Vec::new();
    if let (Some(postings), Some(ViewValue::Parcel(parcel))) =
        (ViewSpec::find("postings"), key.first())
    {
        let filters =
            vec![in_batch("parcel", ViewValue::Parcel(*parcel)), in_batch("batch", batch.into())];
        let rows = reader.list(&ListQuery { filters, ..ListQuery::of(postings) })?.rows;
        let place = postings.place("command");
        places.extend(rows.iter().filter_map(|row| row.get(place?).cloned()));
    }
    let Some(commands) = ViewSpec::find("commands") else { return Ok(None) };
    let (mut at, mut names) = (0, Vec::new());
    let filters = vec![in_batch("batch", batch.into())];
    let query = ListQuery { filters, ..ListQuery::of(commands) };
    let (of_place, of_name, of_at) =
        (commands.place("command"), commands.place("name"), commands.place("at"));
    reader.export(&query, &mut |row| {
        let cell = |place: Option<usize>| place.and_then(|place| row.get(place));
        if let Some(ViewValue::Number(ms)) = cell(of_at) {
            at = at.max(*ms);
        }
        if let Some(ViewValue::Text(name)) = cell(of_name)
            && (places.is_empty() || cell(of_place).is_some_and(|place| places.contains(place)))
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_string());
        }
        ControlFlow::Continue(())
    })?;
    // One of many says nothing.
    let is_known = !places.is_empty() || names.len() == 1;
    Ok(Some((batch, at, if is_known { names } else { Vec::new() })))
}

/// The headline figures of the last days, as they are known now.
fn trend(
    set: &FigureSet,
    earlier: &[&EarlierReport],
    revisions: &[Revision],
    run: &FiguresRun,
) -> Vec<TrendDay> {
    let headlines: Vec<&Figure> = set.figures.iter().filter(|one| one.headline).collect();
    let mut days = Vec::new();
    for day in last_of_each_day(earlier).into_iter().rev().take(TREND_DAYS - 1) {
        let mut figures = BTreeMap::new();
        for figure in &headlines {
            let Some(of) = day.figures.iter().find(|one| one.figure == figure.id) else { continue };
            let changed = revisions
                .iter()
                .filter(|one| one.day == day.span.day && one.figure == figure.id)
                .map(|one| one.currency.as_deref());
            let currencies: std::collections::BTreeSet<Option<&str>> =
                of.sums().keys().copied().chain(changed).collect();
            let value = |currency: Option<&str>| {
                let now = revisions.iter().find(|one| {
                    one.day == day.span.day
                        && one.figure == figure.id
                        && one.currency.as_deref() == currency
                });
                now.map_or_else(|| known(day, earlier, &figure.id, currency).0, |one| one.new)
            };
            let values = currencies.iter().map(|currency| FigureValue {
                by: None,
                currency: currency.map(str::to_owned),
                value: value(*currency),
            });
            figures.insert(figure.id.clone(), values.collect());
        }
        days.push(TrendDay { day: day.span.day.clone(), figures });
    }
    days.reverse();
    let of_today = headlines.iter().filter_map(|figure| {
        let found = run.figures.iter().find(|one| one.figure == figure.id)?;
        let values = found.sums().into_iter().map(|(currency, value)| FigureValue {
            by: None,
            currency: currency.map(str::to_owned),
            value: i64::try_from(value).unwrap_or(i64::MAX),
        });
        Some((figure.id.clone(), values.collect()))
    });
    days.push(TrendDay { day: run.span.day.clone(), figures: of_today.collect() });
    days
}

/// The report of a day, made again as it was published: with the claims that it had.
///
/// # Errors
/// As [`make`].
pub fn make_again(
    set: &FigureSet,
    published: &DailyReport,
    earlier: &[EarlierReport],
    reader: &mut ViewReader,
) -> Result<DailyReport, FigureRunError> {
    let of = &published.span;
    let span = span_of(reader, None, Some(&of.day), Some(of.position))?;
    make(ReportParts { set, span, earlier, claims: published.claims.clone() }, reader)
}
