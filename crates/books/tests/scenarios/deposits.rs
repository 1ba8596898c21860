//! A firm's cash on its way to the bank, and the sellers who wait for it (M5, M6).

use books::chart::AccountKind as A;
use books::view::PaymentState as T;
use books::*;
use money::{Amount, Currency};

use crate::world::*;

/// The seller's share of 100.00 in cash: less a commission of 1.00 and a fee of 2.00.
const SHARE: i128 = 9_700;

/// A parcel of the seller paid with 100.00 in cash, in the courier's hands.
fn pay_cash(world: &mut World, seller: SellerId, order: &str) -> PaymentId {
    world.parcel_of(seller, order, 10_000).dispatch().cash(10_000).last_payment()
}

/// A parcel of each seller, paid with 100.00 in cash, handed over and counted as `counted`.
fn two_sellers(setup: Setup, counted: u64) -> (World, PaymentId, PaymentId) {
    let mut world = World::set(setup);
    let first = pay_cash(&mut world, SELLER, "o-1");
    let second = pay_cash(&mut world, OTHER_SELLER, "o-2");
    world.must(start_hand_over(1)).must(count(1, counted));
    (world, first, second)
}

fn states(world: &World, payments: [PaymentId; 2]) -> [T; 2] {
    payments.map(|payment| world.payment(payment).state)
}

fn guarantee(guarantee: u64) -> Setup {
    Setup { guarantee, ..Setup::default() }
}

#[test]
fn cash_is_payable_when_the_bank_confirms_the_deposit() {
    let (mut world, first, second) = two_sellers(Setup::default(), 20_000);
    world.must(deposit(1, 20_000));
    // An announced deposit moves nothing.
    assert_eq!(states(&world, [first, second]), [T::Approved, T::Approved]);
    assert_eq!((world.sum(A::FirmCash), world.engine.firm_cash(FIRM)), (20_000, Some(0)));
    world.must(confirm_deposit(1, 20_000));
    assert_eq!(states(&world, [first, second]), [T::Released, T::Released]);
    world.expect(&[
        (A::Bank, 20_000),
        (A::SellerPayable, 2 * SHARE),
        (A::FirmCommission, 200),
        (A::CodFees, 400),
    ]);
    world.repeated(confirm_deposit(1, 20_000));
}

#[test]
fn sellers_are_paid_in_the_order_in_which_their_cash_was_taken() {
    let (mut world, first, second) = two_sellers(Setup::default(), 20_000);
    world.must(deposit(1, 15_000)).must(confirm_deposit(1, 15_000));
    assert_eq!(states(&world, [first, second]), [T::Released, T::Approved]);
    world.must(deposit(2, 5_000)).must(confirm_deposit(2, 4_999));
    assert_eq!(world.payment(second).state, T::Approved, "one fen is missing");
    world.must(deposit(3, 1)).must(confirm_deposit(3, 1));
    assert_eq!(world.payment(second).state, T::Released);
}

#[test]
fn of_a_deposit_confirmed_in_part_the_rest_is_still_the_firms_to_bring() {
    let (mut world, first, second) = two_sellers(Setup::default(), 20_000);
    world.must(deposit(1, 20_000));
    world.refused(confirm_deposit(1, 0), Refusal::AmountZero);
    world.refused(confirm_deposit(1, 20_001), Refusal::AmountTooLarge(Amount::of(20_000)));
    world.must(confirm_deposit(1, 12_000));
    assert_eq!(states(&world, [first, second]), [T::Released, T::Approved]);
    assert_eq!(world.engine.firm_cash(FIRM), Some(8_000));
    world.must(deposit(2, 8_000)).must(confirm_deposit(2, 8_000));
    assert_eq!(states(&world, [first, second]), [T::Released, T::Released]);
}

#[test]
fn a_firm_brings_no_more_than_was_counted_and_nothing_twice() {
    let (mut world, ..) = two_sellers(Setup::default(), 20_000);
    world.refused(deposit(1, 20_001), Refusal::AmountTooLarge(Amount::of(20_000)));
    world.must(deposit(1, 15_000)).repeated(deposit(1, 15_000));
    world.refused(deposit_with_id(1, 2, 5_000), Refusal::IdentifierTaken);
    world.refused(deposit(2, 5_001), Refusal::AmountTooLarge(Amount::of(5_000)));
    world.must(confirm_deposit(1, 15_000)).repeated(deposit(1, 15_000));
    world.refused(deposit_with_id(1, 2, 5_000), Refusal::IdentifierTaken);
    let missing = Refusal::NotFound(MissingRecord::Deposit(DepositId(2)));
    world.refused(confirm_deposit(2, 1), missing);
}

#[test]
fn cash_is_brought_to_an_account_of_its_own_currency() {
    let (mut world, ..) = two_sellers(Setup::default(), 20_000);
    let (bank, currency) = (BankId(2), Currency::BRL);
    world.must(Command::RegisterBank(RegisterBank {
        bank,
        currency,
        reference: "bank in Brazil".into(),
    }));
    let (deposit, amount, announced_by) = (DepositId(1), Amount::of(1), CASHIER);
    world.refused(
        Command::AnnounceDeposit(AnnounceDeposit {
            deposit,
            firm: FIRM,
            number: 1,
            bank,
            amount,
            announced_by,
        }),
        Refusal::CurrencyMismatch(Currency::BRL, Currency::CNY),
    );
}

#[test]
fn within_the_firms_guarantee_cash_is_payable_once_it_is_counted() {
    let (world, first, second) = two_sellers(guarantee(20_000), 20_000);
    assert_eq!(states(&world, [first, second]), [T::Released, T::Released]);
    assert_eq!((world.sum(A::Bank), world.sum(A::FirmCash)), (0, 20_000));
}

#[test]
fn beyond_the_firms_guarantee_cash_waits_for_the_bank() {
    let (mut world, first, second) = two_sellers(guarantee(19_999), 20_000);
    assert_eq!(states(&world, [first, second]), [T::Released, T::Approved]);
    // The guarantee is used until the bank has that money, so another parcel waits too.
    let third = pay_cash(&mut world, SELLER, "o-3");
    world.must(start_hand_over(2)).must(count(2, 10_000));
    assert_eq!(world.payment(third).state, T::Approved);
    // The first deposit covers the guaranteed cash and frees the guarantee for the next.
    world.must(deposit(1, 10_000)).must(confirm_deposit(1, 10_000));
    assert_eq!(states(&world, [second, third]), [T::Approved, T::Approved]);
    let fourth = pay_cash(&mut world, SELLER, "o-4");
    world.must(start_hand_over(3)).must(count(3, 10_000));
    assert_eq!(world.payment(fourth).state, T::Released);
    assert_eq!(states(&world, [second, third]), [T::Approved, T::Approved]);
}

#[test]
fn guaranteed_cash_is_released_once_though_the_bank_confirms_it_later() {
    let (mut world, ..) = two_sellers(guarantee(20_000), 20_000);
    assert_eq!(world.sum(A::SellerPayable), 2 * SHARE);
    world.must(deposit(1, 20_000)).must(confirm_deposit(1, 20_000));
    assert_eq!(world.sum(A::SellerPayable), 2 * SHARE);
    assert_eq!(world.sum(A::Bank), 20_000);
}

#[test]
fn a_shortage_holds_the_last_sellers_money_until_it_is_repaid_and_deposited() {
    let (mut world, first, second) = two_sellers(Setup::default(), 19_000);
    world.must(deposit(1, 19_000)).must(confirm_deposit(1, 19_000));
    assert_eq!(states(&world, [first, second]), [T::Released, T::Approved]);
    world.must(repay(COURIER, 1, 1_000));
    assert_eq!(world.payment(second).state, T::Approved, "in the firm's cash, not in the bank");
    world.must(deposit(2, 1_000)).must(confirm_deposit(2, 1_000));
    assert_eq!(world.payment(second).state, T::Released);
    assert_eq!(world.sum(A::Bank), 20_000);
}

#[test]
fn a_surplus_in_a_deposit_pays_no_seller() {
    let mut world = World::open();
    pay_cash(&mut world, SELLER, "o-1");
    world.must(start_hand_over(1)).must(count(1, 10_500));
    let second = pay_cash(&mut world, OTHER_SELLER, "o-2");
    world.must(start_hand_over(2)).must(count(2, 10_000));
    // 205.00 were counted. A deposit of 200.00 covers the first parcel, the surplus, and 95.00 of
    // the second.
    world.must(deposit(1, 20_000)).must(confirm_deposit(1, 20_000));
    assert_eq!(world.payment(second).state, T::Approved);
    world.must(deposit(2, 500)).must(confirm_deposit(2, 500));
    assert_eq!(world.payment(second).state, T::Released);
}

#[test]
fn an_excess_found_in_a_firms_cash_pays_no_seller_either() {
    let mut world = World::open();
    pay_cash(&mut world, SELLER, "o-1");
    world.must(start_hand_over(1)).must(count(1, 10_000));
    world.must(raise_break(1, BreakSubject::FirmCash(FIRM), BreakSide::Excess, 10_000));
    world.must(deposit(1, 20_000)).must(confirm_deposit(1, 20_000));
    // Another parcel's cash is with the firm and not with the bank: it is not received (M5).
    let second = pay_cash(&mut world, OTHER_SELLER, "o-2");
    world.must(start_hand_over(2)).must(count(2, 10_000));
    world.must(deposit(2, 1)).must(confirm_deposit(2, 1));
    assert_eq!(world.payment(second).state, T::Approved);
}

#[test]
fn cash_missing_at_a_firm_holds_the_last_seller_until_it_is_made_good() {
    for closing in [BreakResolution::WriteOff, BreakResolution::ThroughBank(BANK)] {
        let (mut world, first, second) = two_sellers(Setup::default(), 20_000);
        world.must(raise_break(1, BreakSubject::FirmCash(FIRM), BreakSide::Shortfall, 1_000));
        world.must(deposit(1, 19_000)).must(confirm_deposit(1, 19_000));
        assert_eq!(states(&world, [first, second]), [T::Released, T::Approved]);
        world.must(propose_resolution(BreakId(1), closing, ANNA));
        world.must(approve_resolution(BreakId(1), closing, BO));
        assert_eq!(world.payment(second).state, T::Released, "{closing:?}");
        let (bank, write_offs) = (world.sum(A::Bank), world.sum(A::WriteOffs));
        assert_eq!(bank + write_offs, 20_000, "{closing:?}");
    }
}

#[test]
fn a_deposit_repeated_after_a_later_one_changes_nothing() {
    // The pair of commands arrives again when the firm has other cash. It must not be deposited
    // again.
    let (mut world, ..) = two_sellers(Setup::default(), 20_000);
    for number in 1..=2 {
        world.must(deposit(number, 5_000)).must(confirm_deposit(number.into(), 5_000));
    }
    for stale in 1..=2 {
        world.repeated(deposit(stale, 5_000));
        assert!(world.apply(&confirm_deposit(stale.into(), 5_000)).is_err());
    }
    assert_eq!((world.sum(A::Bank), world.engine.firm_cash(FIRM)), (10_000, Some(10_000)));
    // Nor while the next deposit is open.
    world.must(deposit(3, 10_000)).repeated(deposit(1, 5_000));
    assert!(world.apply(&confirm_deposit(1, 5_000)).is_err());
    world.must(confirm_deposit(3, 10_000));
    assert_eq!((world.sum(A::Bank), world.sum(A::FirmCash)), (20_000, 0));
}

#[test]
fn deposits_are_numbered_for_each_firm_and_none_is_left_out() {
    let (mut world, ..) = two_sellers(Setup::default(), 20_000);
    for number in [0, 2, u32::MAX] {
        world.refused(deposit_with_id(7, number, 1), Refusal::WrongSequenceNumber(1));
    }
    // A refused deposit does not use up a number.
    world.refused(deposit_with_id(7, 1, 20_001), Refusal::AmountTooLarge(Amount::of(20_000)));
    world.must(deposit_with_id(7, 1, 15_000));
    world.refused(deposit_with_id(8, 1, 5_000), Refusal::NumberUsed(1));
    world.must(deposit_with_id(8, 2, 5_000));
    let none = Refusal::AmountTooLarge(Amount::ZERO);
    let (deposit, firm, bank, amount) = (DepositId(9), OTHER_FIRM, BANK, Amount::of(1));
    let (number, announced_by) = (1, CASHIER);
    let others = AnnounceDeposit { deposit, firm, number, bank, amount, announced_by };
    world.refused(Command::AnnounceDeposit(others), none);
}

#[test]
fn who_announced_a_deposit_does_not_approve_that_it_is_cancelled() {
    let (mut world, ..) = two_sellers(Setup::default(), 20_000);
    world.must(deposit(1, 15_000));
    let cancel = |proposed_by, approved_by| {
        let deposit = DepositId(1);
        Command::CancelDeposit(CancelDeposit { deposit, proposed_by, approved_by })
    };
    world.refused(cancel(BO, CASHIER), Refusal::SamePerson);
    world.must(cancel(CASHIER, BO));
}

#[test]
fn a_deposits_id_is_used_once_by_any_firm_and_for_ever() {
    let (mut world, ..) = two_sellers(Setup::default(), 20_000);
    let last = u32::try_from(NUMBERS_REMEMBERED).unwrap() + 2;
    for number in 1..=last {
        world.must(deposit(number, 100)).must(confirm_deposit(number.into(), 100));
    }
    // The content of the first one is forgotten, its id is not.
    world.refused(deposit_with_id(1, last + 1, 100), Refusal::IdentifierTaken);
    let missing = Refusal::NotFound(MissingRecord::Deposit(DepositId(1)));
    world.refused(confirm_deposit(1, 100), missing);
    for id in [1, last] {
        let (deposit, firm, bank, amount) = (DepositId(id.into()), OTHER_FIRM, BANK, Amount::of(1));
        let (number, announced_by) = (1, CASHIER);
        let others = AnnounceDeposit { deposit, firm, number, bank, amount, announced_by };
        world.refused(Command::AnnounceDeposit(others), Refusal::IdentifierTaken);
    }
    world.must(deposit(last + 1, 100));
}

#[test]
fn a_cancelled_deposit_leaves_the_cash_with_the_firm_which_announces_it_again() {
    let (mut world, first, second) = two_sellers(Setup::default(), 20_000);
    world.must(deposit(1, 20_000)).must(cancel_deposit(1));
    let cancelled = |deposit| {
        let (deposit, firm, amount) = (DepositId(deposit), FIRM, Amount::of(20_000));
        [Event::DepositCancelled { deposit, firm, amount }]
    };
    assert_eq!(world.events(), cancelled(1));
    assert_eq!((world.engine.firm_cash(FIRM), world.sum(A::Bank)), (Some(20_000), 0));
    assert_eq!(states(&world, [first, second]), [T::Approved, T::Approved]);
    let missing = |deposit| Refusal::NotFound(MissingRecord::Deposit(DepositId(deposit)));
    world.repeated(cancel_deposit(1)).refused(confirm_deposit(1, 20_000), Refusal::OtherContent);
    world.refused(cancel_deposit(7), missing(7)).repeated(deposit(1, 20_000));
    world.must(deposit(2, 20_000)).must(confirm_deposit(2, 20_000));
    assert_eq!(states(&world, [first, second]), [T::Released, T::Released]);
    assert_eq!((world.sum(A::Bank), world.sum(A::FirmCash)), (20_000, 0));
    // A confirmed deposit cannot be cancelled.
    world.refused(cancel_deposit(2), Refusal::OtherContent);
}

#[test]
fn of_two_deposits_the_cancelled_one_alone_is_the_firms_to_bring_again() {
    let (mut world, first, second) = two_sellers(Setup::default(), 20_000);
    world.must(deposit(1, 12_000)).must(deposit(2, 8_000)).must(cancel_deposit(1));
    assert_eq!(world.engine.firm_cash(FIRM), Some(12_000));
    world.must(confirm_deposit(2, 8_000));
    assert_eq!(states(&world, [first, second]), [T::Approved, T::Approved]);
    world.must(deposit(3, 12_000)).must(confirm_deposit(3, 12_000));
    assert_eq!(states(&world, [first, second]), [T::Released, T::Released]);
}

#[test]
fn cash_that_was_lost_on_its_way_to_the_bank_is_a_break() {
    let (mut world, first, second) = two_sellers(Setup::default(), 20_000);
    let lost = raise_break(1, BreakSubject::FirmCash(FIRM), BreakSide::Shortfall, 20_000);
    world.must(deposit(1, 20_000)).refused(lost.clone(), Refusal::LimitReached);
    world.must(cancel_deposit(1)).must(lost);
    assert_eq!((world.sum(A::FirmCash), world.sum(A::Suspense)), (0, 20_000));
    world.must(propose_resolution(BreakId(1), BreakResolution::ThroughBank(BANK), ANNA));
    world.must(approve_resolution(BreakId(1), BreakResolution::ThroughBank(BANK), BO));
    assert_eq!(states(&world, [first, second]), [T::Released, T::Released]);
}

#[test]
fn an_open_deposit_repeated_with_other_content_is_not_a_retry() {
    let mut world = World::open();
    pay_cash(&mut world, SELLER, "o-1");
    world.must(start_hand_over(1)).must(count(1, 10_000));
    world.must(deposit(1, 6_000)).repeated(deposit(1, 6_000));
    world.refused(deposit(1, 5_999), Refusal::NumberUsed(1));
    world.refused(deposit_with_id(1, 2, 5_999), Refusal::IdentifierTaken);
}
