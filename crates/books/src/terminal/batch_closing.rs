//! A terminal's batches: opened at sign-on, closed against the books, and compared line by line if
//! they differ.

use std::collections::BTreeMap;

use money::Amount;
use tariff::BusinessDate;

use crate::books::{Books, Now};
use crate::command::{CloseBatch, OPEN_ITEMS_PER_TERMINAL_MAX, OpenBatch, ReconcileBatch};
use crate::event::{CommandOutcome, Event};
use crate::ids::TerminalId;
use crate::payment::codes::Stan;
use crate::refusal::{MissingRecord, Refusal};
use crate::terminal::batches::{
    BatchAgreement, BatchEntry, ClosedBatch, TerminalBatchState, Transaction, TransactionStatus,
};
use crate::terminal::transaction::{
    BatchLine, BatchTotals, OpenItemLine, TRACE_NUMBER_MAX, TRANSACTIONS_PER_BATCH_MAX,
};

impl Books {
    pub(crate) fn terminal_number(&self, terminal: TerminalId) -> Result<u32, Refusal> {
        let missing = Refusal::NotFound(MissingRecord::Terminal(terminal));
        self.terminals.number(terminal).ok_or(missing)
    }

    pub(crate) fn open_batch(
        &mut self,
        command: &OpenBatch,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let OpenBatch { terminal, batch } = *command;
        let number = self.terminal_number(terminal)?;
        let (last, open, open_items) =
            self.terminal_batches.terminal(number).map_or((0, false, 0), |terminal_state| {
                let TerminalBatchState { last_batch, batch_open, open_items, .. } = *terminal_state;
                (last_batch, batch_open, open_items)
            });
        if open {
            let same = batch == last;
            return Err(if same { Refusal::Repeated } else { Refusal::WrongSequenceNumber(last) });
        }
        if self.terminals.get(number).blocked {
            return Err(Refusal::TerminalBlocked);
        }
        // Each batch can add one.
        if open_items >= OPEN_ITEMS_PER_TERMINAL_MAX {
            return Err(Refusal::TooManyOpenItems);
        }
        let next = if last >= TRACE_NUMBER_MAX { 1 } else { last + 1 };
        if batch != next {
            return Err(Refusal::WrongSequenceNumber(next));
        }
        let terminal_state = self.terminal_batches.terminal_mut(number);
        (terminal_state.last_batch, terminal_state.batch_open) = (batch, true);
        out.events.push(Event::BatchOpened { terminal, batch });
        Ok(())
    }

    pub(crate) fn close_batch(
        &mut self,
        command: &CloseBatch,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let CloseBatch { terminal, batch, totals: theirs } = *command;
        let number = self.terminal_number(terminal)?;
        let today = now.today;
        let terminal_state =
            self.terminal_batches.terminal(number).ok_or(Refusal::WrongBatch(0))?;
        if !terminal_state.batch_open || terminal_state.last_batch != batch {
            let closed =
                terminal_state.closed_batch.as_ref().filter(|closed| closed.batch == batch);
            let first = match closed {
                Some(closed) => closed.theirs,
                None if terminal_state.closed_empty_batch(batch) => BatchTotals::default(),
                None => return Err(Refusal::WrongBatch(terminal_state.last_batch)),
            };
            let same = first == theirs;
            return Err(if same { Refusal::Repeated } else { Refusal::IdentifierTaken });
        }
        let waits = |one: &BatchEntry| {
            self.terminal_batches.get(one.slot).status == TransactionStatus::Pending
        };
        if terminal_state.entries.iter().any(waits) {
            return Err(Refusal::BatchBusy);
        }
        let ours = self.terminal_batches.totals(&terminal_state.entries);
        // Its transactions can still be refunded.
        let is_disputed =
            |closed: &ClosedBatch| matches!(closed.agreement, BatchAgreement::Disputed(_));
        let stays = terminal_state.entries.is_empty()
            && ours == theirs
            && !terminal_state.closed_batch.as_deref().is_some_and(is_disputed);
        self.leave_disputed_batch(terminal, number, today, out);
        let agreement = if ours == theirs {
            out.events.push(Event::BatchAgreed { terminal, batch, totals: ours });
            BatchAgreement::Agreed
        } else {
            out.events.push(Event::BatchDisputed { terminal, batch, ours, theirs });
            BatchAgreement::Disputed(self.open_item(number, batch, (ours, theirs), today, out))
        };
        let terminal_state = self.terminal_batches.terminal_mut(number);
        terminal_state.batch_open = false;
        terminal_state.used_stans = Vec::new();
        if !stays {
            let mut list = std::mem::take(&mut terminal_state.entries);
            list.shrink_to_fit();
            let closed = ClosedBatch { batch, theirs, agreement, entries: list };
            if let Some(before) = terminal_state.closed_batch.replace(Box::new(closed)) {
                self.terminal_batches.remove_from_batch(&before.entries);
            }
        }
        Ok(())
    }

    /// The terminal closes its next batch. The lines of a disputed one before are no longer
    /// expected.
    fn leave_disputed_batch(
        &mut self,
        terminal: TerminalId,
        number: u32,
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) {
        let terminal_state = self.terminal_batches.terminal(number);
        let closed = terminal_state.and_then(|terminal_state| terminal_state.closed_batch.as_ref());
        let Some((closed, id)) = closed.and_then(|closed| match closed.agreement {
            BatchAgreement::Disputed(id) => Some((closed, id)),
            BatchAgreement::Agreed | BatchAgreement::Reconciled => None,
        }) else {
            return;
        };
        let (batch, theirs) = (closed.batch, closed.theirs);
        let ours = self.terminal_batches.totals(&closed.entries);
        out.events.push(Event::BatchLeftDisputed { terminal, batch, ours, theirs });
        self.lines_never_came(id, ours, theirs, today, out);
    }

    pub(crate) fn reconcile_batch(
        &mut self,
        command: &ReconcileBatch,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ReconcileBatch { terminal, batch, ref lines } = *command;
        let number = self.terminal_number(terminal)?;
        let today = now.today;
        let terminal_state =
            self.terminal_batches.terminal(number).ok_or(Refusal::WrongBatch(0))?;
        let closed = terminal_state.closed_batch.as_ref().filter(|closed| closed.batch == batch);
        let is_open = terminal_state.batch_open && terminal_state.last_batch == batch;
        let closed = closed.ok_or(if is_open || terminal_state.closed_empty_batch(batch) {
            Refusal::BatchNotDisputed
        } else {
            Refusal::WrongBatch(terminal_state.last_batch)
        })?;
        let item = match closed.agreement {
            BatchAgreement::Agreed => return Err(Refusal::BatchNotDisputed),
            BatchAgreement::Reconciled => return Err(Refusal::Repeated),
            BatchAgreement::Disputed(item) => item,
        };
        if lines.len() > TRANSACTIONS_PER_BATCH_MAX {
            return Err(Refusal::OutOfRange(999));
        }
        let mut stans: Vec<Stan> = lines.iter().map(|line| line.stan).collect();
        stans.sort_unstable();
        if stans.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Refusal::TraceTaken);
        }
        let differing = self.differing_lines(&closed.entries, lines);
        let differences = u32::try_from(differing.len()).expect("at most twice a batch's lines");
        out.events.extend(differing.iter().map(|line| {
            let OpenItemLine { stan, ours, theirs, .. } = *line;
            Event::BatchLineDiffers { terminal, batch, stan, ours, theirs }
        }));
        out.events.push(Event::BatchReconciled { terminal, batch, differences });
        let terminal_state = self.terminal_batches.terminal_mut(number);
        let closed = terminal_state.closed_batch.as_mut().expect("found above");
        closed.agreement = BatchAgreement::Reconciled;
        self.compare_lines(item, differing, today, out);
        Ok(())
    }

    /// The differing lines, by STAN.
    fn differing_lines(&self, list: &[BatchEntry], theirs: &[BatchLine]) -> Vec<OpenItemLine> {
        let mut lines: BTreeMap<Stan, [Option<BatchLine>; 2]> = BTreeMap::new();
        for listed in list {
            let ours = self.terminal_batches.get(listed.slot).batch_line();
            lines.entry(listed.stan).or_default()[0] = ours;
        }
        for line in theirs {
            lines.entry(line.stan).or_default()[1] = Some(*line);
        }
        let differing = lines.into_iter().filter(|(_, [ours, theirs])| ours != theirs);
        let line = |(stan, [ours, theirs]): (Stan, [Option<BatchLine>; 2])| {
            let place = list.binary_search_by_key(&stan, |listed| listed.stan).ok();
            let transaction = place.map(|place| self.terminal_batches.get(list[place].slot));
            // A pre-authorisation moves no money. Its completion is a line of its own.
            let decides = |one: &&Transaction| one.takes_payment() && !one.is_pre_authorisation();
            let payment = transaction.filter(decides).map(Transaction::payment_id);
            OpenItemLine { stan, ours, theirs, payment, decision: None }
        };
        differing.map(line).collect()
    }
}

impl TerminalBatchState {
    /// The offline limit not used by unanswered sales.
    pub(crate) fn offline_left(&self) -> Amount {
        self.offline_total.saturating_sub(self.offline_unanswered)
    }
}

const _: () = assert!(TRANSACTIONS_PER_BATCH_MAX == 999, "refusals name this limit");
