//! The matcher: which line from outside is for which item of the ledger.
//!
//! How to drive it:
//!
//! 1. Make a [`LaneItem`] of each line of each file that was taken, and of each collection,
//!    deposit, payout and clearing payment that the books expect to see in a file. An item of the
//!    ledger says in which lane and when it is due ([`DueArrival`]; [`days::DueRule`] knows
//!    business days and cut-offs). What is due in two lanes is two items. Name files with
//!    [`SeenFile`], also empty ones.
//! 2. Call [`reconcile`] with what the last run left ([`CarryForward`]), all decisions of people
//!    ([`MatchDecision`]) and the day.
//! 3. Give the books what [`Reconciliation::matches`] and [`Reconciliation::breaks`] say, then
//!    keep [`CarryForward::after`] for the next run. A match that was given to the books stands:
//!    the next run finds it again, unless a decision undoes it.
//!
//! The result depends on the items, decisions and day alone: not on their order, nor on how lines
//! are split into files. Each item is matched, awaited or broken, exactly one of the three (M15).
//! Nothing is guessed: docs/recon.md describes each rule.
//!
//! Files of millions of lines go through [`join`](crate::join) first, which needs 32 bytes for each
//! line; what it leaves over comes here.

mod exact;
pub mod inputs;
pub mod items;
mod near;
pub mod outcome;
mod pool;
pub mod rules;
mod sums;
mod unkeyed;

use std::collections::BTreeSet;

pub use calendar::days;
pub use inputs::{CarryForward, MatchDecision, MatchInputError, MatchInputs, StandingMatch};
pub use items::{
    DueArrival, ItemKey, Lane, LaneItem, LaneItemId, LaneItemKind, MatchKeyKind, SeenFile,
};
pub use near::is_near;
pub use outcome::Reconciliation;
pub use rules::{MatchPolicy, MatchRule};

use outcome::{AwaitedReason, ReconBreakKind, SuggestedPosting, WhyNot};
use pool::{FoundBreak, FoundMatch, Pool, PoolPlace, narrowed};
use rules::LanePolicy;

/// Matches all items.
///
/// # Errors
/// Inputs that contradict themselves; nothing was matched.
pub fn reconcile(inputs: &MatchInputs<'_>) -> Result<Reconciliation, MatchInputError> {
    inputs.check_decisions()?;
    let items = inputs.merged_items()?;
    let mut pool = Pool::new(items, inputs.policy, inputs.today);
    apply_decisions(&mut pool, inputs.decisions);
    keep_standing_matches(&mut pool, &inputs.carried.matches);
    let files = inputs.seen_files();
    for lane in &inputs.policy.lanes {
        match_lane(&mut pool, lane);
        diagnose_lane(&mut pool, lane, &files);
    }
    Ok(pool.finish(&inputs.carried.broken_since))
}

fn places(pool: &Pool<'_>, ids: &[LaneItemId]) -> Option<Vec<PoolPlace>> {
    let mut places: Vec<PoolPlace> =
        ids.iter().map(|id| pool.place_of(*id)).collect::<Option<_>>()?;
    places.sort_unstable();
    places.dedup();
    Some(places)
}

/// A decision about items that this run does not have waits for the run that has them.
fn apply_decisions(pool: &mut Pool<'_>, decisions: &[MatchDecision]) {
    for decision in decisions {
        match decision {
            MatchDecision::Match { stated, due } => {
                let found = places(pool, stated).zip(places(pool, due));
                let Some((stated, due)) = found else { continue };
                let difference = narrowed(pool.sum(&stated) - pool.sum(&due));
                let tolerated = (difference != 0).then_some((None, difference));
                pool.take_match(FoundMatch { rule: MatchRule::Decided, stated, due, tolerated });
            }
            MatchDecision::Never { stated, due } => {
                let pair = pool.place_of(*stated).zip(pool.place_of(*due));
                pool.never.extend(pair);
            }
            MatchDecision::Break { items, kind } => {
                let Some(items) = places(pool, items) else { continue };
                let (stated, due): (Vec<_>, Vec<_>) =
                    items.into_iter().partition(|place| pool.item(*place).due.is_none());
                let difference = narrowed(pool.sum(&stated) - pool.sum(&due));
                let posting = SuggestedPosting::Decide;
                let kind = *kind;
                pool.take_break(FoundBreak {
                    kind,
                    decided: true,
                    stated,
                    due,
                    difference,
                    posting,
                });
            }
        }
    }
}

/// Matches of earlier runs stand, unless a decision took one of their items or keeps them apart.
fn keep_standing_matches(pool: &mut Pool<'_>, standing: &[StandingMatch]) {
    for found in standing {
        let both = places(pool, &found.stated).zip(places(pool, &found.due));
        let Some((stated, due)) = both else { continue };
        let open = stated.iter().chain(&due).all(|place| pool.is_open(*place));
        let apart = pool.never.iter().any(|(line, item)| {
            stated.binary_search(line).is_ok() && due.binary_search(item).is_ok()
        });
        if open && !apart {
            let StandingMatch { rule, tolerated, .. } = *found;
            pool.take_match(FoundMatch { rule, stated, due, tolerated });
        }
    }
}

fn match_lane(pool: &mut Pool<'_>, lane: &LanePolicy) {
    for rule in &lane.keys {
        exact::match_exact_keys(pool, lane, rule);
    }
    exact::match_within_tolerance(pool, lane);
    for rule in lane.keys.iter().filter(|rule| rule.sums) {
        sums::match_keyed_sums(pool, lane, rule);
    }
    for rule in lane.keys.iter().filter(|rule| rule.sums) {
        sums::break_sum_differences(pool, lane, rule);
    }
    for rule in &lane.keys {
        exact::break_keyed_differences(pool, lane, rule);
    }
    break_duplicates(pool, lane);
    if lane.without_keys {
        unkeyed::match_dated_sums(pool, lane);
        unkeyed::match_subset_sums(pool, lane);
    }
    near::suggest_near_references(pool, lane);
}

/// A line with the key of what is taken already is a second line for it, or one of another kind.
fn break_duplicates(pool: &mut Pool<'_>, lane: &LanePolicy) {
    let (stated, _) = pool.open_of_lane(lane.lane);
    if stated.is_empty() {
        return;
    }
    let asked = |place: PoolPlace| {
        let item = pool.item(place);
        let keys = item.keys().chain(item.group).filter(|key| is_asked(lane, *key));
        keys.map(move |key| (key, place)).collect::<Vec<_>>()
    };
    let mut lines: Vec<ItemKey> =
        stated.iter().flat_map(|line| asked(*line)).map(|(key, _)| key).collect();
    lines.sort_unstable();
    let due = pool.of_lane(lane.lane).filter(|place| pool.item(*place).due.is_some());
    let mut due: Vec<(ItemKey, PoolPlace)> =
        due.flat_map(asked).filter(|(key, _)| lines.binary_search(key).is_ok()).collect();
    due.sort_unstable();
    for line in stated {
        let item = *pool.item(line);
        let keys = item.keys().chain(item.group).filter(|key| is_asked(lane, *key));
        let mut second = None;
        let mut other_kind = None;
        for key in keys {
            let from = due.partition_point(|(other, _)| *other < key);
            let same = due[from..].iter().take_while(|(other, _)| *other == key);
            for (_, place) in same.take(outcome::CONSIDERED_MAX) {
                match pool.check_pair(line, *place, u16::MAX) {
                    Ok(()) if !pool.is_open(*place) => second = second.or(Some(*place)),
                    Err(WhyNot::KindDiffers) => other_kind = other_kind.or(Some(*place)),
                    Ok(()) | Err(_) => {}
                }
            }
        }
        let (kind, other, posting) = match (second, other_kind) {
            (Some(other), _) => (ReconBreakKind::Duplicate, other, SuggestedPosting::ThroughBank),
            (None, Some(other)) => {
                let posting = SuggestedPosting::ToPayment(pool.item(other).id);
                (ReconBreakKind::Unannounced, other, posting)
            }
            (None, None) => continue,
        };
        let why_not = match kind {
            ReconBreakKind::Duplicate => WhyNot::Consumed,
            _ => WhyNot::KindDiffers,
        };
        pool.consider(line, other, why_not);
        break_line(pool, line, kind, posting);
    }
}

fn is_asked(lane: &LanePolicy, key: ItemKey) -> bool {
    lane.keys.iter().any(|rule| rule.kind == key.kind)
}

fn break_line(
    pool: &mut Pool<'_>,
    line: PoolPlace,
    kind: ReconBreakKind,
    posting: SuggestedPosting,
) {
    let difference = pool.item(line).amount;
    let stated = vec![line];
    pool.take_break(FoundBreak {
        kind,
        decided: false,
        stated,
        due: Vec::new(),
        difference,
        posting,
    });
}

/// Says of what is left when it is due, or what is wrong with it.
fn diagnose_lane(pool: &mut Pool<'_>, lane: &LanePolicy, files: &BTreeSet<SeenFile>) {
    let (stated, due) = pool.open_of_lane(lane.lane);
    for line in stated {
        let item = *pool.item(line);
        let until = item.booked.plus_days(lane.wait_days);
        let ambiguous = pool.considered_as(line, WhyNot::NotUnique);
        let (kind, posting) = if ambiguous {
            (ReconBreakKind::Ambiguous, SuggestedPosting::Decide)
        } else if lane.wait_days > 0 && pool.today <= until {
            pool.take_awaited(line, until, AwaitedReason::InLedger);
            continue;
        } else if !item.keys().chain(item.group).any(|key| is_asked(lane, key)) {
            (ReconBreakKind::NoReference, SuggestedPosting::Decide)
        } else if item.kind == LaneItemKind::FeeCorrection {
            (ReconBreakKind::FeeDrift, SuggestedPosting::WriteOff)
        } else {
            (ReconBreakKind::UnknownReference, SuggestedPosting::Decide)
        };
        break_line(pool, line, kind, posting);
    }
    for place in due {
        let item = *pool.item(place);
        let Some(arrival) = item.due else { continue };
        if pool.today <= arrival.on {
            pool.take_awaited(place, arrival.on, AwaitedReason::NotDue);
            continue;
        }
        let seen = files.iter().any(|file| file.covers(arrival.lane, item.party, arrival.file_day));
        let until = arrival.on.plus_days(pool.policy.late_days);
        let kind = match seen {
            true if pool.considered_as(place, WhyNot::NotUnique) => ReconBreakKind::Ambiguous,
            true => ReconBreakKind::LateItem,
            false => ReconBreakKind::MissingFile,
        };
        let posting = match kind {
            ReconBreakKind::Ambiguous => SuggestedPosting::Decide,
            ReconBreakKind::MissingFile => SuggestedPosting::AskSender,
            _ if pool.today <= until => SuggestedPosting::WaitUntil(until),
            _ => SuggestedPosting::AskSender,
        };
        let difference = item.amount.checked_neg().unwrap_or(i64::MAX);
        let due = vec![place];
        pool.take_break(FoundBreak {
            kind,
            decided: false,
            stated: Vec::new(),
            due,
            difference,
            posting,
        });
    }
}
