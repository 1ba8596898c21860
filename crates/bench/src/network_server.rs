//! A simulated card network with real connections.
//!
//! A round processes all messages that have arrived, then writes once to each connection.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use host::limits::NETWORK_MESSAGE_BYTES_MAX;
use host::tls::{self, TlsError, TlsIdentity};
use host::{
    CloseReason, ConnectionId, ConnectionKind, ConnectionLimits, ConnectionPolicy, SocketService,
    Sockets, StreamFraming,
};
use peers::NetworkSimulator;
use peers::clearing::ClearingFile;
use peers::network::{NetworkLinkId, NetworkOutput};

use crate::clock::now_ms;

/// Bytes that may wait for a switch that does not read.
const WAITING_BYTES_MAX: usize = 16 << 20;

pub struct NetworkSimulatorServer {
    sockets: Sockets,
    service: NetworkService,
    address: SocketAddr,
}

struct NetworkService {
    network: NetworkSimulator,
    now_ms: u64,
    out: Vec<NetworkOutput>,
}

impl NetworkSimulatorServer {
    pub fn open(
        network: NetworkSimulator,
        address: SocketAddr,
        tls: Option<&TlsFiles<'_>>,
    ) -> Result<NetworkSimulatorServer, NetworkSimulatorServerError> {
        let tls = tls.map(|files| tls::server(files.identity, files.clients)).transpose()?;
        let mut sockets = Sockets::new(ConnectionLimits::default())?;
        let kind = sockets.add_kind(ConnectionPolicy {
            framing: StreamFraming::LengthPrefixed,
            message_bytes_max: NETWORK_MESSAGE_BYTES_MAX,
            idle_timeout: None,
            waiting_bytes_max: WAITING_BYTES_MAX,
            in_flight_max: 0,
            admission: None,
        });
        let address = sockets
            .listen(address, kind, 0, tls)
            .map_err(|source| NetworkSimulatorServerError::Listen { address, source })?;
        let service = NetworkService { network, now_ms: now_ms(), out: Vec::new() };
        Ok(NetworkSimulatorServer { sockets, service, address })
    }

    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    #[must_use]
    pub const fn network(&self) -> &NetworkSimulator {
        &self.service.network
    }

    /// The clearing file of a day: all payments that no earlier file has. There is no time limit,
    /// because requests carry the switch's time, which may be ahead.
    pub fn clear(&mut self, date: jiff::civil::Date) -> ClearingFile {
        self.service.network.make_clearing_file(date, u64::MAX)
    }

    /// Processes what has arrived; waits for it at most `wait`.
    pub fn poll(&mut self, wait: Duration) -> io::Result<()> {
        let NetworkSimulatorServer { sockets, service, .. } = self;
        let timer = service.network.next_timer();
        let due = timer.map(|at_ms| Duration::from_millis(at_ms.saturating_sub(now_ms())));
        sockets.poll_once(due.map_or(wait, |due| due.min(wait)), service)?;
        service.update_now();
        if timer.is_some_and(|at_ms| at_ms <= service.now_ms) {
            service.network.tick(service.now_ms, &mut service.out);
        }
        for output in service.out.drain(..) {
            match output {
                NetworkOutput::Send { link: NetworkLinkId(number), message } => {
                    let length = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
                    sockets.send(ConnectionId::from_number(number), &[&length, &message], false);
                }
                NetworkOutput::Close { link: NetworkLinkId(number) } => {
                    sockets.close(ConnectionId::from_number(number), CloseReason::Asked);
                }
            }
        }
        sockets.flush(service);
        Ok(())
    }
}

impl NetworkService {
    /// The system clock may go back; the network's time never does.
    fn update_now(&mut self) {
        self.now_ms = self.now_ms.max(now_ms());
    }
}

impl SocketService for NetworkService {
    fn opened(&mut self, _sockets: &mut Sockets, id: ConnectionId, _kind: ConnectionKind) {
        self.update_now();
        self.network.connected(NetworkLinkId(id.number()), self.now_ms, &mut self.out);
    }

    fn message(
        &mut self,
        _sockets: &mut Sockets,
        id: ConnectionId,
        _kind: ConnectionKind,
        message: &mut [u8],
    ) {
        self.update_now();
        self.network.receive(NetworkLinkId(id.number()), message, self.now_ms, &mut self.out);
    }

    fn closed(
        &mut self,
        _sockets: &mut Sockets,
        id: ConnectionId,
        _kind: ConnectionKind,
        _tag: u64,
        _why: CloseReason,
    ) {
        self.network.closed(NetworkLinkId(id.number()));
    }
}

/// The files of the network's TLS settings.
#[derive(Clone, Copy, Debug)]
pub struct TlsFiles<'f> {
    /// The network's certificate and key.
    pub identity: &'f TlsIdentity,
    /// The authorities of clients; without them, every client may connect.
    pub clients: Option<&'f Path>,
}

#[derive(Debug, thiserror::Error)]
pub enum NetworkSimulatorServerError {
    #[error("the simulated network cannot listen on {address}: {source}; choose another address")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("cannot use sockets: {0}")]
    Sockets(#[from] io::Error),
}
