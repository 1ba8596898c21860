//! A vector in shared chunks that are copied on write, so cloning it is cheap.
//!
//! The engine's state is gigabytes of small records, and a snapshot must not stop the day. Cloning
//! a [`ChunkedVec`] copies one pointer per chunk. Writing to a chunk that a clone still shares
//! copies only that chunk first.
//!
//! Never: anything about what a record means. Start at [`ChunkedVec`]; [`Slab`] adds reusable
//! slots.

mod slab;

pub use slab::Slab;

use std::sync::Arc;

/// Records per chunk. At 40 to 96 bytes per record, writing a shared chunk copies 10 to 24 KiB.
pub const CHUNK_RECORDS: usize = 256;

/// A vector in chunks of [`CHUNK_RECORDS`].
#[derive(Debug)]
pub struct ChunkedVec<T> {
    chunks: Vec<Arc<[T]>>,
    len: usize,
}

impl<T> Default for ChunkedVec<T> {
    fn default() -> Self {
        ChunkedVec { chunks: Vec::new(), len: 0 }
    }
}

impl<T> Clone for ChunkedVec<T> {
    fn clone(&self) -> Self {
        ChunkedVec { chunks: self.chunks.clone(), len: self.len }
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
        self.chunks.get(place / CHUNK_RECORDS)?.get(place % CHUNK_RECORDS)
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).take(self.len)
    }
}

impl<T: Clone> ChunkedVec<T> {
    /// Passes each record to `take` in order and frees each chunk when it is done. Then whoever
    /// else holds the chunk can write to it without copying.
    pub fn consume<E>(self, mut take: impl FnMut(&T) -> Result<(), E>) -> Result<(), E> {
        let mut left = self.len;
        for chunk in self.chunks {
            let here = left.min(CHUNK_RECORDS);
            chunk[..here].iter().try_for_each(&mut take)?;
            left -= here;
        }
        Ok(())
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
        Arc::make_mut(chunk).get_mut(place % CHUNK_RECORDS)
    }

    /// Appends a record and returns its index.
    pub fn push(&mut self, record: T) -> usize {
        let place = self.len;
        if place.is_multiple_of(CHUNK_RECORDS) {
            self.chunks.push(Arc::from(vec![T::default(); CHUNK_RECORDS]));
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
        let shared: Vec<bool> =
            (0..4).map(|n| Arc::ptr_eq(&records.chunks[n], &seen.chunks[n])).collect();
        assert_eq!(shared, [true, false, true, true]);
    }

    #[test]
    fn indices_beyond_the_end_give_none() {
        let mut records: ChunkedVec<u64> = (0..3).collect();
        assert_eq!(records.get(3), None);
        assert_eq!(records.get_mut(3), None);
        assert_eq!(records.iter().count(), 3);
    }
}
