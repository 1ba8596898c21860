//! Dates and times as files write them. No clock.

use std::fmt;
use std::str::FromStr;

const SECONDS_OF_DAY: i64 = 86_400;

/// A day of the Gregorian calendar, 0001-01-01 to 9999-12-31.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilDate {
    year: u16,
    month: u8,
    day: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date; write it as 2026-03-31")]
pub struct CivilDateError;

impl CivilDate {
    /// `None` if the calendar has no such day.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<CivilDate> {
        let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 => 28 + u8::from(leap),
            1..=12 => 31,
            _ => return None,
        };
        let fits = (1..=9999).contains(&year) && (1..=days).contains(&day);
        fits.then_some(CivilDate { year, month, day })
    }

    /// The UTC day of a time in milliseconds since 1970; `None` outside the years 1 to 9999.
    #[must_use]
    pub fn from_utc_ms(ms: i64) -> Option<CivilDate> {
        // Howard Hinnant, "chrono-compatible low-level date algorithms": eras of 400 years that
        // start in March, so that the leap day is the last of its year.
        let days = ms.div_euclid(SECONDS_OF_DAY * 1000) + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        CivilDate::new(
            u16::try_from(year).ok()?,
            u8::try_from(month).ok()?,
            u8::try_from(day).ok()?,
        )
    }

    /// Days since 1970-01-01.
    fn days(self) -> i64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let month_from_march = (month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year
            - 719_468
    }
}

impl FromStr for CivilDate {
    type Err = CivilDateError;

    fn from_str(text: &str) -> Result<CivilDate, CivilDateError> {
        let mut rest = text;
        let date = take_date(&mut rest).ok_or(CivilDateError)?;
        if rest.is_empty() { Ok(date) } else { Err(CivilDateError) }
    }
}

impl fmt::Display for CivilDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Formats milliseconds since 1970 as ISO 8601 in UTC: `2026-03-31T09:05:00Z`. `None` outside the
/// years 1 to 9999.
pub fn utc_text(ms: i64) -> Option<String> {
    let date = CivilDate::from_utc_ms(ms)?;
    let (seconds, millis) = (ms.div_euclid(1000).rem_euclid(SECONDS_OF_DAY), ms.rem_euclid(1000));
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = if millis == 0 { String::new() } else { format!(".{millis:03}") };
    Some(format!("{date}T{hour:02}:{minute:02}:{second:02}{fraction}Z"))
}

/// Parses a date, an optional time after `T` or a space, and an optional zone (`Z`, `+02:00`,
/// `+0200`; otherwise `zone_seconds` east of UTC). Returns milliseconds since 1970 UTC; finer
/// fractions are truncated.
pub fn utc_ms(text: &str, zone_seconds: i32) -> Option<i64> {
    let mut rest = text;
    let days = take_date(&mut rest)?.days();
    let (mut ms, mut zone) = (0, zone_seconds);
    if let Some(time) = rest.strip_prefix(['T', ' ']) {
        rest = time;
        ms = take_time(&mut rest)?;
        rest = rest.trim_start_matches(' ');
        if !rest.is_empty() {
            zone = utc_offset_seconds(rest)?;
        }
    } else if !rest.is_empty() {
        return None;
    }
    Some((days * SECONDS_OF_DAY - i64::from(zone)) * 1000 + ms)
}

/// Parses `Z`, `+02:00`, `-0330` or `+02` to seconds east of UTC.
pub fn utc_offset_seconds(text: &str) -> Option<i32> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, mut rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let hours = take_number(&mut rest, 2, 0..=14)?;
    rest = rest.strip_prefix(':').unwrap_or(rest);
    let minutes = if rest.is_empty() { 0 } else { take_number(&mut rest, 2, 0..=59)? };
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    rest.is_empty().then_some(sign * seconds)
}

fn take_date(rest: &mut &str) -> Option<CivilDate> {
    let year = take_number(rest, 4, 1..=9999)?;
    *rest = rest.strip_prefix('-')?;
    let month = take_number(rest, 2, 1..=12)?;
    *rest = rest.strip_prefix('-')?;
    let day = take_number(rest, 2, 1..=31)?;
    CivilDate::new(u16::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
}

/// In milliseconds since midnight.
fn take_time(rest: &mut &str) -> Option<i64> {
    let hour = take_number(rest, 2, 0..=23)?;
    *rest = rest.strip_prefix(':')?;
    let minute = take_number(rest, 2, 0..=59)?;
    let mut ms = (hour * 3600 + minute * 60) * 1000;
    if let Some(seconds) = rest.strip_prefix(':') {
        *rest = seconds;
        ms += take_number(rest, 2, 0..=59)? * 1000;
        if let Some(fraction) = rest.strip_prefix('.') {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            let millis = format!("{:0<3}", &fraction[..digits.min(3)]);
            ms += take_number(&mut millis.as_str(), 3, 0..=999).filter(|_| digits > 0)?;
            *rest = &fraction[digits..];
        }
    }
    Some(ms)
}

fn take_number(
    rest: &mut &str,
    digits: usize,
    range: std::ops::RangeInclusive<i64>,
) -> Option<i64> {
    let (number, after) = rest.split_at_checked(digits)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    *rest = after;
    number.parse().ok().filter(|number| range.contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utc(text: &str) -> Option<String> {
        utc_ms(text, 0).and_then(utc_text)
    }

    #[test]
    fn times_are_read_as_exports_write_them() {
        assert_eq!(utc_ms("1970-01-01", 0), Some(0));
        assert_eq!(utc("2018-06-12 20:07:44").as_deref(), Some("2018-06-12T20:07:44Z"));
        assert_eq!(utc("2025-10-07 09:50:26 +0200").as_deref(), Some("2025-10-07T07:50:26Z"));
        assert_eq!(utc("2024-02-29T23:30-03:30").as_deref(), Some("2024-03-01T03:00:00Z"));
        assert_eq!(utc("2024-12-31T23:59:59.9876Z").as_deref(), Some("2024-12-31T23:59:59.987Z"));
        assert_eq!(
            utc_ms("2018-06-12 20:07:44", -3 * 3600).and_then(utc_text).as_deref(),
            Some("2018-06-12T23:07:44Z"),
            "the profile's zone"
        );
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "12/06/2018",
            "2018-6-12",
            "2018-02-30",
            "1900-02-29",
            "2018-06-12x",
            "２018-06-12",
            "2018-06-12 24:00",
            "2018-06-12 10",
            "2018-06-12T10:00:61",
            "2018-06-12T10:00:00.",
            "2018-06-12T10:00 CET",
            "2018-06-12T10:00+25:00",
            "2018-06-12 10:00:00 +02:00 x",
        ] {
            assert_eq!(utc_ms(text, 0), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_date_is_formatted_and_parsed_back(day in -719_162_i64..=2_932_896) {
            let ms = day * SECONDS_OF_DAY * 1000;
            let date = CivilDate::from_utc_ms(ms).expect("within the calendar");
            prop_assert_eq!(date.days(), day);
            prop_assert_eq!(date.to_string().parse(), Ok(date));
        }

        #[test]
        fn no_text_and_no_time_panics(text in "\\PC*", ms in any::<i64>()) {
            let _ = utc_ms(&text, 50_400);
            let _ = utc_text(ms);
        }
    }
}
