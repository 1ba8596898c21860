//! Measures the whole program, and simulates what is around it: terminals, card networks and a
//! wallet with real sockets and clocks, in the place of real ones.
//!
//! The simulated messages and books are those of [`peers`]. One thread serves a network, an
//! interactive terminal, or a fleet of tens of thousands of terminals. The benchmarks start this
//! same program again, with the command line of `doorstep`, once for each process that they need.
//!
//! Never: printing, real cards, or code that a running product needs. The simulators use nothing of
//! the switch or the engine, and have no secrets in errors.
//!
//! Start at [`engine_benchmark`], [`market_benchmark`], [`door`], [`api_benchmark`],
//! [`views_benchmark`], [`reconciling`], [`claims_benchmark`], [`policy_benchmark`],
//! [`NetworkSimulatorServer`], [`InteractiveTerminal`] and [`TerminalFleet`].

pub mod api_benchmark;
mod api_client;
mod api_load;
pub mod claims_benchmark;
mod clock;
pub mod door;
pub mod engine_benchmark;
mod engine_traffic;
pub mod fixture;
mod fleet;
mod interactive_terminal;
mod latencies;
mod load;
pub mod market_benchmark;
mod network_server;
pub mod opening;
pub mod policy_benchmark;
mod postgres_cluster;
pub mod reconciling;
mod redis_server;
mod reserved_address;
mod terminal_keys;
mod terminal_socket;
pub mod views_benchmark;
mod views_lag;
mod wallet_client;
pub mod workload;

pub use fleet::{
    CompletedSale, FleetCounts, FleetError, FleetPlan, Sale, SaleOutcome, SaleSource, SalesPace,
    TerminalFleet,
};
pub use interactive_terminal::{InteractiveTerminal, InteractiveTerminalError, TerminalNotice};
pub use latencies::Latencies;
pub use load::{LoadMeasurements, LoadPlan, LoadReady, SalesLoad};
pub use network_server::{NetworkSimulatorServer, NetworkSimulatorServerError, TlsFiles};
pub use postgres_cluster::PostgresCluster;
pub use redis_server::RedisServer;
pub use reserved_address::ReservedAddress;
pub use terminal_keys::TerminalKeys;
pub use terminal_socket::{Received, TerminalSocket};
pub use wallet_client::{WalletClient, WalletClientError};
