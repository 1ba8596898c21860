//! `doorstep file`: files of networks, wallets and banks into the books.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use clap::Args;
use host::control::user_id;
use money::decimal::DecimalAmount;
use office::take::{
    FileParts, GivenFile, KindSum, LISTED_MAX, ListedLine, PartSum, TakeOutcome, TakeReport,
    TakeRequest, Taking, TakingStopped,
};
use office::{FileSourceKind, OfficeError, Who};

use crate::data_directory;
use crate::given_files;
use crate::office_requests::{self, OfficeKeys};
use crate::texts::{entry, filled, text};
use crate::words::{Lang, grouped, say};

/// Takes files of any format into the books: clearing files, bills, bank statements, firms' sheets
///
/// Finds the format of each file by its content and name, and whose it is by what it says or by
/// what was said the last time. Each line is matched with what the books expect, awaited, or a
/// break; the three add up to the file. A file is taken whole or refused whole, with all that is
/// wrong with it. A file that was taken before changes nothing. One that was interrupted is
/// continued.
///
/// Exit status: 0 the files are taken, or were taken before; 1 one is refused, and none is taken.
#[derive(Args, Debug)]
pub struct FileArgs {
    /// The files, in any order
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The network that made the file, by its name in the books
    #[arg(long, value_name = "NAME", conflicts_with = "wallet")]
    network: Option<String>,
    /// The wallet that made the file, by its name in the books
    #[arg(long, value_name = "NAME")]
    wallet: Option<String>,
    /// The courier firm that made the sheet, by its name in the books
    #[arg(long, value_name = "NAME", conflicts_with_all = ["network", "wallet"])]
    firm: Option<String>,
    /// The bank account: of a statement, or the one that a clearing file moves
    #[arg(long, value_name = "NAME")]
    bank: Option<String>,
    /// The format, by name, or a profile of your own, a path that ends in .toml
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The day of a file that says none, as YYYY-MM-DD [default: as its lines or its name say]
    #[arg(long, value_name = "DATE")]
    date: Option<jiff::civil::Date>,
    /// Take a file even if no line of it is what the books expect: each becomes a break
    #[arg(long)]
    accept_breaks: bool,
    /// The file's encoding, such as gbk [default: as its format says]
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    #[command(flatten)]
    how: HowToTake,
}

#[derive(Args, Debug)]
struct HowToTake {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// As whom, in trial books: a name in persons.toml, or an id
    #[arg(long, value_name = "WHO")]
    person: Option<String>,
    /// Change nothing; show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object, amounts in minor units
    #[arg(long)]
    json: bool,
}

/// What is taken, and how.
struct TakeTask<'a> {
    files: Vec<&'a Path>,
    request: TakeRequest,
    how: &'a HowToTake,
}

pub fn run(args: &FileArgs) -> anyhow::Result<()> {
    let asked = asked(args);
    print(&take_at_rest(&asked)?, &asked)
}

/// Takes files that were sent while this process serves the books.
pub fn run_serving(args: &FileArgs, mut taking: Taking<'_>) -> anyhow::Result<()> {
    let asked = asked(args);
    let mut given = given(&asked.files)?;
    let reports = taking.take(&asked.request, &mut given).map_err(|stopped| match stopped {
        TakingStopped::Refused(error) => OfficeError::from(error),
        TakingStopped::Node(error) => error.into(),
    })?;
    print(&reports, &asked)
}

fn given(files: &[&Path]) -> anyhow::Result<Vec<GivenFile>> {
    let open = |path: &&Path| {
        Ok(GivenFile { name: path.display().to_string(), file: given_files::open(path)? })
    };
    files.iter().map(open).collect()
}

fn source(network: Option<&String>, wallet: Option<&String>) -> Option<(FileSourceKind, String)> {
    let network = network.map(|name| (FileSourceKind::Network, name.clone()));
    network.or(wallet.map(|name| (FileSourceKind::Wallet, name.clone())))
}

fn asked(args: &FileArgs) -> TakeTask<'_> {
    let request = TakeRequest {
        source: source(args.network.as_ref(), args.wallet.as_ref())
            .or(args.firm.clone().map(|name| (FileSourceKind::Firm, name))),
        bank: args.bank.clone(),
        format: args.profile.clone(),
        encoding: args.encoding.clone(),
        date: args.date,
        accept_breaks: args.accept_breaks,
        dry_run: args.how.dry_run,
    };
    let files = args.files.iter().map(PathBuf::as_path).collect();
    TakeTask { files, request, how: &args.how }
}

fn print(reports: &[TakeReport], asked: &TakeTask<'_>) -> anyhow::Result<()> {
    if asked.how.json {
        say!("{}", serde_json::json!({ "files": reports }));
        return Ok(());
    }
    let lang = Lang::current();
    for report in reports {
        if let Some(finished) = &report.finished {
            say!("{}", text(lang, "take.finished"));
            print_words(finished, lang);
        }
        print_words(report, lang);
    }
    Ok(())
}

/// Takes files into books that nobody serves. Only their owner may.
fn take_at_rest(asked: &TakeTask<'_>) -> anyhow::Result<Vec<TakeReport>> {
    let mut given = given(&asked.files)?;
    let data = &asked.how.data;
    let opened = data_directory::open(data)?;
    office_requests::check_owner(data)?;
    let (client, keys) = (opened.node.client(), OfficeKeys::default());
    let office = office_requests::office(data, client, Box::new(|_| {}), keys);
    let who = Who { user: user_id(), person: asked.how.person.clone() };
    let reports =
        office.and_then(|mut office| Ok(office.take(&asked.request, &mut given, &who)?));
    opened.node.stop()?;
    reports
}

fn print_words(report: &TakeReport, lang: Lang) {
    let days = match report.from == report.until {
        true => report.from.clone(),
        false => filled(lang, "take.days", &[("from", &report.from), ("until", &report.until)]),
    };
    let lines = grouped(&report.lines.to_string());
    let head: [(&str, &dyn Display); 3] =
        [("name", &report.name), ("days", &days), ("lines", &lines)];
    say!("{}", filled(lang, "take.head", &head));
    match report.outcome {
        TakeOutcome::TakenBefore => {
            say!("{}", text(lang, "take.taken_before"));
            return;
        }
        TakeOutcome::DryRun => say!("{}", text(lang, "take.dry_run")),
        TakeOutcome::Taken => {}
    }
    if let Some(file) = report.file {
        say!("{}", filled(lang, "take.file", &[("file", &file)]));
    }
    let [taken, repeated, look] =
        [report.taken, report.repeated, report.to_look_at].map(|count| grouped(&count.to_string()));
    let counts: [(&str, &dyn Display); 3] =
        [("taken", &taken), ("repeated", &repeated), ("look", &look)];
    say!("{}", filled(lang, "take.counts", &counts));
    for sum in &report.sums {
        say!("  {}", kind_sum(report, sum, lang));
    }
    for line in &report.listed {
        say!("  {}", listed_line(report, line, lang));
    }
    if report.to_look_at > LISTED_MAX as u64 {
        let more = grouped(&(report.to_look_at - LISTED_MAX as u64).to_string());
        say!("  {}", filled(lang, "take.more", &[("more", &more)]));
    }
    if report.breaks > 0 {
        say!("{}", filled(lang, "take.breaks", &[("breaks", &report.breaks)]));
    }
    if let Some(FileParts { matched, expected, breaks, .. }) = &report.parts {
        let part = |part: &PartSum| amount(report, part.amount);
        let [matched, expected, breaks] = [matched, expected, breaks].map(part);
        let values: [(&str, &dyn Display); 3] =
            [("matched", &matched), ("expected", &expected), ("breaks", &breaks)];
        say!("{}", filled(lang, "take.parts", &values));
    }
}

fn amount(report: &TakeReport, minor: i64) -> String {
    let amount = DecimalAmount::of_balance(minor.into(), report.currency);
    format!("{} {}", grouped(&amount.to_string()), report.currency)
}

fn kind_sum(report: &TakeReport, sum: &KindSum, lang: Lang) -> String {
    let kind = entry(lang, "take.kind", &sum.kind).unwrap_or_default();
    let (lines, moved) = (grouped(&sum.lines.to_string()), amount(report, sum.amount));
    let kept_back = amount(report, sum.kept_back);
    let values: [(&str, &dyn Display); 4] =
        [("kind", &kind), ("lines", &lines), ("amount", &moved), ("kept_back", &kept_back)];
    match report.source {
        FileSourceKind::Bank => filled(lang, "take.entry_sum", &values),
        FileSourceKind::Network | FileSourceKind::Wallet | FileSourceKind::Firm => {
            filled(lang, "take.kind_sum", &values)
        }
    }
}

fn listed_line(report: &TakeReport, line: &ListedLine, lang: Lang) -> String {
    let why = line.refusal.as_ref().map(|refusal| match lang {
        Lang::En => &refusal.en,
        Lang::Zh => &refusal.zh,
    });
    let reason = match why {
        Some(why) if matches!(report.source, FileSourceKind::Bank | FileSourceKind::Firm) => {
            filled(lang, "take.refused", &[("why", &why)])
        }
        Some(why) => filled(lang, "take.refused_line", &[("why", &why)]),
        None => entry(lang, "take.reason", &line.reason).unwrap_or_default().to_owned(),
    };
    let moved = amount(report, line.amount);
    let values: [(&str, &dyn Display); 3] =
        [("line", &line.line), ("amount", &moved), ("reason", &reason)];
    filled(lang, "take.listed", &values)
}
