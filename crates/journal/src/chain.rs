//! The hash chain: batches, their numbers, and the hash that ties each to the one before.

use std::fmt;

use base16ct::HexDisplay;
use sha2::{Digest, Sha256};

/// The first bytes that are hashed. Another layout gets another tag.
const BATCH_TAG: &[u8; 24] = b"doorstep journal batch 1";

/// The number of a leadership. Each takeover raises it by one; the first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

/// The number of a batch. The first is 1; there are no gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(u64);

/// A SHA-256 hash, shown as 64 hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainHash([u8; 32]);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalHead {
    /// The last batch; [`Sequence::NONE`] in an empty journal.
    pub sequence: Sequence,
    /// The hash of the last batch; [`ChainHash::ZERO`] in an empty journal.
    pub hash: ChainHash,
}

/// The result of a takeover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// The epoch to append with; it is higher than all before.
    pub epoch: Epoch,
    /// The end of the journal; the next batch follows it.
    pub head: JournalHead,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalBatch {
    pub sequence: Sequence,
    pub epoch: Epoch,
    /// The hash of the batch before it; [`ChainHash::ZERO`] for the first.
    pub previous: ChainHash,
    /// See [`batch_hash`].
    pub hash: ChainHash,
    /// The bytes that the caller appended.
    pub payload: Vec<u8>,
}

impl Epoch {
    /// Before the first takeover.
    pub const NONE: Epoch = Epoch(0);

    #[must_use]
    pub const fn new(number: u64) -> Epoch {
        Epoch(number)
    }

    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    #[must_use]
    pub const fn next(self) -> Epoch {
        Epoch(self.0 + 1)
    }
}

impl Sequence {
    /// Before the first batch.
    pub const NONE: Sequence = Sequence(0);
    pub const FIRST: Sequence = Sequence(1);

    #[must_use]
    pub const fn new(number: u64) -> Sequence {
        Sequence(number)
    }

    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

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

impl ChainHash {
    /// The hash before the first batch.
    pub const ZERO: ChainHash = ChainHash([0; 32]);

    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> ChainHash {
        ChainHash(bytes)
    }

    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl JournalBatch {
    /// The end of the journal while this was its last batch.
    #[must_use]
    pub const fn head(&self) -> JournalHead {
        JournalHead { sequence: self.sequence, hash: self.hash }
    }
}

/// The hash of a batch: SHA-256 over the 24 ASCII bytes `doorstep journal batch 1`, the sequence
/// and the epoch (8 bytes each, big end first), the hash of the batch before (32 bytes, zeros for
/// the first) and the payload to its end.
#[must_use]
pub fn batch_hash(
    sequence: Sequence,
    epoch: Epoch,
    previous: ChainHash,
    payload: &[u8],
) -> ChainHash {
    let mut hasher = Sha256::new();
    hasher.update(BATCH_TAG);
    hasher.update(sequence.0.to_be_bytes());
    hasher.update(epoch.0.to_be_bytes());
    hasher.update(previous.0);
    hasher.update(payload);
    ChainHash(hasher.finalize().into())
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

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&HexDisplay(&self.0), f)
    }
}

impl fmt::Debug for ChainHash {
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
        let first = batch_hash(Sequence::FIRST, Epoch::new(1), ChainHash::ZERO, b"parcel");
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
            batch_hash(
                Sequence::new(sequence),
                Epoch::new(epoch),
                ChainHash::new(previous),
                payload,
            )
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
    fn the_first_batch_has_none_before_it() {
        assert_eq!(Sequence::FIRST.before(), None);
        assert_eq!(Sequence::NONE.before(), None);
        assert_eq!(Sequence::NONE.next(), Sequence::FIRST);
        assert_eq!(Sequence::new(3).before(), Some(Sequence::new(2)));
    }
}
