//! Which tag breaks which rule, and how to mend it. No value of a code is repeated here.

use std::fmt;

use crate::CODE_CHARACTERS_MAX;
use crate::decimal::EXPONENT_MAX;

/// Which tag breaks which rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {rule}")]
pub struct QrError {
    /// Where.
    pub place: Place,
    /// What is broken there.
    #[source]
    pub rule: Rule,
}

/// A tag, as `62/01` for the bill number in the additional data, and where it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    tags: [u8; Place::DEPTH_MAX],
    depth: usize,
    offset: Option<usize>,
}

impl Place {
    const DEPTH_MAX: usize = 3;

    /// The code as a whole.
    pub(crate) const CODE: Place = Place { tags: [0; Place::DEPTH_MAX], depth: 0, offset: None };

    /// The tags from the outermost to the one that is meant; none for the code as a whole.
    #[must_use]
    pub fn tags(&self) -> &[u8] {
        &self.tags[..self.depth]
    }

    /// Where the tag starts, in characters from the start of the code; nothing where it is missing
    /// or the code was being written.
    #[must_use]
    pub fn offset(&self) -> Option<usize> {
        self.offset
    }

    /// A tag of the code, or of the template that this is.
    pub(crate) fn tag(mut self, tag: u8) -> Place {
        assert!(self.depth < Place::DEPTH_MAX, "no template of a template of a template is read");
        self.tags[self.depth] = tag;
        self.depth += 1;
        self.offset = None;
        self
    }

    pub(crate) fn at(mut self, offset: usize) -> Place {
        self.offset = Some(offset);
        self
    }

    pub(crate) fn breaks(self, rule: Rule) -> QrError {
        QrError { place: self, rule }
    }
}

impl fmt::Display for Place {
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

/// A rule that a code can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// More than [`CODE_CHARACTERS_MAX`].
    #[error(
        "{characters} characters are too many, at most {CODE_CHARACTERS_MAX} are allowed; leave \
         optional tags out"
    )]
    CodeLength {
        /// How many there are.
        characters: usize,
    },
    /// The text ends inside a tag or a length.
    #[error("the text ends inside a tag or its length; four digits stand before each value")]
    Cut,
    /// Something else where a tag should be.
    #[error("a tag of two digits should stand here; is the length before it right?")]
    Tag,
    /// Something else where a length should be.
    #[error("a length of two digits should follow the tag")]
    LengthDigits,
    /// A length that leads beyond the end.
    #[error(
        "its length says {says} characters and {left} are left; lengths count characters, not bytes"
    )]
    Beyond {
        /// What the length says.
        says: usize,
        /// What is left of the code or of the template.
        left: usize,
    },
    /// A tag that stands twice.
    #[error("the tag was there before, at character {first}; each tag may stand once")]
    Twice {
        /// Where it stood first.
        first: usize,
    },
    /// A code that starts with another tag than 00.
    #[error("the payload format indicator, 000201, must come first")]
    NotFirst,
    /// A code that ends in another tag than 63.
    #[error("the checksum, tag 63, must come last")]
    NotLast,
    /// A tag that must be there and is not.
    #[error("missing, and it must be there")]
    Missing,
    /// None of tags 02 to 51.
    #[error("there is no merchant account; at least one of tags 02 to 51 must be there")]
    NoAccount,
    /// A number that is no tag of this kind.
    #[error("no such tag in this place; use {first:02} to {last:02}")]
    NoSuchTag {
        /// The lowest that is.
        first: u8,
        /// The highest that is.
        last: u8,
    },
    /// A value that is too short or too long.
    #[error("{characters} characters long, and {min} to {max} are allowed")]
    Length {
        /// How long it is.
        characters: usize,
        /// The shortest.
        min: usize,
        /// The longest.
        max: usize,
    },
    /// A value with a character that it may not have.
    #[error("character {position} of the value is wrong; allowed: {allowed}")]
    Character {
        /// Which, from 1.
        position: usize,
        /// What may stand there.
        allowed: &'static str,
    },
    /// A value that is none of the few that a tag can have.
    #[error("the value is none of those allowed: {allowed}")]
    Value {
        /// What may stand there.
        allowed: &'static str,
    },
    /// A tip's value without its indicator, or the other way round.
    #[error("the tip does not fit together: tag 56 goes with 5502 only, tag 57 with 5503 only")]
    Tip,
    /// Not a decimal number above nought.
    #[error(
        "not an amount: up to 13 characters, digits and at most one '.', above nought, for example \
         23.72"
    )]
    Amount,
    /// More decimals than a currency has, or than any has.
    #[error(
        "more decimals than the {exponent} of its currency (no currency has over {EXPONENT_MAX})"
    )]
    Decimals {
        /// How many decimals the currency has.
        exponent: u32,
    },
    /// Not a percentage.
    #[error("not a percentage: 00.01 to 99.99, digits and at most one '.', up to 5 characters")]
    Percent,
    /// The checksum is that of another text.
    #[error(
        "the checksum is {found:04X} and should be {expected:04X}: the code was damaged or edited"
    )]
    Checksum {
        /// The checksum of the text.
        expected: u16,
        /// What stands there.
        found: u16,
    },
    /// The code is not one that is shown for one tender.
    #[error("not a code for one tender: this tag should say 12 (dynamic)")]
    NotDynamic,
    /// More than any QR symbol holds.
    #[error("{bytes} bytes are more than a QR symbol of error correction M holds")]
    Picture {
        /// How many there are.
        bytes: usize,
    },
}
