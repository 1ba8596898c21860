//! Test cards: numbers that keep Luhn's rule, tracks, chip objects, PINs. None of them is real.

use std::fmt;

use iso8583::Wiped;
use iso8583::tlv::{Tag, Writer};
use keys::{Pan, Pin};
use zeroize::Zeroizing;

use crate::digits::bcd;

/// How a terminal reads a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// The number is typed in.
    Keyed,
    /// The magnetic stripe.
    Stripe,
    /// The chip.
    Chip,
    /// The chip, without contact.
    Contactless,
}

impl Entry {
    /// The first two digits of field 22.
    #[must_use]
    pub const fn mode(self) -> u32 {
        match self {
            Entry::Keyed => 1,
            Entry::Stripe => 2,
            Entry::Chip => 5,
            Entry::Contactless => 7,
        }
    }
}

/// A test card in a buyer's hand.
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    pan: Pan,
    /// `YYMM`.
    expiry: [u8; 4],
    /// The card sequence number of a chip card, 0 to 999.
    sequence: u16,
    entry: Entry,
}

/// One card of each first six digits for each number below this.
pub const CARDS_PER_BIN: u64 = 1_000_000_000;

const EXPIRY: [u8; 4] = *b"4912";

impl Card {
    /// The test card of sixteen digits with this number under these first six digits: the same
    /// two numbers make the same card everywhere. Larger numbers begin again from zero.
    #[must_use]
    pub fn made(bin: u32, number: u64, entry: Entry) -> Card {
        let body = u64::from(bin % 1_000_000) * CARDS_PER_BIN + number % CARDS_PER_BIN;
        let body = Zeroizing::new(format!("{body:015}"));
        let pan = (b'0'..=b'9').find_map(|check| {
            let mut digits = Zeroizing::new([0; 16]);
            digits[..15].copy_from_slice(body.as_bytes());
            digits[15] = check;
            Pan::parse(digits.as_slice()).ok()
        });
        // One of ten check digits keeps Luhn's rule.
        let pan = pan.expect("a check digit for fifteen digits");
        let sequence = u16::from(matches!(entry, Entry::Chip | Entry::Contactless));
        Card { pan, expiry: EXPIRY, sequence, entry }
    }

    /// The same card, read in another way.
    #[must_use]
    pub fn read_by(&self, entry: Entry) -> Card {
        let sequence = u16::from(matches!(entry, Entry::Chip | Entry::Contactless));
        Card { entry, sequence, ..self.clone() }
    }

    /// Its number.
    #[must_use]
    pub const fn pan(&self) -> &Pan {
        &self.pan
    }

    /// `YYMM`.
    #[must_use]
    pub fn expiry(&self) -> &str {
        std::str::from_utf8(&self.expiry).unwrap_or_default()
    }

    /// How it is read.
    #[must_use]
    pub const fn entry(&self) -> Entry {
        self.entry
    }

    /// The card sequence number, of a chip card.
    #[must_use]
    pub const fn sequence(&self) -> Option<u16> {
        match self.entry {
            Entry::Chip | Entry::Contactless => Some(self.sequence),
            Entry::Keyed | Entry::Stripe => None,
        }
    }

    /// Track 2: number, `=`, expiry, service code, discretionary digits.
    #[must_use]
    pub fn track2(&self) -> Zeroizing<String> {
        let number = Zeroizing::new(String::from_utf8_lossy(self.pan.expose()).into_owned());
        let service = if self.sequence == 0 { "101" } else { "201" };
        Zeroizing::new(format!("{}={}{service}00000123", *number, self.expiry()))
    }

    /// The objects that a chip gives for a transaction; none where there is no chip.
    #[must_use]
    pub fn chip(&self, amount: u64, currency: u16, date: u32, stan: u32) -> Option<Wiped> {
        self.sequence()?;
        let cryptogram = (amount ^ u64::from(stan) << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let counter = u16::try_from(stan & 0xFFFF).unwrap_or(0);
        let objects: [(u32, Vec<u8>); 19] = [
            (0x9F26, cryptogram.to_be_bytes().to_vec()),
            (0x9F10, vec![0x07, 0x01, 0x01, 0x03, 0xA0, 0x00, 0x00, 0x01]),
            (0x9F37, stan.to_be_bytes().to_vec()),
            (0x9F36, counter.to_be_bytes().to_vec()),
            (0x95, vec![0; 5]),
            (0x9A, bcd::<3>(u64::from(date)).to_vec()),
            (0x9C, vec![0]),
            (0x9F02, bcd::<6>(amount).to_vec()),
            (0x5F2A, bcd::<2>(u64::from(currency)).to_vec()),
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
        let mut writer = Writer::new();
        for (tag, value) in objects {
            writer.push(Tag::new(tag)?, &value).ok()?;
        }
        Some(writer.into_bytes())
    }

    /// Its PIN, by the rule of [`pin_of`].
    #[must_use]
    pub fn pin(&self) -> Pin {
        pin_of(&self.pan)
    }

    /// A PIN that is not its own.
    #[must_use]
    pub fn wrong_pin(&self) -> Pin {
        pin_by_rule(&self.pan, 1)
    }
}

/// Its ends only.
impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Card({}, {:?})", self.pan, self.entry)
    }
}

/// The PIN of a test card: the number without its last digit times 7,919, the last four digits of
/// that.
#[must_use]
pub fn pin_of(pan: &Pan) -> Pin {
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
    fn a_card_is_made_of_its_two_numbers() {
        let card = Card::made(622_588, 7, Entry::Chip);
        assert_eq!(card.pan().expose(), b"6225880000000076");
        assert_eq!(*card.track2(), "6225880000000076=491220100000123");
        assert_eq!(card, Card::made(622_588, 7 + CARDS_PER_BIN, Entry::Chip));
        assert_ne!(card, Card::made(622_588, 8, Entry::Chip));
        assert_eq!(card.read_by(Entry::Stripe).sequence(), None);
        assert_eq!(Card::made(0, 0, Entry::Keyed).pan().expose(), b"0000000000000000");
    }

    #[test]
    fn a_chip_says_the_amount_and_a_stripe_nothing() {
        let card = Card::made(622_588, 7, Entry::Contactless);
        let chip = card.chip(1_234, 156, 130_828, 5).unwrap();
        assert_eq!(tlv::Reader::new(&chip).filter(Result::is_ok).count(), 19);
        let find = |tag| tlv::find(&chip, Tag::new(tag).unwrap()).unwrap().unwrap();
        assert_eq!(find(0x9F02), [0, 0, 0, 0, 0x12, 0x34]);
        assert_eq!(find(0x5F2A), [0x01, 0x56]);
        assert_eq!(find(0x9A), [0x13, 0x08, 0x28]);
        assert!(card.read_by(Entry::Stripe).chip(1, 156, 0, 0).is_none());
    }

    #[test]
    fn nothing_secret_is_shown() {
        let card = Card::made(622_588, 7, Entry::Chip);
        assert_eq!(format!("{card:?}"), "Card(622588••••••0076, Chip)");
    }
}
