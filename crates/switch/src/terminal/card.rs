//! The card in a message.

use books::ResponseCode;
use iso8583::Message;
use iso8583::tlv::{self, Tag};
use keys::Pan;

use crate::dialect::FieldNumbers;
use crate::sides::{Rejection, format_error};

/// Reads field 2, or else the digits of track 2 before the separator. Errors contain no digit of
/// it.
pub(crate) fn read_pan(message: &Message<'_>, at: &FieldNumbers) -> Result<Pan, Rejection> {
    let field = if message.has(at.pan) { at.pan } else { at.track_2 };
    if !message.has(field) {
        return Err(format_error("field 2 or 35 is missing"));
    }
    let text = message.text(field).map_err(format_error)?;
    let digits = text.as_str().as_bytes();
    let end = digits.iter().position(|digit| matches!(digit, b'D' | b'd' | b'='));
    if field == at.track_2 && end.is_none() {
        return Err(format_error("field 35 has no separator"));
    }
    let number = &digits[..end.unwrap_or(digits.len())];
    Pan::parse(number).map_err(|error| (ResponseCode::INVALID_CARD, Some(error.to_string())))
}

/// Tags of card number, tracks and cardholder name.
const TAGS_OF_CARD: [u32; 6] = [0x5A, 0x56, 0x57, 0x5F20, 0x9F20, 0x9F6B];

/// An issuer's data for the chip. An answer to a terminal has it in clear, so `None` if it names
/// the card or cannot be read.
pub(crate) fn issuer_chip_data(data: &[u8]) -> Option<&[u8]> {
    let absent = |tag: u32| Tag::new(tag).is_some_and(|tag| tlv::find(data, tag) == Ok(None));
    TAGS_OF_CARD.into_iter().all(absent).then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chip_data_of_an_issuer_does_not_name_the_card() {
        let script = [0x91, 2, 0xC0, 0xDE, 0x72, 3, 0x86, 1, 0];
        assert_eq!(issuer_chip_data(&script), Some(&script[..]));
        let number = [&script[..], &[0x5A, 8, 0x62, 0x25, 0x88, 0, 0, 0, 0, 0x75]].concat();
        assert_eq!(issuer_chip_data(&number), None);
        assert_eq!(issuer_chip_data(&script[..4 + 3]), None, "cut off");
    }
}
