//! Socket pairs: what is written at one end is read at the other before anything else happens.
//!
//! The simulation owns both ends, so that every run of a day is the same. The messages and the
//! system calls are those of a real terminal or network.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use iso8583::WipedBytes;

/// The most open terminal sockets. Further terminals share one, as behind a concentrator: their
/// connections stay apart, and the socket stays open while one of them is.
const TERMINAL_SOCKETS_MAX: usize = 256;
/// Read and write timeout; a local message arrives at once or never.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct SocketPair {
    /// The end of the terminal or network.
    peer_end: TcpStream,
    /// The end of the switch.
    switch_end: TcpStream,
}

impl SocketPair {
    pub(super) fn connect(listener: &TcpListener) -> io::Result<SocketPair> {
        let outside = TcpStream::connect(listener.local_addr()?)?;
        let own = outside.local_addr()?;
        // Another program on this machine may connect, too.
        let inside = loop {
            let (inside, from) = listener.accept()?;
            if from == own {
                break inside;
            }
        };
        for end in [&outside, &inside] {
            end.set_nodelay(true)?;
            end.set_read_timeout(Some(ARRIVAL_TIMEOUT))?;
            end.set_write_timeout(Some(ARRIVAL_TIMEOUT))?;
        }
        Ok(SocketPair { peer_end: outside, switch_end: inside })
    }

    /// Carries a message from the terminal or network to the switch.
    pub(super) fn send_to_switch(&mut self, message: &[u8]) -> io::Result<WipedBytes> {
        carry(&mut self.peer_end, &mut self.switch_end, message)
    }

    /// Carries a message from the switch to the terminal or network.
    pub(super) fn send_to_peer(&mut self, message: &[u8]) -> io::Result<WipedBytes> {
        carry(&mut self.switch_end, &mut self.peer_end, message)
    }
}

/// The sockets of the terminals' connections.
#[derive(Debug)]
pub(super) struct TerminalSockets {
    listener: TcpListener,
    /// Each socket with the number of its open connections.
    sockets: Vec<(Option<SocketPair>, usize)>,
}

impl TerminalSockets {
    pub(super) fn new() -> io::Result<TerminalSockets> {
        let sockets = (0..TERMINAL_SOCKETS_MAX).map(|_| (None, 0)).collect();
        Ok(TerminalSockets { listener: listener()?, sockets })
    }

    /// Opens a terminal's connection.
    pub(super) fn open(&mut self, terminal: usize) -> io::Result<()> {
        let (socket, connections) = &mut self.sockets[terminal % TERMINAL_SOCKETS_MAX];
        if socket.is_none() {
            *socket = Some(SocketPair::connect(&self.listener)?);
        }
        *connections += 1;
        Ok(())
    }

    /// Closes a terminal's connection, and its socket with the last one.
    pub(super) fn close(&mut self, terminal: usize) {
        let (socket, connections) = &mut self.sockets[terminal % TERMINAL_SOCKETS_MAX];
        *connections -= 1;
        if *connections == 0 {
            *socket = None;
        }
    }

    /// The socket of a terminal with an open connection.
    pub(super) fn socket(&mut self, terminal: usize) -> &mut SocketPair {
        let (socket, _) = &mut self.sockets[terminal % TERMINAL_SOCKETS_MAX];
        socket.as_mut().expect("a socket is open while one of its connections is")
    }
}

/// A listener on localhost, on a free port.
pub(super) fn listener() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// Carries one frame: two bytes of length, then the message.
fn carry(from: &mut TcpStream, to: &mut TcpStream, message: &[u8]) -> io::Result<WipedBytes> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    let frame = WipedBytes::from([&length.to_be_bytes(), message].concat());
    from.write_all(&frame)?;
    let mut length = [0; 2];
    to.read_exact(&mut length)?;
    let mut arrived = WipedBytes::from(vec![0; usize::from(u16::from_be_bytes(length))]);
    to.read_exact(&mut arrived)?;
    Ok(arrived)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_at_one_end_comes_out_at_the_other() {
        let listener = listener().unwrap();
        let mut socket = SocketPair::connect(&listener).unwrap();
        let mut other = SocketPair::connect(&listener).unwrap();
        let long: Vec<u8> = (0..=255).cycle().take(1_500).collect();
        for message in [&long[..], b"", b"one"] {
            assert_eq!(&*socket.send_to_switch(message).unwrap(), message);
            assert_eq!(&*socket.send_to_peer(message).unwrap(), message);
            assert_eq!(&*other.send_to_switch(message).unwrap(), message);
        }
        assert!(
            socket.send_to_switch(&[0; 70_000]).is_err(),
            "longer than a two-byte length allows"
        );
    }

    #[test]
    fn a_hang_up_leaves_the_other_connections_of_its_socket_open() {
        let mut sockets = TerminalSockets::new().unwrap();
        let (one, neighbour) = (3, 3 + TERMINAL_SOCKETS_MAX);
        sockets.open(one).unwrap();
        sockets.open(neighbour).unwrap();
        sockets.close(one);
        assert_eq!(&*sockets.socket(neighbour).send_to_peer(b"answer").unwrap(), b"answer");
        sockets.close(neighbour);
        assert!(sockets.sockets[one].0.is_none(), "nobody uses it");
    }
}
