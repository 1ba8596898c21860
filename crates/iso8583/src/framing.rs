//! Message boundaries in a byte stream: a length before each message.

use std::ops::Range;

use thiserror::Error;

/// Usual limit for a message, in bytes. A sale has about 400, a batch upload about 1,000.
pub const FRAME_BYTES_MAX: usize = 2_048;

/// How the length before a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LengthFraming {
    /// Two bytes, big-endian, excluding themselves. Used by UnionPay POS and most hosts.
    Be2,
    /// Two bytes, big-endian, including themselves.
    Be2Inclusive,
    /// Two bytes, little-endian, excluding themselves.
    Le2,
    /// Two bytes, big-endian, excluding themselves, then two zero bytes. Used by Visa.
    Be2Zero2,
    /// Four bytes, big-endian, excluding themselves.
    Be4,
    /// Two bytes of BCD, excluding themselves.
    Bcd2,
    /// Four ASCII digits, excluding themselves.
    Ascii4,
    /// Four ASCII digits, including themselves.
    Ascii4Inclusive,
}

/// The stream is not framed as expected. Close the connection: the start of the next frame is
/// unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FramingError {
    #[error("a frame of {bytes} bytes exceeds the limit of {limit}")]
    TooLong { bytes: usize, limit: usize },
    /// The length includes itself but is smaller than its own size.
    #[error("a length of {bytes} includes itself and must be at least {least}")]
    TooShort {
        bytes: usize,
        /// Size of the length itself.
        least: usize,
    },
    #[error("byte {at} of the length is not a digit; does the other side use the same framing?")]
    NotDigits {
        /// Position in the length, from 0.
        at: usize,
    },
    #[error("byte {at} before the message must be zero; does the other side use the same framing?")]
    NotZero {
        /// Position before the message, from 0.
        at: usize,
    },
}

impl LengthFraming {
    pub const ALL: [LengthFraming; 8] = [
        LengthFraming::Be2,
        LengthFraming::Be2Inclusive,
        LengthFraming::Le2,
        LengthFraming::Be2Zero2,
        LengthFraming::Be4,
        LengthFraming::Bcd2,
        LengthFraming::Ascii4,
        LengthFraming::Ascii4Inclusive,
    ];

    /// Bytes before the message.
    #[must_use]
    pub const fn length_bytes(self) -> usize {
        match self {
            LengthFraming::Be2
            | LengthFraming::Be2Inclusive
            | LengthFraming::Le2
            | LengthFraming::Bcd2 => 2,
            LengthFraming::Be2Zero2
            | LengthFraming::Be4
            | LengthFraming::Ascii4
            | LengthFraming::Ascii4Inclusive => 4,
        }
    }

    /// The longest message whose length can be written.
    #[must_use]
    pub const fn payload_bytes_max(self) -> usize {
        match self {
            LengthFraming::Be2 | LengthFraming::Le2 | LengthFraming::Be2Zero2 => 65_535,
            LengthFraming::Be2Inclusive => 65_533,
            LengthFraming::Be4 => 0x7FFF_FFFF,
            LengthFraming::Bcd2 | LengthFraming::Ascii4 => 9_999,
            LengthFraming::Ascii4Inclusive => 9_995,
        }
    }

    const fn counts_itself(self) -> bool {
        matches!(self, LengthFraming::Be2Inclusive | LengthFraming::Ascii4Inclusive)
    }

    /// Finds the first frame. Returns the range of its message and the size of the whole frame, or
    /// `None` if more bytes are needed. A message may be empty: hosts send empty ones to test the
    /// line.
    ///
    /// # Errors
    /// If the length is malformed or exceeds `limit`. Reported as soon as the length has arrived.
    pub fn find_frame(
        self,
        received: &[u8],
        limit: usize,
    ) -> Result<Option<(Range<usize>, usize)>, FramingError> {
        let head_bytes = self.length_bytes();
        let Some(head) = received.get(..head_bytes) else { return Ok(None) };
        let counted = self.counted(head)?;
        let bytes = if self.counts_itself() {
            counted
                .checked_sub(head_bytes)
                .ok_or(FramingError::TooShort { bytes: counted, least: head_bytes })?
        } else {
            counted
        };
        if bytes > limit {
            return Err(FramingError::TooLong { bytes, limit });
        }
        let end = head_bytes + bytes;
        Ok((received.len() >= end).then_some((head_bytes..end, end)))
    }

    fn counted(self, head: &[u8]) -> Result<usize, FramingError> {
        let big_endian = |bytes: &[u8]| {
            bytes.iter().fold(0_usize, |sum, byte| sum.saturating_mul(256) + usize::from(*byte))
        };
        let two = head.get(..2).unwrap_or_default();
        match self {
            LengthFraming::Be2 | LengthFraming::Be2Inclusive | LengthFraming::Be4 => {
                Ok(big_endian(head))
            }
            LengthFraming::Le2 => {
                Ok(head.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
            }
            LengthFraming::Be2Zero2 => match head.iter().skip(2).position(|byte| *byte != 0) {
                None => Ok(big_endian(two)),
                Some(at) => Err(FramingError::NotZero { at: 2 + at }),
            },
            LengthFraming::Bcd2 => digits(head, 100, |byte| {
                let (high, low) = (byte >> 4, byte & 0x0F);
                (high <= 9 && low <= 9).then_some(high * 10 + low)
            }),
            LengthFraming::Ascii4 | LengthFraming::Ascii4Inclusive => {
                digits(head, 10, |byte| byte.is_ascii_digit().then(|| byte - b'0'))
            }
        }
    }

    /// Appends a frame to a buffer.
    ///
    /// # Errors
    /// If the length cannot be written. The buffer is then unchanged.
    pub fn write(self, out: &mut Vec<u8>, payload: &[u8]) -> Result<(), FramingError> {
        let (bytes, limit) = (payload.len(), self.payload_bytes_max());
        let too_long = FramingError::TooLong { bytes, limit };
        if bytes > limit {
            return Err(too_long);
        }
        let counted = if self.counts_itself() { bytes + self.length_bytes() } else { bytes };
        let counted = u32::try_from(counted).map_err(|_| too_long)?;
        let [first, second, high, low] = counted.to_be_bytes();
        let digit = |place: u32| u8::try_from(counted / place % 10).unwrap_or(0);
        let [d0, d1, d2, d3] = [digit(1_000), digit(100), digit(10), digit(1)];
        out.reserve(self.length_bytes() + bytes);
        match self {
            LengthFraming::Be2 | LengthFraming::Be2Inclusive => out.extend([high, low]),
            LengthFraming::Le2 => out.extend([low, high]),
            LengthFraming::Be2Zero2 => out.extend([high, low, 0, 0]),
            LengthFraming::Be4 => out.extend([first, second, high, low]),
            LengthFraming::Bcd2 => out.extend([d0 << 4 | d1, d2 << 4 | d3]),
            LengthFraming::Ascii4 | LengthFraming::Ascii4Inclusive => {
                out.extend([d0, d1, d2, d3].map(|digit| b'0' + digit));
            }
        }
        out.extend_from_slice(payload);
        Ok(())
    }
}

fn digits(
    head: &[u8],
    base: usize,
    value: impl Fn(u8) -> Option<u8>,
) -> Result<usize, FramingError> {
    head.iter().enumerate().try_fold(0, |sum, (at, byte)| {
        let digit = value(*byte).ok_or(FramingError::NotDigits { at })?;
        Ok(sum * base + usize::from(digit))
    })
}
