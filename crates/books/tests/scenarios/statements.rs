//! Files of networks and wallets, and bank statements: each line is matched, expected or a break,
//! and each movement of a bank account is shown once (M15).

use books::chart::AccountKind as A;
use books::reconciliation_view::{BankReconciliationView, FileSum, FileSums};
use books::view::PaymentState as T;
use books::*;
use money::{Amount, Currency, SignedAmount};

use super::freight::terms_with_vat;
use super::snapshots::restored;
use crate::world::*;
use BankMovement as M;

const ACCOUNT: FileLane = FileLane::Bank(BANK);
const CLEARING: FileLane = FileLane::Network(NETWORK);
const INCOME: AdjustmentAccount = AdjustmentAccount::Own(OwnAccount::OtherIncome);
const TODAY: &str = "2013-08-28";
const FILE_1: BankMovement = M::ClearingFile { rail: RailId::Network(NETWORK), file: 1 };
/// What the network pays for a sale of 100.00: the tariff's fee is 0.63.
const NET: i64 = 9_937;

/// A file of one day whose content has that digest.
fn begin_of(lane: FileLane, file: u32, date: &str, lines: u32, total: i64) -> BeginFile {
    let opening = matches!(lane, FileLane::Bank(_)).then_some(SignedAmount::ZERO);
    let mut digest = [0; 32];
    digest[..4].copy_from_slice(&file.to_be_bytes());
    BeginFile {
        lane,
        file,
        digest: Sha256Digest(digest),
        form: "a profile".into(),
        from: day(date),
        until: day(date),
        lines,
        total: SignedAmount::of(total),
        opening,
    }
}

fn begin(lane: FileLane, file: u32, lines: u32, total: i64) -> Command {
    Command::BeginFile(begin_of(lane, file, TODAY, lines, total))
}

fn statement_after(opening: i64, file: u32, date: &str, lines: u32, total: i64) -> Command {
    let opening = Some(SignedAmount::of(opening));
    Command::BeginFile(BeginFile { opening, ..begin_of(ACCOUNT, file, date, lines, total) })
}

fn end(lane: FileLane, file: u32) -> Command {
    Command::EndFile(EndFile { lane, file, digest: Sha256Digest([7; 32]) })
}

fn parts_of(parts: &[(BankMovement, i64)]) -> Vec<EntryPart> {
    let part = |&(movement, amount)| EntryPart { movement, amount: SignedAmount::of(amount) };
    parts.iter().map(part).collect()
}

/// An entry of a statement of today. What its parts do not explain is a break.
fn entry_of(file: u32, line: u32, amount: i64, parts: &[(BankMovement, i64)]) -> TakeEntry {
    TakeEntry {
        bank: BANK,
        firm: None,
        file,
        line,
        booked: day(TODAY),
        amount: SignedAmount::of(amount),
        parts: parts_of(parts),
        expected_until: None,
        found: None,
    }
}

fn entry(line: u32, amount: i64, parts: &[(BankMovement, i64)]) -> Command {
    Command::TakeEntry(entry_of(1, line, amount, parts))
}

/// An entry whose cause is awaited.
fn awaited(line: u32, amount: i64, until: &str) -> Command {
    let expected_until = Some(day(until));
    Command::TakeEntry(TakeEntry { expected_until, ..entry_of(1, line, amount, &[]) })
}

fn decide(line: u32, parts: &[(BankMovement, i64)], until: Option<&str>) -> Command {
    let (bank, file, parts, expected_until) = (BANK, 1, parts_of(parts), until.map(day));
    let firm = None;
    Command::MatchEntry(MatchEntry { bank, firm, file, line, parts, expected_until, found: None })
}

/// The line of a file that was begun.
fn line_in(file: u32, line: u32, command: Command) -> Command {
    let Command::ClearLine(one) = command else { panic!("no line: {command:?}") };
    Command::ClearLine(ClearLine { file, line, ..one })
}

/// What no statement shows.
fn open(world: &World) -> Vec<(BankMovement, i128)> {
    world.engine.open_movements(BANK).map(|one| (one.movement, one.amount)).collect()
}

/// What is awaited of which entries.
fn expected(world: &World) -> Vec<(u32, i128)> {
    world.engine.expected_entries(BANK).map(|one| (one.line, one.amount)).collect()
}

fn account(world: &World) -> BankReconciliationView {
    world.engine.bank_reconciliations().find(|one| one.bank == BANK).unwrap()
}

/// Matched, expected and breaks of a file: lines and amount.
fn sums(world: &World, lane: FileLane, file: u32) -> [(u32, i128); 3] {
    let mut files = world.engine.files_of(lane);
    let FileSums { matched, expected, breaks } =
        files.find(|one| one.begun.file == file).unwrap().sums;
    [matched, expected, breaks].map(|FileSum { lines, amount }| (lines, amount))
}

/// The open breaks, with whether something was found or is missing.
fn breaks(world: &World) -> Vec<(BreakSubject, BreakSide, u64)> {
    let open = world.engine.open_breaks().into_iter();
    open.map(|one| (one.subject, one.side, one.amount.minor())).collect()
}

fn missing(what: MissingRecord) -> Refusal {
    Refusal::NotFound(what)
}

fn open_with(minor: i64) -> Refusal {
    Refusal::MovementAmount(SignedAmount::of(minor))
}

/// An approved card payment of 100.00.
fn by_card(world: &mut World, order: &str) -> PaymentId {
    world.parcel(order, 10_000).dispatch().card(10_000).approve().last_payment()
}

/// A payment that its network has paid.
fn cleared(world: &mut World, order: &str) -> PaymentId {
    world.parcel(order, 10_000).dispatch().card(10_000).approve().clear().last_payment()
}

/// Cash of 100.00 and 50.00 that was counted at the firm.
fn counted_cash() -> (World, [PaymentId; 2]) {
    let mut world = World::open();
    let first = world.parcel("o-1", 10_000).dispatch().cash(10_000).last_payment();
    let second = world.parcel("o-2", 5_000).dispatch().cash(5_000).last_payment();
    world.must(start_hand_over(1)).must(count(1, 15_000));
    (world, [first, second])
}

/// Two sales in one clearing file that was begun and ended.
fn two_sales_cleared(world: &mut World) {
    let payments = ["o-1", "o-2"].map(|order| by_card(world, order));
    world.must(begin(CLEARING, 1, 2, 2 * NET));
    for payment in payments {
        world.must(clear(payment, 10_000, 63));
    }
    world.must(end(CLEARING, 1));
    assert_eq!(sums(world, CLEARING, 1), [(2, 2 * i128::from(NET)), (0, 0), (0, 0)]);
}

#[test]
fn a_credit_confirms_a_deposit() {
    let (mut world, payments) = counted_cash();
    world.must(deposit(1, 15_000)).must(begin(ACCOUNT, 1, 1, 12_000));
    assert_eq!(open(&world), [], "an announced deposit moves nothing");
    let parts = [(M::Deposit(DepositId(1)), 12_000)];
    world.must(entry(1, 12_000, &parts)).repeated(entry(1, 12_000, &parts));
    let states = payments.map(|payment| world.payment(payment).state);
    assert_eq!(states, [T::Released, T::Approved], "the bank has the first one's notes");
    assert_eq!((world.sum(A::Bank), world.sum(A::FirmCash)), (12_000, 3_000));
    assert_eq!(open(&world), []);
    world.repeated(confirm_deposit(1, 12_000)).must(end(ACCOUNT, 1));
    assert_eq!(sums(&world, ACCOUNT, 1), [(1, 12_000), (0, 0), (0, 0)]);
    let view = account(&world);
    assert_eq!((view.books, view.statement), (12_000, Some((12_000, day(TODAY)))));
}

#[test]
fn a_deposit_that_a_person_confirmed_is_shown_afterwards() {
    let (mut world, _) = counted_cash();
    world.must(deposit(1, 15_000)).must(confirm_deposit(1, 15_000));
    let of = M::Deposit(DepositId(1));
    assert_eq!(open(&world), [(of, 15_000)]);
    world.must(begin(ACCOUNT, 1, 2, 15_001));
    world.refused(entry(1, 15_001, &[(of, 15_001)]), open_with(15_000));
    world.refused(entry(1, 15_001, &[(of, -15_000)]), open_with(15_000));
    world.must(entry(1, 15_000, &[(of, 15_000)]));
    assert_eq!(open(&world), []);
    world.refused(entry(2, 1, &[(of, 1)]), missing(MissingRecord::Deposit(DepositId(1))));
}

#[test]
fn a_deposit_is_credited_at_most_as_announced_and_in_its_own_account() {
    let (mut world, _) = counted_cash();
    let other = BankId(2);
    world.must(Command::RegisterBank(RegisterBank {
        bank: other,
        currency: Currency::CNY,
        reference: "bank 2".into(),
    }));
    world.must(deposit(1, 15_000)).must(begin(ACCOUNT, 1, 1, 15_001));
    world.must(Command::BeginFile(begin_of(FileLane::Bank(other), 1, TODAY, 1, 15_000)));
    let parts = [(M::Deposit(DepositId(1)), 15_001)];
    world.refused(entry(1, 15_001, &parts), open_with(15_000));
    let parts = [(M::Deposit(DepositId(1)), 15_000)];
    let elsewhere = TakeEntry { bank: other, ..entry_of(1, 1, 15_000, &parts) };
    world.refused(Command::TakeEntry(elsewhere), Refusal::OtherBankAccount);
    // The bank found one fen more than was announced.
    world.must(entry(1, 15_001, &parts));
    assert_eq!(breaks(&world), [(BreakSubject::Bank(BANK), BreakSide::Excess, 1)]);
    let own = world.engine.open_breaks()[0].owner;
    assert_eq!(own, PersonId(0), "nobody's");
}

#[test]
fn the_credit_of_a_clearing_file_shows_all_of_its_lines() {
    let mut world = World::open();
    two_sales_cleared(&mut world);
    assert_eq!(open(&world), [(FILE_1, 2 * i128::from(NET))]);
    world.must(begin(ACCOUNT, 1, 1, 2 * NET)).must(entry(1, 2 * NET, &[(FILE_1, 2 * NET)]));
    assert_eq!((open(&world), breaks(&world)), (vec![], vec![]));
    let more = Refusal::FileHasAllLines(1);
    world.refused(entry(2, 1, &[]), more).must(end(ACCOUNT, 1)).repeated(end(ACCOUNT, 1));
    let other = Command::EndFile(EndFile { lane: ACCOUNT, file: 1, digest: Sha256Digest([8; 32]) });
    world.refused(other, Refusal::OtherContent);
}

#[test]
fn two_credits_of_two_days_show_one_clearing_file() {
    let mut world = World::open();
    two_sales_cleared(&mut world);
    world.must(begin(ACCOUNT, 1, 1, 10_000)).must(entry(1, 10_000, &[(FILE_1, 10_000)]));
    world.must(end(ACCOUNT, 1)).on("2013-08-29");
    let rest = 2 * NET - 10_000;
    assert_eq!(open(&world), [(FILE_1, rest.into())]);
    assert_eq!(world.engine.open_movements(BANK).next().unwrap().since, day(TODAY));
    world.must(statement_after(10_000, 2, "2013-08-29", 1, rest));
    let late = |amount| TakeEntry {
        booked: day("2013-08-29"),
        ..entry_of(2, 1, amount, &[(FILE_1, amount)])
    };
    world.refused(Command::TakeEntry(late(rest + 1)), open_with(rest));
    world.must(Command::TakeEntry(late(rest))).must(end(ACCOUNT, 2));
    assert_eq!(open(&world), []);
    let view = account(&world);
    assert_eq!((view.books, view.not_on_statement, view.expected), (2 * i128::from(NET), 0, 0));
}

#[test]
fn what_a_credit_lacks_of_a_clearing_file_is_a_break() {
    let mut world = World::open();
    two_sales_cleared(&mut world);
    let credit = 2 * NET - 4;
    world.must(begin(ACCOUNT, 1, 1, credit)).must(entry(1, credit, &[(FILE_1, 2 * NET)]));
    assert_eq!(breaks(&world), [(BreakSubject::Bank(BANK), BreakSide::Shortfall, 4)]);
    assert_eq!((world.sum(A::Bank), world.sum(A::Suspense)), (credit.into(), 4));
    world.must(end(ACCOUNT, 1));
    assert_eq!(sums(&world, ACCOUNT, 1), [(0, 2 * i128::from(NET)), (0, 0), (1, -4)]);
}

#[test]
fn a_payouts_debit_confirms_it_and_its_credit_brings_it_back() {
    let mut world = World::open();
    cleared(&mut world, "o-1");
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1));
    let (paid, back) = (M::Payout(PayoutId(1)), M::ReturnedPayout(PayoutId(1)));
    world.must(begin(ACCOUNT, 1, 3, NET));
    world.must(entry(1, NET, &[(FILE_1, NET)]));
    let gone = missing(MissingRecord::Payout(PayoutId(1)));
    world.refused(entry(2, 9_922, &[(back, 9_922)]), gone.clone());
    world.refused(entry(2, -9_921, &[(paid, -9_921)]), open_with(-9_922));
    // Not even in the entry that shows it leaving.
    world.refused(entry(2, 1, &[(paid, -9_922), (back, 9_922)]), gone.clone());
    world.must(entry(2, -9_922, &[(paid, -9_922)]));
    assert_eq!((world.sum(A::PayoutInFlight), world.sum(A::Bank)), (0, 15));
    world.repeated(confirm_payout(1)).refused(entry(3, -1, &[(paid, -1)]), gone);
    world.must(entry(3, 9_922, &[(back, 9_922)])).repeated(return_payout(1));
    assert_eq!((world.sum(A::SellerPayable), world.sum(A::Bank)), (9_922, NET.into()));
    world.must(end(ACCOUNT, 1));
    assert_eq!((open(&world), breaks(&world)), (vec![], vec![]));
}

#[test]
fn a_payout_comes_back_in_a_statement_as_late_as_it_can_by_a_command() {
    let mut world = World::open();
    cleared(&mut world, "o-1");
    world.must(plan(1, ANNA)).must(approve_plan(1, BO)).must(execute(1)).must(confirm_payout(1));
    world.on("2013-09-12");
    world.must(statement_after(0, 1, TODAY, 1, 9_922));
    let back = M::ReturnedPayout(PayoutId(1));
    let gone = missing(MissingRecord::Payout(PayoutId(1)));
    world.refused(entry(1, 9_922, &[(back, 9_922)]), gone);
    world.on("2013-09-12").must(awaited(1, 9_922, "2013-09-12")).must(end(ACCOUNT, 1));
    assert_eq!(expected(&world), [(1, 9_922)]);
}

#[test]
fn an_unknown_credit_is_a_break_that_two_people_match_with_a_file_taken_later() {
    let mut world = World::open();
    world.must(begin(ACCOUNT, 1, 1, 2 * NET)).must(entry(1, 2 * NET, &[])).must(end(ACCOUNT, 1));
    let id = world.engine.open_breaks()[0].id;
    assert!(id >= FIRST_AUTOMATIC_BREAK && world.engine.break_evidence(id).is_none());
    assert_eq!((world.sum(A::Bank), world.sum(A::Suspense)), (2 * i128::from(NET), -2 * 9_937));
    let it = BreakResolution::ToMovement(FILE_1);
    world.refused(propose_resolution(id, it, ANNA), missing(MissingRecord::BankMovement));
    two_sales_cleared(&mut world);
    assert_eq!(world.sum(A::Bank), 4 * i128::from(NET), "twice until somebody decides");
    let part = 5_000;
    world.must(part_of(propose_resolution(id, it, ANNA), 1, part));
    world.refused(part_of(approve_resolution(id, it, ANNA), 1, part), Refusal::SamePerson);
    world.must(part_of(approve_resolution(id, it, BO), 1, part));
    assert_eq!(open(&world), [(FILE_1, 2 * i128::from(NET) - 5_000)]);
    let rest = 2 * u64::try_from(NET).unwrap() - part;
    world.must(part_of(propose_resolution(id, it, ANNA), 2, rest));
    world.must(part_of(approve_resolution(id, it, BO), 2, rest));
    assert_eq!((open(&world), breaks(&world)), (vec![], vec![]));
    assert_eq!((world.sum(A::Bank), world.sum(A::Suspense)), (2 * i128::from(NET), 0));
}

#[test]
fn only_a_break_that_an_entry_raised_is_matched_with_a_movement_of_its_side() {
    let mut world = World::open();
    world.must(begin(ACCOUNT, 1, 2, -200)).must(entry(1, -300, &[])).must(entry(2, 100, &[]));
    let [debit, credit] = [0, 1].map(|place| world.engine.open_breaks()[place].id);
    world.must(adjust(1, AdjustmentAccount::Bank(BANK), INCOME, 100, TODAY));
    world.must(raise_break(5, BreakSubject::Bank(BANK), BreakSide::Excess, 100));
    let found = BreakResolution::ToMovement(M::Adjustment(1));
    world.refused(propose_resolution(debit, found, ANNA), open_with(100));
    world.refused(propose_resolution(BreakId(5), found, ANNA), Refusal::PlanState);
    world.must(raise_break(6, BreakSubject::Network(NETWORK), BreakSide::Excess, 100));
    world.refused(propose_resolution(BreakId(6), found, ANNA), Refusal::PlanState);
    world.must(propose_resolution(credit, found, ANNA));
    // Somebody else's entry has shown it since.
    let other = BreakResolution::ToMovement(M::Break(BreakId(5)));
    world.must(propose_resolution(credit, other, BO)).must(withdraw_break(5, [BO, CASHIER]));
    let gone = missing(MissingRecord::BankMovement);
    world.refused(approve_resolution(credit, other, CASHIER), gone);
    world.must(propose_resolution(credit, found, ANNA));
    world.must(approve_resolution(credit, found, CASHIER));
    assert_eq!(open(&world), []);
    world.refused(withdraw_break(debit.0, [ANNA, BO]), Refusal::PlanState);
}

#[test]
fn an_expected_entry_is_decided_when_its_cause_is_known() {
    let mut world = World::open();
    world.must(begin(ACCOUNT, 1, 2, NET + 70)).must(awaited(1, NET, "2013-08-29"));
    world.must(awaited(2, 70, TODAY)).must(end(ACCOUNT, 1));
    assert_eq!(expected(&world), [(1, NET.into()), (2, 70)]);
    assert_eq!((world.sum(A::Bank), breaks(&world)), (0, vec![]), "nothing is posted");
    assert_eq!(sums(&world, ACCOUNT, 1), [(0, 0), (2, i128::from(NET) + 70), (0, 0)]);
    world.on("2013-08-29");
    world.repeated(decide(2, &[], Some(TODAY)));
    world.refused(decide(1, &[], Some(TODAY)), bad_date(TODAY, "2013-08-29", ""));
    world.must(decide(2, &[], Some("2013-08-30")));
    cleared(&mut world, "o-1");
    world.must(decide(1, &[(FILE_1, 9_000)], Some("2013-08-30")));
    assert_eq!(expected(&world), [(1, 937), (2, 70)]);
    world.must(decide(1, &[(FILE_1, 937)], None));
    assert_eq!((open(&world), expected(&world)), (vec![], vec![(2, 70)]));
    world.refused(decide(1, &[], None), missing(MissingRecord::ExpectedEntry));
    world.must(decide(2, &[], None));
    assert_eq!(breaks(&world), [(BreakSubject::Bank(BANK), BreakSide::Excess, 70)]);
    assert_eq!(sums(&world, ACCOUNT, 1), [(1, NET.into()), (0, 0), (1, 70)]);
    assert_eq!((account(&world).books, account(&world).expected), (i128::from(NET) + 70, 0));
}

#[test]
fn statements_follow_each_other_without_gap_overlap_or_repeat() {
    let mut world = World::open();
    world.must(statement_after(500, 1, "2013-08-27", 1, 70));
    let first = TakeEntry { booked: day("2013-08-27"), ..entry_of(1, 1, 70, &[]) };
    let open_one = Refusal::FileNotEnded(1);
    world.refused(statement_after(570, 2, TODAY, 0, 0), open_one);
    world.must(Command::TakeEntry(first.clone())).must(end(ACCOUNT, 1));
    world.repeated(statement_after(500, 1, "2013-08-27", 1, 70));
    world.refused(statement_after(500, 1, "2013-08-27", 1, 71), Refusal::NumberUsed(1));
    world.refused(statement_after(570, 3, TODAY, 0, 0), Refusal::WrongSequenceNumber(2));
    let gap = Refusal::StatementGap(SignedAmount::of(570));
    world.refused(statement_after(500, 2, TODAY, 0, 0), gap);
    let early = bad_date("2013-08-26", "2013-08-27", "");
    world.refused(statement_after(570, 2, "2013-08-26", 0, 0), early);
    let Command::BeginFile(next) = statement_after(570, 2, TODAY, 0, 0) else { unreachable!() };
    let again = BeginFile { digest: begin_of(ACCOUNT, 1, TODAY, 0, 0).digest, ..next.clone() };
    world.refused(Command::BeginFile(again), Refusal::FileTakenBefore(1));
    let without = BeginFile { opening: None, ..next.clone() };
    world.refused(Command::BeginFile(without), Refusal::OpeningBalanceOfFile);
    let until = day("2013-08-29");
    let tomorrows = BeginFile { until, ..next.clone() };
    let to_come = bad_date("2013-08-29", TODAY, TODAY);
    world.refused(Command::BeginFile(tomorrows), to_come);
    world.must(Command::BeginFile(BeginFile { from: day("2013-08-27"), ..next }));
    // The last lines are remembered until others come.
    world.repeated(Command::TakeEntry(first)).must(end(ACCOUNT, 2));
    assert_eq!(account(&world).opening, Some(SignedAmount::of(500)));
}

#[test]
fn a_day_without_entries_is_a_statement_and_the_next_one_goes_on() {
    let mut world = World::open();
    let payment = by_card(&mut world, "o-1");
    world.must(begin(ACCOUNT, 1, 0, 0)).must(end(ACCOUNT, 1));
    world.must(begin(CLEARING, 1, 0, 0)).must(end(CLEARING, 1));
    let in_an_empty_file = line_in(1, 1, world.numbered(clear(payment, 10_000, 63)));
    world.refused(in_an_empty_file, Refusal::FileHasAllLines(0));
    world.must(begin(ACCOUNT, 2, 1, 5)).must(begin(CLEARING, 2, 1, NET));
    world.must(Command::TakeEntry(entry_of(2, 1, 5, &[]))).must(end(ACCOUNT, 2));
    let line = line_in(2, 1, world.numbered(clear(payment, 10_000, 63)));
    world.must(line).must(end(CLEARING, 2));
    assert_eq!(world.engine.next_file(CLEARING), Some(3));
}

#[test]
fn a_file_has_the_lines_that_it_says_and_adds_up_to_its_total() {
    let mut world = World::open();
    let payments = ["o-1", "o-2", "o-3"].map(|order| by_card(&mut world, order));
    let lines = [0, 1, 2].map(|place| world.numbered(clear(payments[place], 10_000, 63)));
    let line = |file, number, place: usize| line_in(file, number, lines[place].clone());
    world.refused(end(CLEARING, 1), missing(MissingRecord::File(1)));
    world.must(begin(CLEARING, 1, 2, 2 * NET - 1));
    world.refused(end(CLEARING, 1), Refusal::FileLinesMissing(0));
    world.must(line(1, 1, 0)).refused(end(CLEARING, 1), Refusal::FileLinesMissing(1));
    world.refused(line(2, 1, 1), Refusal::FileNotEnded(1));
    world.must(line(1, 2, 1)).refused(line(1, 3, 2), Refusal::FileHasAllLines(2));
    world.refused(end(CLEARING, 1), Refusal::FileTotal(SignedAmount::of(2 * NET)));
    world.refused(begin(CLEARING, 2, 0, 0), Refusal::FileNotEnded(1));
    let nobody = FileLane::Wallet(WalletId(9));
    world.refused(begin(nobody, 1, 0, 0), missing(MissingRecord::Wallet(WalletId(9))));
    world.refused(end(nobody, 1), missing(MissingRecord::Wallet(WalletId(9))));
    let many = Command::BeginFile(BeginFile {
        lines: LINES_PER_FILE_MAX + 1,
        ..begin_of(FileLane::Wallet(WALLET), 1, TODAY, 0, 0)
    });
    world.refused(many, Refusal::OutOfRange(LINES_PER_FILE_MAX));
}

#[test]
fn lines_of_a_file_that_was_not_begun_are_taken_as_before() {
    let mut world = World::open();
    let payments = ["o-1", "o-2", "o-3"].map(|order| by_card(&mut world, order));
    world.must(clear(payments[0], 10_000, 63)).must(clear(payments[1], 10_000, 63));
    assert_eq!(world.engine.files_of(CLEARING).count(), 0);
    world.refused(begin(CLEARING, 1, 0, 0), Refusal::NumberForgotten(1));
    world.must(begin(CLEARING, 2, 1, NET));
    let third = line_in(2, 1, world.numbered(clear(payments[2], 10_000, 63)));
    let in_the_first = line_in(1, 3, third.clone());
    world.refused(in_the_first, Refusal::WrongSequenceNumber(3));
    world.must(third).must(end(CLEARING, 2));
    let by_file = |file| M::ClearingFile { rail: RailId::Network(NETWORK), file };
    let net = i128::from(NET);
    assert_eq!(open(&world), [(by_file(1), 2 * net), (by_file(2), net)]);
    world.must(line_in(3, 1, line_of(ClearLineKind::FeeCorrection, None, 0, 0)));
}

#[test]
fn a_clearing_line_with_breaks_is_a_break_also_if_they_cancel_out() {
    let mut world = World::open();
    let payments = ["o-1", "o-2", "o-3"].map(|order| by_card(&mut world, order));
    world.must(begin(CLEARING, 1, 3, 3 * NET - 50));
    world.must(clear(payments[0], 10_000, 63)).must(clear(payments[1], 9_950, 63));
    // 0.30 too much paid, and 0.30 too much kept.
    world.must(clear(payments[2], 10_030, 93)).must(end(CLEARING, 1));
    let net = i128::from(NET);
    assert_eq!(sums(&world, CLEARING, 1), [(1, 3 * net), (0, 0), (2, -50)]);
    let &[Event::FileEnded { matched, breaks, .. }] = world.events() else { panic!("ended") };
    assert_eq!((matched.minor(), breaks.minor()), (3 * NET, -50));
}

#[test]
fn an_entry_is_of_its_statement_and_names_each_movement_once_in_order() {
    let mut world = World::open();
    two_sales_cleared(&mut world);
    world.must(adjust(1, AdjustmentAccount::Bank(BANK), INCOME, 100, TODAY));
    world.refused(entry(1, 100, &[]), missing(MissingRecord::File(1)));
    world.must(begin(ACCOUNT, 1, 1, 100));
    let found = M::Adjustment(1);
    let order = Refusal::EntryPartsNotInOrder;
    world.refused(entry(1, 100, &[(found, 50), (FILE_1, 50)]), order.clone());
    world.refused(entry(1, 100, &[(found, 50), (found, 50)]), order);
    world.refused(entry(1, 100, &[(found, 0)]), Refusal::AmountZero);
    world.refused(entry(1, 0, &[]), Refusal::AmountZero);
    world.refused(entry(2, 100, &[]), Refusal::WrongSequenceNumber(1));
    let early = TakeEntry { booked: day("2013-08-27"), ..entry_of(1, 1, 100, &[]) };
    world.refused(Command::TakeEntry(early), bad_date("2013-08-27", TODAY, TODAY));
    let nowhere = TakeEntry { bank: BankId(9), ..entry_of(1, 1, 100, &[]) };
    world.refused(Command::TakeEntry(nowhere), missing(MissingRecord::Bank(BankId(9))));
    world.must(entry(1, 100, &[(FILE_1, 60), (found, 40)]));
    world.refused(entry(1, 101, &[]), Refusal::NumberUsed(1));
    assert_eq!(open(&world), [(FILE_1, 2 * i128::from(NET) - 60), (found, 60)]);
}

#[test]
fn whatever_the_books_pay_or_get_is_shown_once() {
    let terms = terms_with_vat(0);
    let mut world = World::set(Setup { terms, ..Setup::default() });
    world.parcel("o-1", 10_000).dispatch().cash(10_000);
    world.must(start_hand_over(1)).must(count(1, 10_000)).must(deposit(1, 10_000));
    world.must(confirm_deposit(1, 10_000)).must(pay_commission(1, 100));
    world.must(pay_tax(1, Tax::Vat, 18));
    let refunded = cleared(&mut world, "o-2");
    world.must(refund(refunded, 1, 300)).must(confirm_refund(refunded, 1, 300));
    world.parcel_of(OTHER_SELLER, "o-3", 500).dispatch().refuse().return_to_seller();
    world.must(invoice(OTHER_SELLER, 1, 400)).must(pay_invoice(OTHER_SELLER, 1, 1, 250));
    world.must(adjust(1, AdjustmentAccount::Bank(BANK), INCOME, 100, TODAY));
    let (payment, seller) = (refunded, OTHER_SELLER);
    let of_invoice = |number| {
        let (currency, invoice) = (Currency::CNY, 1);
        M::InvoicePayment { seller, currency, invoice, number }
    };
    let moved = [
        (FILE_1, NET.into()),
        (M::Deposit(DepositId(1)), 10_000),
        (M::Refund { payment, number: 1 }, -300),
        (M::Commission { firm: FIRM, number: 1 }, -100),
        (M::Tax(1), -18),
        (of_invoice(1), 250),
        (M::Adjustment(1), 100),
    ];
    assert_eq!(open(&world), moved);
    let total = moved.iter().map(|(_, amount)| amount).sum::<i128>();
    assert_eq!(world.sum(A::Bank), total);
    let (total, lines) = (i64::try_from(total).unwrap(), u32::try_from(moved.len()).unwrap());
    world.must(begin(ACCOUNT, 1, lines, total));
    for (number, (movement, amount)) in (1..).zip(moved) {
        let amount = i64::try_from(amount).unwrap();
        let parts = [(movement, amount)];
        world.refused(entry(number, -amount, &[(movement, -amount)]), open_with(amount));
        world.must(entry(number, amount, &parts));
    }
    world.must(end(ACCOUNT, 1));
    assert_eq!((open(&world), breaks(&world)), (vec![], vec![]));
    let view = account(&world);
    assert_eq!(Some(view.books), view.statement.map(|(closing, _)| closing));
}

#[test]
fn what_a_person_raised_or_closed_in_the_account_is_shown_by_an_entry() {
    let mut world = World::open();
    world.must(raise_break(1, BreakSubject::Bank(BANK), BreakSide::Excess, 500));
    world.must(raise_break(2, BreakSubject::Network(NETWORK), BreakSide::Excess, 80));
    let (raised, back) = (M::Break(BreakId(1)), M::BreakClosed(BreakId(2)));
    let through = BreakResolution::ThroughBank(BANK);
    world.must(propose_resolution(BreakId(2), through, ANNA));
    world.must(approve_resolution(BreakId(2), through, BO));
    assert_eq!(open(&world), [(raised, 500), (back, -80)]);
    world.must(begin(ACCOUNT, 1, 2, 420)).must(entry(1, 500, &[(raised, 500)]));
    assert_eq!(breaks(&world).len(), 1, "it is a break until two people close it");
    world.must(entry(2, -80, &[(back, -80)])).must(end(ACCOUNT, 1));
    assert_eq!(open(&world), []);
    // Whoever withdraws it says that the account must give it back.
    world.must(withdraw_break(1, [BO, CASHIER]));
    assert_eq!((open(&world), world.sum(A::Bank)), (vec![(raised, -500)], -80));
}

#[test]
fn a_break_that_is_elsewhere_leaves_the_account_before_a_statement_shows_it() {
    let mut world = World::open();
    world.must(raise_break(1, BreakSubject::Bank(BANK), BreakSide::Excess, 500));
    let there = BreakSubject::Network(NETWORK);
    world.must(reclassify_break(1, 1, there, [BO, CASHIER]));
    assert_eq!((open(&world), world.sum(A::Bank)), (vec![], 0));
}

#[test]
fn files_and_statements_are_in_snapshots() {
    let mut world = World::open();
    two_sales_cleared(&mut world);
    world.must(begin(CLEARING, 2, 1, 5)).must(begin(ACCOUNT, 1, 3, NET));
    world.must(entry(1, NET, &[(FILE_1, NET)])).must(awaited(2, 90, "2013-09-03"));
    let mut other = restored(&world.engine);
    assert_eq!(other.digest(), world.engine.digest());
    world.repeated(awaited(2, 90, "2013-09-03")).on("2013-08-29");
    let mut outcome = CommandOutcome::default();
    for command in [
        decide(2, &[(FILE_1, 30)], None),
        entry(3, -90, &[]),
        end(ACCOUNT, 1),
        line_in(2, 1, line_of(ClearLineKind::FeeCorrection, None, 0, -5)),
        end(CLEARING, 2),
    ] {
        other.apply(&command, world.at, &mut outcome).unwrap();
        world.must(command);
        assert_eq!(outcome, world.outcome);
    }
    assert_eq!(other.digest(), world.engine.digest());
    assert_eq!(other.check(), Ok(()));
    let subject = BreakSubject::Bank(BANK);
    let rail = BreakSubject::Network(NETWORK);
    let found = [(subject, BreakSide::Excess, 60), (subject, BreakSide::Shortfall, 90)];
    assert_eq!(breaks(&world), [found[0], found[1], (rail, BreakSide::Excess, 5)]);
    assert_eq!(account(&world).books, 2 * i128::from(NET) + 60 - 90 + 5);
    let amount = Amount::of(60);
    assert_eq!(world.engine.open_breaks()[0].raised, amount);
}

const SHEETS: FileLane = FileLane::Firm(FIRM);

/// A line of the sheet of the firm.
fn row(line: u32, amount: i64, payments: &[(PaymentId, i64)], until: Option<&str>) -> Command {
    let parts: Vec<_> =
        payments.iter().map(|(id, amount)| (BankMovement::Collection(*id), *amount)).collect();
    let of_bank = entry_of(1, line, amount, &parts);
    let (firm, expected_until) = (Some(FIRM), until.map(day));
    Command::TakeEntry(TakeEntry { firm, expected_until, ..of_bank })
}

#[test]
fn a_line_of_a_sheet_shows_cash_once_and_posts_nothing() {
    let mut world = World::open();
    let cash = world.parcel("o-1", 30_000).dispatch().cash(30_000).last_payment();
    let card = world.parcel("o-2", 10_000).dispatch().card(10_000).approve().last_payment();
    let posted = format!("{:?}", world.engine.totals());
    world.must(begin(SHEETS, 1, 4, 80_000));
    let missing = missing(MissingRecord::BankMovement);
    world.refused(row(1, 10_000, &[(card, 10_000)], None), missing.clone());
    let amount = Refusal::MovementAmount(SignedAmount::of(30_000));
    world.refused(row(1, 29_000, &[(cash, 29_000)], None), amount);
    world.must(row(1, 30_000, &[(cash, 30_000)], None));
    world.repeated(row(1, 30_000, &[(cash, 30_000)], None));
    world.refused(row(2, 30_000, &[(cash, 30_000)], None), missing);
    world.must(row(2, 30_000, &[], None)).must(row(3, 15_000, &[], Some("2013-08-30")));
    world.must(row(4, 5_000, &[], Some("2013-08-30"))).must(end(SHEETS, 1));
    assert_eq!(sums(&world, SHEETS, 1), [(1, 30_000), (2, 20_000), (1, 30_000)]);
    assert!(world.engine.open_breaks().is_empty(), "a sheet raises no break of the books");
    assert_eq!(format!("{:?}", world.engine.totals()), posted, "and posts nothing");
    let open: Vec<_> = world.engine.open_sheet_lines(FIRM).map(|one| one.line).collect();
    assert_eq!(open, [2, 3, 4]);
    // The awaited cash comes, a line is given up, and a person looks at both breaks.
    let late = world.parcel("o-3", 15_000).dispatch().cash(15_000).last_payment();
    let decide = |line, payments: &[(PaymentId, i64)]| {
        let Command::TakeEntry(one) = row(line, 1, payments, None) else { unreachable!() };
        let TakeEntry { bank, firm, file, parts, .. } = one;
        let (expected_until, found) = (None, None);
        Command::MatchEntry(MatchEntry { bank, firm, file, line, parts, expected_until, found })
    };
    world.must(decide(3, &[(late, 15_000)])).must(decide(4, &[]));
    assert_eq!(sums(&world, SHEETS, 1), [(2, 45_000), (0, 0), (2, 35_000)]);
    world.must(decide(2, &[])).must(decide(4, &[]));
    assert_eq!(world.engine.open_sheet_lines(FIRM).count(), 0);
    assert_eq!(sums(&world, SHEETS, 1), [(2, 45_000), (0, 0), (2, 35_000)], "as it was found");
    assert!(world.engine.is_on_sheet(cash) && world.engine.is_on_sheet(late));
}
