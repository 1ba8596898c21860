//! The parcels that couriers have out, by courier.

use std::collections::BTreeSet;

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

/// The slots of the parcels that went out with a courier. A slot stays when its parcel comes back
/// or is closed, so that a payment does not pay for the list, and is swept out later.
#[derive(Clone, Debug, Default)]
pub(crate) struct WentOut {
    slots: Vec<u32>,
    /// How many there are before the next sweep.
    sweep_at: usize,
}

/// A shorter list is not swept.
const SWEEP_AT_MIN: usize = 64;
/// A list is swept when it has so many times as many slots as after the sweep before.
const SWEEP_FACTOR: usize = 4;

impl Books {
    /// At most `most` of the parcels that are out with a courier, from a position on: 0, or the
    /// `next` of the part before. Takes time in proportion to what the courier has out, or had out
    /// a short while ago.
    #[must_use]
    pub fn parcels_out(&self, courier: CourierId, from: u32, most: usize) -> ParcelsOut {
        let Some(courier) = self.couriers.number(courier) else { return ParcelsOut::default() };
        let slots = self.slots_out(courier);
        let mut slots = slots.range(from..);
        let parcels = slots.by_ref().take(most).map(|slot| {
            let parcel = self.parcel(*slot);
            ParcelOut { parcel: parcel.id, due: parcel.due, left: self.left_to_collect(parcel) }
        });
        ParcelsOut { parcels: parcels.collect(), next: slots.next().copied() }
    }

    /// Notes a parcel that goes out with a courier, by number.
    pub(crate) fn note_out(&mut self, courier: u32, slot: u32) {
        let place = usize::try_from(courier).expect("a courier's number fits");
        if self.went_out.len() <= place {
            self.went_out.resize_with(place + 1, WentOut::default);
        }
        let list = &mut self.went_out[place];
        list.slots.push(slot);
        if list.slots.len() >= list.sweep_at.max(SWEEP_AT_MIN) {
            let mut slots = std::mem::take(&mut list.slots);
            slots.retain(|slot| self.is_out(courier, *slot));
            slots.sort_unstable();
            slots.dedup();
            self.went_out[place] = WentOut { sweep_at: SWEEP_FACTOR * slots.len(), slots };
        }
    }

    /// Makes the lists of all couriers, of the parcels of a snapshot that are out: couriers, by
    /// number, with slots in ascending order.
    ///
    /// # Errors
    /// If a courier is unknown.
    pub(crate) fn list_out(&mut self, out: Vec<(u32, u32)>) -> Result<(), String> {
        self.went_out = vec![WentOut::default(); self.couriers.iter().count()];
        for (courier, slot) in out {
            let list = self.went_out.get_mut(courier as usize);
            let list = list.ok_or_else(|| format!("courier {courier} is missing"))?;
            list.slots.push(slot);
            list.sweep_at = SWEEP_FACTOR * list.slots.len();
        }
        Ok(())
    }

    /// The slots of the parcels that are out with a courier, by number.
    fn slots_out(&self, courier: u32) -> BTreeSet<u32> {
        let place = usize::try_from(courier).expect("a courier's number fits");
        let list = self.went_out.get(place).map_or(&[][..], |list| &list.slots);
        list.iter().copied().filter(|slot| self.is_out(courier, *slot)).collect()
    }

    /// Whether a slot has a parcel that is out with a courier. It can have another one since.
    fn is_out(&self, courier: u32, slot: u32) -> bool {
        let parcel = self.parcels.get(slot);
        parcel.is_some_and(|one| one.status == OpenParcelStatus::Out && one.carrier == courier)
    }

    /// What the lists of all couriers hold, by number and slot.
    pub(crate) fn listed_out(&self) -> BTreeSet<(u32, u32)> {
        let couriers = (0..).take(self.went_out.len());
        couriers
            .flat_map(|courier| {
                self.slots_out(courier).into_iter().map(move |slot| (courier, slot))
            })
            .collect()
    }

    /// Every parcel that is out, with its courier: what the lists must hold.
    pub(crate) fn all_out(&self) -> impl Iterator<Item = (u32, u32)> {
        let out = |status| status == OpenParcelStatus::Out;
        let parcels = self.parcels.iter().filter(move |(_, parcel)| out(parcel.status));
        parcels.map(|(slot, parcel)| (parcel.carrier, slot))
    }
}
