//! The card in a message: its number, from the chip or stripe.

use iso8583::Message;
use keys::Pan;
use zeroize::Zeroizing;

use crate::code::Code;
use crate::payments::{Stop, format};

/// Reads the card number: field 2, else the digits of track 2 before the separator.
///
/// # Errors
/// What is wrong, without any digit of it.
pub(crate) fn number(message: &Message<'_>) -> Result<Pan, Stop> {
    let field = if message.has(2) { 2 } else { 35 };
    if !message.has(field) {
        return Err(format("field 2 or 35 is missing"));
    }
    let text = message.text(field).map_err(format)?;
    let digits = text.as_str().as_bytes();
    let end = digits.iter().position(|digit| matches!(digit, b'D' | b'd' | b'='));
    if field == 35 && end.is_none() {
        return Err(format("field 35: no separator"));
    }
    let number = Zeroizing::new(digits[..end.unwrap_or(digits.len())].to_vec());
    Pan::parse(&number).map_err(|error| (Code::CARD, Some(error.to_string())))
}
