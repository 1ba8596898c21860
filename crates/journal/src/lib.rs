//! The journal: append, read and fence opaque batches; snapshots; the data directory's lock.
//!
//! Never: knowledge of what is in a batch, a clock, randomness, a batch that is half there.
//! Start at the traits [`ReadJournal`] and [`Journal`]; [`SqliteJournal`] keeps the batches in one
//! SQLite file, [`Snapshots`] the states beside it, [`DataDirectory`] holds both under one lock.
//!
//! What is promised, whatever is killed or cut off: a batch whose append returned is there for
//! good; a batch is there whole or not at all; of two leaders the older one stops; damage is named
//! with its batch and never handed on.

mod chain;
mod contract;
mod directory;
mod error;
mod fault;
mod file;
mod memory;
mod snapshot;
mod sqlite;

pub use chain::{Batch, Epoch, Hash, Head, Leadership, Sequence, batch_hash};
pub use contract::{Batches, Journal, PAYLOAD_BYTES_MAX, ReadJournal};
pub use directory::{DataDirectory, DirectoryError, SharedDirectory};
pub use error::JournalError;
pub use memory::MemoryJournal;
pub use snapshot::{
    SNAPSHOT_FORMAT, SnapshotError, SnapshotReader, SnapshotWriter, Snapshots, SnapshotsReader,
};
pub use sqlite::{JOURNAL_FORMAT, SqliteJournal, SqliteReader, Tuning};
