//! Courier firms' commission: earned at the door, payable when its money has arrived, paid from the
//! bank.

use books::chart::{AccountKind as A, ChartEntry};
use books::*;
use money::{Amount, Currency, SignedAmount};

use crate::world::*;

/// 10.00 in the bank, and parcels of 100.00 paid in cash and counted, each with a commission of
/// 1.00.
fn earned(parcels: u32) -> World {
    let mut world = World::open();
    world.fund_bank(1_000);
    for order in 1..=parcels {
        world.parcel(&format!("o-{order}"), 10_000).dispatch().cash(10_000);
    }
    world.must(start_hand_over(1)).must(count(1, u64::from(parcels) * 10_000));
    world
}

fn payable(world: &World) -> i128 {
    world.engine.commission_payable(FIRM).expect("it is registered")
}

fn most(minor: u64) -> Refusal {
    Refusal::AmountTooLarge(Amount::of(minor))
}

#[test]
fn a_commission_is_paid_from_the_bank_as_it_was_earned() {
    let mut world = earned(2);
    assert_eq!(world.balance(A::FirmCommission, FIRM.0), 200);
    world.must(pay_commission(1, 200));
    let [line] = world.outcome.postings[..] else { panic!("one line") };
    assert_eq!((line.entry, line.amount), (ChartEntry::CommissionPaid, Amount::of(200)));
    let (amount, withheld) = (Amount::of(200), Amount::ZERO);
    let paid = Event::CommissionPaid { firm: FIRM, amount, withheld };
    assert_eq!(world.events(), [paid]);
    assert_eq!((world.sum(A::FirmCommission), world.sum(A::Bank)), (0, 800));
}

#[test]
fn a_commission_is_paid_at_most_once_and_at_most_what_was_earned() {
    let mut world = earned(2);
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
    world.must(start_hand_over(2)).must(count(2, 10_000)).must(pay_commission(3, 100));
}

#[test]
fn each_firm_is_paid_its_own_commission_from_an_account_of_its_currency() {
    let mut world = earned(1);
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
    world.must(start_hand_over(1)).must(count(1, 20_000));
    world.refused(pay_commission(1, 1), Refusal::InsufficientFunds(SignedAmount::ZERO));
    world.fund_bank(199);
    world.refused(pay_commission(1, 200), Refusal::InsufficientFunds(SignedAmount::of(199)));
    world.must(pay_commission(1, 199));
    assert_eq!((world.sum(A::FirmCommission), world.sum(A::Bank)), (1, 0));
}

#[test]
fn the_commission_of_cash_is_payable_when_it_was_counted() {
    let mut world = World::open();
    world.fund_bank(1_000).parcel("o-1", 10_000).dispatch().cash(10_000);
    assert_eq!((world.sum(A::FirmCommission), payable(&world)), (100, 0), "earned at the door");
    world.refused(pay_commission(1, 1), most(0)).must(start_hand_over(1));
    world.refused(pay_commission(1, 1), most(0)).must(count(1, 10_000));
    assert_eq!(payable(&world), 100, "a deposit is not needed");
    world.must(pay_commission(1, 100));
}

#[test]
fn the_commission_of_a_card_or_qr_payment_is_payable_when_it_was_cleared() {
    let mut world = World::set(Setup { terms: terms_with_commission(), ..Setup::default() });
    world.parcel("o-1", 10_000).dispatch().card(10_000).approve();
    let other = world.parcel("o-2", 10_000).dispatch().qr(10_000).approve().last_payment();
    assert_eq!((world.sum(A::FirmCommission), payable(&world)), (400, 0));
    world.refused(pay_commission(1, 1), most(0));
    let parcel = ParcelId::derived(SELLER, "o-1");
    world.parcel_steps(parcel).clear();
    assert_eq!(payable(&world), 200);
    world.refused(pay_commission(1, 201), most(200)).must(pay_commission(1, 200));
    world.parcel_steps(other.parcel).clear();
    world.must(pay_commission(2, 200)).refused(pay_commission(3, 1), most(0));
}

const RATE: money::Rate = money::Rate::from_ppm(20_000).unwrap();

/// A commission of 2 % for cards and QR codes.
fn terms_with_commission() -> tariff::Terms {
    let mut terms = shipped_terms();
    let share = tariff::FixedOrShare { share: RATE, ..Default::default() };
    terms.commission = tariff::PerMethod { card: share, qr: share, ..terms.commission };
    terms
}

#[test]
fn the_commission_of_missing_cash_waits_until_somebody_makes_it_good() {
    let end: [fn(u64) -> Command; 3] = [
        |amount| repay(COURIER, 1, amount),
        |amount| write_off_shortage(1, amount, [ANNA, BO]),
        |amount| cover_shortage(1, amount, [ANNA, BO]),
    ];
    for end in end {
        let mut world = World::set(Setup { guarantee: 50_000, ..Setup::default() });
        for order in ["o-1", "o-2", "o-3"] {
            world.parcel(order, 10_000).dispatch().cash(10_000);
        }
        world.must(start_hand_over(1)).must(count(1, 19_999));
        assert_eq!(payable(&world), 100, "only the first payment was counted in full");
        world.must(end(1));
        assert_eq!(payable(&world), 200);
    }
}

#[test]
fn cash_that_a_surplus_explains_has_arrived() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1)).must(count(1, 20_000));
    world.parcel("o-2", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(2)).must(count(2, 0));
    assert_eq!(payable(&world), 200);
}

#[test]
fn a_shortage_is_deducted_only_from_commission_that_is_payable() {
    let mut world = World::open();
    for order in ["o-1", "o-2", "o-3"] {
        world.parcel(order, 10_000).dispatch().cash(10_000);
    }
    world.must(start_hand_over(1)).must(count(1, 10_000));
    assert_eq!(world.sum(A::FirmCommission), 300);
    let both = [ANNA, BO];
    world.refused(deduct_shortage(1, 101, both), most(100)).must(deduct_shortage(1, 100, both));
    world.refused(deduct_shortage(2, 1, both), most(0));
}

#[test]
fn a_reversed_payment_leaves_no_commission_behind() {
    let mut world = earned(1);
    let cash = world.parcel("o-2", 10_000).dispatch().cash(10_000).last_payment();
    world.must(reverse(cash));
    assert_eq!((world.sum(A::FirmCommission), payable(&world)), (100, 100));
    world.must(pay_commission(1, 100)).refused(pay_commission(2, 1), most(0));
}

#[test]
fn a_refund_of_the_goods_leaves_the_commission_of_the_cash_that_arrives() {
    let mut world = World::open();
    let cash = world.parcel("o-1", 10_000).dispatch().cash(10_000).last_payment();
    world.must(refund(cash, 1, 10_000));
    assert_eq!((world.sum(A::FirmCommission), payable(&world)), (100, 0));
    world.must(start_hand_over(1)).must(count(1, 10_000));
    assert_eq!(payable(&world), 100);
}
