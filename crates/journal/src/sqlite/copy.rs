//! A journal made again from batches that were kept elsewhere.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::opening::{self, OpenedFile};
use super::write_ahead_log::{self, Tuning};
use super::{INSERT, pages};
use crate::{Epoch, JournalBatch, JournalError, JournalHead, batch_hash};

const END: &str = "UPDATE head SET epoch = ?1, next = ?2, hash = ?3";
/// Payloads of one transaction.
const TRANSACTION_BYTES: usize = 8 << 20;

/// A journal that is filled with the batches of another one, as they were: with their epochs and
/// hashes.
///
/// Nothing is durable before [`JournalCopy::finish`]. Fill it where nobody takes an unfinished one
/// for the whole.
#[derive(Debug)]
pub struct JournalCopy {
    connection: Connection,
    path: PathBuf,
    head: JournalHead,
    epoch: Epoch,
    /// Of the open transaction.
    bytes: usize,
    _opened: OpenedFile,
}

impl JournalCopy {
    /// Creates an empty journal at `path`.
    ///
    /// # Errors
    /// [`JournalError::Exists`] where something is at `path`; where the file cannot be written.
    pub fn create(path: &Path) -> Result<JournalCopy, JournalError> {
        let tuning = Tuning::default();
        let path = opening::create(path, tuning)?;
        let (path, opened) = opening::examine(&path)?;
        let (connection, _log) = opening::connect_to_write(&path, tuning)?;
        let copy = JournalCopy {
            connection,
            path,
            head: JournalHead::default(),
            epoch: Epoch::NONE,
            bytes: 0,
            _opened: opened,
        };
        copy.execute("BEGIN IMMEDIATE")?;
        Ok(copy)
    }

    /// Adds the next batch.
    ///
    /// # Errors
    /// [`JournalError::Forked`] and [`JournalError::Damaged`] for a batch that does not follow the
    /// last one, or has another hash than its content; where the file cannot be written.
    pub fn add(&mut self, batch: &JournalBatch) -> Result<(), JournalError> {
        let JournalBatch { sequence, epoch, previous, hash, payload } = batch;
        let damaged = |what: &str| {
            let (path, what) = (self.path.clone(), what.to_owned());
            Err(JournalError::Damaged { path, sequence: *sequence, what })
        };
        if *sequence != self.head.sequence.next() {
            return damaged("it is not the next one");
        }
        if *previous != self.head.hash {
            let (expected, found) = (self.head.hash, *previous);
            return Err(JournalError::Forked { sequence: *sequence, expected, found });
        }
        if *epoch < self.epoch || *epoch == Epoch::NONE {
            return damaged("its epoch is lower than that of the batch before");
        }
        if batch_hash(*sequence, *epoch, *previous, payload) != *hash {
            return damaged("its content does not have its hash");
        }
        let (seq, writer) = (stored(sequence.number()), stored(epoch.number()));
        self.connection
            .prepare_cached(INSERT)
            .and_then(|mut insert| {
                insert.execute(params![seq, writer, previous.bytes(), hash.bytes(), payload])
            })
            .map_err(|error| JournalError::sqlite(&self.path, "write", &error))?;
        (self.head, self.epoch) = (batch.head(), *epoch);
        self.bytes += payload.len();
        if self.bytes >= TRANSACTION_BYTES {
            self.commit()?;
            self.execute("BEGIN IMMEDIATE")?;
        }
        Ok(())
    }

    /// Makes the journal durable, and returns its end. Whoever leads it next has a higher epoch
    /// than all its batches.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn finish(mut self) -> Result<JournalHead, JournalError> {
        self.commit()?;
        write_ahead_log::start_over(&self.connection, &self.path)?;
        pages::head(&self.connection, &self.path)
    }

    fn commit(&mut self) -> Result<(), JournalError> {
        let next = stored(self.head.sequence.next().number());
        let values = params![stored(self.epoch.number()), next, self.head.hash.bytes()];
        self.connection
            .prepare_cached(END)
            .and_then(|mut end| end.execute(values))
            .map_err(|error| JournalError::sqlite(&self.path, "write", &error))?;
        self.bytes = 0;
        self.execute("COMMIT")
    }

    fn execute(&self, statement: &str) -> Result<(), JournalError> {
        self.connection
            .execute_batch(statement)
            .map_err(|error| JournalError::sqlite(&self.path, "write", &error))
    }
}

fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
