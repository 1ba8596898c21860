//! Statements that somebody else wrote: checked before they are asked.
//!
//! A statement is checked against empty tables of the same declaration, in SQLite: what it reads
//! and calls, that it only reads, and that each of its columns is there. So a statement is refused
//! for the same reason wherever the views are. Only what both dialects read in the same way is let
//! through.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use postgres::error::SqlState;
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::{Connected, ReadViewError, ViewReader};
use crate::catalog::VIEWS;
use crate::error::ViewError;
use crate::read::query::Question;
use crate::statements::{self, Dialect};
use crate::table::{ColumnKind, ViewColumn, column};
use crate::value::ViewValue;

/// Of a statement that is asked.
pub const ASKED_TEXT_BYTES_MAX: usize = 16 << 10;
/// A number that is not 0.
const NEVER: u8 = 1;
/// For an empty table; real ones have the time of who asks.
const EMPTY_TIME: Duration = Duration::from_secs(1);
const INSTRUCTIONS: i32 = 1_000;

/// What statements may call: the same in both dialects, and without floats.
const FUNCTIONS: [&str; 12] = [
    "abs",
    "coalesce",
    "count",
    "lag",
    "lead",
    "length",
    "max",
    "min",
    "nullif",
    "row_number",
    "substr",
    "sum",
];
/// Marks that the dialects read differently, or that begin a second statement.
const MARKS: [&str; 13] = [";", "--", "/*", "\\", "$", "`", "[", "]", "?", "@", "\"", "#", "::"];

/// What a statement is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedParameter {
    /// The first batch of the days.
    From,
    /// The last one of them.
    Until,
    /// Up to which things are known.
    Position,
    /// The last day.
    Day,
}

impl AskedParameter {
    const ALL: [(AskedParameter, &'static str); 4] = [
        (AskedParameter::From, "from"),
        (AskedParameter::Until, "until"),
        (AskedParameter::Position, "position"),
        (AskedParameter::Day, "day"),
    ];
}

/// The values of the parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedSpan {
    pub from: u64,
    pub until: u64,
    pub position: u64,
    pub day: String,
}

/// A column that a statement must have.
#[derive(Clone, Copy, Debug)]
pub enum AskedColumn {
    Text(&'static str),
    /// A whole number.
    Number(&'static str),
    /// A column of a view.
    Of(&'static ViewColumn),
}

impl AskedColumn {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AskedColumn::Text(name) | AskedColumn::Number(name) => name,
            AskedColumn::Of(column) => column.name,
        }
    }

    fn spec(self) -> &'static ViewColumn {
        static TEXT: ViewColumn = column("text", ColumnKind::Text, "of a statement");
        static NUMBER: ViewColumn = column("number", ColumnKind::Number, "of a statement");
        match self {
            AskedColumn::Text(_) => &TEXT,
            AskedColumn::Number(_) => &NUMBER,
            AskedColumn::Of(column) => column,
        }
    }
}

/// Why a statement is not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskedFault {
    #[error("the statement is longer than {ASKED_TEXT_BYTES_MAX} bytes; shorten it")]
    TooLong,
    #[error("the statement has `{0}`; leave it out: it is not the same in SQLite and PostgreSQL")]
    Mark(&'static str),
    #[error("the statement has a text without an end; close it with '")]
    OpenText,
    #[error("there is no parameter `:{0}`; use :from, :until, :position and :day")]
    Parameter(String),
    #[error("the statement does more than to read ({0}); write one SELECT")]
    Writes(&'static str),
    #[error(
        "the statement reads `{column}` of `{table}`, which its audience may not see; use other \
         views, or another audience"
    )]
    Forbidden { table: String, column: String },
    #[error("the statement calls `{name}`; use only {}", FUNCTIONS.join(", "))]
    Function { name: String },
    #[error("the statement is recursive, so it may never end; write it without WITH RECURSIVE")]
    Recursive,
    #[error("the statement did not end in a second on empty tables; simplify it")]
    NeverEnds,
    /// What SQLite says.
    #[error("the statement is not valid: {0}")]
    Invalid(String),
}

/// A statement that was checked.
#[derive(Clone, Debug)]
pub struct AskedStatement {
    text: String,
    columns: Vec<AskedColumn>,
    /// In the order in which they are bound.
    parameters: Vec<AskedParameter>,
}

impl AskedStatement {
    /// Whether its answer can change with what becomes known later.
    #[must_use]
    pub fn uses(&self, parameter: AskedParameter) -> bool {
        self.parameters.contains(&parameter)
    }
}

/// Whether a statement may read a column of a view.
pub type MayRead = fn(view: &str, column: &str) -> bool;

struct Seen {
    may_read: MayRead,
    fault: Option<AskedFault>,
    until: Option<Instant>,
}

/// The tables of the views, without a row.
pub struct EmptyTables {
    connection: Connection,
    seen: Arc<Mutex<Seen>>,
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a name is of a table, of SQLite's own ones, too.
fn is_table(name: &str) -> bool {
    let own = ["sqlite_", "json_", "pragma_", "checkpoint"];
    VIEWS.iter().any(|view| view.name == name) || own.iter().any(|own| name.starts_with(own))
}

fn judge(seen: &mut Seen, context: &AuthContext<'_>) -> Authorization {
    let fault = match context.action {
        AuthAction::Select => return Authorization::Allow,
        // Rows of a part of the statement itself are counted. Of a table SQLite says the same.
        AuthAction::Read { table_name, column_name: "" }
            if context.database_name.is_none() && !is_table(table_name) =>
        {
            return Authorization::Allow;
        }
        AuthAction::Read { table_name, column_name } => {
            if (seen.may_read)(table_name, column_name) {
                return Authorization::Allow;
            }
            let (table, column) = (table_name.to_owned(), column_name.to_owned());
            AskedFault::Forbidden { table, column }
        }
        AuthAction::Function { function_name } => {
            if FUNCTIONS.contains(&function_name.to_ascii_lowercase().as_str()) {
                return Authorization::Allow;
            }
            AskedFault::Function { name: function_name.to_owned() }
        }
        AuthAction::Recursive => AskedFault::Recursive,
        AuthAction::Insert { .. } => AskedFault::Writes("INSERT"),
        AuthAction::Update { .. } => AskedFault::Writes("UPDATE"),
        AuthAction::Delete { .. } => AskedFault::Writes("DELETE"),
        AuthAction::Pragma { .. } => AskedFault::Writes("PRAGMA"),
        _ => AskedFault::Writes("another kind of statement"),
    };
    seen.fault.get_or_insert(fault);
    Authorization::Deny
}

impl EmptyTables {
    /// # Errors
    /// SQLite cannot make them.
    pub fn new() -> Result<EmptyTables, ViewError> {
        let failed = |source| ViewError::Sqlite { doing: "make", path: ":memory:".into(), source };
        let connection = Connection::open_in_memory().map_err(failed)?;
        connection.execute_batch(&statements::tables(Dialect::Sqlite)).map_err(failed)?;
        for part in statements::parts(Dialect::Sqlite) {
            connection.execute_batch(&part.statements).map_err(failed)?;
        }
        let seen = Seen { may_read: |_, _| false, fault: None, until: None };
        let seen = Arc::new(Mutex::new(seen));
        let mut tables = EmptyTables { connection, seen };
        let seen = tables.seen.clone();
        let authorize = move |context: AuthContext<'_>| judge(&mut locked(&seen), &context);
        tables.connection.authorizer(Some(authorize)).map_err(failed)?;
        let seen = tables.seen.clone();
        let is_over = move || locked(&seen).until.is_some_and(|until| Instant::now() >= until);
        tables.connection.progress_handler(INSTRUCTIONS, Some(is_over)).map_err(failed)?;
        Ok(tables)
    }

    /// Checks a SELECT: it has these columns, and reads only what it may.
    ///
    /// # Errors
    /// Why it is not asked.
    pub fn check(
        &mut self,
        select: &str,
        columns: &[AskedColumn],
        may_read: MayRead,
    ) -> Result<AskedStatement, AskedFault> {
        let (select, parameters) = bound(select)?;
        let named: Vec<String> = columns
            .iter()
            .map(|column| match column {
                AskedColumn::Number(name) => format!("CAST({name} AS BIGINT)"),
                _ => column.name().to_owned(),
            })
            .collect();
        // A cast alone would cut off what is not whole.
        let changed: Vec<String> = columns
            .iter()
            .filter_map(|column| match column {
                AskedColumn::Number(name) => Some(format!("{name} <> CAST({name} AS BIGINT)")),
                _ => None,
            })
            .chain([format!("{NEVER} = 0")])
            .collect();
        let changed = format!("CASE WHEN {} THEN 1 ELSE 0 END", changed.join(" OR "));
        let named = named.join(", ");
        let text =
            format!("SELECT {named}, CAST({changed} AS BIGINT) FROM (\n{select}\n) AS asked");
        {
            let mut seen = locked(&self.seen);
            (seen.may_read, seen.fault) = (may_read, None);
            seen.until = Some(Instant::now() + EMPTY_TIME);
        }
        // Alone first: what closes the bracket is no SELECT.
        let asked = self.ask_empty(&select, parameters.len());
        let asked = asked.and_then(|()| self.ask_empty(&text, parameters.len()));
        if let Some(fault) = locked(&self.seen).fault.take() {
            return Err(fault);
        }
        asked?;
        Ok(AskedStatement { text, columns: columns.to_vec(), parameters })
    }

    fn ask_empty(&self, text: &str, parameters: usize) -> Result<(), AskedFault> {
        let fault = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::OperationInterrupted) => AskedFault::NeverEnds,
            _ => AskedFault::Invalid(message(&error)),
        };
        let mut statement = self.connection.prepare(text).map_err(fault)?;
        if !statement.readonly() {
            return Err(AskedFault::Writes("another kind of statement"));
        }
        let mut rows =
            statement.query(rusqlite::params_from_iter(vec![0_i64; parameters])).map_err(fault)?;
        while rows.next().map_err(fault)?.is_some() {}
        Ok(())
    }
}

/// SQLite's own words, without the statement.
fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(_, Some(said)) => said.clone(),
        other => other.to_string(),
    }
}

/// The text with its parameters as both dialects number them.
fn bound(select: &str) -> Result<(String, Vec<AskedParameter>), AskedFault> {
    if select.len() > ASKED_TEXT_BYTES_MAX {
        return Err(AskedFault::TooLong);
    }
    let (mut text, mut parameters) = (String::with_capacity(select.len() + 64), Vec::new());
    let mut rest = select.trim();
    while let Some(next) = rest.chars().next() {
        if next == '\'' {
            let end = rest[1..].find('\'').ok_or(AskedFault::OpenText)? + 2;
            if rest[..end].contains('\\') {
                return Err(AskedFault::Mark("\\"));
            }
            text.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        if let Some(mark) = MARKS.into_iter().find(|mark| rest.starts_with(mark)) {
            return Err(AskedFault::Mark(mark));
        }
        if next == ':' {
            let name = &rest[1..];
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let length = name.find(|c| !is_name(c)).unwrap_or(name.len());
            let (name, after) = name.split_at(length);
            let found = AskedParameter::ALL.iter().find(|(_, one)| *one == name);
            let (parameter, _) = found.ok_or_else(|| AskedFault::Parameter(name.to_owned()))?;
            let place = parameters.iter().position(|one| one == parameter).unwrap_or_else(|| {
                parameters.push(*parameter);
                parameters.len() - 1
            });
            let kind = if *parameter == AskedParameter::Day { "TEXT" } else { "BIGINT" };
            text.push_str(&format!("CAST(${} AS {kind})", place + 1));
            rest = after;
            continue;
        }
        text.push(next);
        rest = &rest[next.len_utf8()..];
    }
    Ok((text, parameters))
}

impl ViewReader {
    /// The rows of a statement, at most `rows_max`, and whether there are more. They are in no
    /// order. In a file it ends at the time with [`ReadViewError::TooLong`], on a server after a
    /// minute.
    ///
    /// # Errors
    /// The views cannot be read, or it takes too long.
    pub fn asked(
        &mut self,
        statement: &AskedStatement,
        span: &AskedSpan,
        rows_max: usize,
        time: Duration,
    ) -> Result<(Vec<Vec<ViewValue>>, bool), ReadViewError> {
        let values = statement.parameters.iter().map(|parameter| match parameter {
            AskedParameter::From => span.from.into(),
            AskedParameter::Until => span.until.into(),
            AskedParameter::Position => span.position.into(),
            AskedParameter::Day => ViewValue::text(span.day.clone()),
        });
        let question = Question {
            text: statement.text.clone(),
            values: values.collect(),
            columns: statement
                .columns
                .iter()
                .map(|column| column.spec())
                .chain([AskedColumn::Number("changed").spec()])
                .collect(),
            sorted_by: Vec::new(),
        };
        let ask = |reader: &mut ViewReader| {
            reader.read(None, |reading, _| {
                let (mut rows, mut has_more, mut is_whole) = (Vec::new(), false, true);
                let done = reading.ask(&question, &mut |mut row| {
                    is_whole &= row.pop() == Some(ViewValue::Number(0));
                    has_more = rows.len() >= rows_max;
                    if has_more {
                        return ControlFlow::Break(());
                    }
                    rows.push(row);
                    ControlFlow::Continue(())
                });
                done.map_err(too_long)?;
                if is_whole { Ok((rows, has_more)) } else { Err(ReadViewError::NotWhole) }
            })
        };
        let (answer, _) = match self.0 {
            Connected::File(_) => self.within(time, ask).expect("the views are in a file"),
            Connected::Server(_) => ask(self),
        }?;
        Ok(answer)
    }
}

/// What the server ended at its time.
fn too_long(error: ViewError) -> ReadViewError {
    match &error {
        ViewError::Postgres { source, .. } if source.code() == Some(&SqlState::QUERY_CANCELED) => {
            ReadViewError::TooLong
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: [AskedColumn; 1] = [AskedColumn::Number("value")];

    fn fault(select: &str) -> AskedFault {
        let mut tables = EmptyTables::new().unwrap();
        let may_read =
            |view: &str, column: &str| view == "parcels" && column != "seller" || view == "orders";
        tables.check(select, &VALUE, may_read).unwrap_err()
    }

    #[test]
    fn a_statement_that_does_more_than_read_its_views_is_refused() {
        use AskedFault as F;
        let forbidden = |table: &str, column: &str| F::Forbidden {
            table: table.to_owned(),
            column: column.to_owned(),
        };
        for (select, expected) in [
            ("DELETE FROM parcels", F::Writes("DELETE")),
            ("UPDATE parcels SET due = 0", F::Writes("UPDATE")),
            ("INSERT INTO parcels SELECT * FROM parcels", F::Writes("INSERT")),
            ("PRAGMA journal_mode", F::Writes("PRAGMA")),
            ("SELECT 1 AS value; DROP TABLE parcels", F::Mark(";")),
            ("SELECT 1 AS value -- ", F::Mark("--")),
            ("SELECT 1 AS value /* x */", F::Mark("/*")),
            ("SELECT $1 AS value", F::Mark("$")),
            ("SELECT 'a\\' AS value", F::Mark("\\")),
            ("SELECT '1 AS value", F::OpenText),
            ("SELECT :now AS value", F::Parameter("now".into())),
            ("SELECT count(*) AS value FROM persons", forbidden("persons", "")),
            ("SELECT seller AS value FROM parcels", forbidden("parcels", "seller")),
            ("SELECT count(*) AS value FROM sqlite_schema", forbidden("sqlite_schema", "")),
            ("WITH p AS (SELECT * FROM persons) SELECT 1 AS value FROM p", {
                forbidden("persons", "person")
            }),
            ("SELECT 1 AS value FROM json_each('[]')", forbidden("json_each", "")),
            ("SELECT random() AS value", F::Function { name: "random".into() }),
            ("SELECT pg_sleep(9) AS value", F::Invalid("no such function: pg_sleep".into())),
            ("SELECT dew AS value FROM parcels", F::Invalid("no such column: dew".into())),
            ("SELECT due FROM parcels", F::Invalid("no such column: value".into())),
            (
                "WITH RECURSIVE n AS (SELECT 1 AS value UNION ALL SELECT value + 1 FROM n) \
                 SELECT value FROM n",
                F::Recursive,
            ),
        ] {
            assert_eq!(fault(select), expected, "{select}");
        }
        assert!(matches!(fault("SELECT 1 AS value) AS x, (SELECT 2"), F::Invalid(_)));
        assert_eq!(fault(&"x".repeat(ASKED_TEXT_BYTES_MAX + 1)), F::TooLong);
    }

    #[test]
    fn a_parameter_is_bound_where_it_stands_and_texts_are_left_alone() {
        let (text, parameters) = bound(
            "SELECT ':day' AS a FROM parcels WHERE from_batch >= :from AND x < :from + :until",
        )
        .unwrap();
        assert_eq!(
            text,
            "SELECT ':day' AS a FROM parcels WHERE from_batch >= CAST($1 AS BIGINT) \
             AND x < CAST($1 AS BIGINT) + CAST($2 AS BIGINT)"
        );
        assert_eq!(parameters, [AskedParameter::From, AskedParameter::Until]);
    }
}
