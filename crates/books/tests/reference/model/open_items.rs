//! The model: what a terminal's batch claims against the books. No money moves because of it.

use std::collections::BTreeSet;

use books::terminal_view::OpenItemView;
use books::*;
use money::Currency;

use super::{Batch, Model, ModelMethod, ModelRefusal, ModelResult, ensure};

/// Where and when a batch differed.
#[derive(Clone, Debug)]
pub struct OpenItem {
    pub terminal: TerminalId,
    pub batch: u32,
    pub currency: Currency,
    pub opened: BusinessDate,
    pub owner: PersonId,
    pub content: OpenItemContent,
    /// The day on which it ended, and the command if two persons closed it.
    pub ended: Option<(BusinessDate, Option<Command>)>,
}

impl Model {
    /// The item of a disputed batch.
    pub fn open_item_of(
        &mut self,
        terminal: TerminalId,
        batch: u32,
    ) -> (OpenItemId, &mut OpenItem) {
        let here = |one: &OpenItem| (one.terminal, one.batch) == (terminal, batch);
        let found = self.open_items.iter_mut().find(|(_, one)| here(one));
        let (id, item) = found.expect("it began with the dispute");
        (*id, item)
    }

    pub fn open_items_of(&self, terminal: TerminalId) -> usize {
        let open = |one: &&OpenItem| one.terminal == terminal && one.ended.is_none();
        self.open_items.values().filter(open).count()
    }

    pub fn begin_open_item(
        &mut self,
        terminal: TerminalId,
        batch: u32,
        (ours, theirs): (BatchTotals, BatchTotals),
    ) -> ModelResult {
        self.open_items_begun += 1;
        let id = OpenItemId(self.open_items_begun);
        let courier = self.terminals[&terminal].0;
        let currency = self.firms[&self.couriers[&courier].firm].currency;
        let (owner, opened, ended) = (PersonId(courier.0), self.today, None);
        let content = OpenItemContent::Totals { ours, theirs };
        let new = OpenItem { terminal, batch, currency, opened, owner, content, ended };
        self.open_items.insert(id, new);
        self.push_event(Event::OpenItemOpened { item: id, terminal, batch })
    }

    /// The batch before the one that closes is dropped. If its lines never came, the totals stay.
    pub fn leave_disputed(&mut self, terminal: TerminalId, closing: u32) -> ModelResult {
        let before = |one: &&Batch| one.number + 1 == closing;
        let batch = self.batches[&terminal].iter().find(before).cloned();
        let Some(batch) = batch.filter(|one| one.disputed && !one.reconciled) else {
            return Ok(());
        };
        let (number, theirs) = (batch.number, batch.theirs);
        let ours = self.batch_totals(terminal, number);
        self.push_event(Event::BatchLeftDisputed { terminal, batch: number, ours, theirs })?;
        let (id, item) = self.open_item_of(terminal, number);
        item.content = OpenItemContent::Totals { ours, theirs };
        if ours == theirs { self.end_open_item(id, None) } else { Ok(()) }
    }

    fn end_open_item(&mut self, id: OpenItemId, by: Option<&Command>) -> ModelResult {
        let today = self.today;
        let item = self.open_items.get_mut(&id).expect("it is known");
        item.ended = Some((today, by.cloned()));
        let (terminal, number) = (item.terminal, item.batch);
        // Its lines are not expected any more.
        let batches = self.batches.get_mut(&terminal).expect("it has closed one");
        let batch = batches.iter_mut().find(|one| one.number == number);
        batch.expect("batches are kept for ever").reconciled = true;
        self.push_event(Event::OpenItemClosed { item: id })
    }

    /// What the payment's network or the hub has said.
    fn decision(&self, id: PaymentId) -> Option<LineDecision> {
        if let Some(sale) = self.sale_without_parcel(id) {
            return sale.cleared.then_some(LineDecision::Clearing);
        }
        let payment = self.payment(id).ok()?;
        match payment.method {
            ModelMethod::Cash(courier) => {
                let waits =
                    |one: &super::HandOver| one.ended_by.is_none() && one.payments.contains(&id);
                let uncounted = self.couriers[&courier].in_hand.contains(&id)
                    || self.handovers.values().any(waits);
                (payment.is_posted() && !uncounted).then_some(LineDecision::Count)
            }
            _ => payment.file.was_paid.then_some(LineDecision::Clearing),
        }
    }

    /// After each command: decides what can be decided, and ends what is decided.
    pub fn decide_open_items(&mut self) -> ModelResult {
        let open: Vec<OpenItemId> = self.open_items.keys().copied().collect();
        for id in open {
            let mut item = self.open_items[&id].clone();
            let OpenItemContent::Lines(lines) = &mut item.content else { continue };
            if item.ended.is_some() {
                continue;
            }
            for line in lines.iter_mut().filter(|line| line.decision.is_none()) {
                line.decision = line.payment.and_then(|payment| self.decision(payment));
                if let (Some(decision), stan) = (line.decision, line.stan) {
                    self.push_event(Event::OpenItemLineDecided { item: id, stan, decision })?;
                }
            }
            let decided = lines.iter().all(|line| line.decision.is_some());
            self.open_items.insert(id, item);
            if decided {
                self.end_open_item(id, None)?;
            }
        }
        Ok(())
    }

    pub fn close_open_item(&mut self, command: &CloseOpenItem, whole: &Command) -> ModelResult {
        let CloseOpenItem { item: id, proposed_by, approved_by, .. } = *command;
        let item = self.open_items.get(&id).ok_or(ModelRefusal::Because("no such item"))?;
        if let Some((_, by)) = &item.ended {
            return self.only_repeats(by.as_ref() == Some(whole));
        }
        let people = BTreeSet::from([proposed_by, approved_by, item.owner]);
        ensure(people.len() == 3, "three different people")?;
        self.end_open_item(id, Some(whole))
    }

    pub fn forget_open_items(&mut self, before: BusinessDate) {
        self.open_items.retain(|_, one| one.ended.as_ref().is_none_or(|(day, _)| *day >= before));
    }

    pub fn open_item_views(&self) -> Vec<OpenItemView> {
        let open = self.open_items.iter().filter(|(_, one)| one.ended.is_none());
        let views = open.map(|(id, one)| {
            let here = |batch: &&Batch| batch.number == one.batch && batch.disputed;
            let mut batches = self.last_batches(one.terminal).into_iter().filter(here);
            OpenItemView {
                id: *id,
                terminal: one.terminal,
                batch: one.batch,
                currency: one.currency,
                opened: one.opened,
                owner: one.owner,
                lines_expected: batches.any(|batch| !batch.reconciled),
                content: one.content.clone(),
            }
        });
        views.collect()
    }
}
