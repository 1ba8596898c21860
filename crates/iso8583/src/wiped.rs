//! Bytes that are overwritten before their memory is given back.

use std::fmt;
use std::ops::{Deref, DerefMut};

use zeroize::Zeroize;

use crate::packager::Packager;

/// The fields that are wiped after use and never formatted: card number, track 2, track 3,
/// track 1, PIN block, chip card fields. A packager can name more ([`Packager::sensitive`]).
pub const SENSITIVE: [u8; 6] = [2, 35, 36, 45, 52, 55];

/// Bytes that are zeroed when dropped, and when they move because more are added.
#[derive(Default, PartialEq, Eq)]
pub struct Wiped(Vec<u8>);

impl Wiped {
    /// No bytes, with room for so many.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Wiped {
        Wiped(Vec::with_capacity(bytes))
    }

    /// Adds bytes at the end.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Adds one byte at the end.
    pub fn push(&mut self, byte: u8) {
        self.reserve(1);
        self.0.push(byte);
    }

    /// Zeroes all bytes and keeps the room.
    pub fn clear(&mut self) {
        self.0.as_mut_slice().zeroize();
        self.0.clear();
    }

    /// Drops the bytes from a place on, zeroing them.
    pub fn truncate(&mut self, bytes: usize) {
        if let Some(tail) = self.0.get_mut(bytes..) {
            tail.zeroize();
        }
        self.0.truncate(bytes);
    }

    /// Adds so many zeros at the end, to be written over.
    pub(crate) fn grow(&mut self, bytes: usize) -> &mut [u8] {
        let before = self.0.len();
        self.reserve(bytes);
        self.0.resize(before + bytes, 0);
        self.0.get_mut(before..).unwrap_or_default()
    }

    /// How many bytes it has room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Makes room for so many more bytes. A vector that grows by itself leaves its bytes behind in
    /// the memory it gives back.
    pub fn reserve(&mut self, more: usize) {
        let needed = self.0.len() + more;
        if needed > self.0.capacity() {
            let mut larger = Vec::with_capacity(needed.max(self.0.capacity() * 2));
            larger.extend_from_slice(&self.0);
            self.0.zeroize();
            self.0 = larger;
        }
    }
}

impl From<Vec<u8>> for Wiped {
    fn from(bytes: Vec<u8>) -> Wiped {
        Wiped(bytes)
    }
}

impl Clone for Wiped {
    fn clone(&self) -> Wiped {
        Wiped(self.0.clone())
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Deref for Wiped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Wiped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "••• ({} bytes)", self.len())
    }
}

/// Zeroes the sensitive fields of a message where they stand.
///
/// Bytes that are no message of the packager are zeroed as a whole: a card number may be
/// anywhere in them.
pub fn wipe_sensitive(packager: &Packager, message: &mut [u8]) {
    let places: Option<Vec<_>> =
        packager.parse(message).ok().map(|message| message.sensitive_places().collect());
    match places {
        Some(places) => {
            for place in places {
                if let Some(value) = message.get_mut(place) {
                    value.zeroize();
                }
            }
        }
        None => message.zeroize(),
    }
}
