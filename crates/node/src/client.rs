//! Senders of requests: one that waits for the answers, one whose answers go to a sink.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use engine::{Engine, Events, Refusal, Submission, Timestamp};

use crate::command_queue::CommandQueue;
use crate::counters::NodeFigures;
use crate::request::{
    CommandAnswer, CommandRequest, DecidedCommand, EngineDecision, EngineQuery, JournalPosition,
    NodeStopped, ReplySink,
};

/// Sends commands without waiting for answers, which go to a sink. Use one for each sink.
pub struct RequestSender {
    queue: Arc<CommandQueue>,
    sink: Arc<dyn ReplySink>,
    next_ticket: u64,
}

impl RequestSender {
    pub(crate) fn new(queue: Arc<CommandQueue>, sink: Arc<dyn ReplySink>) -> RequestSender {
        queue.add_sink(Arc::downgrade(&sink));
        RequestSender { queue, sink, next_ticket: 0 }
    }

    /// Sends commands, and a query that runs after them. Answers contain events, and come in the
    /// order of the tickets, which count up from one request to the next. Returns the first ticket.
    /// Blocks only while the queue is full.
    pub fn send(
        &mut self,
        commands: Vec<(Option<Timestamp>, Submission)>,
        question: Option<EngineQuery>,
    ) -> Result<u64, NodeStopped> {
        let first_ticket = self.next_ticket;
        self.next_ticket += commands.len() as u64;
        let sink = self.sink.clone();
        self.queue.push(CommandRequest {
            sink,
            first_ticket,
            with_events: true,
            commands,
            query: question,
            decision: None,
        })?;
        Ok(first_ticket)
    }
}

/// Sends commands and waits for their answers. Cheap; use one for each thread.
pub struct NodeClient {
    queue: Arc<CommandQueue>,
    mailbox: Arc<Mailbox>,
    next_ticket: u64,
}

#[derive(Default)]
struct Mailbox {
    state: Mutex<MailboxState>,
    arrived: Condvar,
}

#[derive(Default)]
struct MailboxState {
    answers: Vec<CommandAnswer>,
    position: JournalPosition,
    stopped: Option<NodeStopped>,
}

impl Mailbox {
    fn state(&self) -> MutexGuard<'_, MailboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReplySink for Mailbox {
    fn deliver(&self, answers: &mut Vec<CommandAnswer>, position: JournalPosition) {
        let mut state = self.state();
        if state.answers.is_empty() {
            std::mem::swap(&mut state.answers, answers);
        } else {
            state.answers.append(answers);
        }
        state.position = position;
        drop(state);
        self.arrived.notify_one();
    }

    fn stopped(&self, why: &NodeStopped) {
        self.state().stopped = Some(why.clone());
        self.arrived.notify_one();
    }
}

/// A client of its own, for another thread.
impl Clone for NodeClient {
    fn clone(&self) -> NodeClient {
        NodeClient::new(self.queue.clone())
    }
}

impl NodeClient {
    pub(crate) fn new(queue: Arc<CommandQueue>) -> NodeClient {
        let mailbox = Arc::new(Mailbox::default());
        queue.add_sink(Arc::downgrade(&(mailbox.clone() as Arc<dyn ReplySink>)));
        NodeClient { queue, mailbox, next_ticket: 0 }
    }

    /// Sends commands without waiting for their answers. Returns the ticket of the first. Blocks
    /// only while the queue is full.
    pub fn send(
        &mut self,
        commands: Vec<(Option<Timestamp>, Submission)>,
        events: bool,
    ) -> Result<u64, NodeStopped> {
        let first_ticket = self.next_ticket;
        self.next_ticket += commands.len() as u64;
        let sink = self.mailbox.clone();
        self.queue.push(CommandRequest {
            sink,
            first_ticket,
            with_events: events,
            commands,
            query: None,
            decision: None,
        })?;
        Ok(first_ticket)
    }

    /// Waits for answers and moves them into `answers`, which should be empty, in the order of the
    /// tickets. Fails once the node has stopped and all its answers were received.
    pub fn receive(
        &self,
        answers: &mut Vec<CommandAnswer>,
    ) -> Result<JournalPosition, NodeStopped> {
        let mut state = self.mailbox.state();
        loop {
            if !state.answers.is_empty() {
                if answers.is_empty() {
                    std::mem::swap(&mut state.answers, answers);
                } else {
                    answers.append(&mut state.answers);
                }
                return Ok(state.position);
            }
            if let Some(why) = &state.stopped {
                return Err(why.clone());
            }
            state = self.mailbox.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sends commands and waits until all are answered. Answers are in the order of the commands.
    pub fn execute(
        &mut self,
        commands: Vec<(Option<Timestamp>, Submission)>,
    ) -> Result<Vec<Result<Events, Refusal>>, NodeStopped> {
        let expected = commands.len();
        if expected == 0 {
            return Ok(Vec::new());
        }
        self.send(commands, true)?;
        let mut answers = Vec::with_capacity(expected);
        while answers.len() < expected {
            self.receive(&mut answers)?;
        }
        Ok(answers.into_iter().map(|answer| answer.result).collect())
    }

    /// The position of the last answer that was received.
    #[must_use]
    pub fn last_position(&self) -> JournalPosition {
        self.mailbox.state().position
    }

    /// Runs a query after all commands sent before. The result reflects only durable commands; the
    /// position says how many.
    pub fn query<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> Result<(T, JournalPosition), NodeStopped> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let question: EngineQuery = Box::new(move |engine| {
            let answer = question(engine);
            // An error means that the caller no longer waits.
            Some(Box::new(move |position| drop(sender.send((answer, position)))))
        });
        self.ask(question)?;
        receiver.recv().map_err(|_| self.queue.why_stopped())
    }

    /// Runs a query as [`NodeClient::query`] does, but does not wait until what it reflects is
    /// durable. For what only decides on a command: the answer of that comes when all before it is
    /// durable. Whoever answers from it alone asks a query before.
    pub fn look_ahead<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> Result<T, NodeStopped> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let question: EngineQuery = Box::new(move |engine| {
            drop(sender.send(question(engine)));
            None
        });
        self.ask(question)?;
        receiver.recv().map_err(|_| self.queue.why_stopped())
    }

    /// Decides on a command with the engine at hand, and gives it, in one turn. Does not wait for
    /// the answer: the decision's reply has it, and is dropped if the node stops before. Blocks
    /// only while the queue is full.
    pub fn decide(
        &self,
        decision: impl FnOnce(&Engine) -> DecidedCommand + Send + 'static,
    ) -> Result<(), NodeStopped> {
        self.push(None, Some(Box::new(decision)))
    }

    /// A number that changes when the grants of persons or keys may have changed: see
    /// [`Engine::access_version`]. Needs no answer of the engine.
    #[must_use]
    pub fn access_version(&self) -> u64 {
        self.queue.access_version()
    }

    /// What the node has done since it started. Needs no answer of the engine.
    #[must_use]
    pub fn figures(&self) -> NodeFigures {
        self.queue.figures()
    }

    fn ask(&self, question: EngineQuery) -> Result<(), NodeStopped> {
        self.push(Some(question), None)
    }

    fn push(
        &self,
        query: Option<EngineQuery>,
        decision: Option<EngineDecision>,
    ) -> Result<(), NodeStopped> {
        self.queue.push(CommandRequest {
            sink: self.mailbox.clone(),
            first_ticket: self.next_ticket,
            with_events: false,
            commands: Vec::new(),
            query,
            decision,
        })
    }
}
