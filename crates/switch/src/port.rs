//! What goes into the switch and what comes out of it.

use engine::door_view::{TerminalView, TransactionView};
use engine::{
    BatchTotals, BusinessDate, Command, NetworkId, TenderId, TerminalId, Trace, WalletId,
};
use iso8583::Wiped;
use money::{Amount, Currency};

use crate::forgetting::LOOKED_AT_ONCE_MAX;
use crate::happening::Happening;
use crate::resume::Unfinished;

/// A connection of a terminal, as the shell numbers them. A number is not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line(pub u64);

/// A link to a network: the network, and which of its links, as in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId {
    /// The network.
    pub network: NetworkId,
    /// Which of its links, counted from 0.
    pub number: u8,
}

/// A question to the books, to be asked behind the commands that came out before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// What is known of a terminal.
    Terminal(TerminalId),
    /// What became of a transaction.
    Transaction(Trace),
    /// What became of a wallet's order, however old.
    Order(Trace),
    /// What a batch comes to.
    Totals(TerminalId, u32),
    /// What has to be asked about pre-authorisations that were let go of.
    LetGo(Vec<TenderId>),
    /// Whether any closed parcel of before a date is to be forgotten, among the records from one
    /// on.
    ToForget(BusinessDate, u32),
}

impl Question {
    /// Puts the question to an engine.
    #[must_use]
    pub fn ask(self, engine: &engine::Engine) -> Fact {
        match self {
            Question::Terminal(terminal) => Fact::Terminal(engine.terminal_view(terminal)),
            Question::Transaction(trace) => Fact::Transaction(engine.transaction(trace)),
            Question::Order(trace) => Fact::Transaction(engine.order(trace)),
            Question::Totals(terminal, batch) => Fact::Totals(engine.batch_totals(terminal, batch)),
            Question::LetGo(tenders) => Fact::LetGo(Unfinished::of_tenders(engine, &tenders)),
            Question::ToForget(before, from) => {
                let until = from.saturating_add(LOOKED_AT_ONCE_MAX);
                let found = engine.has_to_forget(before, from..until);
                Fact::ToForget { records: engine.records_to_look_at(), found }
            }
        }
    }
}

/// What the books say, as far as they are durable.
#[derive(Clone, Debug)]
pub enum Fact {
    /// Of a terminal; nothing where there is none.
    Terminal(Option<TerminalView>),
    /// Of a transaction; nothing where there is none.
    Transaction(Option<TransactionView>),
    /// Of a batch; nothing where it is not remembered.
    Totals(Option<BatchTotals>),
    /// What has to be asked about those that were let go of.
    LetGo(Unfinished),
    /// Of closed parcels.
    ToForget {
        /// How many records there are in all.
        records: u32,
        /// Whether any of those that were looked at is to be forgotten.
        found: bool,
    },
}

/// What a wallet tells of an order; who tells it was checked by the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletNote {
    /// The wallet.
    pub wallet: WalletId,
    /// The order's reference, as in the code that the buyer scanned.
    pub reference: String,
    /// What was paid.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// What became of it.
    pub outcome: WalletOutcome,
}

/// What tells a payment of an order from another payment of it; not spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletPayment(pub [u8; 6]);

/// What became of a wallet's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalletOutcome {
    /// The buyer has paid, by this payment.
    Paid(WalletPayment),
    /// The buyer has not paid and will not; or this payment, which was told, was none.
    Failed(Option<WalletPayment>),
    /// What was paid, by this payment, is back with the buyer.
    Refunded(WalletPayment),
}

/// Where a wallet's order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStanding {
    /// Its code is shown.
    Waiting,
    /// It was paid in time.
    Paid,
    /// Nobody has paid it, and nobody can.
    Expired,
    /// The wallet is asked to give back what was paid.
    ToGiveBack,
    /// The wallet has given back what was paid.
    GivenBack,
}

/// What a wallet is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalletReply {
    /// Taken note of.
    Accepted,
    /// Too late, another amount, or a second time: the wallet must give it back and say so.
    Refund,
    /// The note says what cannot be by the books. They are as before.
    Contradiction,
    /// Where an order stands, and its amount.
    Order(OrderStanding, Amount),
    /// No such order.
    UnknownOrder,
    /// The books cannot answer at the moment; the note is to be sent again.
    Later,
}

/// What is to be done, in this order.
#[derive(Debug)]
pub enum Output {
    /// A message for a terminal, without its two length bytes.
    ToTerminal {
        /// Where it is connected.
        line: Line,
        /// TPDU, header and message.
        message: Wiped,
    },
    /// The terminal is not understood; its connection is to be closed.
    CloseLine {
        /// The connection.
        line: Line,
    },
    /// A message for a network, without its two length bytes.
    ToNetwork {
        /// Over which link.
        link: LinkId,
        /// The message.
        message: Wiped,
    },
    /// The link is of no use; it is to be closed and connected anew.
    DropLink {
        /// The link.
        link: LinkId,
    },
    /// To be carried out; the answer goes to [`Switch::answered`](crate::Switch::answered) when it
    /// is durable.
    Command {
        /// Its number.
        ticket: u64,
        /// The command.
        command: Command,
    },
    /// To be asked behind the commands before it; the answer goes to
    /// [`Switch::told`](crate::Switch::told).
    Ask {
        /// Its number.
        ticket: u64,
        /// The question.
        question: Question,
    },
    /// The answer to a wallet's note or question.
    WalletReply {
        /// The number that the shell gave it.
        reply: u64,
        /// The answer.
        what: WalletReply,
    },
    /// Something that an operator may want to know.
    Happened(Happening),
}
