//! Pictures, as JPEG under their digests: for everybody if an offer that is listed has them.

use std::sync::Arc;

use access::AccessScope;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Response, header};
use books::Sha256Digest;
use listings::PictureSize;

use crate::app::{App, HttpAnswer, language_of};
use crate::console::OPEN;
use crate::handlers::DRAFTS;
use crate::problem::ProblemKind;

pub(super) const PATH: &str = "/pictures/{name}";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const SMALL: &str = "-small.jpg";
const LARGE: &str = ".jpg";

/// Where a picture is.
pub(crate) fn address(digest: &str, size: PictureSize) -> String {
    let end = if size == PictureSize::Small { SMALL } else { LARGE };
    format!("/pictures/{digest}{end}")
}

pub(super) async fn answer(app: Arc<App>, request: Request) -> Response<Body> {
    let language = language_of(request.headers());
    let found = find(&app, request).await;
    let mut response = found.unwrap_or_else(|problem| {
        if let Some(cause) = problem.cause() {
            app.note_failure(cause);
        }
        problem.response(language)
    });
    app.add_headers(response.headers_mut());
    response
}

async fn find(app: &Arc<App>, request: Request) -> HttpAnswer {
    app.check_host(request.headers(), request.uri().host())?;
    let name = request.uri().path().rsplit('/').next().unwrap_or_default();
    let small = name.strip_suffix(SMALL).map(|digest| (digest, PictureSize::Small));
    let named = small.or_else(|| Some((name.strip_suffix(LARGE)?, PictureSize::Large)));
    let (digest, size) = named.ok_or(ProblemKind::NoSuchRecord)?;
    let digest: Sha256Digest = digest.parse().map_err(|_| ProblemKind::NoSuchRecord)?;
    let is_public = app.shop.as_ref().is_some_and(|shop| shop.has_picture(digest));
    if !is_public {
        // Counted, and only for who may write offers.
        let language = language_of(request.headers());
        let call = app.clone().admit(&OPEN, request, language, &mut None).await?;
        let may = call.caller.as_ref().map(|caller| caller.principal.may(DRAFTS));
        if may.is_none_or(|scope| scope == AccessScope::Nothing) {
            return Err(ProblemKind::NoSuchRecord.into());
        }
    }
    let stores = app.clone();
    let read = app.workers.run(move |_| stores.listings.with(|store| store.picture(digest, size)));
    let bytes = read.await??.ok_or(ProblemKind::NoSuchRecord)?;
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    let cached = if is_public { IMMUTABLE } else { "private, max-age=600" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cached));
    Ok(response)
}
