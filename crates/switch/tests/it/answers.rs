//! Answers are final: a declined request stays declined, whatever has changed since, and each
//! connection that asked gets the answer.

use std::collections::BTreeSet;

use books::{
    Command, DeclineRequest, ResponseCode, Stan, TRANSACTIONS_PER_BATCH_MAX, TerminalId, Trace,
};
use peers::card::EntryMode;
use peers::terminal::DeclinedRequest;
use peers::{ResponseAction, TerminalOutcome, TerminalTask, TestCard};
use switch::TerminalConnection;

use crate::world::*;

/// Code and text of an answer.
fn code_of(heard: &TerminalOutcome) -> (String, String) {
    match heard {
        TerminalOutcome::Declined(DeclinedRequest { code, text, .. }) => {
            (code.to_string(), text.clone())
        }
        other => panic!("{other:?}"),
    }
}

/// A sale is declined with this code. What declined it ends, and the sale is repeated, also after
/// a restart.
fn stays_declined(code: &str, prepare: impl Fn(&mut World) -> String, end: impl Fn(&mut World)) {
    for crash in [false, true] {
        let mut world = World::open();
        let waybill = prepare(&mut world);
        let card = card(1);
        let task = TerminalTask::Sale { waybill: &waybill, card: &card, amount: 10_000, pin: None };
        assert_eq!(world.declined(0, task), code);
        let asked = world.networks[0].peer.book().items().len();
        let first = world.terminals[0].responses.last().cloned();
        end(&mut world);
        if crash {
            world.crash();
        }
        let before = world.journal.len();
        let again = world.repeat(0);
        let stan = |heard: Option<&TerminalOutcome>| match heard {
            Some(TerminalOutcome::Declined(declined)) => declined.stan,
            other => panic!("{other:?}"),
        };
        assert_eq!(code_of(&again).0, code, "after the reason has ended");
        assert_eq!(stan(Some(&again)), stan(first.as_ref()));
        assert_eq!(world.journal.len(), before, "a repeat adds nothing");
        assert_eq!(world.networks[0].peer.book().items().len(), asked, "the network hears nothing");
        // With the next number it is decided anew.
        world.approved(0, task);
        world.assert_books_agree();
    }
}

fn last_stan(world: &World) -> u32 {
    world.terminals[0].terminal.last_stan()
}

#[test]
fn a_decline_is_final_whatever_ends_its_reason() {
    let parcel = |world: &mut World| waybill(world.parcel(10_000));
    let network_down = |world: &mut World| {
        let waybill = parcel(world);
        world.disconnect(0, 0);
        waybill
    };
    stays_declined("91", network_down, |world| {
        if world.networks[0].links[0].is_none() {
            world.connect(0, 0);
        }
    });
    let paid = |world: &mut World, amount| {
        let parcel = world.parcel(10_000);
        let text = waybill(parcel);
        let cash = TerminalTask::Cash { waybill: &text, amount, tendered: amount };
        // By another terminal of the courier, whose batch stays out of this.
        world.sign_on(1);
        world.approved(1, cash);
        text
    };
    let refund = |world: &mut World| {
        let stan = world.terminals[1].terminal.last_stan();
        world.approved(1, TerminalTask::CashRefund { stan });
    };
    stays_declined("P4", |world| paid(world, 5_000), refund);
    stays_declined("P3", |world| paid(world, 10_000), refund);
}

#[test]
fn other_content_with_a_declined_stan_is_refused_as_such() {
    let mut world = World::open();
    let text = waybill(world.parcel(5_000));
    let card = card(1);
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    assert_eq!(world.declined(0, task), "P4");
    let before = world.journal.len();
    let message = world.terminals[0].terminal.repeat(world.now).unwrap();
    for (field, said) in [(4, "5000"), (13, "0101"), (58, &*text), (58, "0"), (2, "")] {
        world.send(0, message.to_vec());
        let without: &[u8] = if field == 2 { &[2, 35] } else { &[field] };
        let (same, none) = (field == 58 && said == text, field == 2);
        world.forge(None, without, |builder| {
            if !none {
                builder.text(field, said);
            }
        });
        while world.switch_receives_from_terminal() || world.books_step() {}
        let expected = if same { "P4" } else { "94" };
        assert_eq!(world.last_response().0, expected, "field {field}: {said}");
    }
    assert_eq!(world.journal.len(), before);
}

#[test]
fn a_decline_is_durable_before_its_answer() {
    let mut world = World::open();
    let text = waybill(world.parcel(5_000));
    let card = card(1);
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.switch_receives_from_terminal();
    assert!(world.books_step(), "the books refuse the sale");
    assert!(world.to_terminal.is_empty());
    world.books_step_without_reply();
    world.crash();
    let lost = world.terminals[0].terminal.repeat(world.now).unwrap();
    world.send(0, lost.to_vec());
    world.settle();
    let before = world.journal.len();
    assert_eq!(code_of(&world.go_on(0)).0, "P4");
    assert_eq!(world.journal.len(), before);
}

#[test]
fn declines_are_limited_and_what_cannot_be_recorded_is_not() {
    let mut world = World::open();
    let decline = |world: &mut World, from, to| {
        for stan in from..to {
            let trace = Trace { terminal: TerminalId(1), batch: 1, stan: Stan::of(stan) };
            let request = format!("{stan:08x}").parse().unwrap();
            let code = ResponseCode::MORE_THAN_DUE;
            world.apply(Command::DeclineRequest(DeclineRequest { trace, request, code }));
        }
    };
    let most = u32::try_from(TRANSACTIONS_PER_BATCH_MAX).unwrap();
    decline(&mut world, 1_000, 1_000 + most - 1);
    let (text, card) = (waybill(world.parcel(5_000)), card(1));
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    assert_eq!(world.declined(0, task), "P4", "the last that has room");
    let before = world.journal.len();
    assert_eq!(code_of(&world.repeat(0)).0, "P4");
    for _ in 0..3 {
        assert_eq!(world.declined(0, task), "61");
        let bad = TerminalTask::Sale { waybill: &text, card: &card, amount: 0, pin: None };
        assert_eq!(world.declined(0, bad), "61");
        assert_eq!(world.declined(0, TerminalTask::Balance { card: &card, pin: None }), "61");
    }
    assert_eq!(world.journal.len(), before, "nothing more is recorded");
    assert!(matches!(
        world.run(0, TerminalTask::Settle),
        TerminalOutcome::BatchAgreed { batch: 1, .. }
    ));
}

#[test]
fn unauthenticated_requests_are_not_recorded() {
    let mut world = World::open();
    let before = world.journal.len();
    let text = waybill(world.parcel(5_000));
    let sent = world.journal.len() - before;
    let card = card(1);
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    *world.from_terminal[0].1.last_mut().unwrap() ^= 1;
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(world.last_response().0, "A0");
    // Another batch's requests are not recorded either: there is nothing to record them in.
    let message = world.terminals[0].terminal.repeat(world.now).unwrap();
    world.send(0, message.to_vec());
    world.forge(None, &[60], |builder| {
        builder.text(60, "22000009");
    });
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(world.last_response().0, "77");
    assert_eq!(world.journal.len(), before + sent);
}

#[test]
fn a_repeat_of_an_approved_sale_is_approved_while_its_network_is_down() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let first = world.sell(parcel, 10_000);
    world.disconnect(0, 0);
    let before = world.journal.len();
    let TerminalOutcome::Approved { receipt, .. } = world.repeat(0) else {
        panic!("{:?}", world.terminals[0].responses)
    };
    assert_eq!((receipt, world.journal.len()), (first, before));
    // Other content with its STAN is still other content.
    let message = world.terminals[0].terminal.repeat(world.now).unwrap();
    world.send(0, message.to_vec());
    world.forge(None, &[4], |builder| {
        builder.number(4, 9_000);
    });
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(world.last_response().0, "94");
}

#[test]
fn the_refusal_of_an_offline_sale_is_not_final() {
    let mut world = World::open();
    world.run(0, TerminalTask::Parameters);
    let (text, card) =
        (waybill(world.parcel(500)), TestCard::generate(BIN_OF_NO_NETWORK, 1, EntryMode::Chip));
    let before = world.journal.len();
    let task = TerminalTask::Offline { waybill: &text, card: &card, amount: 500 };
    assert_eq!(world.declined(0, task), "15");
    assert_eq!(world.journal.len(), before);
}

#[test]
fn the_reversal_of_a_declined_request_is_done_at_once() {
    let mut world = World::open();
    let text = waybill(world.parcel(5_000));
    let card = card(1);
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    let again = world.from_terminal[0].clone();
    while world.switch_receives_from_terminal() || world.books_step() {}
    world.kill_gateway(0);
    world.time_out_terminal(0);
    assert!(world.continue_terminal(0));
    world.settle();
    let (stan, code) = (last_stan(&world), peers::ResponseCode::APPROVED);
    let reversed = TerminalOutcome::Reversed { stan, code };
    assert_eq!(world.terminals[0].responses.last(), Some(&reversed));
    world.from_terminal.push_back(again);
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(world.last_response().0, "P4");
}

#[test]
fn a_repeated_balance_inquiry_does_not_reach_the_network() {
    let mut world = World::open();
    let card = card(1);
    let task = TerminalTask::Balance { card: &card, pin: None };
    assert!(matches!(world.run(0, task), TerminalOutcome::Balance(_)));
    let stan = last_stan(&world);
    for crash in [false, true] {
        if crash {
            world.crash();
            world.sign_on(0);
        }
        world.ask(0, task).unwrap();
        world.forge(None, &[11], |builder| {
            builder.number(11, u64::from(stan));
        });
        while world.switch_receives_from_terminal() || world.books_step() {}
        assert_eq!(world.last_response(), ("94".into(), "ask with a new STAN".into()));
        assert!(world.to_network.is_empty());
        world.to_terminal.clear();
        world.time_out_terminal(0);
    }
    // The next STAN is free.
    assert!(matches!(world.run(0, task), TerminalOutcome::Balance(_)));
}

#[test]
fn a_balance_inquiry_in_flight_is_not_sent_twice() {
    let mut world = World::open();
    let card = card(1);
    world.ask(0, TerminalTask::Balance { card: &card, pin: None }).unwrap();
    let again = world.from_terminal[0].1.clone();
    world.switch_receives_from_terminal();
    world.books_step();
    assert_eq!(world.to_network.len(), 1);
    world.from_terminal.push_back((TerminalConnection(99_990), again));
    world.switch_receives_from_terminal();
    assert_eq!(world.to_network.len(), 1);
    while world.network_receives() || world.switch_receives_from_network() {}
    assert_eq!(world.to_terminal.len(), 2);
    assert_eq!(world.last_response().0, "00");
}

/// The connections that got an answer with this code.
fn answered(world: &mut World, code: &str) -> BTreeSet<u64> {
    let mut connections = BTreeSet::new();
    while !world.to_terminal.is_empty() {
        assert_eq!(world.last_response().0, code);
        connections.insert(world.to_terminal.pop_back().unwrap().0.0);
    }
    connections
}

#[test]
fn each_connection_that_asks_gets_the_answer() {
    let mut world = World::open();
    let text = waybill(world.parcel(10_000));
    let card = card(1);
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    let (_, message) = world.from_terminal.pop_front().unwrap();
    // Some before the books have begun the sale, most while the network decides.
    for connection in 0..64 {
        world.from_terminal.push_back((TerminalConnection(connection * 10), message.clone()));
        world.switch_receives_from_terminal();
        if connection == 10 {
            world.books_step();
        }
    }
    // The same connections ask again; there is no room for others.
    for connection in [0, 63] {
        world.from_terminal.push_back((TerminalConnection(connection * 10), message.clone()));
        world.switch_receives_from_terminal();
    }
    assert!(world.to_terminal.is_empty());
    world.from_terminal.push_back((TerminalConnection(640), message.clone()));
    world.switch_receives_from_terminal();
    assert_eq!(answered(&mut world, "96"), BTreeSet::from([640]));
    while world.network_receives() || world.switch_receives_from_network() || world.books_step() {}
    let all: BTreeSet<u64> = (0..64).map(|connection| connection * 10).collect();
    assert_eq!(world.to_terminal.len(), 64, "one answer for each connection");
    assert_eq!(answered(&mut world, "00"), all);
    assert_eq!(world.networks[0].peer.book().items().len(), 1);
    // Afterwards the books answer.
    world.from_terminal.push_back((TerminalConnection(640), message));
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(answered(&mut world, "00"), BTreeSet::from([640]));
    assert_eq!(world.switch.in_flight(), 0);
}

#[test]
fn each_reversal_that_waits_is_answered() {
    let mut world = World::open();
    let text = waybill(world.parcel(10_000));
    let task = TerminalTask::Cash { waybill: &text, amount: 10_000, tendered: 10_000 };
    world.ask(0, task).unwrap();
    world.switch_receives_from_terminal();
    world.time_out_terminal(0);
    assert!(world.continue_terminal(0));
    let (_, reversal) = world.from_terminal.pop_front().unwrap();
    for connection in 1..=5 {
        world.from_terminal.push_back((TerminalConnection(connection * 10), reversal.clone()));
        world.switch_receives_from_terminal();
    }
    while world.books_step() {}
    assert_eq!(answered(&mut world, "00"), (1..=5).map(|connection| connection * 10).collect());
}

#[test]
fn the_repeat_of_a_reversed_sale_says_so() {
    let card = card(1);
    // Approved, in flight, and cash.
    for (cash, answered) in [(false, true), (false, false), (true, true)] {
        let mut world = World::open();
        let text = waybill(world.parcel(10_000));
        let task = match cash {
            true => TerminalTask::Cash { waybill: &text, amount: 10_000, tendered: 10_000 },
            false => TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None },
        };
        world.ask(0, task).unwrap();
        let again = world.from_terminal[0].1.clone();
        while world.switch_receives_from_terminal()
            || world.books_step()
            || (answered && (world.network_receives() || world.switch_receives_from_network()))
        {
        }
        world.kill_gateway(0);
        world.time_out_terminal(0);
        world.continue_terminal(0);
        world.run_until_idle();
        let before = world.journal.len();
        world.from_terminal.push_back((TerminalConnection(990), again));
        while world.switch_receives_from_terminal() || world.books_step() {}
        assert_eq!(world.last_response(), ("P9".into(), "reversed".into()), "{cash} {answered}");
        assert_eq!(world.journal.len(), before);
        world.to_terminal.clear();
        world.assert_books_agree();
    }
}

#[test]
fn a_sale_that_timed_out_is_reversed_once_its_network_says_so() {
    let mut world = World::open();
    world.script_network(0, &[ResponseAction::Silent, ResponseAction::Silent]);
    let text = waybill(world.parcel(10_000));
    let card = card(1);
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.settle();
    world.advance_to(world.now + 15_001);
    world.settle();
    assert_eq!(code_of(&world.repeat(0)).0, "68");
    world.run_until_idle();
    assert_eq!(code_of(&world.repeat(0)), ("P9".into(), "reversed".into()));
}

/// Sends totals for the closed batch once more, edited. Returns code and text.
fn settle_again(world: &mut World, last: &[u8]) -> (String, String) {
    world.send(0, last.to_vec());
    world.forge(None, &[48, 11], |builder| {
        builder.text(48, format!("001{:012}", 77) + &"0".repeat(47));
        builder.number(11, 900);
    });
    while world.switch_receives_from_terminal() || world.books_step() {}
    let answer = world.last_response();
    world.to_terminal.clear();
    answer
}

#[test]
fn settling_again_with_other_totals_says_what_to_do() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    world.sell(parcel, 10_000);
    world.ask(0, TerminalTask::Settle).unwrap();
    let settlement = world.from_terminal[0].1.clone();
    world.settle();
    assert!(matches!(
        world.terminals[0].responses.last(),
        Some(TerminalOutcome::BatchAgreed { .. })
    ));
    let before = world.journal.len();
    let closed = ("77".into(), "the batch is closed".into());
    assert_eq!(settle_again(&mut world, &settlement), closed);
    assert_eq!(world.journal.len(), before);
    // A batch whose lines are expected: the lines decide.
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    world.sell(parcel, 10_000);
    world.ask(0, TerminalTask::Settle).unwrap();
    world.forge(None, &[48], |builder| {
        builder.text(48, "0".repeat(62));
    });
    let settlement = world.from_terminal[0].1.clone();
    world.settle();
    assert!(matches!(
        world.terminals[0].responses.last(),
        Some(TerminalOutcome::BatchDiffers { .. })
    ));
    assert_eq!(settle_again(&mut world, &settlement).0, "95");
    assert!(matches!(world.run(0, TerminalTask::Upload), TerminalOutcome::UploadContinues { .. }));
}

#[test]
fn the_decline_of_a_network_is_repeated_too() {
    let mut world = World::open();
    let code = peers::ResponseCode::INSUFFICIENT_FUNDS;
    world.script_network(0, &[ResponseAction::Decline { code }]);
    let text = waybill(world.parcel(10_000));
    let card = card(1);
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    assert_eq!(world.declined(0, task), "51");
    assert_eq!(code_of(&world.repeat(0)).0, "51");
}

#[test]
fn the_decline_of_a_balance_inquiry_is_repeated_too() {
    let mut world = World::open();
    let code = peers::ResponseCode::INSUFFICIENT_FUNDS;
    world.script_network(0, &[ResponseAction::Decline { code }]);
    let card = card(1);
    let task = TerminalTask::Balance { card: &card, pin: None };
    assert_eq!(world.declined(0, task), "51");
    let (stan, before) = (last_stan(&world), world.journal.len());
    for crash in [false, true] {
        if crash {
            world.crash();
            world.sign_on(0);
        }
        world.ask(0, task).unwrap();
        world.forge(None, &[11], |builder| {
            builder.number(11, u64::from(stan));
        });
        while world.switch_receives_from_terminal() || world.books_step() {}
        // The network would answer now.
        assert_eq!((world.last_response().0, world.to_network.len()), ("51".into(), 0));
        assert_eq!(world.journal.len(), before);
        world.to_terminal.clear();
        world.time_out_terminal(0);
    }
    assert!(matches!(world.run(0, task), TerminalOutcome::Balance(_)));
}
