//! Commands.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use access::{AccessFunction, Principal};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use engine::{Command, Engine, Events};
use machine::CommandSpec;
use node::JournalPosition;
use office::checkout::CHECKOUT;
use office::{
    OfficeError, Permits, Proposal, QuickAnswer, QuickCommand, SignedInAnswer, SignedInCommand,
    fields,
};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use vault::AccountForm;

use super::checkout::{self, Checkout};
use super::market;
use crate::app::{App, Call, HttpAnswer, json_answer};
use crate::idempotency::{RunningKey, request_key};
use crate::json::read_object;
use crate::prefixes::{self, TypeFault};
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::senders::Sender;
use crate::words::words;

/// Over HTTP it takes the account itself.
pub(crate) const SET_PAYOUT_ACCOUNT: &str = "SetPayoutAccount";
/// The field of the account, and the one in its place.
pub(crate) const ACCOUNT: &str = "account";
pub(crate) const DIGEST: &str = "digest";

/// Says that a request was carried out before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

pub(super) async fn give(mut call: Call, spec: &'static CommandSpec) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.accepted(&["application/json"])?;
    call.require_content(&["application/json"])?;
    let body = call.whole_body().await?;
    let given = read_object(&body)?;
    let asked = given.clone();
    let (answer, position) = carry_out(&call, spec, given).await?;
    if spec.name == CHECKOUT {
        return market::ordered(&call, &asked, answer, position).await;
    }
    answered(spec.name, answer, position)
}

/// Gives a command with these fields, as a request of the API has them, under the key of the
/// header.
pub(crate) async fn carry_out(
    call: &Call,
    spec: &'static CommandSpec,
    mut given: Map<String, Value>,
) -> Result<(SignedInAnswer, JournalPosition), Problem> {
    let by = call.caller()?.principal.actor;
    if spec.name == SET_PAYOUT_ACCOUNT {
        let sent = take_account(call, spec, &mut given)?;
        let (office, chinese) = (call.app.office.clone(), call.app.texts.chinese);
        let sealed = call.app.workers.run(move |_| {
            let SentAccount { seller, currency, account } = sent;
            office.with(|office| office.seal_account_signed_in(&seller, &currency, account))
        });
        // From here on there is its digest.
        given.extend(sealed.await?.map_err(|error| Problem::of_office(error, chinese))?);
    }
    let delivery = match spec.name {
        CHECKOUT => Some(checkout::take_delivery(&mut given)?),
        _ => None,
    };
    market::tokens_for(call, spec.name, &mut given)?;
    let key = match &delivery {
        None => request_key(&call.parts.headers, spec.name, &given)?,
        Some(delivery) => checkout::checkout_key(call, &given, delivery)?,
    };
    let principal = call.caller()?.principal.clone();
    let permits: Permits = Arc::new(move |command, engine| permits(&principal, command, engine));
    let done = match delivery {
        None => {
            let running = call.app.running.begin(by, &key)?;
            strip(spec.name, &mut given)?;
            call.require(AccessFunction::GiveNamed(spec.name))?;
            let fields = Arc::new(given);
            let command = QuickCommand { by, name: spec.name, fields, key, permits };
            given_quickly(&call.app, command, running).await?
        }
        Some(delivery) => {
            strip(spec.name, &mut given)?;
            call.require(AccessFunction::GiveNamed(spec.name))?;
            let sender = Sender::Principal(by);
            let checkout = Checkout { by, sender, key, given, delivery, permits };
            checkout::check_out(&call.app, checkout).await?
        }
    };
    let chinese = call.app.texts.chinese;
    let (answer, position) = done.map_err(|error| Problem::of_office(error, chinese))?;
    call.app.writers.wrote(by, position);
    Ok((answer, position))
}

/// An account to be sealed.
struct SentAccount {
    seller: String,
    currency: String,
    account: AccountForm,
}

/// Takes the account out of a body. Nothing else is kept of it: no request key has a trace of it.
fn take_account(
    call: &Call,
    spec: &'static CommandSpec,
    given: &mut Map<String, Value>,
) -> Result<SentAccount, Problem> {
    call.require(AccessFunction::GiveNamed(spec.name))?;
    let of = |kind: ProblemKind, name: &str| Problem::from(kind).with_field(format!("#/{name}"));
    if given.contains_key(DIGEST) {
        return Err(of(ProblemKind::UnknownField, DIGEST));
    }
    let account = given.remove(ACCOUNT);
    let account = account.ok_or_else(|| of(ProblemKind::MissingField, ACCOUNT))?;
    // An error would repeat what stands there.
    let account: AccountForm = serde_json::from_value(account).map_err(|_| {
        let detail = words!(
            "the account has texts only: name, and iban with or without bic, or bank_code and \
             account; correct it",
            "账户只含文本：name，以及 iban（可加 bic），或 bank_code 和 account；请更正"
        );
        Problem::new(ProblemKind::BadValue, detail).with_field(format!("#/{ACCOUNT}"))
    })?;
    // What is wrong besides is said before anything is sealed.
    request_key(&call.parts.headers, spec.name, given)?;
    strip(spec.name, given)?;
    let text = |name: &str| {
        let text = given.get(name).and_then(Value::as_str).map(str::to_owned);
        text.ok_or_else(|| of(ProblemKind::MissingField, name))
    };
    Ok(SentAccount { seller: text("seller")?, currency: text("currency")?, account })
}

pub(crate) type GivenCommand = Result<(SignedInAnswer, JournalPosition), OfficeError>;

/// Gives a command: if it is quick without a worker. It runs until its answer is there, also if its
/// sender has gone.
pub(super) async fn given_quickly(
    app: &App,
    command: QuickCommand,
    running: RunningKey,
) -> Result<GivenCommand, Problem> {
    static QUICK: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
        let all = Command::specs().map(|spec| spec.name);
        all.filter(|name| QuickCommand::is_quick(name)).collect()
    });
    if !QUICK.contains(command.name) {
        return given(app, command, running).await;
    }
    let counted = app.workers.begin()?;
    let turn = app.turns.clone().acquire_owned().await.map_err(Problem::internal)?;
    let (sender, receiver) = oneshot::channel();
    let reply = move |answer| drop(sender.send((answer, running)));
    if let Err(why) = app.quick.give_quickly(command.clone(), turn, reply) {
        return Ok(Err(why.into()));
    }
    let answer = receiver.await;
    drop(counted);
    match answer {
        Ok((QuickAnswer::Done(done), _)) => Ok(done),
        Ok((QuickAnswer::NotQuick, running)) => given(app, command, running).await,
        // The node has stopped, and says why.
        Err(_) => {
            let stopped = app.workers.run(|giver| giver.client.query(|_| ()).err());
            let why = stopped.await?.map_or(OfficeError::Closed, OfficeError::from);
            Ok(Err(why))
        }
    }
}

/// Gives a command on a worker.
async fn given(
    app: &App,
    command: QuickCommand,
    running: RunningKey,
) -> Result<GivenCommand, Problem> {
    let done = app.workers.run(move |giver| {
        let _running = running;
        let QuickCommand { by, name, fields, key, permits } = &command;
        let given = SignedInCommand { by: *by, name, fields, key };
        let done = giver.give(&given, permits.clone());
        if *name == SET_PAYOUT_ACCOUNT {
            // Unless a proposal waits for it.
            giver.office.with(|office| office.forget_account_signed_in(fields))?;
        }
        done
    });
    done.await
}

/// Whether a principal may give a command with these fields.
pub(super) fn permits(principal: &Principal, command: &Command, engine: &Engine) -> bool {
    principal.may(AccessFunction::Give(command)).covers(command, engine)
}

/// Takes the prefixes of identifiers out of the fields.
pub(super) fn strip(command: &str, given: &mut Map<String, Value>) -> Result<(), Problem> {
    let Some(of) = fields::declared().of(command) else {
        return Err(ProblemKind::NoSuchPath.into());
    };
    let mut value = Value::Object(std::mem::take(given));
    prefixes::check_types(of, &value, "#").map_err(|fault| {
        let pointer = match fault {
            TypeFault::OtherType(pointer) => pointer,
            TypeFault::Unknown(pointer) => {
                let detail = words!(
                    "{command} has no field {pointer}; see openapi.json",
                    "{command} 没有字段 {pointer}；请见 openapi.json"
                );
                return Problem::new(ProblemKind::UnknownField, detail).with_field(pointer);
            }
        };
        let detail = words!(
            "{pointer} has another JSON type than its field; see openapi.json",
            "{pointer} 的 JSON 类型与字段不符；请见 openapi.json"
        );
        Problem::new(ProblemKind::BadValue, detail).with_field(pointer)
    })?;
    prefixes::strip(of, &mut value, "#").map_err(|pointer| {
        let detail = words!(
            "{pointer} is an identifier of another kind; see its prefix",
            "{pointer} 是另一种编号；请核对其前缀"
        );
        Problem::new(ProblemKind::BadValue, detail).with_field(pointer)
    })?;
    if let Value::Object(object) = value {
        *given = object;
    }
    Ok(())
}

/// Events as they are answered.
pub(crate) fn shown(events: &Events) -> Result<Value, Problem> {
    let mut shown = serde_json::to_value(events).map_err(Problem::internal)?;
    prefixes::add(&mut shown);
    Ok(shown)
}

/// A proposal as it is answered.
pub(super) fn proposal(one: &Proposal) -> Value {
    let mut fields = Value::Object(one.fields.clone());
    prefixes::add(&mut fields);
    json!({
        "number": one.number,
        "command": one.command,
        "fields": fields,
        "proposed_by": format!("per_{}", one.proposed_by),
        "proposed_at": crate::times::rfc3339(one.proposed_at_ms),
    })
}

fn answered(name: &str, answer: SignedInAnswer, position: JournalPosition) -> HttpAnswer {
    let done = |outcome: &str| json!({ "command": name, "outcome": outcome });
    let ok = StatusCode::OK;
    match answer {
        SignedInAnswer::CarriedOut { events, code } => {
            let mut body = done("carried_out");
            body["events"] = shown(&events)?;
            if let Some(code) = code {
                body["code"] = code.into();
            }
            json_answer(ok, &body, Some(position))
        }
        SignedInAnswer::Replayed { events } => {
            let mut body = done("carried_out");
            body["events"] = shown(&events)?;
            let mut response = json_answer(ok, &body, Some(position))?;
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        SignedInAnswer::Repeated => json_answer(ok, &done("repeated"), Some(position)),
        SignedInAnswer::Proposed { proposal: one, replayed } => {
            let mut body = done("proposed");
            body["proposal"] = proposal(&one);
            let mut response = json_answer(StatusCode::ACCEPTED, &body, Some(position))?;
            let headers = response.headers_mut();
            if replayed {
                headers.insert(REPLAYED, HeaderValue::from_static("true"));
            }
            headers.insert(header::LOCATION, HeaderValue::from_static("/v1/proposals"));
            Ok(response)
        }
        SignedInAnswer::SameBefore { number, next } => {
            let detail = words!(
                "the same was carried out under number {number}; to do it once more, give \
                 \"number\": {next}",
                "相同命令已以编号 {number} 执行；如需再执行一次，请给出 \"number\": {next}"
            );
            Err(Problem::new(ProblemKind::SameBefore, detail).with_field("#/number"))
        }
        SignedInAnswer::OpenBefore { field, id, next } => {
            let detail = words!(
                "the same is open as {id}; if this is another one, give \"{field}\": \"{next}\"",
                "相同的一项以编号 {id} 尚未了结；如确为另一项，请给出 \"{field}\": \"{next}\""
            );
            Err(Problem::new(ProblemKind::SameBefore, detail).with_field(format!("#/{field}")))
        }
        SignedInAnswer::CodeWrong => {
            Err(Problem::from(ProblemKind::CodeWrong).with_field("#/code"))
        }
    }
}
