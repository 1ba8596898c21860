//! The network's answer to an offline sale. A rejected sale is never paid, and its loss has an
//! owner.

use ledger::AccountNumber;
use money::Amount;
use tariff::{FeeKind, Fees, LossOwner};

use crate::books::{Books, Now};
use crate::chart::ChartEntry;
use crate::command::{ResolveAdvice, Tax};
use crate::event::{CommandOutcome, Event};
use crate::ids::PaymentId;
use crate::payment::codes::ResponseCode;
use crate::payment::record::{PaymentRecord, PaymentStatus, RejectedSale, SuspendedSale};
use crate::refusal::Refusal;
use crate::terminal::transaction::TransactionKind;

impl Books {
    pub(crate) fn resolve_advice(
        &mut self,
        command: &ResolveAdvice,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ResolveAdvice { payment: id, code } = *command;
        let in_suspense = self.sale_without_parcel(id);
        let cleared_in_suspense = in_suspense.is_some_and(|sale| sale.cleared);
        let is_open = |sale: &SuspendedSale| sale.end.is_none();
        let (known, in_suspense) = (in_suspense.is_some(), in_suspense.is_some_and(is_open));
        let item = if known { None } else { Some(self.find_payment(id)?.0) };
        let advice =
            self.terminal_batches.find_by_payment(id, |one| one.kind == TransactionKind::Advice);
        let slot = advice.ok_or(Refusal::PaymentState)?;
        // With a pending reversal the sale was answered before, and only the reversal is open.
        let status = item.map(|slot| self.payment(slot).status);
        let being_reversed = matches!(status, Some(PaymentStatus::Reversing(_)));
        let advice = self.terminal_batches.get(slot);
        if !advice.awaits_network || being_reversed {
            return Err(Refusal::Repeated);
        }
        let (terminal, amount) = (advice.terminal, advice.amount);
        let unanswered = &mut self.terminal_batches.terminal_mut(terminal).offline_unanswered;
        *unanswered = unanswered.checked_sub(amount).expect("each offline sale is counted once");
        self.terminal_batches.stop_awaiting_network(slot);
        if code == ResponseCode::APPROVED {
            out.events.push(Event::AdviceForwarded { payment: id });
            return Ok(());
        }
        out.events.push(Event::AdviceRejected { payment: id, code });
        // What a file paid before stays.
        let paid = item.is_some_and(|slot| self.clearing_of(self.payment(slot)).claimed > 0);
        match (item, status) {
            (Some(item), Some(PaymentStatus::Approved { .. })) if !paid => {
                self.reject_sale(item, code, now, out);
            }
            (None, _) if in_suspense && !cleared_in_suspense => self.reject_suspended_sale(id, out),
            _ => {}
        }
        Ok(())
    }

    /// Takes back what was posted for a sale. If the parcel is delivered, the loss has an owner;
    /// otherwise the amount is due again.
    fn reject_sale(&mut self, slot: u32, code: ResponseCode, now: Now, out: &mut CommandOutcome) {
        let item = self.payment(slot);
        let payment = item.id();
        let PaymentStatus::Approved { unpaid_refunds: excess } = item.status else {
            panic!("only an approved sale can be rejected");
        };
        assert_eq!(excess, item.refunded, "an unanswered offline sale has no other refunds");
        let amount = item.amount.saturating_sub(excess);
        let delivered = self.is_delivered(payment.parcel);
        let terms = &self.reference_data.versions[usize::from(item.tariff_version)].terms;
        let loss = (delivered && !amount.is_zero()).then_some(terms.offline_loss);
        let receivable = self.rails.get(u32::from(item.rail)).receivable;
        let refunds = self.buyer_refunds(slot);
        let bearer = self.loss_account(item, loss.unwrap_or(LossOwner::Seller));
        let tariff = self.tariff_version(item.tariff_version);
        self.ledger.begin_chain(Some(payment), Some(tariff));
        self.post_fees_reversed(slot);
        self.ledger.post(ChartEntry::OfflineSaleRejected, bearer, receivable, amount);
        self.ledger.post(ChartEntry::OfflineSaleRejected, refunds, receivable, excess);
        self.ledger.commit_infallible(out, "an unanswered offline sale can be taken back");
        self.stop_awaiting_commission(slot);
        self.shared_fees.remove(&payment);
        self.payment_mut(slot).fees = Amount::ZERO;
        let rejected_on = now.today;
        let record = RejectedSale { loss, rejected_on, code, after_delivery: delivered };
        self.reference_data.rejected_sales.insert(payment, record);
        out.events.push(Event::OfflineSaleRejected { payment, loss, amount, excess });
        if matches!(loss, Some(LossOwner::Firm | LossOwner::Doorstep)) {
            // Paid by the owner of the loss in place of the network.
            self.keep_fees(slot, Fees::default());
            let unpaid_refunds = Amount::ZERO;
            self.payment_mut(slot).status = PaymentStatus::Approved { unpaid_refunds };
            self.record_funds_received(slot, now.today, out);
        } else {
            self.payment_mut(slot).status = PaymentStatus::Rejected;
            self.release_discount_of(payment.parcel, out);
        }
    }

    /// The account that bears the loss of a rejected sale.
    pub(crate) fn loss_account(&self, item: &PaymentRecord, owner: LossOwner) -> AccountNumber {
        let seller = self.sellers.get(item.seller);
        match owner {
            LossOwner::Seller => seller.held,
            LossOwner::Firm => self.firms.get(self.couriers.get(item.courier).firm).commission,
            LossOwner::Doorstep => self.currency_accounts(seller.currency).write_offs,
        }
    }

    /// Whether the network rejected an offline sale.
    pub(crate) fn is_rejected(&self, payment: PaymentId) -> bool {
        self.reference_data.rejected_sales.contains_key(&payment)
    }

    /// Where a seller's share of a payment is: held, or payable once it is released.
    pub(crate) fn unreleased_or_payable(&self, item: &PaymentRecord) -> AccountNumber {
        let seller = self.sellers.get(item.seller);
        let released = matches!(item.status, PaymentStatus::Released { .. });
        if released { seller.payable } else { seller.held }
    }

    /// Adds the opposite of a collection's fees to the chain.
    pub(crate) fn post_fees_reversed(&mut self, slot: u32) {
        let item = self.payment(slot);
        let fees = self.posted_fees(item);
        assert_eq!(fees.total(), item.fees, "M8: recomputed fees equal the original ones");
        let commission = self.firms.get(self.couriers.get(item.courier).firm).commission;
        let currency = self.sellers.get(item.seller).currency;
        let account = self.unreleased_or_payable(item);
        for (kind, fee) in fees.iter() {
            if kind == FeeKind::Commission {
                self.ledger.post(ChartEntry::CommissionReversed, commission, account, fee);
            } else {
                let earned = self.fee_account(kind, currency);
                self.ledger.post(ChartEntry::FeeReversed, earned, account, fee);
            }
        }
        self.record_tax(Tax::Vat, currency, -i128::from(fees.of(FeeKind::Vat).minor()));
    }

    /// A rejected sale has no fees and waits for no network. Only a loss that the seller does not
    /// bear leaves money.
    pub(crate) fn check_rejected_sales(&self, wrong: &mut Vec<String>) {
        for (payment, record) in &self.reference_data.rejected_sales {
            let found = self.find_payment(*payment).map(|(slot, _)| self.payment(slot));
            let paid = matches!(record.loss, Some(LossOwner::Firm | LossOwner::Doorstep));
            let fits = found.is_ok_and(|item| {
                let right = match item.status {
                    PaymentStatus::Rejected => !paid,
                    PaymentStatus::Held { .. } | PaymentStatus::Released { .. } => paid,
                    _ => false,
                };
                right && item.fees.is_zero()
            });
            let after = record.after_delivery && !self.is_delivered(payment.parcel);
            if !fits || after || self.awaits_advice(*payment) {
                wrong.push(format!(
                    "M8: payment {} of parcel {:032x} is rejected, and its record differs",
                    payment.number,
                    payment.parcel.bits()
                ));
            }
        }
        let is_rejected = |item: &PaymentRecord| item.status == PaymentStatus::Rejected;
        let rejected = self.payments.iter().filter(|(_, item)| is_rejected(item));
        let mut unlisted = rejected.filter(|(_, item)| !self.is_rejected(item.id()));
        if unlisted.next().is_some() {
            wrong.push("M8: a payment is rejected without a record of its loss".into());
        }
    }
}
