//! Card numbers.

use std::fmt;

use zeroize::Zeroizing;

/// A card number (PAN, ISO/IEC 7812-1): 12 to 19 digits, the last one a Luhn check digit.
///
/// It is wiped when dropped, and displayed only in the form `622588••••••1234`.
#[derive(Clone, PartialEq, Eq)]
pub struct Pan {
    /// ASCII digits.
    digits: Zeroizing<[u8; PAN_DIGITS_MAX]>,
    length: u8,
}

/// Maximum number of digits of a card number.
pub const PAN_DIGITS_MAX: usize = 19;
/// Minimum number of digits of a card number that this crate accepts.
pub const PAN_DIGITS_MIN: usize = 12;

/// Why a text is not a card number. The error never holds any digits.
#[derive(Copy, Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PanError {
    #[error("a card number has 12 to 19 digits")]
    Length,
    #[error("a card number has only digits")]
    Digits,
    #[error("the check digit of the card number is wrong")]
    CheckDigit,
}

impl Pan {
    /// Parses ASCII digits.
    pub fn parse(digits: &[u8]) -> Result<Pan, PanError> {
        let pan = Pan::from_digits(digits)?;
        if luhn_sum(digits).is_multiple_of(10) { Ok(pan) } else { Err(PanError::CheckDigit) }
    }

    /// Skips the Luhn check: published test vectors have card numbers that fail it.
    pub(crate) fn from_digits(digits: &[u8]) -> Result<Pan, PanError> {
        if !(PAN_DIGITS_MIN..=PAN_DIGITS_MAX).contains(&digits.len()) {
            return Err(PanError::Length);
        }
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(PanError::Digits);
        }
        let mut pan = Pan { digits: Zeroizing::new([0; PAN_DIGITS_MAX]), length: 0 };
        pan.digits[..digits.len()].copy_from_slice(digits);
        pan.length = u8::try_from(digits.len()).map_err(|_| PanError::Length)?;
        Ok(pan)
    }

    /// All ASCII digits, for messages that must carry them. Never log them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.digits[..usize::from(self.length)]
    }

    /// The first `digits` digits, at most eight, as a number. Routing uses six or eight (BIN).
    #[must_use]
    pub fn bin(&self, digits: usize) -> u32 {
        number(&self.expose()[..digits.min(BIN_DIGITS_MAX)])
    }

    /// The last four digits as a number, 0 to 9,999.
    #[must_use]
    pub fn last_four(&self) -> u16 {
        let digits = self.expose();
        u16::try_from(number(&digits[digits.len() - 4..])).unwrap_or_default()
    }

    /// `622588••••••1234`, the form that people may see (PCI DSS 3.4).
    #[must_use]
    pub fn masked(&self) -> String {
        let digits = self.expose();
        let shown = |place: usize| place < 6 || place + 4 >= digits.len();
        let places = digits.iter().enumerate();
        places.map(|(place, &digit)| if shown(place) { char::from(digit) } else { '•' }).collect()
    }
}

/// Maximum number of digits that [`Pan::bin`] returns.
const BIN_DIGITS_MAX: usize = 8;

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
}

fn luhn_sum(digits: &[u8]) -> u32 {
    let value = |(place, digit): (usize, &u8)| {
        let value = u32::from(digit - b'0') << (place % 2);
        if value > 9 { value - 9 } else { value }
    };
    digits.iter().rev().enumerate().map(value).sum()
}

impl fmt::Display for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pan({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_has_a_luhn_check_digit_and_shows_only_its_ends() {
        let pan = Pan::parse(b"4012345678909").unwrap();
        assert_eq!(format!("{pan:?} {pan}"), "Pan(401234•••8909) 401234•••8909");
        assert_eq!(
            (pan.bin(6), pan.bin(8), pan.bin(19), pan.last_four()),
            (401_234, 40_123_456, 40_123_456, 8_909)
        );
        assert_eq!(Pan::parse(b"4012345678908"), Err(PanError::CheckDigit));
        assert_eq!(Pan::parse(b"401234567890x"), Err(PanError::Digits));
        assert_eq!(Pan::parse(b"40123456789"), Err(PanError::Length));
        assert_eq!(Pan::parse(&[b'0'; 20]), Err(PanError::Length));
        assert!(Pan::parse(&[b'0'; 19]).is_ok());
    }

    #[test]
    fn the_shortest_card_number_still_hides_two_digits() {
        assert_eq!(Pan::parse(b"000000000000").unwrap().masked(), "000000••0000");
    }
}
