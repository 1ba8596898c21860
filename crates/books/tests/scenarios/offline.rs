//! Offline sales: the terminal approves within its limits, the books post at once, the network gets
//! them later.

use books::chart::AccountKind as A;
use books::terminal_view::PendingRequestKind;
use books::view::{ParcelState as S, PaymentState as T};
use books::*;
use money::Amount;

use super::sales::signed_on;
use crate::world::*;

fn offline(each: u64, total: u64) -> World {
    let mut world = signed_on();
    world.must(offline_limit(each, total));
    world
}

fn left(world: &World) -> u64 {
    world.engine.terminal_view(TERMINAL).unwrap().offline_left.minor()
}

#[test]
fn an_offline_sale_is_posted_like_an_approved_one_and_is_to_be_forwarded() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(record_advice(1, parcel, 10_000));
    world.expect_collected(parcel, 10_000);
    assert_eq!(
        (world.response_to(1), world.pending_requests()),
        (Some((ResponseCode::APPROVED, Some(OFFLINE_CODE))), vec![(1, PendingRequestKind::Advice)])
    );
    assert_eq!(world.engine.unresolved_payments().count(), 0, "its outcome is known");
    assert_eq!(world.engine.batch_totals(TERMINAL, 1).unwrap().card_debits, totals_line(1, 10_000));
    // Posted at once, where an online sale is only reserved.
    let mut sale = signed_on();
    sale.dispatched_parcel("o-1", 10_000);
    sale.must(sell(1, parcel, 10_000)).must(approve(first(parcel)));
    assert!(sale.engine.accounts().eq(world.engine.accounts()));
    world
        .must(resolve_advice(first(parcel), ResponseCode::APPROVED))
        .repeated(resolve_advice(first(parcel), ResponseCode::APPROVED));
    assert_eq!(world.pending_requests(), []);
    world.parcel_steps(parcel).clear();
    assert_eq!(world.payment(first(parcel)).state, T::Released);
}

#[test]
fn a_terminal_sells_nothing_offline_unless_it_may() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.refused(record_advice(1, parcel, 1), Refusal::OfflineLimitExceeded(Amount::ZERO));
    world.must(offline_limit(3_000, 5_000)).repeated(offline_limit(3_000, 5_000));
    world
        .refused(record_advice(1, parcel, 3_001), Refusal::OfflineLimitExceeded(Amount::of(3_000)));
    world.must(record_advice(1, parcel, 3_000)).repeated(record_advice(1, parcel, 3_000));
    // 2 000 of the limit for unanswered sales are left.
    assert_eq!(left(&world), 2_000);
    world
        .refused(record_advice(2, parcel, 2_001), Refusal::OfflineLimitExceeded(Amount::of(2_000)));
    world.must(record_advice(2, parcel, 2_000));
    world.must(resolve_advice(first(parcel), ResponseCode::APPROVED));
    assert_eq!(left(&world), 3_000);
    // Lowering the limit later changes no recorded sale.
    world.must(offline_limit(3_000, 1_000));
    assert_eq!(left(&world), 0);
    world.must(resolve_advice(second(parcel), ResponseCode::APPROVED));
    assert_eq!(left(&world), 1_000);
    let nobody = TerminalId(99);
    let Command::SetOfflineLimit(mut limit) = offline_limit(0, 1) else { unreachable!() };
    limit.terminal = nobody;
    world.refused(
        Command::SetOfflineLimit(limit),
        Refusal::NotFound(MissingRecord::Terminal(nobody)),
    );
}

#[test]
fn a_rejected_offline_sale_stays_held_and_is_reported() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(record_advice(1, parcel, 10_000));
    let held = world.sum(A::SellerHeld);
    world.must(resolve_advice(first(parcel), ResponseCode::of(b"51")));
    let (payment, code) = (first(parcel), ResponseCode::of(b"51"));
    assert_eq!(world.events(), [Event::AdviceRejected { payment, code }]);
    assert_eq!((world.sum(A::SellerHeld), world.payment(payment).state), (held, T::Approved));
    assert_eq!((left(&world), world.pending_requests()), (10_000, vec![]));
    // The terminal printed its slip, so the first response and the line in the batch stay.
    assert_eq!(world.response_to(1), Some((ResponseCode::APPROVED, Some(OFFLINE_CODE))));
    assert!(world.engine.transaction(trace(1)).unwrap().counts_in_batch);
}

#[test]
fn an_offline_sale_that_is_not_forwarded_cannot_be_reversed() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let payment = first(parcel);
    world.must(record_advice(1, parcel, 10_000));
    for command in [void(2, payment), begin_reversal(payment), reverse(payment)] {
        world.refused(command, Refusal::PaymentState);
    }
    world
        .must(resolve_advice(payment, ResponseCode::APPROVED))
        .must(void(2, payment))
        .must(reversal_done(payment));
    world.expect(&[]);
    assert_eq!(world.view(parcel).state, S::Out);
}

#[test]
fn an_offline_sale_that_is_reversed_is_answered_no_more() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let payment = first(parcel);
    world
        .must(record_advice(1, parcel, 10_000))
        .must(resolve_advice(payment, ResponseCode::APPROVED));
    world.must(begin_reversal(payment)).repeated(resolve_advice(payment, ResponseCode::APPROVED));
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::Reversal)]);
    world.must(reversal_done(payment));
    assert_eq!(left(&world), 10_000);
}

#[test]
fn a_withdrawn_network_still_takes_what_was_sold_offline() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let at = world.at;
    world.must(withdraw(at)).refused(sell(1, parcel, 4_000), Refusal::NetworkWithdrawn);
    world
        .must(record_advice(1, parcel, 4_000))
        .must(resolve_advice(first(parcel), ResponseCode::APPROVED));
    assert_eq!(world.sum(A::NetworkReceivable), 4_000);
}

#[test]
fn an_offline_sale_is_by_card_within_what_is_due_and_after_no_unknown_card() {
    let mut world = offline(20_000, 20_000);
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let mut by_qr = record_advice(1, parcel, 1_000);
    if let Command::RecordAdvice(RecordAdvice { route, .. }) = &mut by_qr {
        *route = PaymentRoute::Qr { wallet: WALLET };
    }
    world.refused(by_qr, Refusal::BadMethod);
    world.refused(record_advice(1, parcel, 10_001), Refusal::AmountTooLarge(Amount::of(10_000)));
    world.must(sell(1, parcel, 4_000)).must(outcome_unknown(first(parcel)));
    world.refused(record_advice(2, parcel, 4_000), Refusal::EarlierPaymentUnknown);
    world.must(block_terminal(TERMINAL, 1, true));
    world.refused(record_advice(2, parcel, 4_000), Refusal::TerminalBlocked);
}

#[test]
fn an_online_sale_has_no_advice_to_resolve() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.refused(
        resolve_advice(first(parcel), ResponseCode::APPROVED),
        Refusal::NotFound(MissingRecord::Payment),
    );
    world.must(sell(1, parcel, 10_000)).must(approve(first(parcel)));
    world.refused(resolve_advice(first(parcel), ResponseCode::APPROVED), Refusal::PaymentState);
}

#[test]
fn an_offline_sale_waits_for_its_network_however_old_its_batch_is() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.dispatched_parcel("o-1", 4_000);
    world.must(record_advice(1, parcel, 4_000));
    for batch in 1..=3 {
        let totals = world.engine.batch_totals(TERMINAL, batch).unwrap();
        world.declined_sale_in(batch).must(close_batch(batch, totals)).must(open_batch(batch + 1));
    }
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::Advice)]);
    assert!(world.engine.transaction(trace(1)).is_some());
    // Only answered sales are forgotten.
    world.must(resolve_advice(first(parcel), ResponseCode::APPROVED));
    assert_eq!((world.pending_requests(), world.engine.transaction(trace(1))), (vec![], None));
    world.refused(resolve_advice(first(parcel), ResponseCode::APPROVED), Refusal::PaymentState);
}
