//! A terminal's batches: opened at sign-on, closed against the books, and compared line by line
//! where they do not agree.

use std::cmp::Ordering;

use money::Amount;
use tariff::BusinessDate;

use crate::batches::{Agreement, Closed, Door, Listed, Standing};
use crate::command::{BreakSide, BreakSubject, Command};
use crate::door::{BatchLine, BatchTotals, TRACE_NUMBER_MAX, TRANSACTIONS_PER_BATCH_MAX};
use crate::engine::Engine;
use crate::event::{Event, Outcome};
use crate::ids::{PersonId, TerminalId};
use crate::records::{Means, RailId};
use crate::refusal::{Missing, Refusal};

/// A line that differs: the books', with where it is, and the terminal's.
type Difference = (Option<(BatchLine, u32)>, Option<BatchLine>);

/// A sum of money with its sign, in minor units: debits above zero.
fn signed(line: BatchLine) -> i128 {
    let minor = i128::from(line.amount.minor());
    if line.credit { -minor } else { minor }
}

impl Engine {
    pub(crate) fn keep_batch(
        &mut self,
        command: &Command,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let (Command::OpenBatch { terminal, .. }
        | Command::CloseBatch { terminal, .. }
        | Command::ReconcileBatch { terminal, .. }) = *command
        else {
            unreachable!("only batches are dispatched here");
        };
        let missing = Refusal::NotFound(Missing::Terminal(terminal));
        let number = self.terminals.number(terminal).ok_or(missing)?;
        match command {
            Command::OpenBatch { batch, .. } => self.open_batch((terminal, number), *batch, out),
            Command::CloseBatch { batch, totals, .. } => {
                self.close_batch((terminal, number), *batch, *totals, today, out)
            }
            Command::ReconcileBatch { batch, lines, .. } => {
                self.reconcile((terminal, number), *batch, lines, today, out)
            }
            _ => unreachable!("only batches are dispatched here"),
        }
    }

    fn open_batch(
        &mut self,
        (terminal, number): (TerminalId, u32),
        batch: u32,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let (last, open) =
            self.doors.door(number).map_or((0, false), |door| (door.batch, door.open));
        if open {
            let same = batch == last;
            return Err(if same { Refusal::Repeated } else { Refusal::WrongNumber(last) });
        }
        if self.terminals.get(number).blocked {
            return Err(Refusal::TerminalBlocked);
        }
        let next = if last >= TRACE_NUMBER_MAX { 1 } else { last + 1 };
        if batch != next {
            return Err(Refusal::WrongNumber(next));
        }
        let door = self.doors.door_mut(number);
        (door.batch, door.open) = (batch, true);
        out.events.push(Event::BatchOpened { terminal, batch });
        Ok(())
    }

    fn close_batch(
        &mut self,
        (terminal, number): (TerminalId, u32),
        batch: u32,
        theirs: BatchTotals,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let door = self.doors.door(number).ok_or(Refusal::WrongBatch(0))?;
        if !door.open || door.batch != batch {
            let closed = door.closed.as_ref().filter(|closed| closed.batch == batch);
            let first = match closed {
                Some(closed) => closed.theirs,
                None if door.closed_empty(batch) => BatchTotals::default(),
                None => return Err(Refusal::WrongBatch(door.batch)),
            };
            let same = first == theirs;
            return Err(if same { Refusal::Repeated } else { Refusal::IdentifierTaken });
        }
        let waits = |one: &Listed| self.doors.get(one.slot).standing == Standing::Waiting;
        if door.list.iter().any(waits) {
            return Err(Refusal::BatchBusy);
        }
        let ours = self.doors.totals(&door.list);
        let agreement = if ours == theirs { Agreement::Agreed } else { Agreement::Disputed };
        // What was sold in the one before can still be refunded.
        let is_disputed = |closed: &Closed| closed.agreement == Agreement::Disputed;
        let stays = door.list.is_empty()
            && agreement == Agreement::Agreed
            && !door.closed.as_deref().is_some_and(is_disputed);
        self.leave_disputed((terminal, number), today, out);
        self.doors.forget_unheard(number);
        let door = self.doors.door_mut(number);
        door.open = false;
        if !stays {
            let mut list = std::mem::take(&mut door.list);
            list.shrink_to_fit();
            let closed = Closed { batch, theirs, agreement, list };
            if let Some(before) = door.closed.replace(Box::new(closed)) {
                self.doors.unlist(&before.list);
            }
        }
        out.events.push(match agreement {
            Agreement::Agreed => Event::BatchAgreed { terminal, batch, totals: ours },
            _ => Event::BatchDiffers { terminal, batch, ours, theirs },
        });
        Ok(())
    }

    fn reconcile(
        &mut self,
        (terminal, number): (TerminalId, u32),
        batch: u32,
        lines: &[BatchLine],
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let door = self.doors.door(number).ok_or(Refusal::WrongBatch(0))?;
        let closed = door.closed.as_ref().filter(|closed| closed.batch == batch);
        let is_open = door.open && door.batch == batch;
        let closed = closed.ok_or(if is_open || door.closed_empty(batch) {
            Refusal::BatchState
        } else {
            Refusal::WrongBatch(door.batch)
        })?;
        match closed.agreement {
            Agreement::Agreed => return Err(Refusal::BatchState),
            Agreement::Reconciled => return Err(Refusal::Repeated),
            Agreement::Disputed => {}
        }
        if lines.len() > TRANSACTIONS_PER_BATCH_MAX {
            return Err(Refusal::OutOfRange(999));
        }
        let mut theirs = lines.to_vec();
        theirs.sort_unstable_by_key(|line| line.stan);
        if theirs.windows(2).any(|pair| pair[0].stan == pair[1].stan) {
            return Err(Refusal::TraceTaken);
        }
        let differences = self.differences(&closed.list, &theirs);
        let rail = self.rail_of(&differences, &closed.list);
        let net: i128 = differences.iter().map(|one| self.weight(one)).sum();
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
        self.raise_own_break((subject, side), difference, (owner, today), out)?;
        let count = u32::try_from(differences.len()).expect("at most twice a batch's lines");
        for (ours, theirs) in differences {
            let ours = ours.map(|(line, _)| line);
            let stan = ours.or(theirs).map_or(0, |line| line.stan);
            out.events.push(Event::BatchLineDiffers { terminal, batch, stan, ours, theirs });
        }
        let door = self.doors.door_mut(number);
        let closed = door.closed.as_mut().expect("it was just there");
        closed.agreement = Agreement::Reconciled;
        out.events.push(Event::BatchReconciled { terminal, batch, differences: count });
        Ok(())
    }

    /// The lines that differ, by their numbers; both lists are in their order.
    fn differences(&self, list: &[Listed], theirs: &[BatchLine]) -> Vec<Difference> {
        let ours = list.iter().filter_map(|listed| {
            self.doors.get(listed.slot).line().map(|line| (line, listed.slot))
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

    /// How much more the terminal has in a line than the books. Nothing where it is cash in the
    /// books: the count at the hub tells that (M6).
    fn weight(&self, (ours, theirs): &Difference) -> i128 {
        if let Some((_, slot)) = ours
            && self.rail_of_transaction(*slot).is_none()
        {
            return 0;
        }
        theirs.map_or(0, signed) - ours.map_or(0, |(line, _)| signed(line))
    }

    /// The network or wallet of the first line of ours that differs, else of the first of all.
    fn rail_of(&self, differences: &[Difference], list: &[Listed]) -> Option<RailId> {
        let differing = differences.iter().filter_map(|(ours, _)| ours.map(|(_, slot)| slot));
        let all = list.iter().map(|listed| listed.slot);
        differing.chain(all).find_map(|slot| self.rail_of_transaction(slot))
    }

    pub(crate) fn rail_of_transaction(&self, slot: u32) -> Option<RailId> {
        let tender = self.doors.get(slot).tender();
        let (item, _) = self.find_tender(tender).expect("a transaction's tender is remembered");
        let item = self.item(item);
        (item.means != Means::Cash).then(|| self.rails.get(u32::from(item.rail)).id)
    }
}

impl Door {
    /// What of the offline limit is not used up by sales that wait for the network.
    pub(crate) fn offline_left(&self) -> Amount {
        self.offline_total.saturating_sub(self.offline_unanswered)
    }
}

const _: () = assert!(TRANSACTIONS_PER_BATCH_MAX == 999, "as refusals say");
