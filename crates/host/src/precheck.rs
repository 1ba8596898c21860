//! Checks on a terminal's message before the switch reads it.

use iso8583::{DOORSTEP_POS, Envelope, Mti, UNIONPAY_POS};

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

/// Whether every field can be parsed, in either dialect: a gateway does not know its host's.
pub(crate) fn is_parseable(frame: &[u8]) -> bool {
    let parses = |message| [&DOORSTEP_POS, &UNIONPAY_POS].iter().any(|p| p.parse(message).is_ok());
    has_request_header(frame) && Envelope::parse(frame).is_ok_and(|(_, _, message)| parses(message))
}
