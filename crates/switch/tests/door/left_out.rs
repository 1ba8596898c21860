//! A network or wallet that is no longer in the settings.

use engine::view::TenderState;
use engine::{DAY_MS, TakeBack, TerminalId};
use peers::card::Entry;
use peers::terminal::Receipt;
use peers::{Action, Card, Heard, Task};
use switch::{Happening, Switch, Unfinished};

use crate::world::*;

/// A card that only the second network takes.
fn card_of_second() -> Card {
    Card::made(BIN_OF_SECOND, 1, Entry::Chip)
}

/// The engine begins again without the second network.
fn without_second(world: &mut World) -> Result<(), switch::ResumeError> {
    let mut settings = settings(1, 1);
    settings.wallet = world.settings.wallet.clone();
    world.settings = settings;
    world.restart()
}

/// It is refused with 91 and says why; nothing is posted.
fn is_refused(world: &mut World, task: Task<'_>, why: &str) {
    let before = world.engine.digest();
    let Heard::Declined(declined) = world.does(0, task) else {
        panic!("{task:?}: {:?}", world.terminals[0].heard)
    };
    assert_eq!((&declined.code, declined.text.as_str()), (b"91", why), "{task:?}");
    assert_eq!(world.engine.digest(), before, "{task:?}");
}

#[test]
fn the_switch_does_not_begin_while_something_over_a_network_that_is_left_out_is_unfinished() {
    let mut world = World::with(2, 1);
    let card = card_of_second();
    let (refunded, unknown) = (world.parcel(10_000), world.parcel(10_000));
    let (refunded, unknown) = (waybill(refunded), waybill(unknown));
    let sell = |waybill| Task::Sell { waybill, card: &card, amount: 10_000, pin: None };
    let sale = world.approved(0, sell(&refunded));
    world.fates(1, &[Action::Lost; 20]);
    for amount in [1_000, 2_000] {
        world.approved(0, Task::Refund { receipt: &sale, amount });
    }
    world.ask(0, sell(&unknown)).unwrap();
    world.settle();
    world.time_passes(world.now + 15_001);
    world.settle();
    let all = world.settings.clone();
    let why = without_second(&mut world).unwrap_err().to_string();
    assert_eq!(
        why,
        "the network `network 2` is not in the settings, and over it are unfinished: 2 refunds, \
         1 unknown purchase"
    );
    // Back in the settings, all of it ends.
    world.settings = all;
    world.nets[1].fates.lock().unwrap().clear();
    world.restart().unwrap();
    world.agree();
    without_second(&mut world).unwrap();
}

#[test]
fn the_switch_does_not_begin_while_a_wallet_that_is_left_out_has_something_to_do() {
    let mut world = World::open();
    let text = waybill(world.parcel(5_000));
    let Heard::QrShown { stan, .. } = world.does(0, Task::Qr { waybill: &text, amount: 5_000 })
    else {
        panic!("{:?}", world.terminals[0].heard)
    };
    let reference = format!("{:08}{:06}{stan:06}", 1, world.terminals[0].terminal.batch());
    let wallet = world.settings.wallet.take();
    let why = world.restart().unwrap_err().to_string();
    let left_out = "the wallet `w` is not in the settings, and over it are unfinished: ";
    assert_eq!(why, format!("{left_out}1 unknown purchase"));

    world.settings.wallet = wallet.clone();
    world.restart().unwrap();
    world.wallet(&reference, 5_000, PAID);
    world.does(0, Task::QrStatus { stan });
    world.approved(0, Task::QrBack { stan });
    world.settings.wallet = None;
    assert_eq!(world.restart().unwrap_err().to_string(), format!("{left_out}1 void"));

    world.settings.wallet = wallet;
    world.restart().unwrap();
    world.wallet(&reference, 5_000, REFUNDED);
    world.settings.wallet = None;
    world.restart().unwrap();
}

/// So much is held over the second network.
fn held_over_second(world: &mut World) -> Receipt {
    let (text, card) = (waybill(world.parcel(10_000)), card_of_second());
    world.approved(0, Task::PreAuthorise { waybill: &text, card: &card, amount: 10_000, pin: None })
}

#[test]
fn the_switch_does_not_begin_while_a_pre_authorisation_stands_over_a_network_that_is_left_out() {
    let mut world = World::with(2, 1);
    let held = [(); 2].map(|()| held_over_second(&mut world));
    let all = world.settings.clone();
    for (held, count) in held.iter().zip(["2 pre-authorisations", "1 pre-authorisation"]) {
        let why = without_second(&mut world).unwrap_err().to_string();
        let left_out = "the network `network 2` is not in the settings, and over it are unfinished";
        assert_eq!(why, format!("{left_out}: {count}"));
        world.settings = all.clone();
        world.now += 1_000;
        world.restart().unwrap();
        world.approved(0, Task::VoidPreAuthorisation { stan: held.stan });
    }
    without_second(&mut world).unwrap();
}

#[test]
fn one_that_stands_all_the_same_is_let_go_of_in_the_books_and_the_operator_is_told() {
    let mut world = World::with(2, 1);
    let stan = held_over_second(&mut world).stan;
    let second = world.settings.networks.pop().unwrap();
    for bin in &mut world.settings.bins {
        bin.networks.retain(|network| *network != second.network);
    }
    // It was not among what the books said before the first message.
    world.switch = Switch::new(world.settings.clone(), world.keys.clone()).unwrap();
    let (at, mut out) = (world.at(), Vec::new());
    world.switch.resume(Unfinished::default(), at, &mut out).unwrap();
    world.take(out);
    world.reconnect();
    world.sign_on(0);
    let why = "network not in settings";
    is_refused(&mut world, Task::Complete { stan, amount: 5_000 }, why);
    is_refused(&mut world, Task::VoidPreAuthorisation { stan }, why);
    world.time_passes(world.now + 31 * DAY_MS);
    world.settle();
    assert_eq!(world.state(0, stan), TenderState::Releasing(TakeBack::Expiry));
    let expired = Happening::Expired { terminal: TerminalId(1), stan, chased: false };
    assert!(world.happened.contains(&expired), "{:?}", world.happened);
    assert!(expired.told(|_| "").contains("not in the settings"));
    assert_eq!(world.switch.chased(), 0);
}

#[test]
fn what_was_paid_over_a_network_that_is_left_out_stays_and_the_terminal_is_told_why() {
    let mut world = World::with(2, 1);
    let (text, card) = (waybill(world.parcel(10_000)), card_of_second());
    let sale =
        world.approved(0, Task::Sell { waybill: &text, card: &card, amount: 10_000, pin: None });
    without_second(&mut world).unwrap();

    let why = "network not in settings";
    is_refused(&mut world, Task::Void { stan: sale.stan }, why);
    is_refused(&mut world, Task::Refund { receipt: &sale, amount: 1_000 }, why);
    let before = world.engine.digest();
    let stands = world.does(0, Task::Reverse { stan: sale.stan });
    assert_eq!(stands, Heard::Reversed { stan: sale.stan, code: *b"12" });
    assert_eq!(world.engine.digest(), before);
    assert_eq!(world.state(0, sale.stan), TenderState::Approved);
    assert_eq!(world.switch.in_flight(), 0);
}

#[test]
fn what_was_paid_by_a_wallet_that_is_left_out_stays_and_the_terminal_is_told_why() {
    let mut world = World::open();
    let text = waybill(world.parcel(5_000));
    let Heard::QrShown { stan, .. } = world.does(0, Task::Qr { waybill: &text, amount: 5_000 })
    else {
        panic!("{:?}", world.terminals[0].heard)
    };
    let reference = format!("{:08}{:06}{stan:06}", 1, world.terminals[0].terminal.batch());
    world.wallet(&reference, 5_000, PAID);
    world.does(0, Task::QrStatus { stan });
    world.settings.wallet = None;
    world.restart().unwrap();
    is_refused(&mut world, Task::QrBack { stan }, "wallet not in settings");
    let stands = world.does(0, Task::Reverse { stan });
    assert_eq!(stands, Heard::Reversed { stan, code: *b"12" });
    assert_eq!(world.state(0, stan), TenderState::Approved);
    assert_eq!(world.switch.in_flight(), 0);
}
