//! The costs of some days in groups, and the collections behind each figure.

use std::collections::{BTreeMap, BTreeSet};

use books::{BusinessDate, ParcelId, RailId};
use money::Currency;
use serde::Serialize;

use super::book::{CollectionCost, CostBook, RouteCost, parcels_of};
use super::settings::CostSettings;
use super::terminals::{TerminalCost, quotient};
use super::{ByComponent, CostComponent};
use crate::fee_calculations::method_name;

/// By what costs are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CostKey {
    #[default]
    Seller,
    Firm,
    /// A network or wallet; cash is a group of its own.
    Network,
    Terminal,
    /// By `costs.toml`: the books have no addresses.
    City,
    Day,
}

impl CostKey {
    pub const ALL: [CostKey; 6] = [
        CostKey::Seller,
        CostKey::Firm,
        CostKey::Network,
        CostKey::Terminal,
        CostKey::City,
        CostKey::Day,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            CostKey::Seller => "seller",
            CostKey::Firm => "firm",
            CostKey::Network => "network",
            CostKey::Terminal => "terminal",
            CostKey::City => "city",
            CostKey::Day => "day",
        }
    }
}

/// Costs of some days by group. Sums are in minor units.
#[derive(Debug, Serialize)]
pub struct CostReport {
    pub from: BusinessDate,
    pub until: BusinessDate,
    pub by: &'static str,
    /// The network with which routes are compared.
    pub default_network: Option<String>,
    /// The components that come from `costs.toml` and are in no posting.
    pub estimated: Vec<&'static str>,
    /// By cost, the highest first; days in their order.
    pub groups: Vec<CostGroup>,
    /// All groups, by currency.
    pub totals: Vec<CostGroup>,
    pub drift: Vec<DriftReport>,
    pub terminals: Vec<TerminalCost>,
}

#[derive(Clone, Debug, Serialize)]
pub struct CostGroup {
    /// Empty for what belongs to no group: such as the costs of idle terminals by seller.
    pub key: String,
    pub currency: &'static str,
    #[serde(flatten)]
    pub sums: CostSums,
}

/// Sums of collections, in minor units.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CostSums {
    pub parcels: usize,
    /// Less those of earlier days that were reversed in these.
    pub collections: i64,
    pub collected: i128,
    pub costs: ByComponent,
    pub total: i128,
    /// The total by parcel, rounded half up.
    pub per_parcel: Option<i128>,
    pub routing: RoutingSums,
}

/// What routing saved and lost, by the networks' settings, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RoutingSums {
    /// Card collections whose route is known.
    pub routed: u64,
    /// Those of them that the default network takes.
    pub compared: u64,
    /// What the default network would have cost more.
    pub saved: i128,
    /// What the cheapest network that was up would have cost less.
    pub regret: i128,
    /// What the cheapest network that takes the card would have cost less, if it had been up.
    pub forgone: i128,
}

impl RoutingSums {
    fn add(&mut self, route: &RouteCost) {
        self.routed += 1;
        if let Some(default) = route.default {
            self.compared += 1;
            self.saved += i128::from(default - route.cost);
        }
        self.regret += i128::from(route.cost - route.cheapest_up);
        self.forgone += i128::from(route.cost - route.cheapest);
    }
}

/// What a network or wallet kept back with the lines of its files, in minor units.
#[derive(Clone, Debug, Serialize)]
pub struct DriftReport {
    /// `network` or `wallet`.
    pub kind: &'static str,
    pub name: String,
    pub currency: &'static str,
    pub lines: u64,
    pub kept: i128,
    /// By the tariff: kept less drift.
    pub expected: i128,
    /// More than the tariff, and less, added up apart.
    pub too_much: i128,
    pub too_little: i128,
    /// Lines that differ.
    pub drifted: u64,
}

/// A collection behind a figure, or with the payment 0 what its parcel itself costs.
#[derive(Clone, Debug, Serialize)]
pub struct CostListRow {
    pub waybill: String,
    pub payment: u8,
    pub position: String,
    pub day: BusinessDate,
    pub seller: String,
    pub firm: String,
    pub courier: String,
    pub terminal: Option<u64>,
    pub network: String,
    pub city: String,
    pub method: Option<&'static str>,
    pub currency: &'static str,
    pub amount: i64,
    pub costs: ByComponent,
    pub total: i128,
    /// As in [`RoutingSums`].
    pub saved: Option<i64>,
    pub regret: Option<i64>,
    pub forgone: Option<i64>,
}

impl CostBook {
    /// The costs by group. Of one group only, with `of`.
    #[must_use]
    pub fn report(&self, by: CostKey, of: Option<&str>, settings: &CostSettings) -> CostReport {
        let terminals = self.terminal_costs(settings);
        let (parts, left) = self.estimates(settings, &terminals);
        let mut groups: BTreeMap<(String, &'static str), Group> = BTreeMap::new();
        let mut totals: BTreeMap<&'static str, Group> = BTreeMap::new();
        for (row, part) in self.rows.iter().zip(&parts) {
            let key = self.key(row, by, settings);
            if of.is_some_and(|of| of != key) {
                continue;
            }
            let (costs, code) = (with_estimates(row, *part), row.currency.code());
            groups.entry((key, code)).or_default().add(row, &costs);
            totals.entry(code).or_default().add(row, &costs);
        }
        if let Some(currency) = settings.currency.filter(|_| of.is_none_or(str::is_empty)) {
            let mut costs = ByComponent::default();
            costs.add(CostComponent::Terminals, left[0]);
            costs.add(CostComponent::CashEstimate, left[1]);
            if by == CostKey::Terminal {
                // Idle terminals are groups without collections.
                for one in terminals.iter().filter(|one| one.idle && one.total != 0) {
                    let mut own = ByComponent::default();
                    own.add(CostComponent::Terminals, one.total);
                    let group = (one.terminal.to_string(), one.currency);
                    groups.entry(group).or_default().costs.add_all(&own);
                }
            }
            let rest = if by == CostKey::Terminal { left[1] } else { costs.total() };
            if rest != 0 {
                let mut rest = costs;
                if by == CostKey::Terminal {
                    rest.add(CostComponent::Terminals, -left[0]);
                }
                let group = groups.entry((String::new(), currency.code())).or_default();
                group.costs.add_all(&rest);
            }
            if costs.total() != 0 {
                totals.entry(currency.code()).or_default().costs.add_all(&costs);
            }
        }
        let made = |((key, currency), group): ((String, &'static str), Group)| CostGroup {
            key,
            currency,
            sums: group.sums(),
        };
        let mut groups: Vec<CostGroup> = groups.into_iter().map(made).collect();
        if by != CostKey::Day {
            // Those of equal cost stay in the order of their names.
            groups.sort_by_key(|group| std::cmp::Reverse(group.sums.total));
        }
        let totals =
            totals.into_iter().map(|(currency, group)| made(((String::new(), currency), group)));
        CostReport {
            from: self.from,
            until: self.until,
            by: by.name(),
            default_network: self
                .default_network
                .map(|network| self.rail_name(RailId::Network(network))),
            estimated: CostComponent::ALL
                .into_iter()
                .filter(|one| one.is_estimated())
                .map(CostComponent::name)
                .collect(),
            groups,
            totals: totals.collect(),
            drift: self.drift(),
            terminals,
        }
    }

    /// The collections behind a group, in the order of their first postings. `waybill` writes a
    /// parcel's.
    pub fn list<'b>(
        &'b self,
        by: CostKey,
        of: Option<&'b str>,
        settings: &'b CostSettings,
        waybill: impl Fn(ParcelId) -> String + 'b,
    ) -> impl Iterator<Item = CostListRow> + 'b {
        let (parts, _) = self.estimates(settings, &self.terminal_costs(settings));
        let rows = self.rows.iter().zip(parts);
        let rows =
            rows.filter(move |(row, _)| of.is_none_or(|of| of == self.key(row, by, settings)));
        rows.map(move |(row, part)| {
            let costs = with_estimates(row, part);
            let named = |by| self.key(row, by, settings);
            let courier = row.courier.and_then(|courier| self.books().courier_reference(courier));
            let route = row.route.as_ref();
            CostListRow {
                waybill: waybill(row.payment.parcel),
                payment: row.payment.number,
                position: row.position.to_string(),
                day: row.day,
                seller: named(CostKey::Seller),
                firm: named(CostKey::Firm),
                courier: courier.unwrap_or_default().to_owned(),
                terminal: row.terminal.map(|terminal| terminal.0),
                network: named(CostKey::Network),
                city: named(CostKey::City),
                method: row.method.map(method_name),
                currency: row.currency.code(),
                amount: row.amount,
                total: costs.total(),
                costs,
                saved: route.and_then(|one| one.default.map(|default| default - one.cost)),
                regret: route.map(|one| one.cost - one.cheapest_up),
                forgone: route.map(|one| one.cost - one.cheapest),
            }
        })
    }

    /// The name of a row's group. Empty if it is in none.
    pub(crate) fn key(&self, row: &CollectionCost, by: CostKey, settings: &CostSettings) -> String {
        let books = self.books();
        let firm = row.firm.and_then(|firm| books.firm_reference(firm));
        let name = match by {
            CostKey::Seller => row.seller.and_then(|seller| books.seller_reference(seller)),
            CostKey::Firm => firm,
            CostKey::Network => match (row.rail, row.method) {
                (Some(rail), _) => return self.rail_name(rail),
                (None, method) => method.map(method_name),
            },
            CostKey::Terminal => {
                return row.terminal.map(|terminal| terminal.0.to_string()).unwrap_or_default();
            }
            CostKey::City => {
                let courier = row.courier.and_then(|courier| books.courier_reference(courier));
                settings.city(courier, firm)
            }
            CostKey::Day => return row.day.to_string(),
        };
        name.unwrap_or_default().to_owned()
    }

    /// The reference of a network or wallet.
    #[must_use]
    pub fn rail_name(&self, rail: RailId) -> String {
        let found = self.books().rail_views().find(|one| one.id == rail);
        found.map(|one| one.reference.to_owned()).unwrap_or_default()
    }

    fn drift(&self) -> Vec<DriftReport> {
        let reports = self.kept.iter().map(|(rail, sums)| DriftReport {
            kind: match rail {
                RailId::Network(_) => "network",
                RailId::Wallet(_) => "wallet",
            },
            name: self.rail_name(*rail),
            currency: self.books().rail_currency(*rail).map(Currency::code).unwrap_or_default(),
            lines: sums.lines,
            kept: sums.kept,
            expected: sums.kept - sums.too_much + sums.too_little,
            too_much: sums.too_much,
            too_little: sums.too_little,
            drifted: sums.drifted,
        });
        reports.collect()
    }

    /// How many parcels the rows are of.
    #[must_use]
    pub fn parcel_count(&self) -> usize {
        parcels_of(self.rows.iter()).len()
    }
}

/// The costs of a row with its estimated parts: of the terminal, and of cash.
fn with_estimates(row: &CollectionCost, [terminal, cash]: [i64; 2]) -> ByComponent {
    let mut costs = row.booked();
    costs.add(CostComponent::Terminals, terminal.into());
    costs.add(CostComponent::CashEstimate, cash.into());
    costs
}

#[derive(Default)]
struct Group {
    parcels: BTreeSet<ParcelId>,
    collections: i64,
    collected: i128,
    costs: ByComponent,
    routing: RoutingSums,
}

impl Group {
    fn add(&mut self, row: &CollectionCost, costs: &ByComponent) {
        self.parcels.insert(row.payment.parcel);
        self.collections += row.count();
        self.collected += i128::from(row.amount);
        self.costs.add_all(costs);
        if let Some(route) = row.route.as_ref().filter(|_| row.count() > 0) {
            self.routing.add(route);
        }
    }

    fn sums(self) -> CostSums {
        let (parcels, total) = (self.parcels.len(), self.costs.total());
        CostSums {
            parcels,
            collections: self.collections,
            collected: self.collected,
            costs: self.costs,
            total,
            per_parcel: quotient(total, parcels as u64),
            routing: self.routing,
        }
    }
}
