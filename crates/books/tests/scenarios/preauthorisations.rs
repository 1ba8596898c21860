//! Pre-authorisations: the money is reserved first and taken later, in full, in part, or not at
//! all.

use books::chart::{AccountKind as A, ChartEntry};
use books::terminal_view::PendingRequestKind;
use books::view::{ParcelState as S, PaymentState as T};
use books::*;
use money::Amount;

use super::sales::signed_on;
use crate::world::*;

/// A parcel over 10 000 of which `amount` is pre-authorised at the terminal, STAN 1.
fn pre_authorised(amount: u64) -> (World, ParcelId) {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(pre_authorise(1, parcel, amount)).must(approve(first(parcel)));
    (world, parcel)
}

#[test]
fn a_pre_authorisation_posts_nothing_and_keeps_the_money_reserved() {
    let (mut world, parcel) = pre_authorised(8_000);
    assert_eq!(world.events(), [Event::PaymentAuthorised { payment: first(parcel) }]);
    world.expect(&[]);
    assert_eq!(world.payment(first(parcel)).state, T::Authorised);
    assert_eq!(world.engine.network_view(NETWORK).unwrap().pending, 8_000);
    assert_eq!(
        (world.response_to(1), world.pending_requests()),
        (Some((ResponseCode::APPROVED, Some(AUTHORISATION_CODE))), vec![])
    );
    assert_eq!(world.engine.unresolved_payments().count(), 0, "nobody has to be asked");
    // Neither a debit nor a credit of the batch.
    assert_eq!(world.engine.batch_totals(TERMINAL, 1), Some(BatchTotals::default()));
    // The authorised amount cannot be requested again (M2).
    let left = Refusal::AmountTooLarge(Amount::of(2_000));
    world.refused(sell(2, parcel, 2_001), left);
    world.must(sell(2, parcel, 2_000)).must(approve(second(parcel)));
    assert_eq!(world.view(parcel).state, S::Out);
}

#[test]
fn a_parcel_with_a_pre_authorisation_cannot_go_back() {
    let (mut world, parcel) = pre_authorised(8_000);
    world.refused(attempt(parcel, 1), Refusal::ParcelState);
    world.refused(refuse(parcel), Refusal::ParcelState);
    world.refused(accept_part(parcel, 5_000), Refusal::ParcelState);
    world.refused(
        Command::LoseParcel(LoseParcel { parcel, paid_by: DamagePayer::Seller }),
        Refusal::ParcelState,
    );
    world.must(void(2, first(parcel))).refused(refuse(parcel), Refusal::ParcelState);
    world.must(reversal_done(first(parcel))).must(refuse(parcel));
}

#[test]
fn a_completion_posts_like_a_sale() {
    let (mut world, parcel) = pre_authorised(10_000);
    world.must(complete(2, first(parcel), 10_000));
    let (payment, amount) = (first(parcel), Amount::of(10_000));
    assert_eq!(world.events(), [Event::CompletionBegun { payment, amount }]);
    assert_eq!((world.payment(payment).state, world.response_to(2)), (T::Completing, None));
    assert_eq!(world.pending_requests(), [(2, PendingRequestKind::Completion)]);
    world.must(resolve_completion(payment, COMPLETED));
    world.expect_collected(parcel, 10_000);
    assert_eq!(
        (world.response_to(2), world.pending_requests()),
        (Some((ResponseCode::APPROVED, Some(COMPLETION_CODE))), vec![])
    );
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    assert_eq!(totals.card_debits, totals_line(1, 10_000));
    // The books equal those of a sale.
    let mut sale = signed_on();
    let parcel = sale.dispatched_parcel("o-1", 10_000);
    sale.must(sell(1, parcel, 10_000)).must(approve(first(parcel)));
    assert_eq!(sale.postings, world.postings);
    world.parcel_steps(parcel).clear();
    assert_eq!(world.payment(payment).state, T::Released);
}

#[test]
fn a_partial_completion_releases_the_rest_and_the_rest_stays_due() {
    let (mut world, parcel) = pre_authorised(8_000);
    world.must(complete(2, first(parcel), 5_000));
    world.must(resolve_completion(first(parcel), COMPLETED));
    assert_eq!(world.sum(A::NetworkReceivable), 5_000);
    assert_eq!(world.engine.network_view(NETWORK).unwrap().pending, 0);
    let view = world.view(parcel);
    assert_eq!((view.state, view.collected.minor(), view.due.minor()), (S::Out, 5_000, 10_000));
    let payment = world.payment(first(parcel));
    assert_eq!((payment.amount, payment.state), (Amount::of(5_000), T::Approved));
    // Fees are on the completed amount, not the authorised one.
    let same = world.parcel("o-2", 5_000).dispatch().card(5_000).approve().last_payment();
    assert_eq!(world.payment(first(parcel)).fees, world.payment(same).fees);
    world.must(sell(3, parcel, 5_000)).must(approve(second(parcel)));
    world.expect_collected(parcel, 10_000);
}

#[test]
fn no_more_than_was_authorised_is_completed() {
    let (mut world, parcel) = pre_authorised(8_000);
    let most = Refusal::AmountTooLarge(Amount::of(8_000));
    world.refused(complete(2, first(parcel), 8_001), most);
    world.refused(complete(2, first(parcel), 0), Refusal::AmountZero);
    world.must(complete(2, first(parcel), 8_000)).repeated(complete(2, first(parcel), 8_000));
    world.refused(complete(2, first(parcel), 7_999), Refusal::TraceTaken);
    world.refused(complete(3, first(parcel), 1), Refusal::PaymentState);
    let sale = world.dispatched_parcel("o-2", 500);
    world.must(sell(4, sale, 500)).must(approve(first(sale)));
    world.refused(complete(5, first(sale), 500), Refusal::PaymentState);
}

#[test]
fn a_declined_completion_leaves_the_pre_authorisation_as_it_was() {
    let (mut world, parcel) = pre_authorised(8_000);
    let declined = resolve_completion(
        first(parcel),
        PaymentResolution::Declined { code: ResponseCode::of(b"61") },
    );
    world.must(complete(2, first(parcel), 3_000)).must(declined.clone());
    assert_eq!(world.events(), [Event::CompletionDeclined { payment: first(parcel) }]);
    assert_eq!(world.response_to(2), Some((ResponseCode::of(b"61"), None)));
    let payment = world.payment(first(parcel));
    assert_eq!((payment.state, payment.amount), (T::Authorised, Amount::of(8_000)));
    world.repeated(declined);
    world.must(complete(3, first(parcel), 8_000));
    world.must(resolve_completion(first(parcel), COMPLETED));
    assert_eq!(world.sum(A::NetworkReceivable), 8_000);
}

#[test]
fn a_completion_without_a_response_is_reversed_and_can_be_requested_again() {
    let (mut world, parcel) = pre_authorised(10_000);
    let payment = first(parcel);
    let none = resolve_completion(payment, PaymentResolution::Unknown);
    world.must(complete(2, payment, 10_000)).must(none.clone()).repeated(none);
    assert_eq!(world.payment(payment).state, T::CompletionUnknown);
    assert_eq!(world.pending_requests(), [(2, PendingRequestKind::CompletionReversal)]);
    assert_eq!(
        (world.response_to(2), world.engine.unknown_count()),
        (Some((ResponseCode::OUTCOME_UNKNOWN, None)), 1)
    );
    // A late approval changes nothing, before and after the reversal is acknowledged.
    let late = resolve_completion(payment, COMPLETED);
    world.must(late.clone());
    assert_eq!(world.events(), [Event::LateApproval { payment }]);
    world.refused(complete(3, payment, 10_000), Refusal::PaymentState);
    let end = Command::ConfirmCompletionReversal(ConfirmCompletionReversal { payment });
    world.must(end.clone()).repeated(end);
    assert_eq!((world.payment(payment).state, world.engine.unknown_count()), (T::Authorised, 0));
    world.must(late.clone());
    assert_eq!(world.events(), [Event::LateApproval { payment }]);
    world.expect(&[]);
    world.must(complete(3, payment, 10_000)).must(late.clone()).repeated(late);
    world.expect_collected(parcel, 10_000);
}

#[test]
fn a_late_decline_of_a_completion_ends_it() {
    let (mut world, parcel) = pre_authorised(10_000);
    world.must(complete(2, first(parcel), 10_000));
    world.must(resolve_completion(first(parcel), PaymentResolution::Unknown));
    world.must(resolve_completion(
        first(parcel),
        PaymentResolution::Declined { code: ResponseCode::of(b"05") },
    ));
    assert_eq!(world.payment(first(parcel)).state, T::Authorised);
    assert_eq!(
        (world.pending_requests(), world.response_to(2)),
        (vec![], Some((ResponseCode::OUTCOME_UNKNOWN, None)))
    );
    assert_eq!(world.engine.unknown_count(), 0);
}

#[test]
fn an_unknown_completion_blocks_other_cards() {
    let (mut world, parcel) = pre_authorised(6_000);
    world.must(complete(2, first(parcel), 6_000));
    world.must(resolve_completion(first(parcel), PaymentResolution::Unknown));
    world.refused(sell(3, parcel, 4_000), Refusal::EarlierPaymentUnknown);
    world.must(take_cash(3, parcel, 4_000, 4_000));
    // The pre-authorisation still counts: nothing else is due.
    world.refused(take_cash(4, parcel, 1, 1), Refusal::AmountTooLarge(Amount::ZERO));
}

#[test]
fn a_terminal_that_got_no_response_to_a_completion_reverses_it() {
    let (mut world, parcel) = pre_authorised(10_000);
    let payment = first(parcel);
    world.must(complete(2, payment, 10_000)).must(begin_reversal(payment));
    assert_eq!(world.events(), [Event::CompletionUnknown { payment }]);
    world.repeated(begin_reversal(payment));
    world.must(Command::ConfirmCompletionReversal(ConfirmCompletionReversal { payment }));
    assert!(world.engine.transaction(trace(2)).unwrap().reversed);
    // Approved before: the whole payment is reversed.
    world.must(complete(3, payment, 10_000));
    world.must(resolve_completion(payment, COMPLETED)).must(begin_reversal(payment));
    assert_eq!(world.pending_requests(), [(3, PendingRequestKind::Reversal)]);
    world.must(reversal_done(payment));
    world.expect(&[]);
    assert_eq!((world.payment(payment).state, world.view(parcel).state), (T::Reversed, S::Out));
}

#[test]
fn a_pre_authorisation_is_released_by_a_void_or_a_reversal() {
    for reversal in [false, true] {
        let (mut world, parcel) = pre_authorised(10_000);
        let payment = first(parcel);
        let (begin, by, stan) = match reversal {
            true => (begin_reversal(payment), ReversalKind::Reversal, 1),
            false => (void(2, payment), ReversalKind::Void, 2),
        };
        world.must(begin);
        assert_eq!(world.payment(payment).state, T::Releasing(by));
        let what = if reversal { PendingRequestKind::Reversal } else { PendingRequestKind::Void };
        assert_eq!(world.pending_requests(), [(stan, what)]);
        world.refused(complete(3, payment, 1), Refusal::PaymentState);
        // Until it is released it can still be completed, so nothing else can be requested.
        world.refused(sell(3, parcel, 1), Refusal::AmountTooLarge(Amount::ZERO));
        world.must(reversal_done(payment)).repeated(reversal_done(payment));
        assert!(world.postings.iter().all(|line| !line.moves_money()));
        assert_eq!((world.payment(payment).state, world.pending_requests()), (T::Reversed, vec![]));
        assert_eq!(world.engine.batch_totals(TERMINAL, 1), Some(BatchTotals::default()));
        world.must(sell(3, parcel, 10_000)).must(approve(second(parcel)));
        world.expect_collected(parcel, 10_000);
    }
}

#[test]
fn a_declined_or_reversed_void_leaves_the_pre_authorisation() {
    let (mut world, parcel) = pre_authorised(10_000);
    let payment = first(parcel);
    world
        .must(void(2, payment))
        .must(reversal_failed(payment, ResponseCode::of(b"12")))
        .repeated(reversal_failed(payment, ResponseCode::of(b"12")));
    assert_eq!(world.payment(payment).state, T::Authorised);
    world
        .must(void(3, payment))
        .must(reverse_void(payment))
        .must(reversal_failed(payment, ResponseCode::APPROVED));
    assert_eq!(world.payment(payment).state, T::Authorised);
    world.must(complete(4, payment, 10_000));
    world.must(resolve_completion(payment, COMPLETED));
    let collected: Vec<_> = world
        .moved_for(payment)
        .into_iter()
        .filter(|(entry, _)| *entry == ChartEntry::CardCollected)
        .collect();
    assert_eq!(collected, [(ChartEntry::CardCollected, 10_000)]);
}

#[test]
fn a_completed_payment_is_voided_like_a_sale() {
    let (mut world, parcel) = pre_authorised(10_000);
    let payment = first(parcel);
    world.must(complete(2, payment, 7_000));
    world.must(resolve_completion(payment, COMPLETED));
    world.must(void(3, payment)).must(reversal_done(payment));
    world.expect(&[]);
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    assert_eq!(
        (totals.card_debits, totals.card_credits),
        (totals_line(1, 7_000), totals_line(1, 7_000))
    );
}

#[test]
fn an_unknown_pre_authorisation_is_reversed_like_a_sale() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(pre_authorise(1, parcel, 10_000)).must(outcome_unknown(first(parcel)));
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::PurchaseReversal)]);
    world.must(approve(first(parcel)));
    assert_eq!(world.events(), [Event::LateApproval { payment: first(parcel) }]);
    world.must(reverse(first(parcel)));
    assert_eq!(world.payment(first(parcel)).state, T::Reversed);
    world.expect(&[]);
}

#[test]
fn a_wallet_supports_no_pre_authorisations() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let mut pre_authorisation = sell_by_qr(1, parcel, 10_000);
    if let Command::BeginPurchase(BeginPurchase { kind: purpose, .. }) = &mut pre_authorisation {
        *purpose = PurchaseKind::PreAuthorisation;
    }
    world.refused(pre_authorisation, Refusal::BadMethod);
}

#[test]
fn a_completion_on_a_later_day_counts_from_that_day() {
    let mut world = World::set(Setup { hold: HoldRule::DaysAfterDelivery(5), ..Setup::default() });
    world.must(open_batch(1));
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(pre_authorise(1, parcel, 10_000)).must(approve(first(parcel)));
    world.on("2013-08-31").must(complete(2, first(parcel), 10_000));
    world.must(resolve_completion(first(parcel), COMPLETED));
    world.parcel_steps(parcel).clear();
    let (payment, payable_on) = (first(parcel), day("2013-09-05"));
    assert!(world.events().contains(&Event::PaymentHeld { payment, payable_on }));
}

#[test]
fn a_network_with_too_many_unknown_payments_gets_no_completion() {
    let mut world = World::open();
    let authorised = world.parcel("authorised", 100).dispatch().id();
    for number in 0..UNKNOWN_PAYMENTS_PER_NETWORK_MAX {
        let trace = world.nth_trace(number);
        if number == 0 {
            world.must(pre_authorise(999, authorised, 100)).must(approve(first(authorised)));
        }
        let order = format!("o-{number}");
        let parcel = ParcelId::derived(SELLER, &order);
        let sale = sell_at(trace, parcel, debit_card(), 1);
        let way = [assign(parcel), dispatch(parcel), sale, outcome_unknown(first(parcel))];
        for command in [announce(SELLER, &order, 1)].iter().chain(&way) {
            world.apply_unchecked(command).unwrap();
        }
    }
    let trace = world.nth_trace(UNKNOWN_PAYMENTS_PER_NETWORK_MAX);
    let Command::BeginCompletion(completion) = complete(1, first(authorised), 100) else {
        unreachable!("it begins a completion")
    };
    let duplicate_key = original(999);
    let completion = BeginCompletion { trace, duplicate_key, ..completion };
    let completion = Command::BeginCompletion(completion);
    world.refused(completion.clone(), Refusal::TooManyUnknown);
    world.must(reverse(first(ParcelId::derived(SELLER, "o-0")))).must(completion);
}
