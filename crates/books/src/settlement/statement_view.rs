//! Read-only queries about a seller's money, and about plans.

use std::collections::BTreeMap;

use money::{Amount, Currency};
use tariff::BusinessDate;

use crate::books::Books;
use crate::command::SettlementCycle;
use crate::event::PayoutLine;
use crate::ids::{PayoutId, PersonId, PlanId, SellerId};
use crate::payment::record::PaymentRecord;
use crate::settlement::record::Planner;
pub use crate::settlement::record::Statement;
use crate::settlement::view::OpenInvoice;

/// A seller's account in one currency, as the seller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SellerStatement {
    pub currency: Currency,
    pub cycle: SettlementCycle,
    /// The least amount of a payout.
    pub minimum: Amount,
    /// Collected, and not payable yet; in minor units.
    pub held: i128,
    /// The part of `held` that becomes payable on a day, less refunds.
    pub releases: Vec<(BusinessDate, u128)>,
    /// Payable and in no plan, in minor units. Below zero, the seller owes.
    pub payable: i128,
    /// Since this day the payable balance is below zero.
    pub below_zero_since: Option<BusinessDate>,
    /// What `payable` consists of.
    pub next: Statement,
    /// In plans that are not executed.
    pub planned: Vec<PlannedLine>,
    /// Sent; the bank has not confirmed them.
    pub in_flight: Vec<(PayoutId, Amount)>,
    /// Confirmed by the bank, as long as they can still come back
    /// ([`PAYOUT_RETURN_DAYS`](crate::PAYOUT_RETURN_DAYS)).
    pub paid: Vec<(PayoutId, Amount, BusinessDate)>,
    pub invoices: Vec<OpenInvoice>,
}

/// A seller's line in a plan that is not executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedLine {
    pub plan: PlanId,
    /// Whether a second person approved it.
    pub approved: bool,
    pub line: PayoutLine,
}

/// A plan that is not executed, without its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenPlan {
    pub id: PlanId,
    pub currency: Currency,
    pub cycle: SettlementCycle,
    pub approved: bool,
    /// Who made it. `None`: the calendar.
    pub planned_by: Option<PersonId>,
    pub payouts: usize,
    /// In minor units.
    pub net: u128,
}

impl Books {
    /// A seller's accounts, one for each currency. Empty for a seller that is not registered.
    #[must_use]
    pub fn seller_statements(&self, id: SellerId) -> Vec<SellerStatement> {
        let sellers = (0..).zip(self.sellers.iter()).filter(|(_, seller)| seller.id == id);
        let statements = sellers.map(|(number, seller)| {
            let terms = seller.terms.on(self.last_date());
            let planned = self.reference_data.plans.iter().flat_map(|(plan, record)| {
                let approved = record.status.open() == Some(true);
                let lines = record.lines.iter().map(|(line, _)| *line);
                lines.map(move |line| PlannedLine { plan: *plan, approved, line })
            });
            let currency = self.currency_at(seller.currency);
            let payouts = &self.reference_data.payouts;
            let payouts = payouts.iter().filter(|(_, payout)| payout.seller == number);
            let (paid, in_flight) =
                payouts.partition::<Vec<_>, _>(|(_, one)| one.arrived.is_some());
            let invoices = self.open_invoices();
            SellerStatement {
                currency,
                cycle: terms.cycle,
                minimum: terms.minimum,
                held: self.ledger.account(seller.held).balance(),
                releases: self.releases_where(|item| item.seller == number),
                payable: self.ledger.account(seller.payable).available(),
                below_zero_since: self.reference_data.sellers_below_zero.get(&number).copied(),
                next: seller.statement,
                planned: planned
                    .filter(|one| one.line.seller == id && one.line.currency == currency)
                    .collect(),
                in_flight: in_flight.into_iter().map(|(id, payout)| (*id, payout.net)).collect(),
                paid: paid
                    .into_iter()
                    .filter_map(|(id, payout)| Some((*id, payout.net, payout.arrived?)))
                    .collect(),
                invoices: invoices
                    .filter(|one| one.seller == id && one.currency == currency)
                    .collect(),
            }
        });
        statements.collect()
    }

    /// What is collected for a seller and not payable yet, in minor units. 0 without an account.
    #[must_use]
    pub fn held_for(&self, seller: SellerId, currency: Currency) -> i128 {
        let number = self.seller_number(seller, currency);
        number.map_or(0, |number| self.ledger.account(self.sellers.get(number).held).balance())
    }

    /// Held money that becomes payable on a day, by day and in minor units: sellers' shares, less
    /// refunds, and discounts. What waits for a delivery has no day.
    fn releases_where(&self, wanted: impl Fn(&PaymentRecord) -> bool) -> Vec<(BusinessDate, u128)> {
        let mut days: BTreeMap<BusinessDate, u128> = BTreeMap::new();
        for (date, due) in &self.reference_data.pending_releases {
            let items = due.iter().map(|one| self.payment(one.slot)).filter(|item| wanted(item));
            let sum: u128 = items.map(|item| u128::from(item.held_share().minor())).sum();
            *days.entry(*date).or_default() += sum;
        }
        for (newest, date, amount) in self.dated_discounts() {
            if wanted(self.payment(newest)) {
                *days.entry(date).or_default() += u128::from(amount.minor());
            }
        }
        days.into_iter().filter(|(_, sum)| *sum > 0).collect()
    }

    /// Held money that can be released on a day, by currency, in minor units.
    #[must_use]
    pub fn releases_due(&self, today: BusinessDate) -> Vec<(Currency, u128)> {
        let currency = |item: &PaymentRecord| self.sellers.get(item.seller).currency;
        let places = (0..).zip(self.currencies());
        let due = places.map(|(place, code)| {
            let days = self.releases_where(|item| currency(item) == place);
            (code, days.iter().filter(|(date, _)| *date <= today).map(|(_, sum)| sum).sum())
        });
        due.filter(|(_, sum)| *sum > 0).collect()
    }

    /// What a plan of a day would pay, by cycle and currency: the number of sellers, and the sum in
    /// minor units.
    #[must_use]
    pub fn payable_by_cycle(
        &self,
        today: BusinessDate,
    ) -> Vec<(SettlementCycle, Currency, usize, u128)> {
        let mut sums: BTreeMap<(SettlementCycle, u8), (usize, u128)> = BTreeMap::new();
        for seller in self.sellers.iter().filter(|one| !self.is_seller_suspended(one.id)) {
            let terms = seller.terms.on(today);
            let available = self.ledger.account(seller.payable).available();
            let minimum = i128::from(terms.minimum.minor()).max(1);
            if let Some(amount) = u128::try_from(available).ok().filter(|_| available >= minimum) {
                let (sellers, sum) = sums.entry((terms.cycle, seller.currency)).or_default();
                *sellers += 1;
                *sum += amount;
            }
        }
        let rows = sums
            .into_iter()
            .map(|((cycle, place), (sellers, sum))| (cycle, self.currency_at(place), sellers, sum));
        rows.collect()
    }

    /// The plans that are planned or approved, by id.
    pub fn open_plans(&self) -> impl Iterator<Item = OpenPlan> {
        self.reference_data.plans.iter().filter_map(|(id, plan)| {
            let approved = plan.status.open()?;
            Some(OpenPlan {
                id: *id,
                currency: plan.currency,
                cycle: plan.cycle,
                approved,
                planned_by: match plan.planner {
                    Planner::Person(person) => Some(person),
                    Planner::Calendar(_) => None,
                },
                payouts: plan.lines.len(),
                net: plan.lines.iter().map(|(line, _)| u128::from(line.net.minor())).sum(),
            })
        })
    }
}
