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

/// Five bytes per parcel. The ids are in the records.
#[derive(Clone, Debug, Default)]
pub(crate) struct ParcelIndex {
    table: HashTable<u32>,
    hasher: FixedState,
}

fn id_at(packed: u32, parcels: &Slab<Parcel>, items: &Slab<PaymentRecord>) -> ParcelId {
    match ParcelSlot::unpacked(packed) {
        ParcelSlot::Open(slot) => parcels.get(slot).expect("the index points at parcels").id,
        ParcelSlot::Closed(slot) => items.get(slot).expect("the index points at payments").parcel,
    }
}

impl ParcelIndex {
    fn hash(&self, id: ParcelId) -> u64 {
        self.hasher.hash_one(id)
    }

    #[inline]
    pub(crate) fn find(
        &self,
        id: ParcelId,
        parcels: &Slab<Parcel>,
        items: &Slab<PaymentRecord>,
    ) -> Option<ParcelSlot> {
        let found = self.table.find(self.hash(id), |&packed| id_at(packed, parcels, items) == id);
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
        let hash = self.hash(id);
        let hasher = self.hasher.clone();
        self.table.insert_unique(hash, place.packed(), |&packed| {
            hasher.hash_one(id_at(packed, parcels, items))
        });
    }

    /// Moves a parcel's entry from one slot to another.
    #[inline]
    pub(crate) fn redirect(&mut self, id: ParcelId, from: ParcelSlot, to: ParcelSlot) {
        let from = from.packed();
        let hash = self.hash(id);
        let entry = self.table.find_mut(hash, |&packed| packed == from);
        *entry.expect("a parcel that moves is in the index") = to.packed();
    }

    pub(crate) fn remove(&mut self, id: ParcelId, place: ParcelSlot) {
        let packed = place.packed();
        let entry = self.table.find_entry(self.hash(id), |&other| other == packed);
        entry.expect("a parcel that is forgotten is in the index").remove();
    }

    pub(crate) fn reserve(
        &mut self,
        more: usize,
        parcels: &Slab<Parcel>,
        items: &Slab<PaymentRecord>,
    ) {
        let hasher = self.hasher.clone();
        self.table.reserve(more, |&packed| hasher.hash_one(id_at(packed, parcels, items)));
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }
}
