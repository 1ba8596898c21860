//! The model: sellers below zero, their invoices and payments.

use books::chart::{AccountKind as A, ChartEntry};
use books::settlement_view::{OpenInvoice, SellerBelowZero};
use books::*;
use money::{Amount, Currency};

use super::{Account, Model, ModelRefusal, ModelResult, Numbered, Statement, ensure};

impl Model {
    pub fn apply_seller_debt_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match *command {
            Command::InvoiceSeller(ref invoice) => self.invoice(invoice, command),
            Command::RecordSellerPayment(ref payment) => self.pay_invoice(payment, command),
            _ => return None,
        };
        Some(done)
    }

    fn seller_currency(&self, id: SellerId) -> ModelResult<Currency> {
        self.sellers.get(&id).map(|one| one.currency).ok_or(ModelRefusal::Because("no such seller"))
    }

    /// What a seller's balance is below zero.
    pub fn debt(&self, id: SellerId) -> i128 {
        -self.balance((A::SellerPayable, id.0, self.sellers[&id].currency))
    }

    /// After a command, notes since when sellers are below zero.
    pub fn note_debts(&mut self) {
        for id in self.seller_order.clone() {
            if self.debt(id) > 0 {
                self.below_zero.entry(id).or_insert(self.today);
            } else {
                self.below_zero.remove(&id);
            }
        }
    }

    pub fn sellers_below_zero(&self) -> Vec<SellerBelowZero> {
        let view = |id: &SellerId| {
            let (currency, since) = (self.sellers[id].currency, *self.below_zero.get(id)?);
            Some(SellerBelowZero { seller: *id, currency, balance: -self.debt(*id), since })
        };
        self.seller_order.iter().filter_map(view).collect()
    }

    /// What was paid on an invoice.
    fn paid(&self, seller: SellerId, invoice: u32) -> u64 {
        let payments = self.numbers.get(&Numbered::InvoicePayments(seller, invoice));
        let amount = |command: &Command| match command {
            Command::RecordSellerPayment(payment) => payment.amount.minor(),
            _ => unreachable!("only payments have these numbers"),
        };
        payments.into_iter().flatten().map(amount).sum()
    }

    pub fn open_invoices(&self) -> Vec<OpenInvoice> {
        let mut open = Vec::new();
        for seller in &self.seller_order {
            let theirs = self.invoices.iter().filter(|((of, _), _)| of == seller);
            for ((_, number), (amount, invoiced_on)) in theirs {
                let paid = self.paid(*seller, *number);
                if paid < *amount {
                    open.push(OpenInvoice {
                        seller: *seller,
                        number: *number,
                        currency: self.sellers[seller].currency,
                        amount: Amount::of(*amount),
                        paid: Amount::of(paid),
                        invoiced_on: *invoiced_on,
                    });
                }
            }
        }
        open
    }

    fn receivable_of(seller: SellerId, currency: Currency) -> Account {
        (A::SellerReceivable, seller.0, currency)
    }

    fn invoice(&mut self, invoice: &InvoiceSeller, command: &Command) -> ModelResult {
        let InvoiceSeller { seller, number, amount, .. } = *invoice;
        ensure(!amount.is_zero(), "an invoice of nothing")?;
        let currency = self.seller_currency(seller)?;
        self.next_number(Numbered::Invoices(seller), number, command)?;
        ensure(i128::from(amount.minor()) <= self.debt(seller), "more than the seller owes")?;
        let payable = (A::SellerPayable, seller.0, currency);
        let receivable = Model::receivable_of(seller, currency);
        self.post(ChartEntry::SellerInvoiced, receivable, payable, amount.minor());
        let invoiced = amount.minor();
        self.add_statement_line(seller, Statement { invoiced, ..Statement::default() });
        self.invoices.insert((seller, number), (amount.minor(), self.today));
        self.use_number(Numbered::Invoices(seller), command);
        self.push_event(Event::SellerInvoiced { seller, number, amount })
    }

    fn pay_invoice(&mut self, payment: &RecordSellerPayment, command: &Command) -> ModelResult {
        let RecordSellerPayment { seller, invoice, number, bank, amount } = *payment;
        ensure(!amount.is_zero(), "nothing paid")?;
        let currency = self.seller_currency(seller)?;
        let banks = *self.banks.get(&bank).ok_or(ModelRefusal::Because("no such bank account"))?;
        let known = self.invoices.get(&(seller, invoice));
        let (invoiced, _) = *known.ok_or(ModelRefusal::Because("no such invoice"))?;
        let numbered = Numbered::InvoicePayments(seller, invoice);
        self.next_number(numbered, number.into(), command)?;
        ensure(number <= PAYMENTS_PER_INVOICE_MAX, "too many payments")?;
        ensure(amount.minor() <= invoiced - self.paid(seller, invoice), "more than is open")?;
        ensure(currency == banks, "another currency")?;
        let account = (A::Bank, bank.0, currency);
        let receivable = Model::receivable_of(seller, currency);
        self.post(ChartEntry::InvoicePaid, account, receivable, amount.minor());
        self.use_number(numbered, command);
        self.push_event(Event::SellerPaymentRecorded { seller, invoice, number, amount })
    }
}
