//! Adjusting entries, value dates and closed periods.

use books::chart::{AccountKind as A, AccountKind};
use books::*;
use money::{Amount, SignedAmount};

use super::sales::signed_on;
use crate::world::*;

const IN_BANK: AdjustmentAccount = AdjustmentAccount::Bank(BANK);
const TO_SELLER: AdjustmentAccount = AdjustmentAccount::Seller(SELLER);
const EXPENSE: AdjustmentAccount = AdjustmentAccount::Own(OwnAccount::OtherExpenses);
const INCOME: AdjustmentAccount = AdjustmentAccount::Own(OwnAccount::OtherIncome);
const TODAY: &str = "2013-08-28";

#[test]
fn goodwill_for_a_seller_is_paid_with_the_next_settlement() {
    let mut world = World::open();
    world.fund_bank(10_000).must(adjust(1, EXPENSE, TO_SELLER, 500, TODAY));
    assert_eq!((world.sum(A::OtherExpenses), world.sum(A::SellerPayable)), (500, 500));
    world.must(plan(1, ANNA));
    let line = world.engine.open_plan(PlanId(1)).unwrap().lines[0].line;
    assert_eq!((line.gross, line.refunded, line.net), (500, 0, Amount::of(500)));
}

#[test]
fn a_seller_can_be_charged_below_zero() {
    let mut world = World::open();
    world.must(adjust(1, TO_SELLER, INCOME, 500, TODAY));
    assert_eq!((world.sum(A::OtherIncome), world.sum(A::SellerPayable)), (500, -500));
    assert!(world.events().contains(&Event::SellerAdjusted {
        seller: SELLER,
        currency: money::Currency::CNY,
        number: 1,
        charged: 500,
        credited: 0,
    }));
}

#[test]
fn money_in_a_bank_account_is_adjusted_and_the_account_must_have_it() {
    let mut world = World::open();
    world.must(adjust(1, IN_BANK, INCOME, 500, TODAY));
    let more = Refusal::InsufficientFunds(SignedAmount::of(500));
    world.refused(adjust(2, EXPENSE, IN_BANK, 501, TODAY), more);
    world.must(adjust(2, EXPENSE, IN_BANK, 200, TODAY));
    world.must(adjust(3, TO_SELLER, IN_BANK, 300, TODAY));
    world.expect(&[(A::OtherIncome, 500), (A::OtherExpenses, 200), (A::SellerPayable, -300)]);
}

#[test]
fn an_entry_is_between_two_kinds_of_accounts() {
    let mut world = World::open();
    let other = AdjustmentAccount::Seller(OTHER_SELLER);
    for (debit, credit) in [(EXPENSE, INCOME), (IN_BANK, IN_BANK), (TO_SELLER, other)] {
        world.refused(adjust(1, debit, credit, 500, TODAY), Refusal::AdjustedAccounts);
    }
    let nobody = AdjustmentAccount::Seller(SellerId(99));
    let missing = Refusal::NotFound(MissingRecord::Seller(SellerId(99)));
    world.refused(adjust(1, EXPENSE, nobody, 500, TODAY), missing);
    world.refused(adjust(1, EXPENSE, TO_SELLER, 0, TODAY), Refusal::AmountZero);
    world.expect(&[]);
}

#[test]
fn two_people_post_an_entry_once() {
    let mut world = World::open();
    let entry = adjust(1, EXPENSE, TO_SELLER, 500, TODAY);
    let Command::PostAdjustment(alone) = entry.clone() else { unreachable!() };
    let alone = PostAdjustment { approved_by: ANNA, ..alone };
    world.refused(Command::PostAdjustment(alone), Refusal::SamePerson);
    world.must(entry.clone()).repeated(entry);
    world.refused(adjust(1, EXPENSE, TO_SELLER, 501, TODAY), Refusal::NumberUsed(1));
    let next = Refusal::WrongSequenceNumber(2);
    world.refused(adjust(3, EXPENSE, TO_SELLER, 501, TODAY), next);
    assert_eq!(world.sum(A::SellerPayable), 500);
}

#[test]
fn an_entry_has_the_day_to_which_it_belongs() {
    let mut world = World::open();
    world.must(adjust(1, EXPENSE, TO_SELLER, 500, TODAY));
    assert_eq!(world.outcome.value_date, None, "the day of the posting is not said twice");
    world.must(adjust(2, EXPENSE, TO_SELLER, 500, "2013-07-31"));
    assert_eq!(world.outcome.value_date, Some(day("2013-07-31")));
    let tomorrow = bad_date("2013-08-29", "", TODAY);
    world.refused(adjust(3, EXPENSE, TO_SELLER, 500, "2013-08-29"), tomorrow);
}

#[test]
fn a_sale_and_a_completion_that_come_later_belong_to_their_own_day() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let completed = world.dispatched_parcel("o-2", 10_000);
    let payment = PaymentId { parcel: completed, number: 1 };
    world.must(pre_authorise(2, completed, 10_000)).must(approve(payment));
    world.must(complete(3, payment, 10_000)).on("2013-08-29");
    world.must(resolve_completion(payment, approved()));
    assert_eq!(world.outcome.value_date, Some(day(TODAY)));
    let clock = OfflineSaleAt { date: 829, local_time: 85_959 };
    world.must(offline_sale_at(clock, trace(4), parcel, 4_000));
    assert_eq!(world.outcome.value_date, None);
    // The terminal was out of reach overnight.
    world.on("2013-08-30");
    let clock = OfflineSaleAt { date: 829, local_time: 235_959 };
    world.must(offline_sale_at(clock, trace(5), parcel, 4_000));
    assert_eq!(world.outcome.value_date, Some(day("2013-08-29")));
}

fn approved() -> PaymentResolution {
    PaymentResolution::Approved(Approval::Network(None))
}

/// The trial balance now.
fn trial_balance(world: &World) -> Sha256Digest {
    let accounts = world.engine.accounts();
    trial_balance_digest(accounts.map(|one| (one.kind, one.owner, one.currency, one.balance)))
}

#[test]
fn a_period_is_closed_with_the_trial_balance_at_its_end() {
    let mut world = World::open();
    world.fund_bank(10_000);
    world.on("2013-08-31").must(adjust(1, EXPENSE, TO_SELLER, 500, "2013-08-31"));
    let end = trial_balance(&world);
    // What comes on the next day is not of the period, whatever its value date.
    world.on("2013-09-01").must(adjust(2, EXPENSE, TO_SELLER, 700, "2013-08-31"));
    let close = close_period(1, "2013-08-31", [ANNA, BO]);
    world.must(close.clone());
    let (number, until) = (1, day("2013-08-31"));
    assert_eq!(world.events(), [Event::PeriodClosed { number, until, digest: end }]);
    assert_eq!(world.engine.closed_until(), Some(until));
    world.repeated(close);
    world.refused(close_period(1, "2013-08-30", [ANNA, BO]), Refusal::NumberUsed(1));
    world.refused(close_period(2, "2013-08-31", [BO, BO]), Refusal::SamePerson);
}

#[test]
fn a_period_ends_before_today_and_after_the_one_before() {
    let mut world = World::open();
    world.fund_bank(10_000).on("2013-09-05").must(adjust(1, IN_BANK, INCOME, 500, TODAY));
    for bad in ["2013-09-05", "2013-09-06", "2013-08-27"] {
        let refusal = bad_date(bad, TODAY, "2013-09-04");
        world.refused(close_period(1, bad, [ANNA, BO]), refusal);
    }
    world.must(close_period(1, "2013-08-31", [ANNA, BO]));
    for bad in ["2013-08-31", "2013-08-30"] {
        let refusal = bad_date(bad, "2013-09-01", "2013-09-04");
        world.refused(close_period(2, bad, [ANNA, BO]), refusal);
    }
    world.must(close_period(2, "2013-09-04", [ANNA, BO]));
}

#[test]
fn the_first_command_of_a_day_can_close_the_day_before() {
    let mut world = World::open();
    world.fund_bank(10_000);
    let end = trial_balance(&world);
    world.on("2013-08-29");
    let early = close_period(1, "2013-08-29", [ANNA, BO]);
    world.refused(early, bad_date("2013-08-29", TODAY, TODAY));
    world.must(close_period(1, TODAY, [ANNA, BO]));
    let until = day(TODAY);
    assert_eq!(world.events(), [Event::PeriodClosed { number: 1, until, digest: end }]);
}

#[test]
fn only_so_many_days_can_be_closed_later() {
    let mut world = World::open();
    world.fund_bank(10_000);
    for number in 1..=u32::try_from(DAY_ENDS_REMEMBERED).unwrap() + 1 {
        world.at = world.at.plus_ms(DAY_MS);
        let date = world.engine.business_date(world.at).unwrap().to_string();
        world.must(adjust(number, IN_BANK, INCOME, 1, &date));
    }
    let yesterday = day(TODAY).plus_days(400).to_string();
    let refusal = bad_date(TODAY, "2013-08-29", &yesterday);
    world.refused(close_period(1, TODAY, [ANNA, BO]), refusal);
    world.must(close_period(1, "2013-08-29", [ANNA, BO]));
}

#[test]
fn the_digest_of_a_trial_balance_is_of_its_accounts_that_are_not_zero() {
    let cny = money::Currency::CNY;
    let one = |kind: AccountKind, owner, balance| (kind, owner, cny, balance);
    let both = [one(A::Bank, 1, 5), one(A::OtherIncome, 0, 5)];
    let turned = [both[1], one(A::Bank, 2, 0), both[0]];
    assert_eq!(trial_balance_digest(both), trial_balance_digest(turned));
    let other = [one(A::Bank, 1, 6), one(A::OtherIncome, 0, 6)];
    assert_ne!(trial_balance_digest(both), trial_balance_digest(other));
}

#[test]
fn what_a_firm_that_owes_pays_into_the_bank_is_recorded_by_two_people() {
    let mut world = World::open();
    let firm = AdjustmentAccount::Firm(FIRM);
    world.must(adjust(1, firm, INCOME, 500, TODAY));
    assert_eq!(world.engine.commission_payable(FIRM), Some(-500));
    world.must(adjust(2, IN_BANK, firm, 500, TODAY));
    world.expect(&[(A::Bank, 500), (A::OtherIncome, 500)]);
    assert_eq!(world.engine.commission_payable(FIRM), Some(0));
    // Between a firm and a seller, and own expenses.
    world.must(adjust(3, firm, TO_SELLER, 300, TODAY)).must(adjust(4, TO_SELLER, firm, 100, TODAY));
    world.must(adjust(5, EXPENSE, firm, 200, TODAY));
    assert_eq!((world.sum(A::SellerPayable), world.sum(A::FirmCommission)), (200, 0));
    let other = AdjustmentAccount::Firm(OTHER_FIRM);
    world.refused(adjust(6, firm, other, 1, TODAY), Refusal::AdjustedAccounts);
    let nobody = AdjustmentAccount::Firm(FirmId(99));
    let missing = Refusal::NotFound(MissingRecord::Firm(FirmId(99)));
    world.refused(adjust(6, IN_BANK, nobody, 1, TODAY), missing);
}

#[test]
fn an_entry_pays_a_firm_no_commission_whose_money_has_not_arrived() {
    let mut world = World::open();
    world.fund_bank(10_000).parcel("o-1", 10_000).dispatch().cash(10_000);
    assert!(world.sum(A::FirmCommission) > 0);
    let firm = AdjustmentAccount::Firm(FIRM);
    let none = Refusal::AmountTooLarge(Amount::ZERO);
    world.refused(adjust(1, firm, IN_BANK, 1, TODAY), none);
    world.must(start_hand_over(1)).must(count(1, 10_000)).must(adjust(1, firm, IN_BANK, 1, TODAY));
}
