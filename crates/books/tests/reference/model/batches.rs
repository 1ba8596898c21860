//! The model: terminals' batches, and withdrawn networks.

use std::collections::{BTreeMap, BTreeSet};

use books::*;
use money::Amount;

use super::terminals::{Transaction, TransactionStatus};
use super::{Model, ModelRefusal, ModelResult, Numbered, are_different, ensure};

#[derive(Clone, Debug)]
pub struct Batch {
    pub number: u32,
    pub open: bool,
    /// The terminal's totals at closing.
    pub theirs: BatchTotals,
    pub disputed: bool,
    pub reconciled: bool,
    /// Without transactions: the batch before it is remembered too.
    pub empty: bool,
}

impl Model {
    pub fn apply_batch_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match command {
            Command::OpenBatch(OpenBatch { terminal, batch }) => self.open_batch(*terminal, *batch),
            Command::CloseBatch(CloseBatch { terminal, batch, totals }) => {
                self.close_batch(*terminal, *batch, *totals)
            }
            Command::ReconcileBatch(ReconcileBatch { terminal, batch, lines }) => {
                self.reconcile(*terminal, *batch, lines)
            }
            Command::CloseOpenItem(closing) => self.close_open_item(closing, command),
            Command::SetOfflineLimit(limit) => self.set_offline_limit(limit, command),
            Command::WithdrawNetwork(withdrawal) => self.withdraw(withdrawal, command),
            Command::ReinstateNetwork(end) => self.reinstate(end, command),
            _ => return None,
        };
        Some(done)
    }

    /// A terminal's open batch, the last closed one, and the last closed one with transactions,
    /// oldest first.
    pub fn last_batches(&self, terminal: TerminalId) -> Vec<&Batch> {
        let Some(all) = self.batches.get(&terminal) else { return Vec::new() };
        let closed = |one: &&Batch| !one.open;
        let full = all.iter().filter(closed).rfind(|one| !one.empty).map(|one| one.number);
        let last = all.iter().rfind(closed).map(|one| one.number);
        all.iter().filter(|one| one.open || [full, last].contains(&Some(one.number))).collect()
    }

    fn open_batch(&mut self, terminal: TerminalId, batch: u32) -> ModelResult {
        let known = self.terminals.get(&terminal);
        let (_, blocked) = *known.ok_or(ModelRefusal::Because("no such terminal"))?;
        let last = self.batches.get(&terminal).and_then(|all| all.last());
        let (number, open) = last.map_or((0, false), |last| (last.number, last.open));
        if open && number == batch {
            return Err(ModelRefusal::Repeated);
        }
        ensure(!open, "another one is open")?;
        ensure(!blocked, "the terminal is blocked")?;
        let open_items = self.open_items_of(terminal);
        ensure(open_items < OPEN_ITEMS_PER_TERMINAL_MAX as usize, "too many open items")?;
        ensure(batch == number + 1, "not the next batch")?;
        let theirs = BatchTotals::default();
        let (disputed, reconciled, empty) = (false, false, false);
        let new = Batch { number: batch, open: true, theirs, disputed, reconciled, empty };
        self.batches.entry(terminal).or_default().push(new);
        self.push_event(Event::BatchOpened { terminal, batch })
    }

    pub fn of_batch(&self, terminal: TerminalId, batch: u32) -> impl Iterator<Item = &Transaction> {
        let here =
            move |one: &&Transaction| (one.trace.terminal, one.trace.batch) == (terminal, batch);
        self.transactions.iter().filter(here)
    }

    pub fn batch_totals(&self, terminal: TerminalId, batch: u32) -> BatchTotals {
        let sum = |card: bool, credit: bool| {
            let counts = |one: &&Transaction| {
                let column = one.column.map(|column| (column.card, column.credit));
                one.status == TransactionStatus::Approved && column == Some((card, credit))
            };
            let counted: Vec<u64> =
                self.of_batch(terminal, batch).filter(counts).map(|one| one.amount).collect();
            let all: u128 = counted.iter().map(|amount| u128::from(*amount)).sum();
            let most = u128::from(Amount::MAX.minor());
            let amount = Amount::of(u64::try_from(all.min(most)).unwrap());
            CountAndAmount { count: u32::try_from(counted.len()).unwrap(), amount }
        };
        BatchTotals {
            card_debits: sum(true, false),
            card_credits: sum(true, true),
            other_debits: sum(false, false),
            other_credits: sum(false, true),
        }
    }

    fn batch_mut(&mut self, terminal: TerminalId, batch: u32) -> ModelResult<&mut Batch> {
        let known = self.last_batches(terminal).iter().any(|one| one.number == batch);
        ensure(known, "no such batch")?;
        let all = self.batches.get_mut(&terminal).expect("found before");
        all.iter_mut().find(|one| one.number == batch).ok_or(ModelRefusal::Because("no such batch"))
    }

    fn close_batch(
        &mut self,
        terminal: TerminalId,
        number: u32,
        theirs: BatchTotals,
    ) -> ModelResult {
        let ours = self.batch_totals(terminal, number);
        let waits = self.of_batch(terminal, number).any(|one| one.response.is_none());
        let nothing = self.of_batch(terminal, number).next().is_none() && ours == theirs;
        let mut before = self.last_batches(terminal).into_iter().filter(|one| !one.open);
        let empty = nothing && before.all(|one| !one.disputed || one.reconciled);
        let batch = self.batch_mut(terminal, number)?;
        if !batch.open {
            ensure(batch.theirs == theirs, "closed with other totals")?;
            return Err(ModelRefusal::Repeated);
        }
        ensure(!waits, "something waits for an answer")?;
        (batch.open, batch.theirs, batch.disputed) = (false, theirs, ours != theirs);
        batch.empty = empty;
        self.reversed_without_original.retain(|trace| trace.terminal != terminal);
        self.declined.retain(|trace, _| trace.terminal != terminal);
        self.inquiries.retain(|trace, _| trace.terminal != terminal);
        self.leave_disputed(terminal, number)?;
        if ours == theirs {
            return self.push_event(Event::BatchAgreed { terminal, batch: number, totals: ours });
        }
        self.push_event(Event::BatchDisputed { terminal, batch: number, ours, theirs })?;
        self.begin_open_item(terminal, number, (ours, theirs))
    }

    fn reconcile(&mut self, terminal: TerminalId, number: u32, lines: &[BatchLine]) -> ModelResult {
        ensure(self.terminals.contains_key(&terminal), "no such terminal")?;
        let batch = self.batch_mut(terminal, number)?;
        if batch.reconciled {
            return Err(ModelRefusal::Repeated);
        }
        ensure(batch.disputed, "not disputed")?;
        batch.reconciled = true;
        ensure(lines.len() <= TRANSACTIONS_PER_BATCH_MAX, "too many lines")?;
        let theirs: BTreeMap<Stan, BatchLine> =
            lines.iter().map(|line| (line.stan, *line)).collect();
        ensure(theirs.len() == lines.len(), "a line is there twice")?;
        let mut ours: BTreeMap<Stan, BatchLine> = BTreeMap::new();
        let mut payments = BTreeMap::new();
        for one in self.of_batch(terminal, number) {
            let stan = one.trace.stan;
            if one.took_money() {
                payments.insert(stan, one.payment);
            }
            if let Some(column) = one.column.filter(|_| one.status == TransactionStatus::Approved) {
                let (amount, credit) = (Amount::of(one.amount), column.credit);
                ours.insert(stan, BatchLine { stan, amount, credit });
            }
        }
        let numbers: BTreeSet<Stan> = ours.keys().chain(theirs.keys()).copied().collect();
        let differ: Vec<Stan> =
            numbers.into_iter().filter(|stan| ours.get(stan) != theirs.get(stan)).collect();
        for stan in &differ {
            let (ours, theirs) = (ours.get(stan).copied(), theirs.get(stan).copied());
            let (batch, stan) = (number, *stan);
            self.push_event(Event::BatchLineDiffers { terminal, batch, stan, ours, theirs })?;
        }
        let differences = u32::try_from(differ.len()).unwrap();
        let lines = differ.into_iter().map(|stan| OpenItemLine {
            stan,
            ours: ours.get(&stan).copied(),
            theirs: theirs.get(&stan).copied(),
            payment: payments.get(&stan).copied(),
            decision: None,
        });
        let lines = lines.collect();
        self.open_item_of(terminal, number).1.content = OpenItemContent::Lines(lines);
        self.push_event(Event::BatchReconciled { terminal, batch: number, differences })
    }

    fn set_offline_limit(&mut self, limit: &SetOfflineLimit, command: &Command) -> ModelResult {
        let SetOfflineLimit { terminal, number, each, total, proposed_by, approved_by } = *limit;
        ensure(self.terminals.contains_key(&terminal), "no such terminal")?;
        are_different(&[proposed_by, approved_by])?;
        self.next_number(Numbered::TerminalChanges(terminal), number, command)?;
        let (courier, _) = self.terminals[&terminal];
        are_different(&[proposed_by, approved_by, PersonId(courier.0)])?;
        self.use_number(Numbered::TerminalChanges(terminal), command);
        self.offline.insert(terminal, (each.minor(), total.minor()));
        self.push_event(Event::Registered)
    }

    fn withdraw(&mut self, withdrawal: &WithdrawNetwork, command: &Command) -> ModelResult {
        let WithdrawNetwork { network, number, from, proposed_by, approved_by } = *withdrawal;
        ensure(self.networks.contains_key(&network), "no such network")?;
        are_different(&[proposed_by, approved_by])?;
        self.next_number(Numbered::Withdrawals(network), number, command)?;
        let since = self.withdrawn.get(&network);
        if since.is_some_and(|(since, _)| *since <= self.now) {
            return Err(ModelRefusal::Repeated);
        }
        self.use_number(Numbered::Withdrawals(network), command);
        let from = from.max(self.now);
        self.withdrawn.insert(network, (from, proposed_by));
        self.push_event(Event::NetworkWithdrawn { network, from })
    }

    fn reinstate(&mut self, end: &ReinstateNetwork, command: &Command) -> ModelResult {
        let ReinstateNetwork { network, number, proposed_by, approved_by } = *end;
        ensure(self.networks.contains_key(&network), "no such network")?;
        are_different(&[proposed_by, approved_by])?;
        self.next_number(Numbered::Withdrawals(network), number, command)?;
        let (_, proposer) = self.withdrawn.remove(&network).ok_or(ModelRefusal::Repeated)?;
        ensure(approved_by != proposer, "who proposed the withdrawal is not the second")?;
        self.use_number(Numbered::Withdrawals(network), command);
        self.push_event(Event::NetworkReinstated { network })
    }
}
