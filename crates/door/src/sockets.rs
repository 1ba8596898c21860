//! Many connections in one thread: who may come in, what is read, what waits to be written.
//!
//! A turn waits for the system, reads what is there, and hands on whole messages; what is sent
//! meanwhile goes out together at [`Sockets::flush`]. A silent connection costs its slot and
//! nothing else: there is one buffer to read into, wiped after each message (M12).

mod connection;
mod crowd;
mod entrance;
mod stream;
mod traffic;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use iso8583::Wiped;
use mio::net::{TcpListener, TcpStream, UnixListener};
use mio::{Events, Poll, Token, Waker};
use rustls::{ClientConnection, Connection as Session, ServerConfig};

use crate::framing::Framing;
use crate::limits::{Limits, READ_BYTES_PER_TURN, SWEEP_INTERVAL};
use crate::tls::Towards;
use crate::why::{Endings, Why};
use connection::{Connection, State};
use crowd::{Crowd, Origin};
use stream::Stream;

const EVENTS_PER_TURN: usize = 1_024;
const WAKER: Token = Token(usize::MAX);
/// Listeners are counted from here, connections from 0.
const LISTENERS: usize = usize::MAX / 2;

/// A connection. Not used again when it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    place: u32,
    generation: u32,
}

impl Id {
    /// The connection as one number.
    #[must_use]
    pub fn number(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.place)
    }

    /// The connection with a number.
    #[must_use]
    pub fn of_number(number: u64) -> Id {
        let halves = [number >> 32, number & u64::from(u32::MAX)];
        let [generation, place] = halves.map(|half| u32::try_from(half).unwrap_or(u32::MAX));
        Id { place, generation }
    }
}

/// A kind of connection, as [`Sockets::add_kind`] numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind(u8);

/// How connections of one kind behave.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// How messages stand in the stream.
    pub framing: Framing,
    /// The longest message, in bytes.
    pub message_bytes_max: usize,
    /// How long nothing may come.
    pub idle: Option<Duration>,
    /// Bytes that may wait to be written.
    pub waiting_bytes_max: usize,
    /// Messages that may wait for their answers; 0 for any number.
    pub in_flight_max: u8,
    /// Who may come in; nothing where we connect to others.
    pub guests: Option<Guests>,
}

/// What holds for who comes in. Each kind has its own number, so that one that is full takes no
/// files of another. A guest's first message is there within [`Limits::message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guests {
    /// For those who are inside.
    pub inside: Places,
    /// For those whose handshake is not done; where there are none, they take those inside.
    pub arriving: Option<Places>,
}

/// How many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// In all.
    pub total_max: usize,
    /// Of those, from one address.
    pub per_address_max: usize,
}

impl Guests {
    /// How many files they may take.
    pub(crate) fn files_max(&self) -> usize {
        self.inside.total_max + self.arriving.map_or(0, |places| places.total_max)
    }
}

/// Who does something with what the sockets hear.
pub trait Service {
    /// A connection is there, its handshake done.
    fn opened(&mut self, sockets: &mut Sockets, id: Id, kind: Kind);
    /// A whole message. Its bytes are wiped afterwards.
    fn message(&mut self, sockets: &mut Sockets, id: Id, kind: Kind, message: &mut [u8]);
    /// A connection ended, or an outgoing one could not be made. `tag` is what it had.
    fn closed(&mut self, sockets: &mut Sockets, id: Id, kind: Kind, tag: u64, why: Why);
}

struct Listener {
    socket: Ear,
    kind: Kind,
    tls: Option<Arc<ServerConfig>>,
    /// Somebody may be waiting to be accepted.
    waiting: bool,
}

enum Ear {
    Tcp(TcpListener),
    /// Whoever is not admitted, by the number of the user, is not listened to.
    Unix(UnixListener, fn(u32) -> bool),
}

struct Slot {
    generation: u32,
    connection: Option<Connection>,
}

/// All sockets of a process.
pub struct Sockets {
    poll: Poll,
    events: Option<Events>,
    waker: Arc<Waker>,
    limits: Limits,
    kinds: Vec<Habits>,
    held: Vec<bool>,
    /// Who is inside, by kind.
    crowds: Vec<Crowd>,
    /// Who has a place of those who arrive, by kind.
    arrivals: Vec<Crowd>,
    listeners: Vec<Listener>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    scratch: Vec<u8>,
    spare: Vec<Wiped>,
    /// To be read without waiting for an event.
    again: Vec<Id>,
    /// To be read when their kind is no longer held.
    waiting: Vec<Id>,
    /// With bytes to be written.
    dirty: Vec<Id>,
    /// To be closed at the end of the turn.
    doomed: Vec<(Id, Why)>,
    now: Instant,
    next_sweep: Instant,
    accepts_left: u32,
    accepts_since: Instant,
    no_room_until: Option<Instant>,
    endings: Endings,
    accepted: u64,
}

impl Sockets {
    /// No sockets yet.
    ///
    /// # Errors
    /// Where the system has no more of what it takes.
    pub fn new(limits: Limits) -> io::Result<Sockets> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let now = Instant::now();
        Ok(Sockets {
            poll,
            events: Some(Events::with_capacity(EVENTS_PER_TURN)),
            waker,
            limits,
            kinds: Vec::new(),
            held: Vec::new(),
            crowds: Vec::new(),
            arrivals: Vec::new(),
            listeners: Vec::new(),
            slots: Vec::new(),
            free: Vec::new(),
            scratch: vec![0; READ_BYTES_PER_TURN],
            spare: Vec::new(),
            again: Vec::new(),
            waiting: Vec::new(),
            dirty: Vec::new(),
            doomed: Vec::new(),
            now,
            next_sweep: now + SWEEP_INTERVAL,
            accepts_left: limits.accepts_per_second_max,
            accepts_since: now,
            no_room_until: None,
            endings: Endings::default(),
            accepted: 0,
        })
    }

    /// Lets this process open as many files as the system allows it; how many that is, or nothing
    /// where there is no limit.
    #[must_use]
    pub fn raise_files_max() -> Option<u64> {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: maximum, maximum };
        if setrlimit(Resource::Nofile, raised).is_ok() { maximum } else { current }
    }

    /// Ends a turn's wait from another thread.
    #[must_use]
    pub fn waker(&self) -> Arc<Waker> {
        self.waker.clone()
    }

    /// Says how connections of a kind behave.
    pub fn add_kind(&mut self, habits: Habits) -> Kind {
        let number = u8::try_from(self.kinds.len()).expect("few kinds");
        self.kinds.push(habits);
        self.held.push(false);
        self.crowds.push(Crowd::default());
        self.arrivals.push(Crowd::default());
        Kind(number)
    }

    /// Begins to connect. It is opened or closed later, in a turn.
    pub fn connect(
        &mut self,
        address: SocketAddr,
        kind: Kind,
        tag: u64,
        tls: Option<&Towards>,
    ) -> io::Result<Id> {
        let tcp = TcpStream::connect(address)?;
        // What is sent together is written together already.
        tcp.set_nodelay(true)?;
        let stream = match tls {
            None => Stream::Tcp(tcp),
            Some(towards) => {
                let session = ClientConnection::new(towards.settings.clone(), towards.name.clone())
                    .map_err(io::Error::other)?;
                Stream::tls(tcp, Session::Client(session))
            }
        };
        let mut connection =
            Connection::new(stream, kind, Origin::Here, State::Connecting, self.now);
        connection.tag = tag;
        self.put_in(connection)
    }

    /// What was last set for a connection; 0 before.
    #[must_use]
    pub fn tag(&self, id: Id) -> u64 {
        self.connection(id).map_or(0, |connection| connection.tag)
    }

    /// Remembers a number with a connection.
    pub fn set_tag(&mut self, id: Id, tag: u64) {
        if let Some(connection) = self.connection_mut(id) {
            connection.tag = tag;
        }
    }

    /// The first name in the certificate of the other side.
    #[must_use]
    pub fn peer_name(&self, id: Id) -> Option<String> {
        self.connection(id)?.stream.peer_name()
    }

    /// How many connections there are, by kind.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        let connections = self.slots.iter().filter_map(|slot| slot.connection.as_ref());
        connections.filter(|connection| connection.kind == kind).count()
    }

    /// Messages of a kind's connections that wait for their answers.
    #[must_use]
    pub fn in_flight(&self, kind: Kind) -> usize {
        let connections = self.slots.iter().filter_map(|slot| slot.connection.as_ref());
        let of_kind = connections.filter(|connection| connection.kind == kind);
        of_kind.map(|connection| usize::from(connection.in_flight)).sum()
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// How connections ended.
    #[must_use]
    pub fn endings(&self) -> Endings {
        self.endings
    }

    /// Bytes that wait to be written to a connection.
    #[must_use]
    pub fn waiting_bytes(&self, id: Id) -> usize {
        self.connection(id).map_or(0, |connection| connection.out.len() - connection.out_sent)
    }

    /// Whether bytes wait to be written to any connection.
    #[must_use]
    pub fn has_waiting_bytes(&self) -> bool {
        let mut connections = self.slots.iter().filter_map(|slot| slot.connection.as_ref());
        connections.any(|connection| !connection.out.is_empty() || connection.stream.has_unsent())
    }

    /// Whether connections of a kind are not read for the time being.
    pub fn hold(&mut self, kind: Kind, held: bool) {
        let before = std::mem::replace(&mut self.held[usize::from(kind.0)], held);
        if before && !held {
            self.again.append(&mut self.waiting);
        }
    }

    /// Whether connections of a kind are not read for the time being.
    #[must_use]
    pub fn is_held(&self, kind: Kind) -> bool {
        self.held[usize::from(kind.0)]
    }

    /// Stops, or goes on with, reading one connection.
    pub fn pause(&mut self, id: Id, paused: bool) {
        let Some(connection) = self.connection_mut(id) else { return };
        let before = std::mem::replace(&mut connection.paused, paused);
        if before && !paused {
            self.read_again(id);
        }
    }

    /// Sends, at the next flush. `parts` go out one behind the other. `is_answer`: a message of
    /// this connection no longer waits for its answer.
    pub fn send(&mut self, id: Id, parts: &[&[u8]], is_answer: bool) {
        let Some(connection) = connection_in(&mut self.slots, id) else { return };
        let habits = self.kinds[usize::from(connection.kind.0)];
        if connection.out.capacity() == 0 {
            connection.out = self.spare.pop().unwrap_or_default();
        }
        connection.drop_sent();
        connection.out.reserve(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            connection.out.extend(part);
        }
        if connection.out.len() - connection.out_sent > habits.waiting_bytes_max {
            return self.close(id, Why::Unread);
        }
        if !connection.dirty {
            connection.dirty = true;
            self.dirty.push(id);
        }
        if is_answer {
            self.answered(id);
        }
    }

    /// One message of a connection no longer waits for an answer.
    pub fn answered(&mut self, id: Id) {
        let Some(connection) = connection_in(&mut self.slots, id) else { return };
        connection.in_flight = connection.in_flight.saturating_sub(1);
        if connection.unread || !connection.partial.is_empty() {
            self.read_again(id);
        }
    }

    /// No message of a connection waits for an answer any more.
    pub fn forget_unanswered(&mut self, id: Id) {
        if let Some(connection) = self.connection_mut(id) {
            connection.in_flight = 0;
        }
        self.answered(id);
    }

    /// Closes a connection at the end of the turn; the service hears of it.
    pub fn close(&mut self, id: Id, why: Why) {
        let Some(connection) = connection_in(&mut self.slots, id) else { return };
        if !connection.doomed {
            connection.doomed = true;
            self.doomed.push((id, why));
        }
    }

    /// Closes a connection when what waits for it is written, or when that takes too long.
    pub fn close_when_written(&mut self, id: Id) {
        let Some(connection) = connection_in(&mut self.slots, id) else { return };
        if connection.out.is_empty() && !connection.stream.has_unsent() {
            return self.close(id, Why::Asked);
        }
        connection.state = State::Ending;
        connection.since = self.now;
        connection.paused = true;
    }

    /// Closes all connections of a kind.
    pub fn close_all(&mut self, kind: Kind, why: Why) {
        for place in 0..self.slots.len() {
            let slot = &self.slots[place];
            if slot.connection.as_ref().is_some_and(|connection| connection.kind == kind) {
                let place = u32::try_from(place).expect("places have 32 bits");
                self.close(Id { place, generation: slot.generation }, why);
            }
        }
    }

    /// Waits until something happens, `wait` at the most, and hands it on.
    ///
    /// # Errors
    /// What the system says; it cannot go on then.
    pub fn turn<S: Service>(&mut self, wait: Duration, service: &mut S) -> io::Result<()> {
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
            if token.0 >= LISTENERS {
                if let Some(listener) = self.listeners.get_mut(token.0 - LISTENERS) {
                    listener.waiting = true;
                }
                continue;
            }
            let Some(id) = self.at_place(token.0) else { continue };
            if (event.is_read_closed() || event.is_error())
                && let Some(connection) = self.connection_mut(id)
            {
                connection.half_closed = true;
            }
            if event.is_writable() || event.is_error() {
                self.writable(id, service);
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.read(id, service);
            }
        }
        self.events = Some(events);
        for id in std::mem::take(&mut self.again) {
            if let Some(connection) = self.connection_mut(id) {
                connection.queued = false;
                self.read(id, service);
            }
        }
        self.accept(service);
        if self.now >= self.next_sweep {
            self.next_sweep = self.now + SWEEP_INTERVAL;
            self.sweep();
        }
        self.bury(service);
        Ok(())
    }

    /// Writes what was sent, one write for each connection, and closes what is to be closed.
    pub fn flush<S: Service>(&mut self, service: &mut S) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for id in dirty.drain(..) {
            if let Some(connection) = self.connection_mut(id) {
                connection.dirty = false;
                self.write(id);
            }
        }
        // What is sent while connections are closed is written in the next round.
        if self.dirty.is_empty() {
            self.dirty = dirty;
        }
        self.bury(service);
    }

    fn wait(&self, wait: Duration) -> Duration {
        if !self.again.is_empty() || !self.doomed.is_empty() || !self.dirty.is_empty() {
            return Duration::ZERO;
        }
        let wait = wait.min(self.next_sweep.saturating_duration_since(self.now));
        if !self.listeners.iter().any(|listener| listener.waiting) {
            return wait;
        }
        match self.no_room_until {
            None if self.accepts_left > 0 => Duration::ZERO,
            _ => wait.min(Duration::from_millis(10)),
        }
    }

    fn put_in(&mut self, mut connection: Connection) -> io::Result<Id> {
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
        // The first is 1, so that no connection has the number 0; the highest bit stays free.
        slot.generation = (slot.generation & 0x3FFF_FFFF) + 1;
        slot.connection = Some(connection);
        Ok(Id { place, generation: slot.generation })
    }

    fn at_place(&self, place: usize) -> Option<Id> {
        let slot = self.slots.get(place)?;
        slot.connection.as_ref()?;
        Some(Id { place: u32::try_from(place).ok()?, generation: slot.generation })
    }

    fn connection(&self, id: Id) -> Option<&Connection> {
        let slot = self.slots.get(usize::try_from(id.place).ok()?)?;
        slot.connection.as_ref().filter(|_| slot.generation == id.generation)
    }

    fn connection_mut(&mut self, id: Id) -> Option<&mut Connection> {
        connection_in(&mut self.slots, id)
    }

    fn read_again(&mut self, id: Id) {
        let Some(connection) = connection_in(&mut self.slots, id) else { return };
        if !connection.queued {
            connection.queued = true;
            self.again.push(id);
        }
    }

    /// Looks at the limits in time.
    fn sweep(&mut self) {
        for place in 0..self.slots.len() {
            let (now, limits) = (self.now, self.limits);
            let slot = &mut self.slots[place];
            let generation = slot.generation;
            let Some(connection) = &mut slot.connection else { continue };
            let habits = &self.kinds[usize::from(connection.kind.0)];
            let late = connection.late(now, &limits, habits);
            let forgotten = connection.forget_unanswered(now, &limits);
            let id = Id { place: u32::try_from(place).expect("places have 32 bits"), generation };
            if let Some(why) = late {
                self.close(id, why);
            } else if forgotten {
                self.read_again(id);
            }
        }
    }

    /// Takes closed connections out, and tells the service.
    fn bury<S: Service>(&mut self, service: &mut S) {
        while let Some((id, why)) = self.doomed.pop() {
            let place = usize::try_from(id.place).unwrap_or(usize::MAX);
            let Some(slot) = self.slots.get_mut(place) else { continue };
            let Some(connection) = slot.connection.take() else { continue };
            self.free.push(id.place);
            self.endings.count(why);
            let (kind, tag) = (connection.kind, connection.tag);
            let left = if connection.arriving { &mut self.arrivals } else { &mut self.crowds };
            left[usize::from(kind.0)].leave(connection.from);
            drop(connection);
            service.closed(self, id, kind, tag, why);
        }
    }
}

fn connection_in(slots: &mut [Slot], id: Id) -> Option<&mut Connection> {
    let slot = slots.get_mut(usize::try_from(id.place).ok()?)?;
    let generation = slot.generation;
    slot.connection.as_mut().filter(|_| generation == id.generation)
}
