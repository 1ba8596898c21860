//! Transfers.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;

use crate::AccountNo;

/// The identifier of a transfer, given by the caller, always higher than those before.
///
/// The ledger remembers the highest it has seen, not each of them: a retry is told
/// [`crate::Refusal::Repeated`] for ever, and the memory of it is eight bytes.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct TransferId(pub u64);

/// One movement of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// Posts at once.
    Post {
        /// Its identifier.
        id: TransferId,
        /// The account to debit.
        debit: AccountNo,
        /// The account to credit.
        credit: AccountNo,
        /// How much, above zero.
        amount: Amount,
    },
    /// Reserves the amount on both accounts, to be posted or voided later.
    Reserve {
        /// Its identifier, by which it is posted or voided.
        id: TransferId,
        /// The account to debit.
        debit: AccountNo,
        /// The account to credit.
        credit: AccountNo,
        /// How much, above zero.
        amount: Amount,
    },
    /// Posts what was reserved, or a part of it; the rest of the reservation is voided.
    PostReserved {
        /// Its own identifier.
        id: TransferId,
        /// The reservation's.
        of: TransferId,
        /// How much, above zero and at most what was reserved.
        amount: Amount,
    },
    /// Voids what was reserved.
    VoidReserved {
        /// Its own identifier.
        id: TransferId,
        /// The reservation's.
        of: TransferId,
    },
}

impl Transfer {
    /// Its own identifier.
    #[must_use]
    pub fn id(&self) -> TransferId {
        match *self {
            Transfer::Post { id, .. }
            | Transfer::Reserve { id, .. }
            | Transfer::PostReserved { id, .. }
            | Transfer::VoidReserved { id, .. } => id,
        }
    }
}

/// What a [`Transfer::Reserve`] keeps until it is posted or voided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Reserved {
    /// The account to debit.
    pub debit: AccountNo,
    /// The account to credit.
    pub credit: AccountNo,
    /// How much.
    pub amount: Amount,
}

/// What a chain needs to take one of its transfers back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Undo {
    /// The transfer itself says it all.
    Nothing,
    /// The reservation that it ended.
    Reserved(Reserved),
}
