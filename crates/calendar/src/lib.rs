//! The calendar of the office: which days are business days, and which steps of a business day are
//! due. Read from calendar.toml ([`mod@file`]).
//!
//! Never: a clock, I/O. Start at [`Calendar::due`], which asks for [`due::DueFacts`].

pub mod days;
pub mod due;
pub mod file;
mod time;

use std::collections::BTreeSet;

use books::SettlementCycle;
use jiff::civil::Weekday;
use money::Currency;
use tariff::BusinessDate;

pub use days::{ClosedDays, DueRule};
pub use time::{LocalTime, LocalTimeError};

/// How far a day that is no business day can be from the next one. A calendar with a longer gap is
/// refused when it is read.
pub const GAP_DAYS_MAX: u16 = 31;

/// Limit on the rules of a calendar.
pub const CYCLES_MAX: usize = 64;

/// Limit on the rules of arrival of a calendar.
pub const ARRIVALS_MAX: usize = 1_000;

/// Limit on the business days until a file is due.
pub const ARRIVAL_DAYS_MAX: u16 = 90;

/// Limit on the dates of a calendar, holidays and extra business days together.
pub const DATES_MAX: usize = 10_000;

/// The business days, and what is done on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    weekend: Vec<Weekday>,
    holidays: BTreeSet<BusinessDate>,
    /// Days of a weekend that are business days, as China's days to make up for a holiday.
    extra_days: BTreeSet<BusinessDate>,
    /// Held money whose hold has ended becomes payable. Every day, also on holidays.
    release_at: LocalTime,
    cycles: Vec<CycleRule>,
    arrivals: Vec<ArrivalRule>,
}

/// When the files of a lane are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrivalRule {
    pub lane: ArrivalLane,
    /// The operator's name of the sender. `None`: each sender of the lane without a rule of its
    /// own.
    pub sender: Option<String>,
    pub rule: DueRule,
}

/// Whose files arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArrivalLane {
    Network,
    Wallet,
    Bank,
    Firm,
}

impl ArrivalLane {
    pub const ALL: [ArrivalLane; 4] =
        [ArrivalLane::Network, ArrivalLane::Wallet, ArrivalLane::Bank, ArrivalLane::Firm];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ArrivalLane::Network => "network",
            ArrivalLane::Wallet => "wallet",
            ArrivalLane::Bank => "bank",
            ArrivalLane::Firm => "firm",
        }
    }
}

/// When the payouts of a cycle are planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CycleRule {
    pub cycle: SettlementCycle,
    pub currency: Currency,
    pub days: CycleDays,
    /// The cut-off: what is payable at this time is in the plan.
    pub at: LocalTime,
    pub shift: HolidayShift,
}

/// The days on which a cycle's payouts are planned, before a holiday moves them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CycleDays {
    BusinessDays,
    Weekdays(Vec<Weekday>),
    /// Days of a month. A month that is shorter has the day as its last day.
    MonthDays(Vec<u8>),
}

/// Where a day that is no business day moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HolidayShift {
    Before,
    #[default]
    After,
    /// The cycle is left out.
    None,
}

/// Something that is due on a business day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    pub date: BusinessDate,
    pub at: LocalTime,
    pub kind: StepKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepKind {
    Release,
    Plan { cycle: SettlementCycle, currency: Currency },
}

impl CycleDays {
    fn contains(&self, date: BusinessDate) -> bool {
        let civil = date.civil();
        match self {
            CycleDays::BusinessDays => true,
            CycleDays::Weekdays(days) => days.contains(&civil.weekday()),
            CycleDays::MonthDays(days) => {
                let (day, last) = (civil.day().unsigned_abs(), civil.days_in_month());
                days.iter().any(|wanted| (*wanted).min(last.unsigned_abs()) == day)
            }
        }
    }
}

fn monday_zero(day: Weekday) -> u16 {
    day.to_monday_zero_offset().unsigned_abs().into()
}

impl Calendar {
    #[must_use]
    pub fn is_business_day(&self, date: BusinessDate) -> bool {
        if self.holidays.contains(&date) {
            return false;
        }
        self.extra_days.contains(&date) || !self.weekend.contains(&date.civil().weekday())
    }

    #[must_use]
    pub fn cycles(&self) -> &[CycleRule] {
        &self.cycles
    }

    #[must_use]
    pub fn arrivals(&self) -> &[ArrivalRule] {
        &self.arrivals
    }

    /// When the files of a sender are due: by its own rule, by that of its lane, or on the next
    /// business day.
    #[must_use]
    pub fn due_rule(&self, lane: ArrivalLane, sender: &str) -> DueRule {
        let of_lane = || self.arrivals.iter().filter(|one| one.lane == lane);
        let own = of_lane().find(|one| one.sender.as_deref() == Some(sender));
        let any = own.or_else(|| of_lane().find(|one| one.sender.is_none()));
        any.map_or_else(
            || DueRule { closed: self.closed_days(), ..DueRule::default() },
            |one| one.rule.clone(),
        )
    }

    fn closed_days(&self) -> ClosedDays {
        ClosedDays {
            weekdays: self.weekend.iter().map(|day| monday_zero(*day)).collect(),
            holidays: self.holidays.clone(),
            extra_days: self.extra_days.clone(),
        }
    }

    /// The business day to which a holiday moves a day. `None` if it is left out.
    fn moved(&self, date: BusinessDate, rule: &CycleRule) -> Option<BusinessDate> {
        if self.is_business_day(date) {
            return Some(date);
        }
        let shift = match rule.days {
            CycleDays::BusinessDays => return None,
            CycleDays::Weekdays(_) | CycleDays::MonthDays(_) => rule.shift,
        };
        let days = 1..=GAP_DAYS_MAX;
        let mut others: Box<dyn Iterator<Item = BusinessDate>> = match shift {
            HolidayShift::None => return None,
            HolidayShift::After => Box::new(days.map(|days| date.plus_days(days))),
            HolidayShift::Before => Box::new(days.map(|days| date.minus_days(days))),
        };
        others.find(|other| self.is_business_day(*other))
    }

    /// Whether a rule's payouts are planned on this day.
    #[must_use]
    pub fn plans_on(&self, rule: &CycleRule, date: BusinessDate) -> bool {
        let wanted = date.0.saturating_sub(GAP_DAYS_MAX)..=date.0.saturating_add(GAP_DAYS_MAX);
        self.is_business_day(date)
            && wanted
                .map(BusinessDate)
                .any(|day| rule.days.contains(day) && self.moved(day, rule) == Some(date))
    }

    /// The steps of a day, in the order of their times. A release comes before a plan of the same
    /// time, so that the plan has what it released.
    #[must_use]
    pub fn steps(&self, date: BusinessDate) -> Vec<Step> {
        let mut steps = vec![Step { date, at: self.release_at, kind: StepKind::Release }];
        for rule in self.cycles.iter().filter(|rule| self.plans_on(rule, date)) {
            let CycleRule { cycle, currency, at, .. } = *rule;
            steps.push(Step { date, at, kind: StepKind::Plan { cycle, currency } });
        }
        steps.sort_by_key(|step| (step.at, step.kind));
        steps
    }

    /// The last day of a rule's plan that is due at this local time, not before `first`.
    #[must_use]
    pub fn last_due(
        &self,
        rule: &CycleRule,
        first: BusinessDate,
        today: BusinessDate,
        now: LocalTime,
    ) -> Option<BusinessDate> {
        let latest = if rule.at <= now { today } else { today.minus_days(1) };
        // A month's day lies within a month and a gap.
        let earliest = first.max(today.minus_days(2 * GAP_DAYS_MAX + 1));
        (earliest.0..=latest.0).rev().map(BusinessDate).find(|date| self.plans_on(rule, *date))
    }

    /// Whether held money is to be released at this local time.
    #[must_use]
    pub fn releases_at(&self, now: LocalTime) -> bool {
        self.release_at <= now
    }
}
