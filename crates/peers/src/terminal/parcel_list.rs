//! The list of the parcels that the courier has out, in parts.

use iso8583::WipedBytes;
use iso8583::tlv::{self, Tag, TlvReader, TlvWriter};

use super::TerminalSimulator;
use super::request_kind::TerminalRequestKind;
use super::task::{TerminalError, TerminalOutcome};
use crate::bcd::{from_bcd, to_bcd};
use crate::waybill::format_waybill;

/// A parcel: its number, amount due and amount left.
const TAG_PARCEL: u32 = 0xDF21;
/// Where the list continues.
const TAG_POSITION: u32 = 0xDF22;
/// The courier asks for a card by phone: number of the request, parcel, amount.
const TAG_CARD_REQUEST: u32 = 0xDF23;

/// A parcel that the courier has out. Amounts are in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalParcel {
    pub waybill: String,
    /// Amount due.
    pub due: u64,
    /// What is left to collect.
    pub left: u64,
}

/// A card that the courier asks for by phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalCardRequest {
    /// It comes again until the terminal asks for the card.
    pub number: u64,
    pub waybill: String,
    /// In minor units.
    pub amount: u64,
}

impl TerminalSimulator {
    pub(super) fn list_parcels(
        &mut self,
        from: u32,
        now_ms: u64,
    ) -> Result<WipedBytes, TerminalError> {
        let (stan, kind) = (self.next_stan(), TerminalRequestKind::Parcels);
        let mut draft = self.draft(kind, stan, self.batch, now_ms);
        if from > 0 {
            let mut writer = TlvWriter::new();
            let digits = to_bcd::<5>(u64::from(from));
            let written = Tag::new(TAG_POSITION).map(|tag| writer.push(tag, &digits).is_ok());
            debug_assert_eq!(written, Some(true), "five bytes are no long value");
            draft = draft.private_data(writer.as_bytes());
        }
        let message = draft.finish(kind)?;
        let pending = self.new_request(kind, self.batch, stan, message, now_ms);
        Ok(self.await_answer(pending))
    }
}

/// Reads the parcels of field 62, the request for a card, and where the list continues. `None` if
/// it is malformed.
pub(super) fn read(private: &[u8]) -> Option<TerminalOutcome> {
    let (mut parcels, mut asked) = (Vec::new(), None);
    for object in TlvReader::new(private) {
        let object = object.ok()?;
        if object.tag == Tag::new(TAG_PARCEL)? {
            let (number, amounts) = object.value.split_first_chunk::<16>()?;
            let (due, left) = amounts.split_at_checked(6).filter(|(_, left)| left.len() == 6)?;
            let waybill = format_waybill(u128::from_be_bytes(*number));
            parcels.push(TerminalParcel { waybill, due: from_bcd(due)?, left: from_bcd(left)? });
        } else if object.tag == Tag::new(TAG_CARD_REQUEST)? {
            let (number, rest) = object.value.split_first_chunk::<8>()?;
            let (parcel, amount) = rest.split_first_chunk::<16>()?;
            asked = Some(TerminalCardRequest {
                number: u64::from_be_bytes(*number),
                waybill: format_waybill(u128::from_be_bytes(*parcel)),
                amount: from_bcd(amount).filter(|_| amount.len() == 6)?,
            });
        }
    }
    let next = match tlv::find(private, Tag::new(TAG_POSITION)?).ok()? {
        Some(digits) => Some(u32::try_from(from_bcd(digits)?).ok()?),
        None => None,
    };
    Some(TerminalOutcome::Parcels { parcels, next, asked })
}
