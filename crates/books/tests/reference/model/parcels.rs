//! The model: parcels.

use std::collections::{BTreeMap, BTreeSet};

use books::chart::{AccountKind as A, ChartEntry};
use books::view::{ParcelState as S, PaymentState};
use books::*;
use money::Amount;

use super::parties::{check_reference, share};
use super::taxes::tax_account;
use super::{
    Model, ModelPayment, ModelRefusal, ModelResult, Numbered, Parcel, SellerAccount, Statement,
    Transaction, ensure,
};

impl Model {
    pub fn apply_parcel_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match command {
            Command::AnnounceParcel(_) => self.announce(command),
            Command::AssignParcels(AssignParcels { firm, parcels }) => self.assign(*firm, parcels),
            Command::AmendDue(AmendDue { parcel, number, due }) => {
                self.amend(*parcel, *number, *due, command)
            }
            Command::CancelParcel(CancelParcel { parcel }) => self.cancel_parcel(*parcel),
            Command::DispatchParcels(DispatchParcels { courier, parcels }) => {
                self.dispatch(*courier, parcels)
            }
            Command::RecordAttempt(RecordAttempt { parcel, number, .. }) => {
                self.attempt(*parcel, *number, command)
            }
            Command::AcceptPart(AcceptPart { parcel, accepted }) => {
                self.accept_part(*parcel, *accepted)
            }
            Command::RefuseParcel(RefuseParcel { parcel, .. }) => self.refuse(*parcel, command),
            Command::ReturnParcel(ReturnParcel { parcel }) => self.bring_back(*parcel),
            Command::LoseParcel(LoseParcel { parcel, paid_by }) => {
                self.lose(*parcel, *paid_by, command)
            }
            Command::CompensateSeller(CompensateSeller { parcel, amount, .. }) => {
                self.compensate(*parcel, *amount, command)
            }
            Command::PayDiscount(PayDiscount { parcel, amount }) => {
                self.pay_discount(*parcel, amount.minor())
            }
            _ => return None,
        };
        Some(done)
    }

    fn announce(&mut self, command: &Command) -> ModelResult {
        let Command::AnnounceParcel(AnnounceParcel {
            parcel,
            seller,
            currency,
            due,
            reference,
            shipment,
        }) = command
        else {
            unreachable!("only parcels are announced");
        };
        check_reference(reference)?;
        ensure(self.sellers.contains_key(&(*seller, *currency)), "no such account of a seller")?;
        ensure(!due.is_zero(), "nothing due")?;
        ensure((1..=SHIPMENTS_PER_ORDER_MAX).contains(shipment), "no such shipment")?;
        if let Some(known) = self.parcels.get(parcel) {
            ensure(!known.came_back(), "its order needs another shipment")?;
            return self.only_repeats(known.announced == *command);
        }
        let first = parcel.shipment(*shipment);
        let of_order = |number| self.parcels.get(&first.shipment(number));
        if *shipment > 1 {
            let before = of_order(shipment - 1);
            let before = before.ok_or(ModelRefusal::Because("no shipment before"))?;
            ensure(before.seller == *seller, "another seller's order")?;
            ensure(before.came_back(), "the shipment before is on its way, or delivered")?;
        }
        let mut later = shipment + 1..=SHIPMENTS_PER_ORDER_MAX;
        ensure(later.all(|number| of_order(number).is_none()), "the order is further on")?;
        ensure(!self.is_seller_suspended(*seller), "the seller is suspended")?;
        let new = Parcel {
            seller: *seller,
            currency: *currency,
            due: due.minor(),
            announced: command.clone(),
            accepted: None,
            state: S::Announced,
            firm: None,
            courier: None,
            assignments: 0,
            attempts: 0,
            refused_by: None,
            damage: None,
            compensated_by: None,
            discount: None,
            closed_on: None,
            payments: BTreeMap::new(),
        };
        self.parcels.insert(*parcel, new);
        self.push_event(Event::ParcelAnnounced { parcel: *parcel, seller: *seller, due: *due })
    }

    fn assign(&mut self, firm: FirmId, parcels: &[AssignedParcel]) -> ModelResult {
        ensure((1..=PARCELS_PER_COMMAND_MAX).contains(&parcels.len()), "none or too many")?;
        let currency = self.firms.get(&firm).ok_or(ModelRefusal::Because("no such firm"))?.currency;
        let is_with = |one: &AssignedParcel| {
            self.parcels.get(&one.parcel).is_some_and(|parcel| {
                parcel.is_open() && parcel.firm == Some(firm) && parcel.assignments == one.number
            })
        };
        if parcels.iter().all(is_with) {
            return Err(ModelRefusal::Repeated);
        }
        for AssignedParcel { parcel, number } in parcels {
            let parcel = self.parcel(*parcel)?;
            ensure(u32::from(*number) == u32::from(parcel.assignments) + 1, "not its next one")?;
            ensure(matches!(parcel.state, S::Announced | S::Assigned), "not at a hub")?;
            ensure(parcel.currency == currency, "not the firm's currency")?;
        }
        for AssignedParcel { parcel: id, number } in parcels {
            let parcel = self.parcel_mut(*id);
            parcel.state = S::Assigned;
            (parcel.firm, parcel.assignments) = (Some(firm), *number);
            self.push_event(Event::ParcelAssigned { parcel: *id, firm })?;
        }
        Ok(())
    }

    fn dispatch(&mut self, courier: CourierId, parcels: &[DispatchedParcel]) -> ModelResult {
        ensure((1..=PARCELS_PER_COMMAND_MAX).contains(&parcels.len()), "none or too many")?;
        let firm =
            self.couriers.get(&courier).ok_or(ModelRefusal::Because("no such courier"))?.firm;
        let is_with = |one: &DispatchedParcel| {
            self.parcels.get(&one.parcel).is_some_and(|parcel| {
                parcel.state == S::Out
                    && parcel.courier == Some(courier)
                    && one.attempt == parcel.attempts + 1
            })
        };
        if parcels.iter().all(is_with) {
            return Err(ModelRefusal::Repeated);
        }
        self.is_here(PersonId(courier.0))?;
        ensure(!self.is_courier_suspended(courier), "the courier is suspended")?;
        for DispatchedParcel { parcel, attempt } in parcels {
            let parcel = self.parcel(*parcel)?;
            ensure(parcel.state == S::Assigned, "not at a hub")?;
            ensure(*attempt == parcel.attempts + 1, "not its next attempt")?;
            ensure(parcel.firm == Some(firm), "another firm's parcel")?;
            ensure(parcel.attempts < ATTEMPTS_MAX, "all attempts used up")?;
        }
        for DispatchedParcel { parcel: id, .. } in parcels {
            let parcel = self.parcel_mut(*id);
            parcel.state = S::Out;
            parcel.courier = Some(courier);
            self.push_event(Event::ParcelDispatched { parcel: *id, courier })?;
        }
        Ok(())
    }

    fn attempt(&mut self, id: ParcelId, number: u8, command: &Command) -> ModelResult {
        let parcel = self.parcel(id)?;
        ensure(parcel.is_open(), "not on its way")?;
        self.next_number(Numbered::Attempts(id), u32::from(number), command)?;
        ensure(parcel.state == S::Out, "not out")?;
        ensure(parcel.is_free_of_money(), "something is collected")?;
        let parcel = self.parcel_mut(id);
        parcel.state = S::Assigned;
        parcel.courier = None;
        parcel.attempts += 1;
        let attempts = parcel.attempts;
        self.use_number(Numbered::Attempts(id), command);
        self.push_event(Event::DeliveryAttempted { parcel: id, attempts })
    }

    fn accept_part(&mut self, id: ParcelId, accepted: Amount) -> ModelResult {
        let parcel = self.parcel(id)?;
        ensure(!accepted.is_zero(), "nothing accepted")?;
        ensure(!parcel.came_back(), "it is gone")?;
        if parcel.accepted == Some(accepted.minor()) {
            return Err(ModelRefusal::Repeated);
        }
        ensure(parcel.state == S::Out, "not out")?;
        ensure(parcel.begun() == 0, "a payment is in flight")?;
        ensure(accepted.minor() < parcel.due, "no part")?;
        ensure(accepted.minor() >= parcel.standing(), "more is paid")?;
        let parcel = self.parcel_mut(id);
        let before = Amount::of(parcel.due);
        parcel.due = accepted.minor();
        parcel.accepted = Some(accepted.minor());
        self.push_event(Event::PartAccepted { parcel: id, before, due: accepted })?;
        self.deliver_if_paid(id)
    }

    /// Hands the parcel over if all that is due stands.
    pub fn deliver_if_paid(&mut self, id: ParcelId) -> ModelResult {
        let parcel = self.parcel(id)?;
        let standing = parcel.standing();
        if standing < parcel.due {
            return Ok(());
        }
        self.close(id, S::Delivered);
        let collected = Amount::of(standing);
        self.push_event(Event::ParcelDelivered { parcel: id, collected })?;
        self.charge_delivery(id)?;
        for number in self.parcel(id)?.payments.clone().into_keys() {
            let payment = PaymentId { parcel: id, number };
            let dated = self.held.iter().any(|(_, other)| *other == payment);
            if self.payment(payment)?.state == PaymentState::Held && !dated {
                self.release_on(payment, self.payment(payment)?.hold_ends(self.today))?;
            }
        }
        Ok(())
    }

    fn refuse(&mut self, id: ParcelId, command: &Command) -> ModelResult {
        let parcel = self.parcel(id)?;
        if parcel.state == S::Refused {
            return self.only_repeats(parcel.refused_by.as_ref() == Some(command));
        }
        ensure(matches!(parcel.state, S::Assigned | S::Out), "neither out nor at the hub")?;
        self.refund_all(id, command)?;
        if let Command::RefuseParcel(RefuseParcel { reason, .. }) = command
            && let RefuseReason::Damaged { paid_by } = *reason
        {
            self.damage(id, paid_by)?;
        }
        let parcel = self.parcel_mut(id);
        parcel.state = S::Refused;
        parcel.refused_by = Some(command.clone());
        parcel.courier = None;
        self.push_event(Event::ParcelRefused { parcel: id })
    }

    fn bring_back(&mut self, id: ParcelId) -> ModelResult {
        let parcel = self.parcel(id)?.clone();
        if parcel.state == S::Returned {
            return Err(ModelRefusal::Repeated);
        }
        ensure(parcel.state == S::Refused, "not refused")?;
        let (seller, account) = (parcel.seller, parcel.account());
        let tariff = self.charge_on(parcel.account(), self.today)?.tariff;
        let terms = self.version_on(tariff.tariff, self.today)?.terms.clone();
        let fee = terms.return_fee;
        let income = (A::ReturnFees, 0, parcel.currency);
        self.about = (Some(PaymentId { parcel: id, number: 0 }), Some(tariff));
        let (mut charged, mut vat) = (fee.minor(), 0);
        let paid_by = parcel.damage.map_or(DamagePayer::Seller, |(paid_by, _)| paid_by);
        match paid_by {
            DamagePayer::Seller => {
                let payable = (A::SellerPayable, seller.0, parcel.currency);
                self.post(ChartEntry::ReturnCharged, payable, income, charged);
                vat = share(charged, terms.vat.ppm());
                let owed = tax_account(Tax::Vat, parcel.currency);
                self.post(ChartEntry::VatCharged, payable, owed, vat);
                let line = Statement { fees: charged + vat, vat, ..Statement::default() };
                self.add_statement_line(account, line);
            }
            DamagePayer::Firm => {
                let firm = parcel.firm.expect("a firm had it");
                let commission = (A::FirmCommission, firm.0, parcel.currency);
                self.post(ChartEntry::ReturnCharged, commission, income, charged);
            }
            // Nobody owes Doorstep what Doorstep pays.
            DamagePayer::Doorstep => charged = 0,
        }
        self.close(id, S::Returned);
        let (fee, vat) = (Amount::of(charged), Amount::of(vat));
        self.push_event(Event::ParcelReturned { parcel: id, seller, fee, vat, paid_by, tariff })?;
        if parcel.damage.is_none() {
            self.charge_freight(id, tariff, parcel.firm.expect("a firm had it"))?;
        }
        Ok(())
    }

    /// Somebody pays for a parcel that is damaged or lost.
    fn damage(&mut self, id: ParcelId, paid_by: DamagePayer) -> ModelResult {
        let parcel = self.parcel_mut(id);
        let by_firm = paid_by == DamagePayer::Firm;
        ensure(!by_firm || parcel.firm.is_some(), "no firm had it")?;
        parcel.damage = Some((paid_by, parcel.due));
        Ok(())
    }

    fn compensate(&mut self, id: ParcelId, amount: Amount, command: &Command) -> ModelResult {
        ensure(!amount.is_zero(), "nothing compensated")?;
        let parcel = self.parcel(id)?.clone();
        if let Some(before) = &parcel.compensated_by {
            return self.only_repeats(before == command);
        }
        let (paid_by, due) =
            parcel.damage.ok_or(ModelRefusal::Because("neither damaged nor lost"))?;
        let from = match (paid_by, parcel.firm) {
            (DamagePayer::Firm, Some(firm)) => (A::FirmCommission, firm.0, parcel.currency),
            (DamagePayer::Doorstep, _) => (A::WriteOffs, 0, parcel.currency),
            _ => return Err(ModelRefusal::Because("the seller bears it")),
        };
        ensure(amount.minor() <= due, "more than the goods were sold for")?;
        let Command::CompensateSeller(CompensateSeller { proposed_by, approved_by, .. }) = command
        else {
            unreachable!("only compensations come here");
        };
        ensure(proposed_by != approved_by, "one person alone")?;
        let (seller, compensated) = (parcel.seller, amount.minor());
        let payable = (A::SellerPayable, seller.0, parcel.currency);
        self.about = (Some(PaymentId { parcel: id, number: 0 }), None);
        self.post(ChartEntry::SellerCompensated, from, payable, compensated);
        let line = Statement { compensated, ..Statement::default() };
        self.add_statement_line(parcel.account(), line);
        self.parcel_mut(id).compensated_by = Some(command.clone());
        self.push_event(Event::SellerCompensated { parcel: id, seller, amount, paid_by })
    }

    /// Doorstep pays a part of the prices of what the buyer keeps. It only ever becomes less.
    fn pay_discount(&mut self, id: ParcelId, amount: u64) -> ModelResult {
        let parcel = self.parcel(id)?;
        ensure(parcel.state == S::Delivered, "not delivered")?;
        let Some((before, is_payable)) = parcel.discount else {
            ensure(amount > 0, "no discount")?;
            self.move_discount(id, 0, amount, A::SellerHeld)?;
            self.parcel_mut(id).discount = Some((amount, false));
            return self.release_discount(id);
        };
        if amount == before {
            return Err(ModelRefusal::Repeated);
        }
        ensure(amount < before, "it became more")?;
        self.parcel_mut(id).discount = Some((amount, is_payable));
        self.move_discount(id, before, amount, seller_account(is_payable))
    }

    /// The parcel is not delivered after all.
    pub fn undo_discount(&mut self, id: ParcelId) -> ModelResult {
        match self.parcel_mut(id).discount.take() {
            Some((before, is_payable)) if before > 0 => {
                self.move_discount(id, before, 0, seller_account(is_payable))
            }
            _ => Ok(()),
        }
    }

    fn move_discount(&mut self, id: ParcelId, before: u64, now: u64, kind: A) -> ModelResult {
        let (seller, currency) = self.parcel(id)?.account();
        let (expense, account) = ((A::Promotions, 0, currency), (kind, seller.0, currency));
        self.about = (Some(PaymentId { parcel: id, number: 0 }), None);
        if now > before {
            self.post(ChartEntry::DiscountPaid, expense, account, now - before);
        } else {
            self.post(ChartEntry::DiscountTakenBack, account, expense, before - now);
            if kind == A::SellerPayable {
                let (refunded, parts) = (before - now, vec![("discount_taken_back", before - now)]);
                let line = Statement { refunded, parts, ..Statement::default() };
                self.add_statement_line((seller, currency), line);
            }
        }
        let [before, amount] = [before, now].map(Amount::of);
        self.push_event(Event::DiscountPaid { parcel: id, seller, before, amount })
    }

    /// The seller can have it as soon as it has all that was taken for the parcel.
    pub fn release_discount(&mut self, id: ParcelId) -> ModelResult {
        let parcel = self.parcel(id)?;
        let has = |one: &ModelPayment| !one.is_collected() || one.state == PaymentState::Released;
        let Some((amount, false)) = parcel.discount else { return Ok(()) };
        if !parcel.payments.values().all(has) {
            return Ok(());
        }
        let (seller, currency) = parcel.account();
        self.parcel_mut(id).discount = Some((amount, true));
        if amount == 0 {
            return Ok(());
        }
        self.about = (Some(PaymentId { parcel: id, number: 0 }), None);
        let [held, payable] =
            [A::SellerHeld, A::SellerPayable].map(|kind| (kind, seller.0, currency));
        self.post(ChartEntry::Released, held, payable, amount);
        let line = Statement {
            gross: amount,
            parts: vec![("discount_paid", amount)],
            ..Statement::default()
        };
        self.add_statement_line((seller, currency), line);
        let amount = Amount::of(amount);
        self.push_event(Event::DiscountReleased { parcel: id, seller, amount })
    }

    fn lose(&mut self, id: ParcelId, paid_by: DamagePayer, command: &Command) -> ModelResult {
        let parcel = self.parcel(id)?;
        if parcel.state == S::Lost {
            let before = parcel.damage.map(|(paid_by, _)| paid_by);
            return self.only_repeats(before == Some(paid_by));
        }
        ensure(parcel.is_open(), "not on its way")?;
        self.damage(id, paid_by)?;
        self.refund_all(id, command)?;
        self.close(id, S::Lost);
        self.push_event(Event::ParcelLost { parcel: id })
    }

    pub fn close(&mut self, id: ParcelId, state: S) {
        let today = self.today;
        let parcel = self.parcel_mut(id);
        parcel.state = state;
        parcel.closed_on = Some(today);
        if state == S::Delivered {
            parcel.payments.values_mut().for_each(|payment| payment.taken_on = today);
        } else {
            parcel.due = 0;
        }
    }

    /// Adds to a seller's payable money.
    pub fn add_statement_line(&mut self, seller: SellerAccount, line: Statement) {
        self.sellers.get_mut(&seller).expect("the seller is there").statement.push(line);
    }

    /// Whether everything about a parcel ended before that day: its requests at the door, later
    /// requests, and guaranteed cash that the bank does not have.
    fn is_over(&self, id: ParcelId, before: BusinessDate) -> bool {
        use PaymentState as T;
        let parcel = &self.parcels[&id];
        let early = match parcel.state {
            S::Delivered => true,
            _ if parcel.came_back() => parcel.closed_on.is_some_and(|day| day < before),
            _ => false,
        };
        let guaranteed =
            |firm| self.guaranteed(firm).iter().any(|(payment, _)| payment.parcel == id);
        let is_final = |state| {
            let ended = matches!(state, T::Declined | T::Reversed | T::Expired | T::Rejected);
            ended || state == T::Released
        };
        let over = |(number, one): (&u8, &ModelPayment)| {
            let early = one.taken_on < before;
            let is_even = self.rail_is_even(PaymentId { parcel: id, number: *number });
            is_final(one.state) && one.unpaid == 0 && early && is_even
        };
        let here = |place: &usize| {
            let payment = self.transactions[*place].payment;
            payment.parcel == id && self.sale_without_parcel(payment).is_none()
        };
        let remembered =
            (0..self.transactions.len()).filter(here).any(|place| self.is_remembered(place));
        early
            && !remembered
            && parcel.payments.iter().all(over)
            && !self.has_open_contest(id)
            && !self.firms.keys().any(|firm| guaranteed(*firm))
    }

    pub fn forget(
        &mut self,
        before: BusinessDate,
        limit: u32,
        forgotten: &BTreeSet<ParcelId>,
    ) -> ModelResult {
        ensure((1..=RECORDS_PER_COMMAND_MAX).contains(&limit), "no limit")?;
        let kept = self.retention_days();
        let last = self.today.0.checked_sub(kept);
        ensure(last.is_some_and(|last| before.0 <= last), "too early to forget")?;
        let ids = self.parcels.keys().copied();
        let over: BTreeSet<ParcelId> = ids.filter(|id| self.is_over(*id, before)).collect();
        let chosen = if limit == RECORDS_PER_COMMAND_MAX { &over } else { forgotten };
        ensure(chosen.is_subset(&over), "forgotten while something is to come")?;
        self.forget_open_items(before);
        for parcel in chosen {
            self.parcels.remove(parcel);
            self.chargebacks.all.retain(|(id, _), _| id.parcel != *parcel);
            let transactions = std::mem::take(&mut self.transactions);
            let kept = |one: &Transaction| {
                one.payment.parcel != *parcel || self.sale_without_parcel(one.payment).is_some()
            };
            self.transactions = transactions.into_iter().filter(kept).collect();
            self.numbers.retain(|what, _| what.parcel() != Some(*parcel));
            self.push_event(Event::ParcelForgotten { parcel: *parcel })?;
        }
        Ok(())
    }
}

/// Where a seller's money is.
fn seller_account(is_payable: bool) -> A {
    if is_payable { A::SellerPayable } else { A::SellerHeld }
}
