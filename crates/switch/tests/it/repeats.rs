//! A STAN in flight that is used again: a repeat waits for the answer; other content is refused, as
//! it is after the end of the first.

use iso8583::{DOORSTEP_POS, Envelope};
use peers::{TerminalOutcome, TerminalTask, TestCard};

use crate::world::*;

/// The difference between two messages with one STAN.
enum Other {
    /// Field 58.
    Parcel,
    /// Fields 2, 35 and 55.
    Card,
    /// Field 61.
    Original,
}

/// Sends the terminal's message again with one field changed. Returns the code.
fn code_for_changed_repeat(world: &mut World, field: u8, said: &str) -> String {
    let message = world.terminals[0].terminal.repeat(world.now).unwrap();
    let line = world.terminals[0].connection;
    world.send(0, message.to_vec());
    let without: &[u8] = if field == 2 { &[2, 35, 55] } else { &[field] };
    world.forge(None, without, |builder| {
        builder.text(field, said);
    });
    world.switch_receives_from_terminal();
    while world.to_terminal.is_empty() && world.books_step() {}
    world.terminals[0].connection = line;
    let told = world.last_response().0;
    world.to_terminal.clear();
    told
}

/// Runs a request after a preparation and asserts that its STAN is refused with other content.
fn assert_stan_is_not_reused(
    other: &Other,
    prepare: impl Fn(&mut World, &str) -> u32,
    task: impl for<'a> Fn(&'a str, &'a TestCard, u32) -> TerminalTask<'a>,
) {
    let mut world = World::open();
    let parcels = [10_000, 10_000].map(|due| world.parcel(due));
    let [text, other_text] = parcels.map(waybill);
    let (first, second) = (prepare(&mut world, &text), prepare(&mut world, &other_text));
    let digits = String::from_utf8(card(2).pan().expose().to_vec()).unwrap();
    let original = format!("{:06}{second:06}", world.terminals[0].terminal.batch());
    let (field, said) = match other {
        Other::Parcel => (58, &other_text),
        Other::Card => (2, &digits),
        Other::Original => (61, &original),
    };
    let card = card(1);
    world.ask(0, task(&text, &card, first)).unwrap();
    world.switch_receives_from_terminal();
    let commands = world.journal.len();
    assert_eq!(code_for_changed_repeat(&mut world, field, said), "94", "under way");
    assert_eq!(world.journal.len(), commands);
    world.settle();
    let heard = world.terminals[0].responses.last().unwrap();
    assert!(
        matches!(heard, TerminalOutcome::Approved { .. } | TerminalOutcome::QrShown { .. }),
        "{heard:?}"
    );
    let before = world.engine.digest();
    assert_eq!(code_for_changed_repeat(&mut world, field, said), "94", "over");
    assert_eq!(world.engine.digest(), before);
}

#[test]
fn a_sale_with_another_parcel_or_card_is_no_repeat() {
    for other in [Other::Parcel, Other::Card] {
        assert_stan_is_not_reused(
            &other,
            |_, _| 0,
            |waybill, card, _| TerminalTask::Sale { waybill, card, amount: 10_000, pin: None },
        );
        assert_stan_is_not_reused(
            &other,
            |_, _| 0,
            |waybill, card, _| TerminalTask::PreAuthorisation {
                waybill,
                card,
                amount: 10_000,
                pin: None,
            },
        );
        assert_stan_is_not_reused(
            &other,
            |world, _| {
                world.run(0, TerminalTask::Parameters);
                0
            },
            |waybill, card, _| TerminalTask::Offline { waybill, card, amount: 10_000 },
        );
    }
}

#[test]
fn cash_or_a_code_with_another_parcel_is_no_repeat() {
    assert_stan_is_not_reused(
        &Other::Parcel,
        |_, _| 0,
        |waybill, _, _| TerminalTask::Cash { waybill, amount: 10_000, tendered: 10_000 },
    );
    assert_stan_is_not_reused(
        &Other::Parcel,
        |_, _| 0,
        |waybill, _, _| TerminalTask::Qr { waybill, amount: 10_000 },
    );
}

#[test]
fn a_refund_with_another_original_is_no_repeat() {
    let card = card(1);
    let sold = |world: &mut World, waybill: &str| {
        world
            .approved(0, TerminalTask::Sale { waybill, card: &card, amount: 10_000, pin: None })
            .stan
    };
    let held = |world: &mut World, waybill: &str| {
        let task =
            TerminalTask::PreAuthorisation { waybill, card: &card, amount: 10_000, pin: None };
        world.approved(0, task).stan
    };
    let cash = |world: &mut World, waybill: &str| {
        world.approved(0, TerminalTask::Cash { waybill, amount: 10_000, tendered: 10_000 }).stan
    };
    let other = &Other::Original;
    assert_stan_is_not_reused(other, sold, |_, _, stan| TerminalTask::Void { stan });
    assert_stan_is_not_reused(other, held, |_, _, stan| TerminalTask::VoidPreAuthorisation {
        stan,
    });
    assert_stan_is_not_reused(other, held, |_, _, stan| TerminalTask::Completion {
        stan,
        amount: 10_000,
    });
    assert_stan_is_not_reused(other, cash, |_, _, stan| TerminalTask::CashRefund { stan });
}

#[test]
fn an_invalid_field_under_a_stan_in_flight_is_refused() {
    let mut world = World::open();
    let text = waybill(world.parcel(10_000));
    let card = card(1);
    world
        .ask(0, TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None })
        .unwrap();
    world.switch_receives_from_terminal();
    assert_eq!(code_for_changed_repeat(&mut world, 58, "000000000000000000000000001"), "94");
    assert_eq!(code_for_changed_repeat(&mut world, 2, "6225880000000078"), "94");
}

#[test]
fn other_lines_under_a_used_stan_are_refused() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    world.sell(parcel, 10_000);
    world.ask(0, TerminalTask::Settle).unwrap();
    let wrong = "0".repeat(30) + "0" + &"0".repeat(30) + "0";
    world.forge(None, &[48], |builder| {
        builder.text(48, &wrong);
    });
    world.settle();
    assert!(matches!(
        world.terminals[0].responses.last(),
        Some(TerminalOutcome::BatchDiffers { .. })
    ));
    world.ask(0, TerminalTask::Upload).unwrap();
    world.switch_receives_from_terminal();
    assert_eq!(world.last_response().0, "00");
    let lines = field_48(&world.terminals[0].terminal.repeat(world.now).unwrap());
    assert_eq!(code_for_changed_repeat(&mut world, 48, &lines), "00", "a repeat");
    let others = lines.replace("10000", "10001");
    assert_eq!(code_for_changed_repeat(&mut world, 48, &others), "94");
    let more = format!("02{}{}", &lines[2..], &lines[2..]);
    assert_eq!(code_for_changed_repeat(&mut world, 48, &more), "94");
}

fn field_48(message: &[u8]) -> String {
    let (_, _, message) = Envelope::parse(message).unwrap();
    DOORSTEP_POS.parse(message).unwrap().text(48).unwrap().as_str().to_owned()
}
