//! Which single correction would make a claim hold.

use super::Verdict;
use super::evaluate::{FailedRelation, evaluate};
use super::figure::{Scale, ShownDecimal};
use super::judge::verdict;
use super::model::{Level, Model, ModelRate, ModelShare, ModelValue, growth_factor};
use super::reason::{Findings, SentenceValue};

/// Limit on the corrections of a claim that are tried.
const CORRECTIONS_TRIED_MAX: usize = 20_000;
/// Limit on the steps of arithmetic for the corrections of a claim: some seconds.
const WORK_MAX: usize = 50_000_000;
/// Limit on the corrections that a judgement lists.
pub const CORRECTIONS_SHOWN_MAX: usize = 5;

/// One change that makes a claim hold. Its sentence is that of `key`, with the facts in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Correction {
    /// One of [`CORRECTION_TEXTS`].
    pub key: &'static str,
    pub facts: Vec<SentenceValue>,
}

const FIGURE: &[&str] = &["name", "from", "to"];
const PERCENT: &[&str] = &["part", "whole", "from", "to"];
const GROWTH: &[&str] = &["value", "over", "from", "to"];
const RATE: &[&str] = &["first", "second", "from", "to"];

/// Every key with the names of its facts, the likeliest first.
pub const CORRECTION_TEXTS: &[(&str, &[&str])] = &[
    ("value_digits_exchanged", FIGURE),
    ("share_digits_exchanged", PERCENT),
    ("growth_digits_exchanged", GROWTH),
    ("rate_digits_exchanged", RATE),
    ("scale", FIGURE),
    ("currency", FIGURE),
    ("values_exchanged", &["first", "second"]),
    ("other_whole", &["part", "whole", "other"]),
    ("other_name", &["name", "value", "other"]),
    ("other_universe", &["value", "over", "universe"]),
    ("value_digit", FIGURE),
    ("share_digit", PERCENT),
    ("growth_digit", GROWTH),
    ("rate_digit", RATE),
];

/// A change of the model. Applied once, it returns the change that takes it back.
enum Edit<'a> {
    Value(usize, ModelValue),
    Exchange(usize, usize),
    Share(usize, ModelShare),
    Growth(usize, ShownDecimal),
    Levels(usize, Vec<Level<'a>>),
    Rate(usize, ModelRate),
}

impl<'a> Edit<'a> {
    fn apply(self, model: &mut Model<'a>) -> Edit<'a> {
        use std::mem::replace;
        match self {
            Edit::Value(at, new) => Edit::Value(at, replace(&mut model.values[at], new)),
            Edit::Share(at, new) => Edit::Share(at, replace(&mut model.shares[at], new)),
            Edit::Rate(at, new) => Edit::Rate(at, replace(&mut model.rates[at], new)),
            Edit::Growth(at, new) => {
                let growth = &mut model.growth[at];
                growth.factor = growth_factor(new);
                Edit::Growth(at, replace(&mut growth.percent, new))
            }
            Edit::Levels(at, new) => {
                Edit::Levels(at, replace(&mut model.growth[at].levels.own, new))
            }
            Edit::Exchange(first, second) => {
                let [a, b] = [first, second].map(|at| model.values[at].name);
                (model.values[first].name, model.values[second].name) = (b, a);
                Edit::Exchange(first, second)
            }
        }
    }
}

/// All single corrections that make a claim hold with at least as many checks as before.
/// `failed` are the relations that fail, as far as they are known.
pub(super) fn corrections(
    model: &mut Model<'_>,
    checks: u32,
    failed: &[FailedRelation],
) -> Vec<Correction> {
    let mut all: Vec<(usize, Correction)> = Vec::new();
    let mut work = 0;
    for (exchanges, edit) in
        edits(model, failed.first().copied()).into_iter().take(CORRECTIONS_TRIED_MAX)
    {
        let back = edit.apply(model);
        let mut found = Findings::new(false);
        match failed.iter().any(|it| it.still_fails(model)) {
            true => found.failing += 1,
            false => drop(evaluate(model, &mut found)),
        }
        let edit = back.apply(model);
        work += found.work;
        if work > WORK_MAX {
            break;
        }
        if verdict(&found) == Verdict::Holds && found.holding >= checks {
            let correction = describe(model, &edit, exchanges);
            let key = |(key, _): &(&str, _)| *key == correction.key;
            let rank = CORRECTION_TEXTS.iter().position(key).unwrap_or(usize::MAX);
            all.push((rank, correction));
        }
    }
    all.sort();
    all.dedup();
    all.into_iter().map(|(_, correction)| correction).collect()
}

/// What is tried: `true` if neighbouring digits are exchanged. Of what is known to fail at least
/// one figure must change.
fn edits<'a>(model: &Model<'a>, failed: Option<FailedRelation>) -> Vec<(bool, Edit<'a>)> {
    let mut edits: Vec<(bool, Edit<'a>)> = Vec::new();
    for (at, value) in model.values.iter().enumerate() {
        edit_value(&mut edits, at, value, model, failed);
    }
    for (at, share) in model.shares.iter().enumerate() {
        if failed.is_some_and(|failed| !failed.has_share(at)) {
            continue;
        }
        let misprints = share.percent.misprints();
        edits.extend(
            misprints.map(|(exchanges, new)| (exchanges, Edit::Share(at, share.with(new)))),
        );
        let is_other = |name: usize| name != share.part && name != share.whole;
        let names = (0..model.names.len()).filter(|&name| is_other(name));
        edits.extend(
            names.map(|whole| (false, Edit::Share(at, ModelShare { whole, ..share.clone() }))),
        );
    }
    if failed.is_some() {
        return edits;
    }
    for (at, growth) in model.growth.iter().enumerate() {
        let misprints = growth.percent.misprints();
        edits.extend(misprints.map(|(exchanges, new)| (exchanges, Edit::Growth(at, new))));
        for by_universe in growth.levels.others.chunk_by(|a, b| a.0 == b.0) {
            let levels = by_universe.iter().map(|(_, level)| level.clone()).collect();
            edits.push((false, Edit::Levels(at, levels)));
        }
    }
    for (at, rate) in model.rates.iter().enumerate() {
        let above_zero = rate.value.misprints().filter(|(_, new)| !new.is_zero());
        edits
            .extend(above_zero.map(|(exchanges, new)| (exchanges, Edit::Rate(at, rate.with(new)))));
    }
    edits
}

/// Other digits, scale, currency and name of a value, and its exchange with a later one.
fn edit_value(
    edits: &mut Vec<(bool, Edit<'_>)>,
    at: usize,
    value: &ModelValue,
    model: &Model<'_>,
    failed: Option<FailedRelation>,
) {
    let can_help =
        |name, currency| failed.is_none_or(|failed| failed.has_value(model, name, currency));
    let helps = can_help(value.name, value.currency);
    if helps {
        edits.extend(
            value
                .amount
                .misprints()
                .map(|(exchanges, new)| (exchanges, Edit::Value(at, value.with(new, value.scale)))),
        );
        // Of two scales of one size the one in the claim's own language.
        let is_chinese = value.scale.is_chinese();
        let others = Scale::ALL.into_iter().filter(|scale| match scale {
            Scale::WanYi if !is_chinese => false,
            Scale::Trillion if is_chinese => false,
            scale => scale.power() != value.scale.power(),
        });
        edits.extend(others.map(|it| (false, Edit::Value(at, value.with(value.amount, it)))));
    }
    let can_be = |name: usize, currency: usize| {
        let same = |other: &ModelValue| other.name == name && other.currency == currency;
        (helps || can_help(name, currency)) && !model.values.iter().any(same)
    };
    let currencies = 0..model.currencies.len();
    let currencies = currencies.filter(|&currency| can_be(value.name, currency));
    edits.extend(
        currencies
            .map(|currency| (false, Edit::Value(at, ModelValue { currency, ..value.clone() }))),
    );
    let names = (0..model.names.len()).filter(|&name| can_be(name, value.currency));
    edits.extend(names.map(|name| (false, Edit::Value(at, ModelValue { name, ..value.clone() }))));
    let others = model.values.iter().enumerate().skip(at + 1);
    let others = others.filter(|(_, other)| {
        other.currency == value.currency && (helps || can_help(other.name, other.currency))
    });
    edits.extend(others.map(|(other, _)| (false, Edit::Exchange(at, other))));
}

/// A change in words, with the model as it is before the change.
fn describe(model: &Model<'_>, edit: &Edit<'_>, exchanges: bool) -> Correction {
    let name = |name: usize| model.names[name].to_owned();
    let pick = |exchanged: &'static str, digit: &'static str| match exchanges {
        true => exchanged,
        false => digit,
    };
    let (key, facts) = match edit {
        Edit::Value(at, new) => {
            let old = &model.values[*at];
            if new.name != old.name {
                let (value, other) = (model.shown_value(old), name(new.name));
                let facts = vec![("name", name(old.name)), ("value", value), ("other", other)];
                return Correction { key: "other_name", facts };
            }
            let key = if new.currency != old.currency {
                "currency"
            } else if new.scale != old.scale {
                "scale"
            } else {
                pick("value_digits_exchanged", "value_digit")
            };
            let [from, to] = [old, new].map(|value| model.shown_value(value));
            (key, vec![("name", name(old.name)), ("from", from), ("to", to)])
        }
        Edit::Share(at, new) => {
            let old = &model.shares[*at];
            let (part, whole) = (("part", name(old.part)), ("whole", name(old.whole)));
            if new.whole != old.whole {
                let facts = vec![part, whole, ("other", name(new.whole))];
                return Correction { key: "other_whole", facts };
            }
            let (from, to) = (old.percent.to_string(), new.percent.to_string());
            let key = pick("share_digits_exchanged", "share_digit");
            (key, vec![part, whole, ("from", from), ("to", to)])
        }
        Edit::Growth(at, new) => {
            let growth = &model.growth[*at];
            let facts = vec![
                ("value", name(growth.value)),
                ("over", growth.over.to_owned()),
                ("from", growth.percent.to_string()),
                ("to", new.to_string()),
            ];
            (pick("growth_digits_exchanged", "growth_digit"), facts)
        }
        Edit::Rate(at, new) => {
            let rate = &model.rates[*at];
            let code = |currency: usize| {
                model.currencies[currency].map_or_else(String::new, |code| code.to_string())
            };
            let facts = vec![
                ("first", code(rate.from)),
                ("second", code(rate.to)),
                ("from", rate.value.to_string()),
                ("to", new.value.to_string()),
            ];
            (pick("rate_digits_exchanged", "rate_digit"), facts)
        }
        Edit::Exchange(first, second) => {
            let mut both = [first, second].map(|at| {
                let value = &model.values[*at];
                format!("{} {}", model.names[value.name], model.shown_value(value))
            });
            both.sort();
            let [first, second] = both;
            ("values_exchanged", vec![("first", first), ("second", second)])
        }
        Edit::Levels(at, new) => {
            let growth = &model.growth[*at];
            let is_it = |level: &Level<'_>| new.first().is_some_and(|it| it.shown == level.shown);
            let others = &growth.levels.others;
            let universe = others.iter().find(|(_, level)| is_it(level)).map_or("—", |it| it.0);
            let facts = vec![
                ("value", name(growth.value)),
                ("over", growth.over.to_owned()),
                ("universe", universe.to_owned()),
            ];
            ("other_universe", facts)
        }
    };
    Correction { key, facts }
}
