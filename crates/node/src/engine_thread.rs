//! The engine's thread: applies commands in order and fills batches.

use std::sync::Arc;

use engine::{Applied, CommandOutcome, Engine, Events, Refusal, Submission, Timestamp};

use crate::batch::BatchWriter;
use crate::clock::Clock;
use crate::command_queue::{CommandQueue, EngineWork, PanicGuard, SealedBatch};
use crate::committer::Committer;
use crate::options::{NodeLimits, PREFETCH_COMMANDS};
use crate::request::{CommandAnswer, CommandRequest, DecidedCommand, EngineDecision};

pub(crate) struct EngineThread {
    pub engine: Engine,
    pub queue: Arc<CommandQueue>,
    pub committer: Arc<Committer>,
    pub clock: Box<dyn Clock>,
    pub limits: NodeLimits,
    writer: BatchWriter,
    open_batch: SealedBatch,
    outcome: CommandOutcome,
    since_snapshot: u64,
}

impl EngineThread {
    pub(crate) fn new(
        engine: Engine,
        queue: Arc<CommandQueue>,
        committer: Arc<Committer>,
        clock: Box<dyn Clock>,
        limits: NodeLimits,
        since_snapshot: u64,
    ) -> EngineThread {
        let (writer, open_batch, outcome) =
            (BatchWriter::default(), SealedBatch::default(), CommandOutcome::default());
        EngineThread {
            engine,
            queue,
            committer,
            clock,
            limits,
            writer,
            open_batch,
            outcome,
            since_snapshot,
        }
    }

    /// Applies commands until the node stops, then returns the engine.
    pub(crate) fn run(mut self) -> Engine {
        let _guard = PanicGuard { queue: self.queue.clone(), thread: "engine" };
        let mut memory = Vec::new();
        loop {
            match self.queue.next_work(self.has_batch(), memory) {
                EngineWork::Requests(mut requests) => {
                    for request in requests.drain(..) {
                        self.execute(request);
                    }
                    memory = requests;
                    self.commit_if_quiet();
                }
                EngineWork::CommitBatch => {
                    memory = Vec::new();
                    self.submit_batch();
                }
                EngineWork::Stop => break,
            }
        }
        self.queue.core_ended();
        self.engine
    }

    fn has_batch(&self) -> bool {
        !self.writer.is_empty()
            || !self.open_batch.answers.is_empty()
            || !self.open_batch.replies.is_empty()
    }

    fn execute(&mut self, request: CommandRequest) {
        let CommandRequest { sink, first_ticket, with_events, commands, query, decision } = request;
        if !commands.is_empty() {
            self.open_batch.answers.push((Some(sink.clone()), Vec::with_capacity(commands.len())));
        }
        let now = self.clock.now();
        for (place, (ticket, (at, submission))) in (first_ticket..).zip(&commands).enumerate() {
            if place.is_multiple_of(PREFETCH_COMMANDS) {
                let next = commands[place..].iter().take(PREFETCH_COMMANDS);
                self.engine.prefetch(next.map(|(_, submission)| submission));
            }
            // Books may be ahead of the clock from before; the times of commands never go back.
            let at = at.unwrap_or_else(|| now.max(self.engine.last_at()));
            if self.make_room_at(at) {
                self.open_batch.answers.push((Some(sink.clone()), Vec::new()));
            }
            let result = self.apply(submission, at, with_events);
            let (_, answers) = self.open_batch.answers.last_mut().expect("just made");
            answers.push(CommandAnswer { ticket, result });
        }
        if let Some(reply) = query.and_then(|query| query(&self.engine)) {
            self.open_batch.replies.push(reply);
        }
        if let Some(decision) = decision {
            self.decide(decision, now);
        }
    }

    fn decide(&mut self, decision: EngineDecision, now: Timestamp) {
        let reply = match decision(&self.engine) {
            DecidedCommand::Answered(reply) => reply,
            DecidedCommand::Give(submission, reply) => {
                let at = now.max(self.engine.last_at());
                self.make_room_at(at);
                let result = self.apply(&submission, at, true);
                Box::new(move |position| reply(result, position))
            }
        };
        self.open_batch.replies.push(reply);
    }

    /// Ends a batch that has no room for a command of this time. Whether it did.
    fn make_room_at(&mut self, at: Timestamp) -> bool {
        let no_room = self.is_full() || !self.writer.has_room_at(at);
        if no_room {
            self.submit_batch();
        }
        no_room
    }

    fn apply(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        with_events: bool,
    ) -> Result<Events, Refusal> {
        let applied = self.engine.apply(submission, at, &mut self.outcome);
        let counters = &self.queue.counters;
        match applied.inspect_err(|refusal| counters.refused(refusal))? {
            Applied::CarriedOut => {
                counters.carried_out(&submission.command);
                self.writer.push(submission, at);
                self.queue.set_access_version(self.engine.access_version());
            }
            Applied::AnsweredBefore => counters.answered_before(),
        }
        Ok(if with_events { self.outcome.take_events() } else { Events::default() })
    }

    fn is_full(&self) -> bool {
        self.writer.commands() >= self.limits.batch_commands_max
            || self.writer.len() >= self.limits.batch_bytes_max
    }

    fn seal(&mut self) -> SealedBatch {
        let mut sealed = std::mem::take(&mut self.open_batch);
        let memory = std::mem::take(&mut sealed.payload);
        sealed.commands = self.writer.commands();
        sealed.payload = self.writer.seal(self.engine.fingerprint(), memory);
        self.since_snapshot += u64::from(sealed.commands);
        let due = self.since_snapshot >= self.limits.snapshot_every_commands;
        if due && sealed.commands > 0 && self.committer.may_snapshot() {
            self.since_snapshot = 0;
            sealed.snapshot = Some(self.engine.snapshot());
        }
        self.queue.counters.set_since_snapshot(self.since_snapshot);
        sealed
    }

    fn submit_batch(&mut self) {
        let sealed = self.seal();
        if let Some(spare) = self.queue.submit_batch(sealed) {
            self.open_batch = spare;
        }
    }

    /// When commands come one at a time, switching to the committer's thread and back costs more
    /// than it saves.
    fn commit_if_quiet(&mut self) {
        let few = self.writer.commands() <= self.limits.inline_commands_max;
        if few && self.has_batch() && self.queue.is_quiet() {
            let mut sealed = self.seal();
            self.committer.commit(&mut sealed);
            self.open_batch = sealed;
        } else if self.queue.committer_is_free() && self.has_batch() {
            self.submit_batch();
        }
    }
}
