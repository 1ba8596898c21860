//! The views in a file of SQLite.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use journal::{ChainHash, JournalHead, LockedFile, Sequence};
use rusqlite::config::DbConfig;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
    params_from_iter,
};

use crate::error::ViewError;
use crate::read::VIEWS;
use crate::read::file::value;
use crate::rows::{Checkpoint, FORMAT, RowKey, Rows};
use crate::statements::{self, Dialect, Part};
use crate::store::Store;
use crate::table::ViewSpec;
use crate::value::ViewValue;

/// The file of the views in the data directory.
pub const VIEWS_FILE: &str = "views.sqlite";

/// "DSvw": tells the file from other SQLite files.
const APPLICATION_ID: i32 = 0x4453_7677;
/// How long another process may hold the file.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// The views can be made anew, so a power cut may lose the last transactions, whole: NORMAL.
/// The journal waits for the disk while the log is moved into the file: 16 MiB at a time.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4096; PRAGMA temp_store = FILE;
    PRAGMA threads = 2; PRAGMA trusted_schema = OFF;";

/// Of views that are made anew: a process that ends early leaves a file that the next one removes,
/// so nothing is kept to go back to.
const SETTINGS_ANEW: &str = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
    PRAGMA cache_size = -65536; PRAGMA temp_store = FILE; PRAGMA threads = 2;
    PRAGMA trusted_schema = OFF;";

/// While parts are made. SQLite sorts as much at a time as it may cache: 8 MiB stay in the caches
/// of a processor, and took three fifths of the time that 128 MiB took.
const SETTINGS_TO_SORT: &str = "PRAGMA cache_size = -8192";
const SETTINGS_SORTED: &str = "PRAGMA cache_size = -65536";

/// Writes the views.
#[derive(Debug)]
pub struct SqliteViews {
    connection: Connection,
    path: PathBuf,
    /// The file whose place it takes, if it is made anew.
    replaces: Option<PathBuf>,
    checkpoint: Checkpoint,
    /// What is made when the journal's end is reached.
    missing: Vec<Part>,
    _lock: LockedFile,
}

/// Takes the lock of the views at a path: only one process writes them.
fn lock(path: &Path) -> Result<LockedFile, ViewError> {
    let path = with_end(path, ".lock");
    let failed = |source| ViewError::File { doing: "open", path: path.clone(), source };
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
    LockedFile::try_lock(file.map_err(failed)?).map_err(|error| match error {
        TryLockError::WouldBlock => ViewError::InUse,
        TryLockError::Error(source) => failed(source),
    })
}

impl SqliteViews {
    /// Opens the views, or begins new ones.
    ///
    /// # Errors
    /// The file is something else, has another format, or cannot be opened. Another process writes
    /// it.
    pub fn open(path: &Path) -> Result<SqliteViews, ViewError> {
        SqliteViews::locked(path, None, lock(path)?)
    }

    /// Begins new ones beside those at a path.
    ///
    /// # Errors
    /// As [`SqliteViews::open`].
    pub fn begin_beside(path: &Path) -> Result<SqliteViews, ViewError> {
        let (lock, new) = (lock(path)?, with_end(path, ".new"));
        // What an interrupted one left.
        ["", "-wal", "-shm"].iter().try_for_each(|end| remove(&with_end(&new, end)))?;
        SqliteViews::locked(&new, Some(path.to_owned()), lock)
    }

    /// How far the views of a file are, whoever writes it.
    ///
    /// # Errors
    /// The file is something else, or cannot be read.
    pub fn checkpoint_of(path: &Path) -> Result<Checkpoint, ViewError> {
        read_checkpoint(&connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?, path)
    }

    fn locked(
        path: &Path,
        replaces: Option<PathBuf>,
        lock: LockedFile,
    ) -> Result<SqliteViews, ViewError> {
        let failed = sqlite("open", path);
        make_file(path)?;
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let settings = if replaces.is_some() { SETTINGS_ANEW } else { SETTINGS };
        connection.execute_batch(settings).map_err(|_| not_views(path))?;
        let id: i32 = connection
            .pragma_query_value(None, "application_id", |row| row.get(0))
            .map_err(&failed)?;
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(|_| not_views(path))?;
        if (id, tables) == (0, 0) {
            let behavior = TransactionBehavior::Immediate;
            let transaction = Transaction::new_unchecked(&connection, behavior).map_err(&failed)?;
            transaction.execute_batch(&statements::tables(Dialect::Sqlite)).map_err(&failed)?;
            let hash = JournalHead::default().hash;
            transaction
                .execute(statements::BEGIN_CHECKPOINT, params![FORMAT, hash.bytes()])
                .map_err(&failed)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(&failed)?;
            transaction.commit().map_err(&failed)?;
        } else if id != APPLICATION_ID {
            return Err(not_views(path));
        }
        connection.set_prepared_statement_cache_capacity(3 * VIEWS.len() + 4);
        let checkpoint = read_checkpoint(&connection, path)?;
        let mut missing = statements::parts(Dialect::Sqlite);
        let mut statement = connection.prepare(statements::PARTS_IN_SQLITE).map_err(&failed)?;
        let parts = statement.query_map([], |row| row.get(0)).and_then(Iterator::collect);
        let parts: HashSet<String> = parts.map_err(&failed)?;
        missing.retain(|part| !parts.contains(&part.name));
        drop(statement);
        let path = path.to_owned();
        Ok(SqliteViews { connection, path, replaces, checkpoint, missing, _lock: lock })
    }
}

impl Store for SqliteViews {
    fn checkpoint(&self) -> Checkpoint {
        self.checkpoint
    }

    fn holding(
        &mut self,
        view: &'static ViewSpec,
        key: RowKey,
    ) -> Result<Vec<ViewValue>, ViewError> {
        let failed = sqlite("read", &self.path);
        let statement = self.connection.prepare_cached(&statements::holding(view));
        let mut statement = statement.map_err(&failed)?;
        let found = statement.query_row(params_from_iter(key.values(view)), |row| {
            let columns = view.own_columns().enumerate();
            columns.map(|(place, column)| Ok(value(column.kind, row.get_ref(place)?))).collect()
        });
        found.optional().map_err(failed)?.ok_or(ViewError::NoRow { view: view.name })
    }

    fn write(&mut self, rows: &Rows, next: Checkpoint) -> Result<(), ViewError> {
        let failed = sqlite("write", &self.path);
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behavior).map_err(&failed)?;
        self.checkpoint.is_that_of(read_checkpoint(&transaction, &self.path)?)?;
        write_rows(&transaction, rows, &self.missing).map_err(&failed)?;
        let batch = number(next.head.sequence);
        let hash = next.head.hash;
        transaction
            .prepare_cached(statements::SET_CHECKPOINT)
            .and_then(|mut statement| {
                let values = (batch, hash.bytes(), next.at, next.postings, next.commands);
                statement.execute(values)
            })
            .map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        self.checkpoint = next;
        Ok(())
    }

    fn complete(&mut self, stop: &AtomicBool) -> Result<(), ViewError> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let failed = sqlite("complete", &self.path);
        self.connection.execute_batch(SETTINGS_TO_SORT).map_err(&failed)?;
        while let Some(part) = self.missing.first() {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let transaction = self.connection.transaction().map_err(&failed)?;
            transaction.execute_batch(&part.statements).map_err(&failed)?;
            transaction.commit().map_err(&failed)?;
            self.missing.remove(0);
        }
        self.connection.execute_batch(SETTINGS_SORTED).map_err(&failed)
    }

    fn check(&mut self) -> Result<(), ViewError> {
        let found = read_checkpoint(&self.connection, &self.path)?;
        self.checkpoint.is_that_of(found)
    }

    fn take_the_place(self: Box<Self>) -> Result<(), ViewError> {
        // The lock is held until the end.
        let SqliteViews { connection, path: own, replaces, _lock, .. } = *self;
        let Some(path) = replaces.as_deref() else { return Ok(()) };
        let failed = sqlite("complete", &own);
        connection.close().map_err(|(_, error)| failed(error))?;
        let durable = File::open(&own).and_then(|written| written.sync_all());
        durable.map_err(|source| ViewError::File {
            doing: "make durable",
            path: own.clone(),
            source,
        })?;
        let file = |doing| move |source| ViewError::File { doing, path: path.to_owned(), source };
        // The log of the old file would be taken for that of the new one.
        for end in ["-wal", "-shm"] {
            remove(&with_end(path, end))?;
        }
        fs::rename(&own, path).map_err(file("replace"))?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = File::open(directory.unwrap_or(Path::new(".")));
        directory.and_then(|directory| directory.sync_all()).map_err(file("make durable"))
    }
}

fn number(sequence: Sequence) -> i64 {
    sequence.number().cast_signed()
}

fn write_rows(
    transaction: &Transaction<'_>,
    rows: &Rows,
    missing: &[Part],
) -> rusqlite::Result<()> {
    for (view, rows) in rows.tables() {
        let gathers = missing.iter().any(|part| part.name == view.name);
        let (change, changed, add) = match gathers {
            true => (statements::gather_end(view), &rows.gone, statements::gather(view)),
            false => (statements::end(view), &rows.ended, statements::add(view)),
        };
        if !changed.is_empty() {
            let mut change = transaction.prepare_cached(&change)?;
            for (key, batch) in changed {
                let batch = std::iter::once(ViewValue::Number(*batch));
                if gathers {
                    change.execute(params_from_iter(key.values(view).chain(batch)))?;
                } else {
                    change.execute(params_from_iter(batch.chain(key.values(view))))?;
                }
            }
        }
        if rows.count > 0 {
            let mut add = transaction.prepare_cached(&add)?;
            // It follows from the next row.
            let until = gathers.then_some(view.key.len() + 1);
            for row in rows.rows() {
                let known = row.iter().enumerate().filter(|(column, _)| Some(*column) != until);
                for (place, (_, value)) in (1..).zip(known) {
                    match value {
                        ViewValue::Parcel(id) => {
                            let bytes = id.bits().to_be_bytes();
                            add.raw_bind_parameter(place, bytes.as_slice())?;
                        }
                        other => add.raw_bind_parameter(place, other)?,
                    }
                }
                add.raw_execute()?;
            }
        }
    }
    Ok(())
}

pub(crate) fn read_checkpoint(
    connection: &Connection,
    path: &Path,
) -> Result<Checkpoint, ViewError> {
    let mut statement =
        connection.prepare_cached(statements::READ_CHECKPOINT).map_err(|_| not_views(path))?;
    let read = statement
        .query_row([], |row| {
            let hash: [u8; 32] = row.get(2)?;
            let head = JournalHead {
                sequence: Sequence::new(row.get::<_, i64>(1)?.cast_unsigned()),
                hash: ChainHash::new(hash),
            };
            let (at, postings, commands) = (row.get(3)?, row.get(4)?, row.get(5)?);
            Ok((row.get(0)?, Checkpoint { head, at, postings, commands }))
        })
        .optional()
        .map_err(|_| not_views(path))?;
    match read {
        Some((FORMAT, checkpoint)) => Ok(checkpoint),
        Some((found, _)) => {
            Err(ViewError::OtherFormat { path: path.to_owned(), found, expected: FORMAT })
        }
        None => Err(not_views(path)),
    }
}

fn not_views(path: &Path) -> ViewError {
    ViewError::NotViews { path: path.to_owned() }
}

/// Makes an empty file that only its owner reads, if there is none.
fn make_file(path: &Path) -> Result<(), ViewError> {
    let file = |source| ViewError::File { doing: "create", path: path.to_owned(), source };
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(made) => made.sync_all().map_err(file),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(file(error)),
    }
}

pub(crate) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, ViewError> {
    let failed = sqlite("open", path);
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(&failed)?;
    connection.busy_timeout(BUSY_WAIT).map_err(&failed)?;
    // Else a statement with a bound LIMIT is planned anew each time that it is asked.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
    Ok(connection)
}

pub(crate) fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> Result<(), ViewError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(ViewError::File { doing: "remove", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

pub(crate) fn sqlite(doing: &'static str, path: &Path) -> impl Fn(rusqlite::Error) -> ViewError {
    let path = path.to_owned();
    move |source| {
        // SQLite says of ENOSPC only that the disk is full. Of a quota or a limit the errno does,
        // which is still this thread's last one.
        let system = io::Error::last_os_error();
        let is_full = matches!(system.kind(), ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge);
        let path = path.clone();
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => ViewError::Full { doing, path, what: source.to_string() },
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) if is_full => {
                ViewError::Full { doing, path, what: system.to_string() }
            }
            _ => ViewError::Sqlite { doing, path, source },
        }
    }
}
