//! Sellers below zero. Later money reduces the debt by itself. What is invoiced is owed on the
//! invoice instead, and paid into a bank account.

use tariff::BusinessDate;

use crate::books::{
    Books, Now, check_above_zero, check_sequence_number, clamp_to_amount, done_before,
};
use crate::chart::{AccountKind, ChartEntry};
use crate::command::{CancelInvoice, InvoiceSeller, PAYMENTS_PER_INVOICE_MAX, RecordSellerPayment};
use crate::event::{CommandOutcome, Event, Posting};
use crate::ids::SellerId;
use crate::party::persons::check_two_people;
use crate::refusal::{MissingRecord, Refusal};
use crate::settlement::record::{InvoicePayment, SellerInvoice};

impl Books {
    /// Notes which sellers are below zero since today, after any command.
    pub(crate) fn update_sellers_below_zero(&mut self, out: &CommandOutcome, today: BusinessDate) {
        let of_sellers = |posting: &&Posting| {
            let row = posting.entry.row();
            row.debit.iter().chain(row.credit).any(|kind| *kind == AccountKind::SellerPayable)
        };
        let moved = out.postings.iter().filter(|posting| posting.moves_money()).filter(of_sellers);
        for number in moved.flat_map(|posting| [posting.debit, posting.credit]) {
            let account = self.ledger.account(number);
            if account.code() != AccountKind::SellerPayable.code() {
                continue;
            }
            let owner = *self.ledger.owners.get(number.0 as usize).expect("accounts have owners");
            let currency = self.ledger.ledger.currency(account);
            let seller = self.seller_number(SellerId(owner), currency).expect("a seller owns it");
            let below_zero = &mut self.reference_data.sellers_below_zero;
            if account.balance() < 0 {
                below_zero.entry(seller).or_insert(today);
            } else {
                below_zero.remove(&seller);
            }
        }
    }

    pub(crate) fn invoice_seller(
        &mut self,
        command: &InvoiceSeller,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let InvoiceSeller { seller: id, currency, number, amount, invoiced_by } = *command;
        check_above_zero(amount)?;
        let place = self.seller_number(id, currency)?;
        let invoices = &self.reference_data.seller_invoices;
        let last = invoices.range((place, 0)..=(place, u32::MAX)).next_back();
        check_sequence_number(number, last.map_or(0, |((_, last), _)| *last), || {
            let before = invoices.get(&(place, number));
            before.map(|one| (one.amount, one.invoiced_by) == (amount, invoiced_by))
        })?;
        let payable = self.sellers.get(place).payable;
        let owed = clamp_to_amount(-self.ledger.account(payable).balance());
        if amount > owed {
            return Err(Refusal::AmountTooLarge(owed));
        }
        let ledger = &mut self.ledger;
        let receivable = *self
            .reference_data
            .seller_receivables
            .entry(place)
            .or_insert_with(|| ledger.open(currency, AccountKind::SellerReceivable, id.0));
        self.ledger.begin_chain(None, None);
        self.ledger.post(ChartEntry::SellerInvoiced, receivable, payable, amount);
        self.ledger.commit_infallible(out, "a seller's debt can be invoiced");
        self.sellers.get_mut(place).statement.invoiced += u128::from(amount.minor());
        let invoice = SellerInvoice {
            amount,
            invoiced_by,
            invoiced_on: now.today,
            payments: Vec::new(),
            cancelled: None,
        };
        self.reference_data.seller_invoices.insert((place, number), invoice);
        out.events.push(Event::SellerInvoiced { seller: id, currency, number, amount });
        Ok(())
    }

    pub(crate) fn cancel_invoice(
        &mut self,
        command: &CancelInvoice,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let CancelInvoice { seller, currency, invoice, proposed_by, approved_by } = *command;
        let place = self.seller_number(seller, currency)?;
        let record = self.reference_data.seller_invoices.get(&(place, invoice));
        let record = record.ok_or(Refusal::NotFound(MissingRecord::Invoice))?;
        let by = (proposed_by, approved_by);
        if let Some((_, before)) = record.cancelled {
            return Err(done_before(before == by));
        }
        check_two_people(proposed_by, approved_by, &[record.invoiced_by])?;
        let amount = record.open();
        if amount.is_zero() {
            return Err(Refusal::InvoiceNotOpen);
        }
        let payable = self.sellers.get(place).payable;
        let receivable = self.reference_data.seller_receivables[&place];
        self.ledger.begin_chain(None, None);
        self.ledger.post(ChartEntry::InvoiceCancelled, payable, receivable, amount);
        self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
        let statement = &mut self.sellers.get_mut(place).statement;
        statement.charge(|parts| &mut parts.invoice_cancelled, amount);
        let record = self.reference_data.seller_invoices.get_mut(&(place, invoice));
        record.expect("found before").cancelled = Some((amount, by));
        out.events.push(Event::InvoiceCancelled { seller, currency, invoice, amount });
        Ok(())
    }

    pub(crate) fn record_seller_payment(
        &mut self,
        command: &RecordSellerPayment,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RecordSellerPayment { seller: id, currency, invoice, number, bank, amount } = *command;
        check_above_zero(amount)?;
        let place = self.seller_number(id, currency)?;
        let payment = InvoicePayment { bank, amount };
        let bank = self.banks.find(bank).ok_or(Refusal::NotFound(MissingRecord::Bank(bank)))?;
        let record = self.reference_data.seller_invoices.get(&(place, invoice));
        let record = record.ok_or(Refusal::NotFound(MissingRecord::Invoice))?;
        let paid = record.payments.len();
        let done = u32::try_from(paid).expect("limited by PAYMENTS_PER_INVOICE_MAX");
        check_sequence_number(number.into(), done, || {
            record.payments.get(usize::from(number) - 1).map(|before| *before == payment)
        })?;
        if paid >= usize::from(PAYMENTS_PER_INVOICE_MAX) {
            return Err(Refusal::TooMany(PAYMENTS_PER_INVOICE_MAX));
        }
        let open = record.open();
        if open.is_zero() {
            return Err(Refusal::InvoiceNotOpen);
        }
        if amount > open {
            return Err(Refusal::AmountTooLarge(open));
        }
        self.check_same_currency(bank.currency, self.sellers.get(place).currency)?;
        let receivable = self.reference_data.seller_receivables[&place];
        self.ledger.begin_chain(None, None);
        self.ledger.post(ChartEntry::InvoicePaid, bank.account, receivable, amount);
        self.ledger.commit_infallible(out, "an open invoice can be paid");
        let record = self.reference_data.seller_invoices.get_mut(&(place, invoice));
        record.expect("found before").payments.push(payment);
        let seller = id;
        let event = Event::SellerPaymentRecorded { seller, currency, invoice, number, amount };
        out.events.push(event);
        Ok(())
    }
}
