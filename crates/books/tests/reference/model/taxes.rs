//! The model: freight, VAT on what the service charges, and taxes owed to the authority.

use books::chart::{AccountKind as A, ChartEntry};
use books::*;
use money::{Amount, Currency};

use super::parties::share;
use super::{
    Account, Model, ModelRefusal, ModelResult, Numbered, Statement, are_different, ensure,
};

impl Model {
    pub fn apply_tax_command(&mut self, command: &Command) -> Option<ModelResult> {
        match command {
            Command::PayTax(payment) => Some(self.pay_tax(payment, command)),
            _ => None,
        }
    }

    fn pay_tax(&mut self, payment: &PayTax, command: &Command) -> ModelResult {
        let PayTax { number, tax, bank, amount, proposed_by, approved_by } = *payment;
        ensure(!amount.is_zero(), "nothing paid")?;
        let known = self.banks.get(&bank).copied();
        let currency = known.ok_or(ModelRefusal::Because("no such bank account"))?;
        self.next_number(Numbered::TaxPayments, number, command)?;
        are_different(&[proposed_by, approved_by])?;
        let owed = tax_account(tax, currency);
        ensure(i128::from(amount.minor()) <= self.balance(owed), "more than is owed")?;
        self.has_in_bank(bank, i128::from(amount.minor()))?;
        self.post(ChartEntry::TaxPaid, owed, (A::Bank, bank.0, currency), amount.minor());
        self.use_number(Numbered::TaxPayments, command);
        self.push_event(Event::TaxPaid { tax, currency, amount })
    }

    /// The payment by which a delivered parcel bears freight: the last number of those that are not
    /// all excess. Its tariff version says how much, its courier's firm carried the parcel.
    fn freight_of_delivery(&self, id: ParcelId) -> (TariffVersion, FirmId) {
        let payments = self.parcels[&id].payments.values();
        let last = payments.rev().find(|one| one.excess < one.amount);
        let last = last.expect("a delivered parcel was paid");
        (last.charge.tariff, self.couriers[&last.courier].firm)
    }

    /// Freight of a version and its VAT.
    fn freight_of(&self, TariffVersion { tariff, version }: TariffVersion) -> (u64, u64) {
        let terms = &self.tariffs[&tariff][usize::from(version) - 1].terms;
        let freight = terms.freight.minor();
        (freight, share(freight, terms.vat.ppm()))
    }

    pub fn charge_delivery(&mut self, id: ParcelId) -> ModelResult {
        let (tariff, firm) = self.freight_of_delivery(id);
        self.about = (Some(PaymentId { parcel: id, number: 0 }), Some(tariff));
        self.charge_freight(id, tariff, firm)
    }

    /// A parcel was carried to the buyer, or to the buyer and back.
    pub fn charge_freight(
        &mut self,
        id: ParcelId,
        tariff: TariffVersion,
        firm: FirmId,
    ) -> ModelResult {
        let (freight, vat) = self.freight_of(tariff);
        if freight == 0 {
            return Ok(());
        }
        let (seller, currency) = self.parcels[&id].account();
        let payable = (A::SellerPayable, seller.0, currency);
        self.post(
            ChartEntry::FreightCharged,
            payable,
            (A::FirmCommission, firm.0, currency),
            freight,
        );
        self.post(ChartEntry::VatCharged, payable, tax_account(Tax::Vat, currency), vat);
        let fees = freight + vat;
        let line = Statement { fees, vat, freight, ..Statement::default() };
        self.add_statement_line((seller, currency), line);
        let (freight, vat) = (Amount::of(freight), Amount::of(vat));
        self.push_event(Event::FreightCharged { parcel: id, seller, firm, freight, vat, tariff })
    }

    /// A payment of a delivered parcel was taken back, so it was not delivered.
    pub fn give_freight_back(&mut self, id: ParcelId) -> ModelResult {
        let (tariff, firm) = self.freight_of_delivery(id);
        let (freight, vat) = self.freight_of(tariff);
        if freight == 0 {
            return Ok(());
        }
        self.about = (Some(PaymentId { parcel: id, number: 0 }), Some(tariff));
        let (seller, currency) = self.parcels[&id].account();
        let payable = (A::SellerPayable, seller.0, currency);
        let earned = (A::FirmCommission, firm.0, currency);
        self.post(ChartEntry::FreightReversed, earned, payable, freight);
        self.post(ChartEntry::FreightReversed, tax_account(Tax::Vat, currency), payable, vat);
        let parts = vec![("freight_given_back", freight + vat)];
        let line = Statement { gross: freight + vat, parts, ..Statement::default() };
        self.add_statement_line((seller, currency), line);
        let (freight, vat) = (Amount::of(freight), Amount::of(vat));
        self.push_event(Event::FreightReversed { parcel: id, seller, firm, freight, vat })
    }
}

pub fn tax_account(tax: Tax, currency: Currency) -> Account {
    let kind = match tax {
        Tax::Vat => A::VatPayable,
        Tax::Withholding => A::WithholdingPayable,
    };
    (kind, 0, currency)
}
