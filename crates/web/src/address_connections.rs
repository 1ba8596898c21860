//! How many connections each address has, and how many bytes of answers wait for it. One address
//! cannot have them all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::KEPT_CONNECTIONS_DIVISOR;
use crate::senders::Sender;

/// All but the part that is for others.
fn most_of_one(all: usize) -> usize {
    all - all / KEPT_CONNECTIONS_DIVISOR
}

#[derive(Clone, Copy, Default)]
struct OpenOfAddress {
    connections: usize,
    /// Of answers that were begun and not written.
    bytes: usize,
}

#[derive(Default)]
struct Open {
    addresses: HashMap<Sender, OpenOfAddress>,
    bytes: usize,
}

#[derive(Clone)]
pub(crate) struct AddressConnections {
    connections_max: usize,
    bytes_max: usize,
    open: Arc<Mutex<Open>>,
}

struct CountedConnection {
    of: AddressConnections,
    address: Sender,
    /// Of its answers that were begun and not written.
    bytes: Mutex<usize>,
}

/// Counts a connection as long as it lives, and the bytes that wait to be written to it.
#[derive(Clone)]
pub(crate) struct AddressConnection(Arc<CountedConnection>);

impl AddressConnections {
    /// `bytes_max` is of all answers that wait for their readers.
    pub(crate) fn new(connections_max: usize, bytes_max: usize) -> AddressConnections {
        AddressConnections { connections_max, bytes_max, open: Arc::default() }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` if the address has as many as it may have.
    pub(crate) fn begin(&self, address: IpAddr) -> Option<AddressConnection> {
        let address = Sender::at(address);
        let mut all = self.open();
        let open = all.addresses.entry(address).or_default();
        if open.connections >= most_of_one(self.connections_max) {
            return None;
        }
        open.connections += 1;
        let counted = CountedConnection { of: self.clone(), address, bytes: Mutex::default() };
        Some(AddressConnection(Arc::new(counted)))
    }

    #[cfg(test)]
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.open().bytes
    }
}

impl AddressConnection {
    /// Whether there is room for an answer of this length, which is counted until it is written.
    pub(crate) fn begin_answer(&self, length: usize) -> bool {
        let CountedConnection { of, address, bytes } = &*self.0;
        let mut all = of.open();
        let own = all.addresses.get(address).copied().unwrap_or_default().bytes;
        if all.bytes + length > of.bytes_max || own + length > most_of_one(of.bytes_max) {
            return false;
        }
        all.bytes += length;
        all.addresses.entry(*address).or_default().bytes += length;
        *bytes.lock().unwrap_or_else(PoisonError::into_inner) += length;
        true
    }

    /// Notes that bytes were written. Heads are not counted, and nor are answers whose length
    /// nobody knows at their beginning.
    pub(crate) fn wrote(&self, written: usize) {
        self.0.forget(written);
    }
}

impl CountedConnection {
    fn forget(&self, most: usize) {
        // Always in this order.
        let mut all = self.of.open();
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = most.min(*bytes);
        *bytes -= gone;
        all.bytes -= gone;
        all.addresses.entry(self.address).or_default().bytes -= gone;
    }
}

impl Drop for CountedConnection {
    fn drop(&mut self) {
        self.forget(usize::MAX);
        let mut all = self.of.open();
        let open = all.addresses.entry(self.address).or_default();
        open.connections = open.connections.saturating_sub(1);
        if open.connections == 0 {
            all.addresses.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_connections_for_others() {
        let all = AddressConnections::new(16, 80);
        let address = |text: &str| all.begin(text.parse().unwrap());
        let mut open: Vec<_> = std::iter::from_fn(|| address("10.0.0.1")).collect();
        assert_eq!(open.len(), 14);
        let other = address("10.0.0.2");
        assert!(other.is_some());
        open.pop();
        assert!(address("10.0.0.1").is_some() && address("2001:db8::1").is_some());
        drop((open, other));
        assert!(all.open().addresses.is_empty(), "nothing is kept of who has gone");
    }

    #[test]
    fn answers_that_wait_have_a_limit_and_one_address_leaves_room_for_others() {
        let all = AddressConnections::new(16, 80);
        let at = |text: &str| all.begin(text.parse().unwrap()).unwrap();
        let (one, again, other) = (at("10.0.0.1"), at("10.0.0.1"), at("10.0.0.2"));
        assert!(one.begin_answer(40) && again.begin_answer(30), "70 are seven eighths");
        assert!(!again.begin_answer(1) && other.begin_answer(10) && !other.begin_answer(1));
        one.wrote(15);
        assert!(again.begin_answer(15) && !other.begin_answer(1));
        drop(again);
        assert!(other.begin_answer(45) && one.begin_answer(0));
        // A head that was written takes nothing from others.
        one.wrote(1_000);
        assert_eq!(all.waiting_bytes(), 55);
        drop((one, other));
        assert_eq!(all.waiting_bytes(), 0);
    }
}
