//! What the books remember of a sender's numbers, so that a retry is told from a mistake.

use std::collections::VecDeque;

use borsh::{BorshDeserialize, BorshSerialize};

use machine::mix;

use crate::books::check_sequence_number;
use crate::command::NUMBERS_REMEMBERED;
use crate::refusal::Refusal;

/// How many numbers a sender has used, and the content that came with the latest.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub struct UsedNumbers<T> {
    last: u32,
    /// Oldest first, at most [`NUMBERS_REMEMBERED`].
    contents: VecDeque<T>,
}

impl<T> Default for UsedNumbers<T> {
    fn default() -> Self {
        UsedNumbers { last: 0, contents: VecDeque::new() }
    }
}

impl<T> UsedNumbers<T> {
    /// Accepts the next number. A used number is a retry if `same` finds the same content.
    ///
    /// # Errors
    /// For a used number, and for one that is not the next.
    pub fn check(&self, number: u32, same: impl Fn(&T) -> bool) -> Result<(), Refusal> {
        check_sequence_number(number, self.last, || {
            let age = usize::try_from(self.last - number).ok()?;
            self.contents.iter().rev().nth(age).map(same)
        })
    }

    /// Uses the next number. Returns the content that is forgotten for it.
    ///
    /// # Panics
    /// If [`check`](Self::check) was not asked before, after 2³² numbers.
    pub fn push(&mut self, content: T) -> Option<T> {
        self.last = self.last.checked_add(1).expect("the number was checked");
        push_remembered(&mut self.contents, content)
    }

    /// The latest number. 0 if there is none.
    #[must_use]
    pub fn last(&self) -> u32 {
        self.last
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &T> + DoubleEndedIterator {
        self.contents.iter()
    }

    pub(crate) fn latest(&self) -> Option<&T> {
        self.contents.back()
    }

    pub(crate) fn latest_mut(&mut self) -> Option<&mut T> {
        self.contents.back_mut()
    }

    /// Whether exactly the latest contents are remembered.
    pub(crate) fn is_complete(&self) -> bool {
        usize::try_from(self.last)
            .is_ok_and(|last| self.contents.len() == last.min(NUMBERS_REMEMBERED))
    }
}

/// Adds to a list of [`NUMBERS_REMEMBERED`]. Returns what is forgotten for it.
pub(crate) fn push_remembered<T>(remembered: &mut VecDeque<T>, one: T) -> Option<T> {
    let full = remembered.len() >= NUMBERS_REMEMBERED;
    let forgotten = if full { remembered.pop_front() } else { None };
    remembered.push_back(one);
    forgotten
}

/// The first `BYTES` bytes of a hash over words, for records that exist by the million. Two
/// different contents have the same hash once in 256 to the power of `BYTES`. Frozen: snapshots
/// hold its results.
pub(crate) fn content_hash<const BYTES: usize>(words: impl Iterator<Item = u64>) -> [u8; BYTES] {
    const { assert!(BYTES <= 8) };
    let hash = words.fold(0, mix).to_le_bytes();
    std::array::from_fn(|place| hash[place])
}
