//! Texts that the rules in force may see otherwise than before: a version began or ended, a rule
//! began, ended or was suspended. They are matched again, outside the engine, and each result is a
//! command in the journal: what is newly caught is held or refused and its offer paused, what is
//! freed is listed again.

use std::sync::Arc;

use engine::{Actor, Command, Engine, Refusal, Submission, Timestamp};
use market::{OfferId, OfferState};
use node::{Clock, NodeClient, NodeStopped, SystemClock};
use policy::{PolicyRefusal, PolicyRule, ScreenText, TextDecision, TextVerdict};

use crate::screen::{ScreenError, TextToScreen, matched_version, matcher};
use crate::store::TextStore;

/// Decisions and offers that are looked at in one turn of the engine.
const LOOKED_AT_ONCE: usize = 10_000;
/// Commands that are given together.
const GIVEN_AT_ONCE: usize = 1_000;

/// The rules that are matched: a version, and those of its rules that hold. While they stay the
/// same, no text need be matched again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesInForce {
    version: u32,
    rules: Vec<String>,
}

impl RulesInForce {
    /// At a time. `None` while no version is in force.
    #[must_use]
    pub fn at(engine: &Engine, at: Timestamp) -> Option<RulesInForce> {
        let (version, date) = matched_version(engine, at)?;
        let rules = engine.policy().matched_rules(version, date).map(|rule| rule.id.clone());
        Some(RulesInForce { version: version.version, rules: rules.collect() })
    }
}

/// What came of matching again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rescreened {
    /// Texts that were matched, and recorded.
    pub matched: u64,
    /// Texts that are not kept: nothing is known of them.
    pub missing: u64,
    /// Texts whose offer changed meanwhile: they are looked at once more.
    pub changed: u64,
}

/// The texts among some decisions and offers that must be matched again, and where to go on. The
/// decisions come first, then the offers, each in their order in the journal.
#[must_use]
pub fn due_texts(
    engine: &Engine,
    at: Timestamp,
    from: usize,
) -> (Vec<TextToScreen>, Option<usize>) {
    let (policy, market) = (engine.policy(), engine.market());
    let Some((version, date)) = matched_version(engine, at) else { return (Vec::new(), None) };
    let known = policy.decision_count();
    let end = (from + LOOKED_AT_ONCE).min(known + market.offer_count());
    let is_matched = |rule: &String| {
        let mut rules = policy.matched_rules(version, date);
        rules.any(|known: &PolicyRule| known.id == *rule)
    };
    let is_stale = |one: &TextDecision| {
        let lost = one.by.is_none() && !one.rules.iter().all(is_matched);
        let mut begun = policy.matched_rules(version, date).filter(|rule| rule.from > one.date);
        one.screened_with != version.version || !one.stands(date) || lost || begun.next().is_some()
    };
    let is_listed = |offer: OfferId| {
        market.offer_view(offer).is_some_and(|offer| offer.state == OfferState::Listed)
    };
    // Whoever matches them has the rules.
    let rules: Arc<[PolicyRule]> = Arc::new([]);
    let mut due = Vec::new();
    for place in from..end {
        let text = match place.checked_sub(known) {
            None => policy.decision_in_order(place).and_then(|one| {
                let counts = one.verdict != TextVerdict::Published || is_listed(one.offer);
                let due = one.end.is_none() && counts && is_stale(one);
                due.then_some((one.offer, Some(one.content)))
            }),
            // Listed before there was a policy.
            Some(place) => market.offer_at(place).and_then(|id| {
                let offer = market.offer_view(id).filter(|it| it.state == OfferState::Listed)?;
                policy.standing(id, offer.content).is_none().then_some((id, None))
            }),
        };
        let rules = (version.version, Arc::clone(&rules));
        due.extend(text.and_then(|text| TextToScreen::with(engine, text, rules).ok()));
    }
    let all = known + market.offer_count();
    (due, (end < all).then_some(end))
}

/// Matches every text again that must be, and gives what was found to the books, at a time or at
/// that of the node's clock.
///
/// # Errors
/// The node stopped, a rule cannot be matched, or the texts cannot be read.
pub fn rescreen(
    client: &mut NodeClient,
    store: &TextStore,
    at: Option<Timestamp>,
) -> Result<Rescreened, RescreenError> {
    let mut done = Rescreened::default();
    let now = || at.unwrap_or_else(|| SystemClock.now());
    let time = now();
    let look = move |engine: &Engine| {
        let at = time.max(engine.last_at());
        let (version, date) = matched_version(engine, at)?;
        let rules = engine.policy().matched_rules(version, date).cloned();
        Some((RulesInForce::at(engine, at)?, rules.collect::<Vec<_>>()))
    };
    let Some((matched, rules)) = client.look_ahead(look)? else { return Ok(done) };
    let matcher = matcher(&rules)?;
    let mut from = Some(0);
    while let Some(place) = from {
        let time = now();
        let look = move |engine: &Engine| {
            let at = time.max(engine.last_at());
            (RulesInForce::at(engine, at), due_texts(engine, at, place))
        };
        let (rules, (due, next)) = client.look_ahead(look)?;
        if rules.as_ref() != Some(&matched) {
            // Other rules hold since: it begins again with them.
            done.changed += 1;
            break;
        }
        let mut found: Vec<ScreenText> = Vec::new();
        for text in due {
            match text.screen_with(store, &matcher) {
                Ok(command) => found.push(command),
                Err(ScreenError::NoText(..)) => done.missing += 1,
                Err(error) => return Err(error.into()),
            }
        }
        for some in found.chunks(GIVEN_AT_ONCE) {
            let given = some.iter().map(|one| {
                let command = Command::of_policy(one.clone());
                (at, Submission::new(Actor::System, command))
            });
            for answer in client.execute(given.collect())? {
                match answer {
                    Ok(_) => done.matched += 1,
                    // The rules find the same as before, or nothing that a person did not see.
                    Err(
                        Refusal::Books(books::Refusal::Repeated)
                        | Refusal::Policy(PolicyRefusal::PersonDecided(_)),
                    ) => {}
                    Err(_) => done.changed += 1,
                }
            }
        }
        from = next;
    }
    Ok(done)
}

/// Why texts were not matched again.
#[derive(Debug, thiserror::Error)]
pub enum RescreenError {
    #[error(transparent)]
    Node(#[from] NodeStopped),
    #[error(transparent)]
    Screen(#[from] ScreenError),
}
