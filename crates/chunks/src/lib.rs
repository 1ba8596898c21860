//! A vector in chunks that are shared until they are written: its clone is cheap.
//!
//! The engine's state is gigabytes of small records; a snapshot of it must not stop the day.
//! Cloning a [`Chunked`] copies one pointer a chunk; whoever writes to a chunk that a clone still
//! holds copies that chunk first, and nobody else's.
//!
//! Never: knowledge of what the records mean. Start at [`Chunked`]; [`Slab`] adds slots that come
//! free.

mod slab;

pub use slab::Slab;

use std::sync::Arc;

/// Records in a chunk: at 40 to 96 bytes a record, 10 to 24 KiB to copy when a shared one is
/// written.
pub const CHUNK_RECORDS: usize = 256;

/// A vector in chunks of [`CHUNK_RECORDS`].
#[derive(Debug)]
pub struct Chunked<T> {
    chunks: Vec<Arc<[T]>>,
    len: usize,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Chunked { chunks: Vec::new(), len: 0 }
    }
}

impl<T> Clone for Chunked<T> {
    fn clone(&self) -> Self {
        Chunked { chunks: self.chunks.clone(), len: self.len }
    }
}

impl<T> Chunked<T> {
    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The record at `place`.
    #[must_use]
    #[inline]
    pub fn get(&self, place: usize) -> Option<&T> {
        if place >= self.len {
            return None;
        }
        self.chunks.get(place / CHUNK_RECORDS)?.get(place % CHUNK_RECORDS)
    }

    /// All records in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).take(self.len)
    }
}

impl<T: Clone> Chunked<T> {
    /// Gives each record to `take` in order, and lets go of each chunk as soon as it is done:
    /// whoever else holds the chunk can then write to it without copying.
    ///
    /// # Errors
    /// The first that `take` gives.
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

impl<T: Clone + Default> Chunked<T> {
    /// The record at `place`, to write; copies the chunk if a clone of the vector still holds it.
    #[inline]
    pub fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        if place >= self.len {
            return None;
        }
        let chunk = self.chunks.get_mut(place / CHUNK_RECORDS)?;
        Arc::make_mut(chunk).get_mut(place % CHUNK_RECORDS)
    }

    /// Adds a record and tells its place.
    pub fn push(&mut self, record: T) -> usize {
        let place = self.len;
        if place.is_multiple_of(CHUNK_RECORDS) {
            self.chunks.push(Arc::from(vec![T::default(); CHUNK_RECORDS]));
        }
        self.len += 1;
        let slot = self.get_mut(place).expect("the place was just made");
        *slot = record;
        place
    }
}

impl<T: Clone + Default> FromIterator<T> for Chunked<T> {
    fn from_iter<I: IntoIterator<Item = T>>(records: I) -> Self {
        let mut chunked = Chunked::default();
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
    fn a_clone_keeps_what_it_saw() {
        let mut records: Chunked<u64> = (0..1000).collect();
        let seen = records.clone();
        *records.get_mut(999).unwrap() = 7;
        records.push(8);
        assert_eq!((seen.len(), seen.get(999), seen.get(1000)), (1000, Some(&999), None));
        assert_eq!((records.get(999), records.get(1000)), (Some(&7), Some(&8)));
    }

    #[test]
    fn only_the_written_chunk_is_copied() {
        let mut records: Chunked<u64> = (0..1000).collect();
        let seen = records.clone();
        *records.get_mut(300).unwrap() = 0;
        let shared: Vec<bool> =
            (0..4).map(|n| Arc::ptr_eq(&records.chunks[n], &seen.chunks[n])).collect();
        assert_eq!(shared, [true, false, true, true]);
    }

    #[test]
    fn places_beyond_the_end_are_nothing() {
        let mut records: Chunked<u64> = (0..3).collect();
        assert_eq!(records.get(3), None);
        assert_eq!(records.get_mut(3), None);
        assert_eq!(records.iter().count(), 3);
    }
}
