//! Events for the operator. They contain no card number, key or parcel (M12).

use books::{NetworkId, TerminalId};

use crate::port::LinkId;
use crate::response_code::ResponseCode;

/// An event at the terminals, networks or wallets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorEvent {
    SignedOn {
        terminal: TerminalId,
        batch: u32,
    },
    /// A terminal's request was refused; nothing was posted.
    Refused {
        terminal: TerminalId,
        stan: u32,
        code: ResponseCode,
    },
    /// A terminal's message cannot be read. The text names field, offset and rule.
    UnreadableMessage(String),
    WrongMac(TerminalId),
    /// A repeat got the first answer again.
    Repeated {
        terminal: TerminalId,
        stan: u32,
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
    NetworkTimeout(NetworkId),
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
        /// Whether the difference by card became a break.
        break_raised: bool,
    },
    /// A pre-authorisation was not completed in time.
    PreAuthorisationExpired {
        terminal: TerminalId,
        stan: u32,
        /// Whether the network is in the settings, so that it is sent a reversal.
        reversing: bool,
    },
    /// A wallet's payment came too late. The wallet must refund it.
    LateWalletPayment,
    /// A wallet's payment has the wrong amount or is the order's second. The wallet must refund it.
    WrongWalletPayment,
    /// A wallet refunded another payment or amount than it had to.
    WrongWalletRefund,
    /// A wallet denies a payment that is in the books, or refunded one without being asked to.
    WalletContradiction,
    /// The key store failed.
    KeyStoreError(String),
    /// The books refused a command that they should have accepted.
    UnexpectedRefusal(String),
}

impl OperatorEvent {
    /// One log line. `name` gives a network's name in the settings.
    #[must_use]
    pub fn describe<'n>(&self, name: impl Fn(NetworkId) -> &'n str) -> String {
        use OperatorEvent as H;
        match self {
            H::SignedOn { terminal, batch } => {
                format!("terminal {:08}: signed on, batch {batch}", terminal.0)
            }
            H::Refused { terminal, stan, code } => {
                format!("terminal {:08}, STAN {stan}: refused with {code}", terminal.0)
            }
            H::UnreadableMessage(why) => format!("unreadable message from a terminal: {why}"),
            H::WrongMac(terminal) => format!("terminal {:08}: wrong MAC", terminal.0),
            H::Repeated { terminal, stan } => {
                format!("terminal {:08}, STAN {stan}: repeat, first answer sent again", terminal.0)
            }
            H::LinkSignedOn(link) => {
                format!("{}, link {}: signed on", name(link.network), link.number)
            }
            H::LinkSignedOff(link) => {
                format!("{}, link {}: signed off", name(link.network), link.number)
            }
            H::NetworkMessageRejected { network, why } => {
                format!("{}: message rejected: {why}", name(*network))
            }
            H::UnmatchedResponse(network) => {
                format!("{}: response without a waiting request", name(*network))
            }
            H::NetworkTimeout(network) => {
                format!("{}: no response in time, reversing the request", name(*network))
            }
            H::LateApproval(network) => {
                format!("{}: approval came too late, reversing the payment", name(*network))
            }
            H::Acknowledged { network, sendings: 1 } => {
                format!("{}: reversal or refund acknowledged", name(*network))
            }
            H::Acknowledged { network, sendings } => format!(
                "{}: reversal or refund acknowledged after {sendings} sendings",
                name(*network)
            ),
            H::AdviceRejected { network, code } => {
                format!("{}: offline sale or refund rejected with {code}", name(*network))
            }
            H::KeyChanged(network) => format!("{}: key changed", name(*network)),
            H::KeyRejected { network, why } => {
                format!("{}: new key rejected, the old key stays in use: {why}", name(*network))
            }
            H::BatchAgreed { terminal, batch } => {
                format!("terminal {:08}: batch {batch} closed, totals agree", terminal.0)
            }
            H::BatchDiffers { terminal, batch } => {
                format!("terminal {:08}: batch {batch} closed, totals differ", terminal.0)
            }
            H::BatchLeftDisputed { terminal, batch, break_raised } => {
                let (terminal, raised) = (terminal.0, if *break_raised { "a" } else { "no" });
                format!(
                    "terminal {terminal:08}: batch {batch} stays disputed, its lines were not \
                     uploaded; {raised} break was raised"
                )
            }
            H::PreAuthorisationExpired { terminal, stan, reversing: true } => format!(
                "terminal {:08}, STAN {stan}: the pre-authorisation expired, reversing it",
                terminal.0
            ),
            H::PreAuthorisationExpired { terminal, stan, reversing: false } => format!(
                "terminal {:08}, STAN {stan}: the pre-authorisation expired but cannot be \
                 reversed: \
                 its network is not in the settings",
                terminal.0
            ),
            H::LateWalletPayment => {
                "wallet payment came too late; the wallet must refund it".to_owned()
            }
            H::WrongWalletPayment => {
                "wallet payment with a wrong amount or a second time; the wallet must refund it"
                    .to_owned()
            }
            H::WrongWalletRefund => "wallet refunded a wrong payment or amount".to_owned(),
            H::WalletContradiction => {
                "wallet denies a payment in the books, or refunded one without being asked"
                    .to_owned()
            }
            H::KeyStoreError(why) => format!("key store: {why}"),
            H::UnexpectedRefusal(why) => format!("the books refused a command: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_networks_name() {
        let (network, number) = (NetworkId(11_400_313_308_756_479_440), 1);
        let told = |one: OperatorEvent| one.describe(|_| "alpha");
        assert_eq!(
            told(OperatorEvent::LinkSignedOn(LinkId { network, number })),
            "alpha, link 1: signed on"
        );
        let after = |sendings| told(OperatorEvent::Acknowledged { network, sendings });
        assert_eq!(after(1), "alpha: reversal or refund acknowledged");
        assert!(after(3).ends_with("acknowledged after 3 sendings"));
    }

    #[test]
    fn a_line_says_whether_a_break_was_raised() {
        let told = |break_raised| {
            OperatorEvent::BatchLeftDisputed { terminal: TerminalId(7), batch: 3, break_raised }
                .describe(|_| "")
        };
        let left = "terminal 00000007: batch 3 stays disputed, its lines were not uploaded; ";
        assert_eq!(told(true), format!("{left}a break was raised"));
        assert_eq!(told(false), format!("{left}no break was raised"));
    }
}
