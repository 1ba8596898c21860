//! Terminals' reversals of what never came, or comes after them.

use engine::{Command, Event, TerminalId, Trace};
use peers::terminal::Receipt;
use peers::{Heard, Task};
use switch::{Code, Happening};

use crate::world::*;

/// What a terminal may take back, each with what must be there before.
const KINDS: [&str; 7] = ["sale", "hold", "void", "let go", "completion", "cash", "qr"];

fn ask(world: &mut World, kind: &str) {
    let (text, card) = (waybill(world.parcel(10_000)), card(1));
    let (waybill, amount) = (&*text, 10_000);
    let sale: Option<Receipt> = (kind == "void").then(|| {
        let parcel = world.parcel(10_000);
        world.sell(parcel, 10_000)
    });
    let hold: Option<Receipt> = ["let go", "completion"].contains(&kind).then(|| {
        let parcel = world.parcel(10_000);
        world.pre_authorise(parcel, 10_000)
    });
    let before = sale.or(hold).map_or(0, |receipt| receipt.stan);
    let task = match kind {
        "sale" => Task::Sell { waybill, card: &card, amount, pin: None },
        "hold" => Task::PreAuthorise { waybill, card: &card, amount, pin: None },
        "void" => Task::Void { stan: before },
        "let go" => Task::VoidPreAuthorisation { stan: before },
        "completion" => Task::Complete { stan: before, amount: 6_000 },
        "cash" => Task::Cash { waybill, amount, tendered: amount },
        _ => Task::Qr { waybill, amount },
    };
    world.ask(0, task).unwrap();
}

/// The terminal gives up what a gateway holds back, and reverses it.
fn reversed_before_it_comes(world: &mut World, kind: &str) -> (switch::Line, Vec<u8>) {
    ask(world, kind);
    let slow = world.from_terminal.pop_front().unwrap();
    world.terminal_times_out(0);
    assert!(world.go_on(0));
    slow
}

fn last_stan(world: &World) -> u32 {
    world.terminals[0].terminal.last_stan()
}

#[test]
fn what_comes_after_its_reversal_is_refused_also_after_a_restart() {
    for kind in KINDS {
        for crash in [false, true] {
            let mut world = World::open();
            let slow = reversed_before_it_comes(&mut world, kind);
            world.settle();
            let stan = last_stan(&world);
            let last = world.terminals[0].heard.last().unwrap().clone();
            assert_eq!(last, Heard::Reversed { stan, code: *b"25" });
            if crash {
                world.crash();
            }
            let before = world.engine.digest();
            world.from_terminal.push_back(slow);
            world.settle();
            assert_eq!(world.engine.digest(), before, "{kind}");
            let refused = Happening::Refused { terminal: TerminalId(1), stan, code: Code::USED };
            assert_eq!(world.happened.last(), Some(&refused), "{kind}");
            world.agree();
        }
    }
}

#[test]
fn what_comes_while_its_reversal_is_not_durable_is_behind_it() {
    for kind in KINDS {
        let mut world = World::open();
        let slow = reversed_before_it_comes(&mut world, kind);
        world.switch_hears_terminal();
        world.from_terminal.push_back(slow);
        world.switch_hears_terminal();
        world.settle();
        let (stan, code) = (last_stan(&world), Code::USED);
        let refused = Happening::Refused { terminal: TerminalId(1), stan, code };
        assert!(world.happened.contains(&refused), "{kind}: {:?}", world.happened);
        world.agree();
    }
}

#[test]
fn nobody_hears_that_something_never_came_before_that_is_durable() {
    for crash in [false, true] {
        let mut world = World::open();
        let slow = reversed_before_it_comes(&mut world, "sale");
        world.switch_hears_terminal();
        assert!(world.to_terminal.is_empty());
        if crash {
            world.book_unheard();
            world.crash();
            // What the terminal was not told holds all the same.
            world.from_terminal.push_back(slow);
            world.settle();
            assert!(!world.events.iter().any(|event| matches!(event, Event::Begun { .. })));
        } else {
            world.book();
            assert_eq!(world.to_terminal.len(), 1);
        }
        world.agree();
        let stan = last_stan(&world);
        let told = Heard::Reversed { stan, code: *b"25" };
        assert_eq!(*world.terminals[0].heard.last().unwrap(), told);
    }
}

#[test]
fn what_was_refused_and_reversed_is_refused_when_it_comes_again() {
    let mut world = World::open();
    let elsewhere = waybill(world.parcel_with(COLLEAGUE, 10_000));
    let task = Task::Cash { waybill: &elsewhere, amount: 10_000, tendered: 10_000 };
    world.ask(0, task).unwrap();
    let again = world.from_terminal[0].clone();
    world.switch_hears_terminal();
    world.book();
    world.gateway_dies(0);
    world.terminal_times_out(0);
    world.go_on(0);
    world.settle();
    world.crash();
    world.from_terminal.push_back(again);
    world.settle();
    let (stan, code) = (last_stan(&world), Code::USED);
    let refused = Happening::Refused { terminal: TerminalId(1), stan, code };
    assert_eq!(world.happened.last(), Some(&refused));
    world.agree();
}

#[test]
fn a_terminal_that_has_reversed_too_much_unheard_goes_on_and_settles() {
    let mut world = World::open();
    for stan in 1_000..1_999 {
        let trace = Trace { terminal: TerminalId(1), batch: 1, stan };
        world.must(Command::ReverseUnheard { trace });
    }
    let slow = reversed_before_it_comes(&mut world, "cash");
    world.settle();
    let stan = last_stan(&world);
    let last = world.terminals[0].heard.last().unwrap().clone();
    assert_eq!(last, Heard::Reversed { stan, code: *b"25" });
    // What it was promised holds: nothing begins in a full batch.
    let before = world.engine.digest();
    world.from_terminal.push_back(slow);
    world.settle();
    assert_eq!(world.engine.digest(), before);
    let text = waybill(world.parcel(10_000));
    assert_eq!(world.declined(0, Task::Cash { waybill: &text, amount: 1, tendered: 1 }), "61");
    assert!(matches!(world.does(0, Task::Settle), Heard::BatchAgreed { batch: 1, .. }));
}
