//! Somebody who answers in a network's place, without its MAC key: nothing but sign-ons is ever
//! sent there, and no card.

use iso8583::{ISO87_BINARY, Message, MessageBuilder, Mti};
use keys::{MacMethod, TdesKey, mac};
use peers::TerminalTask;
use switch::{OperatorEvent, Output};

use crate::world::*;

/// The link connects. Returns what the switch sends there.
fn connect(world: &mut World) -> Vec<u8> {
    let (mut out, at) = (Vec::new(), world.at());
    world.switch.on_link_connected(link_id(0, 0), at, &mut out);
    let [Output::ToNetwork { message, .. }] = &out[..] else { panic!("{out:?}") };
    message.to_vec()
}

/// The impostor answers. Returns whether the switch closes the link.
fn answer(world: &mut World, mut message: Vec<u8>) -> bool {
    let (mut out, at) = (Vec::new(), world.at());
    world.switch.on_network_messages(&mut [(link_id(0, 0), &mut message[..])], at, &mut out);
    let closes = out.iter().any(|output| matches!(output, Output::DisconnectLink { .. }));
    world.queue_outputs(out);
    closes
}

/// The network's answer to a sign-on, edited, with a MAC under a key.
fn forged(
    request: &[u8],
    edit: impl Fn(&mut MessageBuilder<'_>),
    key: Option<&TdesKey>,
) -> Vec<u8> {
    let request = ISO87_BINARY.parse(request).unwrap();
    let mut builder = MessageBuilder::new(&ISO87_BINARY, Mti::M0810);
    builder.copy(&request, &[7, 11, 32, 70]).text(39, "00");
    edit(&mut builder);
    let Some(key) = key else { return builder.build().unwrap().to_vec() };
    let mac = |bytes: &[u8]| mac::compute(MacMethod::X9_19, key, bytes);
    builder.build_with_mac(mac).unwrap().to_vec()
}

/// A terminal tries to sell. Nothing goes to the network, and no payment is begun.
fn sells_nothing(world: &mut World) {
    let (text, card) = (waybill(world.parcel(10_000)), card(1));
    let pin = card.pin();
    let sale = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: Some(&pin) };
    assert_eq!(world.declined(0, sale), "91");
    assert!(world.to_network.is_empty(), "{:?}", world.operator_events);
}

#[test]
fn an_impostor_of_a_network_never_gets_a_card() {
    // What the impostor has heard on the line before: answers to another sign-on and to an echo.
    let mut world = World::open();
    let echo = {
        world.advance_to(world.now + 60_000);
        world.network_receives();
        world.to_switch.pop_front().unwrap().1
    };
    assert_eq!(ISO87_BINARY.parse(&echo).unwrap().number(70), Ok(301));
    let heard = forged(&connect(&mut world), |_| {}, Some(&network_key(0, false)));
    world.disconnect(0, 0);
    world.operator_events.clear();
    let own_mac = |request: &[u8]| {
        let message: Message<'_> = ISO87_BINARY.parse(request).unwrap();
        let mac = message.mac().unwrap();
        forged(request, |builder| _ = builder.bytes(128, mac), None)
    };
    type Answer<'a> = Box<dyn Fn(&[u8]) -> Vec<u8> + 'a>;
    let with = |key: TdesKey| -> Answer<'_> {
        Box::new(move |request: &[u8]| forged(request, |_| {}, Some(&key)))
    };
    // Each with whether the switch closes the link at once, or when it has waited long enough.
    let answers: [(&str, bool, Answer<'_>); 10] = [
        ("nothing but a code", true, Box::new(|request| forged(request, |_| {}, None))),
        (
            "a MAC of zeros",
            true,
            Box::new(|request| forged(request, |builder| _ = builder.bytes(128, [0; 8]), None)),
        ),
        ("the MAC of the question", true, Box::new(own_mac)),
        ("another network's key", true, with(network_key(1, false))),
        ("the PIN key", true, with(network_key(0, true))),
        ("the question itself", false, Box::new(<[u8]>::to_vec)),
        ("the answer to another sign-on", false, Box::new(|_| heard.clone())),
        ("the answer to an echo", false, Box::new(|_| echo.clone())),
        ("garbage", false, Box::new(|_| vec![0x5A; 40])),
        (
            "one byte changed",
            true,
            Box::new(|request| {
                let mut right = forged(request, |_| {}, Some(&network_key(0, false)));
                *right.last_mut().unwrap() ^= 1;
                right
            }),
        ),
    ];
    for (what, closes, make) in &answers {
        let sign_on = connect(&mut world);
        assert_eq!(answer(&mut world, make(&sign_on)), *closes, "{what}");
        assert_eq!(world.switch.links_up().count(), 0, "{what}");
        sells_nothing(&mut world);
        let told = world.operator_events.contains(&OperatorEvent::NetworkNotProven(link_id(0, 0)));
        assert_eq!(told, *closes, "{what}: {:?}", world.operator_events);
        world.operator_events.clear();
        world.disconnect(0, 0);
    }
    // Each byte of the right answer matters.
    let bytes = forged(&connect(&mut world), |_| {}, Some(&network_key(0, false))).len();
    for place in 0..bytes {
        let mut wrong = forged(&connect(&mut world), |_| {}, Some(&network_key(0, false)));
        wrong[place] ^= 1 << (place % 8);
        answer(&mut world, wrong);
        assert_eq!(world.switch.links_up().count(), 0, "byte {place}");
        world.disconnect(0, 0);
    }
    sells_nothing(&mut world);
    let sign_on = connect(&mut world);
    assert!(!answer(&mut world, forged(&sign_on, |_| {}, Some(&network_key(0, false)))));
    assert_eq!(world.switch.links_up().count(), 1, "the network itself");
    let refused = |builder: &mut MessageBuilder<'_>| _ = builder.text(39, "91");
    let sign_on = connect(&mut world);
    assert!(answer(&mut world, forged(&sign_on, refused, Some(&network_key(0, false)))));
    sells_nothing(&mut world);
}

#[test]
fn what_the_switch_sent_is_of_no_use_when_it_comes_back() {
    let mut world = World::open();
    world.advance_to(world.now + 60_000);
    let (link, echo) = world.to_network.pop_front().unwrap();
    world.to_switch.push_back((link, echo));
    world.settle();
    assert!(world.to_network.is_empty(), "the switch does not answer its own echo");
    // Without the network's answers the link is dropped.
    for _ in 0..4 {
        world.advance_to(world.now + 10_000);
        world.to_network.clear();
    }
    assert_eq!(world.switch.links_up().count(), 0);
}
