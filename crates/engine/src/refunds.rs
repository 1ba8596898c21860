//! Money that goes back to a buyer after the door: refunds and chargebacks.

use money::Amount;

use crate::batches::Transaction;
use crate::cash::check_number;
use crate::chart::Entry;
use crate::command::{Command, REFUNDS_MAX};
use crate::door::{Mark, Sent, Trace, TransactionKind};
use crate::engine::{Engine, above_zero};
use crate::event::{Event, Outcome};
use crate::ids::{BankId, TenderId};
use crate::purchases::{About, credit_column};
use crate::records::{Means, Progress};
use crate::refusal::{Missing, Refusal};
use crate::tenders::{APPROVED, NO_AUTHORISATION};

impl Engine {
    pub(crate) fn give_back(
        &mut self,
        command: &Command,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        match *command {
            Command::Refund { tender, number, amount } => self.refund(tender, number, amount, out),
            Command::ChargeBack { tender, number, amount } => {
                let (slot, _) = self.find_tender(tender)?;
                if self.item(slot).means == Means::Cash {
                    return Err(Refusal::TenderState);
                }
                self.check_give_back(tender, number, amount)?;
                let receivable = self.rails.get(u32::from(self.item(slot).rail)).receivable;
                self.take_from_seller(slot, Entry::ChargedBack, receivable, amount, out)?;
                out.events.push(Event::ChargedBack { tender, amount });
                Ok(())
            }
            Command::ConfirmRefund { bank, tender, number, amount } => {
                self.confirm_refund(bank, (tender, number), amount, out)
            }
            _ => unreachable!("only refunds and chargebacks are dispatched here"),
        }
    }

    /// Owes a refund to the buyer.
    fn refund(
        &mut self,
        tender: TenderId,
        number: u8,
        amount: Amount,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let slot = self.check_give_back(tender, number, amount)?;
        let credit = self.buyer_refunds(slot);
        self.take_from_seller(slot, Entry::Refunded, credit, amount, out)?;
        let item = self.item_mut(slot);
        let unpaid = item.progress.unpaid().and_then(|unpaid| unpaid.checked_add(amount));
        let unpaid = unpaid.expect("refunds never exceed the amount collected");
        item.progress = item.progress.with_unpaid(unpaid);
        out.events.push(Event::Refunded { tender, amount });
        Ok(())
    }

    pub(crate) fn begin_refund(
        &mut self,
        number: (Trace, Mark),
        (id, amount): (TenderId, Amount),
        sent: Sent,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let admitted = self.admit(number, TransactionKind::Refund, About::Part(id, amount))?;
        let courier = self.working_courier(&admitted)?;
        let (slot, _) = self.find_tender(id)?;
        let item = self.item(slot);
        if item.means == Means::Cash {
            return Err(Refusal::TenderState);
        }
        if self.couriers.get(item.courier).firm != self.couriers.get(courier).firm {
            return Err(Refusal::WrongCourier);
        }
        let (which, column) = (item.refunds.saturating_add(1), credit_column(item));
        self.refund(id, which, amount, out)?;
        let told = Some(NO_AUTHORISATION);
        let slot = self.write_down(&admitted, (id, amount), (column, sent), told);
        self.doors.chase(slot);
        Ok(())
    }

    pub(crate) fn answer_refund(
        &mut self,
        trace: Trace,
        code: [u8; 2],
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let missing = Refusal::NotFound(Missing::Terminal(trace.terminal));
        let terminal = self.terminals.number(trace.terminal).ok_or(missing)?;
        let found = self.doors.find_old(terminal, trace.batch, trace.stan);
        let slot = found.ok_or(Refusal::NotFound(Missing::Transaction))?;
        let refund = self.doors.get(slot);
        if refund.kind != TransactionKind::Refund {
            return Err(Refusal::TenderState);
        }
        if !refund.chased {
            return Err(Refusal::Repeated);
        }
        let (tender, amount) = (refund.tender(), refund.amount);
        if code == APPROVED {
            self.forward_refund(tender, amount, out);
            out.events.push(Event::RefundForwarded { tender, amount });
        } else {
            out.events.push(Event::RefundRejected { tender, amount, code });
        }
        self.doors.let_go(slot);
        Ok(())
    }

    /// The network or wallet pays a refund to the buyer, and owes that much less.
    fn forward_refund(&mut self, id: TenderId, amount: Amount, out: &mut Outcome) {
        let (slot, _) = self.find_tender(id).expect("a transaction's tender is remembered");
        let refunds = self.buyer_refunds(slot);
        let receivable = self.rails.get(u32::from(self.item(slot).rail)).receivable;
        self.books.begin(Some(id), None);
        self.books.post(Entry::RefundForwarded, refunds, receivable, amount);
        self.books.commit_certain(out, "a refund that is owed can be paid");
        let item = self.item_mut(slot);
        let unpaid = item.progress.unpaid().and_then(|unpaid| unpaid.checked_sub(amount));
        let unpaid = unpaid.expect("a refund is paid once");
        item.progress = item.progress.with_unpaid(unpaid);
    }

    fn check_give_back(&self, id: TenderId, number: u8, amount: Amount) -> Result<u32, Refusal> {
        above_zero(amount)?;
        let (slot, _) = self.find_tender(id)?;
        let item = self.item(slot);
        if item.progress.unpaid().is_none() {
            return Err(Refusal::TenderState);
        }
        if number != 0 && number <= item.refunds {
            return Err(Refusal::Repeated);
        }
        if item.refunds >= REFUNDS_MAX {
            return Err(Refusal::TooMany(REFUNDS_MAX));
        }
        if number != item.refunds + 1 {
            return Err(Refusal::WrongNumber(u32::from(item.refunds) + 1));
        }
        let left = item.amount.saturating_sub(item.given_back);
        if amount > left {
            return Err(Refusal::AmountTooLarge(left));
        }
        Ok(slot)
    }

    fn buyer_refunds(&self, slot: u32) -> ledger::AccountNo {
        let currency = self.sellers.get(self.item(slot).seller).currency;
        self.currency_accounts(currency).buyer_refunds
    }

    /// Takes what is given back from the tender's share while it is held, the rest from the
    /// seller's own money, which may go below zero.
    fn take_from_seller(
        &mut self,
        slot: u32,
        entry: Entry,
        credit: ledger::AccountNo,
        amount: Amount,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let item = self.item(slot);
        let released = matches!(item.progress, Progress::Released { .. });
        let from_held = if released { Amount::ZERO } else { item.held_share().min(amount) };
        let from_payable = amount.saturating_sub(from_held);
        let (tender, seller_number) = (item.tender(), item.seller);
        let tariff = self.tariff_version(item.version);
        let seller = self.sellers.get(seller_number);
        let (held, payable) = (seller.held, seller.payable);
        self.books.begin(Some(tender), Some(tariff));
        self.books.post(entry, held, credit, from_held);
        self.books.post(entry, payable, credit, from_payable);
        self.books.commit(out).map_err(|_| Refusal::LimitReached)?;
        let item = self.item_mut(slot);
        let given_back = item.given_back.checked_add(amount);
        item.given_back = given_back.expect("what is given back was collected");
        item.refunds += 1;
        let statement = &mut self.sellers.get_mut(seller_number).statement;
        statement.given_back += u128::from(from_payable.minor());
        Ok(())
    }

    fn confirm_refund(
        &mut self,
        bank: BankId,
        (id, number): (TenderId, u8),
        amount: Amount,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        above_zero(amount)?;
        let bank = self.banks.find(bank).ok_or(Refusal::NotFound(Missing::Bank(bank)))?;
        let (slot, _) = self.find_tender(id)?;
        let item = self.item(slot);
        let unpaid = item.progress.unpaid().ok_or(Refusal::TenderState)?;
        check_number(u32::from(number), u32::from(item.confirmations))?;
        // The network may still pay what it was asked to.
        let asked = |one: &Transaction| one.kind == TransactionKind::Refund && one.chased;
        if unpaid.is_zero() || self.doors.of_tender(id, asked).is_some() {
            return Err(Refusal::TenderState);
        }
        if amount != unpaid {
            return Err(Refusal::AmountMismatch(unpaid));
        }
        self.same_currency(bank.currency, self.sellers.get(item.seller).currency)?;
        let (bank, refunds) = (bank.account, self.buyer_refunds(slot));
        self.books.begin(Some(id), None);
        self.books.post(Entry::RefundPaid, refunds, bank, amount);
        self.books.commit_certain(out, "a refund that is owed can be paid");
        let item = self.item_mut(slot);
        item.progress = item.progress.with_unpaid(Amount::ZERO);
        item.confirmations = number;
        out.events.push(Event::RefundPaid { tender: id, amount });
        Ok(())
    }
}
