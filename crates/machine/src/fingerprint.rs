//! Fingerprints: 64-bit numbers that show whether two states came from the same commands (M11).

/// One step of a fingerprint. Frozen: journals hold its results.
#[must_use]
#[inline]
pub fn mix(state: u64, word: u64) -> u64 {
    let mixed = (state ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ (mixed >> 32)
}
