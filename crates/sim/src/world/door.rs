//! At the door: who is home, what is taken.

use engine::{ATTEMPTS_MAX, AttemptReason, Command, RefuseReason, Timestamp};

use crate::books::Whereabouts;
use crate::clock::{FIRST_DOOR, LAST_DOOR, MIDDAY, SECOND_ROUND, THIRD_ROUND, TICK_MS};
use crate::rates::WHOLE_PPM;
use crate::world::hub::TRAVEL_TICKS;
use crate::world::{Ask, Step, Then, Wake, World, amount};

/// From one door to the next: 2 to 5 minutes, in ticks. With a minute at the door a courier calls
/// every 3 to 6 minutes.
const PACE_TICKS: (u64, u64) = (4, 10);
/// Couriers begin one after the other, so many at a time, a tick apart.
const STAGGER: usize = 20;

impl World {
    pub(crate) fn load(&mut self, courier: usize, asks: &mut Vec<Ask>) {
        let person = &self.couriers[courier];
        let parcels = person.stops.iter().map(|&parcel| self.parcels[parcel].id).collect();
        let command = Command::DispatchParcels { courier: person.id, parcels };
        asks.push(Ask { command, then: Then::Loaded(courier) });
    }

    pub(crate) fn loaded(&mut self, courier: usize, now: Timestamp) {
        for &parcel in &self.couriers[courier].stops {
            self.parcels[parcel].whereabouts = Whereabouts::Out;
        }
        let first = now.max(self.clock.today(FIRST_DOOR));
        if let Some(parcel) = self.couriers[courier].stops.pop_front() {
            let after = (courier % STAGGER) as u64;
            self.next_step(courier, first, 1 + after, Step::Arrive(parcel));
        }
    }

    pub(crate) fn arrive(
        &mut self,
        courier: usize,
        place: usize,
        now: Timestamp,
        asks: &mut Vec<Ask>,
    ) {
        let parcel = &self.parcels[place];
        let id = parcel.id;
        if let Some(reason) = parcel.fate.absent[usize::from(parcel.attempts)] {
            self.record_attempt(courier, place, reason, asks);
        } else if let Some(reason) = parcel.fate.refuses {
            let command = Command::RefuseParcel { parcel: id, reason };
            asks.push(Ask { command, then: Then::Refused(courier, place) });
        } else if let Some(part) = parcel.fate.part.filter(|_| parcel.due > 1) {
            let accepted = part_of(parcel.due, part);
            let command = Command::AcceptPart { parcel: id, accepted: amount(accepted) };
            asks.push(Ask { command, then: Then::PartTaken(courier, place, accepted) });
            self.parcels[place].fate.part = None;
        } else {
            self.next_step(courier, now, 1, Step::Pay(place));
        }
    }

    /// Puts down an attempt; after the last one the parcel goes back.
    fn record_attempt(
        &mut self,
        courier: usize,
        place: usize,
        reason: AttemptReason,
        asks: &mut Vec<Ask>,
    ) {
        let parcel = &self.parcels[place];
        let id = parcel.id;
        let number = parcel.attempts + 1;
        let command = Command::RecordAttempt { parcel: id, number, reason };
        asks.push(Ask { command, then: Then::Missed(courier, place) });
        if parcel.attempts + 1 == ATTEMPTS_MAX {
            let reason = RefuseReason::AttemptsUsedUp;
            let command = Command::RefuseParcel { parcel: id, reason };
            asks.push(Ask { command, then: Then::Refused(courier, place) });
        }
    }

    pub(crate) fn missed(&mut self, courier: usize, place: usize, now: Timestamp) {
        let parcel = &mut self.parcels[place];
        parcel.attempts += 1;
        parcel.whereabouts = Whereabouts::Hub;
        if parcel.attempts < ATTEMPTS_MAX {
            self.couriers[courier].again.push(place);
            self.next_stop(courier, now);
        }
    }

    pub(crate) fn go_away(&mut self, courier: usize, place: usize, asks: &mut Vec<Ask>) {
        self.record_attempt(courier, place, AttemptReason::CannotPay, asks);
    }

    /// To the next door, or to the hub: at midday, when all are done, when it is too late.
    pub(crate) fn next_stop(&mut self, courier: usize, now: Timestamp) {
        let person = &mut self.couriers[courier];
        let midday = now >= self.clock.today(MIDDAY) && !person.was_at_hub;
        let late = now >= self.clock.today(LAST_DOOR);
        let next = if midday || late { None } else { person.stops.pop_front() };
        match next {
            Some(parcel) => {
                let pace = person.chance.between(PACE_TICKS.0, PACE_TICKS.1);
                let round = match self.parcels[parcel].attempts {
                    0 => FIRST_DOOR,
                    1 => SECOND_ROUND,
                    _ => THIRD_ROUND,
                };
                let at = now.plus_ms(pace * TICK_MS).max(self.clock.today(round));
                self.put(at, Wake(courier, Step::Arrive(parcel)));
            }
            None => self.next_step(courier, now, TRAVEL_TICKS, Step::Hub(None)),
        }
    }
}

/// A part of an amount above 1, above zero and below the whole.
pub(crate) fn part_of(whole: u64, ppm: u32) -> u64 {
    let part = u128::from(whole) * u128::from(ppm) / u128::from(WHOLE_PPM);
    u64::try_from(part).expect("a part is less than the whole").clamp(1, whole - 1)
}
