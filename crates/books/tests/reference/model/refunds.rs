//! The model: refunds and chargebacks.

use books::chart::{AccountKind as A, ChartEntry};
use books::view::PaymentState;
use books::*;
use money::Amount;

use super::payments::receivable;
use super::{
    Account, Model, ModelMethod, ModelPayment, ModelRefusal, ModelResult, Numbered, Statement,
    are_different, ensure,
};

impl Model {
    pub fn apply_refund_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match *command {
            Command::RefundByTwoPersons(RefundByTwoPersons {
                payment,
                number,
                amount,
                proposed_by,
                approved_by,
            }) => self
                .refund(payment, number, amount, command)
                .and_then(|()| are_different(&[proposed_by, approved_by])),
            Command::Refund(Refund { payment, number, amount }) => {
                self.refund(payment, number, amount, command)
            }
            Command::ConfirmRefund(ConfirmRefund { bank, payment, number, amount }) => {
                self.confirm_refund(bank, payment, number, amount, command)
            }
            Command::ChargeBack(ChargeBack { payment, number, amount }) => {
                self.charge_back(payment, number, amount, command)
            }
            _ => return None,
        };
        Some(done)
    }

    pub fn refund(
        &mut self,
        id: PaymentId,
        number: u8,
        amount: Amount,
        command: &Command,
    ) -> ModelResult {
        let buyers = (A::BuyerRefunds, 0, self.parcel(id.parcel)?.currency);
        self.take_back(ChartEntry::Refunded, id, number, amount, buyers, command)?;
        let alone = !matches!(command, Command::RefundByTwoPersons(_));
        let limit = self.refund_limit(buyers.2).filter(|_| alone);
        let refunded = self.payment(id)?.refunded;
        ensure(limit.is_none_or(|limit| refunded <= limit), "too much for one person")?;
        self.payment_mut(id).unpaid += amount.minor();
        self.push_event(Event::Refunded { payment: id, amount })
    }

    fn charge_back(
        &mut self,
        id: PaymentId,
        number: u8,
        amount: Amount,
        command: &Command,
    ) -> ModelResult {
        let payment = self.payment(id)?;
        ensure(!matches!(payment.method, ModelMethod::Cash(_)), "cash is not charged back")?;
        let (_, receivable) = receivable(payment.method, self.parcel(id.parcel)?.currency);
        self.take_back(ChartEntry::ChargedBack, id, number, amount, receivable, command)?;
        self.note_chargeback(id, amount.minor());
        self.push_event(Event::ChargedBack { payment: id, amount })
    }

    /// Takes from the seller: first from the payment's held share, then from the payable balance.
    fn take_back(
        &mut self,
        entry: ChartEntry,
        id: PaymentId,
        number: u8,
        amount: Amount,
        to: Account,
        command: &Command,
    ) -> ModelResult {
        ensure(!amount.is_zero(), "a refund of nothing")?;
        let payment = self.payment(id)?;
        ensure(payment.is_posted(), "not approved")?;
        ensure(payment.rejected.is_none(), "the buyer never paid it")?;
        ensure(!self.is_unanswered_sale(id), "the network may reject it")?;
        self.next_number(Numbered::Refunds(id), u32::from(number), command)?;
        ensure(number <= REFUNDS_PER_PAYMENT_MAX, "too many refunds")?;
        ensure(amount.minor() <= payment.standing(), "more than was paid")?;
        self.take_from_seller(entry, id, amount.minor(), to, command)
    }

    /// Owes back to the buyer what stands of a parcel that is refused or lost.
    pub fn refund_all(&mut self, parcel: ParcelId, command: &Command) -> ModelResult {
        let known = self.parcel(parcel)?.clone();
        ensure(known.begun() == 0, "a payment is in flight")?;
        if known.standing() == 0 {
            return Ok(());
        }
        ensure(!known.payments.values().any(ModelPayment::is_unknown), "a payment is unknown")?;
        let buyers = (A::BuyerRefunds, 0, known.currency);
        for (&number, payment) in &known.payments {
            let (id, standing) = (PaymentId { parcel, number }, payment.standing());
            if standing > 0 {
                ensure(payment.is_posted(), "a void or reversal is pending")?;
                ensure(!self.is_unanswered_sale(id), "the network may reject it")?;
                if let Some(loss) = payment.rejected {
                    self.return_loss(id, loss, standing, command)?;
                    continue;
                }
                self.take_from_seller(ChartEntry::Refunded, id, standing, buyers, command)?;
                self.payment_mut(id).unpaid += standing;
                self.push_event(Event::Refunded { payment: id, amount: Amount::of(standing) })?;
            }
        }
        Ok(())
    }

    /// Moves a refund or chargeback, and ends the payment's wait for a delivery if nothing of it
    /// is left.
    pub fn take_from_seller(
        &mut self,
        entry: ChartEntry,
        id: PaymentId,
        amount: u64,
        to: Account,
        command: &Command,
    ) -> ModelResult {
        self.move_from_seller(entry, id, amount, to)?;
        let number = self.count_of(Numbered::Refunds(id)) + 1;
        let payment = self.payment_mut(id);
        payment.taken_back.push((entry, number, amount));
        payment.refund_numbers += 1;
        self.use_number(Numbered::Refunds(id), command);
        self.end_wait_for_delivery(id)
    }

    /// Moves what does not stand any more of a payment: first from what is held of it.
    pub fn move_from_seller(
        &mut self,
        entry: ChartEntry,
        id: PaymentId,
        amount: u64,
        to: Account,
    ) -> ModelResult {
        let payment = self.payment(id)?.clone();
        let released = payment.state == PaymentState::Released;
        let from_held = if released { 0 } else { amount.min(payment.share()) };
        let rest = amount - from_held;
        let account = self.parcel(id.parcel)?.account();
        let payable = (A::SellerPayable, account.0.0, to.2);
        self.about = (Some(id), Some(payment.charge.tariff));
        self.post(entry, self.held_account(id), to, from_held);
        self.post(entry, payable, to, rest);
        let parts = match entry {
            ChartEntry::ChargedBack => vec![("charged_back", rest)],
            ChartEntry::LossReturned => vec![("loss_given_back", rest)],
            _ => Vec::new(),
        };
        let line = Statement { refunded: rest, parts, ..Statement::default() };
        self.add_statement_line(account, line);
        let payment = self.payment_mut(id);
        payment.refunded += amount;
        payment.from_held += from_held;
        Ok(())
    }

    /// A payment of which nothing stands waits for no delivery.
    pub fn end_wait_for_delivery(&mut self, id: PaymentId) -> ModelResult {
        let payment = self.payment(id)?;
        let held = payment.state == PaymentState::Held;
        let dated = self.held.iter().any(|(_, other)| *other == id);
        if held && !dated && payment.standing() == 0 { self.release(id) } else { Ok(()) }
    }

    fn confirm_refund(
        &mut self,
        bank: BankId,
        id: PaymentId,
        number: u8,
        amount: Amount,
        command: &Command,
    ) -> ModelResult {
        ensure(!amount.is_zero(), "nothing paid")?;
        let banks = *self.banks.get(&bank).ok_or(ModelRefusal::Because("no such bank account"))?;
        if self.sale_without_parcel(id).is_some() {
            return self.pay_back_suspended_sale((bank, banks), id, number, amount, command);
        }
        let payment = self.payment(id)?;
        let (unpaid, currency) = (payment.unpaid, self.parcel(id.parcel)?.currency);
        ensure(payment.is_posted(), "not approved")?;
        self.next_number(Numbered::RefundConfirmations(id), u32::from(number), command)?;
        ensure(unpaid > 0, "nothing to be paid")?;
        ensure(!self.refund_awaits_network(id), "the network may pay it")?;
        ensure(!self.is_unanswered_sale(id), "the network may reject it")?;
        ensure(banks == currency, "another currency")?;
        ensure(amount.minor() == unpaid, "not what is to be paid")?;
        self.has_in_bank(bank, i128::from(unpaid))?;
        let buyers = (A::BuyerRefunds, 0, currency);
        self.about = (Some(id), None);
        self.post(ChartEntry::RefundPaid, buyers, (A::Bank, bank.0, currency), unpaid);
        self.payment_mut(id).unpaid = 0;
        self.use_number(Numbered::RefundConfirmations(id), command);
        self.push_event(Event::RefundPaid { payment: id, amount })
    }
}
