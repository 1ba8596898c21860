//! A promise of money first, the money later: all of it, a part, or none.

use engine::chart::{AccountKind as A, Entry};
use engine::door_view::ChaseKind;
use engine::view::{ParcelState as S, TenderState as T};
use engine::*;
use money::Amount;

use super::sales::signed_on;
use crate::world::*;

/// A world with a parcel over 10 000 of which so much is pre-authorised at the terminal, number 1.
fn promised(amount: u64) -> (World, ParcelId) {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.must(pre_authorise(1, parcel, amount)).must(approved(first(parcel)));
    (world, parcel)
}

#[test]
fn a_pre_authorisation_posts_nothing_and_keeps_the_money_reserved() {
    let (mut world, parcel) = promised(8_000);
    assert_eq!(world.events(), [Event::Authorised { tender: first(parcel) }]);
    world.expect(&[]);
    assert_eq!(world.tender(first(parcel)).state, T::Authorised);
    assert_eq!(world.engine.network_view(NETWORK).unwrap().pending, 8_000);
    assert_eq!((world.told(1), world.chased()), (Some((*b"00", CODE_38)), vec![]));
    assert_eq!(world.engine.unresolved().count(), 0, "nobody has to be asked");
    // It is neither a debit nor a credit of the batch.
    assert_eq!(world.engine.batch_totals(TERMINAL, 1), Some(BatchTotals::default()));
    // What is promised is not asked for again (M2).
    let left = Refusal::AmountTooLarge(Amount::of(2_000));
    world.refused(sell(2, parcel, 2_001), left);
    world.must(sell(2, parcel, 2_000)).must(approved(second(parcel)));
    assert_eq!(world.view(parcel).state, S::Out);
}

#[test]
fn a_parcel_with_a_promise_stays_at_the_door() {
    let (mut world, parcel) = promised(8_000);
    world.refused(attempt(parcel, 1), Refusal::ParcelState);
    world.refused(refuse(parcel), Refusal::ParcelState);
    world.refused(accept_part(parcel, 5_000), Refusal::ParcelState);
    world.refused(Command::LoseParcel { parcel }, Refusal::ParcelState);
    world.must(void(2, first(parcel))).refused(refuse(parcel), Refusal::ParcelState);
    world.must(taken_back(first(parcel))).must(refuse(parcel));
}

#[test]
fn a_completion_posts_like_a_sale() {
    let (mut world, parcel) = promised(10_000);
    world.must(complete(2, first(parcel), 10_000));
    let (tender, amount) = (first(parcel), Amount::of(10_000));
    assert_eq!(world.events(), [Event::CompletionBegun { tender, amount }]);
    assert_eq!((world.tender(tender).state, world.told(2)), (T::Completing, None));
    assert_eq!(world.chased(), [(2, ChaseKind::Completing)]);
    world.must(answer_completion(tender, Resolution::Approved));
    world.expect_collected(parcel, 10_000);
    assert_eq!((world.told(2), world.chased()), (Some((*b"00", *b"D4E5F6")), vec![]));
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    assert_eq!(totals.card_debits, sums(1, 10_000));
    // The books are those of a sale.
    let mut sale = signed_on();
    let parcel = sale.out("o-1", 10_000);
    sale.must(sell(1, parcel, 10_000)).must(approved(first(parcel)));
    assert_eq!(sale.postings, world.postings);
    world.door(parcel).clear();
    assert_eq!(world.tender(tender).state, T::Released);
}

#[test]
fn a_completion_of_a_part_lets_the_rest_go_and_the_rest_stays_due() {
    let (mut world, parcel) = promised(8_000);
    world.must(complete(2, first(parcel), 5_000));
    world.must(answer_completion(first(parcel), Resolution::Approved));
    assert_eq!(world.sum(A::NetworkReceivable), 5_000);
    assert_eq!(world.engine.network_view(NETWORK).unwrap().pending, 0);
    let view = world.view(parcel);
    assert_eq!((view.state, view.collected.minor(), view.due.minor()), (S::Out, 5_000, 10_000));
    let tender = world.tender(first(parcel));
    assert_eq!((tender.amount, tender.state), (Amount::of(5_000), T::Approved));
    // Fees are of what was taken, not of what was promised.
    let same = world.parcel("o-2", 5_000).out().card(5_000).approve().last();
    assert_eq!(world.tender(first(parcel)).fees, world.tender(same).fees);
    world.must(sell(3, parcel, 5_000)).must(approved(second(parcel)));
    world.expect_collected(parcel, 10_000);
}

#[test]
fn no_more_than_was_promised_is_completed() {
    let (mut world, parcel) = promised(8_000);
    let most = Refusal::AmountTooLarge(Amount::of(8_000));
    world.refused(complete(2, first(parcel), 8_001), most);
    world.refused(complete(2, first(parcel), 0), Refusal::AmountZero);
    world.must(complete(2, first(parcel), 8_000)).repeated(complete(2, first(parcel), 8_000));
    world.refused(complete(2, first(parcel), 7_999), Refusal::TraceTaken);
    world.refused(complete(3, first(parcel), 1), Refusal::TenderState);
    let sale = world.out("o-2", 500);
    world.must(sell(4, sale, 500)).must(approved(first(sale)));
    world.refused(complete(5, first(sale), 500), Refusal::TenderState);
}

#[test]
fn a_declined_completion_leaves_the_promise_as_it_was() {
    let (mut world, parcel) = promised(8_000);
    let declined = answer_completion(first(parcel), Resolution::Declined { code: *b"61" });
    world.must(complete(2, first(parcel), 3_000)).must(declined.clone());
    assert_eq!(world.events(), [Event::CompletionDeclined { tender: first(parcel) }]);
    assert_eq!(world.told(2), Some((*b"61", *b"D4E5F6")));
    let tender = world.tender(first(parcel));
    assert_eq!((tender.state, tender.amount), (T::Authorised, Amount::of(8_000)));
    world.repeated(declined);
    world.must(complete(3, first(parcel), 8_000));
    world.must(answer_completion(first(parcel), Resolution::Approved));
    assert_eq!(world.sum(A::NetworkReceivable), 8_000);
}

#[test]
fn a_completion_without_an_answer_is_reversed_and_may_be_asked_for_again() {
    let (mut world, parcel) = promised(10_000);
    let tender = first(parcel);
    let none = answer_completion(tender, Resolution::Unknown);
    world.must(complete(2, tender, 10_000)).must(none.clone()).repeated(none);
    assert_eq!(world.tender(tender).state, T::CompletionUnknown);
    assert_eq!(world.chased(), [(2, ChaseKind::CompletionUnknown)]);
    assert_eq!((world.told(2), world.engine.unknown_count()), (Some((*b"68", SPACES)), 1));
    // A late approval changes nothing, before and after the reversal is acknowledged.
    let late = answer_completion(tender, Resolution::Approved);
    world.must(late.clone());
    assert_eq!(world.events(), [Event::LateApproval { tender }]);
    world.refused(complete(3, tender, 10_000), Refusal::TenderState);
    let end = Command::EndCompletionReversal { tender };
    world.must(end.clone()).repeated(end);
    assert_eq!((world.tender(tender).state, world.engine.unknown_count()), (T::Authorised, 0));
    world.must(late.clone());
    assert_eq!(world.events(), [Event::LateApproval { tender }]);
    world.expect(&[]);
    world.must(complete(3, tender, 10_000)).must(late.clone()).repeated(late);
    world.expect_collected(parcel, 10_000);
}

#[test]
fn a_late_decline_of_a_completion_ends_it() {
    let (mut world, parcel) = promised(10_000);
    world.must(complete(2, first(parcel), 10_000));
    world.must(answer_completion(first(parcel), Resolution::Unknown));
    world.must(answer_completion(first(parcel), Resolution::Declined { code: *b"05" }));
    assert_eq!(world.tender(first(parcel)).state, T::Authorised);
    assert_eq!((world.chased(), world.told(2)), (vec![], Some((*b"68", SPACES))));
    assert_eq!(world.engine.unknown_count(), 0);
}

#[test]
fn an_unknown_completion_blocks_other_cards() {
    let (mut world, parcel) = promised(6_000);
    world.must(complete(2, first(parcel), 6_000));
    world.must(answer_completion(first(parcel), Resolution::Unknown));
    world.refused(sell(3, parcel, 4_000), Refusal::UnknownOutcome);
    world.must(take_cash(3, parcel, 4_000, 4_000));
    // The promise still counts: nothing else is due.
    world.refused(take_cash(4, parcel, 1, 1), Refusal::AmountTooLarge(Amount::ZERO));
}

#[test]
fn a_terminal_that_did_not_hear_of_a_completion_reverses_it() {
    let (mut world, parcel) = promised(10_000);
    let tender = first(parcel);
    world.must(complete(2, tender, 10_000)).must(must_not_stand(tender));
    assert_eq!(world.events(), [Event::CompletionUnknown { tender }]);
    world.repeated(must_not_stand(tender));
    world.must(Command::EndCompletionReversal { tender });
    assert!(world.engine.transaction(trace(2)).unwrap().reversed);
    // Approved first: the money is taken back as a whole.
    world.must(complete(3, tender, 10_000));
    world.must(answer_completion(tender, Resolution::Approved)).must(must_not_stand(tender));
    assert_eq!(world.chased(), [(3, ChaseKind::Reversal)]);
    world.must(taken_back(tender));
    world.expect(&[]);
    assert_eq!((world.tender(tender).state, world.view(parcel).state), (T::Reversed, S::Out));
}

#[test]
fn a_promise_is_released_by_a_void_or_a_reversal() {
    for reversal in [false, true] {
        let (mut world, parcel) = promised(10_000);
        let tender = first(parcel);
        let (begin, by, stan) = match reversal {
            true => (must_not_stand(tender), TakeBack::Reversal, 1),
            false => (void(2, tender), TakeBack::Void, 2),
        };
        world.must(begin);
        assert_eq!(world.tender(tender).state, T::Releasing(by));
        let what = if reversal { ChaseKind::Reversal } else { ChaseKind::Void };
        assert_eq!(world.chased(), [(stan, what)]);
        world.refused(complete(3, tender, 1), Refusal::TenderState);
        // Until it is released it may still become money: nothing else is asked for.
        world.refused(sell(3, parcel, 1), Refusal::AmountTooLarge(Amount::ZERO));
        world.must(taken_back(tender)).repeated(taken_back(tender));
        assert!(world.postings.iter().all(|line| !line.moved()));
        assert_eq!((world.tender(tender).state, world.chased()), (T::Reversed, vec![]));
        assert_eq!(world.engine.batch_totals(TERMINAL, 1), Some(BatchTotals::default()));
        world.must(sell(3, parcel, 10_000)).must(approved(second(parcel)));
        world.expect_collected(parcel, 10_000);
    }
}

#[test]
fn a_void_of_a_promise_that_is_refused_or_undone_leaves_it() {
    let (mut world, parcel) = promised(10_000);
    let tender = first(parcel);
    world.must(void(2, tender)).must(stands(tender, *b"12")).repeated(stands(tender, *b"12"));
    assert_eq!(world.tender(tender).state, T::Authorised);
    world.must(void(3, tender)).must(undo_void(tender)).must(stands(tender, *b"00"));
    assert_eq!(world.tender(tender).state, T::Authorised);
    world.must(complete(4, tender, 10_000));
    world.must(answer_completion(tender, Resolution::Approved));
    let collected: Vec<_> = world
        .moved(tender)
        .into_iter()
        .filter(|(entry, _)| *entry == Entry::CardCollected)
        .collect();
    assert_eq!(collected, [(Entry::CardCollected, 10_000)]);
}

#[test]
fn a_completed_payment_is_voided_like_a_sale() {
    let (mut world, parcel) = promised(10_000);
    let tender = first(parcel);
    world.must(complete(2, tender, 7_000));
    world.must(answer_completion(tender, Resolution::Approved));
    world.must(void(3, tender)).must(taken_back(tender));
    world.expect(&[]);
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    assert_eq!((totals.card_debits, totals.card_credits), (sums(1, 7_000), sums(1, 7_000)));
}

#[test]
fn a_promise_that_nobody_knows_of_is_reversed_like_a_sale() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.must(pre_authorise(1, parcel, 10_000)).must(no_answer(first(parcel)));
    assert_eq!(world.chased(), [(1, ChaseKind::Unknown)]);
    world.must(approved(first(parcel)));
    assert_eq!(world.events(), [Event::LateApproval { tender: first(parcel) }]);
    world.must(reverse(first(parcel)));
    assert_eq!(world.tender(first(parcel)).state, T::Reversed);
    world.expect(&[]);
}

#[test]
fn a_wallet_gives_no_promises() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    let mut promise = sell_by_qr(1, parcel, 10_000);
    if let Command::BeginPurchase { purpose, .. } = &mut promise {
        *purpose = Purpose::PreAuthorisation;
    }
    world.refused(promise, Refusal::BadMethod);
}

#[test]
fn a_completion_on_a_later_day_counts_from_that_day() {
    let mut world = World::set(Setup { hold: HoldRule::DaysAfterDelivery(5), ..Setup::default() });
    world.must(open_batch(1));
    let parcel = world.out("o-1", 10_000);
    world.must(pre_authorise(1, parcel, 10_000)).must(approved(first(parcel)));
    world.on("2013-08-31").must(complete(2, first(parcel), 10_000));
    world.must(answer_completion(first(parcel), Resolution::Approved));
    world.door(parcel).clear();
    let (tender, payable_on) = (first(parcel), day("2013-09-05"));
    assert!(world.events().contains(&Event::Held { tender, payable_on }));
}
