//! Declines are final: the books have each one before the terminal gets it, so the same request
//! gets the same answer until its batch is closed. What decides nothing is not recorded: the
//! terminal may send the request again.

use books::terminal_view::TransactionView;
use books::{
    Command, DeclineRequest, DuplicateSubject, Event, FinalDecline, Refusal, ResponseCode,
    TransactionKind,
};

use super::Terminals;
use super::in_flight::{InFlight, InFlightState, Leg, RequestSubject};
use super::request::TerminalRequest;
use super::responses::ResponseFields;
use crate::dialect::RequestKind;
use crate::port::{OperatorEvent, Query};
use crate::response_code;
use crate::sides::{OriginalMessage, Rejection};

/// Whether a decline with this code is final. An offline sale has happened, whatever the answer is.
const fn is_final(kind: RequestKind, code: ResponseCode) -> bool {
    let undecided = matches!(
        code,
        ResponseCode::APPROVED
            | ResponseCode::WRONG_BATCH
            | ResponseCode::STAN_USED
            | ResponseCode::SYSTEM_ERROR
            | ResponseCode::WRONG_MAC
    );
    kind.uses_stan() && !matches!(kind, RequestKind::Advice) && !undecided
}

impl Terminals<'_> {
    /// Declines a request that is not in flight.
    pub(crate) fn decline_new(&mut self, request: &TerminalRequest<'_>, (code, why): Rejection) {
        let header = request.header();
        let session = self.tables.sessions.get(&header.terminal);
        let in_open_batch = session.is_some_and(|session| session.batch == header.batch);
        if !in_open_batch || !is_final(request.kind(), code) {
            return self.refuse(&request.caller, (code, why));
        }
        let subject = self.subject_of(request);
        let in_flight = InFlight::new(request.caller, subject, InFlightState::LookingUpUsed);
        let id = self.admit(&in_flight);
        self.decline(id, in_flight, code, why);
    }

    /// Declines a request in flight, with an optional text for field 44.
    pub(crate) fn decline(
        &mut self,
        id: u64,
        in_flight: InFlight,
        code: ResponseCode,
        why: Option<String>,
    ) {
        self.decline_by(id, in_flight, code, why, None);
    }

    /// The same for the network that has the request.
    pub(crate) fn decline_by(
        &mut self,
        id: u64,
        mut in_flight: InFlight,
        code: ResponseCode,
        why: Option<String>,
        leg: Option<Leg>,
    ) {
        // A reversal that waits uses up the trace itself.
        if !is_final(in_flight.caller.kind, code) || in_flight.waiting_reversal.is_some() {
            return self.finish_declined(id, in_flight, code, why.as_deref(), leg.as_ref());
        }
        let (trace, request) = (in_flight.caller.header.trace(), in_flight.digest());
        in_flight.work = InFlightState::Declining(code, why, leg);
        let command = DeclineRequest { trace, request, code };
        self.command(id, in_flight, Command::DeclineRequest(command));
    }

    /// The books have recorded the decline, or know the trace.
    pub(crate) fn on_declined(
        &mut self,
        id: u64,
        mut in_flight: InFlight,
        answer: Result<Vec<Event>, Refusal>,
    ) {
        let InFlightState::Declining(code, why, leg) = &mut in_flight.work else { return };
        let (code, why, leg) = (*code, why.take(), leg.take());
        match answer {
            Ok(_) | Err(Refusal::Repeated) => {
                self.finish_declined(id, in_flight, code, why.as_deref(), leg.as_ref());
            }
            Err(Refusal::RequestDeclined(first)) => self.answer_declined(id, in_flight, first),
            Err(Refusal::TraceTaken) => {
                in_flight.work = InFlightState::LookingUpUsed;
                let trace = in_flight.caller.header.trace();
                self.query(id, in_flight, Query::Transaction(trace));
            }
            Err(refusal) => {
                self.note_open_batch(&in_flight, &refusal);
                self.finish(id, in_flight, response_code::of_refusal(&refusal));
            }
        }
    }

    /// The trace was declined before: the same request gets the same answer.
    pub(crate) fn answer_declined(&mut self, id: u64, in_flight: InFlight, first: FinalDecline) {
        if in_flight.digest() != first.request {
            return self.finish(id, in_flight, ResponseCode::STAN_USED);
        }
        let header = &in_flight.caller.header;
        let (terminal, stan) = (header.terminal_id(), header.stan);
        self.step.report(OperatorEvent::Repeated { terminal, stan });
        self.finish(id, in_flight, first.code);
    }

    /// The books have looked up the transaction with the trace of a request that would be declined
    /// today. Its repeat gets the first answer all the same.
    pub(crate) fn on_used(
        &mut self,
        id: u64,
        mut in_flight: InFlight,
        view: Option<&TransactionView>,
    ) {
        let Some(view) = view.filter(|view| is_repeat(&in_flight, view)) else {
            return self.finish(id, in_flight, ResponseCode::STAN_USED);
        };
        match in_flight.subject {
            RequestSubject::Original(original) if view.kind == TransactionKind::Refund => {
                in_flight.work = InFlightState::LookingUpRefunded(Box::new(*view));
                self.query(id, in_flight, Query::Transaction(original));
            }
            _ => self.on_first_answer(id, in_flight, Some(view)),
        }
    }

    /// The books have looked up what a refund refunds: its repeat names the same original.
    pub(crate) fn on_refunded(
        &mut self,
        id: u64,
        in_flight: InFlight,
        original: Option<&TransactionView>,
    ) {
        let InFlightState::LookingUpRefunded(refund) = &in_flight.work else { return };
        let refund = **refund;
        let refunded = OriginalMessage::refunded(refund.duplicate_key.subject);
        let refunded = refunded.map(|message| message.network_reference);
        let named = original.and_then(|original| original.network_reference);
        if refunded.is_some() && refunded == named {
            self.on_first_answer(id, in_flight, Some(&refund));
        } else {
            self.finish(id, in_flight, ResponseCode::STAN_USED);
        }
    }

    fn finish_declined(
        &mut self,
        id: u64,
        in_flight: InFlight,
        code: ResponseCode,
        text: Option<&str>,
        leg: Option<&Leg>,
    ) {
        let network = leg.map(|leg| self.networks.settings(leg.network).name.clone());
        let answer = ResponseFields {
            network_reference: leg.map(|leg| leg.sent),
            text,
            network_name: network.as_deref(),
            ..ResponseFields::default()
        };
        self.finish_with(id, in_flight, code, &answer);
    }
}

/// Whether a request is the transaction's own. A refund's original is looked up after this.
fn is_repeat(in_flight: &InFlight, view: &TransactionView) -> bool {
    use TransactionKind as K;
    let caller = &in_flight.caller;
    let kind = match caller.kind {
        RequestKind::Sale => K::Sale,
        RequestKind::PreAuthorisation => K::PreAuthorisation,
        RequestKind::Void
        | RequestKind::VoidPreAuthorisation
        | RequestKind::CashRefund
        | RequestKind::QrRefund => K::Void,
        RequestKind::Completion => K::Completion,
        RequestKind::Refund => K::Refund,
        RequestKind::Cash => K::Cash,
        RequestKind::Qr => K::Qr,
        _ => return false,
    };
    let key = view.duplicate_key;
    let same_subject = match in_flight.subject {
        RequestSubject::Parcel(parcel) => parcel == view.parcel,
        RequestSubject::Card(parcel, token) => {
            parcel == view.parcel && key.subject == DuplicateSubject::Card(token)
        }
        RequestSubject::Original(_) if kind == K::Refund => true,
        RequestSubject::Original(original) => view.original() == Some(original),
        _ => false,
    };
    kind == view.kind
        && same_subject
        && (caller.header.amount(), caller.header.local_date) == (view.amount, key.date)
}
