//! Terminals' reversals, of requests in flight and of transactions in the books.

use books::terminal_view::TransactionView;
use books::view::PaymentState;
use books::{
    BeginReversal, Command, Event, PaymentResolution, PaymentRoute, RecordReversalWithoutOriginal,
    Refusal, ResolvePurchase, ResponseCode, ReversalKind, ReverseVoid, Timestamp, TransactionKind,
};
use money::Amount;

use crate::follow_up::{network_message_type, not_in_settings, original_message};
use crate::in_flight::{Continuation, InFlight, InFlightState};
use crate::network::{AwaitedResponse, NetworkMessageType, message_key};
use crate::port::{Output, Query, TerminalConnection};
use crate::request::{RequestKind, TerminalRequest};
use crate::response_code;
use crate::responses::ResponseFields;
use crate::reversal_queue::{NewReversal, OriginalMessage, QueuedReversalKind};
use crate::switch::Switch;

enum Decision {
    /// Answer the terminal at once.
    ResponseFields(ResponseCode),
    /// Begin the reversal in the books.
    Begin(Command),
    /// Query the completion's pre-authorisation first.
    QueryPreAuthorisation(books::Trace),
}

impl Switch {
    /// Handles the reversal of a terminal that got no valid answer to its last request.
    pub(crate) fn handle_reversal(
        &mut self,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let trace = request.header.trace();
        let id = self.begin_request(InFlight::new(connection, request));
        let Some(&first) = self.active_traces.get(&trace) else {
            return self.record_reversal(id, out);
        };
        let Some(under_way) = self.requests.get_mut(&first) else { return };
        match under_way.state {
            InFlightState::BeginningInBooks
            | InFlightState::RecordingReversal
            | InFlightState::LookingUpOriginal
            | InFlightState::LookingUpFirstResponse
            | InFlightState::CheckingUpload => {
                // This repeats an earlier reversal and takes its place.
                let before = under_way.waiting_reversal.replace(id);
                before.map(|before| self.end_request(before));
            }
            InFlightState::AwaitingNetwork
            | InFlightState::RecordingResponse(_)
            | InFlightState::RecordingUnknown(_) => {
                if under_way.is_reversible() {
                    self.reverse_in_flight(first, id, out);
                } else {
                    self.finish(
                        id,
                        ResponseCode::ORIGINAL_NOT_FOUND,
                        &ResponseFields::default(),
                        now,
                        out,
                    );
                }
            }
        }
    }

    /// Records the reversal before querying the original, so that the original is refused if it
    /// arrives meanwhile.
    pub(crate) fn record_reversal(&mut self, id: u64, out: &mut Vec<Output>) {
        let Some(in_flight) = self.requests.get_mut(&id) else { return };
        in_flight.state = InFlightState::RecordingReversal;
        let trace = in_flight.header.trace();
        self.command(
            Continuation::Request(id),
            Command::RecordReversalWithoutOriginal(RecordReversalWithoutOriginal { trace }),
            out,
        );
    }

    /// The books have recorded a reversal without original, or they have the original.
    pub(crate) fn on_reversal_without_original(
        &mut self,
        id: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(in_flight) = self.requests.get_mut(&id) else { return };
        let code = match answer {
            Ok(_) | Err(Refusal::Repeated) => ResponseCode::ORIGINAL_NOT_FOUND,
            Err(Refusal::TraceTaken) => {
                in_flight.state = InFlightState::LookingUpOriginal;
                let query = Query::Transaction(in_flight.header.trace());
                return self.query(Continuation::Request(id), query, out);
            }
            Err(refusal) => response_code::of_refusal(&refusal),
        };
        self.finish(id, code, &ResponseFields::default(), now, out);
    }

    /// Reverses a request in flight that has a payment in the books.
    pub(crate) fn reverse_in_flight(&mut self, first: u64, reversal: u64, out: &mut Vec<Output>) {
        let Some(new_reversal) =
            self.requests.get(&first).and_then(|in_flight| self.reversal_of(in_flight))
        else {
            return;
        };
        let Some(in_flight) = self.requests.get_mut(&first) else { return };
        in_flight.reversed = true;
        let (index, payment) = (in_flight.network_index, new_reversal.payment);
        let voids = matches!(in_flight.kind, RequestKind::Void | RequestKind::VoidPreAuthorisation);
        if in_flight.state == InFlightState::AwaitingNetwork {
            if let Some(sent) = in_flight.network_reference {
                let late = AwaitedResponse::Late(reversal);
                self.networks[index].awaited.insert(message_key(sent), late);
            }
            self.end_request(first);
        }
        let command = if voids {
            Command::ReverseVoid(ReverseVoid { payment })
        } else {
            Command::BeginReversal(BeginReversal { payment })
        };
        self.starting_reversals.insert(reversal, new_reversal);
        self.command(Continuation::Reversal(reversal), command, out);
    }

    /// The books have answered the query for a reversal's original.
    pub(crate) fn on_reversal_original(
        &mut self,
        id: u64,
        view: Option<TransactionView>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(in_flight) = self.requests.get_mut(&id) else { return };
        let header = in_flight.header;
        // For a completion, the second query is for its pre-authorisation.
        let (view, before) = match (in_flight.original.take(), view) {
            (Some(completion), before) => (Some(*completion), Some(before)),
            (None, view) => (view, None),
        };
        let Some(view) = view else {
            // The books had it a moment ago, but have dropped its batch since.
            return self.finish(
                id,
                ResponseCode::WRONG_BATCH,
                &ResponseFields::default(),
                now,
                out,
            );
        };
        match decide(&view, before.is_some()) {
            Decision::ResponseFields(code) => {
                self.finish(id, code, &ResponseFields::default(), now, out);
            }
            Decision::QueryPreAuthorisation(trace) => {
                in_flight.original = Some(Box::new(view));
                self.query(Continuation::Request(id), Query::Transaction(trace), out);
            }
            // The network or wallet cannot be told, so the payment stands.
            Decision::Begin(_) if view.route.is_some_and(|route| !self.is_in_settings(route)) => {
                self.finish(
                    id,
                    ResponseCode::INVALID_TRANSACTION,
                    &not_in_settings(view.route),
                    now,
                    out,
                );
            }
            Decision::Begin(command) => {
                let release = before.flatten().and_then(|before| released(&before));
                let by_qr = matches!(view.route, Some(PaymentRoute::Qr { .. }));
                let new_reversal = NewReversal {
                    kind: QueuedReversalKind::Reversal,
                    payment: view.payment,
                    network_index: self.network_index_of(view.route),
                    wallet_order: by_qr.then_some(view.trace),
                    terminal: header.terminal_id(),
                    merchant: header.merchant,
                    amount: view.amount,
                    authorisation_code: view.authorisation_code,
                    original: original_message(&view),
                    pre_authorisation: release,
                    network_reference: None,
                };
                self.starting_reversals.insert(id, new_reversal);
                self.command(Continuation::Reversal(id), command, out);
            }
        }
    }

    /// The reversal is durable: the switch queues it and answers the terminal.
    pub(crate) fn on_reversal_begun(
        &mut self,
        id: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(mut new_reversal) = self.starting_reversals.remove(&id) else { return };
        let events = match answer {
            Ok(events) => events,
            // It was reversed before, or there is nothing left to reverse.
            Err(Refusal::Repeated) => Vec::new(),
            Err(refusal) => {
                let code = match refusal {
                    Refusal::PaymentState => ResponseCode::INVALID_TRANSACTION,
                    refusal => response_code::of_refusal(&refusal),
                };
                return self.finish(id, code, &ResponseFields::default(), now, out);
            }
        };
        let what = events.iter().find_map(|event| match event {
            Event::PaymentUnknown { .. } => Some(QueuedReversalKind::UnknownPurchase),
            Event::ReversalBegun { .. } => Some(QueuedReversalKind::Reversal),
            Event::CompletionUnknown { .. } => Some(QueuedReversalKind::UnknownCompletion),
            Event::VoidReversalBegun { .. } => Some(QueuedReversalKind::ReversingVoid),
            _ => None,
        });
        match what {
            // The buyer has not paid. The wallet refunds a payment that still comes.
            Some(QueuedReversalKind::UnknownPurchase) if new_reversal.wallet_order.is_some() => {
                self.command(
                    Continuation::ReportRefusal,
                    order_expiry_command(new_reversal.payment),
                    out,
                );
            }
            Some(what) => {
                new_reversal.kind = what;
                self.enqueue_reversal(id, new_reversal, now, out);
            }
            None => {}
        }
        self.finish(id, ResponseCode::APPROVED, &ResponseFields::default(), now, out);
    }

    /// The reversal of a request in flight, if it is reversible.
    pub(crate) fn reversal_of(&self, in_flight: &InFlight) -> Option<NewReversal> {
        let NetworkMessageType { mti, processing_code, condition_code } =
            network_message_type(in_flight.kind);
        let what = match in_flight.kind {
            RequestKind::Sale | RequestKind::PreAuthorisation => {
                QueuedReversalKind::UnknownPurchase
            }
            RequestKind::Completion => QueuedReversalKind::UnknownCompletion,
            RequestKind::Void | RequestKind::VoidPreAuthorisation => {
                QueuedReversalKind::ReversingVoid
            }
            _ => return None,
        };
        let original = OriginalMessage {
            mti,
            processing_code,
            condition_code,
            network_reference: in_flight.network_reference?,
        };
        let before =
            in_flight.original.as_deref().filter(|_| what == QueuedReversalKind::UnknownCompletion);
        let release = before.and_then(released);
        Some(NewReversal {
            pre_authorisation: release,
            ..NewReversal::of_request(in_flight, what, in_flight.payment?, original)
        })
    }
}

/// The message of a pre-authorisation to reverse after its completion, and its amount.
pub(crate) fn released(before: &TransactionView) -> Option<(OriginalMessage, Amount)> {
    original_message(before).map(|original| (original, before.amount))
}

/// Decides about the reversal of a transaction. The books reverse any payment that still stands, so
/// a transaction that must not be reversed is stopped here.
fn decide(view: &TransactionView, before_known: bool) -> Decision {
    use TransactionKind as K;
    let payment = view.payment;
    let waits = view.response_code.is_none();
    if matches!(view.kind, K::Refund | K::Advice) {
        // Both stand once the books have them.
        return Decision::ResponseFields(ResponseCode::ORIGINAL_NOT_FOUND);
    }
    if view.reversed || !(waits || view.counts_in_batch) {
        return Decision::ResponseFields(ResponseCode::APPROVED);
    }
    if view.kind == K::Void {
        let by_card = matches!(view.route, Some(PaymentRoute::Card { .. }));
        if waits && by_card {
            return Decision::Begin(Command::ReverseVoid(ReverseVoid { payment }));
        }
        // An answered void stands, and a QR refund is answered at once.
        return Decision::ResponseFields(ResponseCode::INVALID_TRANSACTION);
    }
    let reversible = match view.kind {
        _ if waits => true,
        K::PreAuthorisation => view.payment_state == PaymentState::Authorised,
        _ => matches!(
            view.payment_state,
            PaymentState::Approved | PaymentState::Reversing(ReversalKind::Reversal)
        ),
    };
    if !reversible {
        return Decision::ResponseFields(ResponseCode::INVALID_TRANSACTION);
    }
    if let (K::Completion, Some(original)) = (view.kind, view.original())
        && !waits
        && !before_known
    {
        return Decision::QueryPreAuthorisation(original);
    }
    Decision::Begin(Command::BeginReversal(BeginReversal { payment }))
}

/// Ends a QR order that was not paid.
pub(crate) fn order_expiry_command(payment: books::PaymentId) -> Command {
    let resolution = PaymentResolution::Declined { code: ResponseCode::OUTCOME_UNKNOWN };
    Command::ResolvePurchase(ResolvePurchase { payment, resolution })
}
