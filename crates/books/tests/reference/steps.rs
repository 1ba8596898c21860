//! The next command: mostly plausible, often a retry, sometimes slightly wrong.
//!
//! A step is a few random numbers. It becomes a command with the help of the model's state, so most
//! steps can be applied. Zero is the simplest choice everywhere, so shrinking leads there.

mod access;
mod back_office;
mod chargebacks;
mod clearing;
mod offline;
mod other_content;
mod parcel;
mod party;
mod persons;
mod statements;
mod step_table;
mod terminal;
mod terms;

use books::*;
use money::{Amount, Currency};
use proptest::prelude::*;

use crate::model::{Break, Model, ModelPayment, Parcel, PayoutState, PlanState};
use crate::world::{self, BANKS};
use step_table::STEPS;

/// A deliberate mistake, if the command has room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    None,
    NumberAbove,
    NumberBelow,
    AmountZero,
    AmountAbove,
    AmountHuge,
    SomebodyElse,
    AnyThing,
}

/// The most weight of a step that cannot be applied.
const WEIGHT_NOT_READY_MAX: u16 = 3;

/// The random numbers of a step.
#[derive(Clone, Debug)]
pub struct Step {
    pub what: u16,
    pub random_numbers: [u16; 4],
    pub mistake: Mistake,
    /// Whether to repeat an earlier command instead.
    pub retry: bool,
    /// Milliseconds after the last command.
    pub pause: i64,
}

/// Includes retries and mistakes.
pub fn step(long_pauses: bool) -> impl Strategy<Value = Step> {
    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;
    let slips = prop_oneof![
        1 => Just(Mistake::NumberAbove),
        1 => Just(Mistake::NumberBelow),
        1 => Just(Mistake::AmountZero),
        1 => Just(Mistake::AmountAbove),
        1 => Just(Mistake::AmountHuge),
        2 => Just(Mistake::SomebodyElse),
        2 => Just(Mistake::AnyThing),
    ];
    let months = if long_pauses { 4 } else { 0 };
    let pause = prop_oneof![
        40 => Just(0_i64),
        60 => 0..HOUR,
        16 => 0..DAY,
        8 => DAY..3 * DAY,
        months => 60 * DAY..200 * DAY,
        1 => -DAY..0,
    ];
    let slip = prop_oneof![7 => Just(Mistake::None), 1 => slips];
    let retry = prop_oneof![9 => Just(false), 1 => Just(true)];
    (any::<u16>(), prop::array::uniform4(0_u16..1_000), slip, retry, pause).prop_map(
        |(what, dice, slip, retry, pause)| Step {
            what,
            random_numbers: dice,
            mistake: slip,
            retry,
            pause,
        },
    )
}

/// The command of a step. `None` for a retry of an earlier command.
pub fn command(model: &Model, kind: u8, step: &Step) -> Option<Command> {
    if step.retry {
        return None;
    }
    let (pool, huge) = (world::pool(kind), world::is_huge(kind));
    let (pays_often, by_cash) = (world::pays_often(kind), world::by_cash(kind));
    let roll = Choices { model, pool, huge, pays_often, by_cash, step };
    let anything = step.mistake == Mistake::AnyThing;
    // The weight of a step that is seldom ready is no reason to try it when it is not.
    let open = STEPS.iter().filter_map(|(weight, ready, make)| match ready(&roll) {
        true => Some((*weight, make)),
        false => anything.then_some((WEIGHT_NOT_READY_MAX.min(*weight), make)),
    });
    let open: Vec<_> = open.collect();
    let total: u16 = open.iter().map(|(weight, _)| weight).sum();
    let mut what = step.what % total;
    for (weight, make) in open {
        if what < weight {
            return Some(make(&roll));
        }
        what -= weight;
    }
    unreachable!("the weights add up to the total")
}

/// A step together with the model's state.
pub struct Choices<'a> {
    pub model: &'a Model,
    /// Number of parcels in use.
    pub pool: usize,
    /// Whether most amounts due are near the largest amount.
    pub huge: bool,
    /// Whether commissions are paid in many small parts.
    pub pays_often: bool,
    /// Whether most buyers pay in cash.
    pub by_cash: bool,
    pub step: &'a Step,
}

impl Choices<'_> {
    pub fn number_at(&self, place: usize) -> usize {
        usize::from(self.step.random_numbers[place])
    }

    /// True once in `one_in` times.
    pub fn one_in(&self, place: usize, one_in: usize) -> bool {
        self.number_at(place) % one_in == one_in - 1
    }

    pub fn makes_mistake(&self, slip: Mistake) -> bool {
        self.step.mistake == slip
    }

    /// One of those that fit. Any other if none fits or by a deliberate mistake.
    pub fn pick<I: Copy>(&self, place: usize, fitting: &[I], any: impl Fn(usize) -> I) -> I {
        if fitting.is_empty() || self.makes_mistake(Mistake::AnyThing) {
            return any(self.number_at(place));
        }
        fitting[self.number_at(place) % fitting.len()]
    }

    pub fn amount(&self, right: u64) -> Amount {
        match self.step.mistake {
            Mistake::AmountZero => Amount::ZERO,
            Mistake::AmountAbove => {
                Amount::new(right.saturating_add(1)).unwrap_or(Amount::ENTRY_MAX)
            }
            Mistake::AmountHuge => {
                Amount::of(Amount::MAX.minor() - u64::from(self.step.random_numbers[3] % 2))
            }
            _ => Amount::new(right).unwrap_or(Amount::MAX),
        }
    }

    /// Mostly the whole, sometimes a part.
    pub fn part(&self, whole: u64) -> Amount {
        self.amount(match self.step.random_numbers[3] % 8 {
            0..5 => whole,
            5 => whole / 2,
            6 => whole / 3,
            _ => whole.min(1),
        })
    }

    pub fn number(&self, next: u8) -> u8 {
        match self.step.mistake {
            Mistake::NumberAbove => next.saturating_add(1),
            Mistake::NumberBelow => next.saturating_sub(1),
            _ => next,
        }
    }

    pub fn count(&self, next: u32) -> u32 {
        u32::from(self.number(u8::try_from(next).unwrap_or(u8::MAX)))
    }

    pub fn new_id(&self, known: usize) -> u64 {
        let next = u64::try_from(known).expect("a small number") + 1;
        if self.makes_mistake(Mistake::NumberBelow) { next - 1 } else { next }
    }

    pub fn person(&self, place: usize) -> PersonId {
        let die = self.step.random_numbers[place];
        match self.step.mistake {
            // Who may be removed, or not be registered.
            Mistake::AnyThing => persons::temporary(die),
            Mistake::NumberBelow if die.is_multiple_of(8) => PersonId(0),
            _ => PersonId(1 + u64::from(die % 4)),
        }
    }

    /// Somebody other than `not`, or `not` itself by a deliberate mistake.
    pub fn second(&self, not: PersonId, place: usize) -> PersonId {
        let other = 1 + (not.0 + u64::from(self.step.random_numbers[place] % 3)) % 4;
        if self.makes_mistake(Mistake::SomebodyElse) { not } else { PersonId(other) }
    }

    /// As `second`, and none of those who had a part before, or one of them by a deliberate
    /// mistake.
    pub fn second_beside(&self, not: PersonId, others: &[PersonId], place: usize) -> PersonId {
        let second = self.second(not, place);
        let had_a_part = self.makes_mistake(Mistake::AnyThing);
        let free = |one: &PersonId| *one != not && !others.contains(one);
        let chosen = match others.first() {
            Some(one) if had_a_part => Some(*one),
            _ => [second].into_iter().chain((1..=4).map(PersonId)).find(free),
        };
        if self.makes_mistake(Mistake::SomebodyElse) { not } else { chosen.unwrap_or(second) }
    }

    pub fn parcels(&self, fits: impl Fn(&Parcel) -> bool) -> Vec<ParcelId> {
        let fitting = self.model.parcels.iter().filter(|(_, parcel)| fits(parcel));
        fitting.map(|(id, _)| *id).collect()
    }

    pub fn any(&self, fits: impl Fn(&Parcel) -> bool) -> bool {
        self.model.parcels.values().any(fits)
    }

    pub fn any_payment(&self, fits: impl Fn(&ModelPayment) -> bool) -> bool {
        self.any(|parcel| parcel.payments.values().any(&fits))
    }

    pub fn parcel(&self, fits: impl Fn(&Parcel) -> bool) -> ParcelId {
        self.pick(0, &self.parcels(fits), |die| world::parcel(die % self.pool))
    }

    pub fn payment(&self, fits: impl Fn(&ModelPayment) -> bool) -> PaymentId {
        let mut fitting = Vec::new();
        for (id, parcel) in &self.model.parcels {
            for (&number, payment) in &parcel.payments {
                fitting.extend(fits(payment).then_some(PaymentId { parcel: *id, number }));
            }
        }
        self.pick(0, &fitting, |die| {
            let parcel = world::parcel(die % self.pool);
            PaymentId { parcel, number: u8::try_from(die % 4).expect("below four") }
        })
    }

    pub fn courier(&self, place: usize) -> CourierId {
        CourierId(11 + u64::from(self.step.random_numbers[place] % 5))
    }

    /// A bank account in the currency.
    pub fn bank(&self, currency: Currency) -> BankId {
        let wrong = self.makes_mistake(Mistake::SomebodyElse);
        BANKS[usize::from((currency == Currency::BRL) != wrong)]
    }

    pub fn currency_of(&self, payment: PaymentId) -> Currency {
        self.model.parcels.get(&payment.parcel).map_or(Currency::CNY, |parcel| parcel.currency)
    }

    /// Payouts in flight.
    pub fn sent(&self) -> Vec<PayoutId> {
        let sent = |state: &PayoutState| matches!(state, PayoutState::Sent(_));
        let payouts = self.model.payouts.iter().filter(|(_, (_, state))| sent(state));
        payouts.map(|(id, _)| *id).collect()
    }

    pub fn arrived(&self) -> Vec<PayoutId> {
        let arrived = |state: &PayoutState| matches!(state, PayoutState::Confirmed(..));
        let payouts = self.model.payouts.iter().filter(|(_, (_, state))| arrived(state));
        payouts.map(|(id, _)| *id).collect()
    }

    pub fn payout(&self) -> PayoutId {
        self.pick(0, &self.sent(), |die| PayoutId(u64::try_from(die % 9).expect("below nine")))
    }

    pub fn plan(&self, state: PlanState) -> PlanId {
        let plans = self.model.plans.iter().filter(|(_, plan)| plan.state == state);
        let fitting: Vec<_> = plans.map(|(id, _)| *id).collect();
        self.pick(0, &fitting, |die| PlanId(u64::try_from(die % 5).expect("below five")))
    }

    pub fn open_break(&self, proposed: bool) -> BreakId {
        let fits = |one: &Break| !one.closed && one.proposal.is_some() == proposed;
        let breaks = self.model.breaks.iter().filter(|(_, one)| fits(one));
        let fitting: Vec<_> = breaks.map(|(id, _)| *id).collect();
        self.pick(0, &fitting, |die| BreakId(u64::try_from(die % 5).expect("below five")))
    }
}
