//! `doorstep recon`: lanes side by side, files, bank accounts beside their statements, what is due.

use std::fmt::Display;
use std::path::PathBuf;

use calendar::Calendar;
use clap::{Args, Subcommand};
use reports::{
    Arrival, ArrivalKind, ArrivalState, BankLaneReport, ExpectedArrivals, LaneReport, LaneSummary,
    ReconStatus,
};

use super::open_items::movement_words;
use super::recon_breaks::{self, ReconBreaksArgs, ReconExplainArgs};
use super::table::Table;
use super::{columns, money, print_head, print_json, print_row, word};
use crate::calendar_command;
use crate::data_directory::{self, read_at_head};
use crate::office_requests::{self, OfficeKeys};
use crate::recon_close::{self, ReconCloseArgs};
use crate::texts::{filled, text};
use crate::words::{Lang, grouped, say};

/// Reconciles the books with what networks, wallets and banks state
#[derive(Args, Debug)]
pub struct ReconArgs {
    #[command(subcommand)]
    what: Recon,
}

#[derive(Subcommand, Debug)]
enum Recon {
    /// Shows each lane: files with what their lines are, bank accounts, what is due
    ///
    /// First the lanes side by side: the last day that has a file, what is open, what is due today
    /// and what is overdue. Then what is to arrive, by sender and day: missing files and late
    /// credits are named on the day after they were due. Of each file: matched, expected and
    /// breaks, which add up to it (M15), and the digest of the result. Of each bank account: the
    /// last statement, what moved in the books and is on no statement, and entries whose cause is
    /// not in the books yet; together they are the balance of the books.
    Status {
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        #[command(flatten)]
        calendar: DueCalendarArgs,
        /// Print one JSON object, amounts in minor units
        #[arg(long)]
        json: bool,
    },
    /// Lists what is to arrive, by sender and day: what is overdue comes first
    ///
    /// Collections in the file of their network or wallet, cash on the sheet of its firm, payments
    /// of clearing files, deposits and payouts on a statement. Without a file of its day it is
    /// missing; with one that lacks it, it is late.
    Arrivals {
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Only what is overdue
        #[arg(long)]
        overdue: bool,
        #[command(flatten)]
        calendar: DueCalendarArgs,
        /// Print one JSON object, amounts in minor units
        #[arg(long)]
        json: bool,
    },
    Breaks(ReconBreaksArgs),
    Explain(ReconExplainArgs),
    Close(ReconCloseArgs),
    /// Matches the entries that are expected with what the books have by now
    ///
    /// An entry whose day is past becomes a break. A running Doorstep does this by itself whenever
    /// a file is taken, and each day.
    Run {
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// As whom, in trial books: a name in persons.toml, or an id
        #[arg(long, value_name = "WHO")]
        person: Option<String>,
        /// Print one JSON object, amounts in minor units
        #[arg(long)]
        json: bool,
    },
}

/// When files are due.
#[derive(Args, Debug)]
pub struct DueCalendarArgs {
    /// The calendar of business days and arrivals [default: a file is due the day after]
    #[arg(long, value_name = "FILE")]
    calendar: Option<PathBuf>,
    /// The settings that name the calendar
    #[arg(long, value_name = "FILE", conflicts_with = "calendar")]
    config: Option<PathBuf>,
}

impl DueCalendarArgs {
    pub fn read(&self) -> anyhow::Result<Option<Calendar>> {
        match (&self.calendar, &self.config) {
            (Some(calendar), _) => calendar_command::read(calendar).map(Some),
            (None, Some(settings)) => calendar_command::of_settings(settings),
            (None, None) => Ok(None),
        }
    }
}

impl ReconArgs {
    /// What a line that was sent closes.
    pub fn closing(&self) -> Option<&ReconCloseArgs> {
        match &self.what {
            Recon::Close(args) => Some(args),
            _ => None,
        }
    }
}

pub fn run(args: &ReconArgs) -> anyhow::Result<()> {
    match &args.what {
        Recon::Breaks(args) => recon_breaks::run(args),
        Recon::Explain(args) => recon_breaks::explain(args),
        Recon::Close(args) => recon_close::run(args),
        Recon::Arrivals { data, overdue, calendar, json } => {
            let calendar = calendar.read()?;
            let read = read_at_head(data)?;
            let expected = ExpectedArrivals::new(read.books(), calendar.as_ref(), read.today());
            let mut arrivals = expected.list();
            arrivals.retain(|one| !overdue || one.state.is_overdue());
            if *json {
                return print_json(&read, "arrivals", &arrivals);
            }
            let lang = Lang::current();
            print_head(text(lang, "recon.arrivals"), &read);
            if arrivals.is_empty() {
                say!("{}", text(lang, "recon.nothing_to_arrive"));
            }
            print_arrivals(&arrivals);
            Ok(())
        }
        Recon::Status { data, calendar, json } => {
            let calendar = calendar.read()?;
            let read = read_at_head(data)?;
            let (today, waybill) = (read.today(), switch::waybill::write);
            let status = ReconStatus::of(read.books(), today, calendar.as_ref(), waybill);
            if *json {
                return print_json(&read, "recon", &status);
            }
            print_head(text(Lang::current(), "recon.status"), &read);
            print(&status);
            Ok(())
        }
        Recon::Run { data, person, json } => {
            let opened = data_directory::open(data)?;
            office_requests::check_owner(data)?;
            let (client, keys) = (opened.node.client(), OfficeKeys::default());
            let office = office_requests::office(data, client, Box::new(|_| {}), keys);
            let who = office::Who { user: host::control::user_id(), person: person.clone() };
            let done = office.and_then(|mut office| Ok(office.match_expected(&who)?));
            opened.node.stop()?;
            let (matched, broken) = done?;
            if *json {
                say!("{}", serde_json::json!({ "matched": matched, "breaks": broken }));
                return Ok(());
            }
            let values: [(&str, &dyn Display); 2] = [
                ("matched", &grouped(&matched.to_string())),
                ("broken", &grouped(&broken.to_string())),
            ];
            say!("{}", filled(Lang::current(), "recon.ran", &values));
            Ok(())
        }
    }
}

fn print(status: &ReconStatus) {
    print_lanes(&status.side_by_side);
    print_arrivals(&status.arrivals);
    for bank in &status.banks {
        print_bank(bank);
    }
    for lane in &status.lanes {
        print_lane(lane);
    }
}

fn print_lanes(lanes: &[LaneSummary]) {
    let lang = Lang::current();
    if lanes.is_empty() {
        return;
    }
    say!("\n{}", text(lang, "recon.side_by_side"));
    let mut table = Table::new()
        .text(text(lang, "recon.sender"))
        .text(text(lang, "recon.last_day"))
        .number(text(lang, "recon.open_items"))
        .number(text(lang, "recon.amount"))
        .number(text(lang, "recon.age"))
        .number(text(lang, "recon.due_today"))
        .number(text(lang, "recon.overdue"))
        .number(text(lang, "recon.open_breaks"));
    for one in lanes {
        table.row([
            format!("{} {}", word("recon.kind", one.kind), one.name),
            one.until.clone().unwrap_or_else(|| text(lang, "looks.none").to_owned()),
            grouped(&one.open.to_string()),
            money(one.amount, one.currency),
            one.oldest_days.to_string(),
            grouped(&one.due_today.to_string()),
            grouped(&one.overdue.to_string()),
            grouped(&one.breaks.to_string()),
        ]);
    }
    table.print(columns());
}

/// What becomes of something that is to arrive, in words.
pub fn arrival_words(state: ArrivalState) -> &'static str {
    let key = match state {
        ArrivalState::MissingFile => "recon.arrival_missing_file",
        ArrivalState::Late => "recon.arrival_late",
        ArrivalState::DueToday => "recon.arrival_due_today",
        ArrivalState::Awaited => "recon.arrival_awaited",
    };
    text(Lang::current(), key)
}

fn arrival_kind(kind: ArrivalKind) -> &'static str {
    let key = match kind {
        ArrivalKind::Collections => "recon.collections",
        ArrivalKind::ClearingPayment => "recon.clearing_payment",
        ArrivalKind::Deposit => "recon.deposit",
        ArrivalKind::Payout => "recon.payout",
        ArrivalKind::Other => "recon.other",
    };
    text(Lang::current(), key)
}

fn print_arrivals(arrivals: &[Arrival]) {
    let lang = Lang::current();
    if arrivals.is_empty() {
        return;
    }
    say!("\n{}", text(lang, "recon.arrivals"));
    let mut table = Table::new()
        .text(text(lang, "recon.state"))
        .text(text(lang, "recon.sender"))
        .text(text(lang, "recon.file_of"))
        .text(text(lang, "recon.due"))
        .text(text(lang, "recon.what"))
        .number(text(lang, "recon.count"))
        .number(text(lang, "recon.amount"));
    for one in arrivals {
        table.row([
            arrival_words(one.state).to_owned(),
            format!("{} {}", word("recon.kind", one.lane), one.sender),
            one.file_day.clone(),
            one.due.clone(),
            arrival_kind(one.kind).to_owned(),
            grouped(&one.items.to_string()),
            money(one.amount, one.currency),
        ]);
    }
    table.print(columns());
}

fn print_bank(bank: &BankLaneReport) {
    let lang = Lang::current();
    say!("\n{}", filled(lang, "recon.bank", &[("name", &bank.bank)]));
    let statement = match (&bank.statement, &bank.until) {
        (Some(balance), Some(until)) => {
            let balance = money(*balance, bank.currency);
            filled(lang, "recon.until", &[("balance", &balance as &dyn Display), ("until", until)])
        }
        _ => text(lang, "looks.none").to_owned(),
    };
    print_row("recon.statement", &statement);
    print_row("recon.not_on_statement", &money(bank.not_on_statement, bank.currency));
    print_row("recon.expected", &money(bank.expected, bank.currency));
    print_row("recon.before_books", &money(bank.before_books, bank.currency));
    print_row("recon.books", &money(bank.books, bank.currency));
    if !bank.movements.is_empty() {
        let mut table = Table::new()
            .text(text(lang, "recon.movement"))
            .text(text(lang, "recon.since"))
            .number(text(lang, "recon.amount"));
        for one in &bank.movements {
            let (movement, since) = (movement_words(&one.movement), one.since.clone());
            table.row([movement, since, money(one.amount, bank.currency)]);
        }
        table.print(columns());
    }
    if !bank.entries.is_empty() {
        let mut table = Table::new()
            .text(text(lang, "recon.entry"))
            .text(text(lang, "recon.booked"))
            .text(text(lang, "recon.awaited"))
            .number(text(lang, "recon.amount"));
        for one in &bank.entries {
            let entry = format!("{}/{}", one.file, one.line);
            let amount = money(one.amount, bank.currency);
            table.row([entry, one.booked.clone(), one.until.clone(), amount]);
        }
        table.print(columns());
    }
}

fn print_lane(lane: &LaneReport) {
    let lang = Lang::current();
    let values: [(&str, &dyn Display); 2] =
        [("kind", &word("recon.kind", lane.kind)), ("name", &lane.name)];
    say!("\n{}", filled(lang, "recon.lane", &values));
    let mut table = Table::new()
        .text(text(lang, "recon.file"))
        .text(text(lang, "recon.days"))
        .number(text(lang, "recon.lines"))
        .number(text(lang, "recon.total"))
        .number(text(lang, "recon.matched"))
        .number(text(lang, "recon.expected"))
        .number(text(lang, "recon.breaks"));
    for file in &lane.files {
        let days = match file.from == file.until {
            true => file.from.clone(),
            false => format!("{} – {}", file.from, file.until),
        };
        let open = if file.digest.is_none() { "…" } else { "" };
        table.row([
            format!("{}{open}", file.file),
            days,
            grouped(&file.lines.to_string()),
            money(file.total, lane.currency),
            money(file.matched.amount, lane.currency),
            money(file.expected.amount, lane.currency),
            money(file.breaks.amount, lane.currency),
        ]);
    }
    table.print(columns());
}
