//! What the books say of an order's parcels: delivered, refused, returned, lost, cancelled.

use books::{Event, ParcelId};
use machine::Timestamp;
use money::Amount;

use crate::event::MarketEvent;
use crate::market::{Market, TablePlace};
use crate::order::MarketParcelState;

impl Market {
    /// Follows the books. Cannot fail: what happened at the door has happened.
    pub fn note_books(&mut self, events: &[Event], at: Timestamp, out: &mut Vec<MarketEvent>) {
        if self.parcel_places.is_empty() {
            return;
        }
        let before = out.len();
        for event in events {
            let (parcel, state) = match event {
                Event::ParcelDelivered { parcel, .. } => (*parcel, MarketParcelState::Delivered),
                Event::ParcelReopened { parcel } => (*parcel, MarketParcelState::UnderWay),
                Event::ParcelRefused { parcel } => (*parcel, MarketParcelState::Refused),
                Event::ParcelReturned { parcel, .. } => (*parcel, MarketParcelState::Returned),
                Event::ParcelLost { parcel } => (*parcel, MarketParcelState::Lost),
                Event::ParcelCancelled { parcel } => (*parcel, MarketParcelState::Cancelled),
                _ => continue,
            };
            let Some(place) = self.parcel_places.get(&parcel.bits()).copied() else { continue };
            self.note_parcel(place, parcel, state, at, out);
        }
        if out.len() > before {
            self.note_change(at, &out[before..]);
        }
    }

    fn note_parcel(
        &mut self,
        place: TablePlace,
        id: ParcelId,
        state: MarketParcelState,
        at: Timestamp,
        out: &mut Vec<MarketEvent>,
    ) {
        let order = self.order_mut(place);
        let known = order.parcels.iter().position(|one| one.parcel == id);
        let number = known.expect("the index names the order of the parcel");
        let parcel = &mut order.parcels[number];
        match state {
            MarketParcelState::Delivered => {
                (parcel.state, parcel.delivered_at) = (state, Some(at));
                out.push(MarketEvent::OrderDelivered { order: order.id, parcel: id });
            }
            MarketParcelState::UnderWay => {
                (parcel.state, parcel.delivered_at) = (state, None);
                out.push(MarketEvent::MarketChanged);
            }
            _ => {
                let change = self.parcel_ended(place, number, state);
                let before = out.len();
                self.change_order(change, at, out);
                if out.len() == before {
                    out.push(MarketEvent::MarketChanged);
                }
            }
        }
    }

    /// What the platform pays the seller of the discounts on an order's parcel now. The books have
    /// the same.
    #[must_use]
    pub fn platform_pays(&self, parcel: ParcelId) -> Amount {
        let Ok(place) = self.place_of_parcel(parcel) else { return Amount::ZERO };
        let order = self.order(place);
        let known = order.parcels.iter().position(|one| one.parcel == parcel);
        order.platform_pays(known.expect("the index names the order of the parcel"))
    }

    /// The parcels of all orders.
    pub fn parcels(&self) -> impl Iterator<Item = ParcelId> {
        self.orders.iter().flat_map(|order| &order.parcels).map(|one| one.parcel)
    }

    /// Whether a parcel is of an order. Its amount due is then the order's.
    #[must_use]
    pub fn has_parcel(&self, parcel: ParcelId) -> bool {
        self.parcel_places.contains_key(&parcel.bits())
    }
}
