//! Remembered transactions of terminals: the open batch, the last closed batch with transactions,
//! and everything that waits for a network. Wallet orders and pre-authorisations are remembered as
//! long as their parcels.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use chunks::{ChunkedVec, Slab};
use machine::Timestamp;
use money::Amount;

use crate::ids::{OpenItemId, ParcelId, PaymentId};
use crate::payment::codes::{AuthorisationCode, ResponseCode, Stan, WalletPaymentId};
use crate::slot_table::{SlotHash, SlotTable, SlotTableBuilder};
use crate::terminal::duplicate_key::{DuplicateKey, PackedSubject};
use crate::terminal::transaction::{
    BatchLine, BatchTotals, CountAndAmount, NetworkReference, TRACE_NUMBER_MAX, TransactionKind,
};
use crate::terminal::used_stans::UsedStan;

// Dozens per terminal and day.
const _: () = assert!(size_of::<Transaction>() == 72 && size_of::<TerminalBatchState>() <= 104);

/// Whether a transaction counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum TransactionStatus {
    /// Waits for its first response.
    Pending,
    Approved,
    /// Declined, or the outcome is unknown.
    NotApproved,
    /// Reversed or being reversed.
    Reversed,
}

/// Where an approved transaction counts in its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum TotalsColumn {
    NotCounted,
    CardDebit,
    CardCredit,
    OtherDebit,
    OtherCredit,
}

/// What a terminal is answered.
#[derive(Clone, Copy)]
pub(crate) struct TerminalResponse {
    pub code: ResponseCode,
    pub authorisation_code: Option<AuthorisationCode>,
}

impl TerminalResponse {
    /// A response without an authorisation code.
    pub(crate) fn of(code: ResponseCode) -> TerminalResponse {
        TerminalResponse { code, authorisation_code: None }
    }
}

/// A transaction of a terminal. 72 bytes, and 8 in its batch's list.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Transaction {
    pub parcel: ParcelId,
    /// Its card, its original, or the payment that paid the wallet order.
    pub subject: PackedSubject,
    pub amount: Amount,
    pub network_sent_at: Timestamp,
    /// `None` if no network or wallet is asked.
    pub network_stan: Option<Stan>,
    /// The terminal's number in the registry.
    pub terminal: u32,
    pub batch: u32,
    pub stan: Stan,
    pub date: u16,
    pub payment_number: u8,
    pub kind: TransactionKind,
    /// The terminal's first response code, unless pending.
    pub response_code: Option<ResponseCode>,
    /// The authorisation code with it.
    pub authorisation_code: Option<AuthorisationCode>,
    pub status: TransactionStatus,
    pub column: TotalsColumn,
    /// In the open or the last closed batch.
    pub in_batch: bool,
    /// A network's or wallet's response is missing.
    pub awaits_network: bool,
}

impl Transaction {
    pub(crate) fn payment_id(&self) -> PaymentId {
        PaymentId { parcel: self.parcel, number: self.payment_number }
    }

    /// Terminal number, batch and STAN.
    pub(crate) fn key(&self) -> (u32, u32, Stan) {
        (self.terminal, self.batch, self.stan)
    }

    pub(crate) fn duplicate_key(&self) -> DuplicateKey {
        DuplicateKey { date: self.date, subject: self.subject.subject(self.kind) }
    }

    pub(crate) fn network_reference(&self) -> Option<NetworkReference> {
        let sent_at = self.network_sent_at;
        self.network_stan.map(|stan| NetworkReference { stan, sent_at })
    }

    /// The payment that paid a wallet order, in time or too late.
    pub(crate) fn wallet_payment(&self) -> Option<WalletPaymentId> {
        self.subject.wallet_payment(self.kind)
    }

    /// Its line in the batch totals, if it counts.
    pub(crate) fn batch_line(&self) -> Option<BatchLine> {
        let credit = match self.column {
            TotalsColumn::NotCounted => return None,
            TotalsColumn::CardDebit | TotalsColumn::OtherDebit => false,
            TotalsColumn::CardCredit | TotalsColumn::OtherCredit => true,
        };
        let stands = self.status == TransactionStatus::Approved;
        stands.then_some(BatchLine { stan: self.stan, amount: self.amount, credit })
    }

    pub(crate) fn is_wallet_order(&self) -> bool {
        self.kind == TransactionKind::Qr
    }

    pub(crate) fn is_pre_authorisation(&self) -> bool {
        self.kind == TransactionKind::PreAuthorisation
    }

    /// Whether it is remembered when it is in no batch.
    pub(crate) fn outlives_batches(&self) -> bool {
        self.awaits_network || self.is_wallet_order() || self.is_pre_authorisation()
    }

    /// Whether it took or reserved a payment's money.
    pub(crate) fn takes_payment(&self) -> bool {
        use TransactionKind as K;
        matches!(
            self.kind,
            K::Sale | K::PreAuthorisation | K::Completion | K::Qr | K::Advice | K::Cash
        )
    }
}

/// Locates a transaction of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct BatchEntry {
    pub stan: Stan,
    pub slot: u32,
}

/// Whether a closed batch agrees with the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum BatchAgreement {
    Agreed,
    /// The totals differ and the lines are expected.
    Disputed(OpenItemId),
    /// The totals differed. The lines were compared, or the open item was closed without them.
    Reconciled,
}

/// A terminal's last closed batch that had transactions or was disputed.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct ClosedBatch {
    pub batch: u32,
    pub theirs: BatchTotals,
    pub agreement: BatchAgreement,
    pub entries: Vec<BatchEntry>,
}

/// A terminal's batches and offline limits. At most 104 bytes while idle.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct TerminalBatchState {
    /// The last batch opened; 0 if there is none.
    pub last_batch: u32,
    pub batch_open: bool,
    /// The open batch's transactions, by STAN.
    pub entries: Vec<BatchEntry>,
    /// STANs of the open batch that are used up without a transaction, in order.
    pub used_stans: Vec<UsedStan>,
    pub closed_batch: Option<Box<ClosedBatch>>,
    /// Limit for one offline sale.
    pub offline_each: Amount,
    /// Limit for all offline sales that the network has not answered.
    pub offline_total: Amount,
    pub offline_unanswered: Amount,
    /// When it last began a transaction online, or opened or closed a batch.
    pub last_contact: Timestamp,
    pub open_items: u32,
}

impl TerminalBatchState {
    /// The transactions of a remembered batch.
    pub(crate) fn entries_of(&self, batch: u32) -> Option<&[BatchEntry]> {
        if self.batch_open && self.last_batch == batch {
            return Some(&self.entries);
        }
        match &self.closed_batch {
            Some(closed) if closed.batch == batch => Some(&closed.entries),
            _ => self.closed_empty_batch(batch).then_some(&[]),
        }
    }

    /// Whether the terminal closed that batch last without transactions. Such a batch does not
    /// replace the one before; only its number is known.
    pub(crate) fn closed_empty_batch(&self, batch: u32) -> bool {
        let last = match self.last_batch {
            last if !self.batch_open => last,
            // The batch numbers restarted.
            1 if self.closed_batch.is_some() => TRACE_NUMBER_MAX,
            open => open.saturating_sub(1),
        };
        let empty = self.closed_batch.as_ref().is_none_or(|closed| closed.batch != batch);
        batch == last && batch > 0 && empty
    }
}

/// Batches and transactions of all terminals.
#[derive(Clone, Debug, Default)]
pub(crate) struct TerminalBatches {
    /// By terminal number. Terminals beyond the end have no transactions.
    pub terminals: ChunkedVec<TerminalBatchState>,
    pub transactions: Slab<Transaction>,
    /// Transactions by payment. A payment can have several.
    by_payment: SlotTable,
    /// Transactions that wait for a network or wallet.
    pub awaiting_network: BTreeSet<u32>,
    /// Remembered transactions outside any batch, by terminal, batch and STAN.
    old: BTreeMap<(u32, u32, Stan), u32>,
}

impl TerminalBatches {
    /// Builds the state from the tables of a snapshot.
    pub(crate) fn new(
        doors: ChunkedVec<TerminalBatchState>,
        transactions: Slab<Transaction>,
    ) -> TerminalBatches {
        let mut all = TerminalBatches { terminals: doors, ..TerminalBatches::default() };
        let mut by_payment = SlotTableBuilder::default();
        for (slot, one) in transactions.iter() {
            by_payment.add(SlotHash::of(one.payment_id()), slot);
            if one.awaits_network {
                all.awaiting_network.insert(slot);
            }
            if !one.in_batch {
                all.old.insert(one.key(), slot);
            }
        }
        all.by_payment = by_payment.finish(|_| true);
        all.transactions = transactions;
        all
    }

    pub(crate) fn terminal(&self, terminal: u32) -> Option<&TerminalBatchState> {
        self.terminals.get(terminal as usize)
    }

    pub(crate) fn terminal_mut(&mut self, terminal: u32) -> &mut TerminalBatchState {
        while self.terminals.len() <= terminal as usize {
            self.terminals.push(TerminalBatchState::default());
        }
        self.terminals.get_mut(terminal as usize).expect("inserted above")
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> &Transaction {
        self.transactions.get(slot).expect("the slot holds a transaction")
    }

    fn get_mut(&mut self, slot: u32) -> &mut Transaction {
        self.transactions.get_mut(slot).expect("the slot holds a transaction")
    }

    /// A transaction in one of the terminal's two batches.
    #[inline]
    pub(crate) fn find(&self, terminal: u32, batch: u32, stan: Stan) -> Option<u32> {
        let list = self.terminal(terminal)?.entries_of(batch)?;
        let place = list.binary_search_by_key(&stan, |listed| listed.stan).ok()?;
        Some(list[place].slot)
    }

    /// A transaction in one of the terminal's two batches, or an older remembered one.
    pub(crate) fn find_remembered(&self, terminal: u32, batch: u32, stan: Stan) -> Option<u32> {
        let listed = self.find(terminal, batch, stan);
        listed.or_else(|| self.old.get(&(terminal, batch, stan)).copied())
    }

    /// A payment's transaction that `fits`. At most one may fit, because the table's order is not
    /// defined.
    #[inline]
    pub(crate) fn find_by_payment(
        &self,
        payment: PaymentId,
        fits: impl Fn(&Transaction) -> bool,
    ) -> Option<u32> {
        let is_it = |slot| {
            let one = self.get(slot);
            one.payment_id() == payment && fits(one)
        };
        self.by_payment.find(SlotHash::of(payment), is_it)
    }

    /// The sum of a payment's transactions that `fit`.
    pub(crate) fn sum_by_payment(
        &self,
        payment: PaymentId,
        fits: impl Fn(&Transaction) -> bool,
    ) -> Amount {
        let found = self.slots_by_payment(payment).map(|slot| self.get(slot));
        found.filter(|one| fits(one)).fold(Amount::ZERO, |sum, one| {
            sum.checked_add(one.amount).expect("refunds never exceed the amount collected")
        })
    }

    /// The first of a payment's transactions that `fit`, by terminal, batch and STAN.
    pub(crate) fn first_by_payment(
        &self,
        payment: PaymentId,
        fits: impl Fn(&Transaction) -> bool,
    ) -> Option<u32> {
        let found = self.slots_by_payment(payment).filter(|slot| fits(self.get(*slot)));
        found.min_by_key(|slot| self.get(*slot).key())
    }

    /// In no defined order.
    fn slots_by_payment(&self, payment: PaymentId) -> impl Iterator<Item = u32> {
        let found = self.by_payment.with_hash(SlotHash::of(payment));
        found.filter(move |slot| self.get(*slot).payment_id() == payment)
    }

    /// The payment's transaction that waits for the network. Call it only where at most one can.
    pub(crate) fn awaiting_network_for(&self, payment: PaymentId) -> Option<u32> {
        self.find_by_payment(payment, |one| one.awaits_network)
    }

    /// Adds a transaction to its terminal's open batch.
    pub(crate) fn add(&mut self, transaction: Transaction) -> u32 {
        let (terminal, stan, pending) =
            (transaction.terminal, transaction.stan, transaction.awaits_network);
        let hash = SlotHash::of(transaction.payment_id());
        let slot = self.transactions.insert(transaction);
        let transactions = &self.transactions;
        let hash_of = |slot| {
            let one = transactions.get(slot).expect("the slot holds a transaction");
            SlotHash::of(one.payment_id())
        };
        self.by_payment.add(hash, slot, hash_of);
        if pending {
            self.awaiting_network.insert(slot);
        }
        let list = &mut self.terminal_mut(terminal).entries;
        let place = list.partition_point(|listed| listed.stan < stan);
        list.insert(place, BatchEntry { stan, slot });
        slot
    }

    /// Records a status and, if the transaction is pending, the terminal's first response.
    pub(crate) fn record_response(
        &mut self,
        slot: u32,
        standing: TransactionStatus,
        response: TerminalResponse,
    ) {
        let one = self.get_mut(slot);
        if one.status == TransactionStatus::Pending {
            one.response_code = Some(response.code);
            one.authorisation_code = response.authorisation_code;
        }
        one.status = standing;
    }

    /// Records which payment paid a wallet order.
    pub(crate) fn set_wallet_payment(&mut self, order: u32, payment: WalletPaymentId) {
        let order = self.get_mut(order);
        assert!(order.is_wallet_order(), "only a wallet order is paid by a wallet");
        order.subject = PackedSubject::of_wallet_payment(payment);
    }

    pub(crate) fn await_network(&mut self, slot: u32) {
        self.get_mut(slot).awaits_network = true;
        self.awaiting_network.insert(slot);
    }

    pub(crate) fn stop_awaiting_network(&mut self, slot: u32) {
        self.awaiting_network.remove(&slot);
        let one = self.get_mut(slot);
        one.awaits_network = false;
        if !one.in_batch && !one.outlives_batches() {
            self.forget(slot);
        }
    }

    /// Takes transactions out of their batch and forgets those that need not outlive it.
    pub(crate) fn remove_from_batch(&mut self, list: &[BatchEntry]) {
        for BatchEntry { slot, .. } in list {
            let one = self.get_mut(*slot);
            one.in_batch = false;
            if one.outlives_batches() {
                let place = one.key();
                self.old.insert(place, *slot);
            } else {
                self.forget(*slot);
            }
        }
    }

    /// Whether none of the payment's transactions is in a batch or waits for a network.
    pub(crate) fn can_be_forgotten(&self, payment: PaymentId) -> bool {
        self.find_by_payment(payment, |one| one.in_batch || one.awaits_network).is_none()
    }

    /// Forgets a payment's transactions.
    pub(crate) fn forget_payment(&mut self, payment: PaymentId) {
        while let Some(slot) = self.find_by_payment(payment, |_| true) {
            self.forget(slot);
        }
    }

    fn forget(&mut self, slot: u32) {
        let place = self.get(slot).key();
        // Traces restart one day: the key may belong to another transaction.
        if self.old.get(&place) == Some(&slot) {
            self.old.remove(&place);
        }
        self.by_payment.remove(SlotHash::of(self.get(slot).payment_id()), slot);
        self.transactions.remove(slot);
    }

    pub(crate) fn totals(&self, list: &[BatchEntry]) -> BatchTotals {
        let mut totals = BatchTotals::default();
        for BatchEntry { slot, .. } in list {
            let one = self.get(*slot);
            if one.status != TransactionStatus::Approved {
                continue;
            }
            let sums: &mut CountAndAmount = match one.column {
                TotalsColumn::NotCounted => continue,
                TotalsColumn::CardDebit => &mut totals.card_debits,
                TotalsColumn::CardCredit => &mut totals.card_credits,
                TotalsColumn::OtherDebit => &mut totals.other_debits,
                TotalsColumn::OtherCredit => &mut totals.other_credits,
            };
            sums.count += 1;
            sums.amount = sums.amount.checked_add(one.amount).unwrap_or(Amount::MAX);
        }
        totals
    }
}
