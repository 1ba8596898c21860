//! The connection of one terminal, over which one question at a time goes, and the next address
//! when it breaks.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use door::limits::TERMINAL_MESSAGE_BYTES_MAX;
use door::tls::Towards;
use door::{Framing, Habits, Id, Kind, Limits, Service, Sockets, Why};
use iso8583::Wiped;

/// How long a connection may take to be there, TLS included.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
const WAITING_BYTES_MAX: usize = 65_536;

/// What came over a line.
#[derive(Debug)]
pub enum Came {
    /// A whole message, without its two bytes of length.
    Message(Wiped),
    /// The connection is gone.
    Lost,
    /// Nothing, and time is up.
    Nothing,
}

/// A terminal's connection.
pub struct Line {
    sockets: Sockets,
    ends: Ends,
    kind: Kind,
    addresses: Vec<SocketAddr>,
    tls: Option<Towards>,
    at: usize,
}

#[derive(Default)]
struct Ends {
    open: Option<Id>,
    connecting: bool,
    messages: VecDeque<Wiped>,
}

impl Line {
    /// Not connected yet. The first address is tried first.
    ///
    /// # Errors
    /// Where the system has no more of what it takes, or there is no address.
    pub fn new(addresses: Vec<SocketAddr>, tls: Option<Towards>) -> io::Result<Line> {
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no address to connect to"));
        }
        let limits = Limits { handshake: CONNECT_WAIT, ..Limits::default() };
        let mut sockets = Sockets::new(limits)?;
        let kind = sockets.add_kind(Habits {
            framing: Framing::Counted,
            message_bytes_max: TERMINAL_MESSAGE_BYTES_MAX,
            idle: None,
            waiting_bytes_max: WAITING_BYTES_MAX,
            in_flight_max: 0,
            guests: None,
        });
        Ok(Line { sockets, ends: Ends::default(), kind, addresses, tls, at: 0 })
    }

    /// The address of the connection, or of the next attempt.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.addresses[self.at]
    }

    /// How many addresses there are.
    #[must_use]
    pub fn addresses(&self) -> usize {
        self.addresses.len()
    }

    /// Whether it is connected.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.ends.open.is_some()
    }

    /// Connects to the current address, unless it is connected. Whether it is.
    ///
    /// # Errors
    /// Where the system cannot go on.
    pub fn connect(&mut self) -> io::Result<bool> {
        self.turn(Duration::ZERO)?;
        if self.is_open() {
            return Ok(true);
        }
        self.ends.messages.clear();
        let (address, tls) = (self.address(), self.tls.as_ref());
        if self.sockets.connect(address, self.kind, 0, tls).is_err() {
            return Ok(false);
        }
        self.ends.connecting = true;
        while self.ends.connecting {
            self.turn(CONNECT_WAIT)?;
        }
        Ok(self.is_open())
    }

    /// Gives up the connection; the next address is next.
    pub fn go_on_to_the_next(&mut self) {
        if let Some(id) = self.ends.open.take() {
            self.sockets.close(id, Why::Asked);
        }
        self.at = (self.at + 1) % self.addresses.len();
    }

    /// Sends a message over the connection that is there.
    ///
    /// # Errors
    /// Where the system cannot go on.
    pub fn say(&mut self, message: &[u8]) -> io::Result<()> {
        let Some(id) = self.ends.open else { return Ok(()) };
        let length = u16::try_from(message.len()).map_err(io::Error::other)?.to_be_bytes();
        self.sockets.send(id, &[&length, message], false);
        self.sockets.flush(&mut self.ends);
        Ok(())
    }

    /// Waits for a message, at most until then.
    ///
    /// # Errors
    /// Where the system cannot go on.
    pub fn hear(&mut self, until: Instant) -> io::Result<Came> {
        loop {
            if let Some(message) = self.ends.messages.pop_front() {
                return Ok(Came::Message(message));
            }
            if !self.is_open() {
                return Ok(Came::Lost);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Came::Nothing);
            }
            self.turn(left)?;
        }
    }

    fn turn(&mut self, wait: Duration) -> io::Result<()> {
        self.sockets.turn(wait, &mut self.ends)?;
        self.sockets.flush(&mut self.ends);
        Ok(())
    }
}

impl Service for Ends {
    fn opened(&mut self, _sockets: &mut Sockets, id: Id, _kind: Kind) {
        self.open = Some(id);
        self.connecting = false;
    }

    fn message(&mut self, _sockets: &mut Sockets, id: Id, _kind: Kind, message: &mut [u8]) {
        if self.open == Some(id) {
            let mut kept = Wiped::with_capacity(message.len());
            kept.extend(message);
            self.messages.push_back(kept);
        }
    }

    fn closed(&mut self, _sockets: &mut Sockets, id: Id, _kind: Kind, _tag: u64, _why: Why) {
        match self.open {
            // One that was given up ends after the next has begun.
            Some(open) if open != id => {}
            Some(_) => self.open = None,
            None => self.connecting = false,
        }
    }
}
