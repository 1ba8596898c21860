//! Reproducible randomness: one ChaCha8 stream per request.
//!
//! A request's outcome therefore does not depend on the order in which other requests arrive.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

pub(crate) const WHOLE_PPM: u32 = 1_000_000;

/// What the randomness is for. The value is part of the generator's key.
#[derive(Clone, Copy)]
pub(crate) enum NetworkChanceUse {
    Delay = 1,
    Share = 2,
    Key = 3,
}

pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    pub(crate) fn new(seed: u64, theme: NetworkChanceUse, stream: u64) -> Chance {
        let mut key = *b"\0\0\0\0\0\0\0\0\0doorstep peers, edition";
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = theme as u8;
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(stream);
        Chance(generator)
    }

    /// A number below `limit`; zero if `limit` is zero.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        let product = u128::from(self.0.next_u64()) * u128::from(limit);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// True with a probability of `ppm` in a million.
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
    fn each_stream_is_reproducible_and_different() {
        let draw = |seed, theme, stream| Chance::new(seed, theme, stream).below(u64::MAX);
        assert_eq!(draw(1, NetworkChanceUse::Delay, 2), draw(1, NetworkChanceUse::Delay, 2));
        assert_ne!(draw(1, NetworkChanceUse::Delay, 2), draw(1, NetworkChanceUse::Delay, 3));
        assert_ne!(draw(1, NetworkChanceUse::Delay, 2), draw(1, NetworkChanceUse::Share, 2));
        assert_ne!(draw(1, NetworkChanceUse::Delay, 2), draw(2, NetworkChanceUse::Delay, 2));
    }

    #[test]
    fn never_and_always_are_exact() {
        let mut chance = Chance::new(0, NetworkChanceUse::Share, 0);
        assert!((0..1_000).all(|_| !chance.happens(0) && chance.happens(WHOLE_PPM)));
        assert_eq!(chance.below(0), 0);
    }
}
