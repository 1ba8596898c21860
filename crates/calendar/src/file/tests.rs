use super::*;
use crate::{Step, StepKind};

fn day(text: &str) -> BusinessDate {
    text.parse().unwrap()
}

fn at(text: &str) -> LocalTime {
    text.parse().unwrap()
}

/// China in autumn 2013, as the State Council's notice of 8 December 2012 has it: Mid-Autumn 19 to
/// 21 September, National Day 1 to 7 October; 22 and 29 September and 12 October are worked.
fn china() -> Calendar {
    parse(
        r#"
        weekend = ["saturday", "Sunday"]
        holidays = ["2013-09-19..2013-09-21", "2013-10-01 .. 2013-10-07"]
        business_days = ["2013-09-22", "2013-09-29", "2013-10-12"]
        release.at = "00:30"

        [[cycle]]
        cycle = "daily"
        currency = "CNY"
        at = "16:00"

        [[cycle]]
        cycle = "weekly"
        currency = "CNY"
        weekdays = ["monday", "thursday"]
        at = "10:00"

        [[cycle]]
        cycle = "monthly"
        currency = "CNY"
        month_days = [1, 31]
        at = "00:30"
        holiday = "before"
        "#,
    )
    .unwrap()
}

/// The days of a rule's plans between two dates.
fn plans(calendar: &Calendar, rule: usize, from: &str, until: &str) -> Vec<String> {
    let days = (day(from).0..=day(until).0).map(BusinessDate);
    let rule = &calendar.cycles()[rule];
    days.filter(|day| calendar.plans_on(rule, *day)).map(|day| day.to_string()).collect()
}

#[test]
fn a_business_day_is_what_the_notice_says() {
    let calendar = china();
    let business = |from: u16, days: u16| {
        let days = (from..from + days).map(BusinessDate);
        let text = |day| if calendar.is_business_day(day) { 'x' } else { '-' };
        days.map(text).collect::<String>()
    };
    // From Monday 16 September on, four weeks, each Monday to Sunday.
    let weeks: Vec<String> =
        (0..4).map(|week| business(day("2013-09-16").0 + 7 * week, 7)).collect();
    assert_eq!(weeks, ["xxx---x", "xxxxx-x", "x------", "-xxxxx-"].map(str::to_owned));
}

#[test]
fn a_weekly_cycle_moves_over_holidays_and_is_planned_once_where_two_days_meet() {
    let weekly = plans(&china(), 1, "2013-09-16", "2013-10-14");
    // Thursday 19 September moves to Sunday 22, which is worked. Thursday 3 and Monday 7 October
    // both move to Tuesday 8.
    assert_eq!(
        weekly,
        [
            "2013-09-16",
            "2013-09-22",
            "2013-09-23",
            "2013-09-26",
            "2013-09-30",
            "2013-10-08",
            "2013-10-10",
            "2013-10-14"
        ]
    );
}

#[test]
fn a_monthly_cycle_moves_before_holidays_and_ends_short_months() {
    let calendar = china();
    // The 31st of February is the 28th. 1 October moves to Monday 30 September, which is the last
    // day of its month. 1 June and 31 August are Saturdays, 1 September a Sunday: all Fridays.
    assert_eq!(
        plans(&calendar, 2, "2013-02-02", "2013-03-31"),
        ["2013-02-28", "2013-03-01", "2013-03-29"]
    );
    assert_eq!(
        plans(&calendar, 2, "2013-05-20", "2013-10-31"),
        [
            "2013-05-31",
            "2013-06-28",
            "2013-07-01",
            "2013-07-31",
            "2013-08-01",
            "2013-08-30",
            "2013-09-30",
            "2013-10-31"
        ]
    );
}

#[test]
fn a_daily_cycle_has_the_business_days_and_loses_none_to_a_shift() {
    let daily = plans(&china(), 0, "2013-09-30", "2013-10-08");
    assert_eq!(daily, ["2013-09-30", "2013-10-08"]);
}

#[test]
fn a_cycle_can_be_left_out_on_holidays() {
    let text = r#"
        weekend = ["friday"]
        [[cycle]]
        cycle = "weekly"
        currency = "JPY"
        weekdays = ["friday"]
        at = "23:59"
        holiday = "none"
    "#;
    assert!(plans(&parse(text).unwrap(), 0, "2020-01-01", "2020-12-31").is_empty());
    let text = text.replace("none", "before");
    let thursdays = plans(&parse(&text).unwrap(), 0, "2020-01-01", "2020-01-14");
    assert_eq!(thursdays, ["2020-01-02", "2020-01-09"]);
}

#[test]
fn the_steps_of_a_day_release_before_they_plan() {
    let calendar = china();
    let cny = Currency::CNY;
    let plan = |cycle| StepKind::Plan { cycle, currency: cny };
    let steps: Vec<_> =
        calendar.steps(day("2013-09-30")).into_iter().map(|s| (s.at, s.kind)).collect();
    assert_eq!(
        steps,
        [
            (at("00:30"), StepKind::Release),
            (at("00:30"), plan(SettlementCycle::Monthly)),
            (at("10:00"), plan(SettlementCycle::Weekly)),
            (at("16:00"), plan(SettlementCycle::Daily)),
        ]
    );
    // Nothing is planned on a holiday, but holds end.
    let date = day("2013-10-02");
    let release = Step { date, at: at("00:30"), kind: StepKind::Release };
    assert_eq!(calendar.steps(date), [release]);
}

#[test]
fn a_plan_that_was_missed_is_due_until_the_next_one() {
    let calendar = china();
    let weekly = &calendar.cycles()[1];
    let due = |first: &str, today: &str, now: &str| {
        let due = calendar.last_due(weekly, day(first), day(today), at(now));
        due.map(|day| day.to_string())
    };
    let early = "2013-01-01";
    assert_eq!(due(early, "2013-09-30", "09:59").as_deref(), Some("2013-09-26"));
    assert_eq!(due(early, "2013-09-30", "10:00").as_deref(), Some("2013-09-30"));
    assert_eq!(due(early, "2013-10-07", "12:00").as_deref(), Some("2013-09-30"));
    assert_eq!(due("2013-09-27", "2013-09-30", "09:59"), None, "before the books were opened");
}

#[test]
fn a_wrong_calendar_says_what_to_write() {
    let cycle = |rest: &str| format!("[[cycle]]\ncurrency = \"CNY\"\nat = \"10:00\"\n{rest}\n");
    for (text, why) in [
        ("weekend = [\"sonntag\"]".to_owned(), "weekend: `sonntag` is not a day of the week"),
        ("holidays = [\"1.10.2013\"]".to_owned(), "write it as 2013-08-28"),
        ("holidays = [\"2013-10-07..2013-10-01\"]".to_owned(), "comes before the first"),
        ("holidays = [\"2013-01-01..2100-01-01\"]".to_owned(), "more than 10000 dates"),
        ("holidays = [\"2013-01-01..2013-03-01\"]".to_owned(), "no business day within 31 days"),
        (
            "holidays = [\"2013-01-01\"]\nbusiness_days = [\"2013-01-01\"]".to_owned(),
            "2013-01-01 is both a holiday and a business day",
        ),
        (
            "weekend = [\"monday\", \"tuesday\", \"wednesday\", \"thursday\", \"friday\", \
             \"saturday\", \"sunday\"]"
                .to_owned(),
            "no day is left for business",
        ),
        ("release.at = \"24:00\"".to_owned(), "`24:00` is not a time from 00:00 to 23:59"),
        ("release.at = \"9:00\"".to_owned(), "write it as 16:30"),
        ("\nvacation = []".to_owned(), "line 2: unknown field `vacation`"),
        (cycle("cycle = \"yearly\""), "unknown variant `yearly`"),
        (cycle("cycle = \"daily\"\nweekdays = [\"monday\"]"), "leave out `weekdays`"),
        (cycle("cycle = \"weekly\""), "`weekdays` is missing or empty"),
        (cycle("cycle = \"weekly\"\nweekdays = []"), "`weekdays` is missing or empty"),
        (
            cycle("cycle = \"weekly\"\nmonth_days = [1]\nweekdays = [\"monday\"]"),
            "give the one it needs",
        ),
        (cycle("cycle = \"monthly\"\nmonth_days = [0]"), "day 0 of a month is not 1 to 31"),
        (cycle("cycle = \"daily\"").repeat(2), "cycle daily in CNY: it is there twice"),
        (cycle("cycle = \"daily\"").replace("CNY", "C"), "cycle daily in C:"),
    ] {
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains(why), "{text}\n{error}");
    }
}

#[test]
fn the_example_of_the_page_is_a_calendar() {
    let page = include_str!("../../../../docs/files/calendar.md");
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let example = parse(example).unwrap();
    assert_eq!(example.cycles().len(), 3);
    // The 15 September 2013 is a Sunday: the plan is made on the Friday before.
    assert!(example.plans_on(&example.cycles()[2], day("2013-09-13")));
}

/// Networks work on each day but holidays of their own, `main` also on Saturdays.
const ARRIVALS: &str = r#"
    weekend = ["saturday", "sunday"]
    holidays = ["2013-10-01..2013-10-07"]

    [[arrival]]
    lane = "network"
    after = 2
    cut_off = "23:00"

    [[arrival]]
    lane = "network"
    sender = "alpha"
    weekend = []
    holidays = ["2013-08-30"]

    [[arrival]]
    lane = "bank"
    sender = "main"
    weekend = ["sunday"]
"#;

#[test]
fn a_file_is_due_by_the_rule_of_its_sender_or_of_its_lane() {
    let calendar = parse(ARRIVALS).unwrap();
    let due = |lane, sender: &str, date: &str, second| {
        let (file_day, due) = calendar.due_rule(lane, sender).due(day(date), second);
        (file_day.to_string(), due.to_string())
    };
    let days = |file_day: &str, due: &str| (file_day.to_owned(), due.to_owned());
    // The 28th of August 2013 is a Wednesday.
    let any = |second| due(ArrivalLane::Network, "beta", "2013-08-28", second);
    assert_eq!(any(82_799), days("2013-08-28", "2013-08-30"));
    assert_eq!(any(82_800), days("2013-08-29", "2013-09-02"), "after 23:00: two days on, Monday");
    let alpha = due(ArrivalLane::Network, "alpha", "2013-08-29", 82_800);
    assert_eq!(alpha, days("2013-08-29", "2013-08-31"), "the 30th is its own holiday");
    let main = due(ArrivalLane::Bank, "main", "2013-08-30", 0);
    assert_eq!(main, days("2013-08-30", "2013-08-31"), "a Saturday");
    let other = due(ArrivalLane::Bank, "second", "2013-08-30", 0);
    assert_eq!(other, days("2013-08-30", "2013-09-02"), "the next business day of the office");
    let golden_week = due(ArrivalLane::Wallet, "red", "2013-09-30", 0);
    assert_eq!(golden_week, days("2013-09-30", "2013-10-08"));
}

#[test]
fn a_wrong_arrival_is_refused_with_what_is_wrong() {
    let refused = |section: &str| parse(section).unwrap_err().to_string();
    let twice = "[[arrival]]\nlane = \"bank\"\n[[arrival]]\nlane = \"bank\"\n";
    assert!(refused(twice).starts_with("arrival of bank: its sender has a section already"));
    let long = "[[arrival]]\nlane = \"bank\"\nafter = 91\n";
    assert_eq!(refused(long), "arrival of bank: `after` is more than 90 business days");
    let week = r#"["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]"#;
    let closed = format!("[[arrival]]\nlane = \"firm\"\nweekend = {week}\n");
    assert!(refused(&closed).contains("no day is left for business"), "{}", refused(&closed));
    let backwards = "[[arrival]]\nlane = \"wallet\"\nholidays = [\"2013-08-30..2013-08-29\"]\n";
    assert!(refused(backwards).contains("the last day comes before the first"));
}
