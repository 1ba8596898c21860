//! Reads the views of a server.

use books::ParcelId;
use postgres::types::{IsNull, ToSql, Type, accepts, to_sql_checked};
use postgres::{Client, IsolationLevel, Row};
use postgresql::Server;

use super::query::Question;
use super::{EachRow, ReadViewError, Reading};
use crate::error::ViewError;
use crate::postgres::{SCHEMA_NAME, connected, read_checkpoint};
use crate::rows::{Checkpoint, STILL};
use crate::statements::BALANCE_AT;
use crate::table::{ColumnKind, ViewColumn};
use crate::value::ViewValue;

/// Rows that the server sends at a time.
const ROWS_AT_A_TIME: i32 = 2_000;
/// A question that takes longer is given up.
const SETTINGS: &str = "SET statement_timeout = '60s'; SET default_transaction_read_only = on";

pub struct ServerReader {
    client: Client,
}

impl std::fmt::Debug for ServerReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerReader").finish_non_exhaustive()
    }
}

fn failed(source: postgres::Error) -> ViewError {
    ViewError::Postgres { doing: "read", source }
}

impl ServerReader {
    pub fn open(server: &Server) -> Result<ServerReader, ViewError> {
        let mut client = connected(server)?;
        let settings = format!("SET search_path = {SCHEMA_NAME}; {SETTINGS}");
        client.batch_execute(&settings).map_err(failed)?;
        let mut reading = client.transaction().map_err(failed)?;
        read_checkpoint(&mut reading, SCHEMA_NAME)?;
        reading.commit().map_err(failed)?;
        Ok(ServerReader { client })
    }

    pub fn within(
        &mut self,
        run: &mut dyn FnMut(&mut dyn Reading) -> Result<(), ReadViewError>,
    ) -> Result<(), ReadViewError> {
        let begin = self.client.build_transaction().read_only(true);
        let begun = begin.isolation_level(IsolationLevel::RepeatableRead).start();
        let mut transaction = Transaction(begun.map_err(failed)?);
        run(&mut transaction)?;
        Ok(transaction.0.commit().map_err(failed)?)
    }
}

struct Transaction<'c>(postgres::Transaction<'c>);

impl Reading for Transaction<'_> {
    fn checkpoint(&mut self) -> Result<Checkpoint, ViewError> {
        read_checkpoint(&mut self.0, SCHEMA_NAME)
    }

    fn ask(&mut self, question: &Question, each: &mut EachRow<'_>) -> Result<(), ViewError> {
        let values: Vec<&(dyn ToSql + Sync)> =
            question.values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        let portal = self.0.bind(&question.text, &values).map_err(failed)?;
        loop {
            let rows = self.0.query_portal(&portal, ROWS_AT_A_TIME).map_err(failed)?;
            let last = rows.len() < ROWS_AT_A_TIME as usize;
            for row in rows {
                if each(values_of(question.columns.iter().copied(), &row).map_err(failed)?)
                    .is_break()
                {
                    return Ok(());
                }
            }
            if last {
                return Ok(());
            }
        }
    }

    fn balance(&mut self, account: i64, at: i64) -> Result<Option<i64>, ViewError> {
        let found = self.0.query_opt(BALANCE_AT, &[&account, &at]).map_err(failed)?;
        found.map(|row| row.try_get(0)).transpose().map_err(failed)
    }
}

pub(crate) fn values_of(
    columns: impl Iterator<Item = &'static ViewColumn>,
    row: &Row,
) -> Result<Vec<ViewValue>, postgres::Error> {
    let mut values = Vec::with_capacity(row.len());
    for (place, column) in columns.enumerate() {
        values.push(match column.kind {
            ColumnKind::Parcel => {
                let bytes: Option<&[u8]> = row.try_get(place)?;
                let bits = bytes.and_then(|bytes| bytes.try_into().ok());
                bits.map_or(ViewValue::Empty, |bits| {
                    ViewValue::Parcel(ParcelId::new(u128::from_be_bytes(bits)))
                })
            }
            kind if kind.is_text() => match row.try_get::<_, Option<String>>(place)? {
                Some(text) => ViewValue::text(text),
                None => ViewValue::Empty,
            },
            _ => match row.try_get::<_, Option<i64>>(place)? {
                Some(STILL) if column.kind == ColumnKind::Batch => ViewValue::Empty,
                None => ViewValue::Empty,
                Some(number) => ViewValue::Number(number),
            },
        });
    }
    Ok(values)
}

impl ToSql for ViewValue {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            ViewValue::Empty => Ok(IsNull::Yes),
            ViewValue::Number(number) => number.to_sql(kind, out),
            ViewValue::Text(text) => text.to_sql(kind, out),
            ViewValue::Day(day) => day.as_text().to_sql(kind, out),
            ViewValue::Parcel(id) => id.bits().to_be_bytes().as_slice().to_sql(kind, out),
        }
    }

    accepts!(INT8, TEXT, BYTEA);
    to_sql_checked!();
}
