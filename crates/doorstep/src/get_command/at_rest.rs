//! Rows of the views beside the books.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Context;
use office::fields::{KnownParties, WantedParty};
use views::ViewValue;
use views::read::{ListQuery, PAGE_ROWS_MAX, RowsOf, ViewReader};
use web::asked_views::{AskedKey, AskedList, json};

use super::printing::RowPrinter;
use super::{GetRequest, in_words};
use crate::data_directory::read_at_head;
use crate::private_files::check_books;
use crate::texts::text;
use crate::views_command::{place, read_error, reader_at};
use crate::words::Lang;

pub(super) fn show(
    data: &Path,
    config: Option<&Path>,
    asked: &GetRequest<'_>,
) -> anyhow::Result<()> {
    check_books(data)?;
    // Before a lock is put where there are no books.
    if !journal::has_journal(data) {
        read_at_head(data)?;
    }
    let place = place(data, config)?;
    let list = AskedList::new(asked.view, asked.parameters.iter().cloned()).map_err(in_words)?;
    let at = list.list_query(&KnownParties::default(), 1).ok().and_then(|query| query.at);
    let mut reader = reader_at(data, &place, at)?;
    match asked.key {
        Some(text) => show_one(data, &mut reader, asked, text),
        None => show_list(data, &mut reader, asked, &list),
    }
}

/// The parties that are named by their references.
fn known(data: &Path, wanted: &BTreeSet<WantedParty>) -> anyhow::Result<KnownParties> {
    Ok(match wanted.is_empty() {
        true => KnownParties::default(),
        false => KnownParties::of(read_at_head(data)?.books(), wanted),
    })
}

/// The values of a row in the printer's columns.
fn cells(
    printer: &RowPrinter,
    asked: &GetRequest<'_>,
    row: &[ViewValue],
) -> Vec<serde_json::Value> {
    let columns = printer.columns().iter();
    let value = |name| asked.view.place(name).and_then(|place| row.get(place));
    let cells = columns.map(|column| value(column.name).map(|value| json(column, value)));
    cells.map(Option::unwrap_or_default).collect()
}

fn show_one(
    data: &Path,
    reader: &mut ViewReader,
    asked: &GetRequest<'_>,
    text_of_key: &str,
) -> anyhow::Result<()> {
    let none = || text(Lang::current(), "get.no_row");
    let key = AskedKey::new(asked.view, text_of_key).context(none())?;
    let known = known(data, &key.wanted_parties())?;
    let values = key.values(&known).context(none())?;
    let at = asked.parameters.iter().find(|(name, _)| name == "at");
    let at = at.and_then(|(_, batch)| batch.parse().ok());
    let found = reader.detail(asked.view, &values, &RowsOf::Everyone, at).map_err(read_error)?;
    let (row, position) = (found.0.context(none())?, found.1);
    let mut printer = RowPrinter::new(asked);
    printer.row(cells(&printer, asked, &row))?;
    printer.end(position.batch, false)
}

fn show_list(
    data: &Path,
    reader: &mut ViewReader,
    asked: &GetRequest<'_>,
    list: &AskedList,
) -> anyhow::Result<()> {
    let known = known(data, &list.wanted_parties())?;
    let query = list.list_query(&known, PAGE_ROWS_MAX).map_err(in_words)?;
    // All pages are as of one batch.
    let at = reader.position().map_err(read_error)?.written;
    let query = ListQuery { at: query.at.or(Some(at)), ..query };
    let mut printer = RowPrinter::new(asked);
    let (mut left, mut has_more, mut failed) = (asked.limit, false, None);
    let position = reader.export(&query, &mut |row| {
        if left == Some(0) {
            has_more = true;
            return ControlFlow::Break(());
        }
        left = left.map(|left| left - 1);
        match printer.row(cells(&printer, asked, &row)) {
            Ok(true) => ControlFlow::Continue(()),
            Ok(false) => ControlFlow::Break(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    let position = position.map_err(read_error)?;
    failed.map_or(Ok(()), Err)?;
    printer.end(position.batch, has_more)
}
