//! A file of orders or of offers as a form: what the API takes, by the same handler, with a report
//! of its lines.

use std::time::Duration;

use ::files::offers::OfferProfile;
use ::files::profile::{Profile, ProfileHead};
use access::AccessFunction;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use books::REFERENCE_BYTES_MAX;
use multer::{Constraints, Field, Multipart, SizeLimit};
use office::Language;
use office::sent_files::FILES_BYTES_MAX;
use pages::forms::{money, number};
use pages::{BadOrderLine, HomeTile, ImportPage, ImportedOrders, PageWords, Tone};
use serde_json::Value;

use super::frames::frame;
use super::{Visit, html};
use crate::app::HttpAnswer;
use crate::handlers::files::{self, BlockSender, FileBody};
use crate::limits::{BODY_SECONDS_MAX, FILE_FIELD_BYTES_MAX};
use crate::operations::FileKind;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

pub(super) const IMPORT_PATH: &str = "/import";
pub(super) const OFFERS_PATH: &str = "/offers/import";
/// Fields of the form, the file last: what stands before it decides whether it is read.
const FIELDS: [&str; 6] = ["csrf", "profile", "seller", "currency", "category", "file"];
const FILE: &str = "file";
/// What stands around a file in a form.
const AROUND_BYTES_MAX: u64 = 64 << 10;
/// Bad lines on a page.
const BAD_LINES_SHOWN_MAX: usize = 200;

/// What a form takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ImportForm {
    Orders,
    Offers,
}

impl ImportForm {
    fn path(self) -> &'static str {
        match self {
            ImportForm::Orders => IMPORT_PATH,
            ImportForm::Offers => OFFERS_PATH,
        }
    }

    fn kind(self) -> FileKind {
        match self {
            ImportForm::Orders => FileKind::Orders,
            ImportForm::Offers => FileKind::Offers,
        }
    }

    /// The command that a file gives most.
    fn gives(self) -> &'static str {
        match self {
            ImportForm::Orders => "AnnounceParcel",
            ImportForm::Offers => "DraftOffer",
        }
    }

    /// The profile of a file that was made for Doorstep.
    fn own_profile(self) -> &'static str {
        match self {
            ImportForm::Orders => "doorstep",
            ImportForm::Offers => "doorstep-offers",
        }
    }

    fn title(self) -> &'static str {
        match self {
            ImportForm::Orders => "import.title",
            ImportForm::Offers => "import.offers_title",
        }
    }

    /// Each profile with what it reads, ours first.
    fn profiles(self, language: Language) -> Vec<(String, String)> {
        let heads: Vec<ProfileHead> = match self {
            ImportForm::Orders => Profile::names()
                .filter_map(|name| Some(Profile::built_in(name).ok()?.head().clone()))
                .collect(),
            ImportForm::Offers => OfferProfile::names()
                .filter_map(|name| Some(OfferProfile::built_in(name).ok()?.head().clone()))
                .collect(),
        };
        let about = |head: &ProfileHead| match language {
            Language::En => head.about().to_owned(),
            Language::Zh => head.about_in_chinese().to_owned(),
        };
        let mut all: Vec<(String, String)> =
            heads.iter().map(|head| (head.name().to_owned(), about(head))).collect();
        all.sort_by_key(|(name, _)| *name != self.own_profile());
        all
    }
}

/// What was filled in beside the file.
#[derive(Default)]
struct Filled {
    csrf: String,
    profile: String,
    seller: String,
    currency: String,
    category: String,
}

impl Filled {
    fn set(&mut self, name: &str, text: String) {
        match name {
            "csrf" => self.csrf = text,
            "profile" => self.profile = text,
            "seller" => self.seller = text,
            "category" => self.category = text,
            _ => self.currency = text,
        }
    }

    /// As parameters of the API, without what is empty.
    fn parameters(&self, form: ImportForm, only_check: bool) -> Result<QueryParameters, Problem> {
        let check = if only_check { "true" } else { "" };
        let pairs = [
            ("profile", &*self.profile),
            ("seller", self.seller.trim()),
            ("currency", self.currency.trim()),
            ("category", self.category.trim()),
            ("check", check),
        ];
        let given = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        QueryParameters::of(given, crate::handlers::file_flags(form.kind()))
    }
}

/// Refuses who may not send such files; says whether it is for own sellers only.
fn is_for_own(visit: &Visit, form: ImportForm) -> Result<bool, Problem> {
    if visit.call.caller()?.session.is_none() {
        return Err(ProblemKind::NeedsPerson.into());
    }
    let function = AccessFunction::GiveNamed(form.gives());
    Ok(files::own_sellers(&visit.call, function)?.is_some())
}

fn render(
    visit: &Visit,
    form: ImportForm,
    filled: &Filled,
    wrong: Option<String>,
    report: Option<ImportedOrders>,
    status: StatusCode,
) -> HttpAnswer {
    let words = visit.words();
    let mut around =
        frame(&visit.call.app, visit.preferences, visit.call.caller.as_ref(), form.path());
    around.title = words.get(form.title()).to_owned();
    let chosen = if filled.profile.is_empty() { form.own_profile() } else { &filled.profile };
    let profiles = form.profiles(words.0).into_iter().map(|(name, about)| {
        let is_chosen = name == chosen;
        (name, about, is_chosen)
    });
    let page = ImportPage {
        csrf: around.viewer.as_ref().map(|viewer| viewer.csrf.clone()).unwrap_or_default(),
        lead: words.get(match form {
            ImportForm::Orders => "import.lead",
            ImportForm::Offers => "import.offers_lead",
        }),
        path: form.path(),
        category: (form == ImportForm::Offers).then(|| filled.category.clone()),
        profiles: profiles.collect(),
        seller: (!is_for_own(visit, form)?).then(|| filled.seller.clone()),
        currency: filled.currency.clone(),
        error: wrong,
        report,
        frame: around,
    };
    html(&page, status)
}

pub(super) fn form(visit: &Visit, form: ImportForm) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    is_for_own(visit, form)?;
    render(visit, form, &Filled::default(), None, None, StatusCode::OK)
}

/// The parts of a body, within the limits of each.
pub(super) fn parts(
    visit: &mut Visit,
    fields: &[&'static str],
) -> Result<(Multipart<'static>, u64), Problem> {
    let call = &mut visit.call;
    let content = call.header(header::CONTENT_TYPE).unwrap_or_default().to_owned();
    let boundary = multer::parse_boundary(content);
    let boundary = boundary.map_err(|_| call.require_content(&["multipart/form-data"]).err());
    let boundary =
        boundary.map_err(|why| why.unwrap_or_else(|| ProblemKind::UnsupportedMediaType.into()))?;
    let bytes = call.header(header::CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
    let bytes = bytes.ok_or(ProblemKind::LengthRequired)?;
    if bytes > FILES_BYTES_MAX + AROUND_BYTES_MAX {
        return Err(ProblemKind::BodyTooLarge.into());
    }
    let sizes = SizeLimit::new()
        .whole_stream(bytes)
        .per_field(FILE_FIELD_BYTES_MAX)
        .for_field(FILE, FILES_BYTES_MAX);
    let limits = Constraints::new().allowed_fields(fields.to_vec()).size_limit(sizes);
    let body: Body = call.take_body();
    Ok((Multipart::with_constraints(body.into_data_stream(), boundary, limits), bytes))
}

/// Sends what the file has, to its end and to the end of the form.
pub(super) async fn pump(mut parts: Multipart<'static>, mut file: Field<'static>, to: BlockSender) {
    loop {
        let block: Option<Bytes> = match file.chunk().await {
            Ok(block) => block,
            Err(_) => return to.cut().await,
        };
        match block {
            Some(block) => match to.send(block).await {
                true => {}
                false => return,
            },
            None => break,
        }
    }
    drop(file);
    // A form that is cut off has no last line.
    if !matches!(parts.next_field().await, Ok(None)) {
        to.cut().await;
    }
}

/// Reads the fields before the file.
async fn fill(parts: &mut Multipart<'static>) -> Result<(Filled, Option<Field<'static>>), Problem> {
    let unreadable = |_| Problem::from(ProblemKind::BadQuery);
    let mut filled = Filled::default();
    for _ in 0..FIELDS.len() {
        match parts.next_field().await.map_err(unreadable)? {
            None => break,
            Some(field) if field.name() == Some(FILE) => return Ok((filled, Some(field))),
            Some(field) => {
                let name = field.name().unwrap_or_default().to_owned();
                filled.set(&name, field.text().await.map_err(unreadable)?);
            }
        }
    }
    Ok((filled, None))
}

pub(super) async fn take(mut visit: Visit, form: ImportForm) -> HttpAnswer {
    let query = QueryParameters::read(visit.call.parts.uri.query(), &["check"])?;
    let only_check = query.get("check") == Some("true");
    let is_own = is_for_own(&visit, form)?;
    let (mut parts, bytes) = parts(&mut visit, &FIELDS)?;
    let within = Duration::from_secs(BODY_SECONDS_MAX);
    let filled = tokio::time::timeout(within, fill(&mut parts)).await;
    let (filled, file) = filled.map_err(|_| Problem::from(ProblemKind::BodyTooSlow))??;
    let session = visit.call.caller()?.session.as_deref().ok_or(ProblemKind::NeedsPerson)?;
    if filled.csrf != access::csrf_of(session) {
        return Err(ProblemKind::CrossSite.into());
    }
    let words = visit.words();
    visit.call.language = words.0;
    let refuse = |filled: &Filled, why: String| {
        render(&visit, form, filled, Some(why), None, StatusCode::UNPROCESSABLE_ENTITY)
    };
    let is_known = form.profiles(words.0).iter().any(|(name, _)| *name == filled.profile);
    let is_long = filled.seller.len() > REFERENCE_BYTES_MAX;
    if !is_known || is_long || (is_own && !filled.seller.is_empty()) {
        return refuse(&filled, words.get("import.bad_form").to_owned());
    }
    // A form without a choice has a file without a name.
    let file = file.filter(|file| file.file_name().is_some_and(|name| !name.is_empty()));
    let Some(file) = file else {
        return refuse(&filled, words.get("import.no_file").to_owned());
    };
    let parameters = match filled.parameters(form, only_check) {
        Ok(parameters) => parameters,
        Err(problem) => return refuse(&filled, problem.detail(words.0).to_owned()),
    };
    let (sender, body) = FileBody::until_its_end(bytes);
    let sending = tokio::spawn(pump(parts, file, sender));
    let done = files::carry_out(&visit.call, form.kind(), &parameters, body).await;
    sending.abort();
    match done {
        Ok((report, _, position)) => {
            let by = visit.call.caller()?.principal.actor;
            visit.call.app.writers.wrote(by, position);
            let report = match form {
                ImportForm::Orders => reported(words, &report),
                ImportForm::Offers => reported_offers(words, &report),
            };
            render(&visit, form, &filled, None, Some(report), StatusCode::OK)
        }
        Err(problem) if problem.status().is_server_error() => Err(problem),
        Err(problem) => {
            let status = problem.status();
            let why = super::act_pages::sentence(words, &problem);
            render(&visit, form, &filled, Some(why), None, status)
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn bad_lines(report: &Value) -> Vec<BadOrderLine> {
    let lines = report["bad_lines"].as_array().into_iter().flatten();
    let lines = lines.take(BAD_LINES_SHOWN_MAX).map(|line| BadOrderLine {
        line: text(&line["line"]),
        column: text(&line["column"]),
        reason: text(&line["reason"]),
        left_out: text(&line["left_out"]),
    });
    lines.collect()
}

/// The report of a file of offers, in words.
fn reported_offers(words: PageWords, report: &Value) -> ImportedOrders {
    let count = |name: &str| report[name].as_u64().unwrap_or(0);
    let about = |name: &str| report[name].as_array().map_or(&[][..], Vec::as_slice);
    let tile = |key: &str, name: &str| HomeTile {
        title: words.get(key),
        values: vec![(number(count(name).into()), String::new())],
        about: String::new(),
        href: None,
    };
    let changes = ["drafted", "revised", "variants_added", "prices_set", "units_added", "listed"];
    let mut tiles = vec![tile("import.offers", "offers"), tile("column.variants", "variants")];
    if report["imported"] == true {
        tiles.extend([
            tile("import.drafted", "drafted"),
            tile("import.revised", "revised"),
            tile("import.prices_set", "prices_set"),
            tile("import.units_added", "units_added"),
            tile("import.listed", "listed"),
            tile("import.unchanged", "unchanged"),
        ]);
    }
    tiles.push(tile("import.errors", "errors"));
    let lines = bad_lines(report);
    let more = count("errors").saturating_sub(lines.len() as u64);
    let more = (more > 0).then(|| {
        let more = number(more.into());
        words.fill("import.more", &[("count", &more)])
    });
    let others = about("refused").iter().chain(about("not_listed")).map(|one| {
        let (line, offer, why) = (text(&one["line"]), text(&one["offer"]), text(&one["reason"]));
        let values: [(&str, &dyn std::fmt::Display); 3] =
            [("line", &line), ("offer", &offer), ("why", &why)];
        words.fill("import.offer_refused", &values)
    });
    let mut others: Vec<String> = others.collect();
    for (reason, lines) in report["left_out"].as_object().into_iter().flatten() {
        let lines = text(lines);
        let values: [(&str, &dyn std::fmt::Display); 2] = [("reason", reason), ("count", &lines)];
        others.push(words.fill("import.lines_left_out", &values));
    }
    let is_bad = count("errors") > 0 || !about("refused").is_empty();
    let has_changed = changes.iter().any(|name| count(name) > 0);
    let (key, tone) = match (report["imported"] == true, is_bad) {
        (true, _) if !about("not_listed").is_empty() => ("import.offers_not_listed", Tone::Wait),
        (true, _) if has_changed => ("import.offers_done", Tone::Done),
        (true, _) => ("import.offers_same", Tone::Move),
        (false, true) => ("import.offers_refused", Tone::Wait),
        (false, false) => ("import.checked", Tone::Move),
    };
    ImportedOrders {
        notice: words.get(key).to_owned(),
        tone,
        tiles,
        bad: lines,
        more,
        others,
        warning: report["warning"].as_str().map(str::to_owned),
        taken: (report["imported"] == true)
            .then(|| (pages::list_path("offers"), words.get("import.see_offers"))),
    }
}

/// The report of an import, in words.
fn reported(words: PageWords, report: &Value) -> ImportedOrders {
    let count = |pointer: &str| report.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let shown = |pointer: &str| number(i128::from(count(pointer)));
    let is_imported = report["imported"].as_bool().unwrap_or(false);
    let (announced, bad, refused) =
        (count("/announced"), count("/errors"), report["refused"].as_array().map_or(0, Vec::len));
    let tile = |key: &str, pointer: &str| HomeTile {
        title: words.get(key),
        values: vec![(shown(pointer), String::new())],
        about: String::new(),
        href: None,
    };
    let due = report["amount_due"].as_object().into_iter().flatten();
    let due = due.map(|(currency, minor)| {
        let minor = i128::from(minor.as_u64().unwrap_or(0));
        (money(minor, currency), currency.clone())
    });
    let mut tiles = vec![tile("import.orders", "/orders/all")];
    tiles.push(HomeTile {
        title: words.get("import.due"),
        values: due.collect(),
        about: String::new(),
        href: None,
    });
    if is_imported {
        tiles.push(tile("import.announced", "/announced"));
        tiles.push(tile("import.existed", "/existed"));
    } else {
        tiles.push(tile("import.parcels", "/parcels"));
    }
    tiles.push(tile("import.errors", "/errors"));
    let lines = bad_lines(report);
    let kept = lines.len() as u64;
    let more = (bad > kept).then(|| {
        let more = number(i128::from(bad - kept));
        words.fill("import.more", &[("count", &more)])
    });
    let mut others: Vec<String> =
        report["refused"].as_array().into_iter().flatten().map(text).collect();
    let reasons = report.pointer("/left_out/by_reason").and_then(Value::as_array);
    for one in reasons.into_iter().flatten() {
        let (reason, orders) = (text(&one["reason"]), text(&one["orders"]));
        others.push(words.fill("import.left_out_by", &[("reason", &reason), ("count", &orders)]));
    }
    let by_status = report.pointer("/left_out/by_status").and_then(Value::as_object);
    for (status, orders) in by_status.into_iter().flatten() {
        let orders = text(orders);
        others.push(words.fill("import.left_out_by", &[("reason", status), ("count", &orders)]));
    }
    let is_whole = bad == 0 && refused == 0;
    let (key, tone) = match (is_imported, is_whole) {
        (true, true) => ("import.done", Tone::Done),
        (true, false) => ("import.done_part", Tone::Wait),
        (false, true) => ("import.checked", Tone::Move),
        (false, false) => ("import.checked_part", Tone::Wait),
    };
    let announced = number(i128::from(announced));
    ImportedOrders {
        notice: words.fill(key, &[("count", &announced)]),
        tone,
        tiles,
        bad: lines,
        more,
        others,
        warning: report["warning"].as_str().map(str::to_owned),
        taken: is_imported.then(|| (pages::list_path("parcels"), words.get("import.see"))),
    }
}
