//! Which files of networks, wallets and banks were taken. The books have the lines of clearing
//! files and number the files; dates, balances and digests stand here. So does a clearing file
//! until all of it is in the books: whatever interrupts it, the office finishes it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use books::{BankId, PersonId};
use serde::{Deserialize, Serialize};

use crate::file::{read_if_there, write_durably};
use crate::take::TakeReport;

/// File name in a data directory.
pub const TAKEN_FILES: &str = "taken-files.toml";
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Of each network, wallet and bank account. Older files are refused by their dates.
const FILES_KEPT_MAX: usize = 400;

/// Whose files they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileSourceKind {
    Network,
    Wallet,
    Bank,
}

/// A file that was taken, or that is being taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TakenFileRecord {
    pub source: FileSourceKind,
    /// The id of the network, wallet or bank account.
    pub id: String,
    /// SHA-256, in hexadecimal digits.
    pub digest: String,
    /// The first day, as 2013-08-28.
    pub from: String,
    /// The last day.
    pub until: String,
    /// The number of a clearing file in the books. `None` if it has no lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// The closing balance of a bank statement, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<i64>,
    /// The account that a clearing file moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank: Option<BankId>,
    /// Who gave a clearing file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonId>,
    /// Whether all of it was taken.
    pub whole: bool,
    /// What became of a file that the office finished unasked, until somebody gives the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<TakeReport>>,
}

impl TakenFileRecord {
    /// The name under which the file is kept until all of it was taken.
    pub(crate) fn kept_name(&self) -> String {
        let source = match self.source {
            FileSourceKind::Network => "network",
            FileSourceKind::Wallet => "wallet",
            FileSourceKind::Bank => "bank",
        };
        format!("being-taken-{source}-{}.csv", self.id)
    }

    fn is_of(&self, source: FileSourceKind, id: &str) -> bool {
        self.source == source && self.id == id
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileContent {
    /// In the order in which they were taken.
    #[serde(default)]
    files: Vec<TakenFileRecord>,
}

/// The taken files of a data directory.
#[derive(Debug)]
pub(crate) struct TakenFiles {
    data: PathBuf,
    content: FileContent,
}

impl TakenFiles {
    pub(crate) fn read(data: &Path) -> io::Result<TakenFiles> {
        let text = read_if_there(&data.join(TAKEN_FILES), FILE_BYTES_MAX)?.unwrap_or_default();
        let content = toml::from_str(&text).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, error.message().to_owned())
        })?;
        Ok(TakenFiles { data: data.to_owned(), content })
    }

    /// The files of the same source, the oldest first.
    fn of<'f>(
        &'f self,
        file: &'f TakenFileRecord,
    ) -> impl DoubleEndedIterator<Item = &'f TakenFileRecord> {
        self.content.files.iter().filter(|one| one.is_of(file.source, &file.id))
    }

    /// The last file of the same source.
    pub(crate) fn last_of<'f>(&'f self, file: &'f TakenFileRecord) -> Option<&'f TakenFileRecord> {
        self.of(file).next_back()
    }

    /// The last file of the same source that was taken whole.
    pub(crate) fn last_whole_of<'f>(
        &'f self,
        file: &'f TakenFileRecord,
    ) -> Option<&'f TakenFileRecord> {
        self.of(file).rfind(|one| one.whole)
    }

    /// The files that were not taken whole, of all sources.
    pub(crate) fn unfinished(&self) -> Vec<TakenFileRecord> {
        self.content.files.iter().filter(|one| !one.whole).cloned().collect()
    }

    /// Keeps the bytes of a file until all of it was taken.
    pub(crate) fn keep(&self, file: &TakenFileRecord, bytes: &[u8]) -> io::Result<()> {
        write_durably(&self.data, &file.kept_name(), bytes)
    }

    /// Ends the keeping of a file.
    pub(crate) fn release(&self, file: &TakenFileRecord) -> io::Result<()> {
        match fs::remove_file(self.data.join(file.kept_name())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes out what became of the last file of the same source, if nobody was told.
    pub(crate) fn take_report(
        &mut self,
        file: &TakenFileRecord,
    ) -> io::Result<Option<(TakenFileRecord, TakeReport)>> {
        let mut files = self.content.files.iter_mut();
        let last = files.rfind(|one| one.is_of(file.source, &file.id));
        let Some((last, report)) = last.and_then(|last| {
            let report = last.report.take()?;
            Some((last.clone(), *report))
        }) else {
            return Ok(None);
        };
        self.write()?;
        Ok(Some((last, report)))
    }

    /// Whether the same file was taken whole.
    pub(crate) fn has_whole(&self, file: &TakenFileRecord) -> bool {
        self.of(file).any(|one| one.whole && one.digest == file.digest)
    }

    /// Whether a file of the same source has this number in the books.
    pub(crate) fn has_number(&self, file: &TakenFileRecord, number: u32) -> bool {
        self.of(file).any(|one| one.number == Some(number))
    }

    /// Adds a file, or replaces the last one of the same source if it was not taken whole.
    pub(crate) fn put(&mut self, record: TakenFileRecord) -> io::Result<()> {
        let files = &mut self.content.files;
        let of_source = |one: &TakenFileRecord| one.is_of(record.source, &record.id);
        if let Some(last) = files.iter().rposition(of_source)
            && !files[last].whole
        {
            files.remove(last);
        }
        if files.iter().filter(|one| of_source(one)).count() >= FILES_KEPT_MAX
            && let Some(oldest) = files.iter().position(of_source)
        {
            files.remove(oldest);
        }
        files.push(record);
        self.write()
    }

    fn write(&self) -> io::Result<()> {
        let text = toml::to_string(&self.content).map_err(io::Error::other)?;
        write_durably(&self.data, TAKEN_FILES, text.as_bytes())
    }
}
