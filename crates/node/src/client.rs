//! Requests with commands and queries, and their durable answers.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use engine::{Engine, Events, Refusal, Submission, Timestamp};
use journal::JournalError;

use crate::command_queue::CommandQueue;

/// The number of the last durable batch when an answer was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalPosition(pub u64);

/// Why the node stopped. An unanswered command may be in the journal or not; the next start shows
/// which. Sending it again is harmless.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NodeStopped {
    #[error("the node was stopped")]
    Asked,
    #[error("the journal could not be written: {0}")]
    Journal(Arc<JournalError>),
    /// A thread of the node panicked.
    #[error("the node's {0} died of a failed assertion")]
    ThreadFailed(&'static str),
}

#[derive(Debug)]
pub struct CommandAnswer {
    /// The number that its request gave to the command.
    pub ticket: u64,
    /// The events, if the request asked for them, or why the command was refused.
    pub result: Result<Events, Refusal>,
}

/// Receives answers. The node's threads call it, so it must not block.
pub trait ReplySink: Send + Sync {
    /// Takes the answers out of `answers`. Their effects are durable at `position`.
    fn deliver(&self, answers: &mut Vec<CommandAnswer>, position: JournalPosition);
    /// The node has stopped; no more answers follow.
    fn stopped(&self, why: &NodeStopped);
}

/// Reads the engine, in order with the commands before and after it.
pub type EngineQuery = Box<dyn FnOnce(&Engine) -> QueryReply + Send>;
/// Called with the query's result once everything that it reflects is durable.
pub type QueryReply = Box<dyn FnOnce(JournalPosition) + Send>;

/// Commands of one sender, applied in order.
pub struct CommandRequest {
    pub sink: Arc<dyn ReplySink>,
    /// The ticket of the first command; the others count up.
    pub first_ticket: u64,
    /// Whether answers contain the events, or only whether the command was applied.
    pub with_events: bool,
    /// Commands without a time get the node's.
    pub commands: Vec<(Option<Timestamp>, Submission)>,
    /// Runs after the commands.
    pub query: Option<EngineQuery>,
}

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
            Box::new(move |position| drop(sender.send((answer, position))))
        });
        self.queue.push(CommandRequest {
            sink: self.mailbox.clone(),
            first_ticket: self.next_ticket,
            with_events: false,
            commands: Vec::new(),
            query: Some(question),
        })?;
        receiver.recv().map_err(|_| self.queue.why_stopped())
    }
}
