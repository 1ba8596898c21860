//! Damaged and lost parcels: who bears the return fee, and who compensates the seller.

use DamagePayer::{Doorstep, Firm, Seller};
use books::chart::{AccountKind as A, ChartEntry};
use books::*;
use money::Amount;

use crate::world::*;

const BOTH: [PersonId; 2] = [ANNA, BO];

/// A parcel with 100.00 due that is refused as damaged at the door.
fn refused(world: &mut World, order: &str, paid_by: DamagePayer) -> ParcelId {
    let parcel = world.dispatched_parcel(order, 10_000);
    world.must(damaged(parcel, paid_by));
    parcel
}

fn bring_back(parcel: ParcelId) -> Command {
    Command::ReturnParcel(ReturnParcel { parcel })
}

#[test]
fn the_party_that_pays_for_the_damage_bears_the_return_fee() {
    let payers = [
        (Seller, 400, &[(A::SellerPayable, -400), (A::ReturnFees, 400)][..]),
        (Firm, 400, &[(A::FirmCommission, -400), (A::ReturnFees, 400)]),
        (Doorstep, 0, &[]),
    ];
    for (paid_by, charged, books) in payers {
        let mut world = World::open();
        let parcel = refused(&mut world, "o-1", paid_by);
        world.must(bring_back(parcel)).expect(books);
        let [Event::ParcelReturned { fee, paid_by: said, .. }] = world.events() else {
            panic!("returned")
        };
        assert_eq!((fee.minor(), *said), (charged, paid_by));
        world.repeated(bring_back(parcel));
    }
}

#[test]
fn a_parcel_refused_for_another_reason_costs_the_seller_the_return_fee() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().refuse().return_to_seller().id();
    world.expect(&[(A::SellerPayable, -400), (A::ReturnFees, 400)]);
    world.refused(compensate(parcel, 1, BOTH), Refusal::ParcelState);
}

#[test]
fn a_firm_pays_also_for_what_was_damaged_at_the_hub_and_by_its_own_courier() {
    let mut world = World::open();
    let at_hub = world.parcel("o-1", 10_000).id();
    world.must(assign(at_hub)).must(damaged(at_hub, Firm)).must(bring_back(at_hub));
    let at_door = refused(&mut world, "o-2", Firm);
    world.must(bring_back(at_door));
    assert_eq!(world.balance(A::FirmCommission, FIRM.0), -800);
}

#[test]
fn a_firm_compensates_the_seller_out_of_its_commission() {
    let mut world = World::open();
    let parcel = refused(&mut world, "o-1", Firm);
    world.must(compensate(parcel, 7_000, BOTH));
    let [line] = world.outcome.postings[..] else { panic!("one line") };
    assert_eq!((line.entry, line.amount), (ChartEntry::SellerCompensated, Amount::of(7_000)));
    let (seller, amount, paid_by) = (SELLER, Amount::of(7_000), Firm);
    assert_eq!(world.events(), [Event::SellerCompensated { parcel, seller, amount, paid_by }]);
    world.expect(&[(A::SellerPayable, 7_000), (A::FirmCommission, -7_000)]);
    assert_eq!(world.engine.commission_payable(FIRM), Some(-7_000));
    world.must(plan(1, ANNA));
    let line = world.engine.open_plan(PlanId(1)).unwrap().lines[0].line;
    assert_eq!((line.gross, line.compensated, line.net.minor()), (0, 7_000, 7_000));
}

#[test]
fn doorstep_compensates_the_seller_of_a_lost_parcel_at_its_own_cost() {
    let mut world = World::open();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.refused(compensate(parcel, 1, BOTH), Refusal::ParcelState);
    world.must(lose(parcel, Doorstep)).must(compensate(parcel, 10_000, BOTH));
    world.expect(&[(A::SellerPayable, 10_000), (A::WriteOffs, 10_000)]);
}

#[test]
fn a_seller_who_pays_is_not_compensated() {
    let mut world = World::open();
    let parcel = refused(&mut world, "o-1", Seller);
    world.refused(compensate(parcel, 1, BOTH), Refusal::SellerPays);
    let lost = world.dispatched_parcel("o-2", 10_000);
    world.must(lose(lost, Seller)).refused(compensate(lost, 1, BOTH), Refusal::SellerPays);
}

#[test]
fn goods_are_compensated_once_by_two_persons_and_at_most_with_what_was_due() {
    let mut world = World::open();
    let parcel = refused(&mut world, "o-1", Firm);
    world.refused(compensate(parcel, 0, BOTH), Refusal::AmountZero);
    let most = Refusal::AmountTooLarge(Amount::of(10_000));
    world.refused(compensate(parcel, 10_001, BOTH), most);
    world.refused(compensate(parcel, 100, [BO, BO]), Refusal::SamePerson);
    world.must(compensate(parcel, 100, BOTH)).repeated(compensate(parcel, 100, BOTH));
    for (amount, persons) in [(99, BOTH), (100, [BO, ANNA])] {
        world.refused(compensate(parcel, amount, persons), Refusal::OtherContent);
    }
    // It goes back, and is still compensated once.
    world.must(bring_back(parcel)).repeated(compensate(parcel, 100, BOTH));
    world.refused(compensate(parcel, 9_900, BOTH), Refusal::OtherContent);
    let nothing = ParcelId::derived(SELLER, "o-9");
    let missing = Refusal::NotFound(MissingRecord::Parcel(nothing));
    world.refused(compensate(nothing, 1, BOTH), missing);
}

#[test]
fn a_part_that_was_accepted_limits_the_compensation() {
    let mut world = World::open();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(accept_part(parcel, 6_000)).must(damaged(parcel, Doorstep));
    world.refused(compensate(parcel, 6_001, BOTH), Refusal::AmountTooLarge(Amount::of(6_000)));
    world.must(compensate(parcel, 6_000, BOTH));
}

#[test]
fn a_damaged_parcel_that_is_lost_afterwards_is_compensated_once() {
    let mut world = World::open();
    let parcel = refused(&mut world, "o-1", Seller);
    // Whoever loses it pays from then on.
    world.must(lose(parcel, Firm)).must(compensate(parcel, 5_000, BOTH));
    assert_eq!(world.balance(A::FirmCommission, FIRM.0), -5_000);
    let parcel = refused(&mut world, "o-2", Doorstep);
    world.must(compensate(parcel, 300, BOTH)).must(lose(parcel, Firm));
    world.repeated(compensate(parcel, 300, BOTH));
    world.refused(compensate(parcel, 200, BOTH), Refusal::OtherContent);
}

#[test]
fn who_pays_is_said_once() {
    let mut world = World::open();
    let parcel = refused(&mut world, "o-1", Firm);
    world.repeated(damaged(parcel, Firm)).refused(damaged(parcel, Seller), Refusal::OtherContent);
    world.refused(refuse(parcel), Refusal::OtherContent);
    let lost = world.dispatched_parcel("o-2", 10_000);
    world.must(lose(lost, Firm)).repeated(lose(lost, Firm));
    world.refused(lose(lost, Doorstep), Refusal::OtherContent);
}

#[test]
fn no_firm_pays_for_a_parcel_that_it_never_had() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).id();
    world.refused(lose(parcel, Firm), Refusal::ParcelState);
    world.must(lose(parcel, Doorstep)).must(compensate(parcel, 1, BOTH));
}

#[test]
fn what_a_buyer_paid_is_refunded_and_the_compensation_is_the_sellers() {
    let mut world = World::open();
    let paid = world.parcel("o-1", 10_000).dispatch().card(4_000).approve().last_payment();
    world.must(damaged(paid.parcel, Firm)).must(compensate(paid.parcel, 10_000, BOTH));
    assert_eq!(world.payment(paid).refunded, Amount::of(4_000));
    assert_eq!(world.sum(A::BuyerRefunds), 4_000);
    assert_eq!(world.balance(A::FirmCommission, FIRM.0), -10_000);
}
