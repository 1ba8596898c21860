//! The switch's events in the log: level, budget, message and ids of each.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use books::{NetworkId, Rrn, TerminalId, WalletId};
use money::decimal::DecimalAmount;
use switch::{
    AuthenticationFailure, LinkId, OperatorEvent, TerminalConnection, WalletAlarm, waybill,
};
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
        E::UnreadableMessage { .. }
        | E::NotAuthenticated { .. }
        | E::Refused { .. }
        | E::SignedOn { .. }
        | E::NetworkNotProven(_) => LogBudget::Unauthenticated,
        _ => LogBudget::Authenticated,
    }
}

/// How often each event happened, by name.
pub(crate) type EventCounts = BTreeMap<&'static str, u64>;

/// No event has happened.
pub(crate) fn no_events() -> EventCounts {
    EVENT_NAMES.into_iter().map(|name| (name, 0)).collect()
}

/// The names under which events are counted.
const EVENT_NAMES: [&str; 30] = [
    "signed_on",
    "approved",
    "refused",
    "unreadable_message",
    "wrong_mac",
    "no_session",
    "other_dialect",
    "not_registered",
    "repeated",
    "link_signed_on",
    "network_not_proven",
    "link_signed_off",
    "network_message_rejected",
    "unmatched_response",
    "network_timeout",
    "late_approval",
    "acknowledged",
    "advice_rejected",
    "key_changed",
    "key_rejected",
    "batch_agreed",
    "batch_differs",
    "batch_left_disputed",
    "pre_authorisation_expired",
    "late_wallet_payment",
    "wrong_wallet_payment",
    "wrong_wallet_refund",
    "wallet_contradiction",
    "key_store_error",
    "unexpected_refusal",
];

pub(crate) fn event_name(event: &OperatorEvent) -> &'static str {
    use AuthenticationFailure as F;
    use OperatorEvent as E;
    match event {
        E::SignedOn { .. } => "signed_on",
        E::Approved { .. } => "approved",
        E::Refused { .. } => "refused",
        E::UnreadableMessage { .. } => "unreadable_message",
        E::NotAuthenticated { failure: F::WrongMac, .. } => "wrong_mac",
        E::NotAuthenticated { failure: F::NoSession, .. } => "no_session",
        E::NotAuthenticated { failure: F::OtherDialect, .. } => "other_dialect",
        E::NotAuthenticated { failure: F::NotRegistered, .. } => "not_registered",
        E::Repeated { .. } => "repeated",
        E::LinkSignedOn(_) => "link_signed_on",
        E::NetworkNotProven(_) => "network_not_proven",
        E::LinkSignedOff(_) => "link_signed_off",
        E::NetworkMessageRejected { .. } => "network_message_rejected",
        E::UnmatchedResponse(_) => "unmatched_response",
        E::NetworkTimeout { .. } => "network_timeout",
        E::LateApproval(_) => "late_approval",
        E::Acknowledged { .. } => "acknowledged",
        E::AdviceRejected { .. } => "advice_rejected",
        E::KeyChanged(_) => "key_changed",
        E::KeyRejected { .. } => "key_rejected",
        E::BatchAgreed { .. } => "batch_agreed",
        E::BatchDiffers { .. } => "batch_differs",
        E::BatchLeftDisputed { .. } => "batch_left_disputed",
        E::PreAuthorisationExpired { .. } => "pre_authorisation_expired",
        E::LateWalletPayment(_) => "late_wallet_payment",
        E::WrongWalletPayment(_) => "wrong_wallet_payment",
        E::WrongWalletRefund(_) => "wrong_wallet_refund",
        E::WalletContradiction(_) => "wallet_contradiction",
        E::KeyStoreError(_) => "key_store_error",
        E::UnexpectedRefusal(_) => "unexpected_refusal",
    }
}

/// Whether an event means that a message came from somebody whom nobody knows, and on which
/// connection: it is slowed or closed.
pub(crate) fn failure_of(event: &OperatorEvent) -> Option<(TerminalConnection, FailureKind)> {
    match *event {
        OperatorEvent::UnreadableMessage { connection, .. } => {
            Some((connection, FailureKind::BadFrame))
        }
        OperatorEvent::NotAuthenticated { connection, .. } => {
            Some((connection, FailureKind::FailedAuthentication))
        }
        _ => None,
    }
}

/// Logs an event of [`failure_of`], with the address that the message came from, and the gateway if
/// one brought it.
pub(crate) fn log_failure(
    log: &mut OperatorLog,
    event: &OperatorEvent,
    address: Option<IpAddr>,
    gateway: Option<&str>,
) {
    let (budget, address) = (budget_of(event), address.map(display));
    match *event {
        OperatorEvent::UnreadableMessage { why: ref reason, .. } => {
            let message = "unreadable message from a terminal";
            log_event!(log, budget, WARN, "switch", address, gateway, reason, "{message}");
        }
        OperatorEvent::NotAuthenticated { terminal, failure, .. } => {
            let terminal = display(TerminalNumber(terminal));
            let message = match failure {
                AuthenticationFailure::WrongMac => "wrong MAC",
                AuthenticationFailure::NoSession => "no session",
                AuthenticationFailure::OtherDialect => {
                    "the terminal's key is for another dialect than this listener"
                }
                AuthenticationFailure::NotRegistered => "terminal not registered",
            };
            log_event!(log, budget, WARN, "switch", terminal, address, gateway, "{message}");
        }
        _ => {}
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
        // With their addresses: `log_failure`.
        E::UnreadableMessage { .. } | E::NotAuthenticated { .. } => {}
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
        E::NetworkNotProven(id) => {
            let message = "whoever answers on this link does not have the network's MAC key: no \
                           payment goes there; check mac_key, and the link's address";
            let LinkId { network, number: link } = id;
            let address = names.networks.address(id).map(display);
            line!(ERROR, network = network!(network), link, address, "{message}");
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
        E::LateWalletPayment(ref alarm)
        | E::WrongWalletPayment(ref alarm)
        | E::WrongWalletRefund(ref alarm)
        | E::WalletContradiction(ref alarm) => {
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
            let WalletAlarm { order, due, said } = alarm;
            let amount = |amount| display(DecimalAmount::of(amount, said.currency));
            line!(
                WARN,
                terminal = terminal!(order.terminal),
                batch = order.batch,
                stan = order.stan.get(),
                wallet = names.wallet(said.wallet).map(display),
                order = said.reference,
                transaction = said.transaction,
                due = amount(*due),
                amount = amount(said.amount),
                currency = display(said.currency.code()),
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
    use switch::{WalletNotification, WalletOutcome};
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
                OperatorEvent::NetworkNotProven(LinkId { number: 0, ..link }),
                "ERROR switch: whoever answers on this link does not have the network's MAC key: \
                 no payment goes there; check mac_key, and the link's address network=alpha link=0 \
                 address=127.0.0.1:1",
            ),
            (
                OperatorEvent::KeyStoreError(why()),
                "ERROR switch: the key store failed reason=\"field 52\\nis wrong\"",
            ),
            (
                OperatorEvent::WalletContradiction(WalletAlarm {
                    order: TRACE,
                    due: Amount::of(1_250),
                    said: Box::new(WalletNotification {
                        wallet: WalletId(9),
                        reference: TRACE.wallet_order(),
                        amount: Amount::of(1_300),
                        currency: Currency::CNY,
                        outcome: WalletOutcome::Failed(None),
                        transaction: "4200000123".to_owned(),
                    }),
                }),
                "WARN switch: wallet denies a payment in the books, or refunded one without being \
                 asked terminal=00000007 batch=3 stan=12 wallet=purse \
                 order=\"00000007000003000012\" transaction=\"4200000123\" due=12.50 \
                 amount=13.00 currency=CNY",
            ),
        ] {
            assert_eq!(line(Level::INFO, &event), expected);
        }
    }

    #[test]
    fn a_failure_is_logged_with_its_address() {
        let (connection, terminal) = (TerminalConnection(1), TerminalId(7));
        let said = |event: &OperatorEvent, gateway| {
            assert!(failure_of(event).is_some_and(|(failed, _)| failed == connection));
            let address = "10.0.0.1".parse().ok();
            lines_at(Level::INFO, |log| log_failure(log, event, address, gateway)).concat()
        };
        let unreadable =
            OperatorEvent::UnreadableMessage { connection, why: "field 52\nis wrong".into() };
        assert_eq!(
            said(&unreadable, None),
            "WARN switch: unreadable message from a terminal address=10.0.0.1 \
             reason=\"field 52\\nis wrong\""
        );
        let failure = AuthenticationFailure::NotRegistered;
        let unknown = OperatorEvent::NotAuthenticated { connection, terminal, failure };
        assert_eq!(
            said(&unknown, Some("gateway-1")),
            "WARN switch: terminal not registered terminal=00000007 address=10.0.0.1 \
             gateway=\"gateway-1\""
        );
    }

    #[test]
    fn events_that_need_no_key_count_as_unauthenticated() {
        use LogBudget::{Approvals, Authenticated, Unauthenticated};
        let (terminal, stan) = (TerminalId(1), Stan::MIN);
        let (connection, failure) = (TerminalConnection(1), AuthenticationFailure::WrongMac);
        let link = LinkId { network: ALPHA, number: 0 };
        let why = || "why".to_owned();
        for (event, budget) in [
            (OperatorEvent::UnreadableMessage { connection, why: why() }, Unauthenticated),
            (OperatorEvent::NotAuthenticated { connection, terminal, failure }, Unauthenticated),
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
