//! Who of a kind is inside, and who may still come.

use std::collections::HashMap;
use std::net::IpAddr;

use super::Places;
use crate::why::Why;

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// We connected.
    Here,
    /// From this machine, over a path.
    Path,
    /// From an address, as [`Origin::of`] counts them.
    Address(IpAddr),
}

impl Origin {
    /// With IPv6, somebody's address is a whole network of 64 bits.
    pub(crate) fn of(address: IpAddr) -> Origin {
        Origin::Address(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                IpAddr::V6(network.into())
            }
        })
    }
}

/// Those of one kind who came in.
#[derive(Default)]
pub(crate) struct Crowd {
    inside: usize,
    addresses: HashMap<IpAddr, usize>,
}

impl Crowd {
    /// Why one more may not come in.
    pub(crate) fn refuses(&self, from: Origin, places: Places) -> Option<Why> {
        if self.inside >= places.total_max {
            return Some(Why::Full);
        }
        let Origin::Address(address) = from else { return None };
        let others = self.addresses.get(&address).copied().unwrap_or(0);
        (others >= places.per_address_max).then_some(Why::Address)
    }

    pub(crate) fn enter(&mut self, from: Origin) {
        self.inside += usize::from(from != Origin::Here);
        if let Origin::Address(address) = from {
            *self.addresses.entry(address).or_default() += 1;
        }
    }

    pub(crate) fn leave(&mut self, from: Origin) {
        self.inside -= usize::from(from != Origin::Here);
        if let Origin::Address(address) = from
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

    fn of(text: &str) -> Origin {
        Origin::of(text.parse().unwrap())
    }

    #[test]
    fn neighbours_in_ipv6_are_one() {
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2::9"));
        assert_ne!(of("2001:db8:1:2::4"), of("2001:db8:1:3::4"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }

    #[test]
    fn who_leaves_makes_room_for_another() {
        let places = Places { total_max: 3, per_address_max: 2 };
        let (one, other) = (of("10.0.0.1"), of("10.0.0.2"));
        let mut crowd = Crowd::default();
        for _ in 0..2 {
            assert_eq!(crowd.refuses(one, places), None);
            crowd.enter(one);
        }
        assert_eq!(crowd.refuses(one, places), Some(Why::Address));
        crowd.enter(other);
        assert_eq!(crowd.refuses(other, places), Some(Why::Full));
        assert_eq!(crowd.refuses(Origin::Path, places), Some(Why::Full));
        crowd.leave(one);
        assert_eq!(crowd.refuses(one, places), None);
    }
}
