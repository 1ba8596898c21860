//! Lines and items of the ledger with the same key: one to one, and what stands in the way.

use std::collections::BTreeMap;

use super::items::{ItemKey, LaneItemKind};
use super::outcome::{ReconBreakKind, SuggestedPosting, WhyNot};
use super::pool::{FoundBreak, FoundMatch, Pool, PoolPlace, at, narrowed};
use super::rules::{KeyRule, LanePolicy, MatchRule, ToleranceBound, ToleranceReason};

/// Pairs of lines and items under one key that are looked at. Beyond them nothing is unique.
const PAIRS_MAX: usize = 1_000_000;

/// Lines and items with one key.
pub(super) struct KeyGroup {
    pub stated: Vec<PoolPlace>,
    pub due: Vec<PoolPlace>,
}

impl KeyGroup {
    pub fn is_too_big(&self) -> bool {
        self.stated.len().saturating_mul(self.due.len()) > PAIRS_MAX
    }
}

/// Which items are put into groups.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Grouped {
    /// All, by keys of their own. A key that a matched item has, too, is not unique.
    All,
    /// Those that nothing has taken, by keys of their own.
    Open,
    /// Those that nothing has taken, by their own key or that of their group.
    OpenSums,
}

/// The items of a lane by a kind of key, in the order of keys. Only groups with open items on both
/// sides.
pub(super) fn key_groups(
    pool: &Pool<'_>,
    lane: &LanePolicy,
    rule: &KeyRule,
    grouped: Grouped,
) -> Vec<KeyGroup> {
    let key_of = |place: PoolPlace| {
        let item = pool.item(place);
        let sums = grouped == Grouped::OpenSums;
        item.key(rule.kind).or(item.group.filter(|group| sums && group.kind == rule.kind))
    };
    let (stated, due) = pool.open_of_lane(lane.lane);
    let open = stated.len().min(due.len());
    let mut rows: Vec<(ItemKey, PoolPlace)> =
        stated.into_iter().chain(due).filter_map(|place| Some((key_of(place)?, place))).collect();
    if grouped == Grouped::All && open > 0 {
        let mut keys: Vec<ItemKey> = rows.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        let taken = pool.of_lane(lane.lane).filter(|place| !pool.is_open(*place));
        let taken = taken.filter_map(|place| Some((key_of(place)?, place)));
        rows.extend(taken.filter(|(key, _)| keys.binary_search(key).is_ok()));
    }
    rows.sort_unstable();
    let groups = rows.chunk_by(|one, other| one.0 == other.0).filter_map(|rows| {
        let places = rows.iter().map(|(_, place)| *place);
        let (due, stated): (Vec<_>, Vec<_>) =
            places.partition(|place| pool.item(*place).due.is_some());
        let has_open = |side: &[PoolPlace]| side.iter().any(|place| pool.is_open(*place));
        (has_open(&stated) && has_open(&due)).then_some(KeyGroup { stated, due })
    });
    groups.collect()
}

/// How a pair that could belong together compares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Same,
    /// By so much, in minor units.
    FeeDiffers(i64),
    AmountDiffers,
}

fn verdict(pool: &Pool<'_>, stated: PoolPlace, due: PoolPlace) -> Verdict {
    let (line, item) = (pool.item(stated), pool.item(due));
    if line.amount != item.amount {
        return Verdict::AmountDiffers;
    }
    match (line.fee, item.fee) {
        (Some(stated), Some(expected)) if stated != expected => {
            Verdict::FeeDiffers(stated.saturating_sub(expected))
        }
        _ => Verdict::Same,
    }
}

/// The pairs of a group that could belong together; why the others cannot is noted.
fn pairs_of(
    pool: &mut Pool<'_>,
    group: &KeyGroup,
    rule: &KeyRule,
) -> Vec<(PoolPlace, PoolPlace, Verdict)> {
    let mut pairs = Vec::new();
    if group.is_too_big() {
        pool.consider(group.stated[0], group.due[0], WhyNot::NotUnique);
        return pairs;
    }
    for stated in &group.stated {
        for due in &group.due {
            match pool.check_pair(*stated, *due, rule.days_max) {
                Ok(()) => pairs.push((*stated, *due, verdict(pool, *stated, *due))),
                Err(why_not) => pool.consider(*stated, *due, why_not),
            }
        }
    }
    pairs
}

/// One line and one item with the same key, amount and fee. Taken items count when it is asked
/// whether they are the only ones: nothing is found by elimination.
pub(super) fn match_exact_keys(pool: &mut Pool<'_>, lane: &LanePolicy, rule: &KeyRule) {
    for group in key_groups(pool, lane, rule, Grouped::All) {
        let mut pairs = pairs_of(pool, &group, rule);
        pairs.retain(|(_, _, verdict)| *verdict == Verdict::Same);
        for (stated, due) in unique_pairs(pool, &pairs) {
            pool.take_match(FoundMatch {
                rule: MatchRule::ExactKey(rule.kind),
                stated: vec![stated],
                due: vec![due],
                tolerated: None,
            });
        }
    }
}

/// The pairs whose line fits no other item. If several lines fit just one item, the first of them
/// is taken, and the others will be duplicates. If a line fits two items, nothing is guessed.
fn unique_pairs(
    pool: &mut Pool<'_>,
    pairs: &[(PoolPlace, PoolPlace, Verdict)],
) -> Vec<(PoolPlace, PoolPlace)> {
    let mut dues: BTreeMap<PoolPlace, Vec<PoolPlace>> = BTreeMap::new();
    let mut lines: BTreeMap<PoolPlace, Vec<PoolPlace>> = BTreeMap::new();
    for (stated, due, _) in pairs {
        dues.entry(*stated).or_default().push(*due);
        lines.entry(*due).or_default().push(*stated);
    }
    let mut found = Vec::new();
    for (due, stated) in lines {
        if !pool.is_open(due) {
            continue;
        }
        let unique = |line: &PoolPlace| pool.is_open(*line) && dues[line].len() == 1;
        if !stated.iter().all(unique) {
            for line in stated {
                pool.consider(line, due, WhyNot::NotUnique);
            }
        } else if let Some(first) = pool.first(&stated) {
            found.push((first, due));
        }
    }
    found
}

/// A pair that differs in its fee alone, within the bound of one item.
struct ToleratedPair {
    rule: MatchRule,
    stated: PoolPlace,
    due: PoolPlace,
    reason: ToleranceReason,
    difference: i64,
}

/// Pairs whose fees differ for a named reason. The bound of a day counts for all files of a sender
/// and day together, so the result does not depend on how a file is split.
pub(super) fn match_within_tolerance(pool: &mut Pool<'_>, lane: &LanePolicy) {
    let mut found: Vec<ToleratedPair> = Vec::new();
    let mut used = vec![false; pool.items.len()];
    for rule in &lane.keys {
        for group in key_groups(pool, lane, rule, Grouped::All) {
            let pairs = pairs_of(pool, &group, rule);
            let same_amount: Vec<_> =
                pairs.into_iter().filter(|pair| pair.2 != Verdict::AmountDiffers).collect();
            for (stated, due) in unique_pairs(pool, &same_amount) {
                let Verdict::FeeDiffers(difference) = verdict(pool, stated, due) else { continue };
                let amount = pool.item(stated).amount;
                let Some(reason) = reason_of(lane, amount, difference) else { continue };
                if used[at(stated)] || used[at(due)] {
                    continue;
                }
                (used[at(stated)], used[at(due)]) = (true, true);
                let rule = MatchRule::FeeTolerance(rule.kind);
                found.push(ToleratedPair { rule, stated, due, reason, difference });
            }
        }
    }
    let mut days: BTreeMap<_, i128> = BTreeMap::new();
    let day_of = |pool: &Pool<'_>, pair: &ToleratedPair| {
        let line = pool.item(pair.stated);
        (line.party, line.booked, line.currency, pair.reason)
    };
    for pair in &found {
        *days.entry(day_of(pool, pair)).or_default() += i128::from(pair.difference).abs();
    }
    for pair in found {
        let bound = bound_of(lane, pair.reason).map_or(0, |bound| bound.per_day);
        if days[&day_of(pool, &pair)] > i128::from(bound) {
            pool.consider(pair.stated, pair.due, WhyNot::BeyondBoundOfDay);
            continue;
        }
        pool.take_match(FoundMatch {
            rule: pair.rule,
            stated: vec![pair.stated],
            due: vec![pair.due],
            tolerated: Some((Some(pair.reason), pair.difference)),
        });
    }
}

pub(super) fn bound_of(lane: &LanePolicy, reason: ToleranceReason) -> Option<ToleranceBound> {
    match reason {
        ToleranceReason::Rounding => lane.rounding,
        ToleranceReason::FeeRevision => lane.fee_revision,
    }
}

fn reason_of(lane: &LanePolicy, amount: i64, difference: i64) -> Option<ToleranceReason> {
    let reasons = [ToleranceReason::Rounding, ToleranceReason::FeeRevision];
    reasons.into_iter().find(|reason| {
        bound_of(lane, *reason).is_some_and(|bound| {
            let by_rate = i128::from(amount).abs() * i128::from(bound.per_item_ppm) / 1_000_000;
            i128::from(difference).abs() <= by_rate.max(i128::from(bound.per_item))
        })
    })
}

/// What has the same key and is no match becomes a break with both sides.
pub(super) fn break_keyed_differences(pool: &mut Pool<'_>, lane: &LanePolicy, rule: &KeyRule) {
    for group in key_groups(pool, lane, rule, Grouped::Open) {
        let pairs = pairs_of(pool, &group, rule);
        let mut stated: Vec<_> = pairs.iter().map(|pair| pair.0).collect();
        let mut due: Vec<_> = pairs.iter().map(|pair| pair.1).collect();
        stated.sort_unstable();
        stated.dedup();
        due.sort_unstable();
        due.dedup();
        match pairs[..] {
            [] if group.is_too_big() => break_ambiguous(pool, group.stated, group.due),
            [] => {}
            [(line, item, verdict)] if verdict != Verdict::Same => {
                break_pair(pool, line, item, verdict);
            }
            // One item, lines with other amounts: the first is compared, the others are duplicates.
            _ if due.len() == 1 && pairs.iter().all(|pair| pair.2 != Verdict::Same) => {
                let first = pool.first(&stated);
                let found = pairs.iter().find(|pair| Some(pair.0) == first);
                if let Some((line, item, verdict)) = found.copied() {
                    break_pair(pool, line, item, verdict);
                }
            }
            _ => break_ambiguous(pool, stated, due),
        }
    }
}

fn break_ambiguous(pool: &mut Pool<'_>, stated: Vec<PoolPlace>, due: Vec<PoolPlace>) {
    let difference = narrowed(pool.sum(&stated) - pool.sum(&due));
    for line in stated.iter().take(2) {
        for item in due.iter().take(super::outcome::CONSIDERED_MAX) {
            pool.consider(*line, *item, WhyNot::NotUnique);
        }
    }
    let kind = ReconBreakKind::Ambiguous;
    let posting = SuggestedPosting::Decide;
    pool.take_break(FoundBreak { kind, decided: false, stated, due, difference, posting });
}

fn break_pair(pool: &mut Pool<'_>, stated: PoolPlace, due: PoolPlace, verdict: Verdict) {
    let id = pool.item(due).id;
    let amounts = pool.item(stated).amount.saturating_sub(pool.item(due).amount);
    let beyond_day = pool.considered_as(stated, WhyNot::BeyondBoundOfDay);
    let (kind, difference, posting) = match verdict {
        Verdict::FeeDiffers(by) if beyond_day => {
            (ReconBreakKind::Rounding, by, SuggestedPosting::AskSender)
        }
        Verdict::FeeDiffers(by) => (ReconBreakKind::FeeDrift, by, SuggestedPosting::WriteOff),
        // Pairs that are the same are matched, or ambiguous.
        Verdict::Same | Verdict::AmountDiffers => {
            let cash = pool.item(due).kind == LaneItemKind::CashDeposit;
            match cash && amounts < 0 {
                true => (ReconBreakKind::ShortCash, amounts, SuggestedPosting::ToFirm(id)),
                false => (ReconBreakKind::AmountDiffers, amounts, SuggestedPosting::ToPayment(id)),
            }
        }
    };
    let why_not = match verdict {
        Verdict::FeeDiffers(_) => WhyNot::FeeDiffers,
        Verdict::Same | Verdict::AmountDiffers => WhyNot::AmountDiffers,
    };
    pool.consider(stated, due, why_not);
    pool.take_break(FoundBreak {
        kind,
        decided: false,
        stated: vec![stated],
        due: vec![due],
        difference,
        posting,
    });
}
