//! Sockets around the switch: terminals, gateways, networks, wallets and the operator.
//!
//! Never: a decision about a payment, a key of a terminal, a message's content in a log.
//! Start at [`Sockets`], which knows connections and limits but no meaning, then at [`Door`], the
//! engine's process, and [`Gateway`], which holds many terminals on one connection to it.

mod backoff;
mod core;
mod door;
mod framing;
mod gateway;
mod gateways;
mod http;
mod inbox;
mod links;
mod log;
mod sockets;
mod vet;
mod why;

pub mod control;
pub mod frames;
pub mod limits;
pub mod tls;
pub mod wallet;

pub use crate::core::Core;
pub use crate::log::{LOG_LINES_PER_SECOND_MAX, Teller};
pub use door::{Addresses, Door, DoorError, Ended, Listen, NetworkLink, Plan, Stopper};
pub use framing::Framing;
pub use gateway::{Gateway, GatewayPlan};
pub use limits::Limits;
pub use sockets::{Guests, Habits, Id, Kind, Places, Service, Sockets};
pub use wallet::WalletDoor;
pub use why::{Endings, Why};
