//! Who declined: the issuer over a network, or Doorstep; and why.

use std::sync::Arc;

use books::{NetworkId, Timestamp};
use peers::card::EntryMode;
use peers::terminal::DeclinedRequest;
use peers::{ResponseAction, ResponseCode, TerminalOutcome, TerminalTask, TestCard};
use switch::{OperatorEvent, Switch};

use crate::world::*;

fn declined(world: &mut World, card: &TestCard, with_pin: bool) -> DeclinedRequest {
    let (text, pin) = (waybill(world.parcel(10_000)), card.pin());
    let pin = with_pin.then_some(&pin);
    let task = TerminalTask::Sale { waybill: &text, card, amount: 10_000, pin };
    match world.run(0, task) {
        TerminalOutcome::Declined(declined) => declined,
        other => panic!("{other:?}"),
    }
}

/// Code, text and network of a sale for which the network has a code.
fn answered(code: &[u8; 2]) -> (String, String, String) {
    let mut world = World::open();
    let code = ResponseCode::new(*code).unwrap();
    world.script_network(0, &[ResponseAction::Decline { code }]);
    let declined = declined(&mut world, &card(1), false);
    (declined.code.to_string(), declined.text, declined.network)
}

#[test]
fn an_issuers_decline_names_its_network() {
    let network = settings(1, 1).networks[0].name.clone();
    assert_eq!(answered(b"51"), ("51".into(), String::new(), network));
}

#[test]
fn a_networks_code_that_is_ours_to_give_is_in_the_text() {
    let network = settings(1, 1).networks[0].name.clone();
    for code in [b"30", b"58", b"77", b"94", b"95", b"96", b"97", b"99", b"A0", b"P4"] {
        let text = format!("network answered: {}", str::from_utf8(code).unwrap());
        assert_eq!(answered(code), ("91".into(), text, network.clone()));
    }
}

#[test]
fn without_a_network_doorstep_declines_and_says_why() {
    let mut world = World::with(2, 1);
    let nobody = TestCard::generate(400_000, 1, EntryMode::Chip);
    let one = declined(&mut world, &nobody, false);
    assert_eq!((one.code.to_string(), one.text.as_str()), ("15".into(), "no network for this BIN"));
    assert_eq!(one.network, "");

    let second = TestCard::generate(BIN_OF_SECOND_NETWORK, 1, EntryMode::Chip);
    let name = world.settings.networks[1].name.clone();
    world.disconnect(1, 0);
    let one = declined(&mut world, &second, false);
    assert_eq!((one.code.to_string(), one.text), ("91".into(), format!("{name} down")));
    assert_eq!(one.network, "");
    let network: NetworkId = NETWORKS[1];
    world.switch.network_withdrawn(network, Some(Timestamp(0)));
    assert_eq!(declined(&mut world, &second, false).text, format!("{name} withdrawn"));
}

#[test]
fn a_missing_key_is_not_a_wrong_pin() {
    let mut world = World::closed(1, 1);
    world.settings.networks[0].pin_key = name("missing");
    world.switch = Switch::new(world.settings.clone(), Arc::clone(&world.keys) as _).unwrap();
    world.connect(0, 0);
    world.sign_on(0);
    let one = declined(&mut world, &card(1), true);
    assert_eq!((one.code.to_string(), one.text.as_str()), ("96".into(), "key store"));
    let failed = |event: &OperatorEvent| matches!(event, OperatorEvent::KeyStoreError(_));
    assert!(world.operator_events.iter().any(failed), "{:?}", world.operator_events);
}
