//! Records of cash on its way to the bank.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::TransferId;
use money::Amount;

use crate::ids::HandOverId;

/// Cash that waits for a firm's deposits, first in, first out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum AwaitingDeposit {
    /// A counted cash payment.
    Payment(u32),
    /// A counted surplus. Belongs to nobody until its break is closed.
    Surplus(Amount),
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct HandOver {
    pub id: HandOverId,
    pub expected: Amount,
    /// The courier's oldest payments in hand that it covers.
    pub payment_count: u32,
    pub code_hash: [u8; 32],
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Deposit {
    pub firm: u32,
    pub amount: Amount,
    pub reserve: TransferId,
}
