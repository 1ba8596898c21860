//! `doorstep pulse run`, `show` and `explain`.

use std::fmt::Display;

use pages::PageWords;
use pages::pulse::{ReportView, publication_title, value_text};
use pulse::figures::{Figure, FigureAudience, FigureSet};
use pulse::report::{DailyReport, ReportParts, make};
use pulse::run::{FigurePart, FigureRun, FigureRunError, FigureSpan, span_of};
use pulse::store::{Publication, Publications, PublishedForm};
use serde_json::{Value, json};

use super::{ExplainArgs, RunArgs, ShowArgs, check_data};
use crate::texts::{filled, text};
use crate::words::{Lang, page_words, say};

fn as_json(number: Option<u64>, publication: &Publication) -> anyhow::Result<Value> {
    let mut value = serde_json::to_value(publication)?;
    value["digest"] = publication.digest().into();
    value["number"] = number.into();
    Ok(value)
}

/// The number of the report that a day gets, or has.
fn number_of(store: &Publications, day: &str) -> anyhow::Result<u64> {
    let reports = store.reports()?;
    let known = reports.iter().find(|one| one.span.day == day).map(|one| one.number);
    Ok(match known {
        Some(number) => number,
        None => store.numbers()?.last().map_or(1, |last| last + 1),
    })
}

pub(super) fn run(args: &RunArgs) -> anyhow::Result<()> {
    let data = &args.flags.data;
    check_data(data)?;
    let set = args.flags.set()?;
    let mut reader = args.flags.reader(args.at)?;
    let span = span_of(&mut reader, args.since.as_deref(), args.day.as_deref(), args.at)?;
    let store = Publications::of(data);
    let earlier = store.reports()?;
    // Of a report that is published the claims are those that it had.
    let published = match args.since {
        Some(_) => None,
        None => earlier.iter().find(|one| one.span == span),
    };
    let claims = match published {
        Some(one) => store.read(one.number)?.report().map(|one| one.claims.clone()),
        None => None,
    };
    let number = number_of(&store, &span.day)?;
    let earlier = if args.since.is_some() { &[][..] } else { &earlier[..] };
    let claims = claims.unwrap_or_default();
    let report: DailyReport = make(ReportParts { set: &set, span, earlier, claims }, &mut reader)?;
    if args.form.json {
        say!("{}", as_json(None, &Publication::Report(Box::new(report)))?);
        return Ok(());
    }
    let audience = args.form.audience.into();
    let view = ReportView::new(page_words(), &set, (number, &report), audience);
    say!("{}", if args.form.html { view.html() } else { view.text() }.trim_end());
    Ok(())
}

pub(super) fn show(args: &ShowArgs) -> anyhow::Result<()> {
    check_data(&args.data)?;
    let (store, words) = (Publications::of(&args.data), page_words());
    let Some(which) = &args.which else {
        let mut all = Vec::new();
        for number in store.numbers()? {
            all.push((number, store.read(number)?));
        }
        if args.form.json {
            let all = all.iter().map(|(number, one)| {
                let kind = if one.report().is_some() { "report" } else { "correction" };
                json!({ "number": number, "kind": kind, "day": one.day(), "digest": one.digest() })
            });
            say!("{}", Value::from_iter(all));
            return Ok(());
        }
        for (number, one) in &all {
            say!("{number}  {}  {}", publication_title(words, one), &one.digest()[..12]);
        }
        if all.is_empty() {
            say!("{}", text(Lang::current(), "pulse.nothing"));
        }
        return Ok(());
    };
    let (number, publication) = store.find(which)?;
    if args.form.json {
        say!("{}", as_json(Some(number), &publication)?);
        return Ok(());
    }
    let (audience, is_html) = (args.form.audience.into(), args.form.html);
    let form = PublishedForm { audience, is_zh: words.is_zh(), is_html };
    say!("{}", store.form(number, form)?.trim_end());
    Ok(())
}

/// What is known of a figure.
struct Explained<'e> {
    figure: &'e Figure,
    span: FigureSpan,
    run: FigureRun,
    parts: Vec<FigurePart>,
    has_more: bool,
    /// Number and position of a publication, the value, and its currency.
    before: Vec<(u64, u64, Option<String>, i128)>,
}

pub(super) fn explain(args: &ExplainArgs) -> anyhow::Result<()> {
    let data = &args.flags.data;
    check_data(data)?;
    let set = args.flags.set()?;
    let figure = set.figure(&args.figure);
    let figure = figure.ok_or_else(|| FigureRunError::NoFigure(args.figure.clone()))?;
    let mut reader = args.flags.reader(args.at)?;
    let span = span_of(&mut reader, None, args.day.as_deref(), args.at)?;
    let run = set.run_one(figure, &mut reader, &span)?;
    let (parts, has_more) = match figure.parts {
        Some(_) => set.parts(figure, &mut reader, &span, args.limit)?,
        None => (Vec::new(), false),
    };
    let mut before = Vec::new();
    for report in Publications::of(data).reports()? {
        if report.span.day == span.day
            && let Some(run) = report.figures.iter().find(|one| one.figure == figure.id)
        {
            for (currency, value) in run.sums() {
                let currency = currency.map(str::to_owned);
                before.push((report.number, report.span.position, currency, value));
            }
        }
        let later = report.revisions.iter();
        for one in later.filter(|one| one.day == span.day && one.figure == figure.id) {
            let (number, position) = (report.number, report.span.position);
            before.push((number, position, one.currency.clone(), one.new.into()));
        }
    }
    let explained = Explained { figure, span, run, parts, has_more, before };
    match args.json {
        true => say!("{}", explained.json(&set)),
        false => explained.print(&set, page_words()),
    }
    Ok(())
}

impl Explained<'_> {
    fn json(&self, set: &FigureSet) -> Value {
        let Explained { figure, span, run, parts, has_more, before } = self;
        let identities = set.identities_of(&figure.id).map(|one| {
            let parts =
                one.parts.iter().map(|(adds, part)| json!({ "figure": part, "adds": adds }));
            json!({ "id": one.id, "name": one.name, "whole": one.whole,
                "parts": parts.collect::<Vec<_>>() })
        });
        let view = figure.parts.as_ref().map(|parts| parts.view.name);
        let rows = parts.iter().map(|part| {
            json!({ "key": part.key_text(), "currency": part.currency, "value": part.value })
        });
        let before = before.iter().map(|(number, position, currency, value)| {
            json!({ "number": number, "position": position, "currency": currency,
                "value": i64::try_from(*value).ok() })
        });
        json!({
            "figure": figure.id,
            "name": figure.name,
            "definition": figure.definition,
            "excludes": figure.excludes,
            "unit": figure.unit,
            "audience": figure.audience,
            "sql": figure.sql,
            "span": span,
            "values": run.values,
            "digest": run.digest,
            "identities": identities.collect::<Vec<_>>(),
            "parts": { "view": view, "rows": rows.collect::<Vec<_>>(), "has_more": has_more },
            "published": before.collect::<Vec<_>>(),
        })
    }

    fn print(&self, set: &FigureSet, words: PageWords) {
        let (lang, is_zh) = (Lang::current(), words.is_zh());
        let Explained { figure, span, run, parts, has_more, before } = self;
        let value = |currency: Option<&str>, value: i128| {
            let (value, unit) = value_text(words, figure.unit, currency, value);
            format!("{value} {unit}").trim_end().to_owned()
        };
        say!("{} ({})", figure.name.get(is_zh), figure.id);
        say!("  {}", figure.definition.get(is_zh));
        let excludes: &dyn Display = &figure.excludes.get(is_zh);
        say!("  {}", filled(lang, "pulse.excludes", &[("what", excludes)]));
        let who = match figure.audience {
            FigureAudience::Everyone => "pulse.for_everyone",
            FigureAudience::Finance => "pulse.for_finance",
        };
        say!("  {}", text(lang, who));
        let values: [(&str, &dyn Display); 4] = [
            ("day", &span.day),
            ("from", &span.from),
            ("until", &span.until),
            ("position", &span.position),
        ];
        say!("\n{}", filled(lang, "pulse.span", &values));
        for (currency, sum) in run.sums() {
            say!("  {}", value(currency, sum));
        }
        if run.values.is_empty() {
            say!("  {}", value(None, 0));
        }
        for one in run.values.iter().filter(|one| one.by.is_some()) {
            let word = one.by.as_deref().unwrap_or_default();
            let called = figure.words.get(word).map_or(word, |it| it.get(is_zh));
            say!("    {called}: {}", value(one.currency.as_deref(), one.value.into()));
        }
        say!("  {}: {}", text(lang, "pulse.sha"), run.digest);
        say!("\n{}\n", text(lang, "pulse.statement"));
        for line in figure.sql.lines() {
            say!("  {line}");
        }
        say!("\n{}", text(lang, "pulse.identities"));
        let mut is_checked = false;
        for one in set.identities_of(&figure.id) {
            say!("  {}: {}", one.id, one.name.get(is_zh));
            is_checked = true;
        }
        if !is_checked {
            say!("  {}", text(lang, "pulse.no_identities"));
        }
        if let Some(of) = &figure.parts {
            let view: &dyn Display = &of.view.name;
            say!("\n{}", filled(lang, "pulse.parts", &[("view", view)]));
            for part in parts {
                let of_part = value(part.currency.as_deref(), part.value.into());
                say!("  {}  {of_part}", part.key_text());
            }
            if *has_more {
                say!("  {}", text(lang, "pulse.more_parts"));
            }
        }
        if !before.is_empty() {
            say!("\n{}", text(lang, "pulse.before"));
        }
        for (number, position, currency, sum) in before {
            let values: [(&str, &dyn Display); 3] = [
                ("number", number),
                ("position", position),
                ("value", &value(currency.as_deref(), *sum)),
            ];
            say!("  {}", filled(lang, "pulse.was", &values));
        }
    }
}
