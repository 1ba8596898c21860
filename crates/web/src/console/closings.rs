//! Breaks closed in bulk: the list to download, and the same list filled in to upload. It is checked
//! and carried out as `doorstep recon close --file`, so a second person gives it again.

use std::time::Duration;

use access::{AccessFunction, AccessScope, Principal};
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use multer::{Field, Multipart};
use office::socket::SentLine;
use pages::forms::number;
use pages::{ActLink, ClosingsPage, ClosingsReport, HomeTile, PageWords, Tone, list_path};
use serde_json::Value;

use super::frames::frame;
use super::imports::{parts, pump};
use super::{Visit, html};
use crate::app::HttpAnswer;
use crate::handlers::files::{self, FileBody};
use crate::limits::BODY_SECONDS_MAX;
use crate::operations::FileKind;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

pub(super) const CLOSINGS_PATH: &str = "/close-breaks";
pub(super) const CLOSINGS_LIST_PATH: &str = "/close-breaks.csv";
/// Fields of the form, the file last.
const FIELDS: [&str; 2] = ["csrf", FILE];
const FILE: &str = "file";
const LIST_NAME: &str = "attachment; filename=\"open-breaks.csv\"";
/// What the rows of the list can be closed with, and what each is for.
const RESOLUTIONS: [(&str, &str); 7] = [
    ("WriteOff", "closings.write_off"),
    ("ThroughBank=BANK", "closings.through_bank"),
    ("ToSeller=SELLER", "closings.to_seller"),
    ("ToPayment=WAYBILL/1", "closings.to_payment"),
    ("ToMovement=deposit 7", "closings.to_movement"),
    ("Break", "closings.to_break"),
    ("Seen", "closings.seen"),
];
/// Wrong rows on a page.
const FAULTS_SHOWN_MAX: usize = 200;

/// Who sees all breaks and closes them.
fn closes(principal: &Principal) -> bool {
    let all = |function| principal.may(function) == AccessScope::All;
    all(AccessFunction::Read("breaks")) && all(AccessFunction::GiveNamed("ApproveBreakResolution"))
}

/// The way from the list of breaks, for who may close them.
pub(super) fn link(words: PageWords, principal: &Principal) -> Option<ActLink> {
    closes(principal).then(|| ActLink {
        text: words.get("closings.title").to_owned(),
        about: words.get("closings.lead").to_owned(),
        href: CLOSINGS_PATH.to_owned(),
        is_next: false,
    })
}

fn check(visit: &Visit) -> Result<(), Problem> {
    if visit.call.caller()?.session.is_none() {
        return Err(ProblemKind::NeedsPerson.into());
    }
    let may = closes(&visit.call.caller()?.principal);
    if may { Ok(()) } else { Err(ProblemKind::NotPermitted.into()) }
}

fn render(
    visit: &Visit,
    wrong: Option<(String, Vec<String>)>,
    report: Option<ClosingsReport>,
    status: StatusCode,
) -> HttpAnswer {
    let words = visit.words();
    let mut around =
        frame(&visit.call.app, visit.preferences, visit.call.caller.as_ref(), CLOSINGS_PATH);
    around.title = words.get("closings.title").to_owned();
    let (error, faults) = wrong.unzip();
    let page = ClosingsPage {
        csrf: around.viewer.as_ref().map(|viewer| viewer.csrf.clone()).unwrap_or_default(),
        list: CLOSINGS_LIST_PATH,
        breaks: list_path("breaks"),
        resolutions: RESOLUTIONS.iter().map(|(how, key)| (*how, words.get(key))).collect(),
        error,
        faults: faults.unwrap_or_default(),
        report,
        frame: around,
    };
    html(&page, status)
}

pub(super) fn form(visit: &Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    check(visit)?;
    render(visit, None, None, StatusCode::OK)
}

/// The list that is filled in, as `doorstep recon breaks --csv` writes it.
pub(super) async fn list(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    check(&visit)?;
    let by = visit.call.caller()?.principal.actor;
    let (lines, language) = (visit.call.app.lines.clone(), visit.words().0);
    let done = visit.call.app.workers.run(move |_| {
        let arguments = ["recon", "breaks", "--csv"].map(str::to_owned);
        let line = SentLine { arguments: &arguments, columns: 0, language, by, sellers: None };
        lines.look(&line)
    });
    let printed = done.await?.map_err(Problem::internal)?;
    if !printed.succeeded {
        return Err(Problem::internal(printed.errors));
    }
    // A spreadsheet takes a text without the mark for one in another encoding.
    let mut response = Response::new(Body::from(format!("\u{feff}{}", printed.output)));
    let headers = response.headers_mut();
    let content = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    headers.insert(header::CONTENT_TYPE, content);
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(LIST_NAME));
    Ok(response)
}

/// Reads the fields before the file.
async fn fill(parts: &mut Multipart<'static>) -> Result<(String, Option<Field<'static>>), Problem> {
    let unreadable = |_| Problem::from(ProblemKind::BadQuery);
    let mut csrf = String::new();
    for _ in 0..FIELDS.len() {
        match parts.next_field().await.map_err(unreadable)? {
            None => break,
            Some(field) if field.name() == Some(FILE) => return Ok((csrf, Some(field))),
            Some(field) => csrf = field.text().await.map_err(unreadable)?,
        }
    }
    Ok((csrf, None))
}

pub(super) async fn take(mut visit: Visit) -> HttpAnswer {
    let query = QueryParameters::read(visit.call.parts.uri.query(), &["check"])?;
    let only_check = query.get("check") == Some("true");
    check(&visit)?;
    let (mut parts, bytes) = parts(&mut visit, &FIELDS)?;
    let within = Duration::from_secs(BODY_SECONDS_MAX);
    let filled = tokio::time::timeout(within, fill(&mut parts)).await;
    let (csrf, file) = filled.map_err(|_| Problem::from(ProblemKind::BodyTooSlow))??;
    let session = visit.call.caller()?.session.as_deref().ok_or(ProblemKind::NeedsPerson)?;
    if csrf != access::csrf_of(session) {
        return Err(ProblemKind::CrossSite.into());
    }
    let words = visit.words();
    visit.call.language = words.0;
    let file = file.filter(|file| file.file_name().is_some_and(|name| !name.is_empty()));
    let Some(file) = file else {
        let why = (words.get("import.no_file").to_owned(), Vec::new());
        return render(&visit, Some(why), None, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let flag = only_check.then(|| ("dry-run".to_owned(), "true".to_owned()));
    let flags = crate::handlers::file_flags(FileKind::Closings);
    let parameters = QueryParameters::of(flag.into_iter(), flags)?;
    let (sender, body) = FileBody::until_its_end(bytes);
    let sending = tokio::spawn(pump(parts, file, sender));
    let done = files::carry_out(&visit.call, FileKind::Closings, &parameters, body).await;
    sending.abort();
    match done {
        Ok((report, _, position)) => {
            let by = visit.call.caller()?.principal.actor;
            visit.call.app.writers.wrote(by, position);
            render(&visit, None, Some(reported(words, &report)), StatusCode::OK)
        }
        Err(problem) if problem.status().is_server_error() => Err(problem),
        Err(problem) => {
            let status = problem.status();
            render(&visit, Some(faults(words, &problem)), None, status)
        }
    }
}

/// What is wrong, in a sentence, and each wrong row.
fn faults(words: PageWords, problem: &Problem) -> (String, Vec<String>) {
    let detail = problem.detail(words.0);
    // What the command line says of the file that was sent begins with its name there.
    let mut lines = detail.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let first =
        ["error: ", "错误："].iter().find_map(|one| first.strip_prefix(one)).unwrap_or(first);
    let first = first.split_once("sent.csv").map_or(first, |(_, rest)| rest);
    let first = first.trim_start_matches([':', '：', ' ']);
    let rows: Vec<String> = lines.take(FAULTS_SHOWN_MAX).map(str::to_owned).collect();
    let title = if rows.is_empty() { first } else { words.get("closings.nothing_done") };
    let mut letters = title.chars();
    let capital = letters.next().map(|first| first.to_uppercase().collect::<String>());
    (capital.unwrap_or_default() + letters.as_str(), rows)
}

fn reported(words: PageWords, report: &Value) -> ClosingsReport {
    let count = |name: &str| report[name].as_u64().unwrap_or(0);
    let tiles = ["rows", "proposed", "approved", "decided", "repeated"].map(|name| HomeTile {
        title: words.entry("closings.count", name).unwrap_or_default(),
        values: vec![(number(i128::from(count(name))), String::new())],
        about: String::new(),
        href: None,
    });
    let is_check = report["dry_run"].as_bool().unwrap_or(false);
    let (key, tone) = match (is_check, count("proposed")) {
        (true, _) => ("closings.checked", Tone::Move),
        (false, 0) => ("closings.done", Tone::Done),
        (false, _) => ("closings.second_person", Tone::Wait),
    };
    ClosingsReport { notice: words.get(key).to_owned(), tone, tiles: tiles.into() }
}
