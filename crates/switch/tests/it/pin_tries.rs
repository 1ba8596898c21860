//! A limited number of wrong PINs reaches a network: by card and day, by terminal and hour.

use peers::card::EntryMode;
use peers::{TerminalOutcome, TerminalTask, TestCard};
use switch::WrongPinLimits;

use crate::world::*;

const HOUR_MS: u64 = 3_600_000;

fn code_of(heard: TerminalOutcome) -> String {
    match heard {
        TerminalOutcome::Declined(declined) => declined.code.to_string() + &declined.text,
        TerminalOutcome::Approved { .. } | TerminalOutcome::Balance(_) => "00".to_owned(),
        other => panic!("{other:?}"),
    }
}

/// Tries a card with a right or wrong PIN. Returns code and text.
fn try_pin(world: &mut World, place: usize, card: &TestCard, right: bool) -> String {
    let text = waybill(world.parcel(100));
    let pin = if right { card.pin() } else { card.wrong_pin() };
    let task = TerminalTask::Sale { waybill: &text, card, amount: 100, pin: Some(&pin) };
    code_of(world.run(place, task))
}

fn asked(world: &World) -> usize {
    world.networks[0].peer.book().items().len()
}

#[test]
fn a_card_has_three_wrong_pins_in_a_row() {
    let mut world = World::open();
    let card = card(1);
    for code in ["55", "55", "00", "55", "55", "55"] {
        assert_eq!(try_pin(&mut world, 0, &card, code == "00"), code);
    }
    let before = asked(&world);
    // Not at this terminal, not at another one, and not with the right PIN.
    world.sign_on(1);
    for place in [0, 1] {
        assert_eq!(try_pin(&mut world, place, &card, true), "75card");
    }
    let pin = card.pin();
    assert_eq!(
        code_of(world.run(0, TerminalTask::Balance { card: &card, pin: Some(&pin) })),
        "75card"
    );
    assert_eq!(asked(&world), before, "no network is asked");
    // Without a PIN, with another card, and on the next day it is as before.
    let text = waybill(world.parcel(100));
    world.approved(0, TerminalTask::Sale { waybill: &text, card: &card, amount: 100, pin: None });
    assert_eq!(try_pin(&mut world, 0, &crate::world::card(2), true), "00");
    assert_eq!(try_pin(&mut world, 0, &card, true), "75card", "nothing but a right PIN forgets");
    world.advance_to(world.now + 24 * HOUR_MS);
    world.run_until_idle();
    assert_eq!(try_pin(&mut world, 0, &card, true), "00");
    world.assert_books_agree();
}

#[test]
fn a_restart_does_not_give_a_card_more_tries() {
    let mut world = World::open();
    let card = card(1);
    for _ in 0..3 {
        assert_eq!(try_pin(&mut world, 0, &card, false), "55");
    }
    world.crash();
    world.sign_on(0);
    assert_eq!(try_pin(&mut world, 0, &card, true), "75card");
    assert_eq!(try_pin(&mut world, 0, &crate::world::card(2), true), "00");
}

#[test]
fn balance_inquiries_try_pins_as_well() {
    let mut world = World::open();
    let card = card(1);
    let (right, wrong) = (card.pin(), card.wrong_pin());
    for (pin, code) in [(&wrong, "55"), (&wrong, "55"), (&wrong, "55"), (&right, "75card")] {
        let task = TerminalTask::Balance { card: &card, pin: Some(pin) };
        assert_eq!(code_of(world.run(0, task)), code);
    }
}

#[test]
fn requests_at_once_do_not_get_past_the_limit() {
    let mut world = World::open();
    let card = card(1);
    let wrong = card.wrong_pin();
    for place in [1, 2] {
        world.sign_on(place);
    }
    assert_eq!(try_pin(&mut world, 0, &card, false), "55");
    let parcels = [world.parcel(100), world.parcel(100), world.parcel_with(COLLEAGUE, 100)];
    for (place, text) in parcels.map(waybill).iter().enumerate() {
        let task =
            TerminalTask::Sale { waybill: text, card: &card, amount: 100, pin: Some(&wrong) };
        world.ask(place, task).unwrap();
        world.switch_receives_from_terminal();
    }
    world.settle();
    let codes = [0, 1, 2].map(|place| code_of(world.terminals[place].responses.pop().unwrap()));
    assert_eq!(codes, ["55", "55", "75card"]);
}

#[test]
fn a_terminal_has_a_limited_number_of_wrong_pins_in_an_hour() {
    let mut world = World::open();
    // At the beginning of an hour of the clock.
    world.advance_to(world.now.div_ceil(HOUR_MS) * HOUR_MS);
    world.settle();
    for number in 1..=10 {
        assert_eq!(try_pin(&mut world, 0, &card(number), false), "55", "card {number}");
    }
    assert_eq!(try_pin(&mut world, 0, &card(11), true), "75terminal");
    world.sign_on(1);
    assert_eq!(try_pin(&mut world, 1, &card(11), true), "00", "another terminal");
    world.crash();
    world.sign_on(0);
    assert_eq!(try_pin(&mut world, 0, &card(11), true), "75terminal");
    // The limit changes while Doorstep runs.
    let mut settings = world.settings.clone();
    settings.terminals.wrong_pins = WrongPinLimits { per_terminal: 11, per_card: 3 };
    world.switch.change_settings(&settings);
    assert_eq!(try_pin(&mut world, 0, &card(11), true), "00");
    world.switch.change_settings(&world.settings.clone());
    assert_eq!(try_pin(&mut world, 0, &card(11), true), "75terminal");
    world.advance_to(world.now + HOUR_MS);
    world.run_until_idle();
    assert_eq!(try_pin(&mut world, 0, &card(11), true), "00");
}

#[test]
fn an_unreadable_pin_block_counts_for_the_terminal_only() {
    let mut world = World::open();
    world.advance_to(world.now.div_ceil(HOUR_MS) * HOUR_MS);
    world.settle();
    let card = TestCard::generate(BIN, 1, EntryMode::Chip);
    for count in 0..11 {
        let (text, pin) = (waybill(world.parcel(100)), card.pin());
        let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 100, pin: Some(&pin) };
        world.ask(0, task).unwrap();
        world.forge(None, &[52], |builder| {
            builder.bytes(52, [7; 16]);
        });
        world.settle();
        let heard = world.terminals[0].responses.last().unwrap().clone();
        assert_eq!(code_of(heard), if count < 10 { "55" } else { "75terminal" });
    }
    world.sign_on(1);
    assert_eq!(try_pin(&mut world, 1, &card, true), "00");
    assert_eq!(asked(&world), 1);
}
