//! Splits a stream of bytes into messages.

use crate::http;

/// How messages are delimited in a stream. Delimiters are not part of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamFraming {
    /// A two-byte big-endian length precedes each message.
    LengthPrefixed,
    /// A four-byte big-endian length precedes each frame between gateway and engine.
    Frames,
    /// Each message ends with a newline.
    Lines,
    /// HTTP/1.1 requests, each whole with its head and body.
    Http,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamFramingError {
    /// The bytes cannot start a message.
    Malformed,
    /// The message is longer than the limit.
    Oversized,
}

/// Where a whole message lies in the buffer, and how many bytes it uses with its delimiters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageBounds {
    pub begin: usize,
    pub end: usize,
    pub consumed: usize,
}

impl StreamFraming {
    /// The first whole message in `bytes`; None until all of it has arrived.
    pub(crate) fn first_message(
        self,
        bytes: &[u8],
        bytes_max: usize,
    ) -> Result<Option<MessageBounds>, StreamFramingError> {
        match self {
            StreamFraming::LengthPrefixed => {
                let Some(&[high, low]) = bytes.first_chunk() else { return Ok(None) };
                counted(bytes, 2, usize::from(u16::from_be_bytes([high, low])), bytes_max)
            }
            StreamFraming::Frames => {
                let Some(&head) = bytes.first_chunk() else { return Ok(None) };
                let length = usize::try_from(u32::from_be_bytes(head)).unwrap_or(usize::MAX);
                counted(bytes, 4, length, bytes_max)
            }
            StreamFraming::Lines => match bytes.iter().position(|&byte| byte == b'\n') {
                Some(end) if end <= bytes_max => {
                    Ok(Some(MessageBounds { begin: 0, end, consumed: end + 1 }))
                }
                None if bytes.len() <= bytes_max => Ok(None),
                _ => Err(StreamFramingError::Oversized),
            },
            StreamFraming::Http => http::request_length(bytes, bytes_max).map(|length| {
                length.map(|length| MessageBounds { begin: 0, end: length, consumed: length })
            }),
        }
    }
}

fn counted(
    bytes: &[u8],
    begin: usize,
    length: usize,
    bytes_max: usize,
) -> Result<Option<MessageBounds>, StreamFramingError> {
    if length == 0 {
        return Err(StreamFramingError::Malformed);
    }
    if length > bytes_max {
        return Err(StreamFramingError::Oversized);
    }
    let end = begin + length;
    Ok((bytes.len() >= end).then_some(MessageBounds { begin, end, consumed: end }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_whole_at_its_last_byte_and_not_before() {
        let bytes = [0, 3, b'a', b'b', b'c', 0, 1];
        for length in 0..5 {
            assert_eq!(StreamFraming::LengthPrefixed.first_message(&bytes[..length], 9), Ok(None));
        }
        let whole = MessageBounds { begin: 2, end: 5, consumed: 5 };
        assert_eq!(StreamFraming::LengthPrefixed.first_message(&bytes, 9), Ok(Some(whole)));
        assert_eq!(
            StreamFraming::LengthPrefixed.first_message(&bytes, 2),
            Err(StreamFramingError::Oversized)
        );
        assert_eq!(
            StreamFraming::LengthPrefixed.first_message(&[0, 0], 2),
            Err(StreamFramingError::Malformed)
        );
    }

    #[test]
    fn a_length_is_refused_before_its_bytes_are_there() {
        assert_eq!(
            StreamFraming::Frames.first_message(&[0xFF; 4], 100),
            Err(StreamFramingError::Oversized)
        );
        assert_eq!(
            StreamFraming::Lines.first_message(&[b'a'; 101], 100),
            Err(StreamFramingError::Oversized)
        );
        assert_eq!(
            StreamFraming::Lines.first_message(b"ab\nc", 100),
            Ok(Some(MessageBounds { begin: 0, end: 2, consumed: 3 }))
        );
    }
}
