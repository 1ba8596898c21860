//! What a terminal's message must be before anybody looks at what it says.

use iso8583::{Envelope, Mti, UNIONPAY_POS};

/// Bytes of an MTI, a bitmap and nothing else.
const MESSAGE_BYTES_MIN: usize = 2 + 8;

/// Whether the head is a terminal's: TPDU, header, and an MTI of a request.
pub(crate) fn has_head(frame: &[u8]) -> bool {
    let Ok((_, _, message)) = Envelope::parse(frame) else { return false };
    let (Some(&[high, low]), true) = (message.first_chunk(), message.len() >= MESSAGE_BYTES_MIN)
    else {
        return false;
    };
    Mti::from_digits([high >> 4, high & 15, low >> 4, low & 15].map(|digit| b'0' + digit))
        .is_some_and(|mti| mti.response().is_some())
}

/// Whether it can be read as a whole, field by field.
pub(crate) fn is_readable(frame: &[u8]) -> bool {
    has_head(frame)
        && Envelope::parse(frame).is_ok_and(|(_, _, message)| UNIONPAY_POS.parse(message).is_ok())
}
