//! What a cart costs now, and why: which promotion took how much off which unit, and which were
//! skipped.

use std::collections::BTreeMap;

use books::SellerId;
use borsh::{BorshDeserialize, BorshSerialize};
use machine::Timestamp;
use money::{Amount, Currency};
use serde::Serialize;

use crate::command::*;
use crate::ids::{BuyerToken, CouponToken, PromotionId, ReservationId, VariantId};
use crate::market::{Market, TablePlace};
use crate::order::{AppliedPromotion, UnitShare};
use crate::promotion::ScopeKey;
use crate::refusal::{MarketRefusal, MissingMarketRecord, not_found};
use crate::rules::{EligibleUnit, shares_of};

/// What is quoted.
#[derive(Clone, Copy, Debug)]
pub struct Cart<'a> {
    pub buyer: BuyerToken,
    pub currency: Currency,
    pub lines: &'a [CartLine],
    pub coupons: &'a [CouponToken],
    pub reservation: Option<ReservationId>,
}

/// Why a promotion does not apply to a cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum SkipReason {
    NotStarted,
    Over,
    Ended,
    /// No unit is in its scope that another promotion leaves to it.
    NoUnits,
    NotFirstOrder,
    YieldsTo(PromotionId),
    /// So much more must be spent.
    NotReached {
        missing: Amount,
    },
    BundleIncomplete,
    /// The units are at the floor price, or cheaper anyway.
    NothingToDiscount,
    /// All uses are used.
    UsesSpent,
    /// The buyer used it as often as one buyer can.
    BuyerLimit,
    /// What is left of its budget is less than the discount.
    BudgetSpent,
    FlashSoldOut,
}

/// A promotion that does not apply, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SkippedPromotion {
    pub promotion: PromotionId,
    pub reason: SkipReason,
}

/// A unit of the cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct QuotedUnit {
    pub variant: VariantId,
    #[serde(skip)]
    pub(crate) place: TablePlace,
    /// The place of its parcel.
    pub parcel: u8,
    /// Before all discounts.
    pub price: Amount,
    /// From the stock of this flash price.
    pub flash: Option<PromotionId>,
}

/// What one seller sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct QuotedParcel {
    pub seller: SellerId,
    /// Before discounts.
    pub goods: Amount,
    pub delivery_fee: Amount,
    /// What is due at the door.
    pub due: Amount,
}

/// The price of a cart with its explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quote {
    pub currency: Currency,
    pub units: Vec<QuotedUnit>,
    pub parcels: Vec<QuotedParcel>,
    pub applied: Vec<AppliedPromotion>,
    pub skipped: Vec<SkippedPromotion>,
    pub total: Amount,
}

/// A discount of a delivery fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct DeliveryShare {
    pub parcel: u8,
    pub amount: Amount,
    /// The platform's part of it. The seller pays the rest.
    pub platform: Amount,
}

/// A unit while promotions apply.
struct WorkingUnit {
    price: u64,
    discounted: bool,
    exclusive: bool,
}

/// A cart while promotions apply.
struct Working<'m> {
    units: Vec<QuotedUnit>,
    states: Vec<WorkingUnit>,
    parcels: Vec<QuotedParcel>,
    /// Delivery fees after discounts.
    deliveries: Vec<u64>,
    profiles: Vec<&'m PublishMarketProfile>,
    applied: Vec<AppliedPromotion>,
}

impl Market {
    /// What a cart costs at a time.
    ///
    /// # Errors
    /// What cannot be ordered at all.
    pub fn quote(&self, cart: &Cart<'_>, at: Timestamp) -> Result<Quote, MarketRefusal> {
        let mut working = self.lay_out(cart, at)?;
        let coupons = self.coupons_by_promotion(cart)?;
        let mut skipped = Vec::new();
        for (_, id) in self.candidates(&working, &coupons, cart.currency, at) {
            let coupon = coupons.get(&id).copied();
            if let Err(reason) = self.apply_promotion(cart, &mut working, id, coupon, at) {
                skipped.push(SkippedPromotion { promotion: id, reason });
            }
        }
        for (place, parcel) in working.parcels.iter_mut().enumerate() {
            let units = working.units.iter().zip(&working.states);
            let units = units.filter(|(unit, _)| usize::from(unit.parcel) == place);
            let goods: u64 = units.map(|(_, state)| state.price).sum();
            parcel.due = Amount::of(goods + working.deliveries[place]);
        }
        let total = working.parcels.iter().map(|parcel| parcel.due.minor()).sum();
        let Working { units, parcels, applied, .. } = working;
        let currency = cart.currency;
        Ok(Quote { currency, units, parcels, applied, skipped, total: Amount::of(total) })
    }

    /// The units of the cart in the order of its lines, and the parcels in the order in which their
    /// sellers first appear.
    fn lay_out(&self, cart: &Cart<'_>, at: Timestamp) -> Result<Working<'_>, MarketRefusal> {
        self.units_by_variant(cart.lines)?;
        let mut working = Working {
            units: Vec::new(),
            states: Vec::new(),
            parcels: Vec::new(),
            deliveries: Vec::new(),
            profiles: Vec::new(),
            applied: Vec::new(),
        };
        for line in cart.lines {
            let place = self.variant_place(line.variant)?;
            self.check_listed(place)?;
            let variant = self.variant(place);
            let offer = self.offer(variant.offer);
            if offer.currency != cart.currency {
                return Err(MarketRefusal::CurrenciesDiffer(cart.currency, offer.currency));
            }
            let known = working.parcels.iter().position(|one| one.seller == offer.seller);
            let parcel = match known {
                Some(parcel) => parcel,
                None => {
                    if working.parcels.len() >= PARCELS_PER_ORDER_MAX {
                        return Err(MarketRefusal::TooManySellers);
                    }
                    let terms = self.seller_terms(offer.seller, cart.currency, at)?;
                    let delivery_fee = terms.admission.delivery_fee;
                    let (seller, zero) = (offer.seller, Amount::ZERO);
                    let parcel = QuotedParcel { seller, goods: zero, delivery_fee, due: zero };
                    working.parcels.push(parcel);
                    working.deliveries.push(delivery_fee.minor());
                    working.profiles.push(terms.profile);
                    working.parcels.len() - 1
                }
            };
            let goods = &mut working.parcels[parcel].goods;
            let added = variant.price.minor() * u64::from(line.quantity);
            *goods = Amount::of(goods.minor() + added);
            let parcel = u8::try_from(parcel).expect("limited by PARCELS_PER_ORDER_MAX");
            for _ in 0..line.quantity {
                let (price, variant) = (variant.price, line.variant);
                working.units.push(QuotedUnit { variant, place, parcel, price, flash: None });
                let price = price.minor();
                working.states.push(WorkingUnit { price, discounted: false, exclusive: false });
            }
        }
        Ok(working)
    }

    fn coupons_by_promotion(
        &self,
        cart: &Cart<'_>,
    ) -> Result<BTreeMap<PromotionId, CouponToken>, MarketRefusal> {
        if cart.coupons.len() > COUPONS_PER_ORDER_MAX {
            return Err(MarketRefusal::TooManyCoupons);
        }
        let mut by_promotion = BTreeMap::new();
        for &token in cart.coupons {
            let missing = || not_found(MissingMarketRecord::Coupon(token));
            let id = *self.coupons.get(&token).ok_or_else(missing)?;
            let coupon = self.promotion(id)?.coupons.get(&token).ok_or_else(missing)?;
            if coupon.buyer.is_some_and(|buyer| buyer != cart.buyer) {
                return Err(MarketRefusal::CouponOfAnotherBuyer(token));
            }
            if coupon.used_by.is_some() {
                return Err(MarketRefusal::CouponUsed(token));
            }
            if by_promotion.insert(id, token).is_some() {
                return Err(MarketRefusal::TwoCouponsOfPromotion(id));
            }
        }
        Ok(by_promotion)
    }

    /// The promotions that may concern the cart, in the order in which they apply: those that hold
    /// now and whose scope names something in it, and those of its coupons.
    fn candidates(
        &self,
        working: &Working<'_>,
        coupons: &BTreeMap<PromotionId, CouponToken>,
        currency: Currency,
        at: Timestamp,
    ) -> Vec<(u16, PromotionId)> {
        let mut keys = vec![ScopeKey::Everything];
        keys.extend(working.parcels.iter().map(|parcel| ScopeKey::Seller(parcel.seller)));
        let mut last = None;
        for unit in &working.units {
            if last == Some(unit.place) {
                continue;
            }
            last = Some(unit.place);
            let offer = self.offer(self.variant(unit.place).offer);
            keys.extend([ScopeKey::Offer(offer.id), ScopeKey::Category(offer.category)]);
        }
        let mut found: Vec<PromotionId> = Vec::new();
        for key in &keys {
            found.extend(self.promotions_by_scope.get(key).into_iter().flatten());
        }
        let mut candidates: Vec<(u16, PromotionId)> = Vec::with_capacity(found.len());
        for id in found {
            let terms = self.promotions[&id].version_at(at);
            let holds = terms.from <= at && at < terms.until && !terms.by_coupon;
            if holds && terms.currency == currency {
                candidates.push((terms.order, id));
            }
        }
        let of_coupon = |id: &PromotionId| (self.promotions[id].version_at(at).order, *id);
        candidates.extend(coupons.keys().map(of_coupon));
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }

    /// Applies a promotion to the cart, or says why not.
    fn apply_promotion(
        &self,
        cart: &Cart<'_>,
        working: &mut Working<'_>,
        id: PromotionId,
        coupon: Option<CouponToken>,
        at: Timestamp,
    ) -> Result<(), SkipReason> {
        let promotion = &self.promotions[&id];
        let terms = promotion.version_at(at);
        if promotion.ended_at.is_some() {
            return Err(SkipReason::Ended);
        }
        if at < terms.from {
            return Err(SkipReason::NotStarted);
        }
        if at >= terms.until {
            return Err(SkipReason::Over);
        }
        if terms.currency != cart.currency {
            return Err(SkipReason::NoUnits);
        }
        let had_orders = || self.buyer(cart.buyer).is_some_and(|buyer| buyer.orders > 0);
        if terms.scope.first_order && had_orders() {
            return Err(SkipReason::NotFirstOrder);
        }
        let applied = |one: &PromotionId| working.applied.iter().any(|a| a.promotion == *one);
        if let Some(&earlier) = terms.yields_to.iter().find(|one| applied(one)) {
            return Err(SkipReason::YieldsTo(earlier));
        }
        let used_by_buyer = promotion.by_buyer.get(&cart.buyer).copied().unwrap_or(0);
        let for_all = terms.uses_max.map(|cap| cap.saturating_sub(promotion.uses));
        let for_buyer = terms.per_buyer_max.map(|cap| cap.saturating_sub(used_by_buyer));
        if for_all == Some(0) {
            return Err(SkipReason::UsesSpent);
        }
        if for_buyer == Some(0) {
            return Err(SkipReason::BuyerLimit);
        }
        let places: Vec<usize> = (0..working.units.len())
            .filter(|&unit| self.is_eligible(terms, working, unit))
            .collect();
        if places.is_empty() {
            return Err(SkipReason::NoUnits);
        }
        let mut flash_left: BTreeMap<TablePlace, u32> = BTreeMap::new();
        let mut flash_uses = for_all.unwrap_or(u32::MAX).min(for_buyer.unwrap_or(u32::MAX));
        let is_flash = matches!(terms.rule, PromotionRule::Flash(_));
        let mut eligible = Vec::with_capacity(places.len());
        for &place in &places {
            let QuotedUnit { variant, place: of_variant, flash, .. } = working.units[place];
            let price = working.states[place].price;
            let room = price.saturating_sub(terms.floor.minor());
            let mut takes_flash = false;
            if is_flash && flash.is_none() && flash_uses > 0 {
                let stock = promotion.flash.get(&of_variant).map_or(0, |stock| stock.left);
                let left = flash_left.entry(of_variant).or_insert(stock);
                if *left > 0 && lowers(&terms.rule, variant, price, room) {
                    (*left, flash_uses, takes_flash) = (*left - 1, flash_uses - 1, true);
                }
            }
            eligible.push(EligibleUnit { variant, price, room, flash: takes_flash });
        }
        let shares = shares_of(&terms.rule, &eligible)?;
        let deliveries = match terms.rule {
            PromotionRule::FreeDelivery => free_deliveries(working, &places),
            _ => Vec::new(),
        };
        let of_units: u64 = shares.iter().sum();
        let of_deliveries: u64 = deliveries.iter().map(|(_, amount)| amount).sum();
        let discount = of_units + of_deliveries;
        if discount == 0 {
            return Err(SkipReason::NothingToDiscount);
        }
        let left = terms.budget.map(|cap| cap.saturating_sub(promotion.spent).minor());
        if left.is_some_and(|left| discount > left) {
            return Err(SkipReason::BudgetSpent);
        }
        let all: Vec<u64> =
            shares.iter().copied().chain(deliveries.iter().map(|(_, amount)| *amount)).collect();
        let platform = terms.platform_share.of(Amount::of(discount)).split(&all);
        let paid = platform.iter().map(|part| part.minor()).sum::<u64>();
        assert_eq!(paid, terms.platform_share.of(Amount::of(discount)).minor(), "M14: the split");
        let mut of_promotion = AppliedPromotion {
            promotion: id,
            version: terms.version,
            coupon,
            uses: 1,
            counted: Amount::of(discount),
            shares: Vec::with_capacity(places.len()),
            deliveries: Vec::new(),
        };
        for ((&place, share), platform) in places.iter().zip(&shares).zip(&platform) {
            let (unit, amount) = (unit_number(place), Amount::of(*share));
            of_promotion.shares.push(UnitShare { unit, amount, platform: *platform });
            let state = &mut working.states[place];
            state.price -= share;
            state.discounted |= *share > 0;
            state.exclusive |= *share > 0 && terms.exclusive;
            if is_flash && *share > 0 {
                working.units[place].flash = Some(id);
            }
        }
        for ((parcel, amount), platform) in deliveries.into_iter().zip(&platform[shares.len()..]) {
            working.deliveries[usize::from(parcel)] -= amount;
            let amount = Amount::of(amount);
            of_promotion.deliveries.push(DeliveryShare { parcel, amount, platform: *platform });
        }
        if is_flash {
            let units = shares.iter().filter(|share| **share > 0).count();
            of_promotion.uses = u32::try_from(units).expect("limited by UNITS_PER_ORDER_MAX");
        }
        working.applied.push(of_promotion);
        Ok(())
    }

    fn is_eligible(&self, terms: &PublishPromotion, working: &Working<'_>, unit: usize) -> bool {
        let (quoted, state) = (&working.units[unit], &working.states[unit]);
        if state.exclusive || (terms.exclusive && state.discounted) {
            return false;
        }
        let parcel = usize::from(quoted.parcel);
        let offer = self.offer(self.variant(quoted.place).offer);
        self.in_scope(terms, working.profiles[parcel], offer)
    }
}

/// Whether a flash price is lower than the price of a unit now.
fn lowers(rule: &PromotionRule, variant: VariantId, price: u64, room: u64) -> bool {
    match rule {
        PromotionRule::Flash(prices) => {
            let flash = prices.iter().find(|one| one.variant == variant);
            room > 0 && flash.is_some_and(|one| one.price.minor() < price)
        }
        _ => false,
    }
}

/// The delivery fees of the parcels that have eligible units.
fn free_deliveries(working: &Working<'_>, places: &[usize]) -> Vec<(u8, u64)> {
    let mut parcels: Vec<u8> = places.iter().map(|&place| working.units[place].parcel).collect();
    parcels.sort_unstable();
    parcels.dedup();
    let fee = |parcel: u8| (parcel, working.deliveries[usize::from(parcel)]);
    parcels.into_iter().map(fee).filter(|(_, fee)| *fee > 0).collect()
}

pub(crate) fn unit_number(place: usize) -> u16 {
    u16::try_from(place).expect("limited by UNITS_PER_ORDER_MAX")
}
