//! What terminals cost, estimated from `costs.toml`, and how much they were used.

use std::collections::BTreeMap;

use books::{BusinessDate, TerminalId};
use money::{Amount, Currency};
use serde::Serialize;

use super::book::CostBook;
use super::settings::{CostSettings, TerminalRates};

/// Months in a year and days in a year of 365 days.
const MONTHS: u128 = 12;
const DAYS: u128 = 365;

/// A terminal in the days of a report. Costs are estimated, in minor units of `currency`.
#[derive(Clone, Debug, Serialize)]
pub struct TerminalCost {
    pub terminal: u64,
    pub courier: String,
    pub firm: String,
    pub currency: &'static str,
    /// The days of the report on which it was registered.
    pub days: u16,
    pub active_days: usize,
    pub collections: u64,
    pub collected: i128,
    /// Payments whose outcome was unknown for a time.
    pub unknowns: u64,
    /// Nothing was paid on it.
    pub idle: bool,
    pub depreciation: i128,
    pub communications: i128,
    pub repairs: i128,
    pub total: i128,
    /// The total by collection, rounded half up.
    pub per_collection: Option<i128>,
}

/// The part of a monthly sum for some days, rounded half up.
fn monthly(sum: Amount, days: u16) -> i128 {
    share(u128::from(sum.minor()) * u128::from(days) * MONTHS, DAYS)
}

/// The part of a terminal's price for some days, rounded half up.
fn depreciation(rates: &TerminalRates, days: u16) -> i128 {
    let price = u128::from(rates.price.minor());
    share(price * u128::from(days) * MONTHS, u128::from(rates.life_months) * DAYS)
}

/// Rounded half up.
fn share(whole: u128, by: u128) -> i128 {
    i128::try_from((whole + by / 2) / by).unwrap_or(i128::MAX)
}

/// Rounded half up; below zero half away from zero.
pub(crate) fn quotient(sum: i128, by: u64) -> Option<i128> {
    (by > 0).then(|| share(sum.unsigned_abs(), by.into()) * sum.signum())
}

impl CostBook {
    /// The terminals that the books have, by number.
    #[must_use]
    pub fn terminal_costs(&self, settings: &CostSettings) -> Vec<TerminalCost> {
        let mut used: BTreeMap<TerminalId, (u64, i128)> = BTreeMap::new();
        for row in &self.rows {
            if let Some(terminal) = row.terminal.filter(|_| row.count() > 0) {
                let used = used.entry(terminal).or_default();
                used.0 += 1;
                used.1 += i128::from(row.amount);
            }
        }
        let books = self.books();
        let all = books.parties(self.until).filter_map(|party| {
            let number: u64 = party.reference.parse().ok()?;
            let id = TerminalId(number);
            (party.kind == books::party_view::PartyKind::Terminal).then_some(id)
        });
        let mut costs: Vec<TerminalCost> = all
            .filter_map(|id| {
                let view = books.terminal_view(id)?;
                let known = self.terminals.get(&id);
                let registered = known.and_then(|known| known.registered);
                // One that was registered after the last day is not in the report.
                let begin = registered.unwrap_or(self.from).max(self.from);
                if begin > self.until {
                    return None;
                }
                let days = self.until.0 - begin.0 + 1;
                let (collections, collected) = used.get(&id).copied().unwrap_or_default();
                let currency = view.currency;
                let of = |terminal: &TerminalRates| self.estimate(settings, terminal, id, days);
                let rates = settings.terminal.filter(|_| settings.currency == Some(currency));
                let [depreciation, communications, repairs] =
                    rates.as_ref().map(of).unwrap_or_default();
                let total = depreciation + communications + repairs;
                Some(TerminalCost {
                    terminal: id.0,
                    courier: books.courier_reference(view.courier).unwrap_or_default().to_owned(),
                    firm: books.firm_reference(view.firm).unwrap_or_default().to_owned(),
                    currency: currency.code(),
                    days,
                    active_days: known.map_or(0, |known| known.active.len()),
                    collections,
                    collected,
                    unknowns: known.map_or(0, |known| known.unknowns),
                    idle: collections == 0,
                    depreciation,
                    communications,
                    repairs,
                    total,
                    per_collection: quotient(total, collections),
                })
            })
            .collect();
        costs.sort_by_key(|one| one.terminal);
        costs
    }

    fn estimate(
        &self,
        settings: &CostSettings,
        rates: &TerminalRates,
        id: TerminalId,
        days: u16,
    ) -> [i128; 3] {
        let within = |day: &BusinessDate| (self.from..=self.until).contains(day);
        let repaired = settings.repairs.iter().filter(|(one, day, _)| *one == id.0 && within(day));
        let repaired: i128 = repaired.map(|(.., paid)| i128::from(paid.minor())).sum();
        [
            depreciation(rates, days),
            monthly(rates.communications, days),
            monthly(rates.repairs, days) + repaired,
        ]
    }

    /// The estimated parts of each row: its terminal's and its cash's. Also what no row bears: the
    /// costs of idle terminals, and of firms without cash, by currency.
    pub(crate) fn estimates(
        &self,
        settings: &CostSettings,
        terminals: &[TerminalCost],
    ) -> (Vec<[i64; 2]>, [i128; 2]) {
        let mut parts = vec![[0_i64; 2]; self.rows.len()];
        let mut left = [0_i128; 2];
        let mut by_terminal: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        let mut by_firm: BTreeMap<books::FirmId, Vec<usize>> = BTreeMap::new();
        let is_own = |currency: Currency| settings.currency == Some(currency);
        for (place, row) in self.rows.iter().enumerate() {
            if row.count() <= 0 || !is_own(row.currency) {
                continue;
            }
            if let Some(terminal) = row.terminal {
                by_terminal.entry(terminal.0).or_default().push(place);
            }
            if row.method == Some(tariff::PaymentMethod::Cash) {
                let amount = Amount::new(row.amount.unsigned_abs()).unwrap_or(Amount::MAX);
                let share = settings.cash_share.of(amount).minor();
                parts[place][1] += i64::try_from(share).unwrap_or(i64::MAX);
                if let Some(firm) = row.firm {
                    by_firm.entry(firm).or_default().push(place);
                }
            }
        }
        for terminal in terminals {
            let rows = by_terminal.get(&terminal.terminal).map_or(&[][..], Vec::as_slice);
            left[0] += spread(terminal.total, rows, |place, part| parts[place][0] += part);
        }
        for (firm, [counts, deposits]) in &self.counts {
            if !self.books().firm_currency(*firm).is_some_and(is_own) {
                continue;
            }
            let sum = |fee: Amount, count: u64| i128::from(fee.minor()) * i128::from(count);
            let cost = sum(settings.count, *counts) + sum(settings.deposit, *deposits);
            let rows = by_firm.get(firm).map_or(&[][..], Vec::as_slice);
            left[1] += spread(cost, rows, |place, part| parts[place][1] += part);
        }
        (parts, left)
    }
}

/// Spreads a sum in equal parts, to the minor unit: the first rows bear what is left. Returns the
/// sum if there is no row.
fn spread(sum: i128, rows: &[usize], mut add: impl FnMut(usize, i64)) -> i128 {
    let Ok(count) = i128::try_from(rows.len()) else { return sum };
    if count == 0 {
        return sum;
    }
    let (each, rest) = (sum / count, sum % count);
    for (number, place) in (0_i128..).zip(rows) {
        let part = each + i128::from(number < rest);
        add(*place, i64::try_from(part).unwrap_or(i64::MAX));
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_of_3000_yuan_over_36_months_costs_1000_a_year() {
        let rates = TerminalRates {
            price: Amount::of(300_000),
            life_months: 36,
            communications: Amount::of(500),
            repairs: Amount::ZERO,
        };
        assert_eq!(depreciation(&rates, 365), 100_000);
        // 1000.00 / 365 = 2.7397…
        assert_eq!(depreciation(&rates, 1), 274);
        // 60.00 / 365 = 0.1643…
        assert_eq!(
            [monthly(rates.communications, 365), monthly(rates.communications, 1)],
            [6_000, 16]
        );
    }

    #[test]
    fn a_spread_sum_is_the_sum_again() {
        let mut parts = [0; 3];
        assert_eq!(spread(100, &[0, 1, 2], |place, part| parts[place] += part), 0);
        assert_eq!(parts, [34, 33, 33]);
        assert_eq!(spread(100, &[], |_, _| ()), 100);
    }
}
