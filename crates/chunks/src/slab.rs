//! Records in reusable slots. The slot freed last is used first.

use std::convert::Infallible;

use crate::{CHUNK_RECORDS, ChunkedVec, LooseChunk};

/// Ends the list of free slots.
const END: u32 = u32::MAX;

/// Records whose slot number stays until they are removed. The next number depends only on earlier
/// insertions and removals, so a replay gives the same numbers.
#[derive(Debug)]
pub struct Slab<T> {
    /// `None` is a free slot.
    slots: ChunkedVec<Option<T>>,
    first_free: u32,
    next_free: NextFree,
    full: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        let (slots, next_free) = Default::default();
        Slab { slots, first_free: END, next_free, full: 0 }
    }
}

impl<T> Clone for Slab<T> {
    fn clone(&self) -> Self {
        let Slab { slots, first_free, next_free, full } = self;
        let (slots, next_free) = (slots.clone(), next_free.clone());
        Slab { slots, first_free: *first_free, next_free, full: *full }
    }
}

/// The free slot after each free one; `u32::MAX` after the last one. It ends at the highest slot
/// that was ever free.
#[derive(Clone, Debug, Default)]
pub struct NextFree(ChunkedVec<u32>);

impl NextFree {
    /// The free slot after `slot`, which is free.
    #[must_use]
    pub fn after(&self, slot: usize) -> u32 {
        self.0.get(slot).copied().unwrap_or(END)
    }

    fn set(&mut self, slot: u32, next: u32) {
        let slot = slot as usize;
        self.reach(slot / CHUNK_RECORDS + 1);
        *self.0.get_mut(slot).expect("it reaches the slot") = next;
    }

    /// Adds chunks, which are one in memory until they are written to, until there are `chunks`.
    fn reach(&mut self, chunks: usize) {
        if self.0.len() >= chunks * CHUNK_RECORDS {
            return;
        }
        let ends = links([]);
        while self.0.len() < chunks * CHUNK_RECORDS {
            assert!(self.0.push_chunk(ends.clone()), "each of its chunks is full");
        }
    }
}

/// A full chunk of [`NextFree`] that begins with `first`.
fn links(first: impl IntoIterator<Item = u32>) -> LooseChunk<u32> {
    let mut links = first.into_iter().chain(std::iter::repeat(END));
    let next = || Ok::<_, Infallible>(links.next().unwrap_or(END));
    match LooseChunk::read(CHUNK_RECORDS, next) {
        Ok(chunk) => chunk,
        Err(never) => match never {},
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
        self.slots.get(slot as usize)?.as_ref()
    }

    /// Full slots with their numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0_u32..).zip(self.slots.iter()).filter_map(|(number, slot)| Some((number, slot.as_ref()?)))
    }

    /// The slot the next insertion uses. `u32::MAX` if it adds a new one.
    #[must_use]
    pub fn first_free(&self) -> u32 {
        self.first_free
    }

    /// Every slot in order, and the list of free ones. Together with [`Slab::first_free`] this is
    /// the whole slab, for a snapshot. What a chunk of slots has on the list changes only with that
    /// chunk.
    #[must_use]
    pub fn into_slots(self) -> (ChunkedVec<Option<T>>, NextFree) {
        (self.slots, self.next_free)
    }
}

/// A chunk of a slab's slots that is not in a slab yet. Another thread can make it.
#[derive(Debug)]
pub struct LooseSlots<T> {
    /// `None` if it is a whole chunk of free slots.
    chunk: Option<LooseChunk<Option<T>>>,
    free: usize,
    /// `None` if no slot is free.
    next_free: Option<LooseChunk<u32>>,
}

impl<T> LooseSlots<T> {
    /// Takes `len` slots from `next`: a record, or the free slot after a free one. See
    /// [`LooseChunk::read`].
    ///
    /// # Errors
    /// The error of `next`.
    pub fn read<E>(
        len: usize,
        mut next: impl FnMut() -> Result<Result<T, u32>, E>,
    ) -> Result<LooseSlots<T>, E> {
        let mut next_free = Vec::new();
        let mut first = None;
        while first.is_none() && next_free.len() < len {
            match next()? {
                Ok(record) => first = Some(record),
                Err(link) => next_free.push(link),
            }
        }
        let mut free = next_free.len();
        let mut chunk = None;
        if free != CHUNK_RECORDS {
            let leading = free;
            let mut place = 0;
            chunk = Some(LooseChunk::read(len, || {
                place += 1;
                if place <= leading {
                    return Ok(None);
                }
                let slot = first.take().map_or_else(&mut next, |record| Ok(Ok(record)))?;
                if let Err(link) = slot {
                    free += 1;
                    next_free.resize(place - 1, END);
                    next_free.push(link);
                }
                Ok(slot.ok())
            })?);
        }
        let next_free = (free > 0).then(|| links(next_free));
        Ok(LooseSlots { chunk, free, next_free })
    }

    /// Its records, with their places in the chunk.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let slots = self.chunk.iter().flat_map(LooseChunk::records);
        (0_u32..).zip(slots).filter_map(|(place, slot)| Some((place, slot.as_ref()?)))
    }
}

/// Puts a slab together again from its chunks. Chunks of free slots are one in memory until they
/// are written to.
#[derive(Debug)]
pub struct SlabBuilder<T> {
    slots: ChunkedVec<Option<T>>,
    next_free: NextFree,
    free: usize,
    /// Chunks with free slots.
    with_free: Vec<usize>,
    all_free: Option<LooseChunk<Option<T>>>,
}

impl<T> Default for SlabBuilder<T> {
    fn default() -> Self {
        let (slots, next_free, with_free) = Default::default();
        SlabBuilder { slots, next_free, free: 0, with_free, all_free: None }
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
        let LooseSlots { chunk, free, next_free } = slots;
        let chunk = chunk.unwrap_or_else(|| self.all_free.get_or_insert_default().clone());
        if !self.slots.push_chunk(chunk) {
            return None;
        }
        if let Some(next_free) = next_free {
            let number = first as usize / CHUNK_RECORDS;
            self.free += free;
            self.with_free.push(number);
            self.next_free.reach(number);
            assert!(self.next_free.0.push_chunk(next_free), "each of its chunks is full");
        }
        Some(first)
    }

    /// The slab. `None` if a free slot is not exactly once on the free list; then the snapshot is
    /// damaged. Only a ring of free slots apart from the list is not found: to follow the list
    /// would be to read the slots in a scattered order.
    #[must_use]
    pub fn finish(self, first_free: u32) -> Option<Slab<T>> {
        let SlabBuilder { slots, next_free, free, with_free, .. } = self;
        let mut listed = vec![false; slots.len()];
        let mut ends = 0;
        let chunks = with_free.iter().map(|number| number * CHUNK_RECORDS);
        let places = chunks.flat_map(|first| first..first + CHUNK_RECORDS);
        let free_slots = || places.clone().filter(|slot| matches!(slots.get(*slot), Some(None)));
        for next in free_slots().map(|slot| next_free.after(slot)).chain([first_free]) {
            match listed.get_mut(next as usize) {
                Some(listed) if !*listed => *listed = true,
                None if next == END => ends += 1,
                _ => return None,
            }
        }
        // As many are listed as are free, and no two are the same.
        let all_listed = free_slots().all(|slot| listed[slot]);
        let full = slots.len() - free;
        (ends == 1 && all_listed).then_some(Slab { slots, first_free, next_free, full })
    }
}

impl<T: Clone> Slab<T> {
    #[inline]
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Inserts a record into a free or new slot and returns its number.
    ///
    /// # Panics
    /// Above 2³² − 1 slots. Callers have far lower limits.
    pub fn insert(&mut self, record: T) -> u32 {
        self.full += 1;
        if self.first_free == END {
            let slot = self.slots.push(Some(record));
            let number = u32::try_from(slot).expect("a slab has fewer than 2³² slots");
            assert_ne!(number, END, "a slab has fewer than 2³² − 1 slots");
            return number;
        }
        let number = self.first_free;
        let slot = self.slots.get_mut(number as usize).expect("the free list holds existing slots");
        assert!(slot.is_none(), "slot {number} is on the free list but full");
        *slot = Some(record);
        self.first_free = self.next_free.after(number as usize);
        number
    }

    /// Removes a record and frees its slot.
    pub fn remove(&mut self, number: u32) -> Option<T> {
        let record = self.slots.get_mut(number as usize)?.take()?;
        self.next_free.set(number, self.first_free);
        self.first_free = number;
        self.full -= 1;
        Some(record)
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

    /// Reads the chunks of a slab as from a snapshot.
    fn read_again(slab: &Slab<u8>, mut take: impl FnMut(LooseSlots<u8>)) {
        let (slots, next_free) = slab.clone().into_slots();
        let mut place = 0;
        let taken: Result<(), ()> = slots.consume(|chunk| {
            let mut slots = chunk.records.iter().map(|slot| {
                place += 1;
                slot.ok_or_else(|| next_free.after(place - 1))
            });
            take(LooseSlots::read(slots.len(), || slots.next().ok_or(()))?);
            Ok(())
        });
        assert_eq!(taken, Ok(()));
    }

    /// Of a slab with many chunks, some of them only with free slots.
    #[test]
    fn a_slab_with_free_chunks_is_rebuilt_and_gives_the_same_slots() {
        let mut slab: Slab<u8> = Slab::default();
        let chunk = u32::try_from(CHUNK_RECORDS).unwrap();
        let slots = 5 * chunk + 10;
        (0..slots).for_each(|slot| assert_eq!(slab.insert(1), slot));
        // Chunk 0 keeps all its records, chunk 1 none, chunk 2 one, and the others none.
        (chunk..slots).rev().filter(|slot| *slot != 2 * chunk + 3).for_each(|slot| {
            assert_eq!(slab.remove(slot), Some(1));
        });
        let mut again = SlabBuilder::default();
        read_again(&slab, |slots| assert!(again.push(slots).is_some()));
        let mut again = again.finish(slab.first_free()).unwrap();
        let shared = again.slots.shared_chunks();
        assert_eq!(shared, [false, true, false, true, true, false], "free chunks are one chunk");
        assert_eq!((again.len(), again.slots()), (slab.len(), slab.slots()));
        while slab.first_free() != END {
            assert_eq!(again.insert(7), slab.insert(7));
        }
        assert!(again.iter().eq(slab.iter()));
        assert_eq!(again.insert(8), slots);
        assert_eq!((again.remove(chunk), again.first_free()), (Some(7), chunk));
        assert_eq!(again.get(3 * chunk), Some(&7), "a write to a free chunk is to it alone");
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
        read_again(&slab, |chunk| {
            let records: Vec<_> = chunk.iter().map(|(place, letter)| (place, *letter)).collect();
            assert_eq!(records, [(1, 1), (2, 2), (4, 4), (5, 5), (6, 6), (7, 7)]);
            assert_eq!(again.push(chunk), Some(0));
        });
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
