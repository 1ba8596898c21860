//! The sentences of a verdict.

use ::pulse::claims::{CORRECTIONS_SHOWN_MAX, Verdict};
use ::pulse::report::{ReportedClaim, ReportedSentence};

use crate::PageWords;
use crate::texts::fill;

#[must_use]
pub fn verdict_name(words: PageWords, verdict: Verdict) -> &'static str {
    let name = verdict.name().replace(' ', "_");
    words.entry("claims.verdict", &name).unwrap_or(verdict.name())
}

fn sentence(words: PageWords, section: &str, said: &ReportedSentence) -> String {
    let template = words.entry(section, &said.key).unwrap_or(&said.key);
    fill(template, &mut |name| said.facts.get(name).cloned().unwrap_or_default())
}

/// The arithmetic, step by step.
#[must_use]
pub fn claim_sentences(words: PageWords, claim: &ReportedClaim) -> Vec<String> {
    claim.reasons.iter().map(|reason| sentence(words, "claims.reason", reason)).collect()
}

/// One sentence for all corrections that are possible.
#[must_use]
pub fn correction_sentence(words: PageWords, claim: &ReportedClaim) -> Option<String> {
    let corrections = &claim.corrections;
    let shown = corrections.iter().take(CORRECTIONS_SHOWN_MAX);
    let shown = shown.map(|one| sentence(words, "claims.correction", one));
    let all = shown.collect::<Vec<_>>().join(words.get("claims.or"));
    match corrections.len() {
        0 => None,
        1 => Some(words.fill("claims.one_correction", &[("it", &all)])),
        count => {
            let key = match count > CORRECTIONS_SHOWN_MAX {
                true => "claims.many_corrections",
                false => "claims.several_corrections",
            };
            Some(words.fill(key, &[("count", &count), ("all", &all)]))
        }
    }
}

#[cfg(test)]
mod tests {
    use ::pulse::claims::{CORRECTION_TEXTS, REASON_TEXTS};
    use office::Language;

    use super::*;
    use crate::texts::placeholders;

    #[test]
    fn every_reason_and_correction_has_its_sentence_with_all_its_facts() {
        let sections = [("claims.reason", REASON_TEXTS), ("claims.correction", CORRECTION_TEXTS)];
        for words in [Language::En, Language::Zh].map(PageWords) {
            for (section, texts) in sections {
                for (key, facts) in texts {
                    let text = words.entry(section, key);
                    let text = text.unwrap_or_else(|| panic!("no {section}.{key} in {words:?}"));
                    let facts = facts.iter().copied().collect();
                    assert_eq!(placeholders(text), facts, "{section}.{key} in {words:?}");
                }
            }
        }
    }
}
