//! Checks transactions over the whole state: each is where it belongs, and each open request to a
//! network is recorded exactly once (M4).

use std::collections::BTreeMap;

use tariff::PaymentMethod;

use crate::books::Books;
use crate::ids::PaymentId;
use crate::payment::record::PaymentStatus;
use crate::terminal::batches::{BatchEntry, TerminalBatchState, Transaction, TransactionStatus};
use crate::terminal::transaction::{TRANSACTIONS_PER_BATCH_MAX, TransactionKind as Kind};
use crate::terminal::used_stans::UsedStan;
use crate::terminal::view::{PendingRequestKind, pending_request_kind};

impl Books {
    pub(crate) fn check_transactions(&self, wrong: &mut Vec<String>) {
        self.check_batches(wrong);
        self.check_used_stans(wrong);
        self.check_awaiting_network(wrong);
        self.check_pre_authorisations(wrong);
    }

    /// Each transaction is in one batch of its terminal, or outlives its batch.
    fn check_batches(&self, wrong: &mut Vec<String>) {
        let mut listed = 0;
        let mut unanswered = vec![0_u128; self.terminal_batches.terminals.len()];
        for (_, one) in self.terminal_batches.transactions.iter() {
            if one.awaits_network
                && one.kind == Kind::Advice
                && one.status == TransactionStatus::Approved
            {
                unanswered[one.terminal as usize] += u128::from(one.amount.minor());
            }
        }
        for ((number, terminal_state), unanswered) in
            (0..).zip(self.terminal_batches.terminals.iter()).zip(unanswered)
        {
            let terminal = self.terminals.get(number).id.0;
            let closed = terminal_state
                .closed_batch
                .as_ref()
                .map(|closed| (closed.batch, &closed.entries[..]));
            let open = terminal_state
                .batch_open
                .then_some((terminal_state.last_batch, &terminal_state.entries[..]));
            for (batch, list) in open.into_iter().chain(closed) {
                listed += list.len();
                let in_place = |one: &BatchEntry| {
                    let is = self.terminal_batches.transactions.get(one.slot);
                    is.is_some_and(|is| is.in_batch && is.key() == (number, batch, one.stan))
                };
                let in_order = list.windows(2).all(|pair| pair[0].stan < pair[1].stan);
                if !in_order || !list.iter().all(in_place) {
                    wrong.push(format!(
                        "M4: terminal {terminal}: batch {batch} has misplaced transactions"
                    ));
                }
            }
            if !closed_batch_is_consistent(terminal_state)
                || u128::from(terminal_state.offline_unanswered.minor()) != unanswered
            {
                wrong.push(format!(
                    "M4: terminal {terminal} has a wrong sum of unanswered offline sales"
                ));
            }
        }
        let should =
            self.terminal_batches.transactions.iter().filter(|(_, one)| one.in_batch).count();
        let lost = |one: &Transaction| !one.in_batch && !one.outlives_batches();
        let lost = self.terminal_batches.transactions.iter().filter(|(_, one)| lost(one)).count();
        if listed != should || lost > 0 {
            wrong.push(format!(
                "M4: batches list {listed} transactions, {should} are marked as listed, {lost} \
                 are lost"
            ));
        }
    }

    /// A STAN that is used up without a transaction is free, in order and in an open batch, and the
    /// STANs of a batch are limited.
    fn check_used_stans(&self, wrong: &mut Vec<String>) {
        for (number, terminal_state) in (0..).zip(self.terminal_batches.terminals.iter()) {
            let used = &terminal_state.used_stans;
            let batch = terminal_state.last_batch;
            let is_free =
                |one: &UsedStan| self.terminal_batches.find(number, batch, one.stan).is_none();
            let in_order = used.windows(2).all(|pair| pair[0].stan < pair[1].stan);
            let open = terminal_state.batch_open || used.is_empty();
            let all = used.len() + terminal_state.entries.len();
            if !open || !in_order || !used.iter().all(is_free) || all > TRANSACTIONS_PER_BATCH_MAX {
                let terminal = self.terminals.get(number).id.0;
                wrong.push(format!(
                    "M10: terminal {terminal}: batch {batch} has misplaced STANs without \
                     transaction"
                ));
            }
        }
    }

    /// A transaction waits for the network exactly if its payment does, and only once.
    fn check_awaiting_network(&self, wrong: &mut Vec<String>) {
        let mut pending: BTreeMap<PaymentId, u32> = BTreeMap::new();
        for (slot, one) in self.terminal_batches.transactions.iter() {
            let payment = one.payment_id();
            if self.sale_without_parcel(payment).is_some() {
                let listed = self.terminal_batches.awaiting_network.contains(&slot);
                if one.kind != Kind::Advice || one.awaits_network != listed {
                    wrong.push(format!("M4: transaction {slot} in suspense waits wrongly"));
                }
                continue;
            }
            let item = self.find_payment(payment).map(|(slot, _)| self.payment(slot));
            let Ok(item) = item else {
                wrong.push(format!("M4: transaction {slot} belongs to a missing payment"));
                continue;
            };
            let why = pending_request_kind(one.kind, item.status);
            let waits = matches!(
                why,
                Some(PendingRequestKind::Purchase | PendingRequestKind::PurchaseReversal)
            ) || one.status == TransactionStatus::Pending;
            let awaiting_is_right = if one.awaits_network { why.is_some() } else { !waits };
            let found = self.terminal_batches.find_remembered(one.terminal, one.batch, one.stan)
                == Some(slot);
            if !awaiting_is_right
                || !found
                || one.awaits_network != self.terminal_batches.awaiting_network.contains(&slot)
            {
                let id = payment.parcel.bits();
                wrong.push(format!(
                    "M4: a transaction of parcel {id:032x} \
                     is wrongly marked as waiting for its network"
                ));
            }
            if one.awaits_network && one.kind != Kind::Refund {
                *pending.entry(payment).or_default() += 1;
            }
        }
        for (_, item) in self.payments.iter() {
            let times = pending.get(&item.id()).copied().unwrap_or(0);
            // Payments without a terminal transaction can be begun or unknown.
            let right = match item.status {
                PaymentStatus::Completing(_)
                | PaymentStatus::CompletionUnknown(_)
                | PaymentStatus::Reversing(_)
                | PaymentStatus::Releasing(..) => times == 1,
                // A QR payment made after its end is refunded.
                PaymentStatus::Declined if item.method == PaymentMethod::Qr => times <= 1,
                PaymentStatus::Authorised(_)
                | PaymentStatus::Declined
                | PaymentStatus::Reversed
                | PaymentStatus::Expired => times == 0,
                _ => times <= 1,
            };
            if !right && item.number > 0 {
                let id = item.parcel.bits();
                wrong.push(format!(
                    "M4: a payment of parcel {id:032x} \
                     has {times} transactions that wait for its network"
                ));
            }
        }
    }
}

/// A closed batch keeps its transactions apart from the open ones.
fn closed_batch_is_consistent(terminal_state: &TerminalBatchState) -> bool {
    terminal_state.batch_open || terminal_state.entries.is_empty()
}
