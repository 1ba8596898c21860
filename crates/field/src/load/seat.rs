//! What is remembered of one terminal of a fleet.

use std::time::Instant;

use door::Id;
use peers::Terminal;

/// A sale that has not ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selling {
    /// When it should have begun.
    pub since: Instant,
    /// Which of the terminal's sales, from 0.
    pub number: u32,
}

pub(super) struct Seat {
    pub terminal: Terminal,
    pub connection: Option<Id>,
    pub selling: Option<Selling>,
    /// Sales that were begun.
    pub sales: u32,
    /// Connections that failed since the last good one began at home.
    pub tried: u16,
    /// The connection is there.
    pub is_open: bool,
    /// Something came over the connection.
    pub is_used: bool,
    /// The last good connection died, and no other is good yet.
    pub is_moving: bool,
    /// It is in the queue of those that are free.
    pub is_free: bool,
    pub has_more: bool,
    pub signed_on: bool,
    /// It was told to come again later.
    pub rests: bool,
}

impl Seat {
    pub(super) const fn new(terminal: Terminal) -> Seat {
        Seat {
            terminal,
            connection: None,
            selling: None,
            sales: 0,
            tried: 0,
            is_open: false,
            is_used: false,
            is_moving: false,
            is_free: false,
            has_more: true,
            signed_on: false,
            rests: false,
        }
    }

    /// Whether it can begin a sale at once.
    pub(super) fn is_idle(&self) -> bool {
        let calm = self.is_open && !self.is_moving && self.selling.is_none();
        calm && !self.terminal.waits() && !self.terminal.must_sign_on()
    }

    /// Where it connects next: at home first, then at the others. Those whose home is the same go
    /// on to different ones.
    pub(super) fn address(&self, number: u32, homes: usize, addresses: usize) -> usize {
        let number = usize::try_from(number).unwrap_or(0);
        let home = number % homes;
        let tried = usize::from(self.tried) % addresses;
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
    use peers::TerminalSettings;

    #[test]
    fn a_terminal_tries_home_and_then_each_other_address_once() {
        let key = TdesKey::new(&[1; 16]).unwrap();
        let settings = TerminalSettings::new(1, *b"104110042150001", key);
        let mut seat = Seat::new(Terminal::new(&settings));
        for number in 0..20 {
            let mut tried: Vec<usize> = (0..5)
                .map(|times| {
                    seat.tried = times;
                    seat.address(number, 4, 5)
                })
                .collect();
            assert_eq!(tried[0], usize::try_from(number).unwrap() % 4);
            tried.sort_unstable();
            assert_eq!(tried, [0, 1, 2, 3, 4]);
        }
        seat.tried = 7;
        assert_eq!(seat.address(3, 1, 1), 0);
    }
}
