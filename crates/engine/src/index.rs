//! Where a parcel's record is, by the parcel's identifier.

use std::hash::BuildHasher;

use chunks::Slab;
use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::ids::ParcelId;
use crate::records::{Item, Parcel};

/// Where a parcel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On its way: a slot of the parcels.
    Open(u32),
    /// Closed: the slot of its newest item.
    Closed(u32),
}

/// A closed parcel's slot has this bit set.
const CLOSED: u32 = 1 << 31;

impl Place {
    fn packed(self) -> u32 {
        match self {
            Place::Open(slot) | Place::Closed(slot) if slot >= CLOSED => {
                panic!("slot {slot}: there are at most 2³¹ parcels and items")
            }
            Place::Open(slot) => slot,
            Place::Closed(slot) => slot | CLOSED,
        }
    }

    fn unpacked(packed: u32) -> Place {
        if packed & CLOSED == 0 { Place::Open(packed) } else { Place::Closed(packed & !CLOSED) }
    }
}

/// The index: five bytes a parcel; the identifiers stand in the records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    table: HashTable<u32>,
    hasher: FixedState,
}

fn id_at(packed: u32, parcels: &Slab<Parcel>, items: &Slab<Item>) -> ParcelId {
    match Place::unpacked(packed) {
        Place::Open(slot) => parcels.get(slot).expect("the index points at parcels").id,
        Place::Closed(slot) => items.get(slot).expect("the index points at items").parcel,
    }
}

impl Index {
    fn hash(&self, id: ParcelId) -> u64 {
        self.hasher.hash_one(id)
    }

    #[inline]
    pub(crate) fn find(
        &self,
        id: ParcelId,
        parcels: &Slab<Parcel>,
        items: &Slab<Item>,
    ) -> Option<Place> {
        let found = self.table.find(self.hash(id), |&packed| id_at(packed, parcels, items) == id);
        found.map(|&packed| Place::unpacked(packed))
    }

    /// Adds a parcel that is not there; its record is in its place already.
    pub(crate) fn add(
        &mut self,
        id: ParcelId,
        place: Place,
        parcels: &Slab<Parcel>,
        items: &Slab<Item>,
    ) {
        let hash = self.hash(id);
        let hasher = self.hasher.clone();
        self.table.insert_unique(hash, place.packed(), |&packed| {
            hasher.hash_one(id_at(packed, parcels, items))
        });
    }

    /// Points a parcel that is at `from` to `to`.
    #[inline]
    pub(crate) fn redirect(&mut self, id: ParcelId, from: Place, to: Place) {
        let from = from.packed();
        let hash = self.hash(id);
        let entry = self.table.find_mut(hash, |&packed| packed == from);
        *entry.expect("a parcel that moves is in the index") = to.packed();
    }

    pub(crate) fn remove(&mut self, id: ParcelId, place: Place) {
        let packed = place.packed();
        let entry = self.table.find_entry(self.hash(id), |&other| other == packed);
        entry.expect("a parcel that is forgotten is in the index").remove();
    }

    pub(crate) fn reserve(&mut self, more: usize, parcels: &Slab<Parcel>, items: &Slab<Item>) {
        let hasher = self.hasher.clone();
        self.table.reserve(more, |&packed| hasher.hash_one(id_at(packed, parcels, items)));
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }
}
