//! Payments taken back at the terminal: voids that the network may refuse, reversals that must come
//! through, and voids that are themselves reversed.

use engine::chart::{AccountKind as A, Entry};
use engine::door_view::ChaseKind;
use engine::view::{ParcelState as S, TenderState as T};
use engine::*;

use super::sales::signed_on;
use crate::world::*;

/// A world with a parcel that was paid by card at the terminal, its number 1.
fn sold() -> (World, ParcelId) {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.must(sell(1, parcel, 10_000)).must(approved(first(parcel)));
    (world, parcel)
}

#[test]
fn a_void_leaves_the_money_where_it_is_until_the_network_has_agreed() {
    let (mut world, parcel) = sold();
    world.must(void(2, first(parcel)));
    let (tender, by) = (first(parcel), TakeBack::Void);
    assert_eq!(world.events(), [Event::TakingBack { tender, by }]);
    assert_eq!(world.tender(tender).state, T::TakingBack(TakeBack::Void));
    assert_eq!((world.view(parcel).state, world.sum(A::NetworkReceivable)), (S::Delivered, 10_000));
    assert_eq!((world.chased(), world.told(2)), (vec![(2, ChaseKind::Void)], None));

    world.must(taken_back(tender));
    world.expect(&[]);
    assert_eq!((world.view(parcel).state, world.tender(tender).state), (S::Out, T::Reversed));
    assert_eq!((world.chased(), world.told(2)), (vec![], Some((*b"00", SPACES))));
    let reversed: u64 = world
        .moved(tender)
        .iter()
        .filter(|(entry, _)| *entry == Entry::CollectionReversed)
        .map(|(_, amount)| amount)
        .sum();
    assert_eq!(reversed, 10_000);
    // The parcel is paid again, once.
    world.must(sell(3, parcel, 10_000)).must(approved(second(parcel)));
    world.expect_collected(parcel, 10_000);
}

#[test]
fn a_void_that_the_network_refuses_leaves_the_sale_standing() {
    let (mut world, parcel) = sold();
    let before = world.sum(A::SellerHeld);
    world.must(void(2, first(parcel))).must(stands(first(parcel), *b"12"));
    assert_eq!(world.events(), [Event::Stands { tender: first(parcel) }]);
    assert_eq!(
        (world.tender(first(parcel)).state, world.told(2)),
        (T::Approved, Some((*b"12", SPACES)))
    );
    assert_eq!((world.sum(A::SellerHeld), world.chased()), (before, vec![]));
    world.repeated(stands(first(parcel), *b"12"));
    // It may be tried again, and be cleared.
    world.must(void(3, first(parcel))).must(stands(first(parcel), *b"12"));
    world.door(parcel).clear();
    world.refused(void(4, first(parcel)), Refusal::TenderState);
}

#[test]
fn nothing_else_happens_to_a_payment_that_is_being_taken_back() {
    for reversal in [false, true] {
        let (mut world, parcel) = sold();
        let tender = first(parcel);
        world.must(if reversal { must_not_stand(tender) } else { void(2, tender) });
        for command in [
            void(9, tender),
            clear(tender, 10_000, 63),
            refund(tender, 1, 100),
            give_back(9, tender, 100),
            charge_back(tender, 1, 100),
            reverse(tender),
            complete(9, tender, 100),
            confirm_refund(tender, 1, 100),
            answer_advice(tender, *b"00"),
        ] {
            world.refused(command, Refusal::TenderState);
        }
        world.refused(sell(9, parcel, 1), Refusal::ParcelState);
        world.repeated(approved(tender));
        assert_eq!(world.engine.unresolved().map(|one| one.id).collect::<Vec<_>>(), [tender]);
    }
}

#[test]
fn a_terminal_that_did_not_hear_its_approval_reverses_the_sale() {
    let (mut world, parcel) = sold();
    let tender = first(parcel);
    world.must(must_not_stand(tender));
    assert_eq!(world.tender(tender).state, T::TakingBack(TakeBack::Reversal));
    assert_eq!(world.chased(), [(1, ChaseKind::Reversal)]);
    let sale = world.engine.transaction(trace(1)).unwrap();
    assert!(sale.reversed && !sale.stands);
    assert_eq!(world.engine.batch_totals(TERMINAL, 1), Some(BatchTotals::default()));
    world.repeated(must_not_stand(tender));
    // A reversal is not refused: it ends only when it is acknowledged.
    world.refused(stands(tender, *b"00"), Refusal::TenderState);
    world.must(taken_back(tender)).repeated(taken_back(tender)).repeated(must_not_stand(tender));
    world.expect(&[]);
    assert_eq!((world.view(parcel).state, world.chased()), (S::Out, vec![]));
}

#[test]
fn a_reversal_before_the_answer_makes_the_sale_unknown() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.must(sell(1, parcel, 10_000)).must(must_not_stand(first(parcel)));
    assert_eq!(world.events(), [Event::BecameUnknown { tender: first(parcel) }]);
    assert_eq!(world.chased(), [(1, ChaseKind::Unknown)]);
    world.repeated(must_not_stand(first(parcel)));
    world.must(approved(first(parcel)));
    assert_eq!(world.events(), [Event::LateApproval { tender: first(parcel) }]);
    world.must(reverse(first(parcel))).repeated(must_not_stand(first(parcel)));
    world.expect(&[]);
}

#[test]
fn an_approval_and_the_terminals_reversal_end_at_zero_in_either_order() {
    for approval_first in [true, false] {
        let mut world = signed_on();
        let parcel = world.out("o-1", 10_000);
        let tender = first(parcel);
        world.must(sell(1, parcel, 10_000));
        if approval_first {
            world.must(approved(tender)).must(must_not_stand(tender)).must(taken_back(tender));
        } else {
            world.must(must_not_stand(tender)).must(approved(tender)).must(reverse(tender));
        }
        world.expect(&[]);
        assert_eq!((world.tender(tender).state, world.chased()), (T::Reversed, vec![]));
        assert_eq!(world.engine.batch_totals(TERMINAL, 1), Some(BatchTotals::default()));
    }
}

#[test]
fn a_void_without_an_answer_is_reversed_and_the_sale_stands() {
    let (mut world, parcel) = sold();
    let tender = first(parcel);
    world.must(void(2, tender)).must(undo_void(tender));
    assert_eq!(world.events(), [Event::UndoingVoid { tender }]);
    assert_eq!(world.tender(tender).state, T::UndoingVoid);
    assert_eq!(
        (world.chased(), world.told(2)),
        (vec![(2, ChaseKind::UndoingVoid)], Some((*b"68", SPACES)))
    );
    world.repeated(undo_void(tender)).repeated(must_not_stand(tender));
    world.refused(taken_back(tender), Refusal::TenderState);
    world.must(stands(tender, *b"00"));
    assert_eq!((world.tender(tender).state, world.chased()), (T::Approved, vec![]));
    assert_eq!(world.told(2), Some((*b"68", SPACES)));
    world.repeated(stands(tender, *b"00")).repeated(undo_void(tender));
    // Only the sale is in the batch.
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    assert_eq!((totals.card_debits, totals.card_credits), (sums(1, 10_000), sums(0, 0)));
}

#[test]
fn a_reversal_while_a_void_is_under_way_undoes_the_void() {
    let (mut world, parcel) = sold();
    world.must(void(2, first(parcel))).must(must_not_stand(first(parcel)));
    assert_eq!(world.tender(first(parcel)).state, T::UndoingVoid);
    world.must(stands(first(parcel), *b"00"));
    assert_eq!(world.view(parcel).state, S::Delivered);
}

#[test]
fn a_void_that_is_done_is_undone_no_more() {
    let (mut world, parcel) = sold();
    world.refused(undo_void(first(parcel)), Refusal::TenderState);
    world.must(void(2, first(parcel))).must(taken_back(first(parcel)));
    world.refused(undo_void(first(parcel)), Refusal::TenderState);
    world.repeated(taken_back(first(parcel)));
}

#[test]
fn cash_is_voided_at_once_while_it_is_in_hand() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 5_000);
    world.must(take_cash(1, parcel, 5_000, 5_000)).must(void(2, first(parcel)));
    world.expect(&[]);
    assert_eq!((world.view(parcel).state, world.told(2)), (S::Out, Some((*b"00", SPACES))));
    assert_eq!(world.chased(), []);
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    assert_eq!((totals.other_debits, totals.other_credits), (sums(1, 5_000), sums(1, 5_000)));
    // In a hand-over it is the hub's; counted, it is the firm's.
    world.must(take_cash(3, parcel, 5_000, 5_000)).must(start_hand_over(1));
    world.refused(void(4, second(parcel)), Refusal::HandOverOpen);
    world.refused(must_not_stand(second(parcel)), Refusal::HandOverOpen);
    world.must(count(1, 5_000)).refused(void(4, second(parcel)), Refusal::TenderState);
}

#[test]
fn cash_that_the_terminal_did_not_hear_of_is_taken_back_at_once() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 5_000);
    world.must(take_cash(1, parcel, 5_000, 5_000)).must(must_not_stand(first(parcel)));
    world.expect(&[]);
    assert!(world.engine.transaction(trace(1)).unwrap().reversed);
    assert_eq!(world.engine.batch_totals(TERMINAL, 1), Some(BatchTotals::default()));
}

#[test]
fn a_wallet_sale_is_voided_like_one_by_card() {
    let mut world = signed_on();
    let parcel = world.out("o-1", 10_000);
    world.must(sell_by_qr(1, parcel, 10_000)).must(approved(first(parcel)));
    world.must(void(2, first(parcel)));
    assert_eq!(world.chased(), [(2, ChaseKind::Void)]);
    world.must(taken_back(first(parcel)));
    world.expect(&[]);
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    assert_eq!((totals.other_debits, totals.other_credits), (sums(1, 10_000), sums(1, 10_000)));
}

#[test]
fn only_the_courier_who_took_a_payment_voids_it_at_a_terminal_that_works() {
    let (mut world, parcel) = sold();
    world.must(Command::OpenBatch { terminal: COLLEAGUES_TERMINAL, batch: 1 });
    let trace = Trace { terminal: COLLEAGUES_TERMINAL, ..trace(1) };
    let elsewhere = Command::BeginVoid { trace, mark: MARK, tender: first(parcel), sent: sent(1) };
    world.refused(elsewhere, Refusal::WrongCourier);
    world.must(Command::BlockTerminal { terminal: TERMINAL, blocked: true });
    world.refused(void(2, first(parcel)), Refusal::TerminalBlocked);
}

#[test]
fn what_is_cleared_refunded_declined_or_begun_is_not_voided() {
    let (mut world, parcel) = sold();
    world.must(refund(first(parcel), 1, 1));
    world.refused(void(2, first(parcel)), Refusal::TenderState);
    world.refused(must_not_stand(first(parcel)), Refusal::TenderState);
    let other = world.out("o-2", 500);
    world.must(sell(3, other, 500)).refused(void(4, first(other)), Refusal::TenderState);
    world.must(answer(first(other), Resolution::Declined { code: *b"05" }));
    world.refused(void(4, first(other)), Refusal::TenderState);
    world.repeated(must_not_stand(first(other)));
    world.refused(taken_back(first(other)), Refusal::TenderState);
}

#[test]
fn what_no_terminal_is_remembered_for_is_voided_but_not_reversed() {
    // A reversal tells the network which of our messages it means; a void is one of its own.
    let mut world = signed_on();
    let tender = world.parcel("o-1", 10_000).out().card(10_000).last();
    world.refused(must_not_stand(tender), Refusal::TenderState);
    world.must(approve(tender)).refused(must_not_stand(tender), Refusal::TenderState);
    world.must(void(1, tender)).must(taken_back(tender));
    world.expect(&[]);
}
