//! The write-ahead log: how long it is, and when it is merged into the file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode};

use crate::JournalError;
use crate::error::BUSY_SECONDS_MAX;

/// The log file is cut back to this size when it starts over, in bytes; batches beyond it are rare.
const LOG_BYTES_KEPT: i64 = 64 << 20;
/// How much of the log a reader may hold back before an append waits for that reader, in bytes.
const LOG_BYTES_HELD_BACK: u64 = 64 << 20;
/// How long it waits then, in milliseconds, once for each [`LOG_BYTES_HELD_BACK`].
const MERGE_WAIT_MS_MAX: u64 = 500;

/// Sizes of a journal that were measured; others are there to measure again, by
/// `examples/append_rate.rs`.
///
/// On two shared cores with ext4: small batches are as fast with pages of 4 KiB as with 8 KiB,
/// and 8% slower with 16 KiB; batches of 256 KiB are 10% faster with 8 KiB than with 4 KiB. Merging
/// the log every 2 MiB keeps its file so small that it is written over and over, which changes no
/// metadata and is faster than appending to a file. Merging every 16 MiB is no faster, and stalls
/// 18 ms in the place of 3. A thread that merges in the background is no faster at these sizes, and
/// its stalls are no shorter; growing the file ahead costs a fifth and stalls 11 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Size of a page in bytes: a power of two, 512 to 65,536. Fixed when the journal is created.
    pub page_bytes: u32,
    /// The log is merged into the file when it is this large, in bytes.
    pub checkpoint_bytes: u64,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning { page_bytes: 8 << 10, checkpoint_bytes: 2 << 20 }
    }
}

/// How long the log is, and when it is merged next. All in frames: a page each, and a header of
/// 24 bytes that is too small to count.
#[derive(Debug)]
pub(super) struct Log {
    /// What the last commit left; SQLite's hook writes it.
    frames: Arc<AtomicU64>,
    /// From one merge to the next.
    step: u64,
    merge_at: u64,
    /// From one wait for readers to the next.
    wait_step: u64,
    wait_at: u64,
}

impl Log {
    /// Takes the merging of the log over from SQLite, which would keep silent about a full or a
    /// failing disk.
    pub(super) fn watch(
        connection: &mut Connection,
        checkpoint_bytes: u64,
    ) -> rusqlite::Result<Log> {
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
        Ok(Log { frames, step, merge_at: step, wait_step, wait_at: wait_step })
    }

    /// Merges the log after a commit that made it long.
    ///
    /// It starts over with the next commit then, unless a reader is in the way. A reader that stays
    /// is waited for a moment now and then; meanwhile the log grows, and the leader goes on.
    pub(super) fn merge_when_long(
        &mut self,
        connection: &Connection,
        path: &Path,
    ) -> Result<(), JournalError> {
        let frames = self.frames.load(Ordering::Relaxed);
        // After it has started over, both are near again.
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

/// Merges the whole log and lets it start over with the next commit, unless a reader is in the way
/// for longer than a moment.
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
