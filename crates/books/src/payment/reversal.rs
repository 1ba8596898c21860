//! Voids and reversals at a terminal. A network can decline a void. A reversal is repeated until it
//! is acknowledged. The money stays where it is until then.

use money::Amount;
use tariff::PaymentMethod;

use crate::books::{Books, Now};
use crate::command::{BeginReversal, BeginVoid, PaymentResolution, ResolveReversal, ReverseVoid};
use crate::event::{CommandOutcome, Event};
use crate::ids::PaymentId;
use crate::payment::codes::{ResponseCode, WalletPaymentId};
use crate::payment::purchase::{TransactionSubject, credit_column};
use crate::payment::record::{PaymentStatus, ReversingStatus};
use crate::refusal::Refusal;
use crate::terminal::batches::{TerminalResponse, TotalsColumn, Transaction, TransactionStatus};
use crate::terminal::transaction::{ReversalKind, TransactionKind};

impl Books {
    pub(crate) fn reverse_void(
        &mut self,
        command: &ReverseVoid,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        self.begin_void_reversal(command.payment, out)
    }

    pub(crate) fn begin_void(
        &mut self,
        command: &BeginVoid,
        _: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let BeginVoid { trace, duplicate_key, payment: id, network_reference } = *command;
        let admitted = self.admit_transaction(
            trace,
            duplicate_key,
            TransactionKind::Void,
            TransactionSubject::Whole(id),
        )?;
        let courier = self.courier_who_begins(admitted.terminal)?;
        let (slot, open) = self.find_payment(id)?;
        let item = self.payment(slot);
        let (amount, is_cash) = (item.amount, item.method == PaymentMethod::Cash);
        let column = credit_column(item);
        if item.method.is_card() && network_reference.is_none() {
            return Err(Refusal::WrongSubject);
        }
        if courier != item.courier {
            return Err(Refusal::WrongCourier);
        }
        match item.status {
            PaymentStatus::Approved { .. } if is_cash => {
                self.check_reversible(slot)?;
                self.remove_cash_in_hand(slot)?;
                self.unpost_and_reopen(slot, open, out);
                let response = Some(TerminalResponse::of(ResponseCode::APPROVED));
                self.record_transaction(&admitted, id, amount, column, None, response);
            }
            PaymentStatus::Approved { .. } => {
                self.check_reversible(slot)?;
                self.payment_mut(slot).status = PaymentStatus::Reversing(ReversingStatus::Void);
                self.record_transaction(&admitted, id, amount, column, network_reference, None);
                out.events.push(Event::ReversalBegun { payment: id, kind: ReversalKind::Void });
            }
            PaymentStatus::Authorised(reserve) => {
                self.payment_mut(slot).status =
                    PaymentStatus::Releasing(reserve, ReversingStatus::Void);
                self.record_transaction(
                    &admitted,
                    id,
                    amount,
                    TotalsColumn::NotCounted,
                    network_reference,
                    None,
                );
                out.events.push(Event::ReversalBegun { payment: id, kind: ReversalKind::Void });
            }
            status => return Err(status.why_not_authorised()),
        }
        Ok(())
    }

    pub(crate) fn begin_reversal(
        &mut self,
        command: &BeginReversal,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let BeginReversal { payment: id } = *command;
        let today = now.today;
        use PaymentStatus as P;
        let (slot, open) = self.find_payment(id)?;
        let is_cash = self.payment(slot).method == PaymentMethod::Cash;
        match self.payment(slot).status {
            P::Begun(_) => {
                let transaction = self.pending_transaction(id);
                self.resolve_payment(id, PaymentResolution::Unknown, today, out)?;
                self.terminal_batches.record_response(
                    transaction,
                    TransactionStatus::Reversed,
                    TerminalResponse::of(ResponseCode::OUTCOME_UNKNOWN),
                );
                Ok(())
            }
            P::Approved { .. } if is_cash => {
                let transaction = self.approved_transaction(id).ok_or(Refusal::PaymentState)?;
                self.check_reversible(slot)?;
                self.remove_cash_in_hand(slot)?;
                self.terminal_batches.record_response(
                    transaction,
                    TransactionStatus::Reversed,
                    TerminalResponse::of(ResponseCode::APPROVED),
                );
                self.unpost_and_reopen(slot, open, out);
                Ok(())
            }
            P::Approved { .. } => {
                self.check_reversible(slot)?;
                self.begin_reversal_of(
                    slot,
                    P::Reversing(ReversingStatus::Reversal),
                    ReversalKind::Reversal,
                    out,
                )
            }
            P::Authorised(reserve) => self.begin_reversal_of(
                slot,
                P::Releasing(reserve, ReversingStatus::Reversal),
                ReversalKind::Reversal,
                out,
            ),
            P::Completing(_) => {
                self.mark_completion_unknown(slot, TransactionStatus::Reversed, out);
                Ok(())
            }
            P::Reversing(ReversingStatus::Void) | P::Releasing(_, ReversingStatus::Void) => {
                self.begin_void_reversal(id, out)
            }
            P::Unknown(_)
            | P::CompletionUnknown(_)
            | P::Reversing(_)
            | P::Releasing(..)
            | P::Reversed
            | P::Declined
            | P::Expired
            | P::Rejected => Err(Refusal::Repeated),
            P::Held { .. } | P::Released { .. } | P::Returned | P::Lost | P::Cancelled => {
                Err(Refusal::PaymentState)
            }
        }
    }

    /// Begins the reversal of an approved or authorised payment.
    pub(crate) fn begin_reversal_of(
        &mut self,
        slot: u32,
        to: PaymentStatus,
        by: ReversalKind,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let payment = self.payment(slot).id();
        let transaction = self.approved_transaction(payment).ok_or(Refusal::PaymentState)?;
        self.payment_mut(slot).status = to;
        self.terminal_batches.record_response(
            transaction,
            TransactionStatus::Reversed,
            TerminalResponse::of(ResponseCode::APPROVED),
        );
        self.terminal_batches.await_network(transaction);
        out.events.push(Event::ReversalBegun { payment, kind: by });
        Ok(())
    }

    fn begin_void_reversal(
        &mut self,
        id: PaymentId,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let (slot, _) = self.find_payment(id)?;
        let undoing = match self.payment(slot).status {
            PaymentStatus::Reversing(ReversingStatus::Void) => {
                PaymentStatus::Reversing(ReversingStatus::ReversingVoid)
            }
            PaymentStatus::Releasing(reserve, ReversingStatus::Void) => {
                PaymentStatus::Releasing(reserve, ReversingStatus::ReversingVoid)
            }
            PaymentStatus::Reversing(ReversingStatus::ReversingVoid)
            | PaymentStatus::Releasing(_, ReversingStatus::ReversingVoid) => {
                return Err(Refusal::Repeated);
            }
            PaymentStatus::Approved { .. } | PaymentStatus::Authorised(_) if self.had_void(id) => {
                return Err(Refusal::Repeated);
            }
            _ => return Err(Refusal::PaymentState),
        };
        self.payment_mut(slot).status = undoing;
        let void = self.pending_transaction(id);
        self.terminal_batches.record_response(
            void,
            TransactionStatus::Reversed,
            TerminalResponse::of(ResponseCode::OUTCOME_UNKNOWN),
        );
        out.events.push(Event::VoidReversalBegun { payment: id });
        Ok(())
    }

    pub(crate) fn resolve_reversal(
        &mut self,
        command: &ResolveReversal,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ResolveReversal { payment: id, done, code } = *command;
        use PaymentStatus as P;
        let (slot, open) = self.find_payment(id)?;
        let status = self.payment(slot).status;
        let back = match status {
            P::Reversing(back) | P::Releasing(_, back) => back,
            P::Declined => return self.resolve_late_payment(id, done, code, out),
            P::Reversed | P::Expired if done => return Err(Refusal::Repeated),
            P::Approved { .. } | P::Authorised(_) if !done && self.had_void(id) => {
                return Err(Refusal::Repeated);
            }
            _ => return Err(Refusal::PaymentState),
        };
        // A reversal can only succeed. The reversal of a void can only leave the payment as it was.
        let standing = match (back, done) {
            (ReversingStatus::Void, true) => TransactionStatus::Approved,
            (ReversingStatus::Void, false) if code == ResponseCode::APPROVED => {
                return Err(Refusal::ApprovedDecline);
            }
            (ReversingStatus::Void, false) => TransactionStatus::NotApproved,
            (ReversingStatus::Reversal | ReversingStatus::Expiry, true)
            | (ReversingStatus::ReversingVoid, false) => TransactionStatus::Reversed,
            (ReversingStatus::Reversal | ReversingStatus::Expiry, false)
            | (ReversingStatus::ReversingVoid, true) => {
                return Err(Refusal::PaymentState);
            }
        };
        let transaction = self.pending_transaction(id);
        self.resolve_transaction(transaction, standing, TerminalResponse::of(code));
        match status {
            P::Releasing(reserve, _) if done => {
                let end = if back == ReversingStatus::Expiry { P::Expired } else { P::Reversed };
                self.void_reservation(slot, open, reserve, end, out);
                self.end_pre_authorisation(slot);
                out.events.push(Event::PaymentReversed { payment: id, posted: Amount::ZERO });
            }
            P::Releasing(reserve, _) => {
                self.payment_mut(slot).status = P::Authorised(reserve);
                out.events.push(Event::PaymentRestored { payment: id });
            }
            _ if done => self.unpost_and_reopen(slot, open, out),
            _ => {
                self.payment_mut(slot).status = P::Approved { unpaid_refunds: Amount::ZERO };
                out.events.push(Event::PaymentRestored { payment: id });
                self.receive_if_cleared(slot, now.today, out);
            }
        }
        Ok(())
    }

    /// A buyer paid a QR code after it ended. Posts nothing. The order waits until the wallet has
    /// refunded the payment; one payment is refunded, once.
    pub(crate) fn record_late_payment(
        &mut self,
        id: PaymentId,
        payment: WalletPaymentId,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let Some(order) = self.terminal_batches.find_by_payment(id, Transaction::is_wallet_order)
        else {
            return Ok(());
        };
        let (slot, open) = self.find_payment(id).expect("a transaction's payment is remembered");
        let one = self.terminal_batches.get(order);
        let refunded = one.status == TransactionStatus::Reversed;
        let denied = one.wallet_payment() == Some(payment);
        match self.payment(slot).status {
            // A reversal was pending. The payment ends as declined.
            PaymentStatus::Unknown(reserve) => {
                self.void_reservation(slot, open, reserve, PaymentStatus::Declined, out);
                out.events.push(Event::PaymentDeclined { payment: id });
                self.terminal_batches.record_response(
                    order,
                    TransactionStatus::NotApproved,
                    TerminalResponse::of(ResponseCode::OUTCOME_UNKNOWN),
                );
            }
            PaymentStatus::Declined if !one.awaits_network && !refunded && !denied => {}
            PaymentStatus::Declined => return Err(Refusal::Repeated),
            // Paid in time.
            _ if one.response_code == Some(ResponseCode::APPROVED) => {
                return Err(Refusal::Repeated);
            }
            _ => return Ok(()),
        }
        self.terminal_batches.set_wallet_payment(order, payment);
        self.terminal_batches.await_network(order);
        Ok(())
    }

    /// The wallet refunded a late payment, or nothing was paid.
    fn resolve_late_payment(
        &mut self,
        id: PaymentId,
        done: bool,
        code: ResponseCode,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let order = self
            .terminal_batches
            .find_by_payment(id, Transaction::is_wallet_order)
            .ok_or(Refusal::PaymentState)?;
        let ended = if done { TransactionStatus::Reversed } else { TransactionStatus::NotApproved };
        let one = self.terminal_batches.get(order);
        if !one.awaits_network {
            let same = one.status == ended;
            return Err(if same { Refusal::Repeated } else { Refusal::PaymentState });
        }
        self.resolve_transaction(order, ended, TerminalResponse::of(code));
        out.events.push(match done {
            true => Event::PaymentReversed { payment: id, posted: Amount::ZERO },
            false => Event::PaymentDeclined { payment: id },
        });
        Ok(())
    }

    fn had_void(&self, id: PaymentId) -> bool {
        self.terminal_batches.find_by_payment(id, |one| one.kind == TransactionKind::Void).is_some()
    }
}
