//! The two files: the outbox, and the notice book.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use vault::{PrivateFile, PrivateFileFault};

use crate::error::NoticeError;

/// What is to be sent and what was, in the data directory.
pub const OUTBOX_FILE: &str = "notices.sqlite";
/// Addresses, and the versions of the table, in the data directory.
pub const NOTICE_BOOK_FILE: &str = "notice-book.sqlite";

pub(crate) fn open(file: &PrivateFile, path: &Path) -> Result<Connection, NoticeError> {
    let of = || path.to_owned();
    let opened = file.open(path, true).map_err(|fault| match fault {
        PrivateFileFault::ReadableByOthers => NoticeError::ReadableByOthers(of()),
        PrivateFileFault::Foreign => NoticeError::NotOurs(of()),
        PrivateFileFault::Io { doing, source } => NoticeError::Io { doing, path: of(), source },
        PrivateFileFault::Sqlite(source) => sqlite("open", path)(source),
    });
    Ok(opened?.expect("it is made if there is none"))
}

pub(crate) fn sqlite(
    doing: &'static str,
    path: &Path,
) -> impl Fn(rusqlite::Error) -> NoticeError + use<> {
    let path: PathBuf = path.to_owned();
    move |source| NoticeError::Sqlite { doing, path: path.clone(), source }
}

/// Runs a change as a whole.
pub(crate) fn change<T>(
    connection: &Connection,
    path: &Path,
    change: impl FnOnce(&Transaction<'_>) -> Result<T, NoticeError>,
) -> Result<T, NoticeError> {
    let failed = sqlite("write to", path);
    let behavior = TransactionBehavior::Immediate;
    let transaction = Transaction::new_unchecked(connection, behavior).map_err(&failed)?;
    let done = change(&transaction)?;
    transaction.commit().map_err(&failed)?;
    Ok(done)
}

/// A time or number as SQLite keeps it.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
