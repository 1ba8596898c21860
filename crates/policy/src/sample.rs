//! Random samples of what passed and of what was stopped, judged again by people who do not see
//! what was decided.

use std::collections::BTreeSet;

use books::{BusinessDate, PersonId};
use borsh::{BorshDeserialize, BorshSerialize};
use machine::{Timestamp, mix};

use crate::command::*;
use crate::decision::{DecisionPlace, TextDecision};
use crate::event::PolicyEvent;
use crate::limits::{SAMPLE_TEXTS_MAX, SAMPLES_MAX};
use crate::policy::{Policy, PolicyChange, PolicyFacts, PolicyPlan};
use crate::refusal::{MissingPolicyRecord as Missing, PolicyRefusal, not_found};
use crate::vocabulary::*;

/// A sample with its judgements.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct TextSample {
    pub drawn: DrawSample,
    pub texts: Vec<SampleText>,
}

/// A text of a sample.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct SampleText {
    pub place: DecisionPlace,
    pub judged: Option<SampleJudgement>,
}

/// What a person said of a text of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SampleJudgement {
    pub at: Timestamp,
    pub by: PersonId,
    pub judgement: TextJudgement,
    /// It differs from what was decided.
    pub is_error: bool,
}

/// What a sample says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleCounts {
    pub number: u32,
    pub kind: SampleKind,
    pub from: BusinessDate,
    pub until: BusinessDate,
    pub texts: u32,
    pub judged: u32,
    pub errors: u32,
}

impl SampleKind {
    #[must_use]
    pub fn has(self, decision: &TextDecision) -> bool {
        let passed = decision.verdict == TextVerdict::Published;
        match self {
            SampleKind::Passed => passed && decision.by.is_none(),
            SampleKind::Stopped => !passed,
        }
    }
}

impl Policy {
    pub(crate) fn draw_sample(
        &self,
        command: &DrawSample,
        _: PolicyFacts,
        (): (),
    ) -> Result<PolicyPlan, PolicyRefusal> {
        let place = usize::try_from(command.number).ok().and_then(|one| one.checked_sub(1));
        match place.and_then(|place| self.samples.get(place)) {
            Some(before) if before.drawn == *command => {
                return Err(books::Refusal::Repeated.into());
            }
            Some(_) => return Err(books::Refusal::NumberUsed(command.number).into()),
            None => {}
        }
        let next = self.last_sample() + 1;
        if command.number != next {
            return Err(books::Refusal::WrongSequenceNumber(next).into());
        }
        if next > SAMPLES_MAX {
            return Err(PolicyRefusal::TooManySamples);
        }
        if !(1..=SAMPLE_TEXTS_MAX).contains(&command.size) {
            return Err(PolicyRefusal::SampleSize);
        }
        if command.until < command.from {
            return Err(PolicyRefusal::SampleDays);
        }
        let mut drawn: BTreeSet<(u64, DecisionPlace)> = BTreeSet::new();
        let of_days = (0..)
            .zip(self.decisions.iter())
            .filter(|(_, one)| (command.from..=command.until).contains(&one.date));
        for (place, _) in of_days.filter(|(_, one)| command.kind.has(one)) {
            drawn.insert((mix(mix(command.seed, u64::from(place)), 1), place));
            if drawn.len() > usize::from(command.size) {
                drawn.pop_last();
            }
        }
        if drawn.is_empty() {
            return Err(PolicyRefusal::NothingToSample);
        }
        let texts = drawn.into_iter().map(|(_, place)| place).collect();
        Ok(PolicyChange::Sample(command.clone(), texts).into())
    }

    pub(crate) fn add_sample(
        &mut self,
        drawn: DrawSample,
        places: Vec<DecisionPlace>,
        out: &mut Vec<PolicyEvent>,
    ) {
        let (sample, kind) = (drawn.number, drawn.kind);
        let texts = places.into_iter().map(|place| SampleText { place, judged: None });
        let texts: Vec<SampleText> = texts.collect();
        let count = u16::try_from(texts.len()).expect("a sample is small");
        self.samples.push(TextSample { drawn, texts });
        out.push(PolicyEvent::SampleDrawn { sample, kind, texts: count });
    }

    pub(crate) fn judge_sample(
        &self,
        command: &JudgeSample,
        _: PolicyFacts,
        (): (),
    ) -> Result<PolicyPlan, PolicyRefusal> {
        let JudgeSample { sample, item, judgement, judged_by } = *command;
        let place = usize::try_from(sample).ok().and_then(|one| one.checked_sub(1));
        let known = place.and_then(|place| self.samples.get(place));
        let known = known.ok_or_else(|| not_found(Missing::Sample(sample)))?;
        let text = usize::from(item).checked_sub(1).and_then(|place| known.texts.get(place));
        let text = text.ok_or_else(|| not_found(Missing::SampleText(sample, item)))?;
        match text.judged {
            Some(before) if (before.by, before.judgement) == (judged_by, judgement) => {
                return Err(books::Refusal::Repeated.into());
            }
            Some(_) => return Err(PolicyRefusal::Judged),
            None => {}
        }
        if self.decision_at(text.place).by == Some(judged_by) {
            return Err(books::Refusal::SamePerson.into());
        }
        Ok(PolicyChange::SampleText(command.clone()).into())
    }

    pub(crate) fn judge_text(
        &mut self,
        command: &JudgeSample,
        facts: PolicyFacts,
        out: &mut Vec<PolicyEvent>,
    ) {
        let JudgeSample { sample, item, judgement, judged_by: by } = *command;
        let (sample_place, text_place) = (sample as usize - 1, usize::from(item) - 1);
        let place = self.samples[sample_place].texts[text_place].place;
        let passed = self.decision_at(place).verdict == TextVerdict::Published;
        let is_error = passed != (judgement == TextJudgement::Publish);
        let judged = SampleJudgement { at: facts.at, by, judgement, is_error };
        self.samples[sample_place].texts[text_place].judged = Some(judged);
        out.push(PolicyEvent::SampleJudged { sample, item, is_error });
    }

    /// The number of the last sample. 0 before the first.
    #[must_use]
    pub fn last_sample(&self) -> u32 {
        u32::try_from(self.samples.len()).expect("there are at most SAMPLES_MAX samples")
    }

    /// The samples, the first one first.
    pub fn samples(&self) -> impl Iterator<Item = SampleCounts> {
        self.samples.iter().map(|sample| {
            let count = |texts: usize| u32::try_from(texts).expect("a sample is small");
            let judged = sample.texts.iter().filter_map(|text| text.judged);
            let DrawSample { number, kind, from, until, .. } = sample.drawn;
            SampleCounts {
                number,
                kind,
                from,
                until,
                texts: count(sample.texts.len()),
                judged: count(judged.clone().count()),
                errors: count(judged.filter(|one| one.is_error).count()),
            }
        })
    }

    /// The texts of a sample, and whether each is judged. Whoever judges does not see what was
    /// decided.
    pub fn sample_texts(
        &self,
        sample: u32,
    ) -> impl Iterator<Item = (&TextDecision, Option<SampleJudgement>)> {
        let place = usize::try_from(sample).ok().and_then(|one| one.checked_sub(1));
        let known = place.and_then(|place| self.samples.get(place));
        let texts = known.into_iter().flat_map(|sample| &sample.texts);
        texts.map(|text| (self.decision_at(text.place), text.judged))
    }
}
