//! Rows of the views beside the books.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use journal::{DataDirectory, ReadJournal};
use office::fields::{KnownParties, WantedParty};
use views::read::{ListQuery, PAGE_ROWS_MAX, ReadViewError, RowsOf, ViewReader};
use views::{Place, ViewError, ViewValue};
use web::asked_views::{AskedKey, AskedList, json};

use super::printing::RowPrinter;
use super::{GetRequest, in_words};
use crate::data_directory::read_at_head;
use crate::private_files::check_books;
use crate::texts::{filled, text};
use crate::views_command::{bring_up, place};
use crate::words::Lang;

/// How long the views may take that another process writes.
const WRITER_WAIT: Duration = Duration::from_secs(5);
const WRITER_POLL: Duration = Duration::from_millis(20);

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
    let mut reader = reader(data, &place, &list)?;
    match asked.key {
        Some(text) => show_one(data, &mut reader, asked, text),
        None => show_list(data, &mut reader, asked, &list),
    }
}

/// A reader of views that have what the books have, or the batch that is asked for.
fn reader(data: &Path, place: &Place, list: &AskedList) -> anyhow::Result<ViewReader> {
    let at = list.list_query(&KnownParties::default(), 1).ok().and_then(|query| query.at);
    if let (Some(at), Ok(mut reader)) = (at, ViewReader::open(place))
        && reader.position().is_ok_and(|position| position.written >= at)
    {
        return Ok(reader);
    }
    match bring_up(data, place, false) {
        Ok(_) => Ok(ViewReader::open(place)?),
        // A Doorstep that serves writes them, or somebody else who looks.
        Err(ViewError::InUse) => wait_for_writer(data, place),
        Err(error) => Err(error.into()),
    }
}

#[allow(clippy::print_stderr, reason = "a note beside the rows")]
fn wait_for_writer(data: &Path, place: &Place) -> anyhow::Result<ViewReader> {
    let mut journal = DataDirectory::open_shared(data)?.journal()?;
    let books = journal.head()?.sequence.number();
    let until = Instant::now() + WRITER_WAIT;
    loop {
        let opened = ViewReader::open(place);
        let is_late = Instant::now() >= until;
        match opened {
            Ok(mut reader) => {
                let written = reader.position().map_err(read_error)?.written;
                if written >= books {
                    return Ok(reader);
                }
                if is_late {
                    let values: [(&str, &dyn std::fmt::Display); 2] =
                        [("batch", &written), ("books", &books)];
                    eprintln!("{}", filled(Lang::current(), "get.behind", &values));
                    return Ok(reader);
                }
            }
            Err(error) if is_late => return Err(error.into()),
            Err(_) => {}
        }
        std::thread::sleep(WRITER_POLL);
    }
}

fn read_error(error: ReadViewError) -> anyhow::Error {
    match error {
        ReadViewError::Asked(error) => error.into(),
        ReadViewError::Views(error) => error.into(),
        // Nothing here has a time.
        error @ ReadViewError::TooLong => error.into(),
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
