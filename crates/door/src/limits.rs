//! What a stranger at the door may cost us.

use std::time::Duration;

use crate::sockets::{Guests, Places};

/// Bytes of a terminal's message without its two length bytes: TPDU, header and 1,500.
pub const TERMINAL_MESSAGE_BYTES_MAX: usize = 5 + 6 + 1_500;
/// Bytes of a network's message without its two length bytes.
pub const NETWORK_MESSAGE_BYTES_MAX: usize = 8_192;
/// Bytes of a frame between gateway and engine without its four length bytes: line, kind and a
/// terminal's message.
pub const FRAME_BYTES_MAX: usize = 4 + 1 + TERMINAL_MESSAGE_BYTES_MAX;
/// Bytes of a line on the control socket.
pub const CONTROL_BYTES_MAX: usize = 4_096;
/// Bytes of a wallet's request, head and body.
pub const WALLET_BYTES_MAX: usize = 16_384;
/// Bytes that may wait for a wallet: what it has to give back is told in one answer.
pub const WALLET_WAITING_BYTES_MAX: usize = 1 << 17;
/// Orders in one answer that tells a wallet what it has to give back. When they are, the next come.
pub const ORDERS_PER_LIST_MAX: usize = 1_000;

/// Connections of gateways. Whoever has no certificate gets no further than the handshake, which
/// has places of its own: few from one address, so that it takes many to keep a gateway out.
pub const GATEWAY_GUESTS_MAX: Guests = Guests {
    inside: Places { total_max: 256, per_address_max: 64 },
    arriving: Some(Places { total_max: 256, per_address_max: 8 }),
};
/// Connections of wallets.
pub const WALLET_GUESTS_MAX: Guests =
    Guests { inside: Places { total_max: 256, per_address_max: 64 }, arriving: None };
/// Connections to the control socket.
pub const CONTROL_GUESTS_MAX: Guests =
    Guests { inside: Places { total_max: 16, per_address_max: 16 }, arriving: None };
/// Files that a process has open besides its connections and listeners: journal, snapshots, key
/// store, standard streams.
pub const OWN_FILES_MAX: usize = 64;

/// Connections that are accepted in one turn of a listener, so that a rush does not starve those
/// who are inside.
pub const ACCEPTS_PER_TURN_MAX: u32 = 128;
/// Bytes that are read from one connection in one turn.
pub const READ_BYTES_PER_TURN: usize = 65_536;

/// Bytes that may wait for a gateway or for the engine. Beyond it a gateway reads no terminals,
/// and the engine drops the gateway.
pub const LINK_WAITING_BYTES_MAX: usize = 4 << 20;
/// Beyond so many waiting bytes a gateway reads no terminals until half of them are gone.
pub const LINK_WAITING_BYTES_HIGH: usize = 1 << 20;
/// Terminals behind one connection of a gateway.
pub const LINES_PER_GATEWAY_MAX: usize = 65_536;
/// Silence after which a pulse is sent on a link between gateway and engine.
pub const PULSE_INTERVAL: Duration = Duration::from_secs(5);
/// Silence after which a link between gateway and engine is given up.
pub const PULSE_SILENCE_MAX: Duration = Duration::from_secs(16);
/// First and longest wait before a lost link is tried again.
pub const RECONNECT_WAIT_MIN: Duration = Duration::from_millis(250);
/// See [`RECONNECT_WAIT_MIN`].
pub const RECONNECT_WAIT_MAX: Duration = Duration::from_secs(15);
/// Commands that wait for the journal; beyond it no terminal is read until some are answered.
pub const COMMANDS_WAITING_MAX: usize = 32_768;
/// How long a graceful stop waits for what is in flight.
pub const STOP_WAIT: Duration = Duration::from_secs(30);
/// Messages of one terminal that may wait for their answers: it sends one at a time, and its
/// reversal when that is not answered.
pub const IN_FLIGHT_MAX: u8 = 4;
/// How often limits in time are looked at.
pub const SWEEP_INTERVAL: Duration = Duration::from_millis(250);

/// Limits that an operator may set. The defaults suit one process behind a firewall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of terminals, in total. The system's limit of open files must be above it.
    pub connections_max: usize,
    /// Of those, from one address. Terminals in a mobile network share few addresses.
    pub connections_per_address_max: usize,
    /// Connections accepted in a second; the rest waits in the system's queue.
    pub accepts_per_second_max: u32,
    /// How long a TLS handshake, or connecting to somebody, may take.
    pub handshake: Duration,
    /// How long a message may take from its first byte to its last, and the first one from the
    /// moment at which the connection is open.
    pub message: Duration,
    /// How long a terminal may be silent between two messages.
    pub idle: Duration,
    /// Bytes that may wait for a terminal that does not read.
    pub waiting_bytes_max: usize,
    /// Messages of one terminal that may wait for their answers, 1 to [`IN_FLIGHT_MAX`].
    pub in_flight_max: u8,
    /// How long a message may stay without an answer until it is no longer counted as waiting for
    /// one.
    pub answer: Duration,
}

impl Limits {
    /// Who may come in where terminals do.
    pub(crate) fn terminals(&self) -> Guests {
        let inside = Places {
            total_max: self.connections_max,
            per_address_max: self.connections_per_address_max,
        };
        Guests { inside, arriving: None }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections_max: 18_000,
            connections_per_address_max: 18_000,
            accepts_per_second_max: 4_000,
            handshake: Duration::from_secs(10),
            message: Duration::from_secs(10),
            idle: Duration::from_secs(15 * 60),
            waiting_bytes_max: 16_384,
            in_flight_max: IN_FLIGHT_MAX,
            answer: Duration::from_secs(90),
        }
    }
}
