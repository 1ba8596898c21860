//! Reads the views of a file.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use books::ParcelId;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, ToSql, params_from_iter};

use super::query::Question;
use super::{EachRow, ReadViewError, Reading};
use crate::error::ViewError;
use crate::rows::{Checkpoint, STILL};
use crate::sqlite::{connect, read_checkpoint, sqlite};
use crate::statements::BALANCE_AT;
use crate::table::ColumnKind;
use crate::value::ViewValue;

const SETTINGS: &str = "PRAGMA query_only = ON; PRAGMA cache_size = -16384;
    PRAGMA trusted_schema = OFF;";

/// Instructions of SQLite between two looks at the time: some tens of microseconds.
const INSTRUCTIONS: i32 = 1_000;

/// When a question is ended. `None`: never.
type Deadline = Arc<Mutex<Option<Instant>>>;

#[derive(Debug)]
pub struct FileReader {
    connection: Connection,
    deadline: Deadline,
    path: PathBuf,
    /// Device and number of the file.
    file: (u64, u64),
}

struct Transaction<'f> {
    connection: &'f Connection,
    path: &'f Path,
}

fn number_of(path: &Path) -> Result<(u64, u64), ViewError> {
    let found = std::fs::metadata(path);
    let file = |source| ViewError::File { doing: "open", path: path.to_owned(), source };
    found.map(|found| (found.dev(), found.ino())).map_err(file)
}

impl FileReader {
    pub fn open(path: &Path) -> Result<FileReader, ViewError> {
        let file = number_of(path)?;
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let deadline = Deadline::default();
        let seen = deadline.clone();
        let is_over = move || {
            let until = *seen.lock().unwrap_or_else(PoisonError::into_inner);
            until.is_some_and(|until| Instant::now() >= until)
        };
        connection.progress_handler(INSTRUCTIONS, Some(is_over)).map_err(sqlite("open", path))?;
        connection.execute_batch(SETTINGS).map_err(sqlite("open", path))?;
        connection.set_prepared_statement_cache_capacity(64);
        read_checkpoint(&connection, path)?;
        Ok(FileReader { connection, deadline, path: path.to_owned(), file })
    }

    /// Questions end at this time with [`ReadViewError::TooLong`].
    pub fn end_at(&mut self, until: Option<Instant>) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    pub fn within(
        &mut self,
        run: &mut dyn FnMut(&mut dyn Reading) -> Result<(), ReadViewError>,
    ) -> Result<(), ReadViewError> {
        // A rebuild puts another file there.
        if number_of(&self.path)? != self.file {
            *self = FileReader::open(&self.path)?;
        }
        let (connection, path) = (&self.connection, self.path.as_path());
        let prepared = |text| {
            let statement = connection.prepare_cached(text);
            statement.and_then(|mut one| one.execute([])).map_err(sqlite("read", path))
        };
        prepared("BEGIN")?;
        let done = run(&mut Transaction { connection, path }).map_err(too_long);
        // Nothing was written: it only ends.
        prepared("COMMIT")?;
        done
    }
}

/// A question that was ended at its time.
fn too_long(error: ReadViewError) -> ReadViewError {
    match &error {
        ReadViewError::Views(ViewError::Sqlite { source, .. })
            if source.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) =>
        {
            ReadViewError::TooLong
        }
        _ => error,
    }
}

impl Reading for Transaction<'_> {
    fn checkpoint(&mut self) -> Result<Checkpoint, ViewError> {
        read_checkpoint(self.connection, self.path)
    }

    fn ask(&mut self, question: &Question, each: &mut EachRow<'_>) -> Result<(), ViewError> {
        let failed = sqlite("read", self.path);
        let mut statement = self.connection.prepare_cached(&question.text).map_err(&failed)?;
        let mut rows = statement.query(params_from_iter(&question.values)).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let mut values = Vec::with_capacity(question.columns.len());
            for (place, column) in question.columns.iter().enumerate() {
                values.push(value(column.kind, row.get_ref(place).map_err(&failed)?));
            }
            if each(values).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn balance(&mut self, account: i64, at: i64) -> Result<Option<i64>, ViewError> {
        let statement = self.connection.prepare_cached(BALANCE_AT);
        let found = statement.and_then(|mut statement| {
            statement.query_row((account, at), |row| row.get(0)).optional()
        });
        found.map_err(sqlite("read", self.path))
    }
}

pub(crate) fn value(kind: ColumnKind, found: ValueRef<'_>) -> ViewValue {
    match found {
        ValueRef::Integer(STILL) if kind == ColumnKind::Batch => ViewValue::Empty,
        ValueRef::Null | ValueRef::Real(_) => ViewValue::Empty,
        ValueRef::Integer(number) => ViewValue::Number(number),
        ValueRef::Text(text) => ViewValue::text(String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => match bytes.try_into() {
            Ok(bits) => ViewValue::Parcel(ParcelId::new(u128::from_be_bytes(bits))),
            Err(_) => ViewValue::Empty,
        },
    }
}

impl ToSql for ViewValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            ViewValue::Empty => ToSqlOutput::Borrowed(ValueRef::Null),
            ViewValue::Number(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            ViewValue::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            ViewValue::Day(day) => ToSqlOutput::Borrowed(ValueRef::Text(day.bytes())),
            ViewValue::Parcel(id) => {
                ToSqlOutput::Owned(rusqlite::types::Value::Blob(id.bits().to_be_bytes().to_vec()))
            }
        })
    }
}
