//! Files of networks, wallets and banks: taken whole, or refused with all that is wrong.
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

pub mod bank_csv;
pub mod clearing;
pub mod plain_clearing;

/// Further faults are only counted.
pub const FAULTS_KEPT_MAX: usize = 1_000;
/// Items of a clearing file, or entries of a bank statement.
pub const ITEMS_MAX: usize = 1_000_000;

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
        "the lines are not those that were sent: their SHA-256 is another one; ask for the file \
         again"
    )]
    Digest,
    #[error("there are more than {ITEMS_MAX} lines; ask for the file in parts")]
    TooMany,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultyLine {
    /// The physical line, from 1.
    pub line: u32,
    pub column: Option<&'static str>,
    pub fault: FileFault,
}

impl fmt::Display for FaultyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
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
    fn add(&mut self, line: u32, column: Option<&'static str>, fault: FileFault) {
        match self.kept.len() < FAULTS_KEPT_MAX {
            true => self.kept.push(FaultyLine { line, column, fault }),
            false => self.more += 1,
        }
    }

    fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// A field's value, or its fault.
    fn keep<T>(
        &mut self,
        line: u32,
        column: &'static str,
        value: Result<T, FileFault>,
    ) -> Option<T> {
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
