//! The table of messages in docs/door/terminal.md: a simulated terminal and the switch send what it
//! says, field by field.

use std::collections::BTreeSet;

use iso8583::{DOORSTEP_POS, Envelope, Message};
use peers::TerminalTask;

use crate::world::*;

const PAGE: &str = include_str!("../../../../docs/door/terminal.md");

struct Row {
    mti: String,
    /// Fields 3 and 25, and 60 without the batch.
    codes: [String; 4],
    request: BTreeSet<u8>,
    answer: BTreeSet<u8>,
    /// Fields of either that may be missing.
    optional: BTreeSet<u8>,
}

/// The row of a transaction.
fn row(name: &str) -> Row {
    let start = format!("| {name} | 0");
    let line = PAGE.lines().find(|line| line.starts_with(&start)).expect(name);
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let mut optional = BTreeSet::new();
    let mut fields = |cell: &str| {
        let (always, sometimes) = cell.split_once(" (").unwrap_or((cell, ""));
        optional.extend(numbers(sometimes.trim_end_matches(')')));
        match always.strip_suffix(", card") {
            Some(always) => numbers(always).chain([57]).collect(),
            None => numbers(always).collect::<BTreeSet<u8>>(),
        }
    };
    let (request, answer) = (fields(cells[6]), fields(cells[7]));
    let codes = [2, 3, 4, 5].map(|cell| cells[cell].to_owned());
    Row { mti: cells[1].to_owned(), codes, request, answer, optional }
}

/// `4 11-13` is 4, 11, 12 and 13.
fn numbers(text: &str) -> impl Iterator<Item = u8> {
    text.split_whitespace().flat_map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        first.parse::<u8>().unwrap()..=last.parse().unwrap()
    })
}

fn fields(message: &Message<'_>) -> BTreeSet<u8> {
    message.fields().map(|field| field.id()).collect()
}

/// Asks, and compares request and answer with the row of the transaction.
fn check(world: &mut World, name: &str, task: TerminalTask<'_>) {
    world.ask(0, task).unwrap_or_else(|why| panic!("{name}: {why}"));
    check_last(world, name, "00");
}

fn check_last(world: &mut World, name: &str, code: &str) {
    let row = row(name);
    let request = world.from_terminal.back().unwrap().1.clone();
    while world.books_step()
        || world.network_receives()
        || world.switch_receives_from_network()
        || world.switch_receives_from_terminal()
    {}
    let answer = world.to_terminal.back().unwrap_or_else(|| panic!("{name}: no answer")).1.clone();
    world.settle();
    let open = |frame| DOORSTEP_POS.parse(Envelope::parse(frame).unwrap().2).unwrap();
    let (request, answer) = (open(&request), open(&answer));
    assert_eq!(answer.text(39).unwrap().as_str(), code, "{name}");
    let mandatory = |message: &Message<'_>| &fields(message) - &row.optional;
    assert_eq!(mandatory(&request), &row.request - &row.optional, "{name}: request");
    assert_eq!(mandatory(&answer), &row.answer - &row.optional, "{name}: answer");
    if row.codes[0] == "as the original" {
        return;
    }
    assert_eq!(request.mti().to_string(), row.mti, "{name}");
    let text = |field| request.text(field).map(|text| text.as_str().to_owned());
    let field_60 = text(60).unwrap();
    let found = [
        text(3).unwrap_or_default(),
        text(25).unwrap_or_default(),
        field_60[..2].to_owned(),
        field_60[8..].to_owned(),
    ];
    assert_eq!(found, row.codes, "{name}");
}

#[test]
fn each_message_has_the_fields_of_its_row() {
    let mut world = World::open();
    let (card, amount) = (card(1), 10_000);
    let [sold, paid, held, voided, offline, cash, qr] =
        [(); 7].map(|()| waybill(world.parcel(amount)));
    let w = &mut world;
    check(w, "sign-on", TerminalTask::SignOn);
    check(w, "echo", TerminalTask::Echo);
    check(w, "parameters", TerminalTask::Parameters);
    check(w, "parcels", TerminalTask::Parcels { from: 0 });
    check(w, "balance", TerminalTask::Balance { card: &card, pin: None });
    let sale = |waybill| TerminalTask::Sale { waybill, card: &card, amount, pin: None };
    check(w, "sale", sale(&sold));
    let stan = w.terminals[0].terminal.last_stan();
    check(w, "void of a sale", TerminalTask::Void { stan });
    check(w, "sale", sale(&paid));
    let receipt = w.terminals[0].terminal.journal().last().unwrap().receipt;
    check(w, "refund", TerminalTask::Refund { receipt: &receipt, amount: 1_000 });
    let hold = |waybill| TerminalTask::PreAuthorisation { waybill, card: &card, amount, pin: None };
    check(w, "pre-authorisation", hold(&voided));
    let stan = w.terminals[0].terminal.last_stan();
    check(w, "void of a pre-authorisation", TerminalTask::VoidPreAuthorisation { stan });
    check(w, "pre-authorisation", hold(&held));
    let stan = w.terminals[0].terminal.last_stan();
    check(w, "completion", TerminalTask::Completion { stan, amount });
    check(w, "offline sale", TerminalTask::Offline { waybill: &offline, card: &card, amount });
    check(w, "cash", TerminalTask::Cash { waybill: &cash, amount, tendered: amount });
    let stan = w.terminals[0].terminal.last_stan();
    check(w, "cash refund", TerminalTask::CashRefund { stan });
    w.ask(0, TerminalTask::Qr { waybill: &qr, amount }).unwrap();
    check_last(w, "QR payment", "09");
    let stan = w.terminals[0].terminal.last_stan();
    w.ask(0, TerminalTask::QrStatus { stan }).unwrap();
    check_last(w, "QR query", "09");
    let reference = format!("{:08}{:06}{stan:06}", 1, w.terminals[0].terminal.batch());
    w.wallet(&reference, amount, PAID);
    check(w, "QR query", TerminalTask::QrStatus { stan });
    check(w, "QR refund", TerminalTask::QrRefund { stan });
    w.wallet(&reference, amount, REFUNDED);
    let again = waybill(w.parcel(amount));
    w.ask(0, sale(&again)).unwrap();
    w.from_terminal.clear();
    w.time_out_terminal(0);
    assert!(w.continue_terminal(0));
    check_last(w, "reversal", "25");
    check(w, "sign-off", TerminalTask::SignOff);
    w.sign_on(0);
    w.ask(0, TerminalTask::Settle).unwrap();
    w.forge(None, &[48], |builder| {
        builder.text(48, "0".repeat(93));
    });
    check_last(w, "batch totals", "95");
    check(w, "batch upload", TerminalTask::Upload);
    assert!(w.continue_terminal(0));
    check_last(w, "end of upload", "00");
}
