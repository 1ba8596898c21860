//! Pre-authorisations that nobody completes in their time: the books let go of them, the networks
//! are told until they have heard.

use engine::{BusinessDate, Command, Event, Refusal, TenderId, Timestamp};

use crate::happening::Happening;
use crate::port::{Output, Question};
use crate::resume::Unfinished;
use crate::switch::Switch;
use crate::timers::Timer;
use crate::works::{Awaiting, note_refusal};

/// How often the books are asked for those whose time is over.
const EXPIRY_EVERY_MS: u64 = 3_600_000;
/// How many at once: each is a message to a network.
const EXPIRED_AT_ONCE_MAX: u32 = 500;
/// The wait for the next ones where there may be more: payments go over the same links.
const EXPIRY_AGAIN_MS: u64 = 5_000;

impl Switch {
    /// The time has come to look for those whose time is over, and, on a new day, for parcels.
    pub(crate) fn expiry_due(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.stopping {
            return;
        }
        let today = now.date(self.settings.utc_offset_minutes);
        let days = self.settings.timing.pre_authorisation_days;
        let before = BusinessDate(today.0.saturating_sub(days));
        let command = Command::ExpirePreAuthorisations { before, limit: EXPIRED_AT_ONCE_MAX };
        self.command(Awaiting::Expiry, command, out);
        self.begin_forgetting(today, out);
    }

    /// The books have let go of some, or there were none.
    pub(crate) fn expired(
        &mut self,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let let_go: Vec<TenderId> = match &answer {
            Ok(events) => events.iter().filter_map(let_go_of).collect(),
            Err(_) => Vec::new(),
        };
        note_refusal(answer, out);
        let all = let_go.len() < EXPIRED_AT_ONCE_MAX as usize;
        let wait = if all { EXPIRY_EVERY_MS } else { EXPIRY_AGAIN_MS };
        self.timers.set(now.plus_ms(wait), Timer::Expiry);
        if !let_go.is_empty() {
            // What their networks have to be told is in the books.
            self.ask(Awaiting::Expiry, Question::LetGo(let_go), out);
        }
    }

    /// Tells the networks of those that the books have let go of.
    pub(crate) fn chase_expired(
        &mut self,
        let_go: &Unfinished,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        for unended in let_go.chases() {
            let (trace, chased) = (unended.trace(), self.is_there(unended.method()));
            let (terminal, stan) = (trace.terminal, trace.stan);
            out.push(Output::Happened(Happening::Expired { terminal, stan, chased }));
            if chased {
                self.resume_one(unended, now, out);
            }
        }
    }
}

fn let_go_of(event: &Event) -> Option<TenderId> {
    match event {
        Event::TakingBack { tender, .. } => Some(*tender),
        _ => None,
    }
}
