//! What every journal does, whatever it is kept in.

use std::vec;

use crate::{Batch, Epoch, Hash, Head, JournalError, Leadership, Sequence};

/// The largest payload of one batch, in bytes (64 MiB). Larger ones are refused: a batch has to
/// fit into memory wherever it is read.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// Reading a journal. Any number of readers read while one leader appends.
pub trait ReadJournal: Send {
    /// Where the journal ends now.
    ///
    /// # Errors
    /// Where the journal cannot be read or its end is damaged.
    fn head(&mut self) -> Result<Head, JournalError>;

    /// The batches from `from` on, in order: as many as fit into `limit_bytes` of memory, but at
    /// least one; none where `from` is behind the end. Before [`Sequence::FIRST`] there is nothing,
    /// so reading starts there.
    ///
    /// Each batch is checked: its number follows, its hash is that of its content, and it names the
    /// hash of the batch before.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] where the batch `from` fails the check. A page ends before a
    /// damaged batch, so everything before it can be read.
    fn read(&mut self, from: Sequence, limit_bytes: usize) -> Result<Vec<Batch>, JournalError>;
}

/// A journal that can be led: one leader at a time appends.
pub trait Journal: ReadJournal {
    /// Takes the leadership over: from here on no earlier leader can append, wherever it runs.
    /// Durable when it returns.
    ///
    /// # Errors
    /// Where the end of the journal is damaged or the takeover cannot be written. After an error
    /// this object refuses to lead and to append; start again.
    fn lead(&mut self) -> Result<Leadership, JournalError>;

    /// Appends a batch and returns the new end. Durable when it returns.
    ///
    /// # Errors
    /// [`JournalError::NotLeading`] before [`Journal::lead`]. After any other error the batch may
    /// be there or not, and this object refuses every further append with
    /// [`JournalError::Stopped`]: start again, and read what is there.
    fn append(&mut self, epoch: Epoch, payload: &[u8]) -> Result<Head, JournalError>;
}

/// All batches of a journal from one on, read page by page: what `limit_bytes` allows is in memory.
///
/// The checks of [`ReadJournal::read`] also hold from one page to the next. It ends where the
/// journal ended when the last page was read, and after the first error.
#[derive(Debug)]
pub struct Batches<'j, J: ?Sized> {
    journal: &'j mut J,
    next: Sequence,
    previous: Option<Hash>,
    limit_bytes: usize,
    page: vec::IntoIter<Batch>,
    ended: bool,
}

impl<'j, J: ReadJournal + ?Sized> Batches<'j, J> {
    /// Reads from `from` on.
    pub fn new(journal: &'j mut J, from: Sequence, limit_bytes: usize) -> Batches<'j, J> {
        let next = from.max(Sequence::FIRST);
        let page = Vec::new().into_iter();
        Batches { journal, next, previous: None, limit_bytes, page, ended: false }
    }

    /// Reads what follows `head`; the first batch has to name its hash.
    ///
    /// With the head that a snapshot reflects, this is the rest of the books.
    pub fn after(journal: &'j mut J, head: Head, limit_bytes: usize) -> Batches<'j, J> {
        let mut batches = Batches::new(journal, head.sequence.next(), limit_bytes);
        batches.previous = Some(head.hash);
        batches
    }

    fn checked(&mut self, batch: Batch) -> Result<Batch, JournalError> {
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

impl<J: ReadJournal + ?Sized> Iterator for Batches<'_, J> {
    type Item = Result<Batch, JournalError>;

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
