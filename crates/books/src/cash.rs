//! Custody of cash (M6): the courier's until a hub counts it, then the firm's until the bank
//! confirms it.

use money::Amount;
use sha2::{Digest as _, Sha256};
use tariff::BusinessDate;

use crate::books::{Books, Now, check_above_zero};
use crate::chart::ChartEntry;
use crate::command::{
    AnnounceDeposit, BreakSide, BreakSubject, CancelDeposit, ConfirmDeposit, CountHandOver,
    PayCommission, RepayShortage, StartHandOver,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::HandOverId;
use crate::records::{AwaitingDeposit, Deposit, HandOver, PaymentStatus};
use crate::refusal::{MissingRecord, Refusal};

/// SHA-256 over a hand-over and its one-time code. `StartHandOver` carries it instead of
/// the code, so reading the journal before the count does not reveal the code.
#[must_use]
pub fn one_time_code_hash(handover: HandOverId, code: u32) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(b"doorstep hand-over\0");
    hasher.update(handover.0.to_be_bytes());
    hasher.update(code.to_be_bytes());
    hasher.finalize().into()
}

/// Clamps a balance to the range of an amount.
fn clamp_to_amount(balance: i128) -> Amount {
    let minor = balance.clamp(0, i128::from(Amount::MAX.minor()));
    u64::try_from(minor).ok().and_then(Amount::new).unwrap_or(Amount::MAX)
}

/// Accepts the next number. A used number is a retry.
pub(crate) fn check_sequence_number(number: u32, done: u32) -> Result<(), Refusal> {
    if (1..=done).contains(&number) {
        return Err(Refusal::Repeated);
    }
    let next = done.checked_add(1).ok_or(Refusal::Overflow)?;
    if number == next { Ok(()) } else { Err(Refusal::WrongSequenceNumber(next)) }
}

impl Books {
    pub(crate) fn start_hand_over(
        &mut self,
        command: &StartHandOver,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let StartHandOver { handover: id, courier, number: which, code_hash } = *command;
        let number = self.courier_number(courier)?;
        let courier = self.couriers.get(number);
        // Keeps the id of the latest hand-over and, until it is counted, its content.
        let same_code = |one: &HandOver| one.code_hash == code_hash;
        let same =
            courier.last_handover == Some(id) && courier.handover.as_ref().is_none_or(same_code);
        if which != 0 && which == courier.handovers && !same {
            return Err(Refusal::IdentifierTaken);
        }
        check_sequence_number(which, courier.handovers)?;
        if courier.handover.is_some() {
            return Err(Refusal::HandOverOpen);
        }
        if self.hand_over_couriers.contains_key(&id) {
            return Err(Refusal::IdentifierTaken);
        }
        let cash = self.ledger.account(courier.cash).balance();
        let expected = u64::try_from(cash).ok().and_then(Amount::new);
        let expected = expected.filter(|cash| !cash.is_zero()).ok_or(Refusal::NoCashInHand)?;
        let items = u32::try_from(courier.in_hand.len()).expect("fewer than 2³² payments");
        let courier = self.couriers.get_mut(number);
        courier.handover = Some(HandOver { id, expected, payment_count: items, code_hash });
        courier.handovers = which;
        let before = courier.last_handover.replace(id);
        if let Some(before) = before {
            self.hand_over_couriers.remove(&before);
        }
        self.hand_over_couriers.insert(id, number);
        out.events.push(Event::HandOverStarted { handover: id, expected });
        Ok(())
    }

    pub(crate) fn count_hand_over(
        &mut self,
        command: &CountHandOver,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let CountHandOver { handover: id, code, counted, counted_by } = *command;
        let today = now.today;
        let number = self.hand_over_couriers.get(&id).copied();
        let number = number.ok_or(Refusal::NotFound(MissingRecord::HandOver(id)))?;
        let courier = self.couriers.get(number);
        let handover = courier.handover.clone().ok_or(Refusal::Repeated)?;
        if counted_by.0 == courier.id.0 {
            return Err(Refusal::SamePerson);
        }
        if one_time_code_hash(id, code) != handover.code_hash {
            return Err(Refusal::WrongCode);
        }
        let (courier_id, firm_number) = (courier.id, courier.firm);
        let (cash, shortage) = (courier.cash, courier.shortage);
        let firm = self.firms.get(firm_number);
        let (firm_id, firm_cash, currency) = (firm.id, firm.cash, firm.currency);
        let suspense = self.currency_accounts(currency).suspense;
        let expected = handover.expected;
        let short = expected.saturating_sub(counted);
        let surplus = counted.saturating_sub(expected);
        self.ledger.begin_chain(None, None);
        self.ledger.post(ChartEntry::HandOverCounted, firm_cash, cash, counted.min(expected));
        self.ledger.post(ChartEntry::HandOverShort, shortage, cash, short);
        self.ledger.post(ChartEntry::HandOverSurplus, firm_cash, suspense, surplus);
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        out.events.push(Event::HandOverCounted {
            handover: id,
            courier: courier_id,
            expected,
            counted,
        });
        let courier = self.couriers.get_mut(number);
        courier.handover = None;
        let items: Vec<u32> = courier.in_hand.drain(..handover.payment_count as usize).collect();
        for slot in items {
            self.await_deposit(firm_number, slot, today, out);
        }
        if !surplus.is_zero() {
            self.firms
                .get_mut(firm_number)
                .awaiting_deposit
                .push_back(AwaitingDeposit::Surplus(surplus));
            let what = (BreakSubject::FirmCash(firm_id), BreakSide::Excess);
            self.record_engine_break(what, surplus, currency, (counted_by, today), out);
        }
        Ok(())
    }

    /// Queues a counted cash payment for the firm's deposits. Within the firm's guarantee the money
    /// counts as received.
    fn await_deposit(
        &mut self,
        firm: u32,
        slot: u32,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let amount = self.payment(slot).amount;
        let record = self.firms.get_mut(firm);
        record.awaiting_deposit.push_back(AwaitingDeposit::Payment(slot));
        let guaranteed = record.guaranteed.checked_add(amount);
        if let Some(guaranteed) = guaranteed.filter(|sum| *sum <= record.guarantee) {
            record.guaranteed = guaranteed;
            self.payment_mut(slot).guaranteed = true;
            self.record_funds_received(slot, today, out);
        }
    }

    pub(crate) fn repay_shortage(
        &mut self,
        command: &RepayShortage,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RepayShortage { courier, number, amount } = *command;
        check_above_zero(amount)?;
        let place = self.courier_number(courier)?;
        let record = self.couriers.get(place);
        check_sequence_number(number, record.repayments)?;
        let short = self.ledger.account(record.shortage).balance();
        let short = clamp_to_amount(short);
        if amount > short {
            return Err(Refusal::AmountTooLarge(short));
        }
        let firm_cash = self.firms.get(record.firm).cash;
        let shortage = record.shortage;
        self.ledger.begin_chain(None, None);
        self.ledger.post(ChartEntry::ShortageRepaid, firm_cash, shortage, amount);
        self.ledger.commit_infallible(out, "a shortage can be repaid");
        self.couriers.get_mut(place).repayments = number;
        out.events.push(Event::ShortageRepaid { courier, amount });
        Ok(())
    }

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

    pub(crate) fn pay_commission(
        &mut self,
        command: &PayCommission,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let PayCommission { firm, number, bank, amount } = *command;
        check_above_zero(amount)?;
        let place = self.firms.number(firm).ok_or(Refusal::NotFound(MissingRecord::Firm(firm)))?;
        let bank = self.banks.find(bank).ok_or(Refusal::NotFound(MissingRecord::Bank(bank)))?;
        let record = self.firms.get(place);
        check_sequence_number(number, record.commission_payments)?;
        self.check_same_currency(bank.currency, record.currency)?;
        let earned = clamp_to_amount(self.ledger.account(record.commission).balance());
        if amount > earned {
            return Err(Refusal::AmountTooLarge(earned));
        }
        let (commission, bank) = (record.commission, bank.account);
        self.ledger.begin_chain(None, None);
        self.ledger.post(ChartEntry::CommissionPaid, commission, bank, amount);
        self.ledger.commit_infallible(out, "an earned commission can be paid");
        self.firms.get_mut(place).commission_payments = number;
        out.events.push(Event::CommissionPaid { firm, amount });
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
