//! `doorstep verify`: replay from zero, compare with the snapshots, check every rule.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use engine::door_view::DisputeView;
use engine::{BatchTotals, Digest, Sums};
use serde::Serialize;

use crate::books;
use crate::words::say;

/// Replays everything from zero and checks every money rule.
///
/// Replays the whole journal from its first command, compares the books with every snapshot on the
/// way, checks every money rule, and lists the terminals' batches that nobody has explained.
/// Changes nothing; the books may be in use meanwhile.
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
    disputes: Vec<Dispute>,
    digest: String,
    wrong: Vec<String>,
}

#[derive(Serialize)]
struct Total {
    currency: &'static str,
    amount: u128,
}

/// A terminal's batch that the books do not agree with and that nobody has explained. Sums are
/// debits less credits, of cards and of all else.
#[derive(Serialize)]
struct Dispute {
    terminal: u64,
    batch: u32,
    /// When the terminal went on for good without telling its lines; nothing while they may come.
    left_on: Option<String>,
    break_id: Option<u64>,
    books: [i128; 2],
    at_terminal: [i128; 2],
}

impl Dispute {
    fn of(view: &DisputeView) -> Dispute {
        let net = |debits: Sums, credits: Sums| {
            i128::from(debits.amount.minor()) - i128::from(credits.amount.minor())
        };
        let sums = |totals: &BatchTotals| {
            let card = net(totals.card_debits, totals.card_credits);
            [card, net(totals.other_debits, totals.other_credits)]
        };
        Dispute {
            terminal: view.terminal.0,
            batch: view.batch,
            left_on: view.left_on.map(|date| date.to_string()),
            break_id: view.break_id.map(|id| id.0),
            books: sums(&view.ours),
            at_terminal: sums(&view.theirs),
        }
    }

    fn line(&self) -> String {
        let [books, books_else] = self.books;
        let [terminal, terminal_else] = self.at_terminal;
        let how = match (&self.left_on, self.break_id) {
            (None, _) => "its lines are expected".to_owned(),
            (Some(date), Some(id)) => format!("left so on {date}, break {id}"),
            (Some(date), None) => format!("left so on {date}"),
        };
        format!(
            "terminal {:08}, batch {}: by card {terminal}, the books {books}; otherwise \
             {terminal_else}, the books {books_else} (minor units); {how}",
            self.terminal, self.batch
        )
    }
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
        disputes: engine.disputes().map(|one| Dispute::of(&one)).collect(),
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
    if !found.disputes.is_empty() {
        say!("disputed batches: {}", found.disputes.len());
    }
    for dispute in &found.disputes {
        say!("  {}", dispute.line());
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

#[cfg(test)]
mod tests {
    use engine::{BreakId, BusinessDate, TerminalId};
    use money::Amount;

    use super::*;

    #[test]
    fn a_disputed_batch_is_a_line() {
        let sums = |minor| Sums { count: 1, amount: Amount::of(minor) };
        let ours = BatchTotals {
            card_debits: sums(10_000),
            card_credits: sums(500),
            other_debits: sums(2_000),
            other_credits: Sums::default(),
        };
        let theirs = BatchTotals { card_debits: sums(9_600), ..ours };
        let (terminal, batch) = (TerminalId(7), 12);
        let expected = DisputeView { terminal, batch, ours, theirs, left_on: None, break_id: None };
        assert_eq!(
            Dispute::of(&expected).line(),
            "terminal 00000007, batch 12: by card 9100, the books 9500; otherwise 2000, the books \
             2000 (minor units); its lines are expected"
        );
        let left_on = Some("2013-08-30".parse::<BusinessDate>().unwrap());
        let left = DisputeView { left_on, break_id: Some(BreakId(9)), ..expected };
        assert!(Dispute::of(&left).line().ends_with("; left so on 2013-08-30, break 9"));
        let no_break = DisputeView { break_id: None, ..left };
        assert!(Dispute::of(&no_break).line().ends_with("; left so on 2013-08-30"));
    }
}
