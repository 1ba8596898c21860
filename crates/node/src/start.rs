//! Starting a node: newest good snapshot, the rest of the journal, then the threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine::{Digest, Engine, Timestamp};
use journal::{Head, Journal, JournalError, Sequence, SnapshotError};

use crate::client::{Client, Position, Post, Sink, Stopped};
use crate::committer::{Committer, Line, Photograph};
use crate::core::Core;
use crate::desk::{Desk, Watch};
use crate::replay::{ReplayError, Replayed, Unwatched, replay};
use crate::snapshots::SnapshotStore;

/// Tells the time of commands that come without one.
pub trait Clock: Send {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// What is done when the journal cannot be written: a program ends itself here.
pub type Fatal = Box<dyn Fn(&Stopped) + Send + Sync>;

/// Something that an operator should know and that stops nothing.
#[derive(Debug)]
pub enum Notice {
    /// A snapshot could not be used; the one before serves.
    SnapshotSkipped {
        /// Which.
        sequence: Sequence,
        /// Why.
        why: String,
    },
    /// A snapshot was written.
    SnapshotWritten {
        /// After which batch.
        sequence: Sequence,
        /// The digest of the books.
        digest: Digest,
        /// How long it took.
        took: Duration,
    },
    /// A snapshot could not be written; the next start takes longer.
    SnapshotFailed {
        /// After which batch.
        sequence: Sequence,
        /// Why.
        error: SnapshotError,
    },
}

/// What the core keeps to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub batch_commands_max: u32,
    pub batch_bytes_max: usize,
    pub inline_commands_max: u32,
    pub snapshot_every_commands: u64,
}

/// How a node is to work. The defaults are for a machine with two cores.
pub struct Options {
    /// Commands that may wait; more senders wait for room.
    pub queue_commands_max: usize,
    /// Commands in a batch at the most.
    pub batch_commands_max: u32,
    /// Bytes in a batch, about, at the most.
    pub batch_bytes_max: usize,
    /// Batches of so few commands are made durable by the engine's own thread when nothing else is
    /// waiting.
    pub inline_commands_max: u32,
    /// Commands between two snapshots; a start replays so many at the most.
    pub snapshot_every_commands: u64,
    /// The clock.
    pub clock: Box<dyn Clock>,
    /// What is done when the journal cannot be written.
    pub on_fatal: Fatal,
    /// Hears what an operator should know.
    pub on_notice: Box<dyn Fn(Notice) + Send>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            queue_commands_max: 65_536,
            batch_commands_max: 16_384,
            batch_bytes_max: 1 << 20,
            inline_commands_max: 8,
            snapshot_every_commands: 2_000_000,
            clock: Box::new(SystemClock),
            on_fatal: Box::new(|_| {}),
            on_notice: Box::new(|_| {}),
        }
    }
}

/// Why a node could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal cannot be led.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal cannot be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The snapshots cannot be listed.
    #[error(transparent)]
    Snapshots(#[from] SnapshotError),
    /// A snapshot tells of batches that the journal does not have (M10).
    #[error(
        "M10: snapshot {snapshot} reflects batch {snapshot}, but the journal ends with batch \
         {end}: batches that were acknowledged are missing from it. Nothing was changed. Keep this \
         directory, and restore it from a copy"
    )]
    JournalShorter {
        /// The batch that the snapshot reflects.
        snapshot: Sequence,
        /// The last batch of the journal.
        end: Sequence,
    },
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// What a start did.
#[derive(Clone, Copy, Debug)]
pub struct Recovery {
    /// The snapshot that served, if one did.
    pub snapshot: Option<Sequence>,
    /// What was replayed after it.
    pub replayed: Replayed,
    /// How long the snapshot took.
    pub loading: Duration,
    /// How long the replay took.
    pub replaying: Duration,
}

/// A running node.
pub struct Node {
    desk: Arc<Desk>,
    core: JoinHandle<Engine>,
    committer: JoinHandle<()>,
    photographer: JoinHandle<Box<dyn SnapshotStore>>,
    line: Arc<Committer>,
    recovery: Recovery,
}

impl Node {
    /// Takes the journal's leadership over, recovers the books, and begins to work.
    ///
    /// # Errors
    /// Where the journal cannot be led, read or replayed.
    pub fn start(
        mut journal: Box<dyn Journal>,
        snapshots: Box<dyn SnapshotStore>,
        options: Options,
    ) -> Result<Node, StartError> {
        let leadership = journal.lead()?;
        let (engine, recovery) =
            recover(&mut *journal, &*snapshots, leadership.head, &options.on_notice)?;
        let desk = Arc::new(Desk::new(options.queue_commands_max.max(1)));
        let (photographs, films) = sync_channel(1);
        let snapshotting = Arc::new(AtomicBool::new(false));
        let line = Arc::new(Committer {
            desk: desk.clone(),
            line: Mutex::new(Line {
                journal,
                epoch: leadership.epoch,
                head: recovery.replayed.head,
                photographs,
                failed: false,
            }),
            snapshotting: snapshotting.clone(),
            on_fatal: options.on_fatal,
        });
        let limits = Limits {
            batch_commands_max: options.batch_commands_max.max(1),
            batch_bytes_max: options.batch_bytes_max,
            inline_commands_max: options.inline_commands_max,
            snapshot_every_commands: options.snapshot_every_commands.max(1),
        };
        let since = recovery.replayed.commands;
        let core = Core::new(engine, desk.clone(), line.clone(), options.clock, limits, since);
        let core = thread("engine").spawn(move || core.run())?;
        let for_committer = line.clone();
        let committer = thread("committer").spawn(move || for_committer.run())?;
        let watch = Watch { desk: desk.clone(), what: "snapshot writer" };
        let on_notice = options.on_notice;
        let photographer = thread("snapshots").spawn(move || {
            let _watch = watch;
            photograph(&films, &*snapshots, &snapshotting, &on_notice);
            snapshots
        })?;
        Ok(Node { desk, core, committer, photographer, line, recovery })
    }

    /// What the start did.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        self.recovery
    }

    /// A sender of commands.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.desk.clone())
    }

    /// A sender of commands whose answers go to `sink`.
    #[must_use]
    pub fn post(&self, sink: Arc<dyn Sink>) -> Post {
        Post::new(self.desk.clone(), sink)
    }

    /// Takes no more commands, carries out and answers those that came, writes a snapshot, and
    /// ends. Gives back where the journal ended, and the engine.
    ///
    /// # Errors
    /// Where the node stopped by itself before.
    pub fn stop(self) -> Result<(Position, Engine), Stopped> {
        let Node { desk, core, committer, photographer, line, .. } = self;
        desk.stop();
        let died = |_| desk.why_stopped();
        let engine = core.join().map_err(died)?;
        committer.join().map_err(died)?;
        let committer = Arc::into_inner(line).ok_or_else(|| desk.why_stopped())?;
        let line = committer.line.into_inner().map_err(|_| desk.why_stopped())?;
        if line.failed {
            return Err(desk.why_stopped());
        }
        let head = line.head;
        drop(line);
        let snapshots = photographer.join().map_err(died)?;
        let newest = snapshots.list().ok().and_then(|list| list.first().copied());
        if head.sequence != Sequence::NONE && newest != Some(head.sequence) {
            // Without it the next start takes longer, that is all.
            let _ = snapshots.save(head, engine.snapshot());
        }
        desk.fail(&Stopped("the node was stopped".into()));
        Ok((Position(head.sequence.number()), engine))
    }
}

fn thread(name: &str) -> std::thread::Builder {
    std::thread::Builder::new().name(format!("doorstep-{name}"))
}

/// Writes down the states that come, one at a time.
fn photograph(
    films: &Receiver<Photograph>,
    snapshots: &dyn SnapshotStore,
    busy: &AtomicBool,
    on_notice: &dyn Fn(Notice),
) {
    for (head, snapshot) in films {
        let begun = Instant::now();
        let sequence = head.sequence;
        let saved = snapshots.save(head, snapshot);
        busy.store(false, Ordering::Release);
        on_notice(match saved {
            Ok(digest) => Notice::SnapshotWritten { sequence, digest, took: begun.elapsed() },
            Err(error) => Notice::SnapshotFailed { sequence, error },
        });
    }
}

/// The newest snapshot that is whole, and what follows it.
fn recover(
    journal: &mut dyn Journal,
    snapshots: &dyn SnapshotStore,
    end: Head,
    on_notice: &dyn Fn(Notice),
) -> Result<(Engine, Recovery), StartError> {
    let begun = Instant::now();
    let mut found = None;
    for sequence in snapshots.list()? {
        if sequence > end.sequence {
            // A snapshot is written after its batch is durable: the batch was there.
            let end = end.sequence;
            return Err(StartError::JournalShorter { snapshot: sequence, end });
        }
        match snapshots.load(sequence) {
            Ok(loaded) => {
                found = Some(loaded);
                break;
            }
            Err(error) => {
                on_notice(Notice::SnapshotSkipped { sequence, why: error.to_string() });
            }
        }
    }
    let snapshot = found.as_ref().map(|(head, _)| head.sequence);
    let (from, mut engine) = found.unwrap_or_default();
    let loading = begun.elapsed();
    let begun = Instant::now();
    let replayed = replay(journal, from, &mut engine, &mut Unwatched)?;
    let recovery = Recovery { snapshot, replayed, loading, replaying: begun.elapsed() };
    Ok((engine, recovery))
}
