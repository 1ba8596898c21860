//! `doorstep views`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use journal::{DataDirectory, ReadJournal as _};
use serde::Serialize;
use views::read::{ReadViewError, ViewReader};
use views::{Checkpoint, FollowedViews, Place, Progress, ViewError, rebuild};

use crate::data_directory::{print_notice, read_at_head};
use crate::day::new_bar;
use crate::private_files::check_books;
use crate::serve::settings;
use crate::texts::{filled, text};
use crate::words::{Lang, grouped, say};

/// How long the views may take that another process writes.
const WRITER_WAIT: Duration = Duration::from_secs(5);
const WRITER_POLL: Duration = Duration::from_millis(20);
/// What is done sooner shows no progress.
const SHOWN_AFTER: Duration = Duration::from_secs(1);

/// The SQL views of the books, for figures and other programs
#[derive(Args, Debug)]
pub struct ViewsCommandArgs {
    #[command(subcommand)]
    what: ViewsTask,
}

#[derive(Subcommand, Debug)]
enum ViewsTask {
    /// Brings the views to the end of the journal
    ///
    /// Makes them if there are none. They are the file views.sqlite in the data directory, readable
    /// by its owner only. The books may be in use.
    Update(ViewsFlags),
    /// Makes the views anew beside the old ones, and puts them in their place
    ///
    /// Replays the whole journal. Until it has ended the old views stay as they are; if it is
    /// interrupted, run it again.
    Rebuild(ViewsFlags),
}

#[derive(Args, Debug)]
struct ViewsFlags {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The settings whose [views] say where they are, doorstep.toml [default: in the data
    /// directory]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The JSON output.
#[derive(Serialize)]
struct Written {
    batch: u64,
    commands: i64,
    postings: i64,
    seconds: f64,
}

pub fn run(args: &ViewsCommandArgs) -> anyhow::Result<()> {
    let (ViewsTask::Update(flags) | ViewsTask::Rebuild(flags)) = &args.what;
    let ViewsFlags { data, config, json } = flags;
    check_books(data)?;
    // Before a lock is put where there are no books.
    if !journal::has_journal(data) {
        read_at_head(data)?;
    }
    let begun = Instant::now();
    let place = place(data, config.as_deref())?;
    let checkpoint = match &args.what {
        ViewsTask::Rebuild(_) => {
            showing_progress(*json, |progress| rebuild(data, &place, &print_notice, progress))
        }
        ViewsTask::Update(_) => bring_up(data, &place, *json),
    }?;
    let (batch, seconds) = (checkpoint.head.sequence.number(), begun.elapsed().as_secs_f64());
    if *json {
        let (commands, postings) = (checkpoint.commands, checkpoint.postings);
        say!("{}", serde_json::to_string(&Written { batch, commands, postings, seconds })?);
        return Ok(());
    }
    let count = |number: i64| grouped(&number.to_string());
    let values: [(&str, &dyn std::fmt::Display); 4] = [
        ("place", &place),
        ("batch", &grouped(&batch.to_string())),
        ("commands", &count(checkpoint.commands)),
        ("postings", &count(checkpoint.postings)),
    ];
    say!("{}", filled(Lang::current(), "sql_views.written", &values));
    Ok(())
}

/// Where the views of a data directory are: beside the books, unless the settings say otherwise.
pub fn place(data: &Path, config: Option<&Path>) -> anyhow::Result<Place> {
    Ok(match config {
        Some(config) => settings::views_place(config)?.beside(data),
        None => Place::in_directory(data),
    })
}

/// A reader of views that have what the books have, or the batch that is asked for.
pub fn reader_at(data: &Path, place: &Place, at: Option<u64>) -> anyhow::Result<ViewReader> {
    if let (Some(at), Ok(mut reader)) = (at, ViewReader::open(place))
        && reader.position().is_ok_and(|position| position.written >= at)
    {
        return Ok(reader);
    }
    match bring_up(data, place, false) {
        Ok(_) => Ok(ViewReader::open(place)?),
        // A Doorstep that serves writes them, or somebody else who looks.
        Err(ViewError::InUse) => wait_for_writer(data, place),
        Err(error) => Err(error.into()),
    }
}

#[allow(clippy::print_stderr, reason = "a note beside the rows")]
fn wait_for_writer(data: &Path, place: &Place) -> anyhow::Result<ViewReader> {
    let mut journal = DataDirectory::open_shared(data)?.journal()?;
    let books = journal.head()?.sequence.number();
    let until = Instant::now() + WRITER_WAIT;
    loop {
        let opened = ViewReader::open(place);
        let is_late = Instant::now() >= until;
        match opened {
            Ok(mut reader) => {
                let written = reader.position().map_err(read_error)?.written;
                if written >= books {
                    return Ok(reader);
                }
                if is_late {
                    let values: [(&str, &dyn std::fmt::Display); 2] =
                        [("batch", &written), ("books", &books)];
                    eprintln!("{}", filled(Lang::current(), "get.behind", &values));
                    return Ok(reader);
                }
            }
            Err(error) if is_late => return Err(error.into()),
            Err(_) => {}
        }
        std::thread::sleep(WRITER_POLL);
    }
}

/// The error itself, for its Chinese.
pub fn read_error(error: ReadViewError) -> anyhow::Error {
    match error {
        ReadViewError::Asked(error) => error.into(),
        ReadViewError::Views(error) => error.into(),
        // Nothing here has a time.
        error @ (ReadViewError::TooLong | ReadViewError::NotWhole) => error.into(),
    }
}

/// Brings the views to the end of the journal. Makes them if there are none.
pub fn bring_up(data: &Path, place: &Place, quiet: bool) -> Result<Checkpoint, ViewError> {
    let mut views = FollowedViews::open(data, place, &print_notice)?;
    showing_progress(quiet, |progress| views.catch_up(progress))?;
    Ok(views.checkpoint())
}

/// Shows how far the views are while something writes them, once that takes a while.
fn showing_progress<T>(quiet: bool, write: impl FnOnce(&mut dyn FnMut(Progress)) -> T) -> T {
    let (begun, mut bar) = (Instant::now(), None);
    let done = write(&mut |done: Progress| {
        if bar.is_none() && begun.elapsed() > SHOWN_AFTER {
            bar = new_bar(quiet);
            if let Some(bar) = &bar {
                bar.set_prefix(text(Lang::current(), "sql_views.writing"));
            }
        }
        if let Some(bar) = &bar {
            bar.set_length(done.of);
            bar.set_position(done.batches);
            bar.set_message(format!("{}/{}", done.batches, done.of));
        }
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    done
}
