//! Why a backup cannot be made, or nothing be restored from it.

use std::io;
use std::path::{Path, PathBuf};

use files::atomic::AtomicWriteError;
use journal::{JournalError, Sequence};
use keys::KeyError;

use crate::list::{BACKUP_FILE, BACKUP_FORMAT};

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(
        "{} has no backup: there is no {BACKUP_FILE} in it. Check the path",
        .0.display()
    )]
    NoBackup(PathBuf),
    #[error(
        "{} is not empty, and has no {BACKUP_FILE}: choose an empty or new directory, or one with \
         an earlier backup of the same books",
        .0.display()
    )]
    NotEmpty(PathBuf),
    #[error("{} is in use by another backup; wait until it has ended", .0.display())]
    InUse(PathBuf),
    #[error(
        "{} has backup format {found}; this Doorstep reads format {BACKUP_FORMAT}. Use the \
         Doorstep that wrote it", path.display()
    )]
    OtherFormat { path: PathBuf, found: u32 },
    /// The journal does not have the backup's last batch.
    #[error(
        "{} is a backup of other books, or of these books before they were restored: their journal \
         does not have its batch {batch}. Choose another directory for the new backup",
        path.display()
    )]
    OtherBooks { path: PathBuf, batch: Sequence },
    #[error(
        "{} is sealed with the key {key}; give the settings with that key store, and the same key",
        path.display()
    )]
    Sealed { path: PathBuf, key: String },
    #[error(
        "{} is not sealed, and a key was given. Choose a new directory for a sealed backup, or \
         leave out the key", .0.display()
    )]
    NotSealed(PathBuf),
    #[error("{}: {fault}. Use another copy of the backup", path.display())]
    Damaged { path: PathBuf, fault: BackupFault },
    #[error(
        "the backup ends with batch {last}; there is no batch {asked} in it. Give a lower one, or \
         none"
    )]
    Beyond { asked: Sequence, last: Sequence },
    #[error("{} exists; restore into a directory that does not exist yet", .0.display())]
    Exists(PathBuf),
    #[error("{} cannot be {step}: {source}", path.display())]
    Io { path: PathBuf, step: &'static str, source: io::Error },
    #[error("{} cannot be copied: {source}", path.display())]
    Sqlite { path: PathBuf, source: rusqlite::Error },
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the operating system returns no random numbers: {0}; start again")]
    NoRandomness(getrandom::Error),
    #[error(transparent)]
    List(#[from] AtomicWriteError<io::Error>),
}

/// How a file differs from what its backup's list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupFault {
    #[error("it is not a list of a backup")]
    NotAList,
    #[error("its check value is wrong: it was changed, or the key is another one")]
    Mac,
    #[error("it has another length or content than the list of the backup says")]
    Digest,
    #[error("it does not open: it was changed or cut, or the key is another one")]
    Sealing,
    #[error("it does not have the batches that the list of the backup says")]
    Batches,
}

impl BackupError {
    pub(crate) fn io(path: &Path, step: &'static str) -> impl FnOnce(io::Error) -> BackupError {
        move |source| BackupError::Io { path: path.to_owned(), step, source }
    }

    pub(crate) fn damaged(path: &Path, fault: BackupFault) -> BackupError {
        BackupError::Damaged { path: path.to_owned(), fault }
    }
}
