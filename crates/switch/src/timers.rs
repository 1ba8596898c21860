//! What is to be done when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use engine::Timestamp;

use crate::port::LinkId;

/// What a timer is about. Each is checked again when it fires: what it waits for may be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A network has not answered a transaction.
    Answer(u64),
    /// A reversal or advice is to be sent, again.
    Chase(u64),
    /// A link is to be looked at: sign-on or echo.
    Link(LinkId),
    /// A QR code expires.
    Qr(u64),
    /// Pre-authorisations may have expired.
    Expiry,
    /// The next step of forgetting closed parcels.
    Forgetting,
}

/// Timers in the order of their moments; those of one moment in the order in which they were set.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Timestamp, u64, Timer)>>,
    set: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Timestamp, timer: Timer) {
        self.set += 1;
        self.heap.push(Reverse((at, self.set, timer)));
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }

    /// Takes one that is due.
    pub(crate) fn due(&mut self, now: Timestamp) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, _, timer))| timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_in_the_order_of_their_moments() {
        let mut timers = Timers::default();
        timers.set(Timestamp(20), Timer::Answer(2));
        timers.set(Timestamp(10), Timer::Answer(1));
        timers.set(Timestamp(20), Timer::Chase(1));
        assert_eq!(timers.next(), Some(Timestamp(10)));
        assert_eq!(timers.due(Timestamp(9)), None);
        assert_eq!(timers.due(Timestamp(10)), Some(Timer::Answer(1)));
        assert_eq!(timers.due(Timestamp(19)), None);
        assert_eq!(timers.due(Timestamp(30)), Some(Timer::Answer(2)));
        assert_eq!(timers.due(Timestamp(30)), Some(Timer::Chase(1)));
        assert_eq!(timers.due(Timestamp(30)), None);
    }
}
