//! Writes a snapshot once, in order, at the speed of the disk.

use std::fs::{self, File};
use std::path::PathBuf;

use rusqlite::{Connection, OpenFlags, params};

use super::{APPLICATION, SNAPSHOT_FORMAT, Seal, SnapshotError, part_hash};
use crate::file::{remove_if_there, sync_directory};
use crate::{ChainHash, PAYLOAD_BYTES_MAX, Sequence};

/// SQLite's largest page: parts are large and read in order.
const PAGE_BYTES: i32 = 64 << 10;
const CACHE_KIB: i32 = 4 << 10;
/// Written bytes are synced after this many. A disk that gets hundreds of megabytes at the end
/// would delay the journal's syncs.
const UNSYNCED_BYTES_MAX: usize = 8 << 20;

const SCHEMA: &str = "
    CREATE TABLE part (
        number INTEGER PRIMARY KEY,
        hash BLOB NOT NULL,
        payload BLOB NOT NULL
    ) STRICT;
    CREATE TABLE meta (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        sequence INTEGER NOT NULL,
        journal_hash BLOB NOT NULL,
        digest BLOB NOT NULL,
        parts INTEGER NOT NULL,
        seal BLOB NOT NULL
    ) STRICT;
";
const INSERT_PART: &str = "INSERT INTO part (number, hash, payload) VALUES (?1, ?2, ?3)";
const INSERT_META: &str = "INSERT INTO meta (id, sequence, journal_hash, digest, parts, seal)
    VALUES (1, ?1, ?2, ?3, ?4, ?5)";

/// An unfinished snapshot. Dropping it removes its file.
#[derive(Debug)]
pub struct SnapshotWriter {
    /// None once it is finished or abandoned.
    unfinished: Option<Unfinished>,
    seal: Seal,
    sequence: Sequence,
    journal_hash: ChainHash,
    finished_path: PathBuf,
}

#[derive(Debug)]
struct Unfinished {
    connection: Connection,
    /// The same file, for syncing.
    file: File,
    path: PathBuf,
    unsynced_bytes: usize,
}

impl SnapshotWriter {
    pub(super) fn begin(
        path: PathBuf,
        finished_path: PathBuf,
        sequence: Sequence,
        journal_hash: ChainHash,
    ) -> Result<SnapshotWriter, SnapshotError> {
        remove_if_there(&path).map_err(|error| SnapshotError::io(&path, "remove", &error))?;
        let file =
            File::create_new(&path).map_err(|error| SnapshotError::io(&path, "create", &error))?;
        let connection = connect(&path).inspect_err(|_| {
            let _ = fs::remove_file(&path);
        })?;
        Ok(SnapshotWriter {
            unfinished: Some(Unfinished { connection, file, path, unsynced_bytes: 0 }),
            seal: Seal::new(sequence, journal_hash),
            sequence,
            journal_hash,
            finished_path,
        })
    }

    /// Adds the next part, of up to [`PAYLOAD_BYTES_MAX`] bytes; about 1 MiB is fastest.
    ///
    /// After an error the snapshot cannot be finished.
    pub fn write_part(&mut self, payload: &[u8]) -> Result<(), SnapshotError> {
        let mut unfinished = self.unfinished.take().ok_or_else(|| self.given_up())?;
        let added = unfinished.add(self.seal.parts + 1, payload);
        match added {
            Ok(hash) => {
                self.seal.add(&hash);
                self.unfinished = Some(unfinished);
                Ok(())
            }
            Err(error) => {
                unfinished.remove();
                Err(error)
            }
        }
    }

    /// Finishes the snapshot with the caller's digest of the state. When this returns, the snapshot
    /// is durable and listed.
    ///
    /// After an error it is not listed.
    pub fn finish(mut self, digest: [u8; 32]) -> Result<(), SnapshotError> {
        let unfinished = self.unfinished.take().ok_or_else(|| self.given_up())?;
        let path = unfinished.path.clone();
        let parts = self.seal.parts;
        let seal = self.seal.clone().close(&digest);
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let sequence = number(self.sequence.number());
        let meta = params![sequence, self.journal_hash.bytes(), digest, number(parts), seal];
        let failed = |error| SnapshotError::sqlite(&path, "finish", &error);
        let Unfinished { connection, file, .. } = unfinished;
        let finished = connection
            .execute(INSERT_META, meta)
            .and_then(|_| connection.execute_batch("COMMIT"))
            .map_err(failed)
            .and_then(|()| connection.close().map_err(|(_, error)| failed(error)))
            .and_then(|()| {
                let directory = self.finished_path.parent().unwrap_or(&self.finished_path);
                file.sync_all()
                    .and_then(|()| fs::rename(&path, &self.finished_path))
                    .and_then(|()| sync_directory(directory))
                    .map_err(|error| SnapshotError::io(&path, "finish", &error))
            });
        if finished.is_err() {
            let _ = fs::remove_file(&path);
        }
        finished
    }

    fn given_up(&self) -> SnapshotError {
        SnapshotError::Io {
            doing: "go on with",
            path: self.finished_path.clone(),
            cause: "an earlier part could not be written; begin it again".to_owned(),
        }
    }
}

impl Drop for SnapshotWriter {
    fn drop(&mut self) {
        if let Some(unfinished) = self.unfinished.take() {
            unfinished.remove();
        }
    }
}

impl Unfinished {
    fn add(&mut self, number: u64, payload: &[u8]) -> Result<[u8; 32], SnapshotError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(SnapshotError::Io {
                doing: "write",
                path: self.path.clone(),
                cause: format!(
                    "a part of {} bytes is too large: at most {PAYLOAD_BYTES_MAX}; make smaller \
                     parts",
                    payload.len()
                ),
            });
        }
        let hash = part_hash(number, payload);
        self.connection
            .prepare_cached(INSERT_PART)
            .and_then(|mut insert| {
                let number = i64::try_from(number).unwrap_or(i64::MAX);
                insert.execute(params![number, hash, payload])
            })
            .map_err(|error| SnapshotError::sqlite(&self.path, "write", &error))?;
        self.unsynced_bytes += payload.len();
        if self.unsynced_bytes >= UNSYNCED_BYTES_MAX {
            self.file.sync_data().map_err(|error| SnapshotError::io(&self.path, "sync", &error))?;
            self.unsynced_bytes = 0;
        }
        Ok(hash)
    }

    fn remove(self) {
        drop(self.connection);
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens the new file for writing, without SQLite's journal and syncs: nothing reads it before it
/// gets its name, and it is synced before that.
fn connect(path: &std::path::Path) -> Result<Connection, SnapshotError> {
    let failed = |error| SnapshotError::sqlite(path, "create", &error);
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, access).map_err(failed)?;
    let prepared = || {
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.pragma_update(None, "application_id", APPLICATION)?;
        connection.pragma_update(None, "user_version", SNAPSHOT_FORMAT)?;
        connection.execute_batch(SCHEMA)?;
        connection.execute_batch("BEGIN")
    };
    prepared().map_err(failed)?;
    Ok(connection)
}
