//! Maps the errors of SQLite and the system to the few cases that matter.

use std::io;

use rusqlite::{ErrorCode, ffi};

/// Each holds the original message.
#[derive(Debug)]
pub(crate) enum StorageFault {
    /// The disk, a quota or a limit on file sizes is full.
    Full(String),
    /// The structure of the file is damaged, or a value has the wrong type.
    Damaged(String),
    /// Another process holds the lock.
    Busy,
    Other(String),
}

impl StorageFault {
    /// Call directly after SQLite has failed, on the same thread.
    pub(crate) fn from_sqlite(error: &rusqlite::Error) -> StorageFault {
        // SQLite reports only ENOSPC as full. For a quota or a limit on file sizes it reports an
        // I/O error, and rusqlite drops the errno, which is still this thread's last one.
        let system = io::Error::last_os_error();
        let what = describe(error);
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StorageFault::Full(what),
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) if is_full(&system) => {
                StorageFault::Full(system.to_string())
            }
            Some(_) if is_short(error) => StorageFault::Damaged("it is cut off".to_owned()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StorageFault::Damaged(what)
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StorageFault::Busy,
            Some(_) => StorageFault::Other(what),
            None if is_wrong_value(error) => StorageFault::Damaged(what),
            None => StorageFault::Other(what),
        }
    }

    pub(crate) fn from_io(error: &io::Error) -> StorageFault {
        if is_full(error) {
            StorageFault::Full(error.to_string())
        } else {
            StorageFault::Other(error.to_string())
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// A page beyond the end of the file.
fn is_short(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|code| code.extended_code == ffi::SQLITE_IOERR_SHORT_READ)
}

/// A value of another type or range than was written.
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
