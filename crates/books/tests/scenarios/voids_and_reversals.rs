//! Voids that the network may decline, reversals that must complete, and voids that are themselves
//! reversed.

use books::chart::{AccountKind as A, ChartEntry};
use books::terminal_view::PendingRequestKind;
use books::view::{ParcelState as S, PaymentState as T};
use books::*;

use super::sales::signed_on;
use crate::world::*;

/// A world with a parcel paid by card at the terminal, STAN 1.
fn sold() -> (World, ParcelId) {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(sell(1, parcel, 10_000)).must(approve(first(parcel)));
    (world, parcel)
}

#[test]
fn a_void_leaves_the_money_where_it_is_until_the_network_approves() {
    let (mut world, parcel) = sold();
    world.must(void(2, first(parcel)));
    let (payment, kind) = (first(parcel), ReversalKind::Void);
    assert_eq!(world.events(), [Event::ReversalBegun { payment, kind }]);
    assert_eq!(world.payment(payment).state, T::Reversing(ReversalKind::Void));
    assert_eq!((world.view(parcel).state, world.sum(A::NetworkReceivable)), (S::Delivered, 10_000));
    assert_eq!(
        (world.pending_requests(), world.response_to(2)),
        (vec![(2, PendingRequestKind::Void)], None)
    );

    world.must(reversal_done(payment));
    world.expect(&[]);
    assert_eq!((world.view(parcel).state, world.payment(payment).state), (S::Out, T::Reversed));
    assert_eq!(
        (world.pending_requests(), world.response_to(2)),
        (vec![], Some((ResponseCode::APPROVED, None)))
    );
    let reversed: u64 = world
        .moved_for(payment)
        .iter()
        .filter(|(entry, _)| *entry == ChartEntry::CollectionReversed)
        .map(|(_, amount)| amount)
        .sum();
    assert_eq!(reversed, 10_000);
    // The parcel is paid again, once.
    world.must(sell(3, parcel, 10_000)).must(approve(second(parcel)));
    world.expect_collected(parcel, 10_000);
}

#[test]
fn a_void_that_the_network_declines_leaves_the_sale_approved() {
    let (mut world, parcel) = sold();
    let before = world.sum(A::SellerHeld);
    world
        .must(void(2, first(parcel)))
        .must(reversal_failed(first(parcel), ResponseCode::of(b"12")));
    assert_eq!(world.events(), [Event::PaymentRestored { payment: first(parcel) }]);
    assert_eq!(
        (world.payment(first(parcel)).state, world.response_to(2)),
        (T::Approved, Some((ResponseCode::of(b"12"), None)))
    );
    assert_eq!((world.sum(A::SellerHeld), world.pending_requests()), (before, vec![]));
    world.repeated(reversal_failed(first(parcel), ResponseCode::of(b"12")));
    // The void can be tried again, and the payment can clear.
    world
        .must(void(3, first(parcel)))
        .must(reversal_failed(first(parcel), ResponseCode::of(b"12")));
    world.parcel_steps(parcel).clear();
    world.refused(void(4, first(parcel)), Refusal::PaymentState);
}

#[test]
fn nothing_else_happens_to_a_payment_that_is_being_reversed() {
    for reversal in [false, true] {
        let (mut world, parcel) = sold();
        let payment = first(parcel);
        world.must(if reversal { begin_reversal(payment) } else { void(2, payment) });
        for command in [
            void(9, payment),
            refund(payment, 1, 100),
            begin_refund(9, payment, 100),
            charge_back(payment, 1, 100),
            reverse(payment),
            complete(9, payment, 100),
            confirm_refund(payment, 1, 100),
            resolve_advice(payment, ResponseCode::APPROVED),
        ] {
            world.refused(command, Refusal::PaymentState);
        }
        world.refused(sell(9, parcel, 1), Refusal::ParcelState);
        world.repeated(approve(payment));
        assert_eq!(
            world.engine.unresolved_payments().map(|one| one.id).collect::<Vec<_>>(),
            [payment]
        );
    }
}

#[test]
fn a_terminal_that_got_no_approval_reverses_the_sale() {
    let (mut world, parcel) = sold();
    let payment = first(parcel);
    world.must(begin_reversal(payment));
    assert_eq!(world.payment(payment).state, T::Reversing(ReversalKind::Reversal));
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::Reversal)]);
    let sale = world.engine.transaction(trace(1)).unwrap();
    assert!(sale.reversed && !sale.counts_in_batch);
    assert_eq!(world.engine.batch_totals(TERMINAL, 1), Some(BatchTotals::default()));
    world.repeated(begin_reversal(payment));
    // A reversal cannot be declined: it ends only when it is acknowledged.
    world.refused(reversal_failed(payment, ResponseCode::APPROVED), Refusal::PaymentState);
    world
        .must(reversal_done(payment))
        .repeated(reversal_done(payment))
        .repeated(begin_reversal(payment));
    world.expect(&[]);
    assert_eq!((world.view(parcel).state, world.pending_requests()), (S::Out, vec![]));
}

#[test]
fn a_reversal_before_the_answer_makes_the_sale_unknown() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(sell(1, parcel, 10_000)).must(begin_reversal(first(parcel)));
    assert_eq!(world.events(), [Event::PaymentUnknown { payment: first(parcel) }]);
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::PurchaseReversal)]);
    world.repeated(begin_reversal(first(parcel)));
    world.must(approve(first(parcel)));
    assert_eq!(world.events(), [Event::LateApproval { payment: first(parcel) }]);
    world.must(reverse(first(parcel))).repeated(begin_reversal(first(parcel)));
    world.expect(&[]);
}

#[test]
fn an_approval_and_the_terminals_reversal_end_at_zero_in_either_order() {
    for approval_first in [true, false] {
        let mut world = signed_on();
        let parcel = world.dispatched_parcel("o-1", 10_000);
        let payment = first(parcel);
        world.must(sell(1, parcel, 10_000));
        if approval_first {
            world.must(approve(payment)).must(begin_reversal(payment)).must(reversal_done(payment));
        } else {
            world.must(begin_reversal(payment)).must(approve(payment)).must(reverse(payment));
        }
        world.expect(&[]);
        assert_eq!((world.payment(payment).state, world.pending_requests()), (T::Reversed, vec![]));
        assert_eq!(world.engine.batch_totals(TERMINAL, 1), Some(BatchTotals::default()));
    }
}

#[test]
fn a_void_without_a_response_is_reversed_and_the_sale_stays_approved() {
    let (mut world, parcel) = sold();
    let payment = first(parcel);
    world.must(void(2, payment)).must(reverse_void(payment));
    assert_eq!(world.events(), [Event::VoidReversalBegun { payment }]);
    assert_eq!(world.payment(payment).state, T::ReversingVoid);
    assert_eq!(
        (world.pending_requests(), world.response_to(2)),
        (vec![(2, PendingRequestKind::VoidReversal)], Some((ResponseCode::OUTCOME_UNKNOWN, None)))
    );
    world.repeated(reverse_void(payment)).repeated(begin_reversal(payment));
    world.refused(reversal_done(payment), Refusal::PaymentState);
    world.must(reversal_failed(payment, ResponseCode::APPROVED));
    assert_eq!((world.payment(payment).state, world.pending_requests()), (T::Approved, vec![]));
    assert_eq!(world.response_to(2), Some((ResponseCode::OUTCOME_UNKNOWN, None)));
    world
        .repeated(reversal_failed(payment, ResponseCode::APPROVED))
        .repeated(reverse_void(payment));
    // Only the sale is in the batch.
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    assert_eq!(
        (totals.card_debits, totals.card_credits),
        (totals_line(1, 10_000), totals_line(0, 0))
    );
}

#[test]
fn a_reversal_of_a_payment_with_a_pending_void_reverses_the_void() {
    let (mut world, parcel) = sold();
    world.must(void(2, first(parcel))).must(begin_reversal(first(parcel)));
    assert_eq!(world.payment(first(parcel)).state, T::ReversingVoid);
    world.must(reversal_failed(first(parcel), ResponseCode::APPROVED));
    assert_eq!(world.view(parcel).state, S::Delivered);
}

#[test]
fn an_approved_void_cannot_be_reversed() {
    let (mut world, parcel) = sold();
    world.refused(reverse_void(first(parcel)), Refusal::PaymentState);
    world.must(void(2, first(parcel))).must(reversal_done(first(parcel)));
    world.refused(reverse_void(first(parcel)), Refusal::PaymentState);
    world.repeated(reversal_done(first(parcel)));
}

#[test]
fn cash_is_voided_at_once_while_it_is_in_hand() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 5_000);
    world.must(take_cash(1, parcel, 5_000, 5_000)).must(void(2, first(parcel)));
    world.expect(&[]);
    assert_eq!(
        (world.view(parcel).state, world.response_to(2)),
        (S::Out, Some((ResponseCode::APPROVED, None)))
    );
    assert_eq!(world.pending_requests(), []);
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    assert_eq!(
        (totals.other_debits, totals.other_credits),
        (totals_line(1, 5_000), totals_line(1, 5_000))
    );
    // In a hand-over the cash is the hub's; counted, it is the firm's.
    world.must(take_cash(3, parcel, 5_000, 5_000)).must(start_hand_over(1));
    world.refused(void(4, second(parcel)), Refusal::HandOverOpen);
    world.refused(begin_reversal(second(parcel)), Refusal::HandOverOpen);
    world.must(count(1, 5_000)).refused(void(4, second(parcel)), Refusal::PaymentState);
}

#[test]
fn cash_without_a_response_to_the_terminal_is_reversed_at_once() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 5_000);
    world.must(take_cash(1, parcel, 5_000, 5_000)).must(begin_reversal(first(parcel)));
    world.expect(&[]);
    assert!(world.engine.transaction(trace(1)).unwrap().reversed);
    assert_eq!(world.engine.batch_totals(TERMINAL, 1), Some(BatchTotals::default()));
}

#[test]
fn a_wallet_sale_is_voided_like_one_by_card() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(sell_by_qr(1, parcel, 10_000)).must(pay(first(parcel)));
    world.must(void(2, first(parcel)));
    assert_eq!(world.pending_requests(), [(2, PendingRequestKind::Void)]);
    world.must(reversal_done(first(parcel)));
    world.expect(&[]);
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    assert_eq!(
        (totals.other_debits, totals.other_credits),
        (totals_line(1, 10_000), totals_line(1, 10_000))
    );
}

#[test]
fn only_the_courier_who_took_a_payment_voids_it_at_a_terminal_that_works() {
    let (mut world, parcel) = sold();
    world.must(Command::OpenBatch(OpenBatch { terminal: COLLEAGUES_TERMINAL, batch: 1 }));
    let trace = Trace { terminal: COLLEAGUES_TERMINAL, ..trace(1) };
    let elsewhere = Command::BeginVoid(BeginVoid {
        trace,
        duplicate_key: original(1),
        payment: first(parcel),
        network_reference: Some(network_reference(1)),
    });
    world.refused(elsewhere, Refusal::WrongCourier);
    world.must(block_terminal(TERMINAL, 1, true));
    world.refused(void(2, first(parcel)), Refusal::TerminalBlocked);
}

#[test]
fn a_cleared_refunded_declined_or_begun_payment_cannot_be_voided() {
    let (mut world, parcel) = sold();
    world.must(refund(first(parcel), 1, 1));
    world.refused(void(2, first(parcel)), Refusal::PaymentState);
    world.refused(begin_reversal(first(parcel)), Refusal::PaymentState);
    let other = world.dispatched_parcel("o-2", 500);
    world.must(sell(3, other, 500)).refused(void(4, first(other)), Refusal::PaymentState);
    world.must(resolve_purchase(
        first(other),
        PaymentResolution::Declined { code: ResponseCode::of(b"05") },
    ));
    world.refused(void(4, first(other)), Refusal::PaymentState);
    world.repeated(begin_reversal(first(other)));
    world.refused(reversal_done(first(other)), Refusal::PaymentState);
}

#[test]
fn a_payment_without_a_remembered_transaction_is_voided_but_not_reversed() {
    // A reversal names the original message to the network; a void is a message of its own.
    let mut world = signed_on();
    let payment = world.parcel("o-1", 10_000).dispatch().card(10_000).approve().last_payment();
    world.forget_batch().refused(begin_reversal(payment), Refusal::PaymentState);
    world.must(void(1, payment)).must(reversal_done(payment));
    world.expect(&[]);
}
