//! Reads a snapshot part by part, and checks each part.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::{APPLICATION, SNAPSHOT_FORMAT, Seal, SnapshotError, part_hash};
use crate::file::{FileIdentity, identify};
use crate::{ChainHash, JournalHead, Sequence};

const META: &str = "SELECT sequence, journal_hash, digest, parts, seal FROM meta WHERE id = 1";
const PART_HASHES: &str = "SELECT number, hash FROM part ORDER BY number";
const PART: &str = "SELECT hash, payload FROM part WHERE number = ?1";
/// Room for a few parts; each is read once.
const CACHE_KIB: i32 = 4 << 10;

/// A finished snapshot. Iterate over it to read its parts in order, one in memory at a time.
///
/// Opening it checks its sequence and that all parts exist; reading a part checks that part. After
/// an error there are no more parts.
#[derive(Debug)]
pub struct SnapshotReader {
    connection: Connection,
    path: PathBuf,
    reflected_head: JournalHead,
    digest: [u8; 32],
    parts: u64,
    next: u64,
}

struct Meta {
    sequence: i64,
    journal_hash: [u8; 32],
    digest: [u8; 32],
    parts: i64,
    seal: [u8; 32],
}

impl SnapshotReader {
    pub(super) fn open(path: PathBuf, sequence: Sequence) -> Result<SnapshotReader, SnapshotError> {
        match identify(&path, APPLICATION, SNAPSHOT_FORMAT) {
            Ok(FileIdentity::Ours) => {}
            Ok(FileIdentity::Newer(found)) => {
                return Err(SnapshotError::Newer { path, found, known: SNAPSHOT_FORMAT });
            }
            Ok(FileIdentity::Foreign(what)) => return Err(SnapshotError::Damaged { path, what }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SnapshotError::Missing { path });
            }
            Err(error) => return Err(SnapshotError::io(&path, "open", &error)),
        }
        let failed = |error| SnapshotError::sqlite(&path, "read", &error);
        let (connection, meta, seal) = connect(&path, sequence).map_err(failed)?;
        let damaged =
            |what: &str| Err(SnapshotError::Damaged { path: path.clone(), what: what.to_owned() });
        if u64::try_from(meta.sequence) != Ok(sequence.number()) {
            return damaged("it reflects another batch than its name says");
        }
        if u64::try_from(meta.parts) != Ok(seal.parts) {
            return damaged("parts are missing");
        }
        let parts = seal.parts;
        let reflects = JournalHead { sequence, hash: ChainHash::new(meta.journal_hash) };
        if seal.close(&meta.digest) != meta.seal {
            return damaged("its seal does not match its header and parts");
        }
        Ok(SnapshotReader {
            connection,
            path,
            reflected_head: reflects,
            digest: meta.digest,
            parts,
            next: 1,
        })
    }

    /// The end of the journal that it reflects; [`crate::JournalBatches::after`] reads the batches
    /// after it.
    #[must_use]
    pub fn reflects(&self) -> JournalHead {
        self.reflected_head
    }

    /// The digest that the caller gave to [`crate::SnapshotWriter::finish`].
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    #[must_use]
    pub fn parts(&self) -> u64 {
        self.parts
    }

    fn read_part(&self, number: u64) -> Result<Vec<u8>, SnapshotError> {
        let stored = self.connection.prepare_cached(PART).and_then(|mut part| {
            part.query_row([i64::try_from(number).unwrap_or(i64::MAX)], |row| {
                Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, Vec<u8>>(1)?))
            })
        });
        match stored {
            Ok((hash, payload)) if part_hash(number, &payload) == hash => Ok(payload),
            Ok(_) => Err(self.damaged_part(number, "its content does not match its hash")),
            Err(error) => match SnapshotError::sqlite(&self.path, "read", &error) {
                SnapshotError::Damaged { what, .. } => Err(self.damaged_part(number, &what)),
                error => Err(error),
            },
        }
    }

    fn damaged_part(&self, number: u64, what: &str) -> SnapshotError {
        let what = format!("part {number} of {}: {what}", self.parts);
        SnapshotError::Damaged { path: self.path.clone(), what }
    }
}

impl Iterator for SnapshotReader {
    type Item = Result<Vec<u8>, SnapshotError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.parts {
            return None;
        }
        let part = self.read_part(self.next);
        self.next = if part.is_ok() { self.next + 1 } else { u64::MAX };
        Some(part)
    }
}

/// Opens the file and reads everything except the payloads.
fn connect(path: &Path, sequence: Sequence) -> rusqlite::Result<(Connection, Meta, Seal)> {
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, access)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    let meta = connection.query_row(META, [], |row| {
        Ok(Meta {
            sequence: row.get(0)?,
            journal_hash: row.get(1)?,
            digest: row.get(2)?,
            parts: row.get(3)?,
            seal: row.get(4)?,
        })
    })?;
    let mut seal = Seal::new(sequence, ChainHash::new(meta.journal_hash));
    let mut statement = connection.prepare(PART_HASHES)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        if u64::try_from(number) != Ok(seal.parts + 1) {
            break;
        }
        seal.add(&row.get(1)?);
    }
    drop(rows);
    drop(statement);
    Ok((connection, meta, seal))
}
