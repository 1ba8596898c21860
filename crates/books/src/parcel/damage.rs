//! Damaged and lost parcels: who pays, and the seller's compensation.

use borsh::{BorshDeserialize, BorshSerialize};
use money::Amount;

use crate::books::{Books, Now, check_above_zero, done_before};
use crate::chart::ChartEntry;
use crate::command::{CompensateSeller, DamagePayer, RefuseReason};
use crate::event::{CommandOutcome, Event};
use crate::ids::{ParcelId, PaymentId, PersonId};
use crate::parcel::index::ParcelSlot;
use crate::parcel::record::{OpenParcelStatus, Parcel};
use crate::payment::record::PaymentStatus;
use crate::refusal::{MissingRecord, Refusal};

/// What is remembered of a damaged or lost parcel until it is forgotten.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Damage {
    pub paid_by: DamagePayer,
    /// The firm that pays, if a firm does.
    pub firm: Option<u32>,
    pub seller: u32,
    /// What was due for the parcel.
    pub due: Amount,
    pub compensation: Option<Compensation>,
}

/// A compensation of the seller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Compensation {
    pub amount: Amount,
    pub proposed_by: PersonId,
    pub approved_by: PersonId,
}

impl Books {
    /// The damage of a parcel that is refused or lost now. A compensation that was made before
    /// stays.
    pub(crate) fn new_damage(
        &self,
        parcel: &Parcel,
        paid_by: DamagePayer,
    ) -> Result<Damage, Refusal> {
        let firm = match (paid_by, parcel.status) {
            (DamagePayer::Seller | DamagePayer::Doorstep, _) => None,
            (DamagePayer::Firm, OpenParcelStatus::Announced) => return Err(Refusal::ParcelState),
            (DamagePayer::Firm, _) => Some(self.firm_of(parcel)),
        };
        let before = self.reference_data.damages.get(&parcel.id);
        let compensation = before.and_then(|damage| damage.compensation);
        Ok(Damage { paid_by, firm, seller: parcel.seller, due: parcel.due, compensation })
    }

    /// The firm that has a parcel, or had it when it was refused.
    pub(crate) fn firm_of(&self, parcel: &Parcel) -> u32 {
        match parcel.status {
            OpenParcelStatus::Out => self.couriers.get(parcel.carrier).firm,
            OpenParcelStatus::Assigned | OpenParcelStatus::Refused(_) => parcel.carrier,
            OpenParcelStatus::Announced => panic!("an announced parcel has no firm"),
        }
    }

    pub(crate) fn compensate_seller(
        &mut self,
        command: &CompensateSeller,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let CompensateSeller { parcel, amount, proposed_by, approved_by } = *command;
        check_above_zero(amount)?;
        if self.parcel_slot(parcel).is_none() {
            return Err(Refusal::NotFound(MissingRecord::Parcel(parcel)));
        }
        let damage = *self.reference_data.damages.get(&parcel).ok_or(Refusal::ParcelState)?;
        let compensation = Compensation { amount, proposed_by, approved_by };
        if let Some(before) = damage.compensation {
            return Err(done_before(before == compensation));
        }
        let seller = self.sellers.get(damage.seller);
        let (id, payable) = (seller.id, seller.payable);
        let from = match (damage.paid_by, damage.firm) {
            (DamagePayer::Seller, _) => return Err(Refusal::SellerPays),
            (DamagePayer::Firm, firm) => {
                self.firms.get(firm.expect("the firm that pays is known")).commission
            }
            (DamagePayer::Doorstep, _) => self.currency_accounts(seller.currency).write_offs,
        };
        if amount > damage.due {
            return Err(Refusal::AmountTooLarge(damage.due));
        }
        if proposed_by == approved_by {
            return Err(Refusal::SamePerson);
        }
        self.ledger.begin_chain(Some(PaymentId { parcel, number: 0 }), None);
        self.ledger.post(ChartEntry::SellerCompensated, from, payable, amount);
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        let statement = &mut self.sellers.get_mut(damage.seller).statement;
        statement.compensated += u128::from(amount.minor());
        let damage = self.reference_data.damages.get_mut(&parcel).expect("found before");
        damage.compensation = Some(compensation);
        let paid_by = damage.paid_by;
        out.events.push(Event::SellerCompensated { parcel, seller: id, amount, paid_by });
        Ok(())
    }

    /// Each parcel that was refused as damaged, or is lost, says who pays; others do not. No
    /// compensation exceeds what was due.
    pub(crate) fn check_damages(&self, wrong: &mut Vec<String>) {
        let damages = &self.reference_data.damages;
        let known = |id: ParcelId, paid_by: Option<DamagePayer>| {
            let found = damages.get(&id);
            found.is_some_and(|one| paid_by.is_none_or(|paid_by| one.paid_by == paid_by))
        };
        let mut expected = 0;
        let damaged = self.parcels.iter().filter_map(|(_, parcel)| match parcel.status {
            OpenParcelStatus::Refused(RefuseReason::Damaged { paid_by }) => {
                Some((parcel.id, Some(paid_by)))
            }
            _ => None,
        });
        let lost = self.payments.iter().filter(|(_, item)| item.status == PaymentStatus::Lost);
        for (id, paid_by) in damaged.chain(lost.map(|(_, item)| (item.parcel, None))) {
            expected += usize::from(known(id, paid_by));
            if !known(id, paid_by) {
                wrong.push(format!("M9: nobody pays for parcel {:032x}", id.bits()));
            }
        }
        for (id, damage) in damages {
            let returned = matches!(self.parcel_slot(*id), Some(ParcelSlot::Closed(newest))
                if self.payment(newest).status == PaymentStatus::Returned);
            expected += usize::from(returned);
            let firm = damage.firm.is_some() == (damage.paid_by == DamagePayer::Firm);
            if !firm || damage.compensation.is_some_and(|one| one.amount > damage.due) {
                wrong.push(format!("M9: parcel {:032x} has {damage:?}", id.bits()));
            }
        }
        if expected != damages.len() {
            let listed = damages.len();
            wrong.push(format!("M9: {listed} parcels are damaged or lost, not {expected}"));
        }
    }
}
