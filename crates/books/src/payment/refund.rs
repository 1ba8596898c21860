//! Refunds and chargebacks.

use money::Amount;
use tariff::{BusinessDate, PaymentMethod};

use crate::books::{Books, Now, check_above_zero, check_sequence_number};
use crate::chart::ChartEntry;
use crate::command::{
    BeginRefund, ChargeBack, ConfirmRefund, REFUNDS_PER_PAYMENT_MAX, Refund, RefundByTwoPersons,
    ResolveRefund,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::PaymentId;
use crate::party::persons::check_two_people;
use crate::payment::codes::ResponseCode;
use crate::payment::purchase::{TransactionSubject, credit_column};
use crate::payment::record::{
    PaymentRecord, PaymentStatus, RefundConfirmation, RefundKind, RefundRecord,
};
use crate::refusal::{MissingRecord, Refusal};
use crate::settlement::record::Statement;
use crate::terminal::batches::{TerminalResponse, Transaction};
use crate::terminal::transaction::TransactionKind;
use crate::used_numbers::UsedNumbers;

impl Books {
    pub(crate) fn refund(
        &mut self,
        command: &Refund,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let Refund { payment, number, amount } = *command;
        let refund = RefundRecord::new(RefundKind::Refund, amount, now.today);
        self.owe_refund(payment, number, refund, out)
    }

    pub(crate) fn refund_by_two_persons(
        &mut self,
        command: &RefundByTwoPersons,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RefundByTwoPersons { payment, number, amount, proposed_by, approved_by } = *command;
        let decided_by = Some((proposed_by, approved_by));
        let refund = RefundRecord::new(RefundKind::Refund, amount, now.today);
        let refund = RefundRecord { decided_by, ..refund };
        self.owe_refund(payment, number, refund, out)
    }

    pub(crate) fn charge_back(
        &mut self,
        command: &ChargeBack,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ChargeBack { payment, number, amount } = *command;
        let (slot, _) = self.find_payment(payment)?;
        if self.payment(slot).method == PaymentMethod::Cash {
            return Err(Refusal::PaymentState);
        }
        let refund = RefundRecord::new(RefundKind::ChargeBack, amount, now.today);
        self.check_refund(payment, number, refund)?;
        let receivable = self.rails.get(u32::from(self.payment(slot).rail)).receivable;
        self.ledger.begin_chain(None, None);
        self.debit_seller(slot, ChartEntry::ChargedBack, receivable, amount);
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        self.record_refund(slot, refund);
        out.events.push(Event::ChargedBack { payment, amount });
        self.end_hold_without_money(slot, out);
        Ok(())
    }

    /// Checks a refund of one person, which changes nothing.
    pub(crate) fn check_plain_refund(
        &self,
        refund: &Refund,
        today: BusinessDate,
    ) -> Result<(), Refusal> {
        let record = RefundRecord::new(RefundKind::Refund, refund.amount, today);
        let slot = self.check_refund(refund.payment, refund.number, record)?;
        self.check_refund_limit(slot, record)
    }

    /// Owes a refund to the buyer.
    fn owe_refund(
        &mut self,
        payment: PaymentId,
        number: u8,
        refund: RefundRecord,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let slot = self.check_refund(payment, number, refund)?;
        self.check_refund_limit(slot, refund)?;
        self.owe_refunds(&[(slot, refund)], out)
    }

    /// Owes refunds that were checked to the buyer, all or none.
    pub(crate) fn owe_refunds(
        &mut self,
        refunds: &[(u32, RefundRecord)],
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        self.ledger.begin_chain(None, None);
        for &(slot, RefundRecord { amount, kind, .. }) in refunds {
            let item = self.payment(slot);
            let rejected = self.reference_data.rejected_sales.get(&item.id());
            match rejected.and_then(|one| one.loss).filter(|_| !kind.is_owed()) {
                Some(owner) => {
                    let bearer = self.loss_account(item, owner);
                    self.debit_seller(slot, ChartEntry::LossReturned, bearer, amount);
                }
                None => {
                    self.debit_seller(slot, ChartEntry::Refunded, self.buyer_refunds(slot), amount);
                }
            }
        }
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        for &(slot, refund) in refunds {
            self.record_refund(slot, refund);
            let (item, amount) = (self.payment_mut(slot), refund.amount);
            if !refund.kind.is_owed() {
                out.events.push(Event::LossReturned { payment: item.id(), amount });
                self.end_hold_without_money(slot, out);
                continue;
            }
            let unpaid = item.status.unpaid_refunds().and_then(|unpaid| unpaid.checked_add(amount));
            let unpaid = unpaid.expect("refunds never exceed the amount collected");
            item.status = item.status.with_unpaid_refunds(unpaid);
            out.events.push(Event::Refunded { payment: item.id(), amount });
            self.end_hold_without_money(slot, out);
        }
        Ok(())
    }

    /// Owes what stands of an open parcel's payments to the buyer, because the parcel is refused
    /// or lost. Each refund takes its payment's next number, also above
    /// [`REFUNDS_PER_PAYMENT_MAX`]: nothing is left to refund after it.
    pub(crate) fn refund_standing(
        &mut self,
        parcel: u32,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let parcel = self.parcel(parcel);
        let standing = |(_, item): &(u32, &PaymentRecord)| !item.standing().is_zero();
        let mut standing: Vec<(u32, &PaymentRecord)> =
            self.payments_from(parcel.last_payment).filter(standing).collect();
        standing.reverse();
        if parcel.in_flight > 0 {
            return Err(Refusal::ParcelState);
        }
        if standing.is_empty() {
            return Ok(());
        }
        if self.payments_from(parcel.last_payment).any(|(_, item)| item.status.is_unknown()) {
            return Err(Refusal::EarlierPaymentUnknown);
        }
        // A void or reversal that is pending may return the money another way.
        if standing.iter().any(|(_, item)| matches!(item.status, PaymentStatus::Reversing(_))) {
            return Err(Refusal::ParcelState);
        }
        // The network may reject the sale, and then nothing is owed.
        if standing.iter().any(|(_, item)| self.is_unanswered_sale(item)) {
            return Err(Refusal::ParcelState);
        }
        let kind = |item: &PaymentRecord| match self.is_rejected(item.id()) {
            true => RefundKind::LossReturned,
            false => RefundKind::ParcelEnded,
        };
        let refund = |item: &PaymentRecord| RefundRecord::new(kind(item), item.standing(), today);
        let refunds: Vec<_> = standing.iter().map(|(slot, item)| (*slot, refund(item))).collect();
        self.owe_refunds(&refunds, out)
    }

    /// Whether it is an offline sale whose network has neither taken, rejected nor cleared it.
    pub(crate) fn is_unanswered_sale(&self, item: &PaymentRecord) -> bool {
        let approved = matches!(item.status, PaymentStatus::Approved { .. });
        approved && self.clearing_of(item).claimed == 0 && self.awaits_advice(item.id())
    }

    pub(crate) fn begin_refund(
        &mut self,
        command: &BeginRefund,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let BeginRefund { trace, duplicate_key, payment: id, amount, network_reference } = *command;
        let admitted = self.admit_transaction(
            trace,
            duplicate_key,
            TransactionKind::Refund,
            TransactionSubject::PartOf(id, amount),
        )?;
        let courier = self.courier_who_begins(admitted.terminal)?;
        let (slot, _) = self.find_payment(id)?;
        let item = self.payment(slot);
        if item.method == PaymentMethod::Cash {
            return Err(Refusal::PaymentState);
        }
        if self.couriers.get(item.courier).firm != self.couriers.get(courier).firm {
            return Err(Refusal::WrongCourier);
        }
        let (which, column) = (item.refund_count.saturating_add(1), credit_column(item));
        let refund = RefundRecord::new(RefundKind::TerminalRefund, amount, now.today);
        self.owe_refund(id, which, refund, out)?;
        let response = Some(TerminalResponse::of(ResponseCode::APPROVED));
        let sent = Some(network_reference);
        let slot = self.record_transaction(&admitted, id, amount, column, sent, response);
        self.terminal_batches.await_network(slot);
        Ok(())
    }

    pub(crate) fn resolve_refund(
        &mut self,
        command: &ResolveRefund,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ResolveRefund { trace, code } = *command;
        let missing = Refusal::NotFound(MissingRecord::Terminal(trace.terminal));
        let terminal = self.terminals.number(trace.terminal).ok_or(missing)?;
        let found = self.terminal_batches.find_remembered(terminal, trace.batch, trace.stan);
        let slot = found.ok_or(Refusal::NotFound(MissingRecord::Transaction))?;
        let refund = self.terminal_batches.get(slot);
        if refund.kind != TransactionKind::Refund {
            return Err(Refusal::PaymentState);
        }
        if !refund.awaits_network {
            return Err(Refusal::Repeated);
        }
        let (payment, amount) = (refund.payment_id(), refund.amount);
        if code == ResponseCode::APPROVED {
            self.forward_refund(payment, amount, out);
            out.events.push(Event::RefundForwarded { payment, amount });
        } else {
            out.events.push(Event::RefundRejected { payment, amount, code });
        }
        self.terminal_batches.stop_awaiting_network(slot);
        Ok(())
    }

    /// The network or wallet pays a refund to the buyer and owes that much less.
    fn forward_refund(&mut self, id: PaymentId, amount: Amount, out: &mut CommandOutcome) {
        let (slot, _) = self.find_payment(id).expect("a transaction's payment is remembered");
        let refunds = self.buyer_refunds(slot);
        let receivable = self.rails.get(u32::from(self.payment(slot).rail)).receivable;
        self.ledger.begin_chain(Some(id), None);
        self.ledger.post(ChartEntry::RefundForwarded, refunds, receivable, amount);
        self.ledger.commit_infallible(out, "an owed refund can be paid");
        self.pay_refund(slot, amount);
    }

    /// An owed refund was paid.
    pub(crate) fn pay_refund(&mut self, slot: u32, amount: Amount) {
        let item = self.payment_mut(slot);
        let unpaid = item.status.unpaid_refunds().and_then(|unpaid| unpaid.checked_sub(amount));
        let unpaid = unpaid.expect("a refund is paid once");
        item.status = item.status.with_unpaid_refunds(unpaid);
    }

    /// Checks that a payment can be refunded or charged back.
    pub(crate) fn check_refundable(&self, slot: u32) -> Result<(), Refusal> {
        let item = self.payment(slot);
        // The buyer never paid a rejected sale, and a sale without an answer may be rejected.
        let is_paid = item.status.unpaid_refunds().is_some()
            && !self.is_rejected(item.id())
            && !self.is_unanswered_sale(item);
        if is_paid { Ok(()) } else { Err(Refusal::PaymentState) }
    }

    fn check_refund(
        &self,
        id: PaymentId,
        number: u8,
        refund: RefundRecord,
    ) -> Result<u32, Refusal> {
        let RefundRecord { amount, .. } = refund;
        check_above_zero(amount)?;
        let (slot, _) = self.find_payment(id)?;
        let item = self.payment(slot);
        self.check_refundable(slot)?;
        check_sequence_number(u32::from(number), u32::from(item.refund_count), || {
            let before = self.refunds.get(&(id, number))?;
            let same = (before.kind, before.amount) == (refund.kind, amount);
            Some(same && before.decided_by == refund.decided_by)
        })?;
        if item.refund_count >= REFUNDS_PER_PAYMENT_MAX {
            return Err(Refusal::TooMany(REFUNDS_PER_PAYMENT_MAX));
        }
        let left = item.amount.saturating_sub(item.refunded);
        if amount > left {
            return Err(Refusal::AmountTooLarge(left));
        }
        Ok(slot)
    }

    /// Checks that two people refund what is above the limit.
    fn check_refund_limit(&self, slot: u32, refund: RefundRecord) -> Result<(), Refusal> {
        if let Some((proposed_by, approved_by)) = refund.decided_by {
            return check_two_people(proposed_by, approved_by, &[]);
        }
        let item = self.payment(slot);
        let currency = self.sellers.get(item.seller).currency;
        let limit = self.reference_data.refund_limits.get(&currency);
        let limit = limit.and_then(UsedNumbers::latest).map(|latest| latest.limit);
        let sum = item.refunded.minor() + refund.amount.minor();
        match limit.filter(|limit| sum > limit.minor()) {
            Some(limit) => Err(Refusal::RefundNeedsTwoPeople(limit)),
            None => Ok(()),
        }
    }

    pub(crate) fn buyer_refunds(&self, slot: u32) -> ledger::AccountNumber {
        let currency = self.sellers.get(self.payment(slot).seller).currency;
        self.currency_accounts(currency).buyer_refunds
    }

    /// Adds the postings of a refund to the chain. Takes the amount from the payment's held share
    /// first, then from the seller's payable balance, which can go below zero.
    pub(crate) fn debit_seller(
        &mut self,
        slot: u32,
        entry: ChartEntry,
        credit: ledger::AccountNumber,
        amount: Amount,
    ) {
        let item = self.payment(slot);
        let from_held = item.refundable_from_held().min(amount);
        let (payment, tariff) = (item.id(), self.tariff_version(item.tariff_version));
        let seller = self.sellers.get(item.seller);
        let (held, payable) = (seller.held, seller.payable);
        self.ledger.attribute(Some(payment), Some(tariff));
        self.ledger.post(entry, held, credit, from_held);
        self.ledger.post(entry, payable, credit, amount.saturating_sub(from_held));
    }

    /// Records a refund or chargeback whose postings are committed, under the payment's next
    /// number.
    pub(crate) fn record_refund(&mut self, slot: u32, refund: RefundRecord) {
        let item = self.payment(slot);
        // What comes back for a chargeback from before the delivery was not due at the delivery.
        let after_delivery =
            self.is_delivered(item.parcel) && refund.kind != RefundKind::WonForBuyer;
        let from_payable = self.take_from_seller(slot, refund.amount);
        self.statement_of(slot).take_back(refund.kind, from_payable);
        let item = self.payment_mut(slot);
        item.refund_count += 1;
        let number = (item.id(), item.refund_count);
        self.refunds.insert(number, RefundRecord { after_delivery, ..refund });
    }

    /// Records that an amount of a payment does not stand any more. Returns what of it is taken
    /// from the payable balance: the seller's statement must say it.
    pub(crate) fn take_from_seller(&mut self, slot: u32, amount: Amount) -> Amount {
        let item = self.payment_mut(slot);
        let from_payable = amount.saturating_sub(item.refundable_from_held());
        let refunded = item.refunded.checked_add(amount);
        item.refunded = refunded.expect("refunds never exceed the amount collected");
        from_payable
    }

    /// The statement of a payment's seller.
    pub(crate) fn statement_of(&mut self, slot: u32) -> &mut Statement {
        let seller = self.payment(slot).seller;
        &mut self.sellers.get_mut(seller).statement
    }

    /// The parcel is out again. The amounts refunded or rejected since its delivery are due again.
    pub(crate) fn reopen_refunds(&mut self, newest: u32) {
        let payments: Vec<PaymentId> =
            self.payments_from(newest).map(|(_, item)| item.id()).collect();
        for payment in payments {
            if let Some(rejected) = self.reference_data.rejected_sales.get_mut(&payment) {
                rejected.after_delivery = false;
            }
        }
        let refunded: Vec<(PaymentId, u8)> = self
            .payments_from(newest)
            .flat_map(|(_, item)| (1..=item.refund_count).map(|number| (item.id(), number)))
            .collect();
        for number in refunded {
            if let Some(refund) = self.refunds.get_mut(&number) {
                refund.after_delivery = false;
            }
        }
    }

    pub(crate) fn confirm_refund(
        &mut self,
        command: &ConfirmRefund,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ConfirmRefund { bank, payment: id, number, amount } = *command;
        if self.sale_without_parcel(id).is_some() {
            return self.pay_back_suspended_sale(command, out);
        }
        check_above_zero(amount)?;
        let confirmation = RefundConfirmation { bank, amount };
        let bank = self.banks.find(bank).ok_or(Refusal::NotFound(MissingRecord::Bank(bank)))?;
        let (slot, _) = self.find_payment(id)?;
        let item = self.payment(slot);
        let unpaid = item.status.unpaid_refunds().ok_or(Refusal::PaymentState)?;
        check_sequence_number(u32::from(number), u32::from(item.confirmations), || {
            self.refund_confirmations.get(&(id, number)).map(|before| *before == confirmation)
        })?;
        // The network may still pay the refund it was asked for.
        let transaction =
            |one: &Transaction| one.kind == TransactionKind::Refund && one.awaits_network;
        if unpaid.is_zero()
            || self.is_unanswered_sale(item)
            || self.terminal_batches.find_by_payment(id, transaction).is_some()
        {
            return Err(Refusal::PaymentState);
        }
        if amount != unpaid {
            return Err(Refusal::AmountMismatch(unpaid));
        }
        self.check_same_currency(bank.currency, self.sellers.get(item.seller).currency)?;
        let (bank, refunds) = (bank.account, self.buyer_refunds(slot));
        self.check_in_bank(bank, amount.minor().into())?;
        self.ledger.begin_chain(Some(id), None);
        self.ledger.post(ChartEntry::RefundPaid, refunds, bank, amount);
        self.ledger.commit_infallible(out, "an owed refund can be paid");
        let item = self.payment_mut(slot);
        item.status = item.status.with_unpaid_refunds(Amount::ZERO);
        item.confirmations = number;
        self.refund_confirmations.insert((id, number), confirmation);
        out.events.push(Event::RefundPaid { payment: id, amount });
        Ok(())
    }

    /// Forgets the refunds of a forgotten payment.
    pub(crate) fn forget_refunds(&mut self, item: &PaymentRecord) {
        for number in 1..=item.refund_count {
            self.refunds.remove(&(item.id(), number));
        }
        self.forget_chargebacks(item);
        for number in 1..=item.confirmations {
            self.refund_confirmations.remove(&(item.id(), number));
        }
    }
}

// The refund of a refused or lost parcel has a number of its own above the limit.
const _: () = assert!(REFUNDS_PER_PAYMENT_MAX < u8::MAX);
