//! What waits for a second person: the list, one with what it changes, and the decision.

use access::{AccessFunction, Principal};
use axum::http::{StatusCode, header};
use engine::Actor;
use office::fields::{self, Expected};
use office::{Language, OfficeAnswer, Proposal, SignedInGiver};
use pages::{
    Cell, Link, PageWords, ProposalPage, ProposedChange, RowContext, WaitingLine, WaitingPage,
    list_path,
};
use reports::FieldType;
use serde_json::Value;
use switch::waybill;
use views::ViewSpec;
use views::read::{FilterOperator, RowsOf};

use super::act_pages::{Done, FoundSubject, done_page, first_of};
use super::act_table::{may, title};
use super::choices::view_of_type;
use super::form::Form;
use super::frames::{frame, readable};
use super::rows::{offset_at, person_names, read, with};
use super::second_factor::{check_csrf, factor_field, give_factor};
use super::{PROPOSALS_PATH, Visit, html};
use crate::app::{App, Call, HttpAnswer};
use crate::handlers::views::rows_of;
use crate::handlers::{APPROVE, WITHDRAW, as_seen, decide as decide_signed_in};
use crate::prefixes;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

/// What in the books waits for a second person: view, state, and the words of its number.
const OTHERS: [(&str, &str, &str); 2] =
    [("plans", "planned", "waiting.plans"), ("breaks", "proposed", "waiting.breaks")];

fn sees_all(call: &Call) -> Result<Principal, Problem> {
    call.require_all(AccessFunction::Read("proposals"))?;
    Ok(call.caller()?.principal.clone())
}

/// The proposals, with what each would do, and how many more there are.
fn waiting(app: &App, principal: &Principal) -> Result<(Vec<Proposal>, usize), Problem> {
    let listed = app.office.with(|office| office.proposals_signed_in());
    match listed.map_err(|error| Problem::of_office(error, app.texts.chinese))? {
        OfficeAnswer::Proposals { proposals, more, .. } => {
            Ok((proposals.into_iter().map(|one| as_seen(principal, one)).collect(), more))
        }
        _ => Err(Problem::internal("no list of proposals")),
    }
}

/// Who proposed it, and when.
fn proposer(
    giver: &SignedInGiver,
    principal: &Principal,
    words: PageWords,
    one: &Proposal,
) -> Result<(Cell, String), Problem> {
    let (names, readable) = (person_names(giver, principal), readable(principal));
    let at = i64::try_from(one.proposed_at_ms).unwrap_or(i64::MAX);
    let offset_minutes = offset_at(giver, at)?;
    let context =
        RowContext { words, names: &names, readable: &readable, at: None, offset_minutes };
    let person = one.proposed_by;
    let cell = context.party("persons", person.0.cast_signed(), &format!("per_{person}"));
    Ok((cell, pages::forms::time(words, at, offset_minutes)))
}

fn said(words: PageWords, one: &Proposal) -> Vec<String> {
    let all = one.words.as_ref().map(|all| match words.0 {
        Language::En => all.en.clone(),
        Language::Zh => all.zh.clone(),
    });
    all.unwrap_or_default()
}

pub(super) async fn list(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let principal = sees_all(&visit.call)?;
    let (app, words) = (visit.call.app.clone(), visit.words());
    let path = PROPOSALS_PATH;
    let mut around = frame(&app, visit.preferences, visit.call.caller.as_ref(), path);
    around.title = words.get("waiting.title").to_owned();
    let done = visit.call.app.workers.run(move |giver| {
        let (proposals, more) = waiting(&app, &principal)?;
        let mut lines = Vec::new();
        for one in &proposals {
            let (by, when) = proposer(giver, &principal, words, one)?;
            lines.push(WaitingLine {
                number: one.number,
                href: format!("{PROPOSALS_PATH}/{}", one.number),
                act: title(words, &one.command, false).to_owned(),
                said: said(words, one).into_iter().next().unwrap_or_default(),
                by,
                when,
                refused: one.refusal.is_some(),
            });
        }
        let others = read(&app, giver, |reader| {
            let mut others = Vec::new();
            for (view, state, key) in OTHERS {
                let Some(view) = ViewSpec::find(view) else { continue };
                if !matches!(rows_of(&principal, view), Ok(RowsOf::Everyone)) {
                    continue;
                }
                let ask = with(view, "state", FilterOperator::Equal(state.into()), None);
                let rows: i64 = reader.totals(&ask, None)?.0.iter().map(|one| one.rows).sum();
                if rows > 0 {
                    let count = pages::forms::number(i128::from(rows));
                    let link = Link::to(&list_path(view.name)).with("state", state);
                    others.push((words.fill(key, &[("count", &count)]), link.text()));
                }
            }
            Ok(others)
        })?;
        let more = (more > 0).then(|| words.fill("waiting.more", &[("count", &more)]));
        html(&WaitingPage { frame: around, lines, more, others }, StatusCode::OK)
    });
    done.await?
}

/// A value of a proposed command for people.
struct Shown<'s> {
    words: PageWords,
    app: &'s App,
    currency: String,
    names: &'s pages::PartyNames,
    offset_minutes: i16,
}

impl Shown<'_> {
    fn value(&self, of: FieldType<'static>, value: &Value) -> String {
        let words = self.words;
        let minor = || i128::from(value.as_i64().unwrap_or_default());
        let text = value.as_str().unwrap_or_default();
        match (Expected::of(of), value) {
            (_, Value::Null) => pages::forms::NOTHING.to_owned(),
            (Expected::Amount | Expected::SignedAmount, Value::Number(_)) => {
                format!("{} {}", pages::forms::money(minor(), &self.currency), self.currency)
            }
            (Expected::Rate, Value::Number(_)) => {
                let ppm = minor();
                let share = format!("{}.{:04}", ppm / 10_000, ppm % 10_000);
                format!("{}%", share.trim_end_matches('0').trim_end_matches('.'))
            }
            (Expected::Date, _) => pages::forms::date(words, text),
            (Expected::Time, Value::Number(at)) => {
                let at = at.as_i64().unwrap_or_default();
                pages::forms::time(words, at, self.offset_minutes)
            }
            (Expected::Parcel, Value::String(id)) => {
                id.parse().map_or_else(|_| id.clone(), waybill::write)
            }
            (
                Expected::Person
                | Expected::IdOrReference
                | Expected::Id
                | Expected::Offer
                | Expected::Variant,
                Value::String(id),
            ) => {
                let id_type = of.name().unwrap_or_default();
                let view = match id_type {
                    "PersonId" => Some("persons"),
                    id_type => view_of_type(id_type).map(|view| view.name),
                };
                let bits = id.parse::<u64>().ok().map(u64::cast_signed);
                let name = view.zip(bits).and_then(|key| self.names.get(&key));
                let prefix = prefixes::of_type(id_type).unwrap_or_default();
                name.cloned().unwrap_or_else(|| format!("{prefix}{id}"))
            }
            (Expected::OneOf(_), value) => {
                let Some((variant, content)) = of.variant(value) else { return value.to_string() };
                let named =
                    (self.app.texts.variant)(of.name().unwrap_or_default(), variant.name, words.0);
                let named = named.unwrap_or_else(|| variant.name.to_owned());
                match variant.content {
                    Some(inner) if !content.is_null() => {
                        format!("{named}: {}", self.value(inner, content))
                    }
                    _ => named,
                }
            }
            (_, Value::Bool(true)) => words.get("list.yes").to_owned(),
            (_, Value::Bool(false)) => words.get("list.no").to_owned(),
            (_, Value::Array(items)) => {
                let all = items.iter().map(|one| match of.item() {
                    Some(item) => self.value(item, one),
                    None => one.to_string(),
                });
                all.collect::<Vec<_>>().join("; ")
            }
            (_, Value::Object(fields)) => {
                let all = fields.iter().filter_map(|(name, one)| {
                    let shown = self.value(of.field(name)?, one);
                    let label = self.words.entry("field", name);
                    let label = label.or_else(|| self.words.entry("column", name));
                    Some(format!("{} {shown}", label.unwrap_or(name)))
                });
                all.collect::<Vec<_>>().join(", ")
            }
            (_, Value::String(text)) => text.clone(),
            (_, Value::Number(number)) => number.to_string(),
        }
    }
}

/// The column of a thing that says what a field would change.
fn column_of(field: &str) -> Vec<String> {
    vec![field.to_owned(), format!("offline_{field}")]
}

async fn page(visit: &Visit, number: u64, problem: Option<Problem>) -> HttpAnswer {
    let principal = sees_all(&visit.call)?;
    let (app, words) = (visit.call.app.clone(), visit.words());
    let path = format!("{PROPOSALS_PATH}/{number}");
    let mut around = frame(&app, visit.preferences, visit.call.caller.as_ref(), PROPOSALS_PATH);
    around.path.clone_from(&path);
    // What is wrong with the second factor is said at its field.
    let at_factor = problem.as_ref().and_then(|problem| match problem.name() {
        "sign-in-refused" => Some("form.factor_wrong"),
        "step-up-needed" => Some("form.factor_missing"),
        _ => None,
    });
    let status = match at_factor {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => problem.as_ref().map_or(StatusCode::OK, Problem::status),
    };
    let factor = factor_field(visit, &path, at_factor.map(|key| words.get(key).to_owned()));
    let told = problem.filter(|_| at_factor.is_none());
    let told = told.map(|problem| problem.detail(words.0).to_owned());
    let done = visit.call.app.workers.run(move |giver| {
        let (proposals, _) = waiting(&app, &principal)?;
        let one = proposals.into_iter().find(|one| one.number == number);
        let one = one.ok_or_else(|| Problem::from(ProblemKind::NoSuchProposal))?;
        let declared = fields::declared().of(&one.command);
        let of = declared.ok_or_else(|| Problem::internal("a proposal of no command"))?;
        let (by, when) = proposer(giver, &principal, words, &one)?;
        let value = |field: &str| match one.fields.get(field) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Object(parts)) => match (parts.get("parcel"), parts.get("number")) {
                (Some(Value::String(parcel)), Some(number)) => format!("{parcel}/{number}"),
                _ => String::new(),
            },
            _ => String::new(),
        };
        let look = |engine: &engine::Engine| {
            engine.books().currencies().next().map(|one| one.code().to_owned())
        };
        let first = giver.client.look_ahead(look).map_err(Problem::internal)?;
        let first = first.unwrap_or_default();
        let found = FoundSubject::of_command(&app, giver, &principal, &value, &first)?;
        let own = value("currency");
        let of_subject = found
            .as_ref()
            .and_then(|found| found.row.raw_of(found.view, "currency").map(str::to_owned));
        let currency = if own.is_empty() { of_subject.unwrap_or(first) } else { own };
        let mut names = person_names(giver, &principal);
        if let Some(found) = &found {
            names.extend(found.names.clone());
        }
        let at = i64::try_from(one.proposed_at_ms).unwrap_or(i64::MAX);
        let offset_minutes = offset_at(giver, at)?;
        let shown = Shown { words, app: &app, currency, names: &names, offset_minutes };
        let label = |name: &str| {
            let own = words.entry("field_of", &format!("{}.{name}", one.command));
            let own = own.or_else(|| words.entry("field", name));
            own.or_else(|| words.entry("column", name)).unwrap_or_default().to_owned()
        };
        let changes = one.fields.iter().filter_map(|(name, value)| {
            let field = of.field(name)?;
            // Who proposed it stands above.
            let is_told = name != "proposed_by" && name != "approved_by" && !value.is_null();
            let now = found.as_ref().and_then(|found| {
                let key = found.view.key.contains(&name.as_str());
                let columns = column_of(name).into_iter().filter(|_| !key);
                columns.filter_map(|column| found.shown(words, &column)).next()
            });
            let then = shown.value(field, value);
            is_told.then(|| ProposedChange {
                label: label(name),
                now: now.unwrap_or_default(),
                then,
            })
        });
        let may_decide = may(&principal, &one.command);
        let is_own = principal.actor == Actor::Person(one.proposed_by);
        let cannot = match (may_decide, is_own) {
            (false, _) => Some(words.get("waiting.may_not")),
            (true, true) => Some(words.get("form.own_proposal")),
            (true, false) => None,
        };
        let lacks = principal.lacks_step_up(AccessFunction::GiveNamed(&one.command));
        around.title = title(words, &one.command, false).to_owned();
        let refusal = one.refusal.as_ref().map(|why| match words.0 {
            Language::En => why.en.clone(),
            Language::Zh => why.zh.clone(),
        });
        let page = ProposalPage {
            number,
            about: first_of(words, &(app.texts.command)(&one.command, words.0)),
            said: said(words, &one),
            by,
            when,
            changes: changes.collect(),
            subject: found.map(|found| found.shown_whole(words, &principal)),
            // It is the same refusal.
            refusal: refusal.filter(|_| told.is_none()),
            problem: told,
            cannot,
            may_withdraw: may_decide,
            second_factor: (lacks && may_decide).then_some(factor),
            frame: around,
        };
        html(&page, status)
    });
    done.await?
}

fn number(visit: &Visit) -> Result<u64, Problem> {
    let part = visit.call.path_part(1)?;
    let digits = part.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| part.parse().ok()).flatten();
    number.ok_or_else(|| ProblemKind::NoSuchProposal.into())
}

pub(super) async fn one(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    page(&visit, number(&visit)?, None).await
}

/// Approves or withdraws.
pub(super) async fn decide(mut visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let number = number(&visit)?;
    let form = Form::of(&mut visit.call).await?;
    check_csrf(&visit, &form)?;
    sees_all(&visit.call)?;
    let mut cookie = None;
    let code = form.get(pages::SECOND_FACTOR).trim();
    if !code.is_empty() {
        match give_factor(&mut visit, code).await? {
            Ok(renewed) => cookie = Some(renewed),
            Err(_) => {
                return page(&visit, number, Some(ProblemKind::SignInRefused.into())).await;
            }
        }
    }
    let approves = form.get("decision") == "approve";
    let decision = if approves { APPROVE } else { WITHDRAW };
    let mut answer = match decide_signed_in(&visit.call, number, decision).await {
        Ok((decided, position)) => decided_page(&visit, number, decided, position.0).await?,
        // It was decided already: there is no such page any more.
        Err(problem) if problem.name() == ProblemKind::NoSuchProposal.name() => {
            return Err(problem);
        }
        Err(problem) => page(&visit, number, Some(problem)).await?,
    };
    if let Some(cookie) = cookie {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}

async fn decided_page(visit: &Visit, number: u64, decided: OfficeAnswer, batch: u64) -> HttpAnswer {
    let words = visit.words();
    let mut done = Done {
        links: vec![(words.get("waiting.title").to_owned(), PROPOSALS_PATH.to_owned())],
        ..Done::default()
    };
    match decided {
        OfficeAnswer::CarriedOut { command, events, said, .. } => {
            let batch_text = pages::forms::number(i128::from(batch));
            done.notice = words.fill("done.carried_out", &[("batch", &batch_text)]);
            done.title = title(words, &command, false).to_owned();
            done.said = if words.is_zh() { said.zh } else { said.en };
            let mut events = Value::Array(events);
            prefixes::add(&mut events);
            done.events = events;
            let spec = engine::Command::specs().find(|spec| spec.name == command);
            done.name = spec.map_or("", |spec| spec.name);
            done.batch = Some(batch);
        }
        OfficeAnswer::Repeated { command } => {
            done.notice = words.get("done.repeated").to_owned();
            done.title = title(words, &command, false).to_owned();
            done.tone = pages::Tone::Move;
        }
        OfficeAnswer::Withdrawn { .. } => {
            done.notice = words.fill("done.withdrawn", &[("number", &number)]);
            done.title = words.fill("waiting.number", &[("number", &number)]);
            done.tone = pages::Tone::End;
        }
        _ => return Err(ProblemKind::CodeWrong.into()),
    }
    done_page(visit, done).await
}
