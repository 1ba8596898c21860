//! Terminal transactions: each trace is used once, and a repeat gets the first response.

use machine::Timestamp;
use money::Amount;
use tariff::PaymentMethod;

use crate::books::{Books, Now};
use crate::command::{
    BeginPurchase, ONLINE_PAYMENTS_PER_PARCEL_MAX, PAYMENTS_PER_PARCEL_MAX, PaymentRoute,
    ResolvePurchase, TakeCash,
};
use crate::event::{CommandOutcome, Event};
use crate::ids::{ParcelId, PaymentId};
use crate::payment::codes::ResponseCode;
use crate::payment::collection::NewPayment;
use crate::payment::record::PaymentRecord;
use crate::refusal::{MissingRecord, Refusal};
use crate::terminal::batches::{
    TerminalBatchState, TerminalResponse, TotalsColumn, Transaction, TransactionStatus,
};
use crate::terminal::duplicate_key::{DuplicateKey, PackedSubject};
use crate::terminal::transaction::{
    NetworkReference, PurchaseKind, ROUTE_CANDIDATES_MAX, RouteCandidate, RouteVerdict, Trace,
    TransactionKind,
};

/// What a transaction is about. A repeat has the same subject as the first.
#[derive(Clone, Copy)]
pub(crate) enum TransactionSubject {
    /// A new payment of this amount.
    New(ParcelId, Amount),
    /// Part of a payment.
    PartOf(PaymentId, Amount),
    Whole(PaymentId),
}

/// A new transaction with room in its batch.
#[derive(Clone, Copy)]
pub(crate) struct AdmittedTransaction {
    /// The terminal's number in the registry.
    pub terminal: u32,
    trace: Trace,
    date: u16,
    subject: PackedSubject,
    kind: TransactionKind,
}

impl Books {
    pub(crate) fn resolve_purchase(
        &mut self,
        command: &ResolvePurchase,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let ResolvePurchase { payment, resolution } = *command;
        self.resolve_payment(payment, resolution, now.today, out)
    }

    /// Admits a transaction to its terminal's open batch or refuses it as a repeat. Runs before
    /// other checks, so a repeat is detected even if its parcel or batch is closed.
    #[inline]
    pub(crate) fn admit_transaction(
        &self,
        trace: Trace,
        duplicate_key: DuplicateKey,
        kind: TransactionKind,
        about: TransactionSubject,
    ) -> Result<AdmittedTransaction, Refusal> {
        let missing = Refusal::NotFound(MissingRecord::Terminal(trace.terminal));
        let terminal = self.terminals.number(trace.terminal).ok_or(missing)?;
        if !duplicate_key.subject.fits(kind) {
            return Err(Refusal::WrongSubject);
        }
        let subject = PackedSubject::of(duplicate_key.subject);
        if let Some(slot) = self.terminal_batches.find(terminal, trace.batch, trace.stan) {
            let first = self.terminal_batches.get(slot);
            let same = match about {
                TransactionSubject::New(parcel, amount) => {
                    (first.parcel, first.amount) == (parcel, amount)
                }
                TransactionSubject::PartOf(payment, amount) => {
                    (first.payment_id(), first.amount) == (payment, amount)
                }
                TransactionSubject::Whole(payment) => first.payment_id() == payment,
            };
            let same = same
                && first.kind == kind
                && first.date == duplicate_key.date
                && (kind == TransactionKind::Qr || first.subject == subject);
            return Err(if same { Refusal::Repeated } else { Refusal::TraceTaken });
        }
        let open = self.open_batch_of(terminal, trace)?;
        if let Some(used) = open.stan_use(trace.stan) {
            return Err(used.refusal());
        }
        if open.is_full() {
            return Err(Refusal::BatchFull);
        }
        Ok(AdmittedTransaction { terminal, trace, date: duplicate_key.date, subject, kind })
    }

    /// The terminal's state, if the trace belongs to its open batch.
    pub(crate) fn open_batch_of(
        &self,
        terminal: u32,
        trace: Trace,
    ) -> Result<&TerminalBatchState, Refusal> {
        let terminal_state = self.terminal_batches.terminal(terminal);
        let open = terminal_state.filter(|terminal_state| {
            terminal_state.batch_open && terminal_state.last_batch == trace.batch
        });
        open.ok_or(Refusal::WrongBatch(
            terminal_state.map_or(0, |terminal_state| terminal_state.last_batch),
        ))
    }

    /// The terminal's courier, unless the terminal is blocked.
    fn courier_unless_blocked(&self, terminal: u32) -> Result<u32, Refusal> {
        let terminal = self.terminals.get(terminal);
        if terminal.blocked { Err(Refusal::TerminalBlocked) } else { Ok(terminal.courier) }
    }

    /// The terminal's courier, unless the terminal begins nothing.
    pub(crate) fn courier_who_begins(&self, terminal: u32) -> Result<u32, Refusal> {
        let courier = self.courier_unless_blocked(terminal)?;
        self.check_not_suspended(courier).map(|()| courier)
    }

    /// Records an admitted transaction, after all other changes. It waits for the network, or
    /// `response` is the terminal's response at once.
    #[inline]
    pub(crate) fn record_transaction(
        &mut self,
        admitted: &AdmittedTransaction,
        payment: PaymentId,
        amount: Amount,
        column: TotalsColumn,
        network_reference: Option<NetworkReference>,
        response: Option<TerminalResponse>,
    ) -> u32 {
        let AdmittedTransaction { terminal, trace, date, subject, kind } = *admitted;
        let waits = response.is_none();
        self.terminal_batches.add(Transaction {
            parcel: payment.parcel,
            subject,
            amount,
            network_sent_at: network_reference.map_or(Timestamp(0), |sent| sent.sent_at),
            network_stan: network_reference.map(|sent| sent.stan),
            terminal,
            batch: trace.batch,
            stan: trace.stan,
            date,
            payment_number: payment.number,
            kind,
            response_code: response.map(|response| response.code),
            authorisation_code: response.and_then(|response| response.authorisation_code),
            status: if waits { TransactionStatus::Pending } else { TransactionStatus::Approved },
            column,
            in_batch: true,
            awaits_network: waits,
        })
    }

    pub(crate) fn begin_purchase(
        &mut self,
        command: &BeginPurchase,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let BeginPurchase {
            trace,
            duplicate_key,
            parcel,
            route,
            amount,
            kind: purpose,
            network_reference,
            route_candidates,
        } = command;
        let kind = match (route, purpose) {
            (PaymentRoute::Card { .. }, PurchaseKind::Sale) => TransactionKind::Sale,
            (PaymentRoute::Card { .. }, PurchaseKind::PreAuthorisation) => {
                TransactionKind::PreAuthorisation
            }
            (PaymentRoute::Qr { .. }, PurchaseKind::Sale) => TransactionKind::Qr,
            (PaymentRoute::Qr { .. }, PurchaseKind::PreAuthorisation) => {
                return Err(Refusal::BadMethod);
            }
        };
        let admitted = self.admit_transaction(
            *trace,
            *duplicate_key,
            kind,
            TransactionSubject::New(*parcel, *amount),
        )?;
        check_route_candidates(*route, route_candidates)?;
        let payment = self.next_payment_id(*parcel, ONLINE_PAYMENTS_PER_PARCEL_MAX)?;
        let new = self.new_rail_payment(*route, payment, *amount)?;
        let checked = self.check_rail_payment(&new, trace.terminal, now)?;
        self.begin_payment(&new, &checked, out)?;
        let column = match kind {
            TransactionKind::Sale => TotalsColumn::CardDebit,
            TransactionKind::Qr => TotalsColumn::OtherDebit,
            _ => TotalsColumn::NotCounted,
        };
        self.record_transaction(
            &admitted,
            payment,
            *amount,
            column,
            Some(*network_reference),
            None,
        );
        if !route_candidates.is_empty() {
            out.events
                .push(Event::PaymentRouted { payment, route_candidates: route_candidates.clone() });
        }
        Ok(())
    }

    pub(crate) fn take_cash(
        &mut self,
        command: &TakeCash,
        now: Now,
        out: &mut CommandOutcome,
    ) -> Result<(), Refusal> {
        let TakeCash { trace, duplicate_key, parcel, amount, tendered, change } = *command;
        let today = now.today;
        let admitted = self.admit_transaction(
            trace,
            duplicate_key,
            TransactionKind::Cash,
            TransactionSubject::New(parcel, amount),
        )?;
        let courier = self.courier_unless_blocked(admitted.terminal)?;
        if tendered.checked_sub(change) != Some(amount) {
            return Err(Refusal::WrongChange);
        }
        let payment = self.next_payment_id(parcel, PAYMENTS_PER_PARCEL_MAX)?;
        let new = NewPayment { id: payment, method: PaymentMethod::Cash, rail: 0, amount };
        self.add_cash_payment(&new, courier, today, out)?;
        self.record_transaction(
            &admitted,
            payment,
            amount,
            TotalsColumn::OtherDebit,
            None,
            Some(TerminalResponse::of(ResponseCode::APPROVED)),
        );
        Ok(())
    }
}

/// The totals column of money that goes back for a payment.
pub(crate) fn credit_column(item: &PaymentRecord) -> TotalsColumn {
    if item.method.is_card() { TotalsColumn::CardCredit } else { TotalsColumn::OtherCredit }
}

/// A card payment names its chosen network.
fn check_route_candidates(
    route: PaymentRoute,
    route_candidates: &[RouteCandidate],
) -> Result<(), Refusal> {
    let mut chosen = route_candidates.iter().filter(|one| one.verdict == RouteVerdict::Chosen);
    let right = match route {
        PaymentRoute::Card { network, .. } => {
            route_candidates.len() <= ROUTE_CANDIDATES_MAX
                && chosen.next().is_some_and(|one| one.network == network)
                && chosen.next().is_none()
        }
        PaymentRoute::Qr { .. } => route_candidates.is_empty(),
    };
    if right { Ok(()) } else { Err(Refusal::BadRoute) }
}
