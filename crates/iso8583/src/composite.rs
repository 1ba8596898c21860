//! Fields made of parts: positions as data.

use std::fmt;

use thiserror::Error;

use crate::wiped::Wiped;

/// One part of a composite field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    name: &'static str,
    length: u16,
    rest: bool,
}

impl Part {
    /// A part that always has so many digits, characters or bytes.
    #[must_use]
    pub const fn new(name: &'static str, length: u16) -> Part {
        Part { name, length, rest: false }
    }

    /// The last part: all that is left, up to `max`.
    #[must_use]
    pub const fn rest(name: &'static str, max: u16) -> Part {
        Part { name, length: max, rest: true }
    }
}

/// The parts of a field, in order. Those at the end may be left out.
///
/// ```
/// use iso8583::packagers::FIELD_60;
///
/// let parts = FIELD_60.split("22000001000".as_bytes())?;
/// assert_eq!(parts.number(0)?, 22);
/// assert_eq!(parts.number(1)?, 1);
/// assert_eq!(parts.get(3), None);
/// # Ok::<(), iso8583::composite::CompositeError>(())
/// ```
#[derive(Debug)]
pub struct Composite {
    field: u8,
    required: usize,
    parts: &'static [Part],
}

/// A composite field is not made of its parts. No value is told (M12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CompositeError {
    /// The value ends inside a part, or before one that must be there.
    #[error("field {field}: {part} starts at {offset} and needs {needed} more, {left} are left")]
    CutShort {
        /// The field.
        field: u8,
        /// The part's number and name.
        part: &'static str,
        /// Where the part starts.
        offset: usize,
        /// Its length.
        needed: usize,
        /// What is left for it.
        left: usize,
    },
    /// Something follows the last part.
    #[error("field {field}: its parts end at {offset}, and {extra} more follow")]
    Trailing {
        /// The field.
        field: u8,
        /// Where the last part ends.
        offset: usize,
        /// How many digits, characters or bytes follow.
        extra: usize,
    },
    /// A part that was asked for is not there.
    #[error("field {field}: {part} is missing")]
    Missing {
        /// The field.
        field: u8,
        /// The part's number and name, empty if the field has none such.
        part: &'static str,
    },
    /// A part that was asked for as a number is none, or has more than 19 digits.
    #[error("field {field}: {part} is not a number")]
    NotNumber {
        /// The field.
        field: u8,
        /// The part's number and name.
        part: &'static str,
    },
    /// A value for a part has not its length.
    #[error("field {field}: {part} takes {length}, {given} were given")]
    Length {
        /// The field.
        field: u8,
        /// The part's number and name.
        part: &'static str,
        /// What the part takes.
        length: usize,
        /// What was given.
        given: usize,
    },
}

impl Composite {
    /// The parts of a field, of which the first `required` must be there.
    ///
    /// # Panics
    ///
    /// When more are required than there are, or a part after the rest follows. In a constant
    /// this is an error of the compiler.
    #[must_use]
    pub const fn new(field: u8, required: usize, parts: &'static [Part]) -> Composite {
        assert!(required <= parts.len(), "more parts are required than there are");
        let mut index = 0;
        while index < parts.len() {
            assert!(!parts[index].rest || index + 1 == parts.len(), "the rest is the last part");
            index += 1;
        }
        Composite { field, required, parts }
    }

    /// The field that this is about.
    #[must_use]
    pub const fn field(&self) -> u8 {
        self.field
    }

    /// Takes a value apart: the characters of a text, or bytes.
    ///
    /// # Errors
    ///
    /// When it ends inside a part or before a required one, or goes on behind the last.
    pub fn split<'v>(&'static self, value: &'v [u8]) -> Result<Parts<'v>, CompositeError> {
        let mut at = 0;
        for (index, part) in self.parts.iter().enumerate() {
            let left = value.len() - at;
            let length = usize::from(part.length);
            if left == 0 && index >= self.required {
                return Ok(Parts { composite: self, value });
            }
            if left < length && !part.rest {
                let (field, part) = (self.field, part.name);
                let offset = at;
                return Err(CompositeError::CutShort { field, part, offset, needed: length, left });
            }
            at += length.min(left);
        }
        match value.len() - at {
            0 => Ok(Parts { composite: self, value }),
            extra => Err(CompositeError::Trailing { field: self.field, offset: at, extra }),
        }
    }

    /// Puts parts together. Digits get zeros on the left, other parts must have their length.
    ///
    /// # Errors
    ///
    /// When there are fewer than required or more than there are, or a part is too long or too
    /// short.
    pub fn join(&self, values: &[&[u8]]) -> Result<Wiped, CompositeError> {
        let field = self.field;
        if let Some(part) = self.parts.get(values.len()..self.required).and_then(<[_]>::first) {
            return Err(CompositeError::Missing { field, part: part.name });
        }
        let mut joined = Wiped::default();
        if values.len() > self.parts.len() {
            let offset = self.parts.iter().map(|part| usize::from(part.length)).sum();
            let extra = values.len() - self.parts.len();
            return Err(CompositeError::Trailing { field, offset, extra });
        }
        for (part, value) in self.parts.iter().zip(values) {
            let length = usize::from(part.length);
            let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
            let fits =
                if part.rest || digits { value.len() <= length } else { value.len() == length };
            if !fits {
                let (part, given) = (part.name, value.len());
                return Err(CompositeError::Length { field, part, length, given });
            }
            if !part.rest {
                (value.len()..length).for_each(|_| joined.push(b'0'));
            }
            joined.extend(value);
        }
        Ok(joined)
    }
}

/// A value taken apart. Parts are counted from 0: 60.1 is 0.
#[derive(Clone, Copy)]
pub struct Parts<'v> {
    composite: &'static Composite,
    value: &'v [u8],
}

impl<'v> Parts<'v> {
    /// A part, `None` if it was left out.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'v [u8]> {
        let part = self.composite.parts.get(index)?;
        let before = self.composite.parts[..index].iter();
        let start = before.map(|part| usize::from(part.length)).sum();
        let end = if part.rest { self.value.len() } else { start + usize::from(part.length) };
        self.value.get(start..end).filter(|value| !value.is_empty())
    }

    /// A part that must be there.
    ///
    /// # Errors
    ///
    /// When it was left out.
    pub fn bytes(&self, index: usize) -> Result<&'v [u8], CompositeError> {
        let (field, part) = (self.composite.field, self.name(index));
        self.get(index).ok_or(CompositeError::Missing { field, part })
    }

    /// A part that must be there, as a number.
    ///
    /// # Errors
    ///
    /// When it was left out, or is not of 1 to 19 digits.
    pub fn number(&self, index: usize) -> Result<u64, CompositeError> {
        let digits = self.bytes(index)?;
        let (field, part) = (self.composite.field, self.name(index));
        let wrong = CompositeError::NotNumber { field, part };
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(wrong);
        }
        std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or(wrong)
    }

    fn name(&self, index: usize) -> &'static str {
        self.composite.parts.get(index).map_or("", |part| part.name)
    }
}

/// The lengths only: some parts are keys.
impl fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (field, parts) = (self.composite.field, self.composite.parts.len());
        write!(f, "field {field}: ••• ({} in {parts} parts)", self.value.len())
    }
}
