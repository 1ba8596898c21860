//! `doorstep recon close`: closes what reconciliation left open, one by one or by a file.

use std::fmt::Display;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use host::control::user_id;
use money::decimal::DecimalAmount;
use office::closing::{ClosingReport, ClosingSum};
use office::take::Taking;
use office::{Request, Who};
use serde_json::{Map, Value};

use crate::data_directory;
use crate::data_directory::read_at_head;
use crate::office_requests::{self, OfficeKeys};
use crate::texts::{filled, text};
use crate::words::{Lang, grouped, say};

/// Closes breaks by two persons: one by its id, or many by a list that is filled in
///
/// A break that nobody proposed to close is proposed; one that another person proposed to close in
/// the same way is approved. So the second person gives the same command, or the same file.
///
/// `doorstep recon breaks --csv > list.csv` writes the list. Fill in its column `resolution`:
/// WriteOff, ThroughBank=BANK, ToSeller=SELLER, ToPayment=WAYBILL/1, ToMovement={...}; for an entry
/// of a statement `Break`. Leave it empty where nothing is to be done. `part` is for a part of a
/// break. All rows are checked before the first is carried out. At most 10,000 rows have a
/// resolution.
#[derive(Args, Debug)]
pub struct ReconCloseArgs {
    /// The break, by its id
    #[arg(value_name = "BREAK", required_unless_present = "file", requires = "resolution")]
    break_id: Option<u64>,
    /// How it is closed
    #[arg(long, value_name = "HOW", requires = "break_id")]
    resolution: Option<String>,
    /// The part that is closed, with its currency [default: all that is open]
    #[arg(long, value_name = "AMOUNT", requires = "break_id")]
    part: Option<String>,
    /// The list, with resolutions
    #[arg(long, value_name = "CSV", conflicts_with = "break_id")]
    file: Option<PathBuf>,
    /// Change nothing; show what would be done
    #[arg(long, requires = "file")]
    dry_run: bool,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// As whom, in trial books: a name in persons.toml, or an id
    #[arg(long, value_name = "WHO")]
    person: Option<String>,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

impl ReconCloseArgs {
    /// The file of a line that was sent.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }
}

pub fn run(args: &ReconCloseArgs) -> anyhow::Result<()> {
    let Some(path) = &args.file else { return close_one(args) };
    let mut file = open(path)?;
    let opened = data_directory::open(&args.data)?;
    office_requests::check_owner(&args.data)?;
    let (client, keys) = (opened.node.client(), OfficeKeys::default());
    let office = office_requests::office(&args.data, client, Box::new(|_| {}), keys);
    let who = Who { user: user_id(), person: args.person.clone() };
    let done = office.and_then(|mut office| {
        let mut taking = office.taking(&who)?;
        let done = taking.close(&mut file, args.dry_run);
        done.with_context(|| path.display().to_string())
    });
    opened.node.stop()?;
    print(&done?, args.json)
}

/// Closes by a file that was sent while this process serves the books.
pub fn run_serving(args: &ReconCloseArgs, mut taking: Taking<'_>) -> anyhow::Result<()> {
    let path = args.file().context(text(Lang::current(), "over_socket.not_a_file_line"))?;
    let mut file = open(path)?;
    let done = taking.close(&mut file, args.dry_run);
    let report = done.with_context(|| path.display().to_string())?;
    print(&report, args.json)
}

fn open(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| path.display().to_string())
}

/// Proposes to close a break, or approves what another person proposed.
fn close_one(args: &ReconCloseArgs) -> anyhow::Result<()> {
    let (Some(id), Some(resolution)) = (args.break_id, &args.resolution) else { return Ok(()) };
    let proposed = {
        let read = read_at_head(&args.data)?;
        let found = read.books().open_breaks().into_iter().find(|one| one.id.0 == id);
        found.and_then(|one| reports::ProposedResolution::of(read.books(), &one))
    };
    let is_same = |one: &reports::ProposedResolution| {
        one.unquoted == *resolution || one.resolution == *resolution
    };
    let command = match proposed.filter(is_same) {
        Some(_) => "ApproveBreakResolution",
        None => "ProposeBreakResolution",
    };
    let mut fields = Map::new();
    fields.insert("break_id".to_owned(), id.to_string().into());
    fields.insert("resolution".to_owned(), Value::from(resolution.clone()));
    if let Some(part) = &args.part {
        fields.insert("amount".to_owned(), part.clone().into());
    }
    let request = Request::Give { command: command.to_owned(), fields };
    let person = args.person.clone();
    let answer = office_requests::ask_with_settings(&args.data, request, person, None);
    office_requests::print_answered(answer, args.json)
}

fn print(report: &ClosingReport, json: bool) -> anyhow::Result<()> {
    if json {
        say!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    let lang = Lang::current();
    if report.dry_run {
        say!("{}", text(lang, "take.dry_run"));
    }
    let &ClosingReport { rows, proposed, approved, decided, repeated, .. } = report;
    let [rows, proposed, approved, decided, repeated] =
        [rows, proposed, approved, decided, repeated].map(|one| grouped(&one.to_string()));
    let values: [(&str, &dyn Display); 5] = [
        ("rows", &rows),
        ("proposed", &proposed),
        ("approved", &approved),
        ("decided", &decided),
        ("repeated", &repeated),
    ];
    say!("{}", filled(lang, "recon.closed", &values));
    for ClosingSum { resolution, currency, rows, amount } in &report.sums {
        let rows = grouped(&rows.to_string());
        let amount = grouped(&DecimalAmount::of_balance(*amount, *currency).to_string());
        let values: [(&str, &dyn Display); 4] = [
            ("resolution", resolution),
            ("rows", &rows),
            ("amount", &amount),
            ("currency", currency),
        ];
        say!("  {}", filled(lang, "recon.closed_sum", &values));
    }
    if report.proposed > 0 {
        say!("{}", text(lang, "recon.second_person"));
    }
    Ok(())
}
