//! A line of the books, and how it changes its accounts.

use ledger::AccountNumber;
use money::Amount;

use crate::chart::ChartEntry;
use crate::event::TariffVersion;
use crate::ids::PaymentId;

/// How a posting changes its accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostingStage {
    /// Moved.
    Posted,
    /// Reserved, not moved.
    Reserved,
    /// Moved out of a reservation. Releases the rest of the reservation.
    PostedFromReserve,
    /// A reservation ended without moving money.
    Voided,
}

/// One line of the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The row of the chart of accounts.
    pub entry: ChartEntry,
    pub stage: PostingStage,
    pub debit: AccountNumber,
    pub credit: AccountNumber,
    pub amount: Amount,
    /// The payment it belongs to. Number 0 means the parcel itself.
    pub payment: Option<PaymentId>,
    /// The tariff version the amount comes from.
    pub tariff: Option<TariffVersion>,
}

impl Posting {
    #[must_use]
    pub fn moves_money(&self) -> bool {
        matches!(self.stage, PostingStage::Posted | PostingStage::PostedFromReserve)
    }
}
