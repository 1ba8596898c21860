//! Messages to and from a network that are sealed and checked together.

use books::view::PaymentState;
use keys::{AesKey, Key, KeyBlockVersion, KeyPurpose, KeyReference, KeyStore, SoftwareStore};
use peers::network::KeyKind;
use peers::{TerminalOutcome, TerminalTask};
use switch::OperatorEvent;

use crate::world::*;

/// As many messages as are computed together at least, and some more.
const REFUNDS: usize = 14;

/// The network has refunds that were queued while it was down.
fn refunds_at_the_network() -> World {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    world.disconnect(0, 0);
    for _ in 0..REFUNDS {
        world.approved(0, TerminalTask::Refund { receipt: &sale, amount: 100 });
    }
    world.connect(0, 0);
    world.settle();
    world.advance_to(world.now);
    assert_eq!(world.to_network.len(), REFUNDS, "in one input");
    world
}

fn deliver_together(world: &mut World) {
    let mut arrived: Vec<_> = world.to_switch.drain(..).collect();
    let mut messages: Vec<_> =
        arrived.iter_mut().map(|(link, message)| (*link, &mut message[..])).collect();
    let (mut out, at) = (Vec::new(), world.at());
    world.switch.on_network_messages(&mut messages, at, &mut out);
    assert!(arrived.iter().all(|(_, message)| message.iter().all(|byte| *byte == 0)), "wiped");
    world.queue_outputs(out);
    world.settle();
}

#[test]
fn each_message_has_its_own_mac_and_only_the_changed_one_is_rejected() {
    let mut world = refunds_at_the_network();
    while world.network_receives() {}
    assert_eq!(world.networks[0].peer.counts().wrong_mac, 0);
    assert_eq!(world.to_switch.len(), REFUNDS);
    *world.to_switch[5].1.last_mut().unwrap() ^= 1;
    deliver_together(&mut world);
    assert_eq!(world.switch.queued_reversals(), 1);
    let rejected =
        |event: &&OperatorEvent| matches!(event, OperatorEvent::NetworkMessageRejected { .. });
    assert_eq!(world.operator_events.iter().filter(rejected).count(), 1);
    world.run_until_idle();
    assert_eq!(world.networks[0].peer.book().totals().refunded.count, REFUNDS as u64);
    world.assert_books_agree();
}

#[test]
fn a_key_that_comes_with_other_messages_counts_from_then_on() {
    let mut world = refunds_at_the_network();
    let (mut out, now) = (Vec::new(), world.now);
    world.networks[0].peer.change_key(KeyKind::Mac, now, &mut out).unwrap();
    world.deliver_from_network(0, out);
    while world.network_receives() {}
    assert_eq!(world.to_switch.len(), 1 + REFUNDS);
    deliver_together(&mut world);
    assert_eq!(world.switch.queued_reversals(), 0, "{:?}", world.operator_events);
    world.assert_books_agree();
}

#[test]
fn a_payment_whose_message_gets_no_mac_is_declined() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.switch_receives_from_terminal();
    // A key that X9.19 does not take becomes the newest.
    let aes = Key::Aes(AesKey::new(&[9; 16]).unwrap());
    let exchange = Key::Aes(exchange_key(0));
    let other = SoftwareStore::in_memory([
        (name("mac"), KeyPurpose::Mac, aes),
        (name("exchange"), KeyPurpose::Exchange, exchange),
    ]);
    let [mac, exchange] = ["mac", "exchange"].map(|text| KeyReference::Stored(name(text)));
    let block = other.unwrap().export_block(&mac, &exchange, KeyBlockVersion::D).unwrap();
    let under = KeyReference::Stored(name("network0/exchange"));
    world.keys.import_block(name("network0/mac"), KeyPurpose::Mac, &under, &block).unwrap();
    world.settle();
    assert_eq!(world.networks[0].peer.book().items().len(), 0);
    let heard = world.terminals[0].responses.last();
    let Some(TerminalOutcome::Declined(declined)) = heard else { panic!("{heard:?}") };
    assert_eq!(declined.code.to_string(), "91");
    let failed = |event: &OperatorEvent| matches!(event, OperatorEvent::KeyStoreError(_));
    assert!(world.operator_events.iter().any(failed), "{:?}", world.operator_events);
    assert_eq!(world.state(0, declined.stan), PaymentState::Declined);
    assert_eq!(world.switch.queued_reversals() + world.engine.pending_requests().count(), 0);
}
