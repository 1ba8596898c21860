//! Terminals' messages: authentication, sessions and dispatch.

use books::terminal_view::TerminalView;
use books::{DuplicateSubject, ResponseCode, Timestamp};
use iso8583::WipedBytes;
use keys::MacMethod;

use crate::in_flight::{Continuation, InFlight};
use crate::operator_event::OperatorEvent;
use crate::payments::{Rejection, format_error, read_parcel, rejection};
use crate::port::{Output, Query, TerminalConnection};
use crate::request::{AnsweredRequest, RequestHeader, RequestKind, TerminalRequest};
use crate::responses::ResponseFields;
use crate::session::TerminalSession;
use crate::switch::{IN_FLIGHT_MAX, Switch};

impl Switch {
    pub(crate) fn handle_terminal_message(
        &mut self,
        connection: TerminalConnection,
        bytes: &[u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let request = match TerminalRequest::parse(bytes) {
            Ok(request) => request,
            Err(why) => {
                out.push(Output::OperatorEvent(OperatorEvent::UnreadableMessage(why)));
                return out.push(Output::CloseTerminalConnection { connection });
            }
        };
        let kind = request.kind;
        if kind == RequestKind::Echo {
            return self.reply(
                connection,
                request.answered(),
                ResponseCode::APPROVED,
                &ResponseFields::default(),
                now,
                out,
            );
        }
        // The MAC is checked first: a forged message must not get an answer with a valid MAC.
        if kind.requires_mac() && !self.is_authentic(connection, &request, now, out) {
            return;
        }
        if self.requests.len() >= IN_FLIGHT_MAX
            || self.continuations.len() >= 2 * IN_FLIGHT_MAX
            || self.stopping
        {
            return self.refuse(
                connection,
                request.answered(),
                ResponseCode::SYSTEM_ERROR,
                None,
                now,
                out,
            );
        }
        // A sign-on needs the terminal's current state from the books.
        let known = !matches!(kind, RequestKind::SignOn | RequestKind::Balance)
            && self.sessions.contains_key(&request.header.terminal);
        if known {
            self.serve(connection, &request, now, out);
        } else {
            let query = Query::Terminal(request.header.terminal_id());
            let copy = WipedBytes::from(bytes.to_vec());
            self.query(Continuation::Terminal(connection, copy), query, out);
        }
    }

    /// The books have answered a query for the terminal of a message.
    pub(crate) fn on_terminal_view(
        &mut self,
        connection: TerminalConnection,
        bytes: &[u8],
        view: Option<TerminalView>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Ok(request) = TerminalRequest::parse(bytes) else { return };
        let about = request.answered();
        let Some(view) = view else {
            let why = Some("terminal not registered");
            return self.refuse(connection, about, ResponseCode::UNKNOWN_TERMINAL, why, now, out);
        };
        let merchant = self.settings.merchant.of(view.firm);
        let batch = if view.batch_open { view.batch } else { 0 };
        self.sessions.insert(request.header.terminal, TerminalSession { merchant, batch });
        // The books do not see balance inquiries. A blocked terminal, or that of a suspended
        // courier, could use them to try cards and PINs.
        let refusal = match request.kind {
            RequestKind::Balance if view.blocked => Some(ResponseCode::TERMINAL_BLOCKED),
            RequestKind::Balance if view.courier_suspended => Some(ResponseCode::COURIER_SUSPENDED),
            _ => None,
        };
        if let Some(code) = refusal {
            return self.refuse(connection, about, code, None, now, out);
        }
        if request.kind == RequestKind::SignOn {
            self.sign_on(connection, &request, &view, now, out);
        } else {
            self.serve(connection, &request, now, out);
        }
    }

    /// Serves an authenticated request of a registered terminal.
    fn serve(
        &mut self,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let served = self.try_serve(connection, request, now, out);
        self.refuse_if_rejected(served, connection, request, now, out);
    }

    fn try_serve(
        &mut self,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Rejection> {
        let (header, kind) = (&request.header, request.kind);
        let Some(session) = self.sessions.get(&header.terminal) else { return Ok(()) };
        let because = |code: ResponseCode, why: &str| Err((code, Some(why.to_owned())));
        if session.merchant != header.merchant {
            return because(ResponseCode::UNKNOWN_TERMINAL, "merchant");
        }
        if let Some(why) = request.missing_field() {
            return because(ResponseCode::FORMAT_ERROR, why);
        }
        if !header.accepts_currency(self.settings.currency) {
            return because(ResponseCode::FORMAT_ERROR, "field 49: currency");
        }
        if kind.uses_stan()
            && let Some(id) = self.active_traces.get(&header.trace()).copied()
        {
            return self.join_in_flight(id, connection, request, out);
        }
        if kind.requires_open_batch() && header.batch != session.batch {
            return Err(rejection(ResponseCode::WRONG_BATCH));
        }
        match kind {
            RequestKind::SignOn | RequestKind::Echo => {}
            RequestKind::Unsupported => {
                return because(ResponseCode::INVALID_TRANSACTION, "fields 3 and 60: no such kind");
            }
            // The switch keeps no sign-off state: the terminal signs on before its next
            // transaction.
            RequestKind::SignOff => {
                self.reply(
                    connection,
                    request.answered(),
                    ResponseCode::APPROVED,
                    &ResponseFields::default(),
                    now,
                    out,
                );
            }
            RequestKind::Parameters => self.begin_parameters(connection, request, out),
            RequestKind::Parcels => self.begin_parcel_list(connection, request, out)?,
            RequestKind::Balance => self.begin_balance(connection, request, now, out)?,
            RequestKind::Sale | RequestKind::PreAuthorisation => {
                self.begin_purchase(connection, request, now, out)?;
            }
            RequestKind::Advice => self.begin_offline_sale(connection, request, now, out)?,
            RequestKind::Cash => self.begin_cash(connection, request, out)?,
            RequestKind::Qr => self.begin_qr(connection, request, now, out),
            RequestKind::Void
            | RequestKind::VoidPreAuthorisation
            | RequestKind::Completion
            | RequestKind::Refund
            | RequestKind::CashRefund
            | RequestKind::QrStatus
            | RequestKind::QrRefund => self.begin_follow_up(connection, request, out)?,
            RequestKind::Reversal => self.handle_reversal(connection, request, now, out),
            RequestKind::Totals => self.begin_totals(connection, request, out)?,
            RequestKind::Upload => self.upload(connection, request, now, out)?,
            RequestKind::UploadEnd => self.upload_end(connection, request, out)?,
        }
        Ok(())
    }

    /// The STAN is in flight. A repeat takes over the connection and gets the answer when it comes.
    fn join_in_flight(
        &mut self,
        id: u64,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        out: &mut Vec<Output>,
    ) -> Result<(), Rejection> {
        let Some(in_flight) = self.requests.get(&id) else { return Ok(()) };
        if !self.is_repeat(in_flight, request, out)? {
            return Err(rejection(ResponseCode::STAN_USED));
        }
        if let Some(in_flight) = self.requests.get_mut(&id) {
            (in_flight.connection, in_flight.header) = (connection, request.header);
        }
        Ok(())
    }

    /// Whether a request repeats the one in flight. Compares what the books compare for a finished
    /// request: kind, amount, date, and parcel and card or the original.
    fn is_repeat(
        &self,
        in_flight: &InFlight,
        request: &TerminalRequest<'_>,
        out: &mut Vec<Output>,
    ) -> Result<bool, Rejection> {
        let content = |header: &RequestHeader| (header.amount, header.local_date);
        if in_flight.kind != request.kind || content(&in_flight.header) != content(&request.header)
        {
            return Ok(false);
        }
        if request.kind.has_original() {
            let original = request.original().map_err(format_error)?;
            return Ok(in_flight.original_trace == Some(original));
        }
        if in_flight.parcel != Some(read_parcel(&request.message)?) {
            return Ok(false);
        }
        if !request.kind.has_card() {
            return Ok(true);
        }
        let (_, token) = self.card_of(request, out)?;
        Ok(in_flight.duplicate_key.subject == DuplicateSubject::Card(token))
    }

    /// Checks the MAC of a message. Refuses the message if the MAC is wrong.
    fn is_authentic(
        &self,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> bool {
        let (header, message) = (&request.header, &request.message);
        let checked = match (message.mac_input(), message.mac()) {
            (Some(bytes), Some(mac)) => {
                let key = self.terminal_keys().mac(header.terminal);
                self.keys.check_mac(&key, MacMethod::CupEcb, bytes, &mac)
            }
            _ => Ok(false),
        };
        match checked {
            Ok(true) => return true,
            Ok(false) => {
                out.push(Output::OperatorEvent(OperatorEvent::WrongMac(header.terminal_id())));
                self.refuse(
                    connection,
                    request.answered(),
                    ResponseCode::WRONG_MAC,
                    None,
                    now,
                    out,
                );
            }
            Err(error) => self.close_without_key(connection, error.to_string(), out),
        }
        false
    }

    /// Without a key no MAC can be checked or made, so the connection is closed.
    fn close_without_key(
        &self,
        connection: TerminalConnection,
        why: String,
        out: &mut Vec<Output>,
    ) {
        out.push(Output::OperatorEvent(OperatorEvent::KeyStoreError(why)));
        out.push(Output::CloseTerminalConnection { connection });
    }

    pub(crate) fn reply(
        &self,
        connection: TerminalConnection,
        answered: AnsweredRequest<'_>,
        code: ResponseCode,
        answer: &ResponseFields<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        match self.terminal_keys().response(connection, answered, code, answer, now) {
            Ok(output) => out.push(output),
            Err(why) => self.close_without_key(connection, why, out),
        }
    }

    /// Refuses a request, with an optional text for field 44.
    pub(crate) fn refuse(
        &self,
        connection: TerminalConnection,
        answered: AnsweredRequest<'_>,
        code: ResponseCode,
        text: Option<&str>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let (terminal, stan) = (answered.header.terminal_id(), answered.header.stan);
        out.push(Output::OperatorEvent(OperatorEvent::Refused { terminal, stan, code }));
        self.reply(
            connection,
            answered,
            code,
            &ResponseFields { text, ..ResponseFields::default() },
            now,
            out,
        );
    }
}
