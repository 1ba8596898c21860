//! Expiry of pre-authorisations: the books release those that were not completed in time, and the
//! reversals are queued for their networks.

use books::{BusinessDate, Command, Event, ExpirePreAuthorisations, PaymentId, Refusal};
use machine::Actor;

use super::Upkeep;
use crate::port::Query;
use crate::step::{Continuation, Step};
use crate::timers::Timer;

const EXPIRY_EVERY_MS: u64 = 3_600_000;
/// Pre-authorisations per command: each is a message to a network.
const EXPIRED_AT_ONCE_MAX: u32 = 500;
/// Wait before the next command if there may be more: payments use the same links.
const EXPIRY_AGAIN_MS: u64 = 5_000;

impl Upkeep {
    /// Expires pre-authorisations and, on a new day, starts the retention scan.
    pub(crate) fn start_expiry(&mut self, step: &mut Step<'_>) {
        if step.pending.stopping {
            return;
        }
        let today = step.now.business_date(step.settings.utc_offset_minutes_at(step.now));
        let days = step.settings.timing.pre_authorisation_days;
        let before = BusinessDate(today.0.saturating_sub(days));
        let command = Command::ExpirePreAuthorisations(ExpirePreAuthorisations {
            before,
            limit: EXPIRED_AT_ONCE_MAX,
        });
        step.command(Continuation::Expiry, Actor::System, command);
        self.start_retention_scan(today, step);
    }

    /// The books have released the expired pre-authorisations.
    pub(crate) fn on_expired(answer: Result<Vec<Event>, Refusal>, step: &mut Step<'_>) {
        let expired: Vec<PaymentId> = match &answer {
            Ok(events) => events.iter().filter_map(expired_of).collect(),
            Err(_) => Vec::new(),
        };
        step.report_refusal(answer);
        let all = expired.len() < EXPIRED_AT_ONCE_MAX as usize;
        let wait = if all { EXPIRY_EVERY_MS } else { EXPIRY_AGAIN_MS };
        step.set_timer(wait, Timer::Expiry);
        if !expired.is_empty() {
            // The books have what the reversals need.
            step.query(Continuation::Expiry, Query::ExpiredPreAuthorisations(expired));
        }
    }
}

fn expired_of(event: &Event) -> Option<PaymentId> {
    match event {
        Event::ReversalBegun { payment, .. } => Some(*payment),
        _ => None,
    }
}
