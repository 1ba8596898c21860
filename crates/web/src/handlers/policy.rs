//! The policy: what is in force, what waits for a person, the decisions about an offer, and the
//! transparency report. Pages show what the API answers.

use access::{AccessFunction, AccessGrant, AccessScope};
use axum::http::StatusCode;
use books::BusinessDate;
use engine::Engine;
use listings::{OfferText, StoreError, TextStore};
use market::OfferId;
use node::{Clock, JournalPosition, SystemClock};
use reports::{
    DecisionShown, PolicyReport, PolicyShown, appeals_shown, decisions_shown, held_shown,
    policy_report, policy_shown,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::app::{Call, HttpAnswer, json_answer};
use crate::operations::Action;
use crate::prefixes;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::times::rfc3339;

/// Id, path, action, and what it is about in both languages.
type Read = (&'static str, &'static str, Action, (&'static str, &'static str));

pub(crate) const POLICY_READS: [Read; 5] = [
    (
        "getPolicy",
        "/v1/policy",
        Action::Policy,
        ("The rules about public texts, by the seven baselines", "关于公开文本的规则，按七条底线"),
    ),
    (
        "getPolicyReport",
        "/v1/policy/report",
        Action::PolicyReport,
        ("The transparency report of some days", "若干日的透明度报告"),
    ),
    (
        "listHeldTexts",
        "/v1/policy/held",
        Action::HeldTexts,
        ("Texts that wait for a person, the oldest first", "待人工决定的文本，最早的在前"),
    ),
    (
        "listOpenAppeals",
        "/v1/policy/appeals",
        Action::OpenAppeals,
        ("Appeals to be judged, without what was decided first", "待裁决的申诉，不含先前的决定"),
    ),
    (
        "getOfferDecisions",
        "/v1/policy/offers/{offer}",
        Action::OfferDecisions,
        (
            "The decisions about an offer's texts with their reasons, the newest first",
            "对商品文本的各项决定及理由，最新的在前",
        ),
    ),
];

pub(crate) const REPORT_DAYS: [&str; 2] = ["from", "until"];
/// Texts and appeals of one answer.
pub(crate) const TEXTS_SHOWN: usize = 100;
/// How the table of rights names decisions.
const DECISIONS: AccessFunction<'static> = AccessFunction::Read("text-decisions");

/// A decision with its text. `None`: it was erased.
#[derive(Debug, Serialize)]
pub(crate) struct ReadDecision {
    #[serde(flatten)]
    pub decision: DecisionShown,
    pub text: Option<OfferText>,
}

fn of_store(error: &StoreError) -> Problem {
    Problem::internal(error)
}

/// Everybody may read the policy and its report if the settings say so, else who is signed in.
pub(crate) fn check_reader(call: &Call) -> Result<(), Problem> {
    if call.app.public_policy { Ok(()) } else { call.caller().map(|_| ()) }
}

/// Asks the books, with the day.
async fn ask<T: Send + 'static>(
    call: &Call,
    question: impl FnOnce(&Engine, BusinessDate) -> T + Send + 'static,
) -> Result<(T, JournalPosition), Problem> {
    let done = call.app.workers.run(move |giver| {
        giver.client.query(|engine| {
            let books = engine.books();
            let now = SystemClock.now().max(engine.last_at());
            let date = books.business_date(now).unwrap_or_else(|| books.last_date());
            question(engine, date)
        })
    });
    done.await?.map_err(Problem::internal)
}

/// The same, with the texts.
async fn ask_decisions(
    call: &Call,
    question: impl FnOnce(&Engine, BusinessDate) -> Vec<DecisionShown> + Send + 'static,
) -> Result<(Vec<ReadDecision>, JournalPosition), Problem> {
    let (decisions, position) = ask(call, question).await?;
    let data = call.app.data.clone();
    let done = call.app.workers.run(move |_| {
        let store = TextStore::open(&data).map_err(|error| of_store(&error))?;
        let read = decisions.into_iter().map(|decision| {
            let text = store.get(decision.content).map_err(|error| of_store(&error))?;
            Ok(ReadDecision { decision, text })
        });
        read.collect::<Result<Vec<_>, Problem>>()
    });
    Ok((done.await??, position))
}

pub(crate) async fn read_policy(call: &Call) -> Result<(PolicyShown, JournalPosition), Problem> {
    check_reader(call)?;
    ask(call, policy_shown).await
}

pub(crate) async fn read_held(
    call: &Call,
) -> Result<(Vec<ReadDecision>, JournalPosition), Problem> {
    call.require_all(DECISIONS)?;
    ask_decisions(call, |engine, date| held_shown(engine, date, TEXTS_SHOWN)).await
}

/// Whoever judges does not see the first judgement.
pub(crate) async fn read_appeals(
    call: &Call,
) -> Result<(Vec<ReadDecision>, JournalPosition), Problem> {
    call.require_all(DECISIONS)?;
    ask_decisions(call, |engine, date| appeals_shown(engine, date, TEXTS_SHOWN)).await
}

/// The decisions about the offer at the end of the path. A seller sees own ones, and no persons.
pub(crate) async fn read_offer(
    call: &Call,
) -> Result<(OfferId, Vec<ReadDecision>, JournalPosition), Problem> {
    let named = call.path_part(call.parts.uri.path().matches('/').count() - 1)?;
    let named = named.strip_suffix(".json").unwrap_or(&named);
    let offer = prefixes::without_prefix("OfferId", named).and_then(|id| id.parse().ok());
    let offer = OfferId(offer.ok_or(ProblemKind::NoSuchRecord)?);
    let principal = &call.caller()?.principal;
    let own = match principal.may(DECISIONS) {
        AccessScope::All => None,
        AccessScope::Own(own) => Some(own),
        AccessScope::Nothing => return Err(ProblemKind::NotPermitted.into()),
    };
    // Also who reads by a key may judge in a session.
    let sees_all = own.is_none();
    let is_judge = sees_all;
    let question = move |engine: &Engine, date| {
        let seller = engine.market().offer_view(offer).map(|known| known.seller);
        let is_own = |seller| {
            let owns = |own: &Vec<AccessGrant>| own.contains(&AccessGrant::Seller(seller));
            own.as_ref().is_none_or(owns)
        };
        let sees = seller.is_some_and(is_own);
        sees.then(|| decisions_shown(engine, offer, date, is_judge))
    };
    let (found, position) = ask(call, question).await?;
    // Of another seller as if it were not there.
    let mut found = found.ok_or(ProblemKind::NoSuchRecord)?;
    if !sees_all {
        for one in &mut found {
            one.judged.iter_mut().for_each(|judged| judged.decided_by = None);
            one.appeal.iter_mut().for_each(|appeal| appeal.judged_by = None);
        }
    }
    let (read, _) = ask_decisions(call, move |_, _| found).await?;
    Ok((offer, read, position))
}

pub(crate) async fn read_report(
    call: &Call,
    query: &QueryParameters,
) -> Result<(PolicyReport, JournalPosition), Problem> {
    check_reader(call)?;
    let day = |name: &'static str| -> Result<Option<BusinessDate>, Problem> {
        let wrong = || Problem::from(ProblemKind::BadQuery).with_field(name);
        let Some(text) = query.get(name) else { return Ok(None) };
        if let Ok(day) = text.parse() {
            return Ok(Some(day));
        }
        // Any other date is before or after all that the books can have.
        let date: jiff::civil::Date =
            text.parse().ok().filter(|_| text.len() == 10).ok_or_else(wrong)?;
        Ok(Some(BusinessDate(if date.year() < 1970 { 0 } else { u16::MAX })))
    };
    let (from, until) = (day(REPORT_DAYS[0])?, day(REPORT_DAYS[1])?);
    let question = move |engine: &Engine, today| {
        let first = engine.policy().decisions().next().map(|one| one.date);
        let until = until.unwrap_or(today);
        let from = from.or(first).unwrap_or(until).min(until);
        policy_report(engine, from, until)
    };
    if let (Some(from), Some(until)) = (from, until)
        && until < from
    {
        return Err(Problem::from(ProblemKind::BadQuery).with_field(REPORT_DAYS[1]));
    }
    ask(call, question).await
}

/// A value as the API writes it: identifiers with their prefix, times in RFC 3339.
fn api_form(value: impl Serialize) -> Result<Value, Problem> {
    let mut value = serde_json::to_value(value).map_err(Problem::internal)?;
    put_forms(&mut value);
    Ok(value)
}

fn put_forms(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(put_forms),
        Value::Object(fields) => {
            for (name, value) in fields {
                let id_type = match name.as_str() {
                    "author" | "approver" => Some("PersonId"),
                    name => prefixes::type_of_field(name),
                };
                let prefix = id_type.and_then(prefixes::of_type);
                let id =
                    value.as_str().map(str::to_owned).or(value.as_u64().map(|id| id.to_string()));
                match (prefix, id) {
                    (Some(prefix), Some(id)) => *value = format!("{prefix}{id}").into(),
                    _ if (name == "at" || name.ends_with("_at")) && value.is_u64() => {
                        *value = rfc3339(value.as_u64().unwrap_or(0)).into();
                    }
                    _ => put_forms(value),
                }
            }
        }
        _ => {}
    }
}

fn answer((body, position): (Value, JournalPosition)) -> HttpAnswer {
    json_answer(StatusCode::OK, &body, Some(position))
}

pub(super) async fn policy(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    let (shown, position) = read_policy(&call).await?;
    answer((api_form(shown)?, position))
}

pub(super) async fn report(call: Call) -> HttpAnswer {
    let query = QueryParameters::read(call.parts.uri.query(), &REPORT_DAYS)?;
    let (report, position) = read_report(&call, &query).await?;
    answer((api_form(report)?, position))
}

pub(super) async fn held(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    let (items, position) = read_held(&call).await?;
    answer((json!({ "items": api_form(items)? }), position))
}

pub(super) async fn appeals(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    let (items, position) = read_appeals(&call).await?;
    answer((json!({ "items": api_form(items)? }), position))
}

pub(super) async fn offer(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    let (_, items, position) = read_offer(&call).await?;
    answer((json!({ "items": api_form(items)? }), position))
}
