//! Time as input. The engine has no clock.

use borsh::{BorshDeserialize, BorshSerialize};
use jiff::civil::DateTime;
use jiff::tz::Offset;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tariff::BusinessDate;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
pub struct Timestamp(pub u64);

pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Largest difference between local time and UTC, in minutes.
pub const UTC_OFFSET_MINUTES_MAX: i16 = 14 * 60;

impl Timestamp {
    /// Start of a business date. `utc_offset_minutes` is local time minus UTC.
    #[must_use]
    pub fn start_of_day(date: BusinessDate, utc_offset_minutes: i16) -> Timestamp {
        let local = i64::from(date.0) * 86_400_000;
        let ms = local - i64::from(utc_offset_minutes) * 60_000;
        Timestamp(u64::try_from(ms).unwrap_or(0))
    }

    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Timestamp {
        Timestamp(self.0.saturating_add(ms))
    }

    /// Local date and time; a time after the year 9999 becomes the calendar's last.
    /// `utc_offset_minutes` is local time minus UTC.
    #[must_use]
    pub fn local(self, utc_offset_minutes: i16) -> DateTime {
        let ms = i64::try_from(self.0).unwrap_or(i64::MAX);
        let at = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
        let offset = Offset::from_seconds(i32::from(utc_offset_minutes) * 60);
        offset.unwrap_or(Offset::UTC).to_datetime(at)
    }

    /// The business date at this time; the last possible date if it is later. `utc_offset_minutes`
    /// is local time minus UTC.
    #[must_use]
    pub fn business_date(self, utc_offset_minutes: i16) -> BusinessDate {
        let ahead = i64::from(utc_offset_minutes) * 60_000;
        let local = self.0.saturating_add_signed(ahead);
        BusinessDate(u16::try_from(local / DAY_MS).unwrap_or(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_local_midnight() {
        let date: BusinessDate = "2013-08-28".parse().unwrap();
        let midnight = Timestamp::start_of_day(date, 480);
        assert_eq!(midnight, Timestamp(1_377_619_200_000), "2013-08-27T16:00:00Z");
        assert_eq!(midnight.business_date(480), date);
        assert_eq!(Timestamp(midnight.0 - 1).business_date(480), date.minus_days(1));
        assert_eq!(Timestamp(u64::MAX).business_date(480), BusinessDate::MAX);
        assert_eq!(midnight.local(-120).to_string(), "2013-08-27T14:00:00");
        assert_eq!(Timestamp(u64::MAX).local(0).year(), 9999);
    }
}
