//! Counts the connections of one kind, in total and by address.

use std::collections::HashMap;
use std::net::IpAddr;

use super::Quota;
use crate::close_reason::CloseReason;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionOrigin {
    /// This side connected.
    Outgoing,
    /// By a Unix socket on this machine.
    UnixSocket,
    /// As [`ConnectionOrigin::from_ip`] groups addresses.
    Address(IpAddr),
}

impl ConnectionOrigin {
    /// An IPv6 client controls a whole /64 network, so that counts as one address.
    pub(crate) fn from_ip(address: IpAddr) -> ConnectionOrigin {
        ConnectionOrigin::Address(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                IpAddr::V6(network.into())
            }
        })
    }
}

#[derive(Default)]
pub(crate) struct ConnectionCounter {
    total: usize,
    addresses: HashMap<IpAddr, usize>,
}

impl ConnectionCounter {
    /// Why one more connection is refused, if it is.
    pub(crate) fn refusal(&self, from: ConnectionOrigin, quota: Quota) -> Option<CloseReason> {
        if self.total >= quota.total_max {
            return Some(CloseReason::Full);
        }
        let ConnectionOrigin::Address(address) = from else { return None };
        let others = self.addresses.get(&address).copied().unwrap_or(0);
        (others >= quota.per_address_max).then_some(CloseReason::Address)
    }

    pub(crate) fn add(&mut self, from: ConnectionOrigin) {
        self.total += usize::from(from != ConnectionOrigin::Outgoing);
        if let ConnectionOrigin::Address(address) = from {
            *self.addresses.entry(address).or_default() += 1;
        }
    }

    pub(crate) fn remove(&mut self, from: ConnectionOrigin) {
        self.total -= usize::from(from != ConnectionOrigin::Outgoing);
        if let ConnectionOrigin::Address(address) = from
            && let Some(count) = self.addresses.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> ConnectionOrigin {
        ConnectionOrigin::from_ip(text.parse().unwrap())
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2::9"));
        assert_ne!(of("2001:db8:1:2::4"), of("2001:db8:1:3::4"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }

    #[test]
    fn a_connection_that_ends_frees_its_place() {
        let quota = Quota { total_max: 3, per_address_max: 2 };
        let (one, other) = (of("10.0.0.1"), of("10.0.0.2"));
        let mut counter = ConnectionCounter::default();
        for _ in 0..2 {
            assert_eq!(counter.refusal(one, quota), None);
            counter.add(one);
        }
        assert_eq!(counter.refusal(one, quota), Some(CloseReason::Address));
        counter.add(other);
        assert_eq!(counter.refusal(other, quota), Some(CloseReason::Full));
        assert_eq!(counter.refusal(ConnectionOrigin::UnixSocket, quota), Some(CloseReason::Full));
        counter.remove(one);
        assert_eq!(counter.refusal(one, quota), None);
    }
}
