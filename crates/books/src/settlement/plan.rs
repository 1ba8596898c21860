//! A settlement plan is data. It is shown, approved by a second person, then executed (M7).

use std::collections::BTreeSet;

use ledger::{AccountNumber, CHAIN_TRANSFERS_MAX};
use money::{Amount, Currency};
use tariff::BusinessDate;

use crate::books::{Books, Now, check_date, clamp_to_amount, done_before, used_identifier};
use crate::chart::ChartEntry;
use crate::command::{
    ApproveCyclePlan, ApproveSettlement, ExecuteSettlement, PLAN_LINES_MAX, PlanCycle,
    PlanSettlement, RejectSettlement, SettlementCycle,
};
use crate::event::{CommandOutcome, Event, PayoutLine};
use crate::ids::{PayoutId, PlanId};
use crate::party::persons::check_two_people;
use crate::party::record::Seller;
use crate::refusal::{MissingRecord, Refusal};
use crate::settlement::record::{Payout, PlanLine, PlanStatus, Planner, SettlementPlan, Statement};

struct Draft {
    lines: Vec<(u32, PayoutLine)>,
    below_minimum: u32,
    suspended: u32,
    left: u32,
}

/// A seller's statement as a payout. `None` if the seller owes or the amount is too large.
fn payout_line(payout: PayoutId, seller: &Seller, currency: Currency) -> Option<PayoutLine> {
    let part = |sum: u128| u64::try_from(sum).ok();
    let Statement { gross, fees, refunded, returned, invoiced, compensated, vat, freight, parts } =
        seller.statement;
    Some(PayoutLine {
        payout,
        seller: seller.id,
        currency,
        gross: part(gross)?,
        fees: part(fees)?,
        refunded: part(refunded)?,
        returned: part(returned)?,
        invoiced: part(invoiced)?,
        compensated: part(compensated)?,
        vat: part(vat)?,
        freight: part(freight)?,
        parts: parts.of_payout()?,
        net: u64::try_from(seller.statement.net()).ok().and_then(Amount::new)?,
    })
}

impl Books {
    pub(crate) fn plan_settlement(
        &mut self,
        command: &PlanSettlement,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let PlanSettlement { plan: id, cycle, currency, planned_by } = *command;
        let planner = Planner::Person(planned_by);
        let place = self.currency_index(currency)?;
        if let Some(before) = self.reference_data.plans.get(&id) {
            let same =
                before.cycle == cycle && before.currency == currency && before.planner == planner;
            return Err(used_identifier(same));
        }
        let draft = self.draft(cycle, place, currency, now.today);
        if draft.lines.is_empty() {
            return Err(Refusal::NothingToPay);
        }
        self.keep_plan(id, (cycle, currency, place), planner, draft, out)
    }

    pub(crate) fn plan_cycle(
        &mut self,
        command: &PlanCycle,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let PlanCycle { plan: id, date, cycle, currency } = *command;
        let place = self.currency_index(currency)?;
        let planned = self.reference_data.cycles_planned.get(&(cycle, place)).copied();
        if planned == Some((date, id)) {
            return Err(Refusal::Repeated);
        }
        let first = planned.map_or(BusinessDate(0), |(last, _)| last.plus_days(1));
        check_date(date, first..=now.today)?;
        if self.reference_data.plans.contains_key(&id) {
            return Err(used_identifier(false));
        }
        let draft = self.draft(cycle, place, currency, now.today);
        if draft.lines.is_empty() {
            let Draft { below_minimum, suspended, left, .. } = draft;
            let (plan, lines) = (id, Vec::new());
            let planned = Event::SettlementPlanned { plan, lines, below_minimum, suspended, left };
            out.events.push(planned);
        } else {
            self.keep_plan(id, (cycle, currency, place), Planner::Calendar(None), draft, out)?;
        }
        self.reference_data.cycles_planned.insert((cycle, place), (date, id));
        Ok(())
    }

    /// Reserves the money of a plan and keeps it.
    fn keep_plan(
        &mut self,
        id: PlanId,
        (cycle, currency, place): (SettlementCycle, Currency, u8),
        planner: Planner,
        draft: Draft,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let in_flight = self.currency_accounts(place).payout_in_flight;
        self.ledger.begin_chain(None, None);
        let mut lines = Vec::with_capacity(draft.lines.len());
        for (seller, line) in &draft.lines {
            let payable = self.sellers.get(*seller).payable;
            let reserve = self.ledger.reserve(ChartEntry::PayoutSent, payable, in_flight, line.net);
            lines.push((*line, reserve));
        }
        self.ledger.commit(out).map_err(|_| Refusal::Overflow)?;
        for (seller, _) in &draft.lines {
            self.sellers.get_mut(*seller).statement = Statement::default();
        }
        self.move_wins(&draft.lines.iter().map(|(seller, _)| *seller).collect(), None, Some(id));
        let first_payout = PayoutId(self.reference_data.next_payout);
        self.reference_data.next_payout += lines.len() as u64;
        let payouts_end = PayoutId(self.reference_data.next_payout);
        out.events.push(Event::SettlementPlanned {
            plan: id,
            lines: lines.iter().map(|(line, _)| *line).collect(),
            below_minimum: draft.below_minimum,
            suspended: draft.suspended,
            left: draft.left,
        });
        let plan = SettlementPlan {
            status: PlanStatus::Planned,
            cycle,
            currency,
            planner,
            first_payout,
            payouts_end,
            lines,
            dropped: Vec::new(),
        };
        self.reference_data.plans.insert(id, plan);
        Ok(())
    }

    /// Computes a plan without changing anything. Skips sellers with 2⁶³ minor units or more,
    /// because a payout line cannot hold that.
    fn draft(
        &self,
        cycle: SettlementCycle,
        place: u8,
        currency: Currency,
        today: BusinessDate,
    ) -> Draft {
        let mut draft = Draft { lines: Vec::new(), below_minimum: 0, suspended: 0, left: 0 };
        let sellers = (0..).zip(self.sellers.iter());
        for (number, seller) in sellers.filter(|(_, one)| one.currency == place) {
            let terms = seller.terms.on(today);
            if terms.cycle != cycle {
                continue;
            }
            let available = self.ledger.account(seller.payable).available();
            assert_eq!(
                available,
                seller.statement.net(),
                "M8: a seller's statement differs from the ledger"
            );
            let payout = PayoutId(self.reference_data.next_payout + draft.lines.len() as u64);
            let Some(line) = payout_line(payout, seller, currency) else { continue };
            let net = line.net;
            if net.is_zero() {
                continue;
            }
            if self.is_seller_suspended(seller.id) {
                draft.suspended += 1;
            } else if net < terms.minimum {
                draft.below_minimum += 1;
            } else if draft.lines.len() >= PLAN_LINES_MAX {
                draft.left += 1;
            } else {
                draft.lines.push((number, line));
            }
        }
        draft
    }

    fn find_plan(&self, id: PlanId) -> Result<&SettlementPlan, Refusal> {
        self.reference_data.plans.get(&id).ok_or(Refusal::NotFound(MissingRecord::Plan(id)))
    }

    fn plan_mut(&mut self, id: PlanId) -> &mut SettlementPlan {
        self.reference_data.plans.get_mut(&id).expect("the plan was found before")
    }

    pub(crate) fn approve_settlement(
        &mut self,
        command: &ApproveSettlement,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ApproveSettlement { plan: id, approved_by: by } = *command;
        let plan = self.find_plan(id)?;
        let Planner::Person(planned_by) = plan.planner else {
            return Err(Refusal::PlanNeedsTwoPeople);
        };
        match plan.status {
            PlanStatus::Planned => {
                check_two_people(planned_by, by, &[])?;
                self.plan_mut(id).status = PlanStatus::Approved { by };
                out.events.push(Event::SettlementApproved { plan: id });
                Ok(())
            }
            PlanStatus::Approved { by: approved_by } | PlanStatus::Executed { approved_by, .. } => {
                Err(done_before(approved_by == by))
            }
            PlanStatus::Rejected { .. } => Err(Refusal::PlanState),
        }
    }

    pub(crate) fn approve_cycle_plan(
        &mut self,
        command: &ApproveCyclePlan,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ApproveCyclePlan { plan: id, proposed_by, approved_by: by } = *command;
        check_two_people(proposed_by, by, &[])?;
        let plan = self.find_plan(id)?;
        let Planner::Calendar(proposed) = plan.planner else {
            return Err(Refusal::PlanState);
        };
        match plan.status {
            PlanStatus::Planned => {}
            PlanStatus::Approved { by: before }
            | PlanStatus::Executed { approved_by: before, .. } => {
                return Err(done_before((proposed, before) == (Some(proposed_by), by)));
            }
            PlanStatus::Rejected { .. } => return Err(Refusal::PlanState),
        }
        let plan = self.plan_mut(id);
        plan.planner = Planner::Calendar(Some(proposed_by));
        plan.status = PlanStatus::Approved { by };
        out.events.push(Event::SettlementApproved { plan: id });
        Ok(())
    }

    pub(crate) fn reject_settlement(
        &mut self,
        command: &RejectSettlement,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RejectSettlement { plan: id, rejected_by: by } = *command;
        match self.find_plan(id)?.status {
            PlanStatus::Planned | PlanStatus::Approved { .. } => {}
            PlanStatus::Executed { .. } => return Err(Refusal::PlanState),
            PlanStatus::Rejected { by: before } => return Err(done_before(before == by)),
        }
        let plan = self.plan_mut(id);
        plan.status = PlanStatus::Rejected { by };
        let lines = std::mem::take(&mut plan.lines);
        self.ledger.begin_chain(None, None);
        for (_, reserve) in &lines {
            self.ledger.void_reserved(ChartEntry::PayoutSent, *reserve);
        }
        self.ledger.commit_infallible(out, "a plan's reservations can be voided");
        self.return_to_statements(id, &lines);
        out.events.push(Event::SettlementRejected { plan: id });
        Ok(())
    }

    /// Nothing of these lines of a plan is paid.
    fn return_to_statements(&mut self, plan: PlanId, lines: &[PlanLine]) {
        let mut sellers = BTreeSet::new();
        for (line, _) in lines {
            let seller = self.paid_seller(line);
            self.sellers.get_mut(seller).statement.add(line);
            sellers.insert(seller);
        }
        self.move_wins(&sellers, Some(plan), None);
    }

    fn paid_seller(&self, line: &PayoutLine) -> u32 {
        self.seller_number(line.seller, line.currency).expect("a plan pays sellers")
    }

    /// The balance of a planned payout's seller, planned payouts included. Refunds and chargebacks
    /// after a plan can make it less than what is planned.
    pub(crate) fn payable_balance(&self, line: &PayoutLine) -> i128 {
        let seller = self.sellers.get(self.paid_seller(line));
        self.ledger.account(seller.payable).balance()
    }

    /// Sends each payout that its seller's balance still covers, unless the seller is suspended.
    /// The others are dropped: their money is payable again, and what the sellers have is in their
    /// next plan. A plan without any payout left is executed too, so that it does not stay open.
    pub(crate) fn execute_settlement(
        &mut self,
        command: &ExecuteSettlement,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ExecuteSettlement { plan: id, bank: bank_id } = *command;
        let plan = self.find_plan(id)?;
        let approved_by = match plan.status {
            PlanStatus::Approved { by } => by,
            PlanStatus::Executed { bank, .. } => return Err(done_before(bank == bank_id)),
            PlanStatus::Planned | PlanStatus::Rejected { .. } => return Err(Refusal::PlanState),
        };
        let missing = Refusal::NotFound(MissingRecord::Bank(bank_id));
        let bank = self.banks.find(bank_id).ok_or(missing)?;
        let currency = self.currency_at(bank.currency);
        if currency != plan.currency {
            return Err(Refusal::CurrencyMismatch(currency, plan.currency));
        }
        let in_flight = self.currency_accounts(bank.currency).payout_in_flight;
        let bank = bank.account;
        let covered = |line: &PayoutLine| {
            let enough = self.payable_balance(line) >= i128::from(line.net.minor());
            enough && !self.is_seller_suspended(line.seller)
        };
        let (sent, dropped): (Vec<_>, Vec<_>) =
            plan.lines.iter().copied().partition(|(line, _)| covered(line));
        self.check_in_bank(bank, sent.iter().map(|(line, _)| i128::from(line.net.minor())).sum())?;
        let payouts = self.post_payouts(&sent, &dropped, (in_flight, bank), now.today, out);
        self.return_to_statements(id, &dropped);
        for (line, _) in &dropped {
            out.events.push(Event::PayoutDropped {
                plan: id,
                payout: line.payout,
                seller: line.seller,
                currency,
                planned: line.net,
                left: clamp_to_amount(self.payable_balance(line)),
                seller_suspended: self.is_seller_suspended(line.seller),
            });
        }
        for ((line, _), payout) in sent.iter().zip(payouts) {
            let before = self.reference_data.payouts.insert(line.payout, payout);
            assert!(before.is_none(), "M7: a payout is sent once");
        }
        let plan = self.plan_mut(id);
        plan.status = PlanStatus::Executed { approved_by, bank: bank_id };
        plan.lines = Vec::new();
        plan.dropped = dropped.iter().map(|(line, _)| line.payout).collect();
        let lines = sent.into_iter().map(|(line, _)| line).collect();
        out.events.push(Event::SettlementExecuted { plan: id, lines });
        Ok(())
    }

    /// Posts the reservations of payouts that are sent, and reserves their amounts in the bank
    /// account. Voids those of the dropped ones.
    fn post_payouts(
        &mut self,
        sent: &[PlanLine],
        dropped: &[PlanLine],
        (in_flight, bank): (AccountNumber, AccountNumber),
        today: BusinessDate,
        out: &mut CommandOutcome,
    ) -> Vec<Payout> {
        const { assert!(2 * PLAN_LINES_MAX <= CHAIN_TRANSFERS_MAX) };
        self.ledger.begin_chain(None, None);
        for (_, reserve) in dropped {
            self.ledger.void_reserved(ChartEntry::PayoutSent, *reserve);
        }
        let mut payouts = Vec::with_capacity(sent.len());
        for (line, reserve) in sent {
            let (net, entry) = (line.net, ChartEntry::PayoutConfirmed);
            self.ledger.post_reserved(ChartEntry::PayoutSent, *reserve, net);
            let reserve = self.ledger.reserve(entry, in_flight, bank, net);
            let seller = self.paid_seller(line);
            payouts.push(Payout { seller, net, bank, reserve, sent_on: today, arrived: None });
        }
        self.ledger.commit_infallible(out, "a plan's reservations can be posted");
        payouts
    }
}
