//! Brings the views to a journal's end, and keeps them there.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use engine::{CommandOutcome, Engine, Submission, Timestamp};
use journal::{DataDirectory, JournalHead, ReadJournal, Sequence, SharedDirectory, SqliteReader};
use node::NodeNotice;
use node::follower::{FollowError, Follower};
use node::replay::{ReplayError, ReplayObserver};

use crate::error::ViewError;
use crate::projection::{Projection, ProjectionError};
use crate::rows::{Checkpoint, Rows};
use crate::store::{Place, Store};

/// Rows that are written in one transaction. A row that begins and ends among them is written once.
const ROWS_TOGETHER: usize = 100_000;
/// Transactions whose rows wait for the writer.
const FULL_ROWS_WAITING: usize = 1;
/// How often the end of the journal is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How often views at rest are looked after.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The views of a data directory, with the engine that makes them.
pub struct FollowedViews {
    views: Box<dyn Store>,
    projection: Projection,
    follower: Follower,
    journal: SqliteReader,
    _directory: SharedDirectory,
}

/// How far the views are.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The batches whose rows are written, and those of the journal when it began.
    pub batches: u64,
    pub of: u64,
}

/// Rows on their way to the thread that writes them.
struct FullRows {
    rows: Rows,
    next: Checkpoint,
}

/// Collects rows, and hands them over when they are many.
struct Collector<'v> {
    projection: &'v mut Projection,
    /// The last batch that was handed over.
    handed_over: Sequence,
    to_writer: SyncSender<FullRows>,
    /// Those that are written.
    written: Receiver<FullRows>,
    failed: Option<ViewError>,
    /// The last batch of the journal when it began.
    of: u64,
    progress: &'v mut dyn FnMut(Progress),
    stop: &'v AtomicBool,
}

/// The writer has ended, and its error says why.
const WRITER_ENDED: &str = "the views cannot be written";
const STOPPED: &str = "stopped";

impl Collector<'_> {
    fn flush(&mut self) -> Result<(), String> {
        let next = self.projection.checkpoint();
        if next.head.sequence > self.handed_over {
            let empty = self.written.try_recv().ok().map(|written| self.emptied(written));
            let rows = self.projection.take_rows(empty.unwrap_or_default());
            let full = FullRows { rows, next };
            self.to_writer.send(full).map_err(|_| WRITER_ENDED.to_owned())?;
            self.handed_over = next.head.sequence;
        }
        Ok(())
    }

    fn emptied(&mut self, FullRows { mut rows, next }: FullRows) -> Rows {
        let batches = next.head.sequence.number();
        (self.progress)(Progress { batches, of: self.of.max(batches) });
        rows.clear();
        rows
    }

    fn keep<T>(&mut self, done: Result<T, ProjectionError>) -> Result<T, String> {
        done.map_err(|error| {
            let why = error.to_string();
            self.failed = Some(error.into());
            why
        })
    }
}

impl ReplayObserver for Collector<'_> {
    fn command(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        let done = self.projection.command(submission, at, outcome, engine);
        self.keep(done)
    }

    fn batch(&mut self, head: JournalHead, engine: &Engine) -> Result<(), String> {
        let done = self.projection.batch(head, engine);
        self.keep(done)?;
        if self.stop.load(Ordering::Relaxed) {
            return Err(STOPPED.to_owned());
        }
        if self.projection.rows().count() < ROWS_TOGETHER {
            return Ok(());
        }
        self.flush()
    }
}

/// Writes rows, the next while others are collected.
fn write_all(
    views: &mut dyn Store,
    full: Receiver<FullRows>,
    written: &Sender<FullRows>,
) -> Result<(), ViewError> {
    for mut one in full {
        for (view, key) in one.rows.unfilled() {
            let row = views.holding(view, key)?;
            one.rows.fill(view, key, &row);
        }
        views.write(&one.rows, one.next)?;
        // Nobody waits for the last ones.
        let _ = written.send(one);
    }
    Ok(())
}

impl FollowedViews {
    /// Opens the views of a data directory, or begins new ones. Another process may write the
    /// journal.
    ///
    /// # Errors
    /// The views are of another journal or ahead of it, cannot be opened, or another process writes
    /// them.
    pub fn open(
        data: &Path,
        place: &Place,
        on_notice: &dyn Fn(NodeNotice),
    ) -> Result<FollowedViews, ViewError> {
        FollowedViews::after(data, place.open()?, on_notice)
    }

    fn after(
        data: &Path,
        views: Box<dyn Store>,
        on_notice: &dyn Fn(NodeNotice),
    ) -> Result<FollowedViews, ViewError> {
        let directory = DataDirectory::open_shared(data)?;
        let mut journal = directory.journal()?;
        let checkpoint = views.checkpoint();
        let (at, end) = (checkpoint.head.sequence, journal.head()?.sequence);
        if at > end {
            return Err(ViewError::AheadOfJournal { views: at, end });
        }
        let snapshots = directory.snapshots()?;
        let follower = Follower::after(checkpoint.head, &mut journal, &snapshots, on_notice);
        let follower = follower.map_err(|error| match error {
            FollowError::OtherJournal(head) => ViewError::OtherJournal { batch: head.sequence },
            FollowError::Recovery(error) => error.into(),
            FollowError::Replay(error) => error.into(),
        })?;
        let projection = Projection::after(checkpoint, follower.engine());
        Ok(FollowedViews { views, projection, follower, journal, _directory: directory })
    }

    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        self.views.checkpoint()
    }

    /// Writes what follows, up to the journal's end.
    ///
    /// # Errors
    /// The views cannot be written, or the journal cannot be read. Open them again.
    pub fn catch_up(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), ViewError> {
        let never = AtomicBool::new(false);
        self.advance(progress, &never)?;
        self.views.complete(&never)
    }

    /// Up to the journal's end, or until it is told to stop: then it is not used again.
    fn advance(
        &mut self,
        progress: &mut dyn FnMut(Progress),
        stop: &AtomicBool,
    ) -> Result<(), ViewError> {
        let FollowedViews { views, projection, follower, journal, .. } = self;
        let of = journal.head()?.sequence.number();
        let views = &mut **views;
        let handed_over = views.checkpoint().head.sequence;
        std::thread::scope(|scope| {
            let (to_writer, full) = sync_channel(FULL_ROWS_WAITING);
            let (back, written) = channel();
            let writer = scope.spawn(move || write_all(views, full, &back));
            let mut collector = Collector {
                projection,
                handed_over,
                to_writer,
                written,
                failed: None,
                of,
                progress,
                stop,
            };
            let replayed = follower.advance(journal, &mut collector);
            let collected = match replayed {
                Ok(_) => collector.flush().map_err(ReplayError::ObserverStopped),
                Err(error) => Err(error),
            };
            let Collector { to_writer, written, failed, progress, .. } = collector;
            drop(to_writer);
            let ended = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // Why the writer ended, not that it did.
            ended?;
            match collected {
                Err(_) if stop.load(Ordering::Relaxed) => return Ok(()),
                done => done.map_err(|error| failed.unwrap_or(error.into()))?,
            }
            for FullRows { next, .. } in written {
                let batches = next.head.sequence.number();
                progress(Progress { batches, of: of.max(batches) });
            }
            Ok(())
        })
    }

    /// Follows the journal until it is told to stop. Calls `on_end` each time that its end is
    /// reached, with the batch.
    ///
    /// # Errors
    /// As [`FollowedViews::catch_up`].
    pub fn follow(
        &mut self,
        stop: &AtomicBool,
        on_end: &mut dyn FnMut(u64),
    ) -> Result<(), ViewError> {
        self.advance(&mut |_| {}, stop)?;
        self.views.complete(stop)?;
        if !stop.load(Ordering::Relaxed) {
            on_end(self.checkpoint().head.sequence.number());
        }
        let mut checked = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            // A replay starts a thread, so it is not begun for nothing.
            if self.journal.head()?.sequence > self.checkpoint().head.sequence {
                self.advance(&mut |_| {}, stop)?;
                on_end(self.checkpoint().head.sequence.number());
                continue;
            }
            std::thread::sleep(LOOK_EVERY);
            if checked.elapsed() >= CHECK_EVERY {
                self.views.check()?;
                checked = Instant::now();
            }
        }
        Ok(())
    }
}

/// Makes the views anew beside the old ones, and puts them in their place. Who reads the old ones
/// meanwhile goes on with them until it opens the new ones.
///
/// # Errors
/// The new ones cannot be made; the old ones are as they were.
pub fn rebuild(
    data: &Path,
    place: &Place,
    on_notice: &dyn Fn(NodeNotice),
    progress: &mut dyn FnMut(Progress),
) -> Result<Checkpoint, ViewError> {
    let mut followed = FollowedViews::after(data, place.begin_anew()?, on_notice)?;
    let never = AtomicBool::new(false);
    followed.advance(progress, &never)?;
    let checkpoint = followed.checkpoint();
    // The books make room for sorting.
    let FollowedViews { mut views, projection, follower, .. } = followed;
    drop((projection, follower));
    views.complete(&never)?;
    views.take_the_place()?;
    Ok(checkpoint)
}
