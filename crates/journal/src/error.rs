//! Why a journal could not be read or written, and how to mend it.

use std::io;
use std::path::{Path, PathBuf};

use crate::fault::Fault;
use crate::{Epoch, Hash, Sequence};

/// Why a journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another leader took over.
    #[error(
        "another Doorstep took over this journal: it leads epoch {by}, this one had epoch {ours}; \
         nothing more can be appended here. Stop this one, or start it again to follow"
    )]
    Fenced {
        /// The epoch that the append came with.
        ours: Epoch,
        /// The epoch that leads now.
        by: Epoch,
    },
    /// An append without a takeover before it.
    #[error("nothing can be appended before this journal is led; call `lead` first")]
    NotLeading,
    /// An append or a takeover after one that failed.
    #[error(
        "an earlier write to this journal failed, so nothing more is appended; start again: \
         everything acknowledged is kept"
    )]
    Stopped,
    /// A payload above [`crate::PAYLOAD_BYTES_MAX`].
    #[error("a batch of {bytes} bytes is too large: at most {most}; make smaller batches")]
    TooLarge {
        /// What was to be appended.
        bytes: usize,
        /// What can be.
        most: usize,
    },
    /// A batch that is not what was written.
    #[error(
        "{}: batch {sequence} is damaged: {what}. Nothing was changed. Keep this file, and restore \
         the data directory from a copy", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The batch; those before it are sound as far as they were read.
        sequence: Sequence,
        /// What is wrong with it.
        what: String,
    },
    /// A file that is damaged outside any one batch.
    #[error(
        "{} is damaged: {what}. Nothing was changed. Keep this file, and restore the data \
         directory from a copy", path.display()
    )]
    DamagedFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A batch that does not follow what the reader has.
    #[error(
        "batch {sequence} follows hash {found}, but what was read before it ends with {expected}: \
         these are two journals; read both from one data directory or one copy"
    )]
    Forked {
        /// The batch.
        sequence: Sequence,
        /// The hash that the reader came with.
        expected: Hash,
        /// The hash that the batch names.
        found: Hash,
    },
    /// Written by a newer Doorstep.
    #[error(
        "{} has journal format {found}; this Doorstep reads up to {known}. Nothing was changed. \
         Start the newer Doorstep that wrote it", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i32,
        /// [`crate::JOURNAL_FORMAT`].
        known: i32,
    },
    /// Something else.
    #[error("{} is not a journal of Doorstep: {what}. Check the path", path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// A journal was to be created where there is one.
    #[error("{} is there already; open it, or choose another path", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// No journal where one was to be opened.
    #[error("{} does not exist; check the path, or create it first", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// No room on the disk, in the quota, or under a limit on file sizes.
    #[error(
        "no room to write {} ({what}). Free space on that disk and start again: everything \
         acknowledged is kept", path.display()
    )]
    Full {
        /// The file.
        path: PathBuf,
        /// What the system said.
        what: String,
    },
    /// Another program holds the file's lock.
    #[error(
        "{} has been locked by another program for {BUSY_SECONDS_MAX} seconds; end that program \
         (a backup? an SQLite shell?) and start again", path.display()
    )]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be read or written.
    #[error("could not {doing} {}: {cause}", path.display())]
    Io {
        /// What was attempted.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
}

/// How long an operation waits for another program's lock.
pub(crate) const BUSY_SECONDS_MAX: u64 = 5;

impl JournalError {
    /// Names what SQLite said while `doing` something with `path`.
    pub(crate) fn sqlite(
        path: &Path,
        doing: &'static str,
        error: &rusqlite::Error,
    ) -> JournalError {
        JournalError::fault(path, doing, Fault::of(error))
    }

    /// Names what the system said while `doing` something with `path`.
    pub(crate) fn io(path: &Path, doing: &'static str, error: &io::Error) -> JournalError {
        JournalError::fault(path, doing, Fault::of_io(error))
    }

    fn fault(path: &Path, doing: &'static str, fault: Fault) -> JournalError {
        let path = path.to_owned();
        match fault {
            Fault::Full(what) => JournalError::Full { path, what },
            Fault::Damaged(what) => JournalError::DamagedFile { path, what },
            Fault::Busy => JournalError::Busy { path },
            Fault::Other(cause) => JournalError::Io { doing, path, cause },
        }
    }
}
