//! Who may do what: roles that two people grant, keys that act while they are in force, and a
//! person who is one person whatever key is used.

use books::*;
use machine::{Actor, ActorKind};
use money::Currency;

use super::persons::with_person;
use crate::world::*;

const BOTH: [PersonId; 2] = [ANNA, BO];
/// Acts for a seller; nobody registered them as a person.
const CLERK: PersonId = PersonId(960);
const SALES: GrantedRole = GrantedRole::Seller(SELLER);

fn may_give(world: &World, key: u64, command: &Command) -> Result<(), Refusal> {
    world.engine.check_actor(Actor::Key(ApiKeyId(key)), command, world.at)
}

#[test]
fn the_first_two_persons_administrate_operate_and_do_finance() {
    let mut world = World::empty();
    world.must(open_books());
    let all = [GrantedRole::Administrator, GrantedRole::Operator, GrantedRole::Finance];
    assert_eq!(BOTH.map(|person| world.engine.grants_of(person)), [Some(&all[..]); 2]);
    assert_eq!(world.engine.grants_of(CASHIER), None);
}

#[test]
fn two_people_grant_a_role_and_neither_gets_it() {
    let mut world = World::open();
    let finance = |person, by| grant(person, 1, GrantedRole::Finance, by);
    for by in [[CASHIER, ANNA], [ANNA, CASHIER], [ANNA, ANNA]] {
        world.refused(finance(CASHIER, by), Refusal::SamePerson);
    }
    let by_no_administrator = finance(CASHIER, [ANNA, PersonId(1)]);
    world.refused(by_no_administrator, Refusal::NotAdministrator(PersonId(1)));
    world.must(finance(CASHIER, BOTH)).repeated(finance(CASHIER, BOTH));
    world.refused(finance(CASHIER, [BO, ANNA]), Refusal::NumberUsed(1));
    world.repeated(grant(CASHIER, 2, GrantedRole::Finance, BOTH));
    assert_eq!(world.engine.grants_of(CASHIER), Some(&[GrantedRole::Finance][..]));
    world.refused(grant(GONE, 1, SALES, BOTH), Refusal::PersonNotRegistered(GONE));
    world.refused(grant(PersonId(0), 1, SALES, BOTH), Refusal::PersonNotRegistered(PersonId(0)));
}

#[test]
fn a_role_covers_somebody_whom_the_books_know() {
    let mut world = World::open();
    let (seller, firm) = (SellerId(77), FirmId(77));
    let missing = |of| Refusal::NotFound(of);
    let of_seller = grant(CLERK, 1, GrantedRole::Seller(seller), BOTH);
    world.refused(of_seller, missing(MissingRecord::Seller(seller)));
    let of_firm = grant(CLERK, 1, GrantedRole::Firm(firm), BOTH);
    world.refused(of_firm, missing(MissingRecord::Firm(firm)));
    let no_courier = grant(CASHIER, 1, GrantedRole::Courier, BOTH);
    world.refused(no_courier, missing(MissingRecord::Courier(CourierId(CASHIER.0))));
    world.must(grant(PersonId(COURIER.0), 1, GrantedRole::Courier, BOTH));
    let staff = grant(CLERK, 1, GrantedRole::Operator, BOTH);
    world.refused(staff, Refusal::PersonNotRegistered(CLERK));
}

#[test]
fn who_acts_for_a_seller_decides_nothing() {
    let mut world = World::open();
    world.must(grant(CLERK, 1, SALES, BOTH));
    assert!(world.engine.persons().any(|one| one == (CLERK, false)));
    world.refused(register_person(PersonId(961), [ANNA, CLERK]), Refusal::OnlyCourier(CLERK));
    let staff = grant(CLERK, 2, GrantedRole::Finance, BOTH);
    world.refused(staff.clone(), Refusal::OnlyCourier(CLERK));
    // Two people make the clerk a person of the staff.
    world.must(register_person(CLERK, BOTH)).must(staff);
    world.must(register_person(PersonId(961), [ANNA, CLERK]));
}

#[test]
fn the_last_administrator_stays() {
    let mut world = World::open();
    let administrator = GrantedRole::Administrator;
    world.refused(revoke(BO, 1, administrator, CASHIER), Refusal::NotAdministrator(CASHIER));
    world.must(revoke(BO, 1, administrator, BO)).repeated(revoke(BO, 1, administrator, BO));
    world.refused(revoke(ANNA, 1, administrator, ANNA), Refusal::LastAdministrator);
    world.refused(remove_person(ANNA, [BO, CASHIER]), Refusal::LastAdministrator);
    // One administrator is enough to make another one.
    world.must(grant(CASHIER, 1, administrator, [BO, ANNA]));
    world.must(remove_person(ANNA, [BO, CASHIER]));
    world.refused(revoke(CASHIER, 2, administrator, CASHIER), Refusal::LastAdministrator);
    world.refused(revoke(PersonId(970), 1, administrator, CASHIER), {
        Refusal::PersonNotRegistered(PersonId(970))
    });
    world.engine.check().unwrap();
}

#[test]
fn a_key_that_was_never_issued_gives_nothing() {
    let world = World::open();
    let not_in_force = Err(Refusal::KeyNotInForce(ApiKeyId(7)));
    assert_eq!(may_give(&world, 7, &confirm_payout(1)), not_in_force);
    assert_eq!(may_give(&world, 7, &register_person(CLERK, BOTH)), not_in_force);
    let empty = World::empty();
    assert_eq!(may_give(&empty, 7, &open_books()), not_in_force);
}

#[test]
fn a_key_acts_until_it_expires_or_is_revoked_or_its_person_goes() {
    let mut world = World::open();
    world.must(grant(CASHIER, 1, GrantedRole::Operator, BOTH));
    let roles = [GrantedRole::Operator];
    for key in 1..=2 {
        world.must(issue_key(key, Some(CASHIER), &roles, 30, BOTH));
    }
    world.must(issue_key(3, None, &[SALES], 10, BOTH));
    let by = |world: &World| [1, 2, 3].map(|key| may_give(world, key, &confirm_payout(1)).is_ok());
    assert_eq!(by(&world), [true; 3]);
    world.must(revoke_key(1, CASHIER)).repeated(revoke_key(1, CASHIER));
    world.refused(revoke_key(1, ANNA), Refusal::OtherContent);
    assert_eq!(by(&world), [false, true, true]);
    // The last millisecond, and the next one.
    world.at = Timestamp(1_377_619_200_000 + 10 * DAY_MS - 1);
    assert_eq!(by(&world), [false, true, true]);
    world.at = world.at.plus_ms(1);
    assert_eq!(by(&world), [false, true, false]);
    world.must(remove_person(CASHIER, BOTH));
    assert_eq!(by(&world), [false; 3]);
    assert_eq!(world.engine.grants_of_key(ApiKeyId(2), world.at), None);
}

#[test]
fn a_key_has_only_roles_that_its_person_still_has() {
    let mut world = World::open();
    world.must(grant(CASHIER, 1, GrantedRole::Operator, BOTH));
    world.must(grant(CASHIER, 2, GrantedRole::Hub, BOTH));
    let both = [GrantedRole::Operator, GrantedRole::Hub];
    world.must(issue_key(1, Some(CASHIER), &both, 30, BOTH));
    world.must(revoke(CASHIER, 3, GrantedRole::Operator, ANNA));
    let now = world.engine.grants_of_key(ApiKeyId(1), world.at);
    assert_eq!(now, Some(vec![GrantedRole::Hub]));
}

#[test]
fn a_key_is_issued_by_two_with_grants_that_fit_its_holder() {
    let mut world = World::open();
    world.must(grant(CASHIER, 1, GrantedRole::Operator, BOTH));
    let operator = [GrantedRole::Operator];
    let good = issue_key(1, Some(CASHIER), &operator, 30, BOTH);
    for by in [[ANNA, CASHIER], [ANNA, ANNA]] {
        world.refused(issue_key(1, Some(CASHIER), &operator, 30, by), Refusal::SamePerson);
    }
    let by_cashier = issue_key(1, None, &[SALES], 30, [ANNA, CASHIER]);
    world.refused(by_cashier, Refusal::NotAdministrator(CASHIER));
    for (person, grants) in [
        (Some(CASHIER), vec![]),
        (Some(CASHIER), vec![GrantedRole::Finance]),
        (Some(CASHIER), vec![GrantedRole::Operator, GrantedRole::Operator]),
        (Some(CASHIER), vec![SALES]),
        (None, vec![]),
        (None, vec![GrantedRole::Auditor]),
        (None, vec![SALES, GrantedRole::Seller(OTHER_SELLER)]),
    ] {
        world.refused(issue_key(1, person, &grants, 30, BOTH), Refusal::KeyGrants);
    }
    for days in [0, 402] {
        world.refused(issue_key(1, Some(CASHIER), &operator, days, BOTH), Refusal::KeyTime);
    }
    let nobodys = issue_key(0, Some(CASHIER), &operator, 30, BOTH);
    world.refused(nobodys, Refusal::KeyNotInForce(ApiKeyId(0)));
    world.must(good.clone()).repeated(good);
    let other = issue_key(1, Some(CASHIER), &operator, 31, BOTH);
    world.refused(other, Refusal::IdentifierTaken);
    world.refused(revoke_key(2, ANNA), Refusal::KeyNotInForce(ApiKeyId(2)));
    world.refused(revoke_key(1, PersonId(1)), Refusal::NotAdministrator(PersonId(1)));
}

/// One command of each family of rules for two people: whoever is the second person of it.
fn second_acts() -> Vec<(&'static str, Command, PersonId)> {
    let resolution = BreakResolution::WriteOff;
    vec![
        ("settlement", approve_plan(1, BO), BO),
        ("break", approve_resolution(BreakId(1), resolution, BO), BO),
        ("terms", set_guarantee(1, "2013-09-01", 0), BO),
        ("persons", register_person(CLERK, BOTH), BO),
        ("roles", grant(CASHIER, 1, GrantedRole::Finance, BOTH), BO),
        ("keys", issue_key(2, None, &[SALES], 30, BOTH), BO),
        ("second factor", reset_second_factor(CASHIER, 1, BOTH), BO),
        ("refund", with_person(&set_refund_limit(1, 500), "approved_by", BO), BO),
        ("network", withdraw(1, Timestamp(0)), BO),
        ("count", count_by_supervisor(1, 1_000, [CASHIER, BO]), BO),
        ("deposit", cancel_deposit(1), BO),
        ("firm", register_firm(FirmId(9), Currency::CNY, 0), BO),
    ]
}

#[test]
fn a_persons_key_counts_as_that_person_in_every_rule_of_two() {
    let mut world = World::open();
    for (key, person) in [(1, ANNA), (2, BO), (3, CASHIER)] {
        if person == CASHIER {
            world.must(grant(CASHIER, 1, GrantedRole::Hub, BOTH));
        }
        let role = if person == CASHIER { GrantedRole::Hub } else { GrantedRole::Operator };
        let by = if person == BO { [CASHIER, ANNA] } else { [CASHIER, BO] };
        let by = if person == CASHIER { BOTH } else { by };
        world.must(issue_key(key, Some(person), &[role], 30, by));
    }
    world.must(issue_key(4, None, &[SALES], 30, BOTH));
    for (family, command, second) in second_acts() {
        let of = |person: PersonId| if person == ANNA { 1 } else { 2 };
        let own = may_give(&world, of(second), &command);
        assert_eq!(own, Ok(()), "{family}: the second person's own key");
        // Nobody whom the command does not name gives it, whatever key they have.
        let mut named = false;
        command.for_each_person(&mut |role, person| named |= role.gives() && person == CASHIER);
        let others = may_give(&world, 3, &command);
        let expected = if named { Ok(()) } else { Err(Refusal::NotOneOfThePersons(CASHIER)) };
        assert_eq!(others, expected, "{family}");
        let sellers = may_give(&world, 4, &command);
        assert_eq!(sellers, Err(Refusal::KeyOfNoPerson(ApiKeyId(4))), "{family}");
    }
    // Anna plans; her key does not approve as Anna, and cannot as Bo.
    world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear();
    world.on("2013-09-20").must(release("2013-09-20")).must(plan(1, ANNA));
    world.refused(approve_plan(1, ANNA), Refusal::SamePerson);
}

#[test]
fn events_of_sign_ins_are_recorded_once_each_by_doorstep_alone() {
    let mut world = World::open();
    let signed_in = access_event(1, Some(ANNA), AccessEvent::SignedIn);
    world.must(signed_in.clone()).repeated(signed_in);
    let other = access_event(1, Some(BO), AccessEvent::SignedIn);
    world.refused(other, Refusal::NumberUsed(1));
    world.must(access_event(2, None, AccessEvent::LockedOut));
    world.must(access_event(3, Some(GONE), AccessEvent::SessionEnded));
    let unknown = access_event(4, Some(CLERK), AccessEvent::SignedIn);
    world.refused(unknown, Refusal::PersonNotRegistered(CLERK));
    assert_eq!(world.engine.access_events(), 3);
    assert_eq!(RecordAccessEvent::SPEC.given_by, [ActorKind::System]);
}

#[test]
fn a_second_factor_is_reset_by_two_others() {
    let mut world = World::open();
    for by in [[CASHIER, ANNA], [ANNA, CASHIER], [BO, BO]] {
        world.refused(reset_second_factor(CASHIER, 1, by), Refusal::SamePerson);
    }
    let alone = reset_second_factor(CASHIER, 1, [ANNA, PersonId(1)]);
    world.refused(alone, Refusal::NotAdministrator(PersonId(1)));
    let reset = reset_second_factor(CASHIER, 1, BOTH);
    world.must(reset.clone()).repeated(reset);
    world.refused(reset_second_factor(CASHIER, 1, [BO, ANNA]), Refusal::NumberUsed(1));
    assert_eq!(world.engine.second_factor_resets(CASHIER), 1);
    world.refused(reset_second_factor(GONE, 1, BOTH), Refusal::PersonNotRegistered(GONE));
}
