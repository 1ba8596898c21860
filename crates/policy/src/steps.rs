use std::borrow::Cow;
use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// One way in which words are hidden, and how it is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NormalisationStep {
    /// Characters that are not seen: zero width, joiners, tags, soft hyphens.
    ZeroWidth,
    /// Full and half width.
    Width,
    /// Compatibility characters and combining marks: NFKC (UAX #15).
    Nfkc,
    /// Upper and lower case.
    Case,
    /// Traditional characters become simplified, one by one (OpenCC's table).
    Traditional,
    /// Chinese characters become their sound, without tones: other characters that sound alike
    /// match, and so does pinyin that is written.
    Pinyin,
    /// Characters that look alike become one (UTS #39).
    Confusables,
    /// Spaces, punctuation and symbols between letters are left out.
    Separators,
    /// Of a character that is repeated one is left.
    Repeats,
}

impl NormalisationStep {
    /// In the order in which they are taken.
    pub const ALL: [NormalisationStep; 9] = [
        NormalisationStep::ZeroWidth,
        NormalisationStep::Width,
        NormalisationStep::Nfkc,
        NormalisationStep::Case,
        NormalisationStep::Traditional,
        NormalisationStep::Pinyin,
        NormalisationStep::Confusables,
        NormalisationStep::Separators,
        NormalisationStep::Repeats,
    ];

    /// As in a file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            NormalisationStep::Nfkc => "nfkc",
            NormalisationStep::Width => "width",
            NormalisationStep::Case => "case",
            NormalisationStep::ZeroWidth => "zero_width",
            NormalisationStep::Traditional => "traditional",
            NormalisationStep::Confusables => "confusables",
            NormalisationStep::Separators => "separators",
            NormalisationStep::Repeats => "repeats",
            NormalisationStep::Pinyin => "pinyin",
        }
    }
}

/// Some of the steps. In JSON a list of their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(from = "Vec<NormalisationStep>", into = "Vec<NormalisationStep>")]
pub struct StepSet(u16);

impl From<Vec<NormalisationStep>> for StepSet {
    fn from(steps: Vec<NormalisationStep>) -> StepSet {
        StepSet::of(&steps)
    }
}

impl From<StepSet> for Vec<NormalisationStep> {
    fn from(set: StepSet) -> Vec<NormalisationStep> {
        set.steps().collect()
    }
}

impl JsonSchema for StepSet {
    fn schema_name() -> Cow<'static, str> {
        "StepSet".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<NormalisationStep>::json_schema(generator)
    }
}

impl StepSet {
    pub const NONE: StepSet = StepSet(0);
    pub const ALL: StepSet = StepSet((1 << NormalisationStep::ALL.len()) - 1);

    #[must_use]
    pub fn of(steps: &[NormalisationStep]) -> StepSet {
        steps.iter().fold(StepSet::NONE, |set, step| set.with(*step))
    }

    #[must_use]
    pub fn has(self, step: NormalisationStep) -> bool {
        self.0 & (1 << step as u16) != 0
    }

    #[must_use]
    pub fn with(self, step: NormalisationStep) -> StepSet {
        StepSet(self.0 | 1 << step as u16)
    }

    #[must_use]
    pub fn without(self, step: NormalisationStep) -> StepSet {
        StepSet(self.0 & !(1 << step as u16))
    }

    #[must_use]
    pub fn and(self, others: StepSet) -> StepSet {
        StepSet(self.0 | others.0)
    }

    /// In the order in which they are taken.
    pub fn steps(self) -> impl Iterator<Item = NormalisationStep> {
        NormalisationStep::ALL.into_iter().filter(move |step| self.has(*step))
    }

    #[must_use]
    pub fn bits(self) -> u16 {
        self.0
    }

    /// Other bits are left out.
    #[must_use]
    pub fn from_bits(bits: u16) -> StepSet {
        StepSet(bits & StepSet::ALL.0)
    }
}

impl fmt::Display for StepSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.steps().map(NormalisationStep::name).collect();
        f.write_str(&names.join(", "))
    }
}
