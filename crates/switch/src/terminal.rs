//! The terminals' side: sessions, requests, batches, payments and reversals.
//!
//! A message is read and authenticated here, and handed to the file of its kind, which gives the
//! books a command or a query. Their answer comes back here, and goes on by what the request in
//! flight waits for.

mod at_network;
mod batches;
mod card;
mod declines;
mod follow_up;
mod in_flight;
mod orders;
mod parcel_list;
mod payments;
mod pin_tries;
mod progress;
mod repeats;
mod request;
mod responses;
mod reversals;
mod session;
mod session_keys;

use books::terminal_view::TerminalView;
use books::{Event, Refusal, ResponseCode, Trace};
use iso8583::Mti;

use self::in_flight::{InFlight, InFlightState, ReversalWork};
use self::pin_tries::PinTries;
use self::request::{Caller, KeptRequest, RequestHeader, TerminalRequest, UnreadableRequest};
use self::responses::{ResponseFields, refusal, response};
use self::session::{BatchUploads, TerminalSession};
use self::session_keys::{SessionSlots, UnusedSession};
use crate::dialect::{RequestKind, TerminalDialect};
use crate::phone::CardRequests;
use crate::port::{
    AuthenticationFailure, OperatorEvent, Output, Query, QueryResult, TerminalConnection,
};
use crate::sides::{Networks, Orders, Rejection, rejection};
use crate::step::{Continuation, IN_FLIGHT_MAX, KeyedTable, Turn};

/// Field 62 of the answer to a download: there is nothing of this kind.
const NOTHING_TO_DOWNLOAD: [u8; 1] = *b"0";

fn unsupported(header: &RequestHeader) -> Rejection {
    let why = match header.management_code {
        // There are working keys of one length only, and none for tracks.
        1 | 4 if header.mti == Mti::M0800 => "sign on with 60.3 = 003",
        _ => "no such kind: 3 and 60",
    };
    (ResponseCode::NOT_SUPPORTED, Some(why.to_owned()))
}

/// What the switch knows of terminals. It can be lost at any time: the books have the rest.
#[derive(Default)]
pub(crate) struct TerminalTables {
    /// By terminal.
    sessions: KeyedTable<u32, TerminalSession>,
    session_keys: SessionSlots,
    /// Lines of disputed batches.
    uploads: BatchUploads,
    /// Messages that wait for their terminal's state. A sign-on has its session.
    waiting: KeyedTable<u64, (KeptRequest, Option<Box<UnusedSession>>)>,
    requests: KeyedTable<u64, InFlight>,
    active_traces: KeyedTable<Trace, u64>,
    pin_tries: PinTries,
}

impl TerminalTables {
    /// Requests in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.requests.len()
    }
}

/// The terminals' side at work on one input.
pub(crate) struct Terminals<'t> {
    pub tables: &'t mut TerminalTables,
    pub networks: &'t mut dyn Networks,
    pub wallet: &'t mut dyn Orders,
    pub cards: &'t mut CardRequests,
    pub step: Turn<'t>,
}

impl Terminals<'_> {
    /// Handles a terminal's message: TPDU, header and message.
    pub(crate) fn on_message(
        &mut self,
        connection: TerminalConnection,
        dialect: &'static TerminalDialect,
        bytes: &[u8],
    ) {
        let request = match TerminalRequest::parse(connection, bytes, dialect) {
            Ok(request) => request,
            Err(UnreadableRequest { why, code }) => {
                let refused = refusal(connection, bytes, dialect, (code, &why), &self.step);
                self.step.report(OperatorEvent::UnreadableMessage { connection, why });
                let close = Output::CloseTerminalConnection { connection };
                return self.step.out.push(refused.unwrap_or(close));
            }
        };
        let kind = request.kind();
        if kind == RequestKind::Echo {
            let answer = ResponseFields::default();
            return self.reply(&request.caller, ResponseCode::APPROVED, &answer);
        }
        if kind == RequestKind::Unsupported && !request.caller.protected {
            return self.refuse(&request.caller, unsupported(request.header()));
        }
        // The MAC is checked first: a forged message must not get an answer with a valid MAC.
        let Some(proven) = self.authenticate(&request, bytes) else { return };
        let keys = self.tables.session_keys.current(request.header().terminal);
        let keys = keys.filter(|_| kind != RequestKind::SignOn && request.caller.protected);
        let card = match keys.map_or(Ok(None), |keys| request.open_card(keys)) {
            Ok(card) => card,
            Err(why) => return self.refuse(&request.caller, why),
        };
        let request = request.with_card(card.as_ref());
        let pending = &self.step.pending;
        if self.tables.requests.len() >= IN_FLIGHT_MAX || pending.is_full() || pending.stopping {
            return self.refuse(&request.caller, rejection(ResponseCode::SYSTEM_ERROR));
        }
        // A sign-on needs the terminal's current state from the books.
        let known = kind != RequestKind::SignOn
            && self.tables.sessions.contains_key(&request.header().terminal);
        if known {
            return self.serve(&request);
        }
        let id = self.step.next_id();
        self.tables.waiting.insert(id, (request.keep(), proven.map(Box::new)));
        let query = Query::Terminal(request.header().terminal_id());
        self.step.query(Continuation::Session(id), query);
    }

    /// The books have answered a query for the terminal of a message.
    pub(crate) fn on_terminal_view(&mut self, id: u64, view: Option<&TerminalView>) {
        let Some((kept, proven)) = self.tables.waiting.remove(&id) else { return };
        let request = kept.request();
        let begun = self.begin_session(&request, proven, view);
        match begun {
            Err(why) => self.refuse(&request.caller, why),
            Ok(()) if request.kind() == RequestKind::SignOn => {}
            Ok(()) => self.serve(&request),
        }
    }

    fn begin_session(
        &mut self,
        request: &TerminalRequest<'_>,
        proven: Option<Box<UnusedSession>>,
        view: Option<&TerminalView>,
    ) -> Result<(), Rejection> {
        let unknown = |why: &str| (ResponseCode::UNKNOWN_TERMINAL, Some(why.to_owned()));
        let Some(view) = view else {
            self.report_not_authenticated(&request.caller, AuthenticationFailure::NotRegistered);
            return Err(unknown("terminal not registered"));
        };
        if !self.step.settings.currencies.contains(&view.currency) {
            return Err(unknown("currency"));
        }
        let merchant = self.step.settings.merchant.of(view.firm);
        let batch = if view.batch_open { view.batch } else { 0 };
        let session =
            TerminalSession { merchant, currency: view.currency, batch, courier: view.courier };
        self.tables.sessions.insert(request.header().terminal, session);
        match request.kind() {
            RequestKind::SignOn => match request.missing_field() {
                Some(why) => Err((ResponseCode::FORMAT_ERROR, Some(why.to_owned()))),
                None => self.sign_on(request, proven, view),
            },
            _ => Ok(()),
        }
    }

    /// Serves an authenticated request of a registered terminal.
    fn serve(&mut self, request: &TerminalRequest<'_>) {
        let (header, kind) = (request.header(), request.kind());
        let active = self.tables.active_traces.get(&header.trace()).copied();
        if let Some(id) = active.filter(|_| kind.uses_stan()) {
            if let Err(why) = self.join_in_flight(id, request) {
                self.refuse(&request.caller, why);
            }
        } else if let Err(why) = self.try_serve(request) {
            self.decline_new(request, why);
        }
    }

    fn try_serve(&mut self, request: &TerminalRequest<'_>) -> Result<(), Rejection> {
        let (header, kind) = (request.header(), request.kind());
        let Some(session) = self.tables.sessions.get(&header.terminal) else { return Ok(()) };
        let because = |code: ResponseCode, why: &str| Err((code, Some(why.to_owned())));
        if session.merchant != header.merchant {
            return because(ResponseCode::UNKNOWN_TERMINAL, "merchant");
        }
        if let Some(why) = request.missing_field() {
            return because(ResponseCode::FORMAT_ERROR, why);
        }
        if !header.accepts_currency(session.currency) {
            return because(ResponseCode::FORMAT_ERROR, "field 49: currency");
        }
        if kind.requires_open_batch() && header.batch != session.batch {
            return Err(rejection(ResponseCode::WRONG_BATCH));
        }
        match kind {
            RequestKind::SignOn | RequestKind::Echo => {}
            RequestKind::Unsupported => return Err(unsupported(header)),
            // The switch keeps no sign-off state: the terminal signs on before its next
            // transaction.
            RequestKind::SignOff | RequestKind::Notice => {
                let answer = ResponseFields::default();
                self.reply(&request.caller, ResponseCode::APPROVED, &answer);
            }
            RequestKind::Download => {
                let private_data = Some(&NOTHING_TO_DOWNLOAD[..]);
                let answer = ResponseFields { private_data, ..ResponseFields::default() };
                self.reply(&request.caller, ResponseCode::APPROVED, &answer);
            }
            RequestKind::Parameters => self.begin_parameters(request),
            RequestKind::Parcels => self.begin_parcel_list(request)?,
            RequestKind::Balance => self.begin_balance(request)?,
            RequestKind::Sale | RequestKind::PreAuthorisation => self.begin_purchase(request)?,
            RequestKind::Advice => self.begin_offline_sale(request)?,
            RequestKind::Cash => self.begin_cash(request)?,
            RequestKind::Qr => self.begin_order(request)?,
            RequestKind::Void
            | RequestKind::VoidPreAuthorisation
            | RequestKind::Completion
            | RequestKind::Refund
            | RequestKind::CashRefund
            | RequestKind::QrStatus
            | RequestKind::QrRefund => self.begin_follow_up(request)?,
            RequestKind::Reversal => self.reverse(request),
            RequestKind::Totals => self.begin_totals(request)?,
            RequestKind::Upload | RequestKind::UploadOne => self.upload(request)?,
            RequestKind::UploadEnd | RequestKind::UploadAgreed => self.upload_end(request)?,
        }
        Ok(())
    }

    /// The books have answered a command of a request in flight.
    pub(crate) fn on_command_result(&mut self, id: u64, answer: Result<Vec<Event>, Refusal>) {
        let Some(in_flight) = self.tables.requests.remove(&id) else { return };
        match &in_flight.work {
            InFlightState::OpeningBatch(..) => self.on_batch_opened(id, in_flight, answer),
            &InFlightState::ClosingBatch(stated, theirs) => {
                self.on_batch_closed(id, in_flight, (stated, theirs), answer);
            }
            InFlightState::ComparingLines => self.on_lines_compared(id, in_flight, answer),
            InFlightState::RecordingCash => self.on_cash_recorded(id, in_flight, answer),
            InFlightState::BeginningOrder(..) => self.on_order_begun(id, in_flight, answer),
            InFlightState::BeginningOrderRefund(_) => {
                self.on_order_refund_begun(id, in_flight, answer);
            }
            InFlightState::BeginningRefund(_) => self.on_refund_begun(id, in_flight, answer),
            InFlightState::Beginning(..) | InFlightState::BeginningOfflineSale(..) => {
                self.on_begun(id, in_flight, answer);
            }
            InFlightState::RecordingResponse(..) => {
                self.on_response_recorded(id, in_flight, answer);
            }
            InFlightState::RecordingUnknown(..) => self.on_unknown_recorded(id, in_flight, answer),
            InFlightState::BeginningBalance(..) => self.on_balance_begun(id, in_flight, answer),
            InFlightState::Declining(..) => self.on_declined(id, in_flight, answer),
            InFlightState::Reversal(ReversalWork::Recording) => {
                self.on_reversal_without_original(id, in_flight, answer);
            }
            InFlightState::Reversal(ReversalWork::Beginning(_)) => {
                self.on_reversal_begun(id, in_flight, answer);
            }
            _ => {
                self.tables.requests.insert(id, in_flight);
            }
        }
    }

    /// The books have answered a query of a request in flight.
    pub(crate) fn on_query_result(&mut self, id: u64, result: QueryResult) {
        let Some(mut in_flight) = self.tables.requests.remove(&id) else { return };
        match (&mut in_flight.work, result) {
            (
                InFlightState::Parameters | InFlightState::CheckingUpload,
                QueryResult::Terminal(None),
            ) => {
                self.finish(id, in_flight, ResponseCode::UNKNOWN_TERMINAL);
            }
            (InFlightState::Parameters, QueryResult::Terminal(Some(view))) => {
                self.answer_parameters(id, in_flight, &view);
            }
            (InFlightState::CheckingUpload, QueryResult::Terminal(Some(view))) => {
                self.answer_upload_end(id, in_flight, &view);
            }
            (InFlightState::Parcels, QueryResult::ParcelsOut(view, listed)) => {
                self.answer_parcel_list(id, in_flight, view.as_ref(), &listed);
            }
            (
                &mut InFlightState::LookingUpTotals(stated, theirs),
                QueryResult::BatchTotals(ours),
            ) => {
                self.answer_totals(id, in_flight, ours, (stated, theirs));
            }
            (&mut InFlightState::SettlingAgain(stated, theirs), QueryResult::Terminal(view)) => {
                self.on_settling_again(id, in_flight, view.as_ref(), (stated, theirs));
            }
            (
                &mut InFlightState::LookingUpDisputed(stated, theirs),
                QueryResult::BatchTotals(ours),
            ) => {
                self.answer_disputed(id, in_flight, stated, ours.unwrap_or(theirs));
            }
            (InFlightState::LookingUpUsed, QueryResult::Transaction(view)) => {
                self.on_used(id, in_flight, view.as_ref());
            }
            (InFlightState::LookingUpRefunded(_), QueryResult::Transaction(view)) => {
                self.on_refunded(id, in_flight, view.as_ref());
            }
            (InFlightState::LookingUpOriginal, QueryResult::Transaction(view)) => {
                self.on_original(id, in_flight, view.as_ref());
            }
            (
                InFlightState::LookingUpFirst | InFlightState::LookingUpOfflineSale(_),
                QueryResult::Transaction(view),
            ) => {
                self.on_first_answer(id, in_flight, view.as_ref());
            }
            (
                InFlightState::Reversal(ReversalWork::LookingUpOriginal),
                QueryResult::Transaction(view),
            ) => {
                self.on_reversal_original(id, in_flight, view, None);
            }
            (
                InFlightState::Reversal(ReversalWork::LookingUpPreAuthorisation(completion)),
                QueryResult::Transaction(before),
            ) => {
                let completion = **completion;
                self.on_reversal_original(id, in_flight, Some(completion), Some(before));
            }
            _ => {
                self.tables.requests.insert(id, in_flight);
            }
        }
    }

    /// Checks the MAC of a message, or makes the session of a sign-on. Refuses the message if it is
    /// not the terminal's.
    fn authenticate(
        &mut self,
        request: &TerminalRequest<'_>,
        frame: &[u8],
    ) -> Option<Option<UnusedSession>> {
        let checked = if !request.kind().requires_mac() {
            self.open_session(request, frame).map(|opened| opened.map(Some))
        } else if request.caller.protected {
            self.check_mac(request, frame).map(|checked| checked.map(|()| None))
        } else {
            Ok(self.check_session(request).map(|()| None))
        };
        match checked {
            Ok(Ok(session)) => return Some(session),
            Ok(Err(failure)) => {
                self.report_not_authenticated(&request.caller, failure);
                self.refuse(&request.caller, rejection(ResponseCode::WRONG_MAC));
            }
            Err(error) => self.close_without_key(&request.caller, error.to_string()),
        }
        None
    }

    fn report_not_authenticated(&mut self, caller: &Caller, failure: AuthenticationFailure) {
        let (connection, terminal) = (caller.connection, caller.header.terminal_id());
        self.step.report(OperatorEvent::NotAuthenticated { connection, terminal, failure });
    }

    /// Without a key no MAC can be checked or made, so the connection is closed.
    fn close_without_key(&mut self, caller: &Caller, why: String) {
        self.step.report(OperatorEvent::KeyStoreError(why));
        let connection = caller.connection;
        self.step.out.push(Output::CloseTerminalConnection { connection });
    }

    fn reply(&mut self, caller: &Caller, code: ResponseCode, answer: &ResponseFields<'_>) {
        let (slots, terminal) = (&self.tables.session_keys, caller.header.terminal);
        let settings = self.step.settings;
        let keys = match caller.kind {
            _ if code == ResponseCode::WRONG_MAC || !caller.protected => Ok(None),
            RequestKind::Echo => Ok(None),
            // Only the host has the keys that prove its answer.
            RequestKind::SignOn if code == ResponseCode::APPROVED => {
                Ok(slots.pending(terminal).filter(|_| caller.dialect.proves_terminals()))
            }
            RequestKind::SignOn => Ok(None),
            _ => slots.current(terminal).map(Some).ok_or_else(|| "no session".to_owned()),
        };
        let built =
            keys.and_then(|keys| response(settings, keys, caller, code, answer, self.step.now));
        match built {
            Ok(output) => self.step.out.push(output),
            Err(why) => self.close_without_key(caller, why),
        }
    }

    /// Refuses a request, with an optional text for field 44.
    fn refuse(&mut self, caller: &Caller, (code, why): Rejection) {
        self.report_refused(caller, code);
        let answer = ResponseFields { text: why.as_deref(), ..ResponseFields::default() };
        self.reply(caller, code, &answer);
    }

    fn report_refused(&mut self, caller: &Caller, code: ResponseCode) {
        let (terminal, stan) = (caller.header.terminal_id(), caller.header.stan);
        self.step.report(OperatorEvent::Refused { terminal, stan, code });
    }
}
