//! `doorstep pulse claim`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use pages::PageWords;
use pages::pulse::{claim_sentences, correction_sentence, verdict_name};
use pulse::claims::{Claim, FILE_BYTES_MAX, Verdict, check_ids, claim_review, read};
use pulse::report::ReportedClaim;
use serde_json::{Value, json};

use crate::data_directory::read_text;
use crate::texts::filled;
use crate::words::{Lang, page_words, say};

/// Checks what can be computed of claims: parts, shares, growth, currencies, magnitudes
///
/// Each figure counts as rounded to the digits that it shows. A claim holds, cannot hold, or needs
/// a definition; the arithmetic is printed, and which single correction would make it hold.
///
/// Exit status: 0 no claim is wrong; 1 one cannot hold, or a file is not valid.
#[derive(Args, Debug)]
pub struct ClaimArgs {
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

pub fn run(args: &ClaimArgs) -> anyhow::Result<ExitCode> {
    let mut claims: Vec<Claim> = Vec::new();
    for file in &args.files {
        if file.is_dir() || std::fs::File::open(file).is_err() {
            let name: &dyn std::fmt::Display = &file.display();
            bail!("{}", filled(Lang::current(), "pulse.no_claims_file", &[("file", name)]));
        }
        let text = read_text(file, FILE_BYTES_MAX)?;
        claims.extend(read(&text).with_context(|| file.display().to_string())?);
    }
    check_ids(&claims)?;
    let (words, judged) = (page_words(), ReportedClaim::of(&claims));
    if args.json {
        say!("{}", Value::from_iter(judged.iter().map(|it| as_json(words, it))));
    } else if args.claim_review {
        let reviews = claims.iter().zip(&judged).map(|(claim, judged)| {
            let name = verdict_name(words, judged.verdict);
            claim_review(claim, judged.verdict, name, &sentences(words, judged).join(" "))
        });
        say!("{}", Value::from_iter(reviews));
    } else {
        for judged in &judged {
            say!("{}: {}", judged.id, verdict_name(words, judged.verdict));
            for sentence in sentences(words, judged) {
                say!("  {sentence}");
            }
        }
    }
    let is_wrong = judged.iter().any(|it| it.verdict == Verdict::CannotHold);
    Ok(if is_wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn as_json(words: PageWords, judged: &ReportedClaim) -> Value {
    json!({
        "id": judged.id,
        "verdict": judged.verdict,
        "reasons": claim_sentences(words, judged),
        "correction": correction_sentence(words, judged),
    })
}

/// The arithmetic, and the correction if there is one.
fn sentences(words: PageWords, judged: &ReportedClaim) -> Vec<String> {
    let mut all = claim_sentences(words, judged);
    all.extend(correction_sentence(words, judged));
    all
}
