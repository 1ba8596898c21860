//! Signing in with an OpenID provider.

use std::sync::Arc;

use access::{LinkedIdentity, LinkedSignIn, NewSession};
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use engine::Timestamp;

use super::passkeys::{GivenFactor, USE_FIELDS};
use super::sessions::{begun, refused, session_cookie, texts};
use crate::app::{Call, HttpAnswer, cookie_value};
use crate::console::{SECOND_FACTOR_PATH, SIGNED_IN_PATH};
use crate::problem::{PROBLEMS_PATH, Problem, ProblemKind};
use crate::provider::{Provider, ProviderError, ProviderTrip};
use crate::query::{QueryParameters, decoded};

/// Where the provider sends a browser back to.
pub(crate) const RETURN_PATH: &str = "/v1/sign-in-provider/return";
/// The cookie of a sign-in with the provider: its secret, then the token of a sign-in that the
/// provider has proven. Not of the session's kind: a browser comes back from another site with it.
const TRIP_COOKIE: &str = "__Host-doorstep-provider";
const TRIP_SECONDS: u64 = 600;
/// Of a query with a code.
const QUERY_BYTES_MAX: usize = 8 << 10;

fn trip_cookie(value: &str, seconds: u64) -> Result<HeaderValue, Problem> {
    let flags = "Path=/; Secure; HttpOnly; SameSite=Lax";
    let cookie = format!("{TRIP_COOKIE}={value}; {flags}; Max-Age={seconds}");
    HeaderValue::from_str(&cookie).map_err(Problem::internal)
}

fn go_to(place: &str, cookies: &[HeaderValue]) -> HttpAnswer {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let place = HeaderValue::from_str(place).map_err(Problem::internal)?;
    response.headers_mut().insert(header::LOCATION, place);
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    Ok(response)
}

/// Asks the provider on a thread, few at once.
async fn ask<T: Send + 'static>(
    call: &mut Call,
    ask: impl FnOnce(&Provider, &str, Timestamp) -> Result<T, ProviderError> + Send + 'static,
) -> Result<T, Problem> {
    let provider: Arc<Provider> = call.app.provider.clone().ok_or(ProblemKind::NotSetUp)?;
    let origin = call.origin().ok_or(ProblemKind::NotSetUp)?;
    let busy = || Problem::from(ProblemKind::Busy).retry_after(1);
    let permit = call.app.provider_requests.clone().try_acquire_owned().map_err(|_| busy())?;
    let (return_to, now) = (format!("{origin}{RETURN_PATH}"), call.now);
    let asked = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        ask(&provider, &return_to, now)
    });
    let failed = |error: ProviderError| {
        Problem::from(ProblemKind::ProviderFailed).caused_by(error.to_string())
    };
    asked.await.map_err(Problem::internal)?.map_err(failed)
}

/// Goes to the provider.
pub(super) async fn begin(mut call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    let secret = ProviderTrip::new_secret().map_err(Problem::internal)?;
    let cookie = trip_cookie(&secret, TRIP_SECONDS)?;
    let url = ask(&mut call, move |provider, return_to, now| {
        provider.authorization_url(&ProviderTrip(&secret), return_to, now)
    });
    go_to(&url.await?, &[cookie])
}

/// Comes back from the provider. A browser sees a page, also of a failure.
pub(super) async fn finish(mut call: Call) -> HttpAnswer {
    let shows_pages = call.header(header::ACCEPT).is_some_and(|one| one.contains("text/html"));
    match proven(&mut call).await {
        Err(problem) if shows_pages => {
            if let Some(cause) = problem.cause() {
                call.app.note_failure(cause);
            }
            go_to(&format!("{PROBLEMS_PATH}{}", problem.name()), &[trip_cookie("", 0)?])
        }
        done => done,
    }
}

async fn proven(call: &mut Call) -> HttpAnswer {
    let query = call.parts.uri.query().unwrap_or_default();
    if query.len() > QUERY_BYTES_MAX {
        return Err(ProblemKind::HeadTooLarge.into());
    }
    // Providers add parameters of their own.
    let parameter = |name: &str| {
        let mut all = query.split('&').filter_map(|pair| pair.split_once('='));
        all.find(|(one, _)| *one == name).and_then(|(_, value)| decoded(value))
    };
    let secret = cookie_value(&call.parts.headers, TRIP_COOKIE);
    let secret = secret.ok_or(ProblemKind::SignInRefused)?.to_owned();
    // Only the browser with the cookie can have this state.
    if parameter("state") != Some(ProviderTrip(&secret).state()) {
        return Err(ProblemKind::SignInRefused.into());
    }
    if let Some(error) = parameter("error") {
        let cause = format!("the provider refused a sign-in: {}", error.escape_debug());
        return Err(Problem::from(ProblemKind::SignInRefused).caused_by(cause));
    }
    let code = parameter("code").ok_or(ProblemKind::SignInRefused)?;
    let issuer = parameter("iss");
    let identity = ask(call, move |provider, return_to, now| {
        let trip = ProviderTrip(&secret);
        let proven = provider.proven(&trip, &code, issuer.as_deref(), return_to, now)?;
        let trusted = provider.settings.trusts(&proven);
        let issuer = provider.settings.issuer.clone();
        Ok((LinkedIdentity { issuer, subject: proven.subject }, trusted))
    });
    let (identity, trusted) = identity.await?;
    let (store, now, address) = (call.app.store.clone(), call.now, call.address);
    let done =
        call.app.workers.run(move |_| store.sign_in_linked(&identity, trusted, address, now));
    match done.await?.map_err(refused)? {
        LinkedSignIn::Begun(session) => {
            go_to(SIGNED_IN_PATH, &[trip_cookie("", 0)?, session_cookie(&session.token)?])
        }
        LinkedSignIn::NeedsSecondFactor(pending) => {
            let seconds = access::limits::PENDING_SIGN_IN_MS_MAX / 1000;
            go_to(SECOND_FACTOR_PATH, &[trip_cookie(&pending, seconds)?])
        }
    }
}

/// Gives our second factor after the provider.
pub(super) async fn second_factor(mut call: Call) -> HttpAnswer {
    let fields = texts(&mut call, &[], &[&["code"][..], &USE_FIELDS].concat()).await?;
    let given = GivenFactor::read(&call, &fields)?;
    let mut response = begun(completed(&call, given).await?)?;
    response.headers_mut().append(header::SET_COOKIE, trip_cookie("", 0)?);
    Ok(response)
}

/// The same with a code of a form. Returns the cookies of the session that begins.
pub(crate) async fn complete_with_code(
    call: &Call,
    code: String,
) -> Result<[HeaderValue; 2], Problem> {
    let begun = completed(call, GivenFactor::of_code(code)).await?;
    Ok([trip_cookie("", 0)?, session_cookie(&begun.token)?])
}

async fn completed(call: &Call, given: GivenFactor) -> Result<NewSession, Problem> {
    let pending = cookie_value(&call.parts.headers, TRIP_COOKIE);
    let pending = pending.ok_or(ProblemKind::SignInRefused)?.to_owned();
    let (store, now, address) = (call.app.store.clone(), call.now, call.address);
    let done = call
        .app
        .workers
        .run(move |_| store.complete_linked(&pending, given.factor(), address, now));
    done.await?.map_err(refused)
}
