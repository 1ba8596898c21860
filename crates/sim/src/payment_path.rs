//! The payment path: terminals, the switch, card networks and a wallet, connected by sockets and
//! driven in virtual time.
//!
//! Nothing here decides about money: terminals send requests, the switch routes them and commands
//! the engine, networks and the wallet answer by their own books. A courier's use of a terminal is
//! a [`TerminalAction`], its result an [`TerminalActionOutcome`].

mod action;
mod cards;
mod day_keys;
mod network;
mod rail_records;
mod setup;
mod socket_pair;
mod terminal_driver;
mod wallet;

use std::collections::{BTreeMap, HashMap};
use std::io;

use books::{Command, NetworkId, PaymentId, Timestamp, Trace, WalletId};
use engine::Submission;
use iso8583::WipedBytes;
use keys::KeyError;
use peers::clearing::ClearingFileError;
use peers::ledger::TransactionReference;
use peers::network::NetworkOutput;
use peers::terminal::TerminalError;
use switch::{
    AuthenticationFailure, LinkId, OperatorEvent, Output, Query, QueryResult, SettingsError,
    Switch, TerminalConnection, TerminalDialect,
};

use crate::backend::BackendReply;
use crate::schedule::Schedule;
use network::{ConnectedNetwork, NetworkScripts};
use socket_pair::{SocketPair, TerminalSockets};
use terminal_driver::TerminalDriver;
use wallet::{WalletNoteKind, WalletSimulation};

pub(crate) use action::{
    BuyerBehaviour, LineFault, PaymentFault, TerminalAction, TerminalActionKind,
    TerminalActionOutcome,
};
pub(crate) use cards::{CardBrand, card};

/// Transit time between a terminal and the switch.
const TERMINAL_MS: u64 = 250;
/// Transit time between the switch and a network.
const NETWORK_MS: u64 = 100;
/// Delay before a lost link is connected again.
const RECONNECT_MS: u64 = 30_000;
/// Delay before the wallet sends a notice again, or the refund that the switch asked for.
const WALLET_MS: u64 = 30_000;

/// A failure of the payment path that is no simulated fault.
#[derive(Debug, thiserror::Error)]
pub enum PaymentPathError {
    #[error("a local socket between terminals, switch and networks failed: {0}")]
    Socket(#[from] io::Error),
    /// A terminal cannot carry out its courier's action.
    #[error("a simulated terminal failed: {0}")]
    Terminal(#[from] TerminalError),
    #[error("a key of the simulated terminals or networks is unusable: {0}")]
    Key(#[from] KeyError),
    #[error("the switch rejects its settings: {0}")]
    Settings(#[from] SettingsError),
    #[error("the clearing file of a simulated network is invalid: {0}")]
    Clearing(#[from] ClearingFileError),
}

/// Counts of the payment path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaymentPathCounts {
    /// Terminal sign-ons.
    pub sign_ons: u64,
    /// Batches whose totals agree between terminal and books.
    pub batches_agreed: u64,
    /// Batches whose totals differed, so that their lines were uploaded.
    pub batches_disputed: u64,
    /// Sales that terminals approved offline.
    pub offline_sales: u64,
    /// Offline sales that the switch accepted.
    pub forwarded_sales: u64,
    /// Acknowledged reversals that terminals sent.
    pub terminal_reversals: u64,
    /// Requests that terminals repeated under the same STAN.
    pub repeated_messages: u64,
    /// Lines that dropped before the answer arrived.
    pub dropped_lines: u64,
    /// Answers that arrived after the terminal's timeout.
    pub late_answers: u64,
    /// Messages between terminals and switch, in both directions.
    pub terminal_messages: u64,
    /// Messages between switch and networks, in both directions.
    pub network_messages: u64,
    /// Reversals sent to networks, repeats included.
    pub reversals_sent: u64,
    /// Answers that networks sent twice.
    pub duplicate_answers: u64,
}

/// A scheduled event. Numbers are the index of a courier, or of a network and its link.
enum PendingEvent {
    /// A terminal's message reaches the switch.
    FromTerminal(TerminalConnection, WipedBytes),
    /// An answer reaches a terminal over this line.
    ToTerminal(usize, TerminalConnection, WipedBytes),
    /// A message reaches a network over this link.
    ToNetwork(usize, usize, WipedBytes),
    /// A network's message reaches the switch.
    FromNetwork(LinkId, WipedBytes),
    /// A link connects.
    Connect(usize, usize),
    /// A terminal's timeout may have passed.
    AnswerTimeout(usize),
    /// A terminal sends its next message.
    Continue(usize),
    /// A terminal repeats its request.
    Repeat(usize),
    /// A terminal asks whether a QR code is paid.
    PollQr(usize),
    /// The buyer pays an order.
    OrderPaid(String),
    /// The buyer declines an order.
    OrderFailed(String),
    /// The wallet reports the refund of an order.
    OrderRefunded(String),
    /// The wallet checks for orders to refund.
    WalletChecksRefunds,
}

pub(crate) struct PaymentPath {
    switch: Switch,
    outputs: Vec<Output>,
    terminals: Vec<TerminalDriver>,
    /// The courier of each line, by index.
    lines: HashMap<TerminalConnection, usize>,
    next_line: u64,
    sockets: TerminalSockets,
    networks: Vec<ConnectedNetwork>,
    next_link: u64,
    scripts: NetworkScripts,
    wallet: WalletSimulation,
    wallet_id: WalletId,
    qr_ms: u64,
    pending: Schedule<PendingEvent>,
    commands: Vec<(u64, Submission)>,
    queries: Vec<(u64, Query)>,
    outcomes: Vec<(usize, TerminalActionOutcome)>,
    /// Payments by the trace of the request that began them.
    payments_by_trace: BTreeMap<Trace, PaymentId>,
    /// Payments by network index and the network's reference.
    payments_by_reference: HashMap<(usize, TransactionReference), PaymentId>,
    /// The network of each payment, by index.
    network_of_payment: HashMap<PaymentId, usize>,
    pub counts: PaymentPathCounts,
    pub discrepancies: Vec<String>,
    /// The seed of all keys: that of the first day.
    key_seed: u64,
    /// The networks that were withdrawn, and since when.
    withdrawn: Vec<(NetworkId, Timestamp)>,
}

impl PaymentPath {
    /// The network at a place.
    pub(crate) fn network(&self, place: usize) -> Option<NetworkId> {
        self.networks.get(place).map(|network| network.id)
    }

    /// From now on no new payment goes to a network.
    pub(crate) fn withdraw(&mut self, network: NetworkId, from: Timestamp) {
        self.switch.network_withdrawn(network, Some(from));
        self.withdrawn.push((network, from));
    }

    /// Whether every network is withdrawn.
    pub(crate) fn has_no_network(&self) -> bool {
        self.networks.iter().all(|one| self.withdrawn.iter().any(|(id, _)| *id == one.id))
    }

    /// Connects the switch to its networks.
    pub(crate) fn connect_networks(&mut self, now: Timestamp) {
        for (index, rail) in self.networks.iter().enumerate() {
            for number in 0..rail.links.len() {
                self.pending.add(now, PendingEvent::Connect(index, number));
            }
        }
    }

    /// The next moment with something to do; `None` when only echo messages are left.
    pub(crate) fn next_moment(&self) -> Option<Timestamp> {
        let networks = self.networks.iter().filter_map(ConnectedNetwork::next_timer);
        let all = networks.chain(self.pending.next_moment()).chain(self.switch.next_timer());
        all.min().filter(|_| !self.is_idle())
    }

    fn is_idle(&self) -> bool {
        self.pending.next_moment().is_none()
            && self.switch.in_flight() == 0
            && self.switch.queued_reversals() == 0
            && self.terminals.iter().all(TerminalDriver::is_idle)
    }

    /// The first terminal that is not idle, or what the switch waits for, for an error message.
    pub(crate) fn unfinished(&self) -> Option<String> {
        if let Some(driver) = self.terminals.iter().find(|driver| !driver.is_idle()) {
            let number = driver.settings.number;
            return Some(format!("terminal {number} waits with {:?}", driver.running));
        }
        let (in_flight, queued) = (self.switch.in_flight(), self.switch.queued_reversals());
        Some(format!("the switch has {in_flight} requests in flight, {queued} reversals queued"))
    }

    /// Number of payments whose reversal is not acknowledged.
    pub(crate) fn pending_reversals(&self) -> u64 {
        self.switch.queued_reversals() as u64
    }

    /// Processes everything that is due by now.
    pub(crate) fn process_due(&mut self, now: Timestamp) -> Result<(), PaymentPathError> {
        self.flush(now)?;
        loop {
            if let Some(events) = self.pending.take_due(now) {
                for event in events {
                    self.process(event, now)?;
                    self.flush(now)?;
                }
                continue;
            }
            let ticking =
                self.networks.iter().position(|rail| rail.next_timer().is_some_and(|at| at <= now));
            if let Some(index) = ticking {
                let mut outputs = Vec::new();
                self.networks[index].network.tick(now.0, &mut outputs);
                self.dispatch_network(index, outputs, now)?;
            } else if self.switch.next_timer().is_some_and(|at| at <= now) {
                self.switch.tick(now, &mut self.outputs);
            } else {
                return Ok(());
            }
            self.flush(now)?;
        }
    }

    /// Takes the switch's commands in order, each with the ticket of its answer.
    pub(crate) fn take_commands(&mut self) -> Vec<(u64, Submission)> {
        std::mem::take(&mut self.commands)
    }

    /// Takes the switch's queries; they are answered after its commands.
    pub(crate) fn take_queries(&mut self) -> Vec<(u64, Query)> {
        std::mem::take(&mut self.queries)
    }

    /// Takes the outcomes of terminal actions, by courier.
    pub(crate) fn take_outcomes(&mut self) -> Vec<(usize, TerminalActionOutcome)> {
        std::mem::take(&mut self.outcomes)
    }

    /// Passes the answer of a command to the switch.
    pub(crate) fn on_answer(
        &mut self,
        ticket: u64,
        command: &Command,
        answer: BackendReply,
        now: Timestamp,
    ) -> Result<(), PaymentPathError> {
        if let Ok(events) = &answer {
            self.record_payment(command, events);
        }
        self.switch.on_command_result(ticket, answer, now, &mut self.outputs);
        self.flush(now)
    }

    /// Passes the result of a query to the switch.
    pub(crate) fn on_query_result(
        &mut self,
        ticket: u64,
        fact: QueryResult,
        now: Timestamp,
    ) -> Result<(), PaymentPathError> {
        self.switch.on_query_result(ticket, fact, now, &mut self.outputs);
        self.flush(now)
    }

    fn process(&mut self, due: PendingEvent, now: Timestamp) -> Result<(), PaymentPathError> {
        match due {
            PendingEvent::FromTerminal(line, mut message) => {
                let (dialect, out) = (TerminalDialect::DOORSTEP, &mut self.outputs);
                self.switch.on_terminal_message(line, dialect, &mut message, now, out);
            }
            PendingEvent::ToTerminal(courier, line, mut message) => {
                if self.terminals[courier].line == Some(line) {
                    self.on_terminal_message(courier, &mut message, now)?;
                }
            }
            PendingEvent::ToNetwork(index, number, mut message) => {
                let rail = &mut self.networks[index];
                let simulated_link = &rail.links[number];
                if simulated_link.socket.is_some() {
                    let mut outputs = Vec::new();
                    rail.network.receive(
                        simulated_link.network_link,
                        &mut message,
                        now.0,
                        &mut outputs,
                    );
                    self.dispatch_network(index, outputs, now)?;
                }
            }
            PendingEvent::FromNetwork(link, mut message) => {
                let messages = &mut [(link, &mut message[..])];
                self.switch.on_network_messages(messages, now, &mut self.outputs);
            }
            PendingEvent::Connect(index, number) => self.connect(index, number, now)?,
            PendingEvent::AnswerTimeout(courier) => self.on_terminal_timeout(courier, now)?,
            PendingEvent::Continue(courier) => self.continue_terminal(courier, now)?,
            PendingEvent::Repeat(courier) => self.repeat_message(courier, now)?,
            PendingEvent::PollQr(courier) => self.poll_qr(courier, now)?,
            PendingEvent::OrderPaid(order) => self.send_wallet_note(&order, WalletNoteKind::Paid),
            PendingEvent::OrderFailed(order) => {
                self.send_wallet_note(&order, WalletNoteKind::NotPaid);
            }
            PendingEvent::OrderRefunded(order) => {
                self.send_wallet_note(&order, WalletNoteKind::Refunded);
            }
            PendingEvent::WalletChecksRefunds => {
                for (order, _) in self.switch.wallet_refunds_due(self.wallet_id) {
                    self.send_wallet_note(&order, WalletNoteKind::Refunded);
                }
            }
        }
        Ok(())
    }

    /// Sends a terminal's message, over a new line if it has none.
    fn send_from_terminal(
        &mut self,
        courier: usize,
        message: &[u8],
        now: Timestamp,
    ) -> Result<(), PaymentPathError> {
        let driver = &mut self.terminals[courier];
        let line = match driver.line {
            Some(line) => line,
            None => {
                self.sockets.open(courier)?;
                self.next_line += 1;
                let line = TerminalConnection(self.next_line);
                self.lines.insert(line, courier);
                *driver.line.insert(line)
            }
        };
        let arrived = self.sockets.socket(courier).send_to_switch(message)?;
        self.counts.terminal_messages += 1;
        self.pending.add(now.plus_ms(TERMINAL_MS), PendingEvent::FromTerminal(line, arrived));
        if let Some(until_ms) = driver.terminal.answer_by() {
            self.pending.add(Timestamp(until_ms), PendingEvent::AnswerTimeout(courier));
        }
        Ok(())
    }

    /// Dispatches the outputs of the switch.
    fn flush(&mut self, now: Timestamp) -> Result<(), PaymentPathError> {
        while !self.outputs.is_empty() {
            for output in std::mem::take(&mut self.outputs) {
                self.dispatch(output, now)?;
            }
        }
        Ok(())
    }

    fn dispatch(&mut self, output: Output, now: Timestamp) -> Result<(), PaymentPathError> {
        match output {
            Output::ToTerminal { connection: line, message } => {
                self.send_to_terminal(line, &message, now)?;
            }
            Output::CloseTerminalConnection { connection: line } => {
                self.add_discrepancy("the switch closed the line of a terminal".into());
                if let Some(courier) = self.lines.get(&line).copied() {
                    self.close_line(courier);
                }
            }
            Output::ToNetwork { link, message } => {
                let Some((index, number)) = self.index_of(link) else { return Ok(()) };
                if let Some(socket) = &mut self.networks[index].links[number].socket {
                    let arrived = socket.send_to_peer(&message)?;
                    self.counts.network_messages += 1;
                    let due = PendingEvent::ToNetwork(index, number, arrived);
                    self.pending.add(now.plus_ms(NETWORK_MS), due);
                }
            }
            Output::DisconnectLink { link } => {
                if let Some((index, number)) = self.index_of(link) {
                    self.disconnect(index, number, now);
                }
            }
            Output::Command { ticket, by, command } => {
                self.commands.push((ticket, Submission::new(by, command)));
            }
            Output::Query { ticket, query: question } => self.queries.push((ticket, question)),
            Output::WalletReply { reply_id: reply, answer: what } => {
                self.on_wallet_reply(reply, what, now);
            }
            // No courier of the day asks by phone.
            Output::PhoneReply { .. } => {}
            Output::OperatorEvent(event) => self.check_operator_event(&event),
        }
        Ok(())
    }

    fn send_to_terminal(
        &mut self,
        line: TerminalConnection,
        message: &[u8],
        now: Timestamp,
    ) -> Result<(), PaymentPathError> {
        let Some(courier) = self.lines.get(&line).copied() else { return Ok(()) };
        let driver = &mut self.terminals[courier];
        if driver.line != Some(line) {
            return Ok(());
        }
        if let Some(fault) = driver.takes_line_fault() {
            self.close_line(courier);
            self.on_line_drop(courier, fault, now);
            return Ok(());
        }
        let arrived = self.sockets.socket(courier).send_to_peer(message)?;
        self.counts.terminal_messages += 1;
        let due = PendingEvent::ToTerminal(courier, line, arrived);
        self.pending.add(now.plus_ms(TERMINAL_MS), due);
        Ok(())
    }

    /// Closes a terminal's line.
    fn close_line(&mut self, courier: usize) {
        if let Some(line) = self.terminals[courier].line.take() {
            self.lines.remove(&line);
            self.sockets.close(courier);
        }
    }

    fn connect(
        &mut self,
        index: usize,
        number: usize,
        now: Timestamp,
    ) -> Result<(), PaymentPathError> {
        let rail = &mut self.networks[index];
        let simulated_link = &mut rail.links[number];
        if simulated_link.socket.is_some() {
            return Ok(());
        }
        simulated_link.socket = Some(SocketPair::connect(&rail.listener)?);
        self.next_link += 1;
        simulated_link.network_link = peers::network::NetworkLinkId(self.next_link);
        let mut outputs = Vec::new();
        rail.network.connected(simulated_link.network_link, now.0, &mut outputs);
        self.switch.on_link_connected(simulated_link.id, now, &mut self.outputs);
        self.dispatch_network(index, outputs, now)
    }

    fn disconnect(&mut self, index: usize, number: usize, now: Timestamp) {
        let rail = &mut self.networks[index];
        let simulated_link = &mut rail.links[number];
        simulated_link.socket = None;
        rail.network.closed(simulated_link.network_link);
        self.switch.on_link_closed(simulated_link.id, now, &mut self.outputs);
        self.pending.add(now.plus_ms(RECONNECT_MS), PendingEvent::Connect(index, number));
    }

    fn dispatch_network(
        &mut self,
        index: usize,
        outputs: Vec<NetworkOutput>,
        now: Timestamp,
    ) -> Result<(), PaymentPathError> {
        for one in outputs {
            match one {
                NetworkOutput::Send { link, message } => {
                    let rail = &mut self.networks[index];
                    let Some(number) = rail.index_of(link) else { continue };
                    let simulated_link = &mut rail.links[number];
                    if let Some(socket) = &mut simulated_link.socket {
                        let arrived = socket.send_to_switch(&message)?;
                        self.counts.network_messages += 1;
                        let due = PendingEvent::FromNetwork(simulated_link.id, arrived);
                        self.pending.add(now.plus_ms(NETWORK_MS), due);
                    }
                }
                NetworkOutput::Close { link } => {
                    if let Some(number) = self.networks[index].index_of(link) {
                        self.disconnect(index, number, now);
                    }
                }
            }
        }
        Ok(())
    }

    fn send_wallet_note(&mut self, order: &str, what: WalletNoteKind) {
        if let Some((note, reply)) = self.wallet.next_note(order, what) {
            self.switch.on_wallet_notification(note, reply, &mut self.outputs);
        }
    }

    fn on_wallet_reply(&mut self, reply: u64, what: switch::WalletReply, now: Timestamp) {
        let Some((order, next)) = self.wallet.on_reply(reply, what) else { return };
        if what == switch::WalletReply::UnknownOrder {
            self.add_discrepancy(format!("the switch does not know the order {order}"));
        }
        let next = match next {
            None => return,
            Some(WalletNoteKind::Refunded) => PendingEvent::OrderRefunded(order),
            Some(WalletNoteKind::Paid) => PendingEvent::OrderPaid(order),
            Some(WalletNoteKind::NotPaid) => PendingEvent::OrderFailed(order),
        };
        self.pending.add(now.plus_ms(WALLET_MS), next);
    }

    fn index_of(&self, link: LinkId) -> Option<(usize, usize)> {
        let index = self.networks.iter().position(|rail| rail.id == link.network)?;
        let number = usize::from(link.number);
        (number < self.networks[index].links.len()).then_some((index, number))
    }

    /// Records operator events that must not occur between peers that keep to the protocol.
    fn check_operator_event(&mut self, event: &OperatorEvent) {
        use AuthenticationFailure as F;
        use OperatorEvent as H;
        match event {
            H::UnreadableMessage { .. }
            | H::NotAuthenticated {
                failure: F::WrongMac | F::OtherDialect | F::NotRegistered,
                ..
            }
            | H::NetworkNotProven(_)
            | H::NetworkMessageRejected { .. }
            | H::WrongWalletRefund(_)
            | H::WrongWalletPayment(_)
            | H::WalletContradiction(_)
            | H::BatchLeftDisputed { .. }
            | H::PreAuthorisationExpired { reversing: false, .. }
            | H::KeyRejected { .. }
            | H::KeyStoreError(_)
            | H::UnexpectedRefusal(_) => {
                self.add_discrepancy(format!("the switch: {event:?}"));
            }
            H::SignedOn { .. }
            | H::Approved { .. }
            | H::Refused { .. }
            | H::NotAuthenticated { failure: F::NoSession, .. }
            | H::AdviceRejected { .. }
            | H::Repeated { .. }
            | H::LinkSignedOn(_)
            | H::LinkSignedOff(_)
            | H::UnmatchedResponse(_)
            | H::NetworkTimeout { .. }
            | H::LateApproval(_)
            | H::Acknowledged { .. }
            | H::KeyChanged(_)
            | H::BatchAgreed { .. }
            | H::BatchDiffers { .. }
            | H::PreAuthorisationExpired { reversing: true, .. }
            | H::LateWalletPayment(_) => {}
        }
    }

    fn add_discrepancy(&mut self, what: String) {
        self.discrepancies.push(what);
    }
}
