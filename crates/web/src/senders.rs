//! How many requests a sender may still send: a bucket for each principal, and for each address
//! that has none. Own: the only crate that fits (governor) keeps its own clock and brings ten more.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use engine::Actor;

use crate::limits::{SENDERS_MAX, UNKNOWN_REQUESTS_PER_SECOND_MAX};

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    Principal(Actor),
    /// Not signed in. The first half of an address of IPv6 is one network.
    Address(IpAddr),
}

impl Sender {
    #[must_use]
    pub fn at(address: IpAddr) -> Sender {
        Sender::Address(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
            address => address,
        })
    }
}

/// What is left of a sender's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestsLeft {
    pub allowed: bool,
    /// A second.
    pub limit: u32,
    pub left: u32,
}

struct Bucket {
    thousandths: u64,
    filled_ms: u64,
}

/// Counts requests. A bucket fills evenly and holds the requests of one second.
pub struct Senders {
    begun: Instant,
    /// Of a principal, a second.
    limit: u32,
    buckets: Mutex<HashMap<Sender, Bucket>>,
}

impl Senders {
    #[must_use]
    pub fn new(limit: u32) -> Senders {
        Senders { begun: Instant::now(), limit, buckets: Mutex::default() }
    }

    /// Counts a request of a sender.
    pub fn count(&self, sender: Sender) -> RequestsLeft {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.count_at(sender, now)
    }

    fn count_at(&self, sender: Sender, now_ms: u64) -> RequestsLeft {
        let limit = match sender {
            Sender::Principal(_) => self.limit,
            Sender::Address(_) => UNKNOWN_REQUESTS_PER_SECOND_MAX,
        };
        let full = u64::from(limit) * 1_000;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= SENDERS_MAX && !buckets.contains_key(&sender) {
            // A bucket that is full again remembers nothing.
            buckets.retain(|_, bucket| now_ms.saturating_sub(bucket.filled_ms) < 1_000);
            if buckets.len() >= SENDERS_MAX {
                return RequestsLeft { allowed: false, limit, left: 0 };
            }
        }
        let bucket = buckets.entry(sender).or_insert(Bucket { thousandths: full, filled_ms: 0 });
        let since = now_ms.saturating_sub(bucket.filled_ms);
        bucket.thousandths = full.min(bucket.thousandths + since * u64::from(limit));
        bucket.filled_ms = now_ms;
        let allowed = bucket.thousandths >= 1_000;
        if allowed {
            bucket.thousandths -= 1_000;
        }
        let left = u32::try_from(bucket.thousandths / 1_000).unwrap_or(u32::MAX);
        RequestsLeft { allowed, limit, left }
    }
}

#[cfg(test)]
mod tests {
    use engine::Actor;

    use super::*;

    #[test]
    fn a_bucket_holds_the_requests_of_a_second_and_fills_evenly() {
        let senders = Senders::new(10);
        let one = Sender::Principal(Actor::System);
        for left in (0..10).rev() {
            let found = senders.count_at(one, 0);
            assert_eq!(found, RequestsLeft { allowed: true, limit: 10, left });
        }
        assert!(!senders.count_at(one, 99).allowed);
        assert!(senders.count_at(one, 100).allowed);
        assert!(!senders.count_at(one, 150).allowed);
        assert_eq!(senders.count_at(one, 60_000).left, 9);
        let other = Sender::at("127.0.0.1".parse().unwrap());
        assert_eq!(senders.count_at(other, 0).left, UNKNOWN_REQUESTS_PER_SECOND_MAX - 1);
    }

    #[test]
    fn a_network_of_ipv6_is_one_sender() {
        let of = |text: &str| Sender::at(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
