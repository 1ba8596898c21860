//! At the hub: couriers hand cash over, cashiers count it, parcels go out again.

use books::{
    ATTEMPTS_MAX, AttemptReason, BreakSide, BreakSubject, Command, CountHandOver, DispatchParcels,
    Event, HandOverId, RecordAttempt, RefuseParcel, RefuseReason, StartHandOver, Timestamp,
};

use crate::actors::cashier_of;
use crate::books::{BreakCause, ExpectedBreak, ParcelLocation};
use crate::clock::{LAST_DELIVERY, TICK_MS};
use crate::world::{
    AnswerContext, CourierCommand, CourierStep, NoteHolder, NoteOrigin, SimulatedParcel, World,
    amount,
};

/// Travel between a door and the hub: 15 minutes, in ticks.
pub(crate) const TRAVEL_TICKS: u64 = 30;
/// Time to count the cash: a minute, in ticks.
const COUNTING_TICKS: u64 = 2;
/// The largest shortage is the expected cash divided by this, at least one minor unit.
const SHORT_DIVISOR: u64 = 20;
/// The largest surplus, in the same way.
const SURPLUS_DIVISOR: u64 = 50;
/// One-time codes have six digits.
const CODES: u64 = 1_000_000;

#[derive(Clone, Copy, Debug)]
pub(crate) struct SimulatedHandOver {
    pub id: HandOverId,
    pub code: u32,
    /// The parcel whose buyer waits for the courier.
    pub return_to: Option<usize>,
}

impl World {
    /// Starts a hand-over if the courier has cash.
    pub(crate) fn reach_hub(
        &mut self,
        courier: usize,
        back: Option<usize>,
        now: Timestamp,
        courier_commands: &mut Vec<CourierCommand>,
    ) {
        let person = &mut self.couriers[courier];
        if person.expected_cash == 0 {
            return self.leave_hub(courier, back, now, courier_commands);
        }
        person.hand_overs += 1;
        let (date, number) = (self.clock.date, person.hand_overs);
        let id = HandOverId::derived(&format!("{date} {} {number}", person.reference));
        let code = u32::try_from(person.chance.below(CODES)).expect("six digits");
        let code_mac = self.code_key.mac(id, code);
        let courier_id = person.id;
        let command = Command::StartHandOver(StartHandOver {
            handover: id,
            courier: courier_id,
            number,
            code_mac,
        });
        let handover = SimulatedHandOver { id, code, return_to: back };
        courier_commands.push(CourierCommand {
            command: command.into(),
            context: AnswerContext::HandOverStarted(courier, handover),
        });
    }

    pub(crate) fn on_hand_over_started(
        &mut self,
        courier: usize,
        handover: SimulatedHandOver,
        now: Timestamp,
        events: &[Event],
    ) {
        let person = &mut self.couriers[courier];
        let should_have = person.expected_cash;
        let agree = events.iter().any(|event| {
            matches!(event, Event::HandOverStarted { expected, .. }
                if expected.minor() == should_have)
        });
        if !agree {
            let who = &person.reference;
            self.discrepancies
                .push(format!("{who} should have {should_have} in hand, not as in {events:?}"));
        }
        let short = person.chance.happens(self.rates.cash_short);
        let lost = person.chance.between(1, (should_have / SHORT_DIVISOR).max(1));
        let surplus = person.chance.happens(self.rates.cash_surplus);
        let found = person.chance.between(1, (should_have / SURPLUS_DIVISOR).max(1));
        let mistyped = person.chance.happens(self.rates.code_mistyped);
        let in_hand = NoteHolder::Courier(courier);
        if short {
            self.cash.move_last(in_hand, NoteHolder::Lost(courier), lost);
        } else if surplus {
            self.cash.add(in_hand, NoteOrigin::Found(courier), found);
        }
        self.schedule_next_step(
            courier,
            now,
            COUNTING_TICKS,
            CourierStep::CountCash(handover, mistyped),
        );
    }

    /// The cashier enters the one-time code and counts the cash.
    pub(crate) fn count_cash(
        &mut self,
        courier: usize,
        handover: SimulatedHandOver,
        mistyped: bool,
        courier_commands: &mut Vec<CourierCommand>,
    ) {
        let person = &self.couriers[courier];
        let SimulatedHandOver { id, code, .. } = handover;
        let wrong = (code + 1) % u32::try_from(CODES).expect("six digits");
        let command = Command::CountHandOver(CountHandOver {
            handover: id,
            code_mac: self.code_key.mac(id, if mistyped { wrong } else { code }),
            counted: amount(self.cash.total(NoteHolder::Courier(courier))),
            counted_by: cashier_of(&self.firms[person.firm].reference).0,
        });
        let context = if mistyped {
            AnswerContext::CodeMistyped(courier, handover)
        } else {
            AnswerContext::CashCounted(courier, handover)
        };
        courier_commands.push(CourierCommand { command: command.into(), context });
    }

    pub(crate) fn on_code_mistyped(
        &mut self,
        courier: usize,
        handover: SimulatedHandOver,
        now: Timestamp,
        events: &[Event],
    ) {
        let id = handover.id;
        if events != [Event::HandOverCodeWrong { handover: id, tries: 1 }] {
            let what = format!("hand-over {}: a wrong code, not {events:?}", id.0);
            self.discrepancies.push(what);
        }
        self.incidents.codes_mistyped += 1;
        self.schedule_next_step(courier, now, 1, CourierStep::CountCash(handover, false));
    }

    pub(crate) fn on_cash_counted(
        &mut self,
        courier: usize,
        handover: SimulatedHandOver,
        now: Timestamp,
    ) {
        let person = &mut self.couriers[courier];
        let firm = &self.firms[person.firm];
        let should_have = std::mem::take(&mut person.expected_cash);
        let has = self.cash.total(NoteHolder::Courier(courier));
        self.cash.move_all(NoteHolder::Courier(courier), NoteHolder::Firm(person.firm));
        let cause = BreakCause::CashSurplus(person.id);
        if has < should_have {
            // What the courier brought too much before explains what is short now.
            let mut explained = self.cash.explain_loss(courier, should_have - has);
            for earlier in self.expected_breaks.iter_mut().filter(|one| one.cause == cause) {
                let part = earlier.amount.min(explained);
                earlier.amount -= part;
                explained -= part;
            }
            self.expected_breaks.retain(|one| one.amount > 0);
            self.cash.move_all(NoteHolder::Lost(courier), NoteHolder::Owed(courier));
        }
        if has > should_have {
            self.expected_breaks.push(ExpectedBreak {
                cause,
                subject: BreakSubject::FirmCash(firm.id),
                side: BreakSide::Excess,
                amount: has - should_have,
            });
        }
        self.schedule_next_step(courier, now, 1, CourierStep::LeaveHub(handover.return_to));
    }

    /// Goes back to the waiting buyer, out again with the parcels to retry, or home.
    pub(crate) fn leave_hub(
        &mut self,
        courier: usize,
        back: Option<usize>,
        now: Timestamp,
        courier_commands: &mut Vec<CourierCommand>,
    ) {
        let person = &mut self.couriers[courier];
        if let Some(parcel) = back {
            return self.schedule_next_step(courier, now, TRAVEL_TICKS, CourierStep::Pay(parcel));
        }
        person.was_at_hub = true;
        if now >= self.clock.today(LAST_DELIVERY) {
            self.end_tour(courier, courier_commands);
        } else if !person.retry_parcels.is_empty() {
            let parcels = person.retry_parcels.iter();
            let parcels = parcels.map(|&parcel| self.parcels[parcel].next_attempt()).collect();
            let command = Command::DispatchParcels(DispatchParcels { courier: person.id, parcels });
            courier_commands.push(CourierCommand {
                command: command.into(),
                context: AnswerContext::DispatchedAgain(courier),
            });
        } else if !person.stops.is_empty() {
            self.next_stop(courier, now.plus_ms(TRAVEL_TICKS * TICK_MS));
        }
    }

    pub(crate) fn on_dispatched_again(&mut self, courier: usize, now: Timestamp) {
        let person = &mut self.couriers[courier];
        for index in std::mem::take(&mut person.retry_parcels) {
            self.parcels[index].location = ParcelLocation::WithCourier;
            self.parcels[index].courier = Some(courier);
            person.stops.push_back(index);
        }
        self.next_stop(courier, now.plus_ms(TRAVEL_TICKS * TICK_MS));
    }

    /// Records the remaining stops as out of time.
    fn end_tour(&mut self, courier: usize, courier_commands: &mut Vec<CourierCommand>) {
        for index in std::mem::take(&mut self.couriers[courier].stops) {
            let SimulatedParcel { id, attempts, .. } = &self.parcels[index];
            let reason = AttemptReason::OutOfTime;
            let number = attempts + 1;
            let command = Command::RecordAttempt(RecordAttempt { parcel: *id, number, reason });
            courier_commands.push(CourierCommand {
                command: command.into(),
                context: AnswerContext::OutOfTime(index),
            });
            if attempts + 1 == ATTEMPTS_MAX {
                let reason = RefuseReason::AttemptsUsedUp;
                let command = Command::RefuseParcel(RefuseParcel { parcel: *id, reason });
                courier_commands.push(CourierCommand {
                    command: command.into(),
                    context: AnswerContext::AttemptsUsedUp(index),
                });
            }
        }
    }

    pub(crate) fn on_out_of_time(&mut self, index: usize) {
        let parcel = &mut self.parcels[index];
        parcel.attempts += 1;
        parcel.location = ParcelLocation::AtHub;
    }
}
