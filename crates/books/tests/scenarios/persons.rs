//! Two people are two people: who is a person, who may give a command, and who is the second.

use books::*;
use machine::Actor;
use money::{Amount, Currency};
use serde_json::{Value, json};
use tariff::SellerClassNumber;

use super::examples::examples;
use crate::world::*;

/// Nobody registered them.
const UNREGISTERED: PersonId = PersonId(950);
const NOBODY: PersonId = PersonId(0);
const BOTH: [PersonId; 2] = [ANNA, BO];

/// The fields of a command that are persons, by its schema.
fn person_fields(command: &Command) -> Vec<String> {
    let schema = (command.spec().schema)().to_value();
    let fields = schema["properties"].as_object().unwrap().clone();
    let is = |field: &Value| field["$ref"] == "#/$defs/PersonId";
    // One that can be absent is one of several.
    let is_person = |field: &Value| {
        is(field) || field["anyOf"].as_array().is_some_and(|all| all.iter().any(is))
    };
    fields.into_iter().filter(|(_, field)| is_person(field)).map(|(name, _)| name).collect()
}

/// The command with another person in a field.
pub fn with_person(command: &Command, field: &str, person: PersonId) -> Command {
    let mut json = serde_json::to_value(command).unwrap();
    json[field] = json!(person.to_string());
    serde_json::from_value(json).unwrap()
}

fn is_subject(field: &str) -> bool {
    ["person", "first_person", "second_person"].contains(&field)
}

#[test]
fn each_person_in_a_command_is_found() {
    let mut found = 0;
    for (_, command) in examples() {
        let fields = person_fields(&command);
        let schema = (command.spec().schema)().to_value().to_string();
        let name = command.spec().name;
        assert_eq!(schema.matches("\"#/$defs/PersonId\"").count(), fields.len(), "{name}");
        let json = serde_json::to_value(&command).unwrap();
        let named = fields.iter().map(|field| json[field].clone());
        let mut persons: Vec<_> = named.filter(|person| !person.is_null()).collect();
        let mut visited = Vec::new();
        command.for_each_person(&mut |_, person| visited.push(json!(person.to_string())));
        found += visited.len();
        let text = |one: &Value| one.to_string();
        persons.sort_by_key(text);
        visited.sort_by_key(text);
        assert_eq!(visited, persons, "{name}");
    }
    assert!(found > 40, "{found} persons");
}

#[test]
fn no_command_names_person_0_or_one_unregistered_or_removed() {
    let mut world = World::open();
    for (_, command) in examples() {
        for field in person_fields(&command).iter().filter(|field| !is_subject(field)) {
            for person in [NOBODY, UNREGISTERED, GONE] {
                let named = with_person(&command, field, person);
                world.refused(named, Refusal::PersonNotRegistered(person));
            }
        }
    }
}

/// Commands that two people give together, ready to be given by Anna and Bo.
fn decided_by_two(world: &mut World) -> Vec<Command> {
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear();
    let payment = payment.last_payment();
    let charged_back = world.parcel("o-6", 10_000).dispatch().card(10_000).approve().last_payment();
    world.must(charge_back(charged_back, 1, 400));
    let lost = world.parcel("o-4", 1_000).id();
    world.must(lose(lost, DamagePayer::Doorstep));
    // The commission of the first is payable. The second is counted short.
    world.parcel("o-5", 10_000).dispatch().cash(10_000);
    world.parcel("o-2", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1)).must(count(1, 19_000)).must(deposit(1, 5_000));
    world.parcel("o-3", 1_000).dispatch().cash(1_000);
    world.must(start_hand_over(2)).fund_bank(1_000);
    world.must(withdraw(1, world.at.plus_ms(1)));
    vec![
        register_person(UNREGISTERED, BOTH),
        grant(CASHIER, 1, GrantedRole::Hub, BOTH),
        issue_key(1, None, &[GrantedRole::Seller(SELLER)], 30, BOTH),
        reset_second_factor(CASHIER, 1, BOTH),
        remove_person(CASHIER, BOTH),
        publish(2, "2013-10-01", None, shipped_terms()),
        set_hold_rule(CHINA, 2, HoldRule::DaysAfterHeld(9)),
        set_refund_limit(1, 500),
        register_firm(FirmId(9), Currency::CNY, 0),
        register_courier(CourierId(9), FIRM, 0),
        set_seller_terms(1, "2013-09-01", SellerClassNumber(0)),
        set_guarantee(1, "2013-09-01", 0),
        set_cash_limit(1, "2013-09-01", 0),
        refund_by_two(payment, 1, 1_000, BOTH),
        set_retention(1, 200, BOTH),
        compensate(lost, 500, BOTH),
        pay_commission(1, 10),
        offline_limit(1, 1),
        withdraw(2, world.at),
        reinstate(3),
        win_by_two(charged_back, 1, BOTH),
        take_back_won(charged_back, 1, BOTH),
        write_off_shortage(1, 100, BOTH),
        deduct_shortage(2, 1, BOTH),
        cancel_deposit(1),
        count_by_supervisor(2, 1_000, BOTH),
    ]
}

#[test]
fn one_person_is_never_two() {
    let mut world = World::open();
    for command in decided_by_two(&mut world) {
        let fields = person_fields(&command);
        let gives: Vec<_> = fields.iter().filter(|field| !is_subject(field)).collect();
        let [first, second] = gives[..] else { panic!("{command:?} is not of two people") };
        let json = serde_json::to_value(&command).unwrap();
        for (field, other) in [(first, second), (second, first)] {
            let same: PersonId = serde_json::from_value(json[other].clone()).unwrap();
            world.refused(with_person(&command, field, same), Refusal::SamePerson);
        }
        world.must(command);
    }
}

#[test]
fn two_persons_open_the_books() {
    for person in [ANNA, NOBODY] {
        let why = match person {
            NOBODY => Refusal::PersonNotRegistered(NOBODY),
            _ => Refusal::SamePerson,
        };
        let mut world = World::empty();
        world.refused(open_books_at(480, [ANNA, person]), why.clone());
        world.refused(open_books_at(480, [person, ANNA]), why);
    }
    let mut world = World::empty();
    world.must(open_books()).repeated(open_books());
    world.refused(open_books_at(480, [BO, ANNA]), Refusal::BooksNotOpen);
    world.refused(open_books_at(480, [ANNA, CASHIER]), Refusal::BooksNotOpen);
    world.refused(as_trial(open_books()), Refusal::BooksNotOpen);
    assert!(world.engine.persons().eq([(ANNA, false), (BO, false)]));
}

#[test]
fn books_are_for_trials_from_their_first_command_on() {
    for (open, trial) in [(open_books(), false), (as_trial(open_books()), true)] {
        let mut world = World::empty();
        assert!(!world.engine.is_trial(), "nothing is open yet");
        world.must(open);
        assert_eq!(world.engine.is_trial(), trial);
    }
}

#[test]
fn a_person_is_registered_once_and_removed_for_ever() {
    let mut world = World::empty();
    world.must(open_books());
    world.refused(register_person(NOBODY, BOTH), Refusal::PersonNotRegistered(NOBODY));
    world.must(register_person(CASHIER, BOTH)).repeated(register_person(CASHIER, BOTH));
    for (person, by) in [(CASHIER, [BO, ANNA]), (CASHIER, [ANNA, CASHIER]), (ANNA, BOTH)] {
        world.refused(register_person(person, by), Refusal::IdentifierTaken);
    }
    world.refused(remove_person(UNREGISTERED, BOTH), Refusal::PersonNotRegistered(UNREGISTERED));
    world.refused(remove_person(BO, BOTH), Refusal::SamePerson);
    world.refused(remove_person(ANNA, BOTH), Refusal::SamePerson);
    world.must(remove_person(BO, [ANNA, CASHIER])).repeated(remove_person(BO, [ANNA, CASHIER]));
    world.refused(remove_person(BO, [CASHIER, ANNA]), Refusal::OtherContent);
    world.refused(register_person(BO, [ANNA, CASHIER]), Refusal::PersonRemoved(BO));
    // A late duplicate of a registration is not answered as if the person were there still.
    world.must(register_person(UNREGISTERED, [ANNA, CASHIER]));
    world.must(remove_person(UNREGISTERED, [ANNA, CASHIER]));
    let removed = Refusal::PersonRemoved(UNREGISTERED);
    world.refused(register_person(UNREGISTERED, [ANNA, CASHIER]), removed);
    world.refused(register_person(UNREGISTERED, BOTH), Refusal::PersonNotRegistered(BO));
    let persons = [(ANNA, false), (BO, true), (CASHIER, false), (UNREGISTERED, true)];
    assert!(world.engine.persons().eq(persons));
}

fn courier(id: u64) -> Command {
    register_courier(CourierId(id), FIRM, 100_000)
}

#[test]
fn a_courier_is_a_person() {
    let mut world = World::open();
    let is_person = |world: &World, id| world.engine.persons().any(|one| one == (id, false));
    assert!(!is_person(&world, UNREGISTERED));
    world.must(courier(UNREGISTERED.0)).repeated(courier(UNREGISTERED.0));
    assert!(is_person(&world, UNREGISTERED));
    // Registered as a courier only: who takes parcels out decides nothing by that.
    let new_term = |by| set_retention(1, 200, by);
    let only_courier = Refusal::OnlyCourier(UNREGISTERED);
    for by in [[ANNA, UNREGISTERED], [UNREGISTERED, ANNA]] {
        world.refused(new_term(by), only_courier.clone());
    }
    world.must(register_person(UNREGISTERED, BOTH)).repeated(register_person(UNREGISTERED, BOTH));
    world.must(new_term([ANNA, UNREGISTERED]));
    world.refused(register_person(UNREGISTERED, [BO, ANNA]), Refusal::IdentifierTaken);
    // A person can become a courier, but nobody cannot, and neither can a person who was removed.
    world.must(courier(CASHIER.0));
    for person in [NOBODY, GONE] {
        world.refused(courier(person.0), Refusal::PersonNotRegistered(person));
    }
}

#[test]
fn a_courier_who_was_removed_gets_nothing_more_but_hands_over_cash() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(10_000).id();
    world.parcel("o-2", 10_000);
    let other = ParcelId::derived(SELLER, "o-2");
    world.must(assign(other));
    let removed = PersonId(COURIER.0);
    world.must(remove_person(removed, BOTH));
    let refusal = || Refusal::PersonNotRegistered(removed);
    world.refused(dispatch(other), refusal());
    let terminal = COLLEAGUES_TERMINAL;
    let hand = hand_terminal(terminal, 1, COURIER);
    world.refused(hand, refusal());
    let (terminal, courier) = (TerminalId(9), COURIER);
    let register = Command::RegisterTerminal(RegisterTerminal { terminal, courier });
    world.refused(register, refusal());
    world.must(start_hand_over(1)).must(count(1, 10_000));
    world.expect_collected(parcel, 10_000);
}

#[test]
fn a_courier_does_not_count_his_own_cash() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1));
    let courier = PersonId(COURIER.0);
    let Command::CountHandOver(mut counted) = count(1, 10_000) else { unreachable!() };
    counted.counted_by = courier;
    world.refused(Command::CountHandOver(counted), Refusal::SamePerson);
    for persons in [[courier, ANNA], [ANNA, courier], [courier, courier], [ANNA, ANNA]] {
        world.refused(count_by_supervisor(1, 10_000, persons), Refusal::SamePerson);
    }
    world.must(count_by_supervisor(1, 10_000, [CASHIER, ANNA]));
}

#[test]
fn the_owner_of_a_break_can_propose_but_not_approve() {
    let (id, write_off) = (BreakId(1), BreakResolution::WriteOff);
    for (proposed_by, others) in [(ANNA, [BO, CASHIER]), (BO, [CASHIER, PersonId(9)])] {
        for approved_by in others {
            let mut world = World::open();
            world.must(raise_break(1, BreakSubject::Bank(BANK), BreakSide::Excess, 500));
            world.must(propose_resolution(id, write_off, proposed_by));
            for same in [ANNA, proposed_by] {
                world.refused(approve_resolution(id, write_off, same), Refusal::SamePerson);
            }
            world.must(approve_resolution(id, write_off, approved_by));
        }
    }
}

#[test]
fn the_planner_does_not_approve_the_plan() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear();
    world.must(plan(1, ANNA)).refused(approve_plan(1, ANNA), Refusal::SamePerson);
    for person in [NOBODY, UNREGISTERED, GONE] {
        world.refused(approve_plan(1, person), Refusal::PersonNotRegistered(person));
    }
    world.must(approve_plan(1, BO));
}

#[test]
fn refunds_of_a_payment_above_the_limit_need_two_people() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear();
    let payment = payment.last_payment();
    let lost = world.parcel("o-4", 1_000).id();
    world.must(lose(lost, DamagePayer::Doorstep));
    world.must(set_refund_limit(1, 3_000)).repeated(set_refund_limit(1, 3_000));
    let needs_two = || Refusal::RefundNeedsTwoPeople(Amount::of(3_000));
    world.refused(refund(payment, 1, 3_001), needs_two());
    // Many small refunds are one large one.
    world.must(refund(payment, 1, 2_000)).refused(refund(payment, 2, 1_001), needs_two());
    world.must(refund(payment, 2, 1_000)).refused(refund(payment, 3, 1), needs_two());
    world.must(refund_by_two(payment, 3, 1, BOTH)).repeated(refund_by_two(payment, 3, 1, BOTH));
    for other in [refund(payment, 3, 1), refund_by_two(payment, 3, 1, [ANNA, CASHIER])] {
        world.refused(other, Refusal::NumberUsed(3));
    }
    world.refused(refund(payment, 4, 1), needs_two());
    // Two people can lift the limit. It is for one currency.
    world.must(set_refund_limit(2, 10_000)).must(refund(payment, 4, 6_999));
    // A late duplicate does not set it back.
    world.repeated(set_refund_limit(1, 3_000));
    world.refused(set_refund_limit(1, 3_001), Refusal::NumberUsed(1));
    let Command::SetRefundLimit(mut limit) = set_refund_limit(1, 1) else { unreachable!() };
    limit.currency = Currency::BRL;
    let none = Refusal::CurrencyWithoutAccount(Currency::BRL);
    world.refused(Command::SetRefundLimit(limit), none);
}

#[test]
fn a_terminal_refunds_up_to_the_limit() {
    let mut world = World::open();
    world.must(open_batch(1));
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(sell(7, parcel, 10_000)).must(approve(first(parcel)));
    world.must(set_refund_limit(1, 3_000));
    let needs_two = Refusal::RefundNeedsTwoPeople(Amount::of(3_000));
    world.refused(begin_refund(14, first(parcel), 3_001), needs_two);
    world.must(begin_refund(14, first(parcel), 3_000));
}

#[test]
fn what_two_others_decided_is_other_content() {
    let mut world = World::open();
    for command in decided_by_two(&mut world) {
        world.must(command.clone());
        let fields = person_fields(&command);
        let second = fields.iter().find(|field| ["approved_by", "supervisor"].contains(&&***field));
        let other = with_person(&command, second.unwrap(), PersonId(9));
        let refusal = world.apply(&other).expect_err("it was done before");
        assert_ne!(refusal, Refusal::Repeated, "{other:?}");
    }
}

#[test]
fn a_version_of_a_tariff_is_ended_by_two_people_of_its_own() {
    let mut world = World::open();
    let by = |until, persons: [PersonId; 2]| {
        let command = publish(2, "2013-10-01", until, shipped_terms());
        let command = with_person(&command, "proposed_by", persons[0]);
        with_person(&command, "approved_by", persons[1])
    };
    let end = Some("2014-01-01");
    world.must(by(None, BOTH)).must(by(end, [CASHIER, BO]));
    world.repeated(by(None, BOTH)).repeated(by(end, [CASHIER, BO]));
    for other in [by(None, [CASHIER, BO]), by(end, BOTH)] {
        world.refused(other, Refusal::IdentifierTaken);
    }
}

#[test]
fn a_person_gives_only_commands_that_name_them_or_nobody() {
    let mut world = World::open();
    let check = |by: PersonId, command: &Command| {
        world
            .engine
            .check_actor(Actor::Person(by), command, world.at)
            .map_err(|refusal| refusal.to_string())
    };
    let not_one = |by: PersonId| Err(Refusal::NotOneOfThePersons(by).to_string());
    let two = set_hold_rule(CHINA, 2, HoldRule::AtOnce);
    assert_eq!([check(ANNA, &two), check(BO, &two)], [Ok(()), Ok(())]);
    assert_eq!(check(CASHIER, &two), not_one(CASHIER));
    // Who counts and who supervises; the owner of a break need not be who raises it.
    let counted = count_by_supervisor(1, 100, [CASHIER, ANNA]);
    assert_eq!([check(CASHIER, &counted), check(ANNA, &counted)], [Ok(()), Ok(())]);
    assert_eq!(check(BO, &counted), not_one(BO));
    let raise = raise_break(1, BreakSubject::Bank(BANK), BreakSide::Excess, 500);
    let raise = with_person(&raise, "raised_by", BO);
    assert_eq!([check(BO, &raise), check(ANNA, &raise)], [Ok(()), not_one(ANNA)]);
    // A person who is registered does not register another one without being one of the two.
    assert_eq!(check(CASHIER, &register_person(UNREGISTERED, BOTH)), not_one(CASHIER));
    assert_eq!(check(CASHIER, &remove_person(CASHIER, BOTH)), not_one(CASHIER));
    for person in [NOBODY, UNREGISTERED, GONE] {
        let refusal = Err(Refusal::PersonNotRegistered(person).to_string());
        assert_eq!(check(person, &confirm_payout(1)), refusal);
    }
    assert_eq!(check(CASHIER, &confirm_payout(1)), Ok(()));
    world = World::empty();
    let by = |person| world.engine.check_actor(Actor::Person(person), &open_books(), world.at);
    assert_eq!([by(ANNA), by(BO)], [Ok(()), Ok(())]);
    assert_eq!(by(CASHIER), Err(Refusal::NotOneOfThePersons(CASHIER)));
}
