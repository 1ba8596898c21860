//! Offline sales: the terminal approves within its limits, the books post at once, the network
//! hears of it later.

use engine::chart::AccountKind as A;
use engine::door_view::ChaseKind;
use engine::view::{ParcelState as S, TenderState as T};
use engine::*;
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
    let parcel = world.out("o-1", 10_000);
    world.must(advise(1, parcel, 10_000));
    world.expect_collected(parcel, 10_000);
    assert_eq!(
        (world.told(1), world.chased()),
        (Some((*b"00", *b"OFFL01")), vec![(1, ChaseKind::Advice)])
    );
    assert_eq!(world.engine.unresolved().count(), 0, "its outcome is known");
    assert_eq!(world.engine.batch_totals(TERMINAL, 1).unwrap().card_debits, sums(1, 10_000));
    // Posted at once, where a sale is reserved first.
    let mut sale = signed_on();
    sale.out("o-1", 10_000);
    sale.must(sell(1, parcel, 10_000)).must(approved(first(parcel)));
    assert!(sale.engine.accounts().eq(world.engine.accounts()));
    world.must(answer_advice(first(parcel), *b"00")).repeated(answer_advice(first(parcel), *b"00"));
    assert_eq!(world.chased(), []);
    world.door(parcel).clear();
    assert_eq!(world.tender(first(parcel)).state, T::Released);
}

#[test]
fn a_terminal_sells_nothing_offline_unless_it_may() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.refused(advise(1, parcel, 1), Refusal::OfflineLimit(Amount::ZERO));
    world.must(offline_limit(3_000, 5_000)).repeated(offline_limit(3_000, 5_000));
    world.refused(advise(1, parcel, 3_001), Refusal::OfflineLimit(Amount::of(3_000)));
    world.must(advise(1, parcel, 3_000)).repeated(advise(1, parcel, 3_000));
    // 2 000 are left of all that the network has not answered.
    assert_eq!(left(&world), 2_000);
    world.refused(advise(2, parcel, 2_001), Refusal::OfflineLimit(Amount::of(2_000)));
    world.must(advise(2, parcel, 2_000));
    world.must(answer_advice(first(parcel), *b"00"));
    assert_eq!(left(&world), 3_000);
    // A limit that is lowered later takes nothing back.
    world.must(offline_limit(3_000, 1_000));
    assert_eq!(left(&world), 0);
    world.must(answer_advice(second(parcel), *b"00"));
    assert_eq!(left(&world), 1_000);
    let nobody = TerminalId(99);
    let (each, total) = (Amount::ZERO, Amount::of(1));
    let command = Command::SetOfflineLimit { terminal: nobody, each, total };
    world.refused(command, Refusal::NotFound(Missing::Terminal(nobody)));
}

#[test]
fn a_rejected_offline_sale_stays_held_and_is_told() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.out("o-1", 10_000);
    world.must(advise(1, parcel, 10_000));
    let held = world.sum(A::SellerHeld);
    world.must(answer_advice(first(parcel), *b"51"));
    let (tender, code) = (first(parcel), *b"51");
    assert_eq!(world.events(), [Event::AdviceRejected { tender, code }]);
    assert_eq!((world.sum(A::SellerHeld), world.tender(tender).state), (held, T::Approved));
    assert_eq!((left(&world), world.chased()), (10_000, vec![]));
    // The terminal gave its slip: the first answer stays, and so does the line in the batch.
    assert_eq!(world.told(1), Some((*b"00", *b"OFFL01")));
    assert!(world.engine.transaction(trace(1)).unwrap().stands);
}

#[test]
fn what_the_network_has_not_heard_of_cannot_be_taken_back_there() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.out("o-1", 10_000);
    let tender = first(parcel);
    world.must(advise(1, parcel, 10_000));
    for command in [void(2, tender), must_not_stand(tender), reverse(tender)] {
        world.refused(command, Refusal::TenderState);
    }
    world.must(answer_advice(tender, *b"00")).must(void(2, tender)).must(taken_back(tender));
    world.expect(&[]);
    assert_eq!(world.view(parcel).state, S::Out);
}

#[test]
fn an_offline_sale_that_is_reversed_is_answered_no_more() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.out("o-1", 10_000);
    let tender = first(parcel);
    world.must(advise(1, parcel, 10_000)).must(answer_advice(tender, *b"00"));
    world.must(must_not_stand(tender)).repeated(answer_advice(tender, *b"00"));
    assert_eq!(world.chased(), [(1, ChaseKind::Reversal)]);
    world.must(taken_back(tender));
    assert_eq!(left(&world), 10_000);
}

#[test]
fn a_withdrawn_network_still_takes_what_was_sold_offline() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.out("o-1", 10_000);
    let at = world.at;
    world.must(withdraw(at)).refused(sell(1, parcel, 4_000), Refusal::NetworkWithdrawn);
    world.must(advise(1, parcel, 4_000)).must(answer_advice(first(parcel), *b"00"));
    assert_eq!(world.sum(A::NetworkReceivable), 4_000);
}

#[test]
fn an_offline_sale_is_by_card_within_what_is_due_and_after_no_unknown_card() {
    let mut world = offline(20_000, 20_000);
    let parcel = world.out("o-1", 10_000);
    let mut by_qr = advise(1, parcel, 1_000);
    if let Command::TakeAdvice { method, .. } = &mut by_qr {
        *method = Method::Qr { wallet: WALLET };
    }
    world.refused(by_qr, Refusal::BadMethod);
    world.refused(advise(1, parcel, 10_001), Refusal::AmountTooLarge(Amount::of(10_000)));
    world.must(sell(1, parcel, 4_000)).must(no_answer(first(parcel)));
    world.refused(advise(2, parcel, 4_000), Refusal::UnknownOutcome);
    world.must(Command::BlockTerminal { terminal: TERMINAL, blocked: true });
    world.refused(advise(2, parcel, 4_000), Refusal::TerminalBlocked);
}

#[test]
fn what_was_not_sold_offline_has_no_advice_to_answer() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.refused(answer_advice(first(parcel), *b"00"), Refusal::NotFound(Missing::Tender));
    world.must(sell(1, parcel, 10_000)).must(approved(first(parcel)));
    world.refused(answer_advice(first(parcel), *b"00"), Refusal::TenderState);
}

#[test]
fn an_offline_sale_is_chased_however_old_its_batch_is() {
    let mut world = offline(10_000, 10_000);
    let parcel = world.out("o-1", 4_000);
    world.must(advise(1, parcel, 4_000));
    for batch in 1..=3 {
        let totals = world.engine.batch_totals(TERMINAL, batch).unwrap();
        world.declined_in(batch).must(close_batch(batch, totals)).must(open_batch(batch + 1));
    }
    assert_eq!(world.chased(), [(1, ChaseKind::Advice)]);
    assert!(world.engine.transaction(trace(1)).is_some());
    // Only what is answered is forgotten.
    world.must(answer_advice(first(parcel), *b"00"));
    assert_eq!((world.chased(), world.engine.transaction(trace(1))), (vec![], None));
    world.refused(answer_advice(first(parcel), *b"00"), Refusal::TenderState);
}
