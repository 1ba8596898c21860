//! Payouts to sellers: planned, approved by a second person, executed, and ended (M7).

use books::chart::AccountKind as A;
use books::view::PlannedPayout;
use books::*;
use money::{Amount, Currency, SignedAmount};

use crate::world::*;

/// A seller's parcel of 100.00 by card, cleared: 99.22 are payable.
fn earn(world: &mut World, seller: SellerId, order: &str) -> PaymentId {
    world.parcel_of(seller, order, 10_000).dispatch().card(10_000).approve().clear().last_payment()
}

/// The seller's available money, and payouts in flight.
fn payable(world: &World) -> (i128, i128) {
    (world.balance(A::SellerPayable, SELLER.0), world.sum(A::PayoutInFlight))
}

fn lines(world: &World, plan: u64) -> Vec<(PayoutId, SellerId, u64)> {
    let plan = world.engine.open_plan(PlanId(plan)).expect("the plan is open");
    let line = |one: &PlannedPayout| (one.line.payout, one.line.seller, one.line.net.minor());
    plan.lines.iter().map(line).collect()
}

#[test]
fn a_plan_is_approved_by_a_second_person_then_executed_then_confirmed() {
    let mut world = World::open();
    earn(&mut world, SELLER, "o-1");
    earn(&mut world, OTHER_SELLER, "o-2");
    world.must(plan(1, ANNA)).repeated(plan(1, ANNA));
    assert_eq!(
        lines(&world, 1),
        [(PayoutId(1), SELLER, 9_922), (PayoutId(2), OTHER_SELLER, 9_922)]
    );
    world.refused(execute(1), Refusal::PlanState);
    world.refused(approve_plan(1, ANNA), Refusal::SamePerson);
    world.must(approve_plan(1, BO)).repeated(approve_plan(1, BO));
    world.must(execute(1)).repeated(execute(1));
    assert_eq!(payable(&world), (0, 2 * 9_922));
    world.must(confirm_payout(1)).repeated(confirm_payout(1));
    assert_eq!(world.sum(A::PayoutInFlight), 9_922);
    world.must(confirm_payout(2));
    assert_eq!((world.sum(A::PayoutInFlight), world.sum(A::Bank)), (0, 30));
}

#[test]
fn less_than_the_minimum_is_carried_over() {
    let mut world = World::set(Setup { minimum: 15_000, ..Setup::default() });
    earn(&mut world, SELLER, "o-1");
    world.refused(plan(1, ANNA), Refusal::NothingToPay);
    earn(&mut world, SELLER, "o-2");
    earn(&mut world, OTHER_SELLER, "o-3");
    world.must(plan(1, ANNA));
    let Event::SettlementPlanned { below_minimum, left, .. } = world.events()[0] else {
        panic!("planned")
    };
    assert_eq!((below_minimum, left), (1, 0));
    assert_eq!(lines(&world, 1), [(PayoutId(1), SELLER, 19_844)]);
}

#[test]
fn a_debt_is_carried_over_until_it_is_earned() {
    let mut world = World::open();
    let payment = earn(&mut world, SELLER, "o-1");
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1)).must(confirm_payout(1));
    world.must(charge_back(payment, 1, 10_000));
    assert_eq!(payable(&world), (-10_000, 0));
    world.refused(plan(2, ANNA), Refusal::NothingToPay);
    earn(&mut world, SELLER, "o-2");
    world.refused(plan(2, ANNA), Refusal::NothingToPay);
    earn(&mut world, SELLER, "o-3");
    world.must(plan(2, ANNA));
    assert_eq!(lines(&world, 2), [(PayoutId(2), SELLER, 2 * 9_922 - 10_000)]);
}

#[test]
fn only_the_sellers_of_the_cycle_and_the_currency_are_paid() {
    let mut world = World::open();
    earn(&mut world, SELLER, "o-1");
    let planned = |cycle, currency| {
        let (plan, planned_by) = (PlanId(1), ANNA);
        Command::PlanSettlement(PlanSettlement { plan, cycle, currency, planned_by })
    };
    world.refused(planned(SettlementCycle::Weekly, Currency::CNY), Refusal::NothingToPay);
    let refusal = Refusal::CurrencyWithoutAccount(Currency::BRL);
    world.refused(planned(SettlementCycle::Daily, Currency::BRL), refusal);
    world.must(planned(SettlementCycle::Daily, Currency::CNY));
    world.refused(planned(SettlementCycle::Weekly, Currency::CNY), Refusal::IdentifierTaken);
}

#[test]
fn a_rejected_plan_leaves_everything_as_it_was() {
    let mut world = World::open();
    earn(&mut world, SELLER, "o-1");
    for approved in [false, true] {
        let number = 1 + u64::from(approved);
        world.must(plan(number, ANNA));
        // Planned money is in no second plan.
        world.refused(plan(9, ANNA), Refusal::NothingToPay);
        if approved {
            world.must(approve_plan(number, BO));
        }
        world.must(reject_plan(number, ANNA)).repeated(reject_plan(number, ANNA));
        world.refused(execute(number), Refusal::PlanState);
        world.refused(approve_plan(number, BO), Refusal::PlanState);
        assert_eq!(payable(&world), (9_922, 0));
    }
    // The third plan has the same parcels.
    world.must(plan(3, ANNA));
    let line = world.engine.open_plan(PlanId(3)).unwrap().lines[0].line;
    assert_eq!((line.gross, line.fees, line.net), (10_000, 78, Amount::of(9_922)));
}

#[test]
fn an_executed_plan_is_not_rejected() {
    let mut world = World::open();
    earn(&mut world, SELLER, "o-1");
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1));
    world.refused(reject_plan(1, ANNA), Refusal::PlanState);
    world.refused(execute(2), Refusal::NotFound(MissingRecord::Plan(PlanId(2))));
}

#[test]
fn a_returned_payout_is_paid_again_exactly_once() {
    let mut world = World::open();
    earn(&mut world, SELLER, "o-1");
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1));
    world.must(return_payout(1)).repeated(return_payout(1));
    // The bank did not pay it, so it cannot be confirmed.
    let missing = Refusal::NotFound(MissingRecord::Payout(PayoutId(1)));
    world.refused(confirm_payout(1), missing);
    assert_eq!(payable(&world), (9_922, 0));

    world.must(plan(2, ANNA));
    let line = world.engine.open_plan(PlanId(2)).unwrap().lines[0].line;
    assert_eq!((line.gross, line.fees, line.returned), (0, 0, 9_922));
    world.must(approve_plan(2, BO)).must(execute(2)).must(confirm_payout(2));
    world.refused(plan(3, ANNA), Refusal::NothingToPay);
    assert_eq!(world.sum(A::Bank), 15, "what came in less what the seller got once");
}

/// A world with a payout of 99.22, confirmed on 28 August.
fn confirmed() -> World {
    let mut world = World::open();
    earn(&mut world, SELLER, "o-1");
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1)).must(confirm_payout(1));
    assert_eq!((payable(&world), world.sum(A::Bank)), ((0, 0), 15));
    world
}

#[test]
fn a_payout_that_came_back_after_its_confirmation_is_paid_again_exactly_once() {
    // On the fourteenth day, the last one.
    let mut world = confirmed();
    world.on("2013-09-11").must(return_payout(1)).repeated(return_payout(1));
    let (payout, seller, net) = (PayoutId(1), SELLER, Amount::of(9_922));
    world.must(plan(2, ANNA));
    assert_eq!(world.sum(A::Bank), 15 + 9_922, "the bank has it again");
    let line = world.engine.open_plan(PlanId(2)).unwrap().lines[0].line;
    assert_eq!((line.gross, line.fees, line.returned, line.net), (0, 0, 9_922, net));
    assert_eq!((line.seller, line.payout), (seller, PayoutId(2)));
    // The first payout cannot be confirmed, and it cannot come back a second time.
    world.refused(confirm_payout(1), Refusal::NotFound(MissingRecord::Payout(payout)));
    world.must(approve_plan(2, BO)).must(execute(2)).repeated(return_payout(1));
    world.must(confirm_payout(2)).repeated(return_payout(1));
    world.refused(plan(3, ANNA), Refusal::NothingToPay);
    assert_eq!((payable(&world), world.sum(A::Bank)), ((0, 0), 15));
}

#[test]
fn what_a_return_says_is_the_same_before_and_after_the_confirmation() {
    let mut world = World::open();
    earn(&mut world, SELLER, "o-1");
    earn(&mut world, OTHER_SELLER, "o-2");
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1)).must(confirm_payout(1));
    assert_eq!(world.engine.payouts_in_flight().count(), 1);
    for (payout, seller) in [(1, SELLER), (2, OTHER_SELLER)] {
        world.must(return_payout(payout));
        let (payout, currency, net) = (PayoutId(payout), Currency::CNY, Amount::of(9_922));
        assert_eq!(world.events(), [Event::PayoutReturned { payout, seller, currency, net }]);
    }
    assert_eq!(payable(&world), (9_922, 0));
    assert_eq!(world.engine.payouts_in_flight().count(), 0);
}

#[test]
fn fifteen_days_after_its_confirmation_a_payout_comes_back_no_more() {
    for another_arrives in [false, true] {
        let mut world = confirmed();
        if another_arrives {
            // Old payouts are forgotten when another one is confirmed.
            earn(&mut world, SELLER, "o-2");
            world.must(plan(2, ANNA)).must(approve_plan(2, BO)).must(execute(2));
        }
        world.on("2013-09-12");
        if another_arrives {
            world.must(confirm_payout(2));
        }
        let books = (payable(&world), world.sum(A::Bank));
        world.refused(return_payout(1), Refusal::NotFound(MissingRecord::Payout(PayoutId(1))));
        assert_eq!((payable(&world), world.sum(A::Bank)), books);
        world.repeated(confirm_payout(1));
    }
}

#[test]
fn a_payout_that_waits_for_the_bank_comes_back_however_late() {
    let mut world = World::open();
    earn(&mut world, SELLER, "o-1");
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1));
    world.on("2013-12-24").must(return_payout(1));
    assert_eq!(payable(&world), (9_922, 0));
}

#[test]
fn a_payout_that_was_only_planned_is_neither_confirmed_nor_returned() {
    let mut world = World::open();
    earn(&mut world, SELLER, "o-1");
    world.must(plan(1, ANNA)).must(approve_plan(1, BO));
    let missing = Refusal::NotFound(MissingRecord::Payout(PayoutId(1)));
    world.refused(confirm_payout(1), missing.clone());
    world.refused(return_payout(1), missing.clone());
    world.must(reject_plan(1, ANNA)).refused(confirm_payout(1), missing);
    world.refused(confirm_payout(0), Refusal::NotFound(MissingRecord::Payout(PayoutId(0))));
}

/// Parcels of two sellers in an approved plan of two payouts. Then 40.00 of the first are charged
/// back.
fn charged_back_after_approval() -> World {
    let mut world = World::open();
    let payment = earn(&mut world, SELLER, "o-1");
    earn(&mut world, OTHER_SELLER, "o-2");
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(charge_back(payment, 1, 4_000));
    world
}

/// The payouts of an event that were sent.
fn sent(event: &Event) -> Vec<PayoutId> {
    let Event::SettlementExecuted { lines, .. } = event else { panic!("{event:?}") };
    lines.iter().map(|line| line.payout).collect()
}

#[test]
fn a_payout_that_the_seller_no_longer_has_is_dropped_and_the_others_are_sent() {
    let mut world = charged_back_after_approval();
    world.must(execute(1));
    let dropped = Event::PayoutDropped {
        plan: PlanId(1),
        payout: PayoutId(1),
        seller: SELLER,
        currency: Currency::CNY,
        planned: Amount::of(9_922),
        left: Amount::of(5_922),
        seller_suspended: false,
    };
    let [first, second] = world.events() else { panic!("two events") };
    assert_eq!((first, sent(second)), (&dropped, vec![PayoutId(2)]));
    assert_eq!(payable(&world), (5_922, 9_922));
    let flights: Vec<_> = world.engine.payouts_in_flight().map(|one| one.payout).collect();
    assert_eq!(flights, [PayoutId(2)]);
    world.repeated(execute(1));
    // A dropped payout was never sent: the bank neither pays nor returns it.
    let missing = Refusal::NotFound(MissingRecord::Payout(PayoutId(1)));
    world.refused(confirm_payout(1), missing.clone()).refused(return_payout(1), missing);
    world.must(confirm_payout(2));
}

#[test]
fn what_is_left_of_a_dropped_payout_is_paid_by_the_next_plan() {
    let mut world = charged_back_after_approval();
    world.must(execute(1)).must(plan(2, ANNA)).must(approve_plan(2, BO)).must(execute(2));
    let Event::SettlementExecuted { lines, .. } = &world.events()[0] else { panic!("executed") };
    let [line] = lines[..] else { panic!("one line") };
    assert_eq!((line.payout, line.seller, line.net), (PayoutId(3), SELLER, Amount::of(5_922)));
    assert_eq!((line.gross, line.fees, line.refunded), (10_000, 78, 4_000));
    assert_eq!(payable(&world), (0, 9_922 + 5_922));
}

#[test]
fn the_approvers_see_what_each_seller_of_a_plan_has_now() {
    let mut world = charged_back_after_approval();
    let seen = |world: &World, plan| -> Vec<_> {
        let plan = world.engine.open_plan(PlanId(plan)).unwrap();
        plan.lines.iter().map(|one| (one.line.net.minor(), one.payable)).collect()
    };
    assert_eq!(seen(&world, 1), [(9_922, 5_922), (9_922, 9_922)]);
    // An approval changes nothing, and money that comes in covers the payout again.
    earn(&mut world, SELLER, "o-3");
    assert_eq!(seen(&world, 1), [(9_922, 15_844), (9_922, 9_922)]);
    world.must(execute(1));
    assert_eq!(sent(&world.events()[0]), [PayoutId(1), PayoutId(2)]);
    assert_eq!(payable(&world), (5_922, 2 * 9_922));
}

#[test]
fn a_plan_whose_payouts_are_all_dropped_is_executed_without_any() {
    let mut world = World::open();
    let payment = earn(&mut world, SELLER, "o-1");
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(charge_back(payment, 1, 10_000));
    assert_eq!(world.engine.open_plan(PlanId(1)).unwrap().lines[0].payable, -78);
    world.must(execute(1));
    let [Event::PayoutDropped { left, .. }, executed] = world.events() else { panic!("dropped") };
    assert_eq!((*left, sent(executed)), (Amount::ZERO, vec![]));
    assert_eq!((payable(&world), world.engine.open_plan(PlanId(1))), ((-78, 0), None));
    world.repeated(execute(1)).refused(plan(2, ANNA), Refusal::NothingToPay);
}

#[test]
fn of_two_plans_for_one_seller_only_what_the_seller_has_is_sent() {
    // In either order of execution.
    for (first, second) in [(1, 2), (2, 1)] {
        let mut world = World::open();
        let payment = earn(&mut world, SELLER, "o-1");
        world.must(plan(1, ANNA)).must(approve_plan(1, BO));
        earn(&mut world, SELLER, "o-2");
        world.must(plan(2, ANNA)).must(approve_plan(2, BO)).must(charge_back(payment, 1, 4_000));
        world.must(execute(first));
        assert_eq!(sent(&world.events()[0]), [PayoutId(first)]);
        world.must(execute(second));
        let Event::PayoutDropped { payout, left, .. } = world.events()[0] else { panic!("none") };
        assert_eq!((payout, left), (PayoutId(second), Amount::of(5_922)));
        assert_eq!(payable(&world), (5_922, 9_922));
    }
}

#[test]
fn a_seller_who_still_has_exactly_the_planned_amount_is_paid() {
    for (more, paid) in [(0, true), (1, false)] {
        let mut world = World::open();
        let payment = earn(&mut world, SELLER, "o-1");
        world.must(plan(1, ANNA)).must(approve_plan(1, BO));
        earn(&mut world, SELLER, "o-2");
        world.must(charge_back(payment, 1, 9_922 + more)).must(execute(1));
        assert_eq!(world.engine.payouts_in_flight().count() == 1, paid);
        assert!(world.sum(A::SellerPayable) >= 0);
    }
}

/// Two cash parcels within the firm's guarantee: payable before the money is in the bank.
fn payable_on_guarantee() -> World {
    let mut world = World::set(Setup { guarantee: 20_000, ..Setup::default() });
    for (seller, order) in [(SELLER, "o-1"), (OTHER_SELLER, "o-2")] {
        world.parcel_of(seller, order, 10_000).dispatch().cash(10_000);
    }
    world.must(start_hand_over(1)).must(count(1, 20_000));
    world.must(plan(1, ANNA)).must(approve_plan(1, BO));
    world
}

#[test]
fn nothing_is_sent_that_is_not_in_the_bank() {
    // The payouts are 97.00 each.
    let mut world = payable_on_guarantee();
    let funds = |minor| Refusal::InsufficientFunds(SignedAmount::of(minor));
    world.refused(execute(1), funds(0));
    world.must(deposit(1, 19_399)).refused(execute(1), funds(0));
    world.must(confirm_deposit(1, 19_399)).refused(execute(1), funds(19_399));
    world.must(deposit(2, 1)).must(confirm_deposit(2, 1)).must(execute(1));
    assert_eq!(world.sum(A::PayoutInFlight), 2 * 9_700);
}

#[test]
fn a_dropped_payout_needs_no_money_in_the_bank() {
    let mut world = World::open();
    let payment = earn(&mut world, SELLER, "o-1");
    earn(&mut world, OTHER_SELLER, "o-2");
    world.must(raise_break(1, BreakSubject::Bank(BANK), BreakSide::Shortfall, 9_952));
    world.must(plan(1, ANNA)).must(approve_plan(1, BO));
    world.refused(execute(1), Refusal::InsufficientFunds(SignedAmount::of(9_922)));
    world.must(charge_back(payment, 1, 1)).must(execute(1));
    assert_eq!(payable(&world), (9_921, 9_922));
}

#[test]
fn payouts_in_flight_are_no_longer_in_the_bank() {
    let mut world = payable_on_guarantee();
    world.fund_bank(2 * 9_700 + 100);
    let parcel = world.parcel("o-3", 2_000).dispatch().cash(2_000).last_payment();
    world.must(refund(parcel, 1, 50)).must(execute(1));
    let funds = |minor| Refusal::InsufficientFunds(SignedAmount::of(minor));
    assert_eq!(world.sum(A::Bank), 19_500, "the bank has not paid yet");
    world.must(pay_commission(1, 51)).refused(confirm_refund(parcel, 1, 50), funds(49));
    // A confirmed payout has left the bank; a returned one is there again.
    world.must(confirm_payout(1)).refused(confirm_refund(parcel, 1, 50), funds(49));
    world.must(return_payout(2)).must(confirm_refund(parcel, 1, 50));
    assert_eq!(world.sum(A::Bank), 19_500 - 51 - 9_700 - 50);
    world.must(return_payout(1));
    assert_eq!(world.sum(A::Bank), 19_500 - 51 - 50);
}

#[test]
fn a_bank_account_below_zero_pays_nothing() {
    let mut world = World::open();
    earn(&mut world, SELLER, "o-1");
    world.must(raise_break(1, BreakSubject::Bank(BANK), BreakSide::Shortfall, 10_000));
    assert_eq!(world.sum(A::Bank), -63);
    world.must(plan(1, ANNA)).must(approve_plan(1, BO));
    world.refused(execute(1), Refusal::InsufficientFunds(SignedAmount::of(-63)));
}

#[test]
fn a_refund_after_the_plan_is_in_the_next_one() {
    let mut world = World::open();
    let payment = earn(&mut world, SELLER, "o-1");
    world.must(plan(1, ANNA)).must(approve_plan(1, BO));
    earn(&mut world, SELLER, "o-2");
    world.must(refund(payment, 1, 4_000)).must(execute(1)).must(plan(2, ANNA));
    let line = world.engine.open_plan(PlanId(2)).unwrap().lines[0].line;
    assert_eq!((line.gross, line.fees, line.refunded), (10_000, 78, 4_000));
    assert_eq!(line.net, Amount::of(5_922));
}

#[test]
fn a_chargeback_between_plan_and_rejection_is_kept() {
    let mut world = World::open();
    let payment = earn(&mut world, SELLER, "o-1");
    world.must(plan(1, ANNA)).must(charge_back(payment, 1, 4_000)).must(reject_plan(1, BO));
    world.must(plan(2, ANNA));
    let line = world.engine.open_plan(PlanId(2)).unwrap().lines[0].line;
    assert_eq!((line.gross, line.refunded), (10_000, 4_000));
    assert_eq!(line.net, Amount::of(5_922));
}

#[test]
fn money_earned_after_a_plan_is_in_the_next_one() {
    let mut world = World::open();
    earn(&mut world, SELLER, "o-1");
    world.must(plan(1, ANNA));
    earn(&mut world, SELLER, "o-2");
    world.must(plan(2, BO));
    assert_eq!(lines(&world, 1), [(PayoutId(1), SELLER, 9_922)]);
    assert_eq!(lines(&world, 2), [(PayoutId(2), SELLER, 9_922)]);
    world.must(approve_plan(2, ANNA)).must(execute(2));
    world.must(approve_plan(1, BO)).must(execute(1));
    assert_eq!(payable(&world), (0, 2 * 9_922));
}

#[test]
fn a_plan_is_paid_from_an_account_of_its_currency() {
    let mut world = World::open();
    earn(&mut world, SELLER, "o-1");
    let (bank, currency) = (BankId(2), Currency::BRL);
    world.must(Command::RegisterBank(RegisterBank {
        bank,
        currency,
        reference: "bank in Brazil".into(),
    }));
    world.must(plan(1, ANNA)).must(approve_plan(1, BO));
    let refusal = Refusal::CurrencyMismatch(Currency::BRL, Currency::CNY);
    world.refused(Command::ExecuteSettlement(ExecuteSettlement { plan: PlanId(1), bank }), refusal);
    world.must(execute(1));
}

#[test]
fn every_line_adds_up() {
    let mut world = World::open();
    let payment = earn(&mut world, SELLER, "o-1");
    earn(&mut world, SELLER, "o-2");
    world.parcel("o-3", 500).dispatch().refuse().return_to_seller();
    world.must(refund(payment, 1, 777)).must(charge_back(payment, 2, 333));
    world.must(plan(1, ANNA));
    let line = world.engine.open_plan(PlanId(1)).unwrap().lines[0].line;
    let sum = line.gross + line.returned - line.fees - line.refunded;
    assert_eq!(line.net.minor(), sum);
    assert_eq!((line.gross, line.fees, line.refunded), (20_000, 2 * 78 + 400, 1_110));
}

#[test]
fn more_sellers_than_a_plan_holds_are_left_for_a_second_plan() {
    let mut world = World::set(Setup { cash_limit: Amount::ENTRY_MAX.minor(), ..Setup::default() });
    let sellers = u32::try_from(PLAN_LINES_MAX).unwrap() + 3;
    for number in 0..sellers {
        let seller = SellerId(1_000 + u64::from(number));
        let parcel = ParcelId::derived(seller, "o");
        let payment = PaymentId { parcel, number: 1 };
        let day = [
            register_seller(seller, GENERAL, 0),
            announce(seller, "o", 10_000),
            assign(parcel),
            dispatch(parcel),
            sell_at(world.nth_trace(number), parcel, debit_card(), 10_000),
            approve(payment),
            clear(payment, 10_000, 63),
        ];
        for command in &day {
            world.apply_unchecked(command).unwrap();
        }
    }
    world.must(plan(1, ANNA));
    let Event::SettlementPlanned { left, .. } = world.events()[0] else { panic!("planned") };
    assert_eq!((left, lines(&world, 1).len()), (3, PLAN_LINES_MAX));
    world.must(plan(2, ANNA));
    assert_eq!(lines(&world, 2).len(), 3);
    assert_eq!(lines(&world, 2)[0].0, PayoutId(u64::try_from(PLAN_LINES_MAX).unwrap() + 1));
    world.refused(plan(3, ANNA), Refusal::NothingToPay);
    for number in [1, 2] {
        world.must(approve_plan(number, BO)).must(execute(number));
    }
    assert_eq!(world.engine.payouts_in_flight().count(), PLAN_LINES_MAX + 3);
    assert_eq!(world.sum(A::PayoutInFlight), i128::from(sellers) * 9_922);
}

#[test]
fn the_calendar_plans_a_cycle_once_a_day_and_two_other_people_approve() {
    let mut world = World::open();
    earn(&mut world, SELLER, "o-1");
    let (today, tomorrow) = ("2013-08-28", "2013-08-29");
    world.refused(plan_cycle(7, tomorrow), bad_date(tomorrow, "", today));
    world.must(plan_cycle(7, today)).repeated(plan_cycle(7, today));
    assert_eq!(lines(&world, 7), [(PayoutId(1), SELLER, 9_922)]);
    earn(&mut world, SELLER, "o-2");
    world.refused(plan_cycle(8, today), bad_date(today, tomorrow, today));
    // One person's approval would be one person's payout: nobody planned it.
    world.refused(approve_plan(7, BO), Refusal::PlanNeedsTwoPeople);
    world.refused(execute(7), Refusal::PlanState);
    world.refused(approve_cycle_plan(7, ANNA, ANNA), Refusal::SamePerson);
    world.must(approve_cycle_plan(7, ANNA, BO)).repeated(approve_cycle_plan(7, ANNA, BO));
    world.refused(approve_cycle_plan(7, CASHIER, BO), Refusal::OtherContent);
    world.must(execute(7));
    assert_eq!(payable(&world), (9_922, 9_922));
    // A person's plan is still approved by one other person.
    world.must(plan(9, ANNA)).refused(approve_cycle_plan(9, ANNA, BO), Refusal::PlanState);
}

#[test]
fn a_day_of_the_calendar_without_money_is_over_all_the_same() {
    let mut world = World::open();
    let (today, tomorrow) = ("2013-08-28", "2013-08-29");
    world.must(plan_cycle(7, today)).repeated(plan_cycle(7, today));
    assert_eq!(world.engine.open_plan(PlanId(7)), None, "nobody is to be paid");
    let planned = |world: &World| world.engine.cycles_planned().collect::<Vec<_>>();
    let (cycle, cny) = (SettlementCycle::Daily, Currency::CNY);
    assert_eq!(planned(&world), [(cycle, cny, day(today))]);
    earn(&mut world, SELLER, "o-1");
    // The money came after the cut-off: it waits for the next day of the calendar.
    world.refused(plan_cycle(8, today), bad_date(today, tomorrow, today));
    world.on(tomorrow).must(plan_cycle(8, tomorrow));
    assert_eq!(lines(&world, 8), [(PayoutId(1), SELLER, 9_922)]);
    // No other cycle has a day.
    assert_eq!(planned(&world), [(cycle, cny, day(tomorrow))]);
}

#[test]
fn what_one_person_says_is_in_the_bank_is_paid_to_nobody() {
    let mut world = World::open();
    earn(&mut world, SELLER, "o-1");
    world.must(raise_break(1, BreakSubject::Bank(BANK), BreakSide::Shortfall, 10_000));
    world.must(raise_break(2, BreakSubject::Bank(BANK), BreakSide::Excess, 20_000));
    world.must(plan(1, ANNA)).must(approve_plan(1, BO));
    world.refused(execute(1), Refusal::InsufficientFunds(SignedAmount::of(-63)));
    let (id, gain) = (BreakId(2), BreakResolution::WriteOff);
    world.must(propose_resolution(id, gain, ANNA));
    world.refused(execute(1), Refusal::InsufficientFunds(SignedAmount::of(-63)));
    world.must(approve_resolution(id, gain, BO)).must(execute(1));
}
