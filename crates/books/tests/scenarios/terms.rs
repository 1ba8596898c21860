//! Terms that change on a day: nothing changes before it, and what was charged stays so.

use books::chart::{AccountKind as A, ChartEntry};
use books::view::PaymentState as T;
use books::*;
use money::{Amount, Currency};
use tariff::SellerClassNumber;

use crate::world::*;

fn dining() -> SellerClassNumber {
    shipped_terms().class("dining").expect("the tariff has it")
}

/// The fees of a card payment of 100.00 that begins now.
fn fees(world: &mut World, order: &str) -> u64 {
    let payment = world.parcel(order, 10_000).dispatch().card(10_000).approve().last_payment();
    world.payment(payment).fees.minor()
}

#[test]
fn a_sellers_class_changes_on_its_day_and_not_for_what_was_taken_before() {
    let mut world = World::open();
    let before = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().last_payment();
    world.must(set_seller_terms(1, "2013-09-01", dining()));
    world.repeated(set_seller_terms(1, "2013-09-01", dining()));
    world.on("2013-08-31");
    assert_eq!(fees(&mut world, "o-2"), 78);
    world.on("2013-09-01");
    assert_eq!(fees(&mut world, "o-3"), 125);
    // The earlier payment is cleared, and returns its fees, by the class that it was charged by.
    assert_eq!(world.payment(before).deducted_by_network, Amount::of(63));
    world.must(reverse(before));
    let reversed =
        |(entry, amount): &(_, u64)| (*entry == ChartEntry::FeeReversed).then_some(*amount);
    assert_eq!(world.moved_for(before).iter().filter_map(reversed).sum::<u64>(), 78);
    let [collected] = &world.engine.payments(ParcelId::derived(SELLER, "o-3"))[..] else {
        panic!("one payment")
    };
    assert_eq!(collected.tariff, world.payment(before).tariff);
}

#[test]
fn a_payment_begun_on_the_day_before_is_charged_by_the_class_of_that_day() {
    let mut world = World::open();
    world.must(set_seller_terms(1, "2013-09-01", dining()));
    world.at = Timestamp::start_of_day(day("2013-09-01"), UTC_OFFSET_MINUTES);
    world.at = Timestamp(world.at.0 - 60_000);
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).last_payment();
    let reserved = world.dispatched_parcel("o-2", 10_000);
    world
        .must(open_batch(1))
        .must(pre_authorise(1, reserved, 10_000))
        .must(approve(first(reserved)));
    world.at = world.at.plus_ms(120_000);
    world.must(approve(payment));
    assert_eq!(world.payment(payment).fees, Amount::of(78));
    // A completion takes the money on its own day.
    world.must(complete(2, first(reserved), 10_000));
    world.must(resolve_completion(first(reserved), COMPLETED));
    assert_eq!(world.payment(first(reserved)).fees, Amount::of(125));
}

#[test]
fn an_offline_sale_is_charged_by_the_terms_of_the_day_on_which_it_was_made() {
    let mut world = World::open();
    world.must(open_batch(1)).must(offline_limit(90_000, 90_000));
    let parcel = world.dispatched_parcel("o-1", 20_000);
    world.must(set_seller_terms(1, "2013-08-29", dining()));
    world.on("2013-08-30");
    let sale = |date| OfflineSaleAt { date, local_time: 100_000 };
    world.must(offline_sale_at(sale(828), trace(1), parcel, 10_000));
    assert_eq!(world.payment(first(parcel)).fees, Amount::of(78));
    world.must(offline_sale_at(sale(829), trace(2), parcel, 10_000));
    assert_eq!(world.payment(second(parcel)).fees, Amount::of(125));
}

#[test]
fn another_tariff_holds_from_its_day_for_fees_and_returns() {
    let mut world = World::open();
    let mut terms = shipped_terms();
    terms.return_fee = Amount::of(900);
    let Command::PublishTariff(mut one) = publish(1, "2013-02-25", None, terms) else {
        unreachable!()
    };
    (one.tariff, one.reference) = (TariffId(2), "second".into());
    world.must(Command::PublishTariff(one));
    let Command::SetSellerTerms(change) = set_seller_terms(1, "2013-08-29", GENERAL) else {
        unreachable!()
    };
    world.must(Command::SetSellerTerms(SetSellerTerms { tariff: TariffId(2), ..change }));
    world.parcel("o-1", 10_000).dispatch().refuse().return_to_seller();
    assert_eq!(world.sum(A::ReturnFees), 400);
    world.on("2013-08-29").parcel("o-2", 10_000).dispatch().refuse().return_to_seller();
    assert_eq!(world.sum(A::ReturnFees), 400 + 900);
    let paid = world.parcel("o-3", 10_000).dispatch().card(10_000).last_payment();
    assert_eq!(world.payment(paid).tariff.tariff, TariffId(2));
}

#[test]
fn cycle_and_minimum_are_those_of_the_day_of_the_plan() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear();
    let Command::SetSellerTerms(daily) = set_seller_terms(1, "2013-08-29", GENERAL) else {
        unreachable!()
    };
    let weekly = SetSellerTerms { cycle: SettlementCycle::Weekly, ..daily };
    let minimum = Amount::of(9_923);
    let more = SetSellerTerms { number: 2, from: day("2013-08-30"), minimum, ..daily };
    world.must(Command::SetSellerTerms(weekly)).must(Command::SetSellerTerms(more));
    world.on("2013-08-29").refused(plan(1, ANNA), Refusal::NothingToPay);
    // Back to daily, and the minimum is one more than there is.
    world.on("2013-08-30").refused(plan(1, ANNA), Refusal::NothingToPay);
    world.must(set_seller_terms(3, "2013-08-30", GENERAL)).must(plan(1, ANNA));
}

#[test]
fn of_two_changes_for_a_day_the_later_one_holds() {
    let mut world = World::open();
    world.must(set_seller_terms(1, "2013-09-01", dining()));
    world.must(set_seller_terms(2, "2013-09-01", GENERAL));
    world.must(set_seller_terms(3, "2013-09-05", dining()));
    world.must(set_seller_terms(4, "2013-09-03", GENERAL));
    // Late duplicates change nothing.
    world.repeated(set_seller_terms(1, "2013-09-01", dining()));
    world.refused(set_seller_terms(1, "2013-09-01", GENERAL), Refusal::NumberUsed(1));
    world.refused(set_seller_terms(6, "2013-09-06", GENERAL), Refusal::WrongSequenceNumber(5));
    let expected = [("2013-09-01", 78), ("2013-09-04", 78), ("2013-09-05", 125)];
    for (date, fee) in expected {
        world.on(date);
        assert_eq!(fees(&mut world, date), fee, "{date}");
    }
    // From today on: what was taken this morning keeps its fees.
    world.must(set_seller_terms(5, "2013-09-05", GENERAL));
    assert_eq!(fees(&mut world, "afternoon"), 78);
    world.refused(
        set_seller_terms(6, "2013-09-04", dining()),
        bad_date("2013-09-04", "2013-09-05", ""),
    );
    world.repeated(set_seller_terms(1, "2013-09-01", dining()));
}

#[test]
fn terms_are_those_of_a_tariff_that_the_account_can_have() {
    let mut world = World::open();
    let change = |number, class| set_seller_terms(number, "2013-09-01", class);
    let class = Refusal::NotFound(MissingRecord::Class);
    world.refused(change(1, SellerClassNumber(99)), class.clone());
    let Command::SetSellerTerms(one) = change(1, GENERAL) else { unreachable!() };
    let with = |change: SetSellerTerms| Command::SetSellerTerms(change);
    let tariff = TariffId(99);
    world.refused(
        with(SetSellerTerms { tariff, ..one }),
        Refusal::NotFound(MissingRecord::Tariff(tariff)),
    );
    let currency = Currency::BRL;
    world.refused(
        with(SetSellerTerms { currency, ..one }),
        Refusal::CurrencyWithoutAccount(currency),
    );
    world.refused(with(SetSellerTerms { approved_by: ANNA, ..one }), Refusal::SamePerson);
    // A class that the tariff gets on a day can be set from that day on.
    let mut more = shipped_terms();
    more.classes.push(tariff::SellerClass { name: "new".into(), ..more.classes[0].clone() });
    let new = more.class("new").expect("just added");
    world.must(publish(2, "2013-09-10", None, more));
    world.refused(change(1, new), class);
    let from = day("2013-09-10");
    world.must(with(SetSellerTerms { class: new, from, ..one }));
}

#[test]
fn so_many_terms_wait_for_their_day() {
    let mut world = World::open();
    for number in 1..=8 {
        world.must(set_cash_limit(number, &format!("2013-09-0{number}"), 500));
    }
    world.refused(set_cash_limit(9, "2013-09-09", 500), Refusal::TooManyTerms);
    // One that replaces another, or holds today, is none more that waits.
    world.must(set_cash_limit(9, "2013-09-08", 400)).must(set_cash_limit(10, "2013-08-28", 300));
    world.refused(set_cash_limit(11, "2013-09-09", 500), Refusal::TooManyTerms);
    world.on("2013-09-01").must(set_cash_limit(11, "2013-09-09", 500));
    // Only the latest are remembered with their content.
    world.refused(set_cash_limit(3, "2013-09-03", 500), Refusal::NumberForgotten(3));
}

#[test]
fn a_cash_limit_holds_from_its_day() {
    let mut world = World::set(Setup { cash_limit: 15_000, ..Setup::default() });
    let himself = PersonId(COURIER.0);
    for (proposed_by, approved_by) in [(himself, BO), (ANNA, himself), (ANNA, ANNA)] {
        let Command::SetCourierTerms(one) = set_cash_limit(1, "2013-08-29", 25_000) else {
            unreachable!()
        };
        let by = SetCourierTerms { proposed_by, approved_by, ..one };
        world.refused(Command::SetCourierTerms(by), Refusal::SamePerson);
    }
    world.must(set_cash_limit(1, "2013-08-29", 25_000));
    world.must(set_cash_limit(2, "2013-08-30", 5_000));
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    let second = world.dispatched_parcel("o-2", 10_000);
    let exceeded = |limit| Refusal::CashLimitExceeded(Amount::of(limit));
    world.refused(collect_cash(first(second), 5_001), exceeded(15_000));
    world.on("2013-08-29").must(collect_cash(first(second), 10_000));
    // More than the new limit is in hand: it stays there until it is handed over.
    world.on("2013-08-30");
    let third = world.dispatched_parcel("o-3", 10_000);
    world.refused(collect_cash(first(third), 1), exceeded(5_000));
    world.must(start_hand_over(1)).must(count(1, 20_000));
    world.must(collect_cash(first(third), 5_000));
}

#[test]
fn a_guarantee_holds_from_its_day_and_what_is_guaranteed_stays_so() {
    let mut world = World::set(Setup { guarantee: 10_000, ..Setup::default() });
    world.must(set_guarantee(1, "2013-08-29", 20_000));
    world.must(set_guarantee(2, "2013-08-30", 15_000));
    let mut counted = |date: &str, number: u32| {
        world.on(date);
        let payment = world.parcel(date, 10_000).dispatch().cash(10_000).last_payment();
        world.must(start_hand_over(number)).must(count(number, 10_000));
        world.payment(payment).state
    };
    assert_eq!(counted("2013-08-28", 1), T::Released);
    // Room for two on this day.
    assert_eq!(counted("2013-08-29", 2), T::Released);
    // Lowered below what is in use: nothing more is guaranteed.
    assert_eq!(counted("2013-08-30", 3), T::Approved);
    world.must(deposit(1, 20_000)).must(confirm_deposit(1, 20_000));
    let again = world.parcel("again", 10_000).dispatch().cash(10_000).last_payment();
    world.must(start_hand_over(4)).must(count(4, 10_000));
    assert_eq!(world.payment(again).state, T::Released);
}

#[test]
fn a_firm_and_a_courier_are_registered_by_two_people() {
    let mut world = World::open();
    let (firm, new) = (FirmId(9), CourierId(9));
    let registered = register_firm(firm, Currency::CNY, 500);
    let Command::RegisterFirm(mut other) = registered.clone() else { unreachable!() };
    world.must(registered.clone()).repeated(registered.clone());
    other.approved_by = CASHIER;
    world.refused(Command::RegisterFirm(other), Refusal::IdentifierTaken);
    // Also after its terms changed.
    let Command::SetFirmTerms(change) = set_guarantee(1, "2013-08-28", 900) else { unreachable!() };
    world.must(Command::SetFirmTerms(SetFirmTerms { firm, ..change })).repeated(registered);
    let by = |proposed_by, approved_by| {
        let Command::RegisterCourier(one) = register_courier(new, firm, 500) else {
            unreachable!()
        };
        Command::RegisterCourier(RegisterCourier { proposed_by, approved_by, ..one })
    };
    // Nobody gives himself cash.
    let himself = PersonId(new.0);
    world.refused(by(himself, BO), Refusal::SamePerson);
    world.refused(by(ANNA, himself), Refusal::SamePerson);
    world.refused(by(ANNA, ANNA), Refusal::SamePerson);
    world.must(by(ANNA, BO)).repeated(by(ANNA, BO));
    world.refused(by(BO, ANNA), Refusal::IdentifierTaken);
}

#[test]
fn terms_come_back_from_a_snapshot() {
    let mut world = World::open();
    world.must(set_seller_terms(1, "2013-09-01", dining())).must(suspend_seller(1, true, None));
    world.must(set_cash_limit(1, "2013-09-01", 5)).must(suspend_courier(1, true, None));
    world.must(set_guarantee(1, "2013-09-01", 5));
    let mut parts = Vec::new();
    let digest = world.engine.snapshot().write(|part| {
        parts.push(Ok::<_, String>(part.to_vec()));
        Ok::<_, String>(())
    });
    world.engine = Books::restore(parts, digest.unwrap()).unwrap();
    world.repeated(set_cash_limit(1, "2013-09-01", 5));
    world.refused(announce(SELLER, "o-1", 100), Refusal::SellerSuspended);
    world.must(suspend_seller(2, false, Some(BO))).must(suspend_courier(2, false, Some(BO)));
    world.on("2013-09-01");
    assert_eq!(fees(&mut world, "o-1"), 125);
}
