//! The switch: its inputs, each handed to one side.

use std::sync::Arc;

use books::{Event, NetworkId, PaymentRoute, Refusal, Timestamp, WalletId};
use keys::KeyStore;
use zeroize::Zeroize;

use crate::dialect::TerminalDialect;
use crate::network::NetworkSide;
use crate::phone::{CardRequests, PhoneRequest, Phones};
use crate::port::{
    LinkId, OperatorEvent, Output, QueryResult, TerminalConnection, WalletNotification,
};
use crate::settings::{Settings, SettingsError, TerminalSettings};
use crate::sides::NetworkResponse;
use crate::step::{Continuation, Pending, Turn};
use crate::terminal::{TerminalTables, Terminals};
use crate::timers::Timer;
use crate::unfinished::{ResumeError, Unfinished, UnfinishedTransaction};
use crate::upkeep::Upkeep;
use crate::wallet::{WalletSide, notifications};

/// Switches payments between terminals, networks, wallets and the books.
///
/// The caller passes in each message and result with the current time, and carries out the
/// [`Output`]s in order. A crash loses nothing: the books have everything that [`Switch::resume`]
/// needs.
pub struct Switch {
    settings: Settings,
    keys: Arc<dyn KeyStore>,
    terminals: TerminalTables,
    networks: NetworkSide,
    wallet: WalletSide,
    cards: CardRequests,
    upkeep: Upkeep,
    pending: Pending,
}

/// The sides and the step of one input.
macro_rules! step {
    ($switch:ident, $now:expr, $out:expr) => {
        Turn {
            settings: &$switch.settings,
            keys: &*$switch.keys,
            now: $now,
            pending: &mut $switch.pending,
            out: $out,
        }
    };
}

impl Switch {
    pub fn new(settings: Settings, keys: Arc<dyn KeyStore>) -> Result<Switch, SettingsError> {
        settings.check()?;
        Ok(Switch {
            networks: NetworkSide::new(&settings),
            settings,
            keys,
            terminals: TerminalTables::default(),
            wallet: WalletSide::new(),
            cards: CardRequests::default(),
            upkeep: Upkeep::default(),
            pending: Pending::default(),
        })
    }

    fn terminals<'t>(&'t mut self, now: Timestamp, out: &'t mut Vec<Output>) -> Terminals<'t> {
        Terminals {
            tables: &mut self.terminals,
            networks: &mut self.networks,
            wallet: &mut self.wallet,
            cards: &mut self.cards,
            step: step!(self, now, out),
        }
    }

    fn phones<'t>(&'t mut self, now: Timestamp, out: &'t mut Vec<Output>) -> Phones<'t> {
        Phones { cards: &mut self.cards, wallet: &mut self.wallet, step: step!(self, now, out) }
    }

    /// Takes the settings that can change while payments are in flight, from now on: timing, names
    /// for buyers, merchant numbers of firms, the terminals' times, and costs and card ranges of
    /// the networks. Costs and ranges stay as they are if the settings name other networks. The
    /// settings were checked.
    pub fn change_settings(&mut self, settings: &Settings) {
        let ours = &mut self.settings;
        ours.timing = settings.timing;
        ours.shown_as.clone_from(&settings.shown_as);
        ours.merchant.firms.clone_from(&settings.merchant.firms);
        let TerminalSettings { answer_s, reversal_attempts_max, echo_s, wrong_pins, .. } =
            settings.terminals;
        ours.terminals = TerminalSettings {
            answer_s,
            reversal_attempts_max,
            echo_s,
            wrong_pins,
            ..ours.terminals
        };
        let names = |of: &Settings| of.networks.iter().map(|one| one.network).collect::<Vec<_>>();
        if names(ours) != names(settings) {
            return;
        }
        ours.bins.clone_from(&settings.bins);
        for (network, theirs) in ours.networks.iter_mut().zip(&settings.networks) {
            (network.debit, network.credit) = (theirs.debit, theirs.credit);
        }
        self.networks.change_costs(ours);
    }

    /// Handles a terminal's message (TPDU, header and message) and wipes it. The dialect is that of
    /// the listener on which the terminal is connected.
    pub fn on_terminal_message(
        &mut self,
        connection: TerminalConnection,
        dialect: &'static TerminalDialect,
        message: &mut [u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        self.terminals(now, out).on_message(connection, dialect, message);
        message.zeroize();
        self.seal(now, out);
    }

    /// A link is connected: the switch signs on.
    pub fn on_link_connected(&mut self, link: LinkId, now: Timestamp, out: &mut Vec<Output>) {
        self.networks.on_link_connected(link, &mut step!(self, now, out));
        self.seal(now, out);
    }

    /// A link is closed. Pending responses may come over another link.
    pub fn on_link_closed(&mut self, link: LinkId, now: Timestamp, out: &mut Vec<Output>) {
        self.networks.on_link_closed(link, &mut step!(self, now, out));
        self.seal(now, out);
    }

    /// Signs all links off before shutdown. Does not wait for responses.
    pub fn sign_off(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.networks.sign_off(&mut step!(self, now, out));
        self.seal(now, out);
    }

    /// Handles networks' messages, in order, and wipes them. The MACs of many cost less together.
    pub fn on_network_messages(
        &mut self,
        messages: &mut [(LinkId, &mut [u8])],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let read = messages.iter().map(|(link, message)| (*link, &**message));
        for arrived in self.networks.parse(read, &*self.keys) {
            let response = self.networks.on_message(&arrived, &mut step!(self, now, out));
            if let Some(response) = response {
                self.terminals(now, out).on_network_response(&response);
            }
        }
        messages.iter_mut().for_each(|(_, message)| message.zeroize());
        self.seal(now, out);
    }

    /// Computes the MACs of the messages to networks that an input has put out. A request whose
    /// message has none was not sent, so it is declined.
    fn seal(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.pending.unsealed.is_empty() {
            return;
        }
        let unsealed = std::mem::take(&mut self.pending.unsealed);
        for not_sent in self.networks.seal(unsealed, &*self.keys, out) {
            let response = NetworkResponse::not_sent(not_sent.id);
            self.terminals(now, out).on_network_response(&response);
        }
    }

    /// Handles a wallet's notification. The caller has authenticated the wallet.
    pub fn on_wallet_notification(
        &mut self,
        notification: WalletNotification,
        reply_id: u64,
        out: &mut Vec<Output>,
    ) {
        notifications::on_notification(Box::new(notification), reply_id, &mut self.pending, out);
    }

    /// Handles a wallet's query for an order's status. The caller has authenticated the wallet.
    pub fn on_wallet_query(
        &mut self,
        wallet: WalletId,
        reference: &str,
        reply_id: u64,
        out: &mut Vec<Output>,
    ) {
        notifications::on_query(wallet, reference, reply_id, &mut self.pending, out);
    }

    /// Handles what a courier asks for by phone. The caller has authenticated the courier.
    pub fn on_phone_request(
        &mut self,
        request: PhoneRequest,
        reply_id: u64,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        self.phones(now, out).on_request(request, reply_id);
    }

    /// Handles the result of an [`Output::Command`]: durable, or refused.
    pub fn on_command_result(
        &mut self,
        ticket: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        self.on_command_results(std::iter::once((ticket, answer)), now, out);
    }

    /// Handles results with their tickets, in order. The MACs of many messages to networks cost
    /// less together.
    pub fn on_command_results(
        &mut self,
        results: impl Iterator<Item = (u64, Result<Vec<Event>, Refusal>)>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        for (ticket, answer) in results {
            self.on_result(ticket, answer, now, out);
        }
        self.seal(now, out);
    }

    fn on_result(
        &mut self,
        ticket: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(continuation) = self.pending.take(ticket) else { return };
        if let Continuation::Request(id) = continuation {
            return self.terminals(now, out).on_command_result(id, answer);
        }
        let continuation = match continuation {
            Continuation::PhoneBatch(work) => return self.phones(now, out).on_batch(work, answer),
            Continuation::PhoneOrder(work, trace, sent) => {
                return self.phones(now, out).on_order(work, (trace, sent), answer);
            }
            Continuation::PhoneEnded(id) => return self.phones(now, out).on_ended(id, answer),
            other => other,
        };
        let step = &mut step!(self, now, out);
        match continuation {
            Continuation::Acknowledged(id) => self.networks.on_acknowledged(id, answer, step),
            Continuation::Resumed(id) => self.networks.on_resumed(id, &answer, step),
            Continuation::WalletPaid(notification, order, reply_id) => {
                self.wallet.on_order_paid(notification, &order, reply_id, answer, step);
            }
            Continuation::WalletOrderExpired(reply_id) => {
                notifications::on_order_expired(reply_id, answer, step);
            }
            Continuation::WalletRefunded(order) => {
                self.wallet.on_refund_recorded(order, answer, step);
            }
            Continuation::Expiry => Upkeep::on_expired(answer, step),
            Continuation::RetentionScan => self.upkeep.on_parcels_forgotten(answer, step),
            Continuation::ReportRefusal => step.report_refusal(answer),
            Continuation::Nothing
            | Continuation::Request(_)
            | Continuation::Phone(_)
            | Continuation::PhoneBatch(_)
            | Continuation::PhoneOrder(..)
            | Continuation::PhoneEnded(_)
            | Continuation::Session(_)
            | Continuation::WalletNotification(..)
            | Continuation::WalletQuery(..) => {}
        }
    }

    /// Handles the result of an [`Output::Query`].
    pub fn on_query_result(
        &mut self,
        ticket: u64,
        result: QueryResult,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(continuation) = self.pending.take(ticket) else { return };
        match (continuation, result) {
            (Continuation::Session(id), QueryResult::Terminal(view)) => {
                self.terminals(now, out).on_terminal_view(id, view.as_ref());
            }
            (Continuation::Phone(work), QueryResult::Phone(view)) => {
                self.phones(now, out).on_view(work, &view);
            }
            (Continuation::Request(id), result) => {
                self.terminals(now, out).on_query_result(id, result);
            }
            (
                Continuation::WalletNotification(notification, reply_id),
                QueryResult::Transaction(order),
            ) => {
                let step = &mut step!(self, now, out);
                self.wallet.on_notified_order(notification, reply_id, order, step);
            }
            (Continuation::WalletQuery(wallet, reply_id), QueryResult::Transaction(order)) => {
                notifications::reply_order_status(
                    wallet,
                    reply_id,
                    order,
                    &mut step!(self, now, out),
                );
            }
            (Continuation::Expiry, QueryResult::ExpiredPreAuthorisations(expired)) => {
                for item in expired.transactions() {
                    let (trace, reversing) = (item.pending.trace, self.settings.has(item.route()));
                    let (terminal, stan) = (trace.terminal, trace.stan);
                    let event =
                        OperatorEvent::PreAuthorisationExpired { terminal, stan, reversing };
                    out.push(Output::OperatorEvent(event));
                    if reversing {
                        self.resume_one(item, now, out);
                    }
                }
            }
            (
                Continuation::RetentionScan,
                QueryResult::ParcelsToForget { before, records, found },
            ) => {
                let step = &mut step!(self, now, out);
                self.upkeep.on_records_scanned((before, records, found), step);
            }
            _ => {}
        }
        self.seal(now, out);
    }

    /// Resumes what was unfinished in the books before a restart. The caller passes it to a new
    /// switch, before all messages.
    pub fn resume(
        &mut self,
        unfinished: Unfinished,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), ResumeError> {
        unfinished.check(&self.settings)?;
        for (network, from) in &unfinished.withdrawn {
            self.network_withdrawn(*network, Some(*from));
        }
        self.networks.start_after(now);
        self.terminals(now, out).resume_pin_tries(&unfinished.wrong_pins);
        for item in unfinished.transactions() {
            self.resume_one(item, now, out);
        }
        self.pending.timers.set(now, Timer::Expiry);
        self.seal(now, out);
        Ok(())
    }

    fn resume_one(&mut self, item: &UnfinishedTransaction, now: Timestamp, out: &mut Vec<Output>) {
        let step = &mut step!(self, now, out);
        match item.route() {
            PaymentRoute::Card { .. } => self.networks.resume(item, step),
            PaymentRoute::Qr { .. } => self.wallet.resume(item, step),
        }
    }

    /// Runs all timers that are due.
    pub fn tick(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        while let Some(timer) = self.pending.timers.pop_due(now) {
            let step = &mut step!(self, now, out);
            match timer {
                Timer::NetworkTimeout(id) => self.terminals(now, out).on_network_timeout(id),
                Timer::Resend(id) => self.networks.send_reversal(id, step),
                Timer::LinkCheck(link) => self.networks.check_link(link, step),
                Timer::QrExpiry(id) => self.wallet.expire(id, step),
                Timer::Expiry => self.upkeep.start_expiry(step),
                Timer::RetentionScan => self.upkeep.continue_retention_scan(step),
            }
        }
        self.seal(now, out);
    }

    /// The time of the next [`Switch::tick`], if a timer is set.
    #[must_use]
    pub fn next_timer(&self) -> Option<Timestamp> {
        self.pending.timers.next()
    }

    /// A network takes no new payments from this time on. `None` reinstates it.
    pub fn network_withdrawn(&mut self, network: NetworkId, from: Option<Timestamp>) {
        self.networks.withdraw(network, from);
    }

    #[must_use]
    pub fn withdrawn_from(&self, network: NetworkId) -> Option<Timestamp> {
        self.networks.withdrawn_from(network)
    }

    /// Refuses new requests from now on. Requests in flight continue.
    pub fn stop(&mut self) {
        self.pending.stopping = true;
    }

    /// Terminal requests in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.terminals.in_flight()
    }

    /// Reversals and refunds that are not acknowledged yet.
    #[must_use]
    pub fn queued_reversals(&self) -> usize {
        self.networks.queued() + self.wallet.queued()
    }

    /// The links that are signed on.
    pub fn links_up(&self) -> impl Iterator<Item = LinkId> {
        self.networks.links_up()
    }

    /// The orders that a wallet must refund, with their amounts in minor units.
    #[must_use]
    pub fn wallet_refunds_due(&self, wallet: WalletId) -> Vec<(String, u64)> {
        let ours = self.settings.wallet.as_ref().is_some_and(|ours| ours.wallet == wallet);
        if ours { self.wallet.refunds_due() } else { Vec::new() }
    }
}
