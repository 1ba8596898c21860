//! The engine's thread: carries commands out in their order and fills batches.

use std::sync::Arc;

use engine::{Engine, Outcome, Snapshot, Timestamp};

use crate::batch::Writer;
use crate::client::{Answer, Letter, Reply, Sink};
use crate::committer::Committer;
use crate::desk::{Desk, Watch, Work};
use crate::start::{Clock, Limits};

/// Commands whose records are fetched together before they are carried out.
pub(crate) const WARM_COMMANDS: usize = 32;

/// Answers, and where they go.
pub(crate) type Addressed = (Option<Arc<dyn Sink>>, Vec<Answer>);

/// A batch that is ready to be made durable, and who waits for that.
#[derive(Default)]
pub(crate) struct Sealed {
    /// Empty where nothing was carried out.
    pub payload: Vec<u8>,
    pub commands: u32,
    pub answers: Vec<Addressed>,
    pub replies: Vec<Reply>,
    /// The state after the batch, where it is time for a snapshot.
    pub snapshot: Option<Snapshot>,
}

pub(crate) struct Core {
    pub engine: Engine,
    pub desk: Arc<Desk>,
    pub committer: Arc<Committer>,
    pub clock: Box<dyn Clock>,
    pub limits: Limits,
    writer: Writer,
    filling: Sealed,
    outcome: Outcome,
    /// Commands since the last snapshot.
    since_snapshot: u64,
}

impl Core {
    pub(crate) fn new(
        engine: Engine,
        desk: Arc<Desk>,
        committer: Arc<Committer>,
        clock: Box<dyn Clock>,
        limits: Limits,
        since_snapshot: u64,
    ) -> Core {
        let (writer, filling, outcome) = (Writer::default(), Sealed::default(), Outcome::default());
        Core { engine, desk, committer, clock, limits, writer, filling, outcome, since_snapshot }
    }

    /// Carries out commands until the node stops, then gives the engine back.
    pub(crate) fn run(mut self) -> Engine {
        let _watch = Watch { desk: self.desk.clone(), what: "engine" };
        let mut memory = Vec::new();
        loop {
            match self.desk.next_work(self.has_batch(), memory) {
                Work::Letters(mut letters) => {
                    for letter in letters.drain(..) {
                        self.carry_out(letter);
                    }
                    memory = letters;
                    self.commit_if_quiet();
                }
                Work::HandOver => {
                    memory = Vec::new();
                    self.hand_over();
                }
                Work::Stop => break,
            }
        }
        self.desk.core_ended();
        self.engine
    }

    fn has_batch(&self) -> bool {
        !self.writer.is_empty()
            || !self.filling.answers.is_empty()
            || !self.filling.replies.is_empty()
    }

    fn carry_out(&mut self, letter: Letter) {
        let Letter { sink, first_ticket, events, commands, question } = letter;
        if !commands.is_empty() {
            self.filling.answers.push((Some(sink.clone()), Vec::with_capacity(commands.len())));
        }
        let now = self.clock.now();
        for (place, (ticket, (at, command))) in (first_ticket..).zip(&commands).enumerate() {
            if place.is_multiple_of(WARM_COMMANDS) {
                let next = commands[place..].iter().take(WARM_COMMANDS);
                self.engine.warm(next.map(|(_, command)| command));
            }
            // The node's own clock may be set back; its commands' times never are.
            let at = at.unwrap_or_else(|| now.max(self.engine.last_at()));
            if self.is_full() || !self.writer.has_room_at(at) {
                self.hand_over();
                self.filling.answers.push((Some(sink.clone()), Vec::new()));
            }
            let done = self.engine.apply(command, at, &mut self.outcome);
            let result = done.map(|()| {
                self.write_down(command, at);
                if events { std::mem::take(&mut self.outcome.events) } else { Vec::new() }
            });
            let (_, answers) = self.filling.answers.last_mut().expect("just made");
            answers.push(Answer { ticket, result });
        }
        if let Some(question) = question {
            let reply = question(&self.engine);
            self.filling.replies.push(reply);
        }
    }

    fn write_down(&mut self, command: &engine::Command, at: Timestamp) {
        self.writer.push(command, at);
    }

    fn is_full(&self) -> bool {
        self.writer.commands() >= self.limits.batch_commands_max
            || self.writer.len() >= self.limits.batch_bytes_max
    }

    fn seal(&mut self) -> Sealed {
        let mut sealed = std::mem::take(&mut self.filling);
        let memory = std::mem::take(&mut sealed.payload);
        sealed.commands = self.writer.commands();
        sealed.payload = self.writer.seal(self.engine.fingerprint(), memory);
        self.since_snapshot += u64::from(sealed.commands);
        let due = self.since_snapshot >= self.limits.snapshot_every_commands;
        if due && sealed.commands > 0 && self.committer.may_snapshot() {
            self.since_snapshot = 0;
            sealed.snapshot = Some(self.engine.snapshot());
        }
        sealed
    }

    fn hand_over(&mut self) {
        let sealed = self.seal();
        if let Some(spare) = self.desk.hand_over(sealed) {
            self.filling = spare;
        }
    }

    /// Where commands come one at a time, the change to the committer's thread and back would cost
    /// more than what could be carried out meanwhile.
    fn commit_if_quiet(&mut self) {
        let few = self.writer.commands() <= self.limits.inline_commands_max;
        if few && self.has_batch() && self.desk.is_quiet() {
            let mut sealed = self.seal();
            self.committer.commit(&mut sealed);
            self.filling = sealed;
        } else if self.desk.committer_is_free() && self.has_batch() {
            self.hand_over();
        }
    }
}
