//! The cart: in a cookie of the browser, signed, and nowhere else. So is what a form of the
//! checkout was made for.

use access::AccessStore;
use axum::http::{HeaderMap, HeaderValue};
use base64ct::{Base64UrlUnpadded, Encoding};
use borsh::{BorshDeserialize, BorshSerialize};
use market::{CART_LINES_MAX, UNITS_PER_ORDER_MAX, VariantId};

use crate::app::cookie_value;
use crate::problem::{Problem, ProblemKind};

pub(super) const CART_COOKIE: &str = "__Host-doorstep-cart";
const CART_SECONDS: u32 = 30 * 86_400;
/// Of a cookie, as browsers keep it.
const SEALED_BYTES_MAX: usize = 4_000;
/// Of the signed text in hexadecimal.
const MAC_CHARACTERS: usize = 32;
const CART: &str = "shop cart";
const FORM: &str = "shop form";

/// Coupon codes in a cart, and characters of one.
pub(super) const COUPONS_MAX: usize = 5;
pub(super) const COUPON_CHARACTERS_MAX: usize = 32;

/// What a visitor wants to buy.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct ShopCart {
    /// Of the visitor's browser: forms are made for it.
    pub id: [u8; 16],
    pub lines: Vec<CartEntry>,
    pub coupons: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct CartEntry {
    variant: u64,
    pub quantity: u16,
}

impl CartEntry {
    pub fn variant(self) -> VariantId {
        VariantId(self.variant)
    }
}

/// What a form of the checkout is for: a buyer sends it once or several times, and it is one order.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct CheckoutForm {
    /// Whose form it is.
    pub cart: [u8; 16],
    /// Names the order.
    pub key: [u8; 16],
    pub currency: String,
    pub lines: Vec<CartEntry>,
    pub coupons: Vec<String>,
    /// What was shown.
    pub total: u64,
}

/// Why a cart cannot be changed so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CartFault {
    Lines,
    Units,
    Coupons,
}

pub(super) fn random_id() -> Result<[u8; 16], Problem> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(Problem::internal)?;
    Ok(id)
}

fn sealed(store: &AccessStore, kind: &str, of: &impl BorshSerialize) -> Result<String, Problem> {
    let bytes = borsh::to_vec(of).map_err(Problem::internal)?;
    let text = Base64UrlUnpadded::encode_string(&bytes);
    let mac = store.token(kind, &text).map_err(|_| ProblemKind::NotSetUp)?;
    Ok(format!("{text}.{}", base16ct::lower::encode_string(&mac)))
}

fn opened<T: BorshDeserialize>(store: &AccessStore, kind: &str, sealed: &str) -> Option<T> {
    let (text, mac) = sealed.rsplit_once('.').filter(|_| sealed.len() <= SEALED_BYTES_MAX)?;
    let is_ours = mac.len() == MAC_CHARACTERS && store.is_token(kind, text, mac).ok()?;
    let bytes = Base64UrlUnpadded::decode_vec(text).ok().filter(|_| is_ours)?;
    borsh::from_slice(&bytes).ok()
}

impl ShopCart {
    /// The cart of a request, and whether one was sent that cannot be read. A new one has an
    /// identifier of its own.
    pub fn of(headers: &HeaderMap, store: &AccessStore) -> Result<(ShopCart, bool), Problem> {
        let sent = cookie_value(headers, CART_COOKIE);
        match sent.map(|sent| opened(store, CART, sent)) {
            Some(Some(cart)) => Ok((cart, false)),
            other => Ok((ShopCart { id: random_id()?, ..ShopCart::default() }, other.is_some())),
        }
    }

    /// For the header Set-Cookie.
    pub fn cookie(&self, store: &AccessStore) -> Result<HeaderValue, Problem> {
        let sealed = sealed(store, CART, self)?;
        let flags = "Path=/; Secure; HttpOnly; SameSite=Lax";
        let cookie = format!("{CART_COOKIE}={sealed}; {flags}; Max-Age={CART_SECONDS}");
        HeaderValue::from_str(&cookie).map_err(Problem::internal)
    }

    pub fn units(&self) -> u64 {
        self.lines.iter().map(|line| u64::from(line.quantity)).sum()
    }

    /// Sets how many units of a variant are in it.
    pub fn set(&mut self, variant: VariantId, quantity: u64) -> Result<(), CartFault> {
        let others = self.lines.iter().filter(|line| line.variant != variant.0);
        let others: u64 = others.map(|line| u64::from(line.quantity)).sum();
        let most = u64::from(UNITS_PER_ORDER_MAX).saturating_sub(others);
        let quantity = Some(quantity).filter(|quantity| (1..=most).contains(quantity));
        let quantity = quantity.and_then(|quantity| u16::try_from(quantity).ok());
        let quantity = quantity.ok_or(CartFault::Units)?;
        let is_full = self.lines.len() >= CART_LINES_MAX;
        match self.lines.iter_mut().find(|line| line.variant == variant.0) {
            Some(line) => line.quantity = quantity,
            None if is_full => return Err(CartFault::Lines),
            None => self.lines.push(CartEntry { variant: variant.0, quantity }),
        }
        Ok(())
    }

    /// Adds units of a variant.
    pub fn add(&mut self, variant: VariantId, quantity: u64) -> Result<(), CartFault> {
        let has = self.lines.iter().find(|line| line.variant == variant.0);
        let has = has.map_or(0, |line| u64::from(line.quantity));
        if quantity == 0 {
            return Err(CartFault::Units);
        }
        self.set(variant, has.saturating_add(quantity))
    }

    pub fn has(&self, variant: VariantId) -> bool {
        self.lines.iter().any(|line| line.variant == variant.0)
    }

    pub fn remove(&mut self, variant: VariantId) {
        self.lines.retain(|line| line.variant != variant.0);
    }

    /// Takes the codes as a person types them.
    pub fn use_coupons(&mut self, text: &str) -> Result<(), CartFault> {
        self.coupons = read_coupons(text)?;
        Ok(())
    }
}

/// Codes with blanks or commas between them, in capital letters.
pub(super) fn read_coupons(text: &str) -> Result<Vec<String>, CartFault> {
    let mut codes: Vec<String> = Vec::new();
    for code in text.split(|c: char| c.is_whitespace() || ",，;；".contains(c)) {
        let code = code.to_uppercase();
        if code.chars().count() > COUPON_CHARACTERS_MAX || codes.len() > COUPONS_MAX {
            return Err(CartFault::Coupons);
        }
        if !code.is_empty() && !codes.contains(&code) {
            codes.push(code);
        }
    }
    if codes.len() > COUPONS_MAX { Err(CartFault::Coupons) } else { Ok(codes) }
}

impl CheckoutForm {
    pub fn sealed(&self, store: &AccessStore) -> Result<String, Problem> {
        sealed(store, FORM, self)
    }

    pub fn opened(sealed: &str, store: &AccessStore) -> Option<CheckoutForm> {
        opened(store, FORM, sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cart_has_at_most_what_an_order_can_have() {
        let mut cart = ShopCart::default();
        for wrong in [0, 1_001, 1 << 63, u64::MAX] {
            assert_eq!(cart.add(VariantId(1), wrong), Err(CartFault::Units), "{wrong}");
        }
        cart.add(VariantId(1), 600).unwrap();
        assert_eq!(cart.add(VariantId(2), 401), Err(CartFault::Units));
        cart.add(VariantId(1), 400).unwrap();
        assert_eq!((cart.units(), cart.lines.len()), (1_000, 1));
        cart.set(VariantId(1), 1).unwrap();
        for variant in 2..=100 {
            cart.add(VariantId(variant), 1).unwrap();
        }
        assert_eq!(cart.add(VariantId(101), 1), Err(CartFault::Lines));
        cart.remove(VariantId(7));
        assert_eq!(cart.units(), 99);
    }

    #[test]
    fn the_largest_cart_fits_into_a_cookie() {
        let mut cart = ShopCart::default();
        for variant in 0..100 {
            cart.add(VariantId(u64::MAX - variant), 10).unwrap();
        }
        let code = "券".repeat(COUPON_CHARACTERS_MAX);
        let codes: Vec<String> = (0..COUPONS_MAX).map(|n| format!("{n}{}", &code[3..])).collect();
        cart.use_coupons(&codes.join(" ")).unwrap();
        assert_eq!(cart.coupons.len(), COUPONS_MAX);
        let bytes = borsh::to_vec(&cart).unwrap();
        let whole = bytes.len().div_ceil(3) * 4 + 1 + MAC_CHARACTERS;
        assert!(whole <= SEALED_BYTES_MAX - CART_COOKIE.len(), "{whole} bytes");
        assert_eq!(read_coupons(&format!("{} x", codes.join(","))), Err(CartFault::Coupons));
        assert_eq!(read_coupons(&"x".repeat(33)), Err(CartFault::Coupons));
        assert_eq!(read_coupons(" tea10，TEA10 ").unwrap(), ["TEA10"]);
    }
}
