//! Sign-ins and sessions.

use std::net::IpAddr;

use access::{AccessError, Assurance, NewSession, SecondFactor, SignIn, SignInRefused, csrf_of};
use axum::http::{HeaderValue, StatusCode, header};
use books::PersonId;
use engine::Actor;
use serde_json::{Map, Value, json};

use super::passkeys::{GivenFactor, USE_FIELDS};
use crate::app::{Call, HttpAnswer, SESSION_COOKIE, json_answer};
use crate::json::read_object;
use crate::phone::check_all_sent;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::times::rfc3339;
use crate::words::words;

/// The fields of a body, all texts. Each is known.
pub(super) async fn texts(
    call: &mut Call,
    required: &[&str],
    other: &[&str],
) -> Result<Fields, Problem> {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.accepted(&["application/json"])?;
    call.require_content(&["application/json"])?;
    let body = call.whole_body().await?;
    let fields = read_object(&body)?;
    for (name, value) in &fields {
        if !required.contains(&name.as_str()) && !other.contains(&name.as_str()) {
            let known = [required, other].concat().join(", ");
            let detail = words!(
                "there is no field {name} here; use one of: {known}",
                "此处没有字段 {name}；可用：{known}"
            );
            let problem = Problem::new(ProblemKind::UnknownField, detail);
            return Err(problem.with_field(format!("#/{name}")));
        }
        if !value.is_string() {
            return Err(Problem::from(ProblemKind::BadValue).with_field(format!("#/{name}")));
        }
    }
    match required.iter().find(|name| !fields.contains_key(**name)) {
        None => Ok(Fields(fields)),
        Some(name) => Err(Problem::from(ProblemKind::MissingField).with_field(format!("#/{name}"))),
    }
}

pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    pub fn required(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    fn sign_in<'s>(&'s self, factor: SecondFactor<'s>, address: IpAddr) -> SignIn<'s> {
        let (name, password) = (self.required("name"), self.required("password"));
        SignIn { name, password, factor, address }
    }
}

pub(crate) fn refused(why: SignInRefused) -> Problem {
    match why {
        SignInRefused::Wrong => ProblemKind::SignInRefused.into(),
        SignInRefused::Wait { wait_s } => {
            let detail = words!(
                "too many attempts; try again in {wait_s} s",
                "尝试次数过多；请 {wait_s} 秒后重试"
            );
            Problem::new(ProblemKind::TooManyRequests, detail).retry_after(wait_s)
        }
        SignInRefused::WeakPassword => {
            let (least, most) =
                (access::limits::PASSWORD_CHARACTERS_MIN, access::limits::PASSWORD_CHARACTERS_MAX);
            let detail = words!(
                "the password is too short, too long or the name; use {least} to {most} \
                 characters, and another text than the name",
                "密码过短、过长或与名称相同；请用 {least} 至 {most} 个字符，且不同于名称"
            );
            Problem::new(ProblemKind::BadValue, detail).with_field("#/password")
        }
        SignInRefused::CommonPassword => {
            let detail = words!(
                "the password is one of those that others try first, or little more than the name; \
                 choose another one",
                "密码是他人会首先尝试的常见密码，或几乎只是名称；请另选一个"
            );
            Problem::new(ProblemKind::BadValue, detail).with_field("#/password")
        }
        SignInRefused::NotLinked => ProblemKind::NotLinked.into(),
        SignInRefused::Busy => Problem::from(ProblemKind::Busy).retry_after(1),
        SignInRefused::Store(error) => failed(error),
    }
}

pub(crate) fn failed(error: AccessError) -> Problem {
    match error {
        AccessError::NoKey => ProblemKind::NotSetUp.into(),
        error => Problem::internal(error),
    }
}

/// The cookie of a session.
pub(crate) fn session_cookie(token: &str) -> Result<HeaderValue, Problem> {
    let flags = "Path=/; Secure; HttpOnly; SameSite=Strict";
    HeaderValue::from_str(&format!("{SESSION_COOKIE}={token}; {flags}")).map_err(Problem::internal)
}

/// Takes the cookie of a session away.
pub(crate) fn no_session_cookie() -> Result<HeaderValue, Problem> {
    let gone = format!("{SESSION_COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    HeaderValue::from_str(&gone).map_err(Problem::internal)
}

pub(super) fn begun(session: NewSession) -> HttpAnswer {
    let body = json!({ "csrf": session.csrf, "until": rfc3339(session.until.0) });
    let mut response = json_answer(StatusCode::OK, &body, None)?;
    response.headers_mut().insert(header::SET_COOKIE, session_cookie(&session.token)?);
    Ok(response)
}

pub(super) async fn sign_in(mut call: Call) -> HttpAnswer {
    let fields = texts(&mut call, &["name", "password"], &factor_fields()).await?;
    let given = GivenFactor::read(&call, &fields)?;
    let (store, now, address) = (call.app.store.clone(), call.now, call.address);
    let done =
        call.app.workers.run(move |_| store.sign_in(&fields.sign_in(given.factor(), address), now));
    begun(done.await?.map_err(refused)?)
}

pub(super) async fn set_password(mut call: Call) -> HttpAnswer {
    let fields = texts(&mut call, &["secret", "name", "password"], &["code"]).await?;
    let (store, now, address) = (call.app.store.clone(), call.now, call.address);
    let done = call.app.workers.run(move |_| {
        let code = fields.get("code").map_or(SecondFactor::None, SecondFactor::Code);
        store.set_password(fields.required("secret"), &fields.sign_in(code, address), now)
    });
    begun(done.await?.map_err(refused)?)
}

/// Changes the password of the person in this session.
pub(super) async fn change_password(mut call: Call) -> HttpAnswer {
    let fields = texts(&mut call, &["current_password", "password"], &[]).await?;
    if call.caller()?.principal.assurance != Assurance::SteppedUp {
        return Err(ProblemKind::StepUpNeeded.into());
    }
    let (store, now, token) = (call.app.store.clone(), call.now, token(&call)?);
    let done = call.app.workers.run(move |_| {
        let (current, new) = (fields.required("current_password"), fields.required("password"));
        store.change_password(&token, current, new, now)
    });
    done.await?.map_err(refused)?;
    json_answer(StatusCode::OK, &json!({ "outcome": "changed" }), None)
}

/// The person of this session, the person's roles, and the token that its requests need.
pub(super) async fn current(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.accepted(&["application/json"])?;
    let (person, token) = (person(&call)?, token(&call)?);
    let principal = &call.caller()?.principal;
    let roles: Vec<_> = principal.grants.iter().map(|grant| grant.role().name()).collect();
    let body = json!({
        "person": format!("per_{person}"),
        "roles": roles,
        "stepped_up": principal.assurance == Assurance::SteppedUp,
        "csrf": csrf_of(&token),
    });
    json_answer(StatusCode::OK, &body, None)
}

/// A code, or a passkey's use.
fn factor_fields() -> Vec<&'static str> {
    [&["code"][..], &USE_FIELDS].concat()
}

/// The person who asks. An API key has no sessions and no passkeys.
pub(crate) fn person(call: &Call) -> Result<PersonId, Problem> {
    match call.caller()?.principal.actor {
        Actor::Person(person) => Ok(person),
        _ => Err(ProblemKind::NeedsPerson.into()),
    }
}

/// The token of the session in which the call is made.
fn token(call: &Call) -> Result<String, Problem> {
    call.caller()?.session.clone().ok_or_else(|| ProblemKind::NeedsPerson.into())
}

pub(super) async fn step_up(mut call: Call) -> HttpAnswer {
    let fields = texts(&mut call, &[], &factor_fields()).await?;
    let given = GivenFactor::read(&call, &fields)?;
    let (store, now, token) = (call.app.store.clone(), call.now, token(&call)?);
    let done = call.app.workers.run(move |_| store.step_up(&token, given.factor(), now));
    begun(done.await?.map_err(refused)?)
}

pub(super) async fn sign_out(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    check_all_sent(&call.parts.headers)?;
    let (store, token) = (call.app.store.clone(), token(&call)?);
    call.app.workers.run(move |_| store.sign_out(&token)).await?.map_err(failed)?;
    let mut response = json_answer(StatusCode::OK, &json!({ "outcome": "signed_out" }), None)?;
    response.headers_mut().insert(header::SET_COOKIE, no_session_cookie()?);
    let data = HeaderValue::from_static("\"cache\", \"cookies\", \"storage\"");
    response.headers_mut().insert("clear-site-data", data);
    Ok(response)
}

pub(super) async fn list(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.accepted(&["application/json"])?;
    let person = person(&call)?;
    let (store, now) = (call.app.store.clone(), call.now);
    let done = call.app.workers.run(move |_| store.sessions_of(person, now));
    let sessions = done.await?.map_err(failed)?;
    let items = sessions.iter().map(|one| {
        json!({
            "number": one.number,
            "begun_at": rfc3339(one.begun_at.0),
            "used_at": rfc3339(one.used_at.0),
            "address": one.address,
        })
    });
    let items: Vec<Value> = items.collect();
    json_answer(StatusCode::OK, &json!({ "items": items }), None)
}

pub(super) async fn end(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    let person = person(&call)?;
    let number = call.path_part(2)?.parse::<u64>().ok().ok_or(ProblemKind::NoSuchRecord)?;
    let store = call.app.store.clone();
    let done = call.app.workers.run(move |_| store.end_session(person, number));
    match done.await?.map_err(failed)? {
        true => json_answer(StatusCode::OK, &json!({ "outcome": "ended" }), None),
        false => Err(ProblemKind::NoSuchRecord.into()),
    }
}
