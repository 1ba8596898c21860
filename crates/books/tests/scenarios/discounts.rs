//! Discounts of the market: Doorstep's part is held and payable with the goods, and goes back with
//! them. A payment of 100.00 by debit card costs 0.78, 5.00 by cash 3.00.

use books::chart::{AccountKind as A, ChartEntry as E};
use books::*;
use money::Amount;

use super::snapshots::restored;
use crate::world::*;

fn told(parcel: ParcelId, before: u64, amount: u64) -> Event {
    let [before, amount] = [before, amount].map(Amount::of);
    Event::DiscountPaid { parcel, seller: SELLER, before, amount }
}

fn of_seller(world: &World) -> (i128, i128, i128) {
    (world.sum(A::SellerHeld), world.sum(A::SellerPayable), world.sum(A::Promotions))
}

#[test]
fn doorsteps_part_is_payable_with_the_last_of_the_parcels_money() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 20_000).dispatch().card(10_000).approve().clear().id();
    world.refused(pay_discount(parcel, 1_000), Refusal::ParcelState);
    world.parcel_steps(parcel).card(10_000).approve();
    let (held, payable, _) = of_seller(&world);
    world.must(pay_discount(parcel, 1_000));
    assert_eq!(world.events(), [told(parcel, 0, 1_000)]);
    assert_eq!(of_seller(&world), (held + 1_000, payable, 1_000));
    world.engine = restored(&world.engine);
    world.repeated(pay_discount(parcel, 1_000));
    world.refused(pay_discount(parcel, 1_001), Refusal::AmountTooLarge(Amount::of(1_000)));
    world.must(pay_discount(parcel, 600));
    assert_eq!(of_seller(&world), (held + 600, payable, 600));
    world.parcel_steps(parcel).clear();
    let (held, payable, _) = of_seller(&world);
    assert_eq!(held, 0);
    let seller = SELLER;
    let released = Event::DiscountReleased { parcel, seller, amount: Amount::of(600) };
    assert!(world.events().contains(&released), "{:?}", world.events());
    // What is payable by now is taken from what is payable.
    world.must(pay_discount(parcel, 0));
    assert_eq!(of_seller(&world), (0, payable - 600, 0));
    world.repeated(pay_discount(parcel, 0));
    let of_parcel = world.moved_for(PaymentId { parcel, number: 0 });
    let expected = [
        (E::DiscountPaid, 1_000),
        (E::DiscountTakenBack, 400),
        (E::Released, 600),
        (E::DiscountTakenBack, 600),
    ];
    assert_eq!(of_parcel, expected);
    let statement = world.engine.seller_statements(SELLER).remove(0).next;
    let parts = statement.parts;
    assert_eq!((parts.discount_paid, parts.discount_taken_back), (600, 600));
}

#[test]
fn a_delivery_that_is_undone_takes_the_discount_back_and_the_next_one_has_its_own() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().id();
    world.must(pay_discount(parcel, 1_000)).must(pay_discount(parcel, 400));
    world.must(reverse(first(parcel))).expect(&[]);
    assert!(world.events().contains(&told(parcel, 400, 0)), "{:?}", world.events());
    world.refused(pay_discount(parcel, 400), Refusal::ParcelState);
    world.engine = restored(&world.engine);
    world.parcel_steps(parcel).card(10_000).approve().clear();
    world.must(pay_discount(parcel, 1_000));
    assert_eq!((of_seller(&world).0, of_seller(&world).2), (0, 1_000));
    // Paid out or not: it comes from what is payable.
    let payable = of_seller(&world).1;
    world.must(pay_discount(parcel, 900));
    assert_eq!(of_seller(&world).1, payable - 100);
}

#[test]
fn a_discount_needs_a_parcel_and_an_amount() {
    let mut world = World::open();
    let unknown = ParcelId::derived(SELLER, "o-9");
    let missing = Refusal::NotFound(MissingRecord::Parcel(unknown));
    world.refused(pay_discount(unknown, 1), missing);
    let parcel = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().id();
    world.refused(pay_discount(parcel, 0), Refusal::AmountZero);
    let back = world.parcel("o-2", 10_000).dispatch().refuse().return_to_seller().id();
    world.refused(pay_discount(back, 1), Refusal::ParcelState);
}
