//! A vector in shared chunks that are copied on write, so cloning it is cheap.
//!
//! The engine's state is gigabytes of small records, and a snapshot must not stop the day. Cloning
//! a [`ChunkedVec`] copies one pointer per chunk. Writing to a chunk that a clone still shares
//! copies only that chunk first.
//!
//! Never: anything about what a record means. Start at [`ChunkedVec`]; [`Slab`] adds reusable
//! slots.

mod slab;

pub use slab::{LooseSlots, NextFree, Slab, SlabBuilder};

use std::sync::Arc;

/// Records per chunk. At 40 to 96 bytes per record, writing a shared chunk copies 10 to 24 KiB.
pub const CHUNK_RECORDS: usize = 256;

/// A vector in chunks of [`CHUNK_RECORDS`].
#[derive(Debug)]
pub struct ChunkedVec<T> {
    chunks: Vec<Chunk<T>>,
    len: usize,
    /// How often a record was written.
    writes: u64,
}

#[derive(Debug)]
struct Chunk<T> {
    records: Arc<[T]>,
    /// Number of the latest write to it; see [`SharedChunk::written`].
    written: u64,
}

impl<T> Clone for Chunk<T> {
    fn clone(&self) -> Self {
        Chunk { records: self.records.clone(), written: self.written }
    }
}

/// A chunk of a vector, to read.
#[derive(Clone, Copy, Debug)]
pub struct SharedChunk<'a, T> {
    /// Its place among the chunks, from 0.
    pub number: u32,
    /// Two chunks of one vector, or of its clones, with the same number and the same `written` have
    /// the same records. It is 0 until a write to a chunk of [`ChunkedVec::push_chunk`].
    pub written: u64,
    pub records: &'a [T],
}

/// A chunk that is not in a vector yet. Another thread can make it. A clone shares its records.
#[derive(Debug)]
pub struct LooseChunk<T> {
    records: Arc<[T]>,
    len: usize,
}

impl<T> Clone for LooseChunk<T> {
    fn clone(&self) -> Self {
        LooseChunk { records: self.records.clone(), len: self.len }
    }
}

/// A whole chunk of default records.
impl<T: Default> Default for LooseChunk<T> {
    fn default() -> Self {
        let records = (0..CHUNK_RECORDS).map(|_| T::default()).collect();
        LooseChunk { records, len: CHUNK_RECORDS }
    }
}

impl<T: Default> LooseChunk<T> {
    /// Takes `len` records from `next`, which is not called again after an error.
    ///
    /// # Errors
    /// The error of `next`.
    ///
    /// # Panics
    /// If `len` is above [`CHUNK_RECORDS`].
    pub fn read<E>(len: usize, mut next: impl FnMut() -> Result<T, E>) -> Result<Self, E> {
        assert!(len <= CHUNK_RECORDS, "a chunk has at most {CHUNK_RECORDS} records");
        let mut failed = None;
        let records = (0..CHUNK_RECORDS).map(|place| {
            if place >= len || failed.is_some() {
                return T::default();
            }
            next().unwrap_or_else(|error| {
                failed = Some(error);
                T::default()
            })
        });
        let records = records.collect();
        failed.map_or(Ok(LooseChunk { records, len }), Err)
    }
}

impl<T> LooseChunk<T> {
    #[must_use]
    pub fn records(&self) -> &[T] {
        &self.records[..self.len]
    }
}

impl<T> Default for ChunkedVec<T> {
    fn default() -> Self {
        ChunkedVec { chunks: Vec::new(), len: 0, writes: 0 }
    }
}

impl<T> Clone for ChunkedVec<T> {
    fn clone(&self) -> Self {
        ChunkedVec { chunks: self.chunks.clone(), len: self.len, writes: self.writes }
    }
}

impl<T> ChunkedVec<T> {
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[must_use]
    #[inline]
    pub fn get(&self, place: usize) -> Option<&T> {
        if place >= self.len {
            return None;
        }
        self.chunks.get(place / CHUNK_RECORDS)?.records.get(place % CHUNK_RECORDS)
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.records.iter()).take(self.len)
    }

    /// Passes each chunk to `take` in order and frees it when it is done. Then whoever else holds
    /// the chunk can write to it without copying.
    ///
    /// # Errors
    /// The first error of `take`.
    pub fn consume<E>(
        self,
        mut take: impl FnMut(SharedChunk<'_, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut left = self.len;
        for (number, Chunk { records, written }) in (0_u32..).zip(self.chunks) {
            let here = left.min(CHUNK_RECORDS);
            take(SharedChunk { number, written, records: &records[..here] })?;
            left -= here;
        }
        Ok(())
    }

    /// Appends a chunk. False, and nothing is appended, if the last one is not full.
    #[must_use]
    pub fn push_chunk(&mut self, chunk: LooseChunk<T>) -> bool {
        if !self.len.is_multiple_of(CHUNK_RECORDS) || chunk.len == 0 {
            return false;
        }
        self.len += chunk.len;
        self.chunks.push(Chunk { records: chunk.records, written: 0 });
        true
    }
}

#[cfg(test)]
impl<T> ChunkedVec<T> {
    /// Whether each chunk shares its records with another.
    pub(crate) fn shared_chunks(&self) -> Vec<bool> {
        self.chunks.iter().map(|chunk| Arc::strong_count(&chunk.records) > 1).collect()
    }
}

impl<T: Clone + Default> ChunkedVec<T> {
    /// The record at `place`, to write. Copies the chunk if a clone still shares it.
    #[inline]
    pub fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        if place >= self.len {
            return None;
        }
        let chunk = self.chunks.get_mut(place / CHUNK_RECORDS)?;
        self.writes += 1;
        chunk.written = self.writes;
        Arc::make_mut(&mut chunk.records).get_mut(place % CHUNK_RECORDS)
    }

    /// Appends a record and returns its index.
    pub fn push(&mut self, record: T) -> usize {
        let place = self.len;
        if place.is_multiple_of(CHUNK_RECORDS) {
            let records = Arc::from(vec![T::default(); CHUNK_RECORDS]);
            self.chunks.push(Chunk { records, written: 0 });
        }
        self.len += 1;
        let slot = self.get_mut(place).expect("appended above");
        *slot = record;
        place
    }
}

impl<T: Clone + Default> FromIterator<T> for ChunkedVec<T> {
    fn from_iter<I: IntoIterator<Item = T>>(records: I) -> Self {
        let mut chunked = ChunkedVec::default();
        for record in records {
            chunked.push(record);
        }
        chunked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_keeps_its_content() {
        let mut records: ChunkedVec<u64> = (0..1000).collect();
        let seen = records.clone();
        *records.get_mut(999).unwrap() = 7;
        records.push(8);
        assert_eq!((seen.len(), seen.get(999), seen.get(1000)), (1000, Some(&999), None));
        assert_eq!((records.get(999), records.get(1000)), (Some(&7), Some(&8)));
    }

    #[test]
    fn only_the_written_chunk_is_copied() {
        let mut records: ChunkedVec<u64> = (0..1000).collect();
        let seen = records.clone();
        *records.get_mut(300).unwrap() = 0;
        let shared: Vec<bool> = (0..4)
            .map(|n| Arc::ptr_eq(&records.chunks[n].records, &seen.chunks[n].records))
            .collect();
        assert_eq!(shared, [true, false, true, true]);
    }

    #[test]
    fn indices_beyond_the_end_give_none() {
        let mut records: ChunkedVec<u64> = (0..3).collect();
        assert_eq!(records.get(3), None);
        assert_eq!(records.get_mut(3), None);
        assert_eq!(records.iter().count(), 3);
    }

    /// Number, latest write and sum of each chunk.
    fn chunks(records: &ChunkedVec<u64>) -> Vec<(u32, u64, u64)> {
        let mut found = Vec::new();
        let read: Result<(), ()> = records.clone().consume(|chunk| {
            found.push((chunk.number, chunk.written, chunk.records.iter().sum()));
            Ok(())
        });
        assert_eq!(read, Ok(()));
        found
    }

    #[test]
    fn each_write_changes_the_mark_of_its_chunk_only() {
        let mut records: ChunkedVec<u64> = (0..600).map(|_| 0).collect();
        let mut seen = chunks(&records);
        for (place, written) in [(300, 1), (599, 2), (300, 1), (0, 0)] {
            *records.get_mut(place).unwrap() += 5;
            let now = chunks(&records);
            for (number, (before, after)) in seen.iter().zip(&now).enumerate() {
                assert_eq!(before.1 != after.1, number == written, "chunk {number}");
                assert_eq!(before.2 != after.2, number == written, "chunk {number}");
            }
            seen = now;
        }
        records.push(1);
        assert!(chunks(&records)[2].1 > seen[2].1, "an appended record is a write");
    }

    #[test]
    fn a_vector_is_put_together_from_chunks() {
        let mut numbers = 0..600_u64;
        let mut records = ChunkedVec::default();
        for len in [256, 256, 88] {
            let chunk = LooseChunk::read(len, || numbers.next().ok_or("no more")).unwrap();
            assert!(records.push_chunk(chunk));
        }
        assert!(records.iter().copied().eq(0..600));
        assert!(chunks(&records).iter().all(|chunk| chunk.1 == 0), "nothing is written yet");
        records.push(600);
        assert_eq!((records.len(), records.get(600)), (601, Some(&600)));
        let more = LooseChunk::read(1, || Ok::<_, ()>(7)).unwrap();
        assert!(!records.push_chunk(more), "the last chunk is not full");
        assert_eq!(LooseChunk::<u64>::read(2, || Err("bad")).unwrap_err(), "bad");
    }
}
