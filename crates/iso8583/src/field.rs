use std::fmt;

use zeroize::Zeroizing;

use crate::alphabet::ascii_of_ebcdic;
use crate::error::{FieldError, FieldRule};
use crate::spec::{FieldContent, FieldEncoding, FieldPadding, FieldSpec};
use crate::text::FieldText;
use crate::tlv;

/// A field of a received message. It borrows the message's bytes.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    pub(crate) id: u8,
    pub(crate) spec: &'a FieldSpec,
    /// The value as received, without its length indicator.
    pub(crate) raw: &'a [u8],
    /// Number of digits, characters or bytes.
    pub(crate) elements: usize,
    pub(crate) sensitive: bool,
}

impl<'a> Field<'a> {
    /// Field number, 2 to 128.
    #[must_use]
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// Definition in the packager.
    #[must_use]
    pub const fn spec(&self) -> &'a FieldSpec {
        self.spec
    }

    /// The value as received, in its encoding and without its length indicator.
    #[must_use]
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Number of digits, characters or bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.elements
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.elements == 0
    }

    /// Reads an unsigned number.
    pub fn number(&self) -> Result<u64, FieldError> {
        if self.is_empty() {
            return Err(self.error(FieldRule::NotDigits));
        }
        self.digits_from(0)
    }

    /// Reads a signed amount (`x+n`): `C` (credit) is positive, `D` (debit) negative.
    pub fn signed(&self) -> Result<i64, FieldError> {
        if self.spec.content != FieldContent::Xn || self.is_empty() {
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

    /// Reads exactly `N` digits, as characters.
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

    /// Reads printable ASCII, padding included. The separator of a track is `=`.
    ///
    /// # Errors
    /// If the field holds bytes or other characters (Chinese text is in GBK): use [`Field::bytes`].
    pub fn text(&self) -> Result<FieldText<'a>, FieldError> {
        let not_text = || self.error(FieldRule::NotText);
        if self.spec.encoding == FieldEncoding::Ascii {
            let printable = self.raw.iter().all(|byte| matches!(byte, b' '..=b'~'));
            let text = std::str::from_utf8(self.raw).ok().filter(|_| printable);
            return text.map(|text| FieldText::borrowed(text, self.sensitive)).ok_or_else(not_text);
        }
        if self.spec.content == FieldContent::B {
            return Err(not_text());
        }
        let mut text = Zeroizing::new(String::with_capacity(self.elements));
        for index in 0..self.elements {
            text.push(char::from(self.character(index).ok_or_else(not_text)?));
        }
        Ok(FieldText::unpacked(text, self.sensitive))
    }

    /// Reads bytes: those of a binary field, or the characters as received.
    ///
    /// # Errors
    /// If the field is written in BCD or hexadecimal.
    pub fn bytes(&self) -> Result<&'a [u8], FieldError> {
        match self.spec.encoding {
            FieldEncoding::Ascii | FieldEncoding::Ebcdic | FieldEncoding::Binary => Ok(self.raw),
            FieldEncoding::Bcd | FieldEncoding::Hex => Err(self.error(FieldRule::NotBytes)),
        }
    }

    /// Reads exactly `N` bytes of a binary field, such as a PIN block or a MAC. Hexadecimal is
    /// decoded.
    pub fn block<const N: usize>(&self) -> Result<[u8; N], FieldError> {
        if self.spec.content != FieldContent::B {
            return Err(self.error(FieldRule::NotBytes));
        }
        self.expect_length(N)?;
        let mut block = [0; N];
        for (index, byte) in block.iter_mut().enumerate() {
            *byte = self.byte(index).ok_or_else(|| self.error(FieldRule::NotBytes))?;
        }
        Ok(block)
    }

    /// Reads BER-TLV objects, such as those of field 55. Errors inside the objects come from the
    /// reader.
    pub fn tlv(&self) -> Result<tlv::TlvReader<'a>, FieldError> {
        self.bytes().map(tlv::TlvReader::new)
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

    /// A character; `None` unless it is printable ASCII.
    pub(crate) fn character(&self, index: usize) -> Option<u8> {
        if index >= self.elements {
            return None;
        }
        match self.spec.encoding {
            FieldEncoding::Ascii => {
                self.raw.get(index).copied().filter(|byte| matches!(byte, b' '..=b'~'))
            }
            FieldEncoding::Ebcdic => ascii_of_ebcdic(*self.raw.get(index)?),
            FieldEncoding::Bcd if self.spec.content == FieldContent::Xn => match index {
                0 => self.raw.first().copied(),
                _ => Some(b'0' | self.nibble(self.raw.get(1..)?, index - 1, self.elements - 1)?),
            },
            FieldEncoding::Bcd => Some(b'0' | self.nibble(self.raw, index, self.elements)?),
            FieldEncoding::Binary | FieldEncoding::Hex => None,
        }
    }

    /// A received character that may lie outside printable ASCII. Only a field with the same code
    /// page can interpret it.
    pub(crate) fn code_page_byte(&self, index: usize) -> Option<u8> {
        match self.spec.encoding {
            FieldEncoding::Ascii => self.raw.get(index).copied(),
            _ => None,
        }
    }

    fn nibble(&self, packed: &[u8], index: usize, digits: usize) -> Option<u8> {
        let on_the_left = matches!(self.spec.padding, FieldPadding::Left(_));
        let place = index + usize::from(on_the_left && digits % 2 == 1);
        let byte = *packed.get(place / 2)?;
        Some(if place.is_multiple_of(2) { byte >> 4 } else { byte & 0x0F })
    }

    pub(crate) fn byte(&self, index: usize) -> Option<u8> {
        match self.spec.encoding {
            FieldEncoding::Binary => self.raw.get(index).copied(),
            FieldEncoding::Hex => {
                let pair = self.raw.get(index * 2..index * 2 + 2)?;
                let mut byte = [0];
                base16ct::mixed::decode(pair, &mut byte).ok().map(|byte| byte[0])
            }
            FieldEncoding::Ascii | FieldEncoding::Ebcdic | FieldEncoding::Bcd => None,
        }
    }
}

/// Fields are equal if number and value are, whatever the encoding.
impl PartialEq for Field<'_> {
    fn eq(&self, other: &Self) -> bool {
        let element = |field: &Self, index| match field.spec.content {
            FieldContent::B => field.byte(index),
            _ => field.character(index).or_else(|| field.code_page_byte(index)),
        };
        self.id == other.id
            && self.elements == other.elements
            && (0..self.elements).all(|index| element(self, index) == element(other, index))
    }
}

impl Eq for Field<'_> {}

/// Hides sensitive and binary values; shows only their length.
impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.id, self.spec.name)?;
        if self.sensitive || self.spec.content == FieldContent::B {
            return write!(f, "••• ({} bytes)", self.raw.len());
        }
        match self.text() {
            Ok(text) => fmt::Debug::fmt(text.as_str(), f),
            Err(_) => write!(f, "\"{}\"", self.raw.escape_ascii()),
        }
    }
}
