//! The data directory: the journal and its snapshots, protected by one lock.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf, absolute};
use std::process;
use std::time::SystemTime;

use crate::file::{LockedFile, sync_directory};
use crate::{
    JournalError, SnapshotDirectory, SnapshotDirectoryReader, SnapshotError, SqliteJournal,
    SqliteReader,
};

const LOCK: &str = "LOCK";
const JOURNAL: &str = "journal.sqlite";
const SNAPSHOTS: &str = "snapshots";
/// What a data directory keeps beside the journal. Keys and certificates may be created before the
/// books.
const KEPT: [&str; 14] = [
    LOCK,
    SNAPSHOTS,
    "keys",
    "certificates",
    "persons.toml",
    "proposals",
    "taken-files.toml",
    "received",
    "access.sqlite",
    "vault.sqlite",
    "notices.sqlite",
    "notice-book.sqlite",
    "erasures.csv",
    "last-backup.json",
];
/// Other names that may exist in a directory that becomes a data directory: the remains of an
/// interrupted creation, and an entry of a file system's root.
const HARMLESS: [&str; 2] = ["journal.sqlite.unfinished", "lost+found"];

/// A data directory that this process owns. No other process can own it at the same time.
///
/// Keep it as long as its journal or its snapshots are in use. The operating system releases the
/// lock when the process ends, in any way; the file `LOCK` may stay.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    _lock: LockedFile,
}

/// A data directory opened for reading, with or without an owner. It takes no lock.
#[derive(Clone, Debug)]
pub struct SharedDirectory {
    path: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error("there is no data directory {}; check the path, or create it first", path.display())]
    Missing { path: PathBuf },
    #[error("{} is not a directory; give a directory for the data", path.display())]
    NotADirectory { path: PathBuf },
    #[error(
        "{} is not a data directory of Doorstep: it has no {JOURNAL}. Check the path, or create \
         it first", path.display()
    )]
    NoJournal { path: PathBuf },
    #[error("{} is a data directory already; open it, or choose another path", path.display())]
    Exists { path: PathBuf },
    #[error(
        "{} is not empty ({found} is in it); choose a directory that is empty or new",
        path.display()
    )]
    NotEmpty { path: PathBuf, found: String },
    #[error(
        "the data directory {} is in use: another command{} changes the books{}. Wait until it \
         ends, or stop it; then give the command again", path.display(),
        .by.map(|pid| format!(", process {pid},")).unwrap_or_default(),
        .since.map(|at| format!(", for {} seconds now", seconds_since(at))).unwrap_or_default()
    )]
    InUse {
        path: PathBuf,
        /// If its lock file names it.
        by: Option<u32>,
        /// When it took the lock, by the lock file's time.
        since: Option<SystemTime>,
    },
    /// The user lacks the permission.
    #[error(
        "could not {doing} the data directory {}: {cause}; {by}", path.display()
    )]
    Forbidden { doing: &'static str, path: PathBuf, cause: String, by: DirectoryPermissions },
    #[error(
        "could not {doing} the data directory {}: its file system is mounted read-only; mount it \
         for writing, or choose another directory", path.display()
    )]
    ReadOnly { doing: &'static str, path: PathBuf },
    #[error("could not {doing} the data directory {}: {cause}", path.display())]
    Io { doing: &'static str, path: PathBuf, cause: String },
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Whole seconds since a time. 0 if the clock went back.
#[must_use]
pub fn seconds_since(since: SystemTime) -> u64 {
    since.elapsed().unwrap_or_default().as_secs()
}

/// The file or directory whose permissions decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryPermissions {
    pub path: PathBuf,
    /// The user id of its owner.
    pub owner: u32,
    /// The permission bits.
    pub mode: u32,
}

impl fmt::Display for DirectoryPermissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DirectoryPermissions { path, owner, mode } = self;
        write!(
            f,
            "{} belongs to user {owner} and has mode {mode:04o}: run as that user, or change its \
             owner or mode (chown, chmod)",
            path.display()
        )
    }
}

impl DirectoryPermissions {
    /// Of the path, or of the nearest directory above it that there is.
    fn deciding(path: &Path) -> Option<DirectoryPermissions> {
        absolute(path).ok()?.ancestors().find_map(|path| {
            let found = fs::metadata(path).ok()?;
            let (path, owner, mode) = (path.to_owned(), found.uid(), found.mode() & 0o7777);
            Some(DirectoryPermissions { path, owner, mode })
        })
    }
}

/// Whether there is a journal in a directory.
#[must_use]
pub fn has_journal(path: &Path) -> bool {
    path.join(JOURNAL).exists()
}

/// Whether a data directory keeps its books, its lock, keys, certificates or the office's files
/// under this path: no other file may be written there. Symbolic links are followed.
#[must_use]
pub fn is_kept_by_data_directory(path: &Path) -> bool {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let resolved = path.canonicalize().or_else(|_| {
        let parent = parent.unwrap_or(Path::new(".")).canonicalize()?;
        Ok::<_, io::Error>(parent.join(path.file_name().unwrap_or_default()))
    });
    let Ok(resolved) = resolved else { return false };
    resolved.ancestors().any(|one| {
        let name = one.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let kept = name.starts_with(JOURNAL) || KEPT.contains(&name);
        kept && one.parent().is_some_and(|directory| directory.join(JOURNAL).exists())
    })
}

impl DataDirectory {
    /// Creates a data directory with an empty journal. The directory may exist already if it is
    /// empty.
    ///
    /// # Errors
    /// [`DirectoryError::Exists`], [`DirectoryError::NotEmpty`], [`DirectoryError::InUse`],
    /// [`DirectoryError::NotADirectory`], [`DirectoryError::Forbidden`].
    pub fn create(path: &Path) -> Result<DataDirectory, DirectoryError> {
        let failed = |error| described(path, "create", &error);
        let path = &absolute(path).map_err(failed)?;
        let parent = path.parent().unwrap_or(path);
        fs::create_dir_all(parent)
            .and_then(|()| create_for_owner(path))
            .and_then(|()| sync_directory(parent))
            .map_err(failed)?;
        for entry in fs::read_dir(path).map_err(failed)? {
            let found = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if found == JOURNAL {
                return Err(DirectoryError::Exists { path: path.clone() });
            }
            let is_harmless = KEPT.iter().chain(&HARMLESS).any(|name| found.starts_with(name));
            // Snapshots without a journal: it was lost, and a new one would hide that.
            if !is_harmless || found == SNAPSHOTS && has_entries(&path.join(SNAPSHOTS)) {
                return Err(DirectoryError::NotEmpty { path: path.clone(), found });
            }
        }
        let directory = DataDirectory { path: path.clone(), _lock: lock(path)? };
        SqliteJournal::create(&directory.journal_path())?;
        Ok(directory)
    }

    ///
    /// # Errors
    /// [`DirectoryError::InUse`], [`DirectoryError::Missing`], [`DirectoryError::NoJournal`],
    /// [`DirectoryError::NotADirectory`], [`DirectoryError::Forbidden`].
    pub fn open(path: &Path) -> Result<DataDirectory, DirectoryError> {
        let path = existing_path(path)?;
        let lock = lock(&path)?;
        Ok(DataDirectory { path, _lock: lock })
    }

    /// Opens a data directory for reading, also while its owner writes.
    ///
    /// # Errors
    /// [`DirectoryError::Missing`], [`DirectoryError::NoJournal`],
    /// [`DirectoryError::NotADirectory`].
    pub fn open_shared(path: &Path) -> Result<SharedDirectory, DirectoryError> {
        let path = existing_path(path)?;
        Ok(SharedDirectory { path })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    #[must_use]
    pub fn journal_path(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    ///
    /// # Errors
    pub fn journal(&self) -> Result<SqliteJournal, JournalError> {
        SqliteJournal::open(&self.journal_path())
    }

    ///
    /// # Errors
    pub fn snapshots(&self) -> Result<SnapshotDirectory, SnapshotError> {
        SnapshotDirectory::open(&self.path.join(SNAPSHOTS))
    }
}

impl SharedDirectory {
    /// Where a data directory has its journal.
    #[must_use]
    pub fn journal_path_in(directory: &Path) -> PathBuf {
        directory.join(JOURNAL)
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    ///
    /// # Errors
    pub fn journal(&self) -> Result<SqliteReader, JournalError> {
        SqliteReader::open(&self.path.join(JOURNAL))
    }

    ///
    /// # Errors
    pub fn snapshots(&self) -> Result<SnapshotDirectoryReader, SnapshotError> {
        SnapshotDirectoryReader::open(&self.path.join(SNAPSHOTS))
    }
}

/// Creates the directory, if there is none, so that only its owner can enter it.
fn create_for_owner(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        // Of a file in its place the next step says what is wrong.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created,
    }
}

fn has_entries(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())
}

/// The absolute path of an existing data directory.
fn existing_path(path: &Path) -> Result<PathBuf, DirectoryError> {
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

/// Takes the lock and writes this process's id into it, for the error of the next process.
fn lock(path: &Path) -> Result<LockedFile, DirectoryError> {
    let failed = |error| described_by(&path.join(LOCK), path, "lock", &error);
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(path.join(LOCK)).map_err(failed)?;
    let locked = file.try_clone().map_err(failed)?;
    let locked = match LockedFile::try_lock(locked) {
        Ok(locked) => locked,
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let since = file.metadata().and_then(|found| found.modified()).ok();
            let by = file.take(20).read_to_string(&mut text).ok().and(text.trim().parse().ok());
            return Err(DirectoryError::InUse { path: path.to_owned(), by, since });
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    };
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", process::id()))
        .map_err(failed)?;
    Ok(locked)
}

fn described(path: &Path, doing: &'static str, error: &io::Error) -> DirectoryError {
    described_by(path, path, doing, error)
}

/// `decides`: the path whose permissions allow it or not.
fn described_by(
    decides: &Path,
    path: &Path,
    doing: &'static str,
    error: &io::Error,
) -> DirectoryError {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
    let path = path.to_owned();
    let cause = error.to_string();
    match error.kind() {
        NotFound => DirectoryError::Missing { path },
        NotADirectory => DirectoryError::NotADirectory { path },
        ReadOnlyFilesystem => DirectoryError::ReadOnly { doing, path },
        PermissionDenied => match DirectoryPermissions::deciding(decides) {
            Some(by) => DirectoryError::Forbidden { doing, path, cause, by },
            None => DirectoryError::Io { doing, path, cause },
        },
        _ => DirectoryError::Io { doing, path, cause },
    }
}
