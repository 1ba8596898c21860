//! Open items: batches of terminals that differ from the books.
//!
//! A terminal's totals are the claim of one party, not money. So a difference posts nothing and
//! raises no break (M9). It is decided line by line: by the clearing of the line's payment, or for
//! cash by the hub's count. What neither decides, two persons close with a reason.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use tariff::{BusinessDate, PaymentMethod};

use crate::books::{Books, Now, done_before};
use crate::command::{CloseOpenItem, OPEN_ITEMS_PER_TERMINAL_MAX, OpenItemReason};
use crate::event::{CommandOutcome, Event};
use crate::ids::{OpenItemId, PaymentId, PersonId};
use crate::party::persons::check_two_people;
use crate::payment::codes::Stan;
use crate::refusal::{MissingRecord, Refusal};
use crate::terminal::batches::BatchAgreement;
use crate::terminal::transaction::{BatchTotals, LineDecision, OpenItemContent, OpenItemLine};
use crate::terminal::view::OpenItemView;

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct OpenItem {
    /// The terminal's number in the registry.
    pub terminal: u32,
    pub batch: u32,
    pub currency: u8,
    /// The day on which the batch was closed.
    pub opened: BusinessDate,
    /// The courier who had the terminal.
    pub owner: PersonId,
    /// Totals until the terminal uploads its lines. The lines are sorted by STAN.
    pub content: OpenItemContent,
}

impl OpenItem {
    /// The lines that nothing has decided yet. None while the item holds totals.
    fn undecided(&self) -> impl Iterator<Item = &OpenItemLine> {
        let lines: &[OpenItemLine] = match &self.content {
            OpenItemContent::Totals { .. } => &[],
            OpenItemContent::Lines(lines) => lines,
        };
        lines.iter().filter(|line| line.decision.is_none())
    }

    fn waiting(&self, id: OpenItemId) -> impl Iterator<Item = (PaymentId, OpenItemId, Stan)> {
        self.undecided().filter_map(move |line| Some((line.payment?, id, line.stan)))
    }

    fn is_decided(&self) -> bool {
        matches!(self.content, OpenItemContent::Lines(_)) && self.undecided().next().is_none()
    }
}

/// An item that is no longer open. Remembered as long as a closed parcel.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct EndedOpenItem {
    pub ended: BusinessDate,
    /// `None` if the item was decided.
    pub closing: Option<OpenItemClosing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct OpenItemClosing {
    pub reason: OpenItemReason,
    pub proposed_by: PersonId,
    pub approved_by: PersonId,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct OpenItems {
    /// Limited by [`OPEN_ITEMS_PER_TERMINAL_MAX`].
    open: BTreeMap<OpenItemId, OpenItem>,
    ended: BTreeMap<OpenItemId, EndedOpenItem>,
    /// The lines that a payment's clearing or count will decide. The items hold the same.
    waiting: BTreeSet<(PaymentId, OpenItemId, Stan)>,
}

/// The records as in a snapshot.
pub(crate) type OpenItemTables =
    (BTreeMap<OpenItemId, OpenItem>, BTreeMap<OpenItemId, EndedOpenItem>);

impl OpenItems {
    pub(crate) fn new((open, ended): OpenItemTables) -> OpenItems {
        let waiting = open.iter().flat_map(|(id, item)| item.waiting(*id)).collect();
        OpenItems { open, ended, waiting }
    }

    pub(crate) fn tables(&self) -> OpenItemTables {
        (self.open.clone(), self.ended.clone())
    }

    pub(crate) fn is_open(&self, id: OpenItemId) -> bool {
        self.open.contains_key(&id)
    }

    pub(crate) fn forget_ended(&mut self, before: BusinessDate) {
        self.ended.retain(|_, one| one.ended >= before);
    }

    pub(crate) fn has_ended(&self, before: BusinessDate) -> bool {
        self.ended.values().any(|one| one.ended < before)
    }
}

impl Books {
    /// Opens an item for a batch that a terminal closed with other totals.
    pub(crate) fn open_item(
        &mut self,
        terminal: u32,
        batch: u32,
        (ours, theirs): (BatchTotals, BatchTotals),
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) -> OpenItemId {
        assert!(out.postings.is_empty(), "M9: a terminal's batch posts nothing");
        self.reference_data.open_items_opened += 1;
        let id = OpenItemId(self.reference_data.open_items_opened);
        let record = self.terminals.get(terminal);
        let courier = self.couriers.get(record.courier);
        let item = OpenItem {
            terminal,
            batch,
            currency: self.firms.get(courier.firm).currency,
            opened: today,
            owner: PersonId(courier.id.0),
            content: OpenItemContent::Totals { ours, theirs },
        };
        out.events.push(Event::OpenItemOpened { item: id, terminal: record.id, batch });
        self.open_items.open.insert(id, item);
        self.terminal_batches.terminal_mut(terminal).open_items += 1;
        id
    }

    /// The lines of the item's batch never came. A reversal after the batch closed may have
    /// explained the difference.
    pub(crate) fn lines_never_came(
        &mut self,
        id: OpenItemId,
        ours: BatchTotals,
        theirs: BatchTotals,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        if ours == theirs {
            return self.end_open_item(id, None, today, out);
        }
        self.open_item_mut(id).content = OpenItemContent::Totals { ours, theirs };
    }

    /// Replaces the item's totals by the lines that differ, and decides those that can be.
    pub(crate) fn compare_lines(
        &mut self,
        id: OpenItemId,
        lines: Vec<OpenItemLine>,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        assert!(out.postings.is_empty(), "M9: a terminal's batch posts nothing");
        let decisions: Vec<_> = lines
            .iter()
            .filter_map(|line| Some((line.stan, self.decision_on(line.payment?)?)))
            .collect();
        let item = self.open_item_mut(id);
        item.content = OpenItemContent::Lines(lines);
        let waiting: Vec<_> = item.waiting(id).collect();
        self.open_items.waiting.extend(waiting);
        for (stan, by) in decisions {
            self.decide_line(id, stan, by, out);
        }
        self.end_if_decided(id, today, out);
    }

    /// Decides the lines of payments that were cleared or counted.
    pub(crate) fn decide_lines(
        &mut self,
        payments: impl IntoIterator<Item = PaymentId>,
        by: LineDecision,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        if self.open_items.waiting.is_empty() {
            return;
        }
        let mut lines: Vec<(OpenItemId, Stan)> = Vec::new();
        for payment in payments {
            let first = (payment, OpenItemId(0), Stan::MIN);
            let last = (payment, OpenItemId(u64::MAX), Stan::MAX);
            let found = self.open_items.waiting.range(first..=last);
            lines.extend(found.map(|(_, id, stan)| (*id, *stan)));
        }
        lines.sort_unstable();
        for (place, (id, stan)) in lines.iter().enumerate() {
            self.decide_line(*id, *stan, by, out);
            if lines.get(place + 1).is_none_or(|(next, _)| next != id) {
                self.end_if_decided(*id, today, out);
            }
        }
    }

    /// What decides the lines of a payment, if it has happened.
    fn decision_on(&self, payment: PaymentId) -> Option<LineDecision> {
        if let Some(sale) = self.sale_without_parcel(payment) {
            return sale.cleared.then_some(LineDecision::Clearing);
        }
        let (slot, _) = self.find_payment(payment).ok()?;
        let item = self.payment(slot);
        if item.method == PaymentMethod::Cash {
            let in_hand = self.couriers.get(item.courier).in_hand.contains(&slot);
            return (item.is_collected() && !in_hand).then_some(LineDecision::Count);
        }
        let cleared = self.clearing_of(item).was_paid;
        cleared.then_some(LineDecision::Clearing)
    }

    fn open_item_mut(&mut self, id: OpenItemId) -> &mut OpenItem {
        self.open_items.open.get_mut(&id).expect("a disputed batch has an open item")
    }

    fn decide_line(
        &mut self,
        id: OpenItemId,
        stan: Stan,
        by: LineDecision,
        out: &mut CommandOutcome,
    ) {
        let OpenItemContent::Lines(lines) = &mut self.open_item_mut(id).content else {
            panic!("only a line is decided");
        };
        let place = lines.binary_search_by_key(&stan, |line| line.stan);
        let line = &mut lines[place.expect("the line waits")];
        assert!(line.decision.is_none(), "a line is decided once");
        line.decision = Some(by);
        let payment = line.payment.expect("a payment decides its lines");
        self.open_items.waiting.remove(&(payment, id, stan));
        out.events.push(Event::OpenItemLineDecided { item: id, stan, decision: by });
    }

    fn end_if_decided(&mut self, id: OpenItemId, today: BusinessDate, out: &mut CommandOutcome) {
        if self.open_item_mut(id).is_decided() {
            self.end_open_item(id, None, today, out);
        }
    }

    fn end_open_item(
        &mut self,
        id: OpenItemId,
        closing: Option<OpenItemClosing>,
        ended: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let item = self.open_items.open.remove(&id).expect("it is open");
        for place in item.waiting(id) {
            self.open_items.waiting.remove(&place);
        }
        let state = self.terminal_batches.terminal_mut(item.terminal);
        state.open_items = state.open_items.checked_sub(1).expect("each open item is counted");
        // The lines are no longer expected.
        if let Some(closed) = &mut state.closed_batch
            && closed.agreement == BatchAgreement::Disputed(id)
        {
            closed.agreement = BatchAgreement::Reconciled;
        }
        self.open_items.ended.insert(id, EndedOpenItem { ended, closing });
        out.events.push(Event::OpenItemClosed { item: id });
    }

    pub(crate) fn close_open_item(
        &mut self,
        command: &CloseOpenItem,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let CloseOpenItem { item: id, reason, proposed_by, approved_by } = *command;
        let closing = OpenItemClosing { reason, proposed_by, approved_by };
        if let Some(before) = self.open_items.ended.get(&id) {
            return Err(done_before(before.closing == Some(closing)));
        }
        let missing = Refusal::NotFound(MissingRecord::OpenItem(id));
        let owner = self.open_items.open.get(&id).ok_or(missing)?.owner;
        check_two_people(owner, proposed_by, &[])?;
        check_two_people(proposed_by, approved_by, &[owner])?;
        self.end_open_item(id, Some(closing), now.today, out);
        Ok(())
    }

    /// The open items, oldest first.
    pub fn open_items(&self) -> impl Iterator<Item = OpenItemView> {
        self.open_items.open.iter().map(|(id, item)| OpenItemView {
            id: *id,
            terminal: self.terminals.get(item.terminal).id,
            batch: item.batch,
            currency: self.currency_at(item.currency),
            opened: item.opened,
            owner: item.owner,
            lines_expected: self.disputed_item(item.terminal) == Some(*id),
            content: item.content.clone(),
        })
    }

    /// The item of the terminal's last closed batch, if its lines are expected.
    fn disputed_item(&self, terminal: u32) -> Option<OpenItemId> {
        let closed = self.terminal_batches.terminal(terminal)?.closed_batch.as_ref()?;
        match closed.agreement {
            BatchAgreement::Disputed(id) => Some(id),
            BatchAgreement::Agreed | BatchAgreement::Reconciled => None,
        }
    }

    /// Each open item has something to decide that is not decided yet. Each disputed batch has its
    /// item. No terminal has too many.
    pub(crate) fn check_open_items(&self, wrong: &mut Vec<String>) {
        let OpenItems { open, ended, waiting } = &self.open_items;
        let mut per_terminal: BTreeMap<u32, u32> = BTreeMap::new();
        let mut listed = BTreeSet::new();
        for (id, item) in open {
            *per_terminal.entry(item.terminal).or_default() += 1;
            listed.extend(item.waiting(*id));
            let known = id.0 <= self.reference_data.open_items_opened && !ended.contains_key(id);
            let overlooked = item
                .undecided()
                .any(|line| line.payment.and_then(|id| self.decision_on(id)).is_some());
            if !known || item.is_decided() || overlooked {
                wrong.push(format!("M9: open item {id} is decided, closed or was never opened"));
            }
        }
        if listed != *waiting {
            wrong.push("M9: the lines of open items that wait for their payments differ".into());
        }
        for (number, state) in (0..).zip(self.terminal_batches.terminals.iter()) {
            let count = per_terminal.remove(&number).unwrap_or(0);
            let expected = self.disputed_item(number).is_none_or(|id| {
                let batch = state.closed_batch.as_ref().map(|closed| closed.batch);
                open.get(&id).is_some_and(|item| {
                    (item.terminal, Some(item.batch)) == (number, batch)
                        && matches!(item.content, OpenItemContent::Totals { .. })
                })
            });
            if count != state.open_items || count > OPEN_ITEMS_PER_TERMINAL_MAX || !expected {
                wrong.push(format!(
                    "M9: terminal {} has {count} open items, its count says {}",
                    self.terminals.get(number).id.0,
                    state.open_items
                ));
            }
        }
        if !per_terminal.is_empty() {
            wrong.push("M9: an open item is of a terminal without batches".into());
        }
    }
}
