//! Appeals against decisions: with a clock, and judged by another person.

use std::collections::BTreeSet;

use books::{BusinessDate, PersonId};
use borsh::{BorshDeserialize, BorshSerialize};
use machine::Timestamp;

use crate::command::*;
use crate::decision::{DecisionChange, DecisionPlace, TextDecision};
use crate::event::{FreedBy, PolicyEvent};
use crate::limits::{APPEAL_ANSWER_DAYS, APPEAL_DAYS};
use crate::policy::{Policy, PolicyChange, PolicyFacts, PolicyPlan};
use crate::refusal::{MissingPolicyRecord as Missing, PolicyRefusal, not_found};
use crate::vocabulary::*;

/// An appeal against a decision.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TextAppeal {
    pub at: Timestamp,
    pub reason: AppealReason,
    /// The day until which it is to be judged.
    pub due: BusinessDate,
    pub judged: Option<AppealJudgement>,
}

/// How an appeal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AppealJudgement {
    pub at: Timestamp,
    pub by: PersonId,
    pub judgement: TextJudgement,
    /// The judgement is milder than the decision.
    pub reversed: bool,
}

impl TextDecision {
    /// Whether its seller could appeal, but for the days that passed.
    #[must_use]
    pub fn is_appealable(&self) -> bool {
        let stands = self.end.is_none_or(|(_, end)| end == DecisionEnd::TextReplaced);
        let stops = matches!(self.verdict, TextVerdict::Labelled | TextVerdict::Refused);
        stands && stops && self.appeal.is_none()
    }

    fn is_milder(&self, judgement: TextJudgement) -> bool {
        TextVerdict::from(judgement) < self.verdict
    }
}

impl Policy {
    pub(crate) fn appeal_text(
        &self,
        command: &AppealText,
        facts: PolicyFacts,
        (): (),
    ) -> Result<PolicyPlan, PolicyRefusal> {
        let AppealText { seller, offer, decision: number, reason } = *command;
        let missing = || not_found(Missing::Decision(offer, number));
        let place = self.place_of(offer, number).ok_or_else(missing)?;
        let decision = self.decision_at(place);
        if decision.seller != seller {
            return Err(PolicyRefusal::NotTheSeller(offer, seller));
        }
        match &decision.appeal {
            Some(before) if before.reason == reason => return Err(books::Refusal::Repeated.into()),
            Some(_) => return Err(PolicyRefusal::Appealed),
            None => {}
        }
        if !decision.is_appealable() {
            return Err(PolicyRefusal::NotAppealable(number));
        }
        if decision.date.plus_days(APPEAL_DAYS) < facts.date {
            return Err(PolicyRefusal::AppealTooLate);
        }
        Ok(PolicyChange::Appeal(place, reason).into())
    }

    pub(crate) fn add_appeal(
        &mut self,
        place: DecisionPlace,
        reason: AppealReason,
        facts: PolicyFacts,
        out: &mut Vec<PolicyEvent>,
    ) {
        let due = facts.date.plus_days(APPEAL_ANSWER_DAYS);
        let decision = self.decision_mut(place);
        decision.appeal = Some(TextAppeal { at: facts.at, reason, due, judged: None });
        let TextDecision { offer, seller, number, version, .. } = *decision;
        let rules = decision.rules.clone();
        self.open_appeals.insert((due, place));
        for rule in rules {
            self.counts.entry((version, rule)).or_default().appealed += 1;
        }
        out.push(PolicyEvent::TextAppealed { offer, seller, decision: number, due });
    }

    pub(crate) fn judge_appeal(
        &self,
        command: &JudgeAppeal,
        facts: PolicyFacts,
        (): (),
    ) -> Result<PolicyPlan, PolicyRefusal> {
        let JudgeAppeal { offer: id, decision: number, judgement, judged_by } = *command;
        let missing = || not_found(Missing::Appeal(id, number));
        let place = self.place_of(id, number).ok_or_else(missing)?;
        let decision = self.decision_at(place);
        let appeal = decision.appeal.as_ref().ok_or_else(missing)?;
        match &appeal.judged {
            Some(before) if (before.by, before.judgement) == (judged_by, judgement) => {
                return Err(books::Refusal::Repeated.into());
            }
            Some(_) => return Err(PolicyRefusal::Judged),
            None => {}
        }
        if decision.by == Some(judged_by) {
            return Err(books::Refusal::SamePerson.into());
        }
        let offer = facts.offer.ok_or_else(|| not_found(Missing::Offer(id)))?;
        if decision.end.is_some() || !decision.is_milder(judgement) {
            return Ok(PolicyChange::Upheld(place, command.clone()).into());
        }
        let version = self.in_force(facts.date).ok_or(PolicyRefusal::NoVersion)?.version;
        let verdict = TextVerdict::from(judgement);
        let is_shown = verdict == TextVerdict::Published;
        let rules = if is_shown { Vec::new() } else { decision.rules.clone() };
        let milder = TextDecision {
            verdict,
            rules,
            until: decision.until.filter(|_| !is_shown),
            matches: decision.matches.clone(),
            by: Some(judged_by),
            found_by_rules: decision.found_by_rules,
            origin: decision.origin,
            screened_with: decision.screened_with,
            ..self.new_decision(id, decision.content, offer, version, facts)
        };
        let change = DecisionChange {
            decision: milder,
            before: Some(place),
            by: FreedBy::Appeal,
            judged: Some(command.clone()),
        };
        Ok(self.plan_of(change, offer))
    }

    /// The decision stays as it is, or its text is no longer the offer's.
    pub(crate) fn uphold(
        &mut self,
        place: DecisionPlace,
        judged: &JudgeAppeal,
        facts: PolicyFacts,
        out: &mut Vec<PolicyEvent>,
    ) {
        let TextDecision { offer, seller, number: decision, .. } = *self.decision_at(place);
        out.push(if self.decision_at(place).is_milder(judged.judgement) {
            let (by, listed) = (FreedBy::Appeal, false);
            PolicyEvent::TextFreed { offer, seller, decision, by, listed }
        } else {
            PolicyEvent::AppealUpheld { offer, seller, decision }
        });
        self.note_judgement(place, judged, facts, out);
    }

    pub(crate) fn note_judgement(
        &mut self,
        place: DecisionPlace,
        judged: &JudgeAppeal,
        facts: PolicyFacts,
        out: &mut Vec<PolicyEvent>,
    ) {
        let JudgeAppeal { judgement, judged_by: by, .. } = *judged;
        let decision = self.decision_mut(place);
        let reversed = decision.is_milder(judgement);
        let (version, rules) = (decision.version, decision.rules.clone());
        let appeal = decision.appeal.as_mut().expect("the appeal is known");
        appeal.judged = Some(AppealJudgement { at: facts.at, by, judgement, reversed });
        let due = appeal.due;
        self.open_appeals.remove(&(due, place));
        let rules: BTreeSet<String> = rules.into_iter().collect();
        for rule in &rules {
            let counts = self.counts.entry((version, rule.clone())).or_default();
            counts.judged += 1;
            counts.reversed += u32::from(reversed);
        }
        if reversed {
            self.suspend_by_reversals(version, &rules, facts.at, out);
        }
    }
}
