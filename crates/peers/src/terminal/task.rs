//! What a terminal is told to do, and what it finds out.

use iso8583::{BuildError, MacBuildError, ParseError};
use keys::{KeyError, Pin};

use super::journal::{Receipt, Totals};
use super::kind::Kind;
use crate::card::Card;

/// What a courier does at a terminal. Amounts are in minor units.
#[derive(Clone, Copy, Debug)]
pub enum Task<'a> {
    /// Signs on: opens a batch or goes on with the open one, and fetches working keys.
    SignOn,
    /// Signs off.
    SignOff,
    /// Asks whether anybody is there.
    Echo,
    /// Fetches parameters.
    Parameters,
    /// Asks for a card's balance.
    Balance {
        /// The card.
        card: &'a Card,
        /// The PIN, where one is typed.
        pin: Option<&'a Pin>,
    },
    /// Sells by card.
    Sell {
        /// The parcel.
        waybill: &'a str,
        /// The card.
        card: &'a Card,
        /// How much.
        amount: u64,
        /// The PIN, where one is typed.
        pin: Option<&'a Pin>,
    },
    /// Holds an amount on a card's account.
    PreAuthorise {
        /// The parcel.
        waybill: &'a str,
        /// The card.
        card: &'a Card,
        /// How much.
        amount: u64,
        /// The PIN, where one is typed.
        pin: Option<&'a Pin>,
    },
    /// Takes a sale of this batch back.
    Void {
        /// The sale's.
        stan: u32,
    },
    /// Lets a held amount go.
    VoidPreAuthorisation {
        /// The pre-authorisation's.
        stan: u32,
    },
    /// Takes what was held, or a part.
    Complete {
        /// The pre-authorisation's.
        stan: u32,
        /// How much.
        amount: u64,
    },
    /// Gives money back to the card, of this batch or an earlier one.
    Refund {
        /// The sale's.
        receipt: &'a Receipt,
        /// How much.
        amount: u64,
    },
    /// Approves a sale by itself; what goes out is the first sale that waits to be forwarded.
    Offline {
        /// The parcel.
        waybill: &'a str,
        /// The card.
        card: &'a Card,
        /// How much.
        amount: u64,
    },
    /// Takes cash.
    Cash {
        /// The parcel.
        waybill: &'a str,
        /// How much.
        amount: u64,
        /// What the buyer gave.
        tendered: u64,
    },
    /// Gives cash of this batch back.
    CashBack {
        /// The cash's.
        stan: u32,
    },
    /// Shows a QR code.
    Qr {
        /// The parcel.
        waybill: &'a str,
        /// How much.
        amount: u64,
    },
    /// Asks whether a QR code is paid.
    QrStatus {
        /// The code's.
        stan: u32,
    },
    /// Gives a payment by QR back.
    QrBack {
        /// The code's.
        stan: u32,
    },
    /// Takes back what could not be finished: what waits for its answer, or a line of the batch.
    Reverse {
        /// The transaction's.
        stan: u32,
    },
    /// Compares totals and closes the batch.
    Settle,
    /// Sends the lines of a batch whose totals differ.
    Upload,
}

/// What a switch says that a terminal may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Seconds to wait for an answer.
    pub answer_within_s: u32,
    /// How often a reversal is tried before the terminal must be looked at.
    pub reversal_tries: u32,
    /// The most for one offline sale, in minor units.
    pub offline_each: u64,
    /// The most for all offline sales that were not forwarded, in minor units.
    pub offline_total: u64,
    /// Transactions in a batch.
    pub batch_transactions: u32,
    /// Seconds between echoes.
    pub echo_every_s: u32,
}

/// A card's balance, field 54.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The account type.
    pub account: [u8; 2],
    /// The amount type.
    pub kind: [u8; 2],
    /// The currency, ISO 4217 numeric.
    pub currency: u16,
    /// In minor units; below zero where the card's holder owes it.
    pub amount: i64,
}

/// What a terminal found out by an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Signed on.
    SignedOn {
        /// The open batch.
        batch: u32,
        /// Lines of another batch that the switch no longer takes; they were dropped.
        abandoned: usize,
    },
    /// Signed off.
    SignedOff,
    /// Somebody is there.
    Echoed,
    /// The parameters that hold from here on.
    Parameters(Parameters),
    /// A card's balance.
    Balance(Balance),
    /// It is done and in the journal.
    Approved {
        /// What is printed.
        receipt: Receipt,
        /// The network that carried it, field 63.
        network: String,
    },
    /// It was refused and is not in the journal.
    Declined(Declined),
    /// A QR code to be shown.
    QrShown {
        /// The code's STAN.
        stan: u32,
        /// The text of the code.
        text: String,
    },
    /// A QR code that nobody has paid yet.
    Waiting {
        /// The code's STAN.
        stan: u32,
    },
    /// A reversal is done.
    Reversed {
        /// The STAN of what was taken back.
        stan: u32,
        /// `00`, or `25` where there was nothing to take back; `12` where it stands.
        code: [u8; 2],
    },
    /// A reversal was not taken; it goes out again.
    ReversalRefused {
        /// The STAN of what is to be taken back.
        stan: u32,
        /// The code.
        code: [u8; 2],
    },
    /// The batch is closed; totals agree.
    BatchAgreed {
        /// The batch.
        batch: u32,
        /// What it came to.
        totals: Totals,
    },
    /// The batch is closed; totals differ, and the lines are to be uploaded.
    BatchDiffers {
        /// The batch.
        batch: u32,
        /// What the terminal has.
        ours: Totals,
        /// What the switch says, where it does.
        theirs: Option<Totals>,
    },
    /// A part of an upload was taken; the next goes out first of all.
    UploadGoesOn {
        /// Lines sent.
        lines: usize,
    },
    /// The upload is done.
    Uploaded {
        /// Lines sent.
        lines: usize,
    },
    /// Refused because the batch or the keys are not those of the switch: sign on, then do it
    /// again.
    SignOnFirst {
        /// `77`, `A0`, or `99`, where the PIN is asked for again, too.
        code: [u8; 2],
    },
    /// The MAC is wrong: as if no answer had come.
    WrongMac,
    /// No answer to what was asked: an old one, or somebody else's. Nothing changed.
    Stray,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    /// What was refused.
    pub kind: Kind,
    /// Its STAN.
    pub stan: u32,
    /// The response code.
    pub code: [u8; 2],
    /// What is wrong, field 44.
    pub text: String,
}

/// What a terminal does after no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Reverses it first of all.
    Reverse,
    /// Sends it again first of all.
    Repeat,
    /// Nothing: it can be asked again.
    Nothing,
}

/// Why a terminal does not do what it is told, or cannot read what it hears.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// One message at a time.
    #[error("the terminal waits for an answer; let it come, time out, or repeat the question")]
    Waiting,
    /// A reversal, a repeat, an offline sale or an upload goes out before anything else.
    #[error("something goes out first: send what `must_first` gives")]
    SomethingFirst,
    /// Without working keys and an open batch nothing can be sent.
    #[error("the terminal is not signed on, or must sign on again")]
    SignOnFirst,
    /// No such line in the journal.
    #[error("the journal has no transaction with STAN {0:06}")]
    NotInJournal(u32),
    /// The batch has as many transactions as it may have.
    #[error("the batch is full: settle first")]
    BatchFull,
    /// More than may be approved without asking.
    #[error("beyond the limit of offline sales: sell online")]
    OfflineLimit,
    /// The buyer gave too little.
    #[error("the cash given is less than the amount")]
    TooLittleCash,
    /// Nothing was sent, so nothing can be repeated.
    #[error("there is nothing to repeat")]
    NothingToRepeat,
    /// There is no upload to go on with.
    #[error("there is nothing to upload")]
    NothingToUpload,
    /// The bytes are no message.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// The message cannot be built.
    #[error("the message cannot be built: {0}")]
    Build(#[from] BuildError),
    /// The working keys do not open.
    #[error("the working keys do not open: is the terminal's master key the switch's?")]
    WorkingKeys,
    /// A key does not do what it should.
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
