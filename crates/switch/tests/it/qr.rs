//! QR codes: shown, inquired, paid, expired, refunded.

use books::WalletId;
use books::view::PaymentState;
use money::{Amount, Currency};
use peers::{TerminalOutcome, TerminalTask};
use switch::{
    OperatorEvent, OrderStatus as O, WalletNotification, WalletOutcome as W, WalletReply,
};

use crate::world::*;

/// Shows a code. Returns its STAN and reference.
fn shown(world: &mut World, amount: u64) -> (u32, String) {
    let parcel = world.parcel(amount);
    let text = waybill(parcel);
    let TerminalOutcome::QrShown { stan, text } =
        world.run(0, TerminalTask::Qr { waybill: &text, amount })
    else {
        panic!("{:?}", world.terminals[0].responses)
    };
    let reference = format!("{:08}{:06}{stan:06}", 1, world.terminals[0].terminal.batch());
    assert!(text.contains(&reference) && text.starts_with("000201"), "{text}");
    (stan, reference)
}

fn reported(world: &World, is_it: impl Fn(&OperatorEvent) -> bool) -> usize {
    world.operator_events.iter().filter(|event| is_it(event)).count()
}

#[test]
fn a_code_is_shown_and_paid() {
    let mut world = World::open();
    let (stan, reference) = shown(&mut world, 5_000);
    assert_eq!(world.run(0, TerminalTask::QrStatus { stan }), TerminalOutcome::QrPending { stan });
    let TerminalOutcome::QrShown { .. } = world.run(0, TerminalTask::QrStatus { stan }) else {
        assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
        assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
        assert!(matches!(
            world.run(0, TerminalTask::QrStatus { stan }),
            TerminalOutcome::Approved { .. }
        ));
        return world.assert_books_agree();
    };
}

#[test]
fn an_order_of_another_wallet_is_unknown() {
    let mut world = World::open();
    let (_, reference) = shown(&mut world, 5_000);
    let notification = WalletNotification {
        wallet: WalletId(WALLET.0 + 1),
        reference,
        amount: Amount::of(5_000),
        currency: Currency::CNY,
        outcome: PAID,
        transaction: String::new(),
    };
    let (mut out, now) = (Vec::new(), world.now);
    world.switch.on_wallet_notification(notification, now, &mut out);
    world.queue_outputs(out);
    world.settle();
    assert_eq!(world.replies.last().unwrap().1, WalletReply::UnknownOrder);
}

#[test]
fn a_repeated_code_is_shown_again() {
    let mut world = World::open();
    let (_, reference) = shown(&mut world, 5_000);
    for crash in [false, true] {
        if crash {
            world.crash();
        }
        let TerminalOutcome::QrShown { text, .. } = world.repeat(0) else {
            panic!("the repeat shows no code");
        };
        assert!(text.contains(&reference));
    }
    assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
}

#[test]
fn a_wrong_amount_or_order_is_rejected() {
    let mut world = World::open();
    let (_, reference) = shown(&mut world, 5_000);
    assert_eq!(world.wallet(&reference, 4_999, PAID), WalletReply::Refund);
    let other = "00000001000001000099";
    assert_eq!(world.wallet(other, 5_000, PAID), WalletReply::UnknownOrder);
    assert_eq!(world.wallet("nonsense", 5_000, PAID), WalletReply::UnknownOrder);
}

#[test]
fn a_late_payment_is_refunded() {
    for crash in [false, true] {
        let mut world = World::open();
        let (stan, reference) = shown(&mut world, 5_000);
        if crash {
            world.crash();
        }
        world.advance_to(world.now + 120_000);
        world.settle();
        assert_eq!(world.declined(0, TerminalTask::QrStatus { stan }), "68");
        assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Refund);
        assert!(reported(&world, |one| matches!(one, OperatorEvent::LateWalletPayment(_))) > 0);
        assert_eq!(world.switch.wallet_refunds_due(WALLET), [(reference.clone(), 5_000)]);
        let back = world.wallet(&reference, 5_000, REFUNDED);
        assert_eq!(back, WalletReply::Accepted);
        world.assert_books_agree();
    }
}

#[test]
fn a_failed_payment_ends_the_code() {
    let mut world = World::open();
    let (stan, reference) = shown(&mut world, 5_000);
    assert_eq!(world.wallet(&reference, 5_000, FAILED), WalletReply::Accepted);
    assert_eq!(world.declined(0, TerminalTask::QrStatus { stan }), "68");
    world.assert_books_agree();
}

#[test]
fn the_wallet_refunds_a_qr_payment_also_after_a_restart() {
    for crash in [false, true] {
        let mut world = World::open();
        let (stan, reference) = shown(&mut world, 5_000);
        world.wallet(&reference, 5_000, PAID);
        world.run(0, TerminalTask::QrStatus { stan });
        world.approved(0, TerminalTask::QrRefund { stan });
        assert!(
            matches!(world.repeat(0), TerminalOutcome::Approved { .. }),
            "the first answer again"
        );
        if crash {
            world.crash();
        }
        assert_eq!(world.switch.wallet_refunds_due(WALLET), [(reference.clone(), 5_000)]);
        let wrong = world.wallet(&reference, 4_000, REFUNDED);
        assert_eq!(wrong, WalletReply::Contradiction);
        world.send_wallet_notification_in(Currency::BRL, &reference, 5_000, REFUNDED);
        world.settle();
        assert_eq!(world.replies.last().unwrap().1, WalletReply::Contradiction);
        assert_eq!(world.switch.wallet_refunds_due(WALLET), [(reference.clone(), 5_000)]);
        let right = world.wallet(&reference, 5_000, REFUNDED);
        assert_eq!(right, WalletReply::Accepted);
        assert_eq!(world.state(0, stan), PaymentState::Reversed);
        assert!(world.switch.wallet_refunds_due(WALLET).is_empty());
        let again = world.wallet(&reference, 5_000, REFUNDED);
        assert_eq!(again, WalletReply::Accepted);
        world.assert_books_agree();
    }
}

#[test]
fn a_reversed_code_expires_or_is_refunded() {
    for paid in [false, true] {
        for crash in [false, true] {
            let mut world = World::open();
            let (stan, reference) = shown(&mut world, 5_000);
            if paid {
                world.wallet(&reference, 5_000, PAID);
            }
            world.ask(0, TerminalTask::Reverse { stan }).unwrap();
            world.switch_receives_from_terminal();
            // The books refuse to record a reversal without original, answer the query, and begin
            // the reversal.
            world.books_step();
            world.books_step();
            world.books_step();
            if crash {
                world.crash();
            }
            world.settle();
            if paid {
                assert_eq!(world.switch.wallet_refunds_due(WALLET), [(reference.clone(), 5_000)]);
            } else {
                let late = world.wallet(&reference, 5_000, PAID);
                assert_eq!(late, WalletReply::Refund);
            }
            world.wallet(&reference, 5_000, REFUNDED);
            assert!(world.switch.wallet_refunds_due(WALLET).is_empty());
            world.assert_books_agree();
        }
    }
}

/// An expired code in a batch that was closed long ago.
fn forgotten() -> (World, u32, String) {
    let mut world = World::open();
    let (stan, reference) = shown(&mut world, 5_000);
    world.advance_to(world.now + 120_000);
    world.settle();
    two_batches_later(&mut world, stan);
    (world, stan, reference)
}

/// The terminal inquires the code's status and closes its batch and the next one, each with cash in
/// it.
fn two_batches_later(world: &mut World, stan: u32) {
    world.run(0, TerminalTask::QrStatus { stan });
    for _ in 0..2 {
        let text = waybill(world.parcel(500));
        world.approved(0, TerminalTask::Cash { waybill: &text, amount: 500, tendered: 500 });
        let heard = world.run(0, TerminalTask::Settle);
        assert!(matches!(heard, TerminalOutcome::BatchAgreed { .. }), "{heard:?}");
        world.sign_on(0);
    }
    let trace = books::Trace { batch: 1, ..world.trace(0, stan) };
    assert_eq!(world.engine.transaction(trace), None);
}

fn late_approvals(world: &World) -> usize {
    let late = |event: &&books::Event| matches!(event, books::Event::LateApproval { .. });
    world.events.iter().filter(late).count()
}

#[test]
fn a_payment_after_its_batch_was_dropped_is_recorded_and_refunded() {
    for crash in [false, true] {
        let (mut world, _, reference) = forgotten();
        assert_eq!(world.order_status(&reference), Some(O::Expired));
        let paid = world.wallet(&reference, 5_000, PAID);
        assert_eq!(paid, WalletReply::Refund);
        assert!(reported(&world, |one| matches!(one, OperatorEvent::LateWalletPayment(_))) > 0);
        if crash {
            world.crash();
        }
        // The wallet has lost the reply: it finds the order and gets the same reply again.
        assert_eq!(world.switch.wallet_refunds_due(WALLET), [(reference.clone(), 5_000)]);
        assert_eq!(world.order_status(&reference), Some(O::RefundDue));
        let again = world.wallet(&reference, 5_000, PAID);
        assert_eq!(again, WalletReply::Refund);
        assert_eq!((world.switch.queued_reversals(), late_approvals(&world)), (1, 1));
        let refunded = world.wallet(&reference, 5_000, REFUNDED);
        assert_eq!(refunded, WalletReply::Accepted);
        assert!(world.switch.wallet_refunds_due(WALLET).is_empty());
        assert_eq!(world.order_status(&reference), Some(O::Refunded));
        world.assert_books_agree();
    }
}

#[test]
fn a_repeated_notification_changes_nothing() {
    let (mut world, _, reference) = forgotten();
    world.wallet(&reference, 5_000, PAID);
    world.wallet(&reference, 5_000, REFUNDED);
    // After the refund, no second one is due.
    let again = world.wallet(&reference, 5_000, PAID);
    assert_eq!((again, late_approvals(&world)), (WalletReply::Refund, 1));
    assert!(world.switch.wallet_refunds_due(WALLET).is_empty());
    let again = world.wallet(&reference, 5_000, REFUNDED);
    assert_eq!(again, WalletReply::Accepted);
    // An order that was paid in time stays paid after its batch is dropped.
    let (stan, paid) = shown(&mut world, 5_000);
    assert_eq!(world.wallet(&paid, 5_000, PAID), WalletReply::Accepted);
    world.approved(0, TerminalTask::QrStatus { stan });
    for _ in 0..2 {
        world.run(0, TerminalTask::Settle);
        world.sign_on(0);
    }
    assert_eq!(world.wallet(&paid, 5_000, PAID), WalletReply::Accepted);
    assert_eq!(world.order_status(&paid), Some(O::Paid));
    world.assert_books_agree();
}

#[test]
fn a_repeated_notification_after_a_refund_gets_the_first_reply() {
    let mut world = World::open();
    let (stan, reference) = shown(&mut world, 5_000);
    assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
    world.ask(0, TerminalTask::Reverse { stan }).unwrap();
    world.settle();
    for (refunded, status) in [(false, O::RefundDue), (true, O::Refunded)] {
        if refunded {
            world.wallet(&reference, 5_000, REFUNDED);
        }
        assert_eq!(world.order_status(&reference), Some(status));
        let again = world.wallet(&reference, 5_000, PAID);
        assert_eq!(again, WalletReply::Accepted);
        assert_eq!(late_approvals(&world), 0);
    }
    world.assert_books_agree();
}

#[test]
fn a_late_payment_that_failed_needs_no_refund() {
    for crash in [false, true] {
        let (mut world, _, reference) = forgotten();
        world.wallet(&reference, 5_000, PAID);
        if crash {
            world.crash();
        }
        let failed = world.wallet(&reference, 5_000, W::Failed(Some(FIRST)));
        assert_eq!(failed, WalletReply::Accepted);
        assert!(world.switch.wallet_refunds_due(WALLET).is_empty());
        assert_eq!(
            (world.switch.queued_reversals(), world.engine.pending_requests().count()),
            (0, 0)
        );
        assert_eq!(world.order_status(&reference), Some(O::Expired));
        // A repeated notification of the payment does not list it again.
        let again = world.wallet(&reference, 5_000, PAID);
        assert_eq!((again, late_approvals(&world)), (WalletReply::Refund, 1));
        assert_eq!(world.order_status(&reference), Some(O::Expired));
        world.assert_books_agree();
    }
}

#[test]
fn an_earlier_failure_does_not_end_the_refund_of_a_late_payment() {
    for crash in [false, true] {
        for before in [W::Failed(None), W::Failed(Some(SECOND)), W::Refunded(SECOND)] {
            let mut world = World::open();
            let (_, reference) = shown(&mut world, 5_000);
            assert_eq!(world.wallet(&reference, 5_000, before), WalletReply::Accepted);
            assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Refund);
            if crash {
                world.crash();
            }
            assert_eq!(world.wallet(&reference, 5_000, before), WalletReply::Contradiction);
            assert_eq!(world.order_status(&reference), Some(O::RefundDue));
            assert_eq!(world.switch.wallet_refunds_due(WALLET), [(reference.clone(), 5_000)]);
            assert_eq!(world.wallet(&reference, 5_000, REFUNDED), WalletReply::Accepted);
            assert_eq!(world.order_status(&reference), Some(O::Refunded));
            assert_eq!(world.wallet(&reference, 5_000, before), WalletReply::Accepted);
            world.assert_books_agree();
        }
    }
}

#[test]
fn a_second_payment_of_an_order_is_refunded() {
    let mut world = World::open();
    let (stan, reference) = shown(&mut world, 5_000);
    let amount = Amount::of(5_000);
    assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
    for status in [O::Paid, O::RefundDue, O::Refunded] {
        match status {
            O::RefundDue => {
                world.approved(0, TerminalTask::QrRefund { stan });
            }
            O::Refunded => {
                assert_eq!(world.wallet(&reference, 5_000, REFUNDED), WalletReply::Accepted);
            }
            _ => {}
        }
        world.operator_events.clear();
        let batch = world.terminals[0].terminal.batch();
        let order =
            books::Trace { terminal: books::TerminalId(1), batch, stan: books::Stan::of(stan) };
        assert_eq!(world.wallet(&reference, 5_000, W::Paid(SECOND)), WalletReply::Refund);
        let [OperatorEvent::WrongWalletPayment(alarm)] = &*world.operator_events else {
            panic!("{:?}", world.operator_events);
        };
        assert_eq!((alarm.order, alarm.due, alarm.said.amount), (order, amount, amount));
        assert_eq!((&*alarm.said.reference, &*alarm.said.transaction), (&*reference, "4200000123"));
        let back = world.wallet(&reference, 5_000, W::Refunded(SECOND));
        let in_list = status == O::RefundDue;
        let expected = if in_list { WalletReply::Contradiction } else { WalletReply::Accepted };
        assert_eq!(back, expected, "{status:?}");
        assert_eq!(world.order_status(&reference), Some(status));
        assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
        world.run(0, TerminalTask::QrStatus { stan });
    }
    assert_eq!(late_approvals(&world), 0);
    world.assert_books_agree();
}

#[test]
fn of_two_simultaneous_payments_one_is_refunded() {
    for late in [false, true] {
        let mut world = World::open();
        let (stan, reference) = shown(&mut world, 5_000);
        if late {
            world.advance_to(world.now + 120_000);
            world.settle();
        }
        for payment in [FIRST, SECOND, FIRST] {
            world.send_wallet_notification(&reference, 5_000, W::Paid(payment));
        }
        world.settle();
        let first = if late { WalletReply::Refund } else { WalletReply::Accepted };
        let mut replies = world.replies.iter().map(|reply| reply.1).collect::<Vec<_>>();
        replies.sort_by_key(|reply| *reply == WalletReply::Refund);
        assert_eq!(replies, [first, first, WalletReply::Refund]);
        assert_eq!(late_approvals(&world), usize::from(late));
        let wrong = |event: &OperatorEvent| matches!(event, OperatorEvent::WrongWalletPayment(_));
        assert_eq!(reported(&world, wrong), 1);
        world.run(0, TerminalTask::QrStatus { stan });
        if late {
            assert_eq!(world.wallet(&reference, 5_000, REFUNDED), WalletReply::Accepted);
        }
        world.assert_books_agree();
    }
}

#[test]
fn a_late_payment_after_a_failed_one_is_refunded() {
    let (mut world, _, reference) = forgotten();
    world.wallet(&reference, 5_000, PAID);
    world.wallet(&reference, 5_000, W::Failed(Some(FIRST)));
    assert_eq!(world.wallet(&reference, 5_000, W::Paid(SECOND)), WalletReply::Refund);
    let before = world.wallet(&reference, 5_000, W::Failed(Some(FIRST)));
    assert_eq!(before, WalletReply::Contradiction);
    assert_eq!(world.switch.wallet_refunds_due(WALLET), [(reference.clone(), 5_000)]);
    assert_eq!(world.wallet(&reference, 5_000, W::Refunded(SECOND)), WalletReply::Accepted);
    world.assert_books_agree();
}

#[test]
fn a_wallet_payment_id_is_not_sent_as_an_authorisation_code() {
    let mut world = World::open();
    let (_, reference) = shown(&mut world, 5_000);
    world.wallet(&reference, 5_000, PAID);
    let heard = world.repeat(0);
    let TerminalOutcome::Approved { receipt, .. } = &heard else { panic!("{heard:?}") };
    assert_eq!(receipt.authorisation, None);
}

#[test]
fn a_wallet_that_denies_a_recorded_payment_gets_a_contradiction() {
    let mut world = World::open();
    let (stan, reference) = shown(&mut world, 5_000);
    assert_eq!(world.order_status(&reference), Some(O::Waiting));
    world.wallet(&reference, 5_000, PAID);
    // No refund is due.
    for outcome in [FAILED, REFUNDED] {
        assert_eq!(world.wallet(&reference, 5_000, outcome), WalletReply::Contradiction);
        assert_eq!(world.order_status(&reference), Some(O::Paid));
    }
    assert!(reported(&world, |one| matches!(one, OperatorEvent::WalletContradiction(_))) > 0);
    world.run(0, TerminalTask::QrStatus { stan });
    world.approved(0, TerminalTask::QrRefund { stan });
    let failed = world.wallet(&reference, 5_000, FAILED);
    assert_eq!(failed, WalletReply::Contradiction);
    assert_eq!(world.switch.wallet_refunds_due(WALLET), [(reference.clone(), 5_000)]);
    assert_eq!(world.order_status(&reference), Some(O::RefundDue));
    world.wallet(&reference, 5_000, REFUNDED);
    assert_eq!(world.order_status(&reference), Some(O::Refunded));
    assert_eq!(world.order_status("00000001000001000099"), None);
    assert_eq!(world.order_status("nonsense"), None);
    world.assert_books_agree();
}

#[test]
fn refunding_a_wrong_amount_leaves_the_order_unchanged() {
    let mut world = World::open();
    let (_, reference) = shown(&mut world, 5_000);
    assert_eq!(world.wallet(&reference, 4_999, PAID), WalletReply::Refund);
    assert!(reported(&world, |one| matches!(one, OperatorEvent::WrongWalletPayment(_))) > 0);
    assert_eq!(world.wallet(&reference, 4_999, REFUNDED), WalletReply::Accepted);
    assert_eq!(world.order_status(&reference), Some(O::Waiting));
    assert_eq!(world.wallet(&reference, 5_000, PAID), WalletReply::Accepted);
}

#[test]
fn a_payment_during_the_reversal_of_its_code_is_refunded() {
    let mut world = World::open();
    let (stan, reference) = shown(&mut world, 5_000);
    world.ask(0, TerminalTask::Reverse { stan }).unwrap();
    world.switch_receives_from_terminal();
    // The refusal to record it, the terminal's query, the wallet's query, then the reversal.
    world.books_step();
    world.send_wallet_notification(&reference, 5_000, PAID);
    world.settle();
    assert_eq!(world.replies.last().unwrap().1, WalletReply::Refund);
    assert_eq!(world.switch.wallet_refunds_due(WALLET), [(reference.clone(), 5_000)]);
    world.wallet(&reference, 5_000, REFUNDED);
    assert_eq!(world.order_status(&reference), Some(O::Refunded));
    world.assert_books_agree();
}
