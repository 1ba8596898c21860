//! Resuming after a restart: unfinished transactions are reversed, pending reversals are sent
//! again.

use std::collections::BTreeMap;

use books::terminal_view::{PendingRequest, PendingRequestKind, TransactionView};
use books::{
    Books, Command, FirmId, NetworkId, PaymentId, PaymentResolution, RailMethod, ResolveCompletion,
    ResolvePurchase, ReverseVoid, Timestamp, Trace, TransactionKind,
};

use crate::follow_up::original_message;
use crate::in_flight::Continuation;
use crate::original_token;
use crate::port::Output;
use crate::reversal_queue::{NewReversal, OriginalMessage, QueuedReversalKind};
use crate::switch::Switch;
use crate::terminal_reversals::order_expiry_command;
use crate::timers::Timer;

/// The unfinished transactions in the books, the pre-authorisations that stand, and the withdrawn
/// networks.
#[derive(Clone, Debug, Default)]
pub struct Unfinished {
    transactions: Vec<UnfinishedTransaction>,
    /// Pre-authorisations that stand: the method, its name in the books, and their number.
    pre_authorisations: Vec<(RailMethod, String, usize)>,
    withdrawn: Vec<(NetworkId, Timestamp)>,
}

#[derive(Clone, Debug)]
pub(crate) struct UnfinishedTransaction {
    pending: PendingRequest,
    view: TransactionView,
    firm: FirmId,
    /// Name of the network or wallet in the books.
    name: String,
    /// The pre-authorisation of a completion that is being reversed.
    before: Option<TransactionView>,
}

impl Unfinished {
    /// Collects them from an engine.
    #[must_use]
    pub fn of(engine: &Books, networks: &[NetworkId]) -> Unfinished {
        let transactions = engine
            .pending_requests()
            .filter_map(|pending| UnfinishedTransaction::of(engine, pending));
        let mut pre_authorisations: Vec<(RailMethod, String, usize)> = Vec::new();
        for method in engine.pre_authorisations() {
            match pre_authorisations.iter_mut().find(|(known, ..)| *known == method) {
                Some((.., count)) => *count += 1,
                None => {
                    let name = engine.method_reference(method).unwrap_or_default().to_owned();
                    pre_authorisations.push((method, name, 1));
                }
            }
        }
        let withdrawn = networks
            .iter()
            .filter_map(|network| Some((*network, engine.network_view(*network)?.withdrawn_from?)));
        Unfinished {
            transactions: transactions.collect(),
            pre_authorisations,
            withdrawn: withdrawn.collect(),
        }
    }

    /// The unfinished transactions of some payments, at most one of each.
    pub(crate) fn of_payments(engine: &Books, payments: &[PaymentId]) -> Unfinished {
        let transactions =
            payments.iter().filter_map(|payment| engine.pending_request_of(*payment));
        let transactions =
            transactions.filter_map(|pending| UnfinishedTransaction::of(engine, pending)).collect();
        Unfinished { transactions, ..Unfinished::default() }
    }

    pub(crate) fn pending_requests(&self) -> &[UnfinishedTransaction] {
        &self.transactions
    }
}

impl UnfinishedTransaction {
    fn of(engine: &Books, pending: PendingRequest) -> Option<UnfinishedTransaction> {
        let terminal = pending.trace.terminal;
        let firm = engine.terminal_view(terminal)?.firm;
        let view = engine.transaction(pending.trace)?;
        let reversed = pending.kind == PendingRequestKind::Reversal;
        let completion = view.kind == TransactionKind::Completion && reversed;
        let before = completion
            .then(|| original_token::original_trace(terminal, view.duplicate_key.card_token));
        let before = before.and_then(|before| engine.transaction(before));
        let name = engine.method_reference(pending.method)?.to_owned();
        Some(UnfinishedTransaction { pending, view, firm, name, before })
    }

    pub(crate) fn trace(&self) -> Trace {
        self.pending.trace
    }

    pub(crate) fn method(&self) -> RailMethod {
        self.pending.method
    }
}

/// Transactions are unfinished at a network or wallet that is not in the settings, so that the
/// switch could never finish them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.describe())]
pub struct ResumeError {
    /// Number of unfinished transactions by network or wallet, and kind.
    missing: BTreeMap<String, BTreeMap<&'static str, usize>>,
}

impl ResumeError {
    /// Each network or wallet, with the kinds and numbers of its unfinished transactions.
    pub fn unfinished(&self) -> impl Iterator<Item = (&str, Vec<(&'static str, usize)>)> {
        self.missing.iter().map(|(over, counts)| {
            (over.as_str(), counts.iter().map(|(kind, count)| (*kind, *count)).collect())
        })
    }

    fn describe(&self) -> String {
        let one = |(over, counts): (&String, &BTreeMap<&str, usize>)| {
            let counted = |(what, count): (&&str, &usize)| match count {
                1 => format!("1 {what}"),
                _ => format!("{count} {what}s"),
            };
            let counts = counts.iter().map(counted).collect::<Vec<_>>().join(", ");
            format!("the {over} is not in the settings but has unfinished transactions: {counts}")
        };
        self.missing.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}

/// The kind of an unfinished transaction, for the operator.
const fn describe(what: PendingRequestKind) -> &'static str {
    match what {
        PendingRequestKind::Purchase | PendingRequestKind::PurchaseReversal => "unknown purchase",
        PendingRequestKind::Reversal => "reversal",
        PendingRequestKind::Void | PendingRequestKind::VoidReversal => "void",
        PendingRequestKind::Completion | PendingRequestKind::CompletionReversal => "completion",
        PendingRequestKind::Advice => "offline sale",
        PendingRequestKind::Refund => "refund",
        PendingRequestKind::LatePaymentRefund => "late payment",
    }
}

impl Switch {
    /// Resumes the unfinished transactions. Call it once, before the first message.
    ///
    /// # Errors
    /// A transaction is unfinished, or a pre-authorisation stands, at a network or wallet that is
    /// not in the settings. Then nothing is resumed.
    pub fn resume(
        &mut self,
        unfinished: Unfinished,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), ResumeError> {
        self.check_all_in_settings(&unfinished)?;
        for (network, from) in unfinished.withdrawn {
            self.network_withdrawn(network, Some(from));
        }
        // Messages from before the restart are dated earlier, so their STANs cannot collide with
        // new ones.
        let next_second = Timestamp((now.0 / 1000 + 1).saturating_mul(1000));
        for network in &mut self.networks {
            network.earliest_message_at = next_second;
        }
        for item in &unfinished.transactions {
            self.resume_one(item, now, out);
        }
        self.timers.set(now, Timer::Expiry);
        Ok(())
    }

    fn check_all_in_settings(&self, unfinished: &Unfinished) -> Result<(), ResumeError> {
        let mut missing = BTreeMap::<_, BTreeMap<_, usize>>::new();
        let unfinished_transactions = unfinished.transactions.iter();
        let unfinished_transactions = unfinished_transactions
            .map(|one| (one.method(), &one.name, describe(one.pending.kind), 1));
        // A pre-authorisation that stands is completed or reversed one day.
        let pre_authorisations = unfinished.pre_authorisations.iter();
        let pre_authorisations = pre_authorisations
            .map(|(method, name, count)| (*method, name, "pre-authorisation", *count));
        for (method, name, what, count) in unfinished_transactions.chain(pre_authorisations) {
            if !self.is_in_settings(method) {
                let over = match method {
                    RailMethod::Card { .. } => format!("network `{name}`"),
                    RailMethod::Qr { .. } => format!("wallet `{name}`"),
                };
                *missing.entry(over).or_default().entry(what).or_default() += count;
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(ResumeError { missing }) }
    }

    pub(crate) fn resume_one(
        &mut self,
        item: &UnfinishedTransaction,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let pending = &item.pending;
        let payment = pending.payment;
        let (resolution, authorisation) = (PaymentResolution::Unknown, [b' '; 6]);
        let id = self.next_id();
        if matches!(pending.method, RailMethod::Qr { .. }) {
            return self.resume_order(id, item, now, out);
        }
        let (what, first) = match pending.kind {
            // The terminal has the card data and forwards the offline sale again.
            PendingRequestKind::Advice => return,
            PendingRequestKind::Purchase => (
                QueuedReversalKind::UnknownPurchase,
                Some(Command::ResolvePurchase(ResolvePurchase {
                    payment,
                    resolution,
                    authorisation,
                })),
            ),
            PendingRequestKind::Completion => (
                QueuedReversalKind::UnknownCompletion,
                Some(Command::ResolveCompletion(ResolveCompletion {
                    payment,
                    resolution,
                    authorisation,
                })),
            ),
            PendingRequestKind::Void => (
                QueuedReversalKind::ReversingVoid,
                Some(Command::ReverseVoid(ReverseVoid { payment })),
            ),
            PendingRequestKind::PurchaseReversal => (QueuedReversalKind::UnknownPurchase, None),
            PendingRequestKind::Reversal | PendingRequestKind::LatePaymentRefund => {
                (QueuedReversalKind::Reversal, None)
            }
            PendingRequestKind::VoidReversal => (QueuedReversalKind::ReversingVoid, None),
            PendingRequestKind::CompletionReversal => (QueuedReversalKind::UnknownCompletion, None),
            PendingRequestKind::Refund => (QueuedReversalKind::Refund(pending.trace), None),
        };
        let new_reversal = self.reversal_for(what, item);
        assert!(new_reversal.network_index.is_some(), "M4: its network is in the settings");
        match first {
            // The reversal is sent only when the books have recorded the unknown outcome.
            Some(command) => {
                self.resuming.insert(id, new_reversal);
                self.command(Continuation::Resumed(id), command, out);
            }
            None => self.enqueue_reversal(id, new_reversal, now, out),
        }
    }

    fn resume_order(
        &mut self,
        id: u64,
        item: &UnfinishedTransaction,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let pending = &item.pending;
        match pending.kind {
            // A code can be paid until it expires, also after a restart.
            PendingRequestKind::Purchase => {
                self.open_qr_orders.insert(id, pending.payment);
                let expires = pending.network_reference.sent_at.plus_ms(self.settings.timing.qr_ms);
                self.timers.set(expires.max(now), Timer::QrExpiry(id));
            }
            PendingRequestKind::PurchaseReversal => {
                self.command(
                    Continuation::ReportRefusal,
                    order_expiry_command(pending.payment),
                    out,
                );
            }
            _ => {
                let new_reversal = self.reversal_for(QueuedReversalKind::Reversal, item);
                self.enqueue_reversal(id, new_reversal, now, out);
            }
        }
    }

    fn reversal_for(&self, what: QueuedReversalKind, item: &UnfinishedTransaction) -> NewReversal {
        let (pending, view) = (&item.pending, &item.view);
        let refund = pending.kind == PendingRequestKind::Refund;
        let (network, order) = match pending.method {
            RailMethod::Card { network, .. } => (self.network_index(network), None),
            // A refund's token names its order; an order is its own transaction.
            RailMethod::Qr { .. } if view.kind == TransactionKind::Void => (
                None,
                Some(original_token::original_trace(
                    pending.trace.terminal,
                    view.duplicate_key.card_token,
                )),
            ),
            RailMethod::Qr { .. } => (None, Some(pending.trace)),
        };
        let (mti, sent) = original_token::refunded_message(view.duplicate_key.card_token);
        NewReversal {
            kind: what,
            payment: pending.payment,
            network_index: network,
            wallet_order: order,
            terminal: pending.trace.terminal,
            merchant: self.settings.merchant.of(item.firm),
            amount: pending.amount,
            authorisation_code: [b' '; 6],
            original: if refund {
                OriginalMessage::refunded(mti, sent)
            } else {
                original_message(view)
            },
            pre_authorisation: item.before.map(|before| (original_message(&before), before.amount)),
            network_reference: refund.then_some(pending.network_reference),
        }
    }

    /// The books have recorded the unknown outcome.
    pub(crate) fn on_resumed(
        &mut self,
        id: u64,
        answer: &Result<Vec<books::Event>, books::Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(new_reversal) = self.resuming.remove(&id) else { return };
        if answer.is_ok() {
            self.enqueue_reversal(id, new_reversal, now, out);
        }
    }
}
