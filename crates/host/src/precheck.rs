//! Checks on a terminal's message before the switch reads it.

use iso8583::{Envelope, Mti};
use switch::TerminalDialect;

/// An MTI and a bitmap.
const MESSAGE_BYTES_MIN: usize = 2 + 8;

/// Whether the frame starts as a terminal's request does: TPDU, header, and the MTI of a request.
pub(crate) fn has_request_header(frame: &[u8]) -> bool {
    let Ok((_, _, message)) = Envelope::parse(frame) else { return false };
    let (Some(&[high, low]), true) = (message.first_chunk(), message.len() >= MESSAGE_BYTES_MIN)
    else {
        return false;
    };
    Mti::from_digits([high >> 4, high & 15, low >> 4, low & 15].map(|digit| b'0' + digit))
        .is_some_and(|mti| mti.response().is_some())
}

/// Whether every field can be parsed.
pub(crate) fn is_parseable(frame: &[u8], dialect: &TerminalDialect) -> bool {
    has_request_header(frame)
        && Envelope::parse(frame).is_ok_and(|(_, _, message)| dialect.is_message(message))
}
