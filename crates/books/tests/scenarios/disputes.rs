//! Disputed batches whose lines never come: what their totals show is recorded.

use books::chart::AccountKind as A;
use books::terminal_view::DisputeView;
use books::*;
use money::{Amount, Currency};
use tariff::CardKind;

use super::sales::signed_on;
use crate::world::*;

const NOTHING: BatchTotals = BatchTotals {
    card_debits: CountAndAmount { count: 0, amount: Amount::ZERO },
    card_credits: CountAndAmount { count: 0, amount: Amount::ZERO },
    other_debits: CountAndAmount { count: 0, amount: Amount::ZERO },
    other_credits: CountAndAmount { count: 0, amount: Amount::ZERO },
};

/// A first batch with a card sale of 10 000 (STAN 1), a QR sale of 3 000 (2) and cash of 2 000 (3).
fn busy() -> (World, BatchTotals) {
    let mut world = signed_on();
    let [sale, by_qr, by_cash] = [("o-1", 10_000), ("o-2", 3_000), ("o-3", 2_000)]
        .map(|(order, due)| world.dispatched_parcel(order, due));
    world.must(sell(1, sale, 10_000)).must(approve(first(sale)));
    world.must(sell_by_qr(2, by_qr, 3_000)).must(pay(first(by_qr)));
    world.must(take_cash(3, by_cash, 2_000, 2_000));
    let totals = BatchTotals {
        card_debits: totals_line(1, 10_000),
        other_debits: totals_line(2, 5_000),
        ..NOTHING
    };
    assert_eq!(world.engine.batch_totals(TERMINAL, 1), Some(totals));
    (world, totals)
}

fn left(ours: BatchTotals, theirs: BatchTotals) -> Event {
    Event::BatchLeftDisputed { terminal: TERMINAL, batch: 1, ours, theirs }
}

fn disputes(world: &World) -> Vec<DisputeView> {
    world.engine.disputes().collect()
}

/// The expected dispute of the first batch.
fn dispute(ours: BatchTotals, theirs: BatchTotals) -> DisputeView {
    let (terminal, batch) = (TERMINAL, 1);
    DisputeView { terminal, batch, ours, theirs, abandoned_on: None, break_id: None }
}

#[test]
fn what_a_terminal_that_never_uploaded_has_less_by_card_is_a_shortfall() {
    let (mut world, ours) = busy();
    let theirs = BatchTotals { card_debits: totals_line(1, 9_600), ..ours };
    world.must(close_batch(1, theirs)).must(open_batch(2));
    assert_eq!(disputes(&world), [dispute(ours, theirs)], "its lines may still come");
    world.on("2013-08-30").must(close_batch(2, NOTHING));
    let (break_id, amount) = (FIRST_AUTOMATIC_BREAK, Amount::of(400));
    let agreed = Event::BatchAgreed { terminal: TERMINAL, batch: 2, totals: NOTHING };
    let raised = Event::BreakRaised { break_id, amount };
    assert_eq!(world.events(), [raised, left(ours, theirs), agreed]);
    let found = world.engine.open_breaks()[0];
    assert_eq!((found.subject, found.side), (BreakSubject::Network(NETWORK), BreakSide::Shortfall));
    assert_eq!((world.sum(A::NetworkReceivable), world.sum(A::Suspense)), (9_600, 400));
    assert!(!world.engine.terminal_view(TERMINAL).unwrap().disputed);
    world.refused(reconcile(1, vec![debit(1, 9_600)]), Refusal::WrongBatch(2));
    // It stays open as long as its break.
    let (abandoned_on, break_id) = (Some(day("2013-08-30")), Some(break_id));
    assert_eq!(disputes(&world), [DisputeView { abandoned_on, break_id, ..dispute(ours, theirs) }]);
    world.must(propose_resolution(FIRST_AUTOMATIC_BREAK, BreakResolution::WriteOff, ANNA));
    world.must(approve_resolution(FIRST_AUTOMATIC_BREAK, BreakResolution::WriteOff, BO));
    assert_eq!(disputes(&world), []);
}

#[test]
fn what_it_has_more_is_an_excess_debits_less_credits() {
    let (mut world, ours) = busy();
    let (card_debits, card_credits) = (totals_line(2, 11_000), totals_line(1, 300));
    let theirs = BatchTotals { card_debits, card_credits, ..ours };
    world.must(close_batch(1, theirs)).must(open_batch(2)).must(close_batch(2, NOTHING));
    let found = world.engine.open_breaks()[0];
    assert_eq!((found.side, found.amount), (BreakSide::Excess, Amount::of(700)));
    assert_eq!(world.sum(A::Suspense), -700);
}

#[test]
fn lines_that_come_when_the_next_batch_is_open_are_compared_as_ever() {
    let (mut world, ours) = busy();
    let theirs = BatchTotals { card_debits: totals_line(1, 9_600), ..ours };
    world.must(close_batch(1, theirs)).must(open_batch(2));
    let sale = world.dispatched_parcel("o-9", 500);
    world.must(sell_in(2, 1, sale, 500)).must(approve(first(sale)));
    world.must(reconcile(1, vec![debit(1, 9_600), debit(2, 3_000), debit(3, 2_000)]));
    assert_eq!(world.engine.open_breaks().len(), 1);
    assert_eq!(disputes(&world), []);
    let totals = world.engine.batch_totals(TERMINAL, 2).unwrap();
    world.must(close_batch(2, totals));
    assert_eq!(world.events(), [Event::BatchAgreed { terminal: TERMINAL, batch: 2, totals }]);
    assert_eq!(world.engine.open_breaks().len(), 1, "one difference, one break");
}

#[test]
fn differing_cash_and_qr_totals_are_a_dispute_and_no_break() {
    let (mut world, ours) = busy();
    let theirs = BatchTotals { other_debits: totals_line(2, 4_000), ..ours };
    world.must(close_batch(1, theirs)).must(open_batch(2)).must(close_batch(2, NOTHING));
    assert!(world.events().contains(&left(ours, theirs)));
    assert_eq!((world.engine.open_breaks().len(), world.sum(A::Suspense)), (0, 0));
    let abandoned_on = Some(day("2013-08-28"));
    assert_eq!(disputes(&world), [DisputeView { abandoned_on, ..dispute(ours, theirs) }]);
}

#[test]
fn where_cards_went_over_two_networks_no_break_accuses_one_of_them() {
    let (mut world, before) = busy();
    let (network, currency) = (NetworkId(2), Currency::CNY);
    world.must(Command::RegisterNetwork(RegisterNetwork {
        network,
        currency,
        reference: "second".into(),
    }));
    let mut other = sell(4, world.dispatched_parcel("o-4", 1_000), 1_000);
    if let Command::BeginPurchase(BeginPurchase { route, route_candidates, parcel, .. }) =
        &mut other
    {
        *route = PaymentRoute::Card { network, kind: CardKind::Credit };
        route_candidates[0].network = network;
        let declined = resolve_purchase(
            first(*parcel),
            PaymentResolution::Declined { code: ResponseCode::of(b"51") },
        );
        world.must(other).must(declined);
    }
    // The terminal may count the declined sale as approved.
    let theirs = BatchTotals { card_debits: totals_line(2, 11_000), ..before };
    world.must(close_batch(1, theirs)).must(open_batch(2)).must(close_batch(2, NOTHING));
    assert!(world.events().contains(&left(before, theirs)));
    assert_eq!((world.engine.open_breaks().len(), disputes(&world).len()), (0, 1));
    // Nor if the batch has no card transactions.
    let theirs = BatchTotals { card_debits: totals_line(1, 500), ..NOTHING };
    world.must(open_batch(3)).must(close_batch(3, theirs));
    world.must(open_batch(4)).must(close_batch(4, NOTHING));
    assert_eq!((world.engine.open_breaks().len(), disputes(&world).len()), (0, 2));
}

#[test]
fn a_reversal_that_explains_the_difference_leaves_no_dispute() {
    let (mut world, ours) = busy();
    let theirs = BatchTotals { other_debits: totals_line(1, 2_000), ..ours };
    let by_qr = first(ParcelId::derived(SELLER, "o-2"));
    world.must(close_batch(1, theirs));
    world.must(begin_reversal(by_qr)).must(reversal_done(by_qr)).must(open_batch(2));
    world.must(close_batch(2, NOTHING));
    assert!(world.events().contains(&left(theirs, theirs)));
    assert_eq!(disputes(&world), []);
}

#[test]
fn a_difference_beyond_any_amount_keeps_no_terminal_from_closing() {
    let (mut world, ours) = busy();
    let most = CountAndAmount { count: 1, amount: Amount::MAX };
    let theirs = BatchTotals { card_debits: most, ..ours };
    world.must(close_batch(1, theirs)).must(open_batch(2)).must(close_batch(2, NOTHING));
    assert!(world.events().contains(&left(ours, theirs)));
    assert_eq!(disputes(&world).len(), 1);
}

#[test]
fn an_unexplained_dispute_is_forgotten_with_the_parcels_of_its_time() {
    let (mut world, ours) = busy();
    let theirs = BatchTotals { other_debits: totals_line(2, 4_000), ..ours };
    world.must(close_batch(1, theirs)).must(open_batch(2)).must(close_batch(2, NOTHING));
    let forget = |before| Command::ForgetClosed(ForgetClosed { before: day(before), limit: 1 });
    world.on("2014-06-01").must(forget("2013-08-28"));
    assert_eq!(disputes(&world).len(), 1);
    world.must(forget("2013-08-29"));
    assert_eq!(disputes(&world), []);
}
