//! The state of one connection.

use std::time::Instant;

use iso8583::WipedBytes;

use super::counter::ConnectionOrigin;
use super::stream::Stream;
use super::{ConnectionKind, ConnectionPolicy};
use crate::close_reason::CloseReason;
use crate::limits::ConnectionLimits;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionState {
    Connecting,
    Handshake,
    Open,
    /// Waiting bytes are still written, then the connection is closed.
    Draining,
}

pub(crate) struct Connection {
    pub stream: Stream,
    pub tag: u64,
    /// A partial message, or whole messages that cannot be passed on yet.
    pub partial: WipedBytes,
    /// Bytes to be written; the first `out_sent` of them are written.
    pub out: WipedBytes,
    pub out_sent: usize,
    /// Start of the current state.
    pub state_since: Instant,
    pub last_read_at: Instant,
    /// When the last message that needs an answer arrived.
    pub last_message_at: Instant,
    /// When the first byte of the partial message arrived.
    pub partial_since: Option<Instant>,
    pub origin: ConnectionOrigin,
    pub kind: ConnectionKind,
    pub state: ConnectionState,
    /// The connection counts in the handshake quota, not in the quota of open ones.
    pub in_handshake_quota: bool,
    pub in_flight: u8,
    pub has_sent_message: bool,
    /// The system may have bytes to read.
    pub unread: bool,
    /// The connection is in a queue of those to be read.
    pub in_read_queue: bool,
    pub dirty: bool,
    pub paused: bool,
    /// Not read before this time, because something failed.
    pub slowed_until: Option<Instant>,
    pub closing: bool,
    /// The other side will send no more; what it has sent is still read.
    pub half_closed: bool,
}

impl Connection {
    pub(crate) fn new(
        stream: Stream,
        kind: ConnectionKind,
        origin: ConnectionOrigin,
        state: ConnectionState,
        now: Instant,
    ) -> Connection {
        Connection {
            stream,
            tag: 0,
            partial: WipedBytes::default(),
            out: WipedBytes::default(),
            out_sent: 0,
            state_since: now,
            last_read_at: now,
            last_message_at: now,
            partial_since: None,
            origin,
            kind,
            state,
            in_handshake_quota: false,
            in_flight: 0,
            has_sent_message: false,
            unread: false,
            in_read_queue: false,
            dirty: false,
            paused: false,
            slowed_until: None,
            closing: false,
            half_closed: false,
        }
    }

    pub(crate) fn open(&mut self, now: Instant) {
        self.state = ConnectionState::Open;
        (self.state_since, self.last_read_at) = (now, now);
    }

    /// Wipes written bytes once they are the larger part of the buffer. Otherwise a buffer that
    /// never runs empty would keep them, and grow.
    pub(crate) fn drop_sent(&mut self) {
        let left = self.out.len() - self.out_sent;
        if self.out_sent > left {
            self.out.copy_within(self.out_sent.., 0);
            self.out.truncate(left);
            self.out_sent = 0;
        }
    }

    /// Whether the connection is not read until a message is answered.
    pub(crate) fn is_blocked(&self, policy: &ConnectionPolicy) -> bool {
        self.paused
            || self.slowed_until.is_some()
            || (policy.in_flight_max > 0 && self.in_flight >= policy.in_flight_max)
    }

    /// The timeout that has passed, as the reason to close.
    pub(crate) fn timed_out(
        &self,
        now: Instant,
        limits: &ConnectionLimits,
        policy: &ConnectionPolicy,
    ) -> Option<CloseReason> {
        let longer = |since: Instant, limit| now.duration_since(since) > limit;
        match self.state {
            ConnectionState::Connecting | ConnectionState::Handshake => {
                longer(self.state_since, limits.handshake_timeout).then_some(CloseReason::Handshake)
            }
            ConnectionState::Draining => {
                longer(self.state_since, limits.message_timeout).then_some(CloseReason::Unread)
            }
            ConnectionState::Open => {
                let slow =
                    self.partial_since.is_some_and(|since| longer(since, limits.message_timeout));
                if slow && !self.is_blocked(policy) && !self.unread {
                    return Some(CloseReason::Slow);
                }
                if self.unread {
                    return None;
                }
                let is_new = policy.admission.is_some() && !self.has_sent_message;
                if is_new && longer(self.state_since, limits.message_timeout) {
                    return Some(if self.partial_since.is_some() {
                        CloseReason::Slow
                    } else {
                        CloseReason::Idle
                    });
                }
                let idle =
                    policy.idle_timeout.is_some_and(|limit| longer(self.last_read_at, limit));
                idle.then_some(CloseReason::Idle)
            }
        }
    }

    /// Ends a delay that has passed. Returns whether there was one.
    pub(crate) fn end_delay(&mut self, now: Instant) -> bool {
        self.slowed_until.take_if(|until| *until <= now).is_some()
    }

    /// After the answer timeout, unanswered messages no longer count as in flight. Returns whether
    /// there were any.
    pub(crate) fn forget_unanswered(&mut self, now: Instant, limits: &ConnectionLimits) -> bool {
        let forgotten =
            self.in_flight > 0 && now.duration_since(self.last_message_at) > limits.answer_timeout;
        if forgotten {
            self.in_flight = 0;
        }
        forgotten
    }
}

impl ConnectionPolicy {
    /// How many bytes one read takes: up to twice the longest message, so that a connection whose
    /// messages have to wait keeps little in memory.
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
    use crate::framing::StreamFraming;

    const SECOND: Duration = Duration::from_secs(1);

    fn connection(now: Instant) -> (Connection, ConnectionPolicy, ConnectionLimits) {
        let limits = ConnectionLimits::default();
        let policy = ConnectionPolicy {
            framing: StreamFraming::LengthPrefixed,
            message_bytes_max: 100,
            idle_timeout: Some(limits.idle_timeout),
            waiting_bytes_max: 100,
            in_flight_max: 4,
            admission: Some(limits.terminal_admission()),
        };
        let kind = ConnectionKind(0);
        let stream = Stream::Unix(mio::net::UnixStream::pair().unwrap().0);
        (
            Connection::new(stream, kind, ConnectionOrigin::UnixSocket, ConnectionState::Open, now),
            policy,
            limits,
        )
    }

    #[test]
    fn the_first_message_has_a_shorter_timeout_than_the_following_ones() {
        let begun = Instant::now();
        let (mut one, policy, limits) = connection(begun);
        let late = |one: &Connection, policy: &ConnectionPolicy, after| {
            one.timed_out(begun + limits.message_timeout + after, &limits, policy)
        };
        assert_eq!(late(&one, &policy, Duration::ZERO), None);
        assert_eq!(late(&one, &policy, SECOND), Some(CloseReason::Idle));
        // A message begun late gets no more time.
        one.partial_since = Some(begun + limits.message_timeout - SECOND);
        assert_eq!(late(&one, &policy, SECOND), Some(CloseReason::Slow));
        // Bytes that this side has not read yet are not the other side's fault.
        one.unread = true;
        assert_eq!(late(&one, &policy, SECOND), None);
        (one.unread, one.partial_since, one.has_sent_message) = (false, None, true);
        assert_eq!(late(&one, &policy, limits.idle_timeout - limits.message_timeout), None);
        assert_eq!(late(&one, &policy, limits.idle_timeout), Some(CloseReason::Idle));
        // A server that this side connected to may stay silent.
        one.has_sent_message = false;
        let ours = ConnectionPolicy { admission: None, idle_timeout: None, ..policy };
        assert_eq!(late(&one, &ours, limits.idle_timeout), None);
    }

    #[test]
    fn written_bytes_are_wiped_while_others_wait() {
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
