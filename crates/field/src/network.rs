//! A simulated card network at an address.
//!
//! A round hands in all messages that are there, then writes once to each connection.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use door::limits::NETWORK_MESSAGE_BYTES_MAX;
use door::tls::{self, Identity, TlsError};
use door::{Framing, Habits, Id, Kind, Limits, Service, Sockets, Why};
use peers::Network;
use peers::clearing::ClearingFile;
use peers::network::{Link, Output};

use crate::clock::now_ms;

/// Bytes that may wait for a switch that does not read.
const WAITING_BYTES_MAX: usize = 16 << 20;

/// A network and its connections.
pub struct NetworkHost {
    sockets: Sockets,
    room: Room,
    address: SocketAddr,
}

struct Room {
    network: Network,
    now_ms: u64,
    out: Vec<Output>,
}

impl NetworkHost {
    /// Listens.
    ///
    /// # Errors
    /// Where the address cannot be listened at.
    pub fn open(
        network: Network,
        address: SocketAddr,
        tls: Option<&TlsFiles<'_>>,
    ) -> Result<NetworkHost, HostError> {
        let tls = tls.map(|files| tls::server(files.identity, files.clients)).transpose()?;
        let mut sockets = Sockets::new(Limits::default())?;
        let kind = sockets.add_kind(Habits {
            framing: Framing::Counted,
            message_bytes_max: NETWORK_MESSAGE_BYTES_MAX,
            idle: None,
            waiting_bytes_max: WAITING_BYTES_MAX,
            in_flight_max: 0,
            guests: None,
        });
        let address = sockets
            .listen(address, kind, tls)
            .map_err(|source| HostError::Listen { address, source })?;
        let room = Room { network, now_ms: now_ms(), out: Vec::new() };
        Ok(NetworkHost { sockets, room, address })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The network.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.room.network
    }

    /// The clearing file of a day: all that was heard and that no earlier file had. The moments in
    /// requests are the switch's, whose clock may be ahead.
    pub fn clear(&mut self, date: jiff::civil::Date) -> ClearingFile {
        self.room.network.clear(date, u64::MAX)
    }

    /// Serves what is there, and waits for it at most so long.
    ///
    /// # Errors
    /// Where the system cannot go on.
    pub fn round(&mut self, wait: Duration) -> io::Result<()> {
        let NetworkHost { sockets, room, .. } = self;
        let timer = room.network.next_timer();
        let due = timer.map(|at_ms| Duration::from_millis(at_ms.saturating_sub(now_ms())));
        sockets.turn(due.map_or(wait, |due| due.min(wait)), room)?;
        room.look_at_the_clock();
        if timer.is_some_and(|at_ms| at_ms <= room.now_ms) {
            room.network.tick(room.now_ms, &mut room.out);
        }
        for output in room.out.drain(..) {
            match output {
                Output::Send { link: Link(number), message } => {
                    let length = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
                    sockets.send(Id::of_number(number), &[&length, &message], false);
                }
                Output::Close { link: Link(number) } => {
                    sockets.close(Id::of_number(number), Why::Asked);
                }
            }
        }
        sockets.flush(room);
        Ok(())
    }
}

impl Room {
    /// The machine's clock may be set back; the network's never is.
    fn look_at_the_clock(&mut self) {
        self.now_ms = self.now_ms.max(now_ms());
    }
}

impl Service for Room {
    fn opened(&mut self, _sockets: &mut Sockets, id: Id, _kind: Kind) {
        self.look_at_the_clock();
        self.network.connected(Link(id.number()), self.now_ms, &mut self.out);
    }

    fn message(&mut self, _sockets: &mut Sockets, id: Id, _kind: Kind, message: &mut [u8]) {
        self.look_at_the_clock();
        self.network.hear(Link(id.number()), message, self.now_ms, &mut self.out);
    }

    fn closed(&mut self, _sockets: &mut Sockets, id: Id, _kind: Kind, _tag: u64, _why: Why) {
        self.network.closed(Link(id.number()));
    }
}

/// The files that a network speaks TLS with.
#[derive(Clone, Copy, Debug)]
pub struct TlsFiles<'f> {
    /// Who the network is.
    pub identity: &'f Identity,
    /// Who may connect; without it, everybody.
    pub clients: Option<&'f Path>,
}

/// Why a network cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The address is no good, or taken.
    #[error("the network cannot listen at {address}: {source}; choose another address")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate is no good.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system has no more of what sockets take.
    #[error("sockets: {0}")]
    Sockets(#[from] io::Error),
}
