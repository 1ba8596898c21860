//! The whole state as bytes.
//!
//! A snapshot is a list of parts of about [`SNAPSHOT_PART_BYTES`]. One part holds all small tables;
//! the others hold records of one table each. The digest is SHA-256 over all parts in order, so
//! reading a snapshot verifies it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use borsh::{BorshDeserialize, BorshSerialize};
use chunks::{ChunkedVec, Slab};
use ledger::{Account, Ledger, LedgerParts};
use machine::Timestamp;
use sha2::{Digest as _, Sha256};
use tariff::Fees;

use crate::books::{Books, Digest};
use crate::breaks::index::LineBreaks;
use crate::clearing::payment::PaymentClearing;
use crate::ids::{OpenItemId, PaymentId};
use crate::parcel::index::ParcelSlot;
use crate::parcel::record::{NO_PAYMENT, Parcel};
use crate::party::persons::Person;
use crate::party::record::{Bank, Courier, Firm, Rail, Seller, Terminal, Withdrawal};
use crate::party::registry::{RegisteredParty, Registry};
use crate::payment::codes::Stan;
use crate::payment::record::{PaymentRecord, RefundConfirmation, RefundRecord};
use crate::reference_data::ReferenceData;
use crate::terminal::batches::{TerminalBatchState, TerminalBatches, Transaction};
use crate::terminal::open_items::{EndedOpenItem, OpenItem, OpenItemTables, OpenItems};

/// Newest format, which each part begins with. A program rejects parts of another format.
const FORMAT: u16 = 10;

/// Approximate length of a part.
pub const SNAPSHOT_PART_BYTES: usize = 1 << 20;

/// Why a snapshot cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError<E> {
    #[error("{0}")]
    Read(E),
    #[error(
        "the snapshot has format {found}, this program supports up to {FORMAT}: use a newer program"
    )]
    Newer { found: u16 },
    #[error("the snapshot is damaged: {0}")]
    Damaged(String),
}

/// The state at one moment, independent of further commands. Making one copies pointers, not
/// records.
#[derive(Debug)]
pub struct Snapshot {
    head: Head,
    accounts: ChunkedVec<Account>,
    owners: ChunkedVec<u64>,
    banks: ChunkedVec<Bank>,
    firms: ChunkedVec<Firm>,
    couriers: ChunkedVec<Courier>,
    persons: ChunkedVec<Person>,
    terminals: ChunkedVec<Terminal>,
    rails: ChunkedVec<Rail>,
    sellers: ChunkedVec<Seller>,
    parcels: Slab<Parcel>,
    items: Slab<PaymentRecord>,
    terminal_batches: ChunkedVec<TerminalBatchState>,
    transactions: Slab<Transaction>,
    withdrawn: BTreeMap<u16, Withdrawal>,
    open_items: OpenItemTables,
    reversed_without_original: BTreeSet<(u32, Stan)>,
    refunds: BTreeMap<(PaymentId, u8), RefundRecord>,
    refund_confirmations: BTreeMap<(PaymentId, u8), RefundConfirmation>,
    shared_fees: BTreeMap<PaymentId, Fees>,
    clearings: BTreeMap<PaymentId, PaymentClearing>,
}

#[derive(Debug, BorshSerialize, BorshDeserialize)]
struct Head {
    last_at: Timestamp,
    fingerprint: u64,
    small: ReferenceData,
    ledger: LedgerParts,
    first_free_parcel: u32,
    first_free_item: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
enum Table {
    Head,
    Accounts,
    Banks,
    Firms,
    Couriers,
    Terminals,
    Rails,
    Sellers,
    Parcels,
    Payments,
    End,
    TerminalBatches,
    Transactions,
    /// First free slot of the transactions.
    FreeTransaction,
    Withdrawn,
    OpenItems,
    /// STANs of reversals without original.
    ReversalsWithoutOriginal,
    Refunds,
    RefundConfirmations,
    EndedOpenItems,
    SharedFees,
    Persons,
    Clearings,
}

impl Books {
    /// The state now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            head: Head {
                last_at: self.last_at,
                fingerprint: self.fingerprint,
                small: self.reference_data.clone(),
                ledger: self.ledger.ledger.to_parts(),
                first_free_parcel: self.parcels.first_free(),
                first_free_item: self.payments.first_free(),
            },
            accounts: self.ledger.ledger.shared_accounts(),
            owners: self.ledger.owners.clone(),
            banks: self.banks.parties().clone(),
            firms: self.firms.parties().clone(),
            couriers: self.couriers.parties().clone(),
            persons: self.persons.parties().clone(),
            terminals: self.terminals.parties().clone(),
            rails: self.rails.parties().clone(),
            sellers: self.sellers.parties().clone(),
            parcels: self.parcels.clone(),
            items: self.payments.clone(),
            terminal_batches: self.terminal_batches.terminals.clone(),
            transactions: self.terminal_batches.transactions.clone(),
            withdrawn: self.withdrawn_networks.clone(),
            open_items: self.open_items.tables(),
            reversed_without_original: self.terminal_batches.reversed_without_original.clone(),
            refunds: self.refunds.clone(),
            refund_confirmations: self.refund_confirmations.clone(),
            shared_fees: self.shared_fees.clone(),
            clearings: self.clearings.clone(),
        }
    }

    /// Restores books and checks that the digest of the parts is `expected`.
    ///
    /// # Errors
    /// If the parts cannot be read, are of a newer format, or are damaged.
    pub fn restore<E>(
        parts: impl IntoIterator<Item = Result<Vec<u8>, E>>,
        expected: Digest,
    ) -> Result<Books, RestoreError<E>> {
        let (unchecked, digest) = UncheckedBooks::read(parts)?;
        if digest != expected {
            let what = format!("its digest is {digest}, not {expected}");
            return Err(RestoreError::Damaged(what));
        }
        unchecked.finish().map_err(RestoreError::Damaged)
    }
}

/// Books read from parts whose digest is not compared yet.
pub struct UncheckedBooks(Reader);

impl UncheckedBooks {
    /// Reads parts and gives their digest.
    ///
    /// # Errors
    /// If the parts cannot be read, are of a newer format, or are damaged.
    pub fn read<E>(
        parts: impl IntoIterator<Item = Result<Vec<u8>, E>>,
    ) -> Result<(UncheckedBooks, Digest), RestoreError<E>> {
        let mut hasher = Sha256::new();
        let mut reader = Reader::default();
        for part in parts {
            let part = part.map_err(RestoreError::Read)?;
            hasher.update(&part);
            let format = part.get(..2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
            match format {
                Some(FORMAT) => {}
                Some(found) if found > FORMAT => return Err(RestoreError::Newer { found }),
                _ => return Err(RestoreError::Damaged("a part has an unknown format".into())),
            }
            let read = reader.part(&part[2..]);
            read.map_err(|error| RestoreError::Damaged(error.to_string()))?;
        }
        Ok((UncheckedBooks(reader), Digest(hasher.finalize().into())))
    }

    /// Puts the books together. Call it only if the digest is the expected one.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn finish(self) -> Result<Books, String> {
        self.0.finish()
    }
}

impl Snapshot {
    /// Writes all parts in order and returns their digest. Frees each chunk after writing it, the
    /// parcels first, because they change most.
    ///
    /// # Errors
    /// Whatever `sink` gives.
    pub fn write<E>(self, sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<Digest, E> {
        let mut writer = Writer { sink, part: Vec::new(), count: 0, hasher: Sha256::new() };
        self.parcels.consume(|slot| writer.record(Table::Parcels, &slot))?;
        writer.end_part()?;
        writer.record(Table::Head, &self.head)?;
        writer.end_part()?;
        let accounts = self.accounts.iter().zip(self.owners.iter());
        writer.table(Table::Accounts, accounts.map(AccountRow))?;
        writer.table(Table::Banks, self.banks.iter())?;
        writer.table(Table::Firms, self.firms.iter())?;
        writer.table(Table::Couriers, self.couriers.iter())?;
        writer.table(Table::Persons, self.persons.iter())?;
        writer.table(Table::Terminals, self.terminals.iter())?;
        writer.table(Table::Rails, self.rails.iter())?;
        writer.table(Table::Sellers, self.sellers.iter())?;
        self.items.consume(|slot| writer.record(Table::Payments, &slot))?;
        writer.end_part()?;
        writer.table(Table::TerminalBatches, self.terminal_batches.iter())?;
        if self.transactions.slots() > 0 {
            writer.table(Table::FreeTransaction, [&self.transactions.first_free()])?;
        }
        self.transactions.consume(|slot| writer.record(Table::Transactions, &slot))?;
        writer.end_part()?;
        writer.table(Table::Withdrawn, self.withdrawn.iter())?;
        let (open_items, ended_open_items) = &self.open_items;
        writer.table(Table::OpenItems, open_items.iter())?;
        writer.table(Table::EndedOpenItems, ended_open_items.iter())?;
        writer.table(Table::ReversalsWithoutOriginal, self.reversed_without_original.iter())?;
        writer.table(Table::Refunds, self.refunds.iter())?;
        writer.table(Table::RefundConfirmations, self.refund_confirmations.iter())?;
        writer.table(Table::SharedFees, self.shared_fees.iter())?;
        writer.table(Table::Clearings, self.clearings.iter())?;
        writer.table(Table::End, [&0_u8])?;
        Ok(Digest(writer.hasher.finalize().into()))
    }

    #[must_use]
    pub fn digest(self) -> Digest {
        let digest: Result<Digest, std::convert::Infallible> = self.write(|_| Ok(()));
        match digest {
            Ok(digest) => digest,
            Err(never) => match never {},
        }
    }
}

struct AccountRow<'a>((&'a Account, &'a u64));

impl BorshSerialize for AccountRow<'_> {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        self.0.0.serialize(writer)?;
        self.0.1.serialize(writer)
    }
}

struct Writer<S> {
    sink: S,
    part: Vec<u8>,
    count: u32,
    hasher: Sha256,
}

/// Offset of a part's record count, after the format and the table.
const COUNT_AT: usize = 3;

impl<S> Writer<S> {
    fn table<E, T: BorshSerialize>(
        &mut self,
        table: Table,
        records: impl IntoIterator<Item = T>,
    ) -> Result<(), E>
    where
        S: FnMut(&[u8]) -> Result<(), E>,
    {
        for record in records {
            self.record(table, &record)?;
        }
        self.end_part()
    }

    fn record<E, T: BorshSerialize>(&mut self, table: Table, record: &T) -> Result<(), E>
    where
        S: FnMut(&[u8]) -> Result<(), E>,
    {
        if self.count == 0 {
            self.part.clear();
            self.part.extend_from_slice(&FORMAT.to_le_bytes());
            self.part.push(table as u8);
            self.part.extend_from_slice(&[0; 4]);
        }
        record.serialize(&mut self.part).expect("writing into memory does not fail");
        self.count += 1;
        if self.part.len() >= SNAPSHOT_PART_BYTES { self.end_part() } else { Ok(()) }
    }

    fn end_part<E>(&mut self) -> Result<(), E>
    where
        S: FnMut(&[u8]) -> Result<(), E>,
    {
        if self.count == 0 {
            return Ok(());
        }
        self.part[COUNT_AT..COUNT_AT + 4].copy_from_slice(&self.count.to_le_bytes());
        self.count = 0;
        self.hasher.update(&self.part);
        (self.sink)(&self.part)
    }
}

/// Tables read so far.
#[derive(Default)]
struct Reader {
    head: Option<Head>,
    accounts: Vec<Account>,
    owners: ChunkedVec<u64>,
    books: Books,
    terminal_batches: ChunkedVec<TerminalBatchState>,
    transactions: Slab<Transaction>,
    first_free_transaction: Option<u32>,
    reversed_without_original: BTreeSet<(u32, Stan)>,
    open_items: OpenItemTables,
    ended: bool,
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Reader {
    fn part(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if self.ended {
            return Err(bad("a part follows the last one"));
        }
        let bytes = &mut bytes;
        let table = Table::deserialize_reader(bytes)?;
        let count = u32::deserialize_reader(bytes)?;
        for _ in 0..count {
            self.record(table, bytes)?;
        }
        if bytes.is_empty() { Ok(()) } else { Err(bad("a part is longer than its records")) }
    }

    fn record(&mut self, table: Table, bytes: &mut &[u8]) -> io::Result<()> {
        match table {
            Table::Head => self.head = Some(Head::deserialize_reader(bytes)?),
            Table::Accounts => {
                self.accounts.push(Account::deserialize_reader(bytes)?);
                self.owners.push(u64::deserialize_reader(bytes)?);
            }
            Table::Banks => register(&mut self.books.banks, bytes)?,
            Table::Firms => register(&mut self.books.firms, bytes)?,
            Table::Couriers => register(&mut self.books.couriers, bytes)?,
            Table::Persons => register(&mut self.books.persons, bytes)?,
            Table::Terminals => register(&mut self.books.terminals, bytes)?,
            Table::Rails => register(&mut self.books.rails, bytes)?,
            Table::Sellers => register(&mut self.books.sellers, bytes)?,
            Table::Parcels => {
                self.books.parcels.push_slot(Result::<Parcel, u32>::deserialize_reader(bytes)?);
            }
            Table::Payments => {
                self.books
                    .payments
                    .push_slot(Result::<PaymentRecord, u32>::deserialize_reader(bytes)?);
            }
            Table::End => {
                u8::deserialize_reader(bytes)?;
                self.ended = true;
            }
            Table::TerminalBatches => {
                self.terminal_batches.push(TerminalBatchState::deserialize_reader(bytes)?);
            }
            Table::Transactions => {
                let slot = Result::<Transaction, u32>::deserialize_reader(bytes)?;
                self.transactions.push_slot(slot);
            }
            Table::FreeTransaction => {
                self.first_free_transaction = Some(u32::deserialize_reader(bytes)?);
            }
            Table::Withdrawn => {
                let (network, one) = <(u16, Withdrawal)>::deserialize_reader(bytes)?;
                self.books.withdrawn_networks.insert(network, one);
            }
            Table::OpenItems => {
                let (id, item) = <(OpenItemId, OpenItem)>::deserialize_reader(bytes)?;
                self.open_items.0.insert(id, item);
            }
            Table::EndedOpenItems => {
                let (id, one) = <(OpenItemId, EndedOpenItem)>::deserialize_reader(bytes)?;
                self.open_items.1.insert(id, one);
            }
            Table::ReversalsWithoutOriginal => {
                self.reversed_without_original.insert(<(u32, Stan)>::deserialize_reader(bytes)?);
            }
            Table::Refunds => {
                let (number, refund) =
                    <((PaymentId, u8), RefundRecord)>::deserialize_reader(bytes)?;
                self.books.refunds.insert(number, refund);
            }
            Table::RefundConfirmations => {
                let (number, confirmation) =
                    <((PaymentId, u8), RefundConfirmation)>::deserialize_reader(bytes)?;
                self.books.refund_confirmations.insert(number, confirmation);
            }
            Table::SharedFees => {
                let (payment, fees) = <(PaymentId, Fees)>::deserialize_reader(bytes)?;
                self.books.shared_fees.insert(payment, fees);
            }
            Table::Clearings => {
                let (payment, one) = <(PaymentId, PaymentClearing)>::deserialize_reader(bytes)?;
                self.books.clearings.insert(payment, one);
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Books, String> {
        let Reader { head: Some(head), accounts, owners, mut books, ended: true, .. } = self else {
            return Err("its first or last part is missing".into());
        };
        let (terminals, mut transactions) = (self.terminal_batches, self.transactions);
        if owners.len() != accounts.len() {
            return Err("the numbers of accounts and owners differ".into());
        }
        books.ledger.ledger =
            Ledger::from_parts(head.ledger, accounts).map_err(|error| error.to_string())?;
        books.ledger.owners = owners;
        books.line_breaks = LineBreaks::of(&head.small);
        books.reference_data = head.small;
        books.last_at = head.last_at;
        books.fingerprint = head.fingerprint;
        let closed = books.parcels.finish_slots(head.first_free_parcel);
        if !closed || !books.payments.finish_slots(head.first_free_item) {
            return Err("its free slots are inconsistent".into());
        }
        let first_free = self.first_free_transaction.unwrap_or(transactions.first_free());
        if !transactions.finish_slots(first_free) {
            return Err("its free transaction slots are inconsistent".into());
        }
        books.terminal_batches =
            TerminalBatches::new(terminals, transactions, self.reversed_without_original);
        books.open_items = OpenItems::new(self.open_items);
        books.pre_authorisations = books.open_pre_authorisations();
        books.rebuild_index();
        for (courier, slot) in books.all_out().collect::<Vec<_>>() {
            books.note_out(courier, slot);
        }
        Ok(books)
    }
}

fn register<T>(registry: &mut Registry<T>, bytes: &mut &[u8]) -> io::Result<()>
where
    T: RegisteredParty + Clone + Default + BorshDeserialize,
{
    let party = T::deserialize_reader(bytes)?;
    if registry.number(party.id()).is_some() {
        return Err(bad("a party is in it twice"));
    }
    registry.add(party);
    Ok(())
}

impl Books {
    /// Adds every open parcel, every closed one at its newest record (no other record or open
    /// parcel points at it), and every courier's remembered hand-overs.
    fn rebuild_index(&mut self) {
        let mut is_older = vec![false; self.payments.slots()];
        let open = self.parcels.iter().map(|(_, parcel)| parcel.last_payment);
        let older = self.payments.iter().map(|(_, item)| item.previous);
        for slot in open.chain(older).filter(|&slot| slot != NO_PAYMENT) {
            if let Some(is_older) = is_older.get_mut(slot as usize) {
                *is_older = true;
            }
        }
        let newest = self.payments.iter().filter(|(slot, _)| !is_older[*slot as usize]);
        let (parcels, items) = (&self.parcels, &self.payments);
        self.index.reserve(parcels.len() + items.len(), parcels, items);
        for (slot, parcel) in parcels.iter() {
            self.index.add(parcel.id, ParcelSlot::Open(slot), parcels, items);
        }
        for (slot, item) in newest {
            self.index.add(item.parcel, ParcelSlot::Closed(slot), parcels, items);
        }
        let couriers = (0..).zip(self.couriers.iter());
        let handovers = couriers.flat_map(|(number, courier)| {
            courier.handovers.iter().map(move |one| (one.id, number))
        });
        self.hand_over_couriers = handovers.collect();
    }
}
