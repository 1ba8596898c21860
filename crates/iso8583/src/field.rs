//! One field of a received message.

use std::fmt;

use zeroize::Zeroizing;

use crate::alphabet::{ascii_of_ebcdic, nibble_of_hex};
use crate::error::{FieldError, FieldRule};
use crate::spec::{Content, Encoding, FieldSpec, Padding};
use crate::text::Text;
use crate::tlv;

/// One field of a received message: a view, nothing is copied.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    pub(crate) id: u8,
    pub(crate) spec: &'a FieldSpec,
    /// The value as it was received, without its count.
    pub(crate) raw: &'a [u8],
    /// How many digits, characters or bytes.
    pub(crate) elements: usize,
    pub(crate) sensitive: bool,
}

impl<'a> Field<'a> {
    /// The field's number, 2 to 128.
    #[must_use]
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// What the packager says about it.
    #[must_use]
    pub const fn spec(&self) -> &'a FieldSpec {
        self.spec
    }

    /// The value's bytes as they were received, in whatever encoding, without the count.
    #[must_use]
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// How many digits, characters or bytes the value has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.elements
    }

    /// Whether the value has no element.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.elements == 0
    }

    /// The value as an unsigned number.
    ///
    /// # Errors
    ///
    /// When it is not made of digits, has none, or is above `u64::MAX`.
    pub fn number(&self) -> Result<u64, FieldError> {
        if self.is_empty() {
            return Err(self.error(FieldRule::NotDigits));
        }
        self.digits_from(0)
    }

    /// An amount with a sign, `x+n`: `C` (credit) is positive, `D` (debit) negative.
    ///
    /// # Errors
    ///
    /// When it has no sign, or is too large.
    pub fn signed(&self) -> Result<i64, FieldError> {
        if self.spec.content != Content::Xn || self.is_empty() {
            return Err(self.error(FieldRule::NotSigned));
        }
        let amount = i64::try_from(self.digits_from(1)?);
        let amount = amount.map_err(|_| self.error(FieldRule::TooLarge))?;
        Ok(if self.character(0) == Some(b'C') { amount } else { -amount })
    }

    fn digits_from(&self, first: usize) -> Result<u64, FieldError> {
        let mut sum = 0_u64;
        for index in first..self.elements {
            let digit = match self.character(index) {
                Some(digit @ b'0'..=b'9') => u64::from(digit - b'0'),
                _ => return Err(self.error(FieldRule::NotDigits)),
            };
            let larger = sum.checked_mul(10).and_then(|sum| sum.checked_add(digit));
            sum = larger.ok_or_else(|| self.error(FieldRule::TooLarge))?;
        }
        Ok(sum)
    }

    /// Exactly `N` digits, as characters.
    ///
    /// # Errors
    ///
    /// When there are more or fewer, or something else than digits.
    pub fn digits<const N: usize>(&self) -> Result<[u8; N], FieldError> {
        self.expect_length(N)?;
        let mut digits = [b'0'; N];
        for (index, digit) in digits.iter_mut().enumerate() {
            *digit = match self.character(index) {
                Some(character @ b'0'..=b'9') => character,
                _ => return Err(self.error(FieldRule::NotDigits)),
            };
        }
        Ok(digits)
    }

    /// The value as characters of ASCII, padding included. The separator of a track is `=`.
    ///
    /// # Errors
    ///
    /// When it holds bytes or characters that are not printable ASCII (Chinese text is in GBK):
    /// take [`Field::bytes`].
    pub fn text(&self) -> Result<Text<'a>, FieldError> {
        let not_text = || self.error(FieldRule::NotText);
        if self.spec.encoding == Encoding::Ascii {
            let printable = self.raw.iter().all(|byte| matches!(byte, b' '..=b'~'));
            let text = std::str::from_utf8(self.raw).ok().filter(|_| printable);
            return text.map(|text| Text::borrowed(text, self.sensitive)).ok_or_else(not_text);
        }
        if self.spec.content == Content::B {
            return Err(not_text());
        }
        let mut text = Zeroizing::new(String::with_capacity(self.elements));
        for index in 0..self.elements {
            text.push(char::from(self.character(index).ok_or_else(not_text)?));
        }
        Ok(Text::unpacked(text, self.sensitive))
    }

    /// The value as bytes: those of a binary field, or the characters as they were received.
    ///
    /// # Errors
    ///
    /// When it is written in BCD or hexadecimal.
    pub fn bytes(&self) -> Result<&'a [u8], FieldError> {
        match self.spec.encoding {
            Encoding::Ascii | Encoding::Ebcdic | Encoding::Binary => Ok(self.raw),
            Encoding::Bcd | Encoding::Hex => Err(self.error(FieldRule::NotBytes)),
        }
    }

    /// Exactly `N` bytes of a field of bytes, hexadecimal or not: a PIN block, a MAC.
    ///
    /// # Errors
    ///
    /// When it has another length or holds characters.
    pub fn block<const N: usize>(&self) -> Result<[u8; N], FieldError> {
        if self.spec.content != Content::B {
            return Err(self.error(FieldRule::NotBytes));
        }
        self.expect_length(N)?;
        let mut block = [0; N];
        for (index, byte) in block.iter_mut().enumerate() {
            *byte = self.byte(index).ok_or_else(|| self.error(FieldRule::NotBytes))?;
        }
        Ok(block)
    }

    /// The BER-TLV objects in a field of bytes, as field 55 has them.
    ///
    /// # Errors
    ///
    /// When the field does not hold bytes. What is wrong inside is told by the reader.
    pub fn tlv(&self) -> Result<tlv::Reader<'a>, FieldError> {
        self.bytes().map(tlv::Reader::new)
    }

    fn expect_length(&self, expected: usize) -> Result<(), FieldError> {
        if self.elements == expected {
            Ok(())
        } else {
            Err(self.error(FieldRule::Length { expected, found: self.elements }))
        }
    }

    pub(crate) fn error(&self, rule: FieldRule) -> FieldError {
        FieldError { field: self.id, name: self.spec.name, rule }
    }

    /// A character as printable ASCII.
    pub(crate) fn character(&self, index: usize) -> Option<u8> {
        if index >= self.elements {
            return None;
        }
        match self.spec.encoding {
            Encoding::Ascii => {
                self.raw.get(index).copied().filter(|byte| matches!(byte, b' '..=b'~'))
            }
            Encoding::Ebcdic => ascii_of_ebcdic(*self.raw.get(index)?),
            Encoding::Bcd if self.spec.content == Content::Xn => match index {
                0 => self.raw.first().copied(),
                _ => Some(b'0' | self.nibble(self.raw.get(1..)?, index - 1, self.elements - 1)?),
            },
            Encoding::Bcd => Some(b'0' | self.nibble(self.raw, index, self.elements)?),
            Encoding::Binary | Encoding::Hex => None,
        }
    }

    /// A character that is not printable ASCII, as it was received. What it stands for is known
    /// only to a field of the same alphabet.
    pub(crate) fn code_page(&self, index: usize) -> Option<u8> {
        match self.spec.encoding {
            Encoding::Ascii => self.raw.get(index).copied(),
            _ => None,
        }
    }

    fn nibble(&self, packed: &[u8], index: usize, digits: usize) -> Option<u8> {
        let on_the_left = matches!(self.spec.padding, Padding::Left(_));
        let place = index + usize::from(on_the_left && digits % 2 == 1);
        let byte = *packed.get(place / 2)?;
        Some(if place.is_multiple_of(2) { byte >> 4 } else { byte & 0x0F })
    }

    pub(crate) fn byte(&self, index: usize) -> Option<u8> {
        match self.spec.encoding {
            Encoding::Binary => self.raw.get(index).copied(),
            Encoding::Hex => {
                let high = nibble_of_hex(*self.raw.get(index * 2)?)?;
                Some(high << 4 | nibble_of_hex(*self.raw.get(index * 2 + 1)?)?)
            }
            Encoding::Ascii | Encoding::Ebcdic | Encoding::Bcd => None,
        }
    }
}

/// Two fields are equal when number and value are, whatever the encoding.
impl PartialEq for Field<'_> {
    fn eq(&self, other: &Self) -> bool {
        let element = |field: &Self, index| match field.spec.content {
            Content::B => field.byte(index),
            _ => field.character(index).or_else(|| field.code_page(index)),
        };
        self.id == other.id
            && self.elements == other.elements
            && (0..self.elements).all(|index| element(self, index) == element(other, index))
    }
}

impl Eq for Field<'_> {}

/// Sensitive values and bytes are not shown, only how many there are.
impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.id, self.spec.name)?;
        if self.sensitive || self.spec.content == Content::B {
            return write!(f, "••• ({} bytes)", self.raw.len());
        }
        match self.text() {
            Ok(text) => fmt::Debug::fmt(text.as_str(), f),
            Err(_) => write!(f, "\"{}\"", self.raw.escape_ascii()),
        }
    }
}
