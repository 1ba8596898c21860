//! Why a second person is refused, and what a plan or break waits for: what a person is told.

use tariff::PaymentMethod;

use crate::books::Books;
use crate::breaks::record::BreakChange;
use crate::command::Command;
use crate::ids::{BreakId, PayoutId, PersonId, PlanId};
use crate::settlement::record::{PlanStatus, Planner};
use crate::settlement::view::PayoutState;
use crate::vocabulary::BreakResolution;

/// What a person did before in the matter that a command decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonPart {
    /// Gives this command as the first person, or proposed what it approves.
    Proposed,
    RaisedBreak,
    /// Owns the break or open item, or owned it.
    Owned,
    AssignedBreak,
    ReclassifiedBreak,
    Planned,
    /// Counted the cash, or tried to.
    Counted,
    AnnouncedDeposit,
    SentInvoice,
    Suspended,
    WithdrewNetwork,
    Contested,
    /// Is the courier or the person in question.
    Subject,
}

/// Why a plan, break, payout or payment is not in the state that a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateNow {
    /// Nobody has approved the plan. `by_two`: the calendar made it.
    PlanNotApproved {
        plan: PlanId,
        by_two: bool,
    },
    /// A person made the plan.
    PlanOfPerson(PlanId),
    PlanRejected(PlanId),
    PlanExecuted(PlanId),
    /// Nobody has proposed a resolution.
    NoResolution(BreakId),
    /// Another resolution was proposed than the one to approve.
    OtherResolution(BreakId),
    /// It was confirmed more than [`PAYOUT_RETURN_DAYS`](crate::PAYOUT_RETURN_DAYS) ago.
    PayoutEnded(PayoutId),
    /// The payment is cash: no network charges it back.
    PaidInCash,
}

impl Books {
    /// Who had a part in the matter that a command decides, each once: who gives it first, and
    /// whoever had a part before. They are not its second person.
    #[must_use]
    pub fn parts_in(&self, command: &Command) -> Vec<(PersonId, PersonPart)> {
        use Command as C;
        use PersonPart as P;
        let data = &self.reference_data;
        let mut all = match command {
            C::ApproveBreakResolution(one) => self.parts_in_break(one.break_id),
            C::ReclassifyBreak(one) => self.parts_in_break(one.break_id),
            C::WithdrawBreak(one) => self.parts_in_break(one.break_id),
            C::ResolveSuspendedSale(one) => {
                let sale = data.suspended_sales.get(&one.payment);
                sale.map(|sale| self.parts_in_break(sale.break_id)).unwrap_or_default()
            }
            C::CloseOpenItem(one) => {
                let item = self.open_items().find(|open| open.id == one.item);
                item.map(|item| (item.owner, P::Owned)).into_iter().collect()
            }
            C::ApproveSettlement(one) => {
                let planner = data.plans.get(&one.plan).map(|plan| plan.planner);
                match planner {
                    Some(Planner::Person(by)) => vec![(by, P::Planned)],
                    _ => Vec::new(),
                }
            }
            C::CancelDeposit(one) => {
                let deposit = data.deposits.get(&one.deposit);
                deposit.map(|one| (one.announced_by, P::AnnouncedDeposit)).into_iter().collect()
            }
            C::CancelInvoice(one) => {
                let place = self.seller_number(one.seller, one.currency).ok();
                let invoice = place.and_then(|at| data.seller_invoices.get(&(at, one.invoice)));
                invoice.map(|invoice| (invoice.invoiced_by, P::SentInvoice)).into_iter().collect()
            }
            C::SuspendSeller(one) => {
                let latest = data.seller_suspensions.get(&one.seller).and_then(|all| all.latest());
                latest.map(|one| (one.proposed_by, P::Suspended)).into_iter().collect()
            }
            C::SuspendCourier(one) => {
                let latest = self.couriers.find(one.courier).and_then(|of| of.suspensions.latest());
                let latest = latest.map(|one| (one.proposed_by, P::Suspended));
                latest.into_iter().chain([(PersonId(one.courier.0), P::Subject)]).collect()
            }
            C::ReinstateNetwork(one) => {
                let by = self.withdrawn_by(one.network);
                by.map(|by| (by, P::WithdrewNetwork)).into_iter().collect()
            }
            C::WinChargebackByTwoPersons(one) => self.parts_in_chargeback(one.payment, one.number),
            C::TakeBackWonChargeback(one) => self.parts_in_chargeback(one.payment, one.number),
            C::WriteOffShortage(one) => self.parts_in_shortage(one.courier),
            C::CoverShortage(one) => self.parts_in_shortage(one.courier),
            C::DeductShortage(one) => self.parts_in_shortage(one.courier),
            C::CountHandOver(one) => self.parts_in_hand_over(one.handover),
            C::CountHandOverBySupervisor(one) => self.parts_in_hand_over(one.handover),
            C::RegisterCourier(one) => vec![(PersonId(one.courier.0), P::Subject)],
            C::RemovePerson(one) => vec![(one.person, P::Subject)],
            C::GrantAccess(one) => vec![(one.person, P::Subject)],
            C::ResetSecondFactor(one) => vec![(one.person, P::Subject)],
            C::IssueApiKey(one) => one.person.map(|has| (has, P::Subject)).into_iter().collect(),
            _ => Vec::new(),
        };
        let mut first = None;
        command.for_each_person(&mut |role, person| {
            if role.gives() && first.is_none() {
                first = Some((person, P::Proposed));
            }
        });
        all.extend(first);
        let mut different: Vec<(PersonId, P)> = Vec::new();
        for (person, part) in all {
            if person != PersonId(0) && different.iter().all(|(one, _)| *one != person) {
                different.push((person, part));
            }
        }
        different
    }

    fn parts_in_break(&self, id: BreakId) -> Vec<(PersonId, PersonPart)> {
        use PersonPart as P;
        let Some(record) = self.reference_data.breaks.get(&id) else { return Vec::new() };
        let mut all = vec![(record.raised.raised_by, P::RaisedBreak), (record.owner, P::Owned)];
        all.push((record.raised.owner, P::Owned));
        for change in &record.changes {
            match *change {
                BreakChange::Owner { owner, assigned_by } => {
                    all.extend([(owner, P::Owned), (assigned_by, P::AssignedBreak)]);
                }
                BreakChange::Subject { by: (first, _), .. } => {
                    all.push((first, P::ReclassifiedBreak));
                }
                BreakChange::Closed { .. } | BreakChange::Withdrawn(_) => {}
            }
        }
        let proposers = record.proposal.iter().map(|proposal| proposal.proposed_by);
        let proposers = proposers.chain(record.earlier_proposers.iter().copied());
        all.extend(proposers.map(|person| (person, P::Proposed)));
        all
    }

    fn parts_in_chargeback(
        &self,
        payment: crate::PaymentId,
        number: u8,
    ) -> Vec<(PersonId, PersonPart)> {
        let Some(known) = self.reference_data.chargebacks.get(&(payment, number)) else {
            return Vec::new();
        };
        let contested = known.contest.iter().map(|one| (one.contested_by, PersonPart::Contested));
        let won = known.won_by.iter().map(|(first, _)| (*first, PersonPart::Proposed));
        contested.chain(won).collect()
    }

    fn parts_in_shortage(&self, courier: crate::CourierId) -> Vec<(PersonId, PersonPart)> {
        let mut all = vec![(PersonId(courier.0), PersonPart::Subject)];
        let Some(place) = self.couriers.number(courier) else { return all };
        let counted = &self.firms.get(self.couriers.get(place).firm).counted_cash;
        let short = counted.iter().filter(|one| one.courier == Some(place));
        let short = short.filter(|one| !one.shortage().is_zero());
        let counters = short.flat_map(|one| &one.counted_by);
        all.extend(counters.map(|person| (*person, PersonPart::Counted)));
        all
    }

    fn parts_in_hand_over(&self, id: crate::HandOverId) -> Vec<(PersonId, PersonPart)> {
        let Some(place) = self.hand_over_couriers.get(&id) else { return Vec::new() };
        let courier = self.couriers.get(*place);
        let mut all = vec![(PersonId(courier.id.0), PersonPart::Subject)];
        let tried = courier.handovers.iter().filter(|one| one.id == id);
        let tried = tried.flat_map(|one| &one.wrong_codes);
        all.extend(tried.map(|one| (one.count.counted_by, PersonPart::Counted)));
        all
    }

    /// Why what a command names is not in the state that the command needs. `None` if the refusal
    /// says it.
    #[must_use]
    pub fn state_now(&self, command: &Command) -> Option<StateNow> {
        use Command as C;
        match command {
            C::ApproveSettlement(one) => self.plan_state(one.plan),
            C::ApproveCyclePlan(one) => {
                let planner = self.reference_data.plans.get(&one.plan).map(|plan| plan.planner);
                match planner {
                    Some(Planner::Person(_)) => Some(StateNow::PlanOfPerson(one.plan)),
                    _ => self.plan_state(one.plan),
                }
            }
            C::RejectSettlement(one) => self.plan_state(one.plan),
            C::ExecuteSettlement(one) => self.plan_state(one.plan),
            C::ApproveBreakResolution(one) => {
                let record = self.reference_data.breaks.get(&one.break_id)?;
                Some(match record.proposal {
                    None => StateNow::NoResolution(one.break_id),
                    Some(_) => StateNow::OtherResolution(one.break_id),
                })
            }
            C::ReturnPayout(one) => {
                let has_ended = self.payout_state(one.payout) == Some(PayoutState::Ended);
                has_ended.then_some(StateNow::PayoutEnded(one.payout))
            }
            C::ChargeBack(one) => {
                let (slot, _) = self.find_payment(one.payment).ok()?;
                let is_cash = self.payment(slot).method == PaymentMethod::Cash;
                is_cash.then_some(StateNow::PaidInCash)
            }
            _ => None,
        }
    }

    fn plan_state(&self, id: PlanId) -> Option<StateNow> {
        let plan = self.reference_data.plans.get(&id)?;
        let by_two = matches!(plan.planner, Planner::Calendar(_));
        match plan.status {
            PlanStatus::Planned => Some(StateNow::PlanNotApproved { plan: id, by_two }),
            PlanStatus::Rejected { .. } => Some(StateNow::PlanRejected(id)),
            PlanStatus::Executed { .. } => Some(StateNow::PlanExecuted(id)),
            PlanStatus::Approved { .. } => None,
        }
    }

    /// The resolution of an open break that waits for its second person: how, of how much (all of
    /// it if `None`), and who proposed it.
    #[must_use]
    pub fn proposed_resolution(
        &self,
        id: BreakId,
    ) -> Option<(BreakResolution, Option<money::Amount>, PersonId)> {
        let record = self.reference_data.breaks.get(&id).filter(|one| one.is_open())?;
        record.proposal.map(|one| (one.resolution, one.amount, one.proposed_by))
    }
}
