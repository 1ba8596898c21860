//! The books of cash-on-delivery payments as a pure state machine.
//!
//! [`Books::apply`] takes a command and a time. It returns events and postings, or a refusal that
//! changes nothing. The same commands give the same books, bit for bit, on any machine (M11).
//!
//! It never uses a clock, randomness, I/O, floats, SQL, or an iteration order that depends on a
//! hash. Start at [`Books::apply`]. Commands and events are in [`command`] and [`event`], the
//! chart of accounts in [`chart`]. Queries are in [`view`]; those about terminals and networks in
//! [`terminal_view`].

pub mod chart;
pub mod command;
pub mod event;
pub mod terminal_view;
pub mod view;

mod advices;
mod batch_closing;
mod books;
mod breaks;
mod cash;
mod charted_ledger;
mod check;
mod check_transactions;
mod clearing;
mod completion;
mod disputes;
mod expiry;
mod ids;
mod index;
mod networks;
mod parcels;
mod parties;
mod payments;
mod purchases;
mod records;
mod refunds;
mod refusal;
mod registry;
mod reversals;
mod settlement;
mod snapshot;
mod terminal_batches;
mod transaction;
mod unposting;
mod vocabulary;

pub use books::{Books, Digest, Now};
pub use cash::one_time_code_hash;
pub use command::*;
pub use event::{CommandOutcome, Event, PayoutLine, Posting, PostingStage, TariffVersion};
pub use ids::*;
pub use machine::{DAY_MS, Timestamp, UTC_OFFSET_MINUTES_MAX};
pub use refusal::{MissingRecord, Refusal};
pub use snapshot::{RestoreError, SNAPSHOT_PART_BYTES, Snapshot, UncheckedBooks};
pub use transaction::*;

pub use tariff::BusinessDate;
