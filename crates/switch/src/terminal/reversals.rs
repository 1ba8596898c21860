//! Terminals' reversals, of requests in flight and of transactions in the books.

use books::terminal_view::TransactionView;
use books::view::PaymentState;
use books::{
    BeginReversal, Command, Event, PaymentRoute, Refusal, ResponseCode, ReversalKind, ReverseVoid,
    Trace, TransactionKind,
};

use super::Terminals;
use super::follow_up::not_in_settings;
use super::in_flight::{InFlight, InFlightState, RequestSubject, ReversalWork, Told, new_reversal};
use super::request::{Caller, TerminalRequest};
use super::responses::ResponseFields;
use crate::port::Query;
use crate::response_code;
use crate::sides::{NewReversal, OrderRefund, OriginalMessage, ReversedKind};

enum Decision {
    /// Answer the terminal at once.
    Answer(ResponseCode),
    /// Begin the reversal in the books.
    Begin(Command),
    /// Query the completion's pre-authorisation first.
    QueryPreAuthorisation(Trace),
}

impl Terminals<'_> {
    /// Handles the reversal of a terminal that got no valid answer to its last request.
    pub(crate) fn reverse(&mut self, request: &TerminalRequest<'_>) {
        let waiting = InFlightState::Reversal(ReversalWork::Waiting);
        let mut in_flight = InFlight::new(request.caller, RequestSubject::Nothing, waiting);
        let id = self.admit(&in_flight);
        let first = self.tables.active_traces.get(&request.header().trace()).copied();
        let first = first.and_then(|first| Some((first, self.tables.requests.remove(&first)?)));
        let Some((first, mut under_way)) = first else {
            return self.record_reversal(id, in_flight);
        };
        let (leg, payment) = match under_way.work {
            InFlightState::AwaitingNetwork(leg, payment)
            | InFlightState::RecordingResponse(leg, payment, _)
            | InFlightState::RecordingUnknown(leg, payment, _) => (leg, payment),
            _ => {
                // This repeats an earlier reversal and takes its place. Both are answered.
                let before = under_way.waiting_reversal.replace(id);
                if let Some(before) = before.and_then(|id| self.tables.requests.remove(&id)) {
                    in_flight.join_all(&before);
                }
                self.tables.requests.insert(first, under_way);
                self.tables.requests.insert(id, in_flight);
                return;
            }
        };
        let Some(new_reversal) = leg.reversal(&under_way.caller, payment) else {
            self.tables.requests.insert(first, under_way);
            return self.finish(id, in_flight, ResponseCode::ORIGINAL_NOT_FOUND);
        };
        if matches!(under_way.work, InFlightState::AwaitingNetwork(..)) {
            self.networks.expect_late(leg.network, leg.sent, id);
            self.end(first, &under_way);
        } else {
            under_way.reversed = true;
            self.tables.requests.insert(first, under_way);
        }
        self.begin_reversal(id, in_flight, &leg, new_reversal);
    }

    /// The books have recorded a reversal without original, or they have the original.
    pub(crate) fn on_reversal_without_original(
        &mut self,
        id: u64,
        mut in_flight: InFlight,
        answer: Result<Vec<Event>, Refusal>,
    ) {
        let code = match answer {
            Ok(_) | Err(Refusal::Repeated) => ResponseCode::ORIGINAL_NOT_FOUND,
            // It was declined, so it has no effect.
            Err(Refusal::RequestDeclined(_)) => ResponseCode::APPROVED,
            Err(Refusal::TraceTaken) => {
                in_flight.work = InFlightState::Reversal(ReversalWork::LookingUpOriginal);
                let query = Query::Transaction(in_flight.caller.header.trace());
                return self.query(id, in_flight, query);
            }
            Err(refusal) => response_code::of_refusal(&refusal),
        };
        self.finish(id, in_flight, code);
    }

    /// The books have answered the query for a reversal's original; for a completion, also the one
    /// for its pre-authorisation.
    pub(crate) fn on_reversal_original(
        &mut self,
        id: u64,
        mut in_flight: InFlight,
        view: Option<TransactionView>,
        before: Option<Option<TransactionView>>,
    ) {
        let Some(view) = view else {
            // The books had it a moment ago, but have dropped its batch since.
            return self.finish(id, in_flight, ResponseCode::WRONG_BATCH);
        };
        match decide(&view, before.is_some()) {
            Decision::Answer(code) => self.finish(id, in_flight, code),
            Decision::QueryPreAuthorisation(trace) => {
                let work = ReversalWork::LookingUpPreAuthorisation(Box::new(view));
                in_flight.work = InFlightState::Reversal(work);
                self.query(id, in_flight, Query::Transaction(trace));
            }
            // The network or wallet cannot be told, so the payment stands.
            Decision::Begin(_) if view.route.is_some_and(|r| !self.step.settings.has(r)) => {
                let text = Some(not_in_settings(view.route));
                let answer = ResponseFields { text, ..ResponseFields::default() };
                let code = ResponseCode::INVALID_TRANSACTION;
                self.finish_with(id, in_flight, code, &answer);
            }
            Decision::Begin(command) => {
                let told = self.told(&in_flight.caller, &view, before.flatten().as_ref());
                in_flight.work = InFlightState::Reversal(ReversalWork::Beginning(told));
                self.command(id, in_flight, command);
            }
        }
    }

    /// Who is told of the reversal of a transaction in the books.
    fn told(
        &self,
        caller: &Caller,
        view: &TransactionView,
        before: Option<&TransactionView>,
    ) -> Told {
        if matches!(view.route, Some(PaymentRoute::Qr { .. })) {
            return Told::Wallet(OrderRefund::of(view));
        }
        let network = self.networks.index_of(view.route);
        let (Some(network), Some(original)) = (network, OriginalMessage::of(view)) else {
            return Told::Nobody;
        };
        let kind = ReversedKind::Approved;
        Told::Network(NewReversal {
            amount: view.amount,
            authorisation_code: view.authorisation_code,
            pre_authorisation: before.and_then(OriginalMessage::released),
            ..new_reversal(caller, kind, view.payment, network, original)
        })
    }

    /// The reversal is durable: who must know is told, and the terminal is answered.
    pub(crate) fn on_reversal_begun(
        &mut self,
        id: u64,
        in_flight: InFlight,
        answer: Result<Vec<Event>, Refusal>,
    ) {
        let events = match answer {
            Ok(events) => events,
            // It was reversed before, or there is nothing left to reverse.
            Err(Refusal::Repeated) => Vec::new(),
            Err(refusal) => {
                let code = match refusal {
                    Refusal::PaymentState => ResponseCode::INVALID_TRANSACTION,
                    refusal => response_code::of_refusal(&refusal),
                };
                return self.finish(id, in_flight, code);
            }
        };
        let kind = events.iter().find_map(|event| match event {
            Event::PaymentUnknown { .. } => Some(ReversedKind::UnknownPurchase),
            Event::ReversalBegun { .. } => Some(ReversedKind::Approved),
            Event::CompletionUnknown { .. } => Some(ReversedKind::UnknownCompletion),
            Event::VoidReversalBegun { .. } => Some(ReversedKind::Void),
            _ => None,
        });
        if let (Some(kind), InFlightState::Reversal(ReversalWork::Beginning(told))) =
            (kind, &in_flight.work)
        {
            match told {
                Told::Network(reversal) => {
                    self.networks.reverse(id, NewReversal { kind, ..*reversal }, &mut self.step);
                }
                // The buyer has not paid.
                Told::Wallet(order) if kind == ReversedKind::UnknownPurchase => {
                    self.wallet.end(order.payment, &mut self.step);
                }
                Told::Wallet(order) => self.wallet.refund(*order),
                Told::Nobody => {}
            }
        }
        self.finish(id, in_flight, ResponseCode::APPROVED);
    }
}

/// Decides about the reversal of a transaction. The books reverse any payment that still stands, so
/// a transaction that must not be reversed is stopped here.
fn decide(view: &TransactionView, before_known: bool) -> Decision {
    use TransactionKind as K;
    let payment = view.payment;
    let waits = view.response_code.is_none();
    if matches!(view.kind, K::Refund | K::Advice) {
        // Both stand once the books have them.
        return Decision::Answer(ResponseCode::ORIGINAL_NOT_FOUND);
    }
    if view.reversed || !(waits || view.counts_in_batch) {
        return Decision::Answer(ResponseCode::APPROVED);
    }
    if view.kind == K::Void {
        let by_card = matches!(view.route, Some(PaymentRoute::Card { .. }));
        if waits && by_card {
            return Decision::Begin(Command::ReverseVoid(ReverseVoid { payment }));
        }
        // An answered void stands, and a QR refund is answered at once.
        return Decision::Answer(ResponseCode::INVALID_TRANSACTION);
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
        return Decision::Answer(ResponseCode::INVALID_TRANSACTION);
    }
    if let (K::Completion, Some(original)) = (view.kind, view.original())
        && !waits
        && !before_known
    {
        return Decision::QueryPreAuthorisation(original);
    }
    Decision::Begin(Command::BeginReversal(BeginReversal { payment }))
}
