//! The gateway's process: carries many terminals over one connection to the engine.
//!
//! It knows only which terminals are connected. It holds no keys, and parses messages only to drop
//! those that are malformed. When the engine is lost, terminals stay connected; messages in flight
//! are lost, and the terminals repeat them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use tracing::field::display;

use crate::backoff::Backoff;
use crate::close_reason::CloseReason;
use crate::engine_host::{HostError, StopOutcome, Stopper, length_prefix, log_failures};
use crate::frames::{self, Frame, PROTOCOL_VERSION};
use crate::framing::StreamFraming;
use crate::limits::{
    ConnectionLimits, FRAME_BYTES_MAX, HEARTBEAT_INTERVAL, HEARTBEAT_SILENCE_MAX, IN_FLIGHT_MAX,
    LINES_PER_GATEWAY_MAX, LINK_WAITING_BYTES_HIGH, LINK_WAITING_BYTES_MAX, PROCESS_FILES_MAX,
    STOP_WAIT, TERMINAL_MESSAGE_BYTES_MAX,
};
use crate::log::{LogBudget, OperatorLog, log_event};
use crate::plan::{TerminalListener, is_loopback, log_plain};
use crate::precheck;
use crate::sockets::{ConnectionId, ConnectionKind, ConnectionPolicy, SocketService, Sockets};
use crate::tls::TlsClient;

const ROUND_MAX: Duration = Duration::from_millis(500);
/// The tag of a terminal's connection has the place of its listener, and in these bits its line.
const LINE_BITS: u32 = 32;

/// What a gateway listens on and connects to.
#[derive(Clone, Debug)]
pub struct GatewayPlan {
    pub limits: ConnectionLimits,
    pub terminals: Vec<TerminalListener>,
    pub engine: SocketAddr,
    /// The engine's name and authorities, and the gateway's certificate.
    pub tls: TlsClient,
}

impl GatewayPlan {
    /// The most files that the process may open besides its terminal connections.
    #[must_use]
    pub fn other_files_max(&self) -> usize {
        // One is the connection to the engine.
        PROCESS_FILES_MAX + self.terminals.len() + 1
    }
}

pub struct Gateway {
    sockets: Sockets,
    service: GatewayService,
    addresses: Vec<SocketAddr>,
    stopper: Stopper,
}

struct GatewayService {
    plan: GatewayPlan,
    log: OperatorLog,
    terminal: ConnectionKind,
    engine: ConnectionKind,
    link: EngineLink,
    backoff: Backoff,
    /// The engine has announced its stop.
    stopping: bool,
    /// When this gateway started to stop.
    closing: Option<Instant>,
    last_line: u32,
    /// Terminals that have sent a message since the link is up, by line.
    lines: HashMap<u32, ConnectionId, FixedState>,
    next_pulse: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EngineLink {
    /// The next attempt is due at this time.
    Down(Instant),
    Connecting,
    /// The engine has not sent its version yet.
    Greeting(ConnectionId),
    Up(ConnectionId),
}

impl Gateway {
    /// Listens for terminals and starts to connect to the engine.
    ///
    /// # Errors
    /// [`HostError::Listen`]; [`HostError::TooManyTerminals`] if the limits allow more terminals
    /// than the engine accepts on one connection.
    pub fn open(plan: GatewayPlan) -> Result<Gateway, HostError> {
        let limits = plan.limits;
        // One terminal more would make the engine close the connection of all.
        if limits.connections_max > LINES_PER_GATEWAY_MAX {
            return Err(HostError::TooManyTerminals(limits.connections_max));
        }
        let mut sockets = Sockets::new(limits)?;
        let policy = ConnectionPolicy {
            framing: StreamFraming::LengthPrefixed,
            message_bytes_max: TERMINAL_MESSAGE_BYTES_MAX,
            idle_timeout: Some(limits.idle_timeout),
            waiting_bytes_max: limits.waiting_bytes_max,
            in_flight_max: limits.in_flight_max.clamp(1, IN_FLIGHT_MAX),
            admission: Some(limits.terminal_admission()),
        };
        let terminal = sockets.add_kind(policy);
        let engine = sockets.add_kind(ConnectionPolicy {
            framing: StreamFraming::Frames,
            message_bytes_max: FRAME_BYTES_MAX,
            idle_timeout: Some(HEARTBEAT_SILENCE_MAX),
            waiting_bytes_max: LINK_WAITING_BYTES_MAX,
            in_flight_max: 0,
            admission: None,
        });
        let mut addresses = Vec::new();
        for (place, listener) in (0..).zip(plan.terminals.clone()) {
            let what = "terminals";
            let (protection, dialect) = (listener.protection(), listener.dialect.name);
            let TerminalListener { address, tls, .. } = listener;
            if tls.is_none() && !is_loopback(address) {
                log_plain(what, address);
            }
            let failed = |source| HostError::Listen { what, address, source };
            let tag = place << LINE_BITS;
            let at = sockets.listen(address, terminal, tag, tls).map_err(failed)?;
            let address = display(at);
            tracing::info!(target: "gateway", address, dialect, protection, "for terminals");
            addresses.push(at);
        }
        let now = Instant::now();
        let stopper = Stopper::new(sockets.waker());
        let service = GatewayService {
            plan,
            log: OperatorLog::new(),
            terminal,
            engine,
            link: EngineLink::Down(now),
            backoff: Backoff::new(),
            stopping: false,
            closing: None,
            last_line: 0,
            lines: HashMap::default(),
            next_pulse: now,
        };
        Ok(Gateway { sockets, service, addresses, stopper })
    }

    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Runs until it is stopped; then it reads no more, and delivers the answers that still arrive.
    /// The terminals reconnect through another gateway.
    pub fn run(&mut self) -> Result<StopOutcome, HostError> {
        let Gateway { sockets, service, stopper, .. } = self;
        loop {
            sockets.poll_once(service.wait(), service)?;
            service.run_due_work(sockets);
            sockets.flush(service);
            service.apply_backpressure(sockets);
            if let Some(ended) = service.stopped(sockets, stopper.calls()) {
                return Ok(ended);
            }
        }
    }
}

impl GatewayService {
    fn wait(&self) -> Duration {
        let due = match self.link {
            EngineLink::Down(at) => at,
            _ => self.next_pulse,
        };
        due.saturating_duration_since(Instant::now()).min(ROUND_MAX)
    }

    fn run_due_work(&mut self, sockets: &mut Sockets) {
        let now = Instant::now();
        match self.link {
            EngineLink::Down(at) if at <= now => {
                let (engine, tls) = (self.plan.engine, &self.plan.tls);
                self.link = match sockets.connect(engine, self.engine, 0, Some(tls)) {
                    Ok(_) => EngineLink::Connecting,
                    Err(_) => EngineLink::Down(now + self.backoff.wait()),
                };
            }
            EngineLink::Up(id) if self.next_pulse <= now => {
                self.next_pulse = now + HEARTBEAT_INTERVAL;
                sockets.send(id, &[&frames::heartbeat()], false);
            }
            EngineLink::Up(_) => {}
            _ => self.next_pulse = now + HEARTBEAT_INTERVAL,
        }
        self.log.renew_budget();
        log_failures(sockets);
    }

    /// Advances a stop. Returns the outcome once it is complete.
    fn stopped(&mut self, sockets: &mut Sockets, calls: u8) -> Option<StopOutcome> {
        if calls == 0 {
            return None;
        }
        let since = *self.closing.get_or_insert_with(|| {
            sockets.stop_listening();
            sockets.pause_kind(self.terminal, true);
            Instant::now()
        });
        let unfinished = sockets.in_flight(self.terminal);
        if unfinished == 0 && !sockets.has_waiting_bytes() {
            return Some(StopOutcome::Finished);
        }
        let enough = calls > 1 || since.elapsed() >= STOP_WAIT;
        enough.then_some(StopOutcome::Unfinished(unfinished))
    }

    /// Pauses reading from terminals while the engine does not read.
    fn apply_backpressure(&mut self, sockets: &mut Sockets) {
        if self.closing.is_some() {
            return;
        }
        let EngineLink::Up(id) = self.link else { return sockets.pause_kind(self.terminal, false) };
        let waiting = sockets.waiting_bytes(id);
        if waiting > LINK_WAITING_BYTES_HIGH {
            sockets.pause_kind(self.terminal, true);
        } else if waiting < LINK_WAITING_BYTES_HIGH / 2 {
            sockets.pause_kind(self.terminal, false);
        }
    }

    fn on_terminal_message(&mut self, sockets: &mut Sockets, id: ConnectionId, message: &mut [u8]) {
        let tag = sockets.tag(id);
        let listener = usize::try_from(tag >> LINE_BITS).ok();
        let listener = listener.and_then(|place| self.plan.terminals.get(place));
        let Some(&TerminalListener { dialect, .. }) = listener else { return };
        if !precheck::is_parseable(message, dialect) {
            return sockets.close(id, CloseReason::Malformed);
        }
        let EngineLink::Up(engine) = self.link else { return sockets.message_answered(id) };
        if self.stopping {
            return sockets.message_answered(id);
        }
        let line = match line_in(tag) {
            line if self.lines.get(&line) == Some(&id) => line,
            _ => {
                let line = self.new_line();
                sockets.set_tag(id, tag >> LINE_BITS << LINE_BITS | u64::from(line));
                self.lines.insert(line, id);
                let opened = frames::opened(line, dialect);
                sockets.send(engine, &[&opened, dialect.name.as_bytes()], false);
                line
            }
        };
        sockets.send(engine, &[&frames::message(line, message.len()), message], false);
        if sockets.waiting_bytes(engine) > LINK_WAITING_BYTES_HIGH {
            sockets.pause_kind(self.terminal, true);
        }
    }

    fn new_line(&mut self) -> u32 {
        loop {
            self.last_line = self.last_line.wrapping_add(1);
            if self.last_line != 0 && !self.lines.contains_key(&self.last_line) {
                return self.last_line;
            }
        }
    }

    fn on_engine_frame(&mut self, sockets: &mut Sockets, engine: ConnectionId, frame: &mut [u8]) {
        let greeted = matches!(self.link, EngineLink::Up(_));
        match Frame::parse(frame) {
            Ok(Frame::Hello { version: PROTOCOL_VERSION }) if !greeted => {
                self.link = EngineLink::Up(engine);
                self.backoff.reset();
                let budget = LogBudget::Authenticated;
                log_event!(self.log, budget, INFO, "gateway", "the engine is connected");
            }
            Ok(Frame::Message { line, message }) if greeted => {
                if let Some(&id) = self.lines.get(&line) {
                    sockets.send(id, &[&length_prefix(message), message], true);
                }
            }
            Ok(Frame::Closed { line }) if greeted => {
                if let Some(id) = self.lines.remove(&line) {
                    sockets.close(id, CloseReason::Asked);
                }
            }
            Ok(Frame::Stop) if greeted => self.stopping = true,
            Ok(Frame::Heartbeat) if greeted => {}
            wrong => {
                let reason = match wrong {
                    Ok(Frame::Hello { version }) => {
                        format!(
                            "it uses version {version} of the protocol, this gateway \
                             {PROTOCOL_VERSION}"
                        )
                    }
                    Ok(_) => "it sent a frame that is not allowed there".into(),
                    Err(error) => error.to_string(),
                };
                let message = "engine protocol error, closing the connection";
                let budget = LogBudget::Authenticated;
                log_event!(self.log, budget, ERROR, "gateway", reason, "{message}");
                sockets.close(engine, CloseReason::Malformed);
            }
        }
    }
}

impl SocketService for GatewayService {
    fn opened(&mut self, sockets: &mut Sockets, id: ConnectionId, kind: ConnectionKind) {
        if kind == self.engine {
            self.link = EngineLink::Greeting(id);
            self.stopping = false;
            sockets.send(id, &[&frames::hello()], false);
        }
    }

    fn message(
        &mut self,
        sockets: &mut Sockets,
        id: ConnectionId,
        kind: ConnectionKind,
        message: &mut [u8],
    ) {
        if kind == self.engine {
            self.on_engine_frame(sockets, id, message);
        } else {
            self.on_terminal_message(sockets, id, message);
        }
    }

    fn closed(
        &mut self,
        sockets: &mut Sockets,
        id: ConnectionId,
        kind: ConnectionKind,
        tag: u64,
        why: CloseReason,
    ) {
        if kind == self.engine {
            let was_up = matches!(self.link, EngineLink::Up(_));
            let wait = self.backoff.wait();
            self.link = EngineLink::Down(Instant::now() + wait);
            // Messages in flight will not be answered; the terminals may send again.
            for (_, terminal) in self.lines.drain() {
                sockets.forget_unanswered(terminal);
            }
            self.lines.shrink_to_fit();
            sockets.pause_kind(self.terminal, self.closing.is_some());
            let what = if was_up { "is lost" } else { "cannot be reached" };
            let reason = why.description();
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            log_event!(
                self.log,
                LogBudget::Authenticated,
                WARN,
                "gateway",
                reason,
                wait_ms,
                "the engine {what}, connecting again"
            );
            return;
        }
        let line = line_in(tag);
        if self.lines.get(&line) == Some(&id) {
            self.lines.remove(&line);
            if let EngineLink::Up(engine) = self.link {
                sockets.send(engine, &[&frames::closed(line)], false);
            }
        }
    }
}

/// The line in the tag of a terminal's connection; 0 before its first message.
fn line_in(tag: u64) -> u32 {
    u32::try_from(tag & u64::from(u32::MAX)).unwrap_or(0)
}
