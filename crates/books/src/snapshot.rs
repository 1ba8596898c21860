//! The whole state as bytes.
//!
//! A snapshot is a list of parts. A large table has a part for each of its chunks, so that a chunk
//! that has not changed since an earlier snapshot need not be written again ([`PartSink`]). The
//! records of the other tables are in parts of about [`SNAPSHOT_PART_BYTES`]. The digest is SHA-256
//! over the SHA-256 of each part in order, so reading a snapshot verifies it.

use std::collections::BTreeMap;
use std::io;

use borsh::{BorshDeserialize, BorshSerialize};
use chunks::{CHUNK_RECORDS, ChunkedVec, LooseSlots, Slab, SlabBuilder};
use ledger::{Account, Ledger, LedgerParts};
use machine::Timestamp;
use sha2::{Digest as _, Sha256};
use tariff::{BusinessDate, Fees};

use crate::books::{Books, Digest};
use crate::breaks::index::LineBreaks;
use crate::clearing::payment::PaymentClearing;
use crate::ids::{OpenItemId, ParcelId, PaymentId};
use crate::parcel::index::{IndexBuilder, ParcelSlot};
use crate::parcel::record::{NO_PAYMENT, OpenParcelStatus, Parcel};
use crate::party::persons::Person;
use crate::party::record::{Bank, Courier, Firm, Rail, Seller, Terminal, Withdrawal};
use crate::party::registry::{RegisteredParty, Registry};
use crate::payment::record::{PaymentRecord, RefundConfirmation, RefundRecord};
use crate::reference_data::ReferenceData;
use crate::slot_table::SlotHash;
use crate::terminal::batches::{TerminalBatchState, TerminalBatches, Transaction};
use crate::terminal::open_items::{EndedOpenItem, OpenItem, OpenItemTables, OpenItems};
use crate::used_numbers::UsedNumbers;

/// Newest format, which each part begins with. A program rejects parts of another format.
const FORMAT: u16 = 15;

/// Approximate length of a part that is not a chunk.
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

/// A chunk of a large table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkId {
    /// A number of the table.
    pub table: u8,
    /// The chunk's place in the table.
    pub number: u32,
    /// In the snapshots of one engine, a chunk with the same table, number and `written` has the
    /// same content.
    pub written: u64,
}

/// Takes the parts of a snapshot.
pub trait PartSink {
    type Error;

    /// The SHA-256 of a chunk's part, if the sink has that part already. Then it is not written.
    fn kept(&mut self, chunk: ChunkId) -> Result<Option<[u8; 32]>, Self::Error>;

    /// Takes the next part, which may be a chunk, and gives its SHA-256.
    fn write(&mut self, chunk: Option<ChunkId>, part: &[u8]) -> Result<[u8; 32], Self::Error>;
}

/// Takes every part anew.
pub struct EveryPart<S>(pub S);

impl<E, S: FnMut(&[u8]) -> Result<(), E>> PartSink for EveryPart<S> {
    type Error = E;

    fn kept(&mut self, _: ChunkId) -> Result<Option<[u8; 32]>, E> {
        Ok(None)
    }

    fn write(&mut self, _: Option<ChunkId>, part: &[u8]) -> Result<[u8; 32], E> {
        (self.0)(part)?;
        Ok(Sha256::digest(part).into())
    }
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
    withdrawals: BTreeMap<u16, UsedNumbers<Withdrawal>>,
    open_items: OpenItemTables,
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
            withdrawals: self.withdrawals.clone(),
            open_items: self.open_items.tables(),
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
        let mut unchecked = UncheckedBooks::default();
        for part in parts {
            let part = part.map_err(RestoreError::Read)?;
            unchecked.add(&Sha256::digest(&part).into(), DecodedBooksPart::decode(&part)?)?;
        }
        let digest = unchecked.digest();
        if digest != expected {
            let what = format!("its digest is {digest}, not {expected}");
            return Err(RestoreError::Damaged(what));
        }
        unchecked.finish().map_err(RestoreError::Damaged)
    }
}

/// Books that are put together from parts whose digest is not compared yet.
#[derive(Default)]
pub struct UncheckedBooks {
    reader: Reader,
    hasher: Sha256,
}

impl UncheckedBooks {
    /// Adds the next part, whose SHA-256 is `hash`. Returns which chunk it is.
    ///
    /// # Errors
    /// If the part is damaged or in the wrong place.
    pub fn add<E>(
        &mut self,
        hash: &[u8; 32],
        part: DecodedBooksPart,
    ) -> Result<Option<ChunkId>, RestoreError<E>> {
        self.hasher.update(hash);
        self.reader.part(part).map_err(|error| RestoreError::Damaged(error.to_string()))
    }

    /// The digest of the parts.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest(self.hasher.clone().finalize().into())
    }

    /// Puts the books together. Call it only if the digest is the expected one.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn finish(self) -> Result<Books, String> {
        self.reader.finish()
    }
}

impl Snapshot {
    /// Writes all parts in order and returns their digest.
    ///
    /// # Errors
    /// Whatever `sink` gives.
    pub fn write<E>(self, sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<Digest, E> {
        self.write_to(&mut EveryPart(sink))
    }

    /// Writes the parts that `sink` does not have, in order, and returns the digest of all. Frees
    /// each chunk after writing it, the parcels first, because they change most.
    ///
    /// # Errors
    /// Whatever `sink` gives.
    pub fn write_to<S: PartSink>(self, sink: &mut S) -> Result<Digest, S::Error> {
        let mut writer = Writer { sink, part: Vec::new(), count: 0, hasher: Sha256::new() };
        writer.slots(Table::Parcels, self.parcels)?;
        writer.record(Table::Head, &self.head)?;
        writer.end_part(None)?;
        let owners = self.owners;
        // An account and its owner are added together, and the owner stays.
        writer.chunks(Table::Accounts, self.accounts, |account, place, part| {
            account.serialize(part)?;
            owners.get(place).expect("each account has an owner").serialize(part)
        })?;
        writer.records(Table::Banks, self.banks)?;
        writer.records(Table::Firms, self.firms)?;
        writer.records(Table::Couriers, self.couriers)?;
        writer.records(Table::Persons, self.persons)?;
        writer.records(Table::Terminals, self.terminals)?;
        writer.records(Table::Rails, self.rails)?;
        writer.records(Table::Sellers, self.sellers)?;
        writer.slots(Table::Payments, self.items)?;
        writer.records(Table::TerminalBatches, self.terminal_batches)?;
        if self.transactions.slots() > 0 {
            writer.table(Table::FreeTransaction, [&self.transactions.first_free()])?;
        }
        writer.slots(Table::Transactions, self.transactions)?;
        writer.table(Table::Withdrawn, self.withdrawals.iter())?;
        let (open_items, ended_open_items) = &self.open_items;
        writer.table(Table::OpenItems, open_items.iter())?;
        writer.table(Table::EndedOpenItems, ended_open_items.iter())?;
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

struct Writer<'s, S> {
    sink: &'s mut S,
    part: Vec<u8>,
    count: u32,
    hasher: Sha256,
}

/// Offset of a part's record count, after the format and the table.
const COUNT_AT: usize = 3;

impl<S: PartSink> Writer<'_, S> {
    /// Writes each chunk that has changed. `write` gets each record of it with its place.
    fn chunks<T>(
        &mut self,
        table: Table,
        records: ChunkedVec<T>,
        mut write: impl FnMut(&T, usize, &mut Vec<u8>) -> io::Result<()>,
    ) -> Result<(), S::Error> {
        records.consume(|chunk| {
            let id = ChunkId { table: table as u8, number: chunk.number, written: chunk.written };
            if let Some(hash) = self.sink.kept(id)? {
                self.hasher.update(hash);
                return Ok(());
            }
            let first = id.number as usize * CHUNK_RECORDS;
            for (place, record) in (first..).zip(chunk.records) {
                self.begin_record(table);
                write(record, place, &mut self.part).expect("writing into memory does not fail");
            }
            self.end_part(Some(id))
        })
    }

    fn records<T: BorshSerialize>(
        &mut self,
        table: Table,
        records: ChunkedVec<T>,
    ) -> Result<(), S::Error> {
        self.chunks(table, records, |record, _, part| record.serialize(part))
    }

    fn slots<T: BorshSerialize>(&mut self, table: Table, slab: Slab<T>) -> Result<(), S::Error> {
        let (slots, next_free) = slab.into_slots();
        self.chunks(table, slots, |slot, place, part| {
            slot.as_ref().ok_or_else(|| next_free.after(place)).serialize(part)
        })
    }

    fn table<T: BorshSerialize>(
        &mut self,
        table: Table,
        records: impl IntoIterator<Item = T>,
    ) -> Result<(), S::Error> {
        for record in records {
            self.record(table, &record)?;
        }
        self.end_part(None)
    }

    fn record<T: BorshSerialize>(&mut self, table: Table, record: &T) -> Result<(), S::Error> {
        self.begin_record(table);
        record.serialize(&mut self.part).expect("writing into memory does not fail");
        if self.part.len() >= SNAPSHOT_PART_BYTES { self.end_part(None) } else { Ok(()) }
    }

    fn begin_record(&mut self, table: Table) {
        if self.count == 0 {
            self.part.clear();
            self.part.extend_from_slice(&FORMAT.to_le_bytes());
            self.part.push(table as u8);
            self.part.extend_from_slice(&[0; 4]);
        }
        self.count += 1;
    }

    fn end_part(&mut self, chunk: Option<ChunkId>) -> Result<(), S::Error> {
        if self.count == 0 {
            return Ok(());
        }
        self.part[COUNT_AT..COUNT_AT + 4].copy_from_slice(&self.count.to_le_bytes());
        self.count = 0;
        let hash = self.sink.write(chunk, &self.part)?;
        self.hasher.update(hash);
        Ok(())
    }
}

/// A part whose records are decoded, if they are many. Parts can be decoded at the same time.
#[derive(Debug)]
pub struct DecodedBooksPart(Decoded);

#[derive(Debug)]
enum Decoded {
    Parcels(LooseSlots<Parcel>, Derived),
    Payments(LooseSlots<PaymentRecord>, Derived),
    Transactions(LooseSlots<Transaction>),
    Records { table: Table, count: u32, bytes: Vec<u8> },
}

/// What the books keep beside the records of a chunk, and what follows from them.
#[derive(Debug, Default)]
struct Derived {
    /// By place in the chunk.
    hashes: Vec<(u32, SlotHash)>,
    /// The slots of payments that are not a closed parcel's newest ones.
    not_newest: Vec<u32>,
    /// Couriers, and the places of the parcels that they have out.
    out: Vec<(u32, u32)>,
    open_pre_authorisations: Vec<(BusinessDate, PaymentId)>,
}

impl Derived {
    fn of_parcels(parcels: &LooseSlots<Parcel>) -> Derived {
        let mut derived = Derived::default();
        for (place, parcel) in parcels.iter() {
            derived.add(place, parcel.id, parcel.last_payment);
            if parcel.status == OpenParcelStatus::Out {
                derived.out.push((parcel.carrier, place));
            }
        }
        derived
    }

    fn of_payments(payments: &LooseSlots<PaymentRecord>) -> Derived {
        let mut derived = Derived::default();
        for (place, item) in payments.iter() {
            derived.add(place, item.parcel, item.previous);
            if item.status.is_open_pre_authorisation() {
                derived.open_pre_authorisations.push((item.date, item.id()));
            }
        }
        derived
    }

    fn add(&mut self, place: u32, id: ParcelId, earlier_payment: u32) {
        self.hashes.push((place, SlotHash::of(id)));
        if earlier_payment != NO_PAYMENT {
            self.not_newest.push(earlier_payment);
        }
    }
}

impl DecodedBooksPart {
    /// Decodes a part, whose content nobody has compared with its hash yet.
    ///
    /// # Errors
    /// If the part is damaged or has another format.
    pub fn decode<E>(part: &[u8]) -> Result<DecodedBooksPart, RestoreError<E>> {
        let format = part.get(..2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
        match format {
            Some(FORMAT) => {}
            Some(found) if found > FORMAT => return Err(RestoreError::Newer { found }),
            _ => return Err(RestoreError::Damaged("a part has an unknown format".into())),
        }
        let decoded = Decoded::decode(&part[2..]);
        decoded.map(DecodedBooksPart).map_err(|error| RestoreError::Damaged(error.to_string()))
    }
}

impl Decoded {
    fn decode(mut bytes: &[u8]) -> io::Result<Decoded> {
        let bytes = &mut bytes;
        let table = Table::deserialize_reader(bytes)?;
        let count = u32::deserialize_reader(bytes)?;
        let decoded = match table {
            Table::Parcels => {
                let slots = slots(count, bytes)?;
                let derived = Derived::of_parcels(&slots);
                Decoded::Parcels(slots, derived)
            }
            Table::Payments => {
                let slots = slots(count, bytes)?;
                let derived = Derived::of_payments(&slots);
                Decoded::Payments(slots, derived)
            }
            Table::Transactions => Decoded::Transactions(slots(count, bytes)?),
            _ => return Ok(Decoded::Records { table, count, bytes: bytes.to_vec() }),
        };
        whole(bytes).map(|()| decoded)
    }
}

fn slots<T: BorshDeserialize>(count: u32, bytes: &mut &[u8]) -> io::Result<LooseSlots<T>> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if !(1..=CHUNK_RECORDS).contains(&count) {
        return Err(bad("a chunk has an impossible number of records"));
    }
    LooseSlots::read(count, || Result::<T, u32>::deserialize_reader(bytes))
}

fn whole(bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() { Ok(()) } else { Err(bad("a part is longer than its records")) }
}

/// Tables read so far.
#[derive(Default)]
struct Reader {
    head: Option<Head>,
    accounts: Vec<Account>,
    owners: ChunkedVec<u64>,
    books: Books,
    parcels: SlabBuilder<Parcel>,
    payments: SlabBuilder<PaymentRecord>,
    index: IndexBuilder,
    /// See [`Derived`].
    not_newest: Vec<u32>,
    /// Couriers, and the slots of the parcels that they have out.
    out: Vec<(u32, u32)>,
    terminal_batches: ChunkedVec<TerminalBatchState>,
    transactions: SlabBuilder<Transaction>,
    first_free_transaction: Option<u32>,
    open_items: OpenItemTables,
    ended: bool,
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Reader {
    fn part(&mut self, DecodedBooksPart(part): DecodedBooksPart) -> io::Result<Option<ChunkId>> {
        if self.ended {
            return Err(bad("a part follows the last one"));
        }
        let (table, first) = match part {
            Decoded::Parcels(slots, derived) => {
                let first = self.parcels.push(slots);
                self.derived(derived, first.unwrap_or_default(), ParcelSlot::Open);
                (Table::Parcels, first)
            }
            Decoded::Payments(slots, derived) => {
                let first = self.payments.push(slots);
                self.derived(derived, first.unwrap_or_default(), ParcelSlot::Closed);
                (Table::Payments, first)
            }
            Decoded::Transactions(slots) => (Table::Transactions, self.transactions.push(slots)),
            Decoded::Records { table, count, bytes } => {
                let bytes = &mut &bytes[..];
                (0..count).try_for_each(|_| self.record(table, bytes))?;
                return whole(bytes).map(|()| None);
            }
        };
        let first = first.ok_or_else(|| bad("a chunk follows one that is not full"))?;
        let number = first / u32::try_from(CHUNK_RECORDS).expect("a chunk is small");
        Ok(Some(ChunkId { table: table as u8, number, written: 0 }))
    }

    fn derived(&mut self, derived: Derived, first: u32, slot: impl Fn(u32) -> ParcelSlot) {
        for (place, hash) in derived.hashes {
            self.index.add(hash, slot(first + place));
        }
        self.not_newest.extend(derived.not_newest);
        let out = derived.out.into_iter();
        self.out.extend(out.map(|(courier, place)| (courier, first + place)));
        self.books.pre_authorisations.extend(derived.open_pre_authorisations);
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
            Table::Parcels | Table::Payments | Table::Transactions => {
                return Err(bad("a chunk is read as records"));
            }
            Table::End => {
                u8::deserialize_reader(bytes)?;
                self.ended = true;
            }
            Table::TerminalBatches => {
                self.terminal_batches.push(TerminalBatchState::deserialize_reader(bytes)?);
            }
            Table::FreeTransaction => {
                self.first_free_transaction = Some(u32::deserialize_reader(bytes)?);
            }
            Table::Withdrawn => {
                let (network, one) = <(u16, UsedNumbers<Withdrawal>)>::deserialize_reader(bytes)?;
                self.books.withdrawals.insert(network, one);
            }
            Table::OpenItems => {
                let (id, item) = <(OpenItemId, OpenItem)>::deserialize_reader(bytes)?;
                self.open_items.0.insert(id, item);
            }
            Table::EndedOpenItems => {
                let (id, one) = <(OpenItemId, EndedOpenItem)>::deserialize_reader(bytes)?;
                self.open_items.1.insert(id, one);
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
        let free = "its free slots are inconsistent";
        books.parcels = self.parcels.finish(head.first_free_parcel).ok_or(free)?;
        books.payments = self.payments.finish(head.first_free_item).ok_or(free)?;
        let first_free = self.first_free_transaction.unwrap_or(Slab::<Transaction>::END);
        let transactions = self.transactions.finish(first_free).ok_or(free)?;
        books.terminal_batches = TerminalBatches::new(self.terminal_batches, transactions);
        books.open_items = OpenItems::new(self.open_items);
        // An open parcel is listed itself, a closed one at its newest record: no other record and
        // no open parcel points at it.
        let mut not_newest = vec![false; books.payments.slots()];
        for slot in self.not_newest {
            let known = not_newest.get_mut(slot as usize);
            *known.ok_or("a payment that it names is missing")? = true;
        }
        books.index = self.index.finish(|slot| not_newest[slot as usize]);
        books.list_out(self.out)?;
        let couriers = (0..).zip(books.couriers.iter());
        let hand_overs = couriers.flat_map(|(number, courier)| {
            courier.handovers.iter().map(move |one| (one.id, number))
        });
        books.hand_over_couriers = hand_overs.collect();
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
