//! The second factor inside a form: where a session has not given it for a while, the form asks for
//! it, and its answer has another session token.

use access::SecondFactor;
use axum::http::{HeaderValue, StatusCode};
use pages::{ActControl, ActField, Link, SECOND_FACTOR, SecondFactorField};

use super::form::Form;
use super::{OWN_SIGN_IN_PATH, Visit};
use crate::app::SignedInCaller;
use crate::handlers::sessions::{refused, session_cookie};
use crate::problem::{Problem, ProblemKind};
use crate::trial_roles::TRIAL_ROLES_PATH;

/// Refuses what does not come from a form of this session.
pub(super) fn check_csrf(visit: &Visit, form: &Form) -> Result<(), Problem> {
    let session = visit.call.caller()?.session.as_deref().ok_or(ProblemKind::NeedsPerson)?;
    match form.get("csrf") == access::csrf_of(session) {
        true => Ok(()),
        false => Err(ProblemKind::CrossSite.into()),
    }
}

/// The field. `next` is the page to come back to where a demonstration does without.
pub(super) fn factor_field(visit: &Visit, next: &str, error: Option<String>) -> SecondFactorField {
    let words = visit.words();
    let actor = visit.call.caller.as_ref().map(|caller| caller.principal.actor);
    let roles = visit.call.app.trial_roles.iter();
    let own = roles.filter(|role| Some(engine::Actor::Person(role.person)) == actor);
    // One's own page does not name itself.
    let hint = match next {
        OWN_SIGN_IN_PATH => "form.factor_here",
        _ => "form.factor_hint",
    };
    let without = own.map(|role| {
        Link::to(&format!("{TRIAL_ROLES_PATH}{}", role.name)).with("next", next).text()
    });
    let field = ActField {
        words,
        name: SECOND_FACTOR.to_owned(),
        label: words.get("form.factor").to_owned(),
        hint: words.get(hint).to_owned(),
        value: String::new(),
        error,
        is_optional: false,
        control: ActControl::Line { input: "text", mode: "numeric", unit: String::new() },
    };
    SecondFactorField { field, without: without.into_iter().next() }
}

/// Gives the factor: the visit goes on in a session that is sure, whose cookie is returned. The
/// inner error is what is wrong with the code.
pub(super) async fn give_factor(
    visit: &mut Visit,
    code: &str,
) -> Result<Result<HeaderValue, String>, Problem> {
    let words = visit.words();
    let token = visit.call.caller()?.session.clone().ok_or(ProblemKind::NeedsPerson)?;
    let (store, now, code) = (visit.call.app.store.clone(), visit.call.now, code.trim().to_owned());
    let given =
        visit.call.app.workers.run(move |_| store.step_up(&token, SecondFactor::Code(&code), now));
    match given.await?.map_err(refused) {
        Ok(session) => {
            let cookie = session_cookie(&session.token)?;
            let (principal, session) = (session.principal, Some(session.token));
            visit.call.caller = Some(SignedInCaller { principal, session });
            Ok(Ok(cookie))
        }
        Err(problem) if problem.status().is_server_error() => Err(problem),
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => {
            Ok(Err(words.get("form.factor_wrong").to_owned()))
        }
        Err(problem) => Ok(Err(problem.detail(words.0).to_owned())),
    }
}
