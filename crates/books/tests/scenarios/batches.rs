//! A terminal's batches: sign-on, closing against the books, line-by-line comparison; and refunds
//! that are forwarded later.

use books::chart::{AccountKind as A, ChartEntry};
use books::terminal_view::PendingRequestKind;
use books::*;
use money::Amount;

use super::sales::signed_on;
use crate::world::*;

/// A batch with a card sale of 10 000 (STAN 1), a QR sale of 3 000 (2), cash of 2 000 (3), and a
/// refund of 500 (4).
fn busy() -> (World, BatchTotals) {
    let mut world = signed_on();
    let [sale, by_qr, by_cash] = [("o-1", 10_000), ("o-2", 3_000), ("o-3", 2_000)]
        .map(|(order, due)| world.dispatched_parcel(order, due));
    world.must(sell(1, sale, 10_000)).must(approve(first(sale)));
    world.must(sell_by_qr(2, by_qr, 3_000)).must(pay(first(by_qr)));
    world.must(take_cash(3, by_cash, 2_000, 2_000));
    world.must(begin_refund(4, first(sale), 500));
    let totals = BatchTotals {
        card_debits: totals_line(1, 10_000),
        card_credits: totals_line(1, 500),
        other_debits: totals_line(2, 5_000),
        other_credits: totals_line(0, 0),
    };
    (world, totals)
}

fn lines() -> Vec<BatchLine> {
    vec![debit(1, 10_000), debit(2, 3_000), debit(3, 2_000), credit(4, 500)]
}

#[test]
fn batches_are_opened_one_after_the_other() {
    let mut world = World::open();
    world.refused(open_batch(2), Refusal::WrongSequenceNumber(1));
    world.refused(open_batch(0), Refusal::WrongSequenceNumber(1));
    world.must(open_batch(1)).repeated(open_batch(1));
    world.refused(open_batch(2), Refusal::WrongSequenceNumber(1));
    world.must(close_batch(1, BatchTotals::default()));
    world.refused(open_batch(1), Refusal::WrongSequenceNumber(2));
    world.must(block_terminal(TERMINAL, 1, true));
    world.refused(open_batch(2), Refusal::TerminalBlocked);
    world.must(block_terminal(TERMINAL, 2, false));
    world.must(open_batch(2));
    let (terminal, batch) = (TERMINAL, 2);
    assert_eq!(world.events(), [Event::BatchOpened { terminal, batch }]);
    let nobody = Command::OpenBatch(OpenBatch { terminal: TerminalId(99), batch: 1 });
    world.refused(nobody, Refusal::NotFound(MissingRecord::Terminal(TerminalId(99))));
}

#[test]
fn a_batch_that_agrees_is_closed() {
    let (mut world, totals) = busy();
    assert_eq!(world.engine.batch_totals(TERMINAL, 1), Some(totals));
    world.must(close_batch(1, totals));
    let (terminal, batch) = (TERMINAL, 1);
    assert_eq!(world.events(), [Event::BatchAgreed { terminal, batch, totals }]);
    let view = world.engine.terminal_view(TERMINAL).unwrap();
    assert_eq!(
        (view.batch, view.batch_open, view.disputed, view.transactions),
        (1, false, false, 4)
    );
    world.repeated(close_batch(1, totals));
    world.refused(close_batch(1, BatchTotals::default()), Refusal::IdentifierTaken);
    world.refused(close_batch(2, totals), Refusal::WrongBatch(1));
    world.refused(reconcile(1, lines()), Refusal::BatchNotDisputed);
}

#[test]
fn an_empty_batch_does_not_make_the_one_before_it_forgotten() {
    let (mut world, totals) = busy();
    let (none, sale) = (BatchTotals::default(), first(ParcelId::derived(SELLER, "o-1")));
    world.must(close_batch(1, totals)).must(resolve_refund(4, ResponseCode::APPROVED));
    for batch in [2, 3] {
        world.must(open_batch(batch)).must(close_batch(batch, none));
        let (terminal, totals) = (TERMINAL, none);
        assert_eq!(world.events(), [Event::BatchAgreed { terminal, batch, totals }]);
        // It closes like any other batch. A repeated request gets the same response.
        let view = world.engine.terminal_view(TERMINAL).unwrap();
        assert_eq!((view.batch, view.batch_open, view.transactions), (batch, false, 0));
        world.repeated(close_batch(batch, none));
        world.refused(close_batch(batch, totals_of_one()), Refusal::IdentifierTaken);
        world.refused(reconcile(batch, lines()), Refusal::BatchNotDisputed);
        assert_eq!(world.engine.batch_totals(TERMINAL, batch), Some(none));
        assert!(world.engine.transaction(trace(1)).is_some(), "the sale is there");
    }
    world.must(open_batch(4)).repeated(close_batch(3, none));
    world.refused(close_batch(2, none), Refusal::WrongBatch(4));
    let (trace, duplicate_key, amount) = (trace_in(4, 1), refunded(1), Amount::of(100));
    world.must(Command::BeginRefund(BeginRefund {
        trace,
        duplicate_key,
        payment: sale,
        amount,
        network_reference: network_reference(1),
    }));
    let refunded = world.engine.batch_totals(TERMINAL, 4).unwrap();
    world.must(close_batch(4, refunded));
    assert_eq!(world.engine.transaction(self::trace(1)), None, "a batch with something in it ends");
}

fn totals_of_one() -> BatchTotals {
    BatchTotals { card_debits: totals_line(1, 1), ..BatchTotals::default() }
}

#[test]
fn a_first_batch_with_nothing_in_it_is_closed_once() {
    let mut world = signed_on();
    let none = BatchTotals::default();
    world.refused(close_batch(0, none), Refusal::WrongBatch(1));
    world.refused(close_batch(TRACE_NUMBER_MAX, none), Refusal::WrongBatch(1));
    world.must(close_batch(1, none)).repeated(close_batch(1, none));
    world.must(open_batch(2)).repeated(close_batch(1, none));
}

#[test]
fn an_empty_batch_that_differs_or_comes_after_a_disputed_one_takes_its_place() {
    for (first_agrees, second_agrees) in [(true, false), (false, true), (false, false)] {
        let (mut world, totals) = busy();
        let (none, one) = (BatchTotals::default(), totals_of_one());
        world.must(close_batch(1, if first_agrees { totals } else { one }));
        world.must(open_batch(2)).must(close_batch(2, if second_agrees { none } else { one }));
        assert_eq!(world.engine.batch_totals(TERMINAL, 1), None);
        let disputed = world.engine.terminal_view(TERMINAL).unwrap().disputed;
        assert_eq!(disputed, !second_agrees);
    }
}

#[test]
fn a_batch_closes_when_nothing_waits_for_an_answer() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    let none = BatchTotals::default();
    world.must(sell(1, parcel, 4_000)).refused(close_batch(1, none), Refusal::BatchBusy);
    // The terminal got the outcome unknown as its response. The reversal goes on without the batch.
    world.must(outcome_unknown(first(parcel))).must(close_batch(1, none));
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::PurchaseReversal)]);
    world.must(open_batch(2)).declined_sale_in(2).must(close_batch(2, none)).must(open_batch(3));
    assert_eq!(world.pending_requests(), [(1, PendingRequestKind::PurchaseReversal)]);
    world.must(reverse(first(parcel)));
    assert_eq!((world.pending_requests(), world.engine.transaction(trace(1))), (vec![], None));
    // Nor while a void is pending.
    let sale = sell_in(3, 1, parcel, 10_000);
    world.must(sale).must(approve(second(parcel)));
    let (trace, payment) = (trace_in(3, 2), second(parcel));
    world.must(Command::BeginVoid(BeginVoid {
        trace,
        duplicate_key: original(1),
        payment,
        network_reference: Some(network_reference(2)),
    }));
    let totals = world.engine.batch_totals(TERMINAL, 3).unwrap();
    world.refused(close_batch(3, totals), Refusal::BatchBusy);
    world.must(reverse_void(payment)).must(close_batch(3, totals));
    assert_eq!(world.pending_requests(), [(2, PendingRequestKind::VoidReversal)]);
}

#[test]
fn a_reversal_after_the_batch_was_closed_still_ends_the_sale() {
    let (mut world, totals) = busy();
    world.must(close_batch(1, totals));
    let by_qr = ParcelId::derived(SELLER, "o-2");
    world.must(begin_reversal(first(by_qr))).must(reversal_done(first(by_qr)));
    assert_eq!(world.sum(A::WalletReceivable), 0);
}

#[test]
fn a_batch_that_differs_is_disputed_and_its_lines_are_compared() {
    let (mut world, ours) = busy();
    let theirs = BatchTotals { card_debits: totals_line(2, 11_000), ..ours };
    world.must(close_batch(1, theirs));
    let (terminal, batch) = (TERMINAL, 1);
    assert_eq!(world.events()[0], Event::BatchDisputed { terminal, batch, ours, theirs });
    assert!(world.engine.terminal_view(TERMINAL).unwrap().disputed);
    world.repeated(close_batch(1, theirs));
    world.refused(close_batch(1, ours), Refusal::IdentifierTaken);
    // Meanwhile the terminal continues.
    world.must(open_batch(2));

    let unknown = debit(9, 1_000);
    let uploaded = [vec![unknown], lines()].concat();
    world.must(reconcile(1, uploaded.clone()));
    let (stan, ours, theirs) = (Stan::of(9), None, Some(unknown));
    let differs = Event::BatchLineDiffers { terminal, batch, stan, ours, theirs };
    let done = Event::BatchReconciled { terminal, batch, differences: 1 };
    assert_eq!(world.events(), [differs, done]);
    assert!(!world.engine.terminal_view(TERMINAL).unwrap().disputed);
    world.repeated(reconcile(1, uploaded));
}

#[test]
fn each_differing_line_is_reported() {
    let (mut world, ours) = busy();
    world.must(close_batch(1, BatchTotals { card_debits: totals_line(0, 0), ..ours }));
    // The QR sale is missing, the card sale is 400 less, an unknown line has 100.
    world.must(reconcile(1, vec![debit(1, 9_600), debit(3, 2_000), credit(4, 500), debit(9, 100)]));
    let told: Vec<_> = world
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::BatchLineDiffers { stan, ours, theirs, .. } => {
                Some((stan.get(), *ours, *theirs))
            }
            _ => None,
        })
        .collect();
    let expected = [
        (1, Some(debit(1, 10_000)), Some(debit(1, 9_600))),
        (2, Some(debit(2, 3_000)), None),
        (9, None, Some(debit(9, 100))),
    ];
    assert_eq!(told, expected);
}

#[test]
fn an_upload_is_of_the_disputed_batch_and_has_each_line_once() {
    let (mut world, ours) = busy();
    world.refused(reconcile(1, lines()), Refusal::BatchNotDisputed);
    world.refused(reconcile(2, lines()), Refusal::WrongBatch(1));
    world.must(close_batch(1, BatchTotals { card_debits: totals_line(0, 0), ..ours }));
    world.refused(reconcile(1, [lines(), lines()].concat()), Refusal::TraceTaken);
    let most = u32::try_from(TRANSACTIONS_PER_BATCH_MAX).unwrap();
    let many = (1..=most + 1).map(|stan| debit(stan, 1)).collect();
    world.refused(reconcile(1, many), Refusal::OutOfRange(999));
    world.must(reconcile(1, Vec::new()));
}

#[test]
fn a_batch_has_a_limited_number_of_transactions() {
    let mut world = signed_on();
    let most = u32::try_from(TRANSACTIONS_PER_BATCH_MAX).unwrap();
    for stan in 1..=most {
        let order = format!("o-{stan}");
        let parcel = ParcelId::derived(SELLER, &order);
        let way = [announce(SELLER, &order, 1), assign(parcel), dispatch(parcel)];
        for command in way.iter().chain([&take_cash(stan, parcel, 1, 1)]) {
            world.apply_unchecked(command).unwrap();
        }
    }
    let parcel = world.dispatched_parcel("one more", 100);
    world.refused(sell(most + 1, parcel, 100), Refusal::BatchFull);
    world.repeated(take_cash(1, ParcelId::derived(SELLER, "o-1"), 1, 1));
    let all = u64::from(most);
    world.must(close_batch(
        1,
        BatchTotals { other_debits: totals_line(most, all), ..BatchTotals::default() },
    ));
    assert!(matches!(world.events(), [Event::BatchAgreed { .. }]));
    // The next batch drops its lines.
    world.must(open_batch(2)).declined_sale_in(2).must(close_batch(2, BatchTotals::default()));
    assert_eq!(world.engine.batch_totals(TERMINAL, 1), None);
}

#[test]
fn a_refund_at_a_terminal_is_owed_at_once_and_forwarded_to_the_network() {
    let (mut world, _) = busy();
    let payment = first(ParcelId::derived(SELLER, "o-1"));
    assert_eq!(world.response_to(4), Some((ResponseCode::APPROVED, None)));
    assert_eq!(
        (world.sum(A::BuyerRefunds), world.pending_requests()),
        (500, vec![(4, PendingRequestKind::Refund)])
    );
    // No bank refund while the network may still pay.
    world.refused(confirm_refund(payment, 1, 500), Refusal::PaymentState);
    world
        .must(resolve_refund(4, ResponseCode::APPROVED))
        .repeated(resolve_refund(4, ResponseCode::APPROVED));
    let amount = Amount::of(500);
    assert_eq!((world.sum(A::BuyerRefunds), world.sum(A::NetworkReceivable)), (0, 9_500));
    assert!(world.moved_for(payment).contains(&(ChartEntry::RefundForwarded, 500)));
    world.refused(confirm_refund(payment, 1, 500), Refusal::PaymentState);
    // The network rejects the next refund, so the bank pays it.
    world.must(begin_refund(5, payment, 300)).must(resolve_refund(5, ResponseCode::of(b"57")));
    let (amount, code) = (Amount::of(amount.minor() - 200), ResponseCode::of(b"57"));
    assert_eq!(world.events(), [Event::RefundRejected { payment, amount, code }]);
    world.fund_bank(300).must(confirm_refund(payment, 1, 300));
    assert_eq!(world.sum(A::BuyerRefunds), 0);
    // The third refund in all: the numbers continue.
    world.must(refund(payment, 3, 1));
}

#[test]
fn a_refund_needs_a_payment_large_enough_and_a_terminal_of_the_firm() {
    let (mut world, _) = busy();
    let payment = first(ParcelId::derived(SELLER, "o-1"));
    let left = Refusal::AmountTooLarge(Amount::of(9_500));
    world.refused(begin_refund(5, payment, 9_501), left);
    world.refused(begin_refund(4, payment, 499), Refusal::TraceTaken);
    world.repeated(begin_refund(4, payment, 500));
    let by_cash = first(ParcelId::derived(SELLER, "o-3"));
    world.refused(begin_refund(5, by_cash, 1), Refusal::PaymentState);
    world.refused(resolve_refund(1, ResponseCode::APPROVED), Refusal::PaymentState);
    world.refused(
        resolve_refund(77, ResponseCode::APPROVED),
        Refusal::NotFound(MissingRecord::Transaction),
    );
    // A terminal of the same firm may, another firm's may not.
    world.must(hand_terminal(TERMINAL, 1, COLLEAGUE));
    world.must(begin_refund(5, payment, 1));
    world.must(hand_terminal(TERMINAL, 2, OTHER_FIRMS_COURIER));
    world.refused(begin_refund(6, payment, 1), Refusal::WrongCourier);
}

#[test]
fn a_parcel_is_remembered_as_long_as_a_batch_has_its_transactions() {
    let mut world = signed_on();
    let parcel = world.dispatched_parcel("o-1", 10_000);
    world.must(sell(1, parcel, 10_000)).must(approve(first(parcel)));
    world.parcel_steps(parcel).clear();
    world.on("2014-06-01");
    let forget = Command::ForgetClosed(ForgetClosed { before: day("2013-10-01"), limit: 100 });
    world.must(forget.clone());
    assert!(world.engine.parcel_view(parcel).is_some());
    let totals = world.engine.batch_totals(TERMINAL, 1).unwrap();
    world.must(close_batch(1, totals)).must(open_batch(2));
    world.must(forget.clone()).declined_sale_in(2);
    assert!(world.engine.parcel_view(parcel).is_some());
    world.must(close_batch(2, BatchTotals::default())).must(forget);
    assert_eq!(world.engine.parcel_view(parcel), None);
}

#[test]
fn after_the_last_number_a_terminals_batches_begin_again() {
    let mut world = World::open();
    for batch in 1..=TRACE_NUMBER_MAX {
        world.apply_unchecked(&open_batch(batch)).unwrap();
        world.apply_unchecked(&close_batch(batch, BatchTotals::default())).unwrap();
        world.postings.clear();
    }
    world.refused(open_batch(TRACE_NUMBER_MAX + 1), Refusal::WrongSequenceNumber(1));
    world.must(open_batch(1));
    let parcel = world.dispatched_parcel("o-1", 100);
    world.must(sell(1, parcel, 100)).must(approve(first(parcel)));
}
