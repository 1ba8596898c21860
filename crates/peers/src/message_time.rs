//! Dates and times as messages write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

pub(crate) const MS_PER_DAY: u64 = 86_400_000;

/// Local time at `now_ms` (milliseconds since 1970), `offset_minutes` east of UTC. A time after the
/// year 9999 becomes the calendar's last.
pub(crate) fn local_time(now_ms: u64, offset_minutes: i16) -> DateTime {
    let ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
    let offset = Offset::from_seconds(i32::from(offset_minutes) * 60).unwrap_or(Offset::UTC);
    offset.to_datetime(at)
}

/// `hhmmss` as a number, field 12.
pub(crate) fn hhmmss(at: DateTime) -> u32 {
    two(at.hour()) * 10_000 + two(at.minute()) * 100 + two(at.second())
}

/// `MMDD` as a number, field 13.
pub(crate) fn mmdd(at: DateTime) -> u32 {
    two(at.month()) * 100 + two(at.day())
}

/// `MMDDhhmmss` in UTC as a number, field 7.
#[must_use]
pub fn transmission_time(now_ms: u64) -> u32 {
    let at = local_time(now_ms, 0);
    mmdd(at) * 1_000_000 + hhmmss(at)
}

/// Reads field 7 as milliseconds since 1970. Field 7 has no year: the year that brings it closest
/// to `now_ms` is taken. `None` if it is not a valid date and time.
pub(crate) fn parse_transmission_time(transmission: u32, now_ms: u64) -> Option<u64> {
    let (date, time) = (transmission / 1_000_000, transmission % 1_000_000);
    let part = |number: u32| i8::try_from(number).ok();
    let (month, day) = (part(date / 100)?, part(date % 100)?);
    let (hour, minute, second) = (part(time / 10_000)?, part(time / 100 % 100)?, part(time % 100)?);
    let this_year = local_time(now_ms, 0).year();
    let years = [this_year.checked_sub(1)?, this_year, this_year.checked_add(1)?];
    let moments = years.into_iter().filter_map(|year| {
        let at = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
        let at = Offset::UTC.to_timestamp(at).ok()?;
        u64::try_from(at.as_millisecond()).ok()
    });
    moments.min_by_key(|moment| moment.abs_diff(now_ms))
}

pub(crate) const fn ms_since_midnight(now_ms: u64) -> u64 {
    now_ms % MS_PER_DAY
}

fn two(number: i8) -> u32 {
    u32::from(number.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2013-08-27 23:59:58 UTC.
    const NOW_MS: u64 = 1_377_647_998_000;

    #[test]
    fn times_are_written_in_the_given_zone() {
        assert_eq!(transmission_time(NOW_MS), 827_235_958);
        let beijing = local_time(NOW_MS, 480);
        assert_eq!((hhmmss(beijing), mmdd(beijing)), (75_958, 828));
        let rio = local_time(NOW_MS, -180);
        assert_eq!((hhmmss(rio), mmdd(rio)), (205_958, 827));
    }

    #[test]
    fn field_7_is_read_in_the_nearest_year() {
        assert_eq!(parse_transmission_time(827_235_958, NOW_MS + 999), Some(NOW_MS));
        // Sent on New Year's Eve, received on New Year's Day: 2014-01-01 00:00:01.
        assert_eq!(
            parse_transmission_time(1_231_235_959, 1_388_534_401_000),
            Some(1_388_534_399_000)
        );
        // The reverse: the sender's clock is a little ahead.
        assert_eq!(
            parse_transmission_time(101_000_001, 1_388_534_399_000),
            Some(1_388_534_401_000)
        );
        assert_eq!(parse_transmission_time(1_331_000_000, NOW_MS), None);
        assert_eq!(parse_transmission_time(0, NOW_MS), None);
        assert_eq!(parse_transmission_time(u32::MAX, NOW_MS), None);
        // 9999-08-27 23:59:58, in the calendar's last year.
        assert_eq!(parse_transmission_time(827_235_958, u64::MAX), Some(253_391_414_398_000));
    }
}
