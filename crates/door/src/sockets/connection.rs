//! What is remembered of one connection.

use std::net::IpAddr;
use std::time::Instant;

use zeroize::Zeroize;

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
    pub partial: Vec<u8>,
    /// What waits to be written, and how much of it is written.
    pub out: Vec<u8>,
    pub out_sent: usize,
    /// Since when it is in its state.
    pub since: Instant,
    pub heard: Instant,
    /// When the last message came that waits for an answer.
    pub asked: Instant,
    /// Since when a message is begun and not whole.
    pub slow_since: Option<Instant>,
    pub from: Option<IpAddr>,
    pub kind: Kind,
    pub state: State,
    pub in_flight: u8,
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
        from: Option<IpAddr>,
        state: State,
        now: Instant,
    ) -> Connection {
        Connection {
            stream,
            tag: 0,
            partial: Vec::new(),
            out: Vec::new(),
            out_sent: 0,
            since: now,
            heard: now,
            asked: now,
            slow_since: None,
            from,
            kind,
            state,
            in_flight: 0,
            unread: false,
            queued: false,
            dirty: false,
            paused: false,
            doomed: false,
            half_closed: false,
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
                let idle = habits.idle.is_some_and(|limit| longer(self.heard, limit));
                (idle && !self.unread).then_some(Why::Idle)
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

impl Drop for Connection {
    fn drop(&mut self) {
        self.partial.zeroize();
        self.out.zeroize();
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
