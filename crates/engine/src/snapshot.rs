//! The whole state as bytes, and back.
//!
//! A snapshot is a list of parts of about [`PART_BYTES`]. One holds everything small, the others
//! records of one table each. The digest is SHA-256 over all parts in order, so that reading
//! a snapshot checks it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use borsh::{BorshDeserialize, BorshSerialize};
use chunks::{Chunked, Slab};
use ledger::{Account, Ledger, RawLedger};
use sha2::{Digest as _, Sha256};
use tariff::BusinessDate;

use crate::batches::{Door, Doors, Transaction};
use crate::disputes::Dispute;
use crate::engine::{Digest, Engine};
use crate::index::Place;
use crate::records::{Bank, Courier, Firm, Item, NO_ITEM, Parcel, Rail, Seller, Small, Terminal};
use crate::registry::{Registered, Registry};
use crate::time::Timestamp;

/// The newest version of the bytes. Each part says its own: the tables that came later have a later
/// one, and are written only where there is something in them. So a state that has nothing in them
/// keeps its digest, and an older program says that it is too old.
const FORMAT: u16 = 4;

/// About how long a part is.
pub const PART_BYTES: usize = 1 << 20;

/// Why bytes are no engine.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError<E> {
    /// The parts could not be read.
    #[error("{0}")]
    Read(E),
    /// The bytes are of a newer version.
    #[error("the snapshot has format {found}, this program knows {FORMAT}: use a newer program")]
    Newer {
        /// The version found.
        found: u16,
    },
    /// The bytes are not what was written.
    #[error("the snapshot is damaged: {0}")]
    Damaged(String),
}

/// A state at one moment, independent of the engine that goes on. Making one copies pointers, not
/// records.
#[derive(Debug)]
pub struct Snapshot {
    head: Head,
    accounts: Chunked<Account>,
    owners: Chunked<u64>,
    banks: Chunked<Bank>,
    firms: Chunked<Firm>,
    couriers: Chunked<Courier>,
    terminals: Chunked<Terminal>,
    rails: Chunked<Rail>,
    sellers: Chunked<Seller>,
    parcels: Slab<Parcel>,
    items: Slab<Item>,
    doors: Chunked<Door>,
    transactions: Slab<Transaction>,
    withdrawn: BTreeMap<u16, Timestamp>,
    disputes: BTreeMap<(BusinessDate, u32, u32), Dispute>,
    unheard: BTreeSet<(u32, u32)>,
}

#[derive(Debug, BorshSerialize, BorshDeserialize)]
struct Head {
    last_at: Timestamp,
    fingerprint: u64,
    small: Small,
    ledger: RawLedger,
    first_free_parcel: u32,
    first_free_item: u32,
}

/// Which table a part holds.
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
    Items,
    End,
    Doors,
    Transactions,
    /// The first free slot of the transactions.
    FreeTransaction,
    /// Networks that are withdrawn.
    Withdrawn,
    /// Disputed batches that are forgotten.
    Disputes,
    /// Numbers that were reversed before anything came under them.
    Unheard,
}

impl Table {
    fn format(self) -> u16 {
        match self {
            Table::Unheard => 4,
            Table::Disputes => 3,
            Table::Doors | Table::Transactions | Table::FreeTransaction | Table::Withdrawn => 2,
            _ => 1,
        }
    }
}

impl Engine {
    /// The state at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            head: Head {
                last_at: self.last_at,
                fingerprint: self.fingerprint,
                small: self.small.clone(),
                ledger: self.books.ledger.to_raw(),
                first_free_parcel: self.parcels.first_free(),
                first_free_item: self.items.first_free(),
            },
            accounts: self.books.ledger.shared_accounts(),
            owners: self.books.owners.clone(),
            banks: self.banks.parties().clone(),
            firms: self.firms.parties().clone(),
            couriers: self.couriers.parties().clone(),
            terminals: self.terminals.parties().clone(),
            rails: self.rails.parties().clone(),
            sellers: self.sellers.parties().clone(),
            parcels: self.parcels.clone(),
            items: self.items.clone(),
            doors: self.doors.doors.clone(),
            transactions: self.doors.transactions.clone(),
            withdrawn: self.withdrawn.clone(),
            disputes: self.disputes.clone(),
            unheard: self.doors.unheard.clone(),
        }
    }

    /// Puts an engine together from the parts of a snapshot, and checks that they are what was
    /// written: their digest is `expected`.
    ///
    /// # Errors
    /// What is wrong with the parts.
    pub fn restore<E>(
        parts: impl IntoIterator<Item = Result<Vec<u8>, E>>,
        expected: Digest,
    ) -> Result<Engine, RestoreError<E>> {
        let mut hasher = Sha256::new();
        let mut reader = Reader::default();
        for part in parts {
            let part = part.map_err(RestoreError::Read)?;
            hasher.update(&part);
            let format = part.get(..2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
            match format {
                Some(1..=FORMAT) => {}
                Some(found) if found > FORMAT => return Err(RestoreError::Newer { found }),
                _ => return Err(RestoreError::Damaged("a part has no known format".into())),
            }
            let read = reader.part(format, &part[2..]);
            read.map_err(|error| RestoreError::Damaged(error.to_string()))?;
        }
        let digest = Digest(hasher.finalize().into());
        if digest != expected {
            let what = format!("its digest is {digest}, not {expected}");
            return Err(RestoreError::Damaged(what));
        }
        reader.finish().map_err(RestoreError::Damaged)
    }
}

impl Snapshot {
    /// Writes all parts in order and tells their digest. What is written is let go of at once, the
    /// parcels first, for they change most.
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
        writer.table(Table::Terminals, self.terminals.iter())?;
        writer.table(Table::Rails, self.rails.iter())?;
        writer.table(Table::Sellers, self.sellers.iter())?;
        self.items.consume(|slot| writer.record(Table::Items, &slot))?;
        writer.end_part()?;
        writer.table(Table::Doors, self.doors.iter())?;
        if self.transactions.slots() > 0 {
            writer.table(Table::FreeTransaction, [&self.transactions.first_free()])?;
        }
        self.transactions.consume(|slot| writer.record(Table::Transactions, &slot))?;
        writer.end_part()?;
        writer.table(Table::Withdrawn, self.withdrawn.iter())?;
        writer.table(Table::Disputes, self.disputes.iter())?;
        writer.table(Table::Unheard, self.unheard.iter())?;
        writer.table(Table::End, [&0_u8])?;
        Ok(Digest(writer.hasher.finalize().into()))
    }

    /// SHA-256 over all parts.
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

/// Where a part has its number of records, after the format and the table.
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
            self.part.extend_from_slice(&table.format().to_le_bytes());
            self.part.push(table as u8);
            self.part.extend_from_slice(&[0; 4]);
        }
        record.serialize(&mut self.part).expect("writing into memory does not fail");
        self.count += 1;
        if self.part.len() >= PART_BYTES { self.end_part() } else { Ok(()) }
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

/// What of an engine has been read.
#[derive(Default)]
struct Reader {
    head: Option<Head>,
    accounts: Vec<Account>,
    owners: Chunked<u64>,
    engine: Engine,
    doors: Chunked<Door>,
    transactions: Slab<Transaction>,
    first_free_transaction: Option<u32>,
    unheard: BTreeSet<(u32, u32)>,
    ended: bool,
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Reader {
    fn part(&mut self, format: Option<u16>, mut bytes: &[u8]) -> io::Result<()> {
        if self.ended {
            return Err(bad("a part comes after the last one"));
        }
        let bytes = &mut bytes;
        let table = Table::deserialize_reader(bytes)?;
        if format != Some(table.format()) {
            return Err(bad("a part has not the format of its table"));
        }
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
            Table::Banks => register(&mut self.engine.banks, bytes)?,
            Table::Firms => register(&mut self.engine.firms, bytes)?,
            Table::Couriers => register(&mut self.engine.couriers, bytes)?,
            Table::Terminals => register(&mut self.engine.terminals, bytes)?,
            Table::Rails => register(&mut self.engine.rails, bytes)?,
            Table::Sellers => register(&mut self.engine.sellers, bytes)?,
            Table::Parcels => {
                self.engine.parcels.push_raw(Result::<Parcel, u32>::deserialize_reader(bytes)?);
            }
            Table::Items => {
                self.engine.items.push_raw(Result::<Item, u32>::deserialize_reader(bytes)?);
            }
            Table::End => {
                u8::deserialize_reader(bytes)?;
                self.ended = true;
            }
            Table::Doors => {
                self.doors.push(Door::deserialize_reader(bytes)?);
            }
            Table::Transactions => {
                let slot = Result::<Transaction, u32>::deserialize_reader(bytes)?;
                self.transactions.push_raw(slot);
            }
            Table::FreeTransaction => {
                self.first_free_transaction = Some(u32::deserialize_reader(bytes)?);
            }
            Table::Withdrawn => {
                let (network, from) = <(u16, Timestamp)>::deserialize_reader(bytes)?;
                self.engine.withdrawn.insert(network, from);
            }
            Table::Disputes => {
                let (left, dispute) =
                    <((BusinessDate, u32, u32), Dispute)>::deserialize_reader(bytes)?;
                self.engine.disputes.insert(left, dispute);
            }
            Table::Unheard => {
                self.unheard.insert(<(u32, u32)>::deserialize_reader(bytes)?);
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Engine, String> {
        let Reader { head: Some(head), accounts, owners, mut engine, ended: true, .. } = self
        else {
            return Err("its first or last part is missing".into());
        };
        let (doors, mut transactions) = (self.doors, self.transactions);
        if owners.len() != accounts.len() {
            return Err("its accounts and owners do not go together".into());
        }
        engine.books.ledger =
            Ledger::from_raw(head.ledger, accounts).map_err(|error| error.to_string())?;
        engine.books.owners = owners;
        engine.small = head.small;
        engine.last_at = head.last_at;
        engine.fingerprint = head.fingerprint;
        let closed = engine.parcels.close_raw(head.first_free_parcel);
        if !closed || !engine.items.close_raw(head.first_free_item) {
            return Err("its free slots do not add up".into());
        }
        let first_free = self.first_free_transaction.unwrap_or(transactions.first_free());
        if !transactions.close_raw(first_free) {
            return Err("its free transactions do not add up".into());
        }
        engine.doors = Doors::new(doors, transactions, self.unheard);
        engine.promises = engine.promises_of_items();
        engine.rebuild_index();
        Ok(engine)
    }
}

fn register<T>(registry: &mut Registry<T>, bytes: &mut &[u8]) -> io::Result<()>
where
    T: Registered + Clone + Default + BorshDeserialize,
{
    let party = T::deserialize_reader(bytes)?;
    if registry.number(party.id()).is_some() {
        return Err(bad("a party is there twice"));
    }
    registry.add(party);
    Ok(())
}

impl Engine {
    /// Every open parcel, and every closed one at its newest item: the one that no other item of
    /// the list and no open parcel points at. And every courier's last hand-over.
    fn rebuild_index(&mut self) {
        let mut is_older = vec![false; self.items.slots()];
        let open = self.parcels.iter().map(|(_, parcel)| parcel.last);
        let older = self.items.iter().map(|(_, item)| item.before);
        for slot in open.chain(older).filter(|&slot| slot != NO_ITEM) {
            if let Some(mark) = is_older.get_mut(slot as usize) {
                *mark = true;
            }
        }
        let newest = self.items.iter().filter(|(slot, _)| !is_older[*slot as usize]);
        let (parcels, items) = (&self.parcels, &self.items);
        self.index.reserve(parcels.len() + items.len(), parcels, items);
        for (slot, parcel) in parcels.iter() {
            self.index.add(parcel.id, Place::Open(slot), parcels, items);
        }
        for (slot, item) in newest {
            self.index.add(item.parcel, Place::Closed(slot), parcels, items);
        }
        let couriers = (0..).zip(self.couriers.iter());
        let handovers =
            couriers.filter_map(|(number, one)| one.last_handover.map(|id| (id, number)));
        self.handovers = handovers.collect();
    }
}
