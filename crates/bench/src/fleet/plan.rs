use std::io;
use std::net::SocketAddr;

use keys::KeyError;
use peers::terminal::Receipt;
use peers::{ResponseCode, TestCard};

use crate::terminal_keys::TerminalKeys;

#[derive(Clone, Debug)]
pub struct Sale {
    /// The waybill number.
    pub waybill: String,
    /// In minor units.
    pub amount: u64,
    pub card: TestCard,
    /// Whether the PIN is entered.
    pub with_pin: bool,
}

/// Chooses the sales of each terminal. Both numbers start at 0; None ends the terminal's sales.
pub trait SaleSource {
    fn sale(&self, terminal: u32, number: u32) -> Option<Sale>;
}

impl<F: Fn(u32, u32) -> Option<Sale>> SaleSource for F {
    fn sale(&self, terminal: u32, number: u32) -> Option<Sale> {
        self(terminal, number)
    }
}

pub struct FleetPlan {
    /// The number of the first terminal; the others count up.
    pub first_terminal: u32,
    pub terminals: u32,
    /// ISO 8583 field 42.
    pub merchant: [u8; 15],
    pub keys: TerminalKeys,
    /// The offset of the terminals' clocks from UTC, in minutes.
    pub utc_offset_minutes: i16,
    /// How long a terminal waits for an answer.
    pub answer_within_ms: u32,
    /// Terminals are assigned to these addresses in turn.
    pub home_addresses: Vec<SocketAddr>,
    /// Besides the other home addresses, where terminals connect when their own is gone.
    pub fallback_addresses: Vec<SocketAddr>,
    /// Connections started in a second.
    pub connects_per_second: u32,
    pub sales: Box<dyn SaleSource>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SalesPace {
    /// Starts this many sales a second, whether others are answered or not. The time of a sale is
    /// measured from the moment at which it should have started.
    PerSecond(u32),
    /// Keeps this many sales in flight.
    InFlight(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaleOutcome {
    Approved(Receipt),
    Declined(ResponseCode),
    /// No answer came; the terminal reverses it.
    Unknown,
}

#[derive(Clone, Copy, Debug)]
pub struct CompletedSale {
    pub terminal: u32,
    /// The number of the terminal's sale, from 0.
    pub sale: u32,
    pub outcome: SaleOutcome,
    /// How long it took, in microseconds.
    pub micros: u64,
}

/// What happened in a fleet since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FleetCounts {
    /// Terminals signed on.
    pub signed_on: u32,
    /// Connections that broke after use and were replaced.
    pub reconnected: u32,
    /// From the first such break to the latest answer over a new connection, in milliseconds.
    pub reconnected_within_ms: u64,
    /// Connections that broke and are not replaced yet.
    pub reconnecting: u32,
    /// Connections that could not be made, or ended before any message.
    pub refused_connections: u64,
    /// Messages sent again over another connection.
    pub repeated: u64,
    /// Reversals acknowledged.
    pub reversed: u64,
    /// Sales that could not start because no terminal had anything to sell.
    pub skipped: u64,
    /// Answers that cannot be parsed or match no request.
    pub unmatched_answers: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    #[error("no address to connect to; give at least one")]
    NoAddress,
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("sockets: {0}")]
    Sockets(#[from] io::Error),
}
