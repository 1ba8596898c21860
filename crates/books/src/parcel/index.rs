//! Finds a parcel's record by the parcel's id.

use chunks::Slab;

use crate::ids::ParcelId;
use crate::parcel::record::Parcel;
use crate::payment::record::PaymentRecord;
use crate::slot_table::{SlotHash, SlotTable, SlotTableBuilder};

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

/// Parcels by id. The ids are in the records.
#[derive(Clone, Debug, Default)]
pub(crate) struct ParcelIndex(SlotTable);

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
        let is_it = |packed| id_at(packed, parcels, items) == id;
        self.0.find(SlotHash::of(id), is_it).map(ParcelSlot::unpacked)
    }

    /// Adds a parcel. Its record must already be in the slot.
    pub(crate) fn add(
        &mut self,
        id: ParcelId,
        place: ParcelSlot,
        parcels: &Slab<Parcel>,
        items: &Slab<PaymentRecord>,
    ) {
        let hash_of = |packed| SlotHash::of(id_at(packed, parcels, items));
        self.0.add(SlotHash::of(id), place.packed(), hash_of);
    }

    /// Moves a parcel's entry from one slot to another.
    #[inline]
    pub(crate) fn redirect(&mut self, id: ParcelId, from: ParcelSlot, to: ParcelSlot) {
        self.0.replace(SlotHash::of(id), from.packed(), to.packed());
    }

    pub(crate) fn remove(&mut self, id: ParcelId, place: ParcelSlot) {
        self.0.remove(SlotHash::of(id), place.packed());
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Collects the entries of an index.
#[derive(Debug, Default)]
pub(crate) struct IndexBuilder(SlotTableBuilder);

impl IndexBuilder {
    #[inline]
    pub(crate) fn add(&mut self, hash: SlotHash, place: ParcelSlot) {
        self.0.add(hash, place.packed());
    }

    /// The index of all entries but the closed ones whose slot is `older`.
    pub(crate) fn finish(self, older: impl Fn(u32) -> bool) -> ParcelIndex {
        ParcelIndex(self.0.finish(|packed| match ParcelSlot::unpacked(packed) {
            ParcelSlot::Open(_) => true,
            ParcelSlot::Closed(slot) => !older(slot),
        }))
    }
}
