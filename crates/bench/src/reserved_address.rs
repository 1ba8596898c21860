//! An address of this machine whose port nobody else gets meanwhile.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;

use rustix::net::sockopt::set_socket_reuseaddr;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, getsockname, ipproto, socket_with,
};

/// A port that is found now and opened later. Its socket is bound and does not listen: a connection
/// is refused, the system gives the port to nobody who asks for any free port, and a server that
/// names it opens it, because both allow the address to be used again (`SO_REUSEADDR`).
#[derive(Debug)]
pub struct ReservedAddress {
    address: SocketAddr,
    _socket: OwnedFd,
}

impl ReservedAddress {
    /// # Errors
    /// No port is free.
    pub fn new() -> io::Result<ReservedAddress> {
        let (family, kind) = (AddressFamily::INET, SocketType::STREAM);
        let socket = socket_with(family, kind, SocketFlags::CLOEXEC, Some(ipproto::TCP))?;
        set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
        let address = SocketAddr::try_from(getsockname(&socket)?)?;
        Ok(ReservedAddress { address, _socket: socket })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl fmt::Display for ReservedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_reserved_port_is_refused_until_who_names_it_opens_it() {
        let reserved = ReservedAddress::new().unwrap();
        for _ in 0..2 {
            assert!(TcpStream::connect(reserved.address()).is_err());
            let listener = TcpListener::bind(reserved.address()).unwrap();
            assert!(TcpStream::connect(reserved.address()).is_ok());
            assert!(TcpListener::bind(reserved.address()).is_err(), "it is open");
            drop(listener);
        }
    }
}
