//! Counted cash is the firm's until the bank confirms its deposit (M6).

use money::Amount;
use tariff::BusinessDate;

use crate::books::{Books, Now, check_above_zero, clamp_to_amount, done_before};
use crate::cash::record::{Deposit, DepositAnnouncement, EndedDeposit};
use crate::chart::ChartEntry;
use crate::command::{AnnounceDeposit, CancelDeposit, ConfirmDeposit};
use crate::event::{CommandOutcome, Event};
use crate::ids::DepositId;
use crate::party::persons::check_two_people;
use crate::payment::record::PaymentRecord;
use crate::refusal::{MissingRecord, Refusal};
use crate::used_numbers::push_remembered;

impl Books {
    pub(crate) fn announce_deposit(
        &mut self,
        command: &AnnounceDeposit,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let AnnounceDeposit { deposit: id, firm, number: which, bank, amount, announced_by } =
            *command;
        check_above_zero(amount)?;
        let number = self.firms.number(firm).ok_or(Refusal::NotFound(MissingRecord::Firm(firm)))?;
        let announcement = DepositAnnouncement { deposit: id, bank, amount, announced_by };
        let bank = self.banks.find(bank).ok_or(Refusal::NotFound(MissingRecord::Bank(bank)))?;
        let record = self.firms.get(number);
        record.deposits.check(which, |before| *before == announcement)?;
        if self.reference_data.deposit_ids.contains(&id) {
            return Err(Refusal::IdentifierTaken);
        }
        self.check_same_currency(bank.currency, record.currency)?;
        let available = self.ledger.account(record.cash).available();
        let (bank, cash) = (bank.account, record.cash);
        self.ledger.begin_chain(None, None);
        let reserve = self.ledger.reserve(ChartEntry::Deposited, bank, cash, amount);
        let too_large = |_| Refusal::AmountTooLarge(clamp_to_amount(available));
        self.ledger.commit(out).map_err(too_large)?;
        let announced_on = now.today;
        let deposit = Deposit { firm: number, amount, reserve, announced_by, announced_on };
        self.reference_data.deposits.insert(id, deposit);
        self.reference_data.deposit_ids.insert(id);
        self.firms.get_mut(number).deposits.push(announcement);
        out.events.push(Event::DepositAnnounced { deposit: id, firm, amount });
        Ok(())
    }

    pub(crate) fn ended_deposit(&self, id: DepositId) -> Option<&EndedDeposit> {
        self.firms.iter().flat_map(|firm| &firm.ended_deposits).find(|one| one.deposit == id)
    }

    /// The deposit if it is open. If it ended in the same way, the command is a retry.
    fn open_deposit(&self, end: EndedDeposit) -> Result<Deposit, Refusal> {
        if let Some(open) = self.reference_data.deposits.get(&end.deposit) {
            return Ok(open.clone());
        }
        let missing = Refusal::NotFound(MissingRecord::Deposit(end.deposit));
        Err(self.ended_deposit(end.deposit).map_or(missing, |before| done_before(*before == end)))
    }

    fn end_deposit(&mut self, firm: u32, end: EndedDeposit) {
        self.reference_data.deposits.remove(&end.deposit);
        push_remembered(&mut self.firms.get_mut(firm).ended_deposits, end);
    }

    pub(crate) fn confirm_deposit(
        &mut self,
        command: &ConfirmDeposit,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ConfirmDeposit { deposit: id, credited } = *command;
        let today = now.today;
        check_above_zero(credited)?;
        let end = EndedDeposit { deposit: id, credited: Some(credited), cancelled_by: None };
        let Deposit { firm, amount: announced, reserve, .. } = self.open_deposit(end)?;
        if credited > announced {
            return Err(Refusal::AmountTooLarge(announced));
        }
        self.ledger.begin_chain(None, None);
        self.ledger.post_reserved(ChartEntry::Deposited, reserve, credited);
        self.ledger.commit_infallible(out, "an announced deposit can be confirmed");
        self.end_deposit(firm, end);
        out.events.push(Event::DepositConfirmed { deposit: id, announced, credited });
        self.allot_credit(firm, credited, today, out);
        Ok(())
    }

    pub(crate) fn cancel_deposit(
        &mut self,
        command: &CancelDeposit,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let CancelDeposit { deposit: id, proposed_by, approved_by } = *command;
        let cancelled_by = Some((proposed_by, approved_by));
        let end = EndedDeposit { deposit: id, credited: None, cancelled_by };
        let Deposit { firm, amount, reserve, announced_by, .. } = self.open_deposit(end)?;
        check_two_people(proposed_by, approved_by, &[announced_by])?;
        self.ledger.begin_chain(None, None);
        self.ledger.void_reserved(ChartEntry::Deposited, reserve);
        self.ledger.commit_infallible(out, "an announced deposit can be cancelled");
        self.end_deposit(firm, end);
        let firm = self.firms.get(firm).id;
        out.events.push(Event::DepositCancelled { deposit: id, firm, amount });
        Ok(())
    }

    /// Allots credit to the firm's counted cash in the order of counting, each up to what was
    /// counted.
    pub(crate) fn allot_credit(
        &mut self,
        firm: u32,
        credit: Amount,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let (mut left, mut place) = (credit, 0);
        while !left.is_zero() {
            let cash = self.firms.get_mut(firm).counted_cash.get_mut(place);
            let cash = cash.expect("M6: no more is credited than was counted");
            left = left.saturating_sub(cash.credit(left));
            if !self.receive_credited(firm, place, today, out) {
                place += 1;
            }
        }
    }

    /// Receives the payments of counted cash in their order, as far as the credit covers them.
    /// Removes the cash if the bank has all of it, and returns whether it did.
    pub(crate) fn receive_credited(
        &mut self,
        firm: u32,
        place: usize,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) -> bool {
        while let Some(&slot) = self.firms.get(firm).counted_cash[place].payments.front() {
            let &PaymentRecord { amount, guaranteed, .. } = self.payment(slot);
            let record = self.firms.get_mut(firm);
            if !record.counted_cash[place].receive_first(amount) {
                break;
            }
            if guaranteed {
                let guaranteed = record.guaranteed.checked_sub(amount);
                record.guaranteed = guaranteed.expect("each guarantee is counted once");
                self.payment_mut(slot).guaranteed = false;
            } else {
                self.record_funds_received(slot, today, out);
            }
        }
        let is_done = self.firms.get(firm).counted_cash[place].is_done();
        if is_done {
            self.firms.get_mut(firm).counted_cash.remove(place);
        }
        is_done
    }
}
