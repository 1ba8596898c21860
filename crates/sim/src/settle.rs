//! The night and the following days: deposits, clearing, returns, releases, settlement, payouts.

use books::{
    AnnounceDeposit, ApproveSettlement, BreakSubject, BusinessDate, Command, ConfirmClearing,
    ConfirmDeposit, ConfirmPayout, DepositId, Event, ExecuteSettlement, PaymentId, PayoutLine,
    PersonId, PlanId, PlanSettlement, RECORDS_PER_COMMAND_MAX, Refusal, ReleaseDue, RepayShortage,
    ReturnParcel, ReturnPayout, SettlementCycle, Timestamp,
};
use peers::clearing::ClearingFile;

use crate::backend::{Backend, DayError};
use crate::books::{BankLineKind, BreakCause, ExpectedBreak, ParcelLocation, RailItem};
use crate::chance::{Chance, ChancePurpose};
use crate::clock::{self, MINUTE_MS};
use crate::command_sender::AnsweredCommand;
use crate::day::{DayRun, DayStage};
use crate::payment_path::PaymentPathError;
use crate::rates::{REPAID_PPM, WHOLE_PPM};
use crate::world::{NoteHolder, World, amount};

/// The most settlement plans of a day: each has thousands of sellers.
const PLANS_PER_DAY_MAX: u32 = 1_000;
/// The largest fee difference, in minor units.
const FEE_DIFFERENCE_MAX: u64 = 20;
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
            let firm = firm.id;
            commands.push(Command::AnnounceDeposit(AnnounceDeposit {
                deposit,
                firm,
                number,
                bank,
                amount,
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
                self.world.cash.move_all(in_transit, NoteHolder::Bank);
                self.world.incidents.deposits_short += u64::from(missing > 0);
                let credited = announced - missing;
                self.world.bank(BankLineKind::Deposit(deposit), credited);
                commands.push(Command::ConfirmDeposit(ConfirmDeposit {
                    deposit,
                    credited: amount(credited),
                }));
            }
            self.carry_out_all(at, commands)?;
        }
        Ok(())
    }

    /// Clears the networks' payments from their files, and the wallet's payments.
    pub(crate) fn clear_payments(&mut self) -> Result<(), DayError<O::Error>> {
        let at = self.advance_to(self.world.clock.tomorrow(clock::CLEARING));
        for index in 0..self.world.rails.len() {
            let commands = match self.world.rail_subject(index) {
                BreakSubject::Network(_) => self.exchange_clearing_file(index, at)?,
                _ => self.clear_wallet(index),
            };
            self.carry_out_all(at, commands)?;
            self.report_progress(
                DayStage::Clearing,
                index as u64 + 1,
                self.world.rails.len() as u64,
            );
        }
        Ok(())
    }

    /// Takes a network's clearing file from its own books, stores it and reads it back.
    fn exchange_clearing_file(
        &mut self,
        index: usize,
        at: Timestamp,
    ) -> Result<Vec<Command>, DayError<O::Error>> {
        let date = self.world.clock.date;
        let mut chance = Chance::new(self.world.seed, ChancePurpose::Clearing, index as u64);
        let mut file = self.payment_path.clearing_file(index, date, at);
        for line in &mut file.lines {
            let payment = self.payment_path.payment_of_line(index, line);
            let item = payment.and_then(|payment| self.world.rails[index].items.get(&payment));
            if let Some(item) = item {
                let deducted = self.world.deduction(item, &mut chance);
                line.deducted = i64::try_from(deducted).unwrap_or(i64::MAX);
            }
        }
        let name = format!("clearing-{}-{date}.txt", file.network);
        let text = file.to_text().map_err(PaymentPathError::from)?;
        let text = self.sender.store_file(&name, text)?;
        let file = ClearingFile::parse(&text).map_err(PaymentPathError::from)?;
        let mut cleared = Vec::with_capacity(file.lines.len());
        for line in &file.lines {
            let (Some(payment), Ok(amount), Ok(deducted)) = (
                self.payment_path.payment_of_line(index, line),
                u64::try_from(line.amount),
                u64::try_from(line.deducted),
            ) else {
                self.world.discrepancies.push(format!("the engine has no payment for {line:?}"));
                continue;
            };
            cleared.push((payment, amount, deducted));
        }
        Ok(self.world.confirm_clearing(index, cleared))
    }

    /// Clears the wallet's payments; the wallet sends no file.
    fn clear_wallet(&mut self, index: usize) -> Vec<Command> {
        let mut chance = Chance::new(self.world.seed, ChancePurpose::Clearing, index as u64);
        let items = self.world.rails[index].items.iter();
        let standing = items.filter(|(_, item)| item.moves_money()).map(|(payment, item)| {
            (*payment, item.amount, self.world.deduction(item, &mut chance))
        });
        let cleared = standing.collect();
        self.world.confirm_clearing(index, cleared)
    }

    /// Most couriers repay their shortages.
    pub(crate) fn repay_shortages(&mut self) -> Result<(), DayError<O::Error>> {
        let at = self.advance_to(self.world.clock.tomorrow(clock::REPAYING_SHORTAGES));
        let world = &mut self.world;
        let mut commands = Vec::new();
        for (index, courier) in world.couriers.iter_mut().enumerate() {
            let owed = world.cash.total(NoteHolder::Owed(index));
            if owed > 0 && courier.chance.happens(REPAID_PPM) {
                world.cash.move_all(NoteHolder::Owed(index), NoteHolder::Firm(courier.firm));
                let (courier, number, amount) = (courier.id, 1, amount(owed));
                commands.push(Command::RepayShortage(RepayShortage { courier, number, amount }));
            }
        }
        self.carry_out_all(at, commands).map(|_| ())
    }

    /// Returns the refused parcels to their sellers.
    pub(crate) fn return_parcels(&mut self) -> Result<(), DayError<O::Error>> {
        let at = self.advance_to(self.world.clock.tomorrow(clock::RETURNING));
        let parcels = self.world.parcels.iter_mut();
        let refused = parcels.filter(|parcel| parcel.location == ParcelLocation::Refused);
        let back = refused.map(|parcel| {
            parcel.location = ParcelLocation::Returned;
            Command::ReturnParcel(ReturnParcel { parcel: parcel.id })
        });
        let commands = back.collect();
        self.carry_out_all(at, commands).map(|_| ())
    }

    /// Releases all money on hold on the latest date on which it becomes payable, and returns that
    /// date.
    pub(crate) fn release_holds(&mut self) -> Result<BusinessDate, DayError<O::Error>> {
        let tomorrow = self.world.clock.date.plus_days(1);
        let date = self.sender.tally.last_payable_on.max(tomorrow);
        let at = self.advance_to(self.world.clock.on(date, clock::RELEASING));
        loop {
            let on_hold = self.sender.tally.counts.held - self.sender.tally.counts.released;
            if on_hold == 0 {
                return Ok(date);
            }
            let limit = RECORDS_PER_COMMAND_MAX;
            let events =
                self.carry_out_all(at, vec![Command::ReleaseDue(ReleaseDue { date, limit })])?;
            assert!(!events[0].is_empty(), "all money on hold is payable on the latest date");
        }
    }

    /// Plans, approves, executes and pays until no seller is left to be paid.
    pub(crate) fn settle(
        &mut self,
        from: BusinessDate,
        cycle: SettlementCycle,
    ) -> Result<(), DayError<O::Error>> {
        let first = self.settle_on(from, cycle, true)?;
        if first > 0 {
            self.settle_on(from.plus_days(1), cycle, false)?;
        }
        Ok(())
    }

    /// Runs the plans and payouts of one day; returns the number of returned payouts.
    fn settle_on(
        &mut self,
        date: BusinessDate,
        cycle: SettlementCycle,
        may_come_back: bool,
    ) -> Result<u64, DayError<O::Error>> {
        let mut lines = Vec::new();
        let mut minute = clock::PLANNING;
        for number in 1..=PLANS_PER_DAY_MAX {
            let plan = PlanId::derived(&format!("{date} plan {number}"));
            let Some(left) = self.plan(plan, cycle, self.world.clock.on(date, minute))? else {
                break;
            };
            minute += 10;
            lines.extend(self.execute(plan, self.world.clock.on(date, minute))?);
            minute += 10;
            if left == 0 {
                break;
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
        let planned_by = PersonId::derived("planner");
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
        let approved_by = PersonId::derived("approver");
        self.carry_out_all(
            at,
            vec![Command::ApproveSettlement(ApproveSettlement { plan, approved_by })],
        )?;
        let at = self.advance_to(minute.plus_ms(5 * MINUTE_MS));
        let bank = self.world.add_statement_line;
        let events = self.carry_out_all(
            at,
            vec![Command::ExecuteSettlement(ExecuteSettlement { plan, bank })],
        )?;
        let lines = events.into_iter().flatten().find_map(|event| match event {
            Event::SettlementExecuted { lines, .. } => Some(lines),
            _ => None,
        });
        let lines = lines.unwrap_or_default();
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

impl World {
    /// The fee that a network or wallet deducts from a payment: usually that of the tariff.
    fn deduction(&self, item: &RailItem, chance: &mut Chance) -> u64 {
        let expected = self.rail_deduction(item.method, item.amount, item.requested_on);
        let differs = chance.happens(self.rates.fee_difference);
        let more = chance.happens(WHOLE_PPM / 2);
        let by = chance.between(1, FEE_DIFFERENCE_MAX);
        match (differs, more) {
            (false, _) => expected,
            (true, true) => (expected + by).min(item.amount),
            (true, false) => expected.saturating_sub(by),
        }
    }

    /// Confirms the clearing of payments, each with its amount and the deducted fee.
    fn confirm_clearing(
        &mut self,
        index: usize,
        cleared: Vec<(PaymentId, u64, u64)>,
    ) -> Vec<Command> {
        let subject = self.rail_subject(index);
        let (mut commands, mut received) = (Vec::with_capacity(cleared.len()), 0);
        for (payment, minor, deducted) in cleared {
            let Some(mut item) = self.rails[index].items.get(&payment).copied() else {
                self.discrepancies.push(format!("{payment:?} is cleared but was never requested"));
                continue;
            };
            let expected = self.rail_deduction(item.method, item.amount, item.requested_on);
            if deducted != expected {
                use books::BreakSide::{Excess, Shortfall};
                self.expected_breaks.push(ExpectedBreak {
                    cause: BreakCause::FeeDifference(payment),
                    subject,
                    side: if deducted > expected { Shortfall } else { Excess },
                    amount: deducted.abs_diff(expected),
                });
            }
            item.deducted = Some(deducted);
            self.rails[index].items.insert(payment, item);
            received += minor.saturating_sub(deducted);
            commands.push(Command::ConfirmClearing(ConfirmClearing {
                bank: self.add_statement_line,
                payment,
                amount: amount(minor),
                deducted: amount(deducted),
            }));
        }
        if received > 0 {
            self.bank(BankLineKind::Clearing(subject), received);
        }
        commands
    }
}
