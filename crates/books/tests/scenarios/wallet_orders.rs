//! Wallet orders: remembered as long as their parcels, and refunded if they are paid late.

use books::terminal_view::PendingRequestKind;
use books::view::PaymentState;
use books::*;

use super::sales::signed_on;
use crate::world::*;

/// An order in batch 1 that was not paid in time. The terminal has closed the batch since.
fn given_up() -> (World, ParcelId) {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let declined = PaymentResolution::Declined { code: ResponseCode::OUTCOME_UNKNOWN };
    world.must(sell_by_qr(1, parcel, 10_000)).must(resolve_purchase(first(parcel), declined));
    two_batches_later(&mut world);
    (world, parcel)
}

const ANOTHER: WalletPaymentId = WalletPaymentId::of(b"second");

/// The response to an order that this payment paid.
fn paid_by(payment: PaymentId, by: WalletPaymentId) -> Command {
    resolve_purchase(payment, PaymentResolution::Approved(Approval::Wallet(by)))
}

fn two_batches_later(world: &mut World) {
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    world.must(close_batch(1, totals)).must(open_batch(2));
    world.declined_sale_in(2).must(close_batch(2, BatchTotals::default())).must(open_batch(3));
}

fn restored(world: &World) -> Books {
    let mut parts = Vec::new();
    let written = world.engine.snapshot().write(|part| {
        parts.push(Ok::<_, std::io::Error>(part.to_vec()));
        Ok::<_, std::io::Error>(())
    });
    Books::restore(parts, written.unwrap()).unwrap()
}

fn forget() -> Command {
    Command::ForgetClosed(ForgetClosed {
        before: day("2013-12-01"),
        limit: RECORDS_PER_COMMAND_MAX,
    })
}

#[test]
fn an_order_is_found_as_long_as_its_parcel_is() {
    let (mut world, parcel) = given_up();
    for engine in [&world.engine, &restored(&world)] {
        let order = engine.wallet_order(trace(1)).unwrap();
        assert_eq!(
            (order.payment, order.response_code),
            (first(parcel), Some(ResponseCode::OUTCOME_UNKNOWN))
        );
        assert_eq!(engine.transaction(trace(1)), None, "its terminal has closed the batch");
        assert_eq!(engine.check(), Ok(()));
    }
    world.parcel_steps(parcel).card(10_000).approve().clear();
    world.forget_batch().on("2014-08-01").must(forget());
    assert_eq!((world.engine.wallet_order(trace(1)), world.engine.check()), (None, Ok(())));
    assert_eq!(restored(&world).check(), Ok(()));
}

#[test]
fn a_late_payment_waits_until_it_is_refunded() {
    let (mut world, parcel) = given_up();
    let payment = first(parcel);
    world.must(pay(payment));
    assert_eq!(world.events(), [Event::LateApproval { payment }]);
    world.repeated(pay(payment)).repeated(paid_by(payment, ANOTHER));
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::LatePaymentRefund)]);
    assert_eq!(world.engine.wallet_order(trace(1)).unwrap().wallet_payment, Some(WALLET_PAYMENT));
    assert!(restored(&world).pending_requests().eq(world.engine.pending_requests()));
    // The parcel continues, and the order is not forgotten before it.
    world.parcel_steps(parcel).card(10_000).approve().clear();
    world.forget_batch().on("2014-08-01").must(forget());
    assert!(world.engine.wallet_order(trace(1)).is_some());
    world.must(reversal_done(payment));
    assert_eq!(world.events(), [Event::PaymentReversed { payment, posted: money::Amount::ZERO }]);
    world
        .repeated(reversal_done(payment))
        .refused(reversal_failed(payment, ResponseCode::APPROVED), Refusal::PaymentState);
    // Reported again, it is not refunded twice.
    world.repeated(pay(payment)).repeated(paid_by(payment, ANOTHER));
    assert_eq!(world.pending_requests(), []);
    world.must(forget());
    assert_eq!(world.engine.wallet_order(trace(1)), None);
}

#[test]
fn an_order_that_was_not_paid_after_all_waits_no_more() {
    let (mut world, parcel) = given_up();
    let payment = first(parcel);
    world.refused(reversal_done(payment), Refusal::PaymentState);
    world.must(pay(payment)).must(reversal_failed(payment, ResponseCode::OUTCOME_UNKNOWN));
    assert_eq!(world.events(), [Event::PaymentDeclined { payment }]);
    assert_eq!(world.pending_requests(), []);
    world.repeated(reversal_failed(payment, ResponseCode::OUTCOME_UNKNOWN));
    // Reported again, that payment stays unpaid. Another payment can still pay the order.
    world.repeated(pay(payment));
    assert_eq!(world.pending_requests(), []);
    world.must(paid_by(payment, ANOTHER));
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::LatePaymentRefund)]);
    assert_eq!(restored(&world).wallet_order(trace(1)).unwrap().wallet_payment, Some(ANOTHER));
}

#[test]
fn an_order_paid_in_time_is_not_late_after_its_reversal() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let payment = first(parcel);
    world.must(sell_by_qr(1, parcel, 10_000)).must(pay(payment)).must(begin_reversal(payment));
    world.must(reversal_done(payment)).repeated(pay(payment)).repeated(paid_by(payment, ANOTHER));
    assert_eq!(world.pending_requests(), []);
}

#[test]
fn a_payment_made_during_its_reversal_is_declined_and_refunded() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let payment = first(parcel);
    world.must(sell_by_qr(1, parcel, 10_000)).must(begin_reversal(payment));
    world.must(pay(payment));
    assert_eq!(
        world.events(),
        [Event::PaymentDeclined { payment }, Event::LateApproval { payment }]
    );
    assert_eq!(world.engine.wallet_order(trace(1)).unwrap().payment_state, PaymentState::Declined);
    world.repeated(resolve_purchase(
        payment,
        PaymentResolution::Declined { code: ResponseCode::OUTCOME_UNKNOWN },
    ));
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::LatePaymentRefund)]);
    two_batches_later(&mut world);
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::LatePaymentRefund)]);
    assert_eq!(world.engine.unknown_count(), 0);
}
