//! What a run takes besides its items: what people decided, and what earlier runs left.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use tariff::BusinessDate;

use super::items::{Lane, LaneItem, LaneItemId, SeenFile};
use super::outcome::{ItemPlace, ReconBreakKind, Reconciliation};
use super::rules::{MatchPolicy, MatchRule, ToleranceReason};

/// Limit on the items of one run, those carried forward included.
pub const RUN_ITEMS_MAX: usize = 20_000_000;

/// What people decided. It wins over every rule, in each run to come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchDecision {
    /// These belong together, whatever their keys and sums are.
    Match { stated: Vec<LaneItemId>, due: Vec<LaneItemId> },
    /// These two do not belong together.
    Never { stated: LaneItemId, due: LaneItemId },
    /// These items are one break of this kind.
    Break { items: Vec<LaneItemId>, kind: ReconBreakKind },
}

/// A match of an earlier run. It stands until people undo it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct StandingMatch {
    pub stated: Vec<LaneItemId>,
    pub due: Vec<LaneItemId>,
    pub rule: MatchRule,
    pub tolerated: Option<(Option<ToleranceReason>, i64)>,
}

/// What tomorrow's run needs of today's: items without a counterpart, and the matches of the last
/// days, so that a second line for the same payment is known as a duplicate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct CarryForward {
    /// By id.
    pub items: Vec<LaneItem>,
    pub matches: Vec<StandingMatch>,
    /// Since when items have been broken.
    pub broken_since: BTreeMap<LaneItemId, BusinessDate>,
    /// Files whose days can still be asked for.
    pub files: BTreeSet<SeenFile>,
}

impl CarryForward {
    /// What is left after a run. Matches whose newest item is older than the policy's `kept_days`
    /// are dropped with their items.
    #[must_use]
    pub fn after(
        result: &Reconciliation,
        files: &BTreeSet<SeenFile>,
        policy: &MatchPolicy,
        today: BusinessDate,
    ) -> CarryForward {
        let oldest = today.minus_days(policy.kept_days);
        let day_of = |id: &LaneItemId| result.item(*id).map(LaneItem::day);
        let is_kept = |number: u32| {
            let found = result.matches[number as usize];
            let members = result.members(found.stated).iter().chain(result.members(found.due));
            members.filter_map(day_of).max().is_none_or(|newest| newest >= oldest)
        };
        let mut carried = CarryForward::default();
        for (item, place) in result.items.iter().zip(&result.places) {
            match place {
                ItemPlace::Match(number) if !is_kept(*number) => continue,
                ItemPlace::Break(number) => {
                    let since = result.breaks[*number as usize].since;
                    carried.broken_since.insert(item.id, since);
                }
                _ => {}
            }
            carried.items.push(*item);
        }
        let kept = result
            .matches
            .iter()
            .enumerate()
            .filter(|(number, _)| u32::try_from(*number).is_ok_and(is_kept));
        carried.matches = kept
            .map(|(_, found)| StandingMatch {
                stated: result.members(found.stated).to_vec(),
                due: result.members(found.due).to_vec(),
                rule: found.rule,
                tolerated: found.tolerated,
            })
            .collect();
        let still_due: BTreeSet<_> = carried
            .items
            .iter()
            .filter_map(|item| Some((item.due?.lane, item.party, item.due?.file_day)))
            .collect();
        let files = files.iter().filter(|file| {
            file.until >= oldest
                || still_due.iter().any(|(lane, party, day)| file.covers(*lane, *party, *day))
        });
        carried.files = files.copied().collect();
        carried
    }
}

/// What a run takes.
#[derive(Clone, Copy, Debug)]
pub struct MatchInputs<'i> {
    /// In any order. A line that is carried forward may be given again, as it was; an item of the
    /// ledger also with what the books say of it now.
    pub items: &'i [LaneItem],
    /// The files of this run. Those of earlier runs are carried forward.
    pub files: &'i [SeenFile],
    pub carried: &'i CarryForward,
    /// All that were made, in any order.
    pub decisions: &'i [MatchDecision],
    pub policy: &'i MatchPolicy,
    pub today: BusinessDate,
}

/// Inputs that contradict themselves. Nothing was matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatchInputError {
    #[error("two items have the id {0:?} and other content; give each line its own id")]
    TwoItems(LaneItemId),
    #[error("item {0:?} of the ledger is due in no other lane; say in which it is due")]
    NotDue(LaneItemId),
    #[error("item {0:?} is not of the ledger, and has a due day; leave it out")]
    DueOutsideLedger(LaneItemId),
    #[error("item {0:?} has two keys of one kind; keep one")]
    KeyTwice(LaneItemId),
    #[error("lane {0:?} has no policy; add one")]
    NoPolicy(Lane),
    #[error("two decisions are about item {0:?}; withdraw one")]
    DecidedTwice(LaneItemId),
    #[error("there are more than {RUN_ITEMS_MAX} items; run them in parts")]
    TooMany,
}

impl MatchInputs<'_> {
    /// The items of this run and those carried forward, by id. What the books say of an item of
    /// the ledger today replaces what they said before; a line never changes.
    pub(super) fn merged_items(&self) -> Result<Vec<LaneItem>, MatchInputError> {
        let mut items = self.items.to_vec();
        items.sort_unstable_by_key(|item| item.id);
        let mut carried = self.carried.items.clone();
        carried.retain(|item| {
            let given = items.binary_search_by_key(&item.id, |item| item.id);
            given.is_err() || item.due.is_none()
        });
        items.append(&mut carried);
        if items.len() > RUN_ITEMS_MAX {
            return Err(MatchInputError::TooMany);
        }
        items.sort_unstable_by_key(|item| item.id);
        items.dedup();
        if let Some(pair) = items.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(MatchInputError::TwoItems(pair[0].id));
        }
        for item in &items {
            self.check_item(item)?;
        }
        Ok(items)
    }

    fn check_item(&self, item: &LaneItem) -> Result<(), MatchInputError> {
        match (item.id.lane, item.due) {
            (Lane::Ledger, Some(due)) if due.lane != Lane::Ledger => {}
            (Lane::Ledger, _) => return Err(MatchInputError::NotDue(item.id)),
            (_, Some(_)) => return Err(MatchInputError::DueOutsideLedger(item.id)),
            (_, None) => {}
        }
        let lane = item.meets_in();
        self.policy.lane(lane).ok_or(MatchInputError::NoPolicy(lane))?;
        let mut kinds: Vec<_> = item.keys().map(|key| key.kind).collect();
        kinds.sort_unstable();
        match kinds.windows(2).any(|pair| pair[0] == pair[1]) {
            true => Err(MatchInputError::KeyTwice(item.id)),
            false => Ok(()),
        }
    }

    pub(super) fn seen_files(&self) -> BTreeSet<SeenFile> {
        self.carried.files.iter().chain(self.files).copied().collect()
    }

    /// Each item is in one decision at most, besides those that say never.
    pub(super) fn check_decisions(&self) -> Result<(), MatchInputError> {
        let mut decided = BTreeMap::new();
        for (number, decision) in self.decisions.iter().enumerate() {
            let (first, second) = match decision {
                MatchDecision::Match { stated, due } => (&stated[..], &due[..]),
                MatchDecision::Break { items, .. } => (&items[..], &[][..]),
                MatchDecision::Never { .. } => continue,
            };
            for item in first.iter().chain(second) {
                if decided.insert(*item, number).is_some() {
                    return Err(MatchInputError::DecidedTwice(*item));
                }
            }
        }
        for decision in self.decisions {
            let MatchDecision::Never { stated, due } = decision else { continue };
            let together = decided.get(stated).filter(|number| decided.get(due) == Some(*number));
            if together.is_some_and(|number| {
                matches!(self.decisions[*number], MatchDecision::Match { .. })
            }) {
                return Err(MatchInputError::DecidedTwice(*stated));
            }
        }
        Ok(())
    }
}
