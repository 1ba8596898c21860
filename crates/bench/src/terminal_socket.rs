//! The connection of one terminal. It carries one message at a time, and moves to the next address
//! when it breaks.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use host::limits::TERMINAL_MESSAGE_BYTES_MAX;
use host::tls::TlsClient;
use host::{
    CloseReason, ConnectionId, ConnectionKind, ConnectionLimits, ConnectionPolicy, SocketService,
    Sockets, StreamFraming,
};
use iso8583::WipedBytes;

/// For TCP and TLS together.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
const WAITING_BYTES_MAX: usize = 65_536;

#[derive(Debug)]
pub enum Received {
    /// A whole message, without its length prefix.
    Message(WipedBytes),
    /// The connection ended.
    Lost,
    /// No message arrived in time.
    TimedOut,
}

pub struct TerminalSocket {
    sockets: Sockets,
    state: SocketState,
    kind: ConnectionKind,
    addresses: Vec<SocketAddr>,
    tls: Option<TlsClient>,
    at: usize,
}

#[derive(Default)]
struct SocketState {
    open: Option<ConnectionId>,
    connecting: bool,
    messages: VecDeque<WipedBytes>,
}

impl TerminalSocket {
    /// Does not connect yet. The first address is tried first. Fails without an address.
    pub fn new(addresses: Vec<SocketAddr>, tls: Option<TlsClient>) -> io::Result<TerminalSocket> {
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no address to connect to"));
        }
        let limits =
            ConnectionLimits { handshake_timeout: CONNECT_WAIT, ..ConnectionLimits::default() };
        let mut sockets = Sockets::new(limits)?;
        let kind = sockets.add_kind(ConnectionPolicy {
            framing: StreamFraming::LengthPrefixed,
            message_bytes_max: TERMINAL_MESSAGE_BYTES_MAX,
            idle_timeout: None,
            waiting_bytes_max: WAITING_BYTES_MAX,
            in_flight_max: 0,
            admission: None,
        });
        Ok(TerminalSocket { sockets, state: SocketState::default(), kind, addresses, tls, at: 0 })
    }

    /// The address of the connection, or of the next attempt.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.addresses[self.at]
    }

    #[must_use]
    pub fn addresses(&self) -> usize {
        self.addresses.len()
    }

    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.state.open.is_some()
    }

    /// Connects to the current address, unless it is connected. Returns whether it is.
    pub fn connect(&mut self) -> io::Result<bool> {
        self.turn(Duration::ZERO)?;
        if self.is_open() {
            return Ok(true);
        }
        self.state.messages.clear();
        let (address, tls) = (self.address(), self.tls.as_ref());
        if self.sockets.connect(address, self.kind, 0, tls).is_err() {
            return Ok(false);
        }
        self.state.connecting = true;
        while self.state.connecting {
            self.turn(CONNECT_WAIT)?;
        }
        Ok(self.is_open())
    }

    /// Closes the connection and selects the next address.
    pub fn use_next_address(&mut self) {
        if let Some(id) = self.state.open.take() {
            self.sockets.close(id, CloseReason::Asked);
        }
        self.at = (self.at + 1) % self.addresses.len();
    }

    /// Sends a message; does nothing without a connection.
    pub fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let Some(id) = self.state.open else { return Ok(()) };
        let length = u16::try_from(message.len()).map_err(io::Error::other)?.to_be_bytes();
        self.sockets.send(id, &[&length, message], false);
        self.sockets.flush(&mut self.state);
        Ok(())
    }

    /// Waits for a message until the deadline.
    pub fn receive(&mut self, until: Instant) -> io::Result<Received> {
        loop {
            if let Some(message) = self.state.messages.pop_front() {
                return Ok(Received::Message(message));
            }
            if !self.is_open() {
                return Ok(Received::Lost);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Received::TimedOut);
            }
            self.turn(left)?;
        }
    }

    fn turn(&mut self, wait: Duration) -> io::Result<()> {
        self.sockets.poll_once(wait, &mut self.state)?;
        self.sockets.flush(&mut self.state);
        Ok(())
    }
}

impl SocketService for SocketState {
    fn opened(&mut self, _sockets: &mut Sockets, id: ConnectionId, _kind: ConnectionKind) {
        self.open = Some(id);
        self.connecting = false;
    }

    fn message(
        &mut self,
        _sockets: &mut Sockets,
        id: ConnectionId,
        _kind: ConnectionKind,
        message: &mut [u8],
    ) {
        if self.open == Some(id) {
            let mut kept = WipedBytes::with_capacity(message.len());
            kept.extend(message);
            self.messages.push_back(kept);
        }
    }

    fn closed(
        &mut self,
        _sockets: &mut Sockets,
        id: ConnectionId,
        _kind: ConnectionKind,
        _tag: u64,
        _why: CloseReason,
    ) {
        match self.open {
            // A connection that was closed may end after the next one has begun.
            Some(open) if open != id => {}
            Some(_) => self.open = None,
            None => self.connecting = false,
        }
    }
}
