//! What an operator may want to know. No card number, key or parcel is in it (M12).

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
    /// A disputed batch whose lines never came was left so, at the end of the next one.
    BatchLeft {
        /// Which terminal's.
        terminal: TerminalId,
        /// Which.
        batch: u32,
        /// Whether what differs by card was put down as a break.
        break_raised: bool,
    },
    /// Nobody completed a pre-authorisation in its time; it is let go of.
    Expired {
        /// Which terminal asked for it.
        terminal: TerminalId,
        /// Under which number.
        stan: u32,
        /// Whether its network can be told: it is in the settings.
        chased: bool,
    },
    /// A wallet's payment came too late and is to be given back by it.
    PaidTooLate,
    /// A wallet's payment is not its order's amount, or its order has another one; the wallet is to
    /// give it back.
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

impl Happening {
    /// A line for the operator; `name` is what the settings call a network.
    #[must_use]
    pub fn told<'n>(&self, name: impl Fn(NetworkId) -> &'n str) -> String {
        use Happening as H;
        match self {
            H::SignedOn { terminal, batch } => {
                format!("terminal {:08} signed on, batch {batch}", terminal.0)
            }
            H::Refused { terminal, stan, code } => {
                format!("terminal {:08}, STAN {stan}: refused with {code}", terminal.0)
            }
            H::Unreadable(why) => format!("a terminal's message cannot be read: {why}"),
            H::WrongMac(terminal) => format!("terminal {:08}: wrong MAC", terminal.0),
            H::Repeated { terminal, stan } => {
                format!("terminal {:08}, STAN {stan}: a repeat, answered as before", terminal.0)
            }
            H::LinkUp(link) => format!("{}, link {}: signed on", name(link.network), link.number),
            H::LinkDown(link) => {
                format!("{}, link {}: signed off", name(link.network), link.number)
            }
            H::NetworkMessage { network, why } => {
                format!("{}: a message was not taken: {why}", name(*network))
            }
            H::Unmatched(network) => {
                format!("{}: an answer that nobody waits for", name(*network))
            }
            H::NoAnswer(network) => {
                format!("{}: no answer in time, being reversed", name(*network))
            }
            H::LateApproval(network) => {
                format!("{}: approved too late, being reversed", name(*network))
            }
            H::Acknowledged { network, sendings: 1 } => {
                format!("{}: acknowledged what was taken back or forwarded", name(*network))
            }
            H::Acknowledged { network, sendings } => format!(
                "{}: acknowledged what was taken back or forwarded, after {sendings} sendings",
                name(*network)
            ),
            H::AdviceRejected { network, code } => {
                format!("{}: an advice was rejected with {code}", name(*network))
            }
            H::KeyChanged(network) => format!("{}: its key was changed", name(*network)),
            H::KeyRejected { network, why } => {
                format!("{}: its new key was not taken: {why}", name(*network))
            }
            H::BatchAgreed { terminal, batch } => {
                format!("terminal {:08}: batch {batch} closed, totals agree", terminal.0)
            }
            H::BatchDiffers { terminal, batch } => {
                format!("terminal {:08}: batch {batch} closed, totals differ", terminal.0)
            }
            H::BatchLeft { terminal, batch, break_raised } => {
                let (terminal, raised) = (terminal.0, if *break_raised { "a" } else { "no" });
                format!(
                    "terminal {terminal:08}: batch {batch} was left disputed, its lines never \
                     came; {raised} break was raised"
                )
            }
            H::Expired { terminal, stan, chased: true } => format!(
                "terminal {:08}, STAN {stan}: the pre-authorisation has expired, being reversed",
                terminal.0
            ),
            H::Expired { terminal, stan, chased: false } => format!(
                "terminal {:08}, STAN {stan}: the pre-authorisation has expired; its network is \
                 not in the settings and was not told",
                terminal.0
            ),
            H::PaidTooLate => "a wallet's payment came too late; it gives it back".to_owned(),
            H::WrongPayment => {
                "a wallet took another amount than asked, or took it twice".to_owned()
            }
            H::WrongGiveBack => "a wallet gave back something else than it should".to_owned(),
            H::WalletContradicts => "a wallet denies a payment that is in the books".to_owned(),
            H::Keys(why) => format!("key store: {why}"),
            H::Books(why) => format!("the books refused: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_its_network_as_the_settings_do() {
        let (network, number) = (NetworkId(11_400_313_308_756_479_440), 1);
        let told = |one: Happening| one.told(|_| "alpha");
        assert_eq!(told(Happening::LinkUp(LinkId { network, number })), "alpha, link 1: signed on");
        let after = |sendings| told(Happening::Acknowledged { network, sendings });
        assert_eq!(after(1), "alpha: acknowledged what was taken back or forwarded");
        assert!(after(3).ends_with("forwarded, after 3 sendings"));
    }

    #[test]
    fn a_line_says_whether_somebody_is_said_to_owe() {
        let told = |break_raised| {
            Happening::BatchLeft { terminal: TerminalId(7), batch: 3, break_raised }.told(|_| "")
        };
        let left = "terminal 00000007: batch 3 was left disputed, its lines never came; ";
        assert_eq!(told(true), format!("{left}a break was raised"));
        assert_eq!(told(false), format!("{left}no break was raised"));
    }
}
