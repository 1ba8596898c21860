//! `doorstep calendar`, and the steps of a business day.

use std::path::{Path, PathBuf};

use anyhow::Context;
use books::{Command, PlanCycle, SettlementCycle, Timestamp};
use calendar::due::DueFacts;
use calendar::file::{FILE_BYTES_MAX, parse};
use calendar::{Calendar, StepKind};
use clap::{Args, Subcommand};
use engine::{Actor, Submission};
use node::{Clock, NodeClient, NodeStopped, SystemClock};
use serde::Deserialize;
use serde_json::json;
use tariff::BusinessDate;

use crate::chinese;
use crate::data_directory::{self, read_text};
use crate::texts::{entry, filled, text};
use crate::words::{Lang, left, say};

const DAYS_MAX: u16 = 366;

/// Shows the business days of a calendar file, and carries out what is due
#[derive(Args, Debug)]
pub struct CalendarArgs {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand, Debug)]
enum Task {
    /// Checks a calendar file, or names its first error
    ///
    /// Exit status: 0 the file is valid; 1 it is not; the message says where.
    Check {
        /// The calendar file
        file: PathBuf,
    },
    /// Prints the steps of the next days
    Show {
        /// The calendar file
        file: PathBuf,
        /// The first day [default: today by the clock of this machine, UTC]
        #[arg(long, value_name = "DATE")]
        from: Option<BusinessDate>,
        /// The number of days, 1 to 366
        #[arg(long, value_name = "N", default_value_t = 14,
              value_parser = clap::value_parser!(u16).range(1..=i64::from(DAYS_MAX)))]
        days: u16,
        /// Print one JSON object, amounts in minor units
        #[arg(long)]
        json: bool,
    },
    /// Releases money and plans payouts that are due now, in books at rest
    ///
    /// `doorstep serve` does it by itself if its settings name the calendar. A day of a cycle is
    /// planned once, whoever asks.
    Run {
        /// The calendar file
        file: PathBuf,
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Print one JSON object, amounts in minor units
        #[arg(long)]
        json: bool,
    },
}

/// Reads a calendar file.
pub fn read(path: &Path) -> anyhow::Result<Calendar> {
    let text = read_text(path, FILE_BYTES_MAX)?;
    parse(&text).with_context(|| path.display().to_string())
}

/// The calendar that settings name, if they name one.
pub fn of_settings(settings: &Path) -> anyhow::Result<Option<Calendar>> {
    #[derive(Deserialize)]
    struct CalendarOnly {
        calendar: Option<PathBuf>,
    }
    let named = || settings.display().to_string();
    let text = read_text(settings, FILE_BYTES_MAX)?;
    let form: CalendarOnly = toml::from_str(&text).with_context(named)?;
    let Some(path) = form.calendar else { return Ok(None) };
    let beside = settings.parent().unwrap_or(Path::new(""));
    read(&beside.join(path)).context("calendar").map(Some)
}

pub fn run(args: &CalendarArgs) -> anyhow::Result<()> {
    let lang = Lang::current();
    match &args.task {
        Task::Check { file } => {
            read(file)?;
            say!("{}", text(lang, "calendar.valid"));
            Ok(())
        }
        Task::Show { file, from, days, json } => {
            let from = from.unwrap_or_else(|| SystemClock.now().business_date(0));
            show(&read(file)?, from, *days, *json)
        }
        Task::Run { file, data, json } => run_due(&read(file)?, data, *json),
    }
}

fn show(calendar: &Calendar, from: BusinessDate, days: u16, as_json: bool) -> anyhow::Result<()> {
    let lang = Lang::current();
    let dates: Vec<_> = (0..days).map(|days| from.plus_days(days)).collect();
    if as_json {
        let day = |date: &BusinessDate| {
            let steps = calendar.steps(*date).into_iter().map(|step| match step.kind {
                StepKind::Release => json!({ "at": step.at.to_string(), "step": "release" }),
                StepKind::Plan { cycle, currency } => json!({
                    "at": step.at.to_string(), "step": "plan", "cycle": cycle, "currency": currency
                }),
            });
            let business_day = calendar.is_business_day(*date);
            let steps: Vec<_> = steps.collect();
            json!({ "date": date, "business_day": business_day, "steps": steps })
        };
        let days: Vec<_> = dates.iter().map(day).collect();
        say!("{}", json!({ "days": days }));
        return Ok(());
    }
    for date in dates {
        let weekday = format!("{:?}", date.civil().weekday()).to_lowercase();
        let weekday = entry(lang, "weekday", &weekday).unwrap_or_default();
        let kind = match calendar.is_business_day(date) {
            true => "",
            false => text(lang, "calendar.no_business_day"),
        };
        say!("{}", format!("{date} {} {kind}", left(weekday, 4)).trim_end());
        for step in calendar.steps(date) {
            let what = match step.kind {
                StepKind::Release => text(lang, "calendar.release").to_owned(),
                StepKind::Plan { cycle, currency } => filled(
                    lang,
                    "calendar.plan",
                    &[("cycle", &cycle_name(cycle, lang)), ("currency", &currency)],
                ),
            };
            say!("  {} {what}", step.at);
        }
    }
    Ok(())
}

fn cycle_name(cycle: SettlementCycle, lang: Lang) -> &'static str {
    entry(lang, "log.value", &format!("SettlementCycle.{cycle:?}")).unwrap_or_default()
}

/// A step of the calendar that was carried out, or why the books refused it.
pub struct CarriedOut {
    pub command: Command,
    pub result: Result<(), engine::Refusal>,
}

/// Carries out what is due, until nothing is, or the books refuse all of it.
pub fn carry_out(
    client: &mut NodeClient,
    calendar: &Calendar,
    now: Timestamp,
) -> Result<Vec<CarriedOut>, NodeStopped> {
    let mut done = Vec::new();
    loop {
        let (facts, _) = client.query(move |engine| DueFacts::of(engine.books(), now))?;
        let due = facts.map_or_else(Vec::new, |facts| calendar.due(&facts));
        let commands = due.iter().map(|one| (None, Submission::new(Actor::System, one.clone())));
        let answers = client.execute(commands.collect())?;
        let results = answers.into_iter().map(|answer| answer.map(|_| ()));
        let round: Vec<_> = due
            .into_iter()
            .zip(results)
            .map(|(command, result)| CarriedOut { command, result })
            .collect();
        let is_over = round.iter().all(|one| one.result.is_err());
        done.extend(round);
        if is_over {
            return Ok(done);
        }
    }
}

fn run_due(calendar: &Calendar, data: &Path, as_json: bool) -> anyhow::Result<()> {
    let lang = Lang::current();
    let opened = data_directory::open(data)?;
    let done = carry_out(&mut opened.node.client(), calendar, SystemClock.now())?;
    opened.node.stop()?;
    if as_json {
        let steps: Vec<_> = done
            .iter()
            .map(|one| {
                let refused = one.result.as_ref().err().map(ToString::to_string);
                json!({ "command": one.command, "refused": refused })
            })
            .collect();
        say!("{}", json!({ "steps": steps }));
    } else if done.is_empty() {
        say!("{}", text(lang, "calendar.nothing_due"));
    }
    let mut refused = 0_usize;
    for one in &done {
        let what = sentence(&one.command, lang);
        let line = match &one.result {
            Ok(()) => what,
            Err(refusal) => {
                refused += 1;
                let why = chinese::error(refusal, lang);
                filled(lang, "calendar.refused", &[("what", &what), ("why", &why)])
            }
        };
        if !as_json {
            say!("{line}");
        }
    }
    anyhow::ensure!(refused == 0, text(lang, "calendar.some_refused"));
    Ok(())
}

/// What a step does.
fn sentence(command: &Command, lang: Lang) -> String {
    match command {
        Command::ReleaseDue(release) => {
            filled(lang, "calendar.released", &[("date", &release.date)])
        }
        Command::PlanCycle(PlanCycle { plan, date, cycle, currency }) => filled(
            lang,
            "calendar.planned",
            &[
                ("date", date),
                ("plan", plan),
                ("cycle", &cycle_name(*cycle, lang)),
                ("currency", currency),
            ],
        ),
        other => other.spec().name.to_owned(),
    }
}
