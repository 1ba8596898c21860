//! The rules of a policy, as data.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tariff::BusinessDate;

use crate::baseline::Baseline;
use crate::steps::StepSet;

/// The source of a rule that no law asks for.
pub const HOUSE_RULE: &str = "house rule";

/// What follows from a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleEffect {
    /// The text is not published.
    Refuse,
    /// A person decides.
    Hold,
    /// The text is published with a label.
    Label,
}

/// What a statement of reasons is about, as the Transparency Database of the Digital Services Act
/// names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StatementCategory {
    AnimalWelfare,
    ConsumerInformation,
    CyberViolence,
    CyberViolenceAgainstWomen,
    DataProtectionAndPrivacyViolations,
    IllegalOrHarmfulSpeech,
    IntellectualPropertyInfringements,
    NegativeEffectsOnCivicDiscourseOrElections,
    NotSpecifiedNotice,
    OtherViolationTc,
    ProtectionOfMinors,
    RiskForPublicSecurity,
    ScamsAndFraud,
    SelfHarm,
    UnsafeAndProhibitedProducts,
    Violence,
}

/// One rule: words, patterns or a check of discounts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyRule {
    /// Its name in the version, 1 to 64 bytes.
    pub id: String,
    pub baseline: Baseline,
    /// Where it is law, for example `CN`; or where the house is.
    pub jurisdiction: String,
    /// Law and article, or `house rule`.
    pub source: String,
    /// What the seller reads.
    pub text: String,
    pub effect: RuleEffect,
    /// For the export to the Transparency Database.
    pub category: Option<StatementCategory>,
    /// First day in force.
    pub from: BusinessDate,
    /// Sunset: the first day no longer in force.
    pub until: Option<BusinessDate>,
    pub steps: StepSet,
    pub words: Vec<String>,
    /// A word inside one of these does not match: the longest wins.
    pub allow: Vec<String>,
    pub patterns: Vec<String>,
    /// Claimed discounts are compared with the reference price.
    pub discount: bool,
    /// Texts that must match: at least one.
    pub matches: Vec<RuleExample>,
    /// Texts that must not match: at least one.
    pub passes: Vec<RuleExample>,
}

impl PolicyRule {
    #[must_use]
    pub fn has_words(&self) -> bool {
        !self.words.is_empty() || !self.patterns.is_empty()
    }

    /// Whether the rule holds on a day.
    #[must_use]
    pub fn is_in_force(&self, date: BusinessDate) -> bool {
        self.from <= date && self.until.is_none_or(|until| date < until)
    }

    /// Whether a law asks for it.
    #[must_use]
    pub fn is_law(&self) -> bool {
        self.source != HOUSE_RULE
    }
}

/// A text that must match, or must not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleExample {
    pub text: String,
    pub price: Option<ListPrice>,
}

/// What an offer costs, and the price that its discount is from. Amounts are in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListPrice {
    pub price: Amount,
    /// By the rule of the jurisdiction, from the journal. `None` if there is none.
    pub reference: Option<Amount>,
}
