//! What waits, with its age; and the true parts of a payout.

use books::chart::AccountKind as A;
use books::waiting::RefundWay;
use books::*;
use money::Amount;

use super::rejected_sales::NO_FUNDS;
use crate::world::*;

const FIRST_DAY: &str = "2013-08-28";

/// Each unpaid refund: since when, and how much.
fn owed(world: &World) -> Vec<(String, u64)> {
    let owed = world.engine.owed_refunds();
    owed.map(|one| (one.since.to_string(), one.amount.minor())).collect()
}

#[test]
fn a_refund_is_as_old_as_its_oldest_part_that_is_not_paid() {
    let mut world = World::open();
    let payment =
        world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear().last_payment();
    world.fund_bank(20_000).must(refund(payment, 1, 3_000));
    world.on("2013-08-30").must(refund(payment, 2, 1_000));
    assert_eq!(owed(&world), [(FIRST_DAY.to_owned(), 4_000)]);
    let one = world.engine.owed_refunds().next().unwrap();
    assert_eq!((one.way, one.next_confirmation), (RefundWay::Bank, 1));
    world.must(confirm_refund(payment, 1, 4_000));
    assert_eq!(owed(&world), []);
    world.on("2013-09-02").must(refund(payment, 3, 500));
    assert_eq!(owed(&world), [("2013-09-02".to_owned(), 500)]);
}

#[test]
fn uncleared_payments_add_up_to_what_the_network_owes() {
    let mut world = World::open();
    let old = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().last_payment();
    world.on("2013-08-29");
    let paid = world.parcel("o-2", 5_000).dispatch().card(5_000).approve().last_payment();
    let sums = |world: &World| -> Vec<(PaymentId, String, i128, bool)> {
        let all = world.engine.uncleared_payments().into_iter();
        all.map(|one| (one.payment, one.since.to_string(), one.amount, one.overtaken)).collect()
    };
    let (first, second) = (FIRST_DAY.to_owned(), "2013-08-29".to_owned());
    let both = [(old, first.clone(), 10_000, false), (paid, second.clone(), 5_000, false)];
    assert_eq!(sums(&world), both);
    // The network pays the later day, and not the earlier one.
    world.must(clear(paid, 5_000, 27 + 4));
    assert_eq!(sums(&world), [(old, first.clone(), 10_000, true)]);
    // What it takes back is below zero until its file does.
    world.must(charge_back(paid, 1, 2_000));
    assert_eq!(sums(&world), [(old, first, 10_000, true), (paid, second, -2_000, false)]);
    assert_eq!(world.sum(A::NetworkReceivable), 8_000);
}

#[test]
fn a_chargeback_is_open_from_its_receipt_to_its_end() {
    let mut world = World::open();
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().last_payment();
    world.on("2013-08-29").must(charge_back(payment, 1, 4_000));
    world.on("2013-08-30").must(contest(payment, 1)).must(charge_back(payment, 2, 1_000));
    let open: Vec<_> = world.engine.open_chargebacks().collect();
    let told = open.iter().map(|one| (one.number, one.amount.minor(), one.received, one.answer_by));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (1, 4_000, day("2013-08-29"), Some(day("2013-10-01"))),
            (2, 1_000, day("2013-08-30"), None)
        ]
    );
    world.must(win_chargeback(payment, 1)).must(lose_chargeback(payment, 2));
    assert_eq!(world.engine.open_chargebacks().count(), 0);
}

#[test]
fn a_loss_that_the_seller_bears_is_listed_with_its_reason() {
    let mut world = World::open();
    world.must(open_batch(1)).must(offline_limit(90_000, 90_000));
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(offline_sale(1, parcel, 10_000));
    assert_eq!(world.engine.offline_losses(SELLER), []);
    world.on("2013-08-30").must(resolve_advice(first(parcel), NO_FUNDS));
    let losses = world.engine.offline_losses(SELLER);
    let [loss] = losses[..] else { panic!("one loss, not {losses:?}") };
    assert_eq!((loss.payment, loss.amount.minor()), (first(parcel), 10_000));
    assert_eq!((loss.rejected_on, loss.code), (day("2013-08-30"), NO_FUNDS));
    assert_eq!(world.engine.offline_losses(OTHER_SELLER), []);
}

#[test]
fn a_deposit_is_as_old_as_its_announcement() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1)).must(count(1, 10_000)).must(deposit(1, 10_000));
    world.on("2013-09-04");
    let firm = world.engine.cash_custody(day("2013-09-04")).next().unwrap();
    assert_eq!(firm.deposits[0].announced_on, day(FIRST_DAY));
}

#[test]
fn a_payout_tells_refunds_chargebacks_and_goodwill_apart() {
    let mut world = World::open();
    world.fund_bank(50_000);
    for order in ["o-1", "o-2"] {
        world.parcel(order, 10_000).dispatch().card(10_000).approve().clear();
    }
    let held = world.parcel("o-3", 10_000).dispatch().card(10_000).approve().last_payment();
    let released = PaymentId { parcel: ParcelId::derived(SELLER, "o-1"), number: 1 };
    // Taken of payable money, and of held money that is released then.
    world.must(refund(released, 1, 100)).must(charge_back(released, 2, 2_000));
    world.must(refund(held, 1, 30)).must(charge_back(held, 2, 400)).must(charge_back(held, 3, 7));
    world.must(win_chargeback(held, 3)).must(clear(held, 10_000, 55 + 8));
    world.must(win_chargeback(released, 2)).must(charge_back(released, 3, 500));
    let expense = AdjustmentAccount::Own(OwnAccount::OtherExpenses);
    world.must(adjust(1, expense, AdjustmentAccount::Seller(SELLER), 900, FIRST_DAY));
    world.must(adjust(2, AdjustmentAccount::Seller(SELLER), expense, 80, FIRST_DAY));
    world.must(plan(1, ANNA));
    let line = world.engine.open_plan(PlanId(1)).unwrap().lines[0].line;
    let parts = StatementParts {
        chargeback_won: 2_000,
        entry_credited: 900,
        charged_back: 2_000 + 400 + 500,
        entry_charged: 80,
        ..StatementParts::default()
    };
    assert_eq!(line.parts, parts);
    let (gross, refunded) = (30_000 + 2_000 + 900, 100 + 2_000 + 30 + 400 + 500 + 80);
    assert_eq!((line.gross, line.refunded), (gross, refunded));
    assert_eq!(line.net, Amount::of(gross - refunded - line.fees));
}
