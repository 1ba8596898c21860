//! Commands as forms: what is asked, what was typed, and what came of it. They are given by the
//! same handlers as those of the API.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use access::{AccessFunction, AccessGrant, AccessScope, Principal};
use axum::http::{HeaderValue, Method, StatusCode, header};
use base16ct::lower::encode_string;
use machine::CommandSpec;
use node::JournalPosition;
use office::descriptions::first_sentence;
use office::{Language, SignedInAnswer, SignedInGiver};
use pages::{
    ActDonePage, ActPage, ActSubject, ActsPage, Cell, DetailPage, Link, PageRow, PageWords,
    PartyNames, RowContext, TimelineEntry, Tone,
};
use reports::FieldType;
use serde_json::{Map, Value};
use views::ViewSpec;
use views::read::ReadViewError;

use super::act_form::{ActForm, FIXED, FormParts, id_types, names_of, orders_named};
use super::act_table::{ACTS_PATH, act_path, all, may, title};
use super::choices::{alike, choices, parcel_of_order, view_of_type};
use super::details::told_command;
use super::form::{Form, own_path};
use super::frames::{frame, readable};
use super::rows::{names, offset_at, page_row, person_names, read};
use super::second_factor::{check_csrf, factor_field, give_factor};
use super::{Visit, html};
use crate::app::{App, HttpAnswer};
use crate::asked_views::AskedKey;
use crate::handlers::views::{hidden, parties, rows_of, wait_for, wanted};
use crate::handlers::{carry_out, shown_events};
use crate::idempotency::IDEMPOTENCY_KEY;
use crate::json::read_object;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

/// Parcels that a form names by their orders.
pub(super) const ORDERS_MAX: usize = 200;
/// The random part of a form's request key.
const KEY_BYTES: usize = 16;
/// How long the second click of a double click waits for the first.
const SAME_KEY_WAIT: Duration = Duration::from_millis(100);
const SAME_KEY_WAITS_MAX: u32 = 100;
/// Things that an act can be on, by the fields that name them: the first one is shown.
const SUBJECTS: [(&str, &str); 19] = [
    ("plan", "plans"),
    ("payout", "payouts"),
    ("break_id", "breaks"),
    ("handover", "hand_overs"),
    ("deposit", "deposits"),
    ("item", "open_items"),
    ("payment", "payments"),
    ("parcel", "parcels"),
    ("parcels", "parcels"),
    ("terminal", "terminals"),
    ("network", "networks"),
    ("offer", "offers"),
    ("variant", "variants"),
    ("promotion", "promotions"),
    ("order", "market_orders"),
    ("courier", "couriers"),
    ("seller", "sellers"),
    ("firm", "firms"),
    ("person", "persons"),
];

/// What a form is of, and who fills it in.
#[derive(Clone)]
pub(super) struct AskedAct {
    pub spec: &'static CommandSpec,
    pub form: Form,
    pub principal: Principal,
    pub words: PageWords,
}

/// What was gathered for a form.
#[derive(Default)]
pub(super) struct Gathered {
    pub parts: FormParts,
    pub subject: Option<ActSubject>,
    /// Names that begin as one that there is not.
    pub alike: Vec<String>,
}

/// A thing in the views: its row, and what parties in it are called.
pub(super) struct FoundSubject {
    pub view: &'static ViewSpec,
    pub row: PageRow,
    pub names: PartyNames,
}

impl FoundSubject {
    /// The row of a thing, if the principal may see it.
    fn find(
        app: &App,
        giver: &SignedInGiver,
        principal: &Principal,
        (view, key): (&'static ViewSpec, &str),
    ) -> Result<Option<FoundSubject>, Problem> {
        let Ok(scope) = rows_of(principal, view) else { return Ok(None) };
        let Some(asked) = AskedKey::new(view, key) else { return Ok(None) };
        let known = parties(giver, asked.wanted_parties())?;
        let Some(key) = asked.values(&known) else { return Ok(None) };
        read(app, giver, |reader| {
            let found = match reader.detail(view, &key, &scope, None) {
                Err(ReadViewError::Asked(_)) => None,
                found => found?.0,
            };
            let Some(values) = found else { return Ok(None) };
            let row = page_row(view, values);
            let of = [(view, std::slice::from_ref(&row))];
            let mut names = names(reader, principal, &of, None)?;
            names.extend(person_names(giver, principal));
            Ok(Some(FoundSubject { view, row, names }))
        })
    }

    /// The thing that a command is on, by the values of its fields.
    pub fn of_command(
        app: &App,
        giver: &SignedInGiver,
        principal: &Principal,
        value: &dyn Fn(&str) -> String,
        currency: &str,
    ) -> Result<Option<FoundSubject>, Problem> {
        for (field, view) in SUBJECTS {
            let given = value(field);
            let given = given.lines().next().unwrap_or_default().trim();
            let Some(view) = ViewSpec::find(view).filter(|_| !given.is_empty()) else { continue };
            let own = value("currency");
            let own = if own.is_empty() { currency.to_owned() } else { own };
            let number = value("number");
            let (view, key) = match (field, ViewSpec::find("refunds")) {
                ("payment", Some(refunds)) if !number.is_empty() => {
                    (refunds, format!("{}~{number}", given.replace('/', "~")))
                }
                ("payment", _) => (view, given.replace('/', "~")),
                ("seller", _) => (view, format!("{given}~{own}")),
                _ => (view, given.to_owned()),
            };
            let found = FoundSubject::find(app, giver, principal, (view, &key))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn context<'c>(&'c self, words: PageWords, readable: &'c [&'static str]) -> RowContext<'c> {
        RowContext { words, names: &self.names, readable, at: None, offset_minutes: 0 }
    }

    /// The value of a column as it is shown.
    pub fn shown(&self, words: PageWords, column: &str) -> Option<String> {
        let place = self.view.place(column)?;
        Some(self.context(words, &[]).cell(self.view, &self.row, place).text)
    }

    pub fn shown_whole(&self, words: PageWords, principal: &Principal) -> ActSubject {
        let (readable, hidden) = (readable(principal), hidden(principal, self.view));
        let context = self.context(words, &readable);
        let columns = self.view.columns.iter().enumerate().filter(|(_, column)| {
            !hidden.contains(&column.name) && !column.name.ends_with("_batch")
        });
        ActSubject {
            name: DetailPage::name_of(&context, self.view, &self.row),
            href: context.path_of(self.view, &self.row),
            facts: columns.map(|(at, _)| context.cell(self.view, &self.row, at)).collect(),
        }
    }
}

/// Reads what a form needs of the books and the views.
fn gather(app: &App, giver: &mut SignedInGiver, asked: &AskedAct) -> Result<Gathered, Problem> {
    let AskedAct { spec, form, principal, words } = asked;
    let look = |engine: &engine::Engine| {
        let books = engine.books();
        let codes = books.currencies().map(|currency| currency.code().to_owned());
        (codes.collect::<Vec<_>>(), engine.last_at().0.cast_signed())
    };
    let (currencies, now) = giver.client.look_ahead(look).map_err(Problem::internal)?;
    let offset_minutes = offset_at(giver, now)?;
    let now = pages::forms::time_field(now, offset_minutes);
    let mut parts = FormParts { currencies, now, offset_minutes, ..FormParts::default() };
    let mut types = BTreeSet::new();
    if let Some(of) = office::fields::declared().of(spec.name) {
        id_types(of, 0, &mut types);
    }
    let people = person_names(giver, principal);
    let (known, named) = read(app, giver, |reader| {
        let mut known = BTreeMap::new();
        for id_type in types {
            let Some(view) = view_of_type(&id_type) else { continue };
            if rows_of(principal, view).is_ok() {
                known.insert(id_type, choices(reader, principal, view, "", &people)?);
            }
        }
        let mut named = BTreeMap::new();
        for text in orders_named(form).into_iter().take(ORDERS_MAX) {
            let found = parcel_of_order(reader, principal, &text)?;
            named.insert(text, found);
        }
        Ok::<_, ReadViewError>((known, named))
    })?;
    (parts.choices, parts.parcels) = (known, named);
    let fixed: Vec<&str> = form.get(FIXED).split(',').collect();
    let value = |field: &str| match fixed.contains(&field) {
        true => form.get(field).to_owned(),
        false => String::new(),
    };
    let first = parts.currencies.first().cloned().unwrap_or_default();
    let found = FoundSubject::of_command(app, giver, principal, &value, &first)?;
    let subject = found.map(|found| {
        let currency = found.row.raw_of(found.view, "currency").map(str::to_owned);
        parts.currency = currency;
        let shown = found.shown_whole(*words, principal);
        for (field, view) in SUBJECTS {
            if view == found.view.name && !value(field).is_empty() && !value(field).contains('\n') {
                let named = (shown.name.clone(), Some(shown.href.clone()));
                parts.fixed_names.insert(field.to_owned(), named);
            }
        }
        shown
    });
    Ok(Gathered { parts, subject, alike: Vec::new() })
}

/// A new request key for a form.
fn new_key() -> Result<String, Problem> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(Problem::internal)?;
    Ok(format!("form-{}", encode_string(&bytes)))
}

/// What is wrong with a form that was sent.
#[derive(Default)]
struct Wrong {
    errors: BTreeMap<String, String>,
    /// What belongs to no field.
    others: Vec<String>,
    factor: Option<String>,
    again: Option<String>,
    new_key: bool,
}

fn render(
    visit: &Visit,
    asked: &AskedAct,
    gathered: Gathered,
    wrong: Wrong,
    status: StatusCode,
) -> HttpAnswer {
    let AskedAct { spec, form, words, .. } = asked;
    let (call, words) = (&visit.call, *words);
    let principal = &call.caller()?.principal;
    let path = act_path(spec.name);
    let is_first = call.parts.method == Method::GET;
    let here = if is_first { visit.path() } else { &path };
    let mut around = frame(&call.app, visit.preferences, call.caller.as_ref(), here);
    let ends = ["suspended", "blocked"].iter().any(|name| form.get(name) == "false");
    around.title = title(words, spec.name, ends).to_owned();
    let parts = &gathered.parts;
    let texts = &call.app.texts;
    let shown = ActForm { words, texts, spec, form, parts, errors: wrong.errors.clone() };
    let fields = shown.fields();
    let mut problems: Vec<(Option<String>, String)> = Vec::new();
    let mut names = BTreeSet::new();
    names_of(&fields, &mut names);
    for (name, error) in wrong.errors {
        problems.push((names.contains(&name).then_some(name), error));
    }
    let factor = pages::SECOND_FACTOR.to_owned();
    problems.extend(wrong.factor.iter().map(|error| (Some(factor.clone()), error.clone())));
    problems.extend(wrong.others.into_iter().map(|error| (None, error)));
    let key = match form.get("key") {
        key if key.is_empty() || wrong.new_key => new_key()?,
        key => key.to_owned(),
    };
    let csrf = around.viewer.as_ref().map(|viewer| viewer.csrf.clone()).unwrap_or_default();
    let back = own_path(form.get("back")).to_owned();
    let back = if back == "/" { ACTS_PATH.to_owned() } else { back };
    let hidden = [("csrf", csrf), ("key", key), ("back", back.clone())];
    let mut hidden: Vec<_> = hidden.map(|(name, value)| (name.to_owned(), value)).into();
    hidden.push((FIXED.to_owned(), form.get(FIXED).to_owned()));
    let lacks = principal.lacks_step_up(AccessFunction::GiveNamed(spec.name));
    let second_factor = lacks.then(|| factor_field(visit, here, wrong.factor));
    let page = ActPage {
        about: first_of(words, &(texts.command)(spec.name, words.0)),
        action: path,
        hidden,
        fields,
        problems,
        again: wrong.again,
        subject: gathered.subject,
        needs_two: needs_second(spec, ends),
        second_factor,
        back,
        frame: around,
    };
    html(&page, status)
}

/// Whether a second person approves it. One person suspends, two end it.
fn needs_second(spec: &CommandSpec, ends: bool) -> bool {
    let Some(of) = office::fields::declared().of(spec.name) else { return false };
    let mut required = office::fields::required(of);
    let is_required = required.any(|name| ["approved_by", "supervisor"].contains(&name));
    office::is_given_by_two(of) && (is_required || ends)
}

async fn gathered(visit: &Visit, asked: &AskedAct) -> Result<Gathered, Problem> {
    let wanted = wanted(&visit.call, &QueryParameters::default())?;
    let (app, asked) = (visit.call.app.clone(), asked.clone());
    wait_for(&app, wanted).await?;
    visit.call.app.workers.run(move |giver| gather(&app, giver, &asked)).await?
}

/// The form that a page leads to: what it gives is in the query.
pub(super) async fn form_page(visit: Visit, spec: &'static CommandSpec) -> HttpAnswer {
    let principal = visit.call.caller()?.principal.clone();
    if !may(&principal, spec.name) {
        return Err(ProblemKind::NotPermitted.into());
    }
    let query = visit.call.parts.uri.query().unwrap_or_default();
    let mut form = Form::read(query)?;
    let of = office::fields::declared().of(spec.name).ok_or(ProblemKind::NoSuchPath)?;
    let given: Vec<&str> = form.pairs().map(|(name, _)| name).collect();
    let given = given.into_iter().filter(|name| of.field(name).is_some());
    let fixed = given.collect::<Vec<_>>().join(",");
    form.set(FIXED, fixed);
    // A key is of one form.
    form.set("key", String::new());
    if let AccessScope::Own(own) = principal.may(AccessFunction::GiveNamed(spec.name)) {
        own.into_iter().for_each(|grant| give_own(&mut form, of, grant));
    }
    let words = visit.words();
    let asked = AskedAct { spec, form, principal, words };
    let app = visit.call.app.clone();
    let prefilled = asked.clone();
    let (mut asked, amount) = app.workers.run(move |giver| prefill(giver, prefilled)).await??;
    let gathered = gathered(&visit, &asked).await?;
    if let (Some(minor), Some(currency)) = (amount, &gathered.parts.currency) {
        asked.form.set("amount", pages::forms::plain_money(minor, currency));
    }
    // What begins at a time mostly begins now.
    let begins = of.field("from").map(office::fields::Expected::of);
    let begins = begins.is_some_and(|one| matches!(one, office::fields::Expected::Time));
    if begins && asked.form.get("from").is_empty() {
        asked.form.set("from", gathered.parts.now.clone());
    }
    render(&visit, &asked, gathered, Wrong::default(), StatusCode::OK)
}

/// Who acts only with what is their own names nobody else.
fn give_own(form: &mut Form, of: FieldType<'_>, grant: AccessGrant) {
    let (name, value) = match grant {
        AccessGrant::Seller(seller) => ("seller", format!("sel_{seller}")),
        AccessGrant::Firm(firm) => ("firm", format!("firm_{firm}")),
        AccessGrant::Courier(courier) => ("courier", format!("cou_{courier}")),
        _ => return,
    };
    if of.field(name).is_some() && form.get(name).is_empty() {
        fix(form, name, value);
    }
}

/// Fills in what the second of two people only repeats, but for an amount, whose currency is not
/// known yet.
fn prefill(
    giver: &SignedInGiver,
    mut asked: AskedAct,
) -> Result<(AskedAct, Option<i128>), Problem> {
    let mut minor = None;
    let id = |name: &str| {
        let text = asked.form.get(name);
        text.split_once('_').map_or(text, |(_, id)| id).to_owned()
    };
    match asked.spec.name {
        "ApproveBreakResolution" if asked.form.get("resolution").is_empty() => {
            let Ok(id) = id("break_id").parse::<u64>() else { return Ok((asked, None)) };
            let look = move |engine: &engine::Engine| {
                engine.books().proposed_resolution(books::BreakId(id))
            };
            let found = giver.client.look_ahead(look).map_err(Problem::internal)?;
            let Some((resolution, amount, _)) = found else { return Ok((asked, None)) };
            let value = serde_json::to_value(resolution).map_err(Problem::internal)?;
            set_variant(&mut asked.form, "resolution", &value);
            minor = amount.map(|amount| i128::from(amount.minor()));
        }
        "ErasePayoutAccount" if asked.form.get("digest").is_empty() => {
            let (seller, currency) = (id("seller"), asked.form.get("currency").to_owned());
            let (Ok(seller), Ok(currency)) = (seller.parse::<u64>(), currency.parse()) else {
                return Ok((asked, None));
            };
            let look = move |engine: &engine::Engine| {
                let seller = books::SellerId(seller);
                engine.books().payout_account(seller, currency).map(|one| one.digest.to_string())
            };
            let found = giver.client.look_ahead(look).map_err(Problem::internal)?;
            if let Some(digest) = found {
                asked.form.set("digest", digest);
                let fixed = format!("{},digest", asked.form.get(FIXED));
                asked.form.set(FIXED, fixed);
            }
        }
        _ => {}
    }
    Ok((asked, minor))
}

/// A variant with its content, in the fields of a form.
fn set_variant(form: &mut Form, path: &str, value: &Value) {
    match value {
        Value::String(name) => form.set(path, name.clone()),
        Value::Object(one) => {
            let Some((name, content)) = one.iter().next() else { return };
            form.set(path, name.clone());
            let inner = format!("{path}.{name}");
            match (content.get("parcel"), content.get("number")) {
                (Some(Value::String(parcel)), Some(number)) => {
                    form.set(&inner, format!("par_{parcel}/{number}"));
                }
                _ => form.set(&inner, content.as_str().unwrap_or_default().to_owned()),
            }
        }
        _ => {}
    }
}

/// A form that was sent.
pub(super) async fn give(mut visit: Visit, spec: &'static CommandSpec) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let form = Form::of(&mut visit.call).await?;
    check_csrf(&visit, &form)?;
    let principal = visit.call.caller()?.principal.clone();
    if !may(&principal, spec.name) {
        return Err(ProblemKind::NotPermitted.into());
    }
    let words = visit.words();
    let asked = AskedAct { spec, form, principal, words };
    let gathered = gathered(&visit, &asked).await?;
    if !asked.form.get("add").is_empty() {
        return render(&visit, &asked, gathered, Wrong::default(), StatusCode::OK);
    }
    let (texts, parts) = (visit.call.app.texts, &gathered.parts);
    let mut typed =
        ActForm { words, texts: &texts, spec, form: &asked.form, parts, errors: BTreeMap::new() };
    let body = typed.body();
    let mut wrong = Wrong { errors: std::mem::take(&mut typed.errors), ..Wrong::default() };
    let lacks = asked.principal.lacks_step_up(AccessFunction::GiveNamed(spec.name));
    if lacks && asked.form.get(pages::SECOND_FACTOR).trim().is_empty() {
        wrong.factor = Some(words.get("form.factor_missing").to_owned());
    }
    if !wrong.errors.is_empty() || wrong.factor.is_some() {
        return render(&visit, &asked, gathered, wrong, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let mut cookie = None;
    if lacks {
        match give_factor(&mut visit, asked.form.get(pages::SECOND_FACTOR)).await? {
            Ok(renewed) => cookie = Some(renewed),
            Err(error) => {
                wrong.factor = Some(error);
                return render(&visit, &asked, gathered, wrong, StatusCode::UNPROCESSABLE_ENTITY);
            }
        }
    }
    let mut answer = carried_out(visit, asked, gathered, body).await?;
    if let Some(cookie) = cookie {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}

/// Gives the command. The second click of a double click waits for the first.
async fn carried_out(
    mut visit: Visit,
    asked: AskedAct,
    gathered: Gathered,
    body: Map<String, Value>,
) -> HttpAnswer {
    let key = HeaderValue::from_str(asked.form.get("key"));
    let key = key.map_err(|_| Problem::from(ProblemKind::KeyMissing))?;
    visit.call.parts.headers.insert(IDEMPOTENCY_KEY, key);
    // Read as the body of a request is.
    let bytes = serde_json::to_vec(&body).map_err(Problem::internal)?;
    let body = match read_object(&bytes) {
        Ok(body) => body,
        Err(fault) => return refused(visit, asked, gathered, fault.into()).await,
    };
    let mut waits = 0;
    let done = loop {
        match carry_out(&visit.call, asked.spec, body.clone()).await {
            Err(problem)
                if problem.name() == ProblemKind::KeyInUse.name() && waits < SAME_KEY_WAITS_MAX =>
            {
                waits += 1;
                tokio::time::sleep(SAME_KEY_WAIT).await;
            }
            done => break done,
        }
    };
    match done {
        Ok(done) => answered(visit, asked, gathered, done).await,
        Err(problem) => refused(visit, asked, gathered, problem).await,
    }
}

/// A sentence of a problem as it stands in a form.
pub(super) fn sentence(words: PageWords, problem: &Problem) -> String {
    let detail = problem.detail(words.0);
    let mut chars = detail.chars();
    let first = chars.next().map(|first| first.to_uppercase().collect::<String>());
    let end = if words.is_zh() { "。" } else { "." };
    let end = if detail.ends_with(['.', '。']) { "" } else { end };
    format!("{}{}{end}", first.unwrap_or_default(), chars.as_str())
}

/// The form again, with why it was refused at the field, where that is known.
async fn refused(
    visit: Visit,
    asked: AskedAct,
    mut gathered: Gathered,
    problem: Problem,
) -> HttpAnswer {
    if let Some(cause) = problem.cause() {
        visit.call.app.note_failure(cause);
    }
    let words = asked.words;
    let mut wrong = Wrong::default();
    if problem.name() == ProblemKind::KeyReused.name() {
        wrong.others.push(words.get("form.stale").to_owned());
        wrong.new_key = true;
        return render(&visit, &asked, gathered, wrong, problem.status());
    }
    let texts = visit.call.app.texts;
    let typed = ActForm {
        words,
        texts: &texts,
        spec: asked.spec,
        form: &asked.form,
        parts: &gathered.parts,
        errors: BTreeMap::new(),
    };
    let mut shown = BTreeSet::new();
    names_of(&typed.fields(), &mut shown);
    let detail = sentence(words, &problem);
    let missing = typed.of_missing(problem.name());
    let named = problem.field().and_then(|pointer| typed.at_pointer(pointer, &shown));
    match (named, missing) {
        (Some(name), _) => drop(wrong.errors.insert(name, detail)),
        (None, Some((name, view))) => {
            let text = asked.form.get(&name).trim().to_owned();
            let (app, principal) = (visit.call.app.clone(), asked.principal.clone());
            let found = visit.call.app.workers.run(move |giver| {
                read(&app, giver, |reader| alike(reader, &principal, view, &text))
            });
            gathered.alike = found.await??;
            let list = gathered.alike.join(", ");
            let more = words.fill("form.alike", &[("list", &list)]);
            let detail = if list.is_empty() { detail } else { format!("{detail} {more}") };
            wrong.errors.insert(name, detail);
        }
        (None, None) => wrong.others.push(detail),
    }
    render(&visit, &asked, gathered, wrong, problem.status())
}

/// What came of a form that was read.
async fn answered(
    visit: Visit,
    mut asked: AskedAct,
    gathered: Gathered,
    (answer, position): (SignedInAnswer, JournalPosition),
) -> HttpAnswer {
    use SignedInAnswer as A;
    let words = asked.words;
    let conflict = StatusCode::CONFLICT;
    let batch = pages::forms::number(i128::from(position.0));
    let mut done = Done::default();
    match answer {
        A::CarriedOut { events, code } => {
            done.notice = words.fill("done.carried_out", &[("batch", &batch)]);
            (done.events, done.code) = (shown_events(&events)?, code);
            done.batch = Some(position.0);
        }
        A::Replayed { events } => {
            done.notice = words.get("done.carried_out_before").to_owned();
            (done.events, done.tone) = (shown_events(&events)?, Tone::Move);
        }
        A::Repeated => {
            done.notice = words.get("done.repeated").to_owned();
            done.tone = Tone::Move;
        }
        A::Proposed { proposal, .. } => {
            let number: &dyn std::fmt::Display = &proposal.number;
            done.notice = words.fill("done.proposed", &[("number", number)]);
            done.tone = Tone::Wait;
            let text = words.fill("done.proposal", &[("number", number)]);
            let path = format!("{}/{}", super::PROPOSALS_PATH, proposal.number);
            done.links.push((text, path));
        }
        A::SameBefore { number, next } => {
            fix(&mut asked.form, "number", next.to_string());
            let again = words.fill("form.same", &[("number", &number)]);
            let wrong = Wrong { again: Some(again), ..Wrong::default() };
            return render(&visit, &asked, gathered, wrong, conflict);
        }
        A::OpenBefore { field, id, next } => {
            fix(&mut asked.form, &field, next.to_string());
            let again = words.fill("form.open_before", &[("number", &id)]);
            let wrong = Wrong { again: Some(again), ..Wrong::default() };
            return render(&visit, &asked, gathered, wrong, conflict);
        }
        A::CodeWrong => {
            let problem = Problem::from(ProblemKind::CodeWrong).with_field("#/code");
            return refused(visit, asked, gathered, problem).await;
        }
    }
    let back = own_path(asked.form.get("back"));
    if back != "/" {
        done.links.push((words.get("done.back").to_owned(), back.to_owned()));
    }
    done.links.push((words.get("done.another").to_owned(), act_path(asked.spec.name)));
    done.title = title(words, asked.spec.name, false).to_owned();
    (done.name, done.currency) = (asked.spec.name, gathered.parts.currency.clone());
    if done.currency.is_none() {
        done.currency = gathered.parts.currencies.first().cloned();
    }
    done_page(&visit, done).await
}

/// Gives a field that the next form has, and nobody types.
fn fix(form: &mut Form, name: &str, value: String) {
    form.set(name, value);
    let fixed = format!("{},{name}", form.get(FIXED));
    form.set(FIXED, fixed);
}

/// What came of a command.
pub(super) struct Done {
    pub name: &'static str,
    pub title: String,
    pub notice: String,
    pub tone: Tone,
    pub said: Vec<String>,
    pub code: Option<String>,
    /// The batch in which it was carried out.
    pub batch: Option<u64>,
    pub events: Value,
    pub currency: Option<String>,
    pub links: Vec<(String, String)>,
}

impl Default for Done {
    fn default() -> Done {
        Done {
            name: "",
            title: String::new(),
            notice: String::new(),
            tone: Tone::Done,
            said: Vec::new(),
            code: None,
            batch: None,
            events: Value::Null,
            currency: None,
            links: Vec::new(),
        }
    }
}

/// Events on a page; more are in the journal.
const EVENTS_MAX: usize = 12;
/// Fields of events that are amounts.
const AMOUNTS: [&str; 15] = [
    "amount",
    "announced",
    "before",
    "collected",
    "counted",
    "credited",
    "due",
    "expected",
    "fees",
    "gross",
    "left",
    "net",
    "planned",
    "total",
    "withheld",
];

fn event_cells(words: PageWords, event: &Value, currency: &str) -> Option<(String, Vec<Cell>)> {
    let fields = event.as_object()?;
    let name = fields.get("event")?.as_str()?;
    let name = words.entry("event", name).unwrap_or(name).to_owned();
    let cells = fields.iter().filter(|(field, _)| *field != "event").map(|(field, value)| {
        let label = words.entry("field", field).or_else(|| words.entry("column", field));
        let text = match value {
            Value::Number(number) if AMOUNTS.contains(&field.as_str()) => {
                let minor = number.as_i64().unwrap_or_default();
                pages::forms::money(i128::from(minor), currency)
            }
            Value::Number(number) => number.to_string(),
            Value::String(text) => {
                let id = text.strip_prefix("par_").and_then(|id| id.parse().ok());
                id.map_or_else(|| text.clone(), switch::waybill::write)
            }
            Value::Array(items) => pages::forms::number(items.len() as i128),
            Value::Bool(true) => words.get("list.yes").to_owned(),
            Value::Bool(false) => words.get("list.no").to_owned(),
            Value::Null | Value::Object(_) => pages::forms::NOTHING.to_owned(),
        };
        let class = if value.is_number() { "num" } else { "" };
        Cell { text, class, label: label.unwrap_or_default(), ..Cell::default() }
    });
    let told = cells.filter(|cell| !cell.label.is_empty());
    Some((name, told.collect()))
}

pub(super) async fn done_page(visit: &Visit, done: Done) -> HttpAnswer {
    let (call, words) = (&visit.call, visit.words());
    let principal = call.caller()?.principal.clone();
    let mut around = frame(&call.app, visit.preferences, call.caller.as_ref(), ACTS_PATH);
    around.title.clone_from(&done.title);
    let Done { batch, name, mut links, .. } = done;
    let mut entries: Vec<TimelineEntry> = Vec::new();
    if let Some(batch) = batch {
        let wanted = wanted(call, &QueryParameters::default())?;
        wait_for(&call.app, wanted).await?;
        let (app, by) = (call.app.clone(), principal.clone());
        let told =
            call.app.workers.run(move |giver| told_command(&app, giver, &by, words, (batch, name)));
        entries = told.await??;
        let readable = readable(&principal);
        for (view, key) in [("commands", "done.batch"), ("postings", "done.postings")] {
            if readable.contains(&view) {
                let link = Link::to(&pages::list_path(view)).with("batch", &batch.to_string());
                links.push((words.get(key).to_owned(), link.text()));
            }
        }
    }
    let currency = done.currency.unwrap_or_default();
    let events = done.events.as_array().into_iter().flatten().take(EVENTS_MAX);
    let page = ActDonePage {
        frame: around,
        tone: done.tone,
        notice: done.notice,
        said: done.said,
        code: done.code,
        entries,
        events: events.filter_map(|one| event_cells(words, one, &currency)).collect(),
        links,
    };
    html(&page, StatusCode::OK)
}

/// All that a person can do.
pub(super) fn index(visit: &Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let (call, words) = (&visit.call, visit.words());
    let principal = &call.caller()?.principal;
    let mut around = frame(&call.app, visit.preferences, call.caller.as_ref(), ACTS_PATH);
    around.title = words.get("acts.title").to_owned();
    let about = |command: &str| first_of(words, &(call.app.texts.command)(command, words.0));
    html(&ActsPage { groups: all(words, principal, about), frame: around }, StatusCode::OK)
}

/// The first sentence of what a command does.
pub(super) fn first_of(words: PageWords, about: &str) -> String {
    match words.0 {
        Language::En => first_sentence(about).to_owned(),
        Language::Zh => about.split_inclusive('。').next().unwrap_or_default().to_owned(),
    }
}
