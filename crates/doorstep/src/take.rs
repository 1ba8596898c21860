//! `doorstep take`: files of networks, wallets and banks into the books.

use std::fmt::Display;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use host::control::user_id;
use money::decimal::DecimalAmount;
use office::take::{
    KindSum, LISTED_MAX, ListedLine, TakeOutcome, TakeReport, TakeRequest, Taking, TakingStopped,
};
use office::{FileSourceKind, OfficeError, Who};

use crate::data_directory;
use crate::office_requests::{self, OfficeKeys};
use crate::texts::{entry, filled, text};
use crate::words::{Lang, grouped, say};

/// Takes files of networks, wallets and banks into the books
///
/// A file is taken whole or refused whole, with all that is wrong with it. A file that was taken
/// before changes nothing. One that was interrupted is continued when it is given again.
#[derive(Args, Debug)]
pub struct TakeArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Takes a clearing file: what a network or wallet pays
    ///
    /// Each line becomes a command. A line whose payment is not found becomes a break. The file
    /// must be of that network or wallet, in its currency, not before the file that was taken last,
    /// and as it was sent.
    ///
    /// Exit status: 0 the file is taken, or was taken before; 1 it is refused.
    Clearing {
        /// The clearing file
        file: PathBuf,
        /// The network, by its name in the books
        #[arg(long, value_name = "NAME", required_unless_present = "wallet")]
        network: Option<String>,
        /// The wallet, by its name in the books
        #[arg(long, value_name = "NAME", conflicts_with = "network")]
        wallet: Option<String>,
        /// The bank account that is credited, if there are several in the currency
        #[arg(long, value_name = "NAME")]
        bank: Option<String>,
        #[command(flatten)]
        how: HowToTake,
    },
    /// Takes a bank statement as CSV: deposits that arrived, payouts that left or came back
    ///
    /// An entry is carried out if its reference, its amount and its account are exactly those of a
    /// deposit or a payout. All others are listed for a person to look at. The statement must begin
    /// with the balance with which the one before ended.
    ///
    /// Exit status: 0 the statement is taken, or was taken before; 1 it is refused.
    BankStatement {
        /// The statement
        file: PathBuf,
        /// The bank account, by its name in the books
        #[arg(long, value_name = "NAME")]
        bank: String,
        /// The file's encoding, such as gbk [default: utf-8]
        #[arg(long, value_name = "NAME")]
        encoding: Option<String>,
        #[command(flatten)]
        how: HowToTake,
    },
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

pub fn run(args: &TakeArgs) -> anyhow::Result<()> {
    let (file, request, how) = asked(args)?;
    let report = take_at_rest(&how.data, file, &request, how.person.clone())?;
    print(&report, how.json)
}

/// Takes a file that was sent while this process serves the books.
pub fn run_serving(args: &TakeArgs, mut taking: Taking<'_>) -> anyhow::Result<()> {
    let (file, request, how) = asked(args)?;
    let named = file.display().to_string();
    let input = BufReader::new(File::open(file).with_context(|| named.clone())?);
    let report = taking.take(&request, &named, input).map_err(|stopped| match stopped {
        TakingStopped::Refused(error) => OfficeError::from(error),
        TakingStopped::Node(error) => error.into(),
    })?;
    print(&report, how.json)
}

/// The file, and how it is taken.
fn asked(args: &TakeArgs) -> anyhow::Result<(&Path, TakeRequest, &HowToTake)> {
    Ok(match &args.what {
        What::Clearing { file, network, wallet, bank, how } => {
            let (source, name) = match (network, wallet) {
                (_, Some(wallet)) => (FileSourceKind::Wallet, wallet),
                (Some(network), None) => (FileSourceKind::Network, network),
                // The flags require one of them.
                (None, None) => bail!(text(Lang::current(), "take.no_source")),
            };
            let (name, bank, dry_run) = (name.clone(), bank.clone(), how.dry_run);
            (file, TakeRequest::Clearing { source, name, bank, dry_run }, how)
        }
        What::BankStatement { file, bank, encoding, how } => {
            let (bank, encoding, dry_run) = (bank.clone(), encoding.clone(), how.dry_run);
            (file, TakeRequest::BankStatement { bank, encoding, dry_run }, how)
        }
    })
}

fn print(report: &TakeReport, json: bool) -> anyhow::Result<()> {
    match json {
        true => say!("{}", serde_json::to_string(report)?),
        false => {
            let lang = Lang::current();
            if let Some(finished) = &report.finished {
                say!("{}", text(lang, "take.finished"));
                print_words(finished, lang);
            }
            print_words(report, lang);
        }
    }
    Ok(())
}

/// Takes a file into books that nobody serves. Only their owner may.
fn take_at_rest(
    data: &Path,
    file: &Path,
    request: &TakeRequest,
    person: Option<String>,
) -> anyhow::Result<TakeReport> {
    let named = || file.display().to_string();
    let input = BufReader::new(File::open(file).with_context(named)?);
    let opened = data_directory::open(data)?;
    office_requests::check_owner(data)?;
    let (client, keys) = (opened.node.client(), OfficeKeys::default());
    let office = office_requests::office(data, client, Box::new(|_| {}), keys);
    let who = Who { user: user_id(), person };
    let report = office.and_then(|mut office| Ok(office.take(request, &named(), input, &who)?));
    opened.node.stop()?;
    report
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
    let all = report.to_look_at + if report.file.is_none() { report.repeated } else { 0 };
    if all > LISTED_MAX as u64 {
        let more = grouped(&(all - LISTED_MAX as u64).to_string());
        say!("  {}", filled(lang, "take.more", &[("more", &more)]));
    }
    if report.breaks > 0 {
        say!("{}", filled(lang, "take.breaks", &[("breaks", &report.breaks)]));
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
        FileSourceKind::Network | FileSourceKind::Wallet => filled(lang, "take.kind_sum", &values),
    }
}

fn listed_line(report: &TakeReport, line: &ListedLine, lang: Lang) -> String {
    let why = line.refusal.as_ref().map(|refusal| match lang {
        Lang::En => &refusal.en,
        Lang::Zh => &refusal.zh,
    });
    let reason = match why {
        Some(why) if report.source == FileSourceKind::Bank => {
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
