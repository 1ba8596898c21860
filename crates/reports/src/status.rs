use std::collections::BTreeMap;

use books::view::BreakView;
use books::{Books, BusinessDate, RailId, SettlementCycle};
use money::Currency;
use serde::Serialize;

use crate::cash::age_days;
use crate::{BooksAtHead, ParcelFilter, list_parcels, local_time};

/// The books of a morning: what is open, and what is due today. Amounts are in minor units.
#[derive(Debug, Serialize)]
pub struct StatusReport {
    /// Whether the books are for trials.
    pub trial: bool,
    /// Today.
    pub date: String,
    /// Local time of the last command.
    pub at: String,
    /// The time zone of the books, if it was set.
    pub zone: Option<String>,
    /// The last batch of the journal.
    pub batch: u64,
    /// The last batch that the newest snapshot reflects.
    pub snapshot: Option<u64>,
    pub rails: Vec<RailReport>,
    /// Payments whose outcome is unknown.
    pub unknown_payments: u64,
    pub breaks: DifferenceCount,
    /// What open breaks leave in suspense, by currency. As in the list of what waits: above zero,
    /// more was found than the books have; below zero, less.
    pub suspense: Vec<BalanceReport>,
    pub open_items: DifferenceCount,
    /// The parcels that are remembered, by state.
    pub parcels: BTreeMap<&'static str, usize>,
    /// What couriers may still ask for at the door.
    pub left_to_collect: Vec<BalanceReport>,
    pub cash_in_custody: Vec<BalanceReport>,
    /// Held money whose day of release has come.
    pub releases_due: Vec<BalanceReport>,
    /// What a settlement of each cycle would pay now.
    pub payable: Vec<PayableReport>,
    /// Plans that wait for approval or execution.
    pub plans: Vec<OpenPlanReport>,
    pub payouts_in_flight: usize,
    pub sellers_below_zero: usize,
    /// What they owe. It is not in `payable`.
    pub sellers_owe: Vec<OwedReport>,
    /// Suspended sellers' accounts and couriers, and blocked terminals, by kind of party.
    pub stopped: BTreeMap<&'static str, usize>,
    pub terms_to_come: TermsToComeCount,
}

/// How many terms begin on a later day.
#[derive(Debug, Default, Serialize)]
pub struct TermsToComeCount {
    pub count: usize,
    /// The first of these days.
    pub first: Option<String>,
}

/// A network or wallet in the books.
#[derive(Debug, Serialize)]
pub struct RailReport {
    /// `network` or `wallet`.
    pub kind: &'static str,
    /// Its reference.
    pub name: String,
    pub currency: &'static str,
    /// Local time from which it takes no new payments.
    pub withdrawn_from: Option<String>,
    pub unknown_payments: u32,
    /// What it owes.
    pub receivable: i128,
}

/// How many breaks or open items there are.
#[derive(Debug, Default, Serialize)]
pub struct DifferenceCount {
    pub count: usize,
    /// The age of the oldest.
    pub oldest_days: Option<u16>,
}

#[derive(Debug, Serialize)]
pub struct BalanceReport {
    pub currency: &'static str,
    pub amount: i128,
}

#[derive(Debug, Serialize)]
pub struct PayableReport {
    pub cycle: SettlementCycle,
    pub currency: &'static str,
    pub sellers: usize,
    pub amount: u128,
}

/// What sellers below zero owe.
#[derive(Debug, Serialize)]
pub struct OwedReport {
    pub currency: &'static str,
    pub sellers: usize,
    pub amount: i128,
}

#[derive(Debug, Serialize)]
pub struct OpenPlanReport {
    pub plan: String,
    pub cycle: SettlementCycle,
    pub currency: &'static str,
    pub payouts: usize,
    pub net: u128,
    /// Whether it is approved, and waits for its execution.
    pub approved: bool,
}

impl StatusReport {
    #[must_use]
    pub fn of(read: &BooksAtHead) -> StatusReport {
        let (books, today) = (read.books(), read.today());
        let counted = |opened: &mut dyn Iterator<Item = BusinessDate>| {
            let ages: Vec<u16> = opened.map(|date| age_days(date, today)).collect();
            DifferenceCount { count: ages.len(), oldest_days: ages.into_iter().max() }
        };
        let breaks: Vec<BreakView> = books.open_breaks();
        let all =
            list_parcels(books, &ParcelFilter { limit: Some(0), ..Default::default() }, |_| {
                String::new()
            });
        let suspense = books.currencies().map(|currency| {
            (currency, -books.total_balance(books::chart::AccountKind::Suspense, currency))
        });
        let mut custody: BTreeMap<&'static str, i128> = BTreeMap::new();
        for firm in books.cash_custody(today) {
            *custody.entry(firm.currency.code()).or_default() += firm.total;
        }
        let (mut stopped, mut days) = (BTreeMap::new(), Vec::new());
        for party in books.parties(today) {
            let count = usize::from(party.stopped.is_some());
            *stopped.entry(party.kind.name()).or_default() += count;
            days.extend(party.to_come.iter().map(|one| one.from));
        }
        stopped.retain(|_, count| *count > 0);
        let signed = |(currency, amount): (Currency, u128)| {
            (currency, i128::try_from(amount).unwrap_or(i128::MAX))
        };
        StatusReport {
            trial: books.is_trial(),
            date: today.to_string(),
            at: local_time(books, read.engine.last_at()),
            zone: books.time_zone().map(|zone| zone.zone.clone()),
            batch: read.batch().number(),
            snapshot: read.recovery.snapshot.map(journal::Sequence::number),
            rails: rails(books),
            unknown_payments: books.unknown_count(),
            breaks: counted(&mut breaks.iter().map(|one| one.opened)),
            suspense: balances(suspense),
            open_items: counted(&mut books.open_items().map(|one| one.opened)),
            parcels: all.states,
            left_to_collect: balances(books.amounts_left().into_iter().map(signed)),
            cash_in_custody: custody
                .into_iter()
                .map(|(currency, amount)| BalanceReport { currency, amount })
                .collect(),
            releases_due: balances(books.releases_due(today).into_iter().map(signed)),
            payable: books
                .payable_by_cycle(today)
                .into_iter()
                .map(|(cycle, currency, sellers, amount)| PayableReport {
                    cycle,
                    currency: currency.code(),
                    sellers,
                    amount,
                })
                .collect(),
            plans: books
                .open_plans()
                .map(|plan| OpenPlanReport {
                    plan: plan.id.to_string(),
                    cycle: plan.cycle,
                    currency: plan.currency.code(),
                    payouts: plan.payouts,
                    net: plan.net,
                    approved: plan.approved,
                })
                .collect(),
            payouts_in_flight: books.payouts_in_flight().count(),
            sellers_below_zero: books.sellers_below_zero().count(),
            sellers_owe: sellers_owe(books),
            stopped,
            terms_to_come: TermsToComeCount {
                count: days.len(),
                first: days.into_iter().min().map(|day| day.to_string()),
            },
        }
    }
}

/// What sellers below zero owe, by currency.
fn sellers_owe(books: &Books) -> Vec<OwedReport> {
    let mut owed: BTreeMap<&'static str, OwedReport> = BTreeMap::new();
    for one in books.sellers_below_zero() {
        let currency = one.currency.code();
        let new = OwedReport { currency, sellers: 0, amount: 0 };
        let sum = owed.entry(currency).or_insert(new);
        sum.sellers += 1;
        sum.amount -= one.balance;
    }
    owed.into_values().collect()
}

/// Networks and wallets, in order of registration.
#[must_use]
pub fn rails(books: &Books) -> Vec<RailReport> {
    let rails = books.rail_views().map(|rail| RailReport {
        kind: match rail.id {
            RailId::Network(_) => "network",
            RailId::Wallet(_) => "wallet",
        },
        name: rail.reference.to_owned(),
        currency: rail.currency.code(),
        withdrawn_from: rail.withdrawn_from.map(|at| local_time(books, at)),
        unknown_payments: rail.unknown_payments,
        receivable: rail.receivable,
    });
    rails.collect()
}

/// Without zeros.
fn balances(sums: impl IntoIterator<Item = (Currency, i128)>) -> Vec<BalanceReport> {
    let sums = sums.into_iter().filter(|(_, amount)| *amount != 0);
    sums.map(|(currency, amount)| BalanceReport { currency: currency.code(), amount }).collect()
}
