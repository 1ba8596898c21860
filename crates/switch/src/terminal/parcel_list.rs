//! The list of the parcels that a terminal's courier has out.

use books::terminal_view::TerminalView;
use books::{ParcelsOut, ResponseCode};
use iso8583::tlv::{self, Tag, TlvWriter};

use super::Terminals;
use super::in_flight::{InFlight, InFlightState, RequestSubject};
use super::request::TerminalRequest;
use super::responses::ResponseFields;
use crate::bcd::{from_bcd, to_bcd};
use crate::phone::CardAtTerminal;
use crate::port::Query;
use crate::sides::{Rejection, format_error};

/// A parcel: its number (16 bytes), amount due and amount left (6 bytes of BCD each).
const TAG_PARCEL: u32 = 0xDF21;
/// Where the list continues: ten digits.
const TAG_POSITION: u32 = 0xDF22;
const POSITION_BYTES: usize = 5;
/// The courier asks for a card by phone: number of the request (8 bytes), the parcel's number (16
/// bytes) and the amount (6 bytes of BCD).
const TAG_CARD_REQUEST: u32 = 0xDF23;

impl Terminals<'_> {
    /// Begins to list a courier's parcels, from the position that the terminal names.
    pub(crate) fn begin_parcel_list(
        &mut self,
        request: &TerminalRequest<'_>,
    ) -> Result<(), Rejection> {
        let from = position(request)?;
        let in_flight =
            InFlight::new(request.caller, RequestSubject::Nothing, InFlightState::Parcels);
        self.begin_query(in_flight, Query::ParcelsOut(request.header().terminal_id(), from));
        Ok(())
    }

    pub(crate) fn answer_parcel_list(
        &mut self,
        id: u64,
        in_flight: InFlight,
        view: Option<&TerminalView>,
        listed: &ParcelsOut,
    ) {
        let refusal = match view {
            None => Some(ResponseCode::UNKNOWN_TERMINAL),
            // Whoever stole a terminal does not learn what its courier carries.
            Some(view) if view.blocked => Some(ResponseCode::TERMINAL_BLOCKED),
            Some(_) => None,
        };
        let terminal = in_flight.caller.header.terminal;
        let (cards, now) = (&mut self.cards, self.step.now);
        let admitted = view.filter(|_| refusal.is_none());
        let asked = admitted.and_then(|view| cards.take_up(view.courier, terminal, now));
        let (code, list) = match (refusal, written(listed, asked)) {
            (Some(code), _) => (code, None),
            (None, None) => (ResponseCode::SYSTEM_ERROR, None),
            (None, list) => (ResponseCode::APPROVED, list),
        };
        let answer = ResponseFields { private_data: list.as_deref(), ..ResponseFields::default() };
        self.finish_with(id, in_flight, code, &answer);
    }
}

/// Field 62 of a request. Without it, the list begins.
fn position(request: &TerminalRequest<'_>) -> Result<u32, Rejection> {
    if !request.message.has(request.dialect.fields.private_data) {
        return Ok(0);
    }
    let wrong = || format_error("field 62: DF22");
    let private =
        request.message.bytes(request.dialect.fields.private_data).map_err(format_error)?;
    let tag = Tag::new(TAG_POSITION).ok_or_else(wrong)?;
    let digits = tlv::find(private, tag).map_err(format_error)?.ok_or_else(wrong)?;
    let number = from_bcd(digits).filter(|_| digits.len() == POSITION_BYTES);
    number.and_then(|number| u32::try_from(number).ok()).ok_or_else(wrong)
}

/// Field 62 of the answer.
fn written(listed: &ParcelsOut, asked: Option<CardAtTerminal>) -> Option<Vec<u8>> {
    let mut writer = TlvWriter::new();
    if let Some(CardAtTerminal { parcel, amount, asked_at, .. }) = asked {
        let mut value = asked_at.0.to_be_bytes().to_vec();
        value.extend(parcel.bits().to_be_bytes());
        value.extend(to_bcd(amount.minor(), 6));
        writer.push(Tag::new(TAG_CARD_REQUEST)?, &value).ok()?;
    }
    for one in &listed.parcels {
        let mut value = one.parcel.bits().to_be_bytes().to_vec();
        value.extend(to_bcd(one.due.minor(), 6));
        value.extend(to_bcd(one.left.minor(), 6));
        writer.push(Tag::new(TAG_PARCEL)?, &value).ok()?;
    }
    if let Some(next) = listed.next {
        writer.push(Tag::new(TAG_POSITION)?, &to_bcd(u64::from(next), POSITION_BYTES)).ok()?;
    }
    Some(writer.as_bytes().to_vec())
}
