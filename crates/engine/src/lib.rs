//! The engine: the books of the doorstep as a pure state machine.
//!
//! `apply(command, at)` gives facts and postings, or a refusal that changed nothing. The same
//! commands give the same books, bit for bit, on any machine (M11).
//!
//! Never: a clock, randomness, I/O, floats, SQL, iteration in an order that depends on a hash.
//! Start at [`Engine::apply`]; the vocabulary is in [`command`] and [`event`]; the chart of
//! accounts in [`chart`]; what is asked of the books afterwards in [`view`] and, of terminals and
//! networks, in [`door_view`].

pub mod chart;
pub mod command;
pub mod door_view;
pub mod event;
pub mod view;

mod advices;
mod batches;
mod books;
mod breaks;
mod cash;
mod check;
mod check_doors;
mod clearing;
mod closing;
mod completion;
mod disputes;
mod door;
mod engine;
mod expiry;
mod ids;
mod index;
mod networks;
mod parcels;
mod parties;
mod purchases;
mod records;
mod refunds;
mod refusal;
mod registry;
mod reversal;
mod settlement;
mod snapshot;
mod takeback;
mod tenders;
mod time;
mod vocabulary;

pub use cash::one_time_code_hash;
pub use command::*;
pub use door::*;
pub use engine::{Digest, Engine};
pub use event::{Event, Outcome, PayoutLine, Posting, Stage, TariffVersion};
pub use ids::*;
pub use refusal::{Missing, Refusal};
pub use snapshot::{PART_BYTES, RestoreError, Snapshot};
pub use time::{DAY_MS, Timestamp, UTC_OFFSET_MINUTES_MAX};

pub use tariff::BusinessDate;
