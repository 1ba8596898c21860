//! The model: sellers below zero, their invoices and payments.

use books::chart::{AccountKind as A, ChartEntry};
use books::settlement_view::{OpenInvoice, SellerBelowZero};
use books::*;
use money::{Amount, Currency};

use super::{
    Account, Model, ModelRefusal, ModelResult, Numbered, SellerAccount, Statement, are_different,
    ensure,
};

impl Model {
    pub fn apply_seller_debt_command(&mut self, command: &Command) -> Option<ModelResult> {
        let done = match *command {
            Command::InvoiceSeller(ref invoice) => self.invoice(invoice, command),
            Command::RecordSellerPayment(ref payment) => self.pay_invoice(payment, command),
            Command::CancelInvoice(ref cancel) => self.cancel_invoice(cancel, command),
            _ => return None,
        };
        Some(done)
    }

    /// What a seller's balance is below zero.
    pub fn debt(&self, (id, currency): SellerAccount) -> i128 {
        -self.balance((A::SellerPayable, id.0, currency))
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
        let view = |account: &SellerAccount| {
            let ((seller, currency), since) = (*account, *self.below_zero.get(account)?);
            Some(SellerBelowZero { seller, currency, balance: -self.debt(*account), since })
        };
        self.seller_order.iter().filter_map(view).collect()
    }

    /// What was paid on an invoice.
    fn paid(&self, seller: SellerAccount, invoice: u32) -> u64 {
        let payments = self.numbers.get(&Numbered::InvoicePayments(seller, invoice));
        let amount = |command: &Command| match command {
            Command::RecordSellerPayment(payment) => payment.amount.minor(),
            _ => unreachable!("only payments have these numbers"),
        };
        payments.into_iter().flatten().map(amount).sum()
    }

    /// What nobody has paid or cancelled of an invoice.
    fn open_of(&self, seller: SellerAccount, invoice: u32) -> u64 {
        let cancelled = self.cancelled_invoices.contains(&(seller, invoice));
        let (amount, _) = self.invoices[&(seller, invoice)];
        if cancelled { 0 } else { amount - self.paid(seller, invoice) }
    }

    fn cancel_invoice(&mut self, cancel: &CancelInvoice, command: &Command) -> ModelResult {
        let CancelInvoice { seller, currency, invoice, proposed_by, approved_by } = *cancel;
        let sold = (seller, currency);
        ensure(self.invoices.contains_key(&(sold, invoice)), "no such invoice")?;
        if self.cancelled_invoices.contains(&(sold, invoice)) {
            return self.only_repeats(self.was_carried_out(command));
        }
        are_different(&[proposed_by, approved_by])?;
        let is_it = |one: &&InvoiceSeller| {
            (one.seller, one.currency, one.number) == (seller, currency, invoice)
        };
        let mut made = self.carried_out.iter().filter_map(|one| match one {
            Command::InvoiceSeller(one) => Some(one),
            _ => None,
        });
        let invoiced_by = made.find(is_it).expect("it was made").invoiced_by;
        ensure(approved_by != invoiced_by, "who invoiced")?;
        let open = self.open_of(sold, invoice);
        ensure(open > 0, "nothing is open")?;
        let payable = (A::SellerPayable, seller.0, currency);
        let receivable = Model::receivable_of(seller, currency);
        self.post(ChartEntry::InvoiceCancelled, payable, receivable, open);
        let parts = vec![("invoice_cancelled", open)];
        let line = Statement { refunded: open, parts, ..Statement::default() };
        self.add_statement_line(sold, line);
        self.cancelled_invoices.insert((sold, invoice));
        let amount = Amount::of(open);
        self.push_event(Event::InvoiceCancelled { seller, currency, invoice, amount })
    }

    pub fn open_invoices(&self) -> Vec<OpenInvoice> {
        let mut open = Vec::new();
        for seller in &self.seller_order {
            let theirs = self.invoices.iter().filter(|((of, _), _)| of == seller);
            for ((_, number), (amount, invoiced_on)) in theirs {
                let paid = self.paid(*seller, *number);
                if self.open_of(*seller, *number) > 0 {
                    open.push(OpenInvoice {
                        seller: seller.0,
                        number: *number,
                        currency: seller.1,
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
        let InvoiceSeller { seller, currency, number, amount, .. } = *invoice;
        ensure(!amount.is_zero(), "an invoice of nothing")?;
        let sold = (seller, currency);
        ensure(self.sellers.contains_key(&sold), "no such account of a seller")?;
        self.next_number(Numbered::Invoices(sold), number, command)?;
        ensure(i128::from(amount.minor()) <= self.debt(sold), "more than the seller owes")?;
        let payable = (A::SellerPayable, seller.0, currency);
        let receivable = Model::receivable_of(seller, currency);
        self.post(ChartEntry::SellerInvoiced, receivable, payable, amount.minor());
        let invoiced = amount.minor();
        self.add_statement_line(sold, Statement { invoiced, ..Statement::default() });
        self.invoices.insert((sold, number), (amount.minor(), self.today));
        self.use_number(Numbered::Invoices(sold), command);
        self.push_event(Event::SellerInvoiced { seller, currency, number, amount })
    }

    fn pay_invoice(&mut self, payment: &RecordSellerPayment, command: &Command) -> ModelResult {
        let RecordSellerPayment { seller, currency, invoice, number, bank, amount } = *payment;
        ensure(!amount.is_zero(), "nothing paid")?;
        let sold = (seller, currency);
        let banks = *self.banks.get(&bank).ok_or(ModelRefusal::Because("no such bank account"))?;
        ensure(self.invoices.contains_key(&(sold, invoice)), "no such invoice")?;
        let numbered = Numbered::InvoicePayments(sold, invoice);
        self.next_number(numbered, number.into(), command)?;
        ensure(number <= PAYMENTS_PER_INVOICE_MAX, "too many payments")?;
        ensure(amount.minor() <= self.open_of(sold, invoice), "more than is open")?;
        ensure(currency == banks, "another currency")?;
        let account = (A::Bank, bank.0, currency);
        let receivable = Model::receivable_of(seller, currency);
        self.post(ChartEntry::InvoicePaid, account, receivable, amount.minor());
        self.use_number(numbered, command);
        self.push_event(Event::SellerPaymentRecorded { seller, currency, invoice, number, amount })
    }
}
