//! Links that switch roles: in a demonstration on trial books, whose sign-ins are shown anyway.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::routing::{MethodFilter, MethodRouter};
use books::PersonId;
use node::{Clock, SystemClock};

use crate::app::{App, CSRF_HEADER, HttpAnswer, PeerAddress, language_of};
use crate::console::own_path;
use crate::handlers::sessions::session_cookie;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::senders::Sender;

/// Before the name of a role.
pub const TRIAL_ROLES_PATH: &str = "/as/";

/// A role of a demonstration, and the person who has it.
#[derive(Clone, Copy, Debug)]
pub struct TrialRole {
    pub name: &'static str,
    pub person: PersonId,
}

/// Adds the links. Without roles there is no such path.
pub fn add(mut router: Router, app: &Arc<App>) -> Router {
    for role in app.trial_roles.iter().copied() {
        let app = app.clone();
        let answer = move |request: Request| {
            let app = app.clone();
            async move {
                let (parts, _) = request.into_parts();
                let language = language_of(&parts.headers);
                let answer = begin(&app, &parts, role.person).await;
                let mut response = answer.unwrap_or_else(|problem| {
                    problem.cause().into_iter().for_each(|cause| app.note_failure(cause));
                    problem.response(language)
                });
                app.add_headers(response.headers_mut());
                response
            }
        };
        let path = format!("{TRIAL_ROLES_PATH}{}", role.name);
        router = router.route(&path, MethodRouter::new().on(MethodFilter::GET, answer));
    }
    router
}

/// Begins a session, and goes to the first page.
async fn begin(app: &App, parts: &Parts, person: PersonId) -> HttpAnswer {
    app.check_host(&parts.headers, parts.uri.host())?;
    // A link in another site's page must not change whose page this is.
    app.check_site(&parts.headers)?;
    let address = parts.extensions.get::<PeerAddress>();
    let address = address.ok_or_else(|| Problem::internal("a connection has no address"))?.0;
    if !app.senders.count(Sender::at(address)).allowed {
        return Err(Problem::from(ProblemKind::TooManyRequests).retry_after(1));
    }
    // From a form that wants the second factor, and back to it: here nobody has an app for codes.
    let query = QueryParameters::read(parts.uri.query(), &["next"])?;
    let next = query.get("next").map(own_path);
    let (store, now, is_sure) = (app.store.clone(), SystemClock.now(), next.is_some());
    let begin = move |_: &mut _| store.begin_trial_session(person, address, is_sure, now);
    let begun = app.workers.run(begin).await?.map_err(Problem::internal)?;
    let next = HeaderValue::from_str(next.unwrap_or("/")).map_err(Problem::internal)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, next);
    headers.insert(header::SET_COOKIE, session_cookie(&begun.token)?);
    let csrf = HeaderValue::from_str(&begun.csrf).map_err(Problem::internal)?;
    headers.insert(CSRF_HEADER, csrf);
    Ok(response)
}
