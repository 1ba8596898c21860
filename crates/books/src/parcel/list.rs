//! Read-only lists of parcels.

use money::{Amount, Currency};
use tariff::BusinessDate;

use crate::books::Books;
use crate::ids::{CourierId, FirmId, ParcelId, SellerId};
use crate::parcel::index::ParcelSlot;
use crate::parcel::record::OpenParcelStatus;
use crate::view::{ParcelState, ParcelView};

/// A parcel with who has it and when something was last paid for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedParcel {
    pub id: ParcelId,
    pub view: ParcelView,
    /// What a courier may still ask for: the amount due less what stands and what is in flight.
    /// Zero for a parcel that is refused or closed.
    pub left: Amount,
    /// The firm that has it, or had it last. None of a parcel that ended without a payment.
    pub firm: Option<FirmId>,
    /// The courier who has it, or who took its last payment.
    pub courier: Option<CourierId>,
    /// The day on which it was delivered, returned, lost or cancelled; otherwise the day of its
    /// last payment.
    pub date: Option<BusinessDate>,
}

impl Books {
    /// The parcels that are remembered: the open ones, then the closed ones. The order is that of
    /// their records, which is not that of time.
    pub fn parcels(&self) -> impl Iterator<Item = ListedParcel> {
        let open = self.parcels.iter().map(|(_, parcel)| parcel.id);
        let closed = self.payments.iter().filter_map(|(slot, item)| {
            let newest = self.parcel_slot(item.parcel)? == ParcelSlot::Closed(slot);
            newest.then_some(item.parcel)
        });
        open.chain(closed).filter_map(|id| self.listed_parcel(id))
    }

    /// One parcel as in [`Books::parcels`].
    #[must_use]
    pub fn listed_parcel(&self, id: ParcelId) -> Option<ListedParcel> {
        let view = self.parcel_view(id)?;
        let (newest, firm, courier) = match self.parcel_slot(id)? {
            ParcelSlot::Open(slot) => {
                let parcel = self.parcel(slot);
                let (firm, courier) = match parcel.status {
                    OpenParcelStatus::Announced => (None, None),
                    OpenParcelStatus::Assigned | OpenParcelStatus::Refused(_) => {
                        (Some(parcel.carrier), None)
                    }
                    OpenParcelStatus::Out => {
                        (Some(self.couriers.get(parcel.carrier).firm), Some(parcel.carrier))
                    }
                };
                (parcel.last_payment, firm, courier)
            }
            ParcelSlot::Closed(newest) => match view.state {
                ParcelState::Announced
                | ParcelState::Assigned
                | ParcelState::Out
                | ParcelState::Refused
                | ParcelState::Returned
                | ParcelState::Lost
                | ParcelState::Cancelled => (newest, None, None),
                ParcelState::Delivered => {
                    let courier = self.payment(newest).courier;
                    (newest, Some(self.couriers.get(courier).firm), Some(courier))
                }
            },
        };
        let may_collect =
            matches!(view.state, ParcelState::Announced | ParcelState::Assigned | ParcelState::Out);
        let taken = self.taken_amount(newest);
        Some(ListedParcel {
            id,
            view,
            left: if may_collect { view.due.saturating_sub(taken) } else { Amount::ZERO },
            firm: firm.map(|number| self.firms.get(number).id),
            courier: courier.map(|number| self.couriers.get(number).id),
            date: self.payments.get(newest).map(|item| item.date),
        })
    }

    /// What couriers may still ask for at the door, by currency.
    #[must_use]
    pub fn amounts_left(&self) -> Vec<(Currency, u128)> {
        let mut sums: Vec<(Currency, u128)> =
            self.currencies().map(|currency| (currency, 0)).collect();
        let open = self.parcels.iter().filter_map(|(_, parcel)| self.listed_parcel(parcel.id));
        for parcel in open {
            let sum = sums.iter_mut().find(|(currency, _)| *currency == parcel.view.currency);
            sum.expect("a seller's currency has accounts").1 += u128::from(parcel.left.minor());
        }
        sums
    }

    /// The seller's id, by the operator's reference.
    #[must_use]
    pub fn seller_by_reference(&self, reference: &str) -> Option<SellerId> {
        self.sellers.iter().find(|seller| seller.reference == reference).map(|seller| seller.id)
    }

    /// The courier's id, by the operator's reference.
    #[must_use]
    pub fn courier_by_reference(&self, reference: &str) -> Option<CourierId> {
        self.couriers.iter().find(|courier| courier.reference == reference).map(|one| one.id)
    }

    #[must_use]
    pub fn courier_reference(&self, id: CourierId) -> Option<&str> {
        self.couriers.find(id).map(|courier| courier.reference.as_str())
    }

    #[must_use]
    pub fn firm_reference(&self, id: FirmId) -> Option<&str> {
        self.firms.find(id).map(|firm| firm.reference.as_str())
    }

    #[must_use]
    pub fn firm_currency(&self, id: FirmId) -> Option<Currency> {
        self.firms.find(id).map(|firm| self.currency_at(firm.currency))
    }

    #[must_use]
    pub fn courier_firm(&self, id: CourierId) -> Option<FirmId> {
        self.couriers.find(id).map(|courier| self.firms.get(courier.firm).id)
    }
}
