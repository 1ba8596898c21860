//! What refuses an import as a whole.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::records::{FIELDS_MAX, LINES_MAX, RECORD_BYTES_MAX, RecordError};

use super::STATUSES_MAX;
use super::sources::FILES_MAX;

/// Why an import was refused as a whole: nothing was taken.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is nothing at the path, or it cannot be looked into.
    #[error(
        "{path} cannot be read: {source}; give an order file or the directory of one",
        path = path.display()
    )]
    NoSuchPath {
        /// The path as given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The profile reads several files and was given one.
    #[error(
        "the profile `{profile}` reads {files}, and {path} is one file; give the directory that \
         holds them", path = path.display()
    )]
    NeedsDirectory {
        /// The profile.
        profile: String,
        /// The path as given.
        path: PathBuf,
        /// The patterns of the files.
        files: String,
    },
    /// No file has a name that the profile looks for.
    #[error(
        "the profile `{profile}` looks for {wanted}{}, and there is none{}",
        directory.as_ref().map_or(String::new(), |path| format!(" in {}", path.display())),
        nearest.as_ref().map_or(String::new(), |name| format!("; `{name}` has a similar name"))
    )]
    FileMissing {
        /// The profile.
        profile: String,
        /// Where it was looked for, where that is a directory.
        directory: Option<PathBuf>,
        /// The patterns.
        wanted: String,
        /// The file with the nearest name.
        nearest: Option<String>,
    },
    /// A file has a name for the orders and for the items.
    #[error(
        "{path} could be the file of the orders and the file of the items; make the patterns of \
         the profile `{profile}` narrower",
        path = path.display()
    )]
    TwoParts {
        /// The profile.
        profile: String,
        /// The file.
        path: PathBuf,
    },
    /// More files than an import takes.
    #[error("more than {FILES_MAX} files; import them in several runs")]
    TooManyFiles,
    /// The profile names no seller and none was given.
    #[error(
        "the profile `{profile}` reads an export without sellers; give the seller whose orders \
         they are"
    )]
    NoSeller {
        /// The profile.
        profile: String,
    },
    /// The file system says no.
    #[error("{file} cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: Arc<str>,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing in the file, or blank lines only.
    #[error("{file} is empty; export it again, with its header line")]
    Empty {
        /// The file.
        file: Arc<str>,
    },
    /// The file is no text in UTF-8.
    #[error("{file} is {kind}; save it as CSV in UTF-8")]
    NotText {
        /// The file.
        file: Arc<str>,
        /// What it is.
        kind: &'static str,
    },
    /// A byte that is not UTF-8.
    #[error("{file}:{line}: byte {byte} of the file is not UTF-8; save it as CSV in UTF-8")]
    NotUtf8 {
        /// The file.
        file: Arc<str>,
        /// The line, counted from 1.
        line: u32,
        /// The place of the byte in the file, counted from 0.
        byte: u64,
    },
    /// Lines that end with a carriage return alone.
    #[error(
        "{file} ends its lines with a carriage return alone, as old Macintosh programs do; save \
         it as CSV with line feeds"
    )]
    LineEnds {
        /// The file.
        file: Arc<str>,
    },
    /// The header is separated by another character than the profile expects.
    #[error(
        "{file} is separated by {found}, the profile expects {expected}; export it with \
         {expected}, or change format.delimiter of the profile"
    )]
    WrongDelimiter {
        /// The file.
        file: Arc<str>,
        /// What separates its header.
        found: &'static str,
        /// What the profile says.
        expected: &'static str,
    },
    /// The header lacks a column. Other columns are named only where they are nearly the same:
    /// a file without a header begins with somebody's order.
    #[error(
        "{file} has no column {wanted}{}",
        nearest.as_ref().map_or(
            "; is its first line the header, and is the profile the right one?".to_owned(),
            |name| format!("; it has `{name}`: rename that, or change the profile")
        )
    )]
    MissingColumn {
        /// The file.
        file: Arc<str>,
        /// The names that the column may have.
        wanted: String,
        /// The nearest name in the header.
        nearest: Option<String>,
    },
    /// The header has a column twice.
    #[error("{file} has two columns `{column}`; which of them is meant cannot be told, rename one")]
    DoubleColumn {
        /// The file.
        file: Arc<str>,
        /// The column.
        column: String,
    },
    /// A record is longer than any order's.
    #[error(
        "{file}:{line}: this line goes on for more than {RECORD_BYTES_MAX} bytes; look for a \
         quotation mark that is never closed"
    )]
    RecordTooLong {
        /// The file.
        file: Arc<str>,
        /// The line where the record begins.
        line: u32,
    },
    /// A record has more fields than any export's.
    #[error("{file}:{line}: this line has more than {FIELDS_MAX} fields")]
    TooManyFields {
        /// The file.
        file: Arc<str>,
        /// The line where the record begins.
        line: u32,
    },
    /// There are more lines than are taken.
    #[error(
        "more than {LINES_MAX} lines, counted to the end of {file}; import them in several runs"
    )]
    TooManyLines {
        /// The file.
        file: Arc<str>,
    },
    /// A quoted field ran over several lines and then text followed its closing quote: some of
    /// those lines were orders, and it cannot be told which.
    #[error(
        "{file}:{line}: text follows the quotation mark that closes the one of line {opened}; a \
         quotation mark inside a field is written twice, look at both lines"
    )]
    QuoteRunsOn {
        /// The file.
        file: Arc<str>,
        /// The line where the field begins.
        opened: u32,
        /// The line where its quote closes.
        line: u32,
    },
    /// The file ends inside a quoted field.
    #[error(
        "{file}:{opened}: the quotation mark that opens here is never closed; is the file whole?"
    )]
    QuoteNeverClosed {
        /// The file.
        file: Arc<str>,
        /// The line where the field begins.
        opened: u32,
    },
    /// The column of the status has too many values to be one.
    #[error(
        "{file} has more than {STATUSES_MAX} different values in the column `{column}`; is it the \
         status?"
    )]
    TooManyStatuses {
        /// The file.
        file: Arc<str>,
        /// The column.
        column: String,
    },
}

impl ImportError {
    pub(super) fn of_record(file: &Arc<str>, error: RecordError) -> ImportError {
        let file = Arc::clone(file);
        match error {
            RecordError::Io(source) => ImportError::Unreadable { file, source },
            RecordError::NotText(kind) => ImportError::NotText { file, kind },
            RecordError::NotUtf8 { line, byte } => ImportError::NotUtf8 { file, line, byte },
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
