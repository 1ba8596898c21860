//! The daily report: what was published, and a figure with all that it is made of.

use axum::http::StatusCode;
use pulse::figures::{Figure, FigureAudience, FigureSet};
use pulse::run::span_of;
use pulse::store::{Publication, Publications};
use serde_json::{Value, json};

use crate::app::{Call, HttpAnswer, json_answer};
use crate::operations::Action;
use crate::problem::{Problem, ProblemKind};
use crate::pulse_figures::{audience_of, figures, of_publication, of_run};
use crate::query::QueryParameters;
use crate::times::rfc3339;

/// Id, path, action, and what it is about in both languages.
type Read = (&'static str, &'static str, Action, (&'static str, &'static str));

pub(crate) const PULSE_READS: [Read; 3] = [
    (
        "listPublications",
        "/v1/pulse",
        Action::Publications,
        ("Daily reports and corrections, the newest first", "日报与更正，最新的在前"),
    ),
    (
        "getPublication",
        "/v1/pulse/{number}",
        Action::Publication,
        ("A daily report or a correction, with its figures", "一份日报或更正及其数字"),
    ),
    (
        "getFigure",
        "/v1/pulse/figures/{figure}",
        Action::Figure,
        (
            "A figure of a day: definition, statement, value and parts",
            "某日的一项指标：定义、语句、数值与组成",
        ),
    ),
];
/// Of a figure.
pub(crate) const FIGURE_PARAMETERS: [&str; 3] = ["since", "day", "at"];
/// Rows of which a figure is made that are answered.
pub(crate) const PARTS_SHOWN: usize = 100;

pub(super) async fn list(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.caller()?;
    let data = call.app.data.clone();
    let done = call.app.workers.run(move |_| {
        let store = Publications::of(&data);
        let mut items = Vec::new();
        for number in store.numbers().map_err(of_publication)?.into_iter().rev() {
            let one = store.read(number).map_err(of_publication)?;
            items.push(json!({
                "number": number,
                "kind": if one.report().is_some() { "report" } else { "correction" },
                "day": one.day(),
                "at": rfc3339(one.at().max(0).cast_unsigned()),
                "digest": one.digest(),
            }));
        }
        Ok::<_, Problem>(items)
    });
    json_answer(StatusCode::OK, &json!({ "items": done.await?? }), None)
}

/// What an audience does not see is left out.
fn seen(publication: Publication, set: &FigureSet, audience: FigureAudience) -> Publication {
    let sees = |id: &str| {
        set.figure(id).map_or(audience == FigureAudience::Finance, |it| it.audience <= audience)
    };
    match publication {
        Publication::Report(mut report) => {
            report.figures.retain(|run| sees(&run.figure));
            report.revisions.retain(|one| sees(&one.figure));
            report
                .identities
                .retain(|one| sees(&one.whole) && one.parts.iter().all(|term| sees(&term.figure)));
            for day in &mut report.trend {
                day.figures.retain(|id, _| sees(id));
            }
            if audience == FigureAudience::Everyone {
                report.revisions.iter_mut().for_each(|one| one.causes.clear());
            }
            Publication::Report(report)
        }
        Publication::Correction(mut correction) => {
            correction.values.retain(|one| sees(&one.figure));
            correction.figures.retain(|run| sees(&run.figure));
            Publication::Correction(correction)
        }
    }
}

pub(super) async fn one(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    let audience = audience_of(&call.caller()?.principal);
    let number: u64 = call.path_part(2)?.parse().map_err(|_| ProblemKind::NoSuchRecord)?;
    let data = call.app.data.clone();
    let done = call.app.workers.run(move |_| {
        let publication = Publications::of(&data).read(number).map_err(of_publication)?;
        // Of all that was published, whatever is left out.
        let (digest, set) = (publication.digest(), figures(&data)?);
        let seen = seen(publication, &set, audience);
        let mut value = serde_json::to_value(seen).map_err(Problem::internal)?;
        (value["digest"], value["number"]) = (digest.into(), number.into());
        Ok::<_, Problem>(value)
    });
    json_answer(StatusCode::OK, &done.await??, None)
}

/// A figure that a caller may see.
pub(crate) fn figure_of<'s>(
    set: &'s FigureSet,
    id: &str,
    audience: FigureAudience,
) -> Result<&'s Figure, Problem> {
    let found = set.figure(id).filter(|figure| figure.audience <= audience);
    found.ok_or_else(|| ProblemKind::NoSuchRecord.into())
}

pub(super) async fn figure(call: Call) -> HttpAnswer {
    let query = QueryParameters::read(call.parts.uri.query(), &FIGURE_PARAMETERS)?;
    let audience = audience_of(&call.caller()?.principal);
    let id = call.path_part(3)?;
    let at = query.number("at", 0, i64::MAX.cast_unsigned())?;
    let day = query.get("day").map(str::to_owned);
    let since = query.get("since").map(str::to_owned);
    let app = call.app.clone();
    let done = call.app.workers.run(move |_| {
        let set = figures(&app.data)?;
        let figure = figure_of(&set, &id, audience)?;
        let mut reader = app.readers.take()?;
        let span = span_of(&mut reader, since.as_deref(), day.as_deref(), at);
        let span = span.map_err(|error| of_run(error, &app))?;
        let run = set.run_one(figure, &mut reader, &span).map_err(|error| of_run(error, &app))?;
        // The rows are for who reads all of them.
        let parts = match (&figure.parts, audience) {
            (Some(parts), FigureAudience::Finance) => {
                let found = set.parts(figure, &mut reader, &span, PARTS_SHOWN);
                let (rows, has_more) = found.map_err(|error| of_run(error, &app))?;
                let rows = rows.iter().map(|part| {
                    json!({ "key": part.key_text(), "currency": part.currency,
                        "value": part.value })
                });
                let rows: Vec<Value> = rows.collect();
                json!({ "view": parts.view.name, "rows": rows, "has_more": has_more })
            }
            _ => Value::Null,
        };
        app.readers.give_back(reader);
        let identities: Vec<Value> = set
            .identities_of(&figure.id)
            .map(|one| json!({ "id": one.id, "name": one.name, "whole": one.whole }))
            .collect();
        Ok::<_, Problem>(json!({
            "figure": figure.id,
            "name": figure.name,
            "definition": figure.definition,
            "excludes": figure.excludes,
            "unit": figure.unit,
            "sql": figure.sql,
            "span": span,
            "values": run.values,
            "digest": run.digest,
            "identities": identities,
            "parts": parts,
        }))
    });
    json_answer(StatusCode::OK, &done.await??, None)
}
