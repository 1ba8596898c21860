//! The courier's phone: its files, the tour of the day that it keeps while it is offline, and what
//! it asks of the switch: a code for the buyer's wallet, a card at the courier's terminal. What
//! else it does are commands of the API.

use std::sync::{Arc, LazyLock};

use access::{AccessFunction, AccessGrant, AccessObjects};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use axum::routing::{MethodFilter, MethodRouter};
use books::view::{PaymentState, PaymentView};
use books::{CourierId, ParcelId, PaymentId};
use engine::Engine;
use market::{Market, UnitState};
use money::Amount;
use node::{Clock, SystemClock};
use office::RefusalInCurrency;
use pages::phone::{PHONE_FILES, PHONE_PATH, PhoneFile};
use serde_json::{Map, Value, json};
use switch::{PhoneAction, PhoneAnswer, PhoneRefusal, PhoneRequest, waybill};
use tariff::PaymentMethod;

use crate::app::{App, Call, HttpAnswer, add_limits, cookie_value, json_answer, language_of};
use crate::json::read_object;
use crate::limits::TOUR_PARCELS_MAX;
use crate::operations::{Action, Operation};
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::words::{BilingualText, words};

/// What the phone may load: our own files. It shows no frame and sends no form.
const PHONE_POLICY: &str = concat!(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; ",
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; ",
    "base-uri 'none'; frame-ancestors 'none'"
);
/// How many commands a browser has not sent. It says nothing of who it is.
const UNSENT_COOKIE: &str = "doorstep-unsent";
/// What gives the right to ask for a payment at the door.
const TAKES_MONEY: AccessFunction<'_> = AccessFunction::GiveNamed("TakeCashByPhone");
/// The parcels beside those that are out, whose state the phone still shows.
const ALSO: &str = "also";

static TOUR: LazyLock<Operation> = LazyLock::new(|| operation(Method::GET));
static DOOR: LazyLock<Operation> = LazyLock::new(|| operation(Method::POST));

/// Asks the switch, and waits for its answer.
pub type AskSwitch = Arc<dyn Fn(PhoneRequest) -> PhoneAnswer + Send + Sync>;

fn operation(method: Method) -> Operation {
    let about = BilingualText::fixed("", "");
    let (id, path, action) = (String::new(), String::new(), Action::Reference);
    Operation { id, method, path, action, about, is_open: false }
}

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
    let tour = {
        let app = app.clone();
        move |request: Request| answer(app.clone(), &TOUR, request)
    };
    let tour = MethodRouter::new().on(MethodFilter::GET, tour);
    let app = app.clone();
    let door = move |request: Request| answer(app.clone(), &DOOR, request);
    let door = MethodRouter::new().on(MethodFilter::POST, door);
    router.route(&format!("{PHONE_PATH}/tour"), tour).route(&format!("{PHONE_PATH}/door"), door)
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

async fn answer(app: Arc<App>, operation: &'static Operation, request: Request) -> Response<Body> {
    let language = language_of(request.headers());
    let mut left = None;
    let admitted = app.clone().admit(operation, request, language, &mut left).await;
    let answer = match admitted {
        Ok(call) if operation.method == Method::POST => at_the_door(call).await,
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
    let courier = courier_of(&call)?;
    let also = query.get(ALSO).unwrap_or_default().split(',').filter(|id| !id.is_empty());
    let also = also.map(|id| id.strip_prefix("par_").and_then(|id| id.parse().ok()));
    let also: Option<Vec<ParcelId>> = also.take(TOUR_PARCELS_MAX + 1).collect();
    let also = also.filter(|also| also.len() <= TOUR_PARCELS_MAX);
    let also = also.ok_or_else(|| Problem::from(ProblemKind::BadQuery).with_field(ALSO))?;
    let now = call.now;
    let asked = call
        .app
        .workers
        .run(move |giver| giver.client.query(move |engine| tour_of(engine, courier, &also)));
    let (mut body, position) = asked.await?.map_err(Problem::internal)?;
    // In a trial the books live at another time than phones do.
    body["now"] = now.0.into();
    body["asks_switch"] = call.app.phone.is_some().into();
    body["machine_now"] = SystemClock::machine_time(now.max(SystemClock.now())).0.into();
    json_answer(StatusCode::OK, &body, Some(position))
}

fn courier_of(call: &Call) -> Result<CourierId, Problem> {
    let grants = &call.caller()?.principal.grants;
    let courier = grants.iter().find_map(|grant| match grant {
        AccessGrant::Courier(courier) => Some(*courier),
        _ => None,
    });
    courier.ok_or_else(|| ProblemKind::NotPermitted.into())
}

/// Has the switch show a code or ask for a card, or end either.
async fn at_the_door(mut call: Call) -> HttpAnswer {
    QueryParameters::read(call.parts.uri.query(), &[])?;
    call.require_content(&["application/json"])?;
    call.require(TAKES_MONEY)?;
    let courier = courier_of(&call)?;
    let body = read_object(&call.whole_body().await?)?;
    let request = read_request(courier, &body)?;
    let ask = call.app.phone.clone().ok_or_else(no_switch)?;
    let answer = call.app.workers.run(move |_| ask(request)).await?;
    let left_ms = |until: engine::Timestamp| until.0.saturating_sub(SystemClock.now().0);
    let body = match answer {
        PhoneAnswer::Code { number, text, until } => {
            json!({ "number": number, "code": text, "left_ms": left_ms(until) })
        }
        PhoneAnswer::CardAsked { until } => json!({ "left_ms": left_ms(until) }),
        PhoneAnswer::Ended => json!({ "ended": true }),
        PhoneAnswer::Refused(why) => return Err(refused(&call, courier, why).await?),
    };
    json_answer(StatusCode::OK, &body, None)
}

fn read_request(courier: CourierId, body: &Map<String, Value>) -> Result<PhoneRequest, Problem> {
    let bad = |field: &str| Problem::from(ProblemKind::BadValue).with_field(format!("#/{field}"));
    if let Some(other) =
        body.keys().find(|key| !["parcel", "number", "amount", "action"].contains(&key.as_str()))
    {
        return Err(Problem::from(ProblemKind::UnknownField).with_field(format!("#/{other}")));
    }
    let parcel = body.get("parcel").and_then(Value::as_str);
    let parcel = parcel.and_then(|id| id.strip_prefix("par_")?.parse().ok());
    let parcel = parcel.ok_or_else(|| bad("parcel"))?;
    let number = body.get("number").and_then(Value::as_u64);
    let number =
        number.and_then(|number| u8::try_from(number).ok()).ok_or_else(|| bad("number"))?;
    let amount = || {
        let amount = body.get("amount").and_then(Value::as_u64).and_then(Amount::new);
        amount.ok_or_else(|| bad("amount"))
    };
    let action = match body.get("action").and_then(Value::as_str) {
        Some("show-code") => PhoneAction::ShowCode(amount()?),
        Some("end-code") => PhoneAction::EndCode,
        Some("ask-card") => PhoneAction::AskCard(amount()?),
        Some("end-card") => PhoneAction::EndCard,
        _ => return Err(bad("action")),
    };
    Ok(PhoneRequest { courier, payment: PaymentId { parcel, number }, action })
}

async fn refused(call: &Call, courier: CourierId, why: PhoneRefusal) -> Result<Problem, Problem> {
    let (kind, detail) = match why {
        PhoneRefusal::NoWallet => return Ok(no_switch()),
        PhoneRefusal::NoPhone => (
            ProblemKind::DoesNotFit,
            words!(
                "your phone is not registered as a terminal; ask an operator to give \
                 RegisterTerminal with a number from 90000000",
                "您的手机尚未登记为终端；请运营以 RegisterTerminal 登记，编号自 90000000 起"
            ),
        ),
        PhoneRefusal::NoTerminal => (
            ProblemKind::DoesNotFit,
            words!(
                "you have no terminal that is not blocked; show a code or take cash",
                "您没有可用的终端；请出示收款码或收现金"
            ),
        ),
        PhoneRefusal::OutOfDate => (
            ProblemKind::DoesNotFit,
            words!(
                "the books have less left to collect, or another payment came first; look at the \
                 parcel again",
                "账簿中的待收金额较少，或已有另一笔付款；请重新查看该件"
            ),
        ),
        PhoneRefusal::Later => return Ok(ProblemKind::Busy.into()),
        PhoneRefusal::Books(refusal) => {
            let look = move |engine: &Engine| {
                let books = engine.books();
                books.courier_firm(courier).and_then(|firm| books.firm_currency(firm))
            };
            let asked = call.app.workers.run(move |giver| giver.client.query(look)).await?;
            let (currency, _) = asked.map_err(Problem::internal)?;
            let refusal = RefusalInCurrency { refusal: refusal.into(), currency };
            return Ok(Problem::of_refusal(&refusal, call.app.texts.chinese));
        }
    };
    Ok(Problem::new(kind, detail))
}

fn no_switch() -> Problem {
    let detail = words!(
        "phones show no codes and ask for no cards here: this server has no switch, or no wallet; \
         take cash",
        "此处手机不能出示收款码或请求刷卡：本服务器没有交换系统或钱包；请收现金"
    );
    Problem::new(ProblemKind::NotSetUp, detail)
}

/// What a courier has out, and the own cash. Others' parcels among `also` are left out.
fn tour_of(engine: &Engine, courier: CourierId, also: &[ParcelId]) -> Value {
    let books = engine.books();
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
        "parcels": ids.iter().filter_map(|id| parcel(engine, *id)).collect::<Vec<_>>(),
    })
}

fn parcel(engine: &Engine, id: ParcelId) -> Option<Value> {
    let books = engine.books();
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
        "units": units(engine.market(), id),
    }))
}

/// The units of a parcel of the market that the buyer can still keep or refuse. The prices are
/// before discounts: what is due after a refusal, the market computes.
fn units(market: &Market, parcel: ParcelId) -> Option<Vec<Value>> {
    let order = market.order_view(market.order_of_parcel(parcel)?)?;
    let place = order.parcels.iter().position(|one| one.parcel == parcel)?;
    let units = (0_u16..)
        .zip(order.units)
        .filter(|(_, unit)| usize::from(unit.parcel) == place && unit.state == UnitState::Kept);
    let unit = |(number, unit): (u16, &market::OrderUnit)| {
        let variant = market.variant_of_unit(unit);
        let sku = market.variant_view(variant).map(|variant| variant.sku.to_owned());
        json!({ "number": number, "sku": sku, "price": unit.price.minor() })
    };
    Some(units.map(unit).collect())
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
