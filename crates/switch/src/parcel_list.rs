//! The list of the parcels that a terminal's courier has out.

use books::terminal_view::TerminalView;
use books::{ParcelsOut, ResponseCode, Timestamp};
use iso8583::tlv::{self, Tag, TlvWriter};

use crate::bcd::{from_bcd, to_bcd};
use crate::in_flight::{Continuation, InFlight, InFlightState};
use crate::payments::{Rejection, format_error};
use crate::port::{Output, Query, TerminalConnection};
use crate::request::TerminalRequest;
use crate::responses::ResponseFields;
use crate::switch::Switch;

/// Most parcels in one answer: field 62 has at most 512 bytes.
pub(crate) const PARCELS_PER_ANSWER_MAX: usize = 16;

/// A parcel: its number (16 bytes), amount due and amount left (6 bytes of BCD each).
const TAG_PARCEL: u32 = 0xDF21;
/// Where the list continues: ten digits.
const TAG_POSITION: u32 = 0xDF22;
const POSITION_BYTES: usize = 5;

impl Switch {
    /// Begins to list a courier's parcels, from the position that the terminal names.
    pub(crate) fn begin_parcel_list(
        &mut self,
        connection: TerminalConnection,
        request: &TerminalRequest<'_>,
        out: &mut Vec<Output>,
    ) -> Result<(), Rejection> {
        let from = position(request)?;
        let mut in_flight = InFlight::new(connection, request);
        in_flight.state = InFlightState::LookingUpOriginal;
        let id = self.begin_request(in_flight);
        let query = Query::ParcelsOut(request.header.terminal_id(), from);
        self.query(Continuation::Request(id), query, out);
        Ok(())
    }

    pub(crate) fn on_parcels_out(
        &mut self,
        id: u64,
        view: Option<TerminalView>,
        listed: &ParcelsOut,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let refusal = match view {
            None => Some(ResponseCode::UNKNOWN_TERMINAL),
            // Whoever stole a terminal does not learn what its courier carries.
            Some(view) if view.blocked => Some(ResponseCode::TERMINAL_BLOCKED),
            Some(_) => None,
        };
        if let Some(code) = refusal {
            return self.finish(id, code, &ResponseFields::default(), now, out);
        }
        match written(listed) {
            Some(list) => {
                let answer =
                    ResponseFields { private_data: Some(&list), ..ResponseFields::default() };
                self.finish(id, ResponseCode::APPROVED, &answer, now, out);
            }
            None => {
                self.finish(id, ResponseCode::SYSTEM_ERROR, &ResponseFields::default(), now, out);
            }
        }
    }
}

/// Field 62 of a request. Without it, the list begins.
fn position(request: &TerminalRequest<'_>) -> Result<u32, Rejection> {
    if !request.message.has(62) {
        return Ok(0);
    }
    let wrong = || format_error("field 62: DF22");
    let private = request.message.bytes(62).map_err(format_error)?;
    let tag = Tag::new(TAG_POSITION).ok_or_else(wrong)?;
    let digits = tlv::find(private, tag).map_err(format_error)?.ok_or_else(wrong)?;
    let number = from_bcd(digits).filter(|_| digits.len() == POSITION_BYTES);
    number.and_then(|number| u32::try_from(number).ok()).ok_or_else(wrong)
}

/// Field 62 of the answer.
fn written(listed: &ParcelsOut) -> Option<Vec<u8>> {
    let mut writer = TlvWriter::new();
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
