//! The largest amounts: exact or refused, never overflowing and never a stop.

use books::chart::AccountKind as A;
use books::view::PaymentState;
use books::*;
use money::{Amount, Rate};
use tariff::{FixedOrShare, Terms};

use super::examples::examples;
use crate::world::*;

const MAX: u64 = Amount::ENTRY_MAX.minor();
const MAX_BALANCE: i128 = MAX as i128;

/// Terms without fees, so the seller gets all of a payment.
fn free() -> Terms {
    let mut terms = Terms { classes: shipped_terms().classes, ..Terms::default() };
    terms.classes.retain(|class| class.name == "public-welfare");
    terms
}

fn free_world() -> World {
    let (terms, cash_limit) = (free(), MAX);
    World::set(Setup { class: "public-welfare", terms, cash_limit, ..Setup::default() })
}

fn earn_the_most(world: &mut World, order: &str) -> PaymentId {
    world.parcel(order, MAX).dispatch().card(MAX).approve().clear().last_payment()
}

#[test]
fn the_largest_amount_goes_all_the_way() {
    let mut world = World::open();
    let payment = earn_the_most(&mut world, "o-1");
    let fees = world.payment(payment).fees.minor();
    // 0.78% in three parts, each rounded by itself.
    let part = |ppm: u32| Rate::from_ppm(ppm).unwrap().of(Amount::ENTRY_MAX).minor();
    assert_eq!(fees, part(5_500) + part(800) + part(1_500));
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1)).must(confirm_payout(1));
    assert_eq!(world.sum(A::Bank), i128::from(part(1_500)));
}

/// The fields of a command that are amounts, by its schema.
fn amount_fields(command: &Command) -> Vec<String> {
    let schema = serde_json::to_value((command.spec().schema)()).unwrap();
    let is_amount = |field: &serde_json::Value| {
        let text = field.to_string();
        ["/Amount\"", "/SignedAmount\""].iter().any(|name| text.contains(name))
    };
    let fields = schema["properties"].as_object().unwrap();
    fields.iter().filter(|(_, field)| is_amount(field)).map(|(name, _)| name.clone()).collect()
}

#[test]
fn no_command_has_an_amount_above_the_limit() {
    let (mut world, mut tried) = (World::open(), 0);
    for (_, command) in examples() {
        for field in amount_fields(&command) {
            let signed = matches!(
                command,
                Command::ClearLine(_) | Command::BeginFile(_) | Command::TakeEntry(_)
            );
            let above = i64::try_from(MAX + 1).unwrap();
            for amount in [above, i64::MAX, -above].into_iter().take(2 + usize::from(signed)) {
                let mut json = serde_json::to_value(&command).unwrap();
                json[&field] = amount.into();
                let refusal = Refusal::AmountAboveLimit(Amount::of(amount.unsigned_abs()));
                world.refused(serde_json::from_value(json).unwrap(), refusal);
                tried += 1;
            }
        }
    }
    assert!(tried > 60, "{tried}");
}

#[test]
fn no_tariff_has_a_sum_above_the_limit() {
    let above = Amount::of(MAX + 1);
    let mut world = World::open();
    let set: [fn(&mut Terms, Amount); 4] = [
        |terms, sum| terms.return_fee = sum,
        |terms, sum| terms.cod.qr.fixed = sum,
        |terms, sum| terms.classes[0].debit.network.cap = Some(sum),
        |terms, sum| terms.classes[0].wallet.cap = Some(sum),
    ];
    for set in set {
        let mut terms = shipped_terms();
        set(&mut terms, above);
        let refused = world.apply(&publish(2, "2013-10-01", None, terms)).unwrap_err();
        assert!(
            matches!(refused, Refusal::BadTerms(tariff::TermsError::SumAboveLimit(_))),
            "{refused:?}"
        );
    }
}

#[test]
fn a_payout_of_the_largest_amount_is_made_of_parts_larger_than_it() {
    let mut world = free_world();
    let payment = earn_the_most(&mut world, "o-1");
    earn_the_most(&mut world, "o-2");
    world.must(refund(payment, 1, MAX)).must(plan(1, ANNA));
    let line = world.engine.open_plan(PlanId(1)).unwrap().lines[0].line;
    assert_eq!((line.gross, line.refunded), (2 * MAX, MAX));
    assert_eq!(line.net, Amount::ENTRY_MAX);
    world.must(approve_plan(1, BO)).must(execute(1)).must(return_payout(1));
    assert_eq!(world.balance(A::SellerPayable, SELLER.0), MAX_BALANCE);
}

#[test]
fn debts_add_up_beyond_the_largest_amount() {
    let mut terms = free();
    terms.return_fee = Amount::ENTRY_MAX;
    let mut world = World::set(Setup { class: "public-welfare", terms, ..Setup::default() });
    for order in ["o-1", "o-2", "o-3"] {
        world.parcel(order, 1).dispatch().refuse().return_to_seller();
    }
    assert_eq!(world.sum(A::SellerPayable), -3 * MAX_BALANCE);
    world.refused(plan(1, ANNA), Refusal::NothingToPay);
}

#[test]
fn a_fixed_fee_of_the_largest_amount_takes_all_and_no_more() {
    let mut terms = free();
    let all = FixedOrShare { fixed: Amount::ENTRY_MAX, share: Rate::ZERO };
    (terms.cod.cash, terms.commission.cash) = (all, all);
    let (class, cash_limit) = ("public-welfare", MAX);
    let mut world = World::set(Setup { class, terms, cash_limit, ..Setup::default() });
    world.parcel("o-1", MAX).dispatch().cash(MAX);
    world.expect(&[(A::CourierCash, MAX_BALANCE), (A::FirmCommission, MAX_BALANCE)]);
}

#[test]
fn cash_beyond_the_largest_amount_is_over_the_limit() {
    let mut world = free_world();
    world.parcel("o-1", MAX).dispatch().cash(MAX);
    let parcel = world.parcel("o-2", 1).dispatch().id();
    let exceeded = Refusal::CashLimitExceeded(Amount::of(MAX));
    world.refused(collect_cash(PaymentId { parcel, number: 1 }, 1), exceeded);
}

#[test]
fn a_shortage_beyond_the_largest_amount_is_repaid_in_parts() {
    let mut world = free_world();
    for number in 1..=3 {
        world.parcel(&format!("o-{number}"), MAX).dispatch().cash(MAX);
        world.must(start_hand_over(number)).must(count(number, 0));
    }
    assert_eq!(world.engine.courier_cash(COURIER), Some((0, 3 * MAX_BALANCE)));
    world.must(repay(COURIER, 1, MAX)).must(repay(COURIER, 2, MAX)).must(repay(COURIER, 3, MAX));
    assert_eq!(world.engine.firm_cash(FIRM), Some(3 * MAX_BALANCE));
}

#[test]
fn deposits_beyond_the_largest_amount_are_brought_in_parts() {
    let mut world = free_world();
    for number in 1..=3 {
        world.parcel(&format!("o-{number}"), MAX).dispatch().cash(MAX);
        world.must(start_hand_over(number)).must(count(number, MAX));
    }
    world.must(deposit(1, MAX)).must(deposit(2, MAX)).must(deposit(3, MAX));
    let none = Refusal::AmountTooLarge(Amount::ZERO);
    world.refused(deposit(4, 1), none);
    world.must(confirm_deposit(1, MAX)).must(confirm_deposit(2, MAX - 1));
    // One fen of the second is missing, so it takes one of the third.
    assert_eq!(world.sum(A::SellerPayable), MAX_BALANCE);
    world.must(confirm_deposit(3, MAX));
    assert_eq!(world.sum(A::Bank), 3 * MAX_BALANCE - 1);
    assert_eq!(world.sum(A::SellerPayable), 2 * MAX_BALANCE);
    world.must(deposit(4, 1)).must(confirm_deposit(4, 1));
    assert_eq!(world.sum(A::SellerPayable), 3 * MAX_BALANCE);
}

#[test]
fn a_surplus_of_the_largest_amount_is_a_break() {
    let mut world = free_world();
    world.parcel("o-1", 1).dispatch().cash(1);
    world.must(start_hand_over(1)).must(count(1, MAX));
    assert_eq!(world.sum(A::Suspense), 1 - MAX_BALANCE);
}

#[test]
fn breaks_add_up_beyond_the_largest_amount() {
    let mut world = World::open();
    for number in 1..=3 {
        world.must(raise_break(number, BreakSubject::Bank(BANK), BreakSide::Excess, MAX));
        world.must(propose_resolution(BreakId(number), BreakResolution::WriteOff, ANNA));
        world.must(approve_resolution(BreakId(number), BreakResolution::WriteOff, BO));
    }
    world.expect(&[(A::Bank, 3 * MAX_BALANCE), (A::WriteOffs, -3 * MAX_BALANCE)]);
}

#[test]
fn a_guarantee_of_the_largest_amount_is_used_up_and_not_wrapped() {
    let (terms, class) = (free(), "public-welfare");
    let (cash_limit, guarantee) = (MAX, MAX);
    let mut world = World::set(Setup { class, terms, cash_limit, guarantee, ..Setup::default() });
    for number in 1..=2 {
        world.parcel(&format!("o-{number}"), MAX).dispatch().cash(MAX);
        world.must(start_hand_over(number)).must(count(number, MAX));
    }
    assert_eq!((world.sum(A::SellerHeld), world.sum(A::SellerPayable)), (MAX_BALANCE, MAX_BALANCE));
}

#[test]
fn the_end_of_time_is_a_date_like_any_other() {
    let mut world = World::open();
    let hold = HoldRule::DaysAfterDelivery(HOLD_DAYS_MAX);
    world.must(set_hold_rule(CHINA, 2, hold));
    world.at = Timestamp(u64::MAX);
    let payment =
        world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear().last_payment();
    assert_eq!(world.payment(payment).state, PaymentState::Released);
    let before = BusinessDate::MAX;
    world.refused(
        Command::ForgetClosed(ForgetClosed { before, limit: 1 }),
        Refusal::BadDate(before, BusinessDate(0), before.minus_days(RETENTION_DAYS)),
    );
}

#[test]
fn a_batch_of_the_largest_amounts_says_their_sum() {
    let mut world = free_world();
    world.must(open_batch(1)).must(offline_limit(MAX, MAX));
    for stan in 1..=3 {
        let parcel = world.dispatched_parcel(&format!("o-{stan}"), MAX);
        world.must(sell(stan, parcel, MAX)).must(approve(first(parcel)));
    }
    let totals = BatchTotals { card_debits: totals_line(3, 3 * MAX), ..BatchTotals::default() };
    world.must(close_batch(1, totals));
    assert!(matches!(world.events(), [Event::BatchAgreed { .. }]));
    // A difference is no amount: it can be larger.
    world.must(open_batch(2)).must(close_batch(2, totals));
    world.must(reconcile(2, vec![debit(1, MAX), debit(2, MAX)]));
    let nets: Vec<i128> = world.engine.open_items().map(|item| item.content.net()).collect();
    assert_eq!(nets, [2 * i128::from(MAX)]);
}

#[test]
fn offline_sales_of_the_largest_amount_use_the_limit_up() {
    let mut world = free_world();
    world.must(open_batch(1)).must(offline_limit(MAX, MAX));
    let [all, more, cash] = ["o-1", "o-2", "o-3"].map(|order| world.dispatched_parcel(order, MAX));
    world.must(offline_sale(1, all, MAX)).must(offline_sale(2, more, 1));
    let flags = vec![OfflineSaleFlag::OfflineLimitExceeded];
    let (payment, excess) = (first(more), Amount::ZERO);
    assert!(world.events().contains(&Event::OfflineSaleFlagged { payment, flags, excess }));
    let change = |tendered, change| {
        Command::TakeCash(TakeCash {
            trace: trace(3),
            duplicate_key: NO_CARD,
            parcel: cash,
            amount: Amount::ENTRY_MAX,
            tendered: Amount::of(tendered),
            change: Amount::of(change),
        })
    };
    world.refused(change(0, MAX), Refusal::WrongChange);
    world.must(change(MAX, 0));
}
