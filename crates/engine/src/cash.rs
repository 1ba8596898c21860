//! The custody of cash (M6): in the courier's hands until a hub has counted it, the firm's until
//! the bank confirms it.

use money::Amount;
use sha2::{Digest as _, Sha256};
use tariff::BusinessDate;

use crate::chart::Entry;
use crate::command::{BreakSide, BreakSubject, Command};
use crate::engine::{Engine, above_zero};
use crate::event::{Event, Outcome};
use crate::ids::{BankId, CourierId, DepositId, FirmId, HandOverId, PersonId};
use crate::records::{Deposit, HandOver, InLine, Progress};
use crate::refusal::{Missing, Refusal};

/// What [`Command::StartHandOver`] carries instead of the code: SHA-256 over the hand-over and the
/// code, so that who reads the journal before the count does not know the code by heart.
#[must_use]
pub fn one_time_code_hash(handover: HandOverId, code: u32) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(b"doorstep hand-over\0");
    hasher.update(handover.0.to_be_bytes());
    hasher.update(code.to_be_bytes());
    hasher.finalize().into()
}

/// A balance as an amount: nothing where it is below zero, the largest amount where it is more.
fn at_most_an_amount(balance: i128) -> Amount {
    let minor = balance.clamp(0, i128::from(Amount::MAX.minor()));
    u64::try_from(minor).ok().and_then(Amount::new).unwrap_or(Amount::MAX)
}

/// The number of something that is counted up: the next one, or a retry of an earlier one.
pub(crate) fn check_number(number: u32, done: u32) -> Result<(), Refusal> {
    if (1..=done).contains(&number) {
        return Err(Refusal::Repeated);
    }
    let next = done.checked_add(1).ok_or(Refusal::Overflow)?;
    if number == next { Ok(()) } else { Err(Refusal::WrongNumber(next)) }
}

impl Engine {
    pub(crate) fn move_cash(
        &mut self,
        command: &Command,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        match *command {
            Command::StartHandOver { handover, courier, number, code_hash } => {
                self.start_hand_over(handover, (courier, number), code_hash, out)
            }
            Command::CountHandOver { handover, code, counted, counted_by } => {
                self.count_hand_over((handover, code), counted, (counted_by, today), out)
            }
            Command::RepayShortage { courier, number, amount } => {
                self.repay_shortage(courier, number, amount, out)
            }
            Command::AnnounceDeposit { deposit, firm, number, bank, amount } => {
                self.announce_deposit(deposit, (firm, number), bank, amount, out)
            }
            Command::ConfirmDeposit { deposit, credited } => {
                self.confirm_deposit(deposit, credited, today, out)
            }
            Command::CancelDeposit { deposit } => self.cancel_deposit(deposit, out),
            Command::PayCommission { firm, number, bank, amount } => {
                self.pay_commission(firm, number, (bank, amount), out)
            }
            _ => unreachable!("only cash is dispatched here"),
        }
    }

    fn start_hand_over(
        &mut self,
        id: HandOverId,
        (courier, which): (CourierId, u32),
        code_hash: [u8; 32],
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let number = self.courier_number(courier)?;
        let courier = self.couriers.get(number);
        // Of the last one it is known which it was, and what it said while it is not counted.
        let same_code = |one: &HandOver| one.code_hash == code_hash;
        let same =
            courier.last_handover == Some(id) && courier.handover.as_ref().is_none_or(same_code);
        if which != 0 && which == courier.handovers && !same {
            return Err(Refusal::IdentifierTaken);
        }
        check_number(which, courier.handovers)?;
        if courier.handover.is_some() {
            return Err(Refusal::HandOverOpen);
        }
        if self.handovers.contains_key(&id) {
            return Err(Refusal::IdentifierTaken);
        }
        let cash = self.books.account(courier.cash).balance();
        let expected = u64::try_from(cash).ok().and_then(Amount::new);
        let expected = expected.filter(|cash| !cash.is_zero()).ok_or(Refusal::NothingInHand)?;
        let items = u32::try_from(courier.in_hand.len()).expect("fewer than 2³² items");
        let courier = self.couriers.get_mut(number);
        courier.handover = Some(HandOver { id, expected, items, code_hash });
        courier.handovers = which;
        let before = courier.last_handover.replace(id);
        if let Some(before) = before {
            self.handovers.remove(&before);
        }
        self.handovers.insert(id, number);
        out.events.push(Event::HandOverStarted { handover: id, expected });
        Ok(())
    }

    fn count_hand_over(
        &mut self,
        (id, code): (HandOverId, u32),
        counted: Amount,
        (counted_by, today): (PersonId, BusinessDate),
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let number = self.handovers.get(&id).copied();
        let number = number.ok_or(Refusal::NotFound(Missing::HandOver(id)))?;
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
        self.books.begin(None, None);
        self.books.post(Entry::HandOverCounted, firm_cash, cash, counted.min(expected));
        self.books.post(Entry::HandOverShort, shortage, cash, short);
        self.books.post(Entry::HandOverSurplus, firm_cash, suspense, surplus);
        self.books.commit(out).map_err(|_| Refusal::LimitReached)?;
        out.events.push(Event::HandOverCounted {
            handover: id,
            courier: courier_id,
            expected,
            counted,
        });
        let courier = self.couriers.get_mut(number);
        courier.handover = None;
        let items: Vec<u32> = courier.in_hand.drain(..handover.items as usize).collect();
        for slot in items {
            self.stand_in_line(firm_number, slot, today, out);
        }
        if !surplus.is_zero() {
            self.firms.get_mut(firm_number).line.push_back(InLine::Surplus(surplus));
            let what = (BreakSubject::FirmCash(firm_id), BreakSide::Excess);
            self.own_break(what, surplus, currency, (counted_by, today), out);
        }
        Ok(())
    }

    /// A counted cash tender waits for the bank; within the firm's guarantee it is as good as
    /// there.
    fn stand_in_line(&mut self, firm: u32, slot: u32, today: BusinessDate, out: &mut Outcome) {
        let amount = self.item(slot).amount;
        let record = self.firms.get_mut(firm);
        record.line.push_back(InLine::Item(slot));
        let guaranteed = record.guaranteed.checked_add(amount);
        if let Some(guaranteed) = guaranteed.filter(|sum| *sum <= record.guarantee) {
            record.guaranteed = guaranteed;
            self.item_mut(slot).guaranteed = true;
            self.money_is_there(slot, today, out);
        }
    }

    fn repay_shortage(
        &mut self,
        courier: CourierId,
        number: u32,
        amount: Amount,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        above_zero(amount)?;
        let place = self.courier_number(courier)?;
        let record = self.couriers.get(place);
        check_number(number, record.repayments)?;
        let short = self.books.account(record.shortage).balance();
        let short = at_most_an_amount(short);
        if amount > short {
            return Err(Refusal::AmountTooLarge(short));
        }
        let firm_cash = self.firms.get(record.firm).cash;
        let shortage = record.shortage;
        self.books.begin(None, None);
        self.books.post(Entry::ShortageRepaid, firm_cash, shortage, amount);
        self.books.commit_certain(out, "a shortage can be repaid");
        self.couriers.get_mut(place).repayments = number;
        out.events.push(Event::ShortageRepaid { courier, amount });
        Ok(())
    }

    fn announce_deposit(
        &mut self,
        id: DepositId,
        (firm, which): (FirmId, u32),
        bank: BankId,
        amount: Amount,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        above_zero(amount)?;
        let number = self.firms.number(firm).ok_or(Refusal::NotFound(Missing::Firm(firm)))?;
        let bank = self.banks.find(bank).ok_or(Refusal::NotFound(Missing::Bank(bank)))?;
        let record = self.firms.get(number);
        // Of one that is under way it is known what it said.
        let same = |one: &Deposit| one.firm == number && one.amount == amount;
        if self.small.deposits.get(&id).is_some_and(|one| !same(one)) {
            return Err(Refusal::IdentifierTaken);
        }
        check_number(which, record.deposits)?;
        let last = self.firms.iter().any(|one| one.last_deposit == Some(id));
        if last || self.small.deposits.contains_key(&id) {
            return Err(Refusal::IdentifierTaken);
        }
        self.same_currency(bank.currency, record.currency)?;
        let available = self.books.account(record.cash).available();
        let (bank, cash) = (bank.account, record.cash);
        self.books.begin(None, None);
        let reserve = self.books.reserve(Entry::Deposited, bank, cash, amount);
        let too_large = |_| Refusal::AmountTooLarge(at_most_an_amount(available));
        self.books.commit(out).map_err(too_large)?;
        self.small.deposits.insert(id, Deposit { firm: number, amount, reserve });
        self.firms.get_mut(number).deposits = which;
        out.events.push(Event::DepositAnnounced { deposit: id, firm, amount });
        Ok(())
    }

    fn confirm_deposit(
        &mut self,
        id: DepositId,
        credited: Amount,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        above_zero(credited)?;
        let Some(deposit) = self.small.deposits.get(&id) else {
            let confirmed = self.firms.iter().any(|firm| firm.last_deposit == Some(id));
            let missing = Refusal::NotFound(Missing::Deposit(id));
            return Err(if confirmed { Refusal::Repeated } else { missing });
        };
        let (firm, announced, reserve) = (deposit.firm, deposit.amount, deposit.reserve);
        if credited > announced {
            return Err(Refusal::AmountTooLarge(announced));
        }
        let unallotted = self.firms.get(firm).unallotted;
        let unallotted = unallotted.checked_add(credited).ok_or(Refusal::Overflow)?;
        self.books.begin(None, None);
        self.books.post_reserved(Entry::Deposited, reserve, credited);
        self.books.commit_certain(out, "a deposit that was announced can be confirmed");
        self.small.deposits.remove(&id);
        let record = self.firms.get_mut(firm);
        record.last_deposit = Some(id);
        record.unallotted = unallotted;
        out.events.push(Event::DepositConfirmed { deposit: id, announced, credited });
        self.allot(firm, today, out);
        Ok(())
    }

    fn cancel_deposit(&mut self, id: DepositId, out: &mut Outcome) -> Result<(), Refusal> {
        let missing = Refusal::NotFound(Missing::Deposit(id));
        let deposit = self.small.deposits.get(&id).ok_or(missing)?;
        let (firm, amount, reserve) = (deposit.firm, deposit.amount, deposit.reserve);
        self.books.begin(None, None);
        self.books.void(Entry::Deposited, reserve);
        self.books.commit_certain(out, "a deposit that was announced can be cancelled");
        self.small.deposits.remove(&id);
        let firm = self.firms.get(firm).id;
        out.events.push(Event::DepositCancelled { deposit: id, firm, amount });
        Ok(())
    }

    fn pay_commission(
        &mut self,
        firm: FirmId,
        number: u32,
        (bank, amount): (BankId, Amount),
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        above_zero(amount)?;
        let place = self.firms.number(firm).ok_or(Refusal::NotFound(Missing::Firm(firm)))?;
        let bank = self.banks.find(bank).ok_or(Refusal::NotFound(Missing::Bank(bank)))?;
        let record = self.firms.get(place);
        check_number(number, record.commission_payments)?;
        self.same_currency(bank.currency, record.currency)?;
        let earned = at_most_an_amount(self.books.account(record.commission).balance());
        if amount > earned {
            return Err(Refusal::AmountTooLarge(earned));
        }
        let (commission, bank) = (record.commission, bank.account);
        self.books.begin(None, None);
        self.books.post(Entry::CommissionPaid, commission, bank, amount);
        self.books.commit_certain(out, "a commission that was earned can be paid");
        self.firms.get_mut(place).commission_payments = number;
        out.events.push(Event::CommissionPaid { firm, amount });
        Ok(())
    }

    /// Gives what the bank has credited to those in line, first in, first out.
    pub(crate) fn allot(&mut self, firm: u32, today: BusinessDate, out: &mut Outcome) {
        while let Some(&first) = self.firms.get(firm).line.front() {
            let amount = match first {
                InLine::Item(slot) => self.item(slot).amount,
                InLine::Surplus(amount) => amount,
            };
            let record = self.firms.get_mut(firm);
            let Some(left) = record.unallotted.checked_sub(amount) else { break };
            record.unallotted = left;
            record.line.pop_front();
            let InLine::Item(slot) = first else { continue };
            if self.item(slot).guaranteed {
                let record = self.firms.get_mut(firm);
                let guaranteed = record.guaranteed.checked_sub(amount);
                record.guaranteed = guaranteed.expect("each guarantee is counted once");
                self.item_mut(slot).guaranteed = false;
            } else {
                assert!(matches!(self.item(slot).progress, Progress::Approved { .. }), "M5");
                self.money_is_there(slot, today, out);
            }
        }
    }
}
