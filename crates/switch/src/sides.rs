//! What the sides of the switch ask of each other. They share nothing else: `terminal` knows
//! networks and the wallet by these traits only, and they know no other side.

use books::terminal_view::TransactionView;
use books::{
    AuthorisationCode, DuplicateSubject, NetworkReference, ParcelId, PaymentId, PaymentRoute,
    ResponseCode, RouteCandidate, TerminalId, Timestamp, Trace, TransactionKind, WalletId,
};
use iso8583::{Message, UnsealedMessage};
use keys::{KeyError, Pan, SessionKeys};
use money::{Amount, Currency};
use tariff::CardKind;

use crate::dialect::MessageKind;
use crate::settings::NetworkSettings;
use crate::step::Turn;

/// Why a request is rejected: response code and text of field 44.
pub(crate) type Rejection = (ResponseCode, Option<String>);

pub(crate) fn rejection(code: ResponseCode) -> Rejection {
    (code, None)
}

pub(crate) fn format_error(error: impl ToString) -> Rejection {
    (ResponseCode::FORMAT_ERROR, Some(error.to_string()))
}

/// What terminals ask of the card networks. A network is named by its index in the settings.
pub(crate) trait Networks {
    /// Chooses a network for a card payment.
    fn route(&mut self, payment: &CardPayment<'_>, now: Timestamp) -> Result<Route, Rejection>;
    /// The network of a payment. `None` for wallets, cash and unknown networks.
    fn index_of(&self, route: Option<PaymentRoute>) -> Option<usize>;
    fn settings(&self, network: usize) -> &NetworkSettings;
    /// STAN and time of the next message.
    fn next_reference(&mut self, network: usize, now: Timestamp) -> NetworkReference;
    /// Writes a message. Its MAC is computed when it is sent.
    fn write(
        &self,
        network: usize,
        request: &NetworkMessage<'_>,
        step: &Turn<'_>,
    ) -> Result<UnsealedMessage, WriteError>;
    /// Sends a message; its response comes as a [`NetworkResponse`]. Returns false if the network
    /// is down and has not received it.
    fn send(
        &mut self,
        message: UnsealedMessage,
        expected: ExpectedResponse,
        step: &mut Turn<'_>,
    ) -> bool;
    /// No response came in time. One that still comes belongs to the reversal, if there is one.
    fn time_out(
        &mut self,
        network: usize,
        sent: NetworkReference,
        reversal: Option<u64>,
        step: &mut Turn<'_>,
    );
    /// A response that still comes belongs to the reversal.
    fn expect_late(&mut self, network: usize, sent: NetworkReference, reversal: u64);
    /// Sends a reversal or refund until the network acknowledges it.
    fn reverse(&mut self, id: u64, reversal: NewReversal, step: &mut Turn<'_>);
}

/// What terminals ask of the wallet.
pub(crate) trait Orders {
    /// The next order: wallet, number and time.
    fn next(&mut self, step: &Turn<'_>) -> Option<(WalletId, NetworkReference)>;
    /// The text of an order's code.
    fn code(
        &self,
        order: Trace,
        parcel: ParcelId,
        amount: Amount,
        step: &Turn<'_>,
    ) -> Result<String, String>;
    /// The order can be paid for a while.
    fn open(&mut self, id: u64, payment: PaymentId, shown_at: Timestamp, step: &mut Turn<'_>);
    /// The order is not paid any more.
    fn end(&mut self, payment: PaymentId, step: &mut Turn<'_>);
    /// The wallet must refund the order.
    fn refund(&mut self, refund: OrderRefund);
}

/// A card payment to be routed.
pub(crate) struct CardPayment<'w> {
    pub pan: &'w Pan,
    pub amount: Amount,
    pub currency: Currency,
    /// An offline sale, which is already made: it may go over a withdrawn network.
    pub offline: bool,
}

/// The network of a card payment.
pub(crate) struct Route {
    pub network: usize,
    pub kind: CardKind,
    pub considered: Vec<RouteCandidate>,
}

/// The variable part of a message to a network.
#[derive(Clone, Copy)]
pub(crate) struct NetworkMessage<'q> {
    pub kind: MessageKind,
    /// The message reverses a message of this kind.
    pub reversal: bool,
    pub repeat: bool,
    pub amount: Option<Amount>,
    pub network_reference: NetworkReference,
    pub terminal: TerminalId,
    pub merchant: [u8; 15],
    /// `hhmmss` and `MMDD` at the terminal.
    pub local_time_and_date: (u32, u16),
    pub authorisation_code: Option<AuthorisationCode>,
    pub original: Option<OriginalMessage>,
    pub card: Option<SentCard<'q>>,
}

/// The card of a message, from the terminal's message.
#[derive(Clone, Copy)]
pub(crate) struct SentCard<'q> {
    pub message: &'q Message<'q>,
    /// What the terminal sealed in it, or the message itself.
    pub card: &'q Message<'q>,
    pub pan: &'q Pan,
    pub pin: Option<TerminalPin<'q>>,
}

/// A PIN block as the terminal encrypted it.
#[derive(Clone, Copy)]
pub(crate) struct TerminalPin<'q> {
    pub session: &'q SessionKeys,
    pub block: &'q [u8],
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// The PIN block cannot be translated.
    #[error(transparent)]
    Pin(KeyError),
    #[error("{0}")]
    Message(String),
}

/// What the response to a terminal's request must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExpectedResponse {
    /// The request that waits for it.
    pub id: u64,
    pub network: usize,
    pub sent: NetworkReference,
    pub terminal: TerminalId,
    pub amount: Amount,
}

/// A network's response to a terminal's request.
pub(crate) struct NetworkResponse<'m> {
    /// The request that waits for it.
    pub id: u64,
    pub code: ResponseCode,
    pub authorisation_code: Option<AuthorisationCode>,
    pub chip_data: Option<&'m [u8]>,
    pub balance: Option<&'m [u8]>,
}

impl NetworkResponse<'_> {
    /// The response to a request that could not be sent.
    pub(crate) const fn not_sent(id: u64) -> Self {
        let code = ResponseCode::NETWORK_UNAVAILABLE;
        NetworkResponse { id, code, authorisation_code: None, chip_data: None, balance: None }
    }
}

/// The message that a reversal or refund names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OriginalMessage {
    pub kind: MessageKind,
    pub network_reference: NetworkReference,
}

impl OriginalMessage {
    /// The message by which a network knows a transaction. `None` if no network was asked.
    pub(crate) fn of(view: &TransactionView) -> Option<OriginalMessage> {
        let kind = match view.kind {
            TransactionKind::PreAuthorisation => MessageKind::PreAuthorisation,
            TransactionKind::Completion => MessageKind::Completion,
            TransactionKind::Void => match view.duplicate_key.subject {
                DuplicateSubject::Original { pre_authorisation: true, .. } => {
                    MessageKind::VoidPreAuthorisation
                }
                _ => MessageKind::Void,
            },
            TransactionKind::Refund => MessageKind::Refund,
            TransactionKind::Advice => MessageKind::OfflineSale,
            _ => MessageKind::Sale,
        };
        Some(OriginalMessage { kind, network_reference: view.network_reference? })
    }

    /// The original of a refund.
    pub(crate) const fn refunded(subject: DuplicateSubject) -> Option<OriginalMessage> {
        let DuplicateSubject::Refunded { message, offline } = subject else { return None };
        let kind = if offline { MessageKind::OfflineSale } else { MessageKind::Sale };
        Some(OriginalMessage { kind, network_reference: message })
    }

    /// A pre-authorisation to reverse after its completion, and its amount.
    pub(crate) fn released(before: &TransactionView) -> Option<(OriginalMessage, Amount)> {
        OriginalMessage::of(before).map(|original| (original, before.amount))
    }
}

/// What is reversed. Decides the command for the books at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReversedKind {
    /// A purchase with an unknown outcome.
    UnknownPurchase,
    /// An approved payment.
    Approved,
    Void,
    /// A completion with an unknown outcome.
    UnknownCompletion,
    /// Not a reversal but a refund, with its own trace.
    Refund(Trace),
}

/// A reversal or refund for a network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewReversal {
    pub kind: ReversedKind,
    pub payment: PaymentId,
    /// Index of the network.
    pub network: usize,
    pub terminal: TerminalId,
    pub merchant: [u8; 15],
    pub amount: Amount,
    pub authorisation_code: Option<AuthorisationCode>,
    pub original: OriginalMessage,
    /// A pre-authorisation to reverse after its completion, with its amount. The books no longer
    /// have it.
    pub pre_authorisation: Option<(OriginalMessage, Amount)>,
    /// STAN and time of the reversal or refund itself, if it has them already.
    pub network_reference: Option<NetworkReference>,
}

/// An order that the wallet must refund.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderRefund {
    pub order: Trace,
    pub payment: PaymentId,
    pub amount: Amount,
}

impl OrderRefund {
    pub(crate) const fn of(order: &TransactionView) -> OrderRefund {
        OrderRefund { order: order.trace, payment: order.payment, amount: order.amount }
    }
}
