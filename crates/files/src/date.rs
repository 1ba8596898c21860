//! Times as files write them. No clock.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::Offset;

/// Parses a date, an optional time after `T` or a space, and an optional zone (`Z`, `+02:00`,
/// `+0200`; otherwise `zone_seconds` east of UTC). Returns milliseconds since 1970 UTC; finer
/// fractions are truncated.
pub fn utc_ms(text: &str, zone_seconds: i32) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let date: Date = date.parse().ok().filter(|_| has_shape(date, "0000-00-00"))?;
    let (mut time, mut zone) = (Time::midnight(), zone_seconds);
    if !rest.is_empty() {
        let rest = rest.strip_prefix(['T', ' '])?;
        let length = rest.find(|c: char| !matches!(c, '0'..='9' | ':' | '.'));
        let (clock, offset) = rest.split_at(length.unwrap_or(rest.len()));
        time = parse_time(clock)?;
        match offset.trim_start_matches(' ') {
            "" => {}
            offset => zone = utc_offset_seconds(offset)?,
        }
    }
    let at = Offset::from_seconds(zone).ok()?.to_timestamp(date.to_datetime(time)).ok()?;
    Some(at.as_millisecond()).filter(|_| date.year() > 0)
}

/// Parses a time in one of the forms, as of `strptime`, which must fit the whole text. Without `%z`
/// its zone is `zone_seconds` east of UTC. Returns milliseconds since 1970 UTC.
pub fn utc_ms_of_formats(text: &str, formats: &[String], zone_seconds: i32) -> Option<i64> {
    let (time, offset) = formats.iter().find_map(|format| parse_as(format, text))?;
    let offset = offset.or_else(|| Offset::from_seconds(zone_seconds).ok())?;
    Some(offset.to_timestamp(time).ok()?.as_millisecond()).filter(|_| time.year() > 0)
}

fn parse_as(format: &str, text: &str) -> Option<(DateTime, Option<Offset>)> {
    let parsed = BrokenDownTime::parse(format, text).ok()?;
    Some((parsed.to_datetime().ok()?, parsed.offset()))
}

/// Parses a date, with or without a time, in one of the forms; in ISO 8601 if there is none. A zone
/// changes nothing: it is the date that the file writes.
pub fn date_of_formats(text: &str, formats: &[String]) -> Option<Date> {
    let date = match formats.is_empty() {
        true => {
            utc_ms(text, 0)?;
            text.get(..10)?.parse().ok()?
        }
        false => formats.iter().find_map(|format| parse_as(format, text))?.0.date(),
    };
    (date.year() > 0).then_some(date)
}

/// The last such day that is at most a day after `latest`, in its year, the one before or after.
pub fn near_date(month: i8, day: i8, latest: Date) -> Option<Date> {
    let limit = latest.tomorrow().unwrap_or(latest);
    let years = [latest.year().checked_add(1)?, latest.year(), latest.year() - 1];
    let mut dates = years.into_iter().filter_map(|year| Date::new(year, month, day).ok());
    dates.find(|date| *date <= limit)
}

/// Why forms of times cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub enum TimeFormatError {
    NoDate(String),
    /// Two forms that read one text differently, as day-month and month-day.
    Ambiguous(String, String),
}

/// Checks that each form reads the date that it writes, and that no other form reads another one.
pub fn check_time_formats(formats: &[String]) -> Result<(), TimeFormatError> {
    let days =
        [DateTime::constant(2021, 2, 3, 0, 0, 0, 0), DateTime::constant(2012, 11, 10, 0, 0, 0, 0)];
    for day in days {
        let mut written = BrokenDownTime::from(day);
        written.set_offset(Some(Offset::UTC));
        for format in formats {
            let text = written.to_string(format).ok();
            let text = text.filter(|text| {
                parse_as(format, text).is_some_and(|(read, _)| read.date() == day.date())
            });
            let Some(text) = text else { return Err(TimeFormatError::NoDate(format.clone())) };
            let other = formats.iter().find(|other| {
                parse_as(other, &text).is_some_and(|(read, _)| read.date() != day.date())
            });
            if let Some(other) = other {
                return Err(TimeFormatError::Ambiguous(format.clone(), other.clone()));
            }
        }
    }
    Ok(())
}

/// Parses `Z`, `+02:00`, `-0330` or `+02` to seconds east of UTC.
pub fn utc_offset_seconds(text: &str) -> Option<i32> {
    const HOURS_MAX: i32 = 14;
    if text != "Z" && !(text.starts_with(['+', '-']) && text.len() <= "+02:00".len()) {
        return None;
    }
    // jiff parses an offset only as a part of a time.
    let at: Timestamp = format!("1970-01-01T00:00{text}").parse().ok()?;
    let seconds = i32::try_from(-at.as_second()).ok()?;
    (seconds.abs() < (HOURS_MAX + 1) * 3600).then_some(seconds)
}

/// Parses `20:07`, `20:07:44` or `20:07:44.123`.
fn parse_time(text: &str) -> Option<Time> {
    let (clock, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let has_decimals = !decimals.is_empty() && decimals.bytes().all(|byte| byte.is_ascii_digit());
    if !(has_shape(clock, "00:00:00") || has_shape(text, "00:00")) || !has_decimals {
        return None;
    }
    // jiff parses the leap second :60 as :59, and at most nine decimals.
    let milliseconds = text.len().min("20:07:44.123".len());
    text[..milliseconds].parse().ok().filter(|_| !clock.ends_with(":60"))
}

/// Whether the text has the shape of `pattern`, in which `0` stands for any digit.
fn has_shape(text: &str, pattern: &str) -> bool {
    let fits = |(byte, wanted): (u8, u8)| match wanted {
        b'0' => byte.is_ascii_digit(),
        _ => byte == wanted,
    };
    text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utc(text: &str, zone_seconds: i32) -> Option<String> {
        let at = Timestamp::from_millisecond(utc_ms(text, zone_seconds)?).ok()?;
        Some(at.to_string())
    }

    #[test]
    fn times_are_read_as_exports_write_them() {
        assert_eq!(utc_ms("1970-01-01", 0), Some(0));
        assert_eq!(utc("2018-06-12 20:07:44", 0).as_deref(), Some("2018-06-12T20:07:44Z"));
        assert_eq!(utc("2025-10-07 09:50:26 +0200", 0).as_deref(), Some("2025-10-07T07:50:26Z"));
        assert_eq!(utc("2024-02-29T23:30-03:30", 0).as_deref(), Some("2024-03-01T03:00:00Z"));
        assert_eq!(
            utc("2024-12-31T23:59:59.98765432101Z", 0).as_deref(),
            Some("2024-12-31T23:59:59.987Z")
        );
        assert_eq!(utc_ms("1969-12-31T23:59:59.9876Z", 0), Some(-13));
        assert_eq!(utc_offset_seconds("+14:59"), Some(53_940));
        assert_eq!(utc_offset_seconds("-02"), Some(-7_200));
        assert_eq!(
            utc("2018-06-12 20:07:44", -3 * 3600).as_deref(),
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
            "2018-06-12T10:00:60",
            "2018-06-12T10:00:61",
            "2018-06-12T100000",
            "2018-06-12T10:00.5",
            "0000-06-12",
            "2018-06-12T10:00:00.",
            "2018-06-12T10:00 CET",
            "2018-06-12T10:00+25:00",
            "2018-06-12T10:00+15:00",
            "2018-06-12T10:00+02:00:00",
            "2018-06-12T10:00z",
            "2018-06-12T10:00[UTC]",
            "2018-06-12 10:00:00 +02:00 x",
        ] {
            assert_eq!(utc_ms(text, 0), None, "{text}");
        }
    }

    #[test]
    fn times_are_read_in_the_forms_of_a_profile() {
        let read = |text: &str, formats: &[&str]| {
            let formats: Vec<String> = formats.iter().map(|&format| format.to_owned()).collect();
            check_time_formats(&formats).unwrap();
            let at = utc_ms_of_formats(text, &formats, 3600)?;
            Some(Timestamp::from_millisecond(at).unwrap().to_string())
        };
        let days = ["%d/%m/%Y %H:%M", "%d/%m/%Y"];
        assert_eq!(read("1/3/2026 9:30", &days).as_deref(), Some("2026-03-01T08:30:00Z"));
        assert_eq!(read("13/03/2026", &days).as_deref(), Some("2026-03-12T23:00:00Z"));
        assert_eq!(read("3/13/2026", &days), None, "no month 13");
        assert_eq!(read("1/3/2026 9:30 x", &days), None, "text is left");
        assert_eq!(read("2026-03-01", &days), None, "only the forms that are named");
        let american = ["%m/%d/%Y %I:%M %p"];
        assert_eq!(read("3/13/2026 9:30 PM", &american).as_deref(), Some("2026-03-13T20:30:00Z"));
        let excel = ["%Y/%m/%d %H:%M"];
        assert_eq!(read("2026/3/1 9:30", &excel).as_deref(), Some("2026-03-01T08:30:00Z"));
        let words = ["%d %b %Y %H:%M"];
        assert_eq!(read("01 Mar 2026 09:30", &words).as_deref(), Some("2026-03-01T08:30:00Z"));
        let ebay = ["%b-%d-%y"];
        assert_eq!(read("Mar-13-26", &ebay).as_deref(), Some("2026-03-12T23:00:00Z"));
        let zone = ["%Y-%m-%d %H:%M:%S %z"];
        assert_eq!(
            read("2026-03-13 10:00:00 -0500", &zone).as_deref(),
            Some("2026-03-13T15:00:00Z")
        );
        assert_eq!(
            read("2026年3月1日", &["%Y年%m月%d日"]).as_deref(),
            Some("2026-02-28T23:00:00Z")
        );
    }

    #[test]
    fn forms_without_a_date_and_forms_that_contradict_are_refused() {
        let check = |formats: &[&str]| {
            let formats: Vec<String> = formats.iter().map(|&format| format.to_owned()).collect();
            check_time_formats(&formats)
        };
        for format in ["DD/MM/YYYY", "%H:%M", "%d/%m", "%Q", "%", ""] {
            assert_eq!(check(&[format]), Err(TimeFormatError::NoDate(format.to_owned())));
        }
        let (day, month) = ("%d/%m/%Y", "%m/%d/%Y");
        let both = TimeFormatError::Ambiguous(day.to_owned(), month.to_owned());
        assert_eq!(check(&[day, month]), Err(both));
        assert_eq!(check(&[day, "%d.%m.%Y"]), Ok(()));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = utc_ms(&text, 50_400);
            let _ = utc_ms_of_formats(&text, &["%d/%m/%Y %H:%M".to_owned()], 50_400);
            let _ = check_time_formats(&[text]);
        }
    }
}
