//! Public texts matched against many words and patterns, one thread.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::ensure;
use policy::{Baseline, NormalisationStep, PolicyRule, RuleEffect, StepSet};
use screening::{Matcher, PublicText, PublicTextKind};
use serde::Serialize;

use crate::engine_benchmark::peak_rss_bytes;
use crate::reconciling::cpu_time;

/// Characters of a text.
pub const TEXT_CHARS: usize = 100;
/// One text in so many has a hidden word.
pub const HIDDEN_EVERY: u64 = 20;
/// Texts that are made before they are matched, and matched again and again.
const TEXTS_MADE: u64 = 20_000;

/// What [`measure`] does.
#[derive(Clone, Copy, Debug)]
pub struct PolicyBenchPlan {
    pub texts: u64,
    pub words: u64,
    pub patterns: u64,
    /// With the step from characters to sounds: it makes texts three times as long.
    pub pinyin: bool,
}

/// The JSON output.
#[derive(Debug, Serialize)]
pub struct PolicyFigures {
    pub texts: u64,
    pub words: u64,
    pub patterns: u64,
    pub pinyin: bool,
    pub texts_per_s: u64,
    /// By the CPU time: on a machine that others use it says more than the clock.
    pub texts_per_cpu_s: u64,
    pub chars_per_s: u64,
    /// All that matched, hidden or by chance.
    pub matches: u64,
    pub build_s: f64,
    pub peak_rss_bytes: u64,
    /// Each hidden word was found, in its place.
    pub verified: bool,
}

/// Measures.
///
/// # Errors
/// A hidden word is not found.
#[allow(clippy::float_arithmetic, reason = "figures for people, not money")]
pub fn measure(plan: &PolicyBenchPlan) -> anyhow::Result<PolicyFigures> {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let words = distinct(plan.words, || chance.hanzi_of(3, 6));
    let heads = distinct(plan.patterns, || chance.hanzi_of(3, 4));
    let steps = match plan.pinyin {
        true => StepSet::ALL,
        false => StepSet::ALL.without(NormalisationStep::Pinyin),
    };
    let rule = PolicyRule {
        id: "all".into(),
        baseline: Baseline::Accuracy,
        jurisdiction: "house".into(),
        source: "house rule".into(),
        text: "made up".into(),
        effect: RuleEffect::Hold,
        category: None,
        from: "2026-01-01".parse()?,
        until: None,
        steps,
        words: words.clone(),
        allow: Vec::new(),
        patterns: heads.iter().map(|head| format!("{head}[0-9]{{2,8}}(?:元|折)")).collect(),
        discount: false,
        matches: Vec::new(),
        passes: Vec::new(),
    };
    let begun = Instant::now();
    let matcher = Matcher::of([&rule]);
    let matcher = matcher.map_err(|(_, problem)| anyhow::anyhow!("{problem}"))?;
    let build_s = begun.elapsed().as_secs_f64();
    let made = TEXTS_MADE.min(plan.texts);
    let texts: Vec<Made> = (0..made).map(|number| chance.text(number, &words)).collect();
    for Made { text, hidden } in &texts {
        let Some(span) = hidden else { continue };
        let found = matcher.find(public(text)?, &[]);
        let is_there =
            found.iter().any(|it| it.span.start <= span.start && span.end <= it.span.end);
        ensure!(is_there, "the word at {span:?} of `{text}` is not found: {found:?}");
    }
    let published: Vec<PublicText<'_>> =
        texts.iter().map(|made| public(&made.text)).collect::<anyhow::Result<_>>()?;
    let (begun, used) = (Instant::now(), cpu_time()?);
    let mut matches = 0;
    for text in published.iter().cycle().take(usize::try_from(plan.texts)?) {
        matches += matcher.find(*text, &[]).len() as u64;
    }
    let (took, used) = (begun.elapsed(), cpu_time()? - used);
    let per_second = |took: std::time::Duration| {
        u64::try_from(u128::from(plan.texts) * 1_000_000 / took.as_micros().max(1))
    };
    Ok(PolicyFigures {
        texts: plan.texts,
        words: plan.words,
        patterns: plan.patterns,
        pinyin: plan.pinyin,
        texts_per_s: per_second(took)?,
        texts_per_cpu_s: per_second(used)?,
        chars_per_s: per_second(took)? * TEXT_CHARS as u64,
        matches,
        build_s,
        peak_rss_bytes: peak_rss_bytes()?,
        verified: true,
    })
}

fn public(text: &str) -> anyhow::Result<PublicText<'_>> {
    Ok(PublicText::read(PublicTextKind::Listing, text.as_bytes())?)
}

fn distinct(count: u64, mut make: impl FnMut() -> String) -> Vec<String> {
    let mut all = BTreeSet::new();
    while (all.len() as u64) < count {
        all.insert(make());
    }
    all.into_iter().collect()
}

/// A text with the place of the word that is hidden in it.
struct Made {
    text: String,
    hidden: Option<std::ops::Range<usize>>,
}

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// One of 3,000 characters.
    fn hanzi(&mut self) -> char {
        let code = 0x4e00 + self.below(3_000) * 6;
        u32::try_from(code).ok().and_then(char::from_u32).unwrap_or('一')
    }

    fn hanzi_of(&mut self, least: u64, most: u64) -> String {
        let length = least + self.below(most - least + 1);
        (0..length).map(|_| self.hanzi()).collect()
    }

    /// Of five characters three are Chinese.
    fn text(&mut self, number: u64, words: &[String]) -> Made {
        let mut text = String::new();
        let mut hidden = None;
        let place = self.below(TEXT_CHARS as u64 - 20);
        for at in 0..TEXT_CHARS as u64 {
            if number.is_multiple_of(HIDDEN_EVERY) && at == place {
                let word = usize::try_from(self.below(words.len() as u64)).unwrap_or(0);
                let start = text.len();
                for (place, c) in words[word].chars().enumerate() {
                    if place > 0 {
                        text.push(['\u{200b}', '-', ' ', '·'][place % 4]);
                    }
                    text.push(c);
                }
                hidden = Some(start..text.len());
            }
            let other = ['a', 'B', '7', '，', ' ', 'ｘ', 'e', '０', '。', 't'];
            match self.below(5) {
                0..3 => text.push(self.hanzi()),
                _ => text.push(other[usize::try_from(self.below(10)).unwrap_or(0)]),
            }
        }
        Made { text, hidden }
    }
}
