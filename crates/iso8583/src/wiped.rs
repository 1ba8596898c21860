//! Bytes that are wiped before their memory is freed.

use std::fmt;
use std::ops::{Deref, DerefMut};

use zeroize::Zeroize;

use crate::packager::Packager;

/// Fields that are wiped after use and never shown: card number, tracks 1 to 3, PIN block, chip
/// data. A packager can add more ([`Packager::sensitive`]).
pub const SENSITIVE_FIELDS: [u8; 6] = [2, 35, 36, 45, 52, 55];

/// Bytes that are zeroed when dropped or moved to a larger buffer.
#[derive(Default, PartialEq, Eq)]
pub struct WipedBytes(Vec<u8>);

impl WipedBytes {
    #[must_use]
    pub fn with_capacity(bytes: usize) -> WipedBytes {
        WipedBytes(Vec::with_capacity(bytes))
    }

    pub fn extend(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub fn push(&mut self, byte: u8) {
        self.reserve(1);
        self.0.push(byte);
    }

    /// Zeroes all bytes and keeps the memory.
    pub fn clear(&mut self) {
        self.0.as_mut_slice().zeroize();
        self.0.clear();
    }

    /// Shortens to `bytes` and zeroes the rest.
    pub fn truncate(&mut self, bytes: usize) {
        if let Some(tail) = self.0.get_mut(bytes..) {
            tail.zeroize();
        }
        self.0.truncate(bytes);
    }

    /// Appends `bytes` zeros and returns them for writing.
    pub(crate) fn grow(&mut self, bytes: usize) -> &mut [u8] {
        let before = self.0.len();
        self.reserve(bytes);
        self.0.resize(before + bytes, 0);
        self.0.get_mut(before..).unwrap_or_default()
    }

    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Makes room for `more` bytes. A plain vector that grows leaves a copy in the freed memory.
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

impl From<Vec<u8>> for WipedBytes {
    fn from(bytes: Vec<u8>) -> WipedBytes {
        WipedBytes(bytes)
    }
}

impl Clone for WipedBytes {
    fn clone(&self) -> WipedBytes {
        WipedBytes(self.0.clone())
    }
}

impl Drop for WipedBytes {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Deref for WipedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for WipedBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl AsRef<[u8]> for WipedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for WipedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "••• ({} bytes)", self.len())
    }
}

/// Zeroes the sensitive fields of a message in place.
///
/// Bytes that the packager cannot parse are zeroed completely: a card number may be anywhere in
/// them.
pub fn wipe_sensitive_fields(packager: &Packager, message: &mut [u8]) {
    let places: Option<Vec<_>> =
        packager.parse(message).ok().map(|message| message.sensitive_ranges().collect());
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
