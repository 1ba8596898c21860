//! Commands that wait for a second person.

use access::{AccessFunction, AccessScope, Principal};
use axum::http::StatusCode;
use books::PersonId;
use engine::Actor;
use node::JournalPosition;
use office::{OfficeAnswer, Proposal};
use serde_json::{Value, json};

use super::commands;
use crate::app::{Call, HttpAnswer, json_answer};
use crate::prefixes;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::words::words;

pub(super) async fn list(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.accepted(&["application/json"])?;
    call.require_all(AccessFunction::Read("proposals"))?;
    let (office, chinese) = (call.app.office.clone(), call.app.texts.chinese);
    let done = call.app.workers.run(move |giver| {
        let listed = office.with(|office| office.proposals_signed_in());
        listed.and_then(|listed| Ok((listed, giver.client.query(|_| ())?.1)))
    });
    let (listed, position) = done.await?.map_err(|error| Problem::of_office(error, chinese))?;
    let OfficeAnswer::Proposals { proposals, more, .. } = listed else {
        return Err(Problem::internal("no list of proposals"));
    };
    let principal = &call.caller()?.principal;
    let all = proposals.into_iter().map(|one| commands::proposal(&as_seen(principal, one)));
    let all: Vec<Value> = all.collect();
    json_answer(StatusCode::OK, &json!({ "items": all, "more": more }), Some(position))
}

/// A proposal as a principal sees it: what it says is for who may give the command, or reads the
/// accounts. Others see that it waits.
pub(crate) fn as_seen(principal: &Principal, mut one: Proposal) -> Proposal {
    let function = AccessFunction::GiveNamed(&one.command);
    let may = principal.may(function) != AccessScope::Nothing || principal.lacks_step_up(function);
    if !may && principal.may(AccessFunction::Read("accounts")) != AccessScope::All {
        one.fields.clear();
        (one.words, one.refusal) = (None, None);
    }
    one
}

/// The person who signed in, and the number in the path.
fn person_and_number(call: &Call) -> Result<(PersonId, u64), Problem> {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.accepted(&["application/json"])?;
    let Actor::Person(person) = call.caller()?.principal.actor else {
        return Err(ProblemKind::NeedsPerson.into());
    };
    let number = call.path_part(2)?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| number.parse().ok()).flatten();
    let unknown = || {
        let detail =
            words!("the path names no proposal; write its number", "路径中没有提议；请写出其编号");
        Problem::new(ProblemKind::NoSuchProposal, detail)
    };
    Ok((person, number.ok_or_else(unknown)?))
}

pub(super) async fn approve(call: Call) -> HttpAnswer {
    let (_, number) = person_and_number(&call)?;
    answered(number, decide(&call, number, APPROVE).await?)
}

pub(super) async fn withdraw(call: Call) -> HttpAnswer {
    let (_, number) = person_and_number(&call)?;
    answered(number, decide(&call, number, WITHDRAW).await?)
}

/// What a person decides about a proposal.
pub(crate) type Decision =
    fn(&mut office::Office, u64, PersonId) -> Result<OfficeAnswer, office::OfficeError>;

pub(crate) const APPROVE: Decision =
    |office, number, person| office.approve_signed_in(number, person);
pub(crate) const WITHDRAW: Decision =
    |office, number, person| office.withdraw_signed_in(number, person);

/// Decides about a proposal as the person who signed in.
pub(crate) async fn decide(
    call: &Call,
    number: u64,
    decision: Decision,
) -> Result<(OfficeAnswer, JournalPosition), Problem> {
    let Actor::Person(person) = call.caller()?.principal.actor else {
        return Err(ProblemKind::NeedsPerson.into());
    };
    let (office, chinese) = (call.app.office.clone(), call.app.texts.chinese);
    let principal = call.caller()?.principal.clone();
    let done = call.app.workers.run(move |giver| {
        let of_office = |error| Problem::of_office(error, chinese);
        let command = office.with(|office| office.proposed_command(number)).map_err(of_office)?;
        let name = command.spec().name;
        if principal.lacks_step_up(AccessFunction::GiveNamed(name)) {
            return Err(ProblemKind::StepUpNeeded.into());
        }
        let look = move |engine: &engine::Engine| commands::permits(&principal, &command, engine);
        if !giver.client.query(look).map_err(|error| of_office(error.into()))?.0 {
            let command = name.to_owned();
            return Err(of_office(office::OfficeError::NotPermitted { command }));
        }
        let decided = office.with(|office| decision(office, number, person)).map_err(of_office)?;
        let position = giver.client.query(|_| ()).map_err(|error| of_office(error.into()))?.1;
        Ok::<_, Problem>((decided, position))
    });
    let (decided, position) = done.await??;
    call.app.writers.wrote(Actor::Person(person), position);
    Ok((decided, position))
}

fn answered(number: u64, (decided, position): (OfficeAnswer, JournalPosition)) -> HttpAnswer {
    let body = match decided {
        OfficeAnswer::CarriedOut { command, events, .. } => {
            let mut events = Value::Array(events);
            prefixes::add(&mut events);
            json!({ "command": command, "outcome": "carried_out", "events": events })
        }
        OfficeAnswer::Withdrawn { .. } => json!({ "proposal": number, "outcome": "withdrawn" }),
        OfficeAnswer::Repeated { command } => json!({ "command": command, "outcome": "repeated" }),
        _ => return Err(ProblemKind::CodeWrong.into()),
    };
    json_answer(StatusCode::OK, &body, Some(position))
}
