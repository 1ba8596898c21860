//! Requests to the node, and the queue in which the node's threads leave their replies for the
//! thread of the sockets.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use books::{Event, NetworkId, Timestamp};
use engine::Submission;
use mio::Waker;
use node::{CommandAnswer, JournalPosition, NodeStopped, ReplySink, RequestSender};
use switch::{Query, QueryResult};

/// A network is withdrawn from a time on, or reinstated.
pub(crate) type NetworkChange = (NetworkId, Option<Timestamp>);

/// Replies that have arrived and were not processed yet.
#[derive(Default)]
pub(crate) struct ArrivedReplies {
    pub answers: Vec<CommandAnswer>,
    pub query_results: Vec<(u64, QueryResult)>,
    pub network_changes: Vec<NetworkChange>,
    pub stopped: Option<NodeStopped>,
    /// The waker was called since the last [`ReplyQueue::take`].
    wake_sent: bool,
}

/// Filled by the node's threads, emptied by the thread of the sockets.
pub(crate) struct ReplyQueue {
    arrived: Mutex<ArrivedReplies>,
    waker: Arc<Waker>,
}

impl ReplyQueue {
    pub(crate) fn new(waker: Arc<Waker>) -> ReplyQueue {
        ReplyQueue { arrived: Mutex::default(), waker }
    }

    fn arrived(&self) -> MutexGuard<'_, ArrivedReplies> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, put: impl FnOnce(&mut ArrivedReplies)) {
        let mut arrived = self.arrived();
        put(&mut arrived);
        let wake_sent = std::mem::replace(&mut arrived.wake_sent, true);
        drop(arrived);
        if !wake_sent {
            // An error means that the sockets are gone, and with them the thread to wake.
            let _ = self.waker.wake();
        }
    }

    pub(crate) fn take(&self) -> ArrivedReplies {
        let mut arrived = self.arrived();
        let stopped = arrived.stopped.clone();
        let taken = std::mem::take(&mut *arrived);
        arrived.stopped = stopped;
        taken
    }
}

impl ReplySink for ReplyQueue {
    fn deliver(&self, answers: &mut Vec<CommandAnswer>, _position: JournalPosition) {
        self.put(|arrived| {
            if arrived.answers.is_empty() {
                std::mem::swap(&mut arrived.answers, answers);
            } else {
                arrived.answers.append(answers);
            }
        });
    }

    fn stopped(&self, why: &NodeStopped) {
        self.put(|arrived| arrived.stopped = Some(why.clone()));
    }
}

/// Tells the switch what another thread changed in the books.
#[derive(Clone)]
pub struct NetworkChanges(Arc<ReplyQueue>);

impl NetworkChanges {
    /// Passes on which networks the events withdraw or reinstate.
    pub fn announce(&self, events: &[Event]) {
        let changes = events.iter().filter_map(|event| match *event {
            Event::NetworkWithdrawn { network, from } => Some((network, Some(from))),
            Event::NetworkReinstated { network } => Some((network, None)),
            _ => None,
        });
        let changes: Vec<NetworkChange> = changes.collect();
        if !changes.is_empty() {
            self.0.put(|arrived| arrived.network_changes.extend(changes));
        }
    }
}

/// Requests to the node and their replies. All commands of a round go as one request.
pub(crate) struct NodeChannel {
    inbox: Arc<ReplyQueue>,
    sender: RequestSender,
    waiting: VecDeque<u64>,
    first_ticket: u64,
    queries_waiting: usize,
    commands: Vec<(Option<Timestamp>, Submission)>,
    queries: Vec<(u64, Query)>,
}

impl NodeChannel {
    pub(crate) fn new(inbox: Arc<ReplyQueue>, sender: RequestSender) -> NodeChannel {
        NodeChannel {
            inbox,
            sender,
            waiting: VecDeque::new(),
            first_ticket: 0,
            queries_waiting: 0,
            commands: Vec::new(),
            queries: Vec::new(),
        }
    }

    pub(crate) fn network_changes(&self) -> NetworkChanges {
        NetworkChanges(self.inbox.clone())
    }

    /// How many commands and queries have no answer yet.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len() + self.queries_waiting
    }

    /// The ticket is the switch's own number for the command.
    pub(crate) fn command(&mut self, ticket: u64, submission: Submission) {
        self.waiting.push_back(ticket);
        self.commands.push((None, submission));
    }

    pub(crate) fn query(&mut self, ticket: u64, query: Query) {
        self.queries_waiting += 1;
        self.queries.push((ticket, query));
    }

    /// Sends the round's request. Its queries run after its commands, so they see their effect.
    pub(crate) fn send(&mut self) -> Result<(), NodeStopped> {
        if self.commands.is_empty() && self.queries.is_empty() {
            return Ok(());
        }
        let queries = std::mem::take(&mut self.queries);
        let query = (!queries.is_empty()).then(|| -> node::EngineQuery {
            let inbox = self.inbox.clone();
            Box::new(move |engine| {
                let ask = |(ticket, query): (u64, Query)| (ticket, query.answer(engine.books()));
                let mut facts: Vec<_> = queries.into_iter().map(ask).collect();
                Some(Box::new(move |_| {
                    inbox.put(|arrived| arrived.query_results.append(&mut facts));
                }))
            })
        });
        // The next round is likely to be as large.
        let next = Vec::with_capacity(self.commands.len());
        let commands = std::mem::replace(&mut self.commands, next);
        self.sender.send(commands, query).map(|_| ())
    }

    pub(crate) fn take(&mut self) -> ArrivedReplies {
        let arrived = self.inbox.take();
        self.queries_waiting -= arrived.query_results.len();
        arrived
    }

    /// The switch's ticket of this answer. Answers arrive in the order of the commands.
    pub(crate) fn take_ticket(&mut self, answer: &CommandAnswer) -> u64 {
        assert_eq!(answer.ticket, self.first_ticket, "answers come in the order of their commands");
        self.first_ticket += 1;
        self.waiting.pop_front().expect("an answer was waited for")
    }
}
