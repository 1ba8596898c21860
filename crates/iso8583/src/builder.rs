//! Builds messages from values.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroize;

use crate::MESSAGE_BYTES_MAX;
use crate::alphabet::{ebcdic_of_ascii, write_hex};
use crate::encode;
use crate::error::{BuildError, BuildRule};
use crate::field::Field;
use crate::message::{MAC_FIELDS, Message};
use crate::mti::Mti;
use crate::packager::{BitmapEncoding, FIELDS_MAX, MtiEncoding, Packager, bit};
use crate::spec::{FieldContent, FieldLength, FieldSpec};
use crate::wiped::WipedBytes;

/// Initial room for values; enough for most messages.
const VALUES_BYTES: usize = 512;
const NUMBER_DIGITS_MAX: usize = 20;
const MAC_BYTES: usize = 8;

/// Position of an encoded field, with its length indicator, in the builder's bytes.
#[derive(Clone, Copy, Default)]
struct Slot {
    start: u16,
    end: u16,
    elements: u16,
}

/// Builds messages for a packager. [`MessageBuilder::reset`] lets one builder make many.
///
/// The first value that does not fit is kept as the error that [`MessageBuilder::build`] returns.
/// Setting a field again replaces its value. Values are wiped when the builder is reset or dropped.
pub struct MessageBuilder<'p> {
    packager: &'p Packager,
    mti: Mti,
    present: u128,
    slots: [Slot; FIELDS_MAX + 1],
    values: WipedBytes,
    wrong: Option<BuildError>,
}

/// A message that lacks its MAC.
#[derive(Debug)]
pub struct UnsealedMessage {
    message: WipedBytes,
    covered: usize,
}

impl UnsealedMessage {
    /// The bytes under the MAC.
    #[must_use]
    pub fn covered(&self) -> &[u8] {
        &self.message[..self.covered]
    }

    /// Puts the MAC in its place, as bytes or as hex digits.
    #[must_use]
    pub fn seal(mut self, mac: &[u8; MAC_BYTES]) -> WipedBytes {
        let place = self.message.get_mut(self.covered..).unwrap_or_default();
        match place.len() {
            MAC_BYTES => place.copy_from_slice(mac),
            _ => write_hex(mac, place),
        }
        self.message
    }
}

/// A message with a MAC cannot be built.
#[derive(Debug, Error)]
pub enum MacBuildError<E> {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("the MAC could not be computed: {0}")]
    Mac(E),
}

impl<'p> MessageBuilder<'p> {
    /// Starts a message without fields.
    #[must_use]
    pub fn new(packager: &'p Packager, mti: Mti) -> MessageBuilder<'p> {
        MessageBuilder {
            packager,
            mti,
            present: 0,
            slots: [Slot::default(); FIELDS_MAX + 1],
            values: WipedBytes::with_capacity(VALUES_BYTES),
            wrong: None,
        }
    }

    /// Starts another message. Wipes the values and keeps their memory.
    pub fn reset(&mut self, mti: Mti) -> &mut Self {
        self.mti = mti;
        self.present = 0;
        self.values.clear();
        self.wrong = None;
        self
    }

    #[must_use]
    pub const fn has(&self, field: u8) -> bool {
        self.present & bit(field) != 0
    }

    /// Sets a field to a number. A field of fixed length is filled with zeros on the left; a signed
    /// amount becomes a credit.
    pub fn number(&mut self, field: u8, number: u64) -> &mut Self {
        let signed = self.packager.spec(field).is_some_and(|spec| spec.content == FieldContent::Xn);
        self.put_number(field, number, signed.then_some(b'C'))
    }

    /// Sets a signed amount (`x+n`): `C` (credit) if positive, `D` (debit) if negative.
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
            (
                Some(sign),
                Some(FieldLength::Fixed(length) | FieldLength::Variable { max: length, .. }),
            ) => {
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

    /// Sets a field to ASCII text. A field of fixed length is padded: digits with zeros on the
    /// left, text as the packager specifies. On a track, `D` can stand for `=`.
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

    /// Sets a field to bytes: the bytes of a binary field, else ASCII characters. An `ans` field in
    /// ASCII accepts bytes above 0x7F unchanged, for example Chinese text in GBK.
    pub fn bytes(&mut self, field: u8, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.put(field, |spec, out| encode::bytes(spec, bytes.as_ref(), out));
        self
    }

    /// Copies fields from a received message, of this packager or another. Skips fields that the
    /// message lacks.
    pub fn copy(&mut self, message: &Message<'_>, fields: &[u8]) -> &mut Self {
        for field in fields.iter().filter_map(|field| message.get(*field)) {
            self.copy_field(&field);
        }
        self
    }

    /// As [`MessageBuilder::copy`], but leaves out fields that this packager cannot write.
    pub fn copy_if_valid(&mut self, message: &Message<'_>, fields: &[u8]) -> &mut Self {
        if self.wrong.is_none() {
            for field in fields.iter().filter_map(|field| message.get(*field)) {
                self.copy_field(&field);
                self.wrong = None;
            }
        }
        self
    }

    /// Copies a field from a received message, of this packager or another.
    pub fn copy_field(&mut self, field: &Field<'_>) -> &mut Self {
        self.put(field.id(), |spec, out| {
            if spec == field.spec() {
                return encode::received(field, out);
            }
            let mut elements = WipedBytes::with_capacity(field.len());
            for index in 0..field.len() {
                let element = match field.spec().content() {
                    FieldContent::B => field.byte(index),
                    _ => field.character(index).or_else(|| field.code_page_byte(index)),
                };
                let content = "printable ASCII";
                elements.push(element.ok_or(BuildRule::Character { at: index, content })?);
            }
            match spec.content() {
                FieldContent::B => encode::bytes(spec, &elements, out),
                _ if field.spec().content() == FieldContent::B => Err(BuildRule::NotBytes),
                _ => encode::characters(spec, &elements, out),
            }
        });
        self
    }

    /// Removes a field.
    pub fn remove(&mut self, field: u8) -> &mut Self {
        self.present &= !bit(field);
        self
    }

    fn put(
        &mut self,
        field: u8,
        encode: impl FnOnce(&FieldSpec, &mut WipedBytes) -> Result<usize, BuildRule>,
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
        encode: impl FnOnce(&FieldSpec, &mut WipedBytes) -> Result<usize, BuildRule>,
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

    /// Builds the message. The builder keeps its values.
    ///
    /// # Errors
    /// The first value that did not fit, or a message that is too long.
    pub fn build(&mut self) -> Result<WipedBytes, BuildError> {
        let mut message = WipedBytes::default();
        self.build_into(&mut message)?;
        Ok(message)
    }

    /// Builds the message into a buffer and replaces its content. On an error the buffer is empty.
    pub fn build_into(&mut self, message: &mut WipedBytes) -> Result<(), BuildError> {
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

    /// Builds the message and lets `mac` compute its last field: 64, or 128 if a field above 64 is
    /// set. `mac` receives the message up to that field; its bitmap already includes it.
    ///
    /// # Errors
    /// As [`MessageBuilder::build`]; also if the packager does not define that field as eight
    /// bytes, or if
    /// `mac` fails.
    pub fn build_with_mac<E>(
        &mut self,
        mac: impl FnOnce(&[u8]) -> Result<[u8; MAC_BYTES], E>,
    ) -> Result<WipedBytes, MacBuildError<E>> {
        let message = self.build_before_mac()?;
        let mac = mac(message.covered()).map_err(MacBuildError::Mac)?;
        Ok(message.seal(&mac))
    }

    /// Builds the message with zeros in the place of its MAC.
    ///
    /// # Errors
    /// As [`MessageBuilder::build_with_mac`].
    pub fn build_before_mac(&mut self) -> Result<UnsealedMessage, BuildError> {
        let [first, second] = MAC_FIELDS;
        let field = if self.present & (bit(first) - 1) != 0 { second } else { first };
        self.bytes(field, [0; MAC_BYTES]);
        let message = self.build()?;
        match self.packager.spec(field) {
            Some(spec) if matches!(spec.length, FieldLength::Fixed(_)) => {
                let covered = message.len().saturating_sub(spec.encoded_bytes(MAC_BYTES));
                Ok(UnsealedMessage { message, covered })
            }
            _ => Err(self.error(field, BuildRule::NotMac)),
        }
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
        if self.packager.bitmap == BitmapEncoding::Raw {
            bitmaps.iter().for_each(|byte| head.push(*byte));
            return head;
        }
        let mut digits = [0; 32];
        write_hex(bitmaps, &mut digits);
        for digit in &digits[..bitmaps.len() * 2] {
            head.push(match self.packager.bitmap {
                BitmapEncoding::HexEbcdic => ebcdic_of_ascii(*digit).unwrap_or(0),
                BitmapEncoding::Hex | BitmapEncoding::Raw => *digit,
            });
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

/// Field numbers set in a bitmap, in order.
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

/// Message type and two bitmaps in their longest encoding.
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

/// Shows the type and the fields, without sensitive values.
impl fmt::Debug for MessageBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.packager.name, self.mti)?;
        let fields = slots(self.present).filter_map(|field| self.field(u8::try_from(field).ok()?));
        f.debug_set().entries(fields).finish()?;
        match &self.wrong {
            Some(wrong) => write!(f, ", invalid: {wrong}"),
            None => Ok(()),
        }
    }
}
