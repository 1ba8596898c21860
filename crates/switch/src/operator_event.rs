//! Events for the operator. They contain no card number, PIN or key (M12). Texts name fields and
//! rules, never the content of a message.

use books::{
    NetworkId, NetworkReference, ParcelId, ResponseCode, Stan, TerminalId, Trace, WalletId,
};
use money::{Amount, Currency};

use crate::port::LinkId;

/// An event at the terminals, networks or wallets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorEvent {
    SignedOn {
        terminal: TerminalId,
        batch: u32,
    },
    /// A purchase was approved, and the books have it. A repeat is reported as
    /// [`OperatorEvent::Repeated`] instead.
    Approved {
        trace: Trace,
        /// `None` if the request does not name the parcel.
        parcel: Option<ParcelId>,
        /// `None` for cash and for a wallet's payment.
        network: Option<NetworkId>,
        /// The message that the network knows. Its RRN is [`Rrn::of`](books::Rrn::of).
        network_reference: Option<NetworkReference>,
        wallet: Option<WalletId>,
        amount: Amount,
        currency: Currency,
    },
    /// A terminal's request was refused; nothing was posted.
    Refused {
        terminal: TerminalId,
        stan: Stan,
        code: ResponseCode,
    },
    /// A terminal's message cannot be read. The text names field, offset and rule.
    UnreadableMessage(String),
    WrongMac(TerminalId),
    /// A repeat got the first answer again.
    Repeated {
        terminal: TerminalId,
        stan: Stan,
    },
    LinkSignedOn(LinkId),
    /// A link is signed off or lost.
    LinkSignedOff(LinkId),
    /// A network's message cannot be read or is not authentic.
    NetworkMessageRejected {
        network: NetworkId,
        why: String,
    },
    /// A network's response matches no request, or one that has ended.
    UnmatchedResponse(NetworkId),
    /// A network did not respond in time. The request is being reversed.
    NetworkTimeout {
        network: NetworkId,
        trace: Trace,
        network_reference: NetworkReference,
    },
    /// An approval came too late. The payment is being reversed.
    LateApproval(NetworkId),
    /// A network acknowledged a reversal or a refund.
    Acknowledged {
        network: NetworkId,
        /// How often the message was sent.
        sendings: u32,
    },
    /// A network rejected an offline sale or a refund.
    AdviceRejected {
        network: NetworkId,
        code: ResponseCode,
    },
    KeyChanged(NetworkId),
    /// A network's new key could not be imported. The old key stays in use.
    KeyRejected {
        network: NetworkId,
        why: String,
    },
    /// A batch was closed and its totals agree.
    BatchAgreed {
        terminal: TerminalId,
        batch: u32,
    },
    /// A batch was closed and its totals differ.
    BatchDiffers {
        terminal: TerminalId,
        batch: u32,
    },
    /// The next batch was closed before the lines of a disputed batch came.
    BatchLeftDisputed {
        terminal: TerminalId,
        batch: u32,
    },
    /// A pre-authorisation was not completed in time.
    PreAuthorisationExpired {
        terminal: TerminalId,
        stan: Stan,
        /// Whether the network is in the settings, so that it is sent a reversal.
        reversing: bool,
    },
    /// A wallet's payment came too late. The wallet must refund it. The trace is the order's, here
    /// and in the next three.
    LateWalletPayment(Trace),
    /// A wallet's payment has the wrong amount or is the order's second. The wallet must refund it.
    WrongWalletPayment(Trace),
    /// A wallet refunded another payment or amount than it had to.
    WrongWalletRefund(Trace),
    /// A wallet denies a payment that is in the books, or refunded one without being asked to.
    WalletContradiction(Trace),
    /// The key store failed.
    KeyStoreError(String),
    /// The books refused a command that they should have accepted.
    UnexpectedRefusal(String),
}
