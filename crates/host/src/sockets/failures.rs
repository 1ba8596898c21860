//! Counts what fails at this door by address: bytes that are no message, TLS, authentication.
//!
//! An address that fails often is first slowed, then its failing connections are closed and few new
//! ones accepted. Connections from the same address that do not fail go on: many terminals share
//! the address of their mobile network.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::counter::ConnectionOrigin;
use crate::limits::{
    ACCEPTS_FAILING_PER_SECOND_MAX, ADDRESSES_NAMED_MAX, FAILING_ADDRESSES_MAX, FAILURE_WINDOW,
    FAILURES_FREE_MAX, FAILURES_SLOWED_MAX,
};

/// What failed at a connection from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Bytes or fields that are no message.
    BadFrame,
    FailedTls,
    /// A wrong MAC or signature, or a certificate that is not in the list.
    FailedAuthentication,
}

/// What an address's failure costs its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Penalty {
    None,
    Slow,
    Close,
}

/// Failures of one address since the last alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FailingAddress {
    /// An IPv6 address stands for its /64 network.
    pub address: IpAddr,
    pub bad_frames: u64,
    pub failed_tls: u64,
    pub failed_authentications: u64,
}

impl FailingAddress {
    fn new(address: IpAddr) -> FailingAddress {
        FailingAddress { address, bad_frames: 0, failed_tls: 0, failed_authentications: 0 }
    }

    #[must_use]
    pub fn total(&self) -> u64 {
        self.bad_frames + self.failed_tls + self.failed_authentications
    }
}

/// The addresses with the most failures since the last alarm, and how much failed in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureAlarm {
    pub failures: u64,
    pub addresses: usize,
    /// At most [`ADDRESSES_NAMED_MAX`], the worst first.
    pub worst: Vec<FailingAddress>,
}

struct AddressFailures {
    counts: FailingAddress,
    /// Failures in the window that began then.
    window_since: Instant,
    in_window: u32,
    accepts_since: Instant,
    accepts: u32,
}

impl AddressFailures {
    /// The failures that still count.
    fn recent(&self, now: Instant) -> u32 {
        if now.duration_since(self.window_since) < FAILURE_WINDOW { self.in_window } else { 0 }
    }
}

pub(crate) struct FailureCounter {
    addresses: HashMap<IpAddr, AddressFailures>,
    /// Since the last alarm, those of addresses that are not counted by themselves too.
    failures: u64,
    last_alarm: Option<Instant>,
}

impl FailureCounter {
    pub(crate) fn new() -> FailureCounter {
        FailureCounter { addresses: HashMap::new(), failures: 0, last_alarm: None }
    }

    pub(crate) fn count(
        &mut self,
        from: ConnectionOrigin,
        kind: FailureKind,
        now: Instant,
    ) -> Penalty {
        let ConnectionOrigin::Address(address) = from else { return Penalty::None };
        self.failures += 1;
        if self.addresses.len() >= FAILING_ADDRESSES_MAX && !self.addresses.contains_key(&address) {
            return Penalty::Close;
        }
        let found = self.addresses.entry(address).or_insert_with(|| AddressFailures {
            counts: FailingAddress::new(address),
            window_since: now,
            in_window: 0,
            accepts_since: now,
            accepts: 0,
        });
        match kind {
            FailureKind::BadFrame => found.counts.bad_frames += 1,
            FailureKind::FailedTls => found.counts.failed_tls += 1,
            FailureKind::FailedAuthentication => found.counts.failed_authentications += 1,
        }
        let before = found.recent(now);
        if before == 0 {
            found.window_since = now;
        }
        found.in_window = before.saturating_add(1);
        if found.in_window <= FAILURES_FREE_MAX {
            Penalty::None
        } else if found.in_window <= FAILURES_SLOWED_MAX {
            Penalty::Slow
        } else {
            Penalty::Close
        }
    }

    /// Whether one more connection of this address is accepted.
    pub(crate) fn admits(&mut self, from: ConnectionOrigin, now: Instant) -> bool {
        let ConnectionOrigin::Address(address) = from else { return true };
        let Some(found) = self.addresses.get_mut(&address) else { return true };
        if found.recent(now) <= FAILURES_SLOWED_MAX {
            return true;
        }
        if now.duration_since(found.accepts_since) >= Duration::from_secs(1) {
            (found.accepts_since, found.accepts) = (now, 0);
        }
        found.accepts += 1;
        found.accepts <= ACCEPTS_FAILING_PER_SECOND_MAX
    }

    /// Once in a [`FAILURE_WINDOW`], what failed, if an address failed more often than is free.
    pub(crate) fn alarm(&mut self, now: Instant) -> Option<FailureAlarm> {
        let is_early =
            self.last_alarm.is_some_and(|last| now.duration_since(last) < FAILURE_WINDOW);
        let free = u64::from(FAILURES_FREE_MAX);
        if self.failures <= free || is_early {
            return None;
        }
        let mut worst: Vec<_> = self.addresses.values().map(|found| found.counts).collect();
        worst.retain(|counts| counts.total() > 0);
        worst.sort_by_key(|counts| (u64::MAX - counts.total(), counts.address));
        let addresses = worst.len();
        worst.truncate(ADDRESSES_NAMED_MAX);
        let failures = std::mem::take(&mut self.failures);
        self.last_alarm = Some(now);
        self.addresses.retain(|_, found| found.recent(now) > 0);
        for found in self.addresses.values_mut() {
            found.counts = FailingAddress::new(found.counts.address);
        }
        Some(FailureAlarm { failures, addresses, worst })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> ConnectionOrigin {
        ConnectionOrigin::from_ip(text.parse().expect("an address"))
    }

    #[test]
    fn an_address_that_fails_is_slowed_then_closed_and_forgiven_after_a_window() {
        let (mut counter, begun) = (FailureCounter::new(), Instant::now());
        let (bad, good) = (of("10.0.0.1"), of("10.0.0.2"));
        let kind = FailureKind::FailedAuthentication;
        let mut penalties = Vec::new();
        for _ in 0..=FAILURES_SLOWED_MAX {
            penalties.push(counter.count(bad, kind, begun));
        }
        let of = |penalty| penalties.iter().filter(|found| **found == penalty).count();
        assert_eq!(of(Penalty::None), FAILURES_FREE_MAX as usize);
        assert_eq!(of(Penalty::Slow), (FAILURES_SLOWED_MAX - FAILURES_FREE_MAX) as usize);
        assert_eq!(of(Penalty::Close), 1);
        let accepted = (0..100).filter(|_| counter.admits(bad, begun)).count();
        assert_eq!(accepted, ACCEPTS_FAILING_PER_SECOND_MAX as usize);
        assert!((0..100).all(|_| counter.admits(good, begun)));
        assert!((0..9).all(|_| counter.admits(ConnectionOrigin::UnixSocket, begun)));
        let later = begun + FAILURE_WINDOW;
        assert!((0..100).all(|_| counter.admits(bad, later)));
        assert_eq!(counter.count(bad, kind, later), Penalty::None);
    }

    #[test]
    fn one_alarm_a_window_names_the_worst_addresses() {
        let (mut counter, begun) = (FailureCounter::new(), Instant::now());
        for _ in 0..FAILURES_FREE_MAX {
            counter.count(of("10.0.0.1"), FailureKind::FailedTls, begun);
        }
        assert_eq!(counter.alarm(begun), None, "so much is free");
        for _ in 0..30 {
            counter.count(of("10.0.0.2"), FailureKind::BadFrame, begun);
        }
        let alarm = counter.alarm(begun).expect("an alarm");
        assert_eq!((alarm.failures, alarm.addresses), (u64::from(FAILURES_FREE_MAX) + 30, 2));
        assert_eq!(alarm.worst[0].address.to_string(), "10.0.0.2");
        assert_eq!((alarm.worst[0].bad_frames, alarm.worst[1].failed_tls), (30, 20));
        for _ in 0..30 {
            counter.count(of("10.0.0.2"), FailureKind::BadFrame, begun);
        }
        assert_eq!(counter.alarm(begun + FAILURE_WINDOW / 2), None);
        let alarm = counter.alarm(begun + FAILURE_WINDOW).expect("an alarm");
        assert_eq!((alarm.failures, alarm.addresses), (30, 1));
    }

    #[test]
    fn the_number_of_addresses_is_limited() {
        let (mut counter, begun) = (FailureCounter::new(), Instant::now());
        for number in 0..FAILING_ADDRESSES_MAX + 10 {
            let address = IpAddr::V4(u32::try_from(number).expect("few").into());
            counter.count(ConnectionOrigin::Address(address), FailureKind::BadFrame, begun);
        }
        assert_eq!(counter.addresses.len(), FAILING_ADDRESSES_MAX);
        assert!(counter.alarm(begun).is_some());
        counter.alarm(begun + FAILURE_WINDOW * 2);
        counter.count(of("10.0.0.1"), FailureKind::BadFrame, begun + FAILURE_WINDOW * 2);
        assert!(counter.addresses.len() <= FAILING_ADDRESSES_MAX);
    }
}
