//! The rules of the market, checked over the whole state.

use std::collections::BTreeMap;

use crate::ids::{BuyerToken, PromotionId};
use crate::market::{Market, TablePlace};
use crate::order::{MarketOrder, UnitState};
use crate::promotion::Promotion;

/// What the orders hold of a promotion.
#[derive(Default)]
struct HeldUses {
    uses: u64,
    spent: u64,
    by_buyer: BTreeMap<BuyerToken, u64>,
}

impl Market {
    /// Checks M13 and M14 over the whole market. Sums are made again from the orders and the
    /// reservations.
    ///
    /// # Errors
    /// One line per violation, beginning with the rule's number.
    pub fn check(&self) -> Result<(), Vec<String>> {
        let mut broken = Vec::new();
        self.check_stock(&mut broken);
        self.check_promotions(&mut broken);
        self.orders.iter().for_each(|order| check_order(order, &mut broken));
        self.check_buyers(&mut broken);
        if broken.is_empty() { Ok(()) } else { Err(broken) }
    }

    fn check_stock(&self, broken: &mut Vec<String>) {
        let mut sold: BTreeMap<TablePlace, u64> = BTreeMap::new();
        for unit in self.orders.iter().flat_map(|order| &order.units) {
            if matches!(unit.state, UnitState::Kept | UnitState::Refused | UnitState::Lost) {
                *sold.entry(unit.variant).or_default() += 1;
            }
        }
        let mut reserved: BTreeMap<TablePlace, u64> = BTreeMap::new();
        for (place, units) in self.reservations.values().flat_map(|one| &one.units) {
            *reserved.entry(*place).or_default() += u64::from(*units);
        }
        let mut allotted: BTreeMap<TablePlace, u64> = BTreeMap::new();
        for (id, promotion) in &self.promotions {
            for (place, stock) in &promotion.flash {
                *allotted.entry(*place).or_default() += u64::from(stock.left);
                if !stock.is_whole() {
                    broken.push(format!("M13: flash stock of promotion {id} is {stock:?}"));
                }
            }
        }
        for (place, variant) in (0..).zip(self.variants.iter()) {
            let stock = &variant.stock;
            let of = |sums: &BTreeMap<TablePlace, u64>| sums.get(&place).copied().unwrap_or(0);
            let found = [of(&sold), of(&reserved), of(&allotted)];
            let kept = [stock.sold, stock.reserved, stock.allotted].map(u64::from);
            if !stock.is_whole() || found != kept {
                let id = variant.id;
                broken.push(format!(
                    "M13: variant {id} has {stock:?}; orders, reservations and flash prices have \
                     {found:?}"
                ));
            }
        }
    }

    fn check_promotions(&self, broken: &mut Vec<String>) {
        let mut held: BTreeMap<PromotionId, HeldUses> = BTreeMap::new();
        for order in self.orders.iter() {
            for applied in &order.promotions {
                let one = held.entry(applied.promotion).or_default();
                one.uses += u64::from(applied.uses);
                one.spent += applied.counted.minor();
                if applied.uses > 0 {
                    *one.by_buyer.entry(order.buyer).or_default() += u64::from(applied.uses);
                }
            }
        }
        for (id, promotion) in &self.promotions {
            let found = held.remove(id).unwrap_or_default();
            check_promotion(*id, promotion, &found, broken);
            for (token, coupon) in &promotion.coupons {
                let holds = |order: &MarketOrder| {
                    let mut all = order.promotions.iter();
                    all.any(|one| one.promotion == *id && one.coupon == Some(*token))
                };
                let held = coupon.used_by.is_none_or(|order| {
                    self.order_place(order).is_ok_and(|place| holds(self.order(place)))
                });
                if !held || (coupon.used_by.is_some() && !coupon.single_use) {
                    broken.push(format!("M13: coupon {token} of promotion {id} is {coupon:?}"));
                }
            }
        }
        for id in held.into_keys() {
            broken.push(format!("M13: an order has promotion {id}, which does not exist"));
        }
    }

    fn check_buyers(&self, broken: &mut Vec<String>) {
        let mut orders: BTreeMap<BuyerToken, u32> = BTreeMap::new();
        for order in self.orders.iter().filter(|order| order.counts) {
            *orders.entry(order.buyer).or_default() += 1;
        }
        for buyer in self.buyers.iter() {
            let found = orders.remove(&buyer.token).unwrap_or(0);
            if found != buyer.orders {
                let (token, kept) = (buyer.token, buyer.orders);
                broken.push(format!("M13: buyer {token} has {found} orders, not {kept}"));
            }
        }
        for token in orders.into_keys() {
            broken.push(format!("M13: buyer {token} has orders and is not known"));
        }
    }
}

fn check_promotion(
    id: PromotionId,
    promotion: &Promotion,
    found: &HeldUses,
    broken: &mut Vec<String>,
) {
    let by_buyer = promotion.by_buyer.iter().map(|(buyer, uses)| (*buyer, u64::from(*uses)));
    let same = found.uses == u64::from(promotion.uses)
        && found.spent == promotion.spent.minor()
        && found.by_buyer.iter().map(|(buyer, uses)| (*buyer, *uses)).eq(by_buyer);
    if !same {
        broken.push(format!("M13: promotion {id} does not count what its orders hold"));
    }
    // A later version may have lower caps from a time on; what was used before stays.
    let most = |cap: &dyn Fn(usize) -> Option<u64>| {
        (0..promotion.versions.len()).map(cap).try_fold(0, |most, one| Some(most.max(one?)))
    };
    let uses = most(&|place| promotion.versions[place].uses_max.map(u64::from));
    let budget = most(&|place| promotion.versions[place].budget.map(money::Amount::minor));
    let buyer = most(&|place| promotion.versions[place].per_buyer_max.map(u64::from));
    let most_of_buyer = found.by_buyer.values().copied().max().unwrap_or(0);
    if uses.is_some_and(|cap| found.uses > cap)
        || budget.is_some_and(|cap| found.spent > cap)
        || buyer.is_some_and(|cap| most_of_buyer > cap)
    {
        broken.push(format!("M13: promotion {id} is above one of its caps"));
    }
}

fn check_order(order: &MarketOrder, broken: &mut Vec<String>) {
    let mut nets: Vec<u64> = order.units.iter().map(|unit| unit.price.minor()).collect();
    let mut fair = true;
    for applied in &order.promotions {
        for share in &applied.shares {
            fair &= share.platform <= share.amount;
            let net = nets[usize::from(share.unit)].checked_sub(share.amount.minor());
            fair &= net.is_some();
            nets[usize::from(share.unit)] = net.unwrap_or(0);
        }
        fair &= applied.deliveries.iter().all(|share| share.platform <= share.amount);
    }
    for (place, parcel) in order.parcels.iter().enumerate() {
        let units = order.units.iter().zip(&nets);
        let units = units.filter(|(unit, _)| usize::from(unit.parcel) == place);
        let sum = units.map(|(_, net)| net).sum::<u64>() + parcel.delivery.minor();
        fair &= sum == parcel.ordered.minor();
        fair &= parcel.kept.minor() + parcel.owed.minor() == parcel.due.minor();
        fair &= parcel.due <= parcel.ordered;
    }
    if !fair {
        broken.push(format!("M14: order {}'s parcels are not its units less discounts", order.id));
    }
}
