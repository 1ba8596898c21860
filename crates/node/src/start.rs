//! Starts a node: recovers the books, starts the threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use engine::Engine;
use journal::{Journal, JournalError, Sequence};

use crate::client::{NodeClient, RequestSender};
use crate::command_queue::{CommandQueue, PanicGuard};
use crate::committer::{Committer, JournalWriter, SnapshotJob};
use crate::engine_thread::EngineThread;
use crate::options::{NodeLimits, NodeNotice, NodeOptions};
use crate::recovery::{Recovery, RecoveryError, recover};
use crate::request::{JournalPosition, NodeStopped, ReplySink};
use crate::snapshots::{SnapshotStore, StoredChunks};

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    #[error("could not start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

pub struct Node {
    queue: Arc<CommandQueue>,
    core: JoinHandle<Engine>,
    committer: JoinHandle<()>,
    snapshot_writer: JoinHandle<(Box<dyn SnapshotStore>, StoredChunks)>,
    shared_committer: Arc<Committer>,
    recovery: Recovery,
}

impl Node {
    /// Takes over the leadership of the journal, recovers the books, and starts the threads.
    pub fn start(
        mut journal: Box<dyn Journal>,
        snapshots: Box<dyn SnapshotStore>,
        options: NodeOptions,
    ) -> Result<Node, StartError> {
        let leadership = journal.lead()?;
        let (engine, recovery, stored) = recover(&mut *journal, &*snapshots, &options.on_notice)?;
        let queue = Arc::new(CommandQueue::new(options.queue_commands_max.max(1)));
        queue.counters.set_head(recovery.replayed.head);
        let (snapshot_jobs, jobs) = sync_channel(1);
        let snapshotting = Arc::new(AtomicBool::new(false));
        let shared_committer = Arc::new(Committer {
            queue: queue.clone(),
            writer: Mutex::new(JournalWriter {
                journal,
                epoch: leadership.epoch,
                head: recovery.replayed.head,
                snapshot_jobs,
                failed: false,
            }),
            snapshotting: snapshotting.clone(),
            on_fatal: options.on_fatal,
        });
        let limits = NodeLimits {
            batch_commands_max: options.batch_commands_max.max(1),
            batch_bytes_max: options.batch_bytes_max,
            inline_commands_max: options.inline_commands_max,
            snapshot_every_commands: options.snapshot_every_commands.max(1),
        };
        let since = recovery.replayed.commands;
        queue.counters.set_since_snapshot(since);
        let core = EngineThread::new(
            engine,
            queue.clone(),
            shared_committer.clone(),
            options.clock,
            limits,
            since,
        );
        let core = thread("engine").spawn(move || core.run())?;
        let for_committer = shared_committer.clone();
        let committer = thread("committer").spawn(move || for_committer.run())?;
        let guard = PanicGuard { queue: queue.clone(), thread: "snapshot writer" };
        let on_notice = options.on_notice;
        let snapshot_writer = thread("snapshots").spawn(move || {
            let _guard = guard;
            let mut stored = stored;
            write_snapshots(&jobs, &*snapshots, &mut stored, &snapshotting, &on_notice);
            (snapshots, stored)
        })?;
        Ok(Node { queue, core, committer, snapshot_writer, shared_committer, recovery })
    }

    #[must_use]
    pub fn recovery(&self) -> Recovery {
        self.recovery
    }

    #[must_use]
    pub fn client(&self) -> NodeClient {
        NodeClient::new(self.queue.clone())
    }

    /// Its answers go to `sink`.
    #[must_use]
    pub fn request_sender(&self, sink: Arc<dyn ReplySink>) -> RequestSender {
        RequestSender::new(self.queue.clone(), sink)
    }

    /// Accepts no more commands, answers those accepted, writes a snapshot, and ends. Returns the
    /// end of the journal, and the engine. Fails if the node had stopped before.
    pub fn stop(self) -> Result<(JournalPosition, Engine), NodeStopped> {
        let Node { queue, core, committer, snapshot_writer, shared_committer, .. } = self;
        queue.stop();
        let died = |_| queue.why_stopped();
        let engine = core.join().map_err(died)?;
        committer.join().map_err(died)?;
        let committer = Arc::into_inner(shared_committer).ok_or_else(|| queue.why_stopped())?;
        let writer = committer.writer.into_inner().map_err(|_| queue.why_stopped())?;
        if writer.failed {
            return Err(queue.why_stopped());
        }
        let head = writer.head;
        drop(writer);
        let (snapshots, mut stored) = snapshot_writer.join().map_err(died)?;
        let newest = snapshots.list().ok().and_then(|list| list.first().copied());
        if head.sequence != Sequence::NONE && newest != Some(head.sequence) {
            // Without it the next start takes longer.
            let _ = snapshots.save(head, engine.snapshot(), &mut stored);
        }
        queue.fail(&NodeStopped::Asked);
        Ok((JournalPosition(head.sequence.number()), engine))
    }
}

fn thread(name: &str) -> std::thread::Builder {
    std::thread::Builder::new().name(format!("doorstep-{name}"))
}

/// Writes the snapshots that arrive, one at a time.
fn write_snapshots(
    jobs: &Receiver<SnapshotJob>,
    snapshots: &dyn SnapshotStore,
    stored: &mut StoredChunks,
    busy: &AtomicBool,
    on_notice: &dyn Fn(NodeNotice),
) {
    for (head, snapshot) in jobs {
        let started = Instant::now();
        let sequence = head.sequence;
        let saved = snapshots.save(head, snapshot, stored);
        busy.store(false, Ordering::Release);
        on_notice(match saved {
            Ok(digest) => NodeNotice::SnapshotWritten { sequence, digest, took: started.elapsed() },
            Err(error) => NodeNotice::SnapshotFailed { sequence, error },
        });
    }
}
