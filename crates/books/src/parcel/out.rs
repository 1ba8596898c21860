//! The parcels that couriers have out, by courier.

use money::Amount;

use crate::books::Books;
use crate::ids::{CourierId, ParcelId};
use crate::parcel::record::OpenParcelStatus;

/// A parcel that is out with a courier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParcelOut {
    pub parcel: ParcelId,
    /// Amount due.
    pub due: Amount,
    /// The amount due less what stands or is in flight.
    pub left: Amount,
}

/// A part of a courier's list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParcelsOut {
    pub parcels: Vec<ParcelOut>,
    /// Where the list continues. `None` at its end.
    pub next: Option<u32>,
}

impl Books {
    /// At most `most` of the parcels that are out with a courier, from a position on: 0, or the
    /// `next` of the part before. Costs what it returns.
    #[must_use]
    pub fn parcels_out(&self, courier: CourierId, from: u32, most: usize) -> ParcelsOut {
        let Some(courier) = self.couriers.number(courier) else { return ParcelsOut::default() };
        let mut slots = self.out_with.range((courier, from)..=(courier, u32::MAX));
        let parcels = slots.by_ref().take(most).map(|(_, slot)| {
            let parcel = self.parcel(*slot);
            ParcelOut { parcel: parcel.id, due: parcel.due, left: self.left_to_collect(parcel) }
        });
        ParcelsOut { parcels: parcels.collect(), next: slots.next().map(|(_, slot)| *slot) }
    }

    /// Every parcel that is out, with its courier: what [`Books::out_with`] must hold.
    pub(crate) fn all_out(&self) -> impl Iterator<Item = (u32, u32)> {
        let out = |status| status == OpenParcelStatus::Out;
        let parcels = self.parcels.iter().filter(move |(_, parcel)| out(parcel.status));
        parcels.map(|(slot, parcel)| (parcel.carrier, slot))
    }
}
