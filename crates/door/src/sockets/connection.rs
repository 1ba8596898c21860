//! What is remembered of one connection.

use std::time::Instant;

use iso8583::Wiped;

use super::crowd::Origin;
use super::stream::Stream;
use super::{Habits, Kind};
use crate::limits::Limits;
use crate::why::Why;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Connecting,
    Handshake,
    Open,
    /// What waits is still written, then it is closed.
    Ending,
}

pub(crate) struct Connection {
    pub stream: Stream,
    pub tag: u64,
    /// The beginning of a message, or messages that have to wait.
    pub partial: Wiped,
    /// What waits to be written, and how much of it is written.
    pub out: Wiped,
    pub out_sent: usize,
    /// Since when it is in its state.
    pub since: Instant,
    pub heard: Instant,
    /// When the last message came that waits for an answer.
    pub asked: Instant,
    /// Since when a message is begun and not whole.
    pub slow_since: Option<Instant>,
    pub from: Origin,
    pub kind: Kind,
    pub state: State,
    /// It has a place of those who arrive.
    pub arriving: bool,
    pub in_flight: u8,
    /// A whole message has come.
    pub has_spoken: bool,
    /// There may be bytes to read.
    pub unread: bool,
    /// It is on a list of those to be read.
    pub queued: bool,
    pub dirty: bool,
    pub paused: bool,
    pub doomed: bool,
    /// The other side will send no more: read until its end.
    pub half_closed: bool,
}

impl Connection {
    pub(crate) fn new(
        stream: Stream,
        kind: Kind,
        from: Origin,
        state: State,
        now: Instant,
    ) -> Connection {
        Connection {
            stream,
            tag: 0,
            partial: Wiped::default(),
            out: Wiped::default(),
            out_sent: 0,
            since: now,
            heard: now,
            asked: now,
            slow_since: None,
            from,
            kind,
            state,
            arriving: false,
            in_flight: 0,
            has_spoken: false,
            unread: false,
            queued: false,
            dirty: false,
            paused: false,
            doomed: false,
            half_closed: false,
        }
    }

    /// It is open, its handshake done.
    pub(crate) fn open(&mut self, now: Instant) {
        self.state = State::Open;
        (self.since, self.heard) = (now, now);
    }

    /// Wipes what is written, where that is most of the buffer: one that never runs empty would
    /// keep it, and grow.
    pub(crate) fn drop_sent(&mut self) {
        let left = self.out.len() - self.out_sent;
        if self.out_sent > left {
            self.out.copy_within(self.out_sent.., 0);
            self.out.truncate(left);
            self.out_sent = 0;
        }
    }

    /// Whether nothing more is read from it until something is answered.
    pub(crate) fn is_full(&self, habits: &Habits) -> bool {
        self.paused || (habits.in_flight_max > 0 && self.in_flight >= habits.in_flight_max)
    }

    /// Which limit in time it has passed.
    pub(crate) fn late(&self, now: Instant, limits: &Limits, habits: &Habits) -> Option<Why> {
        let longer = |since: Instant, limit| now.duration_since(since) > limit;
        match self.state {
            State::Connecting | State::Handshake => {
                longer(self.since, limits.handshake).then_some(Why::Handshake)
            }
            State::Ending => longer(self.since, limits.message).then_some(Why::Unread),
            State::Open => {
                let slow = self.slow_since.is_some_and(|since| longer(since, limits.message));
                if slow && !self.is_full(habits) && !self.unread {
                    return Some(Why::Slow);
                }
                if self.unread {
                    return None;
                }
                let is_new = habits.guests.is_some() && !self.has_spoken;
                if is_new && longer(self.since, limits.message) {
                    return Some(if self.slow_since.is_some() { Why::Slow } else { Why::Idle });
                }
                let idle = habits.idle.is_some_and(|limit| longer(self.heard, limit));
                idle.then_some(Why::Idle)
            }
        }
    }

    /// Messages that nobody will answer any more do not wait for answers. Whether there were any.
    pub(crate) fn forget_unanswered(&mut self, now: Instant, limits: &Limits) -> bool {
        let forgotten = self.in_flight > 0 && now.duration_since(self.asked) > limits.answer;
        if forgotten {
            self.in_flight = 0;
        }
        forgotten
    }
}

impl Habits {
    /// How much is read at once: whole messages up to twice the longest, not more, so that a
    /// connection whose messages have to wait keeps little.
    pub(crate) fn read_bytes_max(&self, begun: usize) -> usize {
        let most =
            if self.in_flight_max > 0 { 2 * (self.message_bytes_max + 4) } else { usize::MAX };
        most.saturating_sub(begun).max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::framing::Framing;

    const SECOND: Duration = Duration::from_secs(1);

    fn connection(now: Instant) -> (Connection, Habits, Limits) {
        let limits = Limits::default();
        let habits = Habits {
            framing: Framing::Counted,
            message_bytes_max: 100,
            idle: Some(limits.idle),
            waiting_bytes_max: 100,
            in_flight_max: 4,
            guests: Some(limits.terminals()),
        };
        let kind = Kind(0);
        let stream = Stream::Unix(mio::net::UnixStream::pair().unwrap().0);
        (Connection::new(stream, kind, Origin::Path, State::Open, now), habits, limits)
    }

    #[test]
    fn the_first_message_has_its_time_from_the_beginning_and_is_followed_by_patience() {
        let begun = Instant::now();
        let (mut one, habits, limits) = connection(begun);
        let late = |one: &Connection, habits: &Habits, after| {
            one.late(begun + limits.message + after, &limits, habits)
        };
        assert_eq!(late(&one, &habits, Duration::ZERO), None);
        assert_eq!(late(&one, &habits, SECOND), Some(Why::Idle));
        // Begun late, it has no more time.
        one.slow_since = Some(begun + limits.message - SECOND);
        assert_eq!(late(&one, &habits, SECOND), Some(Why::Slow));
        // What lies there and could not be read yet is not its fault.
        one.unread = true;
        assert_eq!(late(&one, &habits, SECOND), None);
        (one.unread, one.slow_since, one.has_spoken) = (false, None, true);
        assert_eq!(late(&one, &habits, limits.idle - limits.message), None);
        assert_eq!(late(&one, &habits, limits.idle), Some(Why::Idle));
        // Whom we connected to may wait for us.
        one.has_spoken = false;
        let ours = Habits { guests: None, idle: None, ..habits };
        assert_eq!(late(&one, &ours, limits.idle), None);
    }

    #[test]
    fn what_is_written_does_not_stay_behind_what_waits() {
        let (mut one, ..) = connection(Instant::now());
        for byte in 0..=u8::MAX {
            one.out.extend(&[byte; 100]);
            one.out_sent += 99;
            one.drop_sent();
            assert!(one.out.len() <= 3 * (usize::from(byte) + 1) + 100);
        }
        assert!(one.out[one.out_sent..].ends_with(&[u8::MAX; 100]));
    }
}
