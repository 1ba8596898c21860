//! The life of a chargeback: contested, won or lost, and its fee.

use books::chart::AccountKind as A;
use books::view::{ParcelState, PaymentState};
use books::*;
use money::Amount;

use crate::world::*;

/// A delivered card payment of 100.00 that is charged back. The seller's share is 99.22.
fn charged_back(cleared: bool) -> (World, PaymentId) {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().last_payment();
    if cleared {
        world.must(clear(payment, 10_000, 63));
    }
    world.must(charge_back(payment, 1, 10_000));
    (world, payment)
}

fn representment(payment: PaymentId, amount: i64, deducted: i64) -> Command {
    line_of(ClearLineKind::Representment, Some(payment), amount, deducted)
}

fn charge_back_line(payment: PaymentId, amount: i64, deducted: i64) -> Command {
    line_of(ClearLineKind::ChargeBack, Some(payment), -amount, deducted)
}

fn receivable(world: &World) -> i128 {
    world.sum(A::NetworkReceivable)
}

#[test]
fn a_won_chargeback_is_the_sellers_again_held_or_payable() {
    for (cleared, account) in [(false, A::SellerHeld), (true, A::SellerPayable)] {
        let (mut world, payment) = charged_back(cleared);
        let owed = receivable(&world);
        assert_eq!(world.sum(A::SellerHeld) + world.sum(A::SellerPayable), -78);
        world.must(win_chargeback(payment, 1)).repeated(win_chargeback(payment, 1));
        assert_eq!(receivable(&world), owed + 10_000, "the network owes it again");
        assert_eq!((world.sum(account), world.sum(A::BuyerRefunds)), (9_922, 0));
        assert_eq!(world.payment(payment).refunded, Amount::ZERO);
        assert_eq!(world.view(payment.parcel).state, ParcelState::Delivered);
        world.refused(lose_chargeback(payment, 1), Refusal::ChargebackWasWon);
    }
}

#[test]
fn what_is_won_back_can_be_refunded_or_charged_back_again() {
    let (mut world, payment) = charged_back(true);
    world.refused(refund(payment, 2, 1), Refusal::AmountTooLarge(Amount::ZERO));
    world.must(win_chargeback(payment, 1)).must(charge_back(payment, 2, 4_000));
    world.must(refund(payment, 3, 6_000));
    assert_eq!((world.sum(A::SellerPayable), world.sum(A::BuyerRefunds)), (-78, 6_000));
}

#[test]
fn the_largest_amount_is_charged_back_and_won_again_and_again() {
    let largest = Amount::ENTRY_MAX.minor();
    let mut world = World::open();
    let payment = world.parcel("o-1", largest).dispatch().card(largest).approve().last_payment();
    for number in 1..=3 {
        world.must(charge_back(payment, number, largest)).must(win_chargeback(payment, number));
    }
    assert_eq!(receivable(&world), largest.into());
}

#[test]
fn a_payment_that_was_charged_back_is_not_reversed_after_the_win() {
    let (mut world, payment) = charged_back(false);
    world.must(win_chargeback(payment, 1));
    let reversed = Command::ReverseCollection(ReverseCollection { payment });
    world.refused(reversed, Refusal::PaymentState);
}

#[test]
fn a_contested_chargeback_keeps_its_evidence_and_its_parcel() {
    let (mut world, payment) = charged_back(true);
    let contested = contest(payment, 1);
    world.must(contested.clone()).repeated(contested.clone());
    let Command::ContestChargeback(other) = contested else { unreachable!() };
    let other = ContestChargeback { digest: Sha256Digest([8; 32]), ..other };
    world.refused(Command::ContestChargeback(other), Refusal::OtherContent);
    let missing = Refusal::NotFound(MissingRecord::Chargeback);
    world
        .refused(contest(payment, 2), missing.clone())
        .refused(win_chargeback(payment, 2), missing);
    // Everything else about the parcel is over.
    world.must(charge_back_line(payment, 10_000, 0)).on("2014-09-01");
    world.forget_batch();
    let forget = Command::ForgetClosed(ForgetClosed { before: day("2014-01-01"), limit: 1_000 });
    world.must(forget.clone());
    assert!(world.engine.parcel_view(payment.parcel).is_some(), "the answer is to come");
    world.must(lose_chargeback(payment, 1)).repeated(lose_chargeback(payment, 1));
    world.refused(win_chargeback(payment, 1), Refusal::ChargebackWasLost).must(forget);
    assert!(world.engine.parcel_view(payment.parcel).is_none());
}

#[test]
fn a_chargeback_is_not_contested_for_a_day_that_is_past() {
    let (mut world, payment) = charged_back(true);
    world.on("2013-10-01").must(contest(payment, 1));
    let (mut world, payment) = charged_back(true);
    world.on("2013-10-02");
    world.refused(contest(payment, 1), bad_date("2013-10-01", "2013-10-02", ""));
}

#[test]
fn a_chargeback_that_has_ended_is_not_contested() {
    let (mut world, payment) = charged_back(true);
    world.must(lose_chargeback(payment, 1)).refused(contest(payment, 1), Refusal::PaymentState);
    assert_eq!(world.sum(A::SellerPayable), -78, "nothing is posted");
}

#[test]
fn a_representment_line_wins_a_chargeback_once_whichever_comes_first() {
    let orders: [&[usize]; 4] = [&[0, 1, 2], &[0, 2, 1], &[1, 0, 2], &[1, 2]];
    for order in orders {
        let (mut world, payment) = charged_back(true);
        let steps = [
            charge_back_line(payment, 10_000, 0),
            representment(payment, 10_000, 0),
            win_chargeback(payment, 1),
        ];
        for &step in order {
            match (step, order) {
                // The line has won it.
                (2, [0, 1, 2] | [1, ..]) => world.repeated(steps[2].clone()),
                _ => world.must(steps[step].clone()),
            };
        }
        let taken = if order.contains(&0) { 0 } else { -10_000 };
        assert_eq!(receivable(&world), taken, "{order:?}");
        assert_eq!(world.sum(A::SellerPayable), 9_922);
        assert!(world.engine.open_breaks().is_empty());
        assert_eq!(world.payment(payment).refunded, Amount::ZERO);
    }
}

#[test]
fn a_chargeback_line_after_the_win_debits_nobody_again() {
    let (mut world, payment) = charged_back(true);
    world.must(win_chargeback(payment, 1)).must(charge_back_line(payment, 10_000, 0));
    assert_eq!((receivable(&world), world.sum(A::SellerPayable)), (10_000, 9_922));
    assert_eq!(world.payment(payment).refunded, Amount::ZERO);
}

#[test]
fn a_representment_of_another_amount_is_a_break() {
    let (mut world, payment) = charged_back(true);
    world.must(charge_back_line(payment, 10_000, 0)).must(representment(payment, 9_000, 0));
    let [one] = world.engine.open_breaks()[..] else { panic!("one break") };
    assert_eq!((one.side, one.amount), (BreakSide::Excess, Amount::of(9_000)));
    assert_eq!((receivable(&world), world.sum(A::SellerPayable)), (0, -78));
    // More than one that is won: the rest is one.
    world.must(win_chargeback(payment, 1)).must(representment(payment, 10_500, 0));
    assert_eq!((receivable(&world), world.sum(A::Suspense)), (0, -9_500));
}

#[test]
fn even_a_lost_chargeback_is_won_by_the_networks_own_line() {
    let (mut world, payment) = charged_back(true);
    world.must(lose_chargeback(payment, 1)).must(charge_back_line(payment, 10_000, 0));
    world.must(representment(payment, 10_000, 0));
    assert_eq!((receivable(&world), world.sum(A::SellerPayable)), (0, 9_922));
}

#[test]
fn a_parcel_that_is_out_is_not_paid_twice_after_a_win() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(6_000).approve().last_payment();
    world.must(charge_back(payment, 1, 6_000));
    world.must(win_chargeback(payment, 1));
    assert_eq!(world.sum(A::BuyerRefunds), 0);
    let too_much = Refusal::AmountTooLarge(Amount::of(4_000));
    let second = PaymentId { number: 2, ..payment };
    world.refused(collect_cash(second, 10_000), too_much);
    world.parcel_steps(payment.parcel).cash(4_000);
    assert_eq!(world.view(payment.parcel).state, ParcelState::Delivered);
}

#[test]
fn what_was_collected_again_in_the_meantime_is_owed_to_the_buyer() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(6_000).approve().last_payment();
    world.must(charge_back(payment, 1, 6_000));
    world.parcel_steps(payment.parcel).cash(7_000);
    world.must(win_chargeback(payment, 1));
    // 30.00 was left to collect, so that much stands again.
    assert_eq!(world.sum(A::BuyerRefunds), 3_000);
    assert_eq!(world.view(payment.parcel).state, ParcelState::Delivered);
    world.must(clear(payment, 6_000, 38)).fund_bank(10_000);
    world.must(confirm_refund(payment, 1, 3_000));
}

#[test]
fn money_won_for_a_parcel_that_came_back_is_the_buyers() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(6_000).approve().last_payment();
    world.must(charge_back(payment, 1, 6_000)).must(refuse(payment.parcel));
    let payable = world.sum(A::SellerHeld) + world.sum(A::SellerPayable);
    world.must(win_chargeback(payment, 1));
    assert_eq!(world.sum(A::BuyerRefunds), 6_000);
    assert_eq!(world.sum(A::SellerHeld) + world.sum(A::SellerPayable), payable);
}

#[test]
fn money_that_is_won_back_waits_for_the_delivery_again() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(6_000).approve().last_payment();
    world.must(clear(payment, 6_000, 38)).must(charge_back(payment, 1, 6_000));
    assert_eq!(world.payment(payment).state, PaymentState::Released, "nothing of it stands");
    world.must(win_chargeback(payment, 1));
    assert_eq!(world.payment(payment).state, PaymentState::Held);
    assert_eq!(world.sum(A::SellerPayable), 0);
    world.parcel_steps(payment.parcel).cash(4_000);
    assert_eq!(world.payment(payment).state, PaymentState::Released);
}

#[test]
fn the_fee_of_a_chargeback_is_a_break_until_its_term_is_set() {
    let (mut world, payment) = charged_back(true);
    world.must(charge_back_line(payment, 10_000, 300));
    assert_eq!(world.engine.open_breaks()[0].amount, Amount::of(300));
    let announced = chargeback_fee(payment, 1, 300);
    world.refused(announced.clone(), Refusal::ChargebackFeeAboveMost(Amount::ZERO));
    world.must(set_chargeback_fee(1, 299, ChargebackFeeBearer::Seller));
    world.refused(announced, Refusal::ChargebackFeeAboveMost(Amount::of(299)));
}

#[test]
fn the_fee_of_a_chargeback_is_borne_by_its_term() {
    for (borne_by, seller, cost) in [
        (ChargebackFeeBearer::Seller, -78 - 300, 63),
        (ChargebackFeeBearer::Doorstep, -78, 63 + 300),
    ] {
        let (mut world, payment) = charged_back(true);
        world.must(set_chargeback_fee(1, 300, borne_by));
        // The network keeps 0.20 more than one chargeback may cost.
        world.must(charge_back_line(payment, 10_000, 320));
        assert_eq!((world.sum(A::SellerPayable), world.sum(A::ClearingCost)), (seller, cost));
        assert_eq!((receivable(&world), world.sum(A::Suspense)), (0, 20));
        // Each chargeback has one fee.
        world.must(representment(payment, 10_000, 300));
        assert_eq!(world.sum(A::Suspense), 320);
    }
}

#[test]
fn a_fee_that_was_announced_is_taken_by_a_line_without_another_cost() {
    let (mut world, payment) = charged_back(true);
    world.must(set_chargeback_fee(1, 300, ChargebackFeeBearer::Seller));
    let announced = chargeback_fee(payment, 1, 300);
    world.must(announced.clone()).repeated(announced);
    world.refused(chargeback_fee(payment, 1, 299), Refusal::OtherContent);
    world.refused(chargeback_fee(payment, 1, 0), Refusal::AmountZero);
    world.must(charge_back_line(payment, 10_000, 0));
    assert_eq!((receivable(&world), world.sum(A::SellerPayable)), (-300, -378));
    world.must(line_of(ClearLineKind::FeeCorrection, Some(payment), 0, 310));
    assert_eq!((receivable(&world), world.sum(A::Suspense)), (0, 10));
    assert_eq!((world.sum(A::SellerPayable), world.sum(A::ClearingCost)), (-378, 63));
}

#[test]
fn two_people_set_the_fee_of_chargebacks_and_a_late_duplicate_changes_nothing() {
    let mut world = World::open();
    let first = set_chargeback_fee(1, 300, ChargebackFeeBearer::Seller);
    world.must(first.clone()).repeated(first.clone());
    world.must(set_chargeback_fee(2, 400, ChargebackFeeBearer::Doorstep));
    world.refused(first, Refusal::NumberForgotten(1));
    let other = set_chargeback_fee(2, 401, ChargebackFeeBearer::Doorstep);
    world.refused(other, Refusal::NumberUsed(2));
    let Command::SetChargebackFee(alone) = set_chargeback_fee(3, 1, ChargebackFeeBearer::Seller)
    else {
        unreachable!()
    };
    let alone = SetChargebackFee { approved_by: ANNA, ..alone };
    world.refused(Command::SetChargebackFee(alone), Refusal::SamePerson);
}

const BOTH: [PersonId; 2] = [ANNA, BO];

#[test]
fn two_people_enter_that_a_chargeback_is_won_and_neither_approver_contested_it() {
    let (mut world, payment) = charged_back(true);
    world.must(contest(payment, 1));
    for second in [ANNA, BO] {
        world.refused(win_by_two(payment, 1, [BO, second]), Refusal::SamePerson);
    }
    world.must(win_by_two(payment, 1, BOTH)).repeated(win_by_two(payment, 1, BOTH));
    assert_eq!((receivable(&world), world.sum(A::SellerPayable)), (0, 9_922));
    world.refused(win_by_two(payment, 1, [CASHIER, BO]), Refusal::OtherContent);
    // The notice of the network says the same.
    world.repeated(win_chargeback(payment, 1));
    world.refused(win_by_two(payment, 1, [BO, BO]), Refusal::SamePerson);
}

#[test]
fn one_person_twice_does_not_confirm_what_the_network_says() {
    let (mut world, payment) = charged_back(true);
    world.must(win_chargeback(payment, 1));
    world.refused(win_by_two(payment, 1, [BO, BO]), Refusal::SamePerson);
    world.repeated(win_by_two(payment, 1, BOTH));
}

#[test]
fn a_win_that_was_a_mistake_is_taken_back_by_two_people_and_can_be_won_by_a_line() {
    for (cleared, account) in [(false, A::SellerHeld), (true, A::SellerPayable)] {
        let (mut world, payment) = charged_back(cleared);
        let before = [receivable(&world), world.sum(A::SellerHeld), world.sum(A::SellerPayable)];
        world.refused(take_back_won(payment, 1, BOTH), Refusal::ChargebackNotWon);
        world.must(win_by_two(payment, 1, BOTH));
        world.refused(take_back_won(payment, 1, [BO, ANNA]), Refusal::SamePerson);
        let taken = take_back_won(payment, 1, BOTH);
        world.must(taken.clone()).repeated(taken.clone());
        world.refused(take_back_won(payment, 1, [CASHIER, BO]), Refusal::OtherContent);
        let after = [receivable(&world), world.sum(A::SellerHeld), world.sum(A::SellerPayable)];
        assert_eq!(before, after, "as if it had not been won");
        assert_eq!(world.payment(payment).refunded, Amount::of(10_000));
        // Late duplicates do not win it again; the network's own line does.
        world.refused(win_by_two(payment, 1, BOTH), Refusal::ChargebackWasLost);
        world.refused(win_chargeback(payment, 1), Refusal::ChargebackWasLost);
        world.must(charge_back_line(payment, 10_000, 0)).must(representment(payment, 10_000, 0));
        assert_eq!(world.sum(account), 9_922);
        world.repeated(taken);
        assert_eq!(world.engine.open_breaks(), []);
    }
}

#[test]
fn a_win_that_a_line_has_paid_is_not_taken_back() {
    for by_line in [false, true] {
        let (mut world, payment) = charged_back(true);
        if !by_line {
            world.must(win_by_two(payment, 1, BOTH));
        }
        world.must(charge_back_line(payment, 10_000, 0)).must(representment(payment, 10_000, 0));
        world.refused(take_back_won(payment, 1, [CASHIER, BO]), Refusal::ChargebackPaidBack);
        assert_eq!((receivable(&world), world.sum(A::SellerPayable)), (0, 9_922));
    }
}

#[test]
fn what_was_refunded_since_a_win_is_not_taken_back() {
    let (mut world, payment) = charged_back(true);
    world.must(win_by_two(payment, 1, BOTH)).must(refund(payment, 2, 3_000));
    let left = Refusal::AmountTooLarge(Amount::of(7_000));
    world.refused(take_back_won(payment, 1, BOTH), left);
}

#[test]
fn a_parcel_that_is_out_is_collected_again_after_a_win_was_taken_back() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(6_000).approve().last_payment();
    world.must(clear(payment, 6_000, 38)).must(charge_back(payment, 1, 6_000));
    world.must(win_by_two(payment, 1, BOTH)).must(take_back_won(payment, 1, BOTH));
    assert_eq!(world.payment(payment).state, PaymentState::Released, "nothing of it stands");
    world.parcel_steps(payment.parcel).cash(10_000);
    assert_eq!(world.view(payment.parcel).state, ParcelState::Delivered);
}

/// What was won and charged back on the seller's statement, and all that was given back.
fn on_statement(world: &World) -> (u128, u128, u128) {
    let next = world.engine.seller_statements(SELLER)[0].next;
    (next.parts.chargeback_won, next.parts.charged_back, next.refunded)
}

#[test]
fn a_win_that_is_taken_back_leaves_no_trace_on_the_statement() {
    let (mut world, payment) = charged_back(true);
    let before = world.engine.seller_statements(SELLER)[0].next;
    world.must(win_by_two(payment, 1, BOTH));
    assert_eq!(on_statement(&world), (10_000, 10_000, 10_000));
    world.must(take_back_won(payment, 1, BOTH));
    assert_eq!(world.engine.seller_statements(SELLER)[0].next, before);
    assert_eq!(on_statement(&world), (0, 10_000, 10_000));
}

#[test]
fn a_win_that_was_paid_out_is_charged_back_on_the_next_statement() {
    let (mut world, payment) = charged_back(true);
    let other = world.parcel("o-2", 10_000).dispatch().card(10_000).approve().last_payment();
    world.must(clear(other, 10_000, 63)).must(charge_back(other, 1, 3_000));
    world.must(win_by_two(payment, 1, BOTH)).must(plan(1, ANNA));
    // The plan that had it is rejected: it is on the statement again, as if nobody had planned.
    world.must(reject_plan(1, BO)).must(plan(2, ANNA));
    // Another win since is not the one that is taken back.
    world.must(win_by_two(other, 1, BOTH));
    world.must(take_back_won(payment, 1, BOTH));
    assert_eq!(on_statement(&world), (3_000, 10_000, 10_000));
    // Nothing of plan 2 is paid: its win came before all that.
    world.must(reject_plan(2, BO)).must(take_back_won(other, 1, BOTH));
    assert_eq!(on_statement(&world), (10_000, 23_000, 23_000));
}

#[test]
fn held_money_pays_for_refunds_and_chargebacks_in_order_of_time() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().last_payment();
    world.must(charge_back(payment, 1, 9_500)).must(win_by_two(payment, 1, BOTH));
    world.must(refund(payment, 2, 500)).must(take_back_won(payment, 1, BOTH));
    // The share of 99.22 has no room for the last 0.78: they were charged back.
    assert_eq!(on_statement(&world), (0, 78, 78));
    world.must(clear(payment, 10_000, 63));
    assert_eq!(on_statement(&world), (0, 9_500, 10_000));
}
