//! Repeatable random draws: streams of ChaCha8, integers only.
//!
//! The draws are frozen. ChaCha8 is a published function (D. J. Bernstein, "ChaCha, a variant of
//! Salsa20", 2008) of a key, a stream number and a counter. The key is built here from the seed and
//! the [`ChancePurpose`], and every draw takes 64-bit words by the integer arithmetic below, so no
//! choice of a library (how it stretches a small seed, how it samples a range) can change a day.
//! The tests check the published test vector and some words of our own.
//!
//! Each parcel, courier and so on has its own stream: another parcel in the list, or another rate
//! of refusals, does not change the draws of the others.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

use crate::rates::WHOLE_PPM;

/// What a stream is used for. The numbers are part of the key and frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChancePurpose {
    /// Commands that are sent twice.
    RepeatedCommands = 1,
    /// The script of a parcel; the stream is the parcel.
    Parcel = 2,
    /// A courier's pace and mistakes; the stream is the courier.
    Courier = 3,
    /// Deductions of a network or wallet; the stream is its index.
    Clearing = 4,
    /// A bank's treatment of a deposit or payout; the stream is its identifier.
    Bank = 5,
    GeneratedOrders = 6,
    /// Keys of terminals and networks.
    Keys = 7,
}

/// A stream of random draws.
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    pub(crate) fn new(seed: u64, theme: ChancePurpose, stream: u64) -> Chance {
        let mut key = *b"\0\0\0\0\0\0\0\0\0doorstep day, version 1";
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = theme as u8;
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(stream);
        Chance(generator)
    }

    fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `limit`; uniform, with a bias of less than `limit` in 2⁶⁴.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        assert!(limit > 0, "there is no number below zero");
        let product = u128::from(self.word()) * u128::from(limit);
        u64::try_from(product >> 64).expect("a product of two words, less its lower one")
    }

    /// A number from `least` to `most`, both included.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// True with a probability of `ppm` parts per million.
    pub(crate) fn happens(&mut self, ppm: u32) -> bool {
        self.below(u64::from(WHOLE_PPM)) < u64::from(ppm)
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let index = self.below(of.len() as u64);
        of[usize::try_from(index).expect("an index in a slice")]
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
        let mut chance = Chance::new(7, ChancePurpose::Parcel, 42);
        let words: [u64; 3] = std::array::from_fn(|_| chance.word());
        assert_eq!(
            words,
            [13_543_599_798_418_655_162, 11_385_908_946_576_055_079, 14_895_497_574_251_502_194]
        );
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut chance = Chance::new(1, ChancePurpose::Courier, 0);
        let mut seen = [0_u32; 6];
        for _ in 0..6_000 {
            let number = chance.between(3, 8);
            seen[usize::try_from(number - 3).unwrap()] += 1;
        }
        assert!(seen.iter().all(|&count| (850..1_150).contains(&count)), "{seen:?}");
        assert!(!chance.happens(0));
        assert!(chance.happens(WHOLE_PPM));
    }
}
