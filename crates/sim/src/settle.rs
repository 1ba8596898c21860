//! The night and the days after: deposits, clearing, returns, releases, settlement, payouts.

use engine::{
    BreakSubject, BusinessDate, Command, Cycle, DepositId, Event, ITEMS_PER_COMMAND_MAX,
    PayoutLine, PersonId, PlanId, Refusal, TenderId, Timestamp,
};
use peers::clearing::ClearingFile;

use crate::books::{BankLineKind, BreakCause, NamedBreak, RailItem, Whereabouts};
use crate::chance::{Chance, Theme};
use crate::clock::{self, MINUTE_MS};
use crate::day::{Run, Stage};
use crate::desk::Answered;
use crate::doors::DoorError;
use crate::office::{DayError, Office};
use crate::rates::{REPAID_PPM, WHOLE_PPM};
use crate::world::{World, amount};

/// A fee difference is at most so many minor units.
const FEE_DIFFERENCE_MAX: u64 = 20;
/// A deposit is credited short by at most this part of it.
const DEPOSIT_SHORT_PART: u64 = 20;

impl<O: Office> Run<'_, O> {
    /// Firms bring what is in their vaults to the bank.
    pub(crate) fn deposit(&mut self, minute: Timestamp) -> Result<(), DayError<O::Error>> {
        let at = self.at(minute);
        let (date, bank) = (self.world.clock.date, self.world.bank);
        let mut commands = Vec::new();
        for firm in self.world.firms.iter_mut().filter(|firm| firm.vault > 0) {
            firm.deposit_count += 1;
            let deposit =
                DepositId::derived(&format!("{date} {} {}", firm.reference, firm.deposit_count));
            let minor = std::mem::take(&mut firm.vault);
            firm.deposits.push((deposit, minor));
            let (number, amount) = (firm.deposit_count, amount(minor));
            let firm = firm.id;
            commands.push(Command::AnnounceDeposit { deposit, firm, number, bank, amount });
        }
        self.certain(at, commands).map(|_| ())
    }

    /// The bank's statement shows the deposits. `may_be_short` where a forged note may be among
    /// them; the firm has to bring what is missing.
    pub(crate) fn credit_deposits(
        &mut self,
        minute: Timestamp,
        may_be_short: bool,
    ) -> Result<(), DayError<O::Error>> {
        // One deposit of each firm at a time: the books know a firm's last one again, no other.
        while self.world.firms.iter().any(|firm| !firm.deposits.is_empty()) {
            let at = self.at(minute);
            let mut commands = Vec::new();
            for place in 0..self.world.firms.len() {
                let firm = &mut self.world.firms[place];
                if firm.deposits.is_empty() {
                    continue;
                }
                let (deposit, announced) = firm.deposits.remove(0);
                let mut chance = Chance::new(self.world.seed, Theme::Bank, deposit.0);
                let short = chance.happens(self.world.rates.deposit_short);
                let missing = chance.between(1, (announced / DEPOSIT_SHORT_PART).max(1));
                let missing = if short && may_be_short { missing.min(announced - 1) } else { 0 };
                firm.vault += missing;
                self.world.incidents.deposits_short += u64::from(missing > 0);
                let credited = announced - missing;
                self.world.bank(BankLineKind::Deposit(deposit), credited);
                commands.push(Command::ConfirmDeposit { deposit, credited: amount(credited) });
            }
            self.certain(at, commands)?;
        }
        Ok(())
    }

    /// The files of networks, and what the wallet pays, item by item.
    pub(crate) fn clear(&mut self) -> Result<(), DayError<O::Error>> {
        let at = self.at(self.world.clock.tomorrow(clock::CLEARING));
        for place in 0..self.world.rails.len() {
            let commands = match self.world.rail_subject(place) {
                BreakSubject::Network(_) => self.clearing_file(place, at)?,
                _ => self.wallet_pays(place),
            };
            self.certain(at, commands)?;
            self.show(Stage::Clearing, place as u64 + 1, self.world.rails.len() as u64);
        }
        Ok(())
    }

    /// A network's file, as it is kept and read back: what the network has in its own books.
    fn clearing_file(
        &mut self,
        place: usize,
        at: Timestamp,
    ) -> Result<Vec<Command>, DayError<O::Error>> {
        let date = self.world.clock.date;
        let mut chance = Chance::new(self.world.seed, Theme::Clearing, place as u64);
        let mut file = self.doors.clear(place, date, at);
        for line in &mut file.lines {
            let tender = self.doors.tender_of_line(place, line);
            let item = tender.and_then(|tender| self.world.rails[place].items.get(&tender));
            if let Some(item) = item {
                let kept_back = self.world.kept_back(item, &mut chance);
                line.kept_back = i64::try_from(kept_back).unwrap_or(i64::MAX);
            }
        }
        let name = format!("clearing-{}-{date}.txt", file.network);
        let text = file.to_text().map_err(DoorError::from)?;
        let text = self.desk.keep(&name, text)?;
        let file = ClearingFile::parse(&text).map_err(DoorError::from)?;
        let mut cleared = Vec::with_capacity(file.lines.len());
        for line in &file.lines {
            let (Some(tender), Ok(amount), Ok(kept_back)) = (
                self.doors.tender_of_line(place, line),
                u64::try_from(line.amount),
                u64::try_from(line.kept_back),
            ) else {
                self.world.disagreements.push(format!("the books never began {line:?}"));
                continue;
            };
            cleared.push((tender, amount, kept_back));
        }
        Ok(self.world.cleared(place, cleared))
    }

    /// What the wallet pays: it needs no file.
    fn wallet_pays(&mut self, place: usize) -> Vec<Command> {
        let mut chance = Chance::new(self.world.seed, Theme::Clearing, place as u64);
        let items = self.world.rails[place].items.iter();
        let standing = items
            .filter(|(_, item)| item.stands())
            .map(|(tender, item)| (*tender, item.amount, self.world.kept_back(item, &mut chance)));
        let cleared = standing.collect();
        self.world.cleared(place, cleared)
    }

    /// Couriers pay up what was short, most of them.
    pub(crate) fn repay(&mut self) -> Result<(), DayError<O::Error>> {
        let at = self.at(self.world.clock.tomorrow(clock::REPAYING));
        let world = &mut self.world;
        let mut commands = Vec::new();
        for courier in world.couriers.iter_mut().filter(|courier| courier.owes > 0) {
            if courier.chance.happens(REPAID_PPM) {
                let owed = std::mem::take(&mut courier.owes);
                world.firms[courier.firm].vault += owed;
                let (courier, number, amount) = (courier.id, 1, amount(owed));
                commands.push(Command::RepayShortage { courier, number, amount });
            }
        }
        self.certain(at, commands).map(|_| ())
    }

    /// Refused parcels are back at their sellers'.
    pub(crate) fn return_parcels(&mut self) -> Result<(), DayError<O::Error>> {
        let at = self.at(self.world.clock.tomorrow(clock::RETURNING));
        let parcels = self.world.parcels.iter_mut();
        let refused = parcels.filter(|parcel| parcel.whereabouts == Whereabouts::Refused);
        let back = refused.map(|parcel| {
            parcel.whereabouts = Whereabouts::Returned;
            Command::ReturnParcel { parcel: parcel.id }
        });
        let commands = back.collect();
        self.certain(at, commands).map(|_| ())
    }

    /// Releases what is on hold when its time has come, however many days that takes; tells on
    /// which day that is.
    pub(crate) fn release(&mut self) -> Result<BusinessDate, DayError<O::Error>> {
        let tomorrow = self.world.clock.date.plus(1);
        let date = self.desk.tally.last_payable_on.max(tomorrow);
        let at = self.at(self.world.clock.on(date, clock::RELEASING));
        loop {
            let on_hold = self.desk.tally.counts.held - self.desk.tally.counts.released;
            if on_hold == 0 {
                return Ok(date);
            }
            let limit = ITEMS_PER_COMMAND_MAX;
            let events = self.certain(at, vec![Command::ReleaseDue { date, limit }])?;
            assert!(!events[0].is_empty(), "what is on hold is due on the last date");
        }
    }

    /// Plans, approves, executes and pays until nobody is to be paid any more.
    pub(crate) fn settle(
        &mut self,
        from: BusinessDate,
        cycle: Cycle,
    ) -> Result<(), DayError<O::Error>> {
        let first = self.settle_on(from, cycle, true)?;
        if first > 0 {
            self.settle_on(from.plus(1), cycle, false)?;
        }
        Ok(())
    }

    /// One day's plans and payouts; tells how many came back.
    fn settle_on(
        &mut self,
        date: BusinessDate,
        cycle: Cycle,
        may_come_back: bool,
    ) -> Result<u64, DayError<O::Error>> {
        let mut lines = Vec::new();
        let mut minute = clock::PLANNING;
        for number in 1.. {
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
        self.pay_out(lines, self.world.clock.on(date, clock::PAYING), may_come_back)
    }

    /// Plans, if somebody is to be paid; tells how many sellers are left for a further plan.
    fn plan(
        &mut self,
        plan: PlanId,
        cycle: Cycle,
        minute: Timestamp,
    ) -> Result<Option<u32>, DayError<O::Error>> {
        let at = self.at(minute);
        let planned_by = PersonId::derived("planner");
        let currency = self.world.currency;
        let command = Command::PlanSettlement { plan, cycle, currency, planned_by };
        let mut answered = self.desk.call(at, vec![command])?;
        let Some(Answered { command, answer }) = answered.pop() else { return Ok(None) };
        let events = match answer {
            Ok(events) => events,
            Err(Refusal::NothingToPay) => return Ok(None),
            Err(refusal) => return Err(DayError::refused(at, &command, refusal)),
        };
        let left = events.iter().find_map(|event| match event {
            Event::Planned { left, .. } => Some(*left),
            _ => None,
        });
        Ok(left)
    }

    /// A second person approves, then the payouts are sent.
    fn execute(
        &mut self,
        plan: PlanId,
        minute: Timestamp,
    ) -> Result<Vec<PayoutLine>, DayError<O::Error>> {
        let at = self.at(minute);
        let approved_by = PersonId::derived("approver");
        self.certain(at, vec![Command::ApproveSettlement { plan, approved_by }])?;
        let at = self.at(minute.plus_ms(5 * MINUTE_MS));
        let bank = self.world.bank;
        let events = self.certain(at, vec![Command::ExecuteSettlement { plan, bank }])?;
        let lines = events.into_iter().flatten().find_map(|event| match event {
            Event::Executed { lines, .. } => Some(lines),
            _ => None,
        });
        let lines = lines.unwrap_or_default();
        Ok(lines)
    }

    /// The bank pays, or cannot; tells how many payouts came back.
    fn pay_out(
        &mut self,
        lines: Vec<PayoutLine>,
        minute: Timestamp,
        may_come_back: bool,
    ) -> Result<u64, DayError<O::Error>> {
        let at = self.at(minute);
        let world = &mut self.world;
        let (mut commands, mut back) = (Vec::with_capacity(lines.len()), 0);
        for PayoutLine { payout, seller, net, .. } in lines {
            let net = net.minor();
            let mut chance = Chance::new(world.seed, Theme::Bank, payout.0);
            if chance.happens(world.rates.payout_returned) && may_come_back {
                back += 1;
                commands.push(Command::ReturnPayout { payout });
                continue;
            }
            world.bank(BankLineKind::Payout(payout), net);
            match world.seller_places.get(&seller) {
                Some(&place) => world.sellers[place].paid += net,
                None => world.disagreements.push(format!("{seller:?} was paid and never sold")),
            }
            commands.push(Command::ConfirmPayout { payout });
        }
        let total = commands.len() as u64;
        self.certain(at, commands)?;
        self.show(Stage::Settling, total, total);
        Ok(back)
    }
}

impl World {
    /// What a network or wallet keeps back of a payment: what the tariff says, most of the time.
    fn kept_back(&self, item: &RailItem, chance: &mut Chance) -> u64 {
        let expected = self.kept_by_rail(item.how, item.amount, item.asked_on);
        let differs = chance.happens(self.rates.fee_difference);
        let more = chance.happens(WHOLE_PPM / 2);
        let by = chance.between(1, FEE_DIFFERENCE_MAX);
        match (differs, more) {
            (false, _) => expected,
            (true, true) => (expected + by).min(item.amount),
            (true, false) => expected.saturating_sub(by),
        }
    }

    /// Payments are cleared, each with what is kept back of it.
    fn cleared(&mut self, place: usize, cleared: Vec<(TenderId, u64, u64)>) -> Vec<Command> {
        let subject = self.rail_subject(place);
        let (mut commands, mut received) = (Vec::with_capacity(cleared.len()), 0);
        for (tender, minor, kept_back) in cleared {
            let Some(mut item) = self.rails[place].items.get(&tender).copied() else {
                self.disagreements.push(format!("{tender:?} is cleared and was never asked for"));
                continue;
            };
            let expected = self.kept_by_rail(item.how, item.amount, item.asked_on);
            if kept_back != expected {
                use engine::BreakSide::{Excess, Shortfall};
                self.breaks.push(NamedBreak {
                    cause: BreakCause::FeeDifference(tender),
                    subject,
                    side: if kept_back > expected { Shortfall } else { Excess },
                    amount: kept_back.abs_diff(expected),
                });
            }
            item.kept_back = Some(kept_back);
            self.rails[place].items.insert(tender, item);
            received += minor.saturating_sub(kept_back);
            commands.push(Command::ConfirmClearing {
                bank: self.bank,
                tender,
                amount: amount(minor),
                kept_back: amount(kept_back),
            });
        }
        if received > 0 {
            self.bank(BankLineKind::Clearing(subject), received);
        }
        commands
    }
}
