//! A journal in memory, for tests and simulations.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    ChainHash, Epoch, Journal, JournalBatch, JournalError, JournalHead, Leadership,
    PAYLOAD_BYTES_MAX, ReadJournal, Sequence, batch_hash,
};

/// Has the numbers, hashes and fencing of the journal on disk, without durability.
///
/// Clones share the batches, as several processes share a file; each clone leads by itself. The
/// batches exist until the last clone is dropped.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    shared: Arc<Mutex<Shared>>,
    status: LeaderStatus,
}

#[derive(Debug, Default)]
struct Shared {
    epoch: Epoch,
    batches: Vec<JournalBatch>,
}

#[derive(Clone, Copy, Debug, Default)]
enum LeaderStatus {
    #[default]
    Following,
    Leading(JournalHead),
    Stopped,
}

impl MemoryJournal {
    #[must_use]
    pub fn new() -> MemoryJournal {
        MemoryJournal::default()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // Each change is a single push or addition, so a panic elsewhere leaves a consistent state.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for MemoryJournal {
    /// Like another process that opens the same journal; the clone leads nothing.
    fn clone(&self) -> MemoryJournal {
        MemoryJournal { shared: Arc::clone(&self.shared), status: LeaderStatus::Following }
    }
}

impl Shared {
    fn head(&self) -> JournalHead {
        self.batches.last().map_or(JournalHead::default(), JournalBatch::head)
    }

    fn push_after(
        &mut self,
        head: JournalHead,
        epoch: Epoch,
        payload: &[u8],
    ) -> Result<JournalHead, JournalError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(JournalError::TooLarge { bytes: payload.len(), most: PAYLOAD_BYTES_MAX });
        }
        if self.epoch != epoch {
            return Err(JournalError::Fenced { ours: epoch, by: self.epoch });
        }
        assert_eq!(self.head(), head, "only the leader appends");
        let sequence = head.sequence.next();
        let previous: ChainHash = head.hash;
        let hash = batch_hash(sequence, epoch, previous, payload);
        self.batches.push(JournalBatch {
            sequence,
            epoch,
            previous,
            hash,
            payload: payload.to_vec(),
        });
        Ok(JournalHead { sequence, hash })
    }
}

impl ReadJournal for MemoryJournal {
    fn head(&mut self) -> Result<JournalHead, JournalError> {
        Ok(self.shared().head())
    }

    fn read(
        &mut self,
        from: Sequence,
        limit_bytes: usize,
    ) -> Result<Vec<JournalBatch>, JournalError> {
        let shared = self.shared();
        let skipped = from.before().map_or(0, Sequence::number);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let mut left_bytes = limit_bytes;
        let fits = |batch: &&JournalBatch| {
            let bytes = batch.payload.len() + size_of::<JournalBatch>();
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
        if matches!(self.status, LeaderStatus::Stopped) {
            return Err(JournalError::Stopped);
        }
        let mut shared = self.shared();
        shared.epoch = shared.epoch.next();
        let leadership = Leadership { epoch: shared.epoch, head: shared.head() };
        drop(shared);
        self.status = LeaderStatus::Leading(leadership.head);
        Ok(leadership)
    }

    fn append(&mut self, epoch: Epoch, payload: &[u8]) -> Result<JournalHead, JournalError> {
        let head = match self.status {
            LeaderStatus::Following => return Err(JournalError::NotLeading),
            LeaderStatus::Stopped => return Err(JournalError::Stopped),
            LeaderStatus::Leading(head) => head,
        };
        self.status = LeaderStatus::Stopped;
        let appended = self.shared().push_after(head, epoch, payload)?;
        self.status = LeaderStatus::Leading(appended);
        Ok(appended)
    }
}
