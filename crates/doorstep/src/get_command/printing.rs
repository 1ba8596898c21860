//! Prints rows of a view: as a table, as CSV, or as lines of JSON.

use std::io::{self, BufWriter, StdoutLock, Write, stdout};

use anyhow::bail;
use serde_json::{Map, Value};
use views::{ColumnKind, ViewColumn, ViewSpec};
use web::asked_views::add_cell;

use super::{GetRequest, ViewFormat};
use crate::looks::table::Table;
use crate::looks::{amount, columns as screen_columns};
use crate::remote::server::shown;
use crate::texts::filled;
use crate::words::{Lang, left, say, stdout_error_text};

/// Standard output. A reader that has closed it, as `head` does, ends the rows.
pub struct RowOutput(BufWriter<StdoutLock<'static>>);

impl RowOutput {
    pub fn new() -> RowOutput {
        RowOutput(BufWriter::with_capacity(64 << 10, stdout().lock()))
    }

    /// Whether more can be written.
    pub fn write(&mut self, bytes: &[u8]) -> anyhow::Result<bool> {
        let written = self.0.write_all(bytes);
        goes_on(written)
    }

    pub fn end(mut self) -> anyhow::Result<()> {
        goes_on(self.0.flush()).map(drop)
    }
}

fn goes_on(written: io::Result<()>) -> anyhow::Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => bail!(stdout_error_text(&error)),
    }
}

/// Columns that say between which batches a row holds.
const SPAN: [&str; 2] = ["from_batch", "until_batch"];

/// Prints rows one by one, but for a table, which is printed at the end.
pub struct RowPrinter {
    view: &'static ViewSpec,
    columns: Vec<&'static ViewColumn>,
    /// Somebody chose the columns: a table has them all.
    is_chosen: bool,
    format: ViewFormat,
    is_one: bool,
    output: RowOutput,
    /// The rows of a table.
    rows: Vec<Vec<Value>>,
    count: u64,
}

impl RowPrinter {
    pub fn new(asked: &GetRequest<'_>) -> RowPrinter {
        let is_row_of_table = asked.format == ViewFormat::Table && asked.key.is_none();
        // A table has little room.
        let hides = |column: &&ViewColumn| is_row_of_table && SPAN.contains(&column.name);
        let all = || asked.view.columns.iter().filter(|column| !hides(column)).collect();
        RowPrinter {
            view: asked.view,
            columns: asked.columns.clone().unwrap_or_else(all),
            is_chosen: asked.columns.is_some(),
            format: asked.format,
            is_one: asked.key.is_some(),
            output: RowOutput::new(),
            rows: Vec::new(),
            count: 0,
        }
    }

    pub fn columns(&self) -> &[&'static ViewColumn] {
        &self.columns
    }

    /// Prints a row that a server sent. It leaves out the columns that the key may not see.
    pub fn object(&mut self, row: &Map<String, Value>) -> anyhow::Result<bool> {
        if self.count == 0 {
            self.columns.retain(|column| row.contains_key(column.name));
        }
        let cells = self.columns.iter().map(|column| row.get(column.name).cloned());
        self.row(cells.map(Option::unwrap_or_default).collect())
    }

    /// Prints a row: a value for each column. Returns whether more can be printed.
    pub fn row(&mut self, cells: Vec<Value>) -> anyhow::Result<bool> {
        self.count += 1;
        match self.format {
            ViewFormat::Table => {
                self.rows.push(cells);
                Ok(true)
            }
            ViewFormat::Csv => {
                let mut line = if self.count == 1 { self.csv_head() } else { String::new() };
                for (place, cell) in cells.iter().enumerate() {
                    if place > 0 {
                        line.push(',');
                    }
                    add_cell(&mut line, cell);
                }
                line.push_str("\r\n");
                self.output.write(line.as_bytes())
            }
            ViewFormat::Json => {
                let names = self.columns.iter().map(|column| column.name.to_owned());
                let row: Map<String, Value> = names.zip(cells).collect();
                let line = Value::Object(row).to_string() + "\n";
                self.output.write(line.as_bytes())
            }
        }
    }

    fn csv_head(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|column| column.name).collect();
        names.join(",") + "\r\n"
    }

    /// Ends the rows. A table says as of which batch it is, and whether there are more rows.
    pub fn end(mut self, batch: u64, has_more: bool) -> anyhow::Result<()> {
        if self.count == 0 && self.format == ViewFormat::Csv {
            let head = self.csv_head();
            self.output.write(head.as_bytes())?;
        }
        self.output.end()?;
        if self.format != ViewFormat::Table {
            return Ok(());
        }
        let texts = self.rows.iter().map(|row| texts(&self.columns, row));
        if self.is_one {
            let width = self.columns.iter().map(|column| column.name.len()).max().unwrap_or(0);
            for (column, text) in self.columns.iter().zip(texts.flatten()) {
                say!("{}", format!("{}{text}", left(column.name, width + 2)).trim_end());
            }
        } else {
            let mut table = Table::new();
            for column in &self.columns {
                let is_extra = !self.is_chosen && !self.view.key.contains(&column.name);
                table = table.column(column.name, is_number(column), is_extra);
            }
            texts.for_each(|row| table.row(row));
            table.print(screen_columns());
        }
        let lang = Lang::current();
        say!("{}", filled(lang, "get.as_of", &[("batch", &batch)]));
        if has_more {
            say!("{}", filled(lang, "get.more", &[("count", &self.count)]));
        }
        Ok(())
    }
}

fn is_number(column: &ViewColumn) -> bool {
    use ColumnKind as K;
    matches!(column.kind, K::Amount { .. } | K::MinorUnits | K::Number | K::Batch)
}

/// The cells of a row for people: amounts in major units where the row says of which currency.
fn texts(columns: &[&'static ViewColumn], row: &[Value]) -> Vec<String> {
    let currency = |name: &str| {
        let place = columns.iter().position(|column| column.name == name)?;
        row[place].as_str()
    };
    let text = |column: &ViewColumn, value: &Value| match (column.kind, value) {
        (_, Value::Null) => String::new(),
        (ColumnKind::Amount { currency: of }, Value::Number(minor)) => {
            match (minor.as_i64(), currency(of)) {
                (Some(minor), Some(code)) => amount(minor.into(), code),
                _ => minor.to_string(),
            }
        }
        (_, Value::String(text)) => shown(text),
        (_, other) => shown(&other.to_string()),
    };
    columns.iter().zip(row).map(|(column, value)| text(column, value)).collect()
}
