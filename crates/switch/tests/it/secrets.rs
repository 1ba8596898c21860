//! No output except the messages themselves contains a secret (M12).

use peers::terminal::TerminalKey;
use peers::{ResponseAction, ResponseCode, TerminalTask};

use crate::world::*;

#[test]
fn no_output_contains_a_card_number_pin_or_key() {
    let mut world = World::open();
    world.debug_output = Some(String::new());
    let (card, pin) = (card(3), card(3).pin());
    for action in [
        ResponseAction::Approve,
        ResponseAction::Decline { code: ResponseCode::INSUFFICIENT_FUNDS },
        ResponseAction::WrongMac,
    ] {
        world.script_network(0, &[action]);
        let text = waybill(world.parcel(10_000));
        let task =
            TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: Some(&pin) };
        world.ask(0, task).unwrap();
        world.settle();
        // Each byte of the message is damaged once.
        for place in 11..200 {
            let Ok(message) = world.terminals[0].terminal.repeat(world.now) else { break };
            let mut message = message.to_vec();
            if let Some(byte) = message.get_mut(place) {
                *byte ^= 0x5F;
            }
            world.send(0, message);
            while world.switch_receives_from_terminal() {}
        }
        world.to_terminal.clear();
        world.run_until_idle();
        if world.terminals[0].terminal.must_sign_on() {
            world.sign_on(0);
        }
    }
    let kept = format!("{:?}", world.journal);
    let shown = world.debug_output.take().unwrap();
    assert!(shown.len() > 10_000, "much was shown");
    let track = card.track2();
    let digits = String::from_utf8(card.pan().expose().to_vec()).unwrap();
    let bytes = |text: &str| {
        let list: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
        list.join(", ")
    };
    let TerminalKey::Link(link) = link_key(1) else { panic!() };
    let base = ["17"; 8].join(", ");
    let secrets = [
        digits.clone(),
        digits[..10].to_owned(),
        digits[6..].to_owned(),
        bytes(&digits[..8]),
        track.as_str()[10..].to_owned(),
        bytes(&track[..8]),
        base,
        format!("{:?}", &link.expose()[..8]),
    ];
    for secret in secrets {
        assert!(!shown.contains(&secret), "an output shows {secret}");
        assert!(!kept.contains(&secret), "a command has {secret}");
    }
}
