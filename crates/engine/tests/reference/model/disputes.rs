//! The model: disputed batches whose lines never came.

use std::collections::BTreeSet;

use engine::door_view::DisputeView;
use engine::*;

use super::{Answer, Batch, How, Model};

impl Model {
    /// The batch before one that closes is forgotten; if its lines never came, its totals tell what
    /// they can.
    pub fn leave_disputed(&mut self, terminal: TerminalId, closing: u32) -> Answer {
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
            if let How::Card(network, _) = self.tender(one.tender)?.how {
                networks.insert(network);
            }
        }
        let more = |a: Sums, b: Sums| i128::from(a.amount.minor()) - i128::from(b.amount.minor());
        let net = more(theirs.card_debits, ours.card_debits)
            - more(theirs.card_credits, ours.card_credits);
        let breaks = self.breaks.len();
        if let (Some(network), 1) = (networks.first(), networks.len()) {
            let mut other = self.clone();
            // A difference beyond every amount is told and not raised.
            if other.differ(terminal, Some(BreakSubject::Network(*network)), net).is_ok() {
                *self = other;
            }
        }
        let raised = self.breaks.len() > breaks;
        let break_id = raised.then(|| *self.breaks.last_key_value().expect("it was raised").0);
        if ours != theirs {
            let (batch, left_on) = (number, Some(self.today));
            self.disputes.push(DisputeView { terminal, batch, ours, theirs, left_on, break_id });
        }
        self.tell(Event::BatchLeftDisputed { terminal, batch: number, ours, theirs })
    }

    /// The disputed batches that are open questions.
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
                    left_on: None,
                    break_id: None,
                });
            }
        }
        all.sort_by_key(|one| (one.left_on, one.terminal, one.batch));
        all
    }
}
