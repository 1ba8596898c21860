//! Terminal requests in flight: whom each answers, and what it waits for.

use books::terminal_view::TransactionView;
use books::{
    AuthorisationCode, BatchTotals, CardToken, NetworkReference, ParcelId, PaymentId,
    RequestDigest, ResponseCode, Trace,
};
use iso8583::UnsealedMessage;
use money::Amount;

use super::batches::StatedTotals;
use super::request::{Caller, KeptRequest};
use super::session_keys::UnusedSession;
use crate::dialect::{MessageKind, RequestKind};
use crate::sides::{ExpectedResponse, NewReversal, OrderRefund, OriginalMessage, ReversedKind};

/// Maximum of connections that wait for the answer to one request. A further one is answered with
/// 96.
pub(crate) const CALLERS_MAX: usize = 64;

/// A terminal request in flight.
pub(crate) struct InFlight {
    pub caller: Caller,
    /// Repeats over other connections. Each gets the answer.
    repeats: Vec<Caller>,
    pub subject: RequestSubject,
    pub work: InFlightState,
    /// The terminal's reversal, which waits until the books have begun this request.
    pub waiting_reversal: Option<u64>,
    /// The terminal has reversed this request and does not wait for its answer.
    pub reversed: bool,
    /// The card whose PIN the request tries.
    pub pin_try: Option<CardToken>,
}

/// What a repeat has in common with its request, besides kind, amount and date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestSubject {
    Nothing,
    Parcel(ParcelId),
    Card(ParcelId, CardToken),
    /// The card of a balance inquiry.
    CardAlone(CardToken),
    /// The original transaction of field 61.
    Original(Trace),
    /// A hash of what the request has in the place of a parcel or original that can be read.
    Unreadable(u64),
}

/// What a request waits for, with what goes on from there.
pub(crate) enum InFlightState {
    /// Sign-on: the books open this batch, and the terminal gets this session.
    OpeningBatch(u32, Option<Box<UnusedSession>>),
    /// Parameter download: the books look the terminal up.
    Parameters,
    /// The books look up what the courier has out.
    Parcels,
    /// The books close the batch, of which the terminal has these totals.
    ClosingBatch(StatedTotals, BatchTotals),
    /// The batch is closed already: the books look up its totals.
    LookingUpTotals(StatedTotals, BatchTotals),
    /// The batch is closed already with other totals: whether the books expect its lines.
    SettlingAgain(StatedTotals, BatchTotals),
    /// As [`LookingUpTotals`](Self::LookingUpTotals), of a batch whose lines the books expect.
    LookingUpDisputed(StatedTotals, BatchTotals),
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
    Beginning(Leg, UnsealedMessage),
    /// The same for an offline sale. If the books have it, it may have to be forwarded again.
    BeginningOfflineSale(Leg, UnsealedMessage, Box<KeptRequest>),
    /// The books record a balance inquiry, which is then sent.
    BeginningBalance(Leg, UnsealedMessage),
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
    /// The books record that the request is declined with this code, and text of field 44; or by
    /// the network that has it.
    Declining(ResponseCode, Option<String>, Option<Leg>),
    /// The request would be declined, and its trace is used: the books look up by what.
    LookingUpUsed,
    /// It is used by this refund: the books look up whether the request has the same original.
    LookingUpRefunded(Box<TransactionView>),
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
    pub asked: LegKind,
}

/// What a network is asked.
#[derive(Clone, Copy)]
pub(crate) enum LegKind {
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
    pub(crate) fn expected(&self, id: u64, caller: &Caller) -> ExpectedResponse {
        let (terminal, amount) = (caller.header.terminal_id(), caller.header.amount());
        ExpectedResponse { id, network: self.network, sent: self.sent, terminal, amount }
    }

    /// The reversal of the request. `None` if it stands once the books have it.
    pub(crate) fn reversal(&self, caller: &Caller, payment: PaymentId) -> Option<NewReversal> {
        let (kind, pre_authorisation) = match self.asked {
            LegKind::Purchase(_) => (ReversedKind::UnknownPurchase, None),
            LegKind::Completion(_, _, release) => (ReversedKind::UnknownCompletion, release),
            LegKind::Void(_) => (ReversedKind::Void, None),
            LegKind::OfflineSale(..) | LegKind::Balance => return None,
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
    pub(crate) const fn new(
        caller: Caller,
        subject: RequestSubject,
        work: InFlightState,
    ) -> InFlight {
        InFlight {
            caller,
            repeats: Vec::new(),
            subject,
            work,
            waiting_reversal: None,
            reversed: false,
            pin_try: None,
        }
    }

    pub(crate) fn with_pin(self, of: Option<CardToken>) -> InFlight {
        InFlight { pin_try: of, ..self }
    }

    /// Whom the answer goes to.
    pub(crate) fn callers(&self) -> impl Iterator<Item = &Caller> {
        std::iter::once(&self.caller).chain(&self.repeats)
    }

    /// Adds a repeat, which gets the answer as well: one for each connection. Returns false if too
    /// many wait.
    pub(crate) fn join(&mut self, caller: Caller) -> bool {
        let mut known = std::iter::once(&mut self.caller).chain(&mut self.repeats);
        if let Some(before) = known.find(|one| one.connection == caller.connection) {
            *before = caller;
        } else if self.repeats.len() + 1 < CALLERS_MAX {
            self.repeats.push(caller);
        } else {
            return false;
        }
        true
    }

    /// Adds those who wait for another request's answer, as far as there is room.
    pub(crate) fn join_all(&mut self, before: &InFlight) {
        for caller in before.callers() {
            if caller.connection != self.caller.connection {
                self.join(*caller);
            }
        }
    }

    /// What the books keep of the request if it has no transaction.
    pub(crate) fn digest(&self) -> RequestDigest {
        let header = &self.caller.header;
        let currency = header.currency.map_or(0, |[a, b, c]| u32::from_be_bytes([1, a, b, c]));
        let subject = match self.subject {
            RequestSubject::Nothing => [0; 4],
            RequestSubject::Parcel(parcel) => with_parcel(1, parcel, 0),
            RequestSubject::Card(parcel, card) => with_parcel(2, parcel, card.get()),
            RequestSubject::CardAlone(card) => [3, card.get(), 0, 0],
            RequestSubject::Original(Trace { terminal, batch, stan }) => {
                [4, terminal.0, u64::from(batch), u64::from(stan.get())]
            }
            RequestSubject::Unreadable(hash) => [5, hash, 0, 0],
        };
        // The numbers of the message and not the kind: other versions have other kinds.
        let content = [
            u64::from(header.mti.get()),
            u64::from(header.processing_code.unwrap_or(u32::MAX)),
            u64::from(header.transaction_type),
            header.amount.unwrap_or(u64::MAX),
            u64::from(header.local_date),
            u64::from(currency),
        ];
        RequestDigest::of(content.into_iter().chain(subject))
    }
}

fn with_parcel(kind: u64, parcel: ParcelId, card: u64) -> [u64; 4] {
    let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(u64::MAX);
    [kind, half(parcel.bits() >> 64), half(parcel.bits()), card]
}
