//! What an operator may want to know. No card number, key or parcel is in it (M12).

use std::fmt;

use engine::{NetworkId, TerminalId};

use crate::code::Code;
use crate::port::LinkId;

/// Something that happened at the door or on the way to a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A terminal has signed on.
    SignedOn {
        /// Which.
        terminal: TerminalId,
        /// In which batch it works.
        batch: u32,
    },
    /// A terminal was told that something cannot be; nothing was posted.
    Refused {
        /// Which.
        terminal: TerminalId,
        /// The number that it gave the transaction.
        stan: u32,
        /// What it was told.
        code: Code,
    },
    /// A message that cannot be read; the words name field, offset and rule.
    Unreadable(String),
    /// A MAC was wrong.
    WrongMac(TerminalId),
    /// A repeat got the first answer again.
    Repeated {
        /// Which.
        terminal: TerminalId,
        /// Which of its transactions.
        stan: u32,
    },
    /// A link is signed on.
    LinkUp(LinkId),
    /// A link is no longer signed on.
    LinkDown(LinkId),
    /// A network sent what cannot be read or what is not authentic.
    NetworkMessage {
        /// Which network.
        network: NetworkId,
        /// What is wrong with it.
        why: String,
    },
    /// A network answered something that was not asked, or that is over.
    Unmatched(NetworkId),
    /// A network did not answer in time; what was asked is being reversed.
    NoAnswer(NetworkId),
    /// An approval that came too late; its reversal is under way.
    LateApproval(NetworkId),
    /// A reversal or an advice was acknowledged.
    Acknowledged {
        /// By which network.
        network: NetworkId,
        /// After how many sendings.
        sendings: u32,
    },
    /// A network does not take an offline sale, or a refund.
    AdviceRejected {
        /// Which network.
        network: NetworkId,
        /// What it said.
        code: Code,
    },
    /// A network's key was changed.
    KeyChanged(NetworkId),
    /// A network's new key could not be read; the old one holds.
    KeyRejected {
        /// Which network.
        network: NetworkId,
        /// Why.
        why: String,
    },
    /// A batch was closed, and its totals agree.
    BatchAgreed {
        /// Which terminal's.
        terminal: TerminalId,
        /// Which.
        batch: u32,
    },
    /// A batch was closed, and its totals do not agree.
    BatchDiffers {
        /// Which terminal's.
        terminal: TerminalId,
        /// Which.
        batch: u32,
    },
    /// A wallet's payment came too late and is to be given back by it.
    PaidTooLate,
    /// A wallet's payment is not its order's amount and is to be given back by it.
    WrongPayment,
    /// A wallet has given back something else than was asked of it.
    WrongGiveBack,
    /// A wallet says that it took nothing for an order that the books have as paid, or that it has
    /// given back what nobody has asked back.
    WalletContradicts,
    /// The key store did not do its part.
    Keys(String),
    /// The books refused what they should not have refused.
    Books(String),
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Happening as H;
        match self {
            H::SignedOn { terminal, batch } => {
                write!(f, "terminal {:08} signed on, batch {batch}", terminal.0)
            }
            H::Refused { terminal, stan, code } => {
                write!(f, "terminal {:08}, STAN {stan}: refused with {code}", terminal.0)
            }
            H::Unreadable(why) => write!(f, "a terminal's message cannot be read: {why}"),
            H::WrongMac(terminal) => write!(f, "terminal {:08}: wrong MAC", terminal.0),
            H::Repeated { terminal, stan } => {
                write!(f, "terminal {:08}, STAN {stan}: a repeat, answered as before", terminal.0)
            }
            H::LinkUp(link) => write!(f, "{} signed on", Shown(link)),
            H::LinkDown(link) => write!(f, "{} is down", Shown(link)),
            H::NetworkMessage { network, why } => {
                write!(f, "network {}: a message was not taken: {why}", network.0)
            }
            H::Unmatched(network) => {
                write!(f, "network {}: an answer that nobody waits for", network.0)
            }
            H::NoAnswer(network) => {
                write!(f, "network {}: no answer in time, being reversed", network.0)
            }
            H::LateApproval(network) => {
                write!(f, "network {}: approved too late, being reversed", network.0)
            }
            H::Acknowledged { network, sendings } => {
                write!(f, "network {}: acknowledged after {sendings} sendings", network.0)
            }
            H::AdviceRejected { network, code } => {
                write!(f, "network {}: an advice was rejected with {code}", network.0)
            }
            H::KeyChanged(network) => write!(f, "network {}: its key was changed", network.0),
            H::KeyRejected { network, why } => {
                write!(f, "network {}: its new key was not taken: {why}", network.0)
            }
            H::BatchAgreed { terminal, batch } => {
                write!(f, "terminal {:08}: batch {batch} closed, totals agree", terminal.0)
            }
            H::BatchDiffers { terminal, batch } => {
                write!(f, "terminal {:08}: batch {batch} closed, totals differ", terminal.0)
            }
            H::PaidTooLate => f.write_str("a wallet's payment came too late; it gives it back"),
            H::WrongPayment => f.write_str("a wallet took another amount than its order's"),
            H::WrongGiveBack => f.write_str("a wallet gave back another amount than it should"),
            H::WalletContradicts => f.write_str("a wallet denies a payment that is in the books"),
            H::Keys(why) => write!(f, "key store: {why}"),
            H::Books(why) => write!(f, "the books refused: {why}"),
        }
    }
}

struct Shown<'l>(&'l LinkId);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "network {}, link {}", self.0.network.0, self.0.number)
    }
}
