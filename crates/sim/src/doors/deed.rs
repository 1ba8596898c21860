//! What couriers do at their terminals, and what comes of it.

use engine::ParcelId;
use peers::{Action, Card};

/// Something that a courier does at the terminal.
#[derive(Clone, Debug)]
pub(crate) struct Deed {
    pub what: What,
    pub mishap: Mishap,
}

/// Amounts in minor units; STANs are of the terminal's journal.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// Signs on and fetches the parameters.
    SignOn,
    Sell {
        parcel: ParcelId,
        card: Card,
        pin: bool,
        amount: u64,
    },
    /// A pre-authorisation.
    Hold {
        parcel: ParcelId,
        card: Card,
        pin: bool,
        amount: u64,
    },
    Complete {
        stan: u32,
        amount: u64,
    },
    /// A sale that the terminal approves and forwards later.
    Offline {
        parcel: ParcelId,
        card: Card,
        amount: u64,
    },
    Cash {
        parcel: ParcelId,
        amount: u64,
        tendered: u64,
    },
    Qr {
        parcel: ParcelId,
        amount: u64,
        buyer: Buyer,
    },
    Void {
        stan: u32,
    },
    CashBack {
        stan: u32,
    },
    QrBack {
        stan: u32,
    },
    /// Compares totals and closes the batch.
    Settle,
}

/// What a buyer does who is shown a QR code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Buyer {
    Pays,
    Declines,
    /// Pays when the code has expired, by so many milliseconds.
    PaysLate(u64),
    /// Puts the phone away.
    Leaves,
}

/// What goes wrong with a deed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mishap {
    /// What the network does with the payment.
    pub answer: Action,
    /// So many reversals of it are not heard.
    pub unheard: u32,
    pub line: LineFault,
    /// The terminal sends it once more although it was answered.
    pub twice: bool,
    /// The terminal loses its memory when it is done: its lines are forgotten.
    pub forgets: bool,
}

/// What becomes of the line over which the answer should come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineFault {
    None,
    /// It drops; the terminal hears nothing and reverses.
    DropsAndReverses,
    /// It drops; the terminal connects anew and repeats.
    DropsAndRepeats,
}

impl Mishap {
    /// Everything goes well.
    pub(crate) const NONE: Mishap = Mishap {
        answer: Action::Approve,
        unheard: 0,
        line: LineFault::None,
        twice: false,
        forgets: false,
    };
}

impl Deed {
    /// Nothing goes wrong.
    pub(crate) const fn plain(what: What) -> Deed {
        Deed { what, mishap: Mishap::NONE }
    }
}

/// What came of a deed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Signed on, with parameters.
    Ready,
    /// Done; under this STAN in the terminal's journal.
    Done { stan: u32 },
    /// Refused, with the response code.
    Refused { code: [u8; 2] },
    /// The terminal heard nothing and took it back.
    TakenBack,
    /// The batch is closed.
    Closed { agreed: bool },
}
