//! Pre-authorisations that are not completed in time: the buyer gets the money back and the parcel
//! is due.

use books::chart::AccountKind as A;
use books::terminal_view::PendingRequestKind;
use books::view::{ParcelState as S, PaymentState as T};
use books::*;
use money::Amount;

use super::sales::signed_on;
use crate::world::*;

/// A parcel over 10 000 of which `amount` is pre-authorised on 28 August, STAN 1 of the first
/// batch.
fn pre_authorised(amount: u64) -> (World, ParcelId) {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(pre_authorise(1, parcel, amount)).must(approve(first(parcel)));
    (world, parcel)
}

/// The terminal closes its batch and opens the next.
fn next_batch(world: &mut World, closed: u32) {
    let totals = world.engine.batch_totals(TERMINAL, closed).unwrap();
    world.declined_sale_in(closed).must(close_batch(closed, totals)).must(open_batch(closed + 1));
}

/// A completion in another batch than the first.
fn complete_in(batch: u32, stan: u32, payment: PaymentId, amount: u64) -> Command {
    let (trace, amount, network_reference) =
        (trace_in(batch, stan), Amount::of(amount), network_reference(stan));
    Command::BeginCompletion(BeginCompletion {
        trace,
        duplicate_key: original(1),
        payment,
        amount,
        network_reference,
    })
}

fn forget(before: &str) -> Command {
    Command::ForgetClosed(ForgetClosed { before: day(before), limit: RECORDS_PER_COMMAND_MAX })
}

#[test]
fn a_pre_authorisation_not_completed_in_time_is_reversed_and_its_parcel_is_due_again() {
    let (mut world, parcel) = pre_authorised(10_000);
    let payment = first(parcel);
    world.on("2013-09-27").repeated(expire("2013-08-28"));
    world.on("2013-09-28").must(expire("2013-08-29"));
    assert_eq!(world.events(), [Event::ReversalBegun { payment, kind: ReversalKind::Expiry }]);
    assert_eq!(world.payment(payment).state, T::Releasing(ReversalKind::Expiry));
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::Reversal)]);
    world.repeated(expire("2013-08-29"));
    // Nothing else can be requested until the network acknowledges the reversal.
    world.refused(sell(2, parcel, 1), Refusal::AmountTooLarge(Amount::ZERO));
    world.must(reversal_done(payment));
    assert_eq!(world.events(), [Event::PaymentReversed { payment, posted: Amount::ZERO }]);
    world.repeated(reversal_done(payment));
    assert_eq!((world.payment(payment).state, world.pending_requests()), (T::Expired, vec![]));
    assert_eq!(world.engine.network_view(NETWORK).unwrap().pending, 0);
    assert!(world.postings.iter().all(|line| !line.moves_money()));
    world.must(take_cash(2, parcel, 10_000, 10_000));
    assert_eq!((world.view(parcel).state, world.sum(A::CourierCash)), (S::Delivered, 10_000));
}

#[test]
fn a_parcel_whose_pre_authorisation_has_expired_can_go_back() {
    let (mut world, parcel) = pre_authorised(10_000);
    world.on("2013-09-28").must(expire("2013-08-29")).refused(refuse(parcel), Refusal::ParcelState);
    world.must(reversal_done(first(parcel))).must(refuse(parcel));
    world.must(Command::ReturnParcel(ReturnParcel { parcel }));
    assert_eq!(world.view(parcel).state, S::Returned);
}

#[test]
fn a_completion_or_void_after_expiry_is_refused_as_expired() {
    let (mut world, parcel) = pre_authorised(10_000);
    let (payment, late) = (first(parcel), Refusal::PreAuthorisationExpired);
    world.on("2013-09-28").must(expire("2013-08-29"));
    world
        .refused(complete(2, payment, 10_000), late.clone())
        .refused(void(2, payment), late.clone());
    // The terminal's own reversal has nothing left to do.
    world
        .repeated(begin_reversal(payment))
        .refused(reversal_failed(payment, ResponseCode::of(b"12")), Refusal::PaymentState);
    world.refused(reverse_void(payment), Refusal::PaymentState);
    world.must(reversal_done(payment));
    world.refused(complete(2, payment, 10_000), late.clone()).refused(void(2, payment), late);
    world.repeated(begin_reversal(payment)).repeated(reverse(payment)).repeated(approve(payment));
    world.expect(&[]);
}

#[test]
fn a_pending_completion_is_not_expired() {
    let (mut world, parcel) = pre_authorised(10_000);
    let payment = first(parcel);
    world.on("2013-09-28").must(complete(2, payment, 10_000)).repeated(expire("2013-08-29"));
    world.must(resolve_completion(payment, COMPLETED));
    world.expect_collected(parcel, 10_000);
    world.repeated(expire("2013-08-29"));
}

#[test]
fn a_failed_completion_leaves_the_pre_authorisation_to_expire() {
    for unknown in [false, true] {
        let (mut world, parcel) = pre_authorised(10_000);
        let payment = first(parcel);
        world.on("2013-09-28").must(complete(2, payment, 10_000));
        if unknown {
            world.must(resolve_completion(payment, PaymentResolution::Unknown));
            world.repeated(expire("2013-08-29"));
            world.must(Command::ConfirmCompletionReversal(ConfirmCompletionReversal { payment }));
        } else {
            let declined = PaymentResolution::Declined { code: ResponseCode::of(b"54") };
            world.must(resolve_completion(payment, declined));
        }
        world.must(expire("2013-08-29")).must(reversal_done(payment));
        assert_eq!(world.payment(payment).state, T::Expired);
        // The completion's later outcome changes nothing.
        let late = resolve_completion(payment, COMPLETED);
        world.must(late);
        assert_eq!(world.events(), [Event::LateApproval { payment }]);
        world.expect(&[]);
    }
}

#[test]
fn a_pending_void_is_not_expired() {
    let (mut world, parcel) = pre_authorised(10_000);
    let payment = first(parcel);
    world.on("2013-09-28").must(void(2, payment)).repeated(expire("2013-08-29"));
    world.must(reverse_void(payment)).repeated(expire("2013-08-29"));
    world.must(reversal_failed(payment, ResponseCode::APPROVED)).must(expire("2013-08-29"));
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::Reversal)]);
}

#[test]
fn a_pre_authorisation_can_be_completed_however_many_batches_ago_it_was() {
    let (mut world, parcel) = pre_authorised(10_000);
    (1..=4).for_each(|batch| next_batch(&mut world, batch));
    let asked = world.engine.transaction(trace(1)).expect("what asked for it is kept");
    assert_eq!(
        (asked.payment, asked.authorisation_code),
        (first(parcel), Some(AUTHORISATION_CODE))
    );
    world.on("2013-09-20").must(complete_in(5, 1, first(parcel), 10_000));
    world.must(resolve_completion(first(parcel), COMPLETED));
    world.expect_collected(parcel, 10_000);
    next_batch(&mut world, 5);
    next_batch(&mut world, 6);
    world.refused(complete_in(7, 1, first(parcel), 10_000), Refusal::PaymentState);
}

#[test]
fn an_old_pre_authorisation_is_remembered_until_its_completions_reversal_is_acknowledged() {
    let (mut world, parcel) = pre_authorised(10_000);
    let payment = first(parcel);
    (1..=2).for_each(|batch| next_batch(&mut world, batch));
    world.must(complete_in(3, 1, payment, 10_000));
    world.must(resolve_completion(payment, COMPLETED)).must(begin_reversal(payment));
    (3..=5).for_each(|batch| next_batch(&mut world, batch));
    assert_eq!(
        world.engine.pending_requests().map(|one| one.trace).collect::<Vec<_>>(),
        [trace_in(3, 1)]
    );
    assert!(world.engine.transaction(trace(1)).is_some(), "after a restart both are reversed");
    world.must(reversal_done(payment));
    assert_eq!(world.payment(payment).state, T::Reversed);
    world.refused(complete_in(6, 1, payment, 10_000), Refusal::PaymentState);
}

#[test]
fn an_old_pre_authorisation_can_be_voided_and_not_completed_afterwards() {
    let (mut world, parcel) = pre_authorised(10_000);
    let payment = first(parcel);
    (1..=2).for_each(|batch| next_batch(&mut world, batch));
    let (trace_3, duplicate_key) = (trace_in(3, 1), original(1));
    world.must(Command::BeginVoid(BeginVoid {
        trace: trace_3,
        duplicate_key,
        payment,
        network_reference: Some(network_reference(1)),
    }));
    world.must(reversal_done(payment));
    world.refused(complete_in(3, 2, payment, 10_000), Refusal::PaymentState);
}

#[test]
fn an_old_pre_authorisation_expires_and_is_remembered_until_its_parcel_is_forgotten() {
    let (mut world, parcel) = pre_authorised(10_000);
    let payment = first(parcel);
    (1..=3).for_each(|batch| next_batch(&mut world, batch));
    world.on("2013-09-28").must(expire("2013-08-29"));
    assert_eq!(
        world.engine.pending_requests().map(|one| one.trace).collect::<Vec<_>>(),
        [trace(1)]
    );
    world.must(reversal_done(payment));
    assert_eq!(world.engine.transaction(trace(1)).unwrap().payment_state, T::Expired);
    world.refused(complete_in(4, 1, payment, 1), Refusal::PreAuthorisationExpired);
    world.must(refuse(parcel)).must(Command::ReturnParcel(ReturnParcel { parcel }));
    world.on("2014-06-01").must(forget("2013-11-01"));
    assert_eq!(world.events(), [Event::ParcelForgotten { parcel }]);
    assert_eq!(world.engine.transaction(trace(1)), None);
}

#[test]
fn the_oldest_expire_first_as_many_as_are_asked_for() {
    let mut world = signed_on();
    let days = ["2013-08-28", "2013-08-29", "2013-08-30"];
    let payments = (1..).zip(days).map(|(stan, date)| {
        let parcel = world.on(date).dispatched_parcel(date, 1_000);
        world.must(pre_authorise(stan, parcel, 1_000)).must(approve(first(parcel)));
        first(parcel)
    });
    let payments: Vec<PaymentId> = payments.collect();
    world.on("2013-10-15");
    for payment in &payments {
        let before = day("2013-09-15");
        world.must(Command::ExpirePreAuthorisations(ExpirePreAuthorisations { before, limit: 1 }));
        let kind = ReversalKind::Expiry;
        assert_eq!(world.events(), [Event::ReversalBegun { payment: *payment, kind }]);
    }
    world.repeated(expire("2013-09-15"));
}

#[test]
fn nothing_expires_before_its_day_and_no_more_than_a_command_may_do() {
    let (mut world, _) = pre_authorised(10_000);
    world.refused(expire("2013-08-29"), bad_date("2013-08-29", "", "2013-08-28"));
    world.repeated(expire("2013-08-28"));
    for limit in [0, RECORDS_PER_COMMAND_MAX + 1] {
        let before = day("2013-08-28");
        let command = Command::ExpirePreAuthorisations(ExpirePreAuthorisations { before, limit });
        world.refused(command, Refusal::OutOfRange(RECORDS_PER_COMMAND_MAX));
    }
}
