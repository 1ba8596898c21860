//! At the hub: cash is handed over and counted, parcels are taken out again.

use engine::{
    ATTEMPTS_MAX, AttemptReason, BreakSide, BreakSubject, Command, Event, HandOverId, PersonId,
    RefuseReason, Timestamp, one_time_code_hash,
};

use crate::books::{BreakCause, NamedBreak, Whereabouts};
use crate::clock::{LAST_DOOR, TICK_MS};
use crate::world::{Ask, Parcel, Step, Then, World, amount};

/// From a door to the hub or back: 15 minutes, in ticks.
pub(crate) const TRAVEL_TICKS: u64 = 30;
/// Counting takes a minute, in ticks.
const COUNTING_TICKS: u64 = 2;
/// Cash that is missing is at most this part of what there should be; at least one minor unit.
const SHORT_PART: u64 = 20;
/// Cash that is too much, in the same way.
const SURPLUS_PART: u64 = 50;
/// One-time codes have six digits.
const CODES: u64 = 1_000_000;

/// A hand-over under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandOver {
    pub id: HandOverId,
    pub code: u32,
    /// The door that the courier goes back to.
    pub back: Option<usize>,
}

impl World {
    /// Hands over what is in hand, if there is anything.
    pub(crate) fn come_to_hub(
        &mut self,
        courier: usize,
        back: Option<usize>,
        now: Timestamp,
        asks: &mut Vec<Ask>,
    ) {
        let person = &mut self.couriers[courier];
        if person.should_have == 0 {
            return self.leave_hub(courier, back, now, asks);
        }
        person.hand_overs += 1;
        let (date, number) = (self.clock.date, person.hand_overs);
        let id = HandOverId::derived(&format!("{date} {} {number}", person.reference));
        let code = u32::try_from(person.chance.below(CODES)).expect("six digits");
        let code_hash = one_time_code_hash(id, code);
        let courier_id = person.id;
        let command =
            Command::StartHandOver { handover: id, courier: courier_id, number, code_hash };
        let handover = HandOver { id, code, back };
        asks.push(Ask { command, then: Then::HandOverStarted(courier, handover) });
    }

    pub(crate) fn hand_over_started(
        &mut self,
        courier: usize,
        handover: HandOver,
        now: Timestamp,
        events: &[Event],
    ) {
        let person = &mut self.couriers[courier];
        let should_have = person.should_have;
        let agree = events.iter().any(|event| {
            matches!(event, Event::HandOverStarted { expected, .. }
                if expected.minor() == should_have)
        });
        if !agree {
            let who = &person.reference;
            self.disagreements
                .push(format!("{who} should have {should_have} in hand, the books: {events:?}"));
        }
        let short = person.chance.happens(self.rates.short);
        let lost = person.chance.between(1, (should_have / SHORT_PART).max(1));
        let surplus = person.chance.happens(self.rates.surplus);
        let found = person.chance.between(1, (should_have / SURPLUS_PART).max(1));
        let mistyped = person.chance.happens(self.rates.code_mistyped);
        if short {
            person.has -= lost;
        } else if surplus {
            person.has += found;
        }
        self.next_step(courier, now, COUNTING_TICKS, Step::Count(handover, mistyped));
    }

    /// The cashier types the code and counts.
    pub(crate) fn count(
        &mut self,
        courier: usize,
        handover: HandOver,
        mistyped: bool,
        asks: &mut Vec<Ask>,
    ) {
        let person = &self.couriers[courier];
        let HandOver { id, code, .. } = handover;
        let wrong = (code + 1) % u32::try_from(CODES).expect("six digits");
        let command = Command::CountHandOver {
            handover: id,
            code: if mistyped { wrong } else { code },
            counted: amount(person.has),
            counted_by: cashier(&self.firms[person.firm].reference),
        };
        let then = if mistyped {
            Then::Mistyped(courier, handover)
        } else {
            Then::Counted(courier, handover)
        };
        asks.push(Ask { command, then });
    }

    pub(crate) fn mistyped(&mut self, courier: usize, handover: HandOver, now: Timestamp) {
        self.incidents.codes_mistyped += 1;
        self.next_step(courier, now, 1, Step::Count(handover, false));
    }

    pub(crate) fn counted(&mut self, courier: usize, handover: HandOver, now: Timestamp) {
        let person = &mut self.couriers[courier];
        let firm = &mut self.firms[person.firm];
        let (should_have, has) = (person.should_have, person.has);
        (person.should_have, person.has) = (0, 0);
        firm.vault += has;
        person.owes += should_have.saturating_sub(has);
        if has > should_have {
            self.breaks.push(NamedBreak {
                cause: BreakCause::Surplus(handover.id),
                subject: BreakSubject::FirmCash(firm.id),
                side: BreakSide::Excess,
                amount: has - should_have,
            });
        }
        self.next_step(courier, now, 1, Step::Leave(handover.back));
    }

    /// Back to the door, out again with the parcels that came back, or home.
    pub(crate) fn leave_hub(
        &mut self,
        courier: usize,
        back: Option<usize>,
        now: Timestamp,
        asks: &mut Vec<Ask>,
    ) {
        let person = &mut self.couriers[courier];
        if let Some(parcel) = back {
            return self.next_step(courier, now, TRAVEL_TICKS, Step::Pay(parcel));
        }
        person.was_at_hub = true;
        if now >= self.clock.today(LAST_DOOR) {
            self.give_up(courier, asks);
        } else if !person.again.is_empty() {
            let parcels = person.again.iter().map(|&parcel| self.parcels[parcel].id).collect();
            let command = Command::DispatchParcels { courier: person.id, parcels };
            asks.push(Ask { command, then: Then::TakenOut(courier) });
        } else if !person.stops.is_empty() {
            self.next_stop(courier, now.plus_ms(TRAVEL_TICKS * TICK_MS));
        }
    }

    pub(crate) fn taken_out(&mut self, courier: usize, now: Timestamp) {
        let person = &mut self.couriers[courier];
        for place in std::mem::take(&mut person.again) {
            self.parcels[place].whereabouts = Whereabouts::Out;
            person.stops.push_back(place);
        }
        self.next_stop(courier, now.plus_ms(TRAVEL_TICKS * TICK_MS));
    }

    /// It is too late for the doors that are left.
    fn give_up(&mut self, courier: usize, asks: &mut Vec<Ask>) {
        for place in std::mem::take(&mut self.couriers[courier].stops) {
            let Parcel { id, attempts, .. } = &self.parcels[place];
            let reason = AttemptReason::OutOfTime;
            let number = attempts + 1;
            let command = Command::RecordAttempt { parcel: *id, number, reason };
            asks.push(Ask { command, then: Then::OutOfTime(place) });
            if attempts + 1 == ATTEMPTS_MAX {
                let reason = RefuseReason::AttemptsUsedUp;
                let command = Command::RefuseParcel { parcel: *id, reason };
                asks.push(Ask { command, then: Then::GivenUp(place) });
            }
        }
    }

    pub(crate) fn out_of_time(&mut self, place: usize) {
        let parcel = &mut self.parcels[place];
        parcel.attempts += 1;
        parcel.whereabouts = Whereabouts::Hub;
    }
}

/// Who counts at a firm's hub.
fn cashier(firm: &str) -> PersonId {
    PersonId::derived(&format!("{firm}-cashier"))
}
