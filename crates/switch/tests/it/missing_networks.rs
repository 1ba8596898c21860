//! A network or wallet that was removed from the settings.

use books::view::PaymentState;
use books::{DAY_MS, ReversalKind, Stan, TerminalId};
use peers::card::EntryMode;
use peers::terminal::Receipt;
use peers::{ResponseAction, ResponseCode, TerminalOutcome, TerminalTask, TestCard};
use switch::{OperatorEvent, Switch, Unfinished};

use crate::world::*;

/// A card that only the second network takes.
fn card_of_second() -> TestCard {
    TestCard::generate(BIN_OF_SECOND_NETWORK, 1, EntryMode::Chip)
}

/// Restarts without the second network.
fn without_second(world: &mut World) -> Result<(), switch::ResumeError> {
    let mut settings = settings(1, 1);
    settings.wallet = world.settings.wallet.clone();
    world.settings = settings;
    world.restart()
}

/// Asserts a refusal with 91 and its text; nothing is posted.
fn is_refused(world: &mut World, task: TerminalTask<'_>, why: &str) {
    let before = world.applied();
    let TerminalOutcome::Declined(declined) = world.run(0, task) else {
        panic!("{task:?}: {:?}", world.terminals[0].responses)
    };
    assert_eq!((declined.code.bytes(), declined.text.as_str()), (*b"91", why), "{task:?}");
    assert_eq!(world.applied(), before, "{task:?}");
}

#[test]
fn the_switch_does_not_start_with_unfinished_transactions_at_a_missing_network() {
    let mut world = World::with(2, 1);
    let card = card_of_second();
    let (refunded, unknown) = (world.parcel(10_000), world.parcel(10_000));
    let (refunded, unknown) = (waybill(refunded), waybill(unknown));
    let sell = |waybill| TerminalTask::Sale { waybill, card: &card, amount: 10_000, pin: None };
    let sale = world.approved(0, sell(&refunded));
    world.script_network(1, &[ResponseAction::Lost; 20]);
    for amount in [1_000, 2_000] {
        world.approved(0, TerminalTask::Refund { receipt: &sale, amount });
    }
    world.ask(0, sell(&unknown)).unwrap();
    world.settle();
    world.advance_to(world.now + 15_001);
    world.settle();
    let all = world.settings.clone();
    let why = without_second(&mut world).unwrap_err().to_string();
    assert_eq!(
        why,
        "the network `network 2` is not in the settings but has unfinished transactions: 2 \
         refunds, \
         1 unknown purchase"
    );
    // With the network back in the settings, all transactions finish.
    world.settings = all;
    world.networks[1].actions.lock().unwrap().clear();
    world.restart().unwrap();
    world.assert_books_agree();
    without_second(&mut world).unwrap();
}

#[test]
fn the_switch_does_not_start_with_unfinished_transactions_at_a_missing_wallet() {
    let mut world = World::open();
    let text = waybill(world.parcel(5_000));
    let TerminalOutcome::QrShown { stan, .. } =
        world.run(0, TerminalTask::Qr { waybill: &text, amount: 5_000 })
    else {
        panic!("{:?}", world.terminals[0].responses)
    };
    let reference = format!("{:08}{:06}{stan:06}", 1, world.terminals[0].terminal.batch());
    let wallet = world.settings.wallet.take();
    let why = world.restart().unwrap_err().to_string();
    let left_out = "the wallet `w` is not in the settings but has unfinished transactions: ";
    assert_eq!(why, format!("{left_out}1 unknown purchase"));

    world.settings.wallet = wallet.clone();
    world.restart().unwrap();
    world.wallet(&reference, 5_000, PAID);
    world.run(0, TerminalTask::QrStatus { stan });
    world.approved(0, TerminalTask::QrRefund { stan });
    world.settings.wallet = None;
    assert_eq!(world.restart().unwrap_err().to_string(), format!("{left_out}1 void"));

    world.settings.wallet = wallet;
    world.restart().unwrap();
    world.wallet(&reference, 5_000, REFUNDED);
    world.settings.wallet = None;
    world.restart().unwrap();
}

/// A pre-authorisation at the second network.
fn held_over_second(world: &mut World) -> Receipt {
    let (text, card) = (waybill(world.parcel(10_000)), card_of_second());
    world.approved(
        0,
        TerminalTask::PreAuthorisation { waybill: &text, card: &card, amount: 10_000, pin: None },
    )
}

#[test]
fn the_switch_does_not_start_with_pre_authorisations_at_a_missing_network() {
    let mut world = World::with(2, 1);
    let held = [(); 2].map(|()| held_over_second(&mut world));
    let all = world.settings.clone();
    for (held, count) in held.iter().zip(["2 pre-authorisations", "1 pre-authorisation"]) {
        let why = without_second(&mut world).unwrap_err().to_string();
        let left_out =
            "the network `network 2` is not in the settings but has unfinished transactions";
        assert_eq!(why, format!("{left_out}: {count}"));
        world.settings = all.clone();
        world.now += 1_000;
        world.restart().unwrap();
        world.approved(0, TerminalTask::VoidPreAuthorisation { stan: held.stan });
    }
    without_second(&mut world).unwrap();
}

#[test]
fn an_expired_pre_authorisation_at_a_missing_network_is_reported() {
    let mut world = World::with(2, 1);
    let stan = held_over_second(&mut world).stan;
    let second = world.settings.networks.pop().unwrap();
    for bin in &mut world.settings.bins {
        bin.networks.retain(|network| *network != second.network);
    }
    // The unfinished transactions of the start did not have it.
    world.switch = Switch::new(world.settings.clone(), world.keys.clone()).unwrap();
    let (at, mut out) = (world.at(), Vec::new());
    world.switch.resume(Unfinished::default(), at, &mut out).unwrap();
    world.queue_outputs(out);
    world.reconnect();
    world.sign_on(0);
    let why = "network not in settings";
    is_refused(&mut world, TerminalTask::Completion { stan, amount: 5_000 }, why);
    is_refused(&mut world, TerminalTask::VoidPreAuthorisation { stan }, why);
    world.advance_to(world.now + 31 * DAY_MS);
    world.settle();
    assert_eq!(world.state(0, stan), PaymentState::Releasing(ReversalKind::Expiry));
    let (terminal, stan) = (TerminalId(1), Stan::of(stan));
    let expired = OperatorEvent::PreAuthorisationExpired { terminal, stan, reversing: false };
    assert!(world.operator_events.contains(&expired), "{:?}", world.operator_events);
    assert_eq!(world.switch.queued_reversals(), 0);
}

#[test]
fn a_payment_at_a_missing_network_stands() {
    let mut world = World::with(2, 1);
    let (text, card) = (waybill(world.parcel(10_000)), card_of_second());
    let sale = world
        .approved(0, TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None });
    without_second(&mut world).unwrap();

    let why = "network not in settings";
    is_refused(&mut world, TerminalTask::Void { stan: sale.stan }, why);
    is_refused(&mut world, TerminalTask::Refund { receipt: &sale, amount: 1_000 }, why);
    let before = world.applied();
    let stands = world.run(0, TerminalTask::Reverse { stan: sale.stan });
    assert_eq!(
        stands,
        TerminalOutcome::Reversed { stan: sale.stan, code: ResponseCode::INVALID_TRANSACTION }
    );
    assert_eq!(world.applied(), before);
    assert_eq!(world.state(0, sale.stan), PaymentState::Approved);
    assert_eq!(world.switch.in_flight(), 0);
}

#[test]
fn a_payment_at_a_missing_wallet_stands() {
    let mut world = World::open();
    let text = waybill(world.parcel(5_000));
    let TerminalOutcome::QrShown { stan, .. } =
        world.run(0, TerminalTask::Qr { waybill: &text, amount: 5_000 })
    else {
        panic!("{:?}", world.terminals[0].responses)
    };
    let reference = format!("{:08}{:06}{stan:06}", 1, world.terminals[0].terminal.batch());
    world.wallet(&reference, 5_000, PAID);
    world.run(0, TerminalTask::QrStatus { stan });
    world.settings.wallet = None;
    world.restart().unwrap();
    is_refused(&mut world, TerminalTask::QrRefund { stan }, "wallet not in settings");
    let stands = world.run(0, TerminalTask::Reverse { stan });
    assert_eq!(stands, TerminalOutcome::Reversed { stan, code: ResponseCode::INVALID_TRANSACTION });
    assert_eq!(world.state(0, stan), PaymentState::Approved);
    assert_eq!(world.switch.in_flight(), 0);
}

#[test]
fn the_repeat_of_a_refund_gets_its_answer_without_its_network() {
    let mut world = World::with(2, 1);
    let card = card_of_second();
    let [first, second] = [10_000, 10_000].map(|due| waybill(world.parcel(due)));
    let [first, second] = [&first, &second].map(|waybill| {
        world.approved(0, TerminalTask::Sale { waybill, card: &card, amount: 10_000, pin: None })
    });
    world.approved(0, TerminalTask::Refund { receipt: &first, amount: 1_000 });
    without_second(&mut world).unwrap();
    let before = world.applied();
    assert!(matches!(world.repeat(0), TerminalOutcome::Approved { .. }));
    // The same trace with another original.
    let message = world.terminals[0].terminal.repeat(world.now).unwrap();
    world.send(0, message.to_vec());
    let original = format!("{:06}{:06}", world.terminals[0].terminal.batch(), second.stan);
    world.forge(None, &[61], |builder| {
        builder.text(61, &original);
    });
    while world.switch_receives_from_terminal() || world.books_step() {}
    assert_eq!(world.last_response().0, "94");
    assert_eq!(world.applied(), before);
}
