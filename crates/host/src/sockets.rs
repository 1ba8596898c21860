//! All connections of a process, in one thread: admission, reading, framing and writing.
//!
//! A poll waits for events, reads what has arrived, and passes whole messages on; what is sent
//! meanwhile is written at [`Sockets::flush`], one write per connection. A silent connection costs
//! only its slot: all connections share one read buffer, which is wiped after each message (M12).

mod accept;
mod connection;
mod counter;
mod failures;
mod stream;
mod transfer;

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use iso8583::WipedBytes;
use mio::net::{TcpListener, TcpStream, UnixListener};
use mio::{Events, Poll, Token, Waker};
use rustls::{ClientConnection, Connection as Session, ServerConfig};

use crate::close_reason::{CloseCounts, CloseReason};
use crate::framing::StreamFraming;
use crate::limits::{ConnectionLimits, FAILURE_DELAY, READ_BYTES_PER_POLL, SWEEP_INTERVAL};
use crate::tls::TlsClient;
use connection::{Connection, ConnectionState};
use counter::{ConnectionCounter, ConnectionOrigin};
use failures::{FailureCounter, Penalty};
use stream::Stream;

pub use failures::{FailingAddress, FailureAlarm, FailureKind};

const EVENTS_PER_TURN: usize = 1_024;
const WAKER: Token = Token(usize::MAX);
/// Tokens from here on are listeners; lower ones are connections.
const LISTENER_TOKEN_BASE: usize = usize::MAX / 2;

/// Identifies a connection. It is not used again when the connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    slot: u32,
    generation: u32,
}

impl ConnectionId {
    #[must_use]
    pub fn number(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    #[must_use]
    pub fn from_number(number: u64) -> ConnectionId {
        let halves = [number >> 32, number & u64::from(u32::MAX)];
        let [generation, slot] = halves.map(|half| u32::try_from(half).unwrap_or(u32::MAX));
        ConnectionId { slot, generation }
    }
}

/// A kind of connection, from [`Sockets::add_kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionKind(u8);

#[derive(Clone, Copy, Debug)]
pub struct ConnectionPolicy {
    pub framing: StreamFraming,
    pub message_bytes_max: usize,
    /// A longer silence closes the connection.
    pub idle_timeout: Option<Duration>,
    /// More bytes waiting to be written close the connection.
    pub waiting_bytes_max: usize,
    /// Unanswered messages above which the connection is not read; 0 means no limit.
    pub in_flight_max: u8,
    /// None for outgoing connections, which are not limited.
    pub admission: Option<Admission>,
}

/// How many incoming connections of a kind may be open. Each kind has its own quotas, so that one
/// that is full takes no file descriptors from another. The first message must arrive within
/// [`ConnectionLimits::message_timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    pub open: Quota,
    /// A separate quota for TLS handshakes; without one, a handshake counts as an open connection.
    pub handshaking: Option<Quota>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub total_max: usize,
    /// At most this many of `total_max`, from one address.
    pub per_address_max: usize,
}

impl Admission {
    pub(crate) fn files_max(&self) -> usize {
        self.open.total_max + self.handshaking.map_or(0, |places| places.total_max)
    }
}

/// Receives what happens on the sockets.
pub trait SocketService {
    /// A connection is open and its TLS handshake is done.
    fn opened(&mut self, sockets: &mut Sockets, id: ConnectionId, kind: ConnectionKind);
    /// A whole message. Its bytes are wiped afterwards.
    fn message(
        &mut self,
        sockets: &mut Sockets,
        id: ConnectionId,
        kind: ConnectionKind,
        message: &mut [u8],
    );
    /// A connection ended, or an outgoing one could not be made. `tag` is its last tag.
    fn closed(
        &mut self,
        sockets: &mut Sockets,
        id: ConnectionId,
        kind: ConnectionKind,
        tag: u64,
        why: CloseReason,
    );
}

struct Listener {
    socket: ListenSocket,
    kind: ConnectionKind,
    /// The first tag of its connections.
    tag: u64,
    tls: Option<Arc<ServerConfig>>,
    /// A connection may be waiting to be accepted.
    has_pending: bool,
}

enum ListenSocket {
    Tcp(TcpListener),
    /// With the function that decides, by user id, who may connect.
    Unix(UnixListener, fn(u32) -> bool),
}

struct Slot {
    generation: u32,
    connection: Option<Connection>,
}

pub struct Sockets {
    poll: Poll,
    events: Option<Events>,
    waker: Arc<Waker>,
    limits: ConnectionLimits,
    policies: Vec<ConnectionPolicy>,
    paused_kinds: Vec<bool>,
    /// Open incoming connections, by kind.
    open_counters: Vec<ConnectionCounter>,
    /// Connections in the TLS handshake, for kinds with a handshake quota.
    handshake_counters: Vec<ConnectionCounter>,
    listeners: Vec<Listener>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    scratch: Vec<u8>,
    spare_buffers: Vec<WipedBytes>,
    /// To be read at the next poll without an event.
    read_queue: Vec<ConnectionId>,
    /// To be read when their kind is no longer paused.
    paused_reads: Vec<ConnectionId>,
    /// With bytes to be written.
    dirty: Vec<ConnectionId>,
    /// To be closed at the end of the poll.
    closing: Vec<(ConnectionId, CloseReason)>,
    now: Instant,
    next_sweep: Instant,
    accepts_left: u32,
    accepts_since: Instant,
    accept_paused_until: Option<Instant>,
    close_counts: CloseCounts,
    failures: FailureCounter,
    accepted: u64,
}

impl Sockets {
    pub fn new(limits: ConnectionLimits) -> io::Result<Sockets> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let now = Instant::now();
        Ok(Sockets {
            poll,
            events: Some(Events::with_capacity(EVENTS_PER_TURN)),
            waker,
            limits,
            policies: Vec::new(),
            paused_kinds: Vec::new(),
            open_counters: Vec::new(),
            handshake_counters: Vec::new(),
            listeners: Vec::new(),
            slots: Vec::new(),
            free: Vec::new(),
            scratch: vec![0; READ_BYTES_PER_POLL],
            spare_buffers: Vec::new(),
            read_queue: Vec::new(),
            paused_reads: Vec::new(),
            dirty: Vec::new(),
            closing: Vec::new(),
            now,
            next_sweep: now + SWEEP_INTERVAL,
            accepts_left: limits.accepts_per_second_max,
            accepts_since: now,
            accept_paused_until: None,
            close_counts: CloseCounts::default(),
            failures: FailureCounter::new(),
            accepted: 0,
        })
    }

    /// Raises this process's limit of open files to the maximum that the system allows. Returns the
    /// limit, or None if there is none.
    #[must_use]
    pub fn raise_files_max() -> Option<u64> {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: maximum, maximum };
        if setrlimit(Resource::Nofile, raised).is_ok() { maximum } else { current }
    }

    /// Ends the wait of [`Sockets::poll_once`] from another thread.
    #[must_use]
    pub fn waker(&self) -> Arc<Waker> {
        self.waker.clone()
    }

    /// When the last poll ended its wait. Another poll has another time.
    #[must_use]
    pub fn polled_at(&self) -> Instant {
        self.now
    }

    pub fn add_kind(&mut self, policy: ConnectionPolicy) -> ConnectionKind {
        let number = u8::try_from(self.policies.len()).expect("few kinds");
        self.policies.push(policy);
        self.paused_kinds.push(false);
        self.open_counters.push(ConnectionCounter::default());
        self.handshake_counters.push(ConnectionCounter::default());
        ConnectionKind(number)
    }

    pub fn set_policy(&mut self, kind: ConnectionKind, policy: ConnectionPolicy) {
        self.policies[usize::from(kind.0)] = policy;
    }

    pub fn set_limits(&mut self, limits: ConnectionLimits) {
        self.limits = limits;
        self.accepts_left = self.accepts_left.min(limits.accepts_per_second_max);
    }

    /// Gives the listeners of a kind and tag that have TLS other settings, for connections from now
    /// on.
    pub fn set_tls(&mut self, kind: ConnectionKind, tag: u64, tls: Option<Arc<ServerConfig>>) {
        let Some(tls) = tls else { return };
        let is_meant = |listener: &&mut Listener| listener.kind == kind && listener.tag == tag;
        for listener in self.listeners.iter_mut().filter(is_meant) {
            if let Some(before) = &mut listener.tls {
                *before = tls.clone();
            }
        }
    }

    /// Starts to connect. [`SocketService::opened`] or [`SocketService::closed`] follows in a later
    /// poll.
    pub fn connect(
        &mut self,
        address: SocketAddr,
        kind: ConnectionKind,
        tag: u64,
        tls: Option<&TlsClient>,
    ) -> io::Result<ConnectionId> {
        let tcp = TcpStream::connect(address)?;
        // Writes are already collected, so small packets need not wait.
        tcp.set_nodelay(true)?;
        let stream = match tls {
            None => Stream::Tcp(tcp),
            Some(towards) => {
                let session = ClientConnection::new(towards.settings.clone(), towards.name.clone())
                    .map_err(io::Error::other)?;
                Stream::tls(tcp, Session::Client(session))
            }
        };
        let mut connection = Connection::new(
            stream,
            kind,
            ConnectionOrigin::Outgoing,
            ConnectionState::Connecting,
            self.now,
        );
        connection.tag = tag;
        self.insert(connection)
    }

    /// The last tag set; before, that of its listener.
    #[must_use]
    pub fn tag(&self, id: ConnectionId) -> u64 {
        self.connection(id).map_or(0, |connection| connection.tag)
    }

    /// Stores a number with a connection.
    pub fn set_tag(&mut self, id: ConnectionId, tag: u64) {
        if let Some(connection) = self.connection_mut(id) {
            connection.tag = tag;
        }
    }

    /// The first DNS name in the other side's certificate.
    #[must_use]
    pub fn peer_name(&self, id: ConnectionId) -> Option<String> {
        self.connection(id)?.stream.peer_name()
    }

    /// SHA-256 of the other side's certificate, as hex digits.
    #[must_use]
    pub fn peer_fingerprint(&self, id: ConnectionId) -> Option<String> {
        self.connection(id)?.stream.peer_fingerprint()
    }

    /// Where an incoming connection comes from. An IPv6 address stands for its /64 network.
    #[must_use]
    pub fn peer_address(&self, id: ConnectionId) -> Option<IpAddr> {
        match self.connection(id)?.origin {
            ConnectionOrigin::Address(address) => Some(address),
            ConnectionOrigin::Outgoing | ConnectionOrigin::UnixSocket => None,
        }
    }

    #[must_use]
    pub fn count(&self, kind: ConnectionKind) -> usize {
        let connections = self.slots.iter().filter_map(|slot| slot.connection.as_ref());
        connections.filter(|connection| connection.kind == kind).count()
    }

    /// Messages of a kind's connections that have no answer yet.
    #[must_use]
    pub fn in_flight(&self, kind: ConnectionKind) -> usize {
        let connections = self.slots.iter().filter_map(|slot| slot.connection.as_ref());
        let of_kind = connections.filter(|connection| connection.kind == kind);
        of_kind.map(|connection| usize::from(connection.in_flight)).sum()
    }

    /// Connections accepted since the start.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    #[must_use]
    pub fn endings(&self) -> CloseCounts {
        self.close_counts
    }

    #[must_use]
    pub fn waiting_bytes(&self, id: ConnectionId) -> usize {
        self.connection(id).map_or(0, |connection| connection.out.len() - connection.out_sent)
    }

    #[must_use]
    pub fn has_waiting_bytes(&self) -> bool {
        let mut connections = self.slots.iter().filter_map(|slot| slot.connection.as_ref());
        connections.any(|connection| !connection.out.is_empty() || connection.stream.has_unsent())
    }

    /// While a kind is paused, its connections are not read.
    pub fn pause_kind(&mut self, kind: ConnectionKind, held: bool) {
        let before = std::mem::replace(&mut self.paused_kinds[usize::from(kind.0)], held);
        if before && !held {
            self.read_queue.append(&mut self.paused_reads);
        }
    }

    #[must_use]
    pub fn is_kind_paused(&self, kind: ConnectionKind) -> bool {
        self.paused_kinds[usize::from(kind.0)]
    }

    /// Stops or resumes reading one connection.
    pub fn pause(&mut self, id: ConnectionId, paused: bool) {
        let Some(connection) = self.connection_mut(id) else { return };
        let before = std::mem::replace(&mut connection.paused, paused);
        if before && !paused {
            self.read_again(id);
        }
    }

    /// Queues a message for the next flush; `parts` are written one after the other. `is_answer`
    /// means that one message of this connection is answered.
    pub fn send(&mut self, id: ConnectionId, parts: &[&[u8]], is_answer: bool) {
        let Some(connection) = connection_in(&mut self.slots, id) else { return };
        let policy = self.policies[usize::from(connection.kind.0)];
        if connection.out.capacity() == 0 {
            connection.out = self.spare_buffers.pop().unwrap_or_default();
        }
        connection.drop_sent();
        connection.out.reserve(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            connection.out.extend(part);
        }
        if connection.out.len() - connection.out_sent > policy.waiting_bytes_max {
            return self.close(id, CloseReason::Unread);
        }
        if !connection.dirty {
            connection.dirty = true;
            self.dirty.push(id);
        }
        if is_answer {
            self.message_answered(id);
        }
    }

    /// One message of a connection is answered, or needs no answer.
    pub fn message_answered(&mut self, id: ConnectionId) {
        let Some(connection) = connection_in(&mut self.slots, id) else { return };
        connection.in_flight = connection.in_flight.saturating_sub(1);
        if connection.unread || !connection.partial.is_empty() {
            self.read_again(id);
        }
    }

    /// No message of a connection waits for an answer any more.
    pub fn forget_unanswered(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connection_mut(id) {
            connection.in_flight = 0;
        }
        self.message_answered(id);
    }

    /// Closes a connection at the end of the poll; the service is told.
    pub fn close(&mut self, id: ConnectionId, why: CloseReason) {
        let Some(connection) = connection_in(&mut self.slots, id) else { return };
        if connection.closing {
            return;
        }
        connection.closing = true;
        self.closing.push((id, why));
        let kind = match why {
            CloseReason::Malformed | CloseReason::Oversized => FailureKind::BadFrame,
            CloseReason::Name => FailureKind::FailedAuthentication,
            _ => return,
        };
        self.failures.count(connection.origin, kind, self.now);
    }

    /// Something failed at a connection, such as a MAC. Slows the connection, or closes it, if its
    /// address fails often; then returns true. One that carries many terminals is only counted.
    pub fn report_failure(&mut self, id: ConnectionId, kind: FailureKind, is_shared: bool) -> bool {
        let Some(connection) = connection_in(&mut self.slots, id) else { return false };
        let penalty = self.failures.count(connection.origin, kind, self.now);
        match penalty {
            Penalty::Slow if !is_shared => {
                connection.slowed_until = Some(self.now + FAILURE_DELAY);
            }
            Penalty::Close if !is_shared => self.close(id, CloseReason::Failing),
            _ => {}
        }
        penalty == Penalty::Close
    }

    /// What has failed, once a minute, if it is worth an alarm.
    pub fn failure_alarm(&mut self) -> Option<FailureAlarm> {
        self.failures.alarm(self.now)
    }

    /// Closes a connection once its waiting bytes are written, or when that takes too long.
    pub fn close_when_written(&mut self, id: ConnectionId) {
        let Some(connection) = connection_in(&mut self.slots, id) else { return };
        if connection.out.is_empty() && !connection.stream.has_unsent() {
            return self.close(id, CloseReason::Asked);
        }
        connection.state = ConnectionState::Draining;
        connection.state_since = self.now;
        connection.paused = true;
    }

    /// Waits for events, at most `wait`, and passes them to the service.
    ///
    /// # Errors After an error the sockets cannot be used any more.
    pub fn poll_once<S: SocketService>(
        &mut self,
        wait: Duration,
        service: &mut S,
    ) -> io::Result<()> {
        wipe_stack();
        let mut events = self.events.take().unwrap_or_else(|| Events::with_capacity(1));
        let waited = self.poll.poll(&mut events, Some(self.wait(wait)));
        self.now = Instant::now();
        match waited {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            Err(_) => events.clear(),
            Ok(()) => {}
        }
        for event in &events {
            let token = event.token();
            if token == WAKER {
                continue;
            }
            if token.0 >= LISTENER_TOKEN_BASE {
                if let Some(listener) = self.listeners.get_mut(token.0 - LISTENER_TOKEN_BASE) {
                    listener.has_pending = true;
                }
                continue;
            }
            let Some(id) = self.id_at(token.0) else { continue };
            if (event.is_read_closed() || event.is_error())
                && let Some(connection) = self.connection_mut(id)
            {
                connection.half_closed = true;
            }
            if event.is_writable() || event.is_error() {
                self.on_writable(id, service);
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.read(id, service);
            }
        }
        self.events = Some(events);
        for id in std::mem::take(&mut self.read_queue) {
            if let Some(connection) = self.connection_mut(id) {
                connection.in_read_queue = false;
                self.read(id, service);
            }
        }
        self.accept(service);
        if self.now >= self.next_sweep {
            self.next_sweep = self.now + SWEEP_INTERVAL;
            self.sweep();
        }
        self.close_marked(service);
        Ok(())
    }

    /// Writes the queued bytes, one write per connection, and closes the connections to be closed.
    pub fn flush<S: SocketService>(&mut self, service: &mut S) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for id in dirty.drain(..) {
            if let Some(connection) = self.connection_mut(id) {
                connection.dirty = false;
                self.write(id);
            }
        }
        // What is queued while connections close is written at the next flush.
        if self.dirty.is_empty() {
            self.dirty = dirty;
        }
        self.close_marked(service);
    }

    fn wait(&self, wait: Duration) -> Duration {
        if !self.read_queue.is_empty() || !self.closing.is_empty() || !self.dirty.is_empty() {
            return Duration::ZERO;
        }
        let wait = wait.min(self.next_sweep.saturating_duration_since(self.now));
        if !self.listeners.iter().any(|listener| listener.has_pending) {
            return wait;
        }
        match self.accept_paused_until {
            None if self.accepts_left > 0 => Duration::ZERO,
            _ => wait.min(Duration::from_millis(10)),
        }
    }

    fn insert(&mut self, mut connection: Connection) -> io::Result<ConnectionId> {
        let place = match self.free.last() {
            Some(&place) => place,
            None => u32::try_from(self.slots.len()).map_err(io::Error::other)?,
        };
        let token = Token(usize::try_from(place).map_err(io::Error::other)?);
        connection.stream.register(self.poll.registry(), token)?;
        if self.free.pop().is_none() {
            self.slots.push(Slot { generation: 0, connection: None });
        }
        let slot = &mut self.slots[token.0];
        // The first generation is 1, so that no connection has the number 0; the highest bit stays
        // free.
        slot.generation = (slot.generation & 0x3FFF_FFFF) + 1;
        slot.connection = Some(connection);
        Ok(ConnectionId { slot: place, generation: slot.generation })
    }

    fn id_at(&self, place: usize) -> Option<ConnectionId> {
        let slot = self.slots.get(place)?;
        slot.connection.as_ref()?;
        Some(ConnectionId { slot: u32::try_from(place).ok()?, generation: slot.generation })
    }

    fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        let slot = self.slots.get(usize::try_from(id.slot).ok()?)?;
        slot.connection.as_ref().filter(|_| slot.generation == id.generation)
    }

    fn connection_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        connection_in(&mut self.slots, id)
    }

    fn read_again(&mut self, id: ConnectionId) {
        let Some(connection) = connection_in(&mut self.slots, id) else { return };
        if !connection.in_read_queue {
            connection.in_read_queue = true;
            self.read_queue.push(id);
        }
    }

    /// Checks timeouts.
    fn sweep(&mut self) {
        for place in 0..self.slots.len() {
            let (now, limits) = (self.now, self.limits);
            let slot = &mut self.slots[place];
            let generation = slot.generation;
            let Some(connection) = &mut slot.connection else { continue };
            let policy = &self.policies[usize::from(connection.kind.0)];
            let late = connection.timed_out(now, &limits, policy);
            let forgotten = connection.forget_unanswered(now, &limits) | connection.end_delay(now);
            let id = ConnectionId {
                slot: u32::try_from(place).expect("places have 32 bits"),
                generation,
            };
            if let Some(why) = late {
                self.close(id, why);
            } else if forgotten {
                self.read_again(id);
            }
        }
    }

    /// Removes the connections to be closed, and tells the service.
    fn close_marked<S: SocketService>(&mut self, service: &mut S) {
        while let Some((id, why)) = self.closing.pop() {
            let place = usize::try_from(id.slot).unwrap_or(usize::MAX);
            let Some(slot) = self.slots.get_mut(place) else { continue };
            let Some(connection) = slot.connection.take() else { continue };
            self.free.push(id.slot);
            self.close_counts.add(why);
            let (kind, tag) = (connection.kind, connection.tag);
            let left = if connection.in_handshake_quota {
                &mut self.handshake_counters
            } else {
                &mut self.open_counters
            };
            left[usize::from(kind.0)].remove(connection.origin);
            drop(connection);
            service.closed(self, id, kind, tag, why);
        }
    }
}

fn connection_in(slots: &mut [Slot], id: ConnectionId) -> Option<&mut Connection> {
    let slot = slots.get_mut(usize::try_from(id.slot).ok()?)?;
    let generation = slot.generation;
    slot.connection.as_mut().filter(|_| generation == id.generation)
}

/// More than twice what a round uses below [`Sockets::poll_once`]: 14 KiB for a card, 10 KiB for a
/// TLS handshake (docs/benchmarks.md).
const STACK_WIPED_BYTES: usize = 32 << 10;

/// Zeroes the stack that the last round used: values with card data that moved left copies there.
#[inline(never)]
fn wipe_stack() {
    std::hint::black_box(&mut [0_u8; STACK_WIPED_BYTES]);
}
