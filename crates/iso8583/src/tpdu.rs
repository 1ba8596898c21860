//! The bytes before a UnionPay message: TPDU (5 bytes) and header (6 bytes).
//!
//! The header's digits follow common practice; the specification (QCUP 009) is not public.

use std::fmt;

use thiserror::Error;

/// Protocol identifier of ISO 8583.
const PROTOCOL: u8 = 0x60;
/// Size of a [`Tpdu`].
pub const TPDU_BYTES: usize = 5;
/// Size of a [`PosHeader`].
pub const HEADER_BYTES: usize = 6;

/// Destination and source of a message: two network identifiers (NII) of four digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tpdu {
    /// In BCD: 0x0003 is 0003.
    pub destination: u16,
    /// In BCD.
    pub source: u16,
}

impl Tpdu {
    pub const BYTES: usize = TPDU_BYTES;

    /// Swaps destination and source.
    #[must_use]
    pub const fn reply(self) -> Tpdu {
        Tpdu { destination: self.source, source: self.destination }
    }

    #[must_use]
    pub const fn to_bytes(self) -> [u8; TPDU_BYTES] {
        let [d0, d1] = self.destination.to_be_bytes();
        let [s0, s1] = self.source.to_be_bytes();
        [PROTOCOL, d0, d1, s0, s1]
    }

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

/// UnionPay POS header: twelve digits, two per byte.
///
/// Application (2), software version (2), terminal state (1), action that the host requests from
/// the terminal (1), software subversion (6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PosHeader(pub [u8; HEADER_BYTES]);

impl PosHeader {
    /// A terminal with a chip reader in normal use: application 61, version 31.
    pub const NORMAL: PosHeader = PosHeader([0x61, 0x31, 0x00, 0x31, 0x10, 0x00]);

    /// In BCD: 60 accepts magnetic stripes, 61 chip cards too.
    #[must_use]
    pub const fn application(self) -> u8 {
        self.0[0]
    }

    /// Terminal state: 0 normal, 1 testing.
    #[must_use]
    pub const fn state(self) -> u8 {
        self.0[2] >> 4
    }

    /// What the terminal must do next: 0 nothing, 1 fetch parameters, 2 send its state, 3 sign on
    /// again, 4 fetch public keys, 5 fetch chip parameters.
    #[must_use]
    pub const fn requested_action(self) -> u8 {
        self.0[2] & 0x0F
    }

    /// Changes the requested action, 0 to 9.
    #[must_use]
    pub const fn with_requested_action(mut self, wish: u8) -> PosHeader {
        self.0[2] = self.0[2] & 0xF0 | wish & 0x0F;
        self
    }
}

/// The bytes before a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub tpdu: Tpdu,
    pub header: PosHeader,
}

/// A frame does not start with TPDU and header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    #[error(
        "{found} bytes are too few for TPDU, header and message: at least {} are needed",
        Envelope::BYTES
    )]
    CutShort { found: usize },
    #[error("the TPDU begins with {found:02X} instead of 60")]
    Protocol {
        /// The first byte.
        found: u8,
    },
}

impl Envelope {
    /// Size of TPDU and header together.
    pub const BYTES: usize = TPDU_BYTES + HEADER_BYTES;

    /// Splits a frame into TPDU, header and message.
    pub fn parse(frame: &[u8]) -> Result<(Tpdu, PosHeader, &[u8]), EnvelopeError> {
        let cut_short = EnvelopeError::CutShort { found: frame.len() };
        let (tpdu, rest) = frame.split_first_chunk().ok_or(cut_short)?;
        let (header, message) = rest.split_first_chunk().ok_or(cut_short)?;
        Ok((Tpdu::from_bytes(*tpdu)?, PosHeader(*header), message))
    }

    /// The envelope of the answer: TPDU reversed, same header.
    #[must_use]
    pub const fn reply(self) -> Envelope {
        Envelope { tpdu: self.tpdu.reply(), header: self.header }
    }

    /// Appends TPDU, header and message to a buffer.
    pub fn write(&self, out: &mut Vec<u8>, message: &[u8]) {
        out.reserve(Envelope::BYTES + message.len());
        out.extend_from_slice(&self.tpdu.to_bytes());
        out.extend_from_slice(&self.header.0);
        out.extend_from_slice(message);
    }
}
