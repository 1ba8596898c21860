//! A terminal's tasks, and their outcomes.

use iso8583::{BuildError, MacBuildError, ParseError};
use keys::{KeyError, Pin};

use super::journal::{Receipt, TerminalTotals};
use super::parcel_list::{TerminalCardRequest, TerminalParcel};
use super::request_kind::TerminalRequestKind;
use crate::card::TestCard;
use crate::codes::ResponseCode;

/// A courier's action at a terminal. Amounts are in minor units.
#[derive(Clone, Copy, Debug)]
pub enum TerminalTask<'a> {
    /// Opens a batch or continues the open one, and fetches working keys.
    SignOn,
    SignOff,
    /// Tests the connection.
    Echo,
    Parameters,
    /// Lists the courier's parcels.
    Parcels {
        /// 0, or where the last part said that the list continues.
        from: u32,
    },
    Balance {
        card: &'a TestCard,
        /// The PIN, if the buyer typed one.
        pin: Option<&'a Pin>,
    },
    Sale {
        waybill: &'a str,
        card: &'a TestCard,
        amount: u64,
        /// The PIN, if the buyer typed one.
        pin: Option<&'a Pin>,
    },
    PreAuthorisation {
        waybill: &'a str,
        card: &'a TestCard,
        amount: u64,
        /// The PIN, if the buyer typed one.
        pin: Option<&'a Pin>,
    },
    /// Cancels a sale of this batch.
    Void {
        /// STAN of the sale.
        stan: u32,
    },
    VoidPreAuthorisation {
        /// STAN of the pre-authorisation.
        stan: u32,
    },
    /// Takes the held amount, or part of it.
    Completion {
        /// STAN of the pre-authorisation.
        stan: u32,
        amount: u64,
    },
    /// Refunds a card sale of this batch or an earlier one.
    Refund {
        /// Receipt of the sale.
        receipt: &'a Receipt,
        amount: u64,
    },
    /// Approves a sale offline. The message returned is that of the oldest sale waiting to be
    /// forwarded.
    Offline {
        waybill: &'a str,
        card: &'a TestCard,
        amount: u64,
    },
    Cash {
        waybill: &'a str,
        amount: u64,
        /// What the buyer gave.
        tendered: u64,
    },
    /// Refunds a cash payment of this batch.
    CashRefund {
        /// STAN of the cash payment.
        stan: u32,
    },
    /// Shows a QR code.
    Qr {
        waybill: &'a str,
        amount: u64,
    },
    /// Asks whether a QR code is paid.
    QrStatus {
        /// STAN of the QR code.
        stan: u32,
    },
    /// Refunds a QR payment.
    QrRefund {
        /// STAN of the QR code.
        stan: u32,
    },
    /// Reverses the request that awaits its answer, or a line of the batch.
    Reverse {
        /// STAN of the transaction.
        stan: u32,
    },
    /// Compares totals and closes the batch.
    Settle,
    /// Sends the lines of a batch whose totals differ.
    Upload,
}

/// Limits and times that the switch sets for a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalParameters {
    /// Time to wait for an answer, in seconds.
    pub answer_timeout_s: u32,
    /// Attempts at a reversal before the terminal needs attention.
    pub reversal_tries_max: u32,
    /// Largest offline sale, in minor units.
    pub offline_sale_max: u64,
    /// Largest sum of the offline sales waiting to be forwarded, in minor units.
    pub offline_total_max: u64,
    /// Most transactions in a batch.
    pub batch_transactions_max: u32,
    /// Time between echoes, in seconds.
    pub echo_interval_s: u32,
}

/// A card's balance, field 54.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountBalance {
    /// Account type.
    pub account: [u8; 2],
    /// Amount type.
    pub kind: [u8; 2],
    /// ISO 4217 numeric code.
    pub currency: u16,
    /// In minor units; negative if the cardholder owes it.
    pub amount: i64,
}

/// What an answer meant to the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalOutcome {
    SignedOn {
        batch: u32,
        /// Number of lines dropped because they belong to a batch that the switch no longer
        /// accepts.
        dropped_lines: usize,
    },
    SignedOff,
    /// The connection works.
    Echoed,
    Parameters(TerminalParameters),
    /// A part of the courier's list.
    Parcels {
        parcels: Vec<TerminalParcel>,
        /// Where the list continues; `None` at its end.
        next: Option<u32>,
        /// The courier asks for a card by phone.
        asked: Option<TerminalCardRequest>,
    },
    Balance(AccountBalance),
    /// Approved and written to the journal.
    Approved {
        receipt: Receipt,
        /// The network that approved it, field 63.
        network: String,
        /// Field 44: what the switch adds, as the network's rejection of an offline sale.
        note: String,
    },
    /// Declined; the journal does not have it.
    Declined(DeclinedRequest),
    /// The QR code to show.
    QrShown {
        stan: u32,
        /// Text of the QR code.
        text: String,
    },
    /// The QR code is not paid yet.
    QrPending {
        /// STAN of the QR code.
        stan: u32,
    },
    /// The answer to a reversal was final.
    Reversed {
        /// STAN of the reversed transaction.
        stan: u32,
        /// `00`: reversed. `25`: there was nothing to reverse. `12`: the transaction stays in
        /// force.
        code: ResponseCode,
    },
    /// The switch could not process the reversal. The terminal sends it again.
    ReversalRefused {
        /// STAN of the transaction to reverse.
        stan: u32,
        code: ResponseCode,
    },
    /// The batch is closed and the totals agree.
    BatchAgreed {
        batch: u32,
        totals: TerminalTotals,
    },
    /// The batch is closed and the totals differ. Its lines must be uploaded.
    BatchDiffers {
        batch: u32,
        terminal_totals: TerminalTotals,
        /// `None` if the switch sent none.
        host_totals: Option<TerminalTotals>,
    },
    /// Part of an upload was accepted. The next part must be sent before any other request.
    UploadContinues {
        /// Lines accepted so far.
        lines: usize,
    },
    Uploaded {
        lines: usize,
    },
    /// Refused because the terminal's batch or keys differ from the switch's. Sign on and try
    /// again.
    SignOnRequired {
        /// `77`, `A0`, or `99`. After `99` the buyer must type the PIN again.
        code: ResponseCode,
    },
    /// The MAC is wrong. The terminal acts as if no answer had arrived.
    WrongMac,
    /// Not the answer to the current request. Nothing changed.
    Unmatched,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclinedRequest {
    pub kind: TerminalRequestKind,
    pub stan: u32,
    pub code: ResponseCode,
    /// Reason in words, field 44.
    pub text: String,
    /// The network that answered, field 63. Empty if the switch declined by itself.
    pub network: String,
}

/// What a terminal must do when no answer arrives in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutAction {
    /// Send the reversal before any other request.
    Reverse,
    /// Repeat the request before any other request.
    Repeat,
    /// Nothing. The task can be started again.
    Nothing,
}

#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    #[error("an answer is still awaited: wait for it or for the time limit, or repeat the request")]
    AwaitingAnswer,
    #[error(
        "another message must be sent first: a reversal, a repeat, an offline sale or an upload"
    )]
    PendingMessageFirst,
    #[error("the terminal must sign on first")]
    SignOnRequired,
    #[error("the journal has no transaction with STAN {0:06}")]
    NotInJournal(u32),
    #[error("the batch is full: settle first")]
    BatchFull,
    #[error("the sale exceeds the limits for offline sales: sell online")]
    OfflineLimitExceeded,
    #[error("the cash given is less than the amount")]
    CashBelowAmount,
    #[error("there is nothing to repeat")]
    NothingToRepeat,
    #[error("there is nothing to upload")]
    NothingToUpload,
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    #[error("the message cannot be built: {0}")]
    Build(#[from] BuildError),
    #[error("the keys of the session are wrong: do terminal and switch have the same key?")]
    WorkingKeys,
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl From<ParseError> for TerminalError {
    fn from(error: ParseError) -> TerminalError {
        TerminalError::Unreadable(error.to_string())
    }
}

impl From<MacBuildError<KeyError>> for TerminalError {
    fn from(error: MacBuildError<KeyError>) -> TerminalError {
        match error {
            MacBuildError::Build(error) => TerminalError::Build(error),
            MacBuildError::Mac(error) => TerminalError::Key(error),
        }
    }
}
