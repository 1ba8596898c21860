//! On which day a receivable reaches zero.

use std::collections::BTreeMap;

use books::BusinessDate;
use serde::Serialize;

/// The day of zero, and what it is forecast from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ZeroForecast {
    /// `None` if the books give no basis for a day.
    pub day: Option<BusinessDate>,
    pub basis: ForecastBasis,
    /// The most days that a file came after the collection so far.
    pub longest_lag_days: Option<u16>,
    /// Payments that waited longer than any before them: the forecast does not hold for them.
    pub late: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ForecastBasis {
    /// The receivable is zero.
    IsZero,
    /// The longest time from a collection to its file so far.
    LongestLag,
    /// No file has settled anything so far.
    NoFileYet,
    /// A difference is left that no file will settle: a break that people must close.
    LeftByBreaks,
}

impl ZeroForecast {
    /// `open` are the days of the payments that a file must settle, one for each. `in_flight` are
    /// payments that are not answered: they can still be collected today. `lags` are how many
    /// payments were settled how many days after their collection.
    #[must_use]
    pub fn of(
        today: BusinessDate,
        receivable: i128,
        open: &[BusinessDate],
        in_flight: usize,
        lags: &BTreeMap<u16, u64>,
    ) -> ZeroForecast {
        let longest = lags.keys().next_back().copied();
        let forecast =
            |day, basis, late| ZeroForecast { day, basis, longest_lag_days: longest, late };
        if receivable == 0 && open.is_empty() && in_flight == 0 {
            return forecast(Some(today), ForecastBasis::IsZero, 0);
        }
        if open.is_empty() && in_flight == 0 {
            return forecast(None, ForecastBasis::LeftByBreaks, 0);
        }
        let Some(lag) = longest else { return forecast(None, ForecastBasis::NoFileYet, 0) };
        let due = |day: BusinessDate| BusinessDate(day.0.saturating_add(lag));
        let late = open.iter().filter(|day| due(**day) < today).count();
        let last = open.iter().copied().chain((in_flight > 0).then_some(today)).max();
        // What is late can come with the next file at the earliest.
        let day = last.map(|last| due(last).max(today));
        forecast(day, ForecastBasis::LongestLag, late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_open_day_and_the_longest_lag_give_the_day_of_zero() {
        let today = BusinessDate(100);
        let lags = BTreeMap::from([(1, 900), (3, 2)]);
        let open = [BusinessDate(99), BusinessDate(98), BusinessDate(90)];
        let forecast = ZeroForecast::of(today, 500, &open, 0, &lags);
        assert_eq!((forecast.day, forecast.late), (Some(BusinessDate(102)), 1));
        let in_flight = ZeroForecast::of(today, 500, &open, 1, &lags);
        assert_eq!(in_flight.day, Some(BusinessDate(103)));
    }

    #[test]
    fn without_a_file_there_is_no_day_and_with_nothing_open_it_is_zero() {
        let of = |receivable, open: &[BusinessDate]| {
            ZeroForecast::of(BusinessDate(100), receivable, open, 0, &BTreeMap::new())
        };
        assert_eq!(of(5, &[BusinessDate(99)]).basis, ForecastBasis::NoFileYet);
        assert_eq!(of(0, &[]).basis, ForecastBasis::IsZero);
        assert_eq!(of(5, &[]).basis, ForecastBasis::LeftByBreaks);
        assert_eq!(of(5, &[]).day, None);
    }
}
