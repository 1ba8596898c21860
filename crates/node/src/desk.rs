//! Where the threads meet: the queue of letters, and the batch that waits to be made durable.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use crate::client::{Letter, Sink, Stopped};
use crate::core::Sealed;

/// What the core is to do next.
pub(crate) enum Work {
    /// Carry out these letters.
    Letters(Vec<Letter>),
    /// Nobody is making a batch durable: hand over what has been carried out.
    HandOver,
    /// Everything is carried out and handed over.
    Stop,
}

/// The meeting place.
pub(crate) struct Desk {
    state: Mutex<State>,
    /// The core waits here: for letters, or for the committer to be free.
    for_core: Condvar,
    /// The committer waits here for a batch.
    for_committer: Condvar,
    /// Senders wait here for room in the queue.
    room: Condvar,
    queue_commands_max: usize,
}

#[derive(Default)]
struct State {
    letters: Vec<Letter>,
    commands: usize,
    sealed: Option<Sealed>,
    /// A batch is being made durable.
    committing: bool,
    spare: Vec<Sealed>,
    stopping: bool,
    core_ended: bool,
    stopped: Option<Stopped>,
    mailboxes: Vec<Weak<dyn Sink>>,
}

impl Desk {
    pub(crate) fn new(queue_commands_max: usize) -> Desk {
        Desk {
            state: Mutex::default(),
            for_core: Condvar::new(),
            for_committer: Condvar::new(),
            room: Condvar::new(),
            queue_commands_max,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_mailbox(&self, mailbox: Weak<dyn Sink>) {
        let mut state = self.state();
        state.mailboxes.retain(|one| one.strong_count() > 0);
        if let (Some(why), Some(mailbox)) = (&state.stopped, mailbox.upgrade()) {
            mailbox.stopped(why);
        }
        state.mailboxes.push(mailbox);
    }

    pub(crate) fn why_stopped(&self) -> Stopped {
        self.state().stopped.clone().unwrap_or_else(|| Stopped("the node was stopped".into()))
    }

    /// Puts a letter into the queue; waits where the queue is full.
    pub(crate) fn put(&self, letter: Letter) -> Result<(), Stopped> {
        let mut state = self.state();
        loop {
            if let Some(why) = &state.stopped {
                return Err(why.clone());
            }
            if state.stopping {
                return Err(Stopped("the node was stopped".into()));
            }
            // A letter larger than the whole queue goes in when the queue is empty.
            let sum = state.commands + letter.commands.len();
            if state.commands == 0 || sum <= self.queue_commands_max {
                break;
            }
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.commands += letter.commands.len().max(1);
        state.letters.push(letter);
        drop(state);
        self.for_core.notify_one();
        Ok(())
    }

    /// What the core is to do next. `has_batch`: it has carried something out that is not handed
    /// over.
    pub(crate) fn next_work(&self, has_batch: bool, mut memory: Vec<Letter>) -> Work {
        let mut state = self.state();
        loop {
            if state.stopped.is_some() {
                return Work::Stop;
            }
            if !state.letters.is_empty() {
                std::mem::swap(&mut state.letters, &mut memory);
                state.commands = 0;
                drop(state);
                self.room.notify_all();
                return Work::Letters(memory);
            }
            if has_batch && !state.committing && state.sealed.is_none() {
                return Work::HandOver;
            }
            if state.stopping && !has_batch {
                return Work::Stop;
            }
            state = self.for_core.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether nobody has sent anything and nothing is being made durable: the core then commits by
    /// itself, which saves a change of threads where commands come one at a time.
    pub(crate) fn is_quiet(&self) -> bool {
        let state = self.state();
        state.letters.is_empty() && !state.committing && state.sealed.is_none()
    }

    /// Whether the committer is free to take a batch.
    pub(crate) fn committer_is_free(&self) -> bool {
        let state = self.state();
        !state.committing && state.sealed.is_none()
    }

    /// Hands a batch to the committer; waits where one waits already. Gives memory back for the
    /// next.
    pub(crate) fn hand_over(&self, sealed: Sealed) -> Option<Sealed> {
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

    /// The next batch to make durable; nothing once the core has ended.
    pub(crate) fn next_sealed(&self) -> Option<Sealed> {
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

    /// The batch is durable, its answers are given; its memory can be used again.
    pub(crate) fn committed(&self, spare: Sealed) {
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
    pub(crate) fn fail(&self, why: &Stopped) {
        let mailboxes = {
            let mut state = self.state();
            state.stopped.get_or_insert_with(|| why.clone());
            // Dropping unanswered questions tells whoever asked.
            state.letters.clear();
            state.sealed = None;
            std::mem::take(&mut state.mailboxes)
        };
        for mailbox in mailboxes.iter().filter_map(Weak::upgrade) {
            mailbox.stopped(why);
        }
        self.for_core.notify_all();
        self.for_committer.notify_all();
        self.room.notify_all();
    }
}

/// Tells everybody if a thread of the node dies of a failed assertion.
pub(crate) struct Watch {
    pub desk: Arc<Desk>,
    pub what: &'static str,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.desk
                .fail(&Stopped(format!("the node's {} died of a failed assertion", self.what)));
        }
    }
}
