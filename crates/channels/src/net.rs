//! Connections with a deadline, plain or by TLS, to servers that the operator chose.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::{CertificateDer, ServerName};

use crate::http::{why_no_connection, why_no_tls};

/// Of a server's name.
const ADDRESSES_MAX: usize = 8;

/// The authorities that this system trusts, in DER; `SSL_CERT_FILE` names another file of them.
/// Without any, no server with TLS is trusted.
#[must_use]
pub fn system_authorities() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

pub(crate) fn tls_client(authorities: &[CertificateDer<'static>]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("ring has the default versions of TLS");
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

/// A connection whose reads and writes all end at `until`.
pub(crate) struct DeadlineStream {
    socket: TcpStream,
    until: Instant,
}

pub(crate) enum MaybeTls {
    Plain(DeadlineStream),
    Tls(Box<StreamOwned<ClientConnection, DeadlineStream>>),
}

impl DeadlineStream {
    /// # Errors
    /// Why there is no connection: the reason names no address.
    pub fn connect(host: &str, port: u16, until: Instant) -> Result<DeadlineStream, String> {
        let mut why = "the name was not found".to_owned();
        for address in look_up(host, port, until)? {
            let connected = match left(until) {
                Ok(left) => TcpStream::connect_timeout(&address, left),
                Err(late) => Err(late),
            };
            match connected {
                Ok(socket) => {
                    let _ = socket.set_nodelay(true);
                    return Ok(DeadlineStream { socket, until });
                }
                Err(error) => why = why_no_connection(&error),
            }
        }
        Err(why)
    }

    pub fn into_socket(self) -> TcpStream {
        self.socket
    }

    /// # Errors
    /// Why there is no TLS: the reason names no address.
    pub fn with_tls(
        self,
        host: &str,
        client: &Arc<ClientConfig>,
    ) -> Result<StreamOwned<ClientConnection, DeadlineStream>, String> {
        let no_name = |_| "the server's name cannot stand in a certificate".to_owned();
        let name = ServerName::try_from(host.to_owned()).map_err(no_name)?;
        let connection = ClientConnection::new(Arc::clone(client), name);
        let connection = connection.map_err(|error| why_no_tls(&error).to_owned())?;
        let mut stream = StreamOwned::new(connection, self);
        while stream.conn.is_handshaking() {
            let shaken = stream.conn.complete_io(&mut stream.sock);
            shaken.map_err(|error| why_no_connection(&error))?;
        }
        Ok(stream)
    }
}

impl MaybeTls {
    pub fn set_deadline(&mut self, until: Instant) {
        match self {
            MaybeTls::Plain(stream) => stream.until = until,
            MaybeTls::Tls(stream) => stream.sock.until = until,
        }
    }
}

impl Read for DeadlineStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(left(self.until)?))?;
        self.socket.read(buffer).map_err(late)
    }
}

impl Write for DeadlineStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(left(self.until)?))?;
        self.socket.write(bytes).map_err(late)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for MaybeTls {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            MaybeTls::Plain(stream) => stream.read(buffer),
            MaybeTls::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for MaybeTls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            MaybeTls::Plain(stream) => stream.write(bytes),
            MaybeTls::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            MaybeTls::Plain(stream) => stream.flush(),
            MaybeTls::Tls(stream) => stream.flush(),
        }
    }
}

/// The system's look-up has no limit of its own: it goes on in its thread, unheeded.
fn look_up(host: &str, port: u16, until: Instant) -> Result<Vec<SocketAddr>, String> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let server = (host.to_owned(), port);
    let look_up = move || {
        let found = server.to_socket_addrs().map(|found| found.take(ADDRESSES_MAX).collect());
        let _ = sender.send(found);
    };
    let looking = thread::Builder::new().name("look-up".to_owned()).spawn(look_up);
    looking.map_err(|_| "no thread for the look-up of a name".to_owned())?;
    match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(found) => found.map_err(|_| "the name was not found".to_owned()),
        Err(_) => Err("the name was not found in time".to_owned()),
    }
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// A time limit of a socket ends as `WouldBlock` on Unix.
fn late(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}
