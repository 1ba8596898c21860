//! Why a snapshot could not be read or written, and how to mend it.

use std::io;
use std::path::{Path, PathBuf};

use crate::fault::Fault;

/// Why a snapshot could not be read or written. The journal is whole in every case.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// No snapshot of this sequence.
    #[error("there is no snapshot {}; list the snapshots that there are", path.display())]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// A snapshot that is not what was written.
    #[error(
        "the snapshot {} is damaged: {what}. Nothing was changed. Move it away and start from an \
         older one, or from the journal's beginning", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Written by a newer Doorstep.
    #[error(
        "the snapshot {} has format {found}; this Doorstep reads up to {known}. Nothing was \
         changed. Start the newer Doorstep that wrote it, or from an older snapshot",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i32,
        /// [`crate::SNAPSHOT_FORMAT`].
        known: i32,
    },
    /// No room on the disk, in the quota, or under a limit on file sizes.
    #[error(
        "no room to write the snapshot {} ({what}). Free space on that disk; snapshots before it \
         and the journal are whole", path.display()
    )]
    Full {
        /// The file.
        path: PathBuf,
        /// What the system said.
        what: String,
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

impl SnapshotError {
    /// Names what SQLite said while `doing` something with `path`.
    pub(super) fn sqlite(
        path: &Path,
        doing: &'static str,
        error: &rusqlite::Error,
    ) -> SnapshotError {
        SnapshotError::fault(path, doing, Fault::of(error))
    }

    /// Names what the system said while `doing` something with `path`.
    pub(super) fn io(path: &Path, doing: &'static str, error: &io::Error) -> SnapshotError {
        SnapshotError::fault(path, doing, Fault::of_io(error))
    }

    fn fault(path: &Path, doing: &'static str, fault: Fault) -> SnapshotError {
        let path = path.to_owned();
        match fault {
            Fault::Full(what) => SnapshotError::Full { path, what },
            Fault::Damaged(what) => SnapshotError::Damaged { path, what },
            Fault::Busy => {
                let cause = "another program has locked it".to_owned();
                SnapshotError::Io { doing, path, cause }
            }
            Fault::Other(cause) => SnapshotError::Io { doing, path, cause },
        }
    }
}
