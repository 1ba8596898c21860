//! What a line or an entry means, from the pages in docs/files. The books are the scenarios'.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[path = "../../books/tests/world/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the scenarios of the books use all of it")]
mod world;

use std::slice::from_ref;

use std::collections::BTreeMap;

use books::sheet_view::CashPlace;
use books::*;
use files::incoming::clearing::{StatedItem, StatedItemKind, StatedPayment};
use money::SignedAmount;
use recon::clearing::{LinesOfFile, NoPayment, Requests, clear_line};
use recon::matching::{ItemKey, MatchKeyKind};
use recon::sheet::{SheetLine, SheetMatcher, SheetPlan};
use recon::statement::{self, DetailLine, EntryLine, EntryPlan, StatementOf};
use world::*;

// Bank statements.

const OTHER_BANK: BankId = BankId(2);

/// An entry with references of ours.
fn entry(line: u32, amount: i64, keys: &[(MatchKeyKind, &str)]) -> EntryLine {
    let amount = SignedAmount::new(amount).unwrap();
    let keys = keys.iter().filter_map(|(kind, text)| ItemKey::new(*kind, text)).collect();
    EntryLine { line, booked: day("2013-08-28"), amount, keys, details: Vec::new() }
}

/// An entry whose reference is a number: a deposit's or a payout's.
fn by_id(line: u32, amount: i64, id: &str) -> EntryLine {
    entry(line, amount, &[(MatchKeyKind::DepositId, id), (MatchKeyKind::PayoutId, id)])
}

fn plan_at(world: &World, bank: BankId, entries: Vec<EntryLine>) -> Vec<EntryPlan> {
    let today = world.engine.last_date();
    let of = StatementOf { bank, currency: money::Currency::CNY, file: 1, today };
    statement::plan(&world.engine, of, entries).unwrap().lines
}

/// What each entry of a statement shows, with the amounts.
fn shown(world: &World, entries: Vec<EntryLine>) -> Vec<Vec<(BankMovement, i64)>> {
    let plans = plan_at(world, BANK, entries);
    let parts = |one: EntryPlan| -> Vec<_> {
        one.parts.iter().map(|part| (part.movement, part.amount.minor())).collect()
    };
    plans.into_iter().map(parts).collect()
}

/// Whether nothing explains an entry.
fn is_unexplained(world: &World, one: EntryLine) -> bool {
    shown(world, vec![one]) == [vec![]]
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
fn an_entry_without_a_known_reference_of_ours_is_awaited_and_then_a_break() {
    let mut world = with_payout();
    for one in [entry(1, 5_000, &[]), by_id(1, 5_000, "77")] {
        let plan = plan_at(&world, BANK, vec![one]).remove(0);
        assert_eq!((plan.parts.len(), plan.expected_until), (0, Some(day("2013-08-31"))));
    }
    world.on("2013-09-01").must(set_cash_limit(1, "2013-09-01", 1));
    let late = plan_at(&world, BANK, vec![entry(1, 5_000, &[])]).remove(0);
    assert_eq!((late.parts.len(), late.expected_until), (0, None));
    assert!(late.broken.is_some());
    // Planned only.
    let mut planned = World::open();
    planned.parcel("o-1", 10_000).dispatch().card(10_000).approve().clear();
    planned.must(plan(1, ANNA));
    assert!(is_unexplained(&planned, by_id(1, -9_922, "1")));
}

#[test]
fn a_deposit_is_confirmed_by_a_credit_of_its_amount_into_its_account() {
    let mut world = with_cash();
    world.must(deposit_with_id(41, 1, 10_000));
    let credit = by_id(1, 10_000, "41");
    let deposit = vec![(BankMovement::Deposit(DepositId(41)), 10_000)];
    assert_eq!(shown(&world, vec![credit.clone()]), from_ref(&deposit));
    for amount in [9_999, 10_001, -10_000] {
        assert!(is_unexplained(&world, by_id(1, amount, "41")), "{amount}");
    }
    assert!(plan_at(&world, OTHER_BANK, vec![credit.clone()])[0].parts.is_empty());
    // Confirmed by hand: the statement shows it still.
    world.must(confirm_deposit(41, 10_000));
    assert_eq!(shown(&world, vec![credit.clone()]), from_ref(&deposit));
    // The second of two is a duplicate.
    let twice = shown(&world, vec![credit.clone(), EntryLine { line: 2, ..credit }]);
    assert_eq!(twice, [deposit, vec![]]);
}

#[test]
fn a_cancelled_deposit_that_the_bank_credits_is_not_explained() {
    let mut world = with_cash();
    world.must(deposit_with_id(41, 1, 10_000)).must(cancel_deposit(41));
    assert!(is_unexplained(&world, by_id(1, 10_000, "41")));
}

#[test]
fn a_payout_is_confirmed_by_a_debit_and_comes_back_by_a_credit() {
    let mut world = with_payout();
    let [debit, credit] = [by_id(1, -9_922, "1"), by_id(2, 9_922, "1")];
    let paid = vec![(BankMovement::Payout(PayoutId(1)), -9_922)];
    let back = vec![(BankMovement::ReturnedPayout(PayoutId(1)), 9_922)];
    assert_eq!(shown(&world, vec![debit.clone()]), from_ref(&paid));
    assert_eq!(shown(&world, vec![credit.clone(), debit.clone()]), [back.clone(), paid]);
    for amount in [-9_921, -9_923, 9_921] {
        assert!(is_unexplained(&world, by_id(1, amount, "1")), "{amount}");
    }
    // Paid and shown: it can come back for two weeks.
    let entry = TakeEntry {
        bank: BANK,
        firm: None,
        file: 1,
        line: 1,
        booked: day("2013-08-28"),
        amount: debit.amount,
        parts: vec![EntryPart {
            movement: BankMovement::Payout(PayoutId(1)),
            amount: debit.amount,
        }],
        expected_until: None,
        found: None,
    };
    world.must(begin_statement(debit.amount)).must(Command::TakeEntry(entry));
    assert!(is_unexplained(&world, debit), "it is on a statement");
    world.on("2013-09-11").must(set_cash_limit(1, "2013-09-11", 1));
    let late = EntryLine { booked: day("2013-09-11"), ..credit };
    assert_eq!(shown(&world, vec![late.clone()]), [back], "14 days");
    world.on("2013-09-12").must(set_cash_limit(2, "2013-09-12", 1));
    assert!(is_unexplained(&world, late));
}

fn begin_statement(total: SignedAmount) -> Command {
    Command::BeginFile(BeginFile {
        lane: FileLane::Bank(BANK),
        file: 1,
        digest: Sha256Digest([7; 32]),
        form: "bank-csv".to_owned(),
        from: day("2013-08-28"),
        until: day("2013-08-28"),
        lines: 1,
        total,
        opening: Some(SignedAmount::ZERO),
    })
}

#[test]
fn a_credit_that_a_deposit_and_a_returned_payout_explain_is_guessed_for_neither() {
    let mut world = with_payout();
    world.must(confirm_payout(1));
    world.parcel("o-2", 30_000).dispatch().cash(30_000);
    world.must(start_hand_over(1)).must(count(1, 30_000)).must(deposit_with_id(1, 1, 9_922));
    assert!(is_unexplained(&world, by_id(1, 9_922, "1")));
    // Only the payout is debited.
    let paid = vec![(BankMovement::Payout(PayoutId(1)), -9_922)];
    assert_eq!(shown(&world, vec![by_id(1, -9_922, "1")]), [paid]);
}

#[test]
fn a_credit_that_names_a_network_shows_its_clearing_file() {
    let world = with_payout();
    let named = (MatchKeyKind::Counterparty, &*format!("network {NETWORK}"));
    let file = BankMovement::ClearingFile { rail: RailId::Network(NETWORK), file: 1 };
    let open = world.engine.open_movements(BANK).find(|one| one.movement == file).unwrap();
    let cleared = i64::try_from(open.amount).unwrap();
    let credit = entry(1, cleared, &[named]);
    assert_eq!(shown(&world, vec![credit]), [vec![(file, cleared)]]);
    assert!(is_unexplained(&world, entry(1, cleared, &[])), "nothing says whose it is");
    assert!(is_unexplained(&world, entry(1, cleared + 1, &[named])));
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
    let requests = Requests::of(&world.engine, rail, from_ref(one));
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
    let requests = Requests::of(&world.engine, alpha, from_ref(&none));
    let line = clear_line(&world.engine, &requests, of(alpha), 1, &none);
    assert!(line.is_none());
}

#[test]
fn each_transaction_of_a_batch_is_matched_by_itself() {
    let mut world = with_cash();
    world.must(deposit_with_id(41, 1, 10_000)).must(deposit_with_id(42, 2, 5_000));
    let detail = |amount, id: &str| {
        let EntryLine { amount, keys, .. } = by_id(1, amount, id);
        DetailLine { amount, keys }
    };
    let batch = |amount, details| EntryLine { details, ..entry(1, amount, &[]) };
    let both = vec![
        (BankMovement::Deposit(DepositId(41)), 10_000),
        (BankMovement::Deposit(DepositId(42)), 5_000),
    ];
    let whole = batch(15_000, vec![detail(5_000, "42"), detail(10_000, "41")]);
    assert_eq!(shown(&world, vec![whole.clone()]), from_ref(&both));
    let plan = plan_at(&world, BANK, vec![whole]).remove(0);
    assert_eq!((plan.expected_until, plan.broken), (None, None));
    // One of three is unknown: the others are shown, and the rest is awaited.
    let third = vec![detail(5_000, "42"), detail(10_000, "41"), detail(1_000, "77")];
    let part = batch(16_000, third);
    let plan = plan_at(&world, BANK, vec![part.clone()]).remove(0);
    assert_eq!((plan.parts.len(), plan.expected_until), (2, Some(day("2013-08-31"))));
    world.on("2013-09-01").must(set_cash_limit(1, "2013-09-01", 1));
    let plan = plan_at(&world, BANK, vec![part]).remove(0);
    assert_eq!((plan.parts.len(), plan.expected_until), (2, None));
    assert!(plan.broken.is_some());
}

#[test]
fn a_line_of_a_sheet_is_the_cash_that_was_taken_for_its_parcel() {
    let mut world = World::open();
    let cash = world.parcel("o-1", 30_000).dispatch().cash(30_000).last_payment();
    world.parcel("o-2", 10_000).dispatch().card(10_000).approve();
    world.parcel("o-3", 5_000).dispatch();
    let line = |order: &str, amount| SheetLine {
        booked: day("2013-08-28"),
        amount: SignedAmount::new(amount).unwrap(),
        waybill: None,
        order: Some(order.to_owned()).filter(|order| !order.is_empty()),
    };
    let plans = |world: &World, lines: &[SheetLine]| -> Vec<SheetPlan> {
        let mut matcher = SheetMatcher::new(&world.engine, FIRM, world.engine.last_date());
        lines.iter().map(|line| matcher.plan(line)).collect()
    };
    let waybill = Some(switch::waybill::write(cash.parcel));
    let by_waybill = SheetLine { waybill, ..line("", 30_000) };
    let found = plans(&world, &[by_waybill.clone(), line("o-1", 30_000)]);
    let part = EntryPart {
        movement: BankMovement::Collection(cash),
        amount: SignedAmount::new(30_000).unwrap(),
    };
    assert_eq!((&found[0].parts[..], found[0].found), (&[part][..], EntryFinding::ExactKey));
    assert_eq!(found[0].place, Some(CashPlace::InHand));
    let broken = |kind| EntryFinding::Broken(kind);
    assert_eq!(found[1].found, broken(ReconBreakKind::Duplicate), "another line has it");
    let lines = [
        line("o-1", 29_999),
        line("o-2", 10_000),
        line("o-3", 5_000),
        line("o-4", 5_000),
        line("", 5_000),
    ];
    let kinds: Vec<_> = plans(&world, &lines).iter().map(|one| one.found).collect();
    let expected = [
        broken(ReconBreakKind::AmountDiffers),
        broken(ReconBreakKind::Unannounced),
        EntryFinding::Awaited,
        broken(ReconBreakKind::UnknownReference),
        broken(ReconBreakKind::NoReference),
    ];
    assert_eq!(kinds, expected);
    let awaited = &plans(&world, &lines[2..3])[0];
    assert_eq!(awaited.expected_until, Some(day("2013-08-31")));
    world.must(start_hand_over(1)).must(count(1, 30_000));
    assert_eq!(plans(&world, &[by_waybill])[0].place, Some(CashPlace::Counted));
}
