//! The shop window: public pages without sign-in and without scripts. What is shown are offers that
//! are listed; a cart is in the browser's cookie; an order is a checkout of the market, given by
//! Doorstep itself.

mod cart;
mod catalogue;
mod checkout;
mod labels;
mod offers;
pub(crate) mod pictures;
mod quoting;
mod tracking;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::routing::{MethodFilter, MethodRouter};
use books::Sha256Digest;
use market::{CategoryId, UNITS_PER_ORDER_MAX, VariantId};
use office::SignedInGiver;
use pages::shop::{CartItem, CartPage, ShopMessagePage};
use pages::{PageFrame, PageWords};

use crate::app::{App, HttpAnswer};
use crate::console::{Form, Visit, console_frame, go_to, html, wants_page};
use crate::handlers::views::read;
use crate::prefixes::without_prefix;
use crate::problem::{Problem, ProblemKind};
use crate::query::QueryParameters;

use cart::{COUPON_CHARACTERS_MAX, COUPONS_MAX, CartFault, ShopCart};
use catalogue::Catalogue;
use labels::plain;
use listings::PictureSize;
use offers::{offer_path, picture};
use quoting::{PriceAsker, PricedCart, priced};

pub(crate) use tracking::page as tracking_page;

pub(crate) const SHOP_PATH: &str = "/shop";
const CART_PATH: &str = "/shop/cart";
const CHECKOUT_PATH: &str = "/shop/checkout";

/// What a category of offers is called.
#[derive(Clone, Debug)]
pub struct ShopCategory {
    pub id: CategoryId,
    pub en: String,
    pub zh: String,
}

/// That there is a shop window, and what it shows besides offers.
#[derive(Clone, Debug, Default)]
pub struct ShopSettings {
    pub categories: Vec<ShopCategory>,
}

/// The state of the shop window.
pub(crate) struct ShopWindow {
    settings: ShopSettings,
    catalogue: Mutex<Catalogue>,
}

impl ShopWindow {
    pub fn new(settings: ShopSettings) -> ShopWindow {
        ShopWindow { settings, catalogue: Mutex::new(Catalogue::new()) }
    }

    fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn has_picture(&self, picture: Sha256Digest) -> bool {
        self.catalogue().has_picture(picture)
    }

    fn category_name(&self, words: PageWords, id: CategoryId) -> String {
        let named = self.settings.categories.iter().find(|one| one.id == id);
        match named {
            Some(one) if words.is_zh() => one.zh.clone(),
            Some(one) => one.en.clone(),
            None => words.fill("shop.category", &[("n", &id)]),
        }
    }
}

/// A page of the shop window.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ShopPage {
    List,
    Offer,
    ShopCart,
    ChangeCart,
    Checkout,
    Order,
    Ordered,
}

/// A visit with its cart.
struct ShopVisit {
    visit: Visit,
    cart: ShopCart,
    /// A cart was sent that cannot be read.
    is_broken: bool,
}

pub(crate) fn add(
    mut router: Router,
    app: &Arc<App>,
    on: impl Fn(MethodRouter, MethodFilter, ShopPage) -> MethodRouter,
) -> Router {
    let shared = app.clone();
    let picture = move |request: Request| pictures::answer(shared.clone(), request);
    router = router.route(pictures::PATH, MethodRouter::new().on(MethodFilter::GET, picture));
    if app.shop.is_none() {
        return router;
    }
    let get = |page| on(MethodRouter::new(), MethodFilter::GET, page);
    let both = |page, posted| on(get(page), MethodFilter::POST, posted);
    router
        .route(SHOP_PATH, get(ShopPage::List))
        .route("/shop/offers/{offer}", get(ShopPage::Offer))
        .route(CART_PATH, both(ShopPage::ShopCart, ShopPage::ChangeCart))
        .route(CHECKOUT_PATH, both(ShopPage::Checkout, ShopPage::Order))
        .route("/shop/orders/{order}", get(ShopPage::Ordered))
}

/// Lets the catalogue follow the views. Blocks.
fn refresh(app: &App, giver: &SignedInGiver) -> Result<(), Problem> {
    let shop = app.shop.as_ref().ok_or(ProblemKind::NoSuchPath)?;
    let mut catalogue = shop.catalogue();
    read(app, giver, |reader| catalogue.follow(reader, &app.listings))
}

fn frame(visit: &Visit) -> PageFrame {
    console_frame(visit)
}

pub(crate) async fn show(visit: Visit, page: ShopPage) -> HttpAnswer {
    let (cart, is_broken) = ShopCart::of(&visit.call.parts.headers, &visit.call.app.store)?;
    let around = frame(&visit);
    let (headers, units) = (visit.call.parts.headers.clone(), cart.units());
    let visit = ShopVisit { visit, cart, is_broken };
    let answer = match page {
        ShopPage::List => offers::list(visit).await,
        ShopPage::Offer => offers::one(visit).await,
        ShopPage::ShopCart => cart_page(&visit, Vec::new(), None, StatusCode::OK).await,
        ShopPage::ChangeCart => change_cart(visit).await,
        ShopPage::Checkout => checkout::form(visit).await,
        ShopPage::Order => checkout::order(visit).await,
        ShopPage::Ordered => checkout::ordered(visit).await,
    };
    match answer {
        Err(problem) if wants_page(&headers) && !problem.status().is_server_error() => {
            said(around, units, &problem)
        }
        answer => answer,
    }
}

/// What is wrong, as a page of the shop window.
fn said(mut frame: PageFrame, units: u64, problem: &Problem) -> HttpAnswer {
    let words = frame.words;
    let key =
        if problem.status() == StatusCode::NOT_FOUND { "error.not_found" } else { "error.title" };
    frame.title = words.get(key).to_owned();
    let text = problem.detail(words.0).to_owned();
    let (href, link) = (SHOP_PATH, words.get("shop.all"));
    html(&ShopMessagePage { frame, units, text, href, link }, problem.status())
}

/// One sentence in the place of a page.
fn message(
    visit: &Visit,
    cart: &ShopCart,
    title: &str,
    text: &str,
    status: StatusCode,
) -> HttpAnswer {
    let text = visit.words().get(text).to_owned();
    message_of(visit, cart, title, text, status)
}

fn message_of(
    visit: &Visit,
    cart: &ShopCart,
    title: &str,
    text: String,
    status: StatusCode,
) -> HttpAnswer {
    let mut frame = frame(visit);
    let words = frame.words;
    frame.title = words.get(title).to_owned();
    let (href, link) = match title {
        "shop.old_form_title" | "shop.not_ordered_title" => (CART_PATH, words.get("shop.cart")),
        _ => (SHOP_PATH, words.get("shop.all")),
    };
    html(&ShopMessagePage { frame, units: cart.units(), text, href, link }, status)
}

fn fault_text(words: PageWords, fault: CartFault) -> String {
    let (n, most) = (COUPONS_MAX, COUPON_CHARACTERS_MAX);
    match fault {
        CartFault::Lines => words.fill("shop.many_lines", &[("n", &market::CART_LINES_MAX)]),
        CartFault::Units => words.fill("shop.many_units", &[("n", &UNITS_PER_ORDER_MAX)]),
        CartFault::Coupons => words.fill("shop.many_coupons", &[("n", &n), ("most", &most)]),
    }
}

fn variant_of(text: &str) -> Option<VariantId> {
    without_prefix("VariantId", text).unwrap_or(text).parse().ok()
}

/// A quantity as a person types it. What is no number is none.
fn quantity_of(text: &str) -> u64 {
    let digits = pages::forms::plain_digits(text);
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Adds an offer, sets quantities, takes lines out, or takes coupon codes.
async fn change_cart(mut visit: ShopVisit) -> HttpAnswer {
    QueryParameters::read(visit.visit.call.parts.uri.query(), &[])?;
    let form = Form::of(&mut visit.visit.call).await?;
    let words = visit.visit.words();
    let before = visit.cart.clone();
    let changed = if !form.get("offer").is_empty() {
        let offer = form.get("offer");
        let offer = without_prefix("OfferId", offer).unwrap_or(offer).parse();
        let offer = offer.map_err(|_| ProblemKind::NoSuchRecord)?;
        let added = match variant_of(form.get("variant")) {
            None => Err(words.get("shop.variant").to_owned()),
            Some(variant) => match other_currency(&visit, variant).await? {
                Some(error) => Err(error),
                None => {
                    let added = visit.cart.add(variant, quantity_of(form.get("quantity")));
                    added.map_err(|fault| fault_text(words, fault))
                }
            },
        };
        if let Err(error) = added {
            visit.cart = before;
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return offers::shown(&visit, offer, Some(error), status).await;
        }
        Ok(())
    } else if let Some(variant) = variant_of(form.get("remove")) {
        visit.cart.remove(variant);
        Ok(())
    } else if form.pairs().any(|(name, _)| name == "coupons") {
        visit.cart.use_coupons(form.get("coupons"))
    } else {
        let mut set = form.pairs().filter_map(|(name, value)| {
            Some((variant_of(name.strip_prefix("quantity.")?)?, quantity_of(value)))
        });
        let cart = &mut visit.cart;
        set.try_for_each(|(variant, quantity)| match cart.has(variant) {
            // Others can only come from a form that is not ours.
            true => cart.set(variant, quantity),
            false => Ok(()),
        })
    };
    if let Err(fault) = changed {
        visit.cart = before;
        let error = fault_text(words, fault);
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return match fault {
            CartFault::Coupons => cart_page(&visit, Vec::new(), Some(error), status).await,
            _ => cart_page(&visit, vec![error], None, status).await,
        };
    }
    let mut response = go_to(CART_PATH)?;
    let cookie = visit.cart.cookie(&visit.visit.call.app.store)?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Why a variant does not go with what is in the cart: a cart has one currency.
async fn other_currency(visit: &ShopVisit, variant: VariantId) -> Result<Option<String>, Problem> {
    let first = visit.cart.lines.first().map(|line| line.variant());
    let Some(first) = first else { return Ok(None) };
    let look = move |engine: &engine::Engine| {
        [first, variant].map(|id| engine.market().variant_view(id).map(|one| one.currency))
    };
    let found = visit.visit.call.app.workers.run(move |giver| giver.client.query(look)).await?;
    let words = visit.visit.words();
    Ok(match found.map_err(Problem::internal)?.0 {
        [Some(have), Some(other)] if have != other => {
            Some(words.fill("shop.other_currency", &[("have", &have), ("other", &other)]))
        }
        _ => None,
    })
}

/// The price of the cart of a visit.
async fn price_of(visit: &ShopVisit, buyer: Option<String>) -> Result<PricedCart, Problem> {
    let (app, cart) = (visit.visit.call.app.clone(), visit.cart.clone());
    let asker = PriceAsker { words: visit.visit.words(), buyer };
    let priced = visit.visit.call.app.workers.run(move |giver| {
        refresh(&app, giver)?;
        priced(&app, giver, &cart.lines, &cart.coupons, &asker)
    });
    priced.await?
}

async fn cart_page(
    visit: &ShopVisit,
    mut notices: Vec<String>,
    coupon_error: Option<String>,
    status: StatusCode,
) -> HttpAnswer {
    QueryParameters::read(visit.visit.call.parts.uri.query(), &[])?;
    let words = visit.visit.words();
    let priced = price_of(visit, None).await?;
    if visit.is_broken {
        notices.push(words.get("shop.broken_cart").to_owned());
    }
    notices.extend(priced.refused.clone());
    let mut items: Vec<CartItem> = priced.sold.iter().map(|line| item(words, line)).collect();
    for (entry, name) in &priced.gone {
        let id = format!("var_{}", entry.variant());
        let remove = words.fill("shop.remove_one", &[("title", name), ("sku", &"")]);
        items.push(CartItem {
            title: words.fill("shop.no_longer", &[("title", name)]),
            href: CART_PATH.to_owned(),
            language: None,
            picture: String::new(),
            note: String::new(),
            price: String::new(),
            quantity: entry.quantity.to_string(),
            remove,
            id,
        });
    }
    let bad_coupon = priced.bad_coupon.as_ref();
    let bad_coupon = bad_coupon.map(|code| words.fill("shop.bad_coupon", &[("code", code)]));
    let mut frame = frame(&visit.visit);
    frame.title = words.get("shop.cart").to_owned();
    let page = CartPage {
        frame,
        units: visit.cart.units(),
        notices,
        items,
        coupons: visit.cart.coupons.join(" "),
        coupon_error: coupon_error.or(bad_coupon),
        quote: priced.quote.map(|(_, shown)| shown),
    };
    let mut response = html(&page, status)?;
    if visit.is_broken {
        let cookie = visit.cart.cookie(&visit.visit.call.app.store)?;
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn item(words: PageWords, line: &quoting::SoldLine) -> CartItem {
    let currency = line.offer.currency;
    let each = plain(line.variant.price, currency);
    let values: [(&str, &dyn std::fmt::Display); 4] = [
        ("sku", &line.variant.sku),
        ("price", &each),
        ("currency", &currency),
        ("seller", &line.offer.seller),
    ];
    let all = line.variant.price.minor() * u64::from(line.entry.quantity);
    let remove: [(&str, &dyn std::fmt::Display); 2] =
        [("title", &line.text.title), ("sku", &line.variant.sku)];
    CartItem {
        id: format!("var_{}", line.variant.id),
        href: offer_path(line.offer.offer),
        title: line.text.title.clone(),
        language: line.text.language.clone(),
        picture: picture(&line.text, PictureSize::Small),
        note: words.fill("shop.item", &values),
        price: pages::shop::price(all, currency.code()),
        quantity: line.entry.quantity.to_string(),
        remove: words.fill("shop.remove_one", &remove),
    }
}
