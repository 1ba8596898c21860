//! What stands before a UnionPay message: the TPDU (5 bytes) and the header (6 bytes).
//!
//! The meaning of the header's digits is common knowledge of the field; the specification
//! (QCUP 009) is not public.

use std::fmt;

use thiserror::Error;

/// The protocol of all messages here: ISO 8583.
const PROTOCOL: u8 = 0x60;
/// The bytes of a [`Tpdu`].
pub const TPDU_BYTES: usize = 5;
/// The bytes of a [`Header`].
pub const HEADER_BYTES: usize = 6;

/// Where a message goes and where it comes from: two network identifiers of four digits (NII).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tpdu {
    /// The receiver's, in BCD: 0x0003 is 0003.
    pub destination: u16,
    /// The sender's, in BCD.
    pub source: u16,
}

impl Tpdu {
    /// The way back: destination and source change places.
    #[must_use]
    pub const fn reply(self) -> Tpdu {
        Tpdu { destination: self.source, source: self.destination }
    }

    /// The five bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; TPDU_BYTES] {
        let [d0, d1] = self.destination.to_be_bytes();
        let [s0, s1] = self.source.to_be_bytes();
        [PROTOCOL, d0, d1, s0, s1]
    }

    /// From its five bytes.
    ///
    /// # Errors
    ///
    /// When the first is not 60.
    pub const fn from_bytes(bytes: [u8; TPDU_BYTES]) -> Result<Tpdu, EnvelopeError> {
        let [protocol, d0, d1, s0, s1] = bytes;
        if protocol != PROTOCOL {
            return Err(EnvelopeError::Protocol { found: protocol });
        }
        Ok(Tpdu { destination: u16::from_be_bytes([d0, d1]), source: u16::from_be_bytes([s0, s1]) })
    }
}

impl fmt::Display for Tpdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "60 {:04x} {:04x}", self.destination, self.source)
    }
}

/// The header of UnionPay POS: twelve digits, two in a byte.
///
/// Application kind (2), software version (2), terminal state (1), what the host asks the
/// terminal to do (1), software subversion (6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header(pub [u8; HEADER_BYTES]);

impl Header {
    /// What a terminal with a chip reader in normal use sends: kind 61, version 31.
    pub const NORMAL: Header = Header([0x61, 0x31, 0x00, 0x31, 0x10, 0x00]);

    /// 60 payment with magnetic stripes, 61 payment with chip cards too, in BCD.
    #[must_use]
    pub const fn application(self) -> u8 {
        self.0[0]
    }

    /// The terminal's state: 0 normal, 1 testing.
    #[must_use]
    pub const fn state(self) -> u8 {
        self.0[2] >> 4
    }

    /// What the terminal shall do next: 0 nothing, 1 fetch parameters, 2 send its state,
    /// 3 sign on again, 4 fetch public keys, 5 fetch chip parameters.
    #[must_use]
    pub const fn wish(self) -> u8 {
        self.0[2] & 0x0F
    }

    /// The same with another wish, 0 to 9.
    #[must_use]
    pub const fn with_wish(mut self, wish: u8) -> Header {
        self.0[2] = self.0[2] & 0xF0 | wish & 0x0F;
        self
    }
}

/// What stands before the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Where it goes.
    pub tpdu: Tpdu,
    /// The terminal's header.
    pub header: Header,
}

/// A frame is no UnionPay envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// The frame ends before the message.
    #[error(
        "{found} bytes are too few for TPDU, header and message: at least {} are needed",
        Envelope::BYTES
    )]
    CutShort {
        /// How many there are.
        found: usize,
    },
    /// Another protocol than ISO 8583.
    #[error("the TPDU begins with {found:02X} instead of 60")]
    Protocol {
        /// The first byte.
        found: u8,
    },
}

impl Envelope {
    /// TPDU and header together, in bytes.
    pub const BYTES: usize = TPDU_BYTES + HEADER_BYTES;

    /// Takes TPDU and header off a frame; the message is what is left.
    ///
    /// # Errors
    ///
    /// When the frame is too short or the TPDU does not begin with 60.
    pub fn parse(frame: &[u8]) -> Result<(Tpdu, Header, &[u8]), EnvelopeError> {
        let cut_short = EnvelopeError::CutShort { found: frame.len() };
        let (tpdu, rest) = frame.split_first_chunk().ok_or(cut_short)?;
        let (header, message) = rest.split_first_chunk().ok_or(cut_short)?;
        Ok((Tpdu::from_bytes(*tpdu)?, Header(*header), message))
    }

    /// What goes before the answer: the TPDU turned round, the same header.
    #[must_use]
    pub const fn reply(self) -> Envelope {
        Envelope { tpdu: self.tpdu.reply(), header: self.header }
    }

    /// Writes TPDU, header and message behind what is in a buffer.
    pub fn write(&self, out: &mut Vec<u8>, message: &[u8]) {
        out.reserve(Envelope::BYTES + message.len());
        out.extend_from_slice(&self.tpdu.to_bytes());
        out.extend_from_slice(&self.header.0);
        out.extend_from_slice(message);
    }
}
