//! The states of a parcel: announced, assigned, out, and how it ends.

use money::Amount;

use crate::books::{
    Books, Now, check_above_zero, check_identifier, check_sequence_number, done_before,
    used_identifier,
};
use crate::chart::ChartEntry;
use crate::command::{
    ATTEMPTS_MAX, AcceptPart, AnnounceParcel, AssignParcels, AssignedParcel, DamagePayer,
    DispatchParcels, DispatchedParcel, LoseParcel, PARCELS_PER_COMMAND_MAX, RecordAttempt,
    RefuseParcel, RefuseReason, ReturnParcel, SHIPMENTS_PER_ORDER_MAX, Tax,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{ParcelId, PaymentId};
use crate::parcel::index::ParcelSlot;
use crate::parcel::record::{NO_PAYMENT, OpenParcelStatus, Parcel, ParcelHistory};
use crate::payment::record::PaymentStatus;
use crate::refusal::{MissingRecord, Refusal};
use crate::used_numbers::content_hash;

/// Hash of what an announced parcel costs, how its seller calls it and which shipment it is.
fn announcement_hash(due: Amount, shipment: u8, reference: &str) -> [u8; 4] {
    let word = |bytes: &[u8]| bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let words = reference.as_bytes().chunks(8).map(word);
    let length = u64::from(shipment) << 32 | reference.len() as u64;
    content_hash([due.minor(), length].into_iter().chain(words))
}

/// The slots of the parcels in a list, if each passes. `check` gives a parcel's slot and its number
/// in the command. A list of retries is a retry; one with a retry and a new number is not.
fn slots_of_list<T>(
    parcels: &[T],
    check: impl Fn(&T) -> (Result<u32, Refusal>, u8),
) -> Result<Vec<u32>, Refusal> {
    if !(1..=PARCELS_PER_COMMAND_MAX).contains(&parcels.len()) {
        return Err(Refusal::OutOfRange(1_000));
    }
    let (mut slots, mut repeated) = (Vec::with_capacity(parcels.len()), None);
    for parcel in parcels {
        match check(parcel) {
            (Ok(slot), _) => slots.push(slot),
            (Err(Refusal::Repeated), number) => repeated = Some(number),
            (Err(refusal), _) => return Err(refusal),
        }
    }
    match repeated {
        None => Ok(slots),
        Some(_) if slots.is_empty() => Err(Refusal::Repeated),
        Some(number) => Err(Refusal::NumberUsed(number.into())),
    }
}

impl Books {
    pub(crate) fn announce_parcel(
        &mut self,
        command: &AnnounceParcel,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let (number, history) = self.check_announcement(command)?;
        let AnnounceParcel { parcel: id, seller, due, .. } = *command;
        let slot = self.parcels.insert(Parcel {
            id,
            due,
            seller: number,
            carrier: u32::MAX,
            last_payment: NO_PAYMENT,
            status: OpenParcelStatus::Announced,
            payment_count: 0,
            in_flight: 0,
            assignments: 0,
            history,
        });
        self.index.add(id, ParcelSlot::Open(slot), &self.parcels, &self.payments);
        out.events.push(Event::ParcelAnnounced { parcel: id, seller, due });
        Ok(())
    }

    /// The seller's number and the parcel's history, if the parcel can be announced.
    pub(crate) fn check_announcement(
        &self,
        command: &AnnounceParcel,
    ) -> Result<(u32, ParcelHistory), Refusal> {
        check_identifier("reference", &command.reference)?;
        let AnnounceParcel { parcel: id, seller, currency, due, shipment, .. } = *command;
        check_above_zero(due)?;
        if !(1..=SHIPMENTS_PER_ORDER_MAX).contains(&shipment) {
            return Err(Refusal::OutOfRange(SHIPMENTS_PER_ORDER_MAX.into()));
        }
        let number = self.seller_number(seller, currency)?;
        let history = ParcelHistory {
            announcement: announcement_hash(due, shipment, &command.reference),
            ..ParcelHistory::default()
        };
        if let Some(known) = self.parcel_slot(id) {
            if self.ended_without_delivery(known) {
                return Err(Refusal::ShipmentEnded);
            }
            let (seller, before) = self.seller_and_history(known);
            let same = seller == number && before.announcement == history.announcement;
            return Err(used_identifier(same));
        }
        self.check_other_shipments(id, shipment, number)?;
        if self.is_seller_suspended(seller) {
            return Err(Refusal::SellerSuspended);
        }
        Ok((number, history))
    }

    /// The order's shipment before has ended without a delivery, and there is none after.
    fn check_other_shipments(
        &self,
        id: ParcelId,
        shipment: u8,
        seller: u32,
    ) -> Result<(), Refusal> {
        let first = id.shipment(shipment);
        if shipment > 1 {
            let before = first.shipment(shipment - 1);
            let missing = Refusal::NotFound(MissingRecord::Parcel(before));
            let known = self.parcel_slot(before).ok_or(missing)?;
            if self.seller_and_history(known).0 != seller {
                return Err(Refusal::IdentifierTaken);
            }
            if !self.ended_without_delivery(known) {
                return Err(Refusal::EarlierShipment);
            }
        }
        // The shipment itself may be forgotten.
        let mut later = (shipment + 1..=SHIPMENTS_PER_ORDER_MAX).map(|later| first.shipment(later));
        if later.any(|later| self.parcel_slot(later).is_some()) {
            return Err(Refusal::ShipmentEnded);
        }
        Ok(())
    }

    fn seller_and_history(&self, known: ParcelSlot) -> (u32, ParcelHistory) {
        match known {
            ParcelSlot::Open(slot) => (self.parcel(slot).seller, self.parcel(slot).history),
            ParcelSlot::Closed(slot) => (self.payment(slot).seller, self.payment(slot).history),
        }
    }

    fn ended_without_delivery(&self, known: ParcelSlot) -> bool {
        matches!(known, ParcelSlot::Closed(newest)
            if self.payment(newest).status.ends_parcel())
    }

    pub(crate) fn assign_parcels(
        &mut self,
        command: &AssignParcels,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let firm = command.firm;
        let number = self.firms.number(firm).ok_or(Refusal::NotFound(MissingRecord::Firm(firm)))?;
        let slots =
            slots_of_list(&command.parcels, |one| (self.slot_to_assign(one, number), one.number))?;
        for (slot, AssignedParcel { number: assignment, .. }) in
            slots.into_iter().zip(&command.parcels)
        {
            let parcel = self.parcel_mut(slot);
            parcel.status = OpenParcelStatus::Assigned;
            (parcel.carrier, parcel.assignments) = (number, *assignment);
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
        let courier = command.courier;
        let number = self.courier_number(courier)?;
        let slots = slots_of_list(&command.parcels, |one| {
            (self.slot_to_dispatch(one, number), one.attempt)
        })?;
        self.check_working(courier)?;
        self.check_not_suspended(number)?;
        for slot in slots {
            let parcel = self.parcel_mut(slot);
            parcel.status = OpenParcelStatus::Out;
            parcel.carrier = number;
            out.events.push(Event::ParcelDispatched { parcel: parcel.id, courier });
            self.note_out(number, slot);
        }
        Ok(())
    }

    /// The slot of a parcel that can be given to a firm. While the firm has it, the same again is a
    /// retry.
    fn slot_to_assign(&self, assigned: &AssignedParcel, firm: u32) -> Result<u32, Refusal> {
        let AssignedParcel { parcel, number } = *assigned;
        let slot = self.open_parcel_slot(parcel)?;
        let parcel = self.parcel(slot);
        check_sequence_number(number.into(), parcel.assignments.into(), || {
            (number == parcel.assignments).then(|| self.firm_of(parcel) == firm)
        })?;
        if !matches!(parcel.status, OpenParcelStatus::Announced | OpenParcelStatus::Assigned) {
            return Err(Refusal::ParcelState);
        }
        let currency = self.sellers.get(parcel.seller).currency;
        self.check_same_currency(currency, self.firms.get(firm).currency)?;
        Ok(slot)
    }

    /// The slot of a parcel that a courier can take out. While it is out, the same again is a
    /// retry. The courier of an earlier attempt is not known.
    fn slot_to_dispatch(
        &self,
        dispatched: &DispatchedParcel,
        courier: u32,
    ) -> Result<u32, Refusal> {
        let DispatchedParcel { parcel, attempt } = *dispatched;
        let slot = self.open_parcel_slot(parcel)?;
        let parcel = self.parcel(slot);
        let failed = parcel.history.attempt_count();
        let is_out = match parcel.status {
            OpenParcelStatus::Announced | OpenParcelStatus::Refused(_) => {
                return Err(Refusal::ParcelState);
            }
            OpenParcelStatus::Assigned => false,
            OpenParcelStatus::Out => true,
        };
        let begun = failed + u8::from(is_out);
        check_sequence_number(attempt.into(), begun.into(), || {
            (is_out && attempt == begun).then_some(parcel.carrier == courier)
        })?;
        if is_out {
            return Err(Refusal::ParcelState);
        }
        if parcel.carrier != self.couriers.get(courier).firm {
            return Err(Refusal::WrongCourier);
        }
        if failed >= ATTEMPTS_MAX {
            return Err(Refusal::TooMany(ATTEMPTS_MAX));
        }
        Ok(slot)
    }

    pub(crate) fn record_attempt(
        &mut self,
        command: &RecordAttempt,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RecordAttempt { parcel: id, number, reason } = *command;
        let slot = self.open_parcel_slot(id)?;
        let parcel = self.parcel(slot);
        let attempts = parcel.history.attempt_count();
        check_sequence_number(u32::from(number), u32::from(attempts), || {
            let before = parcel.history.attempts.get(usize::from(number) - 1)?;
            before.map(|before| before == reason)
        })?;
        let has_money = !self.taken_amount(parcel.last_payment).is_zero();
        if parcel.status != OpenParcelStatus::Out || has_money {
            return Err(Refusal::ParcelState);
        }
        let courier = parcel.carrier;
        let firm = self.couriers.get(courier).firm;
        let parcel = self.parcel_mut(slot);
        parcel.status = OpenParcelStatus::Assigned;
        parcel.carrier = firm;
        parcel.history.attempts[usize::from(attempts)] = Some(reason);
        out.events.push(Event::DeliveryAttempted { parcel: id, attempts: number });
        Ok(())
    }

    pub(crate) fn accept_part(
        &mut self,
        command: &AcceptPart,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let AcceptPart { parcel: id, accepted } = *command;
        check_above_zero(accepted)?;
        if self.accepted_part(id) == Some(accepted) {
            return Err(Refusal::Repeated);
        }
        let slot = self.open_parcel_slot(id)?;
        let parcel = self.parcel(slot);
        if parcel.status != OpenParcelStatus::Out || parcel.in_flight > 0 {
            return Err(Refusal::ParcelState);
        }
        let before = parcel.due;
        if accepted >= before {
            return Err(Refusal::AmountTooLarge(before));
        }
        let too_much = self.standing_amount(parcel.last_payment).saturating_sub(accepted);
        if !too_much.is_zero() {
            return Err(Refusal::RefundFirst(too_much));
        }
        let parcel = self.parcel_mut(slot);
        parcel.due = accepted;
        parcel.history.part_accepted = true;
        out.events.push(Event::PartAccepted { parcel: id, before, due: accepted });
        self.deliver_if_paid(slot, now.today, out);
        Ok(())
    }

    /// The amount due of an open or delivered parcel of which a part was accepted.
    fn accepted_part(&self, id: ParcelId) -> Option<Amount> {
        let (history, due) = match self.parcel_slot(id)? {
            ParcelSlot::Open(slot) => (self.parcel(slot).history, self.parcel(slot).due),
            ParcelSlot::Closed(newest) if self.is_delivered(id) => {
                (self.payment(newest).history, self.due_when_delivered(newest))
            }
            ParcelSlot::Closed(_) => return None,
        };
        history.part_accepted.then_some(due)
    }

    pub(crate) fn refuse_parcel(
        &mut self,
        command: &RefuseParcel,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RefuseParcel { parcel: id, reason } = *command;
        let slot = self.open_parcel_slot(id)?;
        let parcel = self.parcel(slot);
        match parcel.status {
            OpenParcelStatus::Refused(before) => return Err(done_before(before == reason)),
            OpenParcelStatus::Announced => return Err(Refusal::ParcelState),
            OpenParcelStatus::Assigned | OpenParcelStatus::Out => {}
        }
        let firm = self.firm_of(parcel);
        let damage = match reason {
            RefuseReason::Damaged { paid_by } => Some(self.new_damage(parcel, paid_by)?),
            _ => None,
        };
        self.refund_standing(slot, now.today, out)?;
        let parcel = self.parcel_mut(slot);
        (parcel.status, parcel.carrier) = (OpenParcelStatus::Refused(reason), firm);
        if let Some(damage) = damage {
            self.reference_data.damages.insert(id, damage);
        }
        out.events.push(Event::ParcelRefused { parcel: id });
        Ok(())
    }

    /// The parcel's slot. Refused as a repeat if it already ended this way.
    pub(crate) fn slot_unless_ended(
        &self,
        id: ParcelId,
        ending: PaymentStatus,
    ) -> Result<u32, Refusal> {
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
        if !matches!(parcel.status, OpenParcelStatus::Refused(_)) {
            return Err(Refusal::ParcelState);
        }
        let seller = self.sellers.get(parcel.seller);
        let version = self.charged_terms(parcel.seller, today)?.version;
        let terms = &self.reference_data.versions[usize::from(version)].terms;
        let (return_fee, vat_rate) = (terms.return_fee, terms.vat);
        let tariff = self.tariff_version(version);
        let (number, seller_id) = (parcel.seller, seller.id);
        let damage = self.reference_data.damages.get(&id);
        let paid_by = damage.map_or(DamagePayer::Seller, |damage| damage.paid_by);
        // A damaged parcel bears no freight.
        let freight = damage.is_none().then(|| self.freight(number, parcel.carrier, version));
        let (payable, currency) = (seller.payable, seller.currency);
        let (from, fee, of_seller) = match paid_by {
            DamagePayer::Seller => (payable, return_fee, return_fee),
            DamagePayer::Firm => {
                (self.firms.get(parcel.carrier).commission, return_fee, Amount::ZERO)
            }
            DamagePayer::Doorstep => (payable, Amount::ZERO, Amount::ZERO),
        };
        let vat = vat_rate.of(of_seller);
        let income = self.currency_accounts(currency).fees[tariff::FeeKind::Return as usize];
        let vat_account = self.tax_account(Tax::Vat, currency);
        self.ledger.begin_chain(Some(PaymentId { parcel: id, number: 0 }), Some(tariff));
        self.ledger.post(ChartEntry::ReturnCharged, from, income, fee);
        self.ledger.post(ChartEntry::VatCharged, payable, vat_account, vat);
        if let Some(freight) = &freight {
            self.post_freight(freight);
        }
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        self.record_tax(Tax::Vat, currency, vat.minor().into());
        let statement = &mut self.sellers.get_mut(number).statement;
        statement.fees += u128::from(of_seller.minor()) + u128::from(vat.minor());
        statement.vat += u128::from(vat.minor());
        self.close_without_money(slot, PaymentStatus::Returned, fee, today, version);
        let seller = seller_id;
        out.events.push(Event::ParcelReturned { parcel: id, seller, fee, vat, paid_by, tariff });
        if let Some(freight) = freight {
            self.record_freight(id, &freight, out);
        }
        Ok(())
    }

    pub(crate) fn lose_parcel(
        &mut self,
        command: &LoseParcel,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let LoseParcel { parcel: id, paid_by } = *command;
        let today = now.today;
        let slot = self.slot_unless_ended(id, PaymentStatus::Lost).map_err(|refusal| {
            let before = self.reference_data.damages.get(&id).map(|damage| damage.paid_by);
            let is_repeat = refusal == Refusal::Repeated;
            if is_repeat { done_before(before == Some(paid_by)) } else { refusal }
        })?;
        let damage = self.new_damage(self.parcel(slot), paid_by)?;
        self.refund_standing(slot, today, out)?;
        self.reference_data.damages.insert(id, damage);
        self.close_without_money(slot, PaymentStatus::Lost, Amount::ZERO, today, 0);
        out.events.push(Event::ParcelLost { parcel: id });
        Ok(())
    }
}
