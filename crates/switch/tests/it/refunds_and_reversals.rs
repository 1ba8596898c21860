//! Voids, refunds, and reversals by the terminal and by the switch.

use books::view::PaymentState;
use books::{Command, Event, PaymentId, Trace};
use peers::terminal::JournalLineStatus;
use peers::{ResponseAction, ResponseCode, TerminalOutcome, TerminalTask};
use switch::OperatorEvent;

use crate::world::*;

#[test]
fn a_sale_is_voided_and_the_parcel_can_be_paid_again() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    world.approved(0, TerminalTask::Void { stan: sale.stan });
    assert_eq!(world.collected(parcel), 0);
    assert!(matches!(world.repeat(0), TerminalOutcome::Approved { .. }));
    world.crash();
    assert!(matches!(world.repeat(0), TerminalOutcome::Approved { .. }));
    assert_eq!(world.declined(0, TerminalTask::Void { stan: sale.stan }), "12");
    world.sell(parcel, 10_000);
    world.assert_books_agree();
}

#[test]
fn a_void_that_the_network_refuses_leaves_the_sale_standing() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    world.script_network(0, &[ResponseAction::Decline { code: ResponseCode::DO_NOT_HONOUR }]);
    assert_eq!(world.declined(0, TerminalTask::Void { stan: sale.stan }), "05");
    assert_eq!(world.state(0, sale.stan), PaymentState::Approved);
    world.assert_books_agree();
}

#[test]
fn a_pre_authorisation_is_voided() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let held = world.pre_authorise(parcel, 10_000);
    world.approved(0, TerminalTask::VoidPreAuthorisation { stan: held.stan });
    assert_eq!(world.state(0, held.stan), PaymentState::Reversed);
    world.assert_books_agree();
}

#[test]
fn a_voided_completion_leaves_no_pre_authorisation() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let held = world.pre_authorise(parcel, 10_000);
    let done = world.approved(0, TerminalTask::Completion { stan: held.stan, amount: 6_000 });
    world.approved(0, TerminalTask::Void { stan: done.stan });
    assert_eq!(world.collected(parcel), 0);
    world.assert_books_agree();
}

#[test]
fn reversing_a_completion_also_reverses_the_pre_authorisation() {
    for crash in [false, true] {
        let mut world = World::open();
        let parcel = world.parcel(10_000);
        let held = world.pre_authorise(parcel, 10_000);
        let done = world.approved(0, TerminalTask::Completion { stan: held.stan, amount: 6_000 });
        if crash {
            // The first reversal is pending at the crash.
            world.ask(0, TerminalTask::Reverse { stan: done.stan }).unwrap();
            world.switch_receives_from_terminal();
            while world.books_step() {}
            world.crash();
        } else {
            world.run(0, TerminalTask::Reverse { stan: done.stan });
        }
        world.assert_books_agree();
        assert_eq!(world.networks[0].peer.book().totals().held.count, 0);
        assert_eq!(world.state(0, held.stan), PaymentState::Reversed);
    }
}

#[test]
fn reversing_a_declined_completion_keeps_the_pre_authorisation() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let held = world.pre_authorise(parcel, 10_000);
    world.script_network(0, &[ResponseAction::Decline { code: ResponseCode::DO_NOT_HONOUR }]);
    world.ask(0, TerminalTask::Completion { stan: held.stan, amount: 6_000 }).unwrap();
    while world.switch_receives_from_terminal()
        || world.books_step()
        || world.network_receives()
        || world.switch_receives_from_network()
    {}
    world.kill_gateway(0);
    world.time_out_terminal(0);
    world.assert_books_agree();
    assert_eq!(world.state(0, held.stan), PaymentState::Authorised);
    world.approved(0, TerminalTask::Completion { stan: held.stan, amount: 6_000 });
    world.assert_books_agree();
}

#[test]
fn a_refund_reaches_the_network_also_after_a_restart() {
    for crash in [false, true] {
        let mut world = World::open();
        let parcel = world.parcel(10_000);
        let sale = world.sell(parcel, 10_000);
        world.script_network(0, &[ResponseAction::Lost, ResponseAction::Lost]);
        world.approved(0, TerminalTask::Refund { receipt: &sale, amount: 4_000 });
        assert_eq!(world.switch.queued_reversals(), 1);
        assert!(matches!(world.repeat(0), TerminalOutcome::Approved { .. }));
        if crash {
            world.crash();
        }
        world.assert_books_agree();
        let forwarded = |event: &Event| matches!(event, Event::RefundForwarded { .. });
        assert!(world.events.iter().any(forwarded), "{:?}", world.operator_events);
        assert_eq!(world.networks[0].peer.book().totals().refunded.amount, 4_000);
    }
}

#[test]
fn a_refund_is_finished_after_the_books_dropped_its_sale() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    world.disconnect(0, 0);
    world.approved(0, TerminalTask::Refund { receipt: &sale, amount: 4_000 });
    let text = waybill(world.parcel(500));
    for _ in 0..2 {
        world.approved(0, TerminalTask::Cash { waybill: &text, amount: 100, tendered: 100 });
        assert!(matches!(world.run(0, TerminalTask::Settle), TerminalOutcome::BatchAgreed { .. }));
        world.sign_on(0);
    }
    let trace = Trace { batch: 1, ..world.trace(0, sale.stan) };
    assert_eq!(world.engine.transaction(trace), None);
    world.crash();
    world.connect(0, 0);
    world.run_until_idle();
    assert_eq!(world.networks[0].peer.book().totals().refunded.amount, 4_000);
    assert_eq!(world.engine.pending_requests().count(), 0);
}

#[test]
fn a_refund_that_the_network_rejects_is_still_owed() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    world.script_network(0, &[ResponseAction::Decline { code: ResponseCode::INVALID_TRANSACTION }]);
    world.approved(0, TerminalTask::Refund { receipt: &sale, amount: 4_000 });
    world.run_until_idle();
    let rejected = |event: &Event| matches!(event, Event::RefundRejected { .. });
    assert!(world.events.iter().any(rejected));
}

#[test]
fn after_the_refund_of_a_part_payment_the_terminal_collects_all_of_it() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 6_000);
    world.approved(0, TerminalTask::Refund { receipt: &sale, amount: 6_000 });
    assert_eq!(world.collected(parcel), 0);
    let text = waybill(parcel);
    world.approved(0, TerminalTask::Cash { waybill: &text, amount: 10_000, tendered: 10_000 });
    assert_eq!(world.collected(parcel), 10_000);
    world.assert_books_agree();
}

#[test]
fn cash_is_refunded_once() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let text = waybill(parcel);
    let cash =
        world.approved(0, TerminalTask::Cash { waybill: &text, amount: 10_000, tendered: 10_000 });
    world.approved(0, TerminalTask::CashRefund { stan: cash.stan });
    assert!(matches!(world.repeat(0), TerminalOutcome::Approved { .. }));
    assert_eq!(world.declined(0, TerminalTask::CashRefund { stan: cash.stan }), "12");
    world.assert_books_agree();
}

#[test]
fn a_sale_without_a_response_is_reversed_until_acknowledged() {
    for action in [ResponseAction::Silent, ResponseAction::Lost] {
        let mut world = World::open();
        let parcel = world.parcel(10_000);
        let (text, card) = (waybill(parcel), card(1));
        // The sale and two reversals are lost.
        world.script_network(0, &[action, ResponseAction::Lost, ResponseAction::Silent]);
        let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
        world.ask(0, task).unwrap();
        world.settle();
        assert!(world.terminals[0].responses.len() == 1, "no approval that is not durable (M3)");
        world.assert_books_agree();
        let told = |heard: &&TerminalOutcome| {
            let TerminalOutcome::Declined(declined) = heard else { return false };
            declined.code == ResponseCode::RESPONSE_TIMEOUT
        };
        assert_eq!(world.terminals[0].responses.iter().filter(told).count(), 1);
        let timeout = |event: &OperatorEvent| match event {
            OperatorEvent::NetworkTimeout { network, .. } => *network == NETWORKS[0],
            _ => false,
        };
        assert!(world.operator_events.iter().any(timeout), "{:?}", world.operator_events);
        let acknowledged = OperatorEvent::Acknowledged { network: NETWORKS[0], sendings: 3 };
        assert!(world.operator_events.contains(&acknowledged), "{:?}", world.operator_events);
        assert_eq!(world.collected(parcel), 0);
        world.sell(parcel, 10_000);
        world.assert_books_agree();
    }
}

#[test]
fn a_late_approval_is_recorded_and_ends_at_zero() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    world.script_network(0, &[ResponseAction::Late { ms: 16_000 }, ResponseAction::Lost]);
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.assert_books_agree();
    assert!(world.operator_events.contains(&OperatorEvent::LateApproval(NETWORKS[0])));
    let payment = PaymentId { parcel, number: 1 };
    let late =
        |event: &Event| matches!(event, Event::LateApproval { payment: of } if *of == payment);
    assert!(world.events.iter().any(late));
    assert_eq!(world.payment_state(payment), PaymentState::Reversed);
}

#[test]
fn a_reversal_that_the_network_answers_with_12_is_not_acknowledged() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let code = ResponseCode::INVALID_TRANSACTION;
    world.script_network(0, &[ResponseAction::Silent, ResponseAction::Decline { code }]);
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.assert_books_agree();
    assert_eq!(world.payment_state(PaymentId { parcel, number: 1 }), PaymentState::Reversed);
    let totals = world.networks[0].peer.book().totals();
    assert_eq!((totals.collected.amount, totals.reversed.amount), (0, 10_000));
}

/// A sale without an answer. Its payment is unknown, and its reversal has been sent once.
fn unknown_sale(world: &mut World, next: &[ResponseAction]) -> PaymentId {
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    world.script_network(0, next);
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.settle();
    world.advance_to(world.now + 15_000);
    let payment = PaymentId { parcel, number: 1 };
    while world.payment_state(payment) != PaymentState::Unknown || world.to_network.is_empty() {
        assert!(world.books_step(), "{:?}", world.operator_events);
    }
    payment
}

#[test]
fn a_reversal_is_repeated_as_0401() {
    let mut world = World::open();
    unknown_sale(&mut world, &[ResponseAction::Lost, ResponseAction::Lost]);
    let sent = |world: &World| {
        let (_, bytes) = world.to_network.back().unwrap();
        iso8583::ISO87_BINARY.parse(bytes).unwrap().mti()
    };
    assert_eq!(sent(&world), iso8583::Mti::new(400).unwrap());
    world.settle();
    world.advance_to(world.now + 2_000);
    assert_eq!(sent(&world), iso8583::Mti::new(401).unwrap());
    world.assert_books_agree();
}

#[test]
fn a_reversal_that_is_acknowledged_twice_is_recorded_once() {
    let mut world = World::open();
    unknown_sale(&mut world, &[ResponseAction::Lost, ResponseAction::Double]);
    while world.network_receives() || world.switch_receives_from_network() {}
    let recorded = |one: &&BooksRequest| {
        matches!(one, BooksRequest::Command(_, Command::ReverseCollection(_)))
    };
    assert_eq!(world.books.iter().filter(recorded).count(), 1);
    world.assert_books_agree();
}

#[test]
fn a_late_decline_after_a_restart_ends_an_unknown_sale() {
    let mut world = World::open();
    let code = ResponseCode::INSUFFICIENT_FUNDS;
    let lost = [ResponseAction::Lost; 8];
    let late = [ResponseAction::LateDecline { code, ms: 40_000 }];
    let payment = unknown_sale(&mut world, &[&late[..], &lost].concat());
    world.crash();
    world.assert_books_agree();
    assert_eq!(world.payment_state(payment), PaymentState::Declined);
}

#[test]
fn a_late_decline_ends_an_unknown_sale() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    world.script_network(
        0,
        &[
            ResponseAction::LateDecline { code: ResponseCode::INSUFFICIENT_FUNDS, ms: 16_000 },
            ResponseAction::Lost,
        ],
    );
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.assert_books_agree();
    assert_eq!(world.payment_state(PaymentId { parcel, number: 1 }), PaymentState::Declined);
    let books = |event: &OperatorEvent| matches!(event, OperatorEvent::UnexpectedRefusal(_));
    assert!(!world.operator_events.iter().any(books), "{:?}", world.operator_events);
}

#[test]
fn a_transaction_that_cannot_be_reversed_is_answered_with_12() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let sale = world.sell(parcel, 10_000);
    world.approved(0, TerminalTask::Refund { receipt: &sale, amount: 4_000 });
    world.run_until_idle();
    let heard = world.run(0, TerminalTask::Reverse { stan: sale.stan });
    assert_eq!(
        heard,
        TerminalOutcome::Reversed { stan: sale.stan, code: ResponseCode::INVALID_TRANSACTION }
    );
    assert_eq!(world.receipt_status(0, sale.stan), Some(JournalLineStatus::Effective));
    world.assert_books_agree();
    // A completed pre-authorisation is not reversed either.
    let parcel = world.parcel(10_000);
    let held = world.pre_authorise(parcel, 10_000);
    world.approved(0, TerminalTask::Completion { stan: held.stan, amount: 6_000 });
    let heard = world.run(0, TerminalTask::Reverse { stan: held.stan });
    assert_eq!(
        heard,
        TerminalOutcome::Reversed { stan: held.stan, code: ResponseCode::INVALID_TRANSACTION }
    );
    assert_eq!(world.collected(parcel), 6_000);
    world.assert_books_agree();
}

#[test]
fn a_repeated_reversal_is_answered_each_time() {
    let mut world = World::open();
    let parcel = world.parcel(10_000);
    let (text, card) = (waybill(parcel), card(1));
    let task = TerminalTask::Sale { waybill: &text, card: &card, amount: 10_000, pin: None };
    world.ask(0, task).unwrap();
    world.switch_receives_from_terminal();
    // Two reversals before the sale is durable.
    for _ in 0..2 {
        world.time_out_terminal(0);
        world.continue_terminal(0);
        world.switch_receives_from_terminal();
    }
    world.assert_books_agree();
    assert_eq!(world.switch.in_flight(), 0);
    let reversed = |heard: &&TerminalOutcome| matches!(heard, TerminalOutcome::Reversed { .. });
    assert_eq!(world.terminals[0].responses.iter().filter(reversed).count(), 1);
}
