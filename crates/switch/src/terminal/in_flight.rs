//! Terminal requests in flight, from the first command to the answer: whom each answers, and what it
//! waits for.

use books::terminal_view::TransactionView;
use books::{
    AuthorisationCode, BatchTotals, CardToken, Command, Event, NetworkReference, ParcelId,
    PaymentId, RecordReversalWithoutOriginal, Refusal, ResponseCode, Timestamp, Trace,
};
use iso8583::WipedBytes;
use machine::Actor;
use money::Amount;

use super::Terminals;
use super::request::{Caller, KeptRequest};
use super::responses::ResponseFields;
use super::session_keys::NewSession;
use crate::dialect::{MessageKind, RequestKind};
use crate::port::{OperatorEvent, Query};
use crate::response_code;
use crate::sides::{Expected, NewReversal, OrderRefund, OriginalMessage, ReversedKind};
use crate::step::Continuation;

/// A terminal request in flight.
pub(crate) struct InFlight {
    pub caller: Caller,
    pub subject: Subject,
    pub work: Work,
    /// The terminal's reversal, which waits until the books have begun this request.
    pub waiting_reversal: Option<u64>,
    /// The terminal has reversed this request and does not wait for its answer.
    pub reversed: bool,
}

/// What a repeat has in common with its request, besides kind, amount and date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Nothing,
    Parcel(ParcelId),
    Card(ParcelId, CardToken),
    /// The original transaction of field 61.
    Original(Trace),
}

/// What a request waits for, with what goes on from there.
pub(crate) enum Work {
    /// Sign-on: the books open this batch. The terminal has proved itself in this session, if it
    /// must.
    OpeningBatch(u32, Option<Box<NewSession>>),
    /// Parameter download: the books look the terminal up.
    Parameters,
    /// The books look up what the courier has out.
    Parcels,
    /// The books close the batch, of which the terminal has these totals.
    ClosingBatch(BatchTotals),
    /// The batch is closed already: the books look up its totals.
    LookingUpTotals(BatchTotals),
    /// The books compare the uploaded lines.
    ComparingLines,
    /// Lines are missing, or this is a repeat: whether the books still expect them.
    CheckingUpload,
    /// Void, completion, refund, status of an order: the books look the original up.
    LookingUpOriginal,
    /// The books record cash, or a cash refund.
    RecordingCash,
    /// The books begin an order, which is shown as a code.
    BeginningOrder(ParcelId, NetworkReference),
    /// The books begin an order's refund.
    BeginningOrderRefund(OrderRefund),
    /// The books begin a card refund, which is then sent until the network acknowledges it.
    BeginningRefund(NewReversal),
    /// The books begin what this message then asks of the network.
    Beginning(Leg, WipedBytes),
    /// The same for an offline sale. If the books have it, it may have to be forwarded again.
    BeginningOfflineSale(Leg, WipedBytes, Box<KeptRequest>),
    /// The network's response to a balance inquiry.
    AwaitingBalance(Leg),
    /// The network's response.
    AwaitingNetwork(Leg, PaymentId),
    /// The books record the response.
    RecordingResponse(Leg, PaymentId, Response),
    /// The books record that the outcome is unknown. Then the reversal with this id begins.
    RecordingUnknown(Leg, PaymentId, u64),
    /// A repeat: the books look its first answer up.
    LookingUpFirst,
    LookingUpOfflineSale(Box<KeptRequest>),
    Reversal(ReversalWork),
}

/// What a terminal's reversal waits for.
pub(crate) enum ReversalWork {
    /// The books to begin the request that it reverses.
    Waiting,
    /// The books record it, unless they have the original.
    Recording,
    /// The books look the original up.
    LookingUpOriginal,
    /// The books look up the pre-authorisation of this completion.
    LookingUpPreAuthorisation(Box<TransactionView>),
    /// The books begin it. Then it is told onwards.
    Beginning(Told),
}

/// Who is told of a terminal's reversal.
pub(crate) enum Told {
    Network(NewReversal),
    Wallet(OrderRefund),
    Nobody,
}

/// A request that a network has, or gets next.
#[derive(Clone, Copy)]
pub(crate) struct Leg {
    /// Index of the network in the settings.
    pub network: usize,
    /// Of the message to the network.
    pub sent: NetworkReference,
    pub asked: Asked,
}

/// What a network is asked.
#[derive(Clone, Copy)]
pub(crate) enum Asked {
    Balance,
    /// A sale or a pre-authorisation.
    Purchase(ParcelId),
    /// The code with which the terminal approved it.
    OfflineSale(ParcelId, Option<AuthorisationCode>),
    /// Of this payment; a reversal of it may have to release the pre-authorisation.
    Completion(ParcelId, PaymentId, Option<(OriginalMessage, Amount)>),
    Void(PaymentId),
}

/// A network's response, as the terminal gets it.
pub(crate) struct Response {
    pub code: ResponseCode,
    pub authorisation_code: Option<AuthorisationCode>,
    pub chip_data: Vec<u8>,
    /// The network's own code, where the terminal gets another one.
    pub network_code: Option<ResponseCode>,
}

impl Leg {
    pub(crate) fn expected(&self, id: u64, caller: &Caller) -> Expected {
        let (terminal, amount) = (caller.header.terminal_id(), caller.header.amount());
        Expected { id, network: self.network, sent: self.sent, terminal, amount }
    }

    /// The reversal of the request. `None` if it stands once the books have it.
    pub(crate) fn reversal(&self, caller: &Caller, payment: PaymentId) -> Option<NewReversal> {
        let (kind, pre_authorisation) = match self.asked {
            Asked::Purchase(_) => (ReversedKind::UnknownPurchase, None),
            Asked::Completion(_, _, release) => (ReversedKind::UnknownCompletion, release),
            Asked::Void(_) => (ReversedKind::Void, None),
            Asked::OfflineSale(..) | Asked::Balance => return None,
        };
        let kind_sent = message_kind(caller.kind);
        let original = OriginalMessage { kind: kind_sent, network_reference: self.sent };
        Some(NewReversal {
            pre_authorisation,
            ..new_reversal(caller, kind, payment, self.network, original)
        })
    }
}

/// A reversal or refund that a terminal's request asks for.
pub(crate) fn new_reversal(
    caller: &Caller,
    kind: ReversedKind,
    payment: PaymentId,
    network: usize,
    original: OriginalMessage,
) -> NewReversal {
    NewReversal {
        kind,
        payment,
        network,
        terminal: caller.header.terminal_id(),
        merchant: caller.header.merchant,
        amount: caller.header.amount(),
        authorisation_code: None,
        original,
        pre_authorisation: None,
        network_reference: None,
    }
}

/// The message to a network for a request.
pub(crate) const fn message_kind(kind: RequestKind) -> MessageKind {
    match kind {
        RequestKind::Balance => MessageKind::Balance,
        RequestKind::PreAuthorisation => MessageKind::PreAuthorisation,
        RequestKind::VoidPreAuthorisation => MessageKind::VoidPreAuthorisation,
        RequestKind::Completion => MessageKind::Completion,
        RequestKind::Void => MessageKind::Void,
        RequestKind::Refund => MessageKind::Refund,
        RequestKind::Advice => MessageKind::OfflineSale,
        _ => MessageKind::Sale,
    }
}

impl InFlight {
    pub(crate) const fn new(caller: Caller, subject: Subject, work: Work) -> InFlight {
        InFlight { caller, subject, work, waiting_reversal: None, reversed: false }
    }

    /// The event of an approved purchase. `None` for other requests and for repeats.
    fn approval(&self, terminals: &Terminals<'_>) -> Option<OperatorEvent> {
        let (parcel, leg) = match (&self.work, self.subject) {
            (Work::RecordingCash, Subject::Parcel(parcel)) => (parcel, None),
            (Work::RecordingResponse(leg, ..), _) => match leg.asked {
                Asked::Purchase(parcel)
                | Asked::OfflineSale(parcel, _)
                | Asked::Completion(parcel, ..) => (parcel, Some(leg)),
                Asked::Void(_) | Asked::Balance => return None,
            },
            _ => return None,
        };
        let header = &self.caller.header;
        let session = terminals.tables.sessions.get(&header.terminal)?;
        Some(OperatorEvent::Approved {
            trace: header.trace(),
            parcel: Some(parcel),
            network: leg.map(|leg| terminals.networks.settings(leg.network).network),
            network_reference: leg.map(|leg| leg.sent),
            wallet: None,
            amount: header.amount(),
            currency: session.currency,
        })
    }
}

impl Terminals<'_> {
    /// Gives a request its number, and marks its trace as active.
    pub(crate) fn admit(&mut self, in_flight: &InFlight) -> u64 {
        let id = self.step.next_id();
        if in_flight.caller.kind.uses_stan() {
            self.tables.active_traces.insert(in_flight.caller.header.trace(), id);
        }
        id
    }

    /// Begins a request with a command by the terminal.
    pub(crate) fn begin(&mut self, in_flight: InFlight, command: Command) {
        let id = self.admit(&in_flight);
        self.command(id, in_flight, command);
    }

    /// The request goes on when the books have answered a command by the terminal.
    pub(crate) fn command(&mut self, id: u64, in_flight: InFlight, command: Command) {
        let by = Actor::Terminal(in_flight.caller.header.terminal_id());
        self.command_by(id, in_flight, by, command);
    }

    pub(crate) fn command_by(&mut self, id: u64, in_flight: InFlight, by: Actor, command: Command) {
        self.tables.requests.insert(id, in_flight);
        self.step.command(Continuation::Request(id), by, command);
    }

    /// Begins a request with a query.
    pub(crate) fn begin_query(&mut self, in_flight: InFlight, query: Query) {
        let id = self.admit(&in_flight);
        self.query(id, in_flight, query);
    }

    /// The request goes on when the books have answered a query.
    pub(crate) fn query(&mut self, id: u64, in_flight: InFlight, query: Query) {
        self.tables.requests.insert(id, in_flight);
        self.step.query(Continuation::Request(id), query);
    }

    /// The books have answered the first command of a payment. Returns its events if they have begun
    /// it.
    pub(crate) fn begun(
        &mut self,
        id: u64,
        mut in_flight: InFlight,
        answer: Result<Vec<Event>, Refusal>,
    ) -> Option<(InFlight, Vec<Event>)> {
        let refusal = match answer {
            Ok(events) => return Some((in_flight, events)),
            Err(refusal) => refusal,
        };
        let header = in_flight.caller.header;
        if refusal == Refusal::Repeated && in_flight.waiting_reversal.is_none() {
            // The first request has ended, or began before a crash.
            in_flight.work = match in_flight.work {
                Work::BeginningOfflineSale(_, _, kept) => Work::LookingUpOfflineSale(kept),
                _ => Work::LookingUpFirst,
            };
            self.query(id, in_flight, Query::Transaction(header.trace()));
            return None;
        }
        if let Refusal::WrongBatch(open) = refusal
            && let Some(session) = self.tables.sessions.get_mut(&header.terminal)
        {
            session.batch = open;
        }
        self.finish(id, in_flight, response_code::of_refusal(&refusal));
        None
    }

    /// Ends a request without an answer.
    pub(crate) fn end(&mut self, id: u64, in_flight: &InFlight) {
        let trace = in_flight.caller.header.trace();
        if in_flight.caller.kind.uses_stan() && self.tables.active_traces.get(&trace) == Some(&id) {
            self.tables.active_traces.remove(&trace);
        }
    }

    pub(crate) fn finish(&mut self, id: u64, in_flight: InFlight, code: ResponseCode) {
        self.finish_with(id, in_flight, code, &ResponseFields::default());
    }

    /// Ends a request and answers its terminal.
    pub(crate) fn finish_with(
        &mut self,
        id: u64,
        in_flight: InFlight,
        code: ResponseCode,
        answer: &ResponseFields<'_>,
    ) {
        self.end(id, &in_flight);
        if let Some(id) = in_flight.waiting_reversal {
            // The terminal waits for its reversal now. The books say what there is to reverse.
            if let Some(reversal) = self.tables.requests.remove(&id) {
                self.record_reversal(id, reversal);
            }
            return;
        }
        if in_flight.reversed {
            return;
        }
        match code {
            ResponseCode::APPROVED => {
                if let Some(event) = in_flight.approval(self) {
                    self.step.report(event);
                }
            }
            ResponseCode::QR_PENDING => {}
            code => self.report_refused(&in_flight.caller, code),
        }
        self.reply(&in_flight.caller, code, answer);
    }

    /// Records the reversal before querying the original, so that the original is refused if it
    /// arrives meanwhile.
    pub(crate) fn record_reversal(&mut self, id: u64, mut in_flight: InFlight) {
        in_flight.work = Work::Reversal(ReversalWork::Recording);
        let trace = in_flight.caller.header.trace();
        let command = RecordReversalWithoutOriginal { trace };
        self.command(id, in_flight, Command::RecordReversalWithoutOriginal(command));
    }

    /// Fields 12 and 13 of a message to a network: the terminal's, where it sends them.
    pub(crate) fn local_time_and_date(&self, caller: &Caller, sent_at: Timestamp) -> (u32, u16) {
        let (time, date) = self.step.settings.local_time_and_date(sent_at);
        let header = &caller.header;
        let own_date = Some(header.local_date).filter(|date| *date > 0);
        (header.local_time.unwrap_or(time), own_date.unwrap_or(date))
    }
}
