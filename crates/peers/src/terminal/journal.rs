//! What a terminal writes down of its batch.

use super::kind::{Counted, Kind};

/// Transactions of one batch at the most: the totals have three digits for a count.
pub const BATCH_TRANSACTIONS_MAX: usize = 999;

/// What a terminal prints: enough to void, complete or refund a transaction later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What was done.
    pub kind: Kind,
    /// The batch.
    pub batch: u32,
    /// The STAN.
    pub stan: u32,
    /// `MMDD`, as the terminal sent it.
    pub date: u16,
    /// In minor units.
    pub amount: u64,
    /// The retrieval reference number that the switch gave.
    pub rrn: [u8; 12],
    /// The authorisation code; blanks where there is none.
    pub authorisation: [u8; 6],
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It counts.
    Stands,
    /// A QR code that nobody has paid yet.
    Waiting,
    /// It was reversed.
    Reversed,
    /// A completion or a void ended this pre-authorisation.
    Ended,
}

/// A line of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The receipt.
    pub receipt: Receipt,
    /// What became of it.
    pub standing: Standing,
    /// Batch and STAN of what it is about: of a void, a completion, money given back.
    pub about: Option<(u32, u32)>,
}

/// How many, and how much in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u32,
    /// How much.
    pub amount: u64,
}

/// The totals of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sales, completions and offline sales.
    pub card_debits: Sum,
    /// Voids and refunds.
    pub card_credits: Sum,
    /// Cash and QR.
    pub other_debits: Sum,
    /// Cash and QR given back.
    pub other_credits: Sum,
}

/// The lines of the open batch, and pre-authorisations of earlier ones that still stand.
#[derive(Default)]
pub(super) struct Journal {
    lines: Vec<Line>,
}

impl Journal {
    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(super) fn is_full(&self) -> bool {
        self.lines.len() >= BATCH_TRANSACTIONS_MAX
    }

    /// The newest with that STAN.
    pub(super) fn find(&self, stan: u32) -> Option<&Line> {
        self.lines.iter().rev().find(|line| line.receipt.stan == stan)
    }

    pub(super) fn find_mut(&mut self, batch: u32, stan: u32) -> Option<&mut Line> {
        let named = |line: &&mut Line| (line.receipt.batch, line.receipt.stan) == (batch, stan);
        self.lines.iter_mut().rev().find(named)
    }

    /// Writes a line; a repeat of an answer changes nothing but a QR that was waiting.
    pub(super) fn write(
        &mut self,
        receipt: Receipt,
        standing: Standing,
        about: Option<(u32, u32)>,
    ) {
        match self.find_mut(receipt.batch, receipt.stan) {
            Some(line) if line.standing == Standing::Waiting => {
                *line = Line { receipt, standing, about };
            }
            Some(_) => {}
            None => self.lines.push(Line { receipt, standing, about }),
        }
    }

    pub(super) fn remove(&mut self, batch: u32, stan: u32) {
        self.lines.retain(|line| (line.receipt.batch, line.receipt.stan) != (batch, stan));
    }

    /// What counts in the batch.
    pub(super) fn counted(&self, batch: u32) -> impl Iterator<Item = (Counted, &Receipt)> {
        let standing = self
            .lines
            .iter()
            .filter(move |line| line.standing == Standing::Stands && line.receipt.batch == batch);
        let counted = standing.map(|line| (line.receipt.kind.counted(), &line.receipt));
        counted.filter(|(counted, _)| *counted != Counted::Nowhere)
    }

    pub(super) fn totals(&self, batch: u32) -> Totals {
        let mut totals = Totals::default();
        for (counted, receipt) in self.counted(batch) {
            let sum = match counted {
                Counted::CardDebit => &mut totals.card_debits,
                Counted::CardCredit => &mut totals.card_credits,
                Counted::OtherDebit => &mut totals.other_debits,
                Counted::OtherCredit => &mut totals.other_credits,
                Counted::Nowhere => continue,
            };
            sum.count += 1;
            sum.amount = sum.amount.saturating_add(receipt.amount);
        }
        totals
    }

    /// Ends the batch: what is left are pre-authorisations that stand.
    pub(super) fn close(&mut self) {
        self.lines.retain(|line| {
            line.receipt.kind == Kind::PreAuthorisation && line.standing == Standing::Stands
        });
        self.lines.shrink_to_fit();
    }
}
