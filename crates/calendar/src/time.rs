use std::fmt;
use std::str::FromStr;

use jiff::civil::Time;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

const MINUTES_PER_HOUR: u16 = 60;
const HOURS_PER_DAY: u16 = 24;

/// A local time of a day, to the minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalTime {
    minutes: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time from 00:00 to 23:59; write it as 16:30")]
pub struct LocalTimeError(pub String);

impl LocalTime {
    /// # Panics
    /// The hour is above 23, or the minute above 59.
    #[must_use]
    pub const fn new(hour: u8, minute: u8) -> LocalTime {
        assert!(hour < 24 && minute < 60, "a time of a day");
        LocalTime { minutes: hour as u16 * MINUTES_PER_HOUR + minute as u16 }
    }

    /// The second of the day.
    #[must_use]
    pub fn second(self) -> u32 {
        u32::from(self.minutes) * 60
    }

    /// The minute of a time.
    #[must_use]
    pub fn of(time: Time) -> LocalTime {
        LocalTime::new(time.hour().unsigned_abs(), time.minute().unsigned_abs())
    }
}

impl FromStr for LocalTime {
    type Err = LocalTimeError;

    fn from_str(text: &str) -> Result<LocalTime, LocalTimeError> {
        let error = || LocalTimeError(text.chars().take(20).collect());
        let (hour, minute) = text.split_once(':').ok_or_else(error)?;
        let two_digits = |part: &str, end: u16| {
            let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse().ok().filter(|number: &u16| digits && *number < end).ok_or_else(error)
        };
        let hour = two_digits(hour, HOURS_PER_DAY)?;
        let minute = two_digits(minute, MINUTES_PER_HOUR)?;
        Ok(LocalTime { minutes: hour * MINUTES_PER_HOUR + minute })
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute) = (self.minutes / MINUTES_PER_HOUR, self.minutes % MINUTES_PER_HOUR);
        write!(f, "{hour:02}:{minute:02}")
    }
}

impl<'de> Deserialize<'de> for LocalTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LocalTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
