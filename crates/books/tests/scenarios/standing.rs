//! Money that stands: what is left to collect, and the ways out of a part-collected parcel.

use books::chart::AccountKind as A;
use books::view::{ParcelState as S, PaymentState as T};
use books::*;
use money::Amount;

use crate::world::*;

fn lose(parcel: ParcelId) -> Command {
    Command::LoseParcel(LoseParcel { parcel, paid_by: DamagePayer::Seller })
}

fn nth(parcel: ParcelId, number: u8) -> PaymentId {
    PaymentId { parcel, number }
}

/// Checks the state, the amount due and what stands.
fn expect_parcel(world: &World, parcel: ParcelId, state: S, due: u64, standing: u64) {
    let view = world.view(parcel);
    assert_eq!((view.state, view.due.minor(), view.collected.minor()), (state, due, standing));
}

/// A parcel of 100.00, out, of which a card paid 60.00.
fn paid_in_part(world: &mut World) -> PaymentId {
    world.parcel("o-1", 10_000).dispatch().card(6_000).approve().last_payment()
}

#[test]
fn after_a_refund_or_chargeback_in_full_all_of_it_is_due_and_part_of_it_does_not_deliver() {
    for take_back in [refund, charge_back] {
        let mut world = World::open();
        let card = paid_in_part(&mut world);
        world.must(take_back(card, 1, 6_000));
        let parcel = card.parcel;
        expect_parcel(&world, parcel, S::Out, 10_000, 0);
        let too_much = Refusal::AmountTooLarge(Amount::of(10_000));
        world.refused(collect_cash(second(parcel), 10_001), too_much);
        world.parcel_steps(parcel).cash(4_000);
        expect_parcel(&world, parcel, S::Out, 10_000, 4_000);
        let too_much = Refusal::AmountTooLarge(Amount::of(6_000));
        world.refused(begin_qr(nth(parcel, 3), 6_001), too_much);
        world.parcel_steps(parcel).cash(6_000);
        expect_parcel(&world, parcel, S::Delivered, 10_000, 10_000);
        assert_eq!(world.sum(A::CourierCash), 10_000);
    }
}

#[test]
fn after_a_refund_in_full_the_whole_amount_in_cash_delivers() {
    let mut world = World::open();
    let card = paid_in_part(&mut world);
    world.must(refund(card, 1, 6_000)).parcel_steps(card.parcel).cash(10_000);
    expect_parcel(&world, card.parcel, S::Delivered, 10_000, 10_000);
}

#[test]
fn of_a_refund_in_part_that_part_is_due_again() {
    let mut world = World::open();
    let card = paid_in_part(&mut world);
    world.must(refund(card, 1, 1_000)).must(charge_back(card, 2, 500));
    expect_parcel(&world, card.parcel, S::Out, 10_000, 4_500);
    world.parcel_steps(card.parcel).cash(5_500);
    expect_parcel(&world, card.parcel, S::Delivered, 10_000, 10_000);
}

#[test]
fn a_refund_while_the_rest_is_requested_keeps_the_parcel_out() {
    let mut world = World::open();
    let card = paid_in_part(&mut world);
    let parcel = card.parcel;
    world.parcel_steps(parcel).qr(4_000);
    world.must(refund(card, 1, 6_000)).must(pay(second(parcel)));
    expect_parcel(&world, parcel, S::Out, 10_000, 4_000);
    world.parcel_steps(parcel).cash(6_000);
    expect_parcel(&world, parcel, S::Delivered, 10_000, 10_000);
}

#[test]
fn a_refund_of_a_delivered_parcel_makes_nothing_due() {
    for take_back in [refund, charge_back] {
        let mut world = World::open();
        let card = paid_in_part(&mut world);
        let parcel = card.parcel;
        world.parcel_steps(parcel).cash(4_000);
        world.must(take_back(card, 1, 6_000));
        expect_parcel(&world, parcel, S::Delivered, 10_000, 4_000);
        world.refused(collect_cash(nth(parcel, 3), 1), Refusal::ParcelState);
    }
}

#[test]
fn a_parcel_opened_again_owes_what_was_due_less_what_stands() {
    let mut world = World::open();
    let card = paid_in_part(&mut world);
    let parcel = card.parcel;
    // Refunded before the delivery and after it.
    world.must(refund(card, 1, 6_000)).parcel_steps(parcel).qr(3_000).approve().cash(7_000);
    world.must(refund(nth(parcel, 2), 1, 1_000));
    expect_parcel(&world, parcel, S::Delivered, 10_000, 9_000);
    world.must(reverse(nth(parcel, 3)));
    expect_parcel(&world, parcel, S::Out, 10_000, 2_000);
    let too_much = Refusal::AmountTooLarge(Amount::of(8_000));
    world.refused(collect_cash(nth(parcel, 4), 8_001), too_much);
    world.parcel_steps(parcel).cash(8_000);
    expect_parcel(&world, parcel, S::Delivered, 10_000, 10_000);
    // And once more.
    world.must(charge_back(nth(parcel, 2), 2, 500)).must(reverse(nth(parcel, 4)));
    expect_parcel(&world, parcel, S::Out, 10_000, 1_500);
}

#[test]
fn a_part_that_is_paid_is_handed_over_at_once() {
    let mut world = World::open();
    let card = paid_in_part(&mut world);
    let parcel = card.parcel;
    world.must(accept_part(parcel, 6_000));
    let (before, due) = (Amount::of(10_000), Amount::of(6_000));
    let accepted = Event::PartAccepted { parcel, before, due };
    assert_eq!(world.events(), [accepted, Event::ParcelDelivered { parcel, collected: due }]);
    expect_parcel(&world, parcel, S::Delivered, 6_000, 6_000);
    world.repeated(accept_part(parcel, 6_000));
    world.refused(accept_part(parcel, 5_000), Refusal::ParcelState);
    // A refund since then does not make it another part.
    world.must(refund(card, 1, 1_000)).repeated(accept_part(parcel, 6_000));
}

#[test]
fn a_part_that_costs_more_than_is_paid_leaves_the_difference() {
    let mut world = World::open();
    let parcel = paid_in_part(&mut world).parcel;
    world.must(accept_part(parcel, 9_000)).repeated(accept_part(parcel, 9_000));
    let too_much = Refusal::AmountTooLarge(Amount::of(3_000));
    world.refused(collect_cash(second(parcel), 3_001), too_much);
    world.parcel_steps(parcel).cash(3_000);
    expect_parcel(&world, parcel, S::Delivered, 9_000, 9_000);
}

#[test]
fn a_part_that_costs_less_than_is_paid_needs_a_refund_first() {
    let mut world = World::open();
    let card = paid_in_part(&mut world);
    let parcel = card.parcel;
    world.refused(accept_part(parcel, 4_500), Refusal::RefundFirst(Amount::of(1_500)));
    world.must(refund(card, 1, 1_500)).must(accept_part(parcel, 4_500));
    expect_parcel(&world, parcel, S::Delivered, 4_500, 4_500);
    world.refused(accept_part(parcel, 4_000), Refusal::ParcelState);
}

#[test]
fn no_part_is_accepted_while_a_payment_is_in_flight() {
    let mut world = World::open();
    let parcel = paid_in_part(&mut world).parcel;
    world.must(accept_part(parcel, 9_000)).parcel_steps(parcel).qr(1_000);
    world.refused(accept_part(parcel, 8_000), Refusal::ParcelState);
    // A retry is no new acceptance.
    world.repeated(accept_part(parcel, 9_000));
}

#[test]
fn refusing_a_parcel_owes_each_payment_back_to_its_buyer() {
    let mut world = World::open();
    let steps = world.parcel("o-1", 10_000).dispatch().card(4_000).approve().clear();
    let parcel = steps.qr(1_000).decline().cash(3_000).id();
    let [card, cash] = [nth(parcel, 1), nth(parcel, 3)];
    world.must(refund(card, 1, 500)).must(refuse(parcel));
    let owed = |payment, amount| Event::Refunded { payment, amount: Amount::of(amount) };
    let events = world.events();
    for event in [owed(card, 3_500), owed(cash, 3_000), Event::ParcelRefused { parcel }] {
        assert!(events.contains(&event), "{event:?} is not in {events:?}");
    }
    expect_parcel(&world, parcel, S::Refused, 10_000, 0);
    // The seller got 39.69 and 27.00 of 70.00, which the buyer gets back, and bears the fees.
    assert_eq!(world.sum(A::BuyerRefunds), 7_000);
    assert_eq!((world.sum(A::SellerHeld), world.sum(A::SellerPayable)), (0, -31 - 300));
    world.repeated(refuse(parcel)).parcel_steps(parcel).return_to_seller();
    expect_parcel(&world, parcel, S::Returned, 0, 0);
    world
        .fund_bank(100_000)
        .must(confirm_refund(card, 1, 4_000))
        .must(confirm_refund(cash, 1, 3_000));
    assert_eq!(world.sum(A::BuyerRefunds), 0);
    // The courier still has the cash and hands it over.
    world.must(start_hand_over(1)).must(count(1, 3_000)).must(deposit(1, 3_000));
    world.must(confirm_deposit(1, 3_000));
    assert_eq!(world.payment_states(parcel), [T::Released, T::Declined, T::Released]);
    assert_eq!(world.sum(A::SellerPayable), -31 - 300 - 400);
}

#[test]
fn losing_a_parcel_owes_each_payment_back_to_its_buyer() {
    let mut world = World::open();
    let card = paid_in_part(&mut world);
    world.must(lose(card.parcel)).repeated(lose(card.parcel));
    expect_parcel(&world, card.parcel, S::Lost, 0, 0);
    assert_eq!((world.sum(A::BuyerRefunds), world.sum(A::SellerHeld)), (6_000, 0));
    // The fees are 0.33, 0.05 and 0.09.
    assert_eq!(world.sum(A::SellerPayable), -47);
    // The network pays later. Nothing of it is the seller's.
    world.fund_bank(100_000).must(clear(card, 6_000, 38)).must(confirm_refund(card, 1, 6_000));
    assert_eq!(world.payment(card).state, T::Released);
    assert_eq!((world.sum(A::SellerHeld), world.sum(A::SellerPayable)), (0, -47));
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::Bank)), (0, 100_000 - 38));
}

#[test]
fn the_refund_of_a_refused_parcel_takes_its_payments_next_number() {
    let mut world = World::open();
    let card = paid_in_part(&mut world);
    world.must(refund(card, 1, 1_000)).must(refuse(card.parcel));
    // The seller's own refund with that number is another one.
    world.refused(refund(card, 2, 5_000), Refusal::NumberUsed(2));
    world.repeated(refund(card, 1, 1_000));
    world.refused(refund(card, 3, 1), Refusal::AmountTooLarge(Amount::ZERO));
    world.refused(charge_back(card, 2, 5_000), Refusal::NumberUsed(2));
}

#[test]
fn a_payment_whose_refunds_are_used_up_is_still_owed_back() {
    let mut world = World::open();
    let card = paid_in_part(&mut world);
    for number in 1..=REFUNDS_PER_PAYMENT_MAX {
        world.must(refund(card, number, 1));
    }
    world.must(refuse(card.parcel));
    assert_eq!(world.sum(A::BuyerRefunds), 6_000);
}

#[test]
fn a_part_paid_parcel_with_an_open_request_is_neither_refused_nor_lost() {
    let mut world = World::open();
    world.must(open_batch(1));
    let card = paid_in_part(&mut world);
    let parcel = card.parcel;
    world.parcel_steps(parcel).qr(4_000);
    for command in [refuse(parcel), lose(parcel)] {
        world.refused(command, Refusal::ParcelState);
    }
    world.parcel_steps(parcel).unknown();
    for command in [refuse(parcel), lose(parcel)] {
        world.refused(command, Refusal::EarlierPaymentUnknown);
    }
    // A void would give the same money back.
    world.parcel_steps(parcel).reverse();
    world.must(void(1, card));
    for command in [refuse(parcel), lose(parcel), attempt(parcel, 1)] {
        world.refused(command, Refusal::ParcelState);
    }
    world.must(reversal_done(card)).must(refuse(parcel));
    assert_eq!(world.sum(A::BuyerRefunds), 0);
}

#[test]
fn money_of_a_parcel_that_is_out_waits_for_the_delivery_under_each_rule() {
    let rules = [
        (HoldRule::AtOnce, "2013-10-01"),
        (HoldRule::DaysAfterHeld(2), "2013-10-01"),
        (HoldRule::DaysAfterDelivery(5), "2013-10-06"),
    ];
    for (hold, released) in rules {
        let mut world = World::set(Setup { hold, ..Setup::default() });
        let card = paid_in_part(&mut world);
        world.parcel_steps(card.parcel).clear();
        for date in ["2013-08-28", "2013-08-30", "2013-09-15", "2013-10-01"] {
            world.on(date).must(release(date));
            assert_eq!(world.payment(card).state, T::Held, "{hold:?}, {date}");
            assert!(world.events().is_empty(), "{hold:?}, {date}");
        }
        world.parcel_steps(card.parcel).cash(4_000);
        let at_once = released == "2013-10-01";
        assert_eq!(world.payment(card).state == T::Released, at_once, "{hold:?}");
        world.on(released).must(release(released));
        assert_eq!(world.payment(card).state, T::Released, "{hold:?}");
    }
}

#[test]
fn accepting_the_paid_part_ends_the_hold_of_its_money() {
    let mut world = World::open();
    let card = paid_in_part(&mut world);
    world.parcel_steps(card.parcel).clear();
    world.must(accept_part(card.parcel, 6_000));
    assert_eq!(world.payment(card).state, T::Released);
    assert_eq!((world.sum(A::SellerHeld), world.sum(A::SellerPayable)), (0, 6_000 - 47));
}

#[test]
fn a_refund_of_all_of_it_ends_the_hold_of_a_parcel_that_is_out() {
    for take_back in [refund, charge_back] {
        let mut world = World::open();
        let card = paid_in_part(&mut world);
        world.parcel_steps(card.parcel).clear();
        world.must(take_back(card, 1, 5_000));
        assert_eq!(world.payment(card).state, T::Held);
        world.must(take_back(card, 2, 1_000));
        assert_eq!(world.payment(card).state, T::Released);
        assert_eq!((world.sum(A::SellerHeld), world.sum(A::SellerPayable)), (0, -47));
    }
}

#[test]
fn money_refunded_before_it_is_received_is_not_held() {
    let hold = HoldRule::DaysAfterDelivery(5);
    let mut world = World::set(Setup { hold, ..Setup::default() });
    let card = paid_in_part(&mut world);
    world.must(refund(card, 1, 6_000)).parcel_steps(card.parcel).clear();
    assert_eq!(world.payment(card).state, T::Released);
}

#[test]
fn money_of_a_parcel_that_is_opened_again_waits_for_its_next_delivery() {
    let mut world = World::set(Setup { hold: HoldRule::DaysAfterHeld(2), ..Setup::default() });
    let card = paid_in_part(&mut world);
    let parcel = card.parcel;
    world.parcel_steps(parcel).clear().qr(4_000).approve();
    world.on("2013-08-29").must(reverse(second(parcel)));
    for date in ["2013-08-30", "2013-09-30"] {
        world.on(date).must(release(date));
        assert_eq!(world.payment(card).state, T::Held, "{date}");
    }
    world.must(refuse(parcel));
    assert_eq!((world.payment(card).state, world.sum(A::SellerHeld)), (T::Released, 0));
}

#[test]
fn declined_and_unknown_cards_never_bar_cash() {
    let mut world = World::open();
    let mut steps = world.parcel("o-1", 10_000).dispatch();
    for _ in 1..ONLINE_PAYMENTS_PER_PARCEL_MAX {
        steps = steps.card(10_000).decline();
    }
    let parcel = steps.card(10_000).unknown().id();
    let next = nth(parcel, ONLINE_PAYMENTS_PER_PARCEL_MAX + 1);
    let too_many = Refusal::TooMany(ONLINE_PAYMENTS_PER_PARCEL_MAX);
    world.refused(begin_card(next, 10_000), too_many.clone());
    world.refused(begin_qr(next, 10_000), too_many);
    world.parcel_steps(parcel).cash(10_000);
    expect_parcel(&world, parcel, S::Delivered, 10_000, 10_000);
}

#[test]
fn a_decline_with_the_code_of_an_approval_is_refused() {
    let mut world = World::open();
    world.must(open_batch(1));
    let declined = PaymentResolution::Declined { code: ResponseCode::APPROVED };
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(pre_authorise(1, parcel, 10_000));
    world.refused(resolve_purchase(first(parcel), declined), Refusal::ApprovedDecline);
    world.must(approve(first(parcel))).must(complete(2, first(parcel), 10_000));
    world.refused(resolve_completion(first(parcel), declined), Refusal::ApprovedDecline);
    world.must(resolve_completion(first(parcel), COMPLETED));
    world.must(void(3, first(parcel)));
    let void_declined = reversal_failed(first(parcel), ResponseCode::APPROVED);
    world.refused(void_declined, Refusal::ApprovedDecline);
    // The reversal of that void leaves the payment as it was, and 00 acknowledges it.
    world.must(reverse_void(first(parcel)));
    world.must(reversal_failed(first(parcel), ResponseCode::APPROVED));
    assert_eq!(world.payment(first(parcel)).state, T::Approved);
}
