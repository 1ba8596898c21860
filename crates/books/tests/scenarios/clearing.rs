//! Received money and its release to the seller (M5).

use books::chart::AccountKind as A;
use books::view::PaymentState as T;
use books::*;
use money::{Amount, Currency};

use crate::world::*;

fn hold(rule: HoldRule) -> World {
    World::set(Setup { hold: rule, ..Setup::default() })
}

#[test]
fn money_is_payable_at_once_without_a_hold() {
    let mut world = hold(HoldRule::AtOnce);
    let payment =
        world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear().last_payment();
    assert_eq!(world.payment(payment).state, T::Released);
    assert_eq!((world.sum(A::SellerHeld), world.sum(A::SellerPayable)), (0, 9_922));
}

#[test]
fn money_is_payable_some_days_after_receipt() {
    let mut world = hold(HoldRule::DaysAfterHeld(2));
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().last_payment();
    world.on("2013-08-30").must(clear(payment, 10_000, 63));
    let payable_on = day("2013-09-01");
    assert_eq!(world.events(), [Event::PaymentHeld { payment, payable_on }]);
    assert_eq!(world.payment(payment).state, T::Held);
    world.refused(release("2013-08-31"), bad_date("2013-08-31", "", "2013-08-30"));
    world.on("2013-08-31").must(release("2013-08-31"));
    assert_eq!(world.payment(payment).state, T::Held);
    world.on("2013-09-01").must(release("2013-09-01"));
    assert_eq!(world.payment(payment).state, T::Released);
    assert_eq!((world.sum(A::SellerHeld), world.sum(A::SellerPayable)), (0, 9_922));
}

#[test]
fn money_waits_five_days_after_delivery_and_for_its_receipt() {
    let mut world = hold(HoldRule::DaysAfterDelivery(5));
    let early = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().last_payment();
    let late = world.parcel("o-2", 10_000).dispatch().card(10_000).approve().last_payment();
    world.on("2013-08-29").must(clear(early, 10_000, 63));
    world.on("2013-09-01").must(release("2013-09-01"));
    assert_eq!(world.payment(early).state, T::Held);
    world.on("2013-09-02").must(release("2013-09-02"));
    assert_eq!(world.payment(early).state, T::Released);
    // Six days after delivery only the clearing is missing.
    world.on("2013-09-03").must(clear(late, 10_000, 63));
    assert_eq!(world.payment(late).state, T::Released);
}

#[test]
fn a_parcel_paid_on_two_days_waits_five_days_from_the_day_it_was_paid_in_full() {
    let mut world = hold(HoldRule::DaysAfterDelivery(5));
    let parcel = world.parcel("o-1", 10_000).dispatch().card(4_000).approve().id();
    let [first, second] = [1, 2].map(|number| PaymentId { parcel, number });
    world.on("2013-08-29").parcel_steps(parcel).card(6_000).approve();
    world.must(clear(first, 4_000, 25)).must(clear(second, 6_000, 38));
    let payable_on = day("2013-09-03");
    assert!(world.events().contains(&Event::PaymentHeld { payment: second, payable_on }));
    // Five days after the first payment neither is payable.
    world.on("2013-09-02").must(release("2013-09-02"));
    assert_eq!(world.payment_states(parcel), [T::Held, T::Held]);
    world.on("2013-09-03").must(release("2013-09-03"));
    assert_eq!(world.payment_states(parcel), [T::Released, T::Released]);
}

#[test]
fn a_payment_received_before_the_delivery_waits_for_it() {
    let mut world = hold(HoldRule::DaysAfterDelivery(5));
    let first = world.parcel("o-1", 10_000).dispatch().card(4_000).approve().clear().last_payment();
    // The parcel is still out on the release date.
    world.on("2013-09-02").must(release("2013-09-02"));
    assert_eq!(world.payment(first).state, T::Held);
    let second = world
        .on("2013-09-04")
        .parcel_steps(first.parcel)
        .qr(6_000)
        .approve()
        .clear()
        .last_payment();
    for date in ["2013-09-07", "2013-09-08"] {
        world.on(date).must(release(date));
        assert_eq!(world.payment_states(first.parcel), [T::Held, T::Held], "{date}");
    }
    world.on("2013-09-09").must(release("2013-09-09"));
    assert_eq!([first, second].map(|payment| world.payment(payment).state), [T::Released; 2]);
}

#[test]
fn money_of_a_parcel_that_is_out_waits_even_where_delivery_alone_is_waited_for() {
    let mut world = hold(HoldRule::DaysAfterDelivery(0));
    let first = world.parcel("o-1", 10_000).dispatch().card(4_000).approve().clear().last_payment();
    assert_eq!(world.payment(first).state, T::Held);
    for date in ["2013-08-29", "2013-08-30"] {
        world.on(date).must(release(date));
        assert_eq!(world.payment(first).state, T::Held, "{date}");
    }
    let second = world.parcel_steps(first.parcel).card(6_000).approve().clear().last_payment();
    assert_eq!(world.payment(second).state, T::Released);
    world.on("2013-08-31").must(release("2013-08-31"));
    assert_eq!(world.payment(first).state, T::Released);
    assert_eq!(world.sum(A::SellerHeld), 0);
}

#[test]
fn a_parcel_opened_again_is_delivered_on_the_day_it_is_paid_again() {
    let mut world = hold(HoldRule::DaysAfterDelivery(5));
    let parcel = world.parcel("o-1", 10_000).dispatch().card(4_000).approve().clear().id();
    world.parcel_steps(parcel).qr(6_000).approve();
    world.on("2013-08-30").must(reverse(PaymentId { parcel, number: 2 }));
    world.on("2013-09-02").must(release("2013-09-02"));
    assert_eq!(world.payment_states(parcel), [T::Held, T::Reversed]);
    world.parcel_steps(parcel).qr(6_000).approve().clear();
    world.on("2013-09-06").must(release("2013-09-06"));
    assert_eq!(world.payment_states(parcel), [T::Held, T::Reversed, T::Held]);
    world.on("2013-09-07").must(release("2013-09-07"));
    assert_eq!(world.payment_states(parcel), [T::Released, T::Reversed, T::Released]);
}

#[test]
fn an_answer_of_the_next_day_is_a_delivery_of_the_next_day() {
    let mut world = hold(HoldRule::DaysAfterDelivery(5));
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).last_payment();
    world.on("2013-08-29").must(approve(payment)).must(clear(payment, 10_000, 63));
    assert_eq!(world.events(), [Event::PaymentHeld { payment, payable_on: day("2013-09-03") }]);
}

#[test]
fn a_rule_that_changes_is_for_the_money_that_is_held_from_then_on() {
    let mut world = hold(HoldRule::DaysAfterHeld(2));
    let before =
        world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear().last_payment();
    let rule = HoldRule::AtOnce;
    world.must(set_hold_rule(CHINA, 2, rule));
    // A late duplicate of either setting changes nothing.
    world.repeated(set_hold_rule(CHINA, 2, rule));
    world.repeated(set_hold_rule(CHINA, 1, HoldRule::DaysAfterHeld(2)));
    world.refused(set_hold_rule(CHINA, 2, HoldRule::DaysAfterHeld(2)), Refusal::NumberUsed(2));
    world.refused(set_hold_rule(CHINA, 4, rule), Refusal::WrongSequenceNumber(3));
    let after =
        world.parcel("o-2", 10_000).dispatch().card(10_000).approve().clear().last_payment();
    assert_eq!(world.payment(before).state, T::Held);
    assert_eq!(world.payment(after).state, T::Released);
    let rule = HoldRule::DaysAfterHeld(HOLD_DAYS_MAX + 1);
    let too_long = set_hold_rule(CHINA, 3, rule);
    world.refused(too_long, Refusal::HoldTooLong);
}

#[test]
fn what_is_held_waits_by_the_rule_of_its_day_also_for_a_delivery() {
    let (three, two) = (HoldRule::DaysAfterDelivery(3), HoldRule::DaysAfterHeld(2));
    for (first, second, released) in [(three, two, "2013-09-02"), (two, three, "2013-08-30")] {
        let mut world = hold(first);
        let payment =
            world.parcel("o-1", 10_000).dispatch().card(4_000).approve().clear().last_payment();
        world.must(set_hold_rule(CHINA, 2, second));
        world.on("2013-08-30").parcel_steps(payment.parcel).cash(6_000);
        for date in ["2013-08-30", "2013-08-31", "2013-09-01", "2013-09-02"] {
            world.on(date).must(release(date));
            let expected = if date < released { T::Held } else { T::Released };
            assert_eq!(
                world.payment(payment).state,
                expected,
                "{first:?}, then {second:?}, {date}"
            );
        }
    }
}

#[test]
fn money_is_released_in_the_order_of_its_days_and_no_more_than_asked_for() {
    let mut world = hold(HoldRule::DaysAfterHeld(1));
    let mut payments = Vec::new();
    for (order, date) in [("o-1", "2013-08-28"), ("o-2", "2013-08-29"), ("o-3", "2013-08-29")] {
        world.on(date);
        payments.push(
            world.parcel(order, 10_000).dispatch().card(10_000).approve().clear().last_payment(),
        );
    }
    world.on("2013-08-30");
    let date = day("2013-08-30");
    world.must(Command::ReleaseDue(ReleaseDue { date, limit: 2 }));
    let states = payments.iter().map(|payment| world.payment(*payment).state);
    assert_eq!(states.collect::<Vec<_>>(), [T::Released, T::Released, T::Held]);
    world.must(Command::ReleaseDue(ReleaseDue { date, limit: 2 }));
    assert_eq!(world.sum(A::SellerPayable), 3 * 9_922);
    // Nothing is left; a repeat is harmless.
    world.must(Command::ReleaseDue(ReleaseDue { date, limit: 1 }));
    assert!(world.events().is_empty());
    for limit in [0, RECORDS_PER_COMMAND_MAX + 1] {
        let refusal = Refusal::OutOfRange(RECORDS_PER_COMMAND_MAX);
        world.refused(Command::ReleaseDue(ReleaseDue { date, limit }), refusal);
    }
}

#[test]
fn a_fee_deducted_too_high_is_in_suspense_and_the_seller_pays_the_tariffs() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().last_payment();
    world.must(clear(payment, 10_000, 70));
    world.expect(&[
        (A::Bank, 9_930),
        (A::ClearingCost, 63),
        (A::Suspense, 7),
        (A::SellerPayable, 9_922),
        (A::IssuerFees, 55),
        (A::NetworkFees, 8),
        (A::AcquirerFees, 15),
    ]);
    let [one] = world.engine.open_breaks()[..] else { panic!("one break") };
    assert_eq!((one.subject, one.side), (BreakSubject::Network(NETWORK), BreakSide::Shortfall));
    assert_eq!((one.amount, one.id), (Amount::of(7), FIRST_AUTOMATIC_BREAK));
}

#[test]
fn a_fee_deducted_too_low_is_in_suspense_and_the_cost_is_the_tariffs() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().qr(10_000).approve().last_payment();
    world.must(clear(payment, 10_000, 50));
    world.expect(&[
        (A::Bank, 9_950),
        (A::ClearingCost, 60),
        (A::Suspense, -10),
        (A::SellerPayable, 9_870),
        (A::WalletFees, 60),
        (A::FirmCommission, 20),
        (A::CodFees, 50),
    ]);
    let [one] = world.engine.open_breaks()[..] else { panic!("one break") };
    assert_eq!((one.subject, one.side), (BreakSubject::Wallet(WALLET), BreakSide::Excess));
    assert_eq!(one.amount, Amount::of(10));
}

#[test]
fn a_line_given_again_is_cleared_once() {
    let mut world = hold(HoldRule::DaysAfterHeld(1));
    let payment =
        world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear().last_payment();
    world.repeated(clear(payment, 10_000, 63));
    world.on("2013-08-29").must(release("2013-08-29")).repeated(clear(payment, 10_000, 63));
    assert_eq!(world.sum(A::Bank), 9_937);
}

#[test]
fn a_payment_is_cleared_into_an_account_of_its_own_currency() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().last_payment();
    let (bank, currency) = (BankId(2), Currency::JPY);
    world.must(Command::RegisterBank(RegisterBank {
        bank,
        currency,
        reference: "bank in Japan".into(),
    }));
    let Command::ClearLine(line) = world.numbered(clear(payment, 10_000, 63)) else {
        panic!("a line");
    };
    world.refused(
        Command::ClearLine(ClearLine { bank, ..line }),
        Refusal::CurrencyMismatch(Currency::JPY, Currency::CNY),
    );
}

#[test]
fn an_amount_too_small_for_a_fee_is_cleared_without_one() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 1).dispatch().card(1).approve().last_payment();
    world.must(clear(payment, 1, 0));
    world.expect(&[(A::Bank, 1), (A::SellerPayable, 1)]);
}

#[test]
fn fees_take_all_of_a_small_amount_and_never_more() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 120).dispatch().cash(120).last_payment();
    world.expect(&[(A::CourierCash, 120), (A::FirmCommission, 100), (A::CodFees, 20)]);
    world.must(start_hand_over(1)).must(count(1, 120));
    world.must(deposit(1, 120)).must(confirm_deposit(1, 120));
    assert_eq!(world.payment(payment).state, T::Released);
    assert_eq!(world.sum(A::SellerPayable), 0);
}

#[test]
fn a_line_belongs_to_the_day_on_which_its_file_is_settled() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().last_payment();
    let line = |date: &str| settled_on(date, clear(payment, 10_000, 63));
    let (tomorrow, today) = (day("2013-08-31"), day("2013-08-30"));
    let refusal = Refusal::BadDate(tomorrow, BusinessDate(0), today);
    world.on("2013-08-30").refused(line("2013-08-31"), refusal);
    // Its day is closed: the line is posted today, and belongs to its day all the same.
    world.must(close_period(1, "2013-08-29", [ANNA, BO])).must(line("2013-08-29"));
    assert_eq!(world.outcome.value_date, Some(day("2013-08-29")));
    assert_eq!(world.engine.last_date(), day("2013-08-30"));
    assert_eq!(world.payment(payment).state, T::Released);
    // Of today, it is not said twice.
    let other = world.parcel("o-2", 10_000).dispatch().card(10_000).approve().last_payment();
    world.must(settled_on("2013-08-30", clear(other, 10_000, 63)));
    assert_eq!(world.outcome.value_date, None);
}
