use std::collections::BTreeMap;
use std::ops::Range;

use daachorse::CharwiseDoubleArrayAhoCorasick as Automaton;
use policy::{
    ListPrice, MatchCause, NormalisationStep as Step, PolicyRule, StepSet, UntrueDiscount,
};
use regex::Regex;
use regex_syntax::hir::literal::Extractor;

use crate::discount::{claimed, discount_steps};
use crate::file::PolicyProblem;
use crate::normaliser::{NormalisedText, Normaliser};
use crate::public_text::PublicText;
use crate::sounds::SoundTree;
use crate::tables::is_letter_or_separator;

/// Limit on the compiled form of a pattern.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// Limit on the literals that tell where a pattern can match.
const LITERALS_MAX: usize = 64;

/// Where a text matches a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleMatch {
    /// Bytes of the original text: whole characters.
    pub span: Range<usize>,
    /// The rule's id.
    pub rule: String,
    pub cause: MatchCause,
    /// The steps without which the text would not match here.
    pub steps: StepSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Word { rule: usize, word: usize },
    Allowed { rule: usize },
    Literal { pattern: usize },
}

#[derive(Debug)]
struct CompiledPattern {
    rule: usize,
    text: String,
    regex: Regex,
}

/// All that is looked for after one set of steps.
struct Group {
    normaliser: Normaliser,
    automaton: Option<Automaton<u32>>,
    /// The words of rules that compare sounds.
    sounds: Option<SoundTree<Entry>>,
    /// It differs from another group only for texts with a letter or separator.
    separates_first: bool,
    /// By the value of the automaton: the characters of a needle, and what it is for.
    needles: Vec<(usize, Vec<Entry>)>,
    patterns: Vec<CompiledPattern>,
    /// Patterns that can match without a literal.
    always: Vec<usize>,
    discounts: Vec<usize>,
}

/// The rules of a policy, ready to be matched.
pub struct Matcher {
    rules: Vec<(String, Vec<String>)>,
    groups: Vec<Group>,
}

/// A needle's match, in units.
struct Hit {
    rule: usize,
    units: Range<usize>,
    cause: MatchCause,
}

impl std::fmt::Debug for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matcher").field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}

impl Matcher {
    /// Compiles rules.
    ///
    /// # Errors
    /// A word vanishes by its steps, or a pattern is not valid.
    pub fn of<'r>(
        rules: impl IntoIterator<Item = &'r PolicyRule>,
    ) -> Result<Matcher, (String, PolicyProblem)> {
        let rules: Vec<&PolicyRule> = rules.into_iter().collect();
        let mut by_steps: BTreeMap<StepSet, Vec<usize>> = BTreeMap::new();
        for (place, rule) in rules.iter().enumerate() {
            if rule.has_words() {
                by_steps.entry(rule.steps).or_default().push(place);
            }
        }
        let mut groups = Vec::with_capacity(by_steps.len() + 1);
        for (steps, places) in by_steps {
            groups.push(Group::of(Normaliser::of(steps), &rules, &places)?);
            if let Some(normaliser) = Normaliser::separating_first(steps) {
                let group = Group::of(normaliser, &rules, &places)?;
                groups.push(Group { separates_first: true, ..group });
            }
        }
        let discounts = rules.iter().enumerate().filter(|(_, rule)| rule.discount);
        let discounts: Vec<usize> = discounts.map(|(place, _)| place).collect();
        if !discounts.is_empty() {
            let mut group = Group::of(Normaliser::of(discount_steps()), &rules, &[])?;
            group.discounts = discounts;
            groups.push(group);
        }
        let rules = rules.iter().map(|rule| (rule.id.clone(), rule.words.clone()));
        Ok(Matcher { rules: rules.collect(), groups })
    }

    /// All matches of a public text, in the order of their places. `prices` are those of the
    /// offer's variants: a claimed discount that none of them bears matches. Without any, discounts
    /// are not looked for.
    #[must_use]
    pub fn find(&self, text: PublicText<'_>, prices: &[ListPrice]) -> Vec<RuleMatch> {
        let text = text.as_str();
        let mut found = Vec::new();
        let separates = self.groups.iter().any(|group| group.separates_first)
            && text.chars().any(is_letter_or_separator);
        for group in &self.groups {
            if (separates || !group.separates_first) && group.can_match(text, prices) {
                self.find_in(group, text, prices, &mut found);
            }
        }
        found.sort_by(|a, b| {
            let key = |it: &RuleMatch| (it.span.start, it.span.end, it.rule.clone());
            (key(a), &a.cause, &a.steps).cmp(&(key(b), &b.cause, &b.steps))
        });
        found.dedup();
        found
    }

    fn find_in(&self, group: &Group, text: &str, prices: &[ListPrice], found: &mut Vec<RuleMatch>) {
        let normalised = group.normaliser.normalise(text);
        let (mut hits, allowed) = group.needles_in(&normalised, &self.rules);
        if !group.discounts.is_empty() && !prices.is_empty() {
            let has_reference = prices.iter().any(|price| price.reference.is_some());
            for discount in claimed(&normalised) {
                if !prices.iter().all(|price| discount.is_untrue(*price)) {
                    continue;
                }
                let left_permille = discount.left_permille;
                let cause = MatchCause::Discount(UntrueDiscount { left_permille, has_reference });
                hits.extend(group.discounts.iter().map(|&rule| Hit {
                    rule,
                    units: discount.units.clone(),
                    cause: cause.clone(),
                }));
            }
        }
        for Hit { rule, units, cause } in hits {
            let covers = |(of, allowed): &(usize, Range<usize>)| {
                *of == rule && allowed.start <= units.start && units.end <= allowed.end
            };
            if allowed.iter().any(covers) {
                continue;
            }
            let steps = normalised.steps(units.clone());
            let span = normalised.span(units);
            let rule = self.rules[rule].0.clone();
            found.push(RuleMatch { span, rule, cause, steps });
        }
    }
}

impl Group {
    fn of(
        normaliser: Normaliser,
        rules: &[&PolicyRule],
        places: &[usize],
    ) -> Result<Group, (String, PolicyProblem)> {
        let steps = normaliser.step_set();
        let mut sounds = steps.has(Step::Pinyin).then(|| SoundTree::new(steps.has(Step::Repeats)));
        let by_look = steps.has(Step::Case) && steps.has(Step::Confusables);
        let mut needles: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        let mut patterns = Vec::new();
        let mut always = Vec::new();
        for &place in places {
            let rule = rules[place];
            let mut add = |text: &str, entry: Entry| {
                let mut forms = vec![text.to_owned()];
                // Capitals can look like other letters than small ones do.
                if by_look && text.chars().any(|c| !c.is_ascii() && c.is_alphabetic()) {
                    let mut chars = text.chars();
                    let first = chars.next().into_iter().flat_map(char::to_uppercase);
                    forms.extend([text.to_uppercase(), first.chain(chars).collect()]);
                }
                for form in forms {
                    let normalised = normaliser.normalise(&form);
                    if normalised.units.is_empty() {
                        return Err((rule.id.clone(), PolicyProblem::Vanishes(text.to_owned())));
                    }
                    if let Some(sounds) = &mut sounds {
                        if !sounds.add(&normalised.readings, entry) {
                            let problem = PolicyProblem::TooManyReadings(text.to_owned());
                            return Err((rule.id.clone(), problem));
                        }
                        continue;
                    }
                    let entries = needles.entry(normalised.text()).or_default();
                    if !entries.contains(&entry) {
                        entries.push(entry);
                    }
                }
                Ok(())
            };
            for (word, text) in rule.words.iter().enumerate() {
                add(text, Entry::Word { rule: place, word })?;
            }
            for text in &rule.allow {
                add(text, Entry::Allowed { rule: place })?;
            }
            for text in &rule.patterns {
                let compiled = compile(text).map_err(|problem| (rule.id.clone(), problem))?;
                let pattern = patterns.len();
                match literals(text) {
                    Some(literals) => {
                        for literal in literals {
                            needles.entry(literal).or_default().push(Entry::Literal { pattern });
                        }
                    }
                    None => always.push(pattern),
                }
                patterns.push(CompiledPattern { rule: place, text: text.clone(), regex: compiled });
            }
        }
        let values = needles.keys().zip(0_u32..).map(|(needle, value)| (needle.as_str(), value));
        let automaton = match needles.is_empty() {
            true => None,
            false => Some(Automaton::with_values(values).map_err(|error| {
                (String::new(), PolicyProblem::TooManyNeedles(error.to_string()))
            })?),
        };
        let needles = needles.into_iter().map(|(needle, of)| (needle.chars().count(), of));
        let needles = needles.collect();
        let (separates_first, discounts) = (false, Vec::new());
        Ok(Group {
            normaliser,
            automaton,
            sounds,
            separates_first,
            needles,
            patterns,
            always,
            discounts,
        })
    }

    /// A quick look, without spans: most texts match nothing.
    fn can_match(&self, text: &str, prices: &[ListPrice]) -> bool {
        if !self.always.is_empty() || self.sounds.is_some() {
            return true;
        }
        if !self.discounts.is_empty() {
            return !prices.is_empty();
        }
        let Some(automaton) = &self.automaton else { return false };
        let mut stepper = automaton.find_overlapping_stepper();
        let mut is_hit = false;
        let is_plain = self.normaliser.each_char(text, |c| {
            stepper.consume(c);
            is_hit |= stepper.matches().next().is_some();
        });
        is_hit || !is_plain
    }

    /// The words and patterns that match, and the phrases that are allowed.
    fn needles_in(
        &self,
        text: &NormalisedText,
        rules: &[(String, Vec<String>)],
    ) -> (Vec<Hit>, Vec<(usize, Range<usize>)>) {
        let (mut hits, mut allowed) = (Vec::new(), Vec::new());
        let mut take = |entry: Entry, units: Range<usize>| match entry {
            Entry::Word { rule, word } => {
                let cause = MatchCause::Word(rules[rule].1[word].clone());
                hits.push(Hit { rule, units, cause });
            }
            Entry::Allowed { rule } => allowed.push((rule, units)),
            Entry::Literal { .. } => {}
        };
        let mut patterns = self.always.clone();
        if let Some(automaton) = &self.automaton {
            let mut stepper = automaton.find_overlapping_stepper();
            for (place, unit) in text.units.iter().enumerate() {
                stepper.consume(unit.char);
                for found in stepper.matches() {
                    let (chars, entries) = &self.needles[found.value() as usize];
                    let units = place + 1 - chars..place + 1;
                    // Not from the middle of what one character became.
                    let is_whole = text.units[units.start].begins && unit.ends;
                    for entry in entries {
                        match *entry {
                            Entry::Literal { pattern } => patterns.push(pattern),
                            _ if is_whole => take(*entry, units.clone()),
                            Entry::Word { .. } | Entry::Allowed { .. } => {}
                        }
                    }
                }
            }
        }
        if let Some(sounds) = &self.sounds {
            sounds.each_in(&text.readings, take);
        }
        if !patterns.is_empty() {
            patterns.sort_unstable();
            patterns.dedup();
            self.patterns_in(text, &patterns, &mut hits);
        }
        (hits, allowed)
    }

    fn patterns_in(&self, text: &NormalisedText, patterns: &[usize], hits: &mut Vec<Hit>) {
        let plain = text.text();
        // The unit that each byte belongs to, and one more for the end.
        let each = text.units.iter().enumerate();
        let units = each.flat_map(|(place, unit)| std::iter::repeat_n(place, unit.char.len_utf8()));
        let units: Vec<usize> = units.chain([text.units.len()]).collect();
        for pattern in patterns.iter().map(|pattern| &self.patterns[*pattern]) {
            for found in pattern.regex.find_iter(&plain).filter(|found| !found.is_empty()) {
                let units = units[found.start()]..units[found.end()];
                let cause = MatchCause::Pattern(pattern.text.clone());
                hits.push(Hit { rule: pattern.rule, units, cause });
            }
        }
    }
}

/// Patterns run in time linear in the text: what cannot is refused by the engine.
fn compile(pattern: &str) -> Result<Regex, PolicyProblem> {
    let regex = regex::RegexBuilder::new(pattern)
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
        .build();
    let regex = regex.map_err(|error| {
        if let regex::Error::CompiledTooBig(_) = error {
            return PolicyProblem::PatternTooLarge(pattern.to_owned());
        }
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
        PolicyProblem::Pattern(pattern.to_owned(), reason.to_owned())
    })?;
    match regex.is_match("") {
        true => Err(PolicyProblem::MatchesNothing(pattern.to_owned())),
        false => Ok(regex),
    }
}

/// Texts of which each match of the pattern begins with one. `None` if there are none, or too many.
fn literals(pattern: &str) -> Option<Vec<String>> {
    let parsed = regex_syntax::parse(pattern).ok()?;
    let mut extractor = Extractor::new();
    extractor.limit_total(LITERALS_MAX);
    let found = extractor.extract(&parsed);
    let literals = found.literals()?.iter();
    let literals: Option<Vec<String>> = literals
        .map(|literal| {
            let text = String::from_utf8(literal.as_bytes().to_vec()).ok()?;
            (!text.is_empty()).then_some(text)
        })
        .collect();
    literals.filter(|literals| !literals.is_empty())
}
