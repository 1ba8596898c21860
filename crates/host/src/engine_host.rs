//! The engine's process: sockets, switch and node, in rounds.
//!
//! A round passes on all messages and answers that have arrived, then sends the results: one
//! request to the node with all commands, and one write per connection. Under load a round does
//! more work.

mod status;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use books::Timestamp;
use engine::Submission;
use mio::Waker;
use node::{CLOCK_FOLLOWED_MS_MAX, CLOCK_JUMP_MS_MIN, Clock, Node, NodeStopped};
use switch::{AuthenticationFailure, OperatorEvent, Output, TerminalConnection};
use tracing::field::display;

use crate::close_reason::CloseReason;
use crate::control::{self, ControlRequest};
use crate::gateway_sessions::{ConnectedGateway, GatewaySessions, LineInput};
use crate::hosted_switch::HostedSwitch;
use crate::kinds::Kinds;
use crate::limits::{COMMANDS_WAITING_MAX, LINES_PER_GATEWAY_MAX};
use crate::links::NetworkLinks;
use crate::log::LogBudget::{Authenticated, Unauthenticated};
use crate::log::{OperatorLog, log_event};
use crate::node_channel::{NetworkChanges, NodeChannel, ReplyQueue};
use crate::operator_events::{
    EventCounts, SettingsNames, event_name, failure_of, log_failure, log_operator_event, no_events,
};
use crate::phones::{PhoneRequests, WaitingPhones};
use crate::plan::{HostPlan, ListenAddresses, ListenerPlan, TerminalListener, log_plain};
use crate::precheck;
use crate::settings_changes::{ChangedSettings, SettingsChanges, settings_changes};
use crate::sockets::{
    ConnectionId, ConnectionKind, FailureAlarm, FailureKind, SocketService, Sockets,
};
use crate::wallet::{WalletApi, WalletRequest};

/// The longest wait of a round when nothing is due.
const ROUND_MAX: Duration = Duration::from_millis(500);

/// Why the host could not start, or cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(
        "{what}: cannot listen on {address}: {source}; choose another address, or stop the program \
         that uses this one"
    )]
    Listen {
        /// The kind of listener.
        what: &'static str,
        address: SocketAddr,
        source: io::Error,
    },
    #[error(
        "cannot create the control socket {}: {source}; check that its directory exists and can be \
         written", path.display()
    )]
    Control { path: PathBuf, source: io::Error },
    /// A gateway's limits allow more terminals than the engine accepts on one connection.
    #[error(
        "a gateway of {0} terminals is too large: the engine accepts {LINES_PER_GATEWAY_MAX} on \
         one connection; lower the limit and start another gateway"
    )]
    TooManyTerminals(usize),
    /// The operating system has no more file descriptors or sockets.
    #[error("cannot use sockets: {0}")]
    Sockets(#[from] io::Error),
    #[error("the node has stopped: {0}")]
    NodeStopped(#[from] NodeStopped),
}

/// How a stop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopOutcome {
    /// Everything in flight finished.
    Finished,
    /// This many payments and commands had not finished when the time was up, or at a second stop.
    /// Unknown payments are in the books; their reversals continue after the next start.
    Unfinished(usize),
}

/// Stops a host or gateway from another thread: the first call gracefully, the second at once.
#[derive(Clone, Debug)]
pub struct Stopper {
    calls: Arc<AtomicU8>,
    waker: Arc<Waker>,
}

impl Stopper {
    pub(crate) fn new(waker: Arc<Waker>) -> Stopper {
        Stopper { calls: Arc::default(), waker }
    }

    pub fn stop(&self) {
        // `checked_add` keeps the counter from wrapping; more than two calls count as two.
        let _ = self
            .calls
            .try_update(Ordering::AcqRel, Ordering::Acquire, |calls| calls.checked_add(1));
        // An error means that the sockets are gone, so there is nothing left to stop.
        let _ = self.waker.wake();
    }

    pub(crate) fn calls(&self) -> u8 {
        self.calls.load(Ordering::Acquire)
    }
}

/// The engine's process: sockets around a switch.
pub struct Host<C> {
    sockets: Sockets,
    service: HostService<C>,
    addresses: ListenAddresses,
    stopper: Stopper,
    changes: SettingsChanges,
    changed: Receiver<ChangedSettings>,
}

/// A listener for terminals.
struct OpenListener {
    planned: TerminalListener,
    address: SocketAddr,
}

/// Everything behind the sockets.
struct HostService<C> {
    core: C,
    clock: Box<dyn Clock>,
    /// The machine's clock has jumped, and the log says so.
    clock_jumped: bool,
    now: Timestamp,
    /// The poll whose messages have this time.
    now_of: Instant,
    out: Vec<Output>,
    mail: NodeChannel,
    log: OperatorLog,
    /// Since the start.
    events: EventCounts,
    kinds: Kinds,
    links: NetworkLinks,
    /// The tag of a terminal's connection has the place of its listener.
    listeners: Vec<OpenListener>,
    gateways: GatewaySessions,
    wallets: WalletApi,
    phones: WaitingPhones,
    trial: bool,
    plain: Vec<(String, SocketAddr)>,
    stop_wait: Duration,
    stopping: Option<Instant>,
    /// Each network was sent a sign-off.
    signed_off: bool,
    stop_requested: bool,
    messages: u64,
}

impl<C: HostedSwitch> Host<C> {
    /// Listens on every address of the plan and starts to connect its links. Serves nobody before
    /// [`Host::run`].
    pub fn open(
        core: C,
        node: &Node,
        plan: HostPlan,
        clock: Box<dyn Clock>,
    ) -> Result<Host<C>, HostError> {
        let mut sockets = Sockets::new(plan.limits)?;
        let kinds = Kinds::add(&mut sockets, &plan.limits);
        let mut addresses = ListenAddresses::default();
        let plain = plan.plain_beyond_loopback();
        for (with, address) in &plain {
            log_plain(with, *address);
        }
        let listen = |sockets: &mut Sockets, what, kind, tag, address, tls| {
            sockets.listen(address, kind, tag, tls).map_err(|source| HostError::Listen {
                what,
                address,
                source,
            })
        };
        let mut listeners = Vec::new();
        for (tag, planned) in (0..).zip(plan.terminals) {
            let (at, tls) = (planned.address, planned.tls.clone());
            let address = listen(&mut sockets, "terminals", kinds.terminal, tag, at, tls)?;
            let (dialect, protection) = (planned.dialect.name, planned.protection());
            let at = display(address);
            tracing::info!(target: "host", address = at, dialect, protection, "for terminals");
            addresses.terminals.push(address);
            listeners.push(OpenListener { planned, address });
        }
        if !plan.trusted_gateways.is_empty() {
            let gateways = plan.trusted_gateways.join(", ");
            let message =
                "these gateways are trusted with terminals whose dialect protects nothing";
            tracing::warn!(target: "host", gateways, "{message}");
        }
        for (address, tls) in plan.gateways {
            let at = listen(&mut sockets, "gateways", kinds.gateway, 0, address, Some(tls))?;
            addresses.gateways.push(at);
        }
        for ListenerPlan { address, tls } in plan.wallet_listeners {
            let at = listen(&mut sockets, "wallets", kinds.wallet, 0, address, tls)?;
            addresses.wallets.push(at);
        }
        if let Some(path) = plan.control {
            control::listen(&mut sockets, &path, kinds.control)
                .map_err(|source| HostError::Control { path, source })?;
        }
        let stopper = Stopper::new(sockets.waker());
        let inbox = Arc::new(ReplyQueue::new(sockets.waker()));
        let post = node.request_sender(inbox.clone());
        let now = clock.now();
        let service = HostService {
            core,
            clock,
            clock_jumped: false,
            now,
            now_of: sockets.polled_at(),
            out: Vec::new(),
            mail: NodeChannel::new(inbox, post),
            log: OperatorLog::new(),
            events: no_events(),
            kinds,
            links: NetworkLinks::new(plan.links, kinds.network),
            listeners,
            gateways: GatewaySessions::new(plan.gateway_names, plan.trusted_gateways),
            wallets: WalletApi::new(plan.wallets),
            phones: WaitingPhones::new(sockets.waker()),
            trial: plan.trial,
            plain,
            stop_wait: plan.stop_wait,
            stopping: None,
            signed_off: false,
            stop_requested: false,
            messages: 0,
        };
        let (changes, changed) = settings_changes(sockets.waker());
        Ok(Host { sockets, service, addresses, stopper, changes, changed })
    }

    #[must_use]
    pub fn addresses(&self) -> &ListenAddresses {
        &self.addresses
    }

    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// For a thread that reads the settings again.
    #[must_use]
    pub fn settings_changes(&self) -> SettingsChanges {
        self.changes.clone()
    }

    /// For the threads that serve couriers' phones.
    #[must_use]
    pub fn phone_requests(&self) -> PhoneRequests {
        self.service.phones.requests()
    }

    /// For a thread that gives commands of its own.
    #[must_use]
    pub fn network_changes(&self) -> NetworkChanges {
        self.service.mail.network_changes()
    }

    /// Queues the outputs of [`switch::Switch::resume`], to be processed before the first message.
    pub fn queue_outputs(&mut self, mut out: Vec<Output>) {
        self.service.out.append(&mut out);
    }

    /// Runs until it is stopped, or until the node or the sockets fail.
    pub fn run(&mut self) -> Result<StopOutcome, HostError> {
        loop {
            if let Some(ended) = self.round()? {
                return Ok(ended);
            }
        }
    }

    fn round(&mut self) -> Result<Option<StopOutcome>, HostError> {
        let Host { sockets, service, stopper, changed, .. } = self;
        let wait = service.wait();
        sockets.poll_once(wait, service)?;
        service.update_now();
        service.take_network_messages();
        for change in changed.try_iter() {
            service.change_settings(sockets, change);
        }
        service.take_replies(sockets)?;
        service.take_phone_requests();
        service.run_due_work(sockets);
        while !service.out.is_empty() {
            service.process_outputs(sockets);
            sockets.flush(service);
        }
        // Sends what was queued without an output of the switch.
        sockets.flush(service);
        service.mail.send()?;
        service.apply_backpressure(sockets);
        let calls = stopper.calls().saturating_add(u8::from(service.stop_requested));
        Ok(service.stopped(sockets, calls))
    }
}

impl<C: HostedSwitch> HostService<C> {
    fn wait(&self) -> Duration {
        if !self.out.is_empty() {
            return Duration::ZERO;
        }
        let timer = self
            .core
            .next_timer()
            .map(|at| Duration::from_millis(at.0.saturating_sub(self.clock.now().max(self.now).0)));
        let due = [timer, self.links.due_in(), self.gateways.due_in()];
        due.into_iter().flatten().fold(ROUND_MAX, Duration::min)
    }

    /// The switch's time never goes back, whatever clock there is.
    fn update_now(&mut self) {
        self.now = self.now.max(self.clock.now());
    }

    /// The messages of one poll have one time: to read the clock for each would cost more than much
    /// of what is done with it.
    fn update_now_of(&mut self, sockets: &Sockets) {
        if std::mem::replace(&mut self.now_of, sockets.polled_at()) != sockets.polled_at() {
            self.update_now();
        }
    }

    fn change_settings(&mut self, sockets: &mut Sockets, change: ChangedSettings) {
        let ChangedSettings { plan, switch, applied } = change;
        self.kinds.limit(sockets, plan.limits);
        let Kinds { terminal, gateway, wallet, .. } = self.kinds;
        for (tag, open) in (0..).zip(&mut self.listeners) {
            let is_it = |found: &&TerminalListener| {
                found.address == open.planned.address && found.dialect == open.planned.dialect
            };
            if let Some(found) = plan.terminals.iter().find(is_it) {
                sockets.set_tls(terminal, tag, found.tls.clone());
                open.planned.certified = found.certified;
            }
        }
        let wallets = plan.wallet_listeners.into_iter().find_map(|listener| listener.tls);
        sockets.set_tls(wallet, 0, wallets);
        sockets.set_tls(gateway, 0, plan.gateways.into_iter().next().map(|(_, tls)| tls));
        self.gateways.set_names(sockets, plan.gateway_names, plan.trusted_gateways);
        self.wallets.set_secrets(plan.wallets);
        self.links.set_tls(plan.links);
        self.core.change_settings(&switch);
        // Whoever waits for it may have given up.
        let _ = applied.send(());
    }

    fn take_network_messages(&mut self) {
        let HostService { core, links, now, out, .. } = self;
        links.take_messages(|messages| core.on_network_messages(messages, *now, out));
    }

    fn take_phone_requests(&mut self) {
        while let Some((request, reply)) = self.phones.next() {
            self.core.on_phone_request(request, reply, self.now, &mut self.out);
        }
    }

    fn take_replies(&mut self, sockets: &mut Sockets) -> Result<(), NodeStopped> {
        let arrived = self.mail.take();
        let mail = &mut self.mail;
        let mut answers = arrived.answers.into_iter().map(|answer| {
            let ticket = mail.take_ticket(&answer);
            // No command of the switch has a request key.
            (ticket, answer.result.map(|events| events.books).map_err(engine::Refusal::into_books))
        });
        self.core.on_command_answers(&mut answers, self.now, &mut self.out);
        for (network, from) in arrived.network_changes {
            self.core.on_network_withdrawn(network, from);
        }
        for (ticket, result) in arrived.query_results {
            let before = self.out.len();
            self.core.on_query_result(ticket, result, self.now, &mut self.out);
            self.report_failures(sockets, before);
        }
        arrived.stopped.map_or(Ok(()), Err)
    }

    fn run_due_work(&mut self, sockets: &mut Sockets) {
        if self.core.next_timer().is_some_and(|at| at <= self.now) {
            self.core.tick(self.now, &mut self.out);
        }
        self.links.connect_due(sockets);
        self.gateways.send_due_heartbeats(sockets);
        self.log.renew_budget();
        self.report_clock_jump();
        log_failures(sockets);
    }

    /// Says once that the machine's clock has jumped, and once that it agrees again.
    fn report_clock_jump(&mut self) {
        let jump_ms = self.clock.machine_jump_ms();
        let jumped = jump_ms.abs() >= CLOCK_JUMP_MS_MIN;
        if std::mem::replace(&mut self.clock_jumped, jumped) == jumped {
            return;
        }
        match jumped {
            false => {
                let message = "the machine's clock agrees with this process again";
                log_event!(self.log, Authenticated, INFO, "host", "{message}");
            }
            true if jump_ms.abs() <= CLOCK_FOLLOWED_MS_MAX => {
                let message = "the machine's clock jumped, it is followed slowly";
                log_event!(self.log, Authenticated, WARN, "host", jump_ms, "{message}");
            }
            true => {
                let message = "the machine's clock jumped, it is not followed; check the clock, \
                               then start again";
                log_event!(self.log, Authenticated, ERROR, "host", jump_ms, "{message}");
            }
        }
    }

    /// Processes the outputs of the switch.
    fn process_outputs(&mut self, sockets: &mut Sockets) {
        let mut out = std::mem::take(&mut self.out);
        for output in out.drain(..) {
            match output {
                Output::ToTerminal { connection: line, message } => {
                    match split_gateway_line(line) {
                        None => {
                            let length = length_prefix(&message);
                            sockets.send(
                                ConnectionId::from_number(line.0),
                                &[&length, &message],
                                true,
                            );
                        }
                        Some((session, line)) => {
                            self.gateways.send(sockets, session, line, &message);
                        }
                    }
                }
                Output::CloseTerminalConnection { connection: line } => {
                    match split_gateway_line(line) {
                        None => {
                            sockets.close(ConnectionId::from_number(line.0), CloseReason::Asked);
                        }
                        Some((session, number)) => {
                            if self.gateways.close_line(sockets, session, number) {
                                self.core.on_line_closed(line);
                            }
                        }
                    }
                }
                Output::ToNetwork { link, message } => self.links.send(sockets, link, &message),
                Output::DisconnectLink { link } => self.links.drop_link(sockets, link),
                Output::Command { ticket, by, command } => {
                    let submission = Submission::new(by, command);
                    self.mail.command(ticket, submission);
                }
                Output::Query { ticket, query: question } => self.mail.query(ticket, question),
                Output::WalletReply { reply_id: reply, answer: what } => {
                    self.wallets.reply(sockets, reply, what);
                }
                Output::PhoneReply { reply_id, answer } => self.phones.reply(reply_id, answer),
                Output::OperatorEvent(event) => {
                    *self.events.entry(event_name(&event)).or_default() += 1;
                    if let OperatorEvent::LinkSignedOn(link) = event {
                        self.links.on_signed_on(link);
                    }
                    let names = SettingsNames { networks: &self.links, wallets: &self.wallets };
                    log_operator_event(&mut self.log, &event, names);
                }
            }
        }
        // Connections that closed meanwhile may have added outputs; those stay for the next round.
        if self.out.is_empty() {
            self.out = out;
        }
    }

    /// Pauses reading from terminals and gateways while too many commands wait for the journal, and
    /// during a stop.
    fn apply_backpressure(&mut self, sockets: &mut Sockets) {
        let waiting = self.mail.waiting();
        let held = sockets.is_kind_paused(self.kinds.terminal);
        let too_much = if held { COMMANDS_WAITING_MAX / 2 } else { COMMANDS_WAITING_MAX };
        let hold = self.stopping.is_some() || waiting > too_much;
        if hold != held {
            sockets.pause_kind(self.kinds.terminal, hold);
            sockets.pause_kind(self.kinds.gateway, hold);
        }
        self.gateways.resume_reading(sockets);
    }

    /// Advances a stop. Returns the outcome once it is complete.
    fn stopped(&mut self, sockets: &mut Sockets, calls: u8) -> Option<StopOutcome> {
        if calls == 0 {
            return None;
        }
        let unfinished = self.core.in_flight() + self.mail.waiting();
        if calls > 1 {
            return Some(StopOutcome::Unfinished(unfinished));
        }
        let since = match self.stopping {
            Some(since) => since,
            None => {
                let now = Instant::now();
                self.stopping = Some(now);
                self.core.stop();
                sockets.stop_listening();
                self.gateways.send_stop(sockets);
                self.apply_backpressure(sockets);
                sockets.flush(self);
                now
            }
        };
        if unfinished == 0 && self.out.is_empty() && !sockets.has_waiting_bytes() {
            if self.signed_off {
                return Some(StopOutcome::Finished);
            }
            self.signed_off = true;
            self.core.sign_off(self.now, &mut self.out);
            self.process_outputs(sockets);
            sockets.flush(self);
        }
        (since.elapsed() >= self.stop_wait).then_some(StopOutcome::Unfinished(unfinished))
    }

    fn on_terminal_message(&mut self, sockets: &mut Sockets, id: ConnectionId, message: &mut [u8]) {
        if !precheck::has_request_header(message) {
            return sockets.close(id, CloseReason::Malformed);
        }
        self.messages += 1;
        self.update_now_of(sockets);
        let before = self.out.len();
        let listener = usize::try_from(sockets.tag(id) & LISTENER_BITS).ok();
        let Some(listener) = listener.and_then(|place| self.listeners.get(place)) else { return };
        self.core.on_terminal_message(
            TerminalConnection(id.number()),
            listener.planned.dialect,
            message,
            self.now,
            &mut self.out,
        );
        self.report_failures(sockets, before);
    }

    /// Logs what has failed before its authentication, and counts it by the address that it came
    /// from. Slows or closes the connection. A gateway carries many terminals: only the line of the
    /// one that fails is closed.
    fn report_failures(&mut self, sockets: &mut Sockets, before: usize) {
        let mut closed = Vec::new();
        for output in &self.out[before..] {
            let Output::OperatorEvent(event) = output else { continue };
            let Some((connection, kind)) = failure_of(event) else { continue };
            let line = split_gateway_line(connection);
            let gateway = line.and_then(|(session, _)| self.gateways.gateway(session));
            let id = gateway.map_or(ConnectionId::from_number(connection.0), |(_, id)| id);
            let without_session = matches!(
                event,
                OperatorEvent::NotAuthenticated { failure: AuthenticationFailure::NoSession, .. }
            );
            // After a restart no terminal has one.
            if without_session && is_first_without_session(&mut self.gateways, sockets, id, line) {
                continue;
            }
            let gateway = line.and_then(|(session, _)| self.gateways.gateway(session));
            let name = gateway.map(|(name, _)| name);
            log_failure(&mut self.log, event, sockets.peer_address(id), name);
            if sockets.report_failure(id, kind, line.is_some()) && line.is_some() {
                closed.push(Output::CloseTerminalConnection { connection });
            }
        }
        self.out.append(&mut closed);
    }

    fn on_gateway_frame(&mut self, sockets: &mut Sockets, id: ConnectionId, frame: &mut [u8]) {
        let session = sockets.tag(id);
        let heard = self.gateways.on_frame(session, frame);
        match heard {
            Ok(None) => {}
            Ok(Some(LineInput::Message { line, dialect, message })) => {
                self.messages += 1;
                self.update_now_of(sockets);
                let before = self.out.len();
                let line = gateway_line(session, line);
                self.core.on_terminal_message(line, dialect, message, self.now, &mut self.out);
                self.report_failures(sockets, before);
            }
            Ok(Some(LineInput::Closed { line })) => {
                self.core.on_line_closed(gateway_line(session, line));
            }
            Ok(Some(LineInput::Untrusted { line, dialect })) => {
                self.gateways.refuse_line(sockets, session, line);
                sockets.report_failure(id, FailureKind::FailedAuthentication, true);
                let gateway = self.gateways.gateway(session).map(|(name, _)| name);
                let dialect = dialect.name;
                let message = "terminal refused: its gateway is not trusted with its dialect";
                log_event!(self.log, Unauthenticated, WARN, "host", gateway, dialect, "{message}");
            }
            Err(why) => {
                let gateway = self.gateways.gateway(session).map(|(name, _)| name);
                let reason = why.to_string();
                let message = "gateway protocol error, its connection is closed";
                log_event!(self.log, Authenticated, WARN, "host", gateway, reason, "{message}");
                sockets.close(id, CloseReason::Malformed);
            }
        }
    }

    fn on_operator_request(&mut self, sockets: &mut Sockets, id: ConnectionId, line: &[u8]) {
        let answer = match control::parse(line) {
            Err(why) => control::refused(&why),
            Ok(ControlRequest::Stop {}) => {
                self.stop_requested = true;
                control::success()
            }
            Ok(ControlRequest::Status {}) => self.status(sockets),
        };
        sockets.send(id, &[answer.as_bytes(), b"\n"], true);
    }
}

impl<C: HostedSwitch> SocketService for HostService<C> {
    fn opened(&mut self, sockets: &mut Sockets, id: ConnectionId, kind: ConnectionKind) {
        if kind == self.kinds.network {
            self.update_now();
            let link = self.links.on_connected(sockets, id);
            self.core.on_link_up(link, self.now, &mut self.out);
        } else if kind == self.kinds.gateway {
            match self.gateways.on_connected(sockets, id) {
                Ok(ConnectedGateway { name: gateway, fingerprint, trusted }) => {
                    let message = "gateway connected";
                    log_event!(
                        self.log,
                        Authenticated,
                        INFO,
                        "host",
                        gateway,
                        trusted,
                        fingerprint,
                        "{message}"
                    );
                }
                Err(gateway) => {
                    let reason = CloseReason::Name.description();
                    log_event!(
                        self.log,
                        Unauthenticated,
                        WARN,
                        "host",
                        gateway,
                        reason,
                        "gateway refused"
                    );
                    sockets.close(id, CloseReason::Name);
                }
            }
        }
    }

    fn message(
        &mut self,
        sockets: &mut Sockets,
        id: ConnectionId,
        kind: ConnectionKind,
        message: &mut [u8],
    ) {
        if kind == self.kinds.terminal {
            self.on_terminal_message(sockets, id, message);
        } else if kind == self.kinds.gateway {
            self.on_gateway_frame(sockets, id, message);
        } else if kind == self.kinds.network {
            self.links.keep(sockets, id, message);
        } else if kind == self.kinds.wallet {
            let now = self.now.max(self.clock.now());
            match self.wallets.on_request(sockets, id, message, now) {
                Some((WalletRequest::Notification(note), request)) => {
                    self.core.on_wallet_notification(note, request, &mut self.out);
                }
                Some((WalletRequest::RefundsDue(wallet), request)) => {
                    let orders = self.core.refunds_due(wallet);
                    self.wallets.answer_refunds_due(sockets, request, &orders);
                }
                Some((WalletRequest::OrderQuery(wallet, reference), request)) => {
                    self.core.on_wallet_order_query(wallet, &reference, request, &mut self.out);
                }
                None => {}
            }
        } else {
            self.on_operator_request(sockets, id, message);
        }
    }

    fn closed(
        &mut self,
        _sockets: &mut Sockets,
        id: ConnectionId,
        kind: ConnectionKind,
        tag: u64,
        why: CloseReason,
    ) {
        if kind == self.kinds.terminal {
            self.core.on_line_closed(TerminalConnection(id.number()));
        } else if kind == self.kinds.gateway {
            if let Some(closed) = self.gateways.on_closed(tag) {
                for line in closed.lines {
                    self.core.on_line_closed(gateway_line(tag, line));
                }
                let (gateway, reason) = (closed.name, why.description());
                log_event!(
                    self.log,
                    Authenticated,
                    WARN,
                    "host",
                    gateway,
                    reason,
                    "gateway disconnected"
                );
            } else if why != CloseReason::Name {
                let reason = why.description();
                log_event!(self.log, Unauthenticated, WARN, "host", reason, "gateway refused");
            }
        } else if kind == self.kinds.network {
            self.update_now();
            self.take_network_messages();
            let closed = self.links.on_closed(tag);
            if closed.was_up {
                self.core.on_link_down(closed.link, self.now, &mut self.out);
            }
            if closed.is_first_report {
                let what = if closed.was_up { "is lost" } else { "cannot be reached" };
                let what = format_args!("link {what}, connecting again");
                let network = display(self.links.network_name(closed.link.network));
                let (link, reason) = (closed.link.number, why.description());
                log_event!(self.log, Authenticated, WARN, "host", network, link, reason, "{what}");
            }
        }
    }
}

/// A line behind a gateway has the highest bit set, then the gateway's session, then its line
/// number.
const GATEWAY_LINE: u64 = 1 << 63;

fn gateway_line(session: u64, line: u32) -> TerminalConnection {
    TerminalConnection(GATEWAY_LINE | session << 32 | u64::from(line))
}

/// The gateway session and the line number, for a terminal behind a gateway.
fn split_gateway_line(line: TerminalConnection) -> Option<(u64, u32)> {
    let number = u32::try_from(line.0 & u64::from(u32::MAX)).ok()?;
    (line.0 & GATEWAY_LINE != 0).then_some(((line.0 & !GATEWAY_LINE) >> 32, number))
}

/// The bits of a terminal connection's tag that have the place of its listener.
const LISTENER_BITS: u64 = HAD_NO_SESSION - 1;
/// A message without a session has come on the connection.
const HAD_NO_SESSION: u64 = 1 << 32;

/// A message without a session has come. Returns whether it was the first one on its connection, or
/// on its line of a gateway.
fn is_first_without_session(
    gateways: &mut GatewaySessions,
    sockets: &mut Sockets,
    id: ConnectionId,
    line: Option<(u64, u32)>,
) -> bool {
    if let Some((session, line)) = line {
        return gateways.is_first_without_session(session, line);
    }
    let tag = sockets.tag(id);
    sockets.set_tag(id, tag | HAD_NO_SESSION);
    tag & HAD_NO_SESSION == 0
}

/// Says once a minute what failed most, and where it came from.
pub(crate) fn log_failures(sockets: &mut Sockets) {
    let Some(FailureAlarm { failures, addresses, worst }) = sockets.failure_alarm() else { return };
    let worst = serde_json::to_string(&worst).unwrap_or_default();
    let message = "much fails from outside: bad frames, TLS or authentication";
    tracing::error!(target: "host", failures, addresses, worst, "{message}");
}

/// The length prefix of a message, big-endian.
pub(crate) fn length_prefix(message: &[u8]) -> [u8; 2] {
    u16::try_from(message.len()).expect("messages have at most 65,535 bytes").to_be_bytes()
}
