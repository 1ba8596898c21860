//! Verdicts on claims that are read together.

use std::collections::{BTreeMap, BTreeSet};

use money::Currency;

use super::correction::corrections;
use super::evaluate::{Evaluation, evaluate, known_values};
use super::figure::Interval;
use super::model::{Level, Levels, Model};
use super::reason::{Findings, Reason, ReasonKind};
use super::{Claim, Judgement, Verdict};

/// Limit on the claims of one period and universe that growth is compared with, and on those of
/// other universes that are tried instead.
const LEVELS_MAX: usize = 16;

/// By publisher, period, name and universe.
type LevelsByName<'a> = BTreeMap<(&'a str, &'a str, &'a str, Option<&'a str>), Vec<Level<'a>>>;

/// By universe, period, name and currency.
type ValuesByName<'a> = BTreeMap<(&'a str, &'a str, &'a str, Option<Currency>), Extremes<'a>>;

/// Of the claims of one value: the one that is lowest and the one that is highest. Who disagrees
/// with any disagrees with one of them.
struct Extremes<'a> {
    lowest: Stated<'a>,
    highest: Stated<'a>,
}

#[derive(Clone)]
struct Stated<'a> {
    id: &'a str,
    interval: Interval,
    shown: String,
}

/// Judges claims. Growth is compared with the levels of another claim of the same publisher, and
/// values of one name with those of other claims of the same universe and period: the same words.
/// The order of the claims, and in them, changes no verdict.
#[must_use]
pub fn judge(claims: &[Claim]) -> Vec<Judgement> {
    let levels = levels_by_name(claims);
    let stated = values_by_name(claims);
    let mut levels_used = BTreeSet::new();
    let judged = claims.iter().map(|claim| judge_one(claim, &levels, &stated, &mut levels_used));
    let mut judgements: Vec<Judgement> = judged.collect();
    for (claim, judgement) in claims.iter().zip(&mut judgements) {
        let is_silent = |reason: &Reason| ["nothing_to_check", "derived"].contains(&reason.key);
        let Some(by) = level_use(&levels_used, claim) else { continue };
        if judgement.reasons.iter().all(is_silent)
            && let Some(last) = judgement.reasons.last_mut()
            && last.key == "nothing_to_check"
        {
            let facts = vec![("by", by.to_owned())];
            *last = Reason { kind: ReasonKind::Holds, key: "is_level", facts };
            judgement.verdict = Verdict::Holds;
        }
    }
    judgements
}

/// Claims whose levels agree with the growth of another one, and the id of that one.
type LevelsUsed<'a> = BTreeSet<(String, &'a str)>;

fn level_use<'a>(used: &LevelsUsed<'a>, claim: &Claim) -> Option<&'a str> {
    let first = used.range((claim.id.clone(), "")..).next();
    first.filter(|(id, _)| *id == claim.id).map(|(_, by)| *by)
}

fn judge_one<'a>(
    claim: &'a Claim,
    levels: &LevelsByName<'a>,
    stated: &ValuesByName<'a>,
    levels_used: &mut LevelsUsed<'a>,
) -> Judgement {
    let mut model = Model::of(claim);
    for growth in &mut model.growth {
        let name = model.names[growth.value];
        growth.levels = levels_of(claim, name, growth.over, levels);
    }
    let mut found = Findings::new(true);
    let evaluation = evaluate(&model, &mut found);
    let checks = found.holding + found.failing - found.bounds;
    compare_with_others(claim, &evaluation, stated, &mut found);
    let verdict = verdict(&found);
    if found.failing == 0 {
        let agreed = std::mem::take(&mut found.levels).into_iter();
        levels_used.extend(agreed.map(|level| (level, claim.id.as_str())));
    }
    let corrections = match verdict {
        Verdict::CannotHold => corrections(&mut model, checks, &found.failed),
        _ => Vec::new(),
    };
    Judgement { id: claim.id.clone(), verdict, reasons: found.reasons, corrections }
}

pub(super) fn verdict(found: &Findings) -> Verdict {
    match (found.failing, found.undefined) {
        (0, 0) => Verdict::Holds,
        (0, _) => Verdict::NeedsDefinition,
        _ => Verdict::CannotHold,
    }
}

/// What the claims of periods say that some growth is over.
fn levels_by_name(claims: &[Claim]) -> LevelsByName<'_> {
    let over = claims.iter().flat_map(|claim| {
        let growth = claim.growth.iter().map(|growth| growth.over.as_str());
        growth.filter_map(|over| Some((claim.publisher.as_deref()?, over)))
    });
    let wanted: BTreeSet<(&str, &str)> = over.collect();
    let mut levels = LevelsByName::new();
    for claim in claims {
        let universe = claim.universe.as_deref();
        let stated = claim.publisher.as_deref().zip(claim.period.as_deref());
        let Some((publisher, period)) = stated else { continue };
        if !wanted.contains(&(publisher, period)) {
            continue;
        }
        let model = Model::of(claim);
        let evaluation = known_values(&model);
        for (place, name) in model.names.iter().enumerate() {
            for (currency, code) in model.currencies.iter().enumerate() {
                let Some(known) = evaluation.of(place, currency) else { continue };
                let level = Level {
                    claim: &claim.id,
                    currency: *code,
                    interval: known.interval.clone(),
                    shown: evaluation.shown(place, currency),
                };
                let key = (publisher, period, *name, universe);
                levels.entry(key).or_default().push(level);
            }
        }
    }
    for levels in levels.values_mut() {
        levels.sort_by_key(|level| (level.claim, level.currency));
        levels.truncate(LEVELS_MAX);
    }
    levels
}

/// The levels of a name in an earlier period.
fn levels_of<'a>(claim: &Claim, name: &str, over: &str, levels: &LevelsByName<'a>) -> Levels<'a> {
    let universe = claim.universe.as_deref();
    // Nobody knows whether claims without a publisher are of the same one.
    let Some(publisher) = claim.publisher.as_deref() else { return Levels::default() };
    let first = (publisher, over, name, None);
    let all = levels.range(first..);
    let all = all.take_while(|(key, _)| (key.0, key.1, key.2) == (first.0, first.1, first.2));
    let mut found = Levels::default();
    for ((.., other), levels) in all {
        if *other == universe {
            found.own.clone_from(levels);
        } else if found.others.len() < LEVELS_MAX {
            let levels = levels.iter().map(|level| (other.unwrap_or("—"), level.clone()));
            found.others.extend(levels);
        }
    }
    found
}

/// What is counted, and when.
fn words_of(claim: &Claim) -> Option<(&str, &str)> {
    claim.universe.as_deref().zip(claim.period.as_deref())
}

fn values_by_name(claims: &[Claim]) -> ValuesByName<'_> {
    let mut all: Vec<(&str, &str)> = claims.iter().filter_map(words_of).collect();
    all.sort_unstable();
    let shared: BTreeSet<(&str, &str)> =
        all.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    let mut stated = ValuesByName::new();
    for claim in claims {
        let words = words_of(claim).filter(|words| shared.contains(words));
        let Some((universe, period)) = words else { continue };
        for value in &claim.values {
            let interval = value.amount.interval(value.scale.power());
            let shown = super::model::unit(value.scale, value.currency);
            let shown = format!("{}{shown}", value.amount);
            let new = Stated { id: &claim.id, interval, shown };
            let key = (universe, period, value.name.as_str(), value.currency);
            let first = || Extremes { lowest: new.clone(), highest: new.clone() };
            let extremes = stated.entry(key).or_insert_with(first);
            if (&new.interval.hi, new.id) < (&extremes.lowest.interval.hi, extremes.lowest.id) {
                extremes.lowest = new.clone();
            }
            if (&new.interval.lo, new.id) > (&extremes.highest.interval.lo, extremes.highest.id) {
                extremes.highest = new;
            }
        }
    }
    stated
}

/// Values of one name, universe and period that differ are not of one thing: someone must say what
/// was counted.
fn compare_with_others(
    claim: &Claim,
    evaluation: &Evaluation<'_, '_>,
    stated: &ValuesByName<'_>,
    found: &mut Findings,
) {
    let Some((universe, period)) = words_of(claim).filter(|_| !stated.is_empty()) else { return };
    for value in &evaluation.model.values {
        let name = evaluation.model.names[value.name];
        let currency = evaluation.model.currencies[value.currency];
        let Some(extremes) = stated.get(&(universe, period, name, currency)) else { continue };
        let Some(own) = evaluation.of(value.name, value.currency) else { continue };
        let others = [&extremes.lowest, &extremes.highest];
        if let Some(other) = others.into_iter().find(|other| !other.interval.meets(&own.interval)) {
            found.add(ReasonKind::Undefined, "disagrees", || {
                vec![
                    ("name", name.to_owned()),
                    ("claimed", evaluation.model.shown_value(value)),
                    ("other", other.id.to_owned()),
                    ("other_claimed", other.shown.clone()),
                ]
            });
        }
    }
}
