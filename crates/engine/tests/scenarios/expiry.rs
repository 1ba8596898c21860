//! Promises that nobody completes in their time: the buyer has the money back, the parcel is due.

use engine::chart::AccountKind as A;
use engine::door_view::ChaseKind;
use engine::view::{ParcelState as S, TenderState as T};
use engine::*;
use money::Amount;

use super::sales::signed_on;
use crate::world::*;

/// A world with a parcel over 10 000 of which so much is pre-authorised on 28 August, number 1 of
/// the first batch.
fn promised(amount: u64) -> (World, ParcelId) {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.must(pre_authorise(1, parcel, amount)).must(approved(first(parcel)));
    (world, parcel)
}

/// The terminal closes its batch and opens the next one.
fn next_batch(world: &mut World, closed: u32) {
    let totals = world.engine.batch_totals(TERMINAL, closed).unwrap();
    world.declined_in(closed).must(close_batch(closed, totals)).must(open_batch(closed + 1));
}

/// A completion in another batch than the first.
fn complete_in(batch: u32, stan: u32, tender: TenderId, amount: u64) -> Command {
    let (trace, amount, sent) = (trace_in(batch, stan), Amount::of(amount), sent(stan));
    Command::BeginCompletion { trace, mark: MARK, tender, amount, sent }
}

fn forget(before: &str) -> Command {
    Command::ForgetClosed { before: day(before), limit: ITEMS_PER_COMMAND_MAX }
}

#[test]
fn a_promise_that_nobody_completes_is_reversed_and_its_parcel_is_due_again() {
    let (mut world, parcel) = promised(10_000);
    let tender = first(parcel);
    world.on("2013-09-27").repeated(expire("2013-08-28"));
    world.on("2013-09-28").must(expire("2013-08-29"));
    assert_eq!(world.events(), [Event::TakingBack { tender, by: TakeBack::Expiry }]);
    assert_eq!(world.tender(tender).state, T::Releasing(TakeBack::Expiry));
    assert_eq!(world.chased(), [(1, ChaseKind::Reversal)]);
    world.repeated(expire("2013-08-29"));
    // Until the network has acknowledged it, nothing else is asked for.
    world.refused(sell(2, parcel, 1), Refusal::AmountTooLarge(Amount::ZERO));
    world.must(taken_back(tender));
    assert_eq!(world.events(), [Event::Reversed { tender, posted: Amount::ZERO }]);
    world.repeated(taken_back(tender));
    assert_eq!((world.tender(tender).state, world.chased()), (T::Expired, vec![]));
    assert_eq!(world.engine.network_view(NETWORK).unwrap().pending, 0);
    assert!(world.postings.iter().all(|line| !line.moved()));
    world.must(take_cash(2, parcel, 10_000, 10_000));
    assert_eq!((world.view(parcel).state, world.sum(A::CourierCash)), (S::Delivered, 10_000));
}

#[test]
fn a_parcel_whose_promise_has_expired_may_go_back() {
    let (mut world, parcel) = promised(10_000);
    world.on("2013-09-28").must(expire("2013-08-29")).refused(refuse(parcel), Refusal::ParcelState);
    world.must(taken_back(first(parcel))).must(refuse(parcel));
    world.must(Command::ReturnParcel { parcel });
    assert_eq!(world.view(parcel).state, S::Returned);
}

#[test]
fn whoever_completes_or_voids_too_late_is_told_so() {
    let (mut world, parcel) = promised(10_000);
    let (tender, late) = (first(parcel), Refusal::PreAuthorisationExpired);
    world.on("2013-09-28").must(expire("2013-08-29"));
    world.refused(complete(2, tender, 10_000), late.clone()).refused(void(2, tender), late.clone());
    // The terminal's own reversal has nothing left to do.
    world.repeated(must_not_stand(tender)).refused(stands(tender, *b"12"), Refusal::TenderState);
    world.refused(undo_void(tender), Refusal::TenderState);
    world.must(taken_back(tender));
    world.refused(complete(2, tender, 10_000), late.clone()).refused(void(2, tender), late);
    world.repeated(must_not_stand(tender)).repeated(reverse(tender)).repeated(approved(tender));
    world.expect(&[]);
}

#[test]
fn a_completion_under_way_when_the_time_is_over_wins() {
    let (mut world, parcel) = promised(10_000);
    let tender = first(parcel);
    world.on("2013-09-28").must(complete(2, tender, 10_000)).repeated(expire("2013-08-29"));
    world.must(answer_completion(tender, Resolution::Approved));
    world.expect_collected(parcel, 10_000);
    world.repeated(expire("2013-08-29"));
}

#[test]
fn a_completion_under_way_that_comes_to_nothing_leaves_the_promise_to_its_end() {
    for unknown in [false, true] {
        let (mut world, parcel) = promised(10_000);
        let tender = first(parcel);
        world.on("2013-09-28").must(complete(2, tender, 10_000));
        if unknown {
            world.must(answer_completion(tender, Resolution::Unknown));
            world.repeated(expire("2013-08-29"));
            world.must(Command::EndCompletionReversal { tender });
        } else {
            let declined = Resolution::Declined { code: *b"54" };
            world.must(answer_completion(tender, declined));
        }
        world.must(expire("2013-08-29")).must(taken_back(tender));
        assert_eq!(world.tender(tender).state, T::Expired);
        // What comes of the completion afterwards changes nothing.
        let late = answer_completion(tender, Resolution::Approved);
        world.must(late);
        assert_eq!(world.events(), [Event::LateApproval { tender }]);
        world.expect(&[]);
    }
}

#[test]
fn a_void_under_way_goes_first() {
    let (mut world, parcel) = promised(10_000);
    let tender = first(parcel);
    world.on("2013-09-28").must(void(2, tender)).repeated(expire("2013-08-29"));
    world.must(undo_void(tender)).repeated(expire("2013-08-29"));
    world.must(stands(tender, *b"00")).must(expire("2013-08-29"));
    assert_eq!(world.chased(), [(1, ChaseKind::Reversal)]);
}

#[test]
fn a_promise_can_be_completed_as_long_as_it_stands_however_many_batches_ago_it_was() {
    let (mut world, parcel) = promised(10_000);
    (1..=4).for_each(|batch| next_batch(&mut world, batch));
    let asked = world.engine.transaction(trace(1)).expect("what asked for it is kept");
    assert_eq!((asked.tender, asked.authorisation), (first(parcel), CODE_38));
    world.on("2013-09-20").must(complete_in(5, 1, first(parcel), 10_000));
    world.must(answer_completion(first(parcel), Resolution::Approved));
    world.expect_collected(parcel, 10_000);
    next_batch(&mut world, 5);
    next_batch(&mut world, 6);
    world.refused(complete_in(7, 1, first(parcel), 10_000), Refusal::TenderState);
}

#[test]
fn an_old_promise_is_known_until_the_reversal_of_its_completion_is_acknowledged() {
    let (mut world, parcel) = promised(10_000);
    let tender = first(parcel);
    (1..=2).for_each(|batch| next_batch(&mut world, batch));
    world.must(complete_in(3, 1, tender, 10_000));
    world.must(answer_completion(tender, Resolution::Approved)).must(must_not_stand(tender));
    (3..=5).for_each(|batch| next_batch(&mut world, batch));
    assert_eq!(world.engine.to_chase().map(|one| one.trace).collect::<Vec<_>>(), [trace_in(3, 1)]);
    assert!(world.engine.transaction(trace(1)).is_some(), "after a restart both are reversed");
    world.must(taken_back(tender));
    assert_eq!(world.tender(tender).state, T::Reversed);
    world.refused(complete_in(6, 1, tender, 10_000), Refusal::TenderState);
}

#[test]
fn an_old_promise_can_be_voided_and_is_not_completed_then() {
    let (mut world, parcel) = promised(10_000);
    let tender = first(parcel);
    (1..=2).for_each(|batch| next_batch(&mut world, batch));
    let (trace_3, mark) = (trace_in(3, 1), MARK);
    world.must(Command::BeginVoid { trace: trace_3, mark, tender, sent: sent(1) });
    world.must(taken_back(tender));
    world.refused(complete_in(3, 2, tender, 10_000), Refusal::TenderState);
}

#[test]
fn an_old_promise_expires_and_is_remembered_until_its_parcel_is_forgotten() {
    let (mut world, parcel) = promised(10_000);
    let tender = first(parcel);
    (1..=3).for_each(|batch| next_batch(&mut world, batch));
    world.on("2013-09-28").must(expire("2013-08-29"));
    assert_eq!(world.engine.to_chase().map(|one| one.trace).collect::<Vec<_>>(), [trace(1)]);
    world.must(taken_back(tender));
    assert_eq!(world.engine.transaction(trace(1)).unwrap().state, T::Expired);
    world.refused(complete_in(4, 1, tender, 1), Refusal::PreAuthorisationExpired);
    world.must(refuse(parcel)).must(Command::ReturnParcel { parcel });
    world.on("2014-06-01").must(forget("2013-11-01"));
    assert_eq!(world.events(), [Event::Forgotten { parcel }]);
    assert_eq!(world.engine.transaction(trace(1)), None);
}

#[test]
fn the_oldest_expire_first_as_many_as_are_asked_for() {
    let mut world = signed_on();
    let days = ["2013-08-28", "2013-08-29", "2013-08-30"];
    let tenders = (1..).zip(days).map(|(stan, date)| {
        let parcel = world.on(date).out(date, 1_000);
        world.must(pre_authorise(stan, parcel, 1_000)).must(approved(first(parcel)));
        first(parcel)
    });
    let tenders: Vec<TenderId> = tenders.collect();
    world.on("2013-10-15");
    for tender in &tenders {
        let before = day("2013-09-15");
        world.must(Command::ExpirePreAuthorisations { before, limit: 1 });
        let by = TakeBack::Expiry;
        assert_eq!(world.events(), [Event::TakingBack { tender: *tender, by }]);
    }
    world.repeated(expire("2013-09-15"));
}

#[test]
fn nothing_expires_before_its_day_and_no_more_than_a_command_may_do() {
    let (mut world, _) = promised(10_000);
    world.refused(expire("2013-08-29"), Refusal::BadDate(day("2013-08-29")));
    world.repeated(expire("2013-08-28"));
    for limit in [0, ITEMS_PER_COMMAND_MAX + 1] {
        let before = day("2013-08-28");
        let command = Command::ExpirePreAuthorisations { before, limit };
        world.refused(command, Refusal::OutOfRange(ITEMS_PER_COMMAND_MAX));
    }
}
