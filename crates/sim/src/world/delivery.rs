//! Delivery: attempts, refusals, partial acceptance, the way from stop to stop.

use books::{
    ATTEMPTS_MAX, AcceptPart, AttemptReason, Command, DispatchParcels, Event, RecordAttempt,
    RefuseParcel, RefuseReason, Timestamp,
};
use market::AcceptUnits;

use crate::books::ParcelLocation;
use crate::clock::{FIRST_DELIVERY, LAST_DELIVERY, MIDDAY, SECOND_ROUND, THIRD_ROUND, TICK_MS};
use crate::rates::WHOLE_PPM;
use crate::world::hub::TRAVEL_TICKS;
use crate::world::{
    AnswerContext, CourierCommand, CourierStep, ScheduledStep, SimulatedParcel, World, amount,
};

/// Travel from one door to the next: 2 to 5 minutes, in ticks. With a minute at the door, stops are
/// 3 to 6 minutes apart.
const PACE_TICKS: (u64, u64) = (4, 10);
/// Couriers start a tick apart, spread over this many ticks.
const START_SPREAD_TICKS: usize = 20;

impl World {
    pub(crate) fn load(
        &mut self,
        courier: usize,
        now: Timestamp,
        courier_commands: &mut Vec<CourierCommand>,
    ) {
        let person = &self.couriers[courier];
        // A parcel whose payment was reversed in the night is with its courier already.
        let parcels = person.stops.iter().map(|&parcel| &self.parcels[parcel]);
        let at_hub = parcels.filter(|parcel| parcel.location == ParcelLocation::AtHub);
        let parcels: Vec<_> = at_hub.map(SimulatedParcel::next_attempt).collect();
        if parcels.is_empty() {
            return self.on_loaded(courier, now);
        }
        let command = Command::DispatchParcels(DispatchParcels { courier: person.id, parcels });
        courier_commands.push(CourierCommand {
            command: command.into(),
            context: AnswerContext::Loaded(courier),
        });
    }

    pub(crate) fn on_loaded(&mut self, courier: usize, now: Timestamp) {
        for &parcel in &self.couriers[courier].stops {
            self.parcels[parcel].location = ParcelLocation::WithCourier;
            self.parcels[parcel].courier = Some(courier);
        }
        let first = now.max(self.clock.today(FIRST_DELIVERY));
        if let Some(parcel) = self.couriers[courier].stops.pop_front() {
            let after = (courier % START_SPREAD_TICKS) as u64;
            self.schedule_next_step(courier, first, 1 + after, CourierStep::Arrive(parcel));
        }
    }

    pub(crate) fn arrive(
        &mut self,
        courier: usize,
        index: usize,
        now: Timestamp,
        courier_commands: &mut Vec<CourierCommand>,
    ) {
        let parcel = &mut self.parcels[index];
        let id = parcel.id;
        if let Some(reason) = parcel.script.failed_attempts[usize::from(parcel.attempts)] {
            self.record_attempt(courier, index, reason, courier_commands);
        } else if let Some(reason) = parcel.script.refusal {
            let reason = self.parcels[index].exceptions.refused_because(reason);
            let command = Command::RefuseParcel(RefuseParcel { parcel: id, reason });
            courier_commands.push(CourierCommand {
                command: command.into(),
                context: AnswerContext::Refused(courier, index),
            });
        } else if let Some((command, accepted)) = accepted_part(parcel) {
            let context = AnswerContext::PartAccepted(courier, index, accepted);
            courier_commands.push(CourierCommand { command, context });
        } else {
            self.schedule_next_step(courier, now, 1, CourierStep::Pay(index));
        }
    }

    /// The buyer pays less. What units of the market cost, the courier is told.
    pub(crate) fn on_part_accepted(&mut self, index: usize, part: Option<u64>, events: &[Event]) {
        let told = events.iter().find_map(|event| match event {
            Event::PartAccepted { due, .. } => Some(due.minor()),
            _ => None,
        });
        let due = part.or(told);
        self.parcels[index].due = due.expect("the answer says what is due for the units");
    }

    /// Records an attempt; after the last one the parcel is refused.
    fn record_attempt(
        &mut self,
        courier: usize,
        index: usize,
        reason: AttemptReason,
        courier_commands: &mut Vec<CourierCommand>,
    ) {
        let parcel = &self.parcels[index];
        let id = parcel.id;
        let number = parcel.attempts + 1;
        let command = Command::RecordAttempt(RecordAttempt { parcel: id, number, reason });
        courier_commands.push(CourierCommand {
            command: command.into(),
            context: AnswerContext::AttemptFailed(courier, index),
        });
        if parcel.attempts + 1 == ATTEMPTS_MAX {
            let reason = RefuseReason::AttemptsUsedUp;
            let command = Command::RefuseParcel(RefuseParcel { parcel: id, reason });
            courier_commands.push(CourierCommand {
                command: command.into(),
                context: AnswerContext::Refused(courier, index),
            });
        }
    }

    pub(crate) fn on_attempt_failed(&mut self, courier: usize, index: usize, now: Timestamp) {
        let parcel = &mut self.parcels[index];
        parcel.attempts += 1;
        parcel.location = ParcelLocation::AtHub;
        if parcel.attempts < ATTEMPTS_MAX {
            self.couriers[courier].retry_parcels.push(index);
            self.next_stop(courier, now);
        }
    }

    pub(crate) fn postpone(
        &mut self,
        courier: usize,
        index: usize,
        courier_commands: &mut Vec<CourierCommand>,
    ) {
        self.record_attempt(courier, index, AttemptReason::CannotPay, courier_commands);
    }

    /// Goes to the next door, or to the hub at midday, after the last stop and in the evening.
    pub(crate) fn next_stop(&mut self, courier: usize, now: Timestamp) {
        let person = &mut self.couriers[courier];
        let midday = now >= self.clock.today(MIDDAY) && !person.was_at_hub;
        let late = now >= self.clock.today(LAST_DELIVERY);
        let next = if midday || late { None } else { person.stops.pop_front() };
        match next {
            Some(parcel) => {
                let pace = person.chance.between(PACE_TICKS.0, PACE_TICKS.1);
                let round = match self.parcels[parcel].attempts {
                    0 => FIRST_DELIVERY,
                    1 => SECOND_ROUND,
                    _ => THIRD_ROUND,
                };
                let at = now.plus_ms(pace * TICK_MS).max(self.clock.today(round));
                self.schedule_step(at, ScheduledStep(courier, CourierStep::Arrive(parcel)));
            }
            None => {
                self.schedule_next_step(courier, now, TRAVEL_TICKS, CourierStep::ReachHub(None));
            }
        }
    }
}

/// What the buyer accepts of a parcel: an amount, or the first of its units.
fn accepted_part(parcel: &mut SimulatedParcel) -> Option<(engine::Command, Option<u64>)> {
    let ppm = parcel.script.accepted_ppm.take()?;
    let (id, count) = (parcel.id, parcel.ordered.units.len() as u64);
    if count > 1 {
        let kept = usize::try_from(part_of(count, ppm)).expect("a part of the units");
        parcel.ordered.units.truncate(kept);
        let units = parcel.ordered.units.iter().map(|(unit, _)| *unit).collect();
        let units = AcceptUnits { parcel: id, units };
        return Some((engine::Command::of_market(units), None));
    }
    if count == 1 || parcel.due <= 1 {
        return None;
    }
    let accepted = part_of(parcel.due, ppm);
    let part = Command::AcceptPart(AcceptPart { parcel: id, accepted: amount(accepted) });
    Some((part.into(), Some(accepted)))
}

/// A share of `whole`, at least 1 and below `whole`; `whole` is above 1.
pub(crate) fn part_of(whole: u64, ppm: u32) -> u64 {
    let part = u128::from(whole) * u128::from(ppm) / u128::from(WHOLE_PPM);
    u64::try_from(part).expect("a part is less than the whole").clamp(1, whole - 1)
}
