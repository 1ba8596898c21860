//! Repeatable random draws: streams of ChaCha8, integers only.
//!
//! The draws are frozen. ChaCha8 is a published function (D. J. Bernstein, "ChaCha, a variant of
//! Salsa20", 2008) of a key, a stream number and a counter. The key is built here from the seed and
//! the [`ChanceKey`], and every draw takes 64-bit words by the integer arithmetic below, so no
//! choice of a library (how it stretches a small seed, how it samples a range) can change a
//! simulated day. The tests check the published test vector and some words of our own.
//!
//! Each request, parcel, courier and so on has its own stream: its draws do not depend on the
//! order in which others come.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

pub const WHOLE_PPM: u32 = 1_000_000;

/// What a stream is used for: a part of the generator's key.
#[derive(Clone, Copy, Debug)]
pub struct ChanceKey {
    /// Who draws.
    pub domain: &'static [u8; 23],
    pub purpose: u8,
}

/// What a network's randomness is for. The numbers are frozen.
#[derive(Clone, Copy)]
pub(crate) enum NetworkChanceUse {
    Delay = 1,
    Share = 2,
    Key = 3,
}

impl From<NetworkChanceUse> for ChanceKey {
    fn from(purpose: NetworkChanceUse) -> ChanceKey {
        ChanceKey { domain: b"doorstep peers, edition", purpose: purpose as u8 }
    }
}

/// A stream of random draws.
#[derive(Debug)]
pub struct Chance(ChaCha8Rng);

impl Chance {
    #[must_use]
    pub fn new(seed: u64, key: impl Into<ChanceKey>, stream: u64) -> Chance {
        let ChanceKey { domain, purpose } = key.into();
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = purpose;
        key[9..].copy_from_slice(domain);
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(stream);
        Chance(generator)
    }

    /// A number below `limit`; uniform, with a bias of less than `limit` in 2⁶⁴.
    ///
    /// # Panics
    /// If `limit` is zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        assert!(limit > 0, "there is no number below zero");
        let product = u128::from(self.0.next_u64()) * u128::from(limit);
        u64::try_from(product >> 64).expect("a product of two words, less its lower one")
    }

    /// A number from `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// True with a probability of `ppm` parts per million.
    pub fn happens(&mut self, ppm: u32) -> bool {
        self.below(u64::from(WHOLE_PPM)) < u64::from(ppm)
    }

    /// # Panics
    /// If `of` is empty.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let index = self.below(of.len() as u64);
        of[usize::try_from(index).expect("an index in a slice")]
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_chacha8_as_published() {
        // draft-strombergson-chacha-test-vectors-01, TC1: 8 rounds, key of 256 zero bits, no IV.
        let mut generator = ChaCha8Rng::from_seed([0; 32]);
        let mut bytes = [0; 32];
        generator.fill_bytes(&mut bytes);
        assert_eq!(
            bytes,
            [
                0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6, 0x7f, 0x5b, 0xb8, 0xe8, 0x1f, 0x09,
                0xa5, 0xa1, 0x2c, 0x84, 0x0e, 0xc3, 0xce, 0x9a, 0x7f, 0x3b, 0x18, 0x1b, 0xe1, 0x88,
                0xef, 0x71, 0x1a, 0x1e,
            ]
        );
    }

    #[test]
    fn the_words_of_a_seed_are_frozen() {
        let key = ChanceKey { domain: b"doorstep day, version 1", purpose: 2 };
        let mut chance = Chance::new(7, key, 42);
        let words: [u64; 3] = std::array::from_fn(|_| chance.0.next_u64());
        assert_eq!(
            words,
            [13_543_599_798_418_655_162, 11_385_908_946_576_055_079, 14_895_497_574_251_502_194]
        );
    }

    #[test]
    fn each_stream_is_reproducible_and_different() {
        let draw = |seed, key, stream| Chance::new(seed, key, stream).below(u64::MAX);
        assert_eq!(draw(1, NetworkChanceUse::Delay, 2), draw(1, NetworkChanceUse::Delay, 2));
        assert_ne!(draw(1, NetworkChanceUse::Delay, 2), draw(1, NetworkChanceUse::Delay, 3));
        assert_ne!(draw(1, NetworkChanceUse::Delay, 2), draw(1, NetworkChanceUse::Share, 2));
        assert_ne!(draw(1, NetworkChanceUse::Delay, 2), draw(2, NetworkChanceUse::Delay, 2));
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut chance = Chance::new(1, NetworkChanceUse::Share, 0);
        let mut seen = [0_u32; 6];
        for _ in 0..6_000 {
            let number = chance.between(3, 8);
            seen[usize::try_from(number - 3).unwrap()] += 1;
        }
        assert!(seen.iter().all(|&count| (850..1_150).contains(&count)), "{seen:?}");
        assert!((0..1_000).all(|_| !chance.happens(0) && chance.happens(WHOLE_PPM)));
    }
}
