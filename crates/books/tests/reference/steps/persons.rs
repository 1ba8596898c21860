//! Steps of two persons: who is one of them, and how much one can refund alone.

use books::*;
use money::{Amount, Currency};

use super::{Choices, Mistake};
use crate::model::Numbered;

/// Ids of persons who come and go, beside those who give most commands.
const TEMPORARY: std::ops::RangeInclusive<u64> = 105..=110;

pub fn temporary(die: u16) -> PersonId {
    PersonId(TEMPORARY.start() + u64::from(die) % 6)
}

pub fn register_person(roll: &Choices) -> Command {
    let person = match roll.step.mistake {
        Mistake::NumberBelow => PersonId(0),
        Mistake::NumberAbove => PersonId(3),
        _ => temporary(roll.step.random_numbers[0]),
    };
    let proposed_by = roll.person(1);
    let approved_by = roll.second(proposed_by, 2);
    Command::RegisterPerson(RegisterPerson { person, proposed_by, approved_by })
}

pub fn remove_person(roll: &Choices) -> Command {
    let registered = |id: &&PersonId| TEMPORARY.contains(&id.0) && roll.model.is_here(**id).is_ok();
    let here: Vec<_> = roll.model.persons.keys().filter(registered).copied().collect();
    let person = match roll.number_at(3) % 24 {
        0 => PersonId(1 + roll.number_at(0) as u64 % 4),
        1 | 2 => PersonId(roll.courier(0).0),
        _ => roll.pick(0, &here, |die| temporary(u16::try_from(die).expect("below 1,000"))),
    };
    let proposed_by = roll.person(1);
    let approved_by = roll.second(proposed_by, 2);
    Command::RemovePerson(RemovePerson { person, proposed_by, approved_by })
}

pub fn set_refund_limit(roll: &Choices) -> Command {
    let currency = match roll.step.mistake {
        Mistake::AnyThing => Currency::JPY,
        _ if roll.one_in(0, 4) => Currency::BRL,
        _ => Currency::CNY,
    };
    let limit = match roll.number_at(1) % 12 {
        0..4 => Amount::ENTRY_MAX,
        some => Amount::of(3_000 * (some as u64 - 4)),
    };
    let number = roll.count(roll.model.count_of(Numbered::RefundLimits(currency)) + 1);
    let proposed_by = roll.person(2);
    let approved_by = roll.second(proposed_by, 3);
    Command::SetRefundLimit(SetRefundLimit { currency, number, limit, proposed_by, approved_by })
}
