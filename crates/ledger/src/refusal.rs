//! Why a transfer is refused.

use money::Currency;

use crate::{AccountNo, TransferId};

/// Why a transfer is refused. A refused transfer changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The amount is zero.
    #[error("the amount is zero")]
    AmountZero,
    /// No account has that number.
    #[error("there is no account {}", .0.0)]
    NoSuchAccount(AccountNo),
    /// Debit and credit are the same account.
    #[error("account {} cannot be debited and credited by one transfer", .0.0)]
    SameAccount(AccountNo),
    /// The accounts have different currencies.
    #[error("the account to debit is kept in {debit}, the account to credit in {credit}")]
    CurrencyMismatch {
        /// The debited account's.
        debit: Currency,
        /// The credited account's.
        credit: Currency,
    },
    /// The account would go beyond its limits.
    #[error("account {} would go beyond its limits", .0.0)]
    LimitReached(AccountNo),
    /// Nothing is reserved by that identifier (any more).
    #[error("nothing is reserved by transfer {}", .0.0)]
    NotReserved(TransferId),
    /// More is to be posted than was reserved.
    #[error("more is to be posted than was reserved")]
    MoreThanReserved,
    /// The transfer was carried out before: a retry, harmless.
    #[error("transfer {} was carried out before", .0.0)]
    Repeated(TransferId),
    /// The identifier belongs to a reservation with other accounts or another amount.
    #[error("transfer {} is reserved with other content", .0.0)]
    OtherContent(TransferId),
    /// More transfers than one chain may link.
    #[error("a chain links at most {} transfers", crate::CHAIN_TRANSFERS_MAX)]
    ChainTooLong,
}
