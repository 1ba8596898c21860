//! What can be wrong. No error holds a value of a message (M12).

use std::fmt;

use thiserror::Error;

/// Where in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The message type indicator.
    Mti,
    /// The first bitmap.
    Bitmap,
    /// The second bitmap, field 1.
    SecondaryBitmap,
    /// A field.
    Field {
        /// Its number.
        field: u8,
        /// Its name in the packager; empty for a field that the packager does not have.
        name: &'static str,
    },
    /// Behind the last field.
    End,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Mti => f.write_str("message type"),
            Place::Bitmap => f.write_str("bitmap"),
            Place::SecondaryBitmap => f.write_str("second bitmap"),
            Place::Field { field, name: "" } => write!(f, "field {field}"),
            Place::Field { field, name } => write!(f, "field {field} ({name})"),
            Place::End => f.write_str("end of the message"),
        }
    }
}

const fn place(field: u8, name: &'static str) -> Place {
    Place::Field { field, name }
}

/// The rule that received bytes break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Rule {
    /// The message ends inside something.
    #[error("{needed} bytes are needed and {left} are left: the message is cut short")]
    CutShort {
        /// How many bytes belong here.
        needed: usize,
        /// How many are there.
        left: usize,
    },
    /// The bitmap has a field that the packager does not.
    #[error("the packager has no such field: add it to the table, or tell the sender")]
    Undefined,
    /// The bitmap announces a second one where the packager has 64 fields.
    #[error("there is no second bitmap in this packager: it has 64 fields")]
    NoSecondBitmap,
    /// Something else than a digit.
    #[error("only decimal digits belong here")]
    NotDigits,
    /// Something else than the code set of a track.
    #[error("only 0 to 9 and : ; < = > ? belong on a track")]
    NotTrack,
    /// A signed amount without a sign.
    #[error("C (credit) or D (debit) belongs before the digits")]
    NotSigned,
    /// Something else than a hexadecimal digit.
    #[error("only hexadecimal digits belong here")]
    NotHex,
    /// The nibble beside an odd number of digits.
    #[error("the padding beside an odd number of digits is 0 or F")]
    NotPadding,
    /// A count that is not a number.
    #[error("the count before the value must be decimal digits")]
    CountNotDigits,
    /// A count above the field's length.
    #[error("the count is {count}, at most {max} fit")]
    TooMany {
        /// What was counted.
        count: usize,
        /// The most that the field takes.
        max: usize,
    },
    /// Bytes behind the last field.
    #[error("{bytes} more bytes follow the last field of the bitmap")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A message longer than [`crate::MESSAGE_BYTES_MAX`].
    #[error("{bytes} bytes are longer than the {max} that a message may have")]
    TooLong {
        /// How many there are.
        bytes: usize,
        /// How many are allowed.
        max: usize,
    },
}

/// Received bytes are no message of the packager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{place}, byte {offset}: {rule}")]
pub struct ParseError {
    /// The part of the message.
    pub place: Place,
    /// The byte, from 0 at the message type.
    pub offset: usize,
    /// What is wrong with it.
    pub rule: Rule,
}

impl ParseError {
    /// The field, if it is in one.
    #[must_use]
    pub const fn field(&self) -> Option<u8> {
        match self.place {
            Place::Field { field, .. } => Some(field),
            Place::SecondaryBitmap => Some(1),
            Place::Mti | Place::Bitmap | Place::End => None,
        }
    }
}

/// Why a field is not what the reader asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FieldRule {
    /// It is not in the message.
    #[error("is missing")]
    Missing,
    /// It is not made of digits.
    #[error("is not made of digits")]
    NotDigits,
    /// The number is too large.
    #[error("is too large a number")]
    TooLarge,
    /// It has no sign.
    #[error("is not an amount with C or D before it")]
    NotSigned,
    /// It has characters that are not printable ASCII, or bytes.
    #[error("is not text; take its bytes")]
    NotText,
    /// It is written in nibbles or characters of hexadecimal.
    #[error("is not there as bytes; take it as text, as a number or as a block")]
    NotBytes,
    /// Another length was asked for.
    #[error("has {found} elements instead of {expected}")]
    Length {
        /// What was asked for.
        expected: usize,
        /// What it has.
        found: usize,
    },
}

/// A field is not there, or not what the reader asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{} {rule}", place(*.field, .name))]
pub struct FieldError {
    /// The field's number.
    pub field: u8,
    /// Its name in the packager; empty for a field that the packager does not have.
    pub name: &'static str,
    /// What is wrong.
    pub rule: FieldRule,
}

/// The rule that a value for a message breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BuildRule {
    /// The packager does not have the field.
    #[error("is not in the packager")]
    Undefined,
    /// Too many elements.
    #[error("takes {max} elements, {given} were given")]
    TooLong {
        /// How many were given.
        given: usize,
        /// How many fit.
        max: usize,
    },
    /// A field of fixed length that cannot be filled up.
    #[error("takes exactly {expected} elements, {given} were given")]
    Length {
        /// How many were given.
        given: usize,
        /// How many it takes.
        expected: usize,
    },
    /// A character that the content of the field does not have.
    #[error("cannot hold the character at {at}: its content is {content}")]
    Character {
        /// Its place in the value, from 0.
        at: usize,
        /// The content in the letters of ISO 8583, or the alphabet that is left.
        content: &'static str,
    },
    /// Characters for a field of bytes.
    #[error("holds bytes, not characters")]
    NotText,
    /// Bytes for a field of characters.
    #[error("holds characters, not bytes")]
    NotBytes,
    /// The message would be longer than [`crate::MESSAGE_BYTES_MAX`].
    #[error("does not fit: the message would be longer than {max} bytes")]
    MessageTooLong {
        /// How many are allowed.
        max: usize,
    },
    /// The field for the MAC has another form than eight bytes.
    #[error("cannot hold a MAC of 8 bytes")]
    NotMac,
}

/// A message cannot be built. The first wrong value is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{} {rule}", place(*.field, .name))]
pub struct BuildError {
    /// The field's number.
    pub field: u8,
    /// Its name in the packager; empty for a field that the packager does not have.
    pub name: &'static str,
    /// What is wrong.
    pub rule: BuildRule,
}
