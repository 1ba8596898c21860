use std::path::Path;

use engine::{CommandOutcome, Engine, Submission, Timestamp};
use journal::DataDirectory;
use ledger::CurrencyTotals;
use node::replay::{NoObserver, ReplayObserver};
use serde::Serialize;

use crate::ReportError;
use crate::books::snapshot_digests;
use crate::commands::local_time;
use crate::journal_audit::JournalAudit;
use crate::open_items::OpenItemReport;

/// The result of checking the books. Amounts are in minor units.
#[derive(Debug, Serialize)]
pub struct BooksReport {
    /// The books were opened for trials.
    pub trial: bool,
    pub batches: u64,
    pub commands: u64,
    /// The time of the first command, in the time zone of the books.
    pub first_at: Option<String>,
    /// The time of the last command. Times never go back.
    pub last_at: Option<String>,
    /// Postings that moved money.
    pub postings: u64,
    /// The batches after which a snapshot was compared.
    pub snapshots: Vec<u64>,
    pub debits: Vec<CurrencySum>,
    pub credits: Vec<CurrencySum>,
    /// Payments whose outcome is unknown.
    pub unknown: u64,
    /// Open breaks.
    pub breaks: usize,
    pub sellers_below_zero: Vec<SellerDebtReport>,
    pub open_items: Vec<OpenItemReport>,
    pub digest: String,
    /// One line for each violated rule.
    pub wrong: Vec<String>,
}

/// A seller whose payable balance is below zero.
#[derive(Debug, Serialize)]
pub struct SellerDebtReport {
    /// The seller's reference.
    pub seller: String,
    pub currency: &'static str,
    /// How far the balance is below zero.
    pub owes: i128,
    /// The business date on which it went below zero.
    pub since: String,
}

#[derive(Debug, Serialize)]
pub struct CurrencySum {
    pub currency: &'static str,
    pub amount: u128,
}

/// Replays the journal of a data directory from its first command, compares the books with every
/// snapshot, and checks every money rule. [`ReportError::Replay`] means that the journal cannot be
/// replayed.
pub fn verify_books(data: &Path) -> Result<BooksReport, ReportError> {
    verify_books_with(data, &mut NoObserver)
}

/// The same, with one more observer: it sees each command.
pub fn verify_books_with(
    data: &Path,
    other: &mut dyn ReplayObserver,
) -> Result<BooksReport, ReportError> {
    let directory = DataDirectory::open_shared(data)?;
    let mut journal = directory.journal()?;
    let snapshots = snapshot_digests(&directory)?;
    let mut observers = Both { audit: JournalAudit::default(), other };
    let (verdict, engine) = node::replay::verify(&mut journal, &snapshots, &mut observers)?;
    let audit = observers.audit;
    let sides = |side: fn(&CurrencyTotals) -> u128| {
        let sum = |totals: &CurrencyTotals| CurrencySum {
            currency: totals.currency.code(),
            amount: side(totals),
        };
        engine.books().totals().iter().map(sum).collect::<Vec<_>>()
    };
    let owing = engine.books().sellers_below_zero().map(|debt| SellerDebtReport {
        seller: engine.books().seller_reference(debt.seller).unwrap_or("?").to_owned(),
        currency: debt.currency.code(),
        owes: -debt.balance,
        since: debt.since.to_string(),
    });
    Ok(BooksReport {
        trial: engine.books().is_trial(),
        sellers_below_zero: owing.collect(),
        batches: verdict.replayed.batches,
        commands: verdict.replayed.commands,
        first_at: audit.first_at.map(|at| local_time(engine.books(), at)),
        last_at: audit.first_at.map(|_| local_time(engine.books(), engine.last_at())),
        postings: audit.postings,
        snapshots: verdict.snapshots.iter().map(|sequence| sequence.number()).collect(),
        debits: sides(|totals| totals.debits),
        credits: sides(|totals| totals.credits),
        unknown: engine.books().unknown_count(),
        breaks: engine.books().open_breaks().len(),
        open_items: OpenItemReport::all(&engine),
        digest: verdict.digest.to_string(),
        wrong: [audit.violations, verdict.violations].concat(),
    })
}

struct Both<'o> {
    audit: JournalAudit,
    other: &'o mut dyn ReplayObserver,
}

impl ReplayObserver for Both<'_> {
    fn command(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        self.audit.command(submission, at, outcome, engine)?;
        self.other.command(submission, at, outcome, engine)
    }
}
