//! The report of a day, as one page and as text.

use std::fmt::Write as _;

use ::pulse::figures::{Figure, FigureAudience, FigureSet, FigureUnit};
use ::pulse::report::{DailyReport, ReportedClaim, Revision, RevisionCause};
use ::pulse::run::FigureValue;
use askama::Template;

use super::chart::TrendChart;
use super::claims::{claim_sentences, correction_sentence, verdict_name};
use crate::PageWords;
use crate::forms::{date, money, number, time};
use crate::texts::fill;

/// A figure, large.
struct Tile {
    name: String,
    href: String,
    values: Vec<(String, String)>,
    /// Against the day before.
    change: String,
}

/// A line of a section.
struct Line {
    name: String,
    /// Empty for a part of the figure above.
    href: String,
    is_part: bool,
    value: String,
    unit: String,
    share: String,
}

struct Section {
    title: String,
    lines: Vec<Line>,
    has_shares: bool,
}

struct Change {
    what: String,
    href: String,
    change: String,
    why: Vec<(String, String)>,
}

struct ClaimShown {
    says: String,
    from: String,
    source: Option<String>,
    source_name: String,
    verdict: &'static str,
    holds: bool,
    steps: Vec<String>,
    href: String,
}

struct Check {
    name: String,
    value: String,
}

struct ChartShown {
    title: String,
    svg: String,
    head: (&'static str, String),
    rows: Vec<(String, String)>,
}

/// The report of a day for an audience, in a language.
#[derive(Template)]
#[template(path = "pulse/report.html")]
pub struct ReportView {
    words: PageWords,
    pub title: String,
    lead: String,
    tiles: Vec<Tile>,
    charts: Vec<ChartShown>,
    sections: Vec<Section>,
    changes: Vec<Change>,
    claims: Vec<ClaimShown>,
    checks: Vec<Check>,
    facts: Vec<(&'static str, String)>,
}

/// A value with its unit: minor units as an amount, or a count.
#[must_use]
pub fn value_text(
    words: PageWords,
    unit: FigureUnit,
    currency: Option<&str>,
    value: i128,
) -> (String, String) {
    match unit {
        FigureUnit::Money => {
            let currency = currency.unwrap_or_default();
            (money(value, currency), currency.to_owned())
        }
        unit => {
            let name = words.entry("pulse.unit", unit.name()).unwrap_or_default();
            (number(value), fill(name, &mut |_| value.to_string()))
        }
    }
}

/// Tenths of a percent, as `12.3%`.
#[must_use]
pub fn percent(tenths: i128) -> String {
    let sign = if tenths < 0 { "\u{2212}" } else { "" };
    format!("{sign}{}.{}%", tenths.abs() / 10, tenths.abs() % 10)
}

/// Shares in tenths of a percent that add up to 100.0%: the largest remainders get what is left.
#[must_use]
pub fn shares(values: &[i128]) -> Option<Vec<i128>> {
    let sum: i128 = values.iter().sum();
    if sum <= 0 || values.iter().any(|value| *value < 0) {
        return None;
    }
    let mut shares: Vec<i128> = values.iter().map(|value| value * 1_000 / sum).collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse((values[*place] * 1_000 % sum, values[*place])));
    let left = 1_000 - shares.iter().sum::<i128>();
    for place in order.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        shares[place] += 1;
    }
    assert_eq!(shares.iter().sum::<i128>(), 1_000, "M17: shares are 100%");
    Some(shares)
}

/// Makes the parts of a report.
struct Shown<'r> {
    words: PageWords,
    set: &'r FigureSet,
    report: &'r DailyReport,
    number: u64,
    audience: FigureAudience,
}

impl<'r> Shown<'r> {
    fn sees(&self, figure: &Figure) -> bool {
        figure.audience <= self.audience
    }

    fn href(&self, figure: &str) -> String {
        format!("/pulse/figures/{figure}?report={}", self.number)
    }

    fn text(&self, of: &'r ::pulse::figures::Bilingual) -> &'r str {
        of.get(self.words.is_zh())
    }

    fn sums(&self, figure: &Figure) -> Vec<(Option<&'r str>, i128)> {
        let run = self.report.figure(&figure.id);
        run.map(|run| run.sums().into_iter().collect()).unwrap_or_default()
    }

    fn value(&self, figure: &Figure, currency: Option<&str>, value: i128) -> (String, String) {
        value_text(self.words, figure.unit, currency, value)
    }

    /// Against the day before: growth if there was something.
    fn change(&self, figure: &Figure) -> String {
        let mut days = self.report.trend.iter().rev().skip(1);
        let Some(before) = days.next().and_then(|day| day.figures.get(&figure.id)) else {
            return String::new();
        };
        let sums = self.sums(figure);
        let [(currency, now)] = sums.as_slice() else { return String::new() };
        let was: i128 = before
            .iter()
            .filter(|one| one.currency.as_deref() == *currency)
            .map(|one| i128::from(one.value))
            .sum();
        if was <= 0 {
            return String::new();
        }
        let tenths = (now - was) * 1_000 / was;
        let change = match tenths {
            0 => return self.words.get("pulse.as_before").to_owned(),
            tenths if tenths > 0 => format!("+{}", percent(tenths)),
            tenths => percent(tenths),
        };
        self.words.fill("pulse.than_before", &[("change", &change)])
    }

    fn tiles(&self) -> Vec<Tile> {
        let figures = self.set.figures.iter().filter(|one| one.headline && self.sees(one));
        let tile = |figure: &Figure| {
            let mut sums = self.sums(figure);
            if sums.is_empty() && figure.unit != FigureUnit::Money {
                sums.push((None, 0));
            }
            let values = sums.into_iter().map(|(currency, sum)| self.value(figure, currency, sum));
            let mut values: Vec<_> = values.collect();
            if values.is_empty() {
                values.push((crate::forms::NOTHING.to_owned(), String::new()));
            }
            Tile {
                name: figure.name.get(self.words.is_zh()).to_owned(),
                href: self.href(&figure.id),
                values,
                change: self.change(figure),
            }
        };
        figures.map(tile).collect()
    }

    fn lines(&self, figure: &Figure, lines: &mut Vec<Line>) {
        let sums = self.sums(figure);
        let name = figure.name.get(self.words.is_zh());
        let mut line = |name: &str, is_part, (value, unit): (String, String), share: String| {
            let href = if is_part { String::new() } else { self.href(&figure.id) };
            lines.push(Line { name: name.to_owned(), href, is_part, value, unit, share });
        };
        if sums.is_empty() {
            let nothing = match figure.unit {
                FigureUnit::Money => (crate::forms::NOTHING.to_owned(), String::new()),
                _ => self.value(figure, None, 0),
            };
            line(name, false, nothing, String::new());
        }
        for (currency, sum) in sums {
            line(name, false, self.value(figure, currency, sum), String::new());
            let Some(run) = self.report.figure(&figure.id).filter(|_| figure.by.is_some()) else {
                continue;
            };
            let of = |one: &&FigureValue| one.currency.as_deref() == currency;
            let parts: Vec<&FigureValue> = run.values.iter().filter(of).collect();
            let values: Vec<i128> = parts.iter().map(|one| i128::from(one.value)).collect();
            let shares = if figure.shares { shares(&values) } else { None };
            for (place, part) in parts.iter().enumerate() {
                let word = part.by.as_deref().unwrap_or_default();
                let called = figure.words.get(word).map(|it| it.get(self.words.is_zh()));
                let share = shares.as_ref().map(|all| percent(all[place])).unwrap_or_default();
                let value = self.value(figure, currency, values[place]);
                line(called.unwrap_or(word), true, value, share);
            }
        }
    }

    fn sections(&self) -> Vec<Section> {
        let sections = self.set.sections.iter().map(|section| {
            let figures = self.set.figures.iter();
            let figures = figures.filter(|one| one.section == section.id && self.sees(one));
            let figures = figures.filter(|one| !one.is_check);
            let mut lines = Vec::new();
            figures.for_each(|figure| self.lines(figure, &mut lines));
            let has_shares = lines.iter().any(|line| !line.share.is_empty());
            Section { title: self.text(&section.title).to_owned(), lines, has_shares }
        });
        sections.filter(|section| !section.lines.is_empty()).collect()
    }

    fn charts(&self) -> Vec<ChartShown> {
        let figures = self.set.figures.iter().filter(|one| one.headline && self.sees(one));
        let chart = |figure: &Figure| {
            let days = &self.report.trend;
            // One chart has one unit: the currency with the most today.
            let currency =
                self.sums(figure).into_iter().max_by_key(|(_, sum)| *sum).and_then(|(it, _)| it);
            let of = |day: &::pulse::report::TrendDay| {
                let values = day.figures.get(&figure.id).into_iter().flatten();
                let here = values.filter(|one| one.currency.as_deref() == currency);
                here.map(|one| one.value).sum::<i64>()
            };
            let bars = days.iter().map(|day| {
                let value = of(day);
                let (text, _) = self.value(figure, currency, value.into());
                (date(self.words, &day.day), value, text)
            });
            let bars: Vec<_> = bars.collect();
            let name = figure.name.get(self.words.is_zh());
            let unit = self.value(figure, currency, 0).1;
            let title = self.words.fill("pulse.trend", &[("figure", &name), ("unit", &unit)]);
            let all: Vec<String> =
                bars.iter().map(|(day, _, value)| format!("{day}: {value}")).collect();
            let chart = TrendChart {
                id: format!("trend-{}", figure.id),
                title: title.clone(),
                about: all.join("; "),
                bars: bars.clone(),
            };
            ChartShown {
                svg: chart.svg(),
                head: (self.words.get("pulse.day"), unit),
                rows: bars.into_iter().map(|(day, _, value)| (day, value)).collect(),
                title,
            }
        };
        let has_days = self.report.trend.len() > 1;
        figures.filter(|_| has_days).take(2).map(chart).collect()
    }

    fn cause(
        &self,
        figure: &Figure,
        revision: &Revision,
        cause: &RevisionCause,
    ) -> (String, String) {
        let commands: Vec<&str> =
            cause.commands.iter().map(|name| self.words.command(name)).collect();
        let command = match commands.is_empty() {
            true => self.words.get("pulse.a_change").to_owned(),
            false => commands.join(" + "),
        };
        let currency = revision.currency.as_deref();
        let (value, unit) = self.value(figure, currency, cause.change.into());
        let values: [(&str, &dyn std::fmt::Display); 5] = [
            ("command", &command),
            ("batch", &number(cause.batch.into())),
            ("time", &time(self.words, cause.at, 0)),
            ("change", &value),
            ("unit", &unit),
        ];
        (self.words.fill("pulse.cause", &values), format!("/{}/{}", cause.view, cause.key))
    }

    fn changes(&self) -> Vec<Change> {
        let shown = self.report.revisions.iter().filter_map(|revision| {
            let figure = self.set.figure(&revision.figure)?;
            if figure.is_check || !self.sees(figure) {
                return None;
            }
            let currency = revision.currency.as_deref();
            let (old, unit) = self.value(figure, currency, revision.old.into());
            let (new, _) = self.value(figure, currency, revision.new.into());
            // Only who sees the rows sees which they are.
            let causes = match self.audience {
                FigureAudience::Finance => &revision.causes[..],
                FigureAudience::Everyone => &[],
            };
            let mut why: Vec<_> =
                causes.iter().map(|cause| self.cause(figure, revision, cause)).collect();
            if causes.is_empty() && !revision.causes.is_empty() {
                let count = revision.causes.len() as u64 + revision.other_causes;
                why.push((self.words.fill("pulse.causes", &[("count", &count)]), String::new()));
            } else if revision.other_causes > 0 {
                let (change, _) = self.value(figure, currency, revision.other_change.into());
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("count", &revision.other_causes), ("change", &change)];
                why.push((self.words.fill("pulse.other_causes", &values), String::new()));
            }
            if revision.is_redefined {
                why.push((self.words.get("pulse.redefined").to_owned(), String::new()));
            }
            let name = figure.name.get(self.words.is_zh());
            Some(Change {
                what: format!("{}, {name}", date(self.words, &revision.day)),
                href: self.href(&figure.id),
                change: format!("{old} → {new} {unit}").trim_end().to_owned(),
                why,
            })
        });
        shown.collect()
    }

    fn claim(&self, claim: &ReportedClaim) -> ClaimShown {
        let words = self.words;
        let from = [&claim.publisher, &claim.universe, &claim.period, &claim.date];
        let from: Vec<&str> = from.into_iter().flatten().map(String::as_str).collect();
        let is_link = |source: &&String| source.starts_with("https://");
        let mut steps = claim_sentences(words, claim);
        steps.extend(correction_sentence(words, claim));
        ClaimShown {
            says: claim.text.clone().unwrap_or_else(|| claim.id.clone()),
            from: from.join(" · "),
            source: claim.source.as_ref().filter(is_link).cloned(),
            source_name: claim.source.clone().unwrap_or_default(),
            verdict: verdict_name(words, claim.verdict),
            holds: claim.verdict == ::pulse::claims::Verdict::Holds,
            steps,
            href: format!("/pulse/{}/claims/{}", self.number, claim.id),
        }
    }

    fn checks(&self) -> Vec<Check> {
        let seen = self.report.identities.iter().filter_map(|one| {
            let figure = self.set.figure(&one.whole)?;
            let all_seen = one
                .parts
                .iter()
                .all(|term| self.set.figure(&term.figure).is_some_and(|figure| self.sees(figure)));
            if !self.sees(figure) || !all_seen {
                return None;
            }
            let (value, unit) = self.value(figure, one.currency.as_deref(), one.value);
            let name = one.name.get(self.words.is_zh()).to_owned();
            Some(Check { name, value: format!("{value} {unit}").trim_end().to_owned() })
        });
        seen.collect()
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let (words, report) = (self.words, self.report);
        let versions: Vec<String> = report
            .versions
            .iter()
            .map(|one| {
                let kind = words.entry("pulse.version", &one.kind).unwrap_or(&one.kind);
                format!("{kind} {} {}", one.name, one.version)
            })
            .collect();
        let files: Vec<String> =
            report.files.iter().map(|(name, digest)| format!("{name} {}", &digest[..12])).collect();
        vec![
            (words.get("pulse.position"), number(report.span.position.into())),
            (words.get("pulse.taken_at"), format!("{} UTC", time(words, report.at, 0))),
            (words.get("pulse.in_force"), versions.join(", ")),
            (words.get("pulse.files"), files.join(", ")),
            (words.get("pulse.digest"), report.digest()),
        ]
    }
}

impl ReportView {
    #[must_use]
    pub fn new(
        words: PageWords,
        set: &FigureSet,
        (number, report): (u64, &DailyReport),
        audience: FigureAudience,
    ) -> ReportView {
        let shown = Shown { words, set, report, number, audience };
        let day = date(words, &report.span.day);
        let checks = shown.checks();
        let values: [(&str, &dyn std::fmt::Display); 2] =
            [("count", &checks.len()), ("changes", &shown.changes().len())];
        ReportView {
            words,
            title: words.fill("pulse.of_day", &[("day", &day)]),
            lead: words.fill("pulse.lead", &values),
            tiles: shown.tiles(),
            charts: shown.charts(),
            sections: shown.sections(),
            changes: shown.changes(),
            claims: report.claims.iter().map(|claim| shown.claim(claim)).collect(),
            checks,
            facts: shown.facts(),
        }
    }

    fn t(&self, key: &str) -> &'static str {
        self.words.get(key)
    }

    /// The page, without what stands around it.
    ///
    /// # Panics
    /// Never: a template into a text.
    #[must_use]
    pub fn html(&self) -> String {
        self.render().expect("a text takes what a template writes")
    }

    /// The same as plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!("{}\n\n{}\n", self.title, self.lead);
        let heading = |out: &mut String, title: &str| {
            let _ = write!(out, "\n{title}\n\n");
        };
        if !self.tiles.is_empty() {
            out.push('\n');
        }
        for tile in &self.tiles {
            let values: Vec<String> =
                tile.values.iter().map(|(value, unit)| format!("{value} {unit}")).collect();
            let _ = write!(out, "{}: {}", tile.name, values.join(", ").trim_end());
            if !tile.change.is_empty() {
                let _ = write!(out, " ({})", tile.change);
            }
            out.push('\n');
        }
        for section in &self.sections {
            heading(&mut out, &section.title);
            for line in &section.lines {
                let begin = if line.is_part { "    " } else { "" };
                let share = match line.share.as_str() {
                    "" => String::new(),
                    share => format!(" ({share})"),
                };
                let value = format!("{} {}", line.value, line.unit);
                let _ = writeln!(out, "{begin}{}: {}{share}", line.name, value.trim_end());
            }
        }
        if !self.changes.is_empty() {
            heading(&mut out, self.t("pulse.changes"));
            for change in &self.changes {
                let _ = writeln!(out, "{}: {}", change.what, change.change);
                for (why, _) in &change.why {
                    let _ = writeln!(out, "    {why}");
                }
            }
        }
        if !self.claims.is_empty() {
            heading(&mut out, self.t("pulse.claims"));
            for claim in &self.claims {
                let _ = writeln!(out, "{}: {}", claim.verdict, claim.says);
                for line in
                    [&claim.from, &claim.source_name].into_iter().filter(|it| !it.is_empty())
                {
                    let _ = writeln!(out, "    {line}");
                }
                for step in &claim.steps {
                    let _ = writeln!(out, "    {step}");
                }
            }
        }
        heading(&mut out, self.t("pulse.checked"));
        for check in &self.checks {
            let _ = writeln!(out, "{}: {}", check.name, check.value);
        }
        out.push('\n');
        for (name, fact) in &self.facts {
            let _ = writeln!(out, "{name}: {fact}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_100_percent() {
        assert_eq!(shares(&[1, 1, 1]), Some(vec![334, 333, 333]));
        assert_eq!(shares(&[1, 0]), Some(vec![1_000, 0]));
        assert_eq!(shares(&[5, 5, 6]), Some(vec![313, 312, 375]));
        assert_eq!(shares(&[0, 0]), None);
        assert_eq!(shares(&[3, -1]), None);
        assert_eq!((percent(361), percent(-5)), ("36.1%".into(), "\u{2212}0.5%".into()));
    }
}
