//! The shop window: lists, an offer, the cart with its quote, the checkout, and where a parcel is.
//! Amounts and sentences come ready.

use askama::Template;

use crate::forms::money;
use crate::{PageFrame, PageWords, Tone};

/// An amount without its currency. Nothing is `0`: a buyer reads a dash as a price that is missing.
#[must_use]
pub fn price(minor: u64, currency: &str) -> String {
    match minor {
        0 => "0".to_owned(),
        minor => money(minor.into(), currency),
    }
}

/// An offer in a list.
#[derive(Clone, Debug)]
pub struct WareCard {
    pub href: String,
    pub title: String,
    pub language: Option<String>,
    /// Empty without a picture.
    pub picture: String,
    /// Of the cheapest variant.
    pub price: String,
    /// Other variants cost more.
    pub is_least: bool,
    pub reference: Option<String>,
    pub currency: String,
    /// Promotions that hold now.
    pub tags: Vec<String>,
    pub seller: String,
    pub stock: Option<String>,
}

/// Offers, by a search or a category.
#[derive(Template)]
#[template(path = "shop/list.html")]
pub struct ShopListPage {
    pub frame: PageFrame,
    /// In the cart.
    pub units: u64,
    pub found: String,
    /// Address, name, and whether it is this one.
    pub categories: Vec<(String, String, bool)>,
    pub wares: Vec<WareCard>,
    pub earlier: Option<String>,
    pub later: Option<String>,
}

/// A variant that a buyer chooses.
#[derive(Clone, Debug)]
pub struct VariantChoice {
    pub id: String,
    pub sku: String,
    pub price: String,
    pub reference: Option<String>,
    /// Stock, and a flash price.
    pub note: String,
    pub can_buy: bool,
    pub is_chosen: bool,
}

#[derive(Template)]
#[template(path = "shop/offer.html")]
pub struct OfferPage {
    pub frame: PageFrame,
    pub units: u64,
    pub offer: String,
    pub language: Option<String>,
    pub description: String,
    /// Address and caption.
    pub pictures: Vec<(String, String)>,
    pub seller: String,
    pub tags: Vec<String>,
    /// What the policy says beside it.
    pub labels: Vec<String>,
    pub variants: Vec<VariantChoice>,
    pub currency: String,
    pub can_buy: bool,
    /// Days to return it, fee of delivery.
    pub terms: String,
    pub error: Option<String>,
}

/// What one seller sends.
#[derive(Clone, Debug)]
pub struct QuotedSeller {
    pub seller: String,
    pub goods: String,
    pub delivery: String,
}

/// A promotion that applied.
#[derive(Clone, Debug)]
pub struct AppliedLine {
    pub label: String,
    pub amount: String,
    /// To which units, and how much of it.
    pub lines: Vec<String>,
}

/// What a cart costs, and why.
#[derive(Clone, Debug)]
pub struct ShownQuote {
    pub parcels: Vec<QuotedSeller>,
    pub applied: Vec<AppliedLine>,
    /// A promotion, and why it does not apply.
    pub skipped: Vec<(String, String)>,
    pub total: String,
    pub currency: String,
    pub note: String,
    /// Why it cannot be ordered now.
    pub obstacles: Vec<String>,
}

/// Units of a variant in the cart.
#[derive(Clone, Debug)]
pub struct CartItem {
    pub id: String,
    pub href: String,
    pub title: String,
    pub language: Option<String>,
    pub picture: String,
    pub note: String,
    pub price: String,
    pub quantity: String,
    /// What the button that removes it is called.
    pub remove: String,
}

#[derive(Template)]
#[template(path = "shop/cart.html")]
pub struct CartPage {
    pub frame: PageFrame,
    pub units: u64,
    pub notices: Vec<String>,
    pub items: Vec<CartItem>,
    pub coupons: String,
    pub coupon_error: Option<String>,
    pub quote: Option<ShownQuote>,
}

/// A field of the checkout.
#[derive(Clone, Debug)]
pub struct CheckoutField {
    pub name: &'static str,
    pub label: &'static str,
    pub value: String,
    /// Of the input, fixed text.
    pub attributes: &'static str,
    pub error: Option<String>,
}

#[derive(Template)]
#[template(path = "shop/checkout.html")]
pub struct CheckoutPage {
    pub frame: PageFrame,
    pub units: u64,
    /// The field, or nothing, and what is wrong.
    pub problems: Vec<(String, String)>,
    pub changed: Option<String>,
    /// What was shown, sealed.
    pub form: String,
    pub fields: Vec<CheckoutField>,
    pub submit: String,
    pub quote: ShownQuote,
}

/// A parcel of an order that was placed.
#[derive(Clone, Debug)]
pub struct OrderedParcel {
    pub seller: String,
    pub due: String,
    pub href: String,
}

#[derive(Template)]
#[template(path = "shop/order.html")]
pub struct OrderPage {
    pub frame: PageFrame,
    pub units: u64,
    pub lead: String,
    pub parcels: Vec<OrderedParcel>,
}

/// Where a parcel is, for the holder of its link.
#[derive(Template)]
#[template(path = "shop/tracking.html")]
pub struct TrackingPage {
    pub frame: PageFrame,
    pub units: u64,
    pub tone: &'static str,
    pub state: String,
    pub lead: String,
    pub facts: Vec<(&'static str, String)>,
    /// Title, article and state of each unit.
    pub lines: Vec<(String, String, String)>,
    pub parcel: String,
}

/// One sentence in the place of a page: an offer that is not sold now, a form that is too old.
#[derive(Template)]
#[template(path = "shop/message.html")]
pub struct ShopMessagePage {
    pub frame: PageFrame,
    pub units: u64,
    pub text: String,
    pub href: &'static str,
    pub link: &'static str,
}

/// The state of a parcel in a buyer's words, what it means, and the class of its shape.
#[must_use]
pub fn parcel_state(words: PageWords, state: &str) -> (String, String, &'static str) {
    let name = words.word("parcels", state).unwrap_or(state).to_owned();
    let (key, tone) = match state {
        "delivered" => ("shop.is_delivered", Tone::Done),
        "refused" | "returned" | "cancelled" => ("shop.is_over", Tone::End),
        "lost" => ("shop.is_lost", Tone::Act),
        "out" => ("shop.is_out", Tone::Move),
        _ => ("shop.is_coming", Tone::Move),
    };
    (name, words.get(key).to_owned(), tone.class())
}
