//! Key check values: two parties compare them to see that they hold the same key.

use std::fmt;

use crate::hex;

/// Key check value (KCV).
///
/// DES and TDES: the first bytes of eight zero bytes, encrypted (X9.24-1 annex A). AES: the first
/// bytes of the CMAC of sixteen zero bytes (X9.24-1:2017 annex A). `Display` prints six hex digits.
/// A wrapped key at sign-on carries four bytes. The standards allow at most five bytes to be shown.
#[derive(Copy, Clone, PartialEq, Eq)]
pub struct CheckValue([u8; CHECK_VALUE_BYTES]);

/// Number of bytes that are kept.
pub const CHECK_VALUE_BYTES: usize = 5;

impl CheckValue {
    pub(crate) const fn new(bytes: [u8; CHECK_VALUE_BYTES]) -> CheckValue {
        CheckValue(bytes)
    }

    /// The first four bytes, which accompany a wrapped key.
    #[must_use]
    pub const fn four_bytes(&self) -> [u8; 4] {
        let [a, b, c, d, _] = self.0;
        [a, b, c, d]
    }

    /// Whether this begins with `bytes`, at least two. `None` if no check value has this length.
    pub(crate) fn begins_with(self, bytes: &[u8]) -> Option<bool> {
        (2..=CHECK_VALUE_BYTES).contains(&bytes.len()).then(|| self.0.starts_with(bytes))
    }

    /// Ten hex digits.
    pub(crate) fn to_hex(self) -> String {
        hex::encode(&self.0)
    }

    pub(crate) fn from_hex(text: &str) -> Option<CheckValue> {
        let bytes = hex::decode(text.as_bytes())?;
        Some(CheckValue(bytes.as_slice().try_into().ok()?))
    }
}

impl fmt::Display for CheckValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..3]))
    }
}

impl fmt::Debug for CheckValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckValue({self})")
    }
}
