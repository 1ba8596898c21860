//! The vault's file.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::error::VaultError;
use crate::private_file::{PrivateFile, PrivateFileFault};

/// The vault's file in the data directory.
pub const VAULT_FILE: &str = "vault.sqlite";

/// Format 1 has no count of erasures, which is zero then. Up to format 2 the records are in the
/// file.
pub const VAULT_STORE: PrivateFile = PrivateFile {
    // "DSvt".
    application_id: 0x4453_7674,
    format: 3,
    write_ahead: false,
    upgrade: |format| match format {
        0 => Some([SCHEMA, ERASURES, SERVER].concat()),
        1 => Some([ERASURES, SERVER].concat()),
        2 => Some(SERVER.to_owned()),
        _ => None,
    },
};

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

/// How many of the listed erasures this file has gone through.
const ERASURES: &str = "
    CREATE TABLE erasures (done INTEGER NOT NULL) STRICT;
    INSERT INTO erasures (done) VALUES (0);";

/// Which server has the records, if one has: the id of both, and whether it was begun there.
const SERVER: &str = "
    CREATE TABLE server (id BLOB NOT NULL, begun INTEGER NOT NULL) STRICT;";

/// Opens the vault's file. `None` if there is none and `create` is false.
pub fn open(path: &Path, create: bool) -> Result<Option<Connection>, VaultError> {
    let of = || path.to_owned();
    VAULT_STORE.open(path, create).map_err(|fault| match fault {
        PrivateFileFault::ReadableByOthers => VaultError::ReadableByOthers(of()),
        PrivateFileFault::Foreign => VaultError::NotAVault(of()),
        PrivateFileFault::Io { doing, source } => VaultError::Io { doing, path: of(), source },
        PrivateFileFault::Sqlite(source) => sqlite("open", path)(source),
    })
}

pub fn sqlite(doing: &'static str, path: &Path) -> impl Fn(rusqlite::Error) -> VaultError {
    let path: PathBuf = path.to_owned();
    move |source| VaultError::Sqlite { doing, path: path.clone(), source }
}
