//! Expiry of pre-authorisations: the books release those that were not completed in time, and the
//! reversals are queued for their networks.

use books::{BusinessDate, Command, Event, ExpirePreAuthorisations, PaymentId, Refusal, Timestamp};

use crate::in_flight::{Continuation, report_refusal};
use crate::operator_event::OperatorEvent;
use crate::port::{Output, Query};
use crate::resume::Unfinished;
use crate::switch::Switch;
use crate::timers::Timer;

const EXPIRY_EVERY_MS: u64 = 3_600_000;
/// Pre-authorisations per command: each is a message to a network.
const EXPIRED_AT_ONCE_MAX: u32 = 500;
/// Wait before the next command if there may be more: payments use the same links.
const EXPIRY_AGAIN_MS: u64 = 5_000;

impl Switch {
    /// Expires pre-authorisations and, on a new day, starts the retention scan.
    pub(crate) fn start_expiry(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.stopping {
            return;
        }
        let today = now.business_date(self.settings.utc_offset_minutes_at(now));
        let days = self.settings.timing.pre_authorisation_days;
        let before = BusinessDate(today.0.saturating_sub(days));
        let command = Command::ExpirePreAuthorisations(ExpirePreAuthorisations {
            before,
            limit: EXPIRED_AT_ONCE_MAX,
        });
        self.command(Continuation::Expiry, command, out);
        self.start_retention_scan(today, out);
    }

    /// The books have released the expired pre-authorisations.
    pub(crate) fn on_expired(
        &mut self,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let on_expired: Vec<PaymentId> = match &answer {
            Ok(events) => events.iter().filter_map(expired_of).collect(),
            Err(_) => Vec::new(),
        };
        report_refusal(answer, out);
        let all = on_expired.len() < EXPIRED_AT_ONCE_MAX as usize;
        let wait = if all { EXPIRY_EVERY_MS } else { EXPIRY_AGAIN_MS };
        self.timers.set(now.plus_ms(wait), Timer::Expiry);
        if !on_expired.is_empty() {
            // The books have what the reversals need.
            self.query(Continuation::Expiry, Query::ExpiredPreAuthorisations(on_expired), out);
        }
    }

    /// Queues the reversals of expired pre-authorisations.
    pub(crate) fn reverse_expired(
        &mut self,
        on_expired: &Unfinished,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        for item in on_expired.pending_requests() {
            let (trace, reversing) = (item.trace(), self.is_in_settings(item.route()));
            let (terminal, stan) = (trace.terminal, trace.stan);
            out.push(Output::OperatorEvent(OperatorEvent::PreAuthorisationExpired {
                terminal,
                stan,
                reversing,
            }));
            if reversing {
                self.resume_one(item, now, out);
            }
        }
    }
}

fn expired_of(event: &Event) -> Option<PaymentId> {
    match event {
        Event::ReversalBegun { payment, .. } => Some(*payment),
        _ => None,
    }
}
