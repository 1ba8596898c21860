//! Queries: decisions, what waits for a person, and appeals.

use books::Sha256Digest;
use market::OfferId;

use crate::command::PolicyCommand;
use crate::decision::TextDecision;
use crate::policy::Policy;
use crate::rule::PolicyRule;

impl Policy {
    /// The number that comes next for what a command is about. `None` if its commands have no
    /// number.
    #[must_use]
    pub fn next_number(&self, command: &PolicyCommand) -> Option<u64> {
        use PolicyCommand as C;
        let next = match command {
            C::ActivatePolicy(_) => self.last_version() + 1,
            C::ScreenText(one) => self.next_decision(one.offer),
            C::DecideText(one) => self.next_decision(one.offer),
            C::DrawSample(_) => self.last_sample() + 1,
            C::SuspendRule(_) | C::AppealText(_) | C::JudgeAppeal(_) | C::JudgeSample(_) => {
                return None;
            }
        };
        Some(u64::from(next))
    }

    /// A decision about an offer, by its number.
    #[must_use]
    pub fn decision(&self, offer: OfferId, number: u32) -> Option<&TextDecision> {
        self.place_of(offer, number).map(|place| self.decision_at(place))
    }

    /// The decisions about an offer, the first one first.
    pub fn decisions_about(
        &self,
        offer: OfferId,
    ) -> impl DoubleEndedIterator<Item = &TextDecision> {
        let places = self.decisions_of.get(&offer).into_iter().flatten();
        places.map(|place| self.decision_at(*place))
    }

    /// All decisions, in the order of time.
    pub fn decisions(&self) -> impl Iterator<Item = &TextDecision> {
        self.decisions.iter()
    }

    /// A decision by its place among all, from 0.
    #[must_use]
    pub fn decision_in_order(&self, place: usize) -> Option<&TextDecision> {
        self.decisions.get(place)
    }

    #[must_use]
    pub fn decision_count(&self) -> usize {
        self.decisions.len()
    }

    /// A rule of a decision, with the version that has it: a person can decide about what an
    /// earlier version held.
    #[must_use]
    pub fn rule_of(&self, decision: &TextDecision, rule: &str) -> Option<(u32, &PolicyRule)> {
        let mut versions = (1..=decision.version).rev().filter_map(|number| self.version(number));
        versions.find_map(|version| {
            let known = version.rules.iter().find(|known| known.id == rule)?;
            Some((version.version, known))
        })
    }

    /// The decision that no later one has ended, about a text of an offer.
    #[must_use]
    pub fn standing(&self, offer: OfferId, content: Sha256Digest) -> Option<&TextDecision> {
        self.standing_place(offer, content).map(|place| self.decision_at(place))
    }

    /// Texts that wait for a person, the oldest first.
    pub fn held_texts(&self) -> impl Iterator<Item = &TextDecision> {
        self.held.iter().map(|place| self.decision_at(*place))
    }

    /// Decisions whose appeals are not judged, those that are due first.
    pub fn open_appeals(&self) -> impl Iterator<Item = &TextDecision> {
        self.open_appeals.iter().map(|(_, place)| self.decision_at(*place))
    }
}
