//! Calendar files (TOML), as docs/files/calendar.md describes them.
//!
//! ```
//! let calendar = calendar::file::parse(
//!     r#"
//!     weekend = ["saturday", "sunday"]
//!     holidays = ["2013-10-01..2013-10-07"]
//!     business_days = ["2013-09-29", "2013-10-12"]
//!
//!     [release]
//!     at = "01:00"
//!
//!     [[cycle]]
//!     cycle = "weekly"
//!     currency = "CNY"
//!     weekdays = ["monday", "thursday"]
//!     at = "16:30"
//!     "#,
//! )?;
//! let day = |text: &str| text.parse::<tariff::BusinessDate>();
//! assert!(calendar.is_business_day(day("2013-09-29")?), "a Sunday that makes up for a holiday");
//! // The Thursday 3 October is a holiday. The next business day is the Tuesday after it.
//! assert!(!calendar.plans_on(&calendar.cycles()[0], day("2013-10-03")?));
//! assert!(calendar.plans_on(&calendar.cycles()[0], day("2013-10-08")?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeSet;

use books::SettlementCycle;
use jiff::civil::Weekday;
use money::{Currency, CurrencyError};
use serde::Deserialize;
use tariff::{BusinessDate, BusinessDateError};

use crate::{
    ARRIVAL_DAYS_MAX, ARRIVALS_MAX, ArrivalLane, ArrivalRule, CYCLES_MAX, Calendar, CycleDays,
    CycleRule, DATES_MAX, DueRule, GAP_DAYS_MAX, HolidayShift, LocalTime, days, monday_zero,
};

/// Limit on the size of a calendar file.
pub const FILE_BYTES_MAX: usize = 1 << 20;

const RELEASE_AT: LocalTime = LocalTime::new(1, 0);

/// Why a calendar file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Not TOML, or not the layout.
    #[error("line {line}: {message}")]
    Layout { line: usize, message: String },
    #[error("{0}")]
    Date(#[from] BusinessDateError),
    #[error("`{0}`: the last day comes before the first; write the earlier day first")]
    RangeBackwards(String),
    #[error("the calendar has more than {DATES_MAX} dates; leave out years that are long past")]
    TooManyDates,
    #[error("{0} is both a holiday and a business day; leave out one of them")]
    BothKinds(BusinessDate),
    #[error("weekend: {0}")]
    Weekend(#[from] WeekdayError),
    #[error("every day of the week is in `weekend`: no day is left for business")]
    NoBusinessDays,
    #[error(
        "no business day within {GAP_DAYS_MAX} days after {0}: correct `holidays` or `weekend`"
    )]
    GapTooLong(BusinessDate),
    #[error("the calendar has more than {CYCLES_MAX} [[cycle]] sections")]
    TooManyCycles,
    #[error("cycle {cycle} in {currency}: {problem}")]
    Cycle { cycle: &'static str, currency: String, problem: CycleProblem },
    #[error("the calendar has more than {ARRIVALS_MAX} [[arrival]] sections")]
    TooManyArrivals,
    #[error("arrival of {lane}: {problem}")]
    Arrival { lane: &'static str, problem: ArrivalProblem },
}

/// What is wrong with an `[[arrival]]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArrivalProblem {
    #[error("its sender has a section already; give one section for each sender")]
    Twice,
    #[error("`after` is more than {ARRIVAL_DAYS_MAX} business days")]
    TooManyDays,
    #[error("{0}")]
    Days(#[from] Box<CalendarError>),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a day of the week; write monday to sunday")]
pub struct WeekdayError(pub String);

/// What is wrong with a `[[cycle]]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CycleProblem {
    #[error("{0}")]
    Currency(#[from] CurrencyError),
    #[error("weekdays: {0}")]
    Weekday(#[from] WeekdayError),
    #[error("it is there twice; give all its days in one section")]
    Twice,
    #[error("a daily cycle has every business day; leave out `weekdays` and `month_days`")]
    DailyWithDays,
    #[error("`weekdays` is missing or empty; write for example weekdays = [\"friday\"]")]
    NoWeekdays,
    #[error("`month_days` is missing or empty; write for example month_days = [1, 15]")]
    NoMonthDays,
    #[error("a weekly cycle has `weekdays`, a monthly one `month_days`; give the one it needs")]
    OtherDays,
    #[error("day {0} of a month is not 1 to 31; 31 is the last day of every month")]
    MonthDay(u8),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(default)]
    weekend: Vec<String>,
    #[serde(default)]
    holidays: Vec<String>,
    #[serde(default)]
    business_days: Vec<String>,
    release: Option<TimeForm>,
    #[serde(default)]
    cycle: Vec<CycleForm>,
    #[serde(default)]
    arrival: Vec<ArrivalForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeForm {
    at: LocalTime,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CycleName {
    Daily,
    Weekly,
    Monthly,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ShiftForm {
    Before,
    #[default]
    After,
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CycleForm {
    cycle: CycleName,
    currency: String,
    at: LocalTime,
    weekdays: Option<Vec<String>>,
    month_days: Option<Vec<u8>>,
    #[serde(default)]
    holiday: ShiftForm,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LaneName {
    Network,
    Wallet,
    Bank,
    Firm,
}

/// Days that are left out are those of the office.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArrivalForm {
    lane: LaneName,
    sender: Option<String>,
    cut_off: Option<LocalTime>,
    #[serde(default = "one_day")]
    after: u16,
    weekend: Option<Vec<String>>,
    holidays: Option<Vec<String>>,
    business_days: Option<Vec<String>>,
}

fn one_day() -> u16 {
    1
}

/// Reads a calendar file.
///
/// # Errors
/// [`CalendarError`].
pub fn parse(text: &str) -> Result<Calendar, CalendarError> {
    let form: Form = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1;
        CalendarError::Layout { line, message: error.message().to_owned() }
    })?;
    let weekend = weekdays(&form.weekend)?;
    if (1..=7).all(|day| weekend.iter().any(|one| one.to_monday_one_offset() == day)) {
        return Err(CalendarError::NoBusinessDays);
    }
    let holidays = dates(&form.holidays)?;
    let extra_days = dates(&form.business_days)?;
    if holidays.len() + extra_days.len() > DATES_MAX {
        return Err(CalendarError::TooManyDates);
    }
    if let Some(both) = holidays.intersection(&extra_days).next() {
        return Err(CalendarError::BothKinds(*both));
    }
    if form.cycle.len() > CYCLES_MAX {
        return Err(CalendarError::TooManyCycles);
    }
    let mut cycles: Vec<CycleRule> = Vec::new();
    for one in form.cycle {
        let rule = cycle_rule(&one, &cycles).map_err(|problem| CalendarError::Cycle {
            cycle: one.cycle.word(),
            currency: one.currency.chars().take(8).collect(),
            problem,
        })?;
        cycles.push(rule);
    }
    let mut calendar = Calendar {
        weekend,
        holidays,
        extra_days,
        release_at: form.release.map_or(RELEASE_AT, |release| release.at),
        cycles,
        arrivals: Vec::new(),
    };
    check_gaps(&calendar)?;
    if form.arrival.len() > ARRIVALS_MAX {
        return Err(CalendarError::TooManyArrivals);
    }
    for one in &form.arrival {
        let lane = one.lane.lane();
        let rule = arrival_rule(one, &calendar)
            .map_err(|problem| CalendarError::Arrival { lane: lane.name(), problem })?;
        calendar.arrivals.push(rule);
    }
    Ok(calendar)
}

impl LaneName {
    fn lane(self) -> ArrivalLane {
        match self {
            LaneName::Network => ArrivalLane::Network,
            LaneName::Wallet => ArrivalLane::Wallet,
            LaneName::Bank => ArrivalLane::Bank,
            LaneName::Firm => ArrivalLane::Firm,
        }
    }
}

fn days_error(error: CalendarError) -> ArrivalProblem {
    ArrivalProblem::Days(Box::new(error))
}

fn arrival_rule(form: &ArrivalForm, calendar: &Calendar) -> Result<ArrivalRule, ArrivalProblem> {
    let (lane, sender) = (form.lane.lane(), form.sender.clone());
    if calendar.arrivals.iter().any(|one| (one.lane, &one.sender) == (lane, &sender)) {
        return Err(ArrivalProblem::Twice);
    }
    if form.after > ARRIVAL_DAYS_MAX {
        return Err(ArrivalProblem::TooManyDays);
    }
    let mut closed = calendar.closed_days();
    if let Some(weekend) = &form.weekend {
        let weekend = weekdays(weekend).map_err(|error| days_error(error.into()))?;
        closed.weekdays = weekend.into_iter().map(monday_zero).collect();
        if closed.weekdays.len() >= 7 {
            return Err(days_error(CalendarError::NoBusinessDays));
        }
    }
    if let Some(holidays) = &form.holidays {
        closed.holidays = dates(holidays).map_err(days_error)?;
    }
    if let Some(extra_days) = &form.business_days {
        closed.extra_days = dates(extra_days).map_err(days_error)?;
    }
    if closed.holidays.len() + closed.extra_days.len() > DATES_MAX {
        return Err(days_error(CalendarError::TooManyDates));
    }
    let cut_off_s = form.cut_off.map_or(days::SECONDS_OF_DAY, LocalTime::second);
    let rule = DueRule { cut_off_s, business_days: form.after, closed };
    Ok(ArrivalRule { lane, sender, rule })
}

impl CycleName {
    fn word(self) -> &'static str {
        match self {
            CycleName::Daily => "daily",
            CycleName::Weekly => "weekly",
            CycleName::Monthly => "monthly",
        }
    }
}

fn cycle_rule(form: &CycleForm, before: &[CycleRule]) -> Result<CycleRule, CycleProblem> {
    let currency: Currency = form.currency.parse()?;
    let (cycle, days) = match (form.cycle, &form.weekdays, &form.month_days) {
        (CycleName::Daily, None, None) => (SettlementCycle::Daily, CycleDays::BusinessDays),
        (CycleName::Daily, ..) => return Err(CycleProblem::DailyWithDays),
        (CycleName::Weekly, Some(names), None) if !names.is_empty() => {
            (SettlementCycle::Weekly, CycleDays::Weekdays(weekdays(names)?))
        }
        (CycleName::Weekly, _, None) => return Err(CycleProblem::NoWeekdays),
        (CycleName::Monthly, None, Some(days)) if !days.is_empty() => {
            if let Some(wrong) = days.iter().find(|day| !(1..=31).contains(*day)) {
                return Err(CycleProblem::MonthDay(*wrong));
            }
            (SettlementCycle::Monthly, CycleDays::MonthDays(days.clone()))
        }
        (CycleName::Monthly, None, _) => return Err(CycleProblem::NoMonthDays),
        (CycleName::Weekly | CycleName::Monthly, ..) => return Err(CycleProblem::OtherDays),
    };
    if before.iter().any(|one| (one.cycle, one.currency) == (cycle, currency)) {
        return Err(CycleProblem::Twice);
    }
    let shift = match form.holiday {
        ShiftForm::Before => HolidayShift::Before,
        ShiftForm::After => HolidayShift::After,
        ShiftForm::None => HolidayShift::None,
    };
    Ok(CycleRule { cycle, currency, days, at: form.at, shift })
}

fn weekdays(names: &[String]) -> Result<Vec<Weekday>, WeekdayError> {
    let read = |name: &String| {
        Ok(match name.to_lowercase().as_str() {
            "monday" => Weekday::Monday,
            "tuesday" => Weekday::Tuesday,
            "wednesday" => Weekday::Wednesday,
            "thursday" => Weekday::Thursday,
            "friday" => Weekday::Friday,
            "saturday" => Weekday::Saturday,
            "sunday" => Weekday::Sunday,
            _ => return Err(WeekdayError(name.chars().take(20).collect())),
        })
    };
    names.iter().map(read).collect()
}

/// Reads dates and ranges of dates.
fn dates(texts: &[String]) -> Result<BTreeSet<BusinessDate>, CalendarError> {
    let mut dates = BTreeSet::new();
    for text in texts {
        let (first, last): (BusinessDate, BusinessDate) = match text.split_once("..") {
            Some((first, last)) => (first.trim().parse()?, last.trim().parse()?),
            None => (text.parse()?, text.parse()?),
        };
        if last < first {
            return Err(CalendarError::RangeBackwards(text.chars().take(24).collect()));
        }
        if usize::from(last.0 - first.0) >= DATES_MAX {
            return Err(CalendarError::TooManyDates);
        }
        dates.extend((first.0..=last.0).map(BusinessDate));
    }
    Ok(dates)
}

/// Refuses holidays in a row that a payout cannot be moved over.
fn check_gaps(calendar: &Calendar) -> Result<(), CalendarError> {
    for holiday in &calendar.holidays {
        let gap = (1..=GAP_DAYS_MAX).map(|days| holiday.plus_days(days));
        if !gap.into_iter().any(|day| calendar.is_business_day(day)) {
            return Err(CalendarError::GapTooLong(*holiday));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
