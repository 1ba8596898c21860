//! `doorstep recon`: files, bank accounts beside their statements, what is due, what differs.

use std::fmt::Display;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use reports::{BankLaneReport, LaneReport, ReconStatus};

use super::open_items::movement_words;
use super::table::Table;
use super::{columns, count, money, print_head, print_json, print_row, word};
use crate::data_directory::{self, read_at_head};
use crate::office_requests::{self, OfficeKeys};
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
    /// Of each file: matched, expected and breaks, which add up to it (M15), and the digest of the
    /// result. Of each bank account: the last statement, what moved in the books and is on no
    /// statement, and entries whose cause is not in the books yet; together they are the balance
    /// of the books. Of each network and wallet: the days that no file has settled.
    Status {
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Print one JSON object, amounts in minor units
        #[arg(long)]
        json: bool,
    },
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

pub fn run(args: &ReconArgs) -> anyhow::Result<()> {
    match &args.what {
        Recon::Status { data, json } => {
            let read = read_at_head(data)?;
            let status = ReconStatus::of(read.books(), read.today(), switch::waybill::write);
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
    let lang = Lang::current();
    for bank in &status.banks {
        print_bank(bank);
    }
    for lane in &status.lanes {
        print_lane(lane);
    }
    if !status.due.is_empty() {
        say!("\n{}", text(lang, "recon.due"));
        let mut table = Table::new()
            .text(text(lang, "recon.sender"))
            .text(text(lang, "recon.day"))
            .number(text(lang, "recon.payments"))
            .number(text(lang, "recon.amount"));
        for one in &status.due {
            let late = if one.late { text(lang, "recon.late") } else { "" };
            table.row([
                format!("{} {}", word("recon.kind", one.kind), one.name),
                format!("{} {late}", one.day).trim_end().to_owned(),
                count(one.payments),
                money(one.amount, one.currency),
            ]);
        }
        table.print(columns());
    }
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
