//! Where the node's threads leave their answers for the thread of the sockets.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{Command, Timestamp};
use mio::Waker;
use node::{Answer, Position, Post, Sink, Stopped};
use switch::{Fact, Question};

/// Answers that have come and were not looked at.
#[derive(Default)]
pub(crate) struct Come {
    pub answers: Vec<Answer>,
    pub facts: Vec<(u64, Fact)>,
    pub stopped: Option<Stopped>,
    /// The waker was called and nobody has looked since.
    woken: bool,
}

/// The letter box.
pub(crate) struct Inbox {
    come: Mutex<Come>,
    waker: Arc<Waker>,
}

impl Inbox {
    pub(crate) fn new(waker: Arc<Waker>) -> Inbox {
        Inbox { come: Mutex::default(), waker }
    }

    fn come(&self) -> MutexGuard<'_, Come> {
        self.come.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, put: impl FnOnce(&mut Come)) {
        let mut come = self.come();
        put(&mut come);
        let woken = std::mem::replace(&mut come.woken, true);
        drop(come);
        if !woken {
            // It fails only where the sockets are gone, and with them whoever was to be woken.
            let _ = self.waker.wake();
        }
    }

    /// Takes what has come.
    pub(crate) fn take(&self) -> Come {
        let mut come = self.come();
        let stopped = come.stopped.clone();
        let taken = std::mem::take(&mut *come);
        come.stopped = stopped;
        taken
    }
}

impl Sink for Inbox {
    fn deliver(&self, answers: &mut Vec<Answer>, _position: Position) {
        self.put(|come| {
            if come.answers.is_empty() {
                std::mem::swap(&mut come.answers, answers);
            } else {
                come.answers.append(answers);
            }
        });
    }

    fn stopped(&self, why: &Stopped) {
        self.put(|come| come.stopped = Some(why.clone()));
    }
}

/// Who waits for a command's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits<O> {
    /// The switch, under a number of its own.
    Switch(u64),
    /// An operator.
    Operator(O),
}

/// The way to the node and back: one letter for all commands of a round.
pub(crate) struct Mail<O> {
    inbox: Arc<Inbox>,
    post: Post,
    waiting: VecDeque<Waits<O>>,
    first_ticket: u64,
    asked: usize,
    commands: Vec<(Option<Timestamp>, Command)>,
    questions: Vec<(u64, Question)>,
}

impl<O> Mail<O> {
    pub(crate) fn new(inbox: Arc<Inbox>, post: Post) -> Mail<O> {
        Mail {
            inbox,
            post,
            waiting: VecDeque::new(),
            first_ticket: 0,
            asked: 0,
            commands: Vec::new(),
            questions: Vec::new(),
        }
    }

    /// Commands and questions without an answer.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len() + self.asked
    }

    pub(crate) fn command(&mut self, who: Waits<O>, command: Command) {
        self.waiting.push_back(who);
        self.commands.push((None, command));
    }

    pub(crate) fn ask(&mut self, ticket: u64, question: Question) {
        self.asked += 1;
        self.questions.push((ticket, question));
    }

    /// Sends the round's letter. The questions stand behind its commands, so that they see them.
    pub(crate) fn send(&mut self) -> Result<(), Stopped> {
        if self.commands.is_empty() && self.questions.is_empty() {
            return Ok(());
        }
        let questions = std::mem::take(&mut self.questions);
        let question = (!questions.is_empty()).then(|| -> node::Question {
            let inbox = self.inbox.clone();
            Box::new(move |engine| {
                let ask = |(ticket, question): (u64, Question)| (ticket, question.ask(engine));
                let mut facts: Vec<_> = questions.into_iter().map(ask).collect();
                Box::new(move |_| inbox.put(|come| come.facts.append(&mut facts)))
            })
        });
        self.post.put(std::mem::take(&mut self.commands), question).map(|_| ())
    }

    /// What has come.
    pub(crate) fn take(&mut self) -> Come {
        let come = self.inbox.take();
        self.asked -= come.facts.len();
        come
    }

    /// Who waits for an answer. They come in the order of their commands.
    pub(crate) fn who_waits(&mut self, answer: &Answer) -> Waits<O> {
        assert_eq!(answer.ticket, self.first_ticket, "answers come in the order of their commands");
        self.first_ticket += 1;
        self.waiting.pop_front().expect("an answer was waited for")
    }
}
