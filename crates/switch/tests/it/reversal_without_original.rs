//! Reversals whose original never arrives or arrives later.

use books::{Command, Event, RecordReversalWithoutOriginal, ResponseCode, Stan, TerminalId, Trace};
use peers::terminal::Receipt;
use peers::{TerminalOutcome, TerminalTask};
use switch::OperatorEvent;

use crate::world::*;

/// Reversible requests, each with its preparation.
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
        "sale" => TerminalTask::Sale { waybill, card: &card, amount, pin: None },
        "hold" => TerminalTask::PreAuthorisation { waybill, card: &card, amount, pin: None },
        "void" => TerminalTask::Void { stan: before },
        "let go" => TerminalTask::VoidPreAuthorisation { stan: before },
        "completion" => TerminalTask::Completion { stan: before, amount: 6_000 },
        "cash" => TerminalTask::Cash { waybill, amount, tendered: amount },
        _ => TerminalTask::Qr { waybill, amount },
    };
    world.ask(0, task).unwrap();
}

/// The terminal times out while a gateway holds its request back, and reverses it.
fn reverse_held_back_request(
    world: &mut World,
    kind: &str,
) -> (switch::TerminalConnection, Vec<u8>) {
    ask(world, kind);
    let slow = world.from_terminal.pop_front().unwrap();
    world.time_out_terminal(0);
    assert!(world.continue_terminal(0));
    slow
}

fn last_stan(world: &World) -> u32 {
    world.terminals[0].terminal.last_stan()
}

#[test]
fn a_request_after_its_reversal_is_refused_also_after_a_restart() {
    for kind in KINDS {
        for crash in [false, true] {
            let mut world = World::open();
            let slow = reverse_held_back_request(&mut world, kind);
            world.settle();
            let stan = last_stan(&world);
            let last = world.terminals[0].responses.last().unwrap().clone();
            assert_eq!(
                last,
                TerminalOutcome::Reversed { stan, code: peers::ResponseCode::ORIGINAL_NOT_FOUND }
            );
            if crash {
                world.crash();
            }
            let before = world.engine.digest();
            world.from_terminal.push_back(slow);
            world.settle();
            assert_eq!(world.engine.digest(), before, "{kind}");
            // After the restart its session has ended.
            let code = if crash { ResponseCode::WRONG_MAC } else { ResponseCode::STAN_USED };
            let (terminal, stan) = (TerminalId(1), Stan::of(stan));
            let refused = OperatorEvent::Refused { terminal, stan, code };
            assert_eq!(world.operator_events.last(), Some(&refused), "{kind}");
            world.assert_books_agree();
        }
    }
}

#[test]
fn a_request_during_its_reversal_is_refused() {
    for kind in KINDS {
        let mut world = World::open();
        let slow = reverse_held_back_request(&mut world, kind);
        world.switch_receives_from_terminal();
        world.from_terminal.push_back(slow);
        world.switch_receives_from_terminal();
        world.settle();
        let (stan, code) = (Stan::of(last_stan(&world)), ResponseCode::STAN_USED);
        let refused = OperatorEvent::Refused { terminal: TerminalId(1), stan, code };
        assert!(world.operator_events.contains(&refused), "{kind}: {:?}", world.operator_events);
        world.assert_books_agree();
    }
}

#[test]
fn a_reversal_without_original_is_answered_when_durable() {
    for crash in [false, true] {
        let mut world = World::open();
        let slow = reverse_held_back_request(&mut world, "sale");
        let stan = last_stan(&world);
        world.switch_receives_from_terminal();
        assert!(world.to_terminal.is_empty());
        if crash {
            world.books_step_without_reply();
            world.crash();
            // The record holds, although the terminal got no answer.
            world.from_terminal.push_back(slow);
            world.settle();
            assert!(!world.events.iter().any(|event| matches!(event, Event::PaymentBegun { .. })));
        } else {
            world.books_step();
            assert_eq!(world.to_terminal.len(), 1);
        }
        world.assert_books_agree();
        let told =
            TerminalOutcome::Reversed { stan, code: peers::ResponseCode::ORIGINAL_NOT_FOUND };
        assert_eq!(*world.terminals[0].responses.last().unwrap(), told);
    }
}

#[test]
fn a_refused_and_reversed_request_is_refused_again() {
    let mut world = World::open();
    let elsewhere = waybill(world.parcel_with(COLLEAGUE, 10_000));
    let task = TerminalTask::Cash { waybill: &elsewhere, amount: 10_000, tendered: 10_000 };
    world.ask(0, task).unwrap();
    let again = world.from_terminal[0].clone();
    world.switch_receives_from_terminal();
    world.books_step();
    world.kill_gateway(0);
    world.time_out_terminal(0);
    world.continue_terminal(0);
    world.settle();
    world.from_terminal.push_back(again);
    world.settle();
    let (stan, code) = (Stan::of(last_stan(&world)), ResponseCode::NOT_WITH_COURIER);
    let refused = OperatorEvent::Refused { terminal: TerminalId(1), stan, code };
    assert_eq!(world.operator_events.last(), Some(&refused));
    world.assert_books_agree();
}

#[test]
fn reversals_without_original_fill_the_batch() {
    let mut world = World::open();
    for stan in 1_000..1_999 {
        let trace = Trace { terminal: TerminalId(1), batch: 1, stan: Stan::of(stan) };
        world
            .apply(Command::RecordReversalWithoutOriginal(RecordReversalWithoutOriginal { trace }));
    }
    let slow = reverse_held_back_request(&mut world, "cash");
    world.settle();
    let stan = last_stan(&world);
    let last = world.terminals[0].responses.last().unwrap().clone();
    assert_eq!(
        last,
        TerminalOutcome::Reversed { stan, code: peers::ResponseCode::ORIGINAL_NOT_FOUND }
    );
    // In a full batch, no transaction begins.
    let before = world.engine.digest();
    world.from_terminal.push_back(slow);
    world.settle();
    assert_eq!(world.engine.digest(), before);
    let text = waybill(world.parcel(10_000));
    assert_eq!(
        world.declined(0, TerminalTask::Cash { waybill: &text, amount: 1, tendered: 1 }),
        "61"
    );
    assert!(matches!(
        world.run(0, TerminalTask::Settle),
        TerminalOutcome::BatchAgreed { batch: 1, .. }
    ));
}
