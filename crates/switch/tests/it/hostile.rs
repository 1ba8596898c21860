//! Hostile input from either side: no panic, and the books are unchanged.

use peers::TerminalTask;
use proptest::prelude::*;

use crate::world::*;

/// Damages a message.
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
fn requests_beyond_the_maximum_in_flight_are_answered_with_96() {
    let mut world = World::open();
    world.ask(0, TerminalTask::Parameters).unwrap();
    let (line, message) = world.from_terminal.pop_front().unwrap();
    let mut asked = 0;
    while world.switch.in_flight() < 65_536 {
        world.from_terminal.push_back((line, message.clone()));
        world.switch_receives_from_terminal();
        asked += 1;
        assert!(asked <= 65_536);
    }
    let mut wrong = message.clone();
    *wrong.last_mut().unwrap() ^= 1;
    world.from_terminal.extend([(line, message), (line, wrong)]);
    world.switch_receives_from_terminal();
    assert_eq!(world.last_response().0, "96");
    world.switch_receives_from_terminal();
    assert_eq!(world.last_response().0, "A0", "the MAC is still checked first");
    while world.books_step() {}
    assert_eq!(world.switch.in_flight(), 0);
    assert_eq!(world.last_response().0, "00");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_cause_no_panic(all in prop::collection::vec(
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
        world.assert_books_agree();
    }

    #[test]
    fn damaged_messages_cause_no_panic(
        edits in prop::collection::vec((any::<usize>(), any::<u8>()), 0..6),
        length in 0_usize..20,
    ) {
        let mut world = World::open();
        let parcel = world.parcel(10_000);
        let (text, card) = (waybill(parcel), card(1));
        let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
        world.ask(0, task).unwrap();
        let message = world.from_terminal[0].1.clone();
        world.send(0, damaged(message, &edits, length));
        world.terminals[0].connection = switch::TerminalConnection(10);
        world.switch_receives_from_terminal();
        world.books_step();
        world.network_receives();
        let Some((link, answer)) = world.to_switch.front().cloned() else { return Ok(()) };
        world.to_switch.push_front((link, damaged(answer, &edits, length)));
        world.run_until_idle();
        prop_assert!(world.engine.check().is_ok());
    }

    #[test]
    fn forged_fields_are_refused(
        field in 2_u8..64,
        text in "[0-9A-Z ]{0,40}",
        mti in 0_u16..10_000,
    ) {
        let mut world = World::open();
        let parcel = world.parcel(10_000);
        let (text58, card) = (waybill(parcel), card(1));
        let task = TerminalTask::Sale { waybill: &text58, card: &card, amount: 10_000, pin: None };
        world.ask(0, task).unwrap();
        let mti = [Some(mti), None][usize::from(mti % 2)];
        world.forge_field_if_valid(mti, field, &text);
        world.settle_ignoring_terminals();
        prop_assert!(world.engine.check().is_ok());
    }
}
