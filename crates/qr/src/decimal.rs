//! Amounts and percentages of a code: decimal text, never a float.

use std::fmt;
use std::str::FromStr;

use crate::error::QrRule;

/// Most decimals of a currency in ISO 4217.
pub const EXPONENT_MAX: u32 = 4;

const AMOUNT_CHARACTERS_MAX: usize = 13;
const PERCENT_CHARACTERS_MAX: usize = 5;
const PERCENT_DECIMALS_MAX: usize = 2;

/// An amount above zero in the major unit, as text: `98.73`, `98` or `98.` (tags 54 and 56).
///
/// The text is kept as read, so that it is written back unchanged. `23.7` and `23.70` are the same
/// amount but not equal here: compare [`QrAmount::minor_units`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QrAmount(String);

impl QrAmount {
    /// Converts an amount in minor units to text with all decimals of its currency.
    ///
    /// # Errors
    /// [`QrRule::Amount`] for zero and for more than 13 characters; [`QrRule::Decimals`] for an
    /// exponent above [`EXPONENT_MAX`].
    pub fn from_minor_units(units: u64, exponent: u32) -> Result<QrAmount, QrRule> {
        let decimals = decimals(exponent)?;
        let mut text = format!("{units:0>width$}", width = decimals + 1);
        if decimals > 0 {
            text.insert(text.len() - decimals, '.');
        }
        text.parse()
    }

    /// Converts to minor units of a currency with `exponent` decimals. Never rounds. Trailing zeros
    /// do not count: `23.00` is 23 in a currency without minor unit.
    ///
    /// # Errors
    /// [`QrRule::Decimals`] for more decimals than the currency has.
    pub fn minor_units(&self, exponent: u32) -> Result<u64, QrRule> {
        let decimals = decimals(exponent)?;
        let (whole, fraction) = self.0.split_once('.').unwrap_or((&self.0, ""));
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > decimals {
            return Err(QrRule::Decimals { exponent });
        }
        let digits = format!("{whole}{fraction:0<decimals$}");
        digits.parse().map_err(|_| QrRule::Amount)
    }

    /// The text in the code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for QrAmount {
    type Err = QrRule;

    fn from_str(text: &str) -> Result<QrAmount, QrRule> {
        if text.len() > AMOUNT_CHARACTERS_MAX || !is_decimal_above_nought(text) {
            return Err(QrRule::Amount);
        }
        Ok(QrAmount(text.to_owned()))
    }
}

impl fmt::Display for QrAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A percentage from 00.01 to 99.99, as text: `3`, `3.00` or `03.00` (tag 57).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Percent(String);

impl Percent {
    /// The text in the code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Percent {
    type Err = QrRule;

    fn from_str(text: &str) -> Result<Percent, QrRule> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let in_range = whole.trim_start_matches('0').len() <= 2
            && fraction.len() <= PERCENT_DECIMALS_MAX
            && text.len() <= PERCENT_CHARACTERS_MAX;
        if !in_range || !is_decimal_above_nought(text) {
            return Err(QrRule::Percent);
        }
        Ok(Percent(text.to_owned()))
    }
}

fn decimals(exponent: u32) -> Result<usize, QrRule> {
    match usize::try_from(exponent) {
        Ok(decimals) if exponent <= EXPONENT_MAX => Ok(decimals),
        _ => Err(QrRule::Decimals { exponent }),
    }
}

fn is_decimal_above_nought(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && text.bytes().filter(|&byte| byte == b'.').count() <= 1
        && text.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> QrAmount {
        text.parse().unwrap()
    }

    #[test]
    fn minor_units_become_text_with_the_decimals_of_their_currency() {
        let text = |units, exponent| QrAmount::from_minor_units(units, exponent).unwrap().0;
        assert_eq!(text(2_372, 2), "23.72");
        assert_eq!(text(5, 2), "0.05");
        assert_eq!(text(500, 0), "500");
        assert_eq!(text(1_500, 3), "1.500");
        assert_eq!(text(1, 4), "0.0001");
        assert_eq!(text(999_999_999_999, 2), "9999999999.99");
        assert_eq!(text(9_999_999_999_999, 0), "9999999999999");
    }

    #[test]
    fn an_amount_of_more_than_thirteen_characters_is_refused() {
        assert_eq!(QrAmount::from_minor_units(1_000_000_000_000, 2), Err(QrRule::Amount));
        assert_eq!(QrAmount::from_minor_units(10_000_000_000_000, 0), Err(QrRule::Amount));
        assert_eq!(QrAmount::from_minor_units(u64::MAX, 4), Err(QrRule::Amount));
        assert_eq!(QrAmount::from_minor_units(0, 2), Err(QrRule::Amount));
        assert_eq!(QrAmount::from_minor_units(1, 5), Err(QrRule::Decimals { exponent: 5 }));
        assert_eq!(
            QrAmount::from_minor_units(1, u32::MAX),
            Err(QrRule::Decimals { exponent: u32::MAX })
        );
    }

    #[test]
    fn amounts_are_read_and_refused_as_the_specification_says() {
        assert_eq!(decimal("98.73").minor_units(2), Ok(9_873));
        assert_eq!(decimal("98").minor_units(2), Ok(9_800));
        assert_eq!(decimal("98.").minor_units(2), Ok(9_800));
        for wrong in ["98,73", "3 705", "", ".", "0", "0.00", "1.2.3", "-1", "+1", "1e3", "٣"] {
            assert_eq!(wrong.parse::<QrAmount>(), Err(QrRule::Amount), "{wrong}");
        }
        assert_eq!("12345678901.23".parse::<QrAmount>(), Err(QrRule::Amount));
    }

    #[test]
    fn nothing_is_rounded() {
        assert_eq!(decimal("23.725").minor_units(2), Err(QrRule::Decimals { exponent: 2 }));
        assert_eq!(decimal("23.720").minor_units(2), Ok(2_372));
        assert_eq!(decimal("23.00").minor_units(0), Ok(23));
        assert_eq!(decimal("0.5").minor_units(0), Err(QrRule::Decimals { exponent: 0 }));
        assert_eq!(decimal(".5").minor_units(2), Ok(50));
        assert_eq!(decimal("9999999999999").minor_units(4), Ok(99_999_999_999_990_000));
    }

    #[test]
    fn percentages_are_from_00_01_to_99_99() {
        for right in ["3", "3.0", "3.00", "03.00", "00.01", "99.99", "003"] {
            assert!(right.parse::<Percent>().is_ok(), "{right}");
        }
        for wrong in ["", ".", "0", "00.00", "100", "3%", "3,5", "0.001", "99.999", "000003"] {
            assert_eq!(wrong.parse::<Percent>(), Err(QrRule::Percent), "{wrong}");
        }
    }
}
