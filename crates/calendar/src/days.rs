//! Business days and cut-off times of a network, wallet or bank: when an item is due.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tariff::BusinessDate;

use crate::GAP_DAYS_MAX;

const DAYS_OF_WEEK: u16 = 7;
/// 1970-01-01 was a Thursday. Monday is 0.
const WEEKDAY_OF_DAY_0: u16 = 3;
pub const SECONDS_OF_DAY: u32 = 86_400;

/// The days on which a sender does not work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedDays {
    /// By weekday: 0 is Monday.
    #[serde(default)]
    pub weekdays: BTreeSet<u16>,
    #[serde(default)]
    pub holidays: BTreeSet<BusinessDate>,
    /// Business days on closed weekdays, as China's days to make up for a holiday.
    #[serde(default)]
    pub extra_days: BTreeSet<BusinessDate>,
}

impl ClosedDays {
    #[must_use]
    pub fn is_open(&self, day: BusinessDate) -> bool {
        let weekday = (day.0 % DAYS_OF_WEEK + WEEKDAY_OF_DAY_0) % DAYS_OF_WEEK;
        let closed = self.weekdays.contains(&weekday) || self.holidays.contains(&day);
        !closed || self.extra_days.contains(&day)
    }

    /// The first business day on or after `day`; `day` itself if there is none in a month.
    #[must_use]
    pub fn open_from(&self, day: BusinessDate) -> BusinessDate {
        let days = (0..=GAP_DAYS_MAX).map(|days| day.plus_days(days));
        days.into_iter().find(|day| self.is_open(*day)).unwrap_or(day)
    }

    /// `business_days` business days after the first one on or after `day`.
    #[must_use]
    pub fn plus(&self, day: BusinessDate, business_days: u16) -> BusinessDate {
        let from = self.open_from(day);
        (0..business_days).fold(from, |day, _| self.open_from(day.plus_days(1)))
    }
}

/// When an item is due in a lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DueRule {
    /// The second of the local day from which an item belongs to the next day. 86,400: never.
    pub cut_off_s: u32,
    /// Business days from the day of the item until it is seen. 1 is T+1.
    pub business_days: u16,
    pub closed: ClosedDays,
}

impl Default for DueRule {
    /// The next day, and each day is a business day.
    fn default() -> DueRule {
        DueRule { cut_off_s: SECONDS_OF_DAY, business_days: 1, closed: ClosedDays::default() }
    }
}

impl DueRule {
    /// Whether what happens late on a day belongs to the next day.
    #[must_use]
    pub fn has_cut_off(&self) -> bool {
        self.cut_off_s < SECONDS_OF_DAY
    }

    /// The day of the file, and the last day on which the item is in time.
    #[must_use]
    pub fn due(&self, day: BusinessDate, second: u32) -> (BusinessDate, BusinessDate) {
        let after_cut_off = second >= self.cut_off_s.min(SECONDS_OF_DAY);
        let file_day = if after_cut_off { day.plus_days(1) } else { day };
        (file_day, self.closed.plus(file_day, self.business_days))
    }
}
