//! How a courier's shortage ends, and who pays it (M5, M6).

use books::chart::AccountKind as A;
use books::view::PaymentState as T;
use books::*;
use money::Amount;

use crate::world::*;

const BOTH: [PersonId; 2] = [ANNA, BO];

/// Two parcels paid with 100.00 in cash each. 150.00 were counted and are in the bank.
fn short(setup: Setup) -> (World, [PaymentId; 2]) {
    let mut world = World::set(setup);
    let payments = ["o-1", "o-2"]
        .map(|order| world.parcel(order, 10_000).dispatch().cash(10_000).last_payment());
    world.must(start_hand_over(1)).must(count(1, 15_000));
    world.must(deposit(1, 15_000)).must(confirm_deposit(1, 15_000));
    (world, payments)
}

fn states(world: &World, payments: [PaymentId; 2]) -> [T; 2] {
    payments.map(|payment| world.payment(payment).state)
}

fn shortage(world: &World) -> i128 {
    world.engine.courier_cash(COURIER).unwrap().1
}

#[test]
fn a_shortage_written_off_by_two_persons_pays_the_seller_at_doorsteps_cost() {
    let (mut world, payments) = short(Setup::default());
    assert_eq!(states(&world, payments), [T::Released, T::Approved]);
    world.must(write_off_shortage(1, 4_999, BOTH));
    let (courier, amount) = (COURIER, Amount::of(4_999));
    assert_eq!(world.events(), [Event::ShortageWrittenOff { courier, amount }]);
    assert_eq!(states(&world, payments), [T::Released, T::Approved], "one fen is short");
    world.must(write_off_shortage(2, 1, BOTH)).repeated(write_off_shortage(1, 4_999, BOTH));
    assert_eq!(states(&world, payments), [T::Released, T::Released]);
    assert_eq!((shortage(&world), world.sum(A::WriteOffs)), (0, 5_000));
    assert_eq!((world.sum(A::Bank), world.sum(A::FirmCash)), (15_000, 0));
    let none = Refusal::AmountTooLarge(Amount::ZERO);
    world.refused(write_off_shortage(3, 1, BOTH), none.clone());
    world.refused(repay(COURIER, 3, 1), none);
}

#[test]
fn nobody_ends_a_shortage_alone_and_the_courier_never() {
    let setup = Setup { guarantee: 50_000, ..Setup::default() };
    let (mut world, _) = short(setup);
    let courier = PersonId(COURIER.0);
    for persons in [[ANNA, ANNA], [ANNA, courier], [courier, BO]] {
        for end in [write_off_shortage, cover_shortage, deduct_shortage] {
            world.refused(end(1, 100, persons), Refusal::SamePerson);
        }
    }
    assert_eq!(shortage(&world), 5_000);
}

#[test]
fn who_counted_a_short_hand_over_is_not_the_second_who_ends_its_shortage() {
    let setup = Setup { guarantee: 50_000, ..Setup::default() };
    let (mut world, _) = short(setup);
    world.parcel("o-3", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(2)).must(count_by_supervisor(2, 9_000, [ANNA, BO]));
    // The cashier counted the first, Anna and Bo the second.
    for second in [CASHIER, ANNA, BO] {
        for end in [write_off_shortage, cover_shortage, deduct_shortage] {
            world.refused(end(1, 100, [PersonId(9), second]), Refusal::SamePerson);
        }
    }
    world.must(write_off_shortage(1, 1_000, [CASHIER, PersonId(9)]));
    // Nobody is left out for a hand-over that is not short any more.
    world.must(repay(COURIER, 2, 4_000));
    world.refused(write_off_shortage(3, 100, [PersonId(9), ANNA]), Refusal::SamePerson);
    world.must(write_off_shortage(3, 100, [PersonId(9), CASHIER]));
}

#[test]
fn reductions_of_a_shortage_are_numbered_together() {
    let setup = Setup { guarantee: 50_000, ..Setup::default() };
    let (mut world, _) = short(setup);
    world.must(write_off_shortage(1, 100, BOTH));
    world.refused(repay(COURIER, 1, 100), Refusal::NumberUsed(1));
    world.refused(write_off_shortage(1, 100, [BO, ANNA]), Refusal::NumberUsed(1));
    world.refused(cover_shortage(1, 100, BOTH), Refusal::NumberUsed(1));
    world.must(repay(COURIER, 2, 100)).repeated(repay(COURIER, 2, 100));
    world.must(cover_shortage(3, 100, BOTH)).repeated(cover_shortage(3, 100, BOTH));
    world.must(deduct_shortage(4, 100, BOTH)).repeated(deduct_shortage(4, 100, BOTH));
    world.refused(deduct_shortage(6, 1, BOTH), Refusal::WrongSequenceNumber(5));
    world.refused(deduct_shortage(5, 0, BOTH), Refusal::AmountZero);
    assert_eq!(shortage(&world), 4_600);
}

#[test]
fn a_firm_takes_over_a_shortage_within_its_guarantee_and_deposits_it() {
    let setup = Setup { guarantee: 10_000, ..Setup::default() };
    let (mut world, payments) = short(setup);
    assert_eq!(states(&world, payments), [T::Released, T::Approved]);
    world.must(cover_shortage(1, 5_000, BOTH));
    assert_eq!(states(&world, payments), [T::Released, T::Released]);
    assert_eq!((shortage(&world), world.engine.firm_cash(FIRM)), (0, Some(5_000)));
    // The guarantee is in use until the bank has the firm's money.
    let third = world.parcel("o-3", 10_000).dispatch().cash(10_000).last_payment();
    world.must(start_hand_over(2)).must(count(2, 9_999));
    assert_eq!(world.payment(third).state, T::Approved);
    world.refused(cover_shortage(2, 1, BOTH), Refusal::AmountTooLarge(Amount::ZERO));
    world.must(deposit(2, 5_000)).must(confirm_deposit(2, 5_000));
    world.must(cover_shortage(2, 1, BOTH));
    assert_eq!(world.payment(third).state, T::Released);
    world.must(deposit(3, 10_000)).must(confirm_deposit(3, 10_000));
    assert_eq!((world.sum(A::Bank), world.sum(A::FirmCash)), (30_000, 0));
}

#[test]
fn a_firm_without_a_guarantee_takes_over_no_shortage() {
    let (mut world, _) = short(Setup::default());
    world.refused(cover_shortage(1, 1, BOTH), Refusal::AmountTooLarge(Amount::ZERO));
}

#[test]
fn a_shortage_deducted_from_the_commission_pays_the_seller() {
    // A commission of 1.00 for each parcel paid in cash.
    let (mut world, payments) = short(Setup::default());
    assert_eq!(world.sum(A::FirmCommission), 200);
    world.refused(deduct_shortage(1, 101, BOTH), Refusal::AmountTooLarge(Amount::of(100)));
    world.must(deduct_shortage(1, 100, BOTH)).must(write_off_shortage(2, 4_900, BOTH));
    assert_eq!((world.sum(A::FirmCommission), shortage(&world)), (100, 0));
    assert_eq!(states(&world, payments), [T::Released, T::Released]);
    // The commission of the cash that was short is payable now.
    world.must(pay_commission(1, 100));
}

#[test]
fn a_write_off_goes_to_the_oldest_short_hand_over() {
    let (mut world, payments) = short(Setup::default());
    let third = world.parcel("o-3", 10_000).dispatch().cash(10_000).last_payment();
    world.must(start_hand_over(2)).must(count(2, 0));
    world.must(write_off_shortage(1, 5_000, BOTH));
    assert_eq!(states(&world, payments), [T::Released, T::Released]);
    assert_eq!((world.payment(third).state, shortage(&world)), (T::Approved, 10_000));
}

#[test]
fn a_shortage_that_begins_between_two_payments_is_taken_over_with_the_second_only() {
    let setup = Setup { guarantee: 50_000, ..Setup::default() };
    let mut world = World::set(setup);
    let [counted, short] = ["o-1", "o-2"]
        .map(|order| world.parcel(order, 10_000).dispatch().cash(10_000).last_payment());
    world.must(start_hand_over(1)).must(count(1, 10_000));
    let states = |world: &World| [counted, short].map(|one| world.payment(one).state);
    let before = states(&world);
    assert_ne!(before[0], before[1], "the first is guaranteed when it is counted");
    world.must(cover_shortage(1, 10_000, BOTH));
    assert_eq!(states(&world), [before[0]; 2]);
}
