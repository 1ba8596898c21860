//! The courier's phone: its files, and the tour of the day that it keeps while it is offline. What
//! it does are commands of the API.

use std::sync::{Arc, LazyLock};

use access::{AccessFunction, AccessGrant, AccessObjects};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use axum::routing::{MethodFilter, MethodRouter};
use books::view::{PaymentState, PaymentView};
use books::{Books, CourierId, ParcelId};
use node::{Clock, SystemClock};
use pages::phone::{PHONE_FILES, PHONE_PATH, PhoneFile};
use serde_json::{Value, json};
use switch::waybill;
use tariff::PaymentMethod;

use crate::app::{App, Call, HttpAnswer, add_limits, cookie_value, json_answer, language_of};
use crate::limits::TOUR_PARCELS_MAX;
use crate::operations::{Action, Operation};
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::words::BilingualText;

/// What the phone may load: our own files. It shows no frame and sends no form.
const PHONE_POLICY: &str = concat!(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; ",
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; ",
    "base-uri 'none'; frame-ancestors 'none'"
);
/// How many commands a browser has not sent. It says nothing of who it is.
const UNSENT_COOKIE: &str = "doorstep-unsent";
/// The parcels beside those that are out, whose state the phone still shows.
const ALSO: &str = "also";

static TOUR: LazyLock<Operation> = LazyLock::new(|| Operation {
    id: String::new(),
    method: Method::GET,
    path: String::new(),
    action: Action::Reference,
    about: BilingualText::fixed("", ""),
    is_open: false,
});

/// Adds the phone's files and its tour.
pub fn add(mut router: Router, app: &Arc<App>) -> Router {
    for one in &PHONE_FILES {
        let app = app.clone();
        let answer = move |request: Request| {
            let app = app.clone();
            async move {
                let checked = app.check_host(request.headers(), request.uri().host());
                let mut response = match checked {
                    Ok(()) => file(one),
                    Err(problem) => problem.response(language_of(request.headers())),
                };
                app.add_headers(response.headers_mut());
                response
            }
        };
        router = router.route(one.path, MethodRouter::new().on(MethodFilter::GET, answer));
    }
    let app = app.clone();
    let answer = move |request: Request| tour_answer(app.clone(), request);
    let tour = MethodRouter::new().on(MethodFilter::GET, answer);
    router.route(&format!("{PHONE_PATH}/tour"), tour)
}

fn file(one: &PhoneFile) -> Response<Body> {
    let mut response = Response::new(Body::from(one.content()));
    let headers = response.headers_mut();
    let fixed = HeaderValue::from_static;
    headers.insert(header::CONTENT_TYPE, fixed(one.media));
    headers.insert(header::CONTENT_SECURITY_POLICY, fixed(PHONE_POLICY));
    // Its worker keeps the files, and looks whether they are new.
    headers.insert(header::CACHE_CONTROL, fixed("no-cache"));
    headers.insert("permissions-policy", fixed("camera=(self), geolocation=(), microphone=()"));
    headers.insert("service-worker-allowed", fixed(PHONE_PATH));
    response
}

/// Refuses to end a session in a browser that has not sent all commands: they would be erased.
pub fn check_all_sent(headers: &HeaderMap) -> Result<(), Problem> {
    match cookie_value(headers, UNSENT_COOKIE) {
        None | Some("" | "0") => Ok(()),
        Some(_) => Err(ProblemKind::Unsent.into()),
    }
}

async fn tour_answer(app: Arc<App>, request: Request) -> Response<Body> {
    let language = language_of(request.headers());
    let mut left = None;
    let admitted = app.clone().admit(&TOUR, request, language, &mut left).await;
    let answer = match admitted {
        Ok(call) => tour(call).await,
        Err(problem) => Err(problem),
    };
    let mut response = answer.unwrap_or_else(|problem| {
        if let Some(cause) = problem.cause() {
            app.note_failure(cause);
        }
        problem.response(language)
    });
    if let Some(left) = left {
        add_limits(response.headers_mut(), left);
    }
    app.add_headers(response.headers_mut());
    response
}

async fn tour(call: Call) -> HttpAnswer {
    let query = QueryParameters::read(call.parts.uri.query(), &[ALSO])?;
    call.require(AccessFunction::Read("parcels"))?;
    let principal = &call.caller()?.principal;
    let courier = principal.grants.iter().find_map(|grant| match grant {
        AccessGrant::Courier(courier) => Some(*courier),
        _ => None,
    });
    let courier = courier.ok_or(ProblemKind::NotPermitted)?;
    let also = query.get(ALSO).unwrap_or_default().split(',').filter(|id| !id.is_empty());
    let also = also.map(|id| id.strip_prefix("par_").and_then(|id| id.parse().ok()));
    let also: Option<Vec<ParcelId>> = also.take(TOUR_PARCELS_MAX + 1).collect();
    let also = also.filter(|also| also.len() <= TOUR_PARCELS_MAX);
    let also = also.ok_or_else(|| Problem::from(ProblemKind::BadQuery).with_field(ALSO))?;
    let now = call.now;
    let asked = call.app.workers.run(move |giver| {
        giver.client.query(move |engine| tour_of(engine.books(), courier, &also))
    });
    let (mut body, position) = asked.await?.map_err(Problem::internal)?;
    // In a trial the books live at another time than phones do.
    body["now"] = now.0.into();
    body["machine_now"] = SystemClock::machine_time(now.max(SystemClock.now())).0.into();
    json_answer(StatusCode::OK, &body, Some(position))
}

/// What a courier has out, and the own cash. Others' parcels among `also` are left out.
fn tour_of(books: &Books, courier: CourierId, also: &[ParcelId]) -> Value {
    let out = books.parcels_out(courier, 0, TOUR_PARCELS_MAX).parcels;
    let mut ids: Vec<ParcelId> = out.iter().map(|one| one.parcel).collect();
    let theirs = |id: &ParcelId| books.courier_of(*id) == Some(courier);
    let also = also.iter().copied().filter(theirs).filter(|id| !ids.contains(id));
    ids.extend(also.collect::<Vec<_>>());
    let today = books.last_date();
    let currency = books.courier_firm(courier).and_then(|firm| books.firm_currency(firm));
    let custody = books.courier_custody(courier, today);
    json!({
        "person": format!("per_{}", courier.0),
        "courier": format!("cou_{}", courier.0),
        "name": books.courier_reference(courier),
        "date": today.to_string(),
        "currency": currency.map(|of| of.code()),
        "exponent": currency.map(|of| of.exponent()),
        "cash": custody.map(|one| json!({
            "in_hand": i64::try_from(one.in_hand).unwrap_or(i64::MAX),
            "payments": one.payments,
            "limit": one.limit.minor(),
            "shortage": i64::try_from(one.shortage).unwrap_or(i64::MAX),
            "hand_over": one.hand_over.map(|open| json!({
                "id": open.id.to_string(),
                "expected": open.expected.minor(),
            })),
        })),
        "parcels": ids.iter().filter_map(|id| parcel(books, *id)).collect::<Vec<_>>(),
    })
}

fn parcel(books: &Books, id: ParcelId) -> Option<Value> {
    let listed = books.listed_parcel(id)?;
    let payments = books.payments(id);
    let taken = payments.iter().map(payment).collect::<Vec<_>>();
    Some(json!({
        "id": format!("par_{id}"),
        "waybill": waybill::write(id),
        "state": reports::parcel_state_name(listed.view.state),
        "due": listed.view.due.minor(),
        "left": listed.left.minor(),
        "next_payment": u64::from(listed.view.payment_count) + 1,
        "next_attempt": books.next_attempt(id),
        "payments": taken,
    }))
}

fn payment(one: &PaymentView) -> Value {
    let method = match one.method {
        PaymentMethod::Card(_) => "card",
        PaymentMethod::Qr => "qr",
        PaymentMethod::Cash => "cash",
    };
    let state = match one.state {
        PaymentState::Approved | PaymentState::Held | PaymentState::Released => "taken",
        PaymentState::Declined => "declined",
        PaymentState::Reversed | PaymentState::Expired | PaymentState::Rejected => "reversed",
        PaymentState::Unknown | PaymentState::CompletionUnknown => "unknown",
        _ => "waits",
    };
    let (number, amount) = (one.id.number, one.amount.minor());
    json!({ "number": number, "method": method, "state": state, "amount": amount })
}
