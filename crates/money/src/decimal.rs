//! Amounts as text: `12.34`, `35.9`, `1.234,56`.

use std::fmt;

use crate::{Amount, Currency};

/// How decimals are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecimalStyle {
    /// Separates the decimals.
    pub point: char,
    /// Separates groups of three digits, if the file groups them.
    pub group: Option<char>,
}

impl DecimalStyle {
    /// `1234.56`.
    pub const PLAIN: DecimalStyle = DecimalStyle { point: '.', group: None };
}

/// Why a text is not an amount. The text is quoted up to 24 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    #[error("the amount is empty")]
    Empty,
    #[error("`{0}` is negative; an amount due is zero or more")]
    Negative(String),
    #[error("`{0}` is in scientific notation; write the digits out")]
    Scientific(String),
    #[error(
        "`{text}` has {found} decimals, {currency} has {exponent}; nothing is rounded silently"
    )]
    TooManyDecimals { text: String, found: usize, currency: Currency, exponent: u32 },
    /// A comma or point that the profile does not use.
    #[error(
        "`{text}` has a `{found}` that the profile does not expect (its decimal point is \
         `{point}`{})", grouping(*.group)
    )]
    Separator { text: String, found: char, point: char, group: Option<char> },
    #[error("`{0}` has a group that is not of three digits")]
    Grouping(String),
    #[error("`{0}` is not an amount")]
    Malformed(String),
    /// Above [`Amount::MAX`].
    #[error("`{0}` is larger than any amount that Doorstep can keep")]
    TooLarge(String),
}

fn grouping(group: Option<char>) -> String {
    group.map_or(", without groups of thousands".to_owned(), |group| {
        format!(", groups by `{group}`")
    })
}

/// Parses an amount. Missing decimals are filled with zeros; too many are refused.
///
/// # Errors
/// What is wrong with the text, in words for the person who wrote the file.
pub fn parse(text: &str, currency: Currency, style: DecimalStyle) -> Result<Amount, DecimalError> {
    let shown = || text.chars().take(24).collect::<String>();
    if text.is_empty() {
        return Err(DecimalError::Empty);
    }
    if let Some(rest) = text.strip_prefix('-')
        && rest.starts_with(|c: char| c.is_ascii_digit())
    {
        return Err(DecimalError::Negative(shown()));
    }
    let mut exponents = text.char_indices().filter(|(_, c)| matches!(c, 'e' | 'E'));
    if let Some((place, _)) = exponents.next()
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text[place + 1..].starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '-')
    {
        return Err(DecimalError::Scientific(shown()));
    }
    let (whole, decimals) = text.split_once(style.point).unwrap_or((text, ""));
    let stray = |part: &str, group: Option<char>| {
        part.chars().find(|&c| matches!(c, '.' | ',' | '\'' | ' ') && Some(c) != group)
    };
    if let Some(found) = stray(whole, style.group).or_else(|| stray(decimals, None)) {
        let (point, group) = (style.point, style.group);
        return Err(DecimalError::Separator { text: shown(), found, point, group });
    }
    let digits = ungroup(whole, style.group).ok_or_else(|| DecimalError::Grouping(shown()))?;
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let dangling = text.ends_with(style.point);
    if digits.is_empty() || dangling || !all_digits(&digits) || !all_digits(decimals) {
        return Err(DecimalError::Malformed(shown()));
    }
    let exponent = currency.exponent();
    let missing = (exponent as usize).checked_sub(decimals.len()).ok_or_else(|| {
        DecimalError::TooManyDecimals { text: shown(), found: decimals.len(), currency, exponent }
    })?;
    let minor = format!("{digits}{decimals}{}", "0".repeat(missing));
    let minor: u64 = minor.parse().map_err(|_| DecimalError::TooLarge(shown()))?;
    Amount::new(minor).ok_or_else(|| DecimalError::TooLarge(shown()))
}

/// Removes the group separators. `None` if a group does not have three digits.
fn ungroup(whole: &str, group: Option<char>) -> Option<String> {
    let Some(group) = group.filter(|&group| whole.contains(group)) else {
        return Some(whole.to_owned());
    };
    let mut parts = whole.split(group);
    let first = parts.next()?;
    let regular = (1..=3).contains(&first.len()) && parts.all(|part| part.len() == 3);
    regular.then(|| whole.replace(group, ""))
}

/// An amount written with its currency's decimals: `12.34`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecimalAmount {
    minor: i128,
    currency: Currency,
}

impl DecimalAmount {
    #[must_use]
    pub fn of(amount: Amount, currency: Currency) -> DecimalAmount {
        DecimalAmount { minor: i128::from(amount.minor()), currency }
    }

    /// A balance. Can be negative.
    #[must_use]
    pub fn of_balance(minor: i128, currency: Currency) -> DecimalAmount {
        DecimalAmount { minor, currency }
    }
}

impl fmt::Display for DecimalAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent();
        let unit = 10_u128.pow(exponent);
        let (whole, decimals) =
            (self.minor.unsigned_abs() / unit, self.minor.unsigned_abs() % unit);
        let sign = if self.minor < 0 { "-" } else { "" };
        if exponent == 0 {
            return f.pad(&format!("{sign}{whole}"));
        }
        f.pad(&format!("{sign}{whole}.{decimals:0width$}", width = exponent as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn brl(text: &str) -> Result<u64, String> {
        read(text, Currency::BRL, DecimalStyle::PLAIN)
    }

    fn read(text: &str, currency: Currency, style: DecimalStyle) -> Result<u64, String> {
        parse(text, currency, style).map(Amount::minor).map_err(|error| error.to_string())
    }

    #[test]
    fn plain_amounts_are_read_to_the_minor_unit() {
        assert_eq!(brl("35.9"), Ok(3590));
        assert_eq!(brl("12.34"), Ok(1234));
        assert_eq!(brl("541"), Ok(54100));
        assert_eq!(brl("0"), Ok(0));
        assert_eq!(read("500", Currency::JPY, DecimalStyle::PLAIN), Ok(500));
        assert_eq!(read("1.5", Currency::TND, DecimalStyle::PLAIN), Ok(1500));
    }

    #[test]
    fn invalid_amounts_are_refused() {
        assert_eq!(
            brl("12.345").unwrap_err(),
            "`12.345` has 3 decimals, BRL has 2; nothing is rounded silently"
        );
        assert_eq!(brl("-3").unwrap_err(), "`-3` is negative; an amount due is zero or more");
        assert_eq!(
            brl("1e9").unwrap_err(),
            "`1e9` is in scientific notation; write the digits out"
        );
        assert_eq!(
            brl("1.234,56").unwrap_err(),
            "`1.234,56` has a `,` that the profile does not expect (its decimal point is `.`, \
             without groups of thousands)"
        );
        assert_eq!(brl("").unwrap_err(), "the amount is empty");
        assert_eq!(
            brl("99999999999999999999").unwrap_err(),
            "`99999999999999999999` is larger than any amount that Doorstep can keep"
        );
        for text in ["abc", "1.", ".5", "+1", "R$ 5", "NaN", "--3", "1.2.3", "１２"] {
            assert!(brl(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_profile_may_say_that_commas_are_decimals() {
        let style = DecimalStyle { point: ',', group: Some('.') };
        assert_eq!(read("1.234,56", Currency::BRL, style), Ok(123_456));
        assert_eq!(read("1.234.567", Currency::BRL, style), Ok(123_456_700));
        assert!(read("12.34", Currency::BRL, style).is_err());
        assert!(read("1.2345,6", Currency::BRL, style).is_err());
    }

    #[test]
    fn amounts_are_written_with_the_currency_s_decimals() {
        assert_eq!(DecimalAmount::of(Amount::of(5), Currency::CNY).to_string(), "0.05");
        assert_eq!(DecimalAmount::of_balance(-1234, Currency::CNY).to_string(), "-12.34");
        assert_eq!(DecimalAmount::of(Amount::of(7), Currency::JPY).to_string(), "7");
        assert_eq!(DecimalAmount::of(Amount::of(7), Currency::TND).to_string(), "0.007");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(minor in 0..=Amount::MAX.minor()) {
            for currency in [Currency::CNY, Currency::JPY, Currency::TND] {
                let text = DecimalAmount::of(Amount::of(minor), currency).to_string();
                prop_assert_eq!(parse(&text, currency, DecimalStyle::PLAIN), Ok(Amount::of(minor)));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = parse(&text, Currency::CNY, DecimalStyle { point: ',', group: Some('.') });
        }
    }
}
