//! A request that was declined for good, or that asked for a balance, uses up its trace until the
//! batch closes.

use books::*;

use super::sales::signed_on;
use super::snapshots::restored;
use crate::world::*;

fn declined(content: u32, code: &[u8; 2]) -> Refusal {
    let (request, code) = (request_digest(content), ResponseCode::of(code));
    Refusal::RequestDeclined(FinalDecline { request, code })
}

#[test]
fn a_decline_is_final_for_its_trace() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(decline_request(9, 7, b"91"));
    let (terminal, batch, stan) = (TERMINAL, 1, Stan::of(9));
    let code = ResponseCode::of(b"91");
    assert_eq!(world.events(), [Event::RequestDeclined { terminal, batch, stan, code }]);
    let first = declined(7, b"91");
    world.repeated(decline_request(9, 7, b"91")).refused(sell(9, parcel, 10_000), first.clone());
    world.refused(take_cash(9, parcel, 10_000, 10_000), first.clone());
    // The same request is declined otherwise later, or another request comes: the first holds.
    world.refused(decline_request(9, 7, b"55"), first.clone());
    world.refused(decline_request(9, 8, b"91"), first.clone());
    world.refused(inquire_balance(9, 7), first.clone());
    world.refused(reverse_without_original(9), first.clone());
    let mut engine = restored(&world.engine);
    let mut outcome = CommandOutcome::default();
    let again = engine.apply(&sell(9, parcel, 10_000), world.at, &mut outcome);
    assert_eq!((again, engine.check()), (Err(first), Ok(())));
    assert_eq!(engine.digest(), world.engine.digest());
    world.must(sell(10, parcel, 10_000));
}

#[test]
fn a_used_trace_is_not_declined() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(sell(1, parcel, 10_000)).must(approve(first(parcel)));
    world.must(reverse_without_original(2)).must(inquire_balance(3, 7));
    for stan in [1, 2, 3] {
        // The inquiry is declined as itself only.
        world.refused(decline_request(stan, 8, b"91"), Refusal::TraceTaken);
    }
    world.refused(decline_request(3, 7, b"00"), Refusal::ApprovedDecline);
    world.refused(decline_request(4, 7, b"00"), Refusal::ApprovedDecline);
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    world
        .must(close_batch(1, totals))
        .refused(decline_request(4, 7, b"91"), Refusal::WrongBatch(1));
    world.must(open_batch(2)).refused(decline_request(4, 7, b"91"), Refusal::WrongBatch(2));
}

#[test]
fn a_closed_batch_forgets_what_was_declined() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(decline_request(1, 7, b"91")).must(inquire_balance(2, 7));
    world.must(close_batch(1, BatchTotals::default())).must(open_batch(2));
    world.must(sell_in(2, 1, parcel, 5_000)).must(approve(first(parcel)));
    world.must(sell_in(2, 2, parcel, 5_000));
}

#[test]
fn a_balance_is_asked_once_with_a_trace() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(inquire_balance(9, 7));
    let (terminal, batch, stan) = (TERMINAL, 1, Stan::of(9));
    assert_eq!(world.events(), [Event::BalanceInquiryRecorded { terminal, batch, stan }]);
    world.repeated(inquire_balance(9, 7)).refused(inquire_balance(9, 8), Refusal::TraceTaken);
    world.refused(sell(9, parcel, 10_000), Refusal::TraceTaken);
    // There is nothing to reverse.
    world.repeated(reverse_without_original(9));
    world.must(block_terminal(TERMINAL, 1, true));
    world.refused(inquire_balance(10, 7), Refusal::TerminalBlocked);
    // A blocked terminal's refusal is final as well.
    world.must(decline_request(10, 7, b"58"));
}

#[test]
fn a_declined_balance_inquiry_stays_declined_in_a_full_batch() {
    let mut world = signed_on();
    for stan in 1..=TRANSACTIONS_PER_BATCH_MAX {
        world.must(inquire_balance(u32::try_from(stan).unwrap(), 7));
    }
    world.must(decline_request(9, 7, b"51")).repeated(decline_request(9, 7, b"51"));
    world.refused(inquire_balance(9, 7), declined(7, b"51"));
    world.refused(reverse_without_original(9), declined(7, b"51"));
    assert_eq!(restored(&world.engine).digest(), world.engine.digest());
}

#[test]
fn declines_take_the_places_of_transactions() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    for stan in 1..=997 {
        world.must(decline_request(stan, stan, b"P1"));
    }
    world.must(inquire_balance(998, 7)).must(reverse_without_original(999));
    world.refused(decline_request(1_000, 7, b"P1"), Refusal::BatchFull);
    world.refused(inquire_balance(1_000, 7), Refusal::BatchFull);
    world.refused(sell(1_000, parcel, 10_000), Refusal::BatchFull);
    // What was declined before stays declined.
    world
        .repeated(decline_request(1, 1, b"P1"))
        .refused(sell(1, parcel, 10_000), declined(1, b"P1"));
    world.must(close_batch(1, BatchTotals::default())).must(open_batch(2));
    world.must(sell_in(2, 1_000, parcel, 10_000));
}
