//! Records of cash on its way to the bank.

use std::collections::VecDeque;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::TransferId;
use money::Amount;
use tariff::BusinessDate;

use crate::cash::code_mac::CodeMac;
use crate::ids::{BankId, BreakId, DepositId, HandOverId, PersonId};
use crate::party::persons::TwoPeople;

/// The cash of a counted hand-over, or an excess that a person found in a firm's cash, until the
/// bank has credited all of it.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct CountedCash {
    /// The courier who handed it over. `None` for an excess that a person found.
    pub courier: Option<u32>,
    /// The payments that the credit does not cover, in the order in which they were taken.
    pub payments: VecDeque<u32>,
    /// The sum of `payments`.
    pub expected: Amount,
    /// Counted for `payments`, or repaid since. What exceeds `expected` is a surplus, which belongs
    /// to no payment.
    pub counted: Amount,
    /// The part of `counted` that the bank credited.
    pub credited: Amount,
    /// The break of the surplus that was counted or found.
    pub surplus_break: Option<BreakId>,
    /// Who counted it, and the supervisor if there was one. Nobody for an excess that was found.
    pub counted_by: Vec<PersonId>,
}

impl CountedCash {
    /// The part that the firm still has.
    pub(crate) fn undeposited(&self) -> Amount {
        self.counted.checked_sub(self.credited).expect("no more is credited than was counted")
    }

    /// What the courier owes for its payments.
    pub(crate) fn shortage(&self) -> Amount {
        self.expected.saturating_sub(self.counted)
    }

    /// Counted beyond what its payments took, and not deposited.
    pub(crate) fn undeposited_surplus(&self) -> Amount {
        self.counted.saturating_sub(self.expected.max(self.credited))
    }

    pub(crate) fn add_counted(&mut self, amount: Amount) {
        let counted = self.counted.checked_add(amount);
        self.counted = counted.expect("at most the cash expected is counted or repaid later");
    }

    /// Takes at most `amount` of the bank's credit. Returns what it took.
    pub(crate) fn credit(&mut self, amount: Amount) -> Amount {
        let part = amount.min(self.undeposited());
        self.credited = self.credited.checked_add(part).expect("at most what was counted");
        part
    }

    /// Ends the first payment if the credit covers its amount.
    pub(crate) fn receive_first(&mut self, amount: Amount) -> bool {
        let Some(credited) = self.credited.checked_sub(amount) else { return false };
        let left = |sum: Amount| sum.checked_sub(amount).expect("it includes the credit");
        self.credited = credited;
        (self.counted, self.expected) = (left(self.counted), left(self.expected));
        self.payments.pop_front();
        true
    }

    /// Takes an amount of the surplus out: first what the firm has, then what the bank has. The
    /// rest was missing, and somebody made it good. Returns the part that the firm did not have.
    pub(crate) fn take_surplus(&mut self, amount: Amount) -> Amount {
        let with_firm = amount.min(self.undeposited_surplus());
        let elsewhere = amount.saturating_sub(with_firm);
        let counted = self.counted.saturating_sub(self.expected).saturating_sub(with_firm);
        let in_bank = elsewhere.min(counted);
        let less = |sum: Amount, part| sum.checked_sub(part).expect("the surplus is as large");
        self.counted = less(less(self.counted, with_firm), in_bank);
        self.credited = less(self.credited, in_bank);
        elsewhere
    }

    /// Whether the bank has credited everything that was expected and counted.
    pub(crate) fn is_done(&self) -> bool {
        self.payments.is_empty() && self.undeposited().is_zero()
    }
}

/// A hand-over, also after its count as long as it is remembered.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct HandOver {
    pub id: HandOverId,
    pub started: BusinessDate,
    pub expected: Amount,
    /// The courier's oldest payments in hand that it covers.
    pub payment_count: u32,
    pub code_mac: CodeMac,
    /// The counts with a wrong code, oldest first. At most
    /// [`WRONG_CODES_MAX`](crate::command::WRONG_CODES_MAX).
    pub wrong_codes: Vec<WrongCode>,
    pub end: Option<HandOverEnd>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct WrongCode {
    pub code_mac: CodeMac,
    pub count: HandOverCount,
}

/// How a hand-over ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum HandOverEnd {
    Counted(HandOverCount),
    /// By this person.
    Cancelled(PersonId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct HandOverCount {
    pub counted: Amount,
    pub counted_by: PersonId,
    /// Who was there in place of the code.
    pub supervisor: Option<PersonId>,
}

/// An open deposit.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Deposit {
    pub firm: u32,
    pub amount: Amount,
    pub reserve: TransferId,
    pub announced_by: PersonId,
    pub announced_on: BusinessDate,
}

/// What a firm announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct DepositAnnouncement {
    pub deposit: DepositId,
    pub bank: BankId,
    pub amount: Amount,
    pub announced_by: PersonId,
}

/// How a deposit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct EndedDeposit {
    pub deposit: DepositId,
    /// What the bank credited. `None` if the deposit was cancelled.
    pub credited: Option<Amount>,
    pub cancelled_by: Option<TwoPeople>,
}
