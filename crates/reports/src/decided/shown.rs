//! The policy as people see it: versions with their rules by baseline, what waits for a person, and
//! the decisions about an offer with their reasons.

use books::{BusinessDate, PersonId, SellerId, Sha256Digest};
use engine::{Engine, Timestamp};
use market::OfferId;
use policy::{
    APPEAL_DAYS, ActivatePolicy, AppealReason, Baseline, DecisionEnd, DecisionOrigin, PolicyRule,
    RuleEffect, TextDecision, TextJudgement, TextMatch, TextVerdict,
};
use serde::Serialize;

/// The version in force, and those to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyShown {
    pub in_force: Option<VersionShown>,
    pub to_come: Vec<VersionShown>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VersionShown {
    pub version: u32,
    pub name: String,
    pub from: String,
    pub author: PersonId,
    pub approver: PersonId,
    pub suspended_after: u16,
    /// In parts per million.
    pub suspended_share: u32,
    /// All seven, also those without rules.
    pub baselines: Vec<BaselineShown>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BaselineShown {
    pub baseline: Baseline,
    /// Without any nothing is checked.
    pub rules: Vec<RuleShown>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleShown {
    pub id: String,
    pub jurisdiction: String,
    pub source: String,
    pub text: String,
    pub effect: RuleEffect,
    pub from: String,
    /// The first day on which it no longer holds.
    pub until: Option<String>,
    pub is_in_force: bool,
    pub is_suspended: bool,
    pub words: Vec<String>,
    pub allow: Vec<String>,
    pub patterns: Vec<String>,
    pub compares_discounts: bool,
    /// Texts that must match, and that must not.
    pub matches: Vec<String>,
    pub passes: Vec<String>,
}

/// A rule in a statement of reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReasonShown {
    pub rule: String,
    pub baseline: Baseline,
    pub jurisdiction: String,
    pub source: String,
    pub text: String,
}

/// A decision with its statement of reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecisionShown {
    pub offer: OfferId,
    pub decision: u32,
    pub seller: SellerId,
    pub content: Sha256Digest,
    pub at: Timestamp,
    pub date: String,
    /// What was decided. `None` while an appeal against it waits for the one who asks to judge it.
    pub judged: Option<VerdictShown>,
    pub appeal: Option<AppealShown>,
    /// The last day on which its seller can appeal, if that is still possible.
    pub appeal_until: Option<String>,
    /// When and why it no longer stands.
    pub ended_at: Option<Timestamp>,
    pub end: Option<DecisionEnd>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerdictShown {
    pub verdict: TextVerdict,
    /// The version of the policy.
    pub version: u32,
    /// A person decided, not the rules.
    pub by_person: bool,
    /// Who, for those who may know.
    pub decided_by: Option<PersonId>,
    pub found_by_rules: bool,
    pub origin: DecisionOrigin,
    pub reasons: Vec<ReasonShown>,
    pub matches: Vec<TextMatch>,
    pub until: Option<String>,
    /// The offer was listed, and is paused for it.
    pub paused: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppealShown {
    pub reason: AppealReason,
    pub at: Timestamp,
    /// The day until which it is to be judged.
    pub due: String,
    pub judgement: Option<TextJudgement>,
    pub judged_at: Option<Timestamp>,
    pub judged_by: Option<PersonId>,
    pub reversed: bool,
}

/// The policy on a day.
#[must_use]
pub fn policy_shown(engine: &Engine, date: BusinessDate) -> PolicyShown {
    let policy = engine.policy();
    let version = |one: &ActivatePolicy| version_shown(engine, one, date);
    PolicyShown {
        in_force: policy.in_force(date).map(version),
        to_come: policy.versions().filter(|one| one.from > date).map(version).collect(),
    }
}

fn version_shown(engine: &Engine, one: &ActivatePolicy, date: BusinessDate) -> VersionShown {
    let rule = |rule: &PolicyRule| RuleShown {
        id: rule.id.clone(),
        jurisdiction: rule.jurisdiction.clone(),
        source: rule.source.clone(),
        text: rule.text.clone(),
        effect: rule.effect,
        from: rule.from.to_string(),
        until: rule.until.map(|until| until.to_string()),
        is_in_force: rule.is_in_force(date),
        is_suspended: engine.policy().suspension(one.version, &rule.id).is_some(),
        words: rule.words.clone(),
        allow: rule.allow.clone(),
        patterns: rule.patterns.clone(),
        compares_discounts: rule.discount,
        matches: rule.matches.iter().map(|example| example.text.clone()).collect(),
        passes: rule.passes.iter().map(|example| example.text.clone()).collect(),
    };
    let baselines = Baseline::ALL.map(|baseline| BaselineShown {
        baseline,
        rules: one.rules.iter().filter(|one| one.baseline == baseline).map(rule).collect(),
    });
    VersionShown {
        version: one.version,
        name: one.name.clone(),
        from: one.from.to_string(),
        author: one.proposed_by,
        approver: one.approved_by,
        suspended_after: one.suspended_after,
        suspended_share: one.suspended_share.ppm(),
        baselines: baselines.into(),
    }
}

/// The decisions about an offer, the newest first. `is_judge`: whoever asks may judge appeals, and
/// does not see a decision before its appeal is judged.
#[must_use]
pub fn decisions_shown(
    engine: &Engine,
    offer: OfferId,
    date: BusinessDate,
    is_judge: bool,
) -> Vec<DecisionShown> {
    let all = engine.policy().decisions_about(offer).rev();
    all.map(|one| decision_shown(engine, one, date, is_judge)).collect()
}

/// Texts that wait for a person, the oldest first.
#[must_use]
pub fn held_shown(engine: &Engine, date: BusinessDate, most: usize) -> Vec<DecisionShown> {
    let held = engine.policy().held_texts().take(most);
    held.map(|one| decision_shown(engine, one, date, false)).collect()
}

/// Appeals that are not judged, those that are due first. What was decided is not shown.
#[must_use]
pub fn appeals_shown(engine: &Engine, date: BusinessDate, most: usize) -> Vec<DecisionShown> {
    let open = engine.policy().open_appeals().take(most);
    open.map(|one| decision_shown(engine, one, date, true)).collect()
}

fn decision_shown(
    engine: &Engine,
    one: &TextDecision,
    date: BusinessDate,
    is_judge: bool,
) -> DecisionShown {
    let appeal = one.appeal.as_ref().map(|appeal| AppealShown {
        reason: appeal.reason,
        at: appeal.at,
        due: appeal.due.to_string(),
        judgement: appeal.judged.map(|judged| judged.judgement),
        judged_at: appeal.judged.map(|judged| judged.at),
        judged_by: appeal.judged.map(|judged| judged.by),
        reversed: appeal.judged.is_some_and(|judged| judged.reversed),
    });
    let waits = one.appeal.as_ref().is_some_and(|appeal| appeal.judged.is_none());
    let reasons = one.rules.iter().filter_map(|rule| engine.policy().rule_of(one, rule));
    let judged = (!(waits && is_judge)).then(|| VerdictShown {
        verdict: one.verdict,
        version: one.version,
        by_person: one.by.is_some(),
        decided_by: one.by,
        found_by_rules: one.found_by_rules,
        origin: one.origin,
        reasons: reasons
            .map(|(_, rule)| ReasonShown {
                rule: rule.id.clone(),
                baseline: rule.baseline,
                jurisdiction: rule.jurisdiction.clone(),
                source: rule.source.clone(),
                text: rule.text.clone(),
            })
            .collect(),
        matches: one.matches.clone(),
        until: one.until.map(|until| until.to_string()),
        paused: one.paused,
    });
    let last = one.date.plus_days(APPEAL_DAYS);
    DecisionShown {
        offer: one.offer,
        decision: one.number,
        seller: one.seller,
        content: one.content,
        at: one.at,
        date: one.date.to_string(),
        judged,
        appeal_until: (one.is_appealable() && date <= last).then(|| last.to_string()),
        appeal,
        ended_at: one.end.map(|(at, _)| at),
        end: one.end.map(|(_, end)| end),
    }
}
