//! Wrong PINs in a row, by card and by terminal. After too many of them no network is asked: who
//! finds a card does not find its PIN at the door.
//!
//! The counts are in memory. After a restart the books give the wrong PINs of the day that they
//! remember, and no right ones: that limits rather too much.

use std::collections::HashMap;
use std::hash::Hash;

use books::{CardToken, ResponseCode, TerminalId, Timestamp};

use super::Terminals;
use crate::sides::Rejection;

/// Maximum of cards, or terminals, with wrong PINs in one period. Those of further ones are not
/// counted.
const COUNTED_MAX: usize = 500_000;
const HOUR_MS: u64 = 3_600_000;

#[derive(Debug, Default)]
struct Tries {
    wrong: u32,
    /// Answers that are still to come. They count as wrong, so that many requests at once do not
    /// get past the limit.
    in_flight: u32,
}

/// The tries of one period: a day, or an hour.
#[derive(Debug)]
struct TriesOf<K> {
    period: u64,
    by_key: HashMap<K, Tries>,
}

impl<K> Default for TriesOf<K> {
    fn default() -> TriesOf<K> {
        TriesOf { period: 0, by_key: HashMap::new() }
    }
}

impl<K: Eq + Hash> TriesOf<K> {
    /// Forgets the wrong PINs of another period.
    fn enter(&mut self, period: u64) {
        if self.period != period {
            self.period = period;
            self.by_key.retain(|_, tries| {
                tries.wrong = 0;
                tries.in_flight > 0
            });
        }
    }

    fn are_left(&self, key: &K, most: u32) -> bool {
        self.by_key.get(key).is_none_or(|tries| tries.wrong + tries.in_flight < most)
    }

    fn begin(&mut self, key: K) {
        self.by_key.entry(key).or_default().in_flight += 1;
    }

    fn end(&mut self, key: &K) {
        if let Some(tries) = self.by_key.get_mut(key) {
            tries.in_flight = tries.in_flight.saturating_sub(1);
            if tries.in_flight == 0 && tries.wrong == 0 {
                self.by_key.remove(key);
            }
        }
    }

    fn add_wrong(&mut self, key: K) {
        if self.by_key.len() < COUNTED_MAX || self.by_key.contains_key(&key) {
            let tries = self.by_key.entry(key).or_default();
            tries.wrong = tries.wrong.saturating_add(1);
        }
    }

    fn forget_wrong(&mut self, key: &K) {
        if let Some(tries) = self.by_key.get_mut(key) {
            tries.wrong = 0;
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct PinTries {
    /// On a local day.
    cards: TriesOf<CardToken>,
    /// In an hour of the clock.
    terminals: TriesOf<u32>,
}

impl PinTries {
    pub(crate) fn begin(&mut self, card: CardToken, terminal: u32) {
        self.cards.begin(card);
        self.terminals.begin(terminal);
    }

    pub(crate) fn end(&mut self, card: CardToken, terminal: u32) {
        self.cards.end(&card);
        self.terminals.end(&terminal);
    }
}

impl Terminals<'_> {
    /// The local day and the hour of a time.
    fn periods(&self, at: Timestamp) -> (u64, u64) {
        let (_, date) = self.step.settings.local_time_and_date(at);
        (u64::from(date), at.0 / HOUR_MS)
    }

    fn pin_tries_now(&mut self) -> &mut PinTries {
        let (day, hour) = self.periods(self.step.now);
        let tries = &mut self.tables.pin_tries;
        tries.cards.enter(day);
        tries.terminals.enter(hour);
        tries
    }

    /// Refuses a PIN if the card or the terminal has had too many wrong ones.
    pub(crate) fn check_pin_tries(
        &mut self,
        card: CardToken,
        terminal: u32,
    ) -> Result<(), Rejection> {
        let most = self.step.settings.terminals.wrong_pins;
        let tries = self.pin_tries_now();
        let text = match () {
            () if !tries.cards.are_left(&card, most.per_card) => "card",
            () if !tries.terminals.are_left(&terminal, most.per_terminal) => "terminal",
            () => return Ok(()),
        };
        Err((ResponseCode::PIN_TRIES_EXCEEDED, Some(text.to_owned())))
    }

    /// A network has checked the PIN of a card, if the code says how.
    pub(crate) fn note_pin(&mut self, card: CardToken, terminal: u32, code: ResponseCode) {
        let tries = self.pin_tries_now();
        match code {
            ResponseCode::WRONG_PIN => {
                tries.cards.add_wrong(card);
                tries.terminals.add_wrong(terminal);
            }
            ResponseCode::APPROVED => tries.cards.forget_wrong(&card),
            _ => {}
        }
    }

    /// The PIN block of a terminal cannot be read. No network has tried the card.
    pub(crate) fn note_unreadable_pin(&mut self, terminal: u32) {
        self.pin_tries_now().terminals.add_wrong(terminal);
    }

    /// Counts the wrong PINs that the books remember.
    pub(crate) fn resume_pin_tries(&mut self, wrong: &[(CardToken, TerminalId, Timestamp)]) {
        let (day, hour) = self.periods(self.step.now);
        for (card, terminal, at) in wrong {
            let (its_day, its_hour) = self.periods(*at);
            let tries = self.pin_tries_now();
            if its_day == day {
                tries.cards.add_wrong(*card);
            }
            if let Ok(terminal) = u32::try_from(terminal.0)
                && its_hour == hour
            {
                tries.terminals.add_wrong(terminal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_in_flight_count_and_a_new_period_forgets() {
        let mut tries: TriesOf<u32> = TriesOf::default();
        tries.enter(1);
        tries.add_wrong(7);
        tries.begin(7);
        assert!(tries.are_left(&7, 3) && !tries.are_left(&7, 2) && tries.are_left(&8, 1));
        tries.end(&7);
        assert!(tries.are_left(&7, 2));
        tries.begin(8);
        tries.enter(2);
        assert!(tries.are_left(&7, 1) && !tries.are_left(&8, 1), "only what is in flight stays");
        tries.end(&8);
        assert!(tries.by_key.is_empty());
    }

    #[test]
    fn the_counts_are_limited() {
        let mut tries: TriesOf<usize> = TriesOf::default();
        for key in 0..=COUNTED_MAX {
            tries.add_wrong(key);
        }
        assert_eq!(tries.by_key.len(), COUNTED_MAX);
        tries.add_wrong(0);
        assert!(!tries.are_left(&0, 2) && tries.are_left(&COUNTED_MAX, 1));
    }
}
