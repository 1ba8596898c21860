//! Forged messages without a valid MAC: their answers have no MAC and reveal nothing.

use books::{BlockTerminal, Command, TerminalId};
use iso8583::{DOORSTEP_POS, Envelope, MessageBuilder};
use peers::TerminalTask;
use switch::{AuthenticationFailure, Output};

use crate::world::*;

/// Delivers a message under a wrong key: the only output is A0 without a MAC.
fn assert_only_a0(world: &mut World) {
    let (line, mut message) = world.from_terminal.pop_front().unwrap();
    *message.last_mut().unwrap() ^= 1;
    let (mut out, at) = (Vec::new(), world.at());
    let dialect = world.dialect_at(line);
    world.switch.on_terminal_message(line, dialect, &mut message, at, &mut out);
    let answers = out.iter().filter(|output| !matches!(output, Output::OperatorEvent(_)));
    let answers: Vec<&Output> = answers.collect();
    assert!(matches!(answers[..], [Output::ToTerminal { .. }]), "{answers:?}");
    world.queue_outputs(out);
    assert_eq!(world.last_response().0, "A0");
    assert!(!has_mac(world));
    assert_eq!(world.switch.in_flight(), 0);
}

/// Whether the last response to a terminal has a MAC.
fn has_mac(world: &World) -> bool {
    let (_, bytes) = world.to_terminal.back().unwrap();
    let (_, _, message) = Envelope::parse(bytes).unwrap();
    DOORSTEP_POS.parse(message).unwrap().has(64)
}

/// Sends a sale that was edited with the terminal's key.
fn sale(world: &mut World, without: &[u8], edit: impl Fn(&mut MessageBuilder<'_>)) {
    let text = waybill(world.parcel(10_000));
    let card = card(1);
    world
        .ask(0, TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None })
        .unwrap();
    world.forge(None, without, edit);
}

fn heard(world: &mut World) -> String {
    while world.switch_receives_from_terminal() || world.books_step() {}
    world.last_response().0
}

#[test]
fn a_wrong_mac_hides_all_other_errors() {
    type Edit = fn(&mut MessageBuilder<'_>);
    let cases: [(&[u8], Edit, &str); 6] = [
        (&[], |_| {}, "96"),
        (&[4], |_| {}, "30"),
        (&[13], |_| {}, "30"),
        (
            &[49],
            |builder| {
                builder.text(49, "840");
            },
            "30",
        ),
        (
            &[42],
            |builder| {
                builder.bytes(42, b"898310042150002");
            },
            "97",
        ),
        (
            &[60],
            |builder| {
                builder.text(60, "22000009");
            },
            "77",
        ),
    ];
    for (without, edit, code) in cases {
        let open = || {
            let mut world = World::open();
            sale(&mut world, without, edit);
            if code == "96" {
                world.switch.stop();
            }
            world
        };
        assert_only_a0(&mut open());
        let mut world = open();
        assert_eq!(heard(&mut world), code);
        assert!(has_mac(&world), "{code}");
    }
}

#[test]
fn a_wrong_mac_hides_that_a_terminal_is_blocked() {
    let mut world = World::open();
    let (terminal, blocked) = (TerminalId(1), true);
    world.apply(Command::BlockTerminal(BlockTerminal { terminal, blocked, number: 2 }));
    let card = card(1);
    for wrong in [true, false] {
        world.ask(0, TerminalTask::Balance { card: &card, pin: None }).unwrap();
        if wrong {
            assert_only_a0(&mut world);
            world.terminals[0].terminal.on_timeout(u64::MAX);
        }
    }
    assert_eq!(heard(&mut world), "58");
}

#[test]
fn forged_messages_do_not_reach_the_books() {
    let mut world = World::open();
    world.crash();
    sale(&mut world, &[], |_| {});
    assert_only_a0(&mut world);
    assert!(world.books.is_empty());
    let failed = [(TerminalId(1), AuthenticationFailure::NoSession)];
    assert_eq!(world.authentication_failures(), failed, "after a restart nobody has a session");
    let mut world = World::open();
    sale(&mut world, &[], |_| {});
    assert_only_a0(&mut world);
    assert!(world.books.is_empty());
    let failed = [(TerminalId(1), AuthenticationFailure::WrongMac)];
    assert_eq!(world.authentication_failures(), failed);
}
