//! The switch's events in the log: level, budget, message and ids of each.

use std::fmt;

use books::{NetworkId, Rrn, TerminalId, WalletId};
use money::decimal::DecimalAmount;
use switch::{LinkId, OperatorEvent, waybill};
use tracing::field::display;

use crate::links::NetworkLinks;
use crate::log::{LogBudget, OperatorLog, log_event};
use crate::sockets::FailureKind;
use crate::wallet::WalletApi;

/// The names of the settings.
#[derive(Clone, Copy)]
pub(crate) struct SettingsNames<'n> {
    pub networks: &'n NetworkLinks,
    pub wallets: &'n WalletApi,
}

impl<'n> SettingsNames<'n> {
    fn network(self, network: NetworkId) -> &'n str {
        self.networks.network_name(network)
    }

    fn wallet(self, wallet: WalletId) -> Option<&'n str> {
        self.wallets.name(wallet)
    }
}

/// A terminal as its number, field 41.
struct TerminalNumber(TerminalId);

impl fmt::Display for TerminalNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}", self.0.0)
    }
}

/// The budget of an event. Somebody without a key can cause an unauthenticated one: a sign-on has
/// no MAC, and many requests are refused before their MAC is checked.
fn budget_of(event: &OperatorEvent) -> LogBudget {
    use OperatorEvent as E;
    match event {
        E::Approved { .. } => LogBudget::Approvals,
        E::UnreadableMessage(_) | E::WrongMac(_) | E::Refused { .. } | E::SignedOn { .. } => {
            LogBudget::Unauthenticated
        }
        _ => LogBudget::Authenticated,
    }
}

/// Whether an event means that a message came from somebody whom nobody knows: then its connection
/// is slowed or closed. An event counts only if it comes out with the message's own outputs.
pub(crate) fn failure_of(event: &OperatorEvent) -> Option<FailureKind> {
    match event {
        OperatorEvent::UnreadableMessage(_) => Some(FailureKind::BadFrame),
        OperatorEvent::WrongMac(_) => Some(FailureKind::FailedAuthentication),
        _ => None,
    }
}

/// Logs an event of the switch.
pub(crate) fn log_operator_event(
    log: &mut OperatorLog,
    event: &OperatorEvent,
    names: SettingsNames<'_>,
) {
    use OperatorEvent as E;
    let budget = budget_of(event);
    macro_rules! line {
        ($level:ident, $($event:tt)+) => {
            log_event!(log, budget, $level, "switch", $($event)+)
        };
    }
    macro_rules! terminal {
        ($terminal:expr) => {
            display(TerminalNumber($terminal))
        };
    }
    macro_rules! network {
        ($network:expr) => {
            display(names.network($network))
        };
    }
    match *event {
        E::SignedOn { terminal, batch } => {
            line!(INFO, terminal = terminal!(terminal), batch, "terminal signed on");
        }
        E::Approved { trace, parcel, network, network_reference, wallet, amount, currency } => {
            line!(
                INFO,
                terminal = terminal!(trace.terminal),
                batch = trace.batch,
                stan = trace.stan.get(),
                rrn = network_reference.map(|sent| display(Rrn::of(sent))),
                network = network.map(|network| network!(network)),
                wallet = wallet.and_then(|wallet| names.wallet(wallet)).map(display),
                parcel = parcel.map(|parcel| display(waybill::write(parcel))),
                amount = display(DecimalAmount::of(amount, currency)),
                currency = display(currency.code()),
                "approved"
            );
        }
        E::Refused { terminal, stan, code } => {
            let code = display(code);
            line!(INFO, terminal = terminal!(terminal), stan = stan.get(), code, "refused");
        }
        E::UnreadableMessage(ref reason) => {
            line!(WARN, reason, "unreadable message from a terminal");
        }
        E::WrongMac(terminal) => line!(WARN, terminal = terminal!(terminal), "wrong MAC"),
        E::Repeated { terminal, stan } => {
            line!(
                INFO,
                terminal = terminal!(terminal),
                stan = stan.get(),
                "repeat, first answer sent again"
            );
        }
        E::LinkSignedOn(LinkId { network, number: link }) => {
            line!(INFO, network = network!(network), link, "link signed on");
        }
        E::LinkSignedOff(LinkId { network, number: link }) => {
            line!(WARN, network = network!(network), link, "link signed off");
        }
        E::NetworkMessageRejected { network, why: ref reason } => {
            line!(WARN, network = network!(network), reason, "message of a network rejected");
        }
        E::UnmatchedResponse(network) => {
            line!(WARN, network = network!(network), "response without a waiting request");
        }
        E::NetworkTimeout { network, trace, network_reference } => line!(
            WARN,
            terminal = terminal!(trace.terminal),
            batch = trace.batch,
            stan = trace.stan.get(),
            rrn = display(Rrn::of(network_reference)),
            network = network!(network),
            "no response in time, reversing the request"
        ),
        E::LateApproval(network) => {
            let message = "approval came too late, reversing the payment";
            line!(WARN, network = network!(network), "{message}");
        }
        E::Acknowledged { network, sendings } => {
            line!(INFO, network = network!(network), sendings, "reversal or refund acknowledged");
        }
        E::AdviceRejected { network, code } => {
            let (network, code) = (network!(network), display(code));
            line!(ERROR, network, code, "offline sale or refund rejected");
        }
        E::KeyChanged(network) => line!(INFO, network = network!(network), "key changed"),
        E::KeyRejected { network, why: ref reason } => {
            let message = "new key rejected, the old key stays in use";
            line!(ERROR, network = network!(network), reason, "{message}");
        }
        E::BatchAgreed { terminal, batch } => {
            line!(INFO, terminal = terminal!(terminal), batch, "batch closed, totals agree");
        }
        E::BatchDiffers { terminal, batch } => {
            line!(WARN, terminal = terminal!(terminal), batch, "batch closed, totals differ");
        }
        E::BatchLeftDisputed { terminal, batch } => {
            let message = "the lines of a disputed batch were not uploaded, its open item stays";
            line!(WARN, terminal = terminal!(terminal), batch, "{message}");
        }
        E::PreAuthorisationExpired { terminal, stan, reversing: true } => {
            let message = "the pre-authorisation expired, reversing it";
            line!(INFO, terminal = terminal!(terminal), stan = stan.get(), "{message}");
        }
        E::PreAuthorisationExpired { terminal, stan, reversing: false } => {
            let message = "the pre-authorisation expired but cannot be reversed: its network is \
                           not in the settings";
            line!(ERROR, terminal = terminal!(terminal), stan = stan.get(), "{message}");
        }
        E::LateWalletPayment(trace)
        | E::WrongWalletPayment(trace)
        | E::WrongWalletRefund(trace)
        | E::WalletContradiction(trace) => {
            let message = match event {
                E::LateWalletPayment(_) => {
                    "wallet payment came too late; the wallet must refund it"
                }
                E::WrongWalletPayment(_) => {
                    "wallet payment with a wrong amount or a second time; the wallet must refund it"
                }
                E::WrongWalletRefund(_) => "wallet refunded a wrong payment or amount",
                _ => "wallet denies a payment in the books, or refunded one without being asked",
            };
            line!(
                WARN,
                terminal = terminal!(trace.terminal),
                batch = trace.batch,
                stan = trace.stan.get(),
                "{message}"
            );
        }
        E::KeyStoreError(ref reason) => line!(ERROR, reason, "the key store failed"),
        E::UnexpectedRefusal(ref reason) => {
            line!(ERROR, reason, "the books refused a command");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use books::{NetworkReference, ParcelId, ResponseCode, Stan, Timestamp, Trace};
    use money::{Amount, Currency};
    use tracing::Level;

    use super::*;
    use crate::limits::ConnectionLimits;
    use crate::log::tests::lines_at;
    use crate::plan::NetworkLink;
    use crate::sockets::{ConnectionPolicy, Sockets};
    use crate::wallet::WalletCredentials;

    const ALPHA: NetworkId = NetworkId(11_400_313_308_756_479_440);
    const TRACE: Trace = Trace { terminal: TerminalId(7), batch: 3, stan: Stan::of(12) };

    /// The line of an event; empty if its level is off.
    fn line(level: Level, event: &OperatorEvent) -> String {
        let mut sockets = Sockets::new(ConnectionLimits::default()).unwrap();
        let kind = sockets.add_kind(ConnectionPolicy {
            framing: crate::framing::StreamFraming::LengthPrefixed,
            message_bytes_max: 1,
            idle_timeout: None,
            waiting_bytes_max: 1,
            in_flight_max: 0,
            admission: None,
        });
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let link = LinkId { network: ALPHA, number: 0 };
        let alpha = NetworkLink { link, name: "alpha".into(), address, tls: None };
        let secret = vec![0; 32].into();
        let wallet = WalletCredentials { name: "purse".into(), wallet: WalletId(9), secret };
        let (networks, wallets) =
            (NetworkLinks::new(vec![alpha], kind), WalletApi::new(vec![wallet]));
        let names = SettingsNames { networks: &networks, wallets: &wallets };
        lines_at(level, |log| log_operator_event(log, event, names)).concat()
    }

    fn approved(network: Option<NetworkId>, wallet: Option<WalletId>) -> OperatorEvent {
        let reference =
            NetworkReference { stan: Stan::of(41), sent_at: Timestamp(1_262_304_033_000) };
        OperatorEvent::Approved {
            trace: TRACE,
            parcel: Some(ParcelId::new(1)),
            network,
            network_reference: network.map(|_| reference),
            wallet,
            amount: Amount::of(1_250),
            currency: Currency::CNY,
        }
    }

    #[test]
    fn an_approval_has_the_ids_that_are_known() {
        let parcel = "parcel=000000000000000000000000011 amount=12.50 currency=CNY";
        assert_eq!(
            line(Level::INFO, &approved(Some(ALPHA), None)),
            format!(
                "INFO switch: approved terminal=00000007 batch=3 stan=12 rrn=000011000041 \
                 network=alpha {parcel}"
            )
        );
        assert_eq!(
            line(Level::INFO, &approved(None, Some(WalletId(9)))),
            format!(
                "INFO switch: approved terminal=00000007 batch=3 stan=12 wallet=purse {parcel}"
            )
        );
        assert_eq!(line(Level::WARN, &approved(None, None)), "");
    }

    #[test]
    fn a_line_has_level_message_and_ids() {
        let code = ResponseCode::of(b"51");
        let refused = OperatorEvent::Refused { terminal: TerminalId(7), stan: Stan::of(12), code };
        let link = LinkId { network: ALPHA, number: 1 };
        let why = || "field 52\nis wrong".to_owned();
        for (event, expected) in [
            (refused, "INFO switch: refused terminal=00000007 stan=12 code=51"),
            (
                OperatorEvent::LinkSignedOff(link),
                "WARN switch: link signed off network=alpha link=1",
            ),
            (
                OperatorEvent::UnreadableMessage(why()),
                "WARN switch: unreadable message from a terminal reason=\"field 52\\nis wrong\"",
            ),
            (
                OperatorEvent::KeyStoreError(why()),
                "ERROR switch: the key store failed reason=\"field 52\\nis wrong\"",
            ),
            (
                OperatorEvent::WalletContradiction(TRACE),
                "WARN switch: wallet denies a payment in the books, or refunded one without being \
                 asked terminal=00000007 batch=3 stan=12",
            ),
        ] {
            assert_eq!(line(Level::INFO, &event), expected);
        }
    }

    #[test]
    fn events_that_need_no_key_count_as_unauthenticated() {
        use LogBudget::{Approvals, Authenticated, Unauthenticated};
        let (terminal, stan) = (TerminalId(1), Stan::MIN);
        let link = LinkId { network: ALPHA, number: 0 };
        let why = || "why".to_owned();
        for (event, budget) in [
            (OperatorEvent::UnreadableMessage(why()), Unauthenticated),
            (OperatorEvent::WrongMac(terminal), Unauthenticated),
            (OperatorEvent::SignedOn { terminal, batch: 1 }, Unauthenticated),
            (approved(None, None), Approvals),
            (OperatorEvent::Repeated { terminal, stan }, Authenticated),
            (OperatorEvent::LinkSignedOff(link), Authenticated),
            (OperatorEvent::KeyStoreError(why()), Authenticated),
            (OperatorEvent::UnexpectedRefusal(why()), Authenticated),
        ] {
            assert_eq!(budget_of(&event), budget, "{event:?}");
        }
    }
}
