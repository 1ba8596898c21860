//! The contract of every journal, whatever it is stored in.

use std::vec;

use crate::{ChainHash, Epoch, JournalBatch, JournalError, JournalHead, Leadership, Sequence};

/// The largest payload of a batch, in bytes (64 MiB). Each reader holds a whole batch in memory.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// Reads a journal. Any number of readers may read while one leader appends.
pub trait ReadJournal: Send {
    /// The current end. Fails if it is damaged.
    fn head(&mut self) -> Result<JournalHead, JournalError>;

    /// The batches from `from` on, in order: as many as fit into `limit_bytes` of memory, but at
    /// least one; none if `from` is beyond the end. Below [`Sequence::FIRST`], reading starts
    /// there.
    ///
    /// Checks each batch: its number, the hash of its content, and the hash of the batch before.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] if the batch `from` fails the check. A page ends before a
    /// damaged batch, so all batches before it can be read.
    fn read(
        &mut self,
        from: Sequence,
        limit_bytes: usize,
    ) -> Result<Vec<JournalBatch>, JournalError>;
}

/// Appends to a journal. Only one leader can append at a time.
pub trait Journal: ReadJournal {
    /// Takes over the leadership: from now on no earlier leader can append, in any process. Durable
    /// when it returns.
    ///
    /// # Errors
    /// If the end of the journal is damaged, or the takeover cannot be written. After an error this
    /// object refuses to lead and to append; open the journal again.
    fn lead(&mut self) -> Result<Leadership, JournalError>;

    /// Appends a batch and returns the new end. Durable when it returns.
    ///
    /// # Errors
    /// [`JournalError::NotLeading`] before [`Journal::lead`]. After any other error the batch may
    /// exist or not, and this object refuses every further append with [`JournalError::Stopped`]:
    /// open the journal again and read what it holds.
    fn append(&mut self, epoch: Epoch, payload: &[u8]) -> Result<JournalHead, JournalError>;
}

/// Iterates over the batches of a journal. Holds one page of them in memory, of `limit_bytes`.
///
/// Also checks the chain from one page to the next. Ends at the end that the journal had when the
/// last page was read, and after the first error.
#[derive(Debug)]
pub struct JournalBatches<'j, J: ?Sized> {
    journal: &'j mut J,
    next: Sequence,
    previous: Option<ChainHash>,
    limit_bytes: usize,
    page: vec::IntoIter<JournalBatch>,
    ended: bool,
}

impl<'j, J: ReadJournal + ?Sized> JournalBatches<'j, J> {
    pub fn new(journal: &'j mut J, from: Sequence, limit_bytes: usize) -> JournalBatches<'j, J> {
        let next = from.max(Sequence::FIRST);
        let page = Vec::new().into_iter();
        JournalBatches { journal, next, previous: None, limit_bytes, page, ended: false }
    }

    /// Reads the batches after `head`; the first of them must name its hash.
    ///
    /// With the head that a snapshot reflects, these are the batches to replay.
    pub fn after(
        journal: &'j mut J,
        head: JournalHead,
        limit_bytes: usize,
    ) -> JournalBatches<'j, J> {
        let mut batches = JournalBatches::new(journal, head.sequence.next(), limit_bytes);
        batches.previous = Some(head.hash);
        batches
    }

    fn checked(&mut self, batch: JournalBatch) -> Result<JournalBatch, JournalError> {
        if let Some(previous) = self.previous.filter(|previous| *previous != batch.previous) {
            return Err(JournalError::Forked {
                sequence: batch.sequence,
                expected: previous,
                found: batch.previous,
            });
        }
        self.previous = Some(batch.hash);
        self.next = batch.sequence.next();
        Ok(batch)
    }
}

impl<J: ReadJournal + ?Sized> Iterator for JournalBatches<'_, J> {
    type Item = Result<JournalBatch, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let batch = match self.page.next() {
            Some(batch) => batch,
            None => match self.journal.read(self.next, self.limit_bytes) {
                Ok(page) => {
                    self.page = page.into_iter();
                    let Some(batch) = self.page.next() else {
                        self.ended = true;
                        return None;
                    };
                    batch
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            },
        };
        let checked = self.checked(batch);
        self.ended = checked.is_err();
        Some(checked)
    }
}
