//! Actions of couriers at their terminals, their faults and outcomes.

use books::ParcelId;
use peers::{ResponseAction, ResponseCode, TestCard};

#[derive(Clone, Debug)]
pub(crate) struct TerminalAction {
    pub kind: TerminalActionKind,
    pub fault: PaymentFault,
}

/// Amounts are in minor units; STANs are those of the terminal's journal.
#[derive(Clone, Debug)]
pub(crate) enum TerminalActionKind {
    /// Signs on and fetches the parameters.
    SignOn,
    Sell {
        parcel: ParcelId,
        card: TestCard,
        pin: bool,
        amount: u64,
    },
    PreAuthorise {
        parcel: ParcelId,
        card: TestCard,
        pin: bool,
        amount: u64,
    },
    Complete {
        stan: u32,
        amount: u64,
    },
    /// A sale that the terminal approves offline and forwards later.
    SellOffline {
        parcel: ParcelId,
        card: TestCard,
        amount: u64,
    },
    CollectCash {
        parcel: ParcelId,
        amount: u64,
        tendered: u64,
    },
    ShowQr {
        parcel: ParcelId,
        amount: u64,
        buyer: BuyerBehaviour,
    },
    Void {
        stan: u32,
    },
    RefundCash {
        stan: u32,
    },
    RefundQr {
        stan: u32,
    },
    /// Reconciles totals and closes the batch.
    CloseBatch,
}

/// What a buyer does after a QR code is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BuyerBehaviour {
    Pays,
    Declines,
    /// Pays this many milliseconds after the code has expired.
    PaysLate(u64),
    /// Neither pays nor declines.
    Leaves,
}

/// The faults of one action.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PaymentFault {
    /// The network's response to the payment.
    pub network_action: ResponseAction,
    /// Number of reversal messages that are lost.
    pub lost_reversals: u32,
    pub line_fault: LineFault,
    /// The terminal repeats the request although it was answered.
    pub sent_twice: bool,
    /// The terminal loses its memory afterwards, with the lines of its batch.
    pub loses_memory: bool,
}

/// What happens to the line before the answer arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineFault {
    None,
    /// The line drops; the terminal times out and reverses.
    DropsAndReverses,
    /// The line drops; the terminal reconnects and repeats the request.
    DropsAndRepeats,
}

impl PaymentFault {
    pub(crate) const NONE: PaymentFault = PaymentFault {
        network_action: ResponseAction::Approve,
        lost_reversals: 0,
        line_fault: LineFault::None,
        sent_twice: false,
        loses_memory: false,
    };
}

impl TerminalAction {
    /// An action without faults.
    pub(crate) const fn without_fault(kind: TerminalActionKind) -> TerminalAction {
        TerminalAction { kind, fault: PaymentFault::NONE }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TerminalActionOutcome {
    /// Signed on and parameters received.
    SignedOn,
    /// Approved, under this STAN in the terminal's journal.
    Approved {
        stan: u32,
    },
    /// Declined, with the response code.
    Declined {
        code: ResponseCode,
    },
    /// No answer in time; the terminal reversed the payment.
    Reversed,
    BatchClosed {
        agreed: bool,
    },
}
