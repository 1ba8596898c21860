//! From values to a message.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroize;

use crate::MESSAGE_BYTES_MAX;
use crate::alphabet::{ebcdic_of_ascii, hex_of_nibble};
use crate::encode;
use crate::error::{BuildError, BuildRule};
use crate::field::Field;
use crate::message::{MAC_FIELDS, Message};
use crate::mti::Mti;
use crate::packager::{BitmapEncoding, FIELDS_MAX, MtiEncoding, Packager, bit};
use crate::spec::{Content, Encoding, FieldSpec, Length};
use crate::wiped::Wiped;

/// Room for the values of most messages without growing.
const VALUES_BYTES: usize = 512;
/// The digits of `u64::MAX`.
const NUMBER_DIGITS_MAX: usize = 20;
const MAC_BYTES: usize = 8;

/// Where an encoded field stands in the builder's bytes, its count before it.
#[derive(Clone, Copy, Default)]
struct Slot {
    start: u16,
    end: u16,
    elements: u16,
}

/// Makes messages of a packager. One builder can make many: [`Builder::reset`].
///
/// A value that does not fit is remembered and told by [`Builder::build`], the first one only.
/// A field that is set again has its last value. The values are wiped when the builder is reset
/// or dropped.
pub struct Builder<'p> {
    packager: &'p Packager,
    mti: Mti,
    present: u128,
    slots: [Slot; FIELDS_MAX + 1],
    values: Wiped,
    wrong: Option<BuildError>,
}

/// A message with a MAC cannot be built.
#[derive(Debug, Error)]
pub enum MacBuildError<E> {
    /// A value is wrong.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The MAC could not be computed.
    #[error("the MAC could not be computed: {0}")]
    Mac(E),
}

impl<'p> Builder<'p> {
    /// A message without fields.
    #[must_use]
    pub fn new(packager: &'p Packager, mti: Mti) -> Builder<'p> {
        Builder {
            packager,
            mti,
            present: 0,
            slots: [Slot::default(); FIELDS_MAX + 1],
            values: Wiped::with_capacity(VALUES_BYTES),
            wrong: None,
        }
    }

    /// Begins another message; the values of the last one are wiped, their memory is kept.
    pub fn reset(&mut self, mti: Mti) -> &mut Self {
        self.mti = mti;
        self.present = 0;
        self.values.clear();
        self.wrong = None;
        self
    }

    /// Whether a field has a value.
    #[must_use]
    pub const fn has(&self, field: u8) -> bool {
        self.present & bit(field) != 0
    }

    /// Sets a field to a number: a field of fixed length gets zeros on its left, an amount with
    /// a sign is a credit.
    pub fn number(&mut self, field: u8, number: u64) -> &mut Self {
        let signed = self.packager.spec(field).is_some_and(|spec| spec.content == Content::Xn);
        self.put_number(field, number, signed.then_some(b'C'))
    }

    /// Sets an amount with a sign, `x+n`: `C` (credit) for a positive one, `D` (debit) for a
    /// negative one.
    pub fn signed(&mut self, field: u8, amount: i64) -> &mut Self {
        let sign = if amount < 0 { b'D' } else { b'C' };
        self.put_number(field, amount.unsigned_abs(), Some(sign))
    }

    fn put_number(&mut self, field: u8, number: u64, sign: Option<u8>) -> &mut Self {
        let mut digits = [b'0'; NUMBER_DIGITS_MAX];
        let mut rest = number;
        let mut used = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            used += 1;
            if rest == 0 {
                break;
            }
        }
        let value = &digits[NUMBER_DIGITS_MAX - used..];
        match (sign, self.packager.spec(field).map(|spec| spec.length)) {
            (Some(sign), Some(Length::Fixed(length) | Length::UpTo { max: length, .. })) => {
                let length = usize::from(length);
                let zeros = length.saturating_sub(1 + value.len());
                let mut signed = vec![b'0'; 1 + zeros + value.len()];
                signed[0] = sign;
                signed[1 + zeros..].copy_from_slice(value);
                self.put(field, |spec, out| encode::characters(spec, &signed, out));
            }
            _ => self.put(field, |spec, out| encode::characters(spec, value, out)),
        }
        digits.zeroize();
        self
    }

    /// Sets a field to characters of ASCII. A field of fixed length is filled up: digits with
    /// zeros on the left, characters as the packager says. On a track `D` may stand for `=`.
    pub fn text(&mut self, field: u8, text: impl AsRef<str>) -> &mut Self {
        let text = text.as_ref().as_bytes();
        self.put(field, |spec, out| match text.iter().position(|byte| !byte.is_ascii()) {
            None => encode::characters(spec, text, out),
            Some(at) => {
                Err(BuildRule::Character { at, content: "ASCII; give other text as bytes" })
            }
        });
        self
    }

    /// Sets a field to bytes: those of a binary field, else characters of ASCII, digits too. In an
    /// `ans` field written in ASCII, those above 0x7F go as they are, such as Chinese in GBK.
    pub fn bytes(&mut self, field: u8, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.put(field, |spec, out| encode::bytes(spec, bytes.as_ref(), out));
        self
    }

    /// Copies fields of a received message, of this or another packager. Those that it does not
    /// have are left out.
    pub fn copy(&mut self, message: &Message<'_>, fields: &[u8]) -> &mut Self {
        for field in fields.iter().filter_map(|field| message.get(*field)) {
            self.copy_field(&field);
        }
        self
    }

    /// Copies a field of a received message, of this or another packager.
    pub fn copy_field(&mut self, field: &Field<'_>) -> &mut Self {
        self.put(field.id(), |spec, out| {
            if spec == field.spec() {
                return encode::received(field, out);
            }
            let mut elements = Wiped::with_capacity(field.len());
            for index in 0..field.len() {
                let element = match field.spec().content() {
                    Content::B => field.byte(index),
                    _ => field.character(index).or_else(|| field.code_page(index)),
                };
                let content = "printable ASCII";
                elements.push(element.ok_or(BuildRule::Character { at: index, content })?);
            }
            match spec.content() {
                Content::B => encode::bytes(spec, &elements, out),
                _ if field.spec().content() == Content::B => Err(BuildRule::NotBytes),
                _ => encode::characters(spec, &elements, out),
            }
        });
        self
    }

    /// Leaves a field out again.
    pub fn remove(&mut self, field: u8) -> &mut Self {
        self.present &= !bit(field);
        self
    }

    fn put(
        &mut self,
        field: u8,
        encode: impl FnOnce(&FieldSpec, &mut Wiped) -> Result<usize, BuildRule>,
    ) {
        if self.wrong.is_none()
            && let Err(rule) = self.try_put(field, encode)
        {
            self.wrong = Some(self.error(field, rule));
        }
    }

    fn try_put(
        &mut self,
        field: u8,
        encode: impl FnOnce(&FieldSpec, &mut Wiped) -> Result<usize, BuildRule>,
    ) -> Result<(), BuildRule> {
        let spec = self.packager.spec(field).ok_or(BuildRule::Undefined)?;
        let before = self.values.len();
        let place = |place: usize| {
            u16::try_from(place).map_err(|_| BuildRule::MessageTooLong { max: MESSAGE_BYTES_MAX })
        };
        let slot = encode(spec, &mut self.values).and_then(|elements| {
            Ok(Slot {
                start: place(before)?,
                end: place(self.values.len())?,
                elements: place(elements)?,
            })
        });
        match slot {
            Ok(slot) => {
                self.slots[usize::from(field)] = slot;
                self.present |= bit(field);
                Ok(())
            }
            Err(rule) => {
                self.values.truncate(before);
                Err(rule)
            }
        }
    }

    fn error(&self, field: u8, rule: BuildRule) -> BuildError {
        let name = self.packager.spec(field).map_or("", FieldSpec::name);
        BuildError { field, name, rule }
    }

    /// The message. The builder keeps its values.
    ///
    /// # Errors
    ///
    /// The first value that did not fit, or a message that is too long.
    pub fn build(&mut self) -> Result<Wiped, BuildError> {
        let mut message = Wiped::default();
        self.build_into(&mut message)?;
        Ok(message)
    }

    /// Writes the message over what is in a buffer.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`]; the buffer is empty then.
    pub fn build_into(&mut self, message: &mut Wiped) -> Result<(), BuildError> {
        message.clear();
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let head = self.head();
        let values = slots(self.present).map(|field| self.slots[field]);
        let values_bytes = values.map(|slot| usize::from(slot.end - slot.start)).sum::<usize>();
        if head.bytes().len() + values_bytes > MESSAGE_BYTES_MAX {
            let last = slots(self.present).last().and_then(|field| u8::try_from(field).ok());
            let rule = BuildRule::MessageTooLong { max: MESSAGE_BYTES_MAX };
            return Err(self.error(last.unwrap_or(0), rule));
        }
        message.reserve(head.bytes().len() + values_bytes);
        message.extend(head.bytes());
        for field in slots(self.present) {
            let slot = self.slots[field];
            let value = self.values.get(usize::from(slot.start)..usize::from(slot.end));
            message.extend(value.unwrap_or_default());
        }
        Ok(())
    }

    /// The message with field 64, or 128 if there is a field above 64, filled by `mac`. It gets
    /// the bytes from the message type up to that field, whose bit is set already.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`]; when the packager has no such field of eight bytes; or what `mac`
    /// says.
    pub fn build_with_mac<E>(
        &mut self,
        mac: impl FnOnce(&[u8]) -> Result<[u8; MAC_BYTES], E>,
    ) -> Result<Wiped, MacBuildError<E>> {
        let [first, second] = MAC_FIELDS;
        let field = if self.present & (bit(first) - 1) != 0 { second } else { first };
        self.bytes(field, [0; MAC_BYTES]);
        let mut message = self.build()?;
        let mac_bytes = match self.packager.spec(field) {
            Some(spec) if matches!(spec.length, Length::Fixed(_)) => spec.encoded_bytes(MAC_BYTES),
            _ => return Err(self.error(field, BuildRule::NotMac).into()),
        };
        let before = message.len().saturating_sub(mac_bytes);
        let (covered, place) = message.split_at_mut(before);
        let mac = mac(covered).map_err(MacBuildError::Mac)?;
        match self.packager.spec(field).map(FieldSpec::encoding) {
            Some(Encoding::Hex) => {
                for (pair, byte) in place.chunks_exact_mut(2).zip(mac) {
                    pair[0] = hex_of_nibble(byte >> 4);
                    pair[1] = hex_of_nibble(byte);
                }
            }
            _ => place.copy_from_slice(&mac),
        }
        Ok(message)
    }

    /// Message type and bitmaps.
    fn head(&self) -> Head {
        let mut head = Head::default();
        let digits = self.mti.digits();
        match self.packager.mti {
            MtiEncoding::Ascii => digits.into_iter().for_each(|digit| head.push(digit)),
            MtiEncoding::Ebcdic => digits.into_iter().for_each(|digit| head.push(digit | 0xF0)),
            MtiEncoding::Bcd => digits
                .chunks_exact(2)
                .for_each(|pair| head.push((pair[0] & 0x0F) << 4 | pair[1] & 0x0F)),
        }
        let above_64 = self.present & (bit(64) - 1) != 0;
        let present = if above_64 { self.present | bit(1) } else { self.present };
        let bitmaps = present.to_be_bytes();
        let bitmaps = if above_64 { &bitmaps[..] } else { &bitmaps[..8] };
        for byte in bitmaps {
            let pair = [hex_of_nibble(byte >> 4), hex_of_nibble(*byte)];
            match self.packager.bitmap {
                BitmapEncoding::Raw => head.push(*byte),
                BitmapEncoding::Hex => pair.into_iter().for_each(|c| head.push(c)),
                BitmapEncoding::HexEbcdic => {
                    pair.into_iter().for_each(|c| head.push(ebcdic_of_ascii(c).unwrap_or(0)));
                }
            }
        }
        head
    }

    fn field(&self, field: u8) -> Option<Field<'_>> {
        let spec = self.packager.spec(field)?;
        let slot = self.slots[usize::from(field)];
        let elements = usize::from(slot.elements);
        let end = usize::from(slot.end);
        let raw = self.values.get(end.checked_sub(spec.encoded_bytes(elements))?..end)?;
        let sensitive = self.packager.is_sensitive(field);
        Some(Field { id: field, spec, raw, elements, sensitive })
    }
}

/// The numbers of the fields in a set of bits, in order.
fn slots(present: u128) -> impl Iterator<Item = usize> {
    let mut left = present;
    std::iter::from_fn(move || {
        let field = left.leading_zeros() as usize + 1;
        (field <= FIELDS_MAX).then(|| {
            left &= !(1 << (FIELDS_MAX - field));
            field
        })
    })
}

/// Message type and two bitmaps at their longest.
const HEAD_BYTES_MAX: usize = 4 + 32;

struct Head {
    bytes: [u8; HEAD_BYTES_MAX],
    used: usize,
}

impl Default for Head {
    fn default() -> Head {
        Head { bytes: [0; HEAD_BYTES_MAX], used: 0 }
    }
}

impl Head {
    fn push(&mut self, byte: u8) {
        self.bytes[self.used] = byte;
        self.used += 1;
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }
}

/// The type and the fields, without the values of sensitive ones.
impl fmt::Debug for Builder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.packager.name, self.mti)?;
        let fields = slots(self.present).filter_map(|field| self.field(u8::try_from(field).ok()?));
        f.debug_set().entries(fields).finish()?;
        match &self.wrong {
            Some(wrong) => write!(f, " but {wrong}"),
            None => Ok(()),
        }
    }
}
