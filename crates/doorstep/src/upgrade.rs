//! `doorstep upgrade --check`: whether this version reads what another one wrote.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use access::{ACCESS_FILE, ACCESS_STORE};
use clap::Args;
use journal::{JOURNAL_FORMAT, SNAPSHOT_FORMAT, SnapshotError};
use listings::{PUBLIC_TEXTS_FILE, PUBLIC_TEXTS_STORE};
use node::{NodeNotice, SnapshotSource};
use notices::{NOTICE_BOOK_FILE, NOTICE_BOOK_STORE, OUTBOX_FILE, OUTBOX_STORE};
use reports::{BooksAtHead, read_submissions};
use serde::Serialize;
use vault::{PrivateFile, PrivateFileFault, VAULT_FILE, VAULT_STORE};
use views::read::ViewReader;
use views::{Place, VIEWS_FORMAT, ViewError};

use crate::chinese;
use crate::texts::{filled, text};
use crate::views_command;
use crate::words::{Lang, grouped, left, say};

/// Checks whether this version of Doorstep can take over a data directory
///
/// Reads the whole journal and replays what a start replays, while another version serves if need
/// be, and changes nothing. Names what this version would bring to a newer format or make anew.
/// What was written by a newer version is refused.
///
/// Exit status: 0 this version can take over; 1 it cannot.
#[derive(Args, Debug)]
pub struct UpgradeArgs {
    /// Only check; there is nothing else to do: files are brought to a newer format when they are
    /// opened
    #[arg(long, required = true)]
    check: bool,
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

/// What this version does with a part of a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum PartState {
    Absent,
    /// As it is.
    Read,
    /// Brought to the newest format when it is first opened.
    Upgraded,
    /// Made anew from the journal.
    Rebuilt,
    /// Not readable: this version does not start.
    Refused,
}

#[derive(Debug, Serialize)]
struct PartReport {
    part: &'static str,
    state: PartState,
    /// For people.
    text: String,
}

#[derive(Serialize)]
struct UpgradeReport {
    version: &'static str,
    fits: bool,
    parts: Vec<PartReport>,
}

pub fn run(args: &UpgradeArgs) -> anyhow::Result<ExitCode> {
    let UpgradeArgs { data, config, json, .. } = args;
    // A directory that is not there is another matter than one that cannot be read.
    journal::DataDirectory::open_shared(data)?;
    let views = views_command::place(data, config.as_deref())?;
    let parts = vec![
        journal(data),
        snapshots(data),
        books(data),
        sql_views(&views),
        store("vault", &VAULT_STORE, &data.join(VAULT_FILE)),
        store("sign_ins", &ACCESS_STORE, &data.join(ACCESS_FILE)),
        store("notices", &OUTBOX_STORE, &data.join(OUTBOX_FILE)),
        store("addresses", &NOTICE_BOOK_STORE, &data.join(NOTICE_BOOK_FILE)),
        store("public_texts", &PUBLIC_TEXTS_STORE, &data.join(PUBLIC_TEXTS_FILE)),
    ];
    let fits = parts.iter().all(|part| part.state != PartState::Refused);
    let report = UpgradeReport { version: env!("CARGO_PKG_VERSION"), fits, parts };
    if *json {
        say!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(if fits { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(report: &UpgradeReport) {
    let lang = Lang::current();
    for PartReport { part, text: what, .. } in &report.parts {
        let label = crate::texts::entry(lang, "upgrade.part", part).unwrap_or(part);
        say!("{}{what}", left(label, 12));
    }
    let key = if report.fits { "upgrade.fits" } else { "upgrade.does_not_fit" };
    say!("{}", filled(lang, key, &[("version", &report.version)]));
}

fn refused(part: &'static str, error: &(dyn std::error::Error + 'static)) -> PartReport {
    let text = chinese::error(error, Lang::current());
    PartReport { part, state: PartState::Refused, text }
}

/// Every batch and every command in it.
fn journal(data: &Path) -> PartReport {
    let part = "journal";
    let (mut commands, mut kinds) = (0_u64, BTreeSet::new());
    let read = read_submissions(data, &mut |_, submission| {
        commands += 1;
        kinds.insert(submission.command.name());
    });
    if let Err(error) = read {
        return refused(part, &error);
    }
    let values: [(&str, &dyn Display); 3] = [
        ("format", &JOURNAL_FORMAT),
        ("commands", &grouped(&commands.to_string())),
        ("kinds", &kinds.len()),
    ];
    let text = filled(Lang::current(), "upgrade.journal", &values);
    PartReport { part, state: PartState::Read, text }
}

/// The newest one; without it the journal is replayed from the one before, or from its beginning.
fn snapshots(data: &Path) -> PartReport {
    let (part, lang) = ("snapshots", Lang::current());
    let found = journal::DataDirectory::open_shared(data)
        .map_err(|error| chinese::error(&error, lang))
        .and_then(|directory| newest(&directory).map_err(|error| chinese::error(&error, lang)));
    let (state, text) = match found {
        Ok(None) => (PartState::Absent, text(lang, "looks.none").to_owned()),
        Ok(Some(batch)) => {
            let values: [(&str, &dyn Display); 2] =
                [("format", &SNAPSHOT_FORMAT), ("batch", &grouped(&batch.to_string()))];
            (PartState::Read, filled(lang, "upgrade.snapshots", &values))
        }
        Err(why) => (PartState::Rebuilt, filled(lang, "upgrade.no_snapshot", &[("why", &why)])),
    };
    PartReport { part, state, text }
}

fn newest(directory: &journal::SharedDirectory) -> Result<Option<u64>, SnapshotError> {
    let snapshots = directory.snapshots()?;
    let Some(newest) = snapshots.list()?.first().copied() else { return Ok(None) };
    Ok(Some(SnapshotSource::reflects(&snapshots, newest)?.sequence.number()))
}

/// What a start does: the newest snapshot that can be used, and what follows it.
fn books(data: &Path) -> PartReport {
    let (part, lang) = ("books", Lang::current());
    match BooksAtHead::read(data, &|_: NodeNotice| {}) {
        Err(error) => refused(part, &error),
        Ok(read) => {
            let values: [(&str, &dyn Display); 2] = [
                ("batch", &grouped(&read.batch().to_string())),
                ("replayed", &grouped(&read.recovery.replayed.commands.to_string())),
            ];
            let text = filled(lang, "upgrade.books", &values);
            PartReport { part, state: PartState::Read, text }
        }
    }
}

fn sql_views(place: &Place) -> PartReport {
    let (part, lang) = ("views", Lang::current());
    let absent = matches!(place, Place::File(path) if !path.exists());
    let (state, text) = match ViewReader::open(place) {
        _ if absent => (PartState::Absent, text(lang, "looks.none").to_owned()),
        Ok(_) => (PartState::Read, filled(lang, "upgrade.format", &[("format", &VIEWS_FORMAT)])),
        Err(error @ ViewError::OtherFormat { .. }) => {
            (PartState::Rebuilt, chinese::error(&error, lang))
        }
        Err(error) => return refused(part, &error),
    };
    PartReport { part, state, text }
}

fn store(part: &'static str, store: &PrivateFile, path: &Path) -> PartReport {
    let lang = Lang::current();
    let values = |format: i32| -> [(&'static str, String); 3] {
        let path = path.display().to_string();
        [("path", path), ("format", format.to_string()), ("known", store.format.to_string())]
    };
    let said = |key: &str, format: i32| {
        let values = values(format);
        let values: Vec<(&str, &dyn Display)> =
            values.iter().map(|(name, value)| (*name, value as &dyn Display)).collect();
        filled(lang, key, &values)
    };
    let (state, text) = match store.format_of(path) {
        Ok(None) => (PartState::Absent, text(lang, "looks.none").to_owned()),
        Ok(Some(format)) if format == store.format => {
            (PartState::Read, said("upgrade.format", format))
        }
        Ok(Some(format)) if (store.upgrade)(format).is_some() => {
            (PartState::Upgraded, said("upgrade.upgraded", format))
        }
        Ok(Some(format)) => (PartState::Refused, said("upgrade.newer", format)),
        Err(PrivateFileFault::Io { source, .. }) => {
            let values: [(&str, &dyn Display); 2] = [("path", &path.display()), ("why", &source)];
            (PartState::Refused, filled(lang, "upgrade.unreadable", &values))
        }
        Err(_) => (PartState::Refused, said("upgrade.foreign", 0)),
    };
    PartReport { part, state, text }
}
