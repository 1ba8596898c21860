//! The checkout: who gets the parcels, what was shown, and the order with its links. A form names
//! its order, so the same form sent twice is one order.

use std::time::{Duration, Instant};

use axum::http::{HeaderValue, StatusCode, header};
use books::ParcelId;
use engine::{Engine, Refusal, Timestamp};
use files::orders::{BUYER_TEXT_BYTES_MAX, BuyerDetails};
use market::{MarketRefusal, OrderId};
use money::Currency;
use node::{Clock, SystemClock};
use office::OfficeError;
use pages::shop::{CheckoutField, CheckoutPage, OrderPage, OrderedParcel};

use super::cart::{CheckoutForm, ShopCart, random_id, read_coupons};
use super::labels::with_currency;
use super::quoting::{PriceAsker, PricedCart, fields, obstacle, priced};
use super::{CART_PATH, ShopVisit, fault_text, refresh};
use crate::app::HttpAnswer;
use crate::console::{Form, go_to, html};
use crate::handlers::checkout::{LateCheckout, order_of_form, place_for_form};
use crate::handlers::market::{LINK_MS, plain_phone, tracking_path};
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;
use crate::senders::Sender;

/// The same form again waits for the first one.
const SENT_TWICE_WAIT: Duration = Duration::from_secs(5);
const SENT_TWICE_POLL: Duration = Duration::from_millis(50);
const ORDERS_PATH: &str = "/shop/orders/";
/// Of the address of an order that was told a place in the line.
const IN_LINE: &str = "line";
/// Seconds.
const LOOKS_AGAIN: HeaderValue = HeaderValue::from_static("2");
/// Of the token in an order's address.
const ORDER: &str = "shop order";

/// What a buyer typed.
#[derive(Clone, Default)]
struct Typed {
    name: String,
    phone: String,
    address: String,
    coupons: String,
}

/// What is wrong, and what has changed.
#[derive(Default)]
struct Answered {
    /// By field; without one of the whole.
    problems: Vec<(&'static str, String)>,
    changed: Option<String>,
}

pub(super) async fn form(visit: ShopVisit) -> HttpAnswer {
    QueryParameters::read(visit.visit.call.parts.uri.query(), &[])?;
    let typed = Typed { coupons: visit.cart.coupons.join(" "), ..Typed::default() };
    ask(&visit, typed, Answered::default(), StatusCode::OK).await
}

/// The form, with the price of this moment.
async fn ask(
    visit: &ShopVisit,
    typed: Typed,
    mut answered: Answered,
    mut status: StatusCode,
) -> HttpAnswer {
    let call = &visit.visit.call;
    let buyer = plain_phone(&typed.phone).map(|plain| call.app.store.token("buyer", &plain));
    let buyer = buyer.transpose().map_err(Problem::internal)?;
    let buyer = buyer.map(|token| base16ct::lower::encode_string(&token));
    let PricedCart { sold, currency, quote, refused, bad_coupon, .. } =
        super::price_of(visit, buyer).await?;
    let words = visit.visit.words();
    let (Some((quote, shown)), Some(currency)) = (quote, currency) else {
        return match refused {
            Some(_) => go_to(CART_PATH),
            None => super::cart_page(visit, Vec::new(), None, StatusCode::OK).await,
        };
    };
    if let Some(code) = bad_coupon {
        let text = words.fill("shop.bad_coupon", &[("code", &code)]);
        answered.problems.push(("coupons", text));
        status = status.max(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let form = CheckoutForm {
        cart: visit.cart.id,
        key: random_id()?,
        currency: currency.code().to_owned(),
        lines: sold.iter().map(|line| line.entry).collect(),
        coupons: visit.cart.coupons.clone(),
        total: quote.total.minor(),
    };
    let mut frame = super::frame(&visit.visit);
    frame.title = words.get("shop.checkout").to_owned();
    let error = |name: &str| {
        let found = answered.problems.iter().find(|(field, _)| *field == name);
        found.map(|(_, text)| text.clone())
    };
    let field = |name, label: &str, value: &str, attributes| CheckoutField {
        name,
        label: words.get(label),
        value: value.to_owned(),
        attributes,
        error: error(name),
    };
    let fields = vec![
        field("name", "shop.name_field", &typed.name, r#"required autocomplete="name""#),
        field(
            "phone",
            "shop.phone",
            &typed.phone,
            r#"type="tel" required autocomplete="tel" maxlength="40""#,
        ),
        field("address", "shop.address", &typed.address, ""),
        field("coupons", "shop.coupons", &typed.coupons, r#"autocomplete="off""#),
    ];
    let total: [(&str, &dyn std::fmt::Display); 2] =
        [("total", &shown.total), ("currency", &shown.currency)];
    let page = CheckoutPage {
        units: visit.cart.units(),
        form: form.sealed(&call.app.store)?,
        submit: words.fill("shop.order", &total),
        fields,
        problems: answered
            .problems
            .iter()
            .map(|(name, text)| ((*name).to_owned(), text.clone()))
            .collect(),
        changed: answered.changed,
        quote: shown,
        frame,
    };
    let mut response = html(&page, status)?;
    // The form is of this browser.
    let cookie = visit.cart.cookie(&call.app.store)?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

pub(super) async fn order(mut visit: ShopVisit) -> HttpAnswer {
    QueryParameters::read(visit.visit.call.parts.uri.query(), &[])?;
    let form = Form::of(&mut visit.visit.call).await?;
    let (call, words) = (&visit.visit.call, visit.visit.words());
    let sent = CheckoutForm::opened(form.get("form"), &call.app.store);
    // Another site has no form of this browser.
    let Some(sent) = sent.filter(|sent| sent.cart == visit.cart.id) else {
        let status = StatusCode::FORBIDDEN;
        let (title, text) = ("shop.old_form_title", "shop.old_form");
        return super::message(&visit.visit, &visit.cart, title, text, status);
    };
    let text = |name: &str| form.get(name).trim().to_owned();
    let typed = Typed {
        name: text("name"),
        phone: text("phone"),
        address: text("address"),
        coupons: text("coupons"),
    };
    // From here on the cart is what the form was made for.
    let emptied = ShopCart { id: visit.cart.id, ..ShopCart::default() };
    visit.cart =
        ShopCart { lines: sent.lines.clone(), coupons: sent.coupons.clone(), ..emptied.clone() };
    let fits = |text: &str| !text.is_empty() && text.len() <= BUYER_TEXT_BYTES_MAX;
    let mut problems = Vec::new();
    if !fits(&typed.name) {
        problems.push(("name", words.get("shop.need_name").to_owned()));
    }
    if plain_phone(&typed.phone).is_none() || !fits(&typed.phone) {
        problems.push(("phone", words.get("shop.need_phone").to_owned()));
    }
    if !fits(&typed.address) {
        let text = words.fill("shop.need_address", &[("n", &BUYER_TEXT_BYTES_MAX)]);
        problems.push(("address", text));
    }
    let coupons = match read_coupons(&typed.coupons) {
        Ok(codes) => codes,
        Err(fault) => {
            problems.push(("coupons", fault_text(words, fault)));
            sent.coupons.clone()
        }
    };
    let has_other_coupons = coupons != sent.coupons;
    visit.cart.coupons = coupons;
    if !problems.is_empty() {
        let answered = Answered { problems, changed: None };
        return ask(&visit, typed, answered, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    if has_other_coupons {
        return again(&visit, typed, &sent, "shop.coupons_changed").await;
    }
    let key = base16ct::lower::encode_string(&sent.key);
    let id = order_of_form(&key)?;
    match place(&visit, &sent, &typed, &key).await? {
        Placed::Ordered => ordered_address(&visit, id, &emptied),
        Placed::InLine => go_to(&format!("{}?{IN_LINE}=1", address_of(&visit, id)?)),
        Placed::PriceChanged => again(&visit, typed, &sent, "shop.changed").await,
        Placed::Refused(text) => {
            let answered = Answered { problems: vec![("", text)], changed: None };
            ask(&visit, typed, answered, StatusCode::CONFLICT).await
        }
    }
}

/// What became of a form.
enum Placed {
    Ordered,
    InLine,
    PriceChanged,
    Refused(String),
}

async fn place(
    visit: &ShopVisit,
    sent: &CheckoutForm,
    typed: &Typed,
    key: &str,
) -> Result<Placed, Problem> {
    let call = &visit.visit.call;
    let words = visit.visit.words();
    let currency: Currency = sent.currency.parse().map_err(|_| ProblemKind::BadValue)?;
    let plain = plain_phone(&typed.phone).unwrap_or_default();
    let buyer = call.app.store.token("buyer", &plain).map_err(Problem::internal)?;
    let asker = PriceAsker { words, buyer: Some(base16ct::lower::encode_string(&buyer)) };
    let (app, of) = (call.app.clone(), sent.clone());
    let looked = call.app.workers.run(move |giver| {
        refresh(&app, giver)?;
        let now = priced(&app, giver, &of.lines, &of.coupons, &asker)?;
        let given = fields(&app, &now.sold, currency, &of.coupons, &asker)?;
        Ok::<_, Problem>((now, given))
    });
    let (now, mut given) = looked.await??;
    let id = order_of_form(key)?;
    let is_placed = is_placed(visit, id).await?;
    if is_placed {
        return Ok(Placed::Ordered);
    }
    if now.sold.len() < sent.lines.len() || now.bad_coupon.is_some() {
        return Ok(Placed::PriceChanged);
    }
    given.insert("total".to_owned(), sent.total.into());
    let Typed { name, phone, address, .. } = typed.clone();
    let delivery = BuyerDetails { name, phone, address };
    let until = Instant::now() + SENT_TWICE_WAIT;
    let sender = Sender::at(call.address);
    let done = loop {
        let placed = place_for_form(&call.app, sender, key, given.clone(), delivery.clone()).await;
        match placed {
            Err(problem) if problem.name() == ProblemKind::InLine.name() => {
                // Unless it is another order of this buyer that waits.
                return Ok(match call.app.checkouts.find(id) {
                    Some(_) => Placed::InLine,
                    None => Placed::Refused(problem.detail(call.language).to_owned()),
                });
            }
            // A second click: the first one is being carried out.
            Err(problem)
                if problem.name() == ProblemKind::KeyInUse.name() && Instant::now() < until =>
            {
                tokio::time::sleep(SENT_TWICE_POLL).await;
            }
            placed => break placed?,
        }
    };
    match done {
        Ok(_) => Ok(Placed::Ordered),
        Err(OfficeError::Refused { refusal, .. }) => Ok(match &refusal.refusal.refusal {
            Refusal::Market(MarketRefusal::PriceChanged(..)) => Placed::PriceChanged,
            _ => Placed::Refused(obstacle(&call.app, &now.sold, &refusal.refusal, words)),
        }),
        // The same form with another address: the first one counts.
        Err(OfficeError::RequestKeyTaken) => Ok(Placed::Ordered),
        Err(error) => Err(Problem::of_office(error, call.app.texts.chinese)),
    }
}

async fn is_placed(visit: &ShopVisit, id: OrderId) -> Result<bool, Problem> {
    let look = move |engine: &Engine| engine.market().order_view(id).is_some();
    let found = visit.visit.call.app.workers.run(move |giver| giver.client.query(look)).await?;
    Ok(found.map_err(Problem::internal)?.0)
}

/// The form again, with what the total is now.
async fn again(visit: &ShopVisit, typed: Typed, sent: &CheckoutForm, key: &str) -> HttpAnswer {
    let words = visit.visit.words();
    let buyer = plain_phone(&typed.phone).unwrap_or_default();
    let buyer = visit.visit.call.app.store.token("buyer", &buyer).map_err(Problem::internal)?;
    let buyer = Some(base16ct::lower::encode_string(&buyer));
    let now = super::price_of(visit, buyer).await?;
    let changed = now.quote.as_ref().map(|(quote, shown)| {
        let before = pages::shop::price(sent.total, quote.currency.code());
        let values: [(&str, &dyn std::fmt::Display); 3] =
            [("before", &before), ("now", &shown.total), ("currency", &shown.currency)];
        words.fill(key, &values)
    });
    let answered = Answered { problems: Vec::new(), changed };
    ask(visit, typed, answered, StatusCode::CONFLICT).await
}

/// The address of the page of an order.
fn address_of(visit: &ShopVisit, id: OrderId) -> Result<String, Problem> {
    let mac = visit.visit.call.app.store.token(ORDER, &id.to_string());
    let mac = base16ct::lower::encode_string(&mac.map_err(Problem::internal)?);
    Ok(format!("{ORDERS_PATH}ord_{id}-{mac}"))
}

/// Goes to the page of the order. The cart is empty from now on.
fn ordered_address(visit: &ShopVisit, id: OrderId, emptied: &ShopCart) -> HttpAnswer {
    let mut response = go_to(&address_of(visit, id)?)?;
    let cookie = emptied.cookie(&visit.visit.call.app.store)?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// The page of an order that was told a place in the line. It looks again by itself.
fn waiting(visit: &ShopVisit, id: OrderId) -> HttpAnswer {
    let (call, words) = (&visit.visit.call, visit.visit.words());
    let text = match call.app.checkouts.find(id) {
        Some(LateCheckout::UnderWay(Some(place))) => words.fill("shop.in_line", &[("n", &place)]),
        Some(LateCheckout::UnderWay(None)) => words.get("shop.under_way").to_owned(),
        other => {
            let why = match &other {
                Some(LateCheckout::Refused(why)) => why.in_language(call.language),
                // Doorstep was started anew.
                _ => "",
            };
            let text = words.fill("shop.not_ordered", &[("why", &why)]);
            let (title, status) = ("shop.not_ordered_title", StatusCode::CONFLICT);
            return super::message_of(&visit.visit, &visit.cart, title, text, status);
        }
    };
    let (title, status) = ("shop.in_line_title", StatusCode::OK);
    let mut page = super::message_of(&visit.visit, &visit.cart, title, text, status)?;
    page.headers_mut().insert(header::REFRESH, LOOKS_AGAIN);
    Ok(page)
}

type PlacedOrder = (Timestamp, Currency, Vec<(ParcelId, String, money::Amount)>);

/// An order, for who has its address.
pub(super) async fn ordered(visit: ShopVisit) -> HttpAnswer {
    let call = &visit.visit.call;
    let asked = QueryParameters::read(call.parts.uri.query(), &[IN_LINE])?;
    let has_waited = asked.get(IN_LINE).is_some();
    let named = call.path_part(2)?;
    let no_such = || Problem::from(ProblemKind::NoSuchRecord);
    let (id, mac) = named.rsplit_once('-').ok_or_else(no_such)?;
    let id: OrderId = id.strip_prefix("ord_").and_then(|id| id.parse().ok()).ok_or_else(no_such)?;
    let is_ours = call.app.store.is_token(ORDER, &id.to_string(), mac);
    if !is_ours.map_err(Problem::internal)? {
        return Err(no_such());
    }
    let look = move |engine: &Engine| -> Option<PlacedOrder> {
        let order = engine.market().order_view(id)?;
        let seller = |id| engine.books().seller_reference(id).unwrap_or_default().to_owned();
        let parcels = order.parcels.iter().map(|one| (one.parcel, seller(one.seller), one.ordered));
        Some((order.placed_at, order.currency, parcels.collect()))
    };
    let found = call.app.workers.run(move |giver| giver.client.query(look)).await?;
    let found = found.map_err(Problem::internal)?.0;
    if has_waited {
        let emptied = ShopCart { id: visit.cart.id, ..ShopCart::default() };
        return match found {
            Some(_) => ordered_address(&visit, id, &emptied),
            None => waiting(&visit, id),
        };
    }
    let (placed_at, currency, parcels) = found.ok_or_else(no_such)?;
    if SystemClock.now() >= placed_at.plus_ms(LINK_MS) {
        return Err(no_such());
    }
    let mut frame = super::frame(&visit.visit);
    let words = frame.words;
    frame.title = words.get("shop.ordered").to_owned();
    let total: u64 = parcels.iter().map(|(.., due)| due.minor()).sum();
    let (total, count) = (pages::shop::price(total, currency.code()), parcels.len());
    let values: [(&str, &dyn std::fmt::Display); 3] =
        [("total", &total), ("currency", &currency), ("n", &count)];
    let lead = words.fill("shop.ordered_lead", &values);
    let shown = parcels.into_iter().map(|(parcel, seller, due)| {
        let href = tracking_path(&call.app, parcel, placed_at)?;
        Ok(OrderedParcel { seller, due: with_currency(due, currency), href })
    });
    let parcels: Result<Vec<_>, Problem> = shown.collect();
    let page = OrderPage { frame, units: visit.cart.units(), lead, parcels: parcels? };
    html(&page, StatusCode::OK)
}
