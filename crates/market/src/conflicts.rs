//! Conflicts of promotions before they go live: what is impossible, and what overlaps.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::command::*;
use crate::ids::PromotionId;
use crate::market::kind_key;
use crate::promotion_check::{check_follows, check_terms};
use crate::refusal::{MarketRefusal, MissingMarketRecord, PromotionFault, not_found};

/// Something impossible in a list of promotions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImpossiblePromotion {
    /// The place in the list, from 0.
    pub place: usize,
    pub promotion: PromotionId,
    pub reason: MarketRefusal,
}

/// Two promotions that can apply to the same unit at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PromotionOverlap {
    /// Applies first.
    pub first: PromotionId,
    pub second: PromotionId,
    pub kind: OverlapKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum OverlapKind {
    /// Both discount the same unit, one after the other.
    Stacks,
    /// The first one is exclusive and keeps its units, or the second one yields to it.
    Excludes,
    /// They have the same place in the order, so their ids decide which applies first.
    SameOrder,
}

/// What is impossible in the promotions alone. What they say about offers is checked when they are
/// published.
#[must_use]
pub fn impossible(promotions: &[PublishPromotion]) -> Vec<ImpossiblePromotion> {
    let mut found = Vec::new();
    for (place, terms) in promotions.iter().enumerate() {
        let promotion = terms.promotion;
        let before = promotions[..place].iter().rfind(|one| one.promotion == promotion);
        let reason = check_version(before, terms).and_then(|()| check_terms(terms)).err();
        let reason = reason.or_else(|| yielding_fault(promotions, terms));
        found.extend(reason.map(|reason| ImpossiblePromotion { place, promotion, reason }));
    }
    found
}

/// Checks a version against the one before it in the list. The first one may follow on a version
/// that was published before.
fn check_version(
    before: Option<&PublishPromotion>,
    terms: &PublishPromotion,
) -> Result<(), MarketRefusal> {
    let next = before.map_or(terms.version.max(1).into(), |one| u32::from(one.version) + 1);
    if u32::from(terms.version) != next {
        return Err(books::Refusal::WrongSequenceNumber(next).into());
    }
    before.map_or(Ok(()), |before| check_follows(before, terms))
}

fn yielding_fault(all: &[PublishPromotion], terms: &PublishPromotion) -> Option<MarketRefusal> {
    let last = |id: PromotionId| all.iter().rfind(|one| one.promotion == id);
    for &id in &terms.yields_to {
        let mut seen = BTreeSet::from([id]);
        let mut open = vec![id];
        while let Some(one) = open.pop() {
            if one == terms.promotion {
                return Some(PromotionFault::CircularYielding(id).into());
            }
            let next = last(one).into_iter().flat_map(|one| &one.yields_to);
            open.extend(next.filter(|next| seen.insert(**next)));
        }
        match last(id) {
            None => return Some(not_found(MissingMarketRecord::Promotion(id))),
            Some(other) if (other.order, id) >= (terms.order, terms.promotion) => {
                return Some(PromotionFault::YieldsToLater(id).into());
            }
            Some(_) => {}
        }
    }
    None
}

/// Which promotions can meet on one unit. A scope of offers and one of categories may meet, because
/// only the market knows which offer is of which category.
#[must_use]
pub fn overlaps(promotions: &[PublishPromotion]) -> Vec<PromotionOverlap> {
    let mut sorted: Vec<&PublishPromotion> = promotions.iter().collect();
    sorted.sort_by_key(|terms| (terms.order, terms.promotion, terms.version));
    let mut found = Vec::new();
    for (place, first) in sorted.iter().enumerate() {
        for second in &sorted[place + 1..] {
            if first.promotion == second.promotion || !can_meet(first, second) {
                continue;
            }
            let excludes =
                first.exclusive || second.exclusive || second.yields_to.contains(&first.promotion);
            let kind = if excludes {
                OverlapKind::Excludes
            } else if first.order == second.order {
                OverlapKind::SameOrder
            } else {
                OverlapKind::Stacks
            };
            found.push(PromotionOverlap { first: first.promotion, second: second.promotion, kind });
        }
    }
    found
}

fn can_meet(one: &PublishPromotion, other: &PublishPromotion) -> bool {
    let share = |one: &[u64], other: &[u64]| {
        one.is_empty() || other.is_empty() || one.iter().any(|id| other.contains(id))
    };
    let lists = |scope: &PromotionScope| {
        [
            scope.offers.iter().map(|id| id.0).collect::<Vec<u64>>(),
            scope.categories.iter().map(|id| id.0).collect(),
            scope.sellers.iter().map(|id| id.0).collect(),
        ]
    };
    let kinds = match (one.scope.seller_kind, other.scope.seller_kind) {
        (Some(one), Some(other)) => kind_key(one) == kind_key(other),
        _ => true,
    };
    let delivers = |terms: &PublishPromotion| matches!(terms.rule, PromotionRule::FreeDelivery);
    one.currency == other.currency
        && one.from < other.until
        && other.from < one.until
        && delivers(one) == delivers(other)
        && kinds
        && lists(&one.scope).iter().zip(&lists(&other.scope)).all(|(a, b)| share(a, b))
}
