//! What a line or an entry means, from the pages in docs/files. The books are the scenarios'.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[path = "../../books/tests/world/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the scenarios of the books use all of it")]
mod world;

use std::collections::BTreeMap;

use books::*;
use files::incoming::bank_csv::{BankEntry, EntryReference};
use files::incoming::clearing::{StatedItem, StatedItemKind, StatedPayment};
use money::SignedAmount;
use recon::bank::{EntryAct, EntryDoubt, EntryKind, ReferenceCounts, entry_act};
use recon::clearing::{LinesOfFile, NoPayment, Requests, clear_line};
use world::*;

// Bank statements.

const OTHER_BANK: BankId = BankId(2);

fn entry(amount: i64, reference: EntryReference) -> BankEntry {
    let amount = SignedAmount::new(amount).unwrap();
    BankEntry { line: 2, date: jiff::civil::date(2013, 8, 28), amount, reference }
}

fn by_id(amount: i64, id: u64) -> BankEntry {
    entry(amount, EntryReference::Id(id))
}

/// What an entry means that is alone in its statement.
fn act(world: &World, one: BankEntry) -> EntryAct {
    act_at(world, BANK, one)
}

fn act_at(world: &World, bank: BankId, one: BankEntry) -> EntryAct {
    entry_act(&world.engine, bank, &ReferenceCounts::of(&[one]), &one)
}

fn doubt(act: EntryAct) -> EntryDoubt {
    match act {
        EntryAct::Look(doubt) => doubt,
        other => panic!("not for a person: {other:?}"),
    }
}

/// A firm that counted 300.00 in cash.
fn with_cash() -> World {
    let mut world = World::open();
    world.parcel("o-1", 30_000).dispatch().cash(30_000);
    world.must(start_hand_over(1)).must(count(1, 30_000));
    world
}

/// Payout 1 of 99.22 is on its way.
fn with_payout() -> World {
    let mut world = World::open();
    world.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear();
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1));
    world
}

#[test]
fn an_entry_without_a_known_reference_of_ours_is_for_a_person() {
    let world = with_payout();
    assert_eq!(doubt(act(&world, entry(5_000, EntryReference::None))), EntryDoubt::NoReference);
    assert_eq!(doubt(act(&world, entry(5_000, EntryReference::Text))), EntryDoubt::NotAnId);
    assert_eq!(doubt(act(&world, by_id(5_000, 77))), EntryDoubt::Unknown);
    // Planned only.
    let mut planned = World::open();
    planned.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear();
    planned.must(plan(1, ANNA));
    assert_eq!(doubt(act(&planned, by_id(-9_922, 1))), EntryDoubt::Unknown);
}

#[test]
fn a_deposit_is_confirmed_by_a_credit_of_its_amount_into_its_account() {
    let mut world = with_cash();
    world.must(deposit_with_id(41, 1, 10_000));
    assert_eq!(act(&world, by_id(10_000, 41)), EntryAct::Give(confirm_deposit(41, 10_000)));
    assert_eq!(doubt(act(&world, by_id(9_999, 41))), EntryDoubt::OtherAmount);
    assert_eq!(doubt(act(&world, by_id(10_001, 41))), EntryDoubt::OtherAmount);
    assert_eq!(doubt(act(&world, by_id(-10_000, 41))), EntryDoubt::DepositDebited);
    assert_eq!(doubt(act_at(&world, OTHER_BANK, by_id(10_000, 41))), EntryDoubt::OtherBank);
    // Credited once, the same entry again is known, and another amount is not.
    world.must(confirm_deposit(41, 10_000));
    assert_eq!(act(&world, by_id(10_000, 41)), EntryAct::Done(EntryKind::DepositConfirmed));
    assert_eq!(doubt(act(&world, by_id(9_999, 41))), EntryDoubt::OtherAmount);
}

#[test]
fn a_cancelled_deposit_that_the_bank_credits_is_for_a_person() {
    let mut world = with_cash();
    world.must(deposit_with_id(41, 1, 10_000)).must(cancel_deposit(41));
    assert_eq!(doubt(act(&world, by_id(10_000, 41))), EntryDoubt::Cancelled);
}

#[test]
fn a_deposit_that_ended_long_ago_is_too_late() {
    let mut world = with_cash();
    for number in 1..=9 {
        world.must(deposit(number, 100)).must(confirm_deposit(number.into(), 100));
    }
    assert_eq!(doubt(act(&world, by_id(100, 1))), EntryDoubt::TooLate);
    assert_eq!(act(&world, by_id(100, 9)), EntryAct::Done(EntryKind::DepositConfirmed));
}

#[test]
fn a_payout_is_confirmed_by_a_debit_and_returned_by_a_credit() {
    let mut world = with_payout();
    let returned = EntryAct::Give(return_payout(1));
    assert_eq!(act(&world, by_id(-9_922, 1)), EntryAct::Give(confirm_payout(1)));
    assert_eq!(act(&world, by_id(9_922, 1)), returned);
    for amount in [-9_921, -9_923, 9_921] {
        assert_eq!(doubt(act(&world, by_id(amount, 1))), EntryDoubt::OtherAmount);
    }
    assert_eq!(doubt(act_at(&world, OTHER_BANK, by_id(-9_922, 1))), EntryDoubt::OtherBank);
    assert_eq!(doubt(act_at(&world, OTHER_BANK, by_id(9_922, 1))), EntryDoubt::OtherBank);
    // Paid: it can come back for two weeks.
    world.must(confirm_payout(1));
    assert_eq!(act(&world, by_id(-9_922, 1)), EntryAct::Done(EntryKind::PayoutConfirmed));
    assert_eq!(act(&world, by_id(9_922, 1)), returned);
    world.must(return_payout(1));
    assert_eq!(act(&world, by_id(9_922, 1)), EntryAct::Done(EntryKind::PayoutReturned));
    assert_eq!(act(&world, by_id(-9_922, 1)), EntryAct::Done(EntryKind::PayoutConfirmed));
}

#[test]
fn a_payout_that_comes_back_after_two_weeks_is_too_late() {
    let mut world = with_payout();
    world.must(confirm_payout(1)).on("2013-09-11").must(set_cash_limit(1, "2013-09-11", 1));
    assert_eq!(act(&world, by_id(9_922, 1)), EntryAct::Give(return_payout(1)), "14 days");
    world.on("2013-09-12").must(set_cash_limit(2, "2013-09-12", 1));
    assert_eq!(doubt(act(&world, by_id(9_922, 1))), EntryDoubt::TooLate);
}

#[test]
fn a_reference_of_a_deposit_and_a_payout_means_neither() {
    let mut world = with_payout();
    world.parcel("o-2", 30_000).dispatch().cash(30_000);
    world.must(start_hand_over(1)).must(count(1, 30_000)).must(deposit_with_id(1, 1, 9_922));
    for amount in [9_922, -9_922] {
        assert_eq!(doubt(act(&world, by_id(amount, 1))), EntryDoubt::Both);
    }
}

#[test]
fn of_two_credits_with_one_reference_none_is_carried_out_but_a_debit_is() {
    let world = with_payout();
    let [debit, credit] = [by_id(-9_922, 1), by_id(9_922, 1)];
    let of = |entries: &[BankEntry]| -> Vec<EntryAct> {
        let counts = ReferenceCounts::of(entries);
        entries.iter().map(|one| entry_act(&world.engine, BANK, &counts, one)).collect()
    };
    let twice = EntryAct::Look(EntryDoubt::Twice);
    // Paid, and twice back.
    let acts = of(&[debit, credit, credit]);
    assert_eq!(acts, [EntryAct::Give(confirm_payout(1)), twice.clone(), twice]);
    // Paid and back: each of them once.
    let acts = of(&[debit, credit]);
    assert_eq!(acts, [confirm_payout(1), return_payout(1)].map(EntryAct::Give));
}

// Clearing files.

const OTHER_NETWORK: RailId = RailId::Network(NetworkId(2));

fn item(payment: StatedPayment) -> StatedItem {
    let [amount, kept_back] = [10_000, 45].map(|minor| SignedAmount::new(minor).unwrap());
    StatedItem { line: 2, payment, kind: StatedItemKind::Sale, amount, kept_back }
}

/// The item that names the request of a transaction, as a network writes it.
fn item_of(stan: u32) -> StatedItem {
    let LineReference::Request { rrn, sent } = request(stan) else { unreachable!() };
    let (rrn, stan, sent_s) = (rrn.bytes(), sent.stan.get(), sent.sent_at.0 / 1_000);
    item(StatedPayment::Request { rrn, stan, sent_s })
}

fn of(rail: RailId) -> LinesOfFile {
    LinesOfFile { bank: BANK, rail, file: 3, value_date: Some(day("2013-08-27")) }
}

/// The payment of an item, or why it has none.
fn found(world: &World, rail: RailId, one: &StatedItem) -> Result<PaymentId, NoPayment> {
    let requests = Requests::of(&world.engine, rail, std::slice::from_ref(one));
    found_in(world, &requests, rail, one)
}

fn found_in(
    world: &World,
    requests: &Requests,
    rail: RailId,
    one: &StatedItem,
) -> Result<PaymentId, NoPayment> {
    let (line, why) = clear_line(&world.engine, requests, of(rail), 5, one).unwrap();
    assert_eq!((line.bank, line.rail, line.file, line.line), (BANK, rail, 3, 5));
    assert_eq!((line.amount, line.deducted), (one.amount, one.kept_back));
    assert_eq!((line.kind, line.value_date), (ClearLineKind::Sale, Some(day("2013-08-27"))));
    line.payment.ok_or_else(|| why.expect("a reason"))
}

/// Two sales by card with the terminal's numbers 1 and 2.
fn two_sales() -> (World, [PaymentId; 2]) {
    let mut world = World::open();
    world.must(open_batch(1));
    let parcels = ["o-1", "o-2"].map(|order| world.dispatched_parcel(order, 10_000));
    for (stan, parcel) in (1..).zip(parcels) {
        world.must(sell(stan, parcel, 10_000));
    }
    (world, parcels.map(first))
}

#[test]
fn a_line_has_the_payment_whose_request_it_names() {
    let (world, payments) = two_sales();
    let alpha = RailId::Network(NETWORK);
    for (stan, payment) in (1..).zip(payments) {
        assert_eq!(found(&world, alpha, &item_of(stan)), Ok(payment));
    }
    assert_eq!(found(&world, alpha, &item_of(3)), Err(NoPayment::NotFound));
    // The request of one network is none of another.
    assert_eq!(found(&world, OTHER_NETWORK, &item_of(1)), Err(NoPayment::NotFound));
    // A reference that is not the one of its numbers.
    let mut wrong = item_of(1);
    let StatedPayment::Request { rrn, .. } = &mut wrong.payment else { unreachable!() };
    rrn[11] = if rrn[11] == b'0' { b'1' } else { b'0' };
    assert_eq!(found(&world, alpha, &wrong), Err(NoPayment::NotFound));
}

#[test]
fn numbers_of_two_payments_are_ambiguous_and_no_line_guesses() {
    let (mut world, _) = two_sales();
    let parcel = world.dispatched_parcel("o-3", 10_000);
    // In the next batch the same numbers in the same second.
    let again = sell_at(trace_in(1, 3), parcel, debit_card(), 10_000);
    let Command::BeginPurchase(again) = again else { unreachable!() };
    let network_reference = network_reference(1);
    world.must(Command::BeginPurchase(BeginPurchase { network_reference, ..again }));
    let alpha = RailId::Network(NETWORK);
    assert_eq!(found(&world, alpha, &item_of(1)), Err(NoPayment::Ambiguous));
    assert!(found(&world, alpha, &item_of(2)).is_ok());
}

#[test]
fn requests_that_the_books_forgot_are_looked_up_and_only_those() {
    let (world, [known, _]) = two_sales();
    let alpha = RailId::Network(NETWORK);
    let (old, doubtful) = (item_of(8), item_of(9));
    let items = [item_of(1), old.clone(), doubtful.clone()];
    let mut requests = Requests::of(&world.engine, alpha, &items);
    let key = |one: &StatedItem| match one.payment {
        StatedPayment::Request { stan, sent_s, .. } => (Stan::of(stan), sent_s),
        StatedPayment::Order(_) => unreachable!(),
    };
    let missing = requests.missing(&items);
    assert_eq!(missing, [key(&old), key(&doubtful)].into());
    let in_journal = BTreeMap::from([(key(&old), Some(known)), (key(&doubtful), None)]);
    requests.add(&world.engine, alpha, in_journal.clone());
    assert_eq!(found_in(&world, &requests, alpha, &old), Ok(known));
    assert_eq!(found_in(&world, &requests, alpha, &doubtful), Err(NoPayment::Ambiguous));
    // A payment over another network is not this network's.
    let mut others = Requests::default();
    others.add(&world.engine, OTHER_NETWORK, in_journal);
    assert_eq!(found_in(&world, &others, OTHER_NETWORK, &old), Err(NoPayment::NotFound));
}

#[test]
fn a_wallet_s_line_has_the_payment_of_its_order() {
    let (mut world, _) = two_sales();
    let parcel = world.dispatched_parcel("o-3", 10_000);
    world.must(sell_by_qr(3, parcel, 10_000));
    let order = |stan| item(StatedPayment::Order(trace(stan).wallet_order()));
    let red = RailId::Wallet(WALLET);
    assert_eq!(found(&world, red, &order(3)), Ok(first(parcel)));
    assert_eq!(found(&world, RailId::Wallet(WalletId(2)), &order(3)), Err(NoPayment::NotFound));
    // A card payment has no order, and a text that is none is not found.
    assert_eq!(found(&world, red, &order(1)), Err(NoPayment::NotFound));
    let text = item(StatedPayment::Order("order of Li".to_owned()));
    assert_eq!(found(&world, red, &text), Err(NoPayment::NotFound));
}

#[test]
fn a_line_with_numbers_that_no_request_can_have_is_no_command() {
    let (world, _) = two_sales();
    let none = item(StatedPayment::Request { rrn: *b"ABCDEF000001", stan: 0, sent_s: 1 });
    let alpha = RailId::Network(NETWORK);
    let requests = Requests::of(&world.engine, alpha, std::slice::from_ref(&none));
    let line = clear_line(&world.engine, &requests, of(alpha), 1, &none);
    assert!(line.is_none());
}
