//! Calendar files.

use std::error::Error;

use calendar::file::{ArrivalProblem, CalendarError, CycleProblem, WeekdayError};
use calendar::{ARRIVAL_DAYS_MAX, ARRIVALS_MAX, CYCLES_MAX, DATES_MAX, GAP_DAYS_MAX};

use super::{error as of, toml_message};
use crate::words::Lang;

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    error.downcast_ref().map(calendar_error)
}

fn calendar_error(error: &CalendarError) -> String {
    match error {
        CalendarError::Layout { line, message } => {
            format!("第 {line} 行：{}", toml_message(message))
        }
        CalendarError::Date(error) => of(error, Lang::Zh),
        CalendarError::RangeBackwards(range) => {
            format!("`{range}`：末日早于首日；请先写较早的日期")
        }
        CalendarError::TooManyDates => {
            format!("日历的日期超过 {DATES_MAX} 个；请删去早已过去的年份")
        }
        CalendarError::BothKinds(date) => {
            format!("{date} 既是节假日又是工作日；请删去其中之一")
        }
        CalendarError::Weekend(error) => format!("weekend：{}", weekday(error)),
        CalendarError::NoBusinessDays => "一周七天都在 `weekend` 中，没有工作日".to_owned(),
        CalendarError::GapTooLong(date) => {
            format!("{date} 之后 {GAP_DAYS_MAX} 天内没有工作日；请更正 `holidays` 或 `weekend`")
        }
        CalendarError::TooManyCycles => format!("日历的 [[cycle]] 超过 {CYCLES_MAX} 节"),
        CalendarError::Cycle { cycle, currency, problem } => {
            format!("周期 {cycle}（{currency}）：{}", cycle_problem(problem))
        }
        CalendarError::TooManyArrivals => {
            format!("日历的 [[arrival]] 超过 {ARRIVALS_MAX} 节")
        }
        CalendarError::Arrival { lane, problem } => {
            format!("{lane} 的 [[arrival]]：{}", arrival_problem(problem))
        }
    }
}

fn cycle_problem(problem: &CycleProblem) -> String {
    match problem {
        CycleProblem::Currency(error) => of(error, Lang::Zh),
        CycleProblem::Weekday(error) => format!("weekdays：{}", weekday(error)),
        CycleProblem::Twice => "出现两次；请把全部日子写在一节中".to_owned(),
        CycleProblem::DailyWithDays => {
            "daily 周期为每个工作日；请删去 `weekdays` 和 `month_days`".to_owned()
        }
        CycleProblem::NoWeekdays => {
            "缺少 `weekdays` 或其为空；请写例如 weekdays = [\"friday\"]".to_owned()
        }
        CycleProblem::NoMonthDays => {
            "缺少 `month_days` 或其为空；请写例如 month_days = [1, 15]".to_owned()
        }
        CycleProblem::OtherDays => {
            "weekly 周期用 `weekdays`，monthly 周期用 `month_days`；请只写所需的一个".to_owned()
        }
        CycleProblem::MonthDay(day) => {
            format!("每月的日子 {day} 不是 1 至 31；31 即每月最后一天")
        }
    }
}

fn arrival_problem(problem: &ArrivalProblem) -> String {
    match problem {
        ArrivalProblem::Twice => "该来源已有一节；每个来源只写一节".to_owned(),
        ArrivalProblem::TooManyDays => {
            format!("`after` 超过 {ARRIVAL_DAYS_MAX} 个工作日")
        }
        ArrivalProblem::Days(error) => calendar_error(error),
    }
}

fn weekday(error: &WeekdayError) -> String {
    format!("`{}` 不是星期；请写 monday 至 sunday", error.0)
}
