//! Repeats: of a request in flight, and of one that has ended.

use books::terminal_view::TransactionView;
use books::{ResponseCode, TransactionKind};
use iso8583::UnsealedMessage;

use super::Terminals;
use super::card;
use super::in_flight::{InFlight, InFlightState, Leg, LegKind, RequestSubject};
use super::payments::read_parcel;
use super::request::{KeptRequest, RequestHeader, TerminalRequest};
use super::responses::ResponseFields;
use crate::dialect::RequestKind;
use crate::port::OperatorEvent;
use crate::sides::{Rejection, format_error, rejection};

impl Terminals<'_> {
    /// The STAN is in flight. A repeat gets the answer when it comes, over its own connection.
    pub(crate) fn join_in_flight(
        &mut self,
        id: u64,
        request: &TerminalRequest<'_>,
    ) -> Result<(), Rejection> {
        let Some(in_flight) = self.tables.requests.get(&id) else { return Ok(()) };
        let (first, subject) = (in_flight.caller, in_flight.subject);
        // What the books compare for a finished request.
        let content = |header: &RequestHeader| (header.amount, header.local_date);
        let same = first.kind == request.kind()
            && content(&first.header) == content(request.header())
            && self.subject_of(request) == subject;
        if !same {
            return Err(rejection(ResponseCode::STAN_USED));
        }
        let Some(in_flight) = self.tables.requests.get_mut(&id) else { return Ok(()) };
        let reversed = in_flight.reversed || in_flight.waiting_reversal.is_some();
        if reversed || !in_flight.join(request.caller) {
            return Err(rejection(ResponseCode::SYSTEM_ERROR));
        }
        Ok(())
    }

    /// What a repeat of the request has in common with it.
    pub(crate) fn subject_of(&mut self, request: &TerminalRequest<'_>) -> RequestSubject {
        self.read_subject(request).unwrap_or_else(|_| {
            let at = &request.dialect.fields;
            let fields = [at.waybill, at.original, at.private_data];
            let written = fields.into_iter().flat_map(|field| {
                let bytes = request.message.get(field).map_or(&[][..], |field| field.raw());
                std::iter::once(256).chain(bytes.iter().copied().map(u64::from))
            });
            RequestSubject::Unreadable(written.fold(0, machine::mix))
        })
    }

    /// The original, or parcel and card.
    fn read_subject(&mut self, request: &TerminalRequest<'_>) -> Result<RequestSubject, Rejection> {
        let kind = request.kind();
        if kind.has_original() {
            return request.original().map(RequestSubject::Original).map_err(format_error);
        }
        if kind == RequestKind::Balance {
            return Ok(RequestSubject::CardAlone(self.card_of(request)?.1));
        }
        let parcel = read_parcel(request)?;
        if !kind.has_card() {
            return Ok(RequestSubject::Parcel(parcel));
        }
        let (_, token) = self.card_of(request)?;
        Ok(RequestSubject::Card(parcel, token))
    }

    /// Answers a repeat with the first answer.
    pub(crate) fn on_first_answer(
        &mut self,
        id: u64,
        mut in_flight: InFlight,
        view: Option<&TransactionView>,
    ) {
        let Some(view) = view else {
            return self.finish(id, in_flight, ResponseCode::SYSTEM_ERROR);
        };
        let (header, kind) = (in_flight.caller.header, in_flight.caller.kind);
        let (terminal, stan) = (header.terminal_id(), header.stan);
        self.step.report(OperatorEvent::Repeated { terminal, stan });
        let work = std::mem::replace(&mut in_flight.work, InFlightState::LookingUpFirst);
        if let InFlightState::LookingUpOfflineSale(kept) = work
            && view.awaits_network
        {
            // The books have it, but the network has not acknowledged it: forward it once more.
            return self.forward_again(id, in_flight, &kept, view);
        }
        let reversed = match view.kind {
            // It has happened, and is accepted again.
            TransactionKind::Advice => false,
            // One that timed out was answered so, and its reversal is no news.
            TransactionKind::Void => {
                view.response_code.is_none_or(|code| code == ResponseCode::APPROVED)
            }
            _ => true,
        };
        if view.reversed && reversed {
            let answer = ResponseFields { text: Some("reversed"), ..ResponseFields::default() };
            return self.finish_with(id, in_flight, ResponseCode::REVERSED, &answer);
        }
        if kind == RequestKind::Qr && view.response_code.is_none() {
            return self.show_code(id, in_flight, view.trace, view.parcel, view.amount);
        }
        let code = match view.response_code {
            Some(code) => code,
            // The wallet refunds a QR payment later; the terminal does not wait.
            None if kind == RequestKind::QrRefund => ResponseCode::APPROVED,
            None => ResponseCode::SYSTEM_ERROR,
        };
        let network = self.networks.index_of(view.route);
        let network = network.map(|index| self.networks.settings(index).name.clone());
        let answer = ResponseFields {
            network_reference: view.network_reference,
            authorisation_code: view.authorisation_code,
            network_name: network.as_deref(),
            ..ResponseFields::default()
        };
        self.finish_with(id, in_flight, code, &answer);
    }

    /// Forwards an offline sale again that the network has not acknowledged.
    fn forward_again(
        &mut self,
        id: u64,
        in_flight: InFlight,
        kept: &KeptRequest,
        view: &TransactionView,
    ) {
        match self.write_again(kept, view) {
            Ok((leg, message)) => self.send(id, in_flight, leg, view.payment, message),
            Err((_, why)) => {
                let why = why.unwrap_or_else(|| "the offline sale cannot be forwarded".to_owned());
                self.step.report(OperatorEvent::UnexpectedRefusal(why));
                self.finish(id, in_flight, ResponseCode::SYSTEM_ERROR);
            }
        }
    }

    /// Writes the repeat of an offline sale: for the same network and with the same STAN and time,
    /// so that the card is charged once.
    fn write_again(
        &mut self,
        kept: &KeptRequest,
        view: &TransactionView,
    ) -> Result<(Leg, UnsealedMessage), Rejection> {
        let (Some(network), Some(sent)) =
            (self.networks.index_of(view.route), view.network_reference)
        else {
            return Err(rejection(ResponseCode::SYSTEM_ERROR));
        };
        let request = kept.request();
        let pan = card::read_pan(request.card(), &request.dialect.fields)?;
        let message = self.write_card_request(&request, &pan, network, sent, true)?;
        let asked = LegKind::OfflineSale(view.parcel, view.authorisation_code);
        Ok((Leg { network, sent, asked }, message))
    }
}
