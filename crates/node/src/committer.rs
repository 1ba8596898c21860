//! The committer's thread: makes batches durable, then answers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};

use engine::Snapshot;
use journal::{Epoch, Head, Journal, JournalError};

use crate::client::{Position, Stopped};
use crate::core::Sealed;
use crate::desk::{Desk, Watch};
use crate::start::Fatal;

/// A state to write down, and the end of the journal that it belongs to.
pub(crate) type Photograph = (Head, Snapshot);

pub(crate) struct Committer {
    pub desk: Arc<Desk>,
    /// Whoever holds it appends; never waited for, since the core commits only when the committer
    /// has nothing to do.
    pub line: Mutex<Line>,
    pub snapshotting: Arc<AtomicBool>,
    pub on_fatal: Fatal,
}

/// The journal and what follows a commit.
pub(crate) struct Line {
    pub journal: Box<dyn Journal>,
    pub epoch: Epoch,
    pub head: Head,
    pub photographs: SyncSender<Photograph>,
    pub failed: bool,
}

impl Committer {
    pub(crate) fn run(&self) {
        let _watch = Watch { desk: self.desk.clone(), what: "committer" };
        while let Some(mut sealed) = self.desk.next_sealed() {
            self.commit(&mut sealed);
            self.desk.committed(sealed);
        }
    }

    /// Whether a snapshot may begin: none is being written.
    pub(crate) fn may_snapshot(&self) -> bool {
        !self.snapshotting.swap(true, Ordering::AcqRel)
    }

    /// Makes a batch durable and answers it. Leaves `sealed` empty, with its memory.
    pub(crate) fn commit(&self, sealed: &mut Sealed) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if line.failed {
            return;
        }
        if sealed.commands > 0 {
            let epoch = line.epoch;
            match line.journal.append(epoch, &sealed.payload) {
                Ok(head) => line.head = head,
                Err(error) => {
                    line.failed = true;
                    drop(line);
                    self.die(&error);
                    return;
                }
            }
        }
        let position = Position(line.head.sequence.number());
        if let Some(snapshot) = sealed.snapshot.take() {
            let photograph = (line.head, snapshot);
            if line.photographs.try_send(photograph).is_err() {
                self.snapshotting.store(false, Ordering::Release);
            }
        }
        drop(line);
        for (sink, answers) in &mut sealed.answers {
            if let Some(sink) = sink.take() {
                sink.deliver(answers, position);
            }
        }
        sealed.answers.clear();
        for reply in sealed.replies.drain(..) {
            reply(position);
        }
        sealed.payload.clear();
        sealed.commands = 0;
    }

    fn die(&self, error: &JournalError) {
        let why = Stopped(format!("the journal could not be written: {error}"));
        (self.on_fatal)(&why);
        self.desk.fail(&why);
    }
}
