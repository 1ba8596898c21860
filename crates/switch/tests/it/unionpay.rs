//! Terminals that speak UnionPay's dialect: the central paths.

use iso8583::Envelope;
use peers::{TerminalOutcome, TerminalTask};
use switch::TerminalDialect;

use crate::world::*;

fn open() -> World {
    World::open_in(TerminalDialect::UNIONPAY)
}

fn sell(world: &mut World) -> u32 {
    let (text, card) = (waybill(world.parcel(10_000)), card(1));
    let pin = card.pin();
    let sale = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: Some(&pin) };
    world.approved(0, sale).stan
}

#[test]
fn a_day_with_pin_void_reversal_and_an_agreed_batch() {
    let mut world = open();
    sell(&mut world);
    let sold = sell(&mut world);
    world.approved(0, TerminalTask::Void { stan: sold });
    let (text, card) = (waybill(world.parcel(5_000)), card(2));
    let sale = TerminalTask::Sale { waybill: &text, card: &card, amount: 5_000, pin: None };
    world.ask(0, sale).unwrap();
    world.switch_receives_from_terminal();
    world.time_out_terminal(0);
    world.continue_terminal(0);
    world.run_until_idle();
    let heard = world.run(0, TerminalTask::Settle);
    assert!(matches!(heard, TerminalOutcome::BatchAgreed { batch: 1, .. }), "{heard:?}");
    world.sign_on(0);
    sell(&mut world);
    world.assert_books_agree();
}

#[test]
fn each_sign_on_makes_new_keys_and_the_old_ones_stop() {
    let mut world = open();
    world.ask(0, TerminalTask::Parameters).unwrap();
    let message = world.from_terminal.back().unwrap().1.clone();
    world.settle();
    world.send(0, message.clone());
    world.switch_receives_from_terminal();
    while world.books_step() {}
    assert_eq!(world.last_response().0, "00");
    world.to_terminal.clear();
    world.sign_on(0);
    world.run(0, TerminalTask::Parameters);
    world.send(0, message);
    world.switch_receives_from_terminal();
    assert_eq!(world.last_response().0, "A0");
}

#[test]
fn after_a_restart_a_terminal_signs_on_again() {
    let mut world = open();
    sell(&mut world);
    world.crash();
    sell(&mut world);
    world.assert_books_agree();
}

#[test]
fn an_unreadable_pin_block_is_a_wrong_pin() {
    let mut world = open();
    let (text, card) = (waybill(world.parcel(10_000)), card(1));
    let pin = card.pin();
    let sale = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: Some(&pin) };
    world.ask(0, sale).unwrap();
    world.forge(None, &[52], |builder| {
        builder.bytes(52, [0x5A; 8]);
    });
    while world.switch_receives_from_terminal() || world.books_step() {}
    let (_, bytes) = world.to_terminal.back().unwrap();
    let message = Envelope::parse(bytes).unwrap().2;
    assert!(world.packager().parse(message).unwrap().has(64));
    assert_eq!(world.last_response().0, "55");
}
