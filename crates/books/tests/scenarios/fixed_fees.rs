//! Fixed fees are charged once for a parcel, however many payments it takes.
//!
//! The tariff: cash has a commission of 1.00 or 0.5% and a COD fee of 2.00 or 1%, whichever is
//! greater. QR has a commission of 0.20, a COD fee of 0.50 or 0.2%, and the wallet's 0.6%. Cards
//! have neither.

use books::chart::AccountKind as A;
use books::*;
use money::{Amount, Rate};

use super::snapshots::restored;
use crate::world::*;

/// What was charged so far: commission, COD fee.
fn charged(world: &World) -> [i128; 2] {
    [world.sum(A::FirmCommission), world.sum(A::CodFees)]
}

fn nth(parcel: ParcelId, number: u8) -> PaymentId {
    PaymentId { parcel, number }
}

/// The fees of a parcel's payments, number 1 first.
fn fees(world: &World, parcel: ParcelId) -> Vec<u64> {
    let payments = world.engine.payments(parcel);
    payments.iter().rev().map(|payment| payment.fees.minor()).collect()
}

#[test]
fn sixteen_part_payments_cost_one_commission_and_one_cod_fee() {
    let mut world = World::open();
    let mut steps = world.parcel("o-1", 16_000).dispatch();
    for _ in 0..16 {
        steps = steps.cash(1_000);
    }
    let parcel = steps.id();
    // 0.5% of 160.00 is 0.80, 1% is 1.60: both are below the fixed fees.
    assert_eq!(charged(&world), [100, 200]);
    assert_eq!(fees(&world, parcel)[0], 300);
    assert_eq!(fees(&world, parcel)[1..], [0; 15]);
    world.expect_collected(parcel, 16_000);
    assert_eq!(world.sum(A::SellerHeld), 16_000 - 300);
}

#[test]
fn a_share_above_the_fixed_fee_is_that_of_all_parts() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 40_000).dispatch().cash(10_000).cash(30_000).id();
    // 0.5% of 400.00 is 2.00 and 1% is 4.00. The first part bore 1.00 and 2.00.
    assert_eq!(charged(&world), [200, 400]);
    assert_eq!(fees(&world, parcel), [300, 300]);
}

#[test]
fn a_second_method_adds_only_what_its_terms_ask_for_above_the_first() {
    // QR 50.00 bears 0.20 and 0.50. Cash then asks for 1.00 and 2.00 of the parcel.
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().qr(5_000).approve().cash(5_000).id();
    assert_eq!(charged(&world), [100, 200]);
    assert_eq!(fees(&world, parcel), [30 + 20 + 50, 80 + 150]);
    // The other way round QR asks for less than the parcel has borne. The wallet has its rate.
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(5_000).qr(5_000).approve().id();
    assert_eq!(charged(&world), [100, 200]);
    assert_eq!(fees(&world, parcel), [300, 30]);
}

#[test]
fn a_card_bears_its_rates_and_no_part_of_the_cash_fees() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(50).card(9_950).approve().id();
    // The commission takes all of 0.50. The card's 0.55%, 0.08% and 0.15% are 0.55, 0.08 and 0.15.
    assert_eq!(charged(&world), [50, 0]);
    assert_eq!(fees(&world, parcel), [50, 55 + 8 + 15]);
}

#[test]
fn what_a_small_part_cannot_bear_the_next_one_bears() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(150).cash(9_850).id();
    assert_eq!(fees(&world, parcel), [150, 150]);
    assert_eq!(charged(&world), [100, 200]);
}

#[test]
fn a_reversed_part_takes_its_fees_along_and_the_next_payment_bears_them() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(5_000).cash(4_000).id();
    assert_eq!(fees(&world, parcel), [300, 0]);
    world.must(reverse(nth(parcel, 1)));
    assert_eq!(charged(&world), [0, 0]);
    world.parcel_steps(parcel).cash(6_000);
    assert_eq!(fees(&world, parcel)[1..], [0, 300]);
    assert_eq!(charged(&world), [100, 200]);
    // Each takes back exactly what it bore, whichever goes first.
    world.must(reverse(nth(parcel, 2)));
    assert_eq!(charged(&world), [100, 200]);
    world.must(reverse(nth(parcel, 3))).expect(&[]);
}

#[test]
fn a_part_that_bore_nothing_takes_nothing_back_after_the_first_is_gone() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 60_000).dispatch().cash(40_000).cash(20_000).id();
    // 0.5% and 1%: of 400.00 2.00 and 4.00, of 600.00 3.00 and 6.00.
    assert_eq!(fees(&world, parcel), [600, 300]);
    world.must(reverse(nth(parcel, 1)));
    assert_eq!(charged(&world), [100, 200]);
    world.must(reverse(nth(parcel, 2))).expect(&[]);
}

#[test]
fn a_refund_gives_no_fee_back_and_the_parcel_does_not_pay_it_again() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(5_000).id();
    world.must(refund(nth(parcel, 1), 1, 5_000));
    world.parcel_steps(parcel).cash(5_000);
    assert_eq!(charged(&world), [100, 200]);
}

#[test]
fn another_parcel_pays_its_own_fixed_fees() {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().cash(5_000).cash(5_000);
    world.parcel("o-2", 10_000).dispatch().cash(5_000).cash(5_000);
    assert_eq!(charged(&world), [200, 400]);
}

#[test]
fn each_part_is_charged_by_the_version_of_its_day() {
    let mut world = World::open();
    let mut terms = shipped_terms();
    terms.cod.cash.fixed = Amount::of(350);
    terms.commission.cash.fixed = Amount::of(80);
    terms.commission.cash.share = Rate::ZERO;
    world.must(publish(2, "2013-09-01", None, terms));
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(5_000).id();
    world.on("2013-09-01").parcel_steps(parcel).cash(5_000);
    // Of the COD fee of 3.50 the first part bore 2.00. A lower commission gives nothing back.
    assert_eq!(fees(&world, parcel), [300, 150]);
    assert_eq!(charged(&world), [100, 350]);
}

#[test]
fn a_snapshot_keeps_what_each_part_bore() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(5_000).cash(4_000).id();
    world.engine = restored(&world.engine);
    world.must(reverse(nth(parcel, 2))).must(reverse(nth(parcel, 1))).expect(&[]);
    world.engine.check().expect("the books are right");
}
