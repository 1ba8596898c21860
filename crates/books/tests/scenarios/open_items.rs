//! Open items: what a terminal's batch claims is no money. The network's clearing, the hub's count
//! or two persons decide each difference.

use books::chart::AccountKind as A;
use books::terminal_view::OpenItemView;
use books::*;
use money::{Amount, Currency};

use super::sales::signed_on;
use crate::world::*;

const NOTHING: BatchTotals = BatchTotals {
    card_debits: CountAndAmount { count: 0, amount: Amount::ZERO },
    card_credits: CountAndAmount { count: 0, amount: Amount::ZERO },
    other_debits: CountAndAmount { count: 0, amount: Amount::ZERO },
    other_credits: CountAndAmount { count: 0, amount: Amount::ZERO },
};

const ITEM: OpenItemId = OpenItemId(1);
/// [`COURIER`] as a person.
const COURIER_PERSON: PersonId = PersonId(COURIER.0);

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

fn payment_of(order: &str) -> PaymentId {
    first(ParcelId::derived(SELLER, order))
}

fn left(ours: BatchTotals, theirs: BatchTotals) -> Event {
    Event::BatchLeftDisputed { terminal: TERMINAL, batch: 1, ours, theirs }
}

fn open_items(world: &World) -> Vec<OpenItemView> {
    world.engine.open_items().collect()
}

/// The STANs of an item's undecided lines, and its net amount.
fn undecided(world: &World) -> (Vec<u32>, i128) {
    let [item] = &open_items(world)[..] else { panic!("one open item") };
    let OpenItemContent::Lines(lines) = &item.content else { panic!("it has lines") };
    let open = lines.iter().filter(|line| line.decision.is_none());
    (open.map(|line| line.stan.get()).collect(), item.content.net())
}

/// The deduction of 10 000 by card is 63, of 3 000 by QR 18.
fn clear_sale() -> Command {
    clear(payment_of("o-1"), 10_000, 63)
}

/// The books after [`busy`], whatever the terminal says.
fn assert_untouched(world: &World) {
    let kinds = [A::NetworkReceivable, A::WalletReceivable, A::CourierCash, A::FirmCash];
    assert_eq!(kinds.map(|kind| world.sum(kind)), [10_000, 3_000, 2_000, 0]);
    assert_eq!((world.sum(A::Suspense), world.engine.open_breaks().len()), (0, 0));
}

fn close_item(reason: OpenItemReason, proposed_by: PersonId, approved_by: PersonId) -> Command {
    Command::CloseOpenItem(CloseOpenItem { item: ITEM, reason, proposed_by, approved_by })
}

#[test]
fn a_batch_that_differs_begins_an_open_item_and_moves_nothing() {
    let (mut world, ours) = busy();
    world.must(close_batch(1, NOTHING));
    let opened = Event::OpenItemOpened { item: ITEM, terminal: TERMINAL, batch: 1 };
    let disputed = Event::BatchDisputed { terminal: TERMINAL, batch: 1, ours, theirs: NOTHING };
    assert_eq!(world.events(), [disputed, opened]);
    assert_untouched(&world);
    let content = OpenItemContent::Totals { ours, theirs: NOTHING };
    assert_eq!((content.net(), NOTHING.net(), ours.net()), (-15_000, [0, 0], [10_000, 5_000]));
    let view = OpenItemView {
        id: ITEM,
        terminal: TERMINAL,
        batch: 1,
        currency: Currency::CNY,
        opened: day("2013-08-28"),
        owner: COURIER_PERSON,
        lines_expected: true,
        content,
    };
    assert_eq!(open_items(&world), [view]);
}

#[test]
fn a_terminal_that_lost_its_memory_accuses_no_network() {
    let (mut world, _) = busy();
    world.must(close_batch(1, NOTHING)).must(reconcile(1, vec![]));
    assert_untouched(&world);
    assert_eq!(undecided(&world), (vec![1, 2, 3], -15_000));
    // What the network, the wallet and the hub say decides. The receivables end at zero.
    world.must(clear_sale()).must(clear(payment_of("o-2"), 3_000, 18));
    assert_eq!(undecided(&world), (vec![3], -2_000));
    world.must(start_hand_over(1)).must(count(1, 2_000));
    assert_eq!(open_items(&world), []);
    let kinds = [A::NetworkReceivable, A::WalletReceivable, A::Suspense, A::FirmCash];
    assert_eq!(kinds.map(|kind| world.sum(kind)), [0, 0, 0, 2_000]);
    assert_eq!(world.engine.open_breaks().len(), 0);
}

#[test]
fn the_differing_lines_replace_the_totals() {
    let (mut world, _) = busy();
    world.must(close_batch(1, NOTHING));
    world.must(reconcile(1, vec![debit(1, 9_600), debit(3, 2_000), debit(9, 100)]));
    let [item] = &open_items(&world)[..] else { panic!("one open item") };
    let line = |stan, ours, theirs, payment| {
        let stan = Stan::of(stan);
        OpenItemLine { stan, ours, theirs, payment, decision: None }
    };
    let expected = vec![
        line(1, Some(debit(1, 10_000)), Some(debit(1, 9_600)), Some(payment_of("o-1"))),
        line(2, Some(debit(2, 3_000)), None, Some(payment_of("o-2"))),
        line(9, None, Some(debit(9, 100)), None),
    ];
    assert_eq!(item.content, OpenItemContent::Lines(expected));
    assert_eq!((item.content.net(), item.lines_expected), (-3_300, false));
    assert_untouched(&world);
}

#[test]
fn lines_that_agree_end_the_item() {
    let (mut world, _) = busy();
    world.must(close_batch(1, NOTHING));
    world.must(reconcile(1, vec![debit(1, 10_000), debit(2, 3_000), debit(3, 2_000)]));
    let (terminal, batch) = (TERMINAL, 1);
    let compared = Event::BatchReconciled { terminal, batch, differences: 0 };
    assert_eq!(world.events(), [compared, Event::OpenItemClosed { item: ITEM }]);
    assert_eq!(open_items(&world), []);
}

#[test]
fn each_cleared_payment_decides_its_line_and_the_last_one_ends_the_item() {
    let (mut world, _) = busy();
    world.must(close_batch(1, NOTHING));
    world.must(reconcile(1, vec![debit(1, 9_600), debit(2, 2_000), debit(3, 2_000)]));
    let decided = |stan| {
        let (stan, decision) = (Stan::of(stan), LineDecision::Clearing);
        Event::OpenItemLineDecided { item: ITEM, stan, decision }
    };
    world.must(clear_sale());
    assert_eq!(world.events().last(), Some(&decided(1)));
    assert_eq!(undecided(&world), (vec![2], -1_000));
    world.must(clear(payment_of("o-2"), 3_000, 18));
    let ends = [decided(2), Event::OpenItemClosed { item: ITEM }];
    assert_eq!(world.events()[world.events().len() - 2..], ends);
    assert_eq!(open_items(&world), []);
}

#[test]
fn what_was_cleared_or_counted_before_the_lines_came_is_decided_at_once() {
    let (mut world, _) = busy();
    world.must(close_batch(1, NOTHING)).must(clear_sale());
    world.must(start_hand_over(1)).must(count(1, 2_000));
    assert_eq!(open_items(&world).len(), 1, "totals wait for their lines");
    world.must(reconcile(1, vec![]));
    let decided =
        |stan, decision| Event::OpenItemLineDecided { item: ITEM, stan: Stan::of(stan), decision };
    let ends = [decided(1, LineDecision::Clearing), decided(3, LineDecision::Count)];
    assert_eq!(world.events()[world.events().len() - 2..], ends);
    assert_eq!(undecided(&world), (vec![2], -3_000));
}

#[test]
fn a_count_decides_lines_of_its_cash_only() {
    let (mut world, _) = busy();
    let [later, earlier] =
        [("o-4", 700), ("o-5", 800)].map(|(order, due)| world.dispatched_parcel(order, due));
    world.must(take_cash(4, earlier, 800, 800)).must(start_hand_over(1));
    world.must(take_cash(5, later, 700, 700));
    world.must(close_batch(1, NOTHING)).must(reconcile(1, vec![]));
    assert_eq!(undecided(&world), (vec![1, 2, 3, 4, 5], -16_500));
    // Less was counted. The courier owes the rest, and the lines are decided all the same.
    world.must(count(1, 2_000));
    assert_eq!(undecided(&world), (vec![1, 2, 5], -13_700));
    assert_eq!((world.sum(A::CourierShortage), world.sum(A::FirmCash)), (800, 2_000));
    world.must(start_hand_over(2)).must(count(2, 700));
    assert_eq!(undecided(&world), (vec![1, 2], -13_000));
}

#[test]
fn cash_that_was_given_back_at_the_door_is_not_decided_by_a_count() {
    let (mut world, _) = busy();
    world.must(begin_reversal(payment_of("o-3")));
    world.must(close_batch(1, NOTHING)).must(reconcile(1, vec![debit(3, 2_000)]));
    assert_eq!(undecided(&world), (vec![1, 2, 3], -11_000), "the terminal has it, the books not");
    let other = world.dispatched_parcel("o-4", 500);
    world.must(open_batch(2)).must(take_cash_at(trace_in(2, 1), other, 500, 500));
    world.must(start_hand_over(1)).must(count(1, 500));
    assert_eq!(undecided(&world).0, [1, 2, 3]);
}

#[test]
fn a_refund_and_an_unknown_transaction_wait_for_two_persons() {
    let (mut world, _) = busy();
    world.must(begin_refund(4, payment_of("o-1"), 500));
    world.must(resolve_refund(4, ResponseCode::APPROVED));
    world.must(close_batch(1, NOTHING));
    world.must(reconcile(1, vec![debit(2, 3_000), debit(3, 2_000), debit(9, 100)]));
    world.must(clear_sale());
    assert_eq!(undecided(&world), (vec![4, 9], 600), "the payment's own line alone is decided");
    world.must(close_item(OpenItemReason::Untraceable, ANNA, BO));
    assert_eq!(world.events(), [Event::OpenItemClosed { item: ITEM }]);
    assert_eq!(open_items(&world), []);
}

#[test]
fn two_persons_close_an_item_and_neither_had_the_terminal() {
    let (mut world, _) = busy();
    let reason = OpenItemReason::BooksAreRight;
    world.must(close_batch(1, NOTHING)).must(reconcile(1, vec![]));
    world.refused(close_item(reason, ANNA, ANNA), Refusal::SamePerson);
    world.refused(close_item(reason, COURIER_PERSON, ANNA), Refusal::SamePerson);
    world.refused(close_item(reason, ANNA, COURIER_PERSON), Refusal::SamePerson);
    world.must(close_item(reason, ANNA, BO)).repeated(close_item(reason, ANNA, BO));
    for other in [
        close_item(OpenItemReason::BooksWereCorrected, ANNA, BO),
        close_item(reason, BO, ANNA),
        close_item(reason, ANNA, CASHIER),
    ] {
        world.refused(other, Refusal::OtherContent);
    }
    assert_untouched(&world);
    // Nothing waits for the clearing any more.
    world.must(clear_sale());
    assert!(!world.events().iter().any(|event| matches!(event, Event::OpenItemLineDecided { .. })));
    let unknown = OpenItemId(2);
    let command = CloseOpenItem { item: unknown, reason, proposed_by: ANNA, approved_by: BO };
    let missing = Refusal::NotFound(MissingRecord::OpenItem(unknown));
    world.refused(Command::CloseOpenItem(command), missing);
}

#[test]
fn a_decided_item_cannot_be_closed() {
    let (mut world, ours) = busy();
    world.must(close_batch(1, NOTHING));
    world.must(reconcile(1, vec![debit(2, 3_000), debit(3, 2_000)])).must(clear_sale());
    assert_eq!((open_items(&world), ours.net()), (vec![], [10_000, 5_000]));
    world.refused(close_item(OpenItemReason::Untraceable, ANNA, BO), Refusal::OtherContent);
}

#[test]
fn totals_of_lines_that_never_come_stay_open_until_two_persons_close_them() {
    let (mut world, ours) = busy();
    let theirs = BatchTotals { other_debits: totals_line(1, 3_000), ..ours };
    world.must(close_batch(1, theirs)).must(open_batch(2));
    world.on("2013-08-30").must(close_batch(2, NOTHING));
    let agreed = Event::BatchAgreed { terminal: TERMINAL, batch: 2, totals: NOTHING };
    assert_eq!(world.events(), [left(ours, theirs), agreed]);
    assert_untouched(&world);
    assert!(!world.engine.terminal_view(TERMINAL).unwrap().disputed);
    world.refused(reconcile(1, vec![]), Refusal::WrongBatch(2));
    let forget = |before| Command::ForgetClosed(ForgetClosed { before: day(before), limit: 1 });
    world.on("2014-12-01").must(forget("2014-06-01"));
    let [item] = &open_items(&world)[..] else { panic!("it is kept") };
    assert_eq!((item.opened, item.lines_expected), (day("2013-08-28"), false));
    assert_eq!(item.content, OpenItemContent::Totals { ours, theirs });
    let close = close_item(OpenItemReason::BooksAreRight, ANNA, BO);
    world.must(close.clone()).must(forget("2014-06-01")).repeated(close.clone());
    // The closed item is forgotten like a closed parcel.
    assert!(!world.engine.has_anything_to_forget(day("2014-12-01"), 0..0));
    assert!(world.engine.has_anything_to_forget(day("2014-12-02"), 0..0));
    world.on("2015-12-01").must(forget("2014-12-02"));
    world.refused(close, Refusal::NotFound(MissingRecord::OpenItem(ITEM)));
}

#[test]
fn lines_that_come_when_the_next_batch_is_open_are_compared_as_ever() {
    let (mut world, ours) = busy();
    let theirs = BatchTotals { card_debits: totals_line(1, 9_600), ..ours };
    world.must(close_batch(1, theirs)).must(open_batch(2));
    let sale = world.dispatched_parcel("o-9", 500);
    world.must(sell_in(2, 1, sale, 500)).must(approve(first(sale)));
    world.must(reconcile(1, vec![debit(1, 9_600), debit(2, 3_000), debit(3, 2_000)]));
    assert_eq!(undecided(&world), (vec![1], -400));
    let totals = world.engine.batch_totals(TERMINAL, 2).unwrap();
    world.must(close_batch(2, totals));
    assert_eq!(world.events(), [Event::BatchAgreed { terminal: TERMINAL, batch: 2, totals }]);
    assert_eq!(undecided(&world), (vec![1], -400), "one difference, one item");
}

#[test]
fn an_item_closed_before_its_lines_came_expects_them_no_longer() {
    let (mut world, _) = busy();
    world.must(close_batch(1, NOTHING));
    world.must(close_item(OpenItemReason::BooksAreRight, ANNA, BO));
    assert!(!world.engine.terminal_view(TERMINAL).unwrap().disputed);
    world.repeated(reconcile(1, vec![])).must(open_batch(2)).must(close_batch(2, NOTHING));
    let agreed = Event::BatchAgreed { terminal: TERMINAL, batch: 2, totals: NOTHING };
    assert_eq!(world.events(), [agreed]);
}

#[test]
fn a_reversal_that_explains_the_difference_ends_the_item() {
    let (mut world, ours) = busy();
    let theirs = BatchTotals { other_debits: totals_line(1, 2_000), ..ours };
    let by_qr = payment_of("o-2");
    world.must(close_batch(1, theirs));
    world.must(begin_reversal(by_qr)).must(reversal_done(by_qr)).must(open_batch(2));
    world.must(close_batch(2, NOTHING));
    assert_eq!(world.events()[..2], [left(theirs, theirs), Event::OpenItemClosed { item: ITEM }]);
    assert_eq!(open_items(&world), []);
}

#[test]
fn a_reversal_that_explains_a_part_leaves_the_rest_in_the_totals() {
    let (mut world, _) = busy();
    let by_qr = payment_of("o-2");
    world.must(close_batch(1, NOTHING));
    world.must(begin_reversal(by_qr)).must(reversal_done(by_qr)).must(open_batch(2));
    world.must(close_batch(2, NOTHING));
    assert_eq!(open_items(&world)[0].content.net(), -12_000);
}

#[test]
fn a_difference_beyond_any_amount_keeps_no_terminal_from_closing_or_uploading() {
    let (mut world, ours) = busy();
    let most = Amount::MAX.minor();
    let theirs = BatchTotals { card_debits: totals_line(2, most), ..ours };
    world.must(close_batch(1, theirs));
    let lines = vec![debit(8, most), debit(9, most), credit(10, 5)];
    world.must(reconcile(1, lines));
    assert_eq!(undecided(&world).1, 2 * i128::from(most) - 5 - 15_000);
    assert_untouched(&world);
}

#[test]
fn the_owner_is_the_courier_who_had_the_terminal() {
    let (mut world, ours) = busy();
    world.must(close_batch(1, NOTHING));
    world.must(hand_terminal(TERMINAL, 1, COLLEAGUE));
    world.must(open_batch(2)).must(close_batch(2, ours));
    let owners: Vec<_> = open_items(&world).iter().map(|item| item.owner).collect();
    assert_eq!(owners, [COURIER_PERSON, PersonId(COLLEAGUE.0)]);
}

#[test]
fn a_terminal_with_too_many_open_items_opens_no_batch() {
    let mut world = World::open();
    let one = BatchTotals { card_debits: totals_line(1, 1), ..NOTHING };
    for batch in 1..=OPEN_ITEMS_PER_TERMINAL_MAX {
        world.apply_unchecked(&open_batch(batch)).unwrap();
        world.apply_unchecked(&close_batch(batch, one)).unwrap();
    }
    let next = OPEN_ITEMS_PER_TERMINAL_MAX + 1;
    world.refused(open_batch(next), Refusal::TooManyOpenItems);
    // Other terminals go on. A closed item makes room for one.
    world.must(Command::OpenBatch(OpenBatch { terminal: COLLEAGUES_TERMINAL, batch: 1 }));
    world.must(close_item(OpenItemReason::Untraceable, ANNA, BO)).must(open_batch(next));
    world.must(close_batch(next, one));
    world.refused(open_batch(next + 1), Refusal::TooManyOpenItems);
}

#[test]
fn the_clearing_of_a_sale_in_suspense_decides_its_line() {
    let nobodys = ParcelId::new(77);
    let sale = PaymentId { parcel: nobodys, number: FIRST_SUSPENDED_PAYMENT };
    let cleared = line_of(ClearLineKind::Offline, Some(sale), 500, 3);
    for cleared_before in [false, true] {
        let (mut world, _) = busy();
        world.must(offline_sale(4, nobodys, 500));
        if cleared_before {
            world.must(cleared.clone());
        }
        world.must(close_batch(1, NOTHING)).must(reconcile(1, vec![]));
        if !cleared_before {
            assert_eq!(undecided(&world), (vec![1, 2, 3, 4], -15_500));
            world.must(cleared.clone());
        }
        assert_eq!(undecided(&world), (vec![1, 2, 3], -15_000), "before: {cleared_before}");
    }
}
