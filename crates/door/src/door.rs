//! The engine's process: sockets, switch and node in rounds.
//!
//! A round hands in all messages and answers that are there, then sends what came of them: one
//! letter of commands to the node, one write to each connection. The more there is to do, the more
//! a round does at once.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use engine::{Event, Refusal, Timestamp};
use mio::Waker;
use node::{Clock, Node, Stopped};
use rustls::ServerConfig;
use switch::{Happening, Line, LinkId, Output};

use crate::control::{self, Order};
use crate::core::Core;
use crate::framing::Framing;
use crate::gateways::Gateways;
use crate::inbox::{Inbox, Mail, Waits};
use crate::limits::{
    COMMANDS_WAITING_MAX, CONTROL_BYTES_MAX, CONTROL_GUESTS_MAX, FRAME_BYTES_MAX,
    GATEWAY_GUESTS_MAX, IN_FLIGHT_MAX, LINES_PER_GATEWAY_MAX, LINK_WAITING_BYTES_MAX, Limits,
    NETWORK_MESSAGE_BYTES_MAX, OWN_FILES_MAX, PULSE_SILENCE_MAX, STOP_WAIT,
    TERMINAL_MESSAGE_BYTES_MAX, WALLET_BYTES_MAX, WALLET_GUESTS_MAX, WALLET_WAITING_BYTES_MAX,
};
use crate::links::Links;
use crate::log::{Log, Teller};
use crate::sockets::{Guests, Habits, Id, Kind, Service, Sockets};
use crate::tls::Towards;
use crate::vet;
use crate::wallet::{Said, WalletDoor, Wallets};
use crate::why::Why;

/// How long a round waits where nothing is due.
const ROUND_MAX: Duration = Duration::from_millis(500);

/// A link to a network: which, where, and by TLS or not.
#[derive(Clone, Debug)]
pub struct NetworkLink {
    /// Which.
    pub link: LinkId,
    /// The network's name, for the log and the status.
    pub name: String,
    /// The network's address.
    pub address: SocketAddr,
    /// How TLS is spoken with it.
    pub tls: Option<Towards>,
}

/// A place to listen at.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The address; port 0 for any.
    pub address: SocketAddr,
    /// How TLS is spoken there.
    pub tls: Option<Arc<ServerConfig>>,
}

/// What the process listens and connects to.
pub struct Plan {
    /// Limits.
    pub limits: Limits,
    /// For terminals.
    pub terminals: Vec<Listen>,
    /// For gateways: with certificates on both sides.
    pub gateways: Vec<(SocketAddr, Arc<ServerConfig>)>,
    /// The first names of the certificates with which gateways are let in, in any case; without a
    /// list, with every certificate of their authorities.
    pub gateway_names: Option<Vec<String>>,
    /// For what wallets say.
    pub wallets_listen: Vec<Listen>,
    /// The wallets that may say something.
    pub wallets: Vec<WalletDoor>,
    /// Links to networks.
    pub links: Vec<NetworkLink>,
    /// The control socket.
    pub control: Option<PathBuf>,
    /// How long a graceful stop waits for what is in flight.
    pub stop_wait: Duration,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            limits: Limits::default(),
            terminals: Vec::new(),
            gateways: Vec::new(),
            gateway_names: None,
            wallets_listen: Vec::new(),
            wallets: Vec::new(),
            links: Vec::new(),
            control: None,
            stop_wait: STOP_WAIT,
        }
    }
}

impl Plan {
    /// How many files the process may need besides the connections of terminals.
    #[must_use]
    pub fn other_files_max(&self) -> usize {
        let guests = |listeners: usize, guests: Guests| match listeners {
            0 => 0,
            _ => listeners + guests.files_max(),
        };
        OWN_FILES_MAX
            + self.terminals.len()
            + guests(self.gateways.len(), GATEWAY_GUESTS_MAX)
            + guests(self.wallets_listen.len(), WALLET_GUESTS_MAX)
            + guests(1, CONTROL_GUESTS_MAX)
            + self.links.len()
    }
}

/// Where the process listens, in the order of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// For terminals.
    pub terminals: Vec<SocketAddr>,
    /// For gateways.
    pub gateways: Vec<SocketAddr>,
    /// For wallets.
    pub wallets: Vec<SocketAddr>,
}

/// Why the process could not begin, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// An address cannot be listened at.
    #[error(
        "{what} cannot listen at {address}: {source}; choose another address, or see who has it"
    )]
    Listen {
        /// For whom.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The control socket cannot be made.
    #[error("the control socket {} cannot be made: {source}", path.display())]
    Control {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A gateway was to hold more terminals than the engine takes on one connection.
    #[error(
        "{0} terminals are too many for one gateway: the engine takes {LINES_PER_GATEWAY_MAX} on \
         one connection; start another gateway"
    )]
    Lines(usize),
    /// The system has no more of what sockets take.
    #[error("sockets: {0}")]
    Sockets(#[from] io::Error),
    /// The node has stopped.
    #[error("the node has stopped: {0}")]
    Node(#[from] Stopped),
}

/// How a stop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything that was in flight has finished.
    Finished,
    /// So much had not when time was up, or when it was told to stop at once. What is in doubt is
    /// in the books and is chased after the next start.
    Unfinished(usize),
}

/// Stops a process from another thread: gracefully at the first call, at once at the second.
#[derive(Clone, Debug)]
pub struct Stopper {
    calls: Arc<AtomicU8>,
    waker: Arc<Waker>,
}

impl Stopper {
    pub(crate) fn new(waker: Arc<Waker>) -> Stopper {
        Stopper { calls: Arc::default(), waker }
    }

    /// Stops.
    pub fn stop(&self) {
        // More than two calls are two.
        let _ = self
            .calls
            .try_update(Ordering::AcqRel, Ordering::Acquire, |calls| calls.checked_add(1));
        // It fails only where there is nobody left to be stopped.
        let _ = self.waker.wake();
    }

    pub(crate) fn calls(&self) -> u8 {
        self.calls.load(Ordering::Acquire)
    }
}

/// The sockets of the engine's process, around a switch.
pub struct Door<C> {
    sockets: Sockets,
    room: Room<C>,
    addresses: Addresses,
    stopper: Stopper,
}

/// Everything behind the sockets.
struct Room<C> {
    core: C,
    clock: Box<dyn Clock>,
    now: Timestamp,
    out: Vec<Output>,
    mail: Mail<Id>,
    log: Log,
    kinds: Kinds,
    links: Links,
    gateways: Gateways,
    wallets: Wallets,
    stop_wait: Duration,
    stopping: Option<Instant>,
    /// The networks know that nothing comes any more.
    signed_off: bool,
    stop_asked: bool,
    messages: u64,
}

#[derive(Clone, Copy)]
struct Kinds {
    terminal: Kind,
    gateway: Kind,
    network: Kind,
    wallet: Kind,
    control: Kind,
}

fn kinds(sockets: &mut Sockets, limits: &Limits) -> Kinds {
    let terminal = Habits {
        framing: Framing::Counted,
        message_bytes_max: TERMINAL_MESSAGE_BYTES_MAX,
        idle: Some(limits.idle),
        waiting_bytes_max: limits.waiting_bytes_max,
        in_flight_max: limits.in_flight_max.clamp(1, IN_FLIGHT_MAX),
        guests: Some(limits.terminals()),
    };
    let own = Habits {
        idle: None,
        waiting_bytes_max: LINK_WAITING_BYTES_MAX,
        in_flight_max: 0,
        guests: None,
        ..terminal
    };
    let once = Habits { idle: Some(limits.message * 3), in_flight_max: 1, ..terminal };
    Kinds {
        terminal: sockets.add_kind(terminal),
        gateway: sockets.add_kind(Habits {
            framing: Framing::Frames,
            message_bytes_max: FRAME_BYTES_MAX,
            idle: Some(PULSE_SILENCE_MAX),
            guests: Some(GATEWAY_GUESTS_MAX),
            ..own
        }),
        network: sockets.add_kind(Habits { message_bytes_max: NETWORK_MESSAGE_BYTES_MAX, ..own }),
        wallet: sockets.add_kind(Habits {
            framing: Framing::Http,
            message_bytes_max: WALLET_BYTES_MAX,
            waiting_bytes_max: WALLET_WAITING_BYTES_MAX,
            guests: Some(WALLET_GUESTS_MAX),
            ..once
        }),
        control: sockets.add_kind(Habits {
            framing: Framing::Lines,
            message_bytes_max: CONTROL_BYTES_MAX,
            waiting_bytes_max: LINK_WAITING_BYTES_MAX,
            idle: None,
            guests: Some(CONTROL_GUESTS_MAX),
            ..once
        }),
    }
}

impl<C: Core> Door<C> {
    /// Listens at everything in the plan and begins to connect its links. Nobody is served before
    /// [`Door::run`].
    ///
    /// # Errors
    /// Where an address cannot be listened at.
    pub fn open(
        core: C,
        node: &Node,
        plan: Plan,
        clock: Box<dyn Clock>,
        tell: Teller,
    ) -> Result<Door<C>, DoorError> {
        let mut sockets = Sockets::new(plan.limits)?;
        let kinds = kinds(&mut sockets, &plan.limits);
        let mut addresses = Addresses::default();
        let listen = |sockets: &mut Sockets, what, kind, address, tls| {
            sockets.listen(address, kind, tls).map_err(|source| DoorError::Listen {
                what,
                address,
                source,
            })
        };
        for Listen { address, tls } in plan.terminals {
            let at = listen(&mut sockets, "terminals", kinds.terminal, address, tls)?;
            addresses.terminals.push(at);
        }
        for (address, tls) in plan.gateways {
            let at = listen(&mut sockets, "gateways", kinds.gateway, address, Some(tls))?;
            addresses.gateways.push(at);
        }
        for Listen { address, tls } in plan.wallets_listen {
            let at = listen(&mut sockets, "wallets", kinds.wallet, address, tls)?;
            addresses.wallets.push(at);
        }
        if let Some(path) = plan.control {
            control::listen(&mut sockets, &path, kinds.control)
                .map_err(|source| DoorError::Control { path, source })?;
        }
        let stopper = Stopper::new(sockets.waker());
        let inbox = Arc::new(Inbox::new(sockets.waker()));
        let post = node.post(inbox.clone());
        let now = clock.now();
        let room = Room {
            core,
            clock,
            now,
            out: Vec::new(),
            mail: Mail::new(inbox, post),
            log: Log::new(tell),
            kinds,
            links: Links::new(plan.links, kinds.network),
            gateways: Gateways::new(plan.gateway_names),
            wallets: Wallets::new(plan.wallets),
            stop_wait: plan.stop_wait,
            stopping: None,
            signed_off: false,
            stop_asked: false,
            messages: 0,
        };
        Ok(Door { sockets, room, addresses, stopper })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Stops it from another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// The switch, before it runs and after.
    pub fn core_mut(&mut self) -> &mut C {
        &mut self.room.core
    }

    /// What the switch wants done before the first message: that of [`switch::Switch::resume`].
    pub fn begin_with(&mut self, mut out: Vec<Output>) {
        self.room.out.append(&mut out);
    }

    /// Works until it is stopped.
    ///
    /// # Errors
    /// Where the node or the system cannot go on.
    pub fn run(&mut self) -> Result<Ended, DoorError> {
        loop {
            if let Some(ended) = self.round()? {
                return Ok(ended);
            }
        }
    }

    fn round(&mut self) -> Result<Option<Ended>, DoorError> {
        let Door { sockets, room, stopper, .. } = self;
        let wait = room.wait();
        sockets.turn(wait, room)?;
        room.look_at_the_clock();
        room.take_answers(sockets)?;
        room.do_what_is_due(sockets);
        while !room.out.is_empty() {
            room.carry_out(sockets);
            sockets.flush(room);
        }
        // What was answered or closed without the switch.
        sockets.flush(room);
        room.mail.send()?;
        room.regulate(sockets);
        let calls = stopper.calls().saturating_add(u8::from(room.stop_asked));
        Ok(room.stopped(sockets, calls))
    }
}

impl<C: Core> Room<C> {
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

    /// The machine's clock may be set back; the switch's never is.
    fn look_at_the_clock(&mut self) {
        self.now = self.now.max(self.clock.now());
    }

    fn take_answers(&mut self, sockets: &mut Sockets) -> Result<(), Stopped> {
        let come = self.mail.take();
        for answer in come.answers {
            match self.mail.who_waits(&answer) {
                Waits::Switch(ticket) => {
                    self.core.answered(ticket, answer.result, self.now, &mut self.out);
                }
                Waits::Operator(operator) => self.changed(sockets, operator, answer.result),
            }
        }
        for (ticket, fact) in come.facts {
            self.core.told(ticket, fact, self.now, &mut self.out);
        }
        come.stopped.map_or(Ok(()), Err)
    }

    fn do_what_is_due(&mut self, sockets: &mut Sockets) {
        if self.core.next_timer().is_some_and(|at| at <= self.now) {
            self.core.tick(self.now, &mut self.out);
        }
        self.links.connect_due(sockets);
        self.gateways.pulse_due(sockets);
        self.log.turn_over();
    }

    /// Does what the switch wants.
    fn carry_out(&mut self, sockets: &mut Sockets) {
        let mut out = std::mem::take(&mut self.out);
        for output in out.drain(..) {
            match output {
                Output::ToTerminal { line, message } => match behind(line) {
                    None => {
                        let length = length(&message);
                        sockets.send(Id::of_number(line.0), &[&length, &message], true);
                    }
                    Some((session, line)) => {
                        self.gateways.send(sockets, session, line, &message);
                    }
                },
                Output::CloseLine { line } => match behind(line) {
                    None => sockets.close(Id::of_number(line.0), Why::Asked),
                    Some((session, number)) => {
                        if self.gateways.close_line(sockets, session, number) {
                            self.core.line_closed(line);
                        }
                    }
                },
                Output::ToNetwork { link, message } => self.links.send(sockets, link, &message),
                Output::DropLink { link } => self.links.drop_link(sockets, link),
                Output::Command { ticket, command } => {
                    self.mail.command(Waits::Switch(ticket), command);
                }
                Output::Ask { ticket, question } => self.mail.ask(ticket, question),
                Output::WalletReply { reply, what } => self.wallets.reply(sockets, reply, what),
                Output::Happened(happening) => {
                    let line = || happening.told(|network| self.links.name_of(network));
                    if is_of_strangers(&happening) {
                        self.log.say_of_strangers(line);
                    } else {
                        self.log.say(line);
                    }
                }
            }
        }
        // The switch's further outputs, from connections that closed meanwhile, come behind.
        if self.out.is_empty() {
            self.out = out;
        }
    }

    /// Reads no terminals while the journal is behind, or while we stop.
    fn regulate(&mut self, sockets: &mut Sockets) {
        let waiting = self.mail.waiting();
        let held = sockets.is_held(self.kinds.terminal);
        let too_much = if held { COMMANDS_WAITING_MAX / 2 } else { COMMANDS_WAITING_MAX };
        let hold = self.stopping.is_some() || waiting > too_much;
        if hold != held {
            sockets.hold(self.kinds.terminal, hold);
            sockets.hold(self.kinds.gateway, hold);
        }
        self.gateways.regulate(sockets);
    }

    /// How a stop goes on.
    fn stopped(&mut self, sockets: &mut Sockets, calls: u8) -> Option<Ended> {
        if calls == 0 {
            return None;
        }
        let unfinished = self.core.in_flight() + self.mail.waiting();
        if calls > 1 {
            return Some(Ended::Unfinished(unfinished));
        }
        let since = match self.stopping {
            Some(since) => since,
            None => {
                let now = Instant::now();
                self.stopping = Some(now);
                self.core.stop();
                sockets.stop_listening();
                self.gateways.say_stop(sockets);
                self.regulate(sockets);
                sockets.flush(self);
                now
            }
        };
        if unfinished == 0 && self.out.is_empty() && !sockets.has_waiting_bytes() {
            if self.signed_off {
                return Some(Ended::Finished);
            }
            self.signed_off = true;
            self.core.sign_off(self.now, &mut self.out);
            self.carry_out(sockets);
            sockets.flush(self);
        }
        (since.elapsed() >= self.stop_wait).then_some(Ended::Unfinished(unfinished))
    }

    fn hear_terminal(&mut self, sockets: &mut Sockets, id: Id, message: &mut [u8]) {
        if !vet::has_head(message) {
            return sockets.close(id, Why::Malformed);
        }
        self.messages += 1;
        self.look_at_the_clock();
        self.core.terminal(Line(id.number()), message, self.now, &mut self.out);
    }

    fn hear_gateway(&mut self, sockets: &mut Sockets, id: Id, frame: &mut [u8]) {
        let session = sockets.tag(id);
        let (core, now, out) = (&mut self.core, &mut self.now, &mut self.out);
        let clock = &self.clock;
        let messages = &mut self.messages;
        let heard = self.gateways.heard(sockets, session, frame, |line, message| {
            let line = line_behind(session, line);
            match message {
                Some(message) => {
                    *messages += 1;
                    *now = (*now).max(clock.now());
                    core.terminal(line, message, *now, out);
                }
                None => core.line_closed(line),
            }
        });
        if let Err(why) = heard {
            let name = self.gateways.name(session).unwrap_or_default().to_owned();
            self.log.say(|| format!("gateway {name}: {why}; its connection is closed"));
            sockets.close(id, Why::Malformed);
        }
    }

    fn hear_operator(&mut self, sockets: &mut Sockets, id: Id, line: &[u8]) {
        let answer = match control::read(line) {
            Err(why) => control::refused(&why),
            Ok(order) => match order.command() {
                Err(why) => control::refused(&why.to_string()),
                Ok(Some(command)) => return self.mail.command(Waits::Operator(id), command),
                Ok(None) if order == (Order::Stop {}) => {
                    self.stop_asked = true;
                    control::done()
                }
                Ok(None) => self.status(sockets),
            },
        };
        sockets.send(id, &[answer.as_bytes(), b"\n"], true);
    }

    fn changed(&mut self, sockets: &mut Sockets, who: Id, done: Result<Vec<Event>, Refusal>) {
        let answer = match done {
            Ok(events) => {
                let effect = control::effect(&events);
                if let Some((network, from)) = effect {
                    self.core.network_withdrawn(network, from);
                }
                effect.and_then(|(_, from)| from).map_or_else(control::done, control::done_from)
            }
            // It is so already, and the switch knows since when.
            Err(Refusal::Repeated) => control::done(),
            Err(refusal) => control::refused(&refusal.to_string()),
        };
        sockets.send(who, &[answer.as_bytes(), b"\n"], true);
    }

    fn status(&self, sockets: &Sockets) -> String {
        let endings = sockets.endings();
        serde_json::json!({
            "ok": true,
            "stopping": self.stopping.is_some(),
            "terminals": sockets.count(self.kinds.terminal),
            "gateways": self.gateways.status(),
            "links": self.links.status(&self.core),
            "messages": self.messages,
            "in_flight": self.core.in_flight(),
            "waiting_for_journal": self.mail.waiting(),
            "accepted": sockets.accepted(),
            "ended": endings,
        })
        .to_string()
    }
}

impl<C: Core> Service for Room<C> {
    fn opened(&mut self, sockets: &mut Sockets, id: Id, kind: Kind) {
        if kind == self.kinds.network {
            self.look_at_the_clock();
            let link = self.links.opened(sockets, id);
            self.core.link_up(link, self.now, &mut self.out);
        } else if kind == self.kinds.gateway {
            match self.gateways.opened(sockets, id) {
                Ok(name) => self.log.say(|| format!("gateway {name} is connected")),
                Err(name) => {
                    self.log.say_of_strangers(|| {
                        format!("gateway {name:?} was not let in: its name is not on the list")
                    });
                    sockets.close(id, Why::Name);
                }
            }
        }
    }

    fn message(&mut self, sockets: &mut Sockets, id: Id, kind: Kind, message: &mut [u8]) {
        if kind == self.kinds.terminal {
            self.hear_terminal(sockets, id, message);
        } else if kind == self.kinds.gateway {
            self.hear_gateway(sockets, id, message);
        } else if kind == self.kinds.network {
            self.look_at_the_clock();
            let link = self.links.heard(sockets, id);
            self.core.network(link, message, self.now, &mut self.out);
        } else if kind == self.kinds.wallet {
            let now = self.now.max(self.clock.now());
            match self.wallets.heard(sockets, id, message, now) {
                Some((Said::Note(note), request)) => {
                    self.core.wallet(note, request, &mut self.out);
                }
                Some((Said::ToGiveBack(wallet), request)) => {
                    let orders = self.core.to_give_back(wallet);
                    self.wallets.tell_to_give_back(sockets, request, &orders);
                }
                Some((Said::Look(wallet, reference), request)) => {
                    self.core.wallet_looks(wallet, &reference, request, &mut self.out);
                }
                None => {}
            }
        } else {
            self.hear_operator(sockets, id, message);
        }
    }

    fn closed(&mut self, _sockets: &mut Sockets, id: Id, kind: Kind, tag: u64, why: Why) {
        if kind == self.kinds.terminal {
            self.core.line_closed(Line(id.number()));
        } else if kind == self.kinds.gateway {
            if let Some(closed) = self.gateways.closed(tag) {
                for line in closed.lines {
                    self.core.line_closed(line_behind(tag, line));
                }
                let words = why.words();
                self.log.say(|| format!("gateway {} is disconnected: {words}", closed.name));
            } else if why != Why::Name {
                let words = why.words();
                self.log.say_of_strangers(|| format!("a gateway was not let in: {words}"));
            }
        } else if kind == self.kinds.network {
            self.look_at_the_clock();
            let closed = self.links.closed(tag);
            if closed.was_up {
                self.core.link_down(closed.link, self.now, &mut self.out);
            }
            if closed.is_news {
                let what = if closed.was_up { "is lost" } else { "cannot be reached" };
                let name = self.links.name(tag);
                self.log.say(|| format!("{name} {what}: {}; it is tried again", why.words()));
            }
        }
    }
}

/// Whether it can be caused by somebody who has no key: a sign-on has no MAC, and much is refused
/// before a MAC is looked at.
fn is_of_strangers(happening: &Happening) -> bool {
    use Happening as H;
    matches!(happening, H::Unreadable(_) | H::WrongMac(_) | H::Refused { .. } | H::SignedOn { .. })
}

/// Lines of terminals behind a gateway have the highest bit, then the gateway's session.
const BEHIND: u64 = 1 << 63;

fn line_behind(session: u64, line: u32) -> Line {
    Line(BEHIND | session << 32 | u64::from(line))
}

/// The session and the line, where a terminal is behind a gateway.
fn behind(line: Line) -> Option<(u64, u32)> {
    let number = u32::try_from(line.0 & u64::from(u32::MAX)).ok()?;
    (line.0 & BEHIND != 0).then_some(((line.0 & !BEHIND) >> 32, number))
}

/// The two bytes before a message.
pub(crate) fn length(message: &[u8]) -> [u8; 2] {
    u16::try_from(message.len()).expect("messages have at most 65,535 bytes").to_be_bytes()
}

#[cfg(test)]
mod tests {
    use engine::{NetworkId, TerminalId};

    use super::*;

    #[test]
    fn what_anybody_can_cause_without_a_key_is_of_strangers() {
        let (terminal, stan, network) = (TerminalId(1), 1, NetworkId(1));
        assert!(is_of_strangers(&Happening::Unreadable("why".into())));
        assert!(is_of_strangers(&Happening::WrongMac(terminal)));
        assert!(is_of_strangers(&Happening::SignedOn { terminal, batch: 1 }));
        assert!(!is_of_strangers(&Happening::Repeated { terminal, stan }));
        assert!(!is_of_strangers(&Happening::LinkDown(LinkId { network, number: 0 })));
        assert!(!is_of_strangers(&Happening::Keys("why".into())));
        assert!(!is_of_strangers(&Happening::Books("why".into())));
    }

    #[test]
    fn each_kind_that_may_come_in_has_its_files() {
        let none = Plan::default().other_files_max();
        assert_eq!(none, OWN_FILES_MAX + 1 + CONTROL_GUESTS_MAX.inside.total_max);
        let address = "127.0.0.1:0".parse().unwrap();
        let listen = || vec![Listen { address, tls: None }];
        let plan = Plan { terminals: listen(), wallets_listen: listen(), ..Plan::default() };
        assert_eq!(plan.other_files_max(), none + 2 + WALLET_GUESTS_MAX.inside.total_max);
        assert_eq!(GATEWAY_GUESTS_MAX.files_max(), 256 + 256);
    }
}
