use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use books::{
    Books, BusinessDate, Command, Event, ParcelId, PaymentId, PayoutAccountView, PayoutId,
    PayoutLine, PlanId, SellerId, Timestamp,
};
use engine::{CommandOutcome, Engine, Submission};
use market::{Market, MarketEvent};
use money::Currency;
use node::replay::ReplayObserver;
use serde::Serialize;
use tariff::{LossOwner, PaymentMethod};

use crate::{ReportError, replay_all};

/// How many events of a kind, and the sum of their amounts in minor units.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventSum {
    pub count: u64,
    pub amount: u64,
}

/// A settlement plan of which payouts were sent.
#[derive(Clone, Debug)]
pub struct ExecutedPlan {
    pub id: PlanId,
    pub at: Timestamp,
    pub date: BusinessDate,
    pub lines: Vec<PayoutLine>,
    /// The accounts that the sellers had when it was executed.
    pub accounts: HashMap<PayoutId, PayoutAccountView>,
    /// The first accounts of sellers who had none then.
    pub late_accounts: BTreeMap<PayoutId, LateAccount>,
}

/// What the bank did with a payout last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PayoutEnd {
    Confirmed,
    Returned,
}

/// An account that a seller got after a plan was executed.
#[derive(Clone, Copy, Debug)]
pub struct LateAccount {
    pub account: PayoutAccountView,
    pub at: Timestamp,
    pub date: BusinessDate,
}

/// Sums of the journal's events. Amounts are in minor units.
#[derive(Debug, Default)]
pub struct DaySums {
    pub parcels: u64,
    pub announced: u64,
    pub card: EventSum,
    pub qr: EventSum,
    pub cash: EventSum,
    pub delivered: u64,
    pub attempts: u64,
    pub part_accepted: u64,
    pub refused: EventSum,
    pub returned: EventSum,
    /// Refunds and chargebacks.
    pub refunded: EventSum,
    pub declined: u64,
    pub became_unknown: u64,
    pub reversed: u64,
    pub late_approvals: u64,
    pub short: EventSum,
    pub surplus: EventSum,
    pub breaks: u64,
    pub paid: EventSum,
    /// Freight charged, less what was given back.
    pub freight: i128,
    pub payouts_returned: EventSum,
    pub market: MarketSums,
    pub plans: Vec<ExecutedPlan>,
    /// The payouts that are not in flight any more.
    pub ended_payouts: BTreeMap<PayoutId, PayoutEnd>,
    /// The payouts of sellers without an account, by the plan's place.
    without_account: HashMap<(SellerId, Currency), Vec<(usize, PayoutId)>>,
    due: HashMap<ParcelId, u64>,
    collected: HashMap<PaymentId, (PaymentMethod, u64)>,
}

/// What the market sold, as the orders were placed.
#[derive(Clone, Copy, Debug, Default)]
pub struct MarketSums {
    /// With what they ask for.
    pub orders: EventSum,
    pub units: u64,
    /// Of the units, at a flash price.
    pub flash_units: u64,
    /// The discounts, by who pays them.
    pub by_platform: u64,
    pub by_sellers: u64,
}

impl MarketSums {
    fn add(&mut self, event: &MarketEvent, market: &Market) {
        let MarketEvent::OrderPlaced { order, total, discounts, .. } = event else { return };
        self.orders.add(total.minor());
        self.by_platform += discounts.iter().map(|one| one.platform.minor()).sum::<u64>();
        self.by_sellers += discounts.iter().map(|one| one.sellers.minor()).sum::<u64>();
        let Some(order) = market.order_view(*order) else { return };
        self.units += order.units.len() as u64;
        self.flash_units += order.units.iter().filter(|unit| unit.flash).count() as u64;
    }
}

impl EventSum {
    fn add(&mut self, amount: u64) {
        self.count += 1;
        self.amount += amount;
    }
}

impl ReplayObserver for DaySums {
    fn command(
        &mut self,
        submission: &Submission,
        at: Timestamp,
        outcome: &CommandOutcome,
        engine: &Engine,
    ) -> Result<(), String> {
        for event in &outcome.books.events {
            self.parcel_event(event);
            self.money_event(event);
            if let Event::SettlementExecuted { plan, lines } = event
                && !lines.is_empty()
            {
                self.plan_executed(*plan, at, lines, engine.books());
            }
        }
        outcome.market.iter().for_each(|event| self.market.add(event, engine.market()));
        if let engine::Command::Books(Command::SetPayoutAccount(set)) = &submission.command {
            let (account, date) = ((set.seller, set.currency), engine.books().last_date());
            let waiting = self.without_account.remove(&account).unwrap_or_default();
            let account = PayoutAccountView { number: set.number, digest: set.digest };
            for (plan, payout) in waiting {
                let late = LateAccount { account, at, date };
                self.plans[plan].late_accounts.insert(payout, late);
            }
        }
        Ok(())
    }
}

impl DaySums {
    /// Sums up the whole journal of a data directory. Also returns the books at its end.
    pub fn of(data: &Path) -> Result<(DaySums, Engine), ReportError> {
        let mut sums = DaySums::default();
        let (engine, _) = replay_all(data, &mut sums)?;
        Ok((sums, engine))
    }

    fn plan_executed(&mut self, id: PlanId, at: Timestamp, lines: &[PayoutLine], books: &Books) {
        let mut accounts = HashMap::new();
        for line in lines {
            match books.payout_account(line.seller, line.currency) {
                Some(account) => {
                    accounts.insert(line.payout, account);
                }
                None => {
                    let waiting = self.without_account.entry((line.seller, line.currency));
                    waiting.or_default().push((self.plans.len(), line.payout));
                }
            }
        }
        self.plans.push(ExecutedPlan {
            id,
            at,
            date: books.last_date(),
            lines: lines.to_vec(),
            accounts,
            late_accounts: BTreeMap::new(),
        });
    }

    fn parcel_event(&mut self, event: &Event) {
        match event {
            Event::ParcelAnnounced { parcel, due, .. } => {
                self.parcels += 1;
                self.announced += due.minor();
                self.due.insert(*parcel, due.minor());
            }
            Event::PartAccepted { parcel, before, due } => {
                self.part_accepted += 1;
                self.refused.amount += before.minor() - due.minor();
                self.due.insert(*parcel, due.minor());
            }
            Event::DueAmended { parcel, before, due } => {
                self.announced = self.announced - before.minor() + due.minor();
                self.due.insert(*parcel, due.minor());
            }
            Event::ParcelRefused { parcel } => {
                let due = self.due.get(parcel).copied().unwrap_or(0);
                self.refused.add(due);
            }
            Event::ParcelReturned { parcel, .. } => {
                let due = self.due.get(parcel).copied().unwrap_or(0);
                self.returned.add(due);
            }
            Event::DeliveryAttempted { .. } => self.attempts += 1,
            Event::ParcelDelivered { .. } => self.delivered += 1,
            Event::ParcelReopened { .. } => self.delivered -= 1,
            _ => {}
        }
    }

    fn collected_by(&mut self, method: PaymentMethod) -> &mut EventSum {
        match method {
            PaymentMethod::Card(_) => &mut self.card,
            PaymentMethod::Qr => &mut self.qr,
            PaymentMethod::Cash => &mut self.cash,
        }
    }

    fn money_event(&mut self, event: &Event) {
        match event {
            Event::PaymentCollected { payment, method, amount, .. } => {
                self.collected_by(*method).add(amount.minor());
                self.collected.insert(*payment, (*method, amount.minor()));
            }
            Event::FreightCharged { freight, .. } => self.freight += i128::from(freight.minor()),
            Event::FreightReversed { freight, .. } => self.freight -= i128::from(freight.minor()),
            Event::PaymentReversed { payment, .. } => {
                self.reversed += 1;
                if let Some((method, amount)) = self.collected.remove(payment) {
                    let sum = self.collected_by(method);
                    sum.count -= 1;
                    sum.amount -= amount;
                }
            }
            Event::OfflineSaleRejected { payment, loss, .. }
                if !matches!(loss, Some(LossOwner::Firm | LossOwner::Doorstep)) =>
            {
                if let Some((method, amount)) = self.collected.remove(payment) {
                    let sum = self.collected_by(method);
                    sum.count -= 1;
                    sum.amount -= amount;
                }
            }
            Event::Refunded { amount, .. }
            | Event::ChargedBack { amount, .. }
            | Event::LossReturned { amount, .. } => {
                self.refunded.add(amount.minor());
            }
            Event::PaymentDeclined { .. } => self.declined += 1,
            Event::PaymentUnknown { .. } => self.became_unknown += 1,
            Event::LateApproval { .. } => self.late_approvals += 1,
            Event::HandOverCounted { expected, counted, .. } => {
                if counted < expected {
                    self.short.add(expected.minor() - counted.minor());
                } else if counted > expected {
                    self.surplus.add(counted.minor() - expected.minor());
                }
            }
            Event::BreakRaised { .. } => self.breaks += 1,
            Event::PayoutConfirmed { payout, net, .. } => {
                self.paid.add(net.minor());
                self.ended_payouts.insert(*payout, PayoutEnd::Confirmed);
            }
            Event::PayoutReturned { payout, net, .. } => {
                self.payouts_returned.add(net.minor());
                self.ended_payouts.insert(*payout, PayoutEnd::Returned);
            }
            _ => {}
        }
    }

    /// Every payout that was sent, by number.
    #[must_use]
    pub fn payouts(&self) -> Vec<PayoutLine> {
        let lines = self.plans.iter().flat_map(|plan| plan.lines.iter().copied());
        let by_number: BTreeMap<PayoutId, PayoutLine> =
            lines.map(|line| (line.payout, line)).collect();
        by_number.into_values().collect()
    }
}
