use std::path::Path;

use books::terminal_view::DisputeView;
use books::{BatchTotals, CountAndAmount};
use ledger::CurrencyTotals;
use serde::Serialize;

use crate::ReportError;
use crate::books::{open_to_read, snapshot_digests};
use crate::journal_audit::JournalAudit;

/// The result of checking the books. Amounts are in minor units.
#[derive(Debug, Serialize)]
pub struct BooksReport {
    pub batches: u64,
    pub commands: u64,
    pub legs: u64,
    /// The batches after which a snapshot was compared.
    pub snapshots: Vec<u64>,
    pub debits: Vec<CurrencySum>,
    pub credits: Vec<CurrencySum>,
    /// Payments whose outcome is unknown.
    pub unknown: u64,
    /// Open breaks.
    pub breaks: usize,
    pub disputes: Vec<DisputeReport>,
    pub sellers_below_zero: Vec<SellerDebtReport>,
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

/// An unexplained difference between a terminal's batch and the books. Sums are debits less
/// credits, of card payments and of all others.
#[derive(Debug, Serialize)]
pub struct DisputeReport {
    pub terminal: u64,
    pub batch: u32,
    /// The day on which the terminal went on without an upload; none while the upload may come.
    pub left_on: Option<String>,
    pub break_id: Option<u64>,
    pub books: [i128; 2],
    pub at_terminal: [i128; 2],
}

impl DisputeReport {
    #[must_use]
    pub fn of(view: &DisputeView) -> DisputeReport {
        let net = |debits: CountAndAmount, credits: CountAndAmount| {
            i128::from(debits.amount.minor()) - i128::from(credits.amount.minor())
        };
        let sums = |totals: &BatchTotals| {
            let card = net(totals.card_debits, totals.card_credits);
            [card, net(totals.other_debits, totals.other_credits)]
        };
        DisputeReport {
            terminal: view.terminal.0,
            batch: view.batch,
            left_on: view.abandoned_on.map(|date| date.to_string()),
            break_id: view.break_id.map(|id| id.0),
            books: sums(&view.ours),
            at_terminal: sums(&view.theirs),
        }
    }
}

/// Replays the journal of a data directory from its first command, compares the books with every
/// snapshot, and checks every money rule. [`ReportError::Replay`] means that the journal cannot be
/// replayed.
pub fn verify_books(data: &Path) -> Result<BooksReport, ReportError> {
    let (directory, mut journal) = open_to_read(data)?;
    let snapshots = snapshot_digests(&directory)?;
    let mut audit = JournalAudit::default();
    let (verdict, engine) = node::replay::verify(&mut journal, &snapshots, &mut audit)?;
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
        sellers_below_zero: owing.collect(),
        batches: verdict.replayed.batches,
        commands: verdict.replayed.commands,
        legs: audit.legs,
        snapshots: verdict.snapshots.iter().map(|sequence| sequence.number()).collect(),
        debits: sides(|totals| totals.debits),
        credits: sides(|totals| totals.credits),
        unknown: engine.books().unknown_count(),
        breaks: engine.books().open_breaks().len(),
        disputes: engine.books().disputes().map(|one| DisputeReport::of(&one)).collect(),
        digest: verdict.digest.to_string(),
        wrong: [audit.violations, verdict.violations].concat(),
    })
}
