//! Simulated terminals and networks with real sockets and clocks, in the place of real ones.
//!
//! The messages and books are those of [`peers`]. One thread serves a network, an interactive
//! terminal, or a fleet of tens of thousands of terminals.
//!
//! Never: anything of the switch or the engine, real cards, or secrets in errors.
//!
//! Start at [`NetworkSimulatorServer`], [`InteractiveTerminal`] and [`TerminalFleet`].

mod clock;
mod fleet;
mod interactive_terminal;
mod master_keys;
mod network_server;
mod terminal_socket;

pub use fleet::{
    CompletedSale, FleetCounts, FleetError, FleetPlan, Sale, SaleOutcome, SaleSource, SalesPace,
    TerminalFleet,
};
pub use interactive_terminal::{InteractiveTerminal, InteractiveTerminalError, TerminalNotice};
pub use master_keys::MasterKeys;
pub use network_server::{NetworkSimulatorServer, NetworkSimulatorServerError, TlsFiles};
pub use terminal_socket::{Received, TerminalSocket};
