//! PIN blocks (ISO 9564-1): formats 0, 1, 2, 3 under TDES and 4 under AES.
//!
//! [`encrypt_block`] takes the plain PIN that a cardholder typed. No function returns a plain PIN.
//! [`block_matches_pin`] tells a caller that knows the PIN whether a block holds it.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::cipher::Cipher;
use crate::error::{KeyError, KeyStoreError};
use crate::pan::Pan;
pub use crate::pin_format::PinFormat;

/// Minimum number of digits of a PIN (ISO 9564-1).
pub const PIN_DIGITS_MIN: usize = 4;
/// Maximum number of digits of a PIN (ISO 9564-1).
pub const PIN_DIGITS_MAX: usize = 12;

/// A PIN that a cardholder typed. It is wiped when dropped and cannot be read back.
pub struct Pin {
    /// Values 0 to 9.
    digits: Zeroizing<[u8; PIN_DIGITS_MAX]>,
    length: Zeroizing<usize>,
}

impl Pin {
    /// Parses 4 to 12 ASCII digits.
    pub fn parse(digits: &[u8]) -> Result<Pin, KeyError> {
        let right_length = (PIN_DIGITS_MIN..=PIN_DIGITS_MAX).contains(&digits.len());
        if !right_length || !digits.iter().all(u8::is_ascii_digit) {
            return Err(KeyError::InvalidPin);
        }
        let mut pin = Pin::zeros(digits.len());
        for (kept, digit) in pin.digits.iter_mut().zip(digits) {
            *kept = digit - b'0';
        }
        Ok(pin)
    }

    fn zeros(length: usize) -> Pin {
        Pin { digits: Zeroizing::new([0; PIN_DIGITS_MAX]), length: Zeroizing::new(length) }
    }

    fn equals(&self, other: &Pin) -> bool {
        let same_digits = self.digits.ct_eq(other.digits.as_slice());
        (same_digits & self.length.ct_eq(&other.length)).into()
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(••••)")
    }
}

impl PinFormat {
    fn check_key(self, key: &impl Cipher) -> Result<(), KeyError> {
        let algorithm = key.algorithm();
        let fits = match self {
            PinFormat::Iso4 => algorithm.is_aes(),
            _ => matches!(algorithm, Algorithm::Tdes2 | Algorithm::Tdes3),
        };
        if fits { Ok(()) } else { Err(KeyError::WrongPinKey { format: self, algorithm }) }
    }
}

/// An encrypted PIN block.
#[derive(Copy, Clone, PartialEq, Eq)]
pub enum PinBlock {
    /// Formats 0 to 3.
    Tdes([u8; 8]),
    /// Format 4.
    Aes([u8; 16]),
}

impl PinBlock {
    /// Takes the 8 or 16 bytes of a message field.
    pub fn new(bytes: &[u8]) -> Result<PinBlock, KeyError> {
        match bytes.len() {
            8 => bytes.try_into().map(PinBlock::Tdes).map_err(|_| KeyError::UnreadablePinBlock),
            _ => bytes.try_into().map(PinBlock::Aes).map_err(|_| KeyError::UnreadablePinBlock),
        }
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            PinBlock::Tdes(bytes) => bytes,
            PinBlock::Aes(bytes) => bytes,
        }
    }
}

impl fmt::Debug for PinBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinBlock({} bytes)", self.as_bytes().len())
    }
}

/// Encrypts a PIN, as a terminal does.
///
/// Formats 1 and 2 do not use `pan`.
pub fn encrypt_block(
    pin: &Pin,
    format: PinFormat,
    pan: &Pan,
    key: &impl Cipher,
) -> Result<PinBlock, KeyError> {
    let mut random = Zeroizing::new([0; 8]);
    if !matches!(format, PinFormat::Iso0 | PinFormat::Iso2) {
        getrandom::fill(random.as_mut_slice()).map_err(KeyStoreError::NoRandomness)?;
    }
    encrypt_block_with_fill(pin, format, pan, key, &random)
}

/// Whether a block holds this PIN, as the card's issuer checks it. Returns false for a malformed
/// block.
pub fn block_matches_pin(
    block: &PinBlock,
    format: PinFormat,
    pan: &Pan,
    key: &impl Cipher,
    pin: &Pin,
) -> Result<bool, KeyError> {
    match decrypt_block(block, format, pan, key) {
        Ok(found) => Ok(found.equals(pin)),
        Err(KeyError::UnreadablePinBlock) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Encrypts a PIN with the given random fill. Each format uses as much of it as it needs.
pub(crate) fn encrypt_block_with_fill(
    pin: &Pin,
    format: PinFormat,
    pan: &Pan,
    key: &impl Cipher,
    random: &[u8; 8],
) -> Result<PinBlock, KeyError> {
    format.check_key(key)?;
    let field = Zeroizing::new(pin_field(pin, format, random));
    if format == PinFormat::Iso4 {
        let mut block = [0; 16];
        block[..8].copy_from_slice(field.as_slice());
        block[8..].copy_from_slice(random);
        key.encrypt(&mut block)?;
        xor(&mut block, card_field_16(pan).as_slice());
        key.encrypt(&mut block)?;
        return Ok(PinBlock::Aes(block));
    }
    let mut block = *field;
    if matches!(format, PinFormat::Iso0 | PinFormat::Iso3) {
        xor(&mut block, card_field_8(pan).as_slice());
    }
    key.encrypt(&mut block)?;
    Ok(PinBlock::Tdes(block))
}

/// Decrypts a block. The PIN never leaves this crate.
pub(crate) fn decrypt_block(
    block: &PinBlock,
    format: PinFormat,
    pan: &Pan,
    key: &impl Cipher,
) -> Result<Pin, KeyError> {
    format.check_key(key)?;
    match (block, format) {
        (PinBlock::Aes(bytes), PinFormat::Iso4) => {
            let mut block = Zeroizing::new(*bytes);
            key.decrypt(block.as_mut_slice())?;
            xor(block.as_mut_slice(), card_field_16(pan).as_slice());
            key.decrypt(block.as_mut_slice())?;
            let mut field = Zeroizing::new([0; 8]);
            field.copy_from_slice(&block[..8]);
            read_field(&field, format)
        }
        (PinBlock::Tdes(bytes), PinFormat::Iso0 | PinFormat::Iso3) => {
            let mut field = Zeroizing::new(*bytes);
            key.decrypt(field.as_mut_slice())?;
            xor(field.as_mut_slice(), card_field_8(pan).as_slice());
            read_field(&field, format)
        }
        (PinBlock::Tdes(bytes), PinFormat::Iso1 | PinFormat::Iso2) => {
            let mut field = Zeroizing::new(*bytes);
            key.decrypt(field.as_mut_slice())?;
            read_field(&field, format)
        }
        _ => Err(KeyError::UnreadablePinBlock),
    }
}

/// The plain PIN field, eight bytes: format, PIN length, PIN, fill.
fn pin_field(pin: &Pin, format: PinFormat, random: &[u8; 8]) -> [u8; 8] {
    // Read in base six: each digit gives A to F with equal probability.
    let mut sixes = u64::from_be_bytes(*random);
    let mut nibbles = Zeroizing::new([0; 16]);
    for (place, value) in nibbles.iter_mut().enumerate() {
        *value = match format {
            PinFormat::Iso0 | PinFormat::Iso2 => 0xF,
            PinFormat::Iso1 => nibble(random, place),
            PinFormat::Iso3 => {
                let digit = sixes % 6;
                sixes /= 6;
                0xA + u8::try_from(digit).unwrap_or_default()
            }
            PinFormat::Iso4 => 0xA,
        };
    }
    nibbles[0] = format.number();
    nibbles[1] = u8::try_from(*pin.length).unwrap_or_default();
    nibbles[2..2 + *pin.length].copy_from_slice(&pin.digits[..*pin.length]);
    let mut field = [0; 8];
    for (byte, pair) in field.iter_mut().zip(nibbles.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    field
}

/// Parses a plain PIN field. Every fault gives the same error.
fn read_field(field: &[u8; 8], format: PinFormat) -> Result<Pin, KeyError> {
    let length = usize::from(nibble(field, 1));
    let mut fits = nibble(field, 0) == format.number();
    fits &= (PIN_DIGITS_MIN..=PIN_DIGITS_MAX).contains(&length);
    let mut pin = Pin::zeros(length);
    for place in 2..16 {
        let value = nibble(field, place);
        if place < 2 + length {
            fits &= value <= 9;
            if let Some(digit) = pin.digits.get_mut(place - 2) {
                *digit = value;
            }
        } else {
            fits &= match format {
                PinFormat::Iso0 | PinFormat::Iso2 => value == 0xF,
                PinFormat::Iso1 => true,
                PinFormat::Iso3 => value >= 0xA,
                PinFormat::Iso4 => value == 0xA,
            };
        }
    }
    if fits { Ok(pin) } else { Err(KeyError::UnreadablePinBlock) }
}

fn nibble(bytes: &[u8; 8], place: usize) -> u8 {
    let byte = bytes[place / 2 % 8];
    if place.is_multiple_of(2) { byte >> 4 } else { byte & 15 }
}

/// Two zero bytes, then the twelve digits before the check digit.
fn card_field_8(pan: &Pan) -> Zeroizing<[u8; 8]> {
    let digits = pan.expose();
    let digits = &digits[..digits.len() - 1];
    let digits = &digits[digits.len().saturating_sub(12)..];
    let mut field = Zeroizing::new([0; 8]);
    for (place, digit) in digits.iter().rev().enumerate() {
        field[7 - place / 2] |= (digit - b'0') << (4 * (place % 2));
    }
    field
}

/// Number of digits minus twelve, then the digits, then zeros.
fn card_field_16(pan: &Pan) -> Zeroizing<[u8; 16]> {
    let digits = pan.expose();
    let mut field = Zeroizing::new([0; 16]);
    field[0] = u8::try_from(digits.len().saturating_sub(12)).unwrap_or_default() << 4;
    for (place, digit) in digits.iter().enumerate() {
        let place = place + 1;
        field[place / 2] |= (digit - b'0') << (4 * ((place + 1) % 2));
    }
    field
}

fn xor(block: &mut [u8], other: &[u8]) {
    for (byte, other) in block.iter_mut().zip(other) {
        *byte ^= other;
    }
}

#[cfg(test)]
mod tests;
