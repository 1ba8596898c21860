//! `doorstep pulse publish`, and the same for `serve`.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail};
use pages::pulse::published_form;
use pulse::correction::ReportCorrection;
use pulse::figures::{Bilingual, FigureSet};
use pulse::folders::claims_of;
use pulse::report::{ReportParts, ReportedClaim, make};
use pulse::run::{FigureRunError, last_day_over, span_of};
use pulse::store::{Publication, PublicationError, Publications};
use serde_json::json;
use views::read::ViewReader;

use super::{PublishArgs, check_data};
use crate::texts::{filled, text};
use crate::words::{Lang, say};

/// What is published, of which day. Without a day it is the last one that is over.
pub struct ToPublish<'p> {
    pub data: &'p Path,
    pub set: &'p FigureSet,
    pub day: Option<&'p str>,
    pub at: Option<u64>,
}

/// Publishes the report of a day: the number. None if no day is over.
pub fn publish_report(
    what: &ToPublish<'_>,
    reader: &mut ViewReader,
) -> anyhow::Result<Option<(u64, Publication)>> {
    let store = Publications::of(what.data);
    let Some(over) = last_day_over(reader)? else {
        return match what.day {
            Some(day) => Err(FigureRunError::NotOver { day: day.to_owned() }.into()),
            None => Ok(None),
        };
    };
    let day = what.day.unwrap_or(&over);
    let span = span_of(reader, None, Some(day), what.at)?;
    if span.day > over {
        return Err(FigureRunError::NotOver { day: span.day }.into());
    }
    let earlier = store.reports()?;
    if let Some(one) = earlier.iter().find(|one| one.span.day == span.day) {
        let (day, number) = (span.day, one.number);
        return Err(PublicationError::Published { day, number }.into());
    }
    let claims = new_claims(what.data, &store)?;
    let report = make(ReportParts { set: what.set, span, earlier: &earlier, claims }, reader)?;
    let publication = Publication::Report(Box::new(report));
    let number = store.publish(&publication, &mut |number, form| {
        published_form(what.set, (number, &publication), form)
    })?;
    Ok(Some((number, publication)))
}

/// Claims that no report had yet, as the files of the data directory have them.
fn new_claims(data: &Path, store: &Publications) -> anyhow::Result<Vec<ReportedClaim>> {
    let judged = ReportedClaim::of(&claims_of(data)?);
    let mut known = BTreeSet::new();
    for number in store.numbers()? {
        if let Publication::Report(report) = store.read(number)? {
            known.extend(report.claims.into_iter().map(|claim| claim.id));
        }
    }
    Ok(judged.into_iter().filter(|claim| !known.contains(&claim.id)).collect())
}

fn correct(args: &PublishArgs, of: u64) -> anyhow::Result<(u64, Publication)> {
    let data = &args.flags.data;
    let store = Publications::of(data);
    let published = store.read(of)?;
    let report = published.report().ok_or(PublicationError::NoReport(of))?;
    let set = args.flags.set()?;
    let mut reader = args.flags.reader(Some(report.span.position))?;
    let mut figures = Vec::new();
    for run in &report.figures {
        // A figure that there is no more stays as it was.
        figures.push(match set.figure(&run.figure) {
            Some(figure) => set.run_one(figure, &mut reader, &report.span)?,
            None => run.clone(),
        });
    }
    let why = [&args.why_en, &args.why_zh].map(|text| text.clone().unwrap_or_default());
    let [en, zh] = why.map(|text| text.trim().to_owned());
    if en.is_empty() || zh.is_empty() {
        bail!("{}", text(Lang::current(), "pulse.no_why"));
    }
    let claims = ReportedClaim::of(&claims_of(data)?);
    let why = Bilingual { en, zh };
    let parts = (figures, &claims[..], &args.withdraw[..]);
    let correction = ReportCorrection::of(of, report, parts, why)
        .with_context(|| filled(Lang::current(), "pulse.nothing_wrong", &[("number", &of)]))?;
    let publication = Publication::Correction(Box::new(correction));
    let number = store.publish(&publication, &mut |number, form| {
        published_form(&set, (number, &publication), form)
    })?;
    Ok((number, publication))
}

pub(super) fn publish(args: &PublishArgs) -> anyhow::Result<()> {
    check_data(&args.flags.data)?;
    let published = match args.correct {
        Some(of) => Some(correct(args, of)?),
        None => {
            let set = args.flags.set()?;
            let mut reader = args.flags.reader(args.at)?;
            let (data, day) = (args.flags.data.as_path(), args.day.as_deref());
            let what = ToPublish { data, set: &set, day, at: args.at };
            publish_report(&what, &mut reader)?
        }
    };
    let (number, publication) =
        published.with_context(|| text(Lang::current(), "pulse.no_day_over"))?;
    let (day, digest) = (publication.day().to_owned(), publication.digest());
    if args.json {
        say!("{}", json!({ "number": number, "day": day, "digest": digest }));
        return Ok(());
    }
    let values: [(&str, &dyn std::fmt::Display); 3] =
        [("number", &number), ("day", &day), ("digest", &digest)];
    say!("{}", filled(Lang::current(), "pulse.published", &values));
    Ok(())
}
