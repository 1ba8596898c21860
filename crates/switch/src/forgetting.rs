//! Closed parcels whose time is over, with their wallets' orders and pre-authorisations: once a
//! business day the books are walked through and forget them, a part of them at a time.
//!
//! Each part forgotten is a command in the journal. So the books are asked first, in parts, too:
//! where nothing is old enough, there is no command.

use engine::{
    BusinessDate, Command, Event, ITEMS_PER_COMMAND_MAX, RETENTION_DAYS, Refusal, Timestamp,
};

use crate::port::{Output, Question};
use crate::switch::Switch;
use crate::timers::Timer;
use crate::works::{Awaiting, note_refusal};

/// How many records are looked at for one question: a millisecond or two, in which the books do
/// nothing else.
pub(crate) const LOOKED_AT_ONCE_MAX: u32 = 100_000;
/// The wait between two parts.
const PART_EVERY_MS: u64 = 1_000;

/// How far it is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Forgetting {
    /// The day of the last walk; none since the switch began.
    on: Option<BusinessDate>,
    /// What was closed before this day may be forgotten.
    before: BusinessDate,
    part: Part,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    /// All was walked through, or there was nothing to forget.
    #[default]
    None,
    /// The records from this one on are to be looked at.
    Look(u32),
    /// So many commands are left.
    Forget(u32),
}

impl Switch {
    /// Begins the day's walk, unless it was begun before or the last one still goes on.
    pub(crate) fn begin_forgetting(&mut self, today: BusinessDate, out: &mut Vec<Output>) {
        if self.forgetting.on == Some(today) || self.forgetting.part != Part::None {
            return;
        }
        let before = BusinessDate(today.0.saturating_sub(RETENTION_DAYS));
        self.forgetting = Forgetting { on: Some(today), before, part: Part::Look(0) };
        self.forgetting_due(out);
    }

    /// The next part.
    pub(crate) fn forgetting_due(&mut self, out: &mut Vec<Output>) {
        if self.stopping {
            return;
        }
        let before = self.forgetting.before;
        match self.forgetting.part {
            Part::None => {}
            Part::Look(from) => {
                self.ask(Awaiting::Forgetting, Question::ToForget(before, from), out);
            }
            Part::Forget(_) => {
                let command = Command::ForgetClosed { before, limit: ITEMS_PER_COMMAND_MAX };
                self.command(Awaiting::Forgetting, command, out);
            }
        }
    }

    /// Whether any of the records that were looked at is to be forgotten, of so many in all.
    pub(crate) fn looked_through(
        &mut self,
        records: u32,
        found: bool,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Part::Look(from) = self.forgetting.part else { return };
        let next = from.saturating_add(LOOKED_AT_ONCE_MAX);
        if found {
            // The books go on from where they stopped, so all are walked through.
            self.forgetting.part = Part::Forget(records.div_ceil(ITEMS_PER_COMMAND_MAX).max(1));
            self.forgetting_due(out);
        } else if next < records {
            self.next_part(Part::Look(next), now);
        } else {
            self.forgetting.part = Part::None;
        }
    }

    /// The books have forgotten what was over among the next records.
    pub(crate) fn forgotten(
        &mut self,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let part = match self.forgetting.part {
            Part::Forget(left @ 2..) if answer.is_ok() => Part::Forget(left - 1),
            _ => Part::None,
        };
        note_refusal(answer, out);
        self.next_part(part, now);
    }

    fn next_part(&mut self, part: Part, now: Timestamp) {
        self.forgetting.part = part;
        if part != Part::None {
            self.timers.set(now.plus_ms(PART_EVERY_MS), Timer::Forgetting);
        }
    }
}
