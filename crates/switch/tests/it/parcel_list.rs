//! The list of the parcels that a courier has out.

use books::{AttemptReason, BlockTerminal, Command, ParcelId, RecordAttempt, TerminalId};
use iso8583::MessageBuilder;
use peers::terminal::TerminalParcel;
use peers::{TerminalOutcome, TerminalTask};

use crate::world::*;

/// The whole list, and in how many parts it came.
fn list(world: &mut World, place: usize) -> (Vec<TerminalParcel>, usize) {
    let (mut listed, mut parts, mut from) = (Vec::new(), 0, Some(0));
    while let Some(position) = from {
        let heard = world.run(place, TerminalTask::Parcels { from: position });
        let TerminalOutcome::Parcels { parcels, next, .. } = heard else { panic!("{heard:?}") };
        listed.extend(parcels);
        (parts, from) = (parts + 1, next);
    }
    (listed, parts)
}

fn listed(parcel: ParcelId, due: u64, left: u64) -> TerminalParcel {
    TerminalParcel { waybill: waybill(parcel), due, left }
}

#[test]
fn a_terminal_lists_what_its_courier_has_out_and_what_is_left() {
    let mut world = World::open();
    assert_eq!(list(&mut world, 0), (Vec::new(), 1));
    let [sold, begun, back, whole] = [10_000, 20_000, 30_000, 40_000].map(|due| world.parcel(due));
    world.parcel_with(COLLEAGUE, 50_000);
    world.sell(sold, 10_000);
    world.pre_authorise(begun, 5_000);
    let attempt = RecordAttempt { parcel: back, number: 1, reason: AttemptReason::NobodyHome };
    world.apply(Command::RecordAttempt(attempt));
    let out = vec![listed(begun, 20_000, 15_000), listed(whole, 40_000, 40_000)];
    let before = world.engine.digest();
    assert_eq!(list(&mut world, 0), (out, 1));
    assert_eq!(world.engine.digest(), before);
    assert_eq!(world.switch.in_flight(), 0);
}

#[test]
fn a_long_list_comes_in_parts_of_fifteen() {
    let mut world = World::open();
    let out: Vec<_> = (1..=33).map(|due| (world.parcel(due * 100), due * 100)).collect();
    let out = out.into_iter().map(|(parcel, due)| listed(parcel, due, due)).collect();
    assert_eq!(list(&mut world, 0), (out, 3));
}

#[test]
fn a_blocked_terminal_lists_nothing() {
    let mut world = World::open();
    world.parcel(10_000);
    // Its first change set its offline limits.
    let (terminal, blocked) = (TerminalId(1), true);
    world.apply(Command::BlockTerminal(BlockTerminal { terminal, blocked, number: 2 }));
    assert_eq!(world.declined(0, TerminalTask::Parcels { from: 0 }), "58");
}

#[test]
fn a_list_needs_a_right_mac_and_a_right_position() {
    let mut world = World::open();
    world.parcel(10_000);
    let mut edited = |edit: &dyn Fn(&mut MessageBuilder<'_>)| {
        world.ask(0, TerminalTask::Parcels { from: 1 }).unwrap();
        world.forge(None, &[62], edit);
        while world.switch_receives_from_terminal() || world.books_step() {}
        let response = world.last_response();
        while world.terminal_receives() {}
        response
    };
    let position = |bytes: &'static [u8]| {
        move |builder: &mut MessageBuilder<'_>| {
            builder.bytes(62, bytes);
        }
    };
    for wrong in [
        &b"\xDF\x22\x05\x00\x00\x00\x00\x1A"[..],
        b"\xDF\x22\x05\x99\x99\x99\x99\x99",
        b"\xDF\x22\x01\x01",
        b"\xDF\x01\x01\x01",
        b"\xDF",
    ] {
        assert_eq!(edited(&position(wrong)).0, "30", "{wrong:?}");
    }
    assert_eq!(edited(&position(b"\xDF\x22\x05\x00\x00\x00\x00\x99")).0, "00", "past its end");
    world.ask(0, TerminalTask::Parcels { from: 0 }).unwrap();
    *world.from_terminal[0].1.last_mut().unwrap() ^= 1;
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(world.last_response().0, "A0");
}
