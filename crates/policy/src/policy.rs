//! The state of the policy and its entry points.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use books::{BusinessDate, PersonId, SellerId, SellerKind, Sha256Digest};
use chunks::ChunkedVec;
use machine::{Timestamp, mix};
use market::{OfferId, OfferState, SetOfferState};

use crate::command::*;
use crate::decision::{DecisionChange, DecisionPlace, TextDecision};
use crate::event::PolicyEvent;
use crate::refusal::PolicyRefusal;
use crate::sample::TextSample;
use crate::versions::{RuleCounts, RuleSuspension};
use crate::vocabulary::AppealReason;

/// The policy about public texts.
#[derive(Debug, Default)]
pub struct Policy {
    /// Each as it was activated, from version 1 on.
    pub(crate) versions: Vec<Arc<ActivatePolicy>>,
    /// By version and rule.
    pub(crate) suspended: BTreeMap<(u32, String), RuleSuspension>,
    pub(crate) decisions: ChunkedVec<TextDecision>,
    pub(crate) samples: Vec<TextSample>,
    pub(crate) last_at: Timestamp,
    pub(crate) fingerprint: u64,
    // What follows from the decisions.
    pub(crate) decisions_of: BTreeMap<OfferId, Vec<DecisionPlace>>,
    /// Texts that wait for a person.
    pub(crate) held: BTreeSet<DecisionPlace>,
    /// Appeals that are not judged, by the day until which they are to be.
    pub(crate) open_appeals: BTreeSet<(BusinessDate, DecisionPlace)>,
    /// By version and rule.
    pub(crate) counts: BTreeMap<(u32, String), RuleCounts>,
}

/// What a command is given to decide with.
#[derive(Clone, Copy, Debug)]
pub struct PolicyFacts {
    pub at: Timestamp,
    pub date: BusinessDate,
    /// Of the offer that the command names.
    pub offer: Option<OfferFacts>,
}

/// What the market says of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferFacts {
    pub seller: SellerId,
    pub seller_kind: SellerKind,
    /// The text that is shown, if the offer is listed.
    pub content: Sha256Digest,
    pub state: OfferState,
    /// Of the offer's next revision or state.
    pub next_number: u32,
}

/// What a command changes, found and checked before anything changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyPlan {
    pub(crate) change: PolicyChange,
    /// What the market must carry out in the same entry. It is all that a decision can do: no
    /// decision touches an order or money. The market may not be able to list an offer again; then
    /// the caller takes it away.
    pub offer_state: Option<SetOfferState>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PolicyChange {
    Version(Arc<ActivatePolicy>),
    Suspension(u32, String, PersonId),
    /// The text was matched again, and nothing changed.
    Looked(DecisionPlace, u32),
    Decision(Box<DecisionChange>),
    Appeal(DecisionPlace, AppealReason),
    Upheld(DecisionPlace, JudgeAppeal),
    Sample(DrawSample, Vec<DecisionPlace>),
    SampleText(JudgeSample),
}

impl From<PolicyChange> for PolicyPlan {
    fn from(change: PolicyChange) -> PolicyPlan {
        PolicyPlan { change, offer_state: None }
    }
}

impl Policy {
    /// Checks a command and finds what it changes. Nothing changes yet.
    ///
    /// # Errors
    /// Why the command is refused.
    pub fn plan(
        &mut self,
        command: &PolicyCommand,
        facts: PolicyFacts,
    ) -> Result<PolicyPlan, PolicyRefusal> {
        if facts.at < self.last_at {
            return Err(books::Refusal::TimeBackwards.into());
        }
        self.dispatch(command, facts, ())
    }

    /// Carries a plan out that [`Policy::plan`] made just now, with the same facts. `out` receives
    /// what happened.
    pub fn carry_out(&mut self, plan: PolicyPlan, facts: PolicyFacts, out: &mut Vec<PolicyEvent>) {
        let before = out.len();
        let offer_state = plan.offer_state.map(|state| state.state);
        match plan.change {
            PolicyChange::Version(version) => self.add_version(version, out),
            PolicyChange::Suspension(version, rule, by) => {
                self.suspend(version, &rule, Some(by), facts.at, out);
            }
            PolicyChange::Looked(place, version) => self.note_look(place, version, out),
            PolicyChange::Decision(change) => self.decide(*change, offer_state, facts, out),
            PolicyChange::Appeal(place, reason) => self.add_appeal(place, reason, facts, out),
            PolicyChange::Upheld(place, judged) => self.uphold(place, &judged, facts, out),
            PolicyChange::Sample(drawn, texts) => self.add_sample(drawn, texts, out),
            PolicyChange::SampleText(judged) => self.judge_text(&judged, facts, out),
        }
        self.note_change(facts.at, &out[before..]);
    }

    /// Follows the market: an offer has another text, or another state than its decisions knew.
    pub fn note_revision(&mut self, offer: OfferId, content: Sha256Digest, at: Timestamp) {
        if self.replace_texts(offer, content, at) {
            self.note_change(at, &[]);
        }
    }

    /// Time of the last change.
    #[must_use]
    pub fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// A number that every change changes (M11).
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Whether no command was applied yet.
    #[must_use]
    pub fn is_pristine(&self) -> bool {
        self.fingerprint == 0
    }

    fn note_change(&mut self, at: Timestamp, events: &[PolicyEvent]) {
        self.last_at = at;
        let mut mixed = mix(self.fingerprint, at.0 ^ (events.len() as u64) << 48 | 1 << 47);
        for event in events {
            let (subject, value) = match event {
                PolicyEvent::PolicyActivated { version, from } => {
                    (u64::from(*version), u64::from(from.0))
                }
                PolicyEvent::RuleSuspended { version, rule, .. } => {
                    (u64::from(*version), rule.len() as u64)
                }
                PolicyEvent::TextPassed { offer } => (offer.0, 1),
                PolicyEvent::TextStopped { offer, decision, verdict, .. } => {
                    (offer.0, u64::from(*decision) << 8 | *verdict as u64)
                }
                PolicyEvent::TextFreed { offer, decision, by, .. } => {
                    (offer.0, u64::from(*decision) << 8 | 16 | *by as u64)
                }
                PolicyEvent::TextAppealed { offer, decision, .. } => {
                    (offer.0, u64::from(*decision) << 8 | 32)
                }
                PolicyEvent::AppealUpheld { offer, decision, .. } => {
                    (offer.0, u64::from(*decision) << 8 | 33)
                }
                PolicyEvent::SampleDrawn { sample, texts, .. } => {
                    (u64::from(*sample), u64::from(*texts))
                }
                PolicyEvent::SampleJudged { sample, item, is_error } => {
                    (u64::from(*sample), u64::from(*item) << 1 | u64::from(*is_error))
                }
            };
            mixed = mix(mix(mixed, subject), value);
        }
        self.fingerprint = mixed.max(1);
    }
}
