//! Identities of an OpenID provider that are linked to a person: one's own, and those of others for
//! administrators.

use access::AccessFunction;
use axum::http::StatusCode;
use books::PersonId;
use serde_json::{Value, json};

use super::sessions::{failed, person};
use crate::app::{Call, HttpAnswer, json_answer};
use crate::prefixes;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

/// The parameter that names another person.
pub(crate) const PERSON: &str = "person";

/// Whose identities are meant. Those of another person need the right.
fn whose(call: &Call, right: AccessFunction<'_>) -> Result<PersonId, Problem> {
    let query = QueryParameters::read(call.parts.uri.query(), &[PERSON])?;
    let own = person(call)?;
    let Some(text) = query.get(PERSON) else { return Ok(own) };
    let id = prefixes::without_prefix("PersonId", text).and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| Problem::from(ProblemKind::BadQuery).with_field(PERSON))?;
    if id != own {
        call.require_all(right)?;
    }
    Ok(id)
}

pub(super) async fn list(call: Call) -> HttpAnswer {
    call.accepted(&["application/json"])?;
    let (store, person) = (call.app.store.clone(), whose(&call, AccessFunction::Read("sessions"))?);
    let all = call.app.workers.run(move |_| store.identities_of(person)).await?;
    let items = all.map_err(failed)?.into_iter().map(
        |(number, one)| json!({ "number": number, "issuer": one.issuer, "subject": one.subject }),
    );
    json_answer(StatusCode::OK, &json!({ "items": items.collect::<Vec<Value>>() }), None)
}

pub(super) async fn remove(call: Call) -> HttpAnswer {
    let person = whose(&call, AccessFunction::GiveNamed("RevokeAccess"))?;
    let number = call.path_part(2)?.parse::<u64>().ok().ok_or(ProblemKind::NoSuchRecord)?;
    let store = call.app.store.clone();
    let done = call.app.workers.run(move |_| store.unlink_numbered(person, number));
    match done.await?.map_err(failed)? {
        true => json_answer(StatusCode::OK, &json!({ "outcome": "removed" }), None),
        false => Err(ProblemKind::NoSuchRecord.into()),
    }
}
