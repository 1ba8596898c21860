//! What changes after checkout: units that are refused, returned, cancelled or lost.
//!
//! Each unit has its price less its frozen shares. A promotion that claws back takes from the units
//! that are kept what they would not have saved alone. Each parcel bears what is taken from its own
//! units, when some of them go back: no seller gets what another one gave, and a parcel that stays
//! whole keeps its price. A change never makes the buyer pay more than before.

use std::collections::BTreeSet;

use books::{AcceptPart, CancelParcel, ParcelId};
use machine::{DAY_MS, Timestamp};
use money::Amount;

use crate::command::*;
use crate::event::MarketEvent;
use crate::ids::{CouponToken, PromotionId};
use crate::market::{Change, Market, MarketPlan, TablePlace};
use crate::order::{AppliedPromotion, MarketOrder, MarketParcel, MarketParcelState, UnitState};
use crate::promotion::Promotion;
use crate::quote::unit_number;
use crate::refusal::{MarketRefusal, MissingMarketRecord, not_found};
use crate::rules::saved;

/// An order after a change, with what it gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrderChange {
    place: TablePlace,
    after: MarketOrder,
    /// Units that are with the seller again. `true` if they are stock.
    arrived: Vec<(u16, bool)>,
    given_back: Vec<GivenBack>,
    refused: Option<ParcelId>,
    events: Vec<MarketEvent>,
}

impl OrderChange {
    /// What becomes owed to the buyer, by parcel.
    pub(crate) fn owed(&self) -> Vec<(ParcelId, Amount)> {
        let owed = self.events.iter().filter_map(|event| match event {
            MarketEvent::RefundOwed { parcel, amount, .. } => Some((*parcel, *amount)),
            _ => None,
        });
        owed.collect()
    }
}

/// What a promotion gets back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct GivenBack {
    promotion: PromotionId,
    uses: u32,
    amount: Amount,
    coupon: Option<CouponToken>,
}

/// Whose money a change moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MoneyOf {
    /// A parcel at the door: less is due for it.
    Door(u8),
    /// A delivered parcel: a refund is owed.
    Delivered(u8),
    /// A parcel that nobody pays for.
    Ended(u8),
}

impl MoneyOf {
    fn parcel(self) -> usize {
        let (MoneyOf::Door(parcel) | MoneyOf::Delivered(parcel) | MoneyOf::Ended(parcel)) = self;
        parcel.into()
    }
}

/// What the units that are kept cost.
struct KeptValue {
    /// By parcel: prices and delivery fees less the frozen shares.
    net: Vec<u64>,
    /// By promotion: what is clawed back.
    clawed: Vec<u64>,
    /// The same, by parcel, as its units' shares are.
    clawed_of_parcels: Vec<u64>,
}

impl Market {
    pub(crate) fn place_of_parcel(&self, parcel: ParcelId) -> Result<TablePlace, MarketRefusal> {
        let place = self.parcel_places.get(&parcel.bits()).copied();
        place.ok_or_else(|| not_found(MissingMarketRecord::ParcelOfOrder(parcel)))
    }

    pub(crate) fn cancel_order(
        &self,
        command: &CancelOrder,
        _: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        let order = self.order(self.order_place(command.order)?);
        let states = order.parcels.iter().map(|parcel| parcel.state);
        if states.clone().all(|state| state == MarketParcelState::Cancelled) {
            return Err(books::Refusal::Repeated.into());
        }
        let open = [MarketParcelState::UnderWay, MarketParcelState::Cancelled];
        if !states.clone().all(|state| open.contains(&state)) {
            return Err(books::Refusal::ParcelState.into());
        }
        let parcels = order.parcels.iter().filter(|one| one.state == MarketParcelState::UnderWay);
        let books = parcels.map(|one| CancelParcel { parcel: one.parcel }.into()).collect();
        Ok(MarketPlan { change: Change::ByBooks, books })
    }

    pub(crate) fn accept_units(
        &self,
        command: &AcceptUnits,
        _: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        let place = self.place_of_parcel(command.parcel)?;
        let order = self.order(place);
        check_rising(&command.units)?;
        let known = order.parcels.iter().position(|one| one.parcel == command.parcel);
        let parcel = known.expect("the index names the order of the parcel");
        let of_parcel: Vec<u16> = (0..order.units.len())
            .filter(|&unit| usize::from(order.units[unit].parcel) == parcel)
            .map(unit_number)
            .collect();
        if let Some(other) = command.units.iter().find(|unit| !of_parcel.contains(unit)) {
            return Err(MarketRefusal::UnitState(*other));
        }
        let state = |unit: &u16| order.units[usize::from(*unit)].state;
        let kept: Vec<u16> =
            of_parcel.iter().filter(|unit| state(unit) == UnitState::Kept).copied().collect();
        if kept == command.units && kept.len() < of_parcel.len() {
            return Err(books::Refusal::Repeated.into());
        }
        if order.parcels[parcel].state != MarketParcelState::UnderWay {
            return Err(books::Refusal::ParcelState.into());
        }
        if let Some(gone) = command.units.iter().find(|unit| state(unit) != UnitState::Kept) {
            return Err(MarketRefusal::UnitState(*gone));
        }
        if command.units.is_empty() || command.units.len() == of_parcel.len() {
            return Err(MarketRefusal::AllUnits);
        }
        let refused: Vec<u16> =
            kept.into_iter().filter(|unit| !command.units.contains(unit)).collect();
        let mut after = order.clone();
        for &unit in &refused {
            after.units[usize::from(unit)].state = UnitState::Refused;
        }
        let number = parcel_number(parcel);
        let change = self.settle(place, after, &[MoneyOf::Door(number)], refused, Vec::new());
        let (before, now) = (&order.parcels[parcel], &change.after.parcels[parcel]);
        let mut books = Vec::new();
        if now.due.is_zero() {
            return Err(MarketRefusal::NothingDue(now.seller));
        }
        if now.due < before.due {
            books.push(AcceptPart { parcel: command.parcel, accepted: now.due }.into());
        }
        Ok(MarketPlan { change: Change::Units(Box::new(change)), books })
    }

    pub(crate) fn receive_units(
        &self,
        command: &ReceiveUnits,
        _: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        let place = self.order_place(command.order)?;
        let order = self.order(place);
        check_rising(&command.units)?;
        let goal = arrived_state(command.resellable);
        let delivered = |unit: u16| delivered_state(order, unit);
        self.check_unit_states(&command.units, UnitState::Refused, goal, delivered)?;
        let mut after = order.clone();
        for &unit in &command.units {
            after.units[usize::from(unit)].state = goal;
        }
        let arrived = command.units.iter().map(|unit| (*unit, command.resellable)).collect();
        let change = self.settle(place, after, &[], Vec::new(), arrived);
        Ok(Change::Units(Box::new(change)).into())
    }

    pub(crate) fn return_units(
        &self,
        command: &ReturnUnits,
        at: Timestamp,
        (): (),
    ) -> Result<MarketPlan, MarketRefusal> {
        let place = self.order_place(command.order)?;
        let order = self.order(place);
        check_rising(&command.units)?;
        let goal = arrived_state(command.resellable);
        let delivered = |unit: u16| delivered_state(order, unit);
        self.check_unit_states(&command.units, UnitState::Kept, goal, delivered)?;
        for &unit in &command.units {
            let parcel = &order.parcels[usize::from(order.units[usize::from(unit)].parcel)];
            let since = parcel.delivered_at.unwrap_or(at);
            if at >= since.plus_ms(u64::from(parcel.return_days) * DAY_MS) {
                return Err(MarketRefusal::ReturnWindowOver(unit));
            }
        }
        let mut after = order.clone();
        for &unit in &command.units {
            after.units[usize::from(unit)].state = goal;
        }
        let of = |unit: &u16| order.units[usize::from(*unit)].parcel;
        let parcels: BTreeSet<u8> = command.units.iter().map(of).collect();
        let money: Vec<_> = parcels.into_iter().map(MoneyOf::Delivered).collect();
        let arrived = command.units.iter().map(|unit| (*unit, command.resellable)).collect();
        let change = self.settle(place, after, &money, command.units.clone(), arrived);
        Ok(Change::Units(Box::new(change)).into())
    }

    /// Checks that all units are in one state. All in the state after is a retry.
    fn check_unit_states(
        &self,
        units: &[u16],
        before: UnitState,
        after: UnitState,
        state: impl Fn(u16) -> Option<UnitState>,
    ) -> Result<(), MarketRefusal> {
        if units.iter().all(|&unit| state(unit) == Some(after)) {
            return Err(books::Refusal::Repeated.into());
        }
        match units.iter().find(|unit| state(**unit) != Some(before)) {
            Some(other) => Err(MarketRefusal::UnitState(*other)),
            None => Ok(()),
        }
    }

    /// A parcel of an order that ended, with the new state of its units.
    pub(crate) fn parcel_ended(
        &self,
        place: TablePlace,
        parcel: usize,
        state: MarketParcelState,
    ) -> OrderChange {
        let order = self.order(place);
        let mut after = order.clone();
        after.parcels[parcel].state = state;
        let (mut gone, mut arrived) = (Vec::new(), Vec::new());
        for (number, unit) in after.units.iter_mut().enumerate() {
            if usize::from(unit.parcel) != parcel {
                continue;
            }
            let was = unit.state;
            if !matches!(was, UnitState::Kept | UnitState::Refused) {
                continue;
            }
            unit.state = match state {
                MarketParcelState::Refused => UnitState::Refused,
                MarketParcelState::Lost => UnitState::Lost,
                _ => UnitState::Back,
            };
            if was == UnitState::Kept {
                gone.push(unit_number(number));
            }
            if unit.state == UnitState::Back {
                arrived.push((unit_number(number), true));
            }
        }
        let money = [MoneyOf::Ended(parcel_number(parcel))];
        let mut change = self.settle(place, after, &money, gone, arrived);
        if state == MarketParcelState::Refused {
            change.refused = Some(order.parcels[parcel].parcel);
        }
        change
    }

    /// Finds what an order costs after its units changed, and what is given back.
    fn settle(
        &self,
        place: TablePlace,
        mut after: MarketOrder,
        money: &[MoneyOf],
        gone: Vec<u16>,
        arrived: Vec<(u16, bool)>,
    ) -> OrderChange {
        let before = self.order(place);
        let value = self.kept_value(&after);
        for one in money {
            move_money(&mut after, *one, &value);
        }
        let mut events = Vec::new();
        for one in money {
            let own = |unit: &u16| usize::from(after.units[usize::from(*unit)].parcel);
            let units: Vec<u16> =
                gone.iter().filter(|unit| own(unit) == one.parcel()).copied().collect();
            if !units.is_empty() {
                let parcel = after.parcels[one.parcel()].parcel;
                let (order, kept) = (after.id, Amount::of(after.kept()));
                events.push(MarketEvent::UnitsTakenBack { order, parcel, units, kept });
            }
        }
        for (was, now) in before.parcels.iter().zip(&after.parcels) {
            if let Some(amount) = now.owed.checked_sub(was.owed).filter(|more| !more.is_zero()) {
                let (order, parcel, seller) = (after.id, now.parcel, now.seller);
                events.push(MarketEvent::RefundOwed { order, parcel, seller, amount });
            }
        }
        let given_back = self.free_promotions(&mut after, &value);
        let stands = after.units.iter().any(|unit| unit.state == UnitState::Kept)
            || after.parcels.iter().any(|one| one.state == MarketParcelState::Delivered);
        after.counts = before.counts && stands;
        OrderChange { place, after, arrived, given_back, refused: None, events }
    }

    /// What the units that are kept cost: a function of these units alone.
    fn kept_value(&self, order: &MarketOrder) -> KeptValue {
        let kept = |unit: usize| order.units[unit].state == UnitState::Kept;
        let mut prices: Vec<u64> = order.units.iter().map(|unit| unit.price.minor()).collect();
        let mut clawed = Vec::with_capacity(order.promotions.len());
        let mut clawed_of_parcels = vec![0; order.parcels.len()];
        for applied in &order.promotions {
            let terms = self.promotions[&applied.promotion].version(applied.version);
            let (mut sum, mut of_parcels) = (0, vec![0; order.parcels.len()]);
            for share in &applied.shares {
                let unit = usize::from(share.unit);
                if kept(unit) {
                    sum += prices[unit];
                    of_parcels[usize::from(order.units[unit].parcel)] += share.amount.minor();
                }
                prices[unit] -= share.amount.minor();
            }
            let share_of_kept = of_parcels.iter().sum::<u64>();
            let taken = match terms.broken_threshold {
                BrokenThreshold::Keep => 0,
                BrokenThreshold::ClawBack => share_of_kept.saturating_sub(saved(&terms.rule, sum)),
            };
            let parts = Amount::of(taken).split(&of_parcels);
            for (all, part) in clawed_of_parcels.iter_mut().zip(parts) {
                *all += part.minor();
            }
            clawed.push(taken);
        }
        let fee = |(place, parcel): (usize, &MarketParcel)| {
            if keeps_units(order, place) { parcel.delivery.minor() } else { 0 }
        };
        let mut net: Vec<u64> = order.parcels.iter().enumerate().map(fee).collect();
        for (unit, price) in prices.iter().enumerate().filter(|(unit, _)| kept(*unit)) {
            net[usize::from(order.units[unit].parcel)] += price;
        }
        KeptValue { net, clawed, clawed_of_parcels }
    }

    /// Frees uses, budgets and coupons of promotions that release them.
    fn free_promotions(&self, order: &mut MarketOrder, value: &KeptValue) -> Vec<GivenBack> {
        // What is clawed back and cannot be deducted from a refund stays a discount.
        let mut deducted = order.kept().saturating_sub(value.net.iter().sum());
        let mut given_back = Vec::new();
        let mut promotions = std::mem::take(&mut order.promotions);
        for (applied, clawed) in promotions.iter_mut().zip(&value.clawed) {
            let clawed = deducted.min(*clawed);
            deducted -= clawed;
            let promotion = &self.promotions[&applied.promotion];
            let terms = promotion.version(applied.version);
            if terms.undone_use == UndoneUse::Keep {
                continue;
            }
            let standing = StandingDiscount::of(order, applied, promotion);
            let counted = Amount::of(standing.amount - clawed).min(applied.counted);
            let uses = standing.uses.min(applied.uses);
            let one = GivenBack {
                promotion: applied.promotion,
                uses: applied.uses - uses,
                amount: applied.counted.saturating_sub(counted),
                coupon: applied.coupon.filter(|_| uses == 0 && applied.uses > 0),
            };
            (applied.uses, applied.counted) = (uses, counted);
            if one.uses > 0 || !one.amount.is_zero() {
                given_back.push(one);
            }
        }
        order.promotions = promotions;
        given_back
    }

    pub(crate) fn change_order(
        &mut self,
        change: OrderChange,
        at: Timestamp,
        out: &mut Vec<MarketEvent>,
    ) {
        let OrderChange { place, after, arrived, given_back, refused, events } = change;
        let (id, buyer) = (after.id, after.buyer);
        if self.order(place).counts && !after.counts {
            let known = self.buyer_mut(buyer);
            known.orders = crate::stock::minus(known.orders, 1);
        }
        for (unit, resellable) in arrived {
            self.take_unit_back(&after, unit, resellable);
        }
        for GivenBack { promotion, uses, amount, coupon } in given_back {
            let promotion = self.promotions.get_mut(&promotion).expect("the order names it");
            promotion.give_back(buyer, uses, amount);
            if let Some(token) = coupon {
                let coupon = promotion.coupons.get_mut(&token).expect("the order names it");
                if coupon.used_by == Some(id) {
                    coupon.used_by = None;
                }
            }
        }
        if let Some(parcel) = refused {
            self.note_refusal(buyer, parcel, at);
        }
        *self.order_mut(place) = after;
        out.extend(events);
    }

    fn take_unit_back(&mut self, order: &MarketOrder, number: u16, resellable: bool) {
        let unit = order.units[usize::from(number)];
        let mut to_flash = false;
        if unit.flash {
            let takes = |applied: &&AppliedPromotion| {
                let share = applied.shares.iter().find(|share| share.unit == number);
                let flash = self.promotions[&applied.promotion].flash.contains_key(&unit.variant);
                flash && share.is_some_and(|share| !share.amount.is_zero())
            };
            let applied = order.promotions.iter().find(takes).expect("a flash price took it");
            let promotion =
                self.promotions.get_mut(&applied.promotion).expect("the order names it");
            let releases = promotion.version(applied.version).undone_use == UndoneUse::Release;
            let stock = promotion.flash.get_mut(&unit.variant).expect("it had this unit");
            if resellable && releases && promotion.ended_at.is_none() {
                stock.sold = crate::stock::minus(stock.sold, 1);
                stock.left += 1;
                stock.assert_whole();
                to_flash = true;
            }
        }
        let stock = &mut self.variant_mut(unit.variant).stock;
        if resellable {
            stock.take_back(to_flash);
        } else {
            stock.write_off();
        }
    }
}

/// What of a promotion stands on the units that are kept.
struct StandingDiscount {
    amount: u64,
    uses: u32,
}

impl StandingDiscount {
    fn of(
        order: &MarketOrder,
        applied: &AppliedPromotion,
        promotion: &Promotion,
    ) -> StandingDiscount {
        let kept = |unit: u16| order.units[usize::from(unit)].state == UnitState::Kept;
        let shares = applied.shares.iter().filter(|share| kept(share.unit));
        let discounted = shares.clone().filter(|share| !share.amount.is_zero()).count();
        let deliveries =
            applied.deliveries.iter().filter(|share| keeps_units(order, usize::from(share.parcel)));
        let any = discounted > 0 || deliveries.clone().next().is_some();
        let terms = promotion.version(applied.version);
        let uses = match terms.rule {
            PromotionRule::Flash(_) => u32::try_from(discounted).unwrap_or(u32::MAX),
            _ => u32::from(any),
        };
        let amount = shares.map(|share| share.amount.minor()).sum::<u64>()
            + deliveries.map(|share| share.amount.minor()).sum::<u64>();
        StandingDiscount { amount, uses }
    }
}

fn keeps_units(order: &MarketOrder, parcel: usize) -> bool {
    let of_parcel = |unit: &&crate::order::OrderUnit| usize::from(unit.parcel) == parcel;
    order.units.iter().filter(of_parcel).any(|unit| unit.state == UnitState::Kept)
}

/// Makes a parcel cost what its kept units do, or less.
fn move_money(order: &mut MarketOrder, money: MoneyOf, value: &KeptValue) {
    let place = money.parcel();
    let parcel = &mut order.parcels[place];
    let kept = match money {
        MoneyOf::Ended(_) => Amount::ZERO,
        _ => parcel.kept.min(Amount::of(value.net[place] + value.clawed_of_parcels[place])),
    };
    let less = parcel.kept.saturating_sub(kept);
    parcel.kept = kept;
    match money {
        MoneyOf::Door(_) | MoneyOf::Ended(_) => (parcel.due, parcel.owed) = (kept, Amount::ZERO),
        MoneyOf::Delivered(_) => parcel.owed = Amount::of(parcel.owed.minor() + less.minor()),
    }
    let sum = parcel.kept.minor() + parcel.owed.minor();
    assert_eq!(sum, parcel.due.minor(), "M14: kept and owed are what is due");
}

fn check_rising(units: &[u16]) -> Result<(), MarketRefusal> {
    let rises = units.windows(2).all(|two| two[0] < two[1]);
    if rises && !units.is_empty() { Ok(()) } else { Err(MarketRefusal::UnitsNotRising) }
}

/// The state of a unit whose parcel was delivered.
fn delivered_state(order: &MarketOrder, unit: u16) -> Option<UnitState> {
    let one = order.units.get(usize::from(unit))?;
    let parcel = &order.parcels[usize::from(one.parcel)];
    (parcel.state == MarketParcelState::Delivered).then_some(one.state)
}

fn arrived_state(resellable: bool) -> UnitState {
    if resellable { UnitState::Back } else { UnitState::WrittenOff }
}

fn parcel_number(parcel: usize) -> u8 {
    u8::try_from(parcel).expect("limited by PARCELS_PER_ORDER_MAX")
}
