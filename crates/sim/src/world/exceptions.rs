//! What seldom happens to a parcel: drawn before the day, apart from its script, and what came of
//! it.

use books::{DamagePayer, ParcelId, RefuseReason};

use crate::chance::{Chance, ChancePurpose};
use crate::rates::{Rates, WHOLE_PPM};

/// Who bears a loss, as the world reads it in the tariff file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossBearer {
    Seller,
    Firm,
    Doorstep,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ParcelExceptions {
    /// The network rejects the parcel's offline sale.
    pub sale_rejected: bool,
    /// The parcel is sold offline after its terminal was blocked.
    pub sold_after_block: bool,
    /// The buyer refuses it because it is damaged.
    damaged: Option<DamagePayer>,
    /// It is lost on its way back.
    lost: Option<DamagePayer>,
    /// Its seller ships the order again after a return or a loss.
    pub shipped_again: bool,
    /// Who pays for the damage or the loss that happened.
    pub paid_by: Option<DamagePayer>,
    /// Whether the buyer refused it as damaged, also at the seller's expense.
    pub is_damaged: bool,
    /// What the seller was compensated with, in minor units.
    pub compensated: u64,
    /// Number of the shipment.
    pub shipment: u8,
}

impl ParcelExceptions {
    pub(crate) fn draw(seed: u64, parcel: ParcelId, rates: &Rates) -> ParcelExceptions {
        let low = u64::try_from(parcel.bits() & u128::from(u64::MAX)).expect("the lower half");
        let mut chance = Chance::new(seed, ChancePurpose::ParcelExceptions, low);
        let sale_rejected = chance.happens(rates.sale_rejected);
        let after_block = chance.happens(rates.sold_after_block);
        let [damaged, lost] = [rates.damaged, rates.lost].map(|rate| {
            let (happens, by_firm) = (chance.happens(rate), chance.happens(WHOLE_PPM / 2));
            let payer = if by_firm { DamagePayer::Firm } else { DamagePayer::Doorstep };
            Some(payer).filter(|_| happens)
        });
        ParcelExceptions {
            sale_rejected,
            sold_after_block: after_block && !sale_rejected,
            damaged,
            lost: lost.filter(|_| damaged.is_none()),
            shipped_again: chance.happens(rates.shipped_again),
            paid_by: None,
            is_damaged: false,
            compensated: 0,
            shipment: 1,
        }
    }

    /// The parcel of the next shipment, to which nothing more happens.
    pub(crate) fn of_next_shipment(&self) -> ParcelExceptions {
        ParcelExceptions {
            sale_rejected: false,
            sold_after_block: false,
            damaged: None,
            lost: None,
            shipped_again: false,
            paid_by: None,
            is_damaged: false,
            compensated: 0,
            shipment: self.shipment + 1,
        }
    }

    /// Why the buyer refuses the parcel.
    pub(crate) fn refused_because(&mut self, reason: RefuseReason) -> RefuseReason {
        self.is_damaged = self.damaged.is_some() || matches!(reason, RefuseReason::Damaged { .. });
        let Some(paid_by) = self.damaged else { return reason };
        self.paid_by = Some(paid_by);
        RefuseReason::Damaged { paid_by }
    }

    /// Who pays for the parcel if it is lost on its way back.
    pub(crate) fn lost_on_the_way(&mut self) -> Option<DamagePayer> {
        let paid_by = self.lost.filter(|_| self.paid_by.is_none())?;
        self.paid_by = Some(paid_by);
        Some(paid_by)
    }
}
