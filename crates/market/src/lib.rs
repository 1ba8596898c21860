//! The market as a pure state machine: offers, stock, promotions, checkout and orders.
//!
//! [`Market::plan`] takes a command and a time. It returns a [`MarketPlan`], or a refusal. A plan
//! also names the commands that the books must carry out in the same entry of the journal: an
//! order's parcels are announced in the commit that takes its stock. [`Market::carry_out`] then
//! changes the market and cannot fail. The same commands give the same market, bit for bit (M11).
//!
//! Never: a clock, randomness, I/O, floats, text for people, personal data: a buyer and a coupon
//! code are keyed tokens.
//!
//! Start at [`Market::plan`]. Commands are in [`command`], what a cart costs and why in [`quote`],
//! the conflicts of promotions in [`conflicts`].

pub mod command;
pub mod conflicts;
pub mod quote;

mod books_events;
mod check;
mod checkout;
mod event;
mod ids;
mod limits;
mod market;
mod next_number;
mod offers;
mod order;
mod order_changes;
mod promotion;
mod promotion_check;
mod refusal;
mod reservations;
mod rules;
mod sellers;
mod shown;
mod snapshot;
mod stock;
mod view;
mod vocabulary;

pub use checkout::parcel_of_order;
pub use command::*;
pub use event::{MarketEvent, OrderDiscount};
pub use ids::{
    BuyerToken, CategoryId, CouponToken, OfferId, OrderId, PromotionId, ReservationId, TokenError,
    VariantId,
};
pub use market::{Market, MarketPlan, check_command_amounts};
pub use order::{
    AppliedPromotion, MarketParcel, MarketParcelState, OrderUnit, UnitShare, UnitState,
};
pub use promotion_check::check_terms;
pub use refusal::{MarketRefusal, MissingMarketRecord, PromotionFault};
pub use shown::{PromotionsNow, SellingTerms, ShownVariant};
pub use snapshot::{DecodedMarketPart, MARKET_FORMAT, MarketBuilder, MarketSnapshot};
pub use stock::StockAccount;
pub use view::{OfferView, OrderView, PromotionView, ReferencePriceRule, VariantView};
