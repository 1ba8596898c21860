//! Who comes in.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mio::net::{TcpListener, UnixListener, UnixStream};
use mio::{Interest, Token};
use rustls::{Connection as Session, ServerConfig, ServerConnection};

use super::connection::{Connection, State};
use super::crowd::Origin;
use super::stream::Stream;
use super::{Ear, Id, Kind, LISTENERS, Listener, Service, Sockets, connection_in};
use crate::limits::ACCEPTS_PER_TURN_MAX;
use crate::why::Why;

/// Connections that wait in the system's queue; the system may have a lower limit of its own.
const LISTEN_BACKLOG: i32 = 4_096;
/// How long nobody is accepted when the system has no room for another connection.
const NO_ROOM_WAIT: Duration = Duration::from_millis(100);

impl Sockets {
    /// Listens; the address that it got, for port 0.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen(
        &mut self,
        address: SocketAddr,
        kind: Kind,
        tls: Option<Arc<ServerConfig>>,
    ) -> io::Result<SocketAddr> {
        let mut socket = TcpListener::bind(address)?;
        // When a gateway or a network of mobile phones comes back, everybody comes at once.
        rustix::net::listen(&socket, LISTEN_BACKLOG)?;
        let local = socket.local_addr()?;
        let token = Token(LISTENERS + self.listeners.len());
        self.poll.registry().register(&mut socket, token, Interest::READABLE)?;
        self.listeners.push(Listener { socket: Ear::Tcp(socket), kind, tls, waiting: false });
        Ok(local)
    }

    /// Listens on a path of this machine. Only users whose number is admitted are listened to: the
    /// system says who connects, where the mode of a path is that of the moment.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen_here(
        &mut self,
        path: &Path,
        kind: Kind,
        admits: fn(u32) -> bool,
    ) -> io::Result<()> {
        let mut socket = UnixListener::bind(path)?;
        let token = Token(LISTENERS + self.listeners.len());
        self.poll.registry().register(&mut socket, token, Interest::READABLE)?;
        let socket = Ear::Unix(socket, admits);
        self.listeners.push(Listener { socket, kind, tls: None, waiting: false });
        Ok(())
    }

    /// Accepts nobody any more.
    pub fn stop_listening(&mut self) {
        for listener in &mut self.listeners {
            // Dropping the socket takes it out of the poll as well.
            let registry = self.poll.registry();
            let _ = match &mut listener.socket {
                Ear::Tcp(socket) => registry.deregister(socket),
                Ear::Unix(socket, _) => registry.deregister(socket),
            };
        }
        self.listeners.clear();
    }

    pub(super) fn accept<S: Service>(&mut self, service: &mut S) {
        if self.now.duration_since(self.accepts_since) >= Duration::from_secs(1) {
            self.accepts_since = self.now;
            self.accepts_left = self.limits.accepts_per_second_max;
        }
        if self.no_room_until.is_some_and(|until| self.now < until) {
            return;
        }
        self.no_room_until = None;
        for place in 0..self.listeners.len() {
            for _ in 0..ACCEPTS_PER_TURN_MAX.min(self.accepts_left) {
                let Some(listener) = self.listeners.get_mut(place) else { return };
                if !listener.waiting {
                    break;
                }
                let kind = listener.kind;
                let come = match &listener.socket {
                    Ear::Tcp(socket) => socket
                        .accept()
                        .map(|(tcp, from)| (Stream::Tcp(tcp), Origin::of(from.ip()), true)),
                    Ear::Unix(socket, admits) => socket.accept().map(|(unix, _)| {
                        let admitted = user(&unix).is_some_and(admits);
                        (Stream::Unix(unix), Origin::Path, admitted)
                    }),
                };
                match come {
                    Ok((stream, from, admitted)) => {
                        let tls = listener.tls.clone();
                        self.accepts_left -= 1;
                        if admitted {
                            self.let_in(stream, from, kind, tls, service);
                        } else {
                            self.endings.count(Why::Foreign);
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        listener.waiting = false;
                    }
                    // One that was gone before it was let in.
                    Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => {
                        self.no_room_until = Some(self.now + NO_ROOM_WAIT);
                        return;
                    }
                }
            }
        }
    }

    pub(super) fn let_in<S: Service>(
        &mut self,
        stream: Stream,
        from: Origin,
        kind: Kind,
        tls: Option<Arc<ServerConfig>>,
        service: &mut S,
    ) {
        let place = usize::from(kind.0);
        let guests = self.kinds[place].guests;
        let arriving = guests.and_then(|guests| guests.arriving).filter(|_| tls.is_some());
        let (crowd, places) = match arriving {
            Some(places) => (&self.arrivals[place], Some(places)),
            None => (&self.crowds[place], guests.map(|guests| guests.inside)),
        };
        if let Some(why) = places.and_then(|places| crowd.refuses(from, places)) {
            return self.endings.count(why);
        }
        let (stream, state) = match (stream, tls) {
            (Stream::Tcp(tcp), Some(settings)) => {
                let Ok(session) = ServerConnection::new(settings) else { return };
                let _ = tcp.set_nodelay(true);
                (Stream::tls(tcp, Session::Server(session)), State::Handshake)
            }
            (stream, _) => {
                if let Stream::Tcp(tcp) = &stream {
                    // Answers are small and nobody waits for more of them.
                    let _ = tcp.set_nodelay(true);
                }
                (stream, State::Open)
            }
        };
        let mut connection = Connection::new(stream, kind, from, state, self.now);
        connection.arriving = arriving.is_some();
        let Ok(id) = self.put_in(connection) else { return self.endings.count(Why::Full) };
        self.accepted += 1;
        let crowds = if arriving.is_some() { &mut self.arrivals } else { &mut self.crowds };
        crowds[place].enter(from);
        if state == State::Open {
            service.opened(self, id, kind);
        }
    }

    /// One whose handshake is done is open, where there is a place inside; else why not.
    pub(super) fn come_inside(&mut self, id: Id) -> Result<(), Why> {
        let Some(connection) = connection_in(&mut self.slots, id) else { return Ok(()) };
        let (place, from) = (usize::from(connection.kind.0), connection.from);
        if connection.arriving {
            let guests = self.kinds[place].guests;
            let full = guests.and_then(|guests| self.crowds[place].refuses(from, guests.inside));
            if let Some(why) = full {
                return Err(why);
            }
            connection.arriving = false;
            self.arrivals[place].leave(from);
            self.crowds[place].enter(from);
        }
        connection.open(self.now);
        Ok(())
    }
}

/// The number of the user who is at the other end.
#[cfg(target_os = "linux")]
fn user(unix: &UnixStream) -> Option<u32> {
    rustix::net::sockopt::socket_peercred(unix).ok().map(|peer| peer.uid.as_raw())
}

/// Elsewhere the mode of the path has to do.
#[cfg(not(target_os = "linux"))]
fn user(_: &UnixStream) -> Option<u32> {
    Some(rustix::process::geteuid().as_raw())
}
