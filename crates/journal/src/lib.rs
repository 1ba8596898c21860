//! The journal: an append-only log of opaque batches, snapshots beside it, and the data directory's
//! lock.
//!
//! It does not interpret batches, reads no clock, uses no randomness, and never stores half a
//! batch.
//!
//! Start at the traits [`ReadJournal`] and [`Journal`]. [`SqliteJournal`] stores the batches in one
//! SQLite file, [`SnapshotDirectory`] stores states, and [`DataDirectory`] holds both under one
//! lock.
//!
//! Guarantees, whatever process is killed or power cut: a batch whose append has returned is
//! durable; a batch exists whole or not at all; of two leaders, the older can append no more;
//! damage is reported with its batch, and damaged data is never returned.

mod chain;
mod contract;
mod directory;
mod error;
mod file;
mod memory;
mod snapshot;
mod sqlite;
mod storage_fault;

pub use chain::{ChainHash, Epoch, JournalBatch, JournalHead, Leadership, Sequence, batch_hash};
pub use contract::{Journal, JournalBatches, PAYLOAD_BYTES_MAX, ReadJournal};
pub use directory::{
    DataDirectory, DirectoryError, DirectoryPermissions, SharedDirectory, has_journal,
    is_kept_by_data_directory, seconds_since,
};
pub use error::JournalError;
pub use file::LockedFile;
pub use memory::MemoryJournal;
pub use snapshot::{
    PartAddress, SNAPSHOT_FORMAT, SnapshotDirectory, SnapshotDirectoryReader, SnapshotError,
    SnapshotReader, SnapshotWriter,
};
pub use sqlite::{JOURNAL_FORMAT, JournalCopy, SqliteJournal, SqliteReader, Tuning};
