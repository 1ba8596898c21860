//! What is due in the books now.

use books::{
    Books, Command, PlanCycle, PlanId, RECORDS_PER_COMMAND_MAX, ReleaseDue, SettlementCycle,
    Timestamp,
};
use money::Currency;
use tariff::BusinessDate;

use crate::{Calendar, LocalTime};

/// The plan of a cycle on a day of the calendar. The same on each call, so that two programs that
/// plan a day make one plan.
#[must_use]
pub fn plan_id(date: BusinessDate, cycle: SettlementCycle, currency: Currency) -> PlanId {
    PlanId::derived(&format!("calendar {date} {cycle:?} {currency}"))
}

/// What decides which steps are due in books at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueFacts {
    today: BusinessDate,
    time: LocalTime,
    first_release: Option<BusinessDate>,
    planned: Vec<(SettlementCycle, Currency, BusinessDate)>,
}

impl DueFacts {
    /// `None` before the books are open. Costs little: it may run on the engine's thread.
    #[must_use]
    pub fn of(books: &Books, now: Timestamp) -> Option<DueFacts> {
        let local = now.local(books.utc_offset_minutes_at(now)?).time();
        Some(DueFacts {
            today: books.business_date(now)?,
            time: LocalTime::of(local),
            first_release: books.first_release(),
            planned: books.cycles_planned().collect(),
        })
    }
}

impl Calendar {
    /// The commands that are due. Give them, then ask again with new facts, until none is left:
    /// money is released in parts, and before it is planned. A command that the books refuse is due
    /// again.
    #[must_use]
    pub fn due(&self, facts: &DueFacts) -> Vec<Command> {
        let DueFacts { today, time, .. } = *facts;
        let release = if self.releases_at(time) { today } else { today.minus_days(1) };
        if facts.first_release.is_some_and(|first| first <= release) {
            let limit = RECORDS_PER_COMMAND_MAX;
            return vec![Command::ReleaseDue(ReleaseDue { date: release, limit })];
        }
        let due = self.cycles().iter().filter_map(|rule| {
            let (cycle, currency) = (rule.cycle, rule.currency);
            let of_rule = |one: &&(_, _, _)| (one.0, one.1) == (cycle, currency);
            let planned = facts.planned.iter().find(of_rule);
            let first = planned.map_or(today, |(.., last)| last.plus_days(1));
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
        Timestamp(1_375_286_400_000 + ((day - 1) * 24 * 60 + minutes) * 60_000)
    }

    fn due(books: &Books, at: Timestamp) -> Vec<Command> {
        let facts = DueFacts::of(books, at);
        facts.map_or_else(Vec::new, |facts| parse(CALENDAR).unwrap().due(&facts))
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
        let mut planned = Vec::new();
        for command in due(books, at) {
            books.apply(&command, at, &mut CommandOutcome::default()).unwrap();
            let again = books.apply(&command, at, &mut CommandOutcome::default());
            assert_eq!(again, Err(Refusal::Repeated));
            let Command::PlanCycle(plan) = command else { panic!("no money is held") };
            planned.push((plan.date.to_string(), plan.cycle));
        }
        assert_eq!(due(books, at), [], "each day once");
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
        assert_eq!(due(&Books::default(), august(28, "16:00")), []);
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
