//! Compares the books with the network's clearing files and the terminals' receipts, item by item.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use books::{BeginPurchase, view::PaymentState};
use books::{Command, Event, ParcelId, PaymentId, Timestamp};
use engine::{CommandOutcome, Engine, Submission};
use peers::clearing::{ClearingFile, ClearingLineKind};

use crate::fixture::Fixture;
use crate::workload;

#[cfg(test)]
mod tests;

/// Further differences are not listed.
const DIFFERENCES_MAX: usize = 20;

#[derive(Debug, Default)]
pub struct Comparison {
    pub lost: u64,
    pub doubled: u64,
    pub commands: u64,
    pub commits: u64,
    /// The first differences.
    pub differences: Vec<String>,
}

/// A sale by the network's reference: STAN and second.
type Sale = (u32, u64);

/// The sales in the journal.
#[derive(Default)]
struct Sales {
    begun: HashMap<Sale, Begun>,
    twice: u64,
}

struct Begun {
    payment: PaymentId,
    terminal: u64,
    amount: u64,
}

impl node::replay::ReplayObserver for Sales {
    fn command(
        &mut self,
        submission: &Submission,
        _at: Timestamp,
        outcome: &CommandOutcome,
        _engine: &Engine,
    ) -> Result<(), String> {
        let Some(Command::BeginPurchase(BeginPurchase {
            trace,
            amount,
            network_reference: sent,
            ..
        })) = submission.command.of_books()
        else {
            return Ok(());
        };
        let payment = outcome.books.events.iter().find_map(|event| match event {
            Event::PaymentBegun { payment } => Some(*payment),
            _ => None,
        });
        if let Some(payment) = payment {
            let sale = (sent.stan.get(), sent.sent_at.0 / 1_000);
            let begun = Begun { payment, terminal: trace.terminal.0, amount: amount.minor() };
            self.twice += u64::from(self.begun.insert(sale, begun).is_some());
        }
        Ok(())
    }
}

impl Comparison {
    /// Replays the books and compares.
    pub fn of(fixture: &Fixture, approved_lists: &[PathBuf]) -> anyhow::Result<Comparison> {
        let mut sales = Sales::default();
        let (engine, replayed) = reports::replay_all(&fixture.path("books"), &mut sales)?;
        let mut found = Comparison {
            commands: replayed.commands,
            commits: replayed.batches,
            ..Comparison::default()
        };
        if let Err(wrong) = engine.check() {
            wrong.into_iter().for_each(|rule| found.differs(rule));
        }
        if sales.twice > 0 {
            found.differs(format!("{} STANs were used twice in the same second", sales.twice));
        }
        found.with_the_network(fixture, &engine, &sales)?;
        found.with_the_terminals(&engine, approved_lists)?;
        Ok(found)
    }

    pub fn books_equal(&self) -> bool {
        self.differences.is_empty()
    }

    /// Fails if there is a difference: then the measurements are worthless.
    pub fn require_equal(&self) -> anyhow::Result<()> {
        ensure!(
            self.books_equal(),
            "the books differ from the network's and the terminals' records:\n{}",
            self.differences.join("\n")
        );
        Ok(())
    }

    fn differs(&mut self, what: String) {
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(what);
        }
    }

    /// Every line of the clearing files is an approved sale in the books, and the reverse.
    fn with_the_network(
        &mut self,
        fixture: &Fixture,
        engine: &Engine,
        sales: &Sales,
    ) -> anyhow::Result<()> {
        let mut cleared: HashMap<PaymentId, i64> = HashMap::new();
        for entry in std::fs::read_dir(fixture.path("clearing"))? {
            let path = entry?.path();
            let text = std::fs::read_to_string(&path)?;
            let file = ClearingFile::parse(&text).with_context(|| path.display().to_string())?;
            for line in &file.lines {
                let known = sales.begun.get(&(line.stan, line.sent_s));
                let same_terminal = known
                    .filter(|begun| format!("{:08}", begun.terminal).as_bytes() == line.terminal);
                let times = match line.kind {
                    ClearingLineKind::Sale => 1,
                    ClearingLineKind::Reversal => -1,
                    ClearingLineKind::Completion
                    | ClearingLineKind::Offline
                    | ClearingLineKind::Refund
                    | ClearingLineKind::Chargeback
                    | ClearingLineKind::FeeCorrection
                    | ClearingLineKind::Representment => 0,
                };
                let amount = |begun: &Begun| i128::from(begun.amount) * i128::from(times);
                match same_terminal {
                    Some(begun) if times != 0 && i128::from(line.amount) == amount(begun) => {
                        *cleared.entry(begun.payment).or_default() += times;
                    }
                    _ => self.differs(format!(
                        "the network has STAN {:06} of terminal {}, but not the books",
                        line.stan,
                        line.terminal.escape_ascii(),
                    )),
                }
            }
        }
        for begun in sales.begun.values() {
            let payments = engine.books().payments(begun.payment.parcel);
            let payment = payments.iter().find(|payment| payment.id == begun.payment);
            let approved = payment.is_some_and(|payment| payment.state == PaymentState::Approved);
            let ended = payment.is_some_and(|payment| {
                matches!(
                    payment.state,
                    PaymentState::Approved | PaymentState::Declined | PaymentState::Reversed
                )
            });
            if !ended {
                self.differs(format!("{:?} is unfinished", begun.payment));
            }
            let times = cleared.get(&begun.payment).copied().unwrap_or(0);
            if times != i64::from(approved) {
                let state = payment.map(|payment| payment.state);
                self.differs(format!(
                    "{:?} is {state:?} in the books, but {times} times in the clearing files",
                    begun.payment
                ));
            }
        }
        Ok(())
    }

    /// Every approval at a terminal is in the books once.
    fn with_the_terminals(
        &mut self,
        engine: &Engine,
        approved_lists: &[PathBuf],
    ) -> anyhow::Result<()> {
        for path in approved_lists {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            for line in text.lines() {
                let mut fields = line.split(',');
                let mut number = || fields.next().and_then(|field| field.parse::<u32>().ok());
                let (Some(terminal), Some(place)) = (number(), number()) else {
                    anyhow::bail!("{}: `{line}` is not a sale", path.display());
                };
                let parcel: ParcelId = workload::parcel_id(terminal, place);
                let payments = engine.books().payments(parcel);
                let approved =
                    payments.iter().filter(|payment| payment.state == PaymentState::Approved);
                let approved: Vec<_> = approved.map(|payment| payment.amount).collect();
                match approved.as_slice() {
                    [] => self.lost += 1,
                    [amount] if *amount == workload::amount(terminal, place) => {}
                    [_] => self.differs(format!("{parcel:?} was paid with another amount")),
                    _ => self.doubled += 1,
                }
            }
        }
        if self.lost + self.doubled > 0 {
            self.differs(format!("{} lost, {} doubled", self.lost, self.doubled));
        }
        Ok(())
    }
}
