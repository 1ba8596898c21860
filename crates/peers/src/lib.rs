//! The counterparts of the switch, simulated: a POS terminal and a card network.
//!
//! Both are values: bytes and moments in, bytes, timers and results out. They keep books of their
//! own and speak the protocols of `docs/door`, so that what they find can be held against
//! Doorstep's books.
//!
//! Never: a socket, a clock, a look into the switch or the engine, a real card; a panic on
//! received bytes.
//! Start at [`terminal::Terminal`] and [`network::Network`].

pub mod behaviour;
pub mod book;
pub mod card;
pub mod clearing;
pub mod code;
pub mod network;
pub mod terminal;
pub mod waybill;

mod chance;
mod digits;
mod moment;

pub use behaviour::{Action, Behaviour, Fate};
pub use card::Card;
pub use network::{Network, NetworkSettings};
pub use terminal::{Heard, Task, Terminal, TerminalSettings};
pub use waybill::waybill;
