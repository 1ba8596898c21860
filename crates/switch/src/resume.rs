//! Resuming after a restart: unfinished transactions are reversed, pending reversals are sent
//! again.

use std::collections::BTreeMap;

use books::terminal_view::{PendingRequest, PendingRequestKind, TransactionView};
use books::{
    Books, Command, FirmId, NetworkId, PaymentId, PaymentResolution, PaymentRoute,
    ResolveCompletion, ResolvePurchase, ReverseVoid, Timestamp, Trace, TransactionKind,
};

use crate::follow_up::original_message;
use crate::in_flight::Continuation;
use crate::port::Output;
use crate::reversal_queue::{NewReversal, OriginalMessage, QueuedReversalKind};
use crate::switch::Switch;
use crate::terminal_reversals::{order_expiry_command, released};
use crate::timers::Timer;

/// The unfinished transactions in the books, the pre-authorisations that stand, and the withdrawn
/// networks.
#[derive(Clone, Debug, Default)]
pub struct Unfinished {
    transactions: Vec<UnfinishedTransaction>,
    /// Pre-authorisations that stand: the route, its name in the books, and their number.
    pre_authorisations: Vec<(PaymentRoute, String, usize)>,
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
        let mut pre_authorisations: Vec<(PaymentRoute, String, usize)> = Vec::new();
        for route in engine.pre_authorisations() {
            match pre_authorisations.iter_mut().find(|(known, ..)| *known == route) {
                Some((.., count)) => *count += 1,
                None => {
                    let name = engine.route_reference(route).unwrap_or_default().to_owned();
                    pre_authorisations.push((route, name, 1));
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
        let before = view.original().filter(|_| completion);
        let before = before.and_then(|before| engine.transaction(before));
        let name = engine.route_reference(pending.route)?.to_owned();
        Some(UnfinishedTransaction { pending, view, firm, name, before })
    }

    pub(crate) fn trace(&self) -> Trace {
        self.pending.trace
    }

    pub(crate) fn route(&self) -> PaymentRoute {
        self.pending.route
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
            .map(|one| (one.route(), &one.name, describe(one.pending.kind), 1));
        // A pre-authorisation that stands is completed or reversed one day.
        let pre_authorisations = unfinished.pre_authorisations.iter();
        let pre_authorisations = pre_authorisations
            .map(|(route, name, count)| (*route, name, "pre-authorisation", *count));
        for (route, name, what, count) in unfinished_transactions.chain(pre_authorisations) {
            if !self.is_in_settings(route) {
                let over = match route {
                    PaymentRoute::Card { .. } => format!("network `{name}`"),
                    PaymentRoute::Qr { .. } => format!("wallet `{name}`"),
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
        let resolution = PaymentResolution::Unknown;
        let id = self.next_id();
        if matches!(pending.route, PaymentRoute::Qr { .. }) {
            return self.resume_order(id, item, now, out);
        }
        let (what, first) = match pending.kind {
            // The terminal has the card data and forwards the offline sale again.
            PendingRequestKind::Advice => return,
            PendingRequestKind::Purchase => (
                QueuedReversalKind::UnknownPurchase,
                Some(Command::ResolvePurchase(ResolvePurchase { payment, resolution })),
            ),
            PendingRequestKind::Completion => (
                QueuedReversalKind::UnknownCompletion,
                Some(Command::ResolveCompletion(ResolveCompletion { payment, resolution })),
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
                let shown = pending.network_reference.map_or(now, |shown| shown.sent_at);
                let expires = shown.plus_ms(self.settings.timing.qr_ms);
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
        let (network, order) = match pending.route {
            PaymentRoute::Card { network, .. } => (self.network_index(network), None),
            // A refund's original is its order; an order is its own transaction.
            PaymentRoute::Qr { .. } => (None, view.original().or(Some(pending.trace))),
        };
        NewReversal {
            kind: what,
            payment: pending.payment,
            network_index: network,
            wallet_order: order,
            terminal: pending.trace.terminal,
            merchant: self.settings.merchant.of(item.firm),
            amount: pending.amount,
            authorisation_code: None,
            original: if refund {
                OriginalMessage::refunded(view.duplicate_key.subject)
            } else {
                original_message(view)
            },
            pre_authorisation: item.before.as_ref().and_then(released),
            network_reference: pending.network_reference.filter(|_| refund),
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
