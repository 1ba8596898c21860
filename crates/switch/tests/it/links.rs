//! Links to networks: sign-on, echoes, several links, key changes and invalid messages.

use books::PaymentId;
use books::view::PaymentState;
use iso8583::{ISO87_BINARY, MessageBuilder, Mti};
use keys::{KeyStore, MacMethod, TdesKey};
use peers::network::KeyKind;
use peers::{ResponseAction, TerminalTask};
use switch::{LinkId, OperatorEvent};

use crate::world::*;

fn count(world: &World, wanted: impl Fn(&OperatorEvent) -> bool) -> usize {
    world.operator_events.iter().filter(|one| wanted(one)).count()
}

fn ask_for_a_sale(world: &mut World) -> books::ParcelId {
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    world
        .ask(0, TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None })
        .unwrap();
    parcel
}

#[test]
fn a_silent_link_is_dropped_after_two_echoes() {
    let mut world = World::open();
    assert_eq!(world.switch.links_up().count(), 1);
    // One echo is answered.
    world.advance_to(world.now + 60_000);
    world.settle();
    world.advance_to(world.now + 10_000);
    assert_eq!(world.switch.links_up().count(), 1);
    // Then the network is silent.
    for _ in 0..20 {
        world.advance_to(world.now + 10_000);
        world.to_network.clear();
        world.settle();
    }
    assert_eq!(world.switch.links_up().count(), 0);
    assert_eq!(count(&world, |one| *one == OperatorEvent::LinkSignedOff(link_id(0, 0))), 1);
    world.connect(0, 0);
    assert_eq!(world.switch.links_up().count(), 1);
}

#[test]
fn a_link_that_flaps_has_one_timer() {
    let mut world = World::open();
    for _ in 0..50 {
        world.outage(0);
    }
    world.to_network.clear();
    world.advance_to(world.now + 60_000);
    assert_eq!(world.to_network.len(), 1, "one echo");
}

#[test]
fn a_flapping_link_does_not_send_reversals_more_often() {
    let mut world = World::open();
    world.script_network(0, &[ResponseAction::Silent; 200]);
    ask_for_a_sale(&mut world);
    world.settle();
    world.advance_to(world.now + 15_001);
    world.settle();
    for _ in 0..50 {
        world.outage(0);
        world.advance_to(world.now);
        world.settle();
    }
    let before = world.networks[0].peer.counts().received;
    for _ in 0..60 {
        world.advance_to(world.now + 1_000);
        world.settle();
    }
    let heard = world.networks[0].peer.counts().received - before;
    assert!(heard <= 4, "{heard} messages in a minute");
    world.networks[0].actions.lock().unwrap().clear();
    world.assert_books_agree();
}

#[test]
fn messages_go_over_all_links_and_an_answer_may_come_over_another() {
    let mut world = World::with(1, 3);
    for _ in 0..6 {
        let parcel = world.parcel(100);
        world.sell(parcel, 100);
    }
    let parcel = ask_for_a_sale(&mut world);
    world.switch_receives_from_terminal();
    world.books_step();
    world.network_receives();
    let (link, _) = world.to_switch[0];
    world.to_switch[0].0 = link_id(0, (link.number + 1) % 3);
    world.settle();
    assert_eq!(world.collected(parcel), 10_000);
    world.disconnect(0, 1);
    world.disconnect(0, 2);
    let parcel = world.parcel(100);
    world.sell(parcel, 100);
    world.assert_books_agree();
}

#[test]
fn keys_change_while_payments_go_on() {
    let mut world = World::open();
    for kind in [KeyKind::Mac, KeyKind::Pin] {
        let parcel = ask_for_a_sale(&mut world);
        world.switch_receives_from_terminal();
        world.books_step();
        world.network_receives();
        // The response under the old key is pending when the new key comes.
        let (mut out, now) = (Vec::new(), world.now);
        world.networks[0].peer.change_key(kind, now, &mut out).unwrap();
        world.deliver_from_network(0, out);
        world.to_switch.rotate_left(1);
        world.settle();
        assert_eq!(world.collected(parcel), 10_000, "{:?}", world.operator_events);
        let (parcel, card) = (world.parcel(500), card(3));
        let (text, pin) = (waybill(parcel), card.pin());
        world.approved(
            0,
            TerminalTask::Sale { waybill: &text, card: &card, amount: 500, pin: Some(&pin) },
        );
    }
    assert_eq!(count(&world, |one| matches!(one, OperatorEvent::KeyChanged(_))), 2);
    world.assert_books_agree();
}

/// The network changes a key. Returns its message.
fn change_key(world: &mut World, kind: KeyKind) -> (LinkId, Vec<u8>) {
    let (mut out, now) = (Vec::new(), world.now);
    world.networks[0].peer.change_key(kind, now, &mut out).unwrap();
    world.deliver_from_network(0, out);
    let message = world.to_switch[0].clone();
    world.settle();
    message
}

/// The check values of a network's key in the switch's store, the newest first.
fn check_values(world: &World, kind: KeyKind) -> Vec<String> {
    let network = &world.settings.networks[0];
    let name = if kind == KeyKind::Mac { network.mac_key } else { network.pin_key };
    let listed = world.keys.list().unwrap();
    let of_name = listed.iter().filter(|listing| listing.name == name);
    of_name.map(|listing| listing.check_value.to_string()).collect()
}

/// Field 39 of the switch's response to a network's message. `None`: there is no response.
fn answer_to(world: &mut World, message: (LinkId, Vec<u8>)) -> Option<String> {
    world.to_switch.push_back(message);
    world.switch_receives_from_network();
    let (_, answer) = world.to_network.pop_back()?;
    let answer = ISO87_BINARY.parse(&answer).unwrap();
    Some(answer.text(39).unwrap().as_str().to_owned())
}

#[test]
fn a_repeated_key_change_is_answered_and_changes_nothing() {
    for kind in [KeyKind::Mac, KeyKind::Pin] {
        let mut world = World::open();
        let message = change_key(&mut world, kind);
        let keys = check_values(&world, kind);
        for _ in 0..3 {
            assert_eq!(answer_to(&mut world, message.clone()).as_deref(), Some("00"));
            assert_eq!(check_values(&world, kind), keys);
        }
        assert_eq!(count(&world, |one| matches!(one, OperatorEvent::KeyChanged(_))), 1);
        let parcel = world.parcel(500);
        world.sell(parcel, 500);
        world.assert_books_agree();
    }
}

#[test]
fn a_replayed_key_change_is_rejected() {
    for kind in [KeyKind::Mac, KeyKind::Pin] {
        let mut world = World::open();
        let recorded: Vec<_> = (0..4).map(|_| change_key(&mut world, kind)).collect();
        let keys = check_values(&world, kind);
        assert_eq!(keys.len(), 2, "the newest and the one before");
        // MACs under an older MAC key than the last but one are wrong.
        let answer = (kind == KeyKind::Pin).then_some("96");
        for message in &recorded[..3] {
            assert_eq!(answer_to(&mut world, message.clone()).as_deref(), answer);
            assert_eq!(check_values(&world, kind), keys);
        }
        let told = |one: &OperatorEvent| match one {
            OperatorEvent::KeyRejected { why, .. } => why.contains("was replaced"),
            OperatorEvent::NetworkMessageRejected { why, .. } => why == "wrong MAC",
            _ => false,
        };
        assert_eq!(count(&world, told), 3);
        let (parcel, card) = (world.parcel(500), card(3));
        let (text, pin) = (waybill(parcel), card.pin());
        world.approved(
            0,
            TerminalTask::Sale { waybill: &text, card: &card, amount: 500, pin: Some(&pin) },
        );
        world.assert_books_agree();
    }
}

#[test]
fn a_response_with_a_wrong_mac_is_ignored() {
    let mut world = World::open();
    world.script_network(0, &[ResponseAction::WrongMac]);
    let parcel = ask_for_a_sale(&mut world);
    world.settle();
    assert_eq!(count(&world, |one| matches!(one, OperatorEvent::NetworkMessageRejected { .. })), 1);
    assert_eq!(world.terminals[0].responses.len(), 1, "M3");
    world.assert_books_agree();
    assert_eq!(world.collected(parcel), 0);
}

#[test]
fn a_duplicate_response_is_handled_once() {
    let mut world = World::open();
    world.script_network(0, &[ResponseAction::Double]);
    let parcel = ask_for_a_sale(&mut world);
    world.settle();
    assert_eq!(world.collected(parcel), 10_000);
    assert_eq!(count(&world, |one| *one == OperatorEvent::UnmatchedResponse(NETWORKS[0])), 1);
    world.assert_books_agree();
}

#[test]
fn a_link_reconnects_after_the_network_signs_off() {
    let mut world = World::open();
    let sign_off = |key: &TdesKey| {
        let mut message = MessageBuilder::new(&ISO87_BINARY, Mti::M0800);
        message.number(7, 1_123_010_000).number(11, 1).number(70, 2);
        let mac = |bytes: &[u8]| keys::mac::compute(MacMethod::X9_19, key, bytes);
        message.build_with_mac(mac).unwrap().to_vec()
    };
    world.to_switch.push_back((link_id(0, 0), sign_off(&network_key(1, false))));
    world.settle();
    assert_eq!(world.switch.links_up().count(), 1, "not the network's key");
    world.to_switch.push_back((link_id(0, 0), sign_off(&network_key(0, false))));
    world.settle();
    assert_eq!(world.switch.links_up().count(), 0);
    assert!(world.networks[0].links[0].is_none(), "the link is closed");
    world.connect(0, 0);
    assert_eq!(world.switch.links_up().count(), 1);
}

#[test]
fn stans_are_not_reused_after_a_restart() {
    let mut world = World::open();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        for _ in 0..30 {
            let card = card(1);
            world.ask(0, TerminalTask::Balance { card: &card, pin: None }).unwrap();
            world.switch_receives_from_terminal();
            world.books_step();
            let (_, bytes) = world.to_network.back().unwrap().clone();
            let message = ISO87_BINARY.parse(&bytes).unwrap();
            let key = (message.number(7).unwrap(), message.number(11).unwrap());
            assert!(seen.insert(key), "{key:?} was used before");
            world.settle();
        }
        world.now += 20;
        world.crash();
        world.sign_on(0);
    }
}

#[test]
fn a_response_of_another_request_does_not_answer_this_one() {
    type Edit = fn(&mut MessageBuilder<'_>);
    let edits: [Edit; 3] = [
        |builder| _ = builder.number(4, 9_999),
        |builder| _ = builder.text(41, "00000002"),
        |builder| _ = builder.text(37, "ABCDEF000001"),
    ];
    for edit in edits {
        let mut world = World::open();
        let parcel = world.parcel(10_000);
        let (text, card) = (waybill(parcel), card(1));
        let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
        world.ask(0, task).unwrap();
        while world.to_switch.is_empty() {
            assert!(
                world.switch_receives_from_terminal()
                    || world.books_step()
                    || world.network_receives()
            );
        }
        world.forge_response(edit);
        world.settle();
        let rejected =
            |event: &OperatorEvent| matches!(event, OperatorEvent::NetworkMessageRejected { .. });
        assert!(world.operator_events.iter().any(rejected), "{:?}", world.operator_events);
        let payment = PaymentId { parcel, number: 1 };
        assert_eq!(world.payment_state(payment), PaymentState::Begun);
        world.assert_books_agree();
        assert_eq!(world.payment_state(payment), PaymentState::Reversed);
    }
}
