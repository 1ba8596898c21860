//! M16, checked over the whole state.

use std::collections::{BTreeMap, BTreeSet};

use market::OfferId;

use crate::decision::{DecisionPlace, TextDecision};
use crate::policy::Policy;
use crate::vocabulary::TextVerdict;

impl Policy {
    /// Checks M16 over the whole state: each decision names a version and its rules, and what is
    /// counted and waits follows from the decisions.
    ///
    /// # Errors
    /// One line per violation, beginning with the rule's number.
    pub fn check(&self) -> Result<(), Vec<String>> {
        let mut broken = Vec::new();
        let mut of_offers: BTreeMap<OfferId, Vec<DecisionPlace>> = BTreeMap::new();
        let (mut held, mut open) = (BTreeSet::new(), BTreeSet::new());
        for (place, one) in (0..).zip(self.decisions.iter()) {
            let places = of_offers.entry(one.offer).or_default();
            places.push(place);
            if places.len() != one.number as usize {
                broken.push(format!("M16: {} has the wrong number", name(one)));
            }
            self.check_decision(one, &mut broken);
            if one.verdict == TextVerdict::Held && one.end.is_none() {
                held.insert(place);
            }
            if let Some(appeal) = one.appeal.as_ref().filter(|appeal| appeal.judged.is_none()) {
                open.insert((appeal.due, place));
            }
        }
        if (&of_offers, &held, &open) != (&self.decisions_of, &self.held, &self.open_appeals) {
            broken.push("M16: what waits does not follow from the decisions".to_owned());
        }
        let mut counted = Policy::default();
        self.decisions.iter().for_each(|one| counted.count(one));
        if counted.counts != self.counts {
            broken.push("M16: the rules' counts do not follow from the decisions".to_owned());
        }
        for ((version, rule), counts) in &self.counts {
            let bound = self.version(*version).is_some_and(|version| counts.passes_bound(version));
            if bound && self.suspension(*version, rule).is_none() {
                broken.push(format!("M16: rule `{rule}` passes its bound and is not suspended"));
            }
        }
        for sample in &self.samples {
            if sample.texts.iter().any(|text| text.place as usize >= self.decisions.len()) {
                broken.push(format!("M16: sample {} has no decision", sample.drawn.number));
            }
        }
        if broken.is_empty() { Ok(()) } else { Err(broken) }
    }

    fn check_decision(&self, one: &TextDecision, broken: &mut Vec<String>) {
        let Some(version) = self.version(one.version) else {
            broken.push(format!("M16: {} names no version", name(one)));
            return;
        };
        if one.verdict != TextVerdict::Published {
            let is_known = |rule: &String| {
                // A person decides about what an earlier version held.
                let mut versions = self.versions().take(version.version as usize);
                versions.any(|version| version.rules.iter().any(|known| known.id == *rule))
            };
            if one.rules.is_empty() || !one.rules.iter().all(is_known) {
                broken.push(format!("M16: {} names no rule", name(one)));
            }
            let has_place = |rule: &String| one.matches.iter().any(|found| found.rule == *rule);
            if !one.rules.iter().all(has_place) {
                broken.push(format!("M16: {} names no place in the text", name(one)));
            }
        } else if !one.rules.is_empty() {
            broken.push(format!("M16: {} publishes a text by a rule", name(one)));
        }
        if one.verdict == TextVerdict::Held && one.by.is_some() {
            broken.push(format!("M16: {} is held by a person", name(one)));
        }
    }
}

fn name(one: &TextDecision) -> String {
    format!("decision {} about offer {}", one.number, one.offer)
}
