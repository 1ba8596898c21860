//! Listens and accepts.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mio::net::{TcpListener, UnixListener, UnixStream};
use mio::{Interest, Token};
use rustls::{Connection as Session, ServerConfig, ServerConnection};

use super::connection::{Connection, ConnectionState};
use super::counter::ConnectionOrigin;
use super::stream::Stream;
use super::{
    ConnectionId, ConnectionKind, LISTENER_TOKEN_BASE, ListenSocket, Listener, SocketService,
    Sockets, connection_in,
};
use crate::close_reason::CloseReason;
use crate::limits::ACCEPTS_PER_POLL_MAX;

/// Connections in the system's queue; the system may have a lower limit.
const LISTEN_BACKLOG: i32 = 4_096;
/// Pause before the next accept when the system has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Sockets {
    /// Listens on `address`. Returns the actual address, which differs for port 0. The connections
    /// begin with this tag.
    pub fn listen(
        &mut self,
        address: SocketAddr,
        kind: ConnectionKind,
        tag: u64,
        tls: Option<Arc<ServerConfig>>,
    ) -> io::Result<SocketAddr> {
        let mut socket = TcpListener::bind(address)?;
        // When a gateway or a mobile network comes back, all terminals connect at once.
        rustix::net::listen(&socket, LISTEN_BACKLOG)?;
        let local = socket.local_addr()?;
        let token = Token(LISTENER_TOKEN_BASE + self.listeners.len());
        self.poll.registry().register(&mut socket, token, Interest::READABLE)?;
        self.listeners.push(Listener {
            socket: ListenSocket::Tcp(socket),
            kind,
            tag,
            tls,
            has_pending: false,
        });
        Ok(local)
    }

    /// Listens on a Unix socket at `path`. Admits only users whose id `admits` accepts: the kernel
    /// reports the user of each connection, while the mode of the path can be set only after the
    /// socket exists.
    pub fn listen_unix(
        &mut self,
        path: &Path,
        kind: ConnectionKind,
        admits: fn(u32) -> bool,
    ) -> io::Result<()> {
        let mut socket = UnixListener::bind(path)?;
        let token = Token(LISTENER_TOKEN_BASE + self.listeners.len());
        self.poll.registry().register(&mut socket, token, Interest::READABLE)?;
        let socket = ListenSocket::Unix(socket, admits);
        self.listeners.push(Listener { socket, kind, tag: 0, tls: None, has_pending: false });
        Ok(())
    }

    pub fn stop_listening(&mut self) {
        for listener in &mut self.listeners {
            // Dropping the socket also removes it from the poll.
            let registry = self.poll.registry();
            let _ = match &mut listener.socket {
                ListenSocket::Tcp(socket) => registry.deregister(socket),
                ListenSocket::Unix(socket, _) => registry.deregister(socket),
            };
        }
        self.listeners.clear();
    }

    pub(super) fn accept<S: SocketService>(&mut self, service: &mut S) {
        if self.now.duration_since(self.accepts_since) >= Duration::from_secs(1) {
            self.accepts_since = self.now;
            self.accepts_left = self.limits.accepts_per_second_max;
        }
        if self.accept_paused_until.is_some_and(|until| self.now < until) {
            return;
        }
        self.accept_paused_until = None;
        for place in 0..self.listeners.len() {
            for _ in 0..ACCEPTS_PER_POLL_MAX.min(self.accepts_left) {
                let Some(listener) = self.listeners.get_mut(place) else { return };
                if !listener.has_pending {
                    break;
                }
                let (kind, tag) = (listener.kind, listener.tag);
                let accepted = match &listener.socket {
                    ListenSocket::Tcp(socket) => socket.accept().map(|(tcp, from)| {
                        (Stream::Tcp(tcp), ConnectionOrigin::from_ip(from.ip()), true)
                    }),
                    ListenSocket::Unix(socket, admits) => socket.accept().map(|(unix, _)| {
                        let admitted = user(&unix).is_some_and(admits);
                        (Stream::Unix(unix), ConnectionOrigin::UnixSocket, admitted)
                    }),
                };
                match accepted {
                    Ok((stream, from, admitted)) => {
                        let tls = listener.tls.clone();
                        self.accepts_left -= 1;
                        if admitted {
                            self.admit(stream, from, (kind, tag), tls, service);
                        } else {
                            self.close_counts.add(CloseReason::Foreign);
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        listener.has_pending = false;
                    }
                    // The client gave up before it was accepted.
                    Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => {
                        self.accept_paused_until = Some(self.now + ACCEPT_PAUSE);
                        return;
                    }
                }
            }
        }
    }

    pub(super) fn admit<S: SocketService>(
        &mut self,
        stream: Stream,
        from: ConnectionOrigin,
        (kind, tag): (ConnectionKind, u64),
        tls: Option<Arc<ServerConfig>>,
        service: &mut S,
    ) {
        if !self.failures.admits(from, self.now) {
            return self.close_counts.add(CloseReason::Failing);
        }
        let place = usize::from(kind.0);
        let admission = self.policies[place].admission;
        let arriving =
            admission.and_then(|admission| admission.handshaking).filter(|_| tls.is_some());
        let (counter, quota) = match arriving {
            Some(quota) => (&self.handshake_counters[place], Some(quota)),
            None => (&self.open_counters[place], admission.map(|admission| admission.open)),
        };
        if let Some(why) = quota.and_then(|quota| counter.refusal(from, quota)) {
            return self.close_counts.add(why);
        }
        let (stream, state) = match (stream, tls) {
            (Stream::Tcp(tcp), Some(settings)) => {
                let Ok(session) = ServerConnection::new(settings) else { return };
                let _ = tcp.set_nodelay(true);
                (Stream::tls(tcp, Session::Server(session)), ConnectionState::Handshake)
            }
            (stream, _) => {
                if let Stream::Tcp(tcp) = &stream {
                    // Answers are small, so there is nothing to wait for.
                    let _ = tcp.set_nodelay(true);
                }
                (stream, ConnectionState::Open)
            }
        };
        let mut connection = Connection::new(stream, kind, from, state, self.now);
        connection.tag = tag;
        connection.in_handshake_quota = arriving.is_some();
        let Ok(id) = self.insert(connection) else {
            return self.close_counts.add(CloseReason::Full);
        };
        self.accepted += 1;
        let counters =
            if arriving.is_some() { &mut self.handshake_counters } else { &mut self.open_counters };
        counters[place].add(from);
        if state == ConnectionState::Open {
            service.opened(self, id, kind);
        }
    }

    /// A handshake is done: opens the connection if the quota of open ones allows it, otherwise
    /// returns why not.
    pub(super) fn finish_handshake(&mut self, id: ConnectionId) -> Result<(), CloseReason> {
        let Some(connection) = connection_in(&mut self.slots, id) else { return Ok(()) };
        let (place, from) = (usize::from(connection.kind.0), connection.origin);
        if connection.in_handshake_quota {
            let admission = self.policies[place].admission;
            let full = admission
                .and_then(|admission| self.open_counters[place].refusal(from, admission.open));
            if let Some(why) = full {
                return Err(why);
            }
            connection.in_handshake_quota = false;
            self.handshake_counters[place].remove(from);
            self.open_counters[place].add(from);
        }
        connection.open(self.now);
        Ok(())
    }
}

/// The id of the user at the other end.
#[cfg(target_os = "linux")]
fn user(unix: &UnixStream) -> Option<u32> {
    rustix::net::sockopt::socket_peercred(unix).ok().map(|peer| peer.uid.as_raw())
}

/// Other systems do not report it; there the mode of the path protects the socket.
#[cfg(not(target_os = "linux"))]
fn user(_: &UnixStream) -> Option<u32> {
    Some(rustix::process::geteuid().as_raw())
}
