//! The office: what persons ask for, as one request type, carried out on a node.
//!
//! A request is texts as a person types them. The office finds out who asks, fills in the fields
//! that follow from others, keeps a proposal until a second person approves it, and gives the
//! command to the books. The same requests come from the command line and over the office's socket.
//!
//! Never: rules of money (the books have them), printing, the choice of a language.
//!
//! Start at [`Request`] and [`Office::carry_out`]. The short forms are a [table](short_forms), the
//! socket is in [`socket`].

pub mod fields;
pub mod short_forms;
pub mod socket;

mod codes;
mod defaults;
mod error;
mod file;
mod office;
mod persons;
mod proposals;
mod request;

pub use codes::CodeMacOf;
pub use defaults::is_filled_in;
pub use error::{OfficeError, PersonsError, ProposalStoreError};
pub use office::{Office, OfficeOptions, OnEvents};
pub use persons::{PERSONS_FILE, Persons};
pub use proposals::{PROPOSALS, PROPOSALS_MAX};
pub use request::{CommandWords, Language, OfficeAnswer, Proposal, RefusalWords, Request, Who};
