//! The data directory: the journal and its snapshots under one lock.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf, absolute};
use std::process;

use crate::file::sync_directory;
use crate::{JournalError, SnapshotError, Snapshots, SnapshotsReader, SqliteJournal, SqliteReader};

const LOCK: &str = "LOCK";
const JOURNAL: &str = "journal.sqlite";
const SNAPSHOTS: &str = "snapshots";
/// What the names of files start with that may be in a directory that becomes a data directory:
/// what an interrupted creation left, what a file system has at its own root,
/// and keys and certificates, which may be made before the books.
const HARMLESS: [&str; 6] =
    [LOCK, SNAPSHOTS, "journal.sqlite.unfinished", "lost+found", "keys", "certificates"];

/// A data directory that this process owns: no other Doorstep opens it meanwhile.
///
/// Keep it as long as its journal or its snapshots are in use. The lock is the system's: it ends
/// with the process, however that ends, and the file `LOCK` may stay.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

/// A data directory to read beside its owner, or without one. It takes no lock.
#[derive(Clone, Debug)]
pub struct SharedDirectory {
    path: PathBuf,
}

/// Why a data directory could not be opened or created.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Nothing at the path.
    #[error("there is no data directory {}; check the path, or create it first", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// A file at the path.
    #[error("{} is not a directory; give a directory for the data", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// A directory without a journal.
    #[error(
        "{} is not a data directory of Doorstep: it has no {JOURNAL}. Check the path, or create \
         it first", path.display()
    )]
    NoJournal {
        /// The path.
        path: PathBuf,
    },
    /// A data directory was to be created where there is one.
    #[error("{} is a data directory already; open it, or choose another path", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// A data directory was to be created among other files.
    #[error(
        "{} is not empty ({found} is in it); choose a directory that is empty or new",
        path.display()
    )]
    NotEmpty {
        /// The path.
        path: PathBuf,
        /// One of the files in it.
        found: String,
    },
    /// Another process owns it.
    #[error(
        "the data directory {} is in use{}; stop that Doorstep first, or choose another directory",
        path.display(),
        .by.map(|pid| format!(" by process {pid}")).unwrap_or_default()
    )]
    InUse {
        /// The path.
        path: PathBuf,
        /// The process that owns it, where its lock file says so.
        by: Option<u32>,
    },
    /// The user may not do that with it.
    #[error(
        "could not {doing} the data directory {}: {cause}; give it to the user that runs \
         Doorstep, or run as its owner", path.display()
    )]
    Forbidden {
        /// What was attempted.
        doing: &'static str,
        /// The path.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// It could not be read or written for another reason.
    #[error("could not {doing} the data directory {}: {cause}", path.display())]
    Io {
        /// What was attempted.
        doing: &'static str,
        /// The path.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// Its journal could not be created.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl DataDirectory {
    /// Creates a data directory with an empty journal; the directory itself may be there, empty.
    ///
    /// # Errors
    /// [`DirectoryError::Exists`], [`DirectoryError::NotEmpty`], [`DirectoryError::InUse`],
    /// [`DirectoryError::NotADirectory`], [`DirectoryError::Forbidden`].
    pub fn create(path: &Path) -> Result<DataDirectory, DirectoryError> {
        let failed = |error| described(path, "create", &error);
        let path = &absolute(path).map_err(failed)?;
        fs::create_dir_all(path)
            .and_then(|()| sync_directory(path.parent().unwrap_or(path)))
            .map_err(failed)?;
        for entry in fs::read_dir(path).map_err(failed)? {
            let found = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if found == JOURNAL {
                return Err(DirectoryError::Exists { path: path.clone() });
            }
            let is_harmless = HARMLESS.iter().any(|name| found.starts_with(name));
            // Snapshots without a journal: it was lost, and a new one would hide that.
            if !is_harmless || found == SNAPSHOTS && has_entries(&path.join(SNAPSHOTS)) {
                return Err(DirectoryError::NotEmpty { path: path.clone(), found });
            }
        }
        let directory = DataDirectory { path: path.clone(), _lock: lock(path)? };
        SqliteJournal::create(&directory.journal_path())?;
        Ok(directory)
    }

    /// Opens a data directory for this process alone.
    ///
    /// # Errors
    /// [`DirectoryError::InUse`], [`DirectoryError::Missing`], [`DirectoryError::NoJournal`],
    /// [`DirectoryError::NotADirectory`], [`DirectoryError::Forbidden`].
    pub fn open(path: &Path) -> Result<DataDirectory, DirectoryError> {
        let path = look_into(path)?;
        let lock = lock(&path)?;
        Ok(DataDirectory { path, _lock: lock })
    }

    /// Opens a data directory to read it, also while its owner writes.
    ///
    /// # Errors
    /// [`DirectoryError::Missing`], [`DirectoryError::NoJournal`],
    /// [`DirectoryError::NotADirectory`].
    pub fn open_shared(path: &Path) -> Result<SharedDirectory, DirectoryError> {
        let path = look_into(path)?;
        Ok(SharedDirectory { path })
    }

    /// Where it is, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its journal is.
    #[must_use]
    pub fn journal_path(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// Opens its journal.
    ///
    /// # Errors
    /// As [`SqliteJournal::open`].
    pub fn journal(&self) -> Result<SqliteJournal, JournalError> {
        SqliteJournal::open(&self.journal_path())
    }

    /// Opens its snapshots.
    ///
    /// # Errors
    /// As [`Snapshots::open`].
    pub fn snapshots(&self) -> Result<Snapshots, SnapshotError> {
        Snapshots::open(&self.path.join(SNAPSHOTS))
    }
}

impl SharedDirectory {
    /// Where it is, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens its journal to read it.
    ///
    /// # Errors
    /// As [`SqliteReader::open`].
    pub fn journal(&self) -> Result<SqliteReader, JournalError> {
        SqliteReader::open(&self.path.join(JOURNAL))
    }

    /// Opens its snapshots to read them.
    ///
    /// # Errors
    /// As [`SnapshotsReader::open`].
    pub fn snapshots(&self) -> Result<SnapshotsReader, SnapshotError> {
        SnapshotsReader::open(&self.path.join(SNAPSHOTS))
    }
}

fn has_entries(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())
}

/// The absolute path of a data directory that is there.
fn look_into(path: &Path) -> Result<PathBuf, DirectoryError> {
    let failed = |error| described(path, "open", &error);
    let path = absolute(path).map_err(failed)?;
    if !fs::metadata(&path).map_err(failed)?.is_dir() {
        return Err(DirectoryError::NotADirectory { path });
    }
    match fs::exists(path.join(JOURNAL)).map_err(failed)? {
        true => Ok(path),
        false => Err(DirectoryError::NoJournal { path }),
    }
}

/// Takes the lock of a data directory and writes this process' number into it, for whoever comes
/// next.
fn lock(path: &Path) -> Result<File, DirectoryError> {
    let failed = |error| described(path, "lock", &error);
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(path.join(LOCK)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let by = file.take(20).read_to_string(&mut text).ok().and(text.trim().parse().ok());
            return Err(DirectoryError::InUse { path: path.to_owned(), by });
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", process::id()))
        .map_err(failed)?;
    Ok(file)
}

fn described(path: &Path, doing: &'static str, error: &io::Error) -> DirectoryError {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
    let path = path.to_owned();
    let cause = error.to_string();
    match error.kind() {
        NotFound => DirectoryError::Missing { path },
        NotADirectory => DirectoryError::NotADirectory { path },
        PermissionDenied | ReadOnlyFilesystem => DirectoryError::Forbidden { doing, path, cause },
        _ => DirectoryError::Io { doing, path, cause },
    }
}
