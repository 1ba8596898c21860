//! Cash in a courier's hands and its way to the hub (M6).

use books::chart::AccountKind as A;
use books::view::ParcelState as S;
use books::*;
use money::Amount;

use crate::world::*;

fn in_hand(world: &World) -> (i128, i128) {
    world.engine.courier_cash(COURIER).unwrap()
}

#[test]
fn a_courier_takes_no_more_cash_than_the_limit_in_hand() {
    let mut world = World::set(Setup { cash_limit: 15_000, ..Setup::default() });
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    let parcel = world.parcel("o-2", 10_000).dispatch().id();
    let payment = PaymentId { parcel, number: 1 };
    let exceeded = || Refusal::CashLimitExceeded(Amount::of(15_000));
    world.refused(collect_cash(payment, 5_001), exceeded());
    world.must(collect_cash(payment, 5_000));
    // Another payment is always possible, and a hand-over makes room.
    let next = PaymentId { parcel, number: 2 };
    world.refused(collect_cash(next, 5_000), exceeded());
    world.must(start_hand_over(1)).refused(collect_cash(next, 5_000), exceeded());
    world.must(count(1, 15_000)).must(collect_cash(next, 5_000));
    assert_eq!(in_hand(&world), (5_000, 0));
}

#[test]
fn cash_moves_to_the_firm_when_a_second_person_has_counted_it_with_the_code() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1));
    // Nothing is posted before the count.
    assert_eq!(in_hand(&world), (10_000, 0));
    let count_with = |code, counted_by| {
        Command::CountHandOver(CountHandOver {
            handover: HandOverId(1),
            code_mac: mac_of(HandOverId(1), code),
            counted: Amount::of(10_000),
            counted_by,
        })
    };
    let courier = PersonId(COURIER.0);
    world.refused(count_with(CODE, courier), Refusal::SamePerson);
    world.must(count_with(CODE, CASHIER));
    assert_eq!(in_hand(&world), (0, 0));
    assert_eq!(world.sum(A::FirmCash), 10_000);
    world.repeated(count_with(CODE, CASHIER));
    world.repeated(start_hand_over(1));
}

#[test]
fn a_hand_over_counted_short_is_the_couriers_debt() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1)).must(count(1, 9_000));
    assert_eq!(in_hand(&world), (0, 1_000));
    assert_eq!(world.sum(A::FirmCash), 9_000);
    assert_eq!(world.engine.custody(FIRM), Some(10_000));
    assert!(world.engine.open_breaks().is_empty(), "somebody owes it: it is no break");
}

#[test]
fn a_hand_over_counted_as_zero_is_short_of_all() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1)).must(count(1, 0));
    assert_eq!(in_hand(&world), (0, 10_000));
    assert_eq!(world.sum(A::FirmCash), 0);
}

#[test]
fn a_surplus_is_nobodys_until_its_break_is_closed() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1)).must(count(1, 10_500));
    assert_eq!(world.sum(A::FirmCash), 10_500);
    assert_eq!(world.sum(A::Suspense), -500);
    let [one] = world.engine.open_breaks()[..] else { panic!("one break") };
    assert_eq!(one.id, FIRST_AUTOMATIC_BREAK);
    assert_eq!((one.subject, one.side), (BreakSubject::FirmCash(FIRM), BreakSide::Excess));
    assert_eq!((one.amount.minor(), one.owner), (500, CASHIER));
    assert_eq!(one.opened, day("2013-08-28"));
}

#[test]
fn there_is_nothing_to_hand_over_without_cash() {
    let mut world = World::open();
    world.refused(start_hand_over(1), Refusal::NoCashInHand);
    world.parcel("o-1", 10_000).dispatch().cash(10_000).reverse();
    world.refused(start_hand_over(1), Refusal::NoCashInHand);
    world.refused(count(1, 0), Refusal::NotFound(MissingRecord::HandOver(HandOverId(1))));
}

#[test]
fn cash_taken_during_an_open_hand_over_belongs_to_the_next_one() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1));
    world.parcel("o-2", 3_000).dispatch().cash(3_000);
    world.refused(start_hand_over(2), Refusal::HandOverOpen);
    // The count covers the cash in hand at the start: 10,000, without a surplus.
    world.must(count(1, 10_000));
    assert_eq!(in_hand(&world), (3_000, 0));
    assert_eq!(world.sum(A::Suspense), 0);
    world.must(start_hand_over(2));
    let expected = Amount::of(3_000);
    assert_eq!(world.events(), [Event::HandOverStarted { handover: HandOverId(2), expected }]);
    world.must(count(2, 3_000));
    assert_eq!(world.sum(A::FirmCash), 13_000);
}

#[test]
fn cash_is_returned_at_the_door_while_the_courier_has_it() {
    let mut world = World::open();
    let first = world.parcel("o-1", 10_000).dispatch().cash(10_000).last_payment();
    world.must(reverse(first));
    world.expect(&[]);
    assert_eq!(world.view(first.parcel).state, S::Out);
    // Counted again: the hub has the cash, and only a refund can return it.
    let second = world.parcel_steps(first.parcel).cash(10_000).last_payment();
    world.must(start_hand_over(1)).refused(reverse(second), Refusal::HandOverOpen);
    world.must(count(1, 10_000)).refused(reverse(second), Refusal::PaymentState);
}

#[test]
fn cash_taken_after_a_hand_over_began_can_be_returned_while_that_is_counted() {
    let mut world = World::open();
    let first = world.parcel("o-1", 10_000).dispatch().cash(10_000).last_payment();
    world.must(start_hand_over(1));
    let second = world.parcel("o-2", 3_000).dispatch().cash(3_000).last_payment();
    world.must(reverse(second)).refused(reverse(first), Refusal::HandOverOpen);
    world.must(count(1, 10_000));
    assert_eq!(in_hand(&world), (0, 0));
    world.refused(start_hand_over(2), Refusal::NoCashInHand);
}

#[test]
fn a_hand_over_is_one_couriers_and_is_counted_once() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1));
    let parcel = world.parcel("o-2", 10_000).id();
    world.must(assign(parcel)).must(dispatch_with(COLLEAGUE, parcel));
    let trace = Trace { terminal: COLLEAGUES_TERMINAL, batch: 1, stan: Stan::MIN };
    world.must(Command::OpenBatch(OpenBatch { terminal: COLLEAGUES_TERMINAL, batch: 1 }));
    world.must(take_cash_at(trace, parcel, 10_000, 10_000));
    world.refused(start_hand_over_of(COLLEAGUE, 1, 1), Refusal::IdentifierTaken);
    world.must(start_hand_over_of(COLLEAGUE, 1, 2));
    world.must(count(2, 10_000)).must(count(1, 10_000));
    world.repeated(count(1, 10_000)).repeated(count(2, 10_000));
    assert_eq!(world.sum(A::FirmCash), 20_000);
}

#[test]
fn a_shortage_is_repaid_in_numbered_parts_and_never_more_than_is_short() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1)).must(count(1, 9_000));
    world.refused(repay(COURIER, 1, 1_001), Refusal::AmountTooLarge(Amount::of(1_000)));
    world.refused(repay(COURIER, 1, 0), Refusal::AmountZero);
    world.refused(repay(COURIER, 2, 100), Refusal::WrongSequenceNumber(1));
    world.must(repay(COURIER, 1, 600)).repeated(repay(COURIER, 1, 600));
    world.must(repay(COURIER, 2, 400));
    world.refused(repay(COURIER, 3, 1), Refusal::AmountTooLarge(Amount::ZERO));
    assert_eq!(in_hand(&world), (0, 0));
    assert_eq!(world.sum(A::FirmCash), 10_000);
    world.refused(repay(COLLEAGUE, 1, 1), Refusal::AmountTooLarge(Amount::ZERO));
}

#[test]
fn a_hand_over_repeated_after_later_ones_changes_nothing() {
    // The pair of commands arrives again when the courier has other cash. It must not open and
    // count a hand-over of that.
    let mut world = World::open();
    for number in 1..=3 {
        world.parcel(&format!("o-{number}"), 10_000).dispatch().cash(10_000);
        world.must(start_hand_over(number)).must(count(number, 10_000));
    }
    world.parcel("o-4", 10_000).dispatch().cash(10_000);
    for stale in 1..=3 {
        world.repeated(start_hand_over(stale)).repeated(count(stale, 10_000));
    }
    assert_eq!((in_hand(&world), world.sum(A::FirmCash)), ((10_000, 0), 30_000));
    // An old number stays a used number, with a new id or an earlier one.
    world.refused(start_hand_over_of(COURIER, 1, 9), Refusal::NumberUsed(1));
    world.must(start_hand_over(4)).repeated(start_hand_over(1)).repeated(start_hand_over(4));
    world.repeated(count(1, 10_000));
    world.must(count(4, 10_000));
}

#[test]
fn hand_overs_are_numbered_for_each_courier_and_none_is_left_out() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    for number in [0, 2, u32::MAX] {
        world.refused(start_hand_over_of(COURIER, number, 7), Refusal::WrongSequenceNumber(1));
    }
    world.must(start_hand_over_of(COURIER, 1, 7));
    let (handover, counted) = (HandOverId(7), Amount::of(10_000));
    let (code_mac, counted_by) = (mac_of(handover, CODE), CASHIER);
    world.must(Command::CountHandOver(CountHandOver { handover, code_mac, counted, counted_by }));
    // A refused hand-over does not use up a number.
    world.refused(start_hand_over_of(COURIER, 2, 8), Refusal::NoCashInHand);
    world.refused(start_hand_over_of(COLLEAGUE, 1, 8), Refusal::NoCashInHand);
    world.parcel("o-2", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over_of(COURIER, 2, 8));
}

#[test]
fn a_hand_over_repeated_with_other_content_is_not_a_retry() {
    let mut world = World::open();
    world.parcel("o-1", 5_000).dispatch().cash(5_000);
    let (handover, courier, number) = (HandOverId(1), COURIER, 1);
    let said = |handover, code| {
        Command::StartHandOver(StartHandOver {
            handover,
            courier,
            number,
            code_mac: mac_of(handover, code),
        })
    };
    world.must(said(handover, CODE)).repeated(said(handover, CODE));
    for counted in [false, true] {
        if counted {
            world.must(count(1, 5_000)).repeated(said(handover, CODE));
        }
        world.refused(said(HandOverId(2), CODE), Refusal::NumberUsed(1));
        world.refused(said(handover, CODE + 1), Refusal::NumberUsed(1));
    }
}
