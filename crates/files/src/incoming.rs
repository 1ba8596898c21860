//! Files of networks, wallets, banks and courier firms: taken whole, or refused with all that is
//! wrong. docs/files/incoming.md lists formats, profiles and limits.
//!
//! Start at [`guess::guess`] for the format of a file, at [`check::check`] to check it and
//! [`check::CheckedFile::stream`] to read its [`parts`]. [`DetailIndex`] joins camt.054 to camt.053.
//!
//! No error shows a value of such a file: in a wrong column it can be a buyer's name (M12).

use std::fmt;
use std::io::BufRead;
use std::sync::Arc;

use encoding_rs::Encoding;
use jiff::civil::Date;
use money::decimal::{self, DecimalAmount, DecimalStyle};
use money::{Currency, SignedAmount};
use sha2::{Digest, Sha256};

use crate::orders::ImportError;
use crate::records::{Record, RecordError, RecordReader};

pub mod archive;
mod bai2;
pub mod bank_csv;
mod camt;
pub mod check;
pub mod clearing;
pub mod guess;
mod mt940;
pub mod parts;
pub mod plain_clearing;
pub mod profile;
mod scan;
mod source;
mod values;

pub use camt::details::{DETAILS_MAX, DetailIndex, DetailJoin};

/// Further faults are only counted.
pub const FAULTS_KEPT_MAX: usize = 1_000;
/// Items of a file that is streamed.
pub const ITEMS_MAX: usize = 20_000_000;
/// Items of a file that is held in memory.
pub const ITEMS_AT_ONCE_MAX: usize = 1_000_000;

/// What is wrong with a line, and how to mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    #[error(
        "it has {found} fields, and must have {expected}; do not edit the file, ask for it again"
    )]
    FieldCount { expected: usize, found: usize },
    #[error("text follows a closing quotation mark; double each quotation mark inside a field")]
    Misquoted,
    #[error("it must be `{0}`")]
    NotThis(&'static str),
    #[error("it must be one of: {0}")]
    NotOneOf(&'static str),
    #[error("the file is not complete: its last line is missing; ask for the file again")]
    CutShort,
    #[error("it stands behind the last line; ask for the file again")]
    AfterEnd,
    #[error("there is no such column; add it to the header, its fields may be empty")]
    NoColumn,
    #[error("the column stands in the header twice; remove one")]
    ColumnTwice,
    #[error("it must have 1 to {0} characters: a-z, 0-9 and -")]
    NotAName(usize),
    #[error("it must have 1 to {0} characters")]
    NotText(usize),
    #[error("it must have {0} letters or digits")]
    NotCharacters(usize),
    #[error("it must have {0} digits, and not only zeros")]
    NotDigits(usize),
    #[error("it is not a date; write it as 2013-08-28")]
    NotADate,
    #[error("it is not a time; write it as 2013-08-28T10:11:12Z")]
    NotATime,
    #[error("it is not a currency code of ISO 4217, such as CNY")]
    NotACurrency,
    #[error("it is not an amount in {0}; write it with a point and without groups, as -12.50")]
    NotAnAmount(Currency),
    #[error("it is not a number")]
    NotANumber,
    #[error("it is zero; an entry has an amount")]
    Zero,
    #[error("it is not the same as in the lines before; a file has one of them")]
    NotTheSame,
    #[error("it is before the date of the line before; sort the lines by date")]
    DateGoesBack,
    #[error("it stands in another line, too; each entry has a reference of its own")]
    ReferenceTwice,
    #[error("net is not amount minus kept_back; ask whoever made the file")]
    Net,
    #[error(
        "it says {}, but the lines have {}; ask for the file again",
        sum_text(*.stated, *.currency), sum_text(*.found, *.currency)
    )]
    Total {
        stated: i128,
        found: i128,
        /// Of amounts. `None` for a number of lines.
        currency: Option<Currency>,
    },
    #[error(
        "it says {}, but the lines have {}; ask for the file again",
        parts::parts_text(*.stated), parts::parts_text(*.found)
    )]
    FineTotal {
        /// In 1/100,000 of the major unit.
        stated: i128,
        found: i128,
    },
    #[error("the columns do not stand where the profile has them; check the profile")]
    Shifted,
    #[error(
        "the lines are not those that were sent: their SHA-256 is another one; ask for the file \
         again"
    )]
    Digest,
    #[error("there are more than {0} of them; ask for the file in parts")]
    TooMany(usize),
    #[error("it is longer than {0} bytes; ask whoever made the file")]
    TooLong(usize),
    #[error("the line has {found} bytes, and must have {expected}; ask for the file again")]
    LineWidth { expected: usize, found: usize },
    #[error("it is not text in the encoding of the file; give the right one with --encoding")]
    NotDecoded,
    #[error(
        "the profile gives this value no meaning; add it under [kinds] of a copy of the profile"
    )]
    UnknownKind,
    #[error("its sign does not fit the kind of the item; check the signs in the profile")]
    Sign,
    #[error("it is empty; ask for the file again")]
    Missing,
    #[error("it is missing; ask the bank for the whole statement")]
    MissingRecord,
    #[error("it cannot stand here; ask the bank for the statement as it was sent")]
    Misplaced,
    #[error("it is not written as the format says; ask the bank for the statement as it was sent")]
    NotOfFormat,
    #[error(
        "it is in {found}, and the statement is in {wanted}; ask for a statement for each currency"
    )]
    OtherCurrency { found: Currency, wanted: Currency },
    #[error("it is not {0}; give the file of this account, or name the other one")]
    OtherParty(&'static str),
    #[error("the file is of a day to come; ask for a file with the right date, or check the clock")]
    DayToCome,
    #[error("the year of its times is not known; keep the name under which the file was sent")]
    NoFileDate,
    #[error(
        "the balance does not follow from the line before: lines are missing or were moved; ask \
         for the file again"
    )]
    RunningBalance,
    #[error(
        "a spreadsheet has rounded this number; ask for the file as it was sent, or for the column \
         as text"
    )]
    Rounded,
    #[error("it is not a card number of 12 to 19 digits")]
    NotACard,
    #[error("it is not well-formed XML; ask for the file again")]
    Xml,
    #[error("it has a document type or entities, which are never expanded; ask for a file without")]
    Entities,
    #[error("elements are more than {0} deep; ask whoever made the file")]
    TooDeep(usize),
    #[error("it is not a bank statement: camt.053 or camt.054 of version 02 to 08; ask for that")]
    NotAStatement,
    #[error(
        "it is an interim report, which has no booked entries; ask the bank for the statement at \
         the end of the day (camt.053, or MT940)"
    )]
    NoBookedEntries,
    #[error("it is a test or takes entries back; ask the bank for the entries that are booked")]
    NotBooked,
    #[error("this version of the format is not read; ask for version {0}")]
    Version(&'static str),
}

/// A sum in minor units as text, or a number of lines.
#[must_use]
pub fn sum_text(sum: i128, currency: Option<Currency>) -> String {
    match currency {
        Some(currency) => DecimalAmount::of_balance(sum, currency).to_string(),
        None => sum.to_string(),
    }
}

/// A line that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultyLine {
    /// The physical line, from 1.
    pub line: u32,
    /// By the format or the profile, never by the file.
    pub column: Option<Arc<str>>,
    pub fault: FileFault,
}

impl fmt::Display for FaultyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "line {}, {column}: {}", self.line, self.fault),
            None => write!(f, "line {}: {}", self.line, self.fault),
        }
    }
}

/// Why a file was refused. Nothing of it was taken.
#[derive(Debug, thiserror::Error)]
pub enum RefusedFile {
    #[error(transparent)]
    Unreadable(ImportError),
    #[error(
        "{file}:{line}: the file is not UTF-8 text; give its encoding, such as --encoding gbk, or \
         ask for the file as it was sent"
    )]
    NotUtf8 { file: Arc<str>, line: u32 },
    #[error("there is no encoding `{0}`; give one such as utf-8, gbk or windows-1252")]
    Encoding(String),
    #[error("{file} is empty; ask for the file again")]
    Empty { file: Arc<str> },
    #[error("{file}: {fault}")]
    Archive { file: Arc<str>, fault: archive::ArchiveFault },
    #[error("{file} has changed since it was checked; give it again")]
    Changed { file: Arc<str> },
    #[error(
        "{file} is refused as a whole:{}{}",
        faults.iter().fold(String::new(), |all, one| format!("{all}\n  {one}")),
        if *more > 0 { format!("\n  … and {more} more") } else { String::new() }
    )]
    Lines {
        file: Arc<str>,
        /// The first [`FAULTS_KEPT_MAX`].
        faults: Vec<FaultyLine>,
        more: u64,
    },
}

/// The faults of a file, as they are found.
#[derive(Default)]
struct Faults {
    kept: Vec<FaultyLine>,
    more: u64,
}

impl Faults {
    fn add(&mut self, line: u32, column: Option<&str>, fault: FileFault) {
        match self.kept.len() < FAULTS_KEPT_MAX {
            true => {
                let column = column.map(Arc::from);
                self.kept.push(FaultyLine { line, column, fault });
            }
            false => self.more += 1,
        }
    }

    fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// A field's value, or its fault.
    fn keep<T>(&mut self, line: u32, column: &str, value: Result<T, FileFault>) -> Option<T> {
        value.map_err(|fault| self.add(line, Some(column), fault)).ok()
    }

    fn refuse(self, file: &Arc<str>) -> RefusedFile {
        RefusedFile::Lines { file: file.clone(), faults: self.kept, more: self.more }
    }
}

/// The next record. The same errors as those of an order export.
fn next<'r, R: BufRead>(
    records: &'r mut RecordReader<R>,
    file: &Arc<str>,
) -> Result<Option<Record<'r>>, RefusedFile> {
    records.next().map_err(|error| refusal(file, error))
}

/// Why a record could not be read, as the refusal of its file.
fn refusal(file: &Arc<str>, error: RecordError) -> RefusedFile {
    match error {
        RecordError::Malformed { line, encoding: "UTF-8", .. } => {
            RefusedFile::NotUtf8 { file: file.clone(), line }
        }
        error => RefusedFile::Unreadable(ImportError::of_record(file, error)),
    }
}

fn encoding(label: Option<&str>) -> Result<&'static Encoding, RefusedFile> {
    let label = label.unwrap_or("utf-8");
    let unknown = || RefusedFile::Encoding(label.chars().take(40).collect());
    Encoding::for_label(label.as_bytes()).ok_or_else(unknown)
}

fn date(text: &str) -> Result<Date, FileFault> {
    let date: Option<Date> = text.parse().ok();
    // The text of the date is its only form.
    date.filter(|date| date.to_string() == text).ok_or(FileFault::NotADate)
}

fn currency(text: &str) -> Result<Currency, FileFault> {
    text.parse().map_err(|_| FileFault::NotACurrency)
}

/// An amount with an optional sign.
fn amount(text: &str, currency: Currency) -> Result<SignedAmount, FileFault> {
    let (digits, sign) = match text.strip_prefix('-') {
        Some(digits) => (digits, -1),
        None => (text.strip_prefix('+').unwrap_or(text), 1),
    };
    let fault = FileFault::NotAnAmount(currency);
    let amount = decimal::parse(digits, currency, DecimalStyle::PLAIN).map_err(|_| fault)?;
    let minor = i64::try_from(amount.minor()).map_err(|_| fault)?;
    SignedAmount::new(sign * minor).ok_or(fault)
}

/// SHA-256 over lines that end with a line feed each.
#[derive(Default)]
struct LineDigest(Sha256);

impl LineDigest {
    fn add(&mut self, line: &[u8]) {
        self.0.update(line);
        self.0.update(b"\n");
    }

    fn finish(self) -> String {
        base16ct::lower::encode_string(&self.0.finalize())
    }
}
