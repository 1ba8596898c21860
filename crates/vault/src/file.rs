//! The vault's file: SQLite, readable by its owner only, overwritten where something is deleted.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::VaultError;

/// The vault's file in the data directory.
pub const VAULT_FILE: &str = "vault.sqlite";

/// "DSvt": tells the file from other SQLite files.
const APPLICATION_ID: i32 = 0x4453_7674;
const FORMAT: i32 = 1;
/// How long another process may hold the file.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// Deleted content is overwritten with zeros. The rollback journal, which has the pages as they
/// were, is removed with each transaction, durably (EXTRA); a write-ahead log would keep old pages.
const SETTINGS: &str = "PRAGMA secure_delete = ON; PRAGMA journal_mode = DELETE;
    PRAGMA synchronous = EXTRA; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;";

const SCHEMA: &str = "
    CREATE TABLE subjects (
        subject TEXT PRIMARY KEY,
        wrapped_key BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE records (
        subject TEXT NOT NULL,
        kind TEXT NOT NULL,
        digest BLOB NOT NULL,
        approved INTEGER NOT NULL,
        nonce BLOB NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (subject, kind, digest)
    ) STRICT, WITHOUT ROWID;";

/// Opens the vault's file. `None` if there is none and `create` is false.
pub fn open(path: &Path, create: bool) -> Result<Option<Connection>, VaultError> {
    let io =
        |doing: &'static str| move |source| VaultError::Io { doing, path: path.to_owned(), source };
    match fs::metadata(path) {
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            return Err(VaultError::ReadableByOthers(path.to_owned()));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound && !create => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut options = OpenOptions::new();
            let made = options.write(true).create_new(true).mode(0o600).open(path);
            made.and_then(|file| file.sync_all()).map_err(io("create"))?;
        }
        Err(error) => return Err(io("open")(error)),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite("open", path))?;
    connection.busy_timeout(BUSY_WAIT).map_err(sqlite("open", path))?;
    prepare(&connection, path)?;
    Ok(Some(connection))
}

/// Checks the file, and completes one whose creation a crash interrupted.
fn prepare(connection: &Connection, path: &Path) -> Result<(), VaultError> {
    let failed = sqlite("open", path);
    connection.execute_batch(SETTINGS).map_err(&failed)?;
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let numbers = || Ok((number("application_id")?, number("user_version")?));
    match numbers().map_err(&failed)? {
        (APPLICATION_ID, FORMAT) => return Ok(()),
        (0, 0) => {}
        _ => return Err(VaultError::NotAVault(path.to_owned())),
    }
    let behavior = TransactionBehavior::Immediate;
    let transaction =
        rusqlite::Transaction::new_unchecked(connection, behavior).map_err(&failed)?;
    // Another process may have been first.
    if numbers().map_err(&failed)? == (0, 0) {
        transaction.execute_batch(SCHEMA).map_err(|_| VaultError::NotAVault(path.to_owned()))?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(&failed)?;
        transaction.pragma_update(None, "user_version", FORMAT).map_err(&failed)?;
    }
    transaction.commit().map_err(&failed)
}

pub fn sqlite(doing: &'static str, path: &Path) -> impl Fn(rusqlite::Error) -> VaultError {
    let path: PathBuf = path.to_owned();
    move |source| VaultError::Sqlite { doing, path: path.clone(), source }
}
