//! What is due in the books now.

use books::{
    Books, Command, PlanCycle, PlanId, RECORDS_PER_COMMAND_MAX, ReleaseDue, SettlementCycle,
    Timestamp,
};
use money::Currency;
use tariff::BusinessDate;

use crate::{Calendar, LocalTime};

const MINUTE_MS: u64 = 60_000;
const MINUTES_PER_DAY: u64 = 24 * 60;

/// The plan of a cycle on a day of the calendar. The same on each call, so that two programs that
/// plan a day make one plan.
#[must_use]
pub fn plan_id(date: BusinessDate, cycle: SettlementCycle, currency: Currency) -> PlanId {
    PlanId::derived(&format!("calendar {date} {cycle:?} {currency}"))
}

/// The local date and time of the books. `None` before they are open.
fn local_time(books: &Books, now: Timestamp) -> Option<(BusinessDate, LocalTime)> {
    let offset = books.utc_offset_minutes_at(now)?;
    let date = books.business_date(now)?;
    let minutes = (now.0 / MINUTE_MS).checked_add_signed(i64::from(offset))? % MINUTES_PER_DAY;
    Some((date, LocalTime::from_minutes(u16::try_from(minutes).ok()?)?))
}

impl Calendar {
    /// The commands that are due now. Give them, then ask again, until none is left: money is
    /// released in parts, and before it is planned. A command that the books refuse is due again.
    #[must_use]
    pub fn due(&self, books: &Books, now: Timestamp) -> Vec<Command> {
        let Some((today, time)) = local_time(books, now) else { return Vec::new() };
        let release = if self.releases_at(time) { today } else { today.minus_days(1) };
        if books.first_release().is_some_and(|first| first <= release) {
            let limit = RECORDS_PER_COMMAND_MAX;
            return vec![Command::ReleaseDue(ReleaseDue { date: release, limit })];
        }
        let due = self.cycles().iter().filter_map(|rule| {
            let (cycle, currency) = (rule.cycle, rule.currency);
            let planned = books.cycle_planned_on(cycle, currency);
            let first = planned.map_or(today, |last| last.plus_days(1));
            let date = self.last_due(rule, first, today, time)?;
            let plan = plan_id(date, cycle, currency);
            Some((date, rule.at, PlanCycle { plan, date, cycle, currency }))
        });
        let mut due: Vec<_> = due.collect();
        due.sort_by_key(|(date, at, _)| (*date, *at));
        due.into_iter().map(|(.., plan)| Command::PlanCycle(plan)).collect()
    }
}

#[cfg(test)]
mod tests {
    use books::{
        BankId, CommandOutcome, OpenBooks, PersonId, Refusal, RegisterBank, SettlementCycle as S,
    };

    use super::*;
    use crate::file::parse;

    const OFFSET_MINUTES: i16 = 480;

    const CALENDAR: &str = r#"
        weekend = ["saturday", "sunday"]
        release.at = "01:00"
        [[cycle]]
        cycle = "daily"
        currency = "CNY"
        at = "16:00"
        [[cycle]]
        cycle = "weekly"
        currency = "CNY"
        weekdays = ["monday"]
        at = "10:00"
    "#;

    /// A local time of the books in August 2013.
    fn august(day: u64, time: &str) -> Timestamp {
        let (hour, minute) = time.split_once(':').unwrap();
        let minutes = hour.parse::<u64>().unwrap() * 60 + minute.parse::<u64>().unwrap();
        // 2013-08-01T00:00 at UTC+8.
        Timestamp(1_375_286_400_000 + ((day - 1) * MINUTES_PER_DAY + minutes) * MINUTE_MS)
    }

    fn opened(at: Timestamp) -> Books {
        let mut books = Books::default();
        let (first_person, second_person) = (PersonId(1), PersonId(2));
        let utc_offset_minutes = OFFSET_MINUTES;
        let open = OpenBooks { utc_offset_minutes, first_person, second_person, trial: true };
        let (bank, currency, reference) = (BankId(1), Currency::CNY, "bank".to_owned());
        let bank = RegisterBank { bank, currency, reference };
        for command in [Command::OpenBooks(open), Command::RegisterBank(bank)] {
            books.apply(&command, at, &mut CommandOutcome::default()).unwrap();
        }
        books
    }

    /// Gives what is due, and says which days of which cycles were planned.
    fn run(books: &mut Books, at: Timestamp) -> Vec<(String, S)> {
        let calendar = parse(CALENDAR).unwrap();
        let mut planned = Vec::new();
        for command in calendar.due(books, at) {
            books.apply(&command, at, &mut CommandOutcome::default()).unwrap();
            let again = books.apply(&command, at, &mut CommandOutcome::default());
            assert_eq!(again, Err(Refusal::Repeated));
            let Command::PlanCycle(plan) = command else { panic!("no money is held") };
            planned.push((plan.date.to_string(), plan.cycle));
        }
        assert_eq!(calendar.due(books, at), [], "each day once");
        planned
    }

    #[test]
    fn each_day_of_a_cycle_is_planned_once_at_its_cut_off() {
        // The 28th is a Wednesday.
        let mut books = opened(august(28, "09:00"));
        assert_eq!(run(&mut books, august(28, "15:59")), []);
        let daily = |day: &str| (format!("2013-08-{day}"), S::Daily);
        assert_eq!(run(&mut books, august(28, "16:00")), [daily("28")]);
        assert_eq!(run(&mut books, august(28, "23:59")), []);
        // A weekend without Doorstep: of the days that were missed, the last one is planned.
        let weekly = ("2013-09-02".to_owned(), S::Weekly);
        assert_eq!(run(&mut books, august(33, "12:00")), [daily("30"), weekly]);
        assert_eq!(run(&mut books, august(33, "16:00")), [("2013-09-02".to_owned(), S::Daily)]);
    }

    #[test]
    fn nothing_is_due_before_the_books_are_open() {
        let calendar = parse(CALENDAR).unwrap();
        assert_eq!(calendar.due(&Books::default(), august(28, "16:00")), []);
    }

    #[test]
    fn the_plan_of_a_day_is_the_same_in_each_program() {
        let date = "2013-08-28".parse().unwrap();
        let id = plan_id(date, S::Daily, Currency::CNY);
        // Computed with Python's hashlib, as all derived ids.
        assert_eq!(id, PlanId(0x6a6f_6e6f_eb34_5a50));
        assert_ne!(id, plan_id(date, S::Weekly, Currency::CNY));
        assert_ne!(id, plan_id(date, S::Daily, Currency::JPY));
    }
}
