//! The statements that write the views, made from their declaration. A test prepares each.

use std::fmt::Write as _;

use crate::read::VIEWS;
use crate::rows::STILL;
use crate::table::{ColumnKind, IdentifierKind, IndexedRows, RowSpan, ViewColumn, ViewSpec};

pub const BEGIN_CHECKPOINT: &str =
    "INSERT INTO checkpoint (one, format, batch, hash, at, postings, commands)
     VALUES (1, $1, 0, $2, 0, 0, 0)";
pub const READ_CHECKPOINT: &str =
    "SELECT format, batch, hash, at, postings, commands FROM checkpoint";
pub const SET_CHECKPOINT: &str =
    "UPDATE checkpoint SET batch = $1, hash = $2, at = $3, postings = $4, commands = $5";

/// The tables and indexes that are there.
pub const PARTS_IN_SQLITE: &str = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'index')";
pub const PARTS_IN_POSTGRES: &str = "SELECT tablename::text FROM pg_tables WHERE schemaname = $1
     UNION ALL SELECT indexname::text FROM pg_indexes WHERE schemaname = $1";

/// The balance of an account at the end of a batch: debits less credits.
pub const BALANCE_AT: &str = include_str!("../sql/balance_at.sql");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    fn number(self) -> &'static str {
        match self {
            Dialect::Sqlite => "INTEGER",
            Dialect::Postgres => "BIGINT",
        }
    }

    fn bytes(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BLOB",
            Dialect::Postgres => "BYTEA",
        }
    }

    fn kind(self, kind: ColumnKind) -> &'static str {
        match (kind, self) {
            (ColumnKind::Parcel, _) => self.bytes(),
            // In the order of its bytes, as in SQLite.
            (kind, Dialect::Postgres) if kind.is_text() => "TEXT COLLATE \"C\"",
            (kind, Dialect::Sqlite) if kind.is_text() => "TEXT",
            _ => self.number(),
        }
    }

    fn end(self) -> &'static str {
        match self {
            Dialect::Sqlite => "\n) STRICT;\n",
            Dialect::Postgres => "\n);\n",
        }
    }
}

/// The columns by which no two rows of a table are equal.
fn unique(view: &'static ViewSpec) -> String {
    let mut columns = view.key.join(", ");
    if view.span == RowSpan::Between {
        columns.push_str(", from_batch");
    }
    columns
}

/// How the key of a table is used while rows are written.
enum Key {
    /// Rows that end are sought by it.
    Sought,
    /// Rows come in its order.
    Sorted,
    /// Only readers use it.
    Unsorted,
}

fn key_of(view: &'static ViewSpec) -> Key {
    let first = view.column(view.key[0]).map(|column| column.kind);
    match view.span {
        RowSpan::Between => Key::Sought,
        RowSpan::Since(_) => match (view.key.len(), first) {
            (1, Some(ColumnKind::Id(IdentifierKind::Account) | ColumnKind::Number)) => Key::Sorted,
            (_, Some(ColumnKind::Batch)) => Key::Sorted,
            _ => Key::Unsorted,
        },
    }
}

/// Whether new views gather the rows of a view as they come, and sort them at the end. Then no row
/// is sought while they are made, whose place is another one each time: that is what the making of
/// many parcels waited for. Such rows are always whole ([`crate::rows::Rows::hold`]).
#[must_use]
pub fn is_gathered(view: &'static ViewSpec) -> bool {
    matches!(view.name, "parcels" | "payments")
}

/// The table of a view, with its key if `keyed`.
fn table(view: &'static ViewSpec, dialect: Dialect, keyed: bool) -> String {
    let mut all = format!("CREATE TABLE {} (", view.name);
    for column in view.own_columns() {
        let kind = dialect.kind(column.kind);
        let _ = write!(all, "\n    {} {kind}", column.name);
        all.push_str(if column.optional { "," } else { " NOT NULL," });
    }
    if !keyed {
        all.pop();
        return all + dialect.end();
    }
    let _ = write!(all, "\n    PRIMARY KEY ({})", unique(view));
    match key_of(view) {
        // In the order of the key, and nowhere else.
        Key::Sorted if view.key.len() > 1 && dialect == Dialect::Sqlite => {
            all + "\n) STRICT, WITHOUT ROWID;\n"
        }
        _ => all + dialect.end(),
    }
}

/// The columns of a table of gathered rows: a row ends where the next one of its key begins.
pub fn gathered_columns(
    view: &'static ViewSpec,
) -> impl Iterator<Item = &'static ViewColumn> + Clone {
    view.own_columns().filter(|column| column.name != "until_batch")
}

/// The table of gathered rows. Of a thing that is nothing any more it has the key and the batch.
fn gathered_table(view: &'static ViewSpec, dialect: Dialect) -> String {
    let mut all = format!("CREATE TABLE {}_gathered (", view.name);
    for column in gathered_columns(view) {
        let _ = write!(all, "\n    {} {},", column.name, dialect.kind(column.kind));
    }
    all.pop();
    all + dialect.end()
}

/// The rows of a view, from those that were gathered.
fn from_gathered(view: &'static ViewSpec) -> String {
    let (name, key) = (view.name, view.key.join(", "));
    let columns: Vec<_> = view.own_columns().map(|column| column.name).collect();
    let gathered: Vec<_> = gathered_columns(view).map(|column| column.name).collect();
    // The first column that says something of the thing.
    let content = columns[view.key.len() + 2];
    format!(
        "SELECT {} FROM (SELECT {}, coalesce(lead(from_batch) OVER (PARTITION BY {key} \
         ORDER BY from_batch), {STILL}) AS until_batch FROM {name}_gathered) AS gathered \
         WHERE {content} IS NOT NULL",
        columns.join(", "),
        gathered.join(", "),
    )
}

/// All tables, before anything is written.
#[must_use]
pub fn tables(dialect: Dialect) -> String {
    let (number, bytes) = (dialect.number(), dialect.bytes());
    let mut all = format!(
        "CREATE TABLE checkpoint (
    one {number} PRIMARY KEY CHECK (one = 1),
    format {number} NOT NULL,
    batch {number} NOT NULL,
    hash {bytes} NOT NULL,
    at {number} NOT NULL,
    postings {number} NOT NULL,
    commands {number} NOT NULL{}",
        dialect.end()
    );
    for view in VIEWS {
        if is_gathered(view) {
            all.push_str(&gathered_table(view, dialect));
            // Readers find the rows there, slowly.
            let _ = writeln!(all, "CREATE VIEW {} AS {};", view.name, from_gathered(view));
        } else {
            all.push_str(&table(view, dialect, !matches!(key_of(view), Key::Unsorted)));
        }
    }
    all
}

/// A table or index that is made when the journal's end is reached, each in a transaction.
#[derive(Debug)]
pub struct Part {
    pub name: String,
    pub statements: String,
}

/// What new views lack: the tables of gathered rows, and what readers seek by.
#[must_use]
pub fn parts(dialect: Dialect) -> Vec<Part> {
    let mut all = Vec::new();
    for view in VIEWS.iter().filter(|view| is_gathered(view)) {
        let (name, key) = (view.name, view.key.join(", "));
        // In the order in which rows are added later, as most of the indexes want them.
        let statements = format!(
            "DROP VIEW {name};\n{}INSERT INTO {name} {} ORDER BY from_batch, {key};\n\
             DROP TABLE {name}_gathered;\nCREATE UNIQUE INDEX {name}_key ON {name} ({});\n",
            table(view, dialect, false),
            from_gathered(view),
            unique(view),
        );
        all.push(Part { name: name.to_owned(), statements });
    }
    for view in VIEWS {
        let name = view.name;
        if let Key::Unsorted = key_of(view) {
            let statements = format!("CREATE UNIQUE INDEX {name}_key ON {name} ({})", unique(view));
            all.push(Part { name: format!("{name}_key"), statements });
        }
        for index in view.indexes {
            let (name_of, columns) = (index.columns.join("_"), index.columns.join(", "));
            let end = match index.only {
                Some(IndexedRows::Current) => "_current",
                _ => "",
            };
            let name_of = format!("{name}_by_{name_of}{end}");
            let mut statements = format!("CREATE INDEX {name_of} ON {name} ({columns})");
            match index.only {
                Some(IndexedRows::Current) => {
                    let _ = write!(statements, " WHERE until_batch = {STILL}");
                }
                Some(IndexedRows::With(column)) => {
                    let _ = write!(statements, " WHERE {column} IS NOT NULL");
                }
                None => {}
            }
            all.push(Part { name: name_of, statements });
        }
    }
    all
}

/// Adds a gathered row.
#[must_use]
pub fn gather(view: &'static ViewSpec) -> String {
    insert(&format!("{}_gathered", view.name), gathered_columns(view).count())
}

/// Gathers the end of a thing. The values: the key, and the batch.
#[must_use]
pub fn gather_end(view: &'static ViewSpec) -> String {
    let (name, key) = (view.name, unique(view));
    insert(&format!("{name}_gathered ({key})"), view.key.len() + 1)
}

/// Adds a row of a view's own columns.
#[must_use]
pub fn add(view: &'static ViewSpec) -> String {
    insert(view.name, view.own_columns().count())
}

fn insert(into: &str, columns: usize) -> String {
    let mut all = format!("INSERT INTO {into} VALUES (");
    for place in 1..=columns {
        let _ = write!(all, "{}${place}", if place == 1 { "" } else { ", " });
    }
    all.push(')');
    all
}

/// Ends the row of a key that holds. The values: the batch, and the key.
#[must_use]
pub fn end(view: &'static ViewSpec) -> String {
    let mut all = format!("UPDATE {} SET until_batch = $1 WHERE ", view.name);
    for (place, column) in view.key.iter().enumerate() {
        let _ = write!(all, "{column} = ${} AND ", place + 2);
    }
    let _ = write!(all, "until_batch = {STILL}");
    all
}

/// The row of a key that holds: its own columns.
#[must_use]
pub fn holding(view: &'static ViewSpec) -> String {
    let columns: Vec<_> = view.own_columns().map(|column| column.name).collect();
    let mut all = format!("SELECT {} FROM {} WHERE ", columns.join(", "), view.name);
    for (place, column) in view.key.iter().enumerate() {
        let _ = write!(all, "{column} = ${} AND ", place + 1);
    }
    let _ = write!(all, "until_batch = {STILL}");
    all
}

/// The columns of a view's key.
pub fn key_columns(view: &'static ViewSpec) -> impl Iterator<Item = &'static ViewColumn> {
    view.key.iter().filter_map(|name| view.column(name))
}

/// PostgreSQL ends the rows of many keys together: these tables hold the keys and the batch.
#[must_use]
pub fn ended_tables() -> String {
    let mut all = String::new();
    for view in VIEWS.iter().filter(|view| view.span == RowSpan::Between) {
        let _ = write!(all, "CREATE TEMPORARY TABLE ended_{} (", view.name);
        for column in key_columns(view) {
            let _ = write!(all, "{} {}, ", column.name, Dialect::Postgres.kind(column.kind));
        }
        all.push_str("until_batch BIGINT) ON COMMIT DELETE ROWS;\n");
    }
    all
}

#[must_use]
pub fn end_together(view: &'static ViewSpec) -> String {
    let name = view.name;
    let mut all = format!(
        "UPDATE {name} SET until_batch = ended_{name}.until_batch FROM ended_{name} WHERE "
    );
    for column in view.key {
        let _ = write!(all, "{name}.{column} = ended_{name}.{column} AND ");
    }
    let _ = write!(all, "{name}.until_batch = {STILL}");
    all
}
