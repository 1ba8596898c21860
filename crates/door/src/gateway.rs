//! The gateway's process: many terminals on one connection to the engine.
//!
//! It remembers nothing but who is connected, holds no keys, and understands of a message only
//! whether it is one: the engine is spared what is not. When the engine is lost, terminals stay;
//! what was in flight is lost with it, and the terminals repeat it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::door::{DoorError, Ended, Listen, Stopper, length};
use crate::frames::{self, Frame, VERSION};
use crate::framing::Framing;
use crate::limits::{
    FRAME_BYTES_MAX, IN_FLIGHT_MAX, LINES_PER_GATEWAY_MAX, LINK_WAITING_BYTES_HIGH,
    LINK_WAITING_BYTES_MAX, Limits, OWN_FILES_MAX, PULSE_INTERVAL, PULSE_SILENCE_MAX, STOP_WAIT,
    TERMINAL_MESSAGE_BYTES_MAX,
};
use crate::log::{Log, Teller};
use crate::sockets::{Habits, Id, Kind, Service, Sockets};
use crate::tls::Towards;
use crate::vet;
use crate::why::Why;

const ROUND_MAX: Duration = Duration::from_millis(500);

/// What a gateway listens and connects to.
#[derive(Clone, Debug)]
pub struct GatewayPlan {
    /// Limits.
    pub limits: Limits,
    /// For terminals.
    pub terminals: Vec<Listen>,
    /// The engine's listener for gateways.
    pub engine: SocketAddr,
    /// Whom we expect there, and who we are.
    pub tls: Towards,
}

impl GatewayPlan {
    /// How many files the process may need besides the connections of terminals.
    #[must_use]
    pub fn other_files_max(&self) -> usize {
        // One is the connection to the engine.
        OWN_FILES_MAX + self.terminals.len() + 1
    }
}

/// A gateway.
pub struct Gateway {
    sockets: Sockets,
    room: Room,
    addresses: Vec<SocketAddr>,
    stopper: Stopper,
}

struct Room {
    plan: GatewayPlan,
    log: Log,
    terminal: Kind,
    engine: Kind,
    link: Link,
    backoff: Backoff,
    /// The engine has said that it stops.
    stopping: bool,
    /// Since when we stop ourselves.
    closing: Option<Instant>,
    last_line: u32,
    /// Terminals that have said something since the link is up, by line.
    lines: HashMap<u32, Id>,
    next_pulse: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// To be connected at this time.
    Down(Instant),
    Connecting,
    /// The engine has not said its version.
    Greeting(Id),
    Up(Id),
}

impl Gateway {
    /// Listens for terminals and begins to connect to the engine.
    ///
    /// # Errors
    /// Where an address cannot be listened at, or the limits allow more terminals than the engine
    /// takes on one connection.
    pub fn open(plan: GatewayPlan, tell: Teller) -> Result<Gateway, DoorError> {
        let limits = plan.limits;
        // One more would end the connection to the engine for all.
        if limits.connections_max > LINES_PER_GATEWAY_MAX {
            return Err(DoorError::Lines(limits.connections_max));
        }
        let mut sockets = Sockets::new(limits)?;
        let habits = Habits {
            framing: Framing::Counted,
            message_bytes_max: TERMINAL_MESSAGE_BYTES_MAX,
            idle: Some(limits.idle),
            waiting_bytes_max: limits.waiting_bytes_max,
            in_flight_max: limits.in_flight_max.clamp(1, IN_FLIGHT_MAX),
            guests: Some(limits.terminals()),
        };
        let terminal = sockets.add_kind(habits);
        let engine = sockets.add_kind(Habits {
            framing: Framing::Frames,
            message_bytes_max: FRAME_BYTES_MAX,
            idle: Some(PULSE_SILENCE_MAX),
            waiting_bytes_max: LINK_WAITING_BYTES_MAX,
            in_flight_max: 0,
            guests: None,
        });
        let mut addresses = Vec::new();
        for Listen { address, tls } in plan.terminals.clone() {
            let what = "terminals";
            let failed = |source| DoorError::Listen { what, address, source };
            addresses.push(sockets.listen(address, terminal, tls).map_err(failed)?);
        }
        let now = Instant::now();
        let stopper = Stopper::new(sockets.waker());
        let room = Room {
            plan,
            log: Log::new(tell),
            terminal,
            engine,
            link: Link::Down(now),
            backoff: Backoff::new(),
            stopping: false,
            closing: None,
            last_line: 0,
            lines: HashMap::new(),
            next_pulse: now,
        };
        Ok(Gateway { sockets, room, addresses, stopper })
    }

    /// Where it listens for terminals.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops it from another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Works until it is stopped: then it reads no more and hands on the answers that are still to
    /// come. The terminals come back through another gateway.
    ///
    /// # Errors
    /// Where the system cannot go on.
    pub fn run(&mut self) -> Result<Ended, DoorError> {
        let Gateway { sockets, room, stopper, .. } = self;
        loop {
            sockets.turn(room.wait(), room)?;
            room.do_what_is_due(sockets);
            sockets.flush(room);
            room.regulate(sockets);
            if let Some(ended) = room.stopped(sockets, stopper.calls()) {
                return Ok(ended);
            }
        }
    }
}

impl Room {
    fn wait(&self) -> Duration {
        let due = match self.link {
            Link::Down(at) => at,
            _ => self.next_pulse,
        };
        due.saturating_duration_since(Instant::now()).min(ROUND_MAX)
    }

    fn do_what_is_due(&mut self, sockets: &mut Sockets) {
        let now = Instant::now();
        match self.link {
            Link::Down(at) if at <= now => {
                let (engine, tls) = (self.plan.engine, &self.plan.tls);
                self.link = match sockets.connect(engine, self.engine, 0, Some(tls)) {
                    Ok(_) => Link::Connecting,
                    Err(_) => Link::Down(now + self.backoff.wait()),
                };
            }
            Link::Up(id) if self.next_pulse <= now => {
                self.next_pulse = now + PULSE_INTERVAL;
                sockets.send(id, &[&frames::pulse()], false);
            }
            Link::Up(_) => {}
            _ => self.next_pulse = now + PULSE_INTERVAL,
        }
        self.log.turn_over();
    }

    /// How a stop goes on.
    fn stopped(&mut self, sockets: &mut Sockets, calls: u8) -> Option<Ended> {
        if calls == 0 {
            return None;
        }
        let since = *self.closing.get_or_insert_with(|| {
            sockets.stop_listening();
            sockets.hold(self.terminal, true);
            Instant::now()
        });
        let unfinished = sockets.in_flight(self.terminal);
        if unfinished == 0 && !sockets.has_waiting_bytes() {
            return Some(Ended::Finished);
        }
        let enough = calls > 1 || since.elapsed() >= STOP_WAIT;
        enough.then_some(Ended::Unfinished(unfinished))
    }

    /// Reads no terminals while the engine does not take what they say.
    fn regulate(&mut self, sockets: &mut Sockets) {
        if self.closing.is_some() {
            return;
        }
        let Link::Up(id) = self.link else { return sockets.hold(self.terminal, false) };
        let waiting = sockets.waiting_bytes(id);
        if waiting > LINK_WAITING_BYTES_HIGH {
            sockets.hold(self.terminal, true);
        } else if waiting < LINK_WAITING_BYTES_HIGH / 2 {
            sockets.hold(self.terminal, false);
        }
    }

    fn hear_terminal(&mut self, sockets: &mut Sockets, id: Id, message: &mut [u8]) {
        if !vet::is_readable(message) {
            return sockets.close(id, Why::Malformed);
        }
        let Link::Up(engine) = self.link else { return sockets.answered(id) };
        if self.stopping {
            return sockets.answered(id);
        }
        let line = match u32::try_from(sockets.tag(id)) {
            Ok(line) if self.lines.get(&line) == Some(&id) => line,
            _ => {
                let line = self.new_line();
                sockets.set_tag(id, u64::from(line));
                self.lines.insert(line, id);
                sockets.send(engine, &[&frames::opened(line)], false);
                line
            }
        };
        sockets.send(engine, &[&frames::message(line, message.len()), message], false);
        if sockets.waiting_bytes(engine) > LINK_WAITING_BYTES_HIGH {
            sockets.hold(self.terminal, true);
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

    fn hear_engine(&mut self, sockets: &mut Sockets, engine: Id, frame: &mut [u8]) {
        let greeted = matches!(self.link, Link::Up(_));
        match Frame::read(frame) {
            Ok(Frame::Hello { version: VERSION }) if !greeted => {
                self.link = Link::Up(engine);
                self.backoff.reset();
                self.log.say(|| "the engine is connected".into());
            }
            Ok(Frame::Message { line, message }) if greeted => {
                if let Some(&id) = self.lines.get(&line) {
                    sockets.send(id, &[&length(message), message], true);
                }
            }
            Ok(Frame::Closed { line }) if greeted => {
                if let Some(id) = self.lines.remove(&line) {
                    sockets.close(id, Why::Asked);
                }
            }
            Ok(Frame::Stop) if greeted => self.stopping = true,
            Ok(Frame::Pulse) if greeted => {}
            wrong => {
                let what = match wrong {
                    Ok(Frame::Hello { version }) => {
                        format!("it speaks version {version} of the protocol, here it is {VERSION}")
                    }
                    Ok(_) => "it says what it must not say there".into(),
                    Err(error) => error.to_string(),
                };
                self.log.say(|| format!("the engine is not understood: {what}"));
                sockets.close(engine, Why::Malformed);
            }
        }
    }
}

impl Service for Room {
    fn opened(&mut self, sockets: &mut Sockets, id: Id, kind: Kind) {
        if kind == self.engine {
            self.link = Link::Greeting(id);
            self.stopping = false;
            sockets.send(id, &[&frames::hello()], false);
        }
    }

    fn message(&mut self, sockets: &mut Sockets, id: Id, kind: Kind, message: &mut [u8]) {
        if kind == self.engine {
            self.hear_engine(sockets, id, message);
        } else {
            self.hear_terminal(sockets, id, message);
        }
    }

    fn closed(&mut self, sockets: &mut Sockets, id: Id, kind: Kind, tag: u64, why: Why) {
        if kind == self.engine {
            let was_up = matches!(self.link, Link::Up(_));
            let wait = self.backoff.wait();
            self.link = Link::Down(Instant::now() + wait);
            // What was in flight gets no answer any more: the terminals may speak again.
            for (_, terminal) in self.lines.drain() {
                sockets.forget_unanswered(terminal);
            }
            self.lines.shrink_to_fit();
            sockets.hold(self.terminal, self.closing.is_some());
            let what = if was_up { "is lost" } else { "cannot be reached" };
            self.log.say(|| {
                format!(
                    "the engine {what}: {}; next attempt in {} ms",
                    why.words(),
                    wait.as_millis()
                )
            });
            return;
        }
        let Ok(line) = u32::try_from(tag) else { return };
        if self.lines.get(&line) == Some(&id) {
            self.lines.remove(&line);
            if let Link::Up(engine) = self.link {
                sockets.send(engine, &[&frames::closed(line)], false);
            }
        }
    }
}
