//! A person's own sign-in: the second factor again, passkeys, sessions, linked identities and the
//! password, as forms. Only passkeys need a script.

use access::{Assurance, LinkedIdentity, PasskeyView, SessionView};
use axum::http::{StatusCode, header};
use books::PersonId;
use pages::{OwnSignInLine, OwnSignInPage, OwnSignInTable, PageWords};

use super::form::Form;
use super::frames::frame;
use super::rows::offset_at;
use super::second_factor::{check_csrf, factor_field, give_factor};
use super::{OWN_SIGN_IN_PATH, Visit, go_to, html};
use crate::app::HttpAnswer;
use crate::handlers::sessions::{failed, person, refused};
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

/// What a person's sign-in has.
struct OwnSignIn {
    passkeys: Vec<PasskeyView>,
    sessions: Vec<SessionView>,
    identities: Vec<(u64, LinkedIdentity)>,
    offset_minutes: i16,
}

async fn read(visit: &Visit, person: PersonId) -> Result<OwnSignIn, Problem> {
    let (store, now) = (visit.call.app.store.clone(), visit.call.now);
    let read = visit.call.app.workers.run(move |giver| {
        Ok(OwnSignIn {
            passkeys: store.passkeys_of(person).map_err(failed)?,
            sessions: store.sessions_of(person, now).map_err(failed)?,
            identities: store.identities_of(person).map_err(failed)?,
            offset_minutes: offset_at(giver, now.0.cast_signed())?,
        })
    });
    read.await?
}

fn tables(words: PageWords, found: OwnSignIn) -> Vec<OwnSignInTable> {
    let offset = found.offset_minutes;
    let time = |ms: u64| pages::forms::time(words, ms.cast_signed(), offset);
    let passkeys = found.passkeys.into_iter().map(|one| OwnSignInLine {
        number: one.number,
        name: one.name,
        cells: vec![
            time(one.made_at.0),
            one.used_at.map_or_else(|| pages::forms::NOTHING.to_owned(), |at| time(at.0)),
        ],
        is_suspect: one.is_suspect,
    });
    let sessions = found.sessions.into_iter().map(|one| OwnSignInLine {
        number: one.number,
        name: one.address,
        cells: vec![time(one.begun_at.0), time(one.used_at.0)],
        is_suspect: false,
    });
    let identities = found.identities.into_iter().map(|(number, one)| OwnSignInLine {
        number,
        name: one.subject,
        cells: vec![one.issuer],
        is_suspect: false,
    });
    let columns = |keys: &[&str]| keys.iter().map(|key| words.get(key)).collect();
    vec![
        OwnSignInTable {
            title: words.get("access.passkeys"),
            note: "",
            columns: columns(&["access.name", "access.made", "access.used"]),
            lines: passkeys.collect(),
            act: "remove-passkey",
            button: words.get("access.remove_passkey"),
        },
        OwnSignInTable {
            title: words.get("access.sessions"),
            note: "",
            columns: columns(&["access.address", "access.begun", "access.used"]),
            lines: sessions.collect(),
            act: "end-session",
            button: words.get("access.end_session"),
        },
        OwnSignInTable {
            title: words.get("access.identities"),
            note: words.get("access.identities_note"),
            columns: columns(&["access.subject", "access.issuer"]),
            lines: identities.collect(),
            act: "unlink",
            button: words.get("access.unlink"),
        },
    ]
}

/// What is wrong with what was sent.
#[derive(Default)]
struct Wrong {
    status: StatusCode,
    /// With the code of the second factor.
    factor: Option<String>,
    other: Option<String>,
}

async fn shown(visit: &Visit, done: Option<&'static str>, wrong: Wrong) -> HttpAnswer {
    let words = visit.words();
    let found = read(visit, person(&visit.call)?).await?;
    let caller = visit.call.caller()?;
    let is_sure = caller.principal.assurance == Assurance::SteppedUp;
    let factor = (!is_sure).then(|| factor_field(visit, OWN_SIGN_IN_PATH, wrong.factor));
    let mut around = frame(&visit.call.app, visit.preferences, Some(caller), OWN_SIGN_IN_PATH);
    around.title = words.get("access.title").to_owned();
    let page = OwnSignInPage {
        frame: around,
        done,
        error: wrong.other,
        second_factor: factor,
        tables: tables(words, found),
    };
    html(&page, wrong.status)
}

pub(super) async fn page(visit: Visit) -> HttpAnswer {
    let query = QueryParameters::read(visit.call.parts.uri.query(), &["done"])?;
    visit.call.caller()?.session.as_ref().ok_or(ProblemKind::NeedsPerson)?;
    let done = (query.get("done") == Some("password")).then(|| visit.words().get("access.changed"));
    shown(&visit, done, Wrong::default()).await
}

pub(super) async fn change(mut visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let form = Form::of(&mut visit.call).await?;
    check_csrf(&visit, &form)?;
    let person = person(&visit.call)?;
    let number = form.get("number").parse::<u64>().unwrap_or(0);
    let (store, workers) = (visit.call.app.store.clone(), visit.call.app.workers.clone());
    let done = match form.get("act") {
        "step-up" => return step_up(visit, &form).await,
        "password" => return change_password(visit, form).await,
        "remove-passkey" => workers.run(move |_| store.remove_passkey(person, number)).await,
        "end-session" => workers.run(move |_| store.end_session(person, number)).await,
        "unlink" => workers.run(move |_| store.unlink_numbered(person, number)).await,
        _ => return Err(ProblemKind::BadQuery.into()),
    };
    // What is gone already is what was wanted.
    done?.map_err(failed)?;
    go_to(OWN_SIGN_IN_PATH)
}

async fn step_up(mut visit: Visit, form: &Form) -> HttpAnswer {
    match give_factor(&mut visit, form.get(pages::SECOND_FACTOR)).await? {
        Ok(cookie) => {
            let mut response = go_to(OWN_SIGN_IN_PATH)?;
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            Ok(response)
        }
        Err(error) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            shown(&visit, None, Wrong { status, factor: Some(error), other: None }).await
        }
    }
}

async fn change_password(visit: Visit, form: Form) -> HttpAnswer {
    let caller = visit.call.caller()?;
    if caller.principal.assurance != Assurance::SteppedUp {
        return Err(ProblemKind::StepUpNeeded.into());
    }
    let token = caller.session.clone().ok_or(ProblemKind::NeedsPerson)?;
    let (store, now) = (visit.call.app.store.clone(), visit.call.now);
    let done = visit
        .call
        .app
        .workers
        .run(move |_| store.change_password(&token, form.get("current"), form.get("new"), now));
    match done.await?.map_err(refused) {
        Ok(()) => go_to(&format!("{OWN_SIGN_IN_PATH}?done=password")),
        Err(problem) if problem.status().is_server_error() => Err(problem),
        Err(problem) => {
            let words = visit.words();
            let other = match problem.status() {
                StatusCode::UNAUTHORIZED => words.get("access.wrong_password").to_owned(),
                _ => problem.detail(words.0).to_owned(),
            };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            shown(&visit, None, Wrong { status, factor: None, other: Some(other) }).await
        }
    }
}
