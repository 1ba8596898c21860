//! Chance that can be lived through again: a stream of ChaCha8 for each thing that has a fate.
//!
//! Each request has its own stream, so that what one of them meets does not depend on the order in
//! which the others arrive.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

pub(crate) const WHOLE_PPM: u32 = 1_000_000;

/// What is left to chance. The numbers are part of the key.
#[derive(Clone, Copy)]
pub(crate) enum Theme {
    /// Jitter of an answer.
    Delay = 1,
    /// Whether a rule's share includes a request.
    Share = 2,
    /// Keys that a network makes.
    Key = 3,
}

/// A stream of chance.
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    pub(crate) fn new(seed: u64, theme: Theme, stream: u64) -> Chance {
        let mut key = *b"\0\0\0\0\0\0\0\0\0doorstep peers, edition";
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = theme as u8;
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(stream);
        Chance(generator)
    }

    /// A number below `limit`; zero where that is zero.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        let product = u128::from(self.0.next_u64()) * u128::from(limit);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// Whether something happens that happens `ppm` times in a million.
    pub(crate) fn happens(&mut self, ppm: u32) -> bool {
        self.below(u64::from(WHOLE_PPM)) < u64::from(ppm)
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_the_same_each_time_and_its_own() {
        let draw = |seed, theme, stream| Chance::new(seed, theme, stream).below(u64::MAX);
        assert_eq!(draw(1, Theme::Delay, 2), draw(1, Theme::Delay, 2));
        assert_ne!(draw(1, Theme::Delay, 2), draw(1, Theme::Delay, 3));
        assert_ne!(draw(1, Theme::Delay, 2), draw(1, Theme::Share, 2));
        assert_ne!(draw(1, Theme::Delay, 2), draw(2, Theme::Delay, 2));
    }

    #[test]
    fn never_and_always_are_exact() {
        let mut chance = Chance::new(0, Theme::Share, 0);
        assert!((0..1_000).all(|_| !chance.happens(0) && chance.happens(WHOLE_PPM)));
        assert_eq!(chance.below(0), 0);
    }
}
