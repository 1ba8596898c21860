//! The byte stream of one connection: TCP, TLS over TCP, or a Unix socket.

use std::io::{self, ErrorKind, Read, Write};

use base16ct::HexDisplay;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use rustls::Connection;
use sha2::{Digest, Sha256};

/// Holds no buffer while no bytes are under way.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream>),
}

pub(crate) struct TlsStream {
    tcp: TcpStream,
    session: Connection,
}

/// The result of one read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReadOutcome {
    pub bytes: usize,
    /// More bytes may be available at once.
    pub more: bool,
    /// The other side has closed its end.
    pub ended: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum StreamError {
    Disconnected,
    TlsFailed,
}

impl From<io::Error> for StreamError {
    fn from(_: io::Error) -> StreamError {
        StreamError::Disconnected
    }
}

impl Stream {
    pub(crate) fn tls(tcp: TcpStream, mut session: Connection) -> Stream {
        session.set_buffer_limit(None);
        Stream::Tls(Box::new(TlsStream { tcp, session }))
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        match self {
            Stream::Tcp(tcp) => registry.register(tcp, token, both),
            Stream::Unix(unix) => registry.register(unix, token, both),
            Stream::Tls(tls) => registry.register(&mut tls.tcp, token, both),
        }
    }

    /// Whether an outgoing connection was made; None while it is not decided.
    pub(crate) fn connected(&self) -> Option<Result<(), StreamError>> {
        let tcp = match self {
            Stream::Tcp(tcp) => tcp,
            Stream::Tls(tls) => &tls.tcp,
            Stream::Unix(_) => return Some(Ok(())),
        };
        match tcp.take_error() {
            Ok(None) => {}
            _ => return Some(Err(StreamError::Disconnected)),
        }
        match tcp.peer_addr() {
            Ok(_) => Some(Ok(())),
            Err(error) if error.kind() == ErrorKind::NotConnected => None,
            Err(_) => Some(Err(StreamError::Disconnected)),
        }
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        matches!(self, Stream::Tls(tls) if tls.session.is_handshaking())
    }

    /// Whether enciphered bytes wait to be passed to the system.
    pub(crate) fn has_unsent(&self) -> bool {
        matches!(self, Stream::Tls(tls) if tls.session.wants_write())
    }

    /// The first DNS name in the other side's certificate.
    pub(crate) fn peer_name(&self) -> Option<String> {
        let Stream::Tls(tls) = self else { return None };
        let certificate = tls.session.peer_certificates()?.first()?;
        let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
        certificate.valid_dns_names().next().map(str::to_owned)
    }

    /// SHA-256 of the other side's certificate, as hex digits.
    pub(crate) fn peer_fingerprint(&self) -> Option<String> {
        let Stream::Tls(tls) = self else { return None };
        let certificate = tls.session.peer_certificates()?.first()?;
        Some(format!("{:x}", HexDisplay(&Sha256::digest(certificate))))
    }

    /// Reads as many bytes as are available and fit into `buffer`.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<ReadOutcome, StreamError> {
        match self {
            Stream::Tcp(tcp) => read_plain(tcp, buffer),
            Stream::Unix(unix) => read_plain(unix, buffer),
            Stream::Tls(tls) => tls.read(buffer),
        }
    }

    /// Writes as many bytes as are accepted at once, and returns how many.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<usize, StreamError> {
        match self {
            Stream::Tcp(tcp) => write_plain(tcp, bytes),
            Stream::Unix(unix) => write_plain(unix, bytes),
            Stream::Tls(tls) => tls.write(bytes),
        }
    }
}

fn read_plain(stream: &mut impl Read, buffer: &mut [u8]) -> Result<ReadOutcome, StreamError> {
    loop {
        match stream.read(buffer) {
            Ok(0) => return Ok(ReadOutcome { ended: true, ..ReadOutcome::default() }),
            // Events are edge-triggered: bytes that arrive after a short read cause a new event.
            Ok(bytes) => {
                return Ok(ReadOutcome { bytes, more: bytes == buffer.len(), ended: false });
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Ok(ReadOutcome::default());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn write_plain(stream: &mut impl Write, bytes: &[u8]) -> Result<usize, StreamError> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => return Err(StreamError::Disconnected),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(written)
}

/// Reads into the buffer in which the session deciphers. When nothing is left to read, it zeroes
/// the buffer: otherwise the last message would stay there until the next one.
struct WipedReads<'t>(&'t mut TcpStream);

impl Read for WipedReads<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer);
        if read.is_err() {
            buffer.fill(0);
        }
        read
    }
}

impl TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<ReadOutcome, StreamError> {
        let mut outcome = ReadOutcome::default();
        loop {
            // First bytes that were deciphered before and did not fit.
            match self.session.reader().read(&mut buffer[outcome.bytes..]) {
                Ok(0) if outcome.bytes < buffer.len() => {
                    outcome.ended = true;
                    return Ok(outcome);
                }
                Ok(count) => outcome.bytes += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            if outcome.bytes == buffer.len() {
                outcome.more = true;
                return Ok(outcome);
            }
            match self.session.read_tls(&mut WipedReads(&mut self.tcp)) {
                Ok(0) => {
                    outcome.ended = true;
                    return Ok(outcome);
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(outcome),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            let processed = self.session.process_new_packets();
            // Sends an alert after an error, or the next messages of the handshake.
            let sent = self.send();
            if processed.is_err() {
                return Err(StreamError::TlsFailed);
            }
            sent?;
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, StreamError> {
        self.send()?;
        // Bytes that the system does not accept stay with the caller, so that its limit holds; what
        // the session has enciphered goes out first.
        if self.session.wants_write() {
            return Ok(0);
        }
        let count = self.session.writer().write(bytes)?;
        self.send()?;
        Ok(count)
    }

    fn send(&mut self) -> Result<(), StreamError> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.tcp) {
                Ok(0) => return Err(StreamError::Disconnected),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn send_close_notify(&mut self) {
        self.session.send_close_notify();
        // An error means that the other side is gone.
        let _ = self.send();
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        self.send_close_notify();
    }
}
