//! What every side works with while the switch handles one input.

use std::collections::HashMap;

use books::terminal_view::TransactionView;
use books::{Command, Event, NetworkReference, Refusal, Timestamp, Trace, WalletId};
use foldhash::fast::FixedState;
use iso8583::{UnsealedMessage, WipedBytes};
use keys::KeyStore;
use machine::Actor;

use crate::phone::PhoneWork;
use crate::port::{LinkId, OperatorEvent, Output, Query, WalletNotification};
use crate::settings::Settings;
use crate::sides::ExpectedResponse;
use crate::timers::{Timer, Timers};

/// Maximum of terminal requests in flight. Further ones are answered with 96 and sent again later.
pub(crate) const IN_FLIGHT_MAX: usize = 65_536;

/// A table whose keys this side or the operator gives, or that authenticated senders alone fill: so
/// nobody from outside can choose keys that collide.
pub(crate) type KeyedTable<K, V> = HashMap<K, V, FixedState>;

/// What continues when the books have answered a command or a query.
#[derive(Debug)]
pub(crate) enum Continuation {
    /// A terminal's message that waits for the terminal's state.
    Session(u64),
    /// A terminal's request in flight.
    Request(u64),
    /// A queued reversal or refund that its network acknowledged.
    Acknowledged(u64),
    /// A reversal that continues after a restart.
    Resumed(u64),
    WalletNotification(Box<WalletNotification>, u64),
    /// A wallet's query for the status of an order.
    WalletQuery(WalletId, u64),
    /// A wallet's order is recorded as paid.
    WalletPaid(Box<WalletNotification>, Box<TransactionView>, u64),
    /// A wallet's order is recorded as expired.
    WalletOrderExpired(u64),
    /// The refund of a wallet's order is recorded as done.
    WalletRefunded(Trace),
    /// A phone's request: what the books have.
    Phone(PhoneWork),
    /// A phone's batch is opened or closed.
    PhoneBatch(PhoneWork),
    /// A phone's order is begun.
    PhoneOrder(PhoneWork, Trace, NetworkReference),
    /// A phone's order is ended.
    PhoneEnded(u64),
    /// The search for expired pre-authorisations.
    Expiry,
    /// The scan for closed parcels to forget.
    RetentionScan,
    /// Nothing. A refusal is ignored: a QR code may be paid at the moment at which it expires.
    Nothing,
    /// Nothing. A refusal is reported to the operator, unless it is a repeat.
    ReportRefusal,
}

/// What the switch waits for, and its numbers.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    continuations: KeyedTable<u64, Continuation>,
    pub timers: Timers,
    pub stopping: bool,
    latest: u64,
    /// The messages to networks among the outputs of this input, before their MACs are computed.
    pub unsealed: Vec<UnsealedOutput>,
}

/// A message to a network that still needs its MAC.
#[derive(Debug)]
pub(crate) struct UnsealedOutput {
    pub link: LinkId,
    pub message: UnsealedMessage,
    /// The terminal's request that it is about, if the terminal waits for the response.
    pub expected: Option<ExpectedResponse>,
    /// Its place among the outputs.
    pub place: usize,
}

impl Pending {
    pub(crate) fn take(&mut self, ticket: u64) -> Option<Continuation> {
        self.continuations.remove(&ticket)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.continuations.len() >= 2 * IN_FLIGHT_MAX
    }

    fn next_id(&mut self) -> u64 {
        self.latest += 1;
        self.latest
    }

    /// Outputs a query and remembers what continues after it.
    pub(crate) fn query(&mut self, then: Continuation, query: Query, out: &mut Vec<Output>) {
        let ticket = self.next_id();
        self.continuations.insert(ticket, then);
        out.push(Output::Query { ticket, query });
    }
}

/// One input: its time, and what comes of it.
pub(crate) struct Turn<'s> {
    pub settings: &'s Settings,
    pub keys: &'s dyn KeyStore,
    pub now: Timestamp,
    pub pending: &'s mut Pending,
    pub out: &'s mut Vec<Output>,
}

impl Turn<'_> {
    /// The next number. Requests, reversals and tickets share one sequence.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.pending.next_id()
    }

    /// Outputs a command and remembers what continues after it.
    pub(crate) fn command(&mut self, then: Continuation, by: Actor, command: Command) {
        let ticket = self.next_id();
        self.pending.continuations.insert(ticket, then);
        self.out.push(Output::Command { ticket, by, command });
    }

    pub(crate) fn query(&mut self, then: Continuation, query: Query) {
        self.pending.query(then, query, self.out);
    }

    /// Sends a message to a network, with its MAC at the end of the input.
    pub(crate) fn send(
        &mut self,
        link: LinkId,
        message: UnsealedMessage,
        expected: Option<ExpectedResponse>,
    ) {
        let place = self.out.len();
        self.pending.unsealed.push(UnsealedOutput { link, message, expected, place });
        self.out.push(Output::ToNetwork { link, message: WipedBytes::default() });
    }

    pub(crate) fn report(&mut self, event: OperatorEvent) {
        self.out.push(Output::OperatorEvent(event));
    }

    /// Reports a refused command that nobody waits for. A repeat is no error.
    pub(crate) fn report_refusal(&mut self, answer: Result<Vec<Event>, Refusal>) {
        if let Err(refusal) = answer
            && refusal != Refusal::Repeated
        {
            self.report(OperatorEvent::UnexpectedRefusal(refusal.to_string()));
        }
    }

    /// Sets a timer, from now on.
    pub(crate) fn set_timer(&mut self, wait_ms: u64, timer: Timer) {
        self.pending.timers.set(self.now.plus_ms(wait_ms), timer);
    }
}
