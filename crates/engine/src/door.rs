//! The vocabulary of terminals and networks: how a transaction at the door is numbered, how it was
//! routed, and what a terminal's batch adds up to.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;

use crate::ids::{NetworkId, TerminalId};
use crate::time::Timestamp;

/// The highest number of a batch, and of a transaction in it: six digits each.
pub const TRACE_NUMBER_MAX: u32 = 999_999;
/// Transactions in one batch of a terminal: its totals count them with three digits.
pub const TRANSACTIONS_PER_BATCH_MAX: usize = 999;
/// Routes that one purchase may name.
pub const ROUTES_MAX: usize = 8;

/// How a terminal numbers a transaction: ISO 8583 fields 41, 60.2 and 11. Used once.
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
pub struct Trace {
    /// The terminal.
    pub terminal: TerminalId,
    /// Its batch, 1 to [`TRACE_NUMBER_MAX`].
    pub batch: u32,
    /// The number in the batch, 1 to [`TRACE_NUMBER_MAX`].
    pub stan: u32,
}

/// What a repeat must have in common with the first beside its trace, amount and parcel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Mark {
    /// The terminal's date, `MMDD`: field 13 as a number.
    pub date: u16,
    /// A keyed token of the card, 0 where there is none.
    pub token: u64,
}

/// How a network knows a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Sent {
    /// Field 11 of the message to the network.
    pub stan: u32,
    /// Field 7, when it was sent.
    pub at: Timestamp,
}

/// What a purchase asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Purpose {
    /// The money.
    Sale,
    /// A promise of it, to be completed or released later.
    PreAuthorisation,
}

/// A network that routing looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Considered {
    /// The network.
    pub network: NetworkId,
    /// What it would keep, in minor units.
    pub cost: Amount,
    /// Why it was taken, or was not.
    pub verdict: Verdict,
}

/// What routing thought of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Verdict {
    /// It was taken.
    Chosen,
    /// Another one costs less.
    Dearer,
    /// It does not answer.
    Down,
    /// It is withdrawn.
    Withdrawn,
    /// It does not take this card.
    NotForCard,
    /// Too many of its payments are unknown (M4).
    Full,
    /// It clears in another currency.
    WrongCurrency,
}

/// How many, and how much together. A sum beyond the largest amount is told as that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Sums {
    /// How many.
    pub count: u32,
    /// How much together, in minor units.
    pub amount: Amount,
}

/// What a batch adds up to. Debits are money from buyers: sales, completions, offline sales and
/// cash; credits are money back to them: refunds, and voids of what was a debit.
/// A pre-authorisation is neither, nor is its void.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BatchTotals {
    /// By card, from buyers.
    pub card_debits: Sums,
    /// By card, to buyers.
    pub card_credits: Sums,
    /// In cash and by QR, from buyers.
    pub other_debits: Sums,
    /// In cash and by QR, to buyers.
    pub other_credits: Sums,
}

/// A line of a batch, as a terminal uploads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BatchLine {
    /// The number in the batch.
    pub stan: u32,
    /// How much.
    pub amount: Amount,
    /// Whether it went back to a buyer.
    pub credit: bool,
}

/// How an approved payment is being taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum TakeBack {
    /// The courier voids it: the network may say no.
    Void,
    /// It must not stand, for the terminal did not hear of it: repeated until it is acknowledged.
    Reversal,
    /// A pre-authorisation that nobody completed in its time: reversed like the above.
    Expiry,
}

/// What kind a transaction of a terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum TransactionKind {
    /// A sale by card.
    Sale,
    /// A pre-authorisation by card.
    PreAuthorisation,
    /// The completion of a pre-authorisation.
    Completion,
    /// The void of a sale, a completion, a pre-authorisation, or of cash.
    Void,
    /// Cash taken.
    Cash,
    /// A sale that the terminal approved offline.
    Advice,
    /// A refund.
    Refund,
    /// A sale by QR.
    Qr,
}
