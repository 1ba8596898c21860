//! The steps of the business day, carried out while Doorstep serves.

use std::sync::PoisonError;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use books::Command;
use engine::Engine;
use node::{Clock, NodeClient, NodeStopped, SystemClock};

use super::give_time_zone;
use super::reload::CurrentCalendar;
use crate::calendar_command::carry_out;
use crate::time_zone::ResolvedZone;

/// How often it looks whether something is due. A cut-off is to the minute.
const ROUND: Duration = Duration::from_secs(20);
/// A refusal is logged again after this many rounds: once an hour.
const ROUNDS_PER_REFUSAL: u32 = 180;

/// A thread that carries out what is due, and gives the books the offsets of their time zone ahead
/// of time.
pub struct BusinessDay {
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl BusinessDay {
    pub fn start(
        client: NodeClient,
        calendar: CurrentCalendar,
        zone: ResolvedZone,
    ) -> std::io::Result<BusinessDay> {
        let (stop, stopped) = channel::<()>();
        let thread =
            std::thread::Builder::new().name("doorstep-calendar".into()).spawn(move || {
                let mut steps = Steps { client, calendar, zone, rounds_until_log: 0 };
                // The node says elsewhere why it stopped.
                while steps.round().is_ok()
                    && stopped.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout)
                {
                }
            })?;
        Ok(BusinessDay { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for BusinessDay {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has ended the process.
            let _ = thread.join();
        }
    }
}

struct Steps {
    client: NodeClient,
    calendar: CurrentCalendar,
    zone: ResolvedZone,
    rounds_until_log: u32,
}

impl Steps {
    fn round(&mut self) -> Result<(), NodeStopped> {
        let logs_refusals = self.rounds_until_log == 0;
        self.rounds_until_log =
            self.rounds_until_log.checked_sub(1).unwrap_or(ROUNDS_PER_REFUSAL - 1);
        self.extend_time_zone(logs_refusals)?;
        let calendar = self.calendar.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(calendar) = calendar else { return Ok(()) };
        for step in carry_out(&mut self.client, &calendar, SystemClock.now())? {
            match (&step.command, step.result) {
                (Command::PlanCycle(one), Ok(())) => {
                    let (plan, date) = (one.plan.0, one.date.to_string());
                    let (cycle, currency) = (format!("{:?}", one.cycle), one.currency.to_string());
                    tracing::info!(target: "calendar", plan, date, cycle, currency, "planned");
                }
                (Command::ReleaseDue(one), Ok(())) => {
                    let date = one.date.to_string();
                    tracing::info!(target: "calendar", date, "released");
                }
                (command, Err(refusal)) if logs_refusals => {
                    let (command, reason) = (command.spec().name, refusal.to_string());
                    tracing::warn!(target: "calendar", command, reason, "step refused");
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A year later the books need more offsets.
    fn extend_time_zone(&mut self, logs_refusals: bool) -> Result<(), NodeStopped> {
        let zone = self.zone.clone();
        let look = move |engine: &Engine| zone.setting_for(engine.books(), SystemClock.now());
        let Some(setting) = self.client.query(look)?.0 else { return Ok(()) };
        if let Err(error) = give_time_zone(setting, &mut self.client)
            && logs_refusals
        {
            let reason = error.to_string();
            tracing::warn!(target: "calendar", reason, "the time zone was not extended");
        }
        Ok(())
    }
}
