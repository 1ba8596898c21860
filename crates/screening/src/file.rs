//! Policy files (TOML): one version of a policy, with its rules.

use std::collections::BTreeSet;

use money::decimal::DecimalStyle;
use money::{Amount, Currency, Rate, RateError};
use policy::{
    Baseline, ENTRY_CHARS_MAX, ListPrice, NormalisationStep, PATTERNS_MAX, PolicyRule, RULES_MAX,
    RuleEffect, RuleExample, StatementCategory, StepSet, WORDS_MAX,
};
use serde::Deserialize;
use tariff::{BusinessDate, BusinessDateError};

use crate::matcher::Matcher;
use crate::public_text::{PublicText, PublicTextKind, changes_direction};
use crate::sounds::READINGS_MAX;

/// Limit on the size of a policy file.
pub const FILE_BYTES_MAX: usize = 16 << 20;

/// One version of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyVersion {
    pub name: String,
    /// Counted from 1.
    pub number: u32,
    /// Who wrote it, and who approves it: two persons.
    pub author: String,
    pub approver: String,
    /// First day in force.
    pub from: BusinessDate,
    /// Only an example: nobody is to use it as it is.
    pub is_example: bool,
    /// A rule is suspended when so many of its decisions were reversed, and at least this share of
    /// its judged appeals.
    pub suspended_after: u16,
    pub suspended_share: Rate,
    pub rules: Vec<PolicyRule>,
}

impl PolicyVersion {
    /// The rules of a baseline. Without any, nothing is checked under it.
    pub fn under(&self, baseline: Baseline) -> impl Iterator<Item = &PolicyRule> {
        self.rules.iter().filter(move |rule| rule.baseline == baseline)
    }

    /// The rules in force on a day.
    pub fn in_force(&self, date: BusinessDate) -> impl Iterator<Item = &PolicyRule> {
        let rules = self.rules.iter().filter(move |_| self.from <= date);
        rules.filter(move |rule| rule.is_in_force(date))
    }
}

/// An error in a policy file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct PolicyFileError {
    /// For example `line 3`, or `rule superlatives`.
    pub place: String,
    pub what: PolicyProblem,
}

/// The problem of a policy file, and how to fix it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyProblem {
    #[error("a policy file has at most {FILE_BYTES_MAX} bytes; shorten its lists")]
    FileTooLong,
    #[error("this is not TOML; correct the line")]
    NotToml,
    #[error("the key `{0}` is missing; add it")]
    MissingKey(String),
    #[error("there is no key `{0}`; keys here are {1}")]
    UnknownKey(String, String),
    #[error("the value `{0}` is not known here; write one of {1}")]
    UnknownValue(String, String),
    #[error("a key stands here twice; remove one")]
    SameKey,
    #[error("the value is of the wrong kind; write {0}")]
    WrongKind(String),
    #[error("a version has at most {RULES_MAX} rules; remove some")]
    TooManyRules,
    #[error("two rules have this id; rename one")]
    SameId,
    #[error("`{0}` is empty; write it")]
    Empty(&'static str),
    #[error("an entry of `{0}` is empty; remove it")]
    EmptyEntry(&'static str),
    #[error("`number` is 0; count the versions from 1")]
    NumberZero,
    #[error("`{0}` is not a price; write digits with two decimals at most, for example 20.00")]
    NotAPrice(String),
    #[error(
        "an example is not of its form; write a text, or {{ text = \"…\", price = \"20.00\" }}, \
         with `reference` if there is one: each is a text in quotation marks"
    )]
    ExampleForm,
    #[error("the pattern `{0}` becomes too large; write fewer or shorter repetitions")]
    PatternTooLarge(String),
    #[error("`{0}` can be read in more than {READINGS_MAX} ways; split it, or write it in pinyin")]
    TooManyReadings(String),
    #[error("`{0}` has more than {ENTRY_CHARS_MAX} characters; shorten it")]
    TooLong(&'static str),
    #[error("`{0}` has more than {1} entries; shorten the list")]
    TooManyEntries(&'static str, usize),
    #[error("`{0}` has a character that changes the direction of writing; remove it")]
    Bidi(&'static str),
    #[error("the approver is the author; let another person approve")]
    ApprovedByAuthor,
    #[error("it ends on {until}, but begins on {from}; correct `until`")]
    EndsBeforeBegin { from: BusinessDate, until: BusinessDate },
    #[error("it has no words, no patterns and no `discount`; add one, or remove the rule")]
    NothingToMatch,
    #[error("there is no example in `{0}`; add one that shows what the rule means")]
    NoExample(&'static str),
    #[error("nothing is left of `{0}` after the rule's steps; remove it, or leave a step out")]
    Vanishes(String),
    #[error("the pattern `{0}` is not valid: {1}; write one that runs in linear time")]
    Pattern(String, String),
    #[error("the pattern `{0}` matches the empty text; make it longer")]
    MatchesNothing(String),
    #[error("the words cannot be compiled ({0}); shorten the lists")]
    TooManyNeedles(String),
    #[error("the example `{0}` must match and does not; correct the rule or the example")]
    DoesNotMatch(String),
    #[error("the example `{0}` must not match and does; correct the rule or the example")]
    Matches(String),
    #[error(transparent)]
    Date(#[from] BusinessDateError),
    #[error(transparent)]
    Rate(#[from] RateError),
    #[error("`suspended_after` is 0; write how many reversals suspend a rule")]
    NoBound,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVersion {
    name: String,
    number: u32,
    author: String,
    approver: String,
    from: String,
    #[serde(default)]
    example: bool,
    #[serde(default = "suspended_after")]
    suspended_after: u16,
    #[serde(default = "suspended_share")]
    suspended_share: String,
    #[serde(default)]
    rule: Vec<RawRule>,
}

fn suspended_after() -> u16 {
    3
}

fn suspended_share() -> String {
    "50%".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: String,
    baseline: Baseline,
    jurisdiction: String,
    source: String,
    text: String,
    effect: RuleEffect,
    category: Option<StatementCategory>,
    from: Option<String>,
    until: Option<String>,
    #[serde(default)]
    steps: Vec<NormalisationStep>,
    #[serde(default)]
    words: Vec<String>,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    patterns: Vec<String>,
    #[serde(default)]
    discount: bool,
    #[serde(default)]
    matches: Vec<RawExample>,
    #[serde(default)]
    passes: Vec<RawExample>,
}

/// A text, or one with the prices of its offer.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawExample {
    Text(String),
    Priced { text: String, price: String, reference: Option<String> },
}

fn error(place: impl Into<String>, what: impl Into<PolicyProblem>) -> PolicyFileError {
    PolicyFileError { place: place.into(), what: what.into() }
}

/// What the parser's message means.
fn toml_problem(message: &str) -> PolicyProblem {
    use PolicyProblem as P;
    let list = |known: &str| known.trim_start_matches("one of ").to_owned();
    let named = |begin: &str| {
        let (name, known) = message.strip_prefix(begin)?.split_once('`')?;
        Some((name.to_owned(), known.trim_start_matches(", expected ")))
    };
    None.or_else(|| named("missing field `").map(|(key, _)| P::MissingKey(key)))
        .or_else(|| named("unknown field `").map(|(key, known)| P::UnknownKey(key, list(known))))
        .or_else(|| {
            named("unknown variant `").map(|(value, known)| P::UnknownValue(value, list(known)))
        })
        .or_else(|| message.contains("enum RawExample").then_some(P::ExampleForm))
        .or_else(|| message.starts_with("duplicate").then_some(P::SameKey))
        .or_else(|| {
            let (_, wanted) = message.strip_prefix("invalid ")?.rsplit_once("expected ")?;
            Some(P::WrongKind(wanted.to_owned()))
        })
        .unwrap_or(P::NotToml)
}

/// Reads a policy file and checks it: its rules, their examples, its people and dates.
///
/// # Errors
/// The first problem found.
pub fn parse(text: &str) -> Result<PolicyVersion, PolicyFileError> {
    use PolicyProblem as P;
    if text.len() > FILE_BYTES_MAX {
        return Err(error("the file", P::FileTooLong));
    }
    let raw: RawVersion = toml::from_str(text).map_err(|bad| {
        let line = bad.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        error(format!("line {line}"), toml_problem(bad.message()))
    })?;
    let here = |what: P| error("the version", what);
    for (key, value) in [("name", &raw.name), ("author", &raw.author), ("approver", &raw.approver)]
    {
        checked(key, value).map_err(here)?;
    }
    if raw.number == 0 {
        return Err(here(P::NumberZero));
    }
    let person = |name: &str| -> String {
        name.split_whitespace().flat_map(str::chars).flat_map(char::to_lowercase).collect()
    };
    if person(&raw.author) == person(&raw.approver) {
        return Err(here(P::ApprovedByAuthor));
    }
    if raw.rule.len() > RULES_MAX {
        return Err(here(P::TooManyRules));
    }
    let from: BusinessDate = raw.from.parse().map_err(|bad: BusinessDateError| here(bad.into()))?;
    let suspended_share: Rate =
        raw.suspended_share.parse().map_err(|bad: RateError| here(bad.into()))?;
    if raw.suspended_after == 0 {
        return Err(here(P::NoBound));
    }
    let mut ids = BTreeSet::new();
    let mut rules = Vec::with_capacity(raw.rule.len());
    for raw in raw.rule {
        let place = format!("rule `{}`", raw.id.chars().take(40).collect::<String>());
        if !ids.insert(raw.id.clone()) {
            return Err(error(place, P::SameId));
        }
        rules.push(rule(raw, from).map_err(|what| error(place, what))?);
    }
    let version = PolicyVersion {
        name: raw.name,
        number: raw.number,
        author: raw.author,
        approver: raw.approver,
        from,
        is_example: raw.example,
        suspended_after: raw.suspended_after,
        suspended_share,
        rules,
    };
    check_examples(&version.rules)?;
    Ok(version)
}

fn checked(key: &'static str, text: &str) -> Result<(), PolicyProblem> {
    if text.trim().is_empty() {
        return Err(PolicyProblem::Empty(key));
    }
    if text.chars().count() > ENTRY_CHARS_MAX {
        return Err(PolicyProblem::TooLong(key));
    }
    match text.contains(changes_direction) {
        true => Err(PolicyProblem::Bidi(key)),
        false => Ok(()),
    }
}

fn rule(raw: RawRule, version_from: BusinessDate) -> Result<PolicyRule, PolicyProblem> {
    use PolicyProblem as P;
    for (key, value) in [
        ("id", &raw.id),
        ("jurisdiction", &raw.jurisdiction),
        ("source", &raw.source),
        ("text", &raw.text),
    ] {
        checked(key, value)?;
    }
    let lists = [
        ("words", &raw.words, WORDS_MAX),
        ("allow", &raw.allow, WORDS_MAX),
        ("patterns", &raw.patterns, PATTERNS_MAX),
    ];
    for (key, list, most) in lists {
        if list.len() > most {
            return Err(P::TooManyEntries(key, most));
        }
        list.iter().try_for_each(|entry| match entry.trim().is_empty() {
            true => Err(P::EmptyEntry(key)),
            false => checked(key, entry),
        })?;
    }
    let date = |text: Option<String>| text.map(|text| text.parse()).transpose();
    let from = date(raw.from)?.unwrap_or(version_from);
    let until = date(raw.until)?;
    if let Some(until) = until.filter(|until| *until <= from) {
        return Err(P::EndsBeforeBegin { from, until });
    }
    let examples = |key: &'static str, raw: Vec<RawExample>| {
        if raw.is_empty() {
            return Err(P::NoExample(key));
        }
        raw.into_iter().map(|raw| example(key, raw)).collect::<Result<Vec<_>, P>>()
    };
    let rule = PolicyRule {
        id: raw.id,
        baseline: raw.baseline,
        jurisdiction: raw.jurisdiction,
        source: raw.source,
        text: raw.text,
        effect: raw.effect,
        category: raw.category,
        from,
        until,
        steps: StepSet::of(&raw.steps),
        words: raw.words,
        allow: raw.allow,
        patterns: raw.patterns,
        discount: raw.discount,
        matches: examples("matches", raw.matches)?,
        passes: examples("passes", raw.passes)?,
    };
    match rule.has_words() || rule.discount {
        true => Ok(rule),
        false => Err(P::NothingToMatch),
    }
}

fn example(key: &'static str, raw: RawExample) -> Result<RuleExample, PolicyProblem> {
    // Sums of any currency with two decimals: only their ratio counts.
    let amount = |text: &str| {
        let amount = money::decimal::parse(text, Currency::CNY, DecimalStyle::PLAIN);
        amount.map_err(|_| PolicyProblem::NotAPrice(text.chars().take(24).collect()))
    };
    let (text, price) = match raw {
        RawExample::Text(text) => (text, None),
        RawExample::Priced { text, price, reference } => {
            let reference: Option<Amount> =
                reference.map(|reference| amount(&reference)).transpose()?;
            (text, Some(ListPrice { price: amount(&price)?, reference }))
        }
    };
    checked(key, &text)?;
    Ok(RuleExample { text, price })
}

/// Each rule by itself must match its examples, and must not match the others.
///
/// # Errors
/// The first example that does not hold.
pub fn check_examples(rules: &[PolicyRule]) -> Result<(), PolicyFileError> {
    use PolicyProblem as P;
    for rule in rules {
        let place = || format!("rule `{}`", rule.id);
        let matcher = Matcher::of([rule]).map_err(|(_, what)| error(place(), what))?;
        let is_found = |it: &&RuleExample| {
            let text = PublicText::read(PublicTextKind::Listing, it.text.as_bytes());
            text.is_ok_and(|text| !matcher.find(text, it.price.as_slice()).is_empty())
        };
        if let Some(missed) = rule.matches.iter().find(|example| !is_found(example)) {
            return Err(error(place(), P::DoesNotMatch(missed.text.clone())));
        }
        if let Some(found) = rule.passes.iter().find(is_found) {
            return Err(error(place(), P::Matches(found.text.clone())));
        }
    }
    Ok(())
}
