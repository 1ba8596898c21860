//! Errors of a journal, each with its remedy.

use std::io;
use std::path::{Path, PathBuf};

use crate::storage_fault::StorageFault;
use crate::{ChainHash, Epoch, Sequence};

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error(
        "another Doorstep took over this journal: it leads epoch {by}, this one had epoch {ours}; \
         nothing more can be appended here. Stop this one, or start it again to follow"
    )]
    Fenced {
        /// The epoch of the append.
        ours: Epoch,
        /// The epoch that leads now.
        by: Epoch,
    },
    #[error("this journal is not led; call `lead` before appending")]
    NotLeading,
    #[error(
        "an earlier write to this journal failed, so nothing more is appended; start again: \
         everything acknowledged is kept"
    )]
    Stopped,
    /// Larger than [`crate::PAYLOAD_BYTES_MAX`].
    #[error("a batch of {bytes} bytes is too large: at most {most}; make smaller batches")]
    TooLarge {
        /// The size of the batch.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    #[error(
        "{}: batch {sequence} is damaged: {what}. Nothing was changed. Keep this file, and restore \
         the data directory from a copy", path.display()
    )]
    Damaged {
        path: PathBuf,
        /// The batches before it are undamaged as far as they were read.
        sequence: Sequence,
        what: String,
    },
    /// The damage is not in a single batch.
    #[error(
        "{} is damaged: {what}. Nothing was changed. Keep this file, and restore the data \
         directory from a copy", path.display()
    )]
    DamagedFile { path: PathBuf, what: String },
    /// A batch does not follow the batch before it.
    #[error(
        "batch {sequence} follows hash {found}, but what was read before it ends with {expected}: \
         these are two journals; read both from one data directory or one copy"
    )]
    Forked {
        sequence: Sequence,
        /// The hash of the batch before, as the reader has it.
        expected: ChainHash,
        /// The hash of the batch before, as the batch names it.
        found: ChainHash,
    },
    #[error(
        "{} has journal format {found}; this Doorstep reads up to {known}. Nothing was changed. \
         Start the newer Doorstep that wrote it", path.display()
    )]
    Newer {
        path: PathBuf,
        found: i32,
        /// See [`crate::JOURNAL_FORMAT`].
        known: i32,
    },
    #[error("{} is not a journal of Doorstep: {what}. Check the path", path.display())]
    NotAJournal {
        path: PathBuf,
        /// Why not.
        what: String,
    },
    #[error("{} is there already; open it, or choose another path", path.display())]
    Exists { path: PathBuf },
    #[error("{} does not exist; check the path, or create it first", path.display())]
    Missing { path: PathBuf },
    /// The disk, a quota or a limit on file sizes is full.
    #[error(
        "no room to write {} ({what}). Free space on that disk and start again: everything \
         acknowledged is kept", path.display()
    )]
    Full { path: PathBuf, what: String },
    /// Another program holds SQLite's lock on the file.
    #[error(
        "{} has been locked by another program for {BUSY_SECONDS_MAX} seconds; end that program \
         (a backup? an SQLite shell?) and start again", path.display()
    )]
    Busy { path: PathBuf },
    /// The user may read the file but not write it.
    #[error(
        "{} is read-only for this user; run as its owner, or change its owner or mode (chown, \
         chmod)", path.display()
    )]
    ReadOnly { path: PathBuf },
    #[error("could not {doing} {}: {cause}", path.display())]
    Io {
        /// What was attempted.
        doing: &'static str,
        path: PathBuf,
        cause: String,
    },
}

/// How long an operation waits for another program's lock.
pub(crate) const BUSY_SECONDS_MAX: u64 = 5;

impl JournalError {
    pub(crate) fn sqlite(
        path: &Path,
        doing: &'static str,
        error: &rusqlite::Error,
    ) -> JournalError {
        JournalError::fault(path, doing, StorageFault::from_sqlite(error))
    }

    pub(crate) fn io(path: &Path, doing: &'static str, error: &io::Error) -> JournalError {
        JournalError::fault(path, doing, StorageFault::from_io(error))
    }

    fn fault(path: &Path, doing: &'static str, fault: StorageFault) -> JournalError {
        let path = path.to_owned();
        match fault {
            StorageFault::Full(what) => JournalError::Full { path, what },
            StorageFault::Damaged(what) => JournalError::DamagedFile { path, what },
            StorageFault::Busy => JournalError::Busy { path },
            StorageFault::Other(cause) => JournalError::Io { doing, path, cause },
        }
    }
}
