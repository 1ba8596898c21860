//! Records in reusable slots. The slot freed last is used first.

use crate::{CHUNK_RECORDS, ChunkedVec, LooseChunk};

/// Ends the list of free slots.
const END: u32 = u32::MAX;

/// A place for a record.
#[derive(Clone, Debug)]
pub enum Slot<T> {
    Free {
        /// The free slot after it; `u32::MAX` if it is the last one.
        next: u32,
    },
    Full(T),
}

impl<T> Slot<T> {
    /// Its record, or the next free slot.
    pub fn as_result(&self) -> Result<&T, u32> {
        match self {
            Slot::Full(record) => Ok(record),
            Slot::Free { next } => Err(*next),
        }
    }
}

impl<T> From<Result<T, u32>> for Slot<T> {
    fn from(slot: Result<T, u32>) -> Slot<T> {
        match slot {
            Ok(record) => Slot::Full(record),
            Err(next) => Slot::Free { next },
        }
    }
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
    /// Ends the list of free slots.
    pub const END: u32 = END;

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

    /// Every slot in order. Together with [`Slab::first_free`] this is the whole slab, for a
    /// snapshot.
    #[must_use]
    pub fn into_slots(self) -> ChunkedVec<Slot<T>> {
        self.slots
    }
}

/// A chunk of a slab's slots that is not in a slab yet. Another thread can make it.
#[derive(Debug)]
pub struct LooseSlots<T> {
    chunk: LooseChunk<Slot<T>>,
    /// The places of its free slots, with the next free slot of each.
    free: Vec<(u32, u32)>,
}

impl<T> LooseSlots<T> {
    /// Takes `len` slots from `next`, as [`Slot::as_result`] gives them. See [`LooseChunk::read`].
    ///
    /// # Errors
    /// The error of `next`.
    pub fn read<E>(
        len: usize,
        mut next: impl FnMut() -> Result<Result<T, u32>, E>,
    ) -> Result<LooseSlots<T>, E> {
        let mut free = Vec::new();
        let mut place = 0;
        let chunk = LooseChunk::read(len, || {
            let slot = next()?;
            free.extend(slot.as_ref().err().map(|next| (place, *next)));
            place += 1;
            Ok(Slot::from(slot))
        })?;
        Ok(LooseSlots { chunk, free })
    }

    /// Its records, with their places in the chunk.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let slots = (0_u32..).zip(self.chunk.records());
        slots.filter_map(|(place, slot)| Some((place, slot.as_result().ok()?)))
    }
}

/// Puts a slab together again from its chunks.
#[derive(Debug)]
pub struct SlabBuilder<T> {
    slots: ChunkedVec<Slot<T>>,
    /// The free slots, and the next free slot of each.
    free: Vec<(u32, u32)>,
}

impl<T> Default for SlabBuilder<T> {
    fn default() -> Self {
        SlabBuilder { slots: ChunkedVec::default(), free: Vec::new() }
    }
}

impl<T> SlabBuilder<T> {
    /// Adds the next chunk of [`Slab::into_slots`] and returns the number of its first slot. `None`
    /// if the chunk before is not full.
    #[must_use]
    pub fn push(&mut self, slots: LooseSlots<T>) -> Option<u32> {
        let first = u32::try_from(self.slots.len()).ok()?;
        // The end of the list is no slot.
        first.checked_add(u32::try_from(CHUNK_RECORDS).ok()?)?;
        let LooseSlots { chunk, free } = slots;
        if !self.slots.push_chunk(chunk) {
            return None;
        }
        self.free.extend(free.into_iter().map(|(place, next)| (first + place, next)));
        Some(first)
    }

    /// The slab. `None` if a free slot is not exactly once on the free list; then the snapshot is
    /// damaged. Only a ring of free slots apart from the list is not found: to follow the list
    /// would be to read the slots in a scattered order.
    #[must_use]
    pub fn finish(self, first_free: u32) -> Option<Slab<T>> {
        let SlabBuilder { slots, free } = self;
        let mut listed = vec![false; slots.len()];
        let mut ends = 0;
        for next in free.iter().map(|(_, next)| *next).chain([first_free]) {
            match listed.get_mut(next as usize) {
                Some(listed) if !*listed => *listed = true,
                None if next == END => ends += 1,
                _ => return None,
            }
        }
        // As many are listed as are free, and no two are the same.
        let all_listed = free.iter().all(|(slot, _)| listed[*slot as usize]);
        let full = slots.len() - free.len();
        (ends == 1 && all_listed).then_some(Slab { slots, first_free, full })
    }
}

impl<T: Clone> Slab<T> {
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
        let mut again = SlabBuilder::default();
        let taken: Result<(), ()> = slab.clone().into_slots().consume(|chunk| {
            let mut slots = chunk.records.iter().map(|slot| slot.as_result().copied());
            let chunk = LooseSlots::read(slots.len(), || slots.next().ok_or(()))?;
            let records: Vec<_> = chunk.iter().map(|(place, letter)| (place, *letter)).collect();
            assert_eq!(records, [(1, 1), (2, 2), (4, 4), (5, 5), (6, 6), (7, 7)]);
            assert_eq!(again.push(chunk), Some(0));
            Ok(())
        });
        assert_eq!(taken, Ok(()));
        let mut again = again.finish(slab.first_free()).unwrap();
        assert_eq!(again.len(), 6);
        assert_eq!([again.insert(1), again.insert(1), again.insert(1)], [8, 0, 3]);
    }

    #[test]
    fn a_free_list_that_loops_or_misses_a_slot_is_refused() {
        let raw = |slots: &[Result<u8, u32>], first| {
            let mut slots = slots.iter().copied();
            let chunk = LooseSlots::read(slots.len(), || slots.next().ok_or(()));
            let mut slab = SlabBuilder::default();
            assert_eq!(slab.push(chunk.unwrap()), Some(0));
            slab.finish(first).is_some()
        };
        assert!(raw(&[Err(END), Ok(1), Err(0)], 2));
        assert!(!raw(&[Err(2), Ok(1), Err(0)], 2), "a loop");
        assert!(!raw(&[Err(END), Ok(1), Err(END)], 2), "slot 0 is lost");
        assert!(!raw(&[Err(1), Ok(1)], 0), "a full slot on the list");
        assert!(!raw(&[Err(7), Ok(1)], 0), "a slot that is not there");
        assert!(!raw(&[Ok(1), Ok(1)], 0), "a list without free slots");
    }
}
