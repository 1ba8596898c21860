//! Statements of reasons in the form of the DSA Transparency Database. Ours is wider (any
//! jurisdiction, any date, holds): what does not fit is refused, with each reason.

use books::BusinessDate;
use engine::Engine;
use policy::{
    DecisionOrigin, MatchCause, PolicyRule, StatementCategory, TextDecision, TextMatch, TextPart,
    TextVerdict,
};
use serde::Serialize;

const GROUND_CHARS_MAX: usize = 500;
const EXPLANATION_CHARS_MAX: usize = 2_000;
const FACTS_CHARS_MAX: usize = 5_000;

/// Member states of the European Union, and of the European Economic Area.
const TERRITORIES: [&str; 30] = [
    "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT", "LV",
    "LT", "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE", "IS", "LI", "NO",
];

/// What the database must know and the books do not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlatformTerms {
    /// Where a rule of the house holds; a law's own place counts for a law.
    pub territories: Vec<String>,
    /// Where the terms can be read.
    pub reference_url: Option<String>,
    /// Language of the texts, for example `ZH`.
    pub content_language: Option<String>,
}

/// A statement, as the database takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatementOfReasons {
    pub decision_visibility: Vec<&'static str>,
    pub decision_ground: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_ground_reference_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub illegal_content_legal_ground: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub illegal_content_explanation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incompatible_content_ground: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incompatible_content_explanation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incompatible_content_illegal: Option<&'static str>,
    pub content_type: Vec<&'static str>,
    pub category: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    pub territorial_scope: Vec<String>,
    pub content_date: String,
    pub application_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_date_visibility_restriction: Option<String>,
    pub decision_facts: String,
    pub source_type: &'static str,
    pub automated_detection: &'static str,
    pub automated_decision: &'static str,
    pub puid: String,
}

/// Why a decision has no statement there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementFault {
    #[error("nothing is restricted: the text is held until a person decides")]
    Held,
    #[error("rule `{0}` has no `category`: give it one in the next version")]
    NoCategory(String),
    #[error("rule `{0}` holds in {1}, which is no European territory")]
    NotEuropean(String, String),
    #[error("no territory is given where the house's rules hold: name them with --territory")]
    NoTerritory,
    #[error("{0} is outside 2020-01-01 to 2038-01-01")]
    Date(String),
    #[error("`{0}` has more than {1} characters: shorten it in the next version")]
    TooLong(&'static str, usize),
}

/// A decision that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedStatement {
    pub offer: String,
    pub decision: u32,
    pub faults: Vec<StatementFault>,
}

/// The statements of the labels, holds and refusals of some days, and what does not fit.
#[must_use]
pub fn statements(
    engine: &Engine,
    (from, until): (BusinessDate, BusinessDate),
    terms: &PlatformTerms,
) -> (Vec<StatementOfReasons>, Vec<RefusedStatement>) {
    let (mut fits, mut refused) = (Vec::new(), Vec::new());
    let decisions = engine.policy().decisions();
    let decisions = decisions.filter(|one| (from..=until).contains(&one.date));
    for one in decisions.filter(|one| one.verdict != TextVerdict::Published) {
        match statement(engine, one, terms) {
            Ok(statement) => fits.push(statement),
            Err(faults) => refused.push(RefusedStatement {
                offer: one.offer.to_string(),
                decision: one.number,
                faults,
            }),
        }
    }
    (fits, refused)
}

/// The statement of a decision.
///
/// # Errors
/// Each reason why it does not fit.
pub fn statement(
    engine: &Engine,
    decision: &TextDecision,
    terms: &PlatformTerms,
) -> Result<StatementOfReasons, Vec<StatementFault>> {
    let mut faults = Vec::new();
    let visibility = match decision.verdict {
        TextVerdict::Labelled => "DECISION_VISIBILITY_CONTENT_LABELLED",
        TextVerdict::Refused => "DECISION_VISIBILITY_CONTENT_REMOVED",
        TextVerdict::Published | TextVerdict::Held => return Err(vec![StatementFault::Held]),
    };
    let rules = decision.rules.iter().filter_map(|rule| engine.policy().rule_of(decision, rule));
    let rules: Vec<&PolicyRule> = rules.map(|(_, rule)| rule).collect();
    let Some(first) = rules.first() else { return Err(vec![StatementFault::Held]) };
    let is_law = first.is_law();
    let (ground, explanation) = (&first.source, &first.text);
    let mut check = |name, text: &str, most| {
        if text.chars().count() > most {
            faults.push(StatementFault::TooLong(name, most));
        }
    };
    check("source", ground, GROUND_CHARS_MAX);
    check("text", explanation, EXPLANATION_CHARS_MAX);
    let facts = facts(decision, &rules);
    check("facts", &facts, FACTS_CHARS_MAX);
    let category = first.category.map(category_name);
    if category.is_none() {
        faults.push(StatementFault::NoCategory(first.id.clone()));
    }
    let territories = if is_law {
        let place = &first.jurisdiction;
        if !TERRITORIES.contains(&place.as_str()) {
            faults.push(StatementFault::NotEuropean(first.id.clone(), place.clone()));
        }
        vec![place.clone()]
    } else {
        for place in terms.territories.iter().filter(|it| !TERRITORIES.contains(&it.as_str())) {
            faults.push(StatementFault::NotEuropean(first.id.clone(), place.clone()));
        }
        if terms.territories.is_empty() {
            faults.push(StatementFault::NoTerritory);
        }
        terms.territories.clone()
    };
    let date = |date: BusinessDate| date.to_string();
    let applied = date(decision.date);
    // Dates of the form 2026-12-01 are in the order of their texts.
    if !("2020-01-01"..="2038-01-01").contains(&applied.as_str()) {
        faults.push(StatementFault::Date(applied.clone()));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let law = |text: &String| is_law.then(|| text.clone());
    let house = |text: &String| (!is_law).then(|| text.clone());
    Ok(StatementOfReasons {
        decision_visibility: vec![visibility],
        decision_ground: match is_law {
            true => "DECISION_GROUND_ILLEGAL_CONTENT",
            false => "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        },
        decision_ground_reference_url: terms.reference_url.clone(),
        illegal_content_legal_ground: law(ground),
        illegal_content_explanation: law(explanation),
        incompatible_content_ground: house(ground),
        incompatible_content_explanation: house(explanation),
        incompatible_content_illegal: (!is_law).then_some("No"),
        content_type: vec!["CONTENT_TYPE_TEXT"],
        category: category.unwrap_or_default(),
        content_language: terms.content_language.clone(),
        territorial_scope: territories,
        content_date: applied.clone(),
        application_date: applied,
        end_date_visibility_restriction: decision.until.map(date),
        decision_facts: facts,
        source_type: match decision.origin {
            DecisionOrigin::OwnInitiative => "SOURCE_VOLUNTARY",
            DecisionOrigin::Notice => "SOURCE_ARTICLE_16",
            DecisionOrigin::TrustedFlagger => "SOURCE_TRUSTED_FLAGGER",
            DecisionOrigin::OtherNotification => "SOURCE_TYPE_OTHER_NOTIFICATION",
        },
        automated_detection: if decision.found_by_rules { "Yes" } else { "No" },
        automated_decision: match (decision.by, decision.found_by_rules) {
            (None, _) => "AUTOMATED_DECISION_FULLY",
            (Some(_), true) => "AUTOMATED_DECISION_PARTIALLY",
            (Some(_), false) => "AUTOMATED_DECISION_NOT_AUTOMATED",
        },
        puid: format!("offer-{}-{}", decision.offer, decision.number),
    })
}

pub(super) fn category_name(category: StatementCategory) -> String {
    let name = serde_json::to_value(category).unwrap_or_default();
    format!("STATEMENT_CATEGORY_{}", name.as_str().unwrap_or_default())
}

/// What was found, and where: the places are bytes of the text as it was written.
fn facts(decision: &TextDecision, rules: &[&PolicyRule]) -> String {
    let of_rules = |found: &&TextMatch| rules.iter().any(|rule| rule.id == found.rule);
    let places = decision.matches.iter().filter(of_rules).map(|found| {
        let part = match found.part {
            TextPart::Title => "title".to_owned(),
            TextPart::Description => "description".to_owned(),
            TextPart::Caption(number) => format!("caption {}", u32::from(number) + 1),
        };
        let what = match &found.cause {
            MatchCause::Word(word) => format!("the word {word}"),
            MatchCause::Pattern(pattern) => format!("the pattern {pattern}"),
            MatchCause::Discount(_) => "a discount that the prices do not bear".to_owned(),
            MatchCause::Person => "what a person read".to_owned(),
        };
        format!("{part}, bytes {} to {}: {what}", found.start, found.end)
    });
    let places: Vec<String> = places.collect();
    let (version, rules) = (decision.version, decision.rules.join(", "));
    format!("Version {version} of the policy, rule {rules}. {}.", places.join("; "))
}
