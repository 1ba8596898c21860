//! How many connections each address has. One address cannot have them all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits::KEPT_CONNECTIONS_DIVISOR;
use crate::senders::Sender;

#[derive(Clone)]
pub(crate) struct AddressConnections {
    most: usize,
    open: Arc<Mutex<HashMap<Sender, usize>>>,
}

/// Counts a connection as long as it lives.
pub(crate) struct AddressConnection {
    of: AddressConnections,
    address: Sender,
}

impl AddressConnections {
    pub(crate) fn new(connections_max: usize) -> AddressConnections {
        let most = connections_max - connections_max / KEPT_CONNECTIONS_DIVISOR;
        AddressConnections { most, open: Arc::default() }
    }

    /// `None` if the address has as many as it may have.
    pub(crate) fn begin(&self, address: IpAddr) -> Option<AddressConnection> {
        let address = Sender::at(address);
        let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = all.entry(address).or_default();
        if *open >= self.most {
            return None;
        }
        *open += 1;
        Some(AddressConnection { of: self.clone(), address })
    }
}

impl Drop for AddressConnection {
    fn drop(&mut self) {
        let mut all = self.of.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = all.entry(self.address).or_default();
        *open = open.saturating_sub(1);
        if *open == 0 {
            all.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_connections_for_others() {
        let all = AddressConnections::new(16);
        let address = |text: &str| all.begin(text.parse().unwrap());
        let mut open: Vec<_> = std::iter::from_fn(|| address("10.0.0.1")).collect();
        assert_eq!(open.len(), 14);
        let other = address("10.0.0.2");
        assert!(other.is_some());
        open.pop();
        assert!(address("10.0.0.1").is_some() && address("2001:db8::1").is_some());
        drop((open, other));
        assert!(all.open.lock().unwrap().is_empty(), "nothing is kept of who has gone");
    }
}
