//! Signing in and out, and what a viewer prefers: as forms, without scripts.

use access::{SecondFactor, SignIn};
use axum::http::{HeaderValue, StatusCode, header};
use pages::{SignInPage, Theme};

use super::form::{Form, own_path};
use super::frames::frame;
use super::{LANGUAGE_COOKIE, THEME_COOKIE, Visit, go_to, html};
use crate::app::HttpAnswer;
use crate::handlers::sessions::{no_session_cookie, refused, session_cookie};
use crate::phone::check_all_sent;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

/// A preference is remembered this long.
const PREFERRED_SECONDS: u32 = 400 * 86_400;

fn page(visit: &Visit, name: &str, next: &str, error: Option<String>) -> SignInPage {
    let call = &visit.call;
    let path = pages::Link::to("/sign-in").with("next", next).text();
    let mut around = frame(&call.app, visit.preferences, call.caller.as_ref(), &path);
    around.title = around.t("sign_in.title").to_owned();
    SignInPage { name: name.to_owned(), next: next.to_owned(), error, frame: around }
}

pub(super) fn sign_in_page(visit: Visit) -> HttpAnswer {
    let query = QueryParameters::read(visit.call.parts.uri.query(), &["next"])?;
    let next = own_path(query.get("next").unwrap_or("/"));
    html(&page(&visit, "", next, None), StatusCode::OK)
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
    match given.await? {
        Ok(session) => {
            let mut response = go_to(&next)?;
            let cookie = session_cookie(&session.token)?;
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            Ok(response)
        }
        Err(why) => {
            let problem = refused(why);
            if problem.status().is_server_error() {
                return Err(problem);
            }
            // The page again, with what was wrong in its place.
            let words = visit.words();
            let error = match problem.status() {
                StatusCode::UNAUTHORIZED => words.get("sign_in.wrong").to_owned(),
                _ => problem.detail(words.0).to_owned(),
            };
            let mut response = html(&page(&visit, &name, &next, Some(error)), problem.status())?;
            // A browser would ask for another kind of sign-in.
            response.headers_mut().remove(header::WWW_AUTHENTICATE);
            Ok(response)
        }
    }
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
