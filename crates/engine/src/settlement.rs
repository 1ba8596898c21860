//! Settlement: the plan is data, shown, approved by a second person, then executed (M7).

use money::{Amount, Currency};
use tariff::BusinessDate;

use crate::chart::Entry;
use crate::command::{Command, Cycle, PLAN_LINES_MAX};
use crate::engine::Engine;
use crate::event::{Event, Outcome, PayoutLine};
use crate::ids::{BankId, PayoutId, PersonId, PlanId};
use crate::records::{Payout, Plan, PlanStand, Seller, Statement};
use crate::refusal::{Missing, Refusal};

/// What planning found out.
struct Draft {
    lines: Vec<(u32, PayoutLine)>,
    below_minimum: u32,
    left: u32,
}

impl Engine {
    pub(crate) fn settle(
        &mut self,
        command: &Command,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        match *command {
            Command::PlanSettlement { plan, cycle, currency, planned_by } => {
                self.plan(plan, cycle, currency, planned_by, out)
            }
            Command::ApproveSettlement { plan, approved_by } => {
                self.approve_plan(plan, approved_by, out)
            }
            Command::RejectSettlement { plan, rejected_by: _ } => self.reject_plan(plan, out),
            Command::ExecuteSettlement { plan, bank } => self.execute_plan(plan, bank, out),
            Command::ConfirmPayout { payout } => self.confirm_payout(payout, today, out),
            Command::ReturnPayout { payout } => self.return_payout(payout, today, out),
            _ => unreachable!("only settlement is dispatched here"),
        }
    }

    fn plan(
        &mut self,
        id: PlanId,
        cycle: Cycle,
        currency: Currency,
        planned_by: PersonId,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let place = self.currency_place(currency)?;
        if let Some(before) = self.small.plans.get(&id) {
            let same = (before.cycle, before.currency) == (cycle, currency);
            return Err(if same { Refusal::Repeated } else { Refusal::IdentifierTaken });
        }
        let draft = self.draft(cycle, place, currency);
        if draft.lines.is_empty() {
            return Err(Refusal::NothingToPay);
        }
        let in_flight = self.currency_accounts(place).payout_in_flight;
        self.books.begin(None, None);
        let mut lines = Vec::with_capacity(draft.lines.len());
        for (seller, line) in &draft.lines {
            let payable = self.sellers.get(*seller).payable;
            let reserve = self.books.reserve(Entry::PayoutSent, payable, in_flight, line.net);
            lines.push((*line, reserve));
        }
        self.books.commit(out).map_err(|_| Refusal::Overflow)?;
        for (seller, _) in &draft.lines {
            self.sellers.get_mut(*seller).statement = Statement::default();
        }
        let first = PayoutId(self.small.next_payout);
        self.small.next_payout += lines.len() as u64;
        let next = PayoutId(self.small.next_payout);
        out.events.push(Event::Planned {
            plan: id,
            lines: lines.iter().map(|(line, _)| *line).collect(),
            below_minimum: draft.below_minimum,
            left: draft.left,
        });
        let stand = PlanStand::Planned;
        let plan = Plan { stand, cycle, currency, planned_by, payouts: (first, next), lines };
        self.small.plans.insert(id, plan);
        Ok(())
    }

    /// Who of a cycle is to be paid what. Changes nothing. A seller with more than a payout line
    /// can say (2⁶³ minor units and above) is in no plan.
    fn draft(&self, cycle: Cycle, place: u8, currency: Currency) -> Draft {
        let mut draft = Draft { lines: Vec::new(), below_minimum: 0, left: 0 };
        let sellers = (0..).zip(self.sellers.iter());
        for (number, seller) in
            sellers.filter(|(_, one)| one.cycle == cycle && one.currency == place)
        {
            let available = self.books.account(seller.payable).available();
            assert_eq!(
                available,
                seller.statement.net(),
                "M8: a seller's statement is not what the ledger says"
            );
            let payout = PayoutId(self.small.next_payout + draft.lines.len() as u64);
            let Some(line) = payout_line(payout, seller, currency) else { continue };
            let net = line.net;
            if net.is_zero() {
                continue;
            }
            if net < seller.minimum {
                draft.below_minimum += 1;
            } else if draft.lines.len() >= PLAN_LINES_MAX {
                draft.left += 1;
            } else {
                draft.lines.push((number, line));
            }
        }
        draft
    }

    fn plan_in(&self, id: PlanId) -> Result<&Plan, Refusal> {
        self.small.plans.get(&id).ok_or(Refusal::NotFound(Missing::Plan(id)))
    }

    fn plan_mut(&mut self, id: PlanId) -> &mut Plan {
        self.small.plans.get_mut(&id).expect("the plan was just there")
    }

    fn approve_plan(&mut self, id: PlanId, by: PersonId, out: &mut Outcome) -> Result<(), Refusal> {
        let plan = self.plan_in(id)?;
        match plan.stand {
            PlanStand::Planned if plan.planned_by == by => Err(Refusal::SamePerson),
            PlanStand::Planned => {
                self.plan_mut(id).stand = PlanStand::Approved;
                out.events.push(Event::Approved { plan: id });
                Ok(())
            }
            PlanStand::Approved | PlanStand::Executed => Err(Refusal::Repeated),
            PlanStand::Rejected => Err(Refusal::PlanState),
        }
    }

    fn reject_plan(&mut self, id: PlanId, out: &mut Outcome) -> Result<(), Refusal> {
        match self.plan_in(id)?.stand {
            PlanStand::Planned | PlanStand::Approved => {}
            PlanStand::Executed => return Err(Refusal::PlanState),
            PlanStand::Rejected => return Err(Refusal::Repeated),
        }
        let plan = self.plan_mut(id);
        plan.stand = PlanStand::Rejected;
        let lines = std::mem::take(&mut plan.lines);
        self.books.begin(None, None);
        for (_, reserve) in &lines {
            self.books.void(Entry::PayoutSent, *reserve);
        }
        self.books.commit_certain(out, "what a plan reserved can be voided");
        for (line, _) in &lines {
            let seller = self.sellers.number(line.seller).expect("a plan pays sellers");
            self.sellers.get_mut(seller).statement.add(line);
        }
        out.events.push(Event::Rejected { plan: id });
        Ok(())
    }

    fn execute_plan(&mut self, id: PlanId, bank: BankId, out: &mut Outcome) -> Result<(), Refusal> {
        let plan = self.plan_in(id)?;
        match plan.stand {
            PlanStand::Approved => {}
            PlanStand::Executed => return Err(Refusal::Repeated),
            PlanStand::Planned | PlanStand::Rejected => return Err(Refusal::PlanState),
        }
        let bank = self.banks.find(bank).ok_or(Refusal::NotFound(Missing::Bank(bank)))?;
        let currency = self.currency_at(bank.currency);
        if currency != plan.currency {
            return Err(Refusal::CurrencyMismatch(currency, plan.currency));
        }
        let bank = bank.account;
        let plan = self.plan_mut(id);
        plan.stand = PlanStand::Executed;
        let lines = std::mem::take(&mut plan.lines);
        self.books.begin(None, None);
        for (line, reserve) in &lines {
            self.books.post_reserved(Entry::PayoutSent, *reserve, line.net);
        }
        self.books.commit_certain(out, "what a plan reserved can be sent");
        for (line, _) in &lines {
            let seller = self.sellers.number(line.seller).expect("a plan pays sellers");
            let payout = Payout { seller, net: line.net, bank, arrived: None };
            let before = self.small.payouts.insert(line.payout, payout);
            assert!(before.is_none(), "M7: a payout is sent once");
        }
        let lines = lines.into_iter().map(|(line, _)| line).collect();
        out.events.push(Event::Executed { plan: id, lines });
        Ok(())
    }

    /// A payout that is not on its way: it ended the same way before, or it did not.
    fn no_such_payout(&self, id: PayoutId, arrived: bool) -> Refusal {
        let missing = Refusal::NotFound(Missing::Payout(id));
        if self.small.returned.contains(&id) {
            return if arrived { missing } else { Refusal::Repeated };
        }
        let sent = self.small.plans.values().any(|plan| plan.has_sent(id));
        if sent && arrived { Refusal::Repeated } else { missing }
    }

    fn confirm_payout(
        &mut self,
        id: PayoutId,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let Some(payout) = self.small.payouts.get_mut(&id) else {
            return Err(self.no_such_payout(id, true));
        };
        if payout.arrived.is_some() {
            return Err(Refusal::Repeated);
        }
        payout.arrived = Some(today);
        let (number, net, bank) = (payout.seller, payout.net, payout.bank);
        let (seller, currency) = (self.sellers.get(number).id, self.sellers.get(number).currency);
        let in_flight = self.currency_accounts(currency).payout_in_flight;
        self.books.begin(None, None);
        self.books.post(Entry::PayoutConfirmed, in_flight, bank, net);
        self.books.commit_certain(out, "a payout in flight arrives");
        // Those that can come back no more are let go of.
        while self.small.payouts.first_entry().is_some_and(|first| first.get().is_over(today)) {
            self.small.payouts.pop_first();
        }
        out.events.push(Event::PayoutConfirmed { payout: id, seller, net });
        Ok(())
    }

    /// A payout comes back: on its way, or from the seller's bank some days after it arrived.
    fn return_payout(
        &mut self,
        id: PayoutId,
        today: BusinessDate,
        out: &mut Outcome,
    ) -> Result<(), Refusal> {
        let payout = self.small.payouts.get(&id).filter(|payout| !payout.is_over(today));
        let Some(payout) = payout else {
            return Err(self.no_such_payout(id, false));
        };
        let (number, net) = (payout.seller, payout.net);
        let (arrived, bank) = (payout.arrived.is_some(), payout.bank);
        let seller = self.sellers.get(number);
        let (seller, payable, currency) = (seller.id, seller.payable, seller.currency);
        let from = if arrived { bank } else { self.currency_accounts(currency).payout_in_flight };
        self.books.begin(None, None);
        self.books.post(Entry::PayoutReturned, from, payable, net);
        self.books.commit_certain(out, "a payout comes back");
        self.small.payouts.remove(&id);
        self.small.returned.insert(id);
        self.sellers.get_mut(number).statement.returned += u128::from(net.minor());
        out.events.push(Event::PayoutReturned { payout: id, seller, net });
        Ok(())
    }
}

/// A seller's statement as a payout; `None` where the seller owes, or where it is too much for one.
fn payout_line(payout: PayoutId, seller: &Seller, currency: Currency) -> Option<PayoutLine> {
    let part = |sum: u128| u64::try_from(sum).ok();
    let Statement { gross, fees, given_back, returned } = seller.statement;
    Some(PayoutLine {
        payout,
        seller: seller.id,
        currency,
        gross: part(gross)?,
        fees: part(fees)?,
        given_back: part(given_back)?,
        returned: part(returned)?,
        net: u64::try_from(seller.statement.net()).ok().and_then(Amount::new)?,
    })
}
