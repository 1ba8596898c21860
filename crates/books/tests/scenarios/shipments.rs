//! The shipments of an order, and stale duplicates on a parcel's way.

use books::view::ParcelState as S;
use books::*;

use crate::world::*;

fn first_shipment() -> ParcelId {
    ParcelId::derived(SELLER, "o-1")
}

fn return_parcel(parcel: ParcelId) -> Command {
    Command::ReturnParcel(ReturnParcel { parcel })
}

fn lose(parcel: ParcelId) -> Command {
    crate::world::lose(parcel, DamagePayer::Doorstep)
}

/// The order's shipment with this number.
fn shipment(number: u8) -> Command {
    announce_shipment(SELLER, "o-1", 10_000, number)
}

#[test]
fn an_order_is_shipped_again_after_a_return_and_after_a_loss() {
    let mut world = World::open();
    let first = world.parcel("o-1", 10_000).dispatch().refuse().return_to_seller().id();
    // The first announcement is no retry any more: another parcel would be on its way.
    world.refused(shipment(1), Refusal::ShipmentEnded);
    let second = first.shipment(2);
    world.must(shipment(2)).repeated(shipment(2));
    world.refused(shipment(1), Refusal::ShipmentEnded);
    assert_eq!((world.view(first).state, world.view(second).state), (S::Returned, S::Announced));
    world.must(lose(second)).refused(shipment(2), Refusal::ShipmentEnded);
    // The third one may cost something else, and is paid and delivered.
    let third = first.shipment(3);
    world.must(announce_shipment(SELLER, "o-1", 8_000, 3));
    world.parcel_steps(third).dispatch().cash(8_000);
    assert_eq!(world.view(third).state, S::Delivered);
    world.repeated(announce_shipment(SELLER, "o-1", 8_000, 3));
    world.refused(shipment(4), Refusal::EarlierShipment);
    let (last, view) = world.engine.last_shipment(first).unwrap();
    assert_eq!((last, view.state), (3, S::Delivered));
    assert_eq!(world.engine.last_shipment(ParcelId::derived(SELLER, "o-2")), None);
}

#[test]
fn an_order_has_one_open_shipment_at_a_time() {
    let mut world = World::open();
    let missing = Refusal::NotFound(MissingRecord::Parcel(first_shipment()));
    world.refused(shipment(2), missing);
    let parcel = world.parcel("o-1", 10_000).id();
    world.refused(shipment(2), Refusal::EarlierShipment);
    world.parcel_steps(parcel).dispatch();
    world.refused(shipment(2), Refusal::EarlierShipment);
    // A refused parcel is not back yet.
    world.must(refuse(parcel)).refused(shipment(2), Refusal::EarlierShipment);
    world.must(return_parcel(parcel));
    let third = Refusal::NotFound(MissingRecord::Parcel(parcel.shipment(2)));
    world.refused(shipment(3), third).must(shipment(2));
    assert_eq!(world.engine.known_parcel_count(), 2);
}

#[test]
fn a_shipment_with_other_content_is_refused() {
    let mut world = World::open();
    let first = world.parcel("o-1", 10_000).id();
    world.must(lose(first));
    let with = |seller, due| {
        let Command::AnnounceParcel(mut command) = shipment(2) else { unreachable!("announced") };
        (command.seller, command.due) = (seller, money::Amount::of(due));
        Command::AnnounceParcel(command)
    };
    // An order stays with its seller.
    world.refused(with(OTHER_SELLER, 10_000), Refusal::IdentifierTaken);
    world.must(with(SELLER, 9_000)).repeated(with(SELLER, 9_000));
    world.refused(with(SELLER, 10_000), Refusal::IdentifierTaken);
    world.refused(with(OTHER_SELLER, 9_000), Refusal::IdentifierTaken);
    // The number belongs to the content.
    let Command::AnnounceParcel(mut other) = with(SELLER, 9_000) else { unreachable!("announced") };
    other.shipment = 1;
    world.refused(Command::AnnounceParcel(other), Refusal::IdentifierTaken);
}

#[test]
fn an_order_has_eight_shipments() {
    let mut world = World::open();
    let first = first_shipment();
    for number in 1..=SHIPMENTS_PER_ORDER_MAX {
        world.must(shipment(number)).must(lose(first.shipment(number)));
    }
    assert_eq!(world.engine.known_parcel_count(), 8);
    let announced = |number| {
        let Command::AnnounceParcel(command) = shipment(1) else { unreachable!("announced") };
        Command::AnnounceParcel(AnnounceParcel { shipment: number, ..command })
    };
    for number in [0, SHIPMENTS_PER_ORDER_MAX + 1, u8::MAX] {
        world.refused(announced(number), Refusal::OutOfRange(8));
    }
}

#[test]
fn a_forgotten_shipment_is_not_announced_again_beside_a_later_one() {
    let mut world = World::open();
    let first = world.parcel("o-1", 10_000).id();
    world.must(lose(first)).on("2014-01-01");
    world.must(shipment(2)).must(lose(first.shipment(2))).must(shipment(3));
    world.on("2014-07-15");
    let (before, limit) = (day("2014-01-16"), RECORDS_PER_COMMAND_MAX);
    world.must(Command::ForgetClosed(ForgetClosed { before, limit }));
    assert_eq!(world.engine.known_parcel_count(), 1);
    world.refused(shipment(1), Refusal::ShipmentEnded);
    let forgotten = Refusal::NotFound(MissingRecord::Parcel(first));
    world.refused(shipment(2), forgotten).repeated(shipment(3));
}

#[test]
fn a_stale_dispatch_does_not_send_a_parcel_out_again() {
    let mut world = World::open();
    let parcel = world.parcel("o-1", 10_000).dispatch().id();
    let out = |courier, attempt| dispatch_all(courier, &[(parcel, attempt)]);
    world.repeated(out(COURIER, 1)).refused(out(COLLEAGUE, 1), Refusal::NumberUsed(1));
    world.refused(out(COURIER, 2), Refusal::ParcelState);
    world.must(attempt(parcel, 1));
    // Nobody knows who had it: the duplicate is late.
    world.refused(out(COURIER, 1), Refusal::NumberForgotten(1));
    assert_eq!(world.view(parcel).state, S::Assigned);
    for wrong in [0, 3, u8::MAX] {
        world.refused(out(COURIER, wrong), Refusal::WrongSequenceNumber(2));
    }
    world.must(out(COLLEAGUE, 2)).repeated(out(COLLEAGUE, 2));
    world.refused(out(COURIER, 1), Refusal::NumberForgotten(1));
    world.parcel_steps(parcel).refuse();
    world.refused(out(COLLEAGUE, 2), Refusal::ParcelState);
}

#[test]
fn a_repeated_list_is_no_retry_if_one_of_its_parcels_was_not_in_it() {
    let mut world = World::open();
    let first = world.parcel("o-1", 10_000).dispatch().id();
    let second = world.parcel("o-2", 10_000).id();
    world.must(assign(second));
    let both = dispatch_all(COURIER, &[(first, 1), (second, 1)]);
    world.refused(both.clone(), Refusal::NumberUsed(1));
    assert_eq!(world.view(second).state, S::Assigned);
    world.must(dispatch(second)).repeated(both);
}

#[test]
fn stale_duplicates_change_nothing_at_a_terminal() {
    let mut world = World::open();
    let hand = |number, courier| hand_terminal(TERMINAL, number, courier);
    let block = |number, blocked| block_terminal(TERMINAL, number, blocked);
    let state = |world: &World| {
        let view = world.engine.terminal_view(TERMINAL).unwrap();
        (view.courier, view.blocked, view.changes)
    };
    assert_eq!(state(&world), (COURIER, false, 0));
    world.must(hand(1, COLLEAGUE)).must(block(2, true)).must(hand(3, COURIER));
    world.must(block(4, false));
    assert_eq!(state(&world), (COURIER, false, 4));
    for late in [hand(1, COLLEAGUE), block(2, true), hand(3, COURIER), block(4, false)] {
        world.repeated(late);
    }
    for (other, number) in [(hand(2, COURIER), 2), (block(4, true), 4), (hand(1, COURIER), 1)] {
        world.refused(other, Refusal::NumberUsed(number));
    }
    for number in [0, 6, u32::MAX] {
        world.refused(block(number, true), Refusal::WrongSequenceNumber(5));
    }
    assert_eq!(state(&world), (COURIER, false, 4));
    for number in 5..=12 {
        world.must(block(number, number % 2 == 1));
    }
    world.refused(block(4, false), Refusal::NumberForgotten(4)).repeated(block(5, true));
}
