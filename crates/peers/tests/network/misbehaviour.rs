//! A network that misbehaves.

use peers::ResponseCode;
use peers::behaviour::{Behaviour, Outage, OutageClock, OutageMode, ResponseAction};
use peers::ledger::NetworkTransactionState;
use peers::network::{NetworkLinkId, NetworkOutput};

use super::state;
use super::switch::{LINK, NOW_MS, ScriptedSwitch};

fn with(action: ResponseAction) -> ScriptedSwitch {
    let mut met = false;
    ScriptedSwitch::with_policy(move |_| {
        if std::mem::replace(&mut met, true) { ResponseAction::Approve } else { action }
    })
}

#[test]
fn a_decline_is_booked_as_declined() {
    let mut switch = with(ResponseAction::Decline { code: ResponseCode::INSUFFICIENT_FUNDS });
    let sale = switch.sale(100);
    assert_eq!(
        (switch.code(&sale), state(&switch, &sale)),
        ("51".into(), NetworkTransactionState::Declined)
    );
    assert_eq!(switch.code(&sale), "51", "a repeat gets the first answer");
    let reversal = switch.reversal(&sale);
    assert_eq!(switch.code(&reversal), "00");
}

#[test]
fn a_request_without_an_answer_is_booked_and_its_repeat_answered() {
    let mut switch = with(ResponseAction::Silent);
    let sale = switch.sale(100);
    assert!(switch.send(&sale).is_empty());
    assert_eq!(state(&switch, &sale), NetworkTransactionState::Approved);
    assert!(switch.wait(100_000).is_empty());
    assert_eq!(switch.code(&sale), "00");
}

#[test]
fn a_lost_request_is_not_booked() {
    let mut switch = with(ResponseAction::Lost);
    let sale = switch.sale(100);
    assert!(switch.send(&sale).is_empty());
    assert_eq!(switch.network.book().items().len(), 0);
    let reversal = switch.reversal(&sale);
    assert_eq!(switch.code(&reversal), "25");
}

#[test]
fn a_late_approval_crosses_its_reversal() {
    let mut switch = with(ResponseAction::Late { ms: 45_000 });
    let sale = switch.sale(100);
    assert!(switch.send(&sale).is_empty());
    assert_eq!(switch.network.next_timer(), Some(NOW_MS + 45_000));
    assert!(switch.wait(44_999).is_empty());
    let reversal = switch.reversal(&sale);
    assert_eq!(switch.code(&reversal), "00");
    let late = switch.wait(1);
    assert_eq!((late[0].code.as_str(), late[0].mac_is_right), ("00", true));
    assert_eq!(state(&switch, &sale), NetworkTransactionState::Reversed);
}

#[test]
fn a_double_answer_is_booked_once() {
    let mut switch = with(ResponseAction::Double);
    let sale = switch.sale(100);
    let answers = switch.send(&sale);
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(switch.network.book().totals().collected.count, 1);
}

#[test]
fn a_wrong_mac_and_a_late_decline() {
    let mut switch = with(ResponseAction::WrongMac);
    let sale = switch.sale(100);
    assert!(!switch.send(&sale)[0].mac_is_right);
    assert_eq!(state(&switch, &sale), NetworkTransactionState::Approved);

    let mut switch =
        with(ResponseAction::LateDecline { code: ResponseCode::INSUFFICIENT_FUNDS, ms: 9_000 });
    let sale = switch.sale(100);
    assert!(switch.send(&sale).is_empty());
    assert_eq!(switch.wait(9_000)[0].code, "51");
    assert_eq!(state(&switch, &sale), NetworkTransactionState::Declined);
}

#[test]
fn answers_keep_their_order_after_the_usual_delay() {
    let behaviour = Behaviour { delay_ms: 80, ..Behaviour::default() };
    let mut switch = ScriptedSwitch::new(behaviour);
    let [first, second] = [switch.sale(1), switch.sale(2)];
    assert!(switch.send(&first).is_empty() && switch.send(&second).is_empty());
    let stans: Vec<u64> = switch.wait(80).iter().map(|answer| answer.stan).collect();
    assert_eq!(stans, [first.stan, second.stan].map(u64::from));
}

#[test]
fn an_answer_takes_another_link_when_its_own_is_closed() {
    let behaviour = Behaviour { delay_ms: 80, ..Behaviour::default() };
    let mut switch = ScriptedSwitch::new(behaviour);
    let other = NetworkLinkId(2);
    switch.network.connected(other, NOW_MS, &mut switch.out);
    switch.manage(1, other).unwrap();
    let [first, second] = [switch.sale(1), switch.sale(2)];
    switch.send(&first);
    switch.send_by(other, &second);
    switch.network.closed(LINK);
    let links: Vec<NetworkLinkId> = switch.wait(80).iter().map(|answer| answer.link).collect();
    assert_eq!(links, [other, other]);
    let third = switch.sale(3);
    switch.send_by(other, &third);
    switch.network.closed(other);
    assert!(switch.wait(80).is_empty());
    assert_eq!(switch.network.counts().undelivered, 1);
}

fn outage(link: OutageMode) -> Behaviour {
    let outage = Outage { from_s: 10, to_s: 20, clock: OutageClock::FirstEvent, mode: link };
    Behaviour { delay_ms: 500, outages: vec![outage], ..Behaviour::default() }
}

#[test]
fn a_silent_outage_ignores_requests_and_sends_nothing() {
    let mut switch = ScriptedSwitch::new(outage(OutageMode::Silent));
    assert_eq!(switch.network.next_timer(), Some(NOW_MS + 10_000));
    switch.wait(9_800);
    let swallowed = switch.sale(1);
    assert!(switch.send(&swallowed).is_empty());
    assert!(switch.wait(500).is_empty(), "booked; the answer is due during the outage");
    assert_eq!(state(&switch, &swallowed), NetworkTransactionState::Approved);
    let unseen = switch.sale(2);
    assert!(switch.send(&unseen).is_empty() && switch.manage(301, LINK).is_none());
    assert_eq!(switch.network.book().items().len(), 1);
    switch.wait(9_700);
    assert_eq!(switch.manage(301, LINK).unwrap().code, "00");
    assert_eq!(switch.network.next_timer(), None);
}

#[test]
fn an_outage_can_close_links_and_refuse_new_ones() {
    let mut switch = ScriptedSwitch::new(outage(OutageMode::Closes));
    switch.now_ms += 10_000;
    switch.network.tick(switch.now_ms, &mut switch.out);
    assert!(matches!(switch.out[..], [NetworkOutput::Close { link: LINK }]));
    let again = NetworkLinkId(2);
    switch.out.clear();
    switch.network.connected(again, switch.now_ms, &mut switch.out);
    assert!(matches!(switch.out[..], [NetworkOutput::Close { link: NetworkLinkId(2) }]));
    switch.out.clear();
    switch.now_ms += 10_000;
    switch.network.connected(again, switch.now_ms, &mut switch.out);
    assert!(switch.out.is_empty());
    assert_eq!(switch.manage(1, again).unwrap().code, "00");
}
