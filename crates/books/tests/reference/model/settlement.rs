//! The model: settlement.

use std::collections::{BTreeMap, BTreeSet};

use books::chart::{AccountKind as A, ChartEntry};
use books::*;
use money::{Amount, Currency};

use super::{
    Model, ModelRefusal, ModelResult, PayoutState, Plan, PlanState, ReservationFor, Seller,
    SellerAccount, Statement, ensure,
};

impl Model {
    pub fn apply_settlement_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match *command {
            Command::PlanSettlement(PlanSettlement { plan, cycle, currency, planned_by }) => {
                self.plan(plan, (cycle, currency), Some(planned_by), command)
            }
            Command::PlanCycle(PlanCycle { plan, date, cycle, currency }) => {
                self.plan_cycle(plan, date, (cycle, currency), command)
            }
            Command::ApproveCyclePlan(ApproveCyclePlan { plan, proposed_by, approved_by }) => {
                self.approve_cycle_plan(plan, proposed_by, approved_by, command)
            }
            Command::ApproveSettlement(ApproveSettlement { plan, approved_by }) => {
                self.approve(plan, approved_by, command)
            }
            Command::RejectSettlement(RejectSettlement { plan, .. }) => self.reject(plan, command),
            Command::ExecuteSettlement(ExecuteSettlement { plan, bank }) => {
                self.execute(plan, bank, command)
            }
            Command::ConfirmPayout(ConfirmPayout { payout }) => self.confirm_payout(payout),
            Command::ReturnPayout(ReturnPayout { payout }) => self.return_payout(payout),
            _ => return None,
        };
        Some(done)
    }

    /// A seller's payable money, less what payouts took.
    pub fn unpaid_statement(
        &self,
        account: SellerAccount,
        seller: &Seller,
    ) -> ([i128; 8], BTreeMap<&'static str, i128>) {
        let (mut sums, mut all_parts) = ([0_i128; 8], BTreeMap::new());
        let mut add = |sign: i128, parts: [u64; 8]| {
            for (sum, part) in sums.iter_mut().zip(parts) {
                *sum += sign * i128::from(part);
            }
        };
        for line in &seller.statement {
            let Statement { gross, fees, refunded, returned, .. } = *line;
            let Statement { invoiced, compensated, vat, freight, .. } = *line;
            add(1, [gross, fees, refunded, returned, invoiced, compensated, vat, freight]);
            for (name, part) in &line.parts {
                *all_parts.entry(*name).or_default() += i128::from(*part);
            }
        }
        for (line, state) in self.payouts.values() {
            if (line.seller, line.currency) == account && *state != PayoutState::Dropped {
                let PayoutLine { gross, fees, refunded, returned, .. } = *line;
                let PayoutLine { invoiced, compensated, vat, freight, .. } = *line;
                add(-1, [gross, fees, refunded, returned, invoiced, compensated, vat, freight]);
                for (name, part) in line.parts.of_gross().chain(line.parts.of_refunded()) {
                    *all_parts.entry(name).or_default() -= i128::from(part);
                }
            }
        }
        (sums, all_parts)
    }

    /// The calendar asks once for each of its days, whether somebody is to be paid or not.
    fn plan_cycle(
        &mut self,
        id: PlanId,
        date: BusinessDate,
        cycle: (SettlementCycle, Currency),
        command: &Command,
    ) -> ModelResult {
        self.has_accounts(cycle.1)?;
        let days = self.calendar_days.get(&cycle).cloned().unwrap_or_default();
        if days.last() == Some(&(date, id)) {
            return self.only_repeats(self.was_carried_out(command));
        }
        ensure(date <= self.today, "a day to come")?;
        ensure(days.iter().all(|(day, _)| *day < date), "not the next day of the calendar")?;
        ensure(!self.plans.contains_key(&id), "another plan has this id")?;
        self.plan(id, cycle, None, command)?;
        self.calendar_days.entry(cycle).or_default().push((date, id));
        Ok(())
    }

    fn approve_cycle_plan(
        &mut self,
        id: PlanId,
        proposed_by: PersonId,
        by: PersonId,
        command: &Command,
    ) -> ModelResult {
        ensure(by != proposed_by, "the same person")?;
        let plan = self.known_plan(id)?;
        ensure(plan.planned_by.is_none(), "a person planned it")?;
        if matches!(plan.state, PlanState::Approved | PlanState::Executed) {
            return self.only_repeats(self.was_carried_out(command));
        }
        ensure(plan.state == PlanState::Planned, "dropped")?;
        self.plans.get_mut(&id).expect("found before").state = PlanState::Approved;
        self.push_event(Event::SettlementApproved { plan: id })
    }

    fn plan(
        &mut self,
        id: PlanId,
        (cycle, currency): (SettlementCycle, Currency),
        by: Option<PersonId>,
        command: &Command,
    ) -> ModelResult {
        self.has_accounts(currency)?;
        if self.plans.contains_key(&id) {
            return self.only_repeats(self.was_carried_out(command));
        }
        let mut lines = Vec::new();
        let (mut below_minimum, mut suspended) = (0, 0);
        for account in self.seller_order.clone() {
            let (seller, (seller_id, in_currency)) = (self.sellers[&account].clone(), account);
            let terms = self.seller_terms(account, self.today);
            if (terms.cycle, in_currency) != (cycle, currency) {
                continue;
            }
            let payable = (A::SellerPayable, seller_id.0, currency);
            let net = self.available(payable);
            if net <= 0 {
                continue;
            }
            let (sums, parts) = self.unpaid_statement(account, &seller);
            let [gross, fees, refunded, returned, invoiced, compensated, vat, freight] = sums;
            let sum = gross - fees - refunded + returned + invoiced + compensated;
            assert_eq!(net, sum, "the statement adds up");
            if net > i128::from(Amount::MAX.minor())
                || sums.iter().max() > Some(&i128::from(u64::MAX))
            {
                continue;
            }
            if self.is_seller_suspended(seller_id) {
                suspended += 1;
                continue;
            }
            if net < i128::from(terms.minimum) {
                below_minimum += 1;
                continue;
            }
            let small = |sum: i128| u64::try_from(sum).expect("it was compared before");
            let part = |name| small(parts.get(name).copied().unwrap_or(0));
            let net = Amount::of(small(net));
            let payout = PayoutId(u64::try_from(self.payouts.len()).unwrap() + 1);
            let line = PayoutLine {
                payout,
                seller: seller_id,
                currency,
                gross: small(gross),
                fees: small(fees),
                refunded: small(refunded),
                returned: small(returned),
                invoiced: small(invoiced),
                compensated: small(compensated),
                vat: small(vat),
                freight: small(freight),
                parts: StatementParts {
                    chargeback_won: part("chargeback_won"),
                    freight_given_back: part("freight_given_back"),
                    break_credited: part("break_credited"),
                    entry_credited: part("entry_credited"),
                    discount_paid: part("discount_paid"),
                    charged_back: part("charged_back"),
                    reversed: part("reversed"),
                    loss_given_back: part("loss_given_back"),
                    break_charged: part("break_charged"),
                    entry_charged: part("entry_charged"),
                    invoice_cancelled: part("invoice_cancelled"),
                    discount_taken_back: part("discount_taken_back"),
                },
                net,
            };
            let in_flight = (A::PayoutInFlight, 0, currency);
            self.reserve(
                ReservationFor::Payout(payout),
                ChartEntry::PayoutSent,
                (payable, in_flight),
                net.minor(),
            );
            let before = self.paid_entries.iter().filter(|(id, _)| {
                self.payouts[*id].1 != PayoutState::Dropped && self.is_paid_to(**id, account)
            });
            let before: BTreeSet<usize> =
                before.flat_map(|(_, entries)| entries.iter().copied()).collect();
            let entries = (0..seller.statement.len()).filter(|place| !before.contains(place));
            self.paid_entries.insert(payout, entries.collect());
            self.payouts.insert(payout, (line, PayoutState::Planned));
            lines.push(line);
        }
        ensure(!lines.is_empty() || by.is_none(), "nobody is to be paid")?;
        if !lines.is_empty() {
            let state = PlanState::Planned;
            let plan = Plan { cycle, currency, planned_by: by, state, lines: lines.clone() };
            self.plans.insert(id, plan);
        }
        self.push_event(Event::SettlementPlanned {
            plan: id,
            lines,
            below_minimum,
            suspended,
            left: 0,
        })
    }

    pub fn is_paid_to(&self, id: PayoutId, account: SellerAccount) -> bool {
        let line = &self.payouts[&id].0;
        (line.seller, line.currency) == account
    }

    fn known_plan(&self, id: PlanId) -> ModelResult<Plan> {
        self.plans.get(&id).cloned().ok_or(ModelRefusal::Because("no such plan"))
    }

    fn approve(&mut self, id: PlanId, by: PersonId, command: &Command) -> ModelResult {
        let plan = self.known_plan(id)?;
        ensure(plan.planned_by.is_some(), "the calendar's plan needs two people")?;
        if matches!(plan.state, PlanState::Approved | PlanState::Executed) {
            return self.only_repeats(self.was_carried_out(command));
        }
        ensure(plan.state == PlanState::Planned, "dropped")?;
        ensure(Some(by) != plan.planned_by, "the same person")?;
        self.plans.get_mut(&id).expect("found before").state = PlanState::Approved;
        self.push_event(Event::SettlementApproved { plan: id })
    }

    fn reject(&mut self, id: PlanId, command: &Command) -> ModelResult {
        let plan = self.known_plan(id)?;
        if plan.state == PlanState::Rejected {
            return self.only_repeats(self.was_carried_out(command));
        }
        let waits = matches!(plan.state, PlanState::Planned | PlanState::Approved);
        ensure(waits, "executed or dropped before")?;
        for line in &plan.lines {
            self.void_reservation(ReservationFor::Payout(line.payout));
            self.payouts.get_mut(&line.payout).expect("it is a plan's").1 = PayoutState::Dropped;
        }
        self.plans.get_mut(&id).expect("found before").state = PlanState::Rejected;
        self.push_event(Event::SettlementRejected { plan: id })
    }

    fn execute(&mut self, id: PlanId, bank: BankId, command: &Command) -> ModelResult {
        let plan = self.known_plan(id)?;
        if plan.state == PlanState::Executed {
            return self.only_repeats(self.was_carried_out(command));
        }
        let banks = *self.banks.get(&bank).ok_or(ModelRefusal::Because("no such bank account"))?;
        ensure(plan.state == PlanState::Approved, "not approved, or executed before")?;
        ensure(banks == plan.currency, "another currency")?;
        let has =
            |line: &PayoutLine| self.balance((A::SellerPayable, line.seller.0, plan.currency));
        let short = |line: &PayoutLine| {
            has(line) < i128::from(line.net.minor()) || self.is_seller_suspended(line.seller)
        };
        let (dropped, sent): (Vec<_>, Vec<_>) = plan.lines.iter().copied().partition(short);
        let sum = sent.iter().map(|line| i128::from(line.net.minor())).sum();
        self.has_in_bank(bank, sum)?;
        // A suspended seller can have more than was planned, and than any amount.
        let left: Vec<_> = dropped.iter().map(|line| has(line).max(0)).collect();
        for (line, left) in dropped.iter().zip(left) {
            self.void_reservation(ReservationFor::Payout(line.payout));
            self.end_payout(line.payout, PayoutState::Dropped);
            self.push_event(Event::PayoutDropped {
                plan: id,
                payout: line.payout,
                seller: line.seller,
                currency: line.currency,
                planned: line.net,
                left: u64::try_from(left).ok().and_then(Amount::new).unwrap_or(Amount::MAX),
                seller_suspended: self.is_seller_suspended(line.seller),
            })?;
        }
        for line in &sent {
            self.post_reserved(ReservationFor::Payout(line.payout), line.net.minor());
            self.reserve(
                ReservationFor::BankTransfer(line.payout),
                ChartEntry::PayoutConfirmed,
                ((A::PayoutInFlight, 0, plan.currency), (A::Bank, bank.0, plan.currency)),
                line.net.minor(),
            );
            self.end_payout(line.payout, PayoutState::Sent(bank));
        }
        self.plans.get_mut(&id).expect("found before").state = PlanState::Executed;
        self.push_event(Event::SettlementExecuted { plan: id, lines: sent })
    }

    /// What is in a bank account and not on its way to a seller is at least this much.
    pub fn has_in_bank(&self, bank: BankId, amount: i128) -> ModelResult {
        ensure(amount <= self.in_bank(bank), "not in the bank account")
    }

    /// A bank account's money, less payouts on their way from it.
    pub fn in_bank(&self, bank: BankId) -> i128 {
        let leaving: i128 = self
            .payouts
            .values()
            .filter(|(_, state)| *state == PayoutState::Sent(bank))
            .map(|(line, _)| i128::from(line.net.minor()))
            .sum();
        // What one person says is there, nobody has confirmed.
        let only_said = self.breaks.iter().filter(|(id, one)| {
            **id < FIRST_AUTOMATIC_BREAK
                && !one.closed
                && (one.subject, one.side) == (BreakSubject::Bank(bank), BreakSide::Excess)
        });
        let only_said: i128 = only_said.map(|(_, one)| i128::from(one.amount)).sum();
        self.balance((A::Bank, bank.0, self.banks[&bank])) - leaving - only_said
    }

    pub fn confirm_payout(&mut self, id: PayoutId) -> ModelResult {
        let known = self.payouts.get(&id).copied();
        let (line, bank) = match known {
            Some((line, PayoutState::Sent(bank))) => (line, bank),
            Some((_, PayoutState::Confirmed(..))) => return Err(ModelRefusal::Repeated),
            _ => return Err(ModelRefusal::Because("no payout on its way")),
        };
        self.post_reserved(ReservationFor::BankTransfer(id), line.net.minor());
        self.end_payout(id, PayoutState::Confirmed(bank, self.today));
        self.push_event(Event::PayoutConfirmed { payout: id, seller: line.seller, net: line.net })
    }

    fn end_payout(&mut self, id: PayoutId, state: PayoutState) {
        self.payouts.get_mut(&id).expect("found before").1 = state;
    }

    pub fn return_payout(&mut self, id: PayoutId) -> ModelResult {
        let known = self.payouts.get(&id).copied();
        let (line, from) = match known {
            Some((line, PayoutState::Sent(_))) => {
                self.void_reservation(ReservationFor::BankTransfer(id));
                (line, (A::PayoutInFlight, 0, line.currency))
            }
            Some((line, PayoutState::Confirmed(bank, day))) => {
                let over = day.plus_days(PAYOUT_RETURN_DAYS) < self.today;
                ensure(!over, "arrived too long ago")?;
                (line, (A::Bank, bank.0, line.currency))
            }
            Some((_, PayoutState::Returned)) => return Err(ModelRefusal::Repeated),
            _ => return Err(ModelRefusal::Because("no payout that could come back")),
        };
        let payable = (A::SellerPayable, line.seller.0, line.currency);
        self.post(ChartEntry::PayoutReturned, from, payable, line.net.minor());
        let returned = line.net.minor();
        let PayoutLine { seller, currency, net, .. } = line;
        self.add_statement_line((seller, currency), Statement { returned, ..Statement::default() });
        self.end_payout(id, PayoutState::Returned);
        self.push_event(Event::PayoutReturned { payout: id, seller, currency, net })
    }
}
