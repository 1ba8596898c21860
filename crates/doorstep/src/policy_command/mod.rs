//! `doorstep policy`: rules about public texts, and what was decided by them.

mod figures;
mod giving;
mod shown;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use screening::PolicyVersion;
use screening::file::{FILE_BYTES_MAX, parse};
use tariff::BusinessDate;

use crate::data_directory::read_text;
use crate::texts::filled;
use crate::words::Lang;

/// Rules about public texts: checked, tried, activated, and what was decided by them
#[derive(Args, Debug)]
pub struct PolicyArgs {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand, Debug)]
enum Task {
    /// Checks a policy file with all its examples, and shows its rules by baseline
    ///
    /// Exit status: 0 the file is valid; 1 it is not; the message says where.
    Check {
        /// A policy file (TOML)
        file: PathBuf,
    },
    Preview(PreviewArgs),
    Activate(ActivateArgs),
    Show(ShowArgs),
    Text(TextArgs),
    Sample(SampleArgs),
    Report(ReportArgs),
    Statements(StatementsArgs),
}

/// Says what a policy would do to all texts that were ever matched
///
/// Each text that is still there is matched with the rules in force and with those of the file, at
/// the prices of now. Shows what would be newly caught and freed, by kind of seller, and a sample
/// to judge. Changes nothing.
#[derive(Args, Debug)]
struct PreviewArgs {
    /// A policy file (TOML)
    file: PathBuf,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Texts of the sample
    #[arg(long, value_name = "N", default_value_t = 20)]
    sample: usize,
    /// Chooses the sample; the same number, the same sample
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Proposes a policy file as the next version; another person approves it
///
/// The file's examples are matched before. The version's number is the next one, whatever the file
/// says; it is in force from the file's first day, or from today if that is past.
#[derive(Args, Debug)]
struct ActivateArgs {
    /// A policy file (TOML)
    file: PathBuf,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// First day in force
    #[arg(long, value_name = "DATE")]
    from: Option<BusinessDate>,
    /// As whom, in trial books
    #[arg(long, value_name = "WHO")]
    person: Option<String>,
    /// Who approves it, in trial books
    #[arg(long, value_name = "WHO")]
    approved_by: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Shows the version in force by baseline, what waits for a person, and open appeals
#[derive(Args, Debug)]
struct ShowArgs {
    /// Show the decisions about this offer
    #[arg(long, value_name = "ID")]
    offer: Option<u64>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Keeps a public text of an offer, and prints its digest
///
/// The file is JSON: `title`, `description` and `captions`. The digest is the field `content` of
/// DraftOffer and ReviseOffer. The text is matched when its offer is listed or revised.
#[derive(Args, Debug)]
struct TextArgs {
    /// A text (JSON)
    file: PathBuf,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Erase the text instead
    #[arg(long)]
    erase: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Shows a sample to be judged, without what was decided, and the error rates
///
/// Draw one with `doorstep do DrawSample`, judge its texts with `doorstep do JudgeSample`.
#[derive(Args, Debug)]
struct SampleArgs {
    /// The sample whose texts to show; without it all samples with their error rates
    sample: Option<u32>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct DaysArgs {
    /// The first day [default: the books' first]
    #[arg(long, value_name = "DATE")]
    from: Option<BusinessDate>,
    /// The last day [default: today]
    #[arg(long, value_name = "DATE")]
    until: Option<BusinessDate>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// The transparency report: counts by baseline, rule and automation, appeals, error rates
#[derive(Args, Debug)]
struct ReportArgs {
    #[command(flatten)]
    days: DaysArgs,
    /// Write CSV files into this directory: our own, and parts 5 to 8 of the templates of
    /// Regulation (EU) 2024/2835
    #[arg(long, value_name = "DIR")]
    csv: Option<PathBuf>,
    /// Name of the service in the templates
    #[arg(long, value_name = "NAME", requires = "csv")]
    service: Option<String>,
    /// Print one JSON object
    #[arg(long, conflicts_with = "csv")]
    json: bool,
}

/// Statements of reasons for the DSA Transparency Database, one JSON object a line
///
/// What does not fit its form is named with each reason, in standard error. Exit status: 0 all fit;
/// 1 some do not.
#[derive(Args, Debug)]
struct StatementsArgs {
    #[command(flatten)]
    days: DaysArgs,
    /// Where the house's rules hold; several times for several territories
    #[arg(long, value_name = "CODE")]
    territory: Vec<String>,
    /// Language of the texts, for example EN
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// Where the terms can be read
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

pub fn run(args: &PolicyArgs) -> anyhow::Result<ExitCode> {
    match &args.task {
        Task::Check { file } => {
            shown::version(&read(file)?);
            Ok(())
        }
        Task::Preview(args) => figures::preview(args),
        Task::Activate(args) => giving::activate(args),
        Task::Show(args) => shown::show(args),
        Task::Text(args) => giving::text(args),
        Task::Sample(args) => figures::sample(args),
        Task::Report(args) => figures::report(args),
        Task::Statements(args) => return figures::statements(args),
    }
    .map(|()| ExitCode::SUCCESS)
}

fn read(file: &Path) -> anyhow::Result<PolicyVersion> {
    // Said in the language of the person, with what to do.
    if let Err(error) = std::fs::File::open(file).and_then(|file| file.metadata()) {
        let key = match error.kind() {
            std::io::ErrorKind::NotFound => "policy.no_file",
            _ => "policy.not_readable",
        };
        anyhow::bail!(filled(Lang::current(), key, &[("file", &file.display())]));
    }
    if file.is_dir() {
        let values: [(&str, &dyn std::fmt::Display); 1] = [("file", &file.display())];
        anyhow::bail!(filled(Lang::current(), "policy.directory", &values));
    }
    let text = read_text(file, FILE_BYTES_MAX)?;
    parse(&text).with_context(|| file.display().to_string())
}
