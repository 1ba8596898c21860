use money::Currency;

use crate::{AccountNumber, TransferId};

/// Why a transfer is refused. A refused transfer changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferRefusal {
    #[error("the amount must be above zero")]
    AmountZero,
    #[error("unknown account {}", .0.0)]
    NoSuchAccount(AccountNumber),
    #[error("account {} cannot be both debited and credited by one transfer", .0.0)]
    SameAccount(AccountNumber),
    #[error("the debited account is in {debit}, the credited account in {credit}")]
    CurrencyMismatch { debit: Currency, credit: Currency },
    #[error("account {} would exceed its balance limits", .0.0)]
    LimitReached(AccountNumber),
    #[error("transfer {} has no open reservation", .0.0)]
    NotReserved(TransferId),
    #[error("the amount exceeds the reserved amount")]
    MoreThanReserved,
    /// The transfer was applied before. A harmless retry.
    #[error("transfer {} was applied before", .0.0)]
    Repeated(TransferId),
    #[error("transfer {} is already used with other content", .0.0)]
    OtherContent(TransferId),
    #[error("a chain links at most {} transfers", crate::CHAIN_TRANSFERS_MAX)]
    ChainTooLong,
}
