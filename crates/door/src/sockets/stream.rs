//! One connection's bytes: plain, by TLS, or on this machine only.

use std::io::{self, ErrorKind, Read, Write};

use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use rustls::Connection;

/// A stream of bytes, without a task and without a buffer while nothing is under way.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<Tls>),
}

pub(crate) struct Tls {
    tcp: TcpStream,
    session: Connection,
}

/// What was read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Got {
    pub bytes: usize,
    /// There may be more at once.
    pub more: bool,
    /// The other side has ended.
    pub ended: bool,
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    Gone,
    Untrusted,
}

impl From<io::Error> for Cut {
    fn from(_: io::Error) -> Cut {
        Cut::Gone
    }
}

impl Stream {
    pub(crate) fn tls(tcp: TcpStream, mut session: Connection) -> Stream {
        session.set_buffer_limit(None);
        Stream::Tls(Box::new(Tls { tcp, session }))
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        match self {
            Stream::Tcp(tcp) => registry.register(tcp, token, both),
            Stream::Unix(unix) => registry.register(unix, token, both),
            Stream::Tls(tls) => registry.register(&mut tls.tcp, token, both),
        }
    }

    /// Whether an outgoing connection is there; nothing while it is not decided.
    pub(crate) fn connected(&self) -> Option<Result<(), Cut>> {
        let tcp = match self {
            Stream::Tcp(tcp) => tcp,
            Stream::Tls(tls) => &tls.tcp,
            Stream::Unix(_) => return Some(Ok(())),
        };
        match tcp.take_error() {
            Ok(None) => {}
            _ => return Some(Err(Cut::Gone)),
        }
        match tcp.peer_addr() {
            Ok(_) => Some(Ok(())),
            Err(error) if error.kind() == ErrorKind::NotConnected => None,
            Err(_) => Some(Err(Cut::Gone)),
        }
    }

    pub(crate) fn is_shaking_hands(&self) -> bool {
        matches!(self, Stream::Tls(tls) if tls.session.is_handshaking())
    }

    /// Whether something is enciphered and not yet with the system.
    pub(crate) fn has_unsent(&self) -> bool {
        matches!(self, Stream::Tls(tls) if tls.session.wants_write())
    }

    /// The first name in the other side's certificate.
    pub(crate) fn peer_name(&self) -> Option<String> {
        let Stream::Tls(tls) = self else { return None };
        let certificate = tls.session.peer_certificates()?.first()?;
        let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
        certificate.valid_dns_names().next().map(str::to_owned)
    }

    /// Reads what is there, as far as it has room.
    pub(crate) fn read(&mut self, room: &mut [u8]) -> Result<Got, Cut> {
        match self {
            Stream::Tcp(tcp) => read_plain(tcp, room),
            Stream::Unix(unix) => read_plain(unix, room),
            Stream::Tls(tls) => tls.read(room),
        }
    }

    /// Writes what is taken at once; how much that is.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<usize, Cut> {
        match self {
            Stream::Tcp(tcp) => write_plain(tcp, bytes),
            Stream::Unix(unix) => write_plain(unix, bytes),
            Stream::Tls(tls) => tls.write(bytes),
        }
    }
}

fn read_plain(stream: &mut impl Read, room: &mut [u8]) -> Result<Got, Cut> {
    loop {
        match stream.read(room) {
            Ok(0) => return Ok(Got { ended: true, ..Got::default() }),
            // With edges, what comes behind a short read makes an event of its own.
            Ok(bytes) => return Ok(Got { bytes, more: bytes == room.len(), ended: false }),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Got::default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn write_plain(stream: &mut impl Write, bytes: &[u8]) -> Result<usize, Cut> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => return Err(Cut::Gone),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(written)
}

impl Tls {
    fn read(&mut self, room: &mut [u8]) -> Result<Got, Cut> {
        let mut got = Got::default();
        loop {
            // First what was deciphered before and had no room.
            match self.session.reader().read(&mut room[got.bytes..]) {
                Ok(0) if got.bytes < room.len() => {
                    got.ended = true;
                    return Ok(got);
                }
                Ok(count) => got.bytes += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            if got.bytes == room.len() {
                got.more = true;
                return Ok(got);
            }
            match self.session.read_tls(&mut self.tcp) {
                Ok(0) => {
                    got.ended = true;
                    return Ok(got);
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(got),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            let processed = self.session.process_new_packets();
            // The alert that says what is wrong, or the handshake's next flight.
            let sent = self.send();
            if processed.is_err() {
                return Err(Cut::Untrusted);
            }
            sent?;
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, Cut> {
        self.send()?;
        // What the system does not take stays with the caller, not in the session, so that its
        // limit holds; what the session has enciphered goes out before anything else.
        if self.session.wants_write() {
            return Ok(0);
        }
        let count = self.session.writer().write(bytes)?;
        self.send()?;
        Ok(count)
    }

    fn send(&mut self) -> Result<(), Cut> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.tcp) {
                Ok(0) => return Err(Cut::Gone),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Tells the other side that this is the end.
    fn say_goodbye(&mut self) {
        self.session.send_close_notify();
        // It may be gone; then nobody needs to be told.
        let _ = self.send();
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        self.say_goodbye();
    }
}
