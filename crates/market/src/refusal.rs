//! Why a command is refused. A refused command changes nothing (M10).

use books::{ParcelId, SellerId};
use machine::with_examples;
use money::{Amount, Currency};

use crate::ids::{CouponToken, OfferId, OrderId, PromotionId, ReservationId, VariantId};
use crate::limits::{
    CART_LINES_MAX, COUPONS_PER_COMMAND_MAX, COUPONS_PER_ORDER_MAX, PARCELS_PER_ORDER_MAX,
    PROMOTION_LIST_MAX, PROMOTION_VERSIONS_MAX, PROMOTIONS_MAX, RESERVATION_MINUTES_MAX,
    RETURN_DAYS_MAX, STOCK_MAX, UNITS_PER_ORDER_MAX, VARIANTS_PER_OFFER_MAX,
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
        #[error("has a list that is empty or has more than {} entries", PROMOTION_LIST_MAX)]
        ListLength,
        #[error("lists the same thing twice")]
        ListedTwice,
        #[error("has a price, share, amount or threshold of zero")]
        Zero,
        #[error("would pay the buyer: it saves more than is spent")]
        PaysTheBuyer,
        #[error("has steps that do not rise: each must spend more and save more")]
        StepsDoNotRise,
        #[error("has a cap of zero: leave the cap out, or end the promotion")]
        CapOfZero,
        #[error("has a cap on uses below the {0} that are used")]
        UsesBelowUsed(u32 = 7),
        #[error("has a budget below the {} minor units that are spent", .0.minor())]
        BudgetBelowSpent(Amount = Amount::of(7)),
        #[error("yields to itself, directly or by way of promotion {0}")]
        CircularYielding(PromotionId = PromotionId(1)),
        #[error("yields to promotion {0}, which is not earlier in the order")]
        YieldsToLater(PromotionId = PromotionId(1)),
        #[error("claws back, and only a threshold can be clawed back")]
        ClawBackWithoutThreshold,
        #[error("changes its currency, or becomes a flash price or another kind: begin a new one")]
        KindChanged,
    }
}

with_examples! {
    /// Why a checkout or another command of the market is refused.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    pub enum MarketRefusal {
        #[error(transparent)]
        Books(books::Refusal = books::Refusal::Repeated),
        #[error("there is no {0}")]
        NotFound(MissingMarketRecord = MissingMarketRecord::Offer(OfferId(1))),
        #[error("a version begins before the one before it: set `from` to that time or later")]
        FromEarlier,
        #[error("the return window is above {} days", RETURN_DAYS_MAX)]
        ReturnDays,
        #[error("an offer has 1 to {} variants", VARIANTS_PER_OFFER_MAX)]
        VariantCount,
        #[error("the seller has {0} offers, as many as the market profile allows: end some first")]
        TooManyOffers(u32 = 100),
        #[error("the seller's identity is not proved, which the market profile asks for")]
        IdentityNotProved,
        #[error("the offer cannot become this from the state that it is in")]
        OfferStateUnchanged,
        #[error("the offer is ended")]
        OfferEnded,
        #[error("offer {0} is not listed: take its lines out of the cart")]
        NotListed(OfferId = OfferId(1)),
        #[error("a quantity is 1 to {}", STOCK_MAX)]
        Quantity,
        #[error("the stock of a variant is at most {} units", STOCK_MAX)]
        StockAboveLimit,
        #[error("variant {0} has {1} units left")]
        NotEnoughStock(VariantId = VariantId(1), u32 = 3),
        #[error("the promotion {0}")]
        Promotion(PromotionFault = PromotionFault::Window),
        #[error("there are {} promotions, and no more are possible: end some", PROMOTIONS_MAX)]
        TooManyPromotions,
        #[error("a promotion has at most {} versions: begin a new one", PROMOTION_VERSIONS_MAX)]
        TooManyVersions,
        #[error("the promotion is ended")]
        PromotionEnded,
        #[error("the promotion has no coupons: publish it with `by_coupon`")]
        NotByCoupon,
        #[error("a command issues 1 to {} coupons", COUPONS_PER_COMMAND_MAX)]
        CouponCount,
        #[error("coupon {0} was issued before")]
        CouponIssued(CouponToken = CouponToken([1; 16])),
        #[error("the promotion has no flash price of variant {0}")]
        NoFlashPrice(VariantId = VariantId(1)),
        #[error("a cart has 1 to {} lines", CART_LINES_MAX)]
        CartLines,
        #[error("an order has 1 to {} units", UNITS_PER_ORDER_MAX)]
        UnitCount,
        #[error("an order has parcels of at most {} sellers", PARCELS_PER_ORDER_MAX)]
        TooManySellers,
        #[error("the cart has variants in {0} and in {1}: order them apart")]
        CurrencyMismatch(Currency = Currency::CNY, Currency = Currency::BRL),
        #[error("a reservation ends in the future, within {} minutes", RESERVATION_MINUTES_MAX)]
        ReservationTime,
        #[error("the reservation is of another buyer")]
        ReservationOfAnotherBuyer,
        #[error("an order takes at most {} coupons", COUPONS_PER_ORDER_MAX)]
        TooManyCoupons,
        #[error("coupon {0} is of another buyer")]
        CouponOfAnotherBuyer(CouponToken = CouponToken([1; 16])),
        #[error("coupon {0} is used")]
        CouponUsed(CouponToken = CouponToken([1; 16])),
        #[error("two coupons are of promotion {0}, and an order takes one: leave one out")]
        TwoCouponsOfPromotion(PromotionId = PromotionId(1)),
        #[error(
            "the total is {} minor units now, not {} minor units: show the buyer the new quote",
            .1.minor(), .0.minor()
        )]
        PriceChanged(Amount = Amount::of(100), Amount = Amount::of(90)),
        #[error("the parcel of seller {0} would cost nothing, and nothing can be paid at the door")]
        NothingDue(SellerId = SellerId(1)),
        #[error(
            "the parcel of seller {} costs more than the {} minor units allowed at the door",
            .0, .1.minor()
        )]
        ParcelAboveCap(SellerId = SellerId(1), Amount = Amount::of(100)),
        #[error("the buyer refused {0} parcels, so paying at the door is not possible")]
        TooManyRefusals(u32 = 3),
        #[error("the parcel is not in the state that this needs")]
        ParcelState,
        #[error("parcel {0} is of an order: use the order's own commands (`AcceptUnits`)")]
        ParcelOfOrder(ParcelId = ParcelId::new(1)),
        #[error("the units must be listed in rising order, each once")]
        UnitsNotRising,
        #[error("unit {0} is not in the state that this needs")]
        UnitState(u16 = 3),
        #[error("these are all units of the parcel: refuse none, or refuse the parcel")]
        AllUnits,
        #[error("unit {0} can no longer be returned: its return window is over")]
        ReturnWindowOver(u16 = 3),
    }
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
