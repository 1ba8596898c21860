//! A number that is under way, used once more: its repeat waits for the answer, all else is
//! refused as the books refuse it when the first is over.

use iso8583::{Envelope, UNIONPAY_POS};
use peers::{Card, Heard, Task};

use crate::world::*;

/// What two messages with one number differ in.
enum Other {
    /// Field 58.
    Parcel,
    /// Fields 2, 35 and 55.
    Card,
    /// Field 61.
    Original,
}

/// Sends the message that is under way, or was, once more with one thing changed. Its answer.
fn told_of_another(world: &mut World, field: u8, said: &str) -> String {
    let message = world.terminals[0].terminal.again(world.now).unwrap();
    let line = world.terminals[0].line;
    world.send(0, message.to_vec());
    let without: &[u8] = if field == 2 { &[2, 35, 55] } else { &[field] };
    world.forge(None, without, |builder| {
        builder.text(field, said);
    });
    world.switch_hears_terminal();
    while world.to_terminal.is_empty() && world.book() {}
    world.terminals[0].line = line;
    let told = world.told().0;
    world.to_terminal.clear();
    told
}

/// One thing that a terminal asks for: what must be there before, and what is changed.
fn a_number_is_for_one_thing(
    other: &Other,
    prepare: impl Fn(&mut World, &str) -> u32,
    task: impl for<'a> Fn(&'a str, &'a Card, u32) -> Task<'a>,
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
    world.switch_hears_terminal();
    let commands = world.journal.len();
    assert_eq!(told_of_another(&mut world, field, said), "94", "under way");
    assert_eq!(world.journal.len(), commands);
    world.settle();
    let heard = world.terminals[0].heard.last().unwrap();
    assert!(matches!(heard, Heard::Approved { .. } | Heard::QrShown { .. }), "{heard:?}");
    let before = world.engine.digest();
    assert_eq!(told_of_another(&mut world, field, said), "94", "over");
    assert_eq!(world.engine.digest(), before);
}

#[test]
fn a_sale_is_not_taken_for_the_repeat_of_one_of_another_parcel_or_card() {
    for other in [Other::Parcel, Other::Card] {
        a_number_is_for_one_thing(
            &other,
            |_, _| 0,
            |waybill, card, _| Task::Sell { waybill, card, amount: 10_000, pin: None },
        );
        a_number_is_for_one_thing(
            &other,
            |_, _| 0,
            |waybill, card, _| Task::PreAuthorise { waybill, card, amount: 10_000, pin: None },
        );
        a_number_is_for_one_thing(
            &other,
            |world, _| {
                world.does(0, Task::Parameters);
                0
            },
            |waybill, card, _| Task::Offline { waybill, card, amount: 10_000 },
        );
    }
}

#[test]
fn cash_and_a_code_are_not_taken_for_the_repeat_of_those_of_another_parcel() {
    a_number_is_for_one_thing(
        &Other::Parcel,
        |_, _| 0,
        |waybill, _, _| Task::Cash { waybill, amount: 10_000, tendered: 10_000 },
    );
    a_number_is_for_one_thing(
        &Other::Parcel,
        |_, _| 0,
        |waybill, _, _| Task::Qr { waybill, amount: 10_000 },
    );
}

#[test]
fn what_goes_back_is_not_taken_for_the_repeat_of_what_goes_back_of_another() {
    let card = card(1);
    let sold = |world: &mut World, waybill: &str| {
        world.approved(0, Task::Sell { waybill, card: &card, amount: 10_000, pin: None }).stan
    };
    let held = |world: &mut World, waybill: &str| {
        let task = Task::PreAuthorise { waybill, card: &card, amount: 10_000, pin: None };
        world.approved(0, task).stan
    };
    let cash = |world: &mut World, waybill: &str| {
        world.approved(0, Task::Cash { waybill, amount: 10_000, tendered: 10_000 }).stan
    };
    let other = &Other::Original;
    a_number_is_for_one_thing(other, sold, |_, _, stan| Task::Void { stan });
    a_number_is_for_one_thing(other, held, |_, _, stan| Task::VoidPreAuthorisation { stan });
    a_number_is_for_one_thing(other, held, |_, _, stan| Task::Complete { stan, amount: 10_000 });
    a_number_is_for_one_thing(other, cash, |_, _, stan| Task::CashBack { stan });
}

#[test]
fn what_cannot_be_read_is_told_so_also_under_a_number_that_is_under_way() {
    let mut world = World::open();
    let text = waybill(world.parcel(10_000));
    let card = card(1);
    world.ask(0, Task::Sell { waybill: &text, card: &card, amount: 10_000, pin: None }).unwrap();
    world.switch_hears_terminal();
    assert_eq!(told_of_another(&mut world, 58, "000000000000000000000000001"), "30");
    assert_eq!(told_of_another(&mut world, 2, "6225880000000078"), "14");
}

#[test]
fn lines_of_a_batch_are_not_taken_for_the_repeat_of_others() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    world.sell(parcel, 10_000);
    world.ask(0, Task::Settle).unwrap();
    let wrong = "0".repeat(30) + "0" + &"0".repeat(30) + "0";
    world.forge(None, &[48], |builder| {
        builder.text(48, &wrong);
    });
    world.settle();
    assert!(matches!(world.terminals[0].heard.last(), Some(Heard::BatchDiffers { .. })));
    world.ask(0, Task::Upload).unwrap();
    world.switch_hears_terminal();
    assert_eq!(world.told().0, "00");
    let lines = field_48(&world.terminals[0].terminal.again(world.now).unwrap());
    assert_eq!(told_of_another(&mut world, 48, &lines), "00", "a repeat");
    let others = lines.replace("10000", "10001");
    assert_eq!(told_of_another(&mut world, 48, &others), "94");
    let more = format!("02{}{}", &lines[2..], &lines[2..]);
    assert_eq!(told_of_another(&mut world, 48, &more), "94");
}

fn field_48(message: &[u8]) -> String {
    let (_, _, message) = Envelope::parse(message).unwrap();
    UNIONPAY_POS.parse(message).unwrap().text(48).unwrap().as_str().to_owned()
}
