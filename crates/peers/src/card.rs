//! Test cards: numbers with a valid check digit, tracks, chip data, PINs. No card is real.

use std::fmt;

use iso8583::WipedBytes;
use iso8583::tlv::{Tag, TlvWriter};
use keys::{Pan, Pin};
use zeroize::Zeroizing;

use crate::bcd::to_bcd;

/// How a terminal reads a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryMode {
    Keyed,
    Stripe,
    Chip,
    Contactless,
}

impl EntryMode {
    /// First two digits of field 22.
    #[must_use]
    pub const fn pan_entry_mode(self) -> u32 {
        match self {
            EntryMode::Keyed => 1,
            EntryMode::Stripe => 2,
            EntryMode::Chip => 5,
            EntryMode::Contactless => 7,
        }
    }
}

#[derive(Clone, PartialEq, Eq)]
pub struct TestCard {
    pan: Pan,
    /// `YYMM`.
    expiry: [u8; 4],
    /// The card sequence number of a chip card, 0 to 999.
    sequence: u16,
    entry_mode: EntryMode,
}

/// Card numbers available under each six-digit prefix.
pub const CARDS_PER_BIN: u64 = 1_000_000_000;

const EXPIRY: [u8; 4] = *b"4912";

impl TestCard {
    /// The 16-digit card with this prefix and number. The same two numbers always give the same
    /// card; larger numbers wrap around.
    #[must_use]
    pub fn generate(bin: u32, number: u64, entry_mode: EntryMode) -> TestCard {
        let body = u64::from(bin % 1_000_000) * CARDS_PER_BIN + number % CARDS_PER_BIN;
        let body = Zeroizing::new(format!("{body:015}"));
        let pan = (b'0'..=b'9').find_map(|check| {
            let mut digits = Zeroizing::new([0; 16]);
            digits[..15].copy_from_slice(body.as_bytes());
            digits[15] = check;
            Pan::parse(digits.as_slice()).ok()
        });
        // Exactly one of the ten check digits is valid (Luhn).
        let pan = pan.expect("one of ten check digits is valid");
        let sequence = u16::from(matches!(entry_mode, EntryMode::Chip | EntryMode::Contactless));
        TestCard { pan, expiry: EXPIRY, sequence, entry_mode }
    }

    #[must_use]
    pub fn with_entry_mode(&self, entry: EntryMode) -> TestCard {
        let sequence = u16::from(matches!(entry, EntryMode::Chip | EntryMode::Contactless));
        TestCard { entry_mode: entry, sequence, ..self.clone() }
    }

    #[must_use]
    pub const fn pan(&self) -> &Pan {
        &self.pan
    }

    /// Expiry date, `YYMM`.
    #[must_use]
    pub fn expiry(&self) -> &str {
        std::str::from_utf8(&self.expiry).unwrap_or_default()
    }

    #[must_use]
    pub const fn entry(&self) -> EntryMode {
        self.entry_mode
    }

    /// Card sequence number; `None` unless a chip is read.
    #[must_use]
    pub const fn sequence(&self) -> Option<u16> {
        match self.entry_mode {
            EntryMode::Chip | EntryMode::Contactless => Some(self.sequence),
            EntryMode::Keyed | EntryMode::Stripe => None,
        }
    }

    /// Track 2: number, `=`, expiry, service code, discretionary digits.
    #[must_use]
    pub fn track2(&self) -> Zeroizing<String> {
        let number = Zeroizing::new(String::from_utf8_lossy(self.pan.expose()).into_owned());
        let service = if self.sequence == 0 { "101" } else { "201" };
        Zeroizing::new(format!("{}={}{service}00000123", *number, self.expiry()))
    }

    /// Chip data (field 55) for a transaction; `None` unless a chip is read.
    #[must_use]
    pub fn chip_data(
        &self,
        amount: u64,
        currency: u16,
        date: u32,
        stan: u32,
    ) -> Option<WipedBytes> {
        self.sequence()?;
        let cryptogram = (amount ^ u64::from(stan) << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let counter = u16::try_from(stan & 0xFFFF).unwrap_or(0);
        let objects: [(u32, Vec<u8>); 19] = [
            (0x9F26, cryptogram.to_be_bytes().to_vec()),
            (0x9F10, vec![0x07, 0x01, 0x01, 0x03, 0xA0, 0x00, 0x00, 0x01]),
            (0x9F37, stan.to_be_bytes().to_vec()),
            (0x9F36, counter.to_be_bytes().to_vec()),
            (0x95, vec![0; 5]),
            (0x9A, to_bcd::<3>(u64::from(date)).to_vec()),
            (0x9C, vec![0]),
            (0x9F02, to_bcd::<6>(amount).to_vec()),
            (0x5F2A, to_bcd::<2>(u64::from(currency)).to_vec()),
            (0x82, vec![0x7C, 0x00]),
            (0x9F1A, vec![0x01, 0x56]),
            (0x9F03, vec![0; 6]),
            (0x9F33, vec![0xE0, 0xE1, 0xC8]),
            (0x9F34, vec![0x02, 0x03, 0x00]),
            (0x9F35, vec![0x22]),
            (0x9F1E, b"DOORSTEP".to_vec()),
            (0x84, vec![0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x01]),
            (0x9F09, vec![0x00, 0x20]),
            (0x9F41, u32::to_be_bytes(stan).to_vec()),
        ];
        let mut writer = TlvWriter::new();
        for (tag, value) in objects {
            writer.push(Tag::new(tag)?, &value).ok()?;
        }
        Some(writer.into_bytes())
    }

    #[must_use]
    pub fn pin(&self) -> Pin {
        test_pin(&self.pan)
    }

    /// A PIN that differs from the card's.
    #[must_use]
    pub fn wrong_pin(&self) -> Pin {
        pin_by_rule(&self.pan, 1)
    }
}

/// Shows the first six and the last four digits only.
impl fmt::Debug for TestCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Card({}, {:?})", self.pan, self.entry_mode)
    }
}

/// PIN of a test card: the number without its check digit, times 7,919, last four digits.
#[must_use]
pub fn test_pin(pan: &Pan) -> Pin {
    pin_by_rule(pan, 0)
}

fn pin_by_rule(pan: &Pan, plus: u32) -> Pin {
    let digits = pan.expose();
    let body = &digits[..digits.len().saturating_sub(1)];
    let step = |sum: u32, digit: &u8| (sum * 10 + u32::from(digit - b'0')) % 10_000;
    let number = (body.iter().fold(0, step) * 7_919 + plus) % 10_000;
    let text = Zeroizing::new(format!("{number:04}"));
    Pin::parse(text.as_bytes()).expect("four digits are a PIN")
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso8583::tlv;

    #[test]
    fn a_card_depends_on_its_two_numbers_only() {
        let card = TestCard::generate(622_588, 7, EntryMode::Chip);
        assert_eq!(card.pan().expose(), b"6225880000000076");
        assert_eq!(*card.track2(), "6225880000000076=491220100000123");
        assert_eq!(card, TestCard::generate(622_588, 7 + CARDS_PER_BIN, EntryMode::Chip));
        assert_ne!(card, TestCard::generate(622_588, 8, EntryMode::Chip));
        assert_eq!(card.with_entry_mode(EntryMode::Stripe).sequence(), None);
        assert_eq!(TestCard::generate(0, 0, EntryMode::Keyed).pan().expose(), b"0000000000000000");
    }

    #[test]
    fn a_chip_has_data_and_a_stripe_has_none() {
        let card = TestCard::generate(622_588, 7, EntryMode::Contactless);
        let chip = card.chip_data(1_234, 156, 130_828, 5).unwrap();
        assert_eq!(tlv::TlvReader::new(&chip).filter(Result::is_ok).count(), 19);
        let find = |tag| tlv::find(&chip, Tag::new(tag).unwrap()).unwrap().unwrap();
        assert_eq!(find(0x9F02), [0, 0, 0, 0, 0x12, 0x34]);
        assert_eq!(find(0x5F2A), [0x01, 0x56]);
        assert_eq!(find(0x9A), [0x13, 0x08, 0x28]);
        assert!(card.with_entry_mode(EntryMode::Stripe).chip_data(1, 156, 0, 0).is_none());
    }

    #[test]
    fn nothing_secret_is_shown() {
        let card = TestCard::generate(622_588, 7, EntryMode::Chip);
        assert_eq!(format!("{card:?}"), "Card(622588••••••0076, Chip)");
    }
}
