//! What every state machine of the engine shares: the declaration of commands, who gives them, and
//! time as input.
//!
//! A machine declares its commands once, with [`commands!`]. The declaration gives their bytes in
//! the journal, their JSON form and its schema, the list of who may give them, the persons that
//! they name, and the call of their handler.
//!
//! Never: a rule of money, a clock, I/O, text for people.
//!
//! Start at [`commands!`] and [`Actor`].

// The macros name this crate, also inside it.
extern crate self as machine;

mod actor;
mod declare;
mod examples;
mod fingerprint;
mod identifier;
mod json;
mod person;
mod time;

pub use actor::{
    Actor, ActorKind, ApiKeyId, GatewayId, NetworkId, PersonId, REQUEST_KEY_BYTES_MAX, RequestKey,
    RequestKeyError, TerminalId, WalletId,
};
pub use declare::CommandSpec;
pub use fingerprint::mix;
pub use identifier::{IdentifierError, derive_identifier, parse_identifier};
pub use person::PersonRole;
#[doc(hidden)]
pub use person::visit_person;
pub use time::{DAY_MS, Timestamp, UTC_OFFSET_MINUTES_MAX};

/// Used by the macros.
#[doc(hidden)]
pub mod reexport {
    pub use {borsh, schemars, serde};
}
