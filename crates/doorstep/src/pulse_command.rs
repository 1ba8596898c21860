//! `doorstep pulse`: figures of others, judged by arithmetic.

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use pulse::claims::{
    CORRECTIONS_SHOWN_MAX, Claim, Correction, FILE_BYTES_MAX, Judgement, Reason, SentenceValue,
    Verdict, check_ids, claim_review, judge, read,
};
use serde_json::{Value, json};

use crate::data_directory::read_text;
use crate::texts::{entry, fill, filled, text};
use crate::words::{Lang, say};

/// Judges published figures by arithmetic
#[derive(Args, Debug)]
pub struct PulseArgs {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand, Debug)]
enum Task {
    Claim(ClaimArgs),
}

/// Checks what can be computed of claims: parts, shares, growth, currencies, magnitudes
///
/// Each figure counts as rounded to the digits that it shows. A claim holds, cannot hold, or needs
/// a definition; the arithmetic is printed, and which single correction would make it hold.
///
/// Exit status: 0 no claim is wrong; 1 one cannot hold, or a file is not valid.
#[derive(Args, Debug)]
struct ClaimArgs {
    /// Files of claims (TOML), judged together
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Print one JSON list: id, verdict, reasons and correction of each claim
    #[arg(long)]
    json: bool,
    /// Print one JSON list of ClaimReview (schema.org, JSON-LD)
    #[arg(long, conflicts_with = "json")]
    claim_review: bool,
}

pub fn run(args: &PulseArgs) -> anyhow::Result<ExitCode> {
    let Task::Claim(args) = &args.task;
    let mut claims: Vec<Claim> = Vec::new();
    for file in &args.files {
        let text = read_text(file, FILE_BYTES_MAX)?;
        claims.extend(read(&text).with_context(|| file.display().to_string())?);
    }
    check_ids(&claims)?;
    let judgements = judge(&claims);
    if args.json {
        say!("{}", Value::from_iter(judgements.iter().map(as_json)));
    } else if args.claim_review {
        let reviews = claims.iter().zip(&judgements).map(|(claim, judgement)| {
            let verdict = judgement.verdict;
            claim_review(claim, verdict, verdict_name(verdict), &sentences(judgement).join(" "))
        });
        say!("{}", Value::from_iter(reviews));
    } else {
        judgements.iter().for_each(print);
    }
    let is_wrong = judgements.iter().any(|it| it.verdict == Verdict::CannotHold);
    Ok(if is_wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn as_json(judgement: &Judgement) -> Value {
    let reasons: Vec<String> = judgement.reasons.iter().map(reason).collect();
    json!({
        "id": judgement.id,
        "verdict": judgement.verdict,
        "reasons": reasons,
        "correction": correction(&judgement.corrections),
    })
}

fn print(judgement: &Judgement) {
    say!("{}: {}", judgement.id, verdict_name(judgement.verdict));
    for sentence in sentences(judgement) {
        say!("  {sentence}");
    }
}

/// The arithmetic, and the correction if there is one.
fn sentences(judgement: &Judgement) -> Vec<String> {
    let reasons = judgement.reasons.iter().map(reason);
    reasons.chain(correction(&judgement.corrections)).collect()
}

fn verdict_name(verdict: Verdict) -> &'static str {
    let lang = Lang::current();
    entry(lang, "claims.verdict", &verdict.name().replace(' ', "_")).unwrap_or(verdict.name())
}

fn reason(reason: &Reason) -> String {
    sentence("claims.reason", reason.key, &reason.facts)
}

/// One sentence for all corrections that are possible.
fn correction(corrections: &[Correction]) -> Option<String> {
    let lang = Lang::current();
    let shown = corrections.iter().take(CORRECTIONS_SHOWN_MAX);
    let mut shown = shown.map(|it: &Correction| sentence("claims.correction", it.key, &it.facts));
    if corrections.len() < 2 {
        return shown.next().map(|it| filled(lang, "claims.one_correction", &[("it", &it)]));
    }
    let separator = text(lang, "claims.or");
    let all = shown.collect::<Vec<_>>().join(separator);
    let count: &dyn Display = &corrections.len();
    let key = match corrections.len() > CORRECTIONS_SHOWN_MAX {
        true => "claims.many_corrections",
        false => "claims.several_corrections",
    };
    Some(filled(lang, key, &[("count", count), ("all", &all)]))
}

fn sentence(section: &str, key: &str, facts: &[SentenceValue]) -> String {
    let template = entry(Lang::current(), section, key).unwrap_or(key);
    let fact = |name: &str| facts.iter().find(|(fact, _)| *fact == name);
    fill(template, &mut |name| fact(name).map(|(_, text)| text.clone()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use pulse::claims::{CORRECTION_TEXTS, REASON_TEXTS};

    use super::*;
    use crate::texts::tests::placeholders;

    #[test]
    fn every_reason_and_correction_has_its_sentence_with_all_its_facts() {
        let sections = [("claims.reason", REASON_TEXTS), ("claims.correction", CORRECTION_TEXTS)];
        for lang in [Lang::En, Lang::Zh] {
            for (section, texts) in sections {
                for (key, facts) in texts {
                    let text = entry(lang, section, key);
                    let text = text.unwrap_or_else(|| panic!("no {section}.{key} in {lang:?}"));
                    let facts = facts.iter().copied().collect();
                    assert_eq!(placeholders(text), facts, "{section}.{key} in {lang:?}");
                }
            }
        }
    }
}
