//! Totals of the simulated world's books, by the tariff.

use std::collections::BTreeMap;

use books::{BreakSubject, BusinessDate, ParcelId, PaymentId};
use tariff::{EarlierPayments, FeeKind, Fees, PaymentMethod, Terms};

use crate::books::{
    CourierCash, FirmCash, ParcelLocation, ParcelOutcome, SellerBalance, WorldReport,
};
use crate::report::{FeeTotals, FirmSummary};
use crate::world::{World, amount};

/// Sums over all collected payments.
struct Sums {
    /// By seller index.
    shares: Vec<i128>,
    /// By firm index.
    commissions: Vec<u64>,
    fees: FeeTotals,
    clearing_cost: u64,
}

impl World {
    fn terms_on(&self, date: BusinessDate) -> &Terms {
        let version = self.tariff.in_force(date).expect("the tariff was checked for both days");
        &version.terms
    }

    /// The fees of a parcel's only payment.
    pub(crate) fn fees(&self, how: PaymentMethod, minor: u64, date: BusinessDate) -> Fees {
        let fees = self.terms_on(date).fees(self.class, how, amount(minor));
        fees.expect("a class is in every version of its tariff")
    }

    /// All payments whose money was taken, with their fees. A parcel's payments are taken in the
    /// order of their numbers.
    fn paid(&self) -> Vec<(PaymentId, u64, Fees)> {
        let mut taken = BTreeMap::new();
        for (payment, item) in self.rails.iter().flat_map(|rail| &rail.items) {
            if item.moves_money() {
                taken.insert(*payment, (item.method, item.amount, item.requested_on));
            }
        }
        for cash in self.cash_payments.iter().filter(|cash| !cash.refunded) {
            let kept = (PaymentMethod::Cash, cash.amount, cash.collected_on);
            taken.insert(cash.payment, kept);
        }
        let mut earlier = (None, EarlierPayments::default());
        let with_fees = |(payment, (how, minor, date)): (PaymentId, _)| {
            if earlier.0 != Some(payment.parcel) {
                earlier = (Some(payment.parcel), EarlierPayments::default());
            }
            let terms = self.terms_on(date);
            let fees = terms.fees_after(&earlier.1, self.class, how, amount(minor));
            let fees = fees.expect("a class is in every version of its tariff");
            earlier.1.add(terms, how, amount(minor), &fees);
            (payment, minor, fees)
        };
        taken.into_iter().map(with_fees).collect()
    }

    fn add_payment(&self, sums: &mut Sums, parcel: ParcelId, minor: u64, fees: &Fees) {
        let parcel = &self.parcels[self.parcel_indexes[&parcel]];
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
        for (payment, minor, fees) in self.paid() {
            self.add_payment(&mut sums, payment.parcel, minor, &fees);
        }
        for (payment, item) in self.rails.iter().flat_map(|rail| &rail.items) {
            let parcel = &self.parcels[self.parcel_indexes[&payment.parcel]];
            sums.shares[parcel.seller] -= i128::from(item.taken_back);
            if item.moves_money() && item.deducted.is_some() {
                let deducted = self.rail_deduction(item.method, item.amount, item.requested_on);
                sums.clearing_cost += deducted;
            }
        }
        let returned = self.tariff.in_force(self.clock.date.plus_days(1));
        let return_fee = returned.map_or(0, |version| version.terms.return_fee.minor());
        for parcel in &self.parcels {
            if parcel.location == ParcelLocation::Returned {
                sums.shares[parcel.seller] -= i128::from(return_fee);
                sums.fees.add(FeeKind::Return, return_fee);
            }
        }
        sums
    }

    pub(crate) fn report(&self) -> WorldReport {
        let sums = self.sums();
        let vault = |(index, firm): (usize, &super::SimulatedFirm)| FirmCash {
            firm: firm.id,
            reference: firm.reference.clone(),
            vault: firm.vault,
            in_transit: firm.deposits.iter().map(|(_, amount)| amount).sum(),
            commission: sums.commissions[index],
        };
        let share = |(index, seller): (usize, &super::SimulatedSeller)| SellerBalance {
            seller: seller.id,
            reference: seller.reference.clone(),
            earned: sums.shares[index],
            paid: i128::from(seller.paid),
        };
        WorldReport {
            currency: self.currency,
            bank: self.add_statement_line,
            statement: self.bank_statement.clone(),
            rails: self.rails.clone(),
            networks: Vec::new(),
            terminals: Vec::new(),
            cash: self.cash_payments.clone(),
            couriers: self.couriers.iter().map(|one| self.courier_cash(one)).collect(),
            firms: self.firms.iter().enumerate().map(vault).collect(),
            sellers: self.sellers.iter().enumerate().map(share).collect(),
            parcels: self.parcels.iter().map(parcel_outcome).collect(),
            breaks: self.expected_breaks.clone(),
            lost_lines: self.lost_lines.clone(),
            fees: sums.fees,
            clearing_cost: sums.clearing_cost,
            pending_reversals: 0,
            discrepancies: self.discrepancies.clone(),
        }
    }

    fn courier_cash(&self, courier: &super::SimulatedCourier) -> CourierCash {
        CourierCash {
            courier: courier.id,
            firm: self.firms[courier.firm].id,
            expected: courier.expected_cash,
            actual: courier.actual_cash,
            shortage: courier.shortage,
        }
    }

    /// Takes the number that the books gave to a payment.
    pub(crate) fn on_payment_begun(&mut self, payment: PaymentId) {
        match self.parcel_indexes.get(&payment.parcel) {
            Some(&index) => self.parcels[index].payments = payment.number,
            None => self.discrepancies.push(format!("{payment:?} belongs to no parcel of the day")),
        }
    }

    pub(crate) fn firm_days(&self, world: &WorldReport) -> Vec<FirmSummary> {
        let day = |(index, firm): (usize, &super::SimulatedFirm)| FirmSummary {
            firm: firm.id,
            reference: firm.reference.clone(),
            couriers: self.couriers.iter().filter(|courier| courier.firm == index).count() as u64,
            parcels: self.parcels.iter().filter(|parcel| parcel.firm == index).count() as u64,
            custody: world.custody(firm.id),
        };
        self.firms.iter().enumerate().map(day).collect()
    }

    /// What a network or wallet may deduct from a payment by the tariff.
    pub(crate) fn rail_deduction(&self, how: PaymentMethod, minor: u64, date: BusinessDate) -> u64 {
        self.fees(how, minor, date).deducted_by_network().minor()
    }

    pub(crate) fn rail_subject(&self, index: usize) -> BreakSubject {
        self.rails[index].subject
    }
}

fn parcel_outcome(parcel: &super::SimulatedParcel) -> ParcelOutcome {
    ParcelOutcome {
        parcel: parcel.id,
        location: parcel.location,
        paid: parcel.paid,
        payments: parcel.payments,
    }
}
