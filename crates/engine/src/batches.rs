//! What is remembered of terminals' transactions: each terminal's open batch and the last closed
//! one with anything in it, everything that somebody has to be asked about, however old, and as
//! long as their parcels what may be named at any time: wallets' orders and pre-authorisations. And
//! which numbers of the open batch nothing may take any more.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;

use borsh::{BorshDeserialize, BorshSerialize};
use chunks::{Chunked, Slab};
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use money::Amount;

use crate::door::{BatchLine, BatchTotals, Mark, Sent, Sums, TRACE_NUMBER_MAX, TransactionKind};
use crate::ids::{ParcelId, TenderId};
use crate::time::Timestamp;

// There are dozens a terminal and day.
const _: () = assert!(size_of::<Transaction>() == 72 && size_of::<Door>() <= 96);

/// Whether a transaction counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Standing {
    /// It waits for its first answer.
    Waiting,
    /// It was approved.
    Stands,
    /// It was declined, or nobody knew in time.
    Fell,
    /// It was reversed, or is being.
    Reversed,
}

/// Where a transaction counts in its batch, if it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Column {
    Nowhere,
    CardDebit,
    CardCredit,
    OtherDebit,
    OtherCredit,
}

/// A transaction of a terminal. 72 bytes, and 8 in its batch's list.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Transaction {
    pub parcel: ParcelId,
    pub token: u64,
    pub amount: Amount,
    pub sent_at: Timestamp,
    pub sent_stan: u32,
    /// The terminal's number in the registry.
    pub terminal: u32,
    pub batch: u32,
    pub stan: u32,
    pub date: u16,
    /// The tender's number.
    pub number: u8,
    pub kind: TransactionKind,
    /// What the terminal was told first, once it does not wait.
    pub code: [u8; 2],
    /// With that; of a wallet's order, by which payment it was paid.
    pub authorisation: [u8; 6],
    pub standing: Standing,
    pub column: Column,
    /// It is in one of the terminal's two batches.
    pub listed: bool,
    /// Somebody has to be asked about it.
    pub chased: bool,
}

impl Transaction {
    pub(crate) fn tender(&self) -> TenderId {
        TenderId { parcel: self.parcel, number: self.number }
    }

    /// Its terminal, batch and number.
    pub(crate) fn place(&self) -> (u32, u32, u32) {
        (self.terminal, self.batch, self.stan)
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { date: self.date, token: self.token }
    }

    pub(crate) fn sent(&self) -> Sent {
        Sent { stan: self.sent_stan, at: self.sent_at }
    }

    pub(crate) fn answer(&self) -> Option<[u8; 2]> {
        (self.standing != Standing::Waiting).then_some(self.code)
    }

    /// Its line in the batch, if it counts there.
    pub(crate) fn line(&self) -> Option<BatchLine> {
        let credit = match self.column {
            Column::Nowhere => return None,
            Column::CardDebit | Column::OtherDebit => false,
            Column::CardCredit | Column::OtherCredit => true,
        };
        let stands = self.standing == Standing::Stands;
        stands.then_some(BatchLine { stan: self.stan, amount: self.amount, credit })
    }

    /// Whether a wallet knows it as an order.
    pub(crate) fn is_order(&self) -> bool {
        self.kind == TransactionKind::Qr
    }

    /// Whether a terminal can ask for it to be completed, or not any more.
    pub(crate) fn is_promise(&self) -> bool {
        self.kind == TransactionKind::PreAuthorisation
    }

    /// Whether it is remembered without being in a batch.
    pub(crate) fn outlasts_batches(&self) -> bool {
        self.chased || self.is_order() || self.is_promise()
    }

    /// Whether it is what took a tender's money, or the promise of it.
    pub(crate) fn took_money(&self) -> bool {
        use TransactionKind as K;
        matches!(
            self.kind,
            K::Sale | K::PreAuthorisation | K::Completion | K::Qr | K::Advice | K::Cash
        )
    }
}

/// Where a transaction of a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Listed {
    pub stan: u32,
    pub slot: u32,
}

/// How far a closed batch is agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Agreement {
    Agreed,
    /// The totals differ; the lines are expected.
    Disputed,
    /// The totals differed, the lines were compared.
    Reconciled,
}

/// A terminal's last closed batch that had something in it, or was disputed.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Closed {
    pub batch: u32,
    pub theirs: BatchTotals,
    pub agreement: Agreement,
    pub list: Vec<Listed>,
}

/// What a terminal does, beside who has it. At most 96 bytes while it is idle.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Door {
    /// The last batch that was opened; 0 for none.
    pub batch: u32,
    pub open: bool,
    /// The open batch's transactions, by their numbers.
    pub list: Vec<Listed>,
    pub closed: Option<Box<Closed>>,
    /// One offline sale at the most.
    pub offline_each: Amount,
    /// Offline sales that the network has not answered, at the most, and so far.
    pub offline_total: Amount,
    pub offline_unanswered: Amount,
}

impl Door {
    /// The list of a batch that is remembered.
    pub(crate) fn list_of(&self, batch: u32) -> Option<&[Listed]> {
        if self.open && self.batch == batch {
            return Some(&self.list);
        }
        match &self.closed {
            Some(closed) if closed.batch == batch => Some(&closed.list),
            _ => self.closed_empty(batch).then_some(&[]),
        }
    }

    /// Whether the terminal closed that batch last, with nothing in it: such a batch does not take
    /// the place of the one before, and is known by its number alone.
    pub(crate) fn closed_empty(&self, batch: u32) -> bool {
        let last = match self.batch {
            last if !self.open => last,
            // The numbers began again.
            1 if self.closed.is_some() => TRACE_NUMBER_MAX,
            open => open.saturating_sub(1),
        };
        let empty = self.closed.as_ref().is_none_or(|closed| closed.batch != batch);
        batch == last && batch > 0 && empty
    }
}

/// All terminals' doings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doors {
    /// By the terminal's number; those beyond the end have done nothing.
    pub doors: Chunked<Door>,
    pub transactions: Slab<Transaction>,
    /// The transactions by their tenders. A tender can have several.
    by_tender: HashTable<u32>,
    hasher: FixedState,
    /// Those that somebody has to be asked about.
    pub chased: BTreeSet<u32>,
    /// Numbers in open batches, by their terminals', that were reversed before anything came under
    /// them.
    pub unheard: BTreeSet<(u32, u32)>,
    /// Those that are in no batch any more and are remembered, by terminal, batch and number.
    old: BTreeMap<(u32, u32, u32), u32>,
}

impl Doors {
    /// Puts the parts of a snapshot together.
    pub(crate) fn new(
        doors: Chunked<Door>,
        transactions: Slab<Transaction>,
        unheard: BTreeSet<(u32, u32)>,
    ) -> Doors {
        let mut all = Doors { doors, transactions, unheard, ..Doors::default() };
        let slots: Vec<u32> = all.transactions.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            all.index(slot);
            let one = all.get(slot);
            let (chased, listed, place) = (one.chased, one.listed, one.place());
            if chased {
                all.chased.insert(slot);
            }
            if !listed {
                all.old.insert(place, slot);
            }
        }
        all
    }

    pub(crate) fn door(&self, terminal: u32) -> Option<&Door> {
        self.doors.get(terminal as usize)
    }

    pub(crate) fn door_mut(&mut self, terminal: u32) -> &mut Door {
        while self.doors.len() <= terminal as usize {
            self.doors.push(Door::default());
        }
        self.doors.get_mut(terminal as usize).expect("it was just made")
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> &Transaction {
        self.transactions.get(slot).expect("the slot is a transaction's")
    }

    fn get_mut(&mut self, slot: u32) -> &mut Transaction {
        self.transactions.get_mut(slot).expect("the slot is a transaction's")
    }

    /// A transaction of one of the terminal's two batches.
    #[inline]
    pub(crate) fn find(&self, terminal: u32, batch: u32, stan: u32) -> Option<u32> {
        let list = self.door(terminal)?.list_of(batch)?;
        let place = list.binary_search_by_key(&stan, |listed| listed.stan).ok()?;
        Some(list[place].slot)
    }

    /// A transaction of the terminal's two batches, or an older one that is remembered.
    pub(crate) fn find_old(&self, terminal: u32, batch: u32, stan: u32) -> Option<u32> {
        let listed = self.find(terminal, batch, stan);
        listed.or_else(|| self.old.get(&(terminal, batch, stan)).copied())
    }

    /// Whether a number in the terminal's open batch was reversed before anything came under it.
    #[inline]
    pub(crate) fn was_reversed_unheard(&self, terminal: u32, stan: u32) -> bool {
        self.unheard.contains(&(terminal, stan))
    }

    /// All such numbers of a terminal.
    pub(crate) fn reversed_unheard(&self, terminal: u32) -> impl Iterator<Item = u32> {
        self.unheard.range((terminal, 0)..=(terminal, u32::MAX)).map(|(_, stan)| *stan)
    }

    /// The terminal's batch is closed: nothing begins in it any more.
    pub(crate) fn forget_unheard(&mut self, terminal: u32) {
        let over: Vec<u32> = self.reversed_unheard(terminal).collect();
        for stan in over {
            self.unheard.remove(&(terminal, stan));
        }
    }

    fn index(&mut self, slot: u32) {
        let (transactions, hasher) = (&self.transactions, self.hasher.clone());
        let tender =
            |slot: u32| transactions.get(slot).expect("the slot is a transaction's").tender();
        let hash = hasher.hash_one(tender(slot));
        self.by_tender.insert_unique(hash, slot, |&other| hasher.hash_one(tender(other)));
    }

    /// The one transaction of a tender that `fits`. Where several could, the order in which they
    /// are looked at must not matter.
    #[inline]
    pub(crate) fn of_tender(
        &self,
        tender: TenderId,
        fits: impl Fn(&Transaction) -> bool,
    ) -> Option<u32> {
        if self.by_tender.is_empty() {
            return None;
        }
        let is_it = |slot: &u32| {
            let one = self.get(*slot);
            one.tender() == tender && fits(one)
        };
        self.by_tender.find(self.hasher.hash_one(tender), is_it).copied()
    }

    /// The one transaction of a tender that has to be chased, where there can be only one.
    pub(crate) fn chased_of(&self, tender: TenderId) -> Option<u32> {
        self.of_tender(tender, |one| one.chased)
    }

    /// Adds a transaction to its terminal's open batch.
    pub(crate) fn add(&mut self, transaction: Transaction) -> u32 {
        let (terminal, stan, chased) = (transaction.terminal, transaction.stan, transaction.chased);
        let slot = self.transactions.insert(transaction);
        self.index(slot);
        if chased {
            self.chased.insert(slot);
        }
        let list = &mut self.door_mut(terminal).list;
        let place = list.partition_point(|listed| listed.stan < stan);
        list.insert(place, Listed { stan, slot });
        slot
    }

    /// Writes down what came of a transaction; what the terminal was told first stays.
    pub(crate) fn answer(
        &mut self,
        slot: u32,
        standing: Standing,
        (code, authorisation): ([u8; 2], [u8; 6]),
    ) {
        let one = self.get_mut(slot);
        if one.standing == Standing::Waiting {
            (one.code, one.authorisation) = (code, authorisation);
        }
        one.standing = standing;
    }

    /// Writes down by which payment an order was paid.
    pub(crate) fn name_payment(&mut self, order: u32, payment: [u8; 6]) {
        self.get_mut(order).authorisation = payment;
    }

    /// Somebody has to be asked about it from now on.
    pub(crate) fn chase(&mut self, slot: u32) {
        self.get_mut(slot).chased = true;
        self.chased.insert(slot);
    }

    /// Nobody has to be asked about it any more.
    pub(crate) fn let_go(&mut self, slot: u32) {
        self.chased.remove(&slot);
        let one = self.get_mut(slot);
        one.chased = false;
        if !one.listed && !one.outlasts_batches() {
            self.forget(slot);
        }
    }

    /// A batch's transactions are not listed any more.
    pub(crate) fn unlist(&mut self, list: &[Listed]) {
        for Listed { slot, .. } in list {
            let one = self.get_mut(*slot);
            one.listed = false;
            if one.outlasts_batches() {
                let place = one.place();
                self.old.insert(place, *slot);
            } else {
                self.forget(*slot);
            }
        }
    }

    /// Whether a tender's transactions are over: neither in a batch, nor to be asked about.
    pub(crate) fn are_over(&self, tender: TenderId) -> bool {
        self.of_tender(tender, |one| one.listed || one.chased).is_none()
    }

    /// A tender is forgotten, and its transactions with it; they are over.
    pub(crate) fn forget_tender(&mut self, tender: TenderId) {
        while let Some(slot) = self.of_tender(tender, |_| true) {
            self.forget(slot);
        }
    }

    fn forget(&mut self, slot: u32) {
        let place = self.get(slot).place();
        // Numbers begin again one day: the place may be another one's.
        if self.old.get(&place) == Some(&slot) {
            self.old.remove(&place);
        }
        let hash = self.hasher.hash_one(self.get(slot).tender());
        let entry = self.by_tender.find_entry(hash, |&other| other == slot);
        entry.expect("each transaction is in the index").remove();
        self.transactions.remove(slot);
    }

    /// What the transactions of a list add up to.
    pub(crate) fn totals(&self, list: &[Listed]) -> BatchTotals {
        let mut totals = BatchTotals::default();
        for Listed { slot, .. } in list {
            let one = self.get(*slot);
            if one.standing != Standing::Stands {
                continue;
            }
            let sums: &mut Sums = match one.column {
                Column::Nowhere => continue,
                Column::CardDebit => &mut totals.card_debits,
                Column::CardCredit => &mut totals.card_credits,
                Column::OtherDebit => &mut totals.other_debits,
                Column::OtherCredit => &mut totals.other_credits,
            };
            sums.count += 1;
            sums.amount = sums.amount.checked_add(one.amount).unwrap_or(Amount::MAX);
        }
        totals
    }
}
