//! Errors of a snapshot, each with its remedy.

use std::io;
use std::path::{Path, PathBuf};

use crate::storage_fault::StorageFault;

/// The journal is undamaged in every case.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("there is no snapshot {}; list the snapshots that there are", path.display())]
    Missing { path: PathBuf },
    #[error(
        "the snapshot {} is damaged: {what}. Nothing was changed. Move it away and start from an \
         older one, or from the journal's beginning", path.display()
    )]
    Damaged { path: PathBuf, what: String },
    #[error(
        "the snapshot {} has format {found}; this Doorstep reads up to {known}. Nothing was \
         changed. Start the newer Doorstep that wrote it, or from an older snapshot",
        path.display()
    )]
    Newer {
        path: PathBuf,
        found: i32,
        /// See [`crate::SNAPSHOT_FORMAT`].
        known: i32,
    },
    /// The disk, a quota or a limit on file sizes is full.
    #[error(
        "no room to write the snapshot {} ({what}). Free space on that disk; snapshots before it \
         and the journal are whole", path.display()
    )]
    Full { path: PathBuf, what: String },
    #[error("could not {doing} {}: {cause}", path.display())]
    Io {
        /// What was attempted.
        doing: &'static str,
        path: PathBuf,
        cause: String,
    },
}

impl SnapshotError {
    pub(super) fn io(path: &Path, doing: &'static str, error: &io::Error) -> SnapshotError {
        let path = path.to_owned();
        match StorageFault::from_io(error) {
            StorageFault::Full(what) => SnapshotError::Full { path, what },
            _ => SnapshotError::Io { doing, path, cause: error.to_string() },
        }
    }
}
