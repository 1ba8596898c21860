//! What the switch must finish after a restart, as the books have it.

use std::collections::BTreeMap;

use books::terminal_view::{PendingRequest, PendingRequestKind, TransactionView};
use books::{
    Books, CardToken, FirmId, NetworkId, PaymentId, PaymentRoute, TerminalId, Timestamp,
    TransactionKind,
};
use machine::DAY_MS;

use crate::settings::Settings;

/// The unfinished transactions in the books, the pre-authorisations that stand, and the withdrawn
/// networks.
#[derive(Clone, Debug, Default)]
pub struct Unfinished {
    transactions: Vec<UnfinishedTransaction>,
    /// Pre-authorisations that stand: the route, its name in the books, and their number.
    pre_authorisations: Vec<(PaymentRoute, String, usize)>,
    pub(crate) withdrawn: Vec<(NetworkId, Timestamp)>,
    /// The wrong PINs of the last day.
    pub(crate) wrong_pins: Vec<(CardToken, TerminalId, Timestamp)>,
}

#[derive(Clone, Debug)]
pub(crate) struct UnfinishedTransaction {
    pub pending: PendingRequest,
    pub view: TransactionView,
    pub firm: FirmId,
    /// Name of the network or wallet in the books.
    name: String,
    /// The pre-authorisation of a completion that is being reversed.
    pub before: Option<TransactionView>,
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
        let since = Timestamp(engine.last_at().0.saturating_sub(DAY_MS));
        Unfinished {
            transactions: transactions.collect(),
            pre_authorisations,
            withdrawn: withdrawn.collect(),
            wrong_pins: engine.wrong_pins(since).collect(),
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

    pub(crate) fn transactions(&self) -> &[UnfinishedTransaction] {
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

    pub(crate) fn route(&self) -> PaymentRoute {
        self.pending.route
    }
}

impl Unfinished {
    /// Checks that each network and wallet is in the settings.
    pub(crate) fn check(&self, settings: &Settings) -> Result<(), ResumeError> {
        let mut missing = BTreeMap::<_, BTreeMap<_, usize>>::new();
        let transactions = self.transactions.iter();
        let transactions =
            transactions.map(|one| (one.route(), &one.name, describe(one.pending.kind), 1));
        // A pre-authorisation that stands is completed or reversed one day.
        let pre_authorisations = self.pre_authorisations.iter();
        let pre_authorisations = pre_authorisations
            .map(|(route, name, count)| (*route, name, "pre-authorisation", *count));
        for (route, name, what, count) in transactions.chain(pre_authorisations) {
            if !settings.has(route) {
                let over = match route {
                    PaymentRoute::Card { .. } => format!("network `{name}`"),
                    PaymentRoute::Qr { .. } => format!("wallet `{name}`"),
                };
                *missing.entry(over).or_default().entry(what).or_default() += count;
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(ResumeError { missing }) }
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
