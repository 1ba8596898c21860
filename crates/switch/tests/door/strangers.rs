//! Whoever has no key and makes messages up learns nothing and gets nothing: no answer has a MAC
//! before the MAC of its question was right.

use engine::{Command, TerminalId};
use iso8583::{Builder, Envelope, UNIONPAY_POS};
use peers::Task;
use switch::{Happening, Output};

use crate::world::*;

/// A message under a wrong key is heard: its answer is A0 without a MAC, and that is all.
fn a0_and_no_more(world: &mut World) {
    let (line, mut message) = world.from_terminal.pop_front().unwrap();
    *message.last_mut().unwrap() ^= 1;
    let (mut out, at) = (Vec::new(), world.at());
    world.switch.terminal(line, &mut message, at, &mut out);
    let answers = out.iter().filter(|output| !matches!(output, Output::Happened(_)));
    let answers: Vec<&Output> = answers.collect();
    assert!(matches!(answers[..], [Output::ToTerminal { .. }]), "{answers:?}");
    world.take(out);
    assert_eq!(world.told().0, "A0");
    assert!(!has_mac(world));
    assert_eq!(world.switch.in_flight(), 0);
}

/// Whether the last answer that is on its way to a terminal has a MAC.
fn has_mac(world: &World) -> bool {
    let (_, bytes) = world.to_terminal.back().unwrap();
    let (_, _, message) = Envelope::parse(bytes).unwrap();
    UNIONPAY_POS.parse(message).unwrap().has(64)
}

/// A sale is on its way; whoever has the key of a terminal has made something else of it.
fn sale(world: &mut World, without: &[u8], edit: impl Fn(&mut Builder<'_>)) {
    let text = waybill(world.parcel(10_000));
    let card = card(1);
    world.ask(0, Task::Sell { waybill: &text, card: &card, amount: 10_000, pin: None }).unwrap();
    world.forge(None, without, edit);
}

fn heard(world: &mut World) -> String {
    while world.switch_hears_terminal() || world.book() {}
    world.told().0
}

#[test]
fn whose_mac_is_wrong_hears_nothing_else_whatever_is_wrong_beside() {
    type Edit = fn(&mut Builder<'_>);
    let cases: [(&[u8], Edit, &str); 7] = [
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
            &[41],
            |builder| {
                builder.text(41, "00000009");
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
        a0_and_no_more(&mut open());
        let mut world = open();
        assert_eq!(heard(&mut world), code);
        assert!(has_mac(&world), "{code}");
    }
}

#[test]
fn whose_mac_is_wrong_does_not_hear_that_a_terminal_is_blocked() {
    let mut world = World::open();
    world.must(Command::BlockTerminal { terminal: TerminalId(1), blocked: true });
    let card = card(1);
    for wrong in [true, false] {
        world.ask(0, Task::Balance { card: &card, pin: None }).unwrap();
        if wrong {
            a0_and_no_more(&mut world);
            world.terminals[0].terminal.timed_out(u64::MAX);
        }
    }
    assert_eq!(heard(&mut world), "58");
}

#[test]
fn messages_that_are_made_up_do_not_reach_the_books_while_the_switch_knows_nobody() {
    let mut world = World::open();
    world.crash();
    sale(&mut world, &[], |_| {});
    a0_and_no_more(&mut world);
    assert!(world.books.is_empty());
    assert!(world.happened.contains(&Happening::WrongMac(TerminalId(1))));
}
