//! Day after day: what the world takes over from the day before, and what is new.

use std::collections::BTreeSet;

use books::{BusinessDate, Command, HoldRule, ParcelId, PaymentId, SellerId, SettlementCycle};

use crate::books::ParcelLocation;
use crate::counterparty::StatedToday;
use crate::inputs::{
    DayInputError, DayInputs, DayOptions, PartyFiles, PaymentMix, check_later_inputs,
};
use crate::rates::{Rates, WHOLE_PPM};
use crate::script::ParcelScript;
use crate::world::{ParcelExceptions, SimulatedParcel, SimulatedSeller, World};
use tariff::PaymentMethod;

/// Weekly sellers are paid on Fridays. 1970-01-01 was a Thursday.
const WEEKLY_PAYDAY: u16 = 1;
const DAYS_PER_WEEK: u16 = 7;

/// The terms of all sellers, which the first day sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorldTerms {
    pub hold_rule: HoldRule,
    pub cycle: SettlementCycle,
    /// Sellers who are paid weekly instead, in parts per million.
    pub weekly_ppm: u32,
    /// Tax withheld from what firms are paid. `None`: they are not paid.
    pub withholding_ppm: Option<u32>,
}

impl WorldTerms {
    pub(crate) fn of(options: &DayOptions) -> WorldTerms {
        WorldTerms {
            hold_rule: options.hold_rule,
            cycle: options.cycle,
            weekly_ppm: options.weekly_sellers_ppm,
            withholding_ppm: options.withholding.map(|rate| rate.ppm()),
        }
    }

    pub(crate) fn cycle_of(self, seller: SellerId) -> SettlementCycle {
        let weekly = seller.0 % u64::from(WHOLE_PPM) < u64::from(self.weekly_ppm);
        if weekly { SettlementCycle::Weekly } else { self.cycle }
    }

    /// The cycles that the sellers have.
    pub(crate) fn cycles(self) -> BTreeSet<SettlementCycle> {
        let weekly = (self.weekly_ppm > 0).then_some(SettlementCycle::Weekly);
        weekly.into_iter().chain([self.cycle]).collect()
    }
}

/// Whether a cycle pays on a day: weekly on Fridays, monthly on the first.
pub(crate) fn pays_on(cycle: SettlementCycle, date: BusinessDate) -> bool {
    match cycle {
        SettlementCycle::Daily => true,
        SettlementCycle::Weekly => date.0 % DAYS_PER_WEEK == WEEKLY_PAYDAY,
        SettlementCycle::Monthly => date.to_string().ends_with("-01"),
    }
}

/// What a day adds to the world, by index.
#[derive(Clone, Debug, Default)]
pub(crate) struct DayAdditions {
    /// Sellers to register.
    pub sellers: Vec<usize>,
    /// Parcels to announce.
    pub announced: Vec<usize>,
    /// Parcels to assign: those, and the parcels that others announced.
    pub assigned: Vec<usize>,
    /// The first courier to register.
    pub first_courier: usize,
}

impl World {
    /// Takes up the sellers and parcels of others and those of the day's orders. Orders whose
    /// parcel is known are left out.
    pub(crate) fn add_orders(&mut self, inputs: &DayInputs, options: &DayOptions) {
        self.today = DayAdditions { first_courier: self.couriers.len(), ..DayAdditions::default() };
        for command in &inputs.others {
            if let Command::RegisterSeller(seller) = command
                && seller.currency == self.currency
            {
                self.find_or_add_seller(seller.seller, &seller.reference);
            }
        }
        for command in &inputs.others {
            let Command::AnnounceParcel(announced) = command else { continue };
            if announced.currency != self.currency {
                continue;
            }
            let seller = self.find_or_add_seller(announced.seller, "");
            let (id, due) = (announced.parcel, announced.due.minor());
            if let Some(index) = self.add_parcel(id, seller, (&announced.reference, due), options) {
                let parcel = &mut self.parcels[index];
                parcel.exceptions.shipment = announced.shipment;
                if let Some(ordered) = inputs.ordered.get(&id) {
                    parcel.ordered.clone_from(ordered);
                    // The market sells it again, not the seller.
                    parcel.exceptions.shipped_again = false;
                }
                self.today.assigned.push(index);
            }
        }
        for input in &inputs.parcels {
            let id = input.seller_id();
            let sellers = self.sellers.len();
            let seller = self.find_or_add_seller(id, &input.seller_reference);
            if self.sellers.len() > sellers {
                self.today.sellers.push(seller);
            }
            let parcel = ParcelId::derived(id, &input.order_reference);
            let content = (input.order_reference.as_str(), input.due.minor());
            if let Some(index) = self.add_parcel(parcel, seller, content, options) {
                self.today.announced.push(index);
                self.today.assigned.push(index);
            }
        }
    }

    fn find_or_add_seller(&mut self, id: SellerId, reference: &str) -> usize {
        *self.seller_indexes.entry(id).or_insert_with(|| {
            let reference = reference.to_owned();
            self.sellers.push(SimulatedSeller { id, reference, paid: 0 });
            self.sellers.len() - 1
        })
    }

    /// Adds a parcel with its script. `None` if it is known.
    fn add_parcel(
        &mut self,
        id: ParcelId,
        seller: usize,
        (order_reference, due): (&str, u64),
        options: &DayOptions,
    ) -> Option<usize> {
        if self.parcel_indexes.contains_key(&id) {
            return None;
        }
        let networks = self.rails.len() as u64 - 1;
        let others = (self.firms.len() as u64, networks);
        let script = ParcelScript::draw((self.seed, id), options.payment_mix, &self.rates, others);
        let index = self.parcels.len();
        self.parcel_indexes.insert(id, index);
        let exceptions = ParcelExceptions::draw(self.seed, id, &self.rates);
        let order = (order_reference, due);
        self.parcels.push(SimulatedParcel::announced(id, seller, order, script, exceptions));
        Some(index)
    }

    /// Begins a later day: everybody is at home, and what is not delivered goes out again.
    ///
    /// # Errors
    /// The inputs are invalid, or change what the first day has fixed.
    pub(crate) fn begin_day(
        &mut self,
        inputs: &DayInputs,
        options: &DayOptions,
    ) -> Result<(), DayInputError> {
        check_later_inputs(inputs, options)?;
        if inputs.date <= self.clock.date {
            return Err(DayInputError::DateTooEarly { before: self.clock.date });
        }
        let changed = |what| Err(DayInputError::ChangedLater { what });
        if inputs.currency != self.currency {
            return changed("currency");
        }
        if WorldTerms::of(options) != self.terms {
            return changed("hold and cycle");
        }
        if usize::from(options.firms) != self.firms.len() {
            return changed("number of firms");
        }
        self.day += 1;
        let entries_before = self.bank_statement.len();
        let today = StatedToday { entries_before, ..StatedToday::default() };
        self.stated = (options.party_files != PartyFiles::None).then_some(today);
        self.leaves_clearing = options.party_files == PartyFiles::Alone;
        self.clock.date = inputs.date;
        self.seed = options.seed;
        self.rates = Rates::of(options);
        self.cash_only = options.payment_mix == PaymentMix::Only(PaymentMethod::Cash);
        let rates = self.rates;
        for courier in &mut self.couriers {
            courier.stops.clear();
            courier.retry_parcels.clear();
            courier.was_at_hub = false;
            courier.loses_memory = courier.chance.happens(rates.memory_loss);
        }
        self.add_orders(inputs, options);
        self.assign_tours(usize::from(options.parcels_per_courier));
        Ok(())
    }

    /// Whether the hold of a payment whose money has arrived lasts longer than the last release.
    pub(crate) fn is_held(&self, parcel: &SimulatedParcel, payment: PaymentId) -> bool {
        let delivered =
            parcel.delivered_on.filter(|_| parcel.location == ParcelLocation::Delivered);
        let (Some(delivered), Some(received)) = (delivered, self.received_on.get(&payment)) else {
            return true;
        };
        let (after_receipt, after_delivery) = match self.terms.hold_rule {
            HoldRule::AtOnce => (0, 0),
            HoldRule::DaysAfterHeld(days) => (days, 0),
            HoldRule::DaysAfterDelivery(days) => (0, days),
        };
        let ends = (received.0 + after_receipt).max(delivered.0 + after_delivery);
        ends > self.released_on.0
    }

    /// Notes the payments whose last banknote has reached the bank.
    pub(crate) fn note_banked(&mut self) {
        let (banked, today) = (self.cash.banked(), self.clock.night());
        for cash in &self.cash_payments {
            if banked.get(&cash.payment) == Some(&cash.amount) {
                self.received_on.entry(cash.payment).or_insert(today);
            }
        }
    }
}
