//! A journal in one SQLite file with its write-ahead log.
//!
//! One row per batch; a commit is one fdatasync of the log. The check of the leadership runs in the
//! same transaction as the insert: a primary key alone would refuse a stale leader once, and accept
//! it when its later numbers match again.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::{
    Epoch, Journal, JournalBatch, JournalError, JournalHead, Leadership, PAYLOAD_BYTES_MAX,
    ReadJournal, Sequence, batch_hash,
};

mod copy;
mod opening;
mod pages;
mod wal_check;
mod write_ahead_log;

pub use copy::JournalCopy;
pub use opening::JOURNAL_FORMAT;
pub use write_ahead_log::Tuning;

use opening::OpenedFile;
use write_ahead_log::WriteAheadLog;

const TAKE_OVER: &str = "UPDATE head SET epoch = epoch + 1 RETURNING epoch";
const GUARD: &str = "UPDATE head SET next = next + 1, hash = ?4
    WHERE epoch = ?1 AND next = ?2 AND hash = ?3";
const INSERT: &str = "INSERT INTO journal (seq, epoch, previous, hash, payload)
    VALUES (?1, ?2, ?3, ?4, ?5)";

/// A journal in an SQLite file, for reading and appending.
///
/// Any number of processes may open it; only the last to take over can append.
#[derive(Debug)]
pub struct SqliteJournal {
    connection: Connection,
    path: PathBuf,
    status: LeaderStatus,
    log: WriteAheadLog,
    _opened: OpenedFile,
}

/// A journal in an SQLite file, for reading only: neither the file nor its log is changed.
///
/// It can be read while a leader appends, and after one was killed.
#[derive(Debug)]
pub struct SqliteReader {
    connection: Connection,
    path: PathBuf,
    _opened: OpenedFile,
}

#[derive(Clone, Copy, Debug)]
enum LeaderStatus {
    Following,
    /// The end of the journal that this leader has written.
    Leading(JournalHead),
    Stopped,
}

impl SqliteJournal {
    /// Creates an empty journal at `path`, whole or not at all.
    ///
    /// # Errors
    /// [`JournalError::Exists`] where something is at `path`; where the file cannot be written.
    pub fn create(path: &Path) -> Result<SqliteJournal, JournalError> {
        SqliteJournal::create_tuned(path, Tuning::default())
    }

    /// Creates an empty journal with other settings than the measured ones.
    pub fn create_tuned(path: &Path, tuning: Tuning) -> Result<SqliteJournal, JournalError> {
        let path = opening::create(path, tuning)?;
        SqliteJournal::open_tuned(&path, tuning)
    }

    ///
    /// # Errors
    /// [`JournalError::Missing`], [`JournalError::NotAJournal`], [`JournalError::Newer`];
    /// [`JournalError::DamagedFile`] if its log has lost durable batches.
    pub fn open(path: &Path) -> Result<SqliteJournal, JournalError> {
        SqliteJournal::open_tuned(path, Tuning::default())
    }

    /// As [`SqliteJournal::open`], with another size at which the log is merged.
    pub fn open_tuned(path: &Path, tuning: Tuning) -> Result<SqliteJournal, JournalError> {
        let (path, opened) = opening::examine(path)?;
        let (connection, log) = opening::connect_to_write(&path, tuning)?;
        let status = LeaderStatus::Following;
        Ok(SqliteJournal { connection, path, status, log, _opened: opened })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn failed(&self, doing: &'static str) -> impl Fn(rusqlite::Error) -> JournalError {
        let path = self.path.clone();
        move |error| JournalError::sqlite(&path, doing, &error)
    }

    fn take_over(&mut self) -> Result<Leadership, JournalError> {
        // Restarting the log writes its pages to the file once more, so it does not matter which of
        // them an earlier process had synced. A reader may prevent it.
        write_ahead_log::start_over(&self.connection, &self.path)?;
        let failed = self.failed("take the leadership of");
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
                .map_err(&failed)?;
        let head = pages::checked_head(&self.connection, &self.path)?;
        let epoch = transaction
            .query_row(TAKE_OVER, [], |row| row.get::<_, i64>(0))
            .map_err(&failed)
            .and_then(|epoch| pages::stored_epoch(&self.path, epoch))?;
        transaction.commit().map_err(&failed)?;
        Ok(Leadership { epoch, head })
    }

    /// Hashes the batch before SQLite's lock is taken; then checks and inserts it in one
    /// transaction.
    fn append_after(
        &mut self,
        head: JournalHead,
        epoch: Epoch,
        payload: &[u8],
    ) -> Result<JournalHead, JournalError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(JournalError::TooLarge { bytes: payload.len(), most: PAYLOAD_BYTES_MAX });
        }
        let sequence = head.sequence.next();
        let hash = batch_hash(sequence, epoch, head.hash, payload);
        self.commit_after(head, epoch, JournalHead { sequence, hash }, payload)?;
        self.log.merge_when_long(&self.connection, &self.path)?;
        Ok(JournalHead { sequence, hash })
    }

    fn commit_after(
        &self,
        head: JournalHead,
        epoch: Epoch,
        appended: JournalHead,
        payload: &[u8],
    ) -> Result<(), JournalError> {
        let failed = self.failed("append to");
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let (seq, writer) = (number(appended.sequence.number()), number(epoch.number()));
        let (previous, hash) = (head.hash.bytes(), appended.hash.bytes());
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
                .map_err(&failed)?;
        let guarded = self
            .connection
            .prepare_cached(GUARD)
            .and_then(|mut guard| guard.execute(params![writer, seq, previous, hash]))
            .map_err(&failed)?;
        if guarded != 1 {
            return Err(self.refusal_reason(epoch, appended.sequence));
        }
        self.connection
            .prepare_cached(INSERT)
            .and_then(|mut insert| insert.execute(params![seq, writer, previous, hash, payload]))
            .map_err(&failed)?;
        transaction.commit().map_err(&failed)
    }

    /// Why the check refused the append of `sequence` by `epoch`.
    fn refusal_reason(&self, epoch: Epoch, sequence: Sequence) -> JournalError {
        match pages::head_row(&self.connection, &self.path) {
            Err(error) => error,
            Ok(row) if row.epoch > epoch => JournalError::Fenced { ours: epoch, by: row.epoch },
            Ok(row) => JournalError::Damaged {
                path: self.path.clone(),
                sequence,
                what: format!(
                    "the journal ends with batch {} of epoch {} although no leader took over \
                     from epoch {epoch}; something else has written to it",
                    row.head.sequence, row.epoch
                ),
            },
        }
    }
}

impl ReadJournal for SqliteJournal {
    fn head(&mut self) -> Result<JournalHead, JournalError> {
        pages::head(&self.connection, &self.path)
    }

    fn read(
        &mut self,
        from: Sequence,
        limit_bytes: usize,
    ) -> Result<Vec<JournalBatch>, JournalError> {
        pages::read(&self.connection, &self.path, from, limit_bytes)
    }
}

impl Journal for SqliteJournal {
    fn lead(&mut self) -> Result<Leadership, JournalError> {
        if matches!(self.status, LeaderStatus::Stopped) {
            return Err(JournalError::Stopped);
        }
        self.status = LeaderStatus::Stopped;
        let leadership = self.take_over()?;
        self.status = LeaderStatus::Leading(leadership.head);
        Ok(leadership)
    }

    fn append(&mut self, epoch: Epoch, payload: &[u8]) -> Result<JournalHead, JournalError> {
        let head = match self.status {
            LeaderStatus::Following => return Err(JournalError::NotLeading),
            LeaderStatus::Stopped => return Err(JournalError::Stopped),
            LeaderStatus::Leading(head) => head,
        };
        self.status = LeaderStatus::Stopped;
        let appended = self.append_after(head, epoch, payload)?;
        self.status = LeaderStatus::Leading(appended);
        Ok(appended)
    }
}

impl SqliteReader {
    /// Opens the journal at `path` for reading.
    ///
    /// The directory should be writable, or the journal in use: SQLite keeps an index of the log in
    /// a file beside it. In a read-only directory, a journal can be read after a shutdown.
    pub fn open(path: &Path) -> Result<SqliteReader, JournalError> {
        let (path, opened) = opening::examine(path)?;
        let connection = opening::connect_to_read(&path)?;
        pages::head_row(&connection, &path)?;
        Ok(SqliteReader { connection, path, _opened: opened })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl ReadJournal for SqliteReader {
    fn head(&mut self) -> Result<JournalHead, JournalError> {
        pages::head(&self.connection, &self.path)
    }

    fn read(
        &mut self,
        from: Sequence,
        limit_bytes: usize,
    ) -> Result<Vec<JournalBatch>, JournalError> {
        pages::read(&self.connection, &self.path, from, limit_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_alone_fences_a_stale_leader_even_when_its_numbers_match() {
        let directory = std::env::temp_dir().join(format!("journal-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("guard.sqlite");
        let mut old = SqliteJournal::create(&path).unwrap();
        let stale = old.lead().unwrap();
        let mut new = SqliteJournal::open(&path).unwrap();
        let epoch = new.lead().unwrap().epoch;
        let mut head = stale.head;
        // Calls `commit_after` directly, as if the refused appends of a stale leader had all been
        // on their way.
        for _ in 0..3 {
            let sequence = head.sequence.next();
            let hash = batch_hash(sequence, stale.epoch, head.hash, b"old");
            let refused =
                old.commit_after(head, stale.epoch, JournalHead { sequence, hash }, b"old");
            assert!(
                matches!(refused, Err(JournalError::Fenced { by, .. }) if by == epoch),
                "{refused:?}"
            );
            head = new.append(epoch, b"new").unwrap();
        }
        let read = new.read(Sequence::FIRST, usize::MAX).unwrap();
        assert!(read.len() == 3 && read.iter().all(|batch| batch.payload == b"new"));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
