//! Requests with commands and queries, and their durable answers.

use std::sync::Arc;

use engine::{Engine, Events, Refusal, Submission, Timestamp};
use journal::JournalError;

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

/// Reads the engine, in order with the commands before and after it. Without a reply nobody waits
/// until what it read is durable.
pub type EngineQuery = Box<dyn FnOnce(&Engine) -> Option<QueryReply> + Send>;
/// Called with the query's result once everything that it reflects is durable.
pub type QueryReply = Box<dyn FnOnce(JournalPosition) + Send>;

/// Reads the engine as a query does, and decides on the command that is given at once: nothing
/// comes between what it saw and its command.
pub type EngineDecision = Box<dyn FnOnce(&Engine) -> DecidedCommand + Send>;
/// Called with a command's result once it is durable.
pub type CommandReply = Box<dyn FnOnce(Result<Events, Refusal>, JournalPosition) + Send>;

/// What a decision leads to.
pub enum DecidedCommand {
    Give(Box<Submission>, CommandReply),
    /// Nothing is given.
    Answered(QueryReply),
}

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
    /// Runs last.
    pub decision: Option<EngineDecision>,
}
