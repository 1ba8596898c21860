//! The card number in a message.

use books::ResponseCode;
use iso8583::Message;
use keys::Pan;
use zeroize::Zeroizing;

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
    let number = Zeroizing::new(digits[..end.unwrap_or(digits.len())].to_vec());
    Pan::parse(&number).map_err(|error| (ResponseCode::INVALID_CARD, Some(error.to_string())))
}
