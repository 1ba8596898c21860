//! Terminal requests in flight, from the first command to the answer.

use books::terminal_view::TransactionView;
use books::{
    AuthorisationCode, BatchTotals, DuplicateKey, DuplicateSubject, Event, NetworkReference,
    ParcelId, PaymentId, Refusal, ResponseCode, Timestamp, Trace, WalletId,
};
use iso8583::WipedBytes;
use money::Amount;

use crate::operator_event::OperatorEvent;
use crate::port::{Output, TerminalConnection, WalletNotification};
use crate::request::{AnsweredRequest, RequestHeader, RequestKind, TerminalRequest};
use crate::responses::ResponseFields;
use crate::switch::Switch;

/// A terminal request in flight.
pub(crate) struct InFlight {
    pub connection: TerminalConnection,
    pub header: RequestHeader,
    pub kind: RequestKind,
    pub state: InFlightState,
    pub duplicate_key: DuplicateKey,
    pub amount: Amount,
    /// Index of the network in the settings.
    pub network_index: usize,
    /// Of the message to the network.
    pub network_reference: Option<NetworkReference>,
    /// The message for the network, until the books have begun the payment.
    pub network_message: Option<WipedBytes>,
    pub payment: Option<PaymentId>,
    /// The parcel, where the request is a payment.
    pub parcel: Option<ParcelId>,
    /// Field 61: trace of the original transaction.
    pub original_trace: Option<Trace>,
    /// The original transaction, as the books have it.
    pub original: Option<Box<TransactionView>>,
    pub authorisation_code: Option<AuthorisationCode>,
    /// The terminal's totals of its batch.
    pub totals: Option<BatchTotals>,
    /// Field 55 of the network's response.
    pub chip_data: Vec<u8>,
    /// The network's own code, where the terminal gets another one.
    pub network_code: Option<ResponseCode>,
    /// The terminal's message of an offline sale, which may have to be forwarded again.
    pub terminal_message: Option<WipedBytes>,
    /// The terminal's reversal, which waits until the books have begun this payment.
    pub waiting_reversal: Option<u64>,
    /// The terminal has reversed this request and does not wait for its answer.
    pub reversed: bool,
}

/// What a request in flight waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InFlightState {
    /// A reversal: the books record it, unless they have the original.
    RecordingReversal,
    /// The original transaction in the books.
    LookingUpOriginal,
    /// The books to begin it durably.
    BeginningInBooks,
    /// The network's response.
    AwaitingNetwork,
    /// The books to record the response, of which the terminal gets this code.
    RecordingResponse(ResponseCode),
    /// The books to record that the outcome is unknown. Then the reversal with this id begins.
    RecordingUnknown(u64),
    /// The first answer in the books, for a repeat.
    LookingUpFirstResponse,
    /// Whether the books already have the uploaded lines.
    CheckingUpload,
}

/// What continues when the books have answered a command or a query.
#[derive(Debug)]
pub(crate) enum Continuation {
    /// A message of a terminal that has no session yet.
    Terminal(TerminalConnection, WipedBytes),
    Request(u64),
    /// A sign-on, totals, or an upload.
    Batch(u64),
    /// A queued reversal or refund that was acknowledged.
    ReversalAcknowledged(u64),
    /// A terminal's reversal.
    Reversal(u64),
    WalletNotification(Box<WalletNotification>, u64),
    /// A wallet's query for the status of an order.
    WalletQuery(WalletId, u64),
    /// A wallet's order is recorded as paid.
    WalletPaid(Box<WalletNotification>, Box<TransactionView>, u64),
    /// A wallet's order is recorded as expired.
    WalletOrderExpired(u64),
    /// A reversal that continues after a restart.
    Resumed(u64),
    /// The search for expired pre-authorisations.
    Expiry,
    /// The scan for closed parcels to forget.
    RetentionScan,
    /// Nothing. A refusal is ignored: a QR code may be paid at the moment at which it expires.
    QrExpired,
    /// Nothing. A refusal is reported to the operator, unless it is a repeat.
    ReportRefusal,
}

impl Switch {
    /// Adds a request and marks its trace as active.
    pub(crate) fn begin_request(&mut self, in_flight: InFlight) -> u64 {
        let id = self.next_id();
        if in_flight.kind.uses_stan() {
            self.active_traces.insert(in_flight.header.trace(), id);
        }
        self.requests.insert(id, in_flight);
        id
    }

    pub(crate) fn end_request(&mut self, id: u64) -> Option<InFlight> {
        let in_flight = self.requests.remove(&id)?;
        if in_flight.kind.uses_stan()
            && self.active_traces.get(&in_flight.header.trace()) == Some(&id)
        {
            self.active_traces.remove(&in_flight.header.trace());
        }
        Some(in_flight)
    }

    /// Ends a request and answers its terminal.
    pub(crate) fn finish(
        &mut self,
        id: u64,
        code: ResponseCode,
        answer: &ResponseFields<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(in_flight) = self.end_request(id) else { return };
        if let Some(reversal) = in_flight.waiting_reversal {
            // The terminal waits for its reversal now. The books say what there is to reverse.
            return self.record_reversal(reversal, out);
        }
        if in_flight.reversed {
            return;
        }
        match code {
            ResponseCode::APPROVED => out.extend(self.approval(&in_flight)),
            ResponseCode::QR_PENDING => {}
            code => {
                let (terminal, stan) = (in_flight.header.terminal_id(), in_flight.header.stan);
                out.push(Output::OperatorEvent(OperatorEvent::Refused { terminal, stan, code }));
            }
        }
        self.reply(
            in_flight.connection,
            AnsweredRequest { header: &in_flight.header, kind: in_flight.kind },
            code,
            answer,
            now,
            out,
        );
    }
}

impl Switch {
    /// The event of an approved purchase. `None` for other requests and for repeats.
    fn approval(&self, in_flight: &InFlight) -> Option<Output> {
        let is_purchase = matches!(
            in_flight.kind,
            RequestKind::Sale
                | RequestKind::PreAuthorisation
                | RequestKind::Completion
                | RequestKind::Advice
                | RequestKind::Cash
        );
        if !is_purchase || in_flight.state == InFlightState::LookingUpFirstResponse {
            return None;
        }
        let original = in_flight.original.as_deref();
        let reference = in_flight.network_reference;
        let network = reference.and_then(|_| self.networks.get(in_flight.network_index));
        Some(Output::OperatorEvent(OperatorEvent::Approved {
            trace: in_flight.header.trace(),
            parcel: in_flight.parcel.or(original.map(|view| view.parcel)),
            network: network.map(|network| network.settings.network),
            network_reference: reference,
            wallet: None,
            amount: in_flight.amount,
            currency: self.settings.currency,
        }))
    }
}

impl InFlight {
    /// A request without a network yet.
    pub(crate) fn new(connection: TerminalConnection, request: &TerminalRequest<'_>) -> InFlight {
        InFlight {
            connection,
            header: request.header,
            kind: request.kind,
            state: InFlightState::BeginningInBooks,
            duplicate_key: DuplicateKey {
                date: request.header.local_date,
                subject: DuplicateSubject::NoCard,
            },
            amount: Amount::new(request.header.amount.unwrap_or(0)).unwrap_or(Amount::ZERO),
            network_index: 0,
            network_reference: None,
            network_message: None,
            payment: None,
            parcel: None,
            original_trace: None,
            original: None,
            authorisation_code: None,
            totals: None,
            chip_data: Vec::new(),
            network_code: None,
            terminal_message: None,
            waiting_reversal: None,
            reversed: false,
        }
    }

    /// Whether the request goes to a network and can be reversed there. Refunds and offline sales
    /// stand once the books have them.
    pub(crate) const fn is_reversible(&self) -> bool {
        matches!(
            self.kind,
            RequestKind::Sale
                | RequestKind::PreAuthorisation
                | RequestKind::Completion
                | RequestKind::Void
                | RequestKind::VoidPreAuthorisation
        )
    }
}

/// Reports a refused command that nobody waits for. A repeat is no error.
pub(crate) fn report_refusal(answer: Result<Vec<Event>, Refusal>, out: &mut Vec<Output>) {
    if let Err(refusal) = answer
        && refusal != Refusal::Repeated
    {
        out.push(Output::OperatorEvent(OperatorEvent::UnexpectedRefusal(refusal.to_string())));
    }
}
