//! Personal data: shown after the books have recorded it, durably.

use access::{AccessFunction, AccessGrant, AccessScope};
use axum::http::StatusCode;
use books::{DataSubject, DisclosurePurpose, PlanId};
use node::JournalPosition;
use office::socket::PayoutFilesAsked;
use office::{OfficeAnswer, OfficeError, ShownRecord};
use serde_json::{Map, Value, json};

use crate::app::{Call, HttpAnswer, json_answer};
use crate::json::read_object;
use crate::prefixes;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::words::BilingualText;

/// The views in the table of rights.
const BUYERS: &str = "buyers";
pub(crate) const PAYEES: &str = "payees";
pub(crate) const PAYOUT_ACCOUNTS: &str = "payout-accounts";

/// The fields of a body. Each is known.
async fn fields(call: &mut Call, known: &[&str]) -> Result<Map<String, Value>, Problem> {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.accepted(&["application/json"])?;
    call.require_content(&["application/json"])?;
    let body = call.whole_body().await?;
    let given = read_object(&body)?;
    match given.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(given),
        Some(name) => Err(Problem::from(ProblemKind::UnknownField).with_field(format!("#/{name}"))),
    }
}

fn bad_value(name: &str) -> Problem {
    Problem::from(ProblemKind::BadValue).with_field(format!("#/{name}"))
}

fn missing(name: &str) -> Problem {
    Problem::from(ProblemKind::MissingField).with_field(format!("#/{name}"))
}

/// An identifier or a reference without its prefix. `None` if it is not given.
fn named<'g>(
    given: &'g Map<String, Value>,
    field: &str,
    id_type: &str,
) -> Result<Option<&'g str>, Problem> {
    let Some(value) = given.get(field) else { return Ok(None) };
    let text = value.as_str().and_then(|text| prefixes::without_prefix(id_type, text));
    text.map(Some).ok_or_else(|| bad_value(field))
}

fn flag(given: &Map<String, Value>, name: &str) -> Result<bool, Problem> {
    let value = given.get(name).map(|value| value.as_bool().ok_or_else(|| bad_value(name)));
    value.unwrap_or(Ok(false))
}

/// Shows who gets a parcel, or the accounts and the identity of a seller.
pub(super) async fn disclose(mut call: Call) -> HttpAnswer {
    let given = fields(&mut call, &["parcel", "seller", "purpose"]).await?;
    let parcel = named(&given, "parcel", "ParcelId")?;
    let seller = named(&given, "seller", "SellerId")?;
    let purpose = given.get("purpose").ok_or_else(|| missing("purpose"))?;
    let purpose: DisclosurePurpose =
        serde_json::from_value(purpose.clone()).map_err(|_| bad_value("purpose"))?;
    let typed = match (parcel, seller) {
        (Some(parcel), None) => format!("parcel:{parcel}"),
        (None, Some(seller)) => format!("seller:{seller}"),
        (None, None) => return Err(missing("parcel")),
        (Some(_), Some(_)) => return Err(bad_value("seller")),
    };
    let view = if seller.is_some() { PAYEES } else { BUYERS };
    let (subject, shown, position) = show(&call, (typed, view), purpose).await?;
    let subject = match subject {
        DataSubject::Seller(seller) => json!({ "seller": format!("sel_{seller}") }),
        DataSubject::Buyer(parcel) => json!({ "parcel": format!("par_{parcel}") }),
    };
    let body = json!({ "subject": subject, "records": shown });
    json_answer(StatusCode::OK, &body, Some(position))
}

/// The records of a subject as typed, `seller:…` or `parcel:…`, after the books have recorded that
/// they are shown.
pub(crate) async fn show(
    call: &Call,
    (typed, view): (String, &str),
    purpose: DisclosurePurpose,
) -> Result<(DataSubject, Vec<ShownRecord>, JournalPosition), Problem> {
    call.require(AccessFunction::Read(view))?;
    let scope = call.caller()?.principal.may(AccessFunction::Read(view));
    let sees_all = scope == AccessScope::All;
    // Who sees own ones only has one reason: to deliver the parcels, to see what is the own.
    let only = if view == PAYEES {
        DisclosurePurpose::SubjectRequest
    } else {
        DisclosurePurpose::Delivery
    };
    if !sees_all && purpose != only {
        return Err(Problem::from(ProblemKind::NotPermitted).with_field("#/purpose"));
    }
    // A key of a seller cannot give a second factor.
    if !sees_all && view == PAYEES && call.caller()?.session.is_none() {
        return Err(ProblemKind::NotPermitted.into());
    }
    let (office, chinese) = (call.app.office.clone(), call.app.texts.chinese);
    let by = call.caller()?.principal.actor;
    let done = call.app.workers.run(move |giver| {
        let of_office = |error: OfficeError| match error {
            // Nobody hears of another's parcel.
            OfficeError::NoDataSubject { .. } | OfficeError::NoSeller { .. } if !sees_all => {
                Problem::from(ProblemKind::NoSuchRecord)
            }
            error => Problem::of_office(error, chinese),
        };
        let subject = office.with(|office| office.subject_signed_in(&typed)).map_err(of_office)?;
        let covers = move |engine: &engine::Engine| match (subject, &scope) {
            (_, AccessScope::All) => true,
            (DataSubject::Buyer(parcel), scope) => scope.covers_parcel(parcel, engine.books()),
            (DataSubject::Seller(seller), AccessScope::Own(own)) => {
                own.contains(&AccessGrant::Seller(seller))
            }
            (DataSubject::Seller(_), AccessScope::Nothing) => false,
        };
        if !giver.client.query(covers).map_err(|error| of_office(error.into()))?.0 {
            return Err(ProblemKind::NoSuchRecord.into());
        }
        let shown = office.with(|office| office.show(subject, &typed, purpose, by));
        let shown = shown.map_err(of_office)?;
        let position = giver.client.query(|_| ()).map_err(|error| of_office(error.into()))?.1;
        Ok::<_, Problem>((subject, shown, position))
    });
    let (subject, shown, position) = done.await??;
    call.app.writers.wrote(by, position);
    Ok((subject, shown, position))
}

/// The messages to the bank of a plan.
pub(super) async fn payout_files(mut call: Call) -> HttpAnswer {
    let given = fields(&mut call, &["plan", "again", "without_missing"]).await?;
    let plan = named(&given, "plan", "PlanId")?.ok_or_else(|| missing("plan"))?;
    let plan: PlanId = plan.parse().map_err(|_| bad_value("plan"))?;
    let (again, without_missing) = (flag(&given, "again")?, flag(&given, "without_missing")?);
    call.require_all(AccessFunction::Read(PAYEES))?;
    let asked = PayoutFilesAsked { plan, again, without_missing };
    let in_work = super::files::begin(&call)?;
    let (lines, language) = (call.app.lines.clone(), call.language);
    let (by, chinese) = (call.caller()?.principal.actor, call.app.texts.chinese);
    let done = call.app.workers.run(move |giver| {
        let _in_work = in_work;
        let shown = lines.payout_files(asked, by, language).map_err(|why| {
            let words = BilingualText { en: why.clone().into(), zh: why.into() };
            Problem::new(ProblemKind::DoesNotFit, words)
        })?;
        let position = giver.client.query(|_| ());
        let position = position.map_err(|error| Problem::of_office(error.into(), chinese))?.1;
        Ok::<_, Problem>((shown, position))
    });
    let (mut shown, position) = done.await??;
    call.app.writers.wrote(by, position);
    prefixes::add(&mut shown);
    json_answer(StatusCode::OK, &shown, Some(position))
}

/// Which sellers have an account, and which wait. No character of one is shown.
pub(super) async fn payout_accounts(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.accepted(&["application/json"])?;
    call.require_all(AccessFunction::Read(PAYOUT_ACCOUNTS))?;
    let (office, chinese) = (call.app.office.clone(), call.app.texts.chinese);
    let done = call.app.workers.run(move |giver| {
        let listed = office.with(|office| office.payout_accounts_signed_in());
        listed.and_then(|listed| Ok((listed, giver.client.query(|_| ())?.1)))
    });
    let (listed, position) = done.await?.map_err(|error| Problem::of_office(error, chinese))?;
    let OfficeAnswer::PayoutAccounts { accounts, more } = listed else {
        return Err(Problem::internal("no list of accounts"));
    };
    json_answer(StatusCode::OK, &json!({ "items": accounts, "more": more }), Some(position))
}
