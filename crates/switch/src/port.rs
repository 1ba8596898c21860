//! Inputs and outputs of the switch.

use books::terminal_view::{TerminalView, TransactionView};
use books::{
    BatchTotals, BusinessDate, Command, CourierId, NetworkId, NetworkReference, ParcelId,
    ParcelsOut, PaymentId, PhoneView, ResponseCode, Stan, TerminalId, Trace, WalletId,
    WalletPaymentId,
};
use iso8583::WipedBytes;
use machine::Actor;
use money::{Amount, Currency};

use crate::phone::PhoneAnswer;
use crate::unfinished::Unfinished;

/// Most parcels in one answer to a terminal: field 62 has at most 512 bytes, with a request for a
/// card and where the list continues.
pub(crate) const PARCELS_PER_ANSWER_MAX: usize = 15;
/// Records per query of a retention scan. A query takes one or two milliseconds, in which the books
/// do nothing else.
pub(crate) const RECORDS_PER_SCAN_MAX: u32 = 100_000;

/// A terminal's connection, numbered by the caller. Numbers are not reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TerminalConnection(pub u64);

/// One of a network's links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId {
    pub network: NetworkId,
    /// Counted from 0, below [`NetworkSettings::links`](crate::NetworkSettings::links).
    pub number: u8,
}

/// A query to the books. It is answered after the commands that came out before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    Terminal(TerminalId),
    Transaction(Trace),
    /// A wallet's order, also when its batch is no longer kept.
    WalletOrder(Trace),
    /// Totals of a terminal's batch.
    BatchTotals(TerminalId, u32),
    /// The parcels that a terminal's courier has out, from a position on.
    ParcelsOut(TerminalId, u32),
    /// What a courier's phone asks about a payment.
    Phone(CourierId, PaymentId),
    /// Expired pre-authorisations that their networks must reverse.
    ExpiredPreAuthorisations(Vec<PaymentId>),
    /// Whether a scan on a day finds parcels that were closed long enough ago to be forgotten. The
    /// scan begins at a record number and covers up to 100,000 records.
    ParcelsToForget(BusinessDate, u32),
}

impl Query {
    #[must_use]
    pub fn answer(self, engine: &books::Books) -> QueryResult {
        match self {
            Query::Terminal(terminal) => QueryResult::Terminal(engine.terminal_view(terminal)),
            Query::Transaction(trace) => QueryResult::Transaction(engine.transaction(trace)),
            Query::WalletOrder(trace) => QueryResult::Transaction(engine.wallet_order(trace)),
            Query::BatchTotals(terminal, batch) => {
                QueryResult::BatchTotals(engine.batch_totals(terminal, batch))
            }
            Query::ParcelsOut(terminal, from) => {
                let view = engine.terminal_view(terminal);
                let list = |view: &TerminalView| {
                    engine.parcels_out(view.courier, from, PARCELS_PER_ANSWER_MAX)
                };
                QueryResult::ParcelsOut(view, view.as_ref().map(list).unwrap_or_default())
            }
            Query::Phone(courier, payment) => {
                QueryResult::Phone(Box::new(engine.phone_view(courier, payment)))
            }
            Query::ExpiredPreAuthorisations(payments) => {
                QueryResult::ExpiredPreAuthorisations(Unfinished::of_payments(engine, &payments))
            }
            Query::ParcelsToForget(today, from) => {
                let before = BusinessDate(today.0.saturating_sub(engine.retention_days()));
                let until = from.saturating_add(RECORDS_PER_SCAN_MAX);
                let found = engine.has_anything_to_forget(before, from..until);
                QueryResult::ParcelsToForget { before, records: engine.forget_slots(), found }
            }
        }
    }
}

/// The durable state that answers a [`Query`].
#[derive(Clone, Debug)]
pub enum QueryResult {
    /// `None`: the terminal is not registered.
    Terminal(Option<TerminalView>),
    /// `None`: the transaction is not known or no longer kept.
    Transaction(Option<TransactionView>),
    /// `None`: the batch is not known or no longer kept.
    BatchTotals(Option<BatchTotals>),
    /// The terminal, if it is registered, and a part of its courier's list.
    ParcelsOut(Option<TerminalView>, ParcelsOut),
    Phone(Box<PhoneView>),
    ExpiredPreAuthorisations(Unfinished),
    ParcelsToForget {
        /// Parcels closed before this day can be forgotten.
        before: BusinessDate,
        /// All records in the books.
        records: u32,
        /// Whether the scan found a parcel that can be forgotten.
        found: bool,
    },
}

/// A wallet's notification about an order. The caller has authenticated the wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletNotification {
    pub wallet: WalletId,
    /// The order's reference, as in the code that the buyer scanned.
    pub reference: String,
    /// The amount paid.
    pub amount: Amount,
    pub currency: Currency,
    pub outcome: WalletOutcome,
    /// The wallet's own number of the payment, for the log. Empty if it names none.
    pub transaction: String,
}

/// What happened to a wallet's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalletOutcome {
    Paid(WalletPaymentId),
    /// The buyer will not pay. With a payment: that payment was reported as paid before, and
    /// failed.
    Failed(Option<WalletPaymentId>),
    /// The buyer has the money of this payment back.
    Refunded(WalletPaymentId),
}

/// What a wallet says of an order, where somebody must look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletAlarm {
    pub order: Trace,
    /// What was to be paid.
    pub due: Amount,
    pub said: Box<WalletNotification>,
}

/// Status of a wallet's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStatus {
    /// The code is shown and can be paid.
    Waiting,
    /// Paid in time.
    Paid,
    /// Not paid. A payment that still comes is refunded.
    Expired,
    /// The wallet must refund the payment.
    RefundDue,
    /// The wallet has refunded the payment.
    Refunded,
}

/// The answer to a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalletReply {
    Accepted,
    /// Paid too late, with the wrong amount or twice. The wallet must refund and confirm it.
    Refund,
    /// The notification contradicts the books. The books are unchanged.
    Contradiction,
    /// The order's status and amount.
    Order(OrderStatus, Amount),
    UnknownOrder,
    /// The books cannot answer now. The wallet must send the notification again.
    RetryLater,
}

/// What the caller must do, in this order.
#[derive(Debug)]
pub enum Output {
    /// Send a message to a terminal.
    ToTerminal {
        connection: TerminalConnection,
        /// TPDU, header and message, without the two length bytes.
        message: WipedBytes,
    },
    /// Close the connection: its message cannot be read or answered.
    CloseTerminalConnection { connection: TerminalConnection },
    /// Send a message to a network.
    ToNetwork {
        link: LinkId,
        /// The message, without the two length bytes.
        message: WipedBytes,
    },
    /// Close the link and connect it again.
    DisconnectLink { link: LinkId },
    /// Apply a command. When the result is durable, pass it to
    /// [`Switch::on_command_results`](crate::Switch::on_command_results).
    Command { ticket: u64, by: Actor, command: Command },
    /// Answer a query after the commands before it. Pass the result to
    /// [`Switch::on_query_result`](crate::Switch::on_query_result).
    Query { ticket: u64, query: Query },
    /// Answer a wallet's notification or query.
    WalletReply {
        /// The number that the caller gave the notification or query.
        reply_id: u64,
        answer: WalletReply,
    },
    /// Answer a courier's phone.
    PhoneReply {
        /// The number that the caller gave the request.
        reply_id: u64,
        answer: PhoneAnswer,
    },
    /// Report an event to the operator.
    OperatorEvent(OperatorEvent),
}

/// Why a message is not taken for that of the terminal which it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationFailure {
    WrongMac,
    /// The terminal has no session, as all have none after a restart.
    NoSession,
    /// The terminal's key is for another dialect than that of its connection.
    OtherDialect,
    NotRegistered,
}

/// An event at the terminals, networks or wallets, for the operator. It contains no card number,
/// PIN or key (M12). Texts name fields and rules, never the content of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorEvent {
    SignedOn {
        terminal: TerminalId,
        batch: u32,
    },
    /// A purchase was approved, and the books have it. A repeat is reported as
    /// [`OperatorEvent::Repeated`] instead.
    Approved {
        trace: Trace,
        /// `None` if the request does not name the parcel.
        parcel: Option<ParcelId>,
        /// `None` for cash and for a wallet's payment.
        network: Option<NetworkId>,
        /// The message that the network knows. Its RRN is [`Rrn::of`](books::Rrn::of).
        network_reference: Option<NetworkReference>,
        wallet: Option<WalletId>,
        amount: Amount,
        currency: Currency,
    },
    /// A terminal's request was refused; nothing was posted.
    Refused {
        terminal: TerminalId,
        stan: Stan,
        code: ResponseCode,
    },
    /// A terminal's message cannot be read. The text names field, offset and rule.
    UnreadableMessage {
        connection: TerminalConnection,
        why: String,
    },
    /// A message is not taken for that of the terminal which it names.
    NotAuthenticated {
        connection: TerminalConnection,
        terminal: TerminalId,
        failure: AuthenticationFailure,
    },
    /// A repeat got the first answer again.
    Repeated {
        terminal: TerminalId,
        stan: Stan,
    },
    LinkSignedOn(LinkId),
    /// The other side of a link has answered the sign-on without the network's key. Nothing else is
    /// sent to it.
    NetworkNotProven(LinkId),
    /// A link is signed off or lost.
    LinkSignedOff(LinkId),
    /// A network's message cannot be read or is not authentic.
    NetworkMessageRejected {
        network: NetworkId,
        why: String,
    },
    /// A network's response matches no request, or one that has ended.
    UnmatchedResponse(NetworkId),
    /// A network did not respond in time. The request is being reversed.
    NetworkTimeout {
        network: NetworkId,
        trace: Trace,
        network_reference: NetworkReference,
    },
    /// An approval came too late. The payment is being reversed.
    LateApproval(NetworkId),
    /// A network acknowledged a reversal or a refund.
    Acknowledged {
        network: NetworkId,
        /// How often the message was sent.
        sendings: u32,
    },
    /// A network rejected an offline sale or a refund.
    AdviceRejected {
        network: NetworkId,
        code: ResponseCode,
    },
    KeyChanged(NetworkId),
    /// A network's new key could not be imported. The old key stays in use.
    KeyRejected {
        network: NetworkId,
        why: String,
    },
    /// A batch was closed and its totals agree.
    BatchAgreed {
        terminal: TerminalId,
        batch: u32,
    },
    /// A batch was closed and its totals differ.
    BatchDiffers {
        terminal: TerminalId,
        batch: u32,
    },
    /// The next batch was closed before the lines of a disputed batch came.
    BatchLeftDisputed {
        terminal: TerminalId,
        batch: u32,
    },
    /// A pre-authorisation was not completed in time.
    PreAuthorisationExpired {
        terminal: TerminalId,
        stan: Stan,
        /// Whether the network is in the settings, so that it is sent a reversal.
        reversing: bool,
    },
    /// A wallet's payment came too late. The wallet must refund it.
    LateWalletPayment(WalletAlarm),
    /// A wallet's payment has the wrong amount or is the order's second. The wallet must refund it.
    WrongWalletPayment(WalletAlarm),
    /// A wallet refunded another payment or amount than it had to.
    WrongWalletRefund(WalletAlarm),
    /// A wallet denies a payment that is in the books, or refunded one without being asked to.
    WalletContradiction(WalletAlarm),
    /// The key store failed.
    KeyStoreError(String),
    /// The books refused a command that they should have accepted.
    UnexpectedRefusal(String),
}
