//! Retention: once a business day the books forget closed parcels that are old enough, with their
//! wallet orders and pre-authorisations.
//!
//! Each step is a command in the journal. So the switch first scans for such parcels with queries:
//! if there are none, it sends no command.

use books::{
    BusinessDate, Command, Event, ForgetClosed, RECORDS_PER_COMMAND_MAX, Refusal, Timestamp,
};

use crate::in_flight::{Continuation, report_refusal};
use crate::port::{Output, Query};
use crate::switch::Switch;
use crate::timers::Timer;

/// Records per query. A query takes one or two milliseconds, in which the books do nothing else.
pub(crate) const RECORDS_PER_SCAN_MAX: u32 = 100_000;
/// Wait between two steps.
const STEP_EVERY_MS: u64 = 1_000;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RetentionScan {
    /// Day of the latest scan since the start.
    date: Option<BusinessDate>,
    step: Step,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    /// No scan is running.
    #[default]
    Idle,
    /// Query the records from this one on.
    Scan(u32),
    /// Forget what was closed before this day, with this many more commands.
    Forget(BusinessDate, u32),
}

impl Switch {
    /// Starts the day's scan, unless it has started or the previous one is still running.
    pub(crate) fn start_retention_scan(&mut self, today: BusinessDate, out: &mut Vec<Output>) {
        if self.retention_scan.date == Some(today) || self.retention_scan.step != Step::Idle {
            return;
        }
        self.retention_scan = RetentionScan { date: Some(today), step: Step::Scan(0) };
        self.continue_retention_scan(out);
    }

    pub(crate) fn continue_retention_scan(&mut self, out: &mut Vec<Output>) {
        if self.stopping {
            return;
        }
        match self.retention_scan.step {
            Step::Idle => {}
            Step::Scan(from) => {
                let today = self.retention_scan.date.unwrap_or_default();
                self.query(Continuation::RetentionScan, Query::ParcelsToForget(today, from), out);
            }
            Step::Forget(before, _) => {
                let command =
                    Command::ForgetClosed(ForgetClosed { before, limit: RECORDS_PER_COMMAND_MAX });
                self.command(Continuation::RetentionScan, command, out);
            }
        }
    }

    /// The books have scanned some of their `records`.
    pub(crate) fn on_records_scanned(
        &mut self,
        (before, records, found): (BusinessDate, u32, bool),
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Step::Scan(from) = self.retention_scan.step else { return };
        let next = from.saturating_add(RECORDS_PER_SCAN_MAX);
        if found {
            // The books continue each command where the last one stopped, so these cover all
            // records.
            let commands = records.div_ceil(RECORDS_PER_COMMAND_MAX).max(1);
            self.retention_scan.step = Step::Forget(before, commands);
            self.continue_retention_scan(out);
        } else if next < records {
            self.schedule(Step::Scan(next), now);
        } else {
            self.retention_scan.step = Step::Idle;
        }
    }

    /// The books have applied one command.
    pub(crate) fn on_parcels_forgotten(
        &mut self,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let step = match self.retention_scan.step {
            Step::Forget(before, left @ 2..) if answer.is_ok() => Step::Forget(before, left - 1),
            _ => Step::Idle,
        };
        report_refusal(answer, out);
        self.schedule(step, now);
    }

    fn schedule(&mut self, step: Step, now: Timestamp) {
        self.retention_scan.step = step;
        if step != Step::Idle {
            self.timers.set(now.plus_ms(STEP_EVERY_MS), Timer::RetentionScan);
        }
    }
}
