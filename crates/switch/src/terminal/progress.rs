//! How a request goes on from its number to its answer.

use books::{Command, Event, RecordReversalWithoutOriginal, Refusal, ResponseCode, Timestamp};
use machine::Actor;

use super::Terminals;
use super::in_flight::{InFlight, InFlightState, LegKind, RequestSubject, ReversalWork};
use super::request::Caller;
use super::responses::ResponseFields;
use crate::port::{OperatorEvent, Query};
use crate::response_code;
use crate::step::Continuation;

impl Terminals<'_> {
    /// Gives a request its number, and marks its trace, and the PIN that it tries, as active.
    pub(crate) fn admit(&mut self, in_flight: &InFlight) -> u64 {
        let id = self.step.next_id();
        let header = &in_flight.caller.header;
        if in_flight.caller.kind.uses_stan() {
            self.tables.active_traces.insert(header.trace(), id);
        }
        if let Some(card) = in_flight.pin_try {
            self.tables.pin_tries.begin(card, header.terminal);
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

    /// The books have answered the first command of a payment. Returns its events if they have
    /// begun it.
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
                InFlightState::BeginningOfflineSale(_, _, kept) => {
                    InFlightState::LookingUpOfflineSale(kept)
                }
                _ => InFlightState::LookingUpFirst,
            };
            self.query(id, in_flight, Query::Transaction(header.trace()));
            return None;
        }
        self.note_open_batch(&in_flight, &refusal);
        let code = response_code::of_refusal(&refusal);
        match refusal {
            Refusal::RequestDeclined(first) => self.answer_declined(id, in_flight, first),
            // A full batch has no room for the decline, and refuses everything.
            Refusal::BatchFull => self.finish(id, in_flight, code),
            _ => self.decline(id, in_flight, code, None),
        }
        None
    }

    /// Keeps the number of the open batch, if the books have refused a request of another one.
    pub(crate) fn note_open_batch(&mut self, in_flight: &InFlight, refusal: &Refusal) {
        if let &Refusal::WrongBatch(open) = refusal
            && let Some(session) = self.tables.sessions.get_mut(&in_flight.caller.header.terminal)
        {
            session.batch = open;
        }
    }

    /// Ends a request without an answer.
    pub(crate) fn end(&mut self, id: u64, in_flight: &InFlight) {
        let header = &in_flight.caller.header;
        let trace = header.trace();
        if in_flight.caller.kind.uses_stan() && self.tables.active_traces.get(&trace) == Some(&id) {
            self.tables.active_traces.remove(&trace);
        }
        if let Some(card) = in_flight.pin_try {
            self.tables.pin_tries.end(card, header.terminal);
        }
    }

    pub(crate) fn finish(&mut self, id: u64, in_flight: InFlight, code: ResponseCode) {
        self.finish_with(id, in_flight, code, &ResponseFields::default());
    }

    /// Ends a request and answers its terminal, over each connection that asked.
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
                if let Some(event) = self.approval(&in_flight) {
                    self.step.report(event);
                }
            }
            ResponseCode::QR_PENDING => {}
            code => self.report_refused(&in_flight.caller, code),
        }
        for caller in in_flight.callers() {
            self.reply(caller, code, answer);
        }
    }

    /// Records the reversal before querying the original, so that the original is refused if it
    /// arrives meanwhile.
    pub(crate) fn record_reversal(&mut self, id: u64, mut in_flight: InFlight) {
        in_flight.work = InFlightState::Reversal(ReversalWork::Recording);
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

    /// The event of an approved purchase. `None` for other requests and for repeats.
    fn approval(&self, in_flight: &InFlight) -> Option<OperatorEvent> {
        let (parcel, leg) = match (&in_flight.work, in_flight.subject) {
            (InFlightState::RecordingCash, RequestSubject::Parcel(parcel)) => (parcel, None),
            (InFlightState::RecordingResponse(leg, ..), _) => match leg.asked {
                LegKind::Purchase(parcel)
                | LegKind::OfflineSale(parcel, _)
                | LegKind::Completion(parcel, ..) => (parcel, Some(leg)),
                LegKind::Void(_) | LegKind::Balance => return None,
            },
            _ => return None,
        };
        let header = &in_flight.caller.header;
        let session = self.tables.sessions.get(&header.terminal)?;
        Some(OperatorEvent::Approved {
            trace: header.trace(),
            parcel: Some(parcel),
            network: leg.map(|leg| self.networks.settings(leg.network).network),
            network_reference: leg.map(|leg| leg.sent),
            wallet: None,
            amount: header.amount(),
            currency: session.currency,
        })
    }
}
