//! Read-only queries about terminals, their transactions and batches, and networks.

use machine::Timestamp;
use money::{Amount, Currency};
use tariff::{BusinessDate, CardKind, PaymentMethod};

use crate::books::Books;
use crate::command::PaymentRoute;
use crate::ids::{
    CourierId, FirmId, NetworkId, OpenItemId, ParcelId, PaymentId, PersonId, TerminalId, WalletId,
};
use crate::parcel::index::ParcelSlot;
use crate::party::record::RailId;
use crate::payment::codes::{AuthorisationCode, CardToken, ResponseCode, WalletPaymentId};
use crate::payment::record::{PaymentRecord, PaymentStatus, ReversingStatus};
use crate::terminal::batches::{
    BatchAgreement, TerminalBatchState, Transaction, TransactionStatus,
};
use crate::terminal::duplicate_key::{DuplicateKey, DuplicateSubject};
use crate::terminal::transaction::{
    BatchTotals, NetworkReference, OpenItemContent, Trace, TransactionKind,
};
use crate::view::PaymentState;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalView {
    pub courier: CourierId,
    pub firm: FirmId,
    pub currency: Currency,
    pub blocked: bool,
    /// Whether its courier is suspended.
    pub courier_suspended: bool,
    /// Number of the last hand-over, block, unblock or offline limit; 0 if there is none.
    pub changes: u32,
    /// The last batch opened; 0 if there is none.
    pub batch: u32,
    /// Whether that batch is open.
    pub batch_open: bool,
    /// Whether the last closed batch is disputed and waits for its lines.
    pub disputed: bool,
    /// Number of transactions in `last_batch`.
    pub transactions: u32,
    /// Limit for one offline sale.
    pub offline_each: Amount,
    /// Limit for all offline sales that the network has not answered.
    pub offline_total: Amount,
    /// Unused part of `offline_total_max`.
    pub offline_left: Amount,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionView {
    pub trace: Trace,
    pub kind: TransactionKind,
    pub duplicate_key: DuplicateKey,
    pub parcel: ParcelId,
    pub payment: PaymentId,
    pub amount: Amount,
    /// `None` if no network or wallet is asked.
    pub network_reference: Option<NetworkReference>,
    /// `None` for cash.
    pub route: Option<PaymentRoute>,
    /// The response code that the terminal got first. `None` while it is pending.
    pub response_code: Option<ResponseCode>,
    /// The authorisation code that came with it.
    pub authorisation_code: Option<AuthorisationCode>,
    /// The payment that paid a wallet order, in time or too late.
    pub wallet_payment: Option<WalletPaymentId>,
    /// Whether it is approved and still counts in the batch.
    pub counts_in_batch: bool,
    /// Whether it is reversed or being reversed.
    pub reversed: bool,
    /// Whether a network's or wallet's response is missing. For an offline sale: whether the
    /// network has not taken it yet.
    pub awaits_network: bool,
    pub payment_state: PaymentState,
}

impl TransactionView {
    /// The original of a void or completion.
    #[must_use]
    pub fn original(&self) -> Option<Trace> {
        match self.duplicate_key.subject {
            DuplicateSubject::Original { batch, stan, .. } => {
                Some(Trace { terminal: self.trace.terminal, batch, stan })
            }
            _ => None,
        }
    }
}

/// A terminal's batch that differs from the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenItemView {
    pub id: OpenItemId,
    pub terminal: TerminalId,
    pub batch: u32,
    pub currency: Currency,
    /// The day on which the batch was closed.
    pub opened: BusinessDate,
    /// The courier who had the terminal. Has to explain the difference and cannot close the item.
    pub owner: PersonId,
    /// Whether the terminal may still upload its lines.
    pub lines_expected: bool,
    pub content: OpenItemContent,
}

/// What a network or wallet still has to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PendingRequestKind {
    /// A purchase waits for its response.
    Purchase,
    /// A purchase's outcome is unknown and its reversal waits for the acknowledgement.
    PurchaseReversal,
    /// The reversal of an approved or authorised payment, or of an expired pre-authorisation, waits
    /// for the acknowledgement.
    Reversal,
    /// A void waits for its response.
    Void,
    /// The reversal of a void waits for the acknowledgement.
    VoidReversal,
    /// A completion waits for its response.
    Completion,
    /// A completion's outcome is unknown and its reversal waits for the acknowledgement.
    CompletionReversal,
    /// An offline sale must be forwarded.
    Advice,
    /// A refund must be forwarded.
    Refund,
    /// A QR code was paid after it ended. The wallet must refund the payment.
    LatePaymentRefund,
}

/// A transaction that waits for a network's or wallet's response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingRequest {
    pub kind: PendingRequestKind,
    pub payment: PaymentId,
    /// The purchase, void, completion or refund that waits.
    pub trace: Trace,
    pub route: PaymentRoute,
    /// The transaction's amount.
    pub amount: Amount,
    /// The payment's amount: what was sold or authorised.
    pub payment_amount: Amount,
    /// `None` for the void of a QR payment.
    pub network_reference: Option<NetworkReference>,
    pub authorisation_code: Option<AuthorisationCode>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkView {
    /// The currency it settles in.
    pub currency: Currency,
    /// When it stops taking new payments.
    pub withdrawn_from: Option<Timestamp>,
    pub unknown_payments: u32,
    /// What it owes, in minor units. Negative if Doorstep owes.
    pub receivable: i128,
    /// Reserved on its receivable, in minor units: payments that are begun, authorised or unknown.
    pub pending: u128,
}

/// A network or wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RailView<'b> {
    pub id: RailId,
    /// The operator's name for it.
    pub reference: &'b str,
    pub currency: Currency,
    /// When it stops taking new payments. Only networks are withdrawn.
    pub withdrawn_from: Option<Timestamp>,
    pub unknown_payments: u32,
    /// What it owes, in minor units. Negative if Doorstep owes.
    pub receivable: i128,
}

/// What a transaction waits for, by its payment's status. `None` if it must not wait.
pub(crate) fn pending_request_kind(
    kind: TransactionKind,
    status: PaymentStatus,
) -> Option<PendingRequestKind> {
    use PaymentStatus as P;
    use TransactionKind as K;
    Some(match (kind, status) {
        (K::Sale | K::PreAuthorisation | K::Qr, P::Begun(_)) => PendingRequestKind::Purchase,
        (K::Sale | K::PreAuthorisation | K::Qr, P::Unknown(_)) => {
            PendingRequestKind::PurchaseReversal
        }
        (K::Qr, P::Declined) => PendingRequestKind::LatePaymentRefund,
        (
            K::Sale | K::PreAuthorisation | K::Qr | K::Completion | K::Advice,
            P::Reversing(ReversingStatus::Reversal)
            | P::Releasing(_, ReversingStatus::Reversal | ReversingStatus::Expiry),
        ) => PendingRequestKind::Reversal,
        (K::Completion, P::Completing(_)) => PendingRequestKind::Completion,
        (K::Completion, P::CompletionUnknown(_)) => PendingRequestKind::CompletionReversal,
        (K::Void, P::Reversing(ReversingStatus::Void) | P::Releasing(_, ReversingStatus::Void)) => {
            PendingRequestKind::Void
        }
        (
            K::Void,
            P::Reversing(ReversingStatus::ReversingVoid)
            | P::Releasing(_, ReversingStatus::ReversingVoid),
        ) => PendingRequestKind::VoidReversal,
        (K::Advice, status) if status.unpaid_refunds().is_some() => PendingRequestKind::Advice,
        (K::Refund, status) if status.unpaid_refunds().is_some() => PendingRequestKind::Refund,
        _ => return None,
    })
}

impl Books {
    #[must_use]
    pub fn terminal_view(&self, id: TerminalId) -> Option<TerminalView> {
        let number = self.terminals.number(id)?;
        let terminal = self.terminals.get(number);
        let courier = self.couriers.get(terminal.courier);
        let firm = self.firms.get(courier.firm);
        let idle = TerminalBatchState::default();
        let terminal_state = self.terminal_batches.terminal(number).unwrap_or(&idle);
        let closed = terminal_state.closed_batch.as_ref();
        let transactions =
            terminal_state.entries_of(terminal_state.last_batch).map_or(0, <[_]>::len);
        Some(TerminalView {
            courier: courier.id,
            firm: firm.id,
            currency: self.currency_at(firm.currency),
            blocked: terminal.blocked,
            courier_suspended: courier.is_suspended(),
            changes: terminal.changes.last(),
            batch: terminal_state.last_batch,
            batch_open: terminal_state.batch_open,
            disputed: closed
                .is_some_and(|closed| matches!(closed.agreement, BatchAgreement::Disputed(_))),
            transactions: u32::try_from(transactions)
                .expect("limited by TRANSACTIONS_PER_BATCH_MAX"),
            offline_each: terminal_state.offline_each,
            offline_total: terminal_state.offline_total,
            offline_left: terminal_state.offline_left(),
        })
    }

    /// A transaction that its terminal may still ask about: in its last two batches, waiting for a
    /// response, or a pre-authorisation whose parcel is remembered.
    #[must_use]
    pub fn transaction(&self, trace: Trace) -> Option<TransactionView> {
        let one = self.find_transaction(trace)?;
        let may_ask = one.in_batch || one.awaits_network || one.is_pre_authorisation();
        may_ask.then(|| self.view_of(one, trace))
    }

    /// A wallet order, as long as its parcel is remembered.
    #[must_use]
    pub fn wallet_order(&self, trace: Trace) -> Option<TransactionView> {
        let one = self.find_transaction(trace)?;
        one.is_wallet_order().then(|| self.view_of(one, trace))
    }

    /// The remembered requests that a network was sent, each with its payment. A clearing file
    /// names them. Scans all remembered transactions.
    pub fn requests_to(
        &self,
        network: NetworkId,
    ) -> impl Iterator<Item = (NetworkReference, PaymentId)> {
        let transactions = self.terminal_batches.transactions.iter();
        transactions.filter_map(move |(_, one)| {
            let (sent, payment) = (one.network_reference()?, one.payment_id());
            let here = self.rail_of(payment) == Some(RailId::Network(network));
            here.then_some((sent, payment))
        })
    }

    /// The remembered orders of a wallet: the payment of each, and its name. A bill names them.
    /// Scans all remembered transactions.
    pub fn orders_of(&self, wallet: WalletId) -> impl Iterator<Item = (PaymentId, String)> {
        let transactions = self.terminal_batches.transactions.iter();
        let orders = transactions.filter(|(_, one)| one.is_wallet_order());
        orders.filter_map(move |(_, one)| {
            let payment = one.payment_id();
            let here = self.rail_of(payment) == Some(RailId::Wallet(wallet));
            let terminal = self.terminals.get(one.terminal).id;
            let trace = Trace { terminal, batch: one.batch, stan: one.stan };
            here.then(|| (payment, trace.wallet_order()))
        })
    }

    /// The purchases that a network declined for a wrong PIN, as far as they are remembered: card,
    /// terminal, and when they were sent. Scans all remembered transactions.
    pub fn wrong_pins(
        &self,
        since: Timestamp,
    ) -> impl Iterator<Item = (CardToken, TerminalId, Timestamp)> {
        let transactions = self.terminal_batches.transactions.iter();
        transactions.filter_map(move |(_, one)| {
            let wrong = one.response_code == Some(ResponseCode::WRONG_PIN);
            if !wrong || one.network_sent_at < since {
                return None;
            }
            let DuplicateSubject::Card(card) = one.duplicate_key().subject else { return None };
            Some((card, self.terminals.get(one.terminal).id, one.network_sent_at))
        })
    }

    /// The network or wallet of a card or QR payment that is remembered.
    #[must_use]
    pub fn rail_of(&self, payment: PaymentId) -> Option<RailId> {
        let (method, rail) = match self.sale_without_parcel(payment) {
            Some(sale) => (sale.method, sale.rail),
            None => {
                let item = self.payment(self.find_payment(payment).ok()?.0);
                (item.method, item.rail)
            }
        };
        (method != PaymentMethod::Cash).then(|| self.rails.get(u32::from(rail)).id)
    }

    fn find_transaction(&self, trace: Trace) -> Option<&Transaction> {
        let terminal = self.terminals.number(trace.terminal)?;
        let slot = self.terminal_batches.find_remembered(terminal, trace.batch, trace.stan)?;
        Some(self.terminal_batches.get(slot))
    }

    fn view_of(&self, one: &Transaction, trace: Trace) -> TransactionView {
        let suspended = self.sale_without_parcel(one.payment_id());
        let (route, payment_state) = match suspended {
            Some(sale) => (self.route_by(sale.method, sale.rail), PaymentState::Suspended),
            None => {
                let item = self.item_of(one);
                let view = self.payment_view(item).expect("a transaction has a payment");
                (self.route_of(item), view.state)
            }
        };
        TransactionView {
            trace,
            kind: one.kind,
            duplicate_key: one.duplicate_key(),
            parcel: one.parcel,
            payment: one.payment_id(),
            amount: one.amount,
            network_reference: one.network_reference(),
            route,
            response_code: one.response_code,
            authorisation_code: one.authorisation_code,
            wallet_payment: one.wallet_payment(),
            counts_in_batch: one.status == TransactionStatus::Approved,
            reversed: one.status == TransactionStatus::Reversed,
            awaits_network: one.awaits_network,
            payment_state,
        }
    }

    /// The payment of a transaction.
    #[must_use]
    pub fn payment_of(&self, trace: Trace) -> Option<PaymentId> {
        self.find_transaction(trace).map(Transaction::payment_id)
    }

    /// The totals in the books of a terminal's last batch, or of the one closed last.
    #[must_use]
    pub fn batch_totals(&self, terminal: TerminalId, batch: u32) -> Option<BatchTotals> {
        let terminal_state = self.terminal_batches.terminal(self.terminals.number(terminal)?)?;
        Some(self.terminal_batches.totals(terminal_state.entries_of(batch)?))
    }

    /// All transactions that wait for a network or wallet, in order of their records. After a
    /// restart they are what must go on (M4). Costs time in proportion to their number.
    pub fn pending_requests(&self) -> impl Iterator<Item = PendingRequest> {
        self.terminal_batches.awaiting_network.iter().map(|slot| self.pending_at(*slot))
    }

    /// What the payment's void, reversal or other request waits for.
    #[must_use]
    pub fn pending_request_of(&self, payment: PaymentId) -> Option<PendingRequest> {
        self.terminal_batches.awaiting_network_for(payment).map(|slot| self.pending_at(slot))
    }

    fn pending_at(&self, slot: u32) -> PendingRequest {
        let one = self.terminal_batches.get(slot);
        let (kind, route, payment_amount) = match self.sale_without_parcel(one.payment_id()) {
            Some(sale) => {
                let route = self.route_by(sale.method, sale.rail);
                (Some(PendingRequestKind::Advice), route, sale.amount)
            }
            None => {
                let item = self.item_of(one);
                (pending_request_kind(one.kind, item.status), self.route_of(item), item.amount)
            }
        };
        let terminal = self.terminals.get(one.terminal).id;
        PendingRequest {
            kind: kind.expect("M4: a waiting transaction has a reason"),
            payment: one.payment_id(),
            trace: Trace { terminal, batch: one.batch, stan: one.stan },
            route: route.expect("cash never waits for a network"),
            amount: one.amount,
            payment_amount,
            network_reference: one.network_reference(),
            authorisation_code: one.authorisation_code,
        }
    }

    /// How each open pre-authorisation is paid. They wait for nothing until they are completed,
    /// voided or expired.
    pub fn pre_authorisations(&self) -> impl Iterator<Item = PaymentRoute> {
        self.pre_authorisations.iter().filter_map(|(_, payment)| {
            let (slot, _) = self.find_payment(*payment).ok()?;
            let item = self.payment(slot);
            let stands = matches!(item.status, PaymentStatus::Authorised(_));
            stands.then(|| self.route_of(item)).flatten()
        })
    }

    fn item_of(&self, transaction: &Transaction) -> &PaymentRecord {
        let found = self.find_payment(transaction.payment_id());
        let (slot, _) = found.expect("a transaction's payment is remembered");
        self.payment(slot)
    }

    fn route_of(&self, item: &PaymentRecord) -> Option<PaymentRoute> {
        self.route_by(item.method, item.rail)
    }

    fn route_by(&self, method: PaymentMethod, rail: u16) -> Option<PaymentRoute> {
        if method == PaymentMethod::Cash {
            return None;
        }
        match (method, self.rails.get(u32::from(rail)).id) {
            (PaymentMethod::Card(kind), RailId::Network(network)) => {
                Some(PaymentRoute::Card { network, kind })
            }
            (PaymentMethod::Qr, RailId::Wallet(wallet)) => Some(PaymentRoute::Qr { wallet }),
            (method, rail) => panic!("a payment by {method:?} goes over {rail:?}"),
        }
    }

    /// The operator's name for the network or wallet of a route.
    #[must_use]
    pub fn route_reference(&self, route: PaymentRoute) -> Option<&str> {
        let rail = match route {
            PaymentRoute::Card { network, .. } => RailId::Network(network),
            PaymentRoute::Qr { wallet } => RailId::Wallet(wallet),
        };
        self.rails.find(rail).map(|rail| rail.reference.as_str())
    }

    /// The currency in which a network or wallet settles.
    #[must_use]
    pub fn rail_currency(&self, id: RailId) -> Option<Currency> {
        self.rails.find(id).map(|rail| self.currency_at(rail.currency))
    }

    /// Networks and wallets, in order of registration.
    pub fn rail_views(&self) -> impl Iterator<Item = RailView<'_>> {
        self.rails.iter().map(|rail| RailView {
            id: rail.id,
            reference: &rail.reference,
            currency: self.currency_at(rail.currency),
            withdrawn_from: match rail.id {
                RailId::Network(id) => self.network_view(id).and_then(|view| view.withdrawn_from),
                RailId::Wallet(_) => None,
            },
            unknown_payments: rail.unknown_payments,
            receivable: self.ledger.account(rail.receivable).balance(),
        })
    }

    #[must_use]
    pub fn network_view(&self, id: NetworkId) -> Option<NetworkView> {
        let number = self.rails.number(RailId::Network(id))?;
        let rail = self.rails.get(number);
        let receivable = self.ledger.account(rail.receivable);
        let number = u16::try_from(number).ok()?;
        Some(NetworkView {
            currency: self.currency_at(rail.currency),
            withdrawn_from: self.withdrawn_from(number),
            unknown_payments: rail.unknown_payments,
            receivable: receivable.balance(),
            pending: receivable.debits_pending(),
        })
    }

    /// The fee a network deducts from a card payment by the tariff of the parcel's seller in force
    /// today, in minor units. The tariff does not distinguish networks.
    #[must_use]
    pub fn network_cost(
        &self,
        parcel: ParcelId,
        kind: CardKind,
        amount: Amount,
        today: BusinessDate,
    ) -> Option<Amount> {
        let number = match self.parcel_slot(parcel)? {
            ParcelSlot::Open(slot) => self.parcel(slot).seller,
            ParcelSlot::Closed(newest) => self.payment(newest).seller,
        };
        let terms = self.charged_terms(number, today).ok()?;
        let fees = self.fees_of(terms, PaymentMethod::Card(kind), amount);
        Some(fees.deducted_by_network())
    }
}
