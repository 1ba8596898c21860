//! Requests about an original transaction: voids, completions, refunds and QR status inquiries.

use books::terminal_view::TransactionView;
use books::{
    BeginCompletion, BeginRefund, BeginVoid, Command, DuplicateKey, DuplicateSubject, Event,
    PaymentRoute, Refusal, ResponseCode, TransactionKind,
};
use iso8583::UnsealedMessage;

use super::Terminals;
use super::in_flight::{
    InFlight, InFlightState, Leg, LegKind, RequestSubject, message_kind, new_reversal,
};
use super::request::TerminalRequest;
use super::responses::ResponseFields;
use crate::dialect::RequestKind;
use crate::port::{OperatorEvent, Query};
use crate::sides::{
    NetworkMessage, NewReversal, OrderRefund, OriginalMessage, Rejection, ReversedKind,
    format_error,
};

/// Field 60.1.
const VOID_OF_COMPLETION: u8 = 21;

impl Terminals<'_> {
    /// Queries the original in the books.
    pub(crate) fn begin_follow_up(
        &mut self,
        request: &TerminalRequest<'_>,
    ) -> Result<(), Rejection> {
        let original = request.original().map_err(format_error)?;
        let subject = RequestSubject::Original(original);
        let in_flight = InFlight::new(request.caller, subject, InFlightState::LookingUpOriginal);
        self.begin_query(in_flight, Query::Transaction(original));
        Ok(())
    }

    /// The books have answered the query for the original.
    pub(crate) fn on_original(
        &mut self,
        id: u64,
        in_flight: InFlight,
        view: Option<&TransactionView>,
    ) {
        let (kind, amount) = (in_flight.caller.kind, in_flight.caller.header.amount());
        let Some(view) = view else {
            return self.decline(id, in_flight, ResponseCode::ORIGINAL_NOT_FOUND, None);
        };
        if kind == RequestKind::QrStatus {
            let code = match view.response_code {
                _ if view.kind != TransactionKind::Qr => ResponseCode::INVALID_TRANSACTION,
                None => ResponseCode::QR_PENDING,
                Some(_) if view.reversed => ResponseCode::OUTCOME_UNKNOWN,
                Some(code) => code,
            };
            return self.finish(id, in_flight, code);
        }
        // UnionPay's kind 21 is the void of a completion only.
        let other = in_flight.caller.header.transaction_type == VOID_OF_COMPLETION
            && view.kind != TransactionKind::Completion;
        let partial = matches!(kind, RequestKind::Completion | RequestKind::Refund);
        let code = match () {
            () if other || !fits(kind, view.kind) => ResponseCode::INVALID_TRANSACTION,
            () if amount.is_zero() => ResponseCode::INVALID_AMOUNT,
            () if amount > view.amount || (!partial && amount != view.amount) => {
                ResponseCode::AMOUNT_MISMATCH
            }
            () => ResponseCode::APPROVED,
        };
        if code != ResponseCode::APPROVED {
            return self.decline(id, in_flight, code, None);
        }
        if view.route.is_some_and(|route| !self.step.settings.has(route)) {
            let why = not_in_settings(view.route).to_owned();
            return self.decline(id, in_flight, ResponseCode::NETWORK_UNAVAILABLE, Some(why));
        }
        self.begin_about(id, in_flight, view);
    }

    fn begin_about(&mut self, id: u64, mut in_flight: InFlight, view: &TransactionView) {
        let caller = &in_flight.caller;
        let (trace, date) = (caller.header.trace(), caller.header.local_date);
        let (payment, amount) = (view.payment, caller.header.amount());
        let original = DuplicateSubject::Original {
            batch: view.trace.batch,
            stan: view.trace.stan,
            pre_authorisation: view.kind == TransactionKind::PreAuthorisation,
        };
        let duplicate_key = DuplicateKey { date, subject: original };
        let Some(network) = self.networks.index_of(view.route) else {
            // Cash or an order: no network is asked.
            in_flight.work = match caller.kind {
                RequestKind::QrRefund => InFlightState::BeginningOrderRefund(OrderRefund::of(view)),
                RequestKind::CashRefund => InFlightState::RecordingCash,
                _ => return self.finish(id, in_flight, ResponseCode::SYSTEM_ERROR),
            };
            let network_reference = None;
            let void = BeginVoid { trace, duplicate_key, payment, network_reference };
            return self.command(id, in_flight, Command::BeginVoid(void));
        };
        let network_reference = self.networks.next_reference(network, self.step.now);
        if caller.kind == RequestKind::Refund {
            let offline = view.kind == TransactionKind::Advice;
            let subject = view
                .network_reference
                .map(|message| DuplicateSubject::Refunded { message, offline });
            let original = subject.and_then(OriginalMessage::refunded);
            let (Some(subject), Some(original)) = (subject, original) else {
                return self.finish(id, in_flight, ResponseCode::SYSTEM_ERROR);
            };
            let duplicate_key = DuplicateKey { date, subject };
            in_flight.work = InFlightState::BeginningRefund(NewReversal {
                network_reference: Some(network_reference),
                ..new_reversal(caller, ReversedKind::Refund(trace), payment, network, original)
            });
            let refund = BeginRefund { trace, duplicate_key, payment, amount, network_reference };
            return self.command(id, in_flight, Command::BeginRefund(refund));
        }
        let (asked, command) = if caller.kind == RequestKind::Completion {
            let completion =
                BeginCompletion { trace, duplicate_key, payment, amount, network_reference };
            let release = OriginalMessage::released(view);
            (
                LegKind::Completion(view.parcel, payment, release),
                Command::BeginCompletion(completion),
            )
        } else {
            let network_reference = Some(network_reference);
            let void = BeginVoid { trace, duplicate_key, payment, network_reference };
            (LegKind::Void(payment), Command::BeginVoid(void))
        };
        let leg = Leg { network, sent: network_reference, asked };
        match self.write_about(&in_flight, &leg, view) {
            Ok(message) => {
                in_flight.work = InFlightState::Beginning(leg, message);
                self.command(id, in_flight, command);
            }
            Err(why) => {
                self.step.report(OperatorEvent::KeyStoreError(why));
                self.finish(id, in_flight, ResponseCode::SYSTEM_ERROR);
            }
        }
    }

    /// Writes the void or completion for the network.
    fn write_about(
        &self,
        in_flight: &InFlight,
        leg: &Leg,
        view: &TransactionView,
    ) -> Result<UnsealedMessage, String> {
        let caller = &in_flight.caller;
        let request = NetworkMessage {
            kind: message_kind(caller.kind),
            reversal: false,
            repeat: false,
            amount: Some(caller.header.amount()),
            network_reference: leg.sent,
            terminal: caller.header.terminal_id(),
            merchant: caller.header.merchant,
            local_time_and_date: self.local_time_and_date(caller, leg.sent.sent_at),
            authorisation_code: view.authorisation_code,
            original: OriginalMessage::of(view),
            card: None,
        };
        let message = self.networks.write(leg.network, &request, &self.step);
        message.map_err(|error| error.to_string())
    }

    /// The refund is durable: it is queued for the network, and the terminal is answered at once.
    pub(crate) fn on_refund_begun(
        &mut self,
        id: u64,
        in_flight: InFlight,
        answer: Result<Vec<Event>, Refusal>,
    ) {
        let Some((in_flight, _)) = self.begun(id, in_flight, answer) else { return };
        let InFlightState::BeginningRefund(refund) = in_flight.work else { return };
        let queued = self.step.next_id();
        self.networks.reverse(queued, refund, &mut self.step);
        let network_reference = refund.network_reference;
        let answer = ResponseFields { network_reference, ..ResponseFields::default() };
        self.finish_with(id, in_flight, ResponseCode::APPROVED, &answer);
    }
}

/// Field 44 for a request about a payment whose network or wallet is not in the settings.
pub(crate) const fn not_in_settings(route: Option<PaymentRoute>) -> &'static str {
    match route {
        Some(PaymentRoute::Qr { .. }) => "wallet not in settings",
        _ => "network not in settings",
    }
}

/// Whether a request can have an original of this kind.
fn fits(kind: RequestKind, original: TransactionKind) -> bool {
    use TransactionKind as K;
    match kind {
        RequestKind::Void | RequestKind::Refund => {
            matches!(original, K::Sale | K::Completion | K::Advice)
        }
        RequestKind::VoidPreAuthorisation | RequestKind::Completion => {
            original == K::PreAuthorisation
        }
        RequestKind::CashRefund => original == K::Cash,
        RequestKind::QrRefund => original == K::Qr,
        _ => false,
    }
}
