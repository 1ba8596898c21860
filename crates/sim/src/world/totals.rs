//! Totals of the simulated world's books, by its own arithmetic.

use std::collections::{BTreeMap, BTreeSet};

use books::{BreakSubject, BusinessDate, DamagePayer, PaymentId};
use tariff::{FeeKind, PaymentMethod};

use crate::books::{
    CashPayment, CourierCash, FirmCash, ParcelLocation, ParcelOutcome, SellerBalance, WorldReport,
};
use crate::report::{FeeTotals, FirmSummary};
use crate::world::{LossBearer, NoteHolder, OwnFees, ParcelFees, SimulatedParcel, World};

/// Sums over all collected payments.
struct Sums {
    /// By seller index.
    shares: Vec<i128>,
    /// By seller index: the part of `shares` that is not payable.
    held: Vec<i128>,
    /// By firm index.
    commissions: Vec<i128>,
    /// By firm index: the part of `commissions` whose money has not reached the bank.
    not_arrived: Vec<i128>,
    fees: FeeTotals,
    clearing_cost: u64,
    write_offs: u64,
    discounts: u64,
}

impl Sums {
    /// VAT that a seller bears besides that of the payments' fees.
    fn charge_vat(&mut self, parcel: &SimulatedParcel, vat: u64) {
        self.shares[parcel.seller] -= i128::from(vat);
        self.fees.add(FeeKind::Vat, vat);
    }

    /// A seller's loss that somebody else pays.
    fn bear(&mut self, parcel: &SimulatedParcel, bearer: Option<LossBearer>, amount: u64) {
        match bearer {
            None | Some(LossBearer::Seller) => return,
            Some(LossBearer::Firm) => self.commissions[parcel.firm] -= i128::from(amount),
            Some(LossBearer::Doorstep) => self.write_offs += amount,
        }
        self.shares[parcel.seller] += i128::from(amount);
    }
}

impl World {
    /// All payments whose money was taken, with their fees. A parcel's payments are taken in the
    /// order of their numbers.
    fn paid(&self) -> Vec<(PaymentId, u64, BusinessDate, OwnFees)> {
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
        let mut of_parcel = (None, ParcelFees::default());
        let with_fees = |(payment, (how, minor, date)): (PaymentId, (_, _, BusinessDate))| {
            if of_parcel.0 != Some(payment.parcel) {
                of_parcel = (Some(payment.parcel), ParcelFees::default());
            }
            let fees = self.own_tariff.fees(&mut of_parcel.1, how, minor, &date.to_string());
            (payment, minor, date, fees)
        };
        taken.into_iter().map(with_fees).collect()
    }

    /// The cash payments of which every banknote is in the bank, and the payments that a network
    /// or wallet paid.
    fn received(&self) -> BTreeSet<PaymentId> {
        let banked = self.cash.banked();
        let in_bank = |cash: &&CashPayment| banked.get(&cash.payment) == Some(&cash.amount);
        let cash = self.cash_payments.iter().filter(in_bank).map(|cash| cash.payment);
        let items = self.rails.iter().flat_map(|rail| &rail.items);
        let paid = items.filter(|(_, item)| item.deducted.is_some()).map(|(payment, _)| *payment);
        cash.chain(paid).collect()
    }

    fn sums(&self) -> Sums {
        let mut sums = Sums {
            shares: vec![0; self.sellers.len()],
            held: vec![0; self.sellers.len()],
            commissions: vec![0; self.firms.len()],
            not_arrived: vec![0; self.firms.len()],
            fees: FeeTotals::default(),
            clearing_cost: 0,
            write_offs: 0,
            discounts: 0,
        };
        let received = self.received();
        let mut last_paid_on = BTreeMap::new();
        // The parcels of whose money something is held.
        let mut waiting = BTreeSet::new();
        let items = self.rails.iter().flat_map(|rail| &rail.items);
        let taken_back: BTreeMap<PaymentId, i128> =
            items.map(|(payment, item)| (*payment, i128::from(item.taken_back))).collect();
        for (payment, minor, date, fees) in self.paid() {
            // In the order of the numbers: the last one stays.
            last_paid_on.insert(payment.parcel, date);
            let parcel = &self.parcels[self.parcel_indexes[&payment.parcel]];
            let share = i128::from(minor) - i128::from(fees.total());
            sums.shares[parcel.seller] += share;
            if !received.contains(&payment) || self.is_held(parcel, payment) {
                waiting.insert(payment.parcel);
                // A refund takes what is held of its payment, then what the seller has besides.
                let taken_back = taken_back.get(&payment).copied().unwrap_or(0);
                sums.held[parcel.seller] += (share - taken_back).max(0);
            }
            let commission = i128::from(fees.of(FeeKind::Commission));
            sums.commissions[parcel.firm] += commission;
            if !received.contains(&payment) {
                sums.not_arrived[parcel.firm] += commission;
            }
            fees.iter().for_each(|(kind, fee)| sums.fees.add(kind, fee));
        }
        for (payment, item) in self.rails.iter().flat_map(|rail| &rail.items) {
            let parcel = &self.parcels[self.parcel_indexes[&payment.parcel]];
            sums.shares[parcel.seller] -= i128::from(item.taken_back);
            sums.bear(parcel, item.loss, item.amount);
            let is_borne = item.loss.is_some_and(|by| by != LossBearer::Seller);
            if is_borne && self.is_held(parcel, *payment) {
                waiting.insert(payment.parcel);
                sums.held[parcel.seller] += i128::from(item.amount);
            }
            if item.moves_money() && item.deducted.is_some() {
                let deducted = self.rail_deduction(item.method, item.amount, item.requested_on);
                sums.clearing_cost += deducted;
            }
        }
        // A buyer who has the parcel for a sale that the network never pays: it was carried all the
        // same.
        let items = self.rails.iter().flat_map(|rail| &rail.items);
        for (payment, item) in items.filter(|(_, item)| item.loss.is_some()) {
            let day = last_paid_on.entry(payment.parcel).or_insert(item.requested_on);
            *day = item.requested_on.max(*day);
        }
        let unbooked = self.rails.iter().flat_map(|rail| rail.unbooked.values());
        sums.clearing_cost += unbooked.filter_map(|item| item.deducted).sum::<u64>();
        for parcel in &self.parcels {
            let payer = parcel.exceptions.paid_by.unwrap_or(DamagePayer::Seller);
            if let Some(returned_on) = parcel.returned_on {
                let date = returned_on.to_string();
                let return_fee = self.own_tariff.return_fee(&date);
                let bearer = match payer {
                    DamagePayer::Seller => Some(&mut sums.shares[parcel.seller]),
                    DamagePayer::Firm => Some(&mut sums.commissions[parcel.firm]),
                    // Nobody owes Doorstep what Doorstep pays.
                    DamagePayer::Doorstep => None,
                };
                if let Some(bearer) = bearer {
                    *bearer -= i128::from(return_fee);
                    sums.fees.add(FeeKind::Return, return_fee);
                }
                if payer == DamagePayer::Seller {
                    sums.charge_vat(parcel, self.own_tariff.vat_of(return_fee, &date));
                }
            }
            // Carried to the buyer, or there and back without damage.
            let delivered = parcel.location == ParcelLocation::Delivered;
            let carried = match parcel.returned_on {
                Some(returned_on) => Some(returned_on).filter(|_| !parcel.exceptions.is_damaged),
                None => last_paid_on.get(&parcel.id).copied().filter(|_| delivered),
            };
            if let Some(date) = carried.map(|date| date.to_string()) {
                let freight = self.own_tariff.freight(&date);
                sums.shares[parcel.seller] -= i128::from(freight);
                sums.commissions[parcel.firm] += i128::from(freight);
                sums.fees.add(FeeKind::Freight, freight);
                sums.charge_vat(parcel, self.own_tariff.vat_of(freight, &date));
            }
            // The seller has Doorstep's part of the discounts when it has the buyer's money.
            let discount = if delivered { parcel.discount() } else { 0 };
            sums.discounts += discount;
            sums.shares[parcel.seller] += i128::from(discount);
            if waiting.contains(&parcel.id) {
                sums.held[parcel.seller] += i128::from(discount);
            }
            let bearer = match payer {
                DamagePayer::Seller => LossBearer::Seller,
                DamagePayer::Firm => LossBearer::Firm,
                DamagePayer::Doorstep => LossBearer::Doorstep,
            };
            sums.bear(parcel, Some(bearer), parcel.exceptions.compensated);
        }
        sums
    }

    /// What each firm has earned of money that is in the bank, less what it bears.
    pub(crate) fn earned_by_firms(&self) -> Vec<i128> {
        let Sums { commissions, not_arrived, .. } = self.sums();
        commissions.iter().zip(not_arrived).map(|(earned, waiting)| earned - waiting).collect()
    }

    pub(crate) fn report(&self) -> WorldReport {
        let sums = self.sums();
        let vault = |(index, firm): (usize, &super::SimulatedFirm)| FirmCash {
            firm: firm.id,
            reference: firm.reference.clone(),
            vault: self.cash.total(NoteHolder::Firm(index)),
            in_transit: firm
                .deposits
                .iter()
                .map(|id| self.cash.total(NoteHolder::Deposit(*id)))
                .sum(),
            commission: sums.commissions[index] - i128::from(firm.paid),
            withheld: firm.withheld,
        };
        let share = |(index, seller): (usize, &super::SimulatedSeller)| SellerBalance {
            seller: seller.id,
            reference: seller.reference.clone(),
            earned: sums.shares[index],
            held: sums.held[index],
            paid: i128::from(seller.paid),
        };
        WorldReport {
            leaves_clearing: self.leaves_clearing,
            currency: self.currency,
            bank: self.add_statement_line,
            statement: self.bank_statement.clone(),
            rails: self.rails.clone(),
            networks: Vec::new(),
            terminals: Vec::new(),
            cash: self.cash_payments.clone(),
            couriers: (0..self.couriers.len()).map(|index| self.courier_cash(index)).collect(),
            firms: self.firms.iter().enumerate().map(vault).collect(),
            sellers: self.sellers.iter().enumerate().map(share).collect(),
            parcels: self.parcels.iter().map(parcel_outcome).collect(),
            breaks: self.expected_breaks.clone(),
            lost_lines: self.lost_lines.clone(),
            fees: sums.fees,
            clearing_cost: sums.clearing_cost,
            write_offs: i128::from(sums.write_offs) - i128::from(self.own_money),
            discounts: sums.discounts,
            pending_reversals: 0,
            discrepancies: self.discrepancies.clone(),
            compared_from: self.clock.today(0),
        }
    }

    fn courier_cash(&self, index: usize) -> CourierCash {
        let courier = &self.couriers[index];
        CourierCash {
            courier: courier.id,
            firm: self.firms[courier.firm].id,
            expected: courier.expected_cash,
            actual: self.cash.total(NoteHolder::Courier(index)),
            shortage: self.cash.total(NoteHolder::Owed(index)),
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
        let mut only = ParcelFees::default();
        self.own_tariff.fees(&mut only, how, minor, &date.to_string()).kept_by_rail()
    }

    /// The part of a deduction that the card network keeps for itself.
    pub(crate) fn network_fee(&self, how: PaymentMethod, minor: u64, date: BusinessDate) -> u64 {
        let mut only = ParcelFees::default();
        let fees = self.own_tariff.fees(&mut only, how, minor, &date.to_string());
        fees.of(FeeKind::Network)
    }

    pub(crate) fn rail_subject(&self, index: usize) -> BreakSubject {
        self.rails[index].subject
    }
}

fn parcel_outcome(parcel: &SimulatedParcel) -> ParcelOutcome {
    ParcelOutcome {
        parcel: parcel.id,
        location: parcel.location,
        paid: parcel.paid,
        requests: parcel.requests,
    }
}
