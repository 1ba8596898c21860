//! Retention: once a business day the books forget closed parcels that are old enough, with their
//! wallet orders and pre-authorisations.
//!
//! Each step is a command in the journal. So the switch first scans for such parcels with queries:
//! if there are none, it sends no command.

use books::{BusinessDate, Command, Event, ForgetClosed, RECORDS_PER_COMMAND_MAX, Refusal};
use machine::Actor;

use super::Upkeep;
use crate::port::{Query, RECORDS_PER_SCAN_MAX};
use crate::step::{Continuation, Step};
use crate::timers::Timer;

/// Wait between two steps.
const STEP_EVERY_MS: u64 = 1_000;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RetentionScan {
    /// Day of the latest scan since the start.
    date: Option<BusinessDate>,
    step: ScanStep,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ScanStep {
    /// No scan is running.
    #[default]
    Idle,
    /// Query the records from this one on.
    Scan(u32),
    /// Forget what was closed before this day, with this many more commands.
    Forget(BusinessDate, u32),
}

impl Upkeep {
    /// Starts the day's scan, unless it has started or the previous one is still running.
    pub(crate) fn start_retention_scan(&mut self, today: BusinessDate, step: &mut Step<'_>) {
        if self.retention_scan.date == Some(today) || self.retention_scan.step != ScanStep::Idle {
            return;
        }
        self.retention_scan = RetentionScan { date: Some(today), step: ScanStep::Scan(0) };
        self.continue_retention_scan(step);
    }

    pub(crate) fn continue_retention_scan(&mut self, step: &mut Step<'_>) {
        if step.pending.stopping {
            return;
        }
        match self.retention_scan.step {
            ScanStep::Idle => {}
            ScanStep::Scan(from) => {
                let today = self.retention_scan.date.unwrap_or_default();
                step.query(Continuation::RetentionScan, Query::ParcelsToForget(today, from));
            }
            ScanStep::Forget(before, _) => {
                let command =
                    Command::ForgetClosed(ForgetClosed { before, limit: RECORDS_PER_COMMAND_MAX });
                step.command(Continuation::RetentionScan, Actor::System, command);
            }
        }
    }

    /// The books have scanned some of their `records`.
    pub(crate) fn on_records_scanned(
        &mut self,
        (before, records, found): (BusinessDate, u32, bool),
        step: &mut Step<'_>,
    ) {
        let ScanStep::Scan(from) = self.retention_scan.step else { return };
        let next = from.saturating_add(RECORDS_PER_SCAN_MAX);
        if found {
            // The books continue each command where the last one stopped, so these cover all
            // records.
            let commands = records.div_ceil(RECORDS_PER_COMMAND_MAX).max(1);
            self.retention_scan.step = ScanStep::Forget(before, commands);
            self.continue_retention_scan(step);
        } else if next < records {
            self.schedule(ScanStep::Scan(next), step);
        } else {
            self.retention_scan.step = ScanStep::Idle;
        }
    }

    /// The books have applied one command.
    pub(crate) fn on_parcels_forgotten(
        &mut self,
        answer: Result<Vec<Event>, Refusal>,
        step: &mut Step<'_>,
    ) {
        let next = match self.retention_scan.step {
            ScanStep::Forget(before, left @ 2..) if answer.is_ok() => {
                ScanStep::Forget(before, left - 1)
            }
            _ => ScanStep::Idle,
        };
        step.report_refusal(answer);
        self.schedule(next, step);
    }

    fn schedule(&mut self, next: ScanStep, step: &mut Step<'_>) {
        self.retention_scan.step = next;
        if next != ScanStep::Idle {
            step.set_timer(STEP_EVERY_MS, Timer::RetentionScan);
        }
    }
}
