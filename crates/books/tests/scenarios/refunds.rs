//! Refunds and chargebacks after delivery.

use books::chart::AccountKind as A;
use books::view::{ParcelState as S, PaymentState as T};
use books::*;
use money::{Amount, SignedAmount};

use crate::world::*;

/// An approved card payment of 100.00. The seller's share is 99.22.
fn paid_by_card() -> (World, PaymentId) {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().last_payment();
    (world, payment)
}

#[test]
fn a_refund_before_the_money_is_received_comes_out_of_held_money() {
    let (mut world, payment) = paid_by_card();
    world.must(refund(payment, 1, 4_000));
    assert_eq!((world.sum(A::SellerHeld), world.sum(A::BuyerRefunds)), (5_922, 4_000));
    world.must(clear(payment, 10_000, 63));
    assert_eq!((world.sum(A::SellerHeld), world.sum(A::SellerPayable)), (0, 5_922));
    world.must(confirm_refund(payment, 1, 4_000));
    assert_eq!((world.sum(A::BuyerRefunds), world.sum(A::Bank)), (0, 5_937));
    world.must(plan(1, ANNA));
    let line = world.engine.open_plan(PlanId(1)).unwrap().lines[0].line;
    assert_eq!((line.gross, line.fees, line.refunded), (10_000, 78, 4_000));
    assert_eq!(line.net, Amount::of(5_922));
}

#[test]
fn a_refund_after_the_release_comes_out_of_the_sellers_own_money() {
    let (mut world, payment) = paid_by_card();
    world.must(clear(payment, 10_000, 63)).must(refund(payment, 1, 4_000));
    assert_eq!((world.sum(A::SellerPayable), world.sum(A::BuyerRefunds)), (5_922, 4_000));
    assert_eq!(world.payment(payment).refunded, Amount::of(4_000));
}

#[test]
fn a_full_refund_takes_the_fees_from_the_sellers_own_money() {
    for cleared in [false, true] {
        let (mut world, payment) = paid_by_card();
        if cleared {
            world.must(clear(payment, 10_000, 63));
        }
        world.must(refund(payment, 1, 10_000));
        assert_eq!(world.sum(A::SellerHeld), 0);
        assert_eq!(world.sum(A::SellerPayable), -78);
        world.refused(refund(payment, 2, 1), Refusal::AmountTooLarge(Amount::ZERO));
    }
}

#[test]
fn refunds_are_numbered_so_that_a_retry_is_seen() {
    let (mut world, payment) = paid_by_card();
    world.refused(refund(payment, 0, 100), Refusal::WrongSequenceNumber(1));
    world.refused(refund(payment, 2, 100), Refusal::WrongSequenceNumber(1));
    world.must(refund(payment, 1, 100)).repeated(refund(payment, 1, 100));
    world.refused(charge_back(payment, 1, 100), Refusal::NumberUsed(1));
    world.must(charge_back(payment, 2, 100)).repeated(charge_back(payment, 2, 100));
    assert_eq!(world.payment(payment).refunded, Amount::of(200));
    world.refused(refund(payment, 3, 9_801), Refusal::AmountTooLarge(Amount::of(9_800)));
}

#[test]
fn a_payment_has_a_limited_number_of_refunds() {
    let (mut world, payment) = paid_by_card();
    for number in 1..=REFUNDS_PER_PAYMENT_MAX {
        world.must(refund(payment, number, 1));
    }
    let refusal = Refusal::TooMany(REFUNDS_PER_PAYMENT_MAX);
    world.refused(refund(payment, REFUNDS_PER_PAYMENT_MAX + 1, 1), refusal);
}

#[test]
fn all_refunds_of_a_payment_leave_the_bank_together_and_once() {
    let (mut world, payment) = paid_by_card();
    world.fund_bank(2_000).refused(confirm_refund(payment, 1, 1), Refusal::PaymentState);
    world.must(refund(payment, 1, 1_000)).must(refund(payment, 2, 500));
    world.refused(confirm_refund(payment, 1, 1_000), Refusal::AmountMismatch(Amount::of(1_500)));
    world.must(confirm_refund(payment, 1, 1_500)).repeated(confirm_refund(payment, 1, 1_500));
    assert_eq!((world.sum(A::BuyerRefunds), world.sum(A::Bank)), (0, 500));
}

#[test]
fn a_chargeback_comes_out_of_what_the_network_owes() {
    let (mut world, payment) = paid_by_card();
    world.must(charge_back(payment, 1, 4_000));
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::SellerHeld)), (6_000, 5_922));
    // The file still names the payment's full amount. Doorstep then owes the network the
    // chargeback.
    world.must(clear(payment, 10_000, 63));
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::SellerPayable)), (-4_000, 5_922));
}

#[test]
fn cash_is_refunded_but_never_charged_back() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().cash(10_000).last_payment();
    world.refused(charge_back(payment, 1, 100), Refusal::PaymentState);
    world.must(refund(payment, 1, 100));
    // Cash at the door is not in the bank.
    world.refused(confirm_refund(payment, 1, 100), Refusal::InsufficientFunds(SignedAmount::ZERO));
    world.fund_bank(100).must(confirm_refund(payment, 1, 100));
    assert_eq!((world.sum(A::Bank), world.sum(A::CourierCash)), (0, 10_000));
}

#[test]
fn only_collected_money_is_refunded() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().card(10_000).id();
    let payment = PaymentId { parcel, number: 1 };
    for command in [refund(payment, 1, 1), charge_back(payment, 1, 1)] {
        world.refused(command, Refusal::PaymentState);
    }
    world.must(outcome_unknown(payment)).refused(refund(payment, 1, 1), Refusal::PaymentState);
    world.must(reverse(payment)).refused(refund(payment, 1, 1), Refusal::PaymentState);
    world.refused(refund(payment, 1, 0), Refusal::AmountZero);
}

#[test]
fn a_refund_while_the_money_is_on_hold_keeps_its_day() {
    let hold = HoldRule::DaysAfterHeld(1);
    let mut world = World::set(Setup { hold, ..Setup::default() });
    let payment =
        world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear().last_payment();
    world.must(refund(payment, 1, 4_000));
    assert_eq!(world.payment(payment).state, T::Held);
    world.on("2013-08-29").must(release("2013-08-29"));
    assert_eq!((world.sum(A::SellerHeld), world.sum(A::SellerPayable)), (0, 5_922));
    let refunded = Amount::of(4_000);
    let (gross, fees) = (Amount::of(10_000), Amount::of(78));
    let (charged_back, loss_given_back) = (Amount::ZERO, Amount::ZERO);
    let seller = SELLER;
    let released = Event::PaymentReleased {
        payment,
        seller,
        gross,
        fees,
        refunded,
        charged_back,
        loss_given_back,
    };
    assert_eq!(world.events(), [released]);
}

#[test]
fn a_refund_does_not_open_the_parcel_again() {
    let (mut world, payment) = paid_by_card();
    world.must(refund(payment, 1, 10_000));
    let next = PaymentId { number: 2, ..payment };
    world.refused(collect_cash(next, 10_000), Refusal::ParcelState);
}

#[test]
fn a_late_duplicate_of_a_refunds_confirmation_does_not_pay_the_next_refund() {
    let (mut world, payment) = paid_by_card();
    world.fund_bank(2_000).must(refund(payment, 1, 1_000)).must(confirm_refund(payment, 1, 1_000));
    world.must(refund(payment, 2, 1_000)).repeated(confirm_refund(payment, 1, 1_000));
    assert_eq!((world.sum(A::BuyerRefunds), world.sum(A::Bank)), (1_000, 1_000));
    for number in [0, 3, u8::MAX] {
        world.refused(confirm_refund(payment, number, 1_000), Refusal::WrongSequenceNumber(2));
    }
    world.must(confirm_refund(payment, 2, 1_000));
    world.repeated(confirm_refund(payment, 1, 1_000)).repeated(confirm_refund(payment, 2, 1_000));
    world.refused(confirm_refund(payment, 3, 1_000), Refusal::PaymentState);
    assert_eq!((world.sum(A::BuyerRefunds), world.sum(A::Bank)), (0, 0));
}

#[test]
fn confirmations_are_counted_apart_from_refunds_and_for_each_payment() {
    let mut world = World::open();
    let parcel =
        world.parcel("o-1", 10_000).dispatch().card(6_000).approve().qr(4_000).approve().id();
    let [card, qr] = [1, 2].map(|number| PaymentId { parcel, number });
    // One confirmation covers two refunds. A chargeback needs none.
    world.fund_bank(400);
    world.must(refund(card, 1, 100)).must(refund(card, 2, 100)).must(confirm_refund(card, 1, 200));
    world.must(charge_back(card, 3, 100)).must(refund(card, 4, 100));
    world.must(refund(qr, 1, 100)).must(confirm_refund(qr, 1, 100));
    world.must(confirm_refund(card, 2, 100));
    assert_eq!((world.sum(A::BuyerRefunds), world.sum(A::Bank)), (0, 0));
}

#[test]
fn a_parcel_of_which_a_payment_was_refunded_in_full_is_refused_and_brought_back() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().card(4_000).approve().clear().id();
    let payment = PaymentId { parcel, number: 1 };
    world.must(refund(payment, 1, 3_999)).refused(attempt(parcel, 1), Refusal::ParcelState);
    let lost = Command::LoseParcel(LoseParcel { parcel, paid_by: DamagePayer::Seller });
    world.must(refund(payment, 2, 1)).must(refuse(parcel));
    world
        .must(Command::ReturnParcel(ReturnParcel { parcel }))
        .repeated(Command::ReturnParcel(ReturnParcel { parcel }));
    assert_eq!(world.view(parcel).state, S::Returned);
    // All of it is refunded. The seller paid the fees, 0.22, 0.03 and 0.06, and the return fee.
    assert_eq!((world.sum(A::SellerHeld), world.sum(A::SellerPayable)), (0, -31 - 400));
    // The money still moves, the parcel does not.
    world.fund_bank(25).must(confirm_refund(payment, 1, 4_000));
    assert_eq!((world.sum(A::Bank), world.sum(A::BuyerRefunds)), (4_000 - 25 + 25 - 4_000, 0));
    world.refused(reverse(payment), Refusal::PaymentState).refused(lost, Refusal::ParcelState);
    world.refused(collect_cash(PaymentId { parcel, number: 2 }, 6_000), Refusal::ParcelState);
}

#[test]
fn a_parcel_of_which_a_payment_was_charged_back_in_full_is_lost_or_tried_again() {
    let mut world = World::open();
    let [first, second] = ["o-1", "o-2"].map(|order| {
        let payment = world.parcel(order, 10_000).dispatch().card(4_000).approve().last_payment();
        world.must(charge_back(payment, 1, 4_000));
        payment.parcel
    });
    world.must(Command::LoseParcel(LoseParcel { parcel: first, paid_by: DamagePayer::Seller }));
    world.parcel_steps(second).attempt();
    assert_eq!((world.view(second).state, world.view(second).attempts), (S::Assigned, 1));
    // One payment without a full refund keeps the parcel out.
    let payment = world.parcel_steps(second).dispatch().cash(5_000).last_payment();
    world.refused(attempt(second, 2), Refusal::ParcelState);
    world.must(reverse(payment)).must(attempt(second, 2));
}
