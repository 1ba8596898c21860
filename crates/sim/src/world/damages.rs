//! Damaged and lost parcels: who pays the seller, and what sellers ship again.

use books::{
    AnnounceParcel, ApproveBreakResolution, AssignParcels, AssignedParcel, BreakId,
    BreakResolution, BreakSide, BreakSubject, BusinessDate, Command, CompensateSeller, DamagePayer,
    LoseParcel, ProposeBreakResolution, RaiseBreak, ReturnParcel, Timestamp,
};

use crate::actors::{APPROVER, PLANNER};
use crate::backend::{Backend, DayError};
use crate::books::{BankLineKind, ParcelLocation};
use crate::clock;
use crate::day::DayRun;
use crate::world::{LossBearer, SimulatedParcel, World, amount};

impl SimulatedParcel {
    /// A refused parcel comes back to its seller, or is lost on the way.
    pub(crate) fn ends_refused(&mut self, night: BusinessDate) -> Command {
        let parcel = self.id;
        match self.exceptions.lost_on_the_way() {
            Some(paid_by) => {
                self.location = ParcelLocation::Lost;
                Command::LoseParcel(LoseParcel { parcel, paid_by })
            }
            None => {
                self.location = ParcelLocation::Returned;
                self.returned_on = Some(night);
                Command::ReturnParcel(ReturnParcel { parcel })
            }
        }
    }

    /// Whether the parcel is at its seller again or lost.
    fn came_to_nothing(&self) -> bool {
        matches!(self.location, ParcelLocation::Returned | ParcelLocation::Lost)
    }
}

impl<O: Backend> DayRun<'_, O> {
    /// Two people compensate sellers of damaged and lost parcels. Some sellers ship again.
    pub(crate) fn end_refused_parcels(&mut self) -> Result<(), DayError<O::Error>> {
        let at = self.advance_to(self.world.clock.tonight(clock::COMPENSATING));
        let compensations = self.world.compensations();
        self.carry_out_all(at, compensations)?;
        for command in self.world.own_money_paid_in() {
            self.carry_out_all(at, vec![command])?;
        }
        self.ship_again(at)
    }

    fn ship_again(&mut self, at: Timestamp) -> Result<(), DayError<O::Error>> {
        let (announcements, assignments) = self.world.next_shipments();
        self.carry_out_all(at, announcements)?;
        self.carry_out_all(at, assignments).map(|_| ())
    }
}

impl World {
    /// Doorstep pays into the bank account what it and the firms owe sellers, its part of
    /// discounts, and what was deducted from sales that buyers get back: the account has only other
    /// people's money. The books do not know it as theirs before two people say so.
    fn own_money_paid_in(&mut self) -> Vec<Command> {
        let borne = self.parcels.iter().map(|parcel| parcel.exceptions.compensated);
        let items = self.rails.iter().flat_map(|rail| rail.items.values());
        let lost = items.filter(|item| item.loss.is_some_and(|by| by != LossBearer::Seller));
        let unbooked = self.rails.iter().flat_map(|rail| rail.unbooked.values());
        let deducted = unbooked.filter_map(|item| item.deducted);
        let delivered = |parcel: &&SimulatedParcel| parcel.location == ParcelLocation::Delivered;
        let discounts = self.parcels.iter().filter(delivered).map(SimulatedParcel::discount);
        let owed = borne.chain(discounts).chain(lost.map(|item| item.amount));
        let needed = owed.chain(deducted).sum::<u64>();
        let minor = needed.saturating_sub(self.own_money);
        if minor == 0 {
            return Vec::new();
        }
        self.own_money += minor;
        self.bank(BankLineKind::OwnMoney, minor);
        let break_id = BreakId(u64::from(self.clock.date.0));
        let (subject, resolution) =
            (BreakSubject::Bank(self.add_statement_line), BreakResolution::WriteOff);
        let (side, owner, amount) = (BreakSide::Excess, PLANNER, amount(minor));
        let (proposed_by, approved_by) = (PLANNER, APPROVER);
        vec![
            Command::RaiseBreak(RaiseBreak {
                break_id,
                subject,
                side,
                amount,
                evidence: self.clock.date.to_string(),
                owner,
                raised_by: owner,
            }),
            Command::ProposeBreakResolution(ProposeBreakResolution {
                break_id,
                number: 1,
                resolution,
                amount: None,
                proposed_by,
            }),
            Command::ApproveBreakResolution(ApproveBreakResolution {
                break_id,
                number: 1,
                resolution,
                amount: None,
                approved_by,
            }),
        ]
    }

    /// Half of what was due is paid for each parcel for which the firm or Doorstep pays.
    fn compensations(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        for parcel in &mut self.parcels {
            let payer = parcel.exceptions.paid_by.filter(|by| *by != DamagePayer::Seller);
            if payer.is_none() || !parcel.came_to_nothing() || parcel.exceptions.compensated > 0 {
                continue;
            }
            parcel.exceptions.compensated = parcel.due.div_ceil(2);
            self.incidents.compensated += 1;
            let (proposed_by, approved_by) = (PLANNER, APPROVER);
            let (parcel, amount) = (parcel.id, amount(parcel.exceptions.compensated));
            commands.push(Command::CompensateSeller(CompensateSeller {
                parcel,
                amount,
                proposed_by,
                approved_by,
            }));
        }
        commands
    }

    /// The next shipments of orders that came to nothing: announced, and assigned to the same firm.
    /// They wait at the hub for the next day.
    fn next_shipments(&mut self) -> (Vec<Command>, Vec<Command>) {
        let (mut announced, mut assigned) = (Vec::new(), Vec::new());
        for index in 0..self.parcels.len() {
            let parcel = &mut self.parcels[index];
            if !parcel.came_to_nothing() || !std::mem::take(&mut parcel.exceptions.shipped_again) {
                continue;
            }
            let next = parcel.next_shipment();
            announced.push(Command::AnnounceParcel(AnnounceParcel {
                parcel: next.id,
                seller: self.sellers[next.seller].id,
                currency: self.currency,
                due: amount(next.due),
                reference: next.order_reference.clone(),
                shipment: next.exceptions.shipment,
            }));
            let first = AssignedParcel { parcel: next.id, number: 1 };
            let (firm, parcels) = (self.firms[next.firm].id, vec![first]);
            assigned.push(Command::AssignParcels(AssignParcels { firm, parcels }));
            self.incidents.shipped_again += 1;
            self.parcel_indexes.insert(next.id, self.parcels.len());
            self.parcels.push(next);
        }
        (announced, assigned)
    }
}
