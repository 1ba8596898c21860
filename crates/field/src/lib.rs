//! Sockets around simulated terminals and networks, so that they stand where real ones would.
//!
//! The messages and books are those of [`peers`]; here they get connections, clocks and patience.
//! One thread serves a network, one a terminal with a person before it, and one a fleet of tens of
//! thousands.
//!
//! Never: a look into the switch or the engine, a real card, a secret in an error.
//! Start at [`NetworkHost`], [`Session`] and [`Load`].

mod clock;
mod keys_of;
mod line;
mod load;
mod network;
mod session;

pub use keys_of::MasterKeys;
pub use line::{Came, Line};
pub use load::{Counts, Done, Load, LoadError, LoadPlan, Outcome, Pace, Sale, Sales};
pub use network::{HostError, NetworkHost, TlsFiles};
pub use session::{Note, Session, SessionError};
