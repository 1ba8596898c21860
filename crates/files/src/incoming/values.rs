//! The values of fields: amounts, dates, card numbers, numbers that a spreadsheet has changed.

use jiff::civil::Date;
use money::decimal::DecimalStyle;
use zeroize::Zeroize;

use super::parts::{CardFacts, CardTokens, FineAmount};
use crate::date::near_date;

/// Parses a decimal amount with an optional sign: at most five decimals, groups of three digits.
pub(crate) fn fine(text: &str, style: DecimalStyle) -> Option<FineAmount> {
    let (digits, negative) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(digits) => (digits, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    let (whole, decimals) = digits.split_once(style.point).unwrap_or((digits, ""));
    let has_point = digits.contains(style.point);
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let whole = ungrouped(whole, style.group)?;
    let decimals_max = FineAmount::DECIMALS as usize;
    // Zeros behind the fifth decimal say nothing.
    let (decimals, zeros) = decimals.split_at_checked(decimals_max).unwrap_or((decimals, ""));
    let is_number = !whole.is_empty() && all_digits(&whole) && all_digits(decimals);
    if !is_number || has_point && decimals.is_empty() || zeros.bytes().any(|byte| byte != b'0') {
        return None;
    }
    let parts: i64 = format!("{whole}{decimals:0<decimals_max$}").parse().ok()?;
    Some(FineAmount::new(if negative { -parts } else { parts }))
}

/// Removes the marks between groups of three digits. `None` if a group has another length.
fn ungrouped(whole: &str, group: Option<char>) -> Option<String> {
    let Some(group) = group.filter(|group| whole.contains(*group)) else {
        return Some(whole.to_owned());
    };
    let mut groups = whole.split(group);
    let first = groups.next().filter(|first| (1..=3).contains(&first.len()))?;
    let rest: Vec<&str> = groups.collect();
    let whole_groups = rest.iter().all(|one| one.len() == 3);
    whole_groups.then(|| format!("{first}{}", rest.concat()))
}

/// `MMDDhhmmss`, with the year of the last such day that is at most a day after `file_date`.
/// Returns seconds since 1970.
pub(crate) fn month_to_second(text: &str, file_date: Date, zone_seconds: i32) -> Option<u64> {
    let digits = |at: usize| text.get(at..at + 2)?.parse::<i8>().ok();
    if text.len() != 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let date = near_date(digits(0)?, digits(2)?, file_date)?;
    let time = jiff::civil::Time::new(digits(4)?, digits(6)?, digits(8)?, 0).ok()?;
    let offset = jiff::tz::Offset::from_seconds(zone_seconds).ok()?;
    u64::try_from(offset.to_timestamp(date.to_datetime(time)).ok()?.as_second()).ok()
}

/// A card number as its first six and last four digits and its token. The number is wiped.
/// `None` if it is not 12 to 19 digits. Spaces around it are left out.
pub(crate) fn card(bytes: &mut [u8], tokens: Option<&dyn CardTokens>) -> Option<CardFacts> {
    let facts = card_facts(bytes, tokens);
    bytes.zeroize();
    facts
}

fn card_facts(bytes: &[u8], tokens: Option<&dyn CardTokens>) -> Option<CardFacts> {
    let pan = bytes.trim_ascii();
    if !(12..=19).contains(&pan.len()) || !pan.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let bin = *pan.first_chunk::<6>()?;
    let last_four = *pan.last_chunk::<4>()?;
    Some(CardFacts { bin, last_four, token: tokens.map(|tokens| tokens.token(pan)) })
}

/// A card number that the sender has masked already, such as `621700******1234`.
pub(crate) fn masked_card(bytes: &[u8]) -> Option<CardFacts> {
    let pan = bytes.trim_ascii();
    let (bin, last_four) = (*pan.first_chunk::<6>()?, *pan.last_chunk::<4>()?);
    let between = pan.get(6..pan.len().checked_sub(4)?)?;
    let digits = bin.iter().chain(&last_four).all(u8::is_ascii_digit);
    let masked = (2..=9).contains(&between.len())
        && between.iter().all(|byte| matches!(byte, b'*' | b'X' | b'x'));
    (digits && masked).then_some(CardFacts { bin, last_four, token: None })
}

/// How a spreadsheet wrote an identifier.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Identifier {
    AsWritten,
    /// All its digits are there: `1.23457E+5` is 123457.
    Exact(String),
    /// Digits are lost.
    Rounded,
}

/// Digits of a number in scientific form, as far as the file still has them.
pub(crate) fn identifier(text: &str) -> Identifier {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else {
        return Identifier::AsWritten;
    };
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let plus = exponent.strip_prefix('+');
    let has_shape = whole.len() == 1
        && digits(whole)
        && (decimals.is_empty() || digits(decimals))
        && plus.is_some_and(digits);
    let Some(exponent) = plus.filter(|_| has_shape).and_then(|text| text.parse::<usize>().ok())
    else {
        return Identifier::AsWritten;
    };
    // A spreadsheet cuts zeros at the end too, so fewer decimals than the exponent can be lost
    // digits. Only as many as the exponent are surely all.
    match decimals.len() == exponent && whole != "0" {
        true => Identifier::Exact(format!("{whole}{decimals}")),
        false => Identifier::Rounded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use money::Currency;
    use std::cell::RefCell;
    use std::num::NonZeroU64;

    #[test]
    fn amounts_have_groups_of_three_and_five_decimals_at_most() {
        let english = DecimalStyle { point: '.', group: Some(',') };
        let read = |text| fine(text, english).map(FineAmount::parts);
        assert_eq!(read("1,234.56"), Some(123_456_000));
        assert_eq!(read("-0.01000"), Some(-1_000));
        assert_eq!(read("0.0100000"), Some(1_000));
        for text in ["", ".", "1.", ".5", "12,34.00", "1,2345", "1.234,56", "1.000001", "1e3", "１"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(fine("1,234.56", DecimalStyle::PLAIN), None, "groups only if the profile says");
        let half = FineAmount::new(500);
        assert_eq!(half.exact_minor(Currency::CNY), None);
        assert_eq!(half.rounded_minor(Currency::CNY).unwrap().minor(), 1);
        assert_eq!(FineAmount::new(-499).rounded_minor(Currency::CNY).unwrap().minor(), 0);
    }

    #[test]
    fn a_time_without_a_year_is_the_last_one_before_the_file() {
        let of = |text, file| {
            let at = month_to_second(text, file, 8 * 3600)?;
            Some(jiff::Timestamp::from_second(i64::try_from(at).ok()?).ok()?.to_string())
        };
        assert_eq!(of("1231235959", date(2016, 1, 1)).as_deref(), Some("2015-12-31T15:59:59Z"));
        assert_eq!(of("0101000000", date(2015, 12, 31)).as_deref(), Some("2015-12-31T16:00:00Z"));
        assert_eq!(of("0229120000", date(2016, 3, 1)).as_deref(), Some("2016-02-29T04:00:00Z"));
        assert_eq!(of("0229120000", date(2015, 3, 1)), None, "2015 and 2014 have no such day");
        assert_eq!(of("1301000000", date(2016, 3, 1)), None);
    }

    #[test]
    fn a_card_number_is_wiped_once_its_token_is_made() {
        struct Seen(RefCell<Vec<u8>>);
        impl CardTokens for Seen {
            fn token(&self, pan: &[u8]) -> NonZeroU64 {
                self.0.borrow_mut().extend_from_slice(pan);
                NonZeroU64::MIN
            }
        }
        let (mut bytes, seen) = (*b"6217001234567890123  ", Seen(RefCell::default()));
        let facts = card(&mut bytes, Some(&seen)).unwrap();
        assert_eq!((&facts.bin, &facts.last_four), (b"621700", b"0123"));
        assert_eq!(*seen.0.borrow(), b"6217001234567890123");
        assert_eq!(bytes, [0; 21]);
        assert_eq!(card(&mut b"62170012345".to_vec(), None), None);
        assert_eq!(masked_card(b"621700******1234").unwrap().bin, *b"621700");
        assert_eq!(masked_card(b"6217001234561234"), None);
    }

    #[test]
    fn only_whole_digits_come_back_from_a_spreadsheet() {
        assert_eq!(identifier("1.23456789012E+11"), Identifier::Exact("123456789012".to_owned()));
        assert_eq!(identifier("1.23457E+11"), Identifier::Rounded);
        assert_eq!(identifier("1E+11"), Identifier::Rounded);
        assert_eq!(identifier("SFE123"), Identifier::AsWritten);
        assert_eq!(identifier("12E5"), Identifier::AsWritten, "a waybill with a letter");
    }
}
