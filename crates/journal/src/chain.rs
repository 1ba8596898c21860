//! The chain: batches, their numbers, and the hashes that tie each to the one before.

use std::fmt;

use sha2::{Digest, Sha256};

/// Says what is hashed and in which layout; another layout gets another tag.
const BATCH_TAG: &[u8; 24] = b"doorstep journal batch 1";

/// Which leadership wrote a batch. Each takeover is one epoch higher; the first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

/// The number of a batch. The first batch is 1; they have no gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(u64);

/// A SHA-256, shown as 64 hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

/// The end of a journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The last batch; [`Sequence::NONE`] in an empty journal.
    pub sequence: Sequence,
    /// The hash of the last batch; [`Hash::ZERO`] in an empty journal.
    pub hash: Hash,
}

/// What a takeover gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// The epoch to append with, higher than all before it.
    pub epoch: Epoch,
    /// Where the journal ends, and so where the next batch follows.
    pub head: Head,
}

/// One batch as it stands in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its number.
    pub sequence: Sequence,
    /// The leadership that wrote it.
    pub epoch: Epoch,
    /// The hash of the batch before it; [`Hash::ZERO`] for the first.
    pub previous: Hash,
    /// Its own hash, see [`batch_hash`].
    pub hash: Hash,
    /// What the caller appended.
    pub payload: Vec<u8>,
}

impl Epoch {
    /// Before anybody has led.
    pub const NONE: Epoch = Epoch(0);

    /// The epoch with this number.
    #[must_use]
    pub const fn new(number: u64) -> Epoch {
        Epoch(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The epoch of the next takeover.
    #[must_use]
    pub const fn next(self) -> Epoch {
        Epoch(self.0 + 1)
    }
}

impl Sequence {
    /// Before the first batch.
    pub const NONE: Sequence = Sequence(0);
    /// The first batch.
    pub const FIRST: Sequence = Sequence(1);

    /// The batch with this number.
    #[must_use]
    pub const fn new(number: u64) -> Sequence {
        Sequence(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The batch after this one.
    #[must_use]
    pub const fn next(self) -> Sequence {
        Sequence(self.0 + 1)
    }

    /// The batch before this one; `None` before the first.
    #[must_use]
    pub const fn before(self) -> Option<Sequence> {
        if self.0 > 1 { Some(Sequence(self.0 - 1)) } else { None }
    }
}

impl Hash {
    /// What the first batch follows.
    pub const ZERO: Hash = Hash([0; 32]);

    /// The hash with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Hash {
        Hash(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Batch {
    /// Where the journal ended when this was its last batch.
    #[must_use]
    pub const fn head(&self) -> Head {
        Head { sequence: self.sequence, hash: self.hash }
    }
}

/// The hash of a batch: SHA-256 over the 24 ASCII bytes `doorstep journal batch 1`, the sequence
/// and the epoch (8 bytes each, big end first), the hash of the batch before (32 bytes, zeros for
/// the first) and the payload to its end.
#[must_use]
pub fn batch_hash(sequence: Sequence, epoch: Epoch, previous: Hash, payload: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(BATCH_TAG);
    hasher.update(sequence.0.to_be_bytes());
    hasher.update(epoch.0.to_be_bytes());
    hasher.update(previous.0);
    hasher.update(payload);
    Hash(hasher.finalize().into())
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by Python's `hashlib` over the layout that [`batch_hash`] documents.
    #[test]
    fn the_hash_of_a_fixed_batch_never_changes() {
        let first = batch_hash(Sequence::FIRST, Epoch::new(1), Hash::ZERO, b"parcel");
        assert_eq!(
            first.to_string(),
            "4b3fbfb178949e0036a326a8b8cbbd7b8b1af51ae63f9d6e69455a53630df400"
        );
        let second = batch_hash(Sequence::new(2), Epoch::new(3), first, b"");
        assert_eq!(
            second.to_string(),
            "8d67aff49cf2b97db4a27b69257f80b4374809008c42462b88295e0ac60e0345"
        );
    }

    #[test]
    fn each_field_changes_the_hash() {
        let hash = |sequence, epoch, previous, payload: &[u8]| {
            batch_hash(Sequence::new(sequence), Epoch::new(epoch), Hash::new(previous), payload)
        };
        let hashes = [
            hash(1, 2, [0; 32], b"a"),
            hash(2, 1, [0; 32], b"a"),
            hash(1, 2, [1; 32], b"a"),
            hash(1, 2, [0; 32], b"b"),
            hash(1, 2, [0; 32], b"a\0"),
        ];
        for (place, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..place].contains(hash), "{place}");
        }
    }

    #[test]
    fn nothing_comes_before_the_first_batch() {
        assert_eq!(Sequence::FIRST.before(), None);
        assert_eq!(Sequence::NONE.before(), None);
        assert_eq!(Sequence::NONE.next(), Sequence::FIRST);
        assert_eq!(Sequence::new(3).before(), Some(Sequence::new(2)));
    }
}
