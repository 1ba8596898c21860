//! A text is matched with the rules in force, outside the engine; the command carries what was
//! found.

use std::sync::Arc;

use books::{BusinessDate, Sha256Digest};
use engine::{Engine, Timestamp};
use market::OfferId;
use policy::{ActivatePolicy, DecideText, ListPrice, Policy, PolicyRule, ScreenText, TextSpan};
use screening::{Matcher, PolicyProblem, TABLES_VERSION};

use crate::store::{StoreError, TextStore};

/// Why a text was not matched.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    #[error("there is no offer {0}: check the identifier")]
    NoOffer(OfferId),
    #[error("the text {0} of offer {1} is not kept: send it first")]
    NoText(Sha256Digest, OfferId),
    /// A person names a place that is none.
    #[error(
        "the text has no place from byte {} to {} of that part: name a part that has a text, with \
         whole characters of it",
        .0.start, .0.end
    )]
    Place(TextSpan),
    #[error("no version of the policy is in force: let two people activate one")]
    NoVersion,
    #[error(
        "rule `{0}` of the policy cannot be matched here ({1}): let two people activate another \
         version"
    )]
    Rule(String, PolicyProblem),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The version in force at a time, and the day.
#[must_use]
pub fn matched_version(engine: &Engine, at: Timestamp) -> Option<(&ActivatePolicy, BusinessDate)> {
    let date = engine.books().business_date(at)?;
    Some((engine.policy().in_force(date)?, date))
}

/// Checks the places that a person names in a text.
///
/// # Errors
/// The text is not kept, or a place is not of whole characters of it.
pub fn check_places(store: &TextStore, decided: &DecideText) -> Result<(), ScreenError> {
    let DecideText { offer, content, ref spans, .. } = *decided;
    if spans.is_empty() {
        return Ok(());
    }
    let text = store.get(content)?.ok_or(ScreenError::NoText(content, offer))?;
    let is_place = |span: &TextSpan| {
        let [start, end] =
            [span.start, span.end].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
        text.part(span.part).get(start..end).is_some_and(|place| !place.is_empty())
    };
    match spans.iter().find(|span| !is_place(span)) {
        Some(span) => Err(ScreenError::Place(*span)),
        None => Ok(()),
    }
}

/// A matcher of the rules of a version that hold on a day.
///
/// # Errors
/// A rule that this program cannot match.
pub fn matcher_of(
    policy: &Policy,
    version: &ActivatePolicy,
    date: BusinessDate,
) -> Result<Matcher, ScreenError> {
    matcher(policy.matched_rules(version, date))
}

pub(crate) fn matcher<'r>(
    rules: impl IntoIterator<Item = &'r PolicyRule>,
) -> Result<Matcher, ScreenError> {
    Matcher::of(rules).map_err(|(rule, problem)| ScreenError::Rule(rule, problem))
}

/// What the books say of a text that is to be matched. Matching it needs no engine.
#[derive(Clone, Debug)]
pub struct TextToScreen {
    offer: OfferId,
    number: u32,
    content: Sha256Digest,
    version: u32,
    rules: Arc<[PolicyRule]>,
    prices: Vec<ListPrice>,
}

impl TextToScreen {
    /// The given text of an offer, or the one that it has.
    ///
    /// # Errors
    /// There is no such offer, or no version in force.
    pub fn of(
        engine: &Engine,
        (offer, content): (OfferId, Option<Sha256Digest>),
        at: Timestamp,
    ) -> Result<TextToScreen, ScreenError> {
        engine.market().offer_view(offer).ok_or(ScreenError::NoOffer(offer))?;
        let (version, date) = matched_version(engine, at).ok_or(ScreenError::NoVersion)?;
        let rules = engine.policy().matched_rules(version, date).cloned().collect();
        TextToScreen::with(engine, (offer, content), (version.version, rules))
    }

    /// The same, of a version with these rules.
    pub(crate) fn with(
        engine: &Engine,
        (offer, content): (OfferId, Option<Sha256Digest>),
        (version, rules): (u32, Arc<[PolicyRule]>),
    ) -> Result<TextToScreen, ScreenError> {
        let known = engine.market().offer_view(offer).ok_or(ScreenError::NoOffer(offer))?;
        Ok(TextToScreen {
            offer,
            number: engine.policy().next_decision(offer),
            content: content.unwrap_or(known.content),
            version,
            rules,
            prices: engine.offer_prices(offer),
        })
    }

    /// The command that says what the rules find.
    ///
    /// # Errors
    /// The text is not kept, or a rule cannot be matched.
    pub fn screen(self, store: &TextStore) -> Result<ScreenText, ScreenError> {
        let matcher = matcher(self.rules.iter())?;
        self.screen_with(store, &matcher)
    }

    /// The same, with a matcher of the rules in force.
    pub(crate) fn screen_with(
        self,
        store: &TextStore,
        matcher: &Matcher,
    ) -> Result<ScreenText, ScreenError> {
        let TextToScreen { offer, number, content, version, prices, .. } = self;
        let text = store.get(content)?.ok_or(ScreenError::NoText(content, offer))?;
        let matches = text.find(matcher, &prices);
        let tables = TABLES_VERSION.to_owned();
        Ok(ScreenText { offer, number, content, version, tables, prices, matches })
    }
}

/// The command that says what the rules in force find in a text of an offer: the given one, or the
/// one that it has.
///
/// # Errors
/// There is no such offer or text, or no version in force.
pub fn screening(
    engine: &Engine,
    store: &TextStore,
    text: (OfferId, Option<Sha256Digest>),
    at: Timestamp,
) -> Result<ScreenText, ScreenError> {
    TextToScreen::of(engine, text, at)?.screen(store)
}
