//! The daily report in the console: the latest one and all others, a figure, claims, the feeds.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use pages::forms::{NOTHING, date};
use pages::pulse::{
    ClaimsView, FeedEntry, FeedHead, FigureShown, FigureView, FigureVintage, PulsePage, atom,
    claim_sentences, correction_sentence, json_feed, json_in_page, publication_title, verdict_name,
};
use pages::{PageFrame, PageWords, nav_groups};
use pulse::claims::{Claim, claim_review, read as read_claims};
use pulse::figures::FigureAudience;
use pulse::report::ReportedClaim;
use pulse::run::span_of;
use pulse::store::{Publication, Publications, PublishedForm};

use super::form::Form;
use super::frames::{frame, readable};
use super::second_factor::check_csrf;
use super::{Visit, html, twin};
use crate::app::HttpAnswer;
use crate::handlers::{PARTS_SHOWN, figure_of};
use crate::operations::Action;
use crate::problem::{Problem, ProblemKind};
use crate::pulse_figures::{audience_of, figures, of_publication, of_run};
use crate::query::QueryParameters;

pub(super) const PULSE_PATH: &str = "/pulse";
/// Publications of a page and of a feed.
const ARCHIVE_MAX: usize = 60;
const FEED_MAX: usize = 30;
const ATOM: &str = "feed.atom";
const JSON_FEED: &str = "feed.json";
/// What stands in the form at first.
const EXAMPLE: &str = "[[claim]]\nid = \"digest-2013\"\nvalues = [\n    { name = \"b2c\", amount = \
     \"25.6\", scale = \"bn\", currency = \"USD\" },\n    { name = \"c2c\", amount = \"71\", scale \
     = \"bn\", currency = \"USD\" },\n]\nparts = [ { whole = \"total\", of = [\"b2c\", \"c2c\"] } \
     ]\nshares = [ { part = \"b2c\", whole = \"total\", percent = \"36.9\" } ]\n";

pub(super) fn framed(visit: &Visit, title: String) -> PageFrame {
    let caller = visit.call.caller.as_ref();
    let mut around = frame(&visit.call.app, visit.preferences, caller, visit.path());
    if let Some(caller) = caller {
        let shown = readable(&caller.principal);
        around.nav = nav_groups(visit.words(), &shown, None, None);
    }
    around.title = title;
    around
}

fn audience(visit: &Visit) -> Result<FigureAudience, Problem> {
    Ok(audience_of(&visit.call.caller()?.principal))
}

/// The newest publications, with their titles.
fn newest(
    store: &Publications,
    words: PageWords,
    most: usize,
) -> Result<Vec<(u64, String, Publication)>, Problem> {
    let mut all = Vec::new();
    for number in store.numbers().map_err(of_publication)?.into_iter().rev().take(most) {
        let one = store.read(number).map_err(of_publication)?;
        all.push((number, publication_title(words, &one), one));
    }
    Ok(all)
}

/// The latest report, or a publication by its number, with those before.
pub(super) async fn page(visit: Visit, number: Option<u64>) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let (audience, words) = (audience(&visit)?, visit.words());
    let data = visit.call.app.data.clone();
    let done = visit.call.app.workers.run(move |_| {
        let store = Publications::of(&data);
        let all = newest(&store, words, ARCHIVE_MAX)?;
        let latest = all.iter().find(|(_, _, one)| one.report().is_some()).map(|one| one.0);
        let form = PublishedForm { audience, is_zh: words.is_zh(), is_html: true };
        let shown = number.or(latest);
        let body = shown.map(|number| store.form(number, form).map_err(of_publication));
        let title = match number {
            Some(number) => publication_title(words, &store.read(number).map_err(of_publication)?),
            None => words.get("pulse.title").to_owned(),
        };
        let archive: Vec<_> = all
            .into_iter()
            .map(|(number, title, _)| (format!("{PULSE_PATH}/{number}"), title))
            .collect();
        Ok::<_, Problem>((body.transpose()?, title, archive))
    });
    let (body, title, archive) = done.await??;
    let heading = words.get("pulse.title");
    let none = words.get("pulse.none");
    let body = body.unwrap_or_else(|| {
        format!("<article class=\"pulse\"><h1>{heading}</h1><p>{none}</p></article>")
    });
    let feed = |name: &str| format!("{PULSE_PATH}/{name}");
    let page = PulsePage {
        body,
        linked: String::new(),
        atom: Some(feed(ATOM)),
        archive,
        links: vec![
            (format!("{PULSE_PATH}/claims"), words.get("pulse.judge_link")),
            (feed(ATOM), words.get("pulse.feed_atom")),
            (feed(JSON_FEED), words.get("pulse.feed_json")),
        ],
        frame: framed(&visit, title),
    };
    html(&page, StatusCode::OK)
}

/// `/pulse/7`, `/pulse/7.json`, `/pulse/feed.atom`, `/pulse/feed.json`.
pub(super) async fn one(visit: Visit) -> HttpAnswer {
    let name = visit.call.path_part(1)?;
    match name.as_str() {
        ATOM | JSON_FEED => return feed(visit, name == ATOM).await,
        _ => {}
    }
    let number = name.parse().map_err(|_| ProblemKind::NoSuchRecord)?;
    page(visit, Some(number)).await
}

/// The list of publications as JSON.
pub(super) async fn list(visit: Visit) -> HttpAnswer {
    twin(visit, "application/json", |action| matches!(action, Action::Publications)).await
}

/// Where the pages are, as browsers write it.
fn origin(visit: &Visit) -> String {
    let app = &visit.call.app;
    app.origin.clone().unwrap_or_else(|| {
        let host = visit.call.parts.headers.get(header::HOST).and_then(|it| it.to_str().ok());
        let scheme = if app.is_tls { "https" } else { "http" };
        format!("{scheme}://{}", host.unwrap_or("localhost"))
    })
}

async fn feed(visit: Visit, is_atom: bool) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let (audience, words) = (audience(&visit)?, visit.words());
    let (data, origin) = (visit.call.app.data.clone(), origin(&visit));
    let done = visit.call.app.workers.run(move |_| {
        let store = Publications::of(&data);
        let form = |is_html| PublishedForm { audience, is_zh: words.is_zh(), is_html };
        let mut entries = Vec::new();
        for (number, title, one) in newest(&store, words, FEED_MAX)? {
            let text = store.form(number, form(false)).map_err(of_publication)?;
            let html = store.form(number, form(true)).map_err(of_publication)?;
            let (at, digest) = (one.at(), one.digest());
            entries.push(FeedEntry { number, title, at, digest, text, html });
        }
        let name = if is_atom { ATOM } else { JSON_FEED };
        let path = format!("{PULSE_PATH}/{name}");
        let head = FeedHead { words, origin: &origin, path: &path };
        Ok::<_, Problem>(match is_atom {
            true => atom(&head, &entries),
            false => json_feed(&head, &entries).to_string(),
        })
    });
    let media = match is_atom {
        true => "application/atom+xml; charset=utf-8",
        false => "application/feed+json; charset=utf-8",
    };
    let mut response = Response::new(Body::from(done.await??));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    Ok(response)
}

/// A figure as a report has it, or of a day.
pub(super) async fn figure(visit: Visit) -> HttpAnswer {
    let known = ["report", "since", "day", "at"];
    let query = QueryParameters::read(visit.call.parts.uri.query(), &known)?;
    let (audience, words) = (audience(&visit)?, visit.words());
    let id = visit.call.path_part(2)?;
    let report = query.number("report", 1, u64::from(u32::MAX))?;
    let at = query.number("at", 0, i64::MAX.cast_unsigned())?;
    let day = query.get("day").map(str::to_owned);
    let since = query.get("since").map(str::to_owned);
    let app = visit.call.app.clone();
    let done = visit.call.app.workers.run(move |_| {
        let set = figures(&app.data)?;
        let figure = figure_of(&set, &id, audience)?;
        let store = Publications::of(&app.data);
        let published = match report {
            Some(number) => Some(store.read(number).map_err(of_publication)?),
            None => None,
        };
        let published = published.as_ref().and_then(Publication::report);
        let mut reader = app.readers.take()?;
        let span = match published {
            Some(report) => report.span.clone(),
            None => span_of(&mut reader, since.as_deref(), day.as_deref(), at)
                .map_err(|error| of_run(error, &app))?,
        };
        let run = set.run_one(figure, &mut reader, &span).map_err(|error| of_run(error, &app))?;
        let parts = match (&figure.parts, audience) {
            (Some(_), FigureAudience::Finance) => {
                let found = set.parts(figure, &mut reader, &span, PARTS_SHOWN);
                Some(found.map_err(|error| of_run(error, &app))?)
            }
            _ => None,
        };
        app.readers.give_back(reader);
        let mut vintages = Vec::new();
        for one in store.reports().map_err(of_publication)? {
            let title = || words.fill("pulse.of_day", &[("day", &date(words, &one.span.day))]);
            let mut add = |currency: Option<&str>, value: i128| {
                vintages.push(FigureVintage {
                    number: one.number,
                    title: title(),
                    position: one.span.position,
                    currency: currency.map(str::to_owned),
                    value,
                });
            };
            if one.span.day == span.day
                && let Some(run) = one.figures.iter().find(|run| run.figure == figure.id)
            {
                run.sums().into_iter().for_each(|(currency, value)| add(currency, value));
            }
            let changed = one.revisions.iter();
            for one in changed.filter(|it| it.day == span.day && it.figure == figure.id) {
                add(one.currency.as_deref(), one.new.into());
            }
        }
        let was = published.and_then(|report| report.figure(&figure.id));
        let is_redefined = was.is_some_and(|run| run.definition != figure.digest);
        let shown = FigureShown {
            set: &set,
            figure,
            span: &span,
            run: &run,
            parts,
            vintages,
            is_redefined,
        };
        let view = FigureView::new(words, shown);
        Ok::<_, Problem>((view.html(), view.name))
    });
    let (body, title) = done.await??;
    let page = PulsePage {
        body,
        linked: String::new(),
        atom: None,
        archive: Vec::new(),
        links: vec![(PULSE_PATH.to_owned(), words.get("pulse.latest"))],
        frame: framed(&visit, title),
    };
    html(&page, StatusCode::OK)
}

/// A verdict as `ClaimReview`.
fn review(words: PageWords, claim: &ReportedClaim) -> serde_json::Value {
    let said = Claim {
        id: claim.id.clone(),
        publisher: claim.publisher.clone(),
        text: claim.text.clone(),
        date: claim.date.clone(),
        source: claim.source.clone(),
        ..Claim::default()
    };
    let mut steps = claim_sentences(words, claim);
    steps.extend(correction_sentence(words, claim));
    claim_review(&said, claim.verdict, verdict_name(words, claim.verdict), &steps.join(" "))
}

fn claims_page(
    visit: &Visit,
    (claims, text, error): (&[ReportedClaim], String, Option<String>),
    has_form: bool,
) -> HttpAnswer {
    let words = visit.words();
    let session = visit.call.caller()?.session.as_deref();
    let csrf = session.filter(|_| has_form).map(access::csrf_of).unwrap_or_default();
    let reviews: Vec<_> = claims.iter().map(|claim| review(words, claim)).collect();
    let linked = match reviews.as_slice() {
        [] => String::new(),
        [one] => json_in_page(one),
        many => json_in_page(&serde_json::Value::from_iter(many.iter().cloned())),
    };
    let status = match error {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let view = ClaimsView::new(words, claims, (csrf, text, error));
    let page = PulsePage {
        body: view.html(),
        linked,
        atom: None,
        archive: Vec::new(),
        links: vec![(PULSE_PATH.to_owned(), words.get("pulse.latest"))],
        frame: framed(visit, words.get("pulse.judge").to_owned()),
    };
    html(&page, status)
}

/// The form for claims.
pub(super) fn claims(visit: &Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    claims_page(visit, (&[], EXAMPLE.to_owned(), None), true)
}

/// Judges what the form has. Nothing is kept.
pub(super) async fn judge(mut visit: Visit) -> HttpAnswer {
    let form = Form::of(&mut visit.call).await?;
    check_csrf(&visit, &form)?;
    let text = form.get("claims").replace("\r\n", "\n");
    let (judged, error) = match read_claims(&text) {
        Ok(claims) => (ReportedClaim::of(&claims), None),
        Err(error) => {
            let chinese = visit.call.app.texts.chinese;
            let said = if visit.words().is_zh() { chinese(&error) } else { error.to_string() };
            (Vec::new(), Some(said))
        }
    };
    claims_page(&visit, (&judged, text, error), true)
}

/// A claim of a report, with our verdict.
pub(super) async fn claim(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let number: u64 = visit.call.path_part(1)?.parse().map_err(|_| ProblemKind::NoSuchRecord)?;
    let id = visit.call.path_part(3)?;
    let data = visit.call.app.data.clone();
    let done = visit.call.app.workers.run(move |_| {
        let publication = Publications::of(&data).read(number).map_err(of_publication)?;
        let report = publication.report().ok_or(ProblemKind::NoSuchRecord)?;
        let found = report.claims.iter().find(|claim| claim.id == id).cloned();
        found.ok_or_else(|| Problem::from(ProblemKind::NoSuchRecord))
    });
    let claim = done.await??;
    claims_page(&visit, (&[claim], NOTHING.to_owned(), None), false)
}
