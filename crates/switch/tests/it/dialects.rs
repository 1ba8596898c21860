//! Terminals of both dialects at one switch, each at the listener of its dialect.

use peers::{TerminalOutcome, TerminalTask};
use switch::{AuthenticationFailure, TerminalDialect};

use crate::world::*;

/// Terminal 1 is Doorstep's and signed on. The last terminal is UnionPay's, with key and number.
fn with_unionpay(number: u32) -> (World, usize) {
    let mut world = World::open();
    world.terminals.push(TerminalPeer::new(TerminalDialect::UNIONPAY, number));
    (world, 3)
}

/// The failures since the last call.
fn failures(world: &mut World) -> Vec<AuthenticationFailure> {
    let found = world.authentication_failures().into_iter().map(|(_, failure)| failure).collect();
    world.operator_events.clear();
    found
}

#[test]
fn terminals_of_both_dialects_sell_side_by_side() {
    let (own, unionpay) = (TerminalDialect::DOORSTEP, TerminalDialect::UNIONPAY);
    let mut world = World::closed_in([own, unionpay, own, own], 1, 1);
    world.connect(0, 0);
    for place in [0, 1, 0, 1] {
        world.sign_on(place);
        let (text, card) = (waybill(world.parcel(10_000)), card(1));
        let pin = card.pin();
        let sale =
            TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: Some(&pin) };
        let sold = world.approved(place, sale).stan;
        world.approved(place, TerminalTask::Void { stan: sold });
    }
    assert_eq!(failures(&mut world), []);
    world.assert_books_agree();
}

#[test]
fn a_terminal_is_used_only_in_the_dialect_of_its_key() {
    // Its own key in the store is for Doorstep's dialect.
    let (mut world, unionpay) = with_unionpay(1);
    let journal = world.journal.len();
    assert_eq!(world.declined(unionpay, TerminalTask::SignOn), "A0");
    assert_eq!(failures(&mut world), [AuthenticationFailure::OtherDialect]);
    assert_eq!(world.journal.len(), journal, "no batch is opened");
    // Its session and messages are of no use at the other listener.
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let cash = TerminalTask::Cash { waybill: &text, amount: 10_000, tendered: 10_000 };
    world.ask(0, cash).unwrap();
    let (_, message) = world.from_terminal.pop_front().unwrap();
    world.send(unionpay, message.clone());
    let journal = world.journal.len();
    world.settle();
    assert_eq!(failures(&mut world), [AuthenticationFailure::NoSession]);
    assert_eq!(world.journal.len(), journal);
    world.send(0, message);
    world.settle();
    let heard = world.terminals[0].responses.last();
    assert!(matches!(heard, Some(TerminalOutcome::Approved { .. })), "{heard:?}");
    assert_eq!(world.collected(parcel), 10_000);
    let sale = TerminalTask::Sale { waybill: &text, card: &card, amount: 1, pin: None };
    assert_eq!(world.declined(0, sale), "P3", "it is paid");
}

#[test]
fn a_terminal_with_a_derived_key_has_the_dialect_of_the_settings() {
    for derived in [TerminalDialect::DOORSTEP, TerminalDialect::UNIONPAY] {
        let mut world = World::open_in(derived);
        for dialect in [TerminalDialect::DOORSTEP, TerminalDialect::UNIONPAY] {
            // Terminal 9 has no key in the store, and the peer another one than the derived.
            world.terminals.push(TerminalPeer::new(dialect, 9));
            let place = world.terminals.len() - 1;
            world.ask(place, TerminalTask::SignOn).unwrap();
            while world.switch_receives_from_terminal() || world.books_step() {}
            let expected = match (dialect == derived, dialect.proves_terminals()) {
                (false, _) => AuthenticationFailure::OtherDialect,
                (true, true) => AuthenticationFailure::WrongMac,
                (true, false) => AuthenticationFailure::NotRegistered,
            };
            assert_eq!(failures(&mut world), [expected], "{derived:?} {dialect:?}");
            world.to_terminal.clear();
        }
    }
}
