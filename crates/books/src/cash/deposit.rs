//! Counted cash is the firm's until the bank confirms its deposit (M6).

use tariff::BusinessDate;

use crate::books::{Books, Now, check_above_zero, check_sequence_number, clamp_to_amount};
use crate::cash::record::{AwaitingDeposit, Deposit};
use crate::chart::ChartEntry;
use crate::command::{AnnounceDeposit, CancelDeposit, ConfirmDeposit};
use crate::event::{CommandOutcome, Event};
use crate::payment::record::PaymentStatus;
use crate::refusal::{MissingRecord, Refusal};

impl Books {
    pub(crate) fn announce_deposit(
        &mut self,
        command: &AnnounceDeposit,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let AnnounceDeposit { deposit: id, firm, number: which, bank, amount } = *command;
        check_above_zero(amount)?;
        let number = self.firms.number(firm).ok_or(Refusal::NotFound(MissingRecord::Firm(firm)))?;
        let bank = self.banks.find(bank).ok_or(Refusal::NotFound(MissingRecord::Bank(bank)))?;
        let record = self.firms.get(number);
        // An open deposit keeps its content.
        let same = |one: &Deposit| one.firm == number && one.amount == amount;
        if self.reference_data.deposits.get(&id).is_some_and(|one| !same(one)) {
            return Err(Refusal::IdentifierTaken);
        }
        check_sequence_number(which, record.deposits)?;
        let last = self.firms.iter().any(|one| one.last_deposit == Some(id));
        if last || self.reference_data.deposits.contains_key(&id) {
            return Err(Refusal::IdentifierTaken);
        }
        self.check_same_currency(bank.currency, record.currency)?;
        let available = self.ledger.account(record.cash).available();
        let (bank, cash) = (bank.account, record.cash);
        self.ledger.begin_chain(None, None);
        let reserve = self.ledger.reserve(ChartEntry::Deposited, bank, cash, amount);
        let too_large = |_| Refusal::AmountTooLarge(clamp_to_amount(available));
        self.ledger.commit(out).map_err(too_large)?;
        self.reference_data.deposits.insert(id, Deposit { firm: number, amount, reserve });
        self.firms.get_mut(number).deposits = which;
        out.events.push(Event::DepositAnnounced { deposit: id, firm, amount });
        Ok(())
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
        let Some(deposit) = self.reference_data.deposits.get(&id) else {
            let confirmed = self.firms.iter().any(|firm| firm.last_deposit == Some(id));
            let missing = Refusal::NotFound(MissingRecord::Deposit(id));
            return Err(if confirmed { Refusal::Repeated } else { missing });
        };
        let (firm, announced, reserve) = (deposit.firm, deposit.amount, deposit.reserve);
        if credited > announced {
            return Err(Refusal::AmountTooLarge(announced));
        }
        let unallotted = self.firms.get(firm).unallocated;
        let unallotted = unallotted.checked_add(credited).ok_or(Refusal::Overflow)?;
        self.ledger.begin_chain(None, None);
        self.ledger.post_reserved(ChartEntry::Deposited, reserve, credited);
        self.ledger.commit_infallible(out, "an announced deposit can be confirmed");
        self.reference_data.deposits.remove(&id);
        let record = self.firms.get_mut(firm);
        record.last_deposit = Some(id);
        record.unallocated = unallotted;
        out.events.push(Event::DepositConfirmed { deposit: id, announced, credited });
        self.allocate_deposits(firm, today, out);
        Ok(())
    }

    pub(crate) fn cancel_deposit(
        &mut self,
        command: &CancelDeposit,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let CancelDeposit { deposit: id } = *command;
        let missing = Refusal::NotFound(MissingRecord::Deposit(id));
        let deposit = self.reference_data.deposits.get(&id).ok_or(missing)?;
        let (firm, amount, reserve) = (deposit.firm, deposit.amount, deposit.reserve);
        self.ledger.begin_chain(None, None);
        self.ledger.void_reserved(ChartEntry::Deposited, reserve);
        self.ledger.commit_infallible(out, "an announced deposit can be cancelled");
        self.reference_data.deposits.remove(&id);
        let firm = self.firms.get(firm).id;
        out.events.push(Event::DepositCancelled { deposit: id, firm, amount });
        Ok(())
    }

    /// Allocates the bank's credit to the waiting cash, first in, first out.
    pub(crate) fn allocate_deposits(
        &mut self,
        firm: u32,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        while let Some(&first) = self.firms.get(firm).awaiting_deposit.front() {
            let amount = match first {
                AwaitingDeposit::Payment(slot) => self.payment(slot).amount,
                AwaitingDeposit::Surplus(amount) => amount,
            };
            let record = self.firms.get_mut(firm);
            let Some(left) = record.unallocated.checked_sub(amount) else { break };
            record.unallocated = left;
            record.awaiting_deposit.pop_front();
            let AwaitingDeposit::Payment(slot) = first else { continue };
            if self.payment(slot).guaranteed {
                let record = self.firms.get_mut(firm);
                let guaranteed = record.guaranteed.checked_sub(amount);
                record.guaranteed = guaranteed.expect("each guarantee is counted once");
                self.payment_mut(slot).guaranteed = false;
            } else {
                assert!(matches!(self.payment(slot).status, PaymentStatus::Approved { .. }), "M5");
                self.record_funds_received(slot, today, out);
            }
        }
    }
}
