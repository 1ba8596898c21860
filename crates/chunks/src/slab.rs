//! Records in reusable slots. The slot freed last is used first.

use crate::ChunkedVec;

/// Ends the list of free slots.
const END: u32 = u32::MAX;

#[derive(Clone, Debug)]
enum Slot<T> {
    Free { next: u32 },
    Full(T),
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Slot::Free { next: END }
    }
}

/// Records whose slot number stays until they are removed. The next number depends only on earlier
/// insertions and removals, so a replay gives the same numbers.
#[derive(Debug)]
pub struct Slab<T> {
    slots: ChunkedVec<Slot<T>>,
    first_free: u32,
    full: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { slots: ChunkedVec::default(), first_free: END, full: 0 }
    }
}

impl<T> Clone for Slab<T> {
    fn clone(&self) -> Self {
        Slab { slots: self.slots.clone(), first_free: self.first_free, full: self.full }
    }
}

impl<T> Slab<T> {
    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.full
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.full == 0
    }

    /// Number of slots, full and free.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    #[must_use]
    #[inline]
    pub fn get(&self, slot: u32) -> Option<&T> {
        match self.slots.get(slot as usize)? {
            Slot::Full(record) => Some(record),
            Slot::Free { .. } => None,
        }
    }

    /// Full slots with their numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0_u32..).zip(self.slots.iter()).filter_map(|(number, slot)| match slot {
            Slot::Full(record) => Some((number, record)),
            Slot::Free { .. } => None,
        })
    }

    /// The slot the next insertion uses. `u32::MAX` if it adds a new one.
    #[must_use]
    pub fn first_free(&self) -> u32 {
        self.first_free
    }
}

impl<T: Clone> Slab<T> {
    /// Passes every slot to `take` in order: its record, or the next free slot after it. Together
    /// with [`Slab::first_free`] this is the whole slab, for a snapshot. See
    /// [`ChunkedVec::consume`].
    pub fn consume<E>(
        self,
        mut take: impl FnMut(Result<&T, u32>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.slots.consume(|slot| match slot {
            Slot::Full(record) => take(Ok(record)),
            Slot::Free { next } => take(Err(*next)),
        })
    }

    #[inline]
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        match self.slots.get_mut(slot as usize)? {
            Slot::Full(record) => Some(record),
            Slot::Free { .. } => None,
        }
    }

    /// Inserts a record into a free or new slot and returns its number.
    ///
    /// # Panics
    /// Above 2³² − 1 slots. Callers have far lower limits.
    pub fn insert(&mut self, record: T) -> u32 {
        self.full += 1;
        if self.first_free == END {
            let slot = self.slots.push(Slot::Full(record));
            let number = u32::try_from(slot).expect("a slab has fewer than 2³² slots");
            assert_ne!(number, END, "a slab has fewer than 2³² − 1 slots");
            return number;
        }
        let number = self.first_free;
        let slot = self.slots.get_mut(number as usize).expect("the free list holds existing slots");
        let Slot::Free { next } = *slot else {
            panic!("slot {number} is on the free list but full")
        };
        self.first_free = next;
        *slot = Slot::Full(record);
        number
    }

    /// Removes a record and frees its slot.
    pub fn remove(&mut self, number: u32) -> Option<T> {
        let slot = self.slots.get_mut(number as usize)?;
        if matches!(slot, Slot::Free { .. }) {
            return None;
        }
        let taken = std::mem::replace(slot, Slot::Free { next: self.first_free });
        self.first_free = number;
        self.full -= 1;
        match taken {
            Slot::Full(record) => Some(record),
            Slot::Free { .. } => None,
        }
    }

    /// Adds a slot as [`Slab::consume`] passed it. End with [`Slab::finish_slots`]. Together they
    /// rebuild a slab from a snapshot.
    pub fn push_slot(&mut self, slot: Result<T, u32>) -> u32 {
        let slot = match slot {
            Ok(record) => {
                self.full += 1;
                Slot::Full(record)
            }
            Err(next) => Slot::Free { next },
        };
        u32::try_from(self.slots.push(slot)).expect("a slab has fewer than 2³² slots")
    }

    /// Ends the slots added by [`Slab::push_slot`]. False if the free list is not exactly the free
    /// slots, each once; then the snapshot is damaged.
    #[must_use]
    pub fn finish_slots(&mut self, first_free: u32) -> bool {
        self.first_free = first_free;
        let mut left = self.slots.len() - self.full;
        let mut next = first_free;
        while next != END {
            let Some(Slot::Free { next: after }) = self.slots.get(next as usize) else {
                return false;
            };
            if left == 0 {
                return false;
            }
            left -= 1;
            next = *after;
        }
        left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_slot_is_used_again() {
        let mut slab = Slab::default();
        let slots: Vec<u32> = "abc".chars().map(|letter| slab.insert(letter)).collect();
        assert_eq!(slab.remove(slots[1]), Some('b'));
        assert_eq!(slab.remove(slots[1]), None);
        assert_eq!(slab.insert('d'), slots[1]);
        assert_eq!(slab.iter().collect::<Vec<_>>(), [(0, &'a'), (1, &'d'), (2, &'c')]);
    }

    #[test]
    fn a_slab_is_rebuilt_from_its_slots() {
        let mut slab: Slab<u8> = Slab::default();
        for letter in 0..9 {
            slab.insert(letter);
        }
        for slot in [3, 0, 8] {
            slab.remove(slot);
        }
        let mut again = Slab::default();
        let taken: Result<(), ()> = slab.clone().consume(|slot| {
            again.push_slot(slot.copied());
            Ok(())
        });
        assert_eq!(taken, Ok(()));
        assert!(again.finish_slots(slab.first_free()));
        assert_eq!(again.len(), 6);
        assert_eq!([again.insert(1), again.insert(1), again.insert(1)], [8, 0, 3]);
    }

    #[test]
    fn a_free_list_that_loops_or_misses_a_slot_is_refused() {
        let raw = |slots: &[Result<u8, u32>], first| {
            let mut slab = Slab::default();
            for slot in slots {
                slab.push_slot(*slot);
            }
            slab.finish_slots(first)
        };
        assert!(raw(&[Err(END), Ok(1), Err(0)], 2));
        assert!(!raw(&[Err(2), Ok(1), Err(0)], 2), "a loop");
        assert!(!raw(&[Err(END), Ok(1), Err(END)], 2), "slot 0 is lost");
        assert!(!raw(&[Err(1), Ok(1)], 0), "a full slot on the list");
    }
}
