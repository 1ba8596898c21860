//! The states of a parcel: announced, assigned, out, and how it ends.

use std::ops::Range;

use money::Amount;
use tariff::BusinessDate;

use crate::books::{Books, Now, check_above_zero, check_record_limit, check_reference};
use crate::cash::check_sequence_number;
use crate::chart::ChartEntry;
use crate::command::{
    ATTEMPTS_MAX, AcceptPart, AnnounceParcel, AssignParcels, DispatchParcels, ForgetClosed,
    LoseParcel, PARCELS_PER_COMMAND_MAX, RETENTION_DAYS, RecordAttempt, RefuseParcel, ReturnParcel,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{ParcelId, PaymentId};
use crate::index::ParcelSlot;
use crate::records::{
    NO_PAYMENT, OpenParcelStatus, Parcel, PaymentRecord, PaymentStatus, RecordedMethod,
};
use crate::refusal::{MissingRecord, Refusal};

impl Books {
    pub(crate) fn announce_parcel(
        &mut self,
        command: &AnnounceParcel,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        check_reference(&command.reference)?;
        let AnnounceParcel { parcel: id, seller, currency, due, .. } = *command;
        check_above_zero(due)?;
        let place = self.currency_index(currency)?;
        let missing = Refusal::NotFound(MissingRecord::Seller(seller));
        let number = self.sellers.number(seller).ok_or(missing)?;
        if self.sellers.get(number).currency != place {
            return Err(Refusal::CurrencyWithoutAccount(currency));
        }
        match self.parcel_slot(id) {
            Some(ParcelSlot::Open(slot)) => {
                let parcel = self.parcel(slot);
                let same = parcel.seller == number && (parcel.due == due || parcel.part_accepted);
                return Err(if same { Refusal::Repeated } else { Refusal::IdentifierTaken });
            }
            Some(ParcelSlot::Closed(slot)) => {
                let same = self.payment(slot).seller == number;
                return Err(if same { Refusal::Repeated } else { Refusal::IdentifierTaken });
            }
            None => {}
        }
        let slot = self.parcels.insert(Parcel {
            id,
            due,
            seller: number,
            carrier: u32::MAX,
            last_payment: NO_PAYMENT,
            status: OpenParcelStatus::Announced,
            attempts: 0,
            payment_count: 0,
            part_accepted: false,
            in_flight: 0,
        });
        self.index.add(id, ParcelSlot::Open(slot), &self.parcels, &self.payments);
        out.events.push(Event::ParcelAnnounced { parcel: id, seller, due });
        Ok(())
    }

    /// Whether nothing is collected and no payment is in flight.
    fn has_nothing_collected(&self, parcel: &Parcel) -> bool {
        parcel.in_flight == 0 && self.collected_amount(parcel).is_zero()
    }

    /// Whether no payment is in flight and all collected money is refunded.
    fn is_fully_refunded(&self, parcel: &Parcel) -> bool {
        let kept = |item: &PaymentRecord| item.is_collected() && item.refunded < item.amount;
        parcel.in_flight == 0
            && !self.payments_from(parcel.last_payment).any(|(_, item)| kept(item))
    }

    pub(crate) fn assign_parcels(
        &mut self,
        command: &AssignParcels,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let (firm, ids) = (command.firm, command.parcels.as_slice());
        let number = self.firms.number(firm).ok_or(Refusal::NotFound(MissingRecord::Firm(firm)))?;
        let currency = self.firms.get(number).currency;
        let slots = self.slots_of(ids, |engine, parcel| {
            if !matches!(parcel.status, OpenParcelStatus::Announced | OpenParcelStatus::Assigned) {
                return Err(Refusal::ParcelState);
            }
            engine.check_same_currency(engine.sellers.get(parcel.seller).currency, currency)
        })?;
        for slot in slots {
            let parcel = self.parcel_mut(slot);
            parcel.status = OpenParcelStatus::Assigned;
            parcel.carrier = number;
            out.events.push(Event::ParcelAssigned { parcel: parcel.id, firm });
        }
        Ok(())
    }

    pub(crate) fn dispatch_parcels(
        &mut self,
        command: &DispatchParcels,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let (courier, ids) = (command.courier, command.parcels.as_slice());
        let number = self.courier_number(courier)?;
        let firm = self.couriers.get(number).firm;
        let slots = self.slots_of(ids, |_, parcel| {
            if parcel.status != OpenParcelStatus::Assigned {
                return Err(Refusal::ParcelState);
            }
            if parcel.carrier != firm {
                return Err(Refusal::WrongCourier);
            }
            if parcel.attempts >= ATTEMPTS_MAX {
                return Err(Refusal::TooMany(ATTEMPTS_MAX));
            }
            Ok(())
        })?;
        for slot in slots {
            let parcel = self.parcel_mut(slot);
            parcel.status = OpenParcelStatus::Out;
            parcel.carrier = number;
            out.events.push(Event::ParcelDispatched { parcel: parcel.id, courier });
        }
        Ok(())
    }

    /// The slots of all parcels in a list, if each one passes.
    fn slots_of(
        &self,
        ids: &[ParcelId],
        passes: impl Fn(&Books, &Parcel) -> Result<(), Refusal>,
    ) -> Result<Vec<u32>, Refusal> {
        if !(1..=PARCELS_PER_COMMAND_MAX).contains(&ids.len()) {
            return Err(Refusal::OutOfRange(1_000));
        }
        ids.iter()
            .map(|id| {
                let slot = self.open_parcel_slot(*id)?;
                passes(self, self.parcel(slot)).map(|()| slot)
            })
            .collect()
    }

    pub(crate) fn record_attempt(
        &mut self,
        command: &RecordAttempt,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RecordAttempt { parcel: id, number, reason: _ } = *command;
        let slot = self.open_parcel_slot(id)?;
        let parcel = self.parcel(slot);
        check_sequence_number(u32::from(number), u32::from(parcel.attempts))?;
        if parcel.status != OpenParcelStatus::Out || !self.is_fully_refunded(parcel) {
            return Err(Refusal::ParcelState);
        }
        let firm = self.couriers.get(parcel.carrier).firm;
        let parcel = self.parcel_mut(slot);
        parcel.status = OpenParcelStatus::Assigned;
        parcel.carrier = firm;
        parcel.attempts += 1;
        out.events.push(Event::DeliveryAttempted { parcel: id, attempts: parcel.attempts });
        Ok(())
    }

    pub(crate) fn accept_part(
        &mut self,
        command: &AcceptPart,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let AcceptPart { parcel: id, accepted } = *command;
        check_above_zero(accepted)?;
        let slot = self.open_parcel_slot(id)?;
        let parcel = self.parcel(slot);
        if parcel.status != OpenParcelStatus::Out || !self.has_nothing_collected(parcel) {
            return Err(Refusal::ParcelState);
        }
        let before = parcel.due;
        if parcel.part_accepted && accepted == before {
            return Err(Refusal::Repeated);
        }
        if accepted >= before {
            return Err(Refusal::AmountTooLarge(before));
        }
        let parcel = self.parcel_mut(slot);
        parcel.due = accepted;
        parcel.part_accepted = true;
        out.events.push(Event::PartAccepted { parcel: id, before, due: accepted });
        Ok(())
    }

    pub(crate) fn refuse_parcel(
        &mut self,
        command: &RefuseParcel,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RefuseParcel { parcel: id, reason: _ } = *command;
        let slot = self.open_parcel_slot(id)?;
        let parcel = self.parcel(slot);
        match parcel.status {
            OpenParcelStatus::Refused => return Err(Refusal::Repeated),
            OpenParcelStatus::Announced => return Err(Refusal::ParcelState),
            OpenParcelStatus::Assigned | OpenParcelStatus::Out => {}
        }
        if !self.is_fully_refunded(parcel) {
            return Err(Refusal::ParcelState);
        }
        self.parcel_mut(slot).status = OpenParcelStatus::Refused;
        out.events.push(Event::ParcelRefused { parcel: id });
        Ok(())
    }

    /// The parcel's slot. Refused as a repeat if it already ended this way.
    fn slot_unless_ended(&self, id: ParcelId, ending: PaymentStatus) -> Result<u32, Refusal> {
        if let Some(ParcelSlot::Closed(slot)) = self.parcel_slot(id)
            && self.payment(slot).status == ending
        {
            return Err(Refusal::Repeated);
        }
        self.open_parcel_slot(id)
    }

    pub(crate) fn return_parcel(
        &mut self,
        command: &ReturnParcel,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ReturnParcel { parcel: id } = *command;
        let today = now.today;
        let slot = self.slot_unless_ended(id, PaymentStatus::Returned)?;
        let parcel = self.parcel(slot);
        if parcel.status != OpenParcelStatus::Refused {
            return Err(Refusal::ParcelState);
        }
        let seller = self.sellers.get(parcel.seller);
        let version = self.tariff_version_in_force(seller.tariff, today)?;
        let fee = self.reference_data.versions[usize::from(version)].terms.return_fee;
        let tariff = self.tariff_version(version);
        let (number, seller_id, payable) = (parcel.seller, seller.id, seller.payable);
        let income = self.currency_accounts(seller.currency).fees[tariff::FeeKind::Return as usize];
        self.ledger.begin_chain(Some(PaymentId { parcel: id, number: 0 }), Some(tariff));
        self.ledger.post(ChartEntry::ReturnCharged, payable, income, fee);
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        self.sellers.get_mut(number).statement.fees += u128::from(fee.minor());
        self.close_without_money(slot, PaymentStatus::Returned, fee, (today, version));
        out.events.push(Event::ParcelReturned { parcel: id, seller: seller_id, fee, tariff });
        Ok(())
    }

    pub(crate) fn lose_parcel(
        &mut self,
        command: &LoseParcel,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let LoseParcel { parcel: id } = *command;
        let today = now.today;
        let slot = self.slot_unless_ended(id, PaymentStatus::Lost)?;
        if !self.is_fully_refunded(self.parcel(slot)) {
            return Err(Refusal::ParcelState);
        }
        self.close_without_money(slot, PaymentStatus::Lost, Amount::ZERO, (today, 0));
        out.events.push(Event::ParcelLost { parcel: id });
        Ok(())
    }

    fn close_without_money(
        &mut self,
        slot: u32,
        status: PaymentStatus,
        fees: Amount,
        (date, version): (BusinessDate, u16),
    ) {
        let parcel = self.parcel(slot);
        let ending = PaymentRecord {
            parcel: parcel.id,
            amount: Amount::ZERO,
            fees,
            deducted_by_network: Amount::ZERO,
            refunded: Amount::ZERO,
            status,
            seller: parcel.seller,
            courier: u32::MAX,
            previous: parcel.last_payment,
            date,
            rail: 0,
            tariff_version: version,
            number: 0,
            method: RecordedMethod::Cash,
            refund_count: 0,
            attempts: 0,
            confirmations: 0,
            guaranteed: false,
        };
        let item = self.payments.insert(ending);
        self.parcel_mut(slot).last_payment = item;
        self.close(slot);
    }

    /// Closes a parcel. Its payments stay.
    pub(crate) fn close(&mut self, slot: u32) {
        let parcel = self.parcels.remove(slot).expect("the slot holds a parcel");
        assert_ne!(parcel.last_payment, NO_PAYMENT, "a parcel closes with a payment record");
        assert_eq!(parcel.in_flight, 0, "a parcel does not close on a payment in flight (M4)");
        self.payment_mut(parcel.last_payment).attempts = parcel.attempts;
        self.index.redirect(
            parcel.id,
            ParcelSlot::Open(slot),
            ParcelSlot::Closed(parcel.last_payment),
        );
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
        if today.0.checked_sub(RETENTION_DAYS).is_none_or(|latest| before.0 > latest) {
            return Err(Refusal::BadDate(before));
        }
        self.forget_disputes(before);
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
            let mut next = slot;
            while let Some(item) = self.payments.remove(next) {
                self.terminal_batches.forget_payment(item.id());
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

    /// Whether [`ForgetClosed`] would forget any of these records, or a disputed batch.
    #[must_use]
    pub fn has_anything_to_forget(&self, before: BusinessDate, mut records: Range<u32>) -> bool {
        let oldest_dispute = self.disputes.first_key_value();
        oldest_dispute.is_some_and(|((left_on, ..), _)| *left_on < before)
            || records.any(|slot| self.forgettable_parcel(slot, before).is_some())
    }

    /// Whether all records of a list are final and older than a date. Not if the bank has not
    /// credited guaranteed cash, if a terminal's batch still has a transaction of it, or if a
    /// network's response is missing.
    fn is_forgettable(&self, newest: u32, before: BusinessDate) -> bool {
        let final_and_old =
            |item: &PaymentRecord| item.status.is_final() && !item.guaranteed && item.date < before;
        let over = |item: &PaymentRecord| {
            final_and_old(item) && self.terminal_batches.can_be_forgotten(item.id())
        };
        self.payments_from(newest).all(|(_, item)| over(item))
    }

    /// A parcel's payments with their slots, newest first.
    pub(crate) fn payments_from(&self, newest: u32) -> impl Iterator<Item = (u32, &PaymentRecord)> {
        let first = self.payments.get(newest).map(|item| (newest, item));
        std::iter::successors(first, |(_, item)| {
            self.payments.get(item.previous).map(|before| (item.previous, before))
        })
    }

    /// The collected part of a parcel's amount due.
    pub(crate) fn collected_amount(&self, parcel: &Parcel) -> Amount {
        self.payment_sum(parcel.last_payment, |item| item.is_collected())
    }

    /// The sum of the payments that `counts` accepts.
    pub(crate) fn payment_sum(
        &self,
        newest: u32,
        counts: impl Fn(&PaymentRecord) -> bool,
    ) -> Amount {
        let counted = self.payments_from(newest).filter(|(_, item)| counts(item));
        let sum = counted.map(|(_, item)| item.amount).try_fold(Amount::ZERO, Amount::checked_add);
        sum.expect("payments never add up to more than an amount due (M2)")
    }
}
