//! Steps of roles, keys and sign-ins.

use books::*;

use super::persons::temporary;
use super::{Choices, Mistake};
use crate::model::Numbered;

/// Whoever is granted something: staff, couriers, and who acts for a seller or a firm.
fn subject(roll: &Choices) -> PersonId {
    let die = roll.step.random_numbers[0];
    match die % 8 {
        0..=2 => PersonId(1 + u64::from(die / 8 % 4)),
        3 => PersonId(roll.courier(0).0),
        4 => PersonId(201 + u64::from(die / 8 % 4)),
        _ => temporary(die / 8),
    }
}

fn role(roll: &Choices, person: PersonId) -> GrantedRole {
    let die = roll.step.random_numbers[1];
    let covered = match die % 12 {
        11 => 99,
        some => u64::from(some % 5) + 1,
    };
    match die % 7 {
        _ if person.0 > 200 && !die.is_multiple_of(5) => match die % 2 {
            0 => GrantedRole::Seller(SellerId(covered)),
            _ => GrantedRole::Firm(FirmId(covered % 3 + 1)),
        },
        0 => GrantedRole::Administrator,
        1 => GrantedRole::Operator,
        2 => GrantedRole::Finance,
        3 => GrantedRole::Auditor,
        4 => GrantedRole::Hub,
        5 => GrantedRole::Courier,
        _ => GrantedRole::Seller(SellerId(covered)),
    }
}

/// Mostly an administrator.
fn administrator(roll: &Choices, not: &[PersonId], place: usize) -> PersonId {
    let has = |one: &&PersonId| {
        let roles = roll.model.roles_of(**one);
        roll.model.is_here(**one).is_ok() && roles.contains(&GrantedRole::Administrator)
    };
    let all: Vec<_> =
        roll.model.persons.keys().filter(has).filter(|one| !not.contains(one)).copied().collect();
    if roll.makes_mistake(Mistake::SomebodyElse) || all.is_empty() {
        return roll.person(place);
    }
    all[roll.number_at(place) % all.len()]
}

/// Two people, neither of whom is the third, unless by mistake.
fn two(roll: &Choices, beside: Option<PersonId>) -> (PersonId, PersonId) {
    let beside: Vec<_> = beside.into_iter().collect();
    let approved_by = administrator(roll, &beside, 3);
    let proposed_by = roll.second_beside(approved_by, &beside, 2);
    (proposed_by, approved_by)
}

pub fn grant_access(roll: &Choices) -> Command {
    let person = subject(roll);
    let grant = role(roll, person);
    let number = roll.count(roll.model.count_of(Numbered::AccessChanges(person)) + 1);
    let (proposed_by, approved_by) = two(roll, Some(person));
    Command::GrantAccess(GrantAccess { person, number, grant, proposed_by, approved_by })
}

pub fn revoke_access(roll: &Choices) -> Command {
    let granted: Vec<_> = roll.model.persons.keys().filter(|one| one.0 > 2).copied().collect();
    let granted: Vec<_> =
        granted.into_iter().filter(|one| !roll.model.roles_of(*one).is_empty()).collect();
    let person = match roll.number_at(0) % 12 {
        0 => PersonId(1 + roll.number_at(1) as u64 % 2),
        _ => roll.pick(1, &granted, |_| subject(roll)),
    };
    let roles = roll.model.roles_of(person);
    let grant = roll.pick(2, &roles, |_| role(roll, person));
    let number = roll.count(roll.model.count_of(Numbered::AccessChanges(person)) + 1);
    let revoked_by = administrator(roll, &[], 3);
    Command::RevokeAccess(RevokeAccess { person, number, grant, revoked_by })
}

pub fn issue_key(roll: &Choices) -> Command {
    let key = ApiKeyId(roll.new_id(roll.model.keys.len()));
    let person = roll.one_in(0, 2).then(|| subject(roll));
    let grants = match person {
        Some(person) if !roll.makes_mistake(Mistake::AnyThing) => roll.model.roles_of(person),
        Some(person) => vec![role(roll, person)],
        None if roll.one_in(1, 2) => vec![GrantedRole::Firm(FirmId(1))],
        None => vec![GrantedRole::Seller(SellerId(1 + roll.number_at(1) as u64 % 5))],
    };
    let days = match roll.step.mistake {
        Mistake::NumberAbove => 500,
        Mistake::AmountZero => 0,
        _ => 1 + roll.number_at(2) as u64 % 90,
    };
    let until = roll.model.last_at.plus_ms(days * DAY_MS);
    let (proposed_by, approved_by) = two(roll, person);
    Command::IssueApiKey(IssueApiKey { key, person, grants, until, proposed_by, approved_by })
}

pub fn revoke_key(roll: &Choices) -> Command {
    let in_force = |one: &&ApiKeyId| roll.model.holder(**one, roll.model.last_at).is_some();
    let keys: Vec<_> = roll.model.keys.keys().filter(in_force).copied().collect();
    let key = roll.pick(0, &keys, |die| ApiKeyId(die as u64 % 20));
    let holder = roll.model.holder(key, roll.model.last_at).flatten();
    let decides = |one: &PersonId| !roll.model.only_couriers.contains(one);
    let revoked_by = match holder.filter(|_| roll.one_in(1, 3)).filter(decides) {
        Some(person) => person,
        None => administrator(roll, &[], 3),
    };
    Command::RevokeApiKey(RevokeApiKey { key, revoked_by })
}

pub fn access_event(roll: &Choices) -> Command {
    let number = roll.count(roll.model.count_of(Numbered::AccessEvents) + 1);
    let person = match roll.number_at(0) % 5 {
        0 => None,
        _ => {
            Some(if roll.makes_mistake(Mistake::AnyThing) { PersonId(999) } else { roll.person(1) })
        }
    };
    let event = match roll.number_at(2) % 3 {
        0 => AccessEvent::SignedIn,
        1 => AccessEvent::LockedOut,
        _ => AccessEvent::PasswordSet,
    };
    Command::RecordAccessEvent(RecordAccessEvent { number, person, event })
}

pub fn reset_factor(roll: &Choices) -> Command {
    let person = subject(roll);
    let number = roll.count(roll.model.count_of(Numbered::FactorResets(person)) + 1);
    let (proposed_by, approved_by) = two(roll, Some(person));
    Command::ResetSecondFactor(ResetSecondFactor { person, number, proposed_by, approved_by })
}
