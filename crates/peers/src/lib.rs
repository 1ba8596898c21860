//! Simulated counterparts of the switch: a POS terminal, a card network and a wallet.
//!
//! They are plain values: bytes and times go in; bytes, timers and results come out. Each keeps its
//! own books and speaks the protocols of `docs/door`, so a test can compare its books with
//! Doorstep's.
//!
//! Never: a socket, a clock, code shared with the switch or the engine, a real card, a panic on
//! received bytes.
//!
//! Start at [`terminal::TerminalSimulator`], [`network::NetworkSimulator`] and
//! [`wallet::WalletSimulator`].

pub mod behaviour;
pub mod card;
pub mod chance;
pub mod clearing;
pub mod codes;
pub mod ledger;
pub mod message_time;
pub mod network;
pub mod terminal;
pub mod wallet;
pub mod waybill;

mod bcd;

pub use behaviour::{Behaviour, ResponseAction, ResponsePolicy};
pub use card::TestCard;
pub use codes::{AuthorisationCode, ResponseCode, Rrn};
pub use network::{NetworkSimulator, NetworkSimulatorSettings};
pub use terminal::{TerminalOutcome, TerminalSimulator, TerminalSimulatorSettings, TerminalTask};
pub use waybill::format_waybill;
