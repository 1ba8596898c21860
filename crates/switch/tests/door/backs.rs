//! What is taken back: voids, refunds, reversals by the terminal and by the switch.

use engine::view::TenderState;
use engine::{Event, TenderId, Trace};
use peers::terminal::Standing;
use peers::{Action, Heard, Task};
use switch::Happening;

use crate::world::*;

#[test]
fn a_sale_is_voided_and_the_parcel_can_be_paid_again() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    world.approved(0, Task::Void { stan: sale.stan });
    assert_eq!(world.collected(parcel), 0);
    assert!(matches!(world.repeats(0), Heard::Approved { .. }));
    world.crash();
    assert!(matches!(world.repeats(0), Heard::Approved { .. }));
    assert_eq!(world.declined(0, Task::Void { stan: sale.stan }), "12");
    world.sell(parcel, 10_000);
    world.agree();
}

#[test]
fn a_void_that_the_network_refuses_leaves_the_sale_standing() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    world.fates(0, &[Action::Decline { code: *b"05" }]);
    assert_eq!(world.declined(0, Task::Void { stan: sale.stan }), "05");
    assert_eq!(world.state(0, sale.stan), TenderState::Approved);
    world.agree();
}

#[test]
fn a_pre_authorisation_is_let_go() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let held = world.pre_authorise(parcel, 10_000);
    world.approved(0, Task::VoidPreAuthorisation { stan: held.stan });
    assert_eq!(world.state(0, held.stan), TenderState::Reversed);
    world.agree();
}

#[test]
fn a_completion_is_voided_and_nothing_is_held() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let held = world.pre_authorise(parcel, 10_000);
    let done = world.approved(0, Task::Complete { stan: held.stan, amount: 6_000 });
    world.approved(0, Task::Void { stan: done.stan });
    assert_eq!(world.collected(parcel), 0);
    world.agree();
}

#[test]
fn a_completion_that_the_terminal_reverses_takes_the_pre_authorisation_with_it() {
    for crash in [false, true] {
        let mut world = World::open();
        let parcel = world.parcel(10_000);
        let held = world.pre_authorise(parcel, 10_000);
        let done = world.approved(0, Task::Complete { stan: held.stan, amount: 6_000 });
        if crash {
            // The first reversal is under way when the engine dies.
            world.ask(0, Task::Reverse { stan: done.stan }).unwrap();
            world.switch_hears_terminal();
            while world.book() {}
            world.crash();
        } else {
            world.does(0, Task::Reverse { stan: done.stan });
        }
        world.agree();
        assert_eq!(world.nets[0].peer.book().totals().held.count, 0);
        assert_eq!(world.state(0, held.stan), TenderState::Reversed);
    }
}

#[test]
fn a_declined_completion_that_is_reversed_leaves_the_pre_authorisation() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let held = world.pre_authorise(parcel, 10_000);
    world.fates(0, &[Action::Decline { code: *b"05" }]);
    world.ask(0, Task::Complete { stan: held.stan, amount: 6_000 }).unwrap();
    while world.switch_hears_terminal()
        || world.book()
        || world.network_hears()
        || world.switch_hears_network()
    {}
    world.gateway_dies(0);
    world.terminal_times_out(0);
    world.agree();
    assert_eq!(world.state(0, held.stan), TenderState::Authorised);
    world.approved(0, Task::Complete { stan: held.stan, amount: 6_000 });
    world.agree();
}

#[test]
fn a_refund_goes_back_through_the_network_also_after_a_restart() {
    for crash in [false, true] {
        let mut world = World::open();
        let parcel = world.parcel(10_000);
        let sale = world.sell(parcel, 10_000);
        world.fates(0, &[Action::Lost, Action::Lost]);
        world.approved(0, Task::Refund { receipt: &sale, amount: 4_000 });
        assert_eq!(world.switch.chased(), 1);
        assert!(matches!(world.repeats(0), Heard::Approved { .. }));
        if crash {
            world.crash();
        }
        world.agree();
        let forwarded = |event: &Event| matches!(event, Event::RefundForwarded { .. });
        assert!(world.events.iter().any(forwarded), "{:?}", world.happened);
        assert_eq!(world.nets[0].peer.book().totals().refunded.amount, 4_000);
    }
}

#[test]
fn a_refund_finds_its_sale_also_when_the_books_have_forgotten_that() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    world.disconnect(0, 0);
    world.approved(0, Task::Refund { receipt: &sale, amount: 4_000 });
    let text = waybill(world.parcel(500));
    for _ in 0..2 {
        world.approved(0, Task::Cash { waybill: &text, amount: 100, tendered: 100 });
        assert!(matches!(world.does(0, Task::Settle), Heard::BatchAgreed { .. }));
        world.sign_on(0);
    }
    let trace = Trace { batch: 1, ..world.trace(0, sale.stan) };
    assert_eq!(world.engine.transaction(trace), None);
    world.crash();
    world.connect(0, 0);
    world.quiet();
    assert_eq!(world.nets[0].peer.book().totals().refunded.amount, 4_000);
    assert_eq!(world.engine.to_chase().count(), 0);
}

#[test]
fn a_refund_that_the_network_rejects_is_still_owed() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    world.fates(0, &[Action::Decline { code: *b"12" }]);
    world.approved(0, Task::Refund { receipt: &sale, amount: 4_000 });
    world.quiet();
    let rejected = |event: &Event| matches!(event, Event::RefundRejected { .. });
    assert!(world.events.iter().any(rejected));
}

#[test]
fn cash_is_given_back_once() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let text = waybill(parcel);
    let cash = world.approved(0, Task::Cash { waybill: &text, amount: 10_000, tendered: 10_000 });
    world.approved(0, Task::CashBack { stan: cash.stan });
    assert!(matches!(world.repeats(0), Heard::Approved { .. }));
    assert_eq!(world.declined(0, Task::CashBack { stan: cash.stan }), "12");
    world.agree();
}

#[test]
fn a_sale_without_an_answer_is_reversed_until_the_network_has_heard() {
    for action in [Action::Silent, Action::Lost] {
        let mut world = World::open();
        let parcel = world.parcel(10_000);
        let (text, card) = (waybill(parcel), card(1));
        // The sale, and two reversals, are lost in one way or another.
        world.fates(0, &[action, Action::Lost, Action::Silent]);
        let task = Task::Sell { waybill: &text, card: &card, amount: 10_000, pin: None };
        world.ask(0, task).unwrap();
        world.settle();
        assert!(world.terminals[0].heard.len() == 1, "no approval that is not durable (M3)");
        world.agree();
        let told = |heard: &&Heard| matches!(heard, Heard::Declined(one) if one.code == *b"68");
        assert_eq!(world.terminals[0].heard.iter().filter(told).count(), 1);
        assert!(world.happened.contains(&Happening::NoAnswer(NETWORKS[0])));
        let acknowledged = Happening::Acknowledged { network: NETWORKS[0], sendings: 3 };
        assert!(world.happened.contains(&acknowledged), "{:?}", world.happened);
        assert_eq!(world.collected(parcel), 0);
        world.sell(parcel, 10_000);
        world.agree();
    }
}

#[test]
fn a_late_approval_is_noted_and_ends_at_zero() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    world.fates(0, &[Action::Late { ms: 16_000 }, Action::Lost]);
    let task = Task::Sell { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.agree();
    assert!(world.happened.contains(&Happening::LateApproval(NETWORKS[0])));
    let tender = TenderId { parcel, number: 1 };
    let late = |event: &Event| matches!(event, Event::LateApproval { tender: of } if *of == tender);
    assert!(world.events.iter().any(late));
    assert_eq!(world.tender_state(tender), TenderState::Reversed);
}

#[test]
fn a_late_decline_ends_it_before_its_reversal_does() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    world.fates(0, &[Action::LateDecline { code: *b"51", ms: 16_000 }, Action::Lost]);
    let task = Task::Sell { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.agree();
    assert_eq!(world.tender_state(TenderId { parcel, number: 1 }), TenderState::Declined);
    let books = |happening: &Happening| matches!(happening, Happening::Books(_));
    assert!(!world.happened.iter().any(books), "{:?}", world.happened);
}

#[test]
fn a_reversal_of_what_stands_for_good_says_so() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    world.approved(0, Task::Refund { receipt: &sale, amount: 4_000 });
    world.quiet();
    let heard = world.does(0, Task::Reverse { stan: sale.stan });
    assert_eq!(heard, Heard::Reversed { stan: sale.stan, code: *b"12" });
    assert_eq!(world.standing(0, sale.stan), Some(Standing::Stands));
    world.agree();
    // Nor is a pre-authorisation reversed behind its completion.
    let parcel = world.parcel(10_000);
    let held = world.pre_authorise(parcel, 10_000);
    world.approved(0, Task::Complete { stan: held.stan, amount: 6_000 });
    let heard = world.does(0, Task::Reverse { stan: held.stan });
    assert_eq!(heard, Heard::Reversed { stan: held.stan, code: *b"12" });
    assert_eq!(world.collected(parcel), 6_000);
    world.agree();
}

#[test]
fn a_reversal_that_is_sent_again_is_answered_each_time() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let task = Task::Sell { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.switch_hears_terminal();
    // Twice before the books have answered the sale.
    for _ in 0..2 {
        world.terminal_times_out(0);
        world.go_on(0);
        world.switch_hears_terminal();
    }
    world.agree();
    assert_eq!(world.switch.in_flight(), 0);
    let reversed = |heard: &&Heard| matches!(heard, Heard::Reversed { .. });
    assert_eq!(world.terminals[0].heard.iter().filter(reversed).count(), 1);
}
