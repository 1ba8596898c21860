//! Freight: what a seller bears for a parcel that was carried, owed to the courier firm.

use money::Amount;

use crate::books::Books;
use crate::chart::ChartEntry;
use crate::command::Tax;
use crate::event::{CommandOutcome, Event};
use crate::ids::{ParcelId, PaymentId};
use crate::payment::record::PaymentRecord;

/// What a parcel bears for being carried.
pub(crate) struct Freight {
    pub seller: u32,
    pub firm: u32,
    /// The tariff version that it comes from.
    pub version: u16,
    pub amount: Amount,
    pub vat: Amount,
}

impl Books {
    pub(crate) fn freight(&self, seller: u32, firm: u32, version: u16) -> Freight {
        let terms = &self.reference_data.versions[usize::from(version)].terms;
        let (amount, vat) = (terms.freight, terms.vat.of(terms.freight));
        Freight { seller, firm, version, amount, vat }
    }

    /// The freight of a delivered parcel, by the version of its payment with the highest number. An
    /// offline sale that is all excess does not count: it can come after the delivery.
    fn freight_of_delivery(&self, newest: u32) -> Freight {
        let pays = |item: &&PaymentRecord| self.excess_of(item) < item.amount;
        let payments = self.payments_from(newest).map(|(_, item)| item).filter(pays);
        let last = payments.max_by_key(|item| item.number);
        let item = last.expect("a delivered parcel has a payment");
        let firm = self.couriers.get(item.courier).firm;
        self.freight(item.seller, firm, item.tariff_version)
    }

    pub(crate) fn charge_delivery(
        &mut self,
        parcel: ParcelId,
        newest: u32,
        out: &mut CommandOutcome,
    ) {
        let freight = self.freight_of_delivery(newest);
        let tariff = self.tariff_version(freight.version);
        self.ledger.begin_chain(Some(PaymentId { parcel, number: 0 }), Some(tariff));
        self.post_freight(&freight);
        self.ledger.commit_infallible(out, "a seller's balance may go below zero");
        self.record_freight(parcel, &freight, out);
    }

    /// Adds the postings of freight to the chain.
    pub(crate) fn post_freight(&mut self, freight: &Freight) {
        let seller = self.sellers.get(freight.seller);
        let (payable, vat) = (seller.payable, self.tax_account(Tax::Vat, seller.currency));
        let firm = self.firms.get(freight.firm).commission;
        self.ledger.post(ChartEntry::FreightCharged, payable, firm, freight.amount);
        self.ledger.post(ChartEntry::VatCharged, payable, vat, freight.vat);
    }

    /// Records freight that was posted.
    pub(crate) fn record_freight(
        &mut self,
        parcel: ParcelId,
        freight: &Freight,
        out: &mut CommandOutcome,
    ) {
        let Freight { seller, firm, version, amount: freight, vat } = *freight;
        if freight.is_zero() {
            return;
        }
        let seller = self.sellers.get_mut(seller);
        let (freight_minor, vat_minor) = (u128::from(freight.minor()), u128::from(vat.minor()));
        seller.statement.fees += freight_minor + vat_minor;
        seller.statement.freight += freight_minor;
        seller.statement.vat += vat_minor;
        let (seller, currency) = (seller.id, seller.currency);
        self.record_tax(Tax::Vat, currency, vat.minor().into());
        let (firm, tariff) = (self.firms.get(firm).id, self.tariff_version(version));
        out.events.push(Event::FreightCharged { parcel, seller, firm, freight, vat, tariff });
    }

    /// The delivery is undone: the seller gets the freight back.
    pub(crate) fn reverse_freight(
        &mut self,
        parcel: ParcelId,
        newest: u32,
        out: &mut CommandOutcome,
    ) {
        let Freight { seller, firm, version, amount: freight, vat } =
            self.freight_of_delivery(newest);
        if freight.is_zero() {
            return;
        }
        let tariff = self.tariff_version(version);
        let firm = self.firms.get(firm);
        let (firm, commission) = (firm.id, firm.commission);
        let number = seller;
        let seller = self.sellers.get(number);
        let (seller, payable, currency) = (seller.id, seller.payable, seller.currency);
        let tax = self.tax_account(Tax::Vat, currency);
        self.ledger.begin_chain(Some(PaymentId { parcel, number: 0 }), Some(tariff));
        self.ledger.post(ChartEntry::FreightReversed, commission, payable, freight);
        self.ledger.post(ChartEntry::FreightReversed, tax, payable, vat);
        self.ledger.commit_infallible(out, "freight can be given back");
        let statement = &mut self.sellers.get_mut(number).statement;
        statement.credit(|parts| &mut parts.freight_given_back, freight);
        statement.credit(|parts| &mut parts.freight_given_back, vat);
        self.record_tax(Tax::Vat, currency, -i128::from(vat.minor()));
        out.events.push(Event::FreightReversed { parcel, seller, firm, freight, vat });
    }
}
