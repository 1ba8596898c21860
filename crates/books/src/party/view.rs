//! Read-only queries about parties: their terms now and later, and who is suspended or blocked.

use money::{Amount, Currency, Rate};
use serde::Serialize;
use tariff::BusinessDate;

use crate::books::Books;
use crate::command::SettlementCycle;
use crate::ids::PersonId;
use crate::party::terms::{DatedTerms, FirmTerms, SellerTerms};

/// A seller's account, a courier firm, a courier or a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartyView {
    pub kind: PartyKind,
    pub id: String,
    /// The operator's reference; of a terminal its number.
    pub reference: String,
    pub currency: Currency,
    /// A courier's firm, or the courier who has a terminal: the reference.
    pub belongs_to: Option<String>,
    pub stopped: Option<StoppedParty>,
    /// Those of today.
    pub terms: PartyTerms,
    /// By their first days, all later than today.
    pub to_come: Vec<TermsToCome>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyKind {
    Seller,
    Firm,
    Courier,
    Terminal,
}

impl PartyKind {
    pub const ALL: [PartyKind; 4] =
        [PartyKind::Seller, PartyKind::Firm, PartyKind::Courier, PartyKind::Terminal];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PartyKind::Seller => "seller",
            PartyKind::Firm => "firm",
            PartyKind::Courier => "courier",
            PartyKind::Terminal => "terminal",
        }
    }
}

/// A suspended seller or courier, or a blocked terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StoppedParty {
    pub since: BusinessDate,
    /// Who suspended it. The books do not keep who blocked a terminal.
    pub by: Option<PersonId>,
}

/// What two people agree about a party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PartyTerms {
    Seller {
        /// The tariff's reference, and the name of the class in it.
        tariff: String,
        class: String,
        cycle: SettlementCycle,
        minimum: Amount,
    },
    Firm {
        guarantee: Amount,
        withholding: Rate,
    },
    Courier {
        cash_limit: Amount,
    },
    Terminal {
        offline_each: Amount,
        offline_total: Amount,
    },
}

/// Terms that hold from a later day on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TermsToCome {
    pub from: BusinessDate,
    pub terms: PartyTerms,
    /// Who proposed and who approved them, as long as that is remembered.
    pub decided_by: Option<(PersonId, PersonId)>,
}

impl Books {
    /// The sellers' accounts, courier firms, couriers and terminals, each in order of
    /// registration, with the terms of a day.
    pub fn parties(&self, today: BusinessDate) -> impl Iterator<Item = PartyView> {
        let sellers = self.sellers.iter().map(move |seller| PartyView {
            kind: PartyKind::Seller,
            id: seller.id.to_string(),
            reference: seller.reference.clone(),
            currency: self.currency_at(seller.currency),
            belongs_to: None,
            stopped: self.seller_suspension(seller.id),
            terms: self.seller_terms_view(seller.terms.on(today)),
            to_come: to_come(&seller.terms, today, |terms| self.seller_terms_view(terms)),
        });
        let firms = self.firms.iter().map(move |firm| PartyView {
            kind: PartyKind::Firm,
            id: firm.id.to_string(),
            reference: firm.reference.clone(),
            currency: self.currency_at(firm.currency),
            belongs_to: None,
            stopped: None,
            terms: firm_terms_view(firm.terms.on(today)),
            to_come: to_come(&firm.terms, today, firm_terms_view),
        });
        let couriers = self.couriers.iter().map(move |courier| {
            let firm = self.firms.get(courier.firm);
            let limit = |limit: &Amount| PartyTerms::Courier { cash_limit: *limit };
            PartyView {
                kind: PartyKind::Courier,
                id: courier.id.to_string(),
                reference: courier.reference.clone(),
                currency: self.currency_at(firm.currency),
                belongs_to: Some(firm.reference.clone()),
                stopped: courier.suspension(),
                terms: limit(courier.cash_limit.on(today)),
                to_come: to_come(&courier.cash_limit, today, limit),
            }
        });
        let terminals = (0..).zip(self.terminals.iter()).map(|(number, terminal)| {
            let courier = self.couriers.get(terminal.courier);
            let state = self.terminal_batches.terminal(number);
            let limits = state.map(|state| (state.offline_each, state.offline_total));
            let (offline_each, offline_total) = limits.unwrap_or_default();
            let since = terminal.blocked_at.filter(|_| terminal.blocked);
            PartyView {
                kind: PartyKind::Terminal,
                id: terminal.id.to_string(),
                reference: terminal.id.0.to_string(),
                currency: self.currency_at(self.firms.get(courier.firm).currency),
                belongs_to: Some(courier.reference.clone()),
                stopped: since.map(|at| {
                    let offset = self.utc_offset_minutes_at(at).unwrap_or(0);
                    StoppedParty { since: at.business_date(offset), by: None }
                }),
                terms: PartyTerms::Terminal { offline_each, offline_total },
                to_come: Vec::new(),
            }
        });
        sellers.chain(firms).chain(couriers).chain(terminals)
    }

    fn seller_terms_view(&self, terms: &SellerTerms) -> PartyTerms {
        let tariff = &self.reference_data.tariffs[usize::from(terms.tariff)];
        let classes = self.tariff_classes(tariff.id);
        let class = classes.get(usize::from(terms.class.0)).copied().unwrap_or_default();
        PartyTerms::Seller {
            tariff: tariff.reference.clone(),
            class: class.to_owned(),
            cycle: terms.cycle,
            minimum: terms.minimum,
        }
    }
}

fn firm_terms_view(terms: &FirmTerms) -> PartyTerms {
    PartyTerms::Firm { guarantee: terms.guarantee, withholding: terms.withholding }
}

fn to_come<T: Copy + PartialEq>(
    dated: &DatedTerms<T>,
    today: BusinessDate,
    view: impl Fn(&T) -> PartyTerms,
) -> Vec<TermsToCome> {
    let waiting = dated.after(today);
    let one = |(from, terms, decided_by): (BusinessDate, &T, _)| TermsToCome {
        from,
        terms: view(terms),
        decided_by,
    };
    waiting.map(one).collect()
}
