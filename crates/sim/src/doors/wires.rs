//! Real sockets: what is written at one end is read from the other before anything else happens.
//!
//! Both ends belong to whoever drives the day, so a day is the same each time that it is lived;
//! what travels is what a terminal or a network would send, through the same system calls.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use iso8583::Wiped;

/// Connections of terminals at the most; terminals beyond them share one, as behind a concentrator.
pub(super) const TERMINAL_WIRES_MAX: usize = 256;
/// A message that does not arrive at once never will.
const ARRIVES_WITHIN: Duration = Duration::from_secs(10);

/// A connection with both its ends.
#[derive(Debug)]
pub(super) struct Wire {
    /// The end of the terminal, or of the network.
    outside: TcpStream,
    /// The end of the switch.
    inside: TcpStream,
}

impl Wire {
    /// Connects through a listener.
    pub(super) fn connect(listener: &TcpListener) -> io::Result<Wire> {
        let outside = TcpStream::connect(listener.local_addr()?)?;
        let own = outside.local_addr()?;
        // Somebody else on this machine may knock, too.
        let inside = loop {
            let (inside, from) = listener.accept()?;
            if from == own {
                break inside;
            }
        };
        for end in [&outside, &inside] {
            end.set_nodelay(true)?;
            end.set_read_timeout(Some(ARRIVES_WITHIN))?;
            end.set_write_timeout(Some(ARRIVES_WITHIN))?;
        }
        Ok(Wire { outside, inside })
    }

    /// From the terminal or network to the switch.
    pub(super) fn inwards(&mut self, message: &[u8]) -> io::Result<Wiped> {
        carry(&mut self.outside, &mut self.inside, message)
    }

    /// From the switch to the terminal or network.
    pub(super) fn outwards(&mut self, message: &[u8]) -> io::Result<Wiped> {
        carry(&mut self.inside, &mut self.outside, message)
    }
}

/// A listener on this machine, at a port that is free.
pub(super) fn listener() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// Two bytes of length, then the message.
fn carry(from: &mut TcpStream, to: &mut TcpStream, message: &[u8]) -> io::Result<Wiped> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    let frame = Wiped::from([&length.to_be_bytes(), message].concat());
    from.write_all(&frame)?;
    let mut length = [0; 2];
    to.read_exact(&mut length)?;
    let mut arrived = Wiped::from(vec![0; usize::from(u16::from_be_bytes(length))]);
    to.read_exact(&mut arrived)?;
    Ok(arrived)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_at_one_end_comes_out_at_the_other() {
        let listener = listener().unwrap();
        let mut wire = Wire::connect(&listener).unwrap();
        let mut other = Wire::connect(&listener).unwrap();
        let long: Vec<u8> = (0..=255).cycle().take(1_500).collect();
        for message in [&long[..], b"", b"one"] {
            assert_eq!(&*wire.inwards(message).unwrap(), message);
            assert_eq!(&*wire.outwards(message).unwrap(), message);
            assert_eq!(&*other.inwards(message).unwrap(), message);
        }
        assert!(wire.inwards(&[0; 70_000]).is_err(), "longer than two bytes can say");
    }
}
