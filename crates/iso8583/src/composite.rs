//! Fields that consist of parts at fixed positions.

use std::fmt;

use thiserror::Error;

use crate::wiped::WipedBytes;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompositePart {
    name: &'static str,
    length: u16,
    rest: bool,
}

impl CompositePart {
    /// A part of fixed length, in digits, characters or bytes.
    #[must_use]
    pub const fn new(name: &'static str, length: u16) -> CompositePart {
        CompositePart { name, length, rest: false }
    }

    /// The last part: the remaining value, up to `max`.
    #[must_use]
    pub const fn rest(name: &'static str, max: u16) -> CompositePart {
        CompositePart { name, length: max, rest: true }
    }
}

/// The parts of a field, in order. Parts at the end can be absent.
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
    parts: &'static [CompositePart],
}

/// A value does not consist of the field's parts. The error never contains the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CompositeError {
    /// The value ends inside a part or before a required one.
    #[error("field {field}: {part} starts at {offset} and needs {needed} more, {left} are left")]
    CutShort {
        field: u8,
        /// Number and name of the part.
        part: &'static str,
        offset: usize,
        needed: usize,
        left: usize,
    },
    #[error("field {field}: its parts end at {offset}, and {extra} more follow")]
    Trailing {
        field: u8,
        offset: usize,
        /// In digits, characters or bytes.
        extra: usize,
    },
    /// A requested part is absent.
    #[error("field {field}: {part} is missing")]
    Missing {
        field: u8,
        /// Number and name of the part; empty if the field has no such part.
        part: &'static str,
    },
    /// A part requested as a number is not one, or has more than 19 digits.
    #[error("field {field}: {part} is not a number")]
    NotNumber {
        field: u8,
        /// Number and name of the part.
        part: &'static str,
    },
    /// A given part has the wrong length.
    #[error("field {field}: {part} takes {length}, {given} were given")]
    Length {
        field: u8,
        /// Number and name of the part.
        part: &'static str,
        length: usize,
        given: usize,
    },
}

impl Composite {
    /// A field of which the first `required` parts must be present.
    ///
    /// # Panics
    /// If `required` exceeds the number of parts, or a part follows [`CompositePart::rest`]. In a
    /// constant this is a compile error.
    #[must_use]
    pub const fn new(field: u8, required: usize, parts: &'static [CompositePart]) -> Composite {
        assert!(required <= parts.len(), "more parts are required than there are");
        let mut index = 0;
        while index < parts.len() {
            assert!(!parts[index].rest || index + 1 == parts.len(), "the rest is the last part");
            index += 1;
        }
        Composite { field, required, parts }
    }

    /// Number of the field.
    #[must_use]
    pub const fn field(&self) -> u8 {
        self.field
    }

    /// Splits a value, given as the characters of a text or as bytes.
    pub fn split<'v>(&'static self, value: &'v [u8]) -> Result<CompositeParts<'v>, CompositeError> {
        let mut at = 0;
        for (index, part) in self.parts.iter().enumerate() {
            let left = value.len() - at;
            let length = usize::from(part.length);
            if left == 0 && index >= self.required {
                return Ok(CompositeParts { composite: self, value });
            }
            if left < length && !part.rest {
                let (field, part) = (self.field, part.name);
                let offset = at;
                return Err(CompositeError::CutShort { field, part, offset, needed: length, left });
            }
            at += length.min(left);
        }
        match value.len() - at {
            0 => Ok(CompositeParts { composite: self, value }),
            extra => Err(CompositeError::Trailing { field: self.field, offset: at, extra }),
        }
    }

    /// Joins parts. Digits are filled with zeros on the left; other parts must have their exact
    /// length.
    pub fn join(&self, values: &[&[u8]]) -> Result<WipedBytes, CompositeError> {
        let field = self.field;
        if let Some(part) = self.parts.get(values.len()..self.required).and_then(<[_]>::first) {
            return Err(CompositeError::Missing { field, part: part.name });
        }
        let mut joined = WipedBytes::default();
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

/// A split value. Parts are numbered from 0: 60.1 is part 0.
#[derive(Clone, Copy)]
pub struct CompositeParts<'v> {
    composite: &'static Composite,
    value: &'v [u8],
}

impl<'v> CompositeParts<'v> {
    /// `None` if the part is absent.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'v [u8]> {
        let part = self.composite.parts.get(index)?;
        let before = self.composite.parts[..index].iter();
        let start = before.map(|part| usize::from(part.length)).sum();
        let end = if part.rest { self.value.len() } else { start + usize::from(part.length) };
        self.value.get(start..end).filter(|value| !value.is_empty())
    }

    /// A part that must be present.
    pub fn bytes(&self, index: usize) -> Result<&'v [u8], CompositeError> {
        let (field, part) = (self.composite.field, self.name(index));
        self.get(index).ok_or(CompositeError::Missing { field, part })
    }

    /// A part that must be present and have 1 to 19 digits.
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

/// Shows lengths only, because some parts are keys.
impl fmt::Debug for CompositeParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (field, parts) = (self.composite.field, self.composite.parts.len());
        write!(f, "field {field}: ••• ({} in {parts} parts)", self.value.len())
    }
}
