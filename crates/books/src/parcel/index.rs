//! Finds a parcel's record by the parcel's id.

use std::hash::BuildHasher;

use chunks::Slab;
use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::ids::ParcelId;
use crate::parcel::record::Parcel;
use crate::payment::record::PaymentRecord;

/// Where a parcel's record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParcelSlot {
    /// An open parcel: a slot of the parcels.
    Open(u32),
    /// A closed parcel: the slot of its newest payment record.
    Closed(u32),
}

/// Set in a closed parcel's packed slot.
const CLOSED: u32 = 1 << 31;

impl ParcelSlot {
    fn packed(self) -> u32 {
        match self {
            ParcelSlot::Open(slot) | ParcelSlot::Closed(slot) if slot >= CLOSED => {
                panic!("slot {slot}: at most 2³¹ parcels and payments are supported")
            }
            ParcelSlot::Open(slot) => slot,
            ParcelSlot::Closed(slot) => slot | CLOSED,
        }
    }

    fn unpacked(packed: u32) -> ParcelSlot {
        if packed & CLOSED == 0 {
            ParcelSlot::Open(packed)
        } else {
            ParcelSlot::Closed(packed & !CLOSED)
        }
    }
}

/// Shards of the index. One that grows copies its own entries only, and all entries of one fit into
/// the processor's cache while it is built.
const SHARDS: usize = 256;

/// Threads that build the shards of an index.
const BUILDERS: usize = 4;

/// Five bytes per parcel. The ids are in the records.
#[derive(Clone, Debug)]
pub(crate) struct ParcelIndex {
    shards: Vec<HashTable<u32>>,
    hasher: FixedState,
}

impl Default for ParcelIndex {
    fn default() -> Self {
        ParcelIndex { shards: vec![HashTable::default(); SHARDS], hasher: FixedState::default() }
    }
}

/// A hash of a parcel's id. Its parts choose the shard (bits 17 to 24), and the place (the lowest
/// bits) and the tag (the highest) within it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ParcelHash(u32);

impl ParcelHash {
    pub(crate) fn of(id: ParcelId) -> ParcelHash {
        ParcelHash::by(&FixedState::default(), id)
    }

    #[inline]
    fn by(hasher: &FixedState, id: ParcelId) -> ParcelHash {
        ParcelHash((hasher.hash_one(id) >> 32) as u32)
    }

    fn shard(self) -> usize {
        (self.0 >> 17) as usize % SHARDS
    }

    fn in_shard(self) -> u64 {
        u64::from(self.0) << 32 | u64::from(self.0)
    }
}

fn id_at(packed: u32, parcels: &Slab<Parcel>, items: &Slab<PaymentRecord>) -> ParcelId {
    match ParcelSlot::unpacked(packed) {
        ParcelSlot::Open(slot) => parcels.get(slot).expect("the index points at parcels").id,
        ParcelSlot::Closed(slot) => items.get(slot).expect("the index points at payments").parcel,
    }
}

impl ParcelIndex {
    #[inline]
    pub(crate) fn find(
        &self,
        id: ParcelId,
        parcels: &Slab<Parcel>,
        items: &Slab<PaymentRecord>,
    ) -> Option<ParcelSlot> {
        let hash = ParcelHash::by(&self.hasher, id);
        let is_it = |&packed: &u32| id_at(packed, parcels, items) == id;
        let found = self.shards[hash.shard()].find(hash.in_shard(), is_it);
        found.map(|&packed| ParcelSlot::unpacked(packed))
    }

    /// Adds a parcel. Its record must already be in the slot.
    pub(crate) fn add(
        &mut self,
        id: ParcelId,
        place: ParcelSlot,
        parcels: &Slab<Parcel>,
        items: &Slab<PaymentRecord>,
    ) {
        let hasher = &self.hasher;
        let hash = ParcelHash::by(hasher, id);
        let rehash =
            |&packed: &u32| ParcelHash::by(hasher, id_at(packed, parcels, items)).in_shard();
        self.shards[hash.shard()].insert_unique(hash.in_shard(), place.packed(), rehash);
    }

    /// Moves a parcel's entry from one slot to another.
    #[inline]
    pub(crate) fn redirect(&mut self, id: ParcelId, from: ParcelSlot, to: ParcelSlot) {
        let from = from.packed();
        let hash = ParcelHash::by(&self.hasher, id);
        let entry = self.shards[hash.shard()].find_mut(hash.in_shard(), |&packed| packed == from);
        *entry.expect("a parcel that moves is in the index") = to.packed();
    }

    pub(crate) fn remove(&mut self, id: ParcelId, place: ParcelSlot) {
        let packed = place.packed();
        let hash = ParcelHash::by(&self.hasher, id);
        let shard = &mut self.shards[hash.shard()];
        let entry = shard.find_entry(hash.in_shard(), |&other| other == packed);
        entry.expect("a parcel that is forgotten is in the index").remove();
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(HashTable::len).sum()
    }
}

/// Collects the entries of an index, to build one shard after the other: the entries of one shard
/// fit into the processor's cache.
#[derive(Debug)]
pub(crate) struct IndexBuilder {
    entries: Vec<Vec<(ParcelHash, u32)>>,
}

impl Default for IndexBuilder {
    fn default() -> Self {
        IndexBuilder { entries: vec![Vec::new(); SHARDS] }
    }
}

impl IndexBuilder {
    #[inline]
    pub(crate) fn add(&mut self, hash: ParcelHash, place: ParcelSlot) {
        self.entries[hash.shard()].push((hash, place.packed()));
    }

    /// The index of all entries but the closed ones whose slot is `older`. Threads build its
    /// shards; each is as if there were one thread.
    pub(crate) fn finish(mut self, older: impl Fn(u32) -> bool + Sync) -> ParcelIndex {
        let mut index = ParcelIndex::default();
        let here = SHARDS.div_ceil(BUILDERS);
        let groups = self.entries.chunks_mut(here).zip(index.shards.chunks_mut(here));
        std::thread::scope(|scope| {
            for (entries, shards) in groups {
                scope.spawn(|| {
                    for (entries, shard) in entries.iter_mut().zip(shards) {
                        build_shard(std::mem::take(entries), shard, &older);
                    }
                });
            }
        });
        index
    }
}

fn build_shard(
    mut entries: Vec<(ParcelHash, u32)>,
    shard: &mut HashTable<u32>,
    older: impl Fn(u32) -> bool,
) {
    entries.retain(|(_, packed)| match ParcelSlot::unpacked(*packed) {
        ParcelSlot::Open(_) => true,
        ParcelSlot::Closed(slot) => !older(slot),
    });
    shard.reserve(entries.len(), |_| unreachable!("it is empty"));
    for (hash, packed) in entries {
        shard.insert_unique(hash.in_shard(), packed, |_| unreachable!("it has room"));
    }
}
