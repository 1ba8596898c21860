//! Tells systemd what this process does (sd_notify(3)). Without systemd nothing happens.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

const VARIABLE: &str = "NOTIFY_SOCKET";

#[derive(Clone, Copy, Debug)]
pub enum Readiness {
    /// Terminals are answered.
    Ready,
    Stopping,
}

/// Tells it. Whoever set the variable and does not listen is not told.
pub fn tell(readiness: Readiness) {
    if let Some(path) = std::env::var_os(VARIABLE) {
        let _ = send(&path, readiness);
    }
}

fn send(path: &OsStr, readiness: Readiness) -> io::Result<usize> {
    let address = match path.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(path)?,
    };
    let words: &[u8] = match readiness {
        Readiness::Ready => b"READY=1",
        Readiness::Stopping => b"STOPPING=1",
    };
    UnixDatagram::unbound()?.send_to_addr(words, &address)
}
