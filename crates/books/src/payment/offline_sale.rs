//! Offline sales: approved by the terminal within its limits, posted at once, then forwarded to the
//! network.

use money::Amount;

use crate::books::{Books, Now};
use crate::command::{
    PAYMENTS_PER_PARCEL_MAX, PaymentRoute, RecordAdvice, ResolveAdvice, SetOfflineLimit,
};
use crate::event::{CommandOutcome, Event};
use crate::party::persons::check_two_people;
use crate::payment::codes::ResponseCode;
use crate::payment::purchase::TransactionSubject;
use crate::payment::record::PaymentStatus;
use crate::refusal::{MissingRecord, Refusal};
use crate::terminal::batches::{TerminalBatchState, TerminalResponse, TotalsColumn};
use crate::terminal::transaction::TransactionKind;

impl Books {
    pub(crate) fn set_offline_limit(
        &mut self,
        command: &SetOfflineLimit,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let SetOfflineLimit { terminal, each, total, proposed_by, approved_by } = *command;
        check_two_people(proposed_by, approved_by, &[])?;
        let missing = Refusal::NotFound(MissingRecord::Terminal(terminal));
        let number = self.terminals.number(terminal).ok_or(missing)?;
        let limits = |terminal_state: &TerminalBatchState| {
            (terminal_state.offline_each, terminal_state.offline_total)
        };
        let before =
            self.terminal_batches.terminal(number).map_or((Amount::ZERO, Amount::ZERO), limits);
        if before == (each, total) {
            return Err(Refusal::Repeated);
        }
        let terminal_state = self.terminal_batches.terminal_mut(number);
        (terminal_state.offline_each, terminal_state.offline_total) = (each, total);
        out.events.push(Event::Registered);
        Ok(())
    }

    pub(crate) fn record_advice(
        &mut self,
        command: &RecordAdvice,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let RecordAdvice {
            trace,
            duplicate_key,
            parcel,
            route,
            amount,
            network_reference,
            authorisation_code,
        } = *command;
        let about = TransactionSubject::New(parcel, amount);
        let admitted =
            self.admit_transaction(trace, duplicate_key, TransactionKind::Advice, about)?;
        if matches!(route, PaymentRoute::Qr { .. }) {
            return Err(Refusal::BadMethod);
        }
        let payment = self.next_payment_id(parcel, PAYMENTS_PER_PARCEL_MAX)?;
        let new = self.new_rail_payment(route, payment, amount)?;
        let checked = self.check_rail_payment(&new, trace.terminal, true, now)?;
        let terminal_state = self
            .terminal_batches
            .terminal(admitted.terminal)
            .expect("a terminal with a batch has a state");
        let left = terminal_state.offline_left().min(terminal_state.offline_each);
        if amount > left {
            return Err(Refusal::OfflineLimitExceeded(left));
        }
        let unanswered = terminal_state.offline_unanswered.checked_add(amount);
        let unanswered = unanswered.ok_or(Refusal::Overflow)?;
        self.post_at_once(&new, &checked, out)?;
        let slot = self.record_transaction(
            &admitted,
            payment,
            amount,
            TotalsColumn::CardDebit,
            Some(network_reference),
            Some(TerminalResponse { code: ResponseCode::APPROVED, authorisation_code }),
        );
        self.terminal_batches.await_network(slot);
        self.terminal_batches.terminal_mut(admitted.terminal).offline_unanswered = unanswered;
        Ok(())
    }

    pub(crate) fn resolve_advice(
        &mut self,
        command: &ResolveAdvice,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ResolveAdvice { payment: id, code } = *command;
        let (item, _) = self.find_payment(id)?;
        let advice =
            self.terminal_batches.find_by_payment(id, |one| one.kind == TransactionKind::Advice);
        let slot = advice.ok_or(Refusal::PaymentState)?;
        // With a pending reversal the sale was answered before, and only the reversal is open.
        let being_reversed = matches!(self.payment(item).status, PaymentStatus::Reversing(_));
        let advice = self.terminal_batches.get(slot);
        if !advice.awaits_network || being_reversed {
            return Err(Refusal::Repeated);
        }
        let (terminal, amount) = (advice.terminal, advice.amount);
        let unanswered = &mut self.terminal_batches.terminal_mut(terminal).offline_unanswered;
        *unanswered = unanswered.checked_sub(amount).expect("each offline sale is counted once");
        self.terminal_batches.stop_awaiting_network(slot);
        out.events.push(match code {
            ResponseCode::APPROVED => Event::AdviceForwarded { payment: id },
            code => Event::AdviceRejected { payment: id, code },
        });
        Ok(())
    }
}
