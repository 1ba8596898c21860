//! A network or wallet that is no longer in the settings.

use engine::view::TenderState;
use peers::card::Entry;
use peers::{Action, Card, Heard, Task};
use switch::WalletOutcome;

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
    world.wallet(&reference, 5_000, WalletOutcome::Paid);
    world.does(0, Task::QrStatus { stan });
    world.approved(0, Task::QrBack { stan });
    world.settings.wallet = None;
    assert_eq!(world.restart().unwrap_err().to_string(), format!("{left_out}1 void"));

    world.settings.wallet = wallet;
    world.restart().unwrap();
    world.wallet(&reference, 5_000, WalletOutcome::Refunded);
    world.settings.wallet = None;
    world.restart().unwrap();
}

#[test]
fn what_was_paid_over_a_network_that_is_left_out_stays_and_the_terminal_is_told_why() {
    let mut world = World::with(2, 1);
    let card = card_of_second();
    let texts = [world.parcel(10_000), world.parcel(10_000)].map(waybill);
    let sell = Task::Sell { waybill: &texts[0], card: &card, amount: 10_000, pin: None };
    let sale = world.approved(0, sell);
    let hold = Task::PreAuthorise { waybill: &texts[1], card: &card, amount: 10_000, pin: None };
    let held = world.approved(0, hold);
    without_second(&mut world).unwrap();

    let why = "network not in settings";
    is_refused(&mut world, Task::Void { stan: sale.stan }, why);
    is_refused(&mut world, Task::Refund { receipt: &sale, amount: 1_000 }, why);
    is_refused(&mut world, Task::Complete { stan: held.stan, amount: 5_000 }, why);
    is_refused(&mut world, Task::VoidPreAuthorisation { stan: held.stan }, why);
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
    world.wallet(&reference, 5_000, WalletOutcome::Paid);
    world.does(0, Task::QrStatus { stan });
    world.settings.wallet = None;
    world.restart().unwrap();
    is_refused(&mut world, Task::QrBack { stan }, "wallet not in settings");
    let stands = world.does(0, Task::Reverse { stan });
    assert_eq!(stands, Heard::Reversed { stan, code: *b"12" });
    assert_eq!(world.state(0, stan), TenderState::Approved);
    assert_eq!(world.switch.in_flight(), 0);
}
