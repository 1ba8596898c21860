//! A terminal's record of its batch.

use super::request_kind::{TerminalRequestKind, TotalsGroup};
use crate::codes::{AuthorisationCode, Rrn};

/// Most transactions of a batch: a count in the totals has three digits.
pub const BATCH_TRANSACTIONS_MAX: usize = 999;

/// What a terminal prints: enough to void, complete or refund the transaction later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub kind: TerminalRequestKind,
    pub batch: u32,
    pub stan: u32,
    /// `MMDD`, as the terminal sent it.
    pub date: u16,
    /// In minor units.
    pub amount: u64,
    /// `None` if the switch gave none.
    pub rrn: Option<Rrn>,
    pub authorisation: Option<AuthorisationCode>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalLineStatus {
    /// In force; counts in the totals.
    Effective,
    /// A QR code that is not paid yet.
    Pending,
    Reversed,
    /// A pre-authorisation that was completed or voided.
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalLine {
    pub receipt: Receipt,
    pub status: JournalLineStatus,
    /// Batch and STAN of the original, for a void, a completion or a refund.
    pub original: Option<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TerminalSum {
    pub count: u32,
    /// In minor units.
    pub amount: u64,
}

/// Totals of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TerminalTotals {
    /// Sales, completions and offline sales.
    pub card_debits: TerminalSum,
    /// Voids and refunds.
    pub card_credits: TerminalSum,
    /// Cash and QR payments.
    pub other_debits: TerminalSum,
    /// Cash and QR refunds.
    pub other_credits: TerminalSum,
}

/// The lines of the open batch, and of pre-authorisations from earlier batches that are still in
/// force.
#[derive(Default)]
pub(super) struct TerminalJournal {
    lines: Vec<JournalLine>,
}

impl TerminalJournal {
    pub(super) fn lines(&self) -> &[JournalLine] {
        &self.lines
    }

    pub(super) fn is_full(&self) -> bool {
        self.lines.len() >= BATCH_TRANSACTIONS_MAX
    }

    /// The newest line with this STAN.
    pub(super) fn find(&self, stan: u32) -> Option<&JournalLine> {
        self.lines.iter().rev().find(|line| line.receipt.stan == stan)
    }

    pub(super) fn find_mut(&mut self, batch: u32, stan: u32) -> Option<&mut JournalLine> {
        let named =
            |line: &&mut JournalLine| (line.receipt.batch, line.receipt.stan) == (batch, stan);
        self.lines.iter_mut().rev().find(named)
    }

    /// Writes a line. If the line exists, only a pending QR payment changes.
    pub(super) fn write(
        &mut self,
        receipt: Receipt,
        status: JournalLineStatus,
        original: Option<(u32, u32)>,
    ) {
        match self.find_mut(receipt.batch, receipt.stan) {
            Some(line) if line.status == JournalLineStatus::Pending => {
                *line = JournalLine { receipt, status, original };
            }
            Some(_) => {}
            None => self.lines.push(JournalLine { receipt, status, original }),
        }
    }

    pub(super) fn remove(&mut self, batch: u32, stan: u32) {
        self.lines.retain(|line| (line.receipt.batch, line.receipt.stan) != (batch, stan));
    }

    /// The receipts that count in the totals of a batch.
    pub(super) fn counted_receipts(
        &self,
        batch: u32,
    ) -> impl Iterator<Item = (TotalsGroup, &Receipt)> {
        let standing = self.lines.iter().filter(move |line| {
            line.status == JournalLineStatus::Effective && line.receipt.batch == batch
        });
        let counted = standing.map(|line| (line.receipt.kind.totals_group(), &line.receipt));
        counted.filter(|(counted, _)| *counted != TotalsGroup::Uncounted)
    }

    pub(super) fn totals(&self, batch: u32) -> TerminalTotals {
        let mut totals = TerminalTotals::default();
        for (counted, receipt) in self.counted_receipts(batch) {
            let sum = match counted {
                TotalsGroup::CardDebit => &mut totals.card_debits,
                TotalsGroup::CardCredit => &mut totals.card_credits,
                TotalsGroup::OtherDebit => &mut totals.other_debits,
                TotalsGroup::OtherCredit => &mut totals.other_credits,
                TotalsGroup::Uncounted => continue,
            };
            sum.count += 1;
            sum.amount = sum.amount.saturating_add(receipt.amount);
        }
        totals
    }

    /// Closes the batch. Only pre-authorisations in force remain.
    pub(super) fn close_batch(&mut self) {
        self.lines.retain(|line| {
            line.receipt.kind == TerminalRequestKind::PreAuthorisation
                && line.status == JournalLineStatus::Effective
        });
        self.lines.shrink_to_fit();
    }
}
