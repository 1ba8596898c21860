//! Where the sealed records are: in the vault's file, or in a schema of PostgreSQL. Wrapped data
//! keys are in the file always, so that a copy of the server's tables opens nothing.
//!
//! A change of both is committed in the file first. A crash in between leaves a key without a
//! record, or sealed records without their key. Neither tells anything, and the same again
//! completes it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use postgres::{Client, Statement};
use postgresql::Server;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params_from_iter};

use crate::error::VaultError;
use crate::file;

const SCHEMA_NAME: &str = "doorstep_vault";
const FORMAT: i32 = 1;
const ID_BYTES: usize = 16;

/// Each commit is durable before it is acknowledged. Whoever waits for a lock or an answer has the
/// office wait too.
const SETTINGS: &str = "SET search_path = doorstep_vault; SET synchronous_commit = on;
    SET lock_timeout = '10s'; SET statement_timeout = '60s'; SET client_min_messages = warning";
const SCHEMA: &str = "
    CREATE SCHEMA doorstep_vault;
    CREATE TABLE doorstep_vault.vault (
        format INTEGER NOT NULL, id BYTEA NOT NULL, erasures_done BIGINT NOT NULL
    );
    CREATE TABLE doorstep_vault.records (
        subject TEXT COLLATE \"C\" NOT NULL,
        kind TEXT COLLATE \"C\" NOT NULL,
        digest BYTEA NOT NULL,
        approved INTEGER NOT NULL,
        nonce BYTEA NOT NULL,
        sealed BYTEA NOT NULL,
        PRIMARY KEY (subject, kind, digest)
    );";
/// Records that move from the file to the server in one transaction.
const MOVED_AT_ONCE: u32 = 1_000;
const SOME_RECORDS: &str =
    "SELECT subject, kind, digest, approved, nonce, sealed FROM records LIMIT ?1";
const REMOVE_MOVED: &str = "DELETE FROM records WHERE subject = ?1 AND kind = ?2 AND digest = ?3";
const SERVER_RECORDS: &str = "SELECT subject, kind, digest, approved, nonce, sealed FROM records
    ORDER BY subject, kind, digest LIMIT $1";
const REMOVE_FROM_SERVER: &str =
    "DELETE FROM records WHERE subject = $1 AND kind = $2 AND digest = $3";
const MOVE_BACK: &str = "INSERT OR REPLACE INTO records
    (subject, kind, digest, approved, nonce, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
/// Of the file's note on its server: its schema is there; all records are in the file again.
const BEGUN: u8 = 1;
const MOVED_BACK: u8 = 2;
const MOVE_RECORD: &str = "INSERT INTO records (subject, kind, digest, approved, nonce, sealed)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";

/// A value of a statement.
#[derive(Clone, Copy)]
pub enum RecordValue<'v> {
    Text(&'v str),
    Bytes(&'v [u8]),
}

/// A vault that is open.
pub struct OpenVault {
    file: Connection,
    path: PathBuf,
    records: Records,
}

#[allow(clippy::large_enum_variant, reason = "a vault has one")]
enum Records {
    InFile,
    OnServer(RecordServer),
    /// On a server that this process was not told of. Keys can be erased, records cannot be read.
    Away,
}

struct RecordServer {
    client: Client,
    statements: HashMap<&'static str, Statement>,
}

/// A change of the vault, or a look at it. Nothing is kept that is not committed.
pub struct VaultChange<'c> {
    pub file: rusqlite::Transaction<'c>,
    pub path: &'c Path,
    records: ChangedRecords<'c>,
}

enum ChangedRecords<'c> {
    InFile,
    OnServer(postgres::Transaction<'c>, &'c mut HashMap<&'static str, Statement>),
    Away,
}

fn on_server(doing: &'static str) -> impl Fn(postgres::Error) -> VaultError {
    move |source| VaultError::Server { doing, source }
}

impl OpenVault {
    /// Opens the vault's file, and the server. `None` if there is no file and `create` is false.
    pub fn open(
        path: &Path,
        server: Option<&Server>,
        create: bool,
    ) -> Result<Option<OpenVault>, VaultError> {
        let Some(file) = file::open(path, create)? else { return Ok(None) };
        let id = server_id(&file, path)?;
        let records = match (server, id) {
            (None, None | Some((_, MOVED_BACK))) => Records::InFile,
            (None, Some(_)) => Records::Away,
            (Some(server), id) => Records::OnServer(RecordServer::open(server, &file, id, path)?),
        };
        let mut opened = OpenVault { file, path: path.to_owned(), records };
        opened.move_to_server()?;
        Ok(Some(opened))
    }

    /// What the server has goes to the file, then its schema is removed. Returns how many records
    /// moved. After an interruption, whoever opens the vault with the server moves them all there.
    pub fn move_to_file(&mut self) -> Result<usize, VaultError> {
        let OpenVault { file, path, records } = self;
        let client = match records {
            Records::InFile => return Ok(0),
            Records::Away => return Err(VaultError::OnServer),
            Records::OnServer(server) => &mut server.client,
        };
        let failed = file::sqlite("write to", path);
        let mut moved = 0;
        loop {
            let mut from = client.transaction().map_err(on_server("read"))?;
            let some = from.query(SERVER_RECORDS, &[&i64::from(MOVED_AT_ONCE)]);
            let some = some.map_err(on_server("read"))?;
            let moving = rusqlite::Transaction::new_unchecked(file, TransactionBehavior::Immediate);
            let moving = moving.map_err(&failed)?;
            if some.is_empty() {
                let update = "UPDATE server SET begun = ?1";
                moving.execute(update, [MOVED_BACK]).map_err(&failed)?;
                moving.commit().map_err(&failed)?;
                break;
            }
            for row in &some {
                let (subject, kind): (&str, &str) = (row.get(0), row.get(1));
                let (digest, nonce, sealed): (&[u8], &[u8], &[u8]) =
                    (row.get(2), row.get(4), row.get(5));
                let approved: i32 = row.get(3);
                let values = (subject, kind, digest, approved, nonce, sealed);
                moving.execute(MOVE_BACK, values).map_err(&failed)?;
                let gone = from.execute(REMOVE_FROM_SERVER, &[&subject, &kind, &digest]);
                gone.map_err(on_server("write to"))?;
            }
            // The file is first: the same record there twice changes nothing.
            moving.commit().map_err(&failed)?;
            from.commit().map_err(on_server("write to"))?;
            moved += some.len();
        }
        let drop = format!("DROP SCHEMA IF EXISTS {SCHEMA_NAME} CASCADE");
        client.batch_execute(&drop).map_err(on_server("write to"))?;
        file.execute("DELETE FROM server", []).map_err(&failed)?;
        *records = Records::InFile;
        Ok(moved)
    }

    /// Whether the server ended the connection: it must be opened again.
    pub fn is_closed(&self) -> bool {
        matches!(&self.records, Records::OnServer(server) if server.client.is_closed())
    }

    /// Begins a change.
    pub fn change(&mut self) -> Result<VaultChange<'_>, VaultError> {
        self.begin(TransactionBehavior::Immediate)
    }

    /// Begins a look.
    pub fn look(&mut self) -> Result<VaultChange<'_>, VaultError> {
        self.begin(TransactionBehavior::Deferred)
    }

    fn begin(&mut self, behavior: TransactionBehavior) -> Result<VaultChange<'_>, VaultError> {
        let OpenVault { file, path, records } = self;
        let records = match records {
            Records::InFile => ChangedRecords::InFile,
            Records::Away => ChangedRecords::Away,
            Records::OnServer(RecordServer { client, statements }) => {
                let begun = client.transaction().map_err(on_server("reach"))?;
                ChangedRecords::OnServer(begun, statements)
            }
        };
        let file = rusqlite::Transaction::new_unchecked(file, behavior);
        let file = file.map_err(file::sqlite("write to", path))?;
        Ok(VaultChange { file, path, records })
    }

    /// What the file still has goes to the server, and then out of the file.
    fn move_to_server(&mut self) -> Result<(), VaultError> {
        let Records::OnServer(RecordServer { client, statements }) = &mut self.records else {
            return Ok(());
        };
        let failed = file::sqlite("write to", &self.path);
        loop {
            let moving =
                rusqlite::Transaction::new_unchecked(&self.file, TransactionBehavior::Immediate);
            let moving = moving.map_err(&failed)?;
            let some = records_of(&moving).map_err(&failed)?;
            if some.is_empty() {
                return Ok(());
            }
            let mut to = client.transaction().map_err(on_server("write to"))?;
            for (names, approved, blobs) in &some {
                let [subject, kind] = names;
                let [digest, nonce, sealed] = blobs;
                let add = prepared(&mut to, statements, MOVE_RECORD)?;
                to.execute(&add, &[subject, kind, digest, approved, nonce, sealed])
                    .map_err(on_server("write to"))?;
                moving.execute(REMOVE_MOVED, (subject, kind, digest)).map_err(&failed)?;
            }
            // Here the server is first: the same record there twice changes nothing.
            to.commit().map_err(on_server("write to"))?;
            moving.commit().map_err(&failed)?;
        }
    }
}

type FileRecord = ([String; 2], i32, [Vec<u8>; 3]);

fn records_of(file: &Connection) -> rusqlite::Result<Vec<FileRecord>> {
    let mut select = file.prepare_cached(SOME_RECORDS)?;
    let rows = select.query_map([MOVED_AT_ONCE], |row| {
        let names = [row.get(0)?, row.get(1)?];
        Ok((names, row.get(3)?, [row.get(2)?, row.get(4)?, row.get(5)?]))
    })?;
    rows.collect()
}

/// The id that the file and its server share, and [`BEGUN`], [`MOVED_BACK`] or 0.
type ServerId = ([u8; ID_BYTES], u8);

fn server_id(file: &Connection, path: &Path) -> Result<Option<ServerId>, VaultError> {
    let select = "SELECT id, begun FROM server";
    let row = file.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?)));
    row.optional().map_err(file::sqlite("read", path))
}

impl RecordServer {
    fn open(
        server: &Server,
        file: &Connection,
        id: Option<ServerId>,
        path: &Path,
    ) -> Result<RecordServer, VaultError> {
        let failed = file::sqlite("write to", path);
        let mut client = server.connect("doorstep vault").map_err(on_server("connect to"))?;
        let (id, begun) = match id {
            Some(id) => id,
            None => {
                let mut id = [0; ID_BYTES];
                getrandom::fill(&mut id).map_err(VaultError::NoRandomness)?;
                let insert = "INSERT INTO server (id, begun) VALUES (?1, 0)";
                file.execute(insert, [&id]).map_err(&failed)?;
                (id, 0)
            }
        };
        let there = "SELECT count(*) FROM pg_namespace WHERE nspname = $1";
        let there = client.query_one(there, &[&SCHEMA_NAME]).map_err(on_server("read"))?;
        if there.get::<_, i64>(0) == 0 {
            if begun == BEGUN {
                return Err(VaultError::ServerHasNone { server: server.to_string() });
            }
            let done: i64 = file
                .query_row("SELECT done FROM erasures", [], |row| row.get(0))
                .map_err(file::sqlite("read", path))?;
            let mut making = client.transaction().map_err(on_server("write to"))?;
            making.batch_execute(SCHEMA).map_err(on_server("write to"))?;
            let insert = "INSERT INTO doorstep_vault.vault (format, id, erasures_done)
                VALUES ($1, $2, $3)";
            making
                .execute(insert, &[&FORMAT, &id.as_slice(), &done])
                .map_err(on_server("write to"))?;
            making.commit().map_err(on_server("write to"))?;
        }
        client.batch_execute(SETTINGS).map_err(on_server("read"))?;
        let select = "SELECT format, id FROM vault";
        let row = client.query_one(select, &[]).map_err(on_server("read"))?;
        if row.get::<_, i32>(0) != FORMAT || row.get::<_, &[u8]>(1) != id {
            return Err(VaultError::OtherVaultOnServer { server: server.to_string() });
        }
        if begun != BEGUN {
            file.execute("UPDATE server SET begun = ?1", [BEGUN]).map_err(&failed)?;
        }
        Ok(RecordServer { client, statements: HashMap::new() })
    }
}

fn prepared(
    transaction: &mut postgres::Transaction<'_>,
    statements: &mut HashMap<&'static str, Statement>,
    statement: &'static str,
) -> Result<Statement, VaultError> {
    if let Some(known) = statements.get(statement) {
        return Ok(known.clone());
    }
    let prepared = transaction.prepare(statement).map_err(on_server("read"))?;
    statements.insert(statement, prepared.clone());
    Ok(prepared)
}

impl VaultChange<'_> {
    /// Whether its records are on a server that this process was not told of.
    pub fn is_away(&self) -> bool {
        matches!(self.records, ChangedRecords::Away)
    }

    /// Carries out a statement on the records. Returns how many it changed.
    pub fn change_records(
        &mut self,
        statement: &'static str,
        values: &[RecordValue<'_>],
    ) -> Result<usize, VaultError> {
        match &mut self.records {
            ChangedRecords::Away => Err(VaultError::OnServer),
            ChangedRecords::InFile => {
                let changed = self.file.prepare_cached(statement);
                let changed = changed.and_then(|mut one| one.execute(params_from_iter(values)));
                changed.map_err(file::sqlite("write to", self.path))
            }
            ChangedRecords::OnServer(transaction, statements) => {
                let statement = prepared(transaction, statements, statement)?;
                let values: Vec<_> = values.iter().map(RecordValue::on_server).collect();
                let changed = transaction.execute(&statement, &values);
                let changed = changed.map_err(on_server("write to"))?;
                Ok(usize::try_from(changed).unwrap_or(usize::MAX))
            }
        }
    }

    /// The blobs of the first record that a statement finds.
    pub fn find_record<const N: usize>(
        &mut self,
        statement: &'static str,
        values: &[RecordValue<'_>],
    ) -> Result<Option<[Vec<u8>; N]>, VaultError> {
        match &mut self.records {
            ChangedRecords::Away => Err(VaultError::OnServer),
            ChangedRecords::InFile => {
                let failed = file::sqlite("read", self.path);
                let mut select = self.file.prepare_cached(statement).map_err(&failed)?;
                let row = select.query_row(params_from_iter(values), |row| {
                    let mut found = [const { Vec::new() }; N];
                    for (at, to) in found.iter_mut().enumerate() {
                        *to = row.get(at)?;
                    }
                    Ok(found)
                });
                row.optional().map_err(&failed)
            }
            ChangedRecords::OnServer(transaction, statements) => {
                let statement = prepared(transaction, statements, statement)?;
                let values: Vec<_> = values.iter().map(RecordValue::on_server).collect();
                let row = transaction.query_opt(&statement, &values);
                let row = row.map_err(on_server("read"))?;
                Ok(row.map(|row| std::array::from_fn(|at| row.get(at))))
            }
        }
    }

    /// Subject, kind and digest of each record that a statement finds.
    pub fn find_names(
        &mut self,
        statement: &'static str,
        values: &[RecordValue<'_>],
    ) -> Result<Vec<(String, String, Vec<u8>)>, VaultError> {
        match &mut self.records {
            ChangedRecords::Away => Err(VaultError::OnServer),
            ChangedRecords::InFile => {
                let failed = file::sqlite("read", self.path);
                let mut select = self.file.prepare_cached(statement).map_err(&failed)?;
                let rows = select.query_map(params_from_iter(values), |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                });
                rows.and_then(Iterator::collect).map_err(&failed)
            }
            ChangedRecords::OnServer(transaction, statements) => {
                let statement = prepared(transaction, statements, statement)?;
                let values: Vec<_> = values.iter().map(RecordValue::on_server).collect();
                let rows = transaction.query(&statement, &values).map_err(on_server("read"))?;
                Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
            }
        }
    }

    /// How many of the listed erasures the keys and the records have gone through: the fewest and
    /// the most. On a server the records can come from another backup than the file.
    pub fn erasures_done(&mut self) -> Result<(u32, u32), VaultError> {
        let in_file = self.keys_erased()?;
        match &mut self.records {
            ChangedRecords::InFile | ChangedRecords::Away => Ok((in_file, in_file)),
            ChangedRecords::OnServer(transaction, _) => {
                let row = transaction.query_one("SELECT erasures_done FROM vault", &[]);
                let done: i64 = row.map_err(on_server("read"))?.get(0);
                let on_server = u32::try_from(done).unwrap_or(u32::MAX);
                Ok((in_file.min(on_server), in_file.max(on_server)))
            }
        }
    }

    /// How many of the listed erasures the keys have gone through.
    pub fn keys_erased(&self) -> Result<u32, VaultError> {
        let done = self.file.query_row("SELECT done FROM erasures", [], |row| row.get(0));
        done.map_err(file::sqlite("read", self.path))
    }

    pub fn set_erasures_done(&mut self, done: u32) -> Result<(), VaultError> {
        let update = "UPDATE erasures SET done = ?1";
        self.file.execute(update, [done]).map_err(file::sqlite("write to", self.path))?;
        if let ChangedRecords::OnServer(transaction, _) = &mut self.records {
            let update = "UPDATE vault SET erasures_done = $1";
            transaction.execute(update, &[&i64::from(done)]).map_err(on_server("write to"))?;
        }
        Ok(())
    }

    /// Keeps the change, durably: first the file.
    pub fn commit(self) -> Result<(), VaultError> {
        self.file.commit().map_err(file::sqlite("write to", self.path))?;
        match self.records {
            ChangedRecords::InFile | ChangedRecords::Away => Ok(()),
            ChangedRecords::OnServer(transaction, _) => {
                transaction.commit().map_err(on_server("write to"))
            }
        }
    }
}

impl RecordValue<'_> {
    fn on_server(&self) -> &(dyn postgres::types::ToSql + Sync) {
        match self {
            RecordValue::Text(text) => text,
            RecordValue::Bytes(bytes) => bytes,
        }
    }
}

impl rusqlite::ToSql for RecordValue<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            RecordValue::Text(text) => text.to_sql(),
            RecordValue::Bytes(bytes) => bytes.to_sql(),
        }
    }
}
