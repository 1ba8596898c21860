//! Lines and items with one key or group whose sums are the same: n to one, and n to m.

use super::exact::{Grouped, KeyGroup, bound_of, key_groups};
use super::items::LaneItemKind;
use super::outcome::{AwaitedReason, CONSIDERED_MAX, ReconBreakKind, SuggestedPosting, WhyNot};
use super::pool::{FoundBreak, FoundMatch, Pool, PoolPlace, narrowed};
use super::rules::{KeyRule, LanePolicy, MatchRule, ToleranceReason};

pub(super) fn match_keyed_sums(pool: &mut Pool<'_>, lane: &LanePolicy, rule: &KeyRule) {
    for group in key_groups(pool, lane, rule, Grouped::OpenSums) {
        let Some(group) = coherent(pool, group, rule) else { continue };
        let due_sum = pool.sum(&group.due);
        if pool.sum(&group.stated) == due_sum {
            take_sum(pool, MatchRule::KeyedSum(rule.kind), group.stated, group.due, None);
            continue;
        }
        // One line is the whole sum: the others are duplicates of it.
        let whole: Vec<PoolPlace> = group
            .stated
            .iter()
            .copied()
            .filter(|line| i128::from(pool.item(*line).amount) == due_sum)
            .collect();
        if let Some(first) = pool.first(&whole) {
            take_sum(pool, MatchRule::KeyedSum(rule.kind), vec![first], group.due, None);
            continue;
        }
        let difference = narrowed(pool.sum(&group.stated) - due_sum);
        if is_rounding(pool, lane, &group, difference) {
            let tolerated = Some((Some(ToleranceReason::Rounding), difference));
            let rule = MatchRule::SumTolerance(rule.kind);
            take_sum(pool, rule, group.stated, group.due, tolerated);
        }
    }
}

fn take_sum(
    pool: &mut Pool<'_>,
    rule: MatchRule,
    stated: Vec<PoolPlace>,
    due: Vec<PoolPlace>,
    tolerated: Option<(Option<ToleranceReason>, i64)>,
) {
    pool.take_match(FoundMatch { rule, stated, due, tolerated });
}

/// The lines and items of a group that can belong together, each with each. `None` if they do not.
fn coherent(pool: &mut Pool<'_>, group: KeyGroup, rule: &KeyRule) -> Option<KeyGroup> {
    if group.is_too_big() {
        pool.consider(group.stated[0], group.due[0], WhyNot::NotUnique);
        return None;
    }
    let fits = |line: PoolPlace, item: PoolPlace| pool.check_pair(line, item, rule.days_max);
    let fits_some = |line: &PoolPlace| group.due.iter().any(|item| fits(*line, *item).is_ok());
    let stated: Vec<_> = group.stated.iter().copied().filter(fits_some).collect();
    let fits_all = |item: &PoolPlace| stated.iter().all(|line| fits(*line, *item).is_ok());
    let due: Vec<_> = group.due.iter().copied().filter(fits_all).collect();
    let mut apart = Vec::new();
    for line in group.stated.iter().take(CONSIDERED_MAX) {
        for item in &group.due {
            if let Err(why_not) = fits(*line, *item) {
                apart.push((*line, *item, why_not));
            }
        }
    }
    for (line, item, why_not) in apart {
        pool.consider(line, item, why_not);
    }
    let fits_one = !stated.is_empty() && !due.is_empty();
    fits_one.then_some(KeyGroup { stated, due })
}

/// Each item of the sum may be rounded by the bound of one item, and all of them by that of a day.
fn is_rounding(pool: &Pool<'_>, lane: &LanePolicy, group: &KeyGroup, difference: i64) -> bool {
    let has_fees = group.due.iter().any(|item| pool.item(*item).fee.is_some());
    let Some(bound) = bound_of(lane, ToleranceReason::Rounding).filter(|_| has_fees) else {
        return false;
    };
    let items = i128::try_from(group.due.len()).unwrap_or(i128::MAX);
    let each = items.saturating_mul(i128::from(bound.per_item));
    i128::from(difference).abs() <= each.min(i128::from(bound.per_day))
}

/// Groups whose sums differ: awaited while the rest can still come, else a break.
pub(super) fn break_sum_differences(pool: &mut Pool<'_>, lane: &LanePolicy, rule: &KeyRule) {
    for group in key_groups(pool, lane, rule, Grouped::OpenSums) {
        let Some(group) = coherent(pool, group, rule) else { continue };
        let (stated, due) = (pool.sum(&group.stated), pool.sum(&group.due));
        let by = group.due.iter().filter_map(|item| pool.item(*item).due).map(|due| due.on).max();
        let Some(by) = by else { continue };
        let is_part = stated.signum() == due.signum() && stated.abs() < due.abs();
        if is_part && by >= pool.today && group.due.len() + group.stated.len() > 2 {
            for place in group.stated.iter().chain(&group.due) {
                pool.take_awaited(*place, by, AwaitedReason::RestOfSum);
            }
            continue;
        }
        break_sum(pool, group, narrowed(stated - due));
    }
}

fn break_sum(pool: &mut Pool<'_>, group: KeyGroup, difference: i64) {
    let KeyGroup { stated, due } = group;
    let line = stated[0];
    let lacking = |item: &&PoolPlace| {
        pool.item(**item).amount.checked_neg() == Some(difference) && due.len() > 1
    };
    let lacking: Vec<PoolPlace> =
        due.iter().filter(lacking).take(CONSIDERED_MAX).copied().collect();
    for item in &lacking {
        pool.consider(line, *item, WhyNot::EqualsDifference);
    }
    pool.consider(line, due[0], WhyNot::SumDiffers);
    let id = pool.item(due[0]).id;
    let is_cash = pool.item(due[0]).kind == LaneItemKind::CashDeposit;
    let (kind, posting) = match is_cash && difference < 0 {
        true => (ReconBreakKind::ShortCash, SuggestedPosting::ToFirm(id)),
        false => (ReconBreakKind::AmountDiffers, SuggestedPosting::AskSender),
    };
    pool.take_break(FoundBreak { kind, decided: false, stated, due, difference, posting });
}
