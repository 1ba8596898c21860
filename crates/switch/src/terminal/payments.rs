//! Payments (sale, pre-authorisation, offline sale, cash) and balance inquiries.

use books::{
    BeginPurchase, CardToken, Command, DuplicateKey, DuplicateSubject, Event, NetworkReference,
    ParcelId, PaymentRoute, PurchaseKind, RecordBalanceInquiry, RecordOfflineSale, Refusal,
    ResponseCode, RouteCandidate, TakeCash,
};
use iso8583::UnsealedMessage;
use iso8583::tlv::{self, Tag};
use keys::{KeyError, KeyReference, Pan};
use money::Amount;

use super::Terminals;
use super::card;
use super::in_flight::{InFlight, InFlightState, Leg, LegKind, RequestSubject, message_kind};
use super::request::TerminalRequest;
use super::responses::ResponseFields;
use crate::bcd::from_bcd;
use crate::dialect::RequestKind;
use crate::port::OperatorEvent;
use crate::sides::{
    CardPayment, NetworkMessage, Rejection, SentCard, TerminalPin, WriteError, format_error,
    rejection,
};
use crate::waybill;

/// Field 62 of a cash message: the cash that the buyer gave, and the change.
const TAG_TENDERED: u32 = 0xDF11;
const TAG_CHANGE: u32 = 0xDF12;

/// A card request with its chosen network.
struct RoutedCard {
    network: usize,
    route: PaymentRoute,
    token: CardToken,
    considered: Vec<RouteCandidate>,
    message: UnsealedMessage,
    sent: NetworkReference,
    /// Whether the network checks a PIN.
    with_pin: bool,
}

impl RoutedCard {
    const fn leg(&self, asked: LegKind) -> Leg {
        Leg { network: self.network, sent: self.sent, asked }
    }

    fn pin_try(&self) -> Option<CardToken> {
        self.with_pin.then_some(self.token)
    }

    fn duplicate_key(&self, request: &TerminalRequest<'_>) -> DuplicateKey {
        let subject = DuplicateSubject::Card(self.token);
        DuplicateKey { date: request.header().local_date, subject }
    }
}

impl Terminals<'_> {
    /// Begins a sale or a pre-authorisation.
    pub(crate) fn begin_purchase(
        &mut self,
        request: &TerminalRequest<'_>,
    ) -> Result<(), Rejection> {
        let parcel = read_parcel(request)?;
        let amount = read_amount(request)?;
        let kind = match request.kind() {
            RequestKind::PreAuthorisation => PurchaseKind::PreAuthorisation,
            _ => PurchaseKind::Sale,
        };
        let mut routed = self.route(request)?;
        let command = Command::BeginPurchase(BeginPurchase {
            trace: request.header().trace(),
            duplicate_key: routed.duplicate_key(request),
            parcel,
            route: routed.route,
            amount,
            kind,
            network_reference: routed.sent,
            route_candidates: std::mem::take(&mut routed.considered),
        });
        let leg = routed.leg(LegKind::Purchase(parcel));
        let subject = RequestSubject::Card(parcel, routed.token);
        let pin_try = routed.pin_try();
        let work = InFlightState::Beginning(leg, routed.message);
        let in_flight = InFlight::new(request.caller, subject, work).with_pin(pin_try);
        self.begin(in_flight, command);
        if let Some(session) = self.tables.sessions.get(&request.header().terminal) {
            self.cards.end(session.courier, parcel);
        }
        Ok(())
    }

    /// Begins to forward an offline sale, which the terminal approved itself.
    pub(crate) fn begin_offline_sale(
        &mut self,
        request: &TerminalRequest<'_>,
    ) -> Result<(), Rejection> {
        let parcel = read_parcel(request)?;
        let amount = read_amount(request)?;
        let authorisation_code = request.dialect.fields.authorisation_code(&request.message);
        // The sale is already made. The terminal keeps it until a network is up.
        let routed = self.route(request).map_err(|(code, why)| match code {
            ResponseCode::NETWORK_UNAVAILABLE => rejection(ResponseCode::SYSTEM_ERROR),
            code => (code, why),
        })?;
        let (local_time, _) = self.local_time_and_date(&request.caller, routed.sent.sent_at);
        let command = Command::RecordOfflineSale(RecordOfflineSale {
            trace: request.header().trace(),
            duplicate_key: routed.duplicate_key(request),
            local_time,
            parcel,
            route: routed.route,
            amount,
            network_reference: routed.sent,
            authorisation_code,
        });
        let leg = routed.leg(LegKind::OfflineSale(parcel, authorisation_code));
        let subject = RequestSubject::Card(parcel, routed.token);
        let kept = Box::new(request.keep());
        let work = InFlightState::BeginningOfflineSale(leg, routed.message, kept);
        self.begin(InFlight::new(request.caller, subject, work), command);
        Ok(())
    }

    /// Asks for a balance. The books have the inquiry before the network, so that no repeat asks
    /// again.
    pub(crate) fn begin_balance(&mut self, request: &TerminalRequest<'_>) -> Result<(), Rejection> {
        let routed = self.route(request)?;
        let leg = routed.leg(LegKind::Balance);
        let subject = RequestSubject::CardAlone(routed.token);
        let pin_try = routed.pin_try();
        let work = InFlightState::BeginningBalance(leg, routed.message);
        let in_flight = InFlight::new(request.caller, subject, work).with_pin(pin_try);
        let (trace, digest) = (request.header().trace(), in_flight.digest());
        let command = RecordBalanceInquiry { trace, request: digest };
        self.begin(in_flight, Command::RecordBalanceInquiry(command));
        Ok(())
    }

    /// The books have recorded a balance inquiry: it is sent. A repeat is not: the books have no
    /// balance to answer it with.
    pub(crate) fn on_balance_begun(
        &mut self,
        id: u64,
        mut in_flight: InFlight,
        answer: Result<Vec<Event>, Refusal>,
    ) {
        if answer == Err(Refusal::Repeated) {
            let text = Some("ask with a new STAN");
            let answer = ResponseFields { text, ..ResponseFields::default() };
            return self.finish_with(id, in_flight, ResponseCode::STAN_USED, &answer);
        }
        let Some((begun, _)) = self.begun(id, in_flight, answer) else { return };
        in_flight = begun;
        let InFlightState::BeginningBalance(leg, message) = in_flight.work else { return };
        in_flight.work = InFlightState::AwaitingBalance(leg);
        let expected = leg.expected(id, &in_flight.caller);
        if self.networks.send(message, expected, &mut self.step) {
            self.tables.requests.insert(id, in_flight);
        } else {
            self.finish(id, in_flight, ResponseCode::NETWORK_UNAVAILABLE);
        }
    }

    /// Begins to record cash that the courier took.
    pub(crate) fn begin_cash(&mut self, request: &TerminalRequest<'_>) -> Result<(), Rejection> {
        let parcel = read_parcel(request)?;
        let amount = read_amount(request)?;
        let private = request.message.bytes(request.dialect.fields.private_data);
        let private = private.map_err(format_error)?;
        let tendered = tagged_amount(private, TAG_TENDERED)?;
        let change = tagged_amount(private, TAG_CHANGE)?;
        let (trace, date) = (request.header().trace(), request.header().local_date);
        let duplicate_key = DuplicateKey { date, subject: DuplicateSubject::NoCard };
        let command =
            Command::TakeCash(TakeCash { trace, duplicate_key, parcel, amount, tendered, change });
        let subject = RequestSubject::Parcel(parcel);
        self.begin(InFlight::new(request.caller, subject, InFlightState::RecordingCash), command);
        Ok(())
    }

    /// The books have recorded cash or a cash refund.
    pub(crate) fn on_cash_recorded(
        &mut self,
        id: u64,
        in_flight: InFlight,
        answer: Result<Vec<Event>, Refusal>,
    ) {
        if let Some((in_flight, _)) = self.begun(id, in_flight, answer) {
            self.finish(id, in_flight, ResponseCode::APPROVED);
        }
    }

    /// Reads the card, chooses its network and writes the message for the network.
    fn route(&mut self, request: &TerminalRequest<'_>) -> Result<RoutedCard, Rejection> {
        let (pan, token) = self.card_of(request)?;
        let terminal = request.header().terminal;
        // An offline sale has happened.
        let online = request.kind() != RequestKind::Advice;
        let with_pin = online && request.message.has(request.dialect.fields.pin);
        if with_pin {
            self.check_pin_tries(token, terminal)?;
        }
        let session = self.tables.sessions.get(&terminal);
        let session = session.ok_or(rejection(ResponseCode::SYSTEM_ERROR))?;
        let payment = CardPayment {
            pan: &pan,
            amount: request.header().amount(),
            currency: session.currency,
            offline: request.kind() == RequestKind::Advice,
        };
        let chosen = self.networks.route(&payment, self.step.now)?;
        let network = chosen.network;
        let sent = self.networks.next_reference(network, self.step.now);
        let message = self.write_card_request(request, &pan, network, sent, false)?;
        let id = self.networks.settings(network).network;
        let route = PaymentRoute::Card { network: id, kind: chosen.kind };
        let considered = chosen.considered;
        Ok(RoutedCard { network, route, token, considered, message, sent, with_pin })
    }

    /// The card of a request, and its token in the books.
    pub(crate) fn card_of(
        &mut self,
        request: &TerminalRequest<'_>,
    ) -> Result<(Pan, CardToken), Rejection> {
        let pan = card::read_pan(request.card(), &request.dialect.fields)?;
        let key = KeyReference::Stored(self.step.settings.token_key);
        let token = self.step.keys.token(&key, &pan).map_err(|error| error.to_string());
        let token = token.and_then(|token| CardToken::new(token).map_err(|why| why.to_string()));
        let token = token.map_err(|why| {
            self.step.report(OperatorEvent::KeyStoreError(why));
            rejection(ResponseCode::SYSTEM_ERROR)
        })?;
        Ok((pan, token))
    }

    /// Writes a card message for a network. The PIN block is translated to the network's key.
    pub(crate) fn write_card_request(
        &mut self,
        request: &TerminalRequest<'_>,
        pan: &Pan,
        network: usize,
        sent: NetworkReference,
        repeat: bool,
    ) -> Result<UnsealedMessage, Rejection> {
        let (header, message, dialect) = (request.header(), &request.message, request.dialect);
        let pin = if message.has(dialect.fields.pin) {
            let block = message.bytes(dialect.fields.pin).map_err(format_error)?;
            let session = self.tables.session_keys.current(header.terminal);
            let session = session.ok_or(rejection(ResponseCode::SYSTEM_ERROR))?;
            Some(TerminalPin { session, block })
        } else {
            None
        };
        let asked = NetworkMessage {
            kind: message_kind(request.kind()),
            reversal: false,
            repeat,
            amount: header
                .amount
                .and_then(Amount::new)
                .filter(|_| request.kind() != RequestKind::Balance),
            network_reference: sent,
            terminal: header.terminal_id(),
            merchant: header.merchant,
            local_time_and_date: self.local_time_and_date(&request.caller, sent.sent_at),
            authorisation_code: dialect.fields.authorisation_code(message),
            original: None,
            card: Some(SentCard { message, card: request.card(), pan, pin }),
        };
        match self.networks.write(network, &asked, &self.step) {
            Ok(message) => Ok(message),
            Err(WriteError::Message(why)) => Err((ResponseCode::FORMAT_ERROR, Some(why))),
            // As if the PIN were wrong: another code would tell about the PIN's digits whoever
            // changes bytes of the block.
            Err(WriteError::Pin(KeyError::UnreadablePinBlock)) => {
                self.note_unreadable_pin(header.terminal);
                Err(rejection(ResponseCode::WRONG_PIN))
            }
            Err(WriteError::Pin(error)) => {
                self.step.report(OperatorEvent::KeyStoreError(error.to_string()));
                Err((ResponseCode::SYSTEM_ERROR, Some("key store".to_owned())))
            }
        }
    }
}

/// Reads the waybill.
pub(crate) fn read_parcel(request: &TerminalRequest<'_>) -> Result<ParcelId, Rejection> {
    let text = request.message.text(request.dialect.fields.waybill).map_err(format_error)?;
    waybill::read(text.as_str().trim_end().as_bytes()).map_err(format_error)
}

/// Reads field 4. The amount must be above zero.
pub(crate) fn read_amount(request: &TerminalRequest<'_>) -> Result<Amount, Rejection> {
    let amount = request.header().amount();
    if amount.is_zero() { Err(rejection(ResponseCode::INVALID_AMOUNT)) } else { Ok(amount) }
}

/// Reads a tag's amount: twelve BCD digits, in minor units.
fn tagged_amount(private: &[u8], tag: u32) -> Result<Amount, Rejection> {
    let name = Tag::new(tag).ok_or(rejection(ResponseCode::FORMAT_ERROR))?;
    let value = tlv::find(private, name).map_err(format_error)?;
    let missing = || format_error(format!("field 62: {tag:X} must have 6 bytes of BCD"));
    let value = value.filter(|value| value.len() == 6).ok_or_else(missing)?;
    from_bcd(value).and_then(Amount::new).ok_or_else(missing)
}
