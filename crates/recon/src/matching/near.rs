//! References that are nearly the same: cut, or a character wrong. Only ever a suggestion.

use std::collections::BTreeMap;

use money::Currency;

use super::items::LaneItem;
use super::outcome::{MatchSuggestion, WhyNot};
use super::pool::{Pool, PoolPlace};
use super::rules::{LanePolicy, MatchRule};

/// Items with the same amount that are compared with one line.
const CANDIDATES_MAX: usize = 20;
/// Characters of a reference that is compared.
const CHARACTERS_MIN: usize = 5;
/// Characters that may be wrong.
const EDITS_MAX: usize = 2;

pub(super) fn suggest_near_references(pool: &mut Pool<'_>, lane: &LanePolicy) {
    let (stated, due) = pool.open_of_lane(lane.lane);
    let mut by_amount: BTreeMap<(u32, Currency, i64), Vec<PoolPlace>> = BTreeMap::new();
    let key_of = |item: &LaneItem| (item.party, item.currency, item.amount);
    for item in due {
        by_amount.entry(key_of(pool.item(item))).or_default().push(item);
    }
    for line in stated {
        let Some(same) = by_amount.get(&key_of(pool.item(line))) else { continue };
        for item in same.iter().take(CANDIDATES_MAX) {
            if let Some(kind) = nearly_same(pool.item(line), pool.item(*item)) {
                pool.consider(line, *item, WhyNot::NearlySameReference(kind));
                let suggestion = MatchSuggestion {
                    stated: vec![pool.item(line).id],
                    due: vec![pool.item(*item).id],
                    rule: MatchRule::NearReference,
                    coincidences_millionths: None,
                };
                pool.suggest(suggestion);
            }
        }
    }
}

/// The first kind of key that both have and that is nearly the same.
fn nearly_same(line: &LaneItem, item: &LaneItem) -> Option<super::items::MatchKeyKind> {
    let found = line.keys().find(|key| {
        let other = item.key(key.kind).filter(|other| other != key);
        match (key.text(), other.as_ref().and_then(super::items::ItemKey::text)) {
            (Some(one), Some(other)) => is_near(one, other),
            _ => false,
        }
    });
    found.map(|key| key.kind)
}

/// Whether two references are nearly the same: one is cut, or a few characters differ.
#[must_use]
pub fn is_near(one: &str, other: &str) -> bool {
    if one.len().min(other.len()) < CHARACTERS_MIN {
        return false;
    }
    let cut = one.starts_with(other) || other.starts_with(one);
    let end = one.ends_with(other) || other.ends_with(one);
    cut || end || edits(one.as_bytes(), other.as_bytes()) <= EDITS_MAX
}

/// Characters to insert, remove or replace.
fn edits(one: &[u8], other: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (number, byte) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = number + 1;
        for (place, against) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(byte != against);
            diagonal = row[place + 1];
            row[place + 1] = replaced.min(row[place] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
