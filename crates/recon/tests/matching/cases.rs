//! Single cases, each with what it must explain.

use recon::matching::outcome::{ItemStatus, ReconBreakKind, SuggestedPosting, WhyNot};
use recon::matching::{
    CarryForward, LaneItem, LaneItemId, LaneItemKind, MatchDecision, MatchInputError, MatchInputs,
    MatchKeyKind, MatchPolicy, MatchRule, Reconciliation, SeenFile, reconcile,
};

use crate::world::{BANK, FIRST_DAY, ledger_item, line_of};

fn reconciled(items: &[LaneItem]) -> Reconciliation {
    try_run(items, &[]).unwrap()
}

fn try_run(
    items: &[LaneItem],
    decisions: &[MatchDecision],
) -> Result<Reconciliation, MatchInputError> {
    let policy = MatchPolicy::default();
    let lane = recon::matching::Lane::Bank;
    let until = FIRST_DAY.plus_days(30);
    let files = [SeenFile { lane, party: BANK, file: 1, from: FIRST_DAY, until }];
    let carried = CarryForward::default();
    let today = FIRST_DAY.plus_days(9);
    reconcile(&MatchInputs {
        items,
        files: &files,
        carried: &carried,
        decisions,
        policy: &policy,
        today,
    })
}

fn kind_of(result: &Reconciliation, id: LaneItemId) -> ReconBreakKind {
    match result.explain(id).unwrap().status {
        ItemStatus::Broken(found) => found.kind,
        other => panic!("{other:?}"),
    }
}

fn deposit(line: u64, amount: i64) -> LaneItem {
    let item = ledger_item(2, line, LaneItemKind::CashDeposit, amount);
    item.with_key(MatchKeyKind::Counterparty, "firm 3")
}

#[test]
fn short_cash_is_the_firms() {
    let item = deposit(1, 50_000).with_key(MatchKeyKind::DepositId, "D1");
    let mut line = line_of(&item, 1, 1);
    line.amount = 49_900;
    let result = reconciled(&[item, line]);
    let [found] = result.breaks() else { panic!() };
    assert_eq!((found.kind, found.difference), (ReconBreakKind::ShortCash, -100));
    assert_eq!(found.posting, SuggestedPosting::ToFirm(item.id));
}

#[test]
fn a_missing_file_is_not_a_late_item() {
    let sale = ledger_item(1, 1, LaneItemKind::Sale, 100).with_key(MatchKeyKind::Rrn, "R1");
    let result = reconciled(&[sale]);
    assert_eq!(kind_of(&result, sale.id), ReconBreakKind::MissingFile);
    assert_eq!(result.breaks()[0].posting, SuggestedPosting::AskSender);
}

#[test]
fn two_items_with_one_key_and_one_amount_are_left_to_people() {
    let first = ledger_item(1, 1, LaneItemKind::Sale, 100).with_key(MatchKeyKind::Rrn, "R1");
    let second = LaneItem { id: LaneItemId { line: 2, ..first.id }, ..first };
    let line = line_of(&first, 1, 1);
    let result = reconciled(&[first, second, line]);
    assert_eq!(kind_of(&result, line.id), ReconBreakKind::Ambiguous);
    let considered = result.explain(line.id).unwrap().considered;
    assert!(considered.iter().all(|one| one.why_not == WhyNot::NotUnique));
    assert_eq!(considered.len(), 2);

    let decided = MatchDecision::Match { stated: vec![line.id], due: vec![second.id] };
    let result = try_run(&[first, second, line], &[decided]).unwrap();
    let explained = result.explain(second.id).unwrap();
    assert_eq!(explained.rule, Some(MatchRule::Decided));
    assert_eq!(kind_of(&result, first.id), ReconBreakKind::MissingFile);
}

#[test]
fn a_chargeback_of_a_matched_sale_is_unannounced_and_no_duplicate() {
    let sale = ledger_item(1, 1, LaneItemKind::Sale, 100).with_key(MatchKeyKind::Rrn, "R1");
    let line = line_of(&sale, 1, 1);
    let mut back = line_of(&sale, 1, 2);
    (back.kind, back.amount) = (LaneItemKind::Chargeback, -100);
    let result = reconciled(&[sale, line, back]);
    assert_eq!(kind_of(&result, back.id), ReconBreakKind::Unannounced);
    assert_eq!(result.breaks()[0].posting, SuggestedPosting::ToPayment(sale.id));
}

#[test]
fn a_fee_within_a_rounding_is_matched_until_the_day_is_beyond_its_bound() {
    let sales = |count: u64| {
        (1..=count).flat_map(|number| {
            let mut item = ledger_item(1, number, LaneItemKind::Sale, 10_000)
                .with_key(MatchKeyKind::Rrn, &format!("R{number}"));
            item.fee = Some(78);
            let mut line = line_of(&item, number % 3, number);
            line.fee = Some(79);
            [item, line]
        })
    };
    let result = reconciled(&sales(500).collect::<Vec<_>>());
    assert_eq!((result.matches().len(), result.breaks().len()), (500, 0));
    let found = result.matches()[0];
    assert_eq!(found.rule, MatchRule::FeeTolerance(MatchKeyKind::Rrn));
    let result = reconciled(&sales(501).collect::<Vec<_>>());
    assert_eq!((result.matches().len(), result.breaks().len()), (0, 501));
    assert_eq!(result.breaks()[0].kind, ReconBreakKind::Rounding);
}

#[test]
fn a_subset_is_matched_only_if_chance_cannot_explain_it() {
    let amounts = [1_234_567, 2_345_671, 3_456_789, 9_876_543];
    let items = amounts.into_iter().zip(1..).map(|(amount, line)| deposit(line, amount));
    let items: Vec<_> = items.collect();
    let mut line = line_of(&items[0], 1, 1);
    line.amount = amounts[0] + amounts[2];
    let result = reconciled(&[&items[..], &[line]].concat());
    let [found] = result.matches() else { panic!("{:?}", result.breaks()) };
    assert_eq!(found.rule, MatchRule::SubsetSum);
    assert_eq!(result.members(found.due), [items[0].id, items[2].id]);

    // Round amounts: many subsets have the sums that others have.
    let items: Vec<_> =
        (1..=6).map(|line| deposit(line, 10_000 * i64::try_from(line).unwrap())).collect();
    let mut line = line_of(&items[0], 1, 1);
    line.amount = 210_000;
    let result = reconciled(&[&items[..], &[line]].concat());
    assert_eq!(result.matches(), []);
    let [suggested] = result.suggestions() else { panic!("{:?}", result.suggestions()) };
    assert!(suggested.coincidences_millionths.unwrap() > 1_000);
}

#[test]
fn two_credits_that_need_the_same_deposit_are_both_left_to_people() {
    let amounts = [12_345_671, 23_456_719, 34_567_897];
    let items = amounts.into_iter().zip(1..).map(|(amount, line)| deposit(line, amount));
    let items: Vec<_> = items.collect();
    let mut one = line_of(&items[0], 1, 1);
    one.amount = amounts[0] + amounts[1];
    let mut other = line_of(&items[0], 1, 2);
    other.amount = amounts[1] + amounts[2];
    let result = reconciled(&[&items[..], &[one, other]].concat());
    assert_eq!(result.matches(), []);
    assert_eq!(result.suggestions().len(), 2);
}

#[test]
fn a_part_of_a_sum_is_awaited_until_the_rest_is_due() {
    let part = |line| {
        ledger_item(2, line, LaneItemKind::ClearingPayment, 40_000)
            .with_group(MatchKeyKind::ClearingDay, "unionpay/1")
    };
    let mut line = line_of(&part(1), 1, 1).with_group(MatchKeyKind::ClearingDay, "unionpay/1");
    line.amount = 30_000;
    let policy = MatchPolicy::default();
    let carried = CarryForward::default();
    for (day, broken) in [(1, 0), (2, 1)] {
        let result = reconcile(&MatchInputs {
            items: &[part(1), part(2), line],
            files: &[],
            carried: &carried,
            decisions: &[],
            policy: &policy,
            today: FIRST_DAY.plus_days(day),
        });
        let result = result.unwrap();
        assert_eq!(result.breaks().len(), broken);
        assert_eq!(result.awaited().len(), 3 - 3 * broken);
    }
}

#[test]
fn the_books_may_say_something_else_of_an_item_tomorrow_and_a_file_may_not() {
    let item = deposit(1, 500).with_key(MatchKeyKind::DepositId, "D1");
    let line = line_of(&deposit(2, 700).with_key(MatchKeyKind::DepositId, "D2"), 1, 1);
    let carried = CarryForward { items: vec![item, line], ..CarryForward::default() };
    let amended = LaneItem { amount: 600, ..item };
    let other_line = LaneItem { amount: 701, ..line };
    let policy = MatchPolicy::default();
    let run = |items: &[LaneItem]| {
        reconcile(&MatchInputs {
            items,
            files: &[],
            carried: &carried,
            decisions: &[],
            policy: &policy,
            today: FIRST_DAY,
        })
    };
    assert_eq!(run(&[amended]).unwrap().item(item.id), Some(&amended));
    assert_eq!(run(&[other_line]), Err(MatchInputError::TwoItems(line.id)));
}

#[test]
fn long_keys_match_only_if_every_character_is_the_same() {
    let text = "7".repeat(60);
    let item = deposit(1, 500).with_key(MatchKeyKind::EndToEndId, &text);
    let other = format!("{}8", &text[1..]);
    let line = line_of(&deposit(1, 500), 1, 1).with_key(MatchKeyKind::EndToEndId, &other);
    assert_eq!(reconciled(&[item, line]).matches().len(), 0);
    let line = line_of(&deposit(1, 500), 1, 1).with_key(MatchKeyKind::EndToEndId, &text);
    assert_eq!(reconciled(&[item, line]).matches().len(), 1);
}

#[test]
fn inputs_that_contradict_themselves_are_refused() {
    let item = deposit(1, 500);
    let other = LaneItem { amount: 501, ..item };
    assert_eq!(try_run(&[item, other], &[]), Err(MatchInputError::TwoItems(item.id)));
    let line = LaneItem { due: None, ..item };
    assert_eq!(try_run(&[line], &[]), Err(MatchInputError::NotDue(item.id)));
    let line = line_of(&item, 1, 1);
    let decisions = [
        MatchDecision::Match { stated: vec![line.id], due: vec![item.id] },
        MatchDecision::Break { items: vec![line.id], kind: ReconBreakKind::Duplicate },
    ];
    assert_eq!(try_run(&[item], &decisions), Err(MatchInputError::DecidedTwice(line.id)));
    let never = MatchDecision::Never { stated: line.id, due: item.id };
    let decisions = [decisions[0].clone(), never];
    assert_eq!(try_run(&[item], &decisions), Err(MatchInputError::DecidedTwice(line.id)));
}
