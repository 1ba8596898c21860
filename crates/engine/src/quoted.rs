//! What a cart costs, and everything that keeps it from being ordered now.

use machine::Timestamp;
use market::MarketRefusal;
use market::quote::{Cart, Quote};
use money::Currency;

use crate::{Engine, Refusal};

/// A quote with the reasons for which the cart cannot be paid at the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedCart {
    pub quote: Quote,
    /// Empty: it can be ordered now.
    pub obstacles: Vec<Refusal>,
}

impl Engine {
    /// What a cart costs at a time, and why, and what a checkout would be refused for. Changes
    /// nothing.
    ///
    /// # Errors
    /// What has no price at all.
    pub fn quote(&self, cart: &Cart<'_>, at: Timestamp) -> Result<QuotedCart, Refusal> {
        let at = at.max(self.last_at());
        let quote = self.market.quote(cart, at)?;
        let mut obstacles: Vec<Refusal> = Vec::new();
        obstacles.extend(self.check_collected(cart.currency).err());
        let at_the_door = self.market.door_obstacles(cart.buyer, &quote, at)?;
        obstacles.extend(at_the_door.into_iter().map(Refusal::from));
        let suspended =
            |one: &market::quote::QuotedParcel| self.books.is_seller_suspended(one.seller);
        if quote.parcels.iter().any(suspended) {
            obstacles.push(Refusal::Books(books::Refusal::SellerSuspended));
        }
        obstacles.extend(self.market.stock_obstacle(cart, &quote, at).map(Refusal::from));
        Ok(QuotedCart { quote, obstacles })
    }

    /// Checks that some courier firm takes money in the currency.
    pub(crate) fn check_collected(&self, currency: Currency) -> Result<(), Refusal> {
        let takes = |firm| self.books.firm_currency(firm) == Some(currency);
        let collected = self.books.firms().any(|(firm, _)| takes(firm));
        if collected { Ok(()) } else { Err(MarketRefusal::NobodyCollects(currency).into()) }
    }
}
