//! The state of one terminal of a fleet.

use std::time::Instant;

use host::ConnectionId;
use peers::TerminalSimulator;

#[derive(Clone, Copy, Debug)]
pub(super) struct SaleInProgress {
    /// When it should have started.
    pub intended_at: Instant,
    /// The number of the terminal's sale, from 0.
    pub number: u32,
}

pub(super) struct FleetTerminal {
    pub terminal: TerminalSimulator,
    pub connection: Option<ConnectionId>,
    pub selling: Option<SaleInProgress>,
    /// Sales started.
    pub sales: u32,
    /// Failed connections since the last working one; 0 selects the home address.
    pub failed_connects: u16,
    /// The connection is established.
    pub is_open: bool,
    /// A message arrived over the connection.
    pub has_received: bool,
    /// The last working connection broke, and no other works yet.
    pub is_reconnecting: bool,
    /// It is in the queue of free terminals.
    pub is_free: bool,
    pub has_more: bool,
    pub signed_on: bool,
    /// The switch told it to come back later.
    pub must_rest: bool,
}

impl FleetTerminal {
    pub(super) const fn new(terminal: TerminalSimulator) -> FleetTerminal {
        FleetTerminal {
            terminal,
            connection: None,
            selling: None,
            sales: 0,
            failed_connects: 0,
            is_open: false,
            has_received: false,
            is_reconnecting: false,
            is_free: false,
            has_more: true,
            signed_on: false,
            must_rest: false,
        }
    }

    /// Whether it can start a sale at once.
    pub(super) fn is_idle(&self) -> bool {
        let ready = self.is_open && !self.is_reconnecting && self.selling.is_none();
        ready && !self.terminal.awaits_answer() && !self.terminal.must_sign_on()
    }

    /// The next address: the home address first, then the others. Terminals with the same home
    /// address move on to different ones.
    pub(super) fn address(&self, number: u32, homes: usize, addresses: usize) -> usize {
        let number = usize::try_from(number).unwrap_or(0);
        let home = number % homes;
        let tried = usize::from(self.failed_connects) % addresses;
        if tried == 0 {
            return home;
        }
        let others = addresses - 1;
        let other = (number / homes + tried - 1) % others;
        if other < home { other } else { other + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keys::TdesKey;
    use peers::TerminalSimulatorSettings;

    #[test]
    fn a_terminal_tries_home_and_then_each_other_address_once() {
        let key = TdesKey::new(&[1; 16]).unwrap();
        let settings = TerminalSimulatorSettings::new(1, *b"104110042150001", key);
        let mut member = FleetTerminal::new(TerminalSimulator::new(&settings));
        for number in 0..20 {
            let mut tried: Vec<usize> = (0..5)
                .map(|times| {
                    member.failed_connects = times;
                    member.address(number, 4, 5)
                })
                .collect();
            assert_eq!(tried[0], usize::try_from(number).unwrap() % 4);
            tried.sort_unstable();
            assert_eq!(tried, [0, 1, 2, 3, 4]);
        }
        member.failed_connects = 7;
        assert_eq!(member.address(3, 1, 1), 0);
    }
}
