//! The files that are being taken. The books know which files were begun and ended. Here is what
//! they do not know: the copy of what is taken, who gave it, and who sends which format.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use books::{FileLane, PersonId};
use recon::matching::ItemKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::file::{read_if_there, write_durably};
use crate::take::{FileSourceKind, LaneFile, TakeReport};

/// File name in a data directory.
pub const FILES_IN_HAND: &str = "taken-files.toml";
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Of the copy of a file: a million lines.
const COPY_BYTES_MAX: u64 = 1 << 30;
/// Formats and accounts whose senders are remembered.
const SENDERS_MAX: usize = 1_000;

/// A file that is being taken, or whose end nobody was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileInHand {
    pub source: FileSourceKind,
    /// The id of the network, wallet or bank account.
    pub id: String,
    /// For messages.
    pub name: String,
    /// The name of its copy in the data directory.
    pub kept: String,
    /// Of what is taken of it, in hexadecimal digits.
    pub digest: String,
    /// The first day, for messages.
    pub from: String,
    /// `None`: the system, from the inbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonId>,
    /// What became of a file that the office finished unasked, until somebody gives the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<TakeReport>>,
}

impl FileInHand {
    /// The name under which the copy of a lane's file is kept.
    pub(crate) fn kept_name(source: FileSourceKind, id: &str) -> String {
        let source = match source {
            FileSourceKind::Network => "network",
            FileSourceKind::Wallet => "wallet",
            FileSourceKind::Bank => "bank",
            FileSourceKind::Firm => "firm",
        };
        format!("being-taken-{source}-{id}.json")
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct FileContent {
    #[serde(default)]
    in_hand: Vec<FileInHand>,
    /// The id of our bank account by the SHA-256 of what the bank calls it.
    #[serde(default)]
    accounts: BTreeMap<String, String>,
    /// Who sends files of a format that do not say whose they are.
    #[serde(default)]
    senders: BTreeMap<String, (FileSourceKind, String)>,
    /// Senders and formats whose files came with details in a file of their own.
    #[serde(default)]
    detailed: BTreeSet<String>,
    /// The keys of the entries that are expected or an open break, by bank account, file and line.
    #[serde(default)]
    expected: BTreeMap<String, Vec<ItemKey>>,
}

fn account_digest(account: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(account))
}

fn place_text(lane: FileLane, (file, line): (u32, u32)) -> String {
    match lane {
        FileLane::Bank(bank) => format!("{bank}/{file}/{line}"),
        FileLane::Network(id) => format!("network {id}/{file}/{line}"),
        FileLane::Wallet(id) => format!("wallet {id}/{file}/{line}"),
        FileLane::Firm(id) => format!("firm {id}/{file}/{line}"),
    }
}

/// The files in hand of a data directory.
#[derive(Debug)]
pub(crate) struct FilesInHand {
    data: PathBuf,
    content: FileContent,
}

impl FilesInHand {
    pub(crate) fn read(data: &Path) -> io::Result<FilesInHand> {
        let text = read_if_there(&data.join(FILES_IN_HAND), FILE_BYTES_MAX)?.unwrap_or_default();
        let content = toml::from_str(&text).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, error.message().to_owned())
        })?;
        Ok(FilesInHand { data: data.to_owned(), content })
    }

    /// The file of a lane that is being taken.
    pub(crate) fn begun(&self, source: FileSourceKind, id: &str) -> Option<&FileInHand> {
        let mut files = self.content.in_hand.iter();
        files.find(|one| (one.source, &*one.id) == (source, id) && one.report.is_none())
    }

    /// The files that are being taken.
    pub(crate) fn unfinished(&self) -> Vec<FileInHand> {
        let files = self.content.in_hand.iter().filter(|one| one.report.is_none());
        files.cloned().collect()
    }

    /// Keeps a copy of what is taken of a file, and that it is being taken.
    pub(crate) fn begin(&mut self, lane: &LaneFile, record: FileInHand) -> io::Result<()> {
        let copy = serde_json::to_vec(lane).map_err(io::Error::other)?;
        write_durably(&self.data, &record.kept, &copy)?;
        self.content.in_hand.retain(|one| (one.source, &one.id) != (record.source, &record.id));
        self.content.in_hand.push(record);
        self.write()
    }

    /// The copy of a file. `None` if there is none.
    pub(crate) fn copy_of(&self, record: &FileInHand) -> io::Result<Option<LaneFile>> {
        let text = read_if_there(&self.data.join(&record.kept), COPY_BYTES_MAX)?;
        let lane = text.map(|text| serde_json::from_str(&text)).transpose();
        lane.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Whose file of a format that does not say it is, if that was said before.
    pub(crate) fn sender_of_format(&self, format: &str) -> Option<(FileSourceKind, String)> {
        self.content.senders.get(format).cloned()
    }

    pub(crate) fn note_sender(
        &mut self,
        format: &str,
        sender: (FileSourceKind, String),
    ) -> io::Result<()> {
        let known = self.content.senders.get(format) == Some(&sender);
        if known || self.content.senders.len() >= SENDERS_MAX {
            return Ok(());
        }
        self.content.senders.insert(format.to_owned(), sender);
        self.write()
    }

    /// Whether files of a sender and format came with details in a file of their own.
    pub(crate) fn comes_with_details(&self, sender: &str, format: &str) -> bool {
        self.content.detailed.contains(&format!("{sender} {format}"))
    }

    pub(crate) fn note_details(&mut self, sender: &str, format: &str) -> io::Result<()> {
        let known = self.comes_with_details(sender, format);
        if known || self.content.detailed.len() >= SENDERS_MAX {
            return Ok(());
        }
        self.content.detailed.insert(format!("{sender} {format}"));
        self.write()
    }

    /// The id of the bank account that a bank calls so.
    pub(crate) fn bank_of_account(&self, account: &str) -> Option<String> {
        self.content.accounts.get(&account_digest(account)).cloned()
    }

    pub(crate) fn note_account(&mut self, account: Option<&str>, bank: &str) -> io::Result<()> {
        let Some(account) = account.map(account_digest) else { return Ok(()) };
        let known = self.content.accounts.contains_key(&account);
        if known || self.content.accounts.len() >= SENDERS_MAX {
            return Ok(());
        }
        self.content.accounts.insert(account, bank.to_owned());
        self.write()
    }

    /// The keys of an entry that is expected or an open break.
    pub(crate) fn expected_keys(&self, lane: FileLane, place: (u32, u32)) -> Vec<ItemKey> {
        self.content.expected.get(&place_text(lane, place)).cloned().unwrap_or_default()
    }

    /// Adds the keys of entries that are expected or breaks.
    pub(crate) fn note_expected(
        &mut self,
        lane: FileLane,
        entries: impl Iterator<Item = ((u32, u32), Vec<ItemKey>)>,
    ) -> io::Result<()> {
        let entries = entries.map(|(place, keys)| (place_text(lane, place), keys));
        self.content.expected.extend(entries.filter(|(_, keys)| !keys.is_empty()));
        self.write()
    }

    /// Forgets the keys of entries that are not expected and no open break any more.
    pub(crate) fn keep_expected(
        &mut self,
        still: impl Iterator<Item = (FileLane, (u32, u32))>,
    ) -> io::Result<()> {
        let still: BTreeSet<_> = still.map(|(lane, place)| place_text(lane, place)).collect();
        let before = self.content.expected.len();
        self.content.expected.retain(|place, _| still.contains(place));
        if self.content.expected.len() == before { Ok(()) } else { self.write() }
    }

    /// Ends the keeping of a file.
    pub(crate) fn end(&mut self, record: &FileInHand) -> io::Result<()> {
        self.content.in_hand.retain(|one| one != record);
        self.write()?;
        match fs::remove_file(self.data.join(&record.kept)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Keeps what became of a file that was finished unasked.
    pub(crate) fn keep_report(&mut self, of: &FileInHand, report: TakeReport) -> io::Result<()> {
        self.content.in_hand.retain(|one| (one.source, &one.id) != (of.source, &of.id));
        let report = Some(Box::new(report));
        self.content.in_hand.push(FileInHand { report, ..of.clone() });
        self.write()
    }

    /// Takes out what became of the last file of a lane, if nobody was told.
    pub(crate) fn take_report(
        &mut self,
        source: FileSourceKind,
        id: &str,
    ) -> io::Result<Option<FileInHand>> {
        let is_told =
            |one: &FileInHand| (one.source, &*one.id) == (source, id) && one.report.is_some();
        let Some(place) = self.content.in_hand.iter().position(is_told) else { return Ok(None) };
        let untold = self.content.in_hand.remove(place);
        self.write()?;
        Ok(Some(untold))
    }

    fn write(&self) -> io::Result<()> {
        let text = toml::to_string(&self.content).map_err(io::Error::other)?;
        write_durably(&self.data, FILES_IN_HAND, text.as_bytes())
    }
}
