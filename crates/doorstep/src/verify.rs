//! `doorstep verify`: replay from zero, compare with the snapshots, check every rule.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use engine::Digest;
use serde::Serialize;

use crate::books;
use crate::words::say;

/// Replays everything from zero and checks every money rule.
///
/// Replays the whole journal from its first command, compares the books with every snapshot on the
/// way, and checks every money rule. Changes nothing; the books may be in use meanwhile.
///
/// Exit status: 0 all is well; 1 something is wrong, and what.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object, amounts in minor units; of a journal that cannot be replayed, only
    /// what is `wrong`
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Found {
    batches: u64,
    commands: u64,
    legs: u64,
    snapshots: Vec<u64>,
    debits: Vec<Total>,
    credits: Vec<Total>,
    unknown: u64,
    breaks: usize,
    digest: String,
    wrong: Vec<String>,
}

#[derive(Serialize)]
struct Total {
    currency: &'static str,
    amount: u128,
}

/// What is printed of a journal that cannot be replayed.
#[derive(Serialize)]
struct Unreadable {
    wrong: [String; 1],
}

/// Verifies.
pub fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let (directory, mut journal) = books::open_to_read(&args.data)?;
    let snapshots = books::snapshot_digests(&directory)?;
    let verified = node::replay::verify(&mut journal, &snapshots);
    if let (true, Err(error)) = (args.json, &verified) {
        say!("{}", serde_json::to_string(&Unreadable { wrong: [error.to_string()] })?);
    }
    let (verdict, engine) = verified?;
    let sides = |side: fn(&ledger::Totals) -> u128| {
        let total = |totals: &ledger::Totals| Total {
            currency: totals.currency.code(),
            amount: side(totals),
        };
        engine.totals().iter().map(total).collect::<Vec<_>>()
    };
    let found = Found {
        batches: verdict.replayed.batches,
        commands: verdict.replayed.commands,
        legs: verdict.replayed.legs,
        snapshots: verdict.snapshots.iter().map(|sequence| sequence.number()).collect(),
        debits: sides(|totals| totals.debits),
        credits: sides(|totals| totals.credits),
        unknown: engine.unknown_count(),
        breaks: engine.open_breaks().len(),
        digest: verdict.digest.to_string(),
        wrong: verdict.wrong,
    };
    if args.json {
        say!("{}", serde_json::to_string(&found)?);
    } else {
        print(&found, &verdict.digest);
    }
    Ok(if found.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(found: &Found, digest: &Digest) {
    say!("{} batches, {} commands, {} legs replayed", found.batches, found.commands, found.legs);
    say!("snapshots compared: {}", found.snapshots.len());
    for (debits, credits) in found.debits.iter().zip(&found.credits) {
        say!(
            "{}: debits {} = credits {} (minor units)",
            debits.currency,
            debits.amount,
            credits.amount
        );
    }
    say!("digest {digest}");
    if found.wrong.is_empty() {
        say!("Every rule holds.");
        return;
    }
    say!("WRONG:");
    for line in &found.wrong {
        say!("  {line}");
    }
    say!("Copy this directory before you change anything in it, and report this.");
}
