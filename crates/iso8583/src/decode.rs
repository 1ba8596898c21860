//! Parses messages.

use crate::MESSAGE_BYTES_MAX;
use crate::alphabet::{ascii_of_ebcdic, nibble_of_hex};
use crate::error::{MessagePart, ParseError, ParseRule};
use crate::message::{Message, Span};
use crate::mti::Mti;
use crate::packager::{BitmapEncoding, FIELDS_MAX, MtiEncoding, Packager, bit};
use crate::spec::{
    FieldContent, FieldEncoding, FieldLength, FieldPadding, FieldSpec, LengthIndicator,
    LengthIndicatorEncoding, LengthUnit,
};

impl Packager {
    /// Parses a message, starting at its message type. Copies and allocates nothing.
    ///
    /// Checks digits, tracks and length indicators. Characters are not checked, so an odd character
    /// in a name does not lose an answer: [`crate::Field::text`] checks them when they are read.
    ///
    /// # Errors
    /// Where and why the bytes do not follow the packager, without any value.
    pub fn parse<'a>(&'a self, bytes: &'a [u8]) -> Result<Message<'a>, ParseError> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            let rule = ParseRule::TooLong { bytes: bytes.len(), max: MESSAGE_BYTES_MAX };
            return Err(ParseError { part: MessagePart::End, offset: MESSAGE_BYTES_MAX, rule });
        }
        let mut reader = Reader { bytes, at: 0 };
        let mti = reader.mti(self.mti)?;
        let mut present = u128::from(reader.bitmap(self.bitmap, MessagePart::Bitmap)?) << 64;
        if present & bit(1) != 0 {
            if !self.secondary {
                let (place, offset) = (MessagePart::SecondaryBitmap, reader.at);
                return Err(ParseError { part: place, offset, rule: ParseRule::NoSecondBitmap });
            }
            present |= u128::from(reader.bitmap(self.bitmap, MessagePart::SecondaryBitmap)?);
            present &= !bit(1);
        }
        let mut spans = [Span::default(); FIELDS_MAX + 1];
        let mut left = present;
        while left != 0 {
            let index = left.leading_zeros() as usize + 1;
            left &= !(1 << (FIELDS_MAX - index));
            spans[index] = reader.field(index, self.fields[index].as_ref())?;
        }
        if reader.at < bytes.len() {
            let rule = ParseRule::Trailing { bytes: bytes.len() - reader.at };
            return Err(ParseError { part: MessagePart::End, offset: reader.at, rule });
        }
        Ok(Message { packager: self, bytes, mti, present, spans })
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn mti(&mut self, encoding: MtiEncoding) -> Result<Mti, ParseError> {
        let (place, start) = (MessagePart::Mti, self.at);
        let mut digits = [0; 4];
        match encoding {
            MtiEncoding::Bcd => {
                let raw = self.take(2, place)?;
                for (pair, byte) in digits.chunks_exact_mut(2).zip(raw) {
                    pair[0] = b'0' + (byte >> 4);
                    pair[1] = b'0' + (byte & 0x0F);
                }
            }
            MtiEncoding::Ascii => digits.copy_from_slice(self.take(4, place)?),
            MtiEncoding::Ebcdic => {
                for (digit, byte) in digits.iter_mut().zip(self.take(4, place)?) {
                    *digit = ascii_of_ebcdic(*byte).unwrap_or(0);
                }
            }
        }
        Mti::from_digits(digits).ok_or(ParseError {
            part: place,
            offset: start,
            rule: ParseRule::NotDigits,
        })
    }

    fn bitmap(&mut self, encoding: BitmapEncoding, place: MessagePart) -> Result<u64, ParseError> {
        let start = self.at;
        if encoding == BitmapEncoding::Raw {
            let raw = self.take(8, place)?;
            return Ok(raw.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)));
        }
        let mut bits = 0;
        for (index, byte) in self.take(16, place)?.iter().enumerate() {
            let character = match encoding {
                BitmapEncoding::HexEbcdic => ascii_of_ebcdic(*byte),
                BitmapEncoding::Hex | BitmapEncoding::Raw => Some(*byte),
            };
            let nibble = character.and_then(nibble_of_hex).ok_or(ParseError {
                part: place,
                offset: start + index,
                rule: ParseRule::NotHex,
            })?;
            bits = bits << 4 | u64::from(nibble);
        }
        Ok(bits)
    }

    fn field(&mut self, index: usize, spec: Option<&FieldSpec>) -> Result<Span, ParseError> {
        let field = u8::try_from(index).unwrap_or(u8::MAX);
        let place = MessagePart::Field { field, name: spec.map_or("", |spec| spec.name) };
        let Some(spec) = spec else {
            return Err(ParseError { part: place, offset: self.at, rule: ParseRule::Undefined });
        };
        let elements = match spec.length {
            FieldLength::Fixed(elements) => usize::from(elements),
            FieldLength::Variable { max, indicator: count } => {
                self.elements(spec, usize::from(max), count, place)?
            }
        };
        let start = self.at;
        let raw = self.take(spec.encoded_bytes(elements), place)?;
        check(spec, raw, elements).map_err(|(at, rule)| ParseError {
            part: place,
            offset: start + at,
            rule,
        })?;
        Ok(Span { start: narrow(start), elements: narrow(elements) })
    }

    /// Reads the length indicator and returns the number of elements that follow.
    fn elements(
        &mut self,
        spec: &FieldSpec,
        max: usize,
        count: LengthIndicator,
        place: MessagePart,
    ) -> Result<usize, ParseError> {
        let offset = self.at;
        let raw = self.take(count.size_bytes(), place)?;
        let counted = number(raw, count.encoding);
        let counted =
            counted.ok_or(ParseError { part: place, offset, rule: ParseRule::LengthNotDigits })?;
        let longest = match count.unit {
            LengthUnit::Elements => max,
            LengthUnit::Bytes => spec.encoded_bytes(max),
        };
        if counted > longest {
            let rule = ParseRule::TooMany { count: counted, max: longest };
            return Err(ParseError { part: place, offset, rule });
        }
        match (count.unit, spec.encoding) {
            (LengthUnit::Elements, _) => Ok(counted),
            (LengthUnit::Bytes, FieldEncoding::Bcd) => {
                Ok(self.packed_elements(spec, counted).min(max))
            }
            (LengthUnit::Bytes, FieldEncoding::Hex) if counted % 2 == 1 => {
                Err(ParseError { part: place, offset, rule: ParseRule::NotHex })
            }
            (LengthUnit::Bytes, FieldEncoding::Hex) => Ok(counted / 2),
            (
                LengthUnit::Bytes,
                FieldEncoding::Ascii | FieldEncoding::Ebcdic | FieldEncoding::Binary,
            ) => Ok(counted),
        }
    }

    /// The number of digits in the next bytes. A nibble `F` used as padding is not a digit.
    fn packed_elements(&self, spec: &FieldSpec, bytes: usize) -> usize {
        let (sign, packed) = match spec.content {
            FieldContent::Xn if bytes > 0 => (1, bytes - 1),
            _ => (0, bytes),
        };
        let first = self.at + sign;
        let padded = packed > 0
            && match spec.padding {
                FieldPadding::Left(b'F') => {
                    self.bytes.get(first).is_some_and(|byte| byte >> 4 == 0x0F)
                }
                FieldPadding::Right(b'F') => {
                    let last = self.bytes.get(first + packed - 1);
                    last.is_some_and(|byte| byte & 0x0F == 0x0F)
                }
                FieldPadding::Left(_) | FieldPadding::Right(_) => false,
            };
        sign + packed * 2 - usize::from(padded)
    }

    fn take(&mut self, needed: usize, place: MessagePart) -> Result<&'a [u8], ParseError> {
        match self.bytes.get(self.at..self.at + needed) {
            Some(taken) => {
                self.at += needed;
                Ok(taken)
            }
            None => {
                let left = self.bytes.len() - self.at;
                let rule = ParseRule::CutShort { needed, left };
                Err(ParseError { part: place, offset: self.at, rule })
            }
        }
    }
}

/// Offsets and lengths fit: a message has at most [`MESSAGE_BYTES_MAX`] bytes.
fn narrow(value: usize) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

fn number(raw: &[u8], encoding: LengthIndicatorEncoding) -> Option<usize> {
    raw.iter().try_fold(0_usize, |sum, byte| {
        let digit = |character: u8| {
            character.is_ascii_digit().then(|| sum * 10 + usize::from(character - b'0'))
        };
        match encoding {
            LengthIndicatorEncoding::Binary => Some(sum << 8 | usize::from(*byte)),
            LengthIndicatorEncoding::Ascii => digit(*byte),
            LengthIndicatorEncoding::Ebcdic => digit(ascii_of_ebcdic(*byte)?),
            LengthIndicatorEncoding::Bcd => packed(*byte)
                .then(|| sum * 100 + usize::from(byte >> 4) * 10 + usize::from(byte & 0x0F)),
        }
    })
}

/// Whether both nibbles are decimal digits.
const fn packed(byte: u8) -> bool {
    byte >> 4 <= 9 && byte & 0x0F <= 9
}

type Wrong = (usize, ParseRule);

fn check(spec: &FieldSpec, raw: &[u8], elements: usize) -> Result<(), Wrong> {
    match (spec.encoding, spec.content) {
        (FieldEncoding::Binary, _) | (_, FieldContent::An | FieldContent::Ans) => Ok(()),
        (FieldEncoding::Hex, _) => all(raw, 0, ParseRule::NotHex, |byte| byte.is_ascii_hexdigit()),
        (FieldEncoding::Bcd, FieldContent::Xn) => {
            let Some((sign, digits)) = raw.split_first() else { return Ok(()) };
            all(&[*sign], 0, ParseRule::NotSigned, is_sign)?;
            check_packed(spec, digits, 1, elements - 1)
        }
        (FieldEncoding::Bcd, _) => check_packed(spec, raw, 0, elements),
        (FieldEncoding::Ascii, content) => check_characters(content, raw, Some),
        (FieldEncoding::Ebcdic, content) => check_characters(content, raw, ascii_of_ebcdic),
    }
}

fn check_characters(
    content: FieldContent,
    raw: &[u8],
    ascii: impl Fn(u8) -> Option<u8>,
) -> Result<(), Wrong> {
    let is = |byte: u8, class: fn(u8) -> bool| ascii(byte).is_some_and(class);
    match content {
        FieldContent::N => {
            all(raw, 0, ParseRule::NotDigits, |byte| is(byte, |c| c.is_ascii_digit()))
        }
        FieldContent::Xn => {
            let Some((sign, digits)) = raw.split_first() else { return Ok(()) };
            all(&[*sign], 0, ParseRule::NotSigned, |byte| is(byte, is_sign))?;
            all(digits, 1, ParseRule::NotDigits, |byte| is(byte, |c| c.is_ascii_digit()))
        }
        FieldContent::Z => {
            all(raw, 0, ParseRule::NotTrack, |byte| is(byte, |c| matches!(c, b'0'..=b'?')))
        }
        FieldContent::An | FieldContent::Ans | FieldContent::B => Ok(()),
    }
}

fn is_sign(character: u8) -> bool {
    matches!(character, b'C' | b'D')
}

fn check_packed(spec: &FieldSpec, raw: &[u8], offset: usize, digits: usize) -> Result<(), Wrong> {
    let whole = match (digits % 2, spec.padding) {
        (0, _) => raw,
        (_, FieldPadding::Left(fill)) => {
            let Some((first, rest)) = raw.split_first() else { return Ok(()) };
            check_beside(spec, first >> 4, first & 0x0F, fill, offset)?;
            return check_digits(spec, rest, offset + 1);
        }
        (_, FieldPadding::Right(fill)) => {
            let Some((last, rest)) = raw.split_last() else { return Ok(()) };
            check_digits(spec, rest, offset)?;
            return check_beside(spec, last & 0x0F, last >> 4, fill, offset + rest.len());
        }
    };
    check_digits(spec, whole, offset)
}

fn check_digits(spec: &FieldSpec, raw: &[u8], offset: usize) -> Result<(), Wrong> {
    match spec.content {
        // Every nibble is a valid track character.
        FieldContent::Z => Ok(()),
        _ => all(raw, offset, ParseRule::NotDigits, packed),
    }
}

/// Checks the byte that holds one digit and the padding. Some senders pad with 0, others with F.
fn check_beside(
    spec: &FieldSpec,
    padding: u8,
    digit: u8,
    fill: u8,
    at: usize,
) -> Result<(), Wrong> {
    if !matches!(padding, 0 | 0x0F) && Some(padding) != nibble_of_hex(fill) {
        return Err((at, ParseRule::NotPadding));
    }
    if spec.content != FieldContent::Z && digit > 9 {
        return Err((at, ParseRule::NotDigits));
    }
    Ok(())
}

fn all(raw: &[u8], offset: usize, rule: ParseRule, good: impl Fn(u8) -> bool) -> Result<(), Wrong> {
    match raw.iter().position(|byte| !good(*byte)) {
        None => Ok(()),
        Some(at) => Err((offset + at, rule)),
    }
}
