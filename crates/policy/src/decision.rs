//! Decisions about public texts (M16): by the rules, or by a person.

use std::collections::BTreeSet;

use books::{BusinessDate, PersonId, SellerId, SellerKind, Sha256Digest};
use borsh::{BorshDeserialize, BorshSerialize};
use machine::Timestamp;
use market::{OfferId, OfferState, SetOfferState};

use crate::appeal::TextAppeal;
use crate::command::*;
use crate::event::{FreedBy, PolicyEvent};
use crate::limits::{DECISIONS_PER_OFFER_MAX, MATCHES_MAX, TEXT_BYTES_MAX};
use crate::policy::{OfferFacts, Policy, PolicyChange, PolicyFacts, PolicyPlan};
use crate::refusal::{MissingPolicyRecord as Missing, PolicyRefusal, not_found};
use crate::rule::PolicyRule;
use crate::vocabulary::*;

/// A place in the table of decisions.
pub(crate) type DecisionPlace = u32;

/// A decision about a text of an offer.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TextDecision {
    pub offer: OfferId,
    /// Counted from 1 for each offer.
    pub number: u32,
    pub seller: SellerId,
    pub seller_kind: SellerKind,
    /// SHA-256 of the text.
    pub content: Sha256Digest,
    /// The version of the policy that it was decided with.
    pub version: u32,
    /// The last version that the text was matched with.
    pub screened_with: u32,
    pub at: Timestamp,
    pub date: BusinessDate,
    /// The person who decided; `None` if the rules did.
    pub by: Option<PersonId>,
    /// The rules found it first.
    pub found_by_rules: bool,
    pub origin: DecisionOrigin,
    pub verdict: TextVerdict,
    /// The rules that led to the verdict, in rising order.
    pub rules: Vec<String>,
    /// All that was found, also by rules with a milder effect.
    pub matches: Vec<TextMatch>,
    /// The first day on which none of its rules holds.
    pub until: Option<BusinessDate>,
    /// When the text was held, if a person decided about a held text.
    pub held_at: Option<Timestamp>,
    /// The offer was listed, and is paused because of it.
    pub paused: bool,
    pub appeal: Option<TextAppeal>,
    /// When and why it no longer stands.
    pub end: Option<(Timestamp, DecisionEnd)>,
}

impl Default for TextDecision {
    fn default() -> TextDecision {
        TextDecision {
            offer: OfferId(0),
            number: 0,
            seller: SellerId(0),
            seller_kind: SellerKind::Individual,
            content: Sha256Digest([0; 32]),
            version: 0,
            screened_with: 0,
            at: Timestamp(0),
            date: BusinessDate(0),
            by: None,
            found_by_rules: false,
            origin: DecisionOrigin::OwnInitiative,
            verdict: TextVerdict::Published,
            rules: Vec::new(),
            matches: Vec::new(),
            until: None,
            held_at: None,
            paused: false,
            appeal: None,
            end: None,
        }
    }
}

impl TextDecision {
    /// Whether it holds on a day.
    #[must_use]
    pub fn stands(&self, date: BusinessDate) -> bool {
        self.end.is_none() && self.until.is_none_or(|until| date < until)
    }
}

/// A new decision, and what it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DecisionChange {
    pub decision: TextDecision,
    /// The decision about the same text that no longer stands.
    pub before: Option<DecisionPlace>,
    /// What freed the text, if the one before stopped it.
    pub by: FreedBy,
    /// The appeal that was judged.
    pub judged: Option<JudgeAppeal>,
}

impl Policy {
    pub(crate) fn screen_text(
        &self,
        command: &ScreenText,
        facts: PolicyFacts,
        (): (),
    ) -> Result<PolicyPlan, PolicyRefusal> {
        let offer = facts.offer.ok_or_else(|| not_found(Missing::Offer(command.offer)))?;
        self.check_number(command.offer, command.number, |before| {
            before.by.is_none()
                && before.content == command.content
                && before.version == command.version
                && before.matches == command.matches
        })?;
        let version = self.in_force(facts.date).ok_or(PolicyRefusal::NoVersion)?;
        if version.version != command.version {
            return Err(PolicyRefusal::OtherVersion(version.version));
        }
        let rules: Vec<&PolicyRule> = self.matched_rules(version, facts.date).collect();
        let found = check_matches(&command.matches, &rules)?;
        let effect = found.iter().map(|rule| rule.effect).min();
        let deciding: Vec<&PolicyRule> =
            found.iter().copied().filter(|rule| Some(rule.effect) == effect).collect();
        let decision = TextDecision {
            verdict: effect.map_or(TextVerdict::Published, TextVerdict::from),
            rules: deciding.iter().map(|rule| rule.id.clone()).collect(),
            until: last_end(&deciding),
            matches: command.matches.clone(),
            found_by_rules: !found.is_empty(),
            ..self.new_decision(command.offer, command.content, offer, version.version, facts)
        };
        let before = self.standing_place(command.offer, command.content);
        if let Some(place) = before
            && let one = self.decision_at(place)
            && one.stands(facts.date)
        {
            let known = |rule: &&PolicyRule| one.matches.iter().any(|it| it.rule == rule.id);
            let same = match one.by {
                // What a person decided stands until the rules find something else.
                Some(_) => found.iter().all(known),
                None if one.verdict == TextVerdict::Published => found.is_empty(),
                None => one.version == decision.version && one.matches == decision.matches,
            };
            if same && one.screened_with == command.version {
                return Err(match one.by {
                    Some(_) => PolicyRefusal::PersonDecided(command.offer),
                    None => books::Refusal::Repeated.into(),
                });
            }
            if same {
                return Ok(PolicyChange::Looked(place, command.version).into());
            }
        }
        let change = DecisionChange { decision, before, by: FreedBy::Rules, judged: None };
        Ok(self.plan_of(change, offer))
    }

    pub(crate) fn decide_text(
        &self,
        command: &DecideText,
        facts: PolicyFacts,
        (): (),
    ) -> Result<PolicyPlan, PolicyRefusal> {
        let DecideText { offer: id, content, .. } = *command;
        let offer = facts.offer.ok_or_else(|| not_found(Missing::Offer(id)))?;
        let verdict = TextVerdict::from(command.judgement);
        self.check_number(id, command.number, |before| {
            before.by == Some(command.decided_by)
                && before.content == content
                && before.verdict == verdict
        })?;
        let version = self.in_force(facts.date).ok_or(PolicyRefusal::NoVersion)?;
        let place = self.standing_place(id, content);
        let place = place.ok_or_else(|| not_found(Missing::Standing(id)))?;
        let before = self.decision_at(place);
        if before.verdict == verdict {
            return Err(PolicyRefusal::VerdictUnchanged);
        }
        let is_held = before.verdict == TextVerdict::Held;
        let (rules, until, mut matches) = match (&command.rule, verdict) {
            (None, TextVerdict::Published) if command.spans.is_empty() => {
                (Vec::new(), None, Vec::new())
            }
            // The rules that held the text.
            (None, TextVerdict::Labelled | TextVerdict::Refused)
                if is_held && command.spans.is_empty() =>
            {
                (before.rules.clone(), before.until, Vec::new())
            }
            (Some(rule), TextVerdict::Labelled | TextVerdict::Refused) => {
                let rule = self.matched_rules(version, facts.date).find(|one| one.id == *rule);
                let missing = || not_found(Missing::Rule(command.rule.clone().unwrap_or_default()));
                let rule = rule.ok_or_else(missing)?;
                let is_found = is_held && before.rules.contains(&rule.id);
                if command.spans.is_empty() && !is_found {
                    return Err(PolicyRefusal::RuleAndPlace);
                }
                let seen = command.spans.iter().map(|span| TextMatch {
                    part: span.part,
                    start: span.start,
                    end: span.end,
                    rule: rule.id.clone(),
                    cause: MatchCause::Person,
                    steps: Default::default(),
                });
                let seen: Vec<TextMatch> = seen.collect();
                check_order(&seen)?;
                (vec![rule.id.clone()], rule.until, seen)
            }
            _ => return Err(PolicyRefusal::RuleAndPlace),
        };
        matches.extend(before.matches.iter().cloned());
        matches.sort();
        matches.dedup();
        let decision = TextDecision {
            verdict,
            rules,
            until,
            matches,
            by: Some(command.decided_by),
            found_by_rules: is_held && before.found_by_rules,
            origin: command.origin,
            held_at: is_held.then_some(before.at),
            screened_with: before.screened_with,
            ..self.new_decision(id, content, offer, version.version, facts)
        };
        let change =
            DecisionChange { decision, before: Some(place), by: FreedBy::Person, judged: None };
        Ok(self.plan_of(change, offer))
    }

    /// The number of the next decision about an offer, or what was decided under a used one.
    fn check_number(
        &self,
        offer: OfferId,
        number: u32,
        same: impl Fn(&TextDecision) -> bool,
    ) -> Result<(), PolicyRefusal> {
        match self.decision(offer, number) {
            Some(before) if same(before) => return Err(books::Refusal::Repeated.into()),
            Some(_) => return Err(books::Refusal::NumberUsed(number).into()),
            None => {}
        }
        let next = self.next_decision(offer);
        if number != next {
            return Err(books::Refusal::WrongSequenceNumber(next).into());
        }
        let full = number > DECISIONS_PER_OFFER_MAX;
        if full { Err(PolicyRefusal::TooManyDecisions(offer)) } else { Ok(()) }
    }

    /// The number of an offer's next decision.
    #[must_use]
    pub fn next_decision(&self, offer: OfferId) -> u32 {
        let count = self.decisions_of.get(&offer).map_or(0, Vec::len);
        u32::try_from(count).expect("an offer has few decisions") + 1
    }

    pub(crate) fn new_decision(
        &self,
        id: OfferId,
        content: Sha256Digest,
        offer: OfferFacts,
        version: u32,
        facts: PolicyFacts,
    ) -> TextDecision {
        TextDecision {
            offer: id,
            number: self.next_decision(id),
            seller: offer.seller,
            seller_kind: offer.seller_kind,
            content,
            version,
            screened_with: version,
            at: facts.at,
            date: facts.date,
            ..TextDecision::default()
        }
    }

    /// The plan of a decision, with what the market must do: an offer whose shown text is stopped
    /// is paused; one that was paused for it is listed again.
    pub(crate) fn plan_of(&self, change: DecisionChange, offer: OfferFacts) -> PolicyPlan {
        let decision = &change.decision;
        let was_paused = change.before.is_some_and(|place| self.decision_at(place).paused);
        let state = match (offer.state, decision.verdict.is_shown()) {
            (OfferState::Listed, false) => Some(OfferState::Paused),
            (OfferState::Paused, true) if was_paused => Some(OfferState::Listed),
            _ => None,
        };
        let state = state.filter(|_| offer.content == decision.content);
        let (id, number) = (decision.offer, offer.next_number);
        let offer_state = state.map(|state| SetOfferState { offer: id, number, state });
        PolicyPlan { change: PolicyChange::Decision(Box::new(change)), offer_state }
    }

    pub(crate) fn decide(
        &mut self,
        change: DecisionChange,
        state: Option<OfferState>,
        facts: PolicyFacts,
        out: &mut Vec<PolicyEvent>,
    ) {
        let DecisionChange { mut decision, before, by, judged } = change;
        let (offer, seller) = (decision.offer, decision.seller);
        let paused = state == Some(OfferState::Paused);
        let mut freed = None;
        if let Some(place) = before {
            let one = self.decision_at(place);
            decision.paused = one.paused && !decision.verdict.is_shown();
            freed = (one.verdict > decision.verdict).then_some(one.number);
            let end = match judged {
                Some(_) => DecisionEnd::Reversed,
                None => DecisionEnd::DecidedAgain,
            };
            self.end_decision(place, end, facts.at);
        }
        decision.paused |= paused;
        if let Some(current) = facts.offer {
            // Texts that were never shown and are given up.
            self.end_others(offer, &[decision.content, current.content], facts.at);
        }
        let (number, verdict) = (decision.number, decision.verdict);
        let place = self.decisions.push(decision.clone());
        let place = DecisionPlace::try_from(place).expect("fewer than 2³² decisions");
        self.decisions_of.entry(offer).or_default().push(place);
        if verdict == TextVerdict::Held {
            self.held.insert(place);
        }
        self.count(&decision);
        let listed = state == Some(OfferState::Listed);
        if let Some(decision) = freed {
            out.push(PolicyEvent::TextFreed { offer, seller, decision, by, listed });
        }
        if verdict != TextVerdict::Published {
            let decision = number;
            out.push(PolicyEvent::TextStopped { offer, seller, decision, verdict, paused });
        } else if freed.is_none() {
            out.push(PolicyEvent::TextPassed { offer });
        }
        if let (Some(judged), Some(before)) = (judged, before) {
            self.note_judgement(before, &judged, facts, out);
        }
    }

    /// The decision's text was matched with a version, which changed nothing.
    pub(crate) fn note_look(
        &mut self,
        place: DecisionPlace,
        version: u32,
        out: &mut Vec<PolicyEvent>,
    ) {
        let decision = self.decision_mut(place);
        decision.screened_with = version;
        out.push(PolicyEvent::TextPassed { offer: decision.offer });
    }

    pub(crate) fn end_decision(&mut self, place: DecisionPlace, end: DecisionEnd, at: Timestamp) {
        self.decision_mut(place).end = Some((at, end));
        self.held.remove(&place);
    }

    /// Ends the decisions about other texts of an offer. Returns whether there were any.
    fn end_others(&mut self, offer: OfferId, kept: &[Sha256Digest], at: Timestamp) -> bool {
        let places = self.decisions_of.get(&offer).cloned().unwrap_or_default();
        let ended = places.into_iter().filter(|place| {
            let one = self.decision_at(*place);
            one.end.is_none() && !kept.contains(&one.content)
        });
        let ended: Vec<DecisionPlace> = ended.collect();
        for place in &ended {
            self.end_decision(*place, DecisionEnd::TextReplaced, at);
        }
        !ended.is_empty()
    }

    pub(crate) fn replace_texts(
        &mut self,
        offer: OfferId,
        content: Sha256Digest,
        at: Timestamp,
    ) -> bool {
        self.end_others(offer, &[content], at)
    }

    /// Whether an offer may be listed with a text.
    ///
    /// # Errors
    /// The text was not matched with the rules in force, is held, or is refused.
    pub fn check_listing(
        &self,
        offer: OfferId,
        content: Sha256Digest,
        date: BusinessDate,
    ) -> Result<(), PolicyRefusal> {
        let Some(version) = self.in_force(date) else { return Ok(()) };
        let known = self.standing(offer, content);
        let known = known.filter(|one| one.screened_with == version.version && one.stands(date));
        let decision = known.ok_or(PolicyRefusal::NotScreened(offer))?;
        let rule = || decision.rules.first().cloned().unwrap_or_default();
        match decision.verdict {
            TextVerdict::Published | TextVerdict::Labelled => Ok(()),
            TextVerdict::Held => Err(PolicyRefusal::TextHeld(offer, rule())),
            TextVerdict::Refused => Err(PolicyRefusal::TextRefused(offer, rule())),
        }
    }

    pub(crate) fn decision_at(&self, place: DecisionPlace) -> &TextDecision {
        self.decisions.get(place as usize).expect("the place holds a decision")
    }

    pub(crate) fn decision_mut(&mut self, place: DecisionPlace) -> &mut TextDecision {
        self.decisions.get_mut(place as usize).expect("the place holds a decision")
    }

    pub(crate) fn place_of(&self, offer: OfferId, number: u32) -> Option<DecisionPlace> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        self.decisions_of.get(&offer)?.get(place).copied()
    }

    /// The decision that no later one has ended, about a text of an offer.
    pub(crate) fn standing_place(
        &self,
        offer: OfferId,
        content: Sha256Digest,
    ) -> Option<DecisionPlace> {
        let mut places = self.decisions_of.get(&offer)?.iter().rev().copied();
        places.find(|place| {
            let one = self.decision_at(*place);
            one.end.is_none() && one.content == content
        })
    }
}

/// Checks matches, and finds their rules, each once.
fn check_matches<'r>(
    matches: &[TextMatch],
    rules: &[&'r PolicyRule],
) -> Result<Vec<&'r PolicyRule>, PolicyRefusal> {
    check_order(matches)?;
    let mut found: Vec<&PolicyRule> = Vec::new();
    for one in matches {
        let rule = rules.iter().find(|rule| rule.id == one.rule && has_cause(rule, &one.cause));
        let rule = rule.ok_or_else(|| not_found(Missing::Rule(one.rule.clone())))?;
        if !found.iter().any(|known| known.id == rule.id) {
            found.push(rule);
        }
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

fn check_order(matches: &[TextMatch]) -> Result<(), PolicyRefusal> {
    if matches.len() > MATCHES_MAX {
        return Err(PolicyRefusal::TooManyMatches);
    }
    let within = |one: &TextMatch| one.start < one.end && one.end as usize <= TEXT_BYTES_MAX;
    let rising = matches.windows(2).all(|two| two[0] < two[1]);
    if rising && matches.iter().all(within) { Ok(()) } else { Err(PolicyRefusal::MatchOrder) }
}

fn has_cause(rule: &PolicyRule, cause: &MatchCause) -> bool {
    match cause {
        MatchCause::Word(word) => rule.words.contains(word),
        MatchCause::Pattern(pattern) => rule.patterns.contains(pattern),
        MatchCause::Discount(_) => rule.discount,
        MatchCause::Person => false,
    }
}

/// The first day on which none of the rules holds.
fn last_end(rules: &[&PolicyRule]) -> Option<BusinessDate> {
    let ends: Option<BTreeSet<BusinessDate>> = rules.iter().map(|rule| rule.until).collect();
    ends?.last().copied()
}
