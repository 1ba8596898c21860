//! The journal in one SQLite file, with its write-ahead log beside it.
//!
//! One row a batch; a commit is one fdatasync of the log. The guard of an append stands in the
//! transaction of its insert: a primary key alone would refuse a stale leader once, and let it in
//! when its later numbers match again.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::{
    Batch, Epoch, Head, Journal, JournalError, Leadership, PAYLOAD_BYTES_MAX, ReadJournal,
    Sequence, batch_hash,
};

mod log;
mod opening;
mod pages;
mod wal;

pub use log::Tuning;
pub use opening::JOURNAL_FORMAT;

use log::Log;

const TAKE_OVER: &str = "UPDATE head SET epoch = epoch + 1 RETURNING epoch";
const GUARD: &str = "UPDATE head SET next = next + 1, hash = ?4
    WHERE epoch = ?1 AND next = ?2 AND hash = ?3";
const INSERT: &str = "INSERT INTO journal (seq, epoch, previous, hash, payload)
    VALUES (?1, ?2, ?3, ?4, ?5)";

/// A journal in an SQLite file, to read and to lead.
///
/// Any number of processes may have it open; only the last to take over can append.
#[derive(Debug)]
pub struct SqliteJournal {
    connection: Connection,
    path: PathBuf,
    standing: Standing,
    log: Log,
}

/// A journal in an SQLite file, to read only: nothing in the file or its log is changed.
///
/// It reads beside a leader that appends, and after one that was killed.
#[derive(Debug)]
pub struct SqliteReader {
    connection: Connection,
    path: PathBuf,
}

/// Whether this object may append.
#[derive(Clone, Copy, Debug)]
enum Standing {
    Following,
    /// The journal ends here as far as this leader knows.
    Leading(Head),
    Stopped,
}

impl SqliteJournal {
    /// Creates an empty journal at `path`. It is there whole or not at all.
    ///
    /// # Errors
    /// [`JournalError::Exists`] where something is at `path`; where the file cannot be written.
    pub fn create(path: &Path) -> Result<SqliteJournal, JournalError> {
        SqliteJournal::create_tuned(path, Tuning::default())
    }

    /// Creates an empty journal with other sizes than the measured ones.
    ///
    /// # Errors
    /// As [`SqliteJournal::create`].
    pub fn create_tuned(path: &Path, tuning: Tuning) -> Result<SqliteJournal, JournalError> {
        let path = opening::create(path, tuning)?;
        SqliteJournal::open_tuned(&path, tuning)
    }

    /// Opens the journal at `path`.
    ///
    /// # Errors
    /// [`JournalError::Missing`], [`JournalError::NotAJournal`], [`JournalError::Newer`];
    /// [`JournalError::DamagedFile`] where its log has lost batches that were durable.
    pub fn open(path: &Path) -> Result<SqliteJournal, JournalError> {
        SqliteJournal::open_tuned(path, Tuning::default())
    }

    /// Opens the journal at `path`, merging its log at another size than the measured one.
    ///
    /// # Errors
    /// As [`SqliteJournal::open`].
    pub fn open_tuned(path: &Path, tuning: Tuning) -> Result<SqliteJournal, JournalError> {
        let path = opening::examine(path)?;
        let (connection, log) = opening::connect_to_write(&path, tuning)?;
        Ok(SqliteJournal { connection, path, standing: Standing::Following, log })
    }

    /// Where the journal is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn failed(&self, doing: &'static str) -> impl Fn(rusqlite::Error) -> JournalError {
        let path = self.path.clone();
        move |error| JournalError::sqlite(&path, doing, &error)
    }

    fn take_over(&mut self) -> Result<Leadership, JournalError> {
        // Starting the log over writes what an earlier process left in it to the file once more,
        // so it does not matter which of its pages had reached the disk. A reader may hold it back.
        log::start_over(&self.connection, &self.path)?;
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

    /// Appends after `head`: hashed before SQLite's lock is taken, guarded and inserted in one
    /// transaction.
    fn append_after(
        &mut self,
        head: Head,
        epoch: Epoch,
        payload: &[u8],
    ) -> Result<Head, JournalError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(JournalError::TooLarge { bytes: payload.len(), most: PAYLOAD_BYTES_MAX });
        }
        let sequence = head.sequence.next();
        let hash = batch_hash(sequence, epoch, head.hash, payload);
        self.commit_after(head, epoch, Head { sequence, hash }, payload)?;
        self.log.merge_when_long(&self.connection, &self.path)?;
        Ok(Head { sequence, hash })
    }

    fn commit_after(
        &self,
        head: Head,
        epoch: Epoch,
        appended: Head,
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
            return Err(self.why_guarded(epoch, appended.sequence));
        }
        self.connection
            .prepare_cached(INSERT)
            .and_then(|mut insert| insert.execute(params![seq, writer, previous, hash, payload]))
            .map_err(&failed)?;
        transaction.commit().map_err(&failed)
    }

    /// Why the guard of an append of `sequence` by `epoch` let nothing through.
    fn why_guarded(&self, epoch: Epoch, sequence: Sequence) -> JournalError {
        match pages::head_row(&self.connection, &self.path) {
            Err(error) => error,
            Ok(row) if row.epoch > epoch => JournalError::Fenced { ours: epoch, by: row.epoch },
            Ok(row) => JournalError::Damaged {
                path: self.path.clone(),
                sequence,
                what: format!(
                    "the journal ends with batch {} of epoch {} although nobody took over from \
                     epoch {epoch}; something else has written to it",
                    row.head.sequence, row.epoch
                ),
            },
        }
    }
}

impl ReadJournal for SqliteJournal {
    fn head(&mut self) -> Result<Head, JournalError> {
        pages::head(&self.connection, &self.path)
    }

    fn read(&mut self, from: Sequence, limit_bytes: usize) -> Result<Vec<Batch>, JournalError> {
        pages::read(&self.connection, &self.path, from, limit_bytes)
    }
}

impl Journal for SqliteJournal {
    fn lead(&mut self) -> Result<Leadership, JournalError> {
        if matches!(self.standing, Standing::Stopped) {
            return Err(JournalError::Stopped);
        }
        self.standing = Standing::Stopped;
        let leadership = self.take_over()?;
        self.standing = Standing::Leading(leadership.head);
        Ok(leadership)
    }

    fn append(&mut self, epoch: Epoch, payload: &[u8]) -> Result<Head, JournalError> {
        let head = match self.standing {
            Standing::Following => return Err(JournalError::NotLeading),
            Standing::Stopped => return Err(JournalError::Stopped),
            Standing::Leading(head) => head,
        };
        self.standing = Standing::Stopped;
        let appended = self.append_after(head, epoch, payload)?;
        self.standing = Standing::Leading(appended);
        Ok(appended)
    }
}

impl SqliteReader {
    /// Opens the journal at `path` to read it.
    ///
    /// The directory should be writable, or the journal in use: SQLite keeps an index of the log in
    /// a file beside it. In a directory that is not, a journal that was shut down is read too.
    ///
    /// # Errors
    /// As [`SqliteJournal::open`].
    pub fn open(path: &Path) -> Result<SqliteReader, JournalError> {
        let path = opening::examine(path)?;
        let connection = opening::connect_to_read(&path)?;
        pages::head_row(&connection, &path)?;
        Ok(SqliteReader { connection, path })
    }

    /// Where the journal is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl ReadJournal for SqliteReader {
    fn head(&mut self) -> Result<Head, JournalError> {
        pages::head(&self.connection, &self.path)
    }

    fn read(&mut self, from: Sequence, limit_bytes: usize) -> Result<Vec<Batch>, JournalError> {
        pages::read(&self.connection, &self.path, from, limit_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_alone_fences_a_stale_leader_even_when_its_numbers_match() {
        let directory = std::env::temp_dir().join(format!("journal-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("guard.sqlite");
        let mut old = SqliteJournal::create(&path).unwrap();
        let stale = old.lead().unwrap();
        let mut new = SqliteJournal::open(&path).unwrap();
        let epoch = new.lead().unwrap().epoch;
        let mut head = stale.head;
        // Without what this object remembers of its first refusal, as if all were on their way.
        for _ in 0..3 {
            let sequence = head.sequence.next();
            let hash = batch_hash(sequence, stale.epoch, head.hash, b"old");
            let refused = old.commit_after(head, stale.epoch, Head { sequence, hash }, b"old");
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
