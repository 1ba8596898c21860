//! Transfers.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;

use crate::AccountNumber;

/// A transfer's id. The caller chooses it, always higher than all ids before.
///
/// The ledger remembers only the highest id. Any used id is refused with
/// [`crate::TransferRefusal::Repeated`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize)]
pub struct TransferId(pub u64);

/// A movement of money between two accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    Post {
        id: TransferId,
        debit: AccountNumber,
        credit: AccountNumber,
        /// Above zero.
        amount: Amount,
    },
    /// Reserves the amount on both accounts. Post or void it later.
    Reserve {
        /// Names the reservation.
        id: TransferId,
        debit: AccountNumber,
        credit: AccountNumber,
        /// Above zero.
        amount: Amount,
    },
    /// Posts a reservation, in full or in part, and voids the rest.
    PostReserved {
        /// The transfer's own id.
        id: TransferId,
        /// The id of the reservation.
        of: TransferId,
        /// Above zero, at most the reserved amount.
        amount: Amount,
    },
    VoidReserved {
        /// The transfer's own id.
        id: TransferId,
        /// The id of the reservation.
        of: TransferId,
    },
}

impl Transfer {
    /// The transfer's own id.
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
pub struct Reservation {
    pub debit: AccountNumber,
    pub credit: AccountNumber,
    pub amount: Amount,
}

/// What is needed to undo a transfer of a chain.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Undo {
    /// The transfer itself is enough.
    Nothing,
    /// The reservation that it ended.
    Reserved(Reservation),
}
