//! Orders as they are kept: units, parcels, and the discounts that were frozen at checkout.

use books::{ParcelId, SellerId};
use borsh::{BorshDeserialize, BorshSerialize};
use machine::Timestamp;
use money::{Amount, Currency};
use serde::Serialize;

use crate::ids::{BuyerToken, CouponToken, OrderId, PromotionId};
use crate::market::TablePlace;
use crate::quote::DeliveryShare;

/// Where a unit of an order is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize)]
pub enum UnitState {
    /// The buyer keeps it, or will.
    #[default]
    Kept,
    /// Refused at the door, and on its way back to the seller.
    Refused,
    /// With the seller, and stock again.
    Back,
    /// With the seller, and not for sale.
    WrittenOff,
    Lost,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize)]
pub struct OrderUnit {
    #[serde(skip)]
    pub(crate) variant: TablePlace,
    /// The place of its parcel in the order.
    pub parcel: u8,
    pub state: UnitState,
    /// It was taken from the stock of a flash price.
    pub flash: bool,
    /// Before all discounts.
    pub price: Amount,
}

/// Where a parcel of an order is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize)]
pub enum MarketParcelState {
    /// Announced, and not at its end.
    #[default]
    UnderWay,
    Delivered,
    /// Refused by the buyer, and on its way back.
    Refused,
    Returned,
    Lost,
    Cancelled,
}

impl MarketParcelState {
    /// Nothing was or will be paid for it.
    #[must_use]
    pub fn ends_unpaid(self) -> bool {
        !matches!(self, MarketParcelState::UnderWay | MarketParcelState::Delivered)
    }
}

/// What one seller sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize)]
pub struct MarketParcel {
    pub parcel: ParcelId,
    pub seller: SellerId,
    pub state: MarketParcelState,
    /// The delivery fee after discounts.
    pub delivery: Amount,
    /// What was due at checkout.
    pub ordered: Amount,
    /// What the buyer pays for it: `ordered` less what is not kept.
    pub kept: Amount,
    /// What is due at the door now.
    pub due: Amount,
    /// What is owed back to the buyer of `due`: `due` less `kept`.
    pub owed: Amount,
    pub delivered_at: Option<Timestamp>,
    /// Days in which units can be returned, as the profile said at checkout.
    pub return_days: u16,
}

/// A promotion's share in the price of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct UnitShare {
    pub unit: u16,
    /// Zero for a unit that only counts towards the threshold.
    pub amount: Amount,
    /// The platform's part of it. The seller pays the rest.
    pub platform: Amount,
}

/// A promotion that applied, with its frozen shares.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct AppliedPromotion {
    pub promotion: PromotionId,
    pub version: u16,
    pub coupon: Option<CouponToken>,
    /// Uses that count now.
    pub uses: u32,
    /// What counts against the budget now.
    pub counted: Amount,
    pub shares: Vec<UnitShare>,
    pub deliveries: Vec<DeliveryShare>,
}

impl AppliedPromotion {
    /// The whole discount at checkout, and the platform's part of it.
    #[must_use]
    pub fn discount(&self) -> (Amount, Amount) {
        let units = self.shares.iter().map(|share| (share.amount, share.platform));
        let deliveries = self.deliveries.iter().map(|share| (share.amount, share.platform));
        let sum = units.chain(deliveries).fold((0, 0), |(all, platform), (amount, part)| {
            (all + amount.minor(), platform + part.minor())
        });
        (Amount::of(sum.0), Amount::of(sum.1))
    }
}

/// A buyer's order.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct MarketOrder {
    pub id: OrderId,
    pub buyer: BuyerToken,
    pub currency: Currency,
    pub placed_at: Timestamp,
    /// Hash of the command, to tell a retry.
    pub content: u64,
    pub units: Vec<OrderUnit>,
    pub parcels: Vec<MarketParcel>,
    pub promotions: Vec<AppliedPromotion>,
    /// It counts as an order of the buyer.
    pub counts: bool,
}

impl Default for MarketOrder {
    fn default() -> MarketOrder {
        MarketOrder {
            id: OrderId(0),
            buyer: BuyerToken([0; 16]),
            currency: Currency::CNY,
            placed_at: Timestamp(0),
            content: 0,
            units: Vec::new(),
            parcels: Vec::new(),
            promotions: Vec::new(),
            counts: false,
        }
    }
}

impl MarketOrder {
    /// What the platform pays of the discounts on a parcel: of those units that the buyer keeps and
    /// of the delivery, once the parcel is delivered.
    ///
    /// # Panics
    /// If it were more than was frozen at checkout (M14).
    pub fn platform_pays(&self, place: usize) -> Amount {
        let kept = |unit: &&OrderUnit| unit.state == UnitState::Kept;
        let of_parcel = |unit: &&OrderUnit| usize::from(unit.parcel) == place;
        if self.parcels[place].state != MarketParcelState::Delivered
            || !self.units.iter().filter(of_parcel).any(|unit| kept(&unit))
        {
            return Amount::ZERO;
        }
        let (mut pays, mut frozen) = (0, 0);
        for applied in &self.promotions {
            for share in &applied.shares {
                let unit = &self.units[usize::from(share.unit)];
                if of_parcel(&unit) {
                    frozen += share.amount.minor();
                    pays += if kept(&unit) { share.platform.minor() } else { 0 };
                }
            }
            let deliveries = applied.deliveries.iter();
            for share in deliveries.filter(|share| usize::from(share.parcel) == place) {
                (frozen, pays) = (frozen + share.amount.minor(), pays + share.platform.minor());
            }
        }
        assert!(pays <= frozen, "M14: the platform pays at most the frozen discount");
        Amount::of(pays)
    }

    /// What the buyer pays for the order now.
    pub fn kept(&self) -> u64 {
        self.parcels.iter().map(|parcel| parcel.kept.minor()).sum()
    }
}
