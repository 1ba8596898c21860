//! A break is closed in part, withdrawn, posted elsewhere, or gets another owner (M9).

use books::chart::AccountKind as A;
use books::*;
use money::Amount;

use crate::world::*;

const ID: BreakId = BreakId(1);
const IN_BANK: BreakSubject = BreakSubject::Bank(BANK);
const AT_NETWORK: BreakSubject = BreakSubject::Network(NETWORK);
const IN_CASH: BreakSubject = BreakSubject::FirmCash(FIRM);
const WRITE_OFF: BreakResolution = BreakResolution::WriteOff;

fn raised(subject: BreakSubject, side: BreakSide) -> World {
    let mut world = World::open();
    world.must(raise_break(1, subject, side, 500));
    world
}

fn close_part(world: &mut World, number: u8, part: u64) {
    world.must(part_of(propose_resolution(ID, WRITE_OFF, CASHIER), number, part)).must(part_of(
        approve_resolution(ID, WRITE_OFF, BO),
        number,
        part,
    ));
}

#[test]
fn a_part_of_a_break_is_closed_and_the_rest_keeps_its_age() {
    let mut world = raised(IN_BANK, BreakSide::Shortfall);
    world.on("2013-09-02");
    close_part(&mut world, 1, 200);
    assert!(world.events().contains(&Event::BreakReduced {
        break_id: ID,
        amount: Amount::of(200),
        left: Amount::of(300),
    }));
    world.expect(&[(A::Bank, -500), (A::Suspense, 300), (A::WriteOffs, 200)]);
    let [rest] = world.engine.open_breaks()[..] else { panic!("the rest is open") };
    assert_eq!((rest.amount, rest.opened), (Amount::of(300), day("2013-08-28")));
    // The rest closes otherwise.
    let through_bank = BreakResolution::ThroughBank(BANK);
    let rest = part_of(propose_resolution(ID, through_bank, CASHIER), 2, 301);
    world.refused(rest, Refusal::AmountTooLarge(Amount::of(300)));
    let nothing = part_of(propose_resolution(ID, through_bank, CASHIER), 2, 0);
    world.refused(nothing, Refusal::AmountZero);
    world.must(part_of(propose_resolution(ID, through_bank, CASHIER), 2, 300)).must(part_of(
        approve_resolution(ID, through_bank, BO),
        2,
        300,
    ));
    world.expect(&[(A::Bank, -200), (A::WriteOffs, 200)]);
    assert!(world.engine.open_breaks().is_empty());
}

#[test]
fn a_part_that_was_closed_is_not_closed_again_by_a_late_duplicate() {
    let mut world = raised(IN_BANK, BreakSide::Shortfall);
    close_part(&mut world, 1, 200);
    let proposal = part_of(propose_resolution(ID, WRITE_OFF, CASHIER), 1, 200);
    let approval = part_of(approve_resolution(ID, WRITE_OFF, BO), 1, 200);
    world.repeated(proposal).repeated(approval);
    let other = part_of(approve_resolution(ID, WRITE_OFF, BO), 1, 100);
    world.refused(other, Refusal::NumberUsed(1));
    world.refused(part_of(approve_resolution(ID, WRITE_OFF, BO), 2, 200), Refusal::PlanState);
    world.expect(&[(A::Bank, -500), (A::Suspense, 300), (A::WriteOffs, 200)]);
}

#[test]
fn nobody_approves_another_part_than_the_proposed_one() {
    let mut world = raised(IN_BANK, BreakSide::Shortfall);
    world.must(part_of(propose_resolution(ID, WRITE_OFF, CASHIER), 1, 200));
    for other in [
        approve_resolution(ID, WRITE_OFF, BO),
        part_of(approve_resolution(ID, WRITE_OFF, BO), 1, 500),
    ] {
        world.refused(other, Refusal::PlanState);
    }
    world.expect(&[(A::Bank, -500), (A::Suspense, 500)]);
}

#[test]
fn after_so_many_changes_only_the_end_of_a_break_is_possible() {
    let mut world = raised(IN_BANK, BreakSide::Shortfall);
    for number in 1..=BREAK_CHANGES_MAX {
        close_part(&mut world, number, 1);
    }
    let next = BREAK_CHANGES_MAX + 1;
    let part = part_of(propose_resolution(ID, WRITE_OFF, CASHIER), next, 1);
    world.refused(part, Refusal::TooMany(BREAK_CHANGES_MAX));
    world.refused(assign_break(ID, next, CASHIER), Refusal::TooMany(BREAK_CHANGES_MAX));
    let rest = 500 - u64::from(BREAK_CHANGES_MAX);
    close_part(&mut world, next, rest);
    world.expect(&[(A::Bank, -500), (A::WriteOffs, 500)]);
}

#[test]
fn a_break_raised_by_mistake_is_withdrawn_by_two_people() {
    for (subject, side) in [
        (IN_BANK, BreakSide::Shortfall),
        (AT_NETWORK, BreakSide::Excess),
        (BreakSubject::Wallet(WALLET), BreakSide::Shortfall),
        (IN_CASH, BreakSide::Excess),
    ] {
        let mut world = raised(subject, side);
        world.refused(withdraw_break(1, [BO, BO]), Refusal::SamePerson);
        // Anna owns it.
        world.refused(withdraw_break(1, [BO, ANNA]), Refusal::SamePerson);
        let withdrawal = withdraw_break(1, [ANNA, BO]);
        world.must(withdrawal.clone()).repeated(withdrawal);
        world.refused(withdraw_break(1, [CASHIER, BO]), Refusal::OtherContent);
        world.expect(&[]);
        assert!(world.engine.open_breaks().is_empty());
        world.repeated(raise_break(1, subject, side, 500));
    }
}

#[test]
fn nothing_is_approved_after_the_end_of_a_break() {
    let missing = Refusal::NotFound(MissingRecord::Break(ID));
    let mut world = raised(IN_BANK, BreakSide::Shortfall);
    world.must(propose_resolution(ID, WRITE_OFF, CASHIER)).must(withdraw_break(1, [CASHIER, BO]));
    let Command::ApproveBreakResolution(late) = approve_resolution(ID, WRITE_OFF, BO) else {
        unreachable!()
    };
    let late = Command::ApproveBreakResolution(ApproveBreakResolution { number: 2, ..late });
    world.refused(late.clone(), missing.clone());
    let mut world = raised(IN_BANK, BreakSide::Shortfall);
    world.must(propose_resolution(ID, WRITE_OFF, CASHIER));
    world.must(approve_resolution(ID, WRITE_OFF, BO)).refused(late, missing);
}

#[test]
fn a_break_that_was_used_is_not_withdrawn() {
    let mut world = raised(IN_BANK, BreakSide::Shortfall);
    close_part(&mut world, 1, 200);
    world.refused(withdraw_break(1, [CASHIER, BO]), Refusal::PlanState);
    close_part(&mut world, 2, 300);
    let missing = Refusal::NotFound(MissingRecord::Break(ID));
    world.refused(withdraw_break(1, [CASHIER, BO]), missing);

    // The firm's surplus is on its way to the bank, or there.
    let mut world = raised(IN_CASH, BreakSide::Excess);
    world.must(deposit(1, 200));
    world.refused(withdraw_break(1, [CASHIER, BO]), Refusal::LimitReached);
    world.must(confirm_deposit(1, 200));
    world.refused(withdraw_break(1, [CASHIER, BO]), Refusal::PlanState);
    world.must(deposit(2, 300)).must(confirm_deposit(2, 300));
    world.refused(withdraw_break(1, [CASHIER, BO]), Refusal::PlanState);
}

#[test]
fn what_a_line_or_a_count_found_is_neither_withdrawn_nor_posted_elsewhere() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1)).must(count(1, 10_500));
    let surplus = FIRST_AUTOMATIC_BREAK.0;
    world.refused(withdraw_break(surplus, [ANNA, BO]), Refusal::PlanState);
    let elsewhere = reclassify_break(surplus, 1, IN_BANK, [ANNA, BO]);
    world.refused(elsewhere, Refusal::PlanState);
}

#[test]
fn a_break_is_posted_where_the_difference_is_and_keeps_its_age() {
    let mut world = raised(IN_BANK, BreakSide::Shortfall);
    world.must(propose_resolution(ID, WRITE_OFF, CASHIER)).on("2013-09-02");
    world.refused(reclassify_break(1, 1, AT_NETWORK, [BO, ANNA]), Refusal::SamePerson);
    world.refused(reclassify_break(1, 1, IN_BANK, [CASHIER, BO]), Refusal::PlanState);
    let moved = reclassify_break(1, 1, AT_NETWORK, [CASHIER, BO]);
    world.must(moved.clone()).repeated(moved);
    world.refused(reclassify_break(1, 1, IN_CASH, [CASHIER, BO]), Refusal::NumberUsed(1));
    world.expect(&[(A::NetworkReceivable, -500), (A::Suspense, 500)]);
    let [one] = world.engine.open_breaks()[..] else { panic!("one break") };
    assert_eq!((one.subject, one.opened), (AT_NETWORK, day("2013-08-28")));
    // What was proposed was for a difference in the bank.
    let approval = part_of(approve_resolution(ID, WRITE_OFF, BO), 2, 500);
    world.refused(approval, Refusal::PlanState);
    // The raiser's retry is still one.
    world.repeated(raise_break(1, IN_BANK, BreakSide::Shortfall, 500));
    world.must(withdraw_break(1, [CASHIER, BO])).expect(&[]);
}

#[test]
fn a_firms_surplus_posted_elsewhere_waits_for_no_deposit() {
    let mut world = raised(IN_CASH, BreakSide::Excess);
    world.must(reclassify_break(1, 1, IN_BANK, [CASHIER, BO]));
    world.expect(&[(A::Bank, 500), (A::Suspense, -500)]);
    world.must(reclassify_break(1, 2, IN_CASH, [CASHIER, BO]));
    world.must(deposit(1, 500)).must(confirm_deposit(1, 500));
    world.expect(&[(A::Bank, 500), (A::Suspense, -500)]);
}

#[test]
fn a_break_of_a_line_belongs_to_nobody_until_somebody_gets_it() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().last_payment();
    world.must(clear(payment, 10_000, 64));
    let [one] = world.engine.open_breaks()[..] else { panic!("one break") };
    assert_eq!(one.owner, PersonId(0));
    let nobody = assign_break(one.id, 1, PersonId(0));
    world.refused(nobody, Refusal::PersonNotRegistered(PersonId(0)));
    world.must(assign_break(one.id, 1, BO)).repeated(assign_break(one.id, 1, BO));
    assert_eq!(world.engine.open_breaks()[0].owner, BO);
    world.refused(assign_break(one.id, 1, CASHIER), Refusal::NumberUsed(1));
}

#[test]
fn whoever_owned_a_break_does_not_approve_its_end_later() {
    let mut world = raised(IN_BANK, BreakSide::Shortfall);
    world.must(assign_break(ID, 1, CASHIER)).must(assign_break(ID, 2, BO));
    world.must(part_of(propose_resolution(ID, WRITE_OFF, BO), 3, 500));
    for owner in [ANNA, CASHIER] {
        let approval = part_of(approve_resolution(ID, WRITE_OFF, owner), 3, 500);
        world.refused(approval, Refusal::SamePerson);
        world.refused(withdraw_break(1, [BO, owner]), Refusal::SamePerson);
    }
    world.expect(&[(A::Bank, -500), (A::Suspense, 500)]);
}
