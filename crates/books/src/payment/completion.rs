//! Pre-authorisations and completions: the money is reserved first and taken later, in full or in
//! part.

use tariff::BusinessDate;

use crate::books::{Books, Now, check_above_zero};
use crate::command::{
    Approval, BeginCompletion, ConfirmCompletionReversal, PaymentResolution, ResolveCompletion,
    UNKNOWN_PAYMENTS_PER_NETWORK_MAX,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::PaymentId;
use crate::party::terms::ChargedTerms;
use crate::payment::codes::ResponseCode;
use crate::payment::purchase::TransactionSubject;
use crate::payment::record::PaymentStatus;
use crate::refusal::Refusal;
use crate::terminal::batches::{TerminalResponse, TotalsColumn, TransactionStatus};
use crate::terminal::transaction::TransactionKind;

impl Books {
    pub(crate) fn begin_completion(
        &mut self,
        command: &BeginCompletion,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let BeginCompletion { trace, duplicate_key, payment: id, amount, network_reference } =
            *command;
        let admitted = self.admit_transaction(
            trace,
            duplicate_key,
            TransactionKind::Completion,
            TransactionSubject::PartOf(id, amount),
        )?;
        let courier = self.courier_who_begins(admitted.terminal)?;
        check_above_zero(amount)?;
        let (slot, _) = self.find_payment(id)?;
        let item = self.payment(slot);
        let PaymentStatus::Authorised(reserve) = item.status else {
            return Err(item.status.why_not_authorised());
        };
        if courier != item.courier {
            return Err(Refusal::WrongCourier);
        }
        if amount > item.amount {
            return Err(Refusal::AmountTooLarge(item.amount));
        }
        if self.rails.get(u32::from(item.rail)).unknown_payments >= UNKNOWN_PAYMENTS_PER_NETWORK_MAX
        {
            return Err(Refusal::TooManyUnknown);
        }
        // The money is taken now, and charged by the tariff of this day (M8).
        let ChargedTerms { version, class } = self.charged_terms(item.seller, now.today)?;
        let item = self.payment_mut(slot);
        item.status = PaymentStatus::Completing(reserve);
        (item.tariff_version, item.class) = (version, class);
        self.record_transaction(
            &admitted,
            id,
            amount,
            TotalsColumn::CardDebit,
            Some(network_reference),
            None,
        );
        out.events.push(Event::CompletionBegun { payment: id, amount });
        Ok(())
    }

    pub(crate) fn resolve_completion(
        &mut self,
        command: &ResolveCompletion,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ResolveCompletion { payment: id, resolution } = *command;
        let today = now.today;
        use PaymentResolution as R;
        use PaymentStatus as P;
        let (slot, open) = self.find_payment(id)?;
        self.check_resolution(slot, resolution)?;
        match (self.payment(slot).status, resolution) {
            (P::Completing(reserve), R::Approved(approval)) => {
                let parcel = open.expect("a parcel with a payment in flight is open");
                let transaction = self.pending_transaction(id);
                let amount = self.terminal_batches.get(transaction).amount;
                out.set_value_date(self.day_of_completion(slot, transaction, today), today);
                self.end_pre_authorisation(slot);
                self.payment_mut(slot).date = today;
                self.post_approved(slot, parcel, reserve, amount, today, out);
                self.settle_early_line(slot, transaction, today, out);
                let Approval::Network(authorisation_code) = approval else {
                    unreachable!("a card payment is approved by its network");
                };
                let response =
                    TerminalResponse { code: ResponseCode::APPROVED, authorisation_code };
                self.resolve_transaction(transaction, TransactionStatus::Approved, response);
                Ok(())
            }
            (P::Completing(reserve) | P::CompletionUnknown(reserve), R::Declined { code }) => {
                let response = TerminalResponse::of(code);
                self.restore_authorisation(slot, reserve, TransactionStatus::NotApproved, response);
                out.events.push(Event::CompletionDeclined { payment: id });
                Ok(())
            }
            (P::Completing(_), R::Unknown) => {
                self.mark_completion_unknown(slot, TransactionStatus::NotApproved, out);
                Ok(())
            }
            // Reversed or being reversed: the reversal goes on.
            (P::CompletionUnknown(_), R::Approved(_)) => {
                out.events.push(Event::LateApproval { payment: id });
                Ok(())
            }
            (_, R::Approved(_)) if self.had_completion(id, TransactionStatus::Approved) => {
                Err(Refusal::Repeated)
            }
            (_, R::Approved(_)) if self.has_failed_completion(id) => {
                out.events.push(Event::LateApproval { payment: id });
                Ok(())
            }
            (P::CompletionUnknown(_), R::Unknown) => Err(Refusal::Repeated),
            (_, R::Declined { .. } | R::Unknown) if self.has_failed_completion(id) => {
                Err(Refusal::Repeated)
            }
            _ => Err(Refusal::PaymentState),
        }
    }

    pub(crate) fn confirm_completion_reversal(
        &mut self,
        command: &ConfirmCompletionReversal,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ConfirmCompletionReversal { payment: id } = *command;
        let (slot, _) = self.find_payment(id)?;
        match self.payment(slot).status {
            PaymentStatus::CompletionUnknown(reserve) => {
                let response = TerminalResponse::of(ResponseCode::OUTCOME_UNKNOWN);
                self.restore_authorisation(slot, reserve, TransactionStatus::Reversed, response);
                out.events.push(Event::CompletionReversed { payment: id });
                Ok(())
            }
            PaymentStatus::Authorised(_) if self.has_failed_completion(id) => {
                Err(Refusal::Repeated)
            }
            _ => Err(Refusal::PaymentState),
        }
    }

    /// The completion's outcome is unknown. It is reversed from now on (M4).
    pub(crate) fn mark_completion_unknown(
        &mut self,
        slot: u32,
        standing: TransactionStatus,
        out: &mut CommandOutcome,
    ) {
        let item = self.payment(slot);
        let (payment, rail) = (item.id(), u32::from(item.rail));
        let PaymentStatus::Completing(reserve) = item.status else {
            panic!("M4: only a pending completion becomes unknown");
        };
        self.payment_mut(slot).status = PaymentStatus::CompletionUnknown(reserve);
        self.rails.get_mut(rail).unknown_payments += 1;
        let transaction = self.pending_transaction(payment);
        self.terminal_batches.record_response(
            transaction,
            standing,
            TerminalResponse::of(ResponseCode::OUTCOME_UNKNOWN),
        );
        out.events.push(Event::CompletionUnknown { payment });
    }

    /// The day on which a completion was sent to its network.
    fn day_of_completion(&self, slot: u32, transaction: u32, today: BusinessDate) -> BusinessDate {
        let sent = self.terminal_batches.get(transaction).network_reference();
        let day = sent.and_then(|sent| {
            let offset = self.utc_offset_minutes_at(sent.sent_at)?;
            Some(sent.sent_at.business_date(offset))
        });
        day.map_or(today, |day| day.max(self.payment(slot).date).min(today))
    }

    /// A completion ended without money. The payment is authorised again.
    fn restore_authorisation(
        &mut self,
        slot: u32,
        reserve: ledger::TransferId,
        standing: TransactionStatus,
        response: TerminalResponse,
    ) {
        if self.payment(slot).status.is_unknown() {
            self.decrement_unknown(slot);
        }
        let transaction = self.pending_transaction(self.payment(slot).id());
        self.payment_mut(slot).status = PaymentStatus::Authorised(reserve);
        self.resolve_transaction(transaction, standing, response);
    }

    fn had_completion(&self, id: PaymentId, standing: TransactionStatus) -> bool {
        let fits = |kind, stands| kind == TransactionKind::Completion && stands == standing;
        self.terminal_batches.find_by_payment(id, |one| fits(one.kind, one.status)).is_some()
    }

    /// Whether a completion of the payment ended without money.
    fn has_failed_completion(&self, id: PaymentId) -> bool {
        self.had_completion(id, TransactionStatus::NotApproved)
            || self.had_completion(id, TransactionStatus::Reversed)
    }
}
