//! Checkouts: who gets the parcels, the line in which they wait, and the address that is sealed
//! before the order is placed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use engine::{Actor, RequestKey};
use files::orders::{BUYER_TEXT_BYTES_MAX, BuyerDetails};
use market::OrderId;
use office::checkout::CHECKOUT;
use office::{Permits, QuickCommand, SignedInCommand};
use serde_json::{Map, Value};
use tokio::sync::oneshot;
use vault::delivery_bytes;

use super::commands::{GivenCommand, given_quickly};
use super::market::{not_a_token, plain_phone};
use crate::app::{App, Call};
use crate::checkout_line::{CheckoutLine, LineRefusal, LineTicket};
use crate::idempotency::{RunningKey, actor_text, named_key, request_key};
use crate::limits::LATE_REFUSALS_MAX;
use crate::problem::{Problem, ProblemKind};
use crate::senders::Sender;
use crate::words::{BilingualText, words};

/// Who gets the parcels of a checkout: not a field of the command, the vault has it.
pub(crate) const DELIVER_TO: &str = "deliver_to";
pub(crate) const DELIVERY_FIELDS: [&str; 3] = ["name", "phone", "address"];
/// The place in the line of a checkout that waits.
const PLACE: HeaderName = HeaderName::from_static("doorstep-place");
/// A request waits so long for its turn before it is told its place.
const PATIENCE: Duration = Duration::from_secs(1);

/// The checkouts that wait, and what became of those whose senders were told a place.
pub(crate) struct Checkouts {
    line: CheckoutLine,
    late: Mutex<LateCheckouts>,
}

#[derive(Default)]
struct LateCheckouts {
    /// With their buyers.
    under_way: HashMap<OrderId, String>,
    refused: VecDeque<(OrderId, BilingualText)>,
}

/// What is known of an order that the books do not have.
pub(crate) enum LateCheckout {
    /// In the line; without a place it is being carried out.
    UnderWay(Option<usize>),
    Refused(BilingualText),
}

impl Checkouts {
    pub fn new(at_once: usize) -> Checkouts {
        Checkouts { line: CheckoutLine::new(at_once), late: Mutex::default() }
    }

    fn late(&self) -> MutexGuard<'_, LateCheckouts> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn find(&self, order: OrderId) -> Option<LateCheckout> {
        let late = self.late();
        if let Some(buyer) = late.under_way.get(&order) {
            return Some(LateCheckout::UnderWay(self.line.place_of(buyer)));
        }
        let refused = late.refused.iter().rev().find(|(one, _)| *one == order);
        refused.map(|(_, why)| LateCheckout::Refused(why.clone()))
    }
}

/// A checkout that may be given.
pub(crate) struct Checkout {
    pub by: Actor,
    /// Whose turn it takes in the line.
    pub sender: Sender,
    pub key: RequestKey,
    /// With tokens in the place of the buyer and the coupons.
    pub given: Map<String, Value>,
    pub delivery: BuyerDetails,
    pub permits: Permits,
}

/// Carries a checkout out when it is its turn. Who is told a place keeps it: the same request
/// again is answered with the place then, or with what became of it.
pub(crate) async fn check_out(
    app: &Arc<App>,
    mut checkout: Checkout,
) -> Result<GivenCommand, Problem> {
    let order = match checkout.given.get("order").and_then(Value::as_str) {
        Some(given) => {
            given.parse().map_err(|_| Problem::from(ProblemKind::BadValue).with_field("#/order"))?
        }
        None => order_of(checkout.by, &checkout.key),
    };
    checkout.given.insert("order".to_owned(), order.to_string().into());
    let buyer = checkout.given.get("buyer").and_then(Value::as_str).unwrap_or_default().to_owned();
    let line = &app.checkouts.line;
    let running = app.running.begin(checkout.by, &checkout.key).map_err(|in_use| {
        match line.place_of(&buyer) {
            Some(place) => in_line(place),
            None => in_use,
        }
    })?;
    let mut ticket = line.enter(checkout.sender, &buyer).map_err(no_place)?;
    if let Some(turn) = ticket.turn_now() {
        let done = carried_out(app, checkout, running).await;
        drop(turn);
        return done;
    }
    let (told, mut done) = oneshot::channel();
    tokio::spawn(wait_and_carry_out(app.clone(), (checkout, order), running, ticket, told));
    loop {
        match tokio::time::timeout(PATIENCE, &mut done).await {
            Ok(done) => return done.map_err(|_| Problem::from(ProblemKind::Stopping))?,
            Err(_) => {
                if let Some(place) = line.place_of(&buyer) {
                    return Err(in_line(place));
                }
            }
        }
    }
}

async fn wait_and_carry_out(
    app: Arc<App>,
    (checkout, order): (Checkout, OrderId),
    running: RunningKey,
    mut ticket: LineTicket,
    told: oneshot::Sender<Result<GivenCommand, Problem>>,
) {
    app.checkouts.late().under_way.insert(order, ticket.buyer().to_owned());
    let turn = ticket.turn().await;
    let done = match &turn {
        Some(_) => carried_out(&app, checkout, running).await,
        None => Err(ProblemKind::Stopping.into()),
    };
    drop(turn);
    let mut late = app.checkouts.late();
    late.under_way.remove(&order);
    // Its sender was told a place, and has gone.
    let Err(done) = told.send(done) else { return };
    let refused = match done {
        Ok(Ok(_)) => return,
        Ok(Err(error)) => Problem::of_office(error, app.texts.chinese),
        Err(problem) => problem,
    };
    if late.refused.len() >= LATE_REFUSALS_MAX {
        late.refused.pop_front();
    }
    late.refused.push_back((order, refused.text().clone()));
}

/// Seals the address before the parcels are announced, and gives the command.
async fn carried_out(
    app: &App,
    checkout: Checkout,
    running: RunningKey,
) -> Result<GivenCommand, Problem> {
    let Checkout { by, key, given, delivery, permits, .. } = checkout;
    let chinese = app.texts.chinese;
    let (fields, of) = (Arc::new(given), key.clone());
    let shared = fields.clone();
    let sealed = app.workers.run(move |giver| {
        let plain = delivery_bytes(&delivery);
        let one = SignedInCommand { by, name: CHECKOUT, fields: &shared, key: &of };
        giver.seal_checkout(&one, &plain)
    });
    let sealed = sealed.await?.map_err(|error| Problem::of_office(error, chinese))?;
    let command = QuickCommand { by, name: CHECKOUT, fields, key, permits };
    let done = given_quickly(app, command, running).await?;
    if done.is_err() && !sealed.is_empty() {
        let forgotten = app.workers.run(move |giver| giver.forget_checkout(sealed)).await?;
        forgotten.map_err(|error| Problem::of_office(error, chinese))?;
    }
    Ok(done)
}

fn in_line(place: usize) -> Problem {
    let detail = words!(
        "the order is number {place} in the line; send the same request again when the header \
         Retry-After says, it keeps its place",
        "订单正在排队，排在第 {place} 位；请按 Retry-After 标头所示时间重复同一请求，位置会保留"
    );
    let place = HeaderValue::from(place);
    Problem::new(ProblemKind::InLine, detail).with_header(PLACE, place).retry_after(1)
}

fn no_place(refusal: LineRefusal) -> Problem {
    match refusal {
        LineRefusal::BuyerWaits(place) => {
            let detail = words!(
                "another order of this buyer is number {place} in the line; wait until it is \
                 placed, then send this one",
                "该买家的另一订单正在排队，排在第 {place} 位；请待其下单后再发送"
            );
            let place = HeaderValue::from(place);
            Problem::new(ProblemKind::InLine, detail).with_header(PLACE, place).retry_after(1)
        }
        LineRefusal::SenderHasMany => {
            let detail = words!(
                "this sender has as many orders in the line as one may have; send it again when \
                 the header Retry-After says",
                "该发送方排队的订单已达上限；请在 Retry-After 标头所示时间后重新发送"
            );
            Problem::new(ProblemKind::TooManyRequests, detail).retry_after(1)
        }
        LineRefusal::Full => Problem::from(ProblemKind::Busy).retry_after(5),
    }
}

/// Takes out who gets the parcels. Without a buyer the phone number is the buyer's.
pub(super) fn take_delivery(given: &mut Map<String, Value>) -> Result<BuyerDetails, Problem> {
    let at = |kind: ProblemKind, name: &str| {
        let pointer = if name.is_empty() { String::new() } else { format!("/{name}") };
        Problem::from(kind).with_field(format!("#/{DELIVER_TO}{pointer}"))
    };
    let sent = given.remove(DELIVER_TO).ok_or_else(|| at(ProblemKind::MissingField, ""))?;
    let Value::Object(sent) = sent else { return Err(at(ProblemKind::BadValue, "")) };
    if let Some(name) = sent.keys().find(|name| !DELIVERY_FIELDS.contains(&name.as_str())) {
        return Err(at(ProblemKind::UnknownField, name));
    }
    let text = |name: &str| {
        let value = sent.get(name).ok_or_else(|| at(ProblemKind::MissingField, name))?;
        let text = value.as_str().map(str::trim).filter(|text| !text.is_empty());
        let text = text.filter(|text| text.len() <= BUYER_TEXT_BYTES_MAX);
        text.map(str::to_owned).ok_or_else(|| at(ProblemKind::BadValue, name))
    };
    let [name, phone, address] = DELIVERY_FIELDS.map(text);
    let details = BuyerDetails { name: name?, phone: phone?, address: address? };
    if plain_phone(&details.phone).is_none() {
        return Err(not_a_token("buyer", &format!("#/{DELIVER_TO}/phone")));
    }
    given.entry("buyer").or_insert_with(|| details.phone.clone().into());
    given.entry("coupons").or_insert_with(|| Value::Array(Vec::new()));
    Ok(details)
}

/// The request key of a checkout: its digest has the address as a keyed token only.
pub(super) fn checkout_key(
    call: &Call,
    given: &Map<String, Value>,
    delivery: &BuyerDetails,
) -> Result<RequestKey, Problem> {
    request_key(&call.parts.headers, CHECKOUT, &digested(&call.app, given, delivery)?)
}

/// What the digest of a checkout is over.
fn digested(
    app: &App,
    given: &Map<String, Value>,
    delivery: &BuyerDetails,
) -> Result<Map<String, Value>, Problem> {
    let BuyerDetails { name, phone, address } = delivery;
    let token = app.store.token("delivery", &format!("{name}\0{phone}\0{address}"));
    let token = base16ct::lower::encode_string(&token.map_err(Problem::internal)?);
    let mut digested = given.clone();
    digested.insert(DELIVER_TO.to_owned(), token.into());
    Ok(digested)
}

/// The order of a request: it follows from who sends it and the key, so that a repeat is the same.
pub(super) fn order_of(by: Actor, key: &RequestKey) -> OrderId {
    OrderId::derived(&format!("{}/{}", actor_text(by), key.identity()))
}

/// The order that a form of the shop window makes.
pub(crate) fn order_of_form(form: &str) -> Result<OrderId, Problem> {
    Ok(order_of(Actor::System, &named_key(form, CHECKOUT, &Map::new())?))
}

/// Places the order of a form of the shop window, which nobody signs in for. The same form again
/// is the same order.
pub(crate) async fn place_for_form(
    app: &Arc<App>,
    sender: Sender,
    form: &str,
    given: Map<String, Value>,
    delivery: BuyerDetails,
) -> Result<GivenCommand, Problem> {
    let by = Actor::System;
    let key = named_key(form, CHECKOUT, &digested(app, &given, &delivery)?)?;
    let permits: Permits = Arc::new(|command, _| command.spec().name == CHECKOUT);
    check_out(app, Checkout { by, sender, key, given, delivery, permits }).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_gets_the_parcels_is_taken_out_and_checked() {
        let take = |deliver_to: Value| {
            let mut given = Map::new();
            given.insert(DELIVER_TO.to_owned(), deliver_to);
            take_delivery(&mut given).map(|details| (details, given))
        };
        let whole = json!({ "name": "王小明", "phone": "138 0013 8000", "address": "上海" });
        let (details, given) = take(whole.clone()).unwrap();
        assert_eq!(
            given.keys().collect::<Vec<_>>(),
            ["buyer", "coupons"],
            "the address is not in the command"
        );
        assert_eq!((details.name.as_str(), details.address.as_str()), ("王小明", "上海"));
        for (name, value) in [
            ("phone", json!("12")),
            ("phone", json!(13_800_138_000_u64)),
            ("name", json!(" ")),
            ("address", json!("x".repeat(2_000))),
            ("colour", json!("red")),
        ] {
            let mut wrong = whole.clone();
            wrong[name] = value;
            assert!(take(wrong).is_err(), "{name}");
        }
        assert!(take(json!("上海")).is_err() && take_delivery(&mut Map::new()).is_err());
    }
}
