//! Creates and opens the file: identifies it, checks its log, and configures SQLite.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf, absolute};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::write_ahead_log::{Tuning, WriteAheadLog};
use super::{pages, wal_check};
use crate::JournalError;
use crate::error::BUSY_SECONDS_MAX;
use crate::file::{FileIdentity, identify, remove_if_there, sync_directory, with_suffix};

/// The format of new journal files. Formats 1 up to this can be read.
pub const JOURNAL_FORMAT: i32 = 1;

/// SQLite's `application_id`: "DOOR".
const APPLICATION: i32 = 0x444F_4F52;

const SCHEMA: &str = "
    CREATE TABLE head (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        epoch INTEGER NOT NULL,
        next INTEGER NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
    INSERT INTO head VALUES (1, 0, 1, zeroblob(32));
    CREATE TABLE journal (
        seq INTEGER PRIMARY KEY,
        epoch INTEGER NOT NULL,
        previous BLOB NOT NULL,
        hash BLOB NOT NULL,
        payload BLOB NOT NULL
    ) STRICT;
";

const CACHE_KIB: i32 = 8 << 10;

/// Creates an empty journal, whole or not at all. Returns its absolute path.
///
/// The path must be absolute: SQLite reads a name that starts with `file:` as a URI.
pub(super) fn create(path: &Path, tuning: Tuning) -> Result<PathBuf, JournalError> {
    let failed = |error| JournalError::io(path, "create", &error);
    let path = absolute(path).map_err(failed)?;
    if fs::exists(&path).map_err(failed)? {
        return Err(JournalError::Exists { path });
    }
    let unfinished = with_suffix(&path, ".unfinished");
    let remove = || {
        // SQLite leaves these files when it is killed.
        ["", "-journal", "-wal", "-shm"]
            .iter()
            .try_for_each(|suffix| remove_if_there(&with_suffix(&unfinished, suffix)))
    };
    remove().map_err(failed)?;
    let written = write_empty(&unfinished, tuning).and_then(|()| {
        File::open(&unfinished)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&unfinished, &path))
            .and_then(|()| sync_directory(path.parent().unwrap_or(&path)))
            .map_err(failed)
    });
    if written.is_err() {
        let _ = remove();
    }
    written.map(|()| path)
}

fn log_of(path: &Path) -> PathBuf {
    with_suffix(path, "-wal")
}

/// The files of journals that this process has open, by device and inode, and how often.
static OPENED: Mutex<BTreeMap<(u64, u64), usize>> = Mutex::new(BTreeMap::new());

/// A journal's file that this process has open. Outlives the connection.
///
/// SQLite locks the file as POSIX does: when a process closes any descriptor of a file, it loses
/// all its locks on that file. So a file that SQLite has open here is never opened beside it.
/// Without its lock, a journal in use looks unused to others, who may then remove its log.
#[derive(Debug)]
pub(super) struct OpenedFile {
    key: (u64, u64),
}

impl OpenedFile {
    /// Identifies the file, unless this process has it open: then it was identified before.
    fn identified(path: &Path) -> io::Result<(OpenedFile, FileIdentity)> {
        let found = fs::metadata(path)?;
        let key = (found.dev(), found.ino());
        // Held until the file that identifies is closed: nobody connects meanwhile.
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        let identity = match opened.contains_key(&key) {
            true => FileIdentity::Ours,
            false => identify(path, APPLICATION, JOURNAL_FORMAT)?,
        };
        *opened.entry(key).or_default() += 1;
        Ok((OpenedFile { key }, identity))
    }
}

impl Drop for OpenedFile {
    fn drop(&mut self) {
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = opened.entry(self.key) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// Checks that the file is a readable journal with an undamaged log. Returns its absolute path.
pub(super) fn examine(path: &Path) -> Result<(PathBuf, OpenedFile), JournalError> {
    let failed = |error| JournalError::io(path, "open", &error);
    let path = absolute(path).map_err(failed)?;
    if !fs::exists(&path).map_err(failed)? {
        return Err(JournalError::Missing { path });
    }
    let (opened, identity) = OpenedFile::identified(&path).map_err(failed)?;
    match identity {
        FileIdentity::Ours => {}
        FileIdentity::Newer(found) => {
            return Err(JournalError::Newer { path, found, known: JOURNAL_FORMAT });
        }
        FileIdentity::Foreign(what) => return Err(JournalError::NotAJournal { path, what }),
    }
    match wal_check::lost_transactions(&log_of(&path)).map_err(failed)? {
        Some(what) => Err(JournalError::DamagedFile { path: log_of(&path), what }),
        None => Ok((path, opened)),
    }
}

fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(BUSY_SECONDS_MAX))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(connection)
}

pub(super) fn connect_to_write(
    path: &Path,
    tuning: Tuning,
) -> Result<(Connection, WriteAheadLog), JournalError> {
    let failed = |error| JournalError::sqlite(path, "open", &error);
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    // SQLite opens a file for reading if it may not write it.
    if connection.is_readonly("main").map_err(failed)? {
        return Err(JournalError::ReadOnly { path: path.to_owned() });
    }
    let mode = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))
        .map_err(failed)?;
    if mode != "wal" {
        let cause = "its file system cannot share memory between processes; put the data \
                     directory on a local disk"
            .to_owned();
        return Err(JournalError::Io { doing: "open", path: path.to_owned(), cause });
    }
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    let log = WriteAheadLog::watch(&mut connection, tuning.checkpoint_bytes).map_err(failed)?;
    pages::head_row(&connection, path)?;
    Ok((connection, log))
}

pub(super) fn connect_to_read(path: &Path) -> Result<Connection, JournalError> {
    let failed = |error| JournalError::sqlite(path, "open", &error);
    // SQLite opens the file at the first statement.
    let opened = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(|connection| {
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    });
    match opened {
        Ok(connection) => Ok(connection),
        Err(error) if has_no_place_for_an_index(&error) => {
            if fs::metadata(log_of(path)).is_ok_and(|log| log.len() > 0) {
                let cause = "its log has to be indexed and its directory cannot be written; read \
                             a copy, or as the user that owns it"
                    .to_owned();
                return Err(JournalError::Io { doing: "open", path: path.to_owned(), cause });
            }
            // Without a log, no process is writing.
            let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            connect(Path::new(&immutable_uri(path)), access).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

fn has_no_place_for_an_index(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// A URI that tells SQLite that the file will not change, <https://www.sqlite.org/uri.html>.
fn immutable_uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// Writes a journal without batches. Only its name is not durable yet.
fn write_empty(path: &Path, tuning: Tuning) -> Result<(), JournalError> {
    let failed = |error| JournalError::sqlite(path, "create", &error);
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = connect(path, access).map_err(failed)?;
    let written = || {
        connection.pragma_update(None, "page_size", tuning.page_bytes)?;
        connection.pragma_update(None, "synchronous", "EXTRA")?;
        let transaction = connection.unchecked_transaction()?;
        connection.pragma_update(None, "application_id", APPLICATION)?;
        connection.pragma_update(None, "user_version", JOURNAL_FORMAT)?;
        connection.execute_batch(SCHEMA)?;
        transaction.commit()?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
    };
    written().map_err(failed)?;
    connection.close().map_err(|(_, error)| failed(error))
}
