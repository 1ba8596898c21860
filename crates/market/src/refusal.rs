//! Why a command is refused. A refused command changes nothing (M10).

use books::{ParcelId, SellerId};
use machine::with_examples;
use money::{Amount, Currency};

use crate::ids::{CouponToken, OfferId, OrderId, PromotionId, ReservationId, VariantId};
use crate::limits::{
    CART_LINES_MAX, COUPONS_PER_COMMAND_MAX, COUPONS_PER_ORDER_MAX, PARCELS_PER_ORDER_MAX,
    PROMOTION_LIST_MAX as LIST_MAX, PROMOTION_VERSIONS_MAX, PROMOTIONS_MAX,
    RESERVATION_MINUTES_MAX, RETURN_DAYS_MAX, STOCK_MAX, UNITS_PER_ORDER_MAX,
    VARIANTS_PER_OFFER_MAX,
};

with_examples! {
    /// A record that a command names and the market does not have.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum MissingMarketRecord {
        #[error("offer {0}")]
        Offer(OfferId = OfferId(1)),
        #[error("variant {0}")]
        Variant(VariantId = VariantId(1)),
        #[error("promotion {0}")]
        Promotion(PromotionId = PromotionId(1)),
        #[error("coupon {0}")]
        Coupon(CouponToken = CouponToken([1; 16])),
        /// Neither used nor over.
        #[error("reservation {0} in force")]
        Reservation(ReservationId = ReservationId(1)),
        #[error("order {0}")]
        Order(OrderId = OrderId(1)),
        #[error("parcel {0} of an order")]
        ParcelOfOrder(ParcelId = ParcelId::new(1)),
        /// In force, in this currency.
        #[error("admission of seller {0} in this currency")]
        Admission(SellerId = SellerId(1)),
        /// In force, of the seller's kind and currency.
        #[error("market profile for the kind of seller {0} in this currency")]
        Profile(SellerId = SellerId(1)),
        #[error("open refusal of parcel {0}")]
        OpenRefusal(ParcelId = ParcelId::new(1)),
    }
}

with_examples! {
    /// What is wrong with a promotion.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum PromotionFault {
        #[error("ends before it begins: set `until` after `from`")]
        Window,
        #[error("begins before the version before it: set `from` to that time or later")]
        FromEarlier,
        #[error("has a list that is too short or too long: give 1 to {} entries", LIST_MAX)]
        ListLength,
        #[error("lists the same thing twice: leave one out")]
        ListedTwice,
        #[error("has a price, share, amount or threshold of zero: give one above zero")]
        Zero,
        #[error("would pay the buyer, because it saves more than is spent: set `save` lower")]
        PaysTheBuyer,
        #[error("has steps that do not rise: let each spend more and save more")]
        StepsDoNotRise,
        #[error("has a cap of zero: leave the cap out, or end the promotion")]
        CapOfZero,
        #[error("has a cap on uses below the {0} that are used: set it to that or more")]
        UsesBelowUsed(u32 = 7),
        #[error(
            "has a budget below the {} that are spent: set it to that or more",
            minor_units(*.0)
        )]
        BudgetBelowSpent(Amount = Amount::of(7)),
        #[error("yields to itself by way of promotion {0}: leave that one out of `yields_to`")]
        CircularYielding(PromotionId = PromotionId(1)),
        #[error("yields to promotion {0}, which is not earlier: set a higher `order`")]
        YieldsToLater(PromotionId = PromotionId(1)),
        #[error("claws back, which only a threshold can: set `broken_threshold` to `Keep`")]
        ClawBackWithoutThreshold,
        #[error("has a floor above its own price, which it can never reach: set `floor` lower")]
        FloorAbovePrice,
        #[error("changes its currency, or becomes a flash price or another kind: start a new one")]
        KindChanged,
    }
}

with_examples! {
    /// Why a checkout or another command of the market is refused.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum MarketRefusal {
        #[error(transparent)]
        Books(books::Refusal = books::Refusal::Repeated),
        #[error("there is no {0}: check the identifier")]
        NotFound(MissingMarketRecord = MissingMarketRecord::Offer(OfferId(1))),
        #[error("a version begins before the one before it: set `from` to that time or later")]
        VersionOrder,
        #[error("the return window is too long: give at most {} days", RETURN_DAYS_MAX)]
        ReturnDays,
        #[error("an offer cannot have so many variants: give 1 to {}", VARIANTS_PER_OFFER_MAX)]
        VariantCount,
        #[error("the seller has {0} offers, as many as the market profile allows: end some first")]
        TooManyOffers(u32 = 100),
        #[error(
            "the seller's identity is not proved, which the market profile asks for: send an \
             admission with the proof first"
        )]
        IdentityNotProved,
        #[error("the offer cannot be set to this from its state now: choose another state")]
        OfferStateUnchanged,
        #[error("the offer is ended: write a new one")]
        OfferEnded,
        #[error("offer {0} is not listed: leave its lines out of the cart")]
        NotListed(OfferId = OfferId(1)),
        #[error("the quantity is out of range: give 1 to {}", STOCK_MAX)]
        Quantity,
        #[error("the stock would be above {} units: give fewer", STOCK_MAX)]
        StockAboveLimit,
        #[error("variant {0} has {1} units left: give at most so many")]
        NotEnoughStock(VariantId = VariantId(1), u32 = 3),
        #[error("the promotion {0}")]
        Promotion(PromotionFault = PromotionFault::Window),
        #[error("there are {} promotions already: end some", PROMOTIONS_MAX)]
        TooManyPromotions,
        #[error("the promotion has {} versions already: start a new one", PROMOTION_VERSIONS_MAX)]
        TooManyVersions,
        #[error("the promotion is ended: start a new one")]
        PromotionEnded,
        #[error("the promotion has no coupons: publish it with `by_coupon`")]
        NotByCoupon,
        #[error("a command cannot issue so many coupons: give 1 to {}", COUPONS_PER_COMMAND_MAX)]
        CouponCount,
        #[error("coupon {0} was issued before: choose another code")]
        CouponIssued(CouponToken = CouponToken([1; 16])),
        #[error("the promotion has no flash price of variant {0}: publish a version with one")]
        NoFlashPrice(VariantId = VariantId(1)),
        #[error("a cart cannot have so many lines: give 1 to {}", CART_LINES_MAX)]
        CartLines,
        #[error("an order cannot have so many units: give 1 to {}", UNITS_PER_ORDER_MAX)]
        UnitCount,
        #[error("an order cannot have more than {} sellers: order apart or leave some out",
            PARCELS_PER_ORDER_MAX)]
        TooManySellers,
        #[error("there are variants in {0} and in {1}: choose those of one currency")]
        CurrenciesDiffer(Currency = Currency::CNY, Currency = Currency::BRL),
        #[error("a reservation must end in the future, within {RESERVATION_MINUTES_MAX} minutes")]
        ReservationTime,
        #[error("the reservation is of another buyer: leave it out")]
        ReservationOfAnotherBuyer,
        #[error("an order cannot take so many coupons: give at most {}", COUPONS_PER_ORDER_MAX)]
        TooManyCoupons,
        #[error("coupon {0} is of another buyer: leave it out")]
        CouponOfAnotherBuyer(CouponToken = CouponToken([1; 16])),
        #[error("coupon {0} is used: leave it out")]
        CouponUsed(CouponToken = CouponToken([1; 16])),
        #[error("two coupons are of promotion {0}, and an order takes one: leave one out")]
        TwoCouponsOfPromotion(PromotionId = PromotionId(1)),
        #[error(
            "the total is now {}, and the buyer was shown {}: ask the buyer again with a new quote",
            minor_units(*.1), minor_units(*.0)
        )]
        PriceChanged(Amount = Amount::of(100), Amount = Amount::of(90)),
        #[error(
            "the parcel of seller {0} would cost nothing, and only an amount above zero can be \
             collected: leave a coupon out"
        )]
        NothingDue(SellerId = SellerId(1)),
        #[error(
            "the parcel of seller {} costs more than {}, the most at the door: choose fewer units",
            .0, minor_units(*.1)
        )]
        ParcelAboveCap(SellerId = SellerId(1), Amount = Amount::of(100)),
        #[error(
            "the buyer refused {0} parcels and cannot pay at the door: wait until the refusals \
             are over, or accept an appeal"
        )]
        TooManyRefusals(u32 = 3),
        #[error(
            "no courier firm collects {0} at the door: register one first (`doorstep setup firm`)"
        )]
        NobodyCollects(Currency = Currency::CNY),
        #[error("parcel {0} is of an order: use `AcceptUnits`, which names its units")]
        ParcelOfOrder(ParcelId = ParcelId::new(1)),
        #[error("the units must be listed in rising order, each once")]
        UnitsNotRising,
        #[error("unit {0} is not in the state that this needs: look at the order")]
        UnitState(u16 = 3),
        #[error("these are all units of the parcel or none: refuse nothing, or use `RefuseParcel`")]
        AllUnits,
        #[error("the return window of unit {0} is over: leave it out")]
        ReturnWindowOver(u16 = 3),
    }
}

impl MarketRefusal {
    /// The amounts in the text, where they are in minor units.
    #[must_use]
    pub fn amounts(&self) -> Vec<Amount> {
        match self {
            MarketRefusal::PriceChanged(one, other) => vec![*one.max(other), *one.min(other)],
            MarketRefusal::ParcelAboveCap(_, amount)
            | MarketRefusal::Promotion(PromotionFault::BudgetBelowSpent(amount)) => vec![*amount],
            _ => Vec::new(),
        }
    }
}

fn minor_units(amount: Amount) -> String {
    format!("{} minor units", amount.minor())
}

impl From<books::Refusal> for MarketRefusal {
    fn from(refusal: books::Refusal) -> MarketRefusal {
        MarketRefusal::Books(refusal)
    }
}

impl From<PromotionFault> for MarketRefusal {
    fn from(fault: PromotionFault) -> MarketRefusal {
        MarketRefusal::Promotion(fault)
    }
}

pub(crate) fn not_found(missing: MissingMarketRecord) -> MarketRefusal {
    MarketRefusal::NotFound(missing)
}
