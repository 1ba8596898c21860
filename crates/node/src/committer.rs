//! The committer's thread: makes batches durable, then delivers their answers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use engine::Snapshot;
use journal::{Epoch, Journal, JournalError, JournalHead};

use crate::command_queue::{CommandQueue, PanicGuard, SealedBatch};
use crate::options::FatalCallback;
use crate::request::{JournalPosition, NodeStopped};

/// A snapshot to write, and the end of the journal that it reflects.
pub(crate) type SnapshotJob = (JournalHead, Snapshot);

pub(crate) struct Committer {
    pub queue: Arc<CommandQueue>,
    /// The holder of the lock appends. Nobody waits for it: the engine's thread commits only while
    /// the committer is idle.
    pub writer: Mutex<JournalWriter>,
    pub snapshotting: Arc<AtomicBool>,
    pub on_fatal: FatalCallback,
}

/// The journal, and what follows each commit.
pub(crate) struct JournalWriter {
    pub journal: Box<dyn Journal>,
    pub epoch: Epoch,
    pub head: JournalHead,
    pub snapshot_jobs: SyncSender<SnapshotJob>,
    pub failed: bool,
}

impl Committer {
    pub(crate) fn run(&self) {
        let _guard = PanicGuard { queue: self.queue.clone(), thread: "committer" };
        while let Some(mut sealed) = self.queue.next_sealed() {
            self.commit(&mut sealed);
            self.queue.committed(sealed);
        }
    }

    /// Claims the snapshot writer. True if no snapshot is being written.
    pub(crate) fn may_snapshot(&self) -> bool {
        !self.snapshotting.swap(true, Ordering::AcqRel)
    }

    /// Makes a batch durable and delivers its answers. Leaves `sealed` empty, and keeps its memory.
    pub(crate) fn commit(&self, sealed: &mut SealedBatch) {
        let mut line = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if line.failed {
            return;
        }
        if sealed.commands > 0 {
            let (epoch, begun) = (line.epoch, Instant::now());
            match line.journal.append(epoch, &sealed.payload) {
                Ok(head) => {
                    self.queue.counters.appended(head, begun.elapsed());
                    line.head = head;
                }
                Err(error) => {
                    line.failed = true;
                    drop(line);
                    self.fail(error);
                    return;
                }
            }
        }
        let position = JournalPosition(line.head.sequence.number());
        if let Some(snapshot) = sealed.snapshot.take() {
            let job = (line.head, snapshot);
            if line.snapshot_jobs.try_send(job).is_err() {
                self.snapshotting.store(false, Ordering::Release);
            }
        }
        drop(line);
        for (sink, answers) in &mut sealed.answers {
            if let Some(sink) = sink.take() {
                sink.deliver(answers, position);
            }
        }
        sealed.answers.clear();
        for reply in sealed.replies.drain(..) {
            reply(position);
        }
        sealed.payload.clear();
        sealed.commands = 0;
    }

    fn fail(&self, error: JournalError) {
        let why = NodeStopped::Journal(Arc::new(error));
        (self.on_fatal)(&why);
        self.queue.fail(&why);
    }
}
