//! Errors: the tag, the broken rule and how to fix it. They never contain a value of the code.

use std::fmt;

use crate::CODE_CHARACTERS_MAX;
use crate::decimal::EXPONENT_MAX;

/// A tag that breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{location}: {rule}")]
pub struct QrError {
    pub location: TagLocation,
    #[source]
    pub rule: QrRule,
}

/// The path of a tag, for example `62/01` for the bill number in the additional data, and its
/// offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagLocation {
    tags: [u8; TagLocation::DEPTH_MAX],
    depth: usize,
    offset: Option<usize>,
}

impl TagLocation {
    const DEPTH_MAX: usize = 3;

    /// The code as a whole.
    pub(crate) const ROOT: TagLocation =
        TagLocation { tags: [0; TagLocation::DEPTH_MAX], depth: 0, offset: None };

    /// The path of tags, the outermost first. Empty for the code as a whole.
    #[must_use]
    pub fn tags(&self) -> &[u8] {
        &self.tags[..self.depth]
    }

    /// Offset of the tag, in characters from the start of the code. `None` for a missing tag and
    /// when the code is written.
    #[must_use]
    pub fn offset(&self) -> Option<usize> {
        self.offset
    }

    /// A tag inside this code or template.
    pub(crate) fn tag(mut self, tag: u8) -> TagLocation {
        assert!(
            self.depth < TagLocation::DEPTH_MAX,
            "templates nest at most {} deep",
            TagLocation::DEPTH_MAX
        );
        self.tags[self.depth] = tag;
        self.depth += 1;
        self.offset = None;
        self
    }

    pub(crate) fn at_offset(mut self, offset: usize) -> TagLocation {
        self.offset = Some(offset);
        self
    }

    pub(crate) fn violates(self, rule: QrRule) -> QrError {
        QrError { location: self, rule }
    }
}

impl fmt::Display for TagLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tags() {
            [] => f.write_str("the code")?,
            [outer, inner @ ..] => {
                write!(f, "tag {outer:02}")?;
                inner.iter().try_for_each(|tag| write!(f, "/{tag:02}"))?;
            }
        }
        match self.offset {
            Some(offset) => write!(f, " at character {offset}"),
            None => Ok(()),
        }
    }
}

/// A broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QrRule {
    #[error(
        "{characters} characters, at most {CODE_CHARACTERS_MAX} are allowed: leave out optional \
         tags"
    )]
    CodeLength { characters: usize },
    #[error("the text ends inside a tag or its length: each value needs four digits before it")]
    Truncated,
    #[error("expected a tag of two digits here: check the length before it")]
    TagDigits,
    #[error("expected a length of two digits after the tag")]
    LengthDigits,
    #[error(
        "the length says {declared} characters but only {available} follow: count characters, \
         not bytes"
    )]
    LengthBeyondEnd {
        declared: usize,
        /// Characters left in the code or template.
        available: usize,
    },
    #[error(
        "the tag is a duplicate of the one at character {first_offset}: each tag is allowed once"
    )]
    DuplicateTag { first_offset: usize },
    #[error("the payload format indicator, 000201, must come first")]
    FormatIndicatorNotFirst,
    #[error("the checksum, tag 63, must come last")]
    ChecksumNotLast,
    #[error("missing, but required")]
    Missing,
    #[error("no merchant account: add at least one of tags 02 to 51")]
    MissingAccount,
    #[error("this tag is not allowed here: use {first:02} to {last:02}")]
    TagNotAllowed {
        /// The lowest allowed tag.
        first: u8,
        /// The highest allowed tag.
        last: u8,
    },
    #[error("{characters} characters long, {min} to {max} are allowed")]
    Length { characters: usize, min: usize, max: usize },
    #[error("character {position} of the value is not allowed; allowed: {allowed}")]
    Character {
        /// Counted from 1.
        position: usize,
        allowed: &'static str,
    },
    #[error("the value is not allowed; allowed: {allowed}")]
    ValueNotAllowed { allowed: &'static str },
    /// A tip's value without its indicator, or the other way round.
    #[error("the tip tags do not match: tag 56 needs 5502, tag 57 needs 5503")]
    Tip,
    #[error(
        "not an amount: up to 13 characters, digits and at most one '.', above zero, for example \
         23.72"
    )]
    Amount,
    #[error(
        "too many decimals: the currency has {exponent} (no currency has more than {EXPONENT_MAX})"
    )]
    Decimals {
        /// Decimals of the currency.
        exponent: u32,
    },
    #[error("not a percentage: 00.01 to 99.99, digits and at most one '.', up to 5 characters")]
    Percent,
    #[error(
        "the checksum is {found:04X} but must be {expected:04X}: the code was damaged or edited"
    )]
    Checksum { expected: u16, found: u16 },
    #[error("not a code for a single payment: this tag must be 12 (dynamic)")]
    NotDynamic,
    #[error("{bytes} bytes do not fit in a QR symbol with error correction M: shorten the text")]
    SymbolCapacity { bytes: usize },
}
