//! `doorstep calendar`: files, the steps of days, and what is due in books at rest.

use super::ground::{self, Running};
use super::support::{Bed, eventually, text};

pub const CALENDAR: &str = r#"
weekend = ["saturday", "sunday"]
holidays = ["2013-10-01..2013-10-07"]
[[cycle]]
cycle = "weekly"
currency = "CNY"
weekdays = ["monday"]
at = "16:30"
"#;

/// Each day is a business day, and its cut-off is at midnight: today's plan is always due.
const AT_ONCE: &str = "release.at = \"00:00\"\n[[cycle]]\ncycle = \"daily\"\n\
                       currency = \"CNY\"\nat = \"00:00\"\n";

#[test]
fn a_calendar_is_checked_and_its_steps_are_shown_in_both_languages() {
    let bed = Bed::new();
    bed.write("calendar.toml", CALENDAR);
    assert_eq!(
        bed.run("calendar check calendar.toml").succeeds().stdout(),
        "The calendar is valid.\n"
    );
    let shown = bed.run("calendar show calendar.toml --from 2013-10-06 --days 3").succeeds();
    assert_eq!(
        shown.stdout(),
        "2013-10-06 Sun  no business day\n  01:00 release money whose hold has ended\n\
         2013-10-07 Mon  no business day\n  01:00 release money whose hold has ended\n\
         2013-10-08 Tue  \n  01:00 release money whose hold has ended\n  \
         16:30 plan payouts: weekly sellers, CNY\n"
            .replace("Tue  \n", "Tue\n")
    );
    let shown =
        bed.run("calendar show calendar.toml --from 2013-10-08 --days 1 --lang zh").succeeds();
    assert!(
        shown.stdout().contains("16:30 制定结算计划：每周结算的卖家，CNY"),
        "{}",
        shown.stdout()
    );
    let json =
        bed.run("calendar show calendar.toml --from 2013-10-08 --days 1 --json").succeeds().json();
    assert_eq!(text(&json, "/days/0/steps/1/at"), "16:30");
    assert_eq!(text(&json, "/days/0/steps/1/cycle"), "Weekly");
}

#[test]
fn a_wrong_calendar_is_named_with_file_and_line() {
    let bed = Bed::new();
    bed.write("calendar.toml", CALENDAR.replace("weekend", "week_end"));
    bed.run("calendar check calendar.toml").fails(
        "error: calendar.toml: line 2: unknown field `week_end`, expected one of `weekend`, \
                `holidays`, `business_days`, `release`, `cycle`, `arrival`\n",
    );
    bed.write("calendar.toml", CALENDAR.replace("16:30", "24:00"));
    let zh = bed.run("calendar check calendar.toml --lang zh");
    assert!(zh.stderr().contains("24:00"), "{}", zh.stderr());
}

#[test]
fn a_day_of_a_cycle_is_planned_once_whoever_asks() {
    let bed = Bed::new();
    bed.run("day --parcels 30 --data books").succeeds();
    bed.write("calendar.toml", AT_ONCE);
    let first = bed.run("calendar run calendar.toml --data books --json").succeeds().json();
    assert_eq!(text(&first, "/steps/0/command/command"), "PlanCycle");
    let again = bed.run("calendar run calendar.toml --data books").succeeds();
    assert_eq!(again.stdout(), "Nothing is due.\n");
    // By hand it is the same plan, and the same answer.
    bed.run("verify --data books").succeeds();
    let log = bed.run("log --data books").succeeds();
    assert!(log.stdout().contains("calendar of "), "the plan is in the log");
}

#[test]
fn a_currency_that_the_books_do_not_have_is_said_and_fails() {
    let bed = Bed::new();
    bed.run("day --parcels 30 --data books").succeeds();
    bed.write("calendar.toml", AT_ONCE.replace("CNY", "JPY"));
    bed.run("calendar run calendar.toml --data books")
        .ends_with(1)
        .says("not everything that is due was carried out");
}

#[test]
fn serve_plans_what_is_due_by_itself() {
    let bed = Bed::new();
    ground::make(&bed);
    bed.write("door/calendar.toml", AT_ONCE);
    let settings = bed.read("door/doorstep.toml");
    bed.write("door/doorstep.toml", format!("calendar = \"calendar.toml\"\n{settings}"));
    let running = Running::start(&bed, "");
    let planned = || {
        let log = bed.run("log --data door/books --json").succeeds();
        log.stdout().lines().filter(|line| line.contains("\"PlanCycle\"")).count()
    };
    eventually("a cycle is planned", || planned() > 0);
    running.stop();
    // A second start plans nothing again.
    Running::start(&bed, "").stop();
    assert_eq!(planned(), 1);
    bed.write("door/calendar.toml", "weekend = [\"caturday\"]\n");
    bed.run("serve --data door/books --config door/doorstep.toml")
        .ends_with(1)
        .says("weekend: `caturday` is not a day of the week");
}
