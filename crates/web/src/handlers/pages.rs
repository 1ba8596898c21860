//! The reference of the API, its document and its problems.

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use office::Language;

use crate::app::{Call, HttpAnswer};
use crate::problem::ProblemKind;
use crate::query::QueryParameters;
use crate::reference::STYLE;

/// Only our own style sheet, nothing else.
const PAGE_POLICY: &str = concat!(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; ",
    "frame-ancestors 'none'"
);

fn page(body: String, content: &'static str) -> HttpAnswer {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

const HTML: &str = "text/html; charset=utf-8";

/// The language of a page: `?lang=zh`, or that of the sender.
fn language(call: &Call) -> Result<Language, crate::problem::Problem> {
    let query = QueryParameters::read(call.parts.uri.query(), &["lang"])?;
    match query.get("lang") {
        None => Ok(call.language),
        Some("en") => Ok(Language::En),
        Some("zh") => Ok(Language::Zh),
        Some(_) => Err(crate::problem::Problem::from(ProblemKind::BadQuery).with_field("lang")),
    }
}

pub(super) fn reference(call: &Call) -> HttpAnswer {
    call.accepted(&["text/html"])?;
    page(call.app.reference.page(language(call)?).to_owned(), HTML)
}

pub(super) fn style(call: &Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.accepted(&["text/css"])?;
    page(STYLE.to_owned(), "text/css; charset=utf-8")
}

pub(super) fn open_api(call: &Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.accepted(&["application/json"])?;
    page(call.app.reference.document.clone(), "application/json")
}

pub(super) fn problem(call: &Call) -> HttpAnswer {
    call.accepted(&["text/html"])?;
    let (name, language) = (call.path_part(1)?, language(call)?);
    let body = call.app.reference.problem(&name, language);
    page(body.ok_or(ProblemKind::NoSuchPath)?, HTML)
}
