//! Kinds, rules and reasons in the market's commands. They are journaled: only add variants, at the
//! end.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Rate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use books::{SellerId, SellerKind};

use crate::ids::{BuyerToken, CategoryId, CouponToken, OfferId, VariantId};

/// Where an offer stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum OfferState {
    /// Written, not shown.
    #[default]
    Draft,
    /// Shown and sold.
    Listed,
    /// Not sold for a while.
    Paused,
    /// Never sold again.
    Ended,
}

/// A variant of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVariant {
    pub variant: VariantId,
    /// The seller's number of the article, 1 to 128 bytes.
    pub sku: String,
    /// Price of one unit, above zero.
    pub price: Amount,
    /// Weight of one unit in grams.
    pub weight_g: u32,
}

/// Why a stock changes. The reason says in which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum StockReason {
    /// Adds: goods came in.
    Received,
    /// Adds: a count found more.
    CountedMore,
    /// Takes away: a count found fewer.
    CountedFewer,
    /// Takes away: goods that cannot be sold.
    Damaged,
    /// Takes away: the seller sells them elsewhere.
    Withdrawn,
}

impl StockReason {
    #[must_use]
    pub fn adds(self) -> bool {
        matches!(self, StockReason::Received | StockReason::CountedMore)
    }
}

/// Spend so much, save so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThresholdStep {
    /// Above zero.
    pub spend: Amount,
    /// Above zero, at most `spend`.
    pub save: Amount,
}

/// So many units of a variant in a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundlePart {
    pub variant: VariantId,
    /// Above zero.
    pub quantity: u16,
}

/// The flash price of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlashPrice {
    pub variant: VariantId,
    /// Price of one unit, above zero.
    pub price: Amount,
}

/// How a promotion discounts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum PromotionRule {
    /// A share of the units' prices, rounded half up once for all of them.
    Percentage(Rate),
    /// An amount once for each order.
    AmountOff(Amount),
    /// Spend X, save Y (满减): the highest step that the units reach.
    Threshold(Vec<ThresholdStep>),
    /// For each full X, save Y.
    EachFull(ThresholdStep),
    /// So many units together at one price, as often as the cart has them.
    Bundle(BundlePrice),
    /// Of each two units in the order of their prices, the cheaper one has this share off.
    SecondCheaper(Rate),
    /// The seller's delivery fee is not charged.
    FreeDelivery,
    /// Another price for units of a stock of their own, see
    /// [`AllotFlashStock`](crate::AllotFlashStock).
    Flash(Vec<FlashPrice>),
}

/// Units together at one price.
#[derive(Clone, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundlePrice {
    /// Each variant once.
    pub parts: Vec<BundlePart>,
    /// For all parts together, above zero.
    pub price: Amount,
}

/// What a promotion applies to. An empty list is no condition; each list that is not empty must
/// hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PromotionScope {
    pub offers: Vec<OfferId>,
    pub categories: Vec<CategoryId>,
    pub sellers: Vec<SellerId>,
    pub seller_kind: Option<SellerKind>,
    /// Only for a buyer without an order that stands.
    pub first_order: bool,
}

/// What happens to a discount when units go back and the rest no longer reaches its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum BrokenThreshold {
    /// The units that stay keep their share of the discount.
    Keep,
    /// What the rest would not have saved is deducted from the refund. A return never costs the
    /// buyer more than its refund.
    ClawBack,
}

/// What happens to the use, the coupon and the budget when all discounted units go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum UndoneUse {
    /// They are free for another order.
    Release,
    /// They stay used.
    Keep,
}

/// A coupon code of a promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCoupon {
    pub coupon: CouponToken,
    /// Only this buyer can use it.
    pub buyer: Option<BuyerToken>,
    /// One order can use it. Without this, any number within the caps of the promotion.
    pub single_use: bool,
}

/// Units of a variant in a cart. Lines of the same variant are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CartLine {
    pub variant: VariantId,
    /// 1 to [`UNITS_PER_ORDER_MAX`](crate::UNITS_PER_ORDER_MAX).
    pub quantity: u32,
}
