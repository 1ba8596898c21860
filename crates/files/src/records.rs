//! Streams the records of a delimited text file (RFC 4180).
//!
//! The `csv` crate writes our files, but does not read them: it silently accepts text after a
//! closing quote and a quote that is never closed. Both can swallow whole lines into one field, so
//! that an order loses an item and becomes a parcel with a smaller amount. It also has no limit on
//! the length of a record. A test reads the same files with both.

use std::io::{self, BufRead};
use std::str;
use std::sync::Arc;

use encoding_rs::Encoding;
use zeroize::Zeroize;

mod text;

use text::TextSource;
pub use text::not_text;

/// Well above any real order with its notes and addresses.
pub const RECORD_BYTES_MAX: usize = 1 << 20;
pub const FIELDS_MAX: usize = 4_096;
/// Physical lines of a file, and records of an import.
pub const LINES_MAX: u32 = 1_000_000_000;

/// How MySQL and Hive write a field without a value.
const NULL: &str = "\\N";

/// Why reading a file stopped.
#[derive(Debug)]
pub enum RecordError {
    Io(io::Error),
    /// The kind of file that its first bytes show.
    NotText(&'static str),
    /// `line` counts from 1, `byte` from 0 at the start of the file.
    Malformed {
        line: u32,
        byte: u64,
        encoding: &'static str,
    },
    /// Above [`RECORD_BYTES_MAX`]; the line where the record starts.
    TooLong {
        line: u32,
    },
    /// Above [`FIELDS_MAX`]; the line where the record starts.
    TooManyFields {
        line: u32,
    },
    /// Above [`LINES_MAX`].
    TooManyLines,
    /// Text after the closing quote of a field that runs over several lines.
    QuoteRunsOn {
        opened: u32,
        line: u32,
    },
    QuoteNeverClosed {
        opened: u32,
    },
}

pub struct RecordReader<R> {
    source: TextSource<R>,
    delimiter: u8,
    /// The current record. Fields are split and unquoted in place, so it only gets shorter.
    bytes: Vec<u8>,
    fields: Vec<(usize, usize)>,
    lines: u32,
    /// The lines of the current record as they are in the file, if they are kept.
    raw: Option<Vec<u8>>,
    /// The file has card numbers: what was read is wiped.
    wipes: bool,
}

impl<R> Drop for RecordReader<R> {
    fn drop(&mut self) {
        if self.wipes {
            self.bytes.zeroize();
        }
    }
}

#[derive(Clone, Copy)]
pub struct Record<'r> {
    /// The physical line where the record starts, counted from 1.
    pub line: u32,
    /// Text follows a closing quote on the same line.
    pub misquoted: bool,
    bytes: &'r [u8],
    fields: &'r [(usize, usize)],
}

impl Record<'_> {
    /// The number of fields, at least one.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// The fields of a header.
    pub fn names(&self) -> Vec<Arc<str>> {
        (0..self.len()).map(|place| Arc::from(self.get(place))).collect()
    }

    /// A field, trimmed; empty if the record has no such field or the field is `\N`.
    pub fn get(&self, place: usize) -> &str {
        let (start, end) = self.fields.get(place).copied().unwrap_or((0, 0));
        // The text is UTF-8, and fields are split at ASCII bytes only.
        let text = str::from_utf8(&self.bytes[start..end]).unwrap_or_default();
        let text = text.trim_matches([' ', '\t']);
        if text == NULL { "" } else { text }
    }
}

impl<R: BufRead> RecordReader<R> {
    /// A byte-order mark overrides `encoding`, and a first line such as `sep=;`, which Excel reads,
    /// overrides `delimiter`.
    pub fn new(input: R, encoding: &'static Encoding, delimiter: u8) -> RecordReader<R> {
        let (source, bytes, fields) = (TextSource::new(input, encoding), Vec::new(), Vec::new());
        RecordReader { source, delimiter, bytes, fields, lines: 0, raw: None, wipes: false }
    }

    /// Keeps the lines of each record for [`RecordReader::raw`].
    pub fn keeping_raw(mut self) -> RecordReader<R> {
        self.raw = Some(Vec::new());
        self
    }

    /// Wipes each record before the next one, because it can have a card number.
    pub fn wiping(mut self) -> RecordReader<R> {
        self.wipes = true;
        self.source.wipes = true;
        self
    }

    /// The current record as it is in the file, in UTF-8, without its last line end.
    pub fn raw(&self) -> &[u8] {
        let raw = self.raw.as_deref().unwrap_or_default();
        let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
        raw.strip_suffix(b"\r").unwrap_or(raw)
    }

    /// The delimiter of the file, once its first record is read.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Skips blank records. `None` at the end of the file.
    pub fn next(&mut self) -> Result<Option<Record<'_>>, RecordError> {
        let (line, misquoted) = loop {
            if self.wipes {
                self.bytes.zeroize();
            }
            self.bytes.clear();
            self.fields.clear();
            if let Some(raw) = &mut self.raw {
                raw.clear();
            }
            let line = self.lines + 1;
            if !self.append_line(line)? {
                return Ok(None);
            }
            if line == 1
                && let Some(delimiter) = named_delimiter(&self.bytes)
            {
                self.delimiter = delimiter;
                continue;
            }
            let misquoted = self.cut(line)?;
            if misquoted || !self.is_blank() {
                break (line, misquoted);
            }
        };
        Ok(Some(Record { line, misquoted, bytes: &self.bytes, fields: &self.fields }))
    }

    /// The record has only spaces and delimiters.
    fn is_blank(&self) -> bool {
        let space = |byte: &u8| matches!(byte, b' ' | b'\t');
        self.fields.iter().all(|&(start, end)| self.bytes[start..end].iter().all(space))
    }

    /// Appends the next physical line with its line end. `false` at the end of the file.
    fn append_line(&mut self, record_line: u32) -> Result<bool, RecordError> {
        if self.lines == 0 {
            self.source.begin()?;
        }
        let start = self.bytes.len();
        let room = (RECORD_BYTES_MAX + 1).saturating_sub(start);
        if !self.source.append_line(&mut self.bytes, room, self.lines.saturating_add(1))? {
            return Ok(false);
        }
        if self.bytes.len() > RECORD_BYTES_MAX {
            return Err(RecordError::TooLong { line: record_line });
        }
        if self.lines == LINES_MAX {
            return Err(RecordError::TooManyLines);
        }
        self.lines += 1;
        if let Some(raw) = &mut self.raw {
            raw.extend_from_slice(&self.bytes[start..]);
        }
        Ok(true)
    }

    /// Splits the record in `bytes` into fields, and appends lines while a quoted field is open.
    /// Returns whether text followed a closing quote.
    fn cut(&mut self, record_line: u32) -> Result<bool, RecordError> {
        enum Place {
            FieldStart,
            Plain,
            Quoted,
            AfterQuote,
        }
        let (mut place, mut misquoted, mut opened) = (Place::FieldStart, false, record_line);
        // Unquoting only removes bytes, so `write` never overtakes `read`.
        let (mut read, mut write, mut start) = (0, 0, 0);
        loop {
            if read == self.bytes.len() {
                if !matches!(place, Place::Quoted) {
                    break;
                }
                if !self.append_line(record_line)? {
                    return Err(RecordError::QuoteNeverClosed { opened });
                }
            }
            let byte = self.bytes[read];
            read += 1;
            match place {
                Place::Quoted if byte == b'"' => {
                    place = Place::AfterQuote;
                    continue;
                }
                Place::Quoted => {}
                Place::FieldStart if byte == b'"' => {
                    (place, opened) = (Place::Quoted, self.lines);
                    continue;
                }
                _ if byte == self.delimiter => {
                    self.end_field(start, write, record_line)?;
                    (place, start) = (Place::FieldStart, write);
                    continue;
                }
                _ if self.is_line_end(byte, read) => break,
                Place::AfterQuote if byte == b'"' => place = Place::Quoted,
                Place::AfterQuote if opened != self.lines => {
                    return Err(RecordError::QuoteRunsOn { opened, line: self.lines });
                }
                Place::AfterQuote => (place, misquoted) = (Place::Plain, true),
                Place::FieldStart | Place::Plain => place = Place::Plain,
            }
            self.bytes[write] = byte;
            write += 1;
        }
        self.end_field(start, write, record_line)?;
        Ok(misquoted)
    }

    /// A byte outside quotes ends the line if it is a line feed, or a carriage return before one.
    /// `next` is the index after the byte.
    fn is_line_end(&self, byte: u8, next: usize) -> bool {
        byte == b'\n' || byte == b'\r' && matches!(self.bytes.get(next), None | Some(b'\n'))
    }

    fn end_field(&mut self, start: usize, end: usize, line: u32) -> Result<(), RecordError> {
        if self.fields.len() == FIELDS_MAX {
            return Err(RecordError::TooManyFields { line });
        }
        self.fields.push((start, end));
        Ok(())
    }
}

/// The delimiter that a line such as `sep=;` names.
fn named_delimiter(line: &[u8]) -> Option<u8> {
    let line = str::from_utf8(line).ok()?.trim_end_matches(['\r', '\n']);
    let quoted = line.strip_prefix('"').and_then(|line| line.strip_suffix('"'));
    match quoted.unwrap_or(line).strip_prefix("sep=")?.as_bytes() {
        &[delimiter @ (b',' | b';' | b'\t' | b'|')] => Some(delimiter),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
