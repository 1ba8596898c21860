//! Where a message ends in a stream of bytes: the length before it.

use std::ops::Range;

use thiserror::Error;

/// The longest message that is usually allowed, in bytes. A sale has some 400, a batch upload
/// some 1,000.
pub const FRAME_BYTES_MAX: usize = 2_048;

/// How the length is written before a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Two bytes, big-endian, not counting themselves. UnionPay POS and most hosts.
    Be2,
    /// Two bytes, big-endian, counting themselves.
    Be2Inclusive,
    /// Two bytes, little-endian, not counting themselves.
    Le2,
    /// Two bytes, big-endian, and two of zero, not counted. VISA's.
    Be2Zero2,
    /// Four bytes, big-endian, not counting themselves.
    Be4,
    /// Two bytes of BCD, not counting themselves.
    Bcd2,
    /// Four digits of ASCII, not counting themselves.
    Ascii4,
    /// Four digits of ASCII, counting themselves.
    Ascii4Inclusive,
}

/// What stands in the stream is no frame. The connection is of no use any more: where the next
/// frame would begin is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FramingError {
    /// Longer than is allowed.
    #[error("a frame of {bytes} bytes is longer than the {limit} that are allowed")]
    TooLong {
        /// The length of the message.
        bytes: usize,
        /// The longest allowed.
        limit: usize,
    },
    /// A length that counts itself but is shorter than it.
    #[error("a length of {bytes} counts itself and must be at least {least}")]
    TooShort {
        /// What was read.
        bytes: usize,
        /// The bytes of the length itself.
        least: usize,
    },
    /// Something else than digits where they belong.
    #[error("byte {at} of the length is not a digit; is the other side's framing the same?")]
    NotDigits {
        /// The byte, from 0.
        at: usize,
    },
    /// Something else than zero where it belongs.
    #[error("byte {at} before the message must be zero; is the other side's framing the same?")]
    NotZero {
        /// The byte, from 0.
        at: usize,
    },
}

impl Framing {
    /// All ways.
    pub const ALL: [Framing; 8] = [
        Framing::Be2,
        Framing::Be2Inclusive,
        Framing::Le2,
        Framing::Be2Zero2,
        Framing::Be4,
        Framing::Bcd2,
        Framing::Ascii4,
        Framing::Ascii4Inclusive,
    ];

    /// How many bytes stand before the message.
    #[must_use]
    pub const fn head_bytes(self) -> usize {
        match self {
            Framing::Be2 | Framing::Be2Inclusive | Framing::Le2 | Framing::Bcd2 => 2,
            Framing::Be2Zero2 | Framing::Be4 | Framing::Ascii4 | Framing::Ascii4Inclusive => 4,
        }
    }

    /// The longest message whose length can be written.
    #[must_use]
    pub const fn payload_bytes_max(self) -> usize {
        match self {
            Framing::Be2 | Framing::Le2 | Framing::Be2Zero2 => 65_535,
            Framing::Be2Inclusive => 65_533,
            Framing::Be4 => 0x7FFF_FFFF,
            Framing::Bcd2 | Framing::Ascii4 => 9_999,
            Framing::Ascii4Inclusive => 9_995,
        }
    }

    const fn counts_itself(self) -> bool {
        matches!(self, Framing::Be2Inclusive | Framing::Ascii4Inclusive)
    }

    /// Finds the first frame in what was received: where its message stands, and how many bytes
    /// the frame takes. `None` when more must be received first. A message may be empty; hosts
    /// use that to see whether the line is up.
    ///
    /// # Errors
    ///
    /// When the length is malformed or above `limit`; told as soon as the length is there.
    pub fn frame(
        self,
        received: &[u8],
        limit: usize,
    ) -> Result<Option<(Range<usize>, usize)>, FramingError> {
        let head_bytes = self.head_bytes();
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
            Framing::Be2 | Framing::Be2Inclusive | Framing::Be4 => Ok(big_endian(head)),
            Framing::Le2 => {
                Ok(head.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
            }
            Framing::Be2Zero2 => match head.iter().skip(2).position(|byte| *byte != 0) {
                None => Ok(big_endian(two)),
                Some(at) => Err(FramingError::NotZero { at: 2 + at }),
            },
            Framing::Bcd2 => digits(head, 100, |byte| {
                let (high, low) = (byte >> 4, byte & 0x0F);
                (high <= 9 && low <= 9).then_some(high * 10 + low)
            }),
            Framing::Ascii4 | Framing::Ascii4Inclusive => {
                digits(head, 10, |byte| byte.is_ascii_digit().then(|| byte - b'0'))
            }
        }
    }

    /// Writes a frame behind what is in a buffer.
    ///
    /// # Errors
    ///
    /// When the payload's length cannot be written; nothing is added then.
    pub fn write(self, out: &mut Vec<u8>, payload: &[u8]) -> Result<(), FramingError> {
        let (bytes, limit) = (payload.len(), self.payload_bytes_max());
        let too_long = FramingError::TooLong { bytes, limit };
        if bytes > limit {
            return Err(too_long);
        }
        let counted = if self.counts_itself() { bytes + self.head_bytes() } else { bytes };
        let counted = u32::try_from(counted).map_err(|_| too_long)?;
        let [first, second, high, low] = counted.to_be_bytes();
        let digit = |place: u32| u8::try_from(counted / place % 10).unwrap_or(0);
        let [d0, d1, d2, d3] = [digit(1_000), digit(100), digit(10), digit(1)];
        out.reserve(self.head_bytes() + bytes);
        match self {
            Framing::Be2 | Framing::Be2Inclusive => out.extend([high, low]),
            Framing::Le2 => out.extend([low, high]),
            Framing::Be2Zero2 => out.extend([high, low, 0, 0]),
            Framing::Be4 => out.extend([first, second, high, low]),
            Framing::Bcd2 => out.extend([d0 << 4 | d1, d2 << 4 | d3]),
            Framing::Ascii4 | Framing::Ascii4Inclusive => {
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
