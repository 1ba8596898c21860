//! Payments (sale, pre-authorisation, offline sale, cash), balance inquiries, and card routing.

use books::{
    AuthorisationCode, BeginPurchase, CardToken, Command, DuplicateSubject, NetworkReference,
    ParcelId, PaymentRoute, PurchaseKind, RecordOfflineSale, ResponseCode, TakeCash, Timestamp,
};
use iso8583::tlv::{self, Tag};
use iso8583::{Message, WipedBytes};
use keys::{KeyError, KeyReference, Pan};
use money::Amount;
use tariff::CardKind;

use crate::bcd::from_bcd;
use crate::card;
use crate::follow_up::network_message_type;
use crate::in_flight::{Continuation, InFlight};
use crate::network::{NetworkMessageType, OutgoingNetworkRequest, fixed_field};
use crate::operator_event::OperatorEvent;
use crate::port::{Output, TerminalConnection};
use crate::request::{RequestHeader, RequestKind, TerminalRequest};
use crate::route::{self, RouteRequest};
use crate::switch::Switch;
use crate::waybill;

/// Field 62 of a cash message: the cash that the buyer gave, and the change.
const TAG_TENDERED: u32 = 0xDF11;
const TAG_CHANGE: u32 = 0xDF12;

/// Field 3 of a balance inquiry.
const BALANCE: u32 = 310_000;

/// A card request with its chosen network.
struct RoutedCard {
    network_index: usize,
    kind: CardKind,
    token: CardToken,
    considered: Vec<books::RouteCandidate>,
    message: WipedBytes,
    sent: NetworkReference,
}

impl RoutedCard {
    fn in_flight(self, connection: TerminalConnection, request: &TerminalRequest<'_>) -> InFlight {
        let mut in_flight = InFlight::new(connection, request);
        in_flight.duplicate_key.subject = DuplicateSubject::Card(self.token);
        in_flight.network_index = self.network_index;
        in_flight.network_reference = Some(self.sent);
        in_flight.network_message = Some(self.message);
        in_flight
    }
}

/// Why a request is rejected: response code and text of field 44.
pub(crate) type Rejection = (ResponseCode, Option<String>);

pub(crate) fn rejection(code: ResponseCode) -> Rejection {
    (code, None)
}

impl Switch {
    /// Begins a sale or a pre-authorisation.
    pub(crate) fn begin_purchase(
        &mut self,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Rejection> {
        let parcel = read_parcel(&request.message)?;
        let amount = read_amount(request)?;
        let purpose = match request.kind {
            RequestKind::PreAuthorisation => PurchaseKind::PreAuthorisation,
            _ => PurchaseKind::Sale,
        };
        let message_type = network_message_type(request.kind);
        let mut routed = self.route(request, message_type, Some(amount), now, out)?;
        let considered = std::mem::take(&mut routed.considered);
        let (route, sent) = (self.payment_route(&routed), routed.sent);
        let mut in_flight = routed.in_flight(connection, request);
        in_flight.parcel = Some(parcel);
        let command = Command::BeginPurchase(BeginPurchase {
            trace: request.header.trace(),
            duplicate_key: in_flight.duplicate_key,
            parcel,
            route,
            amount,
            kind: purpose,
            network_reference: sent,
            route_candidates: considered,
        });
        let id = self.begin_request(in_flight);
        self.command(Continuation::Request(id), command, out);
        Ok(())
    }

    /// Begins to forward an offline sale, which the terminal approved itself.
    pub(crate) fn begin_offline_sale(
        &mut self,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Rejection> {
        let parcel = read_parcel(&request.message)?;
        let amount = read_amount(request)?;
        let authorisation_code = read_authorisation_code(&request.message);
        let routed =
            self.route(request, network_message_type(request.kind), Some(amount), now, out);
        // The sale is already made. The terminal keeps it until a network is up.
        let routed = routed.map_err(|(code, why)| match code {
            ResponseCode::NETWORK_UNAVAILABLE => rejection(ResponseCode::SYSTEM_ERROR),
            code => (code, why),
        })?;
        let (route, sent) = (self.payment_route(&routed), routed.sent);
        let mut in_flight = routed.in_flight(connection, request);
        in_flight.parcel = Some(parcel);
        in_flight.authorisation_code = authorisation_code;
        in_flight.terminal_message = Some(WipedBytes::from(request.bytes.to_vec()));
        let (local_time, _) = self.local_time_and_date(&request.header, sent);
        let command = Command::RecordOfflineSale(RecordOfflineSale {
            trace: request.header.trace(),
            duplicate_key: in_flight.duplicate_key,
            local_time,
            parcel,
            route,
            amount,
            network_reference: sent,
            authorisation_code,
        });
        let id = self.begin_request(in_flight);
        self.command(Continuation::Request(id), command, out);
        Ok(())
    }

    /// Begins a balance inquiry, which does not touch the books.
    pub(crate) fn begin_balance(
        &mut self,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Rejection> {
        let sale = network_message_type(RequestKind::Sale);
        let balance = NetworkMessageType { processing_code: BALANCE, ..sale };
        let routed = self.route(request, balance, None, now, out)?;
        let id = self.begin_request(routed.in_flight(connection, request));
        self.send_to_network(id, now, out);
        Ok(())
    }

    /// Begins to record cash that the courier took.
    pub(crate) fn begin_cash(
        &mut self,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        out: &mut Vec<Output>,
    ) -> Result<(), Rejection> {
        let parcel = read_parcel(&request.message)?;
        let amount = read_amount(request)?;
        let private = request.message.bytes(62).map_err(format_error)?;
        let tendered = tagged_amount(private, TAG_TENDERED)?;
        let change = tagged_amount(private, TAG_CHANGE)?;
        let mut in_flight = InFlight::new(connection, request);
        in_flight.parcel = Some(parcel);
        let (trace, duplicate_key) = (request.header.trace(), in_flight.duplicate_key);
        let id = self.begin_request(in_flight);
        let command =
            Command::TakeCash(TakeCash { trace, duplicate_key, parcel, amount, tendered, change });
        self.command(Continuation::Request(id), command, out);
        Ok(())
    }

    /// Refuses the request if it was rejected.
    pub(crate) fn refuse_if_rejected(
        &mut self,
        new_reversal: Result<(), Rejection>,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if let Err((code, why)) = new_reversal {
            self.refuse(connection, request.answered(), code, why.as_deref(), now, out);
        }
    }

    fn payment_route(&self, routed: &RoutedCard) -> PaymentRoute {
        let network = self.networks[routed.network_index].settings.network;
        PaymentRoute::Card { network, kind: routed.kind }
    }

    /// Reads the card, chooses its network and writes the message for the network.
    fn route(
        &mut self,
        request: &TerminalRequest<'_>,
        message_type: NetworkMessageType,
        amount: Option<Amount>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<RoutedCard, Rejection> {
        let (pan, token) = self.card_of(request, out)?;
        let Some((kind, allowed)) = self.bins.lookup(&pan) else {
            let why = "no network for this BIN".to_owned();
            return Err((ResponseCode::NO_SUCH_ISSUER, Some(why)));
        };
        let way = RouteRequest {
            kind,
            card_networks: allowed,
            amount: amount.unwrap_or(Amount::ZERO),
            currency: self.settings.currency,
            offline: request.kind == RequestKind::Advice,
            now,
        };
        let (chosen, considered) = route::choose_network(&self.networks, &way);
        let Some(index) = chosen else {
            let why = route::why_none(&self.networks, &considered);
            return Err((ResponseCode::NETWORK_UNAVAILABLE, Some(why)));
        };
        let sent = self.networks[index].next_reference(now);
        let message = self.write_card_request(request, &pan, message_type, index, sent, out)?;
        Ok(RoutedCard { network_index: index, kind, token, considered, message, sent })
    }

    /// The card of a request, and its token in the books.
    pub(crate) fn card_of(
        &self,
        request: &TerminalRequest<'_>,
        out: &mut Vec<Output>,
    ) -> Result<(Pan, CardToken), Rejection> {
        let pan = card::read_pan(&request.message)?;
        let token = self.keys.token(&KeyReference::Stored(self.settings.token_key), &pan);
        let token = token.map_err(|error| error.to_string());
        let token = token.and_then(|token| CardToken::new(token).map_err(|why| why.to_string()));
        let token = token.map_err(|why| {
            out.push(Output::OperatorEvent(OperatorEvent::KeyStoreError(why)));
            rejection(ResponseCode::SYSTEM_ERROR)
        })?;
        Ok((pan, token))
    }

    /// Writes a card message for a network. The PIN block is translated to the network's key.
    pub(crate) fn write_card_request(
        &self,
        request: &TerminalRequest<'_>,
        pan: &Pan,
        message_type: NetworkMessageType,
        index: usize,
        sent: NetworkReference,
        out: &mut Vec<Output>,
    ) -> Result<WipedBytes, Rejection> {
        let NetworkMessageType { mti, processing_code, condition_code } = message_type;
        let network = &self.networks[index];
        let pin = if request.message.has(52) {
            let block = request.message.block::<8>(52).map_err(format_error)?;
            let from = self.terminal_keys().pin(request.header.terminal);
            let block = network.translate_pin(&*self.keys, &from, pan, block);
            Some(block.map_err(|error| self.pin_rejection(&error, out))?)
        } else {
            None
        };
        let header = &request.header;
        let network_request = OutgoingNetworkRequest {
            mti,
            processing_code,
            condition_code,
            amount: header.amount.and_then(Amount::new).filter(|_| processing_code != BALANCE),
            network_reference: sent,
            terminal: header.terminal_id(),
            merchant: header.merchant,
            local_time_and_date: self.local_time_and_date(header, sent),
            authorisation_code: read_authorisation_code(&request.message),
            original: None,
            card: Some((&request.message, pan, pin)),
        };
        let message = network.write_request(&network_request, &self.settings, &*self.keys);
        message.map_err(|why| (ResponseCode::FORMAT_ERROR, Some(why)))
    }

    /// A PIN block that cannot be decrypted is the terminal's fault. Everything else is ours.
    fn pin_rejection(&self, error: &KeyError, out: &mut Vec<Output>) -> Rejection {
        if matches!(error, KeyError::UnreadablePinBlock) {
            return rejection(ResponseCode::PIN_FORMAT_ERROR);
        }
        out.push(Output::OperatorEvent(OperatorEvent::KeyStoreError(error.to_string())));
        (ResponseCode::SYSTEM_ERROR, Some("key store".to_owned()))
    }

    /// Local time (`hhmmss`) and date (`MMDD`): the terminal's, where it sends them.
    pub(crate) fn local_time_and_date(
        &self,
        header: &RequestHeader,
        sent: NetworkReference,
    ) -> (u32, u16) {
        let (time, date) = self.settings.local_time_and_date(sent.sent_at);
        (
            header.local_time.unwrap_or(time),
            if header.local_date > 0 { header.local_date } else { date },
        )
    }
}

pub(crate) fn format_error(error: impl ToString) -> Rejection {
    (ResponseCode::FORMAT_ERROR, Some(error.to_string()))
}

/// Reads the waybill of field 58.
pub(crate) fn read_parcel(message: &Message<'_>) -> Result<ParcelId, Rejection> {
    let text = message.text(58).map_err(format_error)?;
    waybill::read(text.as_str().trim_end().as_bytes()).map_err(format_error)
}

/// Reads field 4. The amount must be above zero.
pub(crate) fn read_amount(request: &TerminalRequest<'_>) -> Result<Amount, Rejection> {
    let amount = request.header.amount.and_then(Amount::new);
    amount.filter(|amount| !amount.is_zero()).ok_or(rejection(ResponseCode::INVALID_AMOUNT))
}

/// Reads field 38. `None` if it is absent or not an authorisation code, for example spaces.
pub(crate) fn read_authorisation_code(message: &Message<'_>) -> Option<AuthorisationCode> {
    fixed_field(message, 38).and_then(|code| AuthorisationCode::new(code).ok())
}

/// Reads a tag's amount: twelve BCD digits, in minor units.
fn tagged_amount(private: &[u8], tag: u32) -> Result<Amount, Rejection> {
    let name = Tag::new(tag).ok_or(rejection(ResponseCode::FORMAT_ERROR))?;
    let value = tlv::find(private, name).map_err(format_error)?;
    let missing = || format_error(format!("field 62: {tag:X} must have 6 bytes of BCD"));
    let value = value.filter(|value| value.len() == 6).ok_or_else(missing)?;
    from_bcd(value).and_then(Amount::new).ok_or_else(missing)
}
