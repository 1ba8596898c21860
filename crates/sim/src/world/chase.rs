//! Payments without an answer: reversed again and again until somebody acknowledges it (M4).

use engine::{Command, Event, Resolution, Timestamp};

use crate::books::RailAnswer;
use crate::clock::TICK_MS;
use crate::fate::{Silence, Timeout};
use crate::world::{Ask, Payment, Then, Wake, World};

/// How long a terminal waits before it reverses, and between two reversals, in ticks: 60 seconds.
const REVERSAL_TICKS: u64 = 2;
/// After so many ticks an answer that declines still comes; before the first reversal.
const LATE_DECLINE_TICKS: u64 = 1;

/// A payment that is chased.
pub(crate) struct Chase {
    pub payment: Payment,
    timeout: Timeout,
    sent: usize,
    pub ended: bool,
}

impl World {
    /// Nobody heard of a payment in time.
    pub(crate) fn begin_chase(&mut self, payment: Payment, timeout: Timeout, now: Timestamp) {
        let chase = self.chases.len();
        self.chases.push(Chase { payment, timeout, sent: 0, ended: false });
        self.put(now.plus_ms(REVERSAL_TICKS * TICK_MS), Wake::Chase(chase));
        let late = match timeout.silence {
            Silence::LateApproval(ticks) => ticks,
            Silence::LateDecline => LATE_DECLINE_TICKS,
            Silence::RequestLost | Silence::AnswerLost => return,
        };
        self.put(now.plus_ms(late * TICK_MS), Wake::LateAnswer(chase));
    }

    /// Sends a reversal. Who never heard of the payment acknowledges it too (25 counts as done).
    pub(crate) fn chase(&mut self, place: usize, now: Timestamp, asks: &mut Vec<Ask>) {
        let chase = &mut self.chases[place];
        if chase.ended {
            return;
        }
        self.incidents.reversals_sent += 1;
        chase.sent += 1;
        let payment = chase.payment;
        if chase.sent <= chase.timeout.unheard {
            self.put(now.plus_ms(REVERSAL_TICKS * TICK_MS), Wake::Chase(place));
            return;
        }
        self.reverse_on_rail(&payment);
        let command = Command::ReverseCollection { tender: payment.tender };
        asks.push(Ask { command, then: Then::Chased(place) });
    }

    pub(crate) fn chased(&mut self, place: usize) {
        self.chases[place].ended = true;
    }

    pub(crate) fn answer_late(&mut self, place: usize, asks: &mut Vec<Ask>) {
        let Chase { payment, timeout, .. } = &self.chases[place];
        let resolution = match timeout.silence {
            Silence::LateDecline => Resolution::Declined { code: *b"05" },
            _ => Resolution::Approved,
        };
        let command = Command::ResolveCollection { tender: payment.tender, resolution };
        asks.push(Ask { command, then: Then::LateAnswer(place) });
    }

    pub(crate) fn answered_late(&mut self, place: usize, events: &[Event]) {
        let chase = &mut self.chases[place];
        let as_expected = match chase.timeout.silence {
            Silence::LateDecline => {
                chase.ended = true;
                matches!(events, [Event::Declined { .. }])
            }
            _ => matches!(events, [Event::LateApproval { .. }]),
        };
        if !as_expected {
            let tender = chase.payment.tender;
            self.disagreements.push(format!("a late answer to {tender:?} was taken as {events:?}"));
        }
    }

    /// The network's or wallet's own books.
    pub(crate) fn reverse_on_rail(&mut self, payment: &Payment) {
        let rail = payment.rail.map(|rail| &mut self.rails[rail]);
        let item = rail.and_then(|rail| rail.items.get_mut(&payment.tender));
        if let Some(item) = item {
            item.reversed = item.answer == RailAnswer::Approved;
        }
    }

    /// Payments whose reversal nobody has acknowledged.
    pub(crate) fn unresolved(&self) -> u64 {
        self.chases.iter().filter(|chase| !chase.ended).count() as u64
    }
}
