//! The host: sockets for terminals, gateways, networks, wallets and the operator, around the
//! switch.
//!
//! It accepts connections, enforces limits on them, and passes whole messages to the switch and
//! commands to the node.
//!
//! It never decides about a payment, never sees a terminal's keys, and never logs the content of a
//! message.
//!
//! Start at [`Host`], the engine's process, then at [`Gateway`], which carries many terminals over
//! one connection to it. [`Sockets`] underneath knows connections and limits, and nothing about
//! payments.

mod backoff;
mod close_reason;
mod engine_host;
mod framing;
mod gateway;
mod gateway_sessions;
mod hosted_switch;
mod http;
mod kinds;
mod links;
mod log;
mod node_channel;
mod operator_events;
mod phones;
mod plan;
mod precheck;
mod settings_changes;
mod sockets;
#[cfg(test)]
#[path = "../../switch/tests/it/world/mod.rs"]
#[allow(dead_code, reason = "the switch's tests use all of it")]
mod world;

pub mod control;
pub mod frames;
pub mod limits;
pub mod tls;
pub mod wallet;

pub use crate::hosted_switch::HostedSwitch;
pub use crate::log::LOG_LINES_PER_SECOND_MAX;
pub use close_reason::{CloseCounts, CloseReason};
pub use engine_host::{Host, HostError, StopOutcome, Stopper};
pub use framing::StreamFraming;
pub use gateway::{Gateway, GatewayPlan};
pub use limits::ConnectionLimits;
pub use node_channel::NetworkChanges;
pub use phones::PhoneRequests;
pub use plan::{
    HostPlan, ListenAddresses, ListenerPlan, NetworkLink, TerminalListener, is_loopback,
};
pub use settings_changes::{NotRunning, SettingsChanges};
pub use sockets::{
    Admission, ConnectionId, ConnectionKind, ConnectionPolicy, FailingAddress, FailureAlarm,
    FailureKind, Quota, SocketService, Sockets,
};
pub use wallet::WalletCredentials;
