//! A journal in memory, for tests and the simulator.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    Batch, Epoch, Hash, Head, Journal, JournalError, Leadership, PAYLOAD_BYTES_MAX, ReadJournal,
    Sequence, batch_hash,
};

/// A journal in memory: the same numbers, hashes and fences as on disk, and no durability.
///
/// Clones share the batches: each is what another process is to a file, and leads by itself. What
/// was acknowledged stays as long as one of them does, as a disk keeps it when a process dies.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    shared: Arc<Mutex<Shared>>,
    standing: Standing,
}

#[derive(Debug, Default)]
struct Shared {
    epoch: Epoch,
    batches: Vec<Batch>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Standing {
    #[default]
    Following,
    Leading(Head),
    Stopped,
}

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> MemoryJournal {
        MemoryJournal::default()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // Each change is one push or one addition: a panic elsewhere leaves nothing half done.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for MemoryJournal {
    /// Another process' view of the same journal: it leads nothing yet.
    fn clone(&self) -> MemoryJournal {
        MemoryJournal { shared: Arc::clone(&self.shared), standing: Standing::Following }
    }
}

impl Shared {
    fn head(&self) -> Head {
        self.batches.last().map_or(Head::default(), Batch::head)
    }

    fn push_after(
        &mut self,
        head: Head,
        epoch: Epoch,
        payload: &[u8],
    ) -> Result<Head, JournalError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(JournalError::TooLarge { bytes: payload.len(), most: PAYLOAD_BYTES_MAX });
        }
        if self.epoch != epoch {
            return Err(JournalError::Fenced { ours: epoch, by: self.epoch });
        }
        assert_eq!(self.head(), head, "only the leader appends");
        let sequence = head.sequence.next();
        let previous: Hash = head.hash;
        let hash = batch_hash(sequence, epoch, previous, payload);
        self.batches.push(Batch { sequence, epoch, previous, hash, payload: payload.to_vec() });
        Ok(Head { sequence, hash })
    }
}

impl ReadJournal for MemoryJournal {
    fn head(&mut self) -> Result<Head, JournalError> {
        Ok(self.shared().head())
    }

    fn read(&mut self, from: Sequence, limit_bytes: usize) -> Result<Vec<Batch>, JournalError> {
        let shared = self.shared();
        let skipped = from.before().map_or(0, Sequence::number);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let mut left_bytes = limit_bytes;
        let fits = |batch: &&Batch| {
            let bytes = batch.payload.len() + size_of::<Batch>();
            let fits = bytes <= left_bytes;
            left_bytes = left_bytes.saturating_sub(bytes);
            fits
        };
        let rest = shared.batches.get(skipped..).unwrap_or_default();
        let fitting = rest.iter().take_while(fits).count().max(1).min(rest.len());
        Ok(rest[..fitting].to_vec())
    }
}

impl Journal for MemoryJournal {
    fn lead(&mut self) -> Result<Leadership, JournalError> {
        if matches!(self.standing, Standing::Stopped) {
            return Err(JournalError::Stopped);
        }
        let mut shared = self.shared();
        shared.epoch = shared.epoch.next();
        let leadership = Leadership { epoch: shared.epoch, head: shared.head() };
        drop(shared);
        self.standing = Standing::Leading(leadership.head);
        Ok(leadership)
    }

    fn append(&mut self, epoch: Epoch, payload: &[u8]) -> Result<Head, JournalError> {
        let head = match self.standing {
            Standing::Following => return Err(JournalError::NotLeading),
            Standing::Stopped => return Err(JournalError::Stopped),
            Standing::Leading(head) => head,
        };
        self.standing = Standing::Stopped;
        let appended = self.shared().push_after(head, epoch, payload)?;
        self.standing = Standing::Leading(appended);
        Ok(appended)
    }
}
