//! What the world's books come to, by the tariff.

use engine::{BreakSide, BreakSubject, BusinessDate, ParcelId, TenderId};
use tariff::{FeeKind, Fees, Tender};

use crate::books::{
    BreakCause, CourierPocket, FirmVault, NamedBreak, ParcelEnding, RailBooks, SellerShare,
    Whereabouts, WorldReport,
};
use crate::report::{FeeTotals, FirmDay};
use crate::world::{World, amount};

/// What is added up over all payments that stand.
struct Sums {
    /// For each seller, by place.
    shares: Vec<i128>,
    /// For each firm, by place.
    commissions: Vec<u64>,
    fees: FeeTotals,
    clearing_cost: u64,
}

impl World {
    /// The fees of a payment by the tariff.
    pub(crate) fn fees(&self, how: Tender, minor: u64, date: BusinessDate) -> Fees {
        let version = self.tariff.in_force(date).expect("the tariff was checked for both days");
        let fees = version.terms.fees(self.class, how, amount(minor));
        fees.expect("a class is in every version of its tariff")
    }

    fn add(&self, sums: &mut Sums, parcel: ParcelId, minor: u64, fees: &Fees) {
        let parcel = &self.parcels[self.places[&parcel]];
        sums.shares[parcel.seller] += i128::from(minor) - i128::from(fees.total().minor());
        sums.commissions[parcel.firm] += fees.of(FeeKind::Commission).minor();
        fees.iter().for_each(|(kind, fee)| sums.fees.add(kind, fee.minor()));
    }

    fn sums(&self) -> Sums {
        let mut sums = Sums {
            shares: vec![0; self.sellers.len()],
            commissions: vec![0; self.firms.len()],
            fees: FeeTotals::default(),
            clearing_cost: 0,
        };
        for (tender, item) in self.rails.iter().flat_map(|rail| &rail.items) {
            if !item.stands() {
                continue;
            }
            let fees = self.fees(item.how, item.amount, item.asked_on);
            self.add(&mut sums, tender.parcel, item.amount, &fees);
            if item.kept_back.is_some() {
                sums.clearing_cost += fees.kept_by_network().minor();
            }
        }
        for taking in self.cash.iter().filter(|taking| !taking.given_back) {
            let fees = self.fees(Tender::Cash, taking.amount, taking.taken_on);
            self.add(&mut sums, taking.tender.parcel, taking.amount, &fees);
        }
        let returned = self.tariff.in_force(self.clock.date.plus(1));
        let return_fee = returned.map_or(0, |version| version.terms.return_fee.minor());
        for parcel in &self.parcels {
            if parcel.whereabouts == Whereabouts::Returned {
                sums.shares[parcel.seller] -= i128::from(return_fee);
                sums.fees.add(FeeKind::Return, return_fee);
            }
        }
        sums
    }

    /// The world's own books.
    pub(crate) fn report(&self) -> WorldReport {
        let sums = self.sums();
        let vault = |(place, firm): (usize, &super::Firm)| FirmVault {
            firm: firm.id,
            reference: firm.reference.clone(),
            vault: firm.vault,
            on_its_way: firm.deposits.iter().map(|(_, amount)| amount).sum(),
            commission: sums.commissions[place],
        };
        let share = |(place, seller): (usize, &super::Seller)| SellerShare {
            seller: seller.id,
            reference: seller.reference.clone(),
            share: sums.shares[place],
            paid: i128::from(seller.paid),
        };
        WorldReport {
            currency: self.currency,
            bank: self.bank,
            statement: self.statement.clone(),
            rails: self.rails.clone(),
            networks: Vec::new(),
            terminals: Vec::new(),
            cash: self.cash.clone(),
            couriers: self.couriers.iter().map(|one| self.pocket(one)).collect(),
            firms: self.firms.iter().enumerate().map(vault).collect(),
            sellers: self.sellers.iter().enumerate().map(share).collect(),
            parcels: self.parcels.iter().map(ending).collect(),
            breaks: self.breaks.clone(),
            fees: sums.fees,
            clearing_cost: sums.clearing_cost,
            unresolved: 0,
            disagreements: self.disagreements.clone(),
        }
    }

    fn pocket(&self, courier: &super::Courier) -> CourierPocket {
        CourierPocket {
            courier: courier.id,
            firm: self.firms[courier.firm].id,
            should_have: courier.should_have,
            has: courier.has,
            owes: courier.owes,
        }
    }

    /// The books have given a payment its number.
    pub(crate) fn tender_began(&mut self, tender: TenderId) {
        match self.places.get(&tender.parcel) {
            Some(&place) => self.parcels[place].tenders = tender.number,
            None => self.disagreements.push(format!("{tender:?} is of no parcel of the day")),
        }
    }

    /// Terminals forgot lines: the books have them, and find a difference at the network or wallet
    /// of the first of them.
    pub(crate) fn note_forgotten(&mut self, lines: &[(TenderId, u64)]) {
        for &(tender, amount) in lines {
            let of_tender = |rail: &&RailBooks| rail.items.contains_key(&tender);
            let Some(rail) = self.rails.iter().find(of_tender) else { continue };
            self.breaks.push(NamedBreak {
                cause: BreakCause::ForgottenLines(tender),
                subject: rail.subject,
                side: BreakSide::Shortfall,
                amount,
            });
        }
    }

    /// The firms' days.
    pub(crate) fn firm_days(&self, world: &WorldReport) -> Vec<FirmDay> {
        let day = |(place, firm): (usize, &super::Firm)| FirmDay {
            firm: firm.id,
            reference: firm.reference.clone(),
            couriers: self.couriers.iter().filter(|courier| courier.firm == place).count() as u64,
            parcels: self.parcels.iter().filter(|parcel| parcel.firm == place).count() as u64,
            custody: world.custody(firm.id),
        };
        self.firms.iter().enumerate().map(day).collect()
    }

    /// What a network or wallet may keep back of a payment.
    pub(crate) fn kept_by_rail(&self, how: Tender, minor: u64, date: BusinessDate) -> u64 {
        self.fees(how, minor, date).kept_by_network().minor()
    }

    /// Which place a network or wallet has.
    pub(crate) fn rail_subject(&self, place: usize) -> BreakSubject {
        self.rails[place].subject
    }
}

fn ending(parcel: &super::Parcel) -> ParcelEnding {
    ParcelEnding {
        parcel: parcel.id,
        whereabouts: parcel.whereabouts,
        paid: parcel.paid,
        tenders: parcel.tenders,
    }
}
