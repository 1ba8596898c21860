//! Terminals that speak UnionPay's dialect: the central paths.

use books::Event;
use iso8583::{Envelope, MessageBuilder, Mti, UNIONPAY_POS};
use peers::{TerminalOutcome, TerminalTask};
use switch::{OperatorEvent, TerminalDialect};

use crate::real_messages::{asked, heard};
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

/// A request of terminal 1 in its batch, with MTI, 60.1 and 60.3, with a MAC or without.
fn request(
    world: &World,
    (mti, kind, management): (u16, &str, &str),
    has_mac: bool,
    edit: impl Fn(&mut MessageBuilder<'_>),
) -> Vec<u8> {
    let terminal = &world.terminals[0].terminal;
    let mut builder = MessageBuilder::new(&UNIONPAY_POS, Mti::new(mti).unwrap());
    builder.text(41, "00000001").bytes(42, MERCHANT);
    builder.text(60, format!("{kind}{:06}{management}", terminal.batch()));
    edit(&mut builder);
    if !has_mac {
        return builder.build().unwrap().to_vec();
    }
    let keys = terminal.session().unwrap();
    builder.build_with_mac(|covered| keys.mac(covered)).unwrap().to_vec()
}

/// The code of the answer to a request with a MAC, which the answer has too.
fn code(
    world: &mut World,
    kind: (u16, &str, &str),
    edit: impl Fn(&mut MessageBuilder<'_>),
) -> String {
    let message = request(world, kind, true, edit);
    let (code, has_mac) = heard(&asked(world, &message, kind.1));
    assert!(has_mac, "{kind:?}");
    code
}

#[test]
fn a_download_says_that_there_is_nothing_and_its_end_is_approved() {
    let mut world = open();
    let commands = world.journal.len();
    let downloads = [(820, "372"), (820, "382"), (820, "362"), (800, "370"), (800, "380")];
    let notices = [(800, "371"), (800, "381"), (800, "395"), (620, "951"), (820, "002")];
    for (place, (mti, management)) in downloads.into_iter().chain(notices).enumerate() {
        for has_mac in [false, true] {
            let message = request(&world, (mti, "00", management), has_mac, |builder| {
                builder.bytes(62, b"100");
            });
            let answer = asked(&mut world, &message, management);
            assert_eq!(heard(&answer), ("00".into(), has_mac), "{management}");
            let answer = UNIONPAY_POS.parse(&answer).unwrap();
            let nothing = (place < downloads.len()).then_some(&b"0"[..]);
            assert_eq!(answer.bytes(62).ok(), nothing, "{management}");
            assert!(!answer.has(11), "{management}: the request has no STAN");
        }
    }
    assert_eq!(world.journal.len(), commands);
}

#[test]
fn a_request_needs_its_stan_unless_it_is_management() {
    let mut world = open();
    assert_eq!(code(&mut world, (500, "00", "201"), |_| {}), "30");
    let sale = |builder: &mut MessageBuilder<'_>| {
        builder.number(3, 0).number(4, 100);
    };
    assert_eq!(code(&mut world, (200, "22", ""), sale), "30");
}

/// Field 48: amount and number of debits, for domestic and for foreign cards.
fn totals(domestic: (u64, u32), foreign: (u64, u32), result: u8) -> String {
    let group = |(amount, count)| format!("{amount:012}{count:03}{:015}{result}", 0);
    group(domestic) + &group(foreign)
}

/// Settles without a MAC, as UnionPay's terminals do. Returns code and field 48.
fn settle(world: &mut World, text: &str) -> (String, String) {
    let message = request(world, (500, "00", "201"), false, |builder| {
        builder.number(11, 900).text(48, text).text(49, "156").text(63, "01 ");
    });
    let answer = asked(world, &message, "settlement");
    let (code, has_mac) = heard(&answer);
    assert!(!has_mac);
    let answer = UNIONPAY_POS.parse(&answer).unwrap();
    (code, answer.text(48).unwrap().as_str().to_owned())
}

#[test]
fn totals_of_domestic_and_foreign_cards_agree_together() {
    let mut world = open();
    sell(&mut world);
    sell(&mut world);
    let heard = settle(&mut world, &totals((12_000, 1), (8_000, 1), 0));
    assert_eq!(heard, ("00".into(), totals((12_000, 1), (8_000, 1), 1)));
    world.sign_on(0);
    sell(&mut world);
    let heard = settle(&mut world, &totals((9_000, 1), (2_000, 1), 0));
    assert_eq!(heard, ("95".into(), totals((10_000, 1), (0, 0), 2)), "the books' totals");
    world.sign_on(0);
    // A terminal that knows of no cash.
    let text = waybill(world.parcel(100));
    world.approved(0, TerminalTask::Cash { waybill: &text, amount: 100, tendered: 100 });
    let heard = settle(&mut world, &totals((0, 0), (0, 0), 0));
    assert_eq!(heard, ("95".into(), totals((0, 0), (0, 0), 2)));
}

#[test]
fn lines_with_card_numbers_and_single_transactions_are_an_upload() {
    let mut world = open();
    let stans = [0; 3].map(|_| sell(&mut world));
    let line = |stan: u32| format!("00{stan:06}{:020}{:012}", 6_225_880_000_000_075_u64, 10_000);
    let lines = format!("02{}{}", line(stans[0]), line(stans[1]));
    assert_eq!(settle(&mut world, &totals((1, 1), (0, 0), 0)).0, "95");
    let ask = |world: &mut World, kind, edit: &dyn Fn(&mut MessageBuilder<'_>)| {
        let message = request(world, kind, false, edit);
        heard(&asked(world, &message, kind.2))
    };
    let answered = |code: &str| (code.to_owned(), false);
    let end = (320, "00", "207");
    let no_lines = |builder: &mut MessageBuilder<'_>| {
        builder.number(11, 903).text(48, "0000");
    };
    assert_eq!(ask(&mut world, end, &no_lines), answered("95"), "the lines are expected");
    let upload = |builder: &mut MessageBuilder<'_>| {
        builder.number(11, 901).text(48, &lines);
    };
    assert_eq!(ask(&mut world, (320, "00", "201"), &upload), answered("00"));
    let one = |builder: &mut MessageBuilder<'_>| {
        builder.number(3, 0).number(4, 10_000).number(11, u64::from(stans[2])).text(25, "00");
    };
    assert_eq!(ask(&mut world, (320, "22", "206"), &one), answered("00"));
    let end_of_upload = |builder: &mut MessageBuilder<'_>| {
        builder.number(11, 902).text(48, "0003");
    };
    assert_eq!(ask(&mut world, (320, "00", "202"), &end_of_upload), answered("00"));
    let differs = |event: &Event| matches!(event, Event::BatchLineDiffers { .. });
    assert!(!world.events.iter().any(differs), "{:?}", world.events);
    assert_eq!(ask(&mut world, end, &no_lines), answered("00"));
    world.sign_on(0);
    assert_eq!(ask(&mut world, end, &no_lines), answered("12"), "the batch is open");
    let left = |event: &OperatorEvent| matches!(event, OperatorEvent::BatchLeftDisputed { .. });
    assert!(!world.operator_events.iter().any(left));
}

#[test]
fn completions_by_advice_and_their_voids_and_offline_sales_are_taken() {
    let mut world = open();
    let held = world.parcel(10_000);
    let hold = world.pre_authorise(held, 10_000);
    let sale = sell(&mut world);
    let about = |processing: u64, stan: u64, original: u32| {
        move |builder: &mut MessageBuilder<'_>| {
            builder.number(3, processing).number(4, 10_000).number(11, stan).text(25, "06");
            builder.text(49, "156").text(61, format!("{:06}{original:06}", 1));
        }
    };
    let void = (200, "21", "000");
    assert_eq!(code(&mut world, (220, "24", "000"), about(0, 910, hold.stan)), "00");
    assert_eq!(world.collected(held), 10_000);
    assert_eq!(code(&mut world, void, about(200_000, 911, sale)), "12", "no completion");
    assert_eq!(code(&mut world, void, about(200_000, 912, 910)), "00");
    assert_eq!(world.collected(held), 0);
    for (mti, kind, stan) in [(220, "30", 913), (200, "36", 914)] {
        let (text, card) = (waybill(world.parcel(2_000)), card(1));
        let offline = |builder: &mut MessageBuilder<'_>| {
            builder.number(3, 0).number(4, 2_000).number(11, stan).number(22, 22);
            builder.text(25, "00").text(35, card.track2().as_str()).text(38, "A1B2C3");
            builder.text(49, "156").text(58, &text);
        };
        assert_eq!(code(&mut world, (mti, kind, ""), offline), "00", "{kind}");
    }
    assert!(world.engine.check().is_ok());
}

#[test]
fn only_management_of_unionpays_terminals_may_lack_a_mac() {
    for (dialect, expected) in
        [(TerminalDialect::UNIONPAY, "00"), (TerminalDialect::DOORSTEP, "A0")]
    {
        let mut world = World::open_in(dialect);
        let card = card(1);
        let text = waybill(world.parcel(10_000));
        let sale = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
        let balance = TerminalTask::Balance { card: &card, pin: None };
        let tasks = [
            (sale, "A0"),
            (balance, "A0"),
            (TerminalTask::Parcels { from: 0 }, "A0"),
            (TerminalTask::Parameters, expected),
            (TerminalTask::Settle, expected),
        ];
        for (task, expected) in tasks {
            world.ask(0, task).unwrap();
            let (_, frame) = world.from_terminal.pop_front().unwrap();
            world.terminals[0].terminal.on_timeout(u64::MAX);
            world.terminals[0].terminal = TerminalPeer::new(dialect, 1).terminal;
            let message = Envelope::parse(&frame).unwrap().2;
            let message = world.packager().parse(message).unwrap();
            let mut builder = MessageBuilder::new(world.packager(), message.mti());
            for field in message.fields().filter(|field| field.id() != 64) {
                builder.copy_field(&field);
            }
            let message = builder.build().unwrap().to_vec();
            let answer = asked(&mut world, &message, "without a MAC");
            let answer = world.packager().parse(&answer).unwrap();
            assert_eq!(answer.text(39).unwrap().as_str(), expected, "{task:?}");
            assert!(!answer.has(64), "{task:?}");
            world.sign_on(0);
        }
    }
}

#[test]
fn field_60_may_end_after_any_part_but_not_inside_one() {
    let mut world = open();
    let forms = ["", "000", "0005", "00050", "000500", "000500001"].map(|form| (form, "00"));
    let cut = ["0", "00", "0005000", "00050000"].map(|form| (form, "30"));
    for (place, (form, expected)) in forms.into_iter().chain(cut).enumerate() {
        let (text, card) = (waybill(world.parcel(2_000)), card(1));
        let message = request(&world, (200, "22", form), true, |builder| {
            builder
                .number(3, 0)
                .number(4, 2_000)
                .number(11, 920 + u64::try_from(place).unwrap())
                .number(22, 22);
            builder.text(25, "00").text(35, card.track2().as_str()).text(49, "156").text(58, &text);
        });
        let answer = asked(&mut world, &message, form);
        // What does not name its sender gets an answer without a MAC.
        assert_eq!(heard(&answer), (expected.into(), expected == "00"), "{form}");
        let answer = UNIONPAY_POS.parse(&answer).unwrap();
        assert_eq!(answer.text(60).unwrap().as_str(), format!("22000001{form}"));
    }
}
