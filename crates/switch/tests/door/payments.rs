//! Payments at the door, and what terminals ask beside them.

use engine::Event;
use engine::view::TenderState;
use peers::{Action, Heard, Task};
use switch::Happening;

use crate::world::*;

#[test]
fn a_terminal_signs_on_and_its_keys_work() {
    let mut world = World::open();
    assert_eq!(world.terminals[0].terminal.batch(), 1);
    assert!(matches!(world.does(0, Task::Echo), Heard::Echoed));
    let Heard::Parameters(parameters) = world.does(0, Task::Parameters) else { panic!() };
    assert_eq!((parameters.answer_within_s, parameters.reversal_tries), (60, 3));
    assert_eq!((parameters.offline_each, parameters.offline_total), (50_000, 100_000));
    assert_eq!(parameters.batch_transactions, 999);
    // A second sign-on goes on with the batch and the keys.
    world.sign_on(0);
    assert_eq!(world.terminals[0].terminal.batch(), 1);
    assert!(matches!(world.does(0, Task::SignOff), Heard::SignedOff));
}

#[test]
fn a_sale_is_approved_and_all_books_agree() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let receipt = world.sell(parcel, 10_000);
    assert_eq!(world.collected(parcel), 10_000);
    assert_ne!(receipt.authorisation, *b"      ");
    let item = world.nets[0].peer.book().items().next().unwrap().clone();
    assert_eq!(item.rrn, receipt.rrn, "the terminal has the network's number");
    assert_eq!(Some(receipt.authorisation), item.authorisation);
    assert_eq!(&item.merchant, MERCHANT);
    world.agree();
}

#[test]
fn a_card_is_read_by_stripe_chip_contactless_and_by_hand() {
    use peers::card::Entry;
    let mut world = World::open();
    for entry in [Entry::Stripe, Entry::Chip, Entry::Contactless, Entry::Keyed] {
        let parcel = world.parcel(500);
        let (waybill, card) = (waybill(parcel), card(7).read_by(entry));
        world.approved(0, Task::Sell { waybill: &waybill, card: &card, amount: 500, pin: None });
    }
    world.agree();
}

#[test]
fn a_pin_is_translated_and_a_wrong_one_is_found_by_the_network() {
    let mut world = World::open();
    let (parcel, card) = (world.parcel(10_000), card(3));
    let waybill = waybill(parcel);
    let wrong = card.wrong_pin();
    let task = Task::Sell { waybill: &waybill, card: &card, amount: 10_000, pin: Some(&wrong) };
    assert_eq!(world.declined(0, task), "55");
    let pin = card.pin();
    world.approved(
        0,
        Task::Sell { waybill: &waybill, card: &card, amount: 10_000, pin: Some(&pin) },
    );
    world.agree();
}

#[test]
fn a_decline_leaves_nothing_in_any_books() {
    let mut world = World::open();
    world.fates(0, &[Action::Decline { code: *b"51" }]);
    let parcel = world.parcel(10_000);
    let (waybill, card) = (waybill(parcel), card(1));
    let task = Task::Sell { waybill: &waybill, card: &card, amount: 10_000, pin: None };
    assert_eq!(world.declined(0, task), "51");
    assert_eq!(world.state(0, 2), TenderState::Declined);
    world.agree();
    assert!(matches!(world.repeats(0), Heard::Declined(again) if again.code == *b"51"));
}

#[test]
fn codes_by_which_doorstep_commands_terminals_are_no_networks_to_say() {
    for code in [b"A0", b"77", b"97", b"94", b"30", b"P4"] {
        let mut world = World::open();
        world.fates(0, &[Action::Decline { code: *code }]);
        let parcel = world.parcel(10_000);
        let (waybill, card) = (waybill(parcel), card(1));
        let task = Task::Sell { waybill: &waybill, card: &card, amount: 10_000, pin: None };
        assert_eq!(world.declined(0, task), "91", "{}", code.escape_ascii());
        assert!(!world.terminals[0].terminal.must_sign_on());
        world.agree();
    }
}

#[test]
fn a_balance_is_asked_and_nothing_is_in_the_books() {
    let mut world = World::open();
    let (before, card) = (world.engine.digest(), card(1));
    let Heard::Balance(balance) = world.does(0, Task::Balance { card: &card, pin: None }) else {
        panic!("{:?}", world.terminals[0].heard)
    };
    assert!(balance.amount >= 1_000_000);
    assert_eq!((world.engine.digest(), balance.currency), (before, 156));
}

#[test]
fn a_sale_that_is_sent_again_gets_its_first_answer_also_after_a_restart() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let first = world.sell(parcel, 10_000);
    for crash in [false, true] {
        if crash {
            world.crash();
        }
        let Heard::Approved { receipt, .. } = world.repeats(0) else {
            panic!("{:?}", world.terminals[0].heard)
        };
        assert_eq!(receipt, first);
        assert!(
            world.happened.contains(&Happening::Repeated {
                terminal: engine::TerminalId(1),
                stan: first.stan,
            })
        );
    }
    assert_eq!(world.nets[0].peer.book().items().len(), 1, "the network was asked once");
    world.agree();
}

#[test]
fn a_repeat_of_what_is_under_way_gets_the_answer_when_it_is_there() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let (waybill, card) = (waybill(parcel), card(1));
    let task = Task::Sell { waybill: &waybill, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.switch_hears_terminal();
    let Heard::Approved { .. } = world.repeats(0) else { panic!() };
    assert_eq!(world.nets[0].peer.book().items().len(), 1);
    world.agree();
}

#[test]
fn a_pre_authorisation_is_completed_in_part_and_the_rest_is_let_go() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let held = world.pre_authorise(parcel, 10_000);
    assert_eq!(world.state(0, held.stan), TenderState::Authorised);
    assert_eq!(world.collected(parcel), 0);
    let done = world.approved(0, Task::Complete { stan: held.stan, amount: 6_000 });
    assert_eq!((done.amount, world.collected(parcel)), (6_000, 6_000));
    world.agree();
    let Heard::Approved { receipt, .. } = world.repeats(0) else { panic!() };
    assert_eq!(receipt, done);
}

#[test]
fn cash_is_taken_with_change_and_within_the_couriers_limit() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let text = waybill(parcel);
    world.approved(0, Task::Cash { waybill: &text, amount: 9_950, tendered: 10_000 });
    let Heard::Approved { .. } = world.repeats(0) else { panic!() };
    assert_eq!(world.collected(parcel), 9_950);
    let dear = waybill(world.parcel(200_000));
    let task = Task::Cash { waybill: &dear, amount: 200_000, tendered: 200_000 };
    assert_eq!(world.declined(0, task), "61");
    world.agree();
}

#[test]
fn an_offline_sale_is_forwarded_before_it_is_acknowledged() {
    let mut world = World::open();
    world.does(0, Task::Parameters);
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let sold = world.approved(0, Task::Offline { waybill: &text, card: &card, amount: 10_000 });
    let item = world.nets[0].peer.book().items().next().unwrap();
    assert_eq!(item.authorisation, Some(sold.authorisation));
    assert!(world.events.iter().any(|event| matches!(event, Event::AdviceForwarded { .. })));
    assert!(matches!(world.repeats(0), Heard::Approved { .. }));
    world.agree();
}

#[test]
fn an_offline_sale_waits_at_the_terminal_while_no_network_is_up() {
    let mut world = World::open();
    world.does(0, Task::Parameters);
    world.disconnect(0, 0);
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let task = Task::Offline { waybill: &text, card: &card, amount: 10_000 };
    assert_eq!(world.declined(0, task), "96");
    assert_eq!(world.terminals[0].terminal.to_forward(), 1);
    world.connect(0, 0);
    world.agree();
    assert_eq!(world.terminals[0].terminal.to_forward(), 0);
    assert_eq!(world.collected(parcel), 10_000);
}

#[test]
fn an_offline_sale_whose_answer_is_lost_is_forwarded_under_its_first_numbers() {
    for action in [Action::Silent, Action::Lost, Action::WrongMac] {
        let mut world = World::with(2, 1);
        world.does(0, Task::Parameters);
        let parcel = world.parcel(10_000);
        let (text, card) = (waybill(parcel), card(1));
        world.fates(0, &[action]);
        world.ask(0, Task::Offline { waybill: &text, card: &card, amount: 10_000 }).unwrap();
        world.settle();
        // Meanwhile another network would be cheaper for a new sale.
        world.time_passes(world.now + 15_001);
        world.settle();
        world.switch.network_withdrawn(NETWORKS[0], Some(world.at()));
        world.agree();
        let items: Vec<usize> =
            world.nets.iter().map(|net| net.peer.book().items().len()).collect();
        assert_eq!(items, [1, 0], "{action:?}: the card is charged once");
    }
}

#[test]
fn an_offline_sale_that_the_network_rejects_was_made_all_the_same() {
    let mut world = World::open();
    world.does(0, Task::Parameters);
    world.fates(0, &[Action::Decline { code: *b"14" }]);
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    world.approved(0, Task::Offline { waybill: &text, card: &card, amount: 10_000 });
    assert_eq!(world.collected(parcel), 10_000);
    let rejected = |happening: &Happening| matches!(happening, Happening::AdviceRejected { .. });
    assert!(world.happened.iter().any(rejected));
    assert_eq!(world.engine.parcel_view(parcel).unwrap().collected, money::Amount::of(10_000));
}
