//! Copies of a data directory, made while it is in use, and data directories made from them.
//!
//! The journal is the truth, so a backup is its batches, in files that never change, and the small
//! stores that the journal refers to. A second backup into the same directory adds only the batches
//! that are new. The batches are copied first and the stores after them: what a batch refers to is
//! in its store. Snapshots and views are not copied: they follow from the journal.
//!
//! A backup has one list, `backup.json`. It is replaced last, at once, so an interrupted backup
//! leaves the one before. Whatever the list does not name is removed by the next backup.
//!
//! With a key, each file is sealed (STREAM over AES-256-GCM, 64 KiB a chunk) under a key of its own
//! that follows from the backup's data key, and the list has a MAC. The key store wraps the data
//! key. The keys themselves, certificates and settings are not in it, nor is the list of erasures:
//! that must outlive every backup.
//!
//! Start at [`Backup::write`] and [`Backup::restore`].

mod backup;
mod batches;
mod error;
mod list;
mod stored;

pub use backup::{Backup, BackupKey, BackupReport, BackupSources, RestoreReport};
pub use error::{BackupError, BackupFault};
pub use list::{BACKUP_FILE, BACKUP_FORMAT};
