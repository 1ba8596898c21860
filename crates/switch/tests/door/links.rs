//! Links to networks: sign-on, echoes, several of them, keys that change, messages that are not
//! what they should be.

use keys::KeyStore;
use peers::network::KeyKind;
use peers::{Action, Task};
use switch::{Happening, LinkId};

use crate::world::*;

fn count(world: &World, wanted: impl Fn(&Happening) -> bool) -> usize {
    world.happened.iter().filter(|one| wanted(one)).count()
}

fn ask_for_a_sale(world: &mut World) -> engine::ParcelId {
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    world.ask(0, Task::Sell { waybill: &text, card: &card, amount: 10_000, pin: None }).unwrap();
    parcel
}

#[test]
fn a_silent_link_is_asked_twice_and_given_up() {
    let mut world = World::open();
    assert_eq!(world.switch.links_up().count(), 1);
    // One echo is answered.
    world.time_passes(world.now + 60_000);
    world.settle();
    world.time_passes(world.now + 10_000);
    assert_eq!(world.switch.links_up().count(), 1);
    // Then the network is silent.
    for _ in 0..20 {
        world.time_passes(world.now + 10_000);
        world.to_network.clear();
        world.settle();
    }
    assert_eq!(world.switch.links_up().count(), 0);
    assert_eq!(count(&world, |one| *one == Happening::LinkDown(link_id(0, 0))), 1);
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
    world.time_passes(world.now + 60_000);
    assert_eq!(world.to_network.len(), 1, "one echo");
}

#[test]
fn a_chase_is_not_sent_more_often_because_a_link_flaps() {
    let mut world = World::open();
    world.fates(0, &[Action::Silent; 200]);
    ask_for_a_sale(&mut world);
    world.settle();
    world.time_passes(world.now + 15_001);
    world.settle();
    for _ in 0..50 {
        world.outage(0);
        world.time_passes(world.now);
        world.settle();
    }
    let before = world.nets[0].peer.counts().heard;
    for _ in 0..60 {
        world.time_passes(world.now + 1_000);
        world.settle();
    }
    let heard = world.nets[0].peer.counts().heard - before;
    assert!(heard <= 4, "{heard} messages in a minute");
    world.nets[0].fates.lock().unwrap().clear();
    world.agree();
}

#[test]
fn messages_go_over_all_links_and_an_answer_may_come_over_another() {
    let mut world = World::with(1, 3);
    for _ in 0..6 {
        let parcel = world.parcel(100);
        world.sell(parcel, 100);
    }
    let parcel = ask_for_a_sale(&mut world);
    world.switch_hears_terminal();
    world.book();
    world.network_hears();
    let (link, _) = world.to_switch[0];
    world.to_switch[0].0 = link_id(0, (link.number + 1) % 3);
    world.settle();
    assert_eq!(world.collected(parcel), 10_000);
    world.disconnect(0, 1);
    world.disconnect(0, 2);
    let parcel = world.parcel(100);
    world.sell(parcel, 100);
    world.agree();
}

#[test]
fn keys_change_while_payments_go_on() {
    let mut world = World::open();
    for kind in [KeyKind::Mac, KeyKind::Pin] {
        let parcel = ask_for_a_sale(&mut world);
        world.switch_hears_terminal();
        world.book();
        world.network_hears();
        // The answer under the old key is under way when the new key comes.
        let (mut out, now) = (Vec::new(), world.now);
        world.nets[0].peer.change_key(kind, now, &mut out).unwrap();
        world.network_says(0, out);
        world.to_switch.rotate_left(1);
        world.settle();
        assert_eq!(world.collected(parcel), 10_000, "{:?}", world.happened);
        let (parcel, card) = (world.parcel(500), card(3));
        let (text, pin) = (waybill(parcel), card.pin());
        world.approved(0, Task::Sell { waybill: &text, card: &card, amount: 500, pin: Some(&pin) });
    }
    assert_eq!(count(&world, |one| matches!(one, Happening::KeyChanged(_))), 2);
    world.agree();
}

/// The network changes a key; the message that said so.
fn change_key(world: &mut World, kind: KeyKind) -> (LinkId, Vec<u8>) {
    let (mut out, now) = (Vec::new(), world.now);
    world.nets[0].peer.change_key(kind, now, &mut out).unwrap();
    world.network_says(0, out);
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

/// What the switch says to a message of a network, in field 39.
fn answer_to(world: &mut World, message: (LinkId, Vec<u8>)) -> String {
    world.to_switch.push_back(message);
    world.switch_hears_network();
    let (_, answer) = world.to_network.pop_back().unwrap();
    let answer = iso8583::ISO87_BINARY.parse(&answer).unwrap();
    answer.text(39).unwrap().as_str().to_owned()
}

#[test]
fn a_key_change_that_is_sent_again_is_answered_again_and_changes_nothing() {
    for kind in [KeyKind::Mac, KeyKind::Pin] {
        let mut world = World::open();
        let message = change_key(&mut world, kind);
        let keys = check_values(&world, kind);
        for _ in 0..3 {
            assert_eq!(answer_to(&mut world, message.clone()), "00");
            assert_eq!(check_values(&world, kind), keys);
        }
        assert_eq!(count(&world, |one| matches!(one, Happening::KeyChanged(_))), 1);
        let parcel = world.parcel(500);
        world.sell(parcel, 500);
        world.agree();
    }
}

#[test]
fn a_key_change_that_was_recorded_brings_no_older_key_back() {
    for kind in [KeyKind::Mac, KeyKind::Pin] {
        let mut world = World::open();
        let recorded: Vec<_> = (0..4).map(|_| change_key(&mut world, kind)).collect();
        let keys = check_values(&world, kind);
        assert_eq!(keys.len(), 2, "the newest and the one before");
        for message in &recorded[..3] {
            assert_eq!(answer_to(&mut world, message.clone()), "96");
            assert_eq!(check_values(&world, kind), keys);
        }
        let told = |one: &Happening| match one {
            Happening::KeyRejected { why, .. } => why.contains("was replaced"),
            _ => false,
        };
        assert_eq!(count(&world, told), 3);
        let (parcel, card) = (world.parcel(500), card(3));
        let (text, pin) = (waybill(parcel), card.pin());
        world.approved(0, Task::Sell { waybill: &text, card: &card, amount: 500, pin: Some(&pin) });
        world.agree();
    }
}

#[test]
fn an_answer_with_a_wrong_mac_is_none() {
    let mut world = World::open();
    world.fates(0, &[Action::WrongMac]);
    let parcel = ask_for_a_sale(&mut world);
    world.settle();
    assert_eq!(count(&world, |one| matches!(one, Happening::NetworkMessage { .. })), 1);
    assert_eq!(world.terminals[0].heard.len(), 1, "M3");
    world.agree();
    assert_eq!(world.collected(parcel), 0);
}

#[test]
fn an_answer_that_comes_twice_is_taken_once() {
    let mut world = World::open();
    world.fates(0, &[Action::Double]);
    let parcel = ask_for_a_sale(&mut world);
    world.settle();
    assert_eq!(world.collected(parcel), 10_000);
    assert_eq!(count(&world, |one| *one == Happening::Unmatched(NETWORKS[0])), 1);
    world.agree();
}

#[test]
fn a_network_that_signs_off_is_connected_anew() {
    let mut world = World::open();
    let message = iso8583::Builder::new(&iso8583::ISO87_BINARY, iso8583::Mti::M0800)
        .number(7, 1_123_010_000)
        .number(11, 1)
        .number(70, 2)
        .build()
        .unwrap();
    world.to_switch.push_back((link_id(0, 0), message.to_vec()));
    world.settle();
    assert_eq!(world.switch.links_up().count(), 0);
    assert!(world.nets[0].links[0].is_none(), "the shell was told to close it");
    world.connect(0, 0);
    assert_eq!(world.switch.links_up().count(), 1);
}

#[test]
fn numbers_are_others_after_a_restart() {
    let mut world = World::open();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        for _ in 0..30 {
            let card = card(1);
            world.ask(0, Task::Balance { card: &card, pin: None }).unwrap();
            world.switch_hears_terminal();
            world.book();
            let (_, bytes) = world.to_network.back().unwrap().clone();
            let message = iso8583::ISO87_BINARY.parse(&bytes).unwrap();
            let key = (message.number(7).unwrap(), message.number(11).unwrap());
            assert!(seen.insert(key), "{key:?} was used before");
            world.settle();
        }
        world.now += 20;
        world.crash();
    }
}
