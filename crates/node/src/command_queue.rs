//! The queue of requests, and the batch that waits to be made durable.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use engine::Snapshot;

use crate::counters::{NodeCounters, NodeFigures};
use crate::request::{CommandAnswer, CommandRequest, NodeStopped, QueryReply, ReplySink};

/// Answers and their sink.
pub(crate) type AddressedAnswers = (Option<Arc<dyn ReplySink>>, Vec<CommandAnswer>);

/// A batch to be made durable, with the answers that wait for it.
#[derive(Default)]
pub(crate) struct SealedBatch {
    /// Empty if no command was applied.
    pub payload: Vec<u8>,
    pub commands: u32,
    pub answers: Vec<AddressedAnswers>,
    pub replies: Vec<QueryReply>,
    /// The state after the batch, if a snapshot is due.
    pub snapshot: Option<Snapshot>,
}

/// The next task of the engine's thread.
pub(crate) enum EngineWork {
    Requests(Vec<CommandRequest>),
    /// The committer is idle: give it the batch.
    CommitBatch,
    /// All commands are applied and all batches submitted.
    Stop,
}

/// Shared by the senders, the engine's thread and the committer.
pub(crate) struct CommandQueue {
    state: Mutex<QueueState>,
    /// The engine's thread waits here for requests, or for an idle committer.
    for_core: Condvar,
    /// The committer waits here for a batch.
    for_committer: Condvar,
    /// Senders wait here for room in the queue.
    room: Condvar,
    queue_commands_max: usize,
    /// Of the engine, after the last command that was applied.
    access_version: AtomicU64,
    pub(crate) counters: NodeCounters,
}

#[derive(Default)]
struct QueueState {
    requests: Vec<CommandRequest>,
    commands: usize,
    sealed: Option<SealedBatch>,
    /// The committer is making a batch durable.
    committing: bool,
    spare: Vec<SealedBatch>,
    stopping: bool,
    core_ended: bool,
    stopped: Option<NodeStopped>,
    sinks: Vec<Weak<dyn ReplySink>>,
}

impl CommandQueue {
    pub(crate) fn new(queue_commands_max: usize) -> CommandQueue {
        CommandQueue {
            state: Mutex::default(),
            for_core: Condvar::new(),
            for_committer: Condvar::new(),
            room: Condvar::new(),
            queue_commands_max,
            access_version: AtomicU64::new(0),
            counters: NodeCounters::default(),
        }
    }

    pub(crate) fn access_version(&self) -> u64 {
        self.access_version.load(Ordering::Acquire)
    }

    /// Before anybody hears of the command that changed it.
    pub(crate) fn set_access_version(&self, version: u64) {
        self.access_version.store(version, Ordering::Release);
    }

    pub(crate) fn figures(&self) -> NodeFigures {
        let waiting = self.state().commands;
        self.counters.figures(waiting)
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_sink(&self, sink: Weak<dyn ReplySink>) {
        let mut state = self.state();
        state.sinks.retain(|one| one.strong_count() > 0);
        if let (Some(why), Some(sink)) = (&state.stopped, sink.upgrade()) {
            sink.stopped(why);
        }
        state.sinks.push(sink);
    }

    pub(crate) fn why_stopped(&self) -> NodeStopped {
        self.state().stopped.clone().unwrap_or(NodeStopped::Asked)
    }

    /// Blocks while the queue is full.
    pub(crate) fn push(&self, request: CommandRequest) -> Result<(), NodeStopped> {
        let mut state = self.state();
        loop {
            if let Some(why) = &state.stopped {
                return Err(why.clone());
            }
            if state.stopping {
                return Err(NodeStopped::Asked);
            }
            // A request larger than the whole queue goes in when the queue is empty.
            let sum = state.commands + request.commands.len();
            if state.commands == 0 || sum <= self.queue_commands_max {
                break;
            }
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.commands += request.commands.len().max(1);
        state.requests.push(request);
        drop(state);
        self.for_core.notify_one();
        Ok(())
    }

    /// Waits for the next task. `has_batch`: commands were applied whose batch is not submitted
    /// yet.
    pub(crate) fn next_work(&self, has_batch: bool, mut memory: Vec<CommandRequest>) -> EngineWork {
        let mut state = self.state();
        loop {
            if state.stopped.is_some() {
                return EngineWork::Stop;
            }
            if !state.requests.is_empty() {
                std::mem::swap(&mut state.requests, &mut memory);
                state.commands = 0;
                drop(state);
                self.room.notify_all();
                return EngineWork::Requests(memory);
            }
            if has_batch && !state.committing && state.sealed.is_none() {
                return EngineWork::CommitBatch;
            }
            if state.stopping && !has_batch {
                return EngineWork::Stop;
            }
            state = self.for_core.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether no request waits and the committer is idle. The engine's thread then commits itself,
    /// which saves switching threads when commands come one at a time.
    pub(crate) fn is_quiet(&self) -> bool {
        let state = self.state();
        state.requests.is_empty() && !state.committing && state.sealed.is_none()
    }

    pub(crate) fn committer_is_free(&self) -> bool {
        let state = self.state();
        !state.committing && state.sealed.is_none()
    }

    /// Gives a batch to the committer; blocks while another one waits. Returns memory for the next
    /// one.
    pub(crate) fn submit_batch(&self, sealed: SealedBatch) -> Option<SealedBatch> {
        let mut state = self.state();
        while state.sealed.is_some() && state.stopped.is_none() {
            state = self.for_core.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.sealed = Some(sealed);
        let spare = state.spare.pop();
        drop(state);
        self.for_committer.notify_one();
        spare
    }

    /// The next batch to make durable; None once the engine's thread has ended.
    pub(crate) fn next_sealed(&self) -> Option<SealedBatch> {
        let mut state = self.state();
        loop {
            if let Some(sealed) = state.sealed.take() {
                state.committing = true;
                drop(state);
                self.for_core.notify_one();
                return Some(sealed);
            }
            if state.core_ended || state.stopped.is_some() {
                return None;
            }
            state = self.for_committer.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The batch is durable and answered; its memory is kept for reuse.
    pub(crate) fn committed(&self, spare: SealedBatch) {
        let mut state = self.state();
        state.committing = false;
        if state.spare.len() < 2 {
            state.spare.push(spare);
        }
        drop(state);
        self.for_core.notify_one();
    }

    pub(crate) fn stop(&self) {
        self.state().stopping = true;
        self.for_core.notify_all();
        self.room.notify_all();
    }

    pub(crate) fn core_ended(&self) {
        self.state().core_ended = true;
        self.for_committer.notify_all();
    }

    /// Stops everything: nothing more is answered.
    pub(crate) fn fail(&self, why: &NodeStopped) {
        let sinks = {
            let mut state = self.state();
            state.stopped.get_or_insert_with(|| why.clone());
            // Dropping a query tells its sender that no answer comes.
            state.requests.clear();
            state.sealed = None;
            std::mem::take(&mut state.sinks)
        };
        for sink in sinks.iter().filter_map(Weak::upgrade) {
            sink.stopped(why);
        }
        self.for_core.notify_all();
        self.for_committer.notify_all();
        self.room.notify_all();
    }
}

/// Stops the node if the thread that holds it panics, so that no sender waits for ever.
pub(crate) struct PanicGuard {
    pub queue: Arc<CommandQueue>,
    pub thread: &'static str,
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.queue.fail(&NodeStopped::ThreadFailed(self.thread));
        }
    }
}
