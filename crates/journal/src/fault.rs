//! What went wrong below: SQLite's codes and the system's, brought to the few that matter.

use std::io;

use rusqlite::{ErrorCode, ffi};

/// What went wrong below, with the words of whoever said it.
#[derive(Debug)]
pub(crate) enum Fault {
    /// No room: disk, quota or a limit on file sizes.
    Full(String),
    /// The file's structure, or the type of a value in it.
    Damaged(String),
    /// Somebody else's lock.
    Busy,
    /// Anything else.
    Other(String),
}

impl Fault {
    /// Of an error that SQLite has returned just now, on this thread.
    pub(crate) fn of(error: &rusqlite::Error) -> Fault {
        // SQLite says "full" only of ENOSPC; a quota or a limit on file sizes is an I/O error to
        // it, and rusqlite does not hand the system's number on. It is still this thread's last.
        let system = io::Error::last_os_error();
        let what = describe(error);
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Fault::Full(what),
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) if is_full(&system) => {
                Fault::Full(system.to_string())
            }
            Some(_) if is_short(error) => Fault::Damaged("it is cut off".to_owned()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Fault::Damaged(what),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Fault::Busy,
            Some(_) => Fault::Other(what),
            None if is_wrong_value(error) => Fault::Damaged(what),
            None => Fault::Other(what),
        }
    }

    /// Of an error of the file system.
    pub(crate) fn of_io(error: &io::Error) -> Fault {
        if is_full(error) {
            Fault::Full(error.to_string())
        } else {
            Fault::Other(error.to_string())
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// A page behind the end of the file.
fn is_short(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|code| code.extended_code == ffi::SQLITE_IOERR_SHORT_READ)
}

/// A value of another type or range than the one that was written there.
fn is_wrong_value(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, QueryReturnedNoRows,
    };
    matches!(
        error,
        FromSqlConversionFailure(..)
            | IntegralValueOutOfRange(..)
            | InvalidColumnType(..)
            | QueryReturnedNoRows
    )
}

fn describe(error: &rusqlite::Error) -> String {
    match error.sqlite_error() {
        Some(code) => format!("{error}, SQLite code {}", code.extended_code),
        None => error.to_string(),
    }
}
