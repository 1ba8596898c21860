//! Errors that refuse a whole import.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::records::{FIELDS_MAX, LINES_MAX, RECORD_BYTES_MAX, RecordError};
use crate::reference::ReferenceError;

use super::STATUSES_MAX;
use super::sources::FILES_MAX;

/// Why an import was refused. Nothing was taken.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(
        "{path} cannot be read: {source}; give an order file or its directory",
        path = path.display()
    )]
    NoSuchPath { path: PathBuf, source: io::Error },
    #[error(
        "the profile `{profile}` reads {files}, but {path} is one file; give the directory with \
         both", path = path.display()
    )]
    NeedsDirectory {
        profile: String,
        path: PathBuf,
        /// The patterns of the file names.
        files: String,
    },
    /// No file name matches the profile's patterns.
    #[error(
        "the profile `{profile}` needs a file {wanted}{}, but there is none{}",
        directory.as_ref().map_or(String::new(), |path| format!(" in {}", path.display())),
        nearest.as_ref().map_or(String::new(), |name| format!("; did you mean `{name}`?"))
    )]
    FileMissing {
        profile: String,
        /// The directory that was searched.
        directory: Option<PathBuf>,
        wanted: String,
        nearest: Option<String>,
    },
    /// A file name matches the patterns of both files.
    #[error(
        "{path} matches the orders pattern and the items pattern of the profile `{profile}`; make \
         the patterns narrower",
        path = path.display()
    )]
    AmbiguousFile { profile: String, path: PathBuf },
    #[error("more than {FILES_MAX} files; import them in several runs")]
    TooManyFiles,
    #[error(
        "the profile `{profile}` reads no sellers from the file; name the seller with --seller, or \
         map each vendor or shop to a seller with --sellers FILE"
    )]
    NoSeller { profile: String },
    #[error(
        "{file} names no currency and the profile `{profile}` has none; name it with --currency"
    )]
    NoCurrency { file: Arc<str>, profile: String },
    #[error(
        "the shop `{shop}` is not valid: {}",
        error.map_or(
            "write it without `/` and without spaces at its ends".to_owned(),
            |error| error.to_string()
        )
    )]
    Shop {
        shop: String,
        /// `None` for a name with `/` or with spaces at its ends.
        error: Option<ReferenceError>,
    },
    #[error(
        "{path} has no folders; each folder in it is a shop, named by the folder",
        path = path.display()
    )]
    NoShops { path: PathBuf },
    /// The export names no seller, and the file of sellers does not have the shop.
    #[error("the shop `{shop}` is not in the file of --sellers; add a line for it")]
    ShopNotMapped { shop: String },
    #[error("{file} changed while it was read; import again")]
    Changed { file: Arc<str> },
    #[error("{file} cannot be read: {source}")]
    Unreadable { file: Arc<str>, source: io::Error },
    /// An empty file, or only blank lines.
    #[error("{file} is empty; export it again, with its header line")]
    Empty { file: Arc<str> },
    #[error("{file} is {kind}; save it as CSV")]
    NotText {
        file: Arc<str>,
        /// The kind of file.
        kind: &'static str,
    },
    #[error(
        "{file} is UTF-16 text without a byte-order mark; name its encoding, utf-16le or utf-16be, \
         with --encoding"
    )]
    Utf16 { file: Arc<str> },
    #[error(
        "{file}:{line}: byte {byte} of the file is not {encoding}; name the file's encoding with \
         --encoding (gbk, big5, windows-1252, …), or save it as CSV in UTF-8"
    )]
    Malformed {
        file: Arc<str>,
        line: u32,
        /// The byte's position in the file, counted from 0.
        byte: u64,
        encoding: &'static str,
    },
    #[error(
        "{file} is separated by {found}, but the profile expects {expected}; export it with \
         {expected}, or change format.delimiter of the profile"
    )]
    WrongDelimiter {
        file: Arc<str>,
        /// The header's delimiter.
        found: &'static str,
        /// The profile's delimiter.
        expected: &'static str,
    },
    /// The header lacks a column. The error repeats a column name only if it is similar: a file
    /// without a header starts with a buyer's order (M12).
    #[error(
        "{file} has no column {wanted}{}",
        nearest.as_ref().map_or(
            "; check that its first line is the header and that the profile is right".to_owned(),
            |name| format!("; rename its column `{name}`, or change the profile")
        )
    )]
    MissingColumn {
        file: Arc<str>,
        /// The column's possible names.
        wanted: String,
        /// The most similar name in the header.
        nearest: Option<String>,
    },
    #[error("{file} has two columns `{column}`; rename the one that the profile does not mean")]
    DuplicateColumn { file: Arc<str>, column: String },
    #[error(
        "{file}:{line}: this record is longer than {RECORD_BYTES_MAX} bytes; look for a quotation \
         mark that is never closed"
    )]
    RecordTooLong {
        file: Arc<str>,
        /// The line where the record starts.
        line: u32,
    },
    #[error("{file}:{line}: this line has more than {FIELDS_MAX} fields; check the delimiter")]
    TooManyFields {
        file: Arc<str>,
        /// The line where the record starts.
        line: u32,
    },
    #[error("more than {LINES_MAX} lines up to the end of {file}; import them in several runs")]
    TooManyLines { file: Arc<str> },
    /// Text follows the closing quote of a field that runs over several lines. Some of those lines
    /// may be orders, so the file is refused.
    #[error(
        "{file}:{line}: text follows the quotation mark that closes the one of line {opened}; \
         check both lines, and double each quotation mark inside a field"
    )]
    QuoteRunsOn {
        file: Arc<str>,
        /// The line where the field starts.
        opened: u32,
        /// The line of the closing quote.
        line: u32,
    },
    #[error(
        "{file}:{opened}: this quotation mark is never closed; check that the file is complete"
    )]
    QuoteNeverClosed {
        file: Arc<str>,
        /// The line where the field starts.
        opened: u32,
    },
    #[error(
        "{file} has more than {STATUSES_MAX} different values in the status column `{column}`; \
         correct order.status of the profile"
    )]
    TooManyStatuses { file: Arc<str>, column: String },
}

impl ImportError {
    pub(crate) fn of_record(file: &Arc<str>, error: RecordError) -> ImportError {
        let file = Arc::clone(file);
        match error {
            RecordError::Io(source) => ImportError::Unreadable { file, source },
            RecordError::NotText(kind) => ImportError::NotText { file, kind },
            RecordError::Malformed { line, byte, encoding } => {
                ImportError::Malformed { file, line, byte, encoding }
            }
            RecordError::TooLong { line } => ImportError::RecordTooLong { file, line },
            RecordError::TooManyFields { line } => ImportError::TooManyFields { file, line },
            RecordError::TooManyLines => ImportError::TooManyLines { file },
            RecordError::QuoteRunsOn { opened, line } => {
                ImportError::QuoteRunsOn { file, opened, line }
            }
            RecordError::QuoteNeverClosed { opened } => {
                ImportError::QuoteNeverClosed { file, opened }
            }
        }
    }
}
