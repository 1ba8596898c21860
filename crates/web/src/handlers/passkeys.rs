//! Passkeys: challenges, sign-ins with them, and the list of one's own.

use access::{NewPasskey, PasskeyAssertion, PasskeyRefused, PasskeyRequest, RelyingParty};
use access::{PasskeyFault, SecondFactor};
use axum::http::StatusCode;
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use super::sessions::{Fields, begun, failed, person, refused, texts};
use crate::app::{Call, HttpAnswer, json_answer};
use crate::problem::{ErrorInChinese, Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::times::rfc3339;
use crate::words::BilingualText;

/// The fields of a passkey's use, each in base64url.
pub(crate) const USE_FIELDS: [&str; 4] =
    ["passkey", "client_data", "authenticator_data", "signature"];

/// A second factor as it was sent.
pub(super) struct GivenFactor {
    code: Option<String>,
    passkey: Option<GivenPasskey>,
}

struct GivenPasskey {
    relying_party: RelyingParty,
    id: Vec<u8>,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
}

fn bytes(fields: &Fields, name: &str) -> Result<Vec<u8>, Problem> {
    let text = fields
        .get(name)
        .ok_or_else(|| Problem::from(ProblemKind::MissingField).with_field(format!("#/{name}")))?;
    Base64UrlUnpadded::decode_vec(text)
        .map_err(|_| Problem::from(ProblemKind::BadValue).with_field(format!("#/{name}")))
}

impl GivenPasskey {
    fn read(call: &Call, fields: &Fields) -> Result<GivenPasskey, Problem> {
        let [id, client_data, authenticator_data, signature] = USE_FIELDS;
        Ok(GivenPasskey {
            relying_party: call.relying_party()?,
            id: bytes(fields, id)?,
            client_data: bytes(fields, client_data)?,
            authenticator_data: bytes(fields, authenticator_data)?,
            signature: bytes(fields, signature)?,
        })
    }

    fn assertion(&self) -> PasskeyAssertion<'_> {
        PasskeyAssertion {
            relying_party: &self.relying_party,
            id: &self.id,
            client_data: &self.client_data,
            authenticator_data: &self.authenticator_data,
            signature: &self.signature,
        }
    }
}

impl GivenFactor {
    pub fn of_code(code: String) -> GivenFactor {
        GivenFactor { code: Some(code), passkey: None }
    }

    /// A code, or a passkey's use.
    pub fn read(call: &Call, fields: &Fields) -> Result<GivenFactor, Problem> {
        let code = fields.get("code").map(str::to_owned);
        let is_passkey = USE_FIELDS.iter().any(|name| fields.get(name).is_some());
        let passkey = is_passkey.then(|| GivenPasskey::read(call, fields)).transpose()?;
        Ok(GivenFactor { code, passkey })
    }

    pub fn factor(&self) -> SecondFactor<'_> {
        match (&self.passkey, &self.code) {
            (Some(passkey), _) => SecondFactor::Passkey(passkey.assertion()),
            (None, Some(code)) => SecondFactor::Code(code),
            (None, None) => SecondFactor::None,
        }
    }
}

fn not_registered(why: PasskeyRefused, chinese: ErrorInChinese) -> Problem {
    let fault = match why {
        PasskeyRefused::NotSteppedUp => return ProblemKind::StepUpNeeded.into(),
        PasskeyRefused::Store(error) => return failed(error),
        PasskeyRefused::Fault(fault) => fault,
    };
    let (kind, field) = match fault {
        PasskeyFault::Name => (ProblemKind::BadValue, "#/name"),
        PasskeyFault::Taken | PasskeyFault::TooMany => (ProblemKind::DoesNotFit, "#/name"),
        PasskeyFault::Challenge | PasskeyFault::Origin => (ProblemKind::BadValue, "#/client_data"),
        _ => (ProblemKind::BadValue, "#/authenticator_data"),
    };
    let detail = BilingualText { en: fault.to_string().into(), zh: chinese(&fault).into() };
    Problem::new(kind, detail).with_field(field)
}

/// What a browser needs to use any passkey.
pub(super) async fn challenge(mut call: Call) -> HttpAnswer {
    texts(&mut call, &[], &[]).await?;
    let relying_party = call.relying_party()?;
    let (store, now) = (call.app.store.clone(), call.now);
    let challenge = call.app.workers.run(move |_| store.passkey_challenge(now));
    let challenge = challenge.await?.map_err(failed)?;
    let timeout_ms = access::limits::CHALLENGE_MS_MAX;
    let body = json!({
        "challenge": challenge, "relying_party": relying_party.id(), "timeout_ms": timeout_ms,
    });
    json_answer(StatusCode::OK, &body, None)
}

pub(super) async fn sign_in(mut call: Call) -> HttpAnswer {
    let fields = texts(&mut call, &USE_FIELDS, &[]).await?;
    let given = GivenPasskey::read(&call, &fields)?;
    let (store, now, address) = (call.app.store.clone(), call.now, call.address);
    let done =
        call.app.workers.run(move |_| store.sign_in_with_passkey(&given.assertion(), address, now));
    begun(done.await?.map_err(refused)?)
}

/// What a browser needs to make a passkey.
pub(super) async fn begin(mut call: Call) -> HttpAnswer {
    texts(&mut call, &[], &[]).await?;
    let relying_party = call.relying_party()?;
    let (store, now, principal) =
        (call.app.store.clone(), call.now, call.caller()?.principal.clone());
    let asked = call.app.workers.run(move |_| store.begin_passkey(&principal, now));
    let asked = asked.await?.map_err(|why| not_registered(why, call.app.texts.chinese))?;
    let PasskeyRequest { challenge, user, name, others } = asked;
    let body = json!({
        "challenge": challenge,
        "relying_party": relying_party.id(),
        "user": user,
        "name": name,
        "others": others,
        "timeout_ms": access::limits::CHALLENGE_MS_MAX,
    });
    json_answer(StatusCode::OK, &body, None)
}

pub(super) async fn add(mut call: Call) -> HttpAnswer {
    let fields = texts(&mut call, &["name", "client_data", "authenticator_data"], &[]).await?;
    let relying_party = call.relying_party()?;
    let client_data = bytes(&fields, "client_data")?;
    let authenticator_data = bytes(&fields, "authenticator_data")?;
    let (store, now, principal) =
        (call.app.store.clone(), call.now, call.caller()?.principal.clone());
    let added = call.app.workers.run(move |_| {
        let new = NewPasskey {
            relying_party: &relying_party,
            name: fields.required("name"),
            client_data: &client_data,
            authenticator_data: &authenticator_data,
        };
        store.add_passkey(&principal, &new, now)
    });
    let number = added.await?.map_err(|why| not_registered(why, call.app.texts.chinese))?;
    json_answer(StatusCode::OK, &json!({ "number": number }), None)
}

pub(super) async fn list(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.accepted(&["application/json"])?;
    let (store, person) = (call.app.store.clone(), person(&call)?);
    let all = call.app.workers.run(move |_| store.passkeys_of(person)).await?;
    let items = all.map_err(failed)?.into_iter().map(|one| {
        json!({
            "number": one.number,
            "name": one.name,
            "made_at": rfc3339(one.made_at.0),
            "used_at": one.used_at.map(|at| rfc3339(at.0)),
            "suspect": one.is_suspect,
        })
    });
    json_answer(StatusCode::OK, &json!({ "items": items.collect::<Vec<Value>>() }), None)
}

pub(super) async fn remove(call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    let person = person(&call)?;
    let number = call.path_part(2)?.parse::<u64>().ok().ok_or(ProblemKind::NoSuchRecord)?;
    let store = call.app.store.clone();
    let done = call.app.workers.run(move |_| store.remove_passkey(person, number));
    match done.await?.map_err(failed)? {
        true => json_answer(StatusCode::OK, &json!({ "outcome": "removed" }), None),
        false => Err(ProblemKind::NoSuchRecord.into()),
    }
}

impl Call {
    /// For whom passkeys are made here: a page without a name or without TLS has none.
    fn relying_party(&self) -> Result<RelyingParty, Problem> {
        let of = self.origin().and_then(|origin| RelyingParty::of_origin(&origin));
        of.ok_or_else(|| ProblemKind::NotSetUp.into())
    }
}
