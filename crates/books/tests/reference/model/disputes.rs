//! The model: disputed batches whose lines never came.

use std::collections::BTreeSet;

use books::terminal_view::DisputeView;
use books::*;

use super::{Batch, Model, ModelMethod, ModelResult};

impl Model {
    /// Drops the batch before the one that closes. If its lines never came, its totals are
    /// recorded.
    pub fn record_dispute(&mut self, terminal: TerminalId, closing: u32) -> ModelResult {
        let before = |one: &&Batch| one.number + 1 == closing;
        let Some(batch) = self.batches[&terminal].iter().find(before).cloned() else {
            return Ok(());
        };
        if !batch.disputed || batch.reconciled {
            return Ok(());
        }
        let (number, theirs) = (batch.number, batch.theirs);
        let ours = self.batch_totals(terminal, number);
        let mut networks = BTreeSet::new();
        for one in self.of_batch(terminal, number) {
            if let ModelMethod::Card(network, _) = self.payment(one.payment)?.method {
                networks.insert(network);
            }
        }
        let more = |a: CountAndAmount, b: CountAndAmount| {
            i128::from(a.amount.minor()) - i128::from(b.amount.minor())
        };
        let net = more(theirs.card_debits, ours.card_debits)
            - more(theirs.card_credits, ours.card_credits);
        let breaks = self.breaks.len();
        if let (Some(network), 1) = (networks.first(), networks.len()) {
            let mut other = self.clone();
            // A difference beyond the largest amount is reported and not raised.
            if other.differ(terminal, Some(BreakSubject::Network(*network)), net).is_ok() {
                *self = other;
            }
        }
        let raised = self.breaks.len() > breaks;
        let break_id = raised.then(|| *self.breaks.last_key_value().expect("it was raised").0);
        if ours != theirs {
            let (batch, left_on) = (number, Some(self.today));
            self.disputes.push(DisputeView {
                terminal,
                batch,
                ours,
                theirs,
                abandoned_on: left_on,
                break_id,
            });
        }
        self.push_event(Event::BatchLeftDisputed { terminal, batch: number, ours, theirs })
    }

    pub fn open_disputes(&self) -> Vec<DisputeView> {
        let is_open = |id: BreakId| self.breaks.get(&id).is_some_and(|one| !one.closed);
        let left = self.disputes.iter().filter(|one| one.break_id.is_none_or(is_open));
        let mut all: Vec<DisputeView> = left.copied().collect();
        for terminal in self.terminals.keys() {
            let batches = self.last_batches(*terminal).into_iter();
            for one in batches.filter(|one| one.disputed && !one.reconciled) {
                all.push(DisputeView {
                    terminal: *terminal,
                    batch: one.number,
                    ours: self.batch_totals(*terminal, one.number),
                    theirs: one.theirs,
                    abandoned_on: None,
                    break_id: None,
                });
            }
        }
        all.sort_by_key(|one| (one.abandoned_on, one.terminal, one.batch));
        all
    }
}
