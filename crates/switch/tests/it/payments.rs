//! Payments, sign-on and balance inquiries.

use books::view::PaymentState;
use books::{Command, Event};
use peers::{ResponseAction, ResponseCode, TerminalOutcome, TerminalTask};
use switch::OperatorEvent;

use crate::world::*;

#[test]
fn a_terminal_signs_on_and_its_keys_work() {
    let mut world = World::open();
    assert_eq!(world.terminals[0].terminal.batch(), 1);
    assert!(matches!(world.run(0, TerminalTask::Echo), TerminalOutcome::Echoed));
    let TerminalOutcome::Parameters(parameters) = world.run(0, TerminalTask::Parameters) else {
        panic!()
    };
    assert_eq!((parameters.answer_timeout_s, parameters.reversal_tries_max), (60, 3));
    assert_eq!((parameters.offline_sale_max, parameters.offline_total_max), (50_000, 100_000));
    assert_eq!(parameters.batch_transactions_max, 999);
    // A second sign-on keeps the batch and the keys.
    world.sign_on(0);
    assert_eq!(world.terminals[0].terminal.batch(), 1);
    assert!(matches!(world.run(0, TerminalTask::SignOff), TerminalOutcome::SignedOff));
}

#[test]
fn a_sale_is_approved_and_all_books_agree() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let receipt = world.sell(parcel, 10_000);
    assert_eq!(world.collected(parcel), 10_000);
    assert_ne!(receipt.authorisation, None);
    let item = world.networks[0].peer.book().items().next().unwrap().clone();
    assert_eq!(Some(item.rrn), receipt.rrn, "the terminal has the network's RRN");
    assert_eq!(receipt.authorisation, item.authorisation);
    assert_eq!(&item.merchant, MERCHANT);
    world.assert_books_agree();
}

#[test]
fn a_card_is_read_by_stripe_chip_contactless_and_by_hand() {
    use peers::card::EntryMode;
    let mut world = World::open();
    for entry in [EntryMode::Stripe, EntryMode::Chip, EntryMode::Contactless, EntryMode::Keyed] {
        let parcel = world.parcel(500);
        let (waybill, card) = (waybill(parcel), card(7).with_entry_mode(entry));
        world.approved(
            0,
            TerminalTask::Sale { waybill: &waybill, card: &card, amount: 500, pin: None },
        );
    }
    world.assert_books_agree();
}

#[test]
fn a_pin_is_translated_and_a_wrong_one_is_found_by_the_network() {
    let mut world = World::open();
    let (parcel, card) = (world.parcel(10_000), card(3));
    let waybill = waybill(parcel);
    let wrong = card.wrong_pin();
    let task =
        TerminalTask::Sale { waybill: &waybill, card: &card, amount: 10_000, pin: Some(&wrong) };
    assert_eq!(world.declined(0, task), "55");
    let pin = card.pin();
    world.approved(
        0,
        TerminalTask::Sale { waybill: &waybill, card: &card, amount: 10_000, pin: Some(&pin) },
    );
    world.assert_books_agree();
}

#[test]
fn a_decline_leaves_nothing_in_any_books() {
    let mut world = World::open();
    world.script_network(0, &[ResponseAction::Decline { code: ResponseCode::INSUFFICIENT_FUNDS }]);
    let parcel = world.parcel(10_000);
    let (waybill, card) = (waybill(parcel), card(1));
    let task = TerminalTask::Sale { waybill: &waybill, card: &card, amount: 10_000, pin: None };
    assert_eq!(world.declined(0, task), "51");
    assert_eq!(world.state(0, 2), PaymentState::Declined);
    world.assert_books_agree();
    let outcome = world.repeat(0);
    let TerminalOutcome::Declined(again) = outcome else { panic!("{outcome:?}") };
    assert_eq!(again.code, ResponseCode::INSUFFICIENT_FUNDS);
}

#[test]
fn a_network_cannot_send_doorsteps_own_codes() {
    for code in [b"A0", b"77", b"97", b"94", b"30", b"P4"] {
        let mut world = World::open();
        world.script_network(
            0,
            &[ResponseAction::Decline { code: ResponseCode::new(*code).unwrap() }],
        );
        let parcel = world.parcel(10_000);
        let (waybill, card) = (waybill(parcel), card(1));
        let task = TerminalTask::Sale { waybill: &waybill, card: &card, amount: 10_000, pin: None };
        assert_eq!(world.declined(0, task), "91", "{}", code.escape_ascii());
        assert!(!world.terminals[0].terminal.must_sign_on());
        world.assert_books_agree();
    }
}

#[test]
fn a_balance_inquiry_moves_no_money_and_its_balance_is_not_kept() {
    let mut world = World::open();
    let (before, card) = (world.journal.len(), card(1));
    let TerminalOutcome::Balance(balance) =
        world.run(0, TerminalTask::Balance { card: &card, pin: None })
    else {
        panic!("{:?}", world.terminals[0].responses)
    };
    assert!(balance.amount >= 1_000_000);
    let inquiries = &world.journal[before..];
    let recorded =
        |(_, command): &(_, Command)| matches!(command, Command::RecordBalanceInquiry(_));
    assert!(inquiries.len() == 1 && inquiries.iter().all(recorded), "{inquiries:?}");
    assert_eq!(balance.currency, 156);
    world.assert_books_agree();
}

#[test]
fn a_repeated_sale_gets_the_first_answer_also_after_a_restart() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let first = world.sell(parcel, 10_000);
    for crash in [false, true] {
        if crash {
            world.crash();
        }
        let TerminalOutcome::Approved { receipt, .. } = world.repeat(0) else {
            panic!("{:?}", world.terminals[0].responses)
        };
        assert_eq!(receipt, first);
        assert!(world.operator_events.contains(&OperatorEvent::Repeated {
            terminal: books::TerminalId(1),
            stan: books::Stan::of(first.stan),
        }));
    }
    assert_eq!(world.networks[0].peer.book().items().len(), 1, "the network was asked once");
    world.assert_books_agree();
}

#[test]
fn a_repeat_in_flight_gets_the_answer_when_it_comes() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let (waybill, card) = (waybill(parcel), card(1));
    let task = TerminalTask::Sale { waybill: &waybill, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.switch_receives_from_terminal();
    let TerminalOutcome::Approved { .. } = world.repeat(0) else { panic!() };
    assert_eq!(world.networks[0].peer.book().items().len(), 1);
    world.assert_books_agree();
}

#[test]
fn a_partial_completion_releases_the_rest() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let held = world.pre_authorise(parcel, 10_000);
    assert_eq!(world.state(0, held.stan), PaymentState::Authorised);
    assert_eq!(world.collected(parcel), 0);
    let done = world.approved(0, TerminalTask::Completion { stan: held.stan, amount: 6_000 });
    assert_eq!((done.amount, world.collected(parcel)), (6_000, 6_000));
    world.assert_books_agree();
    let TerminalOutcome::Approved { receipt, .. } = world.repeat(0) else { panic!() };
    assert_eq!(receipt, done);
}

#[test]
fn cash_is_taken_with_change_and_within_the_couriers_limit() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let text = waybill(parcel);
    world.approved(0, TerminalTask::Cash { waybill: &text, amount: 9_950, tendered: 10_000 });
    let TerminalOutcome::Approved { .. } = world.repeat(0) else { panic!() };
    assert_eq!(world.collected(parcel), 9_950);
    let dear = waybill(world.parcel(200_000));
    let task = TerminalTask::Cash { waybill: &dear, amount: 200_000, tendered: 200_000 };
    assert_eq!(world.declined(0, task), "61");
    world.assert_books_agree();
}

#[test]
fn an_offline_sale_is_forwarded_before_it_is_acknowledged() {
    let mut world = World::open();
    world.run(0, TerminalTask::Parameters);
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let sold =
        world.approved(0, TerminalTask::Offline { waybill: &text, card: &card, amount: 10_000 });
    let item = world.networks[0].peer.book().items().next().unwrap();
    assert_eq!(item.authorisation, sold.authorisation);
    assert!(world.events.iter().any(|event| matches!(event, Event::AdviceForwarded { .. })));
    assert!(matches!(world.repeat(0), TerminalOutcome::Approved { .. }));
    world.assert_books_agree();
}

#[test]
fn an_offline_sale_waits_at_the_terminal_while_no_network_is_up() {
    let mut world = World::open();
    world.run(0, TerminalTask::Parameters);
    world.disconnect(0, 0);
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let task = TerminalTask::Offline { waybill: &text, card: &card, amount: 10_000 };
    assert_eq!(world.declined(0, task), "96");
    assert_eq!(world.terminals[0].terminal.waiting_offline_sales(), 1);
    world.connect(0, 0);
    world.assert_books_agree();
    assert_eq!(world.terminals[0].terminal.waiting_offline_sales(), 0);
    assert_eq!(world.collected(parcel), 10_000);
}

#[test]
fn a_repeated_offline_sale_keeps_its_stan() {
    for action in [ResponseAction::Silent, ResponseAction::Lost, ResponseAction::WrongMac] {
        let mut world = World::with(2, 1);
        world.run(0, TerminalTask::Parameters);
        let parcel = world.parcel(10_000);
        let (text, card) = (waybill(parcel), card(1));
        world.script_network(0, &[action]);
        world
            .ask(0, TerminalTask::Offline { waybill: &text, card: &card, amount: 10_000 })
            .unwrap();
        world.settle();
        // By now another network is cheaper for a new sale.
        world.advance_to(world.now + 15_001);
        world.settle();
        world.switch.network_withdrawn(NETWORKS[0], Some(world.at()));
        world.assert_books_agree();
        let items: Vec<usize> =
            world.networks.iter().map(|net| net.peer.book().items().len()).collect();
        assert_eq!(items, [1, 0], "{action:?}: the card is charged once");
    }
}
