//! Records of cash on its way to the bank.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::TransferId;
use money::Amount;

use crate::ids::{BankId, DepositId, HandOverId, PersonId};

/// Cash that waits for a firm's deposits, first in, first out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum AwaitingDeposit {
    /// A counted cash payment.
    Payment(u32),
    /// A counted surplus. Belongs to nobody until its break is closed.
    Surplus(Amount),
}

/// A hand-over, also after its count as long as it is remembered.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct HandOver {
    pub id: HandOverId,
    pub expected: Amount,
    /// The courier's oldest payments in hand that it covers.
    pub payment_count: u32,
    pub code_hash: [u8; 32],
    pub count: Option<HandOverCount>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct HandOverCount {
    pub counted: Amount,
    pub counted_by: PersonId,
}

/// An open deposit.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Deposit {
    pub firm: u32,
    pub amount: Amount,
    pub reserve: TransferId,
}

/// What a firm announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct DepositAnnouncement {
    pub deposit: DepositId,
    pub bank: BankId,
    pub amount: Amount,
}

/// How a deposit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct EndedDeposit {
    pub deposit: DepositId,
    /// What the bank credited. `None` if the deposit was cancelled.
    pub credited: Option<Amount>,
}
