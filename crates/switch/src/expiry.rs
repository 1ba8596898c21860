//! Pre-authorisations that nobody completes in their time: the books let go of them, the networks
//! are told until they have heard.

use engine::view::TenderState;
use engine::{BusinessDate, Command, Event, Refusal, TakeBack, TenderId, Timestamp};

use crate::port::{Output, Question};
use crate::resume::Unfinished;
use crate::switch::Switch;
use crate::timers::Timer;
use crate::works::{Awaiting, note_refusal};

/// How often the books are asked for those whose time is over.
const EXPIRY_EVERY_MS: u64 = 3_600_000;
/// How many at once: each is a message to a network.
const EXPIRED_AT_ONCE_MAX: u32 = 500;

impl Switch {
    /// The time has come to look for those whose time is over.
    pub(crate) fn expiry_due(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.timers.set(now.plus_ms(EXPIRY_EVERY_MS), Timer::Expiry);
        if !self.stopping {
            self.expire(now, out);
        }
    }

    fn expire(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let BusinessDate(today) = now.date(self.settings.utc_offset_minutes);
        let days = self.settings.timing.pre_authorisation_days;
        let before = BusinessDate(today.saturating_sub(days));
        let command = Command::ExpirePreAuthorisations { before, limit: EXPIRED_AT_ONCE_MAX };
        self.command(Awaiting::Expiry, command, out);
    }

    /// The books have let go of some, or there were none.
    pub(crate) fn expired(
        &mut self,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        match answer {
            Ok(events) => {
                // What the networks have to be told of them is in the books.
                self.ask(Awaiting::Expiry, Question::Unfinished, out);
                if events.len() >= EXPIRED_AT_ONCE_MAX as usize {
                    self.expire(now, out);
                }
            }
            Err(refusal) => note_refusal(Err(refusal), out),
        }
    }

    /// Tells the networks of those that they have not been told of.
    pub(crate) fn chase_expired(
        &mut self,
        unfinished: &Unfinished,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let chased: std::collections::HashSet<TenderId> =
            self.chases.values().map(|chase| chase.begun.tender).collect();
        for unended in unfinished.chases() {
            let expired = unended.state() == TenderState::Releasing(TakeBack::Expiry);
            if expired && !chased.contains(&unended.tender()) {
                self.resume_one(unended, now, out);
            }
        }
    }
}
