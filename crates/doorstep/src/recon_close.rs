//! `doorstep recon close`: closes what reconciliation left open, one by one or by a file.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use anyhow::Context;
use books::Command;
use clap::Args;
use host::control::user_id;
use money::decimal::DecimalAmount;
use office::closing::{ClosingReport, ClosingSum, PROPOSE, break_of, entry_closing, resolution_of};
use office::take::Taking;
use office::{Request, Who};
use serde_json::{Map, Value};

use crate::data_directory;
use crate::data_directory::read_at_head;
use crate::given_files;
use crate::office_requests::{self, OfficeKeys};
use crate::texts::{filled, text};
use crate::words::{Lang, grouped, say};

/// The command that decides an entry.
const MATCH: &str = "MatchEntry";

/// Closes breaks by two persons: one by its id, or many by a list that is filled in
///
/// A break that nobody proposed to close is proposed; one that another person proposed to close in
/// the same way is approved. So the second person gives the same command, or the same file.
///
/// `doorstep recon breaks --csv > list.csv` writes the list. Fill in its column `resolution`:
/// WriteOff, ThroughBank=BANK, ToSeller=SELLER, ToPayment=WAYBILL/1, 'ToMovement=deposit 7'; for an
/// entry of a statement `Break` or ToMovement; for a line of a sheet `Seen` or `Break`. Leave it
/// empty where nothing is to be done. `part` is for a part of a break. All rows are checked before
/// the first is carried out. At most 10,000 rows have a resolution.
#[derive(Args, Debug)]
pub struct ReconCloseArgs {
    /// A break as brk_7, an entry as BANK/FILE/LINE, a line of a sheet as FIRM/FILE/LINE
    #[arg(value_name = "ID", required_unless_present = "file", requires = "resolution")]
    id: Option<String>,
    /// How it is closed
    #[arg(long, value_name = "HOW", requires = "id")]
    resolution: Option<String>,
    /// The part that is closed, with its currency [default: all that is open]
    #[arg(long, value_name = "AMOUNT", requires = "id")]
    part: Option<String>,
    /// The list, with resolutions
    #[arg(long, value_name = "CSV", conflicts_with = "id")]
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
    let mut file = given_files::open(path)?;
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
    let mut file = given_files::open(path)?;
    let done = taking.close(&mut file, args.dry_run);
    let report = done.with_context(|| path.display().to_string())?;
    print(&report, args.json)
}

/// Proposes to close a break, or approves what another person proposed; or closes an entry.
fn close_one(args: &ReconCloseArgs) -> anyhow::Result<()> {
    let (Some(id), Some(resolution)) = (&args.id, &args.resolution) else { return Ok(()) };
    let read = read_at_head(&args.data)?;
    let books = read.books();
    let (command, fields) = match break_of(id) {
        Some(id) => {
            let how = resolution_of(books, resolution).context("--resolution")?;
            let proposed = books.proposed_resolution(id);
            let command = match proposed.is_some_and(|(proposed, ..)| proposed == how) {
                true => "ApproveBreakResolution",
                false => PROPOSE,
            };
            let mut fields = Map::new();
            fields.insert("break_id".to_owned(), id.to_string().into());
            fields.insert("resolution".to_owned(), Value::from(resolution.clone()));
            if let Some(part) = &args.part {
                fields.insert("amount".to_owned(), part.clone().into());
            }
            (command, fields)
        }
        None => {
            let part = args.part.as_deref().unwrap_or_default();
            let found = entry_closing(books, id, resolution, part);
            let found = found.map_err(|faulty| match faulty.column {
                "id" => anyhow::Error::new(faulty.fault),
                column => anyhow::Error::new(faulty.fault).context(format!("--{column}")),
            })?;
            let Some(command) = found else {
                let report = ClosingReport { rows: 1, repeated: 1, ..ClosingReport::default() };
                return print(&report, args.json);
            };
            let Command::MatchEntry(decided) = command else { return Ok(()) };
            let fields = serde_json::to_value(&decided)?.as_object().cloned();
            (MATCH, fields.unwrap_or_default())
        }
    };
    drop(read);
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
