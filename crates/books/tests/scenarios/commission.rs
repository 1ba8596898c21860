//! Courier firms' commission: earned at the door, paid from the bank.

use books::chart::{AccountKind as A, ChartEntry};
use books::*;
use money::{Amount, Currency};

use crate::world::*;

/// 10.00 in the bank, and parcels of 100.00 paid in cash, each with a commission of 1.00. Returns
/// the last payment.
fn earned(parcels: u32) -> (World, PaymentId) {
    let mut world = World::open();
    world.fund_bank(1_000);
    let orders = (1..=parcels).map(|number| format!("o-{number}"));
    let payments: Vec<_> = orders
        .map(|order| world.parcel(&order, 10_000).dispatch().cash(10_000).last_payment())
        .collect();
    (world, *payments.last().expect("some parcels"))
}

#[test]
fn a_commission_is_paid_from_the_bank_as_it_was_earned() {
    let (mut world, _) = earned(2);
    assert_eq!(world.balance(A::FirmCommission, FIRM.0), 200);
    world.must(pay_commission(1, 200));
    let [line] = world.outcome.postings[..] else { panic!("one line") };
    assert_eq!((line.entry, line.amount), (ChartEntry::CommissionPaid, Amount::of(200)));
    let paid = Event::CommissionPaid { firm: FIRM, amount: Amount::of(200) };
    assert_eq!(world.events(), [paid]);
    assert_eq!((world.sum(A::FirmCommission), world.sum(A::Bank)), (0, 800));
}

#[test]
fn a_commission_is_paid_at_most_once_and_at_most_what_was_earned() {
    let (mut world, _) = earned(2);
    let most = |minor| Refusal::AmountTooLarge(Amount::of(minor));
    world.refused(pay_commission(1, 201), most(200));
    world.refused(pay_commission(1, 0), Refusal::AmountZero);
    for number in [0, 2, u32::MAX] {
        world.refused(pay_commission(number, 100), Refusal::WrongSequenceNumber(1));
    }
    world.must(pay_commission(1, 100)).repeated(pay_commission(1, 100));
    world.refused(pay_commission(2, 101), most(100));
    world.must(pay_commission(2, 100));
    world.repeated(pay_commission(1, 100)).repeated(pay_commission(2, 100));
    world.refused(pay_commission(3, 1), most(0));
    // An earlier commission payment does not pay what is earned later.
    world.parcel("o-3", 10_000).dispatch().cash(10_000);
    world.repeated(pay_commission(1, 100)).repeated(pay_commission(2, 100));
    assert_eq!((world.sum(A::FirmCommission), world.sum(A::Bank)), (100, 800));
    world.must(pay_commission(3, 100));
}

#[test]
fn each_firm_is_paid_its_own_commission_from_an_account_of_its_currency() {
    let (mut world, _) = earned(1);
    let pay = |firm, bank| {
        let Command::PayCommission(mut pay) = pay_commission(1, 1) else { unreachable!() };
        (pay.firm, pay.bank) = (firm, bank);
        Command::PayCommission(pay)
    };
    world.refused(pay(OTHER_FIRM, BANK), Refusal::AmountTooLarge(Amount::ZERO));
    let (bank, currency) = (BankId(2), Currency::BRL);
    world.must(Command::RegisterBank(RegisterBank {
        bank,
        currency,
        reference: "bank in Brazil".into(),
    }));
    world.refused(pay(FIRM, bank), Refusal::CurrencyMismatch(Currency::BRL, Currency::CNY));
    let (nobody, nowhere) = (FirmId(7), BankId(7));
    world.refused(pay(nobody, BANK), Refusal::NotFound(MissingRecord::Firm(nobody)));
    world.refused(pay(FIRM, nowhere), Refusal::NotFound(MissingRecord::Bank(nowhere)));
    world.must(pay(FIRM, BANK));
}

#[test]
fn no_more_commission_is_paid_than_is_in_the_bank() {
    let mut world = World::open();
    for order in ["o-1", "o-2"] {
        world.parcel(order, 10_000).dispatch().cash(10_000);
    }
    world.refused(pay_commission(1, 1), Refusal::InsufficientFunds(Amount::ZERO));
    world.fund_bank(199);
    world.refused(pay_commission(1, 200), Refusal::InsufficientFunds(Amount::of(199)));
    world.must(pay_commission(1, 199));
    assert_eq!((world.sum(A::FirmCommission), world.sum(A::Bank)), (1, 0));
}

#[test]
fn a_commission_reversed_after_it_was_paid_is_the_firms_debt() {
    let (mut world, payment) = earned(1);
    world.must(pay_commission(1, 100)).must(reverse(payment));
    world.expect(&[(A::Bank, 900), (A::Suspense, -1_000), (A::FirmCommission, -100)]);
    world.refused(pay_commission(2, 1), Refusal::AmountTooLarge(Amount::ZERO));
    // The debt is earned back before anything is paid again.
    world.parcel("o-2", 10_000).dispatch().cash(10_000);
    world.refused(pay_commission(2, 1), Refusal::AmountTooLarge(Amount::ZERO));
    world.parcel("o-3", 10_000).dispatch().cash(10_000);
    world.refused(pay_commission(2, 101), Refusal::AmountTooLarge(Amount::of(100)));
    world.must(pay_commission(2, 100));
}
