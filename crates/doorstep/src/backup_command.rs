//! `doorstep backup` and `doorstep restore`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf, absolute};

use access::ACCESS_FILE;
use anyhow::{Context, ensure};
use backup::{Backup, BackupKey, BackupReport, BackupSources, RestoreReport};
use books::{Command, DataSubject, Timestamp};
use clap::Args;
use files::atomic::write_atomically;
use journal::{DataDirectory, ReadJournal as _, Sequence};
use keys::KeyName;
use listings::PUBLIC_TEXTS_FILE;
use node::{Clock, SystemClock};
use notices::{DeliveryRules, NOTICE_BOOK_FILE, OUTBOX_FILE, Outbox};
use office::{FILES_IN_HAND, PERSONS_FILE, PROPOSALS};
use pulse::folders::{CLAIMS_DIRECTORY, FIGURES_DIRECTORY};
use pulse::store::Publications;
use reports::{BooksReport, verify_books};
use serde::{Deserialize, Serialize};
use vault::{ERASURES_FILE, VAULT_FILE, Vault};

use crate::day::new_bar;
use crate::office_requests::check_owner;
use crate::private_files::check_books;
use crate::serve::settings;
use crate::texts::{filled, text};
use crate::words::{Lang, grouped, say};

/// In the data directory: the backup that was made last.
pub const LAST_BACKUP_FILE: &str = "last-backup.json";
/// A list of erasures is not longer.
const ERASURES_BYTES_MAX: usize = 256 << 20;

/// Copies a data directory, also while Doorstep serves it
///
/// Copies the journal, what is sealed in the vault, sign-ins, persons, proposals and notices into
/// DIR, and reads all of it again. A second backup into the same directory adds only what is new.
/// The directory can be copied to other places by any program; a backup that is interrupted leaves
/// the one before.
///
/// Not in it: keys, certificates and settings, which have their own places; and erasures.csv, the
/// list of whose personal data were erased. Keep the newest list elsewhere: a restored vault goes
/// through it.
#[derive(Args, Debug)]
pub struct BackupArgs {
    /// The directory of the backup: new, or with an earlier backup of the same books
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The data directory
    #[arg(long, value_name = "DIR", required_unless_present = "check")]
    data: Option<PathBuf>,
    /// Only read the backup again, and check all of it
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    key: BackupKeyArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Makes a data directory from a backup, and verifies its books
///
/// Replays the whole journal and checks every money rule, as `doorstep verify` does, before the
/// data directory gets its name. The terminals, networks and banks know what happened after the
/// backup: the networks' files and the bank's statements show it. Notices that waited may have been
/// sent after it: they are not sent by themselves (`doorstep notices list --state not_known`).
///
/// Exit status: 0 the data directory is there, and its books are correct; 1 it is not there.
#[derive(Args, Debug)]
pub struct RestoreArgs {
    /// The directory of the backup
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The data directory to make; it must not exist
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The last batch to restore [default: the last of the backup]
    #[arg(long, value_name = "BATCH")]
    until: Option<u64>,
    /// The newest erasures.csv: whose personal data were erased after the backup
    #[arg(long, value_name = "FILE")]
    erasures: Option<PathBuf>,
    #[command(flatten)]
    key: BackupKeyArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct BackupKeyArgs {
    /// The settings with the key store, doorstep.toml; for a sealed backup
    #[arg(long, value_name = "FILE", requires = "key")]
    config: Option<PathBuf>,
    /// The key that seals the backup: its name in the key store, of the purpose data-keys
    #[arg(long, value_name = "NAME", requires = "config")]
    key: Option<KeyName>,
}

impl BackupKeyArgs {
    fn open(&self) -> anyhow::Result<Option<BackupKey>> {
        let (Some(config), Some(name)) = (&self.config, self.key) else { return Ok(None) };
        Ok(Some(BackupKey { store: settings::key_store(config, false)?, name }))
    }
}

/// What a data directory knows of its last backup.
#[derive(Debug, Serialize, Deserialize)]
pub struct LastBackup {
    pub batch: u64,
    pub hash: String,
    pub made_at_ms: u64,
    pub directory: String,
}

impl LastBackup {
    /// `None` if none was made, or the file is something else.
    pub fn of(data: &Path) -> Option<LastBackup> {
        serde_json::from_slice(&fs::read(data.join(LAST_BACKUP_FILE)).ok()?).ok()
    }
}

pub fn run(args: &BackupArgs) -> anyhow::Result<()> {
    let backup = Backup::new(&args.directory, args.key.open()?);
    let report = match &args.data {
        Some(data) if !args.check => write(&backup, data, args)?,
        // DOORSTEP_DATA may name one.
        _ => backup.check()?,
    };
    if args.json {
        say!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    let lang = Lang::current();
    let BackupReport { batch, hash, added, files, bytes, .. } = &report;
    let values: [(&str, &dyn std::fmt::Display); 6] = [
        ("directory", &args.directory.display()),
        ("batch", &grouped(&batch.to_string())),
        ("hash", hash),
        ("added", &grouped(&added.to_string())),
        ("files", files),
        ("size", &grouped(&bytes.div_ceil(1024).to_string())),
    ];
    let key = if args.check { "backup.checked" } else { "backup.written" };
    say!("{}", filled(lang, key, &values));
    say!("{}", text(lang, if report.sealed { "backup.sealed" } else { "backup.plain" }));
    Ok(())
}

fn write(backup: &Backup, data: &Path, args: &BackupArgs) -> anyhow::Result<BackupReport> {
    let from = DataDirectory::open_shared(data)?;
    check_owner(data)?;
    check_books(data)?;
    let (to, books) = (absolute(&args.directory)?, from.path().canonicalize()?);
    ensure!(
        !to.ancestors().any(|one| one.canonicalize().is_ok_and(|one| one == books)),
        filled(
            Lang::current(),
            "backup.inside",
            &[("directory", &args.directory.display()), ("data", &data.display())]
        )
    );
    let ended = format!("{PROPOSALS}/ended");
    // Figures can be computed again; what was published cannot.
    let published = Publications::of(data).folders()?;
    let folders = [PROPOSALS, &ended, "days", FIGURES_DIRECTORY, CLAIMS_DIRECTORY];
    let folders: Vec<&str> =
        folders.into_iter().chain(published.iter().map(String::as_str)).collect();
    let sources = BackupSources {
        databases: &[VAULT_FILE, ACCESS_FILE, NOTICE_BOOK_FILE, OUTBOX_FILE, PUBLIC_TEXTS_FILE],
        files: &[PERSONS_FILE, FILES_IN_HAND],
        // A simulation's days, so that it goes on.
        directories: &folders,
    };
    let bar = new_bar(args.json);
    if let Some(bar) = &bar {
        bar.set_prefix(text(Lang::current(), "backup.writing"));
    }
    let mut progress = |done: Sequence, of: Sequence| {
        if let Some(bar) = &bar {
            bar.set_length(of.number());
            bar.set_position(done.number());
            bar.set_message(format!("{done}/{of}"));
        }
    };
    let now = SystemClock.now();
    let written = backup.write(&from, sources, env!("CARGO_PKG_VERSION"), now.0, &mut progress);
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    let written = written?;
    let last = LastBackup {
        batch: written.batch,
        hash: written.hash.clone(),
        made_at_ms: written.made_at_ms,
        directory: to.display().to_string(),
    };
    let noted = serde_json::to_vec(&last)?;
    write_atomically(&data.join(LAST_BACKUP_FILE), |file| file.write_all(&noted))?;
    Ok(written)
}

/// The JSON output.
#[derive(Serialize)]
struct Restored<'a> {
    #[serde(flatten)]
    made: &'a RestoreReport,
    last_at: &'a Option<String>,
    /// Erasures of the list that the books do not have.
    erasures_after: &'a [String],
    /// Notices that may have been sent after the backup.
    notices_not_known: usize,
}

pub fn restore(args: &RestoreArgs) -> anyhow::Result<()> {
    let backup = Backup::new(&args.directory, args.key.open()?);
    let until = args.until.map(Sequence::new);
    let mut verified: Option<BooksReport> = None;
    let mut erasures_after = Vec::new();
    let mut notices_not_known = 0;
    let made = backup.restore(&args.data, until, |unfinished| {
        let found = verify_books(unfinished)?;
        let wrong = found.wrong.join("\n  ");
        ensure!(
            found.wrong.is_empty(),
            filled(Lang::current(), "backup.wrong", &[("problems", &wrong)])
        );
        verified = Some(found);
        erasures_after = go_through_erasures(unfinished, args.erasures.as_deref())?;
        notices_not_known = restore_notices(unfinished)?;
        Ok(())
    })?;
    let last_at = verified.and_then(|found| found.last_at);
    if args.json {
        let (made, last_at, erasures_after) = (&made, &last_at, erasures_after.as_slice());
        let restored = Restored { made, last_at, erasures_after, notices_not_known };
        say!("{}", serde_json::to_string(&restored)?);
        return Ok(());
    }
    let lang = Lang::current();
    let none = text(lang, "looks.none").to_owned();
    let values: [(&str, &dyn std::fmt::Display); 4] = [
        ("data", &args.data.display()),
        ("batch", &grouped(&made.batch.to_string())),
        ("at", last_at.as_ref().unwrap_or(&none)),
        ("hash", &made.hash),
    ];
    say!("{}", filled(lang, "backup.restored", &values));
    if made.left_out > 0 {
        let left_out = grouped(&made.left_out.to_string());
        say!("{}", filled(lang, "backup.left_out", &[("count", &left_out)]));
    }
    if !erasures_after.is_empty() {
        say!("{}", text(lang, "backup.erase_again"));
        erasures_after.iter().for_each(|subject| say!("  doorstep erase {subject}"));
    }
    if notices_not_known > 0 {
        let count = grouped(&notices_not_known.to_string());
        say!("{}", filled(lang, "backup.notices_not_known", &[("count", &count)]));
    }
    say!("{}", text(lang, "backup.not_restored"));
    Ok(())
}

/// Lets restored notices go on with the restored books. Returns how many may have been sent after
/// the backup.
fn restore_notices(data: &Path) -> anyhow::Result<usize> {
    if !data.join(OUTBOX_FILE).exists() {
        return Ok(0);
    }
    let head = DataDirectory::open_shared(data)?.journal()?.head()?;
    let last = office::waiting_proposals(data)?.last().map_or(0, |one| one.number);
    let mut outbox = Outbox::open(data, DeliveryRules::default())?;
    Ok(outbox.restore(head, last, SystemClock.now())?)
}

/// Erases in a restored vault what was erased. Returns the subjects that the list has and the
/// restored books do not.
fn go_through_erasures(data: &Path, list: Option<&Path>) -> anyhow::Result<Vec<String>> {
    let mut known: BTreeMap<u32, (DataSubject, Timestamp)> = BTreeMap::new();
    reports::read_submissions(data, &mut |at, submission| {
        if let Some(Command::EraseSubject(one)) = submission.command.of_books() {
            known.insert(one.number, (one.subject, at));
        }
    })?;
    let mut vault = Vault::new(data, None);
    let all = known.iter().map(|(number, (subject, at))| (*number, *subject, *at));
    let Some(list) = list else {
        vault
            .list_erasures(all)
            .with_context(|| text(Lang::current(), "backup.give_erasures").to_owned())?;
        return Ok(Vec::new());
    };
    let newest = crate::data_directory::read_text(list, ERASURES_BYTES_MAX)?;
    write_atomically(&data.join(ERASURES_FILE), |file| file.write_all(newest.as_bytes()))?;
    let listed = vault.go_through(all).with_context(|| list.display().to_string())?;
    Ok(listed.into_iter().map(subject_argument).collect())
}

/// As `doorstep erase` takes it.
fn subject_argument(subject: DataSubject) -> String {
    match subject {
        DataSubject::Seller(seller) => format!("seller:{seller}"),
        DataSubject::Buyer(parcel) => format!("parcel:{parcel}"),
    }
}
