//! Where one message ends and the next begins.

use crate::http;

/// How messages stand in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Two bytes of length before each, big-endian, without themselves; they are taken off.
    Counted,
    /// Frames between gateway and engine: four bytes of length, then the rest; they are taken off.
    Frames,
    /// Lines that end in a newline, which is taken off.
    Lines,
    /// Requests of HTTP/1.1.
    Http,
}

/// What is wrong with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It can be no message.
    Malformed,
    /// The message is longer than any may be.
    Oversized,
}

/// A message that is there as a whole: how many bytes before it, with it, and behind it are no
/// longer needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub begin: usize,
    pub end: usize,
    pub length: usize,
}

impl Framing {
    /// The first whole message of `bytes`; nothing while it is not all there.
    pub(crate) fn first(self, bytes: &[u8], bytes_max: usize) -> Result<Option<Whole>, Broken> {
        match self {
            Framing::Counted => {
                let Some(&[high, low]) = bytes.first_chunk() else { return Ok(None) };
                counted(bytes, 2, usize::from(u16::from_be_bytes([high, low])), bytes_max)
            }
            Framing::Frames => {
                let Some(&head) = bytes.first_chunk() else { return Ok(None) };
                let length = usize::try_from(u32::from_be_bytes(head)).unwrap_or(usize::MAX);
                counted(bytes, 4, length, bytes_max)
            }
            Framing::Lines => match bytes.iter().position(|&byte| byte == b'\n') {
                Some(end) if end <= bytes_max => Ok(Some(Whole { begin: 0, end, length: end + 1 })),
                None if bytes.len() <= bytes_max => Ok(None),
                _ => Err(Broken::Oversized),
            },
            Framing::Http => http::whole(bytes, bytes_max)
                .map(|length| length.map(|length| Whole { begin: 0, end: length, length })),
        }
    }
}

fn counted(
    bytes: &[u8],
    begin: usize,
    length: usize,
    bytes_max: usize,
) -> Result<Option<Whole>, Broken> {
    if length == 0 {
        return Err(Broken::Malformed);
    }
    if length > bytes_max {
        return Err(Broken::Oversized);
    }
    let end = begin + length;
    Ok((bytes.len() >= end).then_some(Whole { begin, end, length: end }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_whole_at_its_last_byte_and_not_before() {
        let bytes = [0, 3, b'a', b'b', b'c', 0, 1];
        for length in 0..5 {
            assert_eq!(Framing::Counted.first(&bytes[..length], 9), Ok(None));
        }
        let whole = Whole { begin: 2, end: 5, length: 5 };
        assert_eq!(Framing::Counted.first(&bytes, 9), Ok(Some(whole)));
        assert_eq!(Framing::Counted.first(&bytes, 2), Err(Broken::Oversized));
        assert_eq!(Framing::Counted.first(&[0, 0], 2), Err(Broken::Malformed));
    }

    #[test]
    fn a_length_is_refused_before_its_bytes_are_there() {
        assert_eq!(Framing::Frames.first(&[0xFF; 4], 100), Err(Broken::Oversized));
        assert_eq!(Framing::Lines.first(&[b'a'; 101], 100), Err(Broken::Oversized));
        assert_eq!(
            Framing::Lines.first(b"ab\nc", 100),
            Ok(Some(Whole { begin: 0, end: 2, length: 3 }))
        );
    }
}
