//! Waits before a lost link is connected again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use crate::limits::{RECONNECT_WAIT_MAX, RECONNECT_WAIT_MIN};

/// Waits that double up to a limit. Each is shortened at random to between its half and its whole,
/// so that clients that lost the same engine do not all reconnect at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    random: u64,
}

impl Backoff {
    pub(crate) fn new() -> Backoff {
        // The keys of a `RandomState` are random in each process, and differ from one to the next.
        let random = RandomState::new().build_hasher().finish() | 1;
        Backoff { next: RECONNECT_WAIT_MIN, random }
    }

    /// Call when the link works: the next loss starts with the shortest wait.
    pub(crate) fn reset(&mut self) {
        self.next = RECONNECT_WAIT_MIN;
    }

    pub(crate) fn wait(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(RECONNECT_WAIT_MAX);
        // Xorshift: good enough to spread attempts in time.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let permille = u32::try_from(self.random % 501).unwrap_or(0);
        whole / 2 + whole * permille / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_a_limit_and_start_again_when_the_link_worked() {
        let mut backoff = Backoff::new();
        let mut whole = RECONNECT_WAIT_MIN;
        for _ in 0..12 {
            let wait = backoff.wait();
            assert!(wait >= whole / 2 && wait <= whole, "{wait:?} of {whole:?}");
            whole = (whole * 2).min(RECONNECT_WAIT_MAX);
        }
        backoff.reset();
        assert!(backoff.wait() <= RECONNECT_WAIT_MIN);
    }
}
