//! `doorstep pulse`: the daily report, its figures, and the figures of others.

mod claim;
mod publishing;
mod showing;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use pulse::figures::{FigureAudience, FigureSet};
use pulse::folders::{figures_in, figures_of};
use views::read::ViewReader;

use crate::data_directory::read_at_head;
use crate::private_files::check_books;
use crate::views_command::{place, reader_at};

pub use publishing::{ToPublish, publish_report};

/// The daily report: figures that hold, and the figures of others
#[derive(Args, Debug)]
pub struct PulseArgs {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand, Debug)]
enum Task {
    /// Computes the report of a day and shows it; nothing is published
    ///
    /// The figures are those that come with Doorstep and those in the folder figures of the data
    /// directory. Each identity between them must hold, or the report is refused with what differs.
    ///
    /// Exit status: 0 everything holds; 1 something does not.
    Run(RunArgs),
    /// Shows what was published: all of it, or one report or correction, as it was published
    Show(ShowArgs),
    /// What a figure is: definition, statement, value, parts, identities, and what it was before
    Explain(ExplainArgs),
    /// Publishes the report of the last day that is over, or a correction of a report
    ///
    /// What is published is never changed. Who is told of reports, the table of notices says.
    Publish(PublishArgs),
    Claim(claim::ClaimArgs),
}

/// Where the books and figures are.
#[derive(Args, Debug)]
struct PulseFlags {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The settings whose [views] say where they are, doorstep.toml [default: in the data
    /// directory]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A folder of own figures [default: figures in the data directory]
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum AudienceArg {
    /// What anyone may see
    Everyone,
    /// The money, too
    Finance,
}

impl From<AudienceArg> for FigureAudience {
    fn from(audience: AudienceArg) -> FigureAudience {
        match audience {
            AudienceArg::Everyone => FigureAudience::Everyone,
            AudienceArg::Finance => FigureAudience::Finance,
        }
    }
}

/// The form of the output.
#[derive(Args, Debug)]
struct FormFlags {
    /// For whom it is
    #[arg(long, value_name = "WHO", default_value = "finance")]
    audience: AudienceArg,
    /// Print HTML
    #[arg(long)]
    html: bool,
    /// Print one JSON object
    #[arg(long, conflicts_with = "html")]
    json: bool,
}

#[derive(Args, Debug)]
struct RunArgs {
    #[command(flatten)]
    flags: PulseFlags,
    /// The day, as 2026-11-29 [default: the last one of the books]
    #[arg(long, value_name = "DAY")]
    day: Option<String>,
    /// The first one of several days
    #[arg(long, value_name = "DAY")]
    since: Option<String>,
    /// As known at the end of this batch [default: the last one]
    #[arg(long, value_name = "BATCH")]
    at: Option<u64>,
    #[command(flatten)]
    form: FormFlags,
}

#[derive(Args, Debug)]
struct ShowArgs {
    /// A day, whose newest report is shown, or a number [default: all that there is]
    #[arg(value_name = "DAY|NUMBER")]
    which: Option<String>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    form: FormFlags,
}

#[derive(Args, Debug)]
struct ExplainArgs {
    /// The figure's id
    #[arg(value_name = "FIGURE")]
    figure: String,
    #[command(flatten)]
    flags: PulseFlags,
    /// The day, as 2026-11-29 [default: the last one of the books]
    #[arg(long, value_name = "DAY")]
    day: Option<String>,
    /// As known at the end of this batch [default: the last one]
    #[arg(long, value_name = "BATCH")]
    at: Option<u64>,
    /// The most rows of its parts that are shown
    #[arg(long, value_name = "ROWS", default_value = "20")]
    limit: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct PublishArgs {
    #[command(flatten)]
    flags: PulseFlags,
    /// The day, as 2026-11-29 [default: the last one that is over]
    #[arg(long, value_name = "DAY", conflicts_with = "correct")]
    day: Option<String>,
    /// As known at the end of this batch [default: the last one]
    #[arg(long, value_name = "BATCH", conflicts_with = "correct")]
    at: Option<u64>,
    /// The number of a report that is wrong: its figures are computed again at its position
    #[arg(long, value_name = "NUMBER", requires = "why_en", requires = "why_zh")]
    correct: Option<u64>,
    /// What was wrong, and why, in English
    #[arg(long, value_name = "TEXT", requires = "correct")]
    why_en: Option<String>,
    /// The same in Chinese
    #[arg(long, value_name = "TEXT", requires = "correct")]
    why_zh: Option<String>,
    /// The id of a claim in the report that is withdrawn
    #[arg(long, value_name = "ID", requires = "correct")]
    withdraw: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: &PulseArgs) -> anyhow::Result<ExitCode> {
    match &args.task {
        Task::Claim(args) => return claim::run(args),
        Task::Run(args) => showing::run(args)?,
        Task::Show(args) => showing::show(args)?,
        Task::Explain(args) => showing::explain(args)?,
        Task::Publish(args) => publishing::publish(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl PulseFlags {
    fn set(&self) -> anyhow::Result<FigureSet> {
        Ok(match &self.figures {
            Some(folder) => figures_in(folder)?,
            None => figures_of(&self.data)?,
        })
    }

    fn reader(&self, at: Option<u64>) -> anyhow::Result<ViewReader> {
        check_data(&self.data)?;
        reader_at(&self.data, &place(&self.data, self.config.as_deref())?, at)
    }
}

/// Before a lock is put where there are no books.
fn check_data(data: &Path) -> anyhow::Result<()> {
    check_books(data)?;
    if !journal::has_journal(data) {
        read_at_head(data)?;
    }
    Ok(())
}
