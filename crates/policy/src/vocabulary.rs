//! Kinds, verdicts and reasons in the policy's commands. They are journaled: only add variants, at
//! the end.

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rule::RuleEffect;
use crate::steps::StepSet;

/// A text of an offer that everybody can read. Messages between people have no part here: they are
/// no subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum TextPart {
    Title,
    Description,
    /// Of a picture, counted from 0.
    Caption(u16),
}

/// What of a rule matched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum MatchCause {
    /// A word, as it stands in the rule.
    Word(String),
    /// A pattern, as it stands in the rule.
    Pattern(String),
    /// A claimed discount.
    Discount(UntrueDiscount),
    /// A person saw it.
    Person,
}

/// A claimed discount that the prices do not bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UntrueDiscount {
    /// Thousandths of the reference price that the claim leaves to pay.
    pub left_permille: u16,
    /// Without one, nothing is known that it could be a discount from.
    pub has_reference: bool,
}

/// Where a text matches a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextMatch {
    pub part: TextPart,
    /// Bytes of the part as it was written: whole characters.
    pub start: u32,
    /// After `start`.
    pub end: u32,
    /// The id of a rule.
    pub rule: String,
    pub cause: MatchCause,
    /// The steps without which the text would not match here.
    pub steps: StepSet,
}

/// A place in a text that a person names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextSpan {
    pub part: TextPart,
    /// Bytes of the part as it was written.
    pub start: u32,
    /// After `start`.
    pub end: u32,
}

/// An example of a rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailingExample {
    pub rule: String,
    pub text: String,
}

/// What becomes of a text, the mildest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum TextVerdict {
    #[default]
    Published,
    /// Published with the label of its rules.
    Labelled,
    /// Not published until a person decides.
    Held,
    Refused,
}

impl TextVerdict {
    /// Whether the text is shown.
    #[must_use]
    pub fn is_shown(self) -> bool {
        self <= TextVerdict::Labelled
    }
}

impl From<RuleEffect> for TextVerdict {
    fn from(effect: RuleEffect) -> TextVerdict {
        match effect {
            RuleEffect::Label => TextVerdict::Labelled,
            RuleEffect::Hold => TextVerdict::Held,
            RuleEffect::Refuse => TextVerdict::Refused,
        }
    }
}

/// What a person says of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum TextJudgement {
    Publish,
    Label,
    Refuse,
}

impl From<TextJudgement> for TextVerdict {
    fn from(judgement: TextJudgement) -> TextVerdict {
        match judgement {
            TextJudgement::Publish => TextVerdict::Published,
            TextJudgement::Label => TextVerdict::Labelled,
            TextJudgement::Refuse => TextVerdict::Refused,
        }
    }
}

/// Who or what first pointed at a text (Regulation (EU) 2022/2065, Article 17(3)(b)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum DecisionOrigin {
    /// The house itself, by its rules or its people.
    #[default]
    OwnInitiative,
    /// Somebody's notice of illegal content (Article 16).
    Notice,
    /// A trusted flagger's notice (Article 22).
    TrustedFlagger,
    OtherNotification,
}

/// What a seller says against a decision. A closed list: nobody writes to anybody here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum AppealReason {
    /// The text does not say that.
    NotSaid,
    /// The words mean something else here.
    OtherMeaning,
    /// What the text says is true and can be shown.
    True,
    /// The law or the rule allows it.
    Allowed,
}

/// What a sample is drawn from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum SampleKind {
    /// Texts that were published without a label.
    #[default]
    Passed,
    /// Texts that were refused, held or labelled.
    Stopped,
}

/// Why a decision no longer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub enum DecisionEnd {
    /// The same text was matched or decided again.
    DecidedAgain,
    /// An appeal reversed it.
    Reversed,
    /// The offer has another text.
    TextReplaced,
}
