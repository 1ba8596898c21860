//! Dates and times of messages.

use books::Timestamp;

/// Field 7: `MMDDhhmmss` in UTC.
pub(crate) fn transmission_date_time(at: Timestamp) -> u32 {
    let (time, date) = local_time_and_date(at, 0);
    u32::from(date) * 1_000_000 + time
}

/// Fields 12 and 13: `hhmmss` and `MMDD` in local time, `utc_offset_minutes` ahead of UTC.
pub(crate) fn local_time_and_date(at: Timestamp, utc_offset_minutes: i16) -> (u32, u16) {
    let local = at.local(utc_offset_minutes);
    let [month, day, hour, minute, second] =
        [local.month(), local.day(), local.hour(), local.minute(), local.second()]
            .map(|part| u16::from(part.unsigned_abs()));
    let time = u32::from(hour) * 10_000 + u32::from(minute * 100 + second);
    (time, month * 100 + day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_format_of_their_fields() {
        // 2013-08-28T01:02:03Z
        let at = Timestamp(1_377_651_723_000);
        assert_eq!(transmission_date_time(at), 828_010_203);
        assert_eq!(local_time_and_date(at, 480), (90_203, 828));
        assert_eq!(local_time_and_date(at, -120), (230_203, 827));
        // 2024-02-29T23:59:59Z and the second after it.
        assert_eq!(transmission_date_time(Timestamp(1_709_251_199_999)), 229_235_959);
        assert_eq!(transmission_date_time(Timestamp(1_709_251_200_000)), 301_000_000);
        assert_eq!(transmission_date_time(Timestamp(0)), 101_000_000);
    }
}
