//! Suspended sellers and couriers: what stops at once, and what still has to be recorded.

use books::chart::AccountKind as A;
use books::view::{ParcelState as S, PaymentState as T};
use books::*;
use money::Amount;

use super::persons::with_person;
use crate::world::*;

fn release_payout(world: &mut World, order: &str) {
    world.parcel(order, 10_000).dispatch().card(10_000).approve().clear();
}

#[test]
fn one_person_suspends_and_two_lift_it() {
    let mut world = World::open();
    let courier = |number, suspended, by| suspend_courier(number, suspended, by);
    for suspend in [suspend_seller, courier] {
        world.refused(suspend(2, true, None), Refusal::WrongSequenceNumber(1));
        world.must(suspend(1, true, None)).repeated(suspend(1, true, None));
        world.refused(suspend(1, true, Some(BO)), Refusal::NumberUsed(1));
        world.refused(suspend(2, false, None), Refusal::SamePerson);
        world.refused(suspend(2, false, Some(ANNA)), Refusal::SamePerson);
        world.refused(suspend(2, true, Some(ANNA)), Refusal::SamePerson);
        world.repeated(suspend(2, true, Some(BO)));
        world.refused(suspend(2, false, Some(GONE)), Refusal::PersonNotRegistered(GONE));
        world.must(suspend(2, false, Some(BO))).repeated(suspend(2, false, Some(BO)));
        // A late duplicate suspends nobody.
        world.repeated(suspend(1, true, None)).repeated(suspend(3, false, Some(BO)));
        world.must(suspend(3, true, Some(BO))).must(suspend(4, false, Some(CASHIER)));
    }
    release_payout(&mut world, "o-1");
    world.must(plan(1, ANNA));
    let seller = SellerId(99);
    let Command::SuspendSeller(nobody) = suspend_seller(1, true, None) else { unreachable!() };
    world.refused(
        Command::SuspendSeller(SuspendSeller { seller, ..nobody }),
        Refusal::NotFound(MissingRecord::Seller(seller)),
    );
}

#[test]
fn who_suspended_is_not_the_second_who_lifts_it() {
    let mut world = World::open();
    let seller = |number, suspended, by: &[PersonId]| {
        let suspension = suspend_seller(number, suspended, by.get(1).copied());
        with_person(&suspension, "proposed_by", by[0])
    };
    let courier = |number, suspended, by: &[PersonId]| {
        let suspension = suspend_courier(number, suspended, by.get(1).copied());
        with_person(&suspension, "proposed_by", by[0])
    };
    type Suspending<'f> = &'f dyn Fn(u32, bool, &[PersonId]) -> Command;
    let both: [Suspending<'_>; 2] = [&seller, &courier];
    for suspend in both {
        // Bo suspends again: that changes nothing, and Bo has no part in it.
        world.must(suspend(1, true, &[ANNA])).repeated(suspend(2, true, &[BO]));
        world.refused(suspend(2, false, &[CASHIER, ANNA]), Refusal::SamePerson);
        world.must(suspend(2, false, &[ANNA, BO]));
        // What ended before is another matter.
        world.must(suspend(3, true, &[CASHIER])).must(suspend(4, false, &[CASHIER, ANNA]));
    }
}

#[test]
fn nobody_decides_about_their_own_suspension() {
    let mut world = World::open();
    let himself = PersonId(COURIER.0);
    let Command::SuspendCourier(one) = suspend_courier(1, true, None) else { unreachable!() };
    let alone = SuspendCourier { proposed_by: himself, ..one };
    world.refused(Command::SuspendCourier(alone), Refusal::SamePerson);
    world.must(suspend_courier(1, true, None));
    world.refused(suspend_courier(2, false, Some(himself)), Refusal::SamePerson);
    let first = SuspendCourier {
        number: 2,
        suspended: false,
        proposed_by: himself,
        approved_by: Some(BO),
        ..one
    };
    world.refused(Command::SuspendCourier(first), Refusal::SamePerson);
}

#[test]
fn a_suspended_seller_announces_nothing_and_money_at_the_door_is_taken_and_held() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).id();
    world.must(suspend_seller(1, true, None));
    // What was announced is the same order still, and goes its way.
    world.repeated(announce(SELLER, "o-1", 10_000));
    world.refused(announce(SELLER, "o-2", 10_000), Refusal::SellerSuspended);
    world.must(announce(OTHER_SELLER, "o-2", 10_000));
    let payment = world.parcel_steps(parcel).dispatch().card(10_000).approve().clear();
    let payment = payment.last_payment();
    assert_eq!(world.payment(payment).state, T::Released);
    assert_eq!(world.balance(A::SellerPayable, SELLER.0), 9_922);
    // Its returned parcel is not shipped again either.
    world.must(suspend_seller(2, false, Some(BO)));
    let back = world.parcel("o-3", 10_000).dispatch().refuse().return_to_seller().id();
    world.must(suspend_seller(3, true, None));
    world.refused(announce_shipment(SELLER, "o-3", 10_000, 2), Refusal::SellerSuspended);
    assert_eq!(world.view(back).state, S::Returned);
}

#[test]
fn a_suspended_seller_is_left_out_of_plans_and_shown() {
    let mut world = World::open();
    world.fund_bank(50_000);
    release_payout(&mut world, "o-1");
    world.parcel_of(OTHER_SELLER, "o-2", 10_000).dispatch().card(10_000).approve().clear();
    world.must(suspend_seller(1, true, None)).must(plan(1, ANNA));
    let [Event::SettlementPlanned { lines, suspended, below_minimum, .. }] = world.events() else {
        panic!("planned")
    };
    let sellers: Vec<_> = lines.iter().map(|line| line.seller).collect();
    assert_eq!((sellers, *suspended, *below_minimum), (vec![OTHER_SELLER], 1, 0));
    world.refused(plan(2, ANNA), Refusal::NothingToPay);
    world.must(suspend_seller(2, false, Some(BO))).must(plan(2, ANNA));
    assert_eq!(world.balance(A::SellerPayable, SELLER.0), 9_922);
}

#[test]
fn a_planned_payout_of_a_seller_who_is_suspended_since_is_not_sent() {
    let mut world = World::open();
    world.fund_bank(50_000);
    release_payout(&mut world, "o-1");
    world.parcel_of(OTHER_SELLER, "o-2", 10_000).dispatch().card(10_000).approve().clear();
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(suspend_seller(1, true, None));
    let open = world.engine.open_plan(PlanId(1)).unwrap();
    let shown: Vec<_> = open.lines.iter().map(|one| (one.line.seller, one.suspended)).collect();
    assert_eq!(shown, [(SELLER, true), (OTHER_SELLER, false)]);
    world.must(execute(1));
    let [Event::PayoutDropped { seller, planned, left, seller_suspended, .. }, sent] =
        world.events()
    else {
        panic!("one is dropped")
    };
    assert_eq!((*seller, *seller_suspended), (SELLER, true));
    assert_eq!((*planned, *left), (Amount::of(9_922), Amount::of(9_922)));
    assert!(matches!(sent, Event::SettlementExecuted { lines, .. } if lines.len() == 1));
    // The money is the seller's still, and is paid when two people say so.
    world.must(suspend_seller(2, false, Some(BO))).must(plan(2, ANNA));
}

#[test]
fn a_suspended_courier_gets_no_parcel_and_takes_no_card_and_no_qr_code() {
    let mut world = World::open();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let payment = world.parcel("o-2", 10_000).dispatch().card(10_000).approve().last_payment();
    let reserved = world.dispatched_parcel("o-3", 10_000);
    world
        .must(open_batch(1))
        .must(pre_authorise(1, reserved, 10_000))
        .must(approve(first(reserved)));
    let waiting = world.parcel("o-4", 10_000).id();
    world.must(assign(waiting)).must(suspend_courier(1, true, None));
    for command in [
        dispatch(waiting),
        begin_card(first(parcel), 10_000),
        begin_qr(first(parcel), 10_000),
        pre_authorise(2, parcel, 10_000),
        complete(3, first(reserved), 10_000),
        void(4, payment),
        begin_refund(5, payment, 1_000),
    ] {
        world.refused(command, Refusal::CourierSuspended);
    }
    let view = world.engine.terminal_view(TERMINAL).unwrap();
    assert!(!view.blocked && view.courier_suspended);
    // His colleague goes on, also with his parcel and his terminal.
    world.must(dispatch_with(COLLEAGUE, waiting)).must(hand_terminal(TERMINAL, 1, COLLEAGUE));
    world.must(sell(6, waiting, 10_000));
    assert!(!world.engine.terminal_view(TERMINAL).unwrap().courier_suspended);
    world.must(suspend_courier(2, false, Some(BO))).must(begin_card(first(parcel), 10_000));
}

#[test]
fn a_suspended_couriers_terminal_opens_a_batch_for_cash_and_offline_sales_a_blocked_one_does_not() {
    let mut world = World::open();
    let [cash, offline, card] =
        ["o-1", "o-2", "o-3"].map(|order| world.dispatched_parcel(order, 1_000));
    world.must(offline_limit(5_000, 5_000)).must(suspend_courier(1, true, None));
    world.must(open_batch(1)).must(take_cash_at(trace(1), cash, 1_000, 1_000));
    world.must(offline_sale(2, offline, 1_000));
    world.refused(sell(3, card, 1_000), Refusal::CourierSuspended);
    world.refused(sell_by_qr(3, card, 1_000), Refusal::CourierSuspended);
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    world.must(close_batch(1, totals)).must(block_terminal(TERMINAL, 2, true));
    world.refused(open_batch(2), Refusal::TerminalBlocked);
}

#[test]
fn what_a_suspended_courier_took_is_recorded_handed_over_and_counted() {
    let mut world = World::open();
    let pending = world.parcel("o-1", 10_000).dispatch().card(10_000).last_payment();
    let cash = world.dispatched_parcel("o-2", 10_000);
    let offline = world.dispatched_parcel("o-3", 3_000);
    world.must(open_batch(1)).must(offline_limit(5_000, 5_000));
    world.must(suspend_courier(1, true, None));
    // What had begun ends, and is reversed if it must be.
    world.must(approve(pending)).must(begin_reversal(pending));
    world.must(collect_cash(first(cash), 10_000));
    world.must(offline_sale(1, offline, 3_000));
    let flagged = Event::OfflineSaleFlagged {
        payment: first(offline),
        flags: vec![OfflineSaleFlag::CourierSuspended],
        excess: Amount::ZERO,
    };
    assert!(world.events().contains(&flagged));
    world.must(start_hand_over(1)).must(count(1, 10_000));
    assert_eq!(world.sum(A::FirmCash), 10_000);
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    world.must(close_batch(1, totals));
}
