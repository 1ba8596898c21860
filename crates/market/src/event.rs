//! What a command of the market did.

use books::{ParcelId, SellerId};
use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Currency};
use serde::Serialize;

use crate::ids::{BuyerToken, OfferId, OrderId, PromotionId, ReservationId, VariantId};
use crate::vocabulary::OfferState;

/// A discount of an order by one promotion, and who pays it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct OrderDiscount {
    pub promotion: PromotionId,
    pub version: u16,
    pub platform: Amount,
    pub sellers: Amount,
}

/// A fact about the market.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(tag = "event")]
pub enum MarketEvent {
    /// A profile, an admission, a price, coupons or an offer's content was added or changed.
    MarketChanged,
    OfferStateSet {
        offer: OfferId,
        state: OfferState,
    },
    StockChanged {
        variant: VariantId,
        /// What can be ordered now: neither reserved nor set aside for a flash price.
        left: u32,
    },
    PromotionPublished {
        promotion: PromotionId,
        version: u16,
    },
    PromotionEnded {
        promotion: PromotionId,
    },
    UnitsReserved {
        reservation: ReservationId,
    },
    ReservationEnded {
        reservation: ReservationId,
    },
    /// An order was made. Its parcels are announced in the same entry.
    OrderPlaced {
        order: OrderId,
        buyer: BuyerToken,
        currency: Currency,
        /// The sum of the parcels' amounts due (M14).
        total: Amount,
        discounts: Vec<OrderDiscount>,
    },
    /// A parcel of an order ended without its units being kept, or its units went back.
    UnitsTakenBack {
        order: OrderId,
        parcel: ParcelId,
        units: Vec<u16>,
        /// What the buyer pays for the order now.
        kept: Amount,
    },
    /// The buyer is owed a refund of what was paid for a parcel.
    RefundOwed {
        order: OrderId,
        parcel: ParcelId,
        seller: SellerId,
        amount: Amount,
    },
    OrderDelivered {
        order: OrderId,
        parcel: ParcelId,
    },
    AppealAccepted {
        parcel: ParcelId,
    },
}
