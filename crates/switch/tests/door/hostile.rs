//! Whatever comes, on whichever side: no panic, and the books are not touched.

use peers::Task;
use proptest::prelude::*;

use crate::world::*;

/// A message that is on its way, and where it is damaged.
fn damaged(mut message: Vec<u8>, edits: &[(usize, u8)], length: usize) -> Vec<u8> {
    for (place, byte) in edits {
        let places = message.len().max(1);
        if let Some(at) = message.get_mut(place % places) {
            *at = *byte;
        }
    }
    message.truncate(message.len().saturating_sub(length));
    message
}

#[test]
fn beyond_so_many_requests_under_way_terminals_are_told_to_come_again() {
    let mut world = World::open();
    let card = card(1);
    world.ask(0, Task::Balance { card: &card, pin: None }).unwrap();
    let (line, message) = world.from_terminal.pop_front().unwrap();
    let mut asked = 0;
    while world.switch.in_flight() < 65_536 {
        world.from_terminal.push_back((line, message.clone()));
        world.switch_hears_terminal();
        while world.book() {}
        world.to_network.clear();
        asked += 1;
        assert!(asked <= 65_536);
    }
    let mut wrong = message.clone();
    *wrong.last_mut().unwrap() ^= 1;
    world.from_terminal.extend([(line, message), (line, wrong)]);
    world.switch_hears_terminal();
    assert_eq!(world.told().0, "96");
    world.switch_hears_terminal();
    assert_eq!(world.told().0, "A0", "also then the MAC is checked first");
    world.time_passes(world.now + 15_001);
    assert_eq!(world.switch.in_flight(), 0);
    assert_eq!(world.told().0, "68");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_heard_without_a_panic(all in prop::collection::vec(
        prop::collection::vec(any::<u8>(), 0..300), 1..20)) {
        let mut world = World::open();
        let before = world.engine.digest();
        for bytes in all {
            world.send(0, bytes.clone());
            world.to_switch.push_back((link_id(0, 0), bytes.clone()));
            world.to_switch.push_back((link_id(0, 9), bytes));
            world.settle();
        }
        prop_assert_eq!(world.engine.digest(), before);
        let parcel = world.parcel(100);
        world.sell(parcel, 100);
        world.agree();
    }

    #[test]
    fn damaged_messages_are_heard_without_a_panic(
        edits in prop::collection::vec((any::<usize>(), any::<u8>()), 0..6),
        length in 0_usize..20,
    ) {
        let mut world = World::open();
        let parcel = world.parcel(10_000);
        let (text, card) = (waybill(parcel), card(1));
        let task = Task::Sell { waybill: &text, card: &card, amount: 10_000, pin: None };
        world.ask(0, task).unwrap();
        let message = world.from_terminal[0].1.clone();
        world.send(0, damaged(message, &edits, length));
        world.terminals[0].line = switch::Line(10);
        world.switch_hears_terminal();
        world.book();
        world.network_hears();
        let Some((link, answer)) = world.to_switch.front().cloned() else { return Ok(()) };
        world.to_switch.push_front((link, damaged(answer, &edits, length)));
        world.quiet();
        prop_assert!(world.engine.check().is_ok());
    }

    #[test]
    fn well_sealed_nonsense_is_refused(
        field in 2_u8..64,
        text in "[0-9A-Z ]{0,40}",
        mti in 0_u16..10_000,
    ) {
        let mut world = World::open();
        let parcel = world.parcel(10_000);
        let (text58, card) = (waybill(parcel), card(1));
        let task = Task::Sell { waybill: &text58, card: &card, amount: 10_000, pin: None };
        world.ask(0, task).unwrap();
        let mti = [Some(mti), None][usize::from(mti % 2)];
        world.forge_if_it_can_be(mti, field, &text);
        world.settle_whatever_is_heard();
        prop_assert!(world.engine.check().is_ok());
    }
}
