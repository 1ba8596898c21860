//! Closed parcels: how a parcel closes, and when it is forgotten.

use std::ops::Range;

use money::Amount;
use tariff::{BusinessDate, PaymentMethod, SellerClassNumber};

use crate::books::{Books, Now, check_date, check_record_limit};
use crate::command::{
    ForgetClosed, RETENTION_DAYS, RETENTION_DAYS_MAX, RETENTION_DAYS_MIN, SetRetention,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::ParcelId;
use crate::parcel::index::ParcelSlot;
use crate::parcel::record::{NO_PAYMENT, ParcelHistory};
use crate::party::persons::check_two_people;
use crate::payment::record::{PaymentRecord, PaymentStatus};
use crate::reference_data::Retention;
use crate::refusal::Refusal;

impl Books {
    pub(crate) fn close_without_money(
        &mut self,
        slot: u32,
        status: PaymentStatus,
        fees: Amount,
        date: BusinessDate,
        version: u16,
    ) {
        let parcel = self.parcel(slot);
        let ending = PaymentRecord {
            parcel: parcel.id,
            amount: Amount::ZERO,
            fees,
            refunded: Amount::ZERO,
            status,
            seller: parcel.seller,
            courier: u32::MAX,
            previous: parcel.last_payment,
            date,
            rail: 0,
            tariff_version: version,
            class: SellerClassNumber(0),
            number: 0,
            method: PaymentMethod::Cash,
            refund_count: 0,
            confirmations: 0,
            guaranteed: false,
            history: ParcelHistory::default(),
        };
        let item = self.payments.insert(ending);
        self.parcel_mut(slot).last_payment = item;
        self.close(slot);
    }

    /// Delivers and closes a parcel if the whole amount due stands. It bears its freight then.
    pub(crate) fn deliver_if_paid(
        &mut self,
        slot: u32,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let parcel = self.parcel(slot);
        let (newest, collected) = (parcel.last_payment, self.standing_amount(parcel.last_payment));
        assert!(collected <= parcel.due, "M2: more stands than the amount due");
        if collected == parcel.due {
            let id = parcel.id;
            out.events.push(Event::ParcelDelivered { parcel: id, collected });
            self.set_delivery_date(newest, today);
            self.close(slot);
            self.charge_delivery(id, newest, out);
            self.date_holds(newest, today, out);
        }
    }

    /// The delivery date applies to all of the parcel's payments.
    fn set_delivery_date(&mut self, newest: u32, today: BusinessDate) {
        let mut next = newest;
        while let Some(item) = self.payments.get_mut(next) {
            item.date = today;
            next = item.previous;
        }
    }

    /// Closes a parcel. Its payments stay.
    pub(crate) fn close(&mut self, slot: u32) {
        let parcel = self.parcels.remove(slot).expect("the slot holds a parcel");
        assert_ne!(parcel.last_payment, NO_PAYMENT, "a parcel closes with a payment record");
        assert_eq!(parcel.in_flight, 0, "a parcel does not close on a payment in flight (M4)");
        self.payment_mut(parcel.last_payment).history = parcel.history;
        let changes = &mut self.reference_data.parcel_changes;
        if parcel.assignments != 1 {
            let assignments = Some(parcel.assignments);
            changes.entry(parcel.id).or_default().assignments = assignments;
        } else if let Some(changes) = changes.get_mut(&parcel.id) {
            changes.assignments = None;
        }
        self.index.redirect(
            parcel.id,
            ParcelSlot::Open(slot),
            ParcelSlot::Closed(parcel.last_payment),
        );
    }

    pub(crate) fn set_retention(
        &mut self,
        command: &SetRetention,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let SetRetention { number, days, proposed_by, approved_by } = *command;
        check_two_people(proposed_by, approved_by, &[])?;
        if !(RETENTION_DAYS_MIN..=RETENTION_DAYS_MAX).contains(&days) {
            return Err(Refusal::RetentionOutOfRange);
        }
        let retention = Retention { days, decided_by: (proposed_by, approved_by) };
        self.reference_data.retention.check(number, |before| *before == retention)?;
        self.reference_data.retention.push(retention);
        out.events.push(Event::Registered);
        Ok(())
    }

    /// How many days closed parcels and closed open items are kept.
    #[must_use]
    pub fn retention_days(&self) -> u16 {
        self.reference_data.retention.latest().map_or(RETENTION_DAYS, |latest| latest.days)
    }

    /// Checks the next `limit` records and forgets the parcels that are closed and final.
    pub(crate) fn forget_closed(
        &mut self,
        command: &ForgetClosed,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ForgetClosed { before, limit } = *command;
        let today = now.today;
        check_record_limit(limit)?;
        check_date(before, BusinessDate(0)..=today.minus_days(self.retention_days()))?;
        self.open_items.forget_ended(before);
        let slots = self.forget_slots();
        for _ in 0..limit.min(slots) {
            let slot = if self.reference_data.forget_cursor >= slots {
                0
            } else {
                self.reference_data.forget_cursor
            };
            self.reference_data.forget_cursor = slot + 1;
            let Some(id) = self.forgettable_parcel(slot, before) else { continue };
            self.index.remove(id, ParcelSlot::Closed(slot));
            self.reference_data.damages.remove(&id);
            self.reference_data.discounts.remove(&id);
            self.reference_data.parcel_changes.remove(&id);
            let mut next = slot;
            while let Some(item) = self.payments.remove(next) {
                self.terminal_batches.forget_payment(item.id());
                self.forget_refunds(&item);
                self.forget_clearing(item.id());
                self.shared_fees.remove(&item.id());
                self.reference_data.rejected_sales.remove(&item.id());
                next = item.previous;
            }
            out.events.push(Event::ParcelForgotten { parcel: id });
        }
        Ok(())
    }

    /// The closed parcel of this newest record, if it can be forgotten.
    fn forgettable_parcel(&self, slot: u32, before: BusinessDate) -> Option<ParcelId> {
        let id = self.payments.get(slot)?.parcel;
        let over = self.is_forgettable(slot, before)
            && self.parcel_slot(id) == Some(ParcelSlot::Closed(slot));
        over.then_some(id)
    }

    /// Record slots that [`ForgetClosed`] cycles through, including free ones.
    #[must_use]
    pub fn forget_slots(&self) -> u32 {
        u32::try_from(self.payments.slots()).expect("a slab has fewer than 2³² slots")
    }

    /// Whether [`ForgetClosed`] would forget any of these records, or a closed open item.
    #[must_use]
    pub fn has_anything_to_forget(&self, before: BusinessDate, mut records: Range<u32>) -> bool {
        self.open_items.has_ended(before)
            || records.any(|slot| self.forgettable_parcel(slot, before).is_some())
    }

    /// Whether all records of a list are final and older than a date. Not if the bank has not
    /// credited guaranteed cash, if a chargeback is contested, if a terminal's batch still has a
    /// transaction of it, if a network's response is missing, or if a network's or wallet's file
    /// has a line to come.
    fn is_forgettable(&self, newest: u32, before: BusinessDate) -> bool {
        let final_and_old =
            |item: &PaymentRecord| item.status.is_final() && !item.guaranteed && item.date < before;
        let over = |item: &PaymentRecord| {
            final_and_old(item)
                && self.is_settled(item)
                && !self.is_contested(item.id())
                && self.terminal_batches.can_be_forgotten(item.id())
        };
        self.payments_from(newest).all(|(_, item)| over(item))
    }
}
