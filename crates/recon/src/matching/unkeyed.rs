//! Bank entries without a key: by counterparty, sum and date, and as the only sum of a small set.
//! Chance is counted: where amounts alone could fit by chance, people decide.

use std::collections::BTreeMap;

use super::items::{ItemKey, LaneItem, MatchKeyKind};
use super::outcome::{MatchSuggestion, WhyNot};
use super::pool::{FoundMatch, Pool, PoolPlace};
use super::rules::{LanePolicy, MatchRule};

/// Items of which the subsets of one line are tried: 2^14 sums.
const SUBSET_ITEMS_MAX: usize = 14;
/// Solutions that are suggested for one line.
const SOLUTIONS_SHOWN_MAX: usize = 3;
/// Fewer coincidences than this are expected of chance, or it is only a suggestion: 0.001.
const COINCIDENCES_MILLIONTHS: u128 = 1_000;
const MILLION: u128 = 1_000_000;

/// Items of the ledger that arrive as one: a group, or an item without one.
struct DueUnit {
    due: Vec<PoolPlace>,
    sum: i128,
}

/// The open items without a key of a lane: lines, and units of the ledger.
fn open_units(pool: &Pool<'_>, lane: &LanePolicy) -> (Vec<PoolPlace>, Vec<DueUnit>) {
    let (stated, due) = pool.open_of_lane(lane.lane);
    let mut groups: BTreeMap<(u32, ItemKey), Vec<PoolPlace>> = BTreeMap::new();
    let mut units = Vec::new();
    for place in due {
        match pool.item(place).group {
            Some(group) => {
                groups.entry((pool.item(place).party, group)).or_default().push(place);
            }
            None => units.push(vec![place]),
        }
    }
    // A group of which a part is matched is no unit.
    let mut whole: BTreeMap<(u32, ItemKey), usize> = BTreeMap::new();
    for place in pool.of_lane(lane.lane) {
        let item = pool.item(place);
        if let (Some(group), Some(_)) = (item.group, item.due) {
            *whole.entry((item.party, group)).or_default() += 1;
        }
    }
    units.extend(
        groups
            .into_iter()
            .filter_map(|(key, due)| (whole.get(&key) == Some(&due.len())).then_some(due)),
    );
    let units = units.into_iter().map(|due| DueUnit { sum: pool.sum(&due), due });
    (stated, units.collect())
}

/// Whether a line without a key of its own can be what this item waits for.
fn can_be(
    pool: &Pool<'_>,
    lane: &LanePolicy,
    line: PoolPlace,
    item: PoolPlace,
) -> Result<(), WhyNot> {
    let (stated, due) = (pool.item(line), pool.item(item));
    let counterparty = stated.key(MatchKeyKind::Counterparty);
    if counterparty.is_none() || due.key(MatchKeyKind::Counterparty) != counterparty {
        return Err(WhyNot::OtherKeyDiffers(MatchKeyKind::Counterparty));
    }
    pool.check_pair(line, item, u16::MAX)?;
    let Some(arrival) = due.due else { return Err(WhyNot::OutsideWindow) };
    let from = arrival.file_day.minus_days(lane.window_days);
    let until = arrival.on.plus_days(lane.window_days);
    match (from..=until).contains(&stated.day()) {
        true => Ok(()),
        false => Err(WhyNot::OutsideWindow),
    }
}

fn can_be_unit(pool: &Pool<'_>, lane: &LanePolicy, line: PoolPlace, unit: &DueUnit) -> bool {
    unit.due.iter().all(|item| can_be(pool, lane, line, *item).is_ok())
}

/// The greatest number that divides all amounts. At least 1.
fn granularity(amounts: impl Iterator<Item = i128>) -> u128 {
    let divisor = amounts.fold(0, |divisor, amount| common_divisor(divisor, amount.unsigned_abs()));
    divisor.max(1)
}

fn common_divisor(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// That of all amounts of a lane: round amounts meet by chance more often.
fn granularity_of_lane(pool: &Pool<'_>, lane: &LanePolicy) -> u128 {
    granularity(pool.of_lane(lane.lane).map(|place| i128::from(pool.item(place).amount)))
}

/// One line with the sum of one unit of the same counterparty in the window.
pub(super) fn match_dated_sums(pool: &mut Pool<'_>, lane: &LanePolicy) {
    let (stated, units) = open_units(pool, lane);
    let mut fits: Vec<(PoolPlace, usize)> = Vec::new();
    let mut of_payer: BTreeMap<(u32, Option<ItemKey>), u128> = BTreeMap::new();
    let payer = |item: &LaneItem| (item.party, item.key(MatchKeyKind::Counterparty));
    let mut by_sum: BTreeMap<i128, Vec<usize>> = BTreeMap::new();
    for (number, unit) in units.iter().enumerate() {
        by_sum.entry(unit.sum).or_default().push(number);
        *of_payer.entry(payer(pool.item(unit.due[0]))).or_default() += 1;
    }
    for line in stated {
        let amount = i128::from(pool.item(line).amount);
        let same = by_sum.get(&amount).into_iter().flatten();
        let same = same.filter(|unit| can_be_unit(pool, lane, line, &units[**unit]));
        fits.extend(same.map(|unit| (line, *unit)));
    }
    let mut of_line: BTreeMap<PoolPlace, usize> = BTreeMap::new();
    let mut of_unit: BTreeMap<usize, usize> = BTreeMap::new();
    for (line, unit) in &fits {
        *of_line.entry(*line).or_default() += 1;
        *of_unit.entry(*unit).or_default() += 1;
    }
    let each = granularity_of_lane(pool, lane);
    for (line, number) in fits {
        let is_unique = of_line[&line] == 1 && of_unit[&number] == 1;
        let count = of_payer.get(&payer(pool.item(line))).copied().unwrap_or_default();
        let spread = (units[number].sum.unsigned_abs().saturating_mul(2) / each).max(1);
        let coincidences = count.saturating_mul(MILLION) / spread;
        let due = &units[number].due;
        if is_unique && coincidences < COINCIDENCES_MILLIONTHS {
            let (rule, stated) = (MatchRule::DatedSum, vec![line]);
            pool.take_match(FoundMatch { rule, stated, due: due.clone(), tolerated: None });
            continue;
        }
        let why_not = if is_unique { WhyNot::CouldBeChance } else { WhyNot::NotUnique };
        pool.consider(line, due[0], why_not);
        suggest(pool, MatchRule::DatedSum, line, due, coincidences);
    }
}

fn suggest(
    pool: &mut Pool<'_>,
    rule: MatchRule,
    line: PoolPlace,
    due: &[PoolPlace],
    coincidences: u128,
) {
    let suggestion = MatchSuggestion {
        stated: vec![pool.item(line).id],
        due: due.iter().map(|item| pool.item(*item).id).collect(),
        rule,
        coincidences_millionths: Some(u64::try_from(coincidences).unwrap_or(u64::MAX)),
    };
    pool.suggest(suggestion);
}

/// Sets of items with the sum of one line, and how often chance alone would give one.
struct SubsetSolutions {
    line: PoolPlace,
    sets: Vec<Vec<PoolPlace>>,
    coincidences: u128,
}

/// One line that is the sum of just one set of two or more items. All lines are tried before one is
/// matched: two lines that need the same item are both left to people.
pub(super) fn match_subset_sums(pool: &mut Pool<'_>, lane: &LanePolicy) {
    let (stated, mut due) = pool.open_of_lane(lane.lane);
    // A group arrives as one.
    due.retain(|item| pool.item(*item).group.is_none());
    let each = granularity_of_lane(pool, lane);
    let mut solved: Vec<SubsetSolutions> = Vec::new();
    for line in stated {
        let candidates = due.iter().copied();
        let candidates = candidates.filter(|item| can_be(pool, lane, line, *item).is_ok());
        let candidates: Vec<PoolPlace> = candidates.take(SUBSET_ITEMS_MAX + 1).collect();
        if candidates.len() < 2 {
            continue;
        }
        if candidates.len() > SUBSET_ITEMS_MAX {
            pool.consider(line, candidates[0], WhyNot::CouldBeChance);
            continue;
        }
        if let Some(found) = solutions(pool, line, &candidates, each) {
            solved.push(found);
        }
    }
    let mut wanted: BTreeMap<PoolPlace, usize> = BTreeMap::new();
    for item in solved.iter().flat_map(|one| &one.sets).flatten() {
        *wanted.entry(*item).or_default() += 1;
    }
    for SubsetSolutions { line, sets, coincidences } in solved {
        let alone = sets.iter().flatten().all(|item| wanted[item] == 1);
        if let ([set], true) = (&sets[..], alone && coincidences < COINCIDENCES_MILLIONTHS) {
            let (rule, stated) = (MatchRule::SubsetSum, vec![line]);
            pool.take_match(FoundMatch { rule, stated, due: set.clone(), tolerated: None });
            continue;
        }
        let why_not = if sets.len() == 1 { WhyNot::CouldBeChance } else { WhyNot::NotUnique };
        for set in sets.iter().take(SOLUTIONS_SHOWN_MAX) {
            pool.consider(line, set[0], why_not);
            suggest(pool, MatchRule::SubsetSum, line, set, coincidences);
        }
    }
}

fn solutions(
    pool: &Pool<'_>,
    line: PoolPlace,
    candidates: &[PoolPlace],
    each: u128,
) -> Option<SubsetSolutions> {
    let amount = i128::from(pool.item(line).amount);
    let amounts: Vec<i128> =
        candidates.iter().map(|item| i128::from(pool.item(*item).amount)).collect();
    let mut sums: Vec<i128> = vec![0];
    for one in &amounts {
        let with: Vec<i128> = sums.iter().map(|sum| sum + one).collect();
        sums.extend(with);
    }
    let set_of = |subset: usize| {
        let chosen = candidates.iter().enumerate().filter(move |(bit, _)| subset >> bit & 1 == 1);
        chosen.map(|(_, item)| *item).collect::<Vec<PoolPlace>>()
    };
    let hits =
        sums.iter().enumerate().filter(|(subset, sum)| **sum == amount && subset.count_ones() >= 2);
    let sets: Vec<Vec<PoolPlace>> = hits.map(|(subset, _)| set_of(subset)).collect();
    (!sets.is_empty()).then(|| SubsetSolutions {
        line,
        coincidences: expected_coincidences(&sums, &amounts, amount, each),
        sets,
    })
}

/// How many of the sums chance would put on the line's amount, in millionths: the density of sums
/// around the amount, or that over the whole range, whichever is more.
fn expected_coincidences(sums: &[i128], amounts: &[i128], amount: i128, each: u128) -> u128 {
    let count = |sums: usize| u128::try_from(sums).unwrap_or(u128::MAX);
    let range: u128 = amounts.iter().map(|one| one.unsigned_abs()).sum();
    let whole = count(sums.len()).saturating_mul(MILLION) / (range / each).max(1);
    let near = range / 16;
    let around = sums.iter().filter(|sum| (**sum - amount).unsigned_abs() <= near).count();
    let local = count(around).saturating_mul(MILLION) / (near.saturating_mul(2) / each).max(1);
    whole.max(local)
}
