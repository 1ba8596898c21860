//! What collections cost, by component: from the postings of the books, from the routes that the
//! journal has, from the networks' files, and estimated from `costs.toml`.
//!
//! Start at [`CostBook::read`], then [`CostBook::report`] and [`what_if`].

mod book;
mod report;
mod settings;
mod terminals;
mod what_if;

pub use book::{CollectionCost, CostBook, FeeDrift, RouteCost};
pub use report::{CostGroup, CostKey, CostListRow, CostReport, CostSums, DriftReport, RoutingSums};
pub use settings::{CostSettings, CostSettingsError, TerminalRates, UnknownInCosts};
pub use terminals::TerminalCost;
pub use what_if::{WhatIf, WhatIfError, WhatIfGroup, WhatIfNetwork, measure_what_if, what_if};

/// What a part of the costs pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CostComponent {
    /// The card issuer's part of the card fee.
    Issuer,
    /// The card network's part.
    Network,
    /// The acquirer's part.
    Acquirer,
    /// The wallet's fee.
    Wallet,
    /// Collecting in cash: the COD fee and the courier firm's commission.
    CashHandling,
    /// Collecting by card and QR at the door: the COD fee and the courier firm's commission.
    Door,
    /// Parcels that came back: return fee and freight.
    Returns,
    /// Carrying delivered parcels.
    Freight,
    /// Value added tax on the charges.
    Vat,
    /// Terminals: depreciation, communications and repairs. Estimated.
    Terminals,
    /// Counts and deposits of cash. Estimated.
    CashEstimate,
}

impl CostComponent {
    /// In the order of reports.
    pub const ALL: [CostComponent; 11] = [
        CostComponent::Issuer,
        CostComponent::Network,
        CostComponent::Acquirer,
        CostComponent::Wallet,
        CostComponent::CashHandling,
        CostComponent::Door,
        CostComponent::Returns,
        CostComponent::Freight,
        CostComponent::Vat,
        CostComponent::Terminals,
        CostComponent::CashEstimate,
    ];

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            CostComponent::Issuer => "issuer",
            CostComponent::Network => "network",
            CostComponent::Acquirer => "acquirer",
            CostComponent::Wallet => "wallet",
            CostComponent::CashHandling => "cash_handling",
            CostComponent::Door => "door",
            CostComponent::Returns => "returns",
            CostComponent::Freight => "freight",
            CostComponent::Vat => "vat",
            CostComponent::Terminals => "terminals",
            CostComponent::CashEstimate => "cash_estimate",
        }
    }

    /// Whether it comes from `costs.toml`, and is in no posting.
    #[must_use]
    pub const fn is_estimated(self) -> bool {
        matches!(self, CostComponent::Terminals | CostComponent::CashEstimate)
    }
}

/// Amounts by component, in minor units. Below zero: taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByComponent([i128; CostComponent::ALL.len()]);

impl ByComponent {
    #[must_use]
    pub fn of(&self, component: CostComponent) -> i128 {
        self.0[component as usize]
    }

    pub(crate) fn add(&mut self, component: CostComponent, minor: i128) {
        self.0[component as usize] += minor;
    }

    pub(crate) fn add_all(&mut self, other: &ByComponent) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own += other;
        }
    }

    #[must_use]
    pub fn total(&self) -> i128 {
        self.0.iter().sum()
    }
}

impl serde::Serialize for ByComponent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(CostComponent::ALL.map(|one| (one.name(), self.of(one))))
    }
}

/// The last day with a collection of a parcel that is remembered. `None` without one.
#[must_use]
pub fn last_collection_day(books: &books::Books) -> Option<books::BusinessDate> {
    let collected = books.parcels().filter(|one| !one.view.collected.is_zero());
    collected.filter_map(|one| one.date).max()
}
