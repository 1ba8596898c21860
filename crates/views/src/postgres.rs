//! The views in a schema of PostgreSQL.

use std::collections::HashSet;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use journal::{ChainHash, JournalHead, Sequence};
use postgres::types::ToSql;
use postgres::{Client, Transaction};
use postgresql::Server;

use crate::error::ViewError;
use crate::read::VIEWS;
use crate::read::server::values_of;
use crate::rows::{Checkpoint, FORMAT, RowKey, Rows};
use crate::statements::{self, Dialect, Part};
use crate::store::Store;
use crate::table::ViewSpec;
use crate::value::ViewValue;

/// The schema of the views, and the one of a rebuild.
pub(crate) const SCHEMA_NAME: &str = "doorstep";
const NEW_SCHEMA_NAME: &str = "doorstep_new";
/// "Doorstep" in ASCII: of the lock by which only one process writes.
const LOCK: i64 = 0x446f_6f72_7374_6570;
/// The server ends the session of a process that has ended a moment later.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Writes the views.
pub struct PostgresViews {
    client: Client,
    schema: &'static str,
    checkpoint: Checkpoint,
    /// What is made when the journal's end is reached.
    missing: Vec<Part>,
    /// Reused.
    copied: Vec<u8>,
}

impl PostgresViews {
    /// Opens the views of the server, or begins new ones there.
    ///
    /// # Errors
    /// Another process writes them, the schema is something else or has another format, or the
    /// server refuses.
    pub fn open(client: Client) -> Result<PostgresViews, ViewError> {
        PostgresViews::in_schema(locked(client)?, SCHEMA_NAME)
    }

    /// Begins new ones beside those of the server.
    ///
    /// # Errors
    /// As [`PostgresViews::open`].
    pub fn begin_anew(client: Client) -> Result<PostgresViews, ViewError> {
        let mut client = locked(client)?;
        let failed = |source| ViewError::Postgres { doing: "open", source };
        // What an interrupted one left.
        let remove = format!("DROP SCHEMA IF EXISTS {NEW_SCHEMA_NAME} CASCADE");
        client.batch_execute(&remove).map_err(failed)?;
        PostgresViews::in_schema(client, NEW_SCHEMA_NAME)
    }

    fn in_schema(mut client: Client, schema: &'static str) -> Result<PostgresViews, ViewError> {
        let failed = |source| ViewError::Postgres { doing: "open", source };
        // A commit is not waited for: the views can be made anew.
        // Rows that end are sought by their key, whatever the server knows of the tables: while
        // they are made it knows nothing.
        let settings = format!(
            "SET search_path = {schema}; SET synchronous_commit = off; SET jit = off;
             SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off;
             SET enable_seqscan = off; SET enable_bitmapscan = off;
             SET maintenance_work_mem = '256MB'; SET work_mem = '256MB'; {}",
            statements::ended_tables()
        );
        client.batch_execute(&settings).map_err(failed)?;
        let there = "SELECT count(*) FROM pg_namespace WHERE nspname = $1";
        let there: i64 = client.query_one(there, &[&schema]).map_err(failed)?.get(0);
        if there == 0 {
            let mut transaction = client.transaction().map_err(failed)?;
            let tables = statements::tables(Dialect::Postgres);
            let all = format!("CREATE SCHEMA {schema};\n{tables}");
            transaction.batch_execute(&all).map_err(failed)?;
            let hash = JournalHead::default().hash;
            transaction
                .execute(statements::BEGIN_CHECKPOINT, &[&FORMAT, &hash.bytes().as_slice()])
                .map_err(failed)?;
            transaction.commit().map_err(failed)?;
        }
        let mut reading = client.transaction().map_err(failed)?;
        let checkpoint = read_checkpoint(&mut reading, schema)?;
        let parts = reading.query(statements::PARTS_IN_POSTGRES, &[&schema]).map_err(failed)?;
        let parts: HashSet<String> = parts.iter().map(|row| row.get(0)).collect();
        reading.commit().map_err(failed)?;
        let mut missing = statements::parts(Dialect::Postgres);
        missing.retain(|part| !parts.contains(&part.name));
        Ok(PostgresViews { client, schema, checkpoint, missing, copied: Vec::new() })
    }
}

/// A connection for the views.
pub(crate) fn connected(server: &Server) -> Result<Client, ViewError> {
    let connected = server.connect("doorstep views");
    connected.map_err(|source| ViewError::Postgres { doing: "connect to", source })
}

/// A connection whose process alone writes.
fn locked(mut client: Client) -> Result<Client, ViewError> {
    let begun = Instant::now();
    loop {
        let locked = client
            .query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK])
            .map_err(|source| ViewError::Postgres { doing: "open", source })?;
        if locked.get(0) {
            return Ok(client);
        }
        if begun.elapsed() > LOCK_WAIT {
            return Err(ViewError::InUse);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Store for PostgresViews {
    fn checkpoint(&self) -> Checkpoint {
        self.checkpoint
    }

    fn holding(
        &mut self,
        view: &'static ViewSpec,
        key: RowKey,
    ) -> Result<Vec<ViewValue>, ViewError> {
        let failed = |source| ViewError::Postgres { doing: "read", source };
        let key: Vec<ViewValue> = key.values(view).collect();
        let key: Vec<&(dyn ToSql + Sync)> =
            key.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        let found = self.client.query_opt(&statements::holding(view), &key).map_err(failed)?;
        let found = found.ok_or(ViewError::NoRow { view: view.name })?;
        values_of(view.own_columns(), &found).map_err(failed)
    }

    fn write(&mut self, rows: &Rows, next: Checkpoint) -> Result<(), ViewError> {
        let failed = |source| ViewError::Postgres { doing: "write", source };
        let mut transaction = self.client.transaction().map_err(failed)?;
        self.checkpoint.is_that_of(read_checkpoint(&mut transaction, self.schema)?)?;
        let PostgresViews { missing, copied, .. } = self;
        write_rows(&mut transaction, rows, missing, copied).map_err(failed)?;
        let batch = next.head.sequence.number().cast_signed();
        let hash = next.head.hash.bytes();
        transaction
            .execute(
                statements::SET_CHECKPOINT,
                &[&batch, &hash.as_slice(), &next.at, &next.postings, &next.commands],
            )
            .map_err(failed)?;
        transaction.commit().map_err(failed)?;
        self.checkpoint = next;
        Ok(())
    }

    fn complete(&mut self, stop: &AtomicBool) -> Result<(), ViewError> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let failed = |source| ViewError::Postgres { doing: "complete", source };
        while let Some(part) = self.missing.first() {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let mut transaction = self.client.transaction().map_err(failed)?;
            transaction.batch_execute(&part.statements).map_err(failed)?;
            transaction.commit().map_err(failed)?;
            self.missing.remove(0);
        }
        // Readers' plans follow from it at once.
        let tables: Vec<&str> = VIEWS.iter().map(|view| view.name).collect();
        self.client.batch_execute(&format!("ANALYZE {}", tables.join(", "))).map_err(failed)
    }

    fn check(&mut self) -> Result<(), ViewError> {
        let failed = |source| ViewError::Postgres { doing: "read", source };
        let mut reading = self.client.transaction().map_err(failed)?;
        self.checkpoint.is_that_of(read_checkpoint(&mut reading, self.schema)?)
    }

    fn take_the_place(mut self: Box<Self>) -> Result<(), ViewError> {
        let failed = |source| ViewError::Postgres { doing: "replace", source };
        let all = format!(
            "BEGIN; DROP SCHEMA IF EXISTS {SCHEMA_NAME} CASCADE;
             ALTER SCHEMA {NEW_SCHEMA_NAME} RENAME TO {SCHEMA_NAME}; COMMIT"
        );
        self.client.batch_execute(&all).map_err(failed)
    }
}

pub(crate) fn read_checkpoint(
    transaction: &mut Transaction<'_>,
    schema: &'static str,
) -> Result<Checkpoint, ViewError> {
    let not_views = || ViewError::NotViews { path: schema.into() };
    let row = transaction.query_opt(statements::READ_CHECKPOINT, &[]).map_err(|_| not_views())?;
    let row = row.ok_or_else(not_views)?;
    let found: i64 = row.get(0);
    if found != FORMAT {
        return Err(ViewError::OtherFormat { path: schema.into(), found, expected: FORMAT });
    }
    let hash: Vec<u8> = row.get(2);
    let head = JournalHead {
        sequence: Sequence::new(row.get::<_, i64>(1).cast_unsigned()),
        hash: ChainHash::new(hash.try_into().map_err(|_| not_views())?),
    };
    Ok(Checkpoint { head, at: row.get(3), postings: row.get(4), commands: row.get(5) })
}

/// The binary form of COPY: a signature, two empty numbers, then the rows.
const COPY_BEGIN: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// In the place of a row's number of columns.
const COPY_END: [u8; 2] = (-1_i16).to_be_bytes();
/// In the place of a value's length.
const COPY_EMPTY: [u8; 4] = (-1_i32).to_be_bytes();

fn append_row<'v>(to: &mut Vec<u8>, row: impl Iterator<Item = &'v ViewValue>) {
    let begin = to.len();
    to.extend([0; 2]);
    let mut columns: i16 = 0;
    for value in row {
        columns += 1;
        match value {
            ViewValue::Empty => to.extend(COPY_EMPTY),
            ViewValue::Number(number) => append(to, &number.to_be_bytes()),
            ViewValue::Day(day) => append(to, day.bytes()),
            ViewValue::Parcel(parcel) => append(to, &parcel.bits().to_be_bytes()),
            ViewValue::Text(text) => append(to, text.as_bytes()),
        }
    }
    to[begin..begin + 2].copy_from_slice(&columns.to_be_bytes());
}

fn append(to: &mut Vec<u8>, value: &[u8]) {
    // The texts of the books are short.
    to.extend(i32::try_from(value.len()).unwrap_or(i32::MAX).to_be_bytes());
    to.extend(value);
}

fn write_rows(
    transaction: &mut Transaction<'_>,
    rows: &Rows,
    missing: &[Part],
    copied: &mut Vec<u8>,
) -> Result<(), postgres::Error> {
    for (view, rows) in rows.tables() {
        let name = view.name;
        let gathers = missing.iter().any(|part| part.name == name);
        let (changed, to) = match gathers {
            true => (&rows.gone, format!("{name}_gathered ({}, from_batch)", view.key.join(", "))),
            false => (&rows.ended, format!("ended_{name}")),
        };
        if !changed.is_empty() {
            for (key, batch) in changed {
                let row: Vec<ViewValue> =
                    key.values(view).chain([ViewValue::Number(*batch)]).collect();
                append_row(copied, row.iter());
            }
            copy(transaction, copied, &to)?;
            if !gathers {
                transaction.execute(&statements::end_together(view), &[])?;
            }
        }
        if rows.count > 0 {
            // It follows from the next row.
            let until = gathers.then_some(view.key.len() + 1);
            for row in rows.rows() {
                let known = row.iter().enumerate().filter(|(column, _)| Some(*column) != until);
                append_row(copied, known.map(|(_, value)| value));
            }
            let to = if gathers { format!("{name}_gathered") } else { name.to_owned() };
            copy(transaction, copied, &to)?;
        }
    }
    Ok(())
}

/// Writes what was appended, and empties it.
fn copy(
    transaction: &mut Transaction<'_>,
    rows: &mut Vec<u8>,
    table: &str,
) -> Result<(), postgres::Error> {
    let mut writer = transaction.copy_in(&format!("COPY {table} FROM STDIN (FORMAT binary)"))?;
    for part in [COPY_BEGIN, rows, &COPY_END] {
        // What fails here is said by `finish`.
        let _ = writer.write_all(part);
    }
    rows.clear();
    writer.finish().map(drop)
}
