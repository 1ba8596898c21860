//! The items of a run while the rules take them: each is taken once (M15).

use std::collections::{BTreeMap, BTreeSet};

use tariff::BusinessDate;

use super::items::{ItemKey, Lane, LaneItem, LaneItemId, LaneItemKind, MatchKeyKind};
use super::outcome::{
    AwaitedItem, AwaitedReason, CONSIDERED_MAX, ConsideredItem, ItemMatch, ItemPlace,
    MatchSuggestion, MemberRange, ReconBreak, ReconBreakKind, Reconciliation, SuggestedPosting,
    WhyNot,
};
use super::rules::{MatchPolicy, MatchRule, ToleranceReason};

/// A place among the items of a run.
pub(super) type PoolPlace = u32;

/// A match before it has its place in the result.
pub(super) struct FoundMatch {
    pub rule: MatchRule,
    pub stated: Vec<PoolPlace>,
    pub due: Vec<PoolPlace>,
    pub tolerated: Option<(Option<ToleranceReason>, i64)>,
}

/// A break before it has its place in the result.
pub(super) struct FoundBreak {
    pub kind: ReconBreakKind,
    pub decided: bool,
    pub stated: Vec<PoolPlace>,
    pub due: Vec<PoolPlace>,
    pub difference: i64,
    pub posting: SuggestedPosting,
}

struct FoundAwaited {
    item: PoolPlace,
    lane: Lane,
    by: BusinessDate,
    reason: AwaitedReason,
}

/// Which list an item was taken into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Open,
    Match,
    Break,
    Awaited,
}

pub(super) struct Pool<'i> {
    pub policy: &'i MatchPolicy,
    pub today: BusinessDate,
    /// By id.
    pub items: Vec<LaneItem>,
    taken: Vec<Taken>,
    /// Pairs that people keep apart: line, item of the ledger.
    pub never: BTreeSet<(PoolPlace, PoolPlace)>,
    matches: Vec<FoundMatch>,
    breaks: Vec<FoundBreak>,
    awaited: Vec<FoundAwaited>,
    suggestions: Vec<MatchSuggestion>,
    considered: BTreeMap<PoolPlace, BTreeSet<ConsideredItem>>,
}

/// A place as an index.
pub(super) fn at(place: PoolPlace) -> usize {
    place as usize
}

/// Saturates: a sum beyond 64 bits differs from every other.
pub(super) fn narrowed(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}

impl<'i> Pool<'i> {
    pub fn new(items: Vec<LaneItem>, policy: &'i MatchPolicy, today: BusinessDate) -> Pool<'i> {
        Pool {
            policy,
            today,
            taken: vec![Taken::Open; items.len()],
            items,
            never: BTreeSet::new(),
            matches: Vec::new(),
            breaks: Vec::new(),
            awaited: Vec::new(),
            suggestions: Vec::new(),
            considered: BTreeMap::new(),
        }
    }

    pub fn item(&self, place: PoolPlace) -> &LaneItem {
        &self.items[at(place)]
    }

    pub fn place_of(&self, id: LaneItemId) -> Option<PoolPlace> {
        let place = self.items.binary_search_by_key(&id, |item| item.id).ok()?;
        PoolPlace::try_from(place).ok()
    }

    pub fn is_open(&self, place: PoolPlace) -> bool {
        self.taken[at(place)] == Taken::Open
    }

    /// All items that meet in a lane, by id.
    pub fn of_lane(&self, lane: Lane) -> impl Iterator<Item = PoolPlace> + '_ {
        let places = 0..PoolPlace::try_from(self.items.len()).unwrap_or(PoolPlace::MAX);
        places.filter(move |place| self.item(*place).meets_in() == lane)
    }

    /// The items of a lane that nothing has taken: lines, then items of the ledger.
    pub fn open_of_lane(&self, lane: Lane) -> (Vec<PoolPlace>, Vec<PoolPlace>) {
        let open = self.of_lane(lane).filter(|place| self.is_open(*place));
        open.partition(|place| self.item(*place).due.is_none())
    }

    /// # Panics
    /// If the item was taken before: M15.
    fn take(&mut self, place: PoolPlace, into: Taken) {
        let taken = &mut self.taken[at(place)];
        assert_eq!(*taken, Taken::Open, "M15: an item is taken once");
        *taken = into;
    }

    pub fn take_match(&mut self, found: FoundMatch) {
        for place in found.stated.iter().chain(&found.due) {
            self.take(*place, Taken::Match);
        }
        self.matches.push(found);
    }

    pub fn take_break(&mut self, found: FoundBreak) {
        for place in found.stated.iter().chain(&found.due) {
            self.take(*place, Taken::Break);
        }
        self.breaks.push(found);
    }

    pub fn take_awaited(&mut self, item: PoolPlace, by: BusinessDate, reason: AwaitedReason) {
        self.take(item, Taken::Awaited);
        let lane = match reason {
            AwaitedReason::InLedger => Lane::Ledger,
            AwaitedReason::NotDue | AwaitedReason::RestOfSum => match self.item(item).due {
                Some(due) => due.lane,
                None => Lane::Ledger,
            },
        };
        self.awaited.push(FoundAwaited { item, lane, by, reason });
    }

    pub fn suggest(&mut self, mut suggestion: MatchSuggestion) {
        suggestion.stated.sort_unstable();
        suggestion.due.sort_unstable();
        self.suggestions.push(suggestion);
    }

    /// Notes for both items why they are no match.
    pub fn consider(&mut self, one: PoolPlace, other: PoolPlace, why_not: WhyNot) {
        for (item, other) in [(one, other), (other, one)] {
            let item_id = self.item(other).id;
            let list = self.considered.entry(item).or_default();
            list.insert(ConsideredItem { item: item_id, why_not });
            if list.len() > CONSIDERED_MAX {
                list.pop_last();
            }
        }
    }

    pub fn considered_as(&self, place: PoolPlace, why_not: WhyNot) -> bool {
        let list = self.considered.get(&place);
        list.is_some_and(|list| list.iter().any(|one| one.why_not == why_not))
    }

    /// Whether a line and an item of the ledger could belong together, amounts and fees apart.
    pub fn check_pair(
        &self,
        stated: PoolPlace,
        due: PoolPlace,
        days_max: u16,
    ) -> Result<(), WhyNot> {
        let (line, item) = (self.item(stated), self.item(due));
        if self.never.contains(&(stated, due)) {
            return Err(WhyNot::NeverByDecision);
        }
        if line.party != item.party {
            return Err(WhyNot::PartyDiffers);
        }
        let unstated = [line.kind, item.kind].contains(&LaneItemKind::Unstated);
        if line.kind != item.kind && !unstated {
            return Err(WhyNot::KindDiffers);
        }
        if line.currency != item.currency {
            return Err(WhyNot::CurrencyDiffers);
        }
        if let Some(kind) = contradiction(line, item) {
            return Err(WhyNot::OtherKeyDiffers(kind));
        }
        match line.day().0.abs_diff(item.day().0) <= days_max {
            true => Ok(()),
            false => Err(WhyNot::OutsideWindow),
        }
    }

    pub fn sum(&self, places: &[PoolPlace]) -> i128 {
        places.iter().map(|place| i128::from(self.item(*place).amount)).sum()
    }

    /// The first by day and id: a duplicate is never before it.
    pub fn first(&self, places: &[PoolPlace]) -> Option<PoolPlace> {
        places.iter().copied().min_by_key(|place| (self.item(*place).day(), *place))
    }

    /// The result, in an order that depends on the items alone.
    pub fn finish(mut self, broken_since: &BTreeMap<LaneItemId, BusinessDate>) -> Reconciliation {
        for found in &mut self.matches {
            found.stated.sort_unstable();
            found.due.sort_unstable();
        }
        for found in &mut self.breaks {
            found.stated.sort_unstable();
            found.due.sort_unstable();
        }
        let first =
            |stated: &[PoolPlace], due: &[PoolPlace]| stated.first().or(due.first()).copied();
        self.matches.sort_unstable_by_key(|one| (one.rule, first(&one.stated, &one.due)));
        self.breaks.sort_unstable_by_key(|one| (one.kind, first(&one.stated, &one.due)));
        self.awaited.sort_unstable_by_key(|one| one.item);
        let mut suggestions = std::mem::take(&mut self.suggestions);
        suggestions.retain(|one| {
            let mut members = one.stated.iter().chain(&one.due);
            members.all(|id| {
                self.place_of(*id).is_some_and(|place| self.taken[at(place)] != Taken::Match)
            })
        });
        suggestions.sort_unstable();
        suggestions.dedup();

        let mut places = vec![None; self.items.len()];
        let mut members: Vec<LaneItemId> = Vec::new();
        let mut matches = Vec::with_capacity(self.matches.len());
        for (number, found) in (0..).zip(&self.matches) {
            let mut put = |list: &[PoolPlace]| {
                let start = members.len();
                for place in list {
                    places[at(*place)] = Some(ItemPlace::Match(number));
                    members.push(self.items[at(*place)].id);
                }
                MemberRange::new(start..members.len())
            };
            let (stated, due) = (put(&found.stated), put(&found.due));
            let FoundMatch { rule, tolerated, .. } = *found;
            matches.push(ItemMatch { rule, stated, due, tolerated });
        }
        let mut breaks = Vec::with_capacity(self.breaks.len());
        for (number, found) in (0..).zip(&self.breaks) {
            let mut since = self.today;
            let mut put = |list: &[PoolPlace]| {
                let start = members.len();
                for place in list {
                    let id = self.items[at(*place)].id;
                    since = since.min(broken_since.get(&id).copied().unwrap_or(since));
                    places[at(*place)] = Some(ItemPlace::Break(number));
                    members.push(id);
                }
                MemberRange::new(start..members.len())
            };
            let (stated, due) = (put(&found.stated), put(&found.due));
            let FoundBreak { kind, decided, difference, posting, .. } = *found;
            breaks.push(ReconBreak { kind, decided, stated, due, difference, posting, since });
        }
        let awaited: Vec<AwaitedItem> = (0..)
            .zip(&self.awaited)
            .map(|(number, one)| {
                places[at(one.item)] = Some(ItemPlace::Awaited(number));
                let FoundAwaited { item, lane, by, reason } = *one;
                AwaitedItem { item: self.items[at(item)].id, lane, by, reason }
            })
            .collect();
        let places = places.into_iter().map(|place| place.expect("M15: nothing is left open"));
        let places = places.collect();
        let considered = self
            .considered
            .iter()
            .map(|(place, list)| (self.items[at(*place)].id, list.iter().copied().collect()));
        let considered = considered.collect();
        let mut result = Reconciliation {
            items: self.items,
            members,
            matches,
            breaks,
            awaited,
            suggestions,
            considered,
            places,
            totals: Vec::new(),
            digest: [0; 32],
        };
        result.close();
        result
    }
}

/// The first kind of key that both have and that differs.
fn contradiction(line: &LaneItem, item: &LaneItem) -> Option<MatchKeyKind> {
    let differs = |key: ItemKey| item.key(key.kind).is_some_and(|other| other != key);
    if let Some(key) = line.keys().find(|key| differs(*key)) {
        return Some(key.kind);
    }
    let of_group = |one: &LaneItem, kind| {
        one.group.filter(|group| group.kind == kind).or_else(|| one.key(kind))
    };
    let groups = [line.group, item.group].into_iter().flatten();
    let kinds = groups.map(|group| group.kind);
    kinds.into_iter().find(|kind| {
        matches!((of_group(line, *kind), of_group(item, *kind)), (Some(a), Some(b)) if a != b)
    })
}
