//! Rules in a short form.

use policy::{Baseline, NormalisationStep, PolicyRule, RuleEffect, StepSet};
use screening::{Matcher, PublicText, PublicTextKind, RuleMatch};

pub fn rule(id: &str, steps: StepSet, words: &[&str], allow: &[&str]) -> PolicyRule {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    PolicyRule {
        id: id.into(),
        baseline: Baseline::Accuracy,
        jurisdiction: "house".into(),
        source: "house rule".into(),
        text: "a rule".into(),
        effect: RuleEffect::Hold,
        category: None,
        from: "2026-01-01".parse().unwrap(),
        until: None,
        steps,
        words: texts(words),
        allow: texts(allow),
        patterns: Vec::new(),
        discount: false,
        matches: Vec::new(),
        passes: Vec::new(),
    }
}

pub fn listing(text: &str) -> PublicText<'_> {
    PublicText::read(PublicTextKind::Listing, text.as_bytes()).unwrap()
}

pub fn all_but_pinyin() -> StepSet {
    StepSet::ALL.without(NormalisationStep::Pinyin)
}

/// The parts of a text that match a rule with these words.
pub fn found<'t>(text: &'t str, steps: StepSet, words: &[&str], allow: &[&str]) -> Vec<&'t str> {
    matches(text, steps, words, allow).into_iter().map(|it| &text[it.span]).collect()
}

pub fn matches(text: &str, steps: StepSet, words: &[&str], allow: &[&str]) -> Vec<RuleMatch> {
    let rule = rule("it", steps, words, allow);
    Matcher::of([&rule]).unwrap_or_else(|error| panic!("{error:?}")).find(listing(text), &[])
}
