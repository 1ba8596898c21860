//! Payouts to sellers: planned, approved by a second person, executed, and ended (M7).

use books::chart::AccountKind as A;
use books::*;
use money::{Amount, Currency};

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
    plan.lines.iter().map(|line| (line.payout, line.seller, line.net.minor())).collect()
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
    let line = world.engine.open_plan(PlanId(3)).unwrap().lines[0];
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
    let line = world.engine.open_plan(PlanId(2)).unwrap().lines[0];
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
    let line = world.engine.open_plan(PlanId(2)).unwrap().lines[0];
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
        let (payout, net) = (PayoutId(payout), Amount::of(9_922));
        assert_eq!(world.events(), [Event::PayoutReturned { payout, seller, net }]);
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

#[test]
fn a_chargeback_between_plan_and_execution_is_the_next_plans() {
    let mut world = World::open();
    let payment = earn(&mut world, SELLER, "o-1");
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(charge_back(payment, 1, 4_000));
    // The approved payout is paid; the seller owes the rest.
    world.must(execute(1)).must(confirm_payout(1));
    assert_eq!(payable(&world), (-4_000, 0));
    earn(&mut world, SELLER, "o-2");
    world.must(plan(2, ANNA));
    let line = world.engine.open_plan(PlanId(2)).unwrap().lines[0];
    assert_eq!((line.gross, line.fees, line.refunded), (10_000, 78, 4_000));
    assert_eq!(line.net, Amount::of(5_922));
}

#[test]
fn a_chargeback_between_plan_and_rejection_is_kept() {
    let mut world = World::open();
    let payment = earn(&mut world, SELLER, "o-1");
    world.must(plan(1, ANNA)).must(charge_back(payment, 1, 4_000)).must(reject_plan(1, BO));
    world.must(plan(2, ANNA));
    let line = world.engine.open_plan(PlanId(2)).unwrap().lines[0];
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
    let line = world.engine.open_plan(PlanId(1)).unwrap().lines[0];
    let sum = line.gross + line.returned - line.fees - line.refunded;
    assert_eq!(line.net.minor(), sum);
    assert_eq!((line.gross, line.fees, line.refunded), (20_000, 2 * 78 + 400, 1_110));
}

#[test]
fn more_sellers_than_a_plan_holds_are_left_for_a_second_plan() {
    let mut world = World::set(Setup { cash_limit: Amount::MAX.minor(), ..Setup::default() });
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
