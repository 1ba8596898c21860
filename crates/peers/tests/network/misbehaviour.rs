//! What a network does when it misbehaves.

use peers::behaviour::{Action, Behaviour, Dark, Outage, Since};
use peers::book::State;
use peers::network::{Link, Output};

use super::state;
use super::switch::{LINK, NOW_MS, Switch};

fn with(action: Action) -> Switch {
    let mut met = false;
    Switch::with_fate(
        move |_| if std::mem::replace(&mut met, true) { Action::Approve } else { action },
    )
}

#[test]
fn a_refusal_is_booked_as_one() {
    let mut switch = with(Action::Decline { code: *b"51" });
    let sale = switch.sale(100);
    assert_eq!((switch.code(&sale), state(&switch, &sale)), ("51".into(), State::Declined));
    assert_eq!(switch.code(&sale), "51", "a repeat is answered as the first");
    let reversal = switch.reversal(&sale);
    assert_eq!(switch.code(&reversal), "00");
}

#[test]
fn a_silent_one_is_booked_and_its_repeat_answered() {
    let mut switch = with(Action::Silent);
    let sale = switch.sale(100);
    assert!(switch.send(&sale).is_empty());
    assert_eq!(state(&switch, &sale), State::Approved);
    assert!(switch.wait(100_000).is_empty());
    assert_eq!(switch.code(&sale), "00");
}

#[test]
fn a_lost_one_was_never_heard() {
    let mut switch = with(Action::Lost);
    let sale = switch.sale(100);
    assert!(switch.send(&sale).is_empty());
    assert_eq!(switch.network.book().items().len(), 0);
    let reversal = switch.reversal(&sale);
    assert_eq!(switch.code(&reversal), "25");
}

#[test]
fn a_late_approval_crosses_its_reversal() {
    let mut switch = with(Action::Late { ms: 45_000 });
    let sale = switch.sale(100);
    assert!(switch.send(&sale).is_empty());
    assert_eq!(switch.network.next_timer(), Some(NOW_MS + 45_000));
    assert!(switch.wait(44_999).is_empty());
    let reversal = switch.reversal(&sale);
    assert_eq!(switch.code(&reversal), "00");
    let late = switch.wait(1);
    assert_eq!((late[0].code.as_str(), late[0].mac_is_right), ("00", true));
    assert_eq!(state(&switch, &sale), State::Reversed);
}

#[test]
fn a_double_answer_is_booked_once() {
    let mut switch = with(Action::Double);
    let sale = switch.sale(100);
    let answers = switch.send(&sale);
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(switch.network.book().totals().taken.count, 1);
}

#[test]
fn a_wrong_mac_and_a_late_refusal() {
    let mut switch = with(Action::WrongMac);
    let sale = switch.sale(100);
    assert!(!switch.send(&sale)[0].mac_is_right);
    assert_eq!(state(&switch, &sale), State::Approved);

    let mut switch = with(Action::LateDecline { code: *b"51", ms: 9_000 });
    let sale = switch.sale(100);
    assert!(switch.send(&sale).is_empty());
    assert_eq!(switch.wait(9_000)[0].code, "51");
    assert_eq!(state(&switch, &sale), State::Declined);
}

#[test]
fn answers_come_after_the_usual_delay_in_their_order() {
    let behaviour = Behaviour { delay_ms: 80, ..Behaviour::default() };
    let mut switch = Switch::new(behaviour);
    let [first, second] = [switch.sale(1), switch.sale(2)];
    assert!(switch.send(&first).is_empty() && switch.send(&second).is_empty());
    let stans: Vec<u64> = switch.wait(80).iter().map(|answer| answer.stan).collect();
    assert_eq!(stans, [first.stan, second.stan].map(u64::from));
}

#[test]
fn an_answer_takes_another_link_when_its_own_is_gone() {
    let behaviour = Behaviour { delay_ms: 80, ..Behaviour::default() };
    let mut switch = Switch::new(behaviour);
    let other = Link(2);
    switch.network.connected(other, NOW_MS, &mut switch.out);
    switch.manage(1, other).unwrap();
    let [first, second] = [switch.sale(1), switch.sale(2)];
    switch.send(&first);
    switch.send_by(other, &second);
    switch.network.closed(LINK);
    let links: Vec<Link> = switch.wait(80).iter().map(|answer| answer.link).collect();
    assert_eq!(links, [other, other]);
    let third = switch.sale(3);
    switch.send_by(other, &third);
    switch.network.closed(other);
    assert!(switch.wait(80).is_empty());
    assert_eq!(switch.network.counts().undelivered, 1);
}

fn outage(link: Dark) -> Behaviour {
    let outage = Outage { from_s: 10, to_s: 20, since: Since::Start, link };
    Behaviour { delay_ms: 500, outages: vec![outage], ..Behaviour::default() }
}

#[test]
fn in_a_silent_outage_nothing_is_seen_and_nothing_said() {
    let mut switch = Switch::new(outage(Dark::Silent));
    assert_eq!(switch.network.next_timer(), Some(NOW_MS + 10_000));
    switch.wait(9_800);
    let swallowed = switch.sale(1);
    assert!(switch.send(&swallowed).is_empty());
    assert!(switch.wait(500).is_empty(), "booked, and its answer falls into the outage");
    assert_eq!(state(&switch, &swallowed), State::Approved);
    let unseen = switch.sale(2);
    assert!(switch.send(&unseen).is_empty() && switch.manage(301, LINK).is_none());
    assert_eq!(switch.network.book().items().len(), 1);
    switch.wait(9_700);
    assert_eq!(switch.manage(301, LINK).unwrap().code, "00");
    assert_eq!(switch.network.next_timer(), None);
}

#[test]
fn in_an_outage_that_closes_links_are_closed_and_closed_again() {
    let mut switch = Switch::new(outage(Dark::Closes));
    switch.now_ms += 10_000;
    switch.network.tick(switch.now_ms, &mut switch.out);
    assert!(matches!(switch.out[..], [Output::Close { link: LINK }]));
    let again = Link(2);
    switch.out.clear();
    switch.network.connected(again, switch.now_ms, &mut switch.out);
    assert!(matches!(switch.out[..], [Output::Close { link: Link(2) }]));
    switch.out.clear();
    switch.now_ms += 10_000;
    switch.network.connected(again, switch.now_ms, &mut switch.out);
    assert!(switch.out.is_empty());
    assert_eq!(switch.manage(1, again).unwrap().code, "00");
}
