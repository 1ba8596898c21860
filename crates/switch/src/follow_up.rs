//! Requests about an original transaction: voids, completions, refunds and QR status inquiries.

use books::terminal_view::TransactionView;
use books::{
    BeginCompletion, BeginRefund, BeginVoid, Command, DuplicateSubject, PaymentRoute, ResponseCode,
    Timestamp, TransactionKind,
};
use iso8583::{Mti, WipedBytes};

use crate::card;
use crate::in_flight::{Continuation, InFlight, InFlightState};
use crate::network::{NetworkMessageType, OutgoingNetworkRequest as Message};
use crate::operator_event::OperatorEvent;
use crate::payments::{Rejection, format_error, rejection};
use crate::port::{Output, Query, TerminalConnection};
use crate::request::{RequestKind, TerminalRequest};
use crate::responses::ResponseFields;
use crate::reversal_queue::{NewReversal, OriginalMessage, QueuedReversalKind};
use crate::switch::Switch;

impl Switch {
    /// Queries the original in the books.
    pub(crate) fn begin_follow_up(
        &mut self,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        out: &mut Vec<Output>,
    ) -> Result<(), Rejection> {
        let original = request.original().map_err(format_error)?;
        let mut in_flight = InFlight::new(connection, request);
        in_flight.state = InFlightState::LookingUpOriginal;
        in_flight.original_trace = Some(original);
        let id = self.begin_request(in_flight);
        self.query(Continuation::Request(id), Query::Transaction(original), out);
        Ok(())
    }

    /// The books have answered the query for the original.
    pub(crate) fn on_original(
        &mut self,
        id: u64,
        view: Option<TransactionView>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(in_flight) = self.requests.get(&id) else { return };
        let kind = in_flight.kind;
        let nothing = ResponseFields::default();
        if kind == RequestKind::Reversal {
            return self.on_reversal_original(id, view, now, out);
        }
        let Some(view) = view else {
            return self.finish(id, ResponseCode::ORIGINAL_NOT_FOUND, &nothing, now, out);
        };
        if kind == RequestKind::QrStatus {
            let code = match view.response_code {
                _ if view.kind != TransactionKind::Qr => ResponseCode::INVALID_TRANSACTION,
                None => ResponseCode::QR_PENDING,
                Some(_) if view.reversed => ResponseCode::OUTCOME_UNKNOWN,
                Some(code) => code,
            };
            return self.finish(id, code, &nothing, now, out);
        }
        if !fits(kind, view.kind) {
            return self.finish(id, ResponseCode::INVALID_TRANSACTION, &nothing, now, out);
        }
        let partial = matches!(kind, RequestKind::Completion | RequestKind::Refund);
        if in_flight.amount.is_zero() {
            return self.finish(id, ResponseCode::INVALID_AMOUNT, &nothing, now, out);
        }
        if in_flight.amount > view.amount || (!partial && in_flight.amount != view.amount) {
            return self.finish(id, ResponseCode::AMOUNT_MISMATCH, &nothing, now, out);
        }
        self.begin_about(id, view, now, out);
    }

    fn begin_about(
        &mut self,
        id: u64,
        view: TransactionView,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if view.route.is_some_and(|route| !self.is_in_settings(route)) {
            return self.finish(
                id,
                ResponseCode::NETWORK_UNAVAILABLE,
                &not_in_settings(view.route),
                now,
                out,
            );
        }
        let index = self.network_index_of(view.route);
        let Some(in_flight) = self.requests.get_mut(&id) else { return };
        if let Some(index) = index {
            in_flight.network_index = index;
            in_flight.network_reference = Some(self.networks[index].next_reference(now));
            if in_flight.kind != RequestKind::Refund
                && let Err(why) = self.write_about(id, &view)
            {
                out.push(Output::OperatorEvent(OperatorEvent::KeyStoreError(why)));
                return self.finish(
                    id,
                    ResponseCode::SYSTEM_ERROR,
                    &ResponseFields::default(),
                    now,
                    out,
                );
            }
        }
        let Some(in_flight) = self.requests.get_mut(&id) else { return };
        in_flight.duplicate_key.subject = match (in_flight.kind, view.network_reference) {
            (RequestKind::Refund, Some(message)) => DuplicateSubject::Refunded {
                message,
                offline: view.kind == TransactionKind::Advice,
            },
            _ => DuplicateSubject::Original {
                batch: view.trace.batch,
                stan: view.trace.stan,
                pre_authorisation: view.kind == TransactionKind::PreAuthorisation,
            },
        };
        let (trace, duplicate_key, sent) =
            (in_flight.header.trace(), in_flight.duplicate_key, in_flight.network_reference);
        let (payment, amount) = (view.payment, in_flight.amount);
        let command = match (in_flight.kind, sent) {
            (RequestKind::Completion, Some(sent)) => Command::BeginCompletion(BeginCompletion {
                trace,
                duplicate_key,
                payment,
                amount,
                network_reference: sent,
            }),
            (RequestKind::Refund, Some(sent)) => Command::BeginRefund(BeginRefund {
                trace,
                duplicate_key,
                payment,
                amount,
                network_reference: sent,
            }),
            (RequestKind::Completion | RequestKind::Refund, None) => {
                let nothing = ResponseFields::default();
                return self.finish(id, ResponseCode::SYSTEM_ERROR, &nothing, now, out);
            }
            _ => Command::BeginVoid(BeginVoid {
                trace,
                duplicate_key,
                payment,
                network_reference: sent,
            }),
        };
        in_flight.payment = Some(payment);
        in_flight.original = Some(Box::new(view));
        in_flight.state = InFlightState::BeginningInBooks;
        self.command(Continuation::Request(id), command, out);
    }

    /// Writes the void or completion for the network.
    fn write_about(&mut self, id: u64, view: &TransactionView) -> Result<(), String> {
        let Some(in_flight) = self.requests.get(&id) else { return Ok(()) };
        let (Some(sent), Some(original)) = (in_flight.network_reference, original_message(view))
        else {
            return Ok(());
        };
        let NetworkMessageType { mti, processing_code, condition_code } =
            network_message_type(in_flight.kind);
        let network_request = Message {
            mti,
            processing_code,
            condition_code,
            amount: Some(in_flight.amount),
            network_reference: sent,
            terminal: in_flight.header.terminal_id(),
            merchant: in_flight.header.merchant,
            local_time_and_date: self.local_time_and_date(&in_flight.header, sent),
            authorisation_code: view.authorisation_code,
            original: Some((original.mti, original.network_reference)),
            card: None,
        };
        let network = &self.networks[in_flight.network_index];
        let message = network.write_request(&network_request, &self.settings, &*self.keys)?;
        if let Some(in_flight) = self.requests.get_mut(&id) {
            in_flight.network_message = Some(message);
        }
        Ok(())
    }

    /// The refund is durable: it is queued for the network, and the terminal is answered at once.
    pub(crate) fn on_refund_begun(&mut self, id: u64, now: Timestamp, out: &mut Vec<Output>) {
        let queued = self.next_id();
        if let Some(in_flight) = self.requests.get(&id)
            && let (Some(payment), Some(original)) =
                (in_flight.payment, OriginalMessage::refunded(in_flight.duplicate_key.subject))
        {
            let what = QueuedReversalKind::Refund(in_flight.header.trace());
            let new_reversal = NewReversal {
                network_reference: in_flight.network_reference,
                ..NewReversal::of_request(in_flight, what, payment, original)
            };
            self.enqueue_reversal(queued, new_reversal, now, out);
        }
        let sent = self.requests.get(&id).and_then(|in_flight| in_flight.network_reference);
        self.finish(
            id,
            ResponseCode::APPROVED,
            &ResponseFields { network_reference: sent, ..ResponseFields::default() },
            now,
            out,
        );
    }

    /// Writes the repeat of an offline sale: for the same network and with the same STAN and time,
    /// so that the card is charged once.
    fn write_again(
        &mut self,
        id: u64,
        view: &TransactionView,
        out: &mut Vec<Output>,
    ) -> Result<WipedBytes, Rejection> {
        let index = self.network_index_of(view.route);
        let (Some(in_flight), Some(index), Some(sent)) =
            (self.requests.get_mut(&id), index, view.network_reference)
        else {
            return Err(rejection(ResponseCode::SYSTEM_ERROR));
        };
        in_flight.network_index = index;
        in_flight.network_reference = Some(sent);
        in_flight.authorisation_code = view.authorisation_code;
        let heard =
            in_flight.terminal_message.take().ok_or(rejection(ResponseCode::SYSTEM_ERROR))?;
        let request = TerminalRequest::parse(&heard).map_err(format_error)?;
        let pan = card::read_pan(&request.message)?;
        let sale = network_message_type(RequestKind::Advice);
        let repeat = NetworkMessageType { mti: sale.mti.repeat(), ..sale };
        self.write_card_request(&request, &pan, repeat, index, sent, out)
    }

    /// Forwards an offline sale again that the network has not acknowledged.
    pub(crate) fn forward_offline_sale_again(
        &mut self,
        id: u64,
        view: &TransactionView,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        match self.write_again(id, view, out) {
            Ok(message) => {
                if let Some(in_flight) = self.requests.get_mut(&id) {
                    (in_flight.network_message, in_flight.payment) =
                        (Some(message), Some(view.payment));
                }
                self.send_to_network(id, now, out);
            }
            Err((_, why)) => {
                let why = why.unwrap_or_else(|| "the offline sale cannot be forwarded".to_owned());
                out.push(Output::OperatorEvent(OperatorEvent::UnexpectedRefusal(why)));
                self.finish(id, ResponseCode::SYSTEM_ERROR, &ResponseFields::default(), now, out);
            }
        }
    }
}

/// The refusal of a request about a payment whose network or wallet is not in the settings.
pub(crate) fn not_in_settings(route: Option<PaymentRoute>) -> ResponseFields<'static> {
    let text = match route {
        Some(PaymentRoute::Qr { .. }) => "wallet not in settings",
        _ => "network not in settings",
    };
    ResponseFields { text: Some(text), ..ResponseFields::default() }
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

pub(crate) fn network_message_type(kind: RequestKind) -> NetworkMessageType {
    let (mti, processing_code, condition_code) = match kind {
        RequestKind::PreAuthorisation => (Mti::M0100, 30_000, 6),
        RequestKind::VoidPreAuthorisation => (Mti::M0100, 200_000, 6),
        RequestKind::Completion => (Mti::M0200, 0, 6),
        RequestKind::Void => (Mti::M0200, 200_000, 0),
        RequestKind::Refund => (Mti::M0220, 200_000, 0),
        RequestKind::Advice => (Mti::M0220, 0, 0),
        _ => (Mti::M0200, 0, 0),
    };
    NetworkMessageType { mti, processing_code, condition_code }
}

/// The message by which a network knows a transaction. `None` if no network was asked.
pub(crate) fn original_message(view: &TransactionView) -> Option<OriginalMessage> {
    let NetworkMessageType { mti, processing_code, condition_code } =
        network_message_type(match view.kind {
            TransactionKind::PreAuthorisation => RequestKind::PreAuthorisation,
            TransactionKind::Completion => RequestKind::Completion,
            TransactionKind::Void => match view.duplicate_key.subject {
                DuplicateSubject::Original { pre_authorisation: true, .. } => {
                    RequestKind::VoidPreAuthorisation
                }
                _ => RequestKind::Void,
            },
            TransactionKind::Refund => RequestKind::Refund,
            TransactionKind::Advice => RequestKind::Advice,
            _ => RequestKind::Sale,
        });
    let network_reference = view.network_reference?;
    Some(OriginalMessage { mti, processing_code, condition_code, network_reference })
}
