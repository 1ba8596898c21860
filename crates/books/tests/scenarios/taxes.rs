//! VAT on what the service charges, tax withheld from what firms are paid, and their payment to the
//! authority.
//!
//! The tariff of 2013 with 6% VAT: cash has a commission of 1.00 or 0.5% and a COD fee of 2.00 or
//! 1%.

use books::chart::{AccountKind as A, ChartEntry as E};
use books::*;
use money::{Amount, Currency, Rate, SignedAmount};
use tariff::{FeeKind, FixedOrShare};

use super::freight::terms_with_vat;
use crate::world::*;

fn with_vat() -> World {
    World::set(Setup { terms: terms_with_vat(0), ..Setup::default() })
}

/// The VAT of a parcel's payments, number 1 first, by what was posted for each.
fn vat(world: &World, parcel: ParcelId) -> Vec<u64> {
    let account = world.engine.accounts().find(|one| one.kind == A::VatPayable).unwrap().number;
    let of = |number| {
        let id = PaymentId { parcel, number };
        let lines = world.postings.iter().filter(move |line| line.payment == Some(id));
        lines.filter(|line| line.credit == account).map(|line| line.amount.minor()).sum()
    };
    (1..=world.view(parcel).payment_count).map(of).collect()
}

fn payable(world: &World, tax: Tax) -> i128 {
    world.engine.tax_payable(tax, Currency::CNY).expect("the currency has accounts")
}

fn most(minor: u64) -> Refusal {
    Refusal::AmountTooLarge(Amount::of(minor))
}

#[test]
fn vat_of_part_payments_is_that_of_the_parcels_fees_and_borne_by_the_first() {
    let mut world = with_vat();
    let parcel = world.parcel("o-1", 40_000).dispatch().cash(10_000).cash(5_000).cash(25_000).id();
    // Of 100.00: 1.00 and 2.00. Of 400.00: 2.00 and 4.00.
    assert_eq!(vat(&world, parcel), [18, 0, 18]);
    assert_eq!(payable(&world, Tax::Vat), 36);
    let Some(Event::PaymentCollected { fees, .. }) = world.events().first() else { panic!() };
    assert_eq!(fees.of(FeeKind::Vat), Amount::of(18));
}

#[test]
fn vat_is_rounded_half_up_once_on_the_parcels_sum() {
    let mut terms = shipped_terms();
    let rate = |ppm| Rate::from_ppm(ppm).unwrap();
    terms.commission.cash = FixedOrShare::default();
    terms.cod.cash = FixedOrShare { fixed: Amount::ZERO, share: rate(10_000) };
    terms.vat = rate(250_000);
    let mut world = World::set(Setup { terms, ..Setup::default() });
    let parts = world.parcel("o-1", 400).dispatch().cash(100).cash(100).cash(100).cash(100);
    let parcel = parts.id();
    // 1% of 1.00 is 0.01, and 25% of that 0.0025: the sums are 0.0025, 0.005, 0.0075, 0.01.
    assert_eq!(vat(&world, parcel), [0, 1, 0, 0]);
}

#[test]
fn card_and_wallet_fees_are_passed_on_and_bear_no_vat() {
    let mut world = with_vat();
    let card = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().id();
    assert_eq!(vat(&world, card), [0]);
    // QR has a commission of 0.20 and a COD fee of 0.50: 6% are 0.042.
    let qr = world.parcel("o-2", 10_000).dispatch().qr(10_000).approve().id();
    assert_eq!(vat(&world, qr), [4]);
}

#[test]
fn fees_with_vat_never_exceed_the_payment_and_the_next_one_bears_the_rest() {
    let mut world = with_vat();
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(305).cash(9_695).id();
    assert_eq!(vat(&world, parcel), [5, 13]);
    let fees: Vec<u64> =
        world.engine.payments(parcel).iter().rev().map(|one| one.fees.minor()).collect();
    assert_eq!(fees, [305, 13]);
}

#[test]
fn a_voided_payment_takes_its_vat_back_and_the_second_one_bears_it() {
    let mut world = with_vat();
    world.must(open_batch(1));
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(take_cash(1, parcel, 5_000, 5_000)).must(take_cash(2, parcel, 4_000, 4_000));
    assert_eq!(vat(&world, parcel), [18, 0]);
    let voided = Command::BeginVoid(BeginVoid {
        trace: trace(3),
        duplicate_key: original(1),
        payment: first(parcel),
        network_reference: None,
    });
    world.must(voided);
    assert_eq!(payable(&world, Tax::Vat), 0);
    assert!(world.moved_for(first(parcel)).contains(&(E::FeeReversed, 18)));
    world.must(take_cash(4, parcel, 6_000, 6_000));
    assert_eq!(vat(&world, parcel), [18, 0, 18]);
    assert_eq!(payable(&world, Tax::Vat), 18);
}

#[test]
fn a_refund_gives_no_vat_back_and_the_parcel_does_not_bear_it_again() {
    let mut world = with_vat();
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(5_000).id();
    world.must(refund(first(parcel), 1, 5_000));
    world.parcel_steps(parcel).cash(5_000);
    assert_eq!(payable(&world, Tax::Vat), 18);
}

#[test]
fn each_part_bears_vat_by_the_version_of_its_day() {
    let mut world = with_vat();
    let terms = tariff::Terms { vat: Rate::from_ppm(100_000).unwrap(), ..shipped_terms() };
    world.must(publish(2, "2013-09-01", None, terms));
    let parcel = world.parcel("o-1", 40_000).dispatch().cash(10_000).id();
    world.on("2013-09-01").parcel_steps(parcel).cash(30_000);
    // 6% of 3.00, then 10% of 3.00.
    assert_eq!(vat(&world, parcel), [18, 30]);
}

/// A firm with 1.01 of commission payable, of which 10.5% are withheld, and 10.00 in the bank.
fn withholding() -> World {
    let mut world = with_vat();
    world.fund_bank(1_000).must(set_firm_terms(1, "2013-08-28", 0, 105_000));
    world.parcel("o-1", 20_200).dispatch().cash(20_200);
    world.must(start_hand_over(1)).must(count(1, 20_200));
    assert_eq!(world.engine.commission_payable(FIRM), Some(101));
    world
}

#[test]
fn a_firm_is_paid_less_what_is_withheld_rounded_half_up() {
    let mut world = withholding();
    world.must(pay_commission(1, 100));
    // 10.5% of 1.00 are 0.105.
    let moved: Vec<_> =
        world.outcome.postings.iter().map(|line| (line.entry, line.amount.minor())).collect();
    assert_eq!(moved, [(E::CommissionPaid, 89), (E::TaxWithheld, 11)]);
    let (firm, amount, withheld) = (FIRM, Amount::of(100), Amount::of(11));
    assert_eq!(world.events(), [Event::CommissionPaid { firm, amount, withheld }]);
    assert_eq!((world.sum(A::Bank), world.sum(A::FirmCommission)), (911, 1));
    assert_eq!(payable(&world, Tax::Withholding), 11);
    // Of a cent nothing is left to withhold.
    world.repeated(pay_commission(1, 100)).must(pay_commission(2, 1));
    assert_eq!(payable(&world, Tax::Withholding), 11);
}

#[test]
fn what_is_withheld_follows_the_terms_of_the_day_of_the_payment() {
    let mut world = withholding();
    world.must(set_firm_terms(2, "2013-09-01", 0, 0)).must(pay_commission(1, 40));
    assert_eq!(payable(&world, Tax::Withholding), 4);
    world.on("2013-09-01").must(pay_commission(2, 40));
    assert_eq!(payable(&world, Tax::Withholding), 4);
}

#[test]
fn the_bank_needs_only_what_leaves_it() {
    let mut world = withholding();
    let small = BreakSubject::Bank(BANK);
    world.must(raise_break(2_000, small, BreakSide::Shortfall, 911));
    world.refused(pay_commission(1, 101), Refusal::InsufficientFunds(SignedAmount::of(89)));
    world.must(pay_commission(1, 100));
    assert_eq!(world.sum(A::Bank), 0);
}

#[test]
fn two_people_pay_at_most_what_is_payable_of_each_tax() {
    let mut world = withholding();
    world.must(pay_commission(1, 100));
    // Commission 1.01, COD fee 2.02: 6% are 0.1818.
    assert_eq!((payable(&world, Tax::Vat), payable(&world, Tax::Withholding)), (18, 11));
    world.refused(pay_tax(1, Tax::Vat, 19), most(18));
    world.refused(pay_tax(1, Tax::Withholding, 12), most(11));
    world.refused(pay_tax(1, Tax::Vat, 0), Refusal::AmountZero);
    world.refused(pay_tax(2, Tax::Vat, 18), Refusal::WrongSequenceNumber(1));
    let Command::PayTax(alone) = pay_tax(1, Tax::Vat, 18) else { unreachable!() };
    let alone = PayTax { approved_by: ANNA, ..alone };
    world.refused(Command::PayTax(alone), Refusal::SamePerson);
    world.must(pay_tax(1, Tax::Vat, 10)).must(pay_tax(2, Tax::Withholding, 11));
    let (currency, amount) = (Currency::CNY, Amount::of(11));
    assert_eq!(world.events(), [Event::TaxPaid { tax: Tax::Withholding, currency, amount }]);
    world.refused(pay_tax(3, Tax::Vat, 9), most(8)).must(pay_tax(3, Tax::Vat, 8));
    assert_eq!((payable(&world, Tax::Vat), payable(&world, Tax::Withholding)), (0, 0));
    assert_eq!(world.sum(A::Bank), 1_000 - 89 - 10 - 11 - 8);
}

#[test]
fn a_tax_payment_given_again_is_a_repeat_and_with_other_content_refused() {
    let mut world = withholding();
    world.must(pay_tax(1, Tax::Vat, 10)).repeated(pay_tax(1, Tax::Vat, 10));
    world.refused(pay_tax(1, Tax::Vat, 8), Refusal::NumberUsed(1));
    world.refused(pay_tax(1, Tax::Withholding, 10), Refusal::NumberUsed(1));
}

#[test]
fn no_more_tax_is_paid_than_is_in_the_bank() {
    let mut world = with_vat();
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.refused(pay_tax(1, Tax::Vat, 18), Refusal::InsufficientFunds(SignedAmount::ZERO));
}

#[test]
fn a_payment_reversed_after_its_vat_was_paid_leaves_too_much_paid() {
    let mut world = with_vat();
    world.fund_bank(1_000);
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(10_000).id();
    world.must(pay_tax(1, Tax::Vat, 18)).must(reverse(first(parcel)));
    assert_eq!(payable(&world, Tax::Vat), -18);
    world.refused(pay_tax(2, Tax::Vat, 1), most(0));
    // The next VAT is set off.
    world.parcel_steps(parcel).cash(10_000);
    assert_eq!(payable(&world, Tax::Vat), 0);
}
