//! Timers, in the order in which they fire.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use books::Timestamp;

use crate::port::LinkId;

/// What a timer is for. Each is checked again when it fires: its request may have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A network has not responded in time.
    NetworkTimeout(u64),
    /// A queued reversal or refund is sent again.
    Resend(u64),
    /// A link's sign-on or echo is checked.
    LinkCheck(LinkId),
    /// A QR code expires.
    QrExpiry(u64),
    /// Pre-authorisations may have expired.
    Expiry,
    /// The retention scan continues.
    RetentionScan,
}

/// Timers by time. Those of the same time fire in the order in which they were set.
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

    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<Timer> {
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
    fn timers_fire_in_the_order_of_their_times() {
        let mut timers = Timers::default();
        timers.set(Timestamp(20), Timer::NetworkTimeout(2));
        timers.set(Timestamp(10), Timer::NetworkTimeout(1));
        timers.set(Timestamp(20), Timer::Resend(1));
        assert_eq!(timers.next(), Some(Timestamp(10)));
        assert_eq!(timers.pop_due(Timestamp(9)), None);
        assert_eq!(timers.pop_due(Timestamp(10)), Some(Timer::NetworkTimeout(1)));
        assert_eq!(timers.pop_due(Timestamp(19)), None);
        assert_eq!(timers.pop_due(Timestamp(30)), Some(Timer::NetworkTimeout(2)));
        assert_eq!(timers.pop_due(Timestamp(30)), Some(Timer::Resend(1)));
        assert_eq!(timers.pop_due(Timestamp(30)), None);
    }
}
