//! A terminal's batches: opened at sign-on, closed against the books, and compared line by line if
//! they differ.

use std::cmp::Ordering;

use money::Amount;
use tariff::PaymentMethod;

use crate::books::{Books, Now};
use crate::breaks::record::Difference;
use crate::command::{BreakSide, BreakSubject, CloseBatch, OpenBatch, ReconcileBatch};
use crate::event::{CommandOutcome, Event};
use crate::ids::{PersonId, TerminalId};
use crate::party::record::RailId;
use crate::refusal::{MissingRecord, Refusal};
use crate::terminal::batches::{
    BatchAgreement, BatchEntry, ClosedBatch, TerminalBatchState, TransactionStatus,
};
use crate::terminal::transaction::{
    BatchLine, BatchTotals, TRACE_NUMBER_MAX, TRANSACTIONS_PER_BATCH_MAX,
};

/// A differing line: the books' with its slot, and the terminal's.
type DifferingLine = (Option<(BatchLine, u32)>, Option<BatchLine>);

/// The amount in minor units, negative for credits.
fn signed(line: BatchLine) -> i128 {
    let minor = i128::from(line.amount.minor());
    if line.credit { -minor } else { minor }
}

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
        let (last, open) =
            self.terminal_batches.terminal(number).map_or((0, false), |terminal_state| {
                (terminal_state.last_batch, terminal_state.batch_open)
            });
        if open {
            let same = batch == last;
            return Err(if same { Refusal::Repeated } else { Refusal::WrongSequenceNumber(last) });
        }
        if self.terminals.get(number).blocked {
            return Err(Refusal::TerminalBlocked);
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
        let agreement =
            if ours == theirs { BatchAgreement::Agreed } else { BatchAgreement::Disputed };
        // Its transactions can still be refunded.
        let is_disputed = |closed: &ClosedBatch| closed.agreement == BatchAgreement::Disputed;
        let stays = terminal_state.entries.is_empty()
            && agreement == BatchAgreement::Agreed
            && !terminal_state.closed_batch.as_deref().is_some_and(is_disputed);
        self.record_dispute(terminal, number, today, out);
        self.terminal_batches.clear_reversals_without_original(number);
        let terminal_state = self.terminal_batches.terminal_mut(number);
        terminal_state.batch_open = false;
        if !stays {
            let mut list = std::mem::take(&mut terminal_state.entries);
            list.shrink_to_fit();
            let closed = ClosedBatch { batch, theirs, agreement, entries: list };
            if let Some(before) = terminal_state.closed_batch.replace(Box::new(closed)) {
                self.terminal_batches.remove_from_batch(&before.entries);
            }
        }
        out.events.push(match agreement {
            BatchAgreement::Agreed => Event::BatchAgreed { terminal, batch, totals: ours },
            _ => Event::BatchDisputed { terminal, batch, ours, theirs },
        });
        Ok(())
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
        match closed.agreement {
            BatchAgreement::Agreed => return Err(Refusal::BatchNotDisputed),
            BatchAgreement::Reconciled => return Err(Refusal::Repeated),
            BatchAgreement::Disputed => {}
        }
        if lines.len() > TRANSACTIONS_PER_BATCH_MAX {
            return Err(Refusal::OutOfRange(999));
        }
        let mut theirs = lines.to_vec();
        theirs.sort_unstable_by_key(|line| line.stan);
        if theirs.windows(2).any(|pair| pair[0].stan == pair[1].stan) {
            return Err(Refusal::TraceTaken);
        }
        let differences = self.differences(&closed.entries, &theirs);
        let rail = self.rail_of_differences(&differences, &closed.entries);
        let net: i128 = differences.iter().map(|one| self.signed_difference(one)).sum();
        let difference = u64::try_from(net.unsigned_abs()).ok().and_then(Amount::new);
        let difference = difference.ok_or(Refusal::Overflow)?;
        let side = if net > 0 { BreakSide::Excess } else { BreakSide::Shortfall };
        let subject = match rail {
            Some(RailId::Network(network)) => BreakSubject::Network(network),
            Some(RailId::Wallet(wallet)) => BreakSubject::Wallet(wallet),
            None => {
                let courier = self.terminals.get(number).courier;
                let firm = self.couriers.get(courier).firm;
                BreakSubject::FirmCash(self.firms.get(firm).id)
            }
        };
        let owner = PersonId(0);
        let difference = Difference { subject, side, amount: difference };
        self.raise_automatic_break(difference, owner, today, out)?;
        let count = u32::try_from(differences.len()).expect("at most twice a batch's lines");
        for (ours, theirs) in differences {
            let ours = ours.map(|(line, _)| line);
            let Some(BatchLine { stan, .. }) = ours.or(theirs) else { continue };
            out.events.push(Event::BatchLineDiffers { terminal, batch, stan, ours, theirs });
        }
        let terminal_state = self.terminal_batches.terminal_mut(number);
        let closed = terminal_state.closed_batch.as_mut().expect("found above");
        closed.agreement = BatchAgreement::Reconciled;
        out.events.push(Event::BatchReconciled { terminal, batch, differences: count });
        Ok(())
    }

    /// The differing lines, by STAN. Both lists are sorted.
    fn differences(&self, list: &[BatchEntry], theirs: &[BatchLine]) -> Vec<DifferingLine> {
        let ours = list.iter().filter_map(|listed| {
            self.terminal_batches.get(listed.slot).batch_line().map(|line| (line, listed.slot))
        });
        let (mut ours, mut theirs) = (ours.peekable(), theirs.iter().copied().peekable());
        let mut differences = Vec::new();
        loop {
            let order = match (ours.peek(), theirs.peek()) {
                (None, None) => return differences,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((our, _)), Some(their)) => our.stan.cmp(&their.stan),
            };
            let one = match order {
                Ordering::Less => (ours.next(), None),
                Ordering::Greater => (None, theirs.next()),
                Ordering::Equal => (ours.next(), theirs.next()),
            };
            if one.0.map(|(line, _)| line) != one.1 {
                differences.push(one);
            }
        }
    }

    /// The terminal's amount minus the books'. Zero for cash in the books, because the hub counts
    /// cash (M6).
    fn signed_difference(&self, (ours, theirs): &DifferingLine) -> i128 {
        if let Some((_, slot)) = ours
            && self.rail_of_transaction(*slot).is_none()
        {
            return 0;
        }
        theirs.map_or(0, signed) - ours.map_or(0, |(line, _)| signed(line))
    }

    /// The network or wallet of the first differing line in the books, else of the batch's first
    /// line.
    fn rail_of_differences(
        &self,
        differences: &[DifferingLine],
        list: &[BatchEntry],
    ) -> Option<RailId> {
        let differing = differences.iter().filter_map(|(ours, _)| ours.map(|(_, slot)| slot));
        let all = list.iter().map(|listed| listed.slot);
        differing.chain(all).find_map(|slot| self.rail_of_transaction(slot))
    }

    pub(crate) fn rail_of_transaction(&self, slot: u32) -> Option<RailId> {
        let payment = self.terminal_batches.get(slot).payment_id();
        let (item, _) = self.find_payment(payment).expect("a transaction's payment is remembered");
        let item = self.payment(item);
        (item.method != PaymentMethod::Cash).then(|| self.rails.get(u32::from(item.rail)).id)
    }
}

impl TerminalBatchState {
    /// The offline limit not used by unanswered sales.
    pub(crate) fn offline_left(&self) -> Amount {
        self.offline_total.saturating_sub(self.offline_unanswered)
    }
}

const _: () = assert!(TRANSACTIONS_PER_BATCH_MAX == 999, "refusals name this limit");
