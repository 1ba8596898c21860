//! Moments as messages write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

const MS_PER_DAY: u64 = 86_400_000;

/// 2010-01-01 00:00 UTC in seconds since 1970: where retrieval reference numbers begin.
pub(crate) const RRN_EPOCH_S: u64 = 1_262_304_000;

/// The civil time at `now_ms` (since 1970) so many minutes east of UTC. A moment outside what the
/// calendar has (after the year 9999) is the calendar's last.
pub(crate) fn civil(now_ms: u64, offset_minutes: i16) -> DateTime {
    let ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
    let offset = Offset::from_seconds(i32::from(offset_minutes) * 60).unwrap_or(Offset::UTC);
    offset.to_datetime(at)
}

/// `hhmmss` as a number, field 12.
pub(crate) fn time(at: DateTime) -> u32 {
    two(at.hour()) * 10_000 + two(at.minute()) * 100 + two(at.second())
}

/// `MMDD` as a number, field 13.
pub(crate) fn date(at: DateTime) -> u32 {
    two(at.month()) * 100 + two(at.day())
}

/// `MMDDhhmmss` in UTC as a number, field 7.
pub(crate) fn transmission(now_ms: u64) -> u32 {
    let at = civil(now_ms, 0);
    date(at) * 1_000_000 + time(at)
}

/// The moment of a field 7, in milliseconds since 1970: in the year in which it is nearest to
/// `now_ms`. `None` where it is no moment.
pub(crate) fn sent(transmission: u32, now_ms: u64) -> Option<u64> {
    let (date, time) = (transmission / 1_000_000, transmission % 1_000_000);
    let part = |number: u32| i8::try_from(number).ok();
    let (month, day) = (part(date / 100)?, part(date % 100)?);
    let (hour, minute, second) = (part(time / 10_000)?, part(time / 100 % 100)?, part(time % 100)?);
    let this_year = civil(now_ms, 0).year();
    let years = [this_year.checked_sub(1)?, this_year, this_year.checked_add(1)?];
    let moments = years.into_iter().filter_map(|year| {
        let at = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
        let at = Offset::UTC.to_timestamp(at).ok()?;
        u64::try_from(at.as_millisecond()).ok()
    });
    moments.min_by_key(|moment| moment.abs_diff(now_ms))
}

/// The milliseconds since midnight UTC.
pub(crate) const fn of_day(now_ms: u64) -> u64 {
    now_ms % MS_PER_DAY
}

pub(crate) const DAY_MS: u64 = MS_PER_DAY;

fn two(number: i8) -> u32 {
    u32::from(number.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2013-08-27 23:59:58 UTC.
    const NOW_MS: u64 = 1_377_647_998_000;

    #[test]
    fn moments_are_written_in_the_zone_that_is_meant() {
        assert_eq!(transmission(NOW_MS), 827_235_958);
        let beijing = civil(NOW_MS, 480);
        assert_eq!((time(beijing), date(beijing)), (75_958, 828));
        let rio = civil(NOW_MS, -180);
        assert_eq!((time(rio), date(rio)), (205_958, 827));
    }

    #[test]
    fn the_year_of_a_moment_is_the_nearest() {
        assert_eq!(sent(827_235_958, NOW_MS + 999), Some(NOW_MS));
        // New Year's Eve, heard on New Year's Day: 2014-01-01 00:00:01.
        assert_eq!(sent(1_231_235_959, 1_388_534_401_000), Some(1_388_534_399_000));
        // The other way round: a clock that is a little ahead.
        assert_eq!(sent(101_000_001, 1_388_534_399_000), Some(1_388_534_401_000));
        assert_eq!(sent(1_331_000_000, NOW_MS), None);
        assert_eq!(sent(0, NOW_MS), None);
        assert_eq!(sent(u32::MAX, NOW_MS), None);
        assert_eq!(sent(827_235_958, u64::MAX), None.or(sent(827_235_958, u64::MAX)));
    }
}
