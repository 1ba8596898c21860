//! Rows of the views of a server, over its API.

use std::io::{BufRead, BufReader, Read};

use serde_json::Value;
use web::POSITION;
use web::asked_views::path;

use super::printing::{RowOutput, RowPrinter};
use super::{GetRequest, ViewFormat};
use crate::remote::server::{JSON, RemoteServer};

/// Rows of a page.
const PAGE_ROWS: u32 = 1_000;
const BLOCK_BYTES: usize = 64 << 10;
/// Of a row of an export.
const LINE_BYTES_MAX: u64 = 1 << 20;
const LINES: &str = "application/x-ndjson";
const CSV: &str = "text/csv";

pub(super) fn show(server: &RemoteServer, asked: &GetRequest<'_>) -> anyhow::Result<()> {
    match (asked.key, asked.limit, &asked.columns) {
        (Some(key), ..) => show_one(server, asked, key),
        (None, Some(limit), _) => show_pages(server, asked, limit),
        (None, None, Some(_)) => show_lines(server, asked),
        (None, None, None) => copy_export(server, asked),
    }
}

/// A part of a path: what is not plain is percent-encoded.
fn encoded(part: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let encode = |byte: u8| match plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    part.bytes().map(encode).collect()
}

fn show_one(server: &RemoteServer, asked: &GetRequest<'_>, key: &str) -> anyhow::Result<()> {
    let path = format!("{}/{}", path(asked.view), encoded(key));
    let answer = server.get(&path, &asked.parameters, JSON)?;
    let batch = answer.number(POSITION.as_str()).unwrap_or(0);
    let row = server.json(answer)?;
    let mut printer = RowPrinter::new(asked);
    printer.object(row.as_object().ok_or_else(|| server.garbage())?)?;
    printer.end(batch, false)
}

/// Pages of a list until the limit, all as of one batch.
fn show_pages(server: &RemoteServer, asked: &GetRequest<'_>, limit: u32) -> anyhow::Result<()> {
    let (mut left, mut cursor, mut printer) = (limit, None, RowPrinter::new(asked));
    loop {
        let mut query = asked.parameters.clone();
        let rows = left.min(PAGE_ROWS);
        query.push(("limit".to_owned(), rows.to_string()));
        query.extend(cursor.map(|cursor| ("cursor".to_owned(), cursor)));
        let answer = server.get(&path(asked.view), &query, JSON)?;
        let batch = answer.number(POSITION.as_str()).unwrap_or(0);
        let page = server.json(answer)?;
        let items = page["items"].as_array().ok_or_else(|| server.garbage())?;
        if items.len() > rows as usize {
            return Err(server.garbage());
        }
        let mut goes_on = true;
        for item in items {
            goes_on &= printer.object(item.as_object().ok_or_else(|| server.garbage())?)?;
            left -= 1;
        }
        cursor = page["next"].as_str().map(str::to_owned);
        // A page without rows has no next one.
        if cursor.is_none() || left == 0 || items.is_empty() || !goes_on {
            return printer.end(batch, cursor.is_some());
        }
    }
}

/// An export with some of its columns.
fn show_lines(server: &RemoteServer, asked: &GetRequest<'_>) -> anyhow::Result<()> {
    let answer = server.get(&path(asked.view), &asked.parameters, LINES)?;
    let batch = answer.number(POSITION.as_str()).unwrap_or(0);
    let mut lines = BufReader::with_capacity(BLOCK_BYTES, answer.reader());
    let (mut line, mut printer) = (Vec::new(), RowPrinter::new(asked));
    loop {
        line.clear();
        let read = (&mut lines).take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        if read.map_err(|error| server.read_failed(error))? == 0 {
            return printer.end(batch, false);
        }
        let row: Option<Value> =
            serde_json::from_slice(&line).ok().filter(|_| line.ends_with(b"\n"));
        let row = row.as_ref().and_then(Value::as_object).ok_or_else(|| server.garbage())?;
        if !printer.object(row)? {
            return printer.end(batch, false);
        }
    }
}

/// An export as it comes, in constant memory. One that is cut off is an error.
fn copy_export(server: &RemoteServer, asked: &GetRequest<'_>) -> anyhow::Result<()> {
    let accept = if asked.format == ViewFormat::Csv { CSV } else { LINES };
    let mut from = server.get(&path(asked.view), &asked.parameters, accept)?.reader();
    let (mut block, mut output) = (vec![0; BLOCK_BYTES], RowOutput::new());
    loop {
        let read = from.read(&mut block).map_err(|error| server.read_failed(error));
        let read = match read {
            Ok(read) => read,
            Err(error) => {
                output.end()?;
                return Err(error);
            }
        };
        if read == 0 || !output.write(&block[..read])? {
            return output.end();
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_key_in_a_path_is_encoded() {
        assert_eq!(super::encoded("par_07~1"), "par_07~1");
        assert_eq!(super::encoded("a/b?c#d e+ü"), "a%2Fb%3Fc%23d%20e%2B%C3%BC");
    }
}
