//! A file of SQLite that is for its owner only. Where it has secrets, they are overwritten when
//! they are deleted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

/// How long another process may hold the file.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// Deleted content is overwritten with zeros. The rollback journal, which has the pages as they
/// were, is removed with each transaction, durably (EXTRA); a write-ahead log would keep old pages.
const SETTINGS: &str = "PRAGMA secure_delete = ON; PRAGMA journal_mode = DELETE;
    PRAGMA synchronous = EXTRA; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;";
/// Each transaction is durable, with one write.
const SETTINGS_WRITE_AHEAD: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;";

/// The length of SQLite's file header, and where the format and the program are in it,
/// <https://www.sqlite.org/fileformat.html#the_database_header>.
const HEADER_BYTES: usize = 100;
const FORMAT_AT: usize = 60;
const APPLICATION_AT: usize = 68;

/// What a file is.
#[derive(Debug)]
pub struct PrivateFile {
    /// Tells the file from other SQLite files.
    pub application_id: i32,
    pub format: i32,
    /// A write-ahead log is quicker and keeps old pages: for a file without secrets.
    pub write_ahead: bool,
    /// The statements that bring a file of an older format to the newest; format 0 is an empty
    /// file. `None` for a format that is not known.
    pub upgrade: fn(i32) -> Option<String>,
}

/// Why a file cannot be used.
#[derive(Debug)]
pub enum PrivateFileFault {
    ReadableByOthers,
    /// Of another program, or of a format that is not known.
    Foreign,
    Io {
        doing: &'static str,
        source: io::Error,
    },
    Sqlite(rusqlite::Error),
}

impl PrivateFile {
    /// The format of a file, newer ones included; `None` if there is no file. Changes nothing and
    /// takes no lock.
    ///
    /// # Errors
    /// It is something else, or it cannot be read.
    pub fn format_of(&self, path: &Path) -> Result<Option<i32>, PrivateFileFault> {
        let failed = |source| PrivateFileFault::Io { doing: "open", source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut header = Vec::with_capacity(HEADER_BYTES);
        file.take(HEADER_BYTES as u64).read_to_end(&mut header).map_err(failed)?;
        // A crash interrupted its creation.
        if header.is_empty() {
            return Ok(Some(0));
        }
        let number = |at: usize| {
            let bytes = header.get(at..at + 4)?.try_into().ok()?;
            Some(i32::from_be_bytes(bytes))
        };
        match (number(APPLICATION_AT), number(FORMAT_AT)) {
            (Some(id), Some(format)) if id == self.application_id || (id, format) == (0, 0) => {
                Ok(Some(format))
            }
            _ => Err(PrivateFileFault::Foreign),
        }
    }

    /// Opens the file. `None` if there is none and `create` is false.
    ///
    /// # Errors
    /// Others can read it, it is something else, or it cannot be read or made.
    pub fn open(&self, path: &Path, create: bool) -> Result<Option<Connection>, PrivateFileFault> {
        let io = |doing| move |source| PrivateFileFault::Io { doing, source };
        match fs::metadata(path) {
            Ok(found) if found.permissions().mode() & 0o077 != 0 => {
                return Err(PrivateFileFault::ReadableByOthers);
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound && !create => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut options = OpenOptions::new();
                let made = options.write(true).create_new(true).mode(0o600).open(path);
                made.and_then(|file| file.sync_all()).map_err(io("create"))?;
            }
            Err(error) => return Err(io("open")(error)),
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).map_err(PrivateFileFault::Sqlite)?;
        connection.busy_timeout(BUSY_WAIT).map_err(PrivateFileFault::Sqlite)?;
        // Else a statement with a bound LIMIT is planned anew each time that it is asked.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .map_err(PrivateFileFault::Sqlite)?;
        self.prepare(&connection)?;
        Ok(Some(connection))
    }

    /// Checks the file, and completes one whose creation a crash interrupted.
    fn prepare(&self, connection: &Connection) -> Result<(), PrivateFileFault> {
        let failed = PrivateFileFault::Sqlite;
        let settings = if self.write_ahead { SETTINGS_WRITE_AHEAD } else { SETTINGS };
        connection.execute_batch(settings).map_err(failed)?;
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        let statements = || match (
            number("application_id").map_err(failed)?,
            number("user_version").map_err(failed)?,
        ) {
            (id, format) if (id, format) == (self.application_id, self.format) => Ok(None),
            (id, format) if id == self.application_id && format > 0 || (id, format) == (0, 0) => {
                (self.upgrade)(format).map(Some).ok_or(PrivateFileFault::Foreign)
            }
            _ => Err(PrivateFileFault::Foreign),
        };
        if statements()?.is_none() {
            return Ok(());
        }
        let behavior = TransactionBehavior::Immediate;
        let transaction = Transaction::new_unchecked(connection, behavior).map_err(failed)?;
        // Another process may have been first.
        if let Some(statements) = statements()? {
            transaction.execute_batch(&statements).map_err(|_| PrivateFileFault::Foreign)?;
            let id = self.application_id;
            transaction.pragma_update(None, "application_id", id).map_err(failed)?;
            transaction.pragma_update(None, "user_version", self.format).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }
}
