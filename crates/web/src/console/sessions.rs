//! Signing in and out, and what a viewer prefers: as forms, without scripts.

use access::{NewSession, SecondFactor, SignIn};
use axum::http::{HeaderValue, StatusCode, header};
use pages::{SignInPage, SignInStep, SignedInPage, Theme};

use super::form::{Form, own_path};
use super::frames::frame;
use super::{LANGUAGE_COOKIE, THEME_COOKIE, Visit, go_to, html};
use crate::app::HttpAnswer;
use crate::handlers::complete_with_code;
use crate::handlers::sessions::{no_session_cookie, refused, session_cookie};
use crate::phone::check_all_sent;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

/// A preference is remembered this long.
const PREFERRED_SECONDS: u32 = 400 * 86_400;

/// After a sign-in that began on another site.
pub(crate) const SIGNED_IN_PATH: &str = "/sign-in/done";
/// Our second factor, after a provider.
pub(crate) const SECOND_FACTOR_PATH: &str = "/sign-in/second-factor";

fn page(visit: &Visit, step: SignInStep, error: Option<String>) -> SignInPage {
    let call = &visit.call;
    let (path, title) = match &step {
        SignInStep::Password { next, .. } => {
            (pages::Link::to("/sign-in").with("next", next).text(), "sign_in.title")
        }
        SignInStep::SecondFactor => (SECOND_FACTOR_PATH.to_owned(), "sign_in.second_title"),
    };
    let mut around = frame(&call.app, visit.preferences, call.caller.as_ref(), &path);
    around.title = around.t(title).to_owned();
    SignInPage { step, error, frame: around }
}

fn with_password(visit: &Visit, name: &str, next: &str) -> SignInStep {
    let has_provider = visit.call.app.provider.is_some();
    SignInStep::Password { name: name.to_owned(), next: next.to_owned(), has_provider }
}

pub(super) fn sign_in_page(visit: Visit) -> HttpAnswer {
    let query = QueryParameters::read(visit.call.parts.uri.query(), &["next"])?;
    let step = with_password(&visit, "", own_path(query.get("next").unwrap_or("/")));
    html(&page(&visit, step, None), StatusCode::OK)
}

pub(super) async fn sign_in(mut visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let form = Form::of(&mut visit.call).await?;
    let (name, next) = (form.get("name").to_owned(), own_path(form.get("next")).to_owned());
    let (store, now, address) = (visit.call.app.store.clone(), visit.call.now, visit.call.address);
    let given = visit.call.app.workers.run(move |_| {
        let code = Some(form.get("code")).filter(|code| !code.is_empty());
        let factor = code.map_or(SecondFactor::None, SecondFactor::Code);
        let (name, password) = (form.get("name"), form.get("password"));
        store.sign_in(&SignIn { name, password, factor, address }, now)
    });
    match given.await?.map_err(refused) {
        Ok(NewSession { token, .. }) => {
            let mut response = go_to(&next)?;
            response.headers_mut().insert(header::SET_COOKIE, session_cookie(&token)?);
            Ok(response)
        }
        Err(problem) => {
            let step = with_password(&visit, &name, &next);
            again(&visit, step, problem, "sign_in.wrong")
        }
    }
}

pub(super) fn second_factor_page(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    html(&page(&visit, SignInStep::SecondFactor, None), StatusCode::OK)
}

pub(super) async fn second_factor(mut visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let form = Form::of(&mut visit.call).await?;
    match complete_with_code(&visit.call, form.get("code").trim().to_owned()).await {
        Ok(cookies) => {
            let mut response = go_to("/")?;
            for cookie in cookies {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(problem) => again(&visit, SignInStep::SecondFactor, problem, "form.factor_wrong"),
    }
}

pub(super) fn signed_in(visit: Visit) -> HttpAnswer {
    QueryParameters::read(visit.call.parts.uri.query(), &[])?;
    let mut around = frame(&visit.call.app, visit.preferences, None, "/");
    around.title = around.t("sign_in.done").to_owned();
    html(&SignedInPage { frame: around }, StatusCode::OK)
}

/// The page again, with what was wrong in its place.
fn again(visit: &Visit, step: SignInStep, problem: Problem, wrong: &str) -> HttpAnswer {
    if problem.status().is_server_error() {
        return Err(problem);
    }
    let words = visit.words();
    let error = match problem.status() {
        StatusCode::UNAUTHORIZED => words.get(wrong).to_owned(),
        _ => problem.detail(words.0).to_owned(),
    };
    let mut response = html(&page(visit, step, Some(error)), problem.status())?;
    // A browser would ask for another kind of sign-in.
    response.headers_mut().remove(header::WWW_AUTHENTICATE);
    Ok(response)
}

pub(super) async fn sign_out(mut visit: Visit) -> HttpAnswer {
    let form = Form::of(&mut visit.call).await?;
    let caller = visit.call.caller()?;
    let session = caller.session.clone().ok_or(ProblemKind::NeedsPerson)?;
    if form.get("csrf") != access::csrf_of(&session) {
        return Err(ProblemKind::CrossSite.into());
    }
    check_all_sent(&visit.call.parts.headers)?;
    let store = visit.call.app.store.clone();
    let ended = visit.call.app.workers.run(move |_| store.sign_out(&session)).await?;
    ended.map_err(Problem::internal)?;
    let mut response = go_to("/sign-in")?;
    response.headers_mut().insert(header::SET_COOKIE, no_session_cookie()?);
    let data = HeaderValue::from_static("\"cache\", \"storage\"");
    response.headers_mut().insert("clear-site-data", data);
    Ok(response)
}

/// Remembers the language and the colours, and goes back.
pub(super) async fn prefer(mut visit: Visit) -> HttpAnswer {
    let form = Form::of(&mut visit.call).await?;
    let mut response = go_to(own_path(form.get("back")))?;
    let language = Some(form.get("language")).filter(|one| ["en", "zh"].contains(one));
    let theme = Some(form.get("theme"));
    let theme = theme.filter(|one| Theme::ALL.iter().any(|theme| theme.name() == *one));
    for (name, value) in [(LANGUAGE_COOKIE, language), (THEME_COOKIE, theme)] {
        let Some(value) = value else { continue };
        let cookie = format!("{name}={value}; Path=/; SameSite=Lax; Max-Age={PREFERRED_SECONDS}");
        let cookie = HeaderValue::from_str(&cookie).map_err(Problem::internal)?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
