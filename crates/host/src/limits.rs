//! Limits on what a connection may cost, whoever opened it.

use std::time::Duration;

use crate::sockets::{Admission, Quota};

/// Of a terminal's message without its length prefix: TPDU, header and 1,500 bytes.
pub const TERMINAL_MESSAGE_BYTES_MAX: usize = 5 + 6 + 1_500;
/// Of a network's message without its length prefix.
pub const NETWORK_MESSAGE_BYTES_MAX: usize = 8_192;
/// Of a frame between gateway and engine without its length prefix: line, kind and a terminal's
/// message.
pub const FRAME_BYTES_MAX: usize = 4 + 1 + TERMINAL_MESSAGE_BYTES_MAX;
/// Of a line on the control socket.
pub const CONTROL_LINE_BYTES_MAX: usize = 4_096;
/// Of a wallet's HTTP request, head and body.
pub const WALLET_REQUEST_BYTES_MAX: usize = 16_384;
/// That may wait to be written to a wallet; the list of its refunds is one answer.
pub const WALLET_WAITING_BYTES_MAX: usize = 1 << 17;
/// Orders in one list of a wallet's refunds. The rest follows once these are refunded.
pub const REFUNDS_PER_ANSWER_MAX: usize = 1_000;

/// Connections of gateways. A client without a certificate stays in the handshake quota, which
/// allows few connections from one address, so that it takes many addresses to keep a gateway out.
pub const GATEWAY_ADMISSION: Admission = Admission {
    open: Quota { total_max: 256, per_address_max: 64 },
    handshaking: Some(Quota { total_max: 256, per_address_max: 8 }),
};
pub const WALLET_ADMISSION: Admission =
    Admission { open: Quota { total_max: 256, per_address_max: 64 }, handshaking: None };
pub const CONTROL_ADMISSION: Admission =
    Admission { open: Quota { total_max: 16, per_address_max: 16 }, handshaking: None };
/// Files that a process opens besides its connections and listeners: journal, snapshots, key store,
/// standard streams.
pub const PROCESS_FILES_MAX: usize = 64;

/// Connections accepted from one listener in one poll, so that a rush does not starve open
/// connections.
pub const ACCEPTS_PER_POLL_MAX: u32 = 128;
/// Bytes read from one connection in one poll.
pub const READ_BYTES_PER_POLL: usize = 65_536;

/// Bytes that may wait for a gateway or for the engine. Above it the sender drops the connection.
pub const LINK_WAITING_BYTES_MAX: usize = 4 << 20;
/// Above this many waiting bytes a gateway stops reading terminals until half of them are sent.
pub const LINK_WAITING_BYTES_HIGH: usize = 1 << 20;
/// Terminals behind one connection of a gateway.
pub const LINES_PER_GATEWAY_MAX: usize = 65_536;
/// Silence after which a heartbeat is sent between gateway and engine.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
/// Silence after which a connection between gateway and engine is closed.
pub const HEARTBEAT_SILENCE_MAX: Duration = Duration::from_secs(16);
/// Shortest wait before a lost link is connected again; it doubles up to [`RECONNECT_WAIT_MAX`].
pub const RECONNECT_WAIT_MIN: Duration = Duration::from_millis(250);
pub const RECONNECT_WAIT_MAX: Duration = Duration::from_secs(15);
/// Commands that may wait for the journal. Above it terminals are not read until half are answered.
pub const COMMANDS_WAITING_MAX: usize = 32_768;
/// How long a graceful stop waits for payments and commands in flight.
pub const STOP_WAIT: Duration = Duration::from_secs(30);
/// Unanswered messages of one terminal: it sends one at a time, and its reversal when no answer
/// comes.
pub const IN_FLIGHT_MAX: u8 = 4;
/// How often timeouts of connections are checked.
pub const SWEEP_INTERVAL: Duration = Duration::from_millis(250);

/// How long failures of an address count: bad frames, failed TLS, failed authentications. One alarm
/// follows in this time.
pub const FAILURE_WINDOW: Duration = Duration::from_secs(60);
/// Failures of an address in a window that cost it nothing.
pub const FAILURES_FREE_MAX: u32 = 20;
/// Failures of an address in a window, up to which each one stops the reading of its connection for
/// [`FAILURE_DELAY`]. A further one closes its connection.
pub const FAILURES_SLOWED_MAX: u32 = 200;
pub const FAILURE_DELAY: Duration = Duration::from_secs(1);
/// New connections of an address with more failures than [`FAILURES_SLOWED_MAX`].
pub const ACCEPTS_FAILING_PER_SECOND_MAX: u32 = 5;
/// Failing addresses that are counted one by one.
pub const FAILING_ADDRESSES_MAX: usize = 10_000;
/// Addresses that an alarm names.
pub const ADDRESSES_NAMED_MAX: usize = 5;

/// Limits that an operator may set. The defaults suit one process behind a firewall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections of terminals. The limit of open files must be higher.
    pub connections_max: usize,
    /// Connections of terminals from one address: a part of all, so that one address cannot keep
    /// the others out. Terminals in a mobile network share few addresses.
    pub connections_per_address_max: usize,
    /// Accepted connections a second; the others wait in the system's queue.
    pub accepts_per_second_max: u32,
    /// For a TLS handshake, and for connecting to others.
    pub handshake_timeout: Duration,
    /// From the first byte of a message to its last; and from the start of a connection to its
    /// first whole message.
    pub message_timeout: Duration,
    /// Silence of a terminal between two messages.
    pub idle_timeout: Duration,
    /// Bytes that may wait for a terminal that does not read.
    pub waiting_bytes_max: usize,
    /// Unanswered messages of one terminal, 1 to [`IN_FLIGHT_MAX`].
    pub in_flight_max: u8,
    /// After this time an unanswered message no longer counts as in flight.
    pub answer_timeout: Duration,
}

/// How many of the connections one address may have, unless the operator says otherwise.
#[must_use]
pub const fn connections_per_address(connections: usize) -> usize {
    if connections < 4 { 1 } else { connections / 4 }
}

impl ConnectionLimits {
    /// How many terminals may connect.
    pub(crate) fn terminal_admission(&self) -> Admission {
        let inside = Quota {
            total_max: self.connections_max,
            per_address_max: self.connections_per_address_max,
        };
        Admission { open: inside, handshaking: None }
    }
}

impl Default for ConnectionLimits {
    fn default() -> ConnectionLimits {
        ConnectionLimits {
            connections_max: 18_000,
            connections_per_address_max: connections_per_address(18_000),
            accepts_per_second_max: 4_000,
            handshake_timeout: Duration::from_secs(10),
            message_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(15 * 60),
            waiting_bytes_max: 16_384,
            in_flight_max: IN_FLIGHT_MAX,
            answer_timeout: Duration::from_secs(90),
        }
    }
}
