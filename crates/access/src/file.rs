//! The store's file.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use vault::{PrivateFile, PrivateFileFault};

use crate::error::AccessError;

/// File name in a data directory.
pub const ACCESS_FILE: &str = "access.sqlite";

/// What the store's file is.
pub const ACCESS_STORE: PrivateFile = PrivateFile {
    // "DSac".
    application_id: 0x4453_6163,
    format: 4,
    write_ahead: false,
    upgrade: |format| match format {
        0 => Some(format!("{SCHEMA}{SCHEMA_2}{SCHEMA_3}{SCHEMA_4}")),
        1 => Some(format!("{SCHEMA_2}{SCHEMA_3}{SCHEMA_4}")),
        2 => Some(format!("{SCHEMA_3}{SCHEMA_4}")),
        3 => Some(SCHEMA_4.to_owned()),
        _ => None,
    },
};

/// Ids are texts, because they are larger than SQLite's integers. Times are milliseconds.
const SCHEMA: &str = "
    CREATE TABLE store_key (one INTEGER PRIMARY KEY CHECK (one = 1), wrapped BLOB NOT NULL) STRICT;
    CREATE TABLE sign_ins (
        person TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        resets INTEGER NOT NULL,
        salt BLOB,
        password BLOB,
        factor_nonce BLOB,
        factor BLOB,
        last_step INTEGER NOT NULL DEFAULT 0,
        setting_hash BLOB,
        setting_until INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE sessions (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        hash BLOB NOT NULL UNIQUE,
        person TEXT NOT NULL,
        resets INTEGER NOT NULL,
        begun INTEGER NOT NULL,
        used INTEGER NOT NULL,
        second_factor INTEGER NOT NULL,
        stepped_up INTEGER,
        address TEXT NOT NULL
    ) STRICT;
    CREATE INDEX sessions_of ON sessions (person);
    CREATE TABLE api_keys (
        key TEXT PRIMARY KEY,
        hash BLOB NOT NULL UNIQUE
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE attempts (
        subject BLOB PRIMARY KEY,
        wrong INTEGER NOT NULL,
        last INTEGER NOT NULL,
        wait_until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE events (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        person TEXT,
        event TEXT NOT NULL
    ) STRICT;";

/// Passkeys, and identities of a provider.
const SCHEMA_2: &str = "
    CREATE TABLE passkeys (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id BLOB NOT NULL UNIQUE,
        person TEXT NOT NULL,
        name TEXT NOT NULL,
        point BLOB NOT NULL,
        sign_count INTEGER NOT NULL,
        backup_eligible INTEGER NOT NULL,
        suspect INTEGER NOT NULL DEFAULT 0,
        made INTEGER NOT NULL,
        used INTEGER
    ) STRICT;
    CREATE INDEX passkeys_of ON passkeys (person);
    CREATE TABLE answered_challenges (
        hash BLOB PRIMARY KEY,
        until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE linked_identities (
        issuer TEXT NOT NULL,
        subject TEXT NOT NULL,
        person TEXT NOT NULL,
        PRIMARY KEY (issuer, subject)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX identities_of ON linked_identities (person);";

/// A linked identity has a number, by which a person takes it away.
const SCHEMA_3: &str = "
    CREATE TABLE numbered_identities (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        issuer TEXT NOT NULL,
        subject TEXT NOT NULL,
        person TEXT NOT NULL,
        UNIQUE (issuer, subject)
    ) STRICT;
    INSERT INTO numbered_identities (issuer, subject, person)
        SELECT issuer, subject, person FROM linked_identities ORDER BY issuer, subject;
    DROP TABLE linked_identities;
    ALTER TABLE numbered_identities RENAME TO linked_identities;
    CREATE INDEX identities_of ON linked_identities (person);";

/// When a key was used last.
const SCHEMA_4: &str = "
    ALTER TABLE api_keys ADD COLUMN used INTEGER;";

/// Opens the file, and makes it if there is none.
pub fn open(path: &Path) -> Result<Connection, AccessError> {
    let of = || path.to_owned();
    let opened = ACCESS_STORE.open(path, true).map_err(|fault| match fault {
        PrivateFileFault::ReadableByOthers => AccessError::ReadableByOthers(of()),
        PrivateFileFault::Foreign => AccessError::NotAStore(of()),
        PrivateFileFault::Io { doing, source } => AccessError::Io { doing, path: of(), source },
        PrivateFileFault::Sqlite(source) => sqlite("open", path)(source),
    });
    Ok(opened?.expect("it is made if there is none"))
}

pub fn sqlite(doing: &'static str, path: &Path) -> impl Fn(rusqlite::Error) -> AccessError {
    let path: PathBuf = path.to_owned();
    move |source| AccessError::Sqlite { doing, path: path.clone(), source }
}
