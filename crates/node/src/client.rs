//! The way in: letters of commands, and answers that come when they are durable.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use engine::{Command, Engine, Event, Refusal, Timestamp};

use crate::desk::Desk;

/// How far the journal was when something was answered: the number of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub u64);

/// The node has stopped: why. Whether a command that was not answered is in the journal will be
/// known after the next start; sending it again is harmless.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Stopped(pub String);

/// The answer to one command.
#[derive(Debug)]
pub struct Answer {
    /// Which command: the number that its letter gave it.
    pub ticket: u64,
    /// What happened, if the letter asked for events, or why not.
    pub result: Result<Vec<Event>, Refusal>,
}

/// Where answers go. Called by the node's own threads: it must not block.
pub trait Sink: Send + Sync {
    /// Takes answers out of `answers`; everything that they say is durable at `position`.
    fn deliver(&self, answers: &mut Vec<Answer>, position: Position);
    /// The node has stopped; nothing more will be answered.
    fn stopped(&self, why: &Stopped);
}

/// A question to the engine, asked in its place among the commands.
pub type Question = Box<dyn FnOnce(&Engine) -> Reply + Send>;
/// Gives the reply to whoever asked, once everything that it reflects is durable.
pub type Reply = Box<dyn FnOnce(Position) + Send>;

/// Some commands of one sender, to be carried out in their order.
pub struct Letter {
    /// Where the answers go.
    pub sink: Arc<dyn Sink>,
    /// The ticket of the first command; the others count on.
    pub first_ticket: u64,
    /// Whether the events are wanted, or only whether it was carried out.
    pub events: bool,
    /// The commands. Without a time they get the node's own.
    pub commands: Vec<(Option<Timestamp>, Command)>,
    /// Asked after the commands.
    pub question: Option<Question>,
}

/// A sender whose answers go to a sink of its own, for whoever cannot wait. One a sink.
pub struct Post {
    desk: Arc<Desk>,
    sink: Arc<dyn Sink>,
    next_ticket: u64,
}

impl Post {
    pub(crate) fn new(desk: Arc<Desk>, sink: Arc<dyn Sink>) -> Post {
        desk.add_mailbox(Arc::downgrade(&sink));
        Post { desk, sink, next_ticket: 0 }
    }

    /// Sends commands, whose events are wanted, and a question behind them. The answers come in the
    /// order of the tickets, which count on from letter to letter; returns the first's. Waits only
    /// where the queue is full.
    ///
    /// # Errors
    /// Where the node has stopped.
    pub fn put(
        &mut self,
        commands: Vec<(Option<Timestamp>, Command)>,
        question: Option<Question>,
    ) -> Result<u64, Stopped> {
        let first_ticket = self.next_ticket;
        self.next_ticket += commands.len() as u64;
        let sink = self.sink.clone();
        self.desk.put(Letter { sink, first_ticket, events: true, commands, question })?;
        Ok(first_ticket)
    }
}

/// A sender with a mailbox of its own. Cheap; one a thread.
pub struct Client {
    desk: Arc<Desk>,
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
    answers: Vec<Answer>,
    position: Position,
    stopped: Option<Stopped>,
}

impl Mailbox {
    fn state(&self) -> MutexGuard<'_, MailboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Mailbox {
    fn deliver(&self, answers: &mut Vec<Answer>, position: Position) {
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

    fn stopped(&self, why: &Stopped) {
        self.state().stopped = Some(why.clone());
        self.arrived.notify_one();
    }
}

impl Client {
    pub(crate) fn new(desk: Arc<Desk>) -> Client {
        let mailbox = Arc::new(Mailbox::default());
        desk.add_mailbox(Arc::downgrade(&(mailbox.clone() as Arc<dyn Sink>)));
        Client { desk, mailbox, next_ticket: 0 }
    }

    /// Sends commands and does not wait for the answers; waits only where the queue is full.
    /// Returns the ticket of the first.
    ///
    /// # Errors
    /// Where the node has stopped.
    pub fn send(
        &mut self,
        commands: Vec<(Option<Timestamp>, Command)>,
        events: bool,
    ) -> Result<u64, Stopped> {
        let first_ticket = self.next_ticket;
        self.next_ticket += commands.len() as u64;
        let sink = self.mailbox.clone();
        self.desk.put(Letter { sink, first_ticket, events, commands, question: None })?;
        Ok(first_ticket)
    }

    /// Waits for answers and moves them into `answers`, which should be empty. They come in the
    /// order of the tickets.
    ///
    /// # Errors
    /// Where the node has stopped and every answer that it gave was taken.
    pub fn receive(&self, answers: &mut Vec<Answer>) -> Result<Position, Stopped> {
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

    /// Sends commands and waits until all of them are answered, in their order.
    ///
    /// # Errors
    /// Where the node stopped before.
    pub fn carry_out(
        &mut self,
        commands: Vec<(Option<Timestamp>, Command)>,
    ) -> Result<Vec<Result<Vec<Event>, Refusal>>, Stopped> {
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

    /// Asks the engine something, after all commands sent before; the answer reflects only what is
    /// durable, and says how far that was.
    ///
    /// # Errors
    /// Where the node has stopped.
    pub fn look<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> Result<(T, Position), Stopped> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let question: Question = Box::new(move |engine| {
            let answer = question(engine);
            // Who asked may be gone; that harms nobody.
            Box::new(move |position| drop(sender.send((answer, position))))
        });
        self.desk.put(Letter {
            sink: self.mailbox.clone(),
            first_ticket: self.next_ticket,
            events: false,
            commands: Vec::new(),
            question: Some(question),
        })?;
        receiver.recv().map_err(|_| self.desk.why_stopped())
    }
}
