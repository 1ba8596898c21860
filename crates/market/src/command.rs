//! Commands: every change that the market can make.
//!
//! An applied command stays in the journal for ever. A new one gets the next number; the bytes of
//! an existing one never change. The numbers of all machines are different.

use books::{ParcelId, SellerId, SellerKind, Sha256Digest};
use machine::{PersonId, Timestamp, commands};
use money::{Amount, Currency, Rate};

use crate::ids::*;
use crate::market::{Market, MarketPlan};
use crate::refusal::MarketRefusal;

pub use crate::limits::*;
pub use crate::vocabulary::*;

impl MarketCommand {
    /// A person or a key publishes alone what two persons must publish.
    #[must_use]
    pub fn lacks_two_persons(&self) -> bool {
        let MarketCommand::PublishPromotion(terms) = self else { return false };
        terms.approved_by.is_none() && terms.only_seller().is_none()
    }
}

commands! {
    /// A change to the market. Amounts are in minor units, each at most [`Amount::ENTRY_MAX`].
    pub enum MarketCommand for Market: fn(Timestamp, ()) -> Result<MarketPlan, MarketRefusal>;

    /// Publish what holds for a kind of sellers in one currency, from a time on.
    200 PublishMarketProfile by Person | Key | System => publish_market_profile {
        kind: SellerKind,
        currency: Currency,
        /// The last version of this kind and currency plus 1.
        version: u16,
        /// Not before the version before it.
        from: Timestamp,
        /// Offers are listed only after the seller's identity was proved.
        identity_proof: bool,
        /// Days until the seller's money is payable, for the seller to read. The books hold it by
        /// their own rules.
        hold_days: u16,
        /// The most that one parcel can cost at the door.
        parcel_amount_max: Amount,
        /// Offers of one seller that are not ended.
        offers_max: u32,
        /// Promotions apply to units of these sellers.
        promotions: bool,
        /// Days after delivery in which units can be returned. 0 to [`RETURN_DAYS_MAX`].
        return_days: u16,
        /// A buyer with so many open refusals cannot pay at the door. 0 for no limit.
        refusals_max: u16,
        /// Days for which a refusal is open.
        refusal_days: u16,
    }

    /// Admit a seller to the market, or change the seller's profile, from a time on.
    201 AdmitSeller by Person | Key | System => admit_seller {
        /// Registered in the books, with an account in the currency.
        seller: SellerId,
        currency: Currency,
        /// The seller's last admission in this currency plus 1.
        number: u32,
        /// Names the profile.
        kind: SellerKind,
        /// Not before the admission before it.
        from: Timestamp,
        identity_proved: bool,
        /// Charged for each parcel.
        delivery_fee: Amount,
    }

    /// Write an offer. It is a draft until it is listed.
    202 DraftOffer by Person | Key | System => draft_offer {
        offer: OfferId,
        /// Admitted.
        seller: SellerId,
        currency: Currency,
        category: CategoryId,
        /// The seller's own reference of the offer.
        reference: String,
        /// SHA-256 of title, description and pictures, which stay outside the journal.
        content: Sha256Digest,
        /// 1 to [`VARIANTS_PER_OFFER_MAX`].
        variants: Vec<NewVariant>,
    }

    /// Change the category and the public content of an offer.
    203 ReviseOffer by Person | Key | System => revise_offer {
        /// Not ended.
        offer: OfferId,
        /// Numbers the revisions and states of the offer together: the last number plus 1.
        number: u32,
        category: CategoryId,
        content: Sha256Digest,
    }

    /// Add a variant to an offer.
    204 AddVariant by Person | Key | System => add_variant {
        /// Not ended.
        offer: OfferId,
        variant: NewVariant,
    }

    /// List an offer, pause it, or end it for ever.
    205 SetOfferState by Person | Key | System => set_offer_state {
        offer: OfferId,
        /// As in [`ReviseOffer`].
        number: u32,
        /// Not `Draft`, and not the state that it has.
        state: OfferState,
    }

    /// Change the price of a variant. Orders keep the price that they were made at.
    206 SetPrice by Person | Key | System => set_price {
        variant: VariantId,
        /// The last price of the variant plus 1. The first price is number 1.
        number: u32,
        /// Above zero.
        price: Amount,
    }

    /// Add to the stock of a variant, or take away from what is left.
    207 AdjustStock by Person | Key | System => adjust_stock {
        variant: VariantId,
        /// The last adjustment of the variant plus 1.
        number: u32,
        /// 1 to [`STOCK_MAX`].
        quantity: u32,
        reason: StockReason,
    }

    /// Publish a promotion, or a new version of it.
    208 PublishPromotion by Person | Key | System => publish_promotion {
        promotion: PromotionId,
        /// The last version of the promotion plus 1.
        version: u16,
        currency: Currency,
        rule: PromotionRule,
        /// Not before that of the version before it. Until then that version holds.
        from: Timestamp,
        /// After `from`.
        until: Timestamp,
        #[serde(default)]
        scope: PromotionScope,
        /// Applies only with a coupon of [`IssueCoupons`].
        #[serde(default)]
        by_coupon: bool,
        /// Cap on the uses by all orders, above zero and not below what is used. A flash price is
        /// used once for each unit.
        uses_max: Option<u32>,
        /// Cap on the sum of all discounts, above zero and not below what is spent.
        budget: Option<Amount>,
        /// Cap on the uses by one buyer, above zero.
        per_buyer_max: Option<u32>,
        /// The platform pays this share of each discount, and the sellers pay the rest.
        platform_share: Rate,
        /// Promotions apply in this order, then in the order of their ids.
        order: u16,
        /// Applies only to units without another discount, and no later promotion applies to them.
        #[serde(default)]
        exclusive: bool,
        /// Skipped if one of these applied to the order. Each is earlier in the order.
        #[serde(default)]
        yields_to: Vec<PromotionId>,
        /// No unit becomes cheaper than this.
        #[serde(default)]
        floor: Amount,
        /// Only a threshold can be clawed back.
        broken_threshold: BrokenThreshold,
        undone_use: UndoneUse,
        /// Two persons publish what one seller does not pay alone.
        proposed_by: Option<PersonId>,
        approved_by: Option<PersonId>,
    }

    /// End a promotion for ever. Flash stock that is left is ordinary stock again.
    209 EndPromotion by Person | Key | System => end_promotion {
        promotion: PromotionId,
    }

    /// Issue coupons of a promotion: all of them or none.
    210 IssueCoupons by Person | Key | System => issue_coupons {
        /// By coupon, and not ended.
        promotion: PromotionId,
        /// The promotion's last issue plus 1.
        number: u32,
        /// 1 to [`COUPONS_PER_COMMAND_MAX`]. None was issued before.
        coupons: Vec<NewCoupon>,
    }

    /// Set units of a variant aside for a flash price.
    211 AllotFlashStock by Person | Key | System => allot_flash_stock {
        /// With a flash price of the variant, and not ended.
        promotion: PromotionId,
        variant: VariantId,
        /// The last allotment of the promotion plus 1.
        number: u32,
        /// Above zero, at most what is left.
        quantity: u32,
    }

    /// Set units aside for a buyer until a time: all of them or none.
    212 ReserveUnits by Person | Key | System => reserve_units {
        reservation: ReservationId,
        buyer: BuyerToken,
        /// 1 to [`CART_LINES_MAX`].
        lines: Vec<CartLine>,
        /// At most [`RESERVATION_MINUTES_MAX`] minutes from now.
        until: Timestamp,
    }

    /// Give the units of a reservation back.
    213 CancelReservation by Person | Key | System => cancel_reservation {
        reservation: ReservationId,
    }

    /// Give the units of reservations back whose time is over, the oldest first. A checkout of
    /// another buyer does not wait for this.
    214 EndReservations by System | Person => end_reservations {
        /// 1 to [`RECORDS_PER_COMMAND_MAX`](books::RECORDS_PER_COMMAND_MAX).
        limit: u32,
    }

    /// Make an order of a cart: stock, coupons, limits, budgets and one parcel for each seller, or
    /// nothing.
    215 Checkout by Person | Key | System => check_out {
        order: OrderId,
        buyer: BuyerToken,
        /// Of all lines.
        currency: Currency,
        /// 1 to [`CART_LINES_MAX`], with at most [`UNITS_PER_ORDER_MAX`] units of listed offers.
        lines: Vec<CartLine>,
        /// At most [`COUPONS_PER_ORDER_MAX`], one for each promotion.
        coupons: Vec<CouponToken>,
        /// Of this buyer. Its units are taken first, and the rest of it is given back.
        reservation: Option<ReservationId>,
        /// What the buyer was shown. Another total now is refused, and the buyer is asked again.
        total: Amount,
    }

    /// Cancel an order before any of its parcels is dispatched. All its parcels are cancelled.
    216 CancelOrder by Person | Key | System => cancel_order {
        order: OrderId,
    }

    /// Record which units of a parcel the buyer keeps at the door. The others are refused.
    217 AcceptUnits by Person | Key | System => accept_units {
        /// Out, of an order.
        parcel: ParcelId,
        /// Numbers of units in the order, from 0: some of the parcel's, not all, in rising order.
        units: Vec<u16>,
    }

    /// Record that refused units of a delivered parcel are back at the seller.
    218 ReceiveUnits by Person | Key | System => receive_units {
        order: OrderId,
        /// Refused and not back, in rising order.
        units: Vec<u16>,
        /// They are stock again.
        resellable: bool,
    }

    /// Record that the buyer returns units after delivery. What the buyer gets back is a refund
    /// that is owed.
    219 ReturnUnits by Person | Key | System => return_units {
        order: OrderId,
        /// Of delivered parcels within the return window, in rising order.
        units: Vec<u16>,
        /// They are stock again.
        resellable: bool,
    }

    /// Accept a buyer's appeal: a refusal of a parcel counts no more.
    220 AcceptAppeal by Person => accept_appeal {
        /// Refused by its buyer.
        parcel: ParcelId,
    }
}
