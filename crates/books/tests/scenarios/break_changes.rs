//! A break is closed in part, withdrawn, posted elsewhere, or gets another owner (M9).

use books::chart::AccountKind as A;
use books::view::PaymentState;
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
fn what_a_line_or_a_count_found_is_not_posted_elsewhere_and_a_line_is_not_withdrawn() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1)).must(count(1, 10_500));
    world.must(line_of(ClearLineKind::Sale, None, 10_000, 0));
    for automatic in [SURPLUS, SURPLUS + 1] {
        let elsewhere = reclassify_break(automatic, 1, IN_BANK, [ANNA, BO]);
        world.refused(elsewhere, Refusal::PlanState);
    }
    world.refused(withdraw_break(SURPLUS + 1, [ANNA, BO]), Refusal::PlanState);
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

/// A hand-over of 200.00 whose count has a typing error: an excess of 1,800.00. The payment.
fn mistyped() -> (World, PaymentId) {
    let mut world = World::open();
    let payment = world.parcel("o-1", 20_000).dispatch().cash(20_000).last_payment();
    world.must(start_hand_over(1)).must(count(1, 200_000));
    (world, payment)
}

const SURPLUS: u64 = FIRST_AUTOMATIC_BREAK.0;

#[test]
fn two_people_undo_the_excess_of_a_wrong_count() {
    let (mut world, payment) = mistyped();
    world.refused(withdraw_break(SURPLUS, [BO, CASHIER]), Refusal::SamePerson);
    world.must(withdraw_break(SURPLUS, [CASHIER, BO]));
    world.repeated(withdraw_break(SURPLUS, [CASHIER, BO]));
    assert!(world.engine.open_breaks().is_empty());
    assert_eq!((world.sum(A::FirmCash), world.sum(A::Suspense)), (20_000, 0));
    assert_eq!(world.payment(payment).state, PaymentState::Approved);
    world.refused(deposit(1, 20_001), Refusal::AmountTooLarge(Amount::of(20_000)));
    // A later shortage is not explained by it.
    world.parcel("o-2", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(2)).must(count(2, 9_000));
    assert_eq!(world.sum(A::CourierShortage), 1_000);
    world.must(deposit(1, 20_000)).must(confirm_deposit(1, 20_000));
    assert_eq!(world.payment(payment).state, PaymentState::Released);
}

#[test]
fn the_supervisor_of_a_wrong_count_does_not_approve_that_it_is_undone() {
    let mut world = World::open();
    world.parcel("o-1", 20_000).dispatch().cash(20_000);
    world.must(start_hand_over(1)).must(count_by_supervisor(1, 200_000, [CASHIER, BO]));
    world.refused(withdraw_break(SURPLUS, [ANNA, BO]), Refusal::SamePerson);
    world.must(withdraw_break(SURPLUS, [BO, ANNA]));
}

#[test]
fn an_excess_of_a_count_that_was_deposited_or_closed_in_part_stays() {
    let (mut world, _) = mistyped();
    world.must(deposit(1, 20_001)).must(confirm_deposit(1, 20_001));
    world.refused(withdraw_break(SURPLUS, [ANNA, BO]), Refusal::PlanState);
    let (mut world, _) = mistyped();
    let (id, write_off) = (BreakId(SURPLUS), BreakResolution::WriteOff);
    world.must(part_of(propose_resolution(id, write_off, ANNA), 1, 1));
    world.must(part_of(approve_resolution(id, write_off, BO), 1, 1));
    world.refused(withdraw_break(SURPLUS, [ANNA, BO]), Refusal::PlanState);
    world.refused(reclassify_break(SURPLUS, 2, IN_BANK, [ANNA, BO]), Refusal::PlanState);
}

#[test]
fn cash_that_is_missing_is_first_what_was_counted_too_much() {
    for close_the_excess_first in [false, true] {
        let (mut world, payment) = mistyped();
        let close = |world: &mut World, id: BreakId| {
            world.must(propose_resolution(id, BreakResolution::WriteOff, CASHIER));
            world.must(approve_resolution(id, BreakResolution::WriteOff, BO));
        };
        world.must(raise_break(1, IN_CASH, BreakSide::Shortfall, 185_000));
        if close_the_excess_first {
            close(&mut world, BreakId(SURPLUS));
        }
        close(&mut world, ID);
        // Of the cash of the payment, only 50.00 was missing and made good.
        assert_eq!(world.payment(payment).state, PaymentState::Approved);
        assert_eq!(world.sum(A::FirmCash), 15_000);
        world.must(deposit(1, 15_000)).must(confirm_deposit(1, 15_000));
        assert_eq!(world.payment(payment).state, PaymentState::Released);
    }
}

#[test]
fn a_shortage_is_explained_by_a_surplus_whose_missing_cash_was_made_good() {
    let (mut world, _) = mistyped();
    world.must(raise_break(1, IN_CASH, BreakSide::Shortfall, 180_000));
    world
        .must(propose_resolution(ID, WRITE_OFF, CASHIER))
        .must(approve_resolution(ID, WRITE_OFF, BO));
    let next = world.parcel("o-2", 10_000).dispatch().cash(10_000).last_payment();
    world.must(start_hand_over(2)).must(count(2, 0));
    assert_eq!((world.sum(A::CourierShortage), world.sum(A::WriteOffs)), (0, 180_000));
    assert_eq!(world.payment(next).state, PaymentState::Released, "Doorstep bears it");
    assert_eq!(world.sum(A::FirmCash), 20_000);
}

#[test]
fn the_second_person_had_no_part_in_the_break_before() {
    // Bo raised it for Anna.
    let mut world = World::open();
    let Command::RaiseBreak(raise) = raise_break(1, IN_BANK, BreakSide::Excess, 500) else {
        unreachable!("a break");
    };
    world.must(Command::RaiseBreak(RaiseBreak { raised_by: BO, ..raise }));
    world.must(propose_resolution(ID, WRITE_OFF, CASHIER));
    world.refused(approve_resolution(ID, WRITE_OFF, BO), Refusal::SamePerson);
    world.refused(withdraw_break(1, [CASHIER, BO]), Refusal::SamePerson);
    world.must(approve_resolution(ID, WRITE_OFF, PersonId(9)));

    // Person 9 assigned it.
    let mut world = raised(IN_BANK, BreakSide::Excess);
    let (owner, assigned_by) = (CASHIER, PersonId(9));
    world.must(Command::AssignBreak(AssignBreak { break_id: ID, number: 1, owner, assigned_by }));
    world.refused(withdraw_break(1, [ANNA, PersonId(9)]), Refusal::SamePerson);
    world.must(withdraw_break(1, [ANNA, BO]));

    // Bo proposed what the cashier replaced.
    let mut world = raised(IN_BANK, BreakSide::Excess);
    world.must(propose_resolution(ID, BreakResolution::ThroughBank(BANK), BO));
    world.must(propose_resolution(ID, WRITE_OFF, CASHIER));
    world.refused(approve_resolution(ID, WRITE_OFF, BO), Refusal::SamePerson);
    world.must(approve_resolution(ID, WRITE_OFF, PersonId(9)));

    // Bo wanted it elsewhere.
    let mut world = raised(IN_BANK, BreakSide::Excess);
    world.must(reclassify_break(1, 1, AT_NETWORK, [BO, CASHIER]));
    world.refused(withdraw_break(1, [ANNA, BO]), Refusal::SamePerson);
    world.must(withdraw_break(1, [ANNA, CASHIER]));
}

#[test]
fn who_approved_a_part_may_approve_another() {
    let mut world = raised(IN_BANK, BreakSide::Excess);
    close_part(&mut world, 1, 200);
    close_part(&mut world, 2, 300);
    assert!(world.engine.open_breaks().is_empty());
}
