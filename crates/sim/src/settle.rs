//! The night: deposits, returns, releases, settlement, payouts.

use std::collections::BTreeSet;

use books::{
    AnnounceDeposit, ApproveSettlement, BusinessDate, Command, ConfirmDeposit, ConfirmPayout,
    DepositId, Event, ExecuteSettlement, PayCommission, PayoutLine, PlanId, PlanSettlement,
    RECORDS_PER_COMMAND_MAX, Refusal, ReleaseDue, RepayShortage, ReturnPayout, SettlementCycle,
    Timestamp,
};

use crate::actors::{APPROVER, PLANNER, cashier_of};
use crate::backend::{Backend, DayError};
use crate::books::{BankLine, BankLineKind, ParcelLocation};
use crate::chance::{Chance, ChancePurpose};
use crate::clock::{self, MINUTE_MS};
use crate::command_sender::AnsweredCommand;
use crate::counterparty::StatedDeposit;
use crate::day::{DayRun, DayStage};
use crate::rates::REPAID_PPM;
use crate::world::{NoteHolder, amount};

/// The most settlement plans of a day: each has thousands of sellers.
const PLANS_PER_DAY_MAX: u32 = 1_000;
/// The largest shortfall of a deposit is the deposit divided by this.
const DEPOSIT_SHORT_PART: u64 = 20;

impl<O: Backend> DayRun<'_, O> {
    /// Firms deposit the cash of their vaults at the bank.
    pub(crate) fn announce_deposits(
        &mut self,
        minute: Timestamp,
    ) -> Result<(), DayError<O::Error>> {
        let at = self.advance_to(minute);
        let (date, bank) = (self.world.clock.date, self.world.add_statement_line);
        let mut commands = Vec::new();
        for (index, firm) in self.world.firms.iter_mut().enumerate() {
            let minor = self.world.cash.total(NoteHolder::Firm(index));
            if minor == 0 {
                continue;
            }
            firm.deposit_count += 1;
            let deposit =
                DepositId::derived(&format!("{date} {} {}", firm.reference, firm.deposit_count));
            self.world.cash.move_all(NoteHolder::Firm(index), NoteHolder::Deposit(deposit));
            firm.deposits.push(deposit);
            let (number, amount) = (firm.deposit_count, amount(minor));
            let (firm, announced_by) = (firm.id, cashier_of(&firm.reference).0);
            commands.push(Command::AnnounceDeposit(AnnounceDeposit {
                deposit,
                firm,
                number,
                bank,
                amount,
                announced_by,
            }));
        }
        self.carry_out_all(at, commands).map(|_| ())
    }

    /// The bank credits the deposits. With `may_be_short` it may credit less (a forged note); the
    /// firm must then deposit the missing amount.
    pub(crate) fn credit_deposits(
        &mut self,
        minute: Timestamp,
        may_be_short: bool,
    ) -> Result<(), DayError<O::Error>> {
        // One deposit per firm at a time: the engine recognises only the latest as a repeat.
        while self.world.firms.iter().any(|firm| !firm.deposits.is_empty()) {
            let at = self.advance_to(minute);
            let mut commands = Vec::new();
            for index in 0..self.world.firms.len() {
                let firm = &mut self.world.firms[index];
                if firm.deposits.is_empty() {
                    continue;
                }
                let deposit = firm.deposits.remove(0);
                let in_transit = NoteHolder::Deposit(deposit);
                let announced = self.world.cash.total(in_transit);
                let mut chance = Chance::new(self.world.seed, ChancePurpose::Bank, deposit.0);
                let short = chance.happens(self.world.rates.deposit_short);
                let missing = chance.between(1, (announced / DEPOSIT_SHORT_PART).max(1));
                let missing = if short && may_be_short { missing.min(announced - 1) } else { 0 };
                self.world.cash.move_last(in_transit, NoteHolder::Firm(index), missing);
                if let Some(today) = &mut self.world.stated {
                    let notes = self.world.cash.by_origin(in_transit);
                    today.deposits.push(StatedDeposit { deposit, firm: index, notes });
                }
                self.world.cash.move_all(in_transit, NoteHolder::Bank);
                self.world.incidents.deposits_short += u64::from(missing > 0);
                let credited = announced - missing;
                self.world.bank(BankLineKind::Deposit(deposit), credited);
                commands.push(Command::ConfirmDeposit(ConfirmDeposit {
                    deposit,
                    credited: amount(credited),
                }));
            }
            self.tell(at, commands)?;
        }
        self.world.note_banked();
        Ok(())
    }

    /// Most couriers repay their shortages.
    pub(crate) fn repay_shortages(&mut self) -> Result<(), DayError<O::Error>> {
        let at = self.advance_to(self.world.clock.tonight(clock::REPAYING_SHORTAGES));
        let world = &mut self.world;
        let mut commands = Vec::new();
        for (index, courier) in world.couriers.iter_mut().enumerate() {
            let owed = world.cash.total(NoteHolder::Owed(index));
            if owed > 0 && courier.chance.happens(REPAID_PPM) {
                world.cash.move_all(NoteHolder::Owed(index), NoteHolder::Firm(courier.firm));
                courier.repayments += 1;
                let (courier, number, amount) = (courier.id, courier.repayments, amount(owed));
                commands.push(Command::RepayShortage(RepayShortage { courier, number, amount }));
            }
        }
        self.carry_out_all(at, commands).map(|_| ())
    }

    /// Returns the refused parcels to their sellers. Some are lost on the way.
    pub(crate) fn return_parcels(&mut self) -> Result<(), DayError<O::Error>> {
        let night = self.world.clock.night();
        let at = self.advance_to(self.world.clock.tonight(clock::RETURNING));
        let parcels = self.world.parcels.iter_mut();
        let refused = parcels.filter(|parcel| parcel.location == ParcelLocation::Refused);
        let commands = refused.map(|parcel| parcel.ends_refused(night)).collect();
        self.carry_out_all(at, commands).map(|_| ())
    }

    /// The last day on which money on hold becomes payable.
    pub(crate) fn last_release(&self) -> BusinessDate {
        self.sender.tally.last_payable_on.max(self.world.clock.night())
    }

    /// Releases the money whose hold has ended.
    pub(crate) fn release_holds(&mut self, date: BusinessDate) -> Result<(), DayError<O::Error>> {
        let at = self.advance_to(self.world.clock.on(date, clock::RELEASING));
        loop {
            let limit = RECORDS_PER_COMMAND_MAX;
            let events =
                self.carry_out_all(at, vec![Command::ReleaseDue(ReleaseDue { date, limit })])?;
            if events[0].is_empty() {
                self.world.released_on = date;
                return Ok(());
            }
        }
    }

    /// Plans, approves, executes and pays until no seller of these cycles is left to be paid.
    pub(crate) fn settle(
        &mut self,
        date: BusinessDate,
        cycles: &BTreeSet<SettlementCycle>,
    ) -> Result<(), DayError<O::Error>> {
        let mut number = 0;
        let returned = self.settle_once(date, cycles, &mut number, true)?;
        if returned > 0 {
            self.settle_once(date, cycles, &mut number, false)?;
        }
        Ok(())
    }

    /// Pays each firm what it has earned of money that the bank has, less the tax.
    pub(crate) fn pay_firms(&mut self, date: BusinessDate) -> Result<(), DayError<O::Error>> {
        let Some(ppm) = self.world.terms.withholding_ppm else { return Ok(()) };
        let at = self.advance_to(self.world.clock.on(date, clock::PAYING_FIRMS));
        let mut commands = Vec::new();
        for (index, earned) in self.world.earned_by_firms().into_iter().enumerate() {
            let in_bank = self.world.bank_statement.iter().map(BankLine::signed).sum();
            let world = &mut self.world;
            let firm = &mut world.firms[index];
            let due: i128 = (earned - i128::from(firm.paid)).min(in_bank);
            let Some(due) = u64::try_from(due).ok().filter(|due| *due > 0) else { continue };
            let withheld = (due * u64::from(ppm) + 500_000) / 1_000_000;
            firm.payments += 1;
            firm.paid += due;
            firm.withheld += withheld;
            let (firm, number) = (firm.id, firm.payments);
            world.bank(BankLineKind::Commission(firm), due - withheld);
            let (bank, amount) = (world.add_statement_line, amount(due));
            let (proposed_by, approved_by) = (PLANNER, APPROVER);
            commands.push(Command::PayCommission(PayCommission {
                firm,
                number,
                bank,
                amount,
                proposed_by,
                approved_by,
            }));
        }
        self.carry_out_all(at, commands).map(|_| ())
    }

    /// Runs plans and payouts; returns the number of returned payouts. `number` counts the plans of
    /// the day.
    fn settle_once(
        &mut self,
        date: BusinessDate,
        cycles: &BTreeSet<SettlementCycle>,
        number: &mut u32,
        may_come_back: bool,
    ) -> Result<u64, DayError<O::Error>> {
        let mut lines = Vec::new();
        let mut minute = clock::PLANNING;
        for cycle in cycles {
            let mut left = 1;
            while left > 0 && *number < PLANS_PER_DAY_MAX {
                *number += 1;
                let plan = PlanId::derived(&format!("{date} plan {number}"));
                let at = self.world.clock.on(date, minute);
                let Some(more) = self.plan(plan, *cycle, at)? else { break };
                left = more;
                lines.extend(self.execute(plan, self.world.clock.on(date, minute + 1))?);
                minute += 3;
            }
        }
        self.pay_out(lines, self.world.clock.on(date, clock::PAYING_OUT), may_come_back)
    }

    /// Plans a settlement. Returns the number of sellers left for a further plan, `None` if there
    /// is nothing to pay.
    fn plan(
        &mut self,
        plan: PlanId,
        cycle: SettlementCycle,
        minute: Timestamp,
    ) -> Result<Option<u32>, DayError<O::Error>> {
        let at = self.advance_to(minute);
        let planned_by = PLANNER;
        let currency = self.world.currency;
        let command = Command::PlanSettlement(PlanSettlement { plan, cycle, currency, planned_by });
        let mut answered = self.sender.send(at, vec![command])?;
        let Some(AnsweredCommand { command, answer }) = answered.pop() else { return Ok(None) };
        let events = match answer {
            Ok(events) => events,
            Err(Refusal::NothingToPay) => return Ok(None),
            Err(refusal) => return Err(DayError::refused(at, &command, refusal)),
        };
        let left = events.iter().find_map(|event| match event {
            Event::SettlementPlanned { left, .. } => Some(*left),
            _ => None,
        });
        Ok(left)
    }

    /// A second person approves the plan; then its payouts are sent.
    fn execute(
        &mut self,
        plan: PlanId,
        minute: Timestamp,
    ) -> Result<Vec<PayoutLine>, DayError<O::Error>> {
        let at = self.advance_to(minute);
        let approved_by = APPROVER;
        self.carry_out_all(
            at,
            vec![Command::ApproveSettlement(ApproveSettlement { plan, approved_by })],
        )?;
        let at = self.advance_to(minute.plus_ms(MINUTE_MS));
        let bank = self.world.add_statement_line;
        let events = self.carry_out_all(
            at,
            vec![Command::ExecuteSettlement(ExecuteSettlement { plan, bank })],
        )?;
        let lines = events.into_iter().flatten().find_map(|event| match event {
            Event::SettlementExecuted { lines, .. } => Some(lines),
            _ => None,
        });
        let lines: Vec<PayoutLine> = lines.unwrap_or_default();
        if let Some(today) = &mut self.world.stated {
            today.plans.push((plan, lines.iter().map(|line| line.payout).collect()));
        }
        Ok(lines)
    }

    /// The bank confirms or returns the payouts; returns the number of returned ones.
    fn pay_out(
        &mut self,
        lines: Vec<PayoutLine>,
        minute: Timestamp,
        may_come_back: bool,
    ) -> Result<u64, DayError<O::Error>> {
        let at = self.advance_to(minute);
        let world = &mut self.world;
        let (mut commands, mut back) = (Vec::with_capacity(lines.len()), 0);
        for PayoutLine { payout, seller, net, .. } in lines {
            let net = net.minor();
            let mut chance = Chance::new(world.seed, ChancePurpose::Bank, payout.0);
            if chance.happens(world.rates.payout_returned) && may_come_back {
                back += 1;
                world.stated.iter_mut().for_each(|today| today.returned.push((payout, net)));
                commands.push(Command::ReturnPayout(ReturnPayout { payout }));
                continue;
            }
            world.bank(BankLineKind::Payout(payout), net);
            match world.seller_indexes.get(&seller) {
                Some(&index) => world.sellers[index].paid += net,
                None => world.discrepancies.push(format!("{seller:?} was paid but has no parcel")),
            }
            commands.push(Command::ConfirmPayout(ConfirmPayout { payout }));
        }
        let total = commands.len() as u64;
        self.carry_out_all(at, commands)?;
        self.report_progress(DayStage::Settling, total, total);
        Ok(back)
    }
}
