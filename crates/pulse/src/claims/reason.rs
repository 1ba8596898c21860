//! What a verdict rests on: each check with its numbers.

use super::evaluate::FailedRelation;

/// What was found by one step of the arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReasonKind {
    /// A check that holds.
    Holds,
    /// A check that cannot hold.
    Fails,
    /// A number that the claim leaves out, computed from the others. It checks nothing.
    Derived,
    /// Something that cannot be computed.
    Undefined,
}

/// A number or a name in a sentence, by the sentence's name for it. Intervals are rounded outwards.
pub type SentenceValue = (&'static str, String);

/// One step of the arithmetic. Its sentence is that of `key`, with the facts in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub kind: ReasonKind,
    /// One of [`REASON_TEXTS`].
    pub key: &'static str,
    pub facts: Vec<SentenceValue>,
}

const PARTS: &[&str] = &["whole", "sum", "computed", "claimed", "range"];
const SOME_PARTS: &[&str] = &["whole", "sum", "computed", "claimed", "range", "missing"];
const SHARE: &[&str] =
    &["part", "part_value", "whole", "whole_value", "computed", "percent", "range"];
const SHARES_SUM: &[&str] = &["whole", "sum", "computed"];
const RATE: &[&str] = &["name", "amount", "rate", "computed", "claimed", "range"];
const RATES: &[&str] = &["rate", "over", "computed", "range"];
const GROWTH: &[&str] = &["value", "over", "level", "now", "computed", "percent", "range"];
const GROWTH_OF_PARTS: &[&str] = &["value", "over", "computed", "percent", "range"];

/// Every key with the names of its facts.
pub const REASON_TEXTS: &[(&str, &[&str])] = &[
    ("parts_hold", PARTS),
    ("parts_fail", PARTS),
    ("some_parts_hold", SOME_PARTS),
    ("some_parts_fail", SOME_PARTS),
    ("share_holds", SHARE),
    ("share_fails", SHARE),
    ("share_above_whole", &["part", "whole", "percent"]),
    ("shares_sum_holds", SHARES_SUM),
    ("shares_sum_fails", SHARES_SUM),
    ("rate_holds", RATE),
    ("rate_fails", RATE),
    ("rates_hold", RATES),
    ("rates_fail", RATES),
    ("growth_holds", GROWTH),
    ("growth_fails", GROWTH),
    ("growth_of_parts_holds", GROWTH_OF_PARTS),
    ("growth_of_parts_fails", GROWTH_OF_PARTS),
    ("together_fail", &["figures"]),
    ("derived", &["name", "computed"]),
    ("no_value", &["name"]),
    ("no_rate", &["name", "from", "to"]),
    ("count_and_money", &["name", "currency"]),
    ("no_level", &["value", "over"]),
    ("other_universe", &["value", "over", "universe"]),
    ("zero_level", &["value", "over", "level"]),
    ("zero_whole", &["part", "whole"]),
    ("disagrees", &["name", "claimed", "other", "other_claimed"]),
    ("is_level", &["by"]),
    ("nothing_to_check", &[]),
];

/// The reasons of a verdict, or only how many there are.
#[derive(Debug)]
pub(super) struct Findings {
    /// Sentences are wanted.
    keeps: bool,
    pub reasons: Vec<Reason>,
    pub holding: u32,
    pub failing: u32,
    pub undefined: u32,
    /// How many of the failing are counted only because they fail.
    pub bounds: u32,
    pub failed: Vec<FailedRelation>,
    /// The claims of levels that growth agrees with.
    pub levels: Vec<String>,
    /// About how many steps it took to check everything at once.
    pub work: usize,
}

impl Findings {
    pub fn new(keeps: bool) -> Findings {
        Findings {
            keeps,
            reasons: Vec::new(),
            holding: 0,
            failing: 0,
            undefined: 0,
            bounds: 0,
            failed: Vec::new(),
            levels: Vec::new(),
            work: 0,
        }
    }

    pub fn add(
        &mut self,
        kind: ReasonKind,
        key: &'static str,
        facts: impl FnOnce() -> Vec<SentenceValue>,
    ) {
        match kind {
            ReasonKind::Holds => self.holding += 1,
            ReasonKind::Fails => self.failing += 1,
            ReasonKind::Undefined => self.undefined += 1,
            ReasonKind::Derived => {}
        }
        if self.keeps {
            let reason = Reason { kind, key, facts: facts() };
            // A missing value is missed once, however many relations need it.
            if !self.reasons.contains(&reason) {
                self.reasons.push(reason);
            }
        }
    }

    /// A bound that fails. One that holds is no check.
    pub fn fail_bound(&mut self, key: &'static str, facts: impl FnOnce() -> Vec<SentenceValue>) {
        self.bounds += 1;
        self.add(ReasonKind::Fails, key, facts);
    }

    /// A check whose keys are those of its two outcomes.
    pub fn check(
        &mut self,
        holds: bool,
        [when_holds, when_fails]: [&'static str; 2],
        facts: impl FnOnce() -> Vec<SentenceValue>,
    ) {
        match holds {
            true => self.add(ReasonKind::Holds, when_holds, facts),
            false => self.add(ReasonKind::Fails, when_fails, facts),
        }
    }

    pub fn agrees_with(&mut self, level: &str) {
        if self.keeps {
            self.levels.push(level.to_owned());
        }
    }

    pub fn has_sentences(&self) -> bool {
        self.keeps
    }

    /// The verdict is settled, and nobody wants more sentences.
    pub fn is_settled(&self) -> bool {
        !self.keeps && self.failing + self.undefined > 0
    }
}
