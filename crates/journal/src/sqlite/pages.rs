//! Reads batches and checks each against the chain.

use std::path::Path;

use rusqlite::types::{FromSql, FromSqlError};
use rusqlite::{Connection, Row, Rows, Transaction, TransactionBehavior};

use crate::storage_fault::StorageFault;
use crate::{ChainHash, Epoch, JournalBatch, JournalError, JournalHead, Sequence, batch_hash};

const HEAD: &str = "SELECT epoch, next, hash FROM head WHERE id = 1";
const LINK: &str = "SELECT epoch, hash FROM journal WHERE seq = ?1";
const LAST: &str = "SELECT coalesce(max(seq), 0) FROM journal";
const PAGE: &str = "SELECT seq, epoch, previous, hash, length(payload), payload
    FROM journal WHERE seq >= ?1 ORDER BY seq";

/// The row that every append checks and updates.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadRow {
    /// The leading epoch.
    pub(super) epoch: Epoch,
    pub(super) head: JournalHead,
}

/// What the next batch must follow.
#[derive(Clone, Copy, Debug)]
struct ChainLink {
    sequence: Sequence,
    epoch: Epoch,
    hash: ChainHash,
}

/// The head row, not checked against the batches.
pub(super) fn head_row(connection: &Connection, path: &Path) -> Result<HeadRow, JournalError> {
    let row = connection
        .prepare_cached(HEAD)
        .and_then(|mut head| {
            head.query_row([], |row| {
                Ok((number(row, 0)?, number(row, 1)?, row.get::<_, HashBytes>(2)?))
            })
        })
        .map_err(|error| JournalError::sqlite(path, "read the head of", &error))?;
    let (epoch, next, HashBytes(hash)) = row;
    let Some(last) = next.checked_sub(1) else {
        let what = "its head says that the next batch is 0".to_owned();
        return Err(JournalError::DamagedFile { path: path.to_owned(), what });
    };
    let head = JournalHead { sequence: Sequence::new(last), hash };
    Ok(HeadRow { epoch: Epoch::new(epoch), head })
}

/// Converts an epoch from SQL.
pub(super) fn stored_epoch(path: &Path, epoch: i64) -> Result<Epoch, JournalError> {
    u64::try_from(epoch).map(Epoch::new).map_err(|_| {
        let what = format!("its head says that epoch {epoch} leads");
        JournalError::DamagedFile { path: path.to_owned(), what }
    })
}

/// The end of the journal. Checks that it is the last batch, but not the batch's content.
pub(super) fn head(connection: &Connection, path: &Path) -> Result<JournalHead, JournalError> {
    let _snapshot = begin(connection, path)?;
    Ok(known_head(connection, path)?.head)
}

/// The end of the journal, within the caller's transaction. Checks the last batch completely.
pub(super) fn checked_head(
    connection: &Connection,
    path: &Path,
) -> Result<JournalHead, JournalError> {
    let row = known_head(connection, path)?;
    if row.head.sequence != Sequence::NONE {
        page(connection, path, row, row.head.sequence, 0)?;
    }
    Ok(row.head)
}

/// The batches from `from` on: at most `limit_bytes` of them, but at least one.
pub(super) fn read(
    connection: &Connection,
    path: &Path,
    from: Sequence,
    limit_bytes: usize,
) -> Result<Vec<JournalBatch>, JournalError> {
    // One transaction gives a consistent view of head and batches. It is short, because it prevents
    // the log from restarting.
    let _snapshot = begin(connection, path)?;
    let row = known_head(connection, path)?;
    let from = from.max(Sequence::FIRST);
    if from > row.head.sequence {
        Ok(Vec::new())
    } else {
        page(connection, path, row, from, limit_bytes)
    }
}

fn begin<'c>(connection: &'c Connection, path: &Path) -> Result<Transaction<'c>, JournalError> {
    Transaction::new_unchecked(connection, TransactionBehavior::Deferred)
        .map_err(|error| JournalError::sqlite(path, "read", &error))
}

/// The head row, checked against the last batch.
fn known_head(connection: &Connection, path: &Path) -> Result<HeadRow, JournalError> {
    let row = head_row(connection, path)?;
    let end = row.head.sequence;
    let last = connection
        .prepare_cached(LAST)
        .and_then(|mut last| last.query_row([], |row| number(row, 0)))
        .map_err(|error| JournalError::sqlite(path, "read the last batch of", &error))?;
    let damaged = |sequence, what: String| {
        Err(JournalError::Damaged { path: path.to_owned(), sequence, what })
    };
    if last < end.number() {
        let missing = Sequence::new(last).next();
        let what = format!("it is not in the file, whose head names batch {end} as the last one");
        return damaged(missing, what);
    }
    if last > end.number() {
        let what = format!("it is in the file, whose head names batch {end} as the last one");
        return damaged(end.next(), what);
    }
    let hash = link(connection, path, end)?.hash;
    if hash != row.head.hash {
        let what = format!("its hash is {hash}, the journal's head says {}", row.head.hash);
        return damaged(end, what);
    }
    Ok(row)
}

/// What the batch after `sequence` must follow.
fn link(
    connection: &Connection,
    path: &Path,
    sequence: Sequence,
) -> Result<ChainLink, JournalError> {
    if sequence == Sequence::NONE {
        return Ok(ChainLink { sequence, epoch: Epoch::NONE, hash: ChainHash::ZERO });
    }
    let stored = connection.prepare_cached(LINK).and_then(|mut link| {
        link.query_row([i64::try_from(sequence.number()).unwrap_or(i64::MAX)], |row| {
            Ok((number(row, 0)?, row.get::<_, HashBytes>(1)?))
        })
    });
    match stored {
        Ok((epoch, HashBytes(hash))) => Ok(ChainLink { sequence, epoch: Epoch::new(epoch), hash }),
        Err(rusqlite::Error::QueryReturnedNoRows) => Err(JournalError::Damaged {
            path: path.to_owned(),
            sequence,
            what: "it is missing".to_owned(),
        }),
        Err(error) => Err(unreadable(path, sequence, &error)),
    }
}

/// The batches from `from`, which must exist, up to the first damaged one.
fn page(
    connection: &Connection,
    path: &Path,
    end: HeadRow,
    from: Sequence,
    limit_bytes: usize,
) -> Result<Vec<JournalBatch>, JournalError> {
    let mut link = link(connection, path, from.before().unwrap_or(Sequence::NONE))?;
    let unread = |error: rusqlite::Error| unreadable(path, from, &error);
    let mut statement = connection.prepare_cached(PAGE).map_err(unread)?;
    let first = i64::try_from(from.number()).unwrap_or(i64::MAX);
    let mut rows = statement.query([first]).map_err(unread)?;
    let mut batches = Vec::new();
    let mut left_bytes = limit_bytes;
    while link.sequence < end.head.sequence {
        let room = if batches.is_empty() { usize::MAX } else { left_bytes };
        match next_batch(&mut rows, path, link, end, room) {
            Ok(Some(batch)) => {
                link = ChainLink { sequence: batch.sequence, epoch: batch.epoch, hash: batch.hash };
                left_bytes = left_bytes.saturating_sub(memory_bytes(batch.payload.len()));
                batches.push(batch);
            }
            // The next page starts with the damaged batch and reports it.
            Err(_) if !batches.is_empty() => break,
            Err(error) => return Err(error),
            Ok(None) => break,
        }
    }
    Ok(batches)
}

/// The batch after `link`, checked; None if it does not fit into `room_bytes`.
fn next_batch(
    rows: &mut Rows<'_>,
    path: &Path,
    link: ChainLink,
    end: HeadRow,
    room_bytes: usize,
) -> Result<Option<JournalBatch>, JournalError> {
    let sequence = link.sequence.next();
    let damaged = |what| JournalError::Damaged { path: path.to_owned(), sequence, what };
    let unread = |error: rusqlite::Error| unreadable(path, sequence, &error);
    let missing = || damaged("it is missing".to_owned());
    let row = rows.next().map_err(unread)?.ok_or_else(missing)?;
    if number(row, 0).map_err(unread)? != sequence.number() {
        return Err(missing());
    }
    // The length is stored before the payload, so a payload that does not fit is not read.
    let payload_bytes = usize::try_from(number(row, 4).map_err(unread)?).unwrap_or(usize::MAX);
    if memory_bytes(payload_bytes) > room_bytes {
        return Ok(None);
    }
    let batch = stored_batch(row, sequence).map_err(unread)?;
    check(&batch, link, end).map_err(damaged)?;
    Ok(Some(batch))
}

fn memory_bytes(payload_bytes: usize) -> usize {
    payload_bytes.saturating_add(size_of::<JournalBatch>())
}

fn stored_batch(row: &Row<'_>, sequence: Sequence) -> rusqlite::Result<JournalBatch> {
    let epoch = Epoch::new(number(row, 1)?);
    let (HashBytes(previous), HashBytes(hash)) = (row.get(2)?, row.get(3)?);
    Ok(JournalBatch { sequence, epoch, previous, hash, payload: row.get(5)? })
}

/// Checks a batch that must follow `link`, in a journal that ends with `end`.
fn check(batch: &JournalBatch, link: ChainLink, end: HeadRow) -> Result<(), String> {
    if batch.previous != link.hash {
        return Err(format!(
            "it follows hash {}, but batch {} before it has hash {}",
            batch.previous, link.sequence, link.hash
        ));
    }
    let hash = batch_hash(batch.sequence, batch.epoch, batch.previous, &batch.payload);
    if hash != batch.hash {
        return Err(format!("its content has hash {hash}, it was written with {}", batch.hash));
    }
    if batch.epoch < link.epoch || batch.epoch > end.epoch {
        return Err(format!(
            "it is of epoch {}, between {} before it and {}, which leads now",
            batch.epoch, link.epoch, end.epoch
        ));
    }
    Ok(())
}

/// The error of a batch that SQLite cannot read.
fn unreadable(path: &Path, sequence: Sequence, error: &rusqlite::Error) -> JournalError {
    match StorageFault::from_sqlite(error) {
        StorageFault::Damaged(what) => {
            JournalError::Damaged { path: path.to_owned(), sequence, what }
        }
        _ => JournalError::sqlite(path, "read", error),
    }
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number = row.get::<_, i64>(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

struct HashBytes(ChainHash);

impl FromSql for HashBytes {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> Result<HashBytes, FromSqlError> {
        let bytes = value.as_blob()?;
        let bytes = bytes.try_into().map_err(|_| FromSqlError::InvalidBlobSize {
            expected_size: 32,
            blob_size: bytes.len(),
        })?;
        Ok(HashBytes(ChainHash::new(bytes)))
    }
}
