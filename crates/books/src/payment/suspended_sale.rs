//! Offline sales in suspense: their networks owe them, and two persons decide whose money it is.

use money::Amount;

use crate::books::{Books, Now, check_above_zero, done_before};
use crate::breaks::record::Difference;
use crate::chart::ChartEntry;
use crate::command::{
    BreakSide, BreakSubject, ConfirmRefund, FIRST_SUSPENDED_PAYMENT, ResolveSuspendedSale,
    SuspendedSaleDecision, SuspenseReason,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{ParcelId, PaymentId, PersonId};
use crate::party::persons::check_two_people;
use crate::party::record::RailId;
use crate::payment::collection::NewPayment;
use crate::payment::offline_sale::OfflineSale;
use crate::payment::record::{
    RefundConfirmation, SuspendedSale, SuspendedSaleEnd, SuspendedSaleResolution,
};
use crate::refusal::{MissingRecord, Refusal};
use crate::terminal::transaction::TransactionKind;

impl Books {
    /// Posts an offline sale to suspense as a break. Its owner is the courier who has the terminal.
    pub(crate) fn suspend_offline_sale(
        &mut self,
        sale: &OfflineSale,
        reason: SuspenseReason,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<PaymentId, Refusal> {
        let &OfflineSale { new, courier, day } = sale;
        let NewPayment { id: PaymentId { parcel, .. }, method, rail, amount } = new;
        let of_parcel = self.suspended_sales_of(parcel);
        let number = u8::try_from(of_parcel).ok();
        let number = number.and_then(|before| FIRST_SUSPENDED_PAYMENT.checked_add(before));
        let payment = PaymentId { parcel, number: number.ok_or(Refusal::TooMany(u8::MAX))? };
        let record = self.rails.get(u32::from(rail));
        let (receivable, currency) = (record.receivable, record.currency);
        let RailId::Network(network) = record.id else { return Err(Refusal::BadMethod) };
        let suspense = self.currency_accounts(currency).suspense;
        self.ledger.begin_chain(Some(payment), None);
        self.ledger.post(ChartEntry::BreakExcess, receivable, suspense, amount);
        self.ledger.commit(out).map_err(|_| Refusal::Overflow)?;
        let subject = BreakSubject::Network(network);
        let difference = Difference { subject, side: BreakSide::Excess, amount };
        let people = (PersonId(self.couriers.get(courier).id.0), PersonId(0));
        let break_id =
            self.record_automatic_break(difference, currency, people, None, now.today, out);
        let new = SuspendedSale {
            break_id,
            reason,
            rail,
            method,
            amount,
            courier,
            day,
            cleared: false,
            end: None,
        };
        self.reference_data.suspended_sales.insert(payment, new);
        out.events.push(Event::OfflineSaleSuspended { payment, break_id, reason, amount });
        Ok(payment)
    }

    fn suspended_sales_of(&self, parcel: ParcelId) -> usize {
        let first = PaymentId { parcel, number: FIRST_SUSPENDED_PAYMENT };
        let last = PaymentId { parcel, number: u8::MAX };
        self.reference_data.suspended_sales.range(first..=last).count()
    }

    /// A sale in suspense, or one that was owed to the buyer or rejected there. Not one that is a
    /// payment of its parcel.
    pub(crate) fn sale_without_parcel(&self, payment: PaymentId) -> Option<&SuspendedSale> {
        let sale = self.reference_data.suspended_sales.get(&payment)?;
        let booked =
            |one: &SuspendedSaleResolution| one.decision == SuspendedSaleDecision::BookToParcel;
        let end = sale.end.as_ref();
        (!matches!(end, Some(SuspendedSaleEnd::Resolved(one)) if booked(one))).then_some(sale)
    }

    fn sale_without_parcel_mut(&mut self, payment: PaymentId) -> &mut SuspendedSale {
        self.reference_data.suspended_sales.get_mut(&payment).expect("found before")
    }

    /// Whether the network's answer to an offline sale is missing.
    pub(crate) fn awaits_advice(&self, payment: PaymentId) -> bool {
        let advice = |kind, awaits| kind == TransactionKind::Advice && awaits;
        self.terminal_batches
            .find_by_payment(payment, |one| advice(one.kind, one.awaits_network))
            .is_some()
    }

    pub(crate) fn resolve_suspended_sale(
        &mut self,
        command: &ResolveSuspendedSale,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ResolveSuspendedSale { payment, decision, proposed_by, approved_by } = *command;
        let sale = self.reference_data.suspended_sales.get(&payment);
        let sale = sale.ok_or(Refusal::NotFound(MissingRecord::Payment))?.clone();
        let resolution =
            SuspendedSaleResolution { decision, proposed_by, approved_by, paid_back: None };
        match sale.end {
            None => {}
            Some(SuspendedSaleEnd::Resolved(before)) => {
                let before = SuspendedSaleResolution { paid_back: None, ..before };
                return Err(done_before(before == resolution));
            }
            Some(SuspendedSaleEnd::Rejected) => return Err(Refusal::PaymentState),
        }
        let record = &self.reference_data.breaks[&sale.break_id];
        let owners = record.owners();
        owners.iter().try_for_each(|owner| check_two_people(*owner, proposed_by, &[]))?;
        check_two_people(proposed_by, approved_by, &record.participants())?;
        // The network may still reject it, and then it is nobody's money.
        if self.awaits_advice(payment) {
            return Err(Refusal::PaymentState);
        }
        let SuspendedSale { rail, method, amount, courier, day, .. } = sale;
        out.set_value_date(day, now.today);
        match decision {
            SuspendedSaleDecision::BookToParcel => {
                let new = NewPayment { id: payment, method, rail, amount };
                let booking = self.booking_of(&OfflineSale { new, courier, day }, now);
                let booking = booking.map_err(|reason| self.why_not_booked(&new, reason, now))?;
                let slot = self.book_offline_sale(&new, &booking, true, now, out)?;
                if sale.cleared {
                    self.receive_suspended_sale(slot, now.today, out);
                }
            }
            SuspendedSaleDecision::OweToBuyer => {
                let currency = self.rails.get(u32::from(rail)).currency;
                let accounts = self.currency_accounts(currency);
                let (suspense, refunds) = (accounts.suspense, accounts.buyer_refunds);
                self.ledger.begin_chain(Some(payment), None);
                self.ledger.post(ChartEntry::SuspendedSaleBooked, suspense, refunds, amount);
                self.ledger.commit(out).map_err(|_| Refusal::LimitReached)?;
            }
        }
        self.sale_without_parcel_mut(payment).end = Some(SuspendedSaleEnd::Resolved(resolution));
        self.close_break_of(&sale, out);
        out.events.push(Event::SuspendedSaleResolved { payment, decision });
        Ok(())
    }

    fn why_not_booked(&self, new: &NewPayment, reason: SuspenseReason, now: Now) -> Refusal {
        let rail = self.rails.get(u32::from(new.rail)).currency;
        match reason {
            SuspenseReason::UnknownParcel => {
                Refusal::NotFound(MissingRecord::Parcel(new.id.parcel))
            }
            SuspenseReason::OtherCurrency => {
                Refusal::CurrencyWithoutAccount(self.currency_at(rail))
            }
            SuspenseReason::NoTariff => Refusal::NoTariff(now.today),
            SuspenseReason::TerminalBlocked | SuspenseReason::TooManyPayments => {
                unreachable!("only a new sale waits because of these")
            }
        }
    }

    fn close_break_of(&mut self, sale: &SuspendedSale, out: &mut CommandOutcome) {
        let break_id = sale.break_id;
        let record = self.reference_data.breaks.get_mut(&break_id).expect("raised with the sale");
        record.amount = Amount::ZERO;
        out.events.push(Event::BreakClosed { break_id, amount: sale.amount });
    }

    /// The network never pays a sale in suspense: it was nobody's money.
    pub(crate) fn reject_suspended_sale(&mut self, payment: PaymentId, out: &mut CommandOutcome) {
        let sale = self.reference_data.suspended_sales[&payment].clone();
        let rail = self.rails.get(u32::from(sale.rail));
        let (receivable, suspense) =
            (rail.receivable, self.currency_accounts(rail.currency).suspense);
        self.ledger.begin_chain(Some(payment), None);
        self.ledger.post(ChartEntry::OfflineSaleRejected, suspense, receivable, sale.amount);
        self.ledger.commit_infallible(out, "a sale in suspense can be taken back");
        self.sale_without_parcel_mut(payment).end = Some(SuspendedSaleEnd::Rejected);
        let (loss, amount, excess) = (None, sale.amount, Amount::ZERO);
        out.events.push(Event::OfflineSaleRejected { payment, loss, amount, excess });
        self.close_break_of(&sale, out);
    }

    /// A line of the network's file paid a sale in suspense, or one that is owed to the buyer.
    pub(crate) fn note_suspended_sale_paid(&mut self, payment: PaymentId) {
        self.sale_without_parcel_mut(payment).cleared = true;
    }

    /// The money of a sale that was owed to the buyer left the bank account.
    pub(crate) fn pay_back_suspended_sale(
        &mut self,
        command: &ConfirmRefund,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ConfirmRefund { bank, payment, number, amount } = *command;
        check_above_zero(amount)?;
        let confirmation = RefundConfirmation { bank, amount };
        let bank = self.banks.find(bank).ok_or(Refusal::NotFound(MissingRecord::Bank(bank)))?;
        let sale = &self.reference_data.suspended_sales[&payment];
        let Some(SuspendedSaleEnd::Resolved(resolution)) = sale.end else {
            return Err(Refusal::PaymentState);
        };
        match resolution.paid_back {
            _ if number != 1 => return Err(Refusal::WrongSequenceNumber(1)),
            None => {}
            Some(before) if before == confirmation => return Err(Refusal::Repeated),
            Some(_) => return Err(Refusal::NumberUsed(1)),
        }
        if amount != sale.amount {
            return Err(Refusal::AmountMismatch(sale.amount));
        }
        let currency = self.rails.get(u32::from(sale.rail)).currency;
        self.check_same_currency(bank.currency, currency)?;
        let bank = bank.account;
        self.check_in_bank(bank, amount.minor().into())?;
        let refunds = self.currency_accounts(currency).buyer_refunds;
        self.ledger.begin_chain(Some(payment), None);
        self.ledger.post(ChartEntry::RefundPaid, refunds, bank, amount);
        self.ledger.commit_infallible(out, "an owed refund can be paid");
        let paid = SuspendedSaleResolution { paid_back: Some(confirmation), ..resolution };
        self.sale_without_parcel_mut(payment).end = Some(SuspendedSaleEnd::Resolved(paid));
        out.events.push(Event::RefundPaid { payment, amount });
        Ok(())
    }

    /// A sale in suspense has an open break of its amount at its network. What is owed to buyers is
    /// the unpaid refunds of payments and of sales that were owed to the buyer (M9).
    pub(crate) fn check_suspended_sales(&self, wrong: &mut Vec<String>) {
        let currencies = self.reference_data.currencies.len();
        let mut owed = vec![0_u128; currencies];
        for (_, item) in self.payments.iter() {
            if let Some(unpaid) = item.status.unpaid_refunds() {
                let currency = self.sellers.get(item.seller).currency;
                owed[usize::from(currency)] += u128::from(unpaid.minor());
            }
        }
        for (payment, sale) in &self.reference_data.suspended_sales {
            let rail = self.rails.get(u32::from(sale.rail));
            let record = self.reference_data.breaks.get(&sale.break_id);
            let fits = record.is_some_and(|record| {
                let subject = BreakSubject::of_rail(rail.id);
                let (side, amount) = (BreakSide::Excess, sale.amount);
                record.is_of(Difference { subject, side, amount })
                    && record.is_open() == sale.end.is_none()
            });
            let is_payment = self.find_payment(*payment).is_ok();
            if !fits || (is_payment && self.sale_without_parcel(*payment).is_some()) {
                let id = payment.parcel.bits();
                wrong.push(format!("M9: an offline sale of parcel {id:032x} has no open break"));
            }
            if let Some(SuspendedSaleEnd::Resolved(one)) = &sale.end
                && one.decision == SuspendedSaleDecision::OweToBuyer
                && one.paid_back.is_none()
            {
                owed[usize::from(rail.currency)] += u128::from(sale.amount.minor());
            }
        }
        for (accounts, owed) in self.reference_data.currencies.iter().zip(owed) {
            let balance = self.ledger.account(accounts.buyer_refunds).balance();
            if u128::try_from(balance) != Ok(owed) {
                let currency = accounts.currency;
                wrong.push(format!(
                    "M9: {balance} {currency} are owed to buyers, the refunds say {owed}"
                ));
            }
        }
    }
}
