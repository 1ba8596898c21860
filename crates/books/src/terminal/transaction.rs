//! Transactions of terminals: how they are numbered and routed, and how a batch adds up.

use borsh::{BorshDeserialize, BorshSerialize};
use machine::Timestamp;
use money::Amount;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tariff::BusinessDate;

use crate::ids::{NetworkId, PaymentId, TerminalId};
use crate::payment::codes::Stan;

/// Highest batch number: six digits.
pub const TRACE_NUMBER_MAX: u32 = 999_999;
/// Transactions in one terminal batch. The batch totals count with three digits.
pub const TRANSACTIONS_PER_BATCH_MAX: usize = 999;
/// Route candidates in one purchase.
pub const ROUTE_CANDIDATES_MAX: usize = 8;

/// A terminal's number for a transaction: ISO 8583 fields 41, 60.2 and 11. Used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct Trace {
    pub terminal: TerminalId,
    /// 1 to [`TRACE_NUMBER_MAX`].
    pub batch: u32,
    /// Unique in the batch.
    pub stan: Stan,
}

impl Trace {
    /// The reference of a QR payment's order at its wallet: terminal 8, batch 6, STAN 6 digits.
    #[must_use]
    pub fn wallet_order(self) -> String {
        format!("{:08}{:06}{:06}", self.terminal.0, self.batch, self.stan)
    }
}

/// Identifies a message sent to a network or wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct NetworkReference {
    /// Field 11.
    pub stan: Stan,
    /// Field 7: the time of sending.
    pub sent_at: Timestamp,
}

impl NetworkReference {
    /// Field 7 with its year, as in clearing files: `2013-08-28T10:11:12Z`.
    #[must_use]
    pub fn utc_time(self) -> String {
        let seconds = self.sent_at.0 / 1_000;
        let day = BusinessDate(u16::try_from(seconds / 86_400).unwrap_or(u16::MAX));
        let (hour, minute) = (seconds / 3_600 % 24, seconds / 60 % 60);
        format!("{day}T{hour:02}:{minute:02}:{:02}Z", seconds % 60)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum PurchaseKind {
    /// Takes the money.
    Sale,
    /// Reserves the money, to be completed or released later.
    PreAuthorisation,
}

/// A network that routing considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct RouteCandidate {
    pub network: NetworkId,
    /// The fee it would deduct, in minor units.
    pub cost: Amount,
    /// Why it was chosen or not.
    pub verdict: RouteVerdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum RouteVerdict {
    Chosen,
    /// Another network costs less.
    MoreExpensive,
    /// No response from the network.
    Down,
    Withdrawn,
    /// The network does not take this card.
    CardNotAccepted,
    /// Too many of its payments are unknown (M4).
    TooManyUnknown,
    /// It settles in another currency.
    WrongCurrency,
}

/// A number of transactions and their sum. A sum above [`Amount::MAX`] is reported as
/// [`Amount::MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct CountAndAmount {
    pub count: u32,
    /// In minor units.
    pub amount: Amount,
}

/// A batch's totals. Debits are money from buyers: sales, completions, offline sales and cash.
/// Credits are money back to buyers: refunds, and voids of debits. Pre-authorisations and their
/// voids are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct BatchTotals {
    /// By card, from buyers.
    pub card_debits: CountAndAmount,
    /// By card, to buyers.
    pub card_credits: CountAndAmount,
    /// By cash and QR, from buyers.
    pub other_debits: CountAndAmount,
    /// By cash and QR, to buyers.
    pub other_credits: CountAndAmount,
}

impl BatchTotals {
    /// Debits less credits in minor units: by card, and by cash and QR.
    #[must_use]
    pub fn net(&self) -> [i128; 2] {
        let net = |debits: CountAndAmount, credits: CountAndAmount| {
            i128::from(debits.amount.minor()) - i128::from(credits.amount.minor())
        };
        [net(self.card_debits, self.card_credits), net(self.other_debits, self.other_credits)]
    }
}

/// A batch line as a terminal uploads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct BatchLine {
    pub stan: Stan,
    pub amount: Amount,
    /// Whether the money goes back to the buyer.
    pub credit: bool,
}

impl BatchLine {
    /// The amount in minor units, negative for credits.
    #[must_use]
    pub fn signed(self) -> i128 {
        let minor = i128::from(self.amount.minor());
        if self.credit { -minor } else { minor }
    }
}

/// A line in which a terminal's batch and the books differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpenItemLine {
    pub stan: Stan,
    /// The line in the books, if one counts.
    pub ours: Option<BatchLine>,
    /// The terminal's line, if any.
    pub theirs: Option<BatchLine>,
    /// The payment whose clearing or count decides the line. `None` for a transaction that the
    /// books do not have, and for money that goes back to the buyer.
    pub payment: Option<PaymentId>,
    /// What decided the line for the books.
    pub decision: Option<LineDecision>,
}

/// What decides a line of an open item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub enum LineDecision {
    /// The network or wallet cleared the payment.
    Clearing,
    /// The hub counted the cash.
    Count,
}

/// How a terminal's batch differs from the books.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum OpenItemContent {
    /// The terminal has not uploaded its lines.
    Totals {
        /// Totals in the books.
        ours: BatchTotals,
        /// Totals at the terminal.
        theirs: BatchTotals,
    },
    /// The lines that differ, by STAN. At most [`TRANSACTIONS_PER_BATCH_MAX`] of each side.
    Lines(Vec<OpenItemLine>),
}

impl OpenItemContent {
    /// The terminal's amount minus that of the books, in minor units, without decided lines.
    #[must_use]
    pub fn net(&self) -> i128 {
        let sum = |totals: &BatchTotals| totals.net().iter().sum::<i128>();
        let signed = |line: Option<BatchLine>| line.map_or(0, BatchLine::signed);
        match self {
            OpenItemContent::Totals { ours, theirs } => sum(theirs) - sum(ours),
            OpenItemContent::Lines(lines) => lines
                .iter()
                .filter(|line| line.decision.is_none())
                .map(|line| signed(line.theirs) - signed(line.ours))
                .sum(),
        }
    }
}

/// How an approved or authorised payment is reversed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum ReversalKind {
    /// A void. The network can decline it.
    Void,
    /// A reversal: repeated until it is acknowledged, because the terminal did not receive the
    /// approval.
    Reversal,
    /// The reversal of a pre-authorisation that was not completed in time.
    Expiry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum TransactionKind {
    Sale,
    PreAuthorisation,
    Completion,
    /// The void of a sale, a completion, a pre-authorisation, or cash.
    Void,
    Cash,
    /// A sale that the terminal approved offline.
    Advice,
    Refund,
    Qr,
}
