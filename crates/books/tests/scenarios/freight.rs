//! Freight: charged once for a parcel that is delivered or returned, with its VAT, and owed to the
//! courier firm.
//!
//! The tariff of 2013, with a freight of 6.50 and 6% VAT. Cash has a commission of 1.00, and a COD
//! fee of 2.00. The return fee is 4.00.

use books::chart::{AccountKind as A, ChartEntry as E};
use books::*;
use money::{Amount, Rate};

use super::snapshots::restored;
use crate::world::*;

pub fn terms_with_vat(freight: u64) -> tariff::Terms {
    let vat = Rate::from_ppm(60_000).expect("6%");
    tariff::Terms { freight: Amount::of(freight), vat, ..shipped_terms() }
}

fn with_freight() -> World {
    World::set(Setup { terms: terms_with_vat(650), ..Setup::default() })
}

/// What was posted for the parcel itself.
fn moved(world: &World, parcel: ParcelId) -> Vec<(E, u64)> {
    world.moved_for(PaymentId { parcel, number: 0 })
}

#[test]
fn a_delivered_parcel_bears_freight_and_its_vat_once_and_the_firm_has_earned_it() {
    let mut world = with_freight();
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(4_000).id();
    assert_eq!(moved(&world, parcel), []);
    world.parcel_steps(parcel).cash(6_000);
    assert_eq!(moved(&world, parcel), [(E::FreightCharged, 650), (E::VatCharged, 39)]);
    assert_eq!(world.balance(A::SellerPayable, SELLER.0), -689);
    let (seller, firm) = (SELLER, FIRM);
    let tariff = TariffVersion { tariff: TARIFF, version: 1 };
    let (freight, vat) = (Amount::of(650), Amount::of(39));
    let charged = Event::FreightCharged { parcel, seller, firm, freight, vat, tariff };
    assert!(world.events().contains(&charged), "{:?}", world.events());
    // The commission waits for the count, the freight does not.
    assert_eq!(world.engine.commission_payable(FIRM), Some(650));
    assert_eq!(world.balance(A::FirmCommission, FIRM.0), 750);
}

#[test]
fn a_returned_parcel_bears_freight_return_fee_and_vat_on_each() {
    let mut world = with_freight();
    let parcel = world.parcel("o-1", 10_000).dispatch().refuse().return_to_seller().id();
    let expected = [
        (E::ReturnCharged, 400),
        (E::VatCharged, 24),
        (E::FreightCharged, 650),
        (E::VatCharged, 39),
    ];
    assert_eq!(moved(&world, parcel), expected);
    world.expect(&[
        (A::SellerPayable, -400 - 24 - 650 - 39),
        (A::FirmCommission, 650),
        (A::VatPayable, 24 + 39),
        (A::ReturnFees, 400),
    ]);
}

#[test]
fn a_damaged_or_lost_parcel_bears_no_freight() {
    for paid_by in [DamagePayer::Seller, DamagePayer::Firm, DamagePayer::Doorstep] {
        let mut world = with_freight();
        let lost = world.parcel("o-1", 10_000).dispatch().id();
        world.must(lose(lost, paid_by));
        let parcel = world.parcel("o-2", 10_000).dispatch().id();
        world.must(damaged(parcel, paid_by)).must(return_parcel(parcel));
        assert_eq!(moved(&world, lost), []);
        // What the firm is charged bears no VAT.
        let expected: &[(E, u64)] = match paid_by {
            DamagePayer::Seller => &[(E::ReturnCharged, 400), (E::VatCharged, 24)],
            DamagePayer::Firm => &[(E::ReturnCharged, 400)],
            DamagePayer::Doorstep => &[],
        };
        assert_eq!(moved(&world, parcel), expected, "{paid_by:?}");
    }
}

#[test]
fn a_seller_below_zero_for_freight_is_paid_less_later() {
    let mut world = with_freight();
    world.fund_bank(20_000);
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    let below: Vec<i128> = world.engine.sellers_below_zero().map(|one| one.balance).collect();
    assert_eq!(below, [-689]);
    world.must(start_hand_over(1)).must(count(1, 10_000)).must(deposit(1, 10_000));
    world.must(confirm_deposit(1, 10_000)).must(plan(1, ANNA));
    let line = world.engine.open_plan(PlanId(1)).unwrap().lines[0].line;
    // A commission of 1.00, a COD fee of 2.00, VAT of 0.18; and freight with VAT.
    assert_eq!((line.gross, line.fees), (10_000, 300 + 18 + 689));
    assert_eq!((line.vat, line.freight), (18 + 39, 650));
    assert_eq!(line.net, Amount::of(10_000 - 318 - 689));
}

#[test]
fn an_undone_delivery_gives_the_freight_back_and_the_next_one_bears_it() {
    let mut world = with_freight();
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(10_000).id();
    world.must(reverse(first(parcel))).expect(&[]);
    let (freight, vat) = (Amount::of(650), Amount::of(39));
    let back = Event::FreightReversed { parcel, seller: SELLER, firm: FIRM, freight, vat };
    assert!(world.events().contains(&back), "{:?}", world.events());
    world.engine = restored(&world.engine);
    world.parcel_steps(parcel).cash(10_000);
    assert_eq!(world.balance(A::FirmCommission, FIRM.0), 750);
    assert_eq!(world.sum(A::VatPayable), 18 + 39);
    // Lost after all: nothing of it is left.
    world.must(reverse(second(parcel))).must(lose(parcel, DamagePayer::Seller)).expect(&[]);
}

#[test]
fn what_is_given_back_is_what_was_charged_whatever_came_after_the_delivery() {
    let mut world = with_freight();
    world.must(open_batch(1)).must(offline_limit(60_000, 150_000));
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(10_000).id();
    world.must(publish(2, "2013-09-01", None, terms_with_vat(900)));
    // Bought twice: the second sale is owed to the buyer, by the newer version.
    world.on("2013-09-01").must(offline_sale(1, parcel, 10_000));
    world.must(reverse(first(parcel)));
    assert_eq!(world.sum(A::SellerPayable), 0);
    assert_eq!((world.sum(A::FirmCommission), world.sum(A::VatPayable)), (0, 0));
}

#[test]
fn freight_is_that_of_the_last_payments_version() {
    let mut world = with_freight();
    world.must(publish(2, "2013-09-01", None, terms_with_vat(900)));
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(5_000).id();
    world.on("2013-09-01").parcel_steps(parcel).cash(5_000);
    assert_eq!(moved(&world, parcel), [(E::FreightCharged, 900), (E::VatCharged, 54)]);
}

#[test]
fn a_refund_or_chargeback_after_the_delivery_gives_no_freight_back() {
    let mut world = with_freight();
    let parcel = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear().id();
    world.must(refund(first(parcel), 1, 4_000)).must(charge_back(first(parcel), 2, 6_000));
    assert_eq!(world.balance(A::FirmCommission, FIRM.0), 650);
    assert_eq!(world.sum(A::VatPayable), 39);
}

#[test]
fn an_accepted_part_that_is_paid_bears_the_whole_freight() {
    let mut world = with_freight();
    let parcel = world.parcel("o-1", 10_000).dispatch().cash(4_000).id();
    world.must(accept_part(parcel, 4_000));
    assert_eq!(moved(&world, parcel), [(E::FreightCharged, 650), (E::VatCharged, 39)]);
}
