//! Errors of parsing, reading and building. No error contains a value of a message.

use std::fmt;

use thiserror::Error;

/// A part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessagePart {
    /// Message type indicator.
    Mti,
    Bitmap,
    /// The second bitmap is field 1.
    SecondaryBitmap,
    Field {
        field: u8,
        /// Its name in the packager; empty if the packager does not define the field.
        name: &'static str,
    },
    /// After the last field.
    End,
}

impl fmt::Display for MessagePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MessagePart::Mti => f.write_str("message type"),
            MessagePart::Bitmap => f.write_str("bitmap"),
            MessagePart::SecondaryBitmap => f.write_str("second bitmap"),
            MessagePart::Field { field, name: "" } => write!(f, "field {field}"),
            MessagePart::Field { field, name } => write!(f, "field {field} ({name})"),
            MessagePart::End => f.write_str("end of the message"),
        }
    }
}

const fn place(field: u8, name: &'static str) -> MessagePart {
    MessagePart::Field { field, name }
}

/// The rule that received bytes break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParseRule {
    #[error("{needed} bytes are needed and {left} are left: the message is cut short")]
    CutShort { needed: usize, left: usize },
    /// The bitmap sets a field that the packager does not define.
    #[error(
        "the packager does not define this field: add it to the packager, or ask the sender to \
         omit it"
    )]
    Undefined,
    /// The bitmap announces a second one, but the packager has 64 fields.
    #[error("a second bitmap is announced, but the packager has 64 fields")]
    NoSecondBitmap,
    #[error("expected decimal digits")]
    NotDigits,
    /// A character outside the code set of tracks.
    #[error("expected 0 to 9 or : ; < = > ? on a track")]
    NotTrack,
    /// A signed amount has no sign.
    #[error("expected C (credit) or D (debit) before the digits")]
    NotSigned,
    #[error("expected hexadecimal digits")]
    NotHex,
    /// An invalid nibble beside an odd number of digits.
    #[error("the padding beside an odd number of digits must be 0 or F")]
    NotPadding,
    #[error("the length indicator must be decimal digits")]
    LengthNotDigits,
    /// The length indicator exceeds the field's maximum.
    #[error("the length indicator is {count}, the field takes at most {max}")]
    TooMany { count: usize, max: usize },
    #[error("{bytes} more bytes follow the last field of the bitmap")]
    Trailing { bytes: usize },
    /// The message is longer than [`crate::MESSAGE_BYTES_MAX`].
    #[error("the message has {bytes} bytes, at most {max} are allowed")]
    TooLong { bytes: usize, max: usize },
}

/// Received bytes do not follow the packager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{part}, byte {offset}: {rule}")]
pub struct ParseError {
    pub part: MessagePart,
    /// Position of the byte, from 0 at the message type.
    pub offset: usize,
    pub rule: ParseRule,
}

impl ParseError {
    /// Number of the field, if the error is in one.
    #[must_use]
    pub const fn field(&self) -> Option<u8> {
        match self.part {
            MessagePart::Field { field, .. } => Some(field),
            MessagePart::SecondaryBitmap => Some(1),
            MessagePart::Mti | MessagePart::Bitmap | MessagePart::End => None,
        }
    }
}

/// The reason that a field cannot be read as requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FieldRule {
    #[error("is missing")]
    Missing,
    #[error("has characters other than digits")]
    NotDigits,
    #[error("is too large")]
    TooLarge,
    #[error("is not an amount with C or D before it")]
    NotSigned,
    /// The field holds bytes, or characters that are not printable ASCII.
    #[error("is not text: read it as bytes")]
    NotText,
    /// The field is written in BCD or hexadecimal.
    #[error("is not stored as bytes: read it as text, as a number or as a block")]
    NotBytes,
    #[error("has {found} elements instead of {expected}")]
    Length { expected: usize, found: usize },
}

/// A field is absent or cannot be read as requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{} {rule}", place(*.field, .name))]
pub struct FieldError {
    pub field: u8,
    /// Its name in the packager; empty if the packager does not define the field.
    pub name: &'static str,
    pub rule: FieldRule,
}

/// The rule that a value to be sent breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BuildRule {
    /// The packager does not define the field.
    #[error("is not defined in the packager")]
    Undefined,
    #[error("takes {max} elements, {given} were given")]
    TooLong { given: usize, max: usize },
    /// The value is too short, and the field cannot be padded.
    #[error("takes exactly {expected} elements, {given} were given")]
    Length { given: usize, expected: usize },
    /// The field's content does not allow the character.
    #[error("cannot hold the character at {at}: its content is {content}")]
    Character {
        /// Position in the value, from 0.
        at: usize,
        /// The content in ISO 8583 notation, or the allowed characters.
        content: &'static str,
    },
    /// Text was given for a binary field.
    #[error("holds bytes, not characters")]
    NotText,
    /// Bytes were given for a text field.
    #[error("holds characters, not bytes")]
    NotBytes,
    /// The message would exceed [`crate::MESSAGE_BYTES_MAX`].
    #[error("does not fit: the message would be longer than {max} bytes")]
    MessageTooLong { max: usize },
    /// The MAC field does not have eight bytes.
    #[error("cannot hold a MAC of 8 bytes")]
    NotMac,
}

/// A message cannot be built. Reports the first value that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{} {rule}", place(*.field, .name))]
pub struct BuildError {
    pub field: u8,
    /// Its name in the packager; empty if the packager does not define the field.
    pub name: &'static str,
    pub rule: BuildRule,
}
