//! Before a parcel is first dispatched: assigned by number, amended, and withdrawn by its seller.

use books::chart::AccountKind as A;
use books::view::ParcelState as S;
use books::*;
use money::Amount;

use crate::world::*;

fn due(world: &World, parcel: ParcelId) -> u64 {
    world.view(parcel).due.minor()
}

#[test]
fn a_late_duplicate_of_an_assignment_takes_no_parcel_from_its_firm() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).id();
    let other = world.parcel("o-2", 10_000).id();
    world.refused(assign_all(FIRM, &[(parcel, 2)]), Refusal::WrongSequenceNumber(1));
    world.must(assign(parcel)).repeated(assign(parcel));
    world.refused(assign_all(OTHER_FIRM, &[(parcel, 1)]), Refusal::NumberUsed(1));
    world.must(assign_all(OTHER_FIRM, &[(parcel, 2)]));
    // The first one comes once more. Its firm is not known any more.
    world.refused(assign(parcel), Refusal::NumberForgotten(1));
    world.refused(dispatch(parcel), Refusal::WrongCourier);
    // A list in which a part is done is no retry, and nothing of it is done.
    let both = [(parcel, 2), (other, 1)];
    world.refused(assign_all(OTHER_FIRM, &both), Refusal::NumberUsed(2));
    assert_eq!(world.view(other).state, S::Announced);
    assert_eq!((world.view(parcel).assignments, world.view(other).assignments), (2, 0));
    // While it is out, with the firm or refused, the last one is still a retry.
    world.must(dispatch_with(OTHER_FIRMS_COURIER, parcel));
    world.repeated(assign_all(OTHER_FIRM, &[(parcel, 2)]));
    world.must(attempt(parcel, 1)).repeated(assign_all(OTHER_FIRM, &[(parcel, 2)]));
    world.must(assign_all(FIRM, &[(parcel, 3)])).must(refuse(parcel));
    world.repeated(assign_all(FIRM, &[(parcel, 3)]));
    world.refused(assign_all(FIRM, &[(parcel, 4)]), Refusal::ParcelState);
}

#[test]
fn a_parcel_that_is_out_again_knows_its_assignments() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).id();
    world.must(assign(parcel)).must(assign_all(FIRM, &[(parcel, 2)])).must(dispatch(parcel));
    world.parcel_steps(parcel).cash(10_000);
    assert_eq!(world.view(parcel).state, S::Delivered);
    world.refused(assign(parcel), Refusal::ParcelState);
    world.parcel_steps(parcel).reverse().attempt();
    world.refused(assign(parcel), Refusal::NumberForgotten(1));
    world.must(assign_all(OTHER_FIRM, &[(parcel, 3)]));
}

#[test]
fn the_amount_due_changes_before_the_first_dispatch_only() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).id();
    world.refused(amend_due(parcel, 1, 0), Refusal::AmountZero);
    world.refused(amend_due(parcel, 2, 100), Refusal::WrongSequenceNumber(1));
    world.must(amend_due(parcel, 1, 12_000)).repeated(amend_due(parcel, 1, 12_000));
    let (before, due_now) = (Amount::of(10_000), Amount::of(12_000));
    assert_eq!(due(&world, parcel), 12_000);
    world.refused(amend_due(parcel, 1, 9_000), Refusal::NumberUsed(1));
    world.must(assign(parcel)).must(amend_due(parcel, 2, 8_000));
    let amended = Event::DueAmended { parcel, before: due_now, due: Amount::of(8_000) };
    assert_eq!(world.events(), [amended]);
    // A late duplicate of the first one changes nothing.
    world.refused(amend_due(parcel, 1, 12_000), Refusal::NumberForgotten(1));
    assert_eq!(due(&world, parcel), 8_000);
    // The order as it was announced is still the same order.
    world.repeated(announce(SELLER, "o-1", before.minor()));
    world.refused(announce(SELLER, "o-1", 8_000), Refusal::IdentifierTaken);
    world.must(dispatch(parcel)).refused(amend_due(parcel, 3, 7_000), Refusal::ParcelState);
    world.repeated(amend_due(parcel, 2, 8_000));
    world.must(attempt(parcel, 1)).refused(amend_due(parcel, 3, 7_000), Refusal::ParcelState);
    // The buyer pays what is due now.
    world.parcel_steps(parcel).dispatch().cash(8_000);
    world.expect_collected(parcel, 8_000);
    world.refused(amend_due(parcel, 3, 7_000), Refusal::ParcelState);
}

#[test]
fn a_parcel_that_its_seller_withdraws_costs_nothing_and_can_be_shipped_again() {
    let mut world = World::open();
    for (order, assigned) in [("o-1", false), ("o-2", true)] {
        let parcel = world.parcel(order, 10_000).id();
        if assigned {
            world.must(assign(parcel));
        }
        world.must(cancel_parcel(parcel)).repeated(cancel_parcel(parcel));
        assert_eq!((world.view(parcel).state, due(&world, parcel)), (S::Cancelled, 0));
        world.refused(assign(parcel), Refusal::ParcelState);
        world.refused(amend_due(parcel, 1, 100), Refusal::ParcelState);
        world.refused(lose(parcel, DamagePayer::Doorstep), Refusal::ParcelState);
        world.refused(accept_part(parcel, 100), Refusal::ParcelState);
        world.refused(announce(SELLER, order, 10_000), Refusal::ShipmentEnded);
        world.must(announce_shipment(SELLER, order, 9_000, 2));
        assert_eq!(due(&world, parcel.shipment(2)), 9_000);
    }
    world.expect(&[]);
    let out = world.parcel("o-3", 10_000).dispatch().id();
    world.refused(cancel_parcel(out), Refusal::ParcelState);
    world.parcel_steps(out).attempt();
    world.refused(cancel_parcel(out), Refusal::ParcelState);
}

#[test]
fn a_parcel_for_which_money_stands_is_neither_amended_nor_withdrawn() {
    let mut world = World::open();
    world.must(open_batch(1)).fund_bank(10_000);
    let parcel = world.parcel("o-1", 10_000).id();
    // The courier took it without a dispatch, and sold it offline.
    world.must(offline_sale(1, parcel, 4_000));
    let standing = Refusal::RefundFirst(Amount::of(4_000));
    world.refused(amend_due(parcel, 1, 5_000), standing.clone());
    world.refused(cancel_parcel(parcel), standing);
    world.must(resolve_advice(first(parcel), ResponseCode::APPROVED));
    world.must(refund(first(parcel), 1, 4_000));
    world.must(amend_due(parcel, 1, 5_000)).must(cancel_parcel(parcel));
    world.must(confirm_refund(first(parcel), 1, 4_000));
    assert_eq!(world.sum(A::BuyerRefunds), 0);
    // A sale that comes after the end is the buyer's.
    world.must(offline_sale(2, parcel, 3_000));
    assert_eq!(world.sum(A::BuyerRefunds), 3_000);
    assert_eq!(world.view(parcel).state, S::Cancelled);
}

#[test]
fn a_withdrawn_parcel_is_forgotten_like_others_that_ended() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).id();
    world.must(amend_due(parcel, 1, 5_000)).must(cancel_parcel(parcel));
    world.on("2014-08-28");
    let before = day("2014-02-28");
    world.must(Command::ForgetClosed(ForgetClosed { before, limit: 1_000 }));
    assert_eq!(world.events(), [Event::ParcelForgotten { parcel }]);
    assert_eq!(world.engine.parcel_view(parcel), None);
    // Its amendments are forgotten too: the order begins anew.
    let again = world.parcel("o-1", 10_000).id();
    world.must(amend_due(again, 1, 7_000));
}

#[test]
fn a_parcel_that_was_never_assigned_and_is_out_again_knows_that() {
    let mut world = World::open();
    world.must(open_batch(1));
    let parcel = world.parcel("o-1", 4_000).id();
    // Taken and sold offline without an assignment: delivered, and then reversed.
    world.must(offline_sale(1, parcel, 4_000));
    world.must(resolve_advice(first(parcel), ResponseCode::APPROVED));
    world.must(begin_reversal(first(parcel))).must(reversal_done(first(parcel)));
    assert_eq!((world.view(parcel).state, world.view(parcel).assignments), (S::Out, 0));
    world.refused(assign(parcel), Refusal::ParcelState);
    world.must(attempt(parcel, 1)).must(assign(parcel)).must(dispatch_all(COURIER, &[(parcel, 2)]));
    // Delivered once more, and out again.
    world.parcel_steps(parcel).cash(4_000).reverse();
    assert_eq!(world.view(parcel).assignments, 1);
}

#[test]
fn a_withdrawn_parcel_is_listed_without_a_courier() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).id();
    world.must(cancel_parcel(parcel));
    let listed: Vec<_> = world.engine.parcels().filter(|one| one.id == parcel).collect();
    let [one] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((one.view.state, one.firm, one.courier), (S::Cancelled, None, None));
    assert_eq!((one.left, one.date), (Amount::ZERO, Some(day("2013-08-28"))));
}
