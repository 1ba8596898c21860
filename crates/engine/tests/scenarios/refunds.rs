//! Money that goes back to a buyer after the door.

use engine::chart::AccountKind as A;
use engine::view::{ParcelState as S, TenderState as T};
use engine::*;
use money::Amount;

use crate::world::*;

/// A card payment of 100.00, approved; 99.22 of it are the seller's in the end.
fn paid_by_card() -> (World, TenderId) {
    let mut world = World::open();
    let tender = world.parcel("o-1", 10_000).out().card(10_000).approve().last();
    (world, tender)
}

#[test]
fn a_refund_before_the_money_is_there_comes_out_of_what_is_held() {
    let (mut world, tender) = paid_by_card();
    world.must(refund(tender, 1, 4_000));
    assert_eq!((world.sum(A::SellerHeld), world.sum(A::BuyerRefunds)), (5_922, 4_000));
    world.must(clear(tender, 10_000, 63));
    assert_eq!((world.sum(A::SellerHeld), world.sum(A::SellerPayable)), (0, 5_922));
    world.must(confirm_refund(tender, 1, 4_000));
    assert_eq!((world.sum(A::BuyerRefunds), world.sum(A::Bank)), (0, 5_937));
    world.must(plan(1, ANNA));
    let line = world.engine.open_plan(PlanId(1)).unwrap().lines[0];
    assert_eq!((line.gross, line.fees, line.given_back), (10_000, 78, 4_000));
    assert_eq!(line.net, Amount::of(5_922));
}

#[test]
fn a_refund_after_the_release_comes_out_of_the_sellers_own_money() {
    let (mut world, tender) = paid_by_card();
    world.must(clear(tender, 10_000, 63)).must(refund(tender, 1, 4_000));
    assert_eq!((world.sum(A::SellerPayable), world.sum(A::BuyerRefunds)), (5_922, 4_000));
    assert_eq!(world.tender(tender).given_back, Amount::of(4_000));
}

#[test]
fn a_full_refund_takes_the_fees_from_the_sellers_own_money() {
    for cleared in [false, true] {
        let (mut world, tender) = paid_by_card();
        if cleared {
            world.must(clear(tender, 10_000, 63));
        }
        world.must(refund(tender, 1, 10_000));
        assert_eq!(world.sum(A::SellerHeld), 0);
        assert_eq!(world.sum(A::SellerPayable), -78);
        world.refused(refund(tender, 2, 1), Refusal::AmountTooLarge(Amount::ZERO));
    }
}

#[test]
fn refunds_are_numbered_so_that_a_retry_is_seen() {
    let (mut world, tender) = paid_by_card();
    world.refused(refund(tender, 0, 100), Refusal::WrongNumber(1));
    world.refused(refund(tender, 2, 100), Refusal::WrongNumber(1));
    world.must(refund(tender, 1, 100)).repeated(refund(tender, 1, 100));
    world.repeated(charge_back(tender, 1, 100)).must(charge_back(tender, 2, 100));
    assert_eq!(world.tender(tender).given_back, Amount::of(200));
    world.refused(refund(tender, 3, 9_801), Refusal::AmountTooLarge(Amount::of(9_800)));
}

#[test]
fn a_tender_sees_no_more_than_so_many_refunds() {
    let (mut world, tender) = paid_by_card();
    for number in 1..=REFUNDS_MAX {
        world.must(refund(tender, number, 1));
    }
    let refusal = Refusal::TooMany(REFUNDS_MAX);
    world.refused(refund(tender, REFUNDS_MAX + 1, 1), refusal);
}

#[test]
fn all_refunds_of_a_tender_leave_the_bank_together_and_once() {
    let (mut world, tender) = paid_by_card();
    world.refused(confirm_refund(tender, 1, 1), Refusal::TenderState);
    world.must(refund(tender, 1, 1_000)).must(refund(tender, 2, 500));
    world.refused(confirm_refund(tender, 1, 1_000), Refusal::AmountMismatch(Amount::of(1_500)));
    world.must(confirm_refund(tender, 1, 1_500)).repeated(confirm_refund(tender, 1, 1_500));
    assert_eq!((world.sum(A::BuyerRefunds), world.sum(A::Bank)), (0, -1_500));
}

#[test]
fn a_chargeback_comes_out_of_what_the_network_owes() {
    let (mut world, tender) = paid_by_card();
    world.must(charge_back(tender, 1, 4_000));
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::SellerHeld)), (6_000, 5_922));
    // The file still names the payment by its amount; the network is then owed the chargeback.
    world.must(clear(tender, 10_000, 63));
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::SellerPayable)), (-4_000, 5_922));
}

#[test]
fn cash_is_refunded_but_never_charged_back() {
    let mut world = World::open();
    let tender = world.parcel("o-1", 10_000).out().cash(10_000).last();
    world.refused(charge_back(tender, 1, 100), Refusal::TenderState);
    world.must(refund(tender, 1, 100)).must(confirm_refund(tender, 1, 100));
    assert_eq!((world.sum(A::Bank), world.sum(A::CourierCash)), (-100, 10_000));
}

#[test]
fn only_what_was_collected_is_given_back() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).out().card(10_000).id();
    let tender = TenderId { parcel, number: 1 };
    for command in [refund(tender, 1, 1), charge_back(tender, 1, 1)] {
        world.refused(command, Refusal::TenderState);
    }
    world.must(unknown(tender)).refused(refund(tender, 1, 1), Refusal::TenderState);
    world.must(reverse(tender)).refused(refund(tender, 1, 1), Refusal::TenderState);
    world.refused(refund(tender, 1, 0), Refusal::AmountZero);
}

#[test]
fn a_refund_while_the_money_is_on_hold_keeps_its_day() {
    let hold = HoldRule::DaysAfterHeld(1);
    let mut world = World::set(Setup { hold, ..Setup::default() });
    let tender = world.parcel("o-1", 10_000).out().card(10_000).approve().clear().last();
    world.must(refund(tender, 1, 4_000));
    assert_eq!(world.tender(tender).state, T::Held);
    world.on("2013-08-29").must(release("2013-08-29"));
    assert_eq!((world.sum(A::SellerHeld), world.sum(A::SellerPayable)), (0, 5_922));
    let given_back = Amount::of(4_000);
    let (gross, fees) = (Amount::of(10_000), Amount::of(78));
    let released = Event::Released { tender, seller: SELLER, gross, fees, given_back };
    assert_eq!(world.events(), [released]);
}

#[test]
fn a_refund_does_not_open_the_parcel_again() {
    let (mut world, tender) = paid_by_card();
    world.must(refund(tender, 1, 10_000));
    let next = TenderId { number: 2, ..tender };
    world.refused(cash(next, 10_000), Refusal::ParcelState);
}

#[test]
fn a_late_duplicate_of_a_refunds_confirmation_does_not_pay_the_next_refund() {
    let (mut world, tender) = paid_by_card();
    world.must(refund(tender, 1, 1_000)).must(confirm_refund(tender, 1, 1_000));
    world.must(refund(tender, 2, 1_000)).repeated(confirm_refund(tender, 1, 1_000));
    assert_eq!((world.sum(A::BuyerRefunds), world.sum(A::Bank)), (1_000, -1_000));
    for number in [0, 3, u8::MAX] {
        world.refused(confirm_refund(tender, number, 1_000), Refusal::WrongNumber(2));
    }
    world.must(confirm_refund(tender, 2, 1_000));
    world.repeated(confirm_refund(tender, 1, 1_000)).repeated(confirm_refund(tender, 2, 1_000));
    world.refused(confirm_refund(tender, 3, 1_000), Refusal::TenderState);
    assert_eq!((world.sum(A::BuyerRefunds), world.sum(A::Bank)), (0, -2_000));
}

#[test]
fn confirmations_are_counted_apart_from_refunds_and_for_each_payment() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).out().card(6_000).approve().qr(4_000).approve().id();
    let [card, qr] = [1, 2].map(|number| TenderId { parcel, number });
    // A confirmation of two refunds is one; a chargeback needs none.
    world.must(refund(card, 1, 100)).must(refund(card, 2, 100)).must(confirm_refund(card, 1, 200));
    world.must(charge_back(card, 3, 100)).must(refund(card, 4, 100));
    world.must(refund(qr, 1, 100)).must(confirm_refund(qr, 1, 100));
    world.must(confirm_refund(card, 2, 100));
    assert_eq!((world.sum(A::BuyerRefunds), world.sum(A::Bank)), (0, -400));
}

#[test]
fn a_parcel_of_which_a_payment_was_refunded_in_full_is_refused_and_brought_back() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).out().card(4_000).approve().clear().id();
    let tender = TenderId { parcel, number: 1 };
    world.must(refund(tender, 1, 3_999));
    let lost = Command::LoseParcel { parcel };
    for command in [attempt(parcel, 1), refuse(parcel), lost.clone()] {
        world.refused(command, Refusal::ParcelState);
    }
    world.must(refund(tender, 2, 1)).must(refuse(parcel));
    world.must(Command::ReturnParcel { parcel }).repeated(Command::ReturnParcel { parcel });
    assert_eq!(world.view(parcel).state, S::Returned);
    // Given back: all of it. The seller paid the fees, 0.22, 0.03 and 0.06, and the return.
    assert_eq!((world.sum(A::SellerHeld), world.sum(A::SellerPayable)), (0, -31 - 400));
    // The money's way goes on, the parcel's does not.
    world.must(confirm_refund(tender, 1, 4_000));
    assert_eq!((world.sum(A::Bank), world.sum(A::BuyerRefunds)), (4_000 - 25 - 4_000, 0));
    world.refused(reverse(tender), Refusal::TenderState).refused(lost, Refusal::ParcelState);
    world.refused(cash(TenderId { parcel, number: 2 }, 6_000), Refusal::ParcelState);
}

#[test]
fn a_parcel_of_which_a_payment_was_charged_back_in_full_is_lost_or_tried_again() {
    let mut world = World::open();
    let [first, second] = ["o-1", "o-2"].map(|order| {
        let tender = world.parcel(order, 10_000).out().card(4_000).approve().last();
        world.must(charge_back(tender, 1, 4_000));
        tender.parcel
    });
    world.must(Command::LoseParcel { parcel: first });
    world.door(second).attempt();
    assert_eq!((world.view(second).state, world.view(second).attempts), (S::Assigned, 1));
    // One payment that is not given back is enough to keep it out.
    let tender = world.door(second).out().cash(5_000).last();
    for command in [attempt(second, 2), refuse(second)] {
        world.refused(command, Refusal::ParcelState);
    }
    world.must(reverse(tender)).must(attempt(second, 2));
}
