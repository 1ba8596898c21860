//! The write-ahead log: its length, and when it is merged into the database file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode};

use crate::JournalError;
use crate::error::BUSY_SECONDS_MAX;

/// The log file is cut to this size when it restarts, in bytes. Longer batches are rare.
const LOG_BYTES_KEPT: i64 = 64 << 20;
/// How far a reader may hold back the merge before an append waits for that reader, in bytes of
/// log.
const LOG_BYTES_HELD_BACK: u64 = 64 << 20;
/// How long it then waits, in milliseconds, once for each [`LOG_BYTES_HELD_BACK`].
const MERGE_WAIT_MS_MAX: u64 = 500;

/// SQLite settings. The defaults were measured with `examples/append_rate.rs`, which takes others.
///
/// On two shared cores with ext4: small batches are as fast with pages of 4 KiB as with 8 KiB, and
/// 8% slower with 16 KiB. Batches of 256 KiB are 10% faster with 8 KiB than with 4 KiB. Merging
/// every 2 MiB keeps the log file small, so it is overwritten in place, which changes no metadata
/// and is faster than growing a file. Merging every 16 MiB is no faster, and stalls for 18 ms
/// instead of 3 ms. A background thread that merges is no faster at these sizes, and its stalls are
/// no shorter. Growing the file ahead costs a fifth of the speed, and stalls for 11 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// In bytes: a power of two, 512 to 65,536. Fixed when the journal is created.
    pub page_bytes: u32,
    /// The log is merged into the file when it has this size, in bytes.
    pub checkpoint_bytes: u64,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning { page_bytes: 8 << 10, checkpoint_bytes: 2 << 20 }
    }
}

/// The length of the log and its next merge, in frames: a page each, with a header of 24 bytes that
/// is ignored here.
#[derive(Debug)]
pub(super) struct WriteAheadLog {
    /// The length after the last commit; SQLite's hook sets it.
    frames: Arc<AtomicU64>,
    /// Frames from one merge to the next.
    step: u64,
    merge_at: u64,
    /// Frames from one wait for readers to the next.
    wait_step: u64,
    wait_at: u64,
}

impl WriteAheadLog {
    /// Takes over merging from SQLite, which would not report a full or failing disk.
    pub(super) fn watch(
        connection: &mut Connection,
        checkpoint_bytes: u64,
    ) -> rusqlite::Result<WriteAheadLog> {
        let page_bytes =
            connection.pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0))?;
        let frames_of = |bytes: u64| (bytes / u64::from(page_bytes.max(1))).max(1);
        let (step, wait_step) = (frames_of(checkpoint_bytes), frames_of(LOG_BYTES_HELD_BACK));
        let frames = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&frames);
        connection.wal_hook(Some(move |_: &mut Wal, count: i32| -> rusqlite::Result<()> {
            counted.store(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)?;
        Ok(WriteAheadLog { frames, step, merge_at: step, wait_step, wait_at: wait_step })
    }

    /// Merges the log if the last commit made it long enough.
    ///
    /// Unless a reader is in the way, the next commit then restarts the log. An append waits for a
    /// reader briefly and rarely; meanwhile the log grows and the leader continues.
    pub(super) fn merge_when_long(
        &mut self,
        connection: &Connection,
        path: &Path,
    ) -> Result<(), JournalError> {
        let frames = self.frames.load(Ordering::Relaxed);
        // After a restart the log is short, so both limits move down.
        self.merge_at = self.merge_at.min(frames + self.step);
        self.wait_at = self.wait_at.min(frames + self.wait_step);
        if frames < self.merge_at {
            return Ok(());
        }
        self.merge_at = frames + self.step;
        merge(connection, path, CheckpointMode::PASSIVE)?;
        if frames < self.wait_at {
            return Ok(());
        }
        self.wait_at = frames + self.wait_step;
        start_over(connection, path)
    }
}

/// Merges the whole log, so that the next commit restarts it, unless a reader stays in the way.
pub(super) fn start_over(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let wait = |ms| {
        connection
            .busy_timeout(Duration::from_millis(ms))
            .map_err(|error| JournalError::sqlite(path, "merge the log of", &error))
    };
    wait(MERGE_WAIT_MS_MAX)?;
    let merged = merge(connection, path, CheckpointMode::RESTART);
    wait(BUSY_SECONDS_MAX * 1_000)?;
    merged
}

fn merge(connection: &Connection, path: &Path, mode: CheckpointMode) -> Result<(), JournalError> {
    match connection.wal_checkpoint_v2(None::<&str>, mode) {
        Err(error) if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) => {
            Err(JournalError::sqlite(path, "merge the log of", &error))
        }
        _ => Ok(()),
    }
}
