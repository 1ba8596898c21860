//! Versions of the policy: activated, in force, and their rules, suspended or not.

use std::collections::BTreeSet;
use std::sync::Arc;

use books::{BusinessDate, PersonId};
use borsh::{BorshDeserialize, BorshSerialize};
use machine::Timestamp;

use crate::command::*;
use crate::decision::TextDecision;
use crate::event::PolicyEvent;
use crate::limits::*;
use crate::policy::{Policy, PolicyChange, PolicyFacts, PolicyPlan};
use crate::refusal::{MissingPolicyRecord, PolicyRefusal, RuleFault, not_found};
use crate::rule::PolicyRule;
use crate::vocabulary::TextVerdict;

/// When and by whom a rule was suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RuleSuspension {
    pub at: Timestamp,
    /// `None`: by its reversals.
    pub by: Option<PersonId>,
}

/// What became of the decisions of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCounts {
    pub labelled: u32,
    pub held: u32,
    pub refused: u32,
    /// Of these, decided by a person.
    pub by_person: u32,
    pub appealed: u32,
    /// Of these, judged.
    pub judged: u32,
    /// Of these, reversed.
    pub reversed: u32,
}

const ID_BYTES_MAX: usize = 64;

impl Policy {
    pub(crate) fn activate_policy(
        &self,
        command: &ActivatePolicy,
        facts: PolicyFacts,
        (): (),
    ) -> Result<PolicyPlan, PolicyRefusal> {
        let known = usize::try_from(command.version).ok().and_then(|one| one.checked_sub(1));
        if let Some(known) = known.and_then(|place| self.versions.get(place)) {
            return Err(books::used_identifier(**known == *command).into());
        }
        let next = self.last_version() + 1;
        if command.version != next {
            return Err(PolicyRefusal::VersionNumber(next));
        }
        if next > VERSIONS_MAX {
            return Err(PolicyRefusal::TooManyVersions);
        }
        books::check_identifier("name", &command.name)?;
        if command.proposed_by == command.approved_by {
            return Err(books::Refusal::SamePerson.into());
        }
        let earlier = self.versions.last().is_some_and(|last| command.from < last.from);
        if earlier || command.from < facts.date {
            return Err(PolicyRefusal::VersionBegins);
        }
        if command.suspended_after == 0 {
            return Err(PolicyRefusal::NoBound);
        }
        check_rules(command)?;
        Ok(PolicyChange::Version(Arc::new(command.clone())).into())
    }

    pub(crate) fn add_version(&mut self, version: Arc<ActivatePolicy>, out: &mut Vec<PolicyEvent>) {
        out.push(PolicyEvent::PolicyActivated { version: version.version, from: version.from });
        self.versions.push(version);
    }

    pub(crate) fn suspend_rule(
        &self,
        command: &SuspendRule,
        facts: PolicyFacts,
        (): (),
    ) -> Result<PolicyPlan, PolicyRefusal> {
        let version = self.in_force(facts.date).ok_or(PolicyRefusal::NoVersion)?;
        let rule = &command.rule;
        if !version.rules.iter().any(|one| one.id == *rule && one.is_in_force(facts.date)) {
            return Err(not_found(MissingPolicyRecord::Rule(rule.clone())));
        }
        match self.suspended.get(&(version.version, rule.clone())) {
            Some(before) if before.by == Some(command.suspended_by) => {
                Err(books::Refusal::Repeated.into())
            }
            Some(_) => Err(PolicyRefusal::RuleSuspended(rule.clone())),
            None => {
                Ok(PolicyChange::Suspension(version.version, rule.clone(), command.suspended_by)
                    .into())
            }
        }
    }

    pub(crate) fn suspend(
        &mut self,
        version: u32,
        rule: &str,
        by: Option<PersonId>,
        at: Timestamp,
        out: &mut Vec<PolicyEvent>,
    ) {
        let key = (version, rule.to_owned());
        let reversed = self.counts.get(&key).map_or(0, |counts| counts.reversed);
        self.suspended.insert(key, RuleSuspension { at, by });
        let owner = self.version(version).expect("the rule's version is known").proposed_by;
        out.push(PolicyEvent::RuleSuspended {
            version,
            rule: rule.to_owned(),
            owner,
            reversed,
            by,
        });
    }

    /// Suspends the rules of a version that pass its bound now.
    pub(crate) fn suspend_by_reversals(
        &mut self,
        version: u32,
        rules: &BTreeSet<String>,
        at: Timestamp,
        out: &mut Vec<PolicyEvent>,
    ) {
        let bound = Arc::clone(&self.versions[version as usize - 1]);
        for rule in rules {
            let key = (version, rule.clone());
            let counts = self.counts.get(&key).copied().unwrap_or_default();
            if !self.suspended.contains_key(&key) && counts.passes_bound(&bound) {
                self.suspend(version, rule, None, at, out);
            }
        }
    }

    /// The number of the last version. 0 before the first.
    #[must_use]
    pub fn last_version(&self) -> u32 {
        u32::try_from(self.versions.len()).expect("there are at most VERSIONS_MAX versions")
    }

    #[must_use]
    pub fn version(&self, number: u32) -> Option<&ActivatePolicy> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        self.versions.get(place).map(|version| &**version)
    }

    /// The versions, the first one first.
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = &ActivatePolicy> {
        self.versions.iter().map(|version| &**version)
    }

    /// The version in force on a day. `None` before the first.
    #[must_use]
    pub fn in_force(&self, date: BusinessDate) -> Option<&ActivatePolicy> {
        self.versions().rev().find(|version| version.from <= date)
    }

    /// Whether and when a rule of a version was suspended.
    #[must_use]
    pub fn suspension(&self, version: u32, rule: &str) -> Option<RuleSuspension> {
        self.suspended.get(&(version, rule.to_owned())).copied()
    }

    /// The rules of a version that are matched on a day: in force and not suspended.
    pub fn matched_rules<'p>(
        &'p self,
        version: &'p ActivatePolicy,
        date: BusinessDate,
    ) -> impl Iterator<Item = &'p PolicyRule> {
        version.rules.iter().filter(move |rule| {
            rule.is_in_force(date) && self.suspension(version.version, &rule.id).is_none()
        })
    }

    /// What became of the decisions of a rule of a version.
    #[must_use]
    pub fn rule_counts(&self, version: u32, rule: &str) -> RuleCounts {
        self.counts.get(&(version, rule.to_owned())).copied().unwrap_or_default()
    }

    /// Counts a decision under each of its rules.
    pub(crate) fn count(&mut self, decision: &TextDecision) {
        for rule in &decision.rules {
            let counts = self.counts.entry((decision.version, rule.clone())).or_default();
            counts.add(decision);
        }
    }
}

impl RuleCounts {
    fn add(&mut self, decision: &TextDecision) {
        match decision.verdict {
            TextVerdict::Published => {}
            TextVerdict::Labelled => self.labelled += 1,
            TextVerdict::Held => self.held += 1,
            TextVerdict::Refused => self.refused += 1,
        }
        self.by_person += u32::from(decision.by.is_some());
        if let Some(appeal) = &decision.appeal {
            self.appealed += 1;
            self.judged += u32::from(appeal.judged.is_some());
            self.reversed += u32::from(appeal.judged.is_some_and(|judged| judged.reversed));
        }
    }

    /// Whether so many decisions were reversed that the version suspends the rule.
    #[must_use]
    pub fn passes_bound(&self, version: &ActivatePolicy) -> bool {
        let share = u64::from(version.suspended_share.ppm());
        self.reversed >= u32::from(version.suspended_after)
            && u64::from(self.reversed) * 1_000_000 >= share * u64::from(self.judged)
    }
}

/// What the rules alone say, without matching their examples.
fn check_rules(version: &ActivatePolicy) -> Result<(), PolicyRefusal> {
    if version.rules.len() > RULES_MAX {
        return Err(PolicyRefusal::TooManyRules);
    }
    let (mut ids, mut examples) = (BTreeSet::new(), 0_usize);
    for rule in &version.rules {
        let fault = if ids.insert(&rule.id) { rule_fault(rule) } else { Some(RuleFault::SameId) };
        if let Some(fault) = fault {
            let id = rule.id.chars().take(ID_BYTES_MAX).collect();
            return Err(PolicyRefusal::Rule(id, fault));
        }
        examples += rule.matches.len() + rule.passes.len();
    }
    if let Some(failing) = version.failing.first() {
        return Err(PolicyRefusal::ExampleFails(failing.rule.clone()));
    }
    let all = u32::try_from(examples).is_ok_and(|examples| examples == version.examples);
    if all { Ok(()) } else { Err(PolicyRefusal::ExamplesNotMatched(version.examples)) }
}

fn rule_fault(rule: &PolicyRule) -> Option<RuleFault> {
    let texts = [&rule.id, &rule.jurisdiction, &rule.source, &rule.text];
    let examples = [&rule.matches, &rule.passes];
    let entries = || {
        let lists = [&rule.words, &rule.allow, &rule.patterns].into_iter().flatten();
        texts.into_iter().chain(lists).chain(examples.into_iter().flatten().map(|one| &one.text))
    };
    let long = |list: &Vec<_>, most| list.len() > most;
    if rule.words.len() > WORDS_MAX
        || rule.allow.len() > WORDS_MAX
        || rule.patterns.len() > PATTERNS_MAX
        || examples.into_iter().any(|list| long(list, EXAMPLES_MAX))
    {
        return Some(RuleFault::TooManyEntries);
    }
    if entries().any(|text| text.trim().is_empty()) {
        return Some(RuleFault::Empty);
    }
    if rule.id.len() > ID_BYTES_MAX || entries().any(|it| it.chars().count() > ENTRY_CHARS_MAX) {
        return Some(RuleFault::TooLong);
    }
    if rule.until.is_some_and(|until| until <= rule.from) {
        return Some(RuleFault::Dates);
    }
    if !rule.has_words() && !rule.discount {
        return Some(RuleFault::NothingToMatch);
    }
    examples.into_iter().any(Vec::is_empty).then_some(RuleFault::NoExample)
}
